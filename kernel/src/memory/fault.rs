//! Bringing pages in: from a fault, or because the kernel needs a page of the program's.
use abi::vmar::{PERM_EXECUTE, PERM_READ, PERM_WRITE};
use abi::vmo::CachePolicy;
use abi::{PAGE_SHIFT, PAGE_SIZE, PhysAddr, Status, VirtAddr, status::Result};

use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::object::{Content, Mapping, Process, Vmo};
use crate::ports::{Access, Machine};

/// Units of teardown between two attempts to take a frame when there is none.
const REAP_FOR_A_FRAME: u32 = 64;

/// Why an address cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Nothing is mapped there.
    NotMapped,
    /// What is mapped there does not allow this access.
    Forbidden,
    /// The mapping goes on beyond the end of its VMO.
    BeyondEnd,
    /// There was no memory for the page or its table.
    NoMemory,
    /// The page is being taken out of the tables of this VMO: later.
    Busy(Id<Vmo>),
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
            Content::Paged(_) | Content::Physical(_) => Ok((vmo, offset)),
        }
    }

    /// The frame of a page of a paged VMO, zeroed and taken now if there was none.
    ///
    /// # Errors
    /// `NO_MEMORY`, with nothing changed; `NOT_SUPPORTED` for a VMO without frames.
    pub(crate) fn commit(&mut self, vmo_id: Id<Vmo>, offset: u64) -> Result<PhysAddr> {
        let page = offset >> PAGE_SHIFT;
        let vmo = self.objects.vmos.get(vmo_id).ok_or(Status::INTERNAL)?;
        let Content::Paged(pages) = &vmo.content else { return Err(Status::NOT_SUPPORTED) };
        if let Some(frame) = self.trees.get(pages, page) {
            return Ok(frame);
        }
        let frame = self.take_frame()?;
        self.machine.zero_frame(frame);
        let vmo = self.objects.vmos.get_mut(vmo_id).ok_or(Status::INTERNAL)?;
        let Content::Paged(pages) = &mut vmo.content else { return Err(Status::INTERNAL) };
        self.trees.put(pages, page, frame).inspect_err(|_| self.machine.free_frame(frame))?;
        Ok(frame)
    }

    /// A frame; what is dead gives its own up first, as far as no other CPU still uses it.
    ///
    /// # Errors
    /// `NO_MEMORY`.
    fn take_frame(&mut self) -> Result<PhysAddr> {
        loop {
            if let Some(frame) = self.machine.allocate_frame() {
                return Ok(frame);
            }
            if !self.has_dead() {
                return self.discard_for_a_frame().ok_or(Status::NO_MEMORY);
            }
            if !self.reap(REAP_FOR_A_FRAME) {
                // All is given up, or another CPU must let go first, which it cannot while this one is here.
                let frame = self.machine.allocate_frame().or_else(|| self.discard_for_a_frame());
                return frame.ok_or(Status::NO_MEMORY);
            }
        }
    }

    /// The frame of a page of a paged VMO, if it has one.
    pub(crate) fn committed(&self, vmo: Id<Vmo>, offset: u64) -> Option<PhysAddr> {
        match &self.objects.vmos.get(vmo)?.content {
            Content::Paged(pages) => self.trees.get(pages, offset >> PAGE_SHIFT),
            Content::Physical(_) | Content::Slice { .. } => None,
        }
    }

    /// Makes an address usable for an access that the tables refused.
    pub(crate) fn fault_in(
        &mut self,
        process: Id<Process>,
        address: u64,
        access: Access,
    ) -> core::result::Result<(), Refusal> {
        let mapping = *self.find_mapping(process, address).ok_or(Refusal::NotMapped)?;
        let needed = match access {
            Access::Read => PERM_READ,
            Access::Write => PERM_WRITE,
            Access::Execute => PERM_EXECUTE,
        };
        if mapping.permissions & needed == 0 {
            return Err(Refusal::Forbidden);
        }
        let page = address & !(PAGE_SIZE - 1);
        self.show_page(process, page, &mapping)
    }

    /// Puts a page of a mapping into the tables.
    pub(crate) fn show_page(
        &mut self,
        process: Id<Process>,
        page: u64,
        mapping: &Mapping,
    ) -> core::result::Result<(), Refusal> {
        let withdrawal = self.objects.vmos.get(mapping.root).and_then(|vmo| vmo.withdrawal);
        let offset = mapping.start.saturating_add(mapping.offset_of(page));
        if withdrawal.is_some_and(|withdrawal| withdrawal.covers(offset)) {
            return Err(Refusal::Busy(mapping.root));
        }
        let (frame, physical) = self.frame_behind(page, mapping)?;
        if mapping.permissions & PERM_EXECUTE != 0 && mapping.policy == CachePolicy::Cached && !physical {
            self.machine.synchronize_instructions(frame);
        }
        let attributes = mapping.attributes();
        let (machine, space) = self.space_of(process).map_err(|_| Refusal::NotMapped)?;
        space.map_page(machine, VirtAddr(page), frame, attributes).map_err(|_| Refusal::NoMemory)
    }

    /// The frame that a page of a mapping stands for, and whether it is no frame of ours.
    pub(crate) fn frame_behind(
        &mut self,
        page: u64,
        mapping: &Mapping,
    ) -> core::result::Result<(PhysAddr, bool), Refusal> {
        let offset = mapping.offset_of(page);
        let vmo = self.objects.vmos.get(mapping.vmo).ok_or(Refusal::NotMapped)?;
        if offset >= vmo.size {
            return Err(Refusal::BeyondEnd);
        }
        let (root, root_offset) = (mapping.root, mapping.start.saturating_add(offset));
        match self.objects.vmos.get(root).and_then(|vmo| vmo.physical_at(root_offset)) {
            Some(frame) => Ok((frame, true)),
            None => match self.commit(root, root_offset) {
                Ok(frame) => Ok((frame, false)),
                Err(_) => Err(Refusal::NoMemory),
            },
        }
    }
}
