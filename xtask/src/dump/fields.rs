//! The fields of a record, out of bytes of which some may be missing or wrong.

use std::mem::offset_of;

use abi::record::{
    self as layout, ARMED, COMPLETE, COVERED_AT, Checksum, Epitaph, RAW_LENGTH, Record, WRITING,
};

/// A record's bytes, by field. What lies beyond their end reads as zero.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

/// How far a record can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// It is whole.
    Whole,
    /// It is whole, and the kernel has started again since.
    BootBefore,
    /// The kernel ran, and nothing has failed.
    NoFailure,
    /// The kernel failed while it wrote it.
    Unfinished,
    /// The checksum does not hold.
    Damaged,
    /// The layout is not the one that is known here.
    Version(u32),
}

impl Fields<'_> {
    pub(super) fn half(&self, offset: usize) -> u32 {
        self.array(offset).map_or(0, u32::from_le_bytes)
    }

    pub(super) fn word(&self, offset: usize) -> u64 {
        self.array(offset).map_or(0, u64::from_le_bytes)
    }

    /// At most `length` bytes, and at most `room`.
    pub(super) fn bytes(&self, offset: usize, length: u32, room: usize) -> &[u8] {
        let end = offset + usize::try_from(length).unwrap_or(room).min(room);
        self.0.get(offset..end.min(self.0.len())).unwrap_or_default()
    }

    pub(super) fn has_magic(&self) -> bool {
        self.0.starts_with(&layout::MAGIC)
    }

    /// The magic, and numbers that a record can have.
    pub(super) fn is_plausible(&self) -> bool {
        self.has_magic()
            && self.state() <= COMPLETE
            && (1..0x1_0000).contains(&self.half(offset_of!(Record, version)))
    }

    pub(super) fn state(&self) -> u32 {
        self.half(offset_of!(Record, state))
    }

    /// The bytes that the record says it has; `None` if no record has so many.
    pub(super) fn length(&self) -> Option<usize> {
        let length = usize::try_from(self.word(offset_of!(Record, length))).ok()?;
        ((RAW_LENGTH..=size_of::<Record>()).contains(&length) && length.is_multiple_of(8)).then_some(length)
    }

    pub(super) fn epitaph(&self) -> Option<Epitaph> {
        Epitaph::from_raw(self.half(offset_of!(Record, epitaph)))
    }

    pub(super) fn build_id(&self) -> &[u8] {
        self.bytes(offset_of!(Record, build_id), self.half(offset_of!(Record, build_id_len)), 24)
    }

    pub(super) fn trust(&self) -> Trust {
        let version = self.half(offset_of!(Record, version));
        if version != layout::VERSION {
            return Trust::Version(version);
        }
        let holds = self.length().and_then(|length| self.0.get(COVERED_AT..length)).is_some_and(|covered| {
            Checksum::new().with(covered).value() == self.word(offset_of!(Record, crc))
        });
        match self.state() {
            ARMED if holds => Trust::BootBefore,
            ARMED => Trust::NoFailure,
            WRITING => Trust::Unfinished,
            _ if holds => Trust::Whole,
            _ => Trust::Damaged,
        }
    }

    pub(super) fn is_of_a_failure(&self) -> bool {
        !matches!(self.trust(), Trust::NoFailure)
    }

    fn array<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        self.0.get(offset..)?.first_chunk().copied()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A whole record of a panic with so many bytes.
    pub(in crate::dump) fn sample(length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        bytes[..16].copy_from_slice(&layout::MAGIC);
        let halves = [
            (offset_of!(Record, state), COMPLETE),
            (offset_of!(Record, version), layout::VERSION),
            (offset_of!(Record, epitaph), Epitaph::Panic as u32),
            (offset_of!(Record, length), length as u32),
            (offset_of!(Record, level), 1),
            (offset_of!(Record, build_id_len), 20),
        ];
        for (offset, value) in halves {
            bytes[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
        }
        bytes[offset_of!(Record, build_id)..][..20].fill(0xab);
        if length > RAW_LENGTH {
            let texts = [
                (offset_of!(Record, file), offset_of!(Record, file_len), "kernel/src/lib.rs"),
                (offset_of!(Record, message), offset_of!(Record, message_len), "it cannot be"),
            ];
            for (offset, length, text) in texts {
                bytes[offset..offset + text.len()].copy_from_slice(text.as_bytes());
                bytes[length] = text.len() as u8;
            }
            bytes[offset_of!(Record, line)] = 7;
        }
        seal(&mut bytes);
        bytes
    }

    /// Makes the checksum right.
    pub(in crate::dump) fn seal(bytes: &mut [u8]) {
        let crc = Checksum::new().with(&bytes[COVERED_AT..]).value();
        bytes[offset_of!(Record, crc)..][..8].copy_from_slice(&crc.to_le_bytes());
    }

    fn trust(change: impl FnOnce(&mut Vec<u8>)) -> Trust {
        let mut bytes = sample(0x628);
        change(&mut bytes);
        Fields(&bytes).trust()
    }

    const STATE: usize = offset_of!(Record, state);

    #[test]
    fn trust_goes_by_state_and_checksum() {
        assert_eq!(trust(|_| {}), Trust::Whole);
        assert_eq!(trust(|bytes| bytes[0x410] ^= 1), Trust::Damaged);
        assert_eq!(trust(|bytes| bytes.truncate(0x620)), Trust::Damaged);
        assert_eq!(trust(|bytes| bytes[STATE] = WRITING as u8), Trust::Unfinished);
        assert_eq!(trust(|bytes| bytes[STATE] = ARMED as u8), Trust::BootBefore);
        assert_eq!(trust(|bytes| (bytes[STATE], bytes[0x410]) = (ARMED as u8, 1)), Trust::NoFailure);
        assert_eq!(trust(|bytes| bytes[offset_of!(Record, version)] = 2), Trust::Version(2));
        // What is counted while it is reported is not covered.
        assert_eq!(trust(|bytes| bytes[offset_of!(Record, nested)] = 3), Trust::Whole);
    }

    #[test]
    fn a_length_that_no_record_has_is_none() {
        for length in [0, 0x1f8, 0x204, 0x1608, u64::MAX] {
            let mut bytes = sample(0x628);
            bytes[offset_of!(Record, length)..][..8].copy_from_slice(&length.to_le_bytes());
            assert_eq!(
                (Fields(&bytes).length(), Fields(&bytes).trust()),
                (None, Trust::Damaged),
                "{length:#x}"
            );
        }
    }

    #[test]
    fn what_lies_beyond_the_end_is_zero() {
        let bytes = sample(0x200);
        let fields = Fields(&bytes);
        assert_eq!(
            (fields.half(0x1fe), fields.word(usize::MAX), fields.bytes(0x400, 9, 512)),
            (0, 0, &[][..])
        );
    }
}
