//! Frames that a page must have for its VMO's sake: of its memory type, or at its place in a row.
//!
//! A VMO that is not cached gets frames that nothing has cached. Pages that it had before get theirs when they are next
//! used; nobody can have used them meanwhile, because a VMO that is mapped, pinned or a parent keeps its policy, and
//! one that is not cached is not read by calls.
use abi::{PAGE_SHIFT, PAGE_SIZE, PhysAddr, PhysRange, Status, status::Result};

use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::memory::copies::REAP_FOR_A_FRAME;
use crate::memory::pages::Page;
use crate::object::{Content, Vmo};
use crate::ports::{Machine, Run};
use crate::syscall::Exit;

/// Attempts to take a run after a part of what is dead was taken apart. A call that can be made again goes on.
const REAPS_FOR_A_RUN: u32 = 4;

/// Everywhere.
pub(crate) fn anywhere() -> Result<PhysRange> {
    PhysRange::from_bounds(PhysAddr(0), PhysAddr(u64::MAX)).ok_or(Status::INTERNAL)
}

impl<M: Machine> Kernel<M> {
    /// Frames in a row; what is dead gives its own up first, as far as no other CPU still uses it.
    ///
    /// # Errors
    /// `NO_MEMORY`.
    pub(crate) fn take_run(&mut self, run: &Run) -> Result<PhysAddr> {
        // A run may be larger than anything that the dead have: they are not taken apart to the end for it.
        for _ in 0..REAPS_FOR_A_RUN {
            if let Some(frame) = self.machine.allocate_run(run) {
                return Ok(frame);
            }
            if !self.has_dead() || !self.reap(REAP_FOR_A_FRAME) {
                break;
            }
        }
        self.machine.allocate_run(run).ok_or(Status::NO_MEMORY)
    }

    /// What a call does that got no run of frames: it is made again as long as something dead may have them.
    pub(crate) fn again_for_a_run(&mut self) -> Result<Exit> {
        if self.takes_from_dead() { Ok(Exit::Again) } else { Err(Status::NO_MEMORY) }
    }

    /// Whether something dead may have had what there was no memory for. It gives up a part, which may be the last; or the
    /// CPU is told that must let go of it first.
    pub(crate) fn takes_from_dead(&mut self) -> bool {
        let may_have = self.has_dead();
        if may_have {
            self.reap(REAP_FOR_A_FRAME);
        }
        may_have
    }

    /// A frame for a page that has none, zeroed: its place in the row, or one of the VMO's memory type.
    ///
    /// # Errors
    /// `NO_MEMORY`.
    pub(crate) fn frame_for(&mut self, vmo: Id<Vmo>, page: u64, within: PhysRange) -> Result<PhysAddr> {
        let vmo = self.objects.get(vmo)?;
        let frame = match vmo.row {
            Some(row) => row.frame(page).ok_or(Status::OUT_OF_RANGE)?,
            None => {
                let run = Run { pages: 1, align: PAGE_SIZE, within, policy: vmo.policy };
                self.take_run(&run)?
            }
        };
        self.machine.zero_frame(frame);
        Ok(frame)
    }

    /// Notes that a page has got its frame of the row, if there is one.
    pub(crate) fn note_placed(&mut self, vmo: Id<Vmo>) {
        if let Some(row) = self.objects.vmos.get_mut(vmo).and_then(|vmo| vmo.row.as_mut()) {
            row.waiting = row.waiting.saturating_sub(1);
        }
    }

    /// Gives a frame back that [`Kernel::frame_for`] gave and that did not get its place. The row keeps its own.
    pub(crate) fn drop_frame_for(&mut self, vmo: Id<Vmo>, frame: PhysAddr) {
        if self.objects.vmos.get(vmo).is_none_or(|vmo| vmo.row.is_none()) {
            self.machine.free_frame(frame);
        }
    }

    /// The frame that a page should have, which now has this one: itself, or another with the same bytes.
    ///
    /// # Errors
    /// `NO_MEMORY`; nothing changed.
    pub(crate) fn settle(&mut self, vmo: Id<Vmo>, page: u64, frame: PhysAddr) -> Result<PhysAddr> {
        if self.is_right(vmo, page, frame)? { Ok(frame) } else { self.renew(vmo, page, frame, anywhere()?) }
    }

    /// Whether a page has a frame that is the VMO's own and stays.
    ///
    /// # Errors
    /// `NOT_SUPPORTED` for a VMO without frames.
    pub(crate) fn is_settled(&self, vmo: Id<Vmo>, offset: u64) -> Result<bool> {
        match self.look(vmo, offset)? {
            Page::Owned(frame) => self.is_right(vmo, offset >> PAGE_SHIFT, frame),
            Page::Absent | Page::Shared(_) => Ok(false),
        }
    }

    fn is_right(&self, vmo: Id<Vmo>, page: u64, frame: PhysAddr) -> Result<bool> {
        let vmo = self.objects.get(vmo)?;
        Ok(match vmo.row {
            Some(row) => row.frame(page) == Some(frame),
            None => self.machine.frame_policy(frame) == Some(vmo.policy),
        })
    }

    /// Gives a page another frame, as [`Kernel::frame_for`] takes it, with the bytes of the one that it has.
    ///
    /// # Errors
    /// `NO_MEMORY`; nothing changed.
    pub(crate) fn renew(
        &mut self,
        vmo: Id<Vmo>,
        page: u64,
        frame: PhysAddr,
        within: PhysRange,
    ) -> Result<PhysAddr> {
        let better = self.frame_for(vmo, page, within)?;
        self.machine.copy_frame(frame, 0, better, 0, PAGE_SIZE as usize);
        match self.replace_frame(vmo, page, better) {
            Ok(old) => {
                if let Some(old) = old {
                    self.machine.free_frame(old);
                }
                self.note_placed(vmo);
                Ok(better)
            }
            Err(status) => {
                self.drop_frame_for(vmo, better);
                Err(status)
            }
        }
    }

    /// Gives a page that has a frame another one; the old one, if nobody else has it.
    fn replace_frame(&mut self, vmo: Id<Vmo>, page: u64, frame: PhysAddr) -> Result<Option<PhysAddr>> {
        let (pages, trees) = self.pages_mut(vmo)?;
        match trees.look(pages, page) {
            Page::Owned(_) => trees.swap(pages, page, frame).map(Some),
            Page::Absent | Page::Shared(_) => trees.put(pages, page, frame).map(|()| None),
        }
    }

    /// Whether a page's frame may not be any: it has its place in a row, or another memory type.
    pub(crate) fn is_particular(&self, vmo: Id<Vmo>) -> bool {
        self.objects.vmos.get(vmo).is_some_and(|vmo| !vmo.is_plain())
    }

    /// Gives a page that has none a frame that is a particular one, or lies within a range.
    ///
    /// # Errors
    /// `NO_MEMORY`, with nothing changed.
    pub(crate) fn commit_particular(
        &mut self,
        vmo: Id<Vmo>,
        offset: u64,
        within: PhysRange,
    ) -> Result<PhysAddr> {
        let page = offset >> PAGE_SHIFT;
        let frame = self.frame_for(vmo, page, within)?;
        let put = self.pages_mut(vmo).and_then(|(pages, trees)| trees.put(pages, page, frame));
        put.inspect_err(|_| self.drop_frame_for(vmo, frame))?;
        self.note_placed(vmo);
        Ok(frame)
    }

    /// Gives back a frame of a row that never got its place; whether there may be more.
    pub(crate) fn reap_row(&mut self, id: Id<Vmo>) -> bool {
        let Some(vmo) = self.objects.vmos.get_mut(id) else { return false };
        let Some(row) = vmo.row.as_mut().filter(|row| row.waiting > 0 && row.pages > 0) else { return false };
        let page = row.pages - 1;
        let frame = row.frame(page);
        let in_place = match &vmo.content {
            Content::Paged(pages) => self.trees.get(pages, page) == frame,
            _ => true,
        };
        row.pages = page;
        if !in_place {
            row.waiting -= 1;
            if let Some(frame) = frame {
                self.machine.free_frame(frame);
            }
        }
        true
    }

    /// Gives the pages of a contiguous VMO their frames of the row, from the first on, at most `budget`; whether all
    /// have theirs.
    ///
    /// # Errors
    /// `NO_MEMORY`.
    pub(crate) fn fill_row(&mut self, id: Id<Vmo>, budget: u64) -> Result<bool> {
        for _ in 0..budget {
            let Some(row) = self.objects.get(id)?.row else { return Err(Status::INTERNAL) };
            if row.next >= row.pages {
                return Ok(true);
            }
            self.commit(id, row.next << PAGE_SHIFT)?;
            if let Some(row) = &mut self.objects.get_mut(id)?.row {
                row.next += 1;
            }
        }
        Ok(self.objects.get(id)?.row.is_none_or(|row| row.next >= row.pages))
    }
}
