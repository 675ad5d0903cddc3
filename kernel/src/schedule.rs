//! Who runs: the ready queue, the waits and their deadlines, and the switch.
use abi::{Signals, Status};

use crate::collections::Tree;
use crate::collections::arena::Id;
use crate::cpus::{Caller, Cpus};
use crate::kernel::Kernel;
use crate::object::process::FutexQueue;
use crate::object::thread::{Outcome, Word};
use crate::object::{ObjectRef, Port, Process, Thread, ThreadState, Wait};
use crate::ports::{CpuId, Frame, Machine, Next};

/// How long a thread runs while others are ready, in nanoseconds.
const SLICE: i64 = 10_000_000;
/// Waits that one kernel entry ends because their deadlines have come.
const DEADLINES_AN_ENTRY: u32 = 64;
/// Units of teardown that one kernel entry does for others before it returns.
const REAP_AT_EXIT: u32 = 32;

/// The scheduler's state. A machine reads some of it, in this order ([`crate::gate`]).
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct Schedule {
    /// What each CPU is doing.
    pub cpus: Cpus,
    /// Whether something happened that [`Kernel::leave`] must look at. It stays set while dead objects wait for
    /// whoever enters next.
    pub attention: bool,
    /// Whether the machine wants to look at the end of each call ([`Kernel::look_at_calls`]).
    pub looked_at: bool,
    /// Threads that wait for a CPU, any CPU: the first and the last.
    pub first_ready: Option<Id<Thread>>,
    pub last_ready: Option<Id<Thread>>,
    /// By tick, the first of the threads whose wait ends then. Every thread has a place reserved.
    pub timers: Tree<Id<Thread>>,
    /// The CPU whose timer is set for the first of these, or earlier, and for when.
    pub keeper: Option<(CpuId, u64)>,
}

impl Schedule {
    /// Nothing runs. `many_cpus` says whether more than one CPU will come.
    pub(crate) fn new(many_cpus: bool) -> Self {
        let mut schedule = Self::default();
        schedule.cpus.many = many_cpus;
        schedule
    }

    /// Makes sure that `threads` threads can have a deadline each.
    pub(crate) fn reserve_timers(&mut self, threads: usize) -> abi::status::Result {
        self.timers.reserve(threads.saturating_sub(self.timers.len())).map_err(Status::from)
    }

    /// Every tick at which waits end, and the first of the threads that wait for it.
    pub(crate) fn timers(&self) -> impl Iterator<Item = (u64, Id<Thread>)> {
        self.timers.iter().map(|(at, id)| (at, *id))
    }

    /// The first and the last thread in the ready queue.
    pub(crate) const fn ready_ends(&self) -> (Option<Id<Thread>>, Option<Id<Thread>>) {
        (self.first_ready, self.last_ready)
    }

    /// Notes that this CPU's timer has fired: it needs a new wish, be it for nothing.
    pub(crate) fn timer_fired(&mut self) {
        let here = self.here_mut();
        here.armed = None;
        self.attention = true;
    }

    /// The first deadline of a wait, if this CPU's timer is to keep it: one CPU does, the one that first saw
    /// it on its way out. A keeper whose deadline has been withdrawn looks after the next one at the latest
    /// when its timer fires for nothing.
    fn keep(&mut self) -> Option<u64> {
        let here = self.here_id();
        let first = self.timers.first().map(|(at, _)| at);
        match (first, self.keeper) {
            (Some(at), Some((cpu, kept))) if cpu != here && kept <= at => None,
            (None, Some((cpu, _))) if cpu != here => None,
            _ => {
                self.keeper = first.map(|at| (here, at));
                first
            }
        }
    }
}

impl<M: Machine> Kernel<M> {
    /// Puts a thread at the end of the ready queue.
    pub(crate) fn make_ready(&mut self, id: Id<Thread>) {
        let Some(thread) = self.objects.threads.get_mut(id) else { return };
        thread.state = ThreadState::Ready;
        (thread.previous, thread.next) = (self.schedule.last_ready, None);
        match self.schedule.last_ready.and_then(|last| self.objects.threads.get_mut(last)) {
            Some(last) => last.next = Some(id),
            None => self.schedule.first_ready = Some(id),
        }
        self.schedule.last_ready = Some(id);
        self.schedule.attention = true;
    }

    /// Blocks the running thread until `wait` is over or `deadline` (nanoseconds) has come.
    pub(crate) fn park(&mut self, id: Id<Thread>, wait: Wait, deadline: i64) {
        match wait {
            Wait::Signals { object, .. } => self.link_waiter(id, object),
            Wait::Futex(address) => self.queue_futex(id, address),
            Wait::Port { port, .. } => self.queue_at_port(id, port),
            Wait::Many { .. } | Wait::Sleep | Wait::None => {}
        }
        let at = if deadline == abi::time::INFINITE { None } else { self.scale.ticks_at(deadline) };
        if let Some(at) = at {
            self.arm(id, at);
        }
        let Some(thread) = self.objects.threads.get_mut(id) else { return };
        thread.state = ThreadState::Blocked;
        thread.wait = wait;
        thread.deadline = at;
        self.schedule.here_mut().current.set(None);
        self.schedule.attention = true;
    }

    /// Ends a blocked thread's wait. It learns the outcome when it runs.
    pub(crate) fn wake(&mut self, id: Id<Thread>, outcome: Outcome) {
        if self.unblock(id) {
            if let Some(thread) = self.objects.threads.get_mut(id) {
                thread.outcome = Some(outcome);
            }
            self.make_ready(id);
        }
    }

    /// Takes a blocked thread out of everything that it waits in; whether it was blocked.
    pub(crate) fn unblock(&mut self, id: Id<Thread>) -> bool {
        let Some(thread) = self.objects.threads.get_mut(id) else { return false };
        if thread.state != ThreadState::Blocked {
            return false;
        }
        let (wait, deadline) = (core::mem::replace(&mut thread.wait, Wait::None), thread.deadline.take());
        if let Some(at) = deadline {
            self.disarm(id, at);
        }
        match wait {
            Wait::Signals { object, .. } => self.unlink_waiter(id, object),
            Wait::Futex(address) => self.unqueue_futex(id, address),
            Wait::Port { port, .. } => self.unqueue_at_port(id, port),
            Wait::Many { .. } | Wait::Sleep | Wait::None => {}
        }
        true
    }

    /// Lets the running thread wait its turn again.
    pub(crate) fn yield_now(&mut self) {
        if let Some(current) = self.schedule.here_mut().current.take() {
            self.make_ready(current.thread);
        }
    }

    /// Changes an object's signals and wakes whom that concerns.
    pub(crate) fn signal(&mut self, object: ObjectRef, clear: Signals, set: Signals) {
        let Some(header) = self.objects.header_mut(object) else { return };
        let now = (header.signals - clear) | set;
        let rising = now - header.signals;
        header.signals = now;
        if rising == Signals::NONE {
            return;
        }
        let (mut next, watched) = (header.waiters, header.watched);
        while let Some(id) = next {
            let Some(thread) = self.objects.threads.get(id) else { return };
            next = thread.next;
            if let Wait::Signals { wanted, observed, .. } = thread.wait
                && wanted.intersects(now)
            {
                self.wake(id, observation(Status::OK, observed, now));
            }
        }
        if let Some(watched) = watched {
            self.notify(watched, rising);
        }
    }

    /// Ends the waits that go through one handle of one process, because it is gone from there.
    pub(crate) fn cancel_waits(&mut self, process: Id<Process>, handle: abi::Handle, object: ObjectRef) {
        self.close_lookout(process, handle);
        self.cancel_waiters(process, handle, object);
    }

    /// Ends the waits of threads that go through one handle of one process, because it is gone from there.
    pub(crate) fn cancel_waiters(&mut self, process: Id<Process>, handle: abi::Handle, object: ObjectRef) {
        let Some(header) = self.objects.header(object) else { return };
        let (mut next, signals) = (header.waiters, header.signals | Signals::HANDLE_CLOSED);
        while let Some(id) = next {
            let Some(thread) = self.objects.threads.get(id) else { return };
            next = thread.next;
            if let Wait::Signals { handle: through, observed, .. } = thread.wait
                && through == handle
                && thread.process == process
            {
                self.wake(id, observation(Status::CANCELED, observed, signals));
            }
        }
    }

    /// Decides who runs, makes the CPU his, and says what it does next.
    #[inline(never)]
    pub(crate) fn leave(&mut self, frame: &mut Frame) -> Next {
        self.settle_here();
        loop {
            if self.expire_timers() || self.sweep() {
                return self.come_again(frame);
            }
            let pending = self.reap(REAP_AT_EXIT);
            if let Some(status) = self.stopped {
                return Next::Stop(status);
            }
            self.rotate();
            let Some(current) = self.schedule.here().current.get().or_else(|| self.take_ready()) else {
                return self.run_dry(frame, pending);
            };
            self.schedule.here_mut().current.set(Some(current));
            self.schedule.attention = pending;
            self.switch_to(current.thread, frame);
            if self.schedule.here().current.get() == Some(current) {
                self.program_timer();
                self.call_idle();
                return Next::Run;
            }
        }
    }

    /// Lets go of the kernel and comes back before any thread runs here: what this entry has begun is not done.
    fn come_again(&mut self, frame: &Frame) -> Next {
        self.yield_now();
        self.unload(frame);
        self.call_idle();
        Next::Again
    }

    /// What a CPU does for which no thread is ready. Its last thread's registers stay with that thread: it may
    /// be taken up elsewhere.
    fn run_dry(&mut self, frame: &Frame, pending: bool) -> Next {
        self.unload(frame);
        if pending {
            return Next::Again;
        }
        self.program_timer();
        self.schedule.here_mut().idle = true;
        Next::Idle
    }

    /// Ends waits whose deadlines have come, a bounded number of them; whether there are more.
    fn expire_timers(&mut self) -> bool {
        let Some((first, _)) = self.schedule.timers.first() else { return false };
        let now = self.machine.ticks();
        let mut due = Some(first);
        for _ in 0..DEADLINES_AN_ENTRY {
            let Some((_, &id)) = due.filter(|&at| at <= now).and_then(|_| self.schedule.timers.first())
            else {
                return false;
            };
            let outcome = match self.objects.threads.get(id).map(|thread| thread.wait) {
                Some(Wait::Signals { object, observed, .. }) => {
                    let signals = self.objects.header(object).map_or(Signals::NONE, |header| header.signals);
                    observation(Status::TIMED_OUT, observed, signals)
                }
                Some(Wait::Many { items }) => Outcome { status: Status::TIMED_OUT, word: Word::Items(items) },
                Some(Wait::Futex(_) | Wait::Port { .. }) => {
                    Outcome { status: Status::TIMED_OUT, word: Word::None }
                }
                Some(Wait::Sleep | Wait::None) | None => Outcome { status: Status::OK, word: Word::None },
            };
            self.wake(id, outcome);
            due = self.schedule.timers.first().map(|(at, _)| at);
        }
        due.is_some_and(|at| at <= now)
    }

    /// Ends the slice of a thread that others wait for; gives it another one if nobody does.
    fn rotate(&mut self) {
        let is_wanted = self.schedule.first_ready.is_some();
        if self.schedule.here().current.is_none() || !(is_wanted || self.schedule.many_cpus()) {
            return;
        }
        let now = self.machine.ticks();
        if now < self.schedule.here().slice_end {
            return;
        }
        if is_wanted {
            self.yield_now();
        } else {
            self.begin_slice(now);
        }
    }

    fn begin_slice(&mut self, now: u64) {
        let slice = self.scale.ticks_at(SLICE).unwrap_or(u64::MAX);
        self.schedule.here_mut().slice_end = now.saturating_add(slice);
    }

    /// Puts a thread's registers, tables and pending outcome in place.
    fn switch_to(&mut self, id: Id<Thread>, frame: &mut Frame) {
        if self.schedule.here().loaded != Some(id) {
            self.unload(frame);
            self.begin_slice(self.machine.ticks());
            let Some(thread) = self.objects.threads.get_mut(id) else { return };
            thread.state = ThreadState::Running;
            *frame = thread.registers;
            let process = thread.process;
            let here = self.schedule.here_mut();
            here.loaded = Some(id);
            self.machine.allow_fp(here.fp_owner == Some(id));
            if here.active != Some(process) {
                here.allowed = self.objects.processes.get(process).map_or(0, |process| process.allowed);
                self.note_vdso(self.schedule.here_id(), None);
                self.activate(process);
                self.schedule.here_mut().active = Some(process);
            }
        }
        self.deliver_outcome(id, frame);
    }

    /// Tells a thread how its wait ended: a result it cannot receive is its own mistake.
    fn deliver_outcome(&mut self, id: Id<Thread>, frame: &mut Frame) {
        let Some(thread) = self.objects.threads.get_mut(id) else { return };
        thread.state = ThreadState::Running;
        let (outcome, process) = (thread.outcome.take(), thread.process);
        let Some(Outcome { status, word }) = outcome else { return };
        let status = match word {
            Word::None => status,
            Word::At(address, word) => {
                self.put_word(process, address, word.to_le_bytes()).err().unwrap_or(status)
            }
            Word::Items(items) => self.deliver_items(id, items, status),
            Word::Packet { at, .. } => self.deliver_packet(id, at),
        };
        crate::syscall::set_result(frame, status);
    }

    /// Sets this CPU's timer: for the first end of a wait, if it is this CPU's to keep, and for the end of the
    /// slice. A lone CPU needs that only while others are ready. Where there are more, a thread can become
    /// ready on another CPU at any time, and finds every busy one with its timer set.
    fn program_timer(&mut self) {
        let timer = self.schedule.keep();
        let here = self.schedule.here();
        let ends =
            self.schedule.first_ready.is_some() || self.schedule.many_cpus() && !here.current.is_none();
        let slice = ends.then_some(here.slice_end);
        let next = match (timer, slice) {
            (Some(timer), Some(slice)) => Some(timer.min(slice)),
            (timer, slice) => timer.or(slice),
        };
        if here.armed != Some(next) {
            self.schedule.here_mut().armed = Some(next);
            self.machine.set_timer(next);
        }
    }

    /// Enters a deadline. Threads with the same one hang on each other, the last comer first.
    fn arm(&mut self, id: Id<Thread>, at: u64) {
        let before = self.schedule.timers.get(at).copied();
        if let Some(before) = before.and_then(|before| self.objects.threads.get_mut(before)) {
            before.timer_previous = Some(id);
        }
        if let Some(thread) = self.objects.threads.get_mut(id) {
            (thread.timer_previous, thread.timer_next) = (None, before);
        }
        // The place was reserved when the thread was made.
        let _reserved = self.schedule.timers.try_insert(at, id);
    }

    /// Takes a deadline back.
    fn disarm(&mut self, id: Id<Thread>, at: u64) {
        let Some(thread) = self.objects.threads.get_mut(id) else { return };
        let (previous, next) = (thread.timer_previous.take(), thread.timer_next.take());
        if let Some(next) = next.and_then(|next| self.objects.threads.get_mut(next)) {
            next.timer_previous = previous;
        }
        match (previous.and_then(|previous| self.objects.threads.get_mut(previous)), next) {
            (Some(previous), _) => previous.timer_next = next,
            (None, Some(next)) => {
                // The key is there: no room is needed.
                let _replaced = self.schedule.timers.try_insert(at, next);
            }
            (None, None) => drop(self.schedule.timers.remove(at)),
        }
    }

    fn take_ready(&mut self) -> Option<Caller> {
        let thread = self.schedule.first_ready?;
        let process = self.remove_ready(thread)?;
        Some(Caller { thread, process })
    }

    /// Takes a thread out of the ready queue; its process.
    pub(crate) fn remove_ready(&mut self, id: Id<Thread>) -> Option<Id<Process>> {
        let thread = self.objects.threads.get_mut(id)?;
        let process = thread.process;
        let (previous, next) = (thread.previous.take(), thread.next.take());
        match previous.and_then(|previous| self.objects.threads.get_mut(previous)) {
            Some(thread) => thread.next = next,
            None => self.schedule.first_ready = next,
        }
        match next.and_then(|next| self.objects.threads.get_mut(next)) {
            Some(thread) => thread.previous = previous,
            None => self.schedule.last_ready = previous,
        }
        Some(process)
    }

    /// Puts a thread behind those that wait for the same word. Its place in the tree was reserved.
    fn queue_futex(&mut self, id: Id<Thread>, address: u64) {
        let objects = &mut self.objects;
        let Some(process) = objects.threads.get(id).map(|thread| thread.process) else { return };
        let Some(process) = objects.processes.get_mut(process) else { return };
        let last = match process.futexes.get_mut(address) {
            Some(queue) => Some(core::mem::replace(&mut queue.last, id)),
            None => {
                let _reserved = process.futexes.try_insert(address, FutexQueue { first: id, last: id });
                None
            }
        };
        if let Some(thread) = last.and_then(|last| objects.threads.get_mut(last)) {
            thread.next = Some(id);
        }
        if let Some(thread) = objects.threads.get_mut(id) {
            (thread.previous, thread.next) = (last, None);
        }
    }

    fn unqueue_futex(&mut self, id: Id<Thread>, address: u64) {
        let objects = &mut self.objects;
        let Some(thread) = objects.threads.get_mut(id) else { return };
        let (previous, next, process) = (thread.previous.take(), thread.next.take(), thread.process);
        if let Some(thread) = next.and_then(|next| objects.threads.get_mut(next)) {
            thread.previous = previous;
        }
        if let Some(thread) = previous.and_then(|previous| objects.threads.get_mut(previous)) {
            thread.next = next;
        }
        let Some(process) = objects.processes.get_mut(process) else { return };
        let Some(queue) = process.futexes.get_mut(address) else { return };
        match (previous, next) {
            (None, None) => drop(process.futexes.remove(address)),
            (None, Some(next)) => queue.first = next,
            (Some(previous), None) => queue.last = previous,
            (Some(_), Some(_)) => {}
        }
    }

    /// Puts a thread behind those that wait for a packet.
    fn queue_at_port(&mut self, id: Id<Thread>, port: Id<Port>) {
        let objects = &mut self.objects;
        let Some(port) = objects.ports.get_mut(port) else { return };
        let last = port.last_waiter.replace(id);
        match last.and_then(|last| objects.threads.get_mut(last)) {
            Some(last) => last.next = Some(id),
            None => port.first_waiter = Some(id),
        }
        if let Some(thread) = objects.threads.get_mut(id) {
            (thread.previous, thread.next) = (last, None);
        }
    }

    fn unqueue_at_port(&mut self, id: Id<Thread>, port: Id<Port>) {
        let objects = &mut self.objects;
        let Some(thread) = objects.threads.get_mut(id) else { return };
        let (previous, next) = (thread.previous.take(), thread.next.take());
        let Some(port) = objects.ports.get_mut(port) else { return };
        match next.and_then(|next| objects.threads.get_mut(next)) {
            Some(thread) => thread.previous = previous,
            None => port.last_waiter = previous,
        }
        match previous.and_then(|previous| objects.threads.get_mut(previous)) {
            Some(thread) => thread.next = next,
            None => port.first_waiter = next,
        }
    }

    fn link_waiter(&mut self, id: Id<Thread>, object: ObjectRef) {
        let Some(header) = self.objects.header_mut(object) else { return };
        let next = header.waiters.replace(id);
        if let Some(thread) = next.and_then(|next| self.objects.threads.get_mut(next)) {
            thread.previous = Some(id);
        }
        if let Some(thread) = self.objects.threads.get_mut(id) {
            thread.next = next;
            thread.previous = None;
        }
    }

    fn unlink_waiter(&mut self, id: Id<Thread>, object: ObjectRef) {
        let Some(thread) = self.objects.threads.get_mut(id) else { return };
        let (previous, next) = (thread.previous.take(), thread.next.take());
        if let Some(thread) = next.and_then(|next| self.objects.threads.get_mut(next)) {
            thread.previous = previous;
        }
        match previous.and_then(|previous| self.objects.threads.get_mut(previous)) {
            Some(thread) => thread.next = next,
            None => {
                if let Some(header) = self.objects.header_mut(object) {
                    header.waiters = next;
                }
            }
        }
    }
}

/// What a wait for signals ends with.
pub(crate) fn observation(status: Status, observed: u64, signals: Signals) -> Outcome {
    let word = if observed == 0 { Word::None } else { Word::At(observed, signals.0) };
    Outcome { status, word }
}
