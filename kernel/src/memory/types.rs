//! The ledger of memory types: every physical page mapped outside the direct map has one type.
//!
//! The architecture leaves mismatched aliases to fate (Arm ARM B2.16); here the second type is refused.
use abi::vmo::CachePolicy;
use abi::{PAGE_SIZE, PhysAddr, PhysRange, Status, status::Result};

use crate::collections::Tree;

/// The most of a window that is cleaned in one entry into the kernel, in bytes.
pub(crate) const PIECE: u64 = 64 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Segment {
    last: u64,
    policy: CachePolicy,
    mappings: u32,
}

impl Segment {
    /// Whether nothing of it is mapped, but caches may hold what was written by the last mapping: it was cached.
    const fn is_left(&self) -> bool {
        self.mappings == 0 && matches!(self.policy, CachePolicy::Cached)
    }
}

/// No segment: it ends before it begins.
const NOTHING: (u64, Segment) = (1, Segment { last: 0, policy: CachePolicy::Cached, mappings: 0 });

/// Which physical pages are mapped, how often and with which type.
///
/// Segments are disjoint and cover what is mapped at least once. What was cached and is not mapped any more is *left*: its
/// segment stays, so that leaving needs no memory, and joins others that are left, until it is mapped as cached again
/// or [taken](MemoryTypes::take_left) to be cleaned. Besides, one segment may be idle: nothing of it is mapped any more. It keeps
/// its place, since a window that was just unmapped is often mapped again, and is gone as soon as anything else is done.
#[derive(Debug)]
pub struct MemoryTypes {
    /// By first address. What [`MemoryTypes::recent`] says of one of them is newer.
    segments: Tree<Segment>,
    /// The segment that was added or forgotten last as a whole, and where it starts: a window that comes and goes is
    /// counted here and not looked for. It alone may be idle. [`NOTHING`] if that is not known: what is at hand is found
    /// by comparing its bounds, and nothing else.
    recent: (u64, Segment),
}

impl Default for MemoryTypes {
    fn default() -> Self {
        Self { segments: Tree::default(), recent: NOTHING }
    }
}

/// The recent segment, which is just the range that was asked for.
#[derive(Debug)]
pub struct Recent<'a>(&'a mut Segment);

impl Recent<'_> {
    /// Whether another mapping may have this type. If the segment is idle it may become any, but for that the caches are
    /// looked after first, elsewhere.
    #[inline(always)]
    pub fn takes(&self, policy: CachePolicy) -> bool {
        self.0.policy == policy
    }

    /// Whether any of it is mapped.
    #[inline(always)]
    pub const fn is_mapped(&self) -> bool {
        self.0.mappings > 0
    }

    /// Records one more mapping, of the type that it [takes](Self::takes).
    #[inline(always)]
    pub fn add(self) {
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
        let (base, segment) = &mut self.recent;
        if *base != range.base().0 || segment.last != range.last().0 {
            return None;
        }
        Some(Recent(segment))
    }

    /// Records one more mapping of `range`.
    ///
    /// # Errors
    /// `BAD_STATE` if a page of it is mapped with another type, or [left](MemoryTypes::take_left) by one; `NO_MEMORY`. Nothing
    /// changed.
    #[inline(always)]
    pub fn add(&mut self, range: PhysRange, policy: CachePolicy) -> Result {
        match self.at_hand(range).filter(|recent| recent.takes(policy)) {
            Some(recent) => {
                recent.add();
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
            self.recent = (base, segment);
            return Ok(());
        }
        let mut overlaps = 0;
        let mut at = self.first_from(base);
        while let Some((key, segment)) = at.filter(|(key, _)| *key <= last) {
            if segment.policy != policy {
                return Err(Status::BAD_STATE);
            }
            overlaps += 1;
            at = self.after(key);
        }
        // Two cuts, a piece for the gap before each segment, and one for the rest.
        self.segments.reserve(overlaps + 3).map_err(Status::from)?;
        self.cut_out(base, last)?;
        let mut from = base;
        loop {
            let next = self.next(from);
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
            self.recent = (base, Segment { mappings, ..segment });
            return Ok(());
        }
        self.cut_out(base, last)?;
        let mut at = self.next(base);
        while let Some((key, segment)) = at.filter(|(key, _)| *key <= last) {
            self.set(key, Segment { mappings: segment.mappings.saturating_sub(1), ..segment });
            at = self.after(key);
        }
        Ok(())
    }

    /// Forgets the first bytes of `range` that are left, at most a [`PIECE`], and gives them: what the caches hold of them must
    /// go before they are mapped by another type than cached.
    ///
    /// # Errors
    /// `NO_MEMORY` if they must be cut out of more that is left; nothing changed.
    pub(crate) fn take_left(&mut self, range: PhysRange) -> Result<Option<PhysRange>> {
        self.settle();
        let (base, last) = (range.base().0, range.last().0);
        let mut at = self.first_from(base);
        while let Some((key, segment)) = at.filter(|(key, _)| *key <= last) {
            if segment.is_left() {
                let first = key.max(base);
                let end = segment.last.min(last).min(first.saturating_add(PIECE - 1));
                self.cut_out(first, end)?;
                self.segments.remove(first);
                return Ok(PhysRange::from_bounds(PhysAddr(first), PhysAddr(end)));
            }
            at = self.after(key);
        }
        Ok(None)
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
    /// range with another type and may have to be [split](MemoryTypes::split) thrice before, and what they leave is, too.
    ///
    /// # Errors
    /// `BAD_STATE` if a page of it would be mapped with another type still, or [is left](MemoryTypes::take_left) by one already;
    /// `NO_MEMORY`. Nothing changed.
    pub(crate) fn reserve_instead(
        &mut self,
        range: PhysRange,
        policy: CachePolicy,
        replaced: u64,
        more: usize,
    ) -> Result {
        self.settle();
        let (base, last) = (range.base().0, range.last().0);
        let (mut overlaps, mut others) = (0, 0_u64);
        let mut at = self.first_from(base);
        while let Some((key, segment)) = at.filter(|(key, _)| *key <= last) {
            if segment.policy != policy {
                if segment.is_left() {
                    return Err(Status::BAD_STATE);
                }
                let pages = (segment.last.min(last) - key.max(base)) / PAGE_SIZE + 1;
                others = others.saturating_add(pages.saturating_mul(segment.mappings.into()));
            }
            overlaps += 1;
            at = self.after(key);
        }
        // They are among the others, so that as many are the same.
        if others != replaced {
            return Err(Status::BAD_STATE);
        }
        // Three splits, which may be three segments more, two ends of what is left, and what an `add` needs.
        self.segments.reserve(overlaps + 11 + more).map_err(Status::from)
    }

    /// What is mapped, in order: where, with which type, how often.
    pub(crate) fn segments(&self) -> impl Iterator<Item = (PhysRange, CachePolicy, u32)> {
        let newest = |base, segment: &Segment| match self.recent {
            (at, recent) if at == base => recent,
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

    /// Has the segments before and after an address be one, if nothing but one mapping across it shows either.
    pub(crate) fn join_mapped(&mut self, at: PhysAddr) {
        self.settle();
        self.join(at.0);
    }

    /// Puts what is known of the recent segment where it belongs. It needs no memory.
    fn settle(&mut self) {
        let (base, recent) = core::mem::replace(&mut self.recent, NOTHING);
        if base <= recent.last {
            self.set(base, recent);
        }
    }

    /// Changes how often a segment is mapped: it may be gone then, or left. It needs no memory.
    fn set(&mut self, base: u64, now: Segment) {
        if now.mappings == 0 && !now.is_left() {
            self.segments.remove(base);
        } else if let Some(segment) = self.segments.get_mut(base) {
            *segment = now;
            if now.is_left() {
                if let Some(after) = now.last.checked_add(1) {
                    self.join(after);
                }
                self.join(base);
            }
        }
    }

    /// Makes one of the segment that starts at `at` and the one that ends before, if both are left, or both mapped once.
    fn join(&mut self, at: u64) {
        if let Some((key, before)) = at.checked_sub(1).and_then(|before| self.last_to(before))
            && let Some((here, segment)) = self.last_to(at)
            && (before.policy, before.mappings) == (segment.policy, segment.mappings)
            && segment.mappings <= 1
            && here == at
            && before.last.wrapping_add(1) == at
            && let Some(before) = self.segments.get_mut(key)
        {
            before.last = segment.last;
            self.segments.remove(at);
        }
    }

    fn first_from(&self, base: u64) -> Option<(u64, Segment)> {
        self.last_to(base).filter(|(_, segment)| segment.last >= base).or_else(|| self.next(base))
    }

    /// The last segment that starts at an address or below.
    #[inline(never)]
    fn last_to(&self, at: u64) -> Option<(u64, Segment)> {
        self.segments.floor(at).map(|(key, segment)| (key, *segment))
    }

    /// The first segment that starts at an address or above.
    #[inline(never)]
    fn next(&self, at: u64) -> Option<(u64, Segment)> {
        self.segments.ceiling(at).map(|(key, segment)| (key, *segment))
    }

    /// The first segment that starts above an address.
    fn after(&self, at: u64) -> Option<(u64, Segment)> {
        self.next(at.checked_add(1)?)
    }

    /// Makes `base` the start of a segment and `last` the end of one, where they lie within one; or neither, if there is
    /// no memory for it.
    fn cut_out(&mut self, base: u64, last: u64) -> Result {
        let after = last.checked_add(1);
        let cuts = [Some(base), after].into_iter().flatten().filter(|&at| self.lies_within(at).is_some());
        self.segments.reserve(cuts.count()).map_err(Status::from)?;
        self.cut(base)?;
        after.map_or(Ok(()), |after| self.cut(after))
    }

    /// Makes `at` the start of a segment, if it lies within one.
    #[inline(never)]
    fn cut(&mut self, at: u64) -> Result {
        if let Some((key, segment)) = self.lies_within(at) {
            self.put(at, segment)?;
            self.put(key, Segment { last: at - 1, ..segment })?;
        }
        Ok(())
    }

    /// The segment that has `at` in it, but not as its first address.
    fn lies_within(&self, at: u64) -> Option<(u64, Segment)> {
        self.last_to(at).filter(|(key, segment)| *key < at && at <= segment.last)
    }

    fn put(&mut self, key: u64, segment: Segment) -> Result {
        self.segments.try_insert(key, segment).map(|_| ()).map_err(Status::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn what_one_mapping_shows_in_pieces_is_one() {
        let mut types = MemoryTypes::default();
        types.add(range(0, 4), CachePolicy::Cached).unwrap();
        types.add(range(4, 4), CachePolicy::Cached).unwrap();
        types.join_mapped(PhysAddr(4 * 0x1000));
        assert_eq!(types.segments().count(), 1);
        // Where others show some of it, too, each of them goes without a cut.
        types.add(range(8, 4), CachePolicy::Cached).unwrap();
        types.add(range(6, 2), CachePolicy::Cached).unwrap();
        types.join_mapped(PhysAddr(8 * 0x1000));
        types.add(range(8, 2), CachePolicy::Cached).unwrap();
        types.join_mapped(PhysAddr(8 * 0x1000));
        let counts: Vec<_> = types.segments().map(|(at, _, count)| (at.size() / 0x1000, count)).collect();
        assert_eq!(counts, [(6, 1), (2, 2), (2, 2), (2, 1)]);
    }

    #[test]
    fn what_was_just_unmapped_binds_nobody() {
        let mut types = MemoryTypes::default();
        types.add(range(0, 4), CachePolicy::WriteCombining).unwrap();
        types.remove(range(0, 4)).unwrap();
        assert_eq!(types.segments().count(), 0);
        types.add(range(0, 4), CachePolicy::UncachedDevice).unwrap();
        assert_eq!(types.add(range(3, 1), CachePolicy::Cached), Err(Status::BAD_STATE));
        types.remove(range(0, 4)).unwrap();
        types.add(range(3, 2), CachePolicy::Cached).unwrap();
        assert_eq!(types.segments().map(|(range, ..)| range.base()).collect::<Vec<_>>(), [PhysAddr(0x3000)]);
    }

    #[test]
    fn what_was_cached_is_left_until_it_is_taken() {
        let mut types = MemoryTypes::default();
        types.add(range(0, 40), CachePolicy::Cached).unwrap();
        types.remove(range(0, 40)).unwrap();
        assert_eq!((types.segments().count(), types.take_left(range(40, 1))), (0, Ok(None)));
        assert_eq!(types.add(range(38, 4), CachePolicy::Uncached), Err(Status::BAD_STATE));
        assert_eq!(types.reserve_instead(range(38, 4), CachePolicy::Uncached, 0, 0), Err(Status::BAD_STATE));
        // What is mapped as before is not left.
        types.add(range(8, 2), CachePolicy::Cached).unwrap();
        assert_eq!(types.take_left(range(8, 2)), Ok(None));
        assert_eq!(types.take_left(range(7, 9)), Ok(Some(range(7, 1))));
        types.remove(range(8, 2)).unwrap();
        // At most a piece at a time.
        for (first, count) in [(4, 3), (8, 16), (24, 16)] {
            assert_eq!(types.take_left(range(4, 99)), Ok(Some(range(first, count))));
        }
        types.add(range(4, 99), CachePolicy::Uncached).unwrap();
        assert_eq!(types.take_left(range(0, 99)), Ok(Some(range(0, 4))));
    }

    #[test]
    fn what_is_left_joins_and_needs_no_memory() {
        let mut types = MemoryTypes::default();
        for page in [5, 1, 3, 2, 4, 0] {
            types.add(range(page, 1), CachePolicy::Cached).unwrap();
        }
        for page in [0, 5, 2, 4, 1, 3] {
            types.remove(range(page, 1)).unwrap();
        }
        types.settle();
        assert_eq!(types.segments.len(), 1);
        assert_eq!(types.take_left(range(0, 9)), Ok(Some(range(0, 6))));
    }

    /// What a page is like: how often it is mapped, with which type, and whether caches may hold something of it.
    #[derive(Clone, Copy, Default)]
    struct Page {
        mapped: Option<(u32, CachePolicy)>,
        left: bool,
    }

    #[test]
    fn counts_types_and_what_is_left_agree_with_a_page_map() {
        let mut types = MemoryTypes::default();
        let mut model = [Page::default(); 60];
        let mut live = Vec::new();
        let mut seed = 1_u64;
        let mut random = |bound: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % bound
        };
        for _ in 0..if cfg!(miri) { 6 } else { 6000 } {
            if live.len() < 20 && random(2) == 0 {
                // Often the same one once more, which is counted without a search.
                let again = live.last().copied().filter(|_| random(3) == 0);
                let new = again.unwrap_or_else(|| (random(40), 1 + random(10)));
                let policy = if random(4) == 0 { CachePolicy::UncachedDevice } else { CachePolicy::Cached };
                let pages = &mut model[new.0 as usize..(new.0 + new.1) as usize];
                let is_left = policy != CachePolicy::Cached && pages.iter().any(|page| page.left);
                let of_type = pages.iter().all(|page| page.mapped.is_none_or(|it| it.1 == policy));
                let fits = of_type && !is_left;
                let expected = if fits { Ok(()) } else { Err(Status::BAD_STATE) };
                assert_eq!(types.add(range(new.0, new.1), policy), expected);
                if fits {
                    for page in pages {
                        page.mapped = Some((page.mapped.map_or(0, |it| it.0) + 1, policy));
                        page.left = false;
                    }
                    live.push(new);
                }
            } else if random(4) == 0 {
                let (first, count) = (random(50), 1 + random(10));
                let found = model.iter().enumerate().skip(first as usize).take(count as usize);
                let mut found = found.filter(|(_, page)| page.left).map(|(at, _)| at as u64);
                let wanted = found.next().map(|start| {
                    let more = found.zip(start + 1..).take_while(|(at, next)| at == next);
                    range(start, 1 + more.count() as u64)
                });
                assert_eq!(types.take_left(range(first, count)), Ok(wanted));
                if let Some(taken) = wanted {
                    let first = taken.base().0 as usize / 0x1000;
                    let pages = &mut model[first..first + taken.size() as usize / 0x1000];
                    pages.iter_mut().for_each(|page| page.left = false);
                }
            } else if !live.is_empty() {
                let old = live.swap_remove(random(live.len() as u64) as usize);
                types.remove(range(old.0, old.1)).unwrap();
                for page in &mut model[old.0 as usize..(old.0 + old.1) as usize] {
                    let (count, policy) = page.mapped.unwrap();
                    page.mapped = (count > 1).then_some((count - 1, policy));
                    page.left = count == 1 && policy == CachePolicy::Cached;
                }
            }
            for (at, page) in model.iter().enumerate() {
                let address = PhysAddr(at as u64 * 0x1000);
                let mut found = types.segments().filter(|(range, ..)| range.contains_addr(address));
                let found = (found.next().map(|(_, policy, count)| (count, policy)), found.count());
                assert_eq!(found, (page.mapped, 0), "page {at}");
            }
            if random(8) == 0 {
                types.settle();
                let left = types.segments.iter().filter(|(_, segment)| segment.is_left()).count();
                let runs = model.chunk_by(|one, next| one.left == next.left).filter(|run| run[0].left);
                assert_eq!(left, runs.count(), "neighbours that are left have joined");
            }
        }
    }
}
