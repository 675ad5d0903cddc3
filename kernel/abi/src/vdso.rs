//! What the kernel tells every process through the vDSO's constants page.

use crate::abi_struct;

/// The section of the vDSO that holds [`Constants`]: at the very start of the page before the code segment.
pub const CONSTANTS_SYMBOL: &str = "jacinth_vdso_constants";

/// Bytes from the code of one call to that of the next: calls that enter the kernel come first in the vDSO's code, each at
/// its number times this. So where a call comes from says which one it is, and no list has to be kept or read.
pub const STUB_SIZE: u64 = 1 << STUB_SHIFT;
/// log2 of [`STUB_SIZE`].
pub const STUB_SHIFT: u32 = 5;
/// Where the `svc` of the first call returns to, from the start of the vDSO's code: behind `mov x16, #0` and itself.
pub const FIRST_SITE: u64 = 8;

/// Where the `svc` of a call returns to, from the start of the vDSO's code.
pub const fn site(number: u64) -> u64 {
    FIRST_SITE.wrapping_add(number.wrapping_mul(STUB_SIZE))
}

abi_struct! {
    /// Filled by the kernel at boot, read-only ever after.
    struct Constants as "jacinth_vdso_constants_t" {
        /// Ticks of the counter in a second.
        ticks_per_second: u64,
        /// Nanoseconds in a tick, times 2^32.
        nanos_per_tick_q32: u64,
        /// Bytes of RAM that programs and kernel share.
        physmem: u64,
        /// Bytes in a page.
        page_size: u32,
        /// CPUs.
        num_cpus: u32,
        /// Bytes in the smallest data cache line.
        dcache_line_size: u32,
        /// Bytes in the smallest instruction cache line.
        icache_line_size: u32,
        /// `zx_system_get_features(ZX_FEATURE_KIND_CPU)`.
        cpu_features: u32,
        /// Zero.
        reserved: u32,
        /// The version, NUL-padded.
        version: [u8; 64],
    }
}
