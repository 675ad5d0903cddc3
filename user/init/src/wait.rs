//! How the programs end.
use alloc::vec::Vec;

use zx::abi::object::{process_flags, task_retcode};
use zx::abi::time::INFINITE;
use zx::{Object, Process, Signals, Status, println};

/// How long one of several programs is waited for before the next one is.
const TURN_NANOSECONDS: i64 = 10_000_000;

/// A program that was started.
pub(crate) struct Running<'a> {
    name: &'a str,
    process: Process,
}

impl<'a> Running<'a> {
    pub(crate) fn new(name: &'a str, process: Process) -> Self {
        Self { name, process }
    }

    /// Waits until the program has ended or the deadline has passed; `None` then.
    fn status(&self, deadline: i64) -> Option<i64> {
        match self.process.wait_one(Signals::TASK_TERMINATED, deadline) {
            Err(Status::TIMED_OUT) => None,
            Err(error) => Some(self.lost(error)),
            Ok(_) => Some(match self.process.info() {
                Ok(info) if info.flags & process_flags::EXITED != 0 => info.return_code,
                Ok(_) => self.lost(Status::BAD_STATE),
                Err(error) => self.lost(error),
            }),
        }
    }

    fn lost(&self, error: Status) -> i64 {
        println!("{} cannot be waited for: {error}", self.name);
        zx::FAILURE_STATUS
    }

    fn report(&self, status: i64) {
        let why = match status {
            task_retcode::EXCEPTION_KILL => ": killed for a fault",
            task_retcode::POLICY_KILL => ": killed for breaking a policy",
            task_retcode::SYSCALL_KILL => ": killed by another process",
            _ => "",
        };
        println!("{} exited with status {status}{why}", self.name);
    }
}

/// Reports each program as it ends; gives the first status that is not 0, else 0.
pub(crate) fn for_all(mut running: Vec<Running<'_>>) -> i64 {
    let mut first = 0;
    while !running.is_empty() {
        let alone = running.len() == 1;
        running.retain(|program| {
            let deadline = if alone { INFINITE } else { zx::time::deadline_after(TURN_NANOSECONDS) };
            let Some(status) = program.status(deadline) else { return true };
            program.report(status);
            if first == 0 {
                first = status;
            }
            false
        });
    }
    first
}
