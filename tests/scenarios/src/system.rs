//! What a scenario stands on: a program at EL0, simulated or real.

use abi::device_table::DeviceTable;
use abi::{Handle, PhysAddr, PhysRange, Status, Sysno, VirtAddr};

/// A program that does what a scenario says.
///
/// It is small on purpose: system calls by their registers, and loads and stores at addresses. All that
/// gives them a meaning is in `Env`, which is the same everywhere.
pub trait System {
    /// Issues a system call with these registers and gives X0.
    ///
    /// The arguments are not looked at: a wild pointer goes to the kernel as it is.
    fn call(&mut self, sysno: Sysno, args: [u64; 8]) -> u64;

    /// Makes a call with these arguments, and 0 for the others: as what it returns, its status.
    ///
    /// # Errors
    /// The status, if it is none of success.
    fn ask(&mut self, sysno: Sysno, first: &[u64]) -> Result<(), Status> {
        let mut args = [0; 8];
        args.iter_mut().zip(first).for_each(|(arg, word)| *arg = *word);
        Status(self.call(sysno, args) as i32).ok()
    }

    /// Sleeps for so many nanoseconds.
    ///
    /// # Errors
    /// The status of `zx_nanosleep`.
    fn sleep(&mut self, nanoseconds: u64) -> Result<(), Status> {
        let soon = self.call(Sysno::deadline_after, [nanoseconds, 0, 0, 0, 0, 0, 0, 0]);
        self.ask(Sysno::nanosleep, &[soon])
    }

    /// The word at an address of the program's memory, little-endian.
    fn word(&mut self, at: VirtAddr) -> u64 {
        let mut bytes = [0; 8];
        self.peek(at, &mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// Copies bytes out of the program's memory. Everything there is mapped Normal and readable.
    fn peek(&mut self, at: VirtAddr, into: &mut [u8]);

    /// Copies bytes into the program's memory. Everything there is mapped Normal and writable.
    fn poke(&mut self, at: VirtAddr, from: &[u8]);

    /// Loads a word by one instruction. The address is mapped readable, perhaps as Device memory.
    fn load32(&mut self, at: VirtAddr) -> u32;

    /// Stores a word by one instruction. The address is mapped writable, perhaps as Device memory.
    fn store32(&mut self, at: VirtAddr, value: u32);

    /// Calls the code there, which returns at once. The address is mapped executable.
    fn execute(&mut self, at: VirtAddr);

    /// Where the vDSO's function for a call starts, in bytes from the vDSO's first byte.
    fn vdso_function(&self, sysno: Sysno) -> u64;

    /// What the program knows about itself and the machine.
    fn world(&self) -> World;

    /// Objects that the kernel holds, where that can be known.
    fn object_count(&mut self) -> Option<usize> {
        None
    }
}

/// What a program knows about itself and the machine that it runs on.
#[derive(Clone, Copy, Debug)]
pub struct World {
    /// Its own process.
    pub process: Handle,
    /// Its own thread.
    pub thread: Handle,
    /// The job in which it may make processes.
    pub job: Handle,
    /// Its root VMAR.
    pub vmar: Handle,
    /// The vDSO's VMO.
    pub vdso: Handle,
    /// Where the vDSO is mapped here.
    pub vdso_base: VirtAddr,
    /// Where the vDSO's code segment starts in its VMO, and its bytes.
    pub vdso_code: (u64, u64),
    /// The ranged root of MMIO.
    pub mmio_root: Handle,
    /// The ranged root of secure monitor calls.
    pub smc_root: Handle,
    /// The ranged root of interrupts.
    pub irq_root: Handle,
    /// The ranged root of kernel services.
    pub system_root: Handle,
    /// Memory of the program that scenarios may use as they like: whole pages, zero at first.
    pub scratch: VirtAddr,
    /// Bytes of it, at least [`SCRATCH_SIZE`].
    pub scratch_size: u64,
    /// A VMO that may be executed, and where in it the page of [`AGENT`](crate::agent::AGENT) lies.
    pub agent: (Handle, u64),
    /// A page of registers that is nobody else's, may be read at will, and keeps what is written to the word at 4: the
    /// PL031's.
    pub registers: PhysRange,
    /// A memory-like window of at least four pages: NOR flash with the Intel command set.
    pub flash: PhysRange,
    /// Whether there is one; else `flash` is some RAM.
    pub has_flash: bool,
    /// A memory-like window that keeps what is written, as RAM does: 8 MiB at a multiple of 8 MiB.
    pub sram: Option<PhysRange>,
    /// The VMO with the device table.
    pub device_table: Handle,
    /// A device whose bus reaches a part of RAM alone, and sees it elsewhere.
    pub limited: Option<Limited>,
    /// Two windows that share one page.
    pub group: [PhysRange; 2],
    /// All of the first bank of RAM.
    pub ram: PhysRange,
    /// The interrupt controller's distributor.
    pub controller: PhysAddr,
    /// A page with nothing behind it: an access ends in an external abort.
    pub hole: PhysAddr,
    /// Bytes of the firmware's random seeds in the tree that programs get, and how many of them are not zero.
    pub seeds: (usize, usize),
    /// Bits of physical address that the CPU has.
    pub physical_bits: u32,
    /// Whether an unaligned access to Device memory surely faults, as the architecture demands. QEMU checks
    /// it with more than one CPU only.
    pub checks_alignment: bool,
}

/// What a device with limits reaches.
#[derive(Clone, Copy, Debug)]
pub struct Limited {
    /// Its index in the device table.
    pub bti_id: u64,
    /// The first address of its bus that is memory.
    pub bus: u64,
    /// That memory.
    pub memory: PhysRange,
}

impl Limited {
    /// What such a device is compatible with.
    pub const COMPATIBLE: &str = "jacinth,limited-dma";

    /// The one in a device table.
    pub fn find(table: &[u8]) -> Option<Self> {
        let table = DeviceTable::new(table).ok()?;
        let node = table.nodes().find(|node| node.compatible().any(|it| it == Self::COMPATIBLE))?;
        let range = node.dma_ranges().next()?;
        let memory = PhysRange::new(PhysAddr(range.base), range.size).ok()?;
        Some(Self { bti_id: node.index.into(), bus: range.bus, memory })
    }
}

/// Bytes of [`World::scratch`] that scenarios count on.
pub const SCRATCH_SIZE: u64 = 256 << 10;
