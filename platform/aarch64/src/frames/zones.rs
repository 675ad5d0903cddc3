//! Whole chunks, by where they lie.
//!
//! Devices reach as far as their bus lets them, most often 1, 3 or 4 GiB. A buddy system does not know where its blocks
//! are, so there is one for each of the first four GiB and one for what lies above, and what nobody needs low is taken
//! high. A block of pages within other limits is looked for by trying.
use core::alloc::Layout;
use core::ptr::NonNull;

use abi::{PhysAddr, PhysRange};
use buddy_system_allocator::Heap;

use super::CHUNK_SIZE;

/// Runs of up to 2^40 bytes.
type Buddies = Heap<41>;
/// log2 of the bytes in all zones but the last.
const ZONE_SHIFT: u32 = 30;
const ZONES: usize = 5;
/// Blocks that are looked at, in a zone that lies within the limits only in part.
const TRIES: usize = 32;

/// The chunks that are free as a whole.
pub(super) struct Zones {
    zones: [Buddies; ZONES],
    /// Where physical address 0 would be mapped.
    window: u64,
}

impl Zones {
    /// No chunks.
    pub(super) const fn new(window: u64) -> Self {
        Self { zones: [const { Buddies::new() }; ZONES], window }
    }

    /// Gives them whole chunks for the first time.
    ///
    /// # Safety
    /// 1. `[start, end)` is whole chunks of RAM, mapped at its address plus the window, writable, and nobody else's.
    pub(super) unsafe fn add(&mut self, start: u64, end: u64) {
        let mut at = start;
        while at < end {
            let zone = zone_of(at);
            let next = if zone + 1 < ZONES { ((zone as u64 + 1) << ZONE_SHIFT).min(end) } else { end };
            let (from, to) = (self.window.wrapping_add(at), self.window.wrapping_add(next));
            if let Some(buddies) = self.zones.get_mut(zone) {
                // SAFETY: by 1; what is added to one zone is added to no other.
                unsafe { buddies.add_to_heap(from as usize, to as usize) };
            }
            at = next;
        }
    }

    /// Takes chunks in a row for `bytes`, at a multiple of `align`, within a range if one is given. They are the caller's
    /// up to the end of the last one.
    pub(super) fn take(&mut self, bytes: u64, align: u64, within: Option<PhysRange>) -> Option<PhysAddr> {
        let size = bytes.checked_next_power_of_two()?.max(align).max(CHUNK_SIZE);
        let layout = layout(size)?;
        (0..ZONES).rev().find_map(|zone| {
            let base = self.take_from(zone, layout, bytes, within)?;
            // The buddies round up to a power of two. What is too much goes back in the blocks of which it is made.
            let mut at = bytes.next_multiple_of(CHUNK_SIZE);
            while at < size {
                let block = at & at.wrapping_neg();
                // SAFETY: 1, it is a part of the block that was just taken, at a multiple of its own size.
                unsafe { self.give(PhysAddr(base.0 + at), block) };
                at += block;
            }
            Some(base)
        })
    }

    /// Takes a block whose first bytes lie within a range.
    fn take_from(
        &mut self,
        zone: usize,
        layout: Layout,
        bytes: u64,
        within: Option<PhysRange>,
    ) -> Option<PhysAddr> {
        if within.is_some_and(|within| !reaches(within, zone)) {
            return None;
        }
        let (buddies, window) = (self.zones.get_mut(zone)?, self.window);
        let fits = |block: NonNull<u8>| {
            let run = PhysRange::new(PhysAddr((block.as_ptr() as u64).wrapping_sub(window)), bytes).ok()?;
            within.is_none_or(|within| within.contains(run)).then(|| run.base())
        };
        let mut rejected = [None; TRIES];
        let mut found = None;
        for slot in &mut rejected {
            let Ok(block) = buddies.alloc(layout) else { break };
            found = fits(block);
            if found.is_some() {
                break;
            }
            *slot = Some(block);
        }
        for block in rejected.into_iter().flatten() {
            // SAFETY: it was taken above from the same buddies with this layout.
            unsafe { buddies.dealloc(block, layout) };
        }
        found
    }

    /// Gives a block back.
    ///
    /// # Safety
    /// 1. `[block, block + size)` was taken and not given back, as a whole or as a part of something larger; `size` is a
    ///    power of two, a chunk at least, and `block` a multiple of it. Nobody has a page of it.
    pub(super) unsafe fn give(&mut self, block: PhysAddr, size: u64) {
        let at = self.window.wrapping_add(block.0) as *mut u8;
        if let (Some(buddies), Some(at), Some(layout)) =
            (self.zones.get_mut(zone_of(block.0)), NonNull::new(at), layout(size))
        {
            // SAFETY: 1 by the caller. The buddies keep no record of what was taken together: a part of a block that has
            // a power of two as its size, at a multiple of it, is a block.
            unsafe { buddies.dealloc(at, layout) };
        }
    }
}

/// The zone in which a block begins. None but those of the last one are larger than a zone, so it ends there too.
const fn zone_of(address: u64) -> usize {
    let zone = address >> ZONE_SHIFT;
    if zone < ZONES as u64 { zone as usize } else { ZONES - 1 }
}

/// Whether a range has bytes of a zone.
const fn reaches(range: PhysRange, zone: usize) -> bool {
    let zone = zone as u64;
    let last_zone = range.last().0 >> ZONE_SHIFT;
    let is_open = zone + 1 == ZONES as u64;
    zone <= last_zone && (is_open || range.base().0 >> ZONE_SHIFT <= zone)
}

/// A block of a power of two, at a multiple of its size.
fn layout(size: u64) -> Option<Layout> {
    Layout::from_size_align(usize::try_from(size).ok()?, usize::try_from(size).ok()?).ok()
}
