//! What must hold of the CPUs whenever none is in the kernel. It costs little, so tests ask after each event.
use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::object::{Thread, ThreadState};
use crate::ports::{CpuId, Machine};

impl<M: Machine> Kernel<M> {
    /// Checks that every CPU has what it should, and that nobody waits for one in vain.
    ///
    /// # Errors
    /// The first rule that is broken, in words.
    pub fn check_cpus(&self) -> Result<(), &'static str> {
        for cpu in CpuId::all() {
            self.check_cpu(cpu)?;
        }
        self.check_idle()?;
        for (id, thread) in self.objects.threads.iter() {
            self.check_thread(id, thread)?;
        }
        self.check_timers()
    }

    fn check_cpu(&self, id: CpuId) -> Result<(), &'static str> {
        let cpu = self.schedule.cpus.get(id);
        let others = || CpuId::all().filter(|&other| other != id).map(|other| self.schedule.cpus.get(other));
        ensure(cpu.loaded == cpu.thread(), "a CPU holds the registers of a thread that is not its own")?;
        if cpu.fp_owner.is_some() && self.schedule.many_cpus() {
            ensure(
                cpu.fp_owner == cpu.thread(),
                "FP registers stay behind on a CPU that their thread has left",
            )?;
        }
        ensure(!cpu.owes() || cpu.is_kicked(), "a CPU was asked for something and is not called")?;
        let Some(current) = cpu.current.get() else { return Ok(()) };
        ensure(!cpu.idle, "a CPU with a thread idles")?;
        ensure(others().all(|other| other.thread() != Some(current.thread)), "two CPUs run one thread")?;
        let thread = self.objects.threads.get(current.thread).ok_or("a CPU runs a thread that is gone")?;
        ensure(thread.state == ThreadState::Running, "a CPU runs a thread that is not running")?;
        ensure(current.process == thread.process, "a CPU takes a thread for one of another process")?;
        ensure(cpu.active == Some(thread.process), "a CPU runs a thread in another process's space")?;
        let process = self.objects.processes.get(thread.process);
        ensure(process.is_some_and(|process| !process.is_over()), "a CPU runs a thread of a dead process")
    }

    /// No thread waits for a CPU while one sleeps that was not called.
    fn check_idle(&self) -> Result<(), &'static str> {
        let idle = || CpuId::all().map(|cpu| self.schedule.cpus.get(cpu)).filter(|cpu| cpu.idle);
        if idle().all(|cpu| cpu.is_kicked()) {
            return Ok(());
        }
        let ready = self.objects.threads.iter().filter(|(_, thread)| thread.state == ThreadState::Ready);
        let called = idle().filter(|cpu| cpu.is_kicked()).count();
        ensure(ready.count() <= called, "a thread is ready, and a CPU sleeps that was not called")
    }

    fn check_thread(&self, id: Id<Thread>, thread: &Thread) -> Result<(), &'static str> {
        let runs = CpuId::all().any(|cpu| self.schedule.cpus.get(cpu).thread() == Some(id));
        ensure(runs == (thread.state == ThreadState::Running), "a running thread is on no CPU")
    }

    fn check_timers(&self) -> Result<(), &'static str> {
        let Some((first, _)) = self.schedule.timers.first() else { return Ok(()) };
        let kept = CpuId::all().any(|cpu| {
            let cpu = self.schedule.cpus.get(cpu);
            // A CPU that is on its way back needs no timer.
            let returns = cpu.online && !cpu.idle && cpu.current.is_none();
            matches!(cpu.armed, Some(Some(at)) if at <= first) || returns
        });
        ensure(kept || self.stopped.is_some(), "no CPU's timer is set for the first deadline")
    }
}

const fn ensure(holds: bool, rule: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(rule) }
}
