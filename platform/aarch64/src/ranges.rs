//! Lists of physical ranges, for the one question: which RAM may be used?
use alloc::vec::Vec;

use abi::{PAGE_SIZE, PhysAddr, PhysRange};

/// The heap could not hold a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory;

/// The whole pages inside a range, if there are any.
pub fn shrink_to_pages(range: PhysRange) -> Option<PhysRange> {
    let base = range.base().checked_add(PAGE_SIZE - 1)?.page_down();
    // The byte after the last whole page; a range that ends at 2^64 wraps to 0, whose predecessor is right.
    let end = range.last().0.wrapping_add(1) & !(PAGE_SIZE - 1);
    PhysRange::from_bounds(base, PhysAddr(end.wrapping_sub(1)))
}

/// The pages of `ranges` without those that `holes` touch: sorted, disjoint, touching ones merged.
///
/// It sorts both and walks them once: a tree may list many thousands of either.
///
/// # Errors
/// If the heap cannot hold the result.
pub fn subtract(ranges: &[PhysRange], holes: &[PhysRange]) -> Result<Vec<PhysRange>, OutOfMemory> {
    let ranges = merge(ranges.iter().filter_map(|range| shrink_to_pages(*range)))?;
    let holes = merge(holes.iter().map(|hole| hole.expand_to_pages()))?;
    let mut holes = holes.as_slice();
    let mut left = Vec::new();
    for range in ranges {
        let mut rest = Some(range);
        while let (Some(range), Some((hole, later))) = (rest, holes.split_first()) {
            if hole.last() < range.base() {
                holes = later;
                continue;
            }
            if !hole.overlaps(range) {
                break;
            }
            let before = hole.base().0.checked_sub(1).map(PhysAddr);
            if let Some(before) = before.and_then(|last| PhysRange::from_bounds(range.base(), last)) {
                push(&mut left, before)?;
            }
            rest = hole.last().checked_add(1).and_then(|base| PhysRange::from_bounds(base, range.last()));
        }
        if let Some(range) = rest {
            push(&mut left, range)?;
        }
    }
    Ok(left)
}

/// Sorts ranges and merges those that touch.
fn merge(ranges: impl Iterator<Item = PhysRange>) -> Result<Vec<PhysRange>, OutOfMemory> {
    let mut sorted = Vec::new();
    for range in ranges {
        push(&mut sorted, range)?;
    }
    sorted.sort_unstable();
    let mut merged: Vec<PhysRange> = Vec::new();
    for range in sorted {
        match merged.last_mut() {
            Some(last) if last.last().0.saturating_add(1) >= range.base().0 => {
                let end = last.last().max(range.last());
                *last = PhysRange::from_bounds(last.base(), end).unwrap_or(*last);
            }
            _ => push(&mut merged, range)?,
        }
    }
    Ok(merged)
}

/// Appends to a list.
///
/// # Errors
/// If the heap cannot hold it.
pub fn push(list: &mut Vec<PhysRange>, range: PhysRange) -> Result<(), OutOfMemory> {
    list.try_reserve(1).map_err(|_| OutOfMemory)?;
    list.push(range);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(base: u64, size: u64) -> PhysRange {
        PhysRange::new(PhysAddr(base), size).unwrap()
    }

    #[test]
    fn ram_shrinks_to_pages_and_holes_grow_to_them() {
        let ram = [range(0x4000_0800, 0x10000)];
        let left = subtract(&ram, &[range(0x4000_5fff, 2)]).unwrap();
        assert_eq!(left, [range(0x4000_1000, 0x4000), range(0x4000_7000, 0x9000)]);
    }

    #[test]
    fn banks_are_sorted_and_merged() {
        let ram =
            [range(0x8000, 0x1000), range(0x1000, 0x1000), range(0x2000, 0x2000), range(0x1000, 0x1000)];
        assert_eq!(subtract(&ram, &[]).unwrap(), [range(0x1000, 0x3000), range(0x8000, 0x1000)]);
    }

    #[test]
    fn a_hole_may_cover_everything_or_nothing() {
        let ram = [range(0x1000, 0x1000)];
        assert_eq!(subtract(&ram, &[range(0, 0x10000)]).unwrap(), []);
        assert_eq!(subtract(&ram, &[range(0, 0x1000), range(0x2000, 1)]).unwrap(), ram);
    }

    #[test]
    fn many_holes_in_many_ranges() {
        // Pages 1 to 3 of every four, without page 2, and a hole that reaches from one range into the next.
        let ram: Vec<_> = (0..50).rev().map(|four| range(four * 0x4000 + 0x1000, 0x3000)).collect();
        let mut holes: Vec<_> = (0..50).map(|four| range(four * 0x4000 + 0x2800, 1)).collect();
        holes.push(range(0x3000, 0x3000));
        let left = subtract(&ram, &holes).unwrap();
        assert_eq!(left.len(), 98);
        assert_eq!(left[..3], [range(0x1000, 0x1000), range(0x7000, 0x1000), range(0x9000, 0x1000)]);
        let whole = |page: u64| {
            let inside =
                |list: &[PhysRange]| list.iter().any(|range| range.contains_addr(PhysAddr(page << 12)));
            let touched = holes.iter().any(|hole| hole.expand_to_pages().contains_addr(PhysAddr(page << 12)));
            inside(&left) == (inside(&ram) && !touched)
        };
        assert!((0..210).all(whole));
    }

    #[test]
    fn the_ends_of_the_address_space_do_not_wrap() {
        let top = range(u64::MAX - 0x1fff, 0x2000);
        assert_eq!(subtract(&[top], &[range(u64::MAX, 1)]).unwrap(), [range(u64::MAX - 0x1fff, 0x1000)]);
        assert_eq!(subtract(&[range(0, 0x2000)], &[range(0, 1)]).unwrap(), [range(0x1000, 0x1000)]);
        assert_eq!(shrink_to_pages(range(u64::MAX - 1, 2)), None);
    }
}
