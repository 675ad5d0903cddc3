//! The system timer of the BCM2835 and its successors up to the BCM2711 (BCM2711 ARM Peripherals, chapter 10): a
//! count of microseconds since the board was switched on, and four alarms.
//!
//! The registers have no identity to check, so the driver looks whether the count moves. The firmware on the video
//! processor uses the alarms 0 and 2: only 1 and 3 can be named here.
#![no_std]
#![forbid(unsafe_code)]

use core::fmt;

use mmio::{TooSmall, Window};
use tock_registers::interfaces::{Readable, Writeable};

mmio::registers! {
    /// The register block.
    Registers: 0x1c {
        /// CS: bit n says that alarm n has gone off; writing 1 takes it back.
        0x00 => status: ReadWrite<u32>;
        /// CLO.
        0x04 => low: ReadOnly<u32>;
        /// CHI.
        0x08 => high: ReadOnly<u32>;
        /// C0 to C3: each goes off when CLO is equal to it.
        0x0C => compare: [ReadWrite<u32>; 4];
    }
}

/// How often the count is looked at before it is called still. It moves once in a microsecond, and no look at a device
/// is that short a thousand times over.
const LOOKS: u32 = 1 << 16;

/// A system timer.
pub struct SystemTimer<'m> {
    registers: Registers<'m>,
}

/// An alarm that the firmware leaves alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// C1.
    One = 1,
    /// C3.
    Three = 3,
}

/// Why a window is not a system timer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// It has fewer bytes than the device.
    TooSmall(TooSmall),
    /// The count stands still.
    Still(u32),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooSmall(error) => write!(f, "system timer: {error}"),
            Self::Still(count) => {
                write!(f, "system timer: the count stays at {count:#x}: is this a system timer's window?")
            }
        }
    }
}

impl core::error::Error for Error {}

impl<'m> SystemTimer<'m> {
    /// Takes a window, after a look at whether a count moves behind it.
    ///
    /// # Errors
    /// [`Error`].
    pub fn new(window: Window<'m>) -> Result<Self, Error> {
        let registers = Registers::new(window).map_err(Error::TooSmall)?;
        let first = registers.low().get();
        let moves = (0..LOOKS).any(|_| registers.low().get() != first);
        if moves { Ok(Self { registers }) } else { Err(Error::Still(first)) }
    }

    /// Microseconds since the board was switched on.
    pub fn microseconds(&self) -> u64 {
        // The halves are two registers: the low one may have come round between the looks at them.
        let mut high = self.registers.high().get();
        loop {
            let low = self.registers.low().get();
            let again = self.registers.high().get();
            if again == high {
                return u64::from(high) << 32 | u64::from(low);
            }
            high = again;
        }
    }

    /// Lets an alarm go off in so many microseconds, which the device tells by its interrupt and by
    /// [`SystemTimer::is_due`]. What is shorter than it takes to set the alarm is late by 71 minutes.
    pub fn set_alarm(&self, alarm: Alarm, microseconds: u32) {
        self.acknowledge(alarm);
        let at = self.registers.low().get().wrapping_add(microseconds);
        if let Some(compare) = self.registers.compare().get(alarm as usize) {
            compare.set(at);
        }
    }

    /// Whether an alarm has gone off since it was set or acknowledged.
    pub fn is_due(&self, alarm: Alarm) -> bool {
        self.registers.status().get() & 1 << alarm as u32 != 0
    }

    /// Takes an alarm's interrupt back. The others stay as they are: a zero changes nothing.
    pub fn acknowledge(&self, alarm: Alarm) {
        self.registers.status().set(1 << alarm as u32);
    }
}

#[cfg(test)]
mod tests {
    use core::cell::{Cell, RefCell};

    use super::*;
    extern crate std;
    use std::string::ToString;
    use std::vec::Vec;

    /// A timer that counts by one at each look at it.
    struct Fake {
        count: Cell<u64>,
        step: u64,
        status: u64,
        written: RefCell<Vec<(usize, u64)>>,
    }

    impl Fake {
        fn new(count: u64, step: u64) -> Self {
            Self { count: Cell::new(count), step, status: 0, written: RefCell::default() }
        }

        fn device(&self) -> SystemTimer<'_> {
            SystemTimer::new(Window::on_bus(self, 0x1000)).unwrap()
        }
    }

    impl mmio::Bus for Fake {
        fn read(&self, offset: usize, width: usize) -> u64 {
            assert_eq!(width, 4, "registers are 32 bits wide");
            let count = self.count.get();
            self.count.set(count + self.step);
            match offset {
                0x00 => self.status,
                0x04 => count & 0xFFFF_FFFF,
                0x08 => count >> 32,
                other => panic!("read of {other:#x}"),
            }
        }

        fn write(&self, offset: usize, width: usize, value: u64) {
            assert_eq!(width, 4, "registers are 32 bits wide");
            self.written.borrow_mut().push((offset, value));
        }
    }

    #[test]
    fn the_halves_belong_together() {
        for before in 0..8 {
            let start = (7 << 32) - before;
            let fake = Fake::new(start, 1);
            let timer = fake.device();
            let (from, count) = (fake.count.get(), timer.microseconds());
            assert!((from..fake.count.get()).contains(&count), "{count:#x} is not from {from:#x} on");
        }
    }

    #[test]
    fn a_count_that_stands_still_is_none() {
        let fake = Fake::new(0x17, 0);
        let error = SystemTimer::new(Window::on_bus(&fake, 0x1000)).err().unwrap();
        assert_eq!(
            error.to_string(),
            "system timer: the count stays at 0x17: is this a system timer's window?"
        );
        let error = SystemTimer::new(Window::on_bus(&fake, 0x18)).err().unwrap();
        assert!(matches!(error, Error::TooSmall(_)));
    }

    #[test]
    fn an_alarm_touches_no_other() {
        let mut fake = Fake::new(0xFFFF_FFF0, 1);
        fake.device().set_alarm(Alarm::Three, 0x20);
        // Two looks to see that it counts.
        assert_eq!(*fake.written.borrow(), [(0x00, 8), (0x18, 0x12)]);
        fake.status = 0b0101;
        assert!(!fake.device().is_due(Alarm::One) && !fake.device().is_due(Alarm::Three));
        fake.status = 0b1000;
        assert!(fake.device().is_due(Alarm::Three));
        fake.device().acknowledge(Alarm::One);
        assert_eq!(fake.written.borrow()[2..], [(0x00, 2)]);
    }
}
