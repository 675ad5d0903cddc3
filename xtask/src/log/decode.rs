//! Turns log frames into lines. The strings stay in the ELF files; the build-id tells which one.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use abi::log::BUILD_ID_PREFIX;
use defmt_decoder::Table;
use object::LittleEndian;
use object::elf::{FileHeader64, NT_GNU_BUILD_ID};
use object::read::elf::{FileHeader, SectionHeader};

use super::{Frame, Item};

type BuildId = [u8; BUILD_ID_PREFIX];

/// The ELF files of a build, by build-id.
pub(crate) struct Decoder {
    sources: HashMap<BuildId, Source>,
    unknown: HashSet<BuildId>,
    noise: bool,
}

struct Source {
    name: String,
    table: Option<Table>,
}

impl Decoder {
    /// Reads the string tables of `elves`. A file that cannot be read is one whose frames cannot be either;
    /// they say so when they arrive.
    pub(crate) fn load(elves: &[PathBuf]) -> Self {
        let mut sources = HashMap::new();
        for path in elves {
            let Ok(bytes) = std::fs::read(path) else { continue };
            let Some(id) = build_id(&bytes) else { continue };
            let table = Table::parse(&bytes).ok().flatten();
            sources.insert(id, Source { name: name_of(path), table });
        }
        Self { sources, unknown: HashSet::new(), noise: false }
    }

    /// The lines to print for what came over the wire.
    pub(crate) fn lines(&mut self, item: &Item) -> Vec<String> {
        match item {
            Item::Frame(frame) => self.frame(frame),
            Item::Noise(count) if !self.noise => {
                self.noise = true;
                vec![format!(
                    "xtask: {count} bytes on the log's serial port belong to no log frame (said once)"
                )]
            }
            Item::Noise(_) => Vec::new(),
        }
    }

    fn frame(&mut self, frame: &Frame) -> Vec<String> {
        let Some(source) = self.sources.get(&frame.build_id) else {
            return self.note_unknown(frame);
        };
        let speaker = match frame.process {
            None => "kernel".to_owned(),
            Some(koid) => format!("{}[{koid}]", source.name),
        };
        let text = match &source.table {
            Some(table) => decode(table, &frame.payload),
            None => Err("its ELF has no defmt strings".to_owned()),
        };
        match text {
            Ok((prefix, message)) => {
                message.lines().map(|line| format!("{prefix} {speaker}: {line}")).collect()
            }
            Err(why) => {
                vec![format!(
                    "xtask: a log frame of {} bytes from {speaker} is unreadable: {why}",
                    frame.payload.len()
                )]
            }
        }
    }

    fn note_unknown(&mut self, frame: &Frame) -> Vec<String> {
        if !self.unknown.insert(frame.build_id) {
            return Vec::new();
        }
        let id: String = frame.build_id.iter().map(|byte| format!("{byte:02x}")).collect();
        let speaker = frame.process.map_or_else(|| "the kernel".to_owned(), |koid| format!("process {koid}"));
        vec![format!(
            "xtask: {speaker} logs with build-id {id}..., which no ELF in {} has: its log cannot be shown. \
             `cargo xtask build` makes image and ELF files match",
            crate::paths::shown(&crate::paths::out_dir())
        )]
    }
}

/// Timestamp and level, then the message.
fn decode(table: &Table, payload: &[u8]) -> Result<(String, String), String> {
    let (frame, _) = table.decode(payload).map_err(|error| error.to_string())?;
    let level = frame.level().map_or_else(String::new, |level| level.as_str().to_uppercase());
    let time = frame.display_timestamp().map_or_else(String::new, |time| time.to_string());
    let prefix = if time.is_empty() { format!("{level:<5}") } else { format!("[{time:>12}] {level:<5}") };
    Ok((prefix, frame.display_message().to_string()))
}

fn name_of(path: &Path) -> String {
    path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
}

/// The start of an ELF's GNU build-id.
fn build_id(elf: &[u8]) -> Option<BuildId> {
    full_build_id(elf)?.first_chunk().copied()
}

/// An ELF's GNU build-id.
pub(crate) fn full_build_id(elf: &[u8]) -> Option<&[u8]> {
    let header = FileHeader64::<LittleEndian>::parse(elf).ok()?;
    let sections = header.sections(LittleEndian, elf).ok()?;
    for section in sections.iter() {
        let Ok(Some(mut notes)) = section.notes(LittleEndian, elf) else { continue };
        while let Ok(Some(note)) = notes.next() {
            if note.n_type(LittleEndian) == NT_GNU_BUILD_ID && note.name() == b"GNU" {
                return Some(note.desc());
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoder() -> Decoder {
        Decoder { sources: HashMap::new(), unknown: HashSet::new(), noise: false }
    }

    #[test]
    fn an_unknown_build_is_named_once() {
        let frame = Frame { process: None, build_id: [0xab; 8], payload: vec![1] };
        let mut decoder = decoder();
        let lines = decoder.lines(&Item::Frame(frame.clone()));
        assert!(
            lines[0].starts_with("xtask: the kernel logs with build-id abababababababab..."),
            "{lines:?}"
        );
        assert_eq!(decoder.lines(&Item::Frame(frame)), Vec::<String>::new());
    }

    #[test]
    fn noise_is_reported_once() {
        let mut decoder = decoder();
        assert!(decoder.lines(&Item::Noise(3))[0].starts_with("xtask: 3 bytes on the log's serial port"));
        assert!(decoder.lines(&Item::Noise(9)).is_empty());
    }

    #[test]
    fn an_elf_without_strings_says_so() {
        let mut decoder = decoder();
        decoder.sources.insert([1; 8], Source { name: "rtc".to_owned(), table: None });
        let lines =
            decoder.lines(&Item::Frame(Frame { process: Some(9), build_id: [1; 8], payload: vec![1, 2] }));
        assert_eq!(
            lines,
            ["xtask: a log frame of 2 bytes from rtc[9] is unreadable: its ELF has no defmt strings"]
        );
    }
}
