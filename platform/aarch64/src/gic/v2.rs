//! GICv2 (Arm IHI 0048).
//!
//! Everything is in group 0, as far as this CPU can see. Without the Security Extensions, or where firmware
//! left all interrupts in group 1 (the Raspberry Pi's does), only that makes enabling one group enough; with
//! them the group registers ignore non-secure writes and the one group that we see is group 1.
use arm_gic_driver::v2::{Ack, TrapOp};
use arm_gic_driver::{VirtAddr, checked_intid};
use mmio::tock_registers::interfaces::{Readable, Writeable};
use mmio::{TooSmall, Window};
use tock_registers::register_bitfields;

use super::{Acknowledgement, Taken, Trigger};
use crate::barrier;

register_bitfields! [u32,
    TYPER [
        /// Blocks of 32 INTIDs, less one.
        LINES OFFSET(0) NUMBITS(5) [],
        /// CPU interfaces, less one.
        CPUS OFFSET(5) NUMBITS(3) []
    ]
];

mmio::registers! {
    /// GICD.
    Distributor: 0x1000 {
        /// GICD_CTLR.
        0x000 => control: ReadWrite<u32>;
        /// GICD_TYPER.
        0x004 => type_: ReadOnly<u32, TYPER::Register>;
        /// GICD_IGROUPR.
        0x080 => group: [ReadWrite<u32>; 32];
        /// GICD_ISENABLER.
        0x100 => set_enable: [ReadWrite<u32>; 32];
        /// GICD_ICENABLER.
        0x180 => clear_enable: [ReadWrite<u32>; 32];
        /// GICD_ICPENDR.
        0x280 => clear_pending: [ReadWrite<u32>; 32];
        /// GICD_ICACTIVER.
        0x380 => clear_active: [ReadWrite<u32>; 32];
        /// GICD_IPRIORITYR, four INTIDs each.
        0x400 => priority: [ReadWrite<u32>; 256];
        /// GICD_ITARGETSR, four INTIDs each.
        0x800 => target: [ReadWrite<u32>; 256];
        /// GICD_ICFGR, sixteen INTIDs each.
        0xC00 => configuration: [ReadWrite<u32>; 64];
    }
}

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

/// INTIDs from 1020 on have special meanings.
const SPECIAL: u32 = 1020;
/// The priority of every interrupt: in the middle, so that it is below the mask whatever bits exist.
const PRIORITY: u32 = 0xa0;
/// GICD_CTLR and GICC_CTLR: the one group that we see is on. Its bit is bit 0 with the Security Extensions
/// (non-secure view, group 1) and without them (group 0).
const ENABLE: u32 = 1;
/// Edge-triggered, in the two bits that GICD_ICFGR has for an INTID.
const EDGE: u32 = 0b10;

/// A GICv2 and the boot CPU's interface to it.
pub(crate) struct Gic {
    distributor: Distributor<'static>,
    interface: TrapOp,
    /// INTIDs below this exist.
    limit: u32,
    /// The boot CPU's bit in target registers; 0 on a GIC with one CPU, which has none.
    target: u32,
}

impl Gic {
    /// Takes over a GICv2: everything disabled, nothing pending, all of it aimed at this CPU.
    ///
    /// # Safety
    /// 1. `distributor` and `interface` are a GICv2's GICD and GICC, and nobody else drives it.
    /// 2. `distributor_at` and `interface_at` are the virtual addresses of the two windows.
    ///
    /// # Errors
    /// If a window is too small.
    pub(crate) unsafe fn new(
        (distributor, distributor_at): (Window<'static>, usize),
        (interface, interface_at): (Window<'static>, usize),
    ) -> Result<Self, TooSmall> {
        // GICC_DIR is at 0x1000, but a window without it is only a GIC that cannot deactivate apart.
        let distributor = Distributor::new(distributor)?;
        let interface_registers = CpuInterface::new(interface)?;
        let lines = distributor.type_().read(TYPER::LINES) + 1;
        let limit = (32 * lines).min(SPECIAL);
        let target = boot_target(&distributor);
        initialise(&distributor, lines as usize, target);
        interface_registers.priority_mask().set(0xff);
        interface_registers.binary_point().set(0);
        interface_registers.control().set(ENABLE);
        // SAFETY: by 1 and 2 these are the addresses of mapped GIC registers.
        let driver = unsafe {
            arm_gic_driver::v2::Gic::new(VirtAddr::new(distributor_at), VirtAddr::new(interface_at), None)
        };
        let interface = driver.cpu_interface().trap_operations();
        Ok(Self { distributor, interface, limit, target })
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
        if intid >= self.limit {
            return false;
        }
        let (word, bit) = (intid as usize / 32, 1 << (intid % 32));
        // The trigger of an SGI is fixed, and of a PPI usually.
        if intid >= 16
            && let Some(register) = self.distributor.configuration().get(intid as usize / 16)
        {
            let shift = 2 * (intid % 16);
            let kind = if trigger == Trigger::Edge { EDGE } else { 0 };
            register.set(register.get() & !(0b11 << shift) | kind << shift);
        }
        // An SPI goes to this CPU; a private interrupt's target is fixed.
        if intid >= 32
            && self.target != 0
            && let Some(register) = self.distributor.target().get(intid as usize / 4)
        {
            let shift = 8 * (intid % 4);
            register.set(register.get() & !(0xff << shift) | self.target << shift);
        }
        if let Some(register) = self.distributor.set_enable().get(word) {
            register.set(bit);
        }
        true
    }

    pub(crate) fn disable(&mut self, intid: u32) {
        if intid < self.limit
            && let Some(register) = self.distributor.clear_enable().get(intid as usize / 32)
        {
            register.set(1 << (intid % 32));
        }
    }
}

/// This CPU's bit in GICD_ITARGETSR: the read-only registers of the private interrupts show it (4.3.12). A GIC
/// with one CPU has no target registers at all.
fn boot_target(distributor: &Distributor<'_>) -> u32 {
    distributor
        .target()
        .each(0..8)
        .map(|register| register.get())
        .fold(0, |all, word| all | word | word >> 16)
        & 0xff
}

fn initialise(distributor: &Distributor<'_>, lines: usize, target: u32) {
    distributor.control().set(0);
    for register in distributor.clear_enable().each(0..lines) {
        register.set(u32::MAX);
    }
    for register in distributor.clear_pending().each(0..lines) {
        register.set(u32::MAX);
    }
    for register in distributor.clear_active().each(0..lines) {
        register.set(u32::MAX);
    }
    // All groups, not only those in use: one SPI left in group 1 is one that never arrives.
    for register in distributor.group().each(0..lines) {
        register.set(0);
    }
    for register in distributor.priority().each(0..8 * lines) {
        register.set(PRIORITY * 0x0101_0101);
    }
    // The first eight target registers and two configuration registers are the private interrupts'.
    for register in distributor.target().each(8..8 * lines) {
        register.set(target * 0x0101_0101);
    }
    for register in distributor.configuration().each(2..2 * lines) {
        register.set(0);
    }
    distributor.control().set(ENABLE);
}
