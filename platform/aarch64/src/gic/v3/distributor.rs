//! A GICv3's distributor (Arm IHI 0069, GICD): shared interrupts, all in group 1, all to the boot CPU.
//!
//! GICD_CTLR has three layouts: with one security state, and with two as each state sees it. In the two that
//! this kernel can meet, bit 1 enables the group that we use and bit 4 is affinity routing:
//!
//! | bit | one security state | two, non-secure view |
//! |---|---|---|
//! | 0 | EnableGrp0 | EnableGrp1, without affinity routing |
//! | 1 | EnableGrp1 | EnableGrp1A |
//! | 4 | ARE | ARE_NS |
//! | 31 | RWP | RWP |
use mmio::tock_registers::interfaces::{Readable, Writeable};
use mmio::tock_registers::register_bitfields;
use mmio::{TooSmall, Window};

use super::{affinity, wait_while};
use crate::gic::{EACH_BYTE, FIRST_SPI, PRIORITY, SPECIAL, Trigger, configured};

register_bitfields! [u32,
    CTLR [
        /// Group 1 is forwarded.
        GROUP_1 OFFSET(1) NUMBITS(1) [],
        /// Affinity routing.
        ARE OFFSET(4) NUMBITS(1) [],
        /// A write to this register's enables, or to a clear-enable register, has not taken effect everywhere.
        RWP OFFSET(31) NUMBITS(1) []
    ],
    TYPER [
        /// Blocks of 32 INTIDs, less one.
        LINES OFFSET(0) NUMBITS(5) [],
        /// There are extended SPIs.
        ESPI OFFSET(8) NUMBITS(1) [],
        /// Blocks of 32 extended SPIs, less one.
        ESPI_RANGE OFFSET(27) NUMBITS(5) []
    ]
];

mmio::registers! {
    /// GICD.
    Registers: 0x10000 {
        /// GICD_CTLR.
        0x0000 => control: ReadWrite<u32, CTLR::Register>;
        /// GICD_TYPER.
        0x0004 => type_: ReadOnly<u32, TYPER::Register>;
        /// GICD_IGROUPR.
        0x0080 => group: [ReadWrite<u32>; 32];
        /// GICD_ISENABLER.
        0x0100 => set_enable: [ReadWrite<u32>; 32];
        /// GICD_ICENABLER.
        0x0180 => clear_enable: [ReadWrite<u32>; 32];
        /// GICD_ICPENDR.
        0x0280 => clear_pending: [ReadWrite<u32>; 32];
        /// GICD_ICACTIVER.
        0x0380 => clear_active: [ReadWrite<u32>; 32];
        /// GICD_IPRIORITYR, four INTIDs each.
        0x0400 => priority: [ReadWrite<u32>; 255];
        /// GICD_ICFGR, sixteen INTIDs each.
        0x0C00 => configuration: [ReadWrite<u32>; 64];
        /// GICD_ICENABLER<n>E.
        0x1400 => clear_enable_extended: [ReadWrite<u32>; 32];
        /// GICD_IROUTER, by INTID; those of private interrupts do not exist.
        0x6000 => route: [ReadWrite<u64>; 1020];
    }
}

/// Whether a GICD_PIDR2 is a GICv3's or a GICv4's (ArchRev).
pub(crate) const fn is_version_3(pidr2: u32) -> bool {
    matches!(pidr2 >> 4 & 0xf, 3 | 4)
}

/// Why a distributor cannot be taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DistributorError {
    /// Its window is too small.
    TooSmall(TooSmall),
    /// A write never takes effect.
    Stuck,
}

/// The distributor, taken over.
pub(crate) struct Distributor<'m> {
    registers: Registers<'m>,
    /// INTIDs below this exist.
    limit: u32,
    /// The boot CPU's affinity.
    boot: u64,
}

impl<'m> Distributor<'m> {
    /// Takes over a distributor: everything disabled, nothing pending, all of it aimed at the CPU whose
    /// affinity is `boot`.
    ///
    /// # Errors
    /// If the window is too small, or the distributor does not answer.
    pub(crate) fn new(window: Window<'m>, boot: u64) -> Result<Self, DistributorError> {
        let registers = Registers::new(window).map_err(DistributorError::TooSmall)?;
        let lines = registers.type_().read(TYPER::LINES) + 1;
        let distributor = Self { registers, limit: (32 * lines).min(SPECIAL), boot };
        let are = distributor.registers.control().get() & CTLR::ARE::SET.value;
        // Affinity routing may be turned on only while every group is off, and never off again.
        distributor.control(are)?;
        distributor.control(CTLR::ARE::SET.value)?;
        distributor.initialise(lines as usize);
        distributor.control((CTLR::ARE::SET + CTLR::GROUP_1::SET).value)?;
        Ok(distributor)
    }

    /// Lets a shared interrupt through to the boot CPU. `false` if there is no such interrupt.
    pub(crate) fn enable(&mut self, intid: u32, trigger: Trigger) -> bool {
        if !self.has(intid) {
            return false;
        }
        if let Some(register) = self.registers.configuration().get(intid as usize / 16) {
            register.set(configured(register.get(), intid, trigger));
        }
        if let Some(register) = self.registers.route().get(intid as usize) {
            register.set(affinity::route(self.boot));
        }
        if let Some(register) = self.registers.set_enable().get(intid as usize / 32) {
            register.set(1 << (intid % 32));
        }
        true
    }

    /// Keeps a shared interrupt away. When this returns, it does not arrive any more.
    pub(crate) fn disable(&mut self, intid: u32) {
        if self.has(intid)
            && let Some(register) = self.registers.clear_enable().get(intid as usize / 32)
        {
            register.set(1 << (intid % 32));
            // A distributor that has stopped to answer delivers what it likes: nothing can be done here.
            self.settle();
        }
    }

    fn has(&self, intid: u32) -> bool {
        (FIRST_SPI..self.limit).contains(&intid)
    }

    /// Writes GICD_CTLR and waits until that has taken effect.
    fn control(&self, value: u32) -> Result<(), DistributorError> {
        self.registers.control().set(value);
        self.settle().then_some(()).ok_or(DistributorError::Stuck)
    }

    fn settle(&self) -> bool {
        wait_while(|| self.registers.control().is_set(CTLR::RWP))
    }

    fn initialise(&self, lines: usize) {
        let registers = &self.registers;
        for register in registers.clear_enable().each(1..lines) {
            register.set(u32::MAX);
        }
        for register in registers.clear_pending().each(1..lines) {
            register.set(u32::MAX);
        }
        for register in registers.clear_active().each(1..lines) {
            register.set(u32::MAX);
        }
        // Ignored where there are two security states: firmware has decided then.
        for register in registers.group().each(1..lines) {
            register.set(u32::MAX);
        }
        for register in registers.priority().each(8..8 * lines) {
            register.set(PRIORITY * EACH_BYTE);
        }
        for register in registers.configuration().each(2..2 * lines) {
            register.set(0);
        }
        for register in registers.route().each(FIRST_SPI as usize..self.limit as usize) {
            register.set(affinity::route(self.boot));
        }
        // Extended SPIs are not used: one that a loader left on must not arrive.
        if registers.type_().is_set(TYPER::ESPI) {
            let blocks = registers.type_().read(TYPER::ESPI_RANGE) as usize + 1;
            for register in registers.clear_enable_extended().each(0..blocks) {
                register.set(u32::MAX);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mmio::Bus;
    use std::cell::{Cell, RefCell};

    /// A distributor that remembers what was written to it, in order.
    struct Gicd {
        type_: u32,
        control: Cell<u32>,
        /// Reads of GICD_CTLR for which RWP stays set after a write; `None` for ever.
        delay: Option<u32>,
        busy: Cell<u32>,
        writes: RefCell<Vec<(usize, u64)>>,
    }

    impl Gicd {
        fn new(type_: u32) -> Self {
            let (control, busy) = (Cell::new(0), Cell::new(0));
            Self { type_, control, delay: Some(2), busy, writes: RefCell::default() }
        }

        fn window(&self) -> Window<'_> {
            Window::on_bus(self, 0x10000)
        }

        fn take_writes(&self) -> Vec<(usize, u64)> {
            self.writes.take()
        }
    }

    impl Bus for Gicd {
        fn read(&self, offset: usize, width: usize) -> u64 {
            assert_eq!(width, if offset >= 0x6000 { 8 } else { 4 });
            match offset {
                0x0 => {
                    let busy = self.busy.get();
                    self.busy.set(busy.saturating_sub(u32::from(self.delay.is_some())));
                    u64::from(self.control.get() | u32::from(busy > 0) << 31)
                }
                0x4 => self.type_.into(),
                _ => 0,
            }
        }

        fn write(&self, offset: usize, width: usize, value: u64) {
            assert_eq!(width, if offset >= 0x6000 { 8 } else { 4 });
            if offset == 0 || (0x180..0x200).contains(&offset) {
                self.busy.set(self.delay.unwrap_or(1));
            }
            if offset == 0 {
                // In the non-secure view and with one security state alike.
                let (before, after) = (self.control.get(), value as u32);
                assert!(before & 0x10 == 0 || after & 0x10 != 0, "affinity routing is turned off");
                assert!(before & 0x10 == after & 0x10 || before & 3 == 0, "routing changes under a group");
                self.control.set(after);
            }
            self.writes.borrow_mut().push((offset, value));
        }
    }

    #[test]
    fn the_shared_interrupts_that_exist_are_initialised_and_no_others() {
        let gicd = Gicd::new(2);
        Distributor::new(gicd.window(), 0x8000_0102).unwrap();
        let writes = gicd.take_writes();
        let of = |range: std::ops::Range<usize>| {
            writes.iter().copied().filter(|(offset, _)| range.contains(offset)).collect::<Vec<_>>()
        };
        assert_eq!(of(0..4), [(0, 0), (0, 0x10), (0, 0x12)]);
        assert_eq!(of(0x80..0x100), [(0x84, 0xffff_ffff), (0x88, 0xffff_ffff)], "IGROUPR");
        assert_eq!(of(0x180..0x200), [(0x184, 0xffff_ffff), (0x188, 0xffff_ffff)], "ICENABLER");
        let priorities = of(0x400..0x800);
        assert_eq!(
            (priorities.len(), priorities[0], priorities[15]),
            (16, (0x420, 0xa0a0_a0a0), (0x45C, 0xa0a0_a0a0))
        );
        assert_eq!(of(0xC00..0xD00).len(), 4);
        assert_eq!(of(0x1400..0x1480), [], "there are no extended SPIs");
        let routes = of(0x6000..0x8000);
        assert_eq!((routes.len(), routes[0], routes[63]), (64, (0x6100, 0x102), (0x62F8, 0x102)));
    }

    #[test]
    fn the_largest_distributor_ends_before_the_special_interrupts() {
        let gicd = Gicd::new(31 | 1 << 8 | 31 << 27);
        let mut distributor = Distributor::new(gicd.window(), 0).unwrap();
        let routes = gicd.take_writes().iter().filter(|(offset, _)| *offset >= 0x6000).count();
        assert_eq!(routes, 1020 - 32);
        assert!(distributor.enable(1019, Trigger::Level));
        for intid in [0, 31, 1020, 1023, 1024, u32::MAX] {
            gicd.take_writes();
            assert!(!distributor.enable(intid, Trigger::Level));
            distributor.disable(intid);
            assert_eq!(gicd.take_writes(), []);
        }
    }

    #[test]
    fn affinity_routing_that_is_on_stays_on() {
        let gicd = Gicd::new(1);
        gicd.control.set(0x13);
        Distributor::new(gicd.window(), 0).unwrap();
        let control: Vec<_> = gicd.take_writes().into_iter().filter(|(offset, _)| *offset == 0).collect();
        assert_eq!(control, [(0, 0x10), (0, 0x10), (0, 0x12)]);
    }

    #[test]
    fn a_disabled_interrupt_is_waited_for() {
        let gicd = Gicd::new(1);
        let mut distributor = Distributor::new(gicd.window(), 0).unwrap();
        distributor.enable(34, Trigger::Edge);
        gicd.take_writes();
        distributor.disable(34);
        assert_eq!(gicd.take_writes(), [(0x184, 4)]);
        assert_eq!(gicd.busy.get(), 0);
    }

    #[test]
    fn a_distributor_that_never_answers_is_given_up() {
        let gicd = Gicd { delay: None, ..Gicd::new(1) };
        assert_eq!(Distributor::new(gicd.window(), 0).err(), Some(DistributorError::Stuck));
    }

    #[test]
    fn only_versions_3_and_4_are_taken() {
        assert!(is_version_3(0x3b) && is_version_3(0x4b));
        assert!(!is_version_3(0x2b) && !is_version_3(0) && !is_version_3(u32::MAX));
    }
}
