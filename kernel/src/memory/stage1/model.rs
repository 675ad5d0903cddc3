//! The architecture, at its most inconvenient: frames, descriptors and a TLB that holds, at every moment,
//! everything that it would be allowed to hold.
//!
//! A [`Fact`] is a valid descriptor that some walk could have read. All of them are cached the moment they
//! can be read, and stay until an invalidation that covers them is *complete* (Arm ARM D8.17.5). On that
//! ground the model panics
//!
//! - when a descriptor becomes readable that contradicts a cached fact: break-before-make (D8.16.1);
//! - when a table is linked whose contents are not published (D8.2.6);
//! - when an invalidation is issued before the write that it is for is published;
//! - when a table is freed to which a cached walk still leads;
//! - when a frame is used that was not handed out, or freed twice;
//! - in [`Model::assert_settled`], if a fact is cached that the tables no longer say, or a barrier is owed.

use super::descriptor::{self, ENTRIES, LAST_LEVEL, covers};
use crate::ports::{Access, Asid, Frames, Maintenance, Run, Translation};
use abi::vmo::CachePolicy;
use abi::{PAGE_SIZE, PageCount, PhysAddr, PhysRange, VirtAddr};
use std::collections::{BTreeMap, BTreeSet};

/// Where frames for tables come from; what tests map lies elsewhere.
const FIRST_FRAME: u64 = 0x8000_0000;

/// Bits of a table descriptor that the walker reads.
const TABLE_BITS: u64 = 0x0000_FFFF_FFFF_F003 | 0x1F << 59;

/// A valid descriptor that a walk for some address could have read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Fact {
    at: u64,
    raw: u64,
    is_table: bool,
}

impl Fact {
    fn of(level: u32, at: u64, raw: u64) -> Self {
        let is_table = descriptor::is_table(level, raw);
        Self { at, raw: if is_table { raw & TABLE_BITS } else { raw }, is_table }
    }
}

#[derive(Clone, Copy, Debug)]
enum Invalidation {
    Leaf(u64),
    Walk(u64),
    Space,
}

/// What the operations cost, in calls of the ports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Calls {
    pub(super) reads: u32,
    pub(super) writes: u32,
    pub(super) publications: u32,
    pub(super) invalidations: u32,
    pub(super) completions: u32,
}

/// A machine with one CPU of interest, whose TLB misses nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    /// On the heap each: a tree of whole frames is a lot to copy on a test's stack.
    frames: BTreeMap<u64, Box<[u64; ENTRIES as usize]>>,
    next_frame: u64,
    /// Allocations that still succeed; `None` for all.
    pub(super) allowance: Option<u32>,
    active: Option<(u64, Asid)>,
    /// By level and first address.
    facts: BTreeMap<(u32, u64), BTreeSet<Fact>>,
    /// Tables that a walk can come to, with the level of their entries and the first address.
    walkable: BTreeMap<u64, BTreeSet<(u32, u64)>>,
    /// Words, or whole frames, that walkers may still see as they were; whether they were valid then.
    unpublished: BTreeMap<u64, bool>,
    pending: Vec<Invalidation>,
    pub(super) calls: std::cell::Cell<Calls>,
}

impl Model {
    pub(super) fn frames(&self) -> &BTreeMap<u64, Box<[u64; ENTRIES as usize]>> {
        &self.frames
    }

    pub(super) fn count(&self, change: impl Fn(&mut Calls)) {
        let mut calls = self.calls.get();
        change(&mut calls);
        self.calls.set(calls);
    }

    /// Panics unless all that was done is in force and nothing else is cached.
    pub(super) fn assert_settled(&self) {
        assert!(self.unpublished.is_empty(), "not published: {:x?}", self.unpublished);
        assert!(self.pending.is_empty(), "not complete: {:x?}", self.pending);
        let mut said = Vec::new();
        if let Some((root, _)) = self.active {
            self.read(root, 0, 0, &mut said);
        }
        said.sort_unstable();
        let cached: Vec<_> = self.cached().collect();
        let stale: Vec<_> = cached.iter().filter(|fact| said.binary_search(fact).is_err()).collect();
        assert!(stale.is_empty(), "what is cached is not what the tables say: {stale:x?}");
        assert_eq!(cached.len(), said.len(), "the model missed something");
    }

    fn cached(&self) -> impl Iterator<Item = (u32, u64, Fact)> {
        self.facts
            .iter()
            .flat_map(|(&(level, base), facts)| facts.iter().map(move |fact| (level, base, *fact)))
    }

    /// What a walk without any TLB could read.
    fn read(&self, table: u64, level: u32, base: u64, said: &mut Vec<(u32, u64, Fact)>) {
        for (index, &raw) in
            (0..).zip(self.frames[&table].iter()).filter(|(_, raw)| descriptor::is_valid(**raw))
        {
            let base = base + index * covers(level);
            let fact = Fact::of(level, table + index * 8, raw);
            said.push((level, base, fact));
            if fact.is_table {
                self.read(descriptor::output(raw).0, level + 1, base, said);
            }
        }
    }

    fn word(&self, at: u64) -> u64 {
        let frame = self.frames.get(&(at & !(PAGE_SIZE - 1)));
        assert!(at.is_multiple_of(8), "{at:#x} is not 8-aligned");
        frame.unwrap_or_else(|| panic!("{at:#x} is in no frame of ours"))[(at as usize & 4095) / 8]
    }

    /// Caches all that can be read now.
    fn walk_everything(&mut self) {
        self.walkable.clear();
        let links: Vec<_> = self.cached().filter(|(_, _, fact)| fact.is_table).collect();
        let Some((root, _)) = self.active else {
            for (level, base, fact) in links {
                let table = descriptor::output(fact.raw).0;
                self.walkable.entry(table).or_default().insert((level + 1, base));
            }
            return;
        };
        self.come_to(root, 0, 0);
        for (level, base, fact) in links {
            self.come_to(descriptor::output(fact.raw).0, level + 1, base);
        }
    }

    /// A walk can come to this table, and so reads every entry in it.
    fn come_to(&mut self, table: u64, level: u32, base: u64) {
        if !self.walkable.entry(table).or_default().insert((level, base)) {
            return;
        }
        // From one invalid word to another there is nothing to see.
        let early = self.unpublished.range(table..table + PAGE_SIZE).find(|(_, was_valid)| **was_valid);
        assert!(early.is_none(), "table {table:#x} is linked before {early:x?} is published");
        for index in 0..ENTRIES {
            let raw = self.word(table + index * 8);
            if descriptor::is_valid(raw) {
                self.learn(level, base + index * covers(level), table + index * 8, raw);
            }
        }
    }

    fn learn(&mut self, level: u32, base: u64, at: u64, raw: u64) {
        let fact = Fact::of(level, at, raw);
        let is_table = fact.is_table;
        if self.facts.get(&(level, base)).is_some_and(|facts| facts.contains(&fact)) {
            return;
        }
        for (place, other) in self.cached_with(level, base) {
            let agrees = match (other.is_table, is_table) {
                (false, false) => at == other.at && same_but_permissions(raw, other.raw),
                (true, true) => fact.raw == other.raw,
                _ => false,
            };
            assert!(
                agrees,
                "no break before make: {raw:#x} of level {level} at {at:#x} for {base:#x} while {other:x?} of \
                 {place:x?} is cached"
            );
        }
        self.facts.entry((level, base)).or_default().insert(fact);
        if is_table {
            self.come_to(descriptor::output(raw).0, level + 1, base);
        }
    }

    /// Cached facts that must agree with a new one of this place: others of the same place, leaves above,
    /// and, for a leaf, all below.
    fn cached_with(&self, level: u32, base: u64) -> Vec<((u32, u64), Fact)> {
        let mut found = Vec::new();
        let end = base + covers(level);
        for other in 0..=LAST_LEVEL {
            let first = base & !(covers(other) - 1);
            let range = if other <= level { first..first + 1 } else { base..end };
            for (place, facts) in self.facts.range((other, range.start)..(other, range.end)) {
                for fact in facts {
                    let same = other == level;
                    let above = other < level && !fact.is_table;
                    if same || above {
                        found.push((*place, *fact));
                    }
                }
            }
        }
        found
    }

    fn forget(&mut self, what: Invalidation) {
        let covered = |level: u32, base: u64, address: u64| address & !(covers(level) - 1) == base;
        for (&(level, base), facts) in &mut self.facts {
            facts.retain(|fact| match what {
                Invalidation::Leaf(address) => fact.is_table || !covered(level, base, address),
                Invalidation::Walk(address) => !covered(level, base, address),
                Invalidation::Space => false,
            });
        }
        self.facts.retain(|_, facts| !facts.is_empty());
    }

    fn invalidate(&mut self, asid: Asid, what: Invalidation) {
        assert!(self.unpublished.is_empty(), "{what:x?} before {:x?} are published", self.unpublished);
        assert!(self.active.is_none_or(|(_, active)| active == asid), "the wrong address space is forgotten");
        self.pending.push(what);
        self.count(|calls| calls.invalidations += 1);
    }
}

/// The architecture's list, apart from the encoder's own: AP, AF, PXN, UXN and software's bits.
fn same_but_permissions(one: u64, other: u64) -> bool {
    (one ^ other) & !(0b11 << 6 | 1 << 10 | 0b11 << 53 | 0xF << 55) == 0
}

impl Frames for Model {
    fn allocate_frame(&mut self) -> Option<PhysAddr> {
        if let Some(left) = &mut self.allowance {
            *left = left.checked_sub(1)?;
        }
        let frame = FIRST_FRAME + self.next_frame * PAGE_SIZE;
        self.next_frame += 1;
        // What was in it before looks as bad as it can.
        self.frames.insert(frame, Box::new([0xDEAD_BEEF_F743; ENTRIES as usize]));
        self.unpublished.insert(frame, true);
        Some(PhysAddr(frame))
    }

    fn allocate_run(&mut self, _: &Run) -> Option<PhysAddr> {
        unreachable!("tables are made of single frames");
    }

    fn free_frame(&mut self, frame: PhysAddr) {
        let walks = self.walkable.get(&frame.0);
        assert!(walks.is_none(), "{frame} is freed while walks of {walks:x?} lead to it");
        assert!(self.frames.remove(&frame.0).is_some(), "{frame} is not ours to free");
        self.unpublished.retain(|at, _| at & !(PAGE_SIZE - 1) != frame.0);
    }

    fn allocate_table(&mut self) -> Option<PhysAddr> {
        self.allocate_frame()
    }

    fn free_table(&mut self, frame: PhysAddr) {
        self.free_frame(frame);
    }

    fn table_frames(&self) -> PageCount {
        PageCount(self.frames.len() as u64)
    }

    fn is_taken(&self, address: PhysAddr) -> bool {
        self.frames.contains_key(&address.page_down().0)
    }

    fn frame_policy(&self, address: PhysAddr) -> Option<CachePolicy> {
        self.is_taken(address).then_some(CachePolicy::Cached)
    }

    fn free_frames(&self) -> PageCount {
        PageCount(self.allowance.unwrap_or(u32::MAX).into())
    }

    fn heap_use(&self) -> crate::ports::HeapUse {
        crate::ports::HeapUse::default()
    }

    fn zero_frame(&mut self, frame: PhysAddr) {
        assert!(!self.walkable.contains_key(&frame.0), "{frame} is zeroed while walks lead to it");
        let words = self.frames.get_mut(&frame.0).expect("a frame of ours");
        **words = [0; ENTRIES as usize];
        self.unpublished.insert(frame.0, true);
    }

    fn read_frame(&self, _: PhysAddr, _: usize, _: &mut [u8]) {
        unreachable!("tables are read by descriptor");
    }

    fn write_frame(&mut self, _: PhysAddr, _: usize, _: &[u8]) {
        unreachable!("tables are written by descriptor");
    }

    fn copy_frame(&mut self, _: PhysAddr, _: usize, _: PhysAddr, _: usize, _: usize) {
        unreachable!("tables are written by descriptor");
    }
}

impl Translation for Model {
    fn read_descriptor(&self, at: PhysAddr) -> u64 {
        self.count(|calls| calls.reads += 1);
        self.word(at.0)
    }

    fn write_descriptor(&mut self, at: PhysAddr, value: u64) {
        self.count(|calls| calls.writes += 1);
        let old = self.word(at.0);
        let table = at.0 & !(PAGE_SIZE - 1);
        let index = at.0 / 8 % ENTRIES;
        if let Some(words) = self.frames.get_mut(&table) {
            words[index as usize] = value;
        }
        if old != value {
            self.unpublished.entry(at.0).or_insert(descriptor::is_valid(old));
        }
        if descriptor::is_valid(value) {
            for (level, base) in self.walkable.get(&table).cloned().unwrap_or_default() {
                self.learn(level, base + index * covers(level), at.0, value);
            }
        }
    }

    fn publish_descriptors(&mut self) {
        self.count(|calls| calls.publications += 1);
        self.unpublished.clear();
    }

    fn invalidate_leaf(&mut self, asid: Asid, address: VirtAddr) {
        self.invalidate(asid, Invalidation::Leaf(address.0));
    }

    fn invalidate_walk(&mut self, asid: Asid, address: VirtAddr) {
        self.invalidate(asid, Invalidation::Walk(address.0));
    }

    fn invalidate_space(&mut self, asid: Asid) {
        self.invalidate(asid, Invalidation::Space);
    }

    fn invalidate_all(&mut self) {
        unreachable!("one operation on a space concerns no other");
    }

    fn complete_invalidation(&mut self) {
        self.count(|calls| calls.completions += 1);
        self.unpublished.clear();
        for what in std::mem::take(&mut self.pending) {
            self.forget(what);
        }
        self.walk_everything();
    }

    fn activate(&mut self, space: Option<(PhysAddr, Asid)>) {
        self.active = space.map(|(root, asid)| (root.0, asid));
        self.walk_everything();
    }

    fn synchronize_instructions(&mut self, _: PhysAddr) {}

    fn maintain_cache(&mut self, _: PhysAddr, _: usize, _: usize, _: Maintenance) {}

    fn clean_pages(&mut self, _: PhysRange, _: CachePolicy) {}

    fn probe(&self, _: VirtAddr, _: Access) -> u64 {
        unreachable!("no operation on tables probes")
    }

    fn physical_address_bits(&self) -> u32 {
        48
    }

    fn wide_asids(&self) -> bool {
        true
    }
}

/// The model must see each of these, or it proves nothing.
mod tests {
    use super::*;

    const ASID: Asid = Asid(7);
    const PAGE: u64 = 0x0060_0000_0000_0FC3;

    /// Four tables down to one page at address 0.
    fn machine() -> (Model, [PhysAddr; 4]) {
        let mut model = Model::default();
        let tables = [(); 4].map(|()| model.allocate_frame().expect("unlimited"));
        for table in tables {
            model.zero_frame(table);
        }
        for pair in tables.windows(2) {
            model.write_descriptor(pair[0], descriptor::table(pair[1], 1));
        }
        model.write_descriptor(tables[3], PAGE | 0x1000);
        model.publish_descriptors();
        model.activate(Some((tables[0], ASID)));
        model.assert_settled();
        (model, tables)
    }

    #[test]
    fn a_page_is_unmapped_in_the_right_order() {
        let (mut model, tables) = machine();
        model.write_descriptor(tables[3], 0);
        model.publish_descriptors();
        model.invalidate_leaf(ASID, VirtAddr(0));
        model.complete_invalidation();
        model.assert_settled();
        model.write_descriptor(tables[3], PAGE | 0x2000);
        model.publish_descriptors();
        model.assert_settled();
    }

    #[test]
    #[should_panic(expected = "no break before make")]
    fn an_address_changes_in_place() {
        let (mut model, tables) = machine();
        model.write_descriptor(tables[3], PAGE | 0x2000);
    }

    #[test]
    #[should_panic(expected = "no break before make")]
    fn a_make_comes_before_the_completion() {
        let (mut model, tables) = machine();
        model.write_descriptor(tables[3], 0);
        model.publish_descriptors();
        model.invalidate_leaf(ASID, VirtAddr(0));
        model.write_descriptor(tables[3], PAGE | 0x2000);
    }

    #[test]
    #[should_panic(expected = "no break before make")]
    fn a_block_replaces_a_table_whose_walk_is_cached() {
        let (mut model, tables) = machine();
        model.write_descriptor(tables[3], 0);
        model.write_descriptor(tables[2], 0);
        model.publish_descriptors();
        model.invalidate_leaf(ASID, VirtAddr(0));
        model.complete_invalidation();
        model.write_descriptor(tables[2], PAGE & !2);
    }

    #[test]
    #[should_panic(expected = "is not what the tables say")]
    fn an_invalidation_is_forgotten() {
        let (mut model, tables) = machine();
        model.write_descriptor(tables[3], 0);
        model.publish_descriptors();
        model.assert_settled();
    }

    #[test]
    #[should_panic(expected = "is not what the tables say")]
    fn permissions_change_without_invalidation() {
        let (mut model, tables) = machine();
        model.write_descriptor(tables[3], PAGE & !(1 << 7) | 0x1000);
        model.publish_descriptors();
        model.assert_settled();
    }

    #[test]
    #[should_panic(expected = "not published")]
    fn a_mapping_is_not_published() {
        let (mut model, tables) = machine();
        model.write_descriptor(PhysAddr(tables[3].0 + 8), PAGE | 0x5000);
        model.assert_settled();
    }

    #[test]
    #[should_panic(expected = "are published")]
    fn an_invalidation_comes_before_the_publication() {
        let (mut model, tables) = machine();
        model.write_descriptor(tables[3], 0);
        model.invalidate_leaf(ASID, VirtAddr(0));
    }

    #[test]
    #[should_panic(expected = "is linked before")]
    fn a_table_is_linked_before_its_zeros_are_published() {
        let (mut model, tables) = machine();
        let table = model.allocate_frame().expect("unlimited");
        model.zero_frame(table);
        model.write_descriptor(PhysAddr(tables[2].0 + 8), descriptor::table(table, 0));
    }

    #[test]
    #[should_panic(expected = "lead to it")]
    fn a_table_is_freed_under_a_cached_walk() {
        let (mut model, tables) = machine();
        model.write_descriptor(tables[3], 0);
        model.write_descriptor(tables[2], 0);
        model.publish_descriptors();
        // The leaf alone is forgotten, not the way to it.
        model.invalidate_leaf(ASID, VirtAddr(0));
        model.complete_invalidation();
        model.free_frame(tables[3]);
    }

    #[test]
    #[should_panic(expected = "lead to it")]
    fn a_table_is_freed_before_the_completion() {
        let (mut model, tables) = machine();
        model.write_descriptor(tables[3], 0);
        model.write_descriptor(tables[2], 0);
        model.publish_descriptors();
        model.invalidate_walk(ASID, VirtAddr(0));
        model.free_frame(tables[3]);
    }
}
