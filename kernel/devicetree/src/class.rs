//! Which windows hold memory rather than registers.

use crate::index::NodeId;
use crate::tree::Tree;
use abi::device_table::Class;

/// The `compatible` strings of devices whose windows hold memory.
///
/// A wrong entry here would allow speculative reads of registers, so the list names only bindings whose
/// windows are memory by definition. Whatever is not listed is [`Class::Register`], which is always safe.
pub const MEMORY_LIKE: [&str; 14] = [
    // Parallel NOR flash and ROM, read like memory.
    "cfi-flash",
    "jedec-flash",
    "mtd-ram",
    "mtd-rom",
    // On-chip RAM, and the parts of it that firmware and kernels share.
    "mmio-sram",
    "arm,scmi-shmem",
    "arm,scp-shmem",
    "arm,juno-scp-shmem",
    "amlogic,meson-gxbb-scp-shmem",
    "amlogic,meson-axg-scp-shmem",
    "nvidia,tegra186-sysram",
    "nvidia,tegra194-sysram",
    // Persistent memory and pictures.
    "pmem-region",
    "simple-framebuffer",
];

impl Tree<'_> {
    /// The class of a node's windows: its own `compatible` decides; a node without one (a partition of an
    /// on-chip RAM) is what its parent is.
    pub fn class(&self, node: NodeId) -> Class {
        self.node(node).map_or(Class::Register, |node| node.class)
    }
}
