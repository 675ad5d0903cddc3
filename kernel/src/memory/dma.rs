//! What memory each device reaches, and by which addresses: `dma-ranges`, as the device table has them.
use abi::device_table::{DeviceTable, NODE_DMA_IDENTITY};
use abi::{PhysAddr, PhysRange, Status, status::Result};
use alloc::vec::Vec;

/// What a device reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All memory, by its physical address.
    All,
    /// The memory in these rows of [`Windows`], and no other.
    Rows {
        /// The first.
        first: u32,
        /// How many.
        count: u32,
    },
}

/// A stretch of memory as the devices of a bus see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    bus: u64,
    memory: PhysRange,
}

/// The windows of all buses, and which device is behind which.
#[derive(Debug, Default)]
pub struct Windows {
    rows: Vec<Row>,
    /// By index in the device table.
    nodes: Vec<Reach>,
}

impl Windows {
    /// The windows of a device table.
    ///
    /// # Errors
    /// `NO_MEMORY`; `INTERNAL` for a table that the ledger did not make. Bytes that are none are one without nodes.
    pub fn new(table: &[u8]) -> Result<Self> {
        let mut windows = Self::default();
        let Ok(table) = DeviceTable::new(table) else { return Ok(windows) };
        let header = table.header();
        windows.nodes.try_reserve_exact(header.nodes as usize).map_err(|_| Status::NO_MEMORY)?;
        windows.rows.try_reserve_exact(header.dma_ranges as usize).map_err(|_| Status::NO_MEMORY)?;
        for node in table.nodes() {
            let (record, known) = (&node.record, windows.rows.len() as u32);
            // Devices of one bus share its rows: the first of them brings them, in the table's order.
            if record.first_dma_range == known {
                for range in node.dma_ranges() {
                    let memory = PhysRange::new(PhysAddr(range.base), range.size);
                    windows.rows.push(Row { bus: range.bus, memory: memory.map_err(|_| Status::INTERNAL)? });
                }
            }
            windows.nodes.push(if record.flags & NODE_DMA_IDENTITY != 0 {
                Reach::All
            } else {
                Reach::Rows { first: record.first_dma_range, count: record.dma_ranges }
            });
        }
        Ok(windows)
    }

    /// What a device reaches. A number that is no node's stands for one without a bus that limits it.
    pub fn reach(&self, bti_id: u64) -> Reach {
        let index = usize::try_from(bti_id).ok();
        index.and_then(|index| self.nodes.get(index)).copied().unwrap_or(Reach::All)
    }

    /// Where memory for a device may lie: the `nth` window that it reaches.
    pub fn memory(&self, reach: Reach, nth: usize) -> Option<PhysRange> {
        match reach {
            Reach::All if nth == 0 => PhysRange::from_bounds(PhysAddr(0), PhysAddr(u64::MAX)),
            _ => self.rows(reach).get(nth).map(|row| row.memory),
        }
    }

    /// The address by which a device reaches a range, if it reaches all of it in a row.
    pub fn translate(&self, reach: Reach, range: PhysRange) -> Option<u64> {
        if reach == Reach::All {
            return Some(range.base().0);
        }
        self.rows(reach).iter().find_map(|row| {
            let offset = range.base().0.checked_sub(row.memory.base().0)?;
            row.memory.contains(range).then(|| row.bus.checked_add(offset)).flatten()
        })
    }

    fn rows(&self, reach: Reach) -> &[Row] {
        match reach {
            Reach::All => &[],
            Reach::Rows { first, count } => {
                let end = (first as usize).saturating_add(count as usize);
                self.rows.get(first as usize..end).unwrap_or(&[])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(base: u64, size: u64) -> PhysRange {
        PhysRange::new(PhysAddr(base), size).unwrap()
    }

    #[test]
    fn the_legacy_bus_of_a_pi_sees_its_first_gib_elsewhere() {
        let windows = Windows {
            rows: vec![Row { bus: 0xC000_0000, memory: range(0, 0x4000_0000) }],
            nodes: vec![Reach::All, Reach::Rows { first: 0, count: 1 }, Reach::Rows { first: 1, count: 0 }],
        };
        let legacy = windows.reach(1);
        assert_eq!(windows.translate(legacy, range(0x1000, 0x1000)), Some(0xC000_1000));
        assert_eq!(windows.translate(legacy, range(0x3FFF_F000, 0x1000)), Some(0xFFFF_F000));
        assert_eq!(windows.translate(legacy, range(0x3FFF_F000, 0x2000)), None, "it ends beyond");
        assert_eq!(windows.translate(legacy, range(0x4000_0000, 0x1000)), None);
        assert_eq!([0, 1].map(|nth| windows.memory(legacy, nth)), [Some(range(0, 0x4000_0000)), None]);
        assert_eq!(windows.translate(windows.reach(0), range(0x4000_0000, 0x1000)), Some(0x4000_0000));
        assert_eq!(windows.translate(windows.reach(2), range(0x1000, 0x1000)), None, "it reaches nothing");
        assert_eq!((windows.memory(windows.reach(2), 0), windows.reach(3)), (None, Reach::All));
    }

    #[test]
    fn what_is_no_table_limits_nobody() {
        assert_eq!(Windows::new(b"nothing").unwrap().reach(0), Reach::All);
    }
}
