//! What becomes of ranges of a VMO's pages: frames come, go and are zeroed, a bounded piece at a time.
//!
//! Each function here does one piece and says up to where it came: the caller's call is made again for the rest.
//! Each takes a VMO that has pages itself, no slice of one.
use abi::{PAGE_SIZE, PhysAddr, Status, status::Result};

use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::object::{Content, Thread, Vmo};
use crate::ports::{Machine, Maintenance};

/// Bytes whose pages lose their frames in one piece, which is as many in the VMO at most.
const BYTES_FREED: u64 = 64 * PAGE_SIZE;
/// Bytes that are zeroed, or maintained in the caches, in one piece.
const BYTES_TOUCHED: u64 = 16 * PAGE_SIZE;
/// Nodes of a tree of pages that are gone through at a time.
const STEPS_OF_A_TREE: u32 = 8;
/// Units of teardown after a piece of discarding.
const UNITS_OF_TEARDOWN: u32 = 64;
/// Pieces of discarding in a row for one frame.
const PIECES_FOR_A_FRAME: u32 = 16;
/// VMOs that are looked at for one that can be discarded now.
const CANDIDATES: u32 = 16;

impl<M: Machine> Kernel<M> {
    /// The first byte of the first page at or after `offset` that has a frame.
    pub(crate) fn next_committed(&self, vmo: Id<Vmo>, offset: u64) -> Option<u64> {
        match &self.objects.vmos.get(vmo)?.content {
            Content::Paged(pages) => {
                self.trees.next_from(pages, offset / PAGE_SIZE).map(|page| page * PAGE_SIZE)
            }
            Content::Physical(_) | Content::Slice { .. } | Content::Reference(_) => None,
        }
    }

    /// The first byte of the last page in `[from, to)` that has a frame. Costs a look-up for each bit of the range.
    fn last_committed(&self, vmo: Id<Vmo>, from: u64, to: u64) -> Option<u64> {
        let mut last = self.next_committed(vmo, from).filter(|&at| at < to)?;
        let mut end = to;
        while end - last > PAGE_SIZE {
            let middle = last + ((end - last) / 2).next_multiple_of(PAGE_SIZE);
            match self.next_committed(vmo, middle) {
                Some(at) if at < end => last = at,
                _ => end = middle,
            }
        }
        Some(last)
    }

    /// Gives pages of `[from, to)` frames.
    ///
    /// # Errors
    /// `NO_MEMORY`. Those before have theirs.
    pub(crate) fn commit_piece(&mut self, vmo: Id<Vmo>, from: u64, to: u64) -> Result<u64> {
        let end = from.saturating_add(BYTES_TOUCHED).min(to);
        let mut at = from;
        let mut left = BYTES_TOUCHED / PAGE_SIZE;
        while at < end && left > 0 && self.commit_in_pieces(vmo, at, &mut left)?.is_some() {
            at = (at & !(PAGE_SIZE - 1)) + PAGE_SIZE;
            left -= 1;
        }
        Ok(at.min(to))
    }

    /// Takes the frames of `[from, to)`, whole pages, away. The call is `owner`'s.
    ///
    /// # Errors
    /// As for [`Kernel::withdraw`]; `BAD_STATE` if a device may reach a page of it.
    pub(crate) fn decommit_piece(
        &mut self,
        owner: Option<Id<Thread>>,
        vmo: Id<Vmo>,
        from: u64,
        to: u64,
    ) -> Result<u64> {
        if self.is_pinned(vmo, from, to)? {
            return Err(Status::BAD_STATE);
        }
        let Some(first) = self.next_committed(vmo, from).filter(|&at| at < to) else { return Ok(to) };
        // Pieces lie where they lie whatever others do to pages before: a withdrawal is of one of them.
        let start = (first & !(BYTES_FREED - 1)).max(from);
        let end = (first & !(BYTES_FREED - 1)).saturating_add(BYTES_FREED).min(to);
        if !self.withdraw(owner, vmo, start, end)? {
            return Ok(start);
        }
        self.free_pages(vmo, first, end)?;
        Ok(end)
    }

    /// Makes a VMO smaller: as large as `size`, or as small as it gets in one piece. The call is `owner`'s.
    ///
    /// # Errors
    /// As for [`Kernel::withdraw`]; `BAD_STATE` if a device may reach a page that it would lose.
    pub(crate) fn shrink_piece(&mut self, owner: Option<Id<Thread>>, vmo: Id<Vmo>, size: u64) -> Result<u64> {
        let old = self.objects.get(vmo)?.size;
        if self.is_pinned(vmo, size, old)? {
            return Err(Status::BAD_STATE);
        }
        let last = self.last_committed(vmo, size, old);
        let (start, mut end) = match last.map(|last| last & !(BYTES_FREED - 1)) {
            Some(piece) => (piece.max(size), piece.saturating_add(BYTES_FREED).min(old)),
            None => (size, size),
        };
        // What lies beyond has no frames. If it is not shown as zeros either, it goes at once.
        if self.objects.get(vmo)?.may_show_zeros() {
            end = old;
        }
        if start < end && !self.withdraw(owner, vmo, start, end)? {
            return self.cut_off(vmo, end);
        }
        self.free_pages(vmo, start, end)?;
        self.cut_off(vmo, start)
    }

    fn cut_off(&mut self, vmo: Id<Vmo>, size: u64) -> Result<u64> {
        let vmo = self.objects.get_mut(vmo)?;
        vmo.size = size;
        vmo.content_size = vmo.content_size.min(size);
        Ok(size)
    }

    /// Gives the frames of `[from, to)` back, which no table shows.
    fn free_pages(&mut self, vmo: Id<Vmo>, from: u64, to: u64) -> Result {
        let vmo = self.objects.vmos.get_mut(vmo).ok_or(Status::INTERNAL)?;
        let Content::Paged(pages) = &mut vmo.content else { return Err(Status::INTERNAL) };
        let (mut at, end) = (from / PAGE_SIZE, to / PAGE_SIZE);
        let machine = &mut self.machine;
        while let Some(next) =
            self.trees.clear(pages, (at, end), STEPS_OF_A_TREE, |frame| machine.free_frame(frame))?
        {
            at = next;
        }
        self.schedule.attention |= !self.trees.is_reaped();
        Ok(())
    }

    /// Makes bytes of `[from, to)` read as zero for `owner`'s call: whole pages lose their frames, which no clone then
    /// has to copy, the rest is zeroed. A row of frames keeps them.
    ///
    /// # Errors
    /// As for [`Kernel::withdraw`] and [`Kernel::zero_piece`].
    pub(crate) fn clear_piece(&mut self, owner: Id<Thread>, vmo: Id<Vmo>, from: u64, to: u64) -> Result<u64> {
        let whole = to & !(PAGE_SIZE - 1);
        if self.objects.get(vmo)?.row.is_some() || whole <= from {
            self.zero_piece(vmo, from, to)
        } else if from.is_multiple_of(PAGE_SIZE) {
            self.empty_piece(owner, vmo, from, whole)
        } else {
            self.zero_piece(vmo, from, from.next_multiple_of(PAGE_SIZE))
        }
    }

    /// Zeroes bytes of `[from, to)`, where there are frames.
    ///
    /// # Errors
    /// `NO_MEMORY` for the copy of a page that clones share, `INTERNAL` for a stale id.
    pub(crate) fn zero_piece(&mut self, vmo: Id<Vmo>, from: u64, to: u64) -> Result<u64> {
        self.each_committed(vmo, from, to, true, |kernel, frame, offset, length| {
            kernel.zero_part(frame, offset, length)
        })
    }

    /// Gives pages of `[from, to)` that have frames frames of the VMO's own, so that [`Kernel::zero_piece`] needs no memory; up to
    /// where it came.
    ///
    /// # Errors
    /// As for [`Kernel::zero_piece`].
    pub(crate) fn own_piece(&mut self, vmo: Id<Vmo>, from: u64, to: u64) -> Result<u64> {
        self.each_committed(vmo, from, to, true, |_, _, _, _| Ok(()))
    }

    /// Zeroes bytes of a frame.
    ///
    /// # Errors
    /// None that can happen.
    pub(crate) fn zero_part(&mut self, frame: PhysAddr, offset: usize, length: usize) -> Result {
        if length == PAGE_SIZE as usize {
            self.machine.zero_frame(frame);
            return Ok(());
        }
        let mut at = offset;
        while at < offset + length {
            let zeros = ZEROS.get(..(offset + length - at).min(ZEROS.len())).ok_or(Status::INTERNAL)?;
            self.machine.write_frame(frame, at, zeros);
            at += zeros.len();
        }
        Ok(())
    }

    /// Makes whole pages of `[from, to)` read as zero for `owner`'s call: takes their frames away, but zeroes those that
    /// devices may reach.
    ///
    /// # Errors
    /// As for [`Kernel::withdraw`] and [`Kernel::zero_piece`].
    pub(crate) fn empty_piece(&mut self, owner: Id<Thread>, vmo: Id<Vmo>, from: u64, to: u64) -> Result<u64> {
        let Some(first) = self.next_committed(vmo, from).filter(|&at| at < to) else { return Ok(to) };
        let from = (first & !(BYTES_FREED - 1)).max(from);
        let end = (first & !(BYTES_FREED - 1)).saturating_add(BYTES_FREED).min(to);
        if self.is_pinned(vmo, from, end)? {
            self.zero_piece(vmo, from, end)
        } else {
            self.decommit_piece(Some(owner), vmo, from, end)
        }
    }

    /// Maintains the data caches for bytes of `[from, to)`, where there are frames.
    ///
    /// # Errors
    /// `INTERNAL` for a stale id.
    pub(crate) fn maintain_piece(
        &mut self,
        vmo: Id<Vmo>,
        from: u64,
        to: u64,
        how: Option<Maintenance>,
    ) -> Result<u64> {
        self.each_committed(vmo, from, to, false, |kernel, frame, offset, length| {
            match how {
                Some(how) => kernel.machine.maintain_cache(frame, offset, length, how),
                None => kernel.machine.synchronize_instructions(frame),
            }
            Ok(())
        })
    }

    /// Does something to the bytes of each frame in a bounded part of `[from, to)`; up to where it came. What
    /// changes them is done to the VMO's own frames.
    fn each_committed(
        &mut self,
        vmo: Id<Vmo>,
        from: u64,
        to: u64,
        changes: bool,
        act: impl Fn(&mut Self, abi::PhysAddr, usize, usize) -> Result,
    ) -> Result<u64> {
        let mut at = from;
        let mut left = BYTES_TOUCHED / PAGE_SIZE;
        while at < to && left > 0 {
            let page = at & !(PAGE_SIZE - 1);
            match self.next_committed(vmo, page).filter(|&next| next < to) {
                Some(next) => at = at.max(next),
                None => return Ok(to),
            }
            let page = at & !(PAGE_SIZE - 1);
            let end = page.saturating_add(PAGE_SIZE).min(to);
            let frame = if changes {
                let Some(frame) = self.commit_in_pieces(vmo, page, &mut left)? else { return Ok(at) };
                frame
            } else {
                self.committed(vmo, page).ok_or(Status::INTERNAL)?
            };
            act(self, frame, (at - page) as usize, (end - at) as usize)?;
            at = end;
            left -= 1;
        }
        Ok(at)
    }

    /// Discards a part of the VMO that was unlocked first and can be discarded now; whether there was one.
    pub(crate) fn discard_piece(&mut self) -> bool {
        for _ in 0..CANDIDATES {
            let Some(id) = self.objects.unlocked.first() else { return false };
            self.end_pause(id);
            let Some(vmo) = self.objects.vmos.get(id) else { return false };
            let (size, before) = (vmo.size, self.frames_of(id));
            // A call may be at it, which cannot go on while this one lasts; and what devices reach stays.
            let is_busy = vmo.withdrawal.is_some_and(|withdrawal| withdrawal.owner.is_some());
            let reached =
                if is_busy { Err(Status::SHOULD_WAIT) } else { self.decommit_piece(None, id, 0, size) };
            let is_gone = self.frames_of(id) < before || reached == Ok(size);
            if is_gone && let Some(locks) = self.objects.vmos.get_mut(id).and_then(|vmo| vmo.locks.as_mut()) {
                locks.discarded = true;
                self.discards = self.discards.wrapping_add(1);
            }
            match reached {
                Ok(at) if at < size => return true,
                Ok(_) => {
                    self.objects.leave_unlocked(id);
                    return true;
                }
                // The others first.
                Err(_) => {
                    self.objects.leave_unlocked(id);
                    self.objects.unlocked.push(&mut self.objects.vmos, id);
                }
            }
        }
        false
    }

    /// How many frames a VMO has.
    fn frames_of(&self, id: Id<Vmo>) -> u64 {
        self.objects.vmos.get(id).map_or(0, |vmo| match &vmo.content {
            Content::Paged(pages) => self.trees.committed(pages),
            _ => 0,
        })
    }

    /// Discards until there is a frame, or as long as one call may.
    pub(crate) fn discard_for_a_frame(&mut self) -> Option<abi::PhysAddr> {
        for _ in 0..PIECES_FOR_A_FRAME {
            if !self.discard_piece() {
                return None;
            }
            // A tree that lost all its pages is taken apart like those of the dead.
            self.reap(UNITS_OF_TEARDOWN);
            if let Some(frame) = self.machine.allocate_frame() {
                return Some(frame);
            }
        }
        None
    }
}

const ZEROS: [u8; 256] = [0; 256];
