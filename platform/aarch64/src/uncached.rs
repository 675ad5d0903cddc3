//! Bytes of frames that are not cached, through the direct map, which has them by their own memory type; and what caches
//! hold of pages that are no frames.
//!
//! Out of the way of everything else: the kernel touches such a frame when it becomes somebody's and when it is resized
//! or zeroed by a call.
use abi::vmo::CachePolicy;
use abi::{PAGE_SIZE, PhysAddr};

use crate::layout::{CLEANING, DIRECT_MAP};
use crate::{cache, copy, descriptor, frames, tables, tlb};

/// The virtual address of `len` bytes in a lent frame that is not cached.
///
/// # Panics
/// If the frame is none or the bytes are not all in it: a bug of the kernel that would otherwise corrupt memory.
#[cold]
pub(crate) fn bytes(frame: PhysAddr, offset: usize, len: usize) -> u64 {
    let inside = offset.checked_add(len).is_some_and(|end| end <= PAGE_SIZE as usize);
    let uncached = frames::policy_of(frame).is_some_and(|policy| policy != CachePolicy::Cached);
    assert!(
        inside && uncached && frame.is_page_aligned(),
        "{len} bytes at {offset} of {frame} are not the kernel's to touch"
    );
    DIRECT_MAP + frame.0 + offset as u64
}

/// Zeroes a frame. What caches still hold of it from a time when it was cached goes first: a line that is written back
/// later would come over what is written past the caches.
#[cold]
pub(crate) fn zero(frame: PhysAddr) {
    let page = bytes(frame, 0, PAGE_SIZE as usize);
    // SAFETY: 1, `bytes` gives a page of RAM that is mapped; no cacheable mapping of it exists, so nothing comes back.
    unsafe { cache::clean_to_memory(page, PAGE_SIZE) }
    // SAFETY: 1 and 2, an aligned page of a lent frame, mapped, and never referenced.
    unsafe { copy::zero_page_singly(page) }
}

/// Copies out of a frame.
#[cold]
pub(crate) fn read(frame: PhysAddr, offset: usize, into: &mut [u8]) {
    let from = bytes(frame, offset, into.len());
    // SAFETY: 1, `bytes` checked the source, the slice is writable. 2, we hold the slice exclusively. 3, a slice is never
    // in a lent frame.
    unsafe { copy::copy_singly(into.as_mut_ptr() as u64, from, into.len()) }
}

/// Copies into a frame.
#[cold]
pub(crate) fn write(frame: PhysAddr, offset: usize, from: &[u8]) {
    let to = bytes(frame, offset, from.len());
    // SAFETY: 1, `bytes` checked the destination, the slice is readable. 2, no reference is ever made to a lent frame.
    // 3, as in `read`.
    unsafe { copy::copy_singly(to, from.as_ptr() as u64, from.len()) }
}

/// Writes to memory and drops what caches hold of a page outside RAM. It is mapped for that by the type that it is to have:
/// lines are found whatever type they are looked for by, and a cacheable mapping would let them come back.
///
/// # Panics
/// If that type is cached: a bug of the kernel.
#[cold]
pub(crate) fn clean(page: PhysAddr, policy: CachePolicy) {
    let work = || {
        // SAFETY: 1, the page is mapped there meanwhile.
        unsafe { cache::clean_to_memory(CLEANING, PAGE_SIZE) }
    };
    // SAFETY: 1, it is what the register holds. 2, the address is for this alone; whoever has the board has the kernel's
    // lock, and no board is there while the kernel boots. 3, the logic is trusted to ask for what nobody has mapped by
    // another type, as with all that it maps.
    let is_clean = policy != CachePolicy::Cached
        && unsafe { tables::show_for(tlb::kernel_root(), CLEANING, page, descriptor::data(policy), work) };
    assert!(is_clean, "the caches cannot be cleaned of {page}");
}
