//! Counting tests and telling the result, in nextest's manner.

use std::fmt::Write;
use std::time::{Duration, Instant};

use crate::say::tell;

/// The tests so far.
#[derive(Debug)]
pub(crate) struct Tally {
    started: Instant,
    passed: usize,
    skipped: usize,
    failures: Vec<String>,
    /// Failures that another runner has named already.
    unnamed_failures: usize,
}

/// What a runner of its own counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
}

impl Tally {
    /// Nothing counted yet.
    pub(crate) fn start() -> Self {
        Self { started: Instant::now(), passed: 0, skipped: 0, failures: Vec::new(), unnamed_failures: 0 }
    }

    /// One test that passed, shown at once.
    pub(crate) fn pass(&mut self, name: &str, took: Duration) {
        self.passed += 1;
        show("PASS", name, took);
    }

    /// One test that failed, shown at once and again at the end.
    pub(crate) fn fail(&mut self, name: &str, took: Duration) {
        self.failures.push(name.to_owned());
        show("FAIL", name, took);
    }

    /// One test by its result.
    pub(crate) fn record(&mut self, name: &str, passed: bool, took: Duration) {
        if passed { self.pass(name, took) } else { self.fail(name, took) }
    }

    /// One test that could not run here.
    pub(crate) fn skip(&mut self, name: &str, why: &str) {
        self.skipped += 1;
        tell(format_args!("{:>12} [         ] {name}: {why}", "SKIP"));
    }

    /// What another runner counted and showed.
    pub(crate) fn add(&mut self, counts: Counts) {
        self.passed += counts.passed;
        self.skipped += counts.skipped;
        self.unnamed_failures += counts.failed;
    }

    /// What was counted beside this, and shown.
    pub(crate) fn take(&mut self, other: Self) {
        self.passed += other.passed;
        self.skipped += other.skipped;
        self.failures.extend(other.failures);
        self.unnamed_failures += other.unnamed_failures;
    }

    /// Whether nothing failed and something ran.
    pub(crate) fn is_success(&self) -> bool {
        self.failed() == 0 && self.passed > 0
    }

    /// Whether nothing was run, so that nothing was shown either.
    pub(crate) fn is_empty(&self) -> bool {
        self.passed == 0 && self.failed() == 0 && self.skipped == 0
    }

    /// The closing lines. The last one stands alone, for those who read by machine.
    pub(crate) fn closing(&self) -> String {
        self.closing_after(self.started.elapsed())
    }

    fn closing_after(&self, took: Duration) -> String {
        let (passed, failed, skipped) = (self.passed, self.failed(), self.skipped);
        let mut text = format!("{}\n", "-".repeat(12));
        let _ = write!(
            text,
            "{:>12} [{}] {} tests run: {passed} passed",
            "Summary",
            clock(took),
            passed + failed
        );
        for (count, what) in [(failed, "failed"), (skipped, "skipped")] {
            if count > 0 || what == "failed" {
                let _ = write!(text, ", {count} {what}");
            }
        }
        text.push('\n');
        for name in &self.failures {
            let _ = writeln!(text, "{:>12} {name}", "FAIL");
        }
        let tail = if skipped > 0 { format!(", {skipped} skipped") } else { String::new() };
        let _ = write!(text, "{passed} passed, {failed} failed{tail}");
        text
    }

    fn failed(&self) -> usize {
        self.failures.len() + self.unnamed_failures
    }
}

fn show(verdict: &str, name: &str, took: Duration) {
    tell(format_args!("{verdict:>12} [{}] {name}", clock(took)));
}

fn clock(took: Duration) -> String {
    format!("{:>8.3}s", took.as_secs_f64())
}

impl Counts {
    /// Reads the summaries of nextest and of Cargo's own test runner; `None` if there is none.
    pub(crate) fn from_output(lines: &[String]) -> Option<Self> {
        let mut total = Self::default();
        let mut found = false;
        for line in lines {
            let line = line.trim_start();
            let counts = match line.strip_prefix("test result: ") {
                Some(rest) => rest,
                None if line.starts_with("Summary [") => line,
                None => continue,
            };
            found = true;
            total.passed += number_before(counts, "passed");
            total.failed += number_before(counts, "failed") + number_before(counts, "timed out");
            total.skipped += number_before(counts, "ignored");
        }
        found.then_some(total)
    }
}

/// The number that stands before `word`, or 0. Nextest's skipped tests are those that a filter left out.
fn number_before(text: &str, word: &str) -> usize {
    let Some((head, _)) = text.split_once(&format!(" {word}")) else { return 0 };
    let digits = head.rsplit(|c: char| !c.is_ascii_digit()).next();
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(text: &str) -> Option<Counts> {
        Counts::from_output(&text.lines().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn the_last_line_is_plain() {
        let mut tally = Tally::start();
        tally.add(Counts { passed: 300, failed: 0, skipped: 0 });
        tally.pass("lint rustfmt", Duration::from_millis(20));
        tally.fail("qemu virt-el1 vmo_read", Duration::from_secs(2));
        let text = tally.closing_after(Duration::from_millis(12_345));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], "     Summary [  12.345s] 302 tests run: 301 passed, 1 failed");
        assert_eq!(lines[2], "        FAIL qemu virt-el1 vmo_read");
        assert_eq!(lines[3], "301 passed, 1 failed");
        assert!(!tally.is_success());
    }

    #[test]
    fn no_test_is_no_success() {
        assert!(!Tally::start().is_success() && Tally::start().is_empty());
    }

    #[test]
    fn nextest_is_read() {
        let text = "     Summary [   1.204s] 57/60 tests run: 54 passed (1 slow), 2 failed, 1 timed out, 3 skipped\n";
        assert_eq!(counts(text), Some(Counts { passed: 54, failed: 3, skipped: 0 }));
    }

    #[test]
    fn cargo_test_is_read() {
        let text = "running 2 tests\ntest a ... ok\ntest result: ok. 2 passed; 0 failed; 1 ignored; 0 measured\n\
                    test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out\n";
        assert_eq!(counts(text), Some(Counts { passed: 2, failed: 1, skipped: 1 }));
    }

    #[test]
    fn a_build_that_fails_has_no_summary() {
        assert_eq!(counts("error: could not compile `kernel`"), None);
    }
}
