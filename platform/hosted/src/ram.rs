//! Simulated RAM: an interval of physical addresses whose frames exist from the moment they are taken.
//!
//! Frames are handed out lowest first, so that a run is repeatable and an address in a failure means
//! something. A frame's first contents are [`POISON`]: code that forgets to clear a page is seen.
//!
//! A frame has one memory type. Those that are not cached come out of chunks of 2 MiB that are none of them, as on a
//! board, and are nobody's to use before they were zeroed: until then a cache may hold what was in them.

use std::collections::{BTreeMap, BTreeSet};

use abi::vmo::CachePolicy;
use abi::{PAGE_SIZE, PhysAddr, PhysRange};
use kernel::ports::Run;

/// Bytes in a frame.
pub(crate) const FRAME: usize = PAGE_SIZE as usize;
/// What a frame holds before anybody wrote it.
pub const POISON: u8 = 0xA5;

/// Bytes that have one memory type.
const CHUNK: u64 = 2 << 20;

/// A chunk whose frames are not cached.
#[derive(Clone)]
struct Chunk {
    policy: CachePolicy,
    free: BTreeSet<u64>,
}

/// What became of a frame of RAM.
#[derive(Clone)]
enum Slot {
    /// Taken, and never written since.
    Untouched,
    /// Taken and written.
    Bytes(Box<[u8; FRAME]>),
}

/// The frames of one machine.
#[derive(Clone)]
pub(crate) struct Ram {
    range: PhysRange,
    /// Every frame that somebody owns.
    taken: BTreeMap<u64, Slot>,
    /// The lowest frame that was never taken.
    fresh: u64,
    /// Where the frames end that were never taken.
    top: u64,
    /// Free frames outside `fresh..top` that are cached.
    returned: BTreeSet<u64>,
    /// What is not cached, by chunk.
    uncached: BTreeMap<u64, Chunk>,
    /// Frames that were placed at boot and are never given back.
    placed: BTreeSet<u64>,
    /// Taken frames, counted up for each one allocated.
    allocations: u64,
    /// The allocation, counted from 1, that fails.
    fail_at: Option<u64>,
}

impl Ram {
    pub(crate) fn new(range: PhysRange) -> Self {
        assert!(range.base().is_page_aligned(), "RAM {range} does not start at a page");
        Self {
            range,
            taken: BTreeMap::new(),
            fresh: range.base().0,
            top: range.last().0 + 1,
            uncached: BTreeMap::new(),
            returned: BTreeSet::new(),
            placed: BTreeSet::new(),
            allocations: 0,
            fail_at: None,
        }
    }

    pub(crate) const fn range(&self) -> PhysRange {
        self.range
    }

    pub(crate) fn allocate(&mut self) -> Option<PhysAddr> {
        self.allocations += 1;
        if self.fail_at == Some(self.allocations) {
            return None;
        }
        let frame = match self.returned.pop_first() {
            Some(frame) => frame,
            None => self.take_fresh(1)?,
        };
        self.taken.insert(frame, Slot::Untouched);
        Some(PhysAddr(frame))
    }

    /// Takes the lowest frames that were never taken, one after the other.
    fn take_fresh(&mut self, count: u64) -> Option<u64> {
        let frame = self.fresh;
        let end = frame.checked_add(count.checked_mul(PAGE_SIZE)?)?;
        if end > self.top {
            return None;
        }
        self.fresh = end;
        Some(frame)
    }

    /// Takes frames in a row, cached ones as low as they are free, others out of chunks of their own.
    pub(crate) fn allocate_run(&mut self, run: &Run) -> Option<PhysAddr> {
        assert!(run.align.is_power_of_two() && run.align >= PAGE_SIZE, "allocate_run({run:?})");
        self.allocations += 1;
        if self.fail_at == Some(self.allocations) {
            return None;
        }
        let bytes = run.pages.checked_mul(PAGE_SIZE).filter(|&bytes| bytes > 0)?;
        let within = self.range.intersect(run.within)?;
        let first = match run.policy {
            CachePolicy::Cached => {
                let first = self.find_free(within, bytes, run.align)?;
                self.claim(first, bytes);
                first
            }
            policy => self.take_uncached(policy, bytes, run.align, within)?,
        };
        for page in (first..first + bytes).step_by(FRAME) {
            assert!(self.taken.insert(page, Slot::Untouched).is_none(), "{page:#x} is taken twice");
        }
        Some(PhysAddr(first))
    }

    /// The lowest place for cached bytes in a row.
    fn find_free(&self, within: PhysRange, bytes: u64, align: u64) -> Option<u64> {
        let mut start = within.base().0.checked_next_multiple_of(align)?;
        loop {
            let end = start.checked_add(bytes)?;
            if end - 1 > within.last().0 {
                return None;
            }
            let taken = self.taken.range(start..end).next_back().map(|(frame, _)| frame + PAGE_SIZE);
            let chunks = start & !(CHUNK - 1)..end;
            let uncached = self.uncached.range(chunks).next_back().map(|(chunk, _)| chunk + CHUNK);
            match taken.max(uncached) {
                None => return Some(start),
                Some(free) => start = free.checked_next_multiple_of(align)?,
            }
        }
    }

    /// Makes free cached frames nobody's to take. What is skipped of the frames that were never taken counts as
    /// returned.
    fn claim(&mut self, first: u64, bytes: u64) {
        let end = first + bytes;
        if end > self.fresh && first < self.top {
            let (start, rest) = (first.max(self.fresh), end.min(self.top));
            let (below, above) = (self.fresh..start, rest..self.top);
            // The longer part stays what it is.
            if below.end - below.start > above.end - above.start {
                self.top = start;
                self.returned.extend(above.step_by(FRAME));
            } else {
                self.fresh = rest;
                self.returned.extend(below.step_by(FRAME));
            }
        }
        for page in (first..end).step_by(FRAME) {
            self.returned.remove(&page);
        }
    }

    fn take_uncached(
        &mut self,
        policy: CachePolicy,
        bytes: u64,
        align: u64,
        within: PhysRange,
    ) -> Option<u64> {
        let run_in = |chunk: &Chunk| {
            let fits = |&&start: &&u64| {
                let mut pages = (start..start + bytes).step_by(FRAME);
                let inside = PhysRange::new(PhysAddr(start), bytes).is_ok_and(|run| within.contains(run));
                start.is_multiple_of(align) && inside && pages.all(|page| chunk.free.contains(&page))
            };
            (chunk.policy == policy).then(|| chunk.free.iter().find(fits).copied()).flatten()
        };
        let found = self.uncached.values().find_map(run_in);
        let first = match found {
            Some(first) => first,
            None => {
                let size = bytes.checked_next_multiple_of(CHUNK)?;
                // As a whole out of what is cached, even where less is wanted.
                let (base, last) = (within.base().0 & !(CHUNK - 1), within.last().0 | (CHUNK - 1));
                let around = PhysRange::from_bounds(PhysAddr(base), PhysAddr(last))?;
                let first = self.find_free(self.range.intersect(around)?, size, align.max(CHUNK))?;
                if !within.contains(PhysRange::new(PhysAddr(first), bytes).ok()?) {
                    return None;
                }
                self.claim(first, size);
                for chunk in (first..first + size).step_by(CHUNK as usize) {
                    let free = (chunk..chunk + CHUNK).step_by(FRAME).collect();
                    self.uncached.insert(chunk, Chunk { policy, free });
                }
                first
            }
        };
        for page in (first..first + bytes).step_by(FRAME) {
            if let Some(chunk) = self.uncached.get_mut(&(page & !(CHUNK - 1))) {
                chunk.free.remove(&page);
            }
        }
        Some(first)
    }

    /// The memory type by which the kernel reaches an address of RAM: the only one by which anybody may.
    pub(crate) fn policy_of(&self, address: PhysAddr) -> CachePolicy {
        self.uncached.get(&(address.0 & !(CHUNK - 1))).map_or(CachePolicy::Cached, |chunk| chunk.policy)
    }

    /// Whether a frame is taken and, if caches may hold something of it, was zeroed.
    pub(crate) fn is_usable(&self, frame: PhysAddr) -> bool {
        match self.taken.get(&frame.page_down().0) {
            None => false,
            Some(Slot::Bytes(_)) => true,
            Some(Slot::Untouched) => self.policy_of(frame) == CachePolicy::Cached,
        }
    }

    /// Puts bytes where firmware would have put them: on frames of their own, in order, for good.
    pub(crate) fn place(&mut self, bytes: &[u8]) -> PhysRange {
        let pages = bytes.len().div_ceil(FRAME).max(1) as u64;
        let base = self.take_fresh(pages).expect("the machine has too little RAM for what is placed in it");
        for (index, chunk) in bytes.chunks(FRAME).enumerate() {
            let mut page = Box::new([0; FRAME]);
            page[..chunk.len()].copy_from_slice(chunk);
            self.taken.insert(base + index as u64 * PAGE_SIZE, Slot::Bytes(page));
        }
        for index in 0..pages {
            let frame = base + index * PAGE_SIZE;
            self.taken.entry(frame).or_insert_with(|| Slot::Bytes(Box::new([0; FRAME])));
            self.placed.insert(frame);
        }
        PhysRange::new(PhysAddr(base), pages * PAGE_SIZE).expect("a placed range is never empty")
    }

    pub(crate) fn free(&mut self, frame: PhysAddr) {
        assert!(frame.is_page_aligned(), "free_frame({frame}): not a frame's address");
        assert!(self.range.contains_addr(frame), "free_frame({frame}): outside RAM {}", self.range);
        assert!(!self.placed.contains(&frame.0), "free_frame({frame}): was placed at boot, never allocated");
        assert!(self.taken.remove(&frame.0).is_some(), "free_frame({frame}): is free already (double free)");
        let chunk_at = frame.0 & !(CHUNK - 1);
        let Some(chunk) = self.uncached.get_mut(&chunk_at) else {
            self.returned.insert(frame.0);
            return;
        };
        chunk.free.insert(frame.0);
        if chunk.free.len() as u64 == CHUNK / PAGE_SIZE {
            self.uncached.remove(&chunk_at);
            self.returned.extend((chunk_at..chunk_at + CHUNK).step_by(FRAME));
        }
    }

    /// Frames that could still be taken.
    pub(crate) fn free_count(&self) -> u64 {
        let never = (self.top - self.fresh) / PAGE_SIZE;
        let uncached: usize = self.uncached.values().map(|chunk| chunk.free.len()).sum();
        never + (self.returned.len() + uncached) as u64
    }

    /// Frames taken and not given back, those placed at boot left out.
    pub(crate) fn in_use(&self) -> usize {
        self.taken.len() - self.placed.len()
    }

    pub(crate) fn is_taken(&self, address: PhysAddr) -> bool {
        self.taken.contains_key(&address.page_down().0)
    }

    /// Makes the `nth` allocation from now fail, counted from 1; `None` makes none fail.
    pub(crate) fn fail_nth(&mut self, nth: Option<u64>) {
        self.fail_at = nth.map(|nth| self.allocations + nth);
    }

    /// Whether the allocation that was to fail has been asked for.
    pub(crate) fn has_failed(&self) -> bool {
        self.fail_at.is_some_and(|at| self.allocations >= at)
    }

    /// Copies bytes out; none may lie anywhere, the end of a frame included. `who` names the reader when the frame is nobody's.
    pub(crate) fn read(&self, who: &str, at: PhysAddr, into: &mut [u8]) {
        if into.is_empty() {
            return;
        }
        let offset = self.check(who, at, into.len());
        self.check_usable(who, at);
        match &self.taken[&at.page_down().0] {
            Slot::Untouched => into.fill(POISON),
            Slot::Bytes(bytes) => into.copy_from_slice(&bytes[offset..offset + into.len()]),
        }
    }

    /// Copies bytes in; none may lie anywhere, the end of a frame included. `who` names the writer when the frame is nobody's.
    pub(crate) fn write(&mut self, who: &str, at: PhysAddr, from: &[u8]) {
        if from.is_empty() {
            return;
        }
        let offset = self.check(who, at, from.len());
        self.check_usable(who, at);
        self.bytes(at)[offset..offset + from.len()].copy_from_slice(from);
    }

    pub(crate) fn zero(&mut self, frame: PhysAddr) {
        self.check("zero_frame", frame, FRAME);
        self.bytes(frame).fill(0);
    }

    fn bytes(&mut self, at: PhysAddr) -> &mut [u8; FRAME] {
        let slot = self.taken.get_mut(&at.page_down().0).expect("checked to be taken");
        if matches!(slot, Slot::Untouched) {
            *slot = Slot::Bytes(Box::new([POISON; FRAME]));
        }
        match slot {
            Slot::Bytes(bytes) => bytes,
            Slot::Untouched => unreachable!("just replaced"),
        }
    }

    fn check_usable(&self, who: &str, at: PhysAddr) {
        assert!(self.is_usable(at), "{who}({at}): a cache may hold what was in this uncached frame before");
    }

    fn check(&self, who: &str, at: PhysAddr, len: usize) -> usize {
        let offset = at.page_offset() as usize;
        assert!(offset + len <= FRAME, "{who}({at}, {len} bytes): crosses the end of the frame");
        assert!(self.range.contains_addr(at), "{who}({at}): outside RAM {}", self.range);
        assert!(self.is_taken(at), "{who}({at}): the frame is free");
        offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ram() -> Ram {
        Ram::new(PhysRange::new(PhysAddr(0x4000_0000), 4 * PAGE_SIZE).unwrap())
    }

    #[test]
    fn frames_come_lowest_first_and_run_out() {
        let mut ram = ram();
        let frames: Vec<_> = core::iter::from_fn(|| ram.allocate()).collect();
        assert_eq!(frames, [0x4000_0000, 0x4000_1000, 0x4000_2000, 0x4000_3000].map(PhysAddr));
        assert_eq!(ram.free_count(), 0);
        ram.free(PhysAddr(0x4000_2000));
        ram.free(PhysAddr(0x4000_1000));
        assert_eq!(ram.free_count(), 2);
        assert_eq!(ram.allocate(), Some(PhysAddr(0x4000_1000)));
    }

    #[test]
    fn a_frame_that_was_never_written_is_poison() {
        let mut ram = ram();
        let frame = ram.allocate().unwrap();
        let mut byte = [0];
        ram.read("test", frame, &mut byte);
        assert_eq!(byte, [POISON]);
        ram.write("test", PhysAddr(frame.0 + 1), &[1]);
        ram.free(frame);
        assert_eq!(ram.allocate(), Some(frame));
        ram.read("test", PhysAddr(frame.0 + 1), &mut byte);
        assert_eq!(byte, [POISON], "what the last owner wrote is gone");
    }

    #[test]
    fn the_nth_allocation_fails_once() {
        let mut ram = ram();
        ram.fail_nth(Some(2));
        assert!(ram.allocate().is_some());
        assert!(!ram.has_failed());
        assert!(ram.allocate().is_none());
        assert!(ram.has_failed());
        assert!(ram.allocate().is_some());
    }

    #[test]
    #[should_panic(expected = "double free")]
    fn a_double_free_is_named() {
        let mut ram = ram();
        let frame = ram.allocate().unwrap();
        ram.free(frame);
        ram.free(frame);
    }

    #[test]
    #[should_panic(expected = "outside RAM")]
    fn a_foreign_address_is_named() {
        ram().free(PhysAddr(0x901_0000));
    }

    #[test]
    #[should_panic(expected = "the frame is free")]
    fn reading_a_free_frame_is_named() {
        ram().read("read_frame", PhysAddr(0x4000_0000), &mut [0]);
    }

    #[test]
    fn runs_are_aligned_where_wanted_and_come_back_page_by_page() {
        let range = PhysRange::new(PhysAddr(0x4000_0000), 8 * CHUNK).unwrap();
        let mut ram = Ram::new(range);
        let first = ram.allocate().unwrap();
        let free = ram.free_count();
        let low = PhysRange::new(PhysAddr(0x4000_0000), CHUNK).unwrap();
        let run = Run { pages: 4, align: 0x8000, within: low, policy: CachePolicy::Cached };
        assert_eq!(ram.allocate_run(&run), Some(PhysAddr(0x4000_8000)));
        assert_eq!(ram.allocate_run(&Run { pages: 513, ..run }), None);
        assert_eq!(ram.allocate(), Some(PhysAddr(0x4000_1000)), "what was skipped is not lost");
        ram.free(PhysAddr(0x4000_1000));
        for page in 0..4 {
            ram.free(PhysAddr(0x4000_8000 + page * PAGE_SIZE));
        }
        assert_eq!(ram.free_count(), free);
        ram.free(first);
    }

    #[test]
    fn a_chunk_is_uncached_as_a_whole_and_only_as_long_as_needed() {
        let range = PhysRange::new(PhysAddr(0x4000_0000), 8 * CHUNK).unwrap();
        let mut ram = Ram::new(range);
        ram.allocate().unwrap();
        let free = ram.free_count();
        let run = Run { pages: 2, align: PAGE_SIZE, within: range, policy: CachePolicy::WriteCombining };
        let one = ram.allocate_run(&run).unwrap();
        let two = ram.allocate_run(&run).unwrap();
        assert_eq!((one.0, two.0), (0x4020_0000, 0x4020_2000));
        assert_eq!(ram.policy_of(PhysAddr(0x403f_f000)), CachePolicy::WriteCombining);
        assert_eq!(ram.policy_of(PhysAddr(0x4040_0000)), CachePolicy::Cached);
        assert!(!ram.is_usable(one));
        ram.zero(one);
        assert!(ram.is_usable(one));
        let other = ram.allocate_run(&Run { policy: CachePolicy::Uncached, ..run }).unwrap();
        assert_eq!(other, PhysAddr(0x4040_0000));
        for frame in [one, two, other] {
            ram.free(frame);
            ram.free(PhysAddr(frame.0 + PAGE_SIZE));
        }
        assert_eq!(ram.free_count(), free);
        assert_eq!(ram.policy_of(one), CachePolicy::Cached);
    }

    #[test]
    #[should_panic(expected = "a cache may hold")]
    fn an_uncached_frame_is_zeroed_first() {
        let range = PhysRange::new(PhysAddr(0x4000_0000), CHUNK).unwrap();
        let mut ram = Ram::new(range);
        let run = Run { pages: 1, align: PAGE_SIZE, within: range, policy: CachePolicy::Uncached };
        let frame = ram.allocate_run(&run).unwrap();
        ram.write("write_frame", frame, &[1]);
    }

    #[test]
    fn placed_bytes_lie_below_everything_allocated_later() {
        let mut ram = ram();
        let placed = ram.place(&[7; FRAME + 1]);
        assert_eq!(placed, PhysRange::new(PhysAddr(0x4000_0000), 2 * PAGE_SIZE).unwrap());
        let mut bytes = [1; 2];
        ram.read("test", PhysAddr(0x4000_1000), &mut bytes);
        assert_eq!(bytes, [7, 0]);
        assert_eq!(ram.allocate(), Some(PhysAddr(0x4000_2000)));
        assert_eq!(ram.in_use(), 1);
    }
}
