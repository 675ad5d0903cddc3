//! The kernel's heap: TLSF (rlsf) over pools that are never given back.
//!
//! It starts with a pool in the image, which the device tree's index needs before any RAM is known, and grows
//! by runs of frames. An allocation that cannot be served is a null pointer, so `try_reserve` reports it; the
//! kernel's logic allocates in no other way after boot. Both allocation and release take constant time, apart
//! from a growth.
use core::alloc::{GlobalAlloc, Layout};
use core::ptr::NonNull;

use rlsf::Tlsf;

use crate::lock::Leaf;

/// Bytes of the pool in the image.
const FIRST_POOL: usize = 1 << 20;
/// The least that the heap grows by; a larger request grows it by what it needs.
const GROWTH: usize = 256 << 10;
/// What a pool and a block need besides the payload: rlsf's headers and sentinel, and the search's rounding of
/// a request up to its size class (one sixteenth).
const fn pool_for(layout: Layout) -> usize {
    let payload = layout.size() + layout.align();
    payload + payload / 8 + 256
}

/// Blocks up to 2^31 bytes in sixteen classes for each power of two.
type Pools = Tlsf<'static, u32, u16, 26, 16>;

struct Heap {
    pools: Leaf<State>,
}

struct State {
    pools: Pools,
    /// Whether the image's pool is in.
    started: bool,
}

#[global_allocator]
static HEAP: Heap = Heap { pools: Leaf::new(State { pools: Pools::new(), started: false }) };

impl State {
    fn allocate(&mut self, layout: Layout) -> *mut u8 {
        if !self.started {
            self.started = true;
            // SAFETY: 1, the linker script reserves these bytes for the heap alone; this happens once.
            unsafe { self.add_pool(crate::entry::linker::heap_start(), FIRST_POOL) };
        }
        if let Some(block) = self.pools.allocate(layout) {
            return block.as_ptr();
        }
        let wanted = pool_for(layout).max(GROWTH);
        let Some((start, size)) = crate::frames::take_run(wanted) else { return core::ptr::null_mut() };
        // SAFETY: 1, the run is direct-mapped RAM that the frame allocator has given up for good.
        unsafe { self.add_pool(start, size) };
        self.pools.allocate(layout).map_or(core::ptr::null_mut(), NonNull::as_ptr)
    }

    /// Gives the heap `size` bytes at `start`.
    ///
    /// # Safety
    /// 1. The bytes are mapped, writable, and belong to nobody else from now on.
    unsafe fn add_pool(&mut self, start: u64, size: usize) {
        let bytes = core::ptr::slice_from_raw_parts_mut(start as *mut u8, size);
        if let Some(bytes) = NonNull::new(bytes) {
            // SAFETY: 1 by the caller.
            unsafe { self.pools.insert_free_block_ptr(bytes) };
        }
    }
}

// SAFETY: rlsf gives out blocks that are disjoint, aligned and large enough, and the lock serialises it.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.pools.lock().allocate(layout)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if let Some(block) = NonNull::new(block) {
            // SAFETY: by the trait's contract the block came from `alloc` with this layout.
            unsafe { self.pools.lock().pools.deallocate(block, layout.align()) };
        }
    }
}
