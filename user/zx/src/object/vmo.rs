//! Virtual memory objects.
use abi::object::{InfoVmo, property};
use abi::vmo::{CachePolicy, child};
use abi::{PhysAddr, status::Result};

use super::Resource;
use crate::handle::{created, get_info, get_number, object, set_number};
use crate::{Object, raw};

object!(
    /// Memory: pages, or a range of physical addresses.
    Vmo
);

impl Vmo {
    /// Makes a VMO of pages that read as zero; the size is rounded up to pages.
    ///
    /// # Errors
    /// INVALID_ARGS, OUT_OF_RANGE, NO_MEMORY.
    pub fn create(size: u64, options: u32) -> Result<Self> {
        // SAFETY: 1: the call writes a handle to `out`, which is valid for one, or fails.
        unsafe { created(|out| raw::zx_vmo_create(size, options, out)) }.map(Self)
    }

    /// Makes a VMO that stands for `size` bytes of physical memory at `base`, both page-aligned.
    ///
    /// # Errors
    /// ACCESS_DENIED if the resource does not grant the range; the rest as `zx_vmo_create_physical` says.
    pub fn create_physical(resource: &Resource, base: PhysAddr, size: usize) -> Result<Self> {
        // SAFETY: 1: the call writes a handle to `out`, which is valid for one, or fails.
        unsafe { created(|out| raw::zx_vmo_create_physical(resource.raw(), base.0, size, out)) }.map(Self)
    }

    /// Makes a child of this VMO; `options` are those of [`abi::vmo::child`].
    ///
    /// # Errors
    /// ACCESS_DENIED without DUPLICATE and READ, INVALID_ARGS, NOT_SUPPORTED.
    pub fn create_child(&self, options: u32, offset: u64, size: u64) -> Result<Self> {
        // SAFETY: 1: the call writes a handle to `out`, which is valid for one, or fails.
        unsafe { created(|out| raw::zx_vmo_create_child(self.raw(), options, offset, size, out)) }.map(Self)
    }

    /// Makes a child that is a part of this VMO, on the same pages.
    ///
    /// # Errors
    /// As [`Vmo::create_child`]; INVALID_ARGS for a part that is not page-aligned or reaches beyond.
    pub fn slice(&self, offset: u64, size: u64) -> Result<Self> {
        self.create_child(child::SLICE, offset, size)
    }

    /// The same VMO by a handle that may be mapped executable. `vmex` is needed where the job's policy does
    /// not allow it to everybody.
    ///
    /// # Errors
    /// ACCESS_DENIED, WRONG_TYPE if `vmex` is another resource. This handle is gone in any case.
    pub fn replace_as_executable(self, vmex: Option<&Resource>) -> Result<Self> {
        let vmex = vmex.map_or(abi::object::HANDLE_INVALID, Object::raw);
        let handle = crate::Handle::from(self).into_raw();
        // SAFETY: 1: the call writes a handle to `out`, which is valid for one, or fails.
        unsafe { created(|out| raw::zx_vmo_replace_as_executable(handle, vmex, out)) }.map(Self)
    }

    /// The size in bytes, a multiple of the page size.
    ///
    /// # Errors
    /// WRONG_TYPE only.
    pub fn size(&self) -> Result<u64> {
        let mut size = 0;
        // SAFETY: `size` is valid for a write.
        unsafe { raw::zx_vmo_get_size(self.raw(), &raw mut size) }.ok()?;
        Ok(size)
    }

    /// The bytes of content: the size as it was asked for, until it is set.
    ///
    /// # Errors
    /// ACCESS_DENIED without GET_PROPERTY.
    pub fn content_size(&self) -> Result<u64> {
        get_number(self.raw(), property::VMO_CONTENT_SIZE)
    }

    /// Sets the bytes of content.
    ///
    /// # Errors
    /// ACCESS_DENIED without SET_PROPERTY, OUT_OF_RANGE beyond the size.
    pub fn set_content_size(&self, size: u64) -> Result {
        set_number(self.raw(), property::VMO_CONTENT_SIZE, size)
    }

    /// Reads bytes from `offset` on.
    ///
    /// # Errors
    /// OUT_OF_RANGE beyond the end, ACCESS_DENIED without READ, NOT_SUPPORTED for physical memory.
    pub fn read(&self, buffer: &mut [u8], offset: u64) -> Result {
        // SAFETY: the buffer is valid for writes of its length.
        unsafe { raw::zx_vmo_read(self.raw(), buffer.as_mut_ptr(), offset, buffer.len()) }.ok()
    }

    /// Writes bytes from `offset` on.
    ///
    /// # Errors
    /// OUT_OF_RANGE beyond the end, ACCESS_DENIED without WRITE, NOT_SUPPORTED for physical memory.
    pub fn write(&self, buffer: &[u8], offset: u64) -> Result {
        // SAFETY: the buffer is valid for reads of its length.
        unsafe { raw::zx_vmo_write(self.raw(), buffer.as_ptr(), offset, buffer.len()) }.ok()
    }

    /// Sets the memory type of mappings to come.
    ///
    /// # Errors
    /// BAD_STATE while it is mapped or has children, ACCESS_DENIED without MAP or on registers.
    pub fn set_cache_policy(&self, policy: CachePolicy) -> Result {
        // SAFETY: no pointer.
        unsafe { raw::zx_vmo_set_cache_policy(self.raw(), policy as u32) }.ok()
    }

    /// What the kernel tells about it.
    ///
    /// # Errors
    /// WRONG_TYPE only.
    pub fn info(&self) -> Result<InfoVmo> {
        get_info(self.raw(), abi::object::info::VMO)
    }
}
