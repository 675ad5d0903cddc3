//! Frames for pages: taken when a page is first written to, copied when it is one that clones share.
//!
//! A page that nobody has written to is shown as zeros: one frame for all VMOs, which nobody ever writes to. A page that
//! several VMOs have is shown as the frame that they share. Both only *stand in* for a frame of the VMO's own, and are
//! shown without leave to write, whatever the mapping allows. Who writes gets a frame of the VMO's own. Before that no
//! table may show the stand-in as this VMO's page any more, or readers would never see what was written: the mappings
//! that may show it are gone through, as many as one entry of the kernel can. Where there are more, a program that faults
//! takes the page out of the tables by a [withdrawal](super::withdraw), in pieces; a system call that writes there says
//! NO_MEMORY. A VMO that was never shown as zeros, as most are that are written to first, is spared that.
use abi::{PAGE_SHIFT, PAGE_SIZE, PhysAddr, Status, status::Result};

use super::fault::Refusal;
use super::pages::{Page, Pages};
use super::uncached::anywhere;
use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::object::{Content, Vmo};
use crate::ports::Machine;

/// Units of teardown between two attempts to take a frame when there is none.
pub(crate) const REAP_FOR_A_FRAME: u32 = 64;
/// Units of work that one copied page may cost in the tables that show it.
const UNITS_FOR_A_COPY: u32 = 256;

impl<M: Machine> Kernel<M> {
    /// What a paged VMO has for a page.
    ///
    /// # Errors
    /// `NOT_SUPPORTED` for a VMO without frames.
    pub(crate) fn look(&self, vmo: Id<Vmo>, offset: u64) -> Result<Page> {
        match &self.objects.get(vmo)?.content {
            Content::Paged(pages) => Ok(self.trees.look(pages, offset >> PAGE_SHIFT)),
            _ => Err(Status::NOT_SUPPORTED),
        }
    }

    /// The frame of a page of a paged VMO, if it has one, whoever else has it, too.
    pub(crate) fn committed(&self, vmo: Id<Vmo>, offset: u64) -> Option<PhysAddr> {
        self.look(vmo, offset).ok()?.frame()
    }

    /// The frame of a page of a VMO whose frames may be any, if it has one.
    #[inline]
    pub(crate) fn plain_frame(&self, vmo: Id<Vmo>, page: u64) -> Option<PhysAddr> {
        let vmo = self.objects.vmos.get(vmo)?;
        match &vmo.content {
            Content::Paged(pages) if vmo.is_plain() => self.trees.look(pages, page).frame(),
            _ => None,
        }
    }

    /// The frame of a page of a paged VMO, to be read or shown: its own, or what stands in for it. And whether it is
    /// the VMO's own.
    ///
    /// # Errors
    /// As for [`Kernel::commit`].
    pub(crate) fn frame_to_read(&mut self, vmo: Id<Vmo>, offset: u64) -> Result<(PhysAddr, bool)> {
        match self.look(vmo, offset)? {
            _ if self.is_particular(vmo) => Ok((self.commit(vmo, offset)?, true)),
            Page::Owned(frame) => Ok((frame, true)),
            Page::Shared(frame) => Ok((frame, false)),
            Page::Absent => {
                let zeros = self.zeros()?;
                self.objects.get_mut(vmo)?.has_zeros = true;
                Ok((zeros, false))
            }
        }
    }

    /// The frame of zeros, taken when the first page is read that nobody has written to. The kernel keeps it, and nothing
    /// ever writes to it: what instructions are fetched from it are its zeros, too.
    #[inline(never)]
    fn zeros(&mut self) -> Result<PhysAddr> {
        if let Some(zeros) = self.zeros {
            return Ok(zeros);
        }
        let zeros = self.take_frame()?;
        self.machine.zero_frame(zeros);
        self.machine.synchronize_instructions(zeros);
        self.ram.free_at_start = self.ram.free_at_start.saturating_sub(1);
        self.zeros = Some(zeros);
        Ok(zeros)
    }

    /// Whether tables may show something as this page that must leave them before the VMO has a frame of its own there.
    pub(crate) fn has_stand_in(&self, vmo: Id<Vmo>, offset: u64) -> bool {
        let Some(vmo) = self.objects.vmos.get(vmo) else { return false };
        match &vmo.content {
            Content::Paged(pages) if vmo.is_plain() => match self.trees.look(pages, offset >> PAGE_SHIFT) {
                Page::Absent => vmo.may_show_zeros(),
                Page::Shared(_) => true,
                Page::Owned(_) => false,
            },
            _ => false,
        }
    }

    /// The VMO's own frame of a page of a paged VMO: zeroed and taken now if there was none, and copied if others have it.
    ///
    /// # Errors
    /// `NO_MEMORY`, also if more mappings may show the page than can be gone through at once; `NOT_SUPPORTED` for a VMO
    /// without frames. Nothing changed.
    pub(crate) fn commit(&mut self, vmo: Id<Vmo>, offset: u64) -> Result<PhysAddr> {
        let page = self.look(vmo, offset)?;
        match page.frame() {
            Some(frame) if self.is_particular(vmo) => self.settle(vmo, offset >> PAGE_SHIFT, frame),
            None if self.is_particular(vmo) => self.commit_particular(vmo, offset, anywhere()?),
            Some(frame) if page == Page::Owned(frame) => Ok(frame),
            _ if self.has_stand_in(vmo, offset) && !self.unshow_page(vmo, offset, UNITS_FOR_A_COPY)? => {
                Err(Status::NO_MEMORY)
            }
            _ => self.own_page(vmo, offset),
        }
    }

    /// As [`Kernel::commit`], for a program that can wait.
    pub(crate) fn commit_or_wait(
        &mut self,
        vmo: Id<Vmo>,
        offset: u64,
    ) -> core::result::Result<PhysAddr, Refusal> {
        let committed = if self.has_stand_in(vmo, offset) {
            self.unshow_or_wait(vmo, offset)?;
            self.own_page(vmo, offset)
        } else {
            self.commit(vmo, offset)
        };
        committed.map_err(|_| Refusal::NoMemory)
    }

    /// Takes what stands in for a page out of all tables. If so, nothing shows it as long as this entry of the kernel lasts, or
    /// until it is shown again.
    pub(crate) fn unshow_or_wait(&mut self, vmo: Id<Vmo>, offset: u64) -> core::result::Result<(), Refusal> {
        let page = offset & !(PAGE_SIZE - 1);
        let unshown = match self.unshow_page(vmo, offset, UNITS_FOR_A_COPY) {
            Ok(false) => self.withdraw(None, vmo, page, page + PAGE_SIZE),
            result => result,
        };
        match unshown {
            Ok(true) => Ok(()),
            Ok(false) => Err(Refusal::Busy(vmo)),
            Err(_) => Err(Refusal::NoMemory),
        }
    }

    /// As [`Kernel::commit`], for a call that is made again for what it cannot do at once: `None` if it must. `left`
    /// are the pages that the call has before it in this entry; a copy for which mappings were gone through is its last.
    ///
    /// # Errors
    /// `NO_MEMORY`; nothing changed.
    pub(crate) fn commit_in_pieces(
        &mut self,
        vmo: Id<Vmo>,
        offset: u64,
        left: &mut u64,
    ) -> Result<Option<PhysAddr>> {
        if self.has_stand_in(vmo, offset) && self.objects.get(vmo)?.shown.first().is_some() {
            *left = (*left).min(1);
        }
        match self.commit_or_wait(vmo, offset) {
            Ok(frame) => Ok(Some(frame)),
            Err(Refusal::Busy(_)) => Ok(None),
            // A frame that may not be any is not looked for until all of the dead are gone: they are many at times.
            Err(_) if self.takes_from_dead() => Ok(None),
            Err(_) => Err(Status::NO_MEMORY),
        }
    }

    /// Gives a VMO a frame of its own for a page that has none: a copy of the one that it shares, or zeros. No table shows
    /// what stood in for it.
    ///
    /// # Errors
    /// `NO_MEMORY`; nothing changed.
    pub(crate) fn own_page(&mut self, vmo: Id<Vmo>, offset: u64) -> Result<PhysAddr> {
        let frame = self.take_frame()?;
        // What was reaped for it may have been all that the page was shared with.
        let result = match self.look(vmo, offset) {
            Ok(Page::Owned(own)) => Ok(own),
            Ok(page) => {
                match page.frame() {
                    Some(old) => self.machine.copy_frame(old, 0, frame, 0, PAGE_SIZE as usize),
                    None => self.machine.zero_frame(frame),
                }
                let pages = self.pages_mut(vmo);
                pages.and_then(|(pages, trees)| trees.put(pages, offset >> PAGE_SHIFT, frame)).map(|()| frame)
            }
            Err(status) => Err(status),
        };
        if result != Ok(frame) {
            self.machine.free_frame(frame);
        }
        result
    }

    pub(super) fn pages_mut(&mut self, vmo: Id<Vmo>) -> Result<(&mut Pages, &mut super::pages::Trees)> {
        match &mut self.objects.get_mut(vmo)?.content {
            Content::Paged(pages) => Ok((pages, &mut self.trees)),
            _ => Err(Status::NOT_SUPPORTED),
        }
    }

    /// Whether a table may show a page of this VMO without leave to write that its mapping gives: because something stands
    /// in for it, or will in a moment.
    pub(crate) fn may_not_write(&self, vmo: Id<Vmo>) -> bool {
        let Some(vmo) = self.objects.vmos.get(vmo) else { return false };
        match &vmo.content {
            Content::Paged(pages) => {
                vmo.may_show_zeros() || vmo.withdrawal.is_some() || self.trees.is_shared(pages)
            }
            _ => false,
        }
    }

    /// A frame; what is dead gives its own up first, as far as no other CPU still uses it.
    ///
    /// # Errors
    /// `NO_MEMORY`.
    #[inline(never)]
    fn take_frame(&mut self) -> Result<PhysAddr> {
        loop {
            if let Some(frame) = self.machine.allocate_frame() {
                return Ok(frame);
            }
            if !self.has_dead() {
                return self.discard_for_a_frame().ok_or(Status::NO_MEMORY);
            }
            if !self.reap(REAP_FOR_A_FRAME) {
                // All is given up, or another CPU must let go first, which it cannot while this one is here.
                let frame = self.machine.allocate_frame().or_else(|| self.discard_for_a_frame());
                return frame.ok_or(Status::NO_MEMORY);
            }
        }
    }
}
