//! Trees as text: `.dts`, which `dtc` compiles, and `.fdt`, which writes what `dtc` refuses to.
//!
//! A `.fdt` file is a list of what stands in the blob, a line each; `//` starts a comment:
//!
//! ```text
//! begin "soc"                a node begins
//! prop "reg" <0x1000 4>      a property: cells in angle brackets, text with its NUL in quotes, 300*<1 2> is repeated
//! end                        the node ends
//! END                        the structure block ends
//! word 7                     any word of the structure block
//! bytes 61 62                any bytes of it
//! strings 61 62              any bytes of the strings block
//! reserve 0x8000 0x1000      an entry of the memory reservation block
//! set totalsize 39           a word of the header, after all else
//! cut 39                     the blob ends after so many bytes
//! ```
//!
//! Two more lines are about the reader's side: `buffer N` gives it a buffer of so many bytes, and `heap N` lets its
//! N-th allocation fail.

use crate::writer::{Blob, END};
use std::path::Path;
use std::process::Command;

/// A tree to be judged.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// The blob.
    pub blob: Vec<u8>,
    /// The buffer's size, if it is not what the blob asks for.
    pub buffer: Option<usize>,
    /// Which allocation fails, counted from 1, if one does.
    pub heap: Option<u64>,
}

/// What a source says of itself: the text after `// expect: ` of its first lines.
pub fn expectations(text: &str) -> Vec<&str> {
    text.lines().map_while(|line| line.strip_prefix("// expect: ")).collect()
}

/// Reads a file by its extension. `Ok(None)` for a `.dts` where there is no `dtc`.
///
/// # Errors
/// In words, with the file's name.
pub fn read(path: &Path) -> Result<Option<Source>, String> {
    let name = path.display();
    if path.extension().is_some_and(|extension| extension == "dts") {
        return compile(path).map_err(|error| format!("{name}: {error}"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
    assemble(&text).map(Some).map_err(|error| format!("{name}: {error}"))
}

/// Compiles with every check off (`-f`: `dtc` would refuse some rules' trees rightly).
fn compile(path: &Path) -> Result<Option<Source>, String> {
    let command = Command::new("dtc").args(["-q", "-f", "-I", "dts", "-O", "dtb"]).arg(path).output();
    let Ok(output) = command else { return Ok(None) };
    if output.stdout.is_empty() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(Some(Source { blob: output.stdout, ..Source::default() }))
}

/// The words of the header, in order (Devicetree Specification 5.2).
const HEADER: [&str; 10] = [
    "magic",
    "totalsize",
    "off_dt_struct",
    "off_dt_strings",
    "off_mem_rsvmap",
    "version",
    "last_comp_version",
    "boot_cpuid_phys",
    "size_dt_strings",
    "size_dt_struct",
];

/// Writes the blob that the text describes.
///
/// # Errors
/// The line and what is wrong with it.
pub fn assemble(text: &str) -> Result<Source, String> {
    let mut blob = Blob::default();
    let mut source = Source::default();
    let (mut words, mut cut) = (Vec::new(), None);
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.split("//").next().unwrap_or("").trim();
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let wrong = || format!("line {number}: cannot read \"{line}\"");
        match verb {
            "" => {}
            "begin" => {
                blob.begin(unquoted(rest).ok_or_else(wrong)?);
            }
            "end" => {
                blob.end();
            }
            "END" => {
                blob.word(END);
            }
            "prop" => {
                let (name, value) = rest.split_once(' ').unwrap_or((rest, ""));
                let value = value_of(value).ok_or_else(wrong)?;
                blob.prop(unquoted(name).ok_or_else(wrong)?, &value);
            }
            "word" => {
                blob.word(number_of(rest).ok_or_else(wrong)?);
            }
            "bytes" => blob.structure.extend(bytes_of(rest).ok_or_else(wrong)?),
            "strings" => blob.strings.extend(bytes_of(rest).ok_or_else(wrong)?),
            "reserve" => {
                let (base, size) = rest.split_once(' ').ok_or_else(wrong)?;
                let pair = long_of(base).zip(long_of(size));
                blob.reservations.push(pair.ok_or_else(wrong)?);
            }
            "set" => {
                let (name, value) = rest.split_once(' ').ok_or_else(wrong)?;
                let place = HEADER.iter().position(|word| *word == name).ok_or_else(wrong)?;
                words.push((place * 4, number_of(value).ok_or_else(wrong)?));
            }
            "cut" => cut = Some(number_of(rest).ok_or_else(wrong)? as usize),
            "buffer" => source.buffer = Some(number_of(rest).ok_or_else(wrong)? as usize),
            "heap" => source.heap = Some(u64::from(number_of(rest).ok_or_else(wrong)?)),
            _ => return Err(wrong()),
        }
    }
    source.blob =
        words.into_iter().fold(blob.write(), |blob, (at, word)| crate::writer::patch(blob, at, word));
    source.blob.truncate(cut.unwrap_or(usize::MAX));
    Ok(source)
}

fn unquoted(text: &str) -> Option<&str> {
    text.trim().strip_prefix('"')?.strip_suffix('"')
}

fn number_of(text: &str) -> Option<u32> {
    u32::try_from(long_of(text)?).ok()
}

fn long_of(text: &str) -> Option<u64> {
    let text = text.trim();
    text.strip_prefix("0x").map_or_else(|| text.parse().ok(), |hex| u64::from_str_radix(hex, 16).ok())
}

fn bytes_of(text: &str) -> Option<Vec<u8>> {
    text.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).ok()).collect()
}

/// Pieces one behind the other: `<1 2>`, `300*<1 2>`, `"text"`.
fn value_of(text: &str) -> Option<Vec<u8>> {
    let mut value = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (times, piece) = match rest.split_once('*').filter(|(times, _)| long_of(times).is_some()) {
            Some((times, piece)) => (number_of(times)?, piece),
            None => (1, rest),
        };
        let (bytes, after) = if let Some(inside) = piece.strip_prefix('<') {
            let (cells, after) = inside.split_once('>')?;
            let cells: Option<Vec<u32>> = cells.split_whitespace().map(number_of).collect();
            (cells?.into_iter().flat_map(u32::to_be_bytes).collect::<Vec<_>>(), after)
        } else {
            let (inside, after) = piece.strip_prefix('"')?.split_once('"')?;
            ([inside.as_bytes(), &[0]].concat(), after)
        };
        (0..times).for_each(|_| value.extend(&bytes));
        rest = after.trim();
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_becomes_a_blob() {
        let text = "// a comment\nbegin \"\"\nprop \"x\" <0x1 2> 2*<3> \"ab\" // four cells\nend\nEND\n";
        let source = assemble(text).unwrap();
        let mut blob = Blob::default();
        blob.begin("").prop("x", b"\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x03ab\0").end().word(END);
        assert_eq!(source.blob, blob.write());
        assert_eq!(assemble("set totalsize 39\ncut 12").unwrap().blob.len(), 12);
        assert_eq!(assemble("nonsense").unwrap_err(), "line 1: cannot read \"nonsense\"");
    }
}
