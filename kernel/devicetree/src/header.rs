//! The header and the blocks it points to: rule S1, checked before anything else is looked at.

use crate::cursor::{be32, be64};
use crate::error::{Block, Error, Problem};
use core::ops::Range;

/// Bytes of a version 17 header (Devicetree Specification 5.2).
pub const HEADER_SIZE: usize = 40;
/// Larger blobs are refused. QEMU's `virt` declares 1 MiB; the largest real tree holds 152 KB.
pub const MAX_TOTAL_SIZE: u32 = 2 << 20;

const MAGIC: u32 = 0xd00d_feed;
const VERSION: u32 = 17;
/// What we write into the copy: version 17 can be read by version 16 parsers (specification 5.2).
const LAST_COMPATIBLE: u32 = 16;
const RESERVATION_SIZE: usize = 16;

/// The blocks of a blob, as ranges that lie inside it.
///
/// Holding one proves rule S1 of the blob it was read from: each range lies in `40..totalsize`, the
/// structure block is 4-aligned in offset and size, and the reservations end with their terminator.
pub(crate) struct Layout {
    pub(crate) reservations: Range<usize>,
    pub(crate) structure: Range<usize>,
    pub(crate) strings: Range<usize>,
    boot_cpu: u32,
}

/// The blob's `totalsize`, from its first [`HEADER_SIZE`] bytes.
///
/// This is for a caller that holds only a pointer: it can look at 40 bytes, learn the size, and only
/// then make a slice of the rest.
///
/// # Errors
/// Too few bytes, a wrong magic number, or a size below the header's or above [`MAX_TOTAL_SIZE`].
pub fn total_size(prefix: &[u8]) -> Result<usize, Error> {
    let short = Problem::NoHeader { have: prefix.len() };
    let (Some(found), Some(total)) = (be32(prefix, 0), be32(prefix, 4)) else { return Err(short.into()) };
    if prefix.len() < HEADER_SIZE {
        return Err(short.into());
    }
    if found != MAGIC {
        return Err(Problem::BadMagic { found }.into());
    }
    if total > MAX_TOTAL_SIZE {
        return Err(Problem::TooLarge { total }.into());
    }
    let size = to_usize(total);
    if size < HEADER_SIZE { Err(Problem::TotalSize { total, have: prefix.len() }.into()) } else { Ok(size) }
}

/// How many bytes [`crate::Tree::parse`] needs in its buffer for this blob.
///
/// # Errors
/// The blob breaks rule S1: bad header, or a block outside `totalsize`.
pub fn buffer_size(blob: &[u8]) -> Result<usize, Error> {
    Layout::read(blob).map(|layout| layout.copy_size())
}

impl Layout {
    pub(crate) fn read(blob: &[u8]) -> Result<Self, Error> {
        let size = total_size(blob)?;
        let word = |index: usize| be32(blob, index * 4).unwrap_or(0);
        let total = word(1);
        let Some(blob) = blob.get(..size) else {
            return Err(Problem::TotalSize { total, have: blob.len() }.into());
        };
        let (version, last_compatible) = (word(5), word(6));
        if version < VERSION || last_compatible > VERSION {
            return Err(Problem::Version { version, last_compatible }.into());
        }
        let structure = block(Block::Structure, word(2), word(9), 4, total)?;
        let strings = block(Block::Strings, word(3), word(8), 1, total)?;
        let reservations = block(Block::Reservations, word(4), 0, 8, total)?;
        let reservations = terminated(blob, reservations.start)?;
        Ok(Self { reservations, structure, strings, boot_cpu: word(7) })
    }

    /// The clean copy's size if no NOP is squeezed out of it.
    pub(crate) fn copy_size(&self) -> usize {
        // Each block is at most MAX_TOTAL_SIZE, so the sum cannot overflow.
        HEADER_SIZE + self.reservations.len() + self.structure.len() + self.strings.len()
    }

    /// Where the structure block starts in the clean copy.
    pub(crate) fn copy_structure(&self) -> usize {
        HEADER_SIZE + self.reservations.len()
    }

    /// Writes the copy's header, for a structure block of `structure` bytes.
    pub(crate) fn write_header(&self, copy: &mut [u8], structure: usize) -> Result<usize, Error> {
        let at = self.copy_structure();
        let total = at + structure + self.strings.len();
        let words = [
            MAGIC,
            to_u32(total),
            to_u32(at),
            to_u32(at + structure),
            to_u32(HEADER_SIZE),
            VERSION,
            LAST_COMPATIBLE,
            self.boot_cpu,
            to_u32(self.strings.len()),
            to_u32(structure),
        ];
        let have = copy.len();
        let Some(header) = copy.get_mut(..HEADER_SIZE) else {
            return Err(Problem::BufferTooSmall { need: total, have }.into());
        };
        for (place, word) in header.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        Ok(total)
    }
}

/// Checks one block's offset and size from the header.
fn block(block: Block, offset: u32, size: u32, alignment: u32, total: u32) -> Result<Range<usize>, Error> {
    let misaligned =
        !offset.is_multiple_of(alignment) || (block == Block::Structure && !size.is_multiple_of(alignment));
    if misaligned {
        return Err(Problem::Misaligned { block, offset, size }.into());
    }
    let start = to_usize(offset);
    match offset.checked_add(size) {
        Some(end) if start >= HEADER_SIZE && end <= total => Ok(start..to_usize(end)),
        _ => Err(Problem::BlockOutside { block, offset, size, total }.into()),
    }
}

/// The reservation block from `start` to the end of its terminator.
fn terminated(blob: &[u8], start: usize) -> Result<Range<usize>, Error> {
    let mut at = start;
    while let (Some(address), Some(size)) = (be64(blob, at), be64(blob, at.saturating_add(8))) {
        at = at.saturating_add(RESERVATION_SIZE);
        if address == 0 && size == 0 {
            return Ok(start..at);
        }
    }
    Err(Problem::ReservationsUnterminated.into())
}

/// Lossless on every machine this runs on: `usize` has at least 32 bits.
pub(crate) const fn to_usize(value: u32) -> usize {
    value as usize
}

/// For values bounded by three times [`MAX_TOTAL_SIZE`].
pub(crate) fn to_u32(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
