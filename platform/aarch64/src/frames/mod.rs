//! Physical frames: 2 MiB chunks from a buddy system, pages handed out inside a chunk.
//!
//! buddy_system_allocator's `Heap` manages whole chunks and larger runs, one for each zone of addresses. Its release
//! walks a list, so it must not hold pages: 8 GiB are 4,096 chunks, which bounds the walk. A chunk that is broken into
//! pages has a [`ChunkMap`](chunk::ChunkMap), made when the chunk is first used; nothing here is touched at boot in
//! proportion to RAM but one byte a chunk.
//!
//! Single pages are lent out of one word of such a map, drawn out of it whole: the pages *in front*. Whatever looks for
//! pages in a row, or for a chunk that is all free, puts them back first.
//!
//! All pages of a chunk have one memory type. A chunk is cached unless it was broken into pages of another type; then
//! the direct map has it with that type until its last page comes back, and nothing anywhere has it cached.
//!
//! A page is free, lent (to the kernel's logic, by the port), or neither: the kernel's own, such as its heap
//! and tables, or not RAM. Only lent pages may be read, written or given back, so whatever the logic asks of
//! the ports, they touch no memory that Rust knows of. What its descriptors show to EL0 is another matter:
//! that is the one thing with which it is trusted (docs/soundness.md).

mod chunk;
mod lent;
mod pool;
mod runs;
mod zones;

#[cfg(test)]
mod tests;

pub(crate) use lent::Lent;
pub(crate) use pool::{Pool, Regions};
#[cfg(target_os = "none")]
pub use shared::lent_free;
#[cfg(target_os = "none")]
pub(crate) use shared::{
    LENT, first_stretch, install, is_lent_elsewhere, lend, lend_run, policy_of, take_back, take_run,
};

/// log2 of a chunk's size: what one level 2 block maps.
pub(crate) const CHUNK_SHIFT: u32 = 21;
/// Bytes in a chunk.
pub(crate) const CHUNK_SIZE: u64 = 1 << CHUNK_SHIFT;
/// Pages in a chunk.
pub(crate) const CHUNK_PAGES: usize = (CHUNK_SIZE / abi::PAGE_SIZE) as usize;

/// The most separate stretches of RAM that are managed.
const MAX_REGIONS: usize = 32;

/// The board's one pool, shared by the port and the heap.
#[cfg(target_os = "none")]
mod shared {
    use core::sync::atomic::{AtomicU64, Ordering};

    use abi::vmo::CachePolicy;
    use abi::{PageCount, PhysAddr};
    use kernel::ports::Run;

    use super::{Lent, MAX_REGIONS, Pool};
    use crate::layout;
    use crate::lock::Leaf;

    static POOL: Leaf<Option<Pool>> = Leaf::new(None);

    // SAFETY: 1 and 2: this part of the address space is for these bits alone, and `memory` maps the words of all
    // RAM there before anything is lent. Until then any access is an exception.
    /// Which cached frames are lent.
    pub(crate) const LENT: Lent = unsafe { Lent::new(layout::LENT) };

    /// The stretches of RAM that have bits in [`LENT`]: first address and size of each. Written once.
    static RAM: [(AtomicU64, AtomicU64); MAX_REGIONS] =
        [const { (AtomicU64::new(0), AtomicU64::new(0)) }; MAX_REGIONS];

    /// Starts handing out frames.
    pub(crate) fn install(pool: Pool) {
        for ((base, size), range) in RAM.iter().zip(pool.ranges()) {
            base.store(range.base().0, Ordering::Relaxed);
            size.store(range.size(), Ordering::Relaxed);
        }
        *POOL.lock() = Some(pool);
    }

    /// The first stretch of RAM that has bits in [`LENT`]: its base and size.
    pub(crate) fn first_stretch() -> (u64, u64) {
        let [(base, size), ..] = &RAM;
        (base.load(Ordering::Relaxed), size.load(Ordering::Relaxed))
    }

    /// Whether an address, any at all that is not in the first stretch of RAM, lies in a cached frame that is lent.
    #[cold]
    #[inline(never)]
    pub(crate) fn is_lent_elsewhere(address: PhysAddr) -> bool {
        for (base, size) in RAM.iter().skip(1) {
            let size = size.load(Ordering::Relaxed);
            if size == 0 {
                break;
            }
            if address.0.wrapping_sub(base.load(Ordering::Relaxed)) < size {
                return LENT.contains(address);
            }
        }
        false
    }

    /// Lends a cached frame.
    #[inline]
    pub(crate) fn lend() -> Option<PhysAddr> {
        POOL.lock().as_mut()?.lend()
    }

    /// Lends frames in a row.
    pub(crate) fn lend_run(run: &Run) -> Option<PhysAddr> {
        POOL.lock().as_mut()?.lend_run(run)
    }

    /// The memory type of the lent frame in which an address, any at all, lies.
    pub(crate) fn policy_of(address: PhysAddr) -> Option<CachePolicy> {
        POOL.lock().as_mut()?.policy_of(address)
    }

    /// Takes a lent frame back.
    ///
    /// # Panics
    /// If it was not lent: a bug of the kernel that would otherwise give one frame to two owners.
    #[inline]
    pub(crate) fn take_back(frame: PhysAddr) {
        let taken = POOL.lock().as_mut().is_some_and(|pool| pool.take_back(frame));
        assert!(taken, "frame {frame} is given back, but nobody has it");
    }

    /// Frames that could still be lent.
    pub fn lent_free() -> PageCount {
        POOL.lock().as_ref().map_or(PageCount(0), Pool::free_pages)
    }

    /// Takes a run of pages for the kernel itself, for good: its virtual address and its size.
    pub(crate) fn take_run(bytes: usize) -> Option<(u64, usize)> {
        let pages = bytes.div_ceil(abi::PAGE_SIZE as usize);
        let run = POOL.lock().as_mut()?.take_run(pages)?;
        Some((layout::DIRECT_MAP + run.0, pages * abi::PAGE_SIZE as usize))
    }
}
