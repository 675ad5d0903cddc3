//! What the program finds out about itself and the machine, from what it was given.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::error::Error;

use abi::device_table::{DeviceTable, Fate};
use abi::processargs as pa;
use abi::vmar::{PERM_READ, PERM_WRITE};
use abi::{Handle, PAGE_SIZE, PhysAddr, PhysRange, Status, Sysno, VirtAddr};
use devicetree::Tree;
use scenarios::{SCRATCH_SIZE, System, World, agent};
use zx::{Missing, Object, Startup, Vmo};

use crate::machine::{self, Machine};
use crate::vdso::Vdso;

/// A page of QEMU's virt between the virtio slots and the platform bus, where nothing is.
const HOLE: u64 = 0x0B00_0000;

/// Looks at everything that was given.
pub(crate) fn explore(mut startup: Startup) -> Result<(World, Vdso), Box<dyn Error>> {
    let vdso_vmo: Vmo = startup.take(pa::VMO_VDSO, 0)?;
    let vdso = Vdso::read(&vdso_vmo).map_err(|why| alloc::format!("the vDSO: {why}"))?;
    let base = machine::bound_call().wrapping_sub(vdso.function(Sysno::handle_close));
    let table = bytes_of(&startup.take(pa::USER_DEVICE_TABLE, 0)?)?;
    let table = DeviceTable::new(&table)?;
    let bootfs: Vmo = startup.take(pa::VMO_BOOTFS, 0)?;
    let agent_offset = find_agent(&bootfs)?;
    let mut given = |kind| {
        let handle = startup.take_startup_handle(kind, 0).ok_or(Missing { kind, arg: 0 });
        handle.map(zx::Handle::into_raw)
    };
    let mut world = World {
        thread: given(pa::THREAD_SELF)?,
        job: given(pa::JOB_DEFAULT)?,
        mmio_root: given(pa::MMIO_RESOURCE)?,
        irq_root: given(pa::IRQ_RESOURCE)?,
        system_root: given(pa::SYSTEM_RESOURCE)?,
        process: zx::process_self().ok_or(Missing { kind: pa::PROC_SELF, arg: 0 })?.raw(),
        vmar: zx::vmar_root().ok_or(Missing { kind: pa::VMAR_ROOT, arg: 0 })?.raw(),
        vdso: kept(vdso_vmo),
        vdso_base: VirtAddr(base),
        vdso_code: vdso.code,
        scratch: scratch()?,
        scratch_size: SCRATCH_SIZE,
        agent: (kept(bootfs), agent_offset),
        registers: window(&table, "arm,pl031", 0)?,
        flash: window(&table, "cfi-flash", 1)?,
        group: group(&table)?,
        ram: ram(&mut startup)?,
        controller: controller(&table)?,
        hole: PhysAddr(HOLE),
        physical_bits: 0,
    };
    world.physical_bits = physical_bits(world, &vdso)?;
    Ok((world, vdso))
}

/// A handle that stays open for as long as the program runs.
fn kept(object: impl Object) -> Handle {
    let handle: zx::Handle = object.into();
    handle.into_raw()
}

fn bytes_of(vmo: &Vmo) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut bytes = vec![0; usize::try_from(vmo.size()?)?];
    vmo.read(&mut bytes, 0)?;
    Ok(bytes)
}

/// The agent's code lies on a page of its own in this program's read-only data, and so in its file.
fn find_agent(bootfs: &Vmo) -> Result<u64, Box<dyn Error>> {
    #[repr(align(4096))]
    struct Page([u32; agent::AGENT.len()]);
    static PAGE: Page = Page(agent::AGENT);
    let wanted: Vec<u8> = core::hint::black_box(&PAGE).0.iter().flat_map(|word| word.to_le_bytes()).collect();
    let mut found = vec![0; wanted.len()];
    let mut offset = 0;
    while offset < bootfs.size()? {
        bootfs.read(&mut found, offset)?;
        if found == wanted {
            return Ok(offset);
        }
        offset += PAGE_SIZE;
    }
    Err("the agent's page is in no file of the boot file system".into())
}

fn scratch() -> Result<VirtAddr, Box<dyn Error>> {
    let vmo = Vmo::create(SCRATCH_SIZE, 0)?;
    let vmar = zx::vmar_root().ok_or(Missing { kind: pa::VMAR_ROOT, arg: 0 })?;
    let part = zx::Part { vmo: &vmo, offset: 0, len: SCRATCH_SIZE };
    Ok(vmar.map(PERM_READ | PERM_WRITE, 0, part)?)
}

/// A window that may be granted, by its device and place.
fn window(table: &DeviceTable<'_>, compatible: &str, index: usize) -> Result<PhysRange, Box<dyn Error>> {
    let node = table.nodes().find(|node| node.compatible().any(|name| name == compatible));
    let window = node.and_then(|node| node.windows().filter(|window| window.fate() == Some(Fate::Grant)).nth(index));
    let range = window.and_then(|window| window.range());
    range.ok_or_else(|| alloc::format!("there is no window {index} of a {compatible}").into())
}

/// The first two windows that share one page.
fn group(table: &DeviceTable<'_>) -> Result<[PhysRange; 2], Box<dyn Error>> {
    let pairs = table.groups().filter(|group| group.size == PAGE_SIZE).filter_map(|group| {
        let mut ranges = table.members(&group).filter_map(|window| window.range());
        Some([ranges.next()?, ranges.next()?])
    });
    pairs.into_iter().next().ok_or_else(|| "no two windows share a page".into())
}

/// The first window of the interrupt controller.
fn controller(table: &DeviceTable<'_>) -> Result<PhysAddr, Box<dyn Error>> {
    let is_gic = |name: &str| devicetree::GIC_COMPATIBLES.iter().any(|(gic, _)| *gic == name);
    let node = table.nodes().find(|node| node.compatible().any(is_gic));
    let range = node.and_then(|node| node.windows().next()).and_then(|window| window.range());
    range.map(PhysRange::base).ok_or_else(|| "the device table has no interrupt controller".into())
}

/// The first bank of RAM, from the device tree.
fn ram(startup: &mut Startup) -> Result<PhysRange, Box<dyn Error>> {
    let blob = bytes_of(&startup.take(pa::VMO_BOOTDATA, 0)?)?;
    let describe = |error: devicetree::Error| alloc::format!("the device tree: {error}");
    let mut buffer = vec![0; devicetree::buffer_size(&blob).map_err(describe)?];
    let tree = Tree::parse(&blob, &mut buffer).map_err(describe)?;
    let bank = tree.memory().find(|region| region.available);
    bank.map(|region| region.range).ok_or_else(|| "the device tree names no memory".into())
}

/// The CPU's address width, from where the kernel draws the line.
fn physical_bits(world: World, vdso: &Vdso) -> Result<u32, Box<dyn Error>> {
    let mut machine = Machine::new(world, vdso.clone());
    let out = world.scratch.0;
    for bits in 32..=52 {
        let args = [u64::from(world.mmio_root), 1 << bits, PAGE_SIZE, out, 0, 0, 0, 0];
        let status = Status(machine.call(Sysno::vmo_create_physical, args) as i32);
        if status == Status::OUT_OF_RANGE {
            return Ok(bits);
        }
        if status == Status::OK {
            let mut handle = [0; 4];
            machine.peek(world.scratch, &mut handle);
            let handle = u64::from(u32::from_le_bytes(handle));
            machine.call(Sysno::handle_close, [handle, 0, 0, 0, 0, 0, 0, 0]);
        }
    }
    Err("the kernel takes addresses beyond every CPU's".into())
}
