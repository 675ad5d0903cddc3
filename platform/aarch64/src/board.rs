//! What the device tree says that this board has, put to use.
//!
//! The functions here are safe because a validated tree is the only description of the machine there is:
//! where it is wrong, no program could know better. What can be checked is checked. A device's window must not
//! touch memory of any kind.
use abi::{PhysAddr, PhysRange};
use devicetree::{EnableMethod, GicVersion, InterruptController, NodeId, PsciVersion, Role, Tree};
use mmio::Window;

use crate::entry::Boot;
use crate::gic::{
    Controller, CpuError, DistributorError, FindError, GicV2, GicV3, REDISTRIBUTOR_SIZE, Trigger,
    find_redistributors, is_version_3,
};
use crate::memory::MemoryError;
use crate::tables::MapError;
use crate::watchdog::Watchdog;
use crate::{interrupts, power, ranges, spin};

/// Why there are no interrupts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InterruptError {
    /// The tree has no interrupt controller at all.
    None,
    /// The tree has this node instead of a GIC.
    Foreign {
        /// Its name.
        name: &'static str,
        /// Its first `compatible` string.
        compatible: &'static str,
    },
    /// The tree's GIC is not okay.
    Disabled(&'static str),
    /// The tree's GIC has no window that the CPU reaches.
    NoWindow(&'static str),
    /// Where a GICv3's distributor should be, something else answers, or nothing.
    NotVersion3(PhysAddr),
    /// No redistributor answers here.
    NoAnswer(PhysAddr),
    /// Redistributors cannot be this far apart.
    Stride(u64),
    /// The heap could not hold the list of redistributors.
    OutOfMemory,
    /// The distributor never finishes a write.
    Stuck,
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
    /// The boot CPU cannot take interrupts.
    Cpu(CpuError),
    /// An interrupt that the boot CPU sent to itself did not arrive.
    Lost,
}

impl core::fmt::Display for InterruptError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::None => write!(f, "no interrupt controller: the kernel needs a GICv2, GICv3 or GICv4"),
            Self::Foreign { name, compatible } => write!(
                f,
                "no GICv2, GICv3 or GICv4: the tree has {name} (\"{compatible}\") instead, which is not supported"
            ),
            Self::Disabled(name) => write!(f, "the interrupt controller {name} is disabled in the tree"),
            Self::NoWindow(name) => {
                write!(
                    f,
                    "the registers of the interrupt controller {name} are not where this CPU reaches them"
                )
            }
            Self::NotVersion3(base) => {
                write!(
                    f,
                    "the tree has a GICv3, but what is at {base} does not say that it is one (GICD_PIDR2)"
                )
            }
            Self::NoAnswer(base) => write!(f, "no redistributor answers at {base}, where the tree has one"),
            Self::Stride(stride) => write!(
                f,
                "redistributor-stride is {stride:#x}; it must be a multiple of 0x10000, and 0x20000 at least"
            ),
            Self::OutOfMemory => write!(f, "the boot heap cannot hold the list of redistributors"),
            Self::Stuck => write!(f, "the interrupt controller never finishes a write (GICD_CTLR.RWP)"),
            Self::NoCpuInterface => write!(f, "the interrupt controller's node has no window for GICC"),
            Self::OverlapsMemory(range) => {
                write!(f, "the interrupt controller's window {range} overlaps memory")
            }
            Self::Map(error) => write!(f, "the interrupt controller cannot be mapped: {error}"),
            Self::TooSmall(error) => write!(f, "the interrupt controller cannot be driven: {error}"),
            Self::NoTimer => write!(f, "the tree has no interrupt for the virtual timer (arm,armv8-timer)"),
            Self::Cpu(error) => write!(f, "{error}"),
            Self::Lost => write!(f, "an interrupt that this CPU sent to itself did not arrive"),
        }
    }
}

impl From<MapError> for InterruptError {
    fn from(error: MapError) -> Self {
        Self::Map(error)
    }
}

impl Boot {
    /// Lets the kernel switch the machine off: by PSCI, or by a watchdog where the tree has no PSCI that can. The
    /// watchdog's registers, which are the kernel's from then on.
    pub fn open_power(&mut self, tree: &Tree<'_>) -> Option<PhysRange> {
        if let Some(psci) = tree.psci() {
            let conduit = match psci.conduit {
                devicetree::Conduit::Hvc => power::Conduit::Hvc,
                devicetree::Conduit::Smc => power::Conduit::Smc,
            };
            match psci.version {
                PsciVersion::Named { cpu_on } => power::set_psci(conduit, Some(cpu_on)),
                PsciVersion::Standard => {
                    power::set_psci(conduit, None);
                    return None;
                }
            }
        }
        let range = tree.watchdog()?.range;
        if touches_memory(tree, range) {
            return None;
        }
        // SAFETY: 1, the tree says that these are a watchdog's registers, outside all memory. 2, it masters nothing.
        let (window, address) = unsafe { self.map_device_at(range) }.ok()?;
        // SAFETY: 1, the window was just mapped as device memory, aligned and not empty. 2, this runs at boot.
        unsafe { crate::trap::load_if_present(address as u64) }?;
        power::set_watchdog(Watchdog::new(window).ok()?);
        Some(range)
    }

    /// Makes the board's RAM usable, all but what is reserved. `kept` is RAM that the loader filled and that
    /// the kernel still reads.
    ///
    /// # Errors
    /// [`MemoryError`]; the kernel cannot go on then.
    pub fn open_memory(&mut self, tree: &Tree<'static>, kept: &[PhysRange]) -> Result<(), MemoryError> {
        crate::copy::begin();
        if !tree.memory().any(|region| region.available) {
            return Err(no_memory(tree));
        }
        let mut ram = alloc::vec::Vec::new();
        let mut reserved = alloc::vec::Vec::new();
        for region in tree.memory() {
            let list = if region.available { &mut ram } else { &mut reserved };
            ranges::push(list, region.range)?;
        }
        for range in tree.reserved() {
            ranges::push(&mut reserved, range.range)?;
        }
        // A CPU may still watch its word while RAM is handed out; not every tree reserves those words.
        for page in release_pages(tree) {
            ranges::push(&mut reserved, page)?;
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
    pub fn open_interrupts(&mut self, tree: &Tree<'static>) -> Result<(), InterruptError> {
        let gic = tree.interrupt_controller().ok_or_else(|| no_controller(tree))?;
        let timer = tree.timer().and_then(|timer| timer.virtual_timer).ok_or(InterruptError::NoTimer)?;
        let controller = match gic.version {
            GicVersion::V2 => Controller::V2(self.open_gic_v2(tree, &gic)?),
            GicVersion::V3 => Controller::V3(self.open_gic_v3(tree, &gic)?),
        };
        let trigger = if timer.trigger.is_edge() { Trigger::Edge } else { Trigger::Level };
        interrupts::start(controller, timer.intid, trigger).map_err(InterruptError::Cpu)
    }

    /// Sends the boot CPU an interrupt from itself and waits for it.
    ///
    /// # Errors
    /// [`InterruptError::Lost`].
    pub fn check_interrupts(&self) -> Result<(), InterruptError> {
        interrupts::kick_arrives().then_some(()).ok_or(InterruptError::Lost)
    }

    fn open_gic_v2(
        &mut self,
        tree: &Tree<'_>,
        gic: &InterruptController<'_>,
    ) -> Result<GicV2, InterruptError> {
        let interface = gic.cpu_interface.ok_or(InterruptError::NoCpuInterface)?;
        let distributor = self.gic_window(tree, gic.distributor.range)?;
        let interface = self.gic_window(tree, interface.range)?;
        // SAFETY: 1, the tree says that these are a GICv2's registers, the ledger gives them to nobody, and
        // `gic_window` pairs each window with its address.
        unsafe { GicV2::new(distributor, interface) }.map_err(InterruptError::TooSmall)
    }

    fn open_gic_v3(
        &mut self,
        tree: &Tree<'_>,
        gic: &InterruptController<'_>,
    ) -> Result<GicV3, InterruptError> {
        /// GICD_PIDR2, which says which architecture this is.
        const PIDR2: usize = 0xffe8;
        let base = gic.distributor.range.base();
        let (distributor, address) = self.gic_window(tree, gic.distributor.range)?;
        let version = (distributor.size() > PIDR2).then(|| {
            // SAFETY: 1, the window was just mapped as device memory and reaches that far. 2, this runs at boot.
            unsafe { crate::trap::load_if_present((address + PIDR2) as u64) }
        });
        if !version.flatten().is_some_and(is_version_3) {
            return Err(InterruptError::NotVersion3(base));
        }
        let regions = gic.redistributors(tree).map(|window| (window.range.base().0, window.range.size()));
        let open = |address, count| self.open_redistributor(tree, PhysAddr(address), count);
        let redistributors = find_redistributors(regions, gic.redistributor_stride, open);
        let redistributors = redistributors.map_err(|error| match error {
            FindError::Stride => InterruptError::Stride(gic.redistributor_stride),
            FindError::OutOfMemory => InterruptError::OutOfMemory,
            FindError::TooSmall(error) => InterruptError::TooSmall(error),
            FindError::Open(error) => error,
        })?;
        GicV3::new(distributor, redistributors).map_err(|error| match error {
            DistributorError::TooSmall(error) => InterruptError::TooSmall(error),
            DistributorError::Stuck => InterruptError::Stuck,
        })
    }

    /// Maps what is needed of the redistributor at an address. A region is made for the largest machine of its
    /// kind: it is mapped only as far as there are redistributors, and as the kernel has room for them. A CPU whose
    /// redistributor is not among them cannot start.
    fn open_redistributor(
        &mut self,
        tree: &Tree<'_>,
        base: PhysAddr,
        count: usize,
    ) -> Result<Option<Window<'static>>, InterruptError> {
        /// The low word of GICR_TYPER.
        const TYPER: u64 = 8;
        let own = PhysRange::new(base, REDISTRIBUTOR_SIZE).map_err(|_| InterruptError::NoAnswer(base))?;
        let (window, address) = match self.gic_window(tree, own) {
            Err(InterruptError::Map(_)) if count > 0 => {
                defmt::warn!("no room for the redistributor at {=u64:#x}: its CPU cannot start", base.0);
                return Ok(None);
            }
            mapped => mapped?,
        };
        // SAFETY: 1, the window was just mapped as device memory. 2, this runs at boot.
        let answer = unsafe { crate::trap::load_if_present(address as u64 + TYPER) };
        answer.map(|_| Some(window)).ok_or(InterruptError::NoAnswer(base))
    }

    fn gic_window(
        &mut self,
        tree: &Tree<'_>,
        range: PhysRange,
    ) -> Result<(Window<'static>, usize), InterruptError> {
        if touches_memory(tree, range) {
            return Err(InterruptError::OverlapsMemory(range));
        }
        // SAFETY: 1, the tree says that these are the GIC's registers, outside all memory. 2, a GIC masters the
        // bus for message interrupts only, which stay off.
        Ok(unsafe { self.map_device_at(range)? })
    }
}

/// Why a tree has no RAM.
fn no_memory(tree: &Tree<'static>) -> MemoryError {
    let mut nodes = tree.children(NodeId::ROOT).filter(|node| tree.role(*node) == Role::Memory);
    let Some(first) = nodes.next() else { return MemoryError::NoNode };
    let available = [first].into_iter().chain(nodes).find(|node| tree.is_available(*node));
    available.map_or(MemoryError::Disabled, |node| MemoryError::Unfilled(tree.name(node)))
}

/// Why a tree has no GIC that can be used.
fn no_controller(tree: &Tree<'static>) -> InterruptError {
    let gic = tree.nodes().find(|node| tree.gic_version(*node).is_some());
    match gic.or_else(|| tree.foreign_controller()) {
        None => InterruptError::None,
        Some(node) if gic.is_none() => {
            let compatible = tree.compatible(node).next().unwrap_or("");
            InterruptError::Foreign { name: tree.name(node), compatible }
        }
        Some(node) if !tree.is_available(node) => InterruptError::Disabled(tree.name(node)),
        Some(node) => InterruptError::NoWindow(tree.name(node)),
    }
}

/// The pages that CPUs in a spin-table watch: the kernel's, whether or not they are in memory.
pub fn release_pages(tree: &Tree<'_>) -> impl Iterator<Item = PhysRange> {
    tree.cpus().filter_map(|cpu| match cpu.enable_method {
        EnableMethod::SpinTable(word) => spin::release_page(word),
        _ => None,
    })
}

/// Whether a window overlaps RAM, available or not, or reserved memory.
pub(crate) fn touches_memory(tree: &Tree<'_>, range: PhysRange) -> bool {
    let pages = range.expand_to_pages();
    tree.memory().any(|region| region.range.overlaps(pages))
        || tree.reserved().any(|reserved| reserved.range.overlaps(pages))
}
