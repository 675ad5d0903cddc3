//! Room for small records of one type, named by their index: what trees and counts of pages are made of.
use alloc::boxed::Box;
use alloc::vec::Vec;

use abi::Status;
use abi::status::Result;

/// Records that are added at a time. They never move.
const CHUNK: usize = 1 << SHIFT;
const SHIFT: u32 = 4;
/// No record. It is beyond every chunk, so a look-up of it finds nothing.
const NIL: u32 = u32::MAX;

/// A record that can be free and then leads to the next free one.
pub(super) trait Record: Sized {
    /// A new record.
    const NEW: Self;
    /// Where a free record keeps the next one.
    fn link(&mut self) -> &mut u32;
    /// Makes a record as good as new. It leads nowhere any more.
    fn renew(&mut self);
}

/// Records of one type. Reserving can fail and says so; nothing else allocates. Room that was made stays, for the
/// next record.
#[derive(Debug)]
pub(super) struct Pool<T> {
    chunks: Vec<Box<[T; CHUNK]>>,
    free: u32,
    spare: usize,
}

impl<T: Record> Pool<T> {
    pub(super) const fn new() -> Self {
        Self { chunks: Vec::new(), free: NIL, spare: 0 }
    }

    /// Records in use.
    pub(super) fn len(&self) -> usize {
        self.chunks.len() * CHUNK - self.spare
    }

    /// The record with this index. A free one is as good as new, its link aside.
    #[inline]
    pub(super) fn get(&self, at: u32) -> Option<&T> {
        self.chunks.get((at >> SHIFT) as usize)?.get(at as usize & (CHUNK - 1))
    }

    #[inline]
    pub(super) fn get_mut(&mut self, at: u32) -> Option<&mut T> {
        self.chunks.get_mut((at >> SHIFT) as usize)?.get_mut(at as usize & (CHUNK - 1))
    }

    /// Makes sure that the next `count` records can be taken.
    ///
    /// # Errors
    /// `NO_MEMORY`; nothing changed.
    #[inline]
    pub(super) fn reserve(&mut self, count: usize) -> Result {
        if self.spare >= count { Ok(()) } else { self.grow(count) }
    }

    #[cold]
    fn grow(&mut self, count: usize) -> Result {
        while self.spare < count {
            let base =
                u32::try_from(self.chunks.len() * CHUNK).ok().filter(|base| *base < NIL - CHUNK as u32);
            let base = base.ok_or(Status::NO_MEMORY)?;
            self.chunks.try_reserve(1).map_err(|_| Status::NO_MEMORY)?;
            let mut chunk = Vec::new();
            chunk.try_reserve_exact(CHUNK).map_err(|_| Status::NO_MEMORY)?;
            for offset in 0..CHUNK as u32 {
                let mut record = T::NEW;
                *record.link() = if offset + 1 == CHUNK as u32 { self.free } else { base + offset + 1 };
                chunk.push(record);
            }
            if chunk.capacity() != CHUNK {
                // A box of more than it holds would have to be moved, which cannot fail softly.
                return Err(Status::NO_MEMORY);
            }
            let chunk = chunk.into_boxed_slice().try_into().map_err(|_| Status::INTERNAL)?;
            self.chunks.push(chunk);
            self.free = base;
            self.spare += CHUNK;
        }
        Ok(())
    }

    /// Takes a record, for which there must be room.
    ///
    /// # Errors
    /// `NO_MEMORY` if there is none; nothing changed.
    pub(super) fn take(&mut self) -> Result<u32> {
        let at = self.free;
        let record = self.get_mut(at).ok_or(Status::NO_MEMORY)?;
        self.free = core::mem::replace(record.link(), 0);
        self.spare -= 1;
        Ok(at)
    }

    /// Gives a record back.
    pub(super) fn give(&mut self, at: u32) {
        let free = self.free;
        let Some(record) = self.get_mut(at) else { return };
        record.renew();
        *record.link() = free;
        self.free = at;
        self.spare += 1;
    }

    /// Every record, the free ones too.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..).zip(self.chunks.iter().flat_map(|chunk| chunk.iter()))
    }
}
