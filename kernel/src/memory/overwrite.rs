//! A mapping that takes the place of others: all of it happens, or nothing.
//!
//! The tables stop showing what was there first. That may be long and is done in pieces, but nobody can tell: the records
//! stay, and a page that is touched meanwhile comes back. What can fail comes next: room for the records, for what
//! the ledger of memory types has to know, and tables for what is shown at once. Then the old records go and the new
//! one comes, in one entry into the kernel.
//!
//! Of very many records the first ones go so, and the new one comes as long as they were. The next entry finds it there,
//! makes it longer over the next ones, and so on. That needs no more memory, unless the ledger has to know of it.
use abi::vmo::CachePolicy;
use abi::{PAGE_SIZE, PhysRange, Status, VirtAddr, status::Result};

use super::entering::{Entered, show, shown_at_once};
use super::stage1::Progress;
use super::types::PIECE;
use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::object::{Mapping, Vmar};
use crate::ports::Machine;

/// Mappings that go in one entry.
const REPLACED_AT_ONCE: usize = 32;
/// Places that one piece may need beyond those that the piece before it did not use.
const MORE: usize = 12;
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
    /// Up to where the new mapping may come at once, if all would be more than is taken away or cleaned at once.
    piece: Option<u64>,
}

impl<M: Machine> Kernel<M> {
    /// Enters a mapping in the place of what is mapped at its addresses, where no other region is, and shows the
    /// [physical part](Self::physical_part) of it. `None` if it must be asked for again first.
    ///
    /// # Errors
    /// `NO_MEMORY`, or `BAD_STATE` if a page of it would be mapped elsewhere with another memory type, or
    /// [is left](super::left) by one. Nothing changed but for pieces of physical mappings.
    pub(crate) fn enter_over(
        &mut self,
        mapping: &Mapping,
        physical: Option<PhysRange>,
    ) -> Result<Option<Entered>> {
        let (vmar, from, to) = (mapping.vmar, mapping.base, mapping.end());
        let (begun, start) = match self.begun(mapping)? {
            Some((id, end)) => (Some(id), end),
            None => (None, from),
        };
        let mut part = mapping.part(start, to);
        let mut replaced = self.replaced(&part, physical)?;
        if begun.is_none() && replaced.mappings == 0 {
            return self.enter_mapping(mapping, physical).map(Some);
        }
        part.length = replaced.piece.unwrap_or(to) - start;
        // The first of many pieces reserves for all.
        let more = if replaced.piece.is_some() && begun.is_none() { MORE } else { 0 };
        // What is left of others at three edges, and the new one.
        if begun.is_none() || self.across(vmar, part.end())?.or(self.across(vmar, to)?).is_some() {
            self.reserve_cuts(vmar, 4 + more, true)?;
        }
        self.reserve_types(&replaced, physical, mapping.policy, more)?;
        let process = self.owner(vmar)?;
        let (machine, space) = self.space_of(process)?;
        let cleared = space.unmap(machine, VirtAddr(from), to - from, ENTRIES_LOOKED_AT);
        if cleared.map_err(Status::from)? != Progress::Done {
            return Ok(None);
        }
        let mut shown = 0;
        if replaced.piece.is_some() {
            // It is shown when it is touched: the next piece comes soon, or all.
            let range = self.physical_part(&part);
            replaced = self.replaced(&part, range)?;
            match self.reserve_types(&replaced, range, mapping.policy, 0) {
                // What is replaced further on shows some of it, too: all of that goes first.
                Err(Status::BAD_STATE) => return self.unmap_piece(vmar, start, to).map(|_| None),
                reserved => reserved?,
            }
        } else if let Some(range) = physical {
            shown = shown_at_once(from, range);
            let process = self.objects.get_mut(process)?;
            let (generation, all) = (self.asids.generation(), (from, range.base(), shown));
            // What was begun goes on without: it is shown when it is touched.
            if mapping.permissions != 0
                && let Err(status) = show(&mut self.machine, generation, process, all, mapping.attributes())
                && begun.is_none()
            {
                return Err(status);
            }
        }
        let id = self.take_place(begun, &part, to, &replaced)?;
        Ok((part.end() == to).then_some(Entered { id, base: from, shown }))
    }

    /// What an entry before this one has begun with, and its end: a mapping that is just the beginning of the new one.
    fn begun(&self, new: &Mapping) -> Result<Option<(Id<Mapping>, u64)>> {
        let found = self.first_overlap(new.vmar, new.base, new.base + PAGE_SIZE)?;
        let id = found.filter(|(base, _)| *base == new.base).and_then(|(_, entry)| entry.mapping());
        let Some(id) = id else { return Ok(None) };
        let old = self.objects.mapping(id)?;
        let what =
            |it: &Mapping| (it.vmo, it.offset, it.permissions, it.max_permissions, it.ends_with_content);
        Ok((what(old) == what(new) && old.length <= new.length).then_some((id, old.end())))
    }

    /// Reserves what the ledger of memory types needs for physical bytes in the place of what is replaced.
    fn reserve_types(
        &mut self,
        replaced: &Replaced,
        physical: Option<PhysRange>,
        policy: CachePolicy,
        more: usize,
    ) -> Result {
        let Some(range) = physical else { return Ok(()) };
        self.types.reserve_instead(range, policy, replaced.of_another_type, more)
    }

    /// What a mapping would replace.
    #[inline(never)]
    fn replaced(&self, mapping: &Mapping, physical: Option<PhysRange>) -> Result<Replaced> {
        let (from, to) = (mapping.base, mapping.end());
        let mut replaced = Replaced { mappings: 0, of_another_type: 0, cached: None, piece: None };
        let mut at = from;
        while at < to
            && let Some((base, entry)) = self.first_overlap(mapping.vmar, at, to)?
        {
            if replaced.mappings == REPLACED_AT_ONCE {
                // Where there are more none gives way to another type.
                replaced = Replaced { of_another_type: 0, cached: None, piece: Some(at), ..replaced };
                break;
            }
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

    /// The mapping that has an address in it, but not as its first one.
    #[inline(never)]
    fn across(&self, vmar: Id<Vmar>, edge: u64) -> Result<Option<Id<Mapping>>> {
        let found = self.first_overlap(vmar, edge, edge + PAGE_SIZE)?;
        Ok(found.filter(|(base, _)| *base < edge).and_then(|(_, entry)| entry.mapping()))
    }

    /// Takes the records of what is mapped in `[from, end)`, a few mappings, which the tables do not show as theirs any more, and
    /// cuts the one across `to`. Places were reserved for what is left of those at the edges.
    fn take_replaced(&mut self, vmar: Id<Vmar>, (from, end): (u64, u64), to: u64) -> Result {
        for edge in [from, end, to] {
            if let Some(id) = self.across(vmar, edge)? {
                self.split_at(id, edge)?;
            }
        }
        while let Some((base, entry)) = self.first_overlap(vmar, from, end)? {
            self.take_out(entry.mapping().ok_or(Status::INTERNAL)?, vmar, base)?;
        }
        Ok(())
    }

    /// Notes a part of a mapping that ends at `to`, as its beginning or behind what was begun, in the place of others, which the
    /// tables do not show any more. Places were reserved for it.
    fn take_place(
        &mut self,
        begun: Option<Id<Mapping>>,
        part: &Mapping,
        to: u64,
        replaced: &Replaced,
    ) -> Result<Id<Mapping>> {
        // The tables have shown it as cached, and do not show it any more.
        if let Some(cached) = replaced.cached {
            self.machine.clean_pages(cached, part.policy);
        }
        self.take_replaced(part.vmar, (part.base, part.end()), to)?;
        while let Some(cached) = replaced.cached
            && self.types.take_left(cached)?.is_some()
        {}
        let range = self.physical_part(part);
        let Some(id) = begun else {
            // What of it is shown at once is shown already.
            let id = self.enter_mapping(&Mapping { permissions: 0, ..*part }, range)?.id;
            self.objects.mapping_mut(id)?.permissions = part.permissions;
            return Ok(id);
        };
        if let Some(range) = range {
            self.types.add(range, part.policy)?;
            self.types.join_mapped(range.base(), part.policy)?;
        }
        self.end_at(id, part.end())?;
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
