//! What the first process finds on its channel.
//!
//! The first message has the boot arguments and everything of which there is one; then come the windows and
//! interrupts, at most 64 handles a message, in the order of the device table; a message without handles
//! ends the sequence.
use abi::processargs::{self, Header, MAX_HANDLES, info};
use abi::resource::Kind;
use abi::{AbiStruct, Handle, Rights, Status, status::Result};
use alloc::vec::Vec;

use super::Supply;
use super::elf::First;
use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::object::{
    Channel, Debuglog, HandleEntry, Message, Object, ObjectRef, Process, Resource, Thread, Vmar, Vmo,
};
use crate::ports::Machine;

/// Rights to an image: to be read, mapped and run, not to be changed.
const IMAGE_RIGHTS: Rights =
    Rights(Rights::DEFAULT_VMO.0 & !Rights::WRITE.0 & !Rights::SET_PROPERTY.0 | Rights::EXECUTE.0);
/// Rights to data: to be read and mapped.
const DATA_RIGHTS: Rights = Rights(IMAGE_RIGHTS.0 & !Rights::EXECUTE.0);

/// A message in the making: handles, and for each what it is for.
#[derive(Debug, Default)]
struct Parcel {
    entries: Vec<HandleEntry>,
    infos: Vec<u32>,
}

impl Parcel {
    fn push(&mut self, object: ObjectRef, rights: Rights, kind: u8, arg: u16) -> Result {
        self.entries.try_reserve(1).map_err(|_| Status::NO_MEMORY)?;
        self.infos.try_reserve(1).map_err(|_| Status::NO_MEMORY)?;
        self.entries.push(HandleEntry { object, rights });
        self.infos.push(info(kind, arg));
        Ok(())
    }

    /// The message's bytes: header, an info word for each handle, the arguments.
    fn bytes(&self, arguments: &str) -> Result<Vec<u8>> {
        let handle_info_off = Header::SIZE;
        let args_off = handle_info_off + 4 * self.infos.len();
        let words = || arguments.split_ascii_whitespace();
        let length = args_off + words().map(|word| word.len() + 1).sum::<usize>();
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length).map_err(|_| Status::NO_MEMORY)?;
        bytes.resize(handle_info_off, 0);
        for word in &self.infos {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        for word in words() {
            bytes.extend_from_slice(word.as_bytes());
            bytes.push(0);
        }
        let header = Header {
            protocol: processargs::PROTOCOL,
            version: processargs::VERSION,
            handle_info_off: handle_info_off as u32,
            args_off: args_off as u32,
            args_num: words().count() as u32,
            environ_off: 0,
            environ_num: 0,
            names_off: 0,
            names_num: 0,
        };
        header.put(&mut bytes);
        Ok(bytes)
    }
}

impl<M: Machine> Kernel<M> {
    /// Makes the first process's channel, queues its messages, and gives it its end.
    pub(super) fn give_first(
        &mut self,
        first: &First,
        images: [Id<Vmo>; 3],
        arguments: &str,
        supply: impl Iterator<Item = Supply>,
    ) -> Result<Handle> {
        let (ours, theirs) = self.make_channel()?;
        let entry = HandleEntry { object: ObjectRef::Channel(theirs), rights: Channel::DEFAULT_RIGHTS };
        let handle = self.objects.get_mut(first.process)?.handles.insert(entry)?;
        self.add_handle(entry.object);
        let mut parcel = self.first_parcel(first, images)?;
        self.post(ours, &mut parcel, arguments)?;
        let (mut windows, mut interrupts) = (0_u32, 0_u32);
        for item in supply {
            let (kind, count) = match item.kind {
                Kind::Irq => (processargs::USER_INTERRUPT, &mut interrupts),
                _ => (processargs::USER_WINDOW, &mut windows),
            };
            // What a handle is for has 16 bits for its number.
            let arg = u16::try_from(*count).map_err(|_| Status::OUT_OF_RANGE)?;
            *count += 1;
            let resource = self.make_supply(&item)?;
            parcel.push(ObjectRef::Resource(resource), Resource::DEFAULT_RIGHTS, kind, arg)?;
            if parcel.entries.len() == MAX_HANDLES {
                self.post(ours, &mut parcel, "")?;
            }
        }
        if !parcel.entries.is_empty() {
            self.post(ours, &mut parcel, "")?;
        }
        self.post(ours, &mut parcel, "")?;
        // Nobody holds our end: it goes, and the reader finds PEER_CLOSED behind the last message.
        self.collect(ObjectRef::Channel(ours));
        Ok(handle)
    }

    /// Everything of which there is one.
    fn first_parcel(&mut self, first: &First, images: [Id<Vmo>; 3]) -> Result<Parcel> {
        let mut parcel = Parcel::default();
        let root_job = self.root_job;
        let [bootfs, tree, table] = images;
        let vdso = self.vdso.vmo;
        parcel.push(ObjectRef::Process(first.process), Process::DEFAULT_RIGHTS, processargs::PROC_SELF, 0)?;
        parcel.push(ObjectRef::Thread(first.thread), Thread::DEFAULT_RIGHTS, processargs::THREAD_SELF, 0)?;
        parcel.push(
            ObjectRef::Job(root_job),
            crate::object::Job::DEFAULT_RIGHTS,
            processargs::JOB_DEFAULT,
            0,
        )?;
        parcel.push(ObjectRef::Vmar(first.vmar), Vmar::DEFAULT_RIGHTS, processargs::VMAR_ROOT, 0)?;
        parcel.push(ObjectRef::Vmo(vdso), IMAGE_RIGHTS, processargs::VMO_VDSO, 0)?;
        parcel.push(ObjectRef::Vmo(tree), DATA_RIGHTS, processargs::VMO_BOOTDATA, 0)?;
        parcel.push(ObjectRef::Vmo(bootfs), IMAGE_RIGHTS, processargs::VMO_BOOTFS, 0)?;
        parcel.push(ObjectRef::Vmo(table), DATA_RIGHTS, processargs::USER_DEVICE_TABLE, 0)?;
        let koid = self.objects.allocate_koid();
        let log = self.objects.debuglogs.insert(Debuglog::new(koid, false))?;
        parcel.push(ObjectRef::Debuglog(log), Debuglog::DEFAULT_RIGHTS, processargs::FD, 0)?;
        for (kind, name, place) in [
            (Kind::Mmio, "mmio", processargs::MMIO_RESOURCE),
            (Kind::Irq, "irq", processargs::IRQ_RESOURCE),
            (Kind::Smc, "smc", processargs::SMC_RESOURCE),
            (Kind::System, "system", processargs::SYSTEM_RESOURCE),
        ] {
            let koid = self.objects.allocate_koid();
            let root = self.objects.resources.insert(Resource::ranged_root_of(koid, kind as u32, name)?)?;
            parcel.push(ObjectRef::Resource(root), Resource::DEFAULT_RIGHTS, place, 0)?;
        }
        Ok(parcel)
    }

    /// Queues a parcel at the other end of `ours` and leaves it empty.
    fn post(&mut self, ours: Id<Channel>, parcel: &mut Parcel, arguments: &str) -> Result {
        let bytes = parcel.bytes(arguments)?;
        let handles = core::mem::take(&mut parcel.entries);
        parcel.infos.clear();
        for entry in &handles {
            self.add_handle(entry.object);
        }
        self.send(ours, Message { bytes, handles })
    }
}
