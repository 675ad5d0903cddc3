//! The ledger of memory types: every physical page mapped outside the direct map has one type.
//!
//! The architecture leaves mismatched aliases to fate (Arm ARM B2.16); here the second type is refused.
//!
//! For each type there is a row of [steps](Steps) over the pages: how many mappings show a page, and whether the type has a
//! *claim* to it. So each mapping costs two steps, whatever else is mapped there, and nothing here looks at more than a few.
use abi::vmo::CachePolicy;
use abi::{PAGE_SIZE, PhysAddr, PhysRange, Status, status::Result};

use crate::collections::steps::{Sought, Step, Steps, There};

/// The most of a window that is cleaned in one entry into the kernel, in bytes.
pub(crate) const PIECE: u64 = 64 << 10;

const POLICIES: [CachePolicy; 4] =
    [CachePolicy::Cached, CachePolicy::Uncached, CachePolicy::UncachedDevice, CachePolicy::WriteCombining];
/// Bits of a key that number a page: more than an address leaves for it. Those above are the type's.
const PAGE_BITS: u32 = 56;
const PAGES: u64 = (1 << PAGE_BITS) - 1;
/// Steps within a claim that are taken out by whatever adds to it: more than it adds.
const SET_RIGHT: u32 = 3;
/// Steps that [`MemoryTypes::reserve_instead`] is for: three splits, two ends of what is left, and the new mapping.
const INSTEAD: usize = 7;

/// Where a page is in the row of a type.
const fn key(policy: CachePolicy, page: u64) -> u64 {
    ((policy as u64 + 1) << PAGE_BITS) | page
}

/// Where the pages of a range begin and end in the row of a type.
const fn keys(policy: CachePolicy, base: u64, last: u64) -> (u64, u64) {
    (key(policy, base / PAGE_SIZE), key(policy, last / PAGE_SIZE + 1))
}

/// The pages between two keys of a row.
fn pages(from: u64, to: u64) -> Option<PhysRange> {
    let address = |key: u64| (key & PAGES).wrapping_mul(PAGE_SIZE);
    PhysRange::from_bounds(PhysAddr(address(from)), PhysAddr(address(to).wrapping_sub(1)))
}

const fn is_left(there: &There) -> bool {
    there.count == 0 && there.claim > 0
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Segment {
    last: u64,
    policy: CachePolicy,
    mappings: u32,
}

/// No segment: it ends before it begins.
const NOTHING: (u64, Segment) = (1, Segment { last: 0, policy: CachePolicy::Cached, mappings: 0 });

/// Which physical pages are mapped, how often and with which type.
///
/// A type has a claim to what is mapped with it. That of the cached type stays when the last such mapping of a page goes: the page
/// is *left* then, until it is mapped as cached again or [taken](MemoryTypes::take_left) to be cleaned. It
/// stays where it is, so leaving needs no memory. A claim has any size above 0: each cached mapping adds one to what was there.
/// Only where it begins and ends means something, and the steps between are taken out
/// [by and by](MemoryTypes::set_right): a mapping may come over very many.
///
/// The ranges that come and go must be those of mappings: what is forgotten in parts is [split](MemoryTypes::split) before.
#[derive(Debug)]
pub struct MemoryTypes {
    steps: Steps,
    /// The range that was added or forgotten last, and where it starts: a window that comes and goes is counted here and not
    /// looked for. Among the steps it counts as one mapping, however many there are: it may be idle, and keeps its place all the
    /// same until anything else is done. [`NOTHING`] if there is none: what is at hand is found by comparing
    /// its bounds, and nothing else.
    recent: (u64, Segment),
}

impl Default for MemoryTypes {
    fn default() -> Self {
        Self { steps: Steps::default(), recent: NOTHING }
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
    /// The range, if it is the recent one: what is recorded there needs no memory.
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

    /// The rest of [`MemoryTypes::add`]: it is not the recent range once more.
    #[inline(never)]
    fn add_elsewhere(&mut self, base: u64, last: u64, policy: CachePolicy) -> Result {
        self.settle();
        for other in POLICIES.into_iter().filter(|other| *other != policy) {
            if self.first(keys(other, base, last), Sought::Claim(1), |there| there.claim > 0).is_some() {
                return Err(Status::BAD_STATE);
            }
        }
        self.steps.reserve(2)?;
        self.count(keys(policy, base, last), 1, 1)?;
        if policy == CachePolicy::Cached {
            self.set_right();
        }
        self.recent = (base, Segment { last, policy, mappings: 1 });
        Ok(())
    }

    /// Forgets one mapping of `range`. It needs no memory.
    #[inline(always)]
    pub fn remove(&mut self, range: PhysRange) {
        match self.at_hand(range).filter(Recent::is_mapped) {
            Some(recent) => recent.remove(),
            None => self.remove_elsewhere(range.base().0, range.last().0),
        }
    }

    /// The rest of [`MemoryTypes::remove`]: it is not the recent range.
    #[inline(never)]
    fn remove_elsewhere(&mut self, base: u64, last: u64) {
        self.settle();
        let is_mapped = |policy: &CachePolicy| {
            let (from, _) = keys(*policy, base, last);
            self.steps.get(from).ends > 0 && self.steps.value(from).count > 0
        };
        if let Some(policy) = POLICIES.into_iter().find(is_mapped) {
            self.recent = (base, Segment { last, policy, mappings: 0 });
        }
    }

    /// Forgets a part of one mapping of `range`.
    ///
    /// # Errors
    /// `NO_MEMORY` if it must be cut out; nothing changed.
    pub(crate) fn remove_part(&mut self, part: PhysRange, range: PhysRange, policy: CachePolicy) -> Result {
        self.settle();
        self.steps.reserve(2)?;
        let ((from, to), whole) =
            (keys(policy, part.base().0, part.last().0), keys(policy, range.base().0, range.last().0));
        for at in [from, to].into_iter().filter(|at| whole.0 < *at && *at < whole.1) {
            self.end_at(at, 2)?;
        }
        self.remove(part);
        Ok(())
    }

    /// Forgets the first bytes of `range` that are left, at most a [`PIECE`] and perhaps less than lie together, and gives them: what the caches hold of them must
    /// go before they are mapped by another type than cached.
    ///
    /// # Errors
    /// `NO_MEMORY` if they must be cut out of more that is left; nothing changed.
    pub(crate) fn take_left(&mut self, range: PhysRange) -> Result<Option<PhysRange>> {
        self.settle();
        let (from, to) = keys(CachePolicy::Cached, range.base().0, range.last().0);
        let Some(start) = self.first((from, to), Sought::Bare, is_left) else { return Ok(None) };
        let most = to.min(start.saturating_add(PIECE / PAGE_SIZE));
        // Where all is set right the next step is where it ends.
        let end = self.steps.find(start, Sought::Any).1.map_or(most, |next| next.min(most));
        let (before, after) = (self.steps.value(start.wrapping_sub(1)).claim, self.steps.value(end).claim);
        let cuts = [start, end].into_iter().filter(|at| self.steps.get(*at) == Step::default()).count();
        self.steps.reserve(cuts)?;
        self.claim_changes(start, before.wrapping_neg())?;
        self.claim_changes(end, after)?;
        Ok(pages(start, end))
    }

    /// Makes sure that the next [`MemoryTypes::remove_part`] cannot fail, or the next two splits.
    ///
    /// # Errors
    /// `NO_MEMORY`; nothing changed.
    pub fn reserve_removal(&mut self) -> Result {
        self.steps.reserve(2)
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
        let mut others = 0_u64;
        for other in POLICIES.into_iter().filter(|other| *other != policy) {
            let (from, to) = keys(other, base, last);
            if other == CachePolicy::Cached && self.first((from, to), Sought::Bare, is_left).is_some() {
                return Err(Status::BAD_STATE);
            }
            others = others.wrapping_add(self.steps.area(from, to));
        }
        // They are among the others, so that as many are the same.
        if others != replaced {
            return Err(Status::BAD_STATE);
        }
        self.steps.reserve(INSTEAD.saturating_add(more))
    }

    /// What is mapped, by type and in order: where, with which type, how often.
    pub(crate) fn segments(&self) -> impl Iterator<Item = (PhysRange, CachePolicy, u32)> {
        let (base, recent) = self.recent;
        let mut steps = self.steps.iter().peekable();
        core::iter::from_fn(move || {
            let (from, _, there) = steps.next()?;
            let range = steps.peek().and_then(|(to, ..)| pages(from, *to));
            let policy = POLICIES.into_iter().find(|policy| key(*policy, from & PAGES) == from);
            Some((range, policy, there.count.cast_unsigned()))
        })
        .filter_map(move |(range, policy, mut mappings)| {
            let (range, policy) = (range?, policy?);
            if policy == recent.policy && base <= range.base().0 && range.last().0 <= recent.last {
                mappings = mappings.wrapping_add(recent.mappings).wrapping_sub(1);
            }
            (mappings > 0).then_some((range, policy, mappings))
        })
    }

    /// How many mappings there are by their ends, if what every operation relies on holds, for tests.
    pub(crate) fn check(&self) -> Option<u64> {
        self.steps.check()?;
        let mut ends = 0_u64;
        for (at, step, there) in self.steps.iter() {
            let is_cached = at < key(CachePolicy::Uncached, 0);
            let is_claimed =
                if is_cached { there.claim >= there.count.min(1) } else { there.claim == there.count };
            if step.ends < 0 || there.count < 0 || !is_claimed {
                return None;
            }
            ends = ends.wrapping_add(u64::from(step.ends.cast_unsigned()));
        }
        let (base, recent) = self.recent;
        let not_counted = if base <= recent.last { u64::from(recent.mappings).wrapping_sub(1) } else { 0 };
        (ends.is_multiple_of(2)).then_some((ends / 2).wrapping_add(not_counted))
    }

    /// How often parts of it were looked for so far, for tests; 0 in a release build.
    pub(crate) fn looks(&self) -> u64 {
        self.steps.looks()
    }

    /// Has a mapping end at an address where another one begins, instead of one across it, so that they can be forgotten
    /// apart. A place must have been reserved.
    ///
    /// # Errors
    /// `NO_MEMORY` otherwise; nothing changed.
    pub(crate) fn split(&mut self, at: PhysAddr, policy: CachePolicy) -> Result {
        self.settle();
        self.end_at(key(policy, at.0 / PAGE_SIZE), 2)
    }

    /// Makes one mapping of one that ends at an address and one that begins there.
    ///
    /// # Errors
    /// None: it needs no memory.
    pub(crate) fn join_mapped(&mut self, at: PhysAddr, policy: CachePolicy) -> Result {
        self.settle();
        let at = key(policy, at.0 / PAGE_SIZE);
        self.end_at(at, -2)?;
        // What comes in pieces must not leave a step behind for each.
        let before = self.steps.value(at.wrapping_sub(1)).claim;
        if policy == CachePolicy::Cached && before > 0 && self.steps.get(at).claim != 0 {
            self.claim_from(at, before, 0)?;
        }
        Ok(())
    }

    /// Puts what is known of the recent range where it belongs. It needs no memory.
    #[inline(never)]
    fn settle(&mut self) {
        let (base, Segment { last, policy, mappings }) = core::mem::replace(&mut self.recent, NOTHING);
        if base <= last && mappings != 1 {
            let more = mappings.cast_signed().wrapping_sub(1);
            // The steps are there.
            let _needs_no_memory = self.count(keys(policy, base, last), more, 0);
        }
    }

    /// Counts so many more mappings of a range, and of a cached one more claims.
    #[inline(never)]
    fn count(&mut self, (from, to): (u64, u64), more: i32, claims: i32) -> Result {
        let claim = if from < key(CachePolicy::Uncached, 0) { claims } else { more };
        self.steps.change(from, Step { ends: more, count: more, claim })?;
        let (count, claim) = (more.wrapping_neg(), claim.wrapping_neg());
        self.steps.change(to, Step { ends: more, count, claim })
    }

    /// Counts so many more ends of mappings at a key.
    fn end_at(&mut self, at: u64, ends: i32) -> Result {
        self.steps.change(at, Step { ends, ..Step::default() })
    }

    /// The first key between two, from the first one on, where something is so.
    fn first(&self, (from, to): (u64, u64), sought: Sought, is_so: fn(&There) -> bool) -> Option<u64> {
        match self.steps.find(from, sought) {
            (there, _) if is_so(&there) => Some(from),
            (_, next) => next.filter(|next| *next < to),
        }
    }

    /// Has the claim change by so much at a key.
    #[inline(never)]
    fn claim_changes(&mut self, at: u64, claim: i32) -> Result {
        let claim = claim.wrapping_sub(self.steps.get(at).claim);
        self.steps.change(at, Step { claim, ..Step::default() })
    }

    /// Gives the claim to cached pages, which begins or changes at a key, another size from there up to where it changes next, or
    /// further: where it goes on so many of these steps are taken out. It needs no memory.
    fn claim_from(&mut self, at: u64, size: i32, most: u32) -> Result {
        let mut excess = self.steps.value(at).claim.wrapping_sub(size);
        self.steps.change(at, Step { claim: excess.wrapping_neg(), ..Step::default() })?;
        for left in (0..=most).rev() {
            // A claim ends somewhere.
            let Some(next) = self.steps.find(at, Sought::Change).1.filter(|_| excess != 0) else { break };
            let claim = self.steps.get(next).claim;
            let behind = size.wrapping_add(excess).wrapping_add(claim);
            if left == 0 || behind == 0 {
                return self.steps.change(next, Step { claim: excess, ..Step::default() });
            }
            self.claim_changes(next, 0)?;
            excess = excess.wrapping_add(claim);
        }
        Ok(())
    }

    /// Takes a few steps out that lie within the claim to cached pages: where it is larger than 1 it becomes 1, so that it changes
    /// only where it begins and ends.
    fn set_right(&mut self) {
        let all = keys(CachePolicy::Cached, 0, u64::MAX);
        if let Some(at) = self.first(all, Sought::Claim(2), |there| there.claim > 1) {
            let _needs_no_memory = self.claim_from(at, 1, SET_RIGHT);
        }
    }
}

#[cfg(test)]
mod tests;
