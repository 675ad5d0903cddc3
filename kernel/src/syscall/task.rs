//! `zx_process_*` and `zx_thread_*`.
use abi::policy::Condition;
use abi::{Handle, PAGE_SIZE, Rights, Signals, Status, status::Result};

use super::{Args, Arguments, Caller, Exit};
use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::memory::stage1::Space;
use crate::object::{
    HandleEntry, Job, Name, Object, ObjectRef, Process, ProcessState, Thread, ThreadState, Vmar,
};
use crate::ports::{Frame, Machine};

/// `PSTATE` of a thread at its start: EL0, AArch64, nothing masked (Arm ARM C5.2.19).
const EL0_PSTATE: u64 = 0;
/// The span below the top of a region in which searches for room may start.
const HINT_SPAN: u64 = 1 << 46;

impl<M: Machine> Kernel<M> {
    /// A process with an empty address space, in a job.
    pub(crate) fn make_process(&mut self, job: Id<Job>, name: Name) -> Result<(Id<Process>, Id<Vmar>)> {
        self.objects.processes.reserve()?;
        self.objects.vmars.reserve()?;
        let space = Space::new(&mut self.machine)?;
        let (koid, vmar_koid) = (self.objects.allocate_koid(), self.objects.allocate_koid());
        let hint = abi::vmar::USER_BASE + self.random.below(HINT_SPAN / PAGE_SIZE) * PAGE_SIZE;
        let secret = self.random.next_u32();
        // The region names the process and the process the region: the second id is put right below.
        let vmar = self.objects.vmars.insert(Vmar::root(vmar_koid, hint))?;
        let mut process = Process::new(koid, name, job, vmar, space, secret);
        process.allowed = self.objects.get(job)?.policy.allowed();
        let process = self.objects.processes.insert(process)?;
        self.objects.get_mut(vmar)?.process = Some(process);
        self.hold(ObjectRef::Vmar(vmar));
        self.hold(ObjectRef::Job(job));
        let objects = &mut self.objects;
        if let Some(job) = objects.jobs.get_mut(job) {
            job.processes.push(&mut objects.processes, process);
        }
        self.signal(ObjectRef::Job(job), Signals::JOB_NO_PROCESSES, Signals::NONE);
        Ok((process, vmar))
    }

    /// A thread that was not started, in a process.
    pub(crate) fn make_thread(&mut self, process: Id<Process>, name: Name) -> Result<Id<Thread>> {
        if self.objects.get(process)?.is_over() {
            return Err(Status::BAD_STATE);
        }
        self.objects.threads.reserve()?;
        self.schedule.reserve_timers(self.objects.threads.slots())?;
        let koid = self.objects.allocate_koid();
        let id = self.objects.threads.insert(Thread::new(koid, name, process))?;
        let objects = &mut self.objects;
        if let Some(process) = objects.processes.get_mut(process) {
            process.threads.push(&mut objects.threads, id);
        }
        self.hold(ObjectRef::Process(process));
        Ok(id)
    }

    /// Lets a thread run for the first time.
    pub(crate) fn launch(&mut self, id: Id<Thread>, entry: u64, stack: u64, arguments: [u64; 2]) -> Result {
        let thread = self.objects.get_mut(id)?;
        let mut registers = Frame { pc: entry, sp: stack, cpsr: EL0_PSTATE, ..Frame::default() };
        registers.r[..2].copy_from_slice(&arguments);
        thread.registers = registers;
        let process = thread.process;
        let process = self.objects.get_mut(process)?;
        process.live_threads = process.live_threads.saturating_add(1);
        self.hold(ObjectRef::Thread(id));
        self.signal(ObjectRef::Thread(id), Signals::NONE, Signals::THREAD_RUNNING);
        self.make_ready(id);
        Ok(())
    }

    /// `zx_process_create(job, name, name_size, options, process, root_vmar)`.
    pub(super) fn sys_process_create(&mut self, caller: Caller, args: &Args) -> Result {
        if args.half(3) != 0 {
            return Err(Status::INVALID_ARGS);
        }
        self.enforce(caller, Condition::NewProcess)?;
        let name = self.given_name(caller, args.word(1), args.word(2))?;
        let job = self.object::<Job>(caller, args.half(0), Rights::MANAGE_PROCESS)?;
        if self.objects.get(job)?.killed {
            return Err(Status::BAD_STATE);
        }
        let (process, vmar) = self.make_process(job, name)?;
        self.give_two(
            caller,
            [
                (ObjectRef::Process(process), Process::DEFAULT_RIGHTS, args.word(4)),
                (ObjectRef::Vmar(vmar), Vmar::DEFAULT_RIGHTS, args.word(5)),
            ],
        )
    }

    /// `zx_process_start(handle, thread, entry, stack, arg1, arg2)`: arg1 is gone from the caller
    /// whatever the outcome.
    pub(super) fn sys_process_start(&mut self, caller: Caller, args: &Args) -> Result {
        // What is started may be what is sent: it is found before that goes.
        let target = self.find_start(caller, args);
        let sent = match args.half(4) {
            abi::object::HANDLE_INVALID => Ok(None),
            arg1 => self.take(caller, arg1).map(Some),
        };
        let handed = target.and_then(|target| self.send_along(target, sent).map(|value| (target, value)));
        let ((process, thread), value) = match handed {
            Ok(ready) => ready,
            Err(status) => {
                if let Ok(Some(entry)) = sent {
                    self.drop_handle(entry);
                }
                return Err(status);
            }
        };
        let now = self.now();
        let state = self.objects.get_mut(process)?;
        state.state = ProcessState::Running;
        state.start_time = now;
        self.launch(thread, args.word(2), args.word(3), [u64::from(value), args.word(5)])
    }

    fn find_start(&self, caller: Caller, args: &Args) -> Result<(Id<Process>, Id<Thread>)> {
        let process = self.object::<Process>(caller, args.half(0), Rights::WRITE)?;
        let thread = self.object::<Thread>(caller, args.half(1), Rights::WRITE)?;
        Ok((process, thread))
    }

    /// Gives a process that can start with a thread what is sent to it; its value there, 0 for nothing.
    fn send_along(
        &mut self,
        (process, thread): (Id<Process>, Id<Thread>),
        sent: Result<Option<HandleEntry>>,
    ) -> Result<Handle> {
        let thread = self.objects.get(thread)?;
        if thread.process != process {
            return Err(Status::ACCESS_DENIED);
        }
        let sent = sent?;
        if sent.is_some_and(|entry| !entry.rights.contains(Rights::TRANSFER)) {
            return Err(Status::ACCESS_DENIED);
        }
        let is_new = thread.state == ThreadState::New;
        let process = self.objects.get_mut(process)?;
        if process.state != ProcessState::Initial || !is_new {
            return Err(Status::BAD_STATE);
        }
        sent.map_or(Ok(abi::object::HANDLE_INVALID), |entry| process.handles.insert(entry))
    }

    /// `zx_process_exit(retcode)`.
    pub(super) fn sys_process_exit(&mut self, caller: Caller, args: &Args) -> Exit {
        self.end_process(caller.process, args.word(0) as i64);
        Exit::Gone
    }

    /// `zx_thread_create(process, name, name_size, options, out)`.
    pub(super) fn sys_thread_create(&mut self, caller: Caller, args: &Args) -> Result {
        if args.half(3) != 0 {
            return Err(Status::INVALID_ARGS);
        }
        let name = self.given_name(caller, args.word(1), args.word(2))?;
        let process = self.object::<Process>(caller, args.half(0), Rights::MANAGE_THREAD)?;
        let thread = self.make_thread(process, name)?;
        self.give(caller, ObjectRef::Thread(thread), Thread::DEFAULT_RIGHTS, args.word(4)).map(|_| ())
    }

    /// `zx_thread_start(handle, entry, stack, arg1, arg2)`.
    pub(super) fn sys_thread_start(&mut self, caller: Caller, args: &Args) -> Result {
        let id = self.object::<Thread>(caller, args.half(0), Rights::MANAGE_THREAD)?;
        let thread = self.objects.get(id)?;
        let running = self.objects.get(thread.process)?.state == ProcessState::Running;
        if thread.state != ThreadState::New || !running {
            return Err(Status::BAD_STATE);
        }
        self.launch(id, args.word(1), args.word(2), [args.word(3), args.word(4)])
    }

    /// `zx_thread_exit()`.
    pub(super) fn sys_thread_exit(&mut self, caller: Caller) -> Exit {
        self.end_thread(caller.thread);
        Exit::Gone
    }

    /// `zx_thread_legacy_yield(options)`.
    pub(super) fn sys_thread_legacy_yield(&mut self, args: &mut Args) -> Result<Exit> {
        if args.half(0) != 0 {
            return Err(Status::INVALID_ARGS);
        }
        super::set_result(args, Status::OK);
        self.yield_now();
        Ok(Exit::Parked)
    }

    /// A name that must be given, if only as an address.
    fn given_name(&mut self, caller: Caller, address: u64, length: u64) -> Result<Name> {
        if address == 0 {
            return Err(Status::INVALID_ARGS);
        }
        self.name_in(caller, address, length)
    }
}
