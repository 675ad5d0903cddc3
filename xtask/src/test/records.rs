//! The panic record under QEMU: a machine is made to fail, its memory and its console are read, and both are put into
//! words by the code of `cargo xtask dump`.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use object::{Object, ObjectSegment, ObjectSymbol};
use serde_json::{Value, json};

use crate::abreast::{self, Room};
use crate::board::Board;
use crate::boot::Prepared;
use crate::build::Artifacts;
use crate::dump::{self, Sources};
use crate::qemu::MachineArgs;
use crate::report;
use crate::say::say;
use crate::session::{Ended, Session};
use crate::setup::Toolchain;
use crate::stop::Stop;
use crate::summary::Tally;
use crate::test::matrix::{self, edit::text};
use crate::test::watch::Watcher;

/// A machine that fails, and what its record must say.
struct Case {
    name: &'static str,
    board: &'static str,
    el: u8,
    gic: u8,
    cpus: u8,
    how: How,
    /// What the console shows when it is over; `None` where it shows nothing at all.
    until: Option<&'static str>,
    /// Each stands in one line of the record's words.
    says: &'static [&'static str],
    /// Where the record is to be found besides in memory.
    printed: bool,
    /// What the next boot says of it.
    afterwards: Option<&'static str>,
}

/// How it is made to fail.
#[derive(Clone, Copy)]
enum How {
    /// By a boot argument.
    Asked(&'static str),
    /// By an undefined instruction at so many bytes from a symbol of the kernel.
    Broken(&'static str, u64),
    /// The same, started as an ELF file: QEMU starts those at the highest level that the machine has.
    BrokenElf(&'static str, u64),
    /// By a start that passes no device tree.
    NoTree,
    /// By a board without a GIC, whose tree has no UART either.
    Silent,
}

/// Boot arguments with which nothing fails.
const RTC: &str = "program=rtc grant=rtc:/pl031@9010000";

/// How the console's first line of a boot begins.
const GREETING: &str = "Jacinth ";

const END: Option<&str> = Some("~JR end ");

const CASES: [Case; 19] = [
    Case {
        says: &[
            "epitaph:  kernel panic at platform/aarch64/src/panic.rs:",
            "message:  a trial, asked for by the boot argument fail=panic",
            "  aarch64::panic::fail_as at platform/aarch64/src/panic.rs:",
            "  image::boot::",
            "INFO  kernel: booting, image at 0x40200000",
        ],
        afterwards: Some(
            "the boot before ended in: kernel panic: a trial, asked for by the boot argument fail=panic (",
        ),
        ..asked("record-panic", 1, "test fail=panic")
    },
    Case {
        says: &["epitaph:  kernel panic", "nested:   2 more", " aarch64::panic::fail_as at "],
        ..asked("record-nested", 1, "test fail=nested")
    },
    Case {
        says: &[
            "epitaph:  exception from the kernel",
            "class 0x25 (data abort), vector 4 (synchronous, from its level), FAR 0xffffffffffffe000",
            "  aarch64::panic::fail_as at ",
        ],
        ..asked("record-exception", 2, "test fail=abort")
    },
    Case {
        says: &["epitaph:  stack overflow", "  aarch64::panic::descend at "],
        ..asked("record-overflow", 1, "test fail=overflow")
    },
    Case {
        cpus: 4,
        says: &["message:  a trial, asked for by the boot argument fail=everywhere"],
        ..asked("record-everywhere", 1, "test fail=everywhere")
    },
    Case {
        says: &["epitaph:  the kernel refused to start", "message:  no device tree at the address in x0"],
        until: Some("Stopped."),
        printed: false,
        how: How::NoTree,
        ..asked("record-refusal", 1, "")
    },
    // Nobody can be told, and memory says both: what is wrong, and why nobody was.
    Case {
        board: "raspi3b",
        says: &[
            "epitaph:  the kernel refused to start",
            "message:  no GICv2, GICv3 or GICv4: the tree has interrupt-controller@7e00b200 (\"brcm,bcm2836-armctrl-ic\")",
            "WARN  kernel: console: \"serial0\", which stdout-path names, is not used: the tree disables it",
            "WARN  kernel: console: the tree has no UART that can be used",
        ],
        until: None,
        printed: false,
        how: How::Silent,
        ..asked("record-silent", 2, "")
    },
    Case {
        says: &["epitaph:  exception at EL1, without", "sctlr 0000000000c50838", "  at_el1"],
        ..early("record-early-el1", 1, "at_el1", 4)
    },
    Case {
        says: &[
            "epitaph:  exception at EL2, without",
            "vector 4 (synchronous, from its level)",
            "  from_el2",
        ],
        ..early("record-early-el2", 2, "from_el2", 12)
    },
    Case {
        how: How::BrokenElf("from_el3", 4),
        says: &[
            "epitaph:  exception at EL3, without",
            "vector 4 (synchronous, from its level)",
            "  from_el3",
        ],
        ..early("record-early-el3", 3, "", 0)
    },
    // A CPU that stays in the kernel, with one kind of interrupt controller and the other, alone and among others.
    stuck("record-stuck-1cpu-gic2", 2, 1),
    stuck("record-stuck-1cpu-gic3", 3, 1),
    stuck("record-stuck-4cpus-gic2", 2, 4),
    stuck("record-stuck-4cpus-gic3", 3, 4),
    deaf("record-deaf-2cpus-gic2", 2, 2),
    deaf("record-deaf-4cpus-gic3", 3, 4),
    // Nothing fails: what the log said last is there all the same.
    Case {
        until: Some("jacinth: init exited with status 0"),
        printed: false,
        says: &[
            "the kernel was running, and nothing has failed",
            "the last of the log, from the ring behind the record:",
            "INFO  kernel: booting, image at 0x40200000",
            "pages are free, init starts",
        ],
        ..asked("record-none", 1, RTC)
    },
    // The MMU is on, and Rust has not begun.
    Case {
        says: &["epitaph:  exception at EL1, without", "sctlr 0000000034d5d99d", "  #0 0xffffffff8000"],
        ..early("record-early-mmu", 1, "arrived", 8)
    },
    // Another CPU; the machine goes on without it, and the record stays.
    Case {
        cpus: 2,
        until: Some("jacinth: init exited with status 0"),
        says: &[
            "epitaph:  exception at EL1, without",
            "cpu:      not counted yet, MPIDR 0x80000001",
            "  arrived_secondary",
        ],
        ..early("record-early-other-cpu", 1, "arrived_secondary", 0)
    },
];

const fn asked(name: &'static str, el: u8, arguments: &'static str) -> Case {
    Case {
        name,
        board: "virt",
        el,
        gic: 2,
        cpus: 2,
        how: How::Asked(arguments),
        until: END,
        says: &[],
        printed: true,
        afterwards: None,
    }
}

const fn early(name: &'static str, el: u8, symbol: &'static str, offset: u64) -> Case {
    Case {
        name,
        board: "virt",
        el,
        gic: 2,
        cpus: 1,
        how: How::Broken(symbol, offset),
        until: None,
        says: &[],
        printed: false,
        afterwards: None,
    }
}

/// The CPU says so itself, and where it is.
const fn stuck(name: &'static str, gic: u8, cpus: u8) -> Case {
    Case {
        gic,
        cpus,
        says: &[
            "epitaph:  a CPU was stuck in the kernel",
            "message:  CPU ",
            " has been in the kernel for ",
            "aarch64::panic::stay_for_ever at platform/aarch64/src/panic.rs:",
            "  aarch64::panic::stay_if_asked at platform/aarch64/src/panic.rs:",
            " jacinth_",
        ],
        ..asked(name, 1, "test fail=stuck patience=1000")
    }
}

/// Another CPU says it, which waits.
const fn deaf(name: &'static str, gic: u8, cpus: u8) -> Case {
    Case {
        gic,
        cpus,
        says: &[
            "epitaph:  a CPU was stuck in the kernel",
            " has waited for the kernel's lock for ",
            "; CPU ",
            " holds it",
            "aarch64::lock::Lock<T>::wait at platform/aarch64/src/lock.rs:",
        ],
        ..asked(name, 1, "test fail=deaf patience=1000")
    }
}

/// RAM of each machine, or as much of it as holds the kernel.
const MEMORY: (&str, u64) = ("64M", 64 << 20);

/// Where virt's RAM begins.
pub(super) const VIRT_RAM: u64 = 0x4000_0000;

impl Case {
    /// Where its RAM begins.
    fn ram(&self) -> u64 {
        if self.board == "virt" { VIRT_RAM } else { 0 }
    }
}

/// Builds once and lets every machine fail.
pub(super) fn run(
    toolchain: Toolchain,
    filter: Option<&str>,
    limit: Duration,
    watcher: &Watcher,
    tally: &mut Tally,
) -> Result<()> {
    let cases: Vec<&Case> =
        CASES.iter().filter(|case| filter.is_none_or(|text| case.name.contains(text))).collect();
    if cases.is_empty() {
        return Ok(());
    }
    let Some(artifacts) = matrix::built(toolchain, "qemu record build", tally) else { return Ok(()) };
    watcher.watch(tally)?;
    abreast::test(
        Room::machines(),
        cases,
        tally,
        |case| case.cpus.into(),
        |case, tally| fail(case, &artifacts, limit, watcher, tally),
    )
}

fn fail(
    case: &Case,
    artifacts: &Artifacts,
    limit: Duration,
    watcher: &Watcher,
    tally: &mut Tally,
) -> Result<()> {
    let name = format!("qemu {}", case.name);
    say("Booting", format!("{name}: EL{}, {} CPUs", case.el, case.cpus));
    let arguments = match case.how {
        How::Asked(arguments) => arguments,
        How::Broken(..) | How::BrokenElf(..) | How::NoTree | How::Silent => RTC,
    };
    // Without semihosting: the machine must stay, with its memory.
    let mut prepared = Prepared::with(artifacts.clone(), &[], arguments.to_owned(), false)?;
    let scratch = crate::scratch::Scratch::new()?;
    match case.how {
        How::Asked(_) | How::Silent => {}
        How::Broken(symbol, offset) => {
            prepared.boot.image = scratch.path().join("Image");
            break_image(artifacts, symbol, offset, &prepared.boot.image)?;
        }
        How::BrokenElf(symbol, offset) => {
            prepared.boot.image = scratch.path().join("jacinth.elf");
            break_elf(artifacts, symbol, offset, &prepared.boot.image)?;
        }
        // QEMU passes no tree to an ELF file.
        How::NoTree => prepared.boot.image = artifacts.kernel_elf.clone(),
    }
    let socket = scratch.path().join("qmp");
    let watch = watcher.watch(tally)?;
    let mut machine = MachineArgs {
        board: case.board.to_owned(),
        // A machine that switches itself off keeps its memory too.
        qemu_arg: ["-no-shutdown", "-qmp", &format!("unix:{},server=on,wait=off", socket.display())]
            .map(str::to_owned)
            .to_vec(),
        ..MachineArgs::default()
    };
    if let How::Silent = case.how {
        let board = Board::find(case.board).context("there is no such board")?;
        let disabled = [text("/soc/serial@7e201000", "status", "disabled")];
        machine.dtb = Some(matrix::edited(board, &machine, &disabled, &scratch)?);
    } else {
        machine.el = Some(case.el);
        machine.machine = (case.el == 3).then(|| "virt,secure=on,virtualization=on".to_owned());
        machine.cpu = Some("cortex-a72".to_owned());
        machine.gic = Some(case.gic);
        machine.smp = Some(case.cpus);
        machine.memory = Some(MEMORY.0.parse().map_err(anyhow::Error::msg)?);
    }
    machine.qemu_arg.extend_from_slice(watch.words());
    let sources = Sources::new(artifacts.kernel_elf.clone(), artifacts.elves());
    let stop = Stop::on_any_signal()?;
    let started = Instant::now();
    let session = Session { limit: Some(limit), ..prepared.session(&machine, &stop) };
    let (sender, lines) = mpsc::channel();
    let on_line = Box::new(move |line: &str| drop(sender.send(line.to_owned())));
    let (ended, memory) = std::thread::scope(|scope| {
        let machine = scope.spawn(|| session.run(Box::new(std::io::sink()), on_line));
        let memory = save(case, &sources, &socket, &lines, scratch.path(), started + limit);
        stop.request();
        (machine.join(), memory)
    });
    let Ok(ended) = ended else { bail!("the thread that watches {name} panicked") };
    let ended = ended?;
    let verdict = memory.and_then(|files| check(case, &files, &ended, &sources, scratch.path()));
    let fault = watch.fault(ended.status.is_none()).map(anyhow::Error::msg);
    let verdict = verdict.and_then(|()| fault.map_or(Ok(()), Err));
    match &verdict {
        Ok(()) => tally.pass(&name, ended.took),
        Err(why) => {
            tally.fail(&format!("{name}: {why:#}"), ended.took);
            report::show(&name, &ended);
        }
    }
    Ok(())
}

/// Writes an Image with an undefined instruction (udf #0) in it.
fn break_image(artifacts: &Artifacts, symbol: &str, offset: u64, to: &Path) -> Result<()> {
    let elf = std::fs::read(&artifacts.kernel_elf)?;
    let file = parse(&elf)?;
    let at = usize::try_from(address(&file, symbol)? + offset - address(&file, "__image_start")?)?;
    let mut image = std::fs::read(&artifacts.image)?;
    image.get_mut(at..at + 4).with_context(|| format!("{symbol} is beyond the image"))?.fill(0);
    std::fs::write(to, image)?;
    Ok(())
}

/// Writes the kernel's ELF file with an undefined instruction in it.
fn break_elf(artifacts: &Artifacts, symbol: &str, offset: u64, to: &Path) -> Result<()> {
    let mut elf = std::fs::read(&artifacts.kernel_elf)?;
    let file = parse(&elf)?;
    let wanted = address(&file, symbol)? + offset;
    let place = file.segments().find_map(|segment| {
        let inside = wanted.checked_sub(segment.address())?;
        let (start, size) = segment.file_range();
        (inside < size).then_some(start + inside)
    });
    let at = usize::try_from(place.with_context(|| format!("no segment has {symbol}"))?)?;
    elf.get_mut(at..at + 4).with_context(|| format!("{symbol} is beyond the file"))?.fill(0);
    std::fs::write(to, elf)?;
    Ok(())
}

fn parse(elf: &[u8]) -> Result<object::File<'_>> {
    object::File::parse(elf).map_err(|error| anyhow!("the kernel's ELF cannot be read: {error}"))
}

fn address(file: &object::File<'_>, wanted: &str) -> Result<u64> {
    let found = file.symbols().find(|symbol| symbol.name() == Ok(wanted));
    found.map(|symbol| symbol.address()).with_context(|| format!("the kernel has no symbol {wanted}"))
}

/// Memory as files: raw, as an ELF core, and raw again after a reset.
struct Files {
    raw: PathBuf,
    core: PathBuf,
    after_reset: PathBuf,
}

/// Waits until it is over, and saves the machine's memory.
fn save(
    case: &Case,
    sources: &Sources,
    socket: &Path,
    lines: &Receiver<String>,
    folder: &Path,
    end: Instant,
) -> Result<Files> {
    let mut monitor = Monitor::connect(socket, case.ram(), end)?;
    let files = Files {
        raw: folder.join("memory.bin"),
        core: folder.join("memory.elf"),
        after_reset: folder.join("after.bin"),
    };
    match case.until {
        Some(text) => await_line(lines, text, end)?,
        // Only memory tells. Before it is over there is a record already, of a kernel that runs.
        None => loop {
            monitor.save_raw(&files.raw)?;
            let found = words(&files.raw, sources);
            let says = |text: &str| found.iter().flatten().any(|line| line.contains(text));
            let is_late = Instant::now() >= end;
            if case.says.iter().all(|text| says(text)) || is_late && found.is_ok() {
                break;
            }
            ensure!(!is_late, "no record appears in memory");
            std::thread::sleep(Duration::from_millis(100));
        },
    }
    monitor.save_raw(&files.raw)?;
    monitor.execute(
        "dump-guest-memory",
        &json!({
            "paging": false,
            "protocol": format!("file:{}", files.core.display()),
            "begin": case.ram(),
            "length": MEMORY.1,
        }),
    )?;
    monitor.reset()?;
    monitor.save_raw(&files.after_reset)?;
    if let Some(text) = case.afterwards {
        monitor.execute("cont", &json!({}))?;
        await_line(lines, text, end).context("after the reset")?;
    }
    Ok(files)
}

fn await_line(lines: &Receiver<String>, text: &str, end: Instant) -> Result<()> {
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let line =
            lines.recv_timeout(left).ok().with_context(|| format!("the console never shows {text:?}"))?;
        if line.contains(text) {
            return Ok(());
        }
    }
}

/// QEMU's machine protocol: one JSON object a line, each answered by one, with events between.
pub(super) struct Monitor {
    stream: UnixStream,
    ram: u64,
    answers: BufReader<UnixStream>,
}

impl Monitor {
    pub(super) fn connect(socket: &Path, ram: u64, end: Instant) -> Result<Self> {
        let stream = loop {
            match UnixStream::connect(socket) {
                Ok(stream) => break stream,
                Err(error) if Instant::now() >= end => {
                    return Err(error).context("QEMU's monitor cannot be reached");
                }
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let answers = BufReader::new(stream.try_clone()?);
        let mut monitor = Self { stream, ram, answers };
        monitor.execute("qmp_capabilities", &json!({}))?;
        Ok(monitor)
    }

    pub(super) fn save_raw(&mut self, to: &Path) -> Result<()> {
        let to = to.display().to_string();
        self.execute("pmemsave", &json!({"val": self.ram, "size": MEMORY.1, "filename": to}))
    }

    /// Resets the machine, and leaves it before its first instruction. QEMU loads the image anew.
    fn reset(&mut self) -> Result<()> {
        self.execute("stop", &json!({}))?;
        self.execute("set-action", &json!({"reboot": "reset"}))?;
        writeln!(self.stream, "{}", json!({"execute": "system_reset"}))?;
        // The event may come before the answer or after it.
        let (mut answered, mut happened) = (false, false);
        while !(answered && happened) {
            let answer = self.answer().context("the machine is not reset")?;
            ensure!(answer.get("error").is_none(), "QEMU refuses a reset: {answer}");
            answered |= answer.get("return").is_some();
            happened |= answer.get("event").is_some_and(|event| event == "RESET");
        }
        Ok(())
    }

    fn execute(&mut self, command: &str, arguments: &Value) -> Result<()> {
        writeln!(self.stream, "{}", json!({"execute": command, "arguments": arguments}))?;
        loop {
            let answer = self.answer().with_context(|| format!("QEMU does not answer {command}"))?;
            if let Some(error) = answer.get("error") {
                bail!("QEMU refuses {command}: {error}");
            }
            if answer.get("return").is_some() {
                return Ok(());
            }
        }
    }

    /// The next answer or event.
    fn answer(&mut self) -> Result<Value> {
        let mut line = String::new();
        ensure!(self.answers.read_line(&mut line)? > 0, "QEMU has ended");
        serde_json::from_str(&line).context("QEMU's monitor speaks no JSON")
    }
}

/// The one record of a file in words.
pub(super) fn words(file: &Path, sources: &Sources) -> Result<Vec<String>> {
    let found = dump::records(file)?;
    let [found] = &found[..] else { bail!("{} records instead of one", found.len()) };
    Ok(dump::lines(found, sources))
}

fn check(case: &Case, files: &Files, ended: &Ended, sources: &Sources, folder: &Path) -> Result<()> {
    let memory = words(&files.raw, sources).context("in memory")?;
    let core = words(&files.core, sources).context("in the core")?;
    same("the core", &core, &memory)?;
    // A loader of ELF files clears what a segment has beyond its bytes; the flat Image has no such words.
    if !matches!(case.how, How::NoTree | How::BrokenElf(..)) {
        let after = words(&files.after_reset, sources).context("in memory after a reset")?;
        same("memory after a reset", &after, &memory)?;
    }
    let says =
        |line: &String| ["MISSING", "NOT ", "ELF file of that build"].iter().find(|bad| line.contains(**bad));
    if let Some(line) = memory.iter().find(|line| says(line).is_some()) {
        bail!("the record is not whole: {line}");
    }
    for text in case.says {
        ensure!(
            memory.iter().any(|line| line.contains(text)),
            "no line says {text:?}:\n{}",
            memory.join("\n")
        );
    }
    // What the boot after it printed is not of this record.
    let boots = ended.transcript.iter().enumerate().filter(|(_, line)| line.starts_with(GREETING));
    let end = boots.map(|(index, _)| index).nth(1).unwrap_or(ended.transcript.len());
    let transcript = ended.transcript.get(..end).unwrap_or_default();
    let panics = transcript.iter().filter(|line| line.starts_with("KERNEL PANIC at ")).count();
    ensure!(panics <= 1, "{panics} panics are reported, and the first should be the only one");
    if !case.printed {
        let marked = transcript.iter().find(|line| line.contains(abi::record::armour::MARK));
        return marked.map_or(Ok(()), |line| bail!("the console shows a record: {line}"));
    }
    let log = folder.join("serial.log");
    // As a terminal program would keep it, with something else in between.
    std::fs::write(&log, transcript.join("\r\nnoise ~JR \0\r\n"))?;
    same("the serial log", &words(&log, sources).context("in the serial log")?, &memory)
}

/// Whether two records say the same, but for where they were.
fn same(what: &str, words: &[String], memory: &[String]) -> Result<()> {
    ensure!(
        words.get(1..) == memory.get(1..),
        "{what} says something else than memory:\n{}\n--- memory:\n{}",
        words.join("\n"),
        memory.join("\n")
    );
    Ok(())
}
