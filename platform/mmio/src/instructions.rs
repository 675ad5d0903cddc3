//! The instructions. Nothing else in the tree touches device memory.
use core::arch::asm;

/// The four access widths, each one instruction with a base register and no offset.
///
/// No `nomem` option: an access orders the compiler's other memory accesses, as a driver that fills a
/// buffer before it rings a doorbell expects.
macro_rules! accessors {
    ($($load:ident, $store:ident, $type:ty, $ldr:literal, $str:literal;)*) => {
        $(
            /// Reads the register at `address`.
            ///
            /// # Safety
            /// 1. `address` is mapped, aligned to the width, and holds a device register that may be read.
            #[inline(always)]
            pub(crate) unsafe fn $load(address: usize) -> $type {
                let value: $type;
                // SAFETY: 1 by the caller; the instruction touches that register and nothing else.
                unsafe {
                    asm!($ldr, value = out(reg) value, address = in(reg) address,
                        options(nostack, preserves_flags));
                }
                value
            }

            /// Writes the register at `address`.
            ///
            /// # Safety
            /// 1. `address` is mapped, aligned to the width, and holds a device register that may be written.
            #[inline(always)]
            pub(crate) unsafe fn $store(address: usize, value: $type) {
                // SAFETY: 1 by the caller; the instruction touches that register and nothing else.
                unsafe {
                    asm!($str, value = in(reg) value, address = in(reg) address,
                        options(nostack, preserves_flags));
                }
            }
        )*
    };
}

accessors! {
    load_u8, store_u8, u8, "ldrb {value:w}, [{address}]", "strb {value:w}, [{address}]";
    load_u16, store_u16, u16, "ldrh {value:w}, [{address}]", "strh {value:w}, [{address}]";
    load_u32, store_u32, u32, "ldr {value:w}, [{address}]", "str {value:w}, [{address}]";
    load_u64, store_u64, u64, "ldr {value}, [{address}]", "str {value}, [{address}]";
}
