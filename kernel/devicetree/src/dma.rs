//! `dma-ranges`: how a device sees memory (Devicetree Specification 2.3.9).

use crate::cursor::cells;
use crate::index::{Name, NodeId};
use crate::translate::{Budget, BusAddress, Mapping, Skip, cell_counts, range, translate};
use crate::tree::Tree;
use abi::PhysRange;

/// A range of memory as a device behind some bus sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DmaRange {
    /// The first address on the device's bus.
    pub bus: u64,
    /// The memory there.
    pub memory: PhysRange,
}

/// What the devices behind a bus can reach.
#[derive(Debug)]
pub enum DmaRanges<I> {
    /// No `dma-ranges` on the way up: bus addresses are physical addresses.
    Identity,
    /// These, and nothing else.
    Ranges(I),
}

impl<'a> Tree<'a> {
    /// What a device sees: the nearest `dma-ranges` above it, carried up to physical addresses.
    ///
    /// Who asks for many devices passes one budget, and gets nothing more once it is spent.
    pub fn dma_ranges<'t>(
        &'t self,
        device: NodeId,
        budget: &'t mut Budget,
    ) -> DmaRanges<impl Iterator<Item = DmaRange> + use<'t, 'a>> {
        let mut buses = self.ancestors(device);
        let nearest = buses.find_map(|bus| match self.known(bus, Name::DmaRanges) {
            None | Some([]) => None,
            Some(ranges) => Some((bus, ranges)),
        });
        match nearest {
            None => DmaRanges::Identity,
            Some((bus, ranges)) => DmaRanges::Ranges(self.dma_rows(bus, ranges, budget)),
        }
    }

    /// The bus whose `dma-ranges` [`Tree::dma_ranges`] reads for this device: equal for devices that see
    /// the same memory.
    pub fn dma_bus(&self, device: NodeId) -> Option<NodeId> {
        self.ancestors(device)
            .find(|bus| self.known(*bus, Name::DmaRanges).is_some_and(|value| !value.is_empty()))
    }

    fn dma_rows<'t>(
        &'t self,
        bus: NodeId,
        ranges: &'a [u8],
        budget: &'t mut Budget,
    ) -> impl Iterator<Item = DmaRange> + use<'t, 'a> {
        let length = dma_row_size(self, bus);
        let usable = if length.is_ok() { ranges } else { &[] };
        // A row that an outer bus cuts short reaches no further than the cut, which we do not know.
        usable
            .chunks_exact(length.unwrap_or(1))
            .filter_map(move |row| self.dma_row(bus, row, budget).ok())
            .filter(|(_, straddles)| !straddles)
            .map(|(range, _)| range)
    }

    /// One row of a bus's `dma-ranges`, and whether an outer bus cuts it short.
    pub(crate) fn dma_row(
        &self,
        bus: NodeId,
        row: &[u8],
        budget: &mut Budget,
    ) -> Result<(DmaRange, bool), Skip> {
        let parent = self.parent(bus).unwrap_or(NodeId::ROOT);
        let ((child_cells, size_cells), (parent_cells, _)) =
            (cell_counts(self, bus)?, cell_counts(self, parent)?);
        let parent_at = child_cells * 4;
        let size_at = parent_at + parent_cells * 4;
        if row.len() < size_at + size_cells * 4 {
            return Err(Skip::PartialEntry);
        }
        let from = BusAddress::read(row, 0, child_cells).ok_or(Skip::TooWide)?;
        let to = BusAddress::read(row, parent_at, parent_cells).ok_or(Skip::TooWide)?;
        let size = cells(row, size_at, size_cells).ok_or(Skip::TooWide)?;
        let translated = translate(self, parent, to, size, Mapping::DmaRanges, budget)?;
        let memory = range(translated.base, size)?;
        Ok((DmaRange { bus: from.value, memory }, translated.straddles))
    }
}

/// Bytes of one row of a bus's `dma-ranges`.
pub(crate) fn dma_row_size(tree: &Tree<'_>, bus: NodeId) -> Result<usize, Skip> {
    let parent = tree.parent(bus).unwrap_or(NodeId::ROOT);
    let ((child, size), (above, _)) = (cell_counts(tree, bus)?, cell_counts(tree, parent)?);
    Ok((child + above + size) * 4)
}
