//! A process's handles: `HANDLE_TABLE` and `PROCESS_HANDLE_STATS`, and the handles' half of `PROCESS_VMOS`.
use abi::object::{InfoHandleExtended, InfoProcessHandleStats, info, vmo_flags};
use abi::{AbiStruct, Status, status::Result};

use super::list::Step;
use super::maps::is_vmos;
use super::{Args, Arguments, Caller, Exit, Record, inspect};
use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::object::thread::{Listing, Place};
use crate::object::{HandleEntry, Object, ObjectRef, Process, Vmo};
use crate::ports::Machine;

/// Slots of a table that one step looks at.
const SLOTS_A_STEP: u64 = 16;
/// Slots of a table that one entry counts.
const SLOTS_AN_ENTRY: u64 = 1024;

impl<M: Machine> Kernel<M> {
    /// The next handle at or behind slot `number`, as a record of the topic.
    pub(super) fn handle_step(&self, topic: u32, id: Id<Process>, number: u64) -> Result<Step> {
        let process = self.objects.get(id)?;
        let mut slot = number;
        while slot < number + SLOTS_A_STEP {
            let Some(found) = process.handles.slot(slot as usize) else {
                // The end of the table. A list of VMOs goes on with what is mapped.
                let next = if is_vmos(topic) { Some(Place::Region(process.vmar, 1)) } else { None };
                return Ok(Step { record: None, next });
            };
            slot += 1;
            let Some((value, entry)) = found else { continue };
            if let Some(record) = self.handle_record(topic, value, entry)? {
                return Ok(Step { record: Some(record), next: Some(Place::Number(slot)) });
            }
        }
        Ok(Step { record: None, next: Some(Place::Number(slot)) })
    }

    fn handle_record(&self, topic: u32, value: abi::Handle, entry: HandleEntry) -> Result<Option<Record>> {
        if is_vmos(topic) {
            let Some(vmo) = Vmo::id(entry.object) else { return Ok(None) };
            return self.vmo_record(vmo, vmo_flags::VIA_HANDLE, entry.rights, topic).map(Some);
        }
        let header = self.objects.header(entry.object).ok_or(Status::INTERNAL)?;
        let record = InfoHandleExtended {
            object_type: entry.object.object_type() as u32,
            handle_value: value,
            rights: entry.rights.0,
            reserved: 0,
            koid: header.koid,
            related_koid: self.objects.related_koid(entry.object),
            peer_owner_koid: 0,
        };
        Ok(Some(Record::of(&record, InfoHandleExtended::SIZE)))
    }

    /// `PROCESS_HANDLE_STATS`: a long table is counted in pieces, and what they come to is in the program's buffer
    /// meanwhile. Who changes it there gets a wrong answer, and nobody else does.
    pub(super) fn info_handle_stats(
        &mut self,
        caller: Caller,
        entry: HandleEntry,
        args: &Args,
    ) -> Result<Exit> {
        let topic = info::PROCESS_HANDLE_STATS;
        let id = inspect::<Process>(entry)?;
        let of = ObjectRef::Process(id);
        if args.word(3) < InfoProcessHandleStats::SIZE as u64 {
            self.counts_out(caller, args, 0, 1)?;
            return Err(Status::BUFFER_TOO_SMALL);
        }
        let mut bytes = [0; InfoProcessHandleStats::SIZE];
        let before = self.objects.get_mut(caller.thread)?.listing.take();
        let from = match before {
            Some(Listing { topic: before, of: other, at: Place::Number(from), .. })
                if (before, other) == (topic, of) =>
            {
                self.copy_in(caller.process, args.word(2), &mut bytes)?;
                from
            }
            _ => 0,
        };
        let mut stats = InfoProcessHandleStats::get(&bytes);
        let handles = &self.objects.get(id)?.handles;
        let mut is_end = false;
        for slot in from..from + SLOTS_AN_ENTRY {
            let Some(found) = handles.slot(slot as usize) else {
                is_end = true;
                break;
            };
            let kind = found.map(|(_, entry)| entry.object.object_type() as usize);
            if let Some(count) = kind.and_then(|kind| stats.handle_count.get_mut(kind)) {
                *count = count.saturating_add(1);
            }
        }
        stats.put(&mut bytes);
        self.copy_out(caller.process, args.word(2), &bytes)?;
        if is_end {
            self.counts_out(caller, args, 1, 1)?;
            return Ok(Exit::Done);
        }
        let at = Place::Number(from + SLOTS_AN_ENTRY);
        self.objects.get_mut(caller.thread)?.listing = Some(Listing { topic, of, at, seen: 0 });
        Ok(Exit::Again)
    }
}
