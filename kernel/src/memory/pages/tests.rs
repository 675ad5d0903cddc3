//! Trees against maps from page to frame.
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// Pages near which keys are chosen: small ones, around the edges of nodes, and far away.
const PLACES: [u64; 7] = [0, 1, 31, 32, 1023, 1 << 20, 1 << 51];

/// Histories, and operations in each. Miri is some hundred times slower.
const CASES: u32 = if cfg!(miri) { 3 } else { 256 };
const OPS: usize = if cfg!(miri) { 24 } else { 120 };

#[derive(Clone, Copy, Debug)]
enum Op {
    Put { vmo: usize, page: u64 },
    Take { vmo: usize, page: u64 },
    Clear { vmo: usize, from: u64, count: u64 },
    Share { vmo: usize, from: u64, count: u64 },
    Drop { vmo: usize },
    Reap { steps: usize },
}

/// A VMO: its tree, its size, and what it should have.
struct Vmo {
    pages: Pages,
    size: u64,
    frames: BTreeMap<u64, u64>,
}

struct World {
    trees: Trees,
    vmos: Vec<Vmo>,
    next: u64,
    freed: BTreeSet<u64>,
}

fn page() -> impl Strategy<Value = u64> {
    (0..PLACES.len(), 0..40_u64).prop_map(|(place, more)| PLACES[place] + more)
}

fn op() -> impl Strategy<Value = Op> {
    let vmo = 0..8_usize;
    prop_oneof![
        8 => (vmo.clone(), page()).prop_map(|(vmo, page)| Op::Put { vmo, page }),
        2 => (vmo.clone(), page()).prop_map(|(vmo, page)| Op::Take { vmo, page }),
        1 => (vmo.clone(), page(), page()).prop_map(|(vmo, from, count)| Op::Clear { vmo, from, count }),
        3 => (vmo.clone(), page(), page()).prop_map(|(vmo, from, count)| Op::Share { vmo, from, count }),
        2 => vmo.clone().prop_map(|vmo| Op::Share { vmo, from: 0, count: 1 << 52 }),
        1 => vmo.prop_map(|vmo| Op::Drop { vmo }),
        1 => (0..200_usize).prop_map(|steps| Op::Reap { steps }),
    ]
}

impl World {
    fn new() -> Self {
        let first = Vmo { pages: Pages::new(), size: 1 << 52, frames: BTreeMap::new() };
        Self { trees: Trees::new(), vmos: vec![first], next: 1, freed: BTreeSet::new() }
    }

    fn free(&mut self, frame: PhysAddr) {
        assert!(self.freed.insert(frame.0), "{frame:?} is freed twice");
        assert!(self.vmos.iter().all(|vmo| !vmo.frames.values().any(|it| *it == frame.0)));
    }

    fn act(&mut self, op: Op) {
        let index = |vmo: usize| vmo % self.vmos.len();
        match op {
            Op::Put { vmo, page } => {
                let vmo = index(vmo);
                let vmo = &mut self.vmos[vmo];
                let page = page % vmo.size;
                let frame = PhysAddr(self.next * 0x1000);
                self.next += 1;
                match self.trees.look(&vmo.pages, page) {
                    Page::Owned(_) => {
                        assert!(!self.trees.fill(&vmo.pages, page, frame));
                        assert_eq!(self.trees.put(&mut vmo.pages, page, frame), Err(abi::Status::INTERNAL));
                        let old = self.trees.swap(&mut vmo.pages, page, frame).unwrap();
                        assert_eq!(vmo.frames.insert(page, frame.0), Some(old.0));
                        self.free(old);
                    }
                    found @ (Page::Absent | Page::Shared(_)) => {
                        let fills = self.next.is_multiple_of(2) || found != Page::Absent;
                        if fills && self.trees.fill(&vmo.pages, page, frame) {
                            assert_eq!(found, Page::Absent);
                        } else {
                            self.trees.put(&mut vmo.pages, page, frame).unwrap();
                        }
                        vmo.frames.insert(page, frame.0);
                    }
                }
            }
            Op::Take { vmo, page } => {
                let vmo = index(vmo);
                let had = self.vmos[vmo].frames.remove(&page);
                match self.trees.take(&mut self.vmos[vmo].pages, page).unwrap() {
                    Taken::Absent => assert_eq!(had, None),
                    Taken::Shared => assert!(had.is_some()),
                    Taken::Frame(frame) => {
                        assert_eq!(had, Some(frame.0));
                        self.free(frame);
                    }
                }
            }
            Op::Clear { vmo, from, count } => {
                let vmo = index(vmo);
                let to = from + count;
                self.vmos[vmo].frames.retain(|page, _| !(from..to).contains(page));
                let (mut at, mut freed) = (from, Vec::new());
                let pages = &mut self.vmos[vmo].pages;
                while let Some(next) =
                    self.trees.clear(pages, (at, to), 1, |frame| freed.push(frame)).unwrap()
                {
                    assert!(next > at);
                    at = next;
                }
                freed.into_iter().for_each(|frame| self.free(frame));
            }
            Op::Share { vmo, from, count } => {
                let vmo = index(vmo);
                let parent = &mut self.vmos[vmo];
                let pages = self.trees.share(&mut parent.pages, (from, count), parent.size).unwrap();
                let range = parent.frames.range(from..from + count.min(1 << 52));
                let frames = range.map(|(page, frame)| (page - from, *frame)).collect();
                self.vmos.push(Vmo { pages, size: count.max(1), frames });
            }
            Op::Drop { vmo } => {
                let vmo = index(vmo);
                if self.vmos.len() > 1 {
                    let mut vmo = self.vmos.swap_remove(vmo);
                    vmo.frames.clear();
                    if let Some(frame) = self.trees.abandon(&mut vmo.pages) {
                        self.free(frame);
                    }
                }
            }
            Op::Reap { steps } => self.reap(steps),
        }
    }

    fn reap(&mut self, steps: usize) {
        for _ in 0..steps {
            match self.trees.reap() {
                Reaped::Frame(frame) => self.free(frame),
                Reaped::Nothing => {}
                Reaped::Empty => break,
            }
        }
    }

    /// Everything agrees with the model. What is shared with the dead is only known once they are gone.
    fn check(&self) {
        let all = || self.vmos.iter().map(|vmo| &vmo.pages);
        self.trees.check(all()).unwrap();
        let mut sharers: BTreeMap<u64, u64> = BTreeMap::new();
        self.vmos
            .iter()
            .flat_map(|vmo| vmo.frames.values())
            .for_each(|it| *sharers.entry(*it).or_default() += 1);
        for vmo in &self.vmos {
            assert_eq!(self.trees.committed(&vmo.pages), vmo.frames.len() as u64);
            let mut at = self.trees.next_from(&vmo.pages, 0);
            for (page, frame) in &vmo.frames {
                assert_eq!(at, Some(*page));
                at = self.trees.next_after(&vmo.pages, *page);
                let look = self.trees.look(&vmo.pages, *page);
                assert_eq!(look.frame(), Some(PhysAddr(*frame)));
                let owned = sharers[frame] == 1;
                match look {
                    Page::Owned(_) => assert!(owned, "page {page} is somebody else's, too"),
                    _ => assert!(!owned || !self.trees.is_reaped(), "page {page} is not shared"),
                }
            }
            assert_eq!(at, None);
            let private = vmo.frames.values().filter(|frame| sharers[frame] == 1).count() as u64;
            if self.trees.is_reaped() {
                assert_eq!(self.trees.private(&vmo.pages), private);
            }
        }
        if self.trees.is_reaped() {
            assert_eq!(self.trees.frames(all()), sharers.len() as u64);
            assert_eq!(self.next - 1, (self.freed.len() + sharers.len()) as u64 + self.refused());
            let sum = all().map(|pages| self.trees.scaled_in(pages, u32::MAX));
            let sum = sum.fold(0, |sum, (bytes, part)| sum + (u128::from(bytes) << 63) + u128::from(part));
            let found = u128::from(sharers.len() as u64 * abi::PAGE_SIZE) << 63;
            assert!(sum <= found && found - sum < 1 << 40, "the shares sum to {sum}, not to {found}");
        }
    }

    /// Frames that no tree took, because the page had one.
    fn refused(&self) -> u64 {
        let mut known: BTreeSet<u64> = self.freed.clone();
        known.extend(self.vmos.iter().flat_map(|vmo| vmo.frames.values().copied()));
        (1..self.next).filter(|frame| !known.contains(&(frame * 0x1000))).count() as u64
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn trees_agree_with_maps(ops in prop::collection::vec(op(), 1..OPS)) {
        let mut world = World::new();
        for op in ops {
            world.act(op);
            world.check();
        }
        world.reap(usize::MAX);
        world.check();
        while world.vmos.len() > 1 {
            world.act(Op::Drop { vmo: 0 });
        }
        world.act(Op::Clear { vmo: 0, from: 0, count: 1 << 53 });
        world.reap(usize::MAX);
        prop_assert_eq!(world.trees.parts(), 0);
    }
}

#[test]
fn a_vmo_of_one_page_needs_no_node() {
    let (mut trees, mut pages) = (Trees::new(), Pages::new());
    trees.put(&mut pages, 0, PhysAddr(0x1000)).unwrap();
    assert_eq!((trees.look(&pages, 0), trees.parts()), (Page::Owned(PhysAddr(0x1000)), 0));
    let mut clone = trees.share(&mut pages, (0, 1), 1).unwrap();
    assert_eq!((trees.look(&pages, 0), trees.parts()), (Page::Shared(PhysAddr(0x1000)), 1));
    trees.put(&mut clone, 0, PhysAddr(0x2000)).unwrap();
    assert_eq!(trees.look(&pages, 0), Page::Owned(PhysAddr(0x1000)));
    assert_eq!(trees.abandon(&mut clone), Some(PhysAddr(0x2000)));
    assert_eq!(trees.take(&mut pages, 0), Ok(Taken::Frame(PhysAddr(0x1000))));
    assert_eq!(trees.parts(), 0);
}

#[test]
fn a_clone_of_a_clone_of_a_clone_costs_what_differs() {
    let (mut trees, mut pages) = (Trees::new(), Pages::new());
    for page in 0..1000 {
        trees.put(&mut pages, page, PhysAddr((page + 1) << 12)).unwrap();
    }
    let before = trees.parts();
    for round in 0..if cfg!(miri) { 20_u64 } else { 10_000 } {
        let mut clone = trees.share(&mut pages, (0, 1000), 1000).unwrap();
        core::mem::swap(&mut clone, &mut pages);
        // The older one goes, and what it alone had.
        assert_eq!(trees.abandon(&mut clone), None);
        let page = round % 1000;
        if let Page::Shared(_) = trees.look(&pages, page) {
            trees.put(&mut pages, page, PhysAddr((round + 2000) << 12)).unwrap();
        }
        let mut freed = 0;
        loop {
            match trees.reap() {
                Reaped::Frame(_) => freed += 1,
                Reaped::Nothing => {}
                Reaped::Empty => break,
            }
        }
        assert!(freed <= 1);
        assert!(trees.parts() <= before + 64, "round {round}: {} parts", trees.parts());
    }
    assert_eq!(trees.committed(&pages), 1000);
}

#[test]
fn the_key_of_the_first_page_stays_small() {
    // Each clone starts in the middle of the one before, and is as large: what it starts at does not add up.
    let (mut trees, mut pages) = (Trees::new(), Pages::new());
    for round in 0..if cfg!(miri) { 10 } else { 1000_u64 } {
        trees.put(&mut pages, 1 << 51, PhysAddr((round + 1) << 12)).unwrap();
        let mut clone = trees.share(&mut pages, (1 << 51, 1 << 52), 1 << 52).unwrap();
        assert_eq!(trees.get(&clone, 0), Some(PhysAddr((round + 1) << 12)));
        assert!(clone.base < 1 << 55);
        core::mem::swap(&mut clone, &mut pages);
        trees.abandon(&mut clone);
        while trees.reap() != Reaped::Empty {}
    }
}

#[test]
fn scaled_bytes_are_equal_parts_of_what_is_shared() {
    let (mut trees, mut pages) = (Trees::new(), Pages::new());
    for page in 0..64 {
        trees.put(&mut pages, page, PhysAddr((page + 1) << 12)).unwrap();
    }
    assert_eq!(trees.scaled(&pages), (64 * 4096, 0));
    let mut one = trees.share(&mut pages, (0, 64), 64).unwrap();
    let other = trees.share(&mut pages, (0, 64), 64).unwrap();
    assert_eq!(trees.scaled(&other), (64 * 4096 / 3, (1 << 63) / 3));
    trees.put(&mut one, 0, PhysAddr(0x100_0000)).unwrap();
    assert_eq!((trees.private(&one), trees.private(&other)), (1, 0));
}
