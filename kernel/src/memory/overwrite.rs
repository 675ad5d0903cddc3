//! A mapping that takes the place of others: all of it happens, or nothing.
//!
//! The tables stop showing what was there first. That may be long and is done in pieces, but nobody can tell: the records
//! stay, and a page that is touched meanwhile comes back. What can fail comes next: room for the records, for what
//! the ledger of memory types has to know, and tables for what is shown at once. Then the old records go and the new
//! one comes, in one entry into the kernel.
use abi::vmo::CachePolicy;
use abi::{PAGE_SIZE, PhysRange, Status, VirtAddr, status::Result};

use super::entering::{Entered, show, shown_at_once};
use super::stage1::Progress;
use super::types::PIECE;
use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::object::{Mapping, Objects, Vmar};
use crate::ports::Machine;

/// Mappings that go in one entry. Of more, those before the last so many go in pieces.
const REPLACED_AT_ONCE: usize = 32;
/// Entries of the tables that one entry into the kernel looks at: more than there are around an empty range.
const ENTRIES_LOOKED_AT: u32 = 3072;

/// What is mapped where a new mapping is to be.
struct Replaced {
    /// Mappings, as far as they were counted.
    mappings: usize,
    /// Pages that the new mapping shows, too, and they with another memory type.
    of_another_type: u64,
    /// Where those of them lie, and perhaps others of the new mapping's, that they show as cached: up to the end of the piece.
    cached: Option<PhysRange>,
    /// Up to where the new mapping may come at once, if that would be more than is cleaned at once.
    piece: Option<u64>,
}

impl<M: Machine> Kernel<M> {
    /// Enters a mapping in the place of what is mapped at its addresses, where no other region is, and shows the
    /// [physical part](Self::physical_part) of it. `None` if it must be asked for again first.
    ///
    /// # Errors
    /// `NO_MEMORY`, or `BAD_STATE` if a page of it would be mapped elsewhere with another memory type, or
    /// [is left](super::left) by one. Nothing changed but for mappings that were too many, and pieces.
    pub(crate) fn enter_over(
        &mut self,
        mapping: &Mapping,
        physical: Option<PhysRange>,
    ) -> Result<Option<Entered>> {
        let (vmar, from, to) = (mapping.vmar, mapping.base, mapping.end());
        let replaced = self.replaced(mapping, physical)?;
        if replaced.mappings == 0 {
            return self.enter_mapping(mapping, physical).map(Some);
        }
        // One more than there is, for each edge that lies within a mapping, and the new one.
        self.objects.get_mut(vmar)?.entries.reserve(3).map_err(Status::from)?;
        self.objects.mappings.reserve_many(3)?;
        match physical {
            Some(range) => self.types.reserve_instead(range, mapping.policy, replaced.of_another_type)?,
            None => self.types.reserve_removal()?,
        }
        let process = self.owner(vmar)?;
        let (machine, space) = self.space_of(process)?;
        let cleared = space.unmap(machine, VirtAddr(from), to - from, ENTRIES_LOOKED_AT);
        if cleared.map_err(Status::from)? != Progress::Done {
            return Ok(None);
        }
        if replaced.mappings > REPLACED_AT_ONCE {
            self.unmap_piece(vmar, from, to)?;
            return Ok(None);
        }
        if let Some(end) = replaced.piece {
            return self.enter_piece(&mapping.part(from, end), to).map(|()| None);
        }
        self.clean_cached(&replaced, mapping.policy);
        let shown = physical.map_or(0, |range| shown_at_once(from, range));
        if let Some(range) = physical.filter(|_| mapping.permissions != 0) {
            let process = self.objects.get_mut(process)?;
            let generation = self.asids.generation();
            show(&mut self.machine, generation, process, (from, range.base(), shown), mapping.attributes())?;
        }
        let id = self.take_place(mapping, physical, &replaced)?;
        Ok(Some(Entered { id, base: from, shown }))
    }

    /// Enters the first piece of a mapping that ends at `to`, in the place of what the tables do not show any more. It is
    /// shown when it is touched: the next piece comes soon, or all.
    fn enter_piece(&mut self, piece: &Mapping, to: u64) -> Result {
        let Some(range) = self.physical_part(piece) else { return Err(Status::INTERNAL) };
        let replaced = self.replaced(piece, Some(range))?;
        match self.types.reserve_instead(range, piece.policy, replaced.of_another_type) {
            Ok(()) => {
                self.clean_cached(&replaced, piece.policy);
                self.take_place(piece, Some(range), &replaced).map(|_| ())
            }
            // What is replaced further on shows some of it, too: all of that goes first.
            Err(Status::BAD_STATE) => self.unmap_piece(piece.vmar, piece.base, to).map(|_| ()),
            Err(status) => Err(status),
        }
    }

    /// Cleans what the tables have shown as cached and do not show any more.
    fn clean_cached(&mut self, replaced: &Replaced, policy: CachePolicy) {
        if let Some(cached) = replaced.cached {
            self.machine.clean_pages(cached, policy);
        }
    }

    /// What a mapping would replace.
    fn replaced(&self, mapping: &Mapping, physical: Option<PhysRange>) -> Result<Replaced> {
        let (from, to) = (mapping.base, mapping.end());
        let mut replaced = Replaced { mappings: 0, of_another_type: 0, cached: None, piece: None };
        let mut at = from;
        while at < to && replaced.mappings <= REPLACED_AT_ONCE {
            let Some((base, entry)) = self.first_overlap(mapping.vmar, at, to)? else { break };
            let old = self.objects.mapping(entry.mapping().ok_or(Status::INTERNAL)?)?;
            at = old.end();
            let old = old.part(base.max(from), at.min(to));
            let both = self.physical_part(&old).zip(physical).filter(|_| old.policy != mapping.policy);
            if let Some(both) = both.and_then(|(old, new)| old.intersect(new)) {
                replaced.of_another_type = replaced.of_another_type.saturating_add(both.size() / PAGE_SIZE);
                if old.policy == CachePolicy::Cached && replaced.piece.is_none() {
                    replaced.add_cached(old.base, both);
                }
            }
            replaced.mappings += 1;
        }
        Ok(replaced)
    }

    /// Takes the records of what is mapped in `[from, to)`, a few mappings, which the tables do not show as theirs any more.
    /// Places were reserved for what is left of those at the edges.
    fn take_replaced(&mut self, vmar: Id<Vmar>, from: u64, to: u64) -> Result {
        for edge in [from, to] {
            let across = self.objects.get(vmar)?.entries.containing(edge);
            if let Some(id) = across.and_then(|(_, entry)| entry.mapping()) {
                self.split_at(id, edge)?;
            }
        }
        while let Some((base, entry)) = self.first_overlap(vmar, from, to)? {
            self.take_out(entry.mapping().ok_or(Status::INTERNAL)?, vmar, base)?;
        }
        Ok(())
    }

    /// Notes a mapping in the place of others, which the tables do not show any more and of which the caches hold nothing. Places
    /// were reserved for it.
    fn take_place(
        &mut self,
        mapping: &Mapping,
        physical: Option<PhysRange>,
        replaced: &Replaced,
    ) -> Result<Id<Mapping>> {
        self.take_replaced(mapping.vmar, mapping.base, mapping.end())?;
        while let Some(cached) = replaced.cached
            && self.types.take_left(cached)?.is_some()
        {}
        let Objects { vmars, vmos, mappings, .. } = &mut self.objects;
        let place = mappings.vacant()?;
        let id = place.id();
        let region = vmars.get_mut(mapping.vmar).ok_or(Status::INTERNAL)?;
        region.put_at(id, mapping.base, mapping.length)?;
        if let Some(range) = physical {
            self.types.add(range, mapping.policy)?;
        }
        let links = vmos.get_mut(mapping.root).ok_or(Status::INTERNAL)?.shown.push_new(id);
        place.fill(Mapping { links, ..*mapping });
        links.tell_next(mappings, id);
        if let Some(vmo) = vmos.get_mut(mapping.vmo) {
            vmo.count_mapping();
        }
        Ok(id)
    }
}

impl Replaced {
    /// Notes pages that an old mapping, or the part of it from `base` on, shows as cached.
    fn add_cached(&mut self, base: u64, pages: PhysRange) {
        let all = match self.cached {
            Some(cached) => {
                PhysRange::from_bounds(cached.base().min(pages.base()), cached.last().max(pages.last()))
            }
            None => Some(pages),
        };
        match all.filter(|all| all.size() <= PIECE) {
            Some(all) => self.cached = Some(all),
            // As much of the first as is cleaned at once, and nothing of a later one.
            None if self.cached.is_none() => self.piece = Some(base.saturating_add(PIECE)),
            None => self.piece = Some(base),
        }
    }
}
