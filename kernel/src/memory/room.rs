//! Where in a region there is room for something new.
use abi::{PAGE_SIZE, PhysAddr, Status, status::Result};

use crate::collections::GapRequest;
use crate::collections::arena::Id;
use crate::object::vmar::Fit;
use crate::object::{Entry, Mapping, Vmar};

/// 1 GiB and 2 MiB: the sizes of the blocks that stage 1 can show.
pub(crate) const BLOCKS: [u64; 2] = [1 << 30, 1 << 21];

/// Room that is wanted in a region.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// Bytes.
    pub length: u64,
    /// What the address must be a multiple of.
    pub align: u64,
    /// Where the physical bytes lie that are to be shown there, if it is that.
    pub physical: Option<PhysAddr>,
}

impl Vmar {
    /// Picks an address for `length` bytes in `[base, end)`; random, and congruent to the physical address so that
    /// blocks can show it.
    ///
    /// # Errors
    /// `NO_RESOURCES` if there is no room.
    #[inline(never)]
    pub(crate) fn pick_address(&mut self, end: u64, room: Room) -> Result<u64> {
        let request = self.request(end, room);
        match self.entries.find_gap(&request) {
            Some(place) if place == request.hint => Ok(place),
            found => self.note_fit(&request, found, room.align),
        }
    }

    #[inline(always)]
    fn request(&self, end: u64, Room { length, align, physical }: Room) -> GapRequest {
        let block = match physical {
            Some(_) if length >= BLOCKS[0] => BLOCKS[0],
            Some(_) if length >= BLOCKS[1] => BLOCKS[1],
            _ => PAGE_SIZE,
        };
        let residue = if align <= block { physical.map_or(0, |base| base.0 & (block - 1)) } else { 0 };
        let (from, align) = (self.base, align.max(block));
        let is_known = (self.fit.align, self.fit.residue) == (align, residue) && length >= self.fit.length;
        let hint = if is_known { self.fit.at.max(self.free_from) } else { self.free_from };
        GapRequest { from, to: end, length, align, residue, hint }
    }

    /// Where the search for a page of room starts: nothing before that is free, and nothing but what is there speaks
    /// against it.
    #[inline(always)]
    pub(crate) fn first_page(&self) -> Option<u64> {
        // All of these are whole pages, and an address space ends far below 2^64.
        Some(self.free_from).filter(|place| *place < self.base.wrapping_add(self.size))
    }

    /// Puts a new mapping where there is room for it. Gives its address.
    ///
    /// # Errors
    /// `NO_RESOURCES` if there is no room, `NO_MEMORY`; nothing changed.
    #[inline(always)]
    pub(super) fn put_anywhere(&mut self, id: Id<Mapping>, room: Room) -> Result<u64> {
        let end = self.base + self.size;
        let request = self.request(end, room);
        let (base, length) = (request.hint, room.length);
        // Most often the very first place is free, and at hand.
        if request.takes(base)
            && let Some(gap) = self.entries.gap_at_hand(base, length)
        {
            gap.put(base, Entry::Mapping { id, length });
            self.note_taken(base, length);
            return Ok(base);
        }
        let base = self.pick_address(end, room)?;
        self.put_at(id, base, length)?;
        Ok(base)
    }

    /// Takes out a mapping's entry.
    #[inline(always)]
    pub(super) fn take_back(&mut self, base: u64) {
        self.entries.remove(base);
        self.note_free(base);
    }

    /// Puts a new mapping at an address where nothing is.
    ///
    /// # Errors
    /// `NO_MEMORY`; nothing changed.
    #[inline(never)]
    pub(super) fn put_at(&mut self, id: Id<Mapping>, base: u64, length: u64) -> Result {
        self.entries.try_insert(base, Entry::Mapping { id, length }).map_err(Status::from)?;
        self.note_taken(base, length);
        Ok(())
    }

    /// The rest of [`Vmar::pick_address`], where the first place that was looked at was not it.
    #[inline(never)]
    fn note_fit(&mut self, request: &GapRequest, found: Option<u64>, least: u64) -> Result<u64> {
        let &GapRequest { length, align, residue, hint, .. } = request;
        self.free_from = self.entries.first_free(self.free_from);
        match found {
            Some(place) => {
                if place > hint {
                    self.fit = Fit { length, align, residue, at: place };
                }
                Ok(place)
            }
            // Where no block can show it, pages can.
            None if align > least => {
                let request = GapRequest { align: least, residue: 0, hint: self.free_from, ..*request };
                self.entries.find_gap(&request).ok_or(Status::NO_RESOURCES)
            }
            None => Err(Status::NO_RESOURCES),
        }
    }
}
