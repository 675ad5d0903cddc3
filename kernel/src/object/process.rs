//! Processes: an address space, its handles and its threads.
use abi::{Koid, Signals};

use super::{HandleTable, Header, Job, Lookout, Mapping, Name, Thread, Vmar};
use crate::collections::Tree;
use crate::collections::arena::Id;
use crate::collections::list::{Links, List, Member};
use crate::memory::regions::Regions;
use crate::memory::stage1::Space;

/// Where a process is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessState {
    /// Made, not started.
    Initial,
    /// Started.
    Running,
    /// Ended; threads, handles and memory are being taken apart.
    Dying,
    /// Nothing is left but the object.
    Dead,
}

/// The threads that wait for one word, the longest waiting first; each leads to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FutexQueue {
    /// The one that is woken next.
    pub first: Id<Thread>,
    /// The one that came last.
    pub last: Id<Thread>,
}

/// An address space with its handles and threads.
#[derive(Debug)]
pub struct Process {
    /// What every object has.
    pub header: Header,
    /// Its name.
    pub name: Name,
    /// The job that it is in.
    pub job: Id<Job>,
    /// What its job's policy allows ([`Policy::allowed`](super::job::Policy::allowed)). A job's policy does not change
    /// while a process is in it.
    pub allowed: u32,
    /// Where it is in its life.
    pub state: ProcessState,
    /// Its root VMAR.
    pub vmar: Id<Vmar>,
    /// Which address belongs to which of its VMARs.
    pub regions: Regions,
    /// The mapping in which its last fault was; it may be gone.
    pub faulted: Option<Id<Mapping>>,
    /// Its translation tables; taken away when it dies.
    pub space: Option<Space>,
    /// Its handles.
    pub handles: HandleTable,
    /// Threads that wait for a word of its memory, by the word's address.
    pub futexes: Tree<FutexQueue>,
    /// What was made through its handles to wait for signals, by handle.
    pub lookouts: Tree<Id<Lookout>>,
    /// Its threads.
    pub threads: List<Thread>,
    /// Its place among the processes of its job.
    pub siblings: Links<Process>,
    /// Threads that were started and have not ended.
    pub live_threads: u32,
    /// Why it ended; valid from `Dying` on.
    pub return_code: i64,
    /// When it was started, in nanoseconds.
    pub start_time: i64,
    /// Where the code of its vDSO is mapped. System calls come from there and nowhere else.
    pub vdso_code: Option<u64>,
    /// What a loader said about its image (`ZX_PROP_PROCESS_DEBUG_ADDR`), for fault reports.
    pub debug_addr: u64,
}

impl Process {
    /// A process with an empty address space.
    pub fn new(koid: Koid, name: Name, job: Id<Job>, vmar: Id<Vmar>, space: Space, secret: u32) -> Self {
        Self {
            header: Header::new(koid, Signals::NONE),
            name,
            job,
            allowed: 0,
            state: ProcessState::Initial,
            vmar,
            regions: Regions::new(vmar),
            faulted: None,
            space: Some(space),
            handles: HandleTable::new(secret),
            futexes: Tree::default(),
            lookouts: Tree::default(),
            threads: List::default(),
            siblings: Links::default(),
            live_threads: 0,
            return_code: 0,
            start_time: 0,
            vdso_code: None,
            debug_addr: 0,
        }
    }

    /// Gives back what a dead process's tables took, a bounded part at a time; whether nothing is left of them.
    pub fn release(&mut self) -> bool {
        self.futexes.release() && self.lookouts.release() && self.regions.release()
    }

    /// Whether it has ended, or is about to.
    pub const fn is_over(&self) -> bool {
        matches!(self.state, ProcessState::Dying | ProcessState::Dead)
    }
}

impl Member for Process {
    fn links(&self) -> &Links<Self> {
        &self.siblings
    }

    fn links_mut(&mut self) -> &mut Links<Self> {
        &mut self.siblings
    }
}
