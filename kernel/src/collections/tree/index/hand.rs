//! What is at hand: entries that come and go in the one leaf that can change alone, without a search and without a word to
//! what is above it.

use core::cell::Cell;

use super::super::node::{Item, NIL, Node};
use super::{FEW, Index};

/// A rank of a leaf that can change alone: of an entry that is there, or of one that would be.
#[derive(Debug)]
pub(in super::super) struct At<'a> {
    leaf: &'a mut Node,
    last: &'a Cell<u32>,
    gap: &'a mut Gap,
    rank: u32,
}

impl At<'_> {
    /// Puts an entry there, for which [`Index::gap_at_hand`] found room.
    #[inline(always)]
    pub(in super::super) fn put(self, entry: (u64, Item)) {
        let after = self.rank.wrapping_add(1);
        self.leaf.put(self.rank, entry);
        self.last.set(after);
        // What is free behind it is known still.
        *self.gap = Gap { rank: after, from: entry.1.end, before: (entry.0, self.gap.from), ..*self.gap };
    }

    /// Takes the entry out that [`Index::entry_at_hand`] found.
    #[inline(always)]
    pub(in super::super) fn take(self, key: u64) {
        self.leaf.take(self.rank);
        self.last.set(self.rank);
        self.gap.note_taken(key, self.rank);
    }
}

/// A stretch in which nothing is, in the leaf that can change alone: where an entry came or went last. Whatever else
/// is done to the index, nothing is known of it any more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gap {
    leaf: u32,
    /// The rank of what would be put there.
    rank: u32,
    from: u64,
    to: u64,
    /// The key of the entry just before it, if that came last, and where the gap began until then.
    before: (u64, u64),
}

impl Gap {
    /// No entry has this key, which could not end after it.
    const NOTHING: (u64, u64) = (u64::MAX, 0);
    pub(super) const NONE: Self = Self { leaf: NIL, rank: 0, from: u64::MAX, to: 0, before: Self::NOTHING };

    /// Notes that an entry was taken out of a leaf that can change alone. If that came last, the gap is as it was.
    #[inline(always)]
    pub(super) const fn note_taken(&mut self, key: u64, rank: u32) {
        match self.before {
            (came, from) if came == key => (self.rank, self.from) = (rank, from),
            _ => self.forget(),
        }
    }

    /// Nothing is known of it any more: nothing ends at 0 or before.
    pub(super) const fn forget(&mut self) {
        self.to = 0;
    }
}

impl Index {
    /// Room for an extent where nothing is, if it is in the leaf that can change alone.
    #[inline(always)]
    pub(in super::super) fn gap_at_hand(&mut self, key: u64, end: u64) -> Option<At<'_>> {
        if !(self.gap.from <= key && end <= self.gap.to) {
            self.gap = self.find_room(key, end)?;
        }
        let rank = self.gap.rank;
        let leaf = self.nodes.get_mut(self.gap.leaf).filter(|leaf| !leaf.is_full())?;
        Some(At { leaf, last: &self.last, gap: &mut self.gap, rank })
    }

    /// The gap that has this room, if it is in the leaf that can change alone.
    #[inline(never)]
    fn find_room(&self, key: u64, end: u64) -> Option<Gap> {
        // Before the first key of a leaf among others nothing can be put, and behind its last one up to the next leaf's.
        let (at, first, high) = if self.height == 0 {
            (self.root, 0, u64::MAX)
        } else {
            let near = self.near.get();
            if self.untold.0 != near.leaf || !near.holds(key) {
                return None;
            }
            (near.leaf, 1, near.high)
        };
        let leaf = self.nodes.get(at)?;
        let rank = leaf.rank_near(self.last.get(), key);
        let from = rank.checked_sub(1).and_then(|before| leaf.end(before)).unwrap_or(0);
        let to = if rank == leaf.len() { high } else { leaf.key(rank) };
        let is_room = rank >= first && from <= key && end <= to;
        is_room.then_some(Gap { leaf: at, rank, from, to, before: Gap::NOTHING })
    }

    /// The entry with a key, if it is in the leaf that can change alone, and can be taken out of it.
    #[inline(always)]
    pub(in super::super) fn entry_at_hand(&mut self, key: u64) -> Option<(At<'_>, Item)> {
        let at = if self.height == 0 { self.root } else { self.untold.0 };
        let leaf = self.nodes.get_mut(at)?;
        if self.height > 0 && leaf.len() <= FEW.wrapping_add(1) {
            return None;
        }
        let near = self.last.get().wrapping_sub(1);
        let rank = if leaf.holds(near, key) { near } else { leaf.find(key)? };
        let item = leaf.entry(rank).map(|(_, item)| item).filter(|_| self.height == 0 || rank > 0)?;
        Some((At { leaf, last: &self.last, gap: &mut self.gap, rank }, item))
    }
}
