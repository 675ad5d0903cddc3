//! Making instructions out of data (Arm ARM B2.4.4), and data that is there without caches.
use core::arch::asm;

use kernel::ports::Maintenance;

use crate::barrier;

/// CTR_EL0.
pub(crate) fn type_register() -> u64 {
    let value: u64;
    // SAFETY: reads a register that never changes.
    unsafe { asm!("mrs {}, ctr_el0", out(reg) value, options(nomem, nostack, pure, preserves_flags)) };
    value
}

/// CTR_EL0, decoded.
struct CacheType(u64);

impl CacheType {
    fn read() -> Self {
        Self(type_register())
    }

    /// IminLine: bytes in the smallest instruction cache line.
    fn instruction_line(&self) -> u64 {
        4 << (self.0 & 0xf)
    }

    /// DminLine: bytes in the smallest data cache line.
    fn data_line(&self) -> u64 {
        4 << (self.0 >> 16 & 0xf)
    }

    /// L1Ip: whether instruction caches are physically tagged and indexed, so that one alias stands for all.
    fn instruction_cache_is_physical(&self) -> bool {
        self.0 >> 14 & 0b11 == 0b11
    }

    /// IDC: data need not be cleaned for instruction fetches to see it.
    fn data_is_coherent(&self) -> bool {
        self.0 >> 28 & 1 == 1
    }

    /// DIC: instructions need not be invalidated for changed data to be fetched.
    fn instructions_are_coherent(&self) -> bool {
        self.0 >> 29 & 1 == 1
    }
}

/// Writes bytes out to memory, for somebody who reads them without caches, and drops them from the caches of every
/// CPU (Arm ARM D7.5.9).
///
/// # Safety
/// 1. The `size` bytes at `start` are mapped. By what memory type does not matter: they are looked for everywhere.
pub(crate) unsafe fn clean_to_memory(start: u64, size: u64) {
    let line_size = CacheType::read().data_line();
    let mut line = start & !(line_size - 1);
    while line < start + size {
        // SAFETY: writing a line of mapped memory (1) back changes nothing that anybody can see.
        unsafe { asm!("dc civac, {}", in(reg) line, options(nostack, preserves_flags)) };
        line += line_size;
    }
    barrier::complete_system();
}

/// Maintains the data cache lines of the `size` bytes at `start`, to the point of coherency.
///
/// # Safety
/// 1. The bytes are mapped as Normal memory.
/// 2. Nobody counts on what lines that are dropped without being written had.
pub(crate) unsafe fn maintain(start: u64, size: u64, how: Maintenance) {
    let line_size = CacheType::read().data_line();
    let end = start + size;
    let mut line = start & !(line_size - 1);
    while line < end {
        let is_whole = start <= line && line + line_size <= end;
        match how {
            Maintenance::Clean => {
                // SAFETY: writing a line of mapped memory (1) back changes nothing that anybody can see.
                unsafe { asm!("dc cvac, {}", in(reg) line, options(nostack, preserves_flags)) };
            }
            Maintenance::Invalidate if is_whole => {
                // SAFETY: the line is mapped (1), and all of it may be lost (2).
                unsafe { asm!("dc ivac, {}", in(reg) line, options(nostack, preserves_flags)) };
            }
            Maintenance::CleanInvalidate | Maintenance::Invalidate => {
                // SAFETY: writing a line of mapped memory (1) back changes nothing that anybody can see.
                unsafe { asm!("dc civac, {}", in(reg) line, options(nostack, preserves_flags)) };
            }
        }
        line += line_size;
    }
    barrier::complete_system();
}

/// Makes what was written to the page at a virtual address executable, on every CPU, at whatever address it
/// will be executed.
///
/// # Safety
/// 1. The page is mapped.
pub(crate) unsafe fn synchronize_instructions(page: u64) {
    let kind = CacheType::read();
    let end = page + abi::PAGE_SIZE;
    if !kind.data_is_coherent() {
        let mut line = page;
        while line < end {
            // SAFETY: cleaning a line of a mapped page (1) changes no memory that anybody can see.
            unsafe { asm!("dc cvau, {}", in(reg) line, options(nostack, preserves_flags)) };
            line += kind.data_line();
        }
    }
    barrier::complete();
    if !kind.instructions_are_coherent() {
        if kind.instruction_cache_is_physical() {
            let mut line = page;
            while line < end {
                // SAFETY: instruction caches hold nothing that is not in memory.
                unsafe { asm!("ic ivau, {}", in(reg) line, options(nostack, preserves_flags)) };
                line += kind.instruction_line();
            }
        } else {
            // A virtually indexed cache may hold the page under an index that this address does not have.
            // SAFETY: as above.
            unsafe { asm!("ic ialluis", options(nostack, preserves_flags)) };
        }
        barrier::complete();
    }
    barrier::instruction();
}
