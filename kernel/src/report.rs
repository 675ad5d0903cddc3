//! What the kernel prints: programs' records and its own lines, each with the time and who speaks.
use alloc::vec::Vec;
use core::fmt::{self, Write};

use abi::{PhysAddr, PhysRange};

use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::object::{Name, Process};
use crate::ports::Machine;

/// Windows of a page group that one line names. No board that we know has more in a page.
const SHARERS_TOLD: usize = 64;

/// Bytes of a line that is put together before it is printed.
const LONGEST_LINE: usize = 4096;
/// Refusals in a row that are told.
const BURST: u32 = 16;
/// Nanoseconds after which one more is.
const PAUSE: i64 = 100_000_000;

/// How many refusals may be told: a program that has itself refused in a loop is not to fill console and log.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    /// Those that were told since it was last quiet for long enough.
    told: u32,
    /// Up to when those count that were.
    counted_to: i64,
    /// Those that were not told since the last one that was.
    untold: u64,
}

impl Refusals {
    /// Whether one is told now; how many before it were not.
    fn may_tell(&mut self, now: i64) -> Option<u64> {
        let pauses = now.saturating_sub(self.counted_to) / PAUSE;
        self.told = self.told.saturating_sub(u32::try_from(pauses).unwrap_or(u32::MAX));
        self.counted_to = self.counted_to.saturating_add(pauses.saturating_mul(PAUSE));
        if self.told >= BURST {
            self.untold = self.untold.saturating_add(1);
            return None;
        }
        self.told += 1;
        Some(core::mem::take(&mut self.untold))
    }
}

/// Gathers a line, as far as there is memory for it.
struct Line(Vec<u8>);

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let fits = self.0.len().saturating_add(text.len()) <= LONGEST_LINE;
        if !fits || self.0.try_reserve(text.len()).is_err() {
            return Err(fmt::Error);
        }
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// Formats straight to the console.
struct Writer<'a, M: Machine>(&'a mut M);

impl<M: Machine> Write for Writer<'_, M> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write_console(text.as_bytes());
        Ok(())
    }
}

/// Seconds and microseconds, as every line starts: `[    1.234567]`.
struct Stamp(i64);

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0 / 1000;
        write!(f, "[{:>5}.{:06}]", micros / 1_000_000, micros % 1_000_000)
    }
}

impl<M: Machine> Kernel<M> {
    /// Prints bytes as they are, unless a program owns the console.
    pub(crate) fn print(&mut self, bytes: &[u8]) {
        if !self.console.given_away {
            self.machine.write_console(bytes);
        }
    }

    /// Prints formatted text as it is, unless a program owns the console.
    #[inline(never)]
    pub(crate) fn print_text(&mut self, text: fmt::Arguments<'_>) {
        if !self.console.given_away {
            // The console takes everything.
            let _infallible = Writer(&mut self.machine).write_fmt(text);
        }
    }

    /// Prints a line about a process.
    #[inline(never)]
    pub(crate) fn say_of(&mut self, process: Id<Process>, text: fmt::Arguments<'_>) {
        let stamp = Stamp(self.now());
        let name = self.objects.processes.get(process).map(|process| process.name).unwrap_or_default();
        self.print_text(format_args!("{stamp} {}: {text}\n", name.as_str()));
    }

    /// Prints a program's record, a line for each of its lines. Bytes that would move the cursor are shown
    /// as dots, so that no program can pass for another or for the kernel.
    pub(crate) fn print_record(&mut self, process: Id<Process>, record: &[u8]) {
        let stamp = Stamp(self.now());
        let name = self.objects.processes.get(process).map(|process| process.name).unwrap_or_default();
        let record = record.strip_suffix(b"\n").unwrap_or(record);
        for line in record.split(|&byte| byte == b'\n') {
            self.print_text(format_args!("{stamp} {}: ", name.as_str()));
            let mut rest = line;
            while !rest.is_empty() {
                let plain = rest
                    .iter()
                    .position(|byte| byte.is_ascii_control() && *byte != b'\t')
                    .unwrap_or(rest.len());
                let (text, tail) = rest.split_at(plain);
                self.print(text);
                rest = match tail.split_first() {
                    Some((_control, tail)) => {
                        self.print(b".");
                        tail
                    }
                    None => tail,
                };
            }
            self.print(b"\n");
        }
    }

    /// Says why a process does not get a range exclusively: the windows of others that are in its pages. The line goes to
    /// the log, and to the console once the kernel is left ([`Kernel::take_later`]).
    #[cold]
    pub(crate) fn say_half_group(&mut self, process: Id<Process>, range: PhysRange) {
        let now = self.now();
        let Some(untold) = self.console.refusals.may_tell(now) else { return };
        let it = self.objects.processes.get(process);
        let (name, koid) = it.map_or((Name::default(), 0), |it| (it.name, it.header.koid));
        let mut line = Line(Vec::new());
        let stamp = Stamp(now);
        let told = write!(line, "{stamp} ");
        let start = line.0.len();
        let others = self.ledger.sharers(range).filter(|sharer| !range.contains(sharer.window.range));
        let told = told.and_then(|()| {
            write!(
                line,
                "{} (koid {koid}): resource: {range} is not granted exclusively: the same pages hold",
                name.as_str()
            )?;
            for (number, other) in others.enumerate().take(SHARERS_TOLD) {
                write!(line, "{} {other}", if number == 0 { "" } else { "," })?;
            }
            write!(line, "; ask for all of {}, or share them", self.ledger.with_groups(range))?;
            if untold > 0 {
                write!(line, " ({untold} refusals before this one were not told)")?;
            }
            line.write_str("\n")
        });
        // Without memory for all of it, it is told as far as it goes, and to the log if there is one.
        let _opened = self.journal.open();
        let text = line.0.get(start..).unwrap_or_default();
        self.journal.push(now, koid, 0, text.strip_suffix(b"\n").unwrap_or(text));
        if told.is_err() {
            self.console.refusals.untold = untold.saturating_add(1);
            line.0.last_mut().into_iter().for_each(|byte| *byte = b'\n');
        }
        self.console.later = Some(line.0);
        self.schedule.attention = true;
    }

    /// What is to be printed now that the kernel has been left, by whoever left it: a console is slow, and nobody is to
    /// wait for it.
    #[inline]
    pub fn take_later(&mut self) -> Option<Vec<u8>> {
        if self.console.later.is_none() { None } else { self.take_line() }
    }

    #[cold]
    fn take_line(&mut self) -> Option<Vec<u8>> {
        self.console.later.take().filter(|_| !self.console.given_away)
    }

    /// Whether the pages of a range of addresses are also the console's.
    pub(crate) fn is_of_console(&self, base: u64, size: u64) -> bool {
        let range = PhysRange::new(PhysAddr(base), size).map(PhysRange::expand_to_pages);
        self.console.window.zip(range.ok()).is_some_and(|(window, range)| window.overlaps(range))
    }

    /// Hands the console over if a program has just claimed its window.
    pub(crate) fn claim_console(&mut self, process: Id<Process>, range: PhysRange) {
        if self.console.window.is_some_and(|window| window.overlaps(range)) {
            self.give_console_away(process);
        }
    }

    #[cold]
    fn give_console_away(&mut self, process: Id<Process>) {
        if !self.console.given_away {
            self.say_of(
                process,
                format_args!("takes the console over; the kernel prints nothing more but a panic"),
            );
            self.console.given_away = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_of_refusals_is_told_now_and_then_with_how_many_were_not() {
        let mut refusals = Refusals::default();
        for number in 0..u64::from(BURST) + 100 {
            assert_eq!(refusals.may_tell(7), (number < u64::from(BURST)).then_some(0), "{number}");
        }
        assert_eq!(refusals.may_tell(PAUSE - 1), None);
        assert_eq!(refusals.may_tell(PAUSE), Some(101));
        assert_eq!(refusals.may_tell(2 * PAUSE - 1), None);
        // After a long while as many as at first, and not more.
        let late = 1_000_000 * PAUSE;
        assert_eq!(refusals.may_tell(late), Some(1));
        let told = (0..1000).filter(|_| refusals.may_tell(late).is_some()).count();
        assert_eq!(told, BURST as usize - 1);
    }
}
