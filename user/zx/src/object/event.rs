//! Events.
use abi::status::Result;

use crate::handle::{created, object};
use crate::raw;

object!(
    /// A set of signals to wait for.
    Event
);

impl Event {
    /// Makes an event without signals.
    ///
    /// # Errors
    /// NO_MEMORY; ACCESS_DENIED where a policy forbids it.
    pub fn create() -> Result<Self> {
        // SAFETY: 1: the call writes a handle to `out`, which is valid for one, or fails.
        unsafe { created(|out| raw::zx_event_create(0, out)) }.map(Self)
    }
}
