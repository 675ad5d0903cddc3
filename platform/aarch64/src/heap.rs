//! The kernel's heap: TLSF (rlsf) over pools that are never given back.
//!
//! It starts with a pool in the image, which the device tree's index needs before any RAM is known and which a
//! large tree extends ([`Boot::extend_heap`]), and grows by runs of frames. An allocation that cannot be served is a null pointer, so `try_reserve` reports it; the
//! kernel's logic allocates in no other way after boot. Both allocation and release take constant time, apart
//! from a growth.
use alloc::vec::Vec;
use core::alloc::{GlobalAlloc, Layout};
use core::ptr::NonNull;

use abi::PAGE_SIZE;
use kernel::ports::HeapUse;
use rlsf::Tlsf;

use crate::entry::{Boot, linker};
use crate::lock::Leaf;
use crate::tables::MapError;
use crate::{descriptor, image};

/// The least that the heap grows by; a larger request grows it by what it needs.
const GROWTH: usize = 64 << 10;
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
    /// Bytes that it was given.
    given: u64,
    /// Bytes that are in use, what blocks need beside their payload left out.
    used: u64,
    /// Frames among what it was given.
    frames: u64,
}

#[global_allocator]
static HEAP: Heap =
    Heap { pools: Leaf::new(State { pools: Pools::new(), started: false, given: 0, used: 0, frames: 0 }) };

impl State {
    fn allocate(&mut self, layout: Layout) -> *mut u8 {
        let block = self.find(layout);
        if !block.is_null() {
            self.used += layout.size() as u64;
        }
        block
    }

    fn find(&mut self, layout: Layout) -> *mut u8 {
        if !self.started {
            self.started = true;
            let size = linker::heap_rest() - linker::heap_start();
            // SAFETY: 1, the linker script reserves these bytes for the heap alone, and entry.S maps them; this happens
            // once.
            unsafe { self.add_pool(linker::heap_start(), size as usize) };
        }
        if let Some(block) = self.pools.allocate(layout) {
            return block.as_ptr();
        }
        let wanted = pool_for(layout).max(GROWTH);
        let Some((start, size)) = crate::frames::take_run(wanted) else { return core::ptr::null_mut() };
        self.frames += size as u64 / PAGE_SIZE;
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
            self.given += size as u64;
            // SAFETY: 1 by the caller.
            unsafe { self.pools.insert_free_block_ptr(bytes) };
        }
    }
}

/// What the heap has, and what the kernel's objects lie in: nobody tells what is free there.
pub(crate) fn heap_use() -> HeapUse {
    let state = HEAP.pools.lock();
    let objects = crate::stretch::pages();
    HeapUse {
        bytes: state.given + objects * PAGE_SIZE,
        free: state.given.saturating_sub(state.used),
        frames: state.frames + objects,
    }
}

/// Gives a value a place for ever; `None` if there is none.
pub fn leak<T>(value: T) -> Option<&'static T> {
    let mut place = Vec::new();
    place.try_reserve_exact(1).ok()?;
    place.push(value);
    place.leak().first()
}

impl Boot {
    /// Adds up to `size` bytes more of the image's own heap, or what is left of it. Once memory is open there is
    /// nothing left.
    ///
    /// # Errors
    /// [`MapError`]: there is no table for it.
    pub fn extend_heap(&mut self, size: u64) -> Result<(), MapError> {
        let start = self.heap_rest;
        let size = size.next_multiple_of(PAGE_SIZE).min(linker::tables_start() - start);
        if size == 0 {
            return Ok(());
        }
        // SAFETY: 1, these pages of the image are the heap's, and mapped nowhere yet.
        unsafe { self.space.map(start, image::physical(start), size, descriptor::DATA, &mut self.tables)? };
        self.heap_rest += size;
        image::note_heap_growth(size);
        // SAFETY: 1, they are mapped now, writable, and by `heap_rest` added once.
        unsafe { HEAP.pools.lock().add_pool(start, size as usize) };
        Ok(())
    }
}

// SAFETY: rlsf gives out blocks that are disjoint, aligned and large enough, and the lock serialises it.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.pools.lock().allocate(layout)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if let Some(block) = NonNull::new(block) {
            let mut state = self.pools.lock();
            state.used = state.used.saturating_sub(layout.size() as u64);
            // SAFETY: by the trait's contract the block came from `alloc` with this layout.
            unsafe { state.pools.deallocate(block, layout.align()) };
        }
    }
}
