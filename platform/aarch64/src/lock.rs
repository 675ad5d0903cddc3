//! The kernel's one lock: fair, and a CPU that waits for it sleeps.
//!
//! spin's ticket lock gives the order. Its waiters sleep in WFE; whoever unlocks sends an event. No wake-up is
//! lost: an event that comes between a waiter's look at the ticket and its WFE ends that WFE at once (Arm ARM
//! D1.6.1, the Event Register).
use core::ops::{Deref, DerefMut};

use spin::RelaxStrategy;
use spin::mutex::{Mutex, MutexGuard};

use crate::contention::Hold;
use crate::{barrier, contention};

/// Sleeps until an unlock.
struct Sleep;

impl RelaxStrategy for Sleep {
    fn relax() {
        barrier::wait_for_event();
    }
}

/// Wakes the waiters when it is dropped.
struct Wake;

impl Drop for Wake {
    fn drop(&mut self) {
        barrier::send_event();
    }
}

/// A value behind the lock.
pub struct Lock<T> {
    inner: Mutex<T, Sleep>,
}

/// The right to use the value; unlocks when dropped.
pub struct Guard<'l, T> {
    // Fields are dropped in this order: the hold ends before the unlock, the waiters are woken after it.
    _hold: Hold,
    value: MutexGuard<'l, T, Sleep>,
    _wake: Wake,
}

impl<T> Lock<T> {
    /// The value, unlocked.
    pub const fn new(value: T) -> Self {
        Self { inner: Mutex::new(value) }
    }

    /// Waits for the lock. Interrupts are masked throughout the kernel, so the holder is never interrupted.
    pub fn lock(&self) -> Guard<'_, T> {
        let value = if contention::is_measured() { self.lock_measured() } else { self.inner.lock() };
        Guard { _hold: Hold::begin(), value, _wake: Wake }
    }

    #[cold]
    fn lock_measured(&self) -> MutexGuard<'_, T, Sleep> {
        self.inner.try_lock().unwrap_or_else(|| contention::wait(|| self.inner.lock()))
    }

    /// The lock if nobody holds it: for a panic, which must not wait for whoever panicked.
    pub fn try_lock(&self) -> Option<Guard<'_, T>> {
        self.inner.try_lock().map(|value| Guard { _hold: Hold::begin(), value, _wake: Wake })
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

/// A lock below the kernel's, held for a few instructions: waiting for it needs no sleep, and releasing it
/// wakes nobody.
pub type Leaf<T> = Mutex<T, spin::relax::Spin>;
