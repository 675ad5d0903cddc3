//! The kernel as one value.
use alloc::vec::Vec;

use abi::time::TickScale;
use abi::{PhysAddr, Status, status::Result};
use ledger::Ledger;

use crate::collections::arena::Id;
use crate::journal::Journal;
use crate::lifetime::Reaper;
use crate::memory::asids::Asids;
use crate::memory::dma::Windows;
use crate::memory::pages::Trees;
use crate::memory::types::MemoryTypes;
use crate::object::{Job, Objects, Process, Vmo};
use crate::ports::{Called, CpuId, Event, Frame, Machine, Next, Rest};
use crate::random::Random;
use crate::report::Refusals;
use crate::schedule::Schedule;

/// Everything that the kernel knows, over the machine that it runs on.
///
/// The CPUs give it one [`Event`] at a time, under one lock, and each does what it is answered. The registers of the running thread
/// are in the caller's frame while an event is handled; [`Kernel::handle`] rewrites them to switch threads.
#[derive(Debug)]
pub struct Kernel<M: Machine> {
    /// The machine.
    pub machine: M,
    pub(crate) objects: Objects,
    pub(crate) schedule: Schedule,
    pub(crate) reaper: Reaper,
    pub(crate) asids: Asids,
    /// Which frame holds which page of every VMO.
    pub(crate) trees: Trees,
    /// The frame of zeros that every VMO shows where it has nothing, once one does.
    pub(crate) zeros: Option<PhysAddr>,
    /// How often pages of an unlocked VMO were discarded.
    pub(crate) discards: u64,
    /// How often somebody was turned away from pages on their way out, and began to wait.
    pub(crate) turned_away: u64,
    pub(crate) types: MemoryTypes,
    /// Threads with a call of `zx_vmar_map` that is made in pieces.
    pub(crate) populating: u32,
    pub(crate) ledger: Ledger,
    pub(crate) windows: Windows,
    pub(crate) random: Random,
    pub(crate) scale: TickScale,
    pub(crate) vdso: Vdso,
    pub(crate) root_job: Id<Job>,
    /// The first process; the machine stops when it ends.
    pub(crate) first: Option<Id<Process>>,
    pub(crate) stopped: Option<i64>,
    pub(crate) options: Options,
    pub(crate) console: Console,
    pub(crate) journal: Journal,
    pub(crate) ram: Ram,
}

/// The machine's RAM, for statistics.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ram {
    /// Bytes that there are.
    pub bytes: u64,
    /// Frames that were free before the kernel took any.
    pub free_at_start: u64,
}

/// What the boot arguments and the device tree decide about the kernel itself.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Whether the attribute probe and other hooks for tests answer.
    pub test: bool,
    /// The window of the console's UART.
    pub console: Option<abi::PhysRange>,
    /// Entropy from the tree (`rng-seed`, `kaslr-seed`); zeros if there was none.
    pub seed: [u8; 32],
    /// Whether more than one CPU gives the kernel events.
    pub many_cpus: bool,
}

/// The vDSO: where system calls come from.
#[derive(Debug)]
pub(crate) struct Vdso {
    pub vmo: Id<Vmo>,
    /// Bytes of the read-only part; the code follows.
    pub code_offset: u64,
    /// Bytes of the code, whole pages.
    pub code_size: u64,
}

/// Who owns the serial console.
#[derive(Debug)]
pub(crate) struct Console {
    pub window: Option<abi::PhysRange>,
    /// Whether a program has claimed the window. The kernel then prints nothing but a panic.
    pub given_away: bool,
    /// A line that is to be printed once the kernel is left.
    pub later: Option<Vec<u8>>,
    /// What of refusals is told.
    pub refusals: Refusals,
}

impl<M: Machine> Kernel<M> {
    /// Handles one event of a CPU and says what that CPU does next.
    ///
    /// `frame` holds the registers of the thread that the CPU interrupted and, when this returns
    /// [`Next::Run`], those to return to EL0 with. A thread may have been killed by another CPU since: the
    /// CPU has no current thread then, and what the dead one asked for is forgotten.
    pub fn handle(&mut self, cpu: CpuId, event: Event, frame: &mut Frame) -> Next {
        self.schedule.enter(cpu);
        match event {
            Event::Syscall => {
                let called = self.syscall(frame);
                return self.complete(frame, called);
            }
            Event::Timer => self.schedule.timer_fired(),
            // The timer's wish stands: only what is ready may have changed.
            Event::Kick => self.schedule.attention = true,
            Event::FpTrap => self.give_fp(),
            Event::Fault(fault) => self.fault(fault, frame),
        }
        self.proceed(frame)
    }

    /// The first half of a system call, on the fast path: of the registers only X0 to X7, X16, X18, X29, X30 and
    /// the PC are in the frame; the others are still where the program left them. If anything remains to be
    /// done, the caller saves them all and lets [`Kernel::complete`] do it, before anybody else enters.
    #[inline]
    pub fn call(&mut self, cpu: CpuId, frame: &mut Frame) -> Called {
        self.schedule.enter(cpu);
        self.syscall(frame)
    }

    /// The second half of a system call, with the whole frame.
    pub fn complete(&mut self, frame: &mut Frame, called: Called) -> Next {
        match called.rest {
            Rest::Nothing | Rest::Leave => frame.r[0] = called.status as u64,
            Rest::Wait => {}
            Rest::Again => self.repeat(frame),
            Rest::BadHandle => {
                frame.r[0] = called.status as u64;
                self.report_bad_handle(frame);
            }
            Rest::Refused => self.refuse_call(frame),
        }
        self.proceed(frame)
    }

    #[inline]
    fn proceed(&mut self, frame: &mut Frame) -> Next {
        if self.schedule.attention || self.schedule.here().current.is_none() {
            self.leave(frame)
        } else {
            Next::Run
        }
    }

    /// Nanoseconds since boot.
    pub fn now(&self) -> i64 {
        self.scale.nanos(self.machine.ticks())
    }

    /// The process of the thread that runs on the CPU whose event came last, with its name and id, for
    /// reports and tests.
    pub fn current_process(&self) -> Option<(abi::Koid, &str)> {
        let thread = self.objects.threads.get(self.schedule.here().thread()?)?;
        let process = self.objects.processes.get(thread.process)?;
        Some((process.header.koid, process.name.as_str()))
    }

    /// Objects that exist, mappings, packets and what waits for signals among them, for leak checks.
    pub fn object_count(&self) -> usize {
        let objects = &self.objects;
        objects.processes.len()
            + objects.threads.len()
            + objects.jobs.len()
            + objects.vmos.len()
            + objects.vmars.len()
            + objects.channels.len()
            + objects.resources.len()
            + objects.debuglogs.len()
            + objects.events.len()
            + objects.ports.len()
            + objects.iommus.len()
            + objects.btis.len()
            + objects.pmts.len()
            + objects.mappings.len()
            + objects.notices.len()
    }

    /// Nodes and counts that the pages of all VMOs need, for leak checks.
    pub fn page_parts(&self) -> usize {
        self.trees.parts()
    }

    /// How often objects were looked for so far, for tests that bound what one entry does; 0 in a release build.
    pub fn looks(&self) -> u64 {
        self.objects.looks().wrapping_add(self.types.looks())
    }

    /// A process's tables, for one operation on them.
    pub(crate) fn space_of(
        &mut self,
        process: Id<Process>,
    ) -> Result<(&mut M, &mut crate::memory::stage1::Space)> {
        let process = self.objects.processes.get_mut(process).ok_or(Status::BAD_STATE)?;
        let space = process.space.as_mut().ok_or(Status::BAD_STATE)?;
        space.forget_old_asid(self.asids.generation());
        Ok((&mut self.machine, space))
    }
}
