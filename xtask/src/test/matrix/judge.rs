//! What a row's run means: its test lines counted, and the row as a test of its own.

use std::sync::mpsc;
use std::time::Instant;

use abi::PAGE_SIZE;

use crate::report;
use crate::say::say;
use crate::session::{Ended, Verdict};
use crate::summary::{Counts, Tally};
use crate::test::readme;

use super::table::{Firmware, PI_BANKS, Row, Source, Task, UNMEASURED};
use super::{c, c_page};

/// How long an entry into the kernel may hold the lock, in instructions: a fifth of the 1 ms timer that the scenarios
/// `BND-*` keep while large things end.
const LONGEST_HOLD: u64 = 200_000;

/// What the console's test lines said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    passed: usize,
    failed: usize,
    waiting: usize,
}

/// How one test of the conformance program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TestResult<'a> {
    Passed,
    Failed(&'a str),
    /// It needs a system call that the kernel does not have yet.
    Waiting,
}

/// Shows and counts the test lines while the machine runs.
pub(super) fn count(row: &str, lines: mpsc::Receiver<(Instant, String)>, tally: &mut Tally) -> Seen {
    let mut seen = Seen::default();
    let mut last = Instant::now();
    for (at, line) in lines {
        let Some((test, result)) = test_line(&line) else { continue };
        let took = at.saturating_duration_since(std::mem::replace(&mut last, at));
        match result {
            TestResult::Passed => {
                seen.passed += 1;
                tally.pass(&format!("{row} {test}"), took);
            }
            TestResult::Failed(why) => {
                seen.failed += 1;
                tally.fail(&format!("{row} {test}: {why}"), took);
            }
            TestResult::Waiting => {
                seen.waiting += 1;
                tally.add(Counts { skipped: 1, ..Counts::default() });
            }
        }
    }
    seen
}

/// `test NAME ... ok`, `test NAME ... FAILED: why` or `test NAME ... waiting for what`, after the time and the
/// program's name, which the kernel puts before a line of the debug log.
fn test_line(line: &str) -> Option<(&str, TestResult<'_>)> {
    let text = match line.strip_prefix('[') {
        Some(stamped) => stamped.split_once("] ")?.1.split_once(": ")?.1,
        None => line,
    };
    let (name, result) = text.strip_prefix("test ")?.split_once(" ... ")?;
    let result = result.trim_end();
    if result == "ok" {
        return Some((name, TestResult::Passed));
    }
    if result.starts_with("waiting for ") {
        return Some((name, TestResult::Waiting));
    }
    let why = result.strip_prefix("FAILED")?.trim_start_matches([':', ' ']);
    Some((name, TestResult::Failed(why)))
}

/// The row as a test of its own: it boots, does its task and ends well. `fault` is what was found wrong meanwhile.
pub(super) fn judge(
    row: &Row,
    name: &str,
    ended: &Ended,
    seen: Seen,
    fault: Option<String>,
    tally: &mut Tally,
) {
    let why = wrong(row, ended, seen).or(fault);
    if let Some(why) = &why {
        tally.fail(&format!("{name}: {why}"), ended.took);
    } else if seen.failed == 0 {
        tally.pass(name, ended.took);
    }
    if why.is_some() || seen.failed > 0 {
        report::show(name, ended);
    }
}

/// What is wrong with a run, apart from tests that failed; `None` if nothing is.
fn wrong(row: &Row, ended: &Ended, seen: Seen) -> Option<String> {
    let verdict = ended.verdict();
    let said = || row.says.iter().copied().find_map(|text| unsaid(text, &ended.transcript));
    match (row.task, verdict) {
        (Task::Conformance | Task::Short | Task::Anywhere, Verdict::Init(_))
            if seen.passed + seen.failed == 0 =>
        {
            Some("no test reported".to_owned())
        }
        // Init passes the program's failure on; those lines are counted already.
        (Task::Conformance | Task::Short | Task::Anywhere, Verdict::Init(status))
            if status != 0 && seen.failed > 0 =>
        {
            None
        }
        (Task::Conformance | Task::Short | Task::Anywhere, Verdict::Init(0)) => {
            missing_cpus(row.cpus, row.arguments != UNMEASURED, &ended.transcript)
                .or_else(|| if row.counted { held_too_long(&ended.transcript) } else { None })
                .or_else(|| idle_memory(banks(row), &ended.transcript))
                .or_else(said)
        }
        (Task::C, Verdict::Init(status)) if status == 0 || seen.failed > 0 => {
            c::missing(&ended.transcript).or_else(said)
        }
        (Task::CPage, Verdict::Init(0)) => c_page::missing(&ended.transcript).or_else(said),
        (Task::Date, Verdict::Init(0)) => report::missing_date(&ended.transcript)
            .or_else(|| readme::missing(&ended.transcript))
            .or_else(said),
        (Task::Default, Verdict::Init(0)) => idle_memory(banks(row), &ended.transcript).or_else(said),
        (Task::PowerOff, Verdict::Init(0)) => {
            let is_off = ended.status.is_some_and(|status| status.success());
            if is_off { said() } else { Some("the machine did not switch itself off".to_owned()) }
        }
        // It would go on like this: it is ended from here.
        (Task::Reset, _) => {
            let greetings = ended.transcript.iter().filter(|line| line.starts_with(GREETING)).count();
            if greetings > 1 { said() } else { Some("the machine did not start anew".to_owned()) }
        }
        // It ends by semihosting, or stays as it is and is ended from here.
        (Task::Refusal(why), Verdict::Panic | Verdict::TimedOut) => {
            unsaid(why, &ended.transcript).or_else(said)
        }
        _ => Some(report::reason(verdict)),
    }
}

/// How the kernel greets.
pub(super) const GREETING: &str = "Jacinth ";

/// A complaint if no line has `text` in it.
fn unsaid(text: &str, transcript: &[String]) -> Option<String> {
    let found = transcript.iter().any(|line| line.contains(text));
    (!found).then(|| format!("the kernel did not say \"{text}\""))
}

/// What the kernel did not say of its CPUs: how many run, and what each had of the lock if that is measured.
fn missing_cpus(cpus: u8, measured: bool, transcript: &[String]) -> Option<String> {
    let greeting = if cpus == 1 { "1 CPU runs".to_owned() } else { format!("{cpus} CPUs run") };
    if !transcript.contains(&greeting) {
        return Some(format!("the kernel did not say \"{greeting}\""));
    }
    let counted = |cpu: &u8| {
        let start = format!("CPU {cpu}: lock held ");
        transcript.iter().any(|line| line.starts_with(&start))
    };
    let silent = (0..cpus).find(|cpu| measured && !counted(cpu))?;
    Some(format!("CPU {silent} never had the kernel's lock"))
}

/// RAM that lies in pieces.
fn banks(row: &Row) -> &'static [(u64, u64)] {
    match (row.tree, row.firmware) {
        (Source::Banks(banks), _) => banks,
        (_, Firmware::Armstub) => PI_BANKS,
        _ => &[],
    }
}

/// What is wrong with the memory that the kernel found, where it lies in pieces: nearly all of it is to be used.
fn idle_memory(banks: &[(u64, u64)], transcript: &[String]) -> Option<String> {
    if banks.is_empty() {
        return None;
    }
    let pages: u64 = banks.iter().map(|(_, size)| size / PAGE_SIZE).sum();
    let free = transcript.iter().find_map(|line| {
        let (before, _) = line.split_once(" pages are free, init starts")?;
        before.rsplit(' ').next()?.parse::<u64>().ok()
    });
    match free {
        None => Some("the kernel did not say how many pages are free".to_owned()),
        Some(free) if free > pages || free < pages - pages / 16 => {
            Some(format!("{free} pages are free, of {pages} in {} banks", banks.len()))
        }
        Some(_) => None,
    }
}

/// What is wrong with the time for which the lock was held, where instructions count it.
fn held_too_long(transcript: &[String]) -> Option<String> {
    let longest = transcript.iter().filter_map(|line| {
        let (_, held) = line.split_once(": lock held ")?;
        held.split_once("longest ")?.1.split_once(" ns")?.0.parse::<u64>().ok()
    });
    match longest.max() {
        None => Some("the kernel did not say how long its lock was held".to_owned()),
        Some(longest) if longest > LONGEST_HOLD => {
            Some(format!("the kernel's lock was held for {longest} instructions, {LONGEST_HOLD} are allowed"))
        }
        Some(longest) => {
            say("Counted", format!("the longest hold of the kernel's lock: {longest} instructions"));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_lines_are_read() {
        assert_eq!(test_line("test vmo_read ... ok"), Some(("vmo_read", TestResult::Passed)));
        assert_eq!(test_line("test vmo_read ... ok\r"), Some(("vmo_read", TestResult::Passed)));
        assert_eq!(test_line("test a: b ... FAILED: not 3"), Some(("a: b", TestResult::Failed("not 3"))));
        assert_eq!(test_line("test vmo_read ... FAILED"), Some(("vmo_read", TestResult::Failed(""))));
        assert_eq!(test_line("test V-1 ... waiting for zx_x"), Some(("V-1", TestResult::Waiting)));
        assert_eq!(test_line("test vmo_read ... perhaps"), None);
        assert_eq!(test_line("best vmo_read ... ok"), None);
    }

    #[test]
    fn the_debug_log_puts_time_and_program_before_a_line() {
        let line = "[    2.792039] conformance: test ORA-J11 a mapping: right ... ok";
        assert_eq!(test_line(line), Some(("ORA-J11 a mapping: right", TestResult::Passed)));
        assert_eq!(test_line("[    2.792039] conformance: 305 passed, 1 failed, 60 waiting"), None);
    }

    #[test]
    fn every_cpu_must_have_taken_part() {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let whole = lines("2 CPUs run\nCPU 0: lock held 9 x\nCPU 1: lock held 1 x");
        assert_eq!(missing_cpus(2, true, &whole), None);
        assert_eq!(missing_cpus(2, true, &whole[..2]), Some("CPU 1 never had the kernel's lock".to_owned()));
        assert_eq!(missing_cpus(2, false, &whole[..1]), None);
        assert_eq!(missing_cpus(4, true, &whole), Some("the kernel did not say \"4 CPUs run\"".to_owned()));
        assert_eq!(missing_cpus(1, true, &lines("1 CPU runs\nCPU 0: lock held 9 x")), None);
    }

    #[test]
    fn what_a_row_says_may_be_part_of_a_line() {
        let lines = ["CPU 0x2 stays off: it is late".to_owned()];
        assert_eq!(unsaid("0x2 stays off", &lines), None);
        assert_eq!(unsaid("0x3 stays", &lines), Some("the kernel did not say \"0x3 stays\"".to_owned()));
    }

    #[test]
    fn memory_in_pieces_is_used_as_a_whole() {
        let banks = &[(0, 0x10_0000), (0x1000_0000, 0x10_0000)];
        let said = |free: &str| [format!("0.1 INFO  kernel: {free} pages are free, init starts")];
        assert_eq!(idle_memory(banks, &said("500")), None);
        assert_eq!(idle_memory(&[], &[]), None);
        assert_eq!(
            idle_memory(banks, &said("256")),
            Some("256 pages are free, of 512 in 2 banks".to_owned())
        );
        assert!(idle_memory(banks, &said("513")).is_some() && idle_memory(banks, &[]).is_some());
    }

    #[test]
    fn a_hold_is_judged_by_its_own_figure() {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let line = "CPU 0: lock held 9 x, longest 200000 ns, together 1 ns; waited for 1 x, longest 900000 ns, together 1 ns";
        assert_eq!(held_too_long(&lines(line)), None);
        let long = line.replace("longest 200000", "longest 200001");
        assert!(held_too_long(&lines(&long)).is_some_and(|why| why.contains("200001")));
        assert!(held_too_long(&lines("CPU 0: lock held often")).is_some());
    }
}
