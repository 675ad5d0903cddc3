//! Clocks and sleep. Reading a clock never enters the kernel.
use crate::raw;

/// Nanoseconds since boot.
pub fn now() -> i64 {
    // SAFETY: no argument.
    unsafe { raw::zx_clock_get_monotonic() }
}

/// The counter behind [`now`].
pub fn ticks() -> i64 {
    // SAFETY: no argument.
    unsafe { raw::zx_ticks_get() }
}

/// Ticks of the counter in a second.
pub fn ticks_per_second() -> i64 {
    // SAFETY: no argument.
    unsafe { raw::zx_ticks_per_second() }
}

/// The deadline that lies this many nanoseconds ahead; saturates.
pub fn deadline_after(nanoseconds: i64) -> i64 {
    // SAFETY: no pointer.
    unsafe { raw::zx_deadline_after(nanoseconds) }
}

/// Sleeps until a deadline; one that has passed lets others run.
pub fn sleep_until(deadline: i64) {
    // SAFETY: no pointer. The call has no failure to report.
    let _ = unsafe { raw::zx_nanosleep(deadline) };
}
