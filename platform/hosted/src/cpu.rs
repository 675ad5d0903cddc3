//! The simulated CPU at EL0.
//!
//! It runs the few instructions that the programs of tests are made of, takes exceptions as AArch64 does,
//! and gives each to the kernel. One thread is not simulated by instructions but driven from the test: its
//! registers are set and its calls made one by one. It is told from the others by its stack pointer.

use abi::{GeneralRegs, Sysno, VirtAddr};
use kernel::Kernel;
use kernel::ports::{Access, Event, Fault, Next};

use crate::bus::Width;
use crate::heap::Failure;
use crate::machine::{AccessFault, Machine};

/// Exception classes (Arm ARM D24.2, ESR_EL1.EC).
mod class {
    pub(super) const UNKNOWN: u64 = 0x00;
    pub(super) const INSTRUCTION_ABORT: u64 = 0x20;
    pub(super) const PC_ALIGNMENT: u64 = 0x22;
    pub(super) const DATA_ABORT: u64 = 0x24;
}

/// The exception came from a 32-bit instruction (`ESR_EL1.IL`); set for aborts too.
const LONG_INSTRUCTION: u64 = 1 << 25;
/// The access was a store (`ESR_EL1.ISS.WnR`).
const WRITE: u64 = 1 << 6;
/// Ticks that an instruction takes.
const TICKS_PER_STEP: u64 = 16;
/// Instructions of other threads after which a call of the driven thread is taken to hang.
const PATIENCE: u64 = 5_000_000;

/// A CPU that runs a kernel and its programs.
#[derive(Debug)]
pub struct Cpu {
    /// The kernel.
    pub kernel: Kernel<Machine>,
    /// The machine, the same that the kernel has.
    pub machine: Machine,
    frame: GeneralRegs,
    /// The driven thread's stack pointer, once it has one.
    driven: Option<u64>,
    stopped: Option<i64>,
    heap: Failure,
}

impl Cpu {
    /// A CPU about to enter EL0 for the first time.
    pub fn new(kernel: Kernel<Machine>, machine: Machine) -> Self {
        Self {
            kernel,
            machine,
            frame: GeneralRegs::default(),
            driven: None,
            stopped: None,
            heap: Failure::default(),
        }
    }

    /// Enters EL0. The thread that runs first is driven from now on; its registers are given.
    pub fn enter(&mut self) -> GeneralRegs {
        self.event(Event::Timer);
        self.driven = Some(self.frame.sp);
        self.frame
    }

    /// The status with which the first process ended, if it did.
    pub const fn stopped(&self) -> Option<i64> {
        self.stopped
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
        self.assert_driven();
        self.frame.r[..8].copy_from_slice(&args);
        self.frame.r[16] = sysno as u64;
        self.frame.pc = site.0;
        self.machine.advance(TICKS_PER_STEP);
        self.event(Event::Syscall);
        for _ in 0..PATIENCE {
            self.assert_alive(&format!("zx_{}{args:x?}", sysno.line().name));
            if !self.is_driven() {
                self.step();
            } else if self.frame.pc == site.0 {
                return self.frame.r[0];
            } else {
                // The kernel set the call back to its `svc`, to be made again.
                assert_eq!(self.frame.pc, site.0 - 4, "the driven thread came back somewhere else");
                self.frame.pc = site.0;
                self.event(Event::Syscall);
            }
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
            if !self.is_driven() {
                self.step();
                continue;
            }
            match self.machine.el0_access(at, access, width, value) {
                Ok(value) => return value,
                Err(fault) => self.event(Event::Fault(syndrome(fault, access, at))),
            }
        }
        panic!("{access:?} at {at}: the kernel says that it is there, and it is not");
    }

    fn is_driven(&self) -> bool {
        self.driven == Some(self.frame.sp)
    }

    fn assert_driven(&mut self) {
        for _ in 0..PATIENCE {
            if self.is_driven() {
                return;
            }
            self.assert_alive("waiting for its turn");
            self.step();
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
        let Self { kernel, frame, heap, .. } = self;
        heap.during(|| kernel.handle(event, frame))
    }

    /// Gives an event to the kernel and does what it answers, until EL0 runs or the machine stops.
    fn event(&mut self, event: Event) {
        let mut next = self.handle(event);
        loop {
            match next {
                Next::Run => {
                    self.machine.assert_ready_for_el0();
                    return;
                }
                Next::Idle => {
                    if !self.machine.advance_to_timer() {
                        let console = self.machine.take_console();
                        panic!("every thread waits, and no timer is set\n{console}");
                    }
                    next = self.handle(Event::Timer);
                }
                Next::Stop(status) => {
                    self.stopped = Some(status);
                    return;
                }
            }
        }
    }

    /// Runs one instruction of a thread that is not driven.
    fn step(&mut self) {
        self.machine.advance(TICKS_PER_STEP);
        if self.machine.timer_is_due() {
            return self.event(Event::Timer);
        }
        let pc = VirtAddr(self.frame.pc);
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
        match word {
            0xD400_0001 => {
                self.frame.pc += 4;
                return self.event(Event::Syscall);
            }
            0xD503_201F => {}
            // orr xd, xzr, xm
            _ if word & 0xFFE0_FFE0 == 0xAA00_03E0 => self.set(to, self.get((word >> 16 & 31) as usize)),
            // add xd, xn, #imm
            _ if word & 0xFFC0_0000 == 0x9100_0000 => self.set(to, self.get(base).wrapping_add(offset(0))),
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
            // fmov dd, xn
            _ if word & 0xFFFF_FC00 == 0x9E67_0000 => return self.float(to, base),
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

    fn float(&mut self, to: usize, from: usize) {
        if !self.machine.fp_is_allowed() {
            return self.event(Event::FpTrap);
        }
        let value = self.get(from);
        self.machine.with_fp(|fp| fp.v[to] = u128::from(value));
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
