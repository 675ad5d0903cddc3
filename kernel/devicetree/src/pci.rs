//! The windows of PCI host bridges: they stand in `ranges`, in no `reg`.
//!
//! PCI Bus Binding to IEEE 1275-1994, section 2.2.1.1: the first of the three child address cells is
//! `npt000ss bbbbbbbb dddddfff rrrrrrrr`; `ss` is the space, `p` says prefetchable.

use crate::cursor::{be32, cells};
use crate::index::{Name, NodeId};
use crate::translate::{Budget, BusAddress, Mapping, Skip, cell_counts, range, translate};
use crate::tree::Tree;
use abi::PhysRange;

const SPACE_SHIFT: u32 = 24;
const SPACE_MASK: u32 = 3;
const PREFETCHABLE: u32 = 1 << 30;

/// Cells of a PCI child address, and of its size.
const ADDRESS_CELLS: usize = 3;
const SIZE_CELLS: usize = 2;

/// A PCI address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PciKind {
    /// Configuration space. Bridges give it in `reg`; one in `ranges` is passed on as found.
    Config,
    /// I/O space, memory-mapped on Arm.
    Io,
    /// 32-bit memory space.
    Memory32,
    /// 64-bit memory space.
    Memory64,
}

impl PciKind {
    /// The kind as `devmap` prints it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Io => "io",
            Self::Memory32 => "mem",
            Self::Memory64 => "mem64",
        }
    }
}

/// One row of a host bridge's `ranges`.
#[derive(Clone, Copy, Debug)]
pub struct PciWindow {
    /// The host bridge.
    pub node: NodeId,
    /// The row's place in `ranges`.
    pub index: u32,
    /// Which space.
    pub kind: PciKind,
    /// Reads have no effects, so the range may be mapped like memory.
    pub prefetchable: bool,
    /// The first address on the PCI side.
    pub bus_address: u64,
    /// Where the CPU reaches it, or why it does not.
    pub place: Result<PhysRange, Skip>,
    /// It is longer than the range of an outer bus that holds its base: never to be granted.
    pub straddles: bool,
}

impl Tree<'_> {
    /// The rows of every PCI host bridge's `ranges`, in document order.
    pub fn pci_windows(&self) -> impl Iterator<Item = PciWindow> {
        let mut budget = self.budget();
        let hosts = self.nodes().filter(|node| self.is_host_bridge(*node));
        hosts
            .flat_map(|host| {
                let ranges = self.known(host, Name::Ranges).unwrap_or(&[]);
                let parent = self.parent(host).unwrap_or(NodeId::ROOT);
                let parent_cells = cell_counts(self, parent).map_or(1, |counts| counts.0);
                let row = (ADDRESS_CELLS + parent_cells + SIZE_CELLS) * 4;
                (0..)
                    .zip(ranges.chunks_exact(row))
                    .map(move |(index, row)| (host, parent, parent_cells, index, row))
            })
            .map(move |(host, parent, parent_cells, index, row)| {
                let flags = be32(row, 0).unwrap_or(0);
                let kind = match (flags >> SPACE_SHIFT) & SPACE_MASK {
                    0 => PciKind::Config,
                    1 => PciKind::Io,
                    2 => PciKind::Memory32,
                    _ => PciKind::Memory64,
                };
                let found = self.pci_place(parent, parent_cells, row, &mut budget);
                PciWindow {
                    node: host,
                    index,
                    kind,
                    prefetchable: flags & PREFETCHABLE != 0,
                    bus_address: cells(row, 4, 2).unwrap_or(0),
                    place: found.map(|(range, _)| range),
                    straddles: found.is_ok_and(|(_, straddles)| straddles),
                }
            })
    }

    /// A PCI bus whose own parent is not one, with the cells that the binding prescribes.
    pub fn is_host_bridge(&self, node: NodeId) -> bool {
        let is_pci = |id| self.node(id).is_some_and(|node| node.pci);
        is_pci(node)
            && cell_counts(self, node) == Ok((ADDRESS_CELLS, SIZE_CELLS))
            && self.parent(node).is_some_and(|parent| !is_pci(parent))
    }

    fn pci_place(
        &self,
        parent: NodeId,
        parent_cells: usize,
        row: &[u8],
        budget: &mut Budget,
    ) -> Result<(PhysRange, bool), Skip> {
        // Without the parent's counts the row was cut at a guess, and means nothing.
        cell_counts(self, parent)?;
        let parent_at = ADDRESS_CELLS * 4;
        let address = BusAddress::read(row, parent_at, parent_cells).ok_or(Skip::TooWide)?;
        let size = cells(row, parent_at + parent_cells * 4, SIZE_CELLS).ok_or(Skip::TooWide)?;
        let translated = translate(self, parent, address, size, Mapping::Ranges, budget)?;
        Ok((range(translated.base, size)?, translated.straddles))
    }
}
