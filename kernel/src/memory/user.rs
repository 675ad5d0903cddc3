//! The kernel's way to a program's memory: a walk of the program's own tables, then the direct map.
//!
//! The kernel never follows a user address, so a bad pointer is a value, not an exception. The walk is the MMU's own
//! (AT S1E0R, AT S1E0W) where it succeeds, and the logic's where it must be known why it does not. The walk refuses what the program itself could not do, and anything but ordinary cached
//! memory: no register is ever read or written for a pointer's sake.
use abi::vmo::CachePolicy;
use abi::{PAGE_SIZE, PhysAddr, Status, VirtAddr, status::Result};

use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::memory::fault::Refusal;
use crate::object::{Mapping, Process};
use crate::ports::{Access, Machine};

/// `PAR_EL1` (Arm ARM D24.2): whether the translation failed.
const PAR_FAULT: u64 = 1;
/// Its address, of 4 KiB grain.
const PAR_ADDRESS: u64 = 0x0000_ffff_ffff_f000;
/// Where its memory attribute is: the byte of `MAIR_EL1`.
const PAR_ATTRIBUTE: u32 = 56;
/// The attribute of cached memory.
const MAIR_CACHED: u64 = 0xff;

impl<M: Machine> Kernel<M> {
    /// Reads `into.len()` bytes of a process's memory.
    ///
    /// # Errors
    /// `INVALID_ARGS` if a byte is not readable ordinary memory, `NO_MEMORY` if there is no frame for it; `into` may have been written in part.
    pub(crate) fn copy_in(&mut self, process: Id<Process>, address: u64, into: &mut [u8]) -> Result {
        let mut at = address;
        let mut rest = into;
        while !rest.is_empty() {
            let (frame, offset) = self.user_page(process, at, Access::Read)?;
            let length = rest.len().min(PAGE_SIZE as usize - offset);
            let (piece, tail) = rest.split_at_mut(length);
            self.machine.read_frame(frame, offset, piece);
            at = at.wrapping_add(length as u64);
            rest = tail;
        }
        Ok(())
    }

    /// Writes `from` into a process's memory.
    ///
    /// # Errors
    /// `INVALID_ARGS` if a byte is not writable ordinary memory, `NO_MEMORY` if there is no frame for it; bytes before it may have been written.
    pub(crate) fn copy_out(&mut self, process: Id<Process>, address: u64, from: &[u8]) -> Result {
        let mut at = address;
        let mut rest = from;
        while !rest.is_empty() {
            let (frame, offset) = self.user_page(process, at, Access::Write)?;
            let length = rest.len().min(PAGE_SIZE as usize - offset);
            let (piece, tail) = rest.split_at(length);
            self.machine.write_frame(frame, offset, piece);
            at = at.wrapping_add(length as u64);
            rest = tail;
        }
        Ok(())
    }

    /// [`Kernel::copy_out`] of a word, which nearly always is where the MMU shows it.
    ///
    /// # Errors
    /// As for [`Kernel::copy_out`].
    #[inline]
    pub(crate) fn put_word<const N: usize>(
        &mut self,
        process: Id<Process>,
        address: u64,
        word: [u8; N],
    ) -> Result {
        if self.schedule.here().active == Some(process) && write_shown(&mut self.machine, address, word) {
            return Ok(());
        }
        self.copy_out(process, address, &word)
    }

    /// The frame behind a user address and the offset in it, brought in if it must be.
    ///
    /// # Errors
    /// `INVALID_ARGS` for anything that the program could not access so itself, and for device memory;
    /// `NO_MEMORY` if there is no frame for it.
    pub(crate) fn user_page(
        &mut self,
        process: Id<Process>,
        address: u64,
        access: Access,
    ) -> Result<(PhysAddr, usize)> {
        let offset = (address & (PAGE_SIZE - 1)) as usize;
        if let Some(frame) = self.seen(process, address, access) {
            return Ok((frame, offset));
        }
        if let Some(frame) = self.visible(process, address, access)? {
            return Ok((frame, offset));
        }
        match self.fault_in(process, address, access) {
            Ok(()) => {}
            Err(Refusal::NoMemory) => return Err(Status::NO_MEMORY),
            // No table may show the page now, and nobody but the program needs one.
            Err(Refusal::Busy(_)) => {
                let mapping = *self.find_mapping(process, address).ok_or(Status::INVALID_ARGS)?;
                return Ok((self.unshown(address, &mapping, access)?, offset));
            }
            Err(Refusal::NotMapped | Refusal::Forbidden | Refusal::BeyondEnd) => {
                return Err(Status::INVALID_ARGS);
            }
        }
        let frame = self.visible(process, address, access)?.ok_or(Status::INVALID_ARGS)?;
        Ok((frame, offset))
    }

    /// The frame behind an address whose access a mapping allows, past the tables.
    ///
    /// # Errors
    /// As for [`Kernel::user_page`].
    #[inline(never)]
    pub(crate) fn unshown(&mut self, address: u64, mapping: &Mapping, access: Access) -> Result<PhysAddr> {
        let page = address & !(PAGE_SIZE - 1);
        match self.frame_behind(page, mapping, access) {
            Ok(backing) if !backing.physical && mapping.policy == CachePolicy::Cached => Ok(backing.frame),
            // More mappings may show a page that must be copied than one call can go through.
            Err(Refusal::NoMemory | Refusal::Busy(_)) => Err(Status::NO_MEMORY),
            _ => Err(Status::INVALID_ARGS),
        }
    }

    /// The frame that the MMU itself finds for an access by a program that runs on this CPU, if it is ordinary
    /// cached memory. This is nearly always the answer; when it is none, the walk knows why.
    #[inline(always)]
    pub(crate) fn seen(&self, process: Id<Process>, address: u64, access: Access) -> Option<PhysAddr> {
        if self.schedule.here().active != Some(process) || address >= abi::vmar::USER_END {
            return None;
        }
        // What a physical VMO shows as cached is no frame of ours, and not in the direct map.
        shown_page(&self.machine, address, access).filter(|frame| self.machine.is_taken(*frame))
    }

    /// The frame that the tables show for an access; `None` if they refuse it.
    fn visible(&mut self, process: Id<Process>, address: u64, access: Access) -> Result<Option<PhysAddr>> {
        if address >= abi::vmar::USER_END {
            return Err(Status::INVALID_ARGS);
        }
        let (machine, space) = self.space_of(process).map_err(|_| Status::INVALID_ARGS)?;
        let Some(leaf) = space.walk(machine, VirtAddr(address)) else { return Ok(None) };
        if leaf.attributes.policy != CachePolicy::Cached {
            return Err(Status::INVALID_ARGS);
        }
        let allowed = leaf.allows(access);
        // A physical VMO may be cached and still be no RAM of ours: such frames are not for the direct map.
        if allowed && self.is_foreign(process, address) {
            return Err(Status::INVALID_ARGS);
        }
        Ok(allowed.then_some(leaf.frame))
    }

    /// Whether the tables allow EL0 this access now: a fault over it is none any more.
    pub(crate) fn shows(&mut self, process: Id<Process>, address: u64, access: Access) -> bool {
        let Ok((machine, space)) = self.space_of(process) else { return false };
        space.walk(machine, VirtAddr(address)).is_some_and(|leaf| leaf.allows(access))
    }

    /// Whether the mapping at an address shows physical memory that is not a frame of ours.
    fn is_foreign(&self, process: Id<Process>, address: u64) -> bool {
        let Some(mapping) = self.find_mapping(process, address) else { return true };
        self.objects.vmos.get(mapping.root).is_none_or(|vmo| vmo.physical_at(0).is_some())
    }
}

/// Where the MMU finds ordinary cached memory for an access of the program whose tables this CPU has. An address outside
/// the program's half is not shown to it.
#[inline(always)]
fn shown_page<M: Machine>(machine: &M, address: u64, access: Access) -> Option<PhysAddr> {
    let par = machine.probe(VirtAddr(address), access);
    (par & PAR_FAULT == 0 && par >> PAR_ATTRIBUTE == MAIR_CACHED).then_some(PhysAddr(par & PAR_ADDRESS))
}

/// Writes a word of four or eight bytes for the program whose tables this CPU has, if the MMU shows it a frame of ours
/// there. Whether it did; if not, it is [`Kernel::copy_out`] that knows why.
#[inline(always)]
pub(crate) fn write_shown<M: Machine, const N: usize>(machine: &mut M, address: u64, word: [u8; N]) -> bool {
    let Some(PhysAddr(page)) = shown_page(machine, address, Access::Write) else { return false };
    machine.write_taken(PhysAddr(page | address & (PAGE_SIZE - 1)), word)
}
