//! The log: defmt frames on a wire of their own, tagged with who speaks (`abi::log`).
//!
//! A frame is gathered here and leaves whole. Nothing that interrupts the kernel logs, and no `Format` does,
//! so frames do not nest; a panic in the middle of one loses it.
use core::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

use abi::log::{BUILD_ID_PREFIX, HEADER_SIZE, KIND_KERNEL, MAX_PAYLOAD};
use console::Console;

use crate::lock::Leaf;
use crate::{image, record};

static WIRE: Leaf<Option<Console<'static>>> = Leaf::new(None);
static FRAME: Leaf<Gathered> = Leaf::new(Gathered { bytes: [0; MAX_PAYLOAD], len: 0 });

/// The CPU that gathers a frame: its number, counted from 1; 0 for none.
static BUSY: AtomicUsize = AtomicUsize::new(0);

/// String indices below this are of messages that nobody wants to see.
static THRESHOLD: AtomicU16 = AtomicU16::new(0);

/// A frame so far.
struct Gathered {
    bytes: [u8; MAX_PAYLOAD],
    /// Bytes written, or more than fit if the frame is too long.
    len: usize,
}

/// Sends all further frames over a UART.
pub(crate) fn set_wire(wire: Console<'static>) {
    *WIRE.lock() = Some(wire);
}

/// Writes an encoded frame. Where there is no wire, only a panic record shows it.
pub(crate) fn write(frame: &[u8]) {
    let mut wire = WIRE.lock();
    // The lock keeps the ring's writers apart.
    record::Log::place().append(frame);
    if let Some(wire) = wire.as_mut() {
        wire.write_raw(frame);
    }
}

/// How important a message must be to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Everything that is compiled in.
    Trace,
    /// What helps to find a bug.
    Debug,
    /// What happens.
    Info,
    /// What should not happen.
    Warn,
    /// What went wrong.
    Error,
}

/// Sends only what is at least this important.
pub fn set_level(level: Level) {
    macro_rules! marker {
        ($symbol:ident) => {{
            unsafe extern "C" {
                safe static $symbol: u8;
            }
            // defmt's linker script orders string indices by level. An index is an address's low 16 bits.
            &raw const $symbol as u64 as u16
        }};
    }
    let first = match level {
        Level::Trace => marker!(__DEFMT_MARKER_TRACE_START),
        Level::Debug => marker!(__DEFMT_MARKER_DEBUG_START),
        Level::Info => marker!(__DEFMT_MARKER_INFO_START),
        Level::Warn => marker!(__DEFMT_MARKER_WARN_START),
        Level::Error => marker!(__DEFMT_MARKER_ERROR_START),
    };
    THRESHOLD.store(first, Ordering::Relaxed);
}

/// defmt's way in.
#[defmt::global_logger]
struct Logger;

// SAFETY: the trait asks that acquire and release bracket each frame and that frames do not interleave. What
// interrupts the kernel does not log, so a CPU finishes its frame before it begins another one, and `BUSY` keeps
// the others waiting. A second `acquire` without `release` is a bug that the assertion turns into a panic, and a
// panic does not log.
unsafe impl defmt::Logger for Logger {
    fn acquire() {
        let own = crate::cpu::number().index() + 1;
        while let Err(holder) = BUSY.compare_exchange_weak(0, own, Ordering::Acquire, Ordering::Relaxed) {
            assert!(holder != own, "a log message inside a log message");
            core::hint::spin_loop();
        }
        FRAME.lock().len = 0;
    }

    unsafe fn flush() {}

    unsafe fn release() {
        let frame = FRAME.lock();
        if let Some(payload) = frame.bytes.get(..frame.len) {
            send(payload);
        }
        drop(frame);
        BUSY.store(0, Ordering::Release);
    }

    unsafe fn write(bytes: &[u8]) {
        let mut frame = FRAME.lock();
        let start = frame.len;
        frame.len = start.saturating_add(bytes.len());
        let end = frame.len;
        if let Some(room) = frame.bytes.get_mut(start..end) {
            room.copy_from_slice(bytes);
        }
    }
}

/// Sends one of the kernel's own frames, if it is important enough.
fn send(payload: &[u8]) {
    // A raw frame starts with the index of its format string.
    let index = match payload {
        [low, high, ..] => u16::from_le_bytes([*low, *high]),
        _ => return,
    };
    if index < THRESHOLD.load(Ordering::Relaxed) {
        return;
    }
    let build_id = image::build_id().first_chunk::<BUILD_ID_PREFIX>().copied().unwrap_or_default();
    let mut out = [0; HEADER_SIZE + MAX_PAYLOAD + 4];
    if let Some(len) = abi::log::encode(KIND_KERNEL, build_id, 0, payload, &mut out)
        && let Some(frame) = out.get(..len)
    {
        write(frame);
    }
}
