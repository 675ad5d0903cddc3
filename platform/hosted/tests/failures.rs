//! Memory runs out at each place where it can: every allocation of every call fails once.
//!
//! A call that met a failure says NO_MEMORY, leaves no object and no frame behind, and succeeds when it is
//! made again.

#[path = "failures/clones.rs"]
mod clones;
#[path = "failures/dma.rs"]
mod dma;
#[path = "documented/memory.rs"]
mod documented;
#[path = "failures/left.rs"]
mod left;
#[path = "documented/pages.rs"]
mod pages;
#[path = "scenarios/program.rs"]
mod program;
#[path = "failures/ranges.rs"]
mod ranges;

use std::collections::BTreeSet;
use std::sync::Mutex;

use abi::vmar::{CAN_MAP_READ, PERM_READ, PERM_WRITE};
use abi::vmo::child;
use abi::{Handle, PAGE_SIZE, Rights, Signals, Status, Sysno, VirtAddr};
use hosted::Config;
use hosted::heap::Failing;
use program::Program;
use scenarios::System;

#[global_allocator]
static HEAP: Failing = Failing;

const P: u64 = PAGE_SIZE;
/// More failures than any call has allocations.
const ENOUGH: u64 = 500;
/// Objects that are made until tables have grown a few times.
const MANY: usize = 300;

/// Calls that said that they lack memory.
static LACKED: Mutex<BTreeSet<usize>> = Mutex::new(BTreeSet::new());

/// What is made to fail.
#[derive(Clone, Copy, Debug)]
enum Supply {
    Heap,
    Frames,
}

/// A program with calls that must succeed, and one that need not.
struct Bench {
    program: Program,
    /// Where outputs go: eight slots.
    out: u64,
    /// Inputs and buffers.
    data: u64,
    /// A VMO of one page.
    spare: u64,
}

impl Bench {
    fn new() -> Self {
        let program = Program::start(Config::default());
        let scratch = program.world().scratch.0;
        let mut bench = Self { program, out: scratch, data: scratch + 4 * P, spare: 0 };
        bench.spare = bench.vmo(1);
        bench
    }

    fn try_call(&mut self, sysno: Sysno, first: &[u64]) -> Status {
        let status = Status::from(self.program.ask(sysno, first));
        if status == Status::NO_MEMORY {
            LACKED.lock().expect("no sweep panics with it").insert(sysno as usize);
        }
        status
    }

    fn call(&mut self, sysno: Sysno, first: &[u64]) {
        assert_eq!(self.try_call(sysno, first), Status::OK, "zx_{} for the set-up", sysno.line().name);
    }

    fn slot(&mut self, slot: u64) -> u64 {
        self.program.word(VirtAddr(self.out + slot * 8))
    }

    fn handle(&mut self) -> u64 {
        self.slot(0) & u64::from(u32::MAX)
    }

    fn close(&mut self, handle: u64) {
        self.call(Sysno::handle_close, &[handle]);
    }

    fn vmo(&mut self, pages: u64) -> u64 {
        self.call(Sysno::vmo_create, &[pages * P, 0, self.out]);
        self.handle()
    }

    fn physical(&mut self, pages: u64) -> u64 {
        let world = self.program.world();
        let args = [word(world.mmio_root), world.flash.base().0, pages * P, self.out];
        self.call(Sysno::vmo_create_physical, &args);
        self.handle()
    }

    fn channel(&mut self) -> [u64; 2] {
        self.call(Sysno::channel_create, &[0, self.out, self.out + 8]);
        [self.slot(0) & 0xFFFF_FFFF, self.slot(1) & 0xFFFF_FFFF]
    }

    fn map(&mut self, vmo: u64, len: u64) -> u64 {
        let args = self.map_args(vmo, len);
        self.call(Sysno::vmar_map, &args);
        self.slot(0)
    }

    fn map_args(&self, vmo: u64, len: u64) -> [u64; 7] {
        let vmar = word(self.program.world().vmar);
        [vmar, u64::from(PERM_READ | PERM_WRITE), 0, vmo, 0, len, self.out]
    }

    fn unmap(&mut self, at: u64, len: u64) {
        let vmar = word(self.program.world().vmar);
        self.call(Sysno::vmar_unmap, &[vmar, at, len]);
    }

    /// Lets the kernel tear down what is dead.
    fn settle(&mut self) {
        for _ in 0..4 {
            let soon = self.program.call(Sysno::deadline_after, [1_000_000, 0, 0, 0, 0, 0, 0, 0]);
            self.program.call(Sysno::nanosleep, [soon, 0, 0, 0, 0, 0, 0, 0]);
        }
    }

    /// Objects and frames in use.
    fn census(&mut self) -> (Option<usize>, usize) {
        self.settle();
        (self.program.object_count(), self.program.board.machine.frames_in_use())
    }

    fn arm(&mut self, supply: Supply, nth: Option<u64>) {
        match supply {
            Supply::Heap => self.program.board.cpu.fail_nth_allocation(nth),
            Supply::Frames => self.program.board.machine.fail_nth_frame(nth),
        }
    }

    fn has_failed(&self, supply: Supply) -> bool {
        match supply {
            Supply::Heap => self.program.board.cpu.allocation_has_failed(),
            Supply::Frames => self.program.board.machine.frame_has_failed(),
        }
    }
}

fn word(handle: Handle) -> u64 {
    u64::from(handle)
}

/// Makes `act` meet a failure of its first, second and each further allocation, until it needs no more.
/// `undo` takes back what it did.
fn sweep<C>(
    mut set_up: impl FnMut(&mut Bench) -> C,
    act: impl Fn(&mut Bench, &C) -> Status,
    mut undo: impl FnMut(&mut Bench, C, Status),
) {
    for supply in [Supply::Heap, Supply::Frames] {
        let mut bench = Bench::new();
        for nth in 1..=ENOUGH {
            let context = set_up(&mut bench);
            let before = bench.census();
            bench.arm(supply, Some(nth));
            let status = act(&mut bench, &context);
            let failed = bench.has_failed(supply);
            bench.arm(supply, None);
            if !failed {
                assert_eq!(status, Status::OK, "{supply:?}: nothing failed");
                undo(&mut bench, context, status);
                break;
            }
            // An allocation that only saves time may fail without harm.
            assert!(matches!(status, Status::NO_MEMORY | Status::OK), "{supply:?}, failure {nth}: {status}");
            if status == Status::NO_MEMORY {
                assert_eq!(bench.census(), before, "{supply:?}, failure {nth}: something is left behind");
            }
            undo(&mut bench, context, status);
            assert!(nth < ENOUGH, "{supply:?}: the call needs memory without end");
        }
    }
}

/// A call that makes something and leaves its handle in the first slot, made until the kernel's tables have
/// grown a few times: most objects find room in what is there already.
fn sweep_making(many: usize, make: impl Fn(&mut Bench) -> Status) {
    let mut failures = 0;
    for supply in [Supply::Heap, Supply::Frames] {
        for nth in 1..=ENOUGH {
            let mut bench = Bench::new();
            bench.arm(supply, Some(nth));
            if !fails_within(&mut bench, supply, many, &make) {
                break;
            }
            failures += 1;
        }
    }
    assert!(failures > 0, "no table grew: nothing was tested");
}

/// Makes many; the one that meets the failure must leave nothing behind, and the next one succeed.
fn fails_within(
    bench: &mut Bench,
    supply: Supply,
    many: usize,
    make: &impl Fn(&mut Bench) -> Status,
) -> bool {
    for _ in 0..many {
        let before = (bench.program.object_count(), bench.program.board.machine.frames_in_use());
        let status = make(bench);
        if !bench.has_failed(supply) {
            assert_eq!(status, Status::OK, "{supply:?}: nothing failed");
            continue;
        }
        bench.arm(supply, None);
        assert!(matches!(status, Status::NO_MEMORY | Status::OK), "{supply:?}: {status}");
        if status == Status::NO_MEMORY {
            assert_eq!(bench.census(), before, "{supply:?}: something is left behind");
            assert_eq!(make(bench), Status::OK, "{supply:?}: there is memory again");
        }
        return true;
    }
    false
}

#[test]
fn vmo_create() {
    sweep_making(MANY, |bench| bench.try_call(Sysno::vmo_create, &[16 * P, 0, bench.out]));
}

#[test]
fn vmo_create_physical() {
    sweep_making(MANY, |bench| {
        let world = bench.program.world();
        let args = [word(world.mmio_root), world.registers.base().0, P, bench.out];
        bench.try_call(Sysno::vmo_create_physical, &args)
    });
}

#[test]
fn resource_create() {
    sweep_making(MANY, |bench| {
        let world = bench.program.world();
        let args = [word(world.mmio_root), 0, world.flash.base().0, P, bench.data, 4, bench.out];
        bench.try_call(Sysno::resource_create, &args)
    });
}

#[test]
fn event_create() {
    sweep_making(MANY, |bench| bench.try_call(Sysno::event_create, &[0, bench.out]));
}

#[test]
fn port_create() {
    sweep_making(MANY, |bench| bench.try_call(Sysno::port_create, &[0, bench.out]));
}

/// A port and an event.
fn port_and_event(bench: &mut Bench) -> [u64; 2] {
    bench.call(Sysno::port_create, &[0, bench.out]);
    let port = bench.handle();
    bench.call(Sysno::event_create, &[0, bench.out]);
    [port, bench.handle()]
}

#[test]
fn port_queue() {
    sweep(
        |bench| {
            let both = port_and_event(bench);
            // As many as fill a chunk of the table.
            (0..32).for_each(|_| bench.call(Sysno::port_queue, &[both[0], bench.data]));
            both
        },
        |bench, [port, _]| bench.try_call(Sysno::port_queue, &[*port, bench.data]),
        |bench, both, _| both.into_iter().for_each(|handle| bench.close(handle)),
    );
}

#[test]
fn object_wait_async() {
    sweep(
        port_and_event,
        |bench, [port, event]| bench.try_call(Sysno::object_wait_async, &[*event, *port, 1, 8, 0]),
        |bench, both, _| both.into_iter().for_each(|handle| bench.close(handle)),
    );
}

#[test]
fn object_wait_many() {
    sweep(
        |bench| {
            let handles = [0; 64].map(|_: u64| {
                bench.call(Sysno::event_create, &[0, bench.out]);
                bench.handle()
            });
            let item = |handle: &u64| [*handle as u32, 8, 0].map(u32::to_le_bytes).concat();
            let list: Vec<u8> = handles.iter().flat_map(item).collect();
            bench.program.poke(VirtAddr(bench.data), &list);
            handles
        },
        |bench, _| {
            let soon = bench.program.call(Sysno::deadline_after, [1_000_000, 0, 0, 0, 0, 0, 0, 0]);
            match bench.try_call(Sysno::object_wait_many, &[bench.data, 64, soon]) {
                Status::TIMED_OUT => Status::OK,
                other => other,
            }
        },
        |bench, handles, _| handles.into_iter().for_each(|handle| bench.close(handle)),
    );
}

/// What tells many of a signal has been set aside before: neither heap nor frames are asked for.
#[test]
fn telling_needs_no_memory() {
    let mut bench = Bench::new();
    let [port, event] = port_and_event(&mut bench);
    for key in 0..200 {
        bench.call(Sysno::object_wait_async, &[event, port, key, 8, 0]);
    }
    for supply in [Supply::Heap, Supply::Frames] {
        bench.arm(supply, Some(1));
    }
    bench.call(Sysno::object_signal, &[event, 0, 8]);
    bench.call(Sysno::port_wait, &[port, 0, bench.data]);
    bench.call(Sysno::port_cancel, &[port, event, 199]);
    bench.call(Sysno::handle_close, &[event]);
    bench.call(Sysno::handle_close, &[port]);
    bench.settle();
    assert!(!bench.has_failed(Supply::Heap) && !bench.has_failed(Supply::Frames));
}

#[test]
fn job_create() {
    sweep_making(MANY, |bench| {
        let job = word(bench.program.world().job);
        bench.try_call(Sysno::job_create, &[job, 0, bench.out])
    });
}

#[test]
fn debuglog_create() {
    sweep_making(MANY, |bench| {
        let system = word(bench.program.world().system_root);
        bench.try_call(Sysno::debuglog_create, &[system, 0, bench.out])
    });
}

#[test]
fn thread_create() {
    sweep_making(MANY, |bench| {
        let process = word(bench.program.world().process);
        bench.try_call(Sysno::thread_create, &[process, bench.data, 4, 0, bench.out])
    });
}

#[test]
fn process_create() {
    sweep_making(30, |bench| {
        let job = word(bench.program.world().job);
        bench.try_call(Sysno::process_create, &[job, bench.data, 4, 0, bench.out, bench.out + 8])
    });
}

#[test]
fn channel_create() {
    sweep_making(MANY, |bench| bench.try_call(Sysno::channel_create, &[0, bench.out, bench.out + 8]));
}

#[test]
fn handle_duplicate() {
    sweep_making(MANY, |bench| {
        let (job, same) = (word(bench.program.world().job), u64::from(Rights::SAME_RIGHTS.0));
        bench.try_call(Sysno::handle_duplicate, &[job, same, bench.out])
    });
}

#[test]
fn vmar_map_many() {
    sweep_making(MANY, |bench| {
        let args = bench.map_args(bench.spare, P);
        bench.try_call(Sysno::vmar_map, &args)
    });
}

#[test]
fn vmar_allocate() {
    sweep_making(MANY, |bench| {
        let args = [word(bench.program.world().vmar), u64::from(CAN_MAP_READ), 0, P];
        bench.try_call(Sysno::vmar_allocate, &[&args[..], &[bench.out, bench.out + 8]].concat())
    });
}

#[test]
fn vmo_create_child() {
    sweep(
        |bench| bench.physical(2),
        |bench, vmo| {
            bench.try_call(Sysno::vmo_create_child, &[*vmo, u64::from(child::SLICE), P, P, bench.out])
        },
        |bench, vmo, status| {
            if status == Status::OK {
                let slice = bench.handle();
                bench.close(slice);
            }
            bench.close(vmo);
        },
    );
}

#[test]
fn vmo_write() {
    sweep(
        |bench| bench.vmo(4),
        |bench, vmo| bench.try_call(Sysno::vmo_write, &[*vmo, bench.data, P / 2, 1]),
        |bench, vmo, _| bench.close(vmo),
    );
}

#[test]
fn vmar_map_paged() {
    sweep(
        |bench| bench.vmo(8),
        |bench, vmo| {
            let args = bench.map_args(*vmo, 8 * P);
            bench.try_call(Sysno::vmar_map, &args)
        },
        |bench, vmo, status| {
            if status == Status::OK {
                let at = bench.slot(0);
                bench.unmap(at, 8 * P);
            }
            bench.close(vmo);
        },
    );
}

#[test]
fn vmar_map_physical() {
    const LEN: u64 = (2 << 20) + 4 * P;
    sweep(
        |bench| bench.physical(LEN / P),
        |bench, vmo| {
            let args = bench.map_args(*vmo, LEN);
            bench.try_call(Sysno::vmar_map, &args)
        },
        |bench, vmo, status| {
            if status == Status::OK {
                let at = bench.slot(0);
                bench.unmap(at, LEN);
            }
            bench.close(vmo);
        },
    );
}

/// A call on the middle of a mapping of 4 MiB of device memory, which splits mapping and block.
fn sweep_middle(sysno: Sysno, args: fn(u64, u64) -> Vec<u64>) {
    const LEN: u64 = 4 << 20;
    sweep(
        |bench| {
            let vmo = bench.physical(LEN / P);
            (vmo, bench.map(vmo, LEN))
        },
        |bench, (_, at)| {
            let vmar = word(bench.program.world().vmar);
            bench.try_call(sysno, &args(vmar, *at + (1 << 20)))
        },
        |bench, (vmo, at), _| {
            bench.unmap(at, LEN);
            bench.close(vmo);
        },
    );
}

#[test]
fn vmar_unmap() {
    sweep_middle(Sysno::vmar_unmap, |vmar, at| vec![vmar, at, 4 * P]);
}

#[test]
fn vmar_protect() {
    sweep_middle(Sysno::vmar_protect, |vmar, at| vec![vmar, u64::from(PERM_READ), at, 4 * P]);
}

#[test]
fn channel_write() {
    sweep(
        |bench| bench.channel(),
        |bench, pair| bench.try_call(Sysno::channel_write, &[pair[0], 0, bench.data, 2000, 0, 0]),
        |bench, pair, _| pair.into_iter().for_each(|end| bench.close(end)),
    );
}

#[test]
fn channel_read() {
    sweep(
        |bench| {
            let pair = bench.channel();
            let vmo = bench.vmo(1);
            bench.program.poke(VirtAddr(bench.data), &(vmo as u32).to_le_bytes());
            bench.call(Sysno::channel_write, &[pair[0], 0, bench.data, 64, bench.data, 1]);
            pair
        },
        |bench, pair| {
            let (bytes, handles) = (bench.data, bench.data + P);
            bench
                .try_call(Sysno::channel_read, &[pair[1], 0, bytes, handles, 64, 1, bench.out, bench.out + 4])
        },
        |bench, pair, status| {
            if status == Status::OK {
                let mut handle = [0; 4];
                bench.program.peek(VirtAddr(bench.data + P), &mut handle);
                bench.close(u64::from(u32::from_le_bytes(handle)));
            }
            pair.into_iter().for_each(|end| bench.close(end));
        },
    );
}

#[test]
fn object_wait_one() {
    sweep(
        |bench| bench.vmo(1),
        |bench, vmo| {
            let soon = bench.program.call(Sysno::deadline_after, [1_000_000, 0, 0, 0, 0, 0, 0, 0]);
            let signals = u64::from(Signals::READABLE.0);
            match bench.try_call(Sysno::object_wait_one, &[*vmo, signals, soon, 0]) {
                Status::TIMED_OUT => Status::OK,
                other => other,
            }
        },
        |bench, vmo, _| bench.close(vmo),
    );
}
