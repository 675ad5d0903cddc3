//! Redistributors (Arm IHI 0069, GICR): one for each CPU, for its private interrupts.
//!
//! Each is two 64 KiB frames, RD_base and SGI_base, and two more on a GICv4. Which CPU one serves it says itself.
use mmio::tock_registers::LocalRegisterCopy;
use mmio::tock_registers::interfaces::{Readable, Writeable};
use mmio::tock_registers::register_bitfields;
use mmio::{TooSmall, Window};

use super::{affinity, wait_while};
use crate::gic::{
    CpuError, EACH_BYTE, FIRST_PPI, FIRST_SPI, KICK, PRIORITY, Trigger, configured, made_urgent,
};

register_bitfields! [u32,
    CTLR [
        /// Message interrupts (LPIs) are on.
        LPIS OFFSET(0) NUMBITS(1) [],
        /// A write to this register's enables, or to a clear-enable register, has not taken effect everywhere.
        RWP OFFSET(3) NUMBITS(1) []
    ],
    WAKER [
        /// The CPU is said to sleep.
        SLEEP OFFSET(1) NUMBITS(1) [],
        /// The interface to it is quiet.
        ASLEEP OFFSET(2) NUMBITS(1) []
    ]
];

register_bitfields! [u64,
    TYPER [
        /// There are frames for virtual message interrupts: a GICv4.
        VLPIS OFFSET(1) NUMBITS(1) [],
        /// It is its region's last.
        LAST OFFSET(4) NUMBITS(1) [],
        /// Blocks of 32 extended PPIs.
        EPPIS OFFSET(27) NUMBITS(5) [],
        /// The CPU's affinity.
        AFFINITY OFFSET(32) NUMBITS(32) []
    ]
];

mmio::registers! {
    /// RD_base, and as much of SGI_base behind it as has registers.
    Registers: 0x11000 {
        /// GICR_CTLR.
        0x00000 => control: ReadWrite<u32, CTLR::Register>;
        /// GICR_TYPER.
        0x00008 => type_: ReadOnly<u64, TYPER::Register>;
        /// GICR_WAKER.
        0x00014 => waker: ReadWrite<u32, WAKER::Register>;
        /// GICR_IGROUPR0.
        0x10080 => group: ReadWrite<u32>;
        /// GICR_ISENABLER0.
        0x10100 => set_enable: ReadWrite<u32>;
        /// GICR_ICENABLER0, and GICR_ICENABLER<n>E for extended PPIs.
        0x10180 => clear_enable: [ReadWrite<u32>; 3];
        /// GICR_ICPENDR0.
        0x10280 => clear_pending: ReadWrite<u32>;
        /// GICR_ICACTIVER0.
        0x10380 => clear_active: ReadWrite<u32>;
        /// GICR_IPRIORITYR, four INTIDs each.
        0x10400 => priority: [ReadWrite<u32>; 8];
        /// GICR_ICFGR1: the PPIs'.
        0x10C04 => configuration: ReadWrite<u32>;
    }
}

/// Bytes of a redistributor that a [`Redistributor`] needs.
pub(crate) const REDISTRIBUTOR_SIZE: u64 = Registers::SIZE as u64;
/// A CPU's redistributor. Only that CPU uses it.
pub(crate) struct Redistributor<'m> {
    registers: Registers<'m>,
    type_: LocalRegisterCopy<u64, TYPER::Register>,
}

impl<'m> Redistributor<'m> {
    /// Looks at a redistributor and changes nothing.
    ///
    /// # Errors
    /// If the window is too small.
    pub(crate) fn new(window: Window<'m>) -> Result<Self, TooSmall> {
        let registers = Registers::new(window)?;
        let type_ = registers.type_().extract();
        Ok(Self { registers, type_ })
    }

    /// Whether it is its region's last.
    pub(super) fn is_last(&self) -> bool {
        self.type_.is_set(TYPER::LAST)
    }

    /// Whether it has the two frames more of a GICv4.
    pub(super) fn has_virtual_frames(&self) -> bool {
        self.type_.is_set(TYPER::VLPIS)
    }

    /// The affinity of the CPU that it serves, as in MPIDR_EL1.
    pub(crate) fn cpu(&self) -> u64 {
        affinity::from_typer(self.type_.read(TYPER::AFFINITY) as u32)
    }

    /// Wakes it, and makes the private interrupts those that nobody has used: all disabled but the kick.
    ///
    /// # Errors
    /// [`CpuError::Asleep`] or [`CpuError::Stuck`] if the hardware does not answer.
    pub(crate) fn start(&self) -> Result<(), CpuError> {
        self.wake()?;
        // A loader that used message interrupts left tables of theirs in memory that is ours now.
        if self.registers.control().is_set(CTLR::LPIS) {
            self.registers.control().set(0);
        }
        let extended = (self.type_.read(TYPER::EPPIS) as usize).min(2);
        for register in self.registers.clear_enable().each(0..1 + extended) {
            register.set(u32::MAX);
        }
        if !self.settle() {
            return Err(CpuError::Stuck(self.cpu()));
        }
        self.registers.clear_pending().set(u32::MAX);
        self.registers.clear_active().set(u32::MAX);
        self.registers.group().set(u32::MAX);
        for register in self.registers.priority().each(0..8) {
            register.set(PRIORITY * EACH_BYTE);
        }
        self.registers.set_enable().set(1 << KICK);
        Ok(())
    }

    /// Lets a private interrupt through. `false` if there is no such interrupt.
    pub(crate) fn enable(&self, intid: u32, trigger: Trigger) -> bool {
        if intid >= FIRST_SPI {
            return false;
        }
        if intid >= FIRST_PPI {
            let register = self.registers.configuration();
            register.set(configured(register.get(), intid, trigger));
        }
        self.registers.set_enable().set(1 << intid);
        true
    }

    /// Gives a private interrupt [`crate::gic::URGENT`] as its priority.
    pub(crate) fn make_urgent(&self, intid: u32) {
        if let Some(register) = self.registers.priority().get(intid as usize / 4) {
            register.set(made_urgent(register.get(), intid));
        }
    }

    /// Keeps a private interrupt away. When this returns, it does not arrive any more.
    pub(crate) fn disable(&self, intid: u32) {
        if intid < FIRST_SPI
            && let Some(register) = self.registers.clear_enable().get(0)
        {
            register.set(1 << intid);
            // A redistributor that has stopped to answer delivers what it likes: nothing can be done here.
            self.settle();
        }
    }

    /// Some hypervisors have it awake always, and the register reads as zero; nothing is written then.
    fn wake(&self) -> Result<(), CpuError> {
        let waker = self.registers.waker();
        if waker.is_set(WAKER::SLEEP) {
            waker.set(0);
        }
        let awake = wait_while(|| waker.is_set(WAKER::ASLEEP));
        awake.then_some(()).ok_or(CpuError::Asleep(self.cpu()))
    }

    fn settle(&self) -> bool {
        wait_while(|| self.registers.control().is_set(CTLR::RWP))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mmio::Bus;
    use std::cell::{Cell, RefCell};

    /// A redistributor that remembers what was written to it, in order.
    #[derive(Default)]
    struct Gicr {
        type_: u64,
        waker: Cell<u32>,
        /// The interface never becomes awake.
        dead: bool,
        writes: RefCell<Vec<(usize, u64)>>,
    }

    impl Bus for Gicr {
        fn read(&self, offset: usize, width: usize) -> u64 {
            assert_eq!(width, if offset == 8 { 8 } else { 4 });
            match offset {
                0x08 => self.type_,
                0x14 => self.waker.get().into(),
                _ => 0,
            }
        }

        fn write(&self, offset: usize, width: usize, value: u64) {
            assert_eq!(width, 4);
            if offset == 0x14 {
                self.waker.set(value as u32 | if self.dead { 4 } else { 0 });
            }
            self.writes.borrow_mut().push((offset, value));
        }
    }

    impl Gicr {
        fn redistributor(&self) -> Redistributor<'_> {
            Redistributor::new(Window::on_bus(self, REDISTRIBUTOR_SIZE as usize)).unwrap()
        }

        fn wrote(&self, offset: usize) -> Vec<u64> {
            self.writes.borrow().iter().filter(|write| write.0 == offset).map(|write| write.1).collect()
        }
    }

    const LAST: u64 = 1 << 4;

    #[test]
    fn it_serves_the_cpu_that_it_names() {
        let gicr = Gicr { type_: 0x0100_0203 << 32 | LAST, ..Gicr::default() };
        assert_eq!(gicr.redistributor().cpu(), 0x1_0000_0203);
    }

    #[test]
    fn it_is_woken_first_and_everything_but_the_kick_is_disabled() {
        let gicr = Gicr { waker: Cell::new(6), ..Gicr::default() };
        gicr.redistributor().start().unwrap();
        assert_eq!(gicr.writes.borrow()[0], (0x14, 0));
        assert_eq!(gicr.wrote(0x10180), [0xffff_ffff]);
        assert_eq!(gicr.wrote(0x10184), [], "there are no extended PPIs");
        assert_eq!(gicr.wrote(0x10080), [0xffff_ffff]);
        assert_eq!(gicr.wrote(0x10100), [1]);
        assert_eq!(gicr.wrote(0x1041C), [0xa0a0_a0a0]);
        assert_eq!(gicr.wrote(0), [], "message interrupts are off already");
    }

    #[test]
    fn one_that_is_awake_is_not_written_to() {
        let gicr = Gicr { type_: 2 << 27, ..Gicr::default() };
        gicr.redistributor().start().unwrap();
        assert_eq!(gicr.wrote(0x14), []);
        assert_eq!(gicr.wrote(0x10188), [0xffff_ffff], "extended PPIs are disabled");
    }

    #[test]
    fn one_that_never_wakes_is_named() {
        let gicr = Gicr { type_: 3 << 32, waker: Cell::new(6), dead: true, ..Gicr::default() };
        assert_eq!(gicr.redistributor().start(), Err(CpuError::Asleep(3)));
    }

    #[test]
    fn one_interrupt_alone_is_made_urgent() {
        let gicr = Gicr::default();
        gicr.redistributor().make_urgent(27);
        assert_eq!((gicr.wrote(0x10418), gicr.wrote(0x1041C)), (vec![0x2000_0000], vec![]));
        gicr.redistributor().make_urgent(32);
        assert_eq!(gicr.writes.borrow().len(), 1);
    }

    #[test]
    fn private_interrupts_alone_are_let_through() {
        let gicr = Gicr::default();
        let redistributor = gicr.redistributor();
        assert!(redistributor.enable(27, Trigger::Edge));
        assert_eq!((gicr.wrote(0x10C04), gicr.wrote(0x10100)), (vec![0b10 << 22], vec![1 << 27]));
        redistributor.disable(27);
        assert_eq!(gicr.wrote(0x10180), [1 << 27]);
        gicr.writes.take();
        for intid in [32, 1023, u32::MAX] {
            assert!(!redistributor.enable(intid, Trigger::Level));
            redistributor.disable(intid);
        }
        assert_eq!(*gicr.writes.borrow(), []);
    }
}
