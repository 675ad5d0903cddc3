//! What another thread does between the pieces of a call, and what lies at the edges of what a call may do.

use abi::object::{InfoMaps, InfoVmo, info, maps_type};
use abi::vmar::{PERM_READ, SPECIFIC, SPECIFIC_OVERWRITE, USER_BASE};
use abi::vmo::{RangeOp, child, create};
use abi::{AbiStruct, PAGE_SIZE, Rights, Status, Sysno, VirtAddr};

use hosted::Config;
use hosted::virt::Board;
use scenarios::System;

use super::Driven;
use super::program::Program;
use super::ranges::RW;

const P: u64 = PAGE_SIZE;

impl Driven {
    /// Lets others do a piece.
    fn yield_now(&mut self) {
        self.call(Sysno::thread_legacy_yield, &[0]).unwrap();
    }
}

/// A call that goes on from what its thread remembers may find its handle closed. The next call of that thread begins
/// at the beginning.
#[test]
fn a_call_that_ends_between_its_pieces_leaves_no_progress_to_the_next() {
    let mut driven = Driven::start();
    let (size, small) = (16 << 20, 4 * P);
    let large = driven.making(Sysno::vmo_create, &[size, 0]).unwrap();
    driven.op(large, RangeOp::Commit, 0, size).unwrap();
    let vmo = driven.making(Sysno::vmo_create, &[small, 0]).unwrap();
    let at = driven.map(RW, vmo, 0, small).unwrap();
    for page in 0..4 {
        driven.store(at + page * P, 7);
    }
    let calls = [
        (Sysno::vmo_set_stream_size, [large, 0, 0, 0]),
        (Sysno::vmo_set_stream_size, [vmo, 0, 0, 0]),
        (Sysno::thread_exit, [0; 4]),
    ];
    let thread = driven.start_thread(&calls).unwrap();
    while driven.committed(large) == size {
        driven.yield_now();
    }
    driven.close(large);
    let end = u64::from(abi::Signals::TASK_TERMINATED.0);
    driven.call(Sysno::object_wait_one, &[thread, end, abi::time::INFINITE as u64, 0]).unwrap();
    assert_eq!(driven.thread_result(thread), Status::BAD_HANDLE, "it was in the middle");
    for page in 0..4 {
        assert_eq!(driven.load(at + page * P), 0, "page {page}");
    }
    driven.forget_scripts();
    driven.check();
}

/// The same for a list: the next one begins with the first record.
#[test]
fn a_list_whose_handle_is_closed_leaves_no_place_to_the_next() {
    let mut driven = Driven::start();
    let vmo = driven.making(Sysno::vmo_create, &[P, 0]).unwrap();
    let maps = driven.map_often(vmo, 200);
    let (process, same) = (u64::from(driven.world.process), u64::from(Rights::SAME_RIGHTS.0));
    let copy = driven.making(Sysno::handle_duplicate, &[process, same]).unwrap();
    let (size, topic) = (InfoMaps::SIZE as u64, u64::from(info::PROCESS_MAPS));
    let buffer = driven.scratch(0x7000);
    driven.write(0x7000, &[0; InfoMaps::SIZE]);
    let calls = [
        (Sysno::object_get_info, [copy, topic, buffer, 0]),
        (Sysno::object_get_info, [process, topic, buffer, size]),
        (Sysno::thread_exit, [0; 4]),
    ];
    let thread = driven.start_thread(&calls).unwrap();
    (0..3).for_each(|_| driven.yield_now());
    driven.close(copy);
    let end = u64::from(abi::Signals::TASK_TERMINATED.0);
    driven.call(Sysno::object_wait_one, &[thread, end, abi::time::INFINITE as u64, 0]).unwrap();
    assert_eq!(driven.thread_result(thread), Status::BAD_HANDLE, "it was in the middle");
    let mut bytes = [0; InfoMaps::SIZE];
    driven.program.peek(VirtAddr(buffer), &mut bytes);
    assert_eq!(InfoMaps::get(&bytes).maps_type, maps_type::ASPACE);
    maps.iter().for_each(|&at| driven.unmap(at, P).unwrap());
    driven.forget_scripts();
    driven.check();
}

/// What is counted of a mapping is not what another one had in its place when the count began.
#[test]
fn a_mapping_that_takes_a_place_is_counted_anew() {
    let (pages, records) = (1000, 64);
    let mut met = 0;
    for pieces in 1..12 {
        let mut driven = Driven::start();
        let size = (pages + 1) * P;
        let [old, new] = [(); 2].map(|()| driven.making(Sysno::vmo_create, &[size, 0]).unwrap());
        driven.call(Sysno::vmo_op_range, &[old, RangeOp::Commit as u64, 0, size, 0, 0]).unwrap();
        // A part, so that its pages are counted.
        let at = driven.map(RW, old, P, pages * P).unwrap();
        let list = driven.making(Sysno::vmo_create, &[64 << 10, 0]).unwrap();
        let list_at = driven.map(RW, list, 0, 64 << 10).unwrap();
        let (process, topic) = (u64::from(driven.world.process), u64::from(info::PROCESS_MAPS));
        let get = [process, topic, list_at, records * InfoMaps::SIZE as u64];
        let thread =
            driven.start_thread(&[(Sysno::object_get_info, get), (Sysno::thread_exit, [0; 4])]).unwrap();
        (0..pieces).for_each(|_| driven.yield_now());
        let (vmar, over) = (u64::from(driven.world.vmar), u64::from(RW | SPECIFIC_OVERWRITE));
        let args = [vmar, over, at - USER_BASE, new, 0, pages * P, driven.scratch(8)];
        driven.call(Sysno::vmar_map, &args).unwrap();
        let end = u64::from(abi::Signals::TASK_TERMINATED.0);
        driven.call(Sysno::object_wait_one, &[thread, end, abi::time::INFINITE as u64, 0]).unwrap();
        let mut bytes = [0; InfoMaps::SIZE];
        for record in 0..records {
            driven.program.peek(VirtAddr(list_at + record * InfoMaps::SIZE as u64), &mut bytes);
            let maps = InfoMaps::get(&bytes);
            if maps.maps_type == maps_type::MAPPING && maps.base == at {
                let is_new = maps.vmo_offset == 0;
                met += u32::from(is_new);
                assert_eq!(maps.committed_bytes, if is_new { 0 } else { pages * P }, "{pieces}");
            }
        }
        driven.forget_scripts();
        driven.check();
    }
    assert!(met > 0, "the new one was listed");
}

/// Nobody writes to the vDSO, whatever it is called.
#[test]
fn a_slice_of_the_vdso_is_the_vdso() {
    let mut driven = Driven::start();
    let vdso = u64::from(driven.world.vdso);
    let process = u64::from(driven.world.process);
    let (from, out) = (driven.scratch(0x1000), driven.scratch(16));
    for (options, size) in [(child::SLICE, P), (child::REFERENCE, 0)] {
        let Ok(vmo) = driven.making(Sysno::vmo_create_child, &[vdso, u64::from(options), 0, size]) else {
            println!("no child {options:#x}");
            continue;
        };
        let at = driven.map(PERM_READ, vmo, 0, P).unwrap();
        let args = [process, at, from, 8, out];
        assert_eq!(driven.call(Sysno::process_write_memory, &args), Err(Status::ACCESS_DENIED));
        driven.unmap(at, P).unwrap();
        driven.close(vmo);
    }
    driven.check();
}

/// A snapshot of pages that nobody has touched shares nothing, not even with what was made and cut off on the way to it.
#[test]
fn a_snapshot_beside_pages_leaves_them_their_owners() {
    let mut driven = Driven::start();
    let vmo = driven.making(Sysno::vmo_create, &[80 * P, 0]).unwrap();
    let at = driven.map(RW, vmo, 0, 80 * P).unwrap();
    driven.store(at + 40 * P, 1);
    let snapshot = [vmo, u64::from(child::SNAPSHOT), 63 * P, 2 * P];
    let clone = driven.making(Sysno::vmo_create_child, &snapshot).unwrap();
    let buffer = driven.scratch(0x4000);
    driven.call(Sysno::object_get_info, &[vmo, info::VMO.into(), buffer, InfoVmo::SIZE as u64]).unwrap();
    let mut bytes = [0; InfoVmo::SIZE];
    driven.program.peek(VirtAddr(buffer), &mut bytes);
    assert_eq!(InfoVmo::get(&bytes).committed_private_bytes, P);
    driven.check();
    driven.close(clone);
    driven.check();
}

/// Without the boot argument `test` nobody writes to another program's memory: that is said before anything is looked at.
#[test]
fn writing_to_programs_is_switched_off_before_all_other_errors() {
    let config = Config::default();
    let files: [(&str, &[u8]); 1] = [(Program::AGENT_FILE, &scenarios::agent::page())];
    let mut program = Program::on(Board::boot(config, &files, ""), config);
    let world = program.world();
    let (process, scratch) = (u64::from(world.process), world.scratch.0);
    let whose = [process, u64::from(world.vmar), 0, 7];
    for (handle, at, buffer, size) in
        whose.into_iter().flat_map(|handle| [(handle, scratch, scratch, 8), (handle, 0, 0, 0)])
    {
        let args = [handle, at, buffer, size, scratch + 64, 0, 0, 0];
        let written = Status(program.call(Sysno::process_write_memory, args) as i32);
        assert_eq!(written, Status::NOT_SUPPORTED, "{handle:#x}");
        let read = Status(program.call(Sysno::process_read_memory, args) as i32);
        let expected = match handle {
            _ if size == 0 => Status::INVALID_ARGS,
            handle if handle == process => Status::OK,
            0 | 7 => Status::BAD_HANDLE,
            _ => Status::WRONG_TYPE,
        };
        assert_eq!(read, expected, "{handle:#x}");
    }
}

/// A long read of memory that goes meanwhile ends where it was, whether its mapping goes or its VMO becomes smaller.
#[test]
fn a_read_of_memory_that_goes_meanwhile_ends_there() {
    for is_unmapped in [false, true] {
        let mut driven = Driven::start();
        let size = 400 * P;
        let vmo = driven.making(Sysno::vmo_create, &[size, u64::from(create::RESIZABLE)]).unwrap();
        let target = driven.making(Sysno::vmo_create, &[size, 0]).unwrap();
        let [at, target_at] = [vmo, target].map(|vmo| driven.map(RW, vmo, 0, size).unwrap());
        let (vmar, process) = (u64::from(driven.world.vmar), u64::from(driven.world.process));
        let gone = match is_unmapped {
            true => (Sysno::vmar_unmap, [vmar, at, size, 0]),
            false => (Sysno::vmo_set_size, [vmo, 0, 0, 0]),
        };
        let thread = driven.start_thread(&[gone, (Sysno::thread_exit, [0; 4])]).unwrap();
        let args = [process, at, target_at, size, driven.scratch(16)];
        assert_eq!(driven.call(Sysno::process_read_memory, &args), Ok(()), "{is_unmapped}");
        let copied = driven.read64(16);
        assert!(0 < copied && copied < size, "{copied}");
        assert_eq!(driven.thread_result(thread), Status::OK);
        driven.check();
    }
}

/// A call that goes on in another VMO, because what it is about was unmapped and something else mapped there, gives the first
/// one up: who touches that gets on.
#[test]
fn a_withdrawal_ends_where_its_call_goes_on_elsewhere() {
    const MANY: u64 = 300;
    for pieces in 1..6 {
        let mut driven = Driven::start();
        let [first, second] = [(); 2].map(|()| driven.making(Sysno::vmo_create, &[P, 0]).unwrap());
        let views = [first, second].map(|vmo| driven.map_often(vmo, MANY));
        driven.store(views[0][0], 5);
        driven.store(views[1][0], 6);
        let (vmar, out) = (u64::from(driven.world.vmar), driven.scratch(8));
        let at = views[0][MANY as usize - 1];
        let decommit = abi::vmar::RangeOp::Decommit as u64;
        let calls = [(Sysno::vmar_op_range, [vmar, decommit, at, P]), (Sysno::thread_exit, [0; 4])];
        let thread = driven.start_thread(&calls).unwrap();
        (0..pieces).for_each(|_| driven.yield_now());
        driven.unmap(at, P).unwrap();
        let specific = u64::from(SPECIFIC | RW);
        driven.call(Sysno::vmar_map, &[vmar, specific, at - USER_BASE, second, 0, P, out]).unwrap();
        let end = u64::from(abi::Signals::TASK_TERMINATED.0);
        driven.call(Sysno::object_wait_one, &[thread, end, abi::time::INFINITE as u64, 0]).unwrap();
        assert_eq!(driven.thread_result(thread), Status::OK);
        driven.check();
        assert!(matches!((driven.load(views[0][0]), driven.load(at)), (5, 0) | (0, 6)));
        driven.forget_scripts();
        driven.check();
    }
}
