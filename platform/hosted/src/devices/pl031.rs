//! Arm PL031 real-time clock (DDI 0224): enough for a driver to find it and read it.

use std::cell::Cell;
use std::rc::Rc;

use crate::bus::{Device, ExternalAbort, Width};

/// Data register: seconds.
const DR: u64 = 0x00;
/// Match register.
const MR: u64 = 0x04;
/// Load register: sets the time.
const LR: u64 = 0x08;
/// Control register: bit 0 starts the clock, and cannot stop it.
const CR: u64 = 0x0C;
/// The first of eight identification registers, one byte each.
const ID: u64 = 0xFE0;
/// PeriphID0 to 3 and PCellID0 to 3, as QEMU gives them.
const ID_BYTES: [u8; 8] = [0x31, 0x10, 0x14, 0x00, 0x0D, 0xF0, 0x05, 0xB1];

/// Turns the clock from outside while the device belongs to a machine.
#[derive(Clone, Debug)]
pub struct TimeKnob(Rc<Cell<u32>>);

impl TimeKnob {
    /// Sets the seconds that the clock shows.
    pub fn set(&self, seconds: u32) {
        self.0.set(seconds);
    }
}

/// The clock. Time stands still unless it is set.
#[derive(Debug)]
pub struct Pl031 {
    seconds: Rc<Cell<u32>>,
    match_value: u32,
}

impl Pl031 {
    /// A clock that shows `seconds`, and the knob that turns it.
    pub fn new(seconds: u32) -> (Self, TimeKnob) {
        let seconds = Rc::new(Cell::new(seconds));
        (Self { seconds: Rc::clone(&seconds), match_value: 0 }, TimeKnob(seconds))
    }
}

impl Device for Pl031 {
    fn read(&mut self, offset: u64, _width: Width) -> Result<u64, ExternalAbort> {
        Ok(match offset {
            DR | LR => u64::from(self.seconds.get()),
            MR => u64::from(self.match_value),
            CR => 1,
            ID..0x1000 => u64::from(ID_BYTES[(offset - ID) as usize / 4]),
            _ => 0,
        })
    }

    fn write(&mut self, offset: u64, _width: Width, value: u64) -> Result<(), ExternalAbort> {
        match offset {
            LR => self.seconds.set(value as u32),
            MR => self.match_value = value as u32,
            _ => {}
        }
        Ok(())
    }
}
