//! Which physical ranges may become resources, and of what class.
//!
//! The ledger is made once, at boot, from the device tree and from what the kernel keeps, and then frozen:
//! [`Builder`] can add, [`Ledger`] can only answer. It subtracts RAM (unavailable RAM too), reserved
//! memory and the kernel's own windows; what is left is the only supply of MMIO resources.
//!
//! ```text
//! let ledger = Builder::new(&tree).keep(image, "kernel image").freeze()?;
//! ledger.windows()                 each `reg` and PCI window, with its fate, class and page group
//! ledger.interrupts()              each shared interrupt of the GIC, once
//! ledger.groups()                  pages that windows of unrelated nodes share
//! ledger.sharers(range)            whose windows are in its pages, if they are several devices'
//! ledger.touches_denied(pages)     whom a range of pages would touch that nobody may have
//! ledger.class_of(pages)           which memory types it may be mapped with
//! ledger.findings(&tree)           which windows stand in each other's way
//! ledger.device_table(&tree)       all of this for the first process, as bytes
//! ```
//!
//! # Principles
//! - **Bytes for resources, pages for denial.** A window is byte-exact. But what EL0 maps are pages, so a
//!   window whose page reaches into something denied is denied.
//! - **A conflict names both sides.** [`Conflict`] says which range of whom is in the way.
//! - **Answers are binary searches** over disjoint sorted intervals; nothing after boot allocates.
//!
//! # What it is not
//! It does not track who holds what: resources do. It keeps no reference to the tree.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod builder;
mod error;
mod finding;
mod groups;
mod intervals;
mod ledger;
mod sort;
mod table;

pub use abi::device_table::{Class, Fate, InterruptKind, Trigger, WindowKind};
pub use builder::{Builder, MAX_WINDOWS};
pub use error::Error;
pub use finding::{Against, Finding};
pub use ledger::{Conflict, Group, GroupMember, Interrupt, Ledger, Line, Owner, Window};
