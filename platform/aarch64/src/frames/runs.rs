//! Pages in a row: inside a chunk, or over several.
use abi::vmo::CachePolicy;
use abi::{PAGE_SHIFT, PAGE_SIZE, PhysAddr, PhysRange};
use kernel::ports::Run;

use super::pool::Pool;
use super::{CHUNK_PAGES, CHUNK_SIZE};

/// Chunks with free pages that are searched for a run. A longer list of chunks that are all fragmented is not worth
/// it: a new chunk is there soon.
const SEARCHED: usize = 16;

impl Pool {
    /// Lends pages in a row; their contents are whatever they were.
    pub(crate) fn lend_run(&mut self, run: &Run) -> Option<PhysAddr> {
        let first = self.take(run)?;
        if run.policy == CachePolicy::Cached {
            self.note_lent(first, run.pages);
        }
        Some(first)
    }

    /// Takes pages in a row for the kernel itself, for good.
    pub(crate) fn take_run(&mut self, pages: usize) -> Option<PhysAddr> {
        let within = PhysRange::from_bounds(PhysAddr(0), PhysAddr(u64::MAX))?;
        self.take(&Run { pages: pages as u64, align: PAGE_SIZE, within, policy: CachePolicy::Cached })
    }

    fn take(&mut self, run: &Run) -> Option<PhysAddr> {
        if run.pages == 0 || !run.align.is_power_of_two() {
            return None;
        }
        self.put_front_back();
        if run.pages > CHUNK_PAGES as u64 || run.align > CHUNK_SIZE {
            return self.take_chunks(run);
        }
        let mut candidate = self.head(run.policy);
        for _ in 0..SEARCHED {
            let Some(index) = candidate else { break };
            candidate = self.map(index)?.next;
            if let Some(first) = self.take_within(index, run) {
                return Some(first);
            }
        }
        let chunk = self.chunk_for(run)?;
        let index = self.regions.find(chunk)?;
        if !self.split(index, run.policy) {
            return None;
        }
        self.take_within(index, run)
    }

    /// A whole chunk in which a run that is no larger fits.
    fn chunk_for(&mut self, run: &Run) -> Option<PhysAddr> {
        // Limits are multiples of a chunk, but for those that nobody would set.
        let start = run.within.base().0.checked_next_multiple_of(CHUNK_SIZE)?;
        let end = run.within.last().0.saturating_add(1) & !(CHUNK_SIZE - 1);
        let whole = PhysRange::new(PhysAddr(start), end.checked_sub(start)?).ok()?;
        self.zones.take(CHUNK_SIZE, CHUNK_SIZE, Some(whole))
    }

    /// Takes a run out of the free pages of one split chunk.
    fn take_within(&mut self, index: u32, run: &Run) -> Option<PhysAddr> {
        let base = self.regions.address(index)?;
        let part = PhysRange::new(base, CHUNK_SIZE).ok()?.intersect(run.within)?;
        let first = (part.base().0 - base.0).div_ceil(PAGE_SIZE) as usize;
        let end = ((part.last().0 - base.0 + 1) >> PAGE_SHIFT) as usize;
        let align = (run.align >> PAGE_SHIFT).max(1) as usize;
        let start = self.map(index)?.take_run(run.pages as usize, align, first..end)?;
        self.count_taken(index, run.pages as usize);
        Some(PhysAddr(base.0 + ((start as u64) << PAGE_SHIFT)))
    }

    /// Takes a run that starts with a chunk and needs more than one, or one at a large boundary.
    fn take_chunks(&mut self, run: &Run) -> Option<PhysAddr> {
        let bytes = run.pages.checked_mul(PAGE_SIZE)?;
        let taken = self.zones.take(bytes, run.align, Some(run.within)).or_else(|| {
            // The one that stays split though all of it is free may be what lacks.
            self.give_chunk_back(self.head(CachePolicy::Cached)?);
            self.zones.take(bytes, run.align, Some(run.within))
        });
        let base = taken?;
        let first = self.regions.find(base)?;
        let count = bytes.div_ceil(CHUNK_SIZE) as u32;
        for index in first..first + count {
            if !self.split(index, run.policy) {
                (first..index).for_each(|index| self.give_chunk_back(index));
                (index + 1..first + count).for_each(|index| self.return_whole(index));
                return None;
            }
        }
        let mut left = run.pages as usize;
        for index in first..first + count {
            let pages = left.min(CHUNK_PAGES);
            match (self.map(index)?, pages) {
                (map, CHUNK_PAGES) => map.take_all(),
                (map, pages) => _ = map.take_run(pages, 1, 0..pages)?,
            }
            self.count_taken(index, pages);
            left -= pages;
        }
        Some(base)
    }

    /// Gives a chunk back that was taken and not broken up.
    fn return_whole(&mut self, index: u32) {
        if let Some(chunk) = self.regions.address(index) {
            // SAFETY: 1, it is a chunk that `take_chunks` has taken, and nobody has a page of it.
            unsafe { self.zones.give(chunk, CHUNK_SIZE) };
        }
    }
}
