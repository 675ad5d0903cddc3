//! `debug`: the kernel under a debugger, with symbols, from its first instruction.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::boot::{BootArgs, Prepared};
use crate::build::Artifacts;
use crate::process;
use crate::qemu::{MachineArgs, QEMU};
use crate::run::GDB_PORT;
use crate::say::say;
use crate::scratch::Scratch;
use crate::setup::{self, Needs, Tool};
use crate::stop::Stop;

/// How long QEMU may take to open the debugger's socket.
const QEMU_STARTS: Duration = Duration::from_secs(10);

/// Build everything, boot it in QEMU halted before the first instruction, and debug it with gdb.
///
/// gdb starts with the kernel's symbols, connected to QEMU. The console's output appears between gdb's own;
/// standard input goes to gdb. Leaving gdb ends QEMU. A panic stops the machine and keeps it for inspection.
///
/// The kernel's addresses are right as soon as its MMU is on: `hbreak NAME`, then `continue`. To debug a
/// program too, type `add-symbol-file target/jacinth/programs/NAME.elf -o BASE`, where BASE is the address at
/// which it was loaded.
///
/// For a console with input use two terminals: `cargo xtask run --gdb` on one, and on the other
/// `cargo xtask debug --attach`.
///
/// When it fails: without a gdb that knows AArch64 the message says which package has one. If gdb cannot
/// connect, `run --gdb` is not running or something else has TCP port 1234.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  cargo xtask debug
  cargo xtask debug --el 2 --command 'hbreak kernel_main' --command continue
  cargo xtask debug --attach      # while `cargo xtask run --gdb` waits on another terminal
  cargo xtask debug --print       # the command lines, for another debugger or an editor")]
pub(crate) struct DebugArgs {
    #[command(flatten)]
    boot: BootArgs,

    /// Connect to a `cargo xtask run --gdb` that waits on another terminal
    #[arg(long)]
    attach: bool,

    /// Print the command lines and do not run them. The paths of sockets in them are examples
    #[arg(long)]
    print: bool,

    /// A gdb command to begin with; may be given many times
    #[arg(long, value_name = "COMMAND")]
    command: Vec<String>,
}

/// The verb.
pub(crate) fn run(args: &DebugArgs) -> Result<ExitCode> {
    args.boot.machine.check()?;
    let dtc = args.boot.machine.needs_dtc();
    let toolchain =
        setup::ensure(Needs { qemu: true, gdb: true, dtc, cc: args.boot.has_sources(), ..Needs::default() })?;
    let gdb = Tool::Gdb.find().context("gdb was here a moment ago and is gone")?;
    if args.attach {
        let mut debugger = debugger(&gdb, &Artifacts::locate(), GDB_PORT, &args.command);
        if args.print {
            return print(&[&debugger]);
        }
        let _keeps_interrupt = Stop::but_not_on_interrupt()?;
        return foreground(&mut debugger);
    }
    let mut prepared = Prepared::new(toolchain, &args.boot, false)?;
    let machine = args.boot.machine.with_tree()?;
    let scratch = Scratch::new()?;
    let socket = scratch.path().join("gdb");
    let place = socket.display().to_string();
    prepared.boot.gdb = Some(format!("unix:{place},server=on,wait=off"));
    let mut debugger = debugger(&gdb, &prepared.artifacts, &place, &args.command);
    if args.print {
        let mut qemu = Command::new(QEMU);
        qemu.args(machine.arguments(&prepared.boot, Path::new("/tmp/jacinth-log")));
        return print(&[&qemu, &debugger]);
    }
    beside_qemu(&machine, &prepared, &socket, &mut debugger)
}

/// Runs QEMU until the debugger ends, or the other way round.
fn beside_qemu(
    machine: &MachineArgs,
    prepared: &Prepared,
    socket: &Path,
    debugger: &mut Command,
) -> Result<ExitCode> {
    let stop = Stop::but_not_on_interrupt()?;
    let session = prepared.session(machine, &stop);
    std::thread::scope(|scope| {
        let machine = scope.spawn(|| session.run(Box::new(std::io::stdout()), Box::new(|_| {})));
        let started = Instant::now();
        while !socket.exists() && !machine.is_finished() && started.elapsed() < QEMU_STARTS {
            std::thread::sleep(Duration::from_millis(10));
        }
        let result = if socket.exists() { foreground(debugger) } else { Ok(ExitCode::FAILURE) };
        stop.request();
        let Ok(ended) = machine.join() else { bail!("the thread that watches QEMU panicked") };
        let ended = ended?;
        if !ended.complaints.trim().is_empty() {
            eprintln!("QEMU's messages:\n{}", ended.complaints.trim_end());
        }
        result
    })
}

/// gdb with the kernel's symbols, connected to `place`.
fn debugger(gdb: &Path, artifacts: &Artifacts, place: &str, more: &[String]) -> Command {
    let mut command = Command::new(gdb);
    command.args(["-q", "-iex", "set confirm off", "-iex", "set pagination off"]).arg(&artifacts.kernel_elf);
    command.args(["-ex".to_owned(), format!("target remote {place}")]);
    more.iter().for_each(|line| {
        command.args(["-ex", line]);
    });
    command
}

/// Runs a program that owns the terminal.
fn foreground(command: &mut Command) -> Result<ExitCode> {
    say("Debugging", process::shown(command));
    let status = command.status().with_context(|| format!("cannot start `{}`", process::shown(command)))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(commands: &[&Command]) -> Result<ExitCode> {
    commands.iter().for_each(|command| println!("{}", process::shown(command)));
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_debugger_connects_before_its_first_command() {
        let artifacts = Artifacts::locate();
        let command =
            debugger(Path::new("/usr/bin/gdb"), &artifacts, "127.0.0.1:1234", &["continue".to_owned()]);
        let line = process::shown(&command);
        assert!(
            line.starts_with("/usr/bin/gdb -q -iex 'set confirm off' -iex 'set pagination off' "),
            "{line}"
        );
        assert!(line.ends_with("jacinth.elf -ex 'target remote 127.0.0.1:1234' -ex continue"), "{line}");
    }
}
