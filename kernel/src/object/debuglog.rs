//! Handles to the log.
use abi::{Koid, Signals};

use super::Header;

/// A way to write to the kernel's log.
#[derive(Debug)]
pub struct Debuglog {
    /// What every object has.
    pub header: Header,
}

impl Debuglog {
    /// A new one.
    pub const fn new(koid: Koid) -> Self {
        Self { header: Header::new(koid, Signals::WRITABLE) }
    }
}
