//! A record in words.

use std::collections::HashMap;
use std::mem::offset_of;
use std::path::PathBuf;

use abi::record::{Epitaph, LOG_SIZE, MAX_BACKTRACE, NO_CPU, Record, Ring};
use object::LittleEndian;
use object::elf::{FileHeader64, PT_LOAD};
use object::read::elf::{FileHeader, ProgramHeader};

use super::fields::{Fields, Trust};
use super::find::Found;
use crate::log::{Decoder, Frames, Item, full_build_id};
use crate::paths;
use crate::symbolise::Symboliser;

/// The ELF files that explain a record.
pub(crate) struct Sources {
    kernel: PathBuf,
    /// Of the kernel's ELF; `None` if it cannot be read.
    build_id: Option<Vec<u8>>,
    /// The addresses at which the kernel is linked.
    linked: std::ops::Range<u64>,
    elves: Vec<PathBuf>,
}

impl Sources {
    /// The kernel's ELF file, and all whose log messages may be there, the kernel's too.
    pub(crate) fn new(kernel: PathBuf, elves: Vec<PathBuf>) -> Self {
        let bytes = std::fs::read(&kernel).unwrap_or_default();
        let linked = linked(&bytes).unwrap_or_default();
        Self { build_id: full_build_id(&bytes).map(<[u8]>::to_vec), linked, kernel, elves }
    }

    /// Why addresses of a record with this build-id get no names; `None` if they do.
    fn objection(&self, build_id: &[u8]) -> Option<String> {
        let elf = paths::shown(&self.kernel);
        let advice = "name the kernel's ELF file of that build by --elf";
        match &self.build_id {
            Some(own) if own == build_id => None,
            Some(own) => {
                Some(format!("{elf} is of another build, {}: addresses have no names; {advice}", digits(own)))
            }
            None => Some(format!("{elf} cannot be read: addresses have no names; {advice}")),
        }
    }
}

/// The lines to print for a record.
pub(crate) fn lines(found: &Found, sources: &Sources) -> Vec<String> {
    let fields = Fields(&found.bytes);
    let mut out = vec![format!("panic record {}", found.place)];
    let trust = fields.trust();
    match trust {
        Trust::Version(version) => {
            out.push(format!(
                "its layout has version {version}, and this tool knows {} only: use the tool of that kernel's sources",
                abi::record::VERSION
            ));
            return out;
        }
        Trust::NoFailure => {
            out.push("the kernel was running, and nothing has failed".to_owned());
            ring(found, sources, &mut out);
            return out;
        }
        Trust::Whole => {}
        Trust::BootBefore => {
            out.push("it is of the boot before: the kernel has started again since".to_owned())
        }
        Trust::Unfinished => {
            out.push("it is NOT FINISHED: the kernel failed again while it wrote it".to_owned())
        }
        Trust::Damaged if found.missing.is_empty() => {
            out.push("its checksum does NOT hold: some of what follows may be wrong".to_owned());
        }
        Trust::Damaged => {}
    }
    for range in &found.missing {
        out.push(format!("bytes {:#x} to {:#x} are MISSING and shown as zero", range.start, range.end));
    }
    Shown { fields, sources, out: &mut out }.all();
    if log(&Fields(&found.bytes), sources, &mut out) == 0 {
        ring(found, sources, &mut out);
    }
    out
}

struct Shown<'a> {
    fields: Fields<'a>,
    sources: &'a Sources,
    out: &'a mut Vec<String>,
}

impl Shown<'_> {
    fn all(&mut self) {
        self.head();
        let names = self.sources.objection(self.fields.build_id());
        if let Some(objection) = &names {
            self.out.push(format!("names:    {objection}"));
        }
        self.registers();
        self.backtrace(names.is_none());
    }

    fn half(&self, offset: usize) -> u32 {
        self.fields.half(offset)
    }

    fn word(&self, offset: usize) -> u64 {
        self.fields.word(offset)
    }

    fn head(&mut self) {
        let level = self.half(offset_of!(Record, level));
        let mut what = match self.fields.epitaph() {
            Some(Epitaph::EarlyException) => format!("exception at EL{level}, without the kernel's vectors"),
            Some(epitaph) => epitaph.as_str().to_owned(),
            None => format!("unknown ({})", self.half(offset_of!(Record, epitaph))),
        };
        let file = self.text(offset_of!(Record, file), offset_of!(Record, file_len), 96);
        if !file.is_empty() {
            what.push_str(&format!(" at {file}:{}", self.half(offset_of!(Record, line))));
        }
        self.out.push(format!("epitaph:  {what}"));
        let message = self.text(offset_of!(Record, message), offset_of!(Record, message_len), 512);
        if !message.is_empty() {
            self.out.push(format!("message:  {}", message.replace('\n', "\n          ")));
        }
        let cpu = match self.half(offset_of!(Record, cpu)) {
            NO_CPU => "not counted yet".to_owned(),
            cpu => cpu.to_string(),
        };
        let mpidr = self.word(offset_of!(Record, mpidr));
        self.out.push(format!("cpu:      {cpu}, MPIDR {mpidr:#x}, EL{level}"));
        let (ticks, rate) =
            (self.word(offset_of!(Record, ticks)), self.word(offset_of!(Record, ticks_per_second)));
        if rate != 0 {
            self.out.push(format!("counter:  {:.6} s", ticks as f64 / rate as f64));
        }
        self.out.push(format!("build-id: {}", digits(self.fields.build_id())));
        self.out.push(format!("image:    {:#x}", self.word(offset_of!(Record, image))));
        let nested = self.half(offset_of!(Record, nested));
        if nested > 0 {
            self.out.push(format!("nested:   {nested} more failures while this one was reported"));
        }
        if matches!(
            self.fields.epitaph(),
            Some(Epitaph::Exception | Epitaph::StackOverflow | Epitaph::EarlyException)
        ) {
            let esr = self.word(offset_of!(Record, esr));
            let vector = self.half(offset_of!(Record, vector));
            self.out.push(format!(
                "syndrome: ESR {esr:#x}, class {:#04x} ({}), vector {vector} ({}), FAR {:#x}",
                esr >> 26 & 0x3f,
                class(esr),
                vector_name(vector),
                self.word(offset_of!(Record, far)),
            ));
        }
    }

    fn text(&self, offset: usize, length: usize, room: usize) -> String {
        String::from_utf8_lossy(self.fields.bytes(offset, self.half(length), room)).into_owned()
    }

    fn registers(&mut self) {
        self.out.push("registers:".to_owned());
        let x = |index: usize| self.word(offset_of!(Record, x) + 8 * index);
        let mut lines: Vec<String> = Vec::new();
        for row in 0..8 {
            let shown = (0..4).map(|column| 4 * row + column).filter(|index| *index < 31);
            let words: Vec<String> = shown.map(|index| format!("x{index:<2} {:016x}", x(index))).collect();
            lines.push(format!("  {}", words.join("  ")));
        }
        let named = |name: &str, offset: usize| format!("{name} {:016x}", self.word(offset));
        lines.push(format!(
            "  {}  {}",
            named("sp ", offset_of!(Record, sp)),
            named("pc ", offset_of!(Record, pc))
        ));
        for row in [
            [
                ("pstate", offset_of!(Record, pstate)),
                ("esr", offset_of!(Record, esr)),
                ("far", offset_of!(Record, far)),
            ],
            [
                ("sctlr", offset_of!(Record, sctlr)),
                ("tcr", offset_of!(Record, tcr)),
                ("ttbr0", offset_of!(Record, ttbr0)),
            ],
        ] {
            lines.push(format!("  {}", row.map(|(name, offset)| named(name, offset)).join("  ")));
        }
        lines.push(format!("  {}", named("ttbr1", offset_of!(Record, ttbr1))));
        self.out.append(&mut lines);
    }

    fn backtrace(&mut self, with_names: bool) {
        self.out.push("backtrace:".to_owned());
        let mut places = Vec::new();
        if self.fields.epitaph() != Some(Epitaph::Panic) && self.fields.epitaph() != Some(Epitaph::Refusal) {
            places.push(self.word(offset_of!(Record, pc)));
        }
        let count = (self.half(offset_of!(Record, backtrace_len)) as usize).min(MAX_BACKTRACE);
        let callers = (0..count).map(|index| self.word(offset_of!(Record, backtrace) + 8 * index));
        // The call is the instruction before the one that it returns to.
        places.extend(callers.map(|address| address.wrapping_sub(4)));
        let symboliser = Symboliser::new(self.sources.kernel.clone(), []);
        // A stack that ran out has the same few places many times.
        let mut names: HashMap<u64, String> = HashMap::new();
        for (number, address) in places.into_iter().enumerate() {
            let linked = self.linked(address);
            let look_up = || with_names.then(|| symboliser.kernel(linked)).flatten().unwrap_or_default();
            let name = names.entry(linked).or_insert_with(look_up);
            self.out.push(format!("  #{number} {address:#x}{name}"));
        }
    }

    /// The linked address of one that may be physical: before the MMU is on, code runs where it was loaded.
    fn linked(&self, address: u64) -> u64 {
        let offset = address.checked_sub(self.word(offset_of!(Record, image)));
        let linked = offset.and_then(|offset| self.sources.linked.start.checked_add(offset));
        linked.filter(|linked| self.sources.linked.contains(linked)).unwrap_or(address)
    }
}

/// Adds the record's own log; how many lines it has.
fn log(fields: &Fields<'_>, sources: &Sources, out: &mut Vec<String>) -> usize {
    let length = fields.half(offset_of!(Record, log_len));
    let lines = decoded(fields.bytes(offset_of!(Record, log), length, LOG_SIZE), sources);
    if !lines.is_empty() {
        out.push("the last of the log:".to_owned());
        out.extend(lines.iter().map(|line| format!("  {line}")));
    }
    lines.len()
}

/// Adds what the ring behind the record has.
fn ring(found: &Found, sources: &Sources, out: &mut Vec<String>) {
    let Some(bytes) = &found.ring else { return };
    let fields = Fields(bytes);
    let written = fields.word(offset_of!(Ring, written));
    let start = written.saturating_sub(LOG_SIZE as u64);
    let at = |index: u64| bytes.get(offset_of!(Ring, bytes) + index as usize % LOG_SIZE).copied();
    let log: Vec<u8> = (start..written).map_while(at).collect();
    let lines = decoded(&log, sources);
    if !lines.is_empty() {
        out.push("the last of the log, from the ring behind the record:".to_owned());
        out.extend(lines.iter().map(|line| format!("  {line}")));
    }
}

/// The frames in words. The first may have lost its start: what is no frame is left out.
fn decoded(log: &[u8], sources: &Sources) -> Vec<String> {
    let mut decoder = Decoder::load(&sources.elves);
    let frames = Frames::default().push(log).into_iter().filter(|item| matches!(item, Item::Frame(_)));
    frames.flat_map(|item| decoder.lines(&item)).collect()
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// ESR_ELx.EC in words, for the classes that a kernel meets (Arm ARM, ESR_EL1).
fn class(esr: u64) -> &'static str {
    match esr >> 26 & 0x3f {
        0x00 => "unknown reason, such as an undefined instruction",
        0x07 => "FP or SIMD while it is trapped",
        0x0e => "illegal execution state",
        0x15 => "svc",
        0x16 => "hvc",
        0x17 => "smc",
        0x18 => "trapped system register",
        0x20 | 0x21 => "instruction abort",
        0x22 => "misaligned program counter",
        0x24 | 0x25 => "data abort",
        0x26 => "misaligned stack pointer",
        0x2f => "SError",
        0x3c => "brk",
        _ => "see ESR_ELx.EC in the Arm ARM",
    }
}

fn vector_name(vector: u32) -> String {
    let from = ["its level, on SP_EL0", "its level", "a lower level", "a lower level in AArch32"];
    let kind = ["synchronous", "IRQ", "FIQ", "SError"];
    match (kind.get(vector as usize % 4), from.get(vector as usize / 4)) {
        (Some(kind), Some(from)) => format!("{kind}, from {from}"),
        _ => "no vector has this number".to_owned(),
    }
}

/// The addresses from a kernel's first loaded byte to its last.
fn linked(elf: &[u8]) -> Option<std::ops::Range<u64>> {
    let header = FileHeader64::<LittleEndian>::parse(elf).ok()?;
    let segments = header.program_headers(LittleEndian, elf).ok()?;
    let loads = || segments.iter().filter(|segment| segment.p_type(LittleEndian) == PT_LOAD);
    let start = loads().map(|load| load.p_vaddr(LittleEndian)).min()?;
    let end =
        loads().map(|load| load.p_vaddr(LittleEndian).saturating_add(load.p_memsz(LittleEndian))).max()?;
    Some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::fields::tests::{sample, seal};

    fn sources() -> Sources {
        Sources { kernel: "k.elf".into(), build_id: Some(vec![0xab; 20]), linked: 0..0, elves: Vec::new() }
    }

    fn shown(bytes: Vec<u8>, missing: Vec<std::ops::Range<usize>>, sources: &Sources) -> String {
        lines(&Found { place: "here".to_owned(), bytes, missing, ring: None }, sources).join("\n")
    }

    #[test]
    fn a_panic_is_told() {
        let text = shown(sample(0x628), vec![], &sources());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[..3],
            ["panic record here", "epitaph:  kernel panic at kernel/src/lib.rs:7", "message:  it cannot be",]
        );
        assert!(!text.contains("names:") && !text.contains("NOT"), "{text}");
    }

    #[test]
    fn an_elf_of_another_build_is_named() {
        let other = Sources { build_id: Some(vec![0xcd; 20]), ..sources() };
        let text = shown(sample(0x628), vec![], &other);
        assert!(
            text.contains(&format!("names:    k.elf is of another build, {}: addresses", "cd".repeat(20))),
            "{text}"
        );
        assert!(text.contains("name the kernel's ELF file of that build by --elf"), "{text}");
        let absent = Sources { build_id: None, ..sources() };
        assert!(
            shown(sample(0x628), vec![], &absent).contains("k.elf cannot be read: addresses have no names")
        );
    }

    #[test]
    fn what_cannot_be_trusted_is_said() {
        let changed = |change: fn(&mut Vec<u8>)| {
            let mut bytes = sample(0x628);
            change(&mut bytes);
            shown(bytes, vec![], &sources())
        };
        assert!(changed(|bytes| bytes[0x410] ^= 1).contains("its checksum does NOT hold"));
        assert!(changed(|bytes| bytes[0x18] = 1).contains("it is NOT FINISHED"));
        assert!(changed(|bytes| bytes[0x18] = 0).contains("it is of the boot before"));
        assert!(changed(|bytes| bytes[0x28] = 9).contains("version 9, and this tool knows 1 only"));
        let none = changed(|bytes| (bytes[0x18], bytes[0x410]) = (0, 1));
        assert!(none.ends_with("nothing has failed"), "{none}");
        let text = shown(sample(0x628), std::iter::once(0x30..0x60).collect(), &sources());
        assert!(text.contains("bytes 0x30 to 0x60 are MISSING and shown as zero"), "{text}");
    }

    #[test]
    fn any_bytes_at_all_can_be_shown() {
        let mut bytes: Vec<u8> = (0..size_of::<Record>()).map(|at| (at * 31 % 251) as u8).collect();
        bytes[..0x40].copy_from_slice(&sample(0x628)[..0x40]);
        bytes[0x28..0x2c].copy_from_slice(&1_u32.to_le_bytes());
        for length in [0x200, 0x208, 0x628, size_of::<Record>()] {
            let mut bytes = bytes[..length].to_vec();
            seal(&mut bytes);
            assert!(shown(bytes, vec![], &sources()).starts_with("panic record here\n"));
        }
    }

    #[test]
    fn exceptions_are_explained() {
        assert_eq!(class(0x9600_0005), "data abort");
        assert_eq!(vector_name(4), "synchronous, from its level");
        assert_eq!(vector_name(16), "no vector has this number");
    }
}
