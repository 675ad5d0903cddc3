//! Serial consoles: polled output over a UART that firmware has set up.
//!
//! A UART is a register that takes a byte and one that says whether there is room for it: `models` has an entry of
//! data for each kind, by the `compatible` strings of the device tree. The boot flow looks up the node that is meant.
//! Baud rate and pins are the firmware's: nobody else knows the board's clocks.
//!
//! Output never hangs: a UART that stays full for [`PATIENCE`] looks loses the byte.
#![no_std]
#![forbid(unsafe_code)]

mod models;
mod uart;

use core::fmt;

pub use models::Model;
pub use uart::{Console, Registers, Spread, Strange};

/// How often a full UART is looked at before a byte is given up. At 9,600 baud a byte leaves in about a
/// millisecond, and a look at a device costs some hundred nanoseconds.
pub const PATIENCE: u32 = 1 << 20;

impl Console<'_> {
    /// Writes text, with a carriage return before each line feed.
    pub fn write_text(&mut self, text: &[u8]) {
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            match line.split_last() {
                Some((b'\n', start)) => {
                    self.write_raw(start);
                    self.write_raw(b"\r\n");
                }
                _ => self.write_raw(line),
            }
        }
    }
}

/// Formatted text on its way to a console. Formatting comes in crumbs, a space at a time; they are gathered, and
/// what is left is written when this is dropped.
pub struct Gathered<'c, 'm> {
    console: &'c mut Console<'m>,
    text: [u8; 128],
    length: usize,
}

impl<'m> Console<'m> {
    /// For formatted text.
    pub fn gather(&mut self) -> Gathered<'_, 'm> {
        Gathered { console: self, text: [0; 128], length: 0 }
    }
}

impl Gathered<'_, '_> {
    fn flush(&mut self) {
        let length = core::mem::take(&mut self.length);
        self.console.write_text(self.text.get(..length).unwrap_or(&[]));
    }
}

impl fmt::Write for Gathered<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.len() > self.text.len() - self.length {
            self.flush();
        }
        match self.text.get_mut(self.length..self.length + text.len()) {
            Some(place) => {
                place.copy_from_slice(text.as_bytes());
                self.length += text.len();
            }
            None => self.console.write_text(text.as_bytes()),
        }
        Ok(())
    }

    fn write_char(&mut self, c: char) -> fmt::Result {
        match self.text.get_mut(self.length) {
            Some(place) if c.is_ascii() => {
                *place = c as u8;
                self.length += 1;
                Ok(())
            }
            _ => self.write_str(c.encode_utf8(&mut [0; 4])),
        }
    }
}

impl Drop for Gathered<'_, '_> {
    fn drop(&mut self) {
        self.flush();
    }
}
