//! A second tree with the pages of the first.
use abi::Status;
use abi::status::Result;

use super::{BITS, FAN, MAX_HEIGHT, Pages, Slot, Target, Trees, VMO, name, span};

/// Steps that cutting one edge takes at most: one for each level, and one to see that nothing is left.
const STEPS_AN_EDGE: u32 = MAX_HEIGHT + 2;

impl Trees {
    /// A tree with the pages `[from, from + count)` as its first `count`. `all` is how many pages the VMO has: from
    /// there on there are none. It costs as much as the tree is high, whatever is in it.
    ///
    /// # Errors
    /// `NO_MEMORY`; nothing changed but that frames may have cells.
    pub fn share(&mut self, pages: &mut Pages, (from, count): (u64, u64), all: u64) -> Result<Pages> {
        let whole = from == 0 && count >= all;
        let start = pages.base.saturating_add(from);
        if pages.is_empty() || from >= all || count == 0 || pages.is_beyond(start) {
            return Ok(Pages::new());
        }
        // A fork and the two paths below it; a leaf at the end of each, and the fork may be a leaf.
        self.nodes.reserve(2 * MAX_HEIGHT as usize + 1)?;
        self.cells.reserve(3 * FAN)?;
        if whole {
            let root = self.lend_root(pages)?;
            return Ok(Pages { root, height: pages.height, base: pages.base });
        }
        let mut child = self.fork(pages, start, count.min(all - from))?;
        let cut = self.trim(&mut child, count.min(all - from));
        match cut {
            Ok(()) => Ok(child),
            Err(status) => {
                // Whatever it has somebody else has too, so no frame comes of it.
                let _none = self.abandon(&mut child);
                Err(status)
            }
        }
    }

    /// Lets a second VMO lead to where a VMO's root leads; the root for it.
    fn lend_root(&mut self, pages: &mut Pages) -> Result<Slot> {
        if let Target::Frame(frame) = pages.root.target() {
            pages.root = self.put_in_cell(frame, VMO, VMO)?;
        } else {
            self.refer(pages.root, VMO);
        }
        Ok(pages.root)
    }

    /// The smallest part of a tree that has `count` keys from `key` on, as a tree that shares what it has with the
    /// first. It may have more than these keys.
    fn fork(&mut self, pages: &mut Pages, mut key: u64, count: u64) -> Result<Pages> {
        let last = key.saturating_add(count - 1);
        let Target::Node(mut at) = pages.root.target() else {
            // The one page that there is: key 0.
            return Ok(Pages { root: self.lend_root(pages)?, height: 0, base: key });
        };
        let mut level = pages.height;
        let mut last = last.min(span(level) - 1);
        loop {
            level -= 1;
            let (first_place, last_place) =
                ((key >> (BITS * level)) as usize, (last >> (BITS * level)) as usize);
            if first_place < last_place {
                let root = self.copy_slots(at, (first_place, last_place))?;
                let base = key - ((first_place as u64) << (BITS * level));
                return Ok(Pages { root, height: level + 1, base });
            }
            (key, last) = (key & (span(level) - 1), last & (span(level) - 1));
            let slot = self.nodes.get(at).and_then(|node| node.slots.get(first_place)).copied();
            match slot.unwrap_or(Slot::NOTHING).target() {
                Target::Nothing => return Ok(Pages::new()),
                Target::Node(below) if level > 0 => at = below,
                _ => {
                    let root = self.borrow_slot(at, first_place, VMO)?;
                    return Ok(Pages { root, height: 0, base: 0 });
                }
            }
        }
    }

    /// A new node with what some slots of a node lead to, from its first slot on; nothing if that is nothing.
    fn copy_slots(&mut self, from: u32, (first, last): (usize, usize)) -> Result<Slot> {
        let new = self.nodes.take()?;
        let mut committed = 0;
        for place in first..=last.min(FAN - 1) {
            let slot = self.borrow_slot(from, place, name(new))?;
            committed += self.below(slot).0;
            self.nodes.get_mut(new).ok_or(Status::INTERNAL)?.set_slot(place - first, slot);
        }
        if committed == 0 {
            self.nodes.give(new);
            return Ok(Slot::NOTHING);
        }
        let node = self.nodes.get_mut(new).ok_or(Status::INTERNAL)?;
        (node.references, node.referents) = (1, VMO);
        (node.committed, node.shared) = (committed, committed);
        Ok(Slot::node(new))
    }

    /// Lets somebody else lead to where a slot of a node leads. What the node's own VMO had alone it shares now.
    fn borrow_slot(&mut self, from: u32, place: usize, to: u32) -> Result<Slot> {
        let slot = self.nodes.get(from).and_then(|node| node.slots.get(place)).copied();
        let slot = slot.unwrap_or(Slot::NOTHING);
        let (committed, shared) = self.below(slot);
        if let Target::Frame(frame) = slot.target() {
            let slot = self.put_in_cell(frame, name(from), to)?;
            self.nodes.get_mut(from).ok_or(Status::INTERNAL)?.set_slot(place, slot);
            self.disclaim(name(from), 1);
            return Ok(slot);
        }
        self.refer(slot, to);
        self.disclaim(name(from), committed - shared);
        Ok(slot)
    }

    /// Takes away what a new tree has before its first key and after `count` pages.
    fn trim(&mut self, child: &mut Pages, count: u64) -> Result {
        if child.is_empty() {
            *child = Pages::new();
            return Ok(());
        }
        // Frames that are cut off here are the parent's still.
        self.clear(child, (count, u64::MAX), STEPS_AN_EDGE, |_| ())?;
        let base = core::mem::take(&mut child.base);
        self.clear(child, (0, base), STEPS_AN_EDGE, |_| ())?;
        if !child.is_empty() {
            child.base = base;
        }
        Ok(())
    }
}
