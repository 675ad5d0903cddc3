//! Regions and mappings against a model that keeps a row of pages and a list of intervals.
//!
//! A window of the program's address space sees random operations on regions in it, nested as it comes. The
//! model says what each answers, and what every page of the window shows. Up to three other threads map, protect and
//! destroy beside the window meanwhile, on up to four CPUs.

#[path = "scenarios/beside.rs"]
mod beside;
#[path = "scenarios/program.rs"]
mod program;

use abi::vmar::{
    CAN_MAP_EXECUTE, CAN_MAP_READ, CAN_MAP_SPECIFIC, CAN_MAP_WRITE, OFFSET_IS_UPPER_LIMIT, PERM_READ,
    PERM_WRITE, RangeOp, SPECIFIC, SPECIFIC_OVERWRITE,
};
use abi::{GeneralRegs, Handle, PAGE_SIZE, Status, Sysno, VirtAddr};
use beside::{Beside, Others, Script, beside};
use hosted::Config;
use kernel::ports::{CpuId, Event, Next};
use program::Program;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use scenarios::System;
use scenarios::agent::{Arg, DATA};

/// Pages of the window, and of the VMO that is mapped in it.
const WINDOW: u64 = 32;
const CAN_MAP: u32 = CAN_MAP_READ | CAN_MAP_WRITE | CAN_MAP_EXECUTE | CAN_MAP_SPECIFIC;
const RW: u32 = PERM_READ | PERM_WRITE;

/// Where something goes.
#[derive(Clone, Copy, Debug)]
enum Where {
    Anywhere,
    Below(u64),
    At(u64),
    Over(u64),
}

impl Where {
    fn options(self) -> (u32, u64) {
        match self {
            Self::Anywhere => (0, 0),
            Self::Below(page) => (OFFSET_IS_UPPER_LIMIT, page * PAGE_SIZE),
            Self::At(page) => (SPECIFIC, page * PAGE_SIZE),
            Self::Over(page) => (SPECIFIC_OVERWRITE, page * PAGE_SIZE),
        }
    }
}

/// What is done. Regions are picked by a number modulo how many there have been.
#[derive(Clone, Copy, Debug)]
enum Op {
    Allocate { region: usize, place: Where, pages: u64 },
    Map { region: usize, place: Where, pages: u64, from: u64, permissions: u32 },
    Unmap { region: usize, from: u64, pages: u64 },
    Protect { region: usize, from: u64, pages: u64, permissions: u32 },
    Destroy { region: usize },
    Range { op: RangeOp, region: usize, from: u64, pages: u64 },
}

/// What other threads do beside the window.
#[derive(Clone, Copy, Debug)]
enum Task {
    /// Maps a part of the VMO, with what is there, protects it and takes it away.
    Map { from: u64, pages: u64 },
    /// Makes a region with a mapping in it, and destroys it.
    Region { pages: u64 },
}

impl Task {
    fn add(self, root: u64, vmo: u64, script: &mut Script) {
        let (is, options, at) = (Arg::Is, Arg::Is(u64::from(RW)), DATA + 16);
        match self {
            Self::Map { from, pages } => {
                let len = is(pages * PAGE_SIZE);
                let map = [is(root), options, is(0), is(vmo), is(from * PAGE_SIZE), len, Arg::Script(at)];
                script.call(Sysno::vmar_map, &map);
                script.give(at, 3, 2);
                script.give(at, 3, 2);
                script.give(at, 3, 1);
                script.call(Sysno::vmar_op_range, &[is(root), is(RangeOp::MapRange as u64), is(0), len]);
                script.call(Sysno::vmar_protect, &[is(root), is(u64::from(PERM_READ)), is(0), len]);
                script.call(Sysno::vmar_unmap, &[is(root), is(0), len]);
            }
            Self::Region { pages } => {
                let (len, outs) = (is(pages * PAGE_SIZE), [Arg::Script(DATA), Arg::Script(at)]);
                let allocate = [is(root), is(u64::from(CAN_MAP)), is(0), len, outs[0], outs[1]];
                script.call(Sysno::vmar_allocate, &allocate);
                (0..3).for_each(|_| script.give(DATA, 3, 0));
                let map = [is(0), options, is(0), is(vmo), is(0), is(PAGE_SIZE), Arg::Script(at)];
                script.call(Sysno::vmar_map, &map);
                script.call(Sysno::vmar_destroy, &[is(0)]);
                script.call(Sysno::handle_close, &[is(0)]);
            }
        }
    }
}

fn task() -> impl Strategy<Value = Task> {
    prop_oneof![
        (0..WINDOW, 1..WINDOW).prop_map(|(from, pages)| Task::Map { from, pages }),
        (1..WINDOW).prop_map(|pages| Task::Region { pages }),
    ]
}

#[derive(Clone, Copy, Debug)]
struct Region {
    handle: Handle,
    /// Pages of the window.
    from: u64,
    to: u64,
    parent: Option<usize>,
    alive: bool,
}

/// A page's content and permissions; the region that mapped it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Page {
    content: u64,
    permissions: u32,
}

/// What must be so.
#[derive(Debug)]
struct Model {
    regions: Vec<Region>,
    pages: Vec<Option<Page>>,
}

impl Model {
    fn children(&self, region: usize) -> impl Iterator<Item = (usize, &Region)> {
        self.regions.iter().enumerate().filter(move |(_, child)| child.alive && child.parent == Some(region))
    }

    fn meets_child(&self, region: usize, from: u64, to: u64) -> bool {
        self.children(region).any(|(_, child)| child.from < to && from < child.to)
    }

    fn is_free(&self, region: usize, from: u64, to: u64) -> bool {
        !self.meets_child(region, from, to) && (from..to).all(|page| self.pages[page as usize].is_none())
    }

    /// Where `pages` may go: the pages of the window where they may start, or the refusal.
    fn places(&self, index: usize, place: Where, pages: u64) -> Result<Vec<u64>, Status> {
        let region = self.regions[index];
        let size = region.to - region.from;
        let limit = match place {
            _ if !region.alive => return Err(Status::BAD_STATE),
            Where::At(offset) | Where::Over(offset) => {
                if offset + pages > size {
                    return Err(Status::INVALID_ARGS);
                }
                let (from, to) = (region.from + offset, region.from + offset + pages);
                return match place {
                    Where::At(_) if !self.is_free(index, from, to) => Err(Status::ALREADY_EXISTS),
                    Where::Over(_) if self.meets_child(index, from, to) => Err(Status::INVALID_ARGS),
                    _ => Ok(vec![from]),
                };
            }
            Where::Anywhere => size,
            Where::Below(limit) => limit,
        };
        if limit > size || pages > limit {
            return Err(Status::INVALID_ARGS);
        }
        let last = region.from + limit - pages;
        let places: Vec<_> =
            (region.from..=last).filter(|&from| self.is_free(index, from, from + pages)).collect();
        if places.is_empty() { Err(Status::NO_RESOURCES) } else { Ok(places) }
    }

    fn destroy(&mut self, index: usize) {
        let children: Vec<_> = self.children(index).map(|(child, _)| child).collect();
        children.into_iter().for_each(|child| self.destroy(child));
        let region = &mut self.regions[index];
        region.alive = false;
        self.pages[region.from as usize..region.to as usize].fill(None);
    }

    /// The pages of a range of a region.
    fn range(&self, index: usize, from: u64, pages: u64) -> Result<(u64, u64), Status> {
        let region = self.regions[index];
        match (region.from + from, region.from + from + pages) {
            _ if !region.alive => Err(Status::BAD_STATE),
            (from, to) if to <= region.to => Ok((from, to)),
            _ => Err(Status::INVALID_ARGS),
        }
    }

    /// What an operation on a range that changes no byte answers.
    fn range_op(&self, op: RangeOp, index: usize, from: u64, pages: u64) -> Result<(), Status> {
        let (from, to) = self.range(index, from, pages).map_err(|status| match status {
            Status::INVALID_ARGS => Status::OUT_OF_RANGE,
            status => status,
        })?;
        for at in from..to {
            if op == RangeOp::Commit && self.meets_child(index, at, at + 1) {
                return Err(Status::INVALID_ARGS);
            }
            let page = self.pages[at as usize].ok_or(Status::BAD_STATE)?;
            if op != RangeOp::MapRange && page.content > WINDOW {
                return Err(Status::OUT_OF_RANGE);
            }
        }
        Ok(())
    }

    fn unmap(&mut self, index: usize, from: u64, pages: u64) -> Result<(), Status> {
        let (from, to) = self.range(index, from, pages)?;
        let met: Vec<_> =
            self.children(index).filter(|(_, child)| child.from < to && from < child.to).collect();
        if met.iter().any(|(_, child)| child.from < from || child.to > to) {
            return Err(Status::INVALID_ARGS);
        }
        let met: Vec<_> = met.into_iter().map(|(child, _)| child).collect();
        met.into_iter().for_each(|child| self.destroy(child));
        self.pages[from as usize..to as usize].fill(None);
        Ok(())
    }

    fn protect(&mut self, index: usize, from: u64, pages: u64, permissions: u32) -> Result<(), Status> {
        let (from, to) = self.range(index, from, pages)?;
        for at in from..to {
            let below = self.meets_child(index, at, at + 1);
            let page = self.pages[at as usize].as_mut().ok_or(Status::NOT_FOUND)?;
            if below && permissions & !page.permissions != 0 {
                return Err(Status::ACCESS_DENIED);
            }
            page.permissions = permissions;
        }
        Ok(())
    }
}

/// The program, the window and the model of it.
struct Bench {
    program: Program,
    model: Model,
    base: u64,
    vmo: Handle,
    probe: Handle,
    /// Objects that are not the model's.
    before: Option<usize>,
}

impl Bench {
    fn new(beside: &Beside<Task>) -> (Self, Others) {
        let mut program = Program::start(beside.config());
        let (vmo, probe) = (make_vmo(&mut program, WINDOW * PAGE_SIZE), make_vmo(&mut program, PAGE_SIZE));
        let scratch = program.world().scratch;
        for page in 0..WINDOW {
            program.poke(scratch, &(page + 1).to_le_bytes());
            assert_eq!(program.ask(Sysno::vmo_write, &[vmo.into(), scratch.0, page * PAGE_SIZE, 8]), Ok(()));
        }
        let model = Model { regions: Vec::new(), pages: vec![None; WINDOW as usize] };
        let before = program.object_count();
        let mut bench = Self { program, model, base: 0, vmo, probe, before };
        let root = bench.program.world().vmar;
        let (handle, base) = bench.allocate(root, Where::Anywhere, WINDOW).expect("there is room");
        bench.model.regions.push(Region { handle, from: 0, to: WINDOW, parent: None, alive: true });
        bench.base = base;
        let others =
            beside.start(&mut bench.program, |script, task| task.add(root.into(), vmo.into(), script));
        (bench, others)
    }

    fn allocate(&mut self, parent: Handle, place: Where, pages: u64) -> Result<(Handle, u64), Status> {
        let out = self.program.world().scratch;
        let (options, offset) = place.options();
        let options = u64::from(options | CAN_MAP);
        let args = [parent.into(), options, offset, pages * PAGE_SIZE, out.0, out.0 + 8];
        self.program.ask(Sysno::vmar_allocate, &args)?;
        let (handle, address) = (self.word(out), self.word(VirtAddr(out.0 + 8)));
        Ok((handle as u32, address))
    }

    fn word(&mut self, at: VirtAddr) -> u64 {
        self.program.word(at)
    }

    fn address(&self, region: usize, offset: u64) -> u64 {
        self.base + (self.model.regions[region].from + offset) * PAGE_SIZE
    }

    fn page(&self, address: u64) -> u64 {
        address.wrapping_sub(self.base) / PAGE_SIZE
    }

    fn apply(&mut self, op: Op) {
        let count = self.model.regions.len();
        match op {
            Op::Allocate { region, place, pages } => {
                let place = if let Where::Over(at) = place { Where::At(at) } else { place };
                let index = region % count;
                let expected = self.model.places(index, place, pages);
                let got = self.allocate(self.model.regions[index].handle, place, pages);
                let got = got.map(|(handle, address)| (handle, self.page(address)));
                assert_eq!(
                    got.map(|_| ()),
                    expected.as_ref().map(|_| ()).map_err(|status| *status),
                    "{op:?}"
                );
                if let (Ok((handle, from)), Ok(places)) = (got, expected) {
                    assert!(places.contains(&from), "{op:?} at {from}, not in {places:?}");
                    let region = Region { handle, from, to: from + pages, parent: Some(index), alive: true };
                    self.model.regions.push(region);
                }
            }
            Op::Map { region, place, pages, from, permissions } => {
                self.map(region % count, place, pages, from, permissions);
            }
            Op::Unmap { region, from, pages } => {
                let index = region % count;
                let args =
                    [self.model.regions[index].handle.into(), self.address(index, from), pages * PAGE_SIZE];
                let got = self.program.ask(Sysno::vmar_unmap, &args);
                assert_eq!(got, self.model.unmap(index, from, pages), "{op:?}");
            }
            Op::Protect { region, from, pages, permissions } => {
                let index = region % count;
                let handle = self.model.regions[index].handle.into();
                let args = [handle, permissions.into(), self.address(index, from), pages * PAGE_SIZE];
                let got = self.program.ask(Sysno::vmar_protect, &args);
                assert_eq!(got, self.model.protect(index, from, pages, permissions), "{op:?}");
            }
            Op::Range { op: range_op, region, from, pages } => {
                let index = region % count;
                let handle = self.model.regions[index].handle.into();
                let args = [handle, range_op as u64, self.address(index, from), pages * PAGE_SIZE];
                let got = self.program.ask(Sysno::vmar_op_range, &args);
                assert_eq!(got, self.model.range_op(range_op, index, from, pages), "{op:?}");
            }
            Op::Destroy { region } => {
                // The window itself stays.
                let index = region % count;
                if index != 0 {
                    let handle = self.model.regions[index].handle.into();
                    let alive = self.model.regions[index].alive;
                    let got = self.program.ask(Sysno::vmar_destroy, &[handle]);
                    assert_eq!(got, if alive { Ok(()) } else { Err(Status::BAD_STATE) }, "{op:?}");
                    if alive {
                        self.model.destroy(index);
                    }
                }
            }
        }
    }

    fn map(&mut self, index: usize, place: Where, pages: u64, content: u64, permissions: u32) {
        let expected = self.model.places(index, place, pages);
        let out = self.program.world().scratch;
        let (options, offset) = place.options();
        let (region, options) = (self.model.regions[index].handle.into(), u64::from(options | permissions));
        let (from, length) = (content * PAGE_SIZE, pages * PAGE_SIZE);
        let args = [region, options, offset, self.vmo.into(), from, length, out.0];
        let got = self.program.ask(Sysno::vmar_map, &args);
        assert_eq!(got, expected.as_ref().map(|_| ()).map_err(|status| *status), "{place:?}, {pages} pages");
        if let Ok(places) = expected {
            let address = self.word(out);
            let from = self.page(address);
            assert!(places.contains(&from), "{place:?}, {pages} pages at {from}, not in {places:?}");
            for page in 0..pages {
                let content = content + page + 1;
                self.model.pages[(from + page) as usize] = Some(Page { content, permissions });
            }
        }
    }

    /// Looks at every page of the window, as the program and as the kernel for it.
    fn check(&mut self) {
        for page in 0..WINDOW {
            let at = self.base + page * PAGE_SIZE;
            let expected = self.model.pages[page as usize];
            // What lies beyond the VMO cannot be touched, whatever its permissions.
            let permissions =
                expected.filter(|page| page.content <= WINDOW).map_or(0, |page| page.permissions);
            let probe = self.probe.into();
            let readable = self.program.ask(Sysno::vmo_write, &[probe, at, 0, 8]).is_ok();
            assert_eq!(readable, permissions & PERM_READ != 0, "page {page}, {expected:?}");
            let writable = self.program.ask(Sysno::vmo_read, &[probe, at + 8, 8, 8]).is_ok();
            assert_eq!(writable, permissions & PERM_WRITE != 0, "page {page}, {expected:?}");
            if let Some(expected) = expected.filter(|_| readable) {
                assert_eq!(self.word(VirtAddr(at)), expected.content, "page {page}");
            }
        }
    }
}

fn make_vmo(program: &mut Program, size: u64) -> Handle {
    let out = program.world().scratch;
    assert_eq!(program.ask(Sysno::vmo_create, &[size, 0, out.0]), Ok(()));
    let mut bytes = [0; 4];
    program.peek(out, &mut bytes);
    u32::from_le_bytes(bytes)
}

/// Offsets in a region: often its start, where it meets its neighbours and the regions in it.
fn offset() -> impl Strategy<Value = u64> {
    prop_oneof![2 => Just(0), 3 => 1..6_u64, 1 => 0..WINDOW]
}

fn place() -> impl Strategy<Value = Where> {
    prop_oneof![
        2 => Just(Where::Anywhere),
        1 => (0..=WINDOW + 1).prop_map(Where::Below),
        3 => offset().prop_map(Where::At),
        2 => offset().prop_map(Where::Over),
    ]
}

fn range_op() -> impl Strategy<Value = RangeOp> {
    prop_oneof![Just(RangeOp::Commit), Just(RangeOp::MapRange), Just(RangeOp::Prefetch)]
}

fn operation() -> impl Strategy<Value = Op> {
    let region = || prop_oneof![0..4_usize, 0..64_usize];
    let length = || prop_oneof![3 => 1..6_u64, 1 => 1..WINDOW];
    let permissions = || prop_oneof![Just(0), Just(PERM_READ), Just(RW)];
    prop_oneof![
        3 => (region(), place(), length()).prop_map(|(region, place, pages)| Op::Allocate { region, place, pages }),
        6 => (region(), place(), length(), 0..WINDOW, permissions()).prop_map(
            |(region, place, pages, from, permissions)| Op::Map { region, place, pages, from, permissions }
        ),
        2 => (region(), offset(), length()).prop_map(|(region, from, pages)| Op::Unmap { region, from, pages }),
        3 => (region(), offset(), length(), permissions())
            .prop_map(|(region, from, pages, permissions)| Op::Protect { region, from, pages, permissions }),
        1 => region().prop_map(|region| Op::Destroy { region }),
        2 => (range_op(), region(), offset(), length())
            .prop_map(|(op, region, from, pages)| Op::Range { op, region, from, pages }),
    ]
}

proptest! {
    // Seeds of what failed are kept beside this file.
    #![proptest_config(ProptestConfig {
        cases: 16,
        max_shrink_iters: 2000,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("seeds"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn regions_do_as_the_model_says(
        ops in prop::collection::vec(operation(), 1..100),
        beside in beside(task(), 2),
    ) {
        let (mut bench, others) = Bench::new(&beside);
        for (n, op) in ops.into_iter().enumerate() {
            bench.apply(op);
            if n % 4 == 3 {
                bench.check();
            }
        }
        bench.check();
        others.stop(&mut bench.program);
        // All of it hangs on the window, and goes with it.
        let root = bench.program.world().vmar.into();
        let args = [root, bench.base, WINDOW * PAGE_SIZE];
        prop_assert_eq!(bench.program.ask(Sysno::vmar_unmap, &args), Ok(()));
        for region in bench.model.regions.split_off(0) {
            prop_assert_eq!(bench.program.ask(Sysno::handle_close, &[region.handle.into()]), Ok(()));
        }
        // What the others had is torn down while nobody runs.
        for _ in 0..8 {
            let soon = bench.program.call(Sysno::deadline_after, [1_000_000, 0, 0, 0, 0, 0, 0, 0]);
            prop_assert_eq!(bench.program.ask(Sysno::nanosleep, &[soon]), Ok(()));
        }
        prop_assert_eq!(bench.program.object_count(), bench.before);
    }
}

/// A thread that is killed between two pieces of `zx_vmar_destroy` never makes the next.
#[test]
fn a_destruction_that_is_abandoned_goes_on() {
    const MAPPINGS: u64 = 2000;
    let mut program = Program::start(Config::default());
    let (root, out) = (program.world().vmar.into(), program.world().scratch);
    let vmo = make_vmo(&mut program, PAGE_SIZE).into();
    let before = program.object_count();
    let allocate = [root, CAN_MAP.into(), 0, MAPPINGS * PAGE_SIZE, out.0, out.0 + 8];
    assert_eq!(program.ask(Sysno::vmar_allocate, &allocate), Ok(()));
    let mut bytes = [0; 16];
    program.peek(out, &mut bytes);
    let (handle, base) = bytes.split_at(8);
    let region = u64::from_le_bytes(handle.try_into().expect("8 bytes")) & u64::from(u32::MAX);
    let base = u64::from_le_bytes(base.try_into().expect("8 bytes"));
    for _ in 0..MAPPINGS {
        let args = [region, RW.into(), 0, vmo, 0, PAGE_SIZE, out.0];
        assert_eq!(program.ask(Sysno::vmar_map, &args), Ok(()));
    }
    program.store32(VirtAddr(base), 1);

    let site = program.world().vdso_base.0 + program.board.vdso.site(Sysno::vmar_destroy as u64);
    let mut frame = GeneralRegs { pc: site, ..GeneralRegs::default() };
    (frame.r[0], frame.r[16]) = (region, Sysno::vmar_destroy as u64);
    assert_eq!(program.board.cpu.kernel.handle(CpuId::BOOT, Event::Syscall, &mut frame), Next::Run);
    assert_eq!(frame.pc, site - 4, "the call is done by one piece, and nothing is tested");
    let map = [region, RW.into(), 0, vmo, 0, PAGE_SIZE, out.0];
    assert_eq!(program.ask(Sysno::vmar_map, &map), Err(Status::BAD_STATE));

    for _ in 0..4 {
        let soon = program.call(Sysno::deadline_after, [1_000_000, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(program.ask(Sysno::nanosleep, &[soon]), Ok(()));
    }
    let probe = make_vmo(&mut program, PAGE_SIZE).into();
    assert_eq!(program.ask(Sysno::vmo_write, &[probe, base, 0, 4]), Err(Status::INVALID_ARGS));
    assert_eq!(program.ask(Sysno::handle_close, &[probe]), Ok(()));
    assert_eq!(program.ask(Sysno::handle_close, &[region]), Ok(()));
    assert_eq!(program.object_count(), before);
}
