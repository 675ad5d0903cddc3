//! From a bus address to a CPU-physical one, through every ancestor's `ranges`.
//!
//! Devicetree Specification 2.3.8, and what Linux does where it is silent: the first entry that holds the
//! base wins; on a bus with three address cells that is not PCI the first cell is flags, which must match
//! and take no part in the arithmetic.

use crate::cursor::{be32, cells};
use crate::header::to_u32;
use crate::index::{Name, NodeId};
use crate::tree::Tree;
use abi::{PhysAddr, PhysRange, RangeError};
use core::fmt;

/// How many `ranges` and `interrupt-map` rows one walk may look at: [`Budget::BASE`], and one more for each byte of
/// the tree, so that a walk is linear in the tree whatever the tree says.
///
/// The greediest of 538 real trees needs fewer than 8 thousand of its 150 thousand. A tree made to be slow (a thousand
/// windows behind a bus with a thousand ranges) spends the budget, and what follows is listed as
/// [`Skip::TooMuchWork`].
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    full: u32,
    left: u32,
}

impl Budget {
    /// Rows that a walk of the smallest tree may look at.
    pub const BASE: u32 = 4096;

    /// A full budget for a tree of `bytes`.
    pub(crate) fn for_size(bytes: usize) -> Self {
        let full = Self::BASE.saturating_add(to_u32(bytes));
        Self { full, left: full }
    }

    /// Rows that were looked at.
    pub fn spent(&self) -> u32 {
        self.full - self.left
    }

    /// Rows that may be looked at in all.
    pub fn full(&self) -> u32 {
        self.full
    }

    /// Takes one row from the budget; false when it is spent.
    pub(crate) fn spend(&mut self) -> bool {
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }
}

impl Tree<'_> {
    /// A full budget for a walk of this tree.
    pub fn budget(&self) -> Budget {
        Budget::for_size(self.blob().len())
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
    /// The walk's [`Budget`] is spent, in the `ranges` of this bus.
    TooMuchWork(NodeId),
}

impl Skip {
    /// The reason in words, with the bus's path.
    pub fn display<'t, 'a>(self, tree: &'t Tree<'a>) -> impl fmt::Display + use<'t, 'a> {
        fmt::from_fn(move |f| match self {
            Self::NoSizeCells(bus) => {
                write!(f, "#size-cells of {} is 0: its addresses are numbers, not memory", tree.path(bus))
            }
            Self::NoRanges(bus) => write!(f, "{} has no ranges: the CPU does not reach it", tree.path(bus)),
            Self::OutsideRanges(bus) => write!(f, "the address is outside every range of {}", tree.path(bus)),
            Self::PciChild(bus) => {
                write!(f, "{} is a PCI bus, which gives out addresses when it is enumerated", tree.path(bus))
            }
            Self::BadCells(bus) => write!(
                f,
                "the cell counts of {} make no address (#address-cells 1 to 4, #size-cells 0 to 4 would)",
                tree.path(bus)
            ),
            Self::PartialEntry => f.write_str("the value ends inside it"),
            Self::Empty => f.write_str("the size is 0"),
            Self::TooWide => f.write_str("the address or the size needs more than 64 bits"),
            Self::Wraps => f.write_str("the range passes the end of the address space"),
            Self::TooMuchWork(bus) => {
                write!(
                    f,
                    "finding it in the ranges of {} takes more work than a tree of this size may",
                    tree.path(bus)
                )
            }
        })
    }

    /// What to do about it, in words.
    pub fn advice<'t, 'a>(self, tree: &'t Tree<'a>) -> impl fmt::Display + use<'t, 'a> {
        fmt::from_fn(move |f| match self {
            Self::NoSizeCells(_) => f.write_str("registers need a bus with #size-cells 1 or 2"),
            Self::NoRanges(bus) => write!(f, "if it does, give {} ranges", tree.path(bus)),
            Self::OutsideRanges(bus) => {
                write!(f, "correct it, or add a row to the ranges of {}", tree.path(bus))
            }
            Self::PciChild(_) => f.write_str("the bridge's windows are in its own ranges"),
            Self::BadCells(bus) => write!(f, "correct them in {}", tree.path(bus)),
            Self::PartialEntry => f.write_str("write as many cells as the cell counts of the bus say"),
            Self::Empty => f.write_str("state the size, or leave it out"),
            Self::TooWide | Self::Wraps => f.write_str("correct it"),
            Self::TooMuchWork(bus) => write!(f, "shorten the ranges of {}", tree.path(bus)),
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

/// A range of the CPU's address space.
pub(crate) fn range(base: u64, size: u64) -> Result<PhysRange, Skip> {
    PhysRange::new(PhysAddr(base), size).map_err(|error| match error {
        RangeError::Empty => Skip::Empty,
        RangeError::Wraps => Skip::Wraps,
    })
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
            return Err(Skip::TooMuchWork(bus));
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
