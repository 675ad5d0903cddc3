//! Extents, and the search for room between them.

use core::marker::PhantomData;

use super::NoMemory;
use super::index::{At, Index, Place};
use super::node::Item;

/// Gaps that [`ExtentTree::find_gap`] tries which are long enough but may not fit once aligned. Each costs
/// O(log n). After them it considers only gaps that fit whatever their alignment, so that a program cannot
/// make the search long by leaving many misaligned gaps.
pub const PROBES: u32 = 32;

/// A value that covers `[key, key + length)` and is a word beside that.
pub trait Extent: Copy {
    /// The bytes covered; at least 1.
    fn length(&self) -> u64;
    /// All the rest of it.
    fn word(&self) -> u64;
    /// The value with this word and length.
    fn of(word: u64, length: u64) -> Self;
}

/// A map of extents that do not overlap and end below 2^64. Both are for the caller to check, with
/// [`first_overlap`](Self::first_overlap); where they do overlap, gaps may be missed, never invented, and what reaches
/// 2^64 ends a byte before.
///
/// A value's word is in the leaf, beside where its extent ends: there is no other place to look at.
#[derive(Debug)]
pub struct ExtentTree<V> {
    pub(super) index: Index,
    values: PhantomData<V>,
}

/// A place in a leaf for an entry, which can come there without anything else.
#[derive(Debug)]
pub struct AtHand<'a>(At<'a>);

/// An entry in a leaf that can be taken out without anything else.
#[derive(Debug)]
pub struct EntryAtHand<'a>(At<'a>, u64);

impl AtHand<'_> {
    /// Puts a value there for which there was [room](ExtentTree::gap_at_hand), under that key and of that length.
    #[inline(always)]
    pub fn put<V: Extent>(self, key: u64, value: V) {
        self.0.put((key, ExtentTree::item(key, &value)));
    }
}

impl EntryAtHand<'_> {
    /// Takes the entry out that was [found](ExtentTree::look_at_hand).
    #[inline(always)]
    pub fn take(self) {
        self.0.take(self.1);
    }
}

/// An entry that was found, as long as its tree is not changed.
#[derive(Clone, Copy, Debug)]
pub struct Look<V> {
    place: Place,
    /// Its key.
    pub key: u64,
    /// Its value.
    pub value: V,
}

impl<V> Default for ExtentTree<V> {
    fn default() -> Self {
        Self::new()
    }
}

/// What [`ExtentTree::find_gap`] looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GapRequest {
    /// The first address that may be used.
    pub from: u64,
    /// The first address after those that may be used.
    pub to: u64,
    /// The length wanted; at least 1.
    pub length: u64,
    /// A power of two.
    pub align: u64,
    /// What the address must leave when it is divided by `align`: 0 for plain alignment.
    pub residue: u64,
    /// Where to start looking. The search goes on from here to `to`, then once more from `from`.
    pub hint: u64,
}

impl GapRequest {
    /// Whether an address at or after the first that may be used will do, if nothing is there.
    #[inline(always)]
    pub fn takes(&self, place: u64) -> bool {
        let low_bits = self.align.wrapping_sub(1);
        self.residue.wrapping_sub(place) & low_bits == 0
            && place.checked_add(self.length).is_some_and(|end| end <= self.to)
    }

    /// The lowest good address in the gap `[start, end)`.
    fn place(&self, start: u64, end: u64) -> Option<u64> {
        let low_bits = self.align.wrapping_sub(1);
        let place = start.checked_add(self.residue.wrapping_sub(start) & low_bits)?;
        (place.checked_add(self.length)? <= end).then_some(place)
    }
}

impl<V> ExtentTree<V> {
    /// An empty map, which owns no memory.
    pub const fn new() -> Self {
        Self { index: Index::new(), values: PhantomData }
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Whether it owns no memory.
    pub const fn is_bare(&self) -> bool {
        self.index.nodes.is_bare()
    }

    /// As [`Tree::release`](super::Tree::release).
    pub fn release(&mut self) -> bool {
        self.is_empty() && (self.is_bare() || self.index.release())
    }

    /// Makes room, so that the next `additional` inserts of new keys succeed.
    ///
    /// # Errors
    /// [`NoMemory`]; what was found before it happened stays, as spare room.
    pub fn reserve(&mut self, additional: u32) -> Result<(), NoMemory> {
        self.index.reserve(additional)
    }
}

impl<V: Extent> ExtentTree<V> {
    #[inline(always)]
    fn item(key: u64, value: &V) -> Item {
        Item { end: key.saturating_add(value.length()), gap: 0, at: value.word() }
    }

    #[inline(always)]
    fn value((key, item): (u64, Item)) -> (u64, V) {
        (key, V::of(item.at, item.end.wrapping_sub(key)))
    }

    /// The value under `key`.
    pub fn get(&self, key: u64) -> Option<V> {
        self.look(key).map(|look| look.value)
    }

    /// The entry under `key`, to be taken out later.
    #[inline(always)]
    pub fn look(&self, key: u64) -> Option<Look<V>> {
        let (place, found, item) = self.index.floor_place(key)?;
        let value = Self::value((found, item)).1;
        (found == key).then_some(Look { place, key, value })
    }

    /// Takes out an entry that was found before and is still there: nothing was changed since. Its place stays as room
    /// for another.
    #[inline(always)]
    pub fn take(&mut self, look: &Look<V>) {
        self.index.remove_at(look.place, look.key);
    }

    /// Takes the value under `key` out. Its place stays as room for another.
    pub fn remove(&mut self, key: u64) -> Option<V> {
        let look = self.look(key)?;
        self.take(&look);
        Some(look.value)
    }

    /// The entry with the least key.
    pub fn first(&self) -> Option<(u64, V)> {
        self.index.entry(self.index.first()).map(Self::value)
    }

    /// The entry with the least key at or above `key`.
    pub fn ceiling(&self, key: u64) -> Option<(u64, V)> {
        self.index.entry(self.index.seek(key)).map(Self::value)
    }

    /// Every entry, by ascending key.
    pub fn iter(&self) -> impl Iterator<Item = (u64, V)> {
        let mut next = self.index.first();
        core::iter::from_fn(move || {
            let found = self.index.entry(next)?;
            next = self.index.after(next);
            Some(Self::value(found))
        })
    }

    /// Puts `value` under `key` and returns the value that was there before.
    ///
    /// # Errors
    /// [`NoMemory`] if the key is new and there is no room; the tree is as it was.
    pub fn try_insert(&mut self, key: u64, value: V) -> Result<Option<V>, NoMemory> {
        let item = Self::item(key, &value);
        let old = self.look(key);
        match self.index.find(key) {
            Err(place) => self.index.insert(place, (key, item))?,
            Ok(_) => self.index.change(key, item),
        }
        Ok(old.map(|look| look.value))
    }

    /// A place for a new extent: the lowest one at or after the hint, or else the lowest of all.
    ///
    /// Exact when `align` is no larger than what every extent is aligned to (pages, in an address space).
    /// With larger alignment it may miss a place after [`PROBES`] gaps that were long enough and did not
    /// fit; a caller then asks again for less alignment. `None` too for a length of 0 and an alignment
    /// that is no power of two.
    pub fn find_gap(&mut self, request: &GapRequest) -> Option<u64> {
        if request.length == 0 || !request.align.is_power_of_two() {
            return None;
        }
        let hint = request.hint.max(request.from);
        match self.search(request, hint) {
            None if hint != request.from => self.search(request, request.from),
            found => found,
        }
    }

    /// Room for an extent where nothing is, if putting it there changes no more than one leaf. `None` says nothing else.
    #[inline(always)]
    pub fn gap_at_hand(&mut self, key: u64, length: u64) -> Option<AtHand<'_>> {
        Some(AtHand(self.index.gap_at_hand(key, key.checked_add(length)?)?))
    }

    /// The entry under `key`, if taking it out changes no more than one leaf. `None` says nothing else.
    #[inline(always)]
    pub fn look_at_hand(&mut self, key: u64) -> Option<(EntryAtHand<'_>, V)> {
        let (at, item) = self.index.entry_at_hand(key)?;
        Some((EntryAtHand(at, key), Self::value((key, item)).1))
    }

    /// Where the first gap begins, at or after a point. It may be behind everything.
    pub fn first_free(&mut self, from: u64) -> u64 {
        self.index.tell();
        let (start, next) = self.index.gap_at(from);
        match self.index.entry(next) {
            Some((key, _)) if key <= start => self.index.gap_after(next, 1).map_or(start, |(start, _)| start),
            _ => start,
        }
    }

    /// The extent that holds the point `at`.
    #[inline]
    pub fn containing(&self, at: u64) -> Option<(u64, V)> {
        self.index.floor(at).filter(|(_, item)| item.end > at).map(Self::value)
    }

    /// The first extent with a point in `[from, to)`.
    pub fn first_overlap(&self, from: u64, to: u64) -> Option<(u64, V)> {
        if from >= to {
            return None;
        }
        self.containing(from).or_else(|| self.ceiling(from).filter(|(key, _)| *key < to))
    }

    fn search(&mut self, request: &GapRequest, from: u64) -> Option<u64> {
        let (mut start, mut next) = self.index.gap_at(from);
        let mut need = request.length;
        let mut probes = 0;
        loop {
            let bound = self.index.entry(next).map_or(u64::MAX, |(key, _)| key);
            if let Some(place) = request.place(start, bound.min(request.to)) {
                return Some(place);
            }
            if bound >= request.to {
                return None;
            }
            if probes == 0 {
                self.index.tell();
            }
            probes += 1;
            if probes == PROBES {
                need = need.saturating_add(request.align.wrapping_sub(1));
            }
            (start, next) = self.index.gap_after(next, need)?;
        }
    }
}
