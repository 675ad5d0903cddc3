//! The CPUs: what each is doing, and what they ask of each other.
//!
//! One CPU at a time is in the kernel, under its lock: *this* CPU. When it lets go, every CPU's current thread
//! is the one whose registers it holds, so any thread that is not current anywhere can be taken up by any CPU.
//! What this CPU cannot do for another (take a thread off it, make it leave an address space) it notes there,
//! and kicks it: the other does it on its next way through [`Kernel::leave`], before anything else.
use abi::policy::Condition;

use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::object::{Process, Thread, ThreadState};
use crate::ports::{CpuId, Frame, MAX_CPUS, Machine};
use crate::schedule::Schedule;

/// An address that no call returns to.
pub(crate) const NOWHERE: u64 = 1;

/// Who has a CPU, and who calls if it makes a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub thread: Id<Thread>,
    /// The thread's.
    pub process: Id<Process>,
}

/// Who has a CPU, as two words that a machine may read ([`crate::gate`]): zeros if nobody has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Current {
    thread: Option<Id<Thread>>,
    process: Option<Id<Process>>,
}

impl Current {
    /// Who has it, if anybody.
    #[inline]
    pub(crate) const fn get(self) -> Option<Caller> {
        match (self.thread, self.process) {
            (Some(thread), Some(process)) => Some(Caller { thread, process }),
            _ => None,
        }
    }

    /// Gives it to somebody, or to nobody.
    pub(crate) fn set(&mut self, caller: Option<Caller>) {
        *self =
            Self { thread: caller.map(|caller| caller.thread), process: caller.map(|caller| caller.process) };
    }

    /// Gives it to nobody; who had it.
    pub(crate) fn take(&mut self) -> Option<Caller> {
        core::mem::take(self).get()
    }

    /// Whether nobody has it.
    #[inline]
    pub(crate) const fn is_none(self) -> bool {
        self.thread.is_none()
    }
}

/// One CPU, as the scheduler sees it.
///
/// Apart in memory from the others, whose own CPUs may be looking at them.
#[derive(Clone, Copy, Debug)]
#[repr(align(128))]
pub(crate) struct Cpu {
    /// The thread that the CPU belongs to; nobody if it blocked, ended, or the CPU idles.
    pub current: Current,
    /// The thread whose registers are in the CPU's frame.
    pub loaded: Option<Id<Thread>>,
    /// The process whose tables EL0 sees: that of the current thread.
    pub active: Option<Id<Process>>,
    /// Where that process's vDSO code is, as far as this CPU has looked; otherwise an address that no call
    /// comes from. A mapped vDSO stays where it is for as long as its process runs.
    pub vdso_code: u64,
    /// What that process may do without a look at its job's policy: its `allowed`.
    pub allowed: u32,
    /// The thread whose FP registers are in the CPU.
    pub fp_owner: Option<Id<Thread>>,
    /// When the current thread's slice ends.
    pub slice_end: u64,
    /// What the timer was last told; `None` if it must be told anew.
    pub armed: Option<Option<u64>>,
    /// Whether it has been in the kernel.
    pub online: bool,
    /// Whether it waits for an interrupt.
    pub idle: bool,
    /// Whether a kick is on its way.
    kicked: bool,
    /// A thread that was killed by another CPU while it ran here.
    ending: Option<Id<Thread>>,
    /// Whether another CPU waits for this one to leave its active space.
    must_vacate: bool,
}

impl Default for Cpu {
    fn default() -> Self {
        Self {
            current: Current::default(),
            loaded: None,
            active: None,
            vdso_code: NOWHERE,
            allowed: 0,
            fp_owner: None,
            slice_end: 0,
            armed: None,
            online: false,
            idle: false,
            kicked: false,
            ending: None,
            must_vacate: false,
        }
    }
}

impl Cpu {
    /// The thread that the CPU belongs to.
    #[inline]
    pub(crate) fn thread(&self) -> Option<Id<Thread>> {
        self.current.thread
    }

    /// Whether another CPU waits for it to do something.
    pub(crate) const fn owes(&self) -> bool {
        self.ending.is_some() || self.must_vacate
    }

    /// Whether the policy of the active process's job allows something, as far as that is known without a look.
    #[inline]
    pub(crate) const fn allows(&self, condition: Condition) -> bool {
        self.allowed & 1 << condition as u32 != 0
    }

    /// Whether a kick is on its way to it.
    pub(crate) const fn is_kicked(&self) -> bool {
        self.kicked
    }
}

/// Every CPU that there can be, and which of them is in the kernel.
#[derive(Debug, Default)]
pub(crate) struct Cpus {
    pub each: [Cpu; MAX_CPUS],
    pub here: CpuId,
    /// Whether there is more than one.
    pub many: bool,
}

impl Cpus {
    /// A CPU.
    pub(crate) const fn get(&self, cpu: CpuId) -> &Cpu {
        &self.each[cpu.index()]
    }

    /// A CPU, to change.
    pub(crate) const fn get_mut(&mut self, cpu: CpuId) -> &mut Cpu {
        &mut self.each[cpu.index()]
    }
}

impl Schedule {
    /// Notes which CPU is in the kernel.
    #[inline]
    pub(crate) const fn enter(&mut self, cpu: CpuId) {
        self.cpus.here = cpu;
    }

    /// The number of the CPU that is in the kernel.
    #[inline]
    pub(crate) const fn here_id(&self) -> CpuId {
        self.cpus.here
    }

    /// The CPU that is in the kernel.
    #[inline]
    pub(crate) const fn here(&self) -> &Cpu {
        self.cpus.get(self.cpus.here)
    }

    /// The CPU that is in the kernel, to change.
    #[inline]
    pub(crate) const fn here_mut(&mut self) -> &mut Cpu {
        self.cpus.get_mut(self.cpus.here)
    }

    /// Whether another CPU has killed a thread and the CPU that runs it has not noticed yet.
    pub(crate) fn is_ending(&self, thread: Id<Thread>) -> bool {
        CpuId::all().any(|cpu| self.cpus.get(cpu).ending == Some(thread))
    }

    /// Whether there is more than one CPU.
    #[inline]
    pub(crate) const fn many_cpus(&self) -> bool {
        self.cpus.many
    }
}

impl<M: Machine> Kernel<M> {
    /// Notes where the code of the active process's vDSO is, or that this is not known, for a CPU.
    pub(crate) fn note_vdso(&mut self, cpu: CpuId, code: Option<u64>) {
        let code = code.unwrap_or(NOWHERE);
        self.schedule.cpus.get_mut(cpu).vdso_code = code;
        self.machine.note_calls(cpu, code.wrapping_add(abi::vdso::FIRST_SITE));
    }

    /// Notes that a process's vDSO is gone: calls from where it was are looked at again.
    pub(crate) fn forget_vdso(&mut self, process: Id<Process>) {
        for cpu in CpuId::all() {
            if self.schedule.cpus.get(cpu).active == Some(process) {
                self.note_vdso(cpu, None);
            }
        }
    }

    /// Does what other CPUs have asked of this one.
    pub(crate) fn settle_here(&mut self) {
        self.schedule.attention = false;
        let here = self.schedule.here_mut();
        (here.idle, here.kicked) = (false, false);
        here.online = true;
        let (ending, must_vacate) = (here.ending.take(), here.must_vacate);
        if let Some(ending) = ending {
            self.finish_thread(ending);
        }
        if must_vacate {
            let here = self.schedule.here_mut();
            here.must_vacate = false;
            here.active = None;
            self.machine.activate(None);
        }
    }

    /// Makes this CPU leave a process's tables, and asks the others to; whether no CPU uses them any more.
    /// No thread of the process runs again.
    pub(crate) fn vacate(&mut self, process: Id<Process>) -> bool {
        let mut vacant = true;
        for cpu in CpuId::all() {
            let is_here = cpu == self.schedule.here_id();
            let state = self.schedule.cpus.get_mut(cpu);
            if state.active != Some(process) {
                continue;
            }
            if is_here {
                state.active = None;
                self.machine.activate(None);
            } else {
                state.must_vacate = true;
                self.kick(cpu);
                vacant = false;
            }
        }
        vacant
    }

    /// Takes a thread off its CPU and out of the ready queue for good. `false` if another CPU runs it still:
    /// that CPU finishes it.
    pub(crate) fn unschedule(&mut self, id: Id<Thread>) -> bool {
        let mut is_off = true;
        for cpu in CpuId::all() {
            let is_here = cpu == self.schedule.here_id();
            let state = self.schedule.cpus.get_mut(cpu);
            if state.fp_owner == Some(id) {
                state.fp_owner = None;
            }
            if is_here && state.thread() == Some(id) {
                state.current.set(None);
            }
            if state.loaded == Some(id) {
                state.loaded = None;
                if !is_here {
                    state.current.set(None);
                    state.ending = Some(id);
                    self.kick(cpu);
                    is_off = false;
                }
            }
        }
        self.schedule.attention = true;
        if self.objects.threads.get(id).is_some_and(|thread| thread.state == ThreadState::Ready) {
            self.remove_ready(id);
        }
        is_off
    }

    /// Kicks as many idle CPUs as there are threads that wait for one.
    pub(crate) fn call_idle(&mut self) {
        if !self.schedule.many_cpus() {
            return;
        }
        let mut ready = self.schedule.first_ready;
        for cpu in CpuId::all() {
            let Some(id) = ready else { return };
            // One that was kicked before and has not come yet will take a thread too.
            if self.schedule.cpus.get(cpu).idle {
                ready = self.objects.threads.get(id).and_then(|thread| thread.next);
                self.kick(cpu);
            }
        }
    }

    fn kick(&mut self, cpu: CpuId) {
        let state = self.schedule.cpus.get_mut(cpu);
        if !core::mem::replace(&mut state.kicked, true) {
            self.machine.kick(cpu);
        }
    }

    /// Gives the running thread the FP registers.
    pub(crate) fn give_fp(&mut self) {
        let here = self.schedule.here_mut();
        let Some(current) = here.thread() else { return };
        let owner = here.fp_owner.replace(current);
        if let Some(thread) = owner.and_then(|owner| self.objects.threads.get_mut(owner)) {
            self.machine.save_fp(&mut thread.fp);
        }
        if let Some(thread) = self.objects.threads.get(current) {
            self.machine.restore_fp(&thread.fp);
            self.machine.allow_fp(true);
        }
    }

    /// Stores the registers that this CPU holds with their thread. On a lone CPU the FP registers stay, until
    /// another thread wants them; where there are more, the thread may go on elsewhere and takes them along.
    pub(crate) fn unload(&mut self, frame: &Frame) {
        let many = self.schedule.many_cpus();
        let here = self.schedule.here_mut();
        let Some(id) = here.loaded.take() else { return };
        let has_fp = many && here.fp_owner == Some(id);
        if has_fp {
            here.fp_owner = None;
        }
        let Some(thread) = self.objects.threads.get_mut(id) else { return };
        thread.registers = *frame;
        if has_fp {
            self.machine.save_fp(&mut thread.fp);
        }
    }
}
