//! One register: a place, a width, and what may be done with it.
use core::marker::PhantomData;

use tock_registers::interfaces::{Readable, Writeable};
use tock_registers::{RegisterLongName, UIntLike};

use crate::Place;

/// A width in which a register can be accessed: `u8`, `u16`, `u32` or `u64`, and no other.
pub trait Width: UIntLike + sealed::Access {}

/// A register of one kind: [`ReadOnly`], [`WriteOnly`] or [`ReadWrite`], and no other.
pub trait Register<'w>: sealed::Register {
    /// How wide it is.
    type Width: Width;

    /// The register at a place, which has been checked to be aligned for it.
    #[doc(hidden)]
    fn at(place: Place<'w>) -> Self;
}

pub(crate) mod sealed {
    /// Nobody else declares registers: a `Place` is only as good as who uses it.
    pub trait Register: Sized {}

    /// How a width reaches the device.
    pub trait Access: Sized {
        /// Reads a register.
        ///
        /// # Safety
        /// 1. `address` is mapped, aligned to the width, and holds a device register that may be read.
        #[cfg(target_os = "none")]
        unsafe fn load(address: usize) -> Self;

        /// Writes a register.
        ///
        /// # Safety
        /// 1. `address` is mapped, aligned to the width, and holds a device register that may be written.
        #[cfg(target_os = "none")]
        unsafe fn store(address: usize, value: Self);

        /// The value as it travels on a test's bus.
        #[cfg(not(target_os = "none"))]
        fn to_bus(self) -> u64;

        /// The low bytes of what a test's bus answers.
        #[cfg(not(target_os = "none"))]
        fn from_bus(value: u64) -> Self;
    }
}

macro_rules! widths {
    ($($type:ty, $load:ident, $store:ident;)*) => {
        $(
            impl Width for $type {}

            impl sealed::Access for $type {
                #[cfg(target_os = "none")]
                #[inline(always)]
                unsafe fn load(address: usize) -> Self {
                    // SAFETY: 1 by the caller.
                    unsafe { crate::instructions::$load(address) }
                }

                #[cfg(target_os = "none")]
                #[inline(always)]
                unsafe fn store(address: usize, value: Self) {
                    // SAFETY: 1 by the caller.
                    unsafe { crate::instructions::$store(address, value) }
                }

                #[cfg(not(target_os = "none"))]
                fn to_bus(self) -> u64 {
                    u64::from(self)
                }

                #[cfg(not(target_os = "none"))]
                fn from_bus(value: u64) -> Self {
                    value as $type
                }
            }
        )*
    };
}

widths! {
    u8, load_u8, store_u8;
    u16, load_u16, store_u16;
    u32, load_u32, store_u32;
    u64, load_u64, store_u64;
}

macro_rules! kind {
    ($(#[$doc:meta])* $name:ident $(, $readable:ident)? $(; $writeable:ident)?) => {
        $(#[$doc])*
        pub struct $name<'w, W: Width, R: RegisterLongName = ()> {
            place: Place<'w>,
            contents: PhantomData<(W, R)>,
        }

        impl<W: Width, R: RegisterLongName> sealed::Register for $name<'_, W, R> {}

        impl<'w, W: Width, R: RegisterLongName> Register<'w> for $name<'w, W, R> {
            type Width = W;

            #[inline(always)]
            fn at(place: Place<'w>) -> Self {
                Self { place, contents: PhantomData }
            }
        }

        $(impl<W: Width, R: RegisterLongName> $readable for $name<'_, W, R> {
            type T = W;
            type R = R;

            #[inline(always)]
            fn get(&self) -> W {
                self.place.load()
            }
        })?

        $(impl<W: Width, R: RegisterLongName> $writeable for $name<'_, W, R> {
            type T = W;
            type R = R;

            #[inline(always)]
            fn set(&self, value: W) {
                self.place.store(value);
            }
        })?
    };
}

kind!(
    /// A register that can be read.
    ReadOnly, Readable
);
kind!(
    /// A register that can be written; reading it has another meaning, or none.
    WriteOnly; Writeable
);
kind!(
    /// A register that can be read and written, with one meaning for both.
    ReadWrite, Readable; Writeable
);

/// A row of `LEN` equal registers.
pub struct Array<'w, C, const LEN: usize> {
    first: Place<'w>,
    kind: PhantomData<C>,
}

impl<'w, C: Register<'w>, const LEN: usize> Array<'w, C, LEN> {
    /// The row at a place, which has been checked to have room for it.
    #[inline(always)]
    pub(crate) fn at(first: Place<'w>) -> Self {
        Self { first, kind: PhantomData }
    }

    /// Register `index`; `None` beyond the row.
    #[inline(always)]
    pub fn get(&self, index: usize) -> Option<C> {
        (index < LEN).then(|| C::at(self.first.plus(index * size_of::<C::Width>())))
    }

    /// The registers of `indices` that exist, in that order.
    pub fn each(&self, indices: core::ops::Range<usize>) -> impl Iterator<Item = C> {
        (indices.start..indices.end.min(LEN)).filter_map(|index| self.get(index))
    }
}
