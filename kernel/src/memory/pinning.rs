//! Pins: made in pieces, kept for a device, and how they end.
//!
//! A pin says that its pages stay: it keeps the VMO, and nobody takes a pinned page away, moves it or gives it another
//! memory type. A program that closes a pin's handle without a word, or dies, leaves it in the quarantine of its BTI:
//! the device may still write there. What is quarantined when the BTI's last handle is closed is lost for good.
use abi::{PAGE_SHIFT, PAGE_SIZE, PhysRange, Status, status::Result};

use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::memory::dma::Reach;
use crate::memory::fault::Refusal;
use crate::object::{Bti, Content, ObjectRef, Objects, Pmt, PmtState, Thread, Vmo};
use crate::ports::Machine;

impl<M: Machine> Kernel<M> {
    /// Begins a pin of `[offset, offset + size)` of a VMO, which it holds. Nothing takes these pages away from now on.
    ///
    /// # Errors
    /// `NO_MEMORY`; nothing changed.
    pub(crate) fn begin_pin(
        &mut self,
        bti: Id<Bti>,
        vmo: Id<Vmo>,
        offset: u64,
        size: u64,
    ) -> Result<Id<Pmt>> {
        let (root, from) = self.resolve(vmo, offset)?;
        let to = from.checked_add(size).ok_or(Status::OUT_OF_RANGE)?;
        let koid = self.objects.allocate_koid();
        let pmt = self.objects.pmts.insert(Pmt::new(koid, bti, vmo, root, from, to))?;
        let Objects { vmos, pmts, .. } = &mut self.objects;
        vmos.get_mut(root).ok_or(Status::INTERNAL)?.pins.insert(pmts, pmt);
        self.objects.get_mut(bti)?.pins += 1;
        self.hold(ObjectRef::Bti(bti));
        self.hold(ObjectRef::Vmo(vmo));
        Ok(pmt)
    }

    /// Whether a device may reach a byte of `[from, to)` of a VMO that has pages itself.
    ///
    /// # Errors
    /// `INTERNAL` for a stale id.
    pub(crate) fn is_pinned(&self, vmo: Id<Vmo>, from: u64, to: u64) -> Result<bool> {
        let pins = &self.objects.get(vmo)?.pins;
        Ok(from < to && pins.meets(&self.objects.pmts, from, to - 1))
    }

    /// The address by which the device reaches a page of a pin, which gets its own frame if it has none; `None` if that
    /// cannot be at once. `left` are the pages that the call has before it in this entry.
    ///
    /// # Errors
    /// `NO_MEMORY`; `ADDRESS_UNREACHABLE` if the device does not reach the page.
    pub(crate) fn pin_page(
        &mut self,
        root: Id<Vmo>,
        offset: u64,
        reach: Reach,
        left: &mut u64,
    ) -> Result<Option<u64>> {
        let vmo = self.objects.get(root)?;
        let page = match &vmo.content {
            Content::Physical(_) => vmo.physical_at(offset),
            Content::Slice { .. } | Content::Reference(_) => return Err(Status::INTERNAL),
            Content::Paged(_) if reach == Reach::All || self.is_settled(root, offset)? => {
                self.commit_in_pieces(root, offset, left)?
            }
            Content::Paged(_) => {
                if self.has_stand_in(root, offset) {
                    *left = (*left).min(1);
                    match self.unshow_or_wait(root, offset) {
                        Ok(()) => {}
                        Err(Refusal::Busy(_)) => return Ok(None),
                        Err(_) => return Err(Status::NO_MEMORY),
                    }
                }
                match self.commit_within_reach(root, offset, reach) {
                    Err(Status::NO_MEMORY) if self.takes_from_dead() => None,
                    committed => Some(committed?),
                }
            }
        };
        let Some(page) = page else { return Ok(None) };
        let range = PhysRange::new(page, PAGE_SIZE).map_err(|_| Status::INTERNAL)?;
        self.windows.translate(reach, range).map(Some).ok_or(Status::ADDRESS_UNREACHABLE)
    }

    /// Gives a page a new frame, which a device reaches.
    fn commit_within_reach(&mut self, root: Id<Vmo>, offset: u64, reach: Reach) -> Result<abi::PhysAddr> {
        let mut failed = Status::ADDRESS_UNREACHABLE;
        for nth in 0.. {
            let Some(within) = self.windows.memory(reach, nth) else { break };
            let committed = match self.committed(root, offset) {
                Some(frame) => self.renew(root, offset >> PAGE_SHIFT, frame, within),
                None => self.commit_particular(root, offset, within),
            };
            match committed {
                Ok(frame) => return Ok(frame),
                Err(status) => failed = status,
            }
        }
        Err(failed)
    }

    /// Whether a device reaches all of a contiguous range in a row.
    pub(crate) fn reaches_in_a_row(&self, root: Id<Vmo>, from: u64, to: u64, reach: Reach) -> bool {
        let Some(vmo) = self.objects.vmos.get(root) else { return false };
        let first = match (&vmo.content, vmo.row) {
            (Content::Physical(_), _) => vmo.physical_at(from),
            (_, Some(row)) => row.frame(from >> PAGE_SHIFT),
            _ => None,
        };
        let range = first.and_then(|first| PhysRange::new(first, to - from).ok());
        range.is_some_and(|range| self.windows.translate(reach, range).is_some())
    }

    /// Keeps what a thread's call makes in pieces, until the call is whole or the thread ends.
    pub(crate) fn keep_making(&mut self, thread: Id<Thread>, object: ObjectRef) -> Result {
        self.objects.get_mut(thread)?.making = Some(object);
        self.hold(object);
        Ok(())
    }

    /// Keeps it no longer: what nobody else needs ends.
    pub(crate) fn stop_making(&mut self, thread: Id<Thread>) {
        if let Some(object) = self.objects.threads.get_mut(thread).and_then(|thread| thread.making.take()) {
            self.unhold(object);
        }
    }

    /// A pin that nobody has a handle to: it ends, or waits in quarantine.
    pub(crate) fn collect_pmt(&mut self, id: Id<Pmt>) {
        let Some(pmt) = self.objects.pmts.get_mut(id) else { return };
        let (bti, vmo, root) = (pmt.bti, pmt.vmo, pmt.root);
        if pmt.state == PmtState::Pinned {
            pmt.state = PmtState::Quarantined;
            pmt.header.holds = pmt.header.holds.saturating_add(1);
            if let Some(bti) = self.objects.btis.get_mut(bti) {
                pmt.next = bti.quarantine.replace(id);
                bti.quarantined += 1;
            }
            return;
        }
        let Objects { vmos, pmts, .. } = &mut self.objects;
        if let Some(vmo) = vmos.get_mut(root) {
            vmo.pins.remove(pmts, id);
        }
        if let Some(bti) = self.objects.btis.get_mut(bti) {
            bti.pins = bti.pins.saturating_sub(1);
        }
        self.objects.pmts.delete(id);
        self.unhold(ObjectRef::Vmo(vmo));
        self.unhold(ObjectRef::Bti(bti));
    }

    /// Lets go of up to `budget` pins in a BTI's quarantine; whether none is left.
    pub(crate) fn release_quarantine(&mut self, id: Id<Bti>, budget: u32) -> bool {
        for _ in 0..budget {
            let Some(bti) = self.objects.btis.get_mut(id) else { return true };
            let Some(first) = bti.quarantine else { return true };
            bti.quarantined = bti.quarantined.saturating_sub(1);
            let pmt = self.objects.pmts.get_mut(first);
            bti.quarantine = pmt.and_then(|pmt| {
                pmt.state = PmtState::Loose;
                pmt.next.take()
            });
            self.unhold(ObjectRef::Pmt(first));
        }
        self.objects.btis.get(id).is_none_or(|bti| bti.quarantine.is_none())
    }

    /// A BTI that nobody names and no pin needs.
    pub(crate) fn collect_bti(&mut self, id: Id<Bti>) {
        let Some(iommu) = self.objects.btis.remove(id).map(|bti| bti.iommu) else { return };
        self.unhold(ObjectRef::Iommu(iommu));
    }
}
