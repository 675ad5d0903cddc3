//! One mapping that comes or goes as a whole: nearly all of mapping and unmapping.
//!
//! What is worked on is looked up once and handed on by reference, and what is rare is elsewhere.
use abi::{PAGE_SIZE, PhysAddr, PhysRange, Status, VirtAddr, status::Result};

use super::room::{BLOCKS, Room};
use super::stage1::{Attributes, Progress};
use super::types::MemoryTypes;
use crate::collections::arena::{Arena, Id};
use crate::collections::list::{Links, List};
use crate::lifetime::ENTRIES_A_STEP;
use crate::object::{Entry, Mapping, Process, Vmar, Vmo};
use crate::ports::Machine;

/// Bytes of a mapping that surely is unmapped in one step.
pub(super) const SHORT: u64 = ENTRIES_A_STEP as u64 * PAGE_SIZE;
/// Leaves of a physical mapping that are shown at once; the rest come by faults. A window at an address that is
/// congruent to it, where the kernel puts it unless told otherwise, needs few: a block shows 1 GiB.
const EAGER_LEAVES: u64 = 4096;

/// Where a mapping goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Spot {
    /// Here, where nothing is.
    At(u64),
    /// Wherever there is room, so aligned.
    Anywhere {
        /// What the address must be a multiple of.
        align: u64,
    },
}

/// A mapping that was entered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entered {
    pub id: Id<Mapping>,
    pub base: u64,
    /// How many bytes of it are shown, as far as its permissions allow it, from the first one on.
    pub shown: u64,
}

/// What a mapping is entered into, each of it looked up once.
#[derive(Debug)]
pub(crate) struct Entering<'a, M> {
    pub machine: &'a mut M,
    /// The generation of ASIDs.
    pub generation: u64,
    pub types: &'a mut MemoryTypes,
    pub mappings: &'a mut Arena<Mapping>,
    pub process: &'a mut Process,
    pub region: &'a mut Vmar,
    /// The list of its root.
    pub shown: &'a mut List<Mapping>,
}

impl<M: Machine> Entering<'_, M> {
    /// Puts a mapping, whose base does not count, into its region and shows the [physical part](physical_part) of it.
    /// Its VMO does not count it yet.
    ///
    /// # Errors
    /// As for [`Kernel::enter_mapping`], and `NO_RESOURCES`. Nothing changed.
    #[inline(always)]
    pub(crate) fn enter(self, mapping: Mapping, spot: Spot, physical: Option<PhysRange>) -> Result<Entered> {
        let Self { machine, generation, types, mappings, process, region, shown } = self;
        if process.is_over() {
            return Err(Status::BAD_STATE);
        }
        let length = mapping.length;
        let place = mappings.vacant()?;
        let id = place.id();
        let base = match spot {
            Spot::At(base) => {
                region.put_at(id, base, length)?;
                base
            }
            Spot::Anywhere { align } => {
                region.put_anywhere(id, Room { length, align, physical: physical.map(PhysRange::base) })?
            }
        };
        let mut visible = 0;
        if let Some(range) = physical {
            if let Err(status) = types.add(range, mapping.policy) {
                region.take_back(base);
                return Err(status);
            }
            visible = shown_at_once(base, range);
            // Without permissions there is nothing to show; `protect` and faults show it later.
            if mapping.permissions != 0
                && let Err(status) =
                    show(machine, generation, process, (base, range.base(), visible), mapping.attributes())
            {
                types.remove(range);
                region.take_back(base);
                return Err(status);
            }
        }
        let links = shown.push_new(id);
        place.fill(Mapping { base, links, ..mapping });
        links.tell_next(mappings, id);
        Ok(Entered { id, base, shown: visible })
    }
}

/// What a mapping is taken out of, each of it looked up once.
#[derive(Debug)]
pub(crate) struct Leaving<'a, M> {
    pub machine: &'a mut M,
    /// The generation of ASIDs.
    pub generation: u64,
    pub types: &'a mut MemoryTypes,
    pub vmos: &'a mut Arena<Vmo>,
    pub mappings: &'a mut Arena<Mapping>,
    pub process: &'a mut Process,
    pub region: &'a mut Vmar,
}

impl<M: Machine> Leaving<'_, M> {
    /// Unmaps `[from, to)`, page-aligned, if that is one mapping, which goes as a whole and in one step; whether it is.
    /// Most often it is, and leaves nothing that needs memory. Gives its VMO if nothing needs that any more.
    ///
    /// # Errors
    /// `BAD_STATE` for a process without tables. Nothing changed.
    #[inline(always)]
    pub(crate) fn unmap(self, from: u64, to: u64) -> Result<(bool, Option<Id<Vmo>>)> {
        let Self { machine, generation, types, vmos, mappings, process, region } = self;
        let length = to - from;
        let Some(look) = region.entries.look(from) else { return Ok((false, None)) };
        let id = match look.value {
            Entry::Mapping { id, length: all } if all == length => id,
            _ => return Ok((false, None)),
        };
        let space = process.space.as_mut().ok_or(Status::BAD_STATE)?;
        space.forget_old_asid(generation);
        if !space.unmap_at_once(machine, VirtAddr(from), length) {
            let is_short = length <= SHORT;
            if !is_short || space.unmap(machine, VirtAddr(from), length, ENTRIES_A_STEP) != Ok(Progress::Done)
            {
                return Ok((false, None));
            }
        }
        region.entries.take(&look);
        region.note_free(from);
        Ok((true, release(vmos, mappings, types, id)))
    }
}

/// Shows a run of physical pages.
#[inline(always)]
pub(super) fn show<M: Machine>(
    machine: &mut M,
    generation: u64,
    process: &mut Process,
    (base, physical, length): (u64, PhysAddr, u64),
    attributes: Attributes,
) -> Result {
    let space = process.space.as_mut().ok_or(Status::BAD_STATE)?;
    space.forget_old_asid(generation);
    space.map_run(machine, VirtAddr(base), physical, length, attributes).map_err(Status::from)
}

/// How much of a physical range is shown as soon as it is mapped at `base`: as much as a bounded number of the
/// largest leaves there can show.
#[inline(always)]
pub(super) fn shown_at_once(base: u64, range: PhysRange) -> u64 {
    if range.size() <= PAGE_SIZE * EAGER_LEAVES { range.size() } else { shown_of_many(base, range) }
}

/// The rest of [`shown_at_once`], for a range that may be more than is shown.
#[inline(never)]
fn shown_of_many(base: u64, range: PhysRange) -> u64 {
    let fits = |block: &u64| (base ^ range.base().0) & (block - 1) == 0 && range.size() >= *block;
    let leaf = BLOCKS.into_iter().find(fits).unwrap_or(PAGE_SIZE);
    range.size().min(leaf.saturating_mul(EAGER_LEAVES))
}

/// The physical bytes that a mapping shows, if its VMO has any.
#[inline(always)]
pub(crate) fn physical_part(vmos: &Arena<Vmo>, mapping: &Mapping) -> Option<PhysRange> {
    let &Mapping { vmo, root, start, offset, length, .. } = mapping;
    if root == vmo {
        return vmos.get(vmo)?.physical_bytes(offset, length);
    }
    physical_through(vmos, (vmo, root), (start, offset), length)
}

/// [`physical_part`] of a mapping whose VMO has its bytes from another one.
#[inline(never)]
fn physical_through(
    vmos: &Arena<Vmo>,
    (vmo, root): (Id<Vmo>, Id<Vmo>),
    (start, offset): (u64, u64),
    length: u64,
) -> Option<PhysRange> {
    let base = vmos.get(root)?.physical_at(start.checked_add(offset)?)?;
    PhysRange::new(base, length.min(vmos.get(vmo)?.size.saturating_sub(offset))).ok()
}

/// Forgets a mapping that the translation tables and its region no longer show. Gives its VMO if nothing needs that
/// any more.
#[inline(always)]
pub(super) fn release(
    vmos: &mut Arena<Vmo>,
    mappings: &mut Arena<Mapping>,
    types: &mut MemoryTypes,
    id: Id<Mapping>,
) -> Option<Id<Vmo>> {
    let part = |gone: Mapping| (gone.vmo, gone.root, gone.start, gone.links, gone.offset, gone.length);
    let (vmo, root, start, links, offset, length) = mappings.remove_for(id, part)?;
    if root != vmo {
        let physical = physical_through(vmos, (vmo, root), (start, offset), length);
        leave_list(vmos.get_mut(root)?, mappings, id, links);
        return leave(vmos.get_mut(vmo)?, types, physical).then_some(vmo);
    }
    let own = vmos.get_mut(vmo)?;
    leave_list(own, mappings, id, links);
    let physical = own.physical_bytes(offset, length);
    leave(own, types, physical).then_some(vmo)
}

/// Counts a mapping less of a VMO, of which these physical bytes were shown. Whether nothing needs the VMO any more.
#[inline(always)]
fn leave(own: &mut Vmo, types: &mut MemoryTypes, physical: Option<PhysRange>) -> bool {
    own.mappings = own.mappings.saturating_sub(1);
    own.header.holds = own.header.holds.saturating_sub(1);
    let is_needed = own.header.holds > 0 || own.header.handles > 0;
    if let Some(range) = physical {
        types.remove(range);
    }
    !is_needed
}

/// Takes a mapping that is gone out of the list of its root, and out of the way of what is being taken out of that one's mappings.
#[inline(always)]
fn leave_list(root: &mut Vmo, mappings: &mut Arena<Mapping>, id: Id<Mapping>, links: Links<Mapping>) {
    if let Some(withdrawal) = root.withdrawal.as_mut().filter(|it| it.at == Some(id)) {
        (withdrawal.at, withdrawal.cleared) = (links.next(), 0);
    }
    root.shown.unlink(mappings, links);
}
