//! Every `reg` entry of the tree, and what it is.

use crate::cursor::{cells, take_string};
use crate::index::{Name, NodeId};
use crate::translate::{Budget, BusAddress, Mapping, Skip, Translated, cell_counts, range, translate};
use crate::tree::Tree;
use abi::PhysRange;

/// What a `reg` entry turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A window of the CPU's address space.
    Window {
        /// Where.
        range: PhysRange,
        /// It is longer than the `ranges` entry that holds its base: never to be granted.
        straddles: bool,
    },
    /// Memory, or what a memory node says of it.
    Memory(PhysRange),
    /// A child of `/reserved-memory`.
    Reserved(PhysRange),
    /// Not something the CPU can address.
    Skipped(Skip),
}

/// One `reg` entry.
#[derive(Clone, Copy, Debug)]
pub struct RegEntry<'a> {
    /// The node.
    pub node: NodeId,
    /// The entry's place in `reg`.
    pub index: u32,
    /// Its name from `reg-names`.
    pub name: Option<&'a str>,
    /// What it is.
    pub place: Place,
}

/// A `reg` entry that the CPU reaches at `range`.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a> {
    /// The node.
    pub node: NodeId,
    /// The entry's place in `reg`.
    pub index: u32,
    /// Its name from `reg-names`.
    pub name: Option<&'a str>,
    /// Where, byte-exact.
    pub range: PhysRange,
    /// It is longer than the `ranges` entry that holds its base: never to be granted.
    pub straddles: bool,
}

/// What kind of `reg` a node has, from its place in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A device, a bus, or a place on a bus.
    Device,
    /// A memory node.
    Memory,
    /// A child of `/reserved-memory`.
    Reserved,
}

impl<'a> Tree<'a> {
    /// Every `reg` entry, in document order.
    pub fn reg_entries(&self) -> RegEntries<'_, 'a> {
        let end = u32::try_from(self.len()).unwrap_or(u32::MAX);
        RegEntries { tree: self, node: 0, end, index: 0, names: &[], budget: self.budget() }
    }

    /// The `reg` entries of one node.
    pub fn node_reg_entries(&self, node: NodeId) -> RegEntries<'_, 'a> {
        let end = node.0.saturating_add(1);
        RegEntries { tree: self, node: node.0, end, index: 0, names: &[], budget: self.budget() }
    }

    /// Every window of the CPU's address space, in document order. Memory is not among them.
    pub fn windows(&self) -> impl Iterator<Item = Window<'a>> {
        self.reg_entries().filter_map(RegEntry::window)
    }

    /// The `reg` entries from a node to the last descendant of another.
    pub(crate) fn span_reg_entries(&self, first: NodeId, last: NodeId) -> RegEntries<'_, 'a> {
        RegEntries { end: self.node(last).map_or(0, |node| node.end), ..self.node_reg_entries(first) }
    }

    /// The windows of one node.
    pub fn node_windows(&self, node: NodeId) -> impl Iterator<Item = Window<'a>> {
        self.node_reg_entries(node).filter_map(RegEntry::window)
    }

    /// Memory nodes stand at the top and say `device_type = "memory"` (specification 3.4); trees made by
    /// some loaders leave that out, and are known by the name.
    pub fn role(&self, node: NodeId) -> Role {
        self.node(node).map_or(Role::Device, |node| node.role)
    }

    /// Notes every node's role, once, so that no later question compares names.
    pub(crate) fn judge_roles(&mut self) {
        for id in self.nodes() {
            let role = self.judge_role(id);
            if let Some(node) = self.index.nodes.get_mut(id.0 as usize) {
                node.role = role;
            }
        }
    }

    fn judge_role(&self, node: NodeId) -> Role {
        let Some(parent) = self.parent(node) else { return Role::Device };
        if parent == NodeId::ROOT {
            let typed = self.known(node, Name::DeviceType) == Some(b"memory\0");
            if typed || self.base_name(node) == b"memory" { Role::Memory } else { Role::Device }
        } else if self.parent(parent) == Some(NodeId::ROOT) && self.name_bytes(parent) == b"reserved-memory" {
            Role::Reserved
        } else {
            Role::Device
        }
    }
}

impl<'a> RegEntry<'a> {
    /// The entry as a window, if it is one.
    pub fn window(self) -> Option<Window<'a>> {
        match self.place {
            Place::Window { range, straddles } => {
                Some(Window { node: self.node, index: self.index, name: self.name, range, straddles })
            }
            _ => None,
        }
    }
}

/// The iterator of [`Tree::reg_entries`].
#[derive(Debug)]
pub struct RegEntries<'t, 'a> {
    tree: &'t Tree<'a>,
    node: u32,
    end: u32,
    index: u32,
    /// What is left of `reg-names`.
    names: &'a [u8],
    budget: Budget,
}

impl<'a> Iterator for RegEntries<'_, 'a> {
    type Item = RegEntry<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.node < self.end {
            let node = NodeId(self.node);
            if let Some(reg) = self.tree.known(node, Name::Reg)
                && let Some(place) = self.entry(node, reg)
            {
                let index = self.index;
                self.index += 1;
                if index == 0 {
                    self.names = self.tree.known(node, Name::RegNames).unwrap_or(&[]);
                }
                let name = take_string(&mut self.names);
                return Some(RegEntry { node, index, name, place });
            }
            self.node += 1;
            self.index = 0;
        }
        None
    }
}

impl RegEntries<'_, '_> {
    /// The rows of `ranges` that were looked at so far.
    pub fn spent(&self) -> u32 {
        self.budget.spent()
    }

    /// The entry at `self.index` of this `reg`; `None` past the last.
    fn entry(&mut self, node: NodeId, reg: &[u8]) -> Option<Place> {
        let bus = self.tree.parent(node).unwrap_or(NodeId::ROOT);
        let (address_cells, size_cells) = match cell_counts(self.tree, bus) {
            Ok(counts) => counts,
            // Without a size for an entry there is no counting them: the whole value is one.
            Err(skip) => return (self.index == 0 && !reg.is_empty()).then_some(Place::Skipped(skip)),
        };
        let size_at = address_cells * 4;
        let length = size_at + size_cells * 4;
        let rest = reg.get(crate::header::to_usize(self.index).checked_mul(length)?..)?;
        if rest.is_empty() {
            return None;
        }
        let Some(entry) = rest.get(..length) else { return Some(Place::Skipped(Skip::PartialEntry)) };
        let address = BusAddress::read(entry, 0, address_cells);
        let size = cells(entry, size_at, size_cells);
        let (Some(address), Some(size)) = (address, size) else { return Some(Place::Skipped(Skip::TooWide)) };
        Some(self.place(node, bus, address, size).unwrap_or_else(Place::Skipped))
    }

    fn place(&mut self, node: NodeId, bus: NodeId, address: BusAddress, size: u64) -> Result<Place, Skip> {
        let role = self.tree.role(node);
        let translated = match self.tree.known(bus, Name::Ranges) {
            // The binding demands `ranges` there. Reserving too much where it is forgotten is the safe side.
            None if role == Role::Reserved => Translated { base: address.value, straddles: false },
            _ => translate(self.tree, bus, address, size, Mapping::Ranges, &mut self.budget)?,
        };
        let range = range(translated.base, size)?;
        Ok(match role {
            Role::Device => Place::Window { range, straddles: translated.straddles },
            Role::Memory => Place::Memory(range),
            Role::Reserved => Place::Reserved(range),
        })
    }
}
