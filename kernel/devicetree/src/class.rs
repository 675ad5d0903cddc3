//! Which windows hold memory rather than registers.

use crate::index::{Name, NodeId};
use crate::tree::Tree;

/// What a range of the physical address space holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Registers: accesses have effects. Device memory types only, never executable.
    Register,
    /// Bytes that read back as written, or that never change: any cache policy.
    MemoryLike,
    /// No node claims it. Mintable from the ranged root only, Device memory types only.
    Unclaimed,
}

impl Class {
    /// The class as `devmap` prints it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::MemoryLike => "memory-like",
            Self::Unclaimed => "unclaimed",
        }
    }
}

/// The `compatible` strings of devices whose windows hold memory.
///
/// A wrong entry here would allow speculative reads of registers, so the list names only bindings whose
/// windows are memory by definition. Whatever is not listed is [`Class::Register`], which is always safe.
pub const MEMORY_LIKE: [&str; 16] = [
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
    "arm,juno-sram-ns",
    "amlogic,meson-gxbb-scp-shmem",
    "amlogic,meson-axg-scp-shmem",
    "nvidia,tegra186-sysram",
    "nvidia,tegra194-sysram",
    // Persistent memory and pictures.
    "pmem-region",
    "simple-framebuffer",
    "ramoops",
];

impl Tree<'_> {
    /// The class of a node's windows: its own `compatible` decides; a node without one (a partition of an
    /// on-chip RAM) is what the nearest ancestor with one is.
    pub fn class(&self, node: NodeId) -> Class {
        let mut node = node;
        loop {
            if self.known(node, Name::Compatible).is_some() {
                let listed = self.is_compatible(node, &MEMORY_LIKE);
                return if listed { Class::MemoryLike } else { Class::Register };
            }
            match self.parent(node) {
                Some(parent) => node = parent,
                None => return Class::Register,
            }
        }
    }
}
