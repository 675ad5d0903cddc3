//! Extents, and the search for room between them.

use super::node::Item;
use super::{Kind, Tree};

/// Gaps that [`ExtentTree::find_gap`] tries which are long enough but may not fit once aligned. Each costs
/// O(log n). After them it considers only gaps that fit whatever their alignment, so that a program cannot
/// make the search long by leaving many misaligned gaps.
pub const PROBES: u32 = 32;

/// A value that covers `[key, key + length)`.
pub trait Extent {
    /// The bytes covered; at least 1.
    fn length(&self) -> u64;
}

/// Keys with values that have a [length](Extent).
#[derive(Clone, Copy, Debug)]
pub enum Extents {}

impl<V: Extent> Kind<V> for Extents {
    /// An extent that reaches 2^64 counts as ending a byte before.
    #[inline(always)]
    fn end(key: u64, value: &V) -> u64 {
        key.saturating_add(value.length())
    }
}

/// A map of extents that do not overlap. That they do not is for the caller to check, with
/// [`first_overlap`](Self::first_overlap); where they do, gaps may be missed, never invented.
pub type ExtentTree<V> = Tree<V, Extents>;

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

impl<V: Extent> ExtentTree<V> {
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

    /// Puts a value under a key if nothing overlaps its extent and if that takes no more than a look at one leaf; whether
    /// it did. If it did not, that says nothing: [`Tree::try_insert`] knows.
    #[inline(always)]
    pub fn put_free(&mut self, key: u64, value: V) -> bool {
        let item = Item { end: Extents::end(key, &value), gap: 0, at: self.values.next() };
        let is_put = self.values.has_room() && self.index.insert_free(key, item);
        if is_put {
            self.values.put(value);
        }
        is_put
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
    pub fn containing(&self, at: u64) -> Option<(u64, &V)> {
        let (key, item) = self.index.floor(at)?;
        if item.end > at { Some((key, self.values.get(item.at)?)) } else { None }
    }

    /// The first extent with a point in `[from, to)`.
    pub fn first_overlap(&self, from: u64, to: u64) -> Option<(u64, &V)> {
        if from >= to {
            return None;
        }
        self.containing(from).or_else(|| self.ceiling(from).filter(|(key, _)| *key < to))
    }

    /// Changes the value under `key`, its length if need be. `None` if there is none.
    pub fn update<T>(&mut self, key: u64, change: impl FnOnce(&mut V) -> T) -> Option<T> {
        let value = self.values.get_mut(self.index.find(key).ok()?)?;
        let before = value.length();
        let result = change(value);
        if value.length() != before {
            let end = Extents::end(key, value);
            self.index.set_end(key, end);
        }
        Some(result)
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
