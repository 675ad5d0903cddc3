//! The members of jobs and processes, for the topics that list their ids: the youngest first.
use abi::Koid;
use abi::object::info;

use crate::collections::list;
use crate::kernel::Kernel;
use crate::object::{ObjectRef, ProcessState, ThreadState};
use crate::ports::Machine;

impl<M: Machine> Kernel<M> {
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
