//! A GICv2's distributor (Arm IHI 0048, GICD): which interrupts get through, how they signal, and to whom.
//!
//! Everything is put into group 0, as far as this CPU can see. Without the Security Extensions, or where
//! firmware left all interrupts in group 1 (the Raspberry Pi's does), only that makes enabling one group
//! enough; with them the group registers ignore non-secure writes and the one group that we see is group 1.
use core::ops::Range;

use mmio::tock_registers::interfaces::{Readable, Writeable};
use mmio::tock_registers::register_bitfields;
use mmio::{TooSmall, Window};

use crate::gic::{
    CpuError, EACH_BYTE, FIRST_PPI, FIRST_SPI, KICK, PRIORITY, SPECIAL, Trigger, configured, made_urgent,
};

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
        /// GICD_SGIR.
        0xF00 => send: WriteOnly<u32>;
        /// GICD_CPENDSGIR, four INTIDs each.
        0xF10 => clear_pending_sgi: [ReadWrite<u32>; 4];
    }
}

/// Forwarding is on, for the one group that we see. Its bit is bit 0 with the Security Extensions (non-secure
/// view, group 1) and without them (group 0).
const ENABLE: u32 = 1;
/// GICD_SGIR.TargetListFilter: to the CPU that writes.
const ONLY_SELF: u32 = 0b10 << 24;
/// A GICv2 has at most this many CPUs.
const MAX_CPUS: usize = 8;

/// The distributor, taken over.
pub(crate) struct Distributor<'m> {
    registers: Registers<'m>,
    /// INTIDs below this exist.
    limit: u32,
    /// The boot CPU's bit in target registers; 0 on a GIC with one CPU, which has none.
    target: u32,
    /// CPUs that have started: affinity and bit. A GICv2 knows nothing of affinities.
    cpus: [Option<(u64, u32)>; MAX_CPUS],
}

impl<'m> Distributor<'m> {
    /// Takes over a distributor: every shared interrupt disabled, not pending, and aimed at this CPU.
    ///
    /// # Errors
    /// If the window is too small.
    pub(crate) fn new(window: Window<'m>) -> Result<Self, TooSmall> {
        let registers = Registers::new(window)?;
        let lines = registers.type_().read(TYPER::LINES) + 1;
        let target = running_target(&registers);
        initialise(&registers, lines as usize, target);
        Ok(Self { registers, limit: (32 * lines).min(SPECIAL), target, cpus: [None; MAX_CPUS] })
    }

    /// Makes the private interrupts of the running CPU, whose affinity is `cpu`, those that nobody has used:
    /// all disabled but the kick.
    ///
    /// # Errors
    /// [`CpuError::TooManyCpus`].
    pub(crate) fn start_cpu(&mut self, cpu: u64) -> Result<(), CpuError> {
        let target = running_target(&self.registers);
        let known = |entry: &Option<(u64, u32)>| entry.is_none_or(|(known, _)| known == cpu);
        *self.cpus.iter_mut().find(|entry| known(entry)).ok_or(CpuError::TooManyCpus)? = Some((cpu, target));
        // The registers of INTIDs 0 to 31 are banked: each CPU sees its own.
        reset(&self.registers, 0..1);
        for register in self.registers.clear_pending_sgi().each(0..4) {
            register.set(u32::MAX);
        }
        if let Some(register) = self.registers.set_enable().get(0) {
            register.set(1 << KICK);
        }
        Ok(())
    }

    /// Sends [`KICK`] to the CPU with an affinity, if that one has started.
    pub(crate) fn kick(&mut self, cpu: u64) {
        let started = self.cpus.iter().flatten().find(|(known, _)| *known == cpu);
        match started {
            Some((_, 0)) => self.registers.send().set(ONLY_SELF | KICK),
            Some((_, target)) => self.registers.send().set(target << 16 | KICK),
            None => {}
        }
    }

    /// Lets an interrupt through: a private one to the running CPU, a shared one to the boot CPU. `false` if
    /// there is no such interrupt.
    pub(crate) fn enable(&mut self, intid: u32, trigger: Trigger) -> bool {
        if intid >= self.limit {
            return false;
        }
        if intid >= FIRST_PPI
            && let Some(register) = self.registers.configuration().get(intid as usize / 16)
        {
            register.set(configured(register.get(), intid, trigger));
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

    /// Gives an interrupt [`crate::gic::URGENT`] as its priority.
    pub(crate) fn make_urgent(&mut self, intid: u32) {
        if intid < self.limit
            && let Some(register) = self.registers.priority().get(intid as usize / 4)
        {
            register.set(made_urgent(register.get(), intid));
        }
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
fn running_target(registers: &Registers<'_>) -> u32 {
    registers.target().each(0..8).map(|register| register.get()).fold(0, |all, word| all | word | word >> 16)
        & 0xff
}

fn initialise(registers: &Registers<'_>, lines: usize, target: u32) {
    registers.control().set(0);
    reset(registers, 1..lines);
    // The first eight target registers and two configuration registers are the private interrupts'.
    for register in registers.target().each(8..8 * lines) {
        register.set(target * EACH_BYTE);
    }
    for register in registers.configuration().each(2..2 * lines) {
        register.set(0);
    }
    registers.control().set(ENABLE);
}

/// Disables all interrupts of some blocks of 32, forgets that they are pending, and makes them alike.
fn reset(registers: &Registers<'_>, blocks: Range<usize>) {
    for register in registers.clear_enable().each(blocks.clone()) {
        register.set(u32::MAX);
    }
    for register in registers.clear_pending().each(blocks.clone()) {
        register.set(u32::MAX);
    }
    for register in registers.clear_active().each(blocks.clone()) {
        register.set(u32::MAX);
    }
    // All groups, not only those in use: one SPI left in group 1 is one that never arrives.
    for register in registers.group().each(blocks.clone()) {
        register.set(0);
    }
    for register in registers.priority().each(8 * blocks.start..8 * blocks.end) {
        register.set(PRIORITY * EACH_BYTE);
    }
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
        let mut distributor = Distributor::new(window(&gicd)).unwrap();
        assert_eq!(gicd.word(0x080), None, "each CPU does its own private interrupts");
        distributor.start_cpu(0).unwrap();
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

    #[test]
    fn a_cpu_that_starts_gets_the_kick_and_no_other_private_interrupt() {
        let gicd = Gicd::new(2);
        let mut distributor = Distributor::new(window(&gicd)).unwrap();
        distributor.start_cpu(0x101).unwrap();
        assert_eq!(gicd.word(0x180), Some(u32::MAX));
        assert_eq!(gicd.word(0x100), Some(1));
        assert_eq!(gicd.word(0xF1C), Some(u32::MAX), "no kick from before is left");
        assert_eq!(gicd.word(0x400), Some(0xa0a0_a0a0));
    }

    #[test]
    fn one_interrupt_alone_is_made_urgent() {
        let gicd = Gicd::new(1);
        let mut distributor = Distributor::new(window(&gicd)).unwrap();
        distributor.start_cpu(0).unwrap();
        distributor.make_urgent(27);
        assert_eq!(gicd.word(0x418), Some(0x20a0_a0a0));
        assert_eq!(gicd.word(0x41C), Some(0xa0a0_a0a0));
    }

    #[test]
    fn a_kick_goes_to_the_cpu_that_is_meant() {
        let mut gicd = Gicd::new(1);
        let registers = |cpu| Gicd { words: RefCell::default(), cpu };
        Distributor::new(window(&gicd)).unwrap().kick(0);
        assert_eq!(gicd.word(0xF00), None, "a CPU that has not started is left alone");
        gicd = registers(4);
        let mut distributor = Distributor::new(window(&gicd)).unwrap();
        distributor.start_cpu(0x8000).unwrap();
        distributor.kick(0x8000);
        assert_eq!(gicd.word(0xF00), Some(4 << 16));
        let alone = registers(0);
        let mut distributor = Distributor::new(window(&alone)).unwrap();
        distributor.start_cpu(0).unwrap();
        distributor.kick(0);
        assert_eq!(alone.word(0xF00), Some(2 << 24), "a GIC with one CPU has no target list");
    }

    #[test]
    fn a_ninth_cpu_is_refused_and_a_known_one_may_start_again() {
        let gicd = Gicd::new(1);
        let mut distributor = Distributor::new(window(&gicd)).unwrap();
        for cpu in 0..8 {
            distributor.start_cpu(cpu).unwrap();
        }
        assert_eq!(distributor.start_cpu(8), Err(CpuError::TooManyCpus));
        assert_eq!(distributor.start_cpu(3), Ok(()));
    }
}
