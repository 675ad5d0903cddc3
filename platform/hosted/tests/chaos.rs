//! Threads that take from each other what they work on: nothing is promised but that the kernel's counts stay right.
//!
//! Up to four threads, on up to four CPUs, resize, clone, pin, discard, map, protect, replace and destroy the same few VMOs
//! and regions, so that calls which are made in pieces find something else behind the same handle or address when they go
//! on. No model knows what the calls answer. After each step all counts are taken anew; the hosted MMU watches the tables
//! and the memory types; and at the end everything must go that was made.

#[path = "scenarios/beside.rs"]
mod beside;
#[path = "scenarios/program.rs"]
mod program;

use abi::dma::pin;
use abi::vmar::{
    ALLOW_FAULTS, CAN_MAP_EXECUTE, CAN_MAP_READ, CAN_MAP_SPECIFIC, CAN_MAP_WRITE, FAULT_BEYOND_STREAM_SIZE,
    MAP_RANGE, PERM_READ, PERM_WRITE, SPECIFIC, SPECIFIC_OVERWRITE,
};
use abi::vmo::{RangeOp, child, create};
use abi::{PAGE_SIZE, Status, Sysno, VirtAddr};
use beside::{Beside, Script, beside};
use program::Program;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use scenarios::System;
use scenarios::agent::{Arg, DATA, HEADER};

const P: u64 = PAGE_SIZE;
/// Pages of each VMO, and of the window that they are mapped in.
const PAGES: u64 = 80;
const CAN_MAP: u32 = CAN_MAP_READ | CAN_MAP_WRITE | CAN_MAP_EXECUTE | CAN_MAP_SPECIFIC;
const RW: u32 = PERM_READ | PERM_WRITE;
/// Views of each of the first two VMOs beside the window: more than one entry into the kernel goes through.
const VIEWS: usize = 24;
/// Pages at which tasks begin: few, so that they meet.
const PLACES: [u64; 8] = [0, 1, 2, 15, 31, 32, 63, 64];

/// What is done. VMOs are told by their number in [`Things::vmos`].
#[derive(Clone, Copy, Debug)]
enum Task {
    Range {
        vmo: usize,
        op: RangeOp,
        page: u64,
        pages: u64,
    },
    SetSize {
        vmo: usize,
        pages: u64,
    },
    SetStream {
        vmo: usize,
        bytes: u64,
    },
    Policy {
        vmo: usize,
        policy: u64,
    },
    Write {
        vmo: usize,
        page: u64,
        pages: u64,
    },
    Read {
        vmo: usize,
        page: u64,
        pages: u64,
    },
    /// Makes a child, does this to it, and closes it.
    Child {
        vmo: usize,
        kind: u32,
        page: u64,
        pages: u64,
        then: Then,
    },
    /// Pins a part, and unpins it or leaves it in quarantine.
    Pin {
        vmo: usize,
        page: u64,
        pages: u64,
        unpins: bool,
    },
    Map {
        vmo: usize,
        options: u32,
        at: u64,
        page: u64,
        pages: u64,
    },
    Unmap {
        at: u64,
        pages: u64,
    },
    Protect {
        permissions: u32,
        at: u64,
        pages: u64,
    },
    VmarRange {
        op: u64,
        at: u64,
        pages: u64,
    },
    /// Touches what is mapped at a page, by a call that copies.
    Touch {
        at: u64,
        writes: bool,
    },
    /// Makes a region, maps into it, and destroys it, or closes it and leaves it.
    Region {
        vmo: usize,
        at: u64,
        pages: u64,
        destroys: bool,
    },
    Memory {
        at: u64,
        pages: u64,
        writes: bool,
    },
}

/// What is done to a child.
#[derive(Clone, Copy, Debug)]
enum Then {
    Nothing,
    Write,
    Range(RangeOp),
    Map { at: u64 },
    Grandchild(u32),
}

/// Handles and places that all threads know.
#[derive(Clone, Copy, Debug)]
struct Things {
    vmos: [u64; 7],
    bti: u64,
    region: u64,
    base: u64,
    probe: u64,
    process: u64,
}

impl Task {
    fn add(self, things: &Things, script: &mut Script) {
        let (is, data) = (Arg::Is, Arg::Script(DATA + 64));
        let vmo = |n: usize| is(things.vmos[n % things.vmos.len()]);
        match self {
            Self::Range { vmo: n, op, page, pages } => {
                let args = [vmo(n), is(op as u64), is(page * P), is(pages * P), data, is(32)];
                script.call(Sysno::vmo_op_range, &args);
            }
            Self::SetSize { vmo: n, pages } => script.call(Sysno::vmo_set_size, &[vmo(n), is(pages * P)]),
            Self::SetStream { vmo: n, bytes } => {
                script.call(Sysno::vmo_set_stream_size, &[vmo(n), is(bytes)]);
            }
            Self::Policy { vmo: n, policy } => {
                script.call(Sysno::vmo_set_cache_policy, &[vmo(n), is(policy)]);
            }
            Self::Write { vmo: n, page, pages } => {
                // From wherever the window shows something.
                let args = [vmo(n), is(things.base), is(page * P), is(pages * P)];
                script.call(Sysno::vmo_write, &args);
                script.call(Sysno::vmo_write, &[vmo(n), Arg::Script(HEADER), is(page * P + 7), is(64)]);
            }
            Self::Read { vmo: n, page, pages } => {
                script.call(Sysno::vmo_read, &[vmo(n), is(things.base), is(page * P), is(pages * P)]);
            }
            Self::Child { vmo: n, kind, page, pages, then } => {
                let whole = kind & child::REFERENCE != 0;
                let (offset, size) = if whole { (0, 0) } else { (page * P, pages * P) };
                let make = [vmo(n), is(u64::from(kind)), is(offset), is(size), Arg::Script(DATA)];
                script.call(Sysno::vmo_create_child, &make);
                then.add(things, script);
                script.give(DATA, 1, 0);
                script.call(Sysno::handle_close, &[is(0)]);
            }
            Self::Pin { vmo: n, page, pages, unpins } => {
                let options = u64::from(pin::PERM_READ | pin::PERM_WRITE);
                let args = [is(things.bti), is(options), vmo(n), is(page * P), is(pages * P), data];
                let args = [args.as_slice(), &[is(pages), Arg::Script(DATA + 8)]].concat();
                script.call(Sysno::bti_pin, &args);
                script.give(DATA + 8, 1, 0);
                script.call(if unpins { Sysno::pmt_unpin } else { Sysno::handle_close }, &[is(0)]);
                script.call(Sysno::bti_release_quarantine, &[is(things.bti)]);
            }
            task => task.add_to_region(things, script),
        }
    }

    /// The rest of [`Task::add`]: what is about the window and what is mapped in it.
    fn add_to_region(self, things: &Things, script: &mut Script) {
        let (is, data) = (Arg::Is, Arg::Script(DATA + 64));
        let vmo = |n: usize| is(things.vmos[n % things.vmos.len()]);
        let address = |at: u64| is(things.base + at * P);
        match self {
            Self::Map { vmo: n, options, at, page, pages } => {
                let (options, place) = (is(u64::from(options)), is(at * P));
                let args = [is(things.region), options, place, vmo(n), is(page * P), is(pages * P), data];
                script.call(Sysno::vmar_map, &args);
            }
            Self::Unmap { at, pages } => {
                script.call(Sysno::vmar_unmap, &[is(things.region), address(at), is(pages * P)]);
            }
            Self::Protect { permissions, at, pages } => {
                let args = [is(things.region), is(u64::from(permissions)), address(at), is(pages * P)];
                script.call(Sysno::vmar_protect, &args);
            }
            Self::VmarRange { op, at, pages } => {
                let args = [is(things.region), is(op), address(at), is(pages * P)];
                script.call(Sysno::vmar_op_range, &args);
            }
            Self::Touch { at, writes } => {
                let sysno = if writes { Sysno::vmo_read } else { Sysno::vmo_write };
                let at = is(things.base + at * P + 8);
                script.call(sysno, &[is(things.probe), at, is(0), is(8)]);
            }
            Self::Region { vmo: n, at, pages, destroys } => {
                let options = is(u64::from(CAN_MAP | SPECIFIC));
                let out = [Arg::Script(DATA + 16), Arg::Script(DATA + 24)];
                let args = [is(things.region), options, is(at * P), is(pages * P), out[0], out[1]];
                script.call(Sysno::vmar_allocate, &args);
                script.give(DATA + 16, 3, 0);
                script.give(DATA + 16, 3, 0);
                script.give(DATA + 16, 3, 0);
                let options = is(u64::from(RW | MAP_RANGE | ALLOW_FAULTS));
                let map = [is(0), options, is(0), vmo(n), is(0), is(pages * P), data];
                script.call(Sysno::vmar_map, &map);
                if destroys {
                    script.call(Sysno::vmar_destroy, &[is(0)]);
                } else {
                    script.call(Sysno::handle_check_valid, &[is(0)]);
                }
                script.call(Sysno::handle_close, &[is(0)]);
            }
            Self::Memory { at, pages, writes } => {
                let sysno = if writes { Sysno::process_write_memory } else { Sysno::process_read_memory };
                let args = [is(things.process), address(at), is(things.base), is(pages * P), data];
                script.call(sysno, &args);
            }
            _ => unreachable!("the others are about VMOs"),
        }
    }
}

impl Then {
    fn add(self, things: &Things, script: &mut Script) {
        let is = Arg::Is;
        match self {
            Self::Nothing => {}
            Self::Write => {
                script.give(DATA, 1, 0);
                script.call(Sysno::vmo_write, &[is(0), Arg::Script(HEADER), is(P - 32), is(64)]);
            }
            Self::Range(op) => {
                script.give(DATA, 1, 0);
                script.call(Sysno::vmo_op_range, &[is(0), is(op as u64), is(0), is(P)]);
            }
            Self::Map { at } => {
                let options = is(u64::from(RW | SPECIFIC_OVERWRITE));
                script.give(DATA, 1, 3);
                let args = [is(things.region), options, is(at * P), is(0), is(0), is(8 * P)];
                script.call(Sysno::vmar_map, &[args.as_slice(), &[Arg::Script(DATA + 64)]].concat());
            }
            Self::Grandchild(kind) => {
                let size = if kind & child::REFERENCE != 0 { 0 } else { P };
                script.give(DATA, 1, 0);
                let make = [is(0), is(u64::from(kind)), is(0), is(size), Arg::Script(DATA + 32)];
                script.call(Sysno::vmo_create_child, &make);
                script.give(DATA + 32, 1, 0);
                script.call(Sysno::handle_close, &[is(0)]);
            }
        }
    }
}

fn range_op() -> impl Strategy<Value = RangeOp> {
    prop_oneof![
        3 => Just(RangeOp::Commit),
        4 => Just(RangeOp::Decommit),
        2 => Just(RangeOp::Zero),
        1 => Just(RangeOp::CacheCleanInvalidate),
        1 => Just(RangeOp::Prefetch),
    ]
}

fn kind() -> impl Strategy<Value = u32> {
    prop_oneof![
        4 => Just(child::SNAPSHOT),
        1 => Just(child::SNAPSHOT | child::NO_WRITE),
        1 => Just(child::SNAPSHOT | child::RESIZABLE),
        2 => Just(child::SLICE),
        2 => Just(child::REFERENCE),
    ]
}

fn then() -> impl Strategy<Value = Then> {
    prop_oneof![
        Just(Then::Nothing),
        Just(Then::Write),
        range_op().prop_map(Then::Range),
        (0..PAGES - 8).prop_map(|at| Then::Map { at }),
        kind().prop_map(Then::Grandchild),
    ]
}

fn task() -> impl Strategy<Value = Task> {
    let vmo = || prop_oneof![2 => 0..2_usize, 1 => 2..7_usize];
    let page = || prop_oneof![3 => prop::sample::select(PLACES.as_slice()), 1 => 0..PAGES];
    let pages = || prop_oneof![3 => 1..5_u64, 2 => 1..40_u64, 1 => Just(PAGES)];
    let options = prop_oneof![
        3 => Just(RW | SPECIFIC_OVERWRITE),
        2 => Just(RW | SPECIFIC | MAP_RANGE),
        1 => Just(PERM_READ | SPECIFIC_OVERWRITE),
        1 => Just(RW | SPECIFIC | FAULT_BEYOND_STREAM_SIZE),
    ]
    .prop_map(|options| options | ALLOW_FAULTS);
    let whole = || {
        let op = prop_oneof![Just(RangeOp::Lock), Just(RangeOp::TryLock), Just(RangeOp::Unlock)];
        op.prop_map(|op| Task::Range { vmo: 4, op, page: 0, pages: PAGES })
    };
    let permissions = prop_oneof![Just(0), Just(PERM_READ), Just(RW)];
    let vmar_op = prop_oneof![Just(1_u64), Just(2), Just(3), Just(10), Just(14)];
    prop_oneof![
        5 => (vmo(), range_op(), page(), pages()).prop_map(|(vmo, op, page, pages)| Task::Range { vmo, op, page, pages }),
        2 => whole(),
        2 => (prop_oneof![Just(0_usize), Just(3)], 0..=PAGES).prop_map(|(vmo, pages)| Task::SetSize { vmo, pages }),
        2 => (vmo(), 0..=PAGES * P).prop_map(|(vmo, bytes)| Task::SetStream { vmo, bytes }),
        1 => (vmo(), 0..4_u64).prop_map(|(vmo, policy)| Task::Policy { vmo, policy }),
        3 => (vmo(), page(), pages()).prop_map(|(vmo, page, pages)| Task::Write { vmo, page, pages }),
        2 => (vmo(), page(), pages()).prop_map(|(vmo, page, pages)| Task::Read { vmo, page, pages }),
        5 => (vmo(), kind(), page(), pages(), then())
            .prop_map(|(vmo, kind, page, pages, then)| Task::Child { vmo, kind, page, pages, then }),
        2 => (vmo(), page(), pages(), any::<bool>())
            .prop_map(|(vmo, page, pages, unpins)| Task::Pin { vmo, page, pages, unpins }),
        6 => (vmo(), options, page(), page(), pages())
            .prop_map(|(vmo, options, at, page, pages)| Task::Map { vmo, options, at, page, pages }),
        3 => (page(), pages()).prop_map(|(at, pages)| Task::Unmap { at, pages }),
        3 => (permissions, page(), pages()).prop_map(|(permissions, at, pages)| Task::Protect { permissions, at, pages }),
        4 => (vmar_op, page(), pages()).prop_map(|(op, at, pages)| Task::VmarRange { op, at, pages }),
        4 => (page(), any::<bool>()).prop_map(|(at, writes)| Task::Touch { at, writes }),
        2 => (vmo(), page(), pages(), any::<bool>())
            .prop_map(|(vmo, at, pages, destroys)| Task::Region { vmo, at, pages, destroys }),
        1 => (page(), pages(), any::<bool>()).prop_map(|(at, pages, writes)| Task::Memory { at, pages, writes }),
    ]
}

/// The driven program, which makes what the others fight for, watches, and clears up.
struct Bench {
    program: Program,
    things: Things,
    views: Vec<u64>,
}

impl Bench {
    fn new(beside: &Beside<Task>) -> Self {
        let program = Program::start(beside.config());
        let things = Things { vmos: [0; 7], bti: 0, region: 0, base: 0, probe: 0, process: 0 };
        let mut bench = Self { program, things, views: Vec::new() };
        let (world, size) = (bench.program.world(), PAGES * P);
        let resizable = bench.making(Sysno::vmo_create, &[size, create::RESIZABLE.into()]);
        let plain = bench.making(Sysno::vmo_create, &[size, 0]);
        let slice = bench.making(Sysno::vmo_create_child, &[plain, child::SLICE.into(), P, size - P]);
        let options = child::REFERENCE | child::RESIZABLE;
        let reference = bench.making(Sysno::vmo_create_child, &[resizable, options.into(), 0, 0]);
        let discardable = bench.making(Sysno::vmo_create, &[size, create::DISCARDABLE.into()]);
        let window = [u64::from(world.mmio_root), hosted::virt::SRAM.0, size];
        let physical = bench.making(Sysno::vmo_create_physical, &window);
        let iommu = bench.making(Sysno::iommu_create, &[world.system_root.into(), 0, 0, 0]);
        let bti = bench.making(Sysno::bti_create, &[iommu, 0, 1 << 40]);
        assert_eq!(bench.call(Sysno::handle_close, &[iommu]), Ok(()));
        let contiguous = bench.making(Sysno::vmo_create_contiguous, &[bti, size, 0]);
        let probe = bench.making(Sysno::vmo_create, &[P, 0]);
        let out = world.scratch.0;
        let args = [world.vmar.into(), u64::from(CAN_MAP), 0, size, out, out + 8];
        assert_eq!(bench.call(Sysno::vmar_allocate, &args), Ok(()));
        let (region, base) = (bench.word(out) & u64::from(u32::MAX), bench.word(out + 8));
        let vmos = [resizable, plain, slice, reference, discardable, physical, contiguous];
        bench.things = Things { vmos, bti, region, base, probe, process: world.process.into() };
        for vmo in [resizable, plain].repeat(VIEWS) {
            let args = [world.vmar.into(), u64::from(RW), 0, vmo, 0, size, out];
            assert_eq!(bench.call(Sysno::vmar_map, &args), Ok(()));
            let view = bench.word(out);
            bench.views.push(view);
        }
        bench
    }

    fn call(&mut self, sysno: Sysno, first: &[u64]) -> Result<(), Status> {
        self.program.ask(sysno, first)
    }

    fn word(&mut self, at: u64) -> u64 {
        self.program.word(VirtAddr(at))
    }

    fn making(&mut self, sysno: Sysno, before: &[u64]) -> u64 {
        let out = self.program.world().scratch.0;
        assert_eq!(self.call(sysno, &[before, &[out]].concat()), Ok(()), "{sysno:?}");
        self.word(out) & u64::from(u32::MAX)
    }

    fn sleep(&mut self, nanoseconds: u64) {
        assert_eq!(self.program.sleep(nanoseconds), Ok(()));
    }

    fn check(&self) {
        self.program.board.check_books();
    }

    /// Takes a part in it, so that what the others made small or took away is there again.
    fn refresh(&mut self, round: u64) {
        let Things { vmos, region, .. } = self.things;
        let _maybe_pinned = self.call(Sysno::vmo_set_size, &[vmos[0], PAGES * P]);
        let vmo = vmos[round as usize % vmos.len()];
        let out = self.program.world().scratch.0;
        let options = u64::from(RW | SPECIFIC | ALLOW_FAULTS);
        for at in (0..PAGES).step_by(16) {
            let args = [region, options, at * P, vmo, at * P, 16 * P, out];
            let _maybe_taken = self.call(Sysno::vmar_map, &args);
        }
        for view in self.views.clone() {
            let at = view + round * 7 % PAGES * P;
            let _maybe_beyond = self.call(Sysno::vmo_read, &[self.things.probe, at, 0, 8]);
        }
    }
}

/// Whoever withdraws pages that many mappings show, or waits until that is over, gets on, though others begin it again
/// and again.
#[test]
fn nobody_is_kept_waiting_by_who_begins_again_and_again() {
    let decommit = Task::Range { vmo: 0, op: RangeOp::Decommit, page: 0, pages: 2 };
    let zero = Task::Range { vmo: 0, op: RangeOp::Zero, page: 0, pages: 2 };
    let clone = |vmo| Task::Child { vmo, kind: child::SNAPSHOT, page: 0, pages: 1, then: Then::Nothing };
    let write = Task::Write { vmo: 0, page: 0, pages: 1 };
    let pin = Task::Pin { vmo: 0, page: 1, pages: 1, unpins: true };
    let touch = |writes| Task::Touch { at: 0, writes };
    let view = Task::Map { vmo: 0, options: RW | SPECIFIC | ALLOW_FAULTS, at: 0, page: 0, pages: 2 };
    // What goes on beside the driven thread, and whether that looks at the pages.
    let crowds = [
        (false, vec![vec![decommit], vec![clone(0)]]),
        (false, vec![vec![clone(0)], vec![decommit]]),
        (true, vec![vec![view, touch(true)], vec![clone(0)], vec![decommit]]),
        (true, vec![vec![view, touch(false)], vec![clone(0)], vec![clone(3)]]),
        (true, vec![vec![write], vec![clone(0)], vec![clone(3)]]),
        (true, vec![vec![zero], vec![clone(0)], vec![pin]]),
        (true, vec![vec![decommit], vec![clone(0)], vec![clone(0)]]),
    ];
    for ((looks, others), cpus) in crowds.iter().flat_map(|crowd| [(crowd, 1), (crowd, 3)]) {
        let beside = Beside { cpus, seed: 0, others: others.clone() };
        let mut bench = Bench::new(&beside);
        let things = bench.things;
        let others = beside.start(&mut bench.program, |script, task| task.add(&things, script));
        for round in 0..24 {
            bench.refresh(round);
            bench.sleep(20_000);
            if *looks {
                let at = VirtAddr(bench.views[round as usize % VIEWS]);
                let _seen = bench.program.load32(at);
                bench.program.store32(at, round as u32);
            }
            bench.check();
        }
        others.stop(&mut bench.program);
        bench.check();
    }
}

/// Who waits to see a page sees it before anybody takes it away again, though others, who need not wait, see pages of that
/// VMO all the time. And a call that may not wait is not kept from writing a word there.
#[test]
fn whose_turn_it_is_to_see_a_page_keeps_it() {
    let clone = |vmo| Task::Child { vmo, kind: child::SNAPSHOT, page: 0, pages: 1, then: Then::Nothing };
    let touch = Task::Touch { at: 0, writes: false };
    let crowds = [
        vec![vec![clone(0)], vec![touch], vec![touch]],
        vec![vec![clone(0)], vec![touch], vec![clone(3)]],
        vec![vec![touch], vec![clone(0)], vec![clone(3)]],
    ];
    for others in crowds {
        let beside = Beside { cpus: 2, seed: 0, others };
        let mut bench = Bench::new(&beside);
        let things = bench.things;
        let others = beside.start(&mut bench.program, |script, task| task.add(&things, script));
        bench.refresh(0);
        let mut most = 0;
        for round in 0..200 {
            bench.sleep(20_000 + round * 777);
            let at = bench.views[round as usize % VIEWS * 2];
            let before = bench.program.board.cpu.entries();
            let _seen = bench.program.load32(VirtAddr(at));
            most = most.max(bench.program.board.cpu.entries() - before);
            assert_eq!(bench.call(Sysno::vmo_get_size, &[things.vmos[1], at]), Ok(()));
        }
        assert!(most < 200, "a load took {most} entries of all threads");
        others.stop(&mut bench.program);
        bench.check();
    }
}

proptest! {
    // Seeds of what failed are kept beside this file.
    #![proptest_config(ProptestConfig {
        cases: 6,
        max_shrink_iters: 400,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("seeds"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn counts_stay_right_whatever_threads_take_from_each_other(beside in beside(task(), 2), rounds in 10..60_u64) {
        let mut bench = Bench::new(&beside);
        let things = bench.things;
        let objects = bench.program.object_count();
        let others = beside.start(&mut bench.program, |script, task| task.add(&things, script));
        for round in 0..rounds {
            bench.refresh(round);
            bench.check();
            bench.sleep(20_000);
            bench.check();
        }
        others.stop(&mut bench.program);
        bench.check();
        prop_assert_eq!(bench.call(Sysno::vmar_destroy, &[things.region]), Ok(()));
        prop_assert_eq!(bench.call(Sysno::bti_release_quarantine, &[things.bti]), Ok(()));
        for _ in 0..8 {
            bench.sleep(1_000_000);
        }
        bench.check();
        prop_assert_eq!(bench.program.object_count(), objects);
    }
}
