//! An ordered map from `u64` whose growth can fail and whose other operations cannot.
//!
//! [`Tree<V>`] is an AVL tree (Adelson-Velsky and Landis, 1962): its height is at most 1.44 log2 of its
//! length whatever keys a program chooses, which no treap with a public priority could promise. Nodes live
//! in chunks of [`CHUNK`] that never move, so growth costs one chunk and never copies a node.
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
//! [`ExtentTree<V>`] is the same tree for values with a [length](Extent): it keeps, in every node, the
//! largest gap among the extents below it, and so adds
//!
//! ```text
//! find_gap(&GapRequest)   -> Option<u64>        a place for a new extent, O(log n) for each gap probed
//! containing(at)          -> Option<(u64, &V)>  the extent that holds this point
//! first_overlap(from, to) -> Option<(u64, &V)>  the first extent with a point in [from, to)
//! update(key, change)     -> Option<T>          instead of `get_mut`, because a length may change
//! ```
//!
//! No operation recurses, and none but `try_insert` and `reserve` allocates.

mod gaps;
#[cfg(test)]
mod tests;

pub use gaps::{Extent, ExtentTree, GapRequest, PROBES, Span};

use super::NoMemory;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::ops::{Bound, RangeBounds};

/// Nodes that are allocated at a time.
pub const CHUNK: usize = 1 << CHUNK_SHIFT;
const CHUNK_SHIFT: u32 = 4;
/// Chunks that are given back at a time.
const CHUNKS_A_RELEASE: usize = 8;
/// No node. It is beyond every chunk, so a look-up of it finds nothing and needs no test of its own.
const NIL: u32 = u32::MAX;

/// What each node knows of its subtree; `()` for nothing.
pub trait Summary<V>: Copy + PartialEq {
    /// The summary of an entry together with those of the subtrees below it.
    fn of(key: u64, value: &V, left: Option<Self>, right: Option<Self>) -> Self;
}

impl<V> Summary<V> for () {
    fn of(_: u64, _: &V, _: Option<()>, _: Option<()>) {}
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

impl Side {
    const fn other(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }
}

#[derive(Debug)]
struct Node<V, S> {
    key: u64,
    /// `None` only in a node that is free.
    value: Option<V>,
    summary: S,
    /// The parent; in a free node, the next free one.
    parent: u32,
    left: u32,
    right: u32,
    /// 1 for a leaf. AVL trees of 2^32 nodes are 46 high.
    height: u8,
}

/// An ordered map from `u64`. See the [module](self).
#[derive(Debug)]
pub struct Tree<V, S = ()> {
    chunks: Vec<Vec<Node<V, S>>>,
    /// Nodes that have been in use at least once: the first of these are in the chunks.
    touched: u32,
    free: u32,
    root: u32,
    len: usize,
}

impl<V, S> Default for Tree<V, S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V, S> Tree<V, S> {
    /// An empty map, which owns no memory.
    pub const fn new() -> Self {
        Self { chunks: Vec::new(), touched: 0, free: NIL, root: NIL, len: 0 }
    }

    /// The number of entries.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no entry.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value under `key`.
    pub fn get(&self, key: u64) -> Option<&V> {
        self.node(self.find(key))?.value.as_ref()
    }

    /// Whether there is a value under `key`.
    pub fn contains_key(&self, key: u64) -> bool {
        self.find(key) != NIL
    }

    /// The entry with the greatest key at or below `key`.
    pub fn floor(&self, key: u64) -> Option<(u64, &V)> {
        self.entry(self.floor_index(key))
    }

    /// The entry with the least key at or above `key`.
    pub fn ceiling(&self, key: u64) -> Option<(u64, &V)> {
        self.entry(self.ceiling_index(key))
    }

    /// The entry with the least key above `key`.
    pub fn next_after(&self, key: u64) -> Option<(u64, &V)> {
        self.ceiling(key.checked_add(1)?)
    }

    /// The entry with the least key.
    pub fn first(&self) -> Option<(u64, &V)> {
        self.entry(self.extreme(self.root, Side::Left))
    }

    /// The entry with the greatest key.
    pub fn last(&self) -> Option<(u64, &V)> {
        self.entry(self.extreme(self.root, Side::Right))
    }

    /// Every entry, by ascending key.
    pub fn iter(&self) -> Iter<'_, V, S> {
        Iter { tree: self, next: self.extreme(self.root, Side::Left), last: u64::MAX }
    }

    /// The entries whose keys lie in `keys`, ascending. An empty or inverted range has none.
    pub fn range(&self, keys: impl RangeBounds<u64>) -> Iter<'_, V, S> {
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
            (Some(first), Some(last)) => Iter { tree: self, next: self.ceiling_index(first), last },
            _ => Iter { tree: self, next: NIL, last: 0 },
        }
    }

    /// Gives memory back if no entry is left, a bounded part of it at a time; whether none is left to give back.
    /// What was reserved is reserved no more. The rest serves new entries as before.
    pub fn release(&mut self) -> bool {
        if !self.is_empty() {
            return false;
        }
        (self.touched, self.free, self.root) = (0, NIL, NIL);
        self.chunks.truncate(self.chunks.len().saturating_sub(CHUNKS_A_RELEASE));
        if !self.chunks.is_empty() {
            return false;
        }
        self.chunks = Vec::new();
        true
    }

    /// Whether it owns no memory.
    pub const fn is_bare(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Makes room, so that the next `additional` inserts of new keys succeed.
    ///
    /// # Errors
    /// [`NoMemory`]; chunks that were found before it happened stay, as spare room.
    pub fn reserve(&mut self, additional: usize) -> Result<(), NoMemory> {
        while (self.chunks.len() << CHUNK_SHIFT).saturating_sub(self.len) < additional {
            self.grow()?;
        }
        Ok(())
    }

    fn grow(&mut self) -> Result<(), NoMemory> {
        if self.chunks.len() >= (NIL >> CHUNK_SHIFT) as usize {
            return Err(NoMemory);
        }
        let mut chunk = Vec::new();
        chunk.try_reserve_exact(CHUNK)?;
        self.chunks.try_reserve(1)?;
        self.chunks.push(chunk);
        Ok(())
    }

    #[inline]
    fn node(&self, at: u32) -> Option<&Node<V, S>> {
        self.chunks.get((at >> CHUNK_SHIFT) as usize)?.get(at as usize & (CHUNK - 1))
    }

    #[inline]
    fn node_mut(&mut self, at: u32) -> Option<&mut Node<V, S>> {
        self.chunks.get_mut((at >> CHUNK_SHIFT) as usize)?.get_mut(at as usize & (CHUNK - 1))
    }

    fn entry(&self, at: u32) -> Option<(u64, &V)> {
        let node = self.node(at)?;
        Some((node.key, node.value.as_ref()?))
    }

    fn find(&self, key: u64) -> u32 {
        let mut at = self.root;
        while let Some(node) = self.node(at) {
            at = match key.cmp(&node.key) {
                Ordering::Less => node.left,
                Ordering::Greater => node.right,
                Ordering::Equal => return at,
            };
        }
        NIL
    }

    fn floor_index(&self, key: u64) -> u32 {
        let (mut best, mut at) = (NIL, self.root);
        while let Some(node) = self.node(at) {
            if node.key <= key {
                best = at;
                at = node.right;
            } else {
                at = node.left;
            }
        }
        best
    }

    fn ceiling_index(&self, key: u64) -> u32 {
        let (mut best, mut at) = (NIL, self.root);
        while let Some(node) = self.node(at) {
            if node.key >= key {
                best = at;
                at = node.left;
            } else {
                at = node.right;
            }
        }
        best
    }

    fn child(&self, at: u32, side: Side) -> u32 {
        match (self.node(at), side) {
            (Some(node), Side::Left) => node.left,
            (Some(node), Side::Right) => node.right,
            (None, _) => NIL,
        }
    }

    fn parent(&self, at: u32) -> u32 {
        self.node(at).map_or(NIL, |node| node.parent)
    }

    fn height(&self, at: u32) -> u8 {
        self.node(at).map_or(0, |node| node.height)
    }

    /// The outermost node of a subtree on one side.
    fn extreme(&self, mut at: u32, side: Side) -> u32 {
        loop {
            match self.child(at, side) {
                NIL => return at,
                further => at = further,
            }
        }
    }

    /// The next node in order: O(1) on average over a whole iteration.
    fn successor(&self, mut at: u32) -> u32 {
        let right = self.child(at, Side::Right);
        if right != NIL {
            return self.extreme(right, Side::Left);
        }
        loop {
            let parent = self.parent(at);
            if parent == NIL || self.child(parent, Side::Left) == at {
                return parent;
            }
            at = parent;
        }
    }

    /// Makes `child` (or nothing) the child of `parent` on that side.
    fn attach(&mut self, parent: u32, side: Side, child: u32) {
        match (self.node_mut(parent), side) {
            (Some(node), Side::Left) => node.left = child,
            (Some(node), Side::Right) => node.right = child,
            (None, _) => self.root = child,
        }
        if let Some(node) = self.node_mut(child) {
            node.parent = parent;
        }
    }

    /// Puts `new` where `old` hangs from `parent`.
    fn replace_child(&mut self, parent: u32, old: u32, new: u32) {
        let side = if self.child(parent, Side::Left) == old { Side::Left } else { Side::Right };
        self.attach(parent, side, new);
    }

    /// A node for a new entry. Nothing has changed when there is no memory for it.
    fn take_slot(&mut self, node: Node<V, S>) -> Result<u32, NoMemory> {
        let at = self.free;
        if let Some(slot) = self.node_mut(at) {
            let next = slot.parent;
            *slot = node;
            self.free = next;
        } else {
            if self.chunks.len() << CHUNK_SHIFT <= self.touched as usize {
                self.grow()?;
            }
            let at = self.touched;
            let chunk = self.chunks.get_mut((at >> CHUNK_SHIFT) as usize).ok_or(NoMemory)?;
            // After a release nodes of before may be there still.
            match chunk.get_mut(at as usize & (CHUNK - 1)) {
                Some(slot) => *slot = node,
                // `grow` gave this chunk its full capacity, so the push moves nothing.
                None => chunk.push(node),
            }
            self.touched = at.saturating_add(1);
            self.len = self.len.saturating_add(1);
            return Ok(at);
        }
        self.len = self.len.saturating_add(1);
        Ok(at)
    }

    fn give_slot(&mut self, at: u32) -> Option<V> {
        let free = self.free;
        let node = self.node_mut(at)?;
        let value = node.value.take();
        (node.parent, node.left, node.right) = (free, NIL, NIL);
        self.free = at;
        self.len = self.len.saturating_sub(1);
        value
    }
}

impl<V> Tree<V> {
    /// The value under `key`, to change. An [`ExtentTree`] has `update` instead.
    pub fn get_mut(&mut self, key: u64) -> Option<&mut V> {
        let at = self.find(key);
        self.node_mut(at)?.value.as_mut()
    }
}

impl<V, S: Summary<V>> Tree<V, S> {
    /// Puts `value` under `key` and returns the value that was there before.
    ///
    /// # Errors
    /// [`NoMemory`] if the key is new and there is no room; the tree is as it was.
    pub fn try_insert(&mut self, key: u64, value: V) -> Result<Option<V>, NoMemory> {
        let (mut parent, mut side, mut at) = (NIL, Side::Left, self.root);
        while let Some(node) = self.node_mut(at) {
            parent = at;
            (side, at) = match key.cmp(&node.key) {
                Ordering::Less => (Side::Left, node.left),
                Ordering::Greater => (Side::Right, node.right),
                Ordering::Equal => {
                    let old = node.value.replace(value);
                    self.retrace(parent);
                    return Ok(old);
                }
            };
        }
        let summary = S::of(key, &value, None, None);
        let node = Node { key, value: Some(value), summary, parent, left: NIL, right: NIL, height: 1 };
        let new = self.take_slot(node)?;
        self.attach(parent, side, new);
        self.retrace(parent);
        Ok(None)
    }

    /// Takes the value under `key` out. Its node stays as room for another.
    pub fn remove(&mut self, key: u64) -> Option<V> {
        let at = self.find(key);
        self.unlink(at);
        self.give_slot(at)
    }

    /// Takes the entry with the least key out, for teardown piece by piece.
    pub fn pop_first(&mut self) -> Option<(u64, V)> {
        let at = self.extreme(self.root, Side::Left);
        let key = self.node(at)?.key;
        self.unlink(at);
        Some((key, self.give_slot(at)?))
    }

    fn unlink(&mut self, at: u32) {
        let Some(node) = self.node(at) else { return };
        let (left, right, parent) = (node.left, node.right, node.parent);
        let (height, summary) = (node.height, node.summary);
        if left == NIL || right == NIL {
            self.replace_child(parent, at, if left == NIL { right } else { left });
            self.retrace(parent);
            return;
        }
        // The next entry in order has no left child. It takes this one's place, height and summary, so
        // that what changed below is noticed when the retracing comes by.
        let heir = self.extreme(right, Side::Left);
        let lowest = if heir == right { heir } else { self.parent(heir) };
        if heir != right {
            self.attach(lowest, Side::Left, self.child(heir, Side::Right));
            self.attach(heir, Side::Right, right);
        }
        self.attach(heir, Side::Left, left);
        self.replace_child(parent, at, heir);
        if let Some(node) = self.node_mut(heir) {
            (node.height, node.summary) = (height, summary);
        }
        self.retrace(lowest);
        // The first walk may have stopped below the heir, whose own entry is new to this place.
        self.retrace(heir);
    }

    /// Restores balance, heights and summaries from `at` upward, until a subtree looks as it did before.
    fn retrace(&mut self, mut at: u32) {
        while let Some(node) = self.node(at) {
            let (left, right) = (self.node(node.left), self.node(node.right));
            let (left_height, right_height) = (left.map_or(0, |n| n.height), right.map_or(0, |n| n.height));
            let (height, summary, parent) = (node.height, node.summary, node.parent);
            let Some(value) = &node.value else { return };
            if left_height.abs_diff(right_height) <= 1 {
                let now = S::of(node.key, value, left.map(|n| n.summary), right.map(|n| n.summary));
                let now_height = left_height.max(right_height).saturating_add(1);
                if (now_height, now) == (height, summary) {
                    return;
                }
                if let Some(node) = self.node_mut(at) {
                    (node.height, node.summary) = (now_height, now);
                }
                at = parent;
                continue;
            }
            let heavy = if left_height > right_height { Side::Left } else { Side::Right };
            let top = self.rebalance(at, heavy);
            match self.node(top) {
                Some(node) if node.height != height || node.summary != summary => at = node.parent,
                _ => return,
            }
        }
    }

    /// Rotates a node whose `heavy` side is two higher than the other. Returns the subtree's new top.
    fn rebalance(&mut self, at: u32, heavy: Side) -> u32 {
        let child = self.child(at, heavy);
        let inner = self.child(child, heavy.other());
        if self.height(inner) > self.height(self.child(child, heavy)) {
            self.rotate_up(inner);
        }
        let top = self.child(at, heavy);
        self.rotate_up(top);
        top
    }

    /// Lets a node change places with its parent; the order of entries stays.
    fn rotate_up(&mut self, at: u32) {
        let parent = self.parent(at);
        let side = if self.child(parent, Side::Left) == at { Side::Left } else { Side::Right };
        self.replace_child(self.parent(parent), parent, at);
        self.attach(parent, side, self.child(at, side.other()));
        self.attach(at, side.other(), parent);
        self.refresh(parent);
        self.refresh(at);
    }

    /// Computes a node's height and summary from its children's.
    fn refresh(&mut self, at: u32) {
        let Some(node) = self.node(at) else { return };
        let (left, right) = (self.node(node.left), self.node(node.right));
        let height = left.map_or(0, |n| n.height).max(right.map_or(0, |n| n.height)).saturating_add(1);
        let Some(value) = &node.value else { return };
        let summary = S::of(node.key, value, left.map(|n| n.summary), right.map(|n| n.summary));
        if let Some(node) = self.node_mut(at) {
            (node.height, node.summary) = (height, summary);
        }
    }
}

/// Entries in ascending order, from [`Tree::iter`] and [`Tree::range`].
#[derive(Debug)]
pub struct Iter<'a, V, S = ()> {
    tree: &'a Tree<V, S>,
    next: u32,
    /// The greatest key to yield.
    last: u64,
}

impl<'a, V, S> Iterator for Iter<'a, V, S> {
    type Item = (u64, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, value) = self.tree.entry(self.next)?;
        if key > self.last {
            self.next = NIL;
            return None;
        }
        self.next = self.tree.successor(self.next);
        Some((key, value))
    }
}

impl<'a, V, S> IntoIterator for &'a Tree<V, S> {
    type Item = (u64, &'a V);
    type IntoIter = Iter<'a, V, S>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
