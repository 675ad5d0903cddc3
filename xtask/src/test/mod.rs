//! `test`: everything that must hold before a change lands.

mod allocations;
mod corpus;
mod forms;
mod host;
mod lint;
pub(crate) mod matrix;
mod miri;
mod readme;
mod records;
mod trees;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::abreast::{self, Room};
use crate::build;
use crate::paths;
use crate::say::tell;
use crate::setup::{self, Needs, Toolchain};
use crate::summary::Tally;

/// Check formatting and lints, run the host tests, and boot the conformance tests in QEMU.
///
/// Six parts, in this order:
///
///   lint    rustfmt and clippy with warnings denied, for this machine and for the bare-metal targets
///   host    the tests of every crate that runs here, by nextest if it is installed, else by cargo test
///   miri    the unit tests of the kernel's logic and of the pool of frames again, interpreted: undefined behaviour fails
///   corpus  real device trees against what they mean, where the folder is there (or --corpus names it)
///   forms   no access to device registers, in the kernel or a program, has a form that a hypervisor cannot emulate;
///           no exclusives before the MMU is on
///   qemu    a boot for each row of a table of machines (docs/boards.md): virt with GICv2 and GICv3, entered at EL1
///           and EL2, with one to eight CPUs and 64M to 8G of RAM, other boards, and other firmware; and machines that
///           are made to fail, whose panic record is read (record-*). A plugin watches each of them: no access to a
///           device, by whatever code, has a form that a hypervisor cannot emulate. Last, what device trees cost, in
///           instructions (trees-*); and memory that runs out at each place of the boot that asks for some
///           (boot-allocations)
///
/// Machines run side by side, and Miri beside the build of what they boot; it is told in the order above all the same.
/// All parts run even if one fails. Each QEMU run is bounded in time; when a row fails, its console, its log
/// and the backtrace with names are shown. The closing lines count everything:
///
///      Summary [  12.345s] 321 tests run: 320 passed, 1 failed
///   320 passed, 1 failed
///
/// When it fails: run the part alone with --only, and the test alone with --filter. `cargo fmt` mends format.
#[derive(clap::Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  cargo xtask test
  cargo xtask test --only host --filter ledger
  cargo xtask test --only qemu --filter gic3-el2
  cargo xtask test --only corpus --corpus ../corpus"
)]
pub(crate) struct TestArgs {
    /// Run one part
    #[arg(long, value_enum, value_name = "PART")]
    only: Option<Part>,

    /// Run the host tests and QEMU rows whose names contain this text; leaves lint, corpus and forms out
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,

    /// The folder with the device trees and what they mean [default: ../shared/corpus, if it is there]
    #[arg(long, value_name = "FOLDER")]
    corpus: Option<PathBuf>,

    /// How long one QEMU run may take
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    timeout: u64,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Lint,
    Host,
    Miri,
    Corpus,
    Forms,
    Qemu,
}

impl TestArgs {
    fn runs(&self, part: Part) -> bool {
        let filtered_out =
            self.filter.is_some() && matches!(part, Part::Lint | Part::Miri | Part::Corpus | Part::Forms);
        self.only.map_or(!filtered_out, |only| only == part)
    }

    /// The corpus to check: the one that was named, which must exist, or the usual place if it does.
    fn corpus(&self) -> Option<PathBuf> {
        let usual = || Some(paths::root().join("../shared/corpus")).filter(|folder| folder.is_dir());
        self.corpus.clone().or_else(usual)
    }
}

/// Each keeps one CPU busy for a minute or two: the interpreter, and the optimiser of whole programs.
enum Aside {
    Miri,
    /// What the later parts read and boot.
    Build,
}

impl Aside {
    fn run(self, toolchain: Toolchain, tally: &mut Tally) -> Result<()> {
        match self {
            Self::Miri => miri::run(tally),
            Self::Build => {
                // The parts that need it build again, and are who fails; after a good build that is nothing to do.
                if let Err(error) = build::all(toolchain).and_then(|_| build::firmware(toolchain)) {
                    tell(format_args!("error: {error:#}"));
                }
                Ok(())
            }
        }
    }
}

/// The verb.
pub(crate) fn run(args: &TestArgs) -> Result<ExitCode> {
    let needs = Needs {
        qemu: args.runs(Part::Qemu),
        lint: args.runs(Part::Lint),
        dtc: args.runs(Part::Host) || args.runs(Part::Corpus) || args.runs(Part::Qemu),
        gdb: false,
        cc: false,
    };
    let toolchain = setup::ensure(needs)?;
    let filter = args.filter.as_deref();
    let mut tally = Tally::start();
    if args.runs(Part::Lint) {
        lint::run(toolchain, &mut tally)?;
    }
    if args.runs(Part::Host) {
        host::run(filter, &mut tally)?;
    }
    if args.runs(Part::Miri) {
        let builds = args.runs(Part::Forms) || args.runs(Part::Qemu);
        let jobs = if builds { vec![Aside::Miri, Aside::Build] } else { vec![Aside::Miri] };
        abreast::test(
            Room::jobs(jobs.len()),
            jobs,
            &mut tally,
            |_| 1,
            |job, tally| job.run(toolchain, tally),
        )?;
    }
    if args.runs(Part::Corpus) {
        corpus::run(args.corpus().as_deref(), &mut tally);
    }
    if args.runs(Part::Forms) {
        forms::run(toolchain, &mut tally);
    }
    if args.runs(Part::Qemu) {
        let limit = Duration::from_secs(args.timeout);
        let watcher = watch::Watcher::default();
        matrix::run(toolchain, filter, limit, &watcher, &mut tally)?;
        records::run(toolchain, filter, limit, &watcher, &mut tally)?;
        allocations::run(toolchain, filter, &watcher, &mut tally)?;
        trees::run(toolchain, filter, args.corpus().as_deref(), limit, &watcher, &mut tally)?;
    }
    println!("{}", tally.closing());
    if let Some(text) = filter.filter(|_| tally.is_empty()) {
        bail!(
            "no test's name contains {text:?}: docs/boards.md lists the rows, `cargo test -- --list` the host tests, and \
             --only may have picked the wrong part"
        );
    }
    Ok(if tally.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        test: TestArgs,
    }

    fn parts(line: &[&str]) -> Vec<Part> {
        let args = Line::try_parse_from(["x"].iter().chain(line)).ok().unwrap().test;
        [Part::Lint, Part::Host, Part::Miri, Part::Corpus, Part::Forms, Part::Qemu]
            .into_iter()
            .filter(|part| args.runs(*part))
            .collect()
    }

    #[test]
    fn parts_are_chosen() {
        assert_eq!(parts(&[]), [Part::Lint, Part::Host, Part::Miri, Part::Corpus, Part::Forms, Part::Qemu]);
        assert_eq!(parts(&["--only", "qemu"]), [Part::Qemu]);
        assert_eq!(parts(&["--filter", "virt"]), [Part::Host, Part::Qemu]);
        assert_eq!(parts(&["--filter", "virt", "--only", "lint"]), [Part::Lint]);
    }
}
