//! A process's handles: values to objects and rights.
use alloc::vec::Vec;

use abi::object::HANDLE_FIXED_BITS;
use abi::status::Result;
use abi::{Handle, Rights, Status};

use super::ObjectRef;

/// Slots that are added at a time.
const CHUNK: usize = 64;
/// Bits of a value that number the slot.
const INDEX_BITS: u32 = 22;
/// The most handles that a process has.
const MAX_HANDLES: usize = 1 << INDEX_BITS;
/// The end of the queue of free slots.
const NONE: u32 = u32::MAX;

/// What a handle stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandleEntry {
    /// The object.
    pub object: ObjectRef,
    /// What the holder may do with it.
    pub rights: Rights,
}

/// What one step of [`HandleTable::drain`] came upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// A handle, which is out of the table now.
    Handle(HandleEntry),
    /// Free slots only; there may be more behind them.
    Nothing,
    /// The end: the table is gone.
    Empty,
}

#[derive(Debug)]
struct Slot {
    entry: Option<HandleEntry>,
    next_free: u32,
    generation: u8,
}

/// The handles of one process.
///
/// A value is `((generation << 22 | index) << 2 | 3)` under a secret of the process: a value guessed, or
/// kept from before a close, most likely finds nothing. Free slots queue first in, first out, so that a
/// value comes back as late as possible.
#[derive(Debug)]
pub struct HandleTable {
    chunks: Vec<Vec<Slot>>,
    secret: u32,
    first_free: u32,
    last_free: u32,
    free: usize,
    len: usize,
}

impl HandleTable {
    /// An empty table whose values are hidden under `secret`.
    pub const fn new(secret: u32) -> Self {
        let secret = secret & !HANDLE_FIXED_BITS;
        Self { chunks: Vec::new(), secret, first_free: NONE, last_free: NONE, free: 0, len: 0 }
    }

    /// How many handles there are.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Makes sure that the next `count` insertions succeed.
    ///
    /// # Errors
    /// `NO_MEMORY`; the table holds what it held.
    pub fn reserve(&mut self, count: usize) -> Result {
        while self.free < count {
            self.grow()?;
        }
        Ok(())
    }

    /// Adds a handle and gives its value.
    ///
    /// # Errors
    /// `NO_MEMORY`; nothing changed.
    pub fn insert(&mut self, entry: HandleEntry) -> Result<Handle> {
        self.reserve(1)?;
        let index = self.first_free;
        let slot = self.slot_mut(index).ok_or(Status::INTERNAL)?;
        let next_free = slot.next_free;
        slot.entry = Some(entry);
        let value = u32::from(slot.generation) << INDEX_BITS | index;
        self.first_free = next_free;
        if next_free == NONE {
            self.last_free = NONE;
        }
        self.free -= 1;
        self.len += 1;
        Ok((value << 2 | HANDLE_FIXED_BITS) ^ self.secret)
    }

    /// What a value stands for.
    ///
    /// # Errors
    /// `BAD_HANDLE`.
    pub fn get(&self, value: Handle) -> Result<HandleEntry> {
        let (index, generation) = self.decode(value)?;
        let slot = self.chunks.get(index / CHUNK).and_then(|chunk| chunk.get(index % CHUNK));
        slot.filter(|slot| slot.generation == generation)
            .and_then(|slot| slot.entry)
            .ok_or(Status::BAD_HANDLE)
    }

    /// Takes a handle out.
    ///
    /// # Errors
    /// `BAD_HANDLE`.
    pub fn remove(&mut self, value: Handle) -> Result<HandleEntry> {
        let entry = self.get(value)?;
        let (index, _) = self.decode(value)?;
        self.release(index as u32);
        Ok(entry)
    }

    /// Every handle.
    pub fn entries(&self) -> impl Iterator<Item = HandleEntry> {
        self.chunks.iter().flatten().filter_map(|slot| slot.entry)
    }

    /// What is in the slot with this number; `None` behind the last one. For those who go through all handles.
    pub fn slot(&self, index: usize) -> Option<Option<(Handle, HandleEntry)>> {
        let slot = self.chunks.get(index / CHUNK)?.get(index % CHUNK)?;
        let value = (u32::from(slot.generation) << INDEX_BITS | index as u32) << 2 | HANDLE_FIXED_BITS;
        Some(slot.entry.map(|entry| (value ^ self.secret, entry)))
    }

    /// Takes the table apart, a chunk at a time at most: of a table that is not used any more.
    pub fn drain(&mut self) -> Drained {
        let Some(chunk) = self.chunks.last_mut() else { return Drained::Empty };
        while let Some(slot) = chunk.pop() {
            if let Some(entry) = slot.entry {
                self.len -= 1;
                return Drained::Handle(entry);
            }
        }
        self.chunks.pop();
        // Nothing is inserted any more: what the queue of free slots names is gone.
        (self.first_free, self.last_free, self.free) = (NONE, NONE, 0);
        Drained::Nothing
    }

    fn decode(&self, value: Handle) -> Result<(usize, u8)> {
        let raw = value ^ self.secret;
        if raw & HANDLE_FIXED_BITS != HANDLE_FIXED_BITS {
            return Err(Status::BAD_HANDLE);
        }
        let raw = raw >> 2;
        Ok((raw as usize & (MAX_HANDLES - 1), (raw >> INDEX_BITS) as u8))
    }

    fn release(&mut self, index: u32) {
        let Some(slot) = self.slot_mut(index) else { return };
        slot.entry = None;
        slot.generation = slot.generation.wrapping_add(1);
        slot.next_free = NONE;
        self.free += 1;
        self.len -= 1;
        self.queue_free(index);
    }

    fn queue_free(&mut self, index: u32) {
        let last = self.last_free;
        match self.slot_mut(last) {
            Some(slot) => slot.next_free = index,
            None => self.first_free = index,
        }
        self.last_free = index;
    }

    fn grow(&mut self) -> Result {
        let base = self.chunks.len() * CHUNK;
        if base >= MAX_HANDLES {
            return Err(Status::NO_MEMORY);
        }
        let mut chunk = Vec::new();
        self.chunks.try_reserve(1).map_err(|_| Status::NO_MEMORY)?;
        chunk.try_reserve_exact(CHUNK).map_err(|_| Status::NO_MEMORY)?;
        for _ in 0..CHUNK {
            chunk.push(Slot { entry: None, next_free: NONE, generation: 0 });
        }
        self.chunks.push(chunk);
        for index in base..base + CHUNK {
            self.queue_free(index as u32);
        }
        self.free += CHUNK;
        Ok(())
    }

    fn slot_mut(&mut self, index: u32) -> Option<&mut Slot> {
        let index = index as usize;
        self.chunks.get_mut(index / CHUNK)?.get_mut(index % CHUNK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collections::arena::Arena;
    use crate::object::Resource;

    fn entry() -> HandleEntry {
        let mut arena: Arena<Resource> = Arena::new();
        let id = arena.insert(Resource::ranged_root(1024, abi::resource::Kind::Mmio, "mmio")).unwrap();
        HandleEntry { object: ObjectRef::Resource(id), rights: Rights::BASIC }
    }

    #[test]
    fn values_have_their_low_bits_set_and_never_come_back_at_once() {
        let mut table = HandleTable::new(0x1234_5678);
        let first = table.insert(entry()).unwrap();
        assert_eq!(first & 3, 3);
        table.remove(first).unwrap();
        assert_eq!(table.get(first), Err(Status::BAD_HANDLE));
        for _ in 0..1000 {
            let value = table.insert(entry()).unwrap();
            assert_ne!(value, first);
            table.remove(value).unwrap();
        }
    }

    #[test]
    fn anything_else_is_a_bad_handle() {
        let mut table = HandleTable::new(0xA5A5_1234);
        let value = table.insert(entry()).unwrap();
        for wrong in [0, 3, value & !1, value & !2, value ^ 4, value ^ 1 << 31, u32::MAX] {
            assert_eq!(table.get(wrong), Err(Status::BAD_HANDLE), "{wrong:#x}");
        }
        assert_eq!(table.get(value), Ok(entry()));
    }

    #[test]
    fn draining_takes_everything_once() {
        let mut table = HandleTable::new(0);
        for _ in 0..200 {
            table.insert(entry()).unwrap();
        }
        let mut count = 0;
        let mut steps = 0;
        loop {
            match table.drain() {
                Drained::Handle(_) => count += 1,
                Drained::Nothing => {}
                Drained::Empty => break,
            }
            steps += 1;
        }
        assert_eq!((count, table.len()), (200, 0));
        assert_eq!(steps, 200 + 200_usize.div_ceil(CHUNK));
    }

    #[test]
    fn free_slots_are_drained_a_chunk_at_a_time() {
        let mut table = HandleTable::new(0);
        let values: Vec<_> = (0..1000).map(|_| table.insert(entry()).unwrap()).collect();
        for value in values {
            table.remove(value).unwrap();
        }
        let steps = core::iter::from_fn(|| Some(table.drain())).take_while(|step| *step != Drained::Empty);
        assert_eq!(steps.count(), 1000_usize.div_ceil(CHUNK));
    }
}
