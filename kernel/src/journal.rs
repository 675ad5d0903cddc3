//! What was said lately, for programs that read the log.
//!
//! A row of records in which new ones take the place of the oldest. Nobody waits for a reader: one that comes too late
//! finds by the numbers how many it has missed. There is no memory for it until somebody opens the log for reading, or
//! the kernel has something to tell that nobody may see on the console.
use alloc::vec::Vec;

use abi::layout::AbiStruct;
use abi::log::{LogRecord, MAX_PAYLOAD, MAX_RECORD};
use abi::status::Result;
use abi::{Koid, Status};

/// Records that are kept.
const KEPT: usize = 32;

/// A record: its head, and as many bytes of text as that says.
#[derive(Clone, Copy, Debug)]
struct Entry {
    head: LogRecord,
    text: [u8; MAX_PAYLOAD],
}

/// The last records. See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Journal {
    entries: Vec<Entry>,
    /// The number of the next record, which is how many there were.
    next: u64,
}

impl Journal {
    /// Nothing was said yet.
    pub(crate) const fn new() -> Self {
        Self { entries: Vec::new(), next: 0 }
    }

    /// Makes sure that records are kept.
    ///
    /// # Errors
    /// `NO_MEMORY`; nothing changed.
    pub(crate) fn open(&mut self) -> Result {
        if self.entries.capacity() > 0 {
            return Ok(());
        }
        self.entries.try_reserve_exact(KEPT).map_err(|_| Status::NO_MEMORY)
    }

    /// Keeps what somebody said, if anything is kept: of a long text each piece in a record of its own.
    pub(crate) fn push(&mut self, timestamp: i64, pid: Koid, tid: Koid, text: &[u8]) {
        if self.entries.capacity() == 0 {
            return;
        }
        for piece in text.chunks(MAX_PAYLOAD) {
            let head = LogRecord {
                sequence: self.next,
                padding1: [0; 4],
                datalen: piece.len() as u16,
                severity: INFO,
                flags: 0,
                timestamp,
                pid,
                tid,
            };
            let mut text = [0; MAX_PAYLOAD];
            text.iter_mut().zip(piece).for_each(|(to, from)| *to = *from);
            let entry = Entry { head, text };
            match self.entries.get_mut(self.next as usize % KEPT) {
                Some(oldest) => *oldest = entry,
                // There is room: as many were reserved.
                None => self.entries.push(entry),
            }
            self.next = self.next.wrapping_add(1);
        }
    }

    /// The record with a number, or the oldest one if that is gone: its bytes, how many, and the number of the next one.
    pub(crate) fn get(&self, number: u64) -> Option<([u8; MAX_RECORD], usize, u64)> {
        let oldest = self.next.saturating_sub(KEPT as u64);
        let number = number.max(oldest);
        let entry = self.entries.get(number as usize % KEPT).filter(|_| number < self.next)?;
        let mut bytes = [0; MAX_RECORD];
        entry.head.put(&mut bytes);
        let length = LogRecord::SIZE + usize::from(entry.head.datalen);
        let places = bytes.iter_mut().skip(LogRecord::SIZE);
        places.zip(entry.text).for_each(|(to, from)| *to = from);
        Some((bytes, length.min(MAX_RECORD), number.wrapping_add(1)))
    }
}

/// The severity of every record (`DEBUGLOG_INFO`).
const INFO: u8 = 0x30;

#[cfg(test)]
mod tests {
    use super::*;

    fn text(journal: &Journal, number: u64) -> Option<(u64, Vec<u8>, u64)> {
        let (bytes, length, next) = journal.get(number)?;
        Some((LogRecord::get(&bytes).sequence, bytes[LogRecord::SIZE..length].to_vec(), next))
    }

    #[test]
    fn nothing_is_kept_before_it_is_open() {
        let mut journal = Journal::new();
        journal.push(1, 2, 3, b"nobody listens");
        assert!(text(&journal, 0).is_none());
        journal.open().unwrap();
        journal.push(1, 2, 3, b"heard");
        assert_eq!(text(&journal, 0), Some((0, b"heard".to_vec(), 1)));
        assert!(text(&journal, 1).is_none());
    }

    #[test]
    fn the_oldest_go_first_and_the_numbers_tell() {
        let mut journal = Journal::new();
        journal.open().unwrap();
        for number in 0..3 * KEPT as u8 {
            journal.push(0, 0, 0, &[number]);
            assert_eq!(
                text(&journal, number.into()),
                Some((number.into(), vec![number], u64::from(number) + 1))
            );
        }
        assert_eq!(text(&journal, 0), Some((64, vec![64], 65)));
        assert_eq!(journal.entries.capacity(), KEPT);
    }

    #[test]
    fn a_long_text_is_several_records() {
        let mut journal = Journal::new();
        journal.open().unwrap();
        let long = [7; 2 * MAX_PAYLOAD + 1];
        journal.push(0, 0, 0, &long);
        let lengths = [0, 1, 2].map(|number| text(&journal, number).unwrap().1.len());
        assert_eq!(lengths, [MAX_PAYLOAD, MAX_PAYLOAD, 1]);
    }
}
