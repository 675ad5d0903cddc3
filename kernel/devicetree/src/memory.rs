//! Memory, and the parts of it that are spoken for.

use crate::finding::{Finding, Flaw};
use crate::index::{Name, NodeId};
use crate::lookup::be_number;
use crate::tree::Tree;
use crate::window::{Place, Role};
use abi::{PhysAddr, PhysRange};

/// A range that a memory node names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryRegion {
    /// The memory node.
    pub node: NodeId,
    /// Where. Entries of size 0, which firmware should have filled in, are left out.
    pub range: PhysRange,
    /// Whether it is ours to use: a disabled memory node names RAM that exists and is not
    /// (QEMU's secure RAM).
    pub available: bool,
}

/// A range that must not be given out as free memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReservedRange {
    /// The child of `/reserved-memory`; `None` for an entry of the memory reservation block.
    pub node: Option<NodeId>,
    /// Where.
    pub range: PhysRange,
    /// `no-map`: it must not even be mapped (not by the direct map either).
    pub no_map: bool,
    /// `reusable`: its owner lets us use it until it needs it.
    pub reusable: bool,
}

/// A child of `/reserved-memory` that asks for memory anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DynamicReservation {
    /// The node.
    pub node: NodeId,
    /// Bytes asked for.
    pub size: u64,
    /// Bytes to align to; 0 if not stated.
    pub alignment: u64,
    /// `no-map` as in [`ReservedRange`].
    pub no_map: bool,
}

impl DynamicReservation {
    /// The reservation as something that leads nowhere: whoever reads the tree places nothing.
    pub fn finding(&self) -> Finding {
        Finding { node: self.node, index: 0, flaw: Flaw::ReservedDynamic { size: self.size } }
    }
}

impl<'a> Tree<'a> {
    /// What the memory nodes name, in document order: unavailable memory too, marked so.
    pub fn memory(&self) -> impl Iterator<Item = MemoryRegion> {
        self.children(NodeId::ROOT)
            .filter(|node| self.role(*node) == Role::Memory)
            .flat_map(|node| self.node_reg_entries(node))
            .filter_map(|entry| match entry.place {
                Place::Memory(range) => {
                    Some(MemoryRegion { node: entry.node, range, available: self.is_available(entry.node) })
                }
                _ => None,
            })
    }

    /// The memory reservation block, then the static children of `/reserved-memory` that are okay.
    pub fn reserved(&self) -> impl Iterator<Item = ReservedRange> {
        let block = self.reservation_block().map(|range| ReservedRange {
            node: None,
            range,
            no_map: false,
            reusable: false,
        });
        // One walk from the first `/reserved-memory` to the end of the last, so that one budget bounds it.
        let named = |node: &NodeId| self.name_bytes(*node) == b"reserved-memory";
        let mut parents = self.children(NodeId::ROOT).filter(named);
        let first = parents.next();
        let last = parents.last().or(first);
        let entries =
            first.zip(last).into_iter().flat_map(|(first, last)| self.span_reg_entries(first, last));
        let nodes = entries.filter_map(|entry| match entry.place {
            Place::Reserved(range) if self.is_available(entry.node) => Some(ReservedRange {
                node: Some(entry.node),
                range,
                no_map: self.known(entry.node, Name::NoMap).is_some(),
                reusable: self.known(entry.node, Name::Reusable).is_some(),
            }),
            _ => None,
        });
        block.chain(nodes)
    }

    /// The children of `/reserved-memory` that have a `size` and no `reg`.
    pub fn dynamic_reservations(&self) -> impl Iterator<Item = DynamicReservation> {
        self.reserved_nodes().filter(|node| self.known(*node, Name::Reg).is_none()).filter_map(|node| {
            let alignment = self.known(node, Name::Alignment).and_then(be_number).unwrap_or(0);
            let size = self.known(node, Name::Size).and_then(be_number)?;
            let no_map = self.known(node, Name::NoMap).is_some();
            (size != 0).then_some(DynamicReservation { node, size, alignment, no_map })
        })
    }

    fn reserved_nodes(&self) -> impl Iterator<Item = NodeId> {
        self.nodes().filter(|node| self.role(*node) == Role::Reserved && self.is_available(*node))
    }

    /// The memory reservation block (specification 5.3), read by `fdt`. Entries of size 0 are left out.
    fn reservation_block(&self) -> impl Iterator<Item = PhysRange> + use<'a> {
        self.fdt().into_iter().flat_map(|fdt| fdt.memory_reservations()).filter_map(|entry| {
            let size = u64::try_from(entry.size()).ok()?;
            PhysRange::new(PhysAddr(entry.address().addr() as u64), size).ok()
        })
    }
}
