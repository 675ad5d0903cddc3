//! Regions of an address space.
use abi::object::{InfoVmar, info};
use abi::{VirtAddr, status::Result, vmar};

use super::Vmo;
use crate::handle::{created, get_info, object};
use crate::{Object, raw};

object!(
    /// A region of an address space, in which VMOs are mapped.
    Vmar
);

/// What of a VMO to map.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// The VMO.
    pub vmo: &'a Vmo,
    /// Where the part starts in it, a multiple of the page size.
    pub offset: u64,
    /// Bytes, rounded up to pages.
    pub len: u64,
}

impl Vmar {
    /// Maps a part of a VMO where nothing is mapped, and gives its address.
    ///
    /// `options` are those of [`abi::vmar`]; `at` counts from the region's start and is 0 unless they hold
    /// SPECIFIC or OFFSET_IS_UPPER_LIMIT. The mapping stays when it is forgotten.
    ///
    /// # Errors
    /// INVALID_ARGS for SPECIFIC_OVERWRITE, which is [`Vmar::map_over`]; ALREADY_EXISTS, ACCESS_DENIED,
    /// NO_RESOURCES and others as `zx_vmar_map` says.
    pub fn map(&self, options: u32, at: u64, part: Part<'_>) -> Result<VirtAddr> {
        if options & vmar::SPECIFIC_OVERWRITE != 0 {
            return Err(abi::Status::INVALID_ARGS);
        }
        // SAFETY: 1: without SPECIFIC_OVERWRITE the kernel takes an address where nothing is mapped.
        unsafe { self.map_over(options, at, part) }
    }

    /// Maps a part of a VMO, with SPECIFIC_OVERWRITE over what is mapped there.
    ///
    /// # Safety
    /// 1. Nothing in this program relies on memory that is mapped over.
    ///
    /// # Errors
    /// As [`Vmar::map`].
    pub unsafe fn map_over(&self, options: u32, at: u64, part: Part<'_>) -> Result<VirtAddr> {
        let mut address = 0;
        let Part { vmo, offset, len } = part;
        // SAFETY: `address` is valid for a write.
        unsafe { raw::zx_vmar_map(self.raw(), options, at, vmo.raw(), offset, len, &raw mut address) }
            .ok()?;
        Ok(VirtAddr(address))
    }

    /// Makes a region of `len` bytes inside this one, and gives it and its first address.
    ///
    /// `options` are CAN_MAP flags, an alignment and where it goes; `at` is as in [`Vmar::map`]. The region
    /// stays when its last handle is closed, until it is unmapped or destroyed.
    ///
    /// # Errors
    /// ALREADY_EXISTS, ACCESS_DENIED, NO_RESOURCES and others as `zx_vmar_allocate` says.
    pub fn allocate(&self, options: u32, at: u64, len: u64) -> Result<(Self, VirtAddr)> {
        let mut address = 0;
        let parent = self.raw();
        // SAFETY: 1: the call writes a handle to `child` and an address to `address`, which are valid for
        // them, or fails.
        let call =
            |child| unsafe { raw::zx_vmar_allocate(parent, options, at, len, child, &raw mut address) };
        // SAFETY: 1: a call that succeeds gives one handle.
        let child = unsafe { created(call) }?;
        Ok((Self(child), VirtAddr(address)))
    }

    /// Unmaps all that is in the region and in the regions inside it. None of them can be used again.
    ///
    /// # Safety
    /// 1. Nothing in this program relies on memory in the region.
    ///
    /// # Errors
    /// BAD_STATE if it was destroyed before, ACCESS_DENIED without OP_CHILDREN or with the vDSO's code in it,
    /// NOT_SUPPORTED for the root.
    pub unsafe fn destroy(&self) -> Result {
        // SAFETY: 1 by the caller.
        unsafe { raw::zx_vmar_destroy(self.raw()) }.ok()
    }

    /// Unmaps a range, and destroys the regions in it.
    ///
    /// # Safety
    /// 1. Nothing in this program relies on memory in the range.
    ///
    /// # Errors
    /// INVALID_ARGS outside the region and for a part of a region in it, ACCESS_DENIED for the vDSO's code.
    pub unsafe fn unmap(&self, address: VirtAddr, len: u64) -> Result {
        // SAFETY: 1 by the caller.
        unsafe { raw::zx_vmar_unmap(self.raw(), address.0, len) }.ok()
    }

    /// Sets the permissions of a mapped range.
    ///
    /// # Safety
    /// 1. Nothing in this program relies on a permission that is taken away.
    ///
    /// # Errors
    /// ACCESS_DENIED beyond what the mapping may have, NOT_FOUND for a gap.
    pub unsafe fn protect(&self, options: u32, address: VirtAddr, len: u64) -> Result {
        // SAFETY: 1 by the caller.
        unsafe { raw::zx_vmar_protect(self.raw(), options, address.0, len) }.ok()
    }

    /// Where the region is.
    ///
    /// # Errors
    /// ACCESS_DENIED without INSPECT.
    pub fn info(&self) -> Result<InfoVmar> {
        get_info(self.raw(), info::VMAR)
    }
}
