//! The interrupt controller.
//!
//! The distributor is driven here, by `mmio`'s plain accesses. arm-gic-driver gives the INTID types and the
//! hot part of a CPU interface: acknowledge, end, deactivate. Its distributor code is not used: it compiles to
//! stores with write-back, which a hypervisor that emulates a GIC cannot decode, and it panics on numbers that
//! a bad device tree can contain.
//!
//! INTIDs are checked against what the distributor says it has; nothing here panics on one.
mod distributor;

#[cfg(target_os = "none")]
mod controller;
#[cfg(target_os = "none")]
pub(crate) mod v2;

#[cfg(target_os = "none")]
pub(crate) use controller::{Acknowledgement, Controller, Taken};

/// How a device signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trigger {
    /// By an edge, which the controller remembers.
    Edge,
    /// By a level, for as long as it lasts.
    Level,
}
