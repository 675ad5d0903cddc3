//! Runs the scenarios at EL0, on the machine itself.
//!
//! It prints a line for each scenario and for each that waits, then a count, and its status is 0 only if
//! none failed. A word `filter=TEXT` among the boot arguments picks the scenarios whose id has TEXT in it;
//! of several such words any may fit.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![deny(unsafe_code)]

#[cfg(target_os = "none")]
extern crate alloc;

#[cfg(target_os = "none")]
mod program;
#[cfg(target_os = "none")]
mod run;
#[cfg(target_os = "none")]
mod world;

#[cfg(target_os = "none")]
#[allow(unsafe_code)]
mod entry {
    zx::main!(crate::run::run);
}

/// On a development machine the scenarios run in `platform/hosted`.
#[cfg(not(target_os = "none"))]
fn main() {}
