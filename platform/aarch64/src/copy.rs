//! Bulk copies and zeroing: by FEAT_MOPS where the CPUs have it, else by the widest general registers and by DC ZVA.
//!
//! The kernel is compiled without FP registers, so the compiler's own copy moves eight bytes at a time and
//! checks a good deal; these move 256 in 34 instructions, or any number in three. They work on memory to which no Rust
//! reference exists: frames, which programs may be writing at the same time.
//!
//! The three of FEAT_MOPS pass on in their registers and flags how far they came, in one of two forms that the CPU
//! chooses (Arm ARM C3.2.8). They may be interrupted between and within, and go on where they were. Only a CPU
//! that chose the other form would raise an exception, and the kernel never takes its own code to another
//! CPU. A hypervisor that moves us between cores of both forms has to see to that exception itself.
use core::arch::{asm, global_asm};
use core::sync::atomic::{AtomicBool, Ordering};

use crate::{cpu, trap};

global_asm!(include_str!("memcpy.S"));
global_asm!(include_str!("memset.S"));

/// Whether CPYF and SET may be used: all CPUs that have come so far have them.
static MOPS: AtomicBool = AtomicBool::new(false);

/// Finds out whether the boot CPU has CPYF and SET. No thread has run at EL0 yet.
pub(crate) fn begin() {
    MOPS.store(can_use_mops(), Ordering::Relaxed);
}

/// As [`begin`], for each other CPU before it takes part: what one of them lacks, none uses from now on.
pub(crate) fn join() {
    if !can_use_mops() {
        MOPS.store(false, Ordering::Relaxed);
    }
}

/// Whether this CPU has CPYF and SET, and nobody above has them disabled (`HCRX_EL2.MSCEn`), whatever the ID register says.
fn can_use_mops() -> bool {
    // SAFETY: 1, no thread has run at EL0 on this CPU: `begin` and `join` are called before.
    cpu::has_mops() && unsafe { trap::set_nothing() }
}

/// Copies `len` bytes.
///
/// # Safety
/// 1. `from` and `to` are mapped, Normal memory for `len` bytes; `from` is readable, `to` writable.
/// 2. No Rust reference to the bytes at `to` is live.
/// 3. The two do not overlap.
#[inline]
pub(crate) unsafe fn copy(to: u64, from: u64, len: usize) {
    if !MOPS.load(Ordering::Relaxed) {
        // SAFETY: 1 to 3 by the caller.
        return unsafe { copy_by_pairs(to, from, len) };
    }
    // SAFETY: 1 to 3 by the caller; this CPU has the instructions, and exactly `len` bytes are written at `to`.
    unsafe {
        asm!(
            ".arch_extension mops",
            "cpyfp [{to}]!, [{from}]!, {len}!",
            "cpyfm [{to}]!, [{from}]!, {len}!",
            "cpyfe [{to}]!, [{from}]!, {len}!",
            to = inout(reg) to => _, from = inout(reg) from => _, len = inout(reg) len => _, options(nostack),
        );
    }
}

/// [`copy`], by pairs of registers.
///
/// # Safety
/// As for [`copy`].
#[inline(never)]
unsafe fn copy_by_pairs(to: u64, from: u64, len: usize) {
    // SAFETY: 1 to 3 by the caller; the loops write exactly `len` bytes at `to`.
    unsafe {
        asm!(
            "subs {len}, {len}, #256",
            "b.lo 3f",
            "2:",
            "ldp {a}, {b}, [{from}], #256",
            "ldp {c}, {d}, [{from}, #-240]",
            "ldp {e}, {f}, [{from}, #-224]",
            "ldp {g}, {h}, [{from}, #-208]",
            "stp {a}, {b}, [{to}], #256",
            "stp {c}, {d}, [{to}, #-240]",
            "stp {e}, {f}, [{to}, #-224]",
            "stp {g}, {h}, [{to}, #-208]",
            "ldp {a}, {b}, [{from}, #-192]",
            "ldp {c}, {d}, [{from}, #-176]",
            "ldp {e}, {f}, [{from}, #-160]",
            "ldp {g}, {h}, [{from}, #-144]",
            "stp {a}, {b}, [{to}, #-192]",
            "stp {c}, {d}, [{to}, #-176]",
            "stp {e}, {f}, [{to}, #-160]",
            "stp {g}, {h}, [{to}, #-144]",
            "ldp {a}, {b}, [{from}, #-128]",
            "ldp {c}, {d}, [{from}, #-112]",
            "ldp {e}, {f}, [{from}, #-96]",
            "ldp {g}, {h}, [{from}, #-80]",
            "stp {a}, {b}, [{to}, #-128]",
            "stp {c}, {d}, [{to}, #-112]",
            "stp {e}, {f}, [{to}, #-96]",
            "stp {g}, {h}, [{to}, #-80]",
            "ldp {a}, {b}, [{from}, #-64]",
            "ldp {c}, {d}, [{from}, #-48]",
            "ldp {e}, {f}, [{from}, #-32]",
            "ldp {g}, {h}, [{from}, #-16]",
            "stp {a}, {b}, [{to}, #-64]",
            "stp {c}, {d}, [{to}, #-48]",
            "stp {e}, {f}, [{to}, #-32]",
            "stp {g}, {h}, [{to}, #-16]",
            "subs {len}, {len}, #256",
            "b.hs 2b",
            // What is left is in the lower eight bits.
            "3: tbz {len}, #7, 31f",
            "ldp {a}, {b}, [{from}]",
            "ldp {c}, {d}, [{from}, #16]",
            "ldp {e}, {f}, [{from}, #32]",
            "ldp {g}, {h}, [{from}, #48]",
            "stp {a}, {b}, [{to}]",
            "stp {c}, {d}, [{to}, #16]",
            "stp {e}, {f}, [{to}, #32]",
            "stp {g}, {h}, [{to}, #48]",
            "ldp {a}, {b}, [{from}, #64]",
            "ldp {c}, {d}, [{from}, #80]",
            "ldp {e}, {f}, [{from}, #96]",
            "ldp {g}, {h}, [{from}, #112]",
            "stp {a}, {b}, [{to}, #64]",
            "stp {c}, {d}, [{to}, #80]",
            "stp {e}, {f}, [{to}, #96]",
            "stp {g}, {h}, [{to}, #112]",
            "add {from}, {from}, #128",
            "add {to}, {to}, #128",
            "31: tbz {len}, #6, 32f",
            "ldp {a}, {b}, [{from}]",
            "ldp {c}, {d}, [{from}, #16]",
            "ldp {e}, {f}, [{from}, #32]",
            "ldp {g}, {h}, [{from}, #48]",
            "stp {a}, {b}, [{to}]",
            "stp {c}, {d}, [{to}, #16]",
            "stp {e}, {f}, [{to}, #32]",
            "stp {g}, {h}, [{to}, #48]",
            "add {from}, {from}, #64",
            "add {to}, {to}, #64",
            "32: tbz {len}, #5, 4f",
            "ldp {a}, {b}, [{from}], #16",
            "ldp {c}, {d}, [{from}], #16",
            "stp {a}, {b}, [{to}], #16",
            "stp {c}, {d}, [{to}], #16",
            "4: tbz {len}, #4, 5f",
            "ldp {a}, {b}, [{from}], #16",
            "stp {a}, {b}, [{to}], #16",
            "5: tbz {len}, #3, 6f",
            "ldr {a}, [{from}], #8",
            "str {a}, [{to}], #8",
            "6: tst {len}, #7",
            "b.eq 9f",
            "tbz {len}, #2, 7f",
            "ldr {a:w}, [{from}], #4",
            "str {a:w}, [{to}], #4",
            "7: tbz {len}, #1, 8f",
            "ldrh {a:w}, [{from}], #2",
            "strh {a:w}, [{to}], #2",
            "8: tbz {len}, #0, 9f",
            "ldrb {a:w}, [{from}]",
            "strb {a:w}, [{to}]",
            "9:",
            len = inout(reg) len => _, from = inout(reg) from => _, to = inout(reg) to => _,
            a = out(reg) _, b = out(reg) _, c = out(reg) _, d = out(reg) _,
            e = out(reg) _, f = out(reg) _, g = out(reg) _, h = out(reg) _,
            options(nostack),
        );
    }
}

/// The first length and offset for which `memcpy` does not copy just the bytes that it should.
pub(crate) fn wrong_memcpy() -> Option<(usize, usize)> {
    const LONGEST: usize = 200;
    let mut from = [0_u8; LONGEST + 8];
    from.iter_mut().zip(1..).for_each(|(byte, value)| *byte = value);
    let mut cases = (0..=LONGEST).flat_map(|length| (0..8).map(move |offset| (length, offset)));
    cases.find(|&(length, offset)| {
        let mut to = [0_u8; LONGEST + 8];
        // Other lengths than constants are copied by a call. The black boxes keep the compiler from knowing better.
        let (source, target) = (from.get(offset..offset + length), to.get_mut(offset..offset + length));
        if let (Some(source), Some(target)) = (source, core::hint::black_box(target)) {
            target.copy_from_slice(core::hint::black_box(source));
        }
        let mut pairs = core::hint::black_box(&to).iter().zip(&from).enumerate();
        !pairs.all(|(at, (to, from))| *to == if (offset..offset + length).contains(&at) { *from } else { 0 })
    })
}

/// The first length and offset for which `memset` does not set just the bytes that it should.
pub(crate) fn wrong_memset() -> Option<(usize, usize)> {
    const LONGEST: usize = 200;
    let mut cases = (0..=LONGEST).flat_map(|length| (0..8).map(move |offset| (length, offset)));
    cases.find(|&(length, offset)| {
        let mut to = [0x11_u8; LONGEST + 8];
        if let Some(target) = core::hint::black_box(to.get_mut(offset..offset + length)) {
            target.fill(core::hint::black_box(0xa5));
        }
        let mut bytes = core::hint::black_box(&to).iter().enumerate();
        !bytes.all(|(at, byte)| *byte == if (offset..offset + length).contains(&at) { 0xa5 } else { 0x11 })
    })
}

/// Copies `len` bytes by accesses that Device memory takes too: words where all is aligned, else bytes.
///
/// # Safety
/// 1. `from` and `to` are mapped, as any type of memory, for `len` bytes of RAM; `from` is readable, `to` writable.
/// 2. and 3. as for [`copy`].
pub(crate) unsafe fn copy_singly(to: u64, from: u64, len: usize) {
    let (to_end, words) = (to + len as u64, (to | from | len as u64).is_multiple_of(8));
    // SAFETY: 1 to 3 by the caller; the loops write exactly `len` bytes at `to`.
    unsafe {
        asm!(
            "cbz {words}, 3f",
            "2: cmp {to}, {end}",
            "b.hs 4f",
            "ldr {a}, [{from}]",
            "str {a}, [{to}]",
            "add {from}, {from}, #8",
            "add {to}, {to}, #8",
            "b 2b",
            "3: cmp {to}, {end}",
            "b.hs 4f",
            "ldrb {a:w}, [{from}]",
            "strb {a:w}, [{to}]",
            "add {from}, {from}, #1",
            "add {to}, {to}, #1",
            "b 3b",
            "4:",
            words = in(reg) u64::from(words), end = in(reg) to_end, to = inout(reg) to => _,
            from = inout(reg) from => _, a = out(reg) _, options(nostack),
        );
    }
}

/// Zeroes a page by accesses that Device memory takes too: DC ZVA is none.
///
/// # Safety
/// 1. The 4 KiB at `page`, which is aligned to them, are mapped RAM of any memory type, writable.
/// 2. No Rust reference to them is live.
pub(crate) unsafe fn zero_page_singly(page: u64) {
    // SAFETY: 1 and 2 by the caller; the loop zeroes exactly the page.
    unsafe {
        asm!(
            "2: stp xzr, xzr, [{at}]",
            "stp xzr, xzr, [{at}, #16]",
            "stp xzr, xzr, [{at}, #32]",
            "stp xzr, xzr, [{at}, #48]",
            "add {at}, {at}, #64",
            "cmp {at}, {end}",
            "b.lo 2b",
            at = inout(reg) page => _, end = in(reg) page + abi::PAGE_SIZE, options(nostack),
        );
    }
}

/// Zeroes a page.
///
/// # Safety
/// 1. The 4 KiB at `page`, which is aligned to them, are mapped Normal memory, writable.
/// 2. No Rust reference to them is live.
#[inline]
pub(crate) unsafe fn zero_page(page: u64) {
    if !MOPS.load(Ordering::Relaxed) {
        // SAFETY: 1 and 2 by the caller.
        return unsafe { zero_page_by_blocks(page) };
    }
    // SAFETY: 1 and 2 by the caller; this CPU has the instructions, and exactly the page is written.
    unsafe {
        asm!(
            ".arch_extension mops",
            "setp [{at}]!, {len}!, xzr",
            "setm [{at}]!, {len}!, xzr",
            "sete [{at}]!, {len}!, xzr",
            at = inout(reg) page => _, len = inout(reg) abi::PAGE_SIZE => _, options(nostack),
        );
    }
}

/// [`zero_page`], by DC ZVA.
///
/// # Safety
/// As for [`zero_page`].
#[inline(never)]
unsafe fn zero_page_by_blocks(page: u64) {
    let zeroing: u64;
    // SAFETY: reads a register that never changes.
    unsafe { asm!("mrs {}, dczid_el0", out(reg) zeroing, options(nomem, nostack, pure, preserves_flags)) };
    // DZP (bit 4) forbids DC ZVA; BS is the log2 of the block's words. The loop takes eight at a time: blocks
    // of 1 and 2 KiB, the architecture's largest, are done without.
    let step = if zeroing >> 4 & 1 == 0 && zeroing & 0xf < 8 { 4 << (zeroing & 0xf) } else { 0_u64 };
    let end = page + abi::PAGE_SIZE;
    if step == 0 {
        // SAFETY: 1 and 2 by the caller.
        return unsafe { zero_page_singly(page) };
    }
    // SAFETY: 1 and 2 by the caller; the loop zeroes exactly the page.
    unsafe {
        asm!(
            "2: dc zva, {at}",
            "add {at}, {at}, {step}",
            "dc zva, {at}",
            "add {at}, {at}, {step}",
            "dc zva, {at}",
            "add {at}, {at}, {step}",
            "dc zva, {at}",
            "add {at}, {at}, {step}",
            "dc zva, {at}",
            "add {at}, {at}, {step}",
            "dc zva, {at}",
            "add {at}, {at}, {step}",
            "dc zva, {at}",
            "add {at}, {at}, {step}",
            "dc zva, {at}",
            "add {at}, {at}, {step}",
            "cmp {at}, {end}",
            "b.lo 2b",
            at = inout(reg) page => _, end = in(reg) end, step = in(reg) step, options(nostack),
        );
    }
}
