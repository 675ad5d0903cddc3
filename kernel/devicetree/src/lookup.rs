//! What is asked seldom, answered by the `fdt` crate on the clean copy.
//!
//! `fdt` 0.1.5 indexes unchecked input, so it sees only what passed rules S1 to S7, and only this subset of
//! it is used: `Fdt::new`, `all_nodes`, `property`, `memory_reservations`. None of them recurses or
//! can meet a byte that the validator did not judge. Document order is its order too, so a [`NodeId`] is
//! a position in `all_nodes`.

use crate::cursor::{be32, be64};
use crate::index::{Name, NodeId};
use crate::tree::Tree;
use fdt::Fdt;

impl<'a> Tree<'a> {
    pub(crate) fn fdt(&self) -> Option<Fdt<'a>> {
        Fdt::new(self.blob).ok()
    }

    /// The raw value of any property. It walks the tree: for what is asked once.
    pub fn property(&self, node: NodeId, name: &str) -> Option<&'a [u8]> {
        let [value] = self.properties([(Some(node), name)]);
        value
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
