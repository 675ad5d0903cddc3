//! What the device tree says that this board has, put to use.
//!
//! The functions here are safe because a validated tree is the only description of the machine there is:
//! where it is wrong, no program could know better. What can be checked is checked. A device's window must not
//! touch memory of any kind; a UART must answer before anything is written to it.
use abi::PhysRange;
use console::{Console, Model};
use devicetree::{GicVersion, NodeId, Tree};
use mmio::Window;

use crate::entry::Boot;
use crate::gic::{Controller, Trigger, v2};
use crate::memory::MemoryError;
use crate::tables::MapError;
use crate::{interrupts, log, output, power, ranges};

/// A UART that the kernel keeps.
#[derive(Clone, Copy, Debug)]
pub struct Uart {
    /// Its node.
    pub node: NodeId,
    /// Its registers.
    pub range: PhysRange,
}

/// Why there are no interrupts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InterruptError {
    /// The tree has no interrupt controller that is okay.
    None,
    /// It is a GICv3, which this kernel does not drive yet.
    Version3,
    /// A GICv2 without a CPU interface.
    NoCpuInterface,
    /// A window overlaps memory.
    OverlapsMemory(PhysRange),
    /// A window cannot be mapped.
    Map(MapError),
    /// A window is smaller than a GIC's registers.
    TooSmall(mmio::TooSmall),
    /// The tree does not say by which interrupt the virtual timer signals.
    NoTimer,
    /// The controller has no such interrupt.
    NoSuchInterrupt(u32),
}

impl core::fmt::Display for InterruptError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::None => write!(f, "no interrupt controller: the tree has no GIC with status okay"),
            Self::Version3 => write!(f, "the interrupt controller is a GICv3, which is not supported yet"),
            Self::NoCpuInterface => write!(f, "the interrupt controller's node has no window for GICC"),
            Self::OverlapsMemory(range) => {
                write!(f, "the interrupt controller's window {range} overlaps memory")
            }
            Self::Map(error) => write!(f, "the interrupt controller cannot be mapped: {error}"),
            Self::TooSmall(error) => write!(f, "the interrupt controller cannot be driven: {error}"),
            Self::NoTimer => write!(f, "the tree has no interrupt for the virtual timer (arm,armv8-timer)"),
            Self::NoSuchInterrupt(intid) => {
                write!(f, "the virtual timer's INTID {intid} is none that the interrupt controller has")
            }
        }
    }
}

impl From<MapError> for InterruptError {
    fn from(error: MapError) -> Self {
        Self::Map(error)
    }
}

impl Boot {
    /// Sends text to the console: the node that `wish` names, else the one that `stdout-path` names, else the
    /// first UART that is known and okay. `None` if there is none that works.
    pub fn open_console(&mut self, tree: &Tree<'_>, wish: Option<&str>) -> Option<Uart> {
        let named = [wish.and_then(|path| tree.find_or_alias(path)), tree.chosen().stdout()];
        let any = tree.nodes().filter(|node| Model::find(tree.compatible(*node)).is_some());
        let (uart, console) =
            named.into_iter().flatten().chain(any).find_map(|node| self.open_uart(tree, node))?;
        output::set_console(console);
        Some(uart)
    }

    /// Sends log frames to the second serial port: the alias `serial1`, or the first UART that is not the
    /// console.
    pub fn open_log(&mut self, tree: &Tree<'_>, console: Option<Uart>) -> Option<Uart> {
        let any = tree.nodes().filter(|node| Model::find(tree.compatible(*node)).is_some());
        let (uart, wire) = tree
            .serial(1)
            .into_iter()
            .chain(any)
            .filter(|node| console.is_none_or(|console| console.node != *node))
            .find_map(|node| self.open_uart(tree, node))?;
        log::set_wire(wire);
        Some(uart)
    }

    /// Lets the kernel switch the machine off, where the tree has PSCI.
    pub fn open_power(&mut self, tree: &Tree<'_>) {
        match tree.psci() {
            Some(devicetree::Conduit::Hvc) => power::set_psci(power::Conduit::Hvc),
            Some(devicetree::Conduit::Smc) => power::set_psci(power::Conduit::Smc),
            None => {}
        }
    }

    /// Makes the board's RAM usable, all but what is reserved. `kept` is RAM that the loader filled and that
    /// the kernel still reads.
    ///
    /// # Errors
    /// [`MemoryError`]; the kernel cannot go on then.
    pub fn open_memory(&mut self, tree: &Tree<'_>, kept: &[PhysRange]) -> Result<(), MemoryError> {
        let mut ram = alloc::vec::Vec::new();
        let mut reserved = alloc::vec::Vec::new();
        for region in tree.memory() {
            let list = if region.available { &mut ram } else { &mut reserved };
            ranges::push(list, region.range)?;
        }
        for range in tree.reserved() {
            ranges::push(&mut reserved, range.range)?;
        }
        // A loader may list what it brought in the reservation block; it is ours to read all the same. But a
        // tree can say anything: only RAM counts, and neither the image nor what must not be mapped.
        let mut mine = alloc::vec::Vec::new();
        for range in kept {
            let pages = range.expand_to_pages();
            let in_ram = ram.iter().any(|ram| ram.contains(*range)) && self.reachable().contains(pages);
            let hidden = tree.reserved().any(|reserved| reserved.no_map && reserved.range.overlaps(pages));
            if in_ram && !hidden && !pages.overlaps(self.image()) {
                ranges::push(&mut mine, *range)?;
            }
        }
        // SAFETY: 1, the lists are the tree's, and all RAM that is not reserved there is the kernel's by the
        // boot protocol. 2, a second call finds the direct map occupied and fails.
        unsafe { self.use_memory(&ram, &reserved, &mine) }
    }

    /// Takes interrupts: the GIC, and the virtual timer's.
    ///
    /// # Errors
    /// [`InterruptError`]; the kernel cannot go on then.
    pub fn open_interrupts(&mut self, tree: &Tree<'_>) -> Result<(), InterruptError> {
        let gic = tree.interrupt_controller().ok_or(InterruptError::None)?;
        let timer = tree.timer().and_then(|timer| timer.virtual_timer).ok_or(InterruptError::NoTimer)?;
        if gic.version == GicVersion::V3 {
            return Err(InterruptError::Version3);
        }
        let interface = gic.cpu_interface.ok_or(InterruptError::NoCpuInterface)?;
        let distributor = self.gic_window(tree, gic.distributor.range)?;
        let interface = self.gic_window(tree, interface.range)?;
        // SAFETY: 1, the tree says that these are a GICv2's registers, the ledger gives them to nobody, and
        // `gic_window` pairs each window with its address.
        let gic = unsafe { v2::Gic::new(distributor, interface) }.map_err(InterruptError::TooSmall)?;
        let trigger = if timer.trigger.is_edge() { Trigger::Edge } else { Trigger::Level };
        let started = interrupts::start(Controller::V2(gic), timer.intid, trigger);
        started.then_some(()).ok_or(InterruptError::NoSuchInterrupt(timer.intid))
    }

    fn gic_window(
        &mut self,
        tree: &Tree<'_>,
        range: PhysRange,
    ) -> Result<(Window<'static>, usize), InterruptError> {
        if touches_memory(tree, range) {
            return Err(InterruptError::OverlapsMemory(range));
        }
        // SAFETY: 1, the tree says that these are the GIC's registers, outside all memory. 2, a GICv2 does not
        // master the bus.
        Ok(unsafe { self.map_device_at(range)? })
    }

    /// A UART that is okay, known, reachable and answers.
    fn open_uart(&mut self, tree: &Tree<'_>, node: NodeId) -> Option<(Uart, Console<'static>)> {
        let model = Model::find(tree.compatible(node)).filter(|_| tree.is_available(node))?;
        let window = tree.node_windows(node).next().filter(|window| !window.straddles)?;
        let uart = Uart { node, range: window.range };
        if touches_memory(tree, uart.range) {
            return None;
        }
        // SAFETY: 1, the tree says that these are a UART's registers, outside all memory. 2, none of the
        // models masters the bus.
        let (registers, address) = unsafe { self.map_device_at(uart.range) }.ok()?;
        // SAFETY: 1, the window was just mapped as device memory; every model's registers are words. 2, this
        // runs at boot.
        unsafe { crate::trap::load_if_present(address as u64) }?;
        Some((uart, model.console(registers).ok()?))
    }
}

/// Whether a window overlaps RAM, available or not, or reserved memory.
fn touches_memory(tree: &Tree<'_>, range: PhysRange) -> bool {
    let pages = range.expand_to_pages();
    tree.memory().any(|region| region.range.overlaps(pages))
        || tree.reserved().any(|reserved| reserved.range.overlaps(pages))
}
