//! Handles to the log.
use abi::{Koid, Signals};

use super::Header;

/// A way to write to the kernel's log, and perhaps to read it.
#[derive(Debug)]
pub struct Debuglog {
    /// What every object has.
    pub header: Header,
    /// The number of the record that is read next; `None` if it cannot read.
    pub next: Option<u64>,
}

impl Debuglog {
    /// A new one, which reads from the oldest record on, if at all.
    pub fn new(koid: Koid, is_readable: bool) -> Self {
        Self { header: Header::new(koid, Signals::WRITABLE), next: is_readable.then_some(0) }
    }
}
