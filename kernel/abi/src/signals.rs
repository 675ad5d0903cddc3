//! Signals (`zx_signals_t`): the bits of an object that a thread can wait for.
use core::ops::{BitAnd, BitOr, Sub};

/// A set of signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[repr(transparent)]
pub struct Signals(pub u32);

impl Signals {
    /// No signal.
    pub const NONE: Self = Self(0);
    /// A message or data can be read.
    pub const READABLE: Self = Self(1 << 0);
    /// A message or data can be written.
    pub const WRITABLE: Self = Self(1 << 1);
    /// The other end is closed.
    pub const PEER_CLOSED: Self = Self(1 << 2);
    /// The event was signalled; other objects name this bit differently.
    pub const SIGNALED: Self = Self(1 << 3);
    /// A job, process or thread has ended.
    pub const TASK_TERMINATED: Self = Self(1 << 3);
    /// A VMO has no children.
    pub const VMO_ZERO_CHILDREN: Self = Self(1 << 3);
    /// A job has no child jobs; a thread runs.
    pub const JOB_NO_JOBS: Self = Self(1 << 4);
    /// The thread runs.
    pub const THREAD_RUNNING: Self = Self(1 << 4);
    /// A job has no processes.
    pub const JOB_NO_PROCESSES: Self = Self(1 << 5);
    /// The thread is suspended.
    pub const THREAD_SUSPENDED: Self = Self(1 << 5);
    /// A clock was set for the first time.
    pub const CLOCK_STARTED: Self = Self(1 << 4);
    /// A clock was set again.
    pub const CLOCK_UPDATED: Self = Self(1 << 5);
    /// The other end of a socket does not write any more.
    pub const SOCKET_PEER_WRITE_DISABLED: Self = Self(1 << 4);
    /// This end of a socket does not write any more.
    pub const SOCKET_WRITE_DISABLED: Self = Self(1 << 5);
    /// A socket has as much to read as was asked for.
    pub const SOCKET_READ_THRESHOLD: Self = Self(1 << 10);
    /// A socket has as much room as was asked for.
    pub const SOCKET_WRITE_THRESHOLD: Self = Self(1 << 11);
    /// A counter is above zero.
    pub const COUNTER_POSITIVE: Self = Self(1 << 4);
    /// A counter is zero or below.
    pub const COUNTER_NON_POSITIVE: Self = Self(1 << 5);
    /// A virtual interrupt is not triggered.
    pub const VIRTUAL_INTERRUPT_UNTRIGGERED: Self = Self(1 << 4);
    /// Reported to waiters only: the handle waited on was closed or sent away.
    pub const HANDLE_CLOSED: Self = Self(1 << 23);
    /// The eight bits that are the program's own.
    pub const USER_ALL: Self = Self(0xFF00_0000);

    /// The user signal `n`, 0 to 7.
    pub const fn user(n: u32) -> Self {
        Self(1 << (24 + (n & 7)))
    }

    /// Whether the two sets share a signal.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOr for Signals {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Signals {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// The signals of the left side that are not on the right.
impl Sub for Signals {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}
