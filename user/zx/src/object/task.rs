//! Jobs, processes and threads.
use abi::object::{InfoJob, InfoProcess, InfoThread, info, process_flags, property};
use abi::{Koid, Signals, Status, VirtAddr, status::Result};

use super::Vmar;
use crate::handle::{created, created_pair, get_info, get_koids, object, set_number};
use crate::{Handle, Object, raw};

object!(
    /// A group of processes.
    Job
);
object!(
    /// An address space with its handles and threads.
    Process
);
object!(
    /// A flow of control.
    Thread
);

impl Job {
    /// Whether it was killed and nothing is left in it.
    ///
    /// # Errors
    /// ACCESS_DENIED without INSPECT.
    pub fn info(&self) -> Result<InfoJob> {
        get_info(self.raw(), info::JOB)
    }

    /// Fills `koids` with the ids of jobs in it; gives the part that it fills, and how many there are.
    ///
    /// # Errors
    /// ACCESS_DENIED without ENUMERATE.
    pub fn children<'k>(&self, koids: &'k mut [Koid]) -> Result<(&'k [Koid], usize)> {
        get_koids(self.raw(), info::JOB_CHILDREN, koids)
    }

    /// Fills `koids` with the ids of processes in it; gives the part that it fills, and how many there are.
    ///
    /// # Errors
    /// ACCESS_DENIED without ENUMERATE.
    pub fn processes<'k>(&self, koids: &'k mut [Koid]) -> Result<(&'k [Koid], usize)> {
        get_koids(self.raw(), info::JOB_PROCESSES, koids)
    }
}

impl Process {
    /// Makes a process in a job; it has an empty address space, the region that is returned.
    ///
    /// # Errors
    /// ACCESS_DENIED without MANAGE_PROCESS on the job, NO_MEMORY.
    pub fn create(job: &Job, name: &str) -> Result<(Self, Vmar)> {
        let create = |process, vmar| {
            // SAFETY: the name is valid for reads of its length, the other two for a handle.
            unsafe { raw::zx_process_create(job.raw(), name.as_ptr(), name.len(), 0, process, vmar) }
        };
        // SAFETY: 1: the call writes two handles or fails.
        unsafe { created_pair(create) }.map(|(process, vmar)| (Self(process), Vmar::from(vmar)))
    }

    /// Starts the process with its first thread: X0 is `arg1` as a handle of the new process, X1 is `arg2`.
    /// `arg1` is gone, whatever happens.
    ///
    /// # Errors
    /// ACCESS_DENIED for a thread of another process, BAD_STATE if it was started before.
    pub fn start(
        &self,
        thread: &Thread,
        entry: VirtAddr,
        stack: VirtAddr,
        arg1: Handle,
        arg2: usize,
    ) -> Result {
        let arg1 = arg1.into_raw();
        // SAFETY: the addresses are of the new process; `arg1` was given up.
        unsafe { raw::zx_process_start(self.raw(), thread.raw(), entry.0, stack.0, arg1, arg2) }.ok()
    }

    /// Whether it was started and has ended, and how.
    ///
    /// # Errors
    /// ACCESS_DENIED without INSPECT.
    pub fn info(&self) -> Result<InfoProcess> {
        get_info(self.raw(), info::PROCESS)
    }

    /// Fills `koids` with the ids of its threads that run; gives the part that it fills, and how many there are.
    ///
    /// # Errors
    /// ACCESS_DENIED without ENUMERATE.
    pub fn threads<'k>(&self, koids: &'k mut [Koid]) -> Result<(&'k [Koid], usize)> {
        get_koids(self.raw(), info::PROCESS_THREADS, koids)
    }

    /// Where the vDSO is mapped in it.
    ///
    /// # Errors
    /// ACCESS_DENIED without GET_PROPERTY.
    pub fn vdso_base(&self) -> Result<VirtAddr> {
        let mut base = [0; 8];
        let property = abi::object::property::PROCESS_VDSO_BASE_ADDRESS;
        // SAFETY: the buffer is valid for writes of its length.
        unsafe { raw::zx_object_get_property(self.raw(), property, base.as_mut_ptr(), base.len()) }.ok()?;
        Ok(VirtAddr(u64::from_le_bytes(base)))
    }

    /// Tells the kernel where the program's image lies: fault reports count from there.
    ///
    /// # Errors
    /// ACCESS_DENIED without SET_PROPERTY.
    pub fn set_image_base(&self, base: VirtAddr) -> Result {
        set_number(self.raw(), property::PROCESS_DEBUG_ADDR, base.0)
    }

    /// Waits until the process has ended; gives its return code.
    ///
    /// # Errors
    /// ACCESS_DENIED without WAIT and INSPECT.
    pub fn wait(&self) -> Result<i64> {
        self.wait_one(Signals::TASK_TERMINATED, abi::time::INFINITE)?;
        let info = self.info()?;
        if info.flags & process_flags::EXITED == 0 {
            return Err(Status::BAD_STATE);
        }
        Ok(info.return_code)
    }
}

impl Thread {
    /// Makes a thread in a process.
    ///
    /// # Errors
    /// ACCESS_DENIED without MANAGE_THREAD on the process, BAD_STATE if the process has ended.
    pub fn create(process: &Process, name: &str) -> Result<Self> {
        let create = |out| {
            // SAFETY: the name is valid for reads of its length, `out` for a handle.
            unsafe { raw::zx_thread_create(process.raw(), name.as_ptr(), name.len(), 0, out) }
        };
        // SAFETY: 1: the call writes a handle or fails.
        unsafe { created(create) }.map(Self)
    }

    /// What it does, and what it waits for.
    ///
    /// # Errors
    /// ACCESS_DENIED without INSPECT.
    pub fn info(&self) -> Result<InfoThread> {
        get_info(self.raw(), info::THREAD)
    }

    /// Starts the thread in a process that runs already.
    ///
    /// # Safety
    /// 1. If the process is this one: `entry` is a function that never returns and may run with these two
    ///    arguments, and `stack` is the 16-aligned end of memory that nobody else uses.
    ///
    /// # Errors
    /// BAD_STATE if the thread was started before or its process does not run.
    pub unsafe fn start(&self, entry: VirtAddr, stack: VirtAddr, arg1: usize, arg2: usize) -> Result {
        // SAFETY: 1 by the caller.
        unsafe { raw::zx_thread_start(self.raw(), entry.0, stack.0, arg1, arg2) }.ok()
    }
}

/// Ends a job, a process or a thread.
///
/// # Errors
/// ACCESS_DENIED without DESTROY, WRONG_TYPE for anything else.
pub fn kill(task: &impl Object) -> Result {
    // SAFETY: no pointer.
    unsafe { raw::zx_task_kill(task.raw()) }.ok()
}
