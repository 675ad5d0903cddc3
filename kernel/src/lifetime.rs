//! How objects end: counts, the reaper's queue, and teardown in bounded pieces.
//!
//! An object that nobody names and nobody needs is *collected*. What ends at once does; what holds many
//! things (a process, a VMO with pages, a channel with messages) joins the reaper's queue, which hangs on
//! the objects themselves and so needs no memory, and is taken apart a unit at a time: a frame, a handle,
//! a mapping, a message. Nothing here recurses: a handle inside a message inside a channel inside a
//! message only makes the queue longer.
use abi::Signals;
use abi::object::task_retcode;

use crate::collections::arena::Id;
use crate::collections::list::{self, List};
use crate::kernel::Kernel;
use crate::memory::pages::Reaped;
use crate::memory::stage1::Progress;
use crate::object::{
    Channel, Content, Drained, HandleEntry, Job, ObjectRef, Objects, Port, Process, ProcessState, Resource,
    Thread, ThreadState, Vmar, Vmo,
};
use crate::ports::Machine;

/// Table entries that one step of taking an address space apart may touch.
pub(crate) const ENTRIES_A_STEP: u32 = 32;
/// Units of teardown that such a step counts for.
pub(crate) const UNITS_A_TABLE_STEP: u32 = 8;

/// Objects that wait to be taken apart, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Reaper {
    first: Option<ObjectRef>,
    last: Option<ObjectRef>,
}

impl Reaper {
    /// The object that is taken apart next.
    pub(crate) const fn first(&self) -> Option<ObjectRef> {
        self.first
    }

    /// The object that came last.
    pub(crate) const fn last(&self) -> Option<ObjectRef> {
        self.last
    }
}

impl<M: Machine> Kernel<M> {
    /// Counts one more handle to an object.
    pub(crate) fn add_handle(&mut self, object: ObjectRef) {
        if let Some(header) = self.objects.header_mut(object) {
            header.handles = header.handles.saturating_add(1);
        }
    }

    /// Counts one handle less.
    pub(crate) fn drop_handle(&mut self, entry: HandleEntry) {
        let Some(header) = self.objects.header_mut(entry.object) else { return };
        header.handles = header.handles.saturating_sub(1);
        self.collect(entry.object);
    }

    /// Keeps an object for a reason inside the kernel.
    pub(crate) fn hold(&mut self, object: ObjectRef) {
        if let Some(header) = self.objects.header_mut(object) {
            header.holds = header.holds.saturating_add(1);
        }
    }

    /// Gives up a reason to keep an object.
    pub(crate) fn unhold(&mut self, object: ObjectRef) {
        let Some(header) = self.objects.header_mut(object) else { return };
        header.holds = header.holds.saturating_sub(1);
        self.collect(object);
    }

    /// Ends an object that nobody names and nobody needs.
    pub(crate) fn collect(&mut self, object: ObjectRef) {
        let Some(header) = self.objects.header(object) else { return };
        if header.handles > 0 || (header.holds > 0 && !matches!(object, ObjectRef::Process(_))) {
            return;
        }
        match object {
            ObjectRef::Process(id) => self.collect_process(id),
            ObjectRef::Thread(id) => self.collect_thread(id),
            ObjectRef::Job(id) => self.collect_job(id),
            ObjectRef::Vmo(id) => self.collect_vmo(id),
            ObjectRef::Vmar(id) => _ = self.objects.vmars.delete(id),
            ObjectRef::Channel(id) => self.collect_channel(id),
            ObjectRef::Resource(id) => self.collect_resource(id),
            ObjectRef::Debuglog(id) => _ = self.objects.debuglogs.delete(id),
            ObjectRef::Event(id) => _ = self.objects.events.delete(id),
            ObjectRef::Port(id) => self.collect_port(id),
            ObjectRef::Iommu(id) => _ = self.objects.iommus.delete(id),
            ObjectRef::Bti(id) => self.collect_bti(id),
            ObjectRef::Pmt(id) => self.collect_pmt(id),
        }
    }

    /// Begins the end of a process: no thread of it runs again.
    pub(crate) fn end_process(&mut self, id: Id<Process>, return_code: i64) {
        let Some(process) = self.objects.processes.get_mut(id) else { return };
        if process.is_over() {
            return;
        }
        process.state = ProcessState::Dying;
        process.return_code = return_code;
        process.header.holds = process.header.holds.saturating_add(1);
        let mut next = process.threads.first();
        while let Some(thread) = next {
            next = list::next(&self.objects.threads, thread);
            self.end_thread(thread);
        }
        self.queue_dead(ObjectRef::Process(id));
    }

    /// Ends a thread, whatever it is doing. The last one to end takes its process along. One that runs on
    /// another CPU never comes back from its next entry, which this brings about; it has ended then.
    pub(crate) fn end_thread(&mut self, id: Id<Thread>) {
        let Some(thread) = self.objects.threads.get(id) else { return };
        if matches!(thread.state, ThreadState::New | ThreadState::Dead) {
            return;
        }
        self.unblock(id);
        self.forget_told(id);
        self.end_withdrawal(id);
        let is_off = self.unschedule(id);
        if let Some(thread) = self.objects.threads.get_mut(id) {
            thread.state = ThreadState::Dead;
            if thread.populating.take().is_some() {
                self.populating = self.populating.saturating_sub(1);
            }
        }
        if is_off {
            self.finish_thread(id);
        }
    }

    /// The rest of a thread's end, once no CPU runs it.
    pub(crate) fn finish_thread(&mut self, id: Id<Thread>) {
        self.stop_making(id);
        let Some(process) = self.objects.threads.get(id).map(|thread| thread.process) else { return };
        self.signal(ObjectRef::Thread(id), Signals::THREAD_RUNNING, Signals::TASK_TERMINATED);
        if let Some(process) = self.objects.processes.get_mut(process) {
            process.live_threads = process.live_threads.saturating_sub(1);
            if process.live_threads == 0 && !process.is_over() {
                self.end_process_of(id);
            }
        }
        self.unhold(ObjectRef::Thread(id));
    }

    /// Does up to `budget` units of teardown; whether more is left that this CPU can do.
    pub(crate) fn reap(&mut self, budget: u32) -> bool {
        let mut left = budget;
        while left > 0 {
            left -= 1;
            if self.reap_closed() {
                continue;
            }
            if self.reap_pages() {
                continue;
            }
            let Some(object) = self.reaper.first else { return false };
            if matches!(object, ObjectRef::Process(_) | ObjectRef::Vmar(_)) {
                left = left.saturating_sub(self.weight(object) - 1);
            }
            let finished = match object {
                // The CPU that holds this up goes on with it as soon as it has let go.
                ObjectRef::Process(id) if !self.vacate(id) => return false,
                ObjectRef::Process(id) => self.reap_process(id),
                ObjectRef::Vmo(id) => self.reap_vmo(id),
                ObjectRef::Vmar(id) => self.reap_vmar(id),
                ObjectRef::Channel(id) => self.reap_channel(id),
                ObjectRef::Port(id) => self.reap_port(id),
                _ => true,
            };
            if finished {
                self.unqueue_dead(object);
            }
        }
        self.has_dead() || !self.objects.closed.is_empty()
    }

    /// Whether something dead still has what somebody may need: frames above all.
    pub(crate) fn has_dead(&self) -> bool {
        self.reaper.first.is_some() || !self.trees.is_reaped()
    }

    /// Takes a part of a tree of pages apart that nobody needs any more, if there is one.
    fn reap_pages(&mut self) -> bool {
        match self.trees.reap() {
            Reaped::Frame(frame) => self.machine.free_frame(frame),
            Reaped::Nothing => {}
            Reaped::Empty => return false,
        }
        true
    }

    /// Units that the next step for a dead object counts for: one that may go through tables costs more.
    fn weight(&self, object: ObjectRef) -> u32 {
        let has_tables = match object {
            ObjectRef::Process(id) => self.objects.processes.get(id).is_some_and(|it| it.space.is_some()),
            ObjectRef::Vmar(_) => true,
            _ => false,
        };
        if has_tables { UNITS_A_TABLE_STEP } else { 1 }
    }

    fn end_process_of(&mut self, thread: Id<Thread>) {
        if let Some(process) = self.objects.threads.get(thread).map(|thread| thread.process) {
            self.end_process(process, 0);
        }
    }

    /// A process that was never started ends with its last handle; one that runs does not need handles.
    fn collect_process(&mut self, id: Id<Process>) {
        let Some(process) = self.objects.processes.get(id) else { return };
        match process.state {
            ProcessState::Initial => self.end_process(id, task_retcode::SYSCALL_KILL),
            ProcessState::Dead if process.header.holds == 0 => _ = self.objects.processes.delete(id),
            ProcessState::Running | ProcessState::Dying | ProcessState::Dead => {}
        }
    }

    fn collect_job(&mut self, id: Id<Job>) {
        let Some(parent) = self.objects.jobs.get(id).and_then(|job| job.parent) else { return };
        self.leave_job(id);
        self.objects.jobs.delete(id);
        self.settle_job(parent);
        self.unhold(ObjectRef::Job(parent));
    }

    /// Takes a job out of its parent, if it is still there.
    fn leave_job(&mut self, id: Id<Job>) {
        let Some(job) = self.objects.jobs.get_mut(id).filter(|job| !job.is_dead) else { return };
        let Some(parent) = job.parent else { return };
        let mut children = match self.objects.jobs.get_mut(parent) {
            Some(job) => core::mem::take(&mut job.children),
            None => List::default(),
        };
        children.remove(&mut self.objects.jobs, id);
        let alone = children.first().is_none();
        if let Some(job) = self.objects.jobs.get_mut(parent) {
            job.children = children;
        }
        if alone {
            self.signal(ObjectRef::Job(parent), Signals::NONE, Signals::JOB_NO_JOBS);
        }
    }

    /// Ends a killed job in which nothing is left, and with it the killed jobs that it is in.
    pub(crate) fn settle_job(&mut self, id: Id<Job>) {
        let mut at = Some(id);
        while let Some(id) = at.filter(|&id| self.end_empty_job(id)) {
            at = self.objects.jobs.get(id).and_then(|job| job.parent);
        }
    }

    /// Ends a killed job in which nothing is left; whether it did.
    pub(crate) fn end_empty_job(&mut self, id: Id<Job>) -> bool {
        let Some(job) = self.objects.jobs.get(id) else { return false };
        let is_empty = job.processes.first().is_none() && job.children.first().is_none();
        if !job.killed || job.is_dead || !is_empty {
            return false;
        }
        self.leave_job(id);
        if let Some(job) = self.objects.jobs.get_mut(id) {
            job.is_dead = true;
        }
        self.signal(ObjectRef::Job(id), Signals::NONE, Signals::TASK_TERMINATED);
        true
    }

    fn collect_thread(&mut self, id: Id<Thread>) {
        let objects = &mut self.objects;
        let Some(process) = objects.threads.get(id).map(|thread| thread.process) else { return };
        if let Some(process) = objects.processes.get_mut(process) {
            process.threads.remove(&mut objects.threads, id);
        }
        objects.threads.delete(id);
        self.unhold(ObjectRef::Process(process));
    }

    /// A VMO without children ends at once, so that ZERO_CHILDREN is exact; its frames go one by one. One with
    /// children hands them to its own parent first, one by one: a chain of dead VMOs never grows.
    fn collect_vmo(&mut self, id: Id<Vmo>) {
        // A device's registers, most often, of which nothing was made: it just goes.
        if self.objects.vmos.get(id).is_some_and(Vmo::is_alone) {
            self.objects.vmos.delete(id);
            return;
        }
        self.objects.leave_unlocked(id);
        let waits = |vmo: &Vmo| !vmo.children.is_empty() || vmo.row.is_some_and(|row| row.waiting > 0);
        if self.objects.vmos.get(id).is_some_and(waits) {
            self.queue_dead(ObjectRef::Vmo(id));
        } else {
            self.end_vmo(id);
        }
    }

    /// Ends a VMO that nobody needs and that has no children.
    fn end_vmo(&mut self, id: Id<Vmo>) {
        self.leave_parent(id);
        let Some(vmo) = self.objects.vmos.get_mut(id) else { return };
        let root = match &mut vmo.content {
            Content::Paged(pages) => {
                if let Some(frame) = self.trees.abandon(pages) {
                    self.machine.free_frame(frame);
                }
                self.schedule.attention |= !self.trees.is_reaped();
                None
            }
            Content::Slice { of, .. } | Content::Reference(of) => Some(*of),
            Content::Physical(_) => None,
        };
        self.objects.vmos.delete(id);
        // What a slice is a slice of is none itself: this goes one step deep.
        if let Some(root) = root {
            self.unhold(ObjectRef::Vmo(root));
        }
    }

    /// Makes a VMO a child of another one, or of none.
    pub(crate) fn join_vmo(&mut self, id: Id<Vmo>, parent: Option<Id<Vmo>>) {
        let vmos = &mut self.objects.vmos;
        if let Some(vmo) = vmos.get_mut(id) {
            vmo.parent = parent;
        }
        let Some((parent, vmo)) = parent.and_then(|parent| Some((parent, vmos.get_mut(parent)?))) else {
            return;
        };
        let mut children = core::mem::take(&mut vmo.children);
        children.push(vmos, id);
        if let Some(vmo) = vmos.get_mut(parent) {
            vmo.children = children;
        }
        self.signal(ObjectRef::Vmo(parent), Signals::VMO_ZERO_CHILDREN, Signals::NONE);
    }

    /// Takes a VMO out of its parent.
    fn leave_parent(&mut self, id: Id<Vmo>) {
        let vmos = &mut self.objects.vmos;
        let Some(parent) = vmos.get_mut(id).and_then(|vmo| vmo.parent.take()) else { return };
        let Some(vmo) = vmos.get_mut(parent) else { return };
        let mut children = core::mem::take(&mut vmo.children);
        children.remove(vmos, id);
        let childless = children.is_empty();
        if let Some(vmo) = vmos.get_mut(parent) {
            vmo.children = children;
        }
        if childless {
            self.signal(ObjectRef::Vmo(parent), Signals::NONE, Signals::VMO_ZERO_CHILDREN);
        }
    }

    fn collect_channel(&mut self, id: Id<Channel>) {
        let Some(channel) = self.objects.channels.get_mut(id) else { return };
        let peer = channel.peer.take();
        let has_messages = !channel.queue.is_empty();
        if has_messages {
            self.queue_dead(ObjectRef::Channel(id));
        } else {
            self.objects.channels.delete(id);
        }
        if let Some(peer) = peer {
            if let Some(channel) = self.objects.channels.get_mut(peer) {
                channel.peer = None;
            }
            self.signal(ObjectRef::Channel(peer), Signals::WRITABLE, Signals::PEER_CLOSED);
        }
    }

    /// What stood in the way of others does so no more.
    fn collect_resource(&mut self, id: Id<Resource>) {
        let Objects { resources, minted, .. } = &mut self.objects;
        minted.remove(resources, id);
        resources.delete(id);
    }

    fn collect_port(&mut self, id: Id<Port>) {
        if self.objects.ports.get(id).is_some_and(Port::is_bare) {
            self.objects.ports.delete(id);
        } else {
            self.queue_dead(ObjectRef::Port(id));
        }
    }

    /// One step of a process's end: tables, then regions with their mappings, then handles, then the news of it.
    fn reap_process(&mut self, id: Id<Process>) -> bool {
        let Some(process) = self.objects.processes.get_mut(id) else { return true };
        if let Some(space) = &mut process.space {
            let generation = self.asids.generation();
            space.forget_old_asid(generation);
            let asid = space.asid_in(generation);
            if space.destroy(&mut self.machine, ENTRIES_A_STEP) == Progress::Done {
                process.space = None;
                if let Some(asid) = asid {
                    self.asids.release(asid);
                }
            }
            return false;
        }
        let vmar = process.vmar;
        if !self.dismantle(vmar) {
            return false;
        }
        let Some(process) = self.objects.processes.get_mut(id) else { return true };
        if let Some((handle, _)) = process.lookouts.first() {
            self.close_lookout(id, handle as u32);
            return false;
        }
        match process.handles.drain() {
            Drained::Handle(entry) => {
                self.drop_handle(entry);
                return false;
            }
            Drained::Nothing => return false,
            Drained::Empty => {}
        }
        if !process.release() {
            return false;
        }
        self.finish_process(id);
        true
    }

    fn finish_process(&mut self, id: Id<Process>) {
        let Some(process) = self.objects.processes.get_mut(id) else { return };
        process.state = ProcessState::Dead;
        let (vmar, job, return_code) = (process.vmar, process.job, process.return_code);
        self.signal(ObjectRef::Process(id), Signals::NONE, Signals::TASK_TERMINATED);
        self.unhold(ObjectRef::Vmar(vmar));
        let objects = &mut self.objects;
        if let Some(members) = objects.jobs.get_mut(job).map(|job| &mut job.processes) {
            members.remove(&mut objects.processes, id);
            if members.first().is_none() {
                self.signal(ObjectRef::Job(job), Signals::NONE, Signals::JOB_NO_PROCESSES);
            }
        }
        self.settle_job(job);
        self.unhold(ObjectRef::Job(job));
        if self.first == Some(id) {
            self.stopped = Some(return_code);
            self.schedule.attention = true;
        }
        // The queue goes on by the object's own link, so the object leaves it before it may end itself.
        self.unqueue_dead(ObjectRef::Process(id));
        self.unhold(ObjectRef::Process(id));
    }

    /// A dead VMO hands a child to its parent, or ends. The parent has this one as a child until then, so it has
    /// children all the time.
    fn reap_vmo(&mut self, id: Id<Vmo>) -> bool {
        let Some(vmo) = self.objects.vmos.get(id) else { return true };
        let parent = vmo.parent;
        if let Some(child) = vmo.children.first() {
            self.leave_parent(child);
            self.join_vmo(child, parent);
            return false;
        }
        if self.reap_row(id) {
            return false;
        }
        self.unqueue_dead(ObjectRef::Vmo(id));
        self.end_vmo(id);
        true
    }

    /// A region that was destroyed by a call that did not see it to its end.
    fn reap_vmar(&mut self, id: Id<Vmar>) -> bool {
        if !self.dismantle(id) {
            return false;
        }
        self.unqueue_dead(ObjectRef::Vmar(id));
        self.unhold(ObjectRef::Vmar(id));
        true
    }

    fn reap_channel(&mut self, id: Id<Channel>) -> bool {
        let Some(channel) = self.objects.channels.get_mut(id) else { return true };
        if let Some(message) = channel.queue.front_mut() {
            match message.handles.pop() {
                Some(entry) => self.drop_handle(entry),
                None => drop(channel.queue.pop_front()),
            }
            return false;
        }
        self.unqueue_dead(ObjectRef::Channel(id));
        self.objects.channels.delete(id);
        true
    }

    fn reap_port(&mut self, id: Id<Port>) -> bool {
        if self.reap_port_part(id) {
            return false;
        }
        self.unqueue_dead(ObjectRef::Port(id));
        self.objects.ports.delete(id);
        true
    }

    /// Puts an object at the end of the reaper's queue, in which it is not yet.
    pub(crate) fn queue_dead(&mut self, object: ObjectRef) {
        match self.reaper.last.and_then(|last| self.objects.header_mut(last)) {
            Some(last) => last.next_dead = Some(object),
            None => self.reaper.first = Some(object),
        }
        self.reaper.last = Some(object);
        self.schedule.attention = true;
    }

    /// Takes the first object out of the queue, if it is still this one.
    fn unqueue_dead(&mut self, object: ObjectRef) {
        if self.reaper.first != Some(object) {
            return;
        }
        self.reaper.first = self.objects.header_mut(object).and_then(|header| header.next_dead.take());
        if self.reaper.first.is_none() {
            self.reaper.last = None;
        }
    }
}
