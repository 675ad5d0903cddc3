//! Descriptors in a row, two at a time.
//!
//! A pair is stored as two words of 64 bits, each single-copy atomic (Arm ARM B2.2.1): a walker sees the old or the new
//! one. They work on memory to which no Rust reference exists but such to atomics: tables in lent frames.
use core::arch::asm;
use core::sync::atomic::{AtomicU64, Ordering};

/// The descriptor at an address.
///
/// # Safety
/// 1. The word at `at` is aligned and mapped, Normal memory, writable.
/// 2. No Rust reference to it is live but such to atomics.
const unsafe fn word<'a>(at: u64) -> &'a AtomicU64 {
    // SAFETY: 1 and 2 by the caller.
    unsafe { AtomicU64::from_ptr(at as *mut u64) }
}

/// Writes `first`, and behind it what is greater by `step` each time, `count` words in all.
///
/// # Safety
/// 1. The `count` words at `at` are aligned and mapped, Normal memory, writable.
/// 2. No Rust reference to them is live but such to atomics.
pub(crate) unsafe fn fill(mut at: u64, count: u64, mut first: u64, step: u64) {
    if count & 1 != 0 {
        // SAFETY: 1 and 2 by the caller: there is at least one word.
        unsafe { word(at) }.store(first, Ordering::Relaxed);
        (at, first) = (at + 8, first.wrapping_add(step));
    }
    let pairs = count >> 1;
    if pairs > 0 {
        // SAFETY: 1 and 2 by the caller; the loop writes `pairs` pairs of words, all that are left.
        unsafe {
            asm!(
                "2: add {second}, {first}, {step}",
                "stp {first}, {second}, [{at}], #16",
                "add {first}, {second}, {step}",
                "subs {pairs}, {pairs}, #1",
                "b.ne 2b",
                at = inout(reg) at => _, pairs = inout(reg) pairs => _, first = inout(reg) first => _,
                second = out(reg) _, step = in(reg) step, options(nostack),
            );
        }
    }
}

/// Whether `count` words are zero.
///
/// # Safety
/// As for [`fill`].
pub(crate) unsafe fn are_zero(mut at: u64, count: u64) -> bool {
    let mut seen = 0;
    if count & 1 != 0 {
        // SAFETY: 1 and 2 by the caller: there is at least one word.
        seen = unsafe { word(at) }.load(Ordering::Relaxed);
        at += 8;
    }
    let pairs = count >> 1;
    if pairs > 0 {
        // SAFETY: 1 and 2 by the caller; the loop reads `pairs` pairs of words, all that are left.
        unsafe {
            asm!(
                "2: ldp {one}, {other}, [{at}], #16",
                "orr {seen}, {seen}, {one}",
                "orr {seen}, {seen}, {other}",
                "subs {pairs}, {pairs}, #1",
                "b.ne 2b",
                at = inout(reg) at => _, pairs = inout(reg) pairs => _, seen = inout(reg) seen,
                one = out(reg) _, other = out(reg) _, options(nostack, readonly),
            );
        }
    }
    seen == 0
}

/// Makes `count` words zero; in how many of them bit 0 was set.
///
/// # Safety
/// As for [`fill`].
pub(crate) unsafe fn clear(mut at: u64, count: u64) -> u64 {
    let mut valid = 0;
    if count & 1 != 0 {
        // SAFETY: 1 and 2 by the caller: there is at least one word.
        let word = unsafe { word(at) };
        valid = word.load(Ordering::Relaxed) & 1;
        word.store(0, Ordering::Relaxed);
        at += 8;
    }
    let pairs = count >> 1;
    if pairs > 0 {
        // SAFETY: 1 and 2 by the caller; the loop clears `pairs` pairs of words, all that are left.
        unsafe {
            asm!(
                "2: ldp {one}, {other}, [{at}]",
                "and {one}, {one}, #1",
                "and {other}, {other}, #1",
                "add {valid}, {valid}, {one}",
                "add {valid}, {valid}, {other}",
                "stp xzr, xzr, [{at}], #16",
                "subs {pairs}, {pairs}, #1",
                "b.ne 2b",
                at = inout(reg) at => _, pairs = inout(reg) pairs => _, valid = inout(reg) valid,
                one = out(reg) _, other = out(reg) _, options(nostack),
            );
        }
    }
    valid
}

/// Gives up to `count` words the bits that `like` has in `change`, as long as they are like it in `same`; how many.
///
/// # Safety
/// As for [`fill`].
pub(crate) unsafe fn change(at: u64, count: u64, same: u64, like: u64, change: u64) -> u64 {
    let pairs = count >> 1;
    let mut left = pairs;
    if pairs > 0 {
        // SAFETY: 1 and 2 by the caller; the loop changes at most `pairs` pairs of words.
        unsafe {
            asm!(
                "2: ldp {one}, {other}, [{at}]",
                "eor {x}, {one}, {like}",
                "eor {y}, {other}, {like}",
                "orr {both}, {x}, {y}",
                "tst {both}, {same}",
                "b.ne 3f",
                "and {x}, {x}, {change}",
                "and {y}, {y}, {change}",
                "eor {one}, {one}, {x}",
                "eor {other}, {other}, {y}",
                "stp {one}, {other}, [{at}], #16",
                "subs {left}, {left}, #1",
                "b.ne 2b",
                "3:",
                at = inout(reg) at => _, left = inout(reg) left, like = in(reg) like, same = in(reg) same,
                change = in(reg) change, one = out(reg) _, other = out(reg) _, x = out(reg) _, y = out(reg) _,
                both = out(reg) _, options(nostack),
            );
        }
    }
    // What is left of a pair of which one differs, and what has no pair.
    let mut done = (pairs - left) << 1;
    while done < count {
        // SAFETY: 1 and 2 by the caller: this is one of the words.
        let word = unsafe { word(at + (done << 3)) };
        let raw = word.load(Ordering::Relaxed);
        if (raw ^ like) & same != 0 {
            break;
        }
        word.store(raw & !change | like & change, Ordering::Relaxed);
        done += 1;
    }
    done
}
