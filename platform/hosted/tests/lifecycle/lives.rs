//! Random lives: processes are made, started, given things, killed and forgotten in any order, and after
//! every step the books are right.

use abi::vmar::{PERM_READ, PERM_WRITE};
use abi::vmo::child::SLICE;
use abi::{PAGE_SIZE, Rights, Signals, Sysno};

use scenarios::System;

use super::Driven;
use super::child::Child;

/// Steps of one life.
const STEPS: u32 = 250;
/// Handles that the program has at most.
const MANY: usize = 40;
/// A deadline that never comes.
const FOREVER: u64 = abi::time::INFINITE as u64;
/// One that has passed.
const PAST: u64 = abi::time::INFINITE_PAST as u64;

/// Numbers that follow from a seed (SplitMix64).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (word ^ (word >> 31)) % bound
    }

    pub(super) fn pick(&mut self, from: &[u64]) -> u64 {
        let index = self.below(from.len().max(1) as u64) as usize;
        from.get(index).copied().unwrap_or(0)
    }
}

/// A life in the making.
struct Life {
    driven: Driven,
    random: Random,
    /// Handles, some of which are gone: a bad handle is a step like any other.
    handles: Vec<u64>,
    mappings: Vec<(u64, u64)>,
    /// Threads of this process that wait.
    waiters: Vec<u64>,
}

impl Life {
    fn step(&mut self) {
        if self.handles.len() > MANY {
            let handle = self.handles.swap_remove(self.random.below(MANY as u64) as usize);
            let _maybe_gone = self.driven.call(Sysno::handle_close, &[handle]);
        }
        let some = self.random.pick(&self.handles);
        let other = self.random.pick(&self.handles);
        match self.random.below(24) {
            0 | 1 => self.make_child(some),
            2 => self.keep(Sysno::vmo_create, &[4 * PAGE_SIZE, 0]),
            3 => self.keep(Sysno::vmo_create_child, &[some, u64::from(SLICE), 0, PAGE_SIZE]),
            4 => self.keep(Sysno::handle_duplicate, &[some, u64::from(Rights::SAME_RIGHTS.0)]),
            5 => self.make_pair(),
            6 | 7 => self.send(some, other),
            8 => self.receive(some),
            9 | 10 => drop(self.driven.call(Sysno::task_kill, &[some])),
            11 => self.map(some, other),
            12 => self.make_device(),
            13 => {
                let handle = self.random.below(self.handles.len().max(1) as u64) as usize;
                if handle < self.handles.len() {
                    let handle = self.handles.swap_remove(handle);
                    let _maybe_gone = self.driven.call(Sysno::handle_close, &[handle]);
                }
            }
            14 => drop(self.driven.call(Sysno::vmo_write, &[some, self.driven.scratch(0x1000), 0, 5000])),
            15 => self.driven.settle(),
            16 => self.keep(Sysno::port_create, &[0]),
            17 => self.keep(Sysno::event_create, &[0]),
            18 | 19 => self.wait_async(some, other),
            20 => self.signal(some),
            21 => self.use_port(some, other),
            22 => self.make_waiter(some, other),
            _ => self.list(some),
        }
        self.driven.check();
    }

    /// Signals that things get now and then.
    fn signals(&mut self) -> u64 {
        let some =
            [Signals::SIGNALED, Signals::READABLE | Signals::PEER_CLOSED, Signals::user(0), Signals::user(1)];
        u64::from(some[self.random.below(4) as usize].0)
    }

    /// One wait, or many with one signal after them.
    fn wait_async(&mut self, object: u64, port: u64) {
        let (signals, key) = (self.signals(), self.random.below(3));
        let options = self.random.below(5);
        let count = [1, 1, 1, 200][self.random.below(4) as usize];
        for _ in 0..count {
            let args = [object, port, key, signals, options];
            if self.driven.call(Sysno::object_wait_async, &args).is_err() {
                return;
            }
        }
    }

    fn signal(&mut self, object: u64) {
        let (clear, set) = (self.signals(), self.signals());
        let _refused = self.driven.call(Sysno::object_signal, &[object, clear, set]);
    }

    fn use_port(&mut self, port: u64, source: u64) {
        let (packet, key) = (self.driven.scratch(0x2000), self.random.below(3));
        let _refused = match self.random.below(4) {
            0 => self.driven.call(Sysno::port_queue, &[port, packet]),
            1 => self.driven.call(Sysno::port_cancel, &[port, source, key]),
            2 => self.driven.call(Sysno::port_cancel_key, &[port, 0, key]),
            _ => self.driven.call(Sysno::port_wait, &[port, PAST, packet]),
        };
    }

    /// A thread of this process that waits for a packet, or for signals of two objects, and ends then.
    fn make_waiter(&mut self, some: u64, other: u64) {
        if self.waiters.len() >= MANY / 4 {
            return;
        }
        let slot = self.driven.scratch(0x8000 + 64 * self.waiters.len() as u64);
        let items = [some, self.signals(), 0, other, self.signals(), 0];
        let bytes: Vec<u8> = items.iter().flat_map(|word| (*word as u32).to_le_bytes()).collect();
        self.driven.write(0x8000 + 64 * self.waiters.len() as u64, &bytes);
        let soon = self.driven.program.call(Sysno::deadline_after, [50_000_000, 0, 0, 0, 0, 0, 0, 0]);
        let deadline = if self.random.below(2) == 0 { FOREVER } else { soon };
        let wait = match self.random.below(2) {
            0 => (Sysno::port_wait, [some, deadline, slot, 0]),
            _ => (Sysno::object_wait_many, [slot, 2, deadline, 0]),
        };
        let thread = self.driven.start_thread(&[wait, (Sysno::thread_exit, [0; 4])]).unwrap();
        self.waiters.push(thread);
        // One that may be waited for, killed or sent away.
        self.keep(Sysno::handle_duplicate, &[thread, u64::from(Rights::SAME_RIGHTS.0)]);
    }

    fn list(&mut self, object: u64) {
        use abi::object::info;
        let topics =
            [info::PROCESS_THREADS, info::JOB_CHILDREN, info::JOB_PROCESSES, info::THREAD, info::JOB];
        let topic = u64::from(topics[self.random.below(5) as usize]);
        let object = if self.random.below(2) == 0 { object } else { u64::from(self.driven.world.job) };
        let args = [object, topic, self.driven.scratch(0x2000), 128];
        let _refused = self.driven.call(Sysno::object_get_info, &args);
    }

    fn keep(&mut self, sysno: Sysno, before: &[u64]) {
        self.handles.extend(self.driven.making(sysno, before).ok());
    }

    /// A process that sleeps, waits for its own thread's end, waits for a word, yields or just ends; started
    /// or not, with a handle or without.
    fn make_child(&mut self, gift: u64) {
        let soon = 1_000_000 * self.random.below(2000);
        let calls = match self.random.below(5) {
            0 => vec![(Sysno::nanosleep, [FOREVER, 0, 0, 0])],
            1 => vec![(Sysno::nanosleep, [soon, 0, 0, 0]), (Sysno::thread_exit, [0; 4])],
            2 => vec![(Sysno::thread_legacy_yield, [0; 4]), (Sysno::process_exit, [3, 0, 0, 0])],
            3 => vec![(Sysno::channel_create, [0, self.driven.scratch(0), 0, 0])],
            _ => vec![(Sysno::nanosleep, [soon, 0, 0, 0]); 3],
        };
        let mut child = Child::default();
        self.driven.make_child(&mut child, &calls).unwrap();
        self.handles.extend(child.handles());
        if self.random.below(4) > 0 {
            let gift = if self.random.below(2) == 0 { 0 } else { gift };
            let _refused = self.driven.start_child(&child, gift);
        }
    }

    fn make_pair(&mut self) {
        let out = self.driven.scratch(0);
        self.driven.call(Sysno::channel_create, &[0, out, out + 4]).unwrap();
        let ends = [0, 4].map(|at| u64::from(self.driven.read32(at)));
        self.handles.extend(ends);
    }

    /// A message with a handle, or several, good or bad. One end of a channel sent through the other would
    /// keep itself for good, so channels are not sent.
    fn send(&mut self, channel: u64, handle: u64) {
        if self.is_channel(handle) {
            return;
        }
        self.driven.write(0x1000, &(handle as u32).to_le_bytes());
        let list = self.driven.scratch(0x1000);
        let count = self.random.below(3);
        let _refused = self.driven.call(Sysno::channel_write, &[channel, 0, list, 64, list, count.min(1)]);
    }

    fn is_channel(&mut self, handle: u64) -> bool {
        use abi::object::{InfoHandleBasic, info};
        use abi::{AbiStruct, ObjectType};
        let buffer = self.driven.scratch(0x2000);
        let size = InfoHandleBasic::SIZE as u64;
        let found =
            self.driven.call(Sysno::object_get_info, &[handle, u64::from(info::HANDLE_BASIC), buffer, size]);
        // Rights in one word, the type behind it.
        found.is_ok() && self.driven.read64(0x2008) >> 32 == ObjectType::Channel as u64
    }

    fn receive(&mut self, channel: u64) {
        let (bytes, handles) = (self.driven.scratch(0x1000), self.driven.scratch(0x2000));
        let args = [channel, 0, bytes, handles, 64, 4, 0, self.driven.scratch(16)];
        if self.driven.call(Sysno::channel_read, &args).is_ok() && self.driven.read32(16) == 1 {
            let handle = u64::from(self.driven.read32(0x2000));
            self.handles.push(handle);
        }
    }

    fn map(&mut self, vmar: u64, vmo: u64) {
        let permissions = [0, PERM_READ, PERM_READ | PERM_WRITE][self.random.below(3) as usize];
        let _refused = self.driven.map_into(vmar, permissions, (vmo, 0), 2 * PAGE_SIZE);
        if let Ok(at) = self.driven.map(permissions, vmo, 0, 3 * PAGE_SIZE) {
            self.mappings.push((at, 3 * PAGE_SIZE));
            if self.random.below(2) == 0 {
                // A hole in the middle.
                self.driven.unmap(at + PAGE_SIZE, PAGE_SIZE).unwrap();
            }
        }
        if self.mappings.len() > 8 {
            let (at, len) = self.mappings.remove(0);
            self.driven.unmap(at, len).unwrap();
        }
    }

    fn make_device(&mut self) {
        let flash = self.driven.world.flash;
        let root = u64::from(self.driven.world.mmio_root);
        let base = flash.base().0 + self.random.below(4) * PAGE_SIZE;
        self.keep(Sysno::vmo_create_physical, &[root, base, 4 * PAGE_SIZE]);
    }
}

/// Lives a life from a seed and ends it.
fn live(seed: u64) {
    let mut driven = Driven::start();
    let before = (driven.objects(), driven.frames());
    // All children are in a job of their own, by which those that nobody has a handle to are reached.
    let job = driven.making(Sysno::job_create, &[u64::from(driven.world.job), 0]).unwrap();
    driven.world.job = job as u32;
    let (handles, mappings, waiters) = Default::default();
    let mut life = Life { driven, random: Random(seed), handles, mappings, waiters };
    for _ in 0..STEPS {
        life.step();
    }
    for (at, len) in core::mem::take(&mut life.mappings) {
        life.driven.unmap(at, len).unwrap();
    }
    for waiter in core::mem::take(&mut life.waiters) {
        life.driven.call(Sysno::task_kill, &[waiter]).unwrap();
        life.driven.close(waiter);
    }
    life.driven.forget_scripts();
    life.driven.call(Sysno::task_kill, &[job]).unwrap();
    life.driven.close(job);
    for handle in core::mem::take(&mut life.handles) {
        let _maybe_gone = life.driven.call(Sysno::handle_close, &[handle]);
        life.driven.check();
    }
    for _ in 0..300 {
        life.driven.settle();
    }
    life.driven.check();
    assert_eq!((life.driven.objects(), life.driven.frames()), before, "seed {seed} leaves something behind");
}

#[test]
fn random_lives_leave_nothing_behind() {
    for seed in 1..=12 {
        println!("seed {seed}");
        live(seed);
    }
}
