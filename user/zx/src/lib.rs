//! What a program needs: the kernel's objects as Rust types, and the way from its first instruction to `main`.
//!
//! - A kernel object is an owned handle of its type: [`Vmo`], [`Channel`], [`Process`]. It closes on drop.
//! - A call is a method that returns [`Result`]; a failure is Zircon's [`Status`].
//! - [`main!`] names the program's main function, which gets what the program was started with: [`Startup`].
//! - [`mmio::Window`] is a device's registers, mapped from the resource that grants them.
//! - [`println!`] writes lines to the log; `defmt`'s macros do too, without formatting on this machine.
//! - [`launch`] starts other programs.
//!
//! # Unsafe code
//! It is confined to start-up (relocation), the heap, the log frame, [`mmio`] and the wrappers of single calls.
//! Programs are written with `#![forbid(unsafe_code)]`. What could break a program's own memory through a
//! handle is marked `unsafe`: [`Vmar::unmap`], [`Vmar::protect`] and mapping over what is mapped. Writing a VMO
//! is not, although it may be mapped as this program's memory: whoever maps a VMO and hands it to Rust as a
//! reference must keep others from writing it, as with a file that is mapped elsewhere.
//!
//! On a development machine only what never enters the kernel is compiled: [`elf`] and [`message`].
#![no_std]

extern crate alloc;

pub mod elf;
pub mod message;

#[cfg(target_os = "none")]
pub mod bootfs;
#[cfg(target_os = "none")]
mod handle;
#[cfg(target_os = "none")]
pub mod launch;
#[cfg(target_os = "none")]
pub mod mmio;
#[cfg(target_os = "none")]
mod object;
#[cfg(target_os = "none")]
#[rustfmt::skip]
pub mod raw;
#[cfg(target_os = "none")]
mod runtime;
#[cfg(target_os = "none")]
pub mod system;
#[cfg(target_os = "none")]
pub mod time;

#[cfg(target_os = "none")]
pub use {
    handle::{Handle, Name, Object, wait_many},
    object::{
        Channel, Debuglog, Event, Job, Message, Packet, Part, Port, Process, Resource, Thread, Vmar, Vmo,
        kill,
    },
    runtime::print::print,
    runtime::startup::{Missing, Startup, debuglog, process_self, vmar_root},
    runtime::{FAILURE_STATUS, PANIC_STATUS, STARTUP_STATUS, Termination, exit},
};

pub use abi::{self, Koid, ObjectType, PhysAddr, Rights, Signals, Status, VirtAddr, status::Result};
