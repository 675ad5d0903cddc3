//! The virtual timer: the one counter and timer that every hypervisor lets its guest have.
use core::arch::asm;

use aarch64_cpu::registers::{CNTFRQ_EL0, CNTV_CTL_EL0, CNTV_CVAL_EL0, CNTVCT_EL0, Readable, Writeable};

use crate::barrier;

/// The counter now (CNTVCT_EL0).
#[inline]
pub(crate) fn now() -> u64 {
    let count: u64;
    // SAFETY: reads a counter. Without the ISB the read could be executed ahead of what comes before it.
    unsafe { asm!("isb", "mrs {}, cntvct_el0", out(reg) count, options(nostack, preserves_flags)) };
    count
}

/// The counter about now: it may be read ahead of what comes before it.
#[inline]
pub(crate) fn about_now() -> u64 {
    CNTVCT_EL0.get()
}

/// The counter's frequency in Hz, as firmware set it.
pub(crate) fn frequency() -> u64 {
    CNTFRQ_EL0.get()
}

/// Raises the timer's interrupt when the counter reaches `at`; `None` for never.
#[inline]
pub(crate) fn set_deadline(at: Option<u64>) {
    match at {
        Some(at) => {
            CNTV_CVAL_EL0.set(at);
            CNTV_CTL_EL0.write(CNTV_CTL_EL0::ENABLE::SET);
        }
        None => CNTV_CTL_EL0.set(0),
    }
    // The interrupt's level follows before anything that comes after.
    barrier::instruction();
}
