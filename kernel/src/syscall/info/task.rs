//! Topics about jobs, processes and threads.
use abi::object::{InfoJob, InfoProcess, InfoThread, process_flags, task_retcode, thread_state};
use abi::{AbiStruct, status::Result};

use super::{Record, inspect};
use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::object::{HandleEntry, Job, Process, ProcessState, Thread, ThreadState, Wait};
use crate::ports::{CpuId, Machine};

impl<M: Machine> Kernel<M> {
    pub(super) fn info_process(&self, entry: HandleEntry) -> Result<Record> {
        let process = self.objects.get(inspect::<Process>(entry)?)?;
        // The clock had left 0 behind when the first process was made.
        let started = if process.start_time > 0 { process_flags::STARTED } else { 0 };
        let exited = if process.state == ProcessState::Dead { process_flags::EXITED } else { 0 };
        let flags = started | exited;
        let return_code = if process.state == ProcessState::Dead { process.return_code } else { 0 };
        let record = InfoProcess { return_code, start_time: process.start_time, flags, padding: 0 };
        Ok(Record::of(&record, InfoProcess::SIZE))
    }

    pub(super) fn info_thread(&self, entry: HandleEntry) -> Result<Record> {
        let id = inspect::<Thread>(entry)?;
        let state = self.thread_state(id, self.objects.get(id)?);
        // A thread runs on any CPU there is.
        let online = CpuId::all().filter(|&cpu| self.schedule.cpus.get(cpu).online);
        let mask = online.fold(0, |mask, cpu| mask | 1 << cpu.index());
        let cpu_affinity_mask = [mask, 0, 0, 0, 0, 0, 0, 0];
        let record = InfoThread { state, wait_exception_channel_type: 0, cpu_affinity_mask };
        Ok(Record::of(&record, InfoThread::SIZE))
    }

    fn thread_state(&self, id: Id<Thread>, thread: &Thread) -> u32 {
        match thread.state {
            ThreadState::New => thread_state::NEW,
            ThreadState::Ready | ThreadState::Running => thread_state::RUNNING,
            ThreadState::Blocked => match thread.wait {
                Wait::None => thread_state::BLOCKED,
                Wait::Sleep => thread_state::BLOCKED_SLEEPING,
                Wait::Futex(_) => thread_state::BLOCKED_FUTEX,
                Wait::Port { .. } => thread_state::BLOCKED_PORT,
                Wait::Signals { .. } => thread_state::BLOCKED_WAIT_ONE,
                Wait::Many { .. } => thread_state::BLOCKED_WAIT_MANY,
            },
            ThreadState::Dead if self.schedule.is_ending(id) => thread_state::DYING,
            ThreadState::Dead => thread_state::DEAD,
        }
    }

    pub(super) fn info_job(&self, entry: HandleEntry) -> Result<Record> {
        let job = self.objects.get(inspect::<Job>(entry)?)?;
        let exited = job.is_dead;
        let return_code = if exited { task_retcode::SYSCALL_KILL } else { 0 };
        let record = InfoJob {
            return_code,
            exited: u8::from(exited),
            kill_on_oom: 0,
            debugger_attached: 0,
            padding: [0; 5],
        };
        Ok(Record::of(&record, InfoJob::SIZE))
    }
}
