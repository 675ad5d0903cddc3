//! Pages that go while they are in use: with many mappings, in the middle of it all, and for want of memory.

use abi::object::{InfoVmo, info};
use abi::vmar::{ALLOW_FAULTS, MAP_RANGE, PERM_READ, PERM_WRITE};
use abi::vmo::{LockState, RangeOp, create};
use abi::{AbiStruct, PAGE_SIZE, Status, Sysno, VirtAddr};
use hosted::{Config, Width};
use kernel::ports::Maintenance;
use scenarios::System;
use scenarios::agent::{Arg, Do, Step};

use super::Driven;
use super::child::Child;

pub(super) const RW: u32 = PERM_READ | PERM_WRITE;
const P: u64 = PAGE_SIZE;
/// Mappings of one page: far more than one entry goes through.
const MANY: u64 = 300;

impl Driven {
    pub(super) fn op(&mut self, vmo: u64, op: RangeOp, offset: u64, size: u64) -> Result<(), Status> {
        self.call(Sysno::vmo_op_range, &[vmo, op as u64, offset, size])
    }

    pub(super) fn committed(&mut self, vmo: u64) -> u64 {
        let at = self.scratch(0x4000);
        let args = [vmo, u64::from(info::VMO), at, InfoVmo::SIZE as u64];
        self.call(Sysno::object_get_info, &args).unwrap();
        let mut bytes = [0; InfoVmo::SIZE];
        self.program.peek(VirtAddr(at), &mut bytes);
        InfoVmo::get(&bytes).committed_bytes
    }

    pub(super) fn load(&mut self, at: u64) -> u64 {
        self.program.board.cpu.load(VirtAddr(at), Width::Double)
    }

    pub(super) fn store(&mut self, at: u64, value: u64) {
        self.program.board.cpu.store(VirtAddr(at), Width::Double, value);
    }

    /// Maps a VMO of one page this often, and shows it everywhere.
    pub(super) fn map_often(&mut self, vmo: u64, times: u64) -> Vec<u64> {
        let maps: Vec<_> = (0..times).map(|_| self.map(RW, vmo, 0, P).unwrap()).collect();
        for &at in &maps {
            assert_eq!(self.load(at), 0);
        }
        maps
    }

    pub(super) fn lock(&mut self, vmo: u64, size: u64) -> Result<LockState, Status> {
        let buffer = self.scratch(0x4000);
        let args = [vmo, RangeOp::Lock as u64, 0, size, buffer, LockState::SIZE as u64];
        self.call(Sysno::vmo_op_range, &args)?;
        let mut bytes = [0; LockState::SIZE];
        self.program.peek(VirtAddr(buffer), &mut bytes);
        Ok(LockState::get(&bytes))
    }

    /// A discardable VMO with every page committed, locked once.
    pub(super) fn cache(&mut self, size: u64) -> u64 {
        let vmo = self.making(Sysno::vmo_create, &[size, u64::from(create::DISCARDABLE)]).unwrap();
        assert_eq!(self.lock(vmo, size).unwrap().discarded_size, 0);
        self.op(vmo, RangeOp::Commit, 0, size).unwrap();
        vmo
    }
}

#[test]
fn a_page_of_many_mappings_is_decommitted_in_pieces() {
    let mut driven = Driven::start();
    let vmo = driven.making(Sysno::vmo_create, &[P, 0]).unwrap();
    let maps = driven.map_often(vmo, MANY);
    driven.store(maps[0], 5);
    driven.bounded("decommit", |driven| driven.op(vmo, RangeOp::Decommit, 0, P).unwrap());
    for at in maps {
        assert_eq!(driven.load(at), 0);
    }
    driven.check();
}

/// Who is killed in the middle of a withdrawal leaves a VMO that others can use, and withdraw from, at once.
#[test]
fn a_withdrawal_ends_with_its_thread() {
    let mut driven = Driven::start();
    let vmo = driven.making(Sysno::vmo_create, &[P, 0]).unwrap();
    let maps = driven.map_often(vmo, MANY);
    for round in 0..4 {
        driven.store(maps[0], 7);
        let mut child = Child::default();
        let decommit = [0, RangeOp::Decommit as u64, 0, P].map(Arg::Is);
        let steps = [Step::give_handle(1), Step::call(Sysno::vmo_op_range, &decommit), Step::again(1)];
        driven.make_child_with(&mut child, &steps).unwrap();
        let same = u64::from(abi::Rights::SAME_RIGHTS.0);
        let copy = driven.making(Sysno::handle_duplicate, &[vmo, same]).unwrap();
        driven.start_child(&child, copy).unwrap();
        // It is somewhere in its list each time.
        driven.sleep(100_000 + round * 37_000);
        driven.check();
        driven.call(Sysno::task_kill, &[child.process]).unwrap();
        driven.check();
        driven.store(maps[round as usize], 8);
        driven.settle();
        driven.check();
        child.handles().iter().for_each(|&handle| driven.close(handle));
        driven.op(vmo, RangeOp::Decommit, 0, P).unwrap();
        assert_eq!(driven.load(maps[299]), 0);
    }
}

/// Several withdraw from one VMO and others use it meanwhile: all of them get on.
#[test]
fn withdrawals_take_turns_and_nobody_starves() {
    let mut driven = Driven::start();
    let vmo = driven.making(Sysno::vmo_create, &[2 * P, 0]).unwrap();
    let maps: Vec<_> = (0..100).map(|_| driven.map(RW, vmo, 0, 2 * P).unwrap()).collect();
    for &at in &maps {
        driven.store(at, 1);
    }
    let mut threads = Vec::new();
    for page in 0..2 {
        let mut calls = vec![(Sysno::vmo_op_range, [vmo, RangeOp::Decommit as u64, page * P, P]); 9];
        calls.push((Sysno::thread_exit, [0; 4]));
        threads.push(driven.start_thread(&calls).unwrap());
    }
    for round in 0..20 {
        let at = maps[(round * 11) % maps.len()];
        driven.store(at, 3);
        driven.load(at + P);
        driven.op(vmo, RangeOp::Decommit, 0, 2 * P).unwrap();
        driven.check();
    }
    driven.sleep(400_000_000);
    for thread in threads {
        assert_eq!(driven.thread_result(thread), Status::OK);
        driven.close(thread);
    }
    driven.op(vmo, RangeOp::Decommit, 0, 2 * P).unwrap();
    maps.iter().for_each(|&at| assert_eq!((driven.load(at), driven.load(at + P)), (0, 0)));
    driven.forget_scripts();
    driven.check();
}

/// Two copies for which hundreds of mappings are gone through, of one VMO: who began goes on, and both get there.
#[test]
fn writers_of_shared_pages_that_many_show_both_get_on() {
    for cpus in [1, 3] {
        for with_calls in [false, true] {
            let mut driven = Driven::start_with(Config { cpus, ..Config::default() });
            let vmo = driven.making(Sysno::vmo_create, &[2 * P, 0]).unwrap();
            let maps: Vec<_> = (0..MANY).map(|_| driven.map(RW, vmo, 0, 2 * P).unwrap()).collect();
            for &at in &maps {
                driven.store(at, 1);
                driven.store(at + P, 1);
            }
            let clone = driven.making(Sysno::vmo_create_child, &[vmo, 1, 0, 2 * P]).unwrap();
            let from = driven.scratch(0x7000);
            driven.write(0x7000, &9_u64.to_le_bytes());
            let calls = [(Sysno::vmo_write, [vmo, from, P, 8]), (Sysno::thread_exit, [0; 4])];
            let thread = driven.start_thread(&calls).unwrap();
            if with_calls {
                driven.call(Sysno::vmo_write, &[vmo, from, 0, 8]).unwrap();
            } else {
                driven.store(maps[7], 9);
            }
            let end = u64::from(abi::Signals::TASK_TERMINATED.0);
            driven.call(Sysno::object_wait_one, &[thread, end, abi::time::INFINITE as u64, 0]).unwrap();
            assert_eq!(driven.thread_result(thread), Status::OK);
            assert_eq!((driven.load(maps[299]), driven.load(maps[0] + P)), (9, 9));
            driven.call(Sysno::vmo_read, &[clone, driven.world.scratch.0 + 0x3800, 0, 8]).unwrap();
            assert_eq!(driven.read64(0x3800), 1);
            driven.settle();
            driven.check();
        }
    }
}

/// A thread that touches a page on its way out of the tables gets it anew, when that is over.
#[test]
fn whoever_touches_what_is_withdrawn_helps() {
    let mut driven = Driven::start();
    let vmo = driven.making(Sysno::vmo_create, &[P, 0]).unwrap();
    let maps = driven.map_often(vmo, 200);
    let mut child = Child::default();
    driven.make_child(&mut child, &[]).unwrap();
    let there = driven.map_into(child.vmar, RW, (vmo, 0), P).unwrap();
    let mut counter = Child::default();
    driven.make_child_with(&mut counter, &[Step::new(Do::Count, &[Arg::Is(0)])]).unwrap();
    let there_too = driven.map_into(counter.vmar, RW, (vmo, 0), P).unwrap();
    assert!(there > 0);
    // The script is written anew, now that the address is known.
    let argument = there_too.to_le_bytes();
    driven.write(0x3000, &argument);
    let at = scenarios::agent::HEADER + scenarios::agent::STEP_ARGS;
    let from = driven.scratch(0x3000);
    driven.call(Sysno::vmo_write, &[counter.script(), from, at, 8]).unwrap();
    driven.start_child(&counter, 0).unwrap();
    for _ in 0..5 {
        driven.sleep(30_000_000);
        assert!(driven.load(maps[9]) > 0, "it counts");
        driven.op(vmo, RangeOp::Decommit, 0, P).unwrap();
        driven.check();
    }
    driven.call(Sysno::task_kill, &[counter.process]).unwrap();
    driven.settle();
    driven.check();
}

#[test]
fn large_operations_are_done_in_pieces() {
    let mut driven = Driven::start();
    let size = 16 << 20;
    let vmo = driven.making(Sysno::vmo_create, &[size, u64::from(create::RESIZABLE)]).unwrap();
    let at = driven.map(RW, vmo, 0, size).unwrap();
    for op in [RangeOp::Commit, RangeOp::Zero, RangeOp::CacheClean, RangeOp::CacheSync, RangeOp::Decommit] {
        driven.bounded("op_range", |driven| driven.op(vmo, op, 0, size).unwrap());
    }
    let vmar = u64::from(driven.world.vmar);
    for op in [1, 3, 10, 2, 1] {
        driven.bounded("vmar_op_range", |driven| {
            driven.call(Sysno::vmar_op_range, &[vmar, op, at, size]).unwrap();
        });
    }
    driven.bounded("map", |driven| {
        let again = driven.map(RW | MAP_RANGE, vmo, 0, size).unwrap();
        driven.unmap(again, size).unwrap();
    });
    driven.bounded("stream size", |driven| {
        driven.call(Sysno::vmo_set_stream_size, &[vmo, 0]).unwrap();
        driven.call(Sysno::vmo_set_stream_size, &[vmo, size]).unwrap();
    });
    driven.bounded("shrink", |driven| driven.call(Sysno::vmo_set_size, &[vmo, 0]).unwrap());
    driven.call(Sysno::vmo_set_size, &[vmo, size]).unwrap();
    assert_eq!(driven.load(at + (size >> 1)), 0);
    let process = u64::from(driven.world.process);
    driven.bounded("read memory", |driven| {
        let target = driven.making(Sysno::vmo_create, &[size, 0]).unwrap();
        let target_at = driven.map(RW, target, 0, size).unwrap();
        let args = [process, at, target_at, size, driven.scratch(16)];
        driven.call(Sysno::process_read_memory, &args).unwrap();
        assert_eq!(driven.read64(16), size);
    });
}

/// The caches are told of exactly the bytes that a program names, where there are any.
#[test]
fn cache_maintenance_is_exact() {
    let mut driven = Driven::start();
    let vmo = driven.making(Sysno::vmo_create, &[4 * P, 0]).unwrap();
    let from = driven.scratch(0x1000);
    for page in [0, 1, 3] {
        driven.call(Sysno::vmo_write, &[vmo, from, page * P, 8]).unwrap();
    }
    let before = driven.program.board.machine.maintained_bytes().len();
    for (op, how) in [
        (RangeOp::CacheClean, Maintenance::Clean),
        (RangeOp::CacheCleanInvalidate, Maintenance::CleanInvalidate),
        (RangeOp::CacheInvalidate, Maintenance::Invalidate),
    ] {
        let seen = driven.program.board.machine.maintained_bytes().len();
        driven.op(vmo, op, 100, 3 * P + 7).unwrap();
        let done = driven.program.board.machine.maintained_bytes();
        let done: Vec<_> = done[seen..].iter().map(|&(_, offset, len, how)| (offset, len, how)).collect();
        assert_eq!(done, [(100, P as usize - 100, how), (0, P as usize, how), (0, 107, how)]);
    }
    assert_eq!(driven.program.board.machine.maintained_bytes().len(), before + 9);
    let synchronized = driven.program.board.machine.synchronized_frames().len();
    driven.op(vmo, RangeOp::CacheSync, 0, 4 * P).unwrap();
    assert_eq!(driven.program.board.machine.synchronized_frames().len(), synchronized + 3);
}

/// For want of memory the kernel discards what is unlocked, what was unlocked first before the rest.
#[test]
fn unlocked_vmos_are_discarded_when_memory_runs_out() {
    let size = 256 * P;
    let mut driven = Driven::start_small(16 << 20);
    let [first, second, locked] = [(); 3].map(|()| driven.cache(size));
    let at = driven.map(RW | ALLOW_FAULTS, first, 0, size).unwrap();
    driven.store(at + P, 4);
    for vmo in [first, second] {
        driven.op(vmo, RangeOp::Unlock, 0, size).unwrap();
    }
    let hog = driven.making(Sysno::vmo_create, &[64 << 20, 0]).unwrap();
    let mut used = 0;
    while driven.committed(first) == size {
        driven.op(hog, RangeOp::Commit, used, P).unwrap();
        used += P;
    }
    driven.check();
    while driven.committed(first) > 0 {
        assert_eq!(driven.committed(second), size, "what was unlocked later goes later");
        driven.op(hog, RangeOp::Commit, used, 16 * P).unwrap();
        used += 16 * P;
    }
    while driven.op(hog, RangeOp::Commit, used, P).is_ok() {
        used += P;
    }
    assert_eq!(driven.committed(second), 0);
    assert_eq!(driven.committed(locked), size, "what is locked stays");
    for vmo in [first, second] {
        assert_eq!(driven.op(vmo, RangeOp::TryLock, 0, size), Err(Status::UNAVAILABLE));
    }
    driven.check();
    driven.close(hog);
    driven.settle();
    let state = driven.lock(first, size).unwrap();
    assert_eq!((state.discarded_offset, state.discarded_size), (0, size));
    assert_eq!(driven.load(at + P), 0);
    assert_eq!(driven.lock(first, size).unwrap().discarded_size, 0);
    driven.check();
}

/// A copy whose buffer is discarded for the sake of the frame that it needs looks for the buffer again.
#[test]
fn a_copy_survives_that_its_buffer_is_discarded() {
    let size = 64 * P;
    // Of the frames that are given up the copy takes one: the buffer's is it not every time.
    for page in [0, 63, 30] {
        let mut driven = Driven::start_small(16 << 20);
        let cache = driven.cache(size);
        let at = driven.map(RW | ALLOW_FAULTS, cache, 0, size).unwrap() + page * P;
        driven.store(at, 4);
        driven.op(cache, RangeOp::Unlock, 0, size).unwrap();
        let hog = driven.making(Sysno::vmo_create, &[64 << 20, 0]).unwrap();
        let mut used = 0;
        while driven.committed(cache) == size {
            driven.call(Sysno::vmo_write, &[hog, at, used, 8]).unwrap();
            used += P;
        }
        driven.check();
        while driven.call(Sysno::vmo_write, &[hog, at, used, 8]).is_ok() {
            used += P;
        }
        driven.check();
    }
}

/// A program's own fault discards, too, and goes on.
#[test]
fn a_fault_for_which_there_is_no_memory_discards() {
    let size = 512 * P;
    let mut driven = Driven::start_small(16 << 20);
    let cache = driven.cache(size);
    driven.op(cache, RangeOp::Unlock, 0, size).unwrap();
    let hog = driven.making(Sysno::vmo_create, &[64 << 20, 0]).unwrap();
    let at = driven.map(RW, hog, 0, 64 << 20).unwrap();
    let mut used = 0;
    while driven.committed(cache) == size {
        driven.op(hog, RangeOp::Commit, used, P).unwrap();
        used += P;
    }
    for page in 0..100 {
        driven.store(at + used + page * P, page);
    }
    assert_eq!(driven.load(at + used + 99 * P), 99);
    assert!(driven.committed(cache) < size - 64 * P);
    driven.check();
}

/// Several CPUs at it: decommitting, using, mapping and unmapping one VMO.
#[test]
fn cpus_withdraw_and_use_a_page() {
    let mut driven = Driven::start_with(Config { cpus: 4, ..Config::default() });
    let vmo = driven.making(Sysno::vmo_create, &[P, 0]).unwrap();
    let maps = driven.map_often(vmo, 150);
    for _ in 0..3 {
        let mut calls = vec![(Sysno::vmo_op_range, [vmo, RangeOp::Decommit as u64, 0, P]); 12];
        calls.push((Sysno::thread_exit, [0; 4]));
        driven.start_thread(&calls).unwrap();
    }
    for round in 0..30 {
        driven.store(maps[round * 7 % 150], 9);
        driven.check();
    }
    driven.sleep(400_000_000);
    driven.op(vmo, RangeOp::Decommit, 0, P).unwrap();
    maps.iter().for_each(|&at| assert_eq!(driven.load(at), 0));
    driven.forget_scripts();
    driven.check();
}

/// Two boots place things apart, if their entropy differs, and alike if it does not.
#[test]
fn places_follow_from_the_seed() {
    let place = |seed| {
        let mut driven = Driven::start_with(Config { seed: Some(seed), ..Config::default() });
        let vmo = driven.making(Sysno::vmo_create, &[P, 0]).unwrap();
        let at = driven.map(RW, vmo, 0, P).unwrap();
        (at, driven.world.vdso_base.0, driven.world.seeds)
    };
    let (first, again, second) = (place(1), place(1), place(2));
    assert_eq!(first, again);
    assert!(first.0 != second.0 && first.1 != second.1);
    assert_eq!(first.2, (40, 0), "the tree has seeds, and no program is told");
}
