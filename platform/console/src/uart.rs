//! What all UARTs have in common: a register that takes a byte, and one that says whether it may.
use mmio::tock_registers::interfaces::{Readable, Writeable};
use mmio::{ReadWrite, TooSmall, Width, Window};

use crate::{Model, PATIENCE};

/// When there is room for another byte.
#[derive(Clone, Copy)]
pub(crate) enum Ready {
    /// When this bit of the status register is set.
    Set(u32),
    /// When it is clear: one bit.
    Clear(u32),
}

/// The same without a choice, for the loop that writes: what is left of the status when these bits are turned over
/// and then masked is 0 while there is no room.
#[derive(Clone, Copy)]
struct Room {
    turned: u32,
    mask: u32,
}

impl From<Ready> for Room {
    fn from(ready: Ready) -> Self {
        match ready {
            Ready::Set(mask) => Self { turned: 0, mask },
            Ready::Clear(mask) => Self { turned: mask, mask },
        }
    }
}

/// A register that is written before the first byte: what `keep` covers stays as it is, and `set` is added. Nothing
/// is read to keep nothing, and nothing is written that is so already.
pub(crate) struct Step {
    pub(crate) offset: u16,
    pub(crate) keep: u32,
    pub(crate) set: u32,
}

/// How a model's registers are spread.
#[derive(Clone, Copy)]
pub(crate) enum Layout {
    /// Words at byte offsets.
    Words,
    /// Registers by number, as [`Spread`] has it.
    Numbered,
    /// Registers by number, a word for each.
    NumberedWords,
}

/// What a UART's node says about its registers: the properties of the serial bindings of that name (Devicetree
/// Specification 4.2.2). It counts only for the descendants of the 8250.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    /// `reg-shift`: registers are 2 to the power of this bytes apart; 1 byte where there is none.
    pub shift: Option<u32>,
    /// `reg-io-width`: bytes of an access; 1 where there is none.
    pub width: Option<u32>,
    /// `reg-offset`: where in the window they begin.
    pub offset: Option<u32>,
}

/// The registers of one UART: where they are in its window, and how wide.
#[derive(Clone, Copy)]
pub struct Registers {
    model: &'static Model,
    data: usize,
    status: usize,
    width: u8,
}

/// The tree spreads a UART's registers in a way that there is no access for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strange(pub Spread);

impl core::fmt::Display for Strange {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Spread { shift, width, offset } = self.0;
        let [shift, offset] = [shift, offset].map(|value| value.unwrap_or(0));
        write!(f, "reg-io-width {}, reg-shift {shift} and reg-offset {offset:#x}", width.unwrap_or(1))?;
        f.write_str(" do not go together")
    }
}

impl Registers {
    /// Where the registers of a UART of this model are.
    ///
    /// # Errors
    /// [`Strange`] if an access would not be aligned, or is of a width that does not exist.
    pub fn new(model: &'static Model, spread: Spread) -> Result<Self, Strange> {
        let [data, status] = [model.data, model.status].map(usize::from);
        let (shift, width, offset) = match model.layout {
            Layout::Words => return Ok(Self { model, data, status, width: 4 }),
            Layout::NumberedWords => (2, 4, spread.offset.unwrap_or(0)),
            Layout::Numbered => {
                (spread.shift.unwrap_or(0), spread.width.unwrap_or(1), spread.offset.unwrap_or(0))
            }
        };
        let width = match width {
            1 | 2 | 4 => width as u8,
            _ => return Err(Strange(spread)),
        };
        // More than 2^16 bytes between two registers is no UART.
        if shift > 16 || 1 << shift < width || !offset.is_multiple_of(width.into()) {
            return Err(Strange(spread));
        }
        let place = |number: usize| offset as usize + (number << shift);
        Ok(Self { model, data: place(data), status: place(status), width })
    }

    /// The status register, which may be read at any time: its offset and its width in bytes.
    pub fn probe(&self) -> (usize, u8) {
        (self.status, self.width)
    }

    /// Whether a window has all the registers that will be used.
    ///
    /// # Errors
    /// If it is too small.
    pub fn fit(&self, window: &Window<'_>) -> Result<(), TooSmall> {
        let steps = self.model.enable.iter().map(|step| step.offset.into());
        [self.data, self.status]
            .into_iter()
            .chain(steps)
            .try_for_each(|offset| Port::new(window, offset, self.width).map(|_| ()))
    }

    /// The UART behind a window, ready to be written to.
    ///
    /// # Errors
    /// If the window is too small for its registers.
    pub fn console<'m>(&self, window: &Window<'m>) -> Result<Console<'m>, TooSmall> {
        self.fit(window)?;
        let port = |offset| Port::new(window, offset, self.width);
        let ports = match self.width {
            1 => Ports::Bytes(Pair::new(window, self)?),
            2 => Ports::Halves(Pair::new(window, self)?),
            _ => Ports::Words(Pair::new(window, self)?),
        };
        for step in self.model.enable {
            let register = port(step.offset.into())?;
            let before = if step.keep == 0 { None } else { Some(register.get()) };
            let after = before.unwrap_or(0) & step.keep | step.set;
            if before != Some(after) {
                register.set(after);
            }
        }
        Ok(Console { ports, room: self.model.ready.into(), patience: PATIENCE })
    }
}

/// One register of a UART, of the width that its bus wants.
enum Port<'m> {
    Byte(ReadWrite<'m, u8>),
    Half(ReadWrite<'m, u16>),
    Word(ReadWrite<'m, u32>),
}

impl<'m> Port<'m> {
    fn new(window: &Window<'m>, offset: usize, width: u8) -> Result<Self, TooSmall> {
        match width {
            1 => window.register(offset).map(Self::Byte),
            2 => window.register(offset).map(Self::Half),
            _ => window.register(offset).map(Self::Word),
        }
    }

    fn get(&self) -> u32 {
        match self {
            Self::Byte(register) => register.get().into(),
            Self::Half(register) => register.get().into(),
            Self::Word(register) => register.get(),
        }
    }

    fn set(&self, value: u32) {
        match self {
            Self::Byte(register) => register.set(value as u8),
            Self::Half(register) => register.set(value as u16),
            Self::Word(register) => register.set(value),
        }
    }
}

/// The two registers, both of one width.
struct Pair<'m, W: Width> {
    data: ReadWrite<'m, W>,
    status: ReadWrite<'m, W>,
}

impl<'m, W: Width + From<u8> + Into<u32>> Pair<'m, W> {
    fn new(window: &Window<'m>, registers: &Registers) -> Result<Self, TooSmall> {
        Ok(Self { data: window.register(registers.data)?, status: window.register(registers.status)? })
    }

    /// Writes bytes, each when there is room for it. `patience` is how often to look before one is given up.
    #[inline]
    fn write(&self, bytes: &[u8], room: Room, patience: &mut u32) {
        for byte in bytes {
            let has_room = (0..*patience).any(|_| (self.status.get().into() ^ room.turned) & room.mask != 0);
            if has_room {
                self.data.set((*byte).into());
            }
            // One that was waited for in vain is looked at once a byte from then on: a UART that has no clock, or
            // that flow control stops, must not take a second for each line.
            *patience = if has_room { PATIENCE } else { 1 };
        }
    }
}

enum Ports<'m> {
    Bytes(Pair<'m, u8>),
    Halves(Pair<'m, u16>),
    Words(Pair<'m, u32>),
}

/// A UART that text can be written to.
pub struct Console<'m> {
    ports: Ports<'m>,
    room: Room,
    /// How often to look before the next byte is given up.
    patience: u32,
}

impl Console<'_> {
    /// Writes bytes as they are.
    pub fn write_raw(&mut self, bytes: &[u8]) {
        let Self { ports, room, patience } = self;
        match ports {
            Ports::Bytes(pair) => pair.write(bytes, *room, patience),
            Ports::Halves(pair) => pair.write(bytes, *room, patience),
            Ports::Words(pair) => pair.write(bytes, *room, patience),
        }
    }
}
