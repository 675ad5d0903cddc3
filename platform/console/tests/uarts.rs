//! The UARTs against a bus that records what they do.
use std::cell::{Cell, RefCell};

use console::Model;
use mmio::{Bus, Window};

const DATA: usize = 0x00;
const FLAGS: usize = 0x18;

/// A PL011 whose FIFO is full for the first `busy` looks.
#[derive(Default)]
struct Uart {
    busy: Cell<u32>,
    writes: RefCell<Vec<(usize, u64)>>,
}

impl Bus for Uart {
    fn read(&self, offset: usize, _: usize) -> u64 {
        assert_eq!(offset, FLAGS);
        let busy = self.busy.get();
        self.busy.set(busy.saturating_sub(1));
        if busy > 0 { 1 << 5 } else { 0 }
    }

    fn write(&self, offset: usize, _: usize, value: u64) {
        self.writes.borrow_mut().push((offset, value));
    }
}

impl Uart {
    fn text(&self) -> String {
        let writes = self.writes.borrow();
        writes.iter().filter(|(offset, _)| *offset == DATA).map(|(_, byte)| *byte as u8 as char).collect()
    }
}

#[test]
fn the_first_compatible_string_that_is_known_decides() {
    assert!(Model::find(["acme,uart", "arm,pl011", "arm,primecell"]).is_some());
    assert!(Model::find(["acme,uart"]).is_none());
}

#[test]
fn lines_end_as_terminals_expect_and_a_full_fifo_is_waited_for() {
    let uart = Uart::default();
    let mut console = Model::find(["arm,pl011"]).unwrap().console(Window::on_bus(&uart, 0x1000)).unwrap();
    uart.busy.set(3);
    console.write_text(b"a\nb");
    assert_eq!(uart.text(), "a\r\nb");
    assert_eq!(uart.writes.borrow()[..2], [(0x2C, 0x70), (0x30, 0x301)]);
}

#[test]
fn a_uart_that_never_drains_loses_bytes_but_no_time() {
    let uart = Uart::default();
    let mut console = Model::find(["arm,pl011"]).unwrap().console(Window::on_bus(&uart, 0x1000)).unwrap();
    uart.busy.set(u32::MAX);
    console.write_raw(b"x");
    assert_eq!(uart.text(), "");
}

#[test]
fn an_sbsa_uart_is_never_configured() {
    let uart = Uart::default();
    let mut console = Model::find(["arm,sbsa-uart"]).unwrap().console(Window::on_bus(&uart, 0x1000)).unwrap();
    console.write_raw(b"x");
    assert_eq!(*uart.writes.borrow(), [(DATA, 'x' as u64)]);
}

#[test]
fn a_window_that_is_too_small_is_refused() {
    let uart = Uart::default();
    assert!(Model::find(["arm,pl011"]).unwrap().console(Window::on_bus(&uart, 0x20)).is_err());
}
