//! The log.
use abi::status::Result;

use super::Resource;
use crate::handle::{created, object};
use crate::{Object, raw};

object!(
    /// The log, open for writing.
    Debuglog
);

impl Debuglog {
    /// The longest record.
    pub const MAX_RECORD: usize = abi::log::MAX_PAYLOAD;

    /// Opens the log.
    ///
    /// # Errors
    /// As a resource of kind SYSTEM that does not hold DEBUGLOG answers: WRONG_TYPE or OUT_OF_RANGE.
    pub fn create(resource: &Resource, options: u32) -> Result<Self> {
        // SAFETY: 1: the call writes a handle to `out`, which is valid for one, or fails.
        unsafe { created(|out| raw::zx_debuglog_create(resource.raw(), options, out)) }.map(Self)
    }

    /// Writes one record; what is longer than [`Debuglog::MAX_RECORD`] is cut.
    ///
    /// # Errors
    /// ACCESS_DENIED without WRITE.
    pub fn write(&self, options: u32, record: &[u8]) -> Result {
        // SAFETY: the record is valid for reads of its length.
        unsafe { raw::zx_debuglog_write(self.raw(), options, record.as_ptr(), record.len()) }.ok()
    }
}
