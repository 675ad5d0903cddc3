//! A run of mapped device bytes.
use core::fmt;

use crate::{Place, Register};

/// The alignment that a window's base has: the widest access.
const BASE_ALIGN: usize = 8;

/// Device bytes that this code may touch.
///
/// Holding one proves:
/// - all its bytes are mapped as device memory, readable and writable, for `'m`;
/// - its base is aligned to 8 bytes.
///
/// It proves neither that the device behaves, nor that nobody else has a window on it.
pub struct Window<'m> {
    base: Place<'m>,
    size: usize,
}

/// A window is smaller than the register block that was to be laid over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooSmall {
    /// Bytes that the register block has.
    pub needed: usize,
    /// Bytes that the window has.
    pub available: usize,
}

impl fmt::Display for TooSmall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the register block has {:#x} bytes, its window only {:#x}", self.needed, self.available)
    }
}

impl core::error::Error for TooSmall {}

impl<'m> Window<'m> {
    /// A window of `size` bytes at the virtual address `base`. `None` if `base` is not a multiple of 8 or
    /// the end wraps.
    ///
    /// # Safety
    /// 1. The bytes stay mapped as device memory, readable and writable, for `'m`, which the caller
    ///    chooses.
    /// 2. No write to the device's registers can break Rust's rules for the memory that this program
    ///    uses: a device that masters the bus is confined, or is only told addresses that it may write.
    #[cfg(target_os = "none")]
    pub const unsafe fn new(base: usize, size: usize) -> Option<Self> {
        if !base.is_multiple_of(BASE_ALIGN) || base.checked_add(size).is_none() {
            return None;
        }
        // SAFETY: 1 by the caller.
        Some(Self { base: unsafe { Place::at_address(base) }, size })
    }

    /// A window of `size` bytes on a test's bus.
    #[cfg(not(target_os = "none"))]
    pub fn on_bus(bus: &'m dyn crate::Bus, size: usize) -> Self {
        Self { base: Place::on_bus(bus, 0), size }
    }

    /// Bytes in the window.
    pub const fn size(&self) -> usize {
        self.size
    }

    /// The `size` bytes from `offset` on as a window of their own; `None` if they reach beyond this one or
    /// do not start at a multiple of 8.
    pub fn part(&self, offset: usize, size: usize) -> Option<Window<'m>> {
        let fits = offset.checked_add(size).is_some_and(|end| end <= self.size);
        (fits && offset.is_multiple_of(BASE_ALIGN)).then(|| Window { base: self.base.plus(offset), size })
    }

    /// The register at an offset that is only known at run time, such as one that a device tree decides.
    ///
    /// # Errors
    /// [`TooSmall`] if it does not lie in the window, or is not aligned.
    pub fn register<C: Register<'m>>(&self, offset: usize) -> Result<C, TooSmall> {
        let width = size_of::<C::Width>();
        let fits = offset.checked_add(width).is_some_and(|end| end <= self.size);
        if !fits || !offset.is_multiple_of(width) {
            return Err(TooSmall { needed: offset.saturating_add(width), available: self.size });
        }
        // The base is aligned to the widest access, so this is aligned too.
        Ok(C::at(self.base.plus(offset)))
    }

    /// The first byte's place.
    pub(crate) const fn base(&self) -> Place<'m> {
        self.base
    }
}

impl fmt::Debug for Window<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Window({:#x} bytes)", self.size)
    }
}
