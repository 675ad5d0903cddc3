//! Text for people: the console, and `print!` for boot messages and panics.
use core::fmt;

use console::Console;

use crate::lock::Leaf;

static CONSOLE: Leaf<Option<Console<'static>>> = Leaf::new(None);

/// Sends all further text to a console.
pub fn set_console(console: Console<'static>) {
    *CONSOLE.lock() = Some(console);
}

/// Whether text reaches anybody.
pub fn has_console() -> bool {
    CONSOLE.lock().is_some()
}

/// Writes text; nothing happens without a console.
pub fn write_text(text: &[u8]) {
    if let Some(console) = CONSOLE.lock().as_mut() {
        console.write_text(text);
    }
}

/// Writes formatted text: what [`print!`](crate::print) calls.
pub fn write_formatted(arguments: fmt::Arguments<'_>) {
    if let Some(console) = CONSOLE.lock().as_mut() {
        // A console does not fail; a `Display` that does loses its own text only.
        let _ = fmt::write(console, arguments);
    }
}

/// Writes formatted text from a panic: whoever holds the console may be the one who panicked, so a held lock
/// is passed over rather than waited for, and the text is lost to people but not to a debugger.
pub(crate) fn write_panic(arguments: fmt::Arguments<'_>) {
    if let Some(mut console) = CONSOLE.try_lock()
        && let Some(console) = console.as_mut()
    {
        let _ = fmt::write(console, arguments);
    }
}

/// Writes a line that needs no formatting, as [`write_panic`] does.
pub(crate) fn write_panic_line(line: &[u8]) {
    if let Some(mut console) = CONSOLE.try_lock()
        && let Some(console) = console.as_mut()
    {
        console.write_text(line);
        console.write_text(b"\n");
    }
}

/// Gives another CPU that is printing a moment to finish its piece.
pub(crate) fn await_console() {
    /// Looks at the lock: longer than a piece of text takes, and soon over if this CPU itself holds it.
    const LOOKS: u32 = 1 << 24;
    for _ in 0..LOOKS {
        if CONSOLE.try_lock().is_some() {
            return;
        }
        core::hint::spin_loop();
    }
}

/// Writes formatted text to the console.
#[macro_export]
macro_rules! print {
    ($($argument:tt)*) => { $crate::output::write_formatted(format_args!($($argument)*)) };
}

/// Writes a formatted line to the console.
#[macro_export]
macro_rules! println {
    () => { $crate::print!("\n") };
    ($($argument:tt)*) => { $crate::print!("{}\n", format_args!($($argument)*)) };
}
