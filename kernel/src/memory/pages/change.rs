//! Changing one page: the nodes that lead to it are made the VMO's own first.
use abi::status::Result;
use abi::{PhysAddr, Status};

use super::{BITS, Cell, FAN, MAX_HEIGHT, Page, Pages, Slot, Target, Trees, VMO, is_beyond, name, place};

/// What [`Trees::take`] came upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// No frame.
    Absent,
    /// A frame, which is the caller's now.
    Frame(PhysAddr),
    /// A frame that others still have.
    Shared,
}

/// The nodes that lead to a page, the root's first.
pub(super) struct Path {
    nodes: [u32; MAX_HEIGHT as usize],
    height: u32,
}

impl Path {
    pub(super) const fn new() -> Self {
        Self { nodes: [0; MAX_HEIGHT as usize], height: 0 }
    }

    pub(super) fn push(&mut self, at: u32) {
        if let Some(place) = self.nodes.get_mut(self.height as usize) {
            *place = at;
            self.height += 1;
        }
    }

    pub(super) fn pop(&mut self) -> Option<u32> {
        self.height = self.height.checked_sub(1)?;
        self.nodes.get(self.height as usize).copied()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &u32> {
        self.nodes.iter().take(self.height as usize)
    }

    pub(super) fn last(&self) -> Option<u32> {
        self.nodes.get(self.height.checked_sub(1)? as usize).copied()
    }
}

impl Trees {
    /// Gives a page that is absent a frame, if every node that leads to it is there and the VMO's own; whether it did.
    /// It needs no memory for that.
    #[inline]
    pub fn fill(&mut self, pages: &Pages, page: u64, frame: PhysAddr) -> bool {
        let key = pages.base.wrapping_add(page);
        if is_beyond(pages.height, key) {
            return false;
        }
        // What place() takes of the key in the node that is looked at begins here.
        let mut shift = BITS * pages.height;
        let mut slot = pages.root;
        while let Target::Node(at) = slot.target()
            && let Some(node) = self.nodes.get_mut(at)
            && node.references == 1
            && let Some(below) = shift.checked_sub(BITS)
        {
            let Some(to) = node.slots.get_mut(key.wrapping_shr(below) as usize & (FAN - 1)) else { break };
            if below == 0 && *to != Slot::NOTHING {
                break;
            }
            node.committed = node.committed.wrapping_add(1);
            if below == 0 {
                *to = Slot::frame(frame);
                return true;
            }
            (slot, shift) = (*to, below);
        }
        self.uncount(pages, key, shift);
        false
    }

    /// Gives a page that is absent a frame, where [`Trees::fill`] did not; whether it did. If not, nothing changed.
    #[cold]
    #[inline(never)]
    pub fn fill_anew(&mut self, pages: &mut Pages, page: u64, frame: PhysAddr) -> bool {
        self.look(pages, page) == Page::Absent && self.put(pages, page, frame).is_ok()
    }

    /// Takes back what [`Trees::fill`] has counted on its way down to the node in which it came no further.
    #[cold]
    #[inline(never)]
    fn uncount(&mut self, pages: &Pages, key: u64, last: u32) {
        let (mut shift, mut slot) = (BITS * pages.height, pages.root);
        while shift > last
            && let Target::Node(at) = slot.target()
            && let Some(node) = self.nodes.get_mut(at)
        {
            node.committed = node.committed.wrapping_sub(1);
            shift -= BITS;
            slot = node.slots.get((key >> shift) as usize & (FAN - 1)).copied().unwrap_or(Slot::NOTHING);
        }
    }

    /// Gives a page that is absent or shared a frame, which is the VMO's own. A shared frame stays with the others.
    ///
    /// # Errors
    /// `NO_MEMORY`; `INTERNAL` if it owns one; `OUT_OF_RANGE` for a page that no VMO can have. Nothing changed.
    pub fn put(&mut self, pages: &mut Pages, page: u64, frame: PhysAddr) -> Result {
        let key = pages.base.checked_add(page).ok_or(Status::OUT_OF_RANGE)?;
        if is_beyond(MAX_HEIGHT, key) {
            return Err(Status::OUT_OF_RANGE);
        }
        let (committed, shared) = match self.look(pages, page) {
            Page::Absent => (1, 0),
            Page::Shared(_) => (0, 1),
            Page::Owned(_) => return Err(Status::INTERNAL),
        };
        // What may be put above the root and what leads down from it, and cells for what a leaf that is copied has.
        self.nodes.reserve(2 * MAX_HEIGHT as usize)?;
        if self.is_shared(pages) {
            self.cells.reserve(FAN)?;
        }
        while is_beyond(pages.height, key) {
            self.raise(pages)?;
        }
        let mut level = pages.height;
        if level == 0 {
            let old = core::mem::replace(&mut pages.root, Slot::frame(frame));
            self.release_cell_of(old, VMO);
            return Ok(());
        }
        let mut at = self.own_root(pages)?;
        loop {
            level -= 1;
            let node = self.nodes.get_mut(at).ok_or(Status::INTERNAL)?;
            node.committed += committed;
            node.shared = node.shared.saturating_sub(shared);
            let (place, slot) = (place(level, key), node.slot(level, key));
            if level == 0 {
                node.set_slot(place, Slot::frame(frame));
                self.release_cell_of(slot, name(at));
                return Ok(());
            }
            at = self.own_child(at, place, slot)?;
        }
    }

    /// Gives a page that the VMO owns another frame; the old one is the caller's now. It needs no memory.
    ///
    /// # Errors
    /// `INTERNAL` if it does not own one; nothing changed.
    pub fn swap(&mut self, pages: &mut Pages, page: u64, frame: PhysAddr) -> Result<PhysAddr> {
        let Page::Owned(old) = self.look(pages, page) else { return Err(Status::INTERNAL) };
        let key = pages.base.wrapping_add(page);
        let mut slot = pages.root;
        let mut leaf = None;
        for level in (0..pages.height).rev() {
            let Target::Node(at) = slot.target() else { return Err(Status::INTERNAL) };
            slot = self.nodes.get(at).map_or(Slot::NOTHING, |node| node.slot(level, key));
            leaf = Some(at);
        }
        match (slot.target(), leaf) {
            (Target::Cell(at), _) => self.cells.get_mut(at).ok_or(Status::INTERNAL)?.frame = frame,
            (_, None) => pages.root = Slot::frame(frame),
            (_, Some(at)) => {
                let node = self.nodes.get_mut(at).ok_or(Status::INTERNAL)?;
                node.set_slot(place(0, key), Slot::frame(frame));
            }
        }
        Ok(old)
    }

    /// Takes the frame of a page away.
    ///
    /// # Errors
    /// `NO_MEMORY` if it is shared and there is no room for the nodes that lead to what stays. Nothing changed.
    pub fn take(&mut self, pages: &mut Pages, page: u64) -> Result<Taken> {
        let key = pages.base.wrapping_add(page);
        let (taken, shared) = match self.look(pages, page) {
            Page::Absent => return Ok(Taken::Absent),
            Page::Owned(frame) => (Taken::Frame(frame), 0),
            Page::Shared(_) => (Taken::Shared, 1),
        };
        if shared > 0 {
            self.nodes.reserve(MAX_HEIGHT as usize)?;
            self.cells.reserve(FAN)?;
        }
        let mut path = Path::new();
        let mut level = pages.height;
        if level > 0 {
            let mut at = self.own_root(pages)?;
            loop {
                level -= 1;
                path.push(at);
                let node = self.nodes.get_mut(at).ok_or(Status::INTERNAL)?;
                node.committed = node.committed.saturating_sub(1);
                node.shared = node.shared.saturating_sub(shared);
                if level == 0 {
                    break;
                }
                let slot = node.slot(level, key);
                at = self.own_child(at, place(level, key), slot)?;
            }
        }
        let slot = match path.last().and_then(|leaf| self.nodes.get_mut(leaf)) {
            Some(leaf) => {
                let slot = leaf.slot(0, key);
                leaf.set_slot(place(0, key), Slot::NOTHING);
                slot
            }
            None => core::mem::replace(&mut pages.root, Slot::NOTHING),
        };
        self.release_cell_of(slot, path.last().map_or(VMO, name));
        self.prune(pages, path, key, 0);
        Ok(taken)
    }

    /// Frees the nodes at the end of a path that lead nowhere any more. The last one is of this level.
    pub(super) fn prune(&mut self, pages: &mut Pages, mut path: Path, key: u64, mut level: u32) {
        while let Some(at) = path.pop() {
            if self.nodes.get(at).is_none_or(|node| node.committed > 0) {
                return;
            }
            self.nodes.give(at);
            level += 1;
            match path.last().and_then(|parent| self.nodes.get_mut(parent)) {
                Some(parent) => parent.set_slot(place(level, key), Slot::NOTHING),
                None => *pages = Pages::new(),
            }
        }
        if pages.root == Slot::NOTHING {
            *pages = Pages::new();
        }
    }

    /// Whether some page may be shared.
    pub fn is_shared(&self, pages: &Pages) -> bool {
        match pages.root.target() {
            Target::Nothing | Target::Frame(_) => false,
            Target::Cell(_) => true,
            Target::Node(at) => self.nodes.get(at).is_none_or(|node| node.references > 1 || node.shared > 0),
        }
    }

    /// Puts a node above the root. There must be room for it.
    pub(super) fn raise(&mut self, pages: &mut Pages) -> Result {
        if pages.root == Slot::NOTHING {
            // Nothing to put it above: the root that comes is as high as it must be.
            pages.height += 1;
            return Ok(());
        }
        let (committed, private) = (self.committed(pages), self.private(pages));
        let at = self.nodes.take()?;
        let node = self.nodes.get_mut(at).ok_or(Status::INTERNAL)?;
        (node.references, node.committed, node.shared) = (1, committed, committed - private);
        node.set_slot(0, pages.root);
        self.rename(pages.root, VMO, name(at));
        (pages.root, pages.height) = (Slot::node(at), pages.height + 1);
        Ok(())
    }

    /// Notes that one of those who refer to a record has another name now.
    fn rename(&mut self, slot: Slot, old: u32, new: u32) {
        match slot.target() {
            Target::Node(at) => {
                if let Some(node) = self.nodes.get_mut(at) {
                    node.referents ^= old ^ new;
                }
            }
            Target::Cell(at) => {
                if let Some(cell) = self.cells.get_mut(at) {
                    cell.referents ^= old ^ new;
                }
            }
            Target::Nothing | Target::Frame(_) => {}
        }
    }

    /// The root node, made the VMO's own; a new one if there is none. There must be room for it and for what
    /// [`Trees::copy`] needs. The VMO's tree has nodes.
    pub(super) fn own_root(&mut self, pages: &mut Pages) -> Result<u32> {
        let at = self.own(pages.root, VMO)?;
        pages.root = Slot::node(at);
        Ok(at)
    }

    /// The node that a slot of an own node leads to, as [`Trees::own_root`].
    pub(super) fn own_child(&mut self, parent: u32, place: usize, slot: Slot) -> Result<u32> {
        if let Target::Node(at) = slot.target()
            && self.nodes.get(at).is_some_and(|node| node.references == 1)
        {
            return Ok(at);
        }
        let at = self.own(slot, name(parent))?;
        self.nodes.get_mut(parent).ok_or(Status::INTERNAL)?.set_slot(place, Slot::node(at));
        Ok(at)
    }

    fn own(&mut self, slot: Slot, referent: u32) -> Result<u32> {
        match slot.target() {
            Target::Node(at) if self.nodes.get(at).is_some_and(|node| node.references > 1) => {
                self.copy(at, referent)
            }
            Target::Node(at) => Ok(at),
            Target::Nothing => {
                let at = self.nodes.take()?;
                let node = self.nodes.get_mut(at).ok_or(Status::INTERNAL)?;
                (node.references, node.referents) = (1, referent);
                Ok(at)
            }
            Target::Frame(_) | Target::Cell(_) => Err(Status::INTERNAL),
        }
    }

    /// A copy of a shared node for one of those who refer to it, who gives up the old one for it. There must be
    /// room for a node and for a cell for each slot.
    ///
    /// What is below is shared by both from now on, so everything in both counts as shared; and whoever else
    /// refers to the old one counted all of it as shared before, through that very node. No other count changes.
    fn copy(&mut self, old: u32, referent: u32) -> Result<u32> {
        let new = self.nodes.take()?;
        for place in 0..FAN {
            let slot = self.lend(old, place, new)?;
            self.nodes.get_mut(new).ok_or(Status::INTERNAL)?.set_slot(place, slot);
        }
        let node = self.nodes.get_mut(old).ok_or(Status::INTERNAL)?;
        node.references -= 1;
        node.referents ^= referent;
        node.shared = node.committed;
        let committed = node.committed;
        let node = self.nodes.get_mut(new).ok_or(Status::INTERNAL)?;
        (node.references, node.referents) = (1, referent);
        (node.committed, node.shared) = (committed, committed);
        Ok(new)
    }

    /// Lets a second node lead to where a slot of a node leads; the slot for it. A frame gets a cell, for which
    /// there must be room. The counts of shared pages are the caller's business.
    pub(super) fn lend(&mut self, from: u32, place: usize, to: u32) -> Result<Slot> {
        let slot = self.nodes.get(from).and_then(|node| node.slots.get(place)).copied();
        let slot = slot.ok_or(Status::INTERNAL)?;
        match slot.target() {
            Target::Nothing => Ok(slot),
            Target::Frame(frame) => {
                let slot = self.put_in_cell(frame, name(from), name(to))?;
                self.nodes.get_mut(from).ok_or(Status::INTERNAL)?.set_slot(place, slot);
                Ok(slot)
            }
            Target::Cell(_) | Target::Node(_) => {
                self.refer(slot, name(to));
                Ok(slot)
            }
        }
    }

    /// A cell for a frame that two lead to.
    pub(super) fn put_in_cell(&mut self, frame: PhysAddr, one: u32, other: u32) -> Result<Slot> {
        let at = self.cells.take()?;
        let cell = self.cells.get_mut(at).ok_or(Status::INTERNAL)?;
        *cell = Cell { frame, references: 2, referents: one ^ other };
        Ok(Slot::cell(at))
    }

    /// Counts one more that leads to a record.
    pub(super) fn refer(&mut self, slot: Slot, referent: u32) {
        match slot.target() {
            Target::Node(at) => {
                if let Some(node) = self.nodes.get_mut(at) {
                    node.references = node.references.saturating_add(1);
                    node.referents ^= referent;
                }
            }
            Target::Cell(at) => {
                if let Some(cell) = self.cells.get_mut(at) {
                    cell.references = cell.references.saturating_add(1);
                    cell.referents ^= referent;
                }
            }
            Target::Nothing | Target::Frame(_) => {}
        }
    }

    /// Counts one less that leads to a cell, if it is one. Gives the frame if that was the last.
    pub(super) fn release_cell_of(&mut self, slot: Slot, referent: u32) -> Option<PhysAddr> {
        let Target::Cell(at) = slot.target() else { return None };
        let cell = self.cells.get_mut(at)?;
        cell.references = cell.references.saturating_sub(1);
        cell.referents ^= referent;
        let (references, last, frame) = (cell.references, cell.referents, cell.frame);
        match references {
            0 => {
                self.cells.give(at);
                Some(frame)
            }
            1 => {
                self.claim(last, 1);
                None
            }
            _ => None,
        }
    }

    /// Tells the last that leads to a record, and what leads to that one alone, that `count` pages below are theirs.
    pub(super) fn claim(&mut self, referent: u32, count: u64) {
        self.tell(referent, |shared| shared.saturating_sub(count));
    }

    /// Tells the only one that led to a record, and what leads to that one alone, that it shares `count` pages below.
    pub(super) fn disclaim(&mut self, referent: u32, count: u64) {
        self.tell(referent, |shared| shared.saturating_add(count));
    }

    fn tell(&mut self, mut referent: u32, change: impl Fn(u64) -> u64) {
        while let Some(node) = referent.checked_sub(1).and_then(|at| self.nodes.get_mut(at)) {
            node.shared = change(node.shared);
            if node.references != 1 {
                return;
            }
            referent = node.referents;
        }
    }
}
