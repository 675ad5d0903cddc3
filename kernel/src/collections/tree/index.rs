//! The tree itself: from keys to the numbers of values. It is the same code whatever the values are.

#[cfg(test)]
mod check;
mod hand;

use core::cell::Cell;

use super::NoMemory;
use super::node::{Item, NIL, Node, Nodes, WIDTH};
pub(super) use hand::At;
use hand::Gap;

/// The most levels above the leaves. Each of them takes eight times as many inserts as the one before.
const MAX_HEIGHT: usize = 16;
/// A node with at most so many entries looks whether it can join its neighbour,
const FEW: u32 = WIDTH / 4;
/// and does if they have at most so many together, which leaves room for more.
const JOINED: u32 = WIDTH * 3 / 4;

/// The way from the top to a leaf: at each level which node, and which of its ranks. The first is just above the leaf.
#[derive(Debug)]
struct Path([(u32, u32); MAX_HEIGHT]);

/// Where an entry is or would be put: its leaf and its rank there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    leaf: u32,
    rank: u32,
}

impl Place {
    pub(super) const NONE: Self = Self { leaf: NIL, rank: 0 };
}

/// The leaf that a search led to last, and which keys lead there.
#[derive(Clone, Copy, Debug)]
struct Near {
    leaf: u32,
    low: u64,
    /// The first key that leads elsewhere; of the last leaf 2^64 - 1, which is looked for from the top.
    high: u64,
}

impl Near {
    const NONE: Self = Self { leaf: NIL, low: u64::MAX, high: 0 };

    #[inline(always)]
    const fn holds(&self, key: u64) -> bool {
        self.low <= key && key < self.high
    }
}

/// Extents by their first points, each with a number or another word.
///
/// What is above a leaf need not know at once that entries came to it or left it, as long as its first key stays: only
/// the search for gaps asks for more. So one leaf may be *untold*, and what comes and goes there changes it alone.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) nodes: Nodes,
    /// The node at the top: a leaf if the height is 0.
    root: u32,
    /// Levels above the leaves.
    pub(super) height: u32,
    /// How many keys of a leaf were at or below the one that was looked for last: while all is one leaf, the next one is
    /// nearly always the same, or comes and goes at the same place. It is a guess, and tried before it is believed.
    last: Cell<u32>,
    /// Where there are more leaves, the next key is nearly always in the same one.
    near: Cell<Near>,
    /// Where there is room, most likely for what comes next.
    gap: Gap,
    /// The leaf of whose end and gaps the node above does not know yet, or [`NIL`], and a key that leads there.
    untold: (u32, u64),
}

impl Index {
    pub(super) const fn new() -> Self {
        let (last, near) = (Cell::new(0), Cell::new(Near::NONE));
        Self { nodes: Nodes::new(), root: NIL, height: 0, last, near, gap: Gap::NONE, untold: (NIL, 0) }
    }

    /// Gives memory back, of which nothing is in use any more, a bounded part of it; whether none is left.
    pub(super) fn release(&mut self) -> bool {
        (self.root, self.height, self.untold) = (NIL, 0, (NIL, 0));
        self.gap.forget();
        self.near.set(Near::NONE);
        self.nodes.release()
    }

    /// Makes room, so that the next `more` inserts succeed.
    pub(super) fn reserve(&mut self, more: u32) -> Result<(), NoMemory> {
        if self.height == 0 {
            match self.nodes.get(self.root) {
                Some(leaf) if more <= WIDTH.saturating_sub(leaf.len()) => return Ok(()),
                None if more <= WIDTH => return self.nodes.reserve(1),
                _ => {}
            }
        }
        // Each insert may halve a node on every level and make a new top. But a full node is halved once; each half,
        // and each new node, takes eight more before it is halved again.
        let each = more.saturating_mul(self.height.saturating_add(2));
        let all = self.nodes.used().saturating_add(more / 4).saturating_add(4);
        self.nodes.reserve(each.min(all))
    }

    /// The leaf where a key is or would be put.
    #[inline(always)]
    fn leaf_of(&self, key: u64) -> u32 {
        let near = self.near.get();
        if self.height == 0 {
            self.root
        } else if near.holds(key) {
            near.leaf
        } else {
            self.descend(key)
        }
    }

    /// The rest of [`Index::leaf_of`]: from the top.
    #[inline(never)]
    fn descend(&self, key: u64) -> u32 {
        let mut near = Near { leaf: self.root, low: 0, high: u64::MAX };
        for _ in 0..self.height {
            let Some(node) = self.nodes.get(near.leaf) else { return NIL };
            // A node's key is the first one below it. What is below the very first one is led there, too.
            let after = node.rank_after(key);
            if after < node.len() {
                near.high = node.key(after);
            }
            let rank = after.saturating_sub(1);
            if after > 0 {
                near.low = near.low.max(node.key(rank));
            }
            near.leaf = node.at(rank);
        }
        self.near.set(near);
        near.leaf
    }

    /// The way to that leaf.
    fn path_to(&self, key: u64) -> Path {
        let mut path = Path([(NIL, 0); MAX_HEIGHT]);
        let mut at = self.root;
        for step in path.0.iter_mut().take(self.height as usize).rev() {
            let Some(node) = self.nodes.get(at) else { break };
            let rank = node.rank_after(key).saturating_sub(1);
            *step = (at, rank);
            at = node.at(rank);
        }
        path
    }

    /// The word under a key; or where it would be put.
    #[inline]
    pub(super) fn find(&self, key: u64) -> Result<u64, Place> {
        let leaf = self.leaf_of(key);
        let Some(node) = self.nodes.get(leaf) else { return Err(Place::NONE) };
        let rank = node.rank_near(self.last.get(), key);
        match rank.checked_sub(1) {
            Some(before) if node.key(before) == key => node.value(before).ok_or(Place::NONE),
            _ => Err(Place { leaf, rank }),
        }
    }

    /// The entry with the greatest key at or below `key`.
    #[inline]
    pub(super) fn floor(&self, key: u64) -> Option<(u64, Item)> {
        let leaf = self.nodes.get(self.leaf_of(key))?;
        let rank = leaf.rank_near(self.last.get(), key);
        self.last.set(rank);
        leaf.entry(rank.checked_sub(1)?)
    }

    /// The place of the least key at or above `key`; if there is none, a place where nothing is.
    pub(super) fn seek(&self, key: u64) -> Place {
        let (mut at, mut beside) = (self.root, (NIL, 0));
        for level in (0..self.height).rev() {
            let Some(node) = self.nodes.get(at) else { return Place::NONE };
            let rank = node.rank_after(key).saturating_sub(1);
            match node.at(rank.wrapping_add(1)) {
                NIL => {}
                next => beside = (next, level),
            }
            at = node.at(rank);
        }
        let Some(leaf) = self.nodes.get(at) else { return Place::NONE };
        let rank = leaf.rank_of(key);
        if rank < leaf.len() { Place { leaf: at, rank } } else { self.leftmost(beside.0, beside.1) }
    }

    /// The place of the least key.
    pub(super) fn first(&self) -> Place {
        self.leftmost(self.root, self.height)
    }

    /// The first place below a node of that height.
    fn leftmost(&self, mut at: u32, height: u32) -> Place {
        for _ in 0..height {
            at = self.nodes.get(at).map_or(NIL, |node| node.at(0));
        }
        Place { leaf: at, rank: 0 }
    }

    /// What is at a place.
    #[inline]
    pub(super) fn entry(&self, place: Place) -> Option<(u64, Item)> {
        self.nodes.get(place.leaf)?.entry(place.rank)
    }

    /// The place after another one.
    #[inline]
    pub(super) fn after(&self, place: Place) -> Place {
        let rank = place.rank.wrapping_add(1);
        let Some(leaf) = self.nodes.get(place.leaf) else { return Place::NONE };
        if rank < leaf.len() {
            return Place { leaf: place.leaf, rank };
        }
        match leaf.key(place.rank).checked_add(1) {
            Some(key) if self.height > 0 => self.seek(key),
            _ => Place::NONE,
        }
    }

    /// Puts an entry where [`Index::find`] says that it would be put.
    ///
    /// # Errors
    /// [`NoMemory`]; nothing changed.
    #[inline]
    pub(super) fn insert(&mut self, place: Place, entry: (u64, Item)) -> Result<(), NoMemory> {
        self.gap.forget();
        match self.nodes.get_mut(place.leaf) {
            Some(leaf) if !leaf.is_full() && (self.height == 0 || place.rank > 0) => {
                leaf.put(place.rank, entry);
                self.last.set(place.rank.wrapping_add(1));
                self.leave_untold(place.leaf, entry.0);
                Ok(())
            }
            _ => self.insert_slowly(place, entry),
        }
    }

    /// The rest of [`Index::insert`]: there is no leaf yet, or it is full, or its first key becomes another.
    #[inline(never)]
    fn insert_slowly(&mut self, place: Place, entry: (u64, Item)) -> Result<(), NoMemory> {
        self.tell();
        self.near.set(Near::NONE);
        match self.nodes.get_mut(place.leaf) {
            Some(leaf) if leaf.is_full() => return self.insert_halving(place, entry),
            Some(leaf) => leaf.put(place.rank, entry),
            None => {
                self.root = self.nodes.take()?;
                if let Some(leaf) = self.nodes.get_mut(self.root) {
                    leaf.put(0, entry);
                }
            }
        }
        self.tell_above(entry.0);
        Ok(())
    }

    /// Notes that what is above a leaf, to which a key leads, does not know what it has become.
    #[inline(always)]
    fn leave_untold(&mut self, leaf: u32, key: u64) {
        if self.height > 0 && self.untold.0 != leaf {
            self.tell_of_other(leaf, key);
        }
    }

    #[inline(never)]
    fn tell_of_other(&mut self, leaf: u32, key: u64) {
        self.tell();
        self.untold = (leaf, key);
    }

    /// Has every node know of what is below it. What looks for gaps, or changes which keys lead where, comes after this.
    pub(super) fn tell(&mut self) {
        if self.untold.0 != NIL {
            self.tell_above(self.untold.1);
            self.untold = (NIL, 0);
            self.gap.forget();
        }
    }

    /// Puts an entry into a full leaf, which becomes two, and so may what is above it.
    fn insert_halving(&mut self, place: Place, entry: (u64, Item)) -> Result<(), NoMemory> {
        let path = self.path_to(entry.0);
        let steps = || path.0.iter().take(self.height as usize);
        let is_full = |at: u32| self.nodes.get(at).is_some_and(Node::is_full);
        let full = steps().take_while(|step| is_full(step.0)).count();
        let grows = full == self.height as usize;
        if grows && full == MAX_HEIGHT {
            return Err(NoMemory);
        }
        self.nodes.reserve(full as u32 + 1 + u32::from(grows))?;
        let mut new = self.nodes.halve(place.leaf, place.rank, entry)?;
        let mut left = self.summary(place.leaf);
        for &(parent, rank) in path.0.iter().take(self.height as usize) {
            let Some(node) = self.nodes.get_mut(parent) else { break };
            if let Some(left) = left {
                node.set(rank, left);
            }
            let rank = rank.wrapping_add(1);
            new = match new {
                Some(entry) if node.is_full() => self.nodes.halve(parent, rank, entry)?,
                Some(entry) => {
                    node.put(rank, entry);
                    None
                }
                None => None,
            };
            left = self.summary(parent);
        }
        if let (Some(left), Some(right)) = (left, new) {
            let top = self.nodes.take()?;
            if let Some(node) = self.nodes.get_mut(top) {
                node.put(0, left);
                node.put(1, right);
            }
            (self.root, self.height) = (top, self.height.saturating_add(1));
        }
        Ok(())
    }

    /// Takes the entry under a key out. Its place stays as room for another.
    #[inline]
    pub(super) fn remove(&mut self, key: u64) -> Option<u64> {
        let at = self.leaf_of(key);
        let last = self.last.get();
        let leaf = self.nodes.get_mut(at)?;
        let rank = leaf.rank_near(last, key).checked_sub(1)?;
        if leaf.key(rank) != key {
            return None;
        }
        self.remove_at(Place { leaf: at, rank }, key)
    }

    /// The entry with the greatest key at or below `key`, and its place.
    #[inline(always)]
    pub(super) fn floor_place(&self, key: u64) -> Option<(Place, u64, Item)> {
        let at = self.leaf_of(key);
        let leaf = self.nodes.get(at)?;
        let rank = leaf.rank_near(self.last.get(), key).checked_sub(1)?;
        let (first, item) = leaf.entry(rank)?;
        Some((Place { leaf: at, rank }, first, item))
    }

    /// Takes the entry with a key out of the place where it is.
    #[inline(always)]
    pub(super) fn remove_at(&mut self, place: Place, key: u64) -> Option<u64> {
        let Place { leaf: at, rank } = place;
        let leaf = self.nodes.get_mut(at)?;
        debug_assert!(rank < leaf.len() && leaf.key(rank) == key, "an entry is taken out of where it is not");
        if self.height > 0 && (rank == 0 || leaf.len() <= FEW.wrapping_add(1)) {
            return self.remove_slowly(at, rank, key);
        }
        let gone = leaf.take(rank);
        self.last.set(rank);
        self.gap.note_taken(key, rank);
        self.leave_untold(at, key);
        gone
    }

    /// Whether nothing is in it.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.height == 0 && self.nodes.get(self.root).is_none_or(|leaf| leaf.len() == 0)
    }

    /// The rest of [`Index::remove`]: the first key of a leaf among others becomes another, or few are left in it.
    #[inline(never)]
    fn remove_slowly(&mut self, at: u32, rank: u32, key: u64) -> Option<u64> {
        self.tell();
        self.gap.forget();
        self.near.set(Near::NONE);
        let gone = self.nodes.get_mut(at)?.take(rank);
        self.tidy(key);
        gone
    }

    /// After a removal: nodes that are empty go, those with few entries join a neighbour, and what is above is told.
    #[inline(never)]
    fn tidy(&mut self, key: u64) {
        let path = self.path_to(key);
        for &(parent, rank) in path.0.iter().take(self.height as usize) {
            self.tidy_child(parent, rank);
        }
        while self.height > 0 {
            let Some(top) = self.nodes.get_mut(self.root) else { return };
            if top.len() > 1 {
                return;
            }
            let (root, only) = (self.root, top.take(0));
            self.nodes.give(root);
            self.root = only.map_or(NIL, |only| only as u32);
            self.height = if only.is_some() { self.height.wrapping_sub(1) } else { 0 };
        }
    }

    fn tidy_child(&mut self, parent: u32, rank: u32) {
        let Some(above) = self.nodes.get(parent) else { return };
        let size = |at| self.nodes.get(at).map_or(0, Node::len);
        let at = above.at(rank);
        let few = size(at);
        if few == 0 {
            if let Some(above) = self.nodes.get_mut(parent) {
                above.take(rank);
            }
            return self.nodes.give(at);
        }
        let beside = |rank| {
            let other = above.at(rank);
            (other != NIL && few <= FEW && few.wrapping_add(size(other)) <= JOINED).then_some(other)
        };
        let (into, from, rank) = match (beside(rank.wrapping_add(1)), rank.checked_sub(1).and_then(beside)) {
            (Some(right), _) => (at, right, rank),
            (None, Some(left)) => (left, at, rank.wrapping_sub(1)),
            (None, None) => return self.set(parent, rank, self.summary(at)),
        };
        self.nodes.merge(into, from);
        if let Some(above) = self.nodes.get_mut(parent) {
            above.take(rank.wrapping_add(1));
        }
        self.set(parent, rank, self.summary(into));
    }

    /// Gives a key that there is another extent and word.
    pub(super) fn change(&mut self, key: u64, item: Item) {
        self.gap.forget();
        let leaf = self.leaf_of(key);
        let Some(leaf) = self.nodes.get_mut(leaf) else { return };
        if let Some(rank) = leaf.find(key) {
            leaf.set(rank, (key, item));
        }
        self.tell_above(key);
    }

    /// Tells the nodes above the leaf of a key what that leaf has become, as far up as it makes a difference.
    fn tell_above(&mut self, key: u64) {
        if self.height == 0 {
            return;
        }
        let path = self.path_to(key);
        for &(parent, rank) in path.0.iter().take(self.height as usize) {
            let known = self.nodes.get(parent).and_then(|node| node.entry(rank));
            let now = known.and_then(|(_, item)| self.summary(item.at as u32));
            if now == known {
                return;
            }
            self.set(parent, rank, now);
        }
    }

    fn summary(&self, at: u32) -> Option<(u64, Item)> {
        self.nodes.get(at)?.summary(at)
    }

    fn set(&mut self, parent: u32, rank: u32, now: Option<(u64, Item)>) {
        if let (Some(node), Some(now)) = (self.nodes.get_mut(parent), now) {
            node.set(rank, now);
        }
    }

    /// The gap that a point is in, or the one that begins where the extent around it ends: where it starts, not before
    /// the point, and the place that ends it.
    pub(super) fn gap_at(&self, from: u64) -> (u64, Place) {
        let at = self.leaf_of(from);
        let Some(leaf) = self.nodes.get(at) else { return (from, Place::NONE) };
        let rank = leaf.rank_near(self.last.get(), from);
        self.last.set(rank);
        let before = rank.checked_sub(1);
        let start = before.and_then(|rank| leaf.end(rank)).map_or(from, |end| end.max(from));
        let next = Place { leaf: at, rank };
        match before {
            Some(rank) if next.rank == leaf.len() => (start, self.after(Place { leaf: at, rank })),
            _ => (start, next),
        }
    }

    /// The first gap of at least `need` after the extent at a place: where it starts, and the place that
    /// ends it. What follows the last extent counts, whatever its size; `None` only if nothing is at that place.
    pub(super) fn gap_after(&self, place: Place, need: u64) -> Option<(u64, Place)> {
        let (key, item) = self.entry(place)?;
        let mut reached = item.end;
        let mut from = (0, place.leaf, place.rank.wrapping_add(1));
        let path = if self.height > 0 { Some(self.path_to(key)) } else { None };
        let mut above = path.iter().flat_map(|path| path.0.iter().take(self.height as usize)).zip(1..);
        loop {
            match self.gap_below(from, reached, need) {
                Ok((start, end)) => {
                    self.last.set(end.rank);
                    return Some((start, end));
                }
                Err(further) => reached = further,
            }
            // Upward, at each level through what follows there.
            let Some((&(node, rank), level)) = above.next() else {
                self.last.set(self.nodes.get(place.leaf).map_or(0, Node::len));
                return Some((reached, Place::NONE));
            };
            from = (level, node, rank.wrapping_add(1));
        }
    }

    /// The first gap of at least `need` in a node of height `level`, from a rank on, if what comes before it ends at
    /// `reached`; or where the last extent ends. Through the node first, then down, where there is one.
    fn gap_below(
        &self,
        (mut level, mut at, mut rank): (u32, u32, u32),
        mut reached: u64,
        need: u64,
    ) -> Result<(u64, Place), u64> {
        while let Some((key, item)) = self.nodes.get(at).and_then(|node| node.entry(rank)) {
            if key.saturating_sub(reached) >= need {
                let place = if level == 0 {
                    Place { leaf: at, rank }
                } else {
                    self.leftmost(item.at as u32, level - 1)
                };
                return Ok((reached, place));
            }
            if item.gap >= need {
                // Its first extent begins at `key`, and no gap is before that.
                (level, at, rank, reached) = (level.saturating_sub(1), item.at as u32, 0, key);
            } else {
                (reached, rank) = (item.end, rank.wrapping_add(1));
            }
        }
        Err(reached)
    }
}
