//! The members of jobs and processes: their ids, the youngest first, and handles to them by id.
use abi::object::info;
use abi::{Koid, Rights, Status, status::Result};

use super::list::STEPS_A_PIECE;
use super::{Args, Arguments, Caller, Exit};
use crate::collections::list;
use crate::kernel::Kernel;
use crate::object::thread::{Listing, Place};
use crate::object::{ObjectRef, ProcessState, ThreadState};
use crate::ports::Machine;

/// What a search for a member is noted as: no topic has this bit.
const SEARCH: u32 = 1 << 31;

impl<M: Machine> Kernel<M> {
    /// `zx_object_get_child(handle, koid, rights, out)`. Members are looked at as a list of them is written: in pieces.
    pub(in crate::syscall) fn sys_object_get_child(&mut self, caller: Caller, args: &Args) -> Result<Exit> {
        let (handle, koid, rights, out) = (args.half(0), args.word(1), Rights(args.half(2)), args.word(3));
        let entry = self.entry(caller, handle)?;
        if !entry.rights.contains(Rights::ENUMERATE) {
            return Err(Status::ACCESS_DENIED);
        }
        let rights = match rights {
            Rights::SAME_RIGHTS => entry.rights,
            subset if entry.rights.contains(subset) => subset,
            _ => return Err(Status::ACCESS_DENIED),
        };
        let of = entry.object;
        let topics: &[u32] = match of {
            ObjectRef::Process(_) => &[info::PROCESS_THREADS],
            ObjectRef::Job(_) => &[info::JOB_CHILDREN, info::JOB_PROCESSES],
            _ => return Err(Status::WRONG_TYPE),
        };
        let before = self.objects.get_mut(caller.thread)?.listing.take();
        let before = before.filter(|it| it.of == of && it.topic & SEARCH != 0 && self.is_there(it.at, of));
        let mut steps = 0;
        for &topic in topics {
            let mut at = match before {
                // It had come to a later list.
                Some(it) if it.topic > topic | SEARCH => continue,
                Some(Listing { at: Place::Member(member), topic: before, .. })
                    if before == topic | SEARCH =>
                {
                    Some(member)
                }
                _ => self.first_member(of, topic),
            };
            while let Some(member) = at {
                if steps == STEPS_A_PIECE {
                    let (topic, at) = (topic | SEARCH, Place::Member(member));
                    self.objects.get_mut(caller.thread)?.listing = Some(Listing { topic, of, at, seen: 0 });
                    return Ok(Exit::Again);
                }
                steps += 1;
                if self.listed_koid(member) == Some(koid) {
                    return self.give(caller, member, rights, out).map(|_| Exit::Done);
                }
                at = self.next_member(member);
            }
        }
        Err(Status::NOT_FOUND)
    }

    pub(super) fn first_member(&self, group: ObjectRef, topic: u32) -> Option<ObjectRef> {
        let objects = &self.objects;
        match group {
            ObjectRef::Process(id) => objects.processes.get(id)?.threads.first().map(ObjectRef::Thread),
            ObjectRef::Job(id) if topic == info::JOB_CHILDREN => {
                objects.jobs.get(id)?.children.first().map(ObjectRef::Job)
            }
            ObjectRef::Job(id) => objects.jobs.get(id)?.processes.first().map(ObjectRef::Process),
            _ => None,
        }
    }

    pub(super) fn next_member(&self, member: ObjectRef) -> Option<ObjectRef> {
        let objects = &self.objects;
        match member {
            ObjectRef::Thread(id) => list::next(&objects.threads, id).map(ObjectRef::Thread),
            ObjectRef::Process(id) => list::next(&objects.processes, id).map(ObjectRef::Process),
            ObjectRef::Job(id) => list::next(&objects.jobs, id).map(ObjectRef::Job),
            _ => None,
        }
    }

    /// Whether an object is still a member of this group.
    pub(super) fn is_member(&self, member: ObjectRef, group: ObjectRef) -> bool {
        let objects = &self.objects;
        match (member, group) {
            (ObjectRef::Thread(id), ObjectRef::Process(group)) => {
                objects.threads.get(id).is_some_and(|thread| thread.process == group)
            }
            (ObjectRef::Process(id), ObjectRef::Job(group)) => objects
                .processes
                .get(id)
                .is_some_and(|process| process.job == group && process.state != ProcessState::Dead),
            (ObjectRef::Job(id), ObjectRef::Job(group)) => {
                objects.jobs.get(id).is_some_and(|job| job.parent == Some(group) && !job.is_dead)
            }
            _ => false,
        }
    }

    /// A member's id; threads that were not started or have ended are not told.
    pub(super) fn listed_koid(&self, member: ObjectRef) -> Option<Koid> {
        if let ObjectRef::Thread(id) = member {
            let state = self.objects.threads.get(id)?.state;
            if matches!(state, ThreadState::New | ThreadState::Dead) {
                return None;
            }
        }
        self.objects.header(member).map(|header| header.koid)
    }
}
