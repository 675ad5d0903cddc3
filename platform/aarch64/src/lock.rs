//! The kernel's one lock: fair, and a CPU that waits for it sleeps.
//!
//! A ticket lock. Taking it is one atomic addition, giving it back one store; a system call does both itself
//! (vectors.S), with [`SERVED`] and what is next to it. A waiter watches the number that is
//! served with an exclusive load and sleeps in WFE: the store that ends its wait clears its monitor, which is an
//! event (Arm ARM B2.12.5, D1.6.1), so whoever unlocks needs no barrier and no SEV.
use core::cell::UnsafeCell;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

use spin::mutex::Mutex;

use crate::{barrier, contention, cpu, panic, timer, watch};

/// Nobody keeps the lock.
const NOBODY: u32 = u32::MAX;
/// Set in the number that is served if waits and holds are measured: no ticket is equal to it then, and everybody
/// takes the way of those who wait. So measuring costs nothing while it is off.
const MEASURED: u64 = 1 << 63;

/// Offset of the word that says who is served; the word for the next comer follows. One exclusive load reads both.
pub(crate) const SERVED: usize = core::mem::offset_of!(Lock<()>, served);
const _: () = assert!(SERVED.is_multiple_of(16) && core::mem::offset_of!(Lock<()>, next) == SERVED + 8);

/// A value behind the lock. The lock's words come first: what is next to them is used with them.
#[repr(C, align(16))]
pub struct Lock<T> {
    /// The ticket whose holder has the lock, with [`MEASURED`].
    served: AtomicU64,
    /// The ticket that the next comer takes. A word of 64 bits does not come round.
    next: AtomicU64,
    /// The CPU that has let its guard go without unlocking ([`Guard::keep`]).
    keeper: AtomicU32,
    /// When the holder got it, if that is measured.
    since: AtomicU64,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached only through a guard, and `next` and `served` see to it that there is one.
unsafe impl<T: Send> Sync for Lock<T> {}

/// The right to use the value; unlocks when dropped.
pub struct Guard<'l, T> {
    lock: &'l Lock<T>,
    /// What is served now.
    served: u64,
}

/// Where a lock is found that is made while the machine boots.
pub struct Place<T: 'static>(AtomicPtr<Lock<T>>);

impl<T: Send> Place<T> {
    /// An empty place.
    #[expect(clippy::new_without_default, reason = "it is for statics")]
    pub const fn new() -> Self {
        Self(AtomicPtr::new(core::ptr::null_mut()))
    }

    /// Puts a lock there, for good.
    pub fn put(&self, lock: &'static Lock<T>) {
        self.0.store(core::ptr::from_ref(lock).cast_mut(), Ordering::Release);
    }

    /// The lock, once it is there.
    #[inline]
    pub fn get(&self) -> Option<&'static Lock<T>> {
        // SAFETY: null, or from a `&'static Lock<T>` in `put`.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
    }
}

impl<T> Lock<T> {
    /// The value, unlocked.
    pub const fn new(value: T) -> Self {
        Self {
            served: AtomicU64::new(0),
            next: AtomicU64::new(0),
            keeper: AtomicU32::new(NOBODY),
            since: AtomicU64::new(0),
            value: UnsafeCell::new(value),
        }
    }

    /// Has waits and holds measured from the next taker on.
    pub fn measure(&self) {
        self.served.fetch_or(MEASURED, Ordering::Relaxed);
    }

    /// Waits for the lock. What interrupts the holder, or one that waits, takes no lock (`watch`).
    #[inline]
    pub fn lock(&self) -> Guard<'_, T> {
        let ticket = self.next.fetch_add(1, Ordering::Relaxed);
        let served = if self.served.load(Ordering::Acquire) == ticket { ticket } else { self.wait(ticket) };
        Guard { lock: self, served }
    }

    /// Waits until a ticket that was drawn is served.
    pub(crate) fn await_turn(&self, ticket: u64) {
        self.wait(ticket);
    }

    /// The guard of a CPU that took the lock without one.
    ///
    /// # Safety
    /// 1. This CPU drew a ticket that is served, has not unlocked since, and has no guard.
    pub(crate) unsafe fn taken(&self) -> Guard<'_, T> {
        Guard { lock: self, served: self.served.load(Ordering::Relaxed) }
    }

    /// Offset of the value.
    pub(crate) const VALUE: usize = core::mem::offset_of!(Self, value);

    /// The guard that this CPU has kept.
    ///
    /// # Panics
    /// If it kept none: a bug of the kernel.
    pub fn kept(&self) -> Guard<'_, T> {
        let own = cpu::number().index() as u32;
        let keeper = self.keeper.swap(NOBODY, Ordering::Relaxed);
        assert!(keeper == own, "CPU {own} goes on with a lock that it does not hold");
        Guard { lock: self, served: self.served.load(Ordering::Relaxed) }
    }

    /// Waits until a ticket is served; what is served then.
    #[cold]
    fn wait(&self, ticket: u64) -> u64 {
        let mut served = read_and_watch(&self.served);
        if served & !MEASURED != ticket {
            let start = timer::now();
            watch::note_wait(true);
            while served & !MEASURED != ticket {
                sleep();
                served = read_and_watch(&self.served);
            }
            watch::note_wait(false);
            if served & MEASURED != 0 {
                contention::waited(start);
            }
        }
        self.since.store(timer::now(), Ordering::Relaxed);
        panic::stay_if_asked();
        served
    }
}

impl<'l, T> Guard<'l, T> {
    /// Keeps the lock for this CPU beyond the guard's life, until [`Lock::kept`].
    pub fn keep(self) {
        self.lock.keeper.store(cpu::number().index() as u32, Ordering::Relaxed);
        core::mem::forget(self);
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the one guard is borrowed, so there are only shared references to the value.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the one guard is borrowed exclusively, so there is no other reference to the value.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for Guard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if self.served & MEASURED != 0 {
            contention::held(self.lock.since.load(Ordering::Relaxed));
        }
        self.lock.served.store(self.served + 1, Ordering::Release);
    }
}

/// Reads a word and watches it: when somebody writes it, [`sleep`] ends, be that before it begins.
fn read_and_watch(word: &AtomicU64) -> u64 {
    let value: u64;
    // SAFETY: an aligned load of a live word. The monitor that it sets is used for nothing but waking.
    unsafe {
        core::arch::asm!("ldaxr {}, [{}]", out(reg) value, in(reg) word.as_ptr(), options(nostack, preserves_flags));
    }
    value
}

fn sleep() {
    barrier::wait_for_event();
}

/// A lock below the kernel's, held for a few instructions: waiting for it needs no sleep, and releasing it
/// wakes nobody. An interrupt may come meanwhile, but takes none (`watch`).
pub type Leaf<T> = Mutex<T, spin::relax::Spin>;
