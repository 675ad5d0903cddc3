//! The end: registers, backtrace, build-id, then silence.
//!
//! Nothing here allocates, locks or trusts the stack that failed. A second failure while the first is being
//! reported says so in one line and stops.
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicUsize, Ordering};

use kernel::ports::Frame;

use crate::output::write_panic;
use crate::{image, power};

/// The CPU that failed first: its number, counted from 1.
static FAILED: AtomicUsize = AtomicUsize::new(0);

/// Longest backtrace: enough for the kernel's depth, bounded for a stack that loops.
const MAX_FRAMES: usize = 48;

macro_rules! report {
    ($($argument:tt)*) => { write_panic(format_args!("{}\n", format_args!($($argument)*))) };
}

/// A Rust panic.
#[cfg(target_os = "none")]
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    begin();
    match info.location() {
        Some(location) => {
            report!("KERNEL PANIC at {}:{}: {}", location.file(), location.line(), info.message())
        }
        None => report!("KERNEL PANIC: {}", info.message()),
    }
    backtrace(frame_pointer());
    end()
}

/// An exception from EL1: `frame` is what the CPU held when it was taken.
pub(crate) fn exception(what: &str, frame: &Frame, esr: u64, far: u64) -> ! {
    begin();
    report!("KERNEL PANIC: {what} at {:#x}: ESR {esr:#x}, FAR {far:#x}", frame.pc);
    if !image::is_stack(frame.sp) {
        report!("the stack pointer {:#x} is outside the kernel's stack: did it overflow?", frame.sp);
    }
    for (index, pair) in frame.r.chunks_exact(2).enumerate() {
        report!("  x{:<2} {:016x}  x{:<2} {:016x}", 2 * index, pair[0], 2 * index + 1, pair[1]);
    }
    report!("  lr  {:016x}  sp  {:016x}", frame.lr, frame.sp);
    report!("  pc  {:016x}  cpsr {:x}", frame.pc, frame.cpsr);
    report!("backtrace:");
    report!("  #0 {:#x}", frame.pc);
    walk(frame.r[29], 1);
    build_id();
    end()
}

/// Goes on if this is the first failure. One within it stops the machine, one on another CPU only that.
fn begin() {
    let own = crate::cpu::number().index() + 1;
    match FAILED.compare_exchange(0, own, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => {}
        Err(first) => {
            if first == own {
                report!("KERNEL PANIC while panicking: stopped");
            }
            power::halt()
        }
    }
}

fn end() -> ! {
    power::stop_after_panic()
}

/// The frame pointer of whoever calls this (AAPCS64 6.4.6: x29 points at the caller's x29 and return address).
#[inline(always)]
fn frame_pointer() -> u64 {
    let pointer: u64;
    // SAFETY: reads a register.
    unsafe { core::arch::asm!("mov {}, x29", out(reg) pointer, options(nomem, nostack, preserves_flags)) }
    pointer
}

fn backtrace(frame_pointer: u64) {
    report!("backtrace:");
    walk(frame_pointer, 0);
    build_id();
}

/// Follows the chain of frame records while it stays in the stack and goes upward.
fn walk(mut frame_pointer: u64, first: usize) {
    for index in first..MAX_FRAMES {
        if !frame_pointer.is_multiple_of(8) || !image::is_stack(frame_pointer) {
            return;
        }
        // SAFETY: `is_stack` says that these sixteen bytes are this CPU's stack, which is mapped and
        // which no other CPU writes.
        let [next, caller] = unsafe { *(frame_pointer as *const [u64; 2]) };
        if !image::is_text(caller) {
            return;
        }
        // The return address follows the call; the call is what people look for.
        report!("  #{index} {:#x}", caller - 4);
        if next <= frame_pointer {
            return;
        }
        frame_pointer = next;
    }
}

fn build_id() {
    report!("build-id: {}", image::BuildId);
}
