//! The kernel's half of the address space.
//!
//! While it is being built there are only additions: an entry that is valid is never changed, so no TLB maintenance is
//! needed, and an attempt to map something twice is refused. The boot CPU is alone and holds the one [`KernelSpace`].
//!
//! Afterwards three things change: the memory type of a block of the direct map in which nothing is in use ([`retype`]),
//! what is mapped at an address where nothing else ever is ([`show_for`]), and pages are added where nothing was ([`add`]).
use core::sync::atomic::{AtomicU64, Ordering};

use abi::{PAGE_SIZE, PhysAddr, VirtAddr};

use crate::{barrier, cpu, descriptor, image, layout, tlb};

/// Why the kernel cannot map something for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapError {
    /// No memory is left for translation tables.
    NoTables,
    /// Something is mapped at this virtual address.
    Occupied(u64),
    /// An address or a size is not a whole number of pages.
    Misaligned,
    /// The address is beyond what the window for it can reach, or the CPU.
    OutOfReach(PhysAddr),
    /// Registers do not start at a multiple of 8 bytes.
    Odd(PhysAddr),
}

impl core::fmt::Display for MapError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NoTables => {
                write!(f, "no memory is left for the kernel's translation tables; give the machine more")
            }
            Self::Occupied(address) => write!(f, "the kernel has something mapped at {address:#x} already"),
            Self::Misaligned => write!(f, "a mapping must be whole 4 KiB pages"),
            Self::Odd(address) => write!(f, "registers at {address} do not start at a multiple of 8 bytes"),
            Self::OutOfReach(address) => write!(f, "{address} lies beyond what the kernel can map"),
        }
    }
}

/// Where translation tables come from: each call gives the physical address of a zeroed page that is mapped,
/// in the image or in the direct map, and belongs to the tables from then on.
pub(crate) trait TableSource {
    /// Takes a page.
    fn take(&mut self) -> Option<PhysAddr>;
}

/// TTBR1_EL1's tables.
#[derive(Debug)]
pub(crate) struct KernelSpace {
    root: PhysAddr,
}

/// The level 1 table entry covers 1 GiB, level 2 2 MiB, level 3 4 KiB.
const SHIFTS: [u32; 4] = [39, 30, 21, 12];
const LAST: usize = 3;
/// The level of the largest blocks: 2 MiB, so that a block can change without its neighbours, which are in use.
const BLOCKS: usize = 2;

impl KernelSpace {
    /// The tables that entry.S built.
    ///
    /// # Safety
    /// 1. `root` is what TTBR1_EL1 holds, the CPU runs alone, and this is the only `KernelSpace`.
    pub(crate) unsafe fn new(root: PhysAddr) -> Self {
        Self { root }
    }

    /// The level 0 table.
    pub(crate) fn root(&self) -> PhysAddr {
        self.root
    }

    /// Maps `size` bytes at `from` to `to`, with the attributes of a page and the largest blocks that fit.
    ///
    /// # Safety
    /// 1. The memory or device at `to` may be accessed in this way: no other mapping of it has another
    ///    memory type, and nobody takes references into it that this mapping could break.
    ///
    /// # Errors
    /// [`MapError`]; what was mapped before the failure stays.
    pub(crate) unsafe fn map(
        &mut self,
        from: u64,
        to: PhysAddr,
        size: u64,
        attributes: u64,
        source: &mut dyn TableSource,
    ) -> Result<(), MapError> {
        if !(from | to.0 | size).is_multiple_of(PAGE_SIZE) {
            return Err(MapError::Misaligned);
        }
        // Beyond them a descriptor has its attributes.
        let limit = 1 << cpu::physical_address_bits();
        if to.0.checked_add(size).is_none_or(|end| end > limit) {
            return Err(MapError::OutOfReach(to));
        }
        let mut done = 0;
        while done < size {
            let level = largest_level(from + done, to.0 + done, size - done);
            let (shift, table) = (SHIFTS[level], self.table(from + done, level, source)?);
            let attributes = if level == LAST { attributes } else { descriptor::block(attributes) };
            // As many as there are of this level in this table: larger blocks begin with another table.
            let count = (512 - (((from + done) >> shift) & 0x1ff)).min((size - done) >> shift);
            // SAFETY: 1, a table of this space, at this level of the address.
            let entry = unsafe { table_entry(table, from + done, shift) };
            for number in 0..count {
                // SAFETY: `count` entries from this one on are in the same table, of which `table_entry` says the rest.
                let entry = unsafe { AtomicU64::from_ptr(entry.as_ptr().add(number as usize)) };
                if entry.load(Ordering::Relaxed) != 0 {
                    return Err(MapError::Occupied(from + done + (number << shift)));
                }
                entry.store((to.0 + done + (number << shift)) | attributes, Ordering::Relaxed);
            }
            done += count << shift;
        }
        // The walker sees the entries before anything uses them.
        barrier::complete_stores();
        barrier::instruction();
        Ok(())
    }

    /// The table with the entry for `address` at `level`; those that lack are made.
    fn table(
        &mut self,
        address: u64,
        level: usize,
        source: &mut dyn TableSource,
    ) -> Result<PhysAddr, MapError> {
        let mut table = self.root;
        for shift in &SHIFTS[..level] {
            // SAFETY: 1, the root, or a table that an entry of this space leads to.
            let entry = unsafe { table_entry(table, address, *shift) };
            let value = entry.load(Ordering::Relaxed);
            table = if value == 0 {
                let next = source.take().ok_or(MapError::NoTables)?;
                // A table's zeros must be visible before the entry that leads the walker to it.
                barrier::complete_stores();
                entry.store(next.0 | descriptor::TABLE, Ordering::Relaxed);
                next
            } else if value & descriptor::TABLE == descriptor::TABLE {
                PhysAddr(value & descriptor::ADDRESS)
            } else {
                return Err(MapError::Occupied(address));
            };
        }
        Ok(table)
    }
}

/// Gives a 2 MiB block of the kernel's half other attributes, by break-before-make (Arm ARM D8.16.1); whether it is a
/// block. No CPU has an old translation of it when this returns.
///
/// # Safety
/// 1. `root` is what TTBR1_EL1 holds, on every CPU.
/// 2. `address` is a multiple of 2 MiB, and nobody uses a byte of the 2 MiB there until this returns.
/// 3. One CPU at a time does this, and no [`KernelSpace`] is being built.
pub(crate) unsafe fn retype(root: PhysAddr, address: u64, attributes: u64) -> bool {
    // SAFETY: 1, by 1.
    let Some(entry) = (unsafe { entry_at(root, address, BLOCKS) }) else { return false };
    let old = entry.load(Ordering::Relaxed);
    if old & descriptor::TABLE != descriptor::block(descriptor::TABLE) {
        return false;
    }
    // What was written by the old type is complete before anything is read by the new one.
    barrier::complete_system();
    break_entry(entry, address);
    make_entry(entry, old & descriptor::ADDRESS | descriptor::block(attributes));
    true
}

/// Maps a page at an address of the kernel's half, which shows nothing, as long as `work` lasts; whether there is a table
/// for it.
///
/// # Safety
/// 1. `root` is what TTBR1_EL1 holds, on every CPU.
/// 2. Nothing else is ever mapped at `address`; one CPU at a time does this, and no [`KernelSpace`] is being built.
/// 3. The page may be mapped with these attributes: no other mapping of it has another memory type.
pub(crate) unsafe fn show_for(
    root: PhysAddr,
    address: u64,
    page: PhysAddr,
    attributes: u64,
    work: impl FnOnce(),
) -> bool {
    // SAFETY: 1, by 1.
    let Some(entry) = (unsafe { entry_at(root, address, LAST) }) else { return false };
    make_entry(entry, page.0 & descriptor::ADDRESS | attributes);
    work();
    break_entry(entry, address);
    true
}

/// Maps a page at an address of the kernel's half that shows nothing, or that page, for good; whether there are tables for it. `take`
/// gives zeroed pages of the direct map for those that lack.
///
/// No TLB has anything of the address: what faults is not cached (Arm ARM D8.16), so the other CPUs need not be told.
///
/// # Safety
/// 1. `root` is what TTBR1_EL1 holds, on every CPU.
/// 2. Nothing else is ever mapped at `address`; one CPU at a time does this, and no [`KernelSpace`] is being built.
/// 3. The page may be mapped with these attributes: no other mapping of it has another memory type.
pub(crate) unsafe fn add(
    root: PhysAddr,
    address: u64,
    page: PhysAddr,
    attributes: u64,
    mut take: impl FnMut() -> Option<PhysAddr>,
) -> bool {
    let mut table = root;
    for shift in &SHIFTS[..LAST] {
        // SAFETY: 1, by 1 the root, or a table that an entry of the space leads to.
        let entry = unsafe { table_entry(table, address, *shift) };
        let mut value = entry.load(Ordering::Relaxed);
        if value == 0 {
            let Some(next) = take() else { return false };
            value = next.0 | descriptor::TABLE;
            // A table's zeros must be visible before the entry that leads the walker to it.
            barrier::complete_stores();
            entry.store(value, Ordering::Relaxed);
        } else if value & descriptor::TABLE != descriptor::TABLE {
            return false;
        }
        table = PhysAddr(value & descriptor::ADDRESS);
    }
    // SAFETY: 1, as above.
    let entry = unsafe { table_entry(table, address, SHIFTS[LAST]) };
    make_entry(entry, page.0 & descriptor::ADDRESS | attributes);
    true
}

/// What is mapped at an address of the kernel's half by a page, if there is one.
///
/// # Safety
/// 1. `root` is what TTBR1_EL1 holds, on every CPU.
pub(crate) unsafe fn page_at(root: PhysAddr, address: u64) -> Option<PhysAddr> {
    // SAFETY: 1, by 1.
    let value = unsafe { entry_at(root, address, LAST) }?.load(Ordering::Relaxed);
    (value != 0).then_some(PhysAddr(value & descriptor::ADDRESS))
}

/// Makes an entry that was broken valid.
fn make_entry(entry: &AtomicU64, value: u64) {
    entry.store(value, Ordering::Relaxed);
    barrier::complete_stores();
    barrier::instruction();
}

/// Takes away the entry for an address. No CPU has a translation of it when this returns.
fn break_entry(entry: &AtomicU64, address: u64) {
    entry.store(0, Ordering::Relaxed);
    barrier::complete_stores();
    tlb::invalidate_kernel(VirtAddr(address));
    barrier::complete();
    barrier::instruction();
}

/// The entry for an address at a level, if the tables lead there.
///
/// # Safety
/// 1. `root` is the root of the one [`KernelSpace`].
unsafe fn entry_at(root: PhysAddr, address: u64, level: usize) -> Option<&'static AtomicU64> {
    let mut table = root;
    for shift in &SHIFTS[..level] {
        // SAFETY: 1, by 1 the root, or a table that an entry of the space leads to.
        let value = unsafe { read_entry(table, address, *shift) };
        if value & descriptor::TABLE != descriptor::TABLE {
            return None;
        }
        table = PhysAddr(value & descriptor::ADDRESS);
    }
    // SAFETY: 1, as above.
    Some(unsafe { table_entry(table, address, SHIFTS[level]) })
}

/// The level whose entry is the largest that starts at both addresses and is no longer than what is left.
fn largest_level(from: u64, to: u64, left: u64) -> usize {
    let fits = |level: &usize| {
        let size = 1 << SHIFTS[*level];
        (from | to).is_multiple_of(size) && left >= size
    };
    (BLOCKS..LAST).find(fits).unwrap_or(LAST)
}

/// Reads the entry for an address in a table.
///
/// # Safety
/// 1. `table` is the root of the one [`KernelSpace`], or a table that an entry of it leads to.
pub(crate) unsafe fn read_entry(table: PhysAddr, address: u64, shift: u32) -> u64 {
    // SAFETY: 1 by the caller.
    unsafe { table_entry(table, address, shift) }.load(Ordering::Relaxed)
}

/// The entry for an address in a table.
///
/// # Safety
/// 1. As for [`read_entry`].
unsafe fn table_entry(table: PhysAddr, address: u64, shift: u32) -> &'static AtomicU64 {
    let index = address >> shift & 0x1ff;
    let base = image::virtual_address(table).unwrap_or(layout::DIRECT_MAP + table.0);
    // SAFETY: by 1 it is a mapped page of 512 words that belongs to the tables for ever; only the one
    // `KernelSpace` and the CPU's walker access it, both word by word.
    unsafe { AtomicU64::from_ptr((base + 8 * index) as *mut u64) }
}
