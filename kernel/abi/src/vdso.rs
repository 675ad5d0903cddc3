//! What the kernel tells every process through the vDSO's constants page.

use crate::abi_struct;

/// The section of the vDSO that holds [`Constants`]: at the very start of the page before the code segment.
pub const CONSTANTS_SYMBOL: &str = "jacinth_vdso_constants";

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
