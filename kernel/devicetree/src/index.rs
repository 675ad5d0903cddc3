//! What the one pass remembers of each node.

use crate::gic::GicVersion;
use crate::header::to_usize;
use crate::window::Role;
use abi::device_table::Class;
use alloc::vec::Vec;

/// Nodes may stand this many levels below the root. Real trees reach 11; `fdt` reads to 62.
pub const MAX_DEPTH: usize = 16;

/// A node of a [`crate::Tree`]: its place in document order, the root being 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) u32);

impl NodeId {
    /// The root node.
    pub const ROOT: Self = Self(0);

    /// The node's place in document order.
    pub const fn index(self) -> u32 {
        self.0
    }

    /// The node at this place in document order. Of a tree with fewer nodes, every question about it
    /// is answered as for a node without properties.
    pub const fn from_index(index: u32) -> Self {
        Self(index)
    }
}

/// A node's own `status` (Devicetree Specification 2.3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum NodeStatus {
    /// `okay`, the old spelling `ok`, or no `status` at all.
    #[default]
    Okay,
    /// `disabled`: not there now.
    Disabled,
    /// `reserved`: there, and somebody else's.
    Reserved,
    /// `fail` and `fail-...`.
    Fail,
    /// Anything else. It counts as not okay.
    Other,
}

impl NodeStatus {
    pub(crate) fn read(value: &[u8]) -> Self {
        let text = value.strip_suffix(&[0]).unwrap_or(value);
        match text {
            b"okay" | b"ok" => Self::Okay,
            b"disabled" => Self::Disabled,
            b"reserved" => Self::Reserved,
            _ if text.starts_with(b"fail") => Self::Fail,
            _ => Self::Other,
        }
    }
}

/// Marks a cell count that the node does not state.
pub(crate) const ABSENT: u8 = u8::MAX;

/// A node. Offsets are bytes in the clean copy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub(crate) name: u32,
    pub(crate) parent: u32,
    /// One past the last descendant, in document order.
    pub(crate) end: u32,
    pub(crate) first_known: u32,
    pub(crate) name_length: u32,
    pub(crate) known: u32,
    pub(crate) address_cells: u8,
    pub(crate) size_cells: u8,
    pub(crate) interrupt_cells: u8,
    pub(crate) status: NodeStatus,
    /// The node and all its ancestors are okay.
    pub(crate) available: bool,
    /// `device_type` says that this is a PCI bus.
    pub(crate) pci: bool,
    /// Of its windows; inherited where the node has no `compatible`.
    pub(crate) class: Class,
    /// What its `reg` is about.
    pub(crate) role: Role,
    /// It is a GIC that can be a root controller.
    pub(crate) gic: Option<GicVersion>,
    /// It or an ancestor is a GIC or a part of one.
    pub(crate) gic_part: bool,
}

impl Node {
    /// `#address-cells` for `reg` and `ranges` of children: 2 if not stated (specification 2.3.5).
    pub(crate) fn address_cells(&self) -> usize {
        usize::from(if self.address_cells == ABSENT { 2 } else { self.address_cells })
    }

    /// `#size-cells` of children: 1 if not stated (specification 2.3.5).
    pub(crate) fn size_cells(&self) -> usize {
        usize::from(if self.size_cells == ABSENT { 1 } else { self.size_cells })
    }

    /// `#address-cells` as an interrupt parent: 0 if not stated (specification 2.4.3.1).
    pub(crate) fn interrupt_address_cells(&self) -> usize {
        usize::from(if self.address_cells == ABSENT { 0 } else { self.address_cells })
    }

    /// `#interrupt-cells`, if stated.
    pub(crate) fn interrupt_cells(&self) -> Option<usize> {
        (self.interrupt_cells != ABSENT).then_some(usize::from(self.interrupt_cells))
    }
}

macro_rules! names {
    ($($variant:ident $text:literal),* $(,)?) => {
        /// The properties that hot questions are about; the others are read through `fdt`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub(crate) enum Name { $($variant),* }

        impl Name {
            pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
                match bytes {
                    $($text => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

names! {
    AddressCells b"#address-cells",
    SizeCells b"#size-cells",
    Alignment b"alignment",
    InterruptCells b"#interrupt-cells",
    Compatible b"compatible",
    DeviceType b"device_type",
    CpuReleaseAddress b"cpu-release-addr",
    DmaRanges b"dma-ranges",
    EnableMethod b"enable-method",
    InterruptController b"interrupt-controller",
    InterruptMap b"interrupt-map",
    InterruptMapMask b"interrupt-map-mask",
    InterruptNames b"interrupt-names",
    InterruptParent b"interrupt-parent",
    Interrupts b"interrupts",
    InterruptsExtended b"interrupts-extended",
    Method b"method",
    NoMap b"no-map",
    OldPhandle b"linux,phandle",
    Phandle b"phandle",
    Ranges b"ranges",
    RedistributorRegions b"#redistributor-regions",
    RedistributorStride b"redistributor-stride",
    Reg b"reg",
    RegNames b"reg-names",
    Reusable b"reusable",
    Size b"size",
    Status b"status",
}

/// Where a known property's value lies in the clean copy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub(crate) name: Name,
    pub(crate) offset: u32,
    pub(crate) length: u32,
}

/// The index: nodes in document order, their known properties, phandles in order.
#[derive(Debug, Default)]
pub(crate) struct Index {
    pub(crate) nodes: Vec<Node>,
    pub(crate) known: Vec<Known>,
    pub(crate) phandles: Vec<(u32, u32)>,
}

impl Index {
    pub(crate) fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(to_usize(id.0))
    }

    /// The known properties of a node, in document order.
    pub(crate) fn known(&self, node: &Node) -> &[Known] {
        let first = to_usize(node.first_known);
        self.known.get(first..first + to_usize(node.known)).unwrap_or(&[])
    }

    /// The node with this phandle.
    pub(crate) fn phandle(&self, phandle: u32) -> Option<NodeId> {
        let at = self.phandles.binary_search_by_key(&phandle, |entry| entry.0).ok()?;
        self.phandles.get(at).map(|entry| NodeId(entry.1))
    }
}
