//! Which frame holds which page of a VMO: trees whose parts are shared until they differ.
//!
//! A VMO's pages are a radix tree: a node has a slot for each 32nd of the keys below it. A snapshot is a second
//! tree with the same root; whoever changes a page first copies the nodes that lead to it, so that the other
//! keeps what it has. There is no chain: a look-up takes as many steps in the thousandth clone of a clone as in
//! the first VMO, and what is stored is what differs.
//!
//! ```text
//!   VMO   clone          both see the same pages: one root, two references
//!     \   /
//!     node ---- node ---- frame
//!
//!   VMO   clone          the clone has written a page: its own path to a frame of its own. The frame
//!    |      |            beside it is in two nodes now, through a cell, which counts them.
//!   node   node'
//!    |      |
//!   node   node' -- frame'
//!      \   /
//!      cell -- frame
//! ```
//!
//! **Who owns a frame.** A slot of a leaf that has a frame itself is the only one that leads to it, from this
//! leaf. When a leaf is copied, the frames in it are put into [cells](Cell) first: counted records that both leaves
//! lead to. So counts exist for frames that need them only, are found without a search, and are reserved together with the
//! nodes. A VMO owns a page alone if every node on the way has one reference, and the cell, if there is one.
//!
//! **Counts.** Each node knows the pages below it, and how many of them somebody shares through a link below it. So
//! the committed and the private bytes of a VMO are read off its root. When the second last reference to a node or cell goes, the
//! pages below become the last one's own, and that one's ancestors must learn it: the exclusive or of all who refer
//! to a record is then the name of the only one that is left.
//!
//! **The end.** A tree that nobody needs is hung on a list of dead nodes, at once and whole; [`Trees::reap`] takes it
//! apart a slot at a time. Neither needs memory.

mod account;
mod change;
mod cut;
mod pool;
mod share;
#[cfg(test)]
mod tests;

use abi::PhysAddr;

pub use change::Taken;
pub use cut::Reaped;
use pool::{Pool, Record};

/// Bits of a key that one level tells apart.
const BITS: u32 = 5;
/// Slots of a node.
const FAN: usize = 1 << BITS;
/// The highest tree: twelve levels are 60 bits of key, and no VMO needs more than 53.
const MAX_HEIGHT: u32 = 12;

/// What a slot leads to, in one word: its two lowest bits say what. Physical page 0 is never a frame.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Slot(u64);

/// A slot, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Nothing,
    Frame(PhysAddr),
    Cell(u32),
    Node(u32),
}

impl Slot {
    const NOTHING: Self = Self(0);

    const fn frame(frame: PhysAddr) -> Self {
        Self(frame.0)
    }

    const fn cell(at: u32) -> Self {
        Self((at as u64) << 2 | 1)
    }

    const fn node(at: u32) -> Self {
        Self((at as u64) << 2 | 2)
    }

    #[inline]
    const fn target(self) -> Target {
        match self.0 & 3 {
            _ if self.0 == 0 => Target::Nothing,
            1 => Target::Cell((self.0 >> 2) as u32),
            2 => Target::Node((self.0 >> 2) as u32),
            _ => Target::Frame(PhysAddr(self.0)),
        }
    }
}

impl core::fmt::Debug for Slot {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.target().fmt(f)
    }
}

/// Who refers to a record, as its referents' exclusive or has it: a node by its index plus one, a VMO as 0.
const VMO: u32 = 0;

const fn name(node: u32) -> u32 {
    node.wrapping_add(1)
}

/// A part of a tree.
#[derive(Debug)]
struct Node {
    slots: [Slot; FAN],
    /// Pages below that have a frame. In a dead node, the first slot that may lead somewhere yet.
    committed: u64,
    /// Those of them that are shared through a reference below this node.
    shared: u64,
    /// Nodes and VMOs that lead here; 0 in a dead node and in a free one.
    references: u32,
    /// The exclusive or of their names. In a dead node, the name of the next dead one.
    referents: u32,
}

impl Node {
    #[inline]
    fn slot(&self, level: u32, key: u64) -> Slot {
        self.slots.get(place(level, key)).copied().unwrap_or(Slot::NOTHING)
    }

    #[inline]
    fn set_slot(&mut self, place: usize, slot: Slot) {
        if let Some(to) = self.slots.get_mut(place) {
            *to = slot;
        }
    }
}

impl Record for Node {
    const NEW: Self =
        Self { slots: [Slot::NOTHING; FAN], committed: 0, shared: 0, references: 0, referents: 0 };

    fn link(&mut self) -> &mut u32 {
        &mut self.referents
    }

    /// Its slots were emptied one by one: that is how a node comes to its end.
    fn renew(&mut self) {
        (self.committed, self.shared, self.references, self.referents) = (0, 0, 0, 0);
    }
}

/// A frame in several leaves.
#[derive(Debug)]
struct Cell {
    frame: PhysAddr,
    references: u32,
    referents: u32,
}

impl Record for Cell {
    const NEW: Self = Self { frame: PhysAddr(0), references: 0, referents: 0 };

    fn link(&mut self) -> &mut u32 {
        &mut self.referents
    }

    fn renew(&mut self) {
        *self = Self::NEW;
    }
}

/// Which slot of a node of this level a key belongs to. Leaves have level 0.
#[inline]
const fn place(level: u32, key: u64) -> usize {
    (key >> (BITS * level)) as usize & (FAN - 1)
}

/// Keys that a slot of a node of this level covers.
#[inline]
const fn span(level: u32) -> u64 {
    1 << (BITS * level)
}

/// Whether a tree of this height has no place for a key.
#[inline]
const fn is_beyond(height: u32, key: u64) -> bool {
    height <= MAX_HEIGHT && key >> (BITS * height) != 0
}

/// The pages of one VMO: a root in [`Trees`]. Dropping one leaks what it leads to: [`Trees::abandon`] does not.
#[derive(Debug)]
pub struct Pages {
    root: Slot,
    /// Levels of nodes; with none, the root is page 0's own slot.
    height: u32,
    /// The key of page 0. A clone of a part of a VMO uses the keys of that VMO.
    base: u64,
}

impl Pages {
    /// No pages.
    pub const fn new() -> Self {
        Self { root: Slot::NOTHING, height: 0, base: 0 }
    }

    /// Whether no page has a frame.
    pub fn is_empty(&self) -> bool {
        self.root == Slot::NOTHING
    }
}

impl Default for Pages {
    fn default() -> Self {
        Self::new()
    }
}

/// What a VMO has for a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// Nothing: it reads as zero.
    Absent,
    /// A frame of its own.
    Owned(PhysAddr),
    /// A frame that other VMOs have, too. It must not change.
    Shared(PhysAddr),
}

impl Page {
    /// The frame, whoever has it.
    pub const fn frame(self) -> Option<PhysAddr> {
        match self {
            Self::Absent => None,
            Self::Owned(frame) | Self::Shared(frame) => Some(frame),
        }
    }
}

/// The nodes and cells of all trees.
#[derive(Debug)]
pub struct Trees {
    nodes: Pool<Node>,
    cells: Pool<Cell>,
    /// The name of the first dead node; 0 for none.
    dead: u32,
}

impl Default for Trees {
    fn default() -> Self {
        Self::new()
    }
}

impl Trees {
    /// No trees.
    pub const fn new() -> Self {
        Self { nodes: Pool::new(), cells: Pool::new(), dead: 0 }
    }

    /// What a VMO has for a page.
    #[inline]
    pub fn look(&self, pages: &Pages, page: u64) -> Page {
        let key = pages.base.wrapping_add(page);
        if is_beyond(pages.height, key) {
            return Page::Absent;
        }
        let (mut slot, mut level, mut alone) = (pages.root, pages.height, true);
        loop {
            match slot.target() {
                Target::Node(at) if level > 0 => {
                    let Some(node) = self.nodes.get(at) else { return Page::Absent };
                    level -= 1;
                    alone &= node.references == 1;
                    slot = node.slot(level, key);
                }
                Target::Frame(frame) if alone => return Page::Owned(frame),
                Target::Frame(frame) => return Page::Shared(frame),
                Target::Cell(at) => {
                    let Some(cell) = self.cells.get(at) else { return Page::Absent };
                    let owned = alone && cell.references == 1;
                    return if owned { Page::Owned(cell.frame) } else { Page::Shared(cell.frame) };
                }
                Target::Node(_) | Target::Nothing => return Page::Absent,
            }
        }
    }

    /// The frame of a page.
    pub fn get(&self, pages: &Pages, page: u64) -> Option<PhysAddr> {
        self.look(pages, page).frame()
    }

    /// The first page at or after this one that has a frame.
    pub fn next_from(&self, pages: &Pages, page: u64) -> Option<u64> {
        let mut key = pages.base.checked_add(page)?;
        'from: loop {
            if is_beyond(pages.height, key) {
                return None;
            }
            let mut slot = pages.root;
            for level in (0..pages.height).rev() {
                let Target::Node(at) = slot.target() else { return None };
                let (node, first) = (self.nodes.get(at)?, place(level, key));
                let rest = node.slots.get(first..)?;
                let Some(skipped) = rest.iter().position(|slot| *slot != Slot::NOTHING) else {
                    // Nothing more below this node: on with what comes after it.
                    let above = BITS * (level + 1);
                    key = (key >> above).checked_add(1)?.checked_mul(1 << above)?;
                    continue 'from;
                };
                if skipped > 0 {
                    key = ((key >> (BITS * level)) + skipped as u64) << (BITS * level);
                }
                slot = node.slot(level, key);
            }
            return if slot == Slot::NOTHING { None } else { key.checked_sub(pages.base) };
        }
    }

    /// The first page after this one that has a frame.
    pub fn next_after(&self, pages: &Pages, page: u64) -> Option<u64> {
        self.next_from(pages, page.checked_add(1)?)
    }
}
