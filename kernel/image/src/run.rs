//! From a machine that is known to the first program, and what happens from then on.
#![forbid(unsafe_code)]

use aarch64::lock::Lock;
use aarch64::trap;
use aarch64::{Board, contention, cpu, free_frames, heap, power, println};
use abi::PAGE_SIZE;
use abi::resource::Kind;
use abi::vdso::Constants;
use alloc::vec::Vec;
use core::fmt::Display;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use kernel::boot::{Images, Supply, VdsoImage};
use kernel::object::Name;
use kernel::ports::{Called, CpuId, Event, Frame, Frames, Next, Touched};
use kernel::{Kernel, Options};

use crate::boot::BootInfo;

/// The vDSO, as the build made it.
static VDSO: &[u8] = include_bytes!(env!("JACINTH_VDSO"));
/// The boot file system of an image that carries one; empty otherwise.
static BOOTFS: &[u8] = include_bytes!(env!("JACINTH_BOOTFS"));

/// Whether a CPU is stopping the machine.
static STOPPED: AtomicBool = AtomicBool::new(false);

/// Pages of RAM in the tree; those of the file system that the loader put there; those that were free when the kernel
/// was made and nothing of the first program. Written once.
static RAM: [AtomicU64; 3] = [const { AtomicU64::new(0) }; 3];

/// Starts the first program. It comes back only with the reason why that is impossible.
pub(crate) fn run(info: BootInfo) -> impl Display {
    let (free, measure) = (info.board.free_frames(), info.arguments.test && !info.arguments.unmeasured);
    let mut kernel = match start(info) {
        Ok(kernel) => kernel,
        Err(why) => return why,
    };
    defmt::info!("{=u64} pages are free, init starts", free.0);
    let mut frame = Frame::default();
    let next = kernel.handle(CpuId::BOOT, Event::Timer, &mut frame);
    if measure {
        kernel.look_at_calls();
    }
    let Some(lock) = heap::leak(Lock::new(kernel)) else { return Failure::NoMemory };
    if measure {
        lock.measure();
    }
    trap::run(lock, frame, next)
}

fn start(info: BootInfo) -> Result<Kernel<Board>, Failure> {
    let BootInfo { board, tree, ledger, console, arguments, initrd, cpus } = info;
    let table = ledger.device_table(&tree).map_err(Failure::DeviceTable)?;
    let mut seed = [0; 32];
    let chosen = tree.chosen();
    let kaslr = chosen.kaslr_seed().unwrap_or(0).to_le_bytes();
    // All that the firmware gives counts, however long it is.
    for (index, byte) in chosen.rng_seed().unwrap_or(&[]).iter().chain(&kaslr).enumerate() {
        if let Some(place) = seed.get_mut(index % 32) {
            *place ^= byte;
        }
    }
    let options = Options {
        test: arguments.test,
        console: console.map(|console| console.range),
        seed,
        many_cpus: cpus > 1,
    };
    let physmem = tree.memory().filter(|region| region.available).map(|region| region.range.size()).sum();
    let constants = Constants {
        ticks_per_second: 0,
        nanos_per_tick_q32: 0,
        physmem,
        page_size: 0,
        num_cpus: cpus as u32,
        dcache_line_size: cpu::data_line_size(),
        icache_line_size: cpu::instruction_line_size(),
        cpu_features: 0,
        reserved: 0,
        version: version(),
    };
    let windows = ledger.grantable().map(|window| Supply {
        kind: Kind::Mmio,
        base: window.range.base().0,
        size: window.range.size(),
        name: Name::from_tail(tree.path(window.node)),
    });
    let lines = ledger.interrupts().iter().map(|line| Supply {
        kind: Kind::Irq,
        base: u64::from(line.intid),
        size: 1,
        name: Name::from_tail(tree.path(line.node)),
    });
    let mut supply = Vec::new();
    for item in windows.chain(lines) {
        supply.try_reserve(1).map_err(|_| Failure::NoMemory)?;
        supply.push(item);
    }
    let vdso = VdsoImage { bytes: VDSO, constants };
    let mut kernel = Kernel::new(board, ledger, options, &vdso).map_err(Failure::Kernel)?;
    note_ram(physmem, initrd);
    let images = Images {
        bootfs: initrd.unwrap_or(BOOTFS),
        tree: tree.blob(),
        seeds: &tree.seeds(),
        device_table: &table,
        arguments: arguments.text,
    };
    kernel.start_first(&images, supply.into_iter()).map_err(Failure::Kernel)?;
    Ok(kernel)
}

/// Notes what [`report_start`] tells of RAM. The first program has nothing of it yet.
fn note_ram(physmem: u64, initrd: Option<&[u8]>) {
    let loaded = initrd.map_or(0, |bytes| {
        let first = bytes.as_ptr().addr() as u64 / PAGE_SIZE;
        (bytes.as_ptr().addr() as u64 + bytes.len() as u64).div_ceil(PAGE_SIZE) - first
    });
    let pages = [physmem / PAGE_SIZE, loaded, free_frames().0];
    RAM.iter().zip(pages).for_each(|(place, pages)| place.store(pages, Ordering::Relaxed));
}

/// Logs what the way to EL0 took, for `cargo xtask bench`. At the end, so that the report is no part of it.
fn report_start() {
    let [ram, loaded, unused] = RAM.each_ref().map(|pages| pages.load(Ordering::Relaxed));
    let (ticks, free) = trap::first_entry();
    defmt::info!(
        "EL0 was entered at tick {=u64}: of {=u64} pages the kernel had {=u64}, the loader's file system {=u64}, init {=u64}",
        ticks,
        ram,
        ram.saturating_sub(loaded + unused),
        loaded,
        unused.saturating_sub(free.0)
    );
}

fn version() -> [u8; 64] {
    let mut version = [0; 64];
    for (place, byte) in version.iter_mut().zip(concat!("Jacinth ", env!("CARGO_PKG_VERSION")).bytes()) {
        *place = byte;
    }
    version
}

/// Lets the kernel finish a call, under the lock that it has kept.
pub(crate) fn complete(frame: &mut Frame, called: Called) -> Next {
    let Some(lock) = trap::kernel() else { return Next::Idle };
    let mut kernel = lock.kept();
    let next = kernel.complete(frame, called);
    let later = kernel.take_later();
    drop(kernel);
    if let Some(line) = later {
        print_line(&line);
    }
    obey(next)
}

/// Prints what the kernel has left to be printed. Nobody waits for it but this CPU.
#[cold]
#[inline(never)]
fn print_line(line: &[u8]) {
    aarch64::output::write_text(line);
}

/// Takes the lock and lets the kernel show a page that is touched for the first time.
#[inline]
pub(crate) fn touch(lock: &Lock<Kernel<Board>>, esr: u64, far: u64) -> Touched {
    lock.lock().touch(cpu::number(), esr, far)
}

/// Takes the lock and lets the kernel decide.
pub(crate) fn event(frame: &mut Frame, event: Event) -> Next {
    let Some(lock) = trap::kernel() else { return Next::Idle };
    let next = lock.lock().handle(cpu::number(), event, frame);
    obey(next)
}

/// Announces the end, if this is it.
#[inline]
fn obey(next: Next) -> Next {
    if let Next::Stop(status) = next {
        announce(status);
    }
    next
}

#[cold]
#[inline(never)]
fn announce(status: i64) {
    // Every CPU that comes by is told so; one says it, and stops the machine.
    if STOPPED.swap(true, Ordering::Relaxed) {
        power::halt();
    }
    report_start();
    contention::reports().for_each(|report| println!("{report}"));
    println!("jacinth: init exited with status {status}");
}

/// Why there is nothing to run.
enum Failure {
    DeviceTable(ledger::Error),
    Kernel(kernel::boot::Error),
    NoMemory,
}

impl Display for Failure {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::DeviceTable(error) => write!(f, "the device table cannot be made: {error}"),
            Self::Kernel(error) => error.fmt(f),
            Self::NoMemory => {
                f.write_str("there is no memory for the kernel's own state; give the machine more")
            }
        }
    }
}
