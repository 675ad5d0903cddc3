//! Jobs: groups of processes, and what their members may do.
use abi::Koid;

use super::{Header, Name};
use crate::collections::arena::Id;
use abi::Signals;

/// A group of processes and jobs.
#[derive(Debug)]
pub struct Job {
    /// What every object has.
    pub header: Header,
    /// Its name.
    pub name: Name,
    /// The job that it is in; `None` for the root.
    pub parent: Option<Id<Job>>,
    /// Processes in it that have not ended.
    pub processes: u32,
}

impl Job {
    /// A job without members.
    pub fn new(koid: Koid, name: &str, parent: Option<Id<Job>>) -> Self {
        let mut header = Header::new(koid, Signals::JOB_NO_JOBS | Signals::JOB_NO_PROCESSES);
        // The root has no parent whose membership would keep it.
        header.holds = u32::from(parent.is_none());
        Self { header, name: Name::new(name.as_bytes()), parent, processes: 0 }
    }
}
