//! Address space identifiers, in generations: any number of address spaces live with 255 or 65535 of them.
//!
//! A space gets an ASID when a CPU is about to use it, and keeps it for the rest of the generation. When all are
//! given out a new generation begins: every TLB forgets everything, the spaces that CPUs use at that moment keep
//! what they have, and all others get a new ASID when they are used again. So a TLB holds nothing of a space whose
//! ASID is of an older generation, and what is unmapped from it need not be forgotten.
use alloc::vec::Vec;

use abi::{Status, status::Result};

use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::memory::stage1::Space;
use crate::object::Process;
use crate::ports::{Asid, CpuId, Machine};

/// The ASIDs of the present generation.
#[derive(Debug)]
pub(crate) struct Asids {
    /// A bit for each ASID that is given out. 0 is: it belongs to the kernel, which has no EL0 mappings.
    used: Vec<u64>,
    /// The word in which a free one was found last.
    at: usize,
    /// Counts up from 1; a space of generation 0 was never used.
    generation: u64,
}

impl Asids {
    /// All of 8 or 16 bits.
    ///
    /// # Errors
    /// `NO_MEMORY`.
    pub(crate) fn new(wide: bool) -> Result<Self> {
        let words = if wide { 1 << 16 } else { 1 << 8 } / u64::BITS as usize;
        let mut used = Vec::new();
        used.try_reserve_exact(words).map_err(|_| Status::NO_MEMORY)?;
        used.resize(words, 0);
        let mut asids = Self { used, at: 0, generation: 1 };
        asids.mark(Asid(0));
        Ok(asids)
    }

    /// The present generation.
    pub(crate) const fn generation(&self) -> u64 {
        self.generation
    }

    /// An ASID that no TLB entry has; `None` if all are given out.
    fn take(&mut self) -> Option<Asid> {
        let words = self.used.len();
        let at = (self.at..words).chain(0..self.at).find(|&at| self.used.get(at) != Some(&u64::MAX))?;
        self.at = at;
        let bit = self.used.get(at)?.trailing_ones();
        let asid = Asid((at * u64::BITS as usize) as u16 | bit as u16);
        self.mark(asid);
        Some(asid)
    }

    /// Begins a generation, in which nothing is given out. The caller makes every TLB forget everything.
    fn roll_over(&mut self) {
        (self.generation, self.at) = (self.generation + 1, 0);
        self.used.fill(0);
        self.mark(Asid(0));
    }

    fn mark(&mut self, asid: Asid) {
        if let Some(word) = self.used.get_mut(usize::from(asid.0) / u64::BITS as usize) {
            *word |= 1 << (u32::from(asid.0) % u64::BITS);
        }
    }

    /// Gives an ASID of the present generation back. Its TLB entries are gone.
    pub(crate) fn release(&mut self, asid: Asid) {
        if let Some(word) = self.used.get_mut(usize::from(asid.0) / u64::BITS as usize) {
            *word &= !(1 << (u32::from(asid.0) % u64::BITS));
        }
    }
}

impl<M: Machine> Kernel<M> {
    /// Makes a process's space the one that EL0 sees on this CPU, under an ASID of this generation.
    pub(crate) fn activate(&mut self, process: Id<Process>) {
        let generation = self.asids.generation();
        let space = self.objects.processes.get(process).and_then(|process| process.space.as_ref());
        let Some(space) = space else { return self.machine.activate(None) };
        let (root, asid) = (space.root(), space.asid_in(generation));
        let asid = match asid.or_else(|| self.asids.take()) {
            Some(asid) => asid,
            None => match self.roll_over() {
                Some(asid) => asid,
                // There are more ASIDs than CPUs: this is not reached.
                None => return self.machine.activate(None),
            },
        };
        let generation = self.asids.generation();
        if let Some(space) = self.space_mut(process) {
            space.give_asid(asid, generation);
        }
        self.machine.activate(Some((root, asid)));
    }

    /// Begins a generation. What CPUs use now, this one included, they may look up again at any moment: they keep
    /// it, under the ASID that it has. Nothing else can enter a TLB once it is empty.
    #[cold]
    fn roll_over(&mut self) -> Option<Asid> {
        self.asids.roll_over();
        let generation = self.asids.generation();
        for cpu in CpuId::all() {
            let active = self.schedule.cpus.get(cpu).active;
            let Some(space) = active.and_then(|process| self.space_mut(process)) else { continue };
            if let Some(asid) = space.keep_asid(generation) {
                self.asids.mark(asid);
            }
        }
        self.machine.invalidate_all();
        self.machine.complete_invalidation();
        self.asids.take()
    }

    fn space_mut(&mut self, process: Id<Process>) -> Option<&mut Space> {
        self.objects.processes.get_mut(process)?.space.as_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_given_out_once_in_a_generation() {
        let mut asids = Asids::new(false).unwrap();
        let mut all: Vec<u16> = core::iter::from_fn(|| asids.take()).map(|asid| asid.0).collect();
        all.sort_unstable();
        assert_eq!(all, (1..=255).collect::<Vec<_>>());
        asids.release(Asid(77));
        assert_eq!((asids.take(), asids.take()), (Some(Asid(77)), None));
        asids.roll_over();
        asids.mark(Asid(1));
        asids.mark(Asid(200));
        assert_eq!(asids.take(), Some(Asid(2)));
        assert_eq!(core::iter::from_fn(|| asids.take()).count(), 252);
    }

    #[test]
    fn wide_ones_end_at_65535() {
        let mut asids = Asids::new(true).unwrap();
        let last = core::iter::from_fn(|| asids.take()).last();
        assert_eq!((last, core::iter::from_fn(|| asids.take()).count()), (Some(Asid(65535)), 0));
    }
}
