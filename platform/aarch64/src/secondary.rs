//! The other CPUs: from the tree's list to their first look at the kernel's work.
//!
//! The boot CPU prepares everything that one needs before it has an MMU: a table that maps the image's first page
//! to itself, and stacks. PSCI starts it at `secondary_entry` (entry.S), a spin-table at `spin_entry`, which leads
//! there. It says that it is there, and waits until the first program is loaded. One that does not say so in time is
//! left out, and parks should it come later.
use core::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use abi::{PAGE_SIZE, PhysAddr};
use devicetree::{Cpu, EnableMethod, Tree};
use kernel::ports::{CpuId, MAX_CPUS};

use crate::entry::Boot;
use crate::power::StartError;
use crate::spin::{self, ReleaseError, ReleasePages};
use crate::tables::{KernelSpace, MapError, TableSource};
use crate::{barrier, copy, cpu, descriptor, frames, image, interrupts, layout, power, println, timer, trap};

/// How long a CPU may take from the call to its first sign of life, in milliseconds.
const PATIENCE: u64 = 1000;

/// Nobody has asked for this CPU, or it has not come yet.
const AWAITED: u8 = 0;
/// It is there.
const HERE: u8 = 1;
/// It is there, and cannot take interrupts.
const DEAF: u8 = 2;
/// It did not come in time.
const GIVEN_UP: u8 = 3;

/// What became of each CPU.
static STATES: [AtomicU8; MAX_CPUS] = [const { AtomicU8::new(AWAITED) }; MAX_CPUS];
/// MPIDR_EL1's affinity fields of each CPU that runs.
static AFFINITIES: [AtomicU64; MAX_CPUS] = [const { AtomicU64::new(0) }; MAX_CPUS];

unsafe extern "C" {
    safe static secondary_entry: u8;
}

/// Where a CPU is in the machine.
pub(crate) fn affinity(cpu: CpuId) -> u64 {
    AFFINITIES[cpu.index()].load(Ordering::Relaxed)
}

/// The CPUs that run.
pub(crate) fn running() -> impl Iterator<Item = CpuId> {
    let is_here = |cpu: CpuId| STATES[cpu.index()].load(Ordering::Relaxed) == HERE;
    CpuId::all().filter(move |cpu| *cpu == CpuId::BOOT || is_here(*cpu))
}

/// Why a CPU stays off.
enum Failure {
    Method,
    Release(ReleaseError),
    Map(MapError),
    NoMemory,
    Start(StartError),
    Silent,
    Deaf,
}

impl core::fmt::Display for Failure {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Method => f.write_str("its enable-method is neither psci nor a spin-table with an address"),
            Self::Release(error) => error.fmt(f),
            Self::Map(error) => error.fmt(f),
            Self::NoMemory => f.write_str("there is no memory for its stacks"),
            Self::Start(error) => error.fmt(f),
            Self::Silent => write!(f, "it did not come within {PATIENCE} ms"),
            Self::Deaf => f.write_str("the interrupt controller has no interface for it"),
        }
    }
}

impl From<MapError> for Failure {
    fn from(error: MapError) -> Self {
        Self::Map(error)
    }
}

/// What all starts share.
#[derive(Default)]
struct Roads {
    /// The table that maps the image's first page to itself.
    identity: Option<PhysAddr>,
    pages: ReleasePages,
}

impl Boot {
    /// Starts the other CPUs that the tree lists as usable; how many run, this one included. Those that stay
    /// off are reported. Memory and interrupts must be open.
    pub fn start_cpus(&mut self, tree: &Tree<'_>) -> usize {
        let own = cpu::affinity();
        AFFINITIES[CpuId::BOOT.index()].store(own, Ordering::Relaxed);
        let mut running = 1;
        let mut next = 1;
        let mut roads = Roads::default();
        for other in tree.cpus().filter(|cpu| cpu.available && cpu.mpidr != own) {
            let Some(number) = CpuId::new(next) else {
                println!("CPU {:#x} stays off: the kernel uses {MAX_CPUS} CPUs at most", other.mpidr);
                continue;
            };
            // A number is used once: a CPU that comes too late must not find its stack occupied.
            next += 1;
            match self.start_cpu(&mut roads, number, &other) {
                Ok(()) => running += 1,
                Err(why) => println!("CPU {:#x} stays off: {why}", other.mpidr),
            }
        }
        running
    }

    fn start_cpu(&mut self, roads: &mut Roads, number: CpuId, other: &Cpu) -> Result<(), Failure> {
        if other.enable_method == EnableMethod::Unknown {
            return Err(Failure::Method);
        }
        let root = match roads.identity {
            Some(root) => root,
            None => *roads.identity.insert(self.identity()?),
        };
        self.map_stacks(number)?;
        let affinity = other.mpidr;
        AFFINITIES[number.index()].store(affinity, Ordering::Relaxed);
        // It reads none of this before its MMU and caches are on, so nothing needs cleaning; only be complete.
        barrier::complete_system();
        let context = root.0 | number.index() as u64;
        match other.enable_method {
            EnableMethod::SpinTable(word) => {
                self.call_cpu(&mut roads.pages, (number, affinity), context, word)
                    .map_err(Failure::Release)?;
            }
            _ => {
                let entry = image::physical(&raw const secondary_entry as u64);
                power::start_cpu(affinity, entry, context).map_err(Failure::Start)?;
            }
        }
        let limit = timer::now().saturating_add(timer::frequency() / 1000 * PATIENCE);
        let state = &STATES[number.index()];
        while state.load(Ordering::Acquire) == AWAITED && timer::now() < limit {
            core::hint::spin_loop();
        }
        match state.compare_exchange(AWAITED, GIVEN_UP, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => {
                spin::revoke(number);
                Err(Failure::Silent)
            }
            Err(HERE) => Ok(()),
            Err(_) => Err(Failure::Deaf),
        }
    }

    /// A table for TTBR0_EL1 that maps the image's first page to itself.
    fn identity(&mut self) -> Result<PhysAddr, MapError> {
        let root = self.tables.take().ok_or(MapError::NoTables)?;
        // SAFETY: 1, no CPU uses this root yet, and this is the only `KernelSpace` over it.
        let mut space = unsafe { KernelSpace::new(root) };
        let page = self.image().base();
        // SAFETY: 1, the page is the image's text, which is mapped read-only and executable everywhere.
        unsafe { space.map(page.0, page, PAGE_SIZE, descriptor::TEXT, &mut self.tables)? };
        Ok(root)
    }

    /// Maps a CPU's two stacks, each above a page that is mapped nowhere.
    fn map_stacks(&mut self, cpu: CpuId) -> Result<(), Failure> {
        let end = layout::STACKS + (cpu.index() as u64 + 1) * layout::STACK_STRIDE;
        let stacks = [
            (end - layout::STACK_BELOW - layout::STACK_SIZE, layout::STACK_SIZE),
            (end - layout::EMERGENCY_SIZE, layout::EMERGENCY_SIZE),
        ];
        for (start, size) in stacks {
            let (run, _) = frames::take_run(size as usize).ok_or(Failure::NoMemory)?;
            let run = PhysAddr(run - layout::DIRECT_MAP);
            // SAFETY: 1, the run is RAM that the pool has given up for good. The direct map shows it with the
            // same memory type, and nobody uses it by that way.
            unsafe { self.space.map(start, run, size, descriptor::DATA, &mut self.tables)? };
        }
        Ok(())
    }
}

/// The first Rust code of another CPU, on its own stack.
pub(crate) extern "C" fn start(number: u64) -> ! {
    let Some(state) = STATES.get(number as usize) else { power::halt() };
    copy::join();
    let is_deaf = interrupts::start_on_this_cpu().is_err();
    let arrival = if is_deaf { DEAF } else { HERE };
    let in_time = state.compare_exchange(AWAITED, arrival, Ordering::AcqRel, Ordering::Relaxed).is_ok();
    if is_deaf || !in_time {
        power::halt();
    }
    trap::join()
}
