//! Serial consoles: polled output over a UART that firmware has set up.
//!
//! [`MODELS`] says which `compatible` strings are understood; the boot flow looks up the node that the device
//! tree's `stdout-path` names. A UART is a file here and an entry there. Baud rate and pins are the
//! firmware's: nobody else knows the board's clocks.
//!
//! Output never hangs: a UART that stays full for [`PATIENCE`] looks loses the byte.
#![no_std]
#![forbid(unsafe_code)]

mod pl011;

use core::fmt;

use mmio::{TooSmall, Window};

pub use pl011::Pl011;

/// How often a full UART is looked at before a byte is given up. At 9,600 baud a byte leaves in about a
/// millisecond, and a look at a device costs some hundred nanoseconds.
pub const PATIENCE: u32 = 1 << 20;

/// A UART that text can be written to.
pub enum Console<'m> {
    /// Arm's PL011, and the subset of it that the SBSA prescribes.
    Pl011(Pl011<'m>),
}

/// A kind of UART, by the strings that a device tree gives it.
pub struct Model {
    /// The `compatible` strings.
    pub compatible: &'static [&'static str],
    /// Makes the console over the node's first window.
    make: for<'m> fn(Window<'m>) -> Result<Console<'m>, TooSmall>,
}

/// Every kind of UART that is understood.
pub static MODELS: &[Model] = &[
    Model { compatible: &["arm,pl011"], make: |window| Ok(Console::Pl011(Pl011::enabled(window)?)) },
    Model { compatible: &["arm,sbsa-uart"], make: |window| Ok(Console::Pl011(Pl011::as_found(window)?)) },
];

impl Model {
    /// The model for the first of `compatible` that is understood.
    pub fn find<'s>(compatible: impl IntoIterator<Item = &'s str>) -> Option<&'static Self> {
        compatible
            .into_iter()
            .find_map(|string| MODELS.iter().find(|model| model.compatible.contains(&string)))
    }

    /// The console over a window.
    ///
    /// # Errors
    /// If the window is too small for the UART's registers.
    pub fn console<'m>(&self, window: Window<'m>) -> Result<Console<'m>, TooSmall> {
        (self.make)(window)
    }
}

impl Console<'_> {
    /// Writes bytes as they are.
    pub fn write_raw(&mut self, bytes: &[u8]) {
        match self {
            Self::Pl011(uart) => bytes.iter().for_each(|byte| uart.write(*byte)),
        }
    }

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
