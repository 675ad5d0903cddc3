//! What answers at a physical address that is not RAM.

use core::fmt;

use abi::{PhysAddr, PhysRange};

/// The size of one access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// One byte.
    Byte,
    /// Two bytes.
    Half,
    /// Four bytes.
    Word,
    /// Eight bytes.
    Double,
}

impl Width {
    /// Bytes.
    pub const fn bytes(self) -> u64 {
        match self {
            Self::Byte => 1,
            Self::Half => 2,
            Self::Word => 4,
            Self::Double => 8,
        }
    }

    /// The value's bits that an access of this size carries.
    pub const fn mask(self) -> u64 {
        match self {
            Self::Double => u64::MAX,
            other => (1 << (other.bytes() * 8)) - 1,
        }
    }
}

/// The device did not answer: the CPU takes an external abort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExternalAbort;

/// Registers or memory behind an interval of addresses. Offsets count from the interval's start.
pub trait Device {
    /// Answers a load.
    ///
    /// # Errors
    /// [`ExternalAbort`] if nothing answers at `offset`, or not to this width.
    fn read(&mut self, offset: u64, width: Width) -> Result<u64, ExternalAbort>;

    /// Takes a store.
    ///
    /// # Errors
    /// [`ExternalAbort`] if nothing answers at `offset`, or not to this width.
    fn write(&mut self, offset: u64, width: Width, value: u64) -> Result<(), ExternalAbort>;
}

/// The devices of a machine by address.
#[derive(Default)]
pub(crate) struct Bus {
    devices: Vec<(PhysRange, Box<dyn Device>)>,
}

impl Bus {
    pub(crate) fn attach(&mut self, range: PhysRange, device: Box<dyn Device>) {
        for (other, _) in &self.devices {
            assert!(!other.overlaps(range), "device at {range} overlaps the one at {other}");
        }
        self.devices.push((range, device));
    }

    pub(crate) fn read(&mut self, at: PhysAddr, width: Width) -> Result<u64, ExternalAbort> {
        let (offset, device) = self.find(at)?;
        device.read(offset, width).map(|value| value & width.mask())
    }

    pub(crate) fn write(&mut self, at: PhysAddr, width: Width, value: u64) -> Result<(), ExternalAbort> {
        let (offset, device) = self.find(at)?;
        device.write(offset, width, value & width.mask())
    }

    /// A hole answers as a bus without anybody: by an external abort.
    fn find(&mut self, at: PhysAddr) -> Result<(u64, &mut Box<dyn Device>), ExternalAbort> {
        let found = self.devices.iter_mut().find(|(range, _)| range.contains_addr(at));
        found.map(|(range, device)| (at.0 - range.base().0, device)).ok_or(ExternalAbort)
    }
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.devices.iter().map(|(range, _)| range)).finish()
    }
}
