//! Disjoint intervals in order of address, and the questions that a binary search answers.

use abi::{PhysAddr, PhysRange};
use alloc::vec::Vec;

use crate::sort;

/// Disjoint ranges with a tag each, sorted by address.
#[derive(Debug, Default)]
pub(crate) struct Intervals<T> {
    ranges: Vec<(PhysRange, T)>,
}

impl<T: Copy> Intervals<T> {
    /// Makes ranges disjoint. Where two overlap the common bytes stay with the one that starts first (of
    /// two that start together, the longer one).
    pub(crate) fn new(mut ranges: Vec<(PhysRange, T)>) -> Self {
        sort::by_key(&mut ranges, |(range, _)| (range.base(), core::cmp::Reverse(range.last())));
        let mut taken: Option<PhysAddr> = None;
        ranges.retain_mut(|(range, _)| {
            let free = match taken {
                None => Some(*range),
                Some(last) if last < range.base() => Some(*range),
                Some(last) => last.checked_add(1).and_then(|next| PhysRange::from_bounds(next, range.last())),
            };
            if let Some(free) = free {
                taken = Some(free.last());
                *range = free;
            }
            free.is_some()
        });
        Self { ranges }
    }

    /// The first interval that shares a byte with `range`.
    pub(crate) fn first_overlap(&self, range: PhysRange) -> Option<&(PhysRange, T)> {
        let at = self.ranges.partition_point(|(interval, _)| interval.last() < range.base());
        self.ranges.get(at).filter(|(interval, _)| interval.overlaps(range))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &(PhysRange, T)> {
        self.ranges.iter()
    }
}

impl Intervals<()> {
    /// Joins intervals that touch, so that "wholly inside" is a question to one of them.
    pub(crate) fn joined(mut self) -> Self {
        self.ranges.dedup_by(|(next, ()), (kept, ())| {
            let touches = kept.last().checked_add(1) == Some(next.base());
            if touches && let Some(whole) = PhysRange::from_bounds(kept.base(), next.last()) {
                *kept = whole;
            }
            touches
        });
        self
    }

    /// Whether every byte of `range` lies in one interval.
    pub(crate) fn covers(&self, range: PhysRange) -> bool {
        self.first_overlap(range).is_some_and(|(interval, ())| interval.contains(range))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec;

    extern crate std;

    fn range(base: u64, size: u64) -> PhysRange {
        PhysRange::new(PhysAddr(base), size).unwrap()
    }

    #[test]
    fn overlaps_go_to_the_first() {
        let all = vec![(range(0x10, 0x10), 1), (range(0, 0x18), 2), (range(0x12, 2), 3), (range(0, 4), 4)];
        let intervals = Intervals::new(all);
        let listed: Vec<_> = intervals.iter().copied().collect();
        assert_eq!(listed, [(range(0, 0x18), 2), (range(0x18, 8), 1)]);
        assert_eq!(intervals.first_overlap(range(0x17, 2)), Some(&(range(0, 0x18), 2)));
        assert_eq!(intervals.first_overlap(range(0x20, 1)), None);
    }

    #[test]
    fn the_last_byte_of_the_address_space_counts() {
        let intervals = Intervals::new(vec![(range(u64::MAX, 1), ()), (range(u64::MAX - 1, 2), ())]);
        assert!(intervals.covers(range(u64::MAX, 1)));
        assert_eq!(intervals.iter().count(), 1);
    }

    #[test]
    fn touching_intervals_cover_together() {
        let intervals = Intervals::new(vec![(range(0x1000, 0x1000), ()), (range(0x2000, 0x1000), ())]);
        assert!(!intervals.covers(range(0x1800, 0x1000)));
        assert!(intervals.joined().covers(range(0x1800, 0x1000)));
    }

    proptest! {
        #[test]
        fn the_same_bytes_are_covered(all in proptest::collection::vec((0u64..64, 1u64..16), 0..12)) {
            let ranges: Vec<_> = all.iter().map(|(base, size)| (range(*base, *size), ())).collect();
            let intervals = Intervals::new(ranges.clone()).joined();
            for byte in 0..96 {
                let covered = ranges.iter().any(|(range, ())| range.contains_addr(PhysAddr(byte)));
                prop_assert_eq!(intervals.covers(range(byte, 1)), covered);
                prop_assert_eq!(intervals.first_overlap(range(byte, 1)).is_some(), covered);
            }
            let mut last = None;
            for (range, ()) in intervals.iter() {
                prop_assert!(last < Some(range.base()));
                last = Some(range.last());
            }
        }
    }
}
