//! Address space identifiers: one for each process that has tables.
use alloc::vec::Vec;

use abi::{Status, status::Result};

use crate::ports::Asid;

/// Which ASIDs are free. 0 belongs to the kernel, which has no EL0 mappings.
#[derive(Debug)]
pub(crate) struct Asids {
    /// ASIDs that were given back; their TLB entries are gone.
    free: Vec<u16>,
    /// The lowest that was never used.
    next: u32,
    end: u32,
}

impl Asids {
    /// All of 8 or 16 bits.
    pub(crate) const fn new(wide: bool) -> Self {
        Self { free: Vec::new(), next: 1, end: if wide { 1 << 16 } else { 1 << 8 } }
    }

    /// Takes an ASID that no TLB entry has.
    ///
    /// # Errors
    /// `NO_RESOURCES` when all are in use, `NO_MEMORY` if its return could fail later.
    pub(crate) fn allocate(&mut self) -> Result<Asid> {
        // Room to give every ASID back, so that giving back cannot fail.
        let in_use = self.next as usize - self.free.len();
        self.free.try_reserve(in_use + 1).map_err(|_| Status::NO_MEMORY)?;
        if let Some(asid) = self.free.pop() {
            return Ok(Asid(asid));
        }
        let asid =
            u16::try_from(self.next).ok().filter(|_| self.next < self.end).ok_or(Status::NO_RESOURCES)?;
        self.next += 1;
        Ok(Asid(asid))
    }

    /// Gives an ASID back. Its TLB entries are gone.
    pub(crate) fn release(&mut self, asid: Asid) {
        self.free.push(asid.0);
    }
}
