//! Taking ranges of pages away, and taking apart what nobody needs any more.
use abi::PhysAddr;
use abi::status::Result;

use super::change::Path;
use super::{FAN, MAX_HEIGHT, Pages, Slot, Target, Trees, VMO, is_beyond, name, place, span};

/// What one step of [`Trees::reap`] came upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaped {
    /// A frame that nobody has any more: the caller's now.
    Frame(PhysAddr),
    /// No frame; there may be more behind.
    Nothing,
    /// Nothing is left to take apart.
    Empty,
}

impl Trees {
    /// Takes the pages `[from, to)` away, in up to `budget` steps; where to go on, if something is left. `free` gets
    /// the frames that are nobody's at once, at most 32 in a step; those further down come from [`Trees::reap`].
    ///
    /// # Errors
    /// `NO_MEMORY` if nodes are shared that lead to pages which stay too. What was taken before is gone.
    pub fn clear(
        &mut self,
        pages: &mut Pages,
        (from, to): (u64, u64),
        budget: u32,
        mut free: impl FnMut(PhysAddr),
    ) -> Result<Option<u64>> {
        let mut at = from;
        for _ in 0..budget {
            let Some(first) = self.next_from(pages, at).filter(|first| *first < to) else { return Ok(None) };
            if self.next_from(pages, 0) == Some(first) && self.next_from(pages, to).is_none() {
                // Nothing stays, so nothing needs to be made the VMO's own first.
                if let Some(frame) = self.abandon(pages) {
                    free(frame);
                }
                return Ok(None);
            }
            at = self.clear_in_node(pages, (at, first, to), &mut free)?;
        }
        Ok(Some(at).filter(|at| *at < to))
    }

    /// Empties the slots of one node for pages between `at` and `to`, where `first` is the first that has a frame;
    /// gives the page after them.
    fn clear_in_node(
        &mut self,
        pages: &mut Pages,
        (at, first, to): (u64, u64, u64),
        free: &mut impl FnMut(PhysAddr),
    ) -> Result<u64> {
        if self.is_shared(pages) {
            self.nodes.reserve(MAX_HEIGHT as usize)?;
            self.cells.reserve(FAN)?;
        }
        let (base, key) = (pages.base, pages.base + first);
        let (from, to) = (base + at, base.saturating_add(to));
        let mut path = Path::new();
        let mut level = pages.height;
        let mut node = if level > 0 { self.own_root(pages)? } else { return Ok(first + 1) };
        loop {
            level -= 1;
            path.push(node);
            let start = key & !(span(level) - 1);
            if start >= from && to - start >= span(level) {
                break;
            }
            let slot = self.nodes.get(node).map_or(Slot::NOTHING, |node| node.slot(level, key));
            node = self.own_child(node, place(level, key), slot)?;
        }
        let start = key & !(span(level) - 1);
        let (mut end, mut committed, mut shared) = (start, 0, 0);
        for place in place(level, key)..FAN {
            if to - end < span(level) {
                break;
            }
            end += span(level);
            let Some(holder) = self.nodes.get_mut(node) else { break };
            let slot = holder.slots.get(place).copied().unwrap_or(Slot::NOTHING);
            holder.set_slot(place, Slot::NOTHING);
            let below = self.below(slot);
            (committed, shared) = (committed + below.0, shared + below.1);
            if let Some(frame) = self.release(slot, name(node)) {
                free(frame);
            }
        }
        for &node in path.iter() {
            if let Some(node) = self.nodes.get_mut(node) {
                node.committed = node.committed.saturating_sub(committed);
                node.shared = node.shared.saturating_sub(shared);
            }
        }
        self.prune(pages, path, key, level);
        Ok(end - base)
    }

    /// Takes everything away at once. The frame of a tree of one page, if nobody else has it, is the caller's now; what
    /// there is else comes from [`Trees::reap`].
    pub fn abandon(&mut self, pages: &mut Pages) -> Option<PhysAddr> {
        let root = core::mem::take(pages).root;
        self.release(root, VMO)
    }

    /// Counts one less that leads to what a slot leads to, and gives the frame that nobody has now. A node that
    /// nobody needs is hung on the list of the dead.
    fn release(&mut self, slot: Slot, referent: u32) -> Option<PhysAddr> {
        let at = match slot.target() {
            Target::Nothing => return None,
            Target::Frame(frame) => return Some(frame),
            Target::Cell(_) => return self.release_cell_of(slot, referent),
            Target::Node(at) => at,
        };
        let node = self.nodes.get_mut(at)?;
        node.references = node.references.saturating_sub(1);
        node.referents ^= referent;
        match node.references {
            0 => {
                (node.committed, node.referents) = (0, self.dead);
                self.dead = name(at);
            }
            1 => {
                let (last, private) = (node.referents, node.committed.saturating_sub(node.shared));
                self.claim(last, private);
            }
            _ => {}
        }
        None
    }

    /// Whether nothing waits to be taken apart.
    pub const fn is_reaped(&self) -> bool {
        self.dead == 0
    }

    /// Takes one slot of a dead node away, or the node.
    pub fn reap(&mut self) -> Reaped {
        let Some(at) = self.dead.checked_sub(1) else { return Reaped::Empty };
        let Some(node) = self.nodes.get_mut(at) else { return Reaped::Empty };
        let first = node.committed as usize;
        let rest = node.slots.iter_mut().enumerate().skip(first);
        let Some((place, slot)) = rest.into_iter().find(|(_, slot)| **slot != Slot::NOTHING) else {
            self.dead = node.referents;
            self.nodes.give(at);
            return Reaped::Nothing;
        };
        let slot = core::mem::replace(slot, Slot::NOTHING);
        node.committed = place as u64 + 1;
        self.release(slot, name(at)).map_or(Reaped::Nothing, Reaped::Frame)
    }
}

impl Pages {
    /// Whether a key is beyond what the tree can hold now.
    pub(super) fn is_beyond(&self, key: u64) -> bool {
        is_beyond(self.height, key)
    }
}
