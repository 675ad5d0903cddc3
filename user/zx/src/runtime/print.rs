//! Text for the log: one record a line.
use core::fmt::{self, Write};

use super::startup::debuglog;
use crate::object::Debuglog;
use crate::raw;

/// Writes a line to the log, as `std::println!` does to standard output.
///
/// Each line of the text is a record of its own; a line longer than a record goes on in the next one.
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
    fn end(&mut self) {
        let line = self.line.get(..self.len).unwrap_or_default();
        // A log that does not take a record is no reason to fail, and there is nobody to tell.
        let _ = self.log.write(0, line);
        self.len = 0;
    }
}

impl Write for Lines<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for part in text.split_inclusive('\n') {
            let (part, ends) = part.strip_suffix('\n').map_or((part, false), |part| (part, true));
            for character in part.chars() {
                if self.len + character.len_utf8() > self.line.len() {
                    self.end();
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
