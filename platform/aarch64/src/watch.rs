//! The lock-up detector: a CPU that stays in the kernel too long is reported, with its backtrace.
//!
//! Interrupts are unmasked while the kernel's logic runs, for this alone: nothing is done about one there. The first
//! that arrives is left pending, and all others are kept away by their priority but the virtual timer's, which becomes
//! an alarm. On its way out the CPU lets everything through again and gives the timer back the deadline that the kernel
//! wants, so what was left is taken at once, at EL0. A CPU that does not come out hears the alarm [`ALARMS`] times, and
//! that is the report.
//!
//! No lock is taken here, and nothing is allocated: whatever the CPU was at when it was interrupted goes on as if nothing
//! had been. Each CPU's timer is always set from its first event on, so there is always a first interrupt. Not seen is a CPU that has masked its
//! interrupts, unless it has the kernel's lock: then another one that waits for it reports.
use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use kernel::ports::{Frame, MAX_CPUS};

use crate::{cpu, interrupts, panic, secondary, timer, trap};

/// How long a CPU may stay in the kernel, in milliseconds from the first interrupt. A call holds the lock for less than
/// one; the rest is for CPUs that a hypervisor does not let run, while the counter goes on.
pub const LIMIT: u64 = 10_000;
/// Alarms until that is over. Time in which the CPU did not run at all counts as one.
const ALARMS: u32 = 10;
/// Interrupts in one stay that are not the alarm. There should be none; a controller that goes on like this is one
/// whose priorities cannot be relied on, and the CPU must get on with its work.
const PATIENCE: u32 = 1000;

/// Ticks between two alarms.
static PIECE: AtomicU64 = AtomicU64::new(0);
/// How far away a CPU's timer is set at most, in ticks: what a CPU may stay without any interrupt.
static PERIOD: AtomicU64 = AtomicU64::new(0);

static WATCHES: [Watch; MAX_CPUS] = [const { Watch::new() }; MAX_CPUS];

/// One CPU's watch, on a cache line that no other CPU writes.
#[repr(align(64))]
struct Watch {
    /// When the kernel wants the timer.
    wish: AtomicU64,
    /// The first interrupt of this stay.
    since: AtomicU64,
    /// The next alarm.
    next: AtomicU64,
    /// Alarms so far.
    alarms: AtomicU32,
    /// Interrupts so far that were none.
    strays: AtomicU32,
    /// Whether the CPU waits for the kernel's lock.
    waits: AtomicBool,
}

impl Watch {
    const fn new() -> Self {
        Self {
            wish: AtomicU64::new(0),
            since: AtomicU64::new(0),
            next: AtomicU64::new(0),
            alarms: AtomicU32::new(0),
            strays: AtomicU32::new(0),
            waits: AtomicBool::new(false),
        }
    }

    /// Sets the next alarm.
    fn wind(&self, now: u64) {
        let next = now.saturating_add(PIECE.load(Ordering::Relaxed));
        self.next.store(next, Ordering::Relaxed);
        timer::set_deadline(Some(next));
        interrupts::forget_alarm();
    }
}

fn own() -> &'static Watch {
    &WATCHES[cpu::number().index()]
}

/// Whether this CPU was interrupted during its stay in the kernel: a word above the first frame of its stack, where the
/// way back from a call finds it at no cost.
#[inline]
pub(crate) fn mark() -> &'static AtomicU64 {
    let address = cpu::stack_end() - (trap::FRAME_SIZE - trap::MARK) as u64;
    // SAFETY: an aligned word of the stack, mapped for good; entry.S begins below it, and vectors.S uses it so.
    unsafe { AtomicU64::from_ptr(address as *mut u64) }
}

/// Begins to watch. Called once, by the boot CPU, before any timer is set.
pub(crate) fn start() {
    set_limit(LIMIT);
}

/// Makes the limit shorter, for tests: milliseconds.
pub fn shorten(limit: u64) {
    set_limit(limit.clamp(ALARMS.into(), LIMIT));
}

fn set_limit(limit: u64) {
    let piece = timer::frequency() * limit / 1000 / u64::from(ALARMS);
    PIECE.store(piece, Ordering::Relaxed);
    PERIOD.store(piece * u64::from(ALARMS) / 2, Ordering::Relaxed);
}

/// Sets this CPU's timer as the kernel wants it, or earlier: there is always a next interrupt. To the kernel that is one
/// for nothing.
pub(crate) fn set_timer(at: Option<u64>) {
    let latest = timer::about_now().saturating_add(PERIOD.load(Ordering::Relaxed));
    let at = at.map_or(latest, |at| at.min(latest));
    own().wish.store(at, Ordering::Relaxed);
    // Between alarms the timer is not the kernel's. An interrupt that comes right here makes this an alarm that is
    // too early, after which the right one is set.
    if mark().load(Ordering::Relaxed) == 0 {
        timer::set_deadline(Some(at));
    }
}

/// An interrupt while the kernel's logic runs: `frame` is what it interrupted. Interrupts are masked here.
pub(crate) extern "C" fn interrupted(frame: &mut Frame) {
    panic::stop_if_failed();
    let (watch, now) = (own(), timer::now());
    if mark().load(Ordering::Relaxed) == 0 {
        mark().store(1, Ordering::Relaxed);
        watch.since.store(now, Ordering::Relaxed);
        watch.alarms.store(0, Ordering::Relaxed);
        watch.strays.store(0, Ordering::Relaxed);
        interrupts::let_through(true);
        watch.wind(now);
    } else if now < watch.next.load(Ordering::Relaxed) {
        let strays = watch.strays.load(Ordering::Relaxed) + 1;
        watch.strays.store(strays, Ordering::Relaxed);
        timer::set_deadline(Some(watch.next.load(Ordering::Relaxed)));
        interrupts::forget_alarm();
        if strays > PATIENCE {
            frame.cpsr |= SPSR_I;
        }
    } else {
        let alarms = watch.alarms.load(Ordering::Relaxed) + 1;
        watch.alarms.store(alarms, Ordering::Relaxed);
        alarm(watch, alarms, now, frame);
        watch.wind(now);
    }
}

/// SPSR_EL1.I.
const SPSR_I: u64 = 1 << 7;

/// Comes back while there is patience. Whoever waits for the lock has more of it: the holder's report is worth more.
fn alarm(watch: &Watch, alarms: u32, now: u64, frame: &Frame) {
    let (cpu, lasted) = (cpu::number(), Seconds(now - watch.since.load(Ordering::Relaxed)));
    if !watch.waits.load(Ordering::Relaxed) {
        if alarms >= ALARMS {
            let why = format_args!("CPU {} has been in the kernel for {lasted}", cpu.index());
            panic::locked_up(frame, why);
        }
    } else if alarms == ALARMS {
        // Whoever can still be interrupted is, from now on, and whoever wants the lock waits for it too.
        secondary::running()
            .filter(|other| *other != cpu)
            .for_each(|other| interrupts::try_kick(secondary::affinity(other)));
    } else if alarms >= 2 * ALARMS {
        let mut holders =
            secondary::running().filter(|other| !WATCHES[other.index()].waits.load(Ordering::Relaxed));
        let why = format_args!("CPU {} has waited for the kernel's lock for {lasted}", cpu.index());
        match (holders.next(), holders.next()) {
            (Some(holder), None) => {
                panic::locked_up(frame, format_args!("{why}; CPU {} holds it", holder.index()))
            }
            _ => panic::locked_up(frame, format_args!("{why}; who holds it is not known")),
        }
    }
}

/// A time in ticks, in words.
struct Seconds(u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = self.0.saturating_mul(10) / timer::frequency().max(1);
        write!(f, "{}.{} s", tenths / 10, tenths % 10)
    }
}

/// The CPU is on its way out and was interrupted: what was kept away may come, and the timer is the kernel's again.
pub(crate) extern "C" fn leave() {
    interrupts::let_through(false);
    timer::set_deadline(Some(own().wish.load(Ordering::Relaxed)));
    mark().store(0, Ordering::Relaxed);
}

/// Notes whether this CPU waits for the kernel's lock.
pub(crate) fn note_wait(waits: bool) {
    own().waits.store(waits, Ordering::Relaxed);
}
