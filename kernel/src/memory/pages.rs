//! The frames of a paged VMO, by page.
use abi::{PhysAddr, Status, status::Result};

use crate::collections::Tree;

/// Pages that one tree node speaks for: a small VMO needs one node, a sparse one pays for what it uses.
const RUN: u64 = 16;

/// The frames of sixteen pages in a row; 0 where there is none, since physical page 0 is never a frame.
#[derive(Debug)]
struct Run {
    frames: [u64; RUN as usize],
    used: u32,
}

/// What one step of [`Pages::pop`] came upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Popped {
    /// A frame, which is the caller's now.
    Frame(PhysAddr),
    /// No frame; there may be more behind.
    Nothing,
    /// The end: no memory is left either.
    Empty,
}

/// Which frame holds which page.
#[derive(Debug, Default)]
pub struct Pages {
    runs: Tree<Run>,
    committed: u64,
}

impl Pages {
    /// Pages that have a frame.
    pub const fn committed(&self) -> u64 {
        self.committed
    }

    /// The frame of a page.
    pub fn get(&self, page: u64) -> Option<PhysAddr> {
        let run = self.runs.get(page / RUN)?;
        run.frames.get((page % RUN) as usize).copied().filter(|&frame| frame != 0).map(PhysAddr)
    }

    /// Makes sure that [`Pages::set`] of this page succeeds.
    ///
    /// # Errors
    /// `NO_MEMORY`; nothing changed.
    pub fn reserve(&mut self, page: u64) -> Result {
        if !self.runs.contains_key(page / RUN) {
            self.runs
                .try_insert(page / RUN, Run { frames: [0; RUN as usize], used: 0 })
                .map_err(Status::from)?;
        }
        Ok(())
    }

    /// Gives a page a frame.
    ///
    /// # Errors
    /// `NO_MEMORY` if it was not [reserved](Pages::reserve); `INTERNAL` if it has one. Nothing changed.
    pub fn set(&mut self, page: u64, frame: PhysAddr) -> Result {
        self.reserve(page)?;
        let run = self.runs.get_mut(page / RUN).ok_or(Status::INTERNAL)?;
        let slot = run.frames.get_mut((page % RUN) as usize).ok_or(Status::INTERNAL)?;
        if *slot != 0 {
            return Err(Status::INTERNAL);
        }
        *slot = frame.0;
        run.used += 1;
        self.committed += 1;
        Ok(())
    }

    /// The first page after this one that has a frame.
    pub fn next_after(&self, page: u64) -> Option<u64> {
        let mut from = page.checked_add(1)?;
        loop {
            let (key, run) = self.runs.ceiling(from / RUN)?;
            let start = if key == from / RUN { from % RUN } else { 0 };
            let slots = run.frames.iter().enumerate().skip(start as usize);
            if let Some((slot, _)) = slots.into_iter().find(|(_, frame)| **frame != 0) {
                return Some(key * RUN + slot as u64);
            }
            from = key.checked_add(1)?.checked_mul(RUN)?;
        }
    }

    /// Whether it owns neither frames nor memory.
    pub const fn is_bare(&self) -> bool {
        self.runs.is_bare()
    }

    /// Takes some part away, the frame of the lowest page first.
    pub fn pop(&mut self) -> Popped {
        let Some((key, _)) = self.runs.first() else {
            return if self.runs.release() { Popped::Empty } else { Popped::Nothing };
        };
        let Some(run) = self.runs.get_mut(key) else { return Popped::Empty };
        let frame = run.frames.iter_mut().find(|slot| **slot != 0).map(core::mem::take);
        if frame.is_some() {
            run.used -= 1;
            self.committed -= 1;
        }
        if run.used == 0 {
            self.runs.remove(key);
        }
        // A place that was reserved, for a frame that did not come.
        frame.map_or(Popped::Nothing, |frame| Popped::Frame(PhysAddr(frame)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_found_where_they_were_put() {
        let mut pages = Pages::default();
        for page in [0, 15, 16, 1 << 40] {
            assert_eq!(pages.get(page), None);
            pages.set(page, PhysAddr(0x4000_0000 + page)).unwrap();
        }
        assert_eq!(pages.get(16), Some(PhysAddr(0x4000_0010)));
        assert_eq!(pages.set(16, PhysAddr(0x1000)), Err(Status::INTERNAL));
        assert_eq!(pages.committed(), 4);
        assert_eq!(
            [0, 15, 16, 1 << 40].map(|page| pages.next_after(page)),
            [Some(15), Some(16), Some(1 << 40), None]
        );
        let mut frames = 0;
        loop {
            match pages.pop() {
                Popped::Frame(_) => frames += 1,
                Popped::Nothing => {}
                Popped::Empty => break,
            }
        }
        assert_eq!((frames, pages.committed()), (4, 0));
        assert!(pages.is_bare());
    }
}
