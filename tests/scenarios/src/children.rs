//! Child processes and threads of a scenario, on the agent's code.

use alloc::vec;

use abi::object::{HANDLE_INVALID, InfoThread, info, process_flags};
use abi::vmar::{PERM_EXECUTE, PERM_READ, PERM_WRITE};
use abi::{Handle, PAGE_SIZE, Signals, Status, Sysno, VirtAddr};

use crate::Outcome;
use crate::agent::{Arg, Do, HEADER, STEP, STEP_RESULT, Step};
use crate::check::truth;
use crate::env::{Env, Result};

/// How long a scenario waits for a process or thread to end: far more than it needs. An emulator whose CPUs share
/// a busy host's may keep one of them waiting for the kernel's lock for seconds, time and again.
const PATIENCE: i64 = 60_000_000_000;
/// Pauses in which other threads should get on, in nanoseconds.
const PAUSES: [i64; 4] = [20_000_000, 100_000_000, 500_000_000, 2_500_000_000];

/// Tries something that needs other threads to have come to a certain point, which cannot be seen from outside:
/// `attempt` says whether they had, in the pause that it is given. A busy host may run one of an emulator's CPUs
/// and not another, so the pauses grow.
pub(crate) fn patiently(
    env: &mut Env<'_>,
    mut attempt: impl FnMut(&mut Env<'_>, i64) -> Outcome<bool>,
) -> Outcome {
    let mut came_in_time = false;
    for pause in PAUSES {
        came_in_time = attempt(env, pause)?;
        if came_in_time {
            break;
        }
    }
    truth!(came_in_time);
    Ok(())
}

/// A process or thread that works through a script.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Task {
    /// The process; the scenario's own for a mere thread.
    pub(crate) process: Handle,
    /// The process's root VMAR.
    pub(crate) vmar: Handle,
    /// The thread.
    pub(crate) thread: Handle,
    /// The script's page.
    pub(crate) script: Handle,
    agent: VirtAddr,
    script_at: VirtAddr,
    vdso: VirtAddr,
}

impl Env<'_> {
    /// A process with the agent, the vDSO's code and an empty script mapped; not started.
    pub(crate) fn new_process(&mut self, name: &[u8]) -> Result<Task> {
        self.new_process_in(self.world.job, name)
    }

    /// As [`Env::new_process`], in a job.
    pub(crate) fn new_process_in(&mut self, job: Handle, name: &[u8]) -> Result<Task> {
        let (process, vmar) = self.process_create_in(job, name)?;
        let (offset, size) = self.world.vdso_code;
        let code = self.vmar_map(vmar, PERM_READ | PERM_EXECUTE, 0, self.world.vdso, offset, size)?;
        self.new_task(process, vmar, VirtAddr(code.0 - offset), name)
    }

    /// A thread of the program's own process with the agent and an empty script mapped; not started.
    pub(crate) fn new_thread(&mut self, name: &[u8]) -> Result<Task> {
        self.new_task(self.world.process, self.world.vmar, self.world.vdso_base, name)
    }

    /// One more thread for a process that was made here; not started.
    pub(crate) fn new_thread_in(&mut self, task: &Task, name: &[u8]) -> Result<Task> {
        self.new_task(task.process, task.vmar, task.vdso, name)
    }

    fn new_task(&mut self, process: Handle, vmar: Handle, vdso: VirtAddr, name: &[u8]) -> Result<Task> {
        let thread = self.thread_create(process, name)?;
        let (vmo, offset) = self.world.agent;
        let agent = self.vmar_map(vmar, PERM_READ | PERM_EXECUTE, 0, vmo, offset, PAGE_SIZE)?;
        let script = self.vmo_create(PAGE_SIZE, 0)?;
        let script_at = self.vmar_map(vmar, PERM_READ | PERM_WRITE, 0, script, 0, PAGE_SIZE)?;
        Ok(Task { process, vmar, thread, script, agent, script_at, vdso })
    }

    /// Writes the steps into a task's script.
    pub(crate) fn set_script(&mut self, task: &Task, steps: &[Step]) -> Result {
        let mut bytes = vec![0; HEADER as usize];
        for step in steps {
            let function = self.function(task, step.action);
            let mut words = [function, 0, 0, 0, 0, 0, 0, 0, 0, step.x16, 0];
            for (to, arg) in words.iter_mut().skip(1).zip(step.args) {
                *to = match arg {
                    Arg::Is(value) => value,
                    Arg::Script(offset) => task.script_at.0 + offset,
                    Arg::Svc(sysno) => self.svc(task, sysno)?,
                    Arg::Function(sysno) => self.function(task, crate::agent::Do::Call(sysno)),
                };
            }
            bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        }
        self.vmo_write(task.script, 0, &bytes)
    }

    /// Starts a new process's first thread on its script, with a handle that moves to it.
    pub(crate) fn start_process(&mut self, task: &Task, handle: Handle) -> Result {
        self.forget(handle);
        let args = [task.process, task.thread].map(u64::from);
        let start = [args[0], args[1], task.agent.0, 0, u64::from(handle), task.script_at.0];
        self.raw(Sysno::process_start, &start)
    }

    /// Starts a new thread on its script.
    pub(crate) fn start_thread(&mut self, task: &Task) -> Result {
        let start = [u64::from(task.thread), task.agent.0, 0, 0, task.script_at.0];
        self.raw(Sysno::thread_start, &start)
    }

    /// Runs a new process through `steps` and gives its return code.
    pub(crate) fn run_process(&mut self, steps: &[Step]) -> Result<i64> {
        let task = self.new_process(b"child")?;
        self.run_prepared(&task, steps)
    }

    /// Runs a process that was made and not started.
    pub(crate) fn run_prepared(&mut self, task: &Task, steps: &[Step]) -> Result<i64> {
        self.set_script(task, steps)?;
        self.start_process(task, HANDLE_INVALID)?;
        self.finish(task)
    }

    /// Waits for a process to end and gives its return code.
    pub(crate) fn finish(&mut self, task: &Task) -> Result<i64> {
        self.wait_for_end(task.process)?;
        let info = self.process_info(task.process)?;
        if info.flags & process_flags::EXITED == 0 {
            return Err(Status::BAD_STATE);
        }
        Ok(info.return_code)
    }

    /// Waits until a process or thread has ended.
    pub(crate) fn wait_for_end(&mut self, task: Handle) -> Result {
        let deadline = self.in_the_future(PATIENCE);
        self.wait(task, Signals::TASK_TERMINATED, deadline).0
    }

    /// Waits until a thread is in a state (`abi::object::thread_state`), as far as that can be hoped for.
    pub(crate) fn wait_for_state(&mut self, thread: Handle, state: u32) -> Result {
        let deadline = self.in_the_future(PATIENCE);
        while self.info::<InfoThread>(thread, info::THREAD)?.state != state {
            if self.now() > deadline {
                return Err(Status::TIMED_OUT);
            }
            self.pause(1_000_000)?;
        }
        Ok(())
    }

    /// The deadline so many nanoseconds from now.
    pub(crate) fn in_the_future(&mut self, nanoseconds: i64) -> i64 {
        self.now().saturating_add(nanoseconds)
    }

    /// Sleeps for so many nanoseconds.
    pub(crate) fn pause(&mut self, nanoseconds: i64) -> Result {
        let end = self.in_the_future(nanoseconds);
        self.nanosleep(end)
    }

    /// What step `index` of a script returned.
    pub(crate) fn step_result(&mut self, task: &Task, index: u64) -> Result<u64> {
        self.script_word(task, HEADER + index * STEP + STEP_RESULT)
    }

    /// The status that step `index` of a script returned.
    pub(crate) fn step_status(&mut self, task: &Task, index: u64) -> Result {
        let result = self.step_result(task, index)?;
        Status(result as i32).ok()
    }

    /// A word of a script's page.
    pub(crate) fn script_word(&mut self, task: &Task, offset: u64) -> Result<u64> {
        let bytes = self.vmo_read(task.script, offset, 8)?;
        Ok(<u64 as abi::layout::Plain>::get_at(&bytes, 0))
    }

    fn function(&self, task: &Task, action: Do) -> u64 {
        match (action, action.offset()) {
            (Do::Call(sysno), _) => task.vdso.0 + self.system.vdso_function(sysno),
            (_, offset) => task.agent.0 + offset.unwrap_or(0),
        }
    }

    /// Where the `svc` of a call is, found in the vDSO's code.
    fn svc(&mut self, task: &Task, sysno: Sysno) -> Result<u64> {
        const SVC: u32 = 0xD400_0001;
        let start = self.system.vdso_function(sysno);
        let code = self.vmo_read(self.world.vdso, start, 64)?;
        let words = code.chunks_exact(4).map(|raw| <u32 as abi::layout::Plain>::get_at(raw, 0));
        let index = words.take(16).position(|word| word == SVC).ok_or(Status::NOT_FOUND)?;
        Ok(task.vdso.0 + start + index as u64 * 4)
    }
}
