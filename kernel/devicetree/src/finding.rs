//! What a good tree says that leads nowhere, in words: what, where, against whom, and what to do about it.

use crate::index::NodeId;
use crate::interrupt::InterruptProblem;
use crate::translate::Skip;
use crate::tree::Tree;
use core::fmt;

/// Something in a tree that leads nowhere, or not to where it seems to. The board boots all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The node that says it.
    pub node: NodeId,
    /// The entry's or row's place in its property; 0 where the property has only one.
    pub index: u32,
    /// What is wrong with it.
    pub flaw: Flaw,
}

/// What is wrong with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// A `reg` entry is no window.
    Window(Skip),
    /// A `reg` entry is longer than the range of a bus that holds its base.
    WindowStraddles,
    /// A row of a bus's `ranges` ends with the value, not with the row.
    RangesCut,
    /// A row of a bus's `ranges` has a number of more than 64 bits.
    RangesTooWide,
    /// A row of a PCI host bridge's `ranges` is no window.
    Pci(Skip),
    /// A row of a PCI host bridge's `ranges` is longer than the range of an outer bus that holds its base.
    PciStraddles,
    /// A row of `dma-ranges` is no memory.
    Dma(Skip),
    /// A row of `dma-ranges` is longer than the range of an outer bus that holds its base.
    DmaStraddles,
    /// An interrupt leads nowhere.
    Interrupt(InterruptProblem),
    /// A row of an `interrupt-map` leads nowhere.
    MapRow(InterruptProblem),
    /// A memory node's entry has no size.
    MemoryEmpty,
    /// A reservation that the firmware leaves to us to place. Nothing is reserved for it.
    ReservedDynamic {
        /// Bytes asked for.
        size: u64,
    },
    /// A reservation that states neither where nor how much.
    ReservedNothing,
    /// A `status` that is none of the specification's.
    StatusUnknown,
    /// A CPU without a number.
    CpuReg,
    /// A secondary CPU whose `enable-method` is missing or unknown.
    CpuMethod,
    /// A secondary CPU with a spin table, and no address of it.
    CpuRelease,
    /// PSCI without a known conduit.
    PsciMethod,
    /// A generic timer without the interrupt of its virtual timer.
    TimerNoVirtual,
    /// A GIC without a distributor.
    GicNoDistributor,
    /// A GICv2 without a CPU interface.
    GicNoCpuInterface,
    /// A GICv3 with fewer redistributor regions than it says.
    GicNoRedistributor,
    /// `stdout-path` names no node.
    StdoutNowhere,
    /// An alias names no node.
    AliasNowhere,
    /// An initial file system without two ends, or with the last before the first.
    InitrdBounds,
}

impl Finding {
    /// Whether sound trees are full of it: what is on a bus without addresses, and entries that firmware fills in.
    pub const fn is_common(&self) -> bool {
        matches!(
            self.flaw,
            Flaw::Window(Skip::NoSizeCells(_) | Skip::NoRanges(_) | Skip::PciChild(_))
                | Flaw::Interrupt(InterruptProblem::NoSuchPhandle(0))
        )
    }

    /// The line that says it all: `device tree: /path: property "name", entry 0: what; what to do`.
    pub fn display<'t, 'a>(self, tree: &'t Tree<'a>) -> impl fmt::Display + use<'t, 'a> {
        fmt::from_fn(move |f| {
            write!(f, "device tree: {}: ", tree.path(self.node))?;
            let property = self.flaw.property(tree, self.node);
            if !property.is_empty() {
                write!(f, "property \"{property}\"")?;
                match self.flaw.counts() {
                    Some(what) => write!(f, ", {what} {}: ", self.index)?,
                    None => f.write_str(": ")?,
                }
            }
            self.flaw.explain(f, tree, self.node)
        })
    }
}

impl Flaw {
    /// The property concerned; empty if one is missing.
    fn property(self, tree: &Tree<'_>, node: NodeId) -> &'static str {
        match self {
            Self::Window(_) | Self::WindowStraddles | Self::MemoryEmpty | Self::CpuReg => "reg",
            Self::RangesCut | Self::RangesTooWide | Self::Pci(_) | Self::PciStraddles => "ranges",
            Self::Dma(_) | Self::DmaStraddles => "dma-ranges",
            Self::Interrupt(_) if tree.has_extended_interrupts(node) => "interrupts-extended",
            Self::Interrupt(_) => "interrupts",
            Self::MapRow(_) => "interrupt-map",
            Self::ReservedDynamic { .. } => "size",
            Self::StatusUnknown => "status",
            Self::CpuMethod => "enable-method",
            Self::CpuRelease => "cpu-release-addr",
            Self::PsciMethod => "method",
            Self::StdoutNowhere => "stdout-path",
            Self::InitrdBounds => "linux,initrd-end",
            Self::TimerNoVirtual => "interrupts",
            Self::GicNoDistributor | Self::GicNoCpuInterface | Self::GicNoRedistributor => "reg",
            Self::ReservedNothing | Self::AliasNowhere => "",
        }
    }

    /// What the property has many of.
    const fn counts(self) -> Option<&'static str> {
        match self {
            Self::Window(_) | Self::WindowStraddles | Self::MemoryEmpty | Self::Interrupt(_) => Some("entry"),
            Self::RangesCut
            | Self::RangesTooWide
            | Self::Pci(_)
            | Self::PciStraddles
            | Self::Dma(_)
            | Self::DmaStraddles
            | Self::MapRow(_) => Some("row"),
            _ => None,
        }
    }

    fn explain(self, f: &mut fmt::Formatter<'_>, tree: &Tree<'_>, node: NodeId) -> fmt::Result {
        match self {
            Self::Window(skip) | Self::Pci(skip) | Self::Dma(skip) => {
                write!(f, "{}; {}", skip.display(tree), skip.advice(tree))
            }
            Self::Interrupt(problem) | Self::MapRow(problem) => {
                write!(f, "{}; {}", problem.display(tree), problem.advice(tree))
            }
            Self::StatusUnknown => write!(f, "\"{}\"{}", tree.status_text(node), self.text()),
            _ => f.write_str(self.text()),
        }?;
        if let Self::ReservedDynamic { size } = self {
            write!(f, "{size:#x} bytes are asked for anywhere, and nothing is reserved; state a reg")?;
        }
        Ok(())
    }

    /// The flaws that need nobody else's name.
    const fn text(self) -> &'static str {
        match self {
            Self::WindowStraddles | Self::PciStraddles => {
                "it runs over the end of a range of a bus above it; it is listed and never granted: shorten it"
            }
            Self::DmaStraddles => {
                "it runs over the end of a range of a bus above it, and is left out: shorten it"
            }
            Self::RangesCut => "the value ends inside the row, which is left out; write whole rows",
            Self::RangesTooWide => {
                "an address or the size needs more than 64 bits, and the row is left out; correct it"
            }
            Self::MemoryEmpty => "the size is 0; whoever loads the kernel must fill it in",
            Self::ReservedNothing => {
                "neither reg nor size says what is reserved, and nothing is; state a reg"
            }
            Self::StatusUnknown => {
                " is none of okay, disabled, reserved and fail, and counts as disabled; correct it"
            }
            Self::CpuReg => "it is no number of #address-cells cells, and the CPU is left out; correct it",
            Self::CpuMethod => {
                "it is neither psci nor spin-table, and the CPU stays off unless it boots; state one of them"
            }
            Self::CpuRelease => {
                "a spin table's address of two cells is missing, and the CPU stays off; state it"
            }
            Self::PsciMethod => "it is neither hvc nor smc, and PSCI is not used; state one of them",
            Self::TimerNoVirtual => {
                "the virtual timer has no interrupt at a GIC; state all that the binding names"
            }
            Self::GicNoDistributor => "the first entry is no window, so there is no distributor; correct it",
            Self::GicNoCpuInterface => {
                "the second entry is no window, so there is no CPU interface; correct it"
            }
            Self::GicNoRedistributor => {
                "fewer windows follow the distributor's than #redistributor-regions says (1 if it says nothing); \
                 state them all"
            }
            Self::StdoutNowhere => "no node and no alias has this name; correct it",
            Self::AliasNowhere => "the alias serial0 or serial1 names no node by its full path; correct it",
            Self::InitrdBounds => {
                "linux,initrd-start and linux,initrd-end are not two numbers in order; the file system is ignored"
            }
            _ => "",
        }
    }
}

rules! { Flaw:
    Self::Window(Skip::NoSizeCells(_)) => "window-no-size-cells",
    Self::Window(Skip::NoRanges(_)) => "window-no-ranges",
    Self::Window(Skip::OutsideRanges(_)) => "window-outside-ranges",
    Self::Window(Skip::PciChild(_)) => "window-pci-child",
    Self::Window(Skip::BadCells(_)) => "window-bad-cells",
    Self::Window(Skip::PartialEntry) => "window-cut",
    Self::Window(Skip::Empty) => "window-empty",
    Self::Window(Skip::TooWide) => "window-too-wide",
    Self::Window(Skip::Wraps) => "window-wraps",
    Self::Window(Skip::TooMuchWork(_)) => "window-too-much-work",
    Self::WindowStraddles => "window-straddles",
    Self::RangesCut => "ranges-cut",
    Self::RangesTooWide => "ranges-too-wide",
    Self::Pci(Skip::NoSizeCells(_)) => "pci-no-size-cells",
    Self::Pci(Skip::NoRanges(_)) => "pci-no-ranges",
    Self::Pci(Skip::OutsideRanges(_)) => "pci-outside-ranges",
    Self::Pci(Skip::PciChild(_)) => "pci-below-pci",
    Self::Pci(Skip::BadCells(_)) => "pci-bad-cells",
    Self::Pci(Skip::Empty) => "pci-empty",
    Self::Pci(Skip::TooWide) => "pci-too-wide",
    // A value that ends inside a row is `ranges-cut`, on every bus.
    Self::Pci(Skip::Wraps | Skip::PartialEntry) => "pci-wraps",
    Self::Pci(Skip::TooMuchWork(_)) => "pci-too-much-work",
    Self::PciStraddles => "pci-straddles",
    // Devices may reach memory through buses that the CPU does not: only `ranges` knows these three.
    Self::Dma(Skip::BadCells(_) | Skip::NoSizeCells(_) | Skip::NoRanges(_) | Skip::PciChild(_)) => "dma-bad-cells",
    Self::Dma(Skip::OutsideRanges(_)) => "dma-outside-ranges",
    Self::Dma(Skip::PartialEntry) => "dma-cut",
    Self::Dma(Skip::Empty) => "dma-empty",
    Self::Dma(Skip::TooWide) => "dma-too-wide",
    Self::Dma(Skip::Wraps) => "dma-wraps",
    Self::Dma(Skip::TooMuchWork(_)) => "dma-too-much-work",
    Self::DmaStraddles => "dma-straddles",
    Self::Interrupt(InterruptProblem::NoParent) => "interrupt-no-parent",
    Self::Interrupt(InterruptProblem::ParentLoop(_)) => "interrupt-parent-loop",
    Self::Interrupt(InterruptProblem::NoSuchPhandle(_)) => "interrupt-no-phandle",
    Self::Interrupt(InterruptProblem::NoCells(_)) => "interrupt-no-cells",
    Self::Interrupt(InterruptProblem::BadCells(_)) => "interrupt-bad-cells",
    Self::Interrupt(InterruptProblem::Cut(_)) => "interrupt-cut",
    Self::Interrupt(InterruptProblem::NotInMap(_)) => "interrupt-not-in-map",
    Self::Interrupt(InterruptProblem::BadMap(_)) => "interrupt-bad-map",
    Self::Interrupt(InterruptProblem::Loop(_)) => "interrupt-loop",
    Self::Interrupt(InterruptProblem::TooMuchWork(_)) => "interrupt-too-much-work",
    Self::MapRow(_) => "interrupt-map-row",
    Self::MemoryEmpty => "memory-empty",
    Self::ReservedDynamic { .. } => "reserved-dynamic",
    Self::ReservedNothing => "reserved-nothing",
    Self::StatusUnknown => "status-unknown",
    Self::CpuReg => "cpu-reg",
    Self::CpuMethod => "cpu-method",
    Self::CpuRelease => "cpu-release",
    Self::PsciMethod => "psci-method",
    Self::TimerNoVirtual => "timer-no-virtual",
    Self::GicNoDistributor => "gic-no-distributor",
    Self::GicNoCpuInterface => "gic-no-cpu-interface",
    Self::GicNoRedistributor => "gic-no-redistributor",
    Self::StdoutNowhere => "stdout-nowhere",
    Self::AliasNowhere => "alias-nowhere",
    Self::InitrdBounds => "initrd-bounds",
}
