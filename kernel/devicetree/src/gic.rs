//! The interrupt controller, and specifiers in its terms.

use crate::index::{Name, NodeId};
use crate::interrupt::{GicInterrupt, trigger_from_flags};
use crate::lookup::be_number;
use crate::tree::Tree;
use crate::window::Window;
use abi::device_table::InterruptKind;

/// Architecture version of a GIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GicVersion {
    /// GICv2 and its kin: distributor and memory-mapped CPU interface.
    V2,
    /// GICv3 and GICv4: distributor, redistributors, system registers.
    V3,
}

/// The `compatible` strings of GICs and of their parts. Their windows stay with the kernel.
///
/// A translation service (ITS) and the message frames of GICv2m are parts: whoever writes their registers
/// decides where the GIC itself reads and writes memory, or which interrupts arrive.
pub const GIC_COMPATIBLES: [(&str, Option<GicVersion>); 15] = [
    ("arm,gic-v3", Some(GicVersion::V3)),
    ("arm,gic-400", Some(GicVersion::V2)),
    ("arm,cortex-a15-gic", Some(GicVersion::V2)),
    ("arm,cortex-a9-gic", Some(GicVersion::V2)),
    ("arm,cortex-a7-gic", Some(GicVersion::V2)),
    ("arm,cortex-a5-gic", Some(GicVersion::V2)),
    ("arm,eb11mp-gic", Some(GicVersion::V2)),
    ("arm,pl390", Some(GicVersion::V2)),
    ("arm,tc11mp-gic", Some(GicVersion::V2)),
    ("brcm,brahma-b15-gic", Some(GicVersion::V2)),
    ("qcom,msm-8660-qgic", Some(GicVersion::V2)),
    ("qcom,msm-qgic2", Some(GicVersion::V2)),
    ("qcom,msm8996-gic-v3", Some(GicVersion::V3)),
    ("arm,gic-v3-its", None),
    ("arm,gic-v2m-frame", None),
];

/// SPIs start here; specifiers count from 0 (GIC architecture, INTID ranges).
const SPI_BASE: u32 = 32;
const SPI_LIMIT: u32 = 1020;
const PPI_BASE: u32 = 16;
const PPI_COUNT: u32 = 16;
const EXTENDED_PPI_BASE: u32 = 1056;
const EXTENDED_PPI_COUNT: u32 = 64;
const EXTENDED_SPI_BASE: u32 = 4096;
const EXTENDED_SPI_COUNT: u32 = 1024;

/// The interrupt controller that the CPUs take their interrupts from.
#[derive(Clone, Copy, Debug)]
pub struct InterruptController<'a> {
    /// Its node.
    pub node: NodeId,
    /// Its version.
    pub version: GicVersion,
    /// GICD, or the distributor of a GICv2.
    pub distributor: Window<'a>,
    /// The CPU interface (GICC): always there on a GICv2, for compatibility on some GICv3.
    pub cpu_interface: Option<Window<'a>>,
    /// How many redistributor regions follow the distributor in `reg` (GICv3).
    pub redistributor_regions: u32,
    /// Bytes from one redistributor to the next; 0 if not stated (then it follows from GICR_TYPER).
    pub redistributor_stride: u64,
}

impl<'a> InterruptController<'a> {
    /// The redistributor regions (GICv3), in order.
    pub fn redistributors<'t>(&self, tree: &'t Tree<'a>) -> impl Iterator<Item = Window<'a>> + use<'t, 'a> {
        let last = self.redistributor_regions;
        tree.node_windows(self.node).filter(move |window| (1..=last).contains(&window.index))
    }
}

impl<'a> Tree<'a> {
    /// The version, if the node is a GIC that can be a root controller.
    pub fn gic_version(&self, node: NodeId) -> Option<GicVersion> {
        self.node(node)?.gic
    }

    /// Whether the node is a GIC or a part of one: its windows belong to the kernel.
    pub fn is_gic_part(&self, node: NodeId) -> bool {
        self.node(node).is_some_and(|node| node.gic_part)
    }

    /// The GIC: the root node's interrupt parent if that is an available one, else the first available.
    pub fn interrupt_controller(&self) -> Option<InterruptController<'a>> {
        let usable = |node: &NodeId| self.is_available(*node) && self.gic_version(*node).is_some();
        let root =
            self.children(NodeId::ROOT).find_map(|node| self.interrupt_parent(node).ok()).filter(usable);
        let node = root.or_else(|| self.nodes().find(usable))?;
        let version = self.gic_version(node)?;
        let window = |index: u32| self.node_windows(node).find(|window| window.index == index);
        let stride = self.known(node, Name::RedistributorStride);
        let regions = self.known(node, Name::RedistributorRegions);
        let regions = regions.and_then(be_number).and_then(|count| u32::try_from(count).ok()).unwrap_or(1);
        let redistributor_regions = if version == GicVersion::V3 { regions } else { 0 };
        Some(InterruptController {
            node,
            version,
            distributor: window(0)?,
            cpu_interface: window(redistributor_regions.saturating_add(1)),
            redistributor_regions,
            redistributor_stride: stride.and_then(be_number).unwrap_or(0),
        })
    }

    /// For a board without a usable [`Tree::interrupt_controller`], the one that it has instead: what devices at the
    /// root interrupt, else the first interrupt controller in document order.
    pub fn foreign_controller(&self) -> Option<NodeId> {
        let root = self.children(NodeId::ROOT).find_map(|node| self.interrupt_parent(node).ok());
        let is_controller = |node: &NodeId| self.known(*node, Name::InterruptController).is_some();
        root.or_else(|| self.nodes().find(is_controller))
    }

    /// Reads a specifier of three or four cells: kind, number, flags (and a CPU partition).
    pub(crate) fn decode_gic(&self, controller: NodeId, cells: &[u32]) -> Option<GicInterrupt> {
        self.gic_version(controller)?;
        let [kind, number, flags, ..] = *cells else { return None };
        let (kind, base, limit) = match kind {
            0 => (InterruptKind::Spi, SPI_BASE, SPI_LIMIT - SPI_BASE),
            1 => (InterruptKind::Ppi, PPI_BASE, PPI_COUNT),
            2 => (InterruptKind::ExtendedSpi, EXTENDED_SPI_BASE, EXTENDED_SPI_COUNT),
            3 => (InterruptKind::ExtendedPpi, EXTENDED_PPI_BASE, EXTENDED_PPI_COUNT),
            _ => return None,
        };
        let intid = if number < limit { base + number } else { return None };
        Some(GicInterrupt { kind, intid, trigger: trigger_from_flags(flags) })
    }
}
