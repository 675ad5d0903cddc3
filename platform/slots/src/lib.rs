//! Homes for the kernel's objects, each in one stretch of addresses.
//!
//! An object is found by a number: a comparison with how many slots there are, a multiplication, and a comparison of what
//! is there with the id. That nothing else has to be looked at rests on what this crate alone keeps:
//!
//! - I1. The slots with the numbers below `len` lie one behind the other from `base` on, and each has been written.
//! - I2. The value of a slot is initialised exactly if the generation in its word is odd.
//! - I3. The list of free slots has every slot that has no value, once, and ends with [`NONE`].
//! - I4. The generation of an [`Id`] and of a [`Word`] is odd.
//!
//! Ids may be of another arena, or made of any number: I1 and I2 need no belief in them.
#![no_std]

extern crate alloc;

mod stretch;

use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::num::NonZeroU64;
use core::ptr::NonNull;

use abi::Status;
use abi::status::Result;
use stretch::Stretch;

/// The end of the list of free slots.
const NONE: u32 = u32::MAX;
/// The lowest bit of a generation: set in that of a slot in use.
const IN_USE: u64 = 1 << u32::BITS;

/// Names a `T` in an [`Arena`]. A stale id finds nothing.
///
/// One word, so that an id travels in a register: the slot's generation above its index. The generation of a slot
/// in use is odd, so the word is not 0 and an `Option` takes no more room.
#[repr(transparent)]
pub struct Id<T> {
    word: NonZeroU64,
    of: PhantomData<fn() -> T>,
}

/// An id of whatever type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Word(NonZeroU64);

impl Word {
    /// An id that nobody need have given.
    pub const ANY: Self = match NonZeroU64::new(IN_USE) {
        Some(word) => Self(word),
        None => Self(NonZeroU64::MAX),
    };
}

impl<T> Id<T> {
    /// The id as a word whose lowest bit is 0, for something else to be told there: a generation in use is odd, so its
    /// lowest bit need not be kept.
    #[inline]
    pub const fn pack(self) -> u64 {
        self.word.get().rotate_left(u32::BITS) & !1
    }

    /// What was packed, whatever the lowest bit says by then.
    #[inline]
    pub const fn unpack(word: u64) -> Self {
        // Not 0, for the bit that is put back.
        let word = match NonZeroU64::new((word | 1).rotate_left(u32::BITS)) {
            Some(word) => word,
            None => Word::ANY.0,
        };
        Self { word, of: PhantomData }
    }

    /// The id, whatever it is of.
    #[inline(always)]
    pub const fn word(self) -> Word {
        Word(self.word)
    }

    /// The id that is this word.
    #[inline(always)]
    pub const fn from_word(word: Word) -> Self {
        Self { word: word.0, of: PhantomData }
    }

    /// The number of its slot.
    #[inline(always)]
    pub const fn index(self) -> u32 {
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

#[repr(C)]
struct Slot<T> {
    /// While the slot is in use, the value's id. Otherwise the next free slot, below a generation that is even and that no
    /// id has. The generation counts up at each change.
    word: u64,
    value: MaybeUninit<T>,
}

impl<T> Slot<T> {
    /// The next generation above something else.
    #[inline(always)]
    const fn next(&self, below: u32) -> u64 {
        (self.word | u32::MAX as u64).wrapping_add(1) | below as u64
    }

    /// Whether an id names what is here. If so, the value is initialised: by I4 the generation is odd, and by I2 that says
    /// it.
    #[inline(always)]
    fn is(&self, id: Id<T>) -> bool {
        self.word == id.word.get()
    }
}

/// A place for a value in an [`Arena`]. As long as it is not filled nothing has changed.
pub struct Vacant<'a, T> {
    id: Id<T>,
    slot: &'a mut Slot<T>,
    first_free: &'a mut u32,
}

impl<T> Vacant<'_, T> {
    /// The id that the value will have.
    #[inline(always)]
    pub const fn id(&self) -> Id<T> {
        self.id
    }

    /// Puts the value there.
    #[inline(always)]
    pub fn fill(self, value: T) -> Id<T> {
        // I2: the word says so right after.
        self.slot.value.write(value);
        *self.first_free = self.slot.word as u32;
        self.slot.word = self.id.word.get();
        self.id
    }
}

/// A value in an [`Arena`] that can be taken out where it is: the slot is in use.
pub struct Occupied<'a, T> {
    slot: &'a mut Slot<T>,
    first_free: &'a mut u32,
}

impl<T> Occupied<'_, T> {
    /// The value.
    #[inline(always)]
    pub const fn get(&self) -> &T {
        // SAFETY: I2, the slot is in use.
        unsafe { self.slot.value.assume_init_ref() }
    }

    /// Drops the value; its id finds nothing from then on.
    #[inline(always)]
    pub fn delete(mut self) {
        self.vacate();
        // SAFETY: I2, the slot was in use until right now, and the word says that nobody looks at the value again.
        unsafe { self.slot.value.assume_init_drop() }
    }

    /// Takes the value out.
    #[inline(always)]
    fn take(mut self) -> T {
        self.vacate();
        // SAFETY: as in `delete`.
        unsafe { self.slot.value.assume_init_read() }
    }

    /// Puts the slot among the free ones. The value stays to be dropped or taken, by whoever asked, once.
    #[inline(always)]
    fn vacate(&mut self) {
        let own = self.slot.word as u32;
        self.slot.word = self.slot.next(*self.first_free);
        *self.first_free = own;
    }
}

/// Values of one type. Insertion can fail and says so; nothing else allocates.
pub struct Arena<T> {
    base: NonNull<Slot<T>>,
    /// Slots that there are.
    len: u32,
    first_free: u32,
    stretch: Stretch,
    /// How often a value was looked for. Tests bound what an entry does by it.
    #[cfg(debug_assertions)]
    looks: core::cell::Cell<u64>,
}

// SAFETY: it owns its values, and nothing of it is shared with any other arena.
unsafe impl<T: Send> Send for Arena<T> {}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Arena<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} slots", self.len)
    }
}

impl<T> Arena<T> {
    /// An arena that holds nothing and has allocated nothing.
    pub const fn new() -> Self {
        Self {
            base: NonNull::dangling(),
            len: 0,
            first_free: NONE,
            stretch: Stretch::new(),
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

    /// Slots that there are: no less than there are values.
    pub const fn slots(&self) -> usize {
        self.len as usize
    }

    /// How many values there are, by looking at every slot: nobody counts, because nobody but tests needs it.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there are none. It looks until there is one.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Whether there are so many slots that are not in use.
    fn has_free(&self, count: usize) -> bool {
        let mut at = self.first_free;
        for _ in 0..count {
            if at == NONE {
                return false;
            }
            // SAFETY: I3 and I1, it is a slot of this arena, which is borrowed.
            at = unsafe { self.base.add(at as usize).as_ref() }.word as u32;
        }
        true
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
        while !self.has_free(count) {
            self.grow()?;
        }
        Ok(())
    }

    /// Adds slots: as many as the memory has room for that comes at a time.
    #[cold]
    #[inline(never)]
    fn grow(&mut self) -> Result {
        const { assert!(align_of::<Slot<T>>() <= stretch::ALIGN) };
        let size = size_of::<Slot<T>>();
        let bytes = (self.len as usize + 1).checked_mul(size).ok_or(Status::NO_MEMORY)?;
        self.stretch.grow(bytes)?;
        self.base = self.stretch.base().cast();
        // No slot has the number that says that there is none.
        let end = u32::try_from(self.stretch.bytes() / size).unwrap_or(NONE);
        if end == self.len {
            return Err(Status::NO_MEMORY);
        }
        // The first of them is found first.
        for index in (self.len..end).rev() {
            // SAFETY: the stretch has `end` slots from its base on, aligned as its base is.
            let slot = unsafe { self.base.add(index as usize) };
            // SAFETY: the bytes are the stretch's, and nobody's yet. I2 and I3: without a value, and among the free ones.
            unsafe { (&raw mut (*slot.as_ptr()).word).write(self.first_free.into()) };
            self.first_free = index;
        }
        self.len = end;
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
        self.vacant_at_hand().ok_or(Status::NO_MEMORY)
    }

    /// The place of the next value, if there is one without memory for it.
    #[inline(always)]
    pub fn vacant_at_hand(&mut self) -> Option<Vacant<'_, T>> {
        self.count_look();
        if self.first_free == NONE {
            return None;
        }
        // SAFETY: I3, it is the number of a slot, and by I1 there is one; the arena is borrowed exclusively.
        let slot = unsafe { self.base.add(self.first_free as usize).as_mut() };
        // SAFETY: by I2 the generation is even, and so the next one is not 0.
        let word = unsafe { NonZeroU64::new_unchecked(slot.next(self.first_free)) };
        let id = Id { word, of: PhantomData };
        Some(Vacant { id, slot, first_free: &mut self.first_free })
    }

    /// Takes a value out; its id finds nothing from then on.
    pub fn remove(&mut self, id: Id<T>) -> Option<T> {
        self.remove_for(id, |value| value)
    }

    /// As [`Arena::remove`], for those who need only something of it.
    #[inline(always)]
    pub fn remove_for<R>(&mut self, id: Id<T>, part: impl FnOnce(T) -> R) -> Option<R> {
        let there = self.occupied(id)?;
        Some(part(there.take()))
    }

    /// Drops a value where it is; its id finds nothing from then on. Whether there was one.
    pub fn delete(&mut self, id: Id<T>) -> bool {
        self.delete_if(id, |_| true)
    }

    /// As [`Arena::delete`], if a condition is true of the value.
    #[inline(always)]
    pub fn delete_if(&mut self, id: Id<T>, condition: impl FnOnce(&T) -> bool) -> bool {
        let Some(there) = self.occupied(id) else { return false };
        let goes = condition(there.get());
        if goes {
            there.delete();
        }
        goes
    }

    /// The value with this id, if it still exists, to be looked at and perhaps deleted.
    #[inline(always)]
    pub fn occupied(&mut self, id: Id<T>) -> Option<Occupied<'_, T>> {
        self.count_look();
        let slot = self.at(id)?;
        // SAFETY: `at` answers with a slot of this arena, which is borrowed exclusively.
        let slot = unsafe { &mut *slot.as_ptr() };
        slot.is(id).then_some(Occupied { slot, first_free: &mut self.first_free })
    }

    /// The value with this id, if it still exists.
    #[inline(always)]
    pub fn get(&self, id: Id<T>) -> Option<&T> {
        self.count_look();
        // SAFETY: `at` answers with a slot of this arena, which is borrowed.
        let slot = unsafe { self.at(id)?.as_ref() };
        // SAFETY: I2, by `is`.
        if slot.is(id) { Some(unsafe { slot.value.assume_init_ref() }) } else { None }
    }

    /// The value with this id, if it still exists, to change it.
    #[inline(always)]
    pub fn get_mut(&mut self, id: Id<T>) -> Option<&mut T> {
        self.count_look();
        // SAFETY: `at` answers with a slot of this arena, which is borrowed exclusively.
        let slot = unsafe { self.at(id)?.as_mut() };
        // SAFETY: I2, by `is`.
        if slot.is(id) { Some(unsafe { slot.value.assume_init_mut() }) } else { None }
    }

    /// Every value with its id, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (Id<T>, &T)> {
        (0..self.slots()).filter_map(|index| {
            self.count_look();
            // SAFETY: I1; the arena is borrowed.
            let slot = unsafe { self.base.add(index).as_ref() };
            let word = NonZeroU64::new(slot.word).filter(|word| word.get() & IN_USE != 0)?;
            // SAFETY: I2.
            Some((Id { word, of: PhantomData }, unsafe { slot.value.assume_init_ref() }))
        })
    }

    /// The slot that an id names by its number, whosever it is by then.
    #[inline(always)]
    fn at(&self, id: Id<T>) -> Option<NonNull<Slot<T>>> {
        let index = id.index();
        // SAFETY: I1.
        if index < self.len { Some(unsafe { self.base.add(index as usize) }) } else { None }
    }
}

impl<T> Drop for Arena<T> {
    fn drop(&mut self) {
        for index in 0..self.slots() {
            // SAFETY: I1; the arena is borrowed exclusively.
            let slot = unsafe { self.base.add(index).as_mut() };
            if slot.word & IN_USE != 0 {
                slot.word = 0;
                // SAFETY: I2; it is looked at no more.
                unsafe { slot.value.assume_init_drop() }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::rc::Rc;
    use alloc::vec::Vec;

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
        assert_eq!(arena.occupied(id).map(|there| *there.get()), Some(5));
        assert!(arena.delete_if(id, |value| *value == 5) && arena.occupied(id).is_none());
        assert!(!arena.delete_if(id, |_| true) && arena.is_empty());
        let next = arena.vacant_at_hand().map(|place| place.fill(6)).unwrap();
        assert_eq!((next.index(), arena.get(next), arena.get(id)), (id.index(), Some(&6), None));
        while arena.vacant_at_hand().map(|place| place.fill(7)).is_some() {}
        assert_eq!(arena.len(), arena.slots());
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
        assert!(arena.slots() >= 100);
        let slots = arena.slots();
        arena.reserve_many(slots).unwrap();
        assert_eq!(arena.slots(), slots);
        arena.reserve_many(slots + 1).unwrap();
        assert!(arena.slots() > slots && arena.has_free(slots + 1));
    }

    #[test]
    fn no_word_is_an_id_of_a_free_slot() {
        let mut arena = Arena::new();
        let id = arena.insert(1).unwrap();
        arena.remove(id).unwrap();
        // Whatever safe code makes: another arena's ids, packed words, words of other types.
        for word in [0, 1, 2, u64::MAX, id.pack(), id.pack() | 1, (id.pack() | 1).wrapping_add(1 << 1)] {
            let forged = Id::<i32>::unpack(word);
            assert_eq!(arena.get(forged), None);
            assert_eq!((arena.remove(forged), arena.delete(forged)), (None, false));
            assert!(arena.occupied(forged).is_none() && arena.get_mut(forged).is_none());
        }
        assert_eq!(arena.get(Id::from_word(Word::ANY)), None);
        let other: Id<i32> = Id::from_word(Arena::new().insert("another type").unwrap().word());
        assert_eq!(arena.get(other), None);
    }

    #[test]
    fn every_value_is_dropped_once() {
        let counted = Rc::new(());
        let mut arena = Arena::new();
        let ids: Vec<_> = (0..300).map(|_| arena.insert(Rc::clone(&counted)).unwrap()).collect();
        assert_eq!(Rc::strong_count(&counted), 301);
        for (n, id) in ids.iter().enumerate() {
            match n % 4 {
                0 => assert!(arena.remove(*id).is_some()),
                1 => assert!(arena.delete(*id) && !arena.delete(*id)),
                2 => arena.occupied(*id).unwrap().delete(),
                _ => {}
            }
        }
        assert_eq!((Rc::strong_count(&counted), arena.len()), (76, 75));
        (0..20).for_each(|_| _ = arena.insert(Rc::clone(&counted)).unwrap());
        assert_eq!(arena.iter().count(), 95);
        drop(arena);
        assert_eq!(Rc::strong_count(&counted), 1);
    }

    #[test]
    fn it_is_as_a_map_from_ids() {
        let (mut arena, mut model, mut gone) = (Arena::new(), Vec::new(), Vec::new());
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        for round in 0..if cfg!(miri) { 400 } else { 40_000 } {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (draw, at) = ((seed >> 60) as u32, (seed >> 33) as usize);
            if model.is_empty() || draw < 8 {
                model.push((arena.insert(round).unwrap(), round));
            } else {
                let (id, value) = model.swap_remove(at % model.len());
                assert_eq!(arena.get_mut(id).copied(), Some(value));
                match draw % 3 {
                    0 => assert_eq!(arena.remove_for(id, |value| value + 1), Some(value + 1)),
                    1 => assert!(!arena.delete_if(id, |there| *there != value) && arena.delete(id)),
                    _ => arena.occupied(id).unwrap().delete(),
                }
                gone.push(id);
            }
            assert_eq!(arena.len(), model.len());
            if round % 97 == 0 {
                assert!(model.iter().all(|(id, value)| arena.get(*id) == Some(value)));
                assert!(gone.iter().all(|id| arena.get(*id).is_none()));
                let mut all: Vec<_> = arena.iter().map(|(id, value)| (id, *value)).collect();
                let mut wanted = model.clone();
                all.sort_by_key(|(_, value)| *value);
                wanted.sort_by_key(|(_, value)| *value);
                assert_eq!(all, wanted);
            }
        }
    }
}
