//! Ports and waits for many things, between any two entries of the kernel.

use abi::port::{PortPacket, WaitItem};
use abi::time::{INFINITE, INFINITE_PAST};
use abi::{AbiStruct, Rights, Signals, Status, Sysno};
use hosted::Config;

use super::Driven;

const FOREVER: u64 = INFINITE as u64;
const PAST: u64 = INFINITE_PAST as u64;
const SIGNALED: u64 = Signals::SIGNALED.0 as u64;
/// Far more waits than one entry of the kernel looks at.
const MANY: u64 = 1000;
/// No more of them than this.
const A_PIECE: u64 = 64;

impl Driven {
    fn event(&mut self) -> u64 {
        self.making(Sysno::event_create, &[0]).unwrap()
    }

    fn port(&mut self) -> u64 {
        self.making(Sysno::port_create, &[0]).unwrap()
    }

    fn arm(&mut self, handle: u64, port: u64, key: u64, signals: u64) {
        self.call(Sysno::object_wait_async, &[handle, port, key, signals, 0]).unwrap();
    }

    fn queue(&mut self, port: u64, key: u64) {
        let mut bytes = [0; PortPacket::SIZE];
        PortPacket { key, packet_type: 0, status: 0, payload: [0; 4] }.put(&mut bytes);
        self.write(0x1000, &bytes);
        self.call(Sysno::port_queue, &[port, self.scratch(0x1000)]).unwrap();
    }

    /// The key of the packet that is there now.
    fn take(&mut self, port: u64) -> Result<u64, Status> {
        self.call(Sysno::port_wait, &[port, PAST, self.scratch(0x1000)])?;
        Ok(self.read64(0x1000))
    }

    /// Kernel entries that a call takes.
    fn entries(&mut self, sysno: Sysno, args: &[u64]) -> u64 {
        let before = self.program.board.cpu.entries();
        self.call(sysno, args).unwrap();
        self.program.board.cpu.entries() - before
    }

    /// A thread of this process that takes a packet from `port`, to the scratch memory at `offset`; it has
    /// begun to.
    fn taker(&mut self, port: u64, offset: u64) -> u64 {
        let take = (Sysno::port_wait, [port, FOREVER, self.scratch(offset), 0]);
        let thread = self.start_thread(&[take, (Sysno::thread_exit, [0; 4])]).unwrap();
        self.settle();
        thread
    }
}

/// One entry tells so many and no more, whatever hangs on the object, and the books are right in between.
#[test]
fn a_signal_for_many_is_told_in_pieces() {
    let mut driven = Driven::start();
    let (event, port) = (driven.event(), driven.port());
    for key in 0..MANY {
        driven.arm(event, port, key, SIGNALED);
    }
    driven.program.board.cpu.check_each_entry(true);
    let entries = driven.entries(Sysno::object_signal, &[event, 0, SIGNALED]);
    assert!((MANY / A_PIECE..=MANY / A_PIECE + 2).contains(&entries), "{entries} entries");
    driven.program.board.cpu.check_each_entry(false);
    for key in 0..MANY {
        assert_eq!(driven.take(port), Ok(key));
    }
    // Nobody is concerned: then nobody is told, and that takes its time too.
    for key in 0..MANY {
        driven.arm(event, port, key, u64::from(Signals::user(0).0));
    }
    let entries = driven.entries(Sysno::object_signal, &[event, SIGNALED, u64::from(Signals::user(1).0)]);
    assert!(entries >= MANY / A_PIECE, "{entries} entries");
    driven.check();
}

/// What hangs on a handle or a port does not make its closing longer.
#[test]
fn what_hangs_on_a_handle_or_a_port_is_reaped_later() {
    let mut driven = Driven::start();
    let objects = driven.objects();
    let (event, port, other) = (driven.event(), driven.port(), driven.port());
    for key in 0..MANY {
        driven.arm(event, port, key, SIGNALED);
        driven.arm(event, other, key, SIGNALED);
        driven.queue(other, key);
    }
    assert_eq!(driven.objects(), objects + 3 + 3 * MANY as usize);
    driven.program.board.cpu.check_each_entry(true);
    for handle in [other, event] {
        assert_eq!(driven.entries(Sysno::handle_close, &[handle]), 1);
        // The call itself, and the little that each entry does for the dead.
        assert!(driven.objects() > objects + MANY as usize / 2);
        driven.program.board.cpu.check_each_entry(handle == event);
    }
    driven.settle();
    driven.close(port);
    driven.settle();
    driven.check();
    assert_eq!(driven.objects(), objects);
}

/// A packet that a thread got and did not live to read is the next one's.
#[test]
fn a_packet_outlives_the_thread_that_got_it() {
    let mut driven = Driven::start();
    let (port, event) = (driven.port(), driven.event());
    let first = driven.taker(port, 0x4000);
    driven.queue(port, 1);
    driven.check();
    driven.call(Sysno::task_kill, &[first]).unwrap();
    driven.check();
    driven.queue(port, 2);
    assert_eq!((driven.take(port), driven.take(port)), (Ok(1), Ok(2)));
    // Where another one waits, it is his.
    let (second, third) = (driven.taker(port, 0x4100), driven.taker(port, 0x4200));
    driven.arm(event, port, 3, SIGNALED);
    driven.call(Sysno::object_signal, &[event, 0, SIGNALED]).unwrap();
    driven.call(Sysno::task_kill, &[second]).unwrap();
    driven.check();
    driven.settle();
    assert_eq!(driven.read64(0x4200), 3);
    // Where the port is gone, nobody's.
    let last = driven.taker(port, 0x4300);
    driven.queue(port, 4);
    driven.close(port);
    driven.call(Sysno::task_kill, &[last]).unwrap();
    driven.settle();
    driven.check();
    for thread in [first, second, third, last] {
        driven.close(thread);
    }
}

/// A port that nobody can reach any more lets go of who waits there.
#[test]
fn the_end_of_a_port_cancels_who_waits_for_it() {
    let mut driven = Driven::start();
    let port = driven.port();
    let twin = driven.making(Sysno::handle_duplicate, &[port, u64::from(Rights::SAME_RIGHTS.0)]).unwrap();
    let (first, second) = (driven.taker(port, 0x4000), driven.taker(port, 0x4100));
    // The wait is for the port, not through the handle.
    driven.close(port);
    driven.settle();
    driven.queue(twin, 9);
    driven.settle();
    assert_eq!(driven.read64(0x4000), 9);
    driven.close(twin);
    driven.settle();
    driven.check();
    assert_eq!(driven.thread_result(second), Status::CANCELED);
    driven.close(first);
    driven.close(second);
}

/// Whatever order several CPUs make their steps in: each wait makes one packet, and signals and closes that
/// come while many are told meet what they should.
#[test]
fn many_are_told_while_others_signal_arm_and_close() {
    for seed in 1..=6 {
        let mut driven = Driven::start_with(Config { cpus: 3, seed: Some(seed), ..Config::default() });
        let objects = driven.objects();
        let (event, port) = (driven.event(), driven.port());
        let twin =
            driven.making(Sysno::handle_duplicate, &[event, u64::from(Rights::SAME_RIGHTS.0)]).unwrap();
        let user = u64::from(Signals::user(0).0);
        for key in 0..MANY / 2 {
            driven.arm(event, port, key, SIGNALED);
            driven.arm(event, port, 10_000 + key, user);
            driven.arm(twin, port, 20_000 + key, SIGNALED | user);
        }
        let disturb = [
            (Sysno::object_signal, [event, SIGNALED, user, 0]),
            (Sysno::object_wait_async, [event, port, 30_000, SIGNALED]),
            (Sysno::handle_close, [twin, 0, 0, 0]),
            (Sysno::port_queue, [port, driven.scratch(0x8000), 0, 0]),
            (Sysno::thread_exit, [0; 4]),
        ];
        let thread = driven.start_thread(&disturb).unwrap();
        driven.program.board.cpu.check_each_entry(true);
        driven.call(Sysno::object_signal, &[event, 0, SIGNALED]).unwrap();
        driven.program.board.cpu.check_each_entry(false);
        let end = u64::from(Signals::TASK_TERMINATED.0);
        driven.call(Sysno::object_wait_one, &[thread, end, FOREVER, 0]).unwrap();
        // Whoever came last, both signals have been there.
        driven.call(Sysno::object_signal, &[event, SIGNALED, SIGNALED]).unwrap();
        let mut keys: Vec<u64> = core::iter::from_fn(|| driven.take(port).ok()).collect();
        keys.sort_unstable();
        let expected = (0..MANY / 2).chain((0..MANY / 2).map(|key| 10_000 + key));
        assert!(
            expected.clone().all(|key| keys.binary_search(&key).is_ok()),
            "seed {seed}: a packet is lost"
        );
        let count = keys.len();
        keys.dedup();
        // The queued packet has key 0 too.
        assert_eq!(keys.len() + 1, count, "seed {seed}: a wait made two packets");
        assert!(keys.binary_search(&30_000).is_ok(), "seed {seed}: what was armed meanwhile is lost");
        [thread, event, port].into_iter().for_each(|handle| driven.close(handle));
        driven.forget_scripts();
        driven.settle();
        driven.check();
        assert_eq!(driven.objects(), objects, "seed {seed}");
    }
}

/// A wait for many that has ended, whose thread is killed before it learns of it.
#[test]
fn items_end_with_their_thread() {
    let mut driven = Driven::start();
    let objects = driven.objects();
    let events: Vec<u64> = (0..5).map(|_| driven.event()).collect();
    let mut list = Vec::new();
    for &event in &events {
        let mut raw = [0; WaitItem::SIZE];
        WaitItem { handle: event as u32, waitfor: SIGNALED as u32, pending: 0 }.put(&mut raw);
        list.extend(raw);
    }
    driven.write(0x4000, &list);
    let wait = (Sysno::object_wait_many, [driven.scratch(0x4000), 5, FOREVER, 0]);
    let thread = driven.start_thread(&[wait, (Sysno::thread_exit, [0; 4])]).unwrap();
    driven.settle();
    driven.program.board.cpu.check_each_entry(true);
    driven.call(Sysno::object_signal, &[events[2], 0, SIGNALED]).unwrap();
    driven.close(events[3]);
    driven.call(Sysno::task_kill, &[thread]).unwrap();
    for handle in [events[0], events[1], events[2], events[4], thread] {
        driven.close(handle);
    }
    driven.forget_scripts();
    driven.settle();
    driven.check();
    assert_eq!(driven.objects(), objects);
}

/// Taking waits back, from under the place where the telling is, loses no other one.
#[test]
fn many_are_told_while_others_are_cancelled() {
    for seed in 1..=12 {
        let mut driven = Driven::start_with(Config { cpus: 3, seed: Some(seed), ..Config::default() });
        let (event, port) = (driven.event(), driven.port());
        let other = u64::from(Signals::user(0).0);
        let twin =
            driven.making(Sysno::handle_duplicate, &[event, u64::from(Rights::SAME_RIGHTS.0)]).unwrap();
        // Where a piece of the telling ends there is one to be cancelled. Nobody is told before the last few, which
        // are missed if the telling starts over and yet counts on.
        for key in 0..2 * MANY {
            driven.arm(if key % A_PIECE == 0 { twin } else { event }, port, 0, other);
        }
        for key in 1..=3 {
            driven.arm(event, port, key, SIGNALED);
        }
        let cancel = (Sysno::port_cancel, [port, twin, 0, 0]);
        let thread = driven.start_thread(&[cancel, (Sysno::thread_exit, [0; 4])]).unwrap();
        driven.program.board.cpu.check_each_entry(true);
        driven.call(Sysno::object_signal, &[event, 0, SIGNALED]).unwrap();
        driven.program.board.cpu.check_each_entry(false);
        let end = u64::from(Signals::TASK_TERMINATED.0);
        driven.call(Sysno::object_wait_one, &[thread, end, FOREVER, 0]).unwrap();
        assert_eq!(driven.thread_result(thread), Status::OK);
        driven.check();
        let keys: Vec<u64> = core::iter::from_fn(|| driven.take(port).ok()).collect();
        assert_eq!(keys, [1, 2, 3], "seed {seed}");
    }
}
