//! A GICv3's CPU interface (Arm IHI 0069, ICC_*), and the whole of one.
//!
//! arm-gic-driver's accessors have no `nomem` option, so the compiler keeps memory accesses on their side of
//! them; the barriers here do the same for the CPU.
use alloc::vec::Vec;

use arm_gic_driver::sys_reg::{
    ICC_AP1R0_EL1, ICC_AP1R1_EL1, ICC_AP1R2_EL1, ICC_AP1R3_EL1, ICC_BPR1_EL1, ICC_CTLR_EL1, ICC_IGRPEN1_EL1,
    ICC_PMR_EL1, ICC_SGI1R_EL1, ICC_SRE_EL1,
};
use arm_gic_driver::v3::{ack1, eoi1};
use arm_gic_driver::{IntId, checked_intid};
use mmio::Window;
use mmio::tock_registers::interfaces::{Readable, Writeable};

use super::affinity;
use super::distributor::{Distributor, DistributorError};
use super::redistributor::Redistributor;
use crate::gic::{Acknowledgement, CpuError, EVERYTHING, FIRST_SPI, KICK, SPECIAL, Taken, Trigger};
use crate::lock::Leaf;
use crate::{barrier, cpu};

/// The first INTID behind the special ones: extended and message interrupts, which are not used.
const FIRST_UNUSED: u32 = 1024;

/// A GICv3 or GICv4.
pub(crate) struct Gic {
    distributor: Leaf<Distributor<'static>>,
    /// Each is its CPU's alone.
    redistributors: Vec<Redistributor<'static>>,
}

impl Gic {
    /// Takes over a GICv3 with these redistributors. No CPU takes interrupts from it yet.
    ///
    /// # Errors
    /// If the window is too small, or the distributor does not answer.
    pub(crate) fn new(
        distributor: Window<'static>,
        redistributors: Vec<Redistributor<'static>>,
    ) -> Result<Self, DistributorError> {
        let distributor = Leaf::new(Distributor::new(distributor, cpu::affinity())?);
        Ok(Self { distributor, redistributors })
    }

    pub(crate) fn start_cpu(&self, cpu: u64) -> Result<(), CpuError> {
        self.redistributor(cpu).ok_or(CpuError::NoRedistributor(cpu))?.start()?;
        start_interface()
    }

    #[inline]
    pub(crate) fn take(&self) -> Option<Taken> {
        let raw = ack1();
        // The acknowledgement has reached the redistributor, and what an SGI's sender wrote before it is seen
        // by what comes after.
        barrier::complete_system();
        if let Ok(intid) = checked_intid(raw.to_u32(), SPECIAL) {
            return Some(Taken { intid, acknowledgement: Acknowledgement::V3(intid) });
        }
        if raw.to_u32() >= FIRST_UNUSED {
            // Nobody enabled it; still it must be ended, or nothing of its priority comes any more.
            self.end(raw);
        }
        None
    }

    #[inline]
    pub(crate) fn end(&self, intid: IntId) {
        // What was done about the interrupt must have reached the device before the controller looks again.
        barrier::complete_system();
        eoi1(intid);
        barrier::instruction();
    }

    pub(crate) fn enable(&self, intid: u32, trigger: Trigger) -> bool {
        if intid >= FIRST_SPI {
            return self.distributor.lock().enable(intid, trigger);
        }
        self.redistributor(cpu::affinity()).is_some_and(|own| own.enable(intid, trigger))
    }

    pub(crate) fn make_urgent(&self, intid: u32) {
        if let Some(own) = self.redistributor(cpu::affinity()) {
            own.make_urgent(intid);
        }
    }

    pub(crate) fn set_mask(&self, mask: u32) {
        ICC_PMR_EL1.set(mask.into());
        // What is kept away from now on does not come any more; with a DSB as well if the redistributor is told (PMHE).
        barrier::complete_system();
        barrier::instruction();
    }

    pub(crate) fn disable(&self, intid: u32) {
        if intid >= FIRST_SPI {
            self.distributor.lock().disable(intid);
        } else if let Some(own) = self.redistributor(cpu::affinity()) {
            own.disable(intid);
        }
    }

    pub(crate) fn kick(&self, cpu: u64) {
        // What this CPU wrote is there when the other looks: the SGI is no memory access, so only a DSB orders
        // it after them.
        barrier::complete_stores();
        ICC_SGI1R_EL1.set(affinity::sgi(cpu, KICK));
        barrier::instruction();
    }

    fn redistributor(&self, cpu: u64) -> Option<&Redistributor<'static>> {
        self.redistributors.iter().find(|redistributor| redistributor.cpu() == cpu)
    }
}

/// Turns the running CPU's interface on. Each register is written whole; group 0's are left alone, because a
/// higher exception level may trap them.
fn start_interface() -> Result<(), CpuError> {
    // Without the registers, touching one is an undefined instruction.
    if !cpu::has_gic_registers() {
        return Err(CpuError::NoSystemRegisters);
    }
    // The other registers exist only once this has taken effect.
    ICC_SRE_EL1.write(ICC_SRE_EL1::SRE::SET + ICC_SRE_EL1::DFB::SET + ICC_SRE_EL1::DIB::SET);
    barrier::instruction();
    if !ICC_SRE_EL1.is_set(ICC_SRE_EL1::SRE) {
        return Err(CpuError::NoSystemRegisters);
    }
    // Ending an interrupt deactivates it too (EOImode 0).
    ICC_CTLR_EL1.set(0);
    ICC_PMR_EL1.set(EVERYTHING.into());
    ICC_BPR1_EL1.set(0);
    // Priorities that a loader left active would keep ours away. There is a register for 32 preemption levels.
    match ICC_CTLR_EL1.read(ICC_CTLR_EL1::PRIBITS) + 1 {
        0..=5 => {}
        6 => ICC_AP1R1_EL1.set(0),
        _ => {
            ICC_AP1R1_EL1.set(0);
            ICC_AP1R2_EL1.set(0);
            ICC_AP1R3_EL1.set(0);
        }
    }
    ICC_AP1R0_EL1.set(0);
    ICC_IGRPEN1_EL1.write(ICC_IGRPEN1_EL1::ENABLE::SET);
    barrier::instruction();
    Ok(())
}
