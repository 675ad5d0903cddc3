//! The UARTs against a bus that knows which registers each may touch.
use std::cell::{Cell, RefCell};

use console::{Console, Model, PATIENCE, Registers, Spread};
use mmio::{Bus, Window};

/// A UART: any access but those that it knows fails the test.
struct Uart {
    width: usize,
    data: usize,
    status: usize,
    /// What the status register says while there is no room, and when there is.
    full: u64,
    ready: u64,
    /// Registers that may be read and written before the first byte, with what they hold.
    settings: &'static [(usize, u64)],
    busy: Cell<u32>,
    looks: Cell<u32>,
    writes: RefCell<Vec<(usize, u64)>>,
}

impl Uart {
    /// A UART of which nothing but two words may be touched.
    fn words(data: usize, status: usize, full: u64, ready: u64) -> Self {
        let (busy, looks, writes) = (Cell::new(0), Cell::new(0), RefCell::new(Vec::new()));
        Self { width: 4, data, status, full, ready, settings: &[], busy, looks, writes }
    }

    /// One that is set up, too.
    fn with(mut self, settings: &'static [(usize, u64)]) -> Self {
        self.settings = settings;
        self
    }

    /// The flags are those for the transmitter, with CTS, busy and receiver empty, which have nothing to do with it.
    fn sbsa() -> Self {
        Self::words(0x00, 0x18, 0x39, 0x19)
    }

    fn pl011() -> Self {
        Self::sbsa().with(&[(0x2C, 0), (0x30, 0)])
    }

    /// LSR without and with THRE; the rest of it is what a receiver and an idle line show.
    fn ns16550(width: usize, data: usize, status: usize) -> Self {
        let mut uart = Self::words(data, status, 0x1f, 0x60);
        uart.width = width;
        uart
    }
}

impl Bus for Uart {
    fn read(&self, offset: usize, width: usize) -> u64 {
        assert_eq!(width, self.width, "the width of a read at {offset:#x}");
        if offset == self.status {
            self.looks.set(self.looks.get() + 1);
            let busy = self.busy.get();
            self.busy.set(busy.saturating_sub(1));
            return if busy > 0 { self.full } else { self.ready };
        }
        let setting = self.settings.iter().find(|(at, _)| *at == offset);
        setting.unwrap_or_else(|| panic!("a read at {offset:#x}")).1
    }

    fn write(&self, offset: usize, width: usize, value: u64) {
        assert_eq!(width, self.width, "the width of a write at {offset:#x}");
        let is_setting = self.settings.iter().any(|(at, _)| *at == offset);
        assert!(offset == self.data || is_setting, "a write at {offset:#x}");
        self.writes.borrow_mut().push((offset, value));
    }
}

impl Uart {
    fn text(&self) -> String {
        let writes = self.writes.borrow();
        writes
            .iter()
            .filter(|(offset, _)| *offset == self.data)
            .map(|(_, byte)| *byte as u8 as char)
            .collect()
    }

    /// What was written besides text.
    fn set(&self) -> Vec<(usize, u64)> {
        self.writes.borrow().iter().filter(|(offset, _)| *offset != self.data).copied().collect()
    }
}

fn registers(compatible: &str, spread: Spread) -> Registers {
    Registers::new(Model::find([compatible]).unwrap(), spread).unwrap()
}

fn console<'m>(compatible: &str, uart: &'m Uart) -> Console<'m> {
    registers(compatible, Spread::default()).console(&Window::on_bus(uart, 0x1000)).unwrap()
}

#[test]
fn the_first_compatible_string_that_is_known_decides() {
    assert!(Model::find(["acme,uart", "arm,pl011", "arm,primecell"]).is_some());
    assert!(Model::find(["acme,uart"]).is_none());
}

#[test]
fn lines_end_as_terminals_expect_and_a_full_fifo_is_waited_for() {
    let uart = Uart::pl011();
    let mut console = console("arm,pl011", &uart);
    uart.busy.set(3);
    console.write_text(b"a\nb");
    assert_eq!(uart.text(), "a\r\nb");
    assert_eq!(uart.writes.borrow()[..2], [(0x2C, 0x70), (0x30, 0x301)]);
    assert_eq!(uart.looks.get(), 4 + 3, "one look a byte, and three in vain");
}

/// Offsets and values.
type Writes = &'static [(usize, u64)];

/// Every kind: what it is told before the first byte, how it is waited for, and where the bytes go.
#[test]
fn every_kind_of_uart_writes_where_there_is_room_and_touches_nothing_else() {
    let word = |data, status, full, ready, settings| Uart::words(data, status, full, ready).with(settings);
    let cases: [(&str, Uart, Writes); 18] = [
        ("arm,pl011", Uart::pl011(), &[(0x2C, 0x70), (0x30, 0x301)]),
        ("arm,sbsa-uart", Uart::sbsa(), &[]),
        ("ns16550a", Uart::ns16550(1, 0, 5), &[]),
        ("ns16550", Uart::ns16550(1, 0, 5), &[]),
        ("snps,dw-apb-uart", Uart::ns16550(1, 0, 5), &[]),
        ("nuvoton,npcm750-uart", Uart::ns16550(1, 0, 5), &[]),
        ("brcm,bcm2835-aux-uart", Uart::ns16550(4, 0, 0x14), &[]),
        ("mediatek,mt6577-uart", Uart::ns16550(4, 0, 0x14), &[]),
        ("ti,am654-uart", Uart::ns16550(4, 0, 0x14), &[]),
        // As a loader leaves it: on. Then nothing is written.
        ("fsl,imx6q-uart", word(0x40, 0xb4, 0x10, 0x60, &[(0x80, 0x1), (0x84, 0x6027)]), &[]),
        (
            "fsl,imx6q-uart",
            word(0x40, 0xb4, 0x10, 0x60, &[(0x80, 0x2200), (0x84, 0x6022)]),
            &[(0x80, 0x2201), (0x84, 0x6027)],
        ),
        ("fsl,imx8qxp-lpuart", word(0x1c, 0x14, 0, 0x00c0_0000, &[(0x18, 0x4_0000)]), &[(0x18, 0xc_0000)]),
        ("fsl,ls1028a-lpuart", word(0x0c, 0x04, 0, 0x0080_0000, &[(0x08, 0x8_0000)]), &[]),
        // TXDIS is taken back, TXRES is not repeated.
        ("xlnx,zynqmp-uart", word(0x30, 0x2c, 0x10, 0x08, &[(0, 0x12a)]), &[(0, 0x118)]),
        ("cdns,uart-r1p12", word(0x30, 0x2c, 0x10, 0x08, &[(0, 0x14)]), &[]),
        // The buffer alone is not enough: bit 1.
        ("samsung,exynos4210-uart", word(0x20, 0x10, 0x2, 0x6, &[]), &[]),
        ("amlogic,meson-gx-uart", word(0x00, 0x0c, 1 << 21, 1 << 22, &[(0x08, 0x2000)]), &[(0x08, 0x3000)]),
        ("marvell,armada-3700-uart", word(0x04, 0x0c, 1 << 11, 1 << 6, &[]), &[]),
    ];
    for (compatible, uart, set) in &cases {
        let mut console = console(compatible, uart);
        assert_eq!(uart.set(), *set, "{compatible}");
        uart.busy.set(5);
        console.write_raw(b"xy");
        assert_eq!((uart.text().as_str(), uart.looks.get()), ("xy", 2 + 5), "{compatible}");
    }
}

#[test]
fn a_uart_that_never_drains_loses_bytes_but_no_time() {
    let uart = Uart::pl011();
    let mut console = console("arm,pl011", &uart);
    uart.busy.set(u32::MAX);
    console.write_raw(b"x");
    assert_eq!((uart.text().as_str(), uart.looks.get()), ("", PATIENCE));
    console.write_raw(&[b'x'; 1000]);
    assert_eq!((uart.text().as_str(), uart.looks.get()), ("", PATIENCE + 1000), "its patience is over");
    uart.busy.set(1);
    console.write_raw(b"abc");
    assert_eq!(uart.text(), "bc", "it goes on when it drains again");
    uart.busy.set(9);
    console.write_raw(b"d");
    assert_eq!(uart.text(), "bcd", "and is waited for again");
}

#[test]
fn an_sbsa_uart_is_never_configured() {
    let uart = Uart::sbsa();
    let mut console = console("arm,sbsa-uart", &uart);
    console.write_raw(b"x");
    assert_eq!(*uart.writes.borrow(), [(0, 'x' as u64)]);
}

#[test]
fn the_tree_spreads_the_registers_of_an_8250() {
    let spread = |shift, width, offset| Spread { shift, width, offset };
    let cases = [
        (spread(Some(2), Some(4), None), 4, 0, 0x14),
        (spread(Some(2), Some(1), None), 1, 0, 0x14),
        (spread(Some(2), None, None), 1, 0, 0x14),
        (spread(Some(1), Some(2), None), 2, 0, 0x0a),
        (spread(Some(0), None, Some(0x100)), 1, 0x100, 0x105),
        (spread(Some(2), Some(4), Some(0x1000 - 0x18)), 4, 0xfe8, 0xffc),
    ];
    for (spread, width, data, status) in cases {
        let uart = Uart::ns16550(width, data, status);
        let registers = registers("snps,dw-apb-uart", spread);
        assert_eq!(registers.probe(), (status, width as u8));
        let mut console = registers.console(&Window::on_bus(&uart, 0x1000)).unwrap();
        console.write_raw(b"x");
        assert_eq!(uart.text(), "x", "{spread:?}");
    }
    // The others know better than their tree.
    let uart = Uart::sbsa();
    let registers = registers("arm,sbsa-uart", spread(Some(1), Some(2), Some(8)));
    registers.console(&Window::on_bus(&uart, 0x1000)).unwrap().write_raw(b"x");
    assert_eq!(uart.text(), "x");
}

#[test]
fn a_spread_that_no_access_fits_is_refused() {
    let cases = [(Some(2), Some(8), None), (Some(0), Some(4), None), (Some(40), Some(1), None)];
    for (shift, width, offset) in
        cases.into_iter().chain([(Some(2), Some(4), Some(2)), (None, Some(0), None)])
    {
        let spread = Spread { shift, width, offset };
        let refused = Registers::new(Model::find(["ns16550a"]).unwrap(), spread).err().unwrap();
        assert_eq!(refused.0, spread);
    }
    let strange = Spread { shift: Some(1), width: Some(4), offset: None };
    let refused = Registers::new(Model::find(["ns16550a"]).unwrap(), strange).err().unwrap();
    assert_eq!(refused.to_string(), "reg-io-width 4, reg-shift 1 and reg-offset 0x0 do not go together");
}

#[test]
fn a_window_that_is_too_small_is_refused_before_anything_is_touched() {
    let uart = Uart::words(usize::MAX, usize::MAX, 0, 0);
    for (compatible, needed) in [("arm,pl011", 0x34), ("arm,sbsa-uart", 0x1c), ("ns16550a", 6)] {
        let registers = registers(compatible, Spread::default());
        assert!(registers.fit(&Window::on_bus(&uart, needed)).is_ok());
        assert_eq!(registers.fit(&Window::on_bus(&uart, needed - 1)).unwrap_err().needed, needed);
        assert!(registers.console(&Window::on_bus(&uart, needed - 1)).is_err());
    }
    // What a crosvm's tree has: eight bytes, and no word about how they are spread.
    let uart = Uart::ns16550(1, 0, 5);
    let mut console = registers("ns16550a", Spread::default()).console(&Window::on_bus(&uart, 8)).unwrap();
    console.write_raw(b"x");
    assert_eq!(uart.text(), "x");
}
