//! Whose windows stand in each other's way, in words: who, which range, against whom, and what follows.

use crate::Fate;
use crate::error::Error;
use crate::ledger::{Conflict, Ledger, Owner, Window};
use abi::{PAGE_SIZE, PhysAddr};
use core::fmt;
use devicetree::{Skip, Tree};

/// A window that is not simply its device's own.
#[derive(Clone, Copy, Debug)]
pub struct Finding<'l> {
    /// The window.
    pub window: &'l Window,
    /// What stands in its way.
    pub against: Against<'l>,
}

/// What stands in a window's way.
#[derive(Clone, Copy, Debug)]
pub enum Against<'l> {
    /// The kernel keeps what its pages touch.
    Kernel(Conflict<'l>),
    /// Its pages touch memory or reserved memory.
    Memory(Conflict<'l>),
    /// It ends beyond this, the last address that the CPU has.
    Beyond(PhysAddr),
    /// It encloses this window of a node below.
    Inner(&'l Window),
    /// This window of an unrelated node is the very same.
    Same(&'l Window),
    /// This window of an unrelated node has bytes in common with it.
    Overlap(&'l Window),
    /// This window of an unrelated node has a page in common with it.
    Page(&'l Window),
}

impl Finding<'_> {
    /// The line that says it all.
    pub fn display<'f>(&'f self, tree: &'f Tree<'_>) -> impl fmt::Display + 'f {
        fmt::from_fn(move |f| {
            let range = self.window.range;
            write!(f, "ledger: {} {range}: ", tree.path(self.window.node))?;
            let both = "whoever is granted one sees the other: name both in the manifest";
            match self.against {
                Against::Kernel(conflict) | Against::Memory(conflict) => write!(
                    f,
                    "its pages touch {}, {} ({}); it is never granted",
                    conflict.range, conflict.owner, conflict.name
                ),
                Against::Beyond(last) => {
                    write!(
                        f,
                        "it ends beyond {:#x}, the last address of the CPU; it is never granted",
                        last.0
                    )
                }
                Against::Inner(inner) => write!(
                    f,
                    "it encloses {} of {}; it is a container, and not granted whole",
                    inner.range,
                    tree.path(inner.node)
                ),
                Against::Same(other) => {
                    write!(f, "it is also the window of {}; {both}", tree.path(other.node))
                }
                Against::Overlap(other) => {
                    write!(f, "it overlaps {} of {}; {both}", other.range, tree.path(other.node))
                }
                Against::Page(other) => write!(
                    f,
                    "it shares the page at {:#x} with {} of {}; {both}",
                    range.base().0.max(other.range.base().0) / PAGE_SIZE * PAGE_SIZE,
                    other.range,
                    tree.path(other.node)
                ),
            }
        })
    }
}

impl Ledger {
    /// Every window that is not simply its device's own, in the order of the windows.
    ///
    /// It is for whoever reads the map of a board: in a page group it compares each with each.
    pub fn findings<'l>(&'l self, tree: &'l Tree<'_>) -> impl Iterator<Item = Finding<'l>> {
        self.windows.iter().filter_map(|window| {
            let pages = window.range.expand_to_pages();
            let against = match window.fate {
                // A window that is kept is in nobody's way.
                Fate::Kernel => self
                    .touches_kept(pages)
                    .filter(|conflict| !conflict.range.contains(window.range))
                    .map(Against::Kernel),
                Fate::Reserved => self.touches_memory(pages).map(Against::Memory),
                Fate::Beyond => Some(Against::Beyond(self.last)),
                Fate::Container => self.enclosed(tree, window).map(Against::Inner),
                _ => self.neighbour(tree, window),
            }?;
            Some(Finding { window, against })
        })
    }

    fn enclosed(&self, tree: &Tree<'_>, outer: &Window) -> Option<&Window> {
        let first = self.windows.partition_point(|window| window.node <= outer.node);
        let below =
            self.windows.iter().skip(first).take_while(|inner| tree.is_related(outer.node, inner.node));
        below.into_iter().find(|inner| outer.range.contains(inner.range))
    }

    /// The window of an unrelated node before this one that shares most with it.
    fn neighbour(&self, tree: &Tree<'_>, window: &Window) -> Option<Against<'_>> {
        let key = |window: &Window| (window.range, window.node, window.kind.raw(), window.index);
        let before = self.group_members(window.group?).take_while(|other| key(other) < key(window));
        let unrelated = before.filter(|other| !tree.is_related(other.node, window.node));
        let pages = window.range.expand_to_pages();
        let near = unrelated.filter(|other| other.range.expand_to_pages().overlaps(pages));
        let judged = near.map(|other| match () {
            () if other.range == window.range => (2, Against::Same(other)),
            () if other.range.overlaps(window.range) => (1, Against::Overlap(other)),
            () => (0, Against::Page(other)),
        });
        judged.max_by_key(|(closeness, _)| *closeness).map(|(_, against)| against)
    }
}

devicetree::rules! { Against<'_>:
    Self::Kernel(_) => "ledger-kernel",
    Self::Memory(Conflict { owner: Owner::Reserved, .. }) => "ledger-reserved",
    Self::Memory(_) => "ledger-memory",
    Self::Beyond(_) => "ledger-beyond",
    Self::Inner(_) => "ledger-container",
    Self::Same(_) => "ledger-same",
    Self::Overlap(_) => "ledger-overlap",
    Self::Page(_) => "ledger-page",
}

devicetree::rules! { Error:
    Self::OutOfMemory => "ledger-out-of-memory",
    Self::TooManyWindows { .. } => "ledger-too-many-windows",
    Self::Memory { skip: Skip::NoSizeCells(_), .. } => "memory-no-size-cells",
    Self::Memory { skip: Skip::OutsideRanges(_), .. } => "memory-outside-ranges",
    Self::Memory { skip: Skip::PciChild(_), .. } => "memory-pci-child",
    Self::Memory { skip: Skip::BadCells(_), .. } => "memory-bad-cells",
    Self::Memory { skip: Skip::PartialEntry, .. } => "memory-cut",
    Self::Memory { skip: Skip::TooWide, .. } => "memory-too-wide",
    // Memory stands below the root, which has no ranges to lack, and memory of size 0 is passed over.
    Self::Memory { skip: Skip::Wraps | Skip::NoRanges(_) | Skip::Empty, .. } => "memory-wraps",
    Self::Memory { skip: Skip::TooMuchWork(_), .. } => "memory-too-much-work",
}
