//! defmt's global logger: each frame is one record of the log.
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, AtomicU16, Ordering};

use abi::log::{BUILD_ID_PREFIX, MAX_PAYLOAD, WRITE_DEFMT};

use super::startup::debuglog;

/// A record: which ELF holds the strings, then the frame.
const RECORD_MAX: usize = BUILD_ID_PREFIX + MAX_PAYLOAD;

#[defmt::global_logger]
struct Logger;

static FRAME: Frame = Frame { taken: AtomicBool::new(false), buffer: UnsafeCell::new(Buffer::EMPTY) };

/// Frames with a lower string index are not written.
static THRESHOLD: AtomicU16 = AtomicU16::new(0);

struct Frame {
    taken: AtomicBool,
    buffer: UnsafeCell<Buffer>,
}

struct Buffer {
    bytes: [u8; RECORD_MAX],
    /// What the frame has; more than fits once it is too long.
    len: usize,
}

impl Buffer {
    const EMPTY: Self = Self { bytes: [0; RECORD_MAX], len: 0 };

    fn add(&mut self, bytes: &[u8]) {
        let end = self.len.saturating_add(bytes.len());
        if let Some(free) = self.bytes.get_mut(self.len..end) {
            free.copy_from_slice(bytes);
        }
        self.len = end;
    }
}

// SAFETY: `buffer` is only touched between `acquire` and `release`, and `taken` lets one thread in.
unsafe impl Sync for Frame {}

// SAFETY: `acquire` waits until the frame is free, so a frame has one writer.
unsafe impl defmt::Logger for Logger {
    fn acquire() {
        while FRAME.taken.swap(true, Ordering::Acquire) {
            crate::time::sleep_until(0);
        }
        // SAFETY: this thread has just taken the frame.
        let buffer = unsafe { &mut *FRAME.buffer.get() };
        buffer.len = 0;
        buffer.add(&build_id());
    }

    unsafe fn flush() {}

    unsafe fn release() {
        // SAFETY: the caller holds the frame.
        let buffer = unsafe { &*FRAME.buffer.get() };
        // A frame that did not fit is dropped: half of one would be decoded as something else.
        if let Some(record) = buffer.bytes.get(..buffer.len)
            && is_wanted(record)
            && let Some(log) = debuglog()
        {
            let _ = log.write(WRITE_DEFMT, record);
        }
        FRAME.taken.store(false, Ordering::Release);
    }

    unsafe fn write(bytes: &[u8]) {
        // SAFETY: the caller holds the frame.
        unsafe { &mut *FRAME.buffer.get() }.add(bytes);
    }
}

/// A frame starts with the index of its string, and indices ascend with the level.
fn is_wanted(record: &[u8]) -> bool {
    let index = record.get(BUILD_ID_PREFIX..).and_then(|frame| frame.first_chunk::<2>());
    index.is_some_and(|&index| u16::from_le_bytes(index) >= THRESHOLD.load(Ordering::Relaxed))
}

/// Writes frames of this level and above; a word that is no level is that of `info`.
pub(super) fn set_level(name: &str) {
    macro_rules! marker {
        ($symbol:ident) => {{
            unsafe extern "C" {
                safe static $symbol: u8;
            }
            // defmt's linker script orders the strings by level. A string's index is the low half of its
            // address, because programs are loaded at a multiple of 64 KiB.
            &raw const $symbol as u64 as u16
        }};
    }
    let first = match name {
        "trace" => marker!(__DEFMT_MARKER_TRACE_START),
        "debug" => marker!(__DEFMT_MARKER_DEBUG_START),
        "warn" => marker!(__DEFMT_MARKER_WARN_START),
        "error" => marker!(__DEFMT_MARKER_ERROR_START),
        _ => marker!(__DEFMT_MARKER_INFO_START),
    };
    THRESHOLD.store(first, Ordering::Relaxed);
}

/// The timestamp of each frame: microseconds since boot.
mod timestamp {
    defmt::timestamp!("{=u64:us}", (crate::time::now() / 1000) as u64);
}

/// The first bytes of this ELF's build-id.
fn build_id() -> [u8; BUILD_ID_PREFIX] {
    unsafe extern "C" {
        /// The note that `--build-id` writes; the linker script places these symbols around it.
        static __build_id_start: [u8; NOTE_HEADER + BUILD_ID_PREFIX];
    }
    /// Three words and the name "GNU" come before the id (ELF, note sections).
    const NOTE_HEADER: usize = 16;
    // SAFETY: the linker script refuses to link a program whose note is shorter.
    let note = unsafe { &__build_id_start };
    core::array::from_fn(|index| note[NOTE_HEADER + index])
}
