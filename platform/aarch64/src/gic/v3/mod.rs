//! GICv3 and GICv4 (Arm IHI 0069): a distributor for shared interrupts, a redistributor for each CPU's private
//! ones, and system registers to take them by.
//!
//! Affinity routing is on and everything is in group 1. That is what a non-secure system sees of a GIC with
//! two security states, and one of the two ways to use a GIC with one; so one way serves both.
mod affinity;
mod distributor;
mod redistributor;
mod regions;

#[cfg(target_os = "none")]
mod interface;

#[cfg(target_os = "none")]
pub(crate) use distributor::{DistributorError, is_version_3};
#[cfg(target_os = "none")]
pub(crate) use interface::Gic;
pub(crate) use redistributor::REDISTRIBUTOR_SIZE;
#[cfg(target_os = "none")]
pub(crate) use regions::{FindError, find as find_redistributors};

/// Reads of a busy bit before the hardware is taken to be broken. It takes a few; a hypervisor that traps each
/// read needs about a microsecond for one.
const PATIENCE: u32 = 1_000_000;

/// Waits until a register is no longer busy; `false` if that never happens.
fn wait_while(mut busy: impl FnMut() -> bool) -> bool {
    (0..PATIENCE).any(|_| !busy())
}
