//! What takes the place of very many mappings: nobody finds a hole, and what is refused changes nothing.

use abi::vmar::{PERM_READ, PERM_WRITE, SPECIFIC_OVERWRITE, USER_BASE};
use abi::vmo::CachePolicy;
use abi::{PAGE_SIZE, Signals, Status, Sysno, VirtAddr};
use scenarios::System;
use scenarios::agent::{Arg, Do, Step};

use super::Driven;
use super::child::Child;

const P: u64 = PAGE_SIZE;
const RW: u32 = PERM_READ | PERM_WRITE;
/// Many more than go in one entry into the kernel.
const MANY: u64 = 300;
/// Where a child has them, from its region's start.
const OFFSET: u64 = 64 << 30;

impl Driven {
    /// Has single pages of a VMO lie in a region, whatever is there. No two neighbours could be one.
    fn map_singly(&mut self, vmar: u64, vmo: u64, pages: u64) {
        let (out, options) = (self.scratch(8), u64::from(RW | SPECIFIC_OVERWRITE));
        for page in 0..pages {
            let args = [vmar, options, OFFSET + page * P, vmo, (page ^ 1) * P, P, out];
            self.call(Sysno::vmar_map, &args).unwrap();
        }
    }
}

/// A program uses what is replaced all the time. Its pages are the old ones or the new ones, and always there.
#[test]
fn many_mappings_are_replaced_while_they_are_used() {
    let mut driven = Driven::start();
    let pages = [0, 1, 31, 32, 100, MANY - 1].map(|page| USER_BASE + OFFSET + page * P);
    let mut steps: Vec<_> = pages.iter().map(|at| Step::new(Do::Load, &[Arg::Is(*at)])).collect();
    steps.extend([Step::call(Sysno::thread_legacy_yield, &[]), Step::again(0)]);
    let mut child = Child::default();
    driven.make_child_with(&mut child, &steps).unwrap();
    let out = driven.scratch(8);
    let old = driven.making(Sysno::vmo_create, &[MANY * P, 0]).unwrap();
    let paged = driven.making(Sysno::vmo_create, &[MANY * P, 0]).unwrap();
    let window = driven.window(CachePolicy::WriteCombining);
    let mut is_running = false;
    for new in [paged, window, paged] {
        driven.map_singly(child.vmar, old, MANY);
        if !core::mem::replace(&mut is_running, true) {
            driven.start_child(&child, 0).unwrap();
        }
        driven.sleep(1_000_000);
        assert_eq!((driven.mapping_count(old), driven.mapping_count(new)), (MANY, 0));
        let entries = driven.program.board.cpu.entries();
        let over = [child.vmar, u64::from(RW | SPECIFIC_OVERWRITE), OFFSET, new, 0, MANY * P, out];
        driven.program.board.cpu.take_most_work();
        driven.call(Sysno::vmar_map, &over).unwrap();
        let most = driven.program.board.cpu.take_most_work();
        assert!(most.ports < 400, "one entry did {most:?}");
        assert!(driven.program.board.cpu.entries() - entries > MANY / 32, "it was not done at once");
        assert_eq!((driven.mapping_count(old), driven.mapping_count(new)), (0, 1));
        let is_over = [child.process, u64::from(Signals::TASK_TERMINATED.0), 0, 0];
        assert_eq!(driven.call(Sysno::object_wait_one, &is_over), Err(Status::TIMED_OUT), "the child lives");
    }
    driven.call(Sysno::task_kill, &[child.process]).unwrap();
    driven.settle();
    driven.check();
}

/// Very many mappings do not give way to another memory type: all of them stay. Those that are no more than go at once do.
#[test]
fn many_mappings_keep_their_type() {
    let mut driven = Driven::start();
    let vmar = u64::from(driven.world.vmar);
    let (old, new) = (driven.window(CachePolicy::Uncached), driven.window(CachePolicy::WriteCombining));
    let (out, base) = (driven.scratch(8), USER_BASE + OFFSET);
    driven.map_singly(vmar, old, MANY);
    let over = |pages: u64| [vmar, u64::from(RW | SPECIFIC_OVERWRITE), OFFSET, new, 0, pages * P, out];
    assert_eq!(driven.call(Sysno::vmar_map, &over(MANY)), Err(Status::BAD_STATE));
    assert_eq!((driven.mapping_count(old), driven.mapping_count(new)), (MANY, 0));
    driven.call(Sysno::vmar_map, &over(32)).unwrap();
    assert_eq!((driven.mapping_count(old), driven.mapping_count(new)), (MANY - 32, 1));
    driven.check();
    driven.unmap(base, MANY * P).unwrap();
    driven.check();
    // A part of it in the end is one of another type.
    driven.map_singly(vmar, old, MANY);
    let vmo = driven.making(Sysno::vmo_create, &[MANY * P, 0]).unwrap();
    driven.map_singly(vmar, vmo, MANY - 1);
    driven.program.store32(VirtAddr(base), 5);
    assert_eq!(driven.call(Sysno::vmar_map, &over(MANY)), Err(Status::BAD_STATE));
    assert_eq!((driven.mapping_count(old), driven.mapping_count(vmo)), (1, MANY - 1));
    assert_eq!(driven.program.load32(VirtAddr(base)), 5);
    driven.unmap(base, MANY * P).unwrap();
    driven.check();
}
