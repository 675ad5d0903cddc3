//! A tree's nodes, and where they live.
//!
//! The entries of a node lie wherever there was room; a word of four bits for each says in which order they follow each
//! other. So putting an entry in or taking one out moves no other entry.

use super::NoMemory;
use crate::collections::arena::in_a_box;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// Entries in a node: with one more it would take the memory of two.
pub(super) const WIDTH: u32 = 15;
/// Bits that number an entry's place.
const PLACE_BITS: u32 = 4;
/// Places that can be numbered.
const PLACES: usize = 1 << PLACE_BITS;

/// A place that is free, for each of a node's.
const ALL_VACANT: u16 = (1 << WIDTH) - 1;
// The allocator hands out powers of two.
const _: () = assert!(size_of::<Node>() <= 512);

/// Nodes that are given back at a time.
const NODES_A_RELEASE: usize = 16;
/// No node. There are never so many, so a look-up of it finds nothing and needs no test of its own.
pub(super) const NIL: u32 = u32::MAX;

/// What belongs to a key: in a leaf an entry's, further up the first key of a node below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// Where the extent ends, or the last one below.
    pub(super) end: u64,
    /// The largest gap between two extents below; 0 in a leaf.
    pub(super) gap: u64,
    /// The entry's value, by number or as a word, or the node below, by number.
    pub(super) at: u64,
}

impl Item {
    const NONE: Self = Self { end: 0, gap: 0, at: NIL as u64 };
}

/// Up to fifteen keys in ascending order, each with what belongs to it.
#[derive(Debug)]
pub(super) struct Node {
    /// The place of each rank in use, four bits each. What is behind them means nothing.
    order: u64,
    /// The places that are free, a bit each.
    vacant: u16,
    len: u16,
    /// The next free node; without meaning in one that is in use.
    next_free: u32,
    /// One more than there are entries: every number of a place is one of these.
    keys: [u64; PLACES],
    items: [Item; WIDTH as usize],
}

impl Node {
    const EMPTY: Self = Self {
        order: 0,
        vacant: ALL_VACANT,
        len: 0,
        next_free: NIL,
        keys: [0; PLACES],
        items: [Item::NONE; WIDTH as usize],
    };

    /// Entries in use.
    #[inline]
    pub(super) const fn len(&self) -> u32 {
        self.len as u32
    }

    #[inline]
    pub(super) const fn is_full(&self) -> bool {
        self.vacant == 0
    }

    /// Where the entry of a rank below [`WIDTH`] lies.
    #[inline(always)]
    const fn place(&self, rank: u32) -> usize {
        self.order.wrapping_shr(rank.wrapping_mul(PLACE_BITS)) as usize & (PLACES - 1)
    }

    /// The key of a rank in use; of another one it means nothing.
    #[inline(always)]
    pub(super) fn key(&self, rank: u32) -> u64 {
        self.keys.get(self.place(rank)).copied().unwrap_or(0)
    }

    /// The entry of a rank.
    #[inline(always)]
    pub(super) fn entry(&self, rank: u32) -> Option<(u64, Item)> {
        if rank < self.len() {
            let place = self.place(rank);
            Some((*self.keys.get(place)?, *self.items.get(place)?))
        } else {
            None
        }
    }

    /// Where the extent of a rank ends.
    #[inline(always)]
    pub(super) fn end(&self, rank: u32) -> Option<u64> {
        if rank < self.len() { self.items.get(self.place(rank)).map(|item| item.end) } else { None }
    }

    /// The node that the entry of a rank leads to.
    #[inline(always)]
    pub(super) fn at(&self, rank: u32) -> u32 {
        if rank < self.len() {
            self.items.get(self.place(rank)).map_or(NIL, |item| item.at as u32)
        } else {
            NIL
        }
    }

    /// What the entry of a rank has for its value.
    #[inline(always)]
    pub(super) fn value(&self, rank: u32) -> Option<u64> {
        if rank < self.len() { self.items.get(self.place(rank)).map(|item| item.at) } else { None }
    }

    /// How many keys are below this one: the rank that it has or would have.
    #[inline(always)]
    pub(super) fn rank_of(&self, key: u64) -> u32 {
        self.count(|other| other < key)
    }

    /// How many keys are at or below this one.
    #[inline(always)]
    pub(super) fn rank_after(&self, key: u64) -> u32 {
        self.count(|other| other <= key)
    }

    /// The same, if it is probably so many.
    #[inline(always)]
    pub(super) fn rank_near(&self, guess: u32, key: u64) -> u32 {
        let is_above = guess == 0 || guess <= self.len() && self.key(guess.wrapping_sub(1)) <= key;
        if is_above && (guess == self.len() || guess < self.len() && key < self.key(guess)) {
            guess
        } else {
            self.rank_after(key)
        }
    }

    /// How many keys, from the first one on, a condition is true of.
    #[inline(always)]
    fn count(&self, holds: impl Fn(u64) -> bool) -> u32 {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.wrapping_add(high) >> 1;
            if holds(self.key(middle)) { low = middle.wrapping_add(1) } else { high = middle }
        }
        low
    }

    /// Whether a key is that of a rank.
    #[inline(always)]
    pub(super) fn holds(&self, rank: u32, key: u64) -> bool {
        rank < self.len() && self.key(rank) == key
    }

    /// The rank of this very key.
    #[inline(always)]
    pub(super) fn find(&self, key: u64) -> Option<u32> {
        let rank = self.rank_of(key);
        (rank < self.len() && self.key(rank) == key).then_some(rank)
    }

    /// What the node above knows of this one, whose number is `at`: its first key, and all below it in one.
    pub(super) fn summary(&self, at: u32) -> Option<(u64, Item)> {
        let (first, mut all) = self.entry(0)?;
        for rank in 1..self.len() {
            let Some((key, next)) = self.entry(rank) else { break };
            all.gap = all.gap.max(next.gap).max(key.saturating_sub(all.end));
            all.end = next.end;
        }
        Some((first, Item { at: u64::from(at), ..all }))
    }

    /// Gives a rank another entry, whose key is between its neighbours'.
    pub(super) fn set(&mut self, rank: u32, (key, item): (u64, Item)) {
        let place = self.place(rank);
        if let (Some(slot), Some(home)) = (self.keys.get_mut(place), self.items.get_mut(place)) {
            (*slot, *home) = (key, item);
        }
    }

    /// Puts an entry in at a rank of a node that is not full.
    #[inline(always)]
    pub(super) fn put(&mut self, rank: u32, entry: (u64, Item)) {
        let home = u32::from(self.vacant).trailing_zeros();
        // The place's number goes to its rank; those from there on move up.
        let at = rank.wrapping_mul(PLACE_BITS);
        let above = self.order & u64::MAX.wrapping_shl(at);
        self.order = self.order ^ above | above.wrapping_shl(PLACE_BITS) | u64::from(home).wrapping_shl(at);
        self.vacant &= !(1_u32.wrapping_shl(home) as u16);
        self.len = self.len.wrapping_add(1);
        let home = home as usize;
        if let (Some(key), Some(item)) = (self.keys.get_mut(home), self.items.get_mut(home)) {
            (*key, *item) = entry;
        }
    }

    /// Takes the entry of a rank out. Gives what it led to.
    #[inline(always)]
    pub(super) fn take(&mut self, rank: u32) -> Option<u64> {
        if rank >= self.len() {
            return None;
        }
        let home = self.place(rank);
        // The place's number goes; those behind it move down.
        let at = rank.wrapping_mul(PLACE_BITS);
        let above = self.order & u64::MAX.wrapping_shl(at);
        self.order = self.order ^ above | above.wrapping_shr(PLACE_BITS) & u64::MAX.wrapping_shl(at);
        self.vacant |= 1_u32.wrapping_shl(home as u32) as u16;
        self.len = self.len.wrapping_sub(1);
        self.items.get(home).map(|item| item.at)
    }
}

/// A tree's nodes, by number. A node that is free is empty.
#[derive(Debug)]
pub(super) struct Nodes {
    #[expect(clippy::vec_box, reason = "nodes never move, and come one by one")]
    each: Vec<Box<[Node; 1]>>,
    /// Nodes that have been in use at least once since all were free.
    touched: u32,
    free: u32,
    used: u32,
}

impl Nodes {
    pub(super) const fn new() -> Self {
        Self { each: Vec::new(), touched: 0, free: NIL, used: 0 }
    }

    #[inline(always)]
    pub(super) fn get(&self, at: u32) -> Option<&Node> {
        let [node] = &**self.each.get(at as usize)?;
        Some(node)
    }

    #[inline(always)]
    pub(super) fn get_mut(&mut self, at: u32) -> Option<&mut Node> {
        let [node] = &mut **self.each.get_mut(at as usize)?;
        Some(node)
    }

    /// Nodes that there are, in use or not: fewer than [`NIL`].
    pub(super) const fn all(&self) -> u32 {
        self.each.len() as u32
    }

    /// Nodes in use.
    pub(super) const fn used(&self) -> u32 {
        self.used
    }

    /// Whether it owns no memory.
    pub(super) const fn is_bare(&self) -> bool {
        self.each.is_empty()
    }

    /// Makes sure that so many nodes can be taken.
    pub(super) fn reserve(&mut self, count: u32) -> Result<(), NoMemory> {
        while self.all().wrapping_sub(self.used) < count {
            self.grow()?;
        }
        Ok(())
    }

    fn grow(&mut self) -> Result<(), NoMemory> {
        if self.all() == NIL - 1 {
            return Err(NoMemory);
        }
        let mut node = Vec::new();
        node.try_reserve_exact(1)?;
        self.each.try_reserve(1)?;
        node.push(Node::EMPTY);
        self.each.push(in_a_box(node).map_err(|_| NoMemory)?);
        Ok(())
    }

    /// An empty node.
    pub(super) fn take(&mut self) -> Result<u32, NoMemory> {
        self.reserve(1)?;
        let at = self.free;
        let at = match self.get(at) {
            Some(node) => {
                self.free = node.next_free;
                at
            }
            None => {
                let at = self.touched;
                self.touched = at.saturating_add(1);
                at
            }
        };
        self.used = self.used.saturating_add(1);
        Ok(at)
    }

    /// Gives an empty node back.
    pub(super) fn give(&mut self, at: u32) {
        let free = self.free;
        let Some(node) = self.get_mut(at) else { return };
        node.next_free = free;
        self.free = at;
        self.used = self.used.saturating_sub(1);
    }

    /// Puts an entry into a full node, which is cut in two for it: its upper half is in a new node then, whose
    /// summary this gives. Keys that come in ascending order leave full nodes behind.
    pub(super) fn halve(
        &mut self,
        at: u32,
        rank: u32,
        entry: (u64, Item),
    ) -> Result<Option<(u64, Item)>, NoMemory> {
        let kept = if rank == WIDTH { WIDTH } else { WIDTH / 2 };
        let new = self.take()?;
        self.shift(at, kept, new);
        let is_upper = rank > kept || rank == WIDTH;
        if let Some(home) = self.get_mut(if is_upper { new } else { at }) {
            home.put(if is_upper { rank.wrapping_sub(kept) } else { rank }, entry);
        }
        Ok(self.get(new).and_then(|node| node.summary(new)))
    }

    /// Moves all of a node to the end of another, which has room for it, and gives it back.
    pub(super) fn merge(&mut self, into: u32, from: u32) {
        self.shift(from, 0, into);
        self.give(from);
    }

    fn shift(&mut self, from: u32, rank: u32, to: u32) {
        while let Some(entry) = self.get(from).and_then(|node| node.entry(rank)) {
            self.get_mut(from).and_then(|node| node.take(rank));
            if let Some(node) = self.get_mut(to) {
                node.put(node.len(), entry);
            }
        }
    }

    /// Gives memory back, of which nothing is in use any more, a bounded part of it; whether none is left.
    pub(super) fn release(&mut self) -> bool {
        (self.touched, self.free, self.used) = (0, NIL, 0);
        self.each.truncate(self.each.len().saturating_sub(NODES_A_RELEASE));
        if !self.each.is_empty() {
            return false;
        }
        self.each = Vec::new();
        true
    }
}

#[cfg(test)]
impl Nodes {
    /// Checks that every free node is one, and empty, and that each node's order names each place in use once.
    pub(super) fn check(&self) {
        for node in self.each.iter().flat_map(|node| node.iter()) {
            let places = (0..node.len()).fold(0_u32, |places, rank| places | 1 << node.place(rank));
            assert_eq!((places, places.count_ones()), (u32::from(ALL_VACANT ^ node.vacant), node.len()));
            assert!((1..node.len()).all(|rank| node.key(rank - 1) < node.key(rank)));
        }
        let (mut free, mut at) = (self.all() - self.touched, self.free);
        while let Some(node) = self.get(at) {
            assert_eq!(node.len, 0);
            (free, at) = (free + 1, node.next_free);
        }
        assert_eq!(free + self.used, self.all());
    }
}
