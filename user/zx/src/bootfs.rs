//! The boot file system, read through its VMO.
use core::fmt;

use abi::bootfs::{self, Bootfs, ENTRY_SIZE, Entry, HEADER_SIZE};
use abi::{PAGE_SIZE, Status};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::object::Vmo;

/// Bytes that are read at once for a file's hash.
const CHUNK: usize = 64 << 10;

/// An open boot file system.
///
/// Holding one proves that its directory was checked: every file's pages lie inside the VMO.
#[derive(Debug)]
pub struct Archive {
    vmo: Vmo,
    entries: Vec<Entry>,
}

/// Why a boot file system, or a file in it, cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The VMO cannot be read.
    Read(Status),
    /// The directory is damaged.
    Directory(bootfs::Error),
    /// The file's bytes are not those that were packed.
    Damaged,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(status) => write!(f, "the boot file system cannot be read: {status}"),
            Self::Directory(error) => {
                write!(f, "the boot file system is damaged ({error:?}): build it again")
            }
            Self::Damaged => {
                f.write_str("its bytes differ from those that were packed: build the boot file system again")
            }
        }
    }
}

impl core::error::Error for Error {}

impl Archive {
    /// Reads and checks the directory.
    ///
    /// # Errors
    /// [`Error::Read`] or [`Error::Directory`].
    pub fn open(vmo: Vmo) -> Result<Self, Error> {
        let size = vmo.size().map_err(Error::Read)?;
        let mut head = vec![0; HEADER_SIZE];
        vmo.read(&mut head, 0).map_err(Error::Read)?;
        let directory = Bootfs::directory_size(&head).ok_or(Error::Directory(bootfs::Error::NotBootfs))?;
        let directory = usize::try_from(directory.min(size)).unwrap_or(HEADER_SIZE + ENTRY_SIZE);
        head.resize(directory, 0);
        vmo.read(&mut head, 0).map_err(Error::Read)?;
        let entries = Bootfs::new(&head, size).map_err(Error::Directory)?.entries().collect();
        Ok(Self { vmo, entries })
    }

    /// The VMO that holds the files.
    pub fn vmo(&self) -> &Vmo {
        &self.vmo
    }

    /// The file called `name`.
    pub fn find(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name() == name)
    }

    /// Every name.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.entries.iter().map(|entry| String::from(entry.name()))
    }

    /// Compares a file's bytes with the hash that was packed with them.
    ///
    /// # Errors
    /// [`Error::Damaged`] if they differ.
    pub fn verify(&self, entry: &Entry) -> Result<(), Error> {
        let mut hash = bootfs::HASH_START;
        let mut chunk = vec![0; CHUNK];
        let end = entry.offset + entry.size.next_multiple_of(PAGE_SIZE);
        for at in (entry.offset..end).step_by(CHUNK) {
            let len = usize::try_from(end - at).map_or(CHUNK, |left| left.min(CHUNK));
            let part = chunk.get_mut(..len).unwrap_or_default();
            self.vmo.read(part, at).map_err(Error::Read)?;
            hash = bootfs::hash_update(hash, part);
        }
        if hash == entry.hash { Ok(()) } else { Err(Error::Damaged) }
    }
}
