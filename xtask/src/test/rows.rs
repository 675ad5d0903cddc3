//! The QEMU tests: a table of machines, each of which boots and reports.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::boot::Prepared;
use crate::bootargs;
use crate::build::{self, Artifacts, CONFORMANCE, Program};
use crate::qemu::MachineArgs;
use crate::report;
use crate::say::say;
use crate::scratch::Scratch;
use crate::session::{Ended, Session, Verdict};
use crate::setup::Toolchain;
use crate::stop::Stop;
use crate::summary::{Counts, Tally};
use crate::test::readme;

/// One machine and what it boots.
struct Row {
    name: &'static str,
    gic: u8,
    el: u8,
    cpu: &'static str,
    memory: &'static str,
    cpus: u8,
    /// CPUs that the device tree lists besides, and that the machine does not have.
    absent: u8,
    /// Whether time is counted in instructions, a nanosecond each: what the host does meanwhile does not show, and how
    /// long the kernel's lock is held can be judged.
    counted: bool,
    task: Task,
}

/// How long an entry into the kernel may hold the lock, in instructions: a fifth of the 1 ms timer that the scenarios
/// `BND-*` keep while large things end.
const LONGEST_HOLD: u64 = 200_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Task {
    /// The conformance program, which prints one line for each of its tests.
    Conformance,
    /// What `cargo xtask run` boots: the program that prints the date.
    Date,
}

/// One and four CPUs under each controller and from each level, and eight. The others have two CPUs: with one, QEMU
/// does not check that accesses to Device memory are aligned. The CPUs are of two kinds: the oldest and the newest
/// architecture among them take different paths in the kernel.
const ROWS: [Row; 19] = [
    conformance("virt-gic2-el1-1cpu", 2, 1, 1),
    conformance("virt-gic2-el1-4cpus", 2, 1, 4),
    conformance("virt-gic2-el2-1cpu", 2, 2, 1),
    conformance("virt-gic2-el2-4cpus", 2, 2, 4),
    conformance("virt-gic3-el1-1cpu", 3, 1, 1),
    conformance("virt-gic3-el1-4cpus", 3, 1, 4),
    conformance("virt-gic3-el2-1cpu", 3, 2, 1),
    conformance("virt-gic3-el2-4cpus", 3, 2, 4),
    conformance("virt-gic3-el2-8cpus", 3, 2, 8),
    Row { cpu: "max", ..conformance("virt-gic2-el1-2cpus-max", 2, 1, 2) },
    Row { cpu: "max", ..conformance("virt-gic3-el2-2cpus-max", 3, 2, 2) },
    Row { memory: "64M", ..conformance("virt-gic2-el1-2cpus-64M", 2, 1, 2) },
    Row { memory: "8G", ..conformance("virt-gic2-el1-2cpus-8G", 2, 1, 2) },
    Row { memory: "64M", ..conformance("virt-gic3-el1-2cpus-64M", 3, 1, 2) },
    Row { memory: "8G", ..conformance("virt-gic3-el1-2cpus-8G", 3, 1, 2) },
    Row { absent: 2, ..conformance("virt-gic2-el1-2cpus-2absent", 2, 1, 2) },
    Row { counted: true, ..conformance("virt-gic2-el1-1cpu-icount", 2, 1, 1) },
    Row { task: Task::Date, ..conformance("virt-gic2-el1-2cpus-date", 2, 1, 2) },
    Row { task: Task::Date, ..conformance("virt-gic3-el2-2cpus-date", 3, 2, 2) },
];

const fn conformance(name: &'static str, gic: u8, el: u8, cpus: u8) -> Row {
    Row {
        name,
        gic,
        el,
        cpu: "cortex-a72",
        memory: "512M",
        cpus,
        absent: 0,
        counted: false,
        task: Task::Conformance,
    }
}

/// The conformance program may make any resource, and the kernel's test hooks are on.
const CONFORMANCE_ARGUMENTS: &str = "program=conformance grant=conformance:roots test semihosting";

/// Builds once and boots every row.
pub(super) fn run(
    toolchain: Toolchain,
    filter: Option<&str>,
    limit: Duration,
    tally: &mut Tally,
) -> Result<()> {
    let rows: Vec<&Row> =
        ROWS.iter().filter(|row| filter.is_none_or(|text| row.name.contains(text))).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let Some(artifacts) = built(toolchain, "qemu build", tally) else { return Ok(()) };
    let stop = Stop::on_any_signal()?;
    rows.into_iter().try_for_each(|row| boot(row, &artifacts, limit, &stop, tally))
}

/// What the machines boot. A build that fails is a failed test of this name.
pub(super) fn built(toolchain: Toolchain, name: &str, tally: &mut Tally) -> Option<Artifacts> {
    let started = Instant::now();
    build::all(toolchain)
        .inspect_err(|error| {
            eprintln!("error: {error:#}");
            tally.fail(name, started.elapsed());
        })
        .ok()
}

fn boot(row: &Row, artifacts: &Artifacts, limit: Duration, stop: &Stop, tally: &mut Tally) -> Result<()> {
    let name = format!("qemu {}", row.name);
    let mut machine = MachineArgs {
        el: Some(row.el),
        gic: Some(row.gic),
        smp: Some(row.cpus),
        cpu: Some(row.cpu.to_owned()),
        memory: Some(row.memory.parse().map_err(anyhow::Error::msg)?),
        icount: row.counted,
        ..MachineArgs::default()
    };
    let scratch = Scratch::new()?;
    if row.absent > 0 {
        // The tree of a larger machine: its firmware would know all CPUs, this one's refuses some.
        let tree = scratch.path().join("larger.dtb");
        MachineArgs { smp: Some(row.cpus + row.absent), ..machine.clone() }.dump_tree(&tree)?;
        machine.dtb = Some(tree);
    }
    let (programs, arguments) = match row.task {
        Task::Conformance => {
            let program = Program { name: CONFORMANCE.to_owned(), path: artifacts.program(CONFORMANCE) };
            (vec![program], CONFORMANCE_ARGUMENTS.to_owned())
        }
        Task::Date => (Vec::new(), bootargs::compose(&[], &[], true)),
    };
    let prepared = Prepared::with(artifacts.clone(), &programs, arguments, true)?;
    let Row { gic, el, cpus, cpu, memory, .. } = row;
    say("Booting", format!("{name}: GICv{gic}, EL{el}, {cpus} {cpu}, {memory} RAM"));
    let session = Session { limit: Some(limit), ..prepared.session(&machine, stop) };
    let (sender, lines) = mpsc::channel();
    // The receiver lives as long as the session; a line that cannot be sent is in the transcript.
    let on_line = Box::new(move |line: &str| drop(sender.send((Instant::now(), line.to_owned()))));
    let (ended, failures) = std::thread::scope(|scope| {
        let counter = scope.spawn(|| count(&name, lines, tally));
        let ended = session.run(Box::new(std::io::sink()), on_line);
        (ended, counter.join())
    });
    let (ended, Ok(seen)) = (ended?, failures) else { anyhow::bail!("the counter of {name} panicked") };
    judge(row, &name, &ended, seen, tally);
    Ok(())
}

/// What the console's test lines said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
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
fn count(row: &str, lines: mpsc::Receiver<(Instant, String)>, tally: &mut Tally) -> Seen {
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

/// The row as a test of its own: it boots, does its task and ends well.
fn judge(row: &Row, name: &str, ended: &Ended, seen: Seen, tally: &mut Tally) {
    let verdict = ended.verdict();
    let why = match (row.task, verdict) {
        (Task::Conformance, Verdict::Init(_)) if seen.passed + seen.failed == 0 => {
            Some("no test reported".to_owned())
        }
        // Init passes the program's failure on; those lines are counted already.
        (Task::Conformance, Verdict::Init(status)) if status != 0 && seen.failed > 0 => None,
        (Task::Date, Verdict::Init(0)) => {
            report::missing_date(&ended.transcript).or_else(|| readme::missing(&ended.transcript))
        }
        (Task::Conformance, Verdict::Init(0)) => missing_cpus(row.cpus, row.absent, &ended.transcript)
            .or_else(|| if row.counted { held_too_long(&ended.transcript) } else { None }),
        _ => Some(report::reason(verdict)),
    };
    if let Some(why) = &why {
        tally.fail(&format!("{name}: {why}"), ended.took);
    } else if seen.failed == 0 {
        tally.pass(name, ended.took);
    }
    if why.is_some() || seen.failed > 0 {
        report::show(name, ended);
    }
}

/// What the kernel did not say of its CPUs: which stay off, how many run, and what each had of the lock.
fn missing_cpus(cpus: u8, absent: u8, transcript: &[String]) -> Option<String> {
    for cpu in cpus..cpus + absent {
        // INVALID_PARAMETERS (Arm DEN 0022, 5.2.2).
        let report = format!("CPU {cpu:#x} stays off: PSCI CPU_ON answers -2");
        if !transcript.contains(&report) {
            return Some(format!("the kernel did not say \"{report}\""));
        }
    }
    let greeting = if cpus == 1 { "1 CPU runs".to_owned() } else { format!("{cpus} CPUs run") };
    if !transcript.contains(&greeting) {
        return Some(format!("the kernel did not say \"{greeting}\""));
    }
    let counted = |cpu: &u8| {
        let start = format!("CPU {cpu}: lock held ");
        transcript.iter().any(|line| line.starts_with(&start))
    };
    let silent = (0..cpus).find(|cpu| !counted(cpu))?;
    Some(format!("CPU {silent} never had the kernel's lock"))
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
    fn the_rows_are_machines_that_the_command_line_allows() {
        for row in &ROWS {
            assert!(row.memory.parse::<crate::qemu::Memory>().is_ok(), "{}", row.name);
            assert!((1..=2).contains(&row.el), "{}", row.name);
            assert!((2..=3).contains(&row.gic), "{}", row.name);
            let part = format!("gic{}-el{}-{}cpu", row.gic, row.el, row.cpus);
            assert!(row.name.contains(&part), "{}", row.name);
        }
    }

    #[test]
    fn every_cpu_must_have_taken_part() {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let whole = lines("2 CPUs run\nCPU 0: lock held 9 x\nCPU 1: lock held 1 x");
        assert_eq!(missing_cpus(2, 0, &whole), None);
        assert_eq!(missing_cpus(2, 0, &whole[..2]), Some("CPU 1 never had the kernel's lock".to_owned()));
        let refused = [lines("CPU 0x2 stays off: PSCI CPU_ON answers -2"), whole.clone()].concat();
        assert_eq!(missing_cpus(2, 1, &refused), None);
        assert!(missing_cpus(2, 1, &whole).is_some_and(|why| why.contains("CPU 0x2 stays off")));
        assert_eq!(missing_cpus(4, 0, &whole), Some("the kernel did not say \"4 CPUs run\"".to_owned()));
        assert_eq!(missing_cpus(1, 0, &lines("1 CPU runs\nCPU 0: lock held 9 x")), None);
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
