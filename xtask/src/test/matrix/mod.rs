//! The QEMU tests: a table of machines, each of which boots and reports.

mod armstub;
mod c;
mod c_page;
pub(super) mod edit;
mod entrance;
mod foreign;
mod judge;
mod linux;
mod page;
mod silent;
mod table;
mod tree;

use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::abreast::{self, Room};
use crate::board::Board;
use crate::boot::Prepared;
use crate::bootargs;
use crate::build::{self, Artifacts, CONFORMANCE, Program};
use crate::qemu::MachineArgs;
use crate::say::{say, tell};
use crate::scratch::Scratch;
use crate::session::Session;
use crate::setup::Toolchain;
use crate::stop::Stop;
use crate::summary::Tally;
use crate::test::watch::{Watch, Watcher};

pub(crate) use page::page;
use table::{Firmware, ROWS, Row, Source, Task};

/// The conformance program may make any resource, and the kernel's test hooks are on.
const CONFORMANCE_ARGUMENTS: &str = "program=conformance grant=conformance:roots test semihosting";
/// Picks the tests of [`Task::Anywhere`].
const ANYWHERE: &str = "filter=CPU-J01 filter=CPU-J02 filter=CPU-J03 filter=CPU-J07 filter=TIM";
/// Picks the tests of [`Task::Short`] by parts of their names.
const SHORT: &str = "filter=CPU-J01 filter=CPU-J02 filter=CPU-J03 filter=CPU-J07 filter=TIM filter=ORA-J01 filter=ORA-J05 filter=FLT";

/// How the line ends with which the kernel refuses to start.
const STOPPED: &str = " Stopped.";

/// Where Linux's trees are to be had.
const LINUX_HAS: &str = "install Debian's package linux-image-arm64, or put the corpus at ../shared/corpus";

/// Builds once and boots every row.
pub(super) fn run(
    toolchain: Toolchain,
    filter: Option<&str>,
    limit: Duration,
    watcher: &Watcher,
    tally: &mut Tally,
) -> Result<()> {
    let mut rows: Vec<&Row> =
        ROWS.iter().filter(|row| filter.is_none_or(|text| row.name.contains(text))).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let Some(artifacts) = built(toolchain, "qemu build", tally) else { return Ok(()) };
    let firmware = match build::firmware(toolchain) {
        Ok(firmware) => firmware,
        Err(error) => {
            tell(format_args!("error: {error:#}"));
            tally.fail("qemu firmware build", Duration::ZERO);
            return Ok(());
        }
    };
    let has = |task| rows.iter().any(|row| row.task == task);
    let c = has(Task::C).then(|| c::build(&artifacts)).into_iter();
    let c_page = has(Task::CPage).then(|| c::with_compiler(|| c_page::build(&artifacts))).into_iter();
    let c = c.map(|built| (Task::C, built)).chain(c_page.map(|built| (Task::CPage, built))).collect();
    let built = Built { artifacts, firmware, c };
    if rows.iter().any(|row| row.firmware.is_ours()) {
        watcher.watch(tally)?;
    }
    // The small ones first: a large one has the room for itself, and would leave one beside it empty.
    rows.sort_by_key(|row| row.cpus);
    // Those with one CPU are held to the closest times (BND-*): each gets one of ours.
    let weigh = |row: &&Row| row.cpus.max(2).into();
    abreast::test(Room::machines(), rows, tally, weigh, |row, tally| boot(row, &built, limit, watcher, tally))
}

/// Programs beside those of every build, and the boot arguments.
type Work = (Vec<Program>, String);

/// What all rows share.
struct Built {
    artifacts: Artifacts,
    firmware: build::Firmware,
    /// The programs in C and their boot arguments, or why there are none.
    c: Vec<(Task, Result<Work>)>,
}

/// What the machines boot. A build that fails is a failed test of this name.
pub(super) fn built(toolchain: Toolchain, name: &str, tally: &mut Tally) -> Option<Artifacts> {
    let started = Instant::now();
    build::all(toolchain)
        .inspect_err(|error| {
            tell(format_args!("error: {error:#}"));
            tally.fail(name, started.elapsed());
        })
        .ok()
}

fn boot(row: &Row, built: &Built, limit: Duration, watcher: &Watcher, tally: &mut Tally) -> Result<()> {
    let name = format!("qemu {}", row.name);
    let artifacts = &built.artifacts;
    let scratch = Scratch::new()?;
    let mut machine = match machine(row, &scratch)? {
        Ready::Machine(machine) => *machine,
        Ready::Missing(why) => {
            tally.skip(&name, &why);
            return Ok(());
        }
    };
    let watch = if row.firmware.is_ours() { watcher.watch(tally)? } else { Watch::off()? };
    machine.qemu_arg.extend_from_slice(watch.words());
    if row.task == Task::Reset {
        // Stronger than the -no-reboot that comes before it.
        machine.qemu_arg.extend(["-action", "reboot=reset"].map(str::to_owned));
    }
    let in_c = built.c.iter().find(|(task, _)| *task == row.task).map(|(_, made)| made);
    let (programs, arguments) = match in_c {
        None => work(row, artifacts),
        Some(Ok((programs, arguments))) => (programs.clone(), arguments.clone()),
        Some(Err(error)) if c::is_missing(error) => {
            tally.skip(&name, &format!("{error:#}").replace('\n', " "));
            return Ok(());
        }
        Some(Err(error)) => {
            tell(format_args!("error: {error:#}"));
            tally.fail(&name, Duration::ZERO);
            return Ok(());
        }
    };
    let mut prepared = Prepared::with(artifacts.clone(), &programs, arguments, row.task != Task::PowerOff)?;
    let binaries = &built.firmware;
    match row.firmware {
        Firmware::Qemu => {}
        Firmware::Entrance(entry) => {
            entrance::install(row, entry, &binaries.entrance, &mut machine, &mut prepared, scratch.path())?;
        }
        Firmware::Armstub => {
            armstub::install(&binaries.armstub, &mut machine, &mut prepared, scratch.path())?;
        }
        Firmware::TfA | Firmware::UBoot | Firmware::Xen => {
            if let Err(why) = foreign::install(row, &mut machine, &mut prepared, scratch.path())? {
                tally.skip(&name, &why);
                return Ok(());
            }
        }
    }
    say("Booting", format!("{name}: {}", page::machine(row)));
    if let Task::SilentRefusal(why) = row.task {
        silent::run(&name, why, machine, &prepared, scratch.path(), limit, tally)?;
        if let Some(fault) = watch.fault(true) {
            tally.fail(&format!("{name}: {fault}"), Duration::ZERO);
        }
        return Ok(());
    }
    let stop = Arc::new(Stop::on_any_signal()?);
    let prefix = if row.firmware == Firmware::Xen { foreign::XEN_PREFIX } else { "" };
    let session = Session { limit: Some(limit), prefix, ..prepared.session(&machine, &stop) };
    let (sender, lines) = mpsc::channel();
    // The receiver lives as long as the session; a line that cannot be sent is in the transcript.
    let on_line = {
        let (stop, refuses) = (stop.clone(), matches!(row.task, Task::Refusal(_)));
        let (resets, mut greetings) = (row.task == Task::Reset, 0);
        Box::new(move |line: &str| {
            greetings += usize::from(line.starts_with(judge::GREETING));
            if refuses && line.ends_with(STOPPED) || resets && greetings > 1 {
                stop.request();
            }
            drop(sender.send((Instant::now(), line.to_owned())));
        })
    };
    let (ended, seen) = std::thread::scope(|scope| {
        let machine = scope.spawn(|| session.run(Box::new(std::io::sink()), on_line));
        let seen = judge::count(&name, lines, tally);
        (machine.join(), seen)
    });
    let Ok(ended) = ended else { anyhow::bail!("the thread that watches {name} panicked") };
    let ended = ended?;
    judge::judge(row, &name, &ended, seen, watch.fault(ended.status.is_none()), tally);
    Ok(())
}

/// What a row needs to run.
enum Ready {
    Machine(Box<MachineArgs>),
    /// Something is not here: what, and what to do.
    Missing(String),
}

fn machine(row: &Row, scratch: &Scratch) -> Result<Ready> {
    let (name, options) = row.machine.split_once(',').unwrap_or((row.machine, ""));
    let board = Board::find(name).with_context(|| format!("there is no board {name}"))?;
    let mut machine = MachineArgs { board: name.to_owned(), ..MachineArgs::default() };
    if board.fixed.is_none() {
        machine.el = Some(row.el.min(2));
        machine.gic = row.gic;
        machine.smp = Some(row.cpus);
        machine.cpu = Some(row.cpu.to_owned());
        machine.memory = Some(row.memory.parse().map_err(anyhow::Error::msg)?);
        machine.icount = row.counted;
    }
    if !options.is_empty() {
        machine.options = format!(",{options}");
    }
    match row.tree {
        Source::Qemu | Source::Banks(_) | Source::Window { .. } | Source::Limited { .. } => {}
        Source::Larger(more) => {
            let tree = scratch.path().join("larger.dtb");
            MachineArgs { smp: Some(row.cpus + more), ..machine.clone() }.dump_tree(&tree)?;
            machine.dtb = Some(tree);
        }
        Source::Board => machine.dtb = board.compile_tree()?,
        Source::Edited(_, edits) => machine.dtb = Some(edited(board, &machine, edits, scratch)?),
        Source::Linux(file) => match linux::tree(file)? {
            Some(tree) => machine.dtb = Some(tree),
            None => return Ok(Ready::Missing(format!("there is no {file}: {LINUX_HAS}"))),
        },
    }
    Ok(Ready::Machine(Box::new(machine)))
}

/// The board's own tree, or QEMU's where it has none, with other values in places.
pub(super) fn edited(
    board: &Board,
    machine: &MachineArgs,
    edits: &[edit::Edit],
    scratch: &Scratch,
) -> Result<PathBuf> {
    let tree = scratch.path().join("edited.dtb");
    match board.compile_tree()? {
        Some(own) => _ = std::fs::copy(own, &tree)?,
        None => machine.dump_tree(&tree)?,
    }
    edit::apply(&tree, edits)?;
    Ok(tree)
}

/// What a row needs of what is built.
fn work(row: &Row, artifacts: &Artifacts) -> Work {
    let conformance = || Program { name: CONFORMANCE.to_owned(), path: artifacts.program(CONFORMANCE) };
    let (programs, arguments) = match row.task {
        Task::Conformance => (vec![conformance()], CONFORMANCE_ARGUMENTS.to_owned()),
        Task::Anywhere => (vec![conformance()], format!("{CONFORMANCE_ARGUMENTS} {ANYWHERE}")),
        Task::Short => (vec![conformance()], format!("{CONFORMANCE_ARGUMENTS} {SHORT}")),
        Task::C
        | Task::CPage
        | Task::Date
        | Task::Default
        | Task::PowerOff
        | Task::Reset
        | Task::Refusal(_)
        | Task::SilentRefusal(_) => {
            let board = Board::find(row.machine);
            let programs = board.map(|board| board.programs(artifacts)).unwrap_or_default();
            (
                programs,
                bootargs::compose(
                    board.map_or("", |board| board.arguments),
                    &[],
                    &[],
                    &[],
                    row.task != Task::PowerOff,
                ),
            )
        }
    };
    (programs, format!("{arguments} {}", row.arguments).trim_end().to_owned())
}
