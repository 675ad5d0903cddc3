//! What cached windows leave in the caches, and how it is cleaned: in pieces, before anybody reaches it past them.

use abi::dma::pin;
use abi::vmar::{PERM_READ, PERM_WRITE, SPECIFIC, SPECIFIC_OVERWRITE, USER_BASE};
use abi::vmo::CachePolicy;
use abi::{PAGE_SIZE, PhysAddr, PhysRange, Signals, Status, Sysno, VirtAddr};
use hosted::virt::SRAM;
use scenarios::System;
use scenarios::agent::{Arg, Do, Step};

use super::Driven;
use super::child::Child;

const P: u64 = PAGE_SIZE;
const RW: u32 = PERM_READ | PERM_WRITE;
/// What one entry into the kernel cleans at most.
const PIECE: u64 = 64 << 10;

fn sram() -> PhysRange {
    PhysRange::new(PhysAddr(SRAM.0), SRAM.1).unwrap()
}

impl Driven {
    /// A physical VMO over all of the memory-like window, with a policy.
    pub(super) fn window(&mut self, policy: CachePolicy) -> u64 {
        let resource = self.mmio(sram()).unwrap();
        let vmo = self.making(Sysno::vmo_create_physical, &[resource, SRAM.0, SRAM.1]).unwrap();
        self.close(resource);
        self.call(Sysno::vmo_set_cache_policy, &[vmo, policy as u64]).unwrap();
        vmo
    }

    /// Has a program use the window as cached memory, and leave it.
    fn leave_cached(&mut self) {
        let vmo = self.window(CachePolicy::Cached);
        let at = self.map(RW, vmo, 0, SRAM.1).unwrap();
        for offset in (0..SRAM.1).step_by(1 << 20) {
            self.program.store32(VirtAddr(at + offset), 1);
        }
        assert!(self.may_be_cached(0, SRAM.1));
        self.bounded("leave a cached window", |driven| {
            let entries = driven.program.board.cpu.entries();
            driven.unmap(at, SRAM.1).unwrap();
            assert!(driven.program.board.cpu.entries() - entries < 4, "nothing is cleaned yet");
        });
        self.close(vmo);
        assert!(self.may_be_cached(0, SRAM.1));
    }

    fn may_be_cached(&self, offset: u64, size: u64) -> bool {
        let range = PhysRange::new(PhysAddr(SRAM.0 + offset), size).unwrap();
        self.program.board.machine.caches_may_hold(range)
    }
}

#[test]
fn a_window_is_cleaned_in_pieces_by_who_maps_it_anew() {
    let mut driven = Driven::start();
    driven.leave_cached();
    let vmo = driven.window(CachePolicy::WriteCombining);
    let entries = driven.program.board.cpu.entries();
    let mut at = 0;
    driven.bounded("map it anew", |driven| at = driven.map(RW, vmo, 0, SRAM.1).unwrap());
    assert!(driven.program.board.cpu.entries() - entries > SRAM.1 / PIECE, "an entry for each piece");
    assert!(!driven.may_be_cached(0, SRAM.1));
    assert_eq!(driven.program.load32(VirtAddr(at + (1 << 20))), 1);
    // Now that it is clean, one entry does.
    driven.unmap(at, SRAM.1).unwrap();
    let entries = driven.program.board.cpu.entries();
    driven.map(RW, vmo, 0, SRAM.1).unwrap();
    assert!(driven.program.board.cpu.entries() - entries < 4);
}

#[test]
fn no_more_is_cleaned_than_is_mapped() {
    let mut driven = Driven::start();
    driven.leave_cached();
    let vmo = driven.window(CachePolicy::UncachedDevice);
    driven.map(RW, vmo, 5 * P, 2 * P).unwrap();
    assert!(!driven.may_be_cached(5 * P, 2 * P));
    assert!(driven.may_be_cached(4 * P, P) && driven.may_be_cached(7 * P, P));
    // As cached memory it is taken up as it is.
    let cached = driven.window(CachePolicy::Cached);
    driven.map(RW, cached, 7 * P, 20 * P).unwrap();
    assert!(driven.may_be_cached(7 * P, P));
    driven.check();
}

#[test]
fn a_pin_past_the_caches_comes_after_what_they_hold() {
    let mut driven = Driven::start();
    driven.leave_cached();
    let system = u64::from(driven.world.system_root);
    let iommu = driven.making(Sysno::iommu_create, &[system, 0, 0, 0]).unwrap();
    let bti = driven.making(Sysno::bti_create, &[iommu, 0, u64::MAX]).unwrap();
    let (addresses, out) = (driven.scratch(0x1000), driven.scratch(0));
    for policy in [CachePolicy::Cached, CachePolicy::Uncached] {
        let vmo = driven.window(policy);
        let options = u64::from(pin::PERM_READ | pin::PERM_WRITE);
        let args = [bti, options, vmo, P, 40 * P, addresses, 40, out];
        driven.bounded("pin", |driven| driven.call(Sysno::bti_pin, &args).unwrap());
        // Of a cached VMO the driver looks after the caches.
        assert_eq!(driven.may_be_cached(P, 40 * P), policy == CachePolicy::Cached);
        assert!(driven.may_be_cached(0, P) && driven.may_be_cached(41 * P, P));
    }
}

/// A large cached mapping gives way to another type where it is, while its program uses it: that never finds a hole.
#[test]
fn a_cached_mapping_is_replaced_in_pieces_while_it_is_used() {
    const LEN: u64 = 2 << 20;
    let mut driven = Driven::start();
    let (cached, other) = (driven.window(CachePolicy::Cached), driven.window(CachePolicy::WriteCombining));
    let (offset, mut child) = (64 << 30, Child::default());
    let mut steps: Vec<_> = [0, P, PIECE, LEN / 2, LEN - P]
        .map(|at| Step::new(Do::Load, &[Arg::Is(USER_BASE + offset + at)]))
        .into();
    steps.extend([Step::call(Sysno::thread_legacy_yield, &[]), Step::again(0)]);
    driven.make_child_with(&mut child, &steps).unwrap();
    let out = driven.scratch(8);
    let map = |vmo: u64, options: u32| [child.vmar, u64::from(RW | options), offset, vmo, 0, LEN, out];
    driven.call(Sysno::vmar_map, &map(cached, SPECIFIC)).unwrap();
    driven.start_child(&child, 0).unwrap();
    for (vmo, entries) in [(other, LEN / PIECE), (cached, 0), (other, LEN / PIECE)] {
        driven.sleep(1_000_000);
        let before = driven.program.board.cpu.entries();
        driven.program.board.cpu.take_most_work();
        driven.call(Sysno::vmar_map, &map(vmo, SPECIFIC_OVERWRITE)).unwrap();
        let most = driven.program.board.cpu.take_most_work();
        assert!(most.ports < 400, "one entry did {most:?}");
        assert!(driven.program.board.cpu.entries() - before > entries);
        let is_over = [child.process, u64::from(Signals::TASK_TERMINATED.0), 0, 0];
        assert_eq!(driven.call(Sysno::object_wait_one, &is_over), Err(Status::TIMED_OUT), "the child lives");
    }
    assert!(!driven.may_be_cached(0, LEN));
    driven.call(Sysno::task_kill, &[child.process]).unwrap();
    driven.settle();
    driven.check();
}
