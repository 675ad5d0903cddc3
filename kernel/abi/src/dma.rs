//! Flags and numbers of DMA: `zx_iommu_create` and `zx_bti_pin`.

/// Kinds of IOMMU (`ZX_IOMMU_TYPE_*`).
pub mod iommu {
    /// None at all: devices reach memory by its physical address, as far as their bus lets them.
    pub const STUB: u32 = 0;
    /// Intel's VT-d.
    pub const INTEL: u32 = 1;
    /// Arm's SMMU.
    pub const ARM_SMMU: u32 = 2;
    /// The longest description of one.
    pub const MAX_DESC_LEN: u64 = 4096;
}

/// Options of `zx_bti_pin`.
pub mod pin {
    /// The device reads.
    pub const PERM_READ: u32 = 1 << 0;
    /// The device writes.
    pub const PERM_WRITE: u32 = 1 << 1;
    /// The device executes.
    pub const PERM_EXECUTE: u32 = 1 << 2;
    /// An address for each stretch of the BTI's `minimum_contiguity`, not for each page.
    pub const COMPRESS: u32 = 1 << 3;
    /// One address for all of a contiguous VMO.
    pub const CONTIGUOUS: u32 = 1 << 4;
    /// Every permission.
    pub const PERM_MASK: u32 = PERM_READ | PERM_WRITE | PERM_EXECUTE;
    /// The most addresses that one call gives.
    pub const MAX_ADDRS: u64 = 32768;
}
