//! A panic ends the process and nothing else.
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, Ordering};

use super::{PANIC_STATUS, exit, print};

static PANICKING: AtomicBool = AtomicBool::new(false);

/// Says where and why, then ends the process with [`PANIC_STATUS`].
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    // A panic while one is reported would go on for ever.
    if !PANICKING.swap(true, Ordering::Relaxed) {
        print::emergency(format_args!("{info}"));
    }
    exit(PANIC_STATUS)
}
