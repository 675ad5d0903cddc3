//! How the CPUs share the kernel's lock: each one's waits and holds, in ticks of the counter.
//!
//! Nothing is measured until the lock is told to ([`crate::lock::Lock::measure`]). Each CPU writes its own counters, and
//! no interrupt does, so plain stores suffice; whoever reads another CPU's may see its last entry half counted.
use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};

use kernel::ports::{CpuId, MAX_CPUS};

use crate::{cpu, timer};

static COUNTERS: [Counters; MAX_CPUS] = [const { Counters::new() }; MAX_CPUS];

/// One CPU's counters, on a cache line that no other CPU writes.
#[repr(align(64))]
struct Counters {
    waits: Spans,
    holds: Spans,
}

/// How often something lasted, how long at most and how long altogether.
struct Spans {
    count: AtomicU64,
    longest: AtomicU64,
    total: AtomicU64,
}

impl Counters {
    const fn new() -> Self {
        Self { waits: Spans::new(), holds: Spans::new() }
    }
}

impl Spans {
    const fn new() -> Self {
        Self { count: AtomicU64::new(0), longest: AtomicU64::new(0), total: AtomicU64::new(0) }
    }

    /// Counts what began at `start` and ends now. Called by the counters' own CPU alone.
    fn add(&self, start: u64) {
        let ticks = timer::now().saturating_sub(start);
        let raise =
            |counter: &AtomicU64, by| counter.store(counter.load(Ordering::Relaxed) + by, Ordering::Relaxed);
        raise(&self.count, 1);
        raise(&self.total, ticks);
        self.longest.store(self.longest.load(Ordering::Relaxed).max(ticks), Ordering::Relaxed);
    }
}

fn own() -> &'static Counters {
    &COUNTERS[cpu::number().index()]
}

/// Counts a wait of this CPU that began at `start`.
pub(crate) fn waited(start: u64) {
    own().waits.add(start);
}

/// Counts a hold of this CPU that began at `start`.
#[cold]
pub(crate) fn held(start: u64) {
    own().holds.add(start);
}

/// What one CPU had of the lock so far, in words.
#[derive(Clone, Copy, Debug)]
pub struct Report(CpuId);

/// A report for each CPU that has held the lock since measuring began.
pub fn reports() -> impl Iterator<Item = Report> {
    let held = |cpu: &CpuId| COUNTERS[cpu.index()].holds.count.load(Ordering::Relaxed) != 0;
    CpuId::all().filter(held).map(Report)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counters { waits, holds } = &COUNTERS[self.0.index()];
        write!(
            f,
            "CPU {}: lock held {} x, longest {} ns, together {} ns; waited for {} x, longest {} ns, together {} ns",
            self.0.index(),
            holds.count.load(Ordering::Relaxed),
            nanos(&holds.longest),
            nanos(&holds.total),
            waits.count.load(Ordering::Relaxed),
            nanos(&waits.longest),
            nanos(&waits.total),
        )
    }
}

/// Nanoseconds for a counter in ticks, which come round after centuries. No counter is so fast that a second of it,
/// times a billion, has more than 64 bits.
#[inline(never)]
fn nanos(ticks: &AtomicU64) -> u64 {
    const NANOS_PER_SECOND: u64 = 1_000_000_000;
    let (ticks, frequency) = (ticks.load(Ordering::Relaxed), timer::frequency().max(1));
    let (seconds, rest) = (ticks / frequency, ticks % frequency);
    seconds.wrapping_mul(NANOS_PER_SECOND).wrapping_add(rest.wrapping_mul(NANOS_PER_SECOND) / frequency)
}
