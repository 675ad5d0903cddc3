//! Regions of an address space.
use abi::object::{InfoVmar, info};
use abi::{VirtAddr, status::Result, vmar};

use super::Vmo;
use crate::handle::{get_info, object};
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

    /// Unmaps a range.
    ///
    /// # Safety
    /// 1. Nothing in this program relies on memory in the range.
    ///
    /// # Errors
    /// INVALID_ARGS outside the region, ACCESS_DENIED for the vDSO's code.
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
