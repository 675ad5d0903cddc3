//! The kernel's books, taken anew from scratch.
//!
//! Counts, lists and ledgers are kept up step by step while the kernel runs. Here each is computed from
//! what it stands for and compared. No call of the kernel's own uses this: tests do, between any two events.
mod cpus;
mod notices;
mod pins;

use core::fmt;

use abi::Signals;
use alloc::vec::Vec;

use crate::collections::arena::Id;
use crate::collections::{Extent, list};
use crate::kernel::Kernel;
use crate::memory::pages::{Page, Pages};
use crate::object::resource::Origin;
use crate::object::{
    Content, Entry, Mapping, ObjectRef, PmtState, ProcessState, Resource, Thread, ThreadState, Vmo, Wait,
};
use crate::ports::Machine;

/// Pages of each mapping that are compared with the tables.
const PAGES_LOOKED_AT: u64 = 16;

/// What is wrong, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which rule.
    pub rule: &'static str,
    /// The object concerned, if it is about one.
    pub object: Option<ObjectRef>,
    /// What the kernel's books say.
    pub booked: u64,
    /// What there is.
    pub found: u64,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: the books say {}, there are {}", self.rule, self.booked, self.found)?;
        match self.object {
            Some(object) => write!(f, " ({object:?})"),
            None => Ok(()),
        }
    }
}

type Checked = Result<(), Broken>;

fn equal(rule: &'static str, object: Option<ObjectRef>, booked: u64, found: u64) -> Checked {
    if booked == found { Ok(()) } else { Err(Broken { rule, object, booked, found }) }
}

fn holds(rule: &'static str, object: ObjectRef, truth: bool) -> Checked {
    equal(rule, Some(object), 1, u64::from(truth))
}

/// How often objects are referred to: their koids, sorted.
struct Tally(Vec<abi::Koid>);

impl Tally {
    fn of(&self, koid: abi::Koid) -> u64 {
        let first = self.0.partition_point(|&other| other < koid);
        let end = self.0.partition_point(|&other| other <= koid);
        (end - first) as u64
    }
}

impl<M: Machine> Kernel<M> {
    /// Compares every count, list and ledger with what it stands for.
    ///
    /// # Errors
    /// [`Broken`]: the first difference.
    pub fn check_invariants(&self) -> Result<(), Broken> {
        let dead = self.check_reaper()?;
        self.check_references(&dead)?;
        self.check_vmos()?;
        self.check_pins()?;
        let trees = self.trees.check(self.pages());
        trees.map_err(|(rule, booked, found)| Broken { rule, object: None, booked, found })?;
        self.check_zeros()?;
        self.check_regions()?;
        self.check_channels()?;
        self.check_threads()?;
        self.check_ready()?;
        self.check_waiters()?;
        self.check_notices()?;
        self.check_memory_types()?;
        self.check_minted()?;
        equal("frames that are tables", None, self.machine.table_frames().0, self.tables_owned())?;
        self.check_cpus().map_err(|rule| Broken { rule, object: None, booked: 1, found: 0 })
    }

    /// Those of them that hold nothing and are kept for the next time: a spare table for a space at most.
    pub fn frames_kept(&self) -> u64 {
        let spaces = self.objects.processes.iter().filter_map(|(_, process)| process.space.as_ref());
        spaces.filter(|space| space.has_spare_table()).count() as u64
    }

    /// Frames that the objects own: pages of VMOs, those of rows that wait for theirs, and translation tables. The kernel
    /// keeps one of zeros, and no other.
    pub fn frames_owned(&self) -> u64 {
        let kept = u64::from(self.zeros.is_some());
        self.trees.frames(self.pages()) + self.tables_owned() + self.frames_that_wait() + kept
    }

    /// Frames of rows that are not in their pages' places yet.
    fn frames_that_wait(&self) -> u64 {
        self.objects.vmos.iter().filter_map(|(_, vmo)| vmo.row.map(|row| row.waiting)).sum()
    }

    /// Frames that the tables of all address spaces take.
    fn tables_owned(&self) -> u64 {
        let spaces = self.objects.processes.iter().filter_map(|(_, process)| process.space.as_ref());
        spaces.map(|space| space.tables().0).sum()
    }

    /// The pages of every VMO that has some.
    fn pages(&self) -> impl Iterator<Item = &Pages> {
        self.objects.vmos.iter().filter_map(|(_, vmo)| match &vmo.content {
            Content::Paged(pages) => Some(pages),
            Content::Physical(_) | Content::Slice { .. } | Content::Reference(_) => None,
        })
    }

    /// The reaper's queue is whole; what is in it.
    fn check_reaper(&self) -> Result<Vec<ObjectRef>, Broken> {
        let most = self.object_count();
        let mut queue = Vec::new();
        let mut at = self.reaper.first();
        while let Some(object) = at {
            let Some(header) = self.objects.header(object) else {
                return Err(Broken {
                    rule: "the reaper's queue holds what exists",
                    object: at,
                    booked: 1,
                    found: 0,
                });
            };
            holds("an object is in the reaper's queue once", object, !queue.contains(&object))?;
            queue.push(object);
            equal("the reaper's queue ends", at, 1, u64::from(queue.len() <= most))?;
            at = header.next_dead;
        }
        let last = queue.last().copied();
        equal("the reaper knows its last", last, 1, u64::from(self.reaper.last() == last))?;
        Ok(queue)
    }

    /// Handles and holds of every object; and nothing is left that nobody refers to.
    fn check_references(&self, dead: &[ObjectRef]) -> Checked {
        let handles = self.tally("a handle's object exists", self.handles())?;
        let reasons = self.tally("an object that is needed exists", self.reasons(dead).into_iter())?;
        for object in self.objects.all() {
            let Some(header) = self.objects.header(object) else { continue };
            let found = handles.of(header.koid);
            equal("handles of an object", Some(object), u64::from(header.handles), found)?;
            let found = reasons.of(header.koid);
            equal("holds of an object", Some(object), u64::from(header.holds), found)?;
            let wanted = header.handles > 0 || header.holds > 0 || dead.contains(&object);
            holds("an object that nobody refers to is being torn down", object, wanted)?;
        }
        Ok(())
    }

    /// Counts how often each object is referred to.
    fn tally(
        &self,
        rule: &'static str,
        references: impl Iterator<Item = ObjectRef>,
    ) -> Result<Tally, Broken> {
        let mut koids = Vec::new();
        for object in references {
            let header = self.objects.header(object);
            holds(rule, object, header.is_some())?;
            koids.extend(header.map(|header| header.koid));
        }
        koids.sort_unstable();
        Ok(Tally(koids))
    }

    /// Every handle, in tables and in messages.
    fn handles(&self) -> impl Iterator<Item = ObjectRef> {
        let tables = self.objects.processes.iter().flat_map(|(_, process)| process.handles.entries());
        let messages = self.objects.channels.iter().flat_map(|(_, channel)| &channel.queue);
        let entries = tables.chain(messages.flat_map(|message| message.handles.iter().copied()));
        entries.map(|entry| entry.object)
    }

    /// Every reason why an object must stay, as the object that it keeps.
    fn reasons(&self, dead: &[ObjectRef]) -> Vec<ObjectRef> {
        let objects = &self.objects;
        let mut reasons = Vec::new();
        // Of those in the reaper's queue, a region may still have handles: the queue keeps it.
        reasons.extend(dead.iter().filter(|object| matches!(object, ObjectRef::Vmar(_))));
        let entries = objects.vmars.iter().flat_map(|(_, vmar)| vmar.entries.iter());
        reasons.extend(entries.filter_map(|(_, entry)| match entry {
            Entry::Region { vmar, .. } => Some(ObjectRef::Vmar(vmar)),
            Entry::Mapping { .. } => None,
        }));
        reasons.push(ObjectRef::Vmo(self.vdso.vmo));
        reasons.push(ObjectRef::Job(self.root_job));
        for (_, job) in objects.jobs.iter() {
            reasons.extend(job.parent.map(ObjectRef::Job));
        }
        for (id, process) in objects.processes.iter() {
            if process.state != ProcessState::Dead {
                reasons.push(ObjectRef::Vmar(process.vmar));
                reasons.push(ObjectRef::Job(process.job));
            }
            if process.state == ProcessState::Dying {
                reasons.push(ObjectRef::Process(id));
            }
        }
        for (id, thread) in objects.threads.iter() {
            reasons.push(ObjectRef::Process(thread.process));
            if self.is_live(id, thread) {
                reasons.push(ObjectRef::Thread(id));
            }
        }
        reasons.extend(self.mappings().map(|mapping| ObjectRef::Vmo(mapping.vmo)));
        reasons.extend(objects.vmos.iter().filter_map(|(_, vmo)| match vmo.content {
            Content::Slice { of, .. } | Content::Reference(of) => Some(ObjectRef::Vmo(of)),
            Content::Paged(_) | Content::Physical(_) => None,
        }));
        reasons.extend(objects.threads.iter().filter_map(|(_, thread)| thread.making));
        reasons.extend(objects.btis.iter().map(|(_, bti)| ObjectRef::Iommu(bti.iommu)));
        for (id, pmt) in objects.pmts.iter() {
            reasons.extend([ObjectRef::Bti(pmt.bti), ObjectRef::Vmo(pmt.vmo)]);
            if pmt.state == PmtState::Quarantined {
                reasons.push(ObjectRef::Pmt(id));
            }
        }
        reasons
    }

    /// Whether a thread was started and has not ended: one that another CPU has killed ends where it runs.
    fn is_live(&self, id: Id<Thread>, thread: &Thread) -> bool {
        !matches!(thread.state, ThreadState::New | ThreadState::Dead) || self.schedule.is_ending(id)
    }

    fn mappings(&self) -> impl Iterator<Item = &Mapping> {
        self.objects.mappings.iter().map(|(_, mapping)| mapping)
    }

    /// Children, mappings and ZERO_CHILDREN of every VMO; mappings that do not overlap.
    fn check_vmos(&self) -> Checked {
        let vmos = &self.objects.vmos;
        let parents = vmos.iter().filter_map(|(_, vmo)| vmo.parent).map(ObjectRef::Vmo);
        let parents = self.tally("a VMO's parent exists", parents)?;
        let mapped = self.mappings().map(|mapping| ObjectRef::Vmo(mapping.vmo));
        let mapped = self.tally("a mapping's VMO exists", mapped)?;
        for (id, vmo) in vmos.iter() {
            let object = Some(ObjectRef::Vmo(id));
            let children = parents.of(vmo.header.koid);
            equal("children of a VMO", object, vmo.children.len() as u64, children)?;
            let listed = vmo.children.iter(vmos).filter(|(_, child)| child.parent == Some(id)).count();
            equal("children in a VMO's list", object, vmo.children.len() as u64, listed as u64)?;
            let mappings = mapped.of(vmo.header.koid);
            equal("mappings of a VMO", object, u64::from(vmo.mappings), mappings)?;
            let none = vmo.header.signals.intersects(Signals::VMO_ZERO_CHILDREN);
            equal("ZERO_CHILDREN of a VMO", object, u64::from(none), u64::from(children == 0))?;
            let beyond = self.next_committed(id, vmo.size).is_some();
            equal("pages of a VMO beyond its end", object, 0, u64::from(beyond))?;
        }
        self.check_shown()
    }

    /// Every mapping hangs in the list of the VMO that has its bytes.
    fn check_shown(&self) -> Checked {
        let mappings = &self.objects.mappings;
        let mut listed = 0;
        for (id, vmo) in self.objects.vmos.iter() {
            let object = ObjectRef::Vmo(id);
            let (mut at, mut previous) = (vmo.shown.first(), None);
            while let Some((member, mapping)) = at.and_then(|at| Some((at, mappings.get(at)?))) {
                let resolved = self.resolve(mapping.vmo, 0).ok();
                let right = mapping.root == id && resolved == Some((id, mapping.start));
                holds("a mapping hangs in its root's list", object, right)?;
                holds("a list of mappings leads back", object, mapping.links.previous() == previous)?;
                listed += 1;
                holds("a list of mappings ends", object, listed <= mappings.slots())?;
                holds("a mapping shows its VMO's own frames", object, self.shows_its_frames(mapping))?;
                previous = at;
                at = list::next(mappings, member);
            }
            holds("a list of mappings is whole", object, at.is_none())?;
            self.check_withdrawal(id, vmo)?;
        }
        equal("mappings in lists", None, listed as u64, mappings.len() as u64)
    }

    /// Nobody has written to the frame of zeros.
    fn check_zeros(&self) -> Checked {
        let mut bytes = [0; abi::PAGE_SIZE as usize];
        if let Some(zeros) = self.zeros {
            self.machine.read_frame(zeros, 0, &mut bytes);
        }
        let written = bytes.iter().filter(|byte| **byte != 0).count();
        equal("bytes in the frame of zeros that are none", None, 0, written as u64)
    }

    /// Whether the tables show, of the first pages of a mapping, the frames that the VMO has, what may stand in for
    /// them, or nothing. What a snapshot that ended, or never came to be, shares until it is taken apart nobody will look
    /// at: that may be written to.
    fn shows_its_frames(&self, mapping: &Mapping) -> bool {
        let process = self.objects.vmars.get(mapping.vmar).and_then(|vmar| vmar.process);
        let space = process.and_then(|process| self.objects.processes.get(process)?.space.as_ref());
        let Some(space) = space else { return true };
        let is_paged = self.physical_part(mapping).is_none();
        let are_alive = self.trees.is_reaped();
        !is_paged
            || (0..PAGES_LOOKED_AT.min(mapping.length / abi::PAGE_SIZE)).all(|page| {
                let at = mapping.base + page * abi::PAGE_SIZE;
                let offset = mapping.offset_of(at);
                let page = self.look(mapping.root, mapping.start.saturating_add(offset));
                let is_noted = self.objects.vmos.get(mapping.root).is_some_and(Vmo::may_show_zeros);
                space.walk(&self.machine, abi::VirtAddr(at)).is_none_or(|leaf| match page {
                    _ if self.end_for(mapping).is_ok_and(|end| offset >= end) => false,
                    Ok(Page::Owned(frame)) => leaf.frame == frame,
                    Ok(Page::Shared(frame)) => leaf.frame == frame && !(leaf.attributes.write && are_alive),
                    Ok(Page::Absent) => is_noted && Some(leaf.frame) == self.zeros && !leaf.attributes.write,
                    Err(_) => false,
                })
            })
    }

    /// A withdrawal is one of a thread that knows of it, and goes on in the list.
    fn check_withdrawal(&self, id: Id<Vmo>, vmo: &Vmo) -> Checked {
        let Some(withdrawal) = vmo.withdrawal else { return Ok(()) };
        let object = ObjectRef::Vmo(id);
        let mapping = withdrawal.at.map(|at| self.objects.mappings.get(at).map(|mapping| mapping.root));
        holds("a withdrawal goes on in the list", object, mapping.is_none_or(|root| root == Some(id)))?;
        let next = withdrawal.next.filter(|turn| turn.is_owned).map(|turn| turn.thread);
        let mut threads =
            [withdrawal.owner, next].into_iter().flatten().map(|id| self.objects.threads.get(id));
        let know = threads.all(|thread| thread.is_some_and(|thread| thread.withdraws == Some(id)));
        holds("a thread knows what it withdraws, or waits to", object, know)
    }

    /// What is in a region lies apart and inside, and is found by its address.
    fn check_regions(&self) -> Checked {
        let mut mappings = 0;
        for (id, vmar) in self.objects.vmars.iter() {
            let object = ObjectRef::Vmar(id);
            let mut end = vmar.base;
            for (base, entry) in vmar.entries.iter() {
                holds("entries of a region lie apart", object, base >= end && entry.length() > 0)?;
                end = base.saturating_add(entry.length());
                let root = vmar.process.and_then(|process| self.objects.processes.get(process));
                let found = root.and_then(|process| self.mapping_within(process.vmar, base));
                let right = match entry {
                    Entry::Mapping { id: member, length } => {
                        mappings += 1;
                        found.is_some_and(|(found, mapping)| {
                            let place = (mapping.vmar, mapping.base, mapping.length);
                            found == member && place == (id, base, length)
                        })
                    }
                    Entry::Region { vmar, size } => {
                        let inner = self.objects.vmars.get(vmar);
                        inner.is_some_and(|inner| {
                            (inner.base, inner.size, inner.parent) == (base, size, Some(id))
                        })
                    }
                };
                holds("an entry is found by its address", object, right)?;
            }
            let own_end = vmar.base.saturating_add(vmar.size);
            holds("entries lie in their region", object, end <= own_end)?;
        }
        equal("mappings in regions", None, mappings, self.objects.mappings.len() as u64)
    }

    /// Peers name each other, and the signals say what there is.
    fn check_channels(&self) -> Checked {
        for (id, channel) in self.objects.channels.iter() {
            let object = ObjectRef::Channel(id);
            let mutual = channel.peer.is_none_or(|peer| {
                self.objects.channels.get(peer).is_some_and(|other| other.peer == Some(id))
            });
            holds("a channel's peer names it", object, mutual)?;
            if channel.header.handles == 0 {
                continue;
            }
            let signals = channel.header.signals;
            let closed = signals.intersects(Signals::PEER_CLOSED);
            equal("PEER_CLOSED", Some(object), u64::from(closed), u64::from(channel.peer.is_none()))?;
            let readable = signals.intersects(Signals::READABLE);
            equal("READABLE", Some(object), u64::from(readable), u64::from(!channel.queue.is_empty()))?;
        }
        Ok(())
    }

    /// Every thread is in its process's list, and the live ones are counted; every deadline is a timer.
    fn check_threads(&self) -> Checked {
        let threads = &self.objects.threads;
        let mut listed = 0;
        for (id, process) in self.objects.processes.iter() {
            let object = Some(ObjectRef::Process(id));
            let mut live = 0;
            let mut at = process.threads.first();
            while let Some((member, thread)) = at.and_then(|at| Some((at, threads.get(at)?))) {
                equal("a process lists its own threads", object, 1, u64::from(thread.process == id))?;
                live += u64::from(self.is_live(member, thread));
                listed += 1;
                equal("a process's list of threads ends", object, 1, u64::from(listed <= threads.len()))?;
                at = list::next(threads, member);
            }
            equal("a process's list of threads is whole", object, 1, u64::from(at.is_none()))?;
            equal("live threads of a process", object, u64::from(process.live_threads), live)?;
        }
        equal("threads in lists", None, listed as u64, threads.len() as u64)?;
        let deadlines = threads.iter().filter(|(_, thread)| thread.deadline.is_some()).count();
        let mut timers = 0;
        for (tick, first) in self.schedule.timers() {
            let (mut at, mut previous) = (Some(first), None);
            while let Some(id) = at {
                let object = ObjectRef::Thread(id);
                let Some(thread) = threads.get(id) else {
                    return equal("a timer's thread exists", at.map(ObjectRef::Thread), 1, 0);
                };
                holds("a timer's thread waits", object, thread.state == ThreadState::Blocked)?;
                holds("a timer is its thread's deadline", object, thread.deadline == Some(tick))?;
                holds("threads with one deadline lead back", object, thread.timer_previous == previous)?;
                timers += 1;
                holds("a list of timers ends", object, timers <= deadlines)?;
                previous = at;
                at = thread.timer_next;
            }
        }
        equal("timers", None, timers as u64, deadlines as u64)
    }

    /// The ready queue holds the ready threads.
    fn check_ready(&self) -> Checked {
        let threads = &self.objects.threads;
        let (first, last) = self.schedule.ready_ends();
        let (mut at, mut previous, mut queued) = (first, None, 0);
        while let Some(id) = at {
            let object = ObjectRef::Thread(id);
            let thread = threads.get(id);
            let ready = thread.is_some_and(|thread| thread.state == ThreadState::Ready);
            holds("a thread in the ready queue is ready", object, ready)?;
            let back = thread.and_then(|thread| thread.previous);
            holds("the ready queue leads back", object, back == previous)?;
            queued += 1;
            holds("the ready queue ends", object, queued <= threads.len())?;
            previous = at;
            at = thread.and_then(|thread| thread.next);
        }
        equal("the ready queue knows its last", None, 1, u64::from(last == previous))?;
        let ready = threads.iter().filter(|(_, thread)| thread.state == ThreadState::Ready).count();
        equal("ready threads", None, queued as u64, ready as u64)
    }

    /// Every thread that waits for signals hangs on its object, through a handle that it has.
    fn check_waiters(&self) -> Checked {
        let threads = &self.objects.threads;
        let mut hanging = 0;
        for object in self.objects.all() {
            let (mut at, mut previous) =
                (self.objects.header(object).and_then(|header| header.waiters), None);
            while let Some((id, thread)) = at.and_then(|at| Some((at, threads.get(at)?))) {
                let Wait::Signals { object: target, handle, wanted, .. } = thread.wait else {
                    return equal("a waiter waits for signals", Some(object), 1, 0);
                };
                let mine = thread.state == ThreadState::Blocked && target == object;
                holds("a waiter waits for this object", object, mine)?;
                holds("the waiters lead back", object, thread.previous == previous)?;
                let table = self.objects.processes.get(thread.process).map(|process| &process.handles);
                let through = table.and_then(|table| table.get(handle).ok()).map(|entry| entry.object);
                holds("a waiter has the handle", object, through == Some(object))?;
                let signals = self.objects.header(object).map_or(Signals::NONE, |header| header.signals);
                holds("a waiter still has to wait", object, !wanted.intersects(signals))?;
                hanging += 1;
                holds("a list of waiters ends", object, hanging <= threads.len())?;
                previous = at;
                at = threads.get(id).and_then(|thread| thread.next);
            }
        }
        self.check_futexes()?;
        let waiting = |wait| matches!(wait, Wait::Signals { .. });
        let found = threads.iter().filter(|(_, thread)| waiting(thread.wait)).count();
        equal("threads that wait for signals", None, hanging as u64, found as u64)
    }

    /// Every thread that waits for a word hangs on the word's queue.
    fn check_futexes(&self) -> Checked {
        let threads = &self.objects.threads;
        let mut hanging = 0;
        for (id, process) in self.objects.processes.iter() {
            let object = ObjectRef::Process(id);
            for (address, queue) in process.futexes.iter() {
                let (mut at, mut previous) = (Some(queue.first), None);
                while let Some(thread) = at.and_then(|at| threads.get(at)) {
                    let waits = thread.wait == Wait::Futex(address) && thread.process == id;
                    holds("a thread in a futex's queue waits for it", object, waits)?;
                    holds("a futex's queue leads back", object, thread.previous == previous)?;
                    hanging += 1;
                    holds("a futex's queue ends", object, hanging <= threads.len())?;
                    previous = at;
                    at = thread.next;
                }
                holds("a futex knows its last", object, at.is_none() && previous == Some(queue.last))?;
            }
        }
        let waiting = |wait| matches!(wait, Wait::Futex(_));
        let found = threads.iter().filter(|(_, thread)| waiting(thread.wait)).count();
        equal("threads that wait for a futex", None, hanging as u64, found as u64)
    }

    /// The ledger of memory types has what the mappings show, as often and with the same type.
    fn check_memory_types(&self) -> Checked {
        let ranges: Vec<_> = self
            .mappings()
            .filter_map(|mapping| Some((self.physical_part(mapping)?, mapping.policy)))
            .collect();
        let mut booked = 0_u128;
        let mut end = None;
        let mut segments: Vec<_> = self.types.segments().collect();
        segments.sort_by_key(|(range, ..)| range.base());
        for (range, policy, mappings) in segments {
            let apart = end.is_none_or(|end| end < range.base());
            equal("segments of memory types lie apart", None, 1, u64::from(apart))?;
            end = Some(range.last());
            let over = |other: &abi::PhysRange| other.contains(range);
            let cover = ranges.iter().filter(|(other, theirs)| *theirs == policy && over(other)).count();
            equal("mappings of a physical range", None, u64::from(mappings), cover as u64)?;
            booked += u128::from(range.size()) * u128::from(mappings);
        }
        let found: u128 = ranges.iter().map(|(range, _)| u128::from(range.size())).sum();
        let pages = |bytes: u128| (bytes / u128::from(abi::PAGE_SIZE)) as u64;
        equal("pages with a memory type", None, pages(booked), pages(found))?;
        let ends = self.types.check();
        equal("the ledger of memory types holds together", None, 1, u64::from(ends.is_some()))?;
        equal("mappings with a memory type", None, ends.unwrap_or_default(), ranges.len() as u64)
    }

    /// What was minted is found by its range, each thing once.
    fn check_minted(&self) -> Checked {
        let resources = &self.objects.resources;
        let booked = self.objects.minted.check(resources);
        equal("the ranges of what was minted hold together", None, 1, u64::from(booked.is_some()))?;
        for (booked, exclusive) in booked.unwrap_or_default().into_iter().zip([true, false]) {
            let is_such = |resource: &Resource| resource.origin == Origin::Minted { exclusive };
            let found = resources.iter().filter(|(_, resource)| is_such(resource)).count();
            equal("resources that were minted", None, booked as u64, found as u64)?;
        }
        Ok(())
    }
}
