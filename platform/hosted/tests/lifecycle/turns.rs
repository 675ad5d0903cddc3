//! Who waits for pages or for memory, and what becomes of the wish when it is granted.

use abi::vmar::{ALLOW_FAULTS, CAN_MAP_READ, CAN_MAP_SPECIFIC, CAN_MAP_WRITE, SPECIFIC, USER_BASE};
use abi::vmo::{CachePolicy, RangeOp, create};
use abi::{PAGE_SIZE, Signals, Status, Sysno};
use scenarios::agent::{Arg, Do, Step};

use super::Driven;
use super::child::Child;
use super::ranges::RW;

const P: u64 = PAGE_SIZE;

/// Who waits to write to a page that is cut off meanwhile gets none.
#[test]
fn nothing_is_committed_beyond_an_end_that_came_meanwhile() {
    let mut driven = Driven::start();
    let vmo = driven.making(Sysno::vmo_create, &[2 * P, u64::from(create::RESIZABLE)]).unwrap();
    for _ in 0..200 {
        let at = driven.map(RW, vmo, 0, 2 * P).unwrap();
        assert_eq!(driven.load(at + P), 0);
    }
    for turns in 0..4 {
        let (mut child, out) = (Child::default(), driven.scratch(8));
        let (offset, options) = (64 << 30, u64::from(RW | SPECIFIC));
        let at = USER_BASE + offset + P;
        driven.make_child_with(&mut child, &[Step::new(Do::Store, &[Arg::Is(at), Arg::Is(1)])]).unwrap();
        driven.call(Sysno::vmar_map, &[child.vmar, options, offset, vmo, 0, 2 * P, out]).unwrap();
        driven.start_child(&child, 0).unwrap();
        for _ in 0..turns {
            driven.call(Sysno::thread_legacy_yield, &[0]).unwrap();
        }
        // The child stores while this goes on, or before.
        driven.call(Sysno::vmo_set_size, &[vmo, P]).unwrap();
        driven.settle();
        assert_eq!(driven.committed(vmo), 0, "{turns}");
        driven.check();
        driven.call(Sysno::vmo_set_size, &[vmo, 2 * P]).unwrap();
    }
}

/// Memory that something dead still has is there for a call that can be made again, also where it may not be any.
#[test]
fn what_is_dead_gives_way_to_what_may_not_be_anywhere() {
    for pages in (0..320).step_by(64) {
        let mut driven = Driven::start_small(16 << 20);
        let bti = driven.bti();
        let spare = driven.making(Sysno::vmo_create, &[512 * P, 0]).unwrap();
        driven.op(spare, RangeOp::Commit, 0, pages * P).unwrap();
        let uncached = driven.making(Sysno::vmo_create, &[P, 0]).unwrap();
        driven.call(Sysno::vmo_set_cache_policy, &[uncached, CachePolicy::Uncached as u64]).unwrap();
        // With all of it but a few frames in a row, the last of the dead count.
        let (hog, used) = driven.fill();
        driven.close(hog);
        let row = driven.making(Sysno::vmo_create_contiguous, &[bti, used - 4 * P, 0]).unwrap();
        driven.close(row);
        driven.op(uncached, RangeOp::Commit, 0, P).unwrap();
        driven.check();
    }
}

/// A page of a VMO that is discarded for that page's own frame is not shown where the discarding has been already.
#[test]
fn a_page_is_not_shown_while_it_is_discarded_for_its_own_frame() {
    for waits in (0..192).step_by(16) {
        let mut driven = Driven::start_small(16 << 20);
        let size = 128 * P;
        let port = driven.making(Sysno::port_create, &[0]).unwrap();
        let event = driven.making(Sysno::event_create, &[0]).unwrap();
        for key in 0..waits {
            let readable = u64::from(Signals::READABLE.0);
            driven.call(Sysno::object_wait_async, &[event, port, key, readable, 0]).unwrap();
        }
        // All but the last page, which is mapped so often that this half is not discarded in one entry.
        let cache = driven.cache(size);
        driven.op(cache, RangeOp::Decommit, size - P, P).unwrap();
        let maps = (0..60).map(|_| driven.map(RW | ALLOW_FAULTS, cache, size - 8 * P, 8 * P).unwrap());
        let at = maps.last().unwrap();
        driven.store(at, 1);
        driven.fill();
        driven.op(cache, RangeOp::Unlock, 0, size).unwrap();
        // The waits are taken apart before the pages of the half that is discarded first.
        driven.close(event);
        driven.store(at + 7 * P, 7);
        driven.check();
        let more = driven.making(Sysno::vmo_create, &[size, 0]).unwrap();
        let _some = driven.op(more, RangeOp::Commit, 0, size);
        driven.check();
    }
}

/// A region that is destroyed in pieces shows nothing again of what it has been taken out of the tables.
#[test]
fn what_is_touched_in_a_region_that_is_being_destroyed_does_not_stay() {
    for touches in 0..8 {
        let mut driven = Driven::start();
        let size = 32_768 * P;
        let [vmo, probe] = [size, P].map(|size| driven.making(Sysno::vmo_create, &[size, 0]).unwrap());
        let (root, out) = (u64::from(driven.world.vmar), driven.scratch(0));
        let options = u64::from(CAN_MAP_READ | CAN_MAP_WRITE | CAN_MAP_SPECIFIC);
        driven.call(Sysno::vmar_allocate, &[root, options, 0, size, out, out + 8]).unwrap();
        let (region, base) = (u64::from(driven.read32(0)), driven.read64(8));
        let map = [region, u64::from(RW | SPECIFIC), 0, vmo, 0, size, out];
        driven.call(Sysno::vmar_map, &map).unwrap();
        for at in (base..base + size).step_by(512 * P as usize) {
            driven.store(at, 1);
        }
        let calls = [(Sysno::vmar_destroy, [region, 0, 0, 0]), (Sysno::thread_exit, [0; 4])];
        let thread = driven.start_thread(&calls).unwrap();
        // Another page each time, of the mapping where the last fault was.
        for touch in 0..touches {
            driven.call(Sysno::thread_legacy_yield, &[0]).unwrap();
            let _maybe_gone = driven.call(Sysno::vmo_write, &[probe, base + touch % 2 * P, 0, 8]);
            let _maybe_gone = driven.call(Sysno::vmo_read, &[probe, base + touch % 2 * P, 0, 8]);
        }
        let end = u64::from(Signals::TASK_TERMINATED.0);
        driven.call(Sysno::object_wait_one, &[thread, end, abi::time::INFINITE as u64, 0]).unwrap();
        assert_eq!(driven.thread_result(thread), Status::OK);
        for page in 0..2 {
            let write = driven.call(Sysno::vmo_write, &[probe, base + page * P, 0, 8]);
            assert_eq!(write, Err(Status::INVALID_ARGS), "page {page} after {touches}");
        }
        driven.forget_scripts();
        driven.check();
    }
}
