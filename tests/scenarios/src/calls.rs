//! The calls that scenarios make, with types. Each puts its arguments where the kernel wants them.

use alloc::vec;
use alloc::vec::Vec;

use abi::layout::AbiStruct;
use abi::object::{InfoHandleBasic, InfoProcess, InfoResource, InfoVmar, InfoVmo, info, property};
use abi::vmo::{CachePolicy, child};
use abi::{Handle, PhysRange, Rights, Signals, Status, Sysno, VirtAddr};

use crate::env::{Env, Result};

/// The message that `channel_read` took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
    /// Its handles.
    pub(crate) handles: Vec<Handle>,
}

fn word(handle: Handle) -> u64 {
    u64::from(handle)
}

/// Handles.
impl Env<'_> {
    /// `zx_handle_close`.
    pub(crate) fn close(&mut self, handle: Handle) -> Result {
        self.raw(Sysno::handle_close, &[word(handle)])?;
        self.forget(handle);
        Ok(())
    }

    /// `zx_handle_duplicate`.
    pub(crate) fn duplicate(&mut self, handle: Handle, rights: Rights) -> Result<Handle> {
        self.making(Sysno::handle_duplicate, &[word(handle), u64::from(rights.0)])
    }

    /// `zx_handle_replace`. The source is gone in any case.
    pub(crate) fn replace(&mut self, handle: Handle, rights: Rights) -> Result<Handle> {
        self.forget(handle);
        self.making(Sysno::handle_replace, &[word(handle), u64::from(rights.0)])
    }

    /// Whether a handle is valid: `ZX_INFO_HANDLE_VALID`.
    pub(crate) fn valid(&mut self, handle: Handle) -> Result {
        self.raw(Sysno::object_get_info, &[word(handle), u64::from(info::HANDLE_VALID)])
    }

    /// `zx_object_get_info` for one structure.
    pub(crate) fn info<T: AbiStruct>(&mut self, handle: Handle, topic: u32) -> Result<T> {
        let buffer = self.data(&[0xEE; 256]);
        self.raw(Sysno::object_get_info, &[word(handle), u64::from(topic), buffer, T::SIZE as u64])?;
        Ok(self.data_struct())
    }

    /// `ZX_INFO_HANDLE_BASIC`.
    pub(crate) fn basic(&mut self, handle: Handle) -> Result<InfoHandleBasic> {
        self.info(handle, info::HANDLE_BASIC)
    }

    /// The rights of a handle.
    pub(crate) fn rights(&mut self, handle: Handle) -> Result<Rights> {
        Ok(Rights(self.basic(handle)?.rights))
    }

    /// `ZX_INFO_VMO`.
    pub(crate) fn vmo_info(&mut self, handle: Handle) -> Result<InfoVmo> {
        self.info(handle, info::VMO)
    }

    /// `ZX_INFO_RESOURCE`.
    pub(crate) fn resource_info(&mut self, handle: Handle) -> Result<InfoResource> {
        self.info(handle, info::RESOURCE)
    }

    /// `ZX_INFO_VMAR`.
    pub(crate) fn vmar_info(&mut self, handle: Handle) -> Result<InfoVmar> {
        self.info(handle, info::VMAR)
    }

    /// `ZX_INFO_PROCESS`.
    pub(crate) fn process_info(&mut self, handle: Handle) -> Result<InfoProcess> {
        self.info(handle, info::PROCESS)
    }

    /// `zx_object_get_property` of a name, without its padding.
    pub(crate) fn name(&mut self, handle: Handle) -> Result<Vec<u8>> {
        let value = self.data(&[0xEE; 32]);
        self.raw(Sysno::object_get_property, &[word(handle), u64::from(property::NAME), value, 32])?;
        Ok(self.data_bytes(32))
    }

    /// `zx_object_set_property` of a name.
    pub(crate) fn set_name(&mut self, handle: Handle, name: &[u8]) -> Result {
        let value = self.input(name);
        let property = u64::from(property::NAME);
        self.raw(Sysno::object_set_property, &[word(handle), property, value, name.len() as u64])
    }

    /// `zx_object_get_property` of a VMO's content size.
    pub(crate) fn content_size(&mut self, handle: Handle) -> Result<u64> {
        let value = self.out(0);
        self.raw(
            Sysno::object_get_property,
            &[word(handle), u64::from(property::VMO_CONTENT_SIZE), value, 8],
        )?;
        Ok(self.out_u64(0))
    }

    /// `zx_object_set_property` of a VMO's content size.
    pub(crate) fn set_content_size(&mut self, handle: Handle, size: u64) -> Result {
        let value = self.input(&size.to_le_bytes());
        self.raw(Sysno::object_set_property, &[word(handle), u64::from(property::VMO_CONTENT_SIZE), value, 8])
    }

    /// `zx_object_wait_one`: the outcome, and the signals observed.
    pub(crate) fn wait(&mut self, handle: Handle, signals: Signals, deadline: i64) -> (Result, Signals) {
        let out = self.out(0);
        let outcome =
            self.raw(Sysno::object_wait_one, &[word(handle), u64::from(signals.0), deadline as u64, out]);
        (outcome, Signals(self.out_u32(0)))
    }

    /// The signals of an object now, by a wait for none of them.
    pub(crate) fn signals(&mut self, handle: Handle) -> Result<Signals> {
        match self.wait(handle, Signals::NONE, abi::time::INFINITE_PAST) {
            (Err(Status::TIMED_OUT), observed) => Ok(observed),
            (Ok(()), _) => Err(Status::INTERNAL),
            (Err(status), _) => Err(status),
        }
    }
}

/// Resources and VMOs.
impl Env<'_> {
    /// `zx_resource_create`.
    pub(crate) fn resource_create(
        &mut self,
        parent: Handle,
        options: u32,
        base: u64,
        size: u64,
        name: &[u8],
    ) -> Result<Handle> {
        let text = self.input(name);
        let before = [word(parent), u64::from(options), base, size, text, name.len() as u64];
        self.making(Sysno::resource_create, &before)
    }

    /// An MMIO resource for a range, from the ranged root.
    pub(crate) fn mmio(&mut self, range: PhysRange) -> Result<Handle> {
        self.resource_create(self.world.mmio_root, 0, range.base().0, range.size(), b"scenario")
    }

    /// `zx_vmo_create`.
    pub(crate) fn vmo_create(&mut self, size: u64, options: u32) -> Result<Handle> {
        self.making(Sysno::vmo_create, &[size, u64::from(options)])
    }

    /// `zx_vmo_create_physical`.
    pub(crate) fn create_physical(&mut self, resource: Handle, paddr: u64, size: u64) -> Result<Handle> {
        self.making(Sysno::vmo_create_physical, &[word(resource), paddr, size])
    }

    /// `zx_vmo_create_child`.
    pub(crate) fn create_child(
        &mut self,
        vmo: Handle,
        options: u32,
        offset: u64,
        size: u64,
    ) -> Result<Handle> {
        self.making(Sysno::vmo_create_child, &[word(vmo), u64::from(options), offset, size])
    }

    /// A slice of a VMO.
    pub(crate) fn slice(&mut self, vmo: Handle, offset: u64, size: u64) -> Result<Handle> {
        self.create_child(vmo, child::SLICE, offset, size)
    }

    /// `zx_vmo_get_size`.
    pub(crate) fn vmo_size(&mut self, vmo: Handle) -> Result<u64> {
        let out = self.out(0);
        self.raw(Sysno::vmo_get_size, &[word(vmo), out])?;
        Ok(self.out_u64(0))
    }

    /// `zx_vmo_read`.
    pub(crate) fn vmo_read(&mut self, vmo: Handle, offset: u64, len: u64) -> Result<Vec<u8>> {
        let kept = usize::try_from(len).unwrap_or(usize::MAX).min(0xF000);
        let buffer = self.data(&[]);
        self.raw(Sysno::vmo_read, &[word(vmo), buffer, offset, len])?;
        Ok(self.data_bytes(kept))
    }

    /// `zx_vmo_write`.
    pub(crate) fn vmo_write(&mut self, vmo: Handle, offset: u64, bytes: &[u8]) -> Result {
        let buffer = self.data(bytes);
        self.raw(Sysno::vmo_write, &[word(vmo), buffer, offset, bytes.len() as u64])
    }

    /// `zx_vmo_set_cache_policy` with any number.
    pub(crate) fn set_cache_policy(&mut self, vmo: Handle, policy: u32) -> Result {
        self.raw(Sysno::vmo_set_cache_policy, &[word(vmo), u64::from(policy)])
    }

    /// `zx_vmo_set_cache_policy`.
    pub(crate) fn set_policy(&mut self, vmo: Handle, policy: CachePolicy) -> Result {
        self.set_cache_policy(vmo, policy as u32)
    }
}

/// Address space.
impl Env<'_> {
    /// `zx_vmar_map` with everything chosen.
    pub(crate) fn vmar_map(
        &mut self,
        vmar: Handle,
        options: u32,
        at: u64,
        vmo: Handle,
        offset: u64,
        len: u64,
    ) -> Result<VirtAddr> {
        let out = self.out(0);
        let args = [word(vmar), u64::from(options), at, word(vmo), offset, len, out];
        self.raw(Sysno::vmar_map, &args)?;
        let address = self.out_u64(0);
        if vmar == self.world.vmar {
            self.adopt_mapping(address, len);
        }
        Ok(VirtAddr(address))
    }

    /// Maps a VMO from its start into the program.
    pub(crate) fn map(&mut self, vmo: Handle, permissions: u32, len: u64) -> Result<VirtAddr> {
        self.vmar_map(self.world.vmar, permissions, 0, vmo, 0, len)
    }

    /// `zx_vmar_unmap` in the program.
    pub(crate) fn unmap(&mut self, at: VirtAddr, len: u64) -> Result {
        self.raw(Sysno::vmar_unmap, &[word(self.world.vmar), at.0, len])
    }

    /// `zx_vmar_protect` in the program.
    pub(crate) fn protect(&mut self, at: VirtAddr, len: u64, permissions: u32) -> Result {
        self.raw(Sysno::vmar_protect, &[word(self.world.vmar), u64::from(permissions), at.0, len])
    }

    /// What the MMU makes of an address in the program: `PAR_EL1` after a load's or a store's translation.
    pub(crate) fn translate(&mut self, at: VirtAddr, write: bool) -> Result<u64> {
        let out = self.out(0);
        let system = word(self.world.system_root);
        self.raw(Sysno::jacinth_translate, &[system, at.0, u64::from(write), out])?;
        Ok(self.out_u64(0))
    }
}

/// Channels, tasks, time.
impl Env<'_> {
    /// `zx_channel_create`.
    pub(crate) fn channel(&mut self) -> Result<(Handle, Handle)> {
        let (out0, out1) = (self.out(0), self.out(1));
        self.raw(Sysno::channel_create, &[0, out0, out1])?;
        let pair = (self.out_u32(0), self.out_u32(1));
        self.adopt(pair.0);
        self.adopt(pair.1);
        Ok(pair)
    }

    /// `zx_channel_write`. The handles are gone in any case.
    pub(crate) fn channel_write(&mut self, channel: Handle, bytes: &[u8], handles: &[Handle]) -> Result {
        let buffer = self.data(bytes);
        let list: Vec<u8> = handles.iter().flat_map(|handle| handle.to_le_bytes()).collect();
        let list = self.input(&list);
        handles.iter().for_each(|handle| self.forget(*handle));
        let args = [word(channel), 0, buffer, bytes.len() as u64, list, handles.len() as u64];
        self.raw(Sysno::channel_write, &args)
    }

    /// `zx_channel_read` with room for so many bytes and handles.
    pub(crate) fn channel_read_into(&mut self, channel: Handle, bytes: u32, handles: u32) -> Result<Message> {
        let buffer = self.data(&[]);
        let list = self.input(&[]);
        let (actual_bytes, actual_handles) = (self.out(2), self.out(3));
        let room = [u64::from(bytes), u64::from(handles)];
        let args = [word(channel), 0, buffer, list, room[0], room[1], actual_bytes, actual_handles];
        self.raw(Sysno::channel_read, &args)?;
        let bytes = self.out_u32(2) as usize;
        let bytes = self.data_bytes(bytes);
        let mut list = vec![0; self.out_u32(3) as usize * 4];
        let at = VirtAddr(self.input(&[]));
        self.system.peek(at, &mut list);
        let handles: Vec<_> =
            list.chunks_exact(4).map(|raw| <u32 as abi::layout::Plain>::get_at(raw, 0)).collect();
        handles.iter().for_each(|handle| self.adopt(*handle));
        Ok(Message { bytes, handles })
    }

    /// `zx_channel_read` with room for 4 KiB and 64 handles.
    pub(crate) fn channel_read(&mut self, channel: Handle) -> Result<Message> {
        self.channel_read_into(channel, 4096, 64)
    }

    /// `zx_process_create` in the program's job: the process and its root VMAR.
    pub(crate) fn process_create(&mut self, name: &[u8]) -> Result<(Handle, Handle)> {
        self.process_create_in(self.world.job, name)
    }

    /// `zx_process_create`: the process and its root VMAR.
    pub(crate) fn process_create_in(&mut self, job: Handle, name: &[u8]) -> Result<(Handle, Handle)> {
        let text = self.input(name);
        let (out0, out1) = (self.out(0), self.out(1));
        self.raw(Sysno::process_create, &[word(job), text, name.len() as u64, 0, out0, out1])?;
        let pair = (self.out_u32(0), self.out_u32(1));
        self.adopt(pair.0);
        self.adopt(pair.1);
        Ok(pair)
    }

    /// `zx_thread_create`.
    pub(crate) fn thread_create(&mut self, process: Handle, name: &[u8]) -> Result<Handle> {
        let text = self.input(name);
        self.making(Sysno::thread_create, &[word(process), text, name.len() as u64, 0])
    }

    /// `zx_nanosleep`.
    pub(crate) fn nanosleep(&mut self, deadline: i64) -> Result {
        self.raw(Sysno::nanosleep, &[deadline as u64])
    }
}
