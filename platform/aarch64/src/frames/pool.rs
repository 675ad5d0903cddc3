//! All chunks of a machine.
use core::mem::MaybeUninit;

use abi::vmo::CachePolicy;
use abi::{PAGE_SHIFT, PAGE_SIZE, PageCount, PhysAddr, PhysRange};

use super::chunk::ChunkMap;
use super::lent::Lent;
use super::zones::Zones;
use super::{CHUNK_PAGES, CHUNK_SHIFT, CHUNK_SIZE, MAX_REGIONS};

/// Memory types that a chunk can have.
const POLICIES: usize = 4;

/// Gives a chunk another memory type in the direct map; whether it could.
///
/// # Safety
/// 1. Nobody uses a byte of the chunk until this returns, and nobody else calls this.
pub(crate) type Retype = unsafe fn(PhysAddr, CachePolicy) -> bool;

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
    pub(super) fn find(&self, address: PhysAddr) -> Option<u32> {
        let chunk = address.0 >> CHUNK_SHIFT;
        self.list.iter().take(self.len).find_map(|region| {
            let offset = chunk.checked_sub(region.first)?;
            (offset < u64::from(region.count)).then(|| region.index + offset as u32)
        })
    }

    /// The address of a chunk.
    pub(super) fn address(&self, index: u32) -> Option<PhysAddr> {
        self.list.iter().take(self.len).find_map(|region| {
            let offset = index.checked_sub(region.index)?;
            (offset < region.count).then(|| PhysAddr((region.first + u64::from(offset)) << CHUNK_SHIFT))
        })
    }
}

/// Pages that are taken out of their chunk's map and not lent yet, up to 64 that one word of it stands for: one page
/// is lent by a look at this word alone.
#[derive(Debug)]
struct Front {
    /// Which are free.
    bits: u64,
    /// The first, free or not: a multiple of [`Front::SIZE`].
    first: PhysAddr,
}

impl Front {
    /// Bytes that a word stands for.
    const SIZE: u64 = 64 * PAGE_SIZE;
    /// None, and no page is in it.
    const NONE: Self = Self { bits: 0, first: PhysAddr(u64::MAX) };

    /// The bit of a page, if it is in the word.
    #[inline]
    fn bit(&self, frame: PhysAddr) -> Option<u64> {
        let inside = frame.0.wrapping_sub(self.first.0);
        (inside < Self::SIZE && inside.is_multiple_of(PAGE_SIZE)).then(|| 1 << (inside >> PAGE_SHIFT & 63))
    }
}

/// What a chunk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum State {
    /// No page of it was ever in the pool, and its map is not initialised.
    Outside = 0,
    /// Whole: the zones have it.
    Whole,
    /// Broken into pages: its map is initialised.
    Split,
}

/// The pool of frames.
pub(crate) struct Pool {
    pub(super) regions: Regions,
    states: &'static mut [State],
    maps: &'static mut [MaybeUninit<ChunkMap>],
    /// By memory type, the first split chunk that has free pages.
    heads: [Option<u32>; POLICIES],
    pub(super) zones: Zones,
    /// Free pages, in split chunks and whole ones; those in front not counted.
    free: u64,
    front: Front,
    lent: Lent,
    retype: Retype,
}

impl Pool {
    /// An empty pool.
    ///
    /// # Safety
    /// 1. `storage` is `regions.storage_size()` bytes, mapped, writable, aligned for a word, and nobody
    ///    else's for ever.
    /// 2. RAM that [`Pool::add`] is given is mapped at its physical address plus `window`.
    /// 3. `lent` has a word for every page of the regions, all zero, and belongs to this pool.
    pub(crate) unsafe fn new(
        regions: Regions,
        storage: *mut u8,
        window: u64,
        lent: Lent,
        retype: Retype,
    ) -> Self {
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
        let zones = Zones::new(window);
        Self {
            regions,
            states,
            maps,
            heads: [None; POLICIES],
            zones,
            free: 0,
            front: Front::NONE,
            lent,
            retype,
        }
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
            // SAFETY: 1 by the caller: the chunks are mapped, writable and the pool's alone.
            unsafe { self.zones.add(whole_start, whole_end) };
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
        PageCount(self.free + u64::from(self.front.bits.count_ones()))
    }

    /// Lends a cached page; its contents are whatever they were.
    #[inline]
    pub(crate) fn lend(&mut self) -> Option<PhysAddr> {
        if self.front.bits == 0 {
            self.draw()?;
        }
        let bits = self.front.bits;
        self.front.bits = bits & bits.wrapping_sub(1);
        let frame = PhysAddr(self.front.first.0 | u64::from(bits.trailing_zeros()) << PAGE_SHIFT);
        self.lent.insert(frame);
        Some(frame)
    }

    /// Takes the next pages to the front, where there are none.
    #[cold]
    #[inline(never)]
    fn draw(&mut self) -> Option<()> {
        let index = match self.head(CachePolicy::Cached) {
            Some(index) => index,
            None => {
                let index = self.regions.find(self.zones.take(CHUNK_SIZE, CHUNK_SIZE, None)?)?;
                if self.split(index, CachePolicy::Cached) { index } else { return None }
            }
        };
        let (first, bits) = self.map(index)?.take_word()?;
        self.count_taken(index, bits.count_ones() as usize);
        self.front = Front { bits, first };
        Some(())
    }

    /// Puts what is in front back to its chunk, for what looks for pages there.
    pub(super) fn put_front_back(&mut self) {
        let Front { bits, first } = core::mem::replace(&mut self.front, Front::NONE);
        let Some((index, page)) = self.locate(first) else { return };
        let Some(map) = self.map(index).filter(|_| bits != 0) else { return };
        let before = map.free_count();
        map.put_word(page, bits);
        self.free += u64::from(bits.count_ones());
        if before == 0 {
            self.link(index);
        }
        self.join(index);
    }

    /// Gives a chunk of the cached ones back of which all pages are free, if there is another with free pages: the last
    /// stays, so that one page lent and taken back at the edge costs nothing.
    fn join(&mut self, index: u32) {
        let in_front = match self.locate(self.front.first) {
            Some((at, _)) if at == index => self.front.bits.count_ones() as usize,
            _ => 0,
        };
        let Some((free, next)) = self.map(index).map(|map| (map.free_count(), map.next)) else { return };
        if free + in_front != CHUNK_PAGES || (self.head(CachePolicy::Cached), next) == (Some(index), None) {
            return;
        }
        if in_front > 0 {
            // It comes by here again.
            self.put_front_back();
        } else {
            self.give_chunk_back(index);
        }
    }

    /// Takes a lent page back. `false`, and nothing changed, if it is not lent.
    #[inline]
    pub(crate) fn take_back(&mut self, frame: PhysAddr) -> bool {
        if let Some(bit) = self.front.bit(frame)
            && self.lent.contains(frame)
        {
            self.lent.remove(frame);
            self.front.bits |= bit;
            if self.front.bits == u64::MAX
                && let Some((index, _)) = self.locate(frame)
            {
                self.join(index);
            }
            return true;
        }
        let Some((index, page)) = self.locate(frame) else { return false };
        if !self.lent.contains(frame) {
            return self.take_back_uncached(index, page);
        }
        let Some(map) = self.map(index) else { return false };
        map.set_free(page);
        let free = map.free_count();
        self.lent.remove(frame);
        self.free += 1;
        if free == 1 {
            self.link(index);
        }
        // The others may be in front.
        if free >= CHUNK_PAGES - 64 {
            self.join(index);
        }
        true
    }

    /// Takes a page back that is not cached. Its chunk is cached again as soon as it is free.
    #[cold]
    fn take_back_uncached(&mut self, index: u32, page: usize) -> bool {
        let Some(map) = self.map(index) else { return false };
        if map.policy() == CachePolicy::Cached || map.is_free(page) {
            return false;
        }
        map.set_free(page);
        let free = map.free_count();
        self.free += 1;
        if free == 1 {
            self.link(index);
        }
        if free == CHUNK_PAGES {
            self.give_chunk_back(index);
        }
        true
    }

    /// The memory type of the lent page in which an address, any at all, lies.
    pub(crate) fn policy_of(&mut self, address: PhysAddr) -> Option<CachePolicy> {
        let (index, page) = self.locate(address.page_down())?;
        let is_lent = self.lent.contains(address);
        let map = self.map(index)?;
        // Of a chunk that is not cached, whatever is not free is lent: the kernel takes none for itself.
        (is_lent || map.policy() != CachePolicy::Cached && !map.is_free(page)).then(|| map.policy())
    }

    /// The first chunk of a memory type that has free pages.
    #[inline]
    pub(super) fn head(&self, policy: CachePolicy) -> Option<u32> {
        self.heads.get(policy as usize).copied().flatten()
    }

    /// Notes that pages are free no more.
    pub(super) fn count_taken(&mut self, index: u32, pages: usize) {
        self.free -= pages as u64;
        if self.map(index).is_some_and(|map| map.free_count() == 0) {
            self.unlink(index);
        }
    }

    /// Notes that cached pages in a row are lent.
    pub(super) fn note_lent(&self, first: PhysAddr, pages: u64) {
        self.lent.insert_run(first, pages);
    }

    /// Breaks a chunk that was taken from the zones into pages of a memory type; it becomes the head of that type's
    /// list. `false`, and the zones have it again, if it cannot have that type.
    pub(super) fn split(&mut self, index: u32, policy: CachePolicy) -> bool {
        let Some(chunk) = self.regions.address(index) else { return false };
        // SAFETY: 1, the chunk is whole, and out of the zones. There is one pool, and this has it exclusively.
        if policy != CachePolicy::Cached && !unsafe { (self.retype)(chunk, policy) } {
            // SAFETY: 1, the caller took it, and nobody has a page of it.
            unsafe { self.zones.give(chunk, CHUNK_SIZE) };
            return false;
        }
        if let Some(map) = self.maps.get_mut(index as usize) {
            map.write(ChunkMap::free(policy, chunk));
        }
        if let Some(state) = self.states.get_mut(index as usize) {
            *state = State::Split;
        }
        self.link(index);
        true
    }

    /// Gives up a split chunk whose pages are all free: it is cached, and may become part of a larger run.
    pub(super) fn give_chunk_back(&mut self, index: u32) {
        let (Some(chunk), Some(map)) = (self.regions.address(index), self.map(index)) else { return };
        if map.free_count() != CHUNK_PAGES {
            return;
        }
        // SAFETY: 1, all pages of the chunk are free. There is one pool, and this has it exclusively.
        if map.policy() != CachePolicy::Cached && !unsafe { (self.retype)(chunk, CachePolicy::Cached) } {
            return;
        }
        self.unlink(index);
        if let Some(state) = self.states.get_mut(index as usize) {
            *state = State::Whole;
        }
        // SAFETY: 1, all pages of the chunk are free, so it came from the zones: a chunk that was added page by page
        // has pages that are never free.
        unsafe { self.zones.give(chunk, CHUNK_SIZE) };
    }

    /// Makes the pages of incomplete chunks free.
    fn add_pages(&mut self, start: u64, end: u64) {
        let mut address = start;
        while address < end {
            let next = (address & !(CHUNK_SIZE - 1)).saturating_add(CHUNK_SIZE).min(end);
            let Some((index, page)) = self.locate(PhysAddr(address)) else { return };
            self.begin_split(index, PhysAddr(address));
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
    fn begin_split(&mut self, index: u32, within: PhysAddr) {
        let Some(state) = self.states.get_mut(index as usize) else { return };
        if *state == State::Outside {
            *state = State::Split;
            if let Some(map) = self.maps.get_mut(index as usize) {
                map.write(ChunkMap::empty(CachePolicy::Cached, within));
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
    pub(super) fn map(&mut self, index: u32) -> Option<&mut ChunkMap> {
        if self.states.get(index as usize) != Some(&State::Split) {
            return None;
        }
        // SAFETY: a split chunk's map is initialised.
        self.maps.get_mut(index as usize).map(|map| unsafe { map.assume_init_mut() })
    }

    fn link(&mut self, index: u32) {
        let Some(policy) = self.map(index).map(|map| map.policy()) else { return };
        let Some(head) = self.heads.get_mut(policy as usize).map(|head| head.replace(index)) else { return };
        if let Some(map) = self.map(index) {
            (map.next, map.previous) = (head, None);
        }
        if let Some(map) = head.and_then(|head| self.map(head)) {
            map.previous = Some(index);
        }
    }

    fn unlink(&mut self, index: u32) {
        let Some(map) = self.map(index) else { return };
        let (next, previous, policy) = (map.next.take(), map.previous.take(), map.policy());
        match previous.and_then(|previous| self.map(previous)) {
            Some(map) => map.next = next,
            None => {
                if let Some(head) = self.heads.get_mut(policy as usize) {
                    *head = next;
                }
            }
        }
        if let Some(map) = next.and_then(|next| self.map(next)) {
            map.previous = previous;
        }
    }
}
