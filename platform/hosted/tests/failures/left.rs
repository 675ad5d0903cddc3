//! What cached windows leave in the caches.

use core::cell::Cell;

use super::*;
use abi::vmar::{SPECIFIC_OVERWRITE, USER_BASE};
use abi::vmo::CachePolicy;

/// Pages of the window.
const WINDOW: u64 = 1024;

impl Bench {
    /// A physical VMO over a memory-like window, with a policy.
    fn window(&mut self, policy: CachePolicy) -> u64 {
        let world = self.program.world();
        let base = world.sram.expect("the board has such a window").base().0;
        self.call(Sysno::vmo_create_physical, &[word(world.mmio_root), base, WINDOW * P, self.out]);
        let vmo = self.handle();
        self.call(Sysno::vmo_set_cache_policy, &[vmo, policy as u64]);
        vmo
    }

    /// Maps all of the window as cached memory, writes to it and leaves it.
    fn leave_cached(&mut self) {
        let cached = self.window(CachePolicy::Cached);
        let at = self.map(cached, WINDOW * P);
        for offset in [0, (WINDOW - 1) * P] {
            self.program.store32(VirtAddr(at + offset), 7);
        }
        self.unmap(at, WINDOW * P);
        self.close(cached);
    }
}

/// Every second page is mapped by another type, until the ledger needs more room for what is left between them.
#[test]
pub(crate) fn vmar_map_parts_of_what_is_left() {
    let mut failures = 0;
    for nth in 1..=ENOUGH {
        let mut bench = Bench::new();
        bench.leave_cached();
        let (vmar, window) = (word(bench.program.world().vmar), bench.window(CachePolicy::WriteCombining));
        let next = Cell::new(1);
        let map = |bench: &mut Bench| {
            let args = [vmar, u64::from(PERM_READ), 0, window, next.get() * P, P, bench.out];
            let status = bench.try_call(Sysno::vmar_map, &args);
            if status == Status::OK {
                next.set(next.get() + 2);
                let at = bench.slot(0);
                assert_eq!(bench.program.load32(VirtAddr(at)), 0);
            }
            status
        };
        bench.arm(Supply::Heap, Some(nth));
        if !fails_within(&mut bench, Supply::Heap, 100, &map) {
            break;
        }
        failures += 1;
    }
    assert!(failures > 2, "no table grew: nothing was tested");
}

/// A cached mapping is replaced by one of another type, of as much as is cleaned at once.
#[test]
pub(crate) fn vmar_map_over_cached() {
    over_cached(4);
}

/// The same in pieces, some of which come before there is no memory.
#[test]
pub(crate) fn vmar_map_over_cached_in_pieces() {
    over_cached(40);
}

fn over_cached(pages: u64) {
    sweep(
        |bench| {
            let (cached, other) = (bench.window(CachePolicy::Cached), bench.window(CachePolicy::Uncached));
            let at = bench.map(cached, 49 * P);
            bench.program.store32(VirtAddr(at + P), 5);
            (cached, other, at)
        },
        move |bench, (_, other, at)| {
            let options = u64::from(PERM_READ | SPECIFIC_OVERWRITE);
            let vmar = word(bench.program.world().vmar);
            let args = [vmar, options, at + P - USER_BASE, *other, P, pages * P, bench.out];
            bench.try_call(Sysno::vmar_map, &args)
        },
        |bench, (cached, other, at), _| {
            // Whatever is there shows what was written.
            assert_eq!(bench.program.load32(VirtAddr(at + P)), 5);
            bench.unmap(at, 49 * P);
            bench.close(cached);
            bench.close(other);
        },
    );
}

/// Very many mappings of a window give way to one of it, in pieces, or all of them are as they were: the ledger has room for
/// what each piece needs for a moment.
#[test]
pub(crate) fn vmar_map_over_many_of_a_window() {
    const PAGES: u64 = 120;
    let mut failures = 0;
    // As many others as there are, each form finds another number of places left.
    for others in 0..16 {
        failures += over_many_of_a_window(CachePolicy::Cached, PAGES, others);
        failures += over_many_of_a_window(CachePolicy::WriteCombining, PAGES, others);
    }
    assert!(failures > 0, "no form needed memory");
}

fn over_many_of_a_window(policy: CachePolicy, pages: u64, others: u64) -> u32 {
    let mut failures = 0;
    sweep(
        |bench| {
            let (window, vmar) = (bench.window(policy), word(bench.program.world().vmar));
            // So that the ends of the pieces are those of others, too, or are not.
            let beside = bench.map(window, pages * P);
            for page in (0..if policy == CachePolicy::Cached { 0 } else { pages }).step_by(2) {
                bench.unmap(beside + page * P, P);
            }
            let far = bench.map(window, WINDOW * P);
            for page in 1..=others {
                bench.unmap(far + (WINDOW - 2 * page) * P, P);
            }
            let at = bench.map(window, pages * P);
            for page in (0..pages).step_by(2) {
                bench.call(Sysno::vmar_protect, &[vmar, u64::from(PERM_READ), at + page * P, P]);
            }
            let before = bench.mappings_of(window);
            (window, [(beside, pages), (far, WINDOW), (at, pages)], before)
        },
        |bench, (window, [_, _, (at, _)], _)| {
            let options = u64::from(PERM_READ | SPECIFIC_OVERWRITE);
            let vmar = word(bench.program.world().vmar);
            let (place, length) = (at + P - USER_BASE, (pages - 2) * P);
            bench.try_call(Sysno::vmar_map, &[vmar, options, place, *window, 3 * P, length, bench.out])
        },
        |bench, (window, mapped, before), status| {
            if status != Status::OK {
                failures += 1;
                assert_eq!(bench.mappings_of(window), before, "{status}");
            }
            mapped.into_iter().for_each(|(at, pages)| bench.unmap(at, pages * P));
            bench.close(window);
        },
    );
    failures
}
