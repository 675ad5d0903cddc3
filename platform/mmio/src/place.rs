//! Where a register is.
use core::marker::PhantomData;

use crate::cell::Width;

/// The bytes of one register.
///
/// Holding one proves that they lie in a window that is mapped for `'w`. Only [`Window`](crate::Window)
/// and [`Block`](crate::Block) make one, and only after they have checked the offset.
#[derive(Clone, Copy)]
pub struct Place<'w> {
    #[cfg(target_os = "none")]
    address: usize,
    #[cfg(not(target_os = "none"))]
    bus: &'w dyn crate::Bus,
    #[cfg(not(target_os = "none"))]
    offset: usize,
    mapping: PhantomData<&'w ()>,
}

impl<'w> Place<'w> {
    /// The place at a virtual address.
    ///
    /// # Safety
    /// 1. The bytes that will be accessed at and after `address` are mapped as device memory, readable
    ///    and writable, for `'w`.
    #[cfg(target_os = "none")]
    pub(crate) const unsafe fn at_address(address: usize) -> Self {
        Self { address, mapping: PhantomData }
    }

    /// The place at an offset on a test's bus.
    #[cfg(not(target_os = "none"))]
    pub(crate) fn on_bus(bus: &'w dyn crate::Bus, offset: usize) -> Self {
        Self { bus, offset, mapping: PhantomData }
    }

    /// The place `bytes` further on. The caller has checked that it is still in the window.
    #[inline(always)]
    pub(crate) fn plus(self, bytes: usize) -> Self {
        #[cfg(target_os = "none")]
        return Self { address: self.address.wrapping_add(bytes), ..self };
        #[cfg(not(target_os = "none"))]
        return Self { offset: self.offset + bytes, ..self };
    }

    /// Whether the place is aligned for an access of `width` bytes.
    pub(crate) fn is_aligned(self, width: usize) -> bool {
        #[cfg(target_os = "none")]
        return self.address.is_multiple_of(width);
        #[cfg(not(target_os = "none"))]
        return self.offset.is_multiple_of(width);
    }

    #[inline(always)]
    pub(crate) fn load<W: Width>(self) -> W {
        #[cfg(target_os = "none")]
        // SAFETY: 1, the bytes are mapped, aligned and readable: holding a `Place` proves the mapping, and
        // whoever made the register checked the alignment.
        return unsafe { W::load(self.address) };
        #[cfg(not(target_os = "none"))]
        return W::from_bus(self.bus.read(self.offset, size_of::<W>()));
    }

    #[inline(always)]
    pub(crate) fn store<W: Width>(self, value: W) {
        #[cfg(target_os = "none")]
        // SAFETY: 1, as in `load`.
        return unsafe { W::store(self.address, value) };
        #[cfg(not(target_os = "none"))]
        return self.bus.write(self.offset, size_of::<W>(), value.to_bus());
    }
}
