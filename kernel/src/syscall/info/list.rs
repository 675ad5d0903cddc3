//! Topics that are lists: the ids of an object's members.
use abi::object::info;
use abi::{Koid, Rights, Status, status::Result};

use super::{Args, Arguments, Caller, Exit, object_with};
use crate::collections::list;
use crate::kernel::Kernel;
use crate::object::thread::Listing;
use crate::object::{HandleEntry, Job, ObjectRef, Process, ProcessState, ThreadState};
use crate::ports::Machine;

/// Members that one entry looks at.
const MEMBERS_A_PIECE: usize = 64;
const KOID_SIZE: usize = size_of::<Koid>();

impl<M: Machine> Kernel<M> {
    /// As many members as fit, the youngest first. A long list is written in pieces; how far it has come is kept
    /// with the thread. If the member at which it goes on has left meanwhile, it starts over.
    pub(super) fn info_list(
        &mut self,
        caller: Caller,
        entry: HandleEntry,
        topic: u32,
        args: &Args,
    ) -> Result<Exit> {
        let group = match topic {
            info::PROCESS_THREADS => ObjectRef::Process(object_with::<Process>(entry, Rights::ENUMERATE)?),
            info::JOB_CHILDREN | info::JOB_PROCESSES => {
                ObjectRef::Job(object_with::<Job>(entry, Rights::ENUMERATE)?)
            }
            _ => return Err(Status::NOT_SUPPORTED),
        };
        let before = self.objects.get_mut(caller.thread)?.listing.take();
        let before = before.filter(|listing| self.is_member(listing.at, group));
        let (mut at, mut seen) = match before {
            Some(Listing { at, seen }) => (Some(at), seen),
            None => (self.first_member(group, topic), 0),
        };
        let room = args.word(3) / KOID_SIZE as u64;
        let mut bytes = [0; MEMBERS_A_PIECE * KOID_SIZE];
        let (from, mut count) = (seen.min(room), 0);
        for _ in 0..MEMBERS_A_PIECE {
            let Some(member) = at else { break };
            if let Some(koid) = self.listed_koid(member) {
                if seen < room
                    && let Some(place) = bytes.as_chunks_mut::<KOID_SIZE>().0.get_mut(count)
                {
                    *place = koid.to_le_bytes();
                    count += 1;
                }
                seen += 1;
            }
            at = self.next_member(member);
        }
        let written = bytes.get(..count * KOID_SIZE).ok_or(Status::INTERNAL)?;
        let to = args.word(2).wrapping_add(from * KOID_SIZE as u64);
        self.copy_out(caller.process, to, written)?;
        if let Some(at) = at {
            self.objects.get_mut(caller.thread)?.listing = Some(Listing { at, seen });
            return Ok(Exit::Again);
        }
        self.counts_out(caller, args, seen.min(room), seen)?;
        Ok(Exit::Done)
    }

    fn first_member(&self, group: ObjectRef, topic: u32) -> Option<ObjectRef> {
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

    fn next_member(&self, member: ObjectRef) -> Option<ObjectRef> {
        let objects = &self.objects;
        match member {
            ObjectRef::Thread(id) => list::next(&objects.threads, id).map(ObjectRef::Thread),
            ObjectRef::Process(id) => list::next(&objects.processes, id).map(ObjectRef::Process),
            ObjectRef::Job(id) => list::next(&objects.jobs, id).map(ObjectRef::Job),
            _ => None,
        }
    }

    /// Whether an object is still a member of this group.
    fn is_member(&self, member: ObjectRef, group: ObjectRef) -> bool {
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
    fn listed_koid(&self, member: ObjectRef) -> Option<Koid> {
        if let ObjectRef::Thread(id) = member {
            let state = self.objects.threads.get(id)?.state;
            if matches!(state, ThreadState::New | ThreadState::Dead) {
                return None;
            }
        }
        self.objects.header(member).map(|header| header.koid)
    }
}
