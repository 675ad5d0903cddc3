//! `zx_object_get_info`: what there is to know of an object.
mod group;
mod handles;
mod list;
mod maps;
mod members;
mod memory;
mod task;

use abi::object::{
    INFO_VMO_SIZES, InfoBti, InfoHandleBasic, InfoHandleCount, InfoKmemStats, InfoMaps, InfoResource,
    InfoVmar, InfoVmo, info, vmo_flags,
};
use abi::{AbiStruct, Koid, Rights, Status, status::Result};

use super::{Args, Arguments, Caller, Exit};
use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::object::{Bti, Content, HandleEntry, Object, Resource, Vmar, Vmo};
use crate::ports::Machine;

/// The longest record of `zx_object_get_info`.
const LONGEST_RECORD: usize = size_of::<InfoVmo>();
const _: () =
    assert!(LONGEST_RECORD >= size_of::<InfoMaps>() && LONGEST_RECORD >= size_of::<InfoKmemStats>());

/// A record on its way out.
struct Record {
    bytes: [u8; LONGEST_RECORD],
    size: usize,
}

impl Record {
    fn of<T: AbiStruct>(value: &T, size: usize) -> Self {
        let mut bytes = [0; LONGEST_RECORD];
        value.put(&mut bytes);
        Self { bytes, size }
    }

    fn of_koid(koid: Koid) -> Self {
        let mut bytes = [0; LONGEST_RECORD];
        for (to, from) in bytes.iter_mut().zip(koid.to_le_bytes()) {
            *to = from;
        }
        Self { bytes, size: size_of::<Koid>() }
    }
}

impl<M: Machine> Kernel<M> {
    /// `zx_object_get_info(handle, topic, buffer, buffer_size, actual, avail)`.
    pub(super) fn sys_object_get_info(&mut self, caller: Caller, args: &Args) -> Result<Exit> {
        let entry = self.entry(caller, args.half(0))?;
        let record = match args.half(1) {
            info::HANDLE_VALID => return Ok(Exit::Done),
            info::HANDLE_BASIC => self.info_handle_basic(entry)?,
            info::HANDLE_COUNT => self.info_handle_count(entry)?,
            info::PROCESS => self.info_process(entry)?,
            info::THREAD => self.info_thread(entry)?,
            info::JOB => self.info_job(entry)?,
            info::VMAR => self.info_vmar(entry)?,
            info::RESOURCE => self.info_resource(entry)?,
            info::BTI => self.info_bti(entry)?,
            topic @ (info::VMO | info::VMO_V1 | info::VMO_V2 | info::VMO_V3) => {
                let vmo = Vmo::id(entry.object).ok_or(Status::WRONG_TYPE)?;
                self.vmo_record(vmo, vmo_flags::VIA_HANDLE, entry.rights, topic)?
            }
            topic @ (info::KMEM_STATS | info::KMEM_STATS_V1) => {
                self.info_kmem(caller, args.half(0), topic)?
            }
            topic @ (info::TASK_STATS | info::TASK_STATS_V1) => {
                return self.info_task_stats(caller, entry, topic, args);
            }
            info::PROCESS_HANDLE_STATS => return self.info_handle_stats(caller, entry, args),
            topic => return self.info_list(caller, entry, topic, args),
        };
        self.record_out(caller, &record, args).map(|()| Exit::Done)
    }

    /// Writes a record, or says that it does not fit.
    fn record_out(&mut self, caller: Caller, record: &Record, args: &Args) -> Result {
        let fits = args.word(3) >= record.size as u64;
        if fits {
            let bytes = record.bytes.get(..record.size).ok_or(Status::INTERNAL)?;
            self.copy_out(caller.process, args.word(2), bytes)?;
        }
        self.counts_out(caller, args, u64::from(fits), 1)?;
        if fits { Ok(()) } else { Err(Status::BUFFER_TOO_SMALL) }
    }

    /// Writes how many records were written and how many there are, where that is wanted.
    fn counts_out(&mut self, caller: Caller, args: &Args, actual: u64, avail: u64) -> Result {
        for (address, count) in [(args.word(4), actual), (args.word(5), avail)] {
            if address != 0 {
                self.copy_out(caller.process, address, &count.to_le_bytes())?;
            }
        }
        Ok(())
    }

    /// Handles that name the object, those inside messages included.
    fn info_handle_count(&self, entry: HandleEntry) -> Result<Record> {
        if !entry.rights.contains(Rights::INSPECT) {
            return Err(Status::ACCESS_DENIED);
        }
        let handle_count = self.objects.header(entry.object).ok_or(Status::INTERNAL)?.handles;
        Ok(Record::of(&InfoHandleCount { handle_count }, InfoHandleCount::SIZE))
    }

    fn info_handle_basic(&self, entry: HandleEntry) -> Result<Record> {
        let header = self.objects.header(entry.object).ok_or(Status::INTERNAL)?;
        let record = InfoHandleBasic {
            koid: header.koid,
            rights: entry.rights.0,
            object_type: entry.object.object_type() as u32,
            related_koid: self.objects.related_koid(entry.object),
            reserved: 0,
            padding: 0,
        };
        Ok(Record::of(&record, InfoHandleBasic::SIZE))
    }

    fn info_vmar(&self, entry: HandleEntry) -> Result<Record> {
        let vmar = self.objects.get(inspect::<Vmar>(entry)?)?;
        if vmar.is_over() {
            return Err(Status::BAD_STATE);
        }
        Ok(Record::of(&InfoVmar { base: vmar.base, len: vmar.size }, InfoVmar::SIZE))
    }

    fn info_resource(&self, entry: HandleEntry) -> Result<Record> {
        let resource = self.objects.get(inspect::<Resource>(entry)?)?;
        let record = InfoResource {
            kind: resource.kind as u32,
            flags: if resource.is_exclusive() { abi::resource::FLAG_EXCLUSIVE } else { 0 },
            base: resource.base,
            size: resource.size,
            name: resource.name.0,
        };
        Ok(Record::of(&record, InfoResource::SIZE))
    }

    fn info_bti(&self, entry: HandleEntry) -> Result<Record> {
        let bti = self.objects.get(inspect::<Bti>(entry)?)?;
        let record = InfoBti {
            minimum_contiguity: abi::PAGE_SIZE,
            aspace_size: u64::MAX,
            pmo_count: bti.pins,
            quarantine_count: bti.quarantined,
        };
        Ok(Record::of(&record, InfoBti::SIZE))
    }

    /// No right is needed to ask about a VMO. The topic's version says how much of the record there is.
    fn vmo_record(&self, id: Id<Vmo>, found: u32, rights: Rights, topic: u32) -> Result<Record> {
        let vmo = self.objects.get(id)?;
        let (root, _) = self.resolve(id, 0)?;
        let kind = match self.objects.get(root)?.content {
            Content::Physical(_) => vmo_flags::CONTIGUOUS,
            Content::Paged(_) if self.objects.get(root)?.row.is_some() => {
                vmo_flags::TYPE_PAGED | vmo_flags::CONTIGUOUS
            }
            Content::Paged(_) | Content::Slice { .. } | Content::Reference(_) => vmo_flags::TYPE_PAGED,
        };
        let resizable = if vmo.resizable { vmo_flags::RESIZABLE } else { 0 };
        let discardable = if vmo.locks.is_some() { vmo_flags::DISCARDABLE } else { 0 };
        let clone = if vmo.is_clone { vmo_flags::IS_COW_CLONE } else { 0 };
        let immutable = if vmo.is_immutable { vmo_flags::IMMUTABLE } else { 0 };
        // What a slice or a reference shows is charged to the VMO that has it.
        let (committed, private, (scaled, fraction)) = match &vmo.content {
            Content::Paged(pages) => {
                let (committed, private) = (self.trees.committed(pages), self.trees.private(pages));
                (committed * abi::PAGE_SIZE, private * abi::PAGE_SIZE, self.trees.scaled(pages))
            }
            Content::Physical(_) | Content::Slice { .. } | Content::Reference(_) => (0, 0, (0, 0)),
        };
        let record = InfoVmo {
            koid: vmo.header.koid,
            name: vmo.name.0,
            size_bytes: self.vmo_size(id)?,
            parent_koid: vmo.parent_koid,
            num_children: vmo.children.len() as u64,
            num_mappings: u64::from(vmo.mappings),
            share_count: self.share_count(id),
            flags: kind | resizable | discardable | clone | immutable | found,
            padding1: 0,
            committed_bytes: committed,
            handle_rights: rights.0,
            cache_policy: vmo.policy as u32,
            metadata_bytes: size_of::<Vmo>() as u64,
            committed_change_events: 0,
            populated_bytes: committed,
            committed_private_bytes: private,
            populated_private_bytes: private,
            committed_scaled_bytes: scaled,
            populated_scaled_bytes: scaled,
            committed_fractional_scaled_bytes: fraction,
            populated_fractional_scaled_bytes: fraction,
        };
        Ok(Record::of(&record, vmo_record_size(topic)?))
    }
}

/// Bytes of a VMO's record in the version of a topic.
fn vmo_record_size(topic: u32) -> Result<usize> {
    INFO_VMO_SIZES.get((topic >> 28) as usize).copied().ok_or(Status::NOT_SUPPORTED)
}

/// The object of type `T` of a handle that may be inspected.
fn inspect<T: Object>(entry: HandleEntry) -> Result<Id<T>> {
    object_with(entry, Rights::INSPECT)
}

/// The object of type `T` of a handle with these rights.
fn object_with<T: Object>(entry: HandleEntry, rights: Rights) -> Result<Id<T>> {
    let id = T::id(entry.object).ok_or(Status::WRONG_TYPE)?;
    if entry.rights.contains(rights) { Ok(id) } else { Err(Status::ACCESS_DENIED) }
}
