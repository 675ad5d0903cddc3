//! Device registers: the one primitive that reads and writes them.
//!
//! A register is an address and a width. It is never a Rust reference, because a reference lets the
//! compiler read ahead, twice, or not at all. It is never a volatile access either: LLVM may turn a
//! volatile access in a loop into a form with write-back (`str wzr, [x0], #4`), for which the hardware
//! reports no syndrome (`ESR_EL2.ISV` is 0), and a hypervisor that emulates the device can then do
//! nothing but stop the guest. Here each access is exactly one `ldr` or `str` with a plain base register.
//!
//! - [`Window`] is a run of mapped device bytes: what one holds in order to touch a device.
//! - [`registers!`] declares a register block over a window: names, offsets, widths, bit fields. Offsets
//!   are checked when the driver is compiled, the window's size when the block is made; an access costs
//!   its one instruction.
//! - [`ReadOnly`], [`WriteOnly`] and [`ReadWrite`] are one register each. They implement tock-registers'
//!   `Readable` and `Writeable`, so its `register_bitfields!` describes their contents.
//!
//! The kernel and the drivers at EL0 share this crate. Where there is no operating system below
//! (`target_os = "none"`) a window is memory. On a development machine it is a `Bus`, a trait that a test
//! implements to stand for the device; a driver cannot tell the difference.
//!
//! # Ordering
//! Accesses to one device's memory arrive in program order, because its type is Device-nGnRE, and the
//! accessors are compiler barriers for memory. Between two devices, or a device and normal memory, a
//! driver needs a barrier of its own.
#![no_std]

mod block;
mod cell;
#[cfg(target_os = "none")]
mod instructions;
mod place;
mod window;

#[cfg(not(target_os = "none"))]
mod bus;

pub use block::Block;
#[cfg(not(target_os = "none"))]
pub use bus::Bus;
pub use cell::{Array, ReadOnly, ReadWrite, Register, Width, WriteOnly};
pub use place::Place;
pub use tock_registers;
pub use window::{TooSmall, Window};
