//! The boot file system: programs and data that come with the kernel, each on pages of its own.
//!
//! ```text
//! 0      Header
//! 32     Entry x count
//! ...    zeros to a page boundary
//! page   file 0, zero-padded to a page
//! page   file 1, ...
//! ```
//! All integers are little-endian. A file starts at a page boundary, so it can be mapped where it lies.
use crate::layout::AbiStruct;
use crate::{PAGE_SIZE, abi_struct};

/// `JACBOOT1`, read as a little-endian number.
pub const MAGIC: u64 = u64::from_le_bytes(*b"JACBOOT1");
/// Bytes of a file's name, its NUL included.
pub const NAME_LEN: usize = 64;

abi_struct! {
    /// The first 32 bytes.
    struct Header as "jacinth_bootfs_header_t" {
        /// [`MAGIC`].
        magic: u64,
        /// Bytes of the whole image, a multiple of the page size.
        size: u64,
        /// Entries that follow.
        count: u32,
        /// Zero.
        reserved: [u32; 3],
    }
    /// One file.
    struct Entry as "jacinth_bootfs_entry_t" {
        /// Its name, NUL-padded.
        name: [u8; 64],
        /// Bytes from the start of the image, a multiple of the page size.
        offset: u64,
        /// Its bytes, without padding.
        size: u64,
        /// [`hash`] of its pages, padding included.
        hash: u64,
        /// Zero.
        reserved: u64,
    }
}

/// Bytes of an [`Entry`].
pub const ENTRY_SIZE: usize = size_of::<Entry>();
/// Bytes of a [`Header`].
pub const HEADER_SIZE: usize = size_of::<Header>();

impl Entry {
    /// The name as text, without its padding; empty if it is not UTF-8.
    pub fn name(&self) -> &str {
        let len = self.name.iter().position(|&byte| byte == 0).unwrap_or(NAME_LEN);
        self.name.get(..len).and_then(|bytes| core::str::from_utf8(bytes).ok()).unwrap_or("")
    }
}

/// FNV-1a over little-endian 64-bit words: quick enough to check each program before it starts.
///
/// It finds damage, not malice. A last partial word counts as if padded with zeros.
pub fn hash(bytes: &[u8]) -> u64 {
    hash_update(HASH_START, bytes)
}

/// The hash of no bytes: where [`hash_update`] starts.
pub const HASH_START: u64 = 0xcbf2_9ce4_8422_2325;

/// Goes on with a [`hash`] by the next piece; every piece but the last has a multiple of 8 bytes.
pub fn hash_update(mut hash: u64, bytes: &[u8]) -> u64 {
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        for (to, from) in word.iter_mut().zip(chunk) {
            *to = *from;
        }
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(0x100_0000_01b3);
    }
    hash
}

/// Why an image is not a boot file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// It does not start with [`MAGIC`].
    NotBootfs,
    /// It is shorter than its header says, or its entries do not fit.
    Truncated,
    /// This entry's pages lie outside the image or are not page-aligned.
    BadEntry(u32),
}

/// A checked directory of a boot file system.
///
/// Holding one proves: the header is right, every entry's pages lie inside the image and are page-aligned.
/// It does not prove the hashes.
#[derive(Clone, Copy, Debug)]
pub struct Bootfs<'a> {
    entries: &'a [u8],
    header: Header,
}

impl<'a> Bootfs<'a> {
    /// Checks `head`, which holds at least the header and the entries of an image of `available` bytes.
    ///
    /// # Errors
    /// [`Error`], naming the first thing that is wrong.
    pub fn new(head: &'a [u8], available: u64) -> Result<Self, Error> {
        let header = Header::get(head);
        if head.len() < HEADER_SIZE || header.magic != MAGIC {
            return Err(Error::NotBootfs);
        }
        if header.size > available || !header.size.is_multiple_of(PAGE_SIZE) {
            return Err(Error::Truncated);
        }
        let length = (header.count as usize).checked_mul(ENTRY_SIZE).ok_or(Error::Truncated)?;
        let entries = head
            .get(HEADER_SIZE..)
            .and_then(|rest| rest.get(..length))
            .filter(|_| HEADER_SIZE as u64 + length as u64 <= header.size)
            .ok_or(Error::Truncated)?;
        let bootfs = Self { entries, header };
        for (index, entry) in bootfs.entries().enumerate() {
            let end = entry
                .size
                .checked_next_multiple_of(PAGE_SIZE)
                .and_then(|size| entry.offset.checked_add(size));
            if !entry.offset.is_multiple_of(PAGE_SIZE) || end.is_none_or(|end| end > header.size) {
                return Err(Error::BadEntry(index as u32));
            }
        }
        Ok(bootfs)
    }

    /// Bytes of the header and entries of the image that starts with `head`; `None` if it is none of ours.
    pub fn directory_size(head: &[u8]) -> Option<u64> {
        let header = Header::get(head);
        (head.len() >= HEADER_SIZE && header.magic == MAGIC)
            .then_some(HEADER_SIZE as u64 + u64::from(header.count) * ENTRY_SIZE as u64)
    }

    /// Bytes of the whole image.
    pub const fn size(&self) -> u64 {
        self.header.size
    }

    /// The entries in order.
    pub fn entries(&self) -> impl Iterator<Item = Entry> + 'a {
        self.entries.chunks_exact(ENTRY_SIZE).map(Entry::get)
    }

    /// The file called `name`.
    pub fn find(&self, name: &str) -> Option<Entry> {
        self.entries().find(|entry| entry.name() == name)
    }
}
