//! All chunks of a machine.
use core::alloc::Layout;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use abi::{PAGE_SHIFT, PAGE_SIZE, PageCount, PhysAddr, PhysRange};
use buddy_system_allocator::Heap;

use super::chunk::ChunkMap;
use super::lent::Lent;
use super::{CHUNK_PAGES, CHUNK_SHIFT, CHUNK_SIZE, MAX_REGIONS};

/// Runs of up to 2^40 bytes.
type Buddies = Heap<41>;

/// A stretch of chunks with RAM in them.
#[derive(Clone, Copy, Debug, Default)]
struct Region {
    /// The first chunk's number: its address divided by the chunk size.
    first: u64,
    count: u32,
    /// The first chunk's index in the pool's arrays.
    index: u32,
}

/// Where RAM is, in chunks.
#[derive(Debug, Default)]
pub(crate) struct Regions {
    list: [Region; MAX_REGIONS],
    len: usize,
    chunks: u32,
}

impl Regions {
    /// Adds a range of RAM. Ranges come sorted; those that touch or share a chunk make one region. `false` if
    /// there are too many.
    pub(crate) fn add(&mut self, range: PhysRange) -> bool {
        let (first, last) = (range.base().0 >> CHUNK_SHIFT, range.last().0 >> CHUNK_SHIFT);
        let index = self.chunks;
        let known = self.list.get_mut(..self.len).and_then(<[Region]>::last_mut);
        if let Some(region) = known
            && first <= region.first + u64::from(region.count)
        {
            let more = (last + 1).saturating_sub(region.first + u64::from(region.count));
            let Ok(more) = u32::try_from(more) else { return false };
            region.count += more;
            self.chunks += more;
            return true;
        }
        let (Some(slot), Ok(count)) = (self.list.get_mut(self.len), u32::try_from(last + 1 - first)) else {
            return false;
        };
        *slot = Region { first, count, index };
        self.len += 1;
        self.chunks += count;
        true
    }

    /// Bytes that the pool's arrays need, for [`Pool::new`].
    pub(crate) fn storage_size(&self) -> usize {
        self.chunks as usize * (size_of::<ChunkMap>() + 1) + align_of::<ChunkMap>()
    }

    /// The chunks, as ranges of addresses, lowest first.
    #[cfg(target_os = "none")]
    pub(crate) fn ranges(&self) -> impl Iterator<Item = PhysRange> {
        self.list.iter().take(self.len).filter_map(|region| {
            PhysRange::new(PhysAddr(region.first << CHUNK_SHIFT), u64::from(region.count) << CHUNK_SHIFT).ok()
        })
    }

    /// The index of the chunk that an address lies in.
    #[inline]
    fn find(&self, address: PhysAddr) -> Option<u32> {
        let chunk = address.0 >> CHUNK_SHIFT;
        self.list.iter().take(self.len).find_map(|region| {
            let offset = chunk.checked_sub(region.first)?;
            (offset < u64::from(region.count)).then(|| region.index + offset as u32)
        })
    }

    /// The address of a chunk.
    fn address(&self, index: u32) -> Option<PhysAddr> {
        self.list.iter().take(self.len).find_map(|region| {
            let offset = index.checked_sub(region.index)?;
            (offset < region.count).then(|| PhysAddr((region.first + u64::from(offset)) << CHUNK_SHIFT))
        })
    }
}

/// What a chunk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum State {
    /// No page of it was ever in the pool, and its map is not initialised.
    Outside = 0,
    /// Whole: the buddies have it, or it is part of a run.
    Whole,
    /// Broken into pages: its map is initialised.
    Split,
}

/// The pool of frames.
pub(crate) struct Pool {
    regions: Regions,
    states: &'static mut [State],
    maps: &'static mut [MaybeUninit<ChunkMap>],
    buddies: Buddies,
    /// The first split chunk that has free pages.
    head: Option<u32>,
    /// Free pages, in split chunks and whole ones.
    free: u64,
    /// Where physical address 0 would be mapped.
    window: u64,
    lent: Lent,
}

impl Pool {
    /// An empty pool.
    ///
    /// # Safety
    /// 1. `storage` is `regions.storage_size()` bytes, mapped, writable, aligned for a word, and nobody
    ///    else's for ever.
    /// 2. RAM that [`Pool::add`] is given is mapped at its physical address plus `window`.
    /// 3. `lent` has a word for every page of the regions, all zero, and belongs to this pool.
    pub(crate) unsafe fn new(regions: Regions, storage: *mut u8, window: u64, lent: Lent) -> Self {
        let count = regions.chunks as usize;
        let states_at = storage.wrapping_add(count * size_of::<ChunkMap>());
        // SAFETY: by 1 the storage has room for the maps and then for one byte a chunk, which is written here
        // before a slice is made of it: zero is `State::Outside`. Maps need no initialisation: they are
        // `MaybeUninit` and read only for split chunks.
        let (states, maps) = unsafe {
            states_at.write_bytes(0, count);
            (
                core::slice::from_raw_parts_mut(states_at.cast::<State>(), count),
                core::slice::from_raw_parts_mut(storage.cast::<MaybeUninit<ChunkMap>>(), count),
            )
        };
        Self { regions, states, maps, buddies: Buddies::new(), head: None, free: 0, window, lent }
    }

    /// Gives the pool a range of pages. Physical page 0 is never lent, whether it is in the range or not.
    ///
    /// # Safety
    /// 1. The range is RAM in the pool's regions, page-aligned, mapped as [`Pool::new`] says, and nobody
    ///    else's from now on; no byte of it was added before.
    pub(crate) unsafe fn add(&mut self, range: PhysRange) {
        let chunk_up = |address: u64| address.next_multiple_of(CHUNK_SIZE);
        // The logic writes 0 for "no frame", so page 0 stays out.
        let (start, end) = (range.base().0.max(PAGE_SIZE), range.last().0 + 1);
        let (whole_start, whole_end) = (chunk_up(start).min(end), (end & !(CHUNK_SIZE - 1)).max(start));
        if whole_start >= whole_end {
            self.add_pages(start, end);
            return;
        }
        self.add_pages(start, whole_start);
        self.add_pages(whole_end, end);
        let (first, last) = (PhysAddr(whole_start), PhysAddr(whole_end - 1));
        if let (Some(first), Some(last)) = (self.regions.find(first), self.regions.find(last)) {
            if let Some(states) = self.states.get_mut(first as usize..=last as usize) {
                states.fill(State::Whole);
            }
            self.free += (whole_end - whole_start) >> PAGE_SHIFT;
            let (from, to) = (self.window.wrapping_add(whole_start), self.window.wrapping_add(whole_end));
            // SAFETY: 1 by the caller: the chunks are mapped, writable and the pool's alone.
            unsafe { self.buddies.add_to_heap(from as usize, to as usize) };
        }
    }

    /// Where its RAM is, in whole chunks.
    #[cfg(target_os = "none")]
    pub(crate) fn ranges(&self) -> impl Iterator<Item = PhysRange> {
        self.regions.ranges()
    }

    /// Which pages are lent.
    #[cfg(test)]
    pub(crate) fn lent(&self) -> Lent {
        self.lent
    }

    /// Pages that could still be lent.
    pub(crate) fn free_pages(&self) -> PageCount {
        PageCount(self.free)
    }

    /// Lends a page; its contents are whatever they were.
    #[inline]
    pub(crate) fn lend(&mut self) -> Option<PhysAddr> {
        let index = match self.head {
            Some(index) => index,
            None => self.split_chunk()?,
        };
        let map = self.map(index)?;
        let page = map.take()?;
        let full = map.free_count() == 0;
        self.free -= 1;
        if full {
            self.unlink(index);
        }
        let frame = PhysAddr(self.regions.address(index)?.0 + ((page as u64) << PAGE_SHIFT));
        self.lent.insert(frame);
        Some(frame)
    }

    /// Takes a lent page back. `false`, and nothing changed, if it is not lent.
    #[inline]
    pub(crate) fn take_back(&mut self, frame: PhysAddr) -> bool {
        let Some((index, page)) = self.locate(frame) else { return false };
        if !self.lent.contains(frame) {
            return false;
        }
        let Some(map) = self.map(index) else { return false };
        map.set_free(page);
        let (free, next) = (map.free_count(), map.next);
        self.lent.remove(frame);
        self.free += 1;
        if free == 1 {
            self.link(index);
        } else if free == CHUNK_PAGES && (self.head, next) != (Some(index), None) {
            // The last split chunk stays, so that one page lent and taken back at the edge costs nothing.
            self.give_chunk_back(index);
        }
        true
    }

    /// Takes pages in a row for good.
    pub(crate) fn take_run(&mut self, pages: usize) -> Option<PhysAddr> {
        if pages > CHUNK_PAGES {
            return self.take_large_run(pages);
        }
        // A long list of chunks that are all fragmented is not worth searching: a new chunk is there soon.
        let mut candidate = self.head;
        for _ in 0..16 {
            let Some(index) = candidate else { break };
            let map = self.map(index)?;
            candidate = map.next;
            if let Some(run) = self.take_run_in(index, pages) {
                return Some(run);
            }
        }
        let index = self.split_chunk()?;
        self.take_run_in(index, pages)
    }

    fn take_run_in(&mut self, index: u32, pages: usize) -> Option<PhysAddr> {
        let map = self.map(index)?;
        let start = map.take_run(pages)?;
        let full = map.free_count() == 0;
        self.free -= pages as u64;
        if full {
            self.unlink(index);
        }
        Some(PhysAddr(self.regions.address(index)?.0 + ((start as u64) << PAGE_SHIFT)))
    }

    fn take_large_run(&mut self, pages: usize) -> Option<PhysAddr> {
        // The buddies round up to a power of two, and count what they gave.
        let bytes = pages.checked_mul(PAGE_SIZE as usize)?.checked_next_power_of_two()?;
        let run = self.take_from_buddies(bytes)?;
        self.free -= (bytes as u64) >> PAGE_SHIFT;
        Some(run)
    }

    /// Breaks a whole chunk into pages; it becomes the list's head.
    fn split_chunk(&mut self) -> Option<u32> {
        let chunk = self.take_from_buddies(CHUNK_SIZE as usize)?;
        let index = self.regions.find(chunk)?;
        self.maps.get_mut(index as usize)?.write(ChunkMap::FREE);
        *self.states.get_mut(index as usize)? = State::Split;
        self.link(index);
        Some(index)
    }

    /// Gives a chunk whose pages are all free back to the buddies, for larger runs.
    fn give_chunk_back(&mut self, index: u32) {
        let Some(chunk) = self.regions.address(index) else { return };
        self.unlink(index);
        if let Some(state) = self.states.get_mut(index as usize) {
            *state = State::Whole;
        }
        let at = self.window.wrapping_add(chunk.0) as *mut u8;
        if let (Some(at), Ok(layout)) = (NonNull::new(at), chunk_layout(CHUNK_SIZE as usize)) {
            // SAFETY: all pages of the chunk are free, so it came from the buddies by `split_chunk` with this
            // layout: a chunk that was added page by page has pages that are never free.
            unsafe { self.buddies.dealloc(at, layout) };
        }
    }

    fn take_from_buddies(&mut self, bytes: usize) -> Option<PhysAddr> {
        let run = self.buddies.alloc(chunk_layout(bytes).ok()?).ok()?;
        Some(PhysAddr((run.as_ptr() as u64).wrapping_sub(self.window)))
    }

    /// Makes the pages of incomplete chunks free.
    fn add_pages(&mut self, start: u64, end: u64) {
        let mut address = start;
        while address < end {
            let next = (address & !(CHUNK_SIZE - 1)).saturating_add(CHUNK_SIZE).min(end);
            let Some((index, page)) = self.locate(PhysAddr(address)) else { return };
            self.begin_split(index);
            let Some(map) = self.map(index) else { return };
            let before = map.free_count();
            map.set_free_run(page, ((next - address) >> PAGE_SHIFT) as usize);
            let free = map.free_count();
            self.free += (free - before) as u64;
            if before == 0 && free > 0 {
                self.link(index);
            }
            address = next;
        }
    }

    /// Initialises the map of a chunk that is not in the pool yet.
    fn begin_split(&mut self, index: u32) {
        let Some(state) = self.states.get_mut(index as usize) else { return };
        if *state == State::Outside {
            *state = State::Split;
            if let Some(map) = self.maps.get_mut(index as usize) {
                map.write(ChunkMap::EMPTY);
            }
        }
    }

    /// A page's chunk and its number in it; `None` outside the regions or between pages.
    #[inline]
    fn locate(&self, frame: PhysAddr) -> Option<(u32, usize)> {
        let index = self.regions.find(frame)?;
        let page = (frame.0 >> PAGE_SHIFT) as usize % CHUNK_PAGES;
        frame.is_page_aligned().then_some((index, page))
    }

    /// The map of a split chunk.
    #[inline]
    fn map(&mut self, index: u32) -> Option<&mut ChunkMap> {
        if self.states.get(index as usize) != Some(&State::Split) {
            return None;
        }
        // SAFETY: a split chunk's map is initialised.
        self.maps.get_mut(index as usize).map(|map| unsafe { map.assume_init_mut() })
    }

    fn link(&mut self, index: u32) {
        let head = self.head.replace(index);
        if let Some(map) = self.map(index) {
            (map.next, map.previous) = (head, None);
        }
        if let Some(map) = head.and_then(|head| self.map(head)) {
            map.previous = Some(index);
        }
    }

    fn unlink(&mut self, index: u32) {
        let Some(map) = self.map(index) else { return };
        let (next, previous) = (map.next.take(), map.previous.take());
        match previous.and_then(|previous| self.map(previous)) {
            Some(map) => map.next = next,
            None => self.head = next,
        }
        if let Some(map) = next.and_then(|next| self.map(next)) {
            map.previous = previous;
        }
    }
}

fn chunk_layout(bytes: usize) -> Result<Layout, core::alloc::LayoutError> {
    Layout::from_size_align(bytes, CHUNK_SIZE as usize)
}
