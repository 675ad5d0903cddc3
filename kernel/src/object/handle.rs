//! A process's handles: values to objects and rights.
use alloc::boxed::Box;
use alloc::vec::Vec;

use abi::object::HANDLE_FIXED_BITS;
use abi::status::Result;
use abi::{Handle, Rights, Status};

use super::{Object, ObjectRef};
use crate::collections::arena::{Id, Word, in_a_box};

/// Slots that are added at a time.
const CHUNK: usize = 64;
/// Bits of a value that number the slot.
const INDEX_BITS: u32 = 22;
/// The most handles that a process has.
const MAX_HANDLES: usize = 1 << INDEX_BITS;
/// The end of the queue of free slots.
const NONE: u32 = u32::MAX;

/// What is above the value in a free slot's stamp.
const FREE: u64 = (u32::MAX as u64) << 32;

/// What lies between two values of one slot.
const ONE_GENERATION: u32 = 1 << (INDEX_BITS + 2);

/// The slot that a value without its secret names.
const fn index_of(raw: u32) -> usize {
    (raw >> 2) as usize & (MAX_HANDLES - 1)
}

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

/// A slot's words are what a look compares and what it gives, as they are: whether a value stands for an object of the type
/// that a call needs is one comparison.
#[derive(Debug)]
#[repr(C, align(32))]
struct Slot {
    /// The value of the slot's handle without the secret, and above it the number of its object's type; while the slot is
    /// free, the value of the next handle without the low bits, and [`FREE`], which no type's number is.
    stamp: u64,
    /// The object's id.
    id: Word,
    rights: Rights,
    next_free: u32,
}

impl Slot {
    /// A free slot, never used.
    const fn new(index: usize) -> Self {
        Self { stamp: FREE | (index as u64) << 2, id: Word::ANY, rights: Rights::NONE, next_free: NONE }
    }

    /// The value of the slot's handle without the secret, or as much of the next one's.
    const fn raw(&self) -> u32 {
        self.stamp as u32
    }

    /// What is there, if the slot is in use.
    #[inline(always)]
    const fn entry(&self) -> Option<HandleEntry> {
        match ObjectRef::from_parts((self.stamp >> 32) as u32, self.id) {
            Some(object) => Some(HandleEntry { object, rights: self.rights }),
            None => None,
        }
    }

    /// Takes what is there, if the slot is in use. The value that it had is a bad one now.
    #[inline(always)]
    fn take(&mut self) -> Option<HandleEntry> {
        let entry = self.entry()?;
        self.stamp = FREE | u64::from((self.raw() & !HANDLE_FIXED_BITS).wrapping_add(ONE_GENERATION));
        self.next_free = NONE;
        Some(entry)
    }
}

/// A place in a [`HandleTable`] for a handle whose value is known before it is there. As long as it is not filled nothing
/// has changed.
#[derive(Debug)]
pub struct Vacant<'a> {
    value: Handle,
    slot: &'a mut Slot,
    first_free: &'a mut u32,
    last_free: &'a mut u32,
}

impl Vacant<'_> {
    /// The value that the handle will have.
    pub const fn value(&self) -> Handle {
        self.value
    }

    /// Puts the handle there.
    #[inline(always)]
    pub fn fill(self, entry: HandleEntry) {
        let (kind, id) = entry.object.parts();
        self.slot.stamp = u64::from(kind) << 32 | u64::from(self.slot.raw() | HANDLE_FIXED_BITS);
        (self.slot.id, self.slot.rights) = (id, entry.rights);
        *self.first_free = self.slot.next_free;
        if self.slot.next_free == NONE {
            *self.last_free = NONE;
        }
    }
}

/// The handles of one process.
///
/// A value is `((generation << 22 | index) << 2 | 3)` under a secret of the process: a value guessed, or
/// kept from before a close, most likely finds nothing. Free slots queue first in, first out, so that a
/// value comes back as late as possible.
#[derive(Debug)]
pub struct HandleTable {
    #[expect(
        clippy::vec_box,
        reason = "a table grows by chunks that never move, and by their addresses alone"
    )]
    chunks: Vec<Box<[Slot; CHUNK]>>,
    /// Slots of the last chunk that [`HandleTable::drain`] has looked at.
    drained: usize,
    secret: u32,
    first_free: u32,
    last_free: u32,
}

impl HandleTable {
    /// An empty table whose values are hidden under `secret`.
    pub const fn new(secret: u32) -> Self {
        let secret = secret & !HANDLE_FIXED_BITS;
        Self { chunks: Vec::new(), drained: 0, secret, first_free: NONE, last_free: NONE }
    }

    /// Whether there are so many slots that are not in use.
    fn has_free(&self, count: usize) -> bool {
        let mut at = self.first_free as usize;
        for _ in 0..count {
            let slot = self.chunks.get(at / CHUNK).and_then(|chunk| chunk.get(at % CHUNK));
            let Some(slot) = slot else { return false };
            at = slot.next_free as usize;
        }
        true
    }

    /// Makes sure that the next `count` insertions succeed.
    ///
    /// # Errors
    /// `NO_MEMORY`; the table holds what it held.
    #[inline]
    pub fn reserve(&mut self, count: usize) -> Result {
        while !self.has_free(count) {
            self.grow()?;
        }
        Ok(())
    }

    /// Adds a handle and gives its value.
    ///
    /// # Errors
    /// `NO_MEMORY`; nothing changed.
    pub fn insert(&mut self, entry: HandleEntry) -> Result<Handle> {
        if self.first_free == NONE {
            self.grow()?;
        }
        let place = self.vacant_at_hand().ok_or(Status::INTERNAL)?;
        let value = place.value();
        place.fill(entry);
        Ok(value)
    }

    /// The place of the next handle, if there is one without memory for it.
    #[inline(always)]
    pub fn vacant_at_hand(&mut self) -> Option<Vacant<'_>> {
        // No chunk reaches as far as the end of the queue says.
        let index = self.first_free as usize;
        let slot = self.chunks.get_mut(index / CHUNK)?.get_mut(index % CHUNK)?;
        let value = (slot.raw() | HANDLE_FIXED_BITS) ^ self.secret;
        let (first_free, last_free) = (&mut self.first_free, &mut self.last_free);
        Some(Vacant { value, slot, first_free, last_free })
    }

    /// What a value stands for.
    ///
    /// # Errors
    /// `BAD_HANDLE`.
    #[inline(always)]
    pub fn get(&self, value: Handle) -> Result<HandleEntry> {
        let raw = value ^ self.secret;
        let index = index_of(raw);
        let slot = self.chunks.get(index / CHUNK).and_then(|chunk| chunk.get(index % CHUNK));
        // One comparison: of the generation, of the low bits, and thereby of whether the slot is in use.
        slot.filter(|slot| slot.raw() == raw).and_then(Slot::entry).ok_or(Status::BAD_HANDLE)
    }

    /// The object of type `T` that a value stands for, and the handle's rights.
    ///
    /// # Errors
    /// `BAD_HANDLE`; `WRONG_TYPE` for an object of another type.
    #[inline(always)]
    pub fn object_and_rights<T: Object>(&self, value: Handle) -> Result<(Id<T>, Rights)> {
        match self.find(value) {
            Some(found) => Ok(found),
            None => Err(self.refusal(value)),
        }
    }

    /// Why a value stands for no object of the type that was asked for.
    #[inline(never)]
    fn refusal(&self, value: Handle) -> Status {
        self.get(value).err().unwrap_or(Status::WRONG_TYPE)
    }

    /// The same, where it does not matter what is wrong with a value.
    #[inline(always)]
    pub fn find<T: Object>(&self, value: Handle) -> Option<(Id<T>, Rights)> {
        let raw = value ^ self.secret;
        let index = index_of(raw);
        let slot = self.chunks.get(index / CHUNK)?.get(index % CHUNK)?;
        let is_it = slot.stamp == T::KIND << 32 | u64::from(raw);
        is_it.then_some((Id::from_word(slot.id), slot.rights))
    }

    /// Takes a handle out.
    ///
    /// # Errors
    /// `BAD_HANDLE`.
    #[inline]
    pub fn remove(&mut self, value: Handle) -> Result<HandleEntry> {
        let raw = value ^ self.secret;
        let index = index_of(raw);
        let slot = self.chunks.get_mut(index / CHUNK).and_then(|chunk| chunk.get_mut(index % CHUNK));
        let entry = slot.filter(|slot| slot.raw() == raw).and_then(Slot::take).ok_or(Status::BAD_HANDLE)?;
        self.queue_free(index as u32);
        Ok(entry)
    }

    /// Every handle.
    pub fn entries(&self) -> impl Iterator<Item = HandleEntry> {
        self.chunks.iter().flat_map(|chunk| chunk.iter()).filter_map(Slot::entry)
    }

    /// What is in the slot with this number; `None` behind the last one. For those who go through all handles.
    pub fn slot(&self, index: usize) -> Option<Option<(Handle, HandleEntry)>> {
        let slot = self.chunks.get(index / CHUNK)?.get(index % CHUNK)?;
        Some(slot.entry().map(|entry| (slot.raw() ^ self.secret, entry)))
    }

    /// Takes the table apart, a chunk at a time at most: of a table that is not used any more.
    pub fn drain(&mut self) -> Drained {
        let Some(chunk) = self.chunks.last_mut() else { return Drained::Empty };
        for slot in chunk.iter_mut().skip(self.drained) {
            self.drained += 1;
            if let Some(entry) = slot.take() {
                return Drained::Handle(entry);
            }
        }
        self.drained = 0;
        self.chunks.pop();
        // Nothing is inserted any more: what the queue of free slots names is gone.
        (self.first_free, self.last_free) = (NONE, NONE);
        Drained::Nothing
    }

    fn queue_free(&mut self, index: u32) {
        let last = self.last_free;
        match self.slot_mut(last) {
            Some(slot) => slot.next_free = index,
            None => self.first_free = index,
        }
        self.last_free = index;
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) -> Result {
        let base = self.chunks.len() * CHUNK;
        if base >= MAX_HANDLES {
            return Err(Status::NO_MEMORY);
        }
        let mut chunk = Vec::new();
        self.chunks.try_reserve(1).map_err(|_| Status::NO_MEMORY)?;
        chunk.try_reserve_exact(CHUNK).map_err(|_| Status::NO_MEMORY)?;
        for index in base..base + CHUNK {
            chunk.push(Slot::new(index));
        }
        self.chunks.push(in_a_box(chunk)?);
        for index in base..base + CHUNK {
            self.queue_free(index as u32);
        }
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
    fn what_a_free_slot_has_is_no_value() {
        let mut table = HandleTable::new(0x5A5A_1234);
        let first = table.insert(entry()).unwrap();
        // Every slot's next value without the low bits, which is what the slots have.
        for index in 1..CHUNK as u32 {
            let raw = (index << 2) ^ table.secret;
            assert_eq!(
                (table.get(raw), table.remove(raw)),
                (Err(Status::BAD_HANDLE), Err(Status::BAD_HANDLE))
            );
            assert_eq!(table.find::<Resource>(raw), None);
        }
        let others: Vec<_> = (1..CHUNK).map(|_| table.insert(entry()).unwrap()).collect();
        assert_eq!((table.entries().count(), table.chunks.len()), (CHUNK, 1));
        for handle in others.into_iter().chain([first]) {
            table.remove(handle).unwrap();
        }
        assert!(table.entries().next().is_none());
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
        assert_eq!((count, table.entries().count()), (200, 0));
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
