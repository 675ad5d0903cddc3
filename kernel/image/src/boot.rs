//! From the loader's hand-over to a machine that is known.
#![forbid(unsafe_code)]

use alloc::vec::Vec;
use core::fmt::Display;

use aarch64::{Board, Boot, EntryLevel, Uart, image, log, panic, power, println, record, watch};
use abi::PhysRange;
use devicetree::Tree;
use ledger::{Builder, Ledger};

use crate::arguments::Arguments;
use crate::map::DeviceMap;
use crate::run;

/// Everything that boot found out, for the kernel proper.
#[derive(Debug)]
pub(crate) struct BootInfo {
    /// The machine: the kernel's ports.
    pub board: Board,
    /// The device tree, checked and clean.
    pub tree: Tree<'static>,
    /// What may be granted.
    pub ledger: Ledger,
    /// The UART that the kernel prints to.
    pub console: Option<Uart>,
    /// The boot arguments.
    pub arguments: Arguments<'static>,
    /// The file system that the loader brought along.
    pub initrd: Option<&'static [u8]>,
    /// CPUs that run.
    pub cpus: usize,
}

/// Boots, and does not come back.
pub(crate) fn boot(mut boot: Boot) -> ! {
    match find_out(&mut boot) {
        Ok(found) => {
            let info = BootInfo {
                board: boot.into_board(),
                tree: found.tree,
                ledger: found.ledger,
                console: found.console,
                arguments: found.arguments,
                initrd: found.initrd,
                cpus: found.cpus,
            };
            let why = run::run(info);
            power::fail(format_args!("{why}"))
        }
        Err(why) => boot.fail(format_args!("{why}")),
    }
}

/// What [`BootInfo`] is made of, while the machine is still being found out.
struct Found {
    tree: Tree<'static>,
    ledger: Ledger,
    console: Option<Uart>,
    arguments: Arguments<'static>,
    initrd: Option<&'static [u8]>,
    cpus: usize,
}

fn find_out(boot: &mut Boot) -> Result<Found, Failure> {
    if boot.level() == EntryLevel::El3 {
        return Err(Failure::EnteredAtEl3);
    }
    let tree = read_tree(boot)?;
    let arguments = Arguments::new(tree.chosen().bootargs());
    let console = boot.open_console(&tree, arguments.console);
    let wire = boot.open_log(&tree, console);
    log::set_level(arguments.log);
    if arguments.semihosting {
        power::allow_semihosting();
    }
    let watchdog = boot.open_power(&tree);
    greet(boot, &tree, &arguments);

    let initrd = tree.chosen().initrd();
    boot.open_memory(&tree, initrd.as_slice()).map_err(Failure::Memory)?;
    let initrd = initrd.and_then(|range| {
        let bytes = boot.kept_bytes(range);
        if bytes.is_none() {
            println!("the initrd {range} does not lie in memory that the kernel may use: ignored");
        }
        bytes
    });
    let ledger = account(&tree, boot.image(), console, wire, watchdog)?;
    boot.open_interrupts(&tree).map_err(Failure::Interrupts)?;
    let cpus = boot.start_cpus(&tree);
    match cpus {
        1 => println!("1 CPU runs"),
        _ => println!("{cpus} CPUs run"),
    }
    if arguments.test {
        boot.verify().map_err(Failure::Broken)?;
        println!("the kernel's address space is as it should be");
        boot.check_interrupts().map_err(Failure::Interrupts)?;
        if let Some(limit) = arguments.patience {
            watch::shorten(limit);
        }
    }
    if let Some(trial) = arguments.fail.filter(|_| arguments.test) {
        panic::fail_as(trial);
    }
    println!("{}", DeviceMap { tree: &tree, ledger: &ledger });
    Ok(Found { tree, ledger, console, arguments, initrd, cpus })
}

/// Heap for a tree, in its own size: copy and index of a real one need up to 2.3 times that, the rest is margin for
/// what the index leaves behind while it grows.
const HEAP_FOR_TREE: usize = 8;
/// What the heap has to begin with.
const SMALL_HEAP: u64 = 64 << 10;

/// The loader's tree, checked and copied to where it stays.
fn read_tree(boot: &mut Boot) -> Result<Tree<'static>, Failure> {
    let blob = boot.tree_bytes().ok_or(Failure::NoTree)?;
    let size = devicetree::buffer_size(blob).map_err(Failure::Tree)?;
    let wanted = (size * HEAP_FOR_TREE) as u64;
    if wanted > SMALL_HEAP {
        boot.extend_heap(wanted).map_err(|_| Failure::LargeTree(size))?;
    }
    let blob = boot.tree_bytes().ok_or(Failure::NoTree)?;
    let mut copy: Vec<u8> = Vec::new();
    copy.try_reserve_exact(size).map_err(|_| Failure::LargeTree(size))?;
    copy.resize(size, 0);
    Tree::parse(blob, copy.leak()).map_err(Failure::Tree)
}

/// The ledger: what is left when memory and the kernel's own devices are taken away.
fn account(
    tree: &Tree<'static>,
    image: PhysRange,
    console: Option<Uart>,
    wire: Option<Uart>,
    watchdog: Option<PhysRange>,
) -> Result<Ledger, Failure> {
    for dynamic in tree.dynamic_reservations() {
        println!("{}", dynamic.finding().display(tree));
    }
    let builder = Builder::new(tree).address_bits(aarch64::cpu::physical_address_bits());
    let mut builder = builder.keep(image, "kernel image");
    if let Some(wire) = wire {
        builder = builder.keep(wire.range, "kernel log");
    }
    if let Some(watchdog) = watchdog {
        builder = builder.keep(watchdog, "kernel power-off");
    }
    for page in aarch64::release_pages(tree) {
        builder = builder.keep(page, "spin-table");
    }
    builder.console(console.map(|console| console.node)).freeze().map_err(Failure::Ledger)
}

fn greet(boot: &Boot, tree: &Tree<'_>, arguments: &Arguments<'_>) {
    let model = tree.property(devicetree::NodeId::ROOT, "model");
    let model = model.and_then(|model| core::ffi::CStr::from_bytes_until_nul(model).ok());
    let model = model.and_then(|model| model.to_str().ok()).unwrap_or("a board without a model name");
    println!("Jacinth {} on {model}, entered at {}", env!("CARGO_PKG_VERSION"), boot.level());
    println!("image {}, build-id {}", boot.image(), image::BuildId);
    if let Some(before) = record::before() {
        println!("the boot before ended in: {before} (`cargo xtask dump` says more)");
    }
    for word in arguments.unknown() {
        println!("boot argument \"{word}\" is not known: ignored");
    }
    defmt::info!("booting, image at {=u64:#x}", boot.image().base().0);
}

/// Why the machine cannot be used. Each is one line, which says what to do.
enum Failure {
    EnteredAtEl3,
    NoTree,
    Tree(devicetree::Error),
    LargeTree(usize),
    Memory(aarch64::MemoryError),
    Ledger(ledger::Error),
    Interrupts(aarch64::InterruptError),
    Broken(aarch64::Broken),
}

impl Display for Failure {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::EnteredAtEl3 => write!(f, "entered at EL3; start the flat Image at EL1 or EL2"),
            Self::NoTree => write!(f, "no device tree at the address in x0; have the loader pass one"),
            Self::Tree(error) => write!(f, "{error}"),
            Self::LargeTree(size) => {
                write!(
                    f,
                    "the device tree needs {size} bytes, more than the boot heap has; reserve a larger one"
                )
            }
            Self::Memory(error) => write!(f, "{error}"),
            Self::Ledger(error) => write!(f, "the device tree cannot be accounted for: {error}"),
            Self::Broken(broken) => write!(f, "{broken}"),
            Self::Interrupts(error) => write!(f, "{error}"),
        }
    }
}
