//! Topics that are lists: as many records as there are, of which as many are written as fit.
//!
//! A list is written in pieces. How far it has come is kept with the thread, not in its registers: a place in the
//! kernel's own structures must not be forged. If what a list would go on at has left meanwhile, it starts over.
use abi::object::{INFO_MAPS_V1_SIZE, InfoHandleExtended, InfoMaps, InfoMapsV2, InfoResourceGroup, info};
use abi::{AbiStruct, Koid, Rights, Status, status::Result};

use super::maps::is_vmos;
use super::{Args, Arguments, Caller, Exit, Record, object_with, vmo_record_size};
use crate::kernel::Kernel;
use crate::object::thread::{Listing, Place};
use crate::object::{HandleEntry, Job, Object, ObjectRef, Process, Resource, Vmar};
use crate::ports::Machine;

/// Steps that one entry makes: one that counts what a VMO shares costs some 3,500 instructions.
pub(super) const STEPS_A_PIECE: usize = 16;

/// What one step through a list comes upon.
pub(super) struct Step {
    /// The record there, if there is one.
    pub record: Option<Record>,
    /// Where the list goes on; nowhere at its end.
    pub next: Option<Place>,
}

impl<M: Machine> Kernel<M> {
    /// As many records as fit into the buffer, how many that are, and how many there are in all. Where the buffer
    /// ends in memory that cannot be written the call fails, but the two counts say how far it came.
    pub(super) fn info_list(
        &mut self,
        caller: Caller,
        entry: HandleEntry,
        topic: u32,
        args: &Args,
    ) -> Result<Exit> {
        let size = record_size(topic)?;
        let of = list_subject(entry, topic)?;
        if let ObjectRef::Process(process) = of
            && topic != info::PROCESS_THREADS
        {
            self.check_alive(process)?;
        }
        if let ObjectRef::Vmar(region) = of
            && self.objects.get(region)?.is_over()
        {
            return Err(Status::BAD_STATE);
        }
        let before = self.objects.get_mut(caller.thread)?.listing.take();
        let before = before.filter(|it| it.topic == topic && it.of == of && self.is_there(it.at, of));
        let (mut at, mut seen) = match before {
            Some(listing) => (Some(listing.at), listing.seen),
            None => (self.first_place(of, topic), 0),
        };
        let room = args.word(3) / size;
        for _ in 0..STEPS_A_PIECE {
            let Some(place) = at else { break };
            let step = self.list_step(topic, of, place)?;
            if let Some(record) = step.record {
                if seen < room {
                    let to = args.word(2).wrapping_add(seen * size);
                    let bytes = record.bytes.get(..record.size).ok_or(Status::INTERNAL)?;
                    if let Err(status) = self.copy_out(caller.process, to, bytes) {
                        self.counts_out(caller, args, seen, seen)?;
                        return Err(status);
                    }
                }
                seen += 1;
            }
            at = step.next;
        }
        if let Some(at) = at {
            self.objects.get_mut(caller.thread)?.listing = Some(Listing { topic, of, at, seen });
            return Ok(Exit::Again);
        }
        self.counts_out(caller, args, seen.min(room), seen)?;
        Ok(Exit::Done)
    }

    fn first_place(&self, of: ObjectRef, topic: u32) -> Option<Place> {
        match topic {
            info::RESOURCE_GROUP | info::HANDLE_TABLE => Some(Place::Number(0)),
            info::PROCESS_THREADS | info::JOB_CHILDREN | info::JOB_PROCESSES => {
                self.first_member(of, topic).map(Place::Member)
            }
            _ => self.first_map(of, topic),
        }
    }

    /// Whether a list can go on at a place.
    pub(super) fn is_there(&self, at: Place, of: ObjectRef) -> bool {
        match at {
            Place::Member(member) => self.is_member(member, of),
            Place::Number(_) | Place::Space => true,
            Place::Region(region, _) | Place::Inside(region, ..) | Place::Counting { vmar: region, .. } => {
                self.is_walked(region, of)
            }
        }
    }

    fn list_step(&self, topic: u32, of: ObjectRef, at: Place) -> Result<Step> {
        match (of, at) {
            (ObjectRef::Resource(resource), Place::Number(number)) => self.sharer_step(resource, number),
            (_, Place::Member(member)) => {
                let record = self.listed_koid(member).map(Record::of_koid);
                Ok(Step { record, next: self.next_member(member).map(Place::Member) })
            }
            (ObjectRef::Process(process), Place::Number(number)) => self.handle_step(topic, process, number),
            _ => self.map_step(topic, of, at),
        }
    }
}

/// Bytes of a topic's records.
fn record_size(topic: u32) -> Result<u64> {
    Ok(match topic {
        info::PROCESS_THREADS | info::JOB_CHILDREN | info::JOB_PROCESSES => size_of::<Koid>() as u64,
        info::RESOURCE_GROUP => InfoResourceGroup::SIZE as u64,
        info::HANDLE_TABLE => InfoHandleExtended::SIZE as u64,
        info::PROCESS_MAPS | info::VMAR_MAPS => InfoMaps::SIZE as u64,
        info::PROCESS_MAPS_V1 => INFO_MAPS_V1_SIZE as u64,
        info::PROCESS_MAPS_V2 => InfoMapsV2::SIZE as u64,
        info::PROCESS_VMOS | info::PROCESS_VMOS_V1 | info::PROCESS_VMOS_V2 | info::PROCESS_VMOS_V3 => {
            vmo_record_size(topic)? as u64
        }
        _ => return Err(Status::NOT_SUPPORTED),
    })
}

/// The object that a handle names, if the topic is for its type and the handle has the right.
fn list_subject(entry: HandleEntry, topic: u32) -> Result<ObjectRef> {
    match topic {
        info::PROCESS_THREADS => subject::<Process>(entry, Rights::ENUMERATE),
        info::JOB_CHILDREN | info::JOB_PROCESSES => subject::<Job>(entry, Rights::ENUMERATE),
        info::RESOURCE_GROUP => subject::<Resource>(entry, Rights::INSPECT),
        info::VMAR_MAPS => subject::<Vmar>(entry, Rights::INSPECT),
        info::HANDLE_TABLE => {
            subject::<Process>(entry, Rights::INSPECT | Rights::MANAGE_PROCESS | Rights::MANAGE_THREAD)
        }
        info::PROCESS_MAPS | info::PROCESS_MAPS_V1 | info::PROCESS_MAPS_V2 => {
            subject::<Process>(entry, Rights::INSPECT)
        }
        topic if is_vmos(topic) => subject::<Process>(entry, Rights::INSPECT),
        _ => Err(Status::NOT_SUPPORTED),
    }
}

fn subject<T: Object>(entry: HandleEntry, rights: Rights) -> Result<ObjectRef> {
    object_with::<T>(entry, rights).map(T::reference)
}
