//! Channels: two ends, each with a queue of messages for its holder.
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use abi::{Koid, Signals};

use super::{HandleEntry, Header};
use crate::collections::arena::Id;

/// Messages that may wait at one end before a writer is refused.
pub const MAX_QUEUED: usize = 3500;

/// Bytes and handles on their way. The handles belong to no process meanwhile.
#[derive(Debug, Default)]
pub struct Message {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The handles.
    pub handles: Vec<HandleEntry>,
}

/// One end.
#[derive(Debug)]
pub struct Channel {
    /// What every object has.
    pub header: Header,
    /// The other end, while it exists.
    pub peer: Option<Id<Channel>>,
    /// The other end's koid, also after its end.
    pub peer_koid: Koid,
    /// What this end may read, oldest first.
    pub queue: VecDeque<Message>,
}

impl Channel {
    /// An end whose peer is named later.
    pub const fn new(koid: Koid, peer_koid: Koid) -> Self {
        let header = Header::new(koid, Signals::WRITABLE);
        Self { header, peer: None, peer_koid, queue: VecDeque::new() }
    }
}
