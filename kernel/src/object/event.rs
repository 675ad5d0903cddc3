//! Events: signals to wait for, and nothing else.
use abi::{Koid, Signals};

use super::Header;

/// A set of signals.
#[derive(Debug)]
pub struct Event {
    /// What every object has.
    pub header: Header,
}

impl Event {
    /// One without signals.
    pub const fn new(koid: Koid) -> Self {
        Self { header: Header::new(koid, Signals::NONE) }
    }
}
