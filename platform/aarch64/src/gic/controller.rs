//! The controller, whatever its version.
use arm_gic_driver::IntId;

use super::{Trigger, v2};

/// An interrupt that has been acknowledged and must be ended.
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
}

/// A controller, of either architecture version.
///
/// GICv3 is another variant, with redistributors and system registers behind the same functions.
pub(crate) enum Controller {
    /// GICv2, memory-mapped throughout.
    V2(v2::Gic),
}

impl Controller {
    /// Acknowledges the most urgent interrupt that is pending.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<Taken> {
        match self {
            Self::V2(gic) => gic.take(),
        }
    }

    /// Says that an interrupt is dealt with.
    #[inline]
    pub(crate) fn end(&mut self, taken: Taken) {
        match (self, taken.acknowledgement) {
            (Self::V2(gic), Acknowledgement::V2(acknowledgement)) => gic.end(acknowledgement),
        }
    }

    /// Lets an interrupt through to the boot CPU. `false` if there is no such interrupt.
    pub(crate) fn enable(&mut self, intid: u32, trigger: Trigger) -> bool {
        match self {
            Self::V2(gic) => gic.enable(intid, trigger),
        }
    }

    /// Keeps an interrupt away.
    pub(crate) fn disable(&mut self, intid: u32) {
        match self {
            Self::V2(gic) => gic.disable(intid),
        }
    }
}
