//! The microkernel's logic: objects, memory, scheduling and system calls, in safe Rust.
//!
//! What it is: one [`Kernel`] value over the [ports] of a machine. Every system call, fault and timer is a
//! function on it that returns what the CPU does next, so the same code runs on a board and, with a
//! simulated machine beneath it, in ordinary tests.
//!
//! What it is not: it knows no device, no register and no instruction, but for one room:
//! [`memory::stage1`] writes translation tables as the Arm ARM has them.
//!
//! Principles:
//! 1. Objects live in arenas and are named by generational ids. A handle is an id and rights.
//! 2. A call returns, parks its thread with what it waits for, or is made again for the rest. It never
//!    blocks inside.
//! 3. Memory runs out softly: what a call needs is reserved before anything changes.
//! 4. Nothing that a program, a tree or a device does makes it panic.
//!
//! | module | what it holds |
//! |---|---|
//! | [`ports`] | what a machine must do |
//! | [`object`] | the objects, one noun a file |
//! | [`memory`] | pages, translation tables, user memory |
//! | `syscall` | the calls, one file a family |
//! | `schedule`, `cpus` | who runs, who waits; what each CPU is doing |
//! | `notify` | who is told of signals |
//! | `lifetime` | how objects end |
//! | [`check`] | the books taken anew, for tests |
//! | `fault` | what EL0 does wrong |
//! | `journal` | what was said lately |
//! | [`boot`] | the first process |
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod boot;
pub mod check;
pub mod collections;
mod cpus;
mod fault;
pub mod gate;
mod journal;
mod kernel;
mod lifetime;
pub mod memory;
mod notify;
pub mod object;
pub mod ports;
mod random;
mod report;
mod schedule;
mod syscall;

pub use kernel::{Kernel, Options};
