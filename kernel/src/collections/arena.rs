//! A home for objects of one type, addressed by ids that notice reuse.
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;
use core::num::NonZeroU64;

use abi::Status;
use abi::status::Result;

/// Slots that are added at a time. A growing arena never moves what it holds.
const CHUNK: usize = 32;
/// The end of the list of free slots.
const NONE: u32 = u32::MAX;

/// Names a `T` in an [`Arena`]. A stale id finds nothing.
///
/// One word, so that an id travels in a register: the slot's generation above its index. The generation of a slot
/// in use is odd, so the word is not 0 and an `Option` takes no more room.
#[repr(transparent)]
pub struct Id<T> {
    word: NonZeroU64,
    of: PhantomData<fn() -> T>,
}

impl<T> Id<T> {
    fn new(word: u64) -> Option<Self> {
        Some(Self { word: NonZeroU64::new(word)?, of: PhantomData })
    }

    /// The id as a word whose lowest bit is 0, for something else to be told there: a generation in use is odd, so its
    /// lowest bit need not be kept.
    #[inline]
    pub const fn pack(self) -> u64 {
        self.word.get().rotate_left(u32::BITS) & !1
    }

    /// What was packed, whatever the lowest bit says now.
    #[inline]
    pub const fn unpack(word: u64) -> Self {
        // Not 0, for the bit that is put back.
        let word = match NonZeroU64::new((word | 1).rotate_left(u32::BITS)) {
            Some(word) => word,
            None => NonZeroU64::MIN,
        };
        Self { word, of: PhantomData }
    }

    /// The id as it is.
    pub(crate) const fn word(self) -> NonZeroU64 {
        self.word
    }

    /// The id that is this word.
    pub(crate) const fn from_word(word: NonZeroU64) -> Self {
        Self { word, of: PhantomData }
    }

    pub(super) const fn index(self) -> u32 {
        self.word.get() as u32
    }
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Id<T> {}

impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.word == other.word
    }
}

impl<T> Eq for Id<T> {}

impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}.{}", self.index(), self.word.get() >> 32)
    }
}

#[derive(Debug)]
struct Slot<T> {
    /// While the slot is in use, the value's id. Otherwise the next free slot, below a generation that is even and that no
    /// id has. The generation counts up at each change.
    word: u64,
    value: Option<T>,
}

impl<T> Slot<T> {
    /// The next generation above something else.
    #[inline(always)]
    const fn next(&self, below: u32) -> u64 {
        (self.word | u32::MAX as u64).wrapping_add(1) | below as u64
    }

    /// Whether an id names what is here.
    #[inline(always)]
    fn is(&self, id: Id<T>) -> bool {
        self.word == id.word.get()
    }
}

/// A place for a value in an [`Arena`]. As long as it is not filled nothing has changed.
#[derive(Debug)]
pub struct Vacant<'a, T> {
    id: Id<T>,
    slot: &'a mut Slot<T>,
    first_free: &'a mut u32,
    len: &'a mut usize,
}

impl<T> Vacant<'_, T> {
    /// The id that the value will have.
    pub const fn id(&self) -> Id<T> {
        self.id
    }

    /// Puts the value there.
    #[inline(always)]
    pub fn fill(self, value: T) -> Id<T> {
        self.slot.value = Some(value);
        *self.first_free = self.slot.word as u32;
        self.slot.word = self.id.word.get();
        // No more than there are slots.
        *self.len = self.len.wrapping_add(1);
        self.id
    }
}

/// A value in an [`Arena`] that can be taken out where it is.
#[derive(Debug)]
pub struct Occupied<'a, T> {
    slot: &'a mut Slot<T>,
    first_free: &'a mut u32,
    len: &'a mut usize,
}

impl<T> Occupied<'_, T> {
    /// The value, which is there: [`Arena::occupied`] looked.
    #[inline(always)]
    pub const fn get(&self) -> Option<&T> {
        self.slot.value.as_ref()
    }

    /// Drops the value; its id finds nothing from now on.
    #[inline(always)]
    pub fn delete(self) {
        self.slot.value = None;
        let own = self.slot.word as u32;
        self.slot.word = self.slot.next(*self.first_free);
        *self.first_free = own;
        // It counted this one.
        *self.len = self.len.wrapping_sub(1);
    }
}

/// Values of one type. Insertion can fail and says so; nothing else allocates.
#[derive(Debug)]
pub struct Arena<T> {
    chunks: Vec<Box<[Slot<T>; CHUNK]>>,
    first_free: u32,
    len: usize,
    /// How often a value was looked for. Tests bound what an entry does by it.
    #[cfg(debug_assertions)]
    looks: core::cell::Cell<u64>,
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Arena<T> {
    /// An arena that holds nothing and has allocated nothing.
    pub const fn new() -> Self {
        Self {
            chunks: Vec::new(),
            first_free: NONE,
            len: 0,
            #[cfg(debug_assertions)]
            looks: core::cell::Cell::new(0),
        }
    }

    /// How often a value was looked for so far; 0 where nobody counts, which is in a release build.
    pub fn looks(&self) -> u64 {
        #[cfg(debug_assertions)]
        return self.looks.get();
        #[cfg(not(debug_assertions))]
        0
    }

    #[inline(always)]
    fn count_look(&self) {
        #[cfg(debug_assertions)]
        self.looks.set(self.looks.get().wrapping_add(1));
    }

    /// How many values there are.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Slots that are not in use.
    pub(super) const fn free(&self) -> usize {
        (self.chunks.len() * CHUNK).saturating_sub(self.len)
    }

    /// Makes sure that the next insertion succeeds.
    ///
    /// # Errors
    /// `NO_MEMORY`; nothing changed.
    #[inline]
    pub fn reserve(&mut self) -> Result {
        if self.first_free != NONE { Ok(()) } else { self.grow() }
    }

    /// Makes sure that the next `count` insertions succeed.
    ///
    /// # Errors
    /// `NO_MEMORY`; the arena holds what it held.
    pub fn reserve_many(&mut self, count: usize) -> Result {
        while self.free() < count {
            self.grow()?;
        }
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) -> Result {
        let base = u32::try_from(self.chunks.len() * CHUNK).map_err(|_| Status::NO_MEMORY)?;
        let mut chunk = Vec::new();
        self.chunks.try_reserve(1).map_err(|_| Status::NO_MEMORY)?;
        chunk.try_reserve_exact(CHUNK).map_err(|_| Status::NO_MEMORY)?;
        for offset in 0..CHUNK as u32 {
            let next_free = if offset + 1 == CHUNK as u32 { self.first_free } else { base + offset + 1 };
            chunk.push(Slot { word: next_free.into(), value: None });
        }
        self.chunks.push(in_a_box(chunk)?);
        self.first_free = base;
        Ok(())
    }

    /// Adds a value.
    ///
    /// # Errors
    /// `NO_MEMORY`; nothing changed.
    #[inline]
    pub fn insert(&mut self, value: T) -> Result<Id<T>> {
        Ok(self.vacant()?.fill(value))
    }

    /// The place of the next value, whose id is known before the value is.
    ///
    /// # Errors
    /// `NO_MEMORY`; nothing changed.
    #[inline(always)]
    pub fn vacant(&mut self) -> Result<Vacant<'_, T>> {
        self.reserve()?;
        self.vacant_at_hand().ok_or(Status::INTERNAL)
    }

    /// The place of the next value, if there is one without memory for it.
    #[inline(always)]
    pub fn vacant_at_hand(&mut self) -> Option<Vacant<'_, T>> {
        self.count_look();
        // No chunk reaches as far as the end of the list says.
        let index = self.first_free as usize;
        let slot = self.chunks.get_mut(index / CHUNK)?.get_mut(index % CHUNK)?;
        let id = Id::new(slot.next(self.first_free))?;
        let (first_free, len) = (&mut self.first_free, &mut self.len);
        Some(Vacant { id, slot, first_free, len })
    }

    /// Takes a value out; its id finds nothing from now on.
    pub fn remove(&mut self, id: Id<T>) -> Option<T> {
        self.remove_for(id, |value| value)
    }

    /// As [`Arena::remove`], for those who need only something of it.
    #[inline(always)]
    pub fn remove_for<R>(&mut self, id: Id<T>, part: impl FnOnce(T) -> R) -> Option<R> {
        let first_free = self.first_free;
        let slot = self.slot_of(id)?;
        let value = part(slot.value.take()?);
        slot.word = slot.next(first_free);
        self.first_free = id.index();
        // It counted this one.
        self.len = self.len.wrapping_sub(1);
        Some(value)
    }

    /// Drops a value where it is; its id finds nothing from now on. Whether there was one.
    pub fn delete(&mut self, id: Id<T>) -> bool {
        self.delete_if(id, |_| true)
    }

    /// As [`Arena::delete`], if a condition is true of the value.
    #[inline(always)]
    pub fn delete_if(&mut self, id: Id<T>, condition: impl FnOnce(&T) -> bool) -> bool {
        let Some(there) = self.occupied(id) else { return false };
        let goes = there.get().is_some_and(condition);
        if goes {
            there.delete();
        }
        goes
    }

    /// The value with this id, if it still exists, to be looked at and perhaps deleted.
    #[inline(always)]
    pub fn occupied(&mut self, id: Id<T>) -> Option<Occupied<'_, T>> {
        self.count_look();
        let index = id.index() as usize;
        let slot = self.chunks.get_mut(index / CHUNK)?.get_mut(index % CHUNK)?;
        let (first_free, len) = (&mut self.first_free, &mut self.len);
        slot.is(id).then_some(Occupied { slot, first_free, len })
    }

    /// The value with this id, if it still exists.
    #[inline(always)]
    pub fn get(&self, id: Id<T>) -> Option<&T> {
        self.count_look();
        let index = id.index() as usize;
        let slot = self.chunks.get(index / CHUNK)?.get(index % CHUNK)?;
        if slot.is(id) { slot.value.as_ref() } else { None }
    }

    /// The value with this id, if it still exists, to change it.
    #[inline(always)]
    pub fn get_mut(&mut self, id: Id<T>) -> Option<&mut T> {
        self.slot_of(id)?.value.as_mut()
    }

    /// Every value with its id, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (Id<T>, &T)> {
        self.chunks
            .iter()
            .flat_map(|chunk| chunk.iter())
            .inspect(|_| self.count_look())
            .filter_map(|slot| Some((Id::new(slot.word)?, slot.value.as_ref()?)))
    }

    /// The slot that an id names, if it still does.
    #[inline(always)]
    fn slot_of(&mut self, id: Id<T>) -> Option<&mut Slot<T>> {
        self.slot_mut(id.index()).filter(|slot| slot.is(id))
    }

    #[inline(always)]
    fn slot_mut(&mut self, index: u32) -> Option<&mut Slot<T>> {
        self.count_look();
        let index = index as usize;
        self.chunks.get_mut(index / CHUNK)?.get_mut(index % CHUNK)
    }
}

/// A full vector as a box of its array, which is where it is: this takes no memory.
///
/// # Errors
/// `NO_MEMORY` for one with room for more, which would have to be moved.
pub(crate) fn in_a_box<T, const N: usize>(full: Vec<T>) -> Result<Box<[T; N]>> {
    if full.capacity() != N {
        return Err(Status::NO_MEMORY);
    }
    full.into_boxed_slice().try_into().map_err(|_| Status::INTERNAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_id_finds_nothing() {
        let mut arena = Arena::new();
        let first = arena.insert("first").unwrap();
        assert_eq!(arena.remove(first), Some("first"));
        let second = arena.insert("second").unwrap();
        assert_eq!((first.index(), arena.get(first)), (second.index(), None));
        assert_eq!(arena.remove(first), None);
        assert_eq!(arena.get(second), Some(&"second"));
        assert_eq!(arena.len(), 1);
    }

    #[test]
    fn a_packed_id_has_a_bit_to_spare() {
        let mut arena = Arena::new();
        for round in 0..100 {
            let id = arena.insert(round).unwrap();
            assert_eq!(id.pack() & 1, 0);
            assert_eq!([Id::unpack(id.pack()), Id::unpack(id.pack() | 1)], [id, id]);
            if round % 3 > 0 {
                arena.remove(id);
            }
        }
    }

    #[test]
    fn what_is_at_hand_is_looked_at_and_deleted_or_stays() {
        let mut arena = Arena::new();
        assert!(arena.vacant_at_hand().is_none());
        let id = arena.insert(5).unwrap();
        assert!(!arena.delete_if(id, |value| *value == 4));
        assert_eq!(arena.occupied(id).and_then(|there| there.get().copied()), Some(5));
        assert!(arena.delete_if(id, |value| *value == 5) && arena.occupied(id).is_none());
        assert!(!arena.delete_if(id, |_| true) && arena.is_empty());
        let next = arena.vacant_at_hand().map(|place| place.fill(6)).unwrap();
        assert_eq!((next.index(), arena.get(next), arena.get(id)), (id.index(), Some(&6), None));
        (1..CHUNK).for_each(|_| _ = arena.insert(7).unwrap());
        assert!(arena.vacant_at_hand().is_none());
    }

    #[test]
    fn growth_keeps_ids_and_values() {
        let mut arena = Arena::new();
        let ids: Vec<_> = (0..100).map(|n| arena.insert(n).unwrap()).collect();
        for (n, id) in ids.iter().enumerate() {
            assert_eq!(arena.get(*id), Some(&n));
        }
        assert_eq!(arena.iter().count(), 100);
        for id in ids {
            arena.remove(id).unwrap();
        }
        assert!(arena.is_empty());
        assert_eq!(arena.chunks.len(), 4);
    }
}
