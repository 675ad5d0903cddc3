//! Calls that may lack memory say so on their pages, and no others do.

use std::collections::BTreeSet;

use abi::vmo::{RangeOp, child, create};
use abi::{PhysRange, Rights, SYSCALLS, Status, Sysno};
use hosted::Config;
use scenarios::System;

use super::program::Program;
use super::{Bench, LACKED, MANY, P, sweep, sweep_making, word};
use super::{clones, dma, pages, ranges};

#[test]
fn vmo_read() {
    sweep(
        |bench| {
            // What was never written needs no memory, but the buffer may.
            let [vmo, buffer] = [bench.vmo(4), bench.vmo(1)];
            (vmo, buffer, bench.map(buffer, P))
        },
        |bench, (vmo, _, at)| bench.try_call(Sysno::vmo_read, &[*vmo, *at, P / 2, 1]),
        |bench, (vmo, buffer, at), _| {
            bench.unmap(at, P);
            bench.close(buffer);
            bench.close(vmo);
        },
    );
}

#[test]
fn object_get_child() {
    sweep_making(MANY, |bench| {
        let world = bench.program.world();
        let mut koid = [0; 8];
        let info = [word(world.thread), u64::from(abi::object::info::HANDLE_BASIC), bench.data, 32];
        bench.call(Sysno::object_get_info, &info);
        bench.program.peek(abi::VirtAddr(bench.data), &mut koid);
        let koid = u64::from_le_bytes(koid);
        let rights = u64::from(Rights::INSPECT.0);
        bench.try_call(Sysno::object_get_child, &[word(world.process), koid, rights, bench.out])
    });
}

#[test]
fn futex_wait() {
    sweep(
        |_| (),
        |bench, ()| {
            let soon = bench.program.call(Sysno::deadline_after, [1_000_000, 0, 0, 0, 0, 0, 0, 0]);
            bench.program.poke(abi::VirtAddr(bench.data), &[0; 4]);
            match bench.try_call(Sysno::futex_wait, &[bench.data, 0, 0, soon]) {
                Status::TIMED_OUT => Status::OK,
                other => other,
            }
        },
        |_, (), _| {},
    );
}

#[test]
fn process_start() {
    sweep(
        |bench| {
            let job = word(bench.program.world().job);
            let args = [job, bench.data, 4, 0, bench.out, bench.out + 8];
            bench.call(Sysno::process_create, &args);
            let (process, vmar) = (bench.handle(), bench.slot(1) & 0xFFFF_FFFF);
            bench.call(Sysno::thread_create, &[process, bench.data, 4, 0, bench.out]);
            let thread = bench.handle();
            // It goes with the call in any case, so the count is taken without it.
            bench.call(Sysno::event_create, &[0, bench.out]);
            let event = bench.handle();
            let rights = u64::from(Rights::SAME_RIGHTS.0);
            bench.call(Sysno::handle_duplicate, &[event, rights, bench.out]);
            (process, vmar, thread, event, bench.handle())
        },
        |bench, (process, _, thread, _, sent)| {
            bench.try_call(Sysno::process_start, &[*process, *thread, 0, 0, *sent, 0])
        },
        |bench, (process, vmar, thread, event, _), _| {
            bench.call(Sysno::task_kill, &[process]);
            [process, vmar, thread, event].into_iter().for_each(|handle| bench.close(handle));
        },
    );
}

#[test]
fn vmo_create_children() {
    sweep_making(MANY, |bench| {
        let slice = [bench.spare, u64::from(child::SLICE), 0, P, bench.out];
        bench.try_call(Sysno::vmo_create_child, &slice)
    });
}

/// So many handles need more room than a table has left when as many others took theirs.
const SENT: usize = 192;

#[test]
fn channel_read_handles() {
    let events = |bench: &mut Bench| -> Vec<u64> {
        let make = |bench: &mut Bench| {
            bench.call(Sysno::event_create, &[0, bench.out]);
            bench.handle()
        };
        (0..SENT).map(|_| make(bench)).collect()
    };
    sweep(
        |bench| {
            let pair = bench.channel();
            let sent = events(bench);
            for message in sent.chunks(64) {
                let list: Vec<u8> = message.iter().flat_map(|event| (*event as u32).to_le_bytes()).collect();
                bench.program.poke(abi::VirtAddr(bench.data), &list);
                bench.call(Sysno::channel_write, &[pair[0], 0, bench.data, 0, bench.data, 64]);
            }
            (pair, events(bench))
        },
        |bench, (pair, _)| {
            for message in 0..SENT as u64 / 64 {
                let handles = bench.data + message * 256;
                bench.program.poke(abi::VirtAddr(handles), &[0; 256]);
                let args = [pair[1], 0, bench.data, handles, 0, 64, 0, 0];
                let status = bench.try_call(Sysno::channel_read, &args);
                if status != Status::OK {
                    return status;
                }
            }
            Status::OK
        },
        |bench, (pair, others), _| {
            // What was read is closed, what was not goes with the channel.
            bench.call(Sysno::handle_close_many, &[bench.data, SENT as u64]);
            bench.program.poke(abi::VirtAddr(bench.data), &[0; SENT * 4]);
            pair.into_iter().chain(others).for_each(|handle| bench.close(handle));
        },
    );
}

/// A resizable VMO with six pages that a snapshot has too, so that to change one of them takes a frame.
fn shared(bench: &mut Bench) -> [u64; 2] {
    bench.call(Sysno::vmo_create, &[6 * P, u64::from(create::RESIZABLE), bench.out]);
    let vmo = bench.handle();
    bench.call(Sysno::vmo_op_range, &[vmo, RangeOp::Commit as u64, 0, 6 * P]);
    bench.call(Sysno::vmo_create_child, &[vmo, u64::from(child::SNAPSHOT), 0, 6 * P, bench.out]);
    [vmo, bench.handle()]
}

#[test]
fn sizes_within_a_shared_page() {
    for sysno in [Sysno::vmo_set_size, Sysno::vmo_set_stream_size] {
        sweep(
            shared,
            |bench, [vmo, _]| bench.try_call(sysno, &[*vmo, P + 7]),
            |bench, both, _| both.into_iter().for_each(|vmo| bench.close(vmo)),
        );
    }
}

/// Two rows of so many pages are more than the board has: the first one stays as it is.
#[test]
fn no_second_row() {
    let base = Config::default().ram.base();
    let ram = PhysRange::new(base, 16 << 20).expect("a small board's RAM");
    let program = Program::start(Config { ram, ..Config::default() });
    let scratch = program.world().scratch.0;
    let mut bench = Bench { program, out: scratch, data: scratch + 4 * P, spare: 0 };
    let bti = bench.bti();
    let vmo = bench.contiguous(bti, 2200);
    let before = bench.census();
    assert_eq!(bench.try_call(Sysno::vmo_set_cache_policy, &[vmo, 1]), Status::NO_MEMORY);
    assert_eq!(bench.census(), before);
    bench.call(Sysno::vmo_write, &[vmo, bench.data, 2199 * P, 8]);
}

/// Every sweep. One that is not listed here is not held against the pages.
const EACH: &[fn()] = &[
    vmo_read,
    object_get_child,
    futex_wait,
    process_start,
    vmo_create_children,
    channel_read_handles,
    sizes_within_a_shared_page,
    dma::iommu_create,
    dma::bti_create,
    dma::bti_pin,
    dma::bti_pin_of_many,
    dma::vmo_create_contiguous,
    dma::vmo_set_cache_policy_of_contiguous,
    no_second_row,
    ranges::vmo_op_range_commit,
    ranges::vmo_op_range_others,
    ranges::vmo_set_size,
    ranges::vmo_set_stream_size,
    ranges::vmar_op_range,
    ranges::vmar_map_range,
    ranges::process_memory,
    ranges::vmar_map_over,
    ranges::vmar_map_over_many,
    clones::a_write_to_a_shared_page,
    clones::snapshots,
    clones::references,
    super::vmo_create,
    super::vmo_create_physical,
    super::resource_create,
    super::event_create,
    super::port_create,
    super::port_queue,
    super::object_wait_async,
    super::object_wait_many,
    super::job_create,
    super::debuglog_create,
    super::thread_create,
    super::process_create,
    super::channel_create,
    super::handle_duplicate,
    super::vmar_map_many,
    super::vmar_allocate,
    super::vmo_create_child,
    super::vmo_write,
    super::vmar_map_paged,
    super::vmar_map_physical,
    super::vmar_unmap,
    super::vmar_protect,
    super::channel_write,
    super::channel_read,
    super::object_wait_one,
];

#[test]
fn calls_that_may_lack_memory_say_so_on_their_pages() {
    EACH.iter().for_each(|sweep| sweep());
    let lacked = LACKED.lock().expect("no sweep panics with it").clone();
    let pages = pages::errors();
    let listed = pages.iter().filter(|(_, statuses)| statuses.contains(&Status::NO_MEMORY.0));
    let listed: BTreeSet<usize> = listed.map(|(number, _)| *number).collect();
    let names = |numbers: BTreeSet<usize>| -> Vec<&str> {
        numbers.into_iter().filter_map(|number| SYSCALLS.get(number).map(|call| call.name)).collect()
    };
    let (silent, idle) = (&lacked - &listed, &listed - &lacked);
    assert_eq!(names(silent), [""; 0], "lacked memory, and their pages do not say that they may");
    assert_eq!(names(idle), [""; 0], "may lack memory by their pages, and no sweep shows it");
}
