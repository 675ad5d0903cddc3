//! The tests that run on this machine.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::process;
use crate::say::say;
use crate::setup::Toolchain;
use crate::summary::{Counts, Tally};

const LIMIT: Duration = Duration::from_secs(2400);

/// Says to the tests that `dtc` is there, so that a tree they cannot compile is a failure.
const DTC: (&str, &str) = ("JACINTH_DTC", "1");

/// Runs unit and integration tests, then the examples in the documentation, which nextest does not know.
pub(super) fn run(filter: Option<&str>, tally: &mut Tally) -> Result<()> {
    if process::find_program(&["cargo-nextest"]).is_some() {
        let mut tests = Toolchain::cargo("nextest");
        tests.args(["run", "--no-fail-fast", "--no-tests=pass", "--color=never"]).args(filter);
        runner("host tests", &mut tests, LIMIT, tally)?;
        let mut examples = Toolchain::cargo("test");
        examples.args(["--quiet", "--doc", "--no-fail-fast"]);
        return runner("host examples", with_filter(&mut examples, filter), LIMIT, tally);
    }
    let mut tests = Toolchain::cargo("test");
    tests.args(["--quiet", "--no-fail-fast"]);
    runner("host tests", with_filter(&mut tests, filter), LIMIT, tally)
}

fn with_filter<'a>(command: &'a mut Command, filter: Option<&str>) -> &'a mut Command {
    if let Some(filter) = filter {
        command.args(["--", filter]);
    }
    command
}

/// Has another runner test, within a limit, and counts what it counted.
pub(super) fn runner(name: &str, command: &mut Command, limit: Duration, tally: &mut Tally) -> Result<()> {
    say("Testing", process::shown(command));
    command.env(DTC.0, DTC.1);
    let started = Instant::now();
    let (status, lines) = process::tee(command, limit)?;
    let counts = Counts::from_output(&lines).unwrap_or_default();
    tally.add(counts);
    // The runner fails without a failed test when something does not build, and when it was ended.
    let succeeded = status.is_some_and(|status| status.success());
    if !succeeded && counts.failed == 0 {
        tally.fail(name, started.elapsed());
    }
    Ok(())
}
