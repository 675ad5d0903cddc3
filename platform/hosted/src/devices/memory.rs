//! Memory that is not RAM: registers that keep what is written, for windows without a model of their own.

use crate::bus::{Device, ExternalAbort, Width};

/// Bytes that read back as written.
#[derive(Clone, Debug)]
pub struct Memory {
    bytes: Vec<u8>,
}

impl Memory {
    /// `size` bytes of zero.
    pub fn new(size: usize) -> Self {
        Self { bytes: vec![0; size] }
    }

    fn range(&self, offset: u64, width: Width) -> Result<core::ops::Range<usize>, ExternalAbort> {
        let end = offset + width.bytes();
        if end > self.bytes.len() as u64 {
            return Err(ExternalAbort);
        }
        Ok(offset as usize..end as usize)
    }
}

impl Device for Memory {
    fn read(&mut self, offset: u64, width: Width) -> Result<u64, ExternalAbort> {
        let mut word = [0; 8];
        let range = self.range(offset, width)?;
        word[..range.len()].copy_from_slice(&self.bytes[range]);
        Ok(u64::from_le_bytes(word))
    }

    fn write(&mut self, offset: u64, width: Width, value: u64) -> Result<(), ExternalAbort> {
        let range = self.range(offset, width)?;
        let word = value.to_le_bytes();
        self.bytes[range.clone()].copy_from_slice(&word[..range.len()]);
        Ok(())
    }
}
