//! Stretches of memory at addresses in a row, for the kernel's objects (`platform/slots`): each is a window of addresses in
//! which a page is mapped behind the last one as often as there is need of one.
//!
//! Most kinds of objects are few. They begin in small windows that have one table in common; who outgrows that gets a large
//! one, where the same pages are mapped again. The small one is not used any more, nor is it ever again.
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};

use abi::{PAGE_SIZE, PhysAddr};

use crate::layout::{self, LARGE, LARGE_STRETCH, MAX_STRETCHES, SMALL_STRETCH, STRETCHES};
use crate::{copy, descriptor, frames, tables, tlb};

/// Stretches that there are.
static COUNT: AtomicU64 = AtomicU64::new(0);
/// Pages of the stretches and of their tables.
static PAGES: AtomicU64 = AtomicU64::new(0);
/// A page that was taken and not mapped, for want of a table; 0 for none.
static SPARE: AtomicU64 = AtomicU64::new(0);

/// Pages that were taken for stretches and for their tables. None is given back.
pub(crate) fn pages() -> u64 {
    PAGES.load(Ordering::Relaxed)
}

/// Adds a page to a stretch: `slots` has the contract. The kernel's objects are behind its lock, or it boots: one CPU
/// at a time comes here.
#[unsafe(no_mangle)]
fn jacinth_grow_stretch(base: NonNull<u8>, bytes: usize) -> Option<(NonNull<u8>, usize)> {
    let (mut start, size) = (base.as_ptr().addr() as u64, bytes as u64);
    if size == 0 {
        start = STRETCHES + COUNT.load(Ordering::Relaxed) * SMALL_STRETCH;
    } else if start < LARGE && size == SMALL_STRETCH {
        start = move_to_large(start)?;
    }
    let limit = if start < LARGE { MAX_STRETCHES * SMALL_STRETCH + STRETCHES } else { start + LARGE_STRETCH };
    if start + size >= limit {
        return None;
    }
    let page = take_page()?;
    if !map(start + size, page) {
        SPARE.store(page.0, Ordering::Relaxed);
        return None;
    }
    if size == 0 {
        COUNT.fetch_add(1, Ordering::Relaxed);
    }
    Some((NonNull::new(start as *mut u8)?, bytes + PAGE_SIZE as usize))
}

/// Maps the pages of a small stretch, which is full, where it has room. If that fails half-way, the same pages are mapped
/// at the same places next time.
fn move_to_large(start: u64) -> Option<u64> {
    let to = LARGE + (start - STRETCHES) / SMALL_STRETCH * LARGE_STRETCH;
    for offset in (0..SMALL_STRETCH).step_by(PAGE_SIZE as usize) {
        // SAFETY: 1, the root of this CPU's tables is that of all.
        let page = unsafe { tables::page_at(tlb::kernel_root(), start + offset) };
        if !page.is_some_and(|page| map(to + offset, page)) {
            return None;
        }
    }
    Some(to)
}

fn map(address: u64, page: PhysAddr) -> bool {
    // SAFETY: 1, the root of this CPU's tables is that of all. 2, the address lies in a window that is one stretch's, where
    // only the page that belongs there is ever mapped, and one CPU at a time comes here. 3, the page is RAM of the kernel's own, which is cached wherever it is mapped.
    unsafe { tables::add(tlb::kernel_root(), address, page, descriptor::DATA, take_zeroed) }
}

/// A page of RAM for good.
fn take_page() -> Option<PhysAddr> {
    match SPARE.swap(0, Ordering::Relaxed) {
        0 => {}
        spare => return Some(PhysAddr(spare)),
    }
    let (address, _) = frames::take_run(PAGE_SIZE as usize)?;
    PAGES.fetch_add(1, Ordering::Relaxed);
    Some(PhysAddr(address - layout::DIRECT_MAP))
}

fn take_zeroed() -> Option<PhysAddr> {
    let page = take_page()?;
    // SAFETY: 1, a page of the direct map. 2, it was taken right now, and nothing refers to it.
    unsafe { copy::zero_page(layout::DIRECT_MAP + page.0) };
    Some(page)
}
