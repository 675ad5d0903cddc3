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
//! | [`trap`], [`mod@panic`], [`record`] | exception vectors, EL0 and back; the report of a kernel bug |
//! | `board`, `uart` | what the device tree says there is, put to use |
//! | `tables`, `devices`, `memory` | the kernel's half of the address space |
//! | `frames`, `heap` | physical pages; the kernel's own allocator |
//! | `secondary`, `spin` | the other CPUs, from PSCI or a spin-table to their first thread |
//! | `machine`, `uncached` | the ports of the kernel's logic |
//! | `tlb`, `cache`, `copy`, `fp`, `timer`, `cpu` | instructions that Rust has no words for |
//! | `gic`, [`interrupts`] | the interrupt controller, and what it delivers |
//! | [`watch`] | a CPU that stays in the kernel too long is reported |
//! | `verify` | the address space, checked against its promises |
//! | [`output`], [`log`], [`power`], `watchdog` | text; defmt frames; PSCI and the end |
//! | [`lock`], [`contention`], [`barrier`] | the kernel's one lock; how long it is waited for; ordering |
//!
//! On a development machine (`target_os` is not `none`) only the parts without instructions are compiled, and
//! tested.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

pub mod descriptor;
#[cfg(any(test, target_os = "none"))]
mod frames;
pub mod layout;
pub mod ranges;

#[cfg(target_os = "none")]
pub mod barrier;
#[cfg(target_os = "none")]
mod board;
#[cfg(target_os = "none")]
mod cache;
#[cfg(target_os = "none")]
pub mod contention;
#[cfg(target_os = "none")]
pub mod control;
#[cfg(target_os = "none")]
mod copy;
#[cfg(target_os = "none")]
pub mod cpu;
#[cfg(target_os = "none")]
mod devices;
#[cfg(target_os = "none")]
pub mod entry;
#[cfg(target_os = "none")]
mod fp;
#[cfg(any(test, target_os = "none"))]
mod gic;
#[cfg(target_os = "none")]
pub mod heap;
#[cfg(target_os = "none")]
pub mod image;
#[cfg(target_os = "none")]
pub mod interrupts;
#[cfg(target_os = "none")]
pub mod lock;
#[cfg(target_os = "none")]
pub mod log;
#[cfg(target_os = "none")]
mod machine;
#[cfg(target_os = "none")]
mod memory;
#[cfg(target_os = "none")]
pub mod output;
#[cfg(target_os = "none")]
pub mod panic;
#[cfg(target_os = "none")]
pub mod power;
#[cfg(target_os = "none")]
pub mod record;
#[cfg(target_os = "none")]
mod rows;
#[cfg(target_os = "none")]
mod secondary;
#[cfg(target_os = "none")]
mod spin;
#[cfg(target_os = "none")]
mod stretch;
#[cfg(target_os = "none")]
mod tables;
#[cfg(target_os = "none")]
mod timer;
#[cfg(target_os = "none")]
mod tlb;
#[cfg(target_os = "none")]
pub mod trap;
#[cfg(target_os = "none")]
mod uart;
#[cfg(target_os = "none")]
mod uncached;
#[cfg(target_os = "none")]
mod verify;
#[cfg(target_os = "none")]
pub mod watch;
#[cfg(any(test, target_os = "none"))]
mod watchdog;

#[cfg(target_os = "none")]
pub use board::{InterruptError, release_pages};
#[cfg(target_os = "none")]
pub use entry::{Boot, EntryLevel};
#[cfg(target_os = "none")]
pub use frames::lent_free as free_frames;
#[cfg(target_os = "none")]
pub use machine::Board;
#[cfg(target_os = "none")]
pub use memory::MemoryError;
#[cfg(target_os = "none")]
pub use tables::MapError;
#[cfg(target_os = "none")]
pub use uart::Uart;
#[cfg(target_os = "none")]
pub use verify::Broken;
