//! Simulated RAM: an interval of physical addresses whose frames exist from the moment they are taken.
//!
//! Frames are handed out lowest first, so that a run is repeatable and an address in a failure means
//! something. A frame's first contents are [`POISON`]: code that forgets to clear a page is seen.

use std::collections::{BTreeMap, BTreeSet};

use abi::{PAGE_SIZE, PhysAddr, PhysRange};

/// Bytes in a frame.
pub(crate) const FRAME: usize = PAGE_SIZE as usize;
/// What a frame holds before anybody wrote it.
pub const POISON: u8 = 0xA5;

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
    /// Frames below `fresh` that were given back.
    returned: BTreeSet<u64>,
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
        if end - 1 > self.range.last().0 {
            return None;
        }
        self.fresh = end;
        Some(frame)
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
        self.returned.insert(frame.0);
    }

    /// Frames that could still be taken.
    pub(crate) fn free_count(&self) -> u64 {
        let end = self.range.last().0 + 1;
        let never = (end - self.fresh) / PAGE_SIZE;
        never + self.returned.len() as u64
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
