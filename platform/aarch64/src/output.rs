//! Text for people: the console, and `print!` for boot messages and panics.
use core::fmt;
use core::sync::atomic::{AtomicUsize, Ordering};

use console::Console;
use spin::mutex::MutexGuard;

use crate::cpu;
use crate::lock::Leaf;

static CONSOLE: Leaf<Option<Console<'static>>> = Leaf::new(None);

/// The CPU that is writing: its number, counted from 1; 0 for none.
static WRITER: AtomicUsize = AtomicUsize::new(0);

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
    write(CONSOLE.lock(), |console| console.write_text(text));
}

/// Writes formatted text: what [`print!`](crate::print) calls.
pub fn write_formatted(arguments: fmt::Arguments<'_>) {
    // A console does not fail; a `Display` that does loses its own text only.
    write(CONSOLE.lock(), |console| _ = fmt::write(&mut console.gather(), arguments));
}

/// Writes formatted text from a panic: a held lock is passed over rather than waited for, and the text is lost to
/// people but not to a debugger.
pub(crate) fn write_panic(arguments: fmt::Arguments<'_>) {
    if let Some(console) = CONSOLE.try_lock() {
        write(console, |console| _ = fmt::write(&mut console.gather(), arguments));
    }
}

/// Writes a line that needs no formatting, as [`write_panic`] does.
pub(crate) fn write_panic_line(line: &[u8]) {
    if let Some(console) = CONSOLE.try_lock() {
        write(console, |console| {
            console.write_text(line);
            console.write_text(b"\n");
        });
    }
}

/// Makes the console free for a panic's text, if it can be: this CPU may have failed while it wrote there, and
/// another one has a moment to finish its piece.
pub(crate) fn free_console() {
    /// Looks at the lock: longer than a piece of text takes.
    const LOOKS: u32 = 1 << 24;
    let own = cpu::number().index() + 1;
    if WRITER.load(Ordering::Relaxed) == own {
        WRITER.store(0, Ordering::Relaxed);
        // SAFETY: this CPU holds the lock, or another number would stand there. What it was doing with the console
        // is not resumed, because a panic does not return; so neither its guard nor what that lent is used again.
        unsafe { CONSOLE.force_unlock() };
    }
    for _ in 0..LOOKS {
        if CONSOLE.try_lock().is_some() {
            return;
        }
        core::hint::spin_loop();
    }
}

fn write<R>(
    mut held: MutexGuard<'_, Option<Console<'static>>, R>,
    write: impl FnOnce(&mut Console<'static>),
) {
    if let Some(console) = held.as_mut() {
        WRITER.store(cpu::number().index() + 1, Ordering::Relaxed);
        write(console);
        WRITER.store(0, Ordering::Relaxed);
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
