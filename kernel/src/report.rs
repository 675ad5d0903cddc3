//! What the kernel prints: programs' records and its own lines, each with the time and who speaks.
use core::fmt::{self, Write};

use abi::PhysRange;

use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::object::{Name, Process};
use crate::ports::Machine;

/// Windows of a page group that one line names. No board that we know has more in a page.
const SHARERS_TOLD: usize = 64;

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
    pub(crate) fn print_text(&mut self, text: fmt::Arguments<'_>) {
        if !self.console.given_away {
            // The console takes everything.
            let _infallible = Writer(&mut self.machine).write_fmt(text);
        }
    }

    /// Prints a line about a process.
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

    /// Says why a process does not get a range exclusively: the windows of others that are in its pages.
    #[cold]
    pub(crate) fn say_half_group(&mut self, process: Id<Process>, range: PhysRange) {
        let stamp = Stamp(self.now());
        let process = self.objects.processes.get(process);
        let (name, koid) = process.map_or((Name::default(), 0), |it| (it.name, it.header.koid));
        if self.console.given_away {
            return;
        }
        let Self { machine, ledger, .. } = self;
        let others = ledger.sharers(range).filter(|sharer| !range.contains(sharer.window.range));
        let mut writer = Writer(machine);
        // The console takes everything.
        let _infallible = write!(
            writer,
            "{stamp} {} (koid {koid}): resource: {range} is not granted exclusively: the same pages hold",
            name.as_str()
        );
        for (number, other) in others.enumerate().take(SHARERS_TOLD) {
            let _infallible = write!(writer, "{} {other}", if number == 0 { "" } else { "," });
        }
        let whole = ledger.with_groups(range);
        let _infallible = writeln!(writer, "; ask for all of {whole}, or share them");
    }

    /// Hands the console over if a program has just claimed its window.
    pub(crate) fn claim_console(&mut self, process: Id<Process>, range: PhysRange) {
        if !self.console.given_away && self.console.window.is_some_and(|window| window.overlaps(range)) {
            self.say_of(
                process,
                format_args!("takes the console over; the kernel prints nothing more but a panic"),
            );
            self.console.given_away = true;
        }
    }
}
