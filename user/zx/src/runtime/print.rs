//! Text for the log: one record a line.
use core::fmt::{self, Write};

use super::startup::debuglog;
use crate::object::Debuglog;
use crate::raw;

/// Writes a line to the log, as `std::println!` does to standard output.
///
/// Each line of the text is a record of its own; a line longer than a record goes on in the next one,
/// from the last space on.
#[macro_export]
macro_rules! println {
    ($($arg:tt)*) => {
        $crate::print(::core::format_args!($($arg)*))
    };
}

/// What [`println!`] calls.
pub fn print(text: fmt::Arguments<'_>) {
    let Some(log) = debuglog() else { return };
    let mut lines = Lines { line: [0; Debuglog::MAX_RECORD], len: 0, log };
    // A `Display` that fails has nothing more to say.
    let _ = lines.write_fmt(text);
    lines.end();
}

/// Collects a line and writes it when it is complete.
struct Lines<'a> {
    line: [u8; Debuglog::MAX_RECORD],
    len: usize,
    log: &'a Debuglog,
}

impl Lines<'_> {
    /// Writes the first `len` bytes of the line as a record, and keeps the rest.
    fn cut(&mut self, len: usize) {
        let record = self.line.get(..len).unwrap_or_default();
        // A log that does not take a record is no reason to fail, and there is nobody to tell.
        let _ = self.log.write(0, record);
        self.line.copy_within(len..self.len, 0);
        self.len -= len;
    }

    fn end(&mut self) {
        self.cut(self.len);
    }

    /// Makes room in a full line: the last word goes to the next record, if it is not the only one.
    fn wrap(&mut self) {
        let full = self.line.get(..self.len).unwrap_or_default();
        self.cut(full.iter().rposition(|&byte| byte == b' ').map_or(self.len, |space| space + 1));
    }
}

impl Write for Lines<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for part in text.split_inclusive('\n') {
            let (part, ends) = part.strip_suffix('\n').map_or((part, false), |part| (part, true));
            for character in part.chars() {
                while self.len + character.len_utf8() > self.line.len() {
                    self.wrap();
                }
                if let Some(free) = self.line.get_mut(self.len..) {
                    self.len += character.encode_utf8(free).len();
                }
            }
            if ends {
                self.end();
            }
        }
        Ok(())
    }
}

/// Says one thing where there may be no log and no heap: by the raw console if there is no log.
pub(crate) fn emergency(text: fmt::Arguments<'_>) {
    if debuglog().is_some() {
        return print(text);
    }
    let _ = writeln!(Console, "{text}");
}

struct Console;

impl Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // SAFETY: the text is valid for reads of its length.
        unsafe { raw::zx_debug_write(text.as_ptr(), text.len()) }.ok().map_err(|_| fmt::Error)
    }
}
