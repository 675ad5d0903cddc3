//! A GICv2's CPU interface (Arm IHI 0048, GICC), and the whole of one.
use arm_gic_driver::v2::{Ack, TrapOp};
use arm_gic_driver::{VirtAddr, checked_intid};
use mmio::tock_registers::interfaces::Writeable;
use mmio::{TooSmall, Window};

use super::distributor::Distributor;
use crate::barrier;
use crate::gic::{Acknowledgement, CpuError, EVERYTHING, SPECIAL, Taken, Trigger};
use crate::lock::Leaf;

mmio::registers! {
    /// GICC, as far as it is set up here; arm-gic-driver does the rest. Each CPU has its own at one address.
    CpuInterface: 0x100 {
        /// GICC_CTLR.
        0x000 => control: ReadWrite<u32>;
        /// GICC_PMR.
        0x004 => priority_mask: ReadWrite<u32>;
        /// GICC_BPR.
        0x008 => binary_point: ReadWrite<u32>;
        /// GICC_APR.
        0x0D0 => active_priority: [ReadWrite<u32>; 4];
    }
}

/// GICC_CTLR: the one group that we see is on, as in the distributor.
const ENABLE: u32 = 1;

/// A GICv2.
pub(crate) struct Gic {
    distributor: Leaf<Distributor<'static>>,
    interface: CpuInterface<'static>,
    operations: TrapOp,
}

impl Gic {
    /// Takes over a GICv2. No CPU takes interrupts from it yet.
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
        let distributor = Leaf::new(Distributor::new(distributor)?);
        let interface = CpuInterface::new(interface)?;
        // SAFETY: by 1 these are the addresses of mapped GIC registers. Of this driver only the operations of
        // the CPU interface's first page are used, and on a CPU only one at a time.
        let driver = unsafe {
            arm_gic_driver::v2::Gic::new(VirtAddr::new(distributor_at), VirtAddr::new(interface_at), None)
        };
        Ok(Self { distributor, interface, operations: driver.cpu_interface().trap_operations() })
    }

    pub(crate) fn start_cpu(&self, cpu: u64) -> Result<(), CpuError> {
        self.distributor.lock().start_cpu(cpu)?;
        self.interface.priority_mask().set(EVERYTHING);
        self.interface.binary_point().set(0);
        // Priorities that a loader left active would keep ours away.
        for register in self.interface.active_priority().each(0..4) {
            register.set(0);
        }
        self.interface.control().set(ENABLE);
        Ok(())
    }

    #[inline]
    pub(crate) fn take(&self) -> Option<Taken> {
        let acknowledgement = self.operations.ack();
        let intid = match acknowledgement {
            Ack::SGI { intid, .. } => intid,
            Ack::Other(intid) => checked_intid(intid.to_u32(), SPECIAL).ok()?,
        };
        // What an SGI's sender wrote before it is seen by what comes after.
        barrier::complete_system();
        Some(Taken { intid, acknowledgement: Acknowledgement::V2(acknowledgement) })
    }

    #[inline]
    pub(crate) fn end(&self, acknowledgement: Ack) {
        // What was done about the interrupt must have reached the device before the controller looks again.
        barrier::complete_system();
        self.operations.eoi(acknowledgement);
    }

    pub(crate) fn enable(&self, intid: u32, trigger: Trigger) -> bool {
        self.distributor.lock().enable(intid, trigger)
    }

    pub(crate) fn make_urgent(&self, intid: u32) {
        self.distributor.lock().make_urgent(intid);
    }

    pub(crate) fn set_mask(&self, mask: u32) {
        self.interface.priority_mask().set(mask);
        // What is kept away from now on does not come any more.
        barrier::complete_system();
        barrier::instruction();
    }

    pub(crate) fn disable(&self, intid: u32) {
        self.distributor.lock().disable(intid);
    }

    pub(crate) fn kick(&self, cpu: u64) {
        // What this CPU wrote is there when the other looks.
        barrier::complete_stores();
        self.distributor.lock().kick(cpu);
    }

    pub(crate) fn try_kick(&self, cpu: u64) {
        barrier::complete_stores();
        if let Some(mut distributor) = self.distributor.try_lock() {
            distributor.kick(cpu);
        }
    }
}
