//! The simulated CPU at EL0.
//!
//! It runs the few instructions that the programs of tests are made of, takes exceptions as AArch64 does,
//! and gives each to the kernel. One thread is not simulated by instructions but driven from the test: its
//! registers are set and its calls made one by one. It is told from the others by its stack pointer.

use std::collections::BTreeSet;

use abi::{GeneralRegs, Sysno, VirtAddr};
use kernel::Kernel;
use kernel::ports::{Access, CpuId, Event, Fault, MAX_CPUS, Next, Output, Rest, Touched};

use crate::bus::Width;
use crate::float::Float;
use crate::heap::{self, Failure};
use crate::machine::{AccessFault, Config, Machine, split_mix};

/// Exception classes (Arm ARM D24.2, ESR_EL1.EC).
mod class {
    pub(super) const UNKNOWN: u64 = 0x00;
    pub(super) const INSTRUCTION_ABORT: u64 = 0x20;
    pub(super) const PC_ALIGNMENT: u64 = 0x22;
    pub(super) const DATA_ABORT: u64 = 0x24;
    pub(super) const SERROR: u64 = 0x2F;
}

/// The exception came from a 32-bit instruction (`ESR_EL1.IL`); set for aborts too.
const LONG_INSTRUCTION: u64 = 1 << 25;
/// The access was a store (`ESR_EL1.ISS.WnR`).
const WRITE: u64 = 1 << 6;
/// The register in which the scenarios' agent has its place in its script.
const STEP: usize = 19;
/// Ticks that an instruction takes.
const TICKS_PER_STEP: u64 = 16;
/// Instructions of other threads after which a call of the driven thread is taken to hang.
const PATIENCE: u64 = 5_000_000;

/// What a CPU does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Activity {
    /// It was not in the kernel yet.
    Starting,
    /// It runs a thread at EL0.
    Runs,
    /// It waits for an interrupt.
    Idles,
    /// The kernel has work of its own for it.
    Works,
}

/// What the kernel does while it has its lock, in units that are the same on every machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Ports used: frames and descriptors touched, above all.
    pub ports: u64,
    /// Blocks of the heap taken or given back, where the test's binary counts them.
    pub blocks: u64,
    /// Objects looked at.
    pub looks: u64,
}

impl Work {
    fn so_far(kernel: &Kernel<Machine>, machine: &Machine) -> Self {
        Self { ports: machine.work(), blocks: heap::blocks(), looks: kernel.looks() }
    }

    fn raise(&mut self, before: Self, after: Self) {
        self.ports = self.ports.max(after.ports.wrapping_sub(before.ports));
        self.blocks = self.blocks.max(after.blocks.wrapping_sub(before.blocks));
        self.looks = self.looks.max(after.looks.wrapping_sub(before.looks));
    }
}

/// One CPU: the registers, and what it does.
#[derive(Clone, Debug)]
struct Lane {
    frame: GeneralRegs,
    activity: Activity,
}

/// The CPUs that run a kernel and its programs. A seed decides which of them makes the next step.
#[derive(Debug)]
pub struct Cpu {
    /// The kernel.
    pub kernel: Kernel<Machine>,
    /// The machine, the same that the kernel has.
    pub machine: Machine,
    /// The registers of the CPU that makes a step.
    frame: GeneralRegs,
    here: CpuId,
    lanes: Vec<Lane>,
    /// What the order of steps is drawn from.
    order: u64,
    /// The driven thread's stack pointer, once it has one.
    driven: Option<u64>,
    stopped: Option<i64>,
    heap: Failure,
    /// How often a CPU was in the kernel.
    entries: u64,
    /// The most that one entry did since it was last asked for.
    most_work: Work,
    /// Whether all of the kernel's books are taken anew each time.
    checks: bool,
    /// What system calls returned.
    returned: BTreeSet<(usize, i32)>,
    /// Where calls of threads that are not driven will return to, with the step of its script that each is at.
    awaited: BTreeSet<(u64, u64)>,
}

impl Cpu {
    /// CPUs about to enter EL0 for the first time.
    ///
    /// # Panics
    /// If there are none, or more than the kernel can use.
    pub fn new(kernel: Kernel<Machine>, machine: Machine, config: Config) -> Self {
        assert!((1..=MAX_CPUS).contains(&config.cpus), "{} CPUs", config.cpus);
        let lane = Lane { frame: GeneralRegs::default(), activity: Activity::Starting };
        Self {
            kernel,
            machine,
            frame: GeneralRegs::default(),
            here: CpuId::BOOT,
            lanes: vec![lane; config.cpus],
            order: config.seed.unwrap_or(0),
            driven: None,
            stopped: None,
            heap: Failure::default(),
            entries: 0,
            most_work: Work::default(),
            checks: false,
            returned: BTreeSet::new(),
            awaited: BTreeSet::new(),
        }
    }

    /// Enters EL0. The thread that runs first is driven from now on; its registers are given.
    pub fn enter(&mut self) -> GeneralRegs {
        self.event(Event::Timer);
        self.driven = Some(self.frame.sp);
        self.frame
    }

    /// What system calls returned so far: each call by number with each of its statuses.
    pub const fn returned(&self) -> &BTreeSet<(usize, i32)> {
        &self.returned
    }

    /// The status with which the first process ended, if it did.
    pub const fn stopped(&self) -> Option<i64> {
        self.stopped
    }

    /// How often a CPU has been in the kernel so far.
    pub const fn entries(&self) -> u64 {
        self.entries
    }

    /// The most that one entry into the kernel has done since the last call.
    pub const fn take_most_work(&mut self) -> Work {
        core::mem::replace(&mut self.most_work, Work { ports: 0, blocks: 0, looks: 0 })
    }

    /// Whether to take all of the kernel's books anew after each entry from now on, which costs time.
    pub const fn check_each_entry(&mut self, checks: bool) {
        self.checks = checks;
    }

    /// Makes the `nth` allocation of the kernel's heap from now fail, counted from 1; `None` makes none fail.
    /// The test binary must have installed [`heap::Failing`](crate::heap::Failing).
    pub fn fail_nth_allocation(&mut self, nth: Option<u64>) {
        self.heap = Failure::nth(nth);
    }

    /// Whether the allocation that was to fail was asked for.
    pub fn allocation_has_failed(&self) -> bool {
        self.heap.has_happened()
    }

    /// Makes a system call in the driven thread, from `site` in its vDSO, and gives X0.
    ///
    /// # Panics
    /// If the thread dies of it, or never comes back.
    pub fn syscall(&mut self, sysno: Sysno, args: [u64; 8], site: VirtAddr) -> u64 {
        self.await_driven();
        self.frame.r[..8].copy_from_slice(&args);
        self.frame.r[16] = sysno as u64;
        self.frame.pc = site.0;
        self.machine.advance(TICKS_PER_STEP);
        self.event(Event::Syscall);
        for _ in 0..PATIENCE {
            self.assert_alive(&format!("zx_{}{args:x?}", sysno.line().name));
            if !self.turn_to_driven() {
                continue;
            }
            if self.frame.pc == site.0 {
                self.returned.insert((sysno as usize, self.frame.r[0] as i32));
                return self.frame.r[0];
            }
            // The kernel set the call back to its `svc`, to be made again.
            assert_eq!(self.frame.pc, site.0 - 4, "the driven thread came back somewhere else");
            self.frame.pc = site.0;
            self.event(Event::Syscall);
        }
        panic!("zx_{} did not come back", sysno.line().name);
    }

    /// Loads in the driven thread.
    ///
    /// # Panics
    /// If the thread dies of it.
    pub fn load(&mut self, at: VirtAddr, width: Width) -> u64 {
        self.drive(at, Access::Read, width, 0)
    }

    /// Stores in the driven thread.
    ///
    /// # Panics
    /// If the thread dies of it.
    pub fn store(&mut self, at: VirtAddr, width: Width, value: u64) {
        self.drive(at, Access::Write, width, value);
    }

    /// Fetches an instruction in the driven thread.
    ///
    /// # Panics
    /// If the thread dies of it.
    pub fn fetch(&mut self, at: VirtAddr) -> u32 {
        self.drive(at, Access::Execute, Width::Word, 0) as u32
    }

    /// An access by the driven thread, made again as long as the kernel brings something in for it.
    fn drive(&mut self, at: VirtAddr, access: Access, width: Width, value: u64) -> u64 {
        for _ in 0..PATIENCE {
            self.assert_alive(&format!("{access:?} of {width:?} at {at}"));
            if !self.turn_to_driven() {
                continue;
            }
            match self.machine.el0_access(at, access, width, value) {
                Ok(value) => return value,
                Err(fault) => self.event(Event::Fault(syndrome(fault, access, at))),
            }
        }
        panic!("{access:?} at {at}: the kernel says that it is there, and it is not");
    }

    /// Lets an SError come to a CPU, as from a store that failed long ago. False, and nothing happens, if the CPU
    /// is not at EL0, or runs the driven thread.
    pub fn serror(&mut self, cpu: CpuId) -> bool {
        self.select(cpu);
        let comes = self.lane().activity == Activity::Runs && self.driven != Some(self.frame.sp);
        if comes {
            let esr = class::SERROR << 26 | LONG_INSTRUCTION;
            self.event(Event::Fault(Fault { esr, far: 0, asynchronous: true }));
        }
        comes
    }

    fn await_driven(&mut self) {
        for _ in 0..PATIENCE {
            self.assert_alive("waiting for its turn");
            if self.turn_to_driven() {
                return;
            }
        }
        panic!("the driven thread does not get its turn");
    }

    fn assert_alive(&self, doing: &str) {
        if let Some(status) = self.stopped {
            let console = self.machine.take_console();
            panic!("the driven program ended with {status}: {doing}\n{console}");
        }
    }

    fn handle(&mut self, event: Event) -> Next {
        let Self { kernel, machine, frame, heap, here, most_work, returned, .. } = self;
        let before = Work::so_far(kernel, machine);
        let next = heap.during(|| match event {
            // In two halves, as on a board.
            Event::Syscall => {
                let called = kernel.call(*here, frame);
                if matches!(called.rest, Rest::Nothing | Rest::Leave | Rest::BadHandle) {
                    heap::without_failures(|| {
                        returned.insert((frame.r[16] as usize, called.status as i32));
                    });
                }
                kernel.complete(frame, called)
            }
            Event::Fault(fault) => match kernel.touch(*here, fault.esr, fault.far) {
                Touched::Shown => Next::Run,
                Touched::Leave => kernel.handle(*here, Event::Kick, frame),
                Touched::Nothing => kernel.handle(*here, event, frame),
            },
            event => kernel.handle(*here, event, frame),
        });
        most_work.raise(before, Work::so_far(kernel, machine));
        if let Some(line) = kernel.take_later() {
            machine.write_console(&line);
        }
        next
    }

    /// Lets the CPU whose turn it is make a step; or says that it is the driven thread's turn.
    fn turn_to_driven(&mut self) -> bool {
        let cpu = self.draw();
        self.select(cpu);
        if self.lane().activity == Activity::Runs && self.driven == Some(self.frame.sp) {
            // The driven thread makes no steps of its own, so its CPU takes interrupts here. One that has just
            // come may be a few turns late.
            if self.lanes.len() > 1 && (self.machine.timer_is_due() || self.machine.is_kicked()) {
                self.machine.advance(TICKS_PER_STEP);
                self.interrupt();
                return false;
            }
            return true;
        }
        self.step();
        false
    }

    /// The CPU whose turn it is: any of them, by the seed; but one that idles only if it has a reason to
    /// wake, or if all do.
    fn draw(&mut self) -> CpuId {
        let first = if self.lanes.len() == 1 { 0 } else { split_mix(&mut self.order) as usize };
        let count = self.lanes.len();
        let cpus = (0..count).filter_map(|turn| CpuId::new((first.wrapping_add(turn)) % count));
        for cpu in cpus.clone() {
            self.machine.select(cpu);
            let idles = self.lanes[cpu.index()].activity == Activity::Idles;
            let wakes = self.machine.timer_is_due() || self.machine.is_kicked();
            if !idles || wakes {
                return cpu;
            }
        }
        if !self.machine.advance_to_timer() {
            let console = self.machine.take_console();
            panic!("every thread waits, and no timer is set\n{console}");
        }
        self.draw()
    }

    fn select(&mut self, cpu: CpuId) {
        self.lanes[self.here.index()].frame = self.frame;
        self.here = cpu;
        self.frame = self.lanes[cpu.index()].frame;
        self.machine.select(cpu);
    }

    fn lane(&mut self) -> &mut Lane {
        &mut self.lanes[self.here.index()]
    }

    /// Gives an event of the selected CPU to the kernel, and notes what the CPU is to do.
    fn event(&mut self, event: Event) {
        let next = self.handle(event);
        self.entries += 1;
        if self.checks
            && let Err(broken) = self.kernel.check_invariants()
        {
            panic!("after {event:?} on CPU {}: {broken}", self.here.index());
        }
        if let Err(what) = self.kernel.check_cpus() {
            panic!("after {event:?} on CPU {}: {what}", self.here.index());
        }
        self.lane().activity = match next {
            Next::Run => {
                self.machine.assert_ready_for_el0();
                Activity::Runs
            }
            Next::Idle => Activity::Idles,
            Next::Again => Activity::Works,
            Next::Stop(status) => {
                self.stopped = Some(status);
                Activity::Idles
            }
        };
    }

    /// Takes an interrupt, if one is pending.
    fn interrupt(&mut self) -> bool {
        if self.machine.take_kick() {
            self.event(Event::Kick);
        } else if self.machine.timer_is_due() {
            self.event(Event::Timer);
        } else {
            return false;
        }
        true
    }

    /// Makes one step of the selected CPU: an interrupt, or what it does anyway.
    fn step(&mut self) {
        self.machine.advance(TICKS_PER_STEP);
        // An interrupt takes its time from one CPU to another.
        let arrives = self.lanes.len() == 1 || !split_mix(&mut self.order).is_multiple_of(4);
        if arrives && self.interrupt() {
            return;
        }
        match self.lane().activity {
            Activity::Starting | Activity::Works => self.event(Event::Kick),
            Activity::Idles => {}
            Activity::Runs => self.instruction(),
        }
    }

    /// Runs one instruction of a thread that is not driven.
    fn instruction(&mut self) {
        let pc = VirtAddr(self.frame.pc);
        if self.awaited.remove(&(pc.0, self.frame.r[STEP])) {
            self.returned.insert((self.frame.r[16] as usize, self.frame.r[0] as i32));
        }
        if !pc.0.is_multiple_of(4) {
            let esr = class::PC_ALIGNMENT << 26 | LONG_INSTRUCTION;
            return self.event(Event::Fault(Fault { esr, far: pc.0, asynchronous: false }));
        }
        match self.machine.el0_access(pc, Access::Execute, Width::Word, 0) {
            Ok(word) => self.execute(word as u32),
            Err(fault) => self.event(Event::Fault(syndrome(fault, Access::Execute, pc))),
        }
    }

    fn execute(&mut self, word: u32) {
        let (to, base) = ((word & 31) as usize, (word >> 5 & 31) as usize);
        let offset = |scale: u32| u64::from(word >> 10 & 0xFFF) << scale;
        if let Some(float) = Float::decode(word) {
            return self.float(float);
        }
        match word {
            0xD400_0001 => {
                self.frame.pc += 4;
                self.awaited.insert((self.frame.pc, self.frame.r[STEP]));
                return self.event(Event::Syscall);
            }
            0xD503_201F => {}
            // orr xd, xzr, xm
            _ if word & 0xFFE0_FFE0 == 0xAA00_03E0 => self.set(to, self.get((word >> 16 & 31) as usize)),
            // add xd, xn, #imm
            _ if word & 0xFFC0_0000 == 0x9100_0000 => self.set(to, self.get(base).wrapping_add(offset(0))),
            // add xd, xn, #imm, lsl #12
            _ if word & 0xFFC0_0000 == 0x9140_0000 => self.set(to, self.get(base).wrapping_add(offset(12))),
            // movz xd, #imm
            _ if word & 0xFFE0_0000 == 0xD280_0000 => self.set(to, u64::from(word >> 5 & 0xFFFF)),
            // ldr and str, unsigned offset
            _ if word & 0xFFC0_0000 == 0xF940_0000 => {
                return self.load_register(to, base, offset(3), Width::Double);
            }
            _ if word & 0xFFC0_0000 == 0xB940_0000 => {
                return self.load_register(to, base, offset(2), Width::Word);
            }
            _ if word & 0xFFC0_0000 == 0xF900_0000 => {
                return self.store_register(to, base, offset(3), Width::Double);
            }
            _ if word & 0xFFC0_0000 == 0xB900_0000 => {
                return self.store_register(to, base, offset(2), Width::Word);
            }
            // orr and eor, registers
            _ if word & 0xFFE0_FC00 == 0xAA00_0000 => {
                self.set(to, self.get(base) | self.get((word >> 16 & 31) as usize));
            }
            _ if word & 0xFFE0_FC00 == 0xCA00_0000 => {
                self.set(to, self.get(base) ^ self.get((word >> 16 & 31) as usize));
            }
            // and xd, xn, #imm, for a mask of 64 bits
            _ if word & 0xFFC0_0000 == 0x9240_0000 => self.set(to, self.get(base) & bit_mask(word)),
            _ => return self.branch(word, to, base),
        }
        self.frame.pc += 4;
    }

    fn branch(&mut self, word: u32, to: usize, base: usize) {
        let next = self.frame.pc + 4;
        self.frame.pc = match word {
            // cbz xt, label
            _ if word & 0xFF00_0000 == 0xB400_0000 => {
                if self.get(to) == 0 {
                    self.frame.pc + u64::from(word >> 5 & 0x7FFFF) * 4
                } else {
                    next
                }
            }
            // b label
            _ if word & 0xFC00_0000 == 0x1400_0000 => {
                let words = i64::from((word << 6) as i32 >> 6);
                self.frame.pc.wrapping_add_signed(words * 4)
            }
            // blr, br, ret
            _ if word & 0xFFFF_FC1F == 0xD63F_0000 => {
                self.frame.lr = next;
                self.get(base)
            }
            _ if word & 0xFFFF_FC1F == 0xD61F_0000 || word & 0xFFFF_FC1F == 0xD65F_0000 => self.get(base),
            _ => {
                let esr = class::UNKNOWN << 26 | LONG_INSTRUCTION;
                return self.event(Event::Fault(Fault { esr, far: 0, asynchronous: false }));
            }
        };
    }

    fn load_register(&mut self, to: usize, base: usize, offset: u64, width: Width) {
        let at = VirtAddr(self.get(base).wrapping_add(offset));
        match self.machine.el0_access(at, Access::Read, width, 0) {
            Ok(value) => {
                self.set(to, value);
                self.frame.pc += 4;
            }
            Err(fault) => self.event(Event::Fault(syndrome(fault, Access::Read, at))),
        }
    }

    fn store_register(&mut self, from: usize, base: usize, offset: u64, width: Width) {
        let at = VirtAddr(self.get(base).wrapping_add(offset));
        match self.machine.el0_access(at, Access::Write, width, self.get(from)) {
            Ok(_) => self.frame.pc += 4,
            Err(fault) => self.event(Event::Fault(syndrome(fault, Access::Write, at))),
        }
    }

    fn float(&mut self, float: Float) {
        if !self.machine.fp_is_allowed() {
            return self.event(Event::FpTrap);
        }
        let source = float.source().map_or(0, |register| self.get(register));
        if let Some((to, value)) = self.machine.with_fp(|fp| float.execute(fp, source)) {
            self.set(to, value);
        }
        self.frame.pc += 4;
    }

    /// Register 31 reads as zero here: no instruction of tests uses the stack pointer.
    fn get(&self, register: usize) -> u64 {
        match register {
            30 => self.frame.lr,
            31 => 0,
            _ => self.frame.r[register],
        }
    }

    fn set(&mut self, register: usize, value: u64) {
        match register {
            30 => self.frame.lr = value,
            31 => {}
            _ => self.frame.r[register] = value,
        }
    }
}

/// The mask of a logical instruction whose N is 1 (Arm ARM C6.2, DecodeBitMasks): `imms + 1` ones, turned right.
const fn bit_mask(word: u32) -> u64 {
    let (turns, ones) = (word >> 16 & 63, (word >> 10 & 63) + 1);
    (u64::MAX >> (64 - ones)).rotate_right(turns)
}

/// `ESR_EL1` and `FAR_EL1` for a refused access.
fn syndrome(fault: AccessFault, access: Access, at: VirtAddr) -> Fault {
    const EXTERNAL: u64 = 0b010000;
    const ALIGNMENT: u64 = 0b100001;
    let status = match fault {
        AccessFault::Walk(walk) => walk.status_code(),
        AccessFault::ExternalAbort => EXTERNAL,
        AccessFault::Alignment => ALIGNMENT,
    };
    let (class, write) = match access {
        Access::Execute => (class::INSTRUCTION_ABORT, 0),
        Access::Read => (class::DATA_ABORT, 0),
        Access::Write => (class::DATA_ABORT, WRITE),
    };
    Fault { esr: class << 26 | LONG_INSTRUCTION | write | status, far: at.0, asynchronous: false }
}
