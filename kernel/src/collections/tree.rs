//! An ordered map from `u64` whose growth can fail and whose other operations cannot.
//!
//! [`Tree<V>`] is a B+tree (Bayer and McCreight, 1972): the values are in leaves of up to sixteen, and above them
//! nodes that lead to up to sixteen others. Most maps of the kernel have a few entries and so are one leaf, in
//! which to find, to put in and to take out is some tens of instructions; a hundred thousand entries are four
//! or five nodes deep. The nodes know the numbers of values only, so that their code is there once for all maps, and
//! no value is ever moved. Whatever keys a program chooses, a node is halved only when it is full, so
//! the depth is logarithmic in what was ever put in; a node with few entries joins its neighbour where both fit,
//! and an empty one is gone.
//!
//! ```text
//! try_insert(key, value) -> Result<Option<V>, NoMemory>    the value that was there, if any
//! reserve(additional)    -> Result<(), NoMemory>           that many inserts then succeed
//! remove(key), pop_first(), get(key), get_mut(key), contains_key(key), len(), is_empty()
//! floor(key), ceiling(key), next_after(key), first(), last()    -> Option<(u64, &V)>
//! iter(), range(from..to)                                       in ascending order
//! clear(), release()                                            release gives memory back once empty
//! ```
//!
//! [`ExtentTree<V>`] is the same tree for values that are a [length and a word](Extent), which are in the leaves
//! themselves. It keeps, for every node, the largest gap among the extents below it, and so adds
//!
//! ```text
//! find_gap(&GapRequest)   -> Option<u64>       a place for a new extent, O(log n) for each gap probed
//! first_free(from)        -> u64               where the first gap begins
//! containing(at)          -> Option<(u64, V)>  the extent that holds this point
//! first_overlap(from, to) -> Option<(u64, V)>  the first extent with a point in [from, to)
//! look(key), take(look)                        finds an entry once, to take it out later
//! ```
//!
//! No operation recurses, and none but `try_insert` and `reserve` allocates.

mod gaps;
mod index;
mod node;
#[cfg(test)]
mod tests;
mod values;

pub use gaps::{AtHand, EntryAtHand, Extent, ExtentTree, GapRequest, Look, PROBES};

use super::NoMemory;
use core::ops::{Bound, RangeBounds};
use index::{Index, Place};
use node::Item;
use values::Values;

/// An ordered map from `u64`. See the [module](self).
#[derive(Debug)]
pub struct Tree<V> {
    index: Index,
    values: Values<V>,
}

impl<V> Default for Tree<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V> Tree<V> {
    /// An empty map, which owns no memory.
    pub const fn new() -> Self {
        Self { index: Index::new(), values: Values::new() }
    }

    /// The number of entries.
    pub const fn len(&self) -> usize {
        self.values.used() as usize
    }

    /// Whether there is no entry.
    pub const fn is_empty(&self) -> bool {
        self.values.used() == 0
    }

    /// The value under `key`.
    #[inline(always)]
    pub fn get(&self, key: u64) -> Option<&V> {
        self.values.get(self.index.find(key).ok()? as u32)
    }

    /// Whether there is a value under `key`.
    pub fn contains_key(&self, key: u64) -> bool {
        self.index.find(key).is_ok()
    }

    /// The entry with the greatest key at or below `key`.
    #[inline]
    pub fn floor(&self, key: u64) -> Option<(u64, &V)> {
        let (key, item) = self.index.floor(key)?;
        Some((key, self.values.get(item.at as u32)?))
    }

    /// The entry with the least key at or above `key`.
    #[inline]
    pub fn ceiling(&self, key: u64) -> Option<(u64, &V)> {
        self.entry(self.index.seek(key))
    }

    /// The entry with the least key above `key`.
    pub fn next_after(&self, key: u64) -> Option<(u64, &V)> {
        self.ceiling(key.checked_add(1)?)
    }

    /// The entry with the least key.
    pub fn first(&self) -> Option<(u64, &V)> {
        self.entry(self.index.first())
    }

    /// The entry with the greatest key.
    pub fn last(&self) -> Option<(u64, &V)> {
        self.floor(u64::MAX)
    }

    /// Every entry, by ascending key.
    pub fn iter(&self) -> Iter<'_, V> {
        Iter { tree: self, next: self.index.first(), last: u64::MAX }
    }

    /// The entries whose keys lie in `keys`, ascending. An empty or inverted range has none.
    pub fn range(&self, keys: impl RangeBounds<u64>) -> Iter<'_, V> {
        let first = match keys.start_bound() {
            Bound::Included(key) => Some(*key),
            Bound::Excluded(key) => key.checked_add(1),
            Bound::Unbounded => Some(0),
        };
        let last = match keys.end_bound() {
            Bound::Included(key) => Some(*key),
            Bound::Excluded(key) => key.checked_sub(1),
            Bound::Unbounded => Some(u64::MAX),
        };
        match (first, last) {
            (Some(first), Some(last)) => Iter { tree: self, next: self.index.seek(first), last },
            _ => Iter { tree: self, next: Place::NONE, last: 0 },
        }
    }

    fn entry(&self, place: Place) -> Option<(u64, &V)> {
        let (key, item) = self.index.entry(place)?;
        Some((key, self.values.get(item.at as u32)?))
    }

    /// Gives memory back if no entry is left, a bounded part of it at a time; whether none is left to give back.
    /// What was reserved is reserved no more. The rest serves new entries as before.
    pub fn release(&mut self) -> bool {
        if !self.is_empty() {
            return false;
        }
        self.is_bare() || self.index.release() & self.values.release()
    }

    /// Whether it owns no memory.
    pub const fn is_bare(&self) -> bool {
        self.values.is_bare() && self.index.nodes.is_bare()
    }

    /// Makes room, so that the next `additional` inserts of new keys succeed.
    ///
    /// # Errors
    /// [`NoMemory`]; what was found before it happened stays, as spare room.
    pub fn reserve(&mut self, additional: usize) -> Result<(), NoMemory> {
        let more = u32::try_from(additional).map_err(|_| NoMemory)?;
        self.values.reserve(more)?;
        self.index.reserve(more)
    }

    /// Takes the value under `key` out. Its place stays as room for another.
    #[inline(always)]
    pub fn remove(&mut self, key: u64) -> Option<V> {
        let at = self.index.remove(key)?;
        self.values.take(at as u32)
    }

    /// Takes the entry with the least key out, for teardown piece by piece.
    pub fn pop_first(&mut self) -> Option<(u64, V)> {
        let (key, _) = self.index.entry(self.index.first())?;
        Some((key, self.remove(key)?))
    }

    /// The value under `key`, to change.
    pub fn get_mut(&mut self, key: u64) -> Option<&mut V> {
        self.values.get_mut(self.index.find(key).ok()? as u32)
    }

    /// Puts `value` under `key` and returns the value that was there before.
    ///
    /// # Errors
    /// [`NoMemory`] if the key is new and there is no room; the tree is as it was.
    pub fn try_insert(&mut self, key: u64, value: V) -> Result<Option<V>, NoMemory> {
        match self.index.find(key) {
            Err(place) => {
                self.values.reserve(1)?;
                let at = u64::from(self.values.next());
                self.index.insert(place, (key, Item { end: key, gap: 0, at }))?;
                self.values.put(value);
                Ok(None)
            }
            Ok(at) => Ok(self.values.get_mut(at as u32).map(|there| core::mem::replace(there, value))),
        }
    }
}

/// Entries in ascending order, from [`Tree::iter`] and [`Tree::range`].
#[derive(Debug)]
pub struct Iter<'a, V> {
    tree: &'a Tree<V>,
    next: Place,
    /// The greatest key to yield.
    last: u64,
}

impl<'a, V> Iterator for Iter<'a, V> {
    type Item = (u64, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, value) = self.tree.entry(self.next)?;
        if key > self.last {
            self.next = Place::NONE;
            return None;
        }
        self.next = self.tree.index.after(self.next);
        Some((key, value))
    }
}

impl<'a, V> IntoIterator for &'a Tree<V> {
    type Item = (u64, &'a V);
    type IntoIter = Iter<'a, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
