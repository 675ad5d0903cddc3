//! A global allocator that can be told to fail, for tests of the kernel's `try_reserve` paths.
//!
//! A test binary installs it:
//!
//! ```
//! #[global_allocator]
//! static HEAP: hosted::heap::Failing = hosted::heap::Failing;
//! ```
//!
//! Failure is armed for the calling thread only, and the simulated machine disarms it while one of its
//! own ports runs: the port stands for hardware, whose tables do not come from the kernel's heap.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr;

thread_local! {
    /// Allocations to let through before one fails; `None` if none shall.
    static COUNTDOWN: Cell<Option<u64>> = const { Cell::new(None) };
    /// Whether an armed failure has happened.
    static FAILED: Cell<bool> = const { Cell::new(false) };
}

/// The system's allocator with a failure that can be armed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Failing;

/// Makes the `nth` allocation of this thread from now fail, counted from 1; `None` disarms.
pub fn fail_nth(nth: Option<u64>) {
    COUNTDOWN.set(nth);
    FAILED.set(false);
}

/// Whether the armed failure has happened.
pub fn has_failed() -> bool {
    FAILED.get()
}

/// Runs `f` with failures disarmed.
pub(crate) fn without_failures<T>(f: impl FnOnce() -> T) -> T {
    let armed = COUNTDOWN.take();
    let value = f();
    COUNTDOWN.set(armed);
    value
}

/// Counts one allocation down. True if it is the one that fails.
fn fails_now() -> bool {
    // A thread that is being torn down has no countdown any more, and nothing to fail.
    let Ok(armed) = COUNTDOWN.try_with(Cell::get) else { return false };
    match armed {
        None => false,
        Some(0 | 1) => {
            COUNTDOWN.set(None);
            FAILED.set(true);
            true
        }
        Some(left) => {
            COUNTDOWN.set(Some(left - 1));
            false
        }
    }
}

// SAFETY: every block comes from `System` and goes back to it with the layout it was made with. A null
// pointer is the answer that `GlobalAlloc` gives an allocation that fails, which changes nothing else.
unsafe impl GlobalAlloc for Failing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if fails_now() {
            return ptr::null_mut();
        }
        // SAFETY: the caller's promise about `layout` is the one that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: `block` came from `System` with this layout, see above.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if fails_now() {
            return ptr::null_mut();
        }
        // SAFETY: `block` came from `System` with this layout; `size` is the caller's promise.
        unsafe { System.realloc(block, layout, size) }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_countdown_fails_once_and_is_this_threads_own() {
        super::fail_nth(Some(2));
        let other = std::thread::spawn(super::fails_now).join();
        // The spawn itself allocates through the system's allocator here: nothing is counted.
        assert!(!other.unwrap());
        assert!(!super::fails_now());
        assert!(super::without_failures(|| !super::fails_now()));
        assert!(super::fails_now());
        assert!(super::has_failed());
        assert!(!super::fails_now());
        super::fail_nth(None);
    }
}
