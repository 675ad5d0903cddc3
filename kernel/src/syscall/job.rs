//! `zx_job_*`, `zx_task_kill`, and the enforcement of policies.
use abi::object::task_retcode;
use abi::policy::{
    ABSOLUTE, Action, Condition, MAX_COUNT, OVERRIDE_DENY, PolicyBasicV1, PolicyBasicV2, RELATIVE, topic,
};
use abi::{AbiStruct, Rights, Signals, Status, Sysno, status::Result};

use super::{Args, Arguments, Caller};
use crate::collections::arena::Id;
use crate::collections::list;
use crate::kernel::Kernel;
use crate::object::job::Rule;
use crate::object::{Job, Object, ObjectRef};
use crate::ports::Machine;

impl<M: Machine> Kernel<M> {
    /// `zx_job_create(parent, options, out)`.
    pub(super) fn sys_job_create(&mut self, caller: Caller, args: &Args) -> Result {
        if args.half(1) != 0 {
            return Err(Status::INVALID_ARGS);
        }
        let parent = self.object::<Job>(caller, args.half(0), Rights::MANAGE_JOB)?;
        let job = self.objects.get(parent)?;
        if job.height == 0 {
            return Err(Status::OUT_OF_RANGE);
        }
        if job.killed {
            return Err(Status::BAD_STATE);
        }
        self.objects.jobs.reserve()?;
        let koid = self.objects.allocate_koid();
        let child = Job::child(koid, parent, self.objects.get(parent)?);
        let id = self.objects.jobs.insert(child)?;
        self.join_parent(parent, id);
        self.give(caller, ObjectRef::Job(id), Job::DEFAULT_RIGHTS, args.word(2)).map(|_| ())
    }

    fn join_parent(&mut self, parent: Id<Job>, id: Id<Job>) {
        let Some(job) = self.objects.jobs.get_mut(parent) else { return };
        let mut children = core::mem::take(&mut job.children);
        children.push(&mut self.objects.jobs, id);
        if let Some(job) = self.objects.jobs.get_mut(parent) {
            job.children = children;
        }
        self.hold(ObjectRef::Job(parent));
        self.signal(ObjectRef::Job(parent), Signals::JOB_NO_JOBS, Signals::NONE);
    }

    /// `zx_job_set_policy(job, options, topic, policy, count)`.
    pub(super) fn sys_job_set_policy(&mut self, caller: Caller, args: &Args) -> Result {
        let (handle, options, which, policies, count) =
            (args.half(0), args.half(1), args.half(2), args.word(3), args.half(4));
        if which == topic::TIMER_SLACK {
            return Err(Status::NOT_SUPPORTED);
        }
        if !matches!(which, topic::BASIC_V1 | topic::BASIC_V2) || !matches!(options, RELATIVE | ABSOLUTE) {
            return Err(Status::INVALID_ARGS);
        }
        if policies == 0 || count == 0 || count > MAX_COUNT {
            return Err(Status::INVALID_ARGS);
        }
        let size = if which == topic::BASIC_V1 { PolicyBasicV1::SIZE } else { PolicyBasicV2::SIZE };
        let mut bytes = [0; MAX_COUNT as usize * PolicyBasicV2::SIZE];
        let list = bytes.get_mut(..count as usize * size).ok_or(Status::INTERNAL)?;
        self.copy_in(caller.process, policies, list)?;
        let id = self.object::<Job>(caller, handle, Rights::SET_POLICY)?;
        let job = self.objects.get(id)?;
        if job.processes.first().is_some() || job.children.first().is_some() {
            return Err(Status::BAD_STATE);
        }
        let mut policy = job.policy;
        for record in list.chunks_exact(size) {
            let (condition, rule) = rule_of(which, record)?;
            let set = policy.set(condition, rule);
            if options == ABSOLUTE {
                set?;
            }
        }
        self.objects.get_mut(id)?.policy = policy;
        Ok(())
    }

    /// `zx_task_kill(handle)`: the right comes before the type. The dead stay dead.
    pub(super) fn sys_task_kill(&mut self, caller: Caller, args: &Args) -> Result {
        let entry = self.entry(caller, args.half(0))?;
        if !entry.rights.contains(Rights::DESTROY) {
            return Err(Status::ACCESS_DENIED);
        }
        match entry.object {
            ObjectRef::Process(id) => self.end_process(id, task_retcode::SYSCALL_KILL),
            ObjectRef::Thread(id) => self.end_thread(id),
            ObjectRef::Job(id) => self.kill_job(id),
            _ => return Err(Status::WRONG_TYPE),
        }
        Ok(())
    }

    /// Ends every process in a job and in the jobs below it, deepest first, by the jobs' own links.
    fn kill_job(&mut self, top: Id<Job>) {
        let mut at = top;
        loop {
            let Some(job) = self.objects.jobs.get_mut(at) else { return };
            if !job.killed {
                job.killed = true;
                if let Some(child) = job.children.first() {
                    at = child;
                    continue;
                }
            }
            self.kill_members(at);
            // One that has ended is among its siblings no more.
            let sibling = list::next(&self.objects.jobs, at);
            if at == top {
                self.settle_job(at);
                return;
            }
            self.end_empty_job(at);
            match sibling.or_else(|| self.objects.jobs.get(at).and_then(|job| job.parent)) {
                Some(next) => at = next,
                None => return,
            }
        }
    }

    fn kill_members(&mut self, id: Id<Job>) {
        let mut next = self.objects.jobs.get(id).and_then(|job| job.processes.first());
        while let Some(process) = next {
            next = list::next(&self.objects.processes, process);
            self.end_process(process, task_retcode::SYSCALL_KILL);
        }
    }

    /// Asks the policy of the caller's job.
    ///
    /// # Errors
    /// `ACCESS_DENIED` where the policy denies or kills. Nobody handles exceptions yet, and an exception that
    /// nobody handles ends its process.
    #[inline]
    pub(super) fn enforce(&mut self, caller: Caller, condition: Condition) -> Result {
        if self.schedule.here().allows(condition) { Ok(()) } else { self.apply(caller, condition) }
    }

    /// Does what the policy of the caller's job says.
    #[cold]
    #[inline(never)]
    fn apply(&mut self, caller: Caller, condition: Condition) -> Result {
        let job = self.objects.get(caller.process)?.job;
        let return_code = match self.objects.get(job)?.policy.action(condition) {
            Action::Allow => return Ok(()),
            Action::Deny => return Err(Status::ACCESS_DENIED),
            Action::AllowException | Action::DenyException => task_retcode::EXCEPTION_KILL,
            Action::Kill => task_retcode::POLICY_KILL,
        };
        self.say_of(caller.process, format_args!("killed: its job's policy forbids {condition:?}"));
        self.end_process(caller.process, return_code);
        Err(Status::ACCESS_DENIED)
    }

    /// Asks the policy after a call met a value that is no handle. Some calls are there to find that out, and one has
    /// asked already.
    #[cold]
    #[inline(never)]
    pub(super) fn enforce_bad_handle(&mut self, caller: Caller, number: u64, topic: u32) {
        let asking = number == Sysno::handle_check_valid as u64
            || number == Sysno::vmo_replace_as_executable as u64
            || number == Sysno::object_get_info as u64 && topic == abi::object::info::HANDLE_VALID;
        if !asking {
            // Denied or allowed, the call returns BAD_HANDLE.
            let _either = self.enforce(caller, Condition::BadHandle);
        }
    }
}

/// What one record of a topic's list says.
fn rule_of(which: u32, record: &[u8]) -> Result<(Condition, Rule)> {
    let (condition, action, is_final) = if which == topic::BASIC_V1 {
        let policy = PolicyBasicV1::get(record);
        (policy.condition, policy.action, true)
    } else {
        let policy = PolicyBasicV2::get(record);
        if policy.flags > OVERRIDE_DENY {
            return Err(Status::INVALID_ARGS);
        }
        (policy.condition, policy.action, policy.flags == OVERRIDE_DENY)
    };
    let condition = Condition::from_raw(condition).ok_or(Status::INVALID_ARGS)?;
    let action = Action::from_raw(action).ok_or(Status::NOT_SUPPORTED)?;
    Ok((condition, Rule { action, is_final }))
}
