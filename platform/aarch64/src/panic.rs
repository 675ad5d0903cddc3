//! The end: a record that a debugger finds, registers and backtrace for people, then silence.
//!
//! Nothing here allocates, waits for a lock or trusts the stack that failed. A failure is reported in steps, each of
//! which needs more of the machine than the one before: registers are stored first, text is formatted later, and the
//! console comes last. A failure within a step goes on at the next one, so each is tried once and the end is always
//! reached. The first CPU that fails reports; one that fails after it stops, and so does every other one at its next
//! interrupt.
use core::arch::asm;
use core::fmt::{self, Write};
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use abi::record::Epitaph;
use kernel::ports::{CpuId, Frame, MAX_CPUS};

use crate::output::{free_console, write_panic, write_panic_line};
use crate::record::{self, Registers};
use crate::{barrier, cpu, image, interrupts, power, secondary, trap};

/// The CPU that failed first: its number, counted from 1.
static FAILED: AtomicUsize = AtomicUsize::new(0);
/// Instead of a CPU's number: every CPU shall fail at its next look ([`Trial::Everywhere`]).
const DOOMED: usize = usize::MAX;

/// The step that it is at.
static STEP: AtomicUsize = AtomicUsize::new(0);

/// The steps of a report. The numbers only grow.
mod step {
    pub(super) const REGISTERS: usize = 1;
    pub(super) const BACKTRACE: usize = 2;
    pub(super) const MESSAGE: usize = 3;
    pub(super) const SEAL: usize = 4;
    pub(super) const OTHERS: usize = 5;
    pub(super) const HEADLINE: usize = 6;
    pub(super) const TEXT: usize = 7;
    pub(super) const ARMOUR: usize = 8;
    pub(super) const STOP: usize = 9;
}

/// Longest backtrace: enough for the kernel's depth, bounded for a stack that loops.
const MAX_FRAMES: usize = abi::record::MAX_BACKTRACE;

macro_rules! report {
    () => { write_panic(format_args!("\n")) };
    ($($argument:tt)*) => { write_panic(format_args!("{}\n", format_args!($($argument)*))) };
}

/// What failed.
struct Failure<'a> {
    cause: Cause<'a>,
    registers: Registers,
}

#[derive(Clone, Copy)]
enum Cause<'a> {
    Panic(&'a PanicInfo<'a>),
    /// From EL1: in words, and whether the stack has run out.
    Exception(&'a str, bool),
    Refusal(fmt::Arguments<'a>),
    /// Stuck in the kernel.
    LockUp(fmt::Arguments<'a>),
}

/// A Rust panic.
#[cfg(target_os = "none")]
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    fail(&Failure { registers: registers_here(), cause: Cause::Panic(info) })
}

/// An exception from EL1: `frame` is what the CPU held when it was taken by a vector.
pub(crate) fn exception(what: &str, vector: u32, frame: &Frame, esr: u64, far: u64) -> ! {
    let registers = registers_in(frame, esr, far, vector);
    let overflow = image::is_below_stack(far) || image::is_below_stack(frame.sp);
    fail(&Failure { registers, cause: Cause::Exception(what, overflow) })
}

/// A CPU is stuck: `frame` is what it was doing when an interrupt took it from there.
pub(crate) fn locked_up(frame: &Frame, why: fmt::Arguments<'_>) -> ! {
    /// From the CPU's own level, with its own stack pointer: IRQ.
    const VECTOR: u32 = 5;
    fail(&Failure { registers: registers_in(frame, 0, 0, VECTOR), cause: Cause::LockUp(why) })
}

/// The machine cannot be used. One line on the console says why; the record says it where there is none.
pub(crate) fn refuse(why: fmt::Arguments<'_>) -> ! {
    fail(&Failure { registers: registers_here(), cause: Cause::Refusal(why) })
}

/// Comes back if no CPU has failed: else this one does not go on. Each CPU asks at each of its interrupts.
#[inline]
pub(crate) fn stop_if_failed() {
    match FAILED.load(Ordering::Relaxed) {
        0 => {}
        DOOMED => panic!("a trial, asked for by the boot argument fail=everywhere"),
        _ => power::halt(),
    }
}

fn fail(failure: &Failure<'_>) -> ! {
    barrier::mask_interrupts();
    let mut step = enter();
    while step < step::STOP {
        STEP.store(step, Ordering::Relaxed);
        failure.perform(step);
        step += 1;
    }
    STEP.store(step, Ordering::Relaxed);
    power::stop_after_panic()
}

/// The first step of a report: of the first failure all, of one within it what is left. Stops any other CPU.
fn enter() -> usize {
    let own = cpu::number().index() + 1;
    let claim = |from| FAILED.compare_exchange(from, own, Ordering::Relaxed, Ordering::Relaxed);
    match claim(0).or_else(|seen| if seen == DOOMED { claim(DOOMED) } else { Err(seen) }) {
        Ok(_) => step::REGISTERS,
        Err(first) if first == own => {
            let step = STEP.load(Ordering::Relaxed) + 1;
            // Before anything else: what comes next may fail too.
            STEP.store(step, Ordering::Relaxed);
            if step > step::STOP {
                power::halt();
            }
            record::count_nested();
            // Not before the record is whole: the console may be what failed.
            if step > step::OTHERS {
                free_console();
                report!();
                report!("KERNEL PANIC while panicking: going on with step {step} of {}", step::STOP);
            }
            step
        }
        Err(_) => power::halt(),
    }
}

impl Failure<'_> {
    fn perform(&self, step: usize) {
        match step {
            step::REGISTERS => record::begin(self.epitaph(), &self.registers),
            step::BACKTRACE => walk(self.registers.x[29], |_, caller| record::add_caller(caller)),
            step::MESSAGE => self.message(),
            step::SEAL => record::seal(),
            step::OTHERS => {
                stop_others();
                free_console();
            }
            step::HEADLINE => self.headline(),
            step::TEXT if !matches!(self.cause, Cause::Refusal(_)) => self.text(),
            // A refusal is one line.
            step::ARMOUR if !matches!(self.cause, Cause::Refusal(_)) => {
                report!("The record, for `cargo xtask dump` of this log:");
                record::armour(write_panic_line);
            }
            _ => {}
        }
    }

    fn epitaph(&self) -> Epitaph {
        match self.cause {
            Cause::Panic(_) => Epitaph::Panic,
            Cause::Exception(_, false) => Epitaph::Exception,
            Cause::Exception(_, true) => Epitaph::StackOverflow,
            Cause::Refusal(_) => Epitaph::Refusal,
            Cause::LockUp(_) => Epitaph::LockUp,
        }
    }

    fn message(&self) {
        if let Cause::Panic(info) = self.cause
            && let Some(place) = info.location()
        {
            record::set_place(place.file(), place.line());
        }
        let mut message = record::Message::new();
        // Neither fails: what does not fit is left out.
        let _ = match self.cause {
            Cause::Panic(info) => write!(message, "{}", info.message()),
            Cause::Exception(what, _) => message.write_str(what),
            Cause::Refusal(why) | Cause::LockUp(why) => message.write_fmt(why),
        };
    }

    fn headline(&self) {
        let registers = &self.registers;
        if record::has_nested() {
            report!("KERNEL PANIC while panicking; the first one is in the record");
        }
        match self.cause {
            Cause::Refusal(why) => report!("jacinth: {why}. Stopped."),
            Cause::Panic(info) => match info.location() {
                Some(place) => {
                    report!("KERNEL PANIC at {}:{}: {}", place.file(), place.line(), info.message())
                }
                None => report!("KERNEL PANIC: {}", info.message()),
            },
            Cause::LockUp(why) => report!("KERNEL PANIC: {why}"),
            Cause::Exception(what, overflow) => {
                let Registers { pc, esr, far, .. } = registers;
                report!("KERNEL PANIC: {what} at {pc:#x}: ESR {esr:#x}, FAR {far:#x}");
                if overflow {
                    report!("the stack has run out");
                }
            }
        }
    }

    fn text(&self) {
        let registers = &self.registers;
        let is_exception = matches!(self.cause, Cause::Exception(..) | Cause::LockUp(_));
        if is_exception {
            registers.print();
        }
        report!("backtrace:");
        if is_exception {
            report!("  #0 {:#x}", registers.pc);
        }
        // The return address follows the call; the call is what people look for.
        let first = usize::from(is_exception);
        walk(registers.x[29], |index, caller| report!("  #{} {:#x}", index + first, caller - 4));
        report!("build-id: {}", image::BuildId);
    }
}

impl Registers {
    fn print(&self) {
        for (index, pair) in self.x.chunks(2).enumerate() {
            match pair {
                [even, odd] => {
                    report!("  x{:<2} {even:016x}  x{:<2} {odd:016x}", 2 * index, 2 * index + 1)
                }
                [last] => report!("  lr  {last:016x}  sp  {:016x}", self.sp),
                _ => {}
            }
        }
        report!("  pc  {:016x}  cpsr {:x}", self.pc, self.pstate);
    }
}

/// Lets the other CPUs take an interrupt, at which they stop: at EL0, idle, or in the kernel (`watch`).
fn stop_others() {
    for cpu in (0..MAX_CPUS).filter_map(CpuId::new).filter(|cpu| *cpu != cpu::number()) {
        interrupts::try_kick(secondary::affinity(cpu));
    }
}

/// The registers that a vector saved.
fn registers_in(frame: &Frame, esr: u64, far: u64, vector: u32) -> Registers {
    let mut x = [0; 31];
    x.iter_mut().zip(frame.r.iter().chain([&frame.lr])).for_each(|(place, value)| *place = *value);
    Registers { x, sp: frame.sp, pc: frame.pc, pstate: frame.cpsr, esr, far, vector }
}

/// The registers as they are here. Those that a caller must save are of the functions in between.
#[inline(always)]
fn registers_here() -> Registers {
    let mut x = [0_u64; 31];
    let (sp, pc): (u64, u64);
    // SAFETY: stores the registers to an array that has room for them, and changes none but the outputs.
    unsafe {
        asm!(
            "stp x0, x1, [{x}]", "stp x2, x3, [{x}, #16]", "stp x4, x5, [{x}, #32]", "stp x6, x7, [{x}, #48]",
            "stp x8, x9, [{x}, #64]", "stp x10, x11, [{x}, #80]", "stp x12, x13, [{x}, #96]",
            "stp x14, x15, [{x}, #112]", "stp x16, x17, [{x}, #128]", "stp x18, x19, [{x}, #144]",
            "stp x20, x21, [{x}, #160]", "stp x22, x23, [{x}, #176]", "stp x24, x25, [{x}, #192]",
            "stp x26, x27, [{x}, #208]", "stp x28, x29, [{x}, #224]", "str x30, [{x}, #240]",
            "mov {sp}, sp", "adr {pc}, .",
            x = in(reg) x.as_mut_ptr(), sp = out(reg) sp, pc = out(reg) pc,
            options(nostack, preserves_flags),
        );
    }
    Registers { x, sp, pc, pstate: 0, esr: 0, far: 0, vector: 0 }
}

/// Follows the chain of frame records (AAPCS64 6.4.6: x29 points at the caller's x29 and return address) while it
/// stays in the stack and goes upward. `visit` hears each return address and its number.
fn walk(mut frame_pointer: u64, mut visit: impl FnMut(usize, u64)) {
    for index in 0..MAX_FRAMES {
        if !frame_pointer.is_multiple_of(8) || !image::is_stack(frame_pointer) {
            return;
        }
        // SAFETY: `is_stack` says that these sixteen bytes are this CPU's stack, which is mapped and
        // which no other CPU writes.
        let [next, caller] = unsafe { *(frame_pointer as *const [u64; 2]) };
        if !image::is_text(caller) {
            return;
        }
        visit(index, caller);
        if next <= frame_pointer {
            return;
        }
        frame_pointer = next;
    }
}

/// A way to fail, for tests of what comes after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trial {
    /// A panic.
    Panic,
    /// A panic whose message panics, each time that it is formatted.
    Nested,
    /// A load from an address where nothing is mapped.
    Abort,
    /// Calls without end.
    Overflow,
    /// A panic on every CPU at once.
    Everywhere,
    /// A loop without end under the kernel's lock, once the kernel takes events.
    Stuck,
    /// The same, with interrupts masked.
    Deaf,
    /// No failure: the machine starts anew.
    Reset,
}

/// Whether the next CPU that takes the kernel's lock shall keep it for ever, and whether with interrupts masked.
static STAY: [AtomicBool; 2] = [const { AtomicBool::new(false) }; 2];

/// Fails, or sees to it that the kernel will.
pub fn fail_as(trial: Trial) {
    match trial {
        Trial::Panic => panic!("a trial, asked for by the boot argument fail=panic"),
        Trial::Nested => panic!("{}", FailsToo),
        Trial::Abort => {
            // SAFETY: nothing is mapped there, so the load faults, and what handles that does not come back.
            unsafe { asm!("ldr {0}, [{0}]", inout(reg) UNMAPPED => _, options(nostack, readonly)) }
        }
        Trial::Overflow => _ = descend(0),
        Trial::Reset => crate::power::reset(),
        Trial::Everywhere => {
            FAILED.store(DOOMED, Ordering::Relaxed);
            trap::run_without_kernel()
        }
        Trial::Stuck | Trial::Deaf => {
            let [stay, deaf] = &STAY;
            deaf.store(trial == Trial::Deaf, Ordering::Relaxed);
            stay.store(true, Ordering::Relaxed);
            return;
        }
    }
    panic!("the trial {trial:?} did no harm")
}

/// Called with the kernel's lock, while that is measured.
pub(crate) fn stay_if_asked() {
    let [stay, deaf] = &STAY;
    if stay.load(Ordering::Relaxed) && stay.swap(false, Ordering::Relaxed) {
        if deaf.load(Ordering::Relaxed) {
            barrier::mask_interrupts();
        }
        stay_for_ever()
    }
}

#[inline(never)]
fn stay_for_ever() -> ! {
    loop {
        core::hint::spin_loop();
    }
}

/// An address in the kernel's half that no boot maps: the last page but one.
const UNMAPPED: u64 = 0xffff_ffff_ffff_e000;

/// A message that cannot be formatted.
struct FailsToo;

impl fmt::Display for FailsToo {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        // This message fails too, which would go on for ever if a step were tried twice.
        panic!("{}", Self)
    }
}

#[inline(never)]
fn descend(depth: u64) -> u64 {
    let room = core::hint::black_box([depth; 32]);
    if depth == u64::MAX { 0 } else { descend(depth + 1) + room[0] }
}
