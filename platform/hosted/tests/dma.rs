//! One memory type for each physical page, whatever programs do; and devices that reach only a part of RAM.

#[path = "scenarios/beside.rs"]
mod beside;
#[path = "scenarios/limited.rs"]
mod limited;
#[path = "scenarios/program.rs"]
mod program;

use std::collections::BTreeMap;

use abi::dma::pin;
use abi::vmar::{PERM_READ, PERM_WRITE, RangeOp};
use abi::vmo::{CachePolicy, child};
use abi::{PAGE_SIZE, PhysAddr, PhysRange, Status, Sysno, VirtAddr};
use beside::{Beside, Others, Script, beside};
use hosted::Config;
use limited::{BUS, WINDOW, limited};
use program::Program;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use scenarios::System;
use scenarios::agent::{Arg, DATA};

const P: u64 = PAGE_SIZE;
/// Pages of each VMO.
const PAGES: u64 = 6;

/// A call that leaves a word in the program's first scratch page.
fn making(program: &mut Program, sysno: Sysno, before: &[u64]) -> Result<u64, Status> {
    let out = program.world().scratch;
    program.poke(out, &[0; 8]);
    program.ask(sysno, &[before, &[out.0]].concat())?;
    Ok(program.word(out))
}

fn bti(program: &mut Program, id: u64) -> u64 {
    let system = u64::from(program.world().system_root);
    let iommu = making(program, Sysno::iommu_create, &[system, 0, 0, 0]).expect("a stub");
    making(program, Sysno::bti_create, &[iommu, 0, id]).expect("a BTI")
}

/// Pins a VMO and gives the pin and the addresses.
fn pin(program: &mut Program, bti: u64, vmo: u64, pages: u64) -> Result<(u64, Vec<u64>), Status> {
    let addrs = VirtAddr(program.world().scratch.0 + P);
    let args = [bti, u64::from(pin::PERM_WRITE), vmo, 0, pages * P, addrs.0, pages];
    let pmt = making(program, Sysno::bti_pin, &args)?;
    let mut bytes = vec![0; pages as usize * 8];
    program.peek(addrs, &mut bytes);
    let words = bytes.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word));
    Ok((pmt, words.collect()))
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Paged,
    Contiguous,
    Physical { page: u64 },
    Slice { vmo: usize, page: u64 },
    Policy { vmo: usize, policy: u64 },
    Map { vmo: usize, page: u64, writes: bool },
    Touch { mapping: usize, page: u64 },
    Unmap { mapping: usize },
    Pin { vmo: usize },
    Unpin { pin: usize },
    Close { vmo: usize },
}

/// What another thread makes, gives a memory type, maps and forgets, beside the one that is driven.
#[derive(Clone, Copy, Debug)]
struct Task {
    kind: Kind,
    policy: u64,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Paged,
    Contiguous,
    /// The pages that the driven thread has, too.
    Physical(u64),
}

impl Task {
    fn add(self, world: scenarios::World, bti: u64, script: &mut Script) {
        let (is, vmo, at, zero) = (Arg::Is, DATA, DATA + 16, DATA + 512);
        let (vmar, len, out) = (is(u64::from(world.vmar)), is(2 * P), Arg::Script(vmo));
        // What is refused leaves no handle and no address of the round before.
        script.copy(zero, vmo);
        script.copy(zero, at);
        match self.kind {
            Kind::Paged => script.call(Sysno::vmo_create, &[len, is(0), out]),
            Kind::Contiguous => script.call(Sysno::vmo_create_contiguous, &[is(bti), len, is(0), out]),
            Kind::Physical(page) => {
                let (root, base) = (u64::from(world.mmio_root), world.flash.base().0 + page * P);
                script.call(Sysno::vmo_create_physical, &[is(root), is(base), len, out]);
            }
        }
        script.give(vmo, 3, 0);
        script.give(vmo, 3, 3);
        script.give(vmo, 4, 0);
        script.call(Sysno::vmo_set_cache_policy, &[is(0), is(self.policy)]);
        let options = is(u64::from(PERM_READ | PERM_WRITE));
        script.call(Sysno::vmar_map, &[vmar, options, is(0), is(0), is(0), len, Arg::Script(at)]);
        script.call(Sysno::thread_legacy_yield, &[]);
        script.call(Sysno::handle_close, &[is(0)]);
        script.give(at, 2, 2);
        script.give(at, 2, 1);
        script.call(Sysno::vmar_op_range, &[vmar, is(RangeOp::MapRange as u64), is(0), len]);
        script.call(Sysno::vmar_unmap, &[vmar, is(0), len]);
    }
}

fn task() -> impl Strategy<Value = Task> {
    let kind = prop_oneof![Just(Kind::Paged), Just(Kind::Contiguous), (0..8_u64).prop_map(Kind::Physical)];
    (kind, 0..4_u64).prop_map(|(kind, policy)| Task { kind, policy })
}

/// A program that does such things.
struct Bench {
    program: Program,
    bti: u64,
    flash: u64,
    vmos: Vec<(u64, u64)>,
    mappings: Vec<(u64, u64, bool)>,
    pins: Vec<u64>,
}

impl Bench {
    fn new(beside: &Beside<Task>) -> (Self, Others) {
        let mut program = Program::start(beside.config());
        let bti = bti(&mut program, u64::MAX);
        let world = program.world();
        let others = beside.start(&mut program, |script, task| task.add(world, bti, script));
        let (flash, vmos, mappings, pins) = (world.flash.base().0, Vec::new(), Vec::new(), Vec::new());
        (Self { program, bti, flash, vmos, mappings, pins }, others)
    }

    fn pick(&self, vmo: usize) -> Option<(u64, u64)> {
        self.vmos.get(vmo % self.vmos.len().max(1)).copied()
    }

    fn apply(&mut self, op: Op) {
        let vmar = u64::from(self.program.world().vmar);
        match op {
            Op::Paged => {
                let made = making(&mut self.program, Sysno::vmo_create, &[PAGES * P, 0]).expect("a VMO");
                self.vmos.push((made, PAGES));
            }
            Op::Contiguous => {
                let args = [self.bti, PAGES * P, 0];
                let made = making(&mut self.program, Sysno::vmo_create_contiguous, &args).expect("frames");
                self.vmos.push((made, PAGES));
            }
            Op::Physical { page } => {
                let args = [u64::from(self.program.world().mmio_root), self.flash + page * P, PAGES * P];
                let made = making(&mut self.program, Sysno::vmo_create_physical, &args).expect("flash");
                self.vmos.push((made, PAGES));
            }
            Op::Slice { vmo, page } => {
                let Some((parent, pages)) = self.pick(vmo) else { return };
                let args = [parent, u64::from(abi::vmo::child::SLICE), page % pages * P, P];
                match making(&mut self.program, Sysno::vmo_create_child, &args) {
                    Ok(slice) => self.vmos.push((slice, 1)),
                    // One that has pages and is not cached has none, unless it is contiguous.
                    Err(status) => assert_eq!(status, Status::BAD_STATE),
                }
            }
            Op::Policy { vmo, policy } => {
                let Some((vmo, _)) = self.pick(vmo) else { return };
                // Refused for what is in use; what counts is what the MMU then has.
                let set = self.program.ask(Sysno::vmo_set_cache_policy, &[vmo, policy]);
                assert!(matches!(set, Ok(()) | Err(Status::BAD_STATE)), "{set:?}");
            }
            Op::Map { vmo, page, writes } => {
                let Some((vmo, pages)) = self.pick(vmo) else { return };
                let permissions = if writes { PERM_READ | PERM_WRITE } else { PERM_READ };
                let (offset, length) = (page % pages * P, (pages - page % pages) * P);
                let args = [vmar, u64::from(permissions), 0, vmo, offset, length];
                match making(&mut self.program, Sysno::vmar_map, &args) {
                    Ok(at) => self.mappings.push((at, length, writes)),
                    // A page of it is shown by another type.
                    Err(status) => assert_eq!(status, Status::BAD_STATE),
                }
            }
            Op::Touch { mapping, page } => {
                let Some((at, length, writes)) =
                    self.mappings.get(mapping % self.mappings.len().max(1)).copied()
                else {
                    return;
                };
                let at = VirtAddr(at + page * P % length);
                let _word = self.program.load32(at);
                if writes && self.program.load32(at) == 0 {
                    self.program.store32(at, 0);
                }
            }
            Op::Unmap { mapping } if !self.mappings.is_empty() => {
                let (at, length, _) = self.mappings.swap_remove(mapping % self.mappings.len());
                self.program.ask(Sysno::vmar_unmap, &[vmar, at, length]).expect("unmapped");
            }
            Op::Pin { vmo } => {
                let Some((vmo, pages)) = self.pick(vmo) else { return };
                self.pins.push(pin(&mut self.program, self.bti, vmo, pages).expect("pinned").0);
            }
            Op::Unpin { pin } if !self.pins.is_empty() => {
                let pmt = self.pins.swap_remove(pin % self.pins.len());
                self.program.ask(Sysno::pmt_unpin, &[pmt]).expect("unpinned");
            }
            Op::Close { vmo } if !self.vmos.is_empty() => {
                let (vmo, _) = self.vmos.swap_remove(vmo % self.vmos.len());
                self.program.ask(Sysno::handle_close, &[vmo]).expect("closed");
            }
            Op::Unmap { .. } | Op::Unpin { .. } | Op::Close { .. } => {}
        }
    }

    /// By physical page: its one memory type, in the program's tables and in the kernel's own map.
    fn check(&mut self) {
        let machine = self.program.board.machine.clone();
        let mut types = BTreeMap::new();
        for (page, attribute) in machine.shown_pages() {
            let known = *types.entry(page).or_insert(attribute);
            assert_eq!(known, attribute, "{page} has two memory types");
            if let Some(policy) = machine.kernel_policy(page) {
                assert_eq!(policy.mair_byte(), attribute, "the kernel has {page} by another memory type");
            }
        }
        self.program.board.cpu.kernel.check_invariants().expect("the books are right");
    }
}

fn operation() -> impl Strategy<Value = Op> {
    let (some, page) = (|| 0..16_usize, || 0..PAGES);
    prop_oneof![
        2 => Just(Op::Paged),
        1 => Just(Op::Contiguous),
        2 => (0..4_u64).prop_map(|page| Op::Physical { page }),
        1 => (some(), page()).prop_map(|(vmo, page)| Op::Slice { vmo, page }),
        6 => (some(), 0..4_u64).prop_map(|(vmo, policy)| Op::Policy { vmo, policy }),
        6 => (some(), page(), any::<bool>()).prop_map(|(vmo, page, writes)| Op::Map { vmo, page, writes }),
        6 => (some(), page()).prop_map(|(mapping, page)| Op::Touch { mapping, page }),
        3 => some().prop_map(|mapping| Op::Unmap { mapping }),
        1 => some().prop_map(|vmo| Op::Pin { vmo }),
        1 => some().prop_map(|pin| Op::Unpin { pin }),
        2 => some().prop_map(|vmo| Op::Close { vmo }),
    ]
}

proptest! {
    // Seeds of what failed are kept beside this file.
    #![proptest_config(ProptestConfig {
        cases: 24,
        max_shrink_iters: 2000,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("seeds"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_page_has_one_memory_type(
        ops in prop::collection::vec(operation(), 1..80),
        beside in beside(task(), 1),
    ) {
        let (mut bench, others) = Bench::new(&beside);
        for op in ops {
            bench.apply(op);
            bench.check();
        }
        others.stop(&mut bench.program);
        bench.check();
    }
}

#[test]
fn a_pin_brings_pages_in_where_the_device_reaches_them() {
    let (mut program, id) = limited();
    let device = bti(&mut program, id);
    let vmo = making(&mut program, Sysno::vmo_create, &[40 * P, 0]).unwrap();
    let (pmt, addresses) = pin(&mut program, device, vmo, 40).unwrap();
    assert!(addresses.iter().all(|at| (BUS..BUS + WINDOW.1).contains(at)), "{addresses:x?}");
    program.ask(Sysno::pmt_unpin, &[pmt]).unwrap();
    // A device without limits has the same pages by their own addresses.
    let other = bti(&mut program, u64::MAX);
    let (_, direct) = pin(&mut program, other, vmo, 40).unwrap();
    assert!(direct.iter().zip(&addresses).all(|(direct, bus)| direct - WINDOW.0 == bus - BUS));
}

#[test]
fn what_lies_beyond_the_window_is_refused() {
    let (mut program, id) = limited();
    let device = bti(&mut program, id);
    let vmo = making(&mut program, Sysno::vmo_create, &[2 * P, 0]).unwrap();
    let data = program.world().scratch.0 + P;
    program.ask(Sysno::vmo_write, &[vmo, data, P, 8]).unwrap();
    let before = program.object_count();
    assert_eq!(pin(&mut program, device, vmo, 2), Err(Status::ADDRESS_UNREACHABLE));
    assert_eq!(program.object_count(), before);
    let flash = [u64::from(program.world().mmio_root), program.world().flash.base().0, P];
    let flash = making(&mut program, Sysno::vmo_create_physical, &flash).unwrap();
    assert_eq!(pin(&mut program, device, flash, 1), Err(Status::ADDRESS_UNREACHABLE));
}

/// A page that a snapshot shares gets a frame of its own with the pin.
#[test]
fn a_page_that_is_copied_for_a_pin_comes_within_reach() {
    let (mut program, id) = limited();
    let device = bti(&mut program, id);
    let vmo = making(&mut program, Sysno::vmo_create, &[4 * P, 0]).unwrap();
    let data = program.world().scratch.0 + P;
    program.poke(VirtAddr(data), &7_u64.to_le_bytes());
    program.ask(Sysno::vmo_write, &[vmo, data, 0, 8]).unwrap();
    let snapshot = [vmo, u64::from(child::SNAPSHOT), 0, 4 * P];
    let copy = making(&mut program, Sysno::vmo_create_child, &snapshot).unwrap();
    let (_, addresses) = pin(&mut program, device, copy, 4).unwrap();
    assert!(addresses.iter().all(|at| (BUS..BUS + WINDOW.1).contains(at)), "{addresses:x?}");
    program.ask(Sysno::vmo_read, &[copy, data, 0, 8]).unwrap();
    let mut bytes = [0; 8];
    program.peek(VirtAddr(data), &mut bytes);
    assert_eq!(u64::from_le_bytes(bytes), 7);
}

/// So does one that was written before its VMO got another memory type.
#[test]
fn a_page_that_changes_its_type_for_a_pin_comes_within_reach() {
    let (mut program, id) = limited();
    let device = bti(&mut program, id);
    let vmo = making(&mut program, Sysno::vmo_create, &[4 * P, 0]).unwrap();
    let data = program.world().scratch.0 + P;
    program.ask(Sysno::vmo_write, &[vmo, data, 0, 8]).unwrap();
    program.ask(Sysno::vmo_set_cache_policy, &[vmo, CachePolicy::Uncached as u64]).unwrap();
    let (_, addresses) = pin(&mut program, device, vmo, 4).unwrap();
    assert!(addresses.iter().all(|at| (BUS..BUS + WINDOW.1).contains(at)), "{addresses:x?}");
}

#[test]
fn contiguous_memory_is_taken_where_the_device_reaches_it() {
    let (mut program, id) = limited();
    let device = bti(&mut program, id);
    let window = PhysRange::new(PhysAddr(BUS), WINDOW.1).unwrap();
    for policy in 0..4 {
        let args = [device, 128 * P, 16];
        let vmo = making(&mut program, Sysno::vmo_create_contiguous, &args).unwrap();
        if policy < 2 {
            program.ask(Sysno::vmo_set_cache_policy, &[vmo, 0]).unwrap();
        }
        let (pmt, addresses) = pin(&mut program, device, vmo, 128).unwrap();
        assert!(addresses.iter().all(|at| window.contains_addr(PhysAddr(*at))));
        assert!(addresses.windows(2).all(|pair| pair[1] == pair[0] + P));
        assert!(addresses[0].is_multiple_of(1 << 16));
        program.ask(Sysno::pmt_unpin, &[pmt]).unwrap();
        program.ask(Sysno::handle_close, &[vmo]).unwrap();
    }
    let large = [device, WINDOW.1 + P, 0];
    assert_eq!(making(&mut program, Sysno::vmo_create_contiguous, &large), Err(Status::NO_MEMORY));
}

/// A call that takes and gives back device memory again and again loses none.
#[test]
fn chunks_return_to_the_direct_map() {
    let mut program = Program::start(Config::default());
    let before = program.board.machine.frames_in_use();
    for policy in [CachePolicy::Uncached, CachePolicy::UncachedDevice, CachePolicy::WriteCombining] {
        let vmo = making(&mut program, Sysno::vmo_create, &[3 * P, 0]).unwrap();
        program.ask(Sysno::vmo_set_cache_policy, &[vmo, policy as u64]).unwrap();
        let vmar = u64::from(program.world().vmar);
        let args = [vmar, u64::from(PERM_READ), 0, vmo, 0, 3 * P];
        let at = making(&mut program, Sysno::vmar_map, &args).unwrap();
        let _word = program.load32(VirtAddr(at));
        let machine = program.board.machine.clone();
        let shown: Vec<_> = machine
            .shown_pages()
            .into_iter()
            .filter(|(_, attribute)| *attribute == policy.mair_byte())
            .collect();
        assert_eq!(shown.len(), 1);
        assert_eq!(machine.kernel_policy(shown[0].0), Some(policy));
        program.ask(Sysno::vmar_unmap, &[vmar, at, 3 * P]).unwrap();
        program.ask(Sysno::handle_close, &[vmo]).unwrap();
        for _ in 0..4 {
            let soon = program.call(Sysno::deadline_after, [1_000_000, 0, 0, 0, 0, 0, 0, 0]);
            program.ask(Sysno::nanosleep, &[soon]).unwrap();
        }
        assert_eq!(machine.kernel_policy(shown[0].0), Some(CachePolicy::Cached));
    }
    // Tables of the program may have come meanwhile.
    assert!(program.board.machine.frames_in_use() <= before + 4);
}
