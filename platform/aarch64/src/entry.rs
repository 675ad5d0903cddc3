//! Entry: from the loader's jump to Rust.
//!
//! `entry.S` does, in this order:
//! 1. masks all exceptions, notes the exception level, checks that `x0` is a device tree;
//! 2. goes down to EL1, writing every register of EL2 (and EL3) that reaches into EL1;
//! 3. builds translation tables: the image by 4 KiB pages, each writable or executable but never both, the
//!    device tree read-only, its own page to itself;
//! 4. turns MMU and caches on, moves to the link address, drops the identity map, clears `.bss`;
//! 5. calls [`start`] here, which hands a [`Boot`] to the image's `jacinth_main`.
//!
//! The other CPUs come later, by the same way without step 3, to `secondary`.

use core::arch::global_asm;

use abi::{PhysAddr, PhysRange};

use crate::tables::{KernelSpace, TableSource};
use crate::{control, descriptor, layout};

global_asm!(
    include_str!("entry.S"),
    STACKS = const layout::STACKS,
    STACK_SHIFT = const layout::STACK_SHIFT,
    STACK_BELOW = const layout::STACK_BELOW,
    TREE_MAX = const layout::TREE_MAX,
    TREE = const layout::TREE,
    SCR = const control::SCR,
    ICC_SRE = const control::ICC_SRE,
    SPSR_EL1H = const control::SPSR_EL1H,
    SPSR_EL2H = const control::SPSR_EL2H,
    HCR = const control::HCR,
    CNTHCTL = const control::CNTHCTL,
    CPTR = const control::CPTR,
    SCTLR_MMU_OFF = const control::SCTLR_MMU_OFF,
    SCTLR_MMU_ON = const control::SCTLR_MMU_ON,
    SCTLR_SPAN = const control::SCTLR_SPAN,
    TCR = const control::TCR,
    TCR_IPS_MAX = const control::TCR_IPS_MAX,
    TCR_IPS_SHIFT = const control::TCR_IPS_SHIFT,
    TCR_WIDE_ASID = const control::TCR_WIDE_ASID,
    TCR_E0PD1 = const control::TCR_E0PD1,
    CPACR = const control::CPACR_FP_TRAPPED,
    CNTKCTL = const control::CNTKCTL,
    MDSCR = const control::MDSCR,
    MAIR = const descriptor::MAIR,
    TEXT = const descriptor::TEXT,
    CONSTANT = const descriptor::CONSTANT,
    DATA = const descriptor::DATA,
    TABLE = const descriptor::TABLE,
    ADDRESS = const descriptor::ADDRESS,
    CONTIGUOUS = const descriptor::CONTIGUOUS,
    FRAME = const crate::trap::FRAME_SIZE,
    MARK = const crate::trap::MARK,
    CALLS_FROM = const crate::trap::CALLS_FROM,
    RAW_LENGTH = const abi::record::RAW_LENGTH,
    STATE = const core::mem::offset_of!(abi::record::Record, state),
    CALLS = sym crate::spin::CALLS,
    MAX_CPUS = const kernel::ports::MAX_CPUS,
    start = sym start,
    start_secondary = sym crate::secondary::start,
);

unsafe extern "Rust" {
    /// The image's main function. It is the one symbol that the platform expects of the image.
    safe fn jacinth_main(boot: Boot) -> !;
}

/// The exception level at which the loader entered the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryLevel {
    /// EL1: the guest of a hypervisor, or a machine without EL2.
    El1,
    /// EL2: the kernel came down from there; nothing of it stays.
    El2,
    /// EL3: not a way to start this kernel. It came down far enough to say so.
    El3,
}

impl core::fmt::Display for EntryLevel {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::El1 => "EL1",
            Self::El2 => "EL2",
            Self::El3 => "EL3",
        })
    }
}

/// What the boot code found out. There is one, and `jacinth_main` has it.
///
/// Holding one proves that this is the boot CPU, running alone, with the MMU on and interrupts masked.
#[derive(Debug)]
pub struct Boot {
    level: EntryLevel,
    tree: Option<PhysRange>,
    image: PhysRange,
    /// The kernel's half of the address space.
    pub(crate) space: KernelSpace,
    /// Tables for it, until there is a direct map.
    pub(crate) tables: BootTables,
    /// Devices that the kernel has mapped, and where.
    pub(crate) devices: [Option<(PhysRange, u64)>; MAX_DEVICES],
    /// Where the next one goes.
    pub(crate) next_device: u64,
    /// Virtual address of the first byte of the boot heap that is not mapped yet; the tables follow.
    pub(crate) heap_rest: u64,
    /// RAM that the loader filled and that stays as it is.
    pub(crate) kept: [Option<PhysRange>; MAX_KEPT],
}

/// Things that a loader brings along: a file system.
const MAX_KEPT: usize = 2;

/// Devices that the kernel may keep: a console, a log, an interrupt controller and what comes with it.
const MAX_DEVICES: usize = 16;

/// Translation tables for the kernel's half: zeroed pages inside the image and, once memory is open, of the pool.
#[derive(Debug)]
pub(crate) struct BootTables {
    /// Virtual address of the next spare table of the image.
    next: u64,
    /// Virtual address of the first byte after the last.
    end: u64,
}

/// Tables that opening memory itself may take from the image: for a stretch of RAM, which may lie across two of any level.
const TABLES_TO_OPEN_MEMORY: u64 = 6;

impl BootTables {
    /// Gives up the tables that opening memory will not need. Whatever is mapped after that takes the pool's pages.
    pub(crate) fn give_up_spare(&mut self) -> Option<PhysRange> {
        let end = self.end;
        self.end = end.min(self.next + TABLES_TO_OPEN_MEMORY * abi::PAGE_SIZE);
        crate::image::set_tables_end(self.end);
        PhysRange::new(crate::image::physical(self.end), end - self.end).ok()
    }
}

impl TableSource for BootTables {
    fn take(&mut self) -> Option<PhysAddr> {
        let table = self.next;
        if table < self.end {
            self.next += abi::PAGE_SIZE;
            return Some(crate::image::physical(table));
        }
        let (page, size) = crate::frames::take_run(abi::PAGE_SIZE as usize)?;
        debug_assert!(size as u64 == abi::PAGE_SIZE);
        // SAFETY: 1, the page is RAM in the direct map. 2, the pool has just given it up for good.
        unsafe { crate::copy::zero_page(page) };
        Some(PhysAddr(page - layout::DIRECT_MAP))
    }
}

impl Boot {
    /// The exception level at entry.
    pub fn level(&self) -> EntryLevel {
        self.level
    }

    /// Where the loader put the device tree; `None` if it gave none. At most [`layout::TREE_MAX`] bytes: a
    /// tree that claims more is cut, and its parser will say so.
    pub fn tree(&self) -> Option<PhysRange> {
        self.tree
    }

    /// Where the image lies, with its `.bss`, stacks and tables.
    pub fn image(&self) -> PhysRange {
        self.image
    }

    /// Checks the kernel's address space against what its design promises: nothing writable and executable,
    /// devices never cacheable or executable, guard pages, no alias of the image.
    ///
    /// # Errors
    /// The first promise that is broken, and where.
    pub fn verify(&self) -> Result<(), crate::verify::Broken> {
        crate::verify::check(&self.space)
    }

    /// The loader's tree may be overwritten from now on.
    pub(crate) fn forget_tree(&mut self) {
        self.tree = None;
    }

    /// The device tree's bytes, as the loader left them.
    pub fn tree_bytes(&self) -> Option<&[u8]> {
        let tree = self.tree?;
        let address = layout::TREE + tree.base().page_offset();
        // SAFETY: entry.S mapped exactly these bytes, read-only, and nothing unmaps them. They are ordinary
        // memory that the loader has finished writing (boot protocol), so a shared slice is sound.
        Some(unsafe { core::slice::from_raw_parts(address as *const u8, tree.size() as usize) })
    }
}

/// Addresses that the linker script defines (`linker/kernel.ld`).
pub(crate) mod linker {
    macro_rules! symbols {
        ($($name:ident $symbol:ident;)*) => {
            $(
                #[inline(always)]
                pub(crate) fn $name() -> u64 {
                    unsafe extern "C" {
                        safe static $symbol: u8;
                    }
                    // Only the address means anything: there may be no byte behind it.
                    &raw const $symbol as u64
                }
            )*
        };
    }

    symbols! {
        text_end __text_end;
        build_id_start __build_id_start;
        build_id_end __build_id_end;
        stack_bottom __stack_bottom;
        stack_top __stack_top;
        heap_start __heap_start;
        heap_rest __heap_rest;
        tables_start __tables_start;
        tables_end __tables_end;
        record_start __record_start;
        record_end __record_end;
        image_end __image_end;
    }
}

/// The first Rust code. Arguments as entry.S leaves them; called once.
extern "C" fn start(level: u64, tree: u64, tree_size: u64, image: u64, tables: u64) -> ! {
    let level = match level {
        1 => EntryLevel::El1,
        2 => EntryLevel::El2,
        _ => EntryLevel::El3,
    };
    let size = linker::image_end() - layout::IMAGE;
    let Ok(image) = PhysRange::new(PhysAddr(image), size) else {
        panic!("the image at {image:#x} ends beyond the address space")
    };
    crate::image::set_physical_base(image.base());
    crate::record::arm();
    let tables = BootTables { next: layout::IMAGE + tables, end: linker::tables_end() };
    // SAFETY: 1, entry.S put the root into the first of the tables' pages; this is called once.
    let space = unsafe { KernelSpace::new(crate::image::physical(linker::tables_start())) };
    let tree = PhysRange::new(PhysAddr(tree), tree_size).ok();
    let devices = [const { None }; MAX_DEVICES];
    let (next_device, heap_rest, kept) = (layout::DEVICES, linker::heap_rest(), [None; MAX_KEPT]);
    jacinth_main(Boot { level, tree, image, space, tables, devices, next_device, heap_rest, kept })
}
