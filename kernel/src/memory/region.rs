//! Regions inside regions: making them, finding what is mapped in them, and their end.
//!
//! A destroyed region is taken apart from the inside out, one mapping or one region a step. The walk down
//! and up again follows the regions' own links, with its place kept in the region that was destroyed: it
//! needs no stack and no memory, however deep they nest. A call that destroys goes on until nothing is left,
//! a piece at a time; should its thread end before, the reaper does the rest.
use abi::vmar::COMPACT;
use abi::{Koid, PAGE_SIZE, Status, VirtAddr, status::Result};

use super::stage1::Progress;
use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::lifetime::ENTRIES_A_STEP;
use crate::object::vmar::CAN_MAP_ALL;
use crate::object::{Entry, Mapping, ObjectRef, Process, Vmar, VmarState};
use crate::ports::Machine;

impl<M: Machine> Kernel<M> {
    /// The mapping at an address of a process.
    pub(crate) fn find_mapping(&self, process: Id<Process>, address: u64) -> Option<&Mapping> {
        let root = self.objects.processes.get(process)?.vmar;
        self.mapping_within(root, address).map(|(_, mapping)| mapping)
    }

    /// The mapping at an address in a region or the regions in it.
    pub(crate) fn mapping_within(&self, vmar: Id<Vmar>, address: u64) -> Option<(Id<Mapping>, &Mapping)> {
        let region = self.objects.vmars.get(vmar)?;
        let id = match region.entries.containing(address)?.1 {
            Entry::Mapping { id, .. } => id,
            Entry::Region { .. } => {
                let owner = self.objects.processes.get(region.process?)?.regions.owner(address);
                self.objects.vmars.get(owner)?.entries.containing(address)?.1.mapping()?
            }
        };
        Some((id, self.objects.mappings.get(id)?))
    }

    /// A region at `base` of another one, where nothing is.
    ///
    /// # Errors
    /// `NO_MEMORY`; nothing changed.
    pub(crate) fn make_region(
        &mut self,
        parent: Id<Vmar>,
        base: u64,
        size: u64,
        options: u32,
    ) -> Result<Id<Vmar>> {
        let process = self.owner(parent)?;
        self.objects.vmars.reserve()?;
        self.objects.get_mut(parent)?.entries.reserve(1).map_err(Status::from)?;
        self.objects.get_mut(process)?.regions.reserve()?;
        let koid: Koid = self.objects.allocate_koid();
        let room = if options & COMPACT == 0 { size / PAGE_SIZE } else { 1 };
        let hint = base + self.random.below(room) * PAGE_SIZE;
        let mut region = Vmar::root(koid, hint);
        (region.process, region.parent) = (Some(process), Some(parent));
        (region.base, region.size, region.flags) = (base, size, options & CAN_MAP_ALL);
        let vmar = self.objects.vmars.insert(region)?;
        let entry = Entry::Region { vmar, size };
        let above = self.objects.get_mut(parent)?;
        above.entries.try_insert(base, entry).map_err(Status::from)?;
        above.note_taken(base, size);
        self.objects.get_mut(process)?.regions.add(base, base + size, vmar, parent)?;
        self.hold(ObjectRef::Vmar(vmar));
        Ok(vmar)
    }

    /// Takes up to `budget` steps towards the end of a region and counts them off; whether nothing is left.
    /// Otherwise the region is destroyed already, and ends even if nobody asks again.
    pub(crate) fn tear_down(&mut self, vmar: Id<Vmar>, budget: &mut u32) -> bool {
        while *budget > 0 {
            *budget -= 1;
            if self.dismantle(vmar) {
                return true;
            }
        }
        if let Some(region) = self.objects.vmars.get_mut(vmar)
            && !core::mem::replace(&mut region.end.queued, true)
        {
            self.hold(ObjectRef::Vmar(vmar));
            self.queue_dead(ObjectRef::Vmar(vmar));
        }
        false
    }

    /// One step towards the end of a region; whether nothing is left of it.
    pub(crate) fn dismantle(&mut self, top: Id<Vmar>) -> bool {
        let is_left =
            |id: &Id<Vmar>| self.objects.vmars.get(*id).is_some_and(|region| region.state != VmarState::Dead);
        if !is_left(&top) {
            return true;
        }
        // A region in it may have been destroyed on its own, and be gone: then the walk starts over.
        let at = self.objects.vmars.get(top).and_then(|region| region.end.at).filter(is_left).unwrap_or(top);
        let Some(region) = self.objects.vmars.get_mut(at) else { return true };
        region.state = VmarState::Dying;
        let (parent, first) = (region.parent, region.entries.first());
        // What is known of the last fault may be a mapping of this region, of which nothing more is to be shown.
        if let Some(process) = region.process.and_then(|process| self.objects.processes.get_mut(process)) {
            process.faulted = None;
        }
        let next = match first {
            Some((_, Entry::Mapping { id, .. })) => {
                self.clear_mapping(at, id);
                return false;
            }
            Some((_, Entry::Region { vmar, .. })) => Some(vmar),
            None if !region.entries.release() => return false,
            None => {
                self.bury(at);
                parent
            }
        };
        if let Some(region) = self.objects.vmars.get_mut(top).filter(|_| at != top || first.is_some()) {
            region.end.at = next;
            return false;
        }
        true
    }

    /// Takes a mapping of a dying region out of the tables, if there are any yet, and forgets it.
    fn clear_mapping(&mut self, vmar: Id<Vmar>, id: Id<Mapping>) {
        let Some(region) = self.objects.vmars.get(vmar) else { return };
        let Some(&mapping) = self.objects.mappings.get(id) else { return };
        let (from, end) = (region.end.cleared.max(mapping.base), mapping.end());
        let Some(process) = region.process else { return };
        if let Ok((machine, space)) = self.space_of(process) {
            // No block crosses a mapping's edges, so nothing is split and this needs no memory.
            let done = match space.unmap(machine, VirtAddr(from), end - from, ENTRIES_A_STEP) {
                Ok(Progress::Done) => end,
                Ok(Progress::UpTo(address)) => address.0,
                Err(_) => from,
            };
            if done < end {
                if let Some(region) = self.objects.vmars.get_mut(vmar) {
                    region.end.cleared = done;
                }
                return;
            }
        }
        if let Some(state) = self.objects.processes.get_mut(process)
            && mapping.is_vdso_code
            && state.vdso_code == Some(mapping.base)
        {
            state.vdso_code = None;
            self.forget_vdso(process);
        }
        if let Some(region) = self.objects.vmars.get_mut(vmar) {
            region.entries.remove(mapping.base);
        }
        self.release_mapping(id);
    }

    /// Ends a region with nothing in it: its parent has the addresses again.
    fn bury(&mut self, vmar: Id<Vmar>) {
        let Some(region) = self.objects.vmars.get_mut(vmar) else { return };
        region.state = VmarState::Dead;
        let (base, size, process) = (region.base, region.size, region.process);
        let Some(parent) = region.parent.take() else { return };
        if let Some(parent) = self.objects.vmars.get_mut(parent) {
            parent.entries.remove(base);
            parent.note_free(base);
        }
        if let Some(process) = process.and_then(|process| self.objects.processes.get_mut(process)) {
            process.regions.remove(base, base + size, parent);
        }
        self.unhold(ObjectRef::Vmar(vmar));
    }
}
