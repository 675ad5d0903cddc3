//! A driver's view of a device that is a test's own code.
use std::cell::{Cell, RefCell};

use mmio::tock_registers::interfaces::{ReadWriteable, Readable, Writeable};
use mmio::tock_registers::register_bitfields;
use mmio::{Bus, TooSmall, Window};

register_bitfields! [u32,
    CONTROL [ ENABLE OFFSET(0) NUMBITS(1) [], MODE OFFSET(4) NUMBITS(2) [ Idle = 0, Fast = 3 ] ]
];

mmio::registers! {
    /// Every kind of register there is.
    Device: 0x40 {
        /// Enable and mode.
        0x00 => control: ReadWrite<u32, CONTROL::Register>;
        /// Counts reads.
        0x04 => reads: ReadOnly<u16>;
        /// Rings.
        0x08 => doorbell: WriteOnly<u64>;
        /// Bytes.
        0x20 => bytes: [ReadWrite<u8>; 32];
    }
}

#[derive(Default)]
struct Recorder {
    control: Cell<u64>,
    reads: Cell<u64>,
    log: RefCell<Vec<(usize, usize, u64)>>,
}

impl Bus for Recorder {
    fn read(&self, offset: usize, width: usize) -> u64 {
        match (offset, width) {
            (0, 4) => self.control.get(),
            (4, 2) => self.reads.replace(self.reads.get() + 1),
            _ => offset as u64,
        }
    }

    fn write(&self, offset: usize, width: usize, value: u64) {
        if offset == 0 {
            self.control.set(value);
        }
        self.log.borrow_mut().push((offset, width, value));
    }
}

#[test]
fn each_access_is_one_transaction_of_its_width() {
    let bus = Recorder::default();
    let device = Device::new(Window::on_bus(&bus, 0x40)).unwrap();
    device.doorbell().set(0x1122_3344_5566_7788);
    device.bytes().get(31).unwrap().set(0xAB);
    assert_eq!(device.reads().get(), 0);
    assert_eq!(device.reads().get(), 1);
    assert_eq!(*bus.log.borrow(), [(8, 8, 0x1122_3344_5566_7788), (0x3F, 1, 0xAB)]);
}

#[test]
fn bit_fields_work() {
    let bus = Recorder::default();
    let device = Device::new(Window::on_bus(&bus, 0x40)).unwrap();
    device.control().write(CONTROL::MODE::Fast);
    device.control().modify(CONTROL::ENABLE::SET);
    assert_eq!(bus.control.get(), 0x31);
    assert!(device.control().is_set(CONTROL::ENABLE));
}

#[test]
fn nothing_reaches_beyond_a_window() {
    let bus = Recorder::default();
    let window = Window::on_bus(&bus, 0x40);
    assert!(window.part(0x38, 8).is_some());
    assert!(window.part(0x38, 9).is_none());
    assert!(window.part(0x3C, 4).is_none(), "not a multiple of 8");
    assert!(window.part(usize::MAX - 7, 16).is_none());
    let small = Device::new(window.part(0x8, 0x38).unwrap()).err();
    assert_eq!(small, Some(TooSmall { needed: 0x40, available: 0x38 }));
    let device = Device::new(window).unwrap();
    assert!(device.bytes().get(32).is_none());
    assert_eq!(device.bytes().each(30..99).map(|byte| byte.get()).collect::<Vec<_>>(), [0x3E, 0x3F]);
}
