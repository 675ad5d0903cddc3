//! `run`: build, boot, and sit at the console.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use crate::boot::{BootArgs, Prepared};
use crate::process;
use crate::qemu::QEMU;
use crate::say::say;
use crate::session::{Session, Verdict};
use crate::setup::{self, Needs};
use crate::stop::Stop;

/// Where `run --gdb` waits for a debugger.
pub(crate) const GDB_PORT: &str = "127.0.0.1:1234";

/// Build everything, boot it in QEMU, and show the console and the log on this terminal.
///
/// Standard input goes to the machine's console. Ctrl-A X leaves, Ctrl-A C shows QEMU's monitor. Without
/// options the machine is `virt` with one Cortex-A72, and the program `rtc` starts, which is given the
/// real-time clock and prints the date. --board chooses another one, with a program that suits it.
///
/// A board with two UARTs has its console on the one that its device tree names; `--append console=serial0`
/// chooses the other. The kernel's log takes the one that is left.
///
/// What is missing (Rust targets, QEMU) is installed first, where that needs no password; elsewhere the
/// commands to type are printed. The exit status is init's, or 101 when the kernel panicked.
///
/// When it fails: a panic and a program's fault report come with function names and lines. If QEMU itself
/// refuses to start, its message is above; `--print` shows the command line that it was given.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  cargo xtask run
  cargo xtask run --el 2 --memory 2G
  cargo xtask run --program hello.c
  cargo xtask run --program driver.elf --grant /pl031@9010000
  cargo xtask run --board raspi4b
  cargo xtask run --board raspi4b --append console=serial0 --dtb bcm2711-rpi-4-b.dtb
  cargo xtask run --gdb           # then, on another terminal: cargo xtask debug --attach")]
pub(crate) struct RunArgs {
    #[command(flatten)]
    boot: BootArgs,

    /// Wait for a debugger on TCP port 1234 before the first instruction
    #[arg(long)]
    gdb: bool,

    /// Print QEMU's command line and do not run it. The path of the log's socket in it is an example
    #[arg(long)]
    print: bool,
}

/// The verb.
pub(crate) fn run(args: &RunArgs) -> Result<ExitCode> {
    args.boot.machine.check()?;
    let dtc = args.boot.machine.needs_dtc();
    let toolchain =
        setup::ensure(Needs { qemu: true, dtc, cc: args.boot.has_sources(), ..Needs::default() })?;
    let machine = args.boot.machine.with_tree()?;
    // Under a debugger a panic stops the machine instead of ending QEMU.
    let mut prepared = Prepared::new(toolchain, &args.boot, !args.gdb)?;
    prepared.boot.gdb = args.gdb.then(|| format!("tcp:{GDB_PORT}"));
    if args.print {
        let mut command = std::process::Command::new(QEMU);
        command.args(machine.arguments(&prepared.boot, &PathBuf::from("/tmp/jacinth-log")));
        println!("{}", process::shown(&command));
        return Ok(ExitCode::SUCCESS);
    }
    if args.gdb {
        say(
            "Waiting",
            format!("for a debugger on {GDB_PORT}: on another terminal, `cargo xtask debug --attach`"),
        );
    }
    say("Running", format!("{}; Ctrl-A X leaves", prepared.boot.arguments));
    let stop = Stop::on_any_signal()?;
    let session = Session { interactive: true, ..prepared.session(&machine, &stop) };
    let ended = session.run(Box::new(std::io::stdout()), Box::new(|_| {}))?;
    Ok(exit_code(ended.verdict()))
}

fn exit_code(verdict: Verdict) -> ExitCode {
    match verdict {
        Verdict::Init(status) => ExitCode::from(low_byte(status)),
        Verdict::Panic => ExitCode::from(101),
        // Ctrl-A X, or a machine that was powered off.
        Verdict::Qemu(Some(0)) => ExitCode::SUCCESS,
        Verdict::Qemu(_) | Verdict::TimedOut => {
            say("Failed", "QEMU ended with an error; `cargo xtask run --print` shows its command line");
            ExitCode::FAILURE
        }
    }
}

/// A process's exit status has eight bits. A failure stays one when those are zero.
pub(crate) fn low_byte(status: i64) -> u8 {
    match status.to_le_bytes()[0] {
        0 if status != 0 => 1,
        low => low,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_stays_a_failure_in_eight_bits() {
        assert_eq!(low_byte(0), 0);
        assert_eq!(low_byte(3), 3);
        assert_eq!(low_byte(256), 1);
        assert_eq!(low_byte(-1), 255);
    }
}
