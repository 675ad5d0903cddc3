//! Flattened device trees: bytes to validated windows, interrupts and memory.
//!
//! Any input at all gives a [`Tree`] or an [`Error`] that names node and property. Nothing here
//! panics, recurses, keeps a global or trusts a length before it was checked.
//!
//! # How it is used
//! 1. [`total_size`] reads the first [`HEADER_SIZE`] bytes, so the caller knows how much to look at
//!    before it makes a slice of a pointer that firmware gave it.
//! 2. [`buffer_size`] says how large the kernel-owned copy must be (a blob padded to 1 MiB needs only
//!    what its blocks hold).
//! 3. [`Tree::parse`] validates the blob in one pass, copies it without `FDT_NOP`s into the buffer, and
//!    indexes its nodes. It costs time and memory linear in the blob: the index takes about two thirds
//!    of the blob's size from the heap (98 KB for the largest known tree), and a heap that is too small is an [`Error`].
//! 4. The questions: [`Tree::windows`] and [`Tree::reg_entries`], [`Tree::pci_windows`],
//!    [`Tree::interrupts`], [`Tree::memory`], [`Tree::reserved`], [`Tree::chosen`], [`Tree::psci`],
//!    [`Tree::cpus`], [`Tree::interrupt_controller`], [`Tree::timer`], [`Tree::serial`],
//!    [`Tree::dma_ranges`]. All are computed from the index when asked; none allocates.
//! 5. `/chosen` and the memory reservation block are read by the `fdt` crate on the clean copy; any other property by
//!    name ([`Tree::property`]) from its node alone.
//! 6. [`Tree::findings`] lists what leads nowhere, for whoever has to mend the tree.
//!
//! # Principles
//! - **Structure is all or nothing.** A blob that breaks the format (Devicetree Specification v0.4,
//!   chapter 5) is refused whole. Meaning is judged entry by entry: a device with a strange `reg` is
//!   listed with the reason why it is not a window ([`Skip`]), and the board still boots.
//! - **Work is bounded.** Each walk carries a [`Budget`]; a hostile tree spends it and gets an answer
//!   that says so, instead of the processor.
//! - **Every address is CPU-physical**, translated through each ancestor's `ranges`
//!   (specification 2.3.8), or it is not called an address.
//!
//! # What it is not
//! It grants nothing: that is the ledger's. It does not apply overlays and does not edit trees.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

/// Rules and their names, which are those of the trees in `dts/bad`; the ledger has some of its own.
#[doc(hidden)]
#[macro_export]
macro_rules! rules {
    ($type:ty: $($pattern:pat => $rule:literal),* $(,)?) => {
        impl $type {
            /// The names of all rules that this can be about.
            pub const RULES: &'static [&'static str] = &[$($rule),*];

            /// The name of the rule that is broken; `dts/bad` has a small tree of this name that breaks it.
            pub fn rule(&self) -> &'static str {
                match self {
                    $($pattern => $rule),*
                }
            }
        }
    };
}

mod chosen;
mod class;
mod cursor;
mod dma;
mod error;
mod finding;
mod gic;
mod header;
mod index;
mod interrupt;
mod lookup;
mod memory;
mod pci;
mod platform;
mod search;
mod translate;
mod tree;
mod validate;
mod window;

pub use abi::device_table::{Class, InterruptKind, Trigger};
pub use chosen::Chosen;
pub use class::MEMORY_LIKE;
pub use dma::{DmaRange, DmaRanges};
pub use error::{Block, Error, Problem};
pub use finding::{Finding, Flaw};
pub use gic::{GIC_COMPATIBLES, GicVersion, InterruptController};
pub use header::{HEADER_SIZE, MAX_TOTAL_SIZE, buffer_size, total_size};
pub use index::{MAX_DEPTH, NodeId, NodeStatus};
pub use interrupt::{
    Cells, GicInterrupt, Interrupt, InterruptEntry, InterruptProblem, Interrupts, MAX_INTERRUPT_CELLS,
};
pub use memory::{DynamicReservation, MemoryRegion, ReservedRange};
pub use pci::{PciKind, PciWindow};
pub use platform::{Conduit, Cpu, EnableMethod, Psci, PsciVersion, Timer};
pub use translate::{Budget, Skip};
pub use tree::{NodePath, Tree};
pub use window::{Place, RegEntries, RegEntry, Role, Window};

/// Appends to a vector without ever aborting.
///
/// # Errors
/// Gives the item back when the heap cannot grow the vector; the vector is unchanged then.
pub fn try_push<T>(vector: &mut alloc::vec::Vec<T>, item: T) -> Result<(), T> {
    match vector.try_reserve(1) {
        Ok(()) => {
            vector.push(item);
            Ok(())
        }
        Err(_) => Err(item),
    }
}
