//! Records as lines of a serial log (`abi::record::armour`).
//!
//! Each line has its place and its checksum, so what is printed between them, before them in a line, or lost does
//! not matter to the rest.

use std::mem::offset_of;
use std::ops::Range;

use abi::log::crc32;
use abi::record::Record;
use abi::record::armour::{ALPHABET, LINE_BYTES, MARK};

use super::fields::Fields;

/// A record as the log has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Armoured {
    /// The number of its first line in the log, from 1.
    pub(super) line: usize,
    pub(super) bytes: Vec<u8>,
    /// What of it the log lacks; those bytes are zero.
    pub(super) missing: Vec<Range<usize>>,
}

/// Gathers the lines of one record.
#[derive(Default)]
struct Gathered {
    first: usize,
    announced: Option<usize>,
    pieces: Vec<(usize, Vec<u8>)>,
}

enum Line {
    Begin(Option<usize>),
    Data(usize, Vec<u8>),
    End(Option<usize>),
}

/// Every record in a log, in its order.
pub(super) fn records(log: &[u8]) -> Vec<Armoured> {
    let mut records = Vec::new();
    let mut open = Gathered::default();
    for (index, line) in log.split(|byte| *byte == b'\n').enumerate() {
        let number = index + 1;
        match parse(line) {
            None => {}
            Some(Line::Begin(length)) => {
                records.extend(std::mem::take(&mut open).finish());
                open = Gathered { first: number, announced: length, pieces: Vec::new() };
            }
            Some(Line::Data(offset, bytes)) => {
                // The lines go upward: one that does not is of another record, whose beginning was lost.
                if open.pieces.last().is_some_and(|(last, _)| *last >= offset) {
                    records.extend(std::mem::take(&mut open).finish());
                }
                if open.first == 0 {
                    open.first = number;
                }
                open.pieces.push((offset, bytes));
            }
            Some(Line::End(length)) => {
                open.announced = open.announced.or(length);
                records.extend(std::mem::take(&mut open).finish());
            }
        }
    }
    records.extend(open.finish());
    records
}

impl Gathered {
    /// The record; `None` if not one line of it arrived.
    fn finish(self) -> Option<Armoured> {
        let (last, bytes) = self.pieces.last()?;
        let seen = last + bytes.len();
        let mut record = vec![0; size_of::<Record>()];
        let mut present = vec![false; record.len()];
        for (offset, bytes) in &self.pieces {
            let range = *offset..offset + bytes.len();
            // The parser lets no line pass that does not fit.
            if let (Some(place), Some(marks)) = (record.get_mut(range.clone()), present.get_mut(range)) {
                place.copy_from_slice(bytes);
                marks.fill(true);
            }
        }
        // The record's own word counts, if it is there; the lines around it have no checksum.
        let at = offset_of!(Record, length);
        let own = present[at..at + 8].iter().all(|mark| *mark).then(|| Fields(&record).length()).flatten();
        let length = own.or(self.announced).unwrap_or(seen).max(seen).min(record.len());
        record.truncate(length);
        let mut missing: Vec<Range<usize>> = Vec::new();
        for at in (0..length).filter(|at| !present[*at]) {
            match missing.last_mut() {
                Some(range) if range.end == at => range.end += 1,
                _ => missing.push(at..at + 1),
            }
        }
        Some(Armoured { line: self.first, bytes: record, missing })
    }
}

fn parse(line: &[u8]) -> Option<Line> {
    let mark = MARK.as_bytes();
    let start = line.windows(mark.len()).rposition(|window| window == mark)?;
    let text = std::str::from_utf8(line.get(start..)?.trim_ascii_end()).ok()?;
    let mut words = text.get(mark.len()..)?.split_ascii_whitespace();
    let (first, second) = (words.next()?, words.next()?);
    match first {
        "begin" => Some(Line::Begin(hex(second))),
        "end" => Some(Line::End(hex(second))),
        offset => {
            let crc = words.next()?;
            let covered = text.get(..mark.len() + offset.len() + 1 + second.len())?;
            let is_right = hex(crc)? == usize::try_from(crc32(covered.as_bytes())).ok()?;
            let (offset, bytes) = (hex(offset)?, base64(second)?);
            let fits = bytes.len() <= LINE_BYTES && offset <= size_of::<Record>() - bytes.len();
            (is_right && fits).then_some(Line::Data(offset, bytes))
        }
    }
}

/// Eight hexadecimal digits.
fn hex(word: &str) -> Option<usize> {
    (word.len() == 8).then(|| usize::from_str_radix(word, 16).ok()).flatten()
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let (groups, rest) = text.as_bytes().as_chunks::<4>();
    let mut bytes = Vec::new();
    for group in groups {
        let letters = group.iter().take_while(|letter| **letter != b'=').count();
        let mut word = 0_u32;
        for letter in group {
            let value = ALPHABET.iter().position(|other| other == letter).unwrap_or(0);
            word = word << 6 | u32::try_from(value).ok()?;
        }
        bytes.extend(word.to_be_bytes().get(1..letters)?);
    }
    (rest.is_empty() && !bytes.is_empty()).then_some(bytes)
}

#[cfg(test)]
pub(super) mod tests {
    use std::slice::from_ref;

    use abi::record::armour::Line as Made;

    use super::*;

    /// What a kernel prints for these bytes.
    pub(in crate::dump) fn printed(record: &[u8]) -> Vec<String> {
        let mut lines = vec![Made::begin(record.len() as u32)];
        for (index, bytes) in record.chunks(LINE_BYTES).enumerate() {
            lines.push(Made::data((index * LINE_BYTES) as u32, bytes));
        }
        lines.push(Made::end(record.len() as u32));
        lines.iter().map(|line| String::from_utf8(line.as_bytes().to_vec()).unwrap()).collect()
    }

    fn sample(length: usize, seed: u8) -> Vec<u8> {
        let mut bytes: Vec<u8> =
            (0..length).map(|at| (at as u8).wrapping_mul(7).wrapping_add(seed)).collect();
        let at = offset_of!(Record, length);
        bytes[at..at + 8].copy_from_slice(&(length as u64).to_le_bytes());
        bytes
    }

    #[test]
    fn every_length_comes_back() {
        for length in (0x200..0x2a0).step_by(8) {
            let record = sample(length, 3);
            let found = records(printed(&record).join("\r\n").as_bytes());
            assert_eq!(found, [Armoured { line: 1, bytes: record, missing: vec![] }]);
        }
    }

    #[test]
    fn other_text_between_and_before_does_no_harm() {
        let record = sample(0x628, 1);
        let mut log = b"boot\n\xff\xfe noise \0\r\n".to_vec();
        for line in printed(&record) {
            log.extend(format!("[   12.5] {line}\r\nrtc: interleaved ~JR noise\n").bytes());
        }
        let found = records(&log);
        assert_eq!(found, [Armoured { line: 3, bytes: record, missing: vec![] }]);
    }

    #[test]
    fn what_was_lost_or_damaged_is_named() {
        let record = sample(0x628, 9);
        let mut lines = printed(&record);
        lines[3] = lines[3].replace(' ', "  ").to_lowercase();
        lines.remove(5);
        let [found] = &records(lines.join("\n").as_bytes())[..] else { panic!("one record") };
        assert_eq!(found.missing, [0x60..0x90, 0xc0..0xf0]);
        assert_eq!(found.bytes[..0x60], record[..0x60]);
        assert_eq!(found.bytes[0xf0..], record[0xf0..]);
        assert!(found.bytes[0x60..0x90].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn a_log_that_ends_or_starts_within_a_record_has_the_rest() {
        let record = sample(0x628, 9);
        let lines = printed(&record);
        let [start] = &records(lines[..10].join("\n").as_bytes())[..] else { panic!("one record") };
        assert_eq!(start.missing, from_ref(&(9 * LINE_BYTES..0x628)));
        let [end] = &records(lines[10..].join("\n").as_bytes())[..] else { panic!("one record") };
        assert_eq!((end.missing.as_slice(), end.bytes.len()), (from_ref(&(0..9 * LINE_BYTES)), 0x628));
    }

    #[test]
    fn two_records_are_two() {
        let (one, two) = (sample(0x200, 1), sample(0x300, 2));
        let log = [printed(&one), printed(&two)].concat().join("\n");
        let found = records(log.as_bytes());
        assert_eq!(
            found.iter().map(|found| found.bytes.clone()).collect::<Vec<_>>(),
            [one.clone(), two.clone()]
        );
        // Even if every line around them was lost.
        let bare = |record| {
            printed(record).into_iter().filter(|line| !line.contains("begin") && !line.contains("end"))
        };
        let log = bare(&one).chain(bare(&two)).collect::<Vec<_>>().join("\n");
        assert_eq!(records(log.as_bytes()).len(), 2);
    }

    #[test]
    fn text_that_only_looks_like_it_is_none() {
        for text in
            ["~JR ", "~JR begin", "~JR end 00000200", "~JR 00000000 AAAA 00000000", "~JR 0 AAAA b", "~JR zz"]
        {
            assert_eq!(records(text.as_bytes()), [], "{text}");
        }
    }
}
