//! The kernel's ports on the development machine.
//!
//! [`Machine`] has sparse RAM, an MMU with a TLB that remembers all it may, a counter that moves when it is
//! told to, and simulated devices. The kernel that runs on it is the very code that runs on a board, so a
//! test here can stop time, fail the n-th allocation, look into a translation, and replay all of it.
//!
//! It is no emulator: it models what the kernel's logic and EL0 can observe, and it is stricter than
//! hardware where the architecture lets hardware be. What the architecture forbids panics at once.
#![deny(unsafe_op_in_unsafe_fn)]

pub mod bootfs;
mod bus;
mod cpu;
mod descriptor;
pub mod devices;
pub mod elf;
pub mod fdt;
mod float;
pub mod heap;
mod lines;
pub mod log;
mod machine;
mod mmu;
mod par;
mod ram;
pub mod virt;

pub use bus::{Device, ExternalAbort, Width};
pub use cpu::{Cpu, Work};
pub use descriptor::MAIR;
pub use machine::{AccessFault, Config, Machine};
pub use mmu::WalkFault;
pub use ram::POISON;
