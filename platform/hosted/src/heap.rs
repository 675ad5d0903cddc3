//! A global allocator that can be told to fail, for tests of the kernel's `try_reserve` paths.
//!
//! A test binary installs it:
//!
//! ```
//! #[global_allocator]
//! static HEAP: hosted::heap::Failing = hosted::heap::Failing;
//! ```
//!
//! [`Cpu::fail_nth_allocation`](crate::Cpu::fail_nth_allocation) arms a failure. Only what the kernel
//! allocates counts: the simulated machine's own ports stand for hardware, whose tables do not come from
//! the kernel's heap, and the test's own allocations are nobody's business.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr;

thread_local! {
    /// Allocations to let through before one fails; `None` if none shall.
    static COUNTDOWN: Cell<Option<u64>> = const { Cell::new(None) };
    /// Blocks that were taken or given back.
    static BLOCKS: Cell<u64> = const { Cell::new(0) };
    /// Whether an armed failure has happened.
    static FAILED: Cell<bool> = const { Cell::new(false) };
}

/// The system's allocator with a failure that can be armed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Failing;

/// A failure that is armed while the kernel runs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Failure {
    countdown: Option<u64>,
    happened: bool,
}

impl Failure {
    /// The `nth` allocation fails, counted from 1; `None` lets all succeed.
    pub(crate) const fn nth(nth: Option<u64>) -> Self {
        Self { countdown: nth, happened: false }
    }

    /// Whether it has happened.
    pub(crate) const fn has_happened(self) -> bool {
        self.happened
    }

    /// Runs `f`, whose allocations count.
    pub(crate) fn during<T>(&mut self, f: impl FnOnce() -> T) -> T {
        COUNTDOWN.set(self.countdown);
        FAILED.set(false);
        let value = f();
        self.countdown = COUNTDOWN.take();
        self.happened |= FAILED.get();
        value
    }
}

/// Runs `f`, in which the `nth` allocation fails, counted from 1.
pub fn failing<T>(nth: u64, f: impl FnOnce() -> T) -> T {
    COUNTDOWN.set(Some(nth));
    let value = f();
    COUNTDOWN.set(None);
    value
}

/// Runs `f` with failures disarmed, and uncounted.
pub(crate) fn without_failures<T>(f: impl FnOnce() -> T) -> T {
    let (armed, blocks) = (COUNTDOWN.take(), BLOCKS.get());
    let value = f();
    COUNTDOWN.set(armed);
    BLOCKS.set(blocks);
    value
}

/// Blocks that this thread has taken from the heap or given back, what is [uncounted](without_failures) left out;
/// 0 without [`Failing`].
pub(crate) fn blocks() -> u64 {
    BLOCKS.get()
}

fn count_block() {
    // A thread that is being torn down counts no more.
    let _torn_down = BLOCKS.try_with(|blocks| blocks.set(blocks.get().wrapping_add(1)));
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
        count_block();
        // SAFETY: the caller's promise about `layout` is the one that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count_block();
        // SAFETY: `block` came from `System` with this layout, see above.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if fails_now() {
            return ptr::null_mut();
        }
        count_block();
        // SAFETY: `block` came from `System` with this layout; `size` is the caller's promise.
        unsafe { System.realloc(block, layout, size) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_countdown_fails_once_and_counts_what_it_is_told_to() {
        let mut failure = Failure::nth(Some(2));
        assert!(!fails_now(), "nothing is armed outside");
        assert!(!failure.during(fails_now));
        assert!(!failure.during(|| without_failures(fails_now)));
        assert!(!failure.has_happened());
        assert!(failure.during(fails_now));
        assert!(failure.has_happened());
        assert!(!failure.during(fails_now));
    }

    #[test]
    fn another_thread_is_not_touched() {
        let mut failure = Failure::nth(Some(1));
        let other = failure.during(|| without_failures(|| std::thread::spawn(fails_now).join()));
        assert!(!other.unwrap());
    }
}
