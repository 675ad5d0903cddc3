//! Memory that several processes use: one, whose every page is known, and others that clone it, map the clones, write
//! to them, take pages away and close them, at the same time and on one to four CPUs.
//!
//! The others never write to what is known: whatever they do, it must hold what a plain array of words says. The MMU
//! of the simulated machine judges each step of the tables meanwhile, and every count is taken anew now and then.

use std::cell::RefCell;
use std::rc::Rc;

use abi::vmar::{PERM_READ, PERM_WRITE};
use abi::vmo::{RangeOp, child};
use abi::{PAGE_SIZE, Rights, Status, Sysno, VirtAddr};
use hosted::Config;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use scenarios::System;
use scenarios::agent::{Arg, DATA, Do, HEADER, STEP, STEP_ARGS, Step};

use super::Driven;
use super::child::Child;

/// After so many steps every count is taken anew.
const STEPS_A_CHECK: usize = 10;
/// Pages of the first VMO.
const PAGES: u64 = 12;
/// VMOs that are known at once.
const MANY: usize = 10;
/// A counter so slow that a slice is a thousand instructions.
const TICKS_PER_SECOND: u64 = 1_600_000;
const RW: u64 = (PERM_READ | PERM_WRITE) as u64;
/// Frames of tables that a process may keep.
const TABLES: usize = 4;
const KINDS: [u32; 3] = [child::SNAPSHOT, child::SNAPSHOT_AT_LEAST_ON_WRITE, child::SNAPSHOT_MODIFIED];

/// What the process that knows does. VMOs and pages are picked by a number modulo how many there are.
#[derive(Clone, Copy, Debug)]
enum Op {
    Write { vmo: usize, page: usize, value: u64 },
    Read { vmo: usize, page: usize },
    Clone { vmo: usize, page: usize, pages: usize, kind: usize },
    Slice { vmo: usize, page: usize },
    Refer { vmo: usize },
    Clear { vmo: usize, page: usize, pages: usize, decommits: bool },
    Map { vmo: usize },
    Unmap { vmo: usize },
    Commit { vmo: usize },
    Close { vmo: usize },
    Yield,
    ReadAll,
}

fn operation() -> impl Strategy<Value = Op> {
    let (vmo, page, pages) = (|| 0..MANY, || 0..PAGES as usize, || 1..=PAGES as usize);
    prop_oneof![
        4 => (vmo(), page(), 1..u64::MAX).prop_map(|(vmo, page, value)| Op::Write { vmo, page, value }),
        2 => (vmo(), page()).prop_map(|(vmo, page)| Op::Read { vmo, page }),
        2 => (vmo(), page(), pages(), 0..KINDS.len())
            .prop_map(|(vmo, page, pages, kind)| Op::Clone { vmo, page, pages, kind }),
        1 => (vmo(), page()).prop_map(|(vmo, page)| Op::Slice { vmo, page }),
        1 => vmo().prop_map(|vmo| Op::Refer { vmo }),
        1 => (vmo(), page(), 1..4_usize, any::<bool>())
            .prop_map(|(vmo, page, pages, decommits)| Op::Clear { vmo, page, pages, decommits }),
        2 => vmo().prop_map(|vmo| Op::Map { vmo }),
        1 => vmo().prop_map(|vmo| Op::Unmap { vmo }),
        1 => vmo().prop_map(|vmo| Op::Commit { vmo }),
        1 => vmo().prop_map(|vmo| Op::Close { vmo }),
        1 => Just(Op::Yield),
        1 => Just(Op::ReadAll),
    ]
}

/// What a process beside it does, for ever, with clones of its own.
#[derive(Clone, Copy, Debug)]
enum Neighbour {
    Writer { page: u64 },
    Mapper { page: u64 },
    Discarder { page: u64 },
    Reader { page: u64 },
}

fn neighbour() -> impl Strategy<Value = Neighbour> {
    let page = || 0..PAGES;
    prop_oneof![
        page().prop_map(|page| Neighbour::Writer { page }),
        page().prop_map(|page| Neighbour::Mapper { page }),
        (0..PAGES - 3).prop_map(|page| Neighbour::Discarder { page }),
        page().prop_map(|page| Neighbour::Reader { page }),
    ]
}

/// A VMO of which every page is known: by its first word, the others being zero.
struct Known {
    handle: u64,
    /// Shared with those that show the same pages.
    pages: Rc<RefCell<Vec<u64>>>,
    /// Where it starts in them, and how many it shows.
    first: usize,
    len: usize,
    /// Where it is mapped.
    at: Option<u64>,
}

struct Life {
    driven: Driven,
    known: Vec<Known>,
}

impl Life {
    /// Which VMO a number picks, and which of its pages: each has one.
    fn pick(&self, vmo: usize, page: usize) -> (usize, usize) {
        let pick = vmo % self.known.len();
        (pick, page % self.known[pick].len)
    }

    fn step(&mut self, op: Op) {
        match op {
            Op::Write { vmo, page, value } => {
                let (pick, page) = self.pick(vmo, page);
                self.write(pick, page, value);
            }
            Op::Read { vmo, page } => {
                let (pick, page) = self.pick(vmo, page);
                self.read_page(pick, page);
            }
            Op::Clone { vmo, page, pages, kind } => {
                let (pick, page) = self.pick(vmo, page);
                self.clone(pick, page, pages, KINDS[kind]);
            }
            Op::Slice { vmo, page } => {
                let (pick, page) = self.pick(vmo, page);
                self.slice(pick, page);
            }
            Op::Refer { vmo } => self.refer(self.pick(vmo, 0).0),
            Op::Clear { vmo, page, pages, decommits } => {
                let (pick, page) = self.pick(vmo, page);
                self.clear(pick, page, pages, decommits);
            }
            Op::Map { vmo } => self.map(self.pick(vmo, 0).0),
            Op::Unmap { vmo } => self.unmap(self.pick(vmo, 0).0),
            Op::Commit { vmo } => self.commit(self.pick(vmo, 0).0),
            Op::Close { vmo } => match self.pick(vmo, 0).0 {
                // The neighbours have this one.
                0 => {}
                pick => self.close(pick),
            },
            Op::Yield => assert_eq!(self.driven.call(Sysno::thread_legacy_yield, &[]), Ok(())),
            Op::ReadAll => self.read_all(),
        }
    }

    fn write(&mut self, pick: usize, page: usize, value: u64) {
        let vmo = &self.known[pick];
        vmo.pages.borrow_mut()[vmo.first + page] = value;
        let offset = page as u64 * PAGE_SIZE;
        match vmo.at {
            Some(at) => self.driven.program.poke(VirtAddr(at + offset), &value.to_le_bytes()),
            None => {
                let handle = vmo.handle;
                self.driven.write(0x100, &value.to_le_bytes());
                let from = self.driven.scratch(0x100);
                assert_eq!(self.driven.call(Sysno::vmo_write, &[handle, from, offset, 8]), Ok(()));
            }
        }
    }

    fn read_page(&mut self, pick: usize, page: usize) {
        let vmo = &self.known[pick];
        let (expected, offset) = (vmo.pages.borrow()[vmo.first + page], page as u64 * PAGE_SIZE);
        let found = match vmo.at {
            Some(at) => {
                let mut bytes = [0; 8];
                self.driven.program.peek(VirtAddr(at + offset), &mut bytes);
                u64::from_le_bytes(bytes)
            }
            None => {
                let (handle, to) = (vmo.handle, self.driven.scratch(0x100));
                assert_eq!(self.driven.call(Sysno::vmo_read, &[handle, to, offset, 8]), Ok(()));
                self.driven.read64(0x100)
            }
        };
        assert_eq!(found, expected, "page {page} of VMO {pick}");
    }

    fn read_all(&mut self) {
        for pick in 0..self.known.len() {
            (0..self.known[pick].len).for_each(|page| self.read_page(pick, page));
        }
    }

    /// A part of a VMO, perhaps beyond its end, as it is at this moment.
    fn clone(&mut self, pick: usize, first: usize, len: usize, kind: u32) {
        let vmo = &self.known[pick];
        let shown = |page: usize| (page < vmo.len).then(|| vmo.pages.borrow()[vmo.first + page]);
        let pages = (first..first + len).map(|page| shown(page).unwrap_or(0)).collect();
        let args = [vmo.handle, u64::from(kind), first as u64 * PAGE_SIZE, len as u64 * PAGE_SIZE];
        let handle = self.driven.making(Sysno::vmo_create_child, &args).unwrap();
        self.keep(Known { handle, pages: Rc::new(RefCell::new(pages)), first: 0, len, at: None });
    }

    /// The rest of a VMO from a page on, the same pages.
    fn slice(&mut self, pick: usize, from: usize) {
        let vmo = &self.known[pick];
        let (pages, first, len) = (Rc::clone(&vmo.pages), vmo.first + from, vmo.len - from);
        let args = [vmo.handle, u64::from(child::SLICE), from as u64 * PAGE_SIZE, len as u64 * PAGE_SIZE];
        let handle = self.driven.making(Sysno::vmo_create_child, &args).unwrap();
        self.keep(Known { handle, pages, first, len, at: None });
    }

    /// The same pages once more. A slice has no reference.
    fn refer(&mut self, pick: usize) {
        let vmo = &self.known[pick];
        let (pages, first, len) = (Rc::clone(&vmo.pages), vmo.first, vmo.len);
        let args = [vmo.handle, u64::from(child::REFERENCE), 0, 0];
        match self.driven.making(Sysno::vmo_create_child, &args) {
            Ok(handle) => self.keep(Known { handle, pages, first, len, at: None }),
            Err(status) => assert_eq!(status, Status::NOT_SUPPORTED),
        }
    }

    fn keep(&mut self, vmo: Known) {
        self.known.push(vmo);
        if self.known.len() > MANY {
            self.close(1);
        }
    }

    /// Zeroes some pages, in one of the two ways.
    fn clear(&mut self, pick: usize, from: usize, pages: usize, decommits: bool) {
        let vmo = &self.known[pick];
        let len = pages.min(vmo.len - from);
        let operation = if decommits { RangeOp::Decommit } else { RangeOp::Zero };
        let args = [vmo.handle, operation as u64, from as u64 * PAGE_SIZE, len as u64 * PAGE_SIZE];
        assert_eq!(self.driven.call(Sysno::vmo_op_range, &args), Ok(()));
        vmo.pages.borrow_mut()[vmo.first + from..][..len].fill(0);
    }

    fn commit(&mut self, pick: usize) {
        let vmo = &self.known[pick];
        let args = [vmo.handle, RangeOp::Commit as u64, 0, vmo.len as u64 * PAGE_SIZE, 0, 0];
        assert_eq!(self.driven.call(Sysno::vmo_op_range, &args), Ok(()));
    }

    fn map(&mut self, pick: usize) {
        let vmo = &self.known[pick];
        if vmo.at.is_none() {
            let (handle, len) = (vmo.handle, vmo.len as u64 * PAGE_SIZE);
            self.known[pick].at = Some(self.driven.map(RW as u32, handle, 0, len).unwrap());
        }
    }

    fn unmap(&mut self, pick: usize) {
        let len = self.known[pick].len as u64 * PAGE_SIZE;
        if let Some(at) = self.known[pick].at.take() {
            self.driven.unmap(at, len).unwrap();
        }
    }

    fn close(&mut self, pick: usize) {
        self.unmap(pick);
        let vmo = self.known.remove(pick);
        self.driven.close(vmo.handle);
    }

    /// Starts a process with what is known first, and a way to map it.
    fn start_neighbour(&mut self, neighbour: Neighbour) {
        let steps = match neighbour {
            Neighbour::Writer { page } => writer(page * PAGE_SIZE),
            Neighbour::Mapper { page } => mapper(page * PAGE_SIZE),
            Neighbour::Discarder { page } => discarder(page * PAGE_SIZE),
            Neighbour::Reader { page } => reader(page * PAGE_SIZE),
        };
        let driven = &mut self.driven;
        let mut child = Child::default();
        driven.make_child_with(&mut child, &steps).unwrap();
        let out = driven.scratch(0);
        driven.call(Sysno::channel_create, &[0, out, out + 4]).unwrap();
        let [near, far] = [0, 4].map(|at| u64::from(driven.read32(at)));
        for handle in [self.known[0].handle, child.vmar] {
            let rights = u64::from(Rights::SAME_RIGHTS.0);
            let copy = driven.making(Sysno::handle_duplicate, &[handle, rights]).unwrap();
            driven.write(0x100, &(copy as u32).to_le_bytes());
            let from = driven.scratch(0x100);
            driven.call(Sysno::channel_write, &[near, 0, 0, 0, from, 1]).unwrap();
        }
        driven.close(near);
        driven.start_child(&child, far).unwrap();
        child.handles().into_iter().for_each(|handle| driven.close(handle));
    }
}

/// Clones, writes to the clone, clones that one, and closes the first of them.
fn writer(page: u64) -> Vec<Step> {
    let write =
        Step::call(Sysno::vmo_write, &[Arg::Is(0), Arg::Script(DATA + 64), Arg::Is(page), Arg::Is(64)]);
    script(|at| {
        vec![
            give(VMO, at + 1, 0),
            snapshot(DATA),
            give(DATA, at + 5, 0),
            give(DATA, at + 6, 0),
            give(DATA, at + 7, 0),
            write,
            snapshot(DATA + 8),
            Step::call(Sysno::handle_close, &[]),
            give(DATA + 8, at + 10, 0),
            give(DATA + 8, at + 11, 0),
            write,
            Step::call(Sysno::handle_close, &[]),
            Step::again(at),
        ]
    })
}

/// Maps a clone, stores through the mapping, and takes it away while the handle is closed already.
fn mapper(page: u64) -> Vec<Step> {
    let (size, there) = (Arg::Is(PAGES * PAGE_SIZE), Arg::Script(DATA + 16));
    let map = [Arg::Is(0), Arg::Is(RW), Arg::Is(0), Arg::Is(0), Arg::Is(0), size, there];
    script(|at| {
        vec![
            give(VMO, at + 1, 0),
            snapshot(DATA),
            give(DATA, at + 5, 3),
            give(DATA, at + 6, 0),
            give(VMAR, at + 5, 0),
            Step::call(Sysno::vmar_map, &map),
            Step::call(Sysno::handle_close, &[]),
            give(DATA + 16, at + 9, 0),
            give(DATA + 16, at + 12, 1),
            Step::new(Do::Store, &[Arg::Is(0), Arg::Is(0x5A5A + page)]),
            Step::call(Sysno::thread_legacy_yield, &[]),
            give(VMAR, at + 12, 0),
            Step::call(Sysno::vmar_unmap, &[Arg::Is(0), Arg::Is(0), size]),
            Step::again(at),
        ]
    })
}

/// Takes pages of a clone away, and what is left of it.
fn discarder(page: u64) -> Vec<Step> {
    let range = |operation: RangeOp| {
        let args = [Arg::Is(0), Arg::Is(operation as u64), Arg::Is(page), Arg::Is(3 * PAGE_SIZE)];
        Step::call(Sysno::vmo_op_range, &args)
    };
    script(|at| {
        vec![
            give(VMO, at + 1, 0),
            snapshot(DATA),
            give(DATA, at + 6, 0),
            give(DATA, at + 7, 0),
            give(DATA, at + 8, 0),
            give(DATA, at + 9, 0),
            range(RangeOp::Zero),
            range(RangeOp::Decommit),
            range(RangeOp::Commit),
            Step::call(Sysno::handle_close, &[]),
            Step::again(at),
        ]
    })
}

/// Reads what is known.
fn reader(page: u64) -> Vec<Step> {
    let read = [Arg::Is(0), Arg::Script(DATA + 64), Arg::Is(page), Arg::Is(64)];
    script(|at| {
        vec![
            give(VMO, at + 1, 0),
            Step::call(Sysno::vmo_read, &read),
            Step::call(Sysno::thread_legacy_yield, &[]),
            Step::again(at),
        ]
    })
}

/// Where a neighbour keeps the handles that it was sent.
const VMO: u64 = DATA + 32;
const VMAR: u64 = DATA + 40;

/// A script that takes what it was sent first; the rest starts with the step whose number it is given.
fn script(rest: impl FnOnce(u64) -> Vec<Step>) -> Vec<Step> {
    let receive = |to| {
        Step::call(
            Sysno::channel_read,
            &[Arg::Is(0), Arg::Is(0), Arg::Is(0), Arg::Script(to), Arg::Is(0), Arg::Is(1)],
        )
    };
    let mut steps = vec![Step::give_handle(2), Step::give_handle(3), receive(VMO), receive(VMAR)];
    let at = steps.len() as u64;
    steps.extend(rest(at));
    steps
}

/// A snapshot of the pages that are known, whose handle goes to `out` in the script's page.
fn snapshot(out: u64) -> Step {
    let (kind, size) = (Arg::Is(u64::from(child::SNAPSHOT)), Arg::Is(PAGES * PAGE_SIZE));
    Step::call(Sysno::vmo_create_child, &[Arg::Is(0), kind, Arg::Is(0), size, Arg::Script(out)])
}

/// What is at `from` in the script's page becomes argument `n` of step `to`.
fn give(from: u64, to: u64, n: u64) -> Step {
    let to = HEADER + to * STEP + STEP_ARGS + n * 8;
    Step::new(Do::Copy, &[Arg::Script(from), Arg::Script(to)])
}

/// What a neighbour's calls, and those beside them, may return.
fn is_expected(sysno: usize, status: Status) -> bool {
    // The reference of a slice.
    status == Status::OK || (sysno, status) == (Sysno::vmo_create_child as usize, Status::NOT_SUPPORTED)
}

/// Lives a life and ends it.
fn live(cpus: usize, seed: u64, neighbours: &[Neighbour], steps: &[Op]) {
    let config = Config { cpus, seed: Some(seed), ticks_per_second: TICKS_PER_SECOND, ..Config::default() };
    let mut driven = Driven::start_with(config);
    driven.settle();
    let before = (driven.objects(), driven.frames());
    let job = driven.making(Sysno::job_create, &[u64::from(driven.world.job), 0]).unwrap();
    driven.world.job = job as u32;
    let handle = driven.making(Sysno::vmo_create, &[PAGES * PAGE_SIZE, 0]).unwrap();
    let pages = Rc::new(RefCell::new(vec![0; PAGES as usize]));
    let first = Known { handle, pages, first: 0, len: PAGES as usize, at: None };
    let mut life = Life { driven, known: vec![first] };
    neighbours.iter().for_each(|neighbour| life.start_neighbour(*neighbour));
    for (nth, op) in steps.iter().enumerate() {
        life.step(*op);
        if nth % STEPS_A_CHECK == 0 {
            life.driven.check();
        }
    }
    life.read_all();
    life.driven.call(Sysno::task_kill, &[job]).unwrap();
    life.driven.close(job);
    life.driven.settle();
    life.read_all();
    let returned = life.driven.program.board.cpu.returned();
    let strange = returned.iter().find(|(sysno, status)| !is_expected(*sysno, Status(*status)));
    assert_eq!(strange, None, "a call by its number, and what it returned");
    let console = life.driven.program.board.machine.take_console();
    assert!(!console.contains("undefined instruction") && !console.contains("fault"), "{console}");
    (0..life.known.len()).rev().for_each(|pick| life.close(pick));
    for _ in 0..100 {
        life.driven.settle();
        if life.driven.objects() == before.0 {
            break;
        }
    }
    // What is left is counted whole, and every frame has its owner; tables of the process that knows stay.
    life.driven.check();
    assert_eq!(life.driven.objects(), before.0, "objects are left behind");
    assert!(life.driven.frames() <= before.1 + TABLES, "frames are left behind");
}

proptest! {
    // Seeds of what failed are kept beside this file.
    #![proptest_config(ProptestConfig {
        cases: 40,
        max_shrink_iters: 1000,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("seeds"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn known_memory_holds_whatever_neighbours_do(
        cpus in 1..=4_usize,
        seed in any::<u64>(),
        neighbours in prop::collection::vec(neighbour(), 1..=4),
        steps in prop::collection::vec(operation(), 1..80),
    ) {
        live(cpus, seed, &neighbours, &steps);
    }
}
