//! Finding out what the scenarios want to know about the machine: from the device tree and by trying.
#![forbid(unsafe_code)]

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use devicetree::Tree;
use scenarios::{Limited, SCRATCH_SIZE, World, agent};
use zx::abi::processargs as pa;
use zx::abi::{PAGE_SIZE, vmar};
use zx::{Handle, Object, PhysAddr, Resource, Startup, Status, VirtAddr, Vmar, Vmo};

/// Why the scenarios cannot run here.
#[derive(Debug)]
pub(crate) enum Error {
    /// Something was not given: the boot arguments need `grant=conformance:roots`.
    Missing(zx::Missing),
    /// A call that must work did not.
    Call(&'static str, Status),
    /// The tree has no such device.
    NoDevice(&'static str),
    /// The tree that the kernel passed on is bad.
    Tree(devicetree::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(missing) => {
                write!(f, "{missing}: boot with grant=conformance:roots, so that it can be tested")
            }
            Self::Call(what, status) => write!(f, "cannot {what}: {status}"),
            Self::NoDevice(what) => write!(f, "this board has no {what}, which the scenarios need"),
            Self::Tree(error) => write!(f, "the device tree is bad: {error}"),
        }
    }
}

impl core::error::Error for Error {}

impl From<zx::Missing> for Error {
    fn from(missing: zx::Missing) -> Self {
        Self::Missing(missing)
    }
}

/// Names what a call is for, in its error.
pub(crate) fn step<T>(what: &'static str, result: zx::Result<T>) -> Result<T, Error> {
    result.map_err(|status| Error::Call(what, status))
}

/// Takes what was given and finds out the rest. `vdso` is where the vDSO is mapped and where its code lies.
pub(crate) fn explore(
    mut startup: Startup,
    vdso: Vmo,
    base: VirtAddr,
    code: (u64, u64),
) -> Result<World, Error> {
    let mmio: Resource = startup.take(pa::MMIO_RESOURCE, 0)?;
    let irq: Resource = startup.take(pa::IRQ_RESOURCE, 0)?;
    let smc: Resource = startup.take(pa::SMC_RESOURCE, 0)?;
    let system: Resource = startup.take(pa::SYSTEM_RESOURCE, 0)?;
    let job: zx::Job = startup.take(pa::JOB_DEFAULT, 0)?;
    let thread: zx::Thread = startup.take(pa::THREAD_SELF, 0)?;
    let blob: Vmo = startup.take(pa::VMO_BOOTDATA, 0)?;
    let table: Vmo = startup.take(pa::USER_DEVICE_TABLE, 0)?;
    let limited = Limited::find(&contents(&table)?);
    let root = zx::vmar_root().ok_or(Error::NoDevice("VMAR"))?;
    let process = zx::process_self().ok_or(Error::NoDevice("process handle"))?;
    let physical_bits = physical_bits(&mmio)?;
    let bytes = contents(&blob)?;
    let mut clean = vec![0; devicetree::buffer_size(&bytes).map_err(Error::Tree)?];
    let tree = Tree::parse(&bytes, &mut clean).map_err(Error::Tree)?;
    let devices = Devices { tree: &tree };
    let flash = devices.windows("cfi-flash");
    // A board without one of these fails the scenarios that need it; the others run.
    let nowhere = zx::abi::PhysRange::new(PhysAddr(0), PAGE_SIZE).map_err(|_| Error::NoDevice("page 0"))?;
    let ram = tree.memory().find(|region| region.available).ok_or(Error::NoDevice("RAM"))?.range;
    // Some RAM, with RAM around it.
    let no_flash = PhysAddr(ram.base().0 + ram.size() / 2).page_down();
    let no_flash = zx::abi::PhysRange::new(no_flash, 16 * PAGE_SIZE).unwrap_or(ram);
    let controller = devices.first_of(&["arm,cortex-a15-gic", "arm,gic-400", "arm,gic-v3"]);
    // On a Raspberry Pi it is the pins' function that is written to. QEMU's have none; on a real board this would take
    // the console's pins away, so this program is not for one.
    let registers = devices.first_of(&["arm,pl031", "brcm,bcm2711-gpio"]);
    Ok(World {
        process: process.raw(),
        thread: Handle::from(thread).into_raw(),
        job: Handle::from(job).into_raw(),
        vmar: root.raw(),
        vdso: Handle::from(vdso).into_raw(),
        vdso_base: base,
        vdso_code: code,
        mmio_root: Handle::from(mmio).into_raw(),
        smc_root: Handle::from(smc).into_raw(),
        irq_root: Handle::from(irq).into_raw(),
        system_root: Handle::from(system).into_raw(),
        scratch: scratch(root)?,
        scratch_size: SCRATCH_SIZE,
        agent: (agent_vmo()?.into_raw(), 0),
        registers: registers.unwrap_or(nowhere),
        flash: flash.last().copied().unwrap_or(no_flash),
        has_flash: !flash.is_empty(),
        device_table: Handle::from(table).into_raw(),
        limited,
        sram: devices.windows("mmio-sram").into_iter().find(|range| range.size() >= 8 << 20),
        group: devices.group().unwrap_or([nowhere; 2]),
        ram,
        controller: controller.ok_or(Error::NoDevice("interrupt controller"))?.base(),
        hole: devices.hole().unwrap_or(nowhere.base()),
        seeds: seeds(&tree),
        physical_bits,
        checks_alignment: false,
    })
}

/// The bytes of a VMO that the kernel gave.
fn contents(vmo: &Vmo) -> Result<Vec<u8>, Error> {
    let size = step("ask for the size of what the kernel gave", vmo.size())?;
    let mut bytes = vec![0; size as usize];
    step("read what the kernel gave", vmo.read(&mut bytes, 0))?;
    Ok(bytes)
}

/// The bytes of the firmware's random seeds, and how many of them are told.
fn seeds(tree: &Tree<'_>) -> (usize, usize) {
    let blob = tree.blob();
    let bytes = tree.seeds().into_iter().filter_map(|seed| blob.get(seed)).flatten();
    bytes.fold((0, 0), |(all, told), byte| (all + 1, told + usize::from(*byte != 0)))
}

/// What the tree says of devices.
struct Devices<'t, 'a> {
    tree: &'t Tree<'a>,
}

impl Devices<'_, '_> {
    /// The windows of all devices that are compatible with `name`, by address.
    fn windows(&self, name: &str) -> Vec<zx::abi::PhysRange> {
        let fits = |node| {
            let list = self.tree.property(node, "compatible").unwrap_or(&[]);
            list.split(|&byte| byte == 0).any(|entry| entry == name.as_bytes())
        };
        let mut found: Vec<_> =
            self.tree.windows().filter(|window| fits(window.node)).map(|window| window.range).collect();
        found.sort();
        found
    }

    /// The first window of the first of these kinds that there is.
    fn first_of(&self, names: &[&str]) -> Option<zx::abi::PhysRange> {
        names.iter().find_map(|name| self.windows(name).first().copied())
    }

    /// Two windows that share a page.
    fn group(&self) -> Option<[zx::abi::PhysRange; 2]> {
        let slots = self.windows("virtio,mmio").first_chunk().copied();
        let mailboxes = || {
            Some([
                self.first_of(&["brcm,bcm2835-mbox"])?,
                self.first_of(&["brcm,bcm2711-vchiq", "brcm,bcm2836-vchiq", "brcm,bcm2835-vchiq"])?,
            ])
        };
        slots.or_else(mailboxes)
    }

    /// A page in which the tree names nothing: among virt's low peripherals, or beyond a Raspberry Pi's RAM as QEMU
    /// has it.
    fn hole(&self) -> Option<PhysAddr> {
        const BEGINNINGS: [u64; 2] = [0x0908_0000, 0xa000_0000];
        let taken = |page: u64| {
            let page = zx::abi::PhysRange::new(PhysAddr(page), PAGE_SIZE);
            page.is_ok_and(|page| {
                self.tree.windows().any(|window| window.range.overlaps(page))
                    || self.tree.memory().any(|region| region.range.overlaps(page))
            })
        };
        BEGINNINGS
            .into_iter()
            .flat_map(|start| (0..0x80).map(move |page| start + page * PAGE_SIZE))
            .find(|page| !taken(*page))
            .map(PhysAddr)
    }
}

/// The CPU's physical address bits: the first power of two that no VMO may start at.
fn physical_bits(mmio: &Resource) -> Result<u32, Error> {
    (32..64)
        .find(|bits| {
            Vmo::create_physical(mmio, PhysAddr(1 << bits), PAGE_SIZE as usize).err()
                == Some(Status::OUT_OF_RANGE)
        })
        .ok_or(Error::NoDevice("end of physical addresses"))
}

/// Memory for the scenarios.
fn scratch(root: &Vmar) -> Result<VirtAddr, Error> {
    let vmo = step("make scratch memory", Vmo::create(SCRATCH_SIZE, 0))?;
    let whole = zx::Part { vmo: &vmo, offset: 0, len: SCRATCH_SIZE };
    step("map scratch memory", root.map(vmar::PERM_READ | vmar::PERM_WRITE, 0, whole))
}

/// An executable VMO with the agent's page.
fn agent_vmo() -> Result<Handle, Error> {
    let vmo = step("make the agent's page", Vmo::create(PAGE_SIZE, 0))?;
    step("write the agent's page", vmo.write(&agent::page(), 0))?;
    step("make the agent executable", vmo.replace_as_executable(None)).map(Handle::from)
}
