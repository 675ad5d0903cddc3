//! What translates addresses for devices. There is one kind, which translates nothing.
use abi::{Koid, Signals};

use super::Header;

/// An IOMMU that leaves every address as it is and confines nothing (`ZX_IOMMU_TYPE_STUB`).
#[derive(Debug)]
pub struct Iommu {
    /// What every object has.
    pub header: Header,
}

impl Iommu {
    /// A new one.
    pub const fn new(koid: Koid) -> Self {
        Self { header: Header::new(koid, Signals::NONE) }
    }
}
