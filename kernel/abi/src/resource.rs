//! Resource kinds and flags, `zircon/syscalls/resource.h`.

/// What a resource grants (`zx_rsrc_kind_t`): the low 16 bits of the options.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Kind {
    /// Physical address ranges.
    Mmio = 0,
    /// Interrupt vectors.
    Irq = 1,
    /// x86 port ranges; no such resource exists here.
    Ioport = 2,
    /// Secure monitor call numbers.
    Smc = 4,
    /// Kernel services, one unit wide each.
    System = 5,
}

impl Kind {
    /// The kind with this number. 3 was Zircon's ROOT and is never valid.
    pub const fn from_raw(value: u32) -> Option<Self> {
        match value {
            0 => Some(Self::Mmio),
            1 => Some(Self::Irq),
            2 => Some(Self::Ioport),
            4 => Some(Self::Smc),
            5 => Some(Self::System),
            _ => None,
        }
    }

    /// How many numbers there are to have resources of; `None` for addresses, of which the machine says how many. An
    /// INTID has 24 bits at most (GICv3 and GICv4 specification, 2.2), a function identifier of SMC has 32.
    pub const fn numbers(self) -> Option<u64> {
        match self {
            Self::Mmio => None,
            Self::Irq => Some(1 << 24),
            Self::Ioport => Some(0),
            Self::Smc => Some(1 << 32),
            Self::System => Some(system::COUNT),
        }
    }
}

/// The kind's bits in the options of `zx_resource_create`.
pub const KIND_MASK: u32 = 0xFFFF;
/// The flag's bits in the options of `zx_resource_create`.
pub const FLAG_MASK: u32 = 0xFFFF_0000;
/// Nobody else may hold any part of the range.
pub const FLAG_EXCLUSIVE: u32 = 0x1_0000;

/// The units of [`Kind::System`] (`ZX_RSRC_SYSTEM_*_BASE`).
pub mod system {
    /// Virtual machines.
    pub const HYPERVISOR: u64 = 0;
    /// Mark VMOs executable.
    pub const VMEX: u64 = 1;
    /// Debugging facilities, the attribute probe among them.
    pub const DEBUG: u64 = 2;
    /// Statistics of the whole system.
    pub const INFO: u64 = 3;
    /// The CPUs.
    pub const CPU: u64 = 4;
    /// Power control.
    pub const POWER: u64 = 5;
    /// Start another kernel.
    pub const MEXEC: u64 = 6;
    /// What energy is used.
    pub const ENERGY_INFO: u64 = 7;
    /// IOMMU objects.
    pub const IOMMU: u64 = 8;
    /// How threads are scheduled.
    pub const PROFILE: u64 = 10;
    /// Message signalled interrupts.
    pub const MSI: u64 = 11;
    /// The kernel's log.
    pub const DEBUGLOG: u64 = 12;
    /// Stalls for memory.
    pub const STALL: u64 = 13;
    /// Traces.
    pub const TRACING: u64 = 14;
    /// Samples of what runs.
    pub const SAMPLING: u64 = 15;
    /// How many units there are.
    pub const COUNT: u64 = 16;
}
