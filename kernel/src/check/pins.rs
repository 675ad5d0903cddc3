//! Pins: what is pinned, who counts them, and who keeps them.
use super::{Checked, equal, holds};
use crate::kernel::Kernel;
use crate::object::{Content, ObjectRef, PmtState};
use crate::ports::Machine;

impl<M: Machine> Kernel<M> {
    /// Every VMO's pins are those of the tokens over it; every BTI counts and lists its own; every page that is to lie in
    /// a row does, or waits.
    pub(super) fn check_pins(&self) -> Checked {
        let objects = &self.objects;
        for (id, vmo) in objects.vmos.iter() {
            let object = ObjectRef::Vmo(id);
            let over = || objects.pmts.iter().map(|(_, pmt)| pmt).filter(|pmt| pmt.root == id);
            let booked = vmo.pins.check(&objects.pmts);
            holds("the pins of a VMO are in order", object, booked.is_some())?;
            equal("pins of a VMO", Some(object), booked.unwrap_or(0) as u64, over().count() as u64)?;
            let are_found = over().all(|pmt| vmo.pins.meets(&objects.pmts, pmt.from, pmt.to - 1));
            holds("what is pinned is found", object, are_found)?;
            let (Some(row), Content::Paged(pages)) = (vmo.row, &vmo.content) else { continue };
            let placed = (0..row.pages).filter(|&page| {
                let frame = self.trees.get(pages, page);
                frame.is_some() && frame == row.frame(page)
            });
            equal("frames of a row that wait", Some(object), row.waiting, row.pages - placed.count() as u64)?;
        }
        for (id, bti) in objects.btis.iter() {
            let object = ObjectRef::Bti(id);
            let own = || objects.pmts.iter().filter(|(_, pmt)| pmt.bti == id);
            equal("pins of a BTI", Some(object), bti.pins, own().count() as u64)?;
            let quarantined = own().filter(|(_, pmt)| pmt.state == PmtState::Quarantined).count();
            equal("quarantined pins of a BTI", Some(object), bti.quarantined, quarantined as u64)?;
            let (mut at, mut listed) = (bti.quarantine, 0);
            while let Some(pmt) = at.and_then(|at| objects.pmts.get(at)) {
                holds("what a BTI lists is quarantined", object, pmt.state == PmtState::Quarantined)?;
                listed += 1;
                holds("a quarantine ends", object, listed <= quarantined)?;
                at = pmt.next;
            }
            equal("pins in a BTI's quarantine", Some(object), listed as u64, quarantined as u64)?;
        }
        Ok(())
    }
}
