//! A machine that refuses to start before it knows of a console: its memory tells why.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::boot::Prepared;
use crate::dump::Sources;
use crate::qemu::MachineArgs;
use crate::report;
use crate::session::Session;
use crate::stop::Stop;
use crate::summary::Tally;
use crate::test::records::{self, Monitor};

/// How often its memory is looked at.
const PAUSE: Duration = Duration::from_millis(100);

/// Boots it, and waits for the panic record that says `why`.
pub(super) fn run(
    name: &str,
    why: &str,
    mut machine: MachineArgs,
    prepared: &Prepared,
    folder: &Path,
    limit: Duration,
    tally: &mut Tally,
) -> Result<()> {
    let socket = folder.join("qmp");
    let monitor = format!("unix:{},server=on,wait=off", socket.display());
    machine.qemu_arg.extend(["-no-shutdown".to_owned(), "-qmp".to_owned(), monitor]);
    let stop = Stop::on_any_signal()?;
    let end = Instant::now() + limit;
    let session = Session { limit: Some(limit), ..prepared.session(&machine, &stop) };
    let sources = Sources::new(prepared.artifacts.kernel_elf.clone(), prepared.artifacts.elves());
    let memory = folder.join("memory.bin");
    let (ended, found) = std::thread::scope(|scope| {
        let running = scope.spawn(|| session.run(Box::new(std::io::sink()), Box::new(|_| ())));
        let found = record(why, &socket, &memory, &sources, end);
        stop.request();
        (running.join(), found)
    });
    let Ok(ended) = ended else { bail!("the thread that watches {name} panicked") };
    let ended = ended?;
    match found {
        Ok(()) => tally.pass(name, ended.took),
        Err(error) => {
            tally.fail(&format!("{name}: {error:#}"), ended.took);
            report::show(name, &ended);
        }
    }
    Ok(())
}

/// Waits until the one record in the machine's memory says `why`.
fn record(why: &str, socket: &Path, memory: &Path, sources: &Sources, end: Instant) -> Result<()> {
    let mut monitor = Monitor::connect(socket, records::VIRT_RAM, end)?;
    loop {
        monitor.save_raw(memory)?;
        let words = records::words(memory, sources);
        match words {
            Ok(words) if words.iter().any(|line| line.contains(why)) => return Ok(()),
            Ok(words) if Instant::now() >= end => {
                bail!("the record does not say {why:?}:\n{}", words.join("\n"))
            }
            Err(error) if Instant::now() >= end => return Err(error.context("no record appears in memory")),
            _ => std::thread::sleep(PAUSE),
        }
    }
}
