//! Memory that runs out while the kernel boots: every place that asks for some is refused once, each in a boot of its own.
//!
//! The kernel knows nothing of it. QEMU's debugger port stops it where an allocation begins, and this side answers
//! in its stead that there is nothing.

use std::collections::{BTreeMap, HashSet};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use object::{Object, ObjectSymbol};

use crate::abreast::{self, Room};
use crate::boot::Prepared;
use crate::build::Artifacts;
use crate::qemu::MachineArgs;
use crate::report;
use crate::say::say;
use crate::scratch::Scratch;
use crate::session::Session;
use crate::setup::Toolchain;
use crate::stop::Stop;
use crate::summary::Tally;
use crate::symbolise::Symboliser;
use crate::test::matrix;
use crate::test::watch::{Watch, Watcher};

/// The functions that give memory, and how each says that there is none.
const GIVERS: [(&str, Nothing); 5] = [
    ("<aarch64::heap::Heap as core::alloc::global::GlobalAlloc>::alloc", Nothing::InRegister),
    ("<aarch64::memory::Supply as aarch64::tables::TableSource>::take", Nothing::InRegister),
    ("<aarch64::entry::BootTables as aarch64::tables::TableSource>::take", Nothing::InRegister),
    ("aarch64::frames::shared::lend", Nothing::InRegister),
    ("aarch64::frames::shared::take_run", Nothing::InMemory),
];

/// What "nothing" looks like: a zero in X0 (a null pointer, the tag of an `Option`), or in the word at which X0 points.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nothing {
    InRegister,
    InMemory,
}

/// Where the first program is entered: from there on running out is NO_MEMORY.
const FIRST_ENTRY: &str = "enter_user";
/// CPUs of the machine.
const CPUS: u8 = 2;
/// Callers that tell one place from another.
const DEPTH: usize = 2;
/// How long one boot may take.
const LIMIT: Duration = Duration::from_secs(20);

const ARGUMENTS: &str = "program=rtc grant=rtc:/pl031@9010000";
const NAME: &str = "boot-allocations";

/// Finds the places and refuses each.
pub(super) fn run(
    toolchain: Toolchain,
    filter: Option<&str>,
    watcher: &Watcher,
    tally: &mut Tally,
) -> Result<()> {
    if filter.is_some_and(|text| !NAME.contains(text)) {
        return Ok(());
    }
    let Some(artifacts) = matrix::built(toolchain, "qemu allocations build", tally) else { return Ok(()) };
    let started = Instant::now();
    let name = format!("qemu {NAME}");
    let verdict = sweep(&artifacts, watcher, tally);
    match verdict {
        Ok(counts) => {
            say("Refused", counts);
            tally.pass(&name, started.elapsed());
        }
        Err(why) => tally.fail(&format!("{name}: {why:#}"), started.elapsed()),
    }
    Ok(())
}

/// An allocation: how many stops come before it, and who asks.
struct Site {
    number: usize,
    callers: Vec<u64>,
}

fn sweep(artifacts: &Artifacts, watcher: &Watcher, tally: &mut Tally) -> Result<String> {
    let givers = Givers::find(artifacts)?;
    let (total, sites) = boot(artifacts, &givers, &watcher.watch(tally)?, usize::MAX)?.sites;
    ensure!(sites.len() >= 10, "only {} places ask for memory", sites.len());
    say(
        "Refusing",
        format!("{} places of {total} allocations before the first program, one a boot", sites.len()),
    );
    let symboliser = Symboliser::new(artifacts.kernel_elf.clone(), []);
    let (mut reasons, mut went_on, mut bad) = (BTreeMap::new(), 0, Vec::new());
    let mut jobs = Vec::new();
    for site in &sites {
        jobs.push((site, watcher.watch(tally)?));
    }
    let ended = abreast::each(
        Room::machines(),
        jobs,
        |_| CPUS.into(),
        |(site, watch)| Ok((site, boot(artifacts, &givers, &watch, site.number)?)),
    )?;
    for (site, outcome) in ended {
        match judge(&outcome.lines) {
            Ok(Some(reason)) => *reasons.entry(reason.to_owned()).or_insert(0) += 1,
            Ok(None) => went_on += 1,
            Err(why) => {
                let names = site.callers.iter().filter_map(|caller| symboliser.kernel(caller - 4));
                let names = names.collect::<Vec<_>>().join("\n");
                bad.push(format!("allocation {}: {why}, asked for by\n{names}", site.number));
            }
        }
    }
    reasons.iter().for_each(|(reason, count)| say("Refused", format!("{count} x {reason}")));
    ensure!(bad.is_empty(), "{} of {} boots end badly:\n{}", bad.len(), sites.len(), bad.join("\n"));
    let stopped: usize = reasons.values().sum();
    Ok(format!("{} places: {stopped} stop with a reason, {went_on} can do without", sites.len()))
}

/// The one line that says why it stopped; `None` if it went on to the end.
fn judge(lines: &[String]) -> Result<Option<&str>> {
    let starts = |start: &'static str| lines.iter().filter(move |line| line.starts_with(start));
    if let Some(panic) = starts("KERNEL PANIC").next() {
        bail!("{panic}");
    }
    let refusals: Vec<&String> = starts("jacinth: ").filter(|line| line.ends_with(" Stopped.")).collect();
    let ended = starts("jacinth: init exited with status 0").next().is_some();
    match (&refusals[..], ended) {
        // A reason that memory has nothing to do with sends people the wrong way.
        ([reason], false) if !reason.contains("memory") && !reason.contains("heap") => {
            bail!("it says {reason:?}")
        }
        ([reason], false) => Ok(Some(reason)),
        ([], true) => Ok(None),
        _ => bail!("{refusals:?}, and the program {}", if ended { "ran" } else { "did not end" }),
    }
}

/// What one boot came to.
struct Outcome {
    sites: (usize, Vec<Site>),
    lines: Vec<String>,
}

/// Boots, and refuses the allocation with a number; with none of that number it lists the places.
fn boot(artifacts: &Artifacts, givers: &Givers, watch: &Watch, number: usize) -> Result<Outcome> {
    let prepared = Prepared::with(artifacts.clone(), &[], ARGUMENTS.to_owned(), false)?;
    let scratch = Scratch::new()?;
    let port = scratch.path().join("gdb");
    let words =
        ["-S", "-gdb", &format!("unix:path={},server=on,wait=off", port.display())].map(str::to_owned);
    let mut machine = MachineArgs {
        cpu: Some("cortex-a72".to_owned()),
        smp: Some(CPUS),
        memory: Some("64M".parse().map_err(anyhow::Error::msg)?),
        qemu_arg: words.to_vec(),
        ..MachineArgs::default()
    };
    machine.qemu_arg.extend_from_slice(watch.words());
    let stop = Stop::on_any_signal()?;
    let end = Instant::now() + LIMIT;
    let session = Session { limit: Some(LIMIT), ..prepared.session(&machine, &stop) };
    let (sender, lines) = mpsc::channel();
    let on_line = Box::new(move |line: &str| drop(sender.send(line.to_owned())));
    let (ended, done) = std::thread::scope(|scope| {
        let machine = scope.spawn(|| session.run(Box::new(std::io::sink()), on_line));
        let done = drive(&port, givers, number, end).map(|(sites, debugger)| {
            if number != usize::MAX {
                await_end(&lines, end);
            }
            drop(debugger);
            sites
        });
        stop.request();
        (machine.join(), done)
    });
    let ended = ended.map_err(|_| anyhow!("the thread that watches the machine panicked"))??;
    let sites = done.inspect_err(|_| report::show(NAME, &ended))?;
    if let Some(why) = watch.fault(ended.status.is_none()) {
        bail!(why);
    }
    Ok(Outcome { sites, lines: ended.transcript })
}

/// Waits for a line that says how it ended, or until the time is over.
fn await_end(lines: &Receiver<String>, end: Instant) {
    while let Ok(line) = lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
        if line.starts_with("KERNEL PANIC")
            || line.starts_with("jacinth: ")
                && (line.ends_with(" Stopped.") || line.contains("exited with status"))
        {
            return;
        }
    }
}

/// Lets the machine run up to an allocation, refuses it, and lets it go on.
fn drive(
    port: &Path,
    givers: &Givers,
    number: usize,
    end: Instant,
) -> Result<((usize, Vec<Site>), Debugger)> {
    let mut debugger = Debugger::connect(port, end)?;
    let places = || givers.places.iter().map(|(address, _)| *address).chain([givers.first_entry]);
    places().try_for_each(|address| debugger.set(address, true))?;
    let (mut seen, mut sites, mut count) = (HashSet::new(), Vec::new(), 0);
    loop {
        debugger.go_on()?;
        let mut registers = debugger.registers()?;
        let pc = registers.get(PC)?;
        if pc == givers.first_entry {
            break;
        }
        let Some((_, none)) = givers.places.iter().find(|(address, _)| *address == pc) else {
            bail!("the machine stops at {pc:#x}")
        };
        if count == number {
            let first = registers.get(0)?;
            match none {
                Nothing::InRegister => registers.set(0, 0)?,
                Nothing::InMemory => debugger.clear_word(first)?,
            }
            let back = registers.get(LR)?;
            registers.set(PC, back)?;
            debugger.put_registers(&registers)?;
            break;
        }
        if number == usize::MAX {
            let callers = debugger.callers(&registers)?;
            if seen.insert((pc, callers.clone())) {
                sites.push(Site { number: count, callers });
            }
        }
        count += 1;
        debugger.set(pc, false)?;
        debugger.step()?;
        debugger.set(pc, true)?;
    }
    places().try_for_each(|address| debugger.set(address, false))?;
    if number != usize::MAX {
        debugger.send("c")?;
    }
    Ok(((count, sites), debugger))
}

/// Where memory is given.
struct Givers {
    places: Vec<(u64, Nothing)>,
    first_entry: u64,
}

impl Givers {
    fn find(artifacts: &Artifacts) -> Result<Self> {
        let bytes = std::fs::read(&artifacts.kernel_elf)?;
        let file =
            object::File::parse(bytes.as_slice()).map_err(|error| anyhow!("the kernel's ELF: {error}"))?;
        let named: Vec<(String, u64)> = file
            .symbols()
            .filter_map(|symbol| Some((plain(symbol.name().ok()?), symbol.address())))
            .collect();
        let find = |wanted: &str| {
            let found = named.iter().find(|(name, _)| name == wanted);
            found.map(|(_, address)| *address).with_context(|| format!("the kernel has no function {wanted}"))
        };
        let places = GIVERS.iter().map(|(name, none)| Ok((find(name)?, *none))).collect::<Result<_>>()?;
        Ok(Self { places, first_entry: find(FIRST_ENTRY)? })
    }
}

/// A symbol's name without the hash that ends it.
fn plain(symbol: &str) -> String {
    let name = addr2line::demangle_auto(symbol.into(), None);
    match name.rsplit_once("::h") {
        Some((path, hash)) if hash.len() == 16 => path.to_owned(),
        _ => name.into_owned(),
    }
}

/// Register numbers in the order of the protocol's `g`: X0 to X30, SP, PC.
const FP: usize = 29;
const LR: usize = 30;
const PC: usize = 32;

/// All registers, as the protocol has them: hexadecimal bytes, little-endian.
struct Registers(Vec<u8>);

impl Registers {
    fn get(&self, number: usize) -> Result<u64> {
        word(self.0.get(16 * number..16 * number + 16).context("there are too few registers")?)
    }

    fn set(&mut self, number: usize, value: u64) -> Result<()> {
        let place = self.0.get_mut(16 * number..16 * number + 16).context("there are too few registers")?;
        place.copy_from_slice(format!("{:016x}", value.swap_bytes()).as_bytes());
        Ok(())
    }
}

fn word(digits: &[u8]) -> Result<u64> {
    Ok(u64::from_str_radix(std::str::from_utf8(digits)?, 16)?.swap_bytes())
}

/// QEMU's side of the debugger's protocol ("Remote Serial Protocol" in GDB's manual, without acknowledgements).
struct Debugger(UnixStream);

impl Debugger {
    fn connect(port: &Path, end: Instant) -> Result<Self> {
        let stream = loop {
            match UnixStream::connect(port) {
                Ok(stream) => break stream,
                Err(error) if Instant::now() >= end => return Err(error).context("QEMU's debugger port"),
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
        };
        stream.set_read_timeout(Some(LIMIT))?;
        let mut debugger = Self(stream);
        debugger.ask("QStartNoAckMode")?;
        Ok(debugger)
    }

    fn send(&mut self, text: &str) -> Result<()> {
        let sum = text.bytes().fold(0_u8, u8::wrapping_add);
        Ok(self.0.write_all(format!("${text}#{sum:02x}").as_bytes())?)
    }

    fn ask(&mut self, text: &str) -> Result<Vec<u8>> {
        self.send(text)?;
        self.answer()
    }

    /// What stands between `$` and `#`.
    fn answer(&mut self) -> Result<Vec<u8>> {
        let (mut answer, mut began) = (Vec::new(), false);
        loop {
            let mut byte = [0];
            self.0.read_exact(&mut byte).context("QEMU's debugger port says nothing")?;
            match byte[0] {
                b'$' => began = true,
                b'#' => break,
                other if began => answer.push(other),
                _ => {}
            }
        }
        self.0.read_exact(&mut [0; 2])?;
        Ok(answer)
    }

    fn expect(&mut self, text: &str) -> Result<()> {
        let answer = self.ask(text)?;
        ensure!(answer == b"OK", "QEMU answers {text:?} with {:?}", String::from_utf8_lossy(&answer));
        Ok(())
    }

    fn set(&mut self, address: u64, on: bool) -> Result<()> {
        self.expect(&format!("{}1,{address:x},4", if on { 'Z' } else { 'z' }))
    }

    fn go_on(&mut self) -> Result<()> {
        self.stopped("c")
    }

    fn step(&mut self) -> Result<()> {
        self.stopped("s")
    }

    fn stopped(&mut self, text: &str) -> Result<()> {
        let answer = self.ask(text)?;
        ensure!(answer.starts_with(b"T"), "the machine ended: {}", String::from_utf8_lossy(&answer));
        Ok(())
    }

    fn registers(&mut self) -> Result<Registers> {
        self.ask("g").map(Registers)
    }

    fn put_registers(&mut self, registers: &Registers) -> Result<()> {
        self.expect(&format!("G{}", String::from_utf8_lossy(&registers.0)))
    }

    fn clear_word(&mut self, address: u64) -> Result<()> {
        self.expect(&format!("M{address:x},8:0000000000000000"))
    }

    /// Return addresses, innermost first, at the first instruction of a function.
    fn callers(&mut self, registers: &Registers) -> Result<Vec<u64>> {
        let (mut callers, mut frame) = (vec![registers.get(LR)?], registers.get(FP)?);
        while callers.len() < DEPTH && frame != 0 {
            let bytes = self.ask(&format!("m{frame:x},10"))?;
            let (Some(next), Some(caller)) = (bytes.get(..16), bytes.get(16..32)) else { break };
            frame = word(next)?;
            callers.push(word(caller)?);
        }
        Ok(callers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_boot_stops_with_one_reason_or_goes_on() {
        let reason = "jacinth: there is no memory for it. Stopped.";
        assert_eq!(judge(&lines(&format!("Jacinth\n{reason}"))).unwrap(), Some(reason));
        assert_eq!(judge(&lines("jacinth: init exited with status 0")).unwrap(), None);
        for bad in [
            "",
            "jacinth: init exited with status 1",
            "jacinth: the tree is bad. Stopped.",
            "KERNEL PANIC at x:1: memory allocation failed",
            "jacinth: a. Stopped.\njacinth: b. Stopped.",
            "jacinth: a. Stopped.\njacinth: init exited with status 0",
        ] {
            assert!(judge(&lines(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn registers_are_little_endian() {
        let mut registers = Registers(b"0100000000000000ff00000000000080".to_vec());
        assert_eq!((registers.get(0).unwrap(), registers.get(1).unwrap()), (1, 0x8000_0000_0000_00ff));
        registers.set(0, 0x1234).unwrap();
        assert_eq!(registers.0[..16], *b"3412000000000000");
        assert!(registers.get(2).is_err());
    }
}
