//! One page, mapped or unmapped at once: what drivers ask for most.
//!
//! Each of these looks everything up, and checks everything, before it changes anything: there is nothing to undo. What
//! is not the plain case, for whatever reason, it leaves as it is for [`Kernel::sys_vmar_map`] and
//! [`Kernel::sys_vmar_unmap`], which look again and know all the others. So no rule is here alone; each answer is theirs.
use abi::vmar::{MAP_RANGE, PERM_MASK, PERM_READ, PERM_WRITE};
use abi::{PAGE_SIZE, Rights, VirtAddr, status::Result};

use super::{Args, Arguments, Caller, Exit};
use crate::kernel::Kernel;
use crate::memory::user::write_shown;
use crate::object::vmar::permissions_of;
use crate::object::{Entry, Mapping, Objects, Vmar, Vmo};
use crate::ports::Machine;

/// What the options of a plain call may be.
const PLAIN: u32 = PERM_READ | PERM_WRITE | MAP_RANGE;

impl<M: Machine> Kernel<M> {
    /// `zx_vmar_map`, if it is of one page of a physical VMO, anywhere in the caller's own space, where a page's place and
    /// table are at hand. Whether it was done; if not, nothing has changed.
    #[inline(always)]
    pub(super) fn map_page(&mut self, caller: Caller, args: &Args) -> bool {
        args.word(5) == PAGE_SIZE && self.try_map_page(caller, args).is_some()
    }

    /// `zx_vmar_unmap`, if it is of one page that is a whole mapping in the caller's own space, whose VMO stays, and whose
    /// table is at hand. Whether it was done; if not, nothing has changed.
    #[inline(always)]
    pub(super) fn unmap_page(&mut self, caller: Caller, args: &Args) -> bool {
        args.word(2) == PAGE_SIZE && self.try_unmap_page(caller, args).is_some()
    }

    /// The other way of `zx_vmar_map`. Who calls is looked up once more, so that [`Kernel::map_page`] need not keep it.
    pub(super) fn map_slowly(&mut self, args: &mut Args) -> Result<Exit> {
        self.sys_vmar_map(self.caller()?, args)
    }

    /// The other way of `zx_vmar_unmap`, likewise.
    pub(super) fn unmap_slowly(&mut self, args: &mut Args) -> Result<Exit> {
        self.sys_vmar_unmap(self.caller()?, args)
    }

    #[inline(always)]
    fn try_map_page(&mut self, caller: Caller, args: &Args) -> Option<()> {
        let (options, vmo_offset, out) = (args.half(1), args.word(4), args.word(6));
        let permissions = options & PERM_MASK;
        if options & !PLAIN != 0 || options & PERM_READ == 0 || args.word(2) != 0 || self.populating > 0 {
            return None;
        }
        let Objects { processes, vmars, vmos, mappings, .. } = &mut self.objects;
        let process = processes.get_mut(caller.process)?;
        let (vmar, vmar_rights) = process.handles.find::<Vmar>(args.half(0))?;
        let (vmo, vmo_rights) = process.handles.find::<Vmo>(args.half(3))?;
        let region = vmars.get_mut(vmar)?;
        let mapped = vmos.get_mut(vmo)?;
        let max_permissions = permissions_of(vmo_rights) & permissions_of(vmar_rights);
        let is_allowed = permissions & !(max_permissions & region.permissions()) == 0;
        if !is_allowed || !vmo_rights.contains(Rights::MAP) {
            return None;
        }
        // Who calls is no thread of a process that is over.
        if region.process != Some(caller.process) || region.is_over() {
            return None;
        }
        // Of a physical VMO there is neither discarding nor the vDSO nor code to be wary of.
        let physical = mapped.physical_at(vmo_offset).filter(|at| at.is_page_aligned())?;
        let policy = mapped.policy;
        let types = self.types.at_hand(physical.page()).filter(|types| types.takes(policy))?;
        let base = region.first_page()?;
        let gap = region.entries.gap_at_hand(base, PAGE_SIZE)?;
        let place = mappings.vacant_at_hand()?;
        let id = place.id();
        let links = mapped.shown.links_in_front();
        let mapping = Mapping {
            vmar,
            base,
            length: PAGE_SIZE,
            vmo,
            offset: vmo_offset,
            root: vmo,
            start: 0,
            permissions,
            max_permissions,
            policy,
            ends_with_content: false,
            is_vdso_code: false,
            links,
        };
        // The space that this CPU uses has an ASID of the present generation.
        let space = process.space.as_mut()?;
        let place_of_page = space.place_of_page(VirtAddr(base), physical, mapping.attributes())?;
        // The last that may go wrong. Nothing is in the tables where nothing is in the region.
        if !write_shown(&mut self.machine, out, base.to_le_bytes())
            || !space.put_page(&mut self.machine, place_of_page)
        {
            return None;
        }
        types.add();
        mapped.shown.push_new(id);
        mapped.count_mapping();
        place.fill(mapping);
        links.tell_next(mappings, id);
        gap.put(base, Entry::Mapping { id, length: PAGE_SIZE });
        region.note_taken(base, PAGE_SIZE);
        Some(())
    }

    #[inline(always)]
    fn try_unmap_page(&mut self, caller: Caller, args: &Args) -> Option<()> {
        let from = args.word(1);
        let Objects { processes, vmars, vmos, mappings, .. } = &mut self.objects;
        let process = processes.get_mut(caller.process)?;
        let (vmar, _) = process.handles.find::<Vmar>(args.half(0))?;
        let region = vmars.get_mut(vmar)?;
        if region.process != Some(caller.process) || region.is_over() {
            return None;
        }
        // Its own mapping lies inside the region, in no other one, and begins where a page does.
        let (entry, value) = region.entries.look_at_hand(from)?;
        let Entry::Mapping { id, length: PAGE_SIZE } = value else { return None };
        let gone = mappings.occupied(id)?;
        let &Mapping { vmo, root, offset, links, .. } = gone.get();
        // Of a physical VMO: it is not the vDSO.
        let own = vmos.get_mut(vmo).filter(|_| root == vmo)?;
        if own.withdrawal.is_some() || !own.stays_without_a_mapping() {
            return None;
        }
        let types = self.types.at_hand(own.physical_at(offset)?.page()).filter(|types| types.is_mapped())?;
        let space = process.space.as_mut()?;
        let leaf = space.near_page(VirtAddr(from))?;
        types.remove();
        entry.take();
        region.note_free(from);
        space.drop_page(&mut self.machine, VirtAddr(from), leaf);
        gone.delete();
        own.shown.unlink(mappings, links);
        own.discount_mapping();
        Some(())
    }
}
