//! Counts the instructions of kernel operations, user side included.
//!
//! Under QEMU's `-icount shift=0,sleep=off` an instruction takes one virtual nanosecond, so the counter over a
//! loop is an exact count. `cargo xtask bench` runs this and prints the table; a line here is
//! `bench NAME TICKS LOOPS`, and `bench frequency HZ 1` says how long a tick is.
//!
//! The operations are made by the raw calls, as a C program would make them, and each loop is measured against
//! the same loop without its call.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![deny(unsafe_code)]

#[cfg(target_os = "none")]
extern crate alloc;
#[cfg(target_os = "none")]
mod curves;
#[cfg(target_os = "none")]
mod operations;

#[cfg(target_os = "none")]
#[allow(unsafe_code)]
mod entry {
    zx::main!(crate::operations::run);
}

/// There is nothing to measure on a development machine.
#[cfg(not(target_os = "none"))]
fn main() {}
