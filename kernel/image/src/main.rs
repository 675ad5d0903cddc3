//! The kernel's binary: the boot flow, and the glue between the logic and the machine.
//!
//! # Boot flow
//! 1. `aarch64::entry` takes the machine from the loader's jump to [`entries`].
//! 2. [`boot`] finds the machine out from the device tree: console, memory, interrupts, and the ledger of what
//!    may be granted. Whatever makes that impossible is one line on the console, and a stop.
//! 3. [`run`] makes the kernel's one value and the first process, and goes to EL0.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![deny(unsafe_code)]

#[cfg(target_os = "none")]
extern crate alloc;

#[cfg(target_os = "none")]
mod arguments;
#[cfg(target_os = "none")]
mod boot;
#[cfg(target_os = "none")]
mod entries;
#[cfg(target_os = "none")]
mod map;
#[cfg(target_os = "none")]
mod run;

/// On a development machine the crate is only checked: there is nothing to boot.
#[cfg(not(target_os = "none"))]
fn main() {}
