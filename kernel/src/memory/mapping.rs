//! Mapping, unmapping and protecting: the VMAR's record and the tables, changed together.
use abi::vmar::{PERM_EXECUTE, PERM_WRITE};
use abi::{PAGE_SIZE, PhysAddr, PhysRange, Status, VirtAddr, status::Result};

use super::stage1::Progress;
use crate::collections::GapRequest;
use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::lifetime::ENTRIES_A_STEP;
use crate::object::{Entry, Mapping, ObjectRef, Process, Vmar};
use crate::ports::Machine;

/// Steps that one kernel entry makes before it starts over: in each one mapping's record is changed, and up to
/// [`ENTRIES_A_STEP`] entries of the tables.
pub(crate) const STEPS_AN_ENTRY: u32 = 8;
/// 1 GiB and 2 MiB: the sizes of the blocks that stage 1 can show.
const BLOCKS: [u64; 2] = [1 << 30, 1 << 21];
/// Committed pages that `MAP_RANGE` shows at once; the rest come by faults.
const EAGER_PAGES: u64 = 64;

/// Leaves of a physical mapping that are shown at once; the rest come by faults. A window at an address that is
/// congruent to it, where the kernel puts it unless told otherwise, needs few: a block shows 1 GiB.
const EAGER_LEAVES: u64 = 1024;

/// Whether a long operation is finished or must be entered again for the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// All done.
    Done,
    /// Done up to this address.
    UpTo(u64),
}

/// How much of a physical range is shown as soon as it is mapped at `base`: as much as a bounded number of the
/// largest leaves there can show.
fn shown_at_once(base: u64, range: PhysRange) -> u64 {
    let fits = |block: &u64| (base ^ range.base().0) & (block - 1) == 0 && range.size() >= *block;
    let leaf = BLOCKS.into_iter().find(fits).unwrap_or(PAGE_SIZE);
    range.size().min(leaf.saturating_mul(EAGER_LEAVES))
}

impl<M: Machine> Kernel<M> {
    /// Enters a mapping at `base`, where nothing is mapped, and shows the [physical part](Self::physical_part) of it.
    ///
    /// # Errors
    /// `NO_MEMORY`, or `BAD_STATE` if a page of it is mapped elsewhere with another memory type. Nothing changed.
    pub(crate) fn enter_mapping(
        &mut self,
        vmar: Id<Vmar>,
        base: u64,
        mapping: Mapping,
        physical: Option<PhysRange>,
    ) -> Result {
        let process = self.owner(vmar)?;
        if let Some(range) = physical {
            self.types.add(range, mapping.policy)?;
        }
        let entry = Entry::Mapping(mapping);
        let entered = self.objects.get_mut(vmar)?.entries.try_insert(base, entry).map_err(Status::from);
        // Without permissions there is nothing to show; `protect` and faults show it later.
        let shown = entered.and_then(|_| match physical.filter(|_| mapping.permissions != 0) {
            Some(range) => {
                let attributes = mapping.attributes();
                let (machine, space) = self.space_of(process)?;
                space
                    .map_run(machine, VirtAddr(base), range.base(), shown_at_once(base, range), attributes)
                    .map_err(Status::from)
            }
            None => Ok(()),
        });
        if let Err(status) = shown {
            self.objects.get_mut(vmar)?.entries.remove(base);
            if let Some(range) = physical {
                self.types.remove(range)?;
            }
            return Err(status);
        }
        if let Some(vmo) = self.objects.vmos.get_mut(mapping.vmo) {
            vmo.mappings = vmo.mappings.saturating_add(1);
        }
        self.hold(ObjectRef::Vmo(mapping.vmo));
        Ok(())
    }

    /// Takes a mapping back that was just entered, the vDSO's too. It ends where its own leaves end, so that
    /// no block is split and no memory needed.
    pub(crate) fn retract_mapping(&mut self, vmar: Id<Vmar>, base: u64) -> Result {
        let process = self.owner(vmar)?;
        let entry = self.objects.get_mut(vmar)?.entries.remove(base);
        let mapping = entry.as_ref().and_then(Entry::mapping).ok_or(Status::INTERNAL)?;
        let (mut at, end) = (base, base + mapping.length);
        while at < end {
            let (machine, space) = self.space_of(process)?;
            let progress = space.unmap(machine, VirtAddr(at), end - at, ENTRIES_A_STEP);
            at = match progress.map_err(Status::from)? {
                Progress::Done => end,
                Progress::UpTo(address) => address.0,
            };
        }
        self.release_mapping(mapping);
        Ok(())
    }

    /// Shows the pages of a new mapping that have frames already, as far as memory for tables lasts.
    pub(crate) fn show_committed(&mut self, process: Id<Process>, base: u64, mapping: &Mapping) {
        let pages = (mapping.length / PAGE_SIZE).min(EAGER_PAGES);
        for page in 0..pages {
            let offset = mapping.offset.saturating_add(page * PAGE_SIZE);
            let committed = self
                .resolve(mapping.vmo, offset)
                .is_ok_and(|(root, offset)| self.committed(root, offset).is_some());
            let access = if mapping.permissions & PERM_WRITE != 0 {
                crate::ports::Access::Write
            } else if mapping.permissions & PERM_EXECUTE != 0 {
                crate::ports::Access::Execute
            } else {
                crate::ports::Access::Read
            };
            if committed && self.fault_in(process, base + page * PAGE_SIZE, access).is_err() {
                return;
            }
        }
    }

    /// Picks an address for `length` bytes in `[base, end)` of a region; random, and congruent to the
    /// physical address so that blocks can show it.
    pub(crate) fn pick_address(
        &mut self,
        vmar: Id<Vmar>,
        end: u64,
        length: u64,
        align: u64,
        physical: Option<PhysAddr>,
    ) -> Result<u64> {
        let region = self.objects.get(vmar)?;
        let (from, hint) = (region.base, region.hint);
        let block =
            physical.and_then(|_| BLOCKS.into_iter().find(|&block| length >= block)).unwrap_or(PAGE_SIZE);
        for step in [block, PAGE_SIZE] {
            let residue = if align <= step { physical.map_or(0, |base| base.0 & (step - 1)) } else { 0 };
            let request = GapRequest { from, to: end, length, align: align.max(step), residue, hint };
            if let Some(place) = region.entries.find_gap(&request) {
                return Ok(place);
            }
        }
        Err(Status::NO_RESOURCES)
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
            let Some((base, entry)) = self.first_overlap(vmar, at, to)? else { return Ok(Work::Done) };
            let mapping = match entry {
                Entry::Mapping(mapping) => mapping,
                Entry::Region { vmar: inner, size } => {
                    at = base;
                    if !self.tear_down(inner, &mut budget) {
                        return Ok(Work::UpTo(at));
                    }
                    at += size;
                    continue;
                }
            };
            budget -= 1;
            let start = base.max(at);
            let end = (base + mapping.length).min(to);
            self.objects.get_mut(vmar)?.entries.reserve(1).map_err(Status::from)?;
            if self.physical_part(&mapping).is_some() {
                self.types.reserve_removal()?;
            }
            let (machine, space) = self.space_of(process)?;
            let done = match space
                .unmap(machine, VirtAddr(start), end - start, ENTRIES_A_STEP)
                .map_err(Status::from)?
            {
                Progress::Done => end,
                Progress::UpTo(address) => address.0,
            };
            self.carve(vmar, base, &mapping, start, done)?;
            at = done;
        }
        Ok(if self.first_overlap(vmar, at, to)?.is_some() { Work::UpTo(at) } else { Work::Done })
    }

    /// Takes `[start, end)` out of the record of a mapping that the tables no longer show there.
    fn carve(&mut self, vmar: Id<Vmar>, base: u64, mapping: &Mapping, start: u64, end: u64) -> Result {
        let own_end = base + mapping.length;
        let gone = Mapping { length: end - start, offset: mapping.offset + (start - base), ..*mapping };
        let tail = Mapping { length: own_end - end, offset: mapping.offset + (end - base), ..*mapping };
        let mut pieces = 0;
        let region = &mut self.objects.get_mut(vmar)?.entries;
        if start > base {
            region
                .update(base, |entry| *entry = Entry::Mapping(Mapping { length: start - base, ..*mapping }));
            pieces += 1;
        } else {
            region.remove(base);
        }
        if end < own_end {
            region.try_insert(end, Entry::Mapping(tail)).map_err(Status::from)?;
            pieces += 1;
        }
        // `release_mapping` counts one mapping off; each piece that stays counts as one.
        for _ in 0..pieces {
            if let Some(vmo) = self.objects.vmos.get_mut(mapping.vmo) {
                vmo.mappings = vmo.mappings.saturating_add(1);
            }
            self.hold(ObjectRef::Vmo(mapping.vmo));
        }
        self.release_mapping(&gone);
        Ok(())
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
        for _ in 0..STEPS_AN_ENTRY {
            if at >= to {
                return Ok(Work::Done);
            }
            let entry = self.objects.get(vmar)?.entries.containing(at).ok_or(Status::NOT_FOUND)?.1;
            let is_below = entry.mapping().is_none();
            if is_below && !op_children {
                return Err(Status::INVALID_ARGS);
            }
            let (inner, base, &mapping) = self.mapping_within(vmar, at).ok_or(Status::NOT_FOUND)?;
            let most = if is_below { mapping.permissions } else { mapping.max_permissions };
            if mapping.is_vdso_code || permissions & !most != 0 {
                return Err(Status::ACCESS_DENIED);
            }
            if permissions & PERM_EXECUTE != 0 && mapping.policy.is_device() {
                return Err(Status::ACCESS_DENIED);
            }
            let end = (base + mapping.length).min(to);
            self.objects.get_mut(inner)?.entries.reserve(2).map_err(Status::from)?;
            if self.physical_part(&mapping).is_some() {
                self.types.reserve_removal()?;
            }
            let changed = Mapping { permissions, ..mapping };
            let (machine, space) = self.space_of(process)?;
            let done = match space
                .protect(machine, VirtAddr(at), end - at, changed.attributes(), ENTRIES_A_STEP)
                .map_err(Status::from)?
            {
                Progress::Done => end,
                Progress::UpTo(address) => address.0,
            };
            self.split_at(inner, base, at)?;
            self.split_at(inner, base.max(at), done)?;
            self.objects.get_mut(inner)?.entries.update(base.max(at), |entry| {
                if let Entry::Mapping(mapping) = entry {
                    mapping.permissions = permissions;
                }
            });
            at = done;
        }
        Ok(if at < to { Work::UpTo(at) } else { Work::Done })
    }

    /// Cuts the record of the mapping at `base` in two at `at`; both show the same pages as before. The
    /// ledger of memory types is cut too, so that neither needs memory to be forgotten.
    fn split_at(&mut self, vmar: Id<Vmar>, base: u64, at: u64) -> Result {
        let region = &mut self.objects.get_mut(vmar)?.entries;
        let Some(mapping) = region.get(base).and_then(Entry::mapping).copied() else { return Ok(()) };
        if at <= base || at >= base + mapping.length {
            return Ok(());
        }
        let head = Mapping { length: at - base, ..mapping };
        let tail =
            Mapping { length: base + mapping.length - at, offset: mapping.offset + (at - base), ..mapping };
        region.update(base, |entry| *entry = Entry::Mapping(head));
        region.try_insert(at, Entry::Mapping(tail)).map_err(Status::from)?;
        if let Some(range) = self.physical_part(&tail) {
            self.types.split(range.base())?;
        }
        if let Some(vmo) = self.objects.vmos.get_mut(mapping.vmo) {
            vmo.mappings = vmo.mappings.saturating_add(1);
        }
        self.hold(ObjectRef::Vmo(mapping.vmo));
        Ok(())
    }

    /// The process whose address space a region is part of.
    ///
    /// # Errors
    /// `BAD_STATE` if it has ended: nothing more is put into what is being taken apart.
    pub(crate) fn owner(&self, vmar: Id<Vmar>) -> Result<Id<Process>> {
        let process = self.objects.get(vmar)?.process.ok_or(Status::BAD_STATE)?;
        let lives = self.objects.processes.get(process).is_some_and(|process| !process.is_over());
        if lives { Ok(process) } else { Err(Status::BAD_STATE) }
    }

    fn first_overlap(&self, vmar: Id<Vmar>, from: u64, to: u64) -> Result<Option<(u64, Entry)>> {
        let found = self.objects.get(vmar)?.entries.first_overlap(from, to);
        Ok(found.map(|(base, entry)| (base, *entry)))
    }
}
