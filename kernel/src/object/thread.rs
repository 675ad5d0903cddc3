//! Threads: registers, and what they wait for.
use abi::{Handle, Koid, Signals, Status};

use super::notice::AtRecipient;
use super::{Header, Mapping, Name, Notice, ObjectRef, Port, Process, Vmar, Vmo};
use crate::collections::arena::Id;
use crate::collections::list::{Links, Member};
use crate::collections::queue::Queue;
use crate::ports::{FpState, Frame};

/// Where a thread is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreadState {
    /// Made, not started.
    New,
    /// In the ready queue.
    Ready,
    /// On the CPU.
    Running,
    /// Waiting for an event.
    Blocked,
    /// Ended.
    Dead,
}

/// What a blocked thread waits for. A deadline may come on top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Nothing.
    None,
    /// The deadline alone; its passing is success.
    Sleep,
    /// A wake-up of a futex of the thread's process, at this address.
    Futex(u64),
    /// Signals of an object.
    Signals {
        /// Whose.
        object: ObjectRef,
        /// Through which handle: its closing ends the wait.
        handle: Handle,
        /// Which.
        wanted: Signals,
        /// Where the thread wants to read what was there at the end; 0 for nowhere.
        observed: u64,
    },
    /// Signals of several objects, by the notices among what the thread is told.
    Many {
        /// Where the thread wants to read what was there at the end.
        items: u64,
    },
    /// A packet.
    Port {
        /// From where.
        port: Id<Port>,
        /// Where the thread wants to read it; 0 for nowhere.
        packet: u64,
    },
}

/// What a thread is to find in its own memory when its wait has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Nothing.
    None,
    /// A word: where, and what.
    At(u64, u32),
    /// The items of its wait, from here on.
    Items(u64),
    /// The packet that it is told.
    Packet {
        /// From where it comes, and goes back to if the thread ends first.
        port: Id<Port>,
        /// Where the thread wants to read it; 0 for nowhere.
        at: u64,
    },
}

/// What a wait ended with, to be told to the thread when it runs again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The result of the call.
    pub status: Status,
    /// What goes to the thread's own memory.
    pub word: Word,
}

/// How far a search for packets has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Search {
    /// Where it goes on; at the start, if that is gone.
    pub at: Id<Notice>,
    /// Whether it has found something.
    pub found: bool,
}

/// How far a list that is written in pieces has come (`zx_object_get_info`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listing {
    /// What is listed.
    pub topic: u32,
    /// Whose.
    pub of: ObjectRef,
    /// Where it goes on.
    pub at: Place,
    /// Records before it.
    pub seen: u64,
}

/// Pages with a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// All of them.
    pub committed: u64,
    /// Those whose frame no other VMO has.
    pub private: u64,
}

/// A place in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// At this member.
    Member(ObjectRef),
    /// At this number of what the list counts.
    Number(u64),
    /// At a process's address space.
    Space,
    /// At a region, which is this deep.
    Region(Id<Vmar>, u32),
    /// In a region, at what lies at this address or behind it, which is this deep.
    Inside(Id<Vmar>, u64, u32),
    /// At a mapping in a region, some of whose pages have been counted.
    Counting {
        /// The region.
        vmar: Id<Vmar>,
        /// The mapping's first address.
        base: u64,
        /// The mapping: another one may be there now.
        mapping: Id<Mapping>,
        /// How deep it is.
        depth: u32,
        /// Up to which page of the VMO that has its bytes.
        page: u64,
        /// What there was.
        found: Found,
    },
}

/// How far a new mapping is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Populating {
    /// The mapping.
    pub mapping: Id<Mapping>,
    /// Its first address.
    pub base: u64,
    /// Where to go on.
    pub at: u64,
    /// What the call says when the mapping is gone again, if it comes to nothing.
    pub undo: Option<Status>,
}

/// A flow of control in a process.
#[derive(Debug)]
pub struct Thread {
    /// What every object has.
    pub header: Header,
    /// Its name.
    pub name: Name,
    /// Whose it is.
    pub process: Id<Process>,
    /// Where it is in its life.
    pub state: ThreadState,
    /// What it waits for while blocked.
    pub wait: Wait,
    /// The counter's value at which its wait ends, while it is among the timers.
    pub deadline: Option<u64>,
    /// What the pieces of a call that is made again have come to so far, where its registers cannot say.
    pub carried: abi::status::Result,
    /// How far the search of a call that is made again has come.
    pub search: Option<Search>,
    /// How far the list that a call writes in pieces has come.
    pub listing: Option<Listing>,
    /// The VMO from whose mappings a call that is made again takes pages away.
    pub withdraws: Option<Id<Vmo>>,
    /// Which one it was of all that were turned away from pages on their way out, if it waits since; else 0.
    pub turned_away: u64,
    /// How far the mapping is shown that a call makes in pieces.
    pub populating: Option<Populating>,
    /// Bytes that a call which is made again has copied or zeroed so far.
    pub copied: u64,
    /// What a call of it makes in pieces: it is kept until it is whole, or the thread ends.
    pub making: Option<ObjectRef>,
    /// The items that it waits for, or the packet that it got, until it is told.
    pub told: Queue<Notice, AtRecipient>,
    /// What its last wait ended with, until it is told.
    pub outcome: Option<Outcome>,
    /// Its registers while it is not on the CPU.
    pub registers: Frame,
    /// Its FP registers while they are not on the CPU.
    pub fp: FpState,
    /// The next thread with the same deadline.
    pub timer_next: Option<Id<Thread>>,
    /// The one before it with the same deadline.
    pub timer_previous: Option<Id<Thread>>,
    /// The next in the ready queue, or among those who wait for the same.
    pub next: Option<Id<Thread>>,
    /// The one before it there.
    pub previous: Option<Id<Thread>>,
    /// Its place among the threads of its process.
    pub siblings: Links<Thread>,
}

impl Thread {
    /// A thread that was never started.
    pub fn new(koid: Koid, name: Name, process: Id<Process>) -> Self {
        Self {
            header: Header::new(koid, Signals::NONE),
            name,
            process,
            state: ThreadState::New,
            wait: Wait::None,
            deadline: None,
            carried: Ok(()),
            search: None,
            listing: None,
            withdraws: None,
            turned_away: 0,
            populating: None,
            copied: 0,
            making: None,
            told: Queue::new(),
            outcome: None,
            registers: Frame::default(),
            fp: FpState::ZERO,
            timer_next: None,
            timer_previous: None,
            next: None,
            previous: None,
            siblings: Links::default(),
        }
    }
}

impl Member for Thread {
    fn links(&self) -> &Links<Self> {
        &self.siblings
    }

    fn links_mut(&mut self) -> &mut Links<Self> {
        &mut self.siblings
    }
}
