//! `zx_object_*`: information, properties, signals and waiting.
use abi::object::{
    INFO_VMO_SIZES, InfoHandleBasic, InfoProcess, InfoResource, InfoVmar, InfoVmo, info, process_flags,
    property, vmo_flags,
};
use abi::{AbiStruct, Rights, Signals, Status, status::Result};

use super::{Args, Arguments, Caller, Exit};
use crate::kernel::Kernel;
use crate::object::thread::Word;
use crate::object::{
    Content, HandleEntry, Name, Object, ObjectRef, Process, ProcessState, Resource, Vmar, Vmo, Wait,
};
use crate::ports::Machine;
use crate::schedule::observation;

/// The longest record of `zx_object_get_info`.
const LONGEST_RECORD: usize = size_of::<InfoVmo>();

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
}

impl<M: Machine> Kernel<M> {
    /// `zx_object_get_info(handle, topic, buffer, buffer_size, actual, avail)`.
    pub(super) fn sys_object_get_info(&mut self, caller: Caller, args: &Args) -> Result {
        let (handle, topic, buffer, buffer_size) = (args.half(0), args.half(1), args.word(2), args.word(3));
        let (actual, avail) = (args.word(4), args.word(5));
        let entry = self.entry(caller, handle)?;
        let record = match topic {
            info::HANDLE_VALID => return Ok(()),
            info::HANDLE_BASIC => self.info_handle_basic(entry)?,
            info::PROCESS => self.info_process(entry)?,
            info::VMAR => self.info_vmar(entry)?,
            info::RESOURCE => self.info_resource(entry)?,
            info::VMO => self.info_vmo(entry, 3)?,
            info::VMO_V1 => self.info_vmo(entry, 0)?,
            info::VMO_V2 => self.info_vmo(entry, 1)?,
            info::VMO_V3 => self.info_vmo(entry, 2)?,
            _ => return Err(Status::NOT_SUPPORTED),
        };
        let fits = buffer_size >= record.size as u64;
        if fits {
            let bytes = record.bytes.get(..record.size).ok_or(Status::INTERNAL)?;
            self.copy_out(caller.process, buffer, bytes)?;
        }
        for (address, count) in [(actual, u64::from(fits)), (avail, 1)] {
            if address != 0 {
                self.copy_out(caller.process, address, &count.to_le_bytes())?;
            }
        }
        if fits { Ok(()) } else { Err(Status::BUFFER_TOO_SMALL) }
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

    fn info_process(&self, entry: HandleEntry) -> Result<Record> {
        let process = self.objects.get(inspect::<Process>(entry)?)?;
        // The clock had left 0 behind when the first process was made.
        let started = if process.start_time > 0 { process_flags::STARTED } else { 0 };
        let exited = if process.state == ProcessState::Dead { process_flags::EXITED } else { 0 };
        let flags = started | exited;
        let return_code = if process.state == ProcessState::Dead { process.return_code } else { 0 };
        let record = InfoProcess { return_code, start_time: process.start_time, flags, padding: 0 };
        Ok(Record::of(&record, InfoProcess::SIZE))
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

    /// No right is needed to ask about a VMO. `version` picks how much of the record there is.
    fn info_vmo(&self, entry: HandleEntry, version: usize) -> Result<Record> {
        let vmo = self.objects.get(Vmo::id(entry.object).ok_or(Status::WRONG_TYPE)?)?;
        let (root, _) = self.resolve(Vmo::id(entry.object).ok_or(Status::WRONG_TYPE)?, 0)?;
        let kind = match self.objects.get(root)?.content {
            Content::Physical(_) => vmo_flags::CONTIGUOUS,
            Content::Paged(_) | Content::Slice { .. } => vmo_flags::TYPE_PAGED,
        };
        let resizable = if vmo.resizable { vmo_flags::RESIZABLE } else { 0 };
        let committed = match &vmo.content {
            Content::Paged(pages) => pages.committed() * abi::PAGE_SIZE,
            Content::Physical(_) | Content::Slice { .. } => 0,
        };
        let parent = vmo.parent.and_then(|parent| self.objects.vmos.get(parent));
        let record = InfoVmo {
            koid: vmo.header.koid,
            name: vmo.name.0,
            size_bytes: vmo.size,
            parent_koid: parent.map_or(0, |parent| parent.header.koid),
            num_children: u64::from(vmo.children),
            num_mappings: u64::from(vmo.mappings),
            share_count: u64::from(vmo.mappings > 0),
            flags: kind | resizable | vmo_flags::VIA_HANDLE,
            padding1: 0,
            committed_bytes: committed,
            handle_rights: entry.rights.0,
            cache_policy: vmo.policy as u32,
            metadata_bytes: size_of::<Vmo>() as u64,
            committed_change_events: 0,
            populated_bytes: committed,
            committed_private_bytes: committed,
            populated_private_bytes: committed,
            committed_scaled_bytes: committed,
            populated_scaled_bytes: committed,
            committed_fractional_scaled_bytes: 0,
            populated_fractional_scaled_bytes: 0,
        };
        Ok(Record::of(&record, INFO_VMO_SIZES.get(version).copied().ok_or(Status::INTERNAL)?))
    }

    /// `zx_object_get_property(handle, property, value, value_size)`.
    pub(super) fn sys_object_get_property(&mut self, caller: Caller, args: &Args) -> Result {
        let (handle, which, value, size) = (args.half(0), args.half(1), args.word(2), args.word(3));
        if value == 0 {
            return Err(Status::INVALID_ARGS);
        }
        let entry = self.entry(caller, handle)?;
        if !entry.rights.contains(Rights::GET_PROPERTY) {
            return Err(Status::ACCESS_DENIED);
        }
        let room = |needed: usize| if size < needed as u64 { Err(Status::BUFFER_TOO_SMALL) } else { Ok(()) };
        match which {
            property::NAME => {
                room(abi::object::MAX_NAME_LEN)?;
                let name = self.objects.name(entry.object);
                self.copy_out(caller.process, value, &name.0)
            }
            property::VMO_CONTENT_SIZE => {
                room(8)?;
                let vmo = self.objects.get(Vmo::id(entry.object).ok_or(Status::WRONG_TYPE)?)?;
                let content_size = vmo.content_size;
                self.copy_out(caller.process, value, &content_size.to_le_bytes())
            }
            property::PROCESS_VDSO_BASE_ADDRESS | property::PROCESS_DEBUG_ADDR => {
                room(8)?;
                let process = self.objects.get(Process::id(entry.object).ok_or(Status::WRONG_TYPE)?)?;
                let code_offset = self.vdso.code_offset;
                let address = match which {
                    property::PROCESS_DEBUG_ADDR => process.debug_addr,
                    _ => process.vdso_code.map_or(0, |code| code.wrapping_sub(code_offset)),
                };
                self.copy_out(caller.process, value, &address.to_le_bytes())
            }
            _ => Err(Status::NOT_SUPPORTED),
        }
    }

    /// `zx_object_set_property(handle, property, value, value_size)`.
    pub(super) fn sys_object_set_property(&mut self, caller: Caller, args: &Args) -> Result {
        let (handle, which, value, size) = (args.half(0), args.half(1), args.word(2), args.word(3));
        if value == 0 {
            return Err(Status::INVALID_ARGS);
        }
        let entry = self.entry(caller, handle)?;
        if !entry.rights.contains(Rights::SET_PROPERTY) {
            return Err(Status::ACCESS_DENIED);
        }
        if which == property::NAME {
            let name = self.name_in(caller, value, size)?;
            return self.objects.set_name(entry.object, name);
        }
        if !matches!(which, property::VMO_CONTENT_SIZE | property::PROCESS_DEBUG_ADDR) {
            return Err(Status::NOT_SUPPORTED);
        }
        if size < 8 {
            return Err(Status::BUFFER_TOO_SMALL);
        }
        let mut bytes = [0; 8];
        if which == property::PROCESS_DEBUG_ADDR {
            let process = Process::id(entry.object).ok_or(Status::WRONG_TYPE)?;
            self.copy_in(caller.process, value, &mut bytes)?;
            self.objects.get_mut(process)?.debug_addr = u64::from_le_bytes(bytes);
            return Ok(());
        }
        let vmo = Vmo::id(entry.object).ok_or(Status::WRONG_TYPE)?;
        if !entry.rights.contains(Rights::WRITE) {
            return Err(Status::ACCESS_DENIED);
        }
        self.copy_in(caller.process, value, &mut bytes)?;
        self.set_content_size(vmo, u64::from_le_bytes(bytes))
    }

    /// `zx_object_signal(handle, clear_mask, set_mask)`: user signals, and an event's own.
    pub(super) fn sys_object_signal(&mut self, caller: Caller, args: &Args) -> Result {
        let (handle, clear, set) = (args.half(0), Signals(args.half(1)), Signals(args.half(2)));
        let entry = self.entry(caller, handle)?;
        if !entry.rights.contains(Rights::SIGNAL) {
            return Err(Status::ACCESS_DENIED);
        }
        let theirs = match entry.object {
            ObjectRef::Event(_) => Signals::USER_ALL | Signals::SIGNALED,
            _ => Signals::USER_ALL,
        };
        if (clear | set) - theirs != Signals::NONE {
            return Err(Status::INVALID_ARGS);
        }
        self.signal(entry.object, clear, set);
        Ok(())
    }

    /// `zx_object_wait_one(handle, signals, deadline, observed)`.
    pub(super) fn sys_object_wait_one(&mut self, caller: Caller, args: &Args) -> Result<Exit> {
        let (handle, wanted, deadline) = (args.half(0), Signals(args.half(1)), args.word(2) as i64);
        let observed = args.word(3);
        let (object, signals) = self.waitable(self.entry(caller, handle)?)?;
        let status = if wanted.intersects(signals) {
            Status::OK
        } else if deadline <= self.now() {
            Status::TIMED_OUT
        } else {
            let wait = Wait::Signals { object, handle, wanted, observed };
            self.park(caller.thread, wait, deadline);
            return Ok(Exit::Parked);
        };
        if let Word::At(address, word) = observation(status, observed, signals).word {
            self.copy_out(caller.process, address, &word.to_le_bytes())?;
        }
        status.ok().map(|()| Exit::Done)
    }

    /// A new name for anything that has one; used where a name is given at creation.
    pub(crate) fn name_object(&mut self, object: ObjectRef, name: Name) {
        // Types without a name keep having none.
        let _unnamed = self.objects.set_name(object, name);
    }
}

/// The object of type `T` of a handle that may be inspected.
fn inspect<T: Object>(entry: HandleEntry) -> Result<crate::collections::arena::Id<T>> {
    let id = T::id(entry.object).ok_or(Status::WRONG_TYPE)?;
    if entry.rights.contains(Rights::INSPECT) { Ok(id) } else { Err(Status::ACCESS_DENIED) }
}
