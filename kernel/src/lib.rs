//! The microkernel's logic: objects, memory, scheduling and system calls, in safe Rust.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod collections;
pub mod ports;
