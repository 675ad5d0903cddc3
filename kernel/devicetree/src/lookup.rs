//! What is asked by name: of one node from its own properties, of `/chosen` by the `fdt` crate on the clean copy.
//!
//! `fdt` 0.1.5 indexes unchecked input, so it sees only what passed rules S1 to S7, and only this subset of
//! it is used: `Fdt::new`, `all_nodes`, `property`, `memory_reservations`. None of them recurses or
//! can meet a byte that the validator did not judge. Document order is its order too, so a [`NodeId`] is
//! a position in `all_nodes`.

use crate::cursor::{be32, be64};
use crate::header::to_usize;
use crate::index::{Name, NodeId};
use crate::tree::Tree;
use crate::validate::PROP;
use fdt::Fdt;

impl<'a> Tree<'a> {
    pub(crate) fn fdt(&self) -> Option<Fdt<'a>> {
        Fdt::new(self.blob).ok()
    }

    /// The raw value of any property, found among the node's own: they follow its name in the clean copy.
    pub fn property(&self, node: NodeId, name: &str) -> Option<&'a [u8]> {
        /// The token, the value's length, and the name's place in the strings block.
        const HEAD: usize = 12;
        let node = self.node(node)?;
        let mut at = to_usize(node.name) + (to_usize(node.name_length) + 1);
        loop {
            at = at.next_multiple_of(4);
            if be32(self.blob, at)? != PROP {
                return None;
            }
            let length = to_usize(be32(self.blob, at + 4)?);
            let value = self.blob.get(at + HEAD..)?.get(..length)?;
            let rest = self.text(be32(self.blob, at + 8)?)?.strip_prefix(name.as_bytes());
            if rest.is_some_and(|rest| rest.first() == Some(&0)) {
                return Some(value);
            }
            at += HEAD + length;
        }
    }

    /// What the strings block has from an offset on.
    fn text(&self, offset: u32) -> Option<&'a [u8]> {
        self.blob.get(to_usize(be32(self.blob, 12)?)..)?.get(to_usize(offset)..)
    }

    /// The value of a property of one cell.
    pub fn property_u32(&self, node: NodeId, name: &str) -> Option<u32> {
        self.property(node, name).filter(|value| value.len() == 4).and_then(|value| be32(value, 0))
    }

    /// The raw values of several properties of several nodes, in one walk of the tree.
    pub(crate) fn properties<const N: usize>(
        &self,
        wanted: [(Option<NodeId>, &str); N],
    ) -> [Option<&'a [u8]>; N] {
        let mut values = [None; N];
        let Some(fdt) = self.fdt() else { return values };
        let Some(last) = wanted.iter().filter_map(|(node, _)| *node).map(|node| node.0).max() else {
            return values;
        };
        for (id, node) in (0..=last).map(NodeId).zip(fdt.all_nodes()) {
            if wanted.iter().all(|(wanted, _)| *wanted != Some(id)) {
                continue;
            }
            for property in node.properties() {
                for ((wanted, name), value) in wanted.iter().zip(values.iter_mut()) {
                    if *wanted == Some(id) && property.name == *name && value.is_none() {
                        *value = Some(property.value);
                    }
                }
            }
        }
        values
    }
}

impl<'a> Tree<'a> {
    /// The first available node with one of these `compatible` strings, in document order.
    pub fn find_compatible(&self, names: &[&str]) -> Option<NodeId> {
        self.nodes().find(|&node| {
            let compatible = self.known(node, Name::Compatible).unwrap_or(&[]);
            let mut listed = compatible.split(|byte| *byte == 0);
            listed.any(|listed| names.iter().any(|name| name.as_bytes() == listed)) && self.is_available(node)
        })
    }

    /// The child with this full name.
    pub fn child(&self, parent: NodeId, name: &str) -> Option<NodeId> {
        self.children(parent).find(|child| self.name_bytes(*child) == name.as_bytes())
    }

    /// The node at a full path such as `/soc/serial@7e201000`.
    ///
    /// A unit address may be left out where that names one child only (Devicetree Specification 2.2.3).
    pub fn find(&self, path: &str) -> Option<NodeId> {
        let path = path.strip_prefix('/')?;
        let mut names = path.split('/').filter(|name| !name.is_empty());
        names.try_fold(NodeId::ROOT, |parent, name| {
            self.child(parent, name).or_else(|| self.only_child_named(parent, name))
        })
    }

    fn only_child_named(&self, parent: NodeId, name: &str) -> Option<NodeId> {
        let mut named = self.children(parent).filter(|child| self.base_name(*child) == name.as_bytes());
        let first = named.next()?;
        named.next().is_none().then_some(first)
    }
}

/// A number of one or two cells.
pub(crate) fn be_number(value: &[u8]) -> Option<u64> {
    match value.len() {
        4 => be32(value, 0).map(u64::from),
        8 => be64(value, 0),
        _ => None,
    }
}
