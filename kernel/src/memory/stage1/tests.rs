//! Random operations against a map of intervals, on the model of the architecture, with every allocation
//! failing in turn.

use super::descriptor::{self, ENTRIES, FIRST_LEAF_LEVEL, LAST_LEVEL, covers};
use super::model::{Calls, Model};
use super::*;
use crate::ports::{Asid, Translation};
use abi::vmo::CachePolicy;
use abi::{PAGE_SIZE, PhysAddr, VirtAddr};
use proptest::prelude::*;
use std::collections::BTreeMap;

const ASID: Asid = Asid(3);
const BLOCK: u64 = 1 << 21;
const GIB: u64 = 1 << 30;
const READ_WRITE: Attributes =
    Attributes { policy: CachePolicy::UncachedDevice, read: true, write: true, execute: false };

/// What is mapped: by first address, the length, the physical address and the attributes.
type Runs = BTreeMap<u64, (u64, u64, Attributes)>;

/// The tables, and what they should say.
#[derive(Clone)]
struct Twin {
    machine: Model,
    space: Space,
    runs: Runs,
    /// Whether a last-level table may be empty.
    reserved: bool,
}

fn cut(runs: &mut Runs, at: u64) {
    let Some((&base, &(length, physical, attributes))) = runs.range(..at).next_back() else { return };
    if base + length > at {
        runs.insert(base, (at - base, physical, attributes));
        runs.insert(at, (base + length - at, physical + (at - base), attributes));
    }
}

/// Takes out what the range shows.
fn take(runs: &mut Runs, from: u64, to: u64) -> Runs {
    cut(runs, from);
    cut(runs, to);
    let mut taken = runs.split_off(&from);
    runs.append(&mut taken.split_off(&to));
    taken
}

/// Joins neighbours that show neighbouring memory in the same way.
fn joined(runs: impl IntoIterator<Item = (u64, (u64, u64, Attributes))>) -> Vec<(u64, u64, u64, Attributes)> {
    let mut list: Vec<(u64, u64, u64, Attributes)> = Vec::new();
    for (base, (length, physical, attributes)) in runs {
        match list.last_mut() {
            Some(last) if last.0 + last.1 == base && last.2 + last.1 == physical && last.3 == attributes => {
                last.1 += length;
            }
            _ => list.push((base, length, physical, attributes)),
        }
    }
    list
}

impl Twin {
    fn new() -> Self {
        let mut machine = Model::default();
        let mut space = Space::new(&mut machine).expect("memory is unlimited");
        space.give_asid(ASID, 1);
        machine.activate(Some((space.root(), ASID)));
        Self { machine, space, runs: Runs::new(), reserved: false }
    }

    /// Reads the tables as the hardware would, checking counts and tables on the way.
    fn read_tables(&self) -> Vec<(u64, u64, u64, Attributes)> {
        let mut leaves = Vec::new();
        let mut tables = 0;
        let used = self.read_table(self.space.root().0, 0, 0, &mut leaves, &mut tables);
        assert_eq!(used, self.space.root_used);
        if self.space.spare != 0 {
            tables += 1;
            let words = &self.machine.frames()[&self.space.spare];
            assert!(words.iter().skip(1).all(|&raw| raw == 0), "the spare table is not empty");
            assert!(!descriptor::is_valid(words[0]), "the spare table leads somewhere");
        }
        assert_eq!(tables, self.space.tables().0);
        assert_eq!(tables, self.machine.frames().len() as u64, "frames are lost");
        joined(leaves)
    }

    fn read_table(
        &self,
        table: u64,
        level: u32,
        base: u64,
        leaves: &mut Vec<(u64, (u64, u64, Attributes))>,
        tables: &mut u64,
    ) -> u64 {
        *tables += 1;
        let mut used = 0;
        for (index, &raw) in (0..).zip(self.machine.frames()[&table].iter()) {
            let base = base + index * covers(level);
            if !descriptor::is_valid(raw) {
                assert_eq!(raw, 0, "an unused entry of a table in use");
                continue;
            }
            used += 1;
            let output = descriptor::output(raw).0;
            if descriptor::is_table(level, raw) {
                let below = self.read_table(output, level + 1, base, leaves, tables);
                let is_near = self.space.near.is(PhysAddr(output));
                let counted = if is_near { self.space.near.used } else { descriptor::used(raw) };
                assert_eq!(below, counted, "a count of level {level} for {base:#x}");
                let may_be_empty = is_near || self.reserved && level + 1 == LAST_LEVEL;
                assert!(below > 0 || may_be_empty, "an empty table is kept");
            } else {
                assert!(level >= FIRST_LEAF_LEVEL);
                assert_eq!(output & (covers(level) - 1), 0, "a block is misaligned");
                leaves.push((base, (covers(level), output, descriptor::leaf_attributes(raw))));
            }
        }
        used
    }

    fn check(&self) {
        self.machine.assert_settled();
        assert_eq!(self.read_tables(), joined(self.runs.clone()));
        for (&base, &(length, physical, attributes)) in &self.runs {
            for offset in [0, length - PAGE_SIZE] {
                let leaf = self.space.walk(&self.machine, VirtAddr(base + offset + 0xABC)).expect("mapped");
                assert_eq!((leaf.frame.0, leaf.attributes), (physical + offset, attributes));
            }
        }
    }

    fn is_free(&self, from: u64, to: u64) -> bool {
        let before = self.runs.range(..to).next_back();
        before.is_none_or(|(base, run)| base + run.0 <= from)
    }

    fn map(&mut self, base: u64, length: u64, physical: u64, attributes: Attributes) {
        take(&mut self.runs, base, base + length);
        if let Some(attributes) = attributes.in_force() {
            self.runs.insert(base, (length, physical, attributes));
        }
    }

    fn protect(&mut self, from: u64, to: u64, attributes: Attributes) {
        for (base, run) in take(&mut self.runs, from, to) {
            if let Some(attributes) = attributes.in_force() {
                self.runs.insert(base, (run.0, run.1, attributes));
            }
        }
    }

    /// Does a step on the tables and in the record, piece by piece.
    fn apply(&mut self, step: &Step) -> Result<(), MapError> {
        let mut rest = self.apply_piece(step)?;
        while let Some(step) = rest {
            let result = self.apply_piece(&step);
            assert!(result.is_ok());
            rest = result?;
        }
        Ok(())
    }

    /// Does a piece of a step; what is left of it.
    fn apply_piece(&mut self, step: &Step) -> Result<Option<Step>, MapError> {
        let machine = &mut self.machine;
        match *step {
            Step::MapRun { at, physical, length, attributes } => {
                let end = at + length;
                let result =
                    self.space.map_run(machine, VirtAddr(at), PhysAddr(physical), length, attributes);
                match result {
                    Ok(()) => {
                        assert!(self.is_free(at, end) && attributes.in_force().is_some());
                        self.map(at, length, physical, attributes);
                    }
                    Err(MapError::Occupied(where_)) => {
                        assert!(where_.0 >= at && where_.0 < end);
                        assert!(!self.is_free(where_.0, where_.0 + PAGE_SIZE), "{where_} is free");
                    }
                    Err(MapError::NoAccess) => assert_eq!(attributes.in_force(), None),
                    Err(error) => return Err(error),
                }
            }
            Step::MapPage { at, physical, attributes } => {
                match self.space.map_page(machine, VirtAddr(at), PhysAddr(physical), attributes) {
                    Ok(()) => self.map(at, PAGE_SIZE, physical, attributes),
                    Err(MapError::NoAccess) => assert_eq!(attributes.in_force(), None),
                    Err(error) => return Err(error),
                }
            }
            Step::Unmap { at, length, budget } => {
                let progress = self.space.unmap(machine, VirtAddr(at), length, budget)?;
                let reached = self.reached(progress, at, at + length);
                take(&mut self.runs, at, reached);
                return Ok(self.rest(reached, at + length, |at, length| Step::Unmap { at, length, budget }));
            }
            Step::Protect { at, length, attributes, budget } => {
                let progress = self.space.protect(machine, VirtAddr(at), length, attributes, budget)?;
                let reached = self.reached(progress, at, at + length);
                self.protect(at, reached, attributes);
                return Ok(self.rest(reached, at + length, |at, length| Step::Protect {
                    at,
                    length,
                    attributes,
                    budget,
                }));
            }
            Step::Reserve { at, length } => {
                self.space.reserve_tables(machine, VirtAddr(at), length)?;
                self.reserved = true;
                self.reserved_now(at, length);
            }
        }
        Ok(None)
    }

    fn reached(&self, progress: Progress, from: u64, end: u64) -> u64 {
        match progress {
            Progress::Done => end,
            Progress::UpTo(VirtAddr(at)) => {
                assert!(from < at && at < end && at % PAGE_SIZE == 0);
                at
            }
        }
    }

    /// The rest of an operation, if there is any. Its edges are split by now, so that it needs no memory.
    fn rest(&mut self, at: u64, end: u64, step: impl Fn(u64, u64) -> Step) -> Option<Step> {
        if at == end {
            return None;
        }
        // Small budgets stop often: looking at one place in sixteen keeps the test short.
        if (at / PAGE_SIZE).is_multiple_of(16) {
            self.check();
        }
        self.machine.allowance = Some(0);
        Some(step(at, end - at))
    }

    /// In a copy without memory, every free page of the range can be mapped.
    fn reserved_now(&self, at: u64, length: u64) {
        let mut copy = self.clone();
        copy.machine.allowance = Some(0);
        for at in (at..at + length).step_by(BLOCK as usize) {
            if copy.is_free(at, at + PAGE_SIZE) {
                let result = copy.space.map_page(&mut copy.machine, VirtAddr(at), PhysAddr(0), READ_WRITE);
                assert_eq!(result, Ok(()));
            }
        }
    }

    /// Fails each allocation of a step in turn; nothing may change. Then does it.
    fn try_all(&mut self, step: &Step) {
        for allowance in 0.. {
            let mut copy = self.clone();
            copy.machine.allowance = Some(allowance);
            match copy.apply(step) {
                Err(MapError::NoMemory) => {
                    // But for a table that was near and empty, and is the spare one or free now.
                    let (before, after) = (self.space.tables(), copy.space.tables());
                    assert!(after <= before, "{after:?} tables instead of {before:?} on NO_MEMORY");
                    copy.check();
                }
                result => {
                    assert_eq!(result, Ok(()));
                    copy.machine.allowance = None;
                    copy.check();
                    *self = copy;
                    return;
                }
            }
        }
    }

    fn destroy(mut self, budget: u32) {
        self.machine.activate(None);
        let mut last = 0;
        while let Progress::UpTo(at) = self.space.destroy(&mut self.machine, budget) {
            assert!(at.0 > last);
            last = at.0;
            assert_eq!(self.space.walk(&self.machine, VirtAddr(0)), None);
        }
        assert!(self.machine.frames().is_empty(), "frames are lost");
        assert_eq!(self.space.tables().0, 0);
        self.machine.assert_settled();
        assert_eq!(self.space.destroy(&mut self.machine, budget), Progress::Done);
        let again = self.space.map_page(&mut self.machine, VirtAddr(0), PhysAddr(0), READ_WRITE);
        assert_eq!(again, Err(MapError::BadRange));
    }
}

#[derive(Clone, Debug)]
enum Step {
    MapRun { at: u64, physical: u64, length: u64, attributes: Attributes },
    MapPage { at: u64, physical: u64, attributes: Attributes },
    Unmap { at: u64, length: u64, budget: u32 },
    Protect { at: u64, length: u64, attributes: Attributes, budget: u32 },
    Reserve { at: u64, length: u64 },
}

fn attributes() -> impl Strategy<Value = Attributes> {
    (0..4u32, 1..16u32).prop_map(|(policy, bits)| Attributes {
        policy: CachePolicy::from_raw(policy).expect("below 4"),
        read: bits & 9 != 0,
        write: bits & 2 != 0,
        execute: bits & 4 != 0,
    })
}

/// Addresses crowd around the edges of tables of every level.
fn address() -> impl Strategy<Value = u64> {
    let anchor = prop_oneof![
        Just(0x100_0000),
        Just(GIB - 2 * BLOCK),
        Just(4 * GIB),
        Just((1 << 39) - 2 * BLOCK),
        Just((1 << 48) - 4 * BLOCK),
    ];
    let page = prop_oneof![3 => Just(0), 2 => 0..6u64, 1 => 506..512u64, 1 => 0..512u64];
    (anchor, 0..4u64, page).prop_map(|(anchor, block, page)| anchor + block * BLOCK + page * PAGE_SIZE)
}

fn length() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => (1..40u64).prop_map(|pages| pages * PAGE_SIZE),
        2 => (500..1100u64).prop_map(|pages| pages * PAGE_SIZE),
        2 => (1..5u64).prop_map(|blocks| blocks * BLOCK),
        1 => Just(GIB),
        1 => Just(GIB + 3 * BLOCK + 5 * PAGE_SIZE),
    ]
}

fn clipped(at: u64, length: u64) -> u64 {
    length.min((1 << 48) - at)
}

fn step() -> impl Strategy<Value = Step> {
    // Congruent to the address modulo 1 GiB, 2 MiB, or a page.
    let offset = prop_oneof![3 => Just(0), 2 => Just(BLOCK), 1 => Just(3 * PAGE_SIZE)];
    let map = (address(), length(), offset, attributes()).prop_map(|(at, length, offset, attributes)| {
        let length = if offset % BLOCK == 0 { length } else { length.min(3 * BLOCK) };
        Step::MapRun {
            at,
            physical: (at & !(1 << 47)) + offset,
            length: clipped(at, length).min(1 << 47),
            attributes,
        }
    });
    let page = (address(), 0..8u64, attributes()).prop_map(|(at, frame, attributes)| Step::MapPage {
        at,
        physical: (at & (GIB - 1)) + frame / 2 * PAGE_SIZE,
        attributes,
    });
    let budget = || prop_oneof![Just(1u32), 2..40u32, Just(1024), Just(u32::MAX)];
    let unmap = (address(), length(), budget()).prop_map(|(at, length, budget)| Step::Unmap {
        at,
        length: clipped(at, length),
        budget,
    });
    let protect =
        (address(), length(), attributes(), budget()).prop_map(|(at, length, attributes, budget)| {
            Step::Protect { at, length: clipped(at, length), attributes, budget }
        });
    let reserve = (address(), length())
        .prop_map(|(at, length)| Step::Reserve { at, length: clipped(at, length.min(4 * BLOCK)) });
    prop_oneof![4 => map, 3 => page, 3 => unmap, 3 => protect, 1 => reserve]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn random_operations_keep_to_the_record_and_to_the_architecture(
        steps in prop::collection::vec(step(), 1..12),
        budget in 1..600u32,
    ) {
        let mut twin = Twin::new();
        for step in &steps {
            twin.try_all(step);
        }
        twin.destroy(budget);
    }
}

#[test]
fn a_space_without_memory_does_not_begin() {
    let mut machine = Model::default();
    machine.allowance = Some(0);
    assert_eq!(Space::new(&mut machine).err(), Some(MapError::NoMemory));
}

#[test]
fn ranges_that_no_table_holds_are_refused() {
    let mut twin = Twin::new();
    let m = &mut twin.machine;
    for (at, physical, length) in [
        (1, 0, PAGE_SIZE),
        (0, 1, PAGE_SIZE),
        (0, 0, 1),
        (0, 0, 0),
        (1 << 48, 0, PAGE_SIZE),
        (0, 1 << 48, PAGE_SIZE),
        ((1 << 48) - PAGE_SIZE, 0, 2 * PAGE_SIZE),
        (u64::MAX - 0xFFF, 0, PAGE_SIZE),
        (0, u64::MAX - 0xFFF, PAGE_SIZE),
    ] {
        let result = twin.space.map_run(m, VirtAddr(at), PhysAddr(physical), length, READ_WRITE);
        assert_eq!(result, Err(MapError::BadRange), "{at:#x} {physical:#x} {length:#x}");
    }
    assert_eq!(twin.space.walk(m, VirtAddr(u64::MAX)), None);
    assert_eq!(twin.space.unmap(m, VirtAddr(1 << 48), PAGE_SIZE, 1), Err(MapError::BadRange));
    twin.check();
}

/// Calls of the ports for one operation: the instruction counts hang on them.
fn cost(twin: &mut Twin, operation: impl FnOnce(&mut Twin)) -> Calls {
    twin.machine.calls.set(Calls::default());
    operation(twin);
    twin.machine.calls.get()
}

#[test]
fn one_device_page_costs_one_look_and_one_write() {
    let mut twin = Twin::new();
    let at = VirtAddr(0x100_0000);
    // Neighbours, so that the table is there, and near.
    for page in [1, 2] {
        let at = VirtAddr(at.0 + page * PAGE_SIZE);
        twin.space.map_page(&mut twin.machine, at, PhysAddr(0), READ_WRITE).unwrap();
    }
    let mapped = cost(&mut twin, |t| {
        t.space.map_run(&mut t.machine, at, PhysAddr(0x901_0000), PAGE_SIZE, READ_WRITE).unwrap();
    });
    // That table is near: one look at the entry, one store.
    assert_eq!(mapped, Calls { reads: 1, writes: 1, publications: 1, ..Calls::default() });
    let unmapped = cost(&mut twin, |t| {
        assert_eq!(t.space.unmap(&mut t.machine, at, PAGE_SIZE, 64), Ok(Progress::Done));
    });
    assert_eq!(unmapped, Calls { reads: 1, writes: 1, publications: 1, invalidations: 1, completions: 1 });
    let faulted = cost(&mut twin, |t| {
        t.space.map_page(&mut t.machine, at, PhysAddr(0x5000), READ_WRITE).unwrap();
    });
    assert_eq!(faulted, Calls { reads: 1, writes: 1, publications: 1, ..Calls::default() });
    let protected = cost(&mut twin, |t| {
        let read_only = Attributes { write: false, ..READ_WRITE };
        assert_eq!(t.space.protect(&mut t.machine, at, PAGE_SIZE, read_only, 64), Ok(Progress::Done));
    });
    assert_eq!(protected, Calls { reads: 1, writes: 1, publications: 1, invalidations: 1, completions: 1 });
}

#[test]
fn a_page_elsewhere_costs_one_walk_and_the_count_that_was_kept() {
    let mut twin = Twin::new();
    for at in [GIB, 2 * GIB] {
        twin.space.map_page(&mut twin.machine, VirtAddr(at), PhysAddr(0), READ_WRITE).unwrap();
    }
    for (at, writes) in [(GIB, 1), (2 * GIB, 2), (GIB + PAGE_SIZE, 2)] {
        let at = VirtAddr(at + PAGE_SIZE);
        let mapped = cost(&mut twin, |t| {
            t.space.map_run(&mut t.machine, at, PhysAddr(0x901_0000), PAGE_SIZE, READ_WRITE).unwrap();
        });
        assert_eq!((mapped.reads, mapped.writes), (5, writes));
    }
}

#[test]
fn an_aligned_window_of_16_mib_is_eight_blocks() {
    let mut twin = Twin::new();
    let (at, base, length) = (VirtAddr(0x4_1000_0000), PhysAddr(0x1000_0000), 16 << 20);
    twin.space.map_page(&mut twin.machine, VirtAddr(at.0 - PAGE_SIZE), PhysAddr(0), READ_WRITE).unwrap();
    twin.space.map_page(&mut twin.machine, VirtAddr(at.0 + GIB / 2), PhysAddr(0), READ_WRITE).unwrap();
    let calls = cost(&mut twin, |t| {
        t.space.map_run(&mut t.machine, at, base, length, READ_WRITE).unwrap();
    });
    // Three reads of the walk, seven of the neighbours, eight leaves and their count.
    assert_eq!(calls, Calls { reads: 10, writes: 9, publications: 1, ..Calls::default() });
    assert_eq!(twin.space.walk(&twin.machine, VirtAddr(at.0 + length - 1)).unwrap().level, 2);
    let calls = cost(&mut twin, |t| {
        assert_eq!(t.space.unmap(&mut t.machine, at, length, 64), Ok(Progress::Done));
    });
    assert_eq!((calls.invalidations, calls.writes), (8, 9));
}

#[test]
fn many_pages_are_forgotten_by_address_space() {
    let mut twin = Twin::new();
    let length = ENTRIES * PAGE_SIZE;
    let at = VirtAddr(GIB);
    twin.space.map_run(&mut twin.machine, at, PhysAddr(0x1000), length, READ_WRITE).unwrap();
    let calls = cost(&mut twin, |t| {
        assert_eq!(t.space.unmap(&mut t.machine, at, length, u32::MAX), Ok(Progress::Done));
    });
    assert_eq!((calls.invalidations, calls.completions), (1, 1));
    twin.check();
}

#[test]
fn a_budget_bounds_what_is_touched() {
    let mut twin = Twin::new();
    let length = 4 * ENTRIES * PAGE_SIZE;
    twin.space.map_run(&mut twin.machine, VirtAddr(GIB), PhysAddr(0x1000), length, READ_WRITE).unwrap();
    let calls = cost(&mut twin, |t| {
        let progress = t.space.unmap(&mut t.machine, VirtAddr(GIB), length, 100);
        // Sixteen entries in a row count as one.
        assert_eq!(progress, Ok(Progress::UpTo(VirtAddr(GIB + 1600 * PAGE_SIZE))));
    });
    assert!(calls.reads < 120 && calls.writes < 120, "{calls:?}");
}

#[test]
fn a_permission_changes_in_place_and_a_memory_type_does_not() {
    let mut twin = Twin::new();
    twin.space.map_run(&mut twin.machine, VirtAddr(GIB), PhysAddr(GIB), BLOCK, READ_WRITE).unwrap();
    let read_only = Attributes { write: false, ..READ_WRITE };
    let calls = cost(&mut twin, |t| {
        assert_eq!(t.space.protect(&mut t.machine, VirtAddr(GIB), BLOCK, read_only, 9), Ok(Progress::Done));
    });
    assert_eq!((calls.writes, calls.publications, calls.completions), (1, 1, 1));
    let cached = Attributes { policy: CachePolicy::Cached, ..read_only };
    let calls = cost(&mut twin, |t| {
        assert_eq!(t.space.protect(&mut t.machine, VirtAddr(GIB), BLOCK, cached, 9), Ok(Progress::Done));
    });
    assert_eq!((calls.writes, calls.publications, calls.completions), (2, 2, 1));
}

#[test]
fn a_page_in_a_block_of_1_gib_needs_two_tables_and_all_or_none() {
    let mut twin = Twin::new();
    twin.try_all(&Step::MapRun { at: GIB, physical: GIB, length: GIB, attributes: READ_WRITE });
    let before = twin.space.tables().0;
    let at = GIB + 5 * BLOCK + 7 * PAGE_SIZE;
    twin.try_all(&Step::Unmap { at, length: PAGE_SIZE, budget: 1 });
    assert_eq!(twin.space.tables().0, before + 2);
    assert_eq!(twin.space.walk(&twin.machine, VirtAddr(at)), None);
    assert_eq!(twin.space.walk(&twin.machine, VirtAddr(at + BLOCK)).unwrap().level, 2);
    twin.destroy(3);
}

#[test]
fn an_empty_table_goes_with_the_next_operation_elsewhere() {
    let mut twin = Twin::new();
    let at = 4 * GIB + 7 * PAGE_SIZE;
    twin.try_all(&Step::MapPage { at, physical: 0x901_0000, attributes: READ_WRITE });
    assert_eq!(twin.space.tables().0, 4);
    twin.try_all(&Step::Unmap { at, length: PAGE_SIZE, budget: 1 });
    assert_eq!(twin.space.tables().0, 4, "it may come back");
    twin.try_all(&Step::Unmap { at: GIB, length: PAGE_SIZE, budget: 1 });
    assert_eq!(twin.space.tables().0, 2, "the root, and one table for the next time");
}

#[test]
fn what_an_empty_table_leaves_is_forgotten_before_another_one_comes() {
    let mut twin = Twin::new();
    let at = 4 * GIB;
    twin.try_all(&Step::MapPage { at, physical: 0x901_0000, attributes: READ_WRITE });
    twin.try_all(&Step::Unmap { at, length: PAGE_SIZE, budget: 1 });
    // The same entry of the root leads to another table now.
    let at = at + BLOCK;
    twin.try_all(&Step::MapRun { at, physical: 0x902_0000, length: PAGE_SIZE, attributes: READ_WRITE });
}

#[test]
fn a_page_that_comes_and_goes_needs_no_new_table() {
    let mut twin = Twin::new();
    let at = 4 * GIB;
    twin.try_all(&Step::MapPage { at: at + BLOCK, physical: 0x901_0000, attributes: READ_WRITE });
    for physical in [0x902_0000, 0x903_0000] {
        twin.try_all(&Step::MapPage { at, physical, attributes: READ_WRITE });
        twin.try_all(&Step::Unmap { at, length: PAGE_SIZE, budget: 1 });
    }
    let frames = twin.machine.frames().len();
    twin.try_all(&Step::MapPage { at, physical: 0x904_0000, attributes: READ_WRITE });
    assert_eq!(twin.machine.frames().len(), frames, "the spare table is used");
}

#[test]
fn a_range_from_a_page_into_the_next_block_splits_the_block() {
    let mut twin = Twin::new();
    let at = 4 * GIB + BLOCK - PAGE_SIZE;
    twin.try_all(&Step::MapRun { at, physical: at, length: PAGE_SIZE + BLOCK, attributes: READ_WRITE });
    twin.try_all(&Step::Unmap { at, length: 2 * PAGE_SIZE, budget: 9 });
    assert_eq!(twin.space.walk(&twin.machine, VirtAddr(at + 2 * PAGE_SIZE)).unwrap().level, LAST_LEVEL);
}

#[test]
fn a_page_over_a_block_leaves_the_rest_as_it_was() {
    let mut twin = Twin::new();
    twin.try_all(&Step::MapRun { at: GIB, physical: GIB, length: GIB, attributes: READ_WRITE });
    twin.try_all(&Step::MapPage { at: GIB, physical: 0x901_0000, attributes: READ_WRITE });
    let leaf = twin.space.walk(&twin.machine, VirtAddr(GIB + PAGE_SIZE)).unwrap();
    assert_eq!((leaf.frame, leaf.level), (PhysAddr(GIB + PAGE_SIZE), LAST_LEVEL));
}
