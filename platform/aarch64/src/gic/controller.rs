//! The controller, whatever its version.
use arm_gic_driver::IntId;

use super::{CpuError, EVERYTHING, ONLY_URGENT, Trigger, v2, v3};

/// An interrupt that has been acknowledged and must be ended, by the same CPU.
#[must_use = "an interrupt that is never ended keeps all others of its priority away"]
pub(crate) struct Taken {
    /// Which one.
    pub(crate) intid: IntId,
    /// What the controller wants back.
    pub(super) acknowledgement: Acknowledgement,
}

/// What a controller gave for an interrupt, and wants back when it is over.
pub(crate) enum Acknowledgement {
    /// GICC_IAR.
    V2(arm_gic_driver::v2::Ack),
    /// ICC_IAR1_EL1.
    V3(IntId),
}

/// A controller, of either architecture version. All CPUs share it: what is private to one is chosen by who
/// asks, and what is common is behind a lock that no interrupt's arrival needs.
pub(crate) enum Controller {
    /// GICv2, memory-mapped throughout.
    V2(v2::Gic),
    /// GICv3 and GICv4: redistributors and system registers.
    V3(v3::Gic),
}

impl Controller {
    /// Lets the running CPU, whose affinity is `cpu`, take interrupts: its private ones are all disabled but
    /// the kick.
    pub(crate) fn start_cpu(&self, cpu: u64) -> Result<(), CpuError> {
        match self {
            Self::V2(gic) => gic.start_cpu(cpu),
            Self::V3(gic) => gic.start_cpu(cpu),
        }
    }

    /// Acknowledges the most urgent interrupt that is pending for the running CPU.
    #[inline]
    pub(crate) fn take(&self) -> Option<Taken> {
        match self {
            Self::V2(gic) => gic.take(),
            Self::V3(gic) => gic.take(),
        }
    }

    /// Says that an interrupt is dealt with.
    #[inline]
    pub(crate) fn end(&self, taken: Taken) {
        match (self, taken.acknowledgement) {
            (Self::V2(gic), Acknowledgement::V2(acknowledgement)) => gic.end(acknowledgement),
            (Self::V3(gic), Acknowledgement::V3(intid)) => gic.end(intid),
            // There is one controller, so one version.
            _ => {}
        }
    }

    /// Lets an interrupt through: a private one to the running CPU, a shared one to the boot CPU. `false` if
    /// there is no such interrupt.
    pub(crate) fn enable(&self, intid: u32, trigger: Trigger) -> bool {
        match self {
            Self::V2(gic) => gic.enable(intid, trigger),
            Self::V3(gic) => gic.enable(intid, trigger),
        }
    }

    /// Lets a private interrupt of the running CPU come through when [`Controller::let_through`] keeps others away.
    pub(crate) fn make_urgent(&self, intid: u32) {
        match self {
            Self::V2(gic) => gic.make_urgent(intid),
            Self::V3(gic) => gic.make_urgent(intid),
        }
    }

    /// Keeps everything that is not urgent away from the running CPU, or no longer.
    pub(crate) fn let_through(&self, only_urgent: bool) {
        let mask = if only_urgent { ONLY_URGENT } else { EVERYTHING };
        match self {
            Self::V2(gic) => gic.set_mask(mask),
            Self::V3(gic) => gic.set_mask(mask),
        }
    }

    /// Keeps an interrupt away: a private one from the running CPU.
    pub(crate) fn disable(&self, intid: u32) {
        match self {
            Self::V2(gic) => gic.disable(intid),
            Self::V3(gic) => gic.disable(intid),
        }
    }

    /// Sends [`super::KICK`] if no lock is in the way.
    pub(crate) fn try_kick(&self, cpu: u64) {
        match self {
            Self::V2(gic) => gic.try_kick(cpu),
            Self::V3(gic) => gic.kick(cpu),
        }
    }

    /// Sends [`super::KICK`] to the CPU with an affinity, if that one has started.
    pub(crate) fn kick(&self, cpu: u64) {
        match self {
            Self::V2(gic) => gic.kick(cpu),
            Self::V3(gic) => gic.kick(cpu),
        }
    }
}
