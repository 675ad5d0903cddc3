//! What pages cost: committed, private and scaled bytes; and the counts taken anew, for tests.
use alloc::vec::Vec;

use super::{FAN, MAX_HEIGHT, Pages, Slot, Target, Trees, VMO, name};

/// Nodes that [`Trees::scaled`] looks at.
const NODES_A_SUM: u32 = 16;
/// Bits of a fraction of a byte in `zx_info_vmo_t`: 2^63 is a byte.
const FRACTION: u32 = 63;

impl Trees {
    /// Pages that have a frame, shared or not.
    pub fn committed(&self, pages: &Pages) -> u64 {
        self.below(pages.root).0
    }

    /// Pages whose frame no other VMO has.
    pub fn private(&self, pages: &Pages) -> u64 {
        let (committed, shared) = self.below(pages.root);
        committed - shared
    }

    /// What a slot leads to: pages, and those of them that somebody else has through this reference or one below.
    pub(super) fn below(&self, slot: Slot) -> (u64, u64) {
        match slot.target() {
            Target::Nothing => (0, 0),
            Target::Frame(_) => (1, 0),
            Target::Cell(at) => (1, u64::from(self.cells.get(at).is_some_and(|cell| cell.references > 1))),
            Target::Node(at) => self.nodes.get(at).map_or((0, 0), |node| {
                (node.committed, if node.references > 1 { node.committed } else { node.shared })
            }),
        }
    }

    /// How many lead to what a slot leads to.
    fn references(&self, slot: Slot) -> u64 {
        let references = match slot.target() {
            Target::Nothing | Target::Frame(_) => 1,
            Target::Cell(at) => self.cells.get(at).map_or(1, |cell| cell.references),
            Target::Node(at) => self.nodes.get(at).map_or(1, |node| node.references),
        };
        u64::from(references.max(1))
    }

    /// The VMO's share of the memory that it uses, in bytes and fractions of a byte of 2^-63.
    ///
    /// Each reference to a node or cell carries an equal part of it: so the shares of all VMOs together are exactly the
    /// memory that there is, however they are related. Only where trees differ must it be looked, at up to 16 nodes; beyond
    /// that, what is below is charged as if it were shared no further.
    pub fn scaled(&self, pages: &Pages) -> (u64, u64) {
        self.scaled_in(pages, NODES_A_SUM)
    }

    /// As [`Trees::scaled`], with up to so many nodes.
    pub(super) fn scaled_in(&self, pages: &Pages, nodes: u32) -> (u64, u64) {
        /// A node on the way, where its next slot is, and how many share what is below it.
        #[derive(Clone, Copy)]
        struct Step {
            node: u32,
            place: usize,
            parts: u64,
        }
        let mut way = [Step { node: 0, place: 0, parts: 1 }; MAX_HEIGHT as usize];
        let (mut depth, mut looked) = (0, 0);
        let mut sum = 0_u128;
        let mut next = Some((pages.root, 1));
        loop {
            if let Some((slot, parts)) = next.take() {
                let parts = self.references(slot).saturating_mul(parts);
                let (committed, _) = self.below(slot);
                match slot.target() {
                    Target::Node(node)
                        if looked < nodes
                            && depth < way.len()
                            && self.nodes.get(node).is_some_and(|node| node.shared > 0) =>
                    {
                        if let Some(step) = way.get_mut(depth) {
                            *step = Step { node, place: 0, parts };
                        }
                        (depth, looked) = (depth + 1, looked + 1);
                    }
                    _ => sum += part_of(committed * abi::PAGE_SIZE, parts),
                }
            }
            let Some(step) = depth.checked_sub(1).and_then(|top| way.get_mut(top)) else { break };
            if step.place == FAN {
                depth -= 1;
                continue;
            }
            let slot = self.nodes.get(step.node).and_then(|node| node.slots.get(step.place)).copied();
            step.place += 1;
            next = slot.map(|slot| (slot, step.parts));
        }
        ((sum >> FRACTION) as u64, (sum & ((1 << FRACTION) - 1)) as u64)
    }

    /// Nodes and cells in use, for leak checks.
    pub fn parts(&self) -> usize {
        self.nodes.len() + self.cells.len()
    }

    /// Frames that the trees of these VMOs have, and what is left of dead ones: each counted once.
    pub fn frames<'a>(&self, all: impl Iterator<Item = &'a Pages>) -> u64 {
        let is_frame = |slot: &Slot| u64::from(matches!(slot.target(), Target::Frame(_)));
        let in_nodes: u64 = self.nodes.iter().flat_map(|(_, node)| node.slots.iter().map(is_frame)).sum();
        let in_roots: u64 = all.map(|pages| is_frame(&pages.root)).sum();
        in_nodes + in_roots + self.cells.len() as u64
    }

    /// Compares every count with what it stands for: `Err` has the rule, what is booked and what there is.
    ///
    /// # Errors
    /// The first difference.
    pub fn check<'a>(&self, all: impl Iterator<Item = &'a Pages>) -> Result<(), (&'static str, u64, u64)> {
        let mut nodes = Vec::new();
        let mut cells = Vec::new();
        let mut note = |slot: Slot, referent| match slot.target() {
            Target::Node(at) => nodes.push((at, referent)),
            Target::Cell(at) => cells.push((at, referent)),
            Target::Nothing | Target::Frame(_) => {}
        };
        all.for_each(|pages| note(pages.root, VMO));
        for (at, node) in self.nodes.iter() {
            node.slots.iter().for_each(|slot| note(*slot, name(at)));
        }
        let dead = self.dead();
        for (list, rule) in [(&mut nodes, "references to a node"), (&mut cells, "references to a cell")] {
            list.sort_unstable();
            let is_node = rule.ends_with("node");
            let live = if is_node { self.nodes.len() - dead.len() } else { self.cells.len() };
            let named = list.chunk_by(|one, other| one.0 == other.0);
            let mut found = 0;
            for group in named {
                let Some(&(at, _)) = group.first() else { continue };
                let referents = group.iter().fold(0, |all, (_, referent)| all ^ referent);
                let booked = if is_node {
                    self.nodes.get(at).map(|node| (node.references, node.referents))
                } else {
                    self.cells.get(at).map(|cell| (cell.references, cell.referents))
                };
                let (references, names) = booked.unwrap_or_default();
                equal(rule, u64::from(references), group.len() as u64)?;
                equal("the names of who refers to it", u64::from(names), u64::from(referents))?;
                found += 1;
            }
            equal("records that something leads to", live as u64, found)?;
        }
        for (_, node) in self.nodes.iter().filter(|(at, node)| node.references > 0 && !dead.contains(at)) {
            let below = node.slots.iter().map(|slot| self.below(*slot));
            let (committed, shared) = below.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
            equal("pages below a node", node.committed, committed)?;
            equal("shared pages below a node", node.shared, shared)?;
            equal("a node leads somewhere", 1, u64::from(committed > 0))?;
        }
        Ok(())
    }

    /// The dead nodes.
    fn dead(&self) -> Vec<u32> {
        let mut dead = Vec::new();
        let mut next = self.dead.checked_sub(1);
        while let Some(at) = next.filter(|_| dead.len() <= self.nodes.len()) {
            dead.push(at);
            next = self.nodes.get(at).and_then(|node| node.referents.checked_sub(1));
        }
        dead
    }
}

/// One of so many equal parts of some bytes, in units of 2^-63 of a byte, rounded down. It is a long division by hand: no
/// CPU divides words of 128 bits, and what compilers call for it is longer than this.
fn part_of(bytes: u64, parts: u64) -> u128 {
    let (whole, mut rest) = (bytes / parts, bytes % parts);
    let (mut fraction, mut bits) = (0_u64, FRACTION);
    while rest != 0 && bits > 0 {
        let is_carried = rest >> 63 != 0;
        (rest, fraction, bits) = (rest << 1, fraction << 1, bits - 1);
        if is_carried || rest >= parts {
            (rest, fraction) = (rest.wrapping_sub(parts), fraction | 1);
        }
    }
    (u128::from(whole) << FRACTION) + u128::from(fraction << bits)
}

fn equal(rule: &'static str, booked: u64, found: u64) -> Result<(), (&'static str, u64, u64)> {
    if booked == found { Ok(()) } else { Err((rule, booked, found)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_what_the_division_says() {
        let all = [1, 2, 3, 5, 7, 12, 100, 4096, 0xffff_ffff, 1 << 63, (1 << 63) + 1, u64::MAX];
        for bytes in all.into_iter().chain([0, 0x1000, 0x7000, 0x1234_5000]) {
            for parts in all {
                let divided = (u128::from(bytes) << FRACTION) / u128::from(parts);
                assert_eq!(part_of(bytes, parts), divided, "{bytes} in {parts}");
            }
        }
    }
}
