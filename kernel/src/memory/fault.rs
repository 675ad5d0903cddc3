//! Bringing pages in: from a fault, or because the kernel needs a page of the program's.
use abi::vmar::{PERM_EXECUTE, PERM_READ, PERM_WRITE};
use abi::{PAGE_SIZE, PhysAddr, Status, VirtAddr, status::Result};

use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::memory::pages::Page;
use crate::object::{Content, Mapping, Process, Vmar, Vmo};
use crate::ports::{Access, Machine};

/// Why an address cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Nothing is mapped there.
    NotMapped,
    /// What is mapped there does not allow this access.
    Forbidden,
    /// The mapping goes on beyond the end of its VMO, or of that one's content.
    BeyondEnd,
    /// There was no memory for the page or its table.
    NoMemory,
    /// The page is being taken out of the tables of this VMO: later.
    Busy(Id<Vmo>),
}

/// What is behind a page of a mapping.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backing {
    pub frame: PhysAddr,
    /// Whether it is no frame of ours.
    pub physical: bool,
    /// Whether no other VMO has it.
    pub own: bool,
}

/// The permission that an access needs.
const fn needed(access: Access) -> u32 {
    match access {
        Access::Read => PERM_READ,
        Access::Write => PERM_WRITE,
        Access::Execute => PERM_EXECUTE,
    }
}

impl<M: Machine> Kernel<M> {
    /// Finds the VMO that has the bytes, and the offset in it: a slice leads to what it is a slice of.
    ///
    /// # Errors
    /// `INTERNAL` for stale ids.
    pub(crate) fn resolve(&self, vmo: Id<Vmo>, offset: u64) -> Result<(Id<Vmo>, u64)> {
        match &self.objects.get(vmo)?.content {
            Content::Slice { of, offset: start } => {
                Ok((*of, start.checked_add(offset).ok_or(Status::OUT_OF_RANGE)?))
            }
            Content::Reference(of) => Ok((*of, offset)),
            Content::Paged(_) | Content::Physical(_) => Ok((vmo, offset)),
        }
    }

    /// The VMO that says how large this one is: a reference is as large as what it refers to, always.
    ///
    /// # Errors
    /// `INTERNAL` for stale ids.
    pub(crate) fn sized(&self, vmo: Id<Vmo>) -> Result<Id<Vmo>> {
        match self.objects.get(vmo)?.content {
            Content::Reference(of) => Ok(of),
            _ => Ok(vmo),
        }
    }

    /// A VMO's size in bytes.
    ///
    /// # Errors
    /// `INTERNAL` for stale ids.
    pub(crate) fn vmo_size(&self, vmo: Id<Vmo>) -> Result<u64> {
        Ok(self.objects.get(self.sized(vmo)?)?.size)
    }

    /// The first offset in a mapping's VMO that it cannot show: the VMO's size, or the end of its last page of content.
    ///
    /// # Errors
    /// `INTERNAL` for stale ids.
    pub(crate) fn end_for(&self, mapping: &Mapping) -> Result<u64> {
        let vmo = self.objects.get(self.sized(mapping.vmo)?)?;
        Ok(if mapping.ends_with_content {
            vmo.content_size.next_multiple_of(PAGE_SIZE).min(vmo.size)
        } else {
            vmo.size
        })
    }

    /// Makes an address usable for an access that the tables refused.
    pub(crate) fn fault_in(
        &mut self,
        process: Id<Process>,
        address: u64,
        access: Access,
    ) -> core::result::Result<(), Refusal> {
        let shown = match access {
            Access::Write => self.show_untouched(process, address, Access::Write),
            Access::Read | Access::Execute => self.show_zeros(process, address),
        };
        shown.unwrap_or_else(|| self.fault_in_anything(process, address, access))
    }

    /// [`Kernel::show_untouched`] for a read.
    #[inline(never)]
    pub(crate) fn show_zeros(
        &mut self,
        process: Id<Process>,
        address: u64,
    ) -> Option<core::result::Result<(), Refusal>> {
        self.show_untouched(process, address, Access::Read)
    }

    /// [`Kernel::fault_in`] for what nearly all faults are about: a page that nothing was written to, of a VMO that
    /// has nothing special about it, in the mapping where the process's last fault was. `None` for all others, and for
    /// want of memory.
    #[inline(always)]
    pub(crate) fn show_untouched(
        &mut self,
        process: Id<Process>,
        address: u64,
        access: Access,
    ) -> Option<core::result::Result<(), Refusal>> {
        let state = self.objects.processes.get_mut(process)?;
        let mapping = self.objects.mappings.get(state.faulted?)?;
        let inside = address.wrapping_sub(mapping.base);
        if inside >= mapping.length || mapping.permissions & needed(access) == 0 {
            return None;
        }
        let offset = mapping.offset.checked_add(inside)? & !(PAGE_SIZE - 1);
        let vmo = self.objects.vmos.get_mut(mapping.vmo)?;
        let special = mapping.ends_with_content || vmo.withdrawal.is_some() || !vmo.is_plain();
        if offset >= vmo.size || special {
            return None;
        }
        let Content::Paged(pages) = &mut vmo.content else { return None };
        let space = state.space.as_mut()?;
        let page = offset / PAGE_SIZE;
        let mut attributes = mapping.attributes();
        let frame = match access {
            Access::Write => {
                // A page that is absent, of a VMO that never showed zeros, is shown nowhere.
                if vmo.has_zeros {
                    return None;
                }
                let frame = self.machine.allocate_frame()?;
                if !self.trees.fill(pages, page, frame) && !self.trees.fill_anew(pages, page, frame) {
                    self.machine.free_frame(frame);
                    return None;
                }
                self.machine.zero_frame(frame);
                if mapping.permissions & PERM_EXECUTE != 0 && !mapping.policy.is_device() {
                    self.machine.synchronize_instructions(frame);
                }
                frame
            }
            Access::Read | Access::Execute => {
                let zeros = self.zeros.filter(|_| self.trees.look(pages, page) == Page::Absent)?;
                (vmo.has_zeros, attributes.write) = (true, false);
                zeros
            }
        };
        space.forget_old_asid(self.asids.generation());
        let address = VirtAddr(address & !(PAGE_SIZE - 1));
        let shown = space.map_run(&mut self.machine, address, frame, PAGE_SIZE, attributes);
        Some(shown.map_err(|_| Refusal::NoMemory))
    }

    /// [`Kernel::fault_in`], where [`Kernel::show_untouched`] is no answer.
    #[inline(never)]
    pub(crate) fn fault_in_anything(
        &mut self,
        process: Id<Process>,
        address: u64,
        access: Access,
    ) -> core::result::Result<(), Refusal> {
        let state = self.objects.processes.get(process).ok_or(Refusal::NotMapped)?;
        let (id, mapping) = self.mapping_within(state.vmar, address).ok_or(Refusal::NotMapped)?;
        let mapping = *mapping;
        if mapping.permissions & needed(access) == 0 {
            return Err(Refusal::Forbidden);
        }
        let page = address & !(PAGE_SIZE - 1);
        let shown = self.show_page(process, page, &mapping, access);
        if shown.is_ok()
            && let Some(state) = self.objects.processes.get_mut(process)
        {
            state.faulted = Some(id);
        }
        shown
    }

    /// Puts a page of a mapping into the tables, for an access that the mapping allows. What [stands in](super::copies) for
    /// a frame of the VMO's own is shown without leave to write; for a write it makes way for one.
    pub(crate) fn show_page(
        &mut self,
        process: Id<Process>,
        page: u64,
        mapping: &Mapping,
        access: Access,
    ) -> core::result::Result<(), Refusal> {
        let withdrawal = self.objects.vmos.get(mapping.root).and_then(|vmo| vmo.withdrawal);
        let offset = mapping.start.saturating_add(mapping.offset_of(page));
        if withdrawal.is_some_and(|withdrawal| withdrawal.covers(offset)) {
            let from = offset & !(PAGE_SIZE - 1);
            let copies = access == Access::Write && self.has_stand_in(mapping.root, offset);
            let to = if copies { from + PAGE_SIZE } else { from };
            self.turn_away(mapping.root, None, (from, to), false);
            return Err(Refusal::Busy(mapping.root));
        }
        let Backing { frame, physical, own } = self.frame_behind(page, mapping, access)?;
        // A region that is being destroyed forgets a mapping when all of it was taken out of the tables once. That may
        // have been for want of a frame just now.
        if self.objects.vmars.get(mapping.vmar).is_none_or(Vmar::is_over) {
            return Err(Refusal::NotMapped);
        }
        // For want of a frame this VMO may have begun to be discarded, this page with it: mappings like this one were visited
        // for that, and are not again.
        let withdrawal = self.objects.vmos.get(mapping.root).and_then(|vmo| vmo.withdrawal);
        if withdrawal.is_some_and(|withdrawal| withdrawal.covers(offset)) {
            return Err(Refusal::Busy(mapping.root));
        }
        if mapping.permissions & PERM_EXECUTE != 0 && !mapping.policy.is_device() && !physical {
            self.machine.synchronize_instructions(frame);
        }
        let mut attributes = mapping.attributes();
        attributes.write &= own;
        if withdrawal.is_some() {
            self.end_own_pause(mapping.root, offset & !(PAGE_SIZE - 1));
        }
        let (machine, space) = self.space_of(process).map_err(|_| Refusal::NotMapped)?;
        space.map_page(machine, VirtAddr(page), frame, attributes).map_err(|_| Refusal::NoMemory)
    }

    /// The frame that a page of a mapping stands for.
    pub(crate) fn frame_behind(
        &mut self,
        page: u64,
        mapping: &Mapping,
        access: Access,
    ) -> core::result::Result<Backing, Refusal> {
        let offset = mapping.offset_of(page);
        if offset >= self.end_for(mapping).map_err(|_| Refusal::NotMapped)? {
            return Err(Refusal::BeyondEnd);
        }
        let (root, root_offset) = (mapping.root, mapping.start.saturating_add(offset));
        if let Some(frame) = self.objects.vmos.get(root).and_then(|vmo| vmo.physical_at(root_offset)) {
            return Ok(Backing { frame, physical: true, own: true });
        }
        let (frame, own) = match access {
            Access::Write => (self.commit_or_wait(root, root_offset)?, true),
            Access::Read | Access::Execute => {
                self.frame_to_read(root, root_offset).map_err(|_| Refusal::NoMemory)?
            }
        };
        Ok(Backing { frame, physical: false, own })
    }
}
