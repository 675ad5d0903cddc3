//! Arm PrimeCell UART, PL011 (Arm DDI 0183), and the SBSA generic UART, which is its data and flag registers.
use mmio::tock_registers::interfaces::{Readable, Writeable};
use mmio::{TooSmall, Window};
use tock_registers::register_bitfields;

use crate::PATIENCE;

register_bitfields! [u32,
    FLAGS [
        /// The transmit FIFO is full.
        TRANSMIT_FULL OFFSET(5) NUMBITS(1) []
    ],
    LINE_CONTROL [
        /// The FIFOs are on.
        FIFO_ENABLE OFFSET(4) NUMBITS(1) [],
        /// Bits in a character, less five.
        WORD_LENGTH OFFSET(5) NUMBITS(2) [ EightBits = 3 ]
    ],
    CONTROL [
        /// The UART is on.
        UART_ENABLE OFFSET(0) NUMBITS(1) [],
        /// Its transmitter is on.
        TRANSMIT_ENABLE OFFSET(8) NUMBITS(1) [],
        /// Its receiver is on.
        RECEIVE_ENABLE OFFSET(9) NUMBITS(1) []
    ]
];

mmio::registers! {
    /// The registers up to the control register.
    Registers: 0x34 {
        /// UARTDR.
        0x00 => data: ReadWrite<u32>;
        /// UARTFR.
        0x18 => flags: ReadOnly<u32, FLAGS::Register>;
        /// UARTLCR_H.
        0x2C => line_control: ReadWrite<u32, LINE_CONTROL::Register>;
        /// UARTCR.
        0x30 => control: ReadWrite<u32, CONTROL::Register>;
    }
}

/// A PL011 as a console.
pub struct Pl011<'m> {
    registers: Registers<'m>,
}

impl<'m> Pl011<'m> {
    /// A PL011 that is switched on here: eight bits, FIFOs, at the baud rate that firmware chose.
    ///
    /// # Errors
    /// If the window is too small.
    pub fn enabled(window: Window<'m>) -> Result<Self, TooSmall> {
        let uart = Self::as_found(window)?;
        uart.registers
            .line_control()
            .write(LINE_CONTROL::FIFO_ENABLE::SET + LINE_CONTROL::WORD_LENGTH::EightBits);
        uart.registers
            .control()
            .write(CONTROL::UART_ENABLE::SET + CONTROL::TRANSMIT_ENABLE::SET + CONTROL::RECEIVE_ENABLE::SET);
        Ok(uart)
    }

    /// A UART of which nothing but the data and flag registers may be touched: the SBSA's has no others, and
    /// Xen's answers them with an abort.
    ///
    /// # Errors
    /// If the window is too small.
    pub fn as_found(window: Window<'m>) -> Result<Self, TooSmall> {
        Ok(Self { registers: Registers::new(window)? })
    }

    /// Writes a byte when there is room for it.
    pub fn write(&mut self, byte: u8) {
        for _ in 0..PATIENCE {
            if !self.registers.flags().is_set(FLAGS::TRANSMIT_FULL) {
                self.registers.data().set(byte.into());
                return;
            }
        }
    }
}
