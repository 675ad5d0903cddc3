//! What the machine reported.

use anyhow::{Context, Result};

const PAGE: u64 = 4096;

/// What the program and the kernel said in one run.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Report {
    /// Ticks in a second.
    pub(super) frequency: u64,
    /// Name, ticks and rounds, in the order of the console.
    pub(super) lines: Vec<(String, u64, u64)>,
    /// How the way to EL0 went.
    pub(super) start: Option<Start>,
    /// Every line that a program printed.
    pub(super) said: Vec<String>,
}

/// The kernel's own report of the way to EL0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Start {
    /// The counter at the first entry to EL0.
    pub(super) ticks: u64,
    /// Bytes of RAM that the kernel had by then.
    pub(super) kernel: u64,
    /// Bytes of the file system where the loader put it.
    pub(super) loaded: u64,
    /// Bytes that the first program took.
    pub(super) init: u64,
}

impl Report {
    /// Takes a line of console or log, if it is one of ours.
    pub(super) fn take(&mut self, line: &str) {
        if let Some(start) = Start::read(line) {
            self.start = Some(start);
        }
        // The kernel puts the time before a program's line, and the program's name.
        if line.starts_with('[') && line.contains("] ") {
            self.said.push(line.to_owned());
        }
        let Some((name, ticks, rounds)) = measured(line) else { return };
        match name {
            "frequency" => self.frequency = ticks,
            _ => self.lines.push((name.to_owned(), ticks, rounds)),
        }
    }

    /// The operation that a line is about.
    pub(super) fn operation(line: &str) -> Option<String> {
        measured(line).map(|(name, _, _)| name.to_owned())
    }

    /// Instructions in a round of an operation.
    pub(super) fn instructions(&self, name: &str) -> Option<u64> {
        let (_, ticks, rounds) = self.lines.iter().find(|(line, _, _)| line == name)?;
        self.nanoseconds(*ticks)?.checked_div(*rounds)
    }

    /// Instructions from reset to the first entry to EL0.
    pub(super) fn boot(&self) -> Result<u64> {
        let start = self.start.context("the kernel did not report when it entered EL0")?;
        self.nanoseconds(start.ticks).context("the program reported no counter frequency")
    }

    /// An instruction takes one virtual nanosecond.
    fn nanoseconds(&self, ticks: u64) -> Option<u64> {
        ticks.checked_mul(1_000_000_000)?.checked_div(self.frequency)
    }
}

/// Name, ticks and rounds in a line of the program's.
fn measured(line: &str) -> Option<(&str, u64, u64)> {
    let mut words = line.split_whitespace().skip_while(|word| *word != "bench").skip(1);
    Some((words.next()?, words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

impl Start {
    /// Reads the kernel's sentence (`report_start` in kernel/image/src/run.rs).
    fn read(line: &str) -> Option<Self> {
        let (_, rest) = line.split_once("EL0 was entered at tick ")?;
        let mut numbers =
            rest.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse::<u64>().ok());
        let (ticks, _ram) = (numbers.next()?, numbers.next()?);
        let [kernel, loaded, init] =
            [numbers.next()?, numbers.next()?, numbers.next()?].map(|pages| pages * PAGE);
        Some(Self { ticks, kernel, loaded, init })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_become_instructions() {
        let mut report = Report::default();
        report.take("[    0.1] bench: bench frequency 62500000 1");
        report.take("[    0.1] bench: bench null_handle_close_0 17500 1000");
        report.take("[    0.1] init: bench exited with status 0");
        assert_eq!(report.instructions("null_handle_close_0"), Some(280));
        assert_eq!(report.instructions("other"), None);
        assert_eq!(report.lines.len(), 1);
        assert!(report.boot().is_err());
    }

    #[test]
    fn the_way_to_el0_is_read_from_the_log() {
        let mut report = Report { frequency: 500_000_000, ..Report::default() };
        report.take(
            "INFO  kernel: EL0 was entered at tick 977: of 131072 pages the kernel had 3, the loader's file system 2, init 1",
        );
        assert_eq!(report.start, Some(Start { ticks: 977, kernel: 12288, loaded: 8192, init: 4096 }));
        assert_eq!(report.boot().unwrap(), 1954);
    }
}
