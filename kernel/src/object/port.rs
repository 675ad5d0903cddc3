//! Ports: queues of packets.
use abi::{Koid, Signals};

use super::notice::{AtRecipient, Notice};
use super::{Header, Thread};
use crate::collections::arena::Id;
use crate::collections::queue::Queue;

/// A queue of packets, of which each reaches one of those who wait.
#[derive(Debug)]
pub struct Port {
    /// What every object has.
    pub header: Header,
    /// Packets that wait to be taken, oldest first.
    pub packets: Queue<Notice, AtRecipient>,
    /// How many of them programs have queued.
    pub user_packets: u32,
    /// Packets to be: each waits for signals.
    pub armed: Queue<Notice, AtRecipient>,
    /// The thread that gets the next packet; it leads to the others. There is one only while there is no packet.
    pub first_waiter: Option<Id<Thread>>,
    /// The thread that came last.
    pub last_waiter: Option<Id<Thread>>,
}

impl Port {
    /// A port without packets.
    pub const fn new(koid: Koid) -> Self {
        Self {
            header: Header::new(koid, Signals::NONE),
            packets: Queue::new(),
            user_packets: 0,
            armed: Queue::new(),
            first_waiter: None,
            last_waiter: None,
        }
    }

    /// Whether nothing hangs on it.
    pub const fn is_bare(&self) -> bool {
        self.packets.is_empty() && self.armed.is_empty() && self.first_waiter.is_none()
    }
}
