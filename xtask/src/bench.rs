//! `bench`: count the instructions of kernel operations, beside those of seL4 and Linux.

use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::boot::Prepared;
use crate::build::{self, BENCH, Program};
use crate::qemu::MachineArgs;
use crate::report;
use crate::say::say;
use crate::session::{Session, Verdict};
use crate::setup::{self, Needs};
use crate::stop::Stop;

/// Count the instructions of kernel operations, beside those of seL4 and Linux.
///
/// Boots QEMU with one CPU under `-icount shift=0,sleep=off`, where an instruction takes one virtual
/// nanosecond, and runs the program `bench`. The counts include the user side and repeat exactly. Instructions
/// are not cycles: exception entry, barriers and TLB maintenance count as one each.
///
/// The columns of seL4 16.0 and Linux 6.1 are measured in the same way under the same QEMU; an empty place means
/// that the system has no such operation. `goal` is what we want to reach.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  cargo xtask bench
  cargo xtask bench --json")]
pub(crate) struct BenchArgs {
    /// One line of JSON instead of the table
    #[arg(long)]
    json: bool,
}

/// One operation: its name on the wire, what it is, and what others need for it.
struct Anchor {
    name: &'static str,
    what: &'static str,
    sel4: Option<u32>,
    linux: Option<u32>,
    goal: Option<u32>,
}

const fn anchor(
    name: &'static str,
    what: &'static str,
    sel4: Option<u32>,
    linux: Option<u32>,
    goal: Option<u32>,
) -> Anchor {
    Anchor { name, what, sel4, linux, goal }
}

const ANCHORS: &[Anchor] = &[
    anchor("null_handle_close_0", "null call: zx_handle_close(0)", Some(91), Some(315), Some(75)),
    anchor("bad_handle_close", "bad handle: zx_handle_close(7)", Some(366), Some(409), Some(120)),
    anchor("vmo_get_size", "simplest call on an object: zx_vmo_get_size", Some(371), None, None),
    anchor("duplicate_and_close", "duplicate and close a handle", Some(1276), None, None),
    anchor(
        "device_page_create_map_read_unmap_close",
        "device page: create, map, read, unmap, close",
        Some(2403),
        Some(24184),
        Some(1100),
    ),
    anchor("device_page_map_unmap", "device page: map and unmap", Some(1049), Some(16209), Some(850)),
    anchor(
        "window_16_mib_map_unmap",
        "16 MiB window: map and unmap",
        Some(8000),
        Some(1_982_312),
        Some(1000),
    ),
    anchor("demand_zero_fault", "demand-zero page fault", Some(1129), Some(3284), Some(550)),
    anchor("vmo_read_4_kib", "zx_vmo_read of 4 KiB", None, None, Some(950)),
];

/// What the program reported.
#[derive(Debug, Default, PartialEq)]
struct Report {
    /// Ticks in a second.
    frequency: u64,
    /// Name, ticks and rounds.
    lines: Vec<(String, u64, u64)>,
}

impl Report {
    /// Takes a line of the console, if it is one of the program's.
    fn take(&mut self, line: &str) {
        let mut words = line.split_whitespace().skip_while(|word| *word != "bench").skip(1);
        let (Some(name), Some(Ok(ticks)), Some(Ok(rounds))) =
            (words.next(), words.next().map(str::parse::<u64>), words.next().map(str::parse::<u64>))
        else {
            return;
        };
        match name {
            "frequency" => self.frequency = ticks,
            _ => self.lines.push((name.to_owned(), ticks, rounds)),
        }
    }

    /// Instructions in a round of an operation.
    fn instructions(&self, name: &str) -> Option<u64> {
        let (_, ticks, rounds) = self.lines.iter().find(|(line, _, _)| line == name)?;
        let nanoseconds = ticks.checked_mul(1_000_000_000)?.checked_div(self.frequency)?;
        nanoseconds.checked_div(*rounds)
    }
}

/// The verb.
pub(crate) fn run(args: &BenchArgs) -> Result<ExitCode> {
    let toolchain = setup::ensure(Needs { qemu: true, ..Needs::default() })?;
    let artifacts = build::all(toolchain)?;
    let program = Program { name: BENCH.to_owned(), path: artifacts.program(BENCH) };
    let arguments = "program=bench grant=bench:/pl031@9010000 grant=bench:/flash@0 semihosting".to_owned();
    let prepared = Prepared::with(artifacts, &[program], arguments, true)?;
    // This model's counter runs at 1 GHz: a tick is an instruction.
    let machine = MachineArgs { cpu: Some("max".to_owned()), icount: true, ..MachineArgs::default() };
    say("Counting", "instructions under -icount shift=0,sleep=off");
    let stop = Stop::on_any_signal()?;
    let session = Session { limit: Some(Duration::from_secs(120)), ..prepared.session(&machine, &stop) };
    let (sender, lines) = mpsc::channel();
    // The receiver lives as long as the session.
    let on_line = Box::new(move |line: &str| drop(sender.send(line.to_owned())));
    let ended = session.run(Box::new(std::io::sink()), on_line)?;
    let verdict = ended.verdict();
    if verdict != Verdict::Init(0) {
        report::show("bench", &ended);
        bail!("the program did not finish: {}", report::reason(verdict));
    }
    let mut report = Report::default();
    lines.try_iter().for_each(|line| report.take(&line));
    ensure!(report.frequency > 0, "the program reported no counter frequency");
    if args.json { print_json(&report) } else { print_table(&report) }
}

fn print_json(report: &Report) -> Result<ExitCode> {
    let counts: serde_json::Map<String, serde_json::Value> = ANCHORS
        .iter()
        .filter_map(|anchor| Some((anchor.name.to_owned(), report.instructions(anchor.name)?.into())))
        .collect();
    println!("{}", serde_json::to_string(&counts).context("the figures are plain numbers")?);
    Ok(ExitCode::SUCCESS)
}

fn print_table(report: &Report) -> Result<ExitCode> {
    println!("| operation | Jacinth | goal | seL4 | Linux |");
    println!("|---|---:|---:|---:|---:|");
    let cell = |value: Option<u32>| value.map(|value| value.to_string()).unwrap_or_default();
    for anchor in ANCHORS {
        let ours = report.instructions(anchor.name);
        let ours = ours.map_or_else(|| "not measured".to_owned(), |count| count.to_string());
        let (goal, sel4, linux) = (cell(anchor.goal), cell(anchor.sel4), cell(anchor.linux));
        println!("| {} | {ours} | {goal} | {sel4} | {linux} |", anchor.what);
    }
    Ok(ExitCode::SUCCESS)
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
    }
}
