//! Bus transaction initiators: a device's way to memory.
use abi::{Koid, Signals};

use super::{Header, Iommu, Name, Pmt};
use crate::collections::arena::Id;
use crate::memory::dma::Reach;

/// A device that masters the bus.
#[derive(Debug)]
pub struct Bti {
    /// What every object has.
    pub header: Header,
    /// Its name.
    pub name: Name,
    /// What translates for it.
    pub iommu: Id<Iommu>,
    /// What memory it reaches, and by which addresses.
    pub reach: Reach,
    /// Pins for it, those in quarantine included.
    pub pins: u64,
    /// Pins in quarantine.
    pub quarantined: u64,
    /// The last one that got there.
    pub quarantine: Option<Id<Pmt>>,
}

impl Bti {
    /// A device without pins.
    pub const fn new(koid: Koid, iommu: Id<Iommu>, reach: Reach) -> Self {
        Self {
            header: Header::new(koid, Signals::NONE),
            name: Name([0; abi::object::MAX_NAME_LEN]),
            iommu,
            reach,
            pins: 0,
            quarantined: 0,
            quarantine: None,
        }
    }
}
