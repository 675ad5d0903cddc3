//! GICv2 (Arm IHI 0048): a distributor and, for each CPU, a memory-mapped interface.
use arm_gic_driver::v2::{Ack, TrapOp};
use arm_gic_driver::{VirtAddr, checked_intid};
use mmio::tock_registers::interfaces::Writeable;
use mmio::{TooSmall, Window};

use super::distributor::{Distributor, SPECIAL};
use super::{Acknowledgement, Taken, Trigger};
use crate::barrier;

mmio::registers! {
    /// GICC, as far as it is set up here; arm-gic-driver does the rest.
    CpuInterface: 0x100 {
        /// GICC_CTLR.
        0x000 => control: ReadWrite<u32>;
        /// GICC_PMR.
        0x004 => priority_mask: ReadWrite<u32>;
        /// GICC_BPR.
        0x008 => binary_point: ReadWrite<u32>;
    }
}

/// GICC_CTLR: the one group that we see is on, as in the distributor.
const ENABLE: u32 = 1;

/// A GICv2 and the boot CPU's interface to it.
pub(crate) struct Gic {
    distributor: Distributor<'static>,
    interface: TrapOp,
}

impl Gic {
    /// Takes over a GICv2.
    ///
    /// # Safety
    /// 1. `distributor` and `interface` are a GICv2's GICD and GICC, each with its virtual address, and nobody
    ///    else drives them.
    ///
    /// # Errors
    /// If a window is too small.
    pub(crate) unsafe fn new(
        (distributor, distributor_at): (Window<'static>, usize),
        (interface, interface_at): (Window<'static>, usize),
    ) -> Result<Self, TooSmall> {
        let distributor = Distributor::new(distributor)?;
        let registers = CpuInterface::new(interface)?;
        registers.priority_mask().set(0xff);
        registers.binary_point().set(0);
        registers.control().set(ENABLE);
        // SAFETY: by 1 these are the addresses of mapped GIC registers. Of this driver only the operations of
        // the CPU interface's first page are used, and only one at a time.
        let driver = unsafe {
            arm_gic_driver::v2::Gic::new(VirtAddr::new(distributor_at), VirtAddr::new(interface_at), None)
        };
        Ok(Self { distributor, interface: driver.cpu_interface().trap_operations() })
    }

    #[inline]
    pub(crate) fn take(&mut self) -> Option<Taken> {
        let acknowledgement = self.interface.ack();
        let intid = match acknowledgement {
            Ack::SGI { intid, .. } => intid,
            Ack::Other(intid) => checked_intid(intid.to_u32(), SPECIAL).ok()?,
        };
        Some(Taken { intid, acknowledgement: Acknowledgement::V2(acknowledgement) })
    }

    #[inline]
    pub(crate) fn end(&mut self, acknowledgement: Ack) {
        // What was done about the interrupt must have reached the device before the controller looks again.
        barrier::complete_system();
        self.interface.eoi(acknowledgement);
    }

    pub(crate) fn enable(&mut self, intid: u32, trigger: Trigger) -> bool {
        self.distributor.enable(intid, trigger)
    }

    pub(crate) fn disable(&mut self, intid: u32) {
        self.distributor.disable(intid);
    }
}
