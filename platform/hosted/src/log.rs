//! defmt's global logger for tests on the development machine.
//!
//! Code that logs can be linked into a test, and the test can look at what was logged. Each thread has its
//! own log, because each test has its own thread. Frames stay encoded: the strings are in the test's ELF,
//! and what a test checks is that something was logged, how often, and its arguments' bytes.

use std::cell::RefCell;

thread_local! {
    static LOG: RefCell<Log> = const { RefCell::new(Log { frames: Vec::new(), open: None }) };
}

/// What a thread has logged.
struct Log {
    frames: Vec<Vec<u8>>,
    /// The frame that is being written.
    open: Option<Vec<u8>>,
}

/// The frames that this thread has logged since the last call, each as defmt encoded it.
pub fn take() -> Vec<Vec<u8>> {
    LOG.with_borrow_mut(|log| core::mem::take(&mut log.frames))
}

#[defmt::global_logger]
struct Logger;

// SAFETY: a frame is acquired, written and released by one thread, and the log is that thread's own.
unsafe impl defmt::Logger for Logger {
    fn acquire() {
        let before = LOG.with_borrow_mut(|log| log.open.replace(Vec::new()));
        assert!(before.is_none(), "a defmt frame was begun inside another");
    }

    unsafe fn flush() {}

    unsafe fn release() {
        LOG.with_borrow_mut(|log| {
            let frame = log.open.take();
            log.frames.extend(frame);
        });
    }

    unsafe fn write(bytes: &[u8]) {
        LOG.with_borrow_mut(|log| log.open.iter_mut().for_each(|frame| frame.extend_from_slice(bytes)));
    }
}

// A time in each frame would make two runs differ.
defmt::timestamp!("");

#[defmt::panic_handler]
fn panic() -> ! {
    panic!("defmt panicked: its message is the last frame of the log")
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_logged_is_there_in_order() {
        assert_eq!(super::take(), Vec::<Vec<u8>>::new());
        defmt::error!("first {=u8}", 0x5A);
        defmt::error!("second");
        let frames = super::take();
        assert_eq!(frames.len(), 2);
        assert_eq!(frames[0].last(), Some(&0x5A), "the argument follows the string's index");
        assert_eq!(frames[0].len(), frames[1].len() + 1);
        assert_eq!(super::take(), Vec::<Vec<u8>>::new());
    }
}
