//! Which UART text goes to, and which one the log.
//!
//! The tree's word is checked as far as it can be: a UART must be okay, known and outside all memory, and must answer
//! before anything is written to it. One that was asked for by name and cannot be used is said, with the reason.
use abi::PhysRange;
use console::{Console, Model, Registers, Spread, Strange};
use devicetree::{NodeId, Tree};

use crate::board::touches_memory;
use crate::entry::Boot;
use crate::tables::MapError;
use crate::{log, output, println};

/// UARTs that are tried before boot does without: each is held against all memory, and a tree may list thousands.
const MAX_TRIED: usize = 64;

/// A UART that the kernel keeps.
#[derive(Clone, Copy, Debug)]
pub struct Uart {
    /// Its node.
    pub node: NodeId,
    /// Its registers.
    pub range: PhysRange,
}

/// Why a node is no console.
#[derive(Clone, Copy)]
enum Unusable<'a> {
    Absent,
    Disabled,
    Unknown(&'a str),
    NoWindow,
    OverlapsMemory(PhysRange),
    Strange(Strange),
    Map(MapError),
    TooSmall(mmio::TooSmall),
    Silent(PhysRange),
}

impl core::fmt::Display for Unusable<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Absent => f.write_str("the tree has no such node"),
            Self::Disabled => f.write_str("the tree disables it"),
            Self::Unknown(kind) => write!(f, "no UART of this kind is known (compatible \"{kind}\")"),
            Self::NoWindow => f.write_str("its registers are not where this CPU reaches them"),
            Self::OverlapsMemory(range) => write!(f, "its window {range} overlaps memory"),
            Self::Strange(strange) => strange.fmt(f),
            Self::Map(error) => error.fmt(f),
            Self::TooSmall(error) => error.fmt(f),
            Self::Silent(range) => write!(f, "nothing answers at {}", range.base()),
        }
    }
}

/// Who asks for a UART by name.
#[derive(Clone, Copy)]
struct Wish<'t> {
    who: &'static str,
    /// A path or an alias.
    text: &'t str,
}

/// A wish that is not fulfilled, in words.
struct Refused<'t> {
    wish: Wish<'t>,
    why: Unusable<'t>,
}

impl core::fmt::Display for Refused<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { wish: Wish { who, text }, why } = self;
        write!(f, "console: \"{text}\", which {who} names, is not used: {why}")
    }
}

impl Boot {
    /// Sends text to the console: the node that `wish` names, else the one that `stdout-path` names, else the
    /// first UART that is known and works. `None` if there is none; then the log says why, and a panic record with it.
    pub fn open_console<'t>(&mut self, tree: &'t Tree<'_>, wish: Option<&'t str>) -> Option<Uart> {
        let wishes = [
            wish.map(|text| Wish { who: "console=", text }),
            tree.chosen().stdout_path().map(|text| Wish { who: "stdout-path", text }),
        ];
        let mut refused = [const { None }; 2];
        let mut found = None;
        for (wish, refused) in wishes.into_iter().flatten().zip(&mut refused) {
            let node = tree.find_console(wish.text).ok_or(Unusable::Absent);
            match node.and_then(|node| self.open_uart(tree, node)) {
                Ok(opened) => {
                    found = Some(opened);
                    break;
                }
                Err(why) => *refused = Some(Refused { wish, why }),
            }
        }
        let found = found.or_else(|| self.open_any(tree, |_| true));
        let uart = found.map(|(uart, console)| {
            output::set_console(console);
            uart
        });
        for refused in refused.iter().flatten() {
            println!("{refused}");
            defmt::warn!("{}", defmt::Display2Format(refused));
        }
        if uart.is_none() {
            defmt::warn!("console: the tree has no UART that can be used");
        }
        uart
    }

    /// Sends log frames to the second serial port: the alias `serial1`, or the first UART that is not the
    /// console.
    pub fn open_log(&mut self, tree: &Tree<'_>, console: Option<Uart>) -> Option<Uart> {
        let is_free = |node| console.is_none_or(|console| console.node != node);
        let second = tree.serial(1).filter(|node| is_free(*node));
        let opened = second.and_then(|node| self.open_uart(tree, node).ok());
        let (uart, wire) = opened.or_else(|| self.open_any(tree, is_free))?;
        log::set_wire(wire);
        Some(uart)
    }

    /// The first UART of a known kind that works.
    fn open_any(
        &mut self,
        tree: &Tree<'_>,
        wanted: impl Fn(NodeId) -> bool,
    ) -> Option<(Uart, Console<'static>)> {
        let known = |node: &NodeId| {
            wanted(*node) && tree.is_available(*node) && Model::find(tree.compatible(*node)).is_some()
        };
        tree.nodes().filter(known).take(MAX_TRIED).find_map(|node| match self.open_uart(tree, node) {
            Ok(opened) => Some(opened),
            Err(why) => {
                let path = tree.path(node);
                defmt::warn!(
                    "{} is no console: {}",
                    defmt::Display2Format(&path),
                    defmt::Display2Format(&why)
                );
                None
            }
        })
    }

    /// A UART that is okay, known, reachable and answers.
    fn open_uart<'a>(
        &mut self,
        tree: &Tree<'a>,
        node: NodeId,
    ) -> Result<(Uart, Console<'static>), Unusable<'a>> {
        if !tree.is_available(node) {
            return Err(Unusable::Disabled);
        }
        let kind = tree.compatible(node).next().unwrap_or("");
        let model = Model::find(tree.compatible(node)).ok_or(Unusable::Unknown(kind))?;
        let registers = Registers::new(model, spread(tree, node)).map_err(Unusable::Strange)?;
        let window = tree.node_windows(node).next().filter(|window| !window.straddles);
        let range = window.ok_or(Unusable::NoWindow)?.range;
        if touches_memory(tree, range) {
            return Err(Unusable::OverlapsMemory(range));
        }
        // SAFETY: 1, the tree says that these are a UART's registers, outside all memory. 2, none of the
        // models masters the bus.
        let (window, address) = unsafe { self.map_device_at(range) }.map_err(Unusable::Map)?;
        let (offset, width) = registers.probe();
        registers.fit(&window).map_err(Unusable::TooSmall)?;
        // SAFETY: 1, the window was just mapped as device memory, its base is aligned to 8 bytes, and the register
        // lies in it at a multiple of its width. 2, this runs at boot.
        unsafe { crate::trap::load_width_if_present((address + offset) as u64, width) }
            .ok_or(Unusable::Silent(range))?;
        let console = registers.console(&window).map_err(Unusable::TooSmall)?;
        Ok((Uart { node, range }, console))
    }
}

/// What a node says about how its registers are spread.
fn spread(tree: &Tree<'_>, node: NodeId) -> Spread {
    let [shift, width, offset] =
        ["reg-shift", "reg-io-width", "reg-offset"].map(|name| tree.property_u32(node, name));
    Spread { shift, width, offset }
}
