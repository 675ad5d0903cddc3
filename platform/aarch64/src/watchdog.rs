//! The Raspberry Pi's power manager (BCM2835 and its successors, PM): its watchdog resets the chip, and what a register
//! that outlives the reset says decides whether the boot code then starts anything.
//!
//! Broadcom does not document it; the facts are those of Linux's `bcm2835_wdt`.
use mmio::tock_registers::interfaces::{Readable, Writeable};
use mmio::{TooSmall, Window};

mmio::registers! {
    /// PM, as far as a reset needs it.
    Registers: 0x28 {
        /// PM_RSTC: what happens when the watchdog expires.
        0x1C => control: ReadWrite<u32>;
        /// PM_RSTS: kept over a reset. Its bits 0, 2, 4 to 10 are the partition to boot from.
        0x20 => status: ReadWrite<u32>;
        /// PM_WDOG: ticks of about 16 us until it expires.
        0x24 => ticks: ReadWrite<u32>;
    }
}

/// In the top byte of each value that is written, or the write is ignored.
const PASSWORD: u32 = 0x5a << 24;
/// PM_RSTC.WRCFG, and its value for a reset of the whole chip.
const WHAT: u32 = 0b11 << 4;
const FULL_RESET: u32 = 0b10 << 4;
/// The bits of the partition; all set they are partition 63, which the boot code takes to mean: halt.
const PARTITION: u32 = 0x555;
/// Ticks until the reset, as Linux has them.
const TICKS: u32 = 10;

/// The power manager.
pub(crate) struct Watchdog<'m> {
    registers: Registers<'m>,
}

impl<'m> Watchdog<'m> {
    /// The power manager behind a window. Nothing is written yet.
    ///
    /// # Errors
    /// If the window is too small.
    pub(crate) fn new(window: Window<'m>) -> Result<Self, TooSmall> {
        Ok(Self { registers: Registers::new(window)? })
    }

    /// Resets the chip in a moment; its boot code starts what it always starts.
    pub(crate) fn reset(&self) {
        self.expire(0);
    }

    /// Resets the chip in a moment; its boot code halts, with everything off that it can switch off.
    pub(crate) fn power_off(&self) {
        self.expire(PARTITION);
    }

    fn expire(&self, partition: u32) {
        let set = |before: u32, mask: u32, bits: u32| PASSWORD | before & !(0xff << 24) & !mask | bits;
        let status = self.registers.status();
        status.set(set(status.get(), PARTITION, partition));
        self.registers.ticks().set(PASSWORD | TICKS);
        let control = self.registers.control();
        control.set(set(control.get(), WHAT, FULL_RESET));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mmio::Bus;
    use std::cell::RefCell;

    /// Registers as a board has them while it runs, with bits set that must stay.
    #[derive(Default)]
    struct Pm {
        writes: RefCell<Vec<(usize, u64)>>,
    }

    impl Bus for Pm {
        fn read(&self, offset: usize, width: usize) -> u64 {
            assert_eq!(width, 4);
            match offset {
                0x1c => 0x0000_0112,
                0x20 => 0x0000_1004,
                _ => panic!("a read at {offset:#x}"),
            }
        }

        fn write(&self, offset: usize, width: usize, value: u64) {
            assert_eq!(width, 4);
            self.writes.borrow_mut().push((offset, value));
        }
    }

    fn written(act: impl FnOnce(&Watchdog<'_>)) -> Vec<(usize, u64)> {
        let pm = Pm::default();
        act(&Watchdog::new(Window::on_bus(&pm, 0x114)).unwrap());
        pm.writes.take()
    }

    #[test]
    fn a_reset_boots_from_where_it_always_boots() {
        let expected = [(0x20, 0x5a00_1000), (0x24, 0x5a00_000a), (0x1c, 0x5a00_0122)];
        assert_eq!(written(|watchdog| watchdog.reset()), expected);
    }

    #[test]
    fn a_power_off_is_a_reset_to_partition_63() {
        let expected = [(0x20, 0x5a00_1555), (0x24, 0x5a00_000a), (0x1c, 0x5a00_0122)];
        assert_eq!(written(|watchdog| watchdog.power_off()), expected);
    }

    #[test]
    fn nothing_is_written_before_that() {
        assert_eq!(written(|_| ()), []);
        let pm = Pm::default();
        assert!(Watchdog::new(Window::on_bus(&pm, 0x24)).is_err());
    }
}
