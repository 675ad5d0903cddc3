//! Adds names and lines to the raw addresses that the kernel prints.
//!
//! Two forms are known: a frame of a kernel backtrace, `  #1 0xffffffff80001234`, and a place in a program,
//! `rtc+0x1234`, anywhere in a line.

use std::collections::HashMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use addr2line::Loader;
use object::elf::PF_X;
use object::{Object, ObjectSegment, SegmentFlags};

use crate::paths;

/// An AArch64 instruction, and so the distance from a return address to its call.
const INSTRUCTION: u64 = 4;

/// The ELF files with the symbols.
#[derive(Clone, Debug, Default)]
pub(crate) struct Symboliser {
    kernel: PathBuf,
    programs: HashMap<String, PathBuf>,
}

/// A raw address in a line.
#[derive(Debug, PartialEq, Eq)]
enum Place<'a> {
    Kernel(u64),
    Program(&'a str, u64),
}

impl Symboliser {
    /// Takes the kernel's ELF and the programs by their names in the boot file system.
    pub(crate) fn new(kernel: PathBuf, programs: impl IntoIterator<Item = (String, PathBuf)>) -> Self {
        Self { kernel, programs: programs.into_iter().collect() }
    }

    /// What to write after a line of the console; nothing for a line without a known address.
    ///
    /// Each call opens the ELF file anew: that takes milliseconds, and happens after a crash only.
    pub(crate) fn annotation(&self, line: &str) -> Option<String> {
        let (path, address) = match place(line)? {
            Place::Kernel(address) => (&self.kernel, address),
            Place::Program(name, offset) => (self.programs.get(name)?, offset),
        };
        describe(path, address)
    }

    /// What to write after an address of the kernel; nothing if no code is there.
    pub(crate) fn kernel(&self, address: u64) -> Option<String> {
        describe(&self.kernel, address)
    }
}

fn place(line: &str) -> Option<Place<'_>> {
    if let Some((number, word)) = frame(line) {
        // In a program all frames but the first hold return addresses; the call is the instruction before.
        // The kernel prints its own calls.
        let back = if number == 0 { 0 } else { INSTRUCTION };
        return hex(word).map(Place::Kernel).or_else(|| program_place(word, back));
    }
    line.split([' ', '\t', '(', ')', '[', ']', ',', ';']).find_map(|word| program_place(word, 0))
}

/// The number and the first word of `  #N word ...`.
fn frame(line: &str) -> Option<(u32, &str)> {
    let (number, rest) = line.trim_start().strip_prefix('#')?.split_once(' ')?;
    Some((number.parse().ok()?, rest.split_whitespace().next()?))
}

fn program_place(word: &str, back: u64) -> Option<Place<'_>> {
    let (name, offset) = word.trim_end_matches([':', '.']).split_once('+')?;
    let offset = hex(offset)?.saturating_sub(back);
    (!name.is_empty()).then_some(Place::Program(name, offset))
}

fn hex(word: &str) -> Option<u64> {
    u64::from_str_radix(word.strip_prefix("0x")?, 16).ok()
}

/// `function at file:line`, and a line for each function that it was inlined into.
fn describe(elf: &Path, address: u64) -> Option<String> {
    if !is_code(elf, address) {
        return None;
    }
    let loader = Loader::new(elf).ok()?;
    let mut text = String::new();
    let mut frames = loader.find_frames(address).ok()?;
    while let Ok(Some(frame)) = frames.next() {
        let name = frame
            .function
            .as_ref()
            .and_then(|function| function.demangle().ok().map(|name| name.into_owned()));
        let Some(name) = name.map(|name| plain_name(&name)) else { continue };
        let lead = if text.is_empty() { "  " } else { "\n       inlined into " };
        // Writing to a String cannot fail.
        let _ = write!(text, "{lead}{name}");
        if let Some((file, line)) = frame.location.and_then(|place| place.file.zip(place.line)) {
            let _ = write!(text, " at {}:{line}", plain_path(file));
        }
    }
    if text.is_empty() {
        let symbol = loader.find_symbol(address)?;
        return Some(format!("  {}", plain_name(&addr2line::demangle_auto(symbol.into(), None))));
    }
    Some(text)
}

/// Whether an executable segment has this address: any other gets the name of whatever symbol comes before it.
fn is_code(elf: &Path, address: u64) -> bool {
    let Ok(bytes) = std::fs::read(elf) else { return false };
    let Ok(file) = object::File::parse(bytes.as_slice()) else { return false };
    let executable = |flags| matches!(flags, SegmentFlags::Elf { p_flags, .. } if p_flags & PF_X == PF_X);
    file.segments().any(|segment| {
        executable(segment.flags())
            && address.checked_sub(segment.address()).is_some_and(|at| at < segment.size())
    })
}

/// Without the hash that ends a legacy Rust symbol.
pub(crate) fn plain_name(name: &str) -> String {
    let is_hash = |tail: &str| {
        tail.len() == 17 && tail.starts_with('h') && tail[1..].chars().all(|c| c.is_ascii_hexdigit())
    };
    match name.rsplit_once("::") {
        Some((head, tail)) if is_hash(tail) => head.to_owned(),
        _ => name.to_owned(),
    }
}

/// Relative to the repository; for Rust's own libraries, relative to their sources.
fn plain_path(file: &str) -> String {
    if let Some((_, inside)) = file.split_once("/library/")
        && file.starts_with("/rustc/")
    {
        return format!("library/{inside}");
    }
    paths::shown(Path::new(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_the_kernel_are_recognised() {
        assert_eq!(place("  #0 0xffffffff80001234"), Some(Place::Kernel(0xffff_ffff_8000_1234)));
        assert_eq!(place("  #12 0xffffffff80001234\r"), Some(Place::Kernel(0xffff_ffff_8000_1234)));
        assert_eq!(place("#hash 0xffffffff80001234"), None);
        assert_eq!(place("x0 0xffffffff80001234"), None);
    }

    #[test]
    fn places_in_programs_are_recognised() {
        assert_eq!(
            place("fault: write of 0x0 by rtc+0x1f4 (data abort)"),
            Some(Place::Program("rtc", 0x1f4))
        );
        assert_eq!(place("  #1 rtc.elf+0x1f4"), Some(Place::Program("rtc.elf", 0x1f0)));
        assert_eq!(place("1+0x1"), Some(Place::Program("1", 1)));
        assert_eq!(place("a + 0x1"), None);
    }

    #[test]
    fn an_unknown_program_has_no_annotation() {
        assert_eq!(Symboliser::default().annotation("  #0 rtc+0x10"), None);
    }

    #[test]
    fn names_and_paths_are_shortened() {
        assert_eq!(plain_name("kernel::run::h0123456789abcdef"), "kernel::run");
        assert_eq!(plain_name("kernel::run::here"), "kernel::run::here");
        assert_eq!(plain_path("/rustc/59807/library/core/src/fmt/mod.rs"), "library/core/src/fmt/mod.rs");
        let own = paths::root().join("kernel/src/lib.rs");
        assert_eq!(plain_path(own.to_str().unwrap()), "kernel/src/lib.rs");
    }

    /// The function that the next test looks for.
    #[inline(never)]
    fn landmark() -> u64 {
        landmark as *const () as u64
    }

    #[test]
    fn an_address_gets_its_function_and_line() {
        // The test's own binary serves: it is loaded somewhere, its symbols are not, so ask by symbol.
        let own = std::env::current_exe().unwrap();
        let loader = Loader::new(&own).unwrap();
        let base = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
        let Some(base) = base.split('-').next().and_then(|text| u64::from_str_radix(text, 16).ok()) else {
            return;
        };
        let address = landmark() - base + loader.relative_address_base();
        let text = describe(&own, address).unwrap();
        assert!(
            text.contains("xtask::symbolise::tests::landmark at ") && text.contains("symbolise.rs:"),
            "{text}"
        );
    }
}
