//! Translation for EL0: TTBR0_EL1, TLB maintenance, and the walker's own answer. The order of these
//! operations is the logic's (kernel::memory::stage1); none of them waits but where it says so.
use core::arch::asm;

use abi::{PAGE_SHIFT, PhysAddr, VirtAddr};
use kernel::ports::Asid;

/// The operand of TLBI by address (Arm ARM C5.5): ASID in the top 16 bits, page number in the low 44.
fn operand(asid: Asid, address: VirtAddr) -> u64 {
    u64::from(asid.0) << 48 | (address.0 >> PAGE_SHIFT) & ((1 << 44) - 1)
}

/// Forgets an address's last level, in one address space, on every CPU.
#[inline]
pub(crate) fn invalidate_leaf(asid: Asid, address: VirtAddr) {
    // SAFETY: forgetting translations loses nothing; the walker reads them again.
    unsafe { asm!("tlbi vale1is, {}", in(reg) operand(asid, address), options(nostack, preserves_flags)) };
}

/// Forgets an address on all levels.
#[inline]
pub(crate) fn invalidate_walk(asid: Asid, address: VirtAddr) {
    // SAFETY: as in `invalidate_leaf`.
    unsafe { asm!("tlbi vae1is, {}", in(reg) operand(asid, address), options(nostack, preserves_flags)) };
}

/// Forgets an address of the kernel's half on all levels: its entries are global, so of every address space.
pub(crate) fn invalidate_kernel(address: VirtAddr) {
    // SAFETY: as in `invalidate_leaf`.
    unsafe {
        asm!("tlbi vaae1is, {}", in(reg) operand(Asid(0), address), options(nostack, preserves_flags));
    }
}

/// The tables of the kernel's half.
pub(crate) fn kernel_root() -> PhysAddr {
    let value: u64;
    // SAFETY: reads a register that does not change after boot.
    unsafe { asm!("mrs {}, ttbr1_el1", out(reg) value, options(nomem, nostack, preserves_flags)) };
    // Above the address is the ASID, below it CnP.
    PhysAddr(value & crate::descriptor::ADDRESS)
}

/// Forgets an address space.
#[inline]
pub(crate) fn invalidate_space(asid: Asid) {
    // SAFETY: as in `invalidate_leaf`.
    unsafe {
        asm!("tlbi aside1is, {}", in(reg) operand(asid, VirtAddr(0)), options(nostack, preserves_flags));
    }
}

/// Forgets everything, what the kernel's own tables say included.
pub(crate) fn invalidate_all() {
    // SAFETY: as in `invalidate_leaf`: the kernel's tables say what they said.
    unsafe { asm!("tlbi vmalle1is", options(nostack, preserves_flags)) };
}

/// Makes `root` EL0's tables.
///
/// # Safety
/// 1. `root` is a page of descriptors, zeros or what the logic's encoder wrote.
/// 2. What they show to EL0 is no memory to which Rust has a reference.
#[inline]
pub(crate) unsafe fn activate(root: PhysAddr, asid: Asid) {
    let value = root.0 | u64::from(asid.0) << 48;
    // SAFETY: the kernel uses no address of EL0's half, so by 1 and 2 the tables concern EL0 alone.
    unsafe { asm!("msr ttbr0_el1, {}", "isb", in(reg) value, options(nostack, preserves_flags)) };
}

/// What an EL0 load from, or store to, an address would meet: PAR_EL1 (Arm ARM D24.2.151).
pub(crate) fn probe(address: VirtAddr, write: bool) -> u64 {
    let result: u64;
    // SAFETY: AT only walks; PAR_EL1 belongs to nobody.
    unsafe {
        if write {
            asm!("at s1e0w, {}", in(reg) address.0, options(nostack, preserves_flags));
        } else {
            asm!("at s1e0r, {}", in(reg) address.0, options(nostack, preserves_flags));
        }
        asm!("isb", "mrs {}, par_el1", out(reg) result, options(nostack, preserves_flags));
    }
    result
}
