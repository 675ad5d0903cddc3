//! Extents, and the search for room between them.

use super::{NIL, Side, Summary, Tree};

/// Gaps that [`ExtentTree::find_gap`] tries which are long enough but may not fit once aligned. Each costs
/// O(log n). After them it considers only gaps that fit whatever their alignment, so that a program cannot
/// make the search long by leaving many misaligned gaps.
pub const PROBES: u32 = 32;

/// A value that covers `[key, key + length)`.
pub trait Extent {
    /// The bytes covered; at least 1.
    fn length(&self) -> u64;
}

/// A subtree of extents, seen from above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Where the first extent starts.
    first: u64,
    /// Where the last extent ends.
    end: u64,
    /// The largest gap between two neighbours.
    gap: u64,
}

impl<V: Extent> Summary<V> for Span {
    fn of(key: u64, value: &V, left: Option<Self>, right: Option<Self>) -> Self {
        let mut span = Self { first: key, end: end(key, value), gap: 0 };
        if let Some(left) = left {
            span.gap = left.gap.max(key.saturating_sub(left.end));
            span.first = left.first;
        }
        if let Some(right) = right {
            span.gap = span.gap.max(right.gap).max(right.first.saturating_sub(span.end));
            span.end = right.end;
        }
        span
    }
}

/// The end of an extent. One that reaches 2^64 counts as ending a byte before.
fn end<V: Extent>(key: u64, value: &V) -> u64 {
    key.saturating_add(value.length())
}

/// A map of extents that do not overlap. That they do not is for the caller to check, with
/// [`first_overlap`](Self::first_overlap); where they do, gaps may be missed, never invented.
pub type ExtentTree<V> = Tree<V, Span>;

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
    pub fn find_gap(&self, request: &GapRequest) -> Option<u64> {
        if request.length == 0 || !request.align.is_power_of_two() {
            return None;
        }
        let hint = request.hint.max(request.from);
        self.search(request, hint)
            .or_else(|| if hint == request.from { None } else { self.search(request, request.from) })
    }

    /// The extent that holds the point `at`.
    pub fn containing(&self, at: u64) -> Option<(u64, &V)> {
        self.floor(at).filter(|(key, value)| end(*key, *value) > at)
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
        let at = self.find(key);
        let result = change(self.node_mut(at)?.value.as_mut()?);
        self.retrace(at);
        Some(result)
    }

    fn search(&self, request: &GapRequest, from: u64) -> Option<u64> {
        let before = self.floor_index(from);
        let (mut start, mut next) = match self.entry(before) {
            Some((key, value)) => (end(key, value).max(from), self.successor(before)),
            None => (from, self.extreme(self.root, Side::Left)),
        };
        let mut need = request.length;
        let mut probes = 0;
        loop {
            let bound = self.node(next).map_or(u64::MAX, |node| node.key);
            if let Some(place) = request.place(start, bound.min(request.to)) {
                return Some(place);
            }
            if bound >= request.to {
                return None;
            }
            probes += 1;
            if probes == PROBES {
                need = need.saturating_add(request.align.wrapping_sub(1));
            }
            (start, next) = self.gap_after(next, need)?;
        }
    }

    /// The first gap of at least `need` after the extent in node `at`: where it starts, and the node that
    /// ends it. What follows the last extent counts, whatever its size; `None` only if there is no `at`.
    fn gap_after(&self, mut at: u32, need: u64) -> Option<(u64, u32)> {
        let node = self.node(at)?;
        let mut reached = end(node.key, node.value.as_ref()?);
        // Everything at or before `at` is behind us. First its right side, then upward, each time past an
        // entry that this subtree precedes and into the right side of that entry.
        loop {
            let right = self.child(at, Side::Right);
            if let Some(node) = self.node(right) {
                if node.summary.first.saturating_sub(reached) >= need {
                    return Some((reached, self.extreme(right, Side::Left)));
                }
                if node.summary.gap >= need {
                    return self.leftmost_gap(right, need);
                }
                reached = node.summary.end;
            }
            let above = loop {
                let parent = self.parent(at);
                if parent == NIL || self.child(parent, Side::Left) == at {
                    break parent;
                }
                at = parent;
            };
            let Some(node) = self.node(above) else { return Some((reached, NIL)) };
            if node.key.saturating_sub(reached) >= need {
                return Some((reached, above));
            }
            reached = end(node.key, node.value.as_ref()?);
            at = above;
        }
    }

    /// The first gap of at least `need` inside a subtree that has one.
    fn leftmost_gap(&self, mut at: u32, need: u64) -> Option<(u64, u32)> {
        loop {
            let node = self.node(at)?;
            if let Some(left) = self.node(node.left) {
                if left.summary.gap >= need {
                    at = node.left;
                    continue;
                }
                if node.key.saturating_sub(left.summary.end) >= need {
                    return Some((left.summary.end, at));
                }
            }
            let reached = end(node.key, node.value.as_ref()?);
            let right = self.node(node.right)?;
            if right.summary.first.saturating_sub(reached) >= need {
                return Some((reached, self.extreme(node.right, Side::Left)));
            }
            at = node.right;
        }
    }
}
