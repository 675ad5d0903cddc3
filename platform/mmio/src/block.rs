//! A register block: a window that is known to be large enough.
use crate::cell::{Array, Register, Width};
use crate::{Place, TooSmall, Window};

/// The base of a register block of `SIZE` bytes.
///
/// Holding one proves that `SIZE` bytes of the window are mapped, so a register whose offset is known when
/// the driver is compiled needs no check when it runs. Drivers do not use it by name; [`registers!`] does.
///
/// [`registers!`]: crate::registers
pub struct Block<'m, const SIZE: usize> {
    base: Place<'m>,
}

impl<'m, const SIZE: usize> Block<'m, SIZE> {
    /// Lays the block over a window.
    ///
    /// # Errors
    /// [`TooSmall`] if the window has fewer than `SIZE` bytes.
    pub fn new(window: Window<'m>) -> Result<Self, TooSmall> {
        if window.size() < SIZE {
            return Err(TooSmall { needed: SIZE, available: window.size() });
        }
        Ok(Self { base: window.base() })
    }

    /// The register at `OFFSET`.
    #[inline(always)]
    pub fn register<'w, C: Register<'w>, const OFFSET: usize>(&'w self) -> C {
        const {
            assert!(OFFSET + size_of::<C::Width>() <= SIZE, "the register lies beyond its block");
            assert!(OFFSET.is_multiple_of(size_of::<C::Width>()), "the register is not aligned");
        }
        C::at(self.base.plus(OFFSET))
    }

    /// The row of `LEN` registers that starts at `OFFSET`, one after the other.
    #[inline(always)]
    pub fn array<'w, C: Register<'w>, const OFFSET: usize, const LEN: usize>(&'w self) -> Array<'w, C, LEN> {
        const {
            assert!(OFFSET + LEN * size_of::<C::Width>() <= SIZE, "the row reaches beyond its block");
            assert!(OFFSET.is_multiple_of(size_of::<C::Width>()), "the row is not aligned");
        }
        Array::at(self.base.plus(OFFSET))
    }

    /// The `W` at an offset that is only known at run time; `None` where there is none.
    ///
    /// For what walks registers, such as a check of identification words. Drivers name their registers.
    pub fn read<W: Width>(&self, offset: usize) -> Option<W> {
        let fits = offset.checked_add(size_of::<W>()).is_some_and(|end| end <= SIZE);
        let place = self.base.plus(if fits { offset } else { 0 });
        (fits && place.is_aligned(size_of::<W>())).then(|| place.load())
    }
}

/// Declares a register block.
///
/// ```
/// use mmio::tock_registers::interfaces::{Readable, Writeable};
/// mmio::registers! {
///     /// A counter with a compare value.
///     pub Counter: 0x20 {
///         /// The count.
///         0x00 => count: ReadOnly<u32>;
///         /// What it is compared with.
///         0x04 => compare: ReadWrite<u32>;
///         /// Four scratch bytes.
///         0x10 => scratch: [ReadWrite<u8>; 4];
///     }
/// }
/// # struct Zero;
/// # impl mmio::Bus for Zero {
/// #     fn read(&self, offset: usize, _: usize) -> u64 { offset as u64 }
/// #     fn write(&self, _: usize, _: usize, _: u64) {}
/// # }
/// # let window = mmio::Window::on_bus(&Zero, 0x20);
/// let counter = Counter::new(window)?;
/// counter.compare().set(counter.count().get() + 10);
/// # assert_eq!(counter.scratch().get(3).map(|byte| byte.get()), Some(0x13));
/// # Ok::<(), mmio::TooSmall>(())
/// ```
/// A register that does not fit its block does not compile:
/// ```compile_fail
/// mmio::registers! { pub Counter: 4 { 0x04 => count: ReadOnly<u32>; } }
/// fn read(counter: &Counter<'_>) -> u32 {
///     mmio::tock_registers::interfaces::Readable::get(&counter.count())
/// }
/// # struct Zero;
/// # impl mmio::Bus for Zero {
/// #     fn read(&self, offset: usize, _: usize) -> u64 { offset as u64 }
/// #     fn write(&self, _: usize, _: usize, _: u64) {}
/// # }
/// # read(&Counter::new(mmio::Window::on_bus(&Zero, 4)).unwrap());
/// ```
#[macro_export]
macro_rules! registers {
    ($(#[$doc:meta])* $vis:vis $name:ident : $size:literal { $($body:tt)* }) => {
        $(#[$doc])*
        $vis struct $name<'m> {
            block: $crate::Block<'m, $size>,
        }

        #[allow(dead_code, reason = "a block is declared whole, whether or not a driver uses all of it")]
        impl<'m> $name<'m> {
            /// Bytes that the block has.
            $vis const SIZE: usize = $size;

            /// Lays the block over a window.
            ///
            /// # Errors
            /// If the window is smaller than the block.
            $vis fn new(window: $crate::Window<'m>) -> ::core::result::Result<Self, $crate::TooSmall> {
                ::core::result::Result::Ok(Self { block: $crate::Block::new(window)? })
            }

            $crate::registers!(@methods [$vis] $($body)*);
        }
    };
    (@methods [$vis:vis]) => {};
    (@methods [$vis:vis] $(#[$doc:meta])* $offset:literal => $name:ident :
        $access:ident < $width:ty $(, $contents:ty)? > ; $($rest:tt)*) => {
        $(#[$doc])*
        #[inline(always)]
        $vis fn $name(&self) -> $crate::$access<'_, $width $(, $contents)?> {
            self.block.register::<_, $offset>()
        }

        $crate::registers!(@methods [$vis] $($rest)*);
    };
    (@methods [$vis:vis] $(#[$doc:meta])* $offset:literal => $name:ident :
        [ $access:ident < $width:ty $(, $contents:ty)? > ; $len:literal ] ; $($rest:tt)*) => {
        $(#[$doc])*
        #[inline(always)]
        $vis fn $name(&self) -> $crate::Array<'_, $crate::$access<'_, $width $(, $contents)?>, $len> {
            self.block.array::<_, $offset, $len>()
        }

        $crate::registers!(@methods [$vis] $($rest)*);
    };
}
