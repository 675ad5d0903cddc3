//! Lines of the conformance list about the inside of the kernel: what it refuses to itself.

use abi::Status;
use abi::resource::Kind;
use abi::vdso::Constants;
use devicetree::Tree;
use hosted::elf::{self, Vdso};
use hosted::{Config, Machine, bootfs, virt};
use kernel::boot::{Error, Images, Supply, VdsoImage};
use kernel::object::{Name, Resource};
use kernel::{Kernel, Options};
use ledger::Builder;

/// A line's id, what must be so, and the check.
pub(crate) type Inside = (&'static str, &'static str, fn() -> Result<(), String>);

pub(crate) const TESTS: &[Inside] = &[
    ("RES-026", "a kind of which the machine has nothing is not given out", without_allocator),
    ("RES-031", "nothing stands for all of a kind that is none", unknown_roots),
];

/// Boots a kernel whose supply has one item.
fn boot_with(item: Supply) -> Result<(), Error> {
    let config = Config::default();
    let blob = virt::tree(config.ram, "test");
    let mut buffer = vec![0; devicetree::buffer_size(&blob).expect("the blob is one of ours")];
    let tree = Tree::parse(&blob, &mut buffer).expect("the blob is one of ours");
    let ledger = Builder::new(&tree).freeze().expect("the tree is one of ours");
    let table = ledger.device_table(&tree).expect("the heap has room for the device table");
    let vdso = Vdso::build();
    let constants = Constants {
        ticks_per_second: 0,
        nanos_per_tick_q32: 0,
        physmem: config.ram.size(),
        page_size: 0,
        num_cpus: 1,
        dcache_line_size: 64,
        icache_line_size: 64,
        cpu_features: 0,
        reserved: 0,
        version: [0; 64],
    };
    let image = VdsoImage { bytes: &vdso.file, constants };
    let mut kernel = Kernel::new(Machine::new(config), ledger, Options::default(), &image)?;
    let bootfs = bootfs::build(&[("init", elf::program().as_slice())]);
    let images = Images { bootfs: &bootfs, tree: &blob, device_table: &table, arguments: "test", seeds: &[] };
    kernel.start_first(&images, [item].into_iter())
}

/// Zircon's kernel has a moment without allocators of addresses and interrupts. This one is made of a ledger, so those
/// kinds are never without; the kind that an Arm machine has nothing of stands for them.
fn without_allocator() -> Result<(), String> {
    let item = |kind| Supply { kind, base: 0x60, size: 1, name: Name::new(b"port") };
    for kind in [Kind::Mmio, Kind::Irq] {
        boot_with(item(kind)).map_err(|error| format!("{kind:?}: {error}"))?;
    }
    if Kind::Ioport.numbers() != Some(0) {
        return Err("there are numbers of I/O ports to ask for".into());
    }
    match boot_with(item(Kind::Ioport)) {
        Err(Error::Failed(_, Status::BAD_STATE)) => Ok(()),
        Err(error) => Err(format!("I/O ports: {error}")),
        Ok(()) => Err("the kernel gives out I/O ports, of which Arm has none".into()),
    }
}

fn unknown_roots() -> Result<(), String> {
    for raw in [3, 6, 7, 0xFFFF, u32::MAX] {
        match Resource::ranged_root_of(1024, raw, "root") {
            Err(Status::INVALID_ARGS) => {}
            other => return Err(format!("a ranged root of kind {raw}: {other:?}")),
        }
    }
    for kind in [Kind::Mmio, Kind::Irq, Kind::Smc, Kind::System] {
        let root =
            Resource::ranged_root_of(1024, kind as u32, "root").map_err(|status| status.to_string())?;
        if (root.kind, root.base, root.size) != (kind, 0, 0) || !root.is_ranged_root() {
            return Err(format!("{root:?} does not stand for all of {kind:?}"));
        }
    }
    Ok(())
}
