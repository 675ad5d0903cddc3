//! Counts the instructions that device trees cost the kernel.
//!
//! Under QEMU's `-icount shift=0,sleep=off` an instruction takes one virtual nanosecond, so the counter is an exact
//! count. `cargo xtask test` packs trees as `*.dtb` into the boot file system and reads the lines
//! `tree NAME BYTES NODES PARSE LEDGER QUESTIONS`, in ticks, after `frequency HZ`.
//!
//! The crates are those that the kernel links. Each count is the least of three: the first pays for the pages of the
//! heap, which the kernel has at hand.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::boxed::Box;
use alloc::format;
use alloc::vec;
use core::error::Error;
use core::hint::black_box;

use devicetree::Tree;
use ledger::Builder;
use zx::Startup;
use zx::abi::processargs as pa;
use zx::bootfs::Archive;

zx::main!(run);

const ROUNDS: usize = 3;

fn run(mut startup: Startup) -> Result<(), Box<dyn Error>> {
    let archive = Archive::open(startup.take(pa::VMO_BOOTFS, 0)?)?;
    zx::println!("frequency {}", zx::time::ticks_per_second());
    for name in archive.names().filter(|name| name.ends_with(".dtb")) {
        let entry = archive.find(&name).ok_or("a name without a file")?;
        let mut blob = vec![0; usize::try_from(entry.size)?];
        archive.vmo().read(&mut blob, entry.offset)?;
        let line = measure(&blob).map_err(|error| format!("{name}: {error}"))?;
        zx::println!("tree {name} {line}");
    }
    Ok(())
}

/// What a blob costs.
fn measure(blob: &[u8]) -> Result<alloc::string::String, Box<dyn Error>> {
    let mut buffer = vec![0; devicetree::buffer_size(blob)?];
    let (mut parse, mut account, mut ask, mut nodes) = (i64::MAX, i64::MAX, i64::MAX, 0);
    for _ in 0..ROUNDS {
        let (ticks, tree) = ticks_of(|| Tree::parse(blob, &mut buffer));
        let tree = tree?;
        (parse, nodes) = (parse.min(ticks), tree.len());
        // A ledger that refuses the tree has worked for it too.
        let (ticks, _) =
            ticks_of(|| Builder::new(&tree).freeze().and_then(|ledger| ledger.device_table(&tree)));
        account = account.min(ticks);
        ask = ask.min(ticks_of(|| questions(&tree)).0);
    }
    Ok(format!("{} {nodes} {parse} {account} {ask}", blob.len()))
}

/// What else boot asks.
fn questions(tree: &Tree<'_>) -> usize {
    let answers = tree.memory().count() + tree.reserved().count() + tree.dynamic_reservations().count();
    let answers = answers + tree.cpus().count() + usize::from(tree.timer().is_some());
    let found = [
        tree.chosen().stdout(),
        tree.serial(0),
        tree.serial(7),
        tree.find_or_alias("last"),
        tree.find("/soc/last"),
    ];
    let gic = tree.interrupt_controller().map(|gic| gic.redistributors(tree).count());
    let consoles = tree.nodes().filter(|node| tree.is_compatible(*node, &["arm,pl011"])).count();
    answers
        + found.iter().flatten().count()
        + gic.unwrap_or(0)
        + consoles
        + usize::from(tree.psci().is_some())
}

fn ticks_of<T>(operation: impl FnOnce() -> T) -> (i64, T) {
    let start = zx::time::ticks();
    let answer = black_box(operation());
    (zx::time::ticks() - start, answer)
}
