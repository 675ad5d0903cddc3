//! `qemu-test`: boot programs without anybody at the terminal; the result is init's exit status.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::boot::{BootArgs, Prepared};
use crate::report;
use crate::run::low_byte;
use crate::say::say;
use crate::session::{Session, Verdict};
use crate::setup::{self, Needs};
use crate::stop::Stop;

/// Boot programs in QEMU as a test: the exit status is the one with which the programs ended.
///
/// Like `run`, but without input and with a time limit. The console and the log go to standard output. Init
/// starts the programs that --program names, waits for them, and exits with the first status that is not 0;
/// that is the exit status here (its lowest eight bits, or 1 if those are zero). A program's status is what its main
/// function returned.
///
/// When it fails otherwise, the status is 101 for a panic of the kernel, 124 when the time is over and 1 when
/// QEMU ended without a word from init; the reason is printed, panics and faults with names and lines.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  cargo xtask qemu-test --program hello.elf
  cargo xtask qemu-test --program test.c --program more.c --grant roots
  cargo xtask qemu-test --program driver.elf --grant /pl031@9010000 --el 2 --timeout 20")]
pub(crate) struct QemuTestArgs {
    #[command(flatten)]
    boot: BootArgs,

    /// How long the run may take
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    timeout: u64,
}

/// The exit status when the time is over, as coreutils' `timeout` has it.
const TIMED_OUT: u8 = 124;

/// The verb.
pub(crate) fn run(args: &QemuTestArgs) -> Result<ExitCode> {
    if args.boot.program.is_empty() {
        bail!(
            "name what to test: --program FILE, a C source (hello.c) or an ELF file (target/jacinth/programs/rtc.elf)"
        );
    }
    args.boot.machine.check()?;
    let dtc = args.boot.machine.needs_dtc();
    let toolchain =
        setup::ensure(Needs { qemu: true, dtc, cc: args.boot.has_sources(), ..Needs::default() })?;
    let machine = args.boot.machine.with_tree()?;
    let prepared = Prepared::new(toolchain, &args.boot, true)?;
    say("Running", &prepared.boot.arguments);
    let stop = Stop::on_any_signal()?;
    let limit = Some(Duration::from_secs(args.timeout));
    let session = Session { limit, ..prepared.session(&machine, &stop) };
    let ended = session.run(Box::new(std::io::stdout()), Box::new(|_| {}))?;
    let verdict = ended.verdict();
    if verdict != Verdict::Init(0) {
        if !ended.complaints.trim().is_empty() {
            eprintln!("QEMU's messages:\n{}", ended.complaints.trim_end());
        }
        say("Failed", report::reason(verdict));
    }
    Ok(ExitCode::from(exit_code(verdict)))
}

fn exit_code(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Init(status) => low_byte(status),
        Verdict::Panic => 101,
        Verdict::TimedOut => TIMED_OUT,
        // Without a word from init not even 0 is a success.
        Verdict::Qemu(_) => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_word_from_init_is_success() {
        assert_eq!(exit_code(Verdict::Init(0)), 0);
        assert_eq!(exit_code(Verdict::Init(7)), 7);
        assert_eq!(exit_code(Verdict::Qemu(Some(0))), 1);
        assert_eq!(exit_code(Verdict::Panic), 101);
        assert_eq!(exit_code(Verdict::TimedOut), 124);
    }
}
