//! A GICv2's distributor (Arm IHI 0048, GICD): which interrupts get through, how they signal, and to whom.
//!
//! Everything is put into group 0, as far as this CPU can see. Without the Security Extensions, or where
//! firmware left all interrupts in group 1 (the Raspberry Pi's does), only that makes enabling one group
//! enough; with them the group registers ignore non-secure writes and the one group that we see is group 1.
use mmio::tock_registers::interfaces::{Readable, Writeable};
use mmio::tock_registers::register_bitfields;
use mmio::{TooSmall, Window};

use super::Trigger;

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
    Registers: 0x1000 {
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

/// INTIDs from 1020 on have special meanings.
pub(super) const SPECIAL: u32 = 1020;
/// The priority of every interrupt: in the middle, so that it is below the mask whatever bits exist.
const PRIORITY: u32 = 0xa0;
/// The same value in each of a register's four bytes.
const EACH_BYTE: u32 = 0x0101_0101;
/// Forwarding is on, for the one group that we see. Its bit is bit 0 with the Security Extensions (non-secure
/// view, group 1) and without them (group 0).
const ENABLE: u32 = 1;
/// Edge-triggered, in the two bits that GICD_ICFGR has for an INTID.
const EDGE: u32 = 0b10;
/// INTIDs below this are software-generated: always edges.
const FIRST_PPI: u32 = 16;
/// INTIDs below this belong to one CPU each.
const FIRST_SPI: u32 = 32;

/// The distributor, taken over.
pub(crate) struct Distributor<'m> {
    registers: Registers<'m>,
    /// INTIDs below this exist.
    limit: u32,
    /// The boot CPU's bit in target registers; 0 on a GIC with one CPU, which has none.
    target: u32,
}

impl<'m> Distributor<'m> {
    /// Takes over a distributor: everything disabled, nothing pending, all of it aimed at this CPU.
    ///
    /// # Errors
    /// If the window is too small.
    pub(crate) fn new(window: Window<'m>) -> Result<Self, TooSmall> {
        let registers = Registers::new(window)?;
        let lines = registers.type_().read(TYPER::LINES) + 1;
        let target = boot_target(&registers);
        initialise(&registers, lines as usize, target);
        Ok(Self { registers, limit: (32 * lines).min(SPECIAL), target })
    }

    /// Lets an interrupt through to the boot CPU. `false` if there is no such interrupt.
    pub(crate) fn enable(&mut self, intid: u32, trigger: Trigger) -> bool {
        if intid >= self.limit {
            return false;
        }
        if intid >= FIRST_PPI
            && let Some(register) = self.registers.configuration().get(intid as usize / 16)
        {
            let shift = 2 * (intid % 16);
            let kind = if trigger == Trigger::Edge { EDGE } else { 0 };
            register.set(register.get() & !(0b11 << shift) | (kind << shift));
        }
        if intid >= FIRST_SPI
            && self.target != 0
            && let Some(register) = self.registers.target().get(intid as usize / 4)
        {
            let shift = 8 * (intid % 4);
            register.set(register.get() & !(0xff << shift) | (self.target << shift));
        }
        if let Some(register) = self.registers.set_enable().get(intid as usize / 32) {
            register.set(1 << (intid % 32));
        }
        true
    }

    /// Keeps an interrupt away.
    pub(crate) fn disable(&mut self, intid: u32) {
        if intid < self.limit
            && let Some(register) = self.registers.clear_enable().get(intid as usize / 32)
        {
            register.set(1 << (intid % 32));
        }
    }
}

/// This CPU's bit in GICD_ITARGETSR: the read-only registers of the private interrupts show it (4.3.12). A GIC
/// with one CPU has no target registers at all.
fn boot_target(registers: &Registers<'_>) -> u32 {
    registers.target().each(0..8).map(|register| register.get()).fold(0, |all, word| all | word | word >> 16)
        & 0xff
}

fn initialise(registers: &Registers<'_>, lines: usize, target: u32) {
    registers.control().set(0);
    for register in registers.clear_enable().each(0..lines) {
        register.set(u32::MAX);
    }
    for register in registers.clear_pending().each(0..lines) {
        register.set(u32::MAX);
    }
    for register in registers.clear_active().each(0..lines) {
        register.set(u32::MAX);
    }
    // All groups, not only those in use: one SPI left in group 1 is one that never arrives.
    for register in registers.group().each(0..lines) {
        register.set(0);
    }
    for register in registers.priority().each(0..8 * lines) {
        register.set(PRIORITY * EACH_BYTE);
    }
    // The first eight target registers and two configuration registers are the private interrupts'.
    for register in registers.target().each(8..8 * lines) {
        register.set(target * EACH_BYTE);
    }
    for register in registers.configuration().each(2..2 * lines) {
        register.set(0);
    }
    registers.control().set(ENABLE);
}

#[cfg(test)]
mod tests {
    use super::*;
    use mmio::Bus;
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    /// A distributor with 96 INTIDs, as memory but for what is read-only or set by ones.
    struct Gicd {
        words: RefCell<BTreeMap<usize, u32>>,
        cpu: u32,
    }

    impl Bus for Gicd {
        fn read(&self, offset: usize, width: usize) -> u64 {
            assert_eq!(width, 4);
            let value = match offset {
                0x004 => 2,
                0x800..0x820 => self.cpu * EACH_BYTE,
                _ => self.words.borrow().get(&offset).copied().unwrap_or(0xdead_beef),
            };
            value.into()
        }

        fn write(&self, offset: usize, width: usize, value: u64) {
            assert_eq!(width, 4);
            self.words.borrow_mut().insert(offset, value as u32);
        }
    }

    impl Gicd {
        fn new(cpu: u32) -> Self {
            Self { words: RefCell::default(), cpu }
        }

        fn word(&self, offset: usize) -> Option<u32> {
            self.words.borrow().get(&offset).copied()
        }
    }

    fn window(gicd: &Gicd) -> Window<'_> {
        Window::on_bus(gicd, 0x1000)
    }

    #[test]
    fn every_interrupt_is_put_into_group_0_and_none_beyond_the_last_is_touched() {
        let gicd = Gicd::new(1);
        Distributor::new(window(&gicd)).unwrap();
        for word in 0..3 {
            assert_eq!(gicd.word(0x080 + 4 * word), Some(0), "IGROUPR{word}");
            assert_eq!(gicd.word(0x180 + 4 * word), Some(u32::MAX), "ICENABLER{word}");
        }
        assert_eq!(gicd.word(0x08C), None);
        assert_eq!(gicd.word(0x400 + 95), None);
        assert_eq!(gicd.word(0x45C), Some(0xa0a0_a0a0));
        assert_eq!(gicd.word(0x460), None);
        assert_eq!(gicd.word(0xC00), None, "an SGI's configuration is fixed");
        assert_eq!(gicd.word(0x000), Some(1), "forwarding is on at the end");
    }

    #[test]
    fn a_shared_interrupt_goes_to_the_cpu_that_boots() {
        let gicd = Gicd::new(4);
        let mut distributor = Distributor::new(window(&gicd)).unwrap();
        assert_eq!(gicd.word(0x820), Some(0x0404_0404));
        assert!(distributor.enable(34, Trigger::Edge));
        assert_eq!(gicd.word(0x820), Some(0x0404_0404));
        assert_eq!(gicd.word(0xC08), Some(0b10 << 4));
        assert_eq!(gicd.word(0x104), Some(1 << 2));
        distributor.disable(34);
        assert_eq!(gicd.word(0x184), Some(1 << 2));
    }

    #[test]
    fn an_interrupt_that_does_not_exist_is_refused() {
        let gicd = Gicd::new(0);
        let mut distributor = Distributor::new(window(&gicd)).unwrap();
        for intid in [96, 1019, 1020, 1023, u32::MAX] {
            let before = gicd.words.borrow().clone();
            assert!(!distributor.enable(intid, Trigger::Level));
            distributor.disable(intid);
            assert_eq!(*gicd.words.borrow(), before);
        }
    }
}
