//! The instructions of an ELF file, and the functions to which its debug information attributes them.

use std::ops::Range;
use std::path::Path;

use addr2line::Loader;
use anyhow::{Context, Result, anyhow, ensure};
use object::{Object, ObjectSection, ObjectSymbol, SectionKind};

use crate::symbolise::plain_name;

/// Something that can tell in which functions an instruction stands.
pub(super) trait Attribution {
    /// The functions of the instruction at `address`, innermost first: the one it was written in, then each
    /// that this one was inlined into.
    fn functions(&self, address: u64) -> Vec<String>;
}

impl Attribution for Loader {
    fn functions(&self, address: u64) -> Vec<String> {
        let mut names = Vec::new();
        if let Ok(mut frames) = self.find_frames(address) {
            while let Ok(Some(frame)) = frames.next() {
                names
                    .extend(frame.function.and_then(|function| Some(plain_name(&function.demangle().ok()?))));
            }
        }
        if names.is_empty() {
            // Assembly has a symbol only.
            let symbol = self.find_symbol(address);
            names.extend(symbol.map(|symbol| plain_name(&addr2line::demangle_auto(symbol.into(), None))));
        }
        names
    }
}

/// The code of an ELF file.
pub(super) struct Code {
    /// Every instruction with its address, without the data that stands between them.
    words: Vec<(u64, u32)>,
    /// Symbols that [`Code::between`] can name.
    symbols: Vec<(String, u64)>,
}

impl Code {
    /// Reads the executable sections of a file.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&bytes).with_context(|| format!("{} cannot be disassembled", path.display()))
    }

    fn parse(elf: &[u8]) -> Result<Self> {
        let file = object::File::parse(elf).map_err(|error| anyhow!("it is no ELF file: {error}"))?;
        let mut marks: Vec<(u64, bool)> = Vec::new();
        let mut symbols = Vec::new();
        for symbol in file.symbols() {
            match symbol.name() {
                // Mapping symbols (ELF for the Arm 64-bit Architecture, "Mapping symbols"), with or without a suffix.
                Ok("$x") => marks.push((symbol.address(), true)),
                Ok("$d") => marks.push((symbol.address(), false)),
                Ok(name) if name.starts_with("$x.") => marks.push((symbol.address(), true)),
                Ok(name) if name.starts_with("$d.") => marks.push((symbol.address(), false)),
                Ok(name) => symbols.push((name.to_owned(), symbol.address())),
                Err(_) => {}
            }
        }
        marks.sort_unstable();
        ensure!(
            !marks.is_empty(),
            "it has no mapping symbols, so code and data look alike. Was it stripped?"
        );
        let mut words = Vec::new();
        for section in file.sections().filter(|section| section.kind() == SectionKind::Text) {
            let bytes =
                section.data().map_err(|error| anyhow!("a section lies outside the file: {error}"))?;
            let (chunks, _) = bytes.as_chunks::<4>();
            let addresses = (section.address()..).step_by(4);
            let both = addresses.zip(chunks.iter().map(|chunk| u32::from_le_bytes(*chunk)));
            words.extend(both.filter(|(address, _)| is_code(&marks, *address)));
        }
        ensure!(!words.is_empty(), "it has no code");
        Ok(Self { words, symbols })
    }

    /// All instructions.
    pub(super) fn words(&self) -> &[(u64, u32)] {
        &self.words
    }

    /// The addresses from one symbol up to another.
    pub(super) fn between(&self, start: &str, end: &str) -> Result<Range<u64>> {
        let find = |wanted: &str| {
            let found = self.symbols.iter().find(|(name, _)| name == wanted);
            found.map(|(_, address)| *address).with_context(|| format!("there is no symbol {wanted}"))
        };
        let range = find(start)?..find(end)?;
        ensure!(!range.is_empty(), "nothing lies between {start} and {end}");
        Ok(range)
    }
}

/// Whether the last mapping symbol up to `address` starts code. Where two share an address, code wins: the
/// other one marks nothing.
fn is_code(marks: &[(u64, bool)], address: u64) -> bool {
    let next = marks.partition_point(|(start, _)| *start <= address);
    next.checked_sub(1).and_then(|last| marks.get(last)).is_some_and(|(_, code)| *code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_between_instructions_is_left_out() {
        let marks = [(0x1000, true), (0x1008, false), (0x1010, false), (0x1010, true)];
        let code = [0xFFC, 0x1000, 0x1004, 0x1008, 0x100C, 0x1010, 0x2000].map(|at| is_code(&marks, at));
        assert_eq!(code, [false, true, true, false, false, true, true]);
    }
}
