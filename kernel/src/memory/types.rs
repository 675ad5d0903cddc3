//! The ledger of memory types: every physical page mapped outside the direct map has one type.
//!
//! The architecture leaves mismatched aliases to fate (Arm ARM B2.16); here the second type is refused.
use abi::vmo::CachePolicy;
use abi::{PAGE_SIZE, PhysAddr, PhysRange, Status, status::Result};

use crate::collections::Tree;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Segment {
    last: u64,
    policy: CachePolicy,
    mappings: u32,
}

/// Which physical pages are mapped, how often and with which type.
///
/// Segments are disjoint and cover exactly what is mapped at least once, but for one that may be idle: nothing of it is
/// mapped any more. It keeps its place, since a window that was just unmapped is often mapped again, and is gone
/// as soon as anything else is done.
#[derive(Debug, Default)]
pub struct MemoryTypes {
    /// By first address. What [`MemoryTypes::recent`] says of one of them is newer.
    segments: Tree<Segment>,
    /// The segment that was added or forgotten last as a whole, and where it starts: a window that comes and goes is
    /// counted here and not looked for. It alone may be idle.
    recent: Option<(u64, Segment)>,
}

/// The recent segment, which is just the range that was asked for.
#[derive(Debug)]
pub struct Recent<'a>(&'a mut Segment);

impl Recent<'_> {
    /// Whether another mapping may have this type.
    #[inline(always)]
    pub fn takes(&self, policy: CachePolicy) -> bool {
        self.0.policy == policy || self.0.mappings == 0
    }

    /// Whether any of it is mapped.
    #[inline(always)]
    pub const fn is_mapped(&self) -> bool {
        self.0.mappings > 0
    }

    /// Records one more mapping, of a type that it [takes](Self::takes).
    #[inline(always)]
    pub fn add(self, policy: CachePolicy) {
        self.0.policy = policy;
        // Each mapping has a record of its own: memory is at an end long before the count is.
        self.0.mappings = self.0.mappings.wrapping_add(1);
    }

    /// Forgets one mapping of it. There must be one.
    #[inline(always)]
    pub fn remove(self) {
        self.0.mappings = self.0.mappings.saturating_sub(1);
    }
}

impl MemoryTypes {
    /// The range, if it is the recent segment: what is recorded there needs no memory.
    #[inline(always)]
    pub fn at_hand(&mut self, range: PhysRange) -> Option<Recent<'_>> {
        let is_it = |base: u64, segment: &Segment| (base, segment.last) == (range.base().0, range.last().0);
        self.recent
            .as_mut()
            .filter(|(base, segment)| is_it(*base, segment))
            .map(|(_, segment)| Recent(segment))
    }

    /// Records one more mapping of `range`.
    ///
    /// # Errors
    /// `BAD_STATE` if a page of it is mapped with another type; `NO_MEMORY`. Nothing changed.
    #[inline(always)]
    pub fn add(&mut self, range: PhysRange, policy: CachePolicy) -> Result {
        match self.at_hand(range).filter(|recent| recent.takes(policy)) {
            Some(recent) => {
                recent.add(policy);
                Ok(())
            }
            None => self.add_elsewhere(range.base().0, range.last().0, policy),
        }
    }

    /// The rest of [`MemoryTypes::add`]: it is not the recent segment once more.
    #[inline(never)]
    fn add_elsewhere(&mut self, base: u64, last: u64, policy: CachePolicy) -> Result {
        self.settle();
        // Where nothing is mapped, as nearly always, there is one new segment.
        if self.segments.floor(last).is_none_or(|(_, segment)| segment.last < base) {
            let segment = Segment { last, policy, mappings: 1 };
            self.put(base, segment)?;
            self.recent = Some((base, segment));
            return Ok(());
        }
        let mut overlaps = 0;
        let mut at = self.first_from(base);
        while let Some((key, segment)) = at.filter(|(key, _)| *key <= last) {
            if segment.policy != policy {
                return Err(Status::BAD_STATE);
            }
            overlaps += 1;
            at = self.segments.next_after(key).map(|(key, segment)| (key, *segment));
        }
        // Two cuts, a piece for the gap before each segment, and one for the rest.
        self.segments.reserve(overlaps + 3).map_err(Status::from)?;
        self.cut(base)?;
        if let Some(after) = last.checked_add(1) {
            self.cut(after)?;
        }
        let mut from = base;
        loop {
            let next = self.segments.ceiling(from).map(|(key, segment)| (key, *segment));
            match next.filter(|(key, _)| *key <= last) {
                Some((key, segment)) => {
                    if from < key {
                        self.put(from, Segment { last: key - 1, policy, mappings: 1 })?;
                    }
                    self.put(key, Segment { mappings: segment.mappings + 1, ..segment })?;
                    match segment.last.checked_add(1).filter(|next| *next <= last) {
                        Some(next) => from = next,
                        None => return Ok(()),
                    }
                }
                None => return self.put(from, Segment { last, policy, mappings: 1 }),
            }
        }
    }

    /// Forgets one mapping of `range`, which was added as a whole or in parts.
    ///
    /// # Errors
    /// `NO_MEMORY` if the range must be cut out of a larger one; nothing changed. The range of one `add`,
    /// and one between earlier cuts, needs no cut and never fails.
    #[inline(always)]
    pub fn remove(&mut self, range: PhysRange) -> Result {
        match self.at_hand(range).filter(Recent::is_mapped) {
            Some(recent) => {
                recent.remove();
                Ok(())
            }
            None => self.remove_elsewhere(range.base().0, range.last().0),
        }
    }

    /// The rest of [`MemoryTypes::remove`]: it is not the recent segment.
    #[inline(never)]
    fn remove_elsewhere(&mut self, base: u64, last: u64) -> Result {
        self.settle();
        if let Some(&segment) = self.segments.get(base)
            && segment.last == last
            && let Some(mappings) = segment.mappings.checked_sub(1)
        {
            self.recent = Some((base, Segment { mappings, ..segment }));
            return Ok(());
        }
        let after = last.checked_add(1);
        let cuts = [Some(base), after].into_iter().flatten().filter(|&at| self.lies_within(at).is_some());
        let cuts = cuts.count();
        self.segments.reserve(cuts).map_err(Status::from)?;
        self.cut(base)?;
        if let Some(after) = after {
            self.cut(after)?;
        }
        let mut at = self.segments.ceiling(base).map(|(key, segment)| (key, *segment));
        while let Some((key, segment)) = at.filter(|(key, _)| *key <= last) {
            if segment.mappings > 1 {
                self.put(key, Segment { mappings: segment.mappings - 1, ..segment })?;
            } else {
                self.segments.remove(key);
            }
            at = self.segments.next_after(key).map(|(key, segment)| (key, *segment));
        }
        Ok(())
    }

    /// Makes sure that the next [`MemoryTypes::remove`] cannot fail, however it cuts, or the next two
    /// splits.
    ///
    /// # Errors
    /// `NO_MEMORY`; nothing changed.
    pub fn reserve_removal(&mut self) -> Result {
        self.segments.reserve(2).map_err(Status::from)
    }

    /// Makes sure that [`MemoryTypes::add`] succeeds once other mappings are forgotten, which show `replaced` pages of the
    /// range with another type and may have to be [split](MemoryTypes::split) twice before.
    ///
    /// # Errors
    /// `BAD_STATE` if a page of it would be mapped with another type still; `NO_MEMORY`. Nothing changed.
    pub(crate) fn reserve_instead(&mut self, range: PhysRange, policy: CachePolicy, replaced: u64) -> Result {
        self.settle();
        let (base, last) = (range.base().0, range.last().0);
        let (mut overlaps, mut others) = (0, 0_u64);
        let mut at = self.first_from(base);
        while let Some((key, segment)) = at.filter(|(key, _)| *key <= last) {
            if segment.policy != policy {
                let pages = (segment.last.min(last) - key.max(base)) / PAGE_SIZE + 1;
                others = others.saturating_add(pages.saturating_mul(segment.mappings.into()));
            }
            overlaps += 1;
            at = self.segments.next_after(key).map(|(key, segment)| (key, *segment));
        }
        // They are among the others, so that as many are the same.
        if others != replaced {
            return Err(Status::BAD_STATE);
        }
        // Two splits, which may be two segments more, and what an `add` needs.
        self.segments.reserve(overlaps + 7).map_err(Status::from)
    }

    /// What is mapped, in order: where, with which type, how often.
    pub(crate) fn segments(&self) -> impl Iterator<Item = (PhysRange, CachePolicy, u32)> {
        let newest = |base, segment: &Segment| match self.recent {
            Some((at, recent)) if at == base => recent,
            _ => *segment,
        };
        self.segments.iter().filter_map(move |(base, segment)| {
            let Segment { last, policy, mappings } = newest(base, segment);
            let range = PhysRange::from_bounds(PhysAddr(base), PhysAddr(last))?;
            (mappings > 0).then_some((range, policy, mappings))
        })
    }

    /// Makes an address the start of a segment, so that what is mapped before and after it can be forgotten
    /// apart. A place must have been reserved.
    ///
    /// # Errors
    /// `NO_MEMORY` otherwise; nothing changed.
    pub(crate) fn split(&mut self, at: PhysAddr) -> Result {
        self.settle();
        self.cut(at.0)
    }

    /// Puts what is known of the recent segment where it belongs. It needs no memory.
    fn settle(&mut self) {
        let Some((base, recent)) = self.recent.take() else { return };
        if recent.mappings == 0 {
            self.segments.remove(base);
        } else if let Some(segment) = self.segments.get_mut(base) {
            *segment = recent;
        }
    }

    fn first_from(&self, base: u64) -> Option<(u64, Segment)> {
        let floor = self.segments.floor(base).filter(|(_, segment)| segment.last >= base);
        floor.or_else(|| self.segments.ceiling(base)).map(|(key, segment)| (key, *segment))
    }

    /// Makes `at` the start of a segment, if it lies within one.
    fn cut(&mut self, at: u64) -> Result {
        if let Some((key, segment)) = self.lies_within(at) {
            self.put(at, segment)?;
            self.put(key, Segment { last: at - 1, ..segment })?;
        }
        Ok(())
    }

    /// The segment that has `at` in it, but not as its first address.
    fn lies_within(&self, at: u64) -> Option<(u64, Segment)> {
        let (key, segment) = self.segments.floor(at)?;
        (key < at && at <= segment.last).then_some((key, *segment))
    }

    fn put(&mut self, key: u64, segment: Segment) -> Result {
        self.segments.try_insert(key, segment).map(|_| ()).map_err(Status::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn range(page: u64, pages: u64) -> PhysRange {
        PhysRange::new(PhysAddr(page * 0x1000), pages * 0x1000).unwrap()
    }

    #[test]
    fn a_second_type_is_refused_and_changes_nothing() {
        let mut types = MemoryTypes::default();
        types.add(range(4, 4), CachePolicy::UncachedDevice).unwrap();
        assert_eq!(types.add(range(0, 5), CachePolicy::Cached), Err(Status::BAD_STATE));
        types.add(range(0, 4), CachePolicy::Cached).unwrap();
        types.remove(range(4, 4)).unwrap();
        types.add(range(4, 4), CachePolicy::Cached).unwrap();
    }

    #[test]
    fn what_was_just_unmapped_binds_nobody() {
        let mut types = MemoryTypes::default();
        types.add(range(0, 4), CachePolicy::Cached).unwrap();
        types.remove(range(0, 4)).unwrap();
        assert_eq!(types.segments().count(), 0);
        types.add(range(0, 4), CachePolicy::UncachedDevice).unwrap();
        assert_eq!(types.add(range(3, 1), CachePolicy::Cached), Err(Status::BAD_STATE));
        types.remove(range(0, 4)).unwrap();
        types.add(range(3, 2), CachePolicy::Cached).unwrap();
        assert_eq!(types.segments().map(|(range, ..)| range.base()).collect::<Vec<_>>(), [PhysAddr(0x3000)]);
    }

    #[test]
    fn counts_and_types_agree_with_a_page_map() {
        let mut types = MemoryTypes::default();
        let mut model: HashMap<u64, (u32, CachePolicy)> = HashMap::new();
        let mut live = Vec::new();
        let mut seed = 1_u64;
        let mut random = |bound: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % bound
        };
        for _ in 0..if cfg!(miri) { 6 } else { 4000 } {
            if live.len() < 20 && random(2) == 0 {
                // Often the same one once more, which is counted without a search.
                let again = live.last().copied().filter(|_| random(3) == 0);
                let new = again.unwrap_or_else(|| (random(40), 1 + random(10)));
                let policy = if random(4) == 0 { CachePolicy::UncachedDevice } else { CachePolicy::Cached };
                let pages = new.0..new.0 + new.1;
                let fits =
                    pages.clone().all(|page| model.get(&page).is_none_or(|it| it.0 == 0 || it.1 == policy));
                let expected = if fits { Ok(()) } else { Err(Status::BAD_STATE) };
                assert_eq!(types.add(range(new.0, new.1), policy), expected);
                if fits {
                    pages.for_each(|page| model.entry(page).or_insert((0, policy)).0 += 1);
                    live.push(new);
                }
            } else if !live.is_empty() {
                let old = live.swap_remove(random(live.len() as u64) as usize);
                types.remove(range(old.0, old.1)).unwrap();
                for page in old.0..old.0 + old.1 {
                    match model.get_mut(&page).unwrap() {
                        (1, _) => _ = model.remove(&page),
                        (count, _) => *count -= 1,
                    }
                }
            }
            for page in 0..50 {
                let address = PhysAddr(page * 0x1000);
                let mut found = types.segments().filter(|(range, ..)| range.contains_addr(address));
                let found = (found.next().map(|(_, policy, count)| (count, policy)), found.count());
                assert_eq!(found, (model.get(&page).copied(), 0), "page {page}");
            }
        }
    }
}
