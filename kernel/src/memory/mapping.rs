//! Mapping, unmapping and protecting: the VMAR's record and the tables, changed together.
use abi::vmar::PERM_EXECUTE;
use abi::vmar::PERM_WRITE;
use abi::{PAGE_SIZE, PhysRange, Status, VirtAddr, status::Result};

use super::entering::{Entered, Entering, SHORT, Spot, physical_part, release};
use super::fault::Refusal;
use super::stage1::descriptor::covers;
use super::stage1::{Progress, ROW};
use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::lifetime::ENTRIES_A_STEP;
use crate::object::{Entry, Mapping, ObjectRef, Objects, Process, Vmar};
use crate::ports::{Access, Machine};

/// Steps that one kernel entry makes before it starts over: in each one mapping's record is changed, and up to
/// [`ENTRIES_A_STEP`] entries of the tables.
pub(crate) const STEPS_AN_ENTRY: u32 = 8;
/// Leaves that `MAP_RANGE` shows in one piece.
const LEAVES_SHOWN: u32 = 64;
/// As how many of them a page counts that must be moved to another frame for it.
const LEAVES_A_MOVE: u32 = 8;

/// Whether a long operation is finished or must be entered again for the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// All done.
    Done,
    /// Done up to this address.
    UpTo(u64),
}

/// Steps that a part of a mapping counts for: what its pages may cost the tables, and at least one.
fn steps_of(length: u64) -> u32 {
    let steps = length / PAGE_SIZE / u64::from(ENTRIES_A_STEP) / ROW;
    u32::try_from(steps).unwrap_or(u32::MAX).max(1)
}

impl<M: Machine> Kernel<M> {
    /// Enters a mapping, where nothing is mapped, and shows the [physical part](Self::physical_part) of it.
    ///
    /// # Errors
    /// `NO_MEMORY`, or `BAD_STATE` if a page of it is mapped elsewhere with another memory type. Nothing changed.
    pub(crate) fn enter_mapping(
        &mut self,
        mapping: &Mapping,
        physical: Option<PhysRange>,
    ) -> Result<Entered> {
        let process = self.owner(mapping.vmar)?;
        let Objects { processes, vmars, vmos, mappings, .. } = &mut self.objects;
        let entering = Entering {
            machine: &mut self.machine,
            generation: self.asids.generation(),
            types: &mut self.types,
            mappings,
            process: processes.get_mut(process).ok_or(Status::INTERNAL)?,
            region: vmars.get_mut(mapping.vmar).ok_or(Status::INTERNAL)?,
            shown: &mut vmos.get_mut(mapping.root).ok_or(Status::INTERNAL)?.shown,
        };
        let entered = entering.enter(*mapping, Spot::At(mapping.base), physical)?;
        if let Some(vmo) = vmos.get_mut(mapping.vmo) {
            vmo.count_mapping();
        }
        Ok(entered)
    }

    /// Forgets a mapping that the translation tables no longer show.
    pub(crate) fn release_mapping(&mut self, id: Id<Mapping>) {
        let Objects { vmos, mappings, .. } = &mut self.objects;
        if let Some(vmo) = release(vmos, mappings, &mut self.types, id) {
            self.collect(ObjectRef::Vmo(vmo));
        }
    }

    /// The physical bytes that a mapping shows, if its VMO has any.
    pub(crate) fn physical_part(&self, mapping: &Mapping) -> Option<PhysRange> {
        physical_part(&self.objects.vmos, mapping)
    }

    /// Takes a mapping back that was just entered, the vDSO's too. It ends where its own leaves end, so that
    /// no block is split and no memory needed.
    pub(crate) fn retract_mapping(&mut self, id: Id<Mapping>) -> Result {
        let mapping = *self.objects.mapping(id)?;
        let process = self.owner(mapping.vmar)?;
        let (mut at, end) = (mapping.base, mapping.end());
        while at < end {
            let (machine, space) = self.space_of(process)?;
            let progress = space.unmap(machine, VirtAddr(at), end - at, ENTRIES_A_STEP);
            at = match progress.map_err(Status::from)? {
                Progress::Done => end,
                Progress::UpTo(address) => address.0,
            };
        }
        self.take_out(id, mapping.vmar, mapping.base)
    }

    /// Takes a mapping that the tables no longer show out of its region, and forgets it.
    pub(super) fn take_out(&mut self, id: Id<Mapping>, vmar: Id<Vmar>, base: u64) -> Result {
        self.objects.get_mut(vmar)?.take_back(base);
        self.release_mapping(id);
        Ok(())
    }

    /// Shows pages of `[from, to)` of a mapping which the tables do not show yet and that need no new frame; up to
    /// where it came.
    ///
    /// # Errors
    /// `NO_MEMORY`.
    pub(crate) fn show_piece(&mut self, mapping: &Mapping, from: u64, to: u64) -> Result<u64> {
        let process = self.owner(mapping.vmar)?;
        let is_physical = self.physical_part(mapping).is_some();
        let mut at = from;
        let mut left = LEAVES_SHOWN;
        while left > 0 {
            left -= 1;
            if at >= to || mapping.permissions == 0 {
                return Ok(to);
            }
            let (machine, space) = self.space_of(process)?;
            if let Some(leaf) = space.walk(machine, VirtAddr(at)) {
                let size = covers(leaf.level);
                at = (at & !(size - 1)).saturating_add(size).min(to);
                continue;
            }
            if !is_physical {
                let offset = mapping.start.saturating_add(mapping.offset_of(at));
                let Some(next) = self.next_committed(mapping.root, offset) else { return Ok(to) };
                at = at.saturating_add(next - offset);
                if at >= to {
                    return Ok(to);
                }
                if self.is_particular(mapping.root) && !self.is_settled(mapping.root, next)? {
                    left = left.saturating_sub(LEAVES_A_MOVE - 1);
                }
            }
            match self.show_page(process, at, mapping, Access::Read) {
                Err(Refusal::NoMemory) => return Err(Status::NO_MEMORY),
                Err(Refusal::BeyondEnd) => return Ok(to),
                _ => at += PAGE_SIZE,
            }
        }
        Ok(at.min(to))
    }

    /// Unmaps `[from, to)`, page-aligned, in a bounded piece, and destroys the regions in it, which it
    /// must hold whole.
    ///
    /// # Errors
    /// `NO_MEMORY` if a mapping must be split and cannot. What was unmapped before stays so.
    pub(crate) fn unmap_piece(&mut self, vmar: Id<Vmar>, from: u64, to: u64) -> Result<Work> {
        let process = self.owner(vmar)?;
        let mut at = from;
        let mut budget = STEPS_AN_ENTRY;
        while budget > 0 {
            let entries = budget.saturating_mul(ENTRIES_A_STEP);
            let Some((base, entry)) = self.first_overlap(vmar, at, to)? else { return Ok(Work::Done) };
            let id = match entry {
                Entry::Mapping { id, .. } => id,
                Entry::Region { vmar: inner, size } => {
                    at = base;
                    if !self.tear_down(inner, &mut budget) {
                        return Ok(Work::UpTo(at));
                    }
                    at += size;
                    continue;
                }
            };
            let mapping = *self.objects.mapping(id)?;
            let start = base.max(at);
            let end = mapping.end().min(to);
            budget = budget.saturating_sub(steps_of(end - start));
            // A mapping that goes as a whole, and in one step, leaves nothing that needs a place.
            let is_whole = (start, end) == (mapping.base, mapping.end());
            if !is_whole || mapping.length > SHORT {
                self.objects.get_mut(vmar)?.entries.reserve(1).map_err(Status::from)?;
                self.objects.mappings.reserve()?;
                if self.physical_part(&mapping).is_some() {
                    self.types.reserve_removal()?;
                }
            }
            let (machine, space) = self.space_of(process)?;
            let done =
                match space.unmap(machine, VirtAddr(start), end - start, entries).map_err(Status::from)? {
                    Progress::Done => end,
                    Progress::UpTo(address) => address.0,
                };
            self.carve(id, &mapping, start, done)?;
            at = done;
            if at >= to {
                return Ok(Work::Done);
            }
        }
        Ok(if self.first_overlap(vmar, at, to)?.is_some() { Work::UpTo(at) } else { Work::Done })
    }

    /// Takes `[start, end)` out of the record of a mapping that the tables no longer show there. Places were
    /// reserved for what that cuts off.
    fn carve(&mut self, id: Id<Mapping>, mapping: &Mapping, start: u64, end: u64) -> Result {
        if start == mapping.base && end == mapping.end() {
            return self.take_out(id, mapping.vmar, start);
        }
        self.objects.get_mut(mapping.vmar)?.note_free(start);
        let parts = self.physical_part(&mapping.part(start, end)).zip(self.physical_part(mapping));
        if let Some((part, all)) = parts {
            self.types.remove_part(part, all, mapping.policy)?;
        }
        if start > mapping.base {
            self.end_at(id, start)?;
            if end < mapping.end() {
                self.add_tail(id, mapping, end)?;
            }
            return Ok(());
        }
        let rest = mapping.part(end, mapping.end());
        let entries = &mut self.objects.get_mut(mapping.vmar)?.entries;
        entries.remove(start);
        entries.try_insert(end, Entry::Mapping { id, length: rest.length }).map_err(Status::from)?;
        let mapping = self.objects.mapping_mut(id)?;
        (mapping.base, mapping.length, mapping.offset) = (rest.base, rest.length, rest.offset);
        Ok(())
    }

    /// Has a mapping end at `end`, up to which nothing else is.
    pub(super) fn end_at(&mut self, id: Id<Mapping>, end: u64) -> Result {
        let mapping = self.objects.mapping_mut(id)?;
        let (vmar, base, length) = (mapping.vmar, mapping.base, end - mapping.base);
        mapping.length = length;
        // There is an entry with this key: this needs no memory.
        let entries = &mut self.objects.get_mut(vmar)?.entries;
        entries.try_insert(base, Entry::Mapping { id, length }).map_err(Status::from)?;
        Ok(())
    }

    /// Makes what a mapping showed from `from` on a mapping of its own. Places were reserved for it.
    fn add_tail(&mut self, of: Id<Mapping>, mapping: &Mapping, from: u64) -> Result<Id<Mapping>> {
        let tail = mapping.part(from, mapping.end());
        let id = self.objects.mappings.insert(tail)?;
        let entry = Entry::Mapping { id, length: tail.length };
        let entries = &mut self.objects.get_mut(mapping.vmar)?.entries;
        entries.try_insert(from, entry).map_err(Status::from)?;
        let Objects { vmos, mappings, .. } = &mut self.objects;
        if let Some(root) = vmos.get_mut(tail.root) {
            root.shown.insert_after(mappings, id, of);
        }
        if let Some(vmo) = vmos.get_mut(tail.vmo) {
            vmo.count_mapping();
        }
        Ok(id)
    }

    /// Gives `[from, to)`, page-aligned, other permissions, in a bounded piece. In regions inside this one
    /// permissions are only taken away, and only if `op_children` says that it may.
    ///
    /// # Errors
    /// `NOT_FOUND` at a gap, `ACCESS_DENIED` beyond what a mapping may become and for the vDSO's code,
    /// `INVALID_ARGS` at a region without `op_children`, `NO_MEMORY`. Mappings before the one refused have
    /// changed.
    pub(crate) fn protect_piece(
        &mut self,
        vmar: Id<Vmar>,
        (from, to): (u64, u64),
        permissions: u32,
        op_children: bool,
    ) -> Result<Work> {
        let process = self.owner(vmar)?;
        let mut at = from;
        let mut budget = STEPS_AN_ENTRY;
        while budget > 0 {
            if at >= to {
                return Ok(Work::Done);
            }
            let entries = budget.saturating_mul(ENTRIES_A_STEP);
            let entry = self.objects.get(vmar)?.entries.containing(at).ok_or(Status::NOT_FOUND)?.1;
            let is_below = entry.mapping().is_none();
            if is_below && !op_children {
                return Err(Status::INVALID_ARGS);
            }
            let (id, &mapping) = self.mapping_within(vmar, at).ok_or(Status::NOT_FOUND)?;
            let most = if is_below { mapping.permissions } else { mapping.max_permissions };
            if mapping.is_vdso_code || permissions & !most != 0 {
                return Err(Status::ACCESS_DENIED);
            }
            if permissions & PERM_EXECUTE != 0 && mapping.policy.is_device() {
                return Err(Status::ACCESS_DENIED);
            }
            let end = mapping.end().min(to);
            budget = budget.saturating_sub(steps_of(end - at));
            self.reserve_cuts(mapping.vmar, 2, self.physical_part(&mapping).is_some())?;
            let changed = Mapping { permissions, ..mapping };
            // A page that others have, too, must not become writable: what cannot be told apart here comes back by
            // faults, which can.
            let comes_back = permissions & PERM_WRITE != 0 && self.may_not_write(mapping.root);
            let (machine, space) = self.space_of(process)?;
            let progress = if comes_back {
                space.unmap(machine, VirtAddr(at), end - at, entries)
            } else {
                space.protect(machine, VirtAddr(at), end - at, changed.attributes(), entries)
            };
            let done = match progress.map_err(Status::from)? {
                Progress::Done => end,
                Progress::UpTo(address) => address.0,
            };
            let id = self.split_at(id, at)?;
            self.split_at(id, done)?;
            self.objects.mapping_mut(id)?.permissions = permissions;
            at = done;
        }
        Ok(if at < to { Work::UpTo(at) } else { Work::Done })
    }

    /// Reserves places for so many more mappings in a region, parts of others, and to forget physical bytes of them.
    #[inline(never)]
    pub(super) fn reserve_cuts(&mut self, vmar: Id<Vmar>, parts: usize, is_physical: bool) -> Result {
        self.objects.get_mut(vmar)?.entries.reserve(parts as u32).map_err(Status::from)?;
        self.objects.mappings.reserve_many(parts)?;
        if is_physical { self.types.reserve_removal() } else { Ok(()) }
    }

    /// Cuts the record of a mapping in two at `at`, if it lies within; both show the same pages as before. The
    /// ledger of memory types is cut too, so that neither needs memory to be forgotten. Gives what starts at `at`,
    /// or the whole.
    #[inline(never)]
    pub(super) fn split_at(&mut self, id: Id<Mapping>, at: u64) -> Result<Id<Mapping>> {
        let mapping = *self.objects.mapping(id)?;
        if at <= mapping.base || at >= mapping.end() {
            return Ok(id);
        }
        self.end_at(id, at)?;
        let tail = self.add_tail(id, &mapping, at)?;
        if let Some(range) = self.physical_part(&mapping.part(at, mapping.end())) {
            self.types.split(range.base(), mapping.policy)?;
        }
        Ok(tail)
    }

    /// The process whose address space a region is part of.
    ///
    /// # Errors
    /// `BAD_STATE` if the region or the process has ended: nothing more is put into what is being taken apart. For want of
    /// a frame a region may have ended since the call looked.
    pub(crate) fn owner(&self, vmar: Id<Vmar>) -> Result<Id<Process>> {
        let region = self.objects.get(vmar)?;
        let process = region.process.filter(|_| !region.is_over()).ok_or(Status::BAD_STATE)?;
        let lives = self.objects.processes.get(process).is_some_and(|process| !process.is_over());
        if lives { Ok(process) } else { Err(Status::BAD_STATE) }
    }

    /// The first thing of a region in `[from, to)`, and where it starts.
    #[inline(never)]
    pub(super) fn first_overlap(&self, vmar: Id<Vmar>, from: u64, to: u64) -> Result<Option<(u64, Entry)>> {
        let found = self.objects.get(vmar)?.entries.first_overlap(from, to);
        Ok(found)
    }
}
