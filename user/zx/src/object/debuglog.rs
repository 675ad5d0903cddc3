//! The log.
use abi::status::Result;

use super::Resource;
use crate::handle::{created, object};
use crate::{Object, raw};

object!(
    /// The log, open for writing and perhaps for reading.
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

    /// Reads the next record into `buffer`: an [`abi::log::LogRecord`] and its text, cut where the buffer ends. How many bytes.
    ///
    /// # Errors
    /// ACCESS_DENIED if it was not opened for reading, SHOULD_WAIT if there is no other record yet.
    pub fn read(&self, buffer: &mut [u8]) -> Result<usize> {
        // SAFETY: the buffer is valid for writes of its length.
        let answer = unsafe { raw::zx_debuglog_read(self.raw(), 0, buffer.as_mut_ptr(), buffer.len()) };
        if answer.0 > 0 { Ok(answer.0 as usize) } else { answer.ok().map(|()| 0) }
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
