//! The tree: a clean copy and its index.

use crate::chosen::Chosen;
use crate::cursor::{first_string, strings};
use crate::error::{Error, Problem, Text};
use crate::header::{Layout, to_usize};
use crate::index::{Index, MAX_DEPTH, Name, Node, NodeId, NodeStatus};
use crate::validate;
use core::fmt;

/// A validated tree.
///
/// Holding one proves of the clean copy:
/// - rules S1 to S7: blocks inside, grammar, names printable and terminated, no `FDT_NOP`, at most
///   [`MAX_DEPTH`] levels below the root, properties before children;
/// - each `#address-cells`, `#size-cells`, `#interrupt-cells` and phandle is one cell, and no two nodes
///   share a phandle.
///
/// It says nothing of whether addresses make sense: each question answers for itself.
#[derive(Debug)]
pub struct Tree<'a> {
    pub(crate) blob: &'a [u8],
    pub(crate) index: Index,
    pub(crate) chosen: Chosen<'a>,
    /// What the aliases of the first two serial ports say.
    pub(crate) serials: [Option<&'a [u8]>; 2],
}

impl<'a> Tree<'a> {
    /// Validates `blob`, copies it clean into `buffer` and indexes it.
    ///
    /// `buffer` must hold [`crate::buffer_size`] bytes; align it to 8 if the copy is to be handed on as a
    /// blob. The tree borrows the buffer alone: `blob` may be thrown away.
    ///
    /// # Errors
    /// The blob breaks a rule, the buffer is too small, or the heap cannot hold the index.
    pub fn parse(blob: &[u8], buffer: &'a mut [u8]) -> Result<Self, Error> {
        let layout = Layout::read(blob)?;
        let (need, have) = (layout.copy_size(), buffer.len());
        if have < need {
            return Err(Problem::BufferTooSmall { need, have }.into());
        }
        let (index, length) = validate::scan(blob, &layout, buffer)?;
        let total = layout.write_header(buffer, length)?;
        let structure = layout.copy_structure();
        place(buffer, crate::HEADER_SIZE, blob.get(layout.reservations.clone()));
        place(buffer, structure + length, blob.get(layout.strings.clone()));
        let blob = buffer.get(..total).unwrap_or(&[]);
        let mut tree = Self { blob, index, chosen: Chosen::default(), serials: [None; 2] };
        tree.sort_phandles()?;
        tree.judge_roles();
        tree.read_chosen();
        Ok(tree)
    }

    /// The clean copy: a version 17 blob without `FDT_NOP`s and without padding.
    pub fn blob(&self) -> &'a [u8] {
        self.blob
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.index.nodes.len()
    }

    /// A tree has at least its root.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// All nodes, in document order.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + use<'a> {
        (0..crate::header::to_u32(self.index.nodes.len())).map(NodeId)
    }

    /// The node's name with its unit address; empty for the root.
    pub fn name(&self, node: NodeId) -> &'a str {
        core::str::from_utf8(self.name_bytes(node)).unwrap_or("")
    }

    /// The same as bytes, for comparisons: nobody has to look whether it is text.
    pub(crate) fn name_bytes(&self, node: NodeId) -> &'a [u8] {
        self.node(node).map_or(&[], |node| {
            let start = to_usize(node.name);
            self.blob.get(start..start + to_usize(node.name_length)).unwrap_or(&[])
        })
    }

    /// A node's name without its unit address.
    pub(crate) fn base_name(&self, node: NodeId) -> &'a [u8] {
        self.name_bytes(node).split(|byte| *byte == b'@').next().unwrap_or(&[])
    }

    /// The node's full path, for display.
    pub fn path(&self, node: NodeId) -> NodePath<'_, 'a> {
        NodePath { tree: self, node }
    }

    /// The parent; `None` for the root.
    pub fn parent(&self, node: NodeId) -> Option<NodeId> {
        if node == NodeId::ROOT { None } else { self.node(node).map(|node| NodeId(node.parent)) }
    }

    /// The node's children, in document order.
    pub fn children(&self, node: NodeId) -> impl Iterator<Item = NodeId> {
        let end = self.node(node).map_or(0, |node| node.end);
        let mut next = node.0.saturating_add(1);
        core::iter::from_fn(move || {
            let child = NodeId(next);
            if next >= end {
                return None;
            }
            next = self.node(child)?.end;
            Some(child)
        })
    }

    /// The node itself and its descendants, in document order.
    pub fn subtree(&self, node: NodeId) -> impl Iterator<Item = NodeId> + use<'a> {
        (node.0..self.node(node).map_or(0, |node| node.end)).map(NodeId)
    }

    /// Whether one of the two is the other or its ancestor.
    pub fn is_related(&self, one: NodeId, other: NodeId) -> bool {
        let inside = |outer: NodeId, inner: NodeId| {
            self.node(outer).is_some_and(|outer_node| outer.0 <= inner.0 && inner.0 < outer_node.end)
        };
        inside(one, other) || inside(other, one)
    }

    /// The ancestors of `node`, its parent first, the root last.
    pub fn ancestors(&self, node: NodeId) -> impl Iterator<Item = NodeId> {
        core::iter::successors(self.parent(node), |node| self.parent(*node))
    }

    /// The node's own status.
    pub fn status(&self, node: NodeId) -> NodeStatus {
        self.node(node).map_or(NodeStatus::Other, |node| node.status)
    }

    /// The text of `status`: `okay` if there is none.
    pub fn status_text(&self, node: NodeId) -> &'a str {
        self.known(node, Name::Status).and_then(first_string).unwrap_or("okay")
    }

    /// Whether the node and all its ancestors are okay.
    pub fn is_available(&self, node: NodeId) -> bool {
        self.node(node).is_some_and(|node| node.available)
    }

    /// The `compatible` strings, the most specific first.
    pub fn compatible(&self, node: NodeId) -> impl Iterator<Item = &'a str> + use<'a> {
        strings(self.known(node, Name::Compatible).unwrap_or(&[]))
    }

    /// The raw `compatible` value: strings, each with its NUL.
    pub fn compatible_list(&self, node: NodeId) -> &'a [u8] {
        self.known(node, Name::Compatible).unwrap_or(&[])
    }

    /// The names of the node's `reg` entries, in their order.
    pub fn reg_names(&self, node: NodeId) -> impl Iterator<Item = &'a str> + use<'a> {
        strings(self.known(node, Name::RegNames).unwrap_or(&[]))
    }

    /// The names of the node's interrupts, in their order.
    pub fn interrupt_names(&self, node: NodeId) -> impl Iterator<Item = &'a str> + use<'a> {
        strings(self.known(node, Name::InterruptNames).unwrap_or(&[]))
    }

    /// Whether one of `names` is among the node's `compatible` strings.
    pub fn is_compatible(&self, node: NodeId, names: &[&str]) -> bool {
        self.compatible(node).any(|compatible| names.contains(&compatible))
    }

    /// The node with this phandle.
    pub fn by_phandle(&self, phandle: u32) -> Option<NodeId> {
        self.index.phandle(phandle)
    }

    pub(crate) fn node(&self, id: NodeId) -> Option<&Node> {
        self.index.node(id)
    }

    /// A known property's value.
    pub(crate) fn known(&self, id: NodeId, name: Name) -> Option<&'a [u8]> {
        let node = self.node(id)?;
        let known = self.index.known(node).iter().find(|known| known.name == name)?;
        let start = to_usize(known.offset);
        self.blob.get(start..start.checked_add(to_usize(known.length))?)
    }

    /// Orders the phandles for look-up and refuses one that two nodes claim.
    fn sort_phandles(&mut self) -> Result<(), Error> {
        if !self.index.phandles.is_sorted() {
            self.index.phandles.sort_unstable();
        }
        let twice = self.index.phandles.windows(2).find_map(|pair| match pair {
            [(phandle, first), (same, second)] if phandle == same && first != second => {
                Some((*phandle, NodeId(*first), NodeId(*second)))
            }
            _ => None,
        });
        match twice {
            None => Ok(()),
            Some((phandle, first, second)) => {
                let other = self.path(first).text();
                Err(Error::at(Problem::PhandleTwice { phandle, other }, self.path(second).text())
                    .property(b"phandle"))
            }
        }
    }
}

/// Copies a block into the buffer. Both fit: the buffer's size was checked against their sum.
fn place(buffer: &mut [u8], at: usize, block: Option<&[u8]>) {
    let block = block.unwrap_or(&[]);
    if let Some(target) = buffer.get_mut(at..at.saturating_add(block.len())) {
        target.copy_from_slice(block);
    }
}

/// A full path. Displays as `/soc/serial@7e201000`; the root as `/`.
#[derive(Clone, Copy)]
pub struct NodePath<'t, 'a> {
    tree: &'t Tree<'a>,
    node: NodeId,
}

impl<'a> NodePath<'_, 'a> {
    /// The names along the path, from below the root; at most [`MAX_DEPTH`] of them.
    pub fn names(&self) -> impl Iterator<Item = &'a str> {
        self.nodes().map(|node| self.tree.name(node))
    }

    /// The nodes along the path, from below the root.
    fn nodes(&self) -> impl Iterator<Item = NodeId> {
        let mut nodes = [0; MAX_DEPTH + 1];
        let mut first = nodes.len();
        let mut node = self.node;
        while let (Some(parent), Some(slot)) = (self.tree.parent(node), first.checked_sub(1)) {
            if let Some(place) = nodes.get_mut(slot) {
                *place = node.0;
            }
            first = slot;
            node = parent;
        }
        nodes.into_iter().skip(first).map(NodeId)
    }

    /// The path's length in bytes.
    pub fn len(&self) -> usize {
        self.nodes().map(|node| self.tree.name_bytes(node).len() + 1).sum::<usize>().max(1)
    }

    /// A path is never empty.
    pub fn is_empty(&self) -> bool {
        false
    }

    fn text(&self) -> Text {
        let mut text = Text::default();
        for name in self.names() {
            text.append(b"/");
            text.append(name.as_bytes());
        }
        if self.node == NodeId::ROOT {
            text.append(b"/");
        }
        text
    }
}

impl fmt::Display for NodePath<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.node == NodeId::ROOT {
            return f.write_str("/");
        }
        for name in self.names() {
            f.write_str("/")?;
            f.write_str(name)?;
        }
        Ok(())
    }
}

impl fmt::Debug for NodePath<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
