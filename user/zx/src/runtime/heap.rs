//! The heap: one TLSF pool over VMOs, which grows and never shrinks.
use core::alloc::{GlobalAlloc, Layout};
use core::ptr::NonNull;

use abi::vmar;
use rlsf::{FlexSource, FlexTlsf};
use spin::RelaxStrategy;

use super::startup::vmar_root;
use crate::Object;
use crate::object::{Part, Vmo};

/// The least that the heap grows by: a system call for each 64 KiB, not for each page.
const GROWTH: usize = 64 << 10;

#[global_allocator]
static HEAP: Heap = Heap(spin::mutex::Mutex::new(Pool::new(Pages)));

/// Size classes: 28 powers of two from 32 bytes on, each cut in 16, so a block wastes at most 1/16.
type Pool = FlexTlsf<Pages, u32, u16, 28, 16>;

/// Lets whoever holds the lock go on.
struct Yield;

impl RelaxStrategy for Yield {
    fn relax() {
        crate::time::sleep_until(0);
    }
}

struct Heap(spin::mutex::Mutex<Pool, Yield>);

// SAFETY: TLSF keeps the contract of `GlobalAlloc`; the lock makes each call exclusive.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.0.lock().allocate(layout).map_or(core::ptr::null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some(block) = NonNull::new(block) else { return };
        // SAFETY: the caller of `dealloc` proves that the block is one of ours, with this alignment.
        unsafe { self.0.lock().deallocate(block, layout.align()) };
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let new = Layout::from_size_align(size, layout.align());
        let (Some(block), Ok(new)) = (NonNull::new(block), new) else { return core::ptr::null_mut() };
        // SAFETY: the caller of `realloc` proves that the block is one of ours, with this alignment.
        unsafe { self.0.lock().reallocate(block, new) }.map_or(core::ptr::null_mut(), NonNull::as_ptr)
    }
}

/// Memory from the kernel.
struct Pages;

// SAFETY: each block is a mapping of its own that nobody else knows and nobody unmaps.
unsafe impl FlexSource for Pages {
    unsafe fn alloc(&mut self, min_size: usize) -> Option<NonNull<[u8]>> {
        let size = min_size.checked_next_multiple_of(GROWTH)?;
        let len = size as u64;
        let vmo = Vmo::create(len, 0).ok()?;
        // A name in the kernel's lists; without it the heap works as well.
        let _ = vmo.set_name("heap");
        let part = Part { vmo: &vmo, offset: 0, len };
        let start = vmar_root()?.map(vmar::PERM_READ | vmar::PERM_WRITE, 0, part).ok()?;
        let start = NonNull::new(core::ptr::with_exposed_provenance_mut(start.0 as usize))?;
        Some(NonNull::slice_from_raw_parts(start, size))
    }

    fn min_align(&self) -> usize {
        abi::PAGE_SIZE as usize
    }
}
