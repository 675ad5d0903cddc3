//! The registers and what can be done with them.
use core::fmt;

use mmio::{TooSmall, Window};
use tock_registers::interfaces::{Readable, Writeable};
use tock_registers::register_bitfields;

register_bitfields! [u32,
    /// RTCCR, control (DDI 0224, 3.3.4).
    Control [
        /// The counter runs. Once set it stays set until a reset.
        START OFFSET(0) NUMBITS(1) []
    ],
    /// RTCIMSC, RTCRIS, RTCMIS and RTCICR: one interrupt, the alarm (3.3.5 to 3.3.8).
    Interrupt [
        /// The count equals the match register.
        ALARM OFFSET(0) NUMBITS(1) []
    ]
];

mmio::registers! {
    /// The register block (DDI 0224, table 3-1).
    Registers: 0x1000 {
        /// RTCDR: the count.
        0x000 => data: ReadOnly<u32>;
        /// RTCMR: the count at which the alarm goes off.
        0x004 => matching: ReadWrite<u32>;
        /// RTCLR: sets the count.
        0x008 => load: ReadWrite<u32>;
        /// RTCCR.
        0x00C => control: ReadWrite<u32, Control::Register>;
        /// RTCIMSC: 1 lets the interrupt through.
        0x010 => mask: ReadWrite<u32, Interrupt::Register>;
        /// RTCRIS: before the mask.
        0x014 => raw_status: ReadOnly<u32, Interrupt::Register>;
        /// RTCICR: writing 1 takes the interrupt back.
        0x01C => clear: WriteOnly<u32, Interrupt::Register>;
        /// RTCPeriphID0 to 3: a byte of the peripheral's identity each.
        0xFE0 => peripheral_id: [ReadOnly<u32>; 4];
    }
}

/// Part number 0x031 of Arm, designer 0x41: the low 20 bits of the peripheral's identity (3.3.9).
const IDENTITY: u32 = 0x4_1031;
const IDENTITY_MASK: u32 = 0xF_FFFF;

/// A PL031.
pub struct Pl031<'m> {
    registers: Registers<'m>,
}

/// Why a window is not a PL031's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// It has fewer bytes than the device.
    TooSmall(TooSmall),
    /// Another device answers: its identity.
    Identity(u32),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooSmall(error) => write!(f, "pl031: {error}"),
            Self::Identity(found) => write!(
                f,
                "pl031: the device's identity is {found:#x} and a PL031's is {IDENTITY:#x}: is this its window?"
            ),
        }
    }
}

impl core::error::Error for Error {}

impl<'m> Pl031<'m> {
    /// Takes a window, after a look at the identity of the device behind it.
    ///
    /// # Errors
    /// [`Error`].
    pub fn new(window: Window<'m>) -> Result<Self, Error> {
        let registers = Registers::new(window).map_err(Error::TooSmall)?;
        let bytes = registers.peripheral_id();
        let byte = |index: usize| bytes.get(index).map_or(0, |byte| byte.get() & 0xFF);
        let identity = (byte(0) | byte(1) << 8 | byte(2) << 16) & IDENTITY_MASK;
        if identity != IDENTITY {
            return Err(Error::Identity(identity));
        }
        Ok(Self { registers })
    }

    /// Seconds since the beginning of 1970, as far as whoever set the clock knew.
    pub fn seconds(&self) -> u32 {
        self.registers.data().get()
    }

    /// Sets the clock and starts it. It shows the new count from the next second on (3.3.3).
    pub fn set_seconds(&self, seconds: u32) {
        self.registers.load().set(seconds);
        self.registers.control().write(Control::START::SET);
    }

    /// Lets the alarm's interrupt through at this count, instead of any other.
    pub fn set_alarm(&self, seconds: u32) {
        self.registers.clear().write(Interrupt::ALARM::SET);
        self.registers.matching().set(seconds);
        self.registers.mask().write(Interrupt::ALARM::SET);
    }

    /// Whether the alarm has gone off since it was set or acknowledged.
    pub fn alarm_is_due(&self) -> bool {
        self.registers.raw_status().is_set(Interrupt::ALARM)
    }

    /// Takes the alarm's interrupt back, and masks it.
    pub fn acknowledge_alarm(&self) {
        self.registers.mask().write(Interrupt::ALARM::CLEAR);
        self.registers.clear().write(Interrupt::ALARM::SET);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    extern crate std;
    use core::cell::RefCell;
    use std::string::ToString;
    use std::vec::Vec;

    /// A PL031 that counts nothing and remembers what was written.
    struct Fake {
        identity: u32,
        status: u64,
        written: RefCell<Vec<(usize, u64)>>,
    }

    impl Fake {
        fn new(identity: u32) -> Self {
            Self { identity, status: 0, written: RefCell::default() }
        }

        fn device(&self) -> Result<Pl031<'_>, Error> {
            Pl031::new(Window::on_bus(self, 0x1000))
        }
    }

    impl mmio::Bus for Fake {
        fn read(&self, offset: usize, width: usize) -> u64 {
            assert_eq!(width, 4, "registers are 32 bits wide");
            match offset {
                0x000 => 1_795_379_477,
                0x014 => self.status,
                0xFE0..=0xFEC => u64::from(self.identity >> ((offset - 0xFE0) * 2) & 0xFF),
                other => panic!("read of {other:#x}"),
            }
        }

        fn write(&self, offset: usize, width: usize, value: u64) {
            assert_eq!(width, 4, "registers are 32 bits wide");
            self.written.borrow_mut().push((offset, value));
        }
    }

    #[test]
    fn the_count_is_read() {
        let fake = Fake::new(0x0004_1031);
        assert_eq!(fake.device().unwrap().seconds(), 1_795_379_477);
    }

    #[test]
    fn the_revision_does_not_matter() {
        assert!(Fake::new(0x0044_1031).device().is_ok());
    }

    #[test]
    fn another_device_is_not_taken_for_a_clock() {
        let fake = Fake::new(0x0004_1011);
        let error = fake.device().err().unwrap();
        assert_eq!(
            error.to_string(),
            "pl031: the device's identity is 0x41011 and a PL031's is 0x41031: is this its window?"
        );
        assert!(matches!(Pl031::new(Window::on_bus(&fake, 0x800)), Err(Error::TooSmall(_))));
    }

    #[test]
    fn looking_changes_nothing() {
        let fake = Fake::new(0x0004_1031);
        let device = fake.device().unwrap();
        let _ = (device.seconds(), device.alarm_is_due());
        assert!(fake.written.borrow().is_empty());
    }

    #[test]
    fn a_clock_that_is_set_also_runs() {
        let fake = Fake::new(0x0004_1031);
        fake.device().unwrap().set_seconds(7);
        assert_eq!(*fake.written.borrow(), [(0x008, 7), (0x00C, 1)]);
    }

    #[test]
    fn an_old_alarm_does_not_go_off_again() {
        let mut fake = Fake::new(0x0004_1031);
        fake.device().unwrap().set_alarm(9);
        assert_eq!(*fake.written.borrow(), [(0x01C, 1), (0x004, 9), (0x010, 1)]);
        fake.status = 1;
        let device = fake.device().unwrap();
        assert!(device.alarm_is_due());
        device.acknowledge_alarm();
        assert_eq!(fake.written.borrow()[3..], [(0x010, 0), (0x01C, 1)]);
    }
}
