//! Resources: rights to name physical ranges, interrupts and services of the kernel.
use abi::object::{InfoResource, info};
use abi::resource::Kind;
use abi::status::Result;

use crate::handle::{created, get_info, object};
use crate::{Object, raw};

object!(
    /// A right to name a range.
    Resource
);

impl Resource {
    /// Makes a resource for a part of this one's range.
    ///
    /// # Errors
    /// ACCESS_DENIED without WRITE or beyond the range, NOT_FOUND if somebody holds it exclusively.
    pub fn create(&self, kind: Kind, flags: u32, base: u64, size: usize, name: &str) -> Result<Self> {
        let options = kind as u32 | flags;
        let create = |out| {
            // SAFETY: the name is valid for reads of its length, `out` for a handle.
            unsafe {
                raw::zx_resource_create(self.raw(), options, base, size, name.as_ptr(), name.len(), out)
            }
        };
        // SAFETY: 1: the call writes a handle or fails.
        unsafe { created(create) }.map(Self)
    }

    /// Kind, range and name.
    ///
    /// # Errors
    /// ACCESS_DENIED without INSPECT.
    pub fn info(&self) -> Result<InfoResource> {
        get_info(self.raw(), info::RESOURCE)
    }
}
