//! Everything that touches an AArch64 machine.
//!
//! The kernel's logic is safe code over the traits in `kernel::ports`; this crate implements them, and takes
//! the machine from the loader's jump to the point where that logic can run. It is the only home of the
//! kernel's `unsafe`. It decides nothing: it does not know what a handle is.
//!
//! | module | what |
//! |---|---|
//! | [`entry`] | from reset to Rust: EL2 and EL3, translation tables, MMU |
//! | [`layout`], [`control`], [`descriptor`] | the address map, register values, page attributes: each number once |
//! | [`trap`], [`panic`] | exception vectors, EL0 and back; the report of a kernel bug |
//! | [`tables`], [`devices`] | the kernel's half of the address space |
//! | [`output`], [`power`] | text; PSCI and the end |
//!
//! On a development machine (`target_os` is not `none`) only the parts without instructions are compiled, and
//! tested.
#![cfg_attr(not(test), no_std)]

pub mod control;
pub mod descriptor;
pub mod frames;
pub mod layout;

#[cfg(target_os = "none")]
pub mod barrier;
#[cfg(target_os = "none")]
mod devices;
#[cfg(target_os = "none")]
pub mod entry;
#[cfg(target_os = "none")]
mod heap;
#[cfg(target_os = "none")]
pub mod image;
#[cfg(target_os = "none")]
pub mod interrupts;
#[cfg(target_os = "none")]
pub mod lock;
#[cfg(target_os = "none")]
pub mod output;
#[cfg(target_os = "none")]
mod panic;
#[cfg(target_os = "none")]
pub mod power;
#[cfg(target_os = "none")]
pub mod tables;
#[cfg(target_os = "none")]
pub mod trap;

#[cfg(target_os = "none")]
pub use entry::{Boot, EntryLevel};
#[cfg(target_os = "none")]
pub use tables::MapError;
