//! EL0's FP and NEON registers. The kernel is compiled without them; only this file touches them.
use core::arch::{asm, global_asm};

use kernel::ports::FpState;

use crate::control::{CPACR_FP_ALLOWED, CPACR_FP_TRAPPED};

// The kernel's target has no FP instructions, so the assembler is told of them here and nowhere else.
global_asm!(
    ".arch_extension fp",
    ".arch_extension simd",
    ".section .text.fp, \"ax\", %progbits",
    ".global fp_save",
    "fp_save:",
    "stp q0, q1, [x0]",
    "stp q2, q3, [x0, #32]",
    "stp q4, q5, [x0, #64]",
    "stp q6, q7, [x0, #96]",
    "stp q8, q9, [x0, #128]",
    "stp q10, q11, [x0, #160]",
    "stp q12, q13, [x0, #192]",
    "stp q14, q15, [x0, #224]",
    "stp q16, q17, [x0, #256]",
    "stp q18, q19, [x0, #288]",
    "stp q20, q21, [x0, #320]",
    "stp q22, q23, [x0, #352]",
    "stp q24, q25, [x0, #384]",
    "stp q26, q27, [x0, #416]",
    "stp q28, q29, [x0, #448]",
    "stp q30, q31, [x0, #480]",
    "mrs x1, fpcr",
    "mrs x2, fpsr",
    "add x0, x0, #512",
    "stp x1, x2, [x0]",
    "ret",
    "",
    ".global fp_restore",
    "fp_restore:",
    "ldp q0, q1, [x0]",
    "ldp q2, q3, [x0, #32]",
    "ldp q4, q5, [x0, #64]",
    "ldp q6, q7, [x0, #96]",
    "ldp q8, q9, [x0, #128]",
    "ldp q10, q11, [x0, #160]",
    "ldp q12, q13, [x0, #192]",
    "ldp q14, q15, [x0, #224]",
    "ldp q16, q17, [x0, #256]",
    "ldp q18, q19, [x0, #288]",
    "ldp q20, q21, [x0, #320]",
    "ldp q22, q23, [x0, #352]",
    "ldp q24, q25, [x0, #384]",
    "ldp q26, q27, [x0, #416]",
    "ldp q28, q29, [x0, #448]",
    "ldp q30, q31, [x0, #480]",
    "add x0, x0, #512",
    "ldp x1, x2, [x0]",
    "msr fpcr, x1",
    "msr fpsr, x2",
    "ret",
    ".arch_extension nosimd",
    ".arch_extension nofp",
);

// The assembly's offsets.
const _: () = assert!(core::mem::offset_of!(FpState, v) == 0);
const _: () = assert!(core::mem::offset_of!(FpState, fpcr) == 512);
const _: () = assert!(core::mem::offset_of!(FpState, fpsr) == 520);

unsafe extern "C" {
    fn fp_save(into: *mut FpState);
    fn fp_restore(from: *const FpState);
}

/// Stores the registers.
pub(crate) fn save(into: &mut FpState) {
    // SAFETY: writes one FpState; EL1 may use FP whatever EL0 may (CPACR_EL1.FPEN is 0b01 or 0b11).
    unsafe { fp_save(into) }
}

/// Loads the registers.
pub(crate) fn restore(from: &FpState) {
    // SAFETY: reads one FpState; the registers are EL0's, Rust code in the kernel has none.
    unsafe { fp_restore(from) }
}

/// Lets EL0 use the registers, or makes its next use trap.
pub(crate) fn allow(allowed: bool) {
    let value = if allowed { CPACR_FP_ALLOWED } else { CPACR_FP_TRAPPED };
    // SAFETY: either value keeps EL1's own access as it is. The return to EL0 synchronizes the context.
    unsafe { asm!("msr cpacr_el1, {}", in(reg) value, options(nostack, preserves_flags)) }
}
