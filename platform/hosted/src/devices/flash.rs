//! NOR flash with the Intel command set, two 16-bit chips side by side, as QEMU's virt has it.
//!
//! Memory while it is in read mode; a store is a command and changes nothing by itself. Only programming
//! is modelled: tests put a word there and read or execute it.

use std::collections::BTreeMap;

use crate::bus::{Device, ExternalAbort, Width};

/// Puts the chips into read mode.
const READ_ARRAY: u32 = 0x00FF_00FF;
/// The next store programs the word.
const PROGRAM: u32 = 0x0040_0040;
/// What the status register reads when both chips are ready.
const READY: u32 = 0x0080_0080;

/// What the chips make of the next access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Array,
    Program,
    Status,
}

/// The flash: words that differ from the erased state.
#[derive(Clone, Debug)]
pub struct Flash {
    size: u64,
    words: BTreeMap<u64, u32>,
    mode: Mode,
}

impl Flash {
    /// Flash of `size` bytes that all read zero, as QEMU's without a file.
    pub const fn new(size: u64) -> Self {
        Self { size, words: BTreeMap::new(), mode: Mode::Array }
    }

    fn word(&self, offset: u64) -> u64 {
        u64::from(self.words.get(&(offset & !3)).copied().unwrap_or(0))
    }
}

impl Device for Flash {
    fn read(&mut self, offset: u64, width: Width) -> Result<u64, ExternalAbort> {
        if offset + width.bytes() > self.size {
            return Err(ExternalAbort);
        }
        if self.mode != Mode::Array {
            return Ok(u64::from(READY));
        }
        let pair = self.word(offset) | self.word(offset + 4) << 32;
        Ok(pair >> (offset % 4 * 8))
    }

    fn write(&mut self, offset: u64, width: Width, value: u64) -> Result<(), ExternalAbort> {
        if offset + width.bytes() > self.size {
            return Err(ExternalAbort);
        }
        let value = value as u32;
        self.mode = match (self.mode, value) {
            (Mode::Program, _) => {
                self.words.insert(offset & !3, value);
                Mode::Status
            }
            (_, PROGRAM) => Mode::Program,
            (_, READ_ARRAY) => Mode::Array,
            (mode, _) => mode,
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_programmed_by_command_and_read_in_read_mode() {
        let mut flash = Flash::new(0x1000);
        flash.write(0x10, Width::Word, 7).unwrap();
        assert_eq!(flash.read(0x10, Width::Word), Ok(0), "a plain store changes nothing");
        flash.write(0x10, Width::Word, u64::from(PROGRAM)).unwrap();
        flash.write(0x10, Width::Word, 7).unwrap();
        assert_eq!(flash.read(0x10, Width::Word), Ok(u64::from(READY)));
        flash.write(0, Width::Word, u64::from(READ_ARRAY)).unwrap();
        assert_eq!(flash.read(0x10, Width::Word), Ok(7));
        assert_eq!(flash.read(0x1000, Width::Byte), Err(ExternalAbort));
    }
}
