//! A simulated board like QEMU's virt, with the kernel booted on it as the image does.

use abi::resource::Kind;
use abi::vdso::Constants;
use abi::{PhysAddr, PhysRange};
use devicetree::Tree;
use kernel::boot::{Images, Supply, VdsoImage};
use kernel::object::Name;
use kernel::{Kernel, Options};
use ledger::{Builder, Ledger};

use crate::cpu::Cpu;
use crate::devices::{Flash, Memory, Pl031, TimeKnob};
use crate::elf::{Vdso, program};
use crate::fdt::Fdt;
use crate::machine::{Config, Machine};

/// The real-time clock: a page of registers.
pub const RTC: (u64, u64) = (0x0901_0000, 0x1000);
/// The console's UART.
pub const UART: (u64, u64) = (0x0900_0000, 0x1000);
/// Two banks of flash: memory-like.
pub const FLASH: [(u64, u64); 2] = [(0, 0x0400_0000), (0x0400_0000, 0x0400_0000)];
/// On-chip RAM: memory-like, and keeps what is written.
pub const SRAM: (u64, u64) = (0x0C00_0000, 0x0080_0000);
/// Distributor and CPU interface of the GICv2.
pub const GIC: [(u64, u64); 2] = [(0x0800_0000, 0x1_0000), (0x0801_0000, 0x1_0000)];
/// The first of eight devices that share a page, each of this size.
pub const VIRTIO: (u64, u64) = (0x0A00_0000, 0x200);
/// The registers of a device whose bus reaches one MiB in the middle of RAM, and sees it from [`LIMITED_BUS`] on. Nothing
/// answers there.
pub const LIMITED: (u64, u64) = (0x0B10_0000, 0x1000);
/// Where that bus has its memory.
pub const LIMITED_BUS: u64 = 0xD000_0000;
/// A page where nothing answers.
pub const HOLE: u64 = 0x0908_0000;
/// What the clock shows at first: 2024-02-29 12:34:56 UTC.
pub const NOW: u32 = 1_709_210_096;

/// The board, booted, with its first process about to run.
#[derive(Debug)]
pub struct Board {
    /// The CPU with the kernel.
    pub cpu: Cpu,
    /// The machine under it.
    pub machine: Machine,
    /// Turns the real-time clock.
    pub clock: TimeKnob,
    /// The vDSO that programs see.
    pub vdso: Vdso,
}

/// The board's device tree.
pub fn tree(ram: PhysRange, arguments: &str) -> Vec<u8> {
    tree_with(ram, arguments, |_| ())
}

/// The same with more nodes below the root.
pub fn tree_with(ram: PhysRange, arguments: &str, more: impl FnOnce(&mut Fdt)) -> Vec<u8> {
    let mut fdt = Fdt::new();
    fdt.cells("#address-cells", &[2]).cells("#size-cells", &[2]).cells("interrupt-parent", &[1]);
    fdt.strings("model", &["jacinth,hosted-virt"]).strings("compatible", &["linux,dummy-virt"]);
    fdt.begin("chosen").strings("bootargs", &[arguments]).strings("stdout-path", &["/pl011@9000000"]);
    fdt.property("rng-seed", &[0x5E; 32]).cells("kaslr-seed", &[0x1234_5678, 0x9ABC_DEF0]).end();
    let memory = format!("memory@{:x}", ram.base());
    fdt.begin(&memory).strings("device_type", &["memory"]).reg(&[(ram.base().0, ram.size())]).end();
    fdt.begin("intc@8000000")
        .strings("compatible", &["arm,cortex-a15-gic"])
        .property("interrupt-controller", &[]);
    fdt.cells("#interrupt-cells", &[3]).cells("phandle", &[1]).reg(&GIC).end();
    fdt.begin("timer").strings("compatible", &["arm,armv8-timer"]);
    fdt.cells("interrupts", &[1, 13, 4, 1, 14, 4, 1, 11, 4, 1, 10, 4]).end();
    fdt.begin("psci").strings("compatible", &["arm,psci-1.0"]).strings("method", &["hvc"]).end();
    fdt.begin("flash@0").strings("compatible", &["cfi-flash"]).cells("bank-width", &[4]).reg(&FLASH).end();
    fdt.begin("sram@c000000").strings("compatible", &["mmio-sram"]).reg(&[SRAM]).end();
    fdt.begin("pl011@9000000").strings("compatible", &["arm,pl011", "arm,primecell"]).reg(&[UART]);
    fdt.cells("interrupts", &[0, 1, 4]).end();
    fdt.begin("pl031@9010000").strings("compatible", &["arm,pl031", "arm,primecell"]).reg(&[RTC]);
    fdt.cells("interrupts", &[0, 2, 4]).end();
    for index in 0..8 {
        let base = VIRTIO.0 + index * VIRTIO.1;
        fdt.begin(&format!("virtio_mmio@{base:x}")).strings("compatible", &["virtio,mmio"]);
        fdt.reg(&[(base, VIRTIO.1)]).cells("interrupts", &[0, 16 + index as u32, 1]).end();
    }
    let middle = PhysAddr(ram.base().0 + ram.size() / 2).page_down().0;
    let halves = |word: u64| [(word >> 32) as u32, word as u32];
    fdt.begin("limited").strings("compatible", &["simple-bus"]).property("ranges", &[]);
    fdt.cells("#address-cells", &[2]).cells("#size-cells", &[2]);
    fdt.cells("dma-ranges", &[LIMITED_BUS, middle, 1 << 20].map(halves).concat());
    fdt.begin(&format!("dma@{:x}", LIMITED.0)).strings("compatible", &["jacinth,limited-dma"]);
    fdt.reg(&[LIMITED]).end().end();
    describe_made_up(&mut fdt);
    more(&mut fdt);
    fdt.finish()
}

/// Devices that nobody has, for what drivers read of `reg` (scenarios `DTV-*`).
fn describe_made_up(fdt: &mut Fdt) {
    let kind = |name| ["jacinth,made-up", name];
    fdt.begin("made-up@b200000").strings("compatible", &kind("jacinth,three"));
    fdt.reg(&[(0xB20_0000, 0x1000), (0xB20_2000, 0x200), (0xB20_4000, 0x2000)]);
    fdt.strings("reg-names", &["control", "queue", "memory"]).end();
    fdt.begin("made-up-bus").strings("compatible", &["simple-bus"]);
    fdt.cells("#address-cells", &[1]).cells("#size-cells", &[1]);
    fdt.cells("ranges", &[0x7E00_0000, 0, 0xB21_0000, 0x1_0000]);
    fdt.begin("made-up@7e001000").strings("compatible", &kind("jacinth,translated"));
    fdt.cells("reg", &[0x7E00_1000, 0x200]).end().end();
    fdt.begin("made-up").strings("compatible", &kind("jacinth,nothing")).end();
    fdt.begin("made-up@b220000").strings("compatible", &kind("jacinth,broken"));
    fdt.cells("reg", &[0, 0xB22_0000, 0]).end();
}

impl Board {
    /// Takes every count of the kernel's anew, and looks for an owner of each frame.
    ///
    /// # Panics
    /// If the books are wrong: it says in what.
    pub fn check_books(&self) {
        let kernel = &self.cpu.kernel;
        if let Err(broken) = kernel.check_invariants() {
            panic!("{broken}");
        }
        let in_use = self.machine.frames_in_use() as u64;
        assert_eq!(kernel.frames_owned(), in_use, "frames that nobody owns, or two do");
    }

    /// Boots with these files beside `init`, and these boot arguments.
    ///
    /// # Panics
    /// If the kernel does not start: every image here is right.
    pub fn boot(config: Config, files: &[(&str, &[u8])], arguments: &str) -> Self {
        Self::boot_tree(config, files, arguments, &tree(config.ram, arguments))
    }

    /// Boots with a tree of [`tree_with`].
    ///
    /// # Panics
    /// As [`Board::boot`].
    pub fn boot_tree(config: Config, files: &[(&str, &[u8])], arguments: &str, blob: &[u8]) -> Self {
        let machine = Machine::new(config);
        let clock = attach_devices(&machine);
        let mut buffer = vec![0; devicetree::buffer_size(blob).expect("the blob is one of ours")];
        let tree = Tree::parse(blob, &mut buffer).expect("the blob is one of ours");
        let console = tree.find_compatible(&["arm,pl011"]);
        let ledger = Builder::new(&tree).console(console).freeze().expect("the tree is one of ours");
        let table = ledger.device_table(&tree).expect("the heap has room for the device table");
        let supply = supply(&tree, &ledger);
        let options = Options {
            test: arguments.split_whitespace().any(|word| word == "test"),
            console: PhysRange::new(PhysAddr(UART.0), UART.1).ok(),
            seed: [7; 32],
            many_cpus: config.cpus > 1,
        };
        let vdso = Vdso::build();
        let image = VdsoImage { bytes: &vdso.file, constants: constants(&config) };
        let mut kernel = Kernel::new(machine.clone(), ledger, options, &image).expect("the kernel starts");
        let first = program();
        let bootfs = crate::bootfs::build(&[&[("init", first.as_slice())], files].concat());
        let images = Images {
            bootfs: &bootfs,
            tree: tree.blob(),
            seeds: &tree.seeds(),
            device_table: &table,
            arguments,
        };
        kernel.start_first(&images, supply.into_iter()).expect("the first process starts");
        Self { cpu: Cpu::new(kernel, machine.clone(), config), machine, clock, vdso }
    }
}

fn attach_devices(machine: &Machine) -> TimeKnob {
    let (rtc, clock) = Pl031::new(NOW);
    machine.attach(PhysAddr(RTC.0), RTC.1, rtc);
    for (base, size) in FLASH {
        machine.attach(PhysAddr(base), size, Flash::new(size));
    }
    machine.attach(PhysAddr(SRAM.0), SRAM.1, Memory::new(SRAM.1 as usize));
    machine.attach(PhysAddr(UART.0), UART.1, Memory::new(UART.1 as usize));
    machine.attach(PhysAddr(VIRTIO.0), 8 * VIRTIO.1, Memory::new(8 * VIRTIO.1 as usize));
    clock
}

/// The resources that the kernel makes at boot: windows in the table's order, then interrupts.
fn supply(tree: &Tree<'_>, ledger: &Ledger) -> Vec<Supply> {
    let name = |node| Name::from_tail(tree.path(node));
    let windows = ledger.grantable().map(|window| Supply {
        kind: Kind::Mmio,
        base: window.range.base().0,
        size: window.range.size(),
        name: name(window.node),
    });
    let lines = ledger.interrupts().iter().map(|line| Supply {
        kind: Kind::Irq,
        base: u64::from(line.intid),
        size: 1,
        name: name(line.node),
    });
    windows.chain(lines).collect()
}

fn constants(config: &Config) -> Constants {
    Constants {
        ticks_per_second: 0,
        nanos_per_tick_q32: 0,
        physmem: config.ram.size(),
        page_size: 0,
        num_cpus: config.cpus as u32,
        dcache_line_size: 64,
        icache_line_size: 64,
        cpu_features: 0,
        reserved: 0,
        version: [0; 64],
    }
}
