//! Which bytes of a VMO devices may reach, and how often each is pinned.
use alloc::boxed::Box;
use alloc::vec::Vec;

use abi::{Status, status::Result};

use crate::collections::Tree;
use crate::collections::arena::in_a_box;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Segment {
    end: u64,
    pins: u32,
}

/// The pinned parts of a VMO.
///
/// Segments are disjoint and cover exactly what is pinned at least once. Each end of a live pin is an end of a segment,
/// so a pin is taken away without cutting anything. Few VMOs are ever pinned: the others have nothing but a word for it.
#[derive(Debug)]
pub struct Pins {
    segments: Option<Box<[Tree<Segment>; 1]>>,
}

impl Pins {
    /// No pins.
    pub const fn new() -> Self {
        Self { segments: None }
    }

    /// Whether nothing is pinned.
    pub fn is_empty(&self) -> bool {
        self.tree().is_none_or(Tree::is_empty)
    }

    /// Whether a byte of `[from, to)` is pinned.
    pub fn overlaps(&self, from: u64, to: u64) -> bool {
        let before = to.checked_sub(1).and_then(|last| self.tree()?.floor(last));
        from < to && before.is_some_and(|(_, segment)| segment.end > from)
    }

    /// Pins `[from, to)` once more; it is not empty.
    ///
    /// # Errors
    /// `NO_MEMORY`; nothing changed.
    pub fn add(&mut self, from: u64, to: u64) -> Result {
        let mut pieces = 3;
        let mut at = self.tree().and_then(|tree| first_from(tree, from));
        while let Some((start, segment)) = at.filter(|(start, _)| *start < to) {
            pieces += 1;
            at = self.tree().and_then(|tree| next_after(tree, start));
            // A gap before the next one gets a segment of its own.
            pieces += usize::from(at.is_some_and(|(next, _)| next > segment.end));
        }
        let tree = self.reserved(pieces)?;
        cut(tree, from)?;
        cut(tree, to)?;
        let mut at = from;
        while at < to {
            let next = tree.ceiling(at).map(|(start, segment)| (start, *segment));
            at = match next.filter(|(start, _)| *start < to) {
                Some((start, segment)) if start == at => {
                    put(tree, at, Segment { pins: segment.pins + 1, ..segment })?;
                    segment.end
                }
                next => {
                    let end = next.map_or(to, |(start, _)| start);
                    put(tree, at, Segment { end, pins: 1 })?;
                    end
                }
            };
        }
        Ok(())
    }

    /// The tree, with room for so many pieces more.
    ///
    /// # Errors
    /// `NO_MEMORY`; no pin changed.
    fn reserved(&mut self, pieces: usize) -> Result<&mut Tree<Segment>> {
        if self.segments.is_none() {
            let mut only = Vec::new();
            only.try_reserve_exact(1).map_err(|_| Status::NO_MEMORY)?;
            only.push(Tree::new());
            self.segments = Some(in_a_box(only)?);
        }
        let [tree] = &mut **self.segments.as_mut().ok_or(Status::INTERNAL)?;
        tree.reserve(pieces).map_err(Status::from)?;
        Ok(tree)
    }

    /// Takes away a pin of `[from, to)`. One that was added is taken away without memory.
    pub fn remove(&mut self, from: u64, to: u64) {
        let Some(tree) = self.tree_mut() else { return };
        let mut at = tree.ceiling(from).map(|(start, segment)| (start, *segment));
        while let Some((start, segment)) = at.filter(|(start, _)| *start < to) {
            at = next_after(tree, start);
            if segment.pins > 1
                && let Some(segment) = tree.get_mut(start)
            {
                segment.pins -= 1;
            } else {
                tree.remove(start);
            }
        }
        let _more_later = self.release();
    }

    /// Gives memory back when nothing is pinned any more, a bounded part of it at a time; whether none is left.
    pub fn release(&mut self) -> bool {
        let is_bare = self.tree_mut().is_none_or(Tree::release);
        if is_bare {
            self.segments = None;
        }
        is_bare
    }

    /// Whether it owns no memory.
    pub const fn is_bare(&self) -> bool {
        self.segments.is_none()
    }

    /// What is pinned, in order: from where to where, and how often.
    pub(crate) fn segments(&self) -> impl Iterator<Item = (u64, u64, u32)> {
        let all = self.tree().into_iter().flat_map(Tree::iter);
        all.map(|(start, segment)| (start, segment.end, segment.pins))
    }

    fn tree(&self) -> Option<&Tree<Segment>> {
        self.segments.as_deref().map(|[tree]| tree)
    }

    fn tree_mut(&mut self) -> Option<&mut Tree<Segment>> {
        self.segments.as_deref_mut().map(|[tree]| tree)
    }
}

fn first_from(tree: &Tree<Segment>, from: u64) -> Option<(u64, Segment)> {
    let floor = tree.floor(from).filter(|(_, segment)| segment.end > from);
    floor.or_else(|| tree.ceiling(from)).map(|(start, segment)| (start, *segment))
}

fn next_after(tree: &Tree<Segment>, start: u64) -> Option<(u64, Segment)> {
    tree.next_after(start).map(|(start, segment)| (start, *segment))
}

/// Makes `at` an end of a segment, if it lies within one.
fn cut(tree: &mut Tree<Segment>, at: u64) -> Result {
    let within = tree.floor(at).filter(|(start, segment)| *start < at && at < segment.end);
    if let Some((start, segment)) = within.map(|(start, segment)| (start, *segment)) {
        put(tree, at, segment)?;
        put(tree, start, Segment { end: at, ..segment })?;
    }
    Ok(())
}

fn put(tree: &mut Tree<Segment>, start: u64, segment: Segment) -> Result {
    tree.try_insert(start, segment).map(|_| ()).map_err(Status::from)
}

impl Default for Pins {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_agree_with_a_count_for_each_page() {
        const PAGES: u64 = 40;
        let (mut pins, mut model, mut live) = (Pins::new(), [0_u32; PAGES as usize], Vec::new());
        let mut seed = 1_u64;
        let mut random = |bound: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % bound
        };
        for step in 0..3000 {
            if live.len() < 12 && random(2) == 0 {
                let from = random(PAGES - 1);
                let pin = (from, from + 1 + random(PAGES - from - 1).min(9));
                pins.add(pin.0, pin.1).unwrap();
                (pin.0..pin.1).for_each(|page| model[page as usize] += 1);
                live.push(pin);
            } else if !live.is_empty() {
                let pin = live.swap_remove(random(live.len() as u64) as usize);
                pins.remove(pin.0, pin.1);
                (pin.0..pin.1).for_each(|page| model[page as usize] -= 1);
            }
            let counted: u64 = pins.segments().map(|(from, to, pins)| (to - from) * u64::from(pins)).sum();
            assert_eq!(counted, model.iter().map(|&pins| u64::from(pins)).sum::<u64>(), "step {step}");
            assert_eq!(pins.is_empty(), live.is_empty());
            let (from, to) = (random(PAGES), random(PAGES));
            let wanted = (from..to).any(|page| model[page as usize] > 0);
            assert_eq!(pins.overlaps(from, to), wanted, "step {step}: {from}..{to}");
        }
    }
}
