//! The interrupt controller, of either architecture version.
//!
//! Distributors and redistributors are driven here, by `mmio`'s plain accesses. arm-gic-driver gives the INTID
//! types, the system registers, and the hot part of a CPU interface: acknowledge, end. Its distributor code is
//! not used: it compiles to stores with write-back, which a hypervisor that emulates a GIC cannot decode, and
//! it panics on numbers that a bad device tree can contain. Nor is its `send_sgi`: it has no barrier before
//! the SGI, and panics on a CPU whose Aff0 is above 15.
//!
//! INTIDs are checked against what the distributor says it has; nothing here panics on one.
mod v2;
mod v3;

#[cfg(target_os = "none")]
mod controller;

#[cfg(target_os = "none")]
pub(crate) use controller::{Acknowledgement, Controller, Taken};
#[cfg(target_os = "none")]
pub(crate) use v2::Gic as GicV2;
#[cfg(target_os = "none")]
pub(crate) use v3::{
    DistributorError, FindError, Gic as GicV3, REDISTRIBUTOR_SIZE, find_redistributors, is_version_3,
};

/// How a device signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trigger {
    /// By an edge, which the controller remembers.
    Edge,
    /// By a level, for as long as it lasts.
    Level,
}

/// The software-generated interrupt by which one CPU asks another to look at its work.
pub(crate) const KICK: u32 = 0;

/// INTIDs below this are software-generated: always edges.
const FIRST_PPI: u32 = 16;
/// INTIDs below this belong to one CPU each.
const FIRST_SPI: u32 = 32;
/// INTIDs from 1020 on have special meanings.
const SPECIAL: u32 = 1020;
/// The priority of every interrupt: in the middle, so that it is below the mask whatever bits exist.
const PRIORITY: u32 = 0xa0;
/// The priority of the one interrupt that comes through while all others are kept away ([`ONLY_URGENT`]).
const URGENT: u32 = 0x20;
/// The priority mask that lets everything through.
#[cfg(target_os = "none")]
const EVERYTHING: u32 = 0xff;
/// The one that lets through what is urgent. It is right in both views of priorities: the GICv3's registers of a CPU
/// show them as they are where EL3 leaves FIQs to us, while a non-secure distributor halves them and adds 0x80.
const ONLY_URGENT: u32 = PRIORITY;
const _: () =
    assert!(URGENT < ONLY_URGENT && URGENT / 2 + 0x80 < ONLY_URGENT && PRIORITY / 2 + 0x80 >= ONLY_URGENT);
/// The same value in each of a register's four bytes.
const EACH_BYTE: u32 = 0x0101_0101;

/// An IPRIORITYR register with one INTID made urgent.
fn made_urgent(register: u32, intid: u32) -> u32 {
    let shift = 8 * (intid % 4);
    register & !(0xff << shift) | URGENT << shift
}

/// An ICFGR register with the two bits of an INTID set for its trigger; the upper one means edges.
fn configured(register: u32, intid: u32, trigger: Trigger) -> u32 {
    let shift = 2 * (intid % 16);
    let kind = if trigger == Trigger::Edge { 0b10 } else { 0 };
    register & !(0b11 << shift) | kind << shift
}

/// Why a CPU cannot take interrupts.
#[cfg_attr(
    not(target_os = "none"),
    allow(dead_code, unreachable_pub, reason = "tests have no CPU interface")
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CpuError {
    /// The heap has no room for what is known of the controller.
    OutOfMemory,
    /// No interrupt controller has been taken over.
    NoController,
    /// There are more CPUs than the controller's architecture allows.
    TooManyCpus,
    /// None of the tree's redistributors belongs to the CPU with this affinity.
    NoRedistributor(u64),
    /// The redistributor of the CPU with this affinity stays asleep.
    Asleep(u64),
    /// A register write of the CPU with this affinity never takes effect.
    Stuck(u64),
    /// The CPU has no system registers for a GIC, or a higher exception level keeps them.
    NoSystemRegisters,
    /// The controller has no interrupt with the virtual timer's number.
    NoSuchInterrupt(u32),
}

impl core::fmt::Display for CpuError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::OutOfMemory => {
                write!(f, "there is no memory for the interrupt controller's state; give the machine more")
            }
            Self::NoController => write!(f, "no interrupt controller has been taken over"),
            Self::TooManyCpus => write!(f, "more CPUs than a GICv2 can have"),
            Self::NoRedistributor(cpu) => {
                write!(f, "the GIC has no redistributor for CPU {cpu:#x} in the tree's regions")
            }
            Self::Asleep(cpu) => write!(f, "the redistributor of CPU {cpu:#x} does not wake (GICR_WAKER)"),
            Self::Stuck(cpu) => {
                write!(f, "the GIC does not finish a register write of CPU {cpu:#x} (GICR_CTLR.RWP)")
            }
            Self::NoSystemRegisters => {
                write!(f, "the tree has a GICv3, but the CPU does not offer its registers (ICC_SRE_EL1)")
            }
            Self::NoSuchInterrupt(intid) => {
                write!(f, "the virtual timer's INTID {intid} is none that the interrupt controller has")
            }
        }
    }
}
