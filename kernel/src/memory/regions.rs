//! Which region has which address.
//!
//! Regions nest as deeply as a program likes. So that a fault costs the same however deep its address lies,
//! the address space is kept as a row of *runs*: addresses that belong to the same innermost region. A run
//! is known by its first address and ends where the next begins; two neighbours belong to different regions.
//!
//! ```text
//! regions   root [ ....... A [ ... B [ ... ] ... ] ....... ]
//! runs      root |         A |     B |     A     | root
//! ```
use abi::Status;
use abi::status::Result;

use crate::collections::Tree;
use crate::collections::arena::Id;
use crate::object::Vmar;

/// The innermost region of every address of an address space.
#[derive(Debug)]
pub struct Regions {
    /// The region of what comes before the first run.
    root: Id<Vmar>,
    /// By first address, the region of a run. Empty as long as there is no region but the root.
    runs: Tree<Id<Vmar>>,
}

impl Regions {
    /// An address space with one region.
    pub const fn new(root: Id<Vmar>) -> Self {
        Self { root, runs: Tree::new() }
    }

    /// The innermost region at an address.
    pub fn owner(&self, address: u64) -> Id<Vmar> {
        self.runs.floor(address).map_or(self.root, |(_, owner)| *owner)
    }

    /// Whether every address in `[from, to)` has this region as its innermost.
    #[inline]
    pub fn is_all(&self, owner: Id<Vmar>, from: u64, to: u64) -> bool {
        // Nearly always there is but one.
        if self.runs.is_empty() { self.root == owner } else { self.is_all_of_many(owner, from, to) }
    }

    #[inline(never)]
    fn is_all_of_many(&self, owner: Id<Vmar>, from: u64, to: u64) -> bool {
        self.owner(from) == owner && self.runs.next_after(from).is_none_or(|(start, _)| start >= to)
    }

    /// Makes room, so that the next [`Regions::add`] succeeds.
    ///
    /// # Errors
    /// `NO_MEMORY`; nothing changed.
    pub fn reserve(&mut self) -> Result {
        self.runs.reserve(2).map_err(Status::from)
    }

    /// Gives `[base, end)`, which belonged to `parent`, to `child`.
    ///
    /// # Errors
    /// `NO_MEMORY` without [`Regions::reserve`].
    pub fn add(&mut self, base: u64, end: u64, child: Id<Vmar>, parent: Id<Vmar>) -> Result {
        if !self.runs.contains_key(end) {
            self.runs.try_insert(end, parent).map_err(Status::from)?;
        }
        self.runs.try_insert(base, child).map_err(Status::from)?;
        Ok(())
    }

    /// Gives `[base, end)`, which belongs to one region as a whole, back to `parent`.
    pub fn remove(&mut self, base: u64, end: u64, parent: Id<Vmar>) {
        let before = base.checked_sub(1).map_or(self.root, |address| self.owner(address));
        if before == parent {
            self.runs.remove(base);
        } else if let Some(owner) = self.runs.get_mut(base) {
            *owner = parent;
        }
        if self.runs.get(end) == Some(&parent) {
            self.runs.remove(end);
        }
        let _more_later = self.runs.release();
    }

    /// Gives memory back when no region is left, a bounded part of it at a time; whether none is left.
    pub fn release(&mut self) -> bool {
        self.runs.release()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collections::arena::Arena;

    fn ids<const N: usize>() -> [Id<Vmar>; N] {
        let mut arena = Arena::new();
        core::array::from_fn(|_| arena.insert(Vmar::root(0, 0)).unwrap())
    }

    #[test]
    fn neighbours_and_nested_regions_come_and_go() {
        let [root, a, b, c] = ids();
        let mut regions = Regions::new(root);
        regions.add(100, 200, a, root).unwrap();
        regions.add(200, 300, b, root).unwrap();
        regions.add(100, 150, c, a).unwrap();
        let owners = |regions: &Regions| [99, 100, 149, 150, 199, 200, 299, 300].map(|at| regions.owner(at));
        assert_eq!(owners(&regions), [root, c, c, a, a, b, b, root]);
        assert!(regions.is_all(a, 150, 200) && !regions.is_all(a, 150, 201) && !regions.is_all(a, 149, 200));
        regions.remove(100, 150, a);
        assert_eq!(owners(&regions), [root, a, a, a, a, b, b, root]);
        regions.remove(100, 200, root);
        assert_eq!(owners(&regions), [root, root, root, root, root, b, b, root]);
        regions.remove(200, 300, root);
        assert!(regions.runs.is_empty());
    }

    #[test]
    fn a_region_as_large_as_its_parent_takes_all_of_it() {
        let [root, a, b] = ids();
        let mut regions = Regions::new(root);
        regions.add(0, u64::MAX, a, root).unwrap();
        regions.add(0, u64::MAX, b, a).unwrap();
        assert!(regions.is_all(b, 0, u64::MAX));
        regions.remove(0, u64::MAX, a);
        assert!(regions.is_all(a, 0, u64::MAX));
        regions.remove(0, u64::MAX, root);
        assert!(regions.is_all(root, 0, u64::MAX) && regions.runs.is_empty());
    }
}
