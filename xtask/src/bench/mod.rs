//! `bench`: count the instructions of kernel operations, beside those of seL4 and Linux.

mod report;
mod rows;
mod table;
mod trace;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use self::report::Report;
use self::rows::{BOOT, LARGE_BOOT, RAM, ROWS};
use self::table::Figures;
use self::trace::{Counts, Sites};
use crate::boot::Prepared;
use crate::build::{self, Artifacts, BENCH, Program};
use crate::paths;
use crate::qemu::MachineArgs;
use crate::say::say;
use crate::scratch::Scratch;
use crate::session::{Session, Verdict};
use crate::setup::{self, Needs};
use crate::stop::Stop;

/// Count the instructions of kernel operations, beside those of seL4 and Linux.
///
/// Boots QEMU with one CPU under `-icount shift=0,sleep=off`, where an instruction takes one virtual
/// nanosecond, and runs the program `bench`. The counts include the user side and repeat exactly. Instructions
/// are not cycles: exception entry, barriers and TLB maintenance count as one each. The kernel's barriers (DSB, DMB,
/// ISB) and TLBI in a round are therefore counted too, by a trace of QEMU's. docs/figures.md says how to read it all.
///
/// The columns of seL4 16.0 and Linux 6.1 are measured in the same way under the same QEMU; an empty place means
/// that the system has no such operation. `goal` is what we want to reach.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  cargo xtask bench
  cargo xtask bench --json
  cargo xtask bench --readme")]
pub(crate) struct BenchArgs {
    /// One line of JSON instead of the table
    #[arg(long)]
    json: bool,

    /// Write the table into README.md as well
    #[arg(long)]
    readme: bool,
}

/// The operations' devices.
const ARGUMENTS: &str = "program=bench grant=bench:/pl031@9010000 grant=bench:/flash@0 \
                         grant=bench:/pcie@10000000 semihosting";
/// The word that has the program measure among many, and the memory that this takes.
const CURVES: &str = "curves";
const CURVES_MEMORY: &str = "1G";
/// Rounds of the two traced runs.
const FEW: u64 = 16;
const MANY: u64 = 80;
/// How long a run may take.
const LIMIT: Duration = Duration::from_secs(120);

/// The verb.
pub(crate) fn run(args: &BenchArgs) -> Result<ExitCode> {
    let toolchain = setup::ensure(Needs { qemu: true, ..Needs::default() })?;
    let bench = Bench { artifacts: build::all(toolchain)?, stop: Stop::on_any_signal()? };
    let figures = bench.measure()?;
    let table = figures.table();
    if args.json {
        println!("{}", serde_json::to_string(&figures.json()).context("the figures are plain numbers")?);
    } else {
        print!("{table}");
    }
    if args.readme {
        let path = paths::root().join("README.md");
        let readme =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        std::fs::write(&path, table::replace(&readme, &table)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
        say("Wrote", paths::shown(&path));
    }
    Ok(ExitCode::SUCCESS)
}

/// The machine to be measured.
struct Bench {
    artifacts: Artifacts,
    stop: Stop,
}

impl Bench {
    fn measure(&self) -> Result<Figures> {
        say("Counting", "instructions under -icount shift=0,sleep=off");
        let (small, large) = (self.boot("512M", "", &[])?, self.boot("8G", "", &[])?);
        let curves = self.boot(CURVES_MEMORY, CURVES, &[])?;
        let mut figures = Figures::default();
        for row in ROWS {
            let count = small.instructions(row.name).or_else(|| curves.instructions(row.name));
            figures.values.extend(count.map(|count| (row.name, count)));
        }
        let start = small.start.context("the kernel did not report when it entered EL0")?;
        figures.values.extend([(BOOT, small.boot()?), (LARGE_BOOT, large.boot()?), (RAM, start.kernel)]);
        let kib = |bytes: u64| bytes >> 10;
        say(
            "Counted",
            format!(
                "RAM before the first program: {} KiB; beside it the boot file system as loaded, {} KiB, and init, {} KiB",
                kib(start.kernel),
                kib(start.loaded),
                kib(start.init)
            ),
        );
        say("Tracing", "barriers and TLB operations");
        let sites = Sites::read(&self.artifacts.kernel_elf)?;
        let (few, many) = (self.trace(&sites, FEW)?, self.trace(&sites, MANY)?);
        for (row, (few, many)) in ROWS
            .iter()
            .filter(|row| !row.apart)
            .filter_map(|row| Some((row, (few.get(row.name)?, many.get(row.name)?))))
        {
            figures.counts.insert(row.name, trace::round(*few, *many, MANY - FEW));
        }
        Ok(figures)
    }

    /// What was executed for each operation, by name.
    fn trace(&self, sites: &Sites, rounds: u64) -> Result<BTreeMap<String, Counts>> {
        let scratch = Scratch::new()?;
        let file = scratch.path().join("trace");
        let report = self.boot("512M", &format!("rounds={rounds}"), &sites.arguments(&file))?;
        let trace = std::fs::read_to_string(&file).context("QEMU wrote no trace")?;
        let counts = sites.count(&trace, report.said.len())?;
        let named = report.said.iter().zip(counts);
        Ok(named.filter_map(|(line, counts)| Some((Report::operation(line)?, counts))).collect())
    }

    /// Runs the program on a machine with this much memory.
    fn boot(&self, memory: &str, more: &str, words: &[String]) -> Result<Report> {
        let program = Program { name: BENCH.to_owned(), path: self.artifacts.program(BENCH) };
        let prepared =
            Prepared::with(self.artifacts.clone(), &[program], format!("{ARGUMENTS} {more}"), true)?;
        // This model's counter runs at 1 GHz: a tick is an instruction.
        let machine = MachineArgs {
            cpu: Some("max".to_owned()),
            memory: Some(memory.parse().map_err(anyhow::Error::msg)?),
            icount: true,
            // Addresses are chosen at random, and some need more tables than others: the same for every run.
            qemu_arg: [&["-seed".to_owned(), "1".to_owned()], words].concat(),
            ..MachineArgs::default()
        };
        let session = Session { limit: Some(LIMIT), ..prepared.session(&machine, &self.stop) };
        let ended = session.run(Box::new(std::io::sink()), Box::new(|_| ()))?;
        let verdict = ended.verdict();
        if verdict != Verdict::Init(0) {
            crate::report::show("bench", &ended);
            bail!("the program did not finish: {}", crate::report::reason(verdict));
        }
        let mut report = Report::default();
        ended.transcript.iter().for_each(|line| report.take(line));
        ensure!(report.frequency > 0, "the program reported no counter frequency");
        Ok(report)
    }
}
