//! From a bus address to a CPU-physical one, through every ancestor's `ranges`.
//!
//! Devicetree Specification 2.3.8, and what Linux does where it is silent: the first entry that holds the
//! base wins; on a bus with three address cells that is not PCI the first cell is flags, which must match
//! and take no part in the arithmetic.

use crate::cursor::{be32, cells};
use crate::index::{Name, NodeId};
use crate::tree::Tree;
use core::fmt;

/// How many `ranges` and `interrupt-map` rows one walk may look at.
///
/// The greediest of 538 real trees needs fewer than 8 thousand. A tree made to be slow (a thousand windows behind a
/// bus with fifty thousand ranges) spends the budget, and what follows is listed as
/// [`Skip::TooMuchWork`].
#[derive(Clone, Copy, Debug)]
pub struct Budget(u32);

impl Budget {
    /// Rows that a walk may look at.
    pub const ROWS: u32 = 1 << 20;

    /// A full budget.
    pub const fn new() -> Self {
        Self(Self::ROWS)
    }

    /// Takes one row from the budget; false when it is spent.
    pub(crate) fn spend(&mut self) -> bool {
        match self.0.checked_sub(1) {
            Some(left) => {
                self.0 = left;
                true
            }
            None => false,
        }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new()
    }
}

/// Why a `reg` or `ranges` entry is not a window of the CPU's address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// The bus has `#size-cells` 0: its addresses are numbers, not memory (i2c, spi, cpus).
    NoSizeCells(NodeId),
    /// The bus has no `ranges`: the CPU does not reach it (specification 2.3.8).
    NoRanges(NodeId),
    /// No entry of the bus's `ranges` holds the address.
    OutsideRanges(NodeId),
    /// The bus is PCI; its children get their addresses when it is enumerated.
    PciChild(NodeId),
    /// The bus has cell counts that make no address: `#address-cells` 0 or above 4, `#size-cells` above 4.
    BadCells(NodeId),
    /// The value ends inside an entry.
    PartialEntry,
    /// The size is 0.
    Empty,
    /// The address or the size needs more than 64 bits.
    TooWide,
    /// The range passes the end of the address space.
    Wraps,
    /// The walk's [`Budget`] is spent.
    TooMuchWork,
}

impl Skip {
    /// The reason in words, with the bus's path.
    pub fn display<'t, 'a>(self, tree: &'t Tree<'a>) -> impl fmt::Display + use<'t, 'a> {
        fmt::from_fn(move |f| match self {
            Self::NoSizeCells(bus) => write!(f, "#size-cells is 0 in {}", tree.path(bus)),
            Self::NoRanges(bus) => write!(f, "no ranges in {}", tree.path(bus)),
            Self::OutsideRanges(bus) => write!(f, "address is outside every range of {}", tree.path(bus)),
            Self::PciChild(bus) => write!(f, "parent bus {} is PCI", tree.path(bus)),
            Self::BadCells(bus) => write!(f, "cell counts of {} make no address", tree.path(bus)),
            Self::PartialEntry => f.write_str("the value ends inside an entry"),
            Self::Empty => f.write_str("size is 0"),
            Self::TooWide => f.write_str("address or size needs more than 64 bits"),
            Self::Wraps => f.write_str("the range passes the end of the address space"),
            Self::TooMuchWork => f.write_str("the tree needs more work than its walk is allowed"),
        })
    }
}

/// An address on some bus.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BusAddress {
    /// The first of three cells.
    pub(crate) flags: u32,
    pub(crate) value: u64,
}

impl BusAddress {
    /// Reads `count` cells at byte `at`.
    pub(crate) fn read(bytes: &[u8], at: usize, count: usize) -> Option<Self> {
        if count == 3 {
            let flags = be32(bytes, at)?;
            cells(bytes, at.checked_add(4)?, 2).map(|value| Self { flags, value })
        } else {
            cells(bytes, at, count).map(|value| Self { flags: 0, value })
        }
    }
}

/// A CPU-physical base, and whether the extent ran out of a range on the way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Translated {
    pub(crate) base: u64,
    pub(crate) straddles: bool,
}

/// Which property maps a bus to its parent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mapping {
    /// `ranges`: the CPU's view. Absent means unreachable.
    Ranges,
    /// `dma-ranges`: the device's view (specification 2.3.9). Absent is taken as identity, as Linux does.
    DmaRanges,
}

impl Mapping {
    fn name(self) -> Name {
        match self {
            Self::Ranges => Name::Ranges,
            Self::DmaRanges => Name::DmaRanges,
        }
    }
}

/// Translates `address`, `size` bytes long, from `bus` up to the root.
pub(crate) fn translate(
    tree: &Tree<'_>,
    bus: NodeId,
    mut address: BusAddress,
    size: u64,
    mapping: Mapping,
    budget: &mut Budget,
) -> Result<Translated, Skip> {
    let mut bus = bus;
    let mut straddles = false;
    while let Some(parent) = tree.parent(bus) {
        if mapping == Mapping::Ranges {
            check_bus(tree, bus)?;
        }
        match tree.known(bus, mapping.name()) {
            None if mapping == Mapping::Ranges => return Err(Skip::NoRanges(bus)),
            None | Some([]) => {}
            Some(ranges) => {
                let (next, cut) = step(tree, bus, parent, ranges, address, size, budget)?;
                address = next;
                straddles |= cut;
            }
        }
        bus = parent;
    }
    if mapping == Mapping::Ranges {
        check_bus(tree, bus)?;
    }
    Ok(Translated { base: address.value, straddles })
}

/// Whether addresses on this bus are memory at all.
fn check_bus(tree: &Tree<'_>, bus: NodeId) -> Result<(), Skip> {
    let node = tree.node(bus).ok_or(Skip::BadCells(bus))?;
    match node.size_cells() {
        _ if node.pci => Err(Skip::PciChild(bus)),
        0 => Err(Skip::NoSizeCells(bus)),
        _ => Ok(()),
    }
}

/// The cell counts of `bus`, if addresses can be made of them.
pub(crate) fn cell_counts(tree: &Tree<'_>, bus: NodeId) -> Result<(usize, usize), Skip> {
    let node = tree.node(bus).ok_or(Skip::BadCells(bus))?;
    match (node.address_cells(), node.size_cells()) {
        (address @ 1..=4, size @ 0..=4) => Ok((address, size)),
        _ => Err(Skip::BadCells(bus)),
    }
}

/// One bus up: the first row of `ranges` that holds the address.
fn step(
    tree: &Tree<'_>,
    bus: NodeId,
    parent: NodeId,
    ranges: &[u8],
    address: BusAddress,
    size: u64,
    budget: &mut Budget,
) -> Result<(BusAddress, bool), Skip> {
    let (child_cells, size_cells) = cell_counts(tree, bus)?;
    let (parent_cells, _) = cell_counts(tree, parent)?;
    let parent_at = child_cells * 4;
    let size_at = parent_at + parent_cells * 4;
    for row in ranges.chunks_exact(size_at + size_cells * 4) {
        if !budget.spend() {
            return Err(Skip::TooMuchWork);
        }
        let (Some(from), Some(to), Some(extent)) = (
            BusAddress::read(row, 0, child_cells),
            BusAddress::read(row, parent_at, parent_cells),
            cells(row, size_at, size_cells),
        ) else {
            continue;
        };
        let Some(offset) = address.value.checked_sub(from.value) else { continue };
        if from.flags != address.flags || offset >= extent {
            continue;
        }
        let value = to.value.checked_add(offset).ok_or(Skip::Wraps)?;
        return Ok((BusAddress { flags: to.flags, value }, size > extent - offset));
    }
    Err(Skip::OutsideRanges(bus))
}
