//! What the vectors call.
//!
//! From EL0: a system call, a fault, an SError or an interrupt. Each becomes an [`Event`] for the image;
//! what it answers is done here. Nothing here is ever entered twice on one CPU: interrupts are unmasked only while the
//! image's functions run, and one that comes then is left pending ([`watch`]). While no thread is ready, the CPU waits in
//! WFI, which a pending interrupt ends although it is masked, and takes the interrupt by asking the controller.
//!
//! From EL1: a bug of the kernel, which ends in a panic; except in [`guarded_load`], and for interrupts that `watch`
//! looks at.

use core::arch::global_asm;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use abi::PageCount;
use kernel::Kernel;
use kernel::gate::Answer;
use kernel::ports::{Called, CpuId, Event, Fault, Frame, Next, Rest, Touched};

use crate::lock::{Guard, Lock, Place};
use crate::{Board, barrier, cpu, frames, interrupts, power, secondary, timer, watch};

/// Exceptions from EL1 and the like, by vector.
const SYNCHRONOUS: u64 = 0;
const IRQ: u64 = 1;
const FIQ: u64 = 2;
const SERROR: u64 = 3;
const AARCH32: u64 = 4;

/// Bits of a saved PSTATE that are EL0's own: NZCV, TCO, DIT, SSBS, BTYPE.
const SPSR_USER: u64 = 0xf << 28 | 1 << 25 | 1 << 24 | 1 << 12 | 0b11 << 10;
/// PSTATE.D and F: EL0 runs with debug exceptions and FIQs masked, since the kernel uses neither.
const SPSR_MASKED: u64 = 1 << 9 | 1 << 6;

/// Bytes of stack for a saved frame and five words: a multiple of 16, as the stack pointer must be.
pub(crate) const FRAME_SIZE: usize = (CALLER + 16).next_multiple_of(16);
/// Offset, from such a frame at the top of a CPU's stack, of the word that only `watch` uses.
pub(crate) const MARK: usize = size_of::<Frame>();
/// Offset, from there too, of the word that says where the first system call returns to in the program that the CPU runs.
pub(crate) const CALLS_FROM: usize = MARK + 8;
/// Offset, from there too, of the word that says where the kernel's lock is. A call loads both together.
const KERNEL_WORD: usize = CALLS_FROM + 8;
/// Offset, from there too, of the word that says where in the kernel the CPU's caller is found; the CPU's number follows.
const CALLER: usize = KERNEL_WORD + 8;
// The way back from a call loads it together with the frame's last word.
const _: () = assert!(MARK == core::mem::offset_of!(Frame, tpidr) + 8);

global_asm!(
    include_str!("vectors.S"),
    FRAME = const FRAME_SIZE,
    MARK = const MARK,
    CALLS_FROM = const CALLS_FROM,
    KERNEL_WORD = const KERNEL_WORD,
    CALLER = const CALLER,
    STUB_SHIFT = const abi::vdso::STUB_SHIFT,
    CALLS_LEN = const abi::SYSCALLS.len(),
    HANDLE_CLOSE = const abi::Sysno::handle_close as u64,
    VALUE = const Lock::<Kernel<Board>>::VALUE,
    HERE = const Lock::<Kernel<Board>>::VALUE + Kernel::<Board>::HERE,
    ATTENTION = const Lock::<Kernel<Board>>::VALUE + Kernel::<Board>::ATTENTION,
    await_turn = sym await_turn,
    call_slowly = sym call_slowly,
    call_by_nobody = sym call_by_nobody,
    answered = sym answered,
    SYNCHRONOUS = const SYNCHRONOUS,
    IRQ = const IRQ,
    FIQ = const FIQ,
    SERROR = const SERROR,
    AARCH32 = const AARCH32,
    SPSR_USER = const SPSR_USER,
    SPSR_MASKED = const SPSR_MASKED,
    complete = sym complete,
    fault = sym fault,
    touched = sym touched,
    serror = sym serror,
    interrupt = sym interrupt,
    leave = sym watch::leave,
    interrupted = sym watch::interrupted,
    el1_exception = sym el1_exception,
);

// Who is served is the word to which the lock's address leads.
const _: () = assert!(crate::lock::SERVED == 0);

unsafe extern "C" {
    fn enter_user(frame: *const Frame, stack_end: u64) -> !;
    fn guarded_load(address: u64, width: u32) -> Loaded;
    safe static guarded_load_end: u8;
    fn guarded_hvc(function: u64, first: u64, second: u64, third: u64) -> Loaded;
    fn guarded_smc(function: u64, first: u64, second: u64, third: u64) -> Loaded;
    fn guarded_set() -> Loaded;
    safe static guarded_call_end: u8;
}

/// What [`guarded_load`]'s assembly returns, in x0 and x1.
#[repr(C)]
struct Loaded {
    value: u64,
    read: u64,
}

// What the image does with what comes up. It is linked, not passed: a system call has no instruction to spare
// for a pointer. Each of them finds the kernel behind its lock.
// All code that is made for `Kernel<Board>` is in the image, once; so are the calls that the vectors make by themselves,
// `jacinth_calls`, a static [`kernel::gate::Call`] for each number. They have one function more of the image's, which they
// give the lock ([`KERNEL`]), thus at hand:
// `extern "C" fn jacinth_touch(u64, u64, &'static Lock<Kernel<Board>>) -> Touched` for a data abort from EL0, with its
// syndrome and its address: `kernel::Kernel::touch`. The lock is not kept.
unsafe extern "Rust" {
    /// A whole call: [`kernel::Kernel::call`].
    safe fn jacinth_call(kernel: &mut Kernel<Board>, cpu: CpuId, frame: &mut Frame) -> Called;
    /// The end of one that the vectors have made: [`kernel::Kernel::answered`].
    safe fn jacinth_answered(kernel: &mut Kernel<Board>, answer: Answer) -> Called;
    /// What remains of a call: [`kernel::Kernel::complete`].
    safe fn jacinth_complete(frame: &mut Frame, called: Called) -> Next;
    /// Anything else: [`kernel::Kernel::handle`].
    safe fn jacinth_event(frame: &mut Frame, event: Event) -> Next;
}

/// The kernel, and the one lock that guards it.
static KERNEL: Place<Kernel<Board>> = Place::new();

/// Whether events are taken: set by [`open`], awaited by [`join`].
static OPEN: AtomicBool = AtomicBool::new(false);

/// What [`first_entry`] answers.
static FIRST_ENTRY: (AtomicU64, AtomicU64) = (AtomicU64::new(0), AtomicU64::new(0));

/// The kernel behind its lock, once events are taken.
#[inline]
pub fn kernel() -> Option<&'static Lock<Kernel<Board>>> {
    KERNEL.get()
}

/// Goes to EL0 for the first time, and thereafter lets the image decide what becomes of a kernel. The stack that runs now
/// is given up.
pub fn run(kernel: &'static Lock<Kernel<Board>>, mut frame: Frame, next: Next) -> ! {
    KERNEL.put(kernel);
    open();
    settle(&mut frame, next);
    FIRST_ENTRY.1.store(frames::lent_free().0, Ordering::Relaxed);
    // The last that is done in Rust: only `enter_user` comes after it.
    FIRST_ENTRY.0.store(timer::now(), Ordering::Relaxed);
    enter(kernel, &frame)
}

/// Takes events although there is no kernel: a trial of what becomes of them then.
pub(crate) fn run_without_kernel() -> ! {
    open();
    loop {
        settle(&mut Frame::default(), Next::Again);
    }
}

/// Lets the other CPUs take events too.
fn open() {
    OPEN.store(true, Ordering::Release);
    // They wait for this (`join`).
    barrier::send_event();
}

/// The counter when the boot CPU went to EL0 for the first time, and the frames that were free then; zeros before
/// that. Between the reading and the first instruction at EL0 there is only `enter_user`, some 110 instructions.
pub fn first_entry() -> (u64, PageCount) {
    (FIRST_ENTRY.0.load(Ordering::Relaxed), PageCount(FIRST_ENTRY.1.load(Ordering::Relaxed)))
}

/// Lets a CPU that has started take part as soon as [`run`] was called.
pub(crate) fn join() -> ! {
    while !OPEN.load(Ordering::Acquire) {
        barrier::wait_for_event();
    }
    // Until the kernel has set the timer, nothing else would find this CPU stuck.
    watch::set_timer(None);
    let mut frame = Frame::default();
    // There is nothing to resume before there is a kernel.
    loop {
        settle(&mut frame, Next::Again);
        if let Some(kernel) = kernel() {
            enter(kernel, &frame)
        }
    }
}

/// Notes where the first system call returns to in the program that a CPU runs, or an odd address. A CPU that does not run
/// yet is told nothing: it begins with an odd one.
pub(crate) fn note_calls(cpu: CpuId, return_to: u64) {
    if cpu != CpuId::BOOT && !secondary::running().any(|other| other == cpu) {
        return;
    }
    // SAFETY: 1, the stack of a CPU that runs; vectors.S takes the word for nothing but an address to compare.
    unsafe { put_above_frame(cpu::stack_end_of(cpu), CALLS_FROM, return_to) }
}

fn enter(kernel: &'static Lock<Kernel<Board>>, frame: &Frame) -> ! {
    let (lock, cpu) = (&raw const *kernel as u64, cpu::number());
    let caller = lock + (Lock::<Kernel<Board>>::VALUE + Kernel::<Board>::caller_of(cpu)) as u64;
    for (at, word) in [(KERNEL_WORD, lock), (CALLER, caller), (CALLER + 8, cpu.index() as u64)] {
        // SAFETY: 1, this CPU's stack; the words are what vectors.S takes them for: the lock lives as long as the kernel
        // runs, and the value in it has the caller there.
        unsafe { put_above_frame(cpu::stack_end(), at, word) }
    }
    // SAFETY: `frame` is a whole frame in the kernel's memory, and enter_user copies it to the one place of
    // this CPU's stack that nothing else uses.
    unsafe { enter_user(&raw const *frame, cpu::stack_end()) }
}

/// Writes one of the words above the first frame of a CPU's stack.
///
/// # Safety
/// 1. `stack_end` is the end of the stack of a CPU that runs, and `at` the offset of one of these words.
/// 2. The word is what vectors.S takes it for.
unsafe fn put_above_frame(stack_end: u64, at: usize, word: u64) {
    let address = stack_end - (FRAME_SIZE - at) as u64;
    // SAFETY: by 1 an aligned word of a stack that is mapped for good; entry.S begins below it, and vectors.S only reads it.
    unsafe { AtomicU64::from_ptr(address as *mut u64) }.store(word, Ordering::Relaxed);
}

/// A system call has drawn a ticket that is not served yet.
extern "C" fn await_turn(lock: &'static Lock<Kernel<Board>>, ticket: u64) {
    lock.await_turn(ticket);
}

/// A system call that is not plain: it comes from elsewhere, or is none.
extern "C" fn call_slowly(frame: &mut Frame, lock: &'static Lock<Kernel<Board>>) -> Called {
    call(lock.lock(), frame)
}

/// A system call of a CPU whose thread is no more, with the lock taken.
extern "C" fn call_by_nobody(frame: &mut Frame, lock: &'static Lock<Kernel<Board>>) -> Called {
    // SAFETY: 1, vectors.S took the lock and leaves it to us.
    call(unsafe { lock.taken() }, frame)
}

/// A system call that leaves more to do than to return success, with the lock taken.
extern "C" fn answered(answer: Answer, lock: &'static Lock<Kernel<Board>>) -> Called {
    // SAFETY: 1, vectors.S took the lock and leaves it to us.
    let mut kernel = unsafe { lock.taken() };
    let called = jacinth_answered(&mut kernel, answer);
    keep_for_rest(kernel, called)
}

fn call(mut kernel: Guard<'static, Kernel<Board>>, frame: &mut Frame) -> Called {
    let called = jacinth_call(&mut kernel, cpu::number(), frame);
    keep_for_rest(kernel, called)
}

/// Unlocks the kernel, unless something remains: then the lock stays taken for `jacinth_complete`.
fn keep_for_rest(kernel: Guard<'static, Kernel<Board>>, called: Called) -> Called {
    if called.rest != Rest::Nothing {
        kernel.keep();
    }
    called
}

/// Reads a word of a device or of memory that may not be there: `None` if the access aborts.
///
/// # Safety
/// As for [`load_width_if_present`], with a width of 4.
pub(crate) unsafe fn load_if_present(address: u64) -> Option<u32> {
    // SAFETY: 1 and 2 by the caller.
    unsafe { load_width_if_present(address, 4) }
}

/// Reads `width` bytes, 1, 2 or 4, of a device or of memory that may not be there: `None` if the access aborts.
///
/// # Safety
/// 1. `address` is mapped, and aligned to `width`; no Rust object is there.
/// 2. No thread has run at EL0 yet: an exception from EL1 uses SP_EL0 as its scratch register.
pub(crate) unsafe fn load_width_if_present(address: u64, width: u8) -> Option<u32> {
    // SAFETY: by 1 the load is one that the architecture allows; if it aborts, `el1_exception` resumes it.
    let loaded = unsafe { guarded_load(address, width.into()) };
    (loaded.read != 0).then_some(loaded.value as u32)
}

/// Calls firmware by `hvc`, or by `smc`, with a function number and its arguments (Arm DEN 0028): what it answers;
/// `None` if the instruction is undefined here.
///
/// # Safety
/// 1. The function leaves this CPU's registers and memory to the caller as the calling convention says.
/// 2. No thread runs at EL0 afterwards unless the instruction exists: an exception from EL1 uses SP_EL0 as its
///    scratch register.
pub(crate) unsafe fn call_firmware(by_hvc: bool, [function, first, second, third]: [u64; 4]) -> Option<u64> {
    // SAFETY: 1 and 2 by the caller; if the instruction is undefined, `el1_exception` resumes behind it.
    let called = unsafe {
        if by_hvc {
            guarded_hvc(function, first, second, third)
        } else {
            guarded_smc(function, first, second, third)
        }
    };
    (called.read != 0).then_some(called.value)
}

/// Zeroes no byte by FEAT_MOPS: whether that can be done here. Somebody above may have disabled it.
///
/// # Safety
/// 1. No thread has run at EL0 on this CPU yet: an exception from EL1 uses SP_EL0 as its scratch register.
pub(crate) unsafe fn set_nothing() -> bool {
    // SAFETY: 1 by the caller; if the instruction is undefined, `el1_exception` resumes behind it.
    unsafe { guarded_set() }.read != 0
}

extern "C" fn complete(frame: &mut Frame, status: i64, rest: Rest) {
    let next = watched(|| jacinth_complete(frame, Called { status, rest }));
    settle(frame, next);
}

extern "C" fn fault(frame: &mut Frame, esr: u64, far: u64) {
    /// ESR_ELx.EC: FP or SIMD while CPACR_EL1 traps it (Arm ARM D24.2.40).
    const EC_FP: u64 = 0x07;
    let event = match esr >> 26 & 0x3f {
        EC_FP => Event::FpTrap,
        _ => Event::Fault(Fault { esr, far, asynchronous: false }),
    };
    let next = watched(|| jacinth_event(frame, event));
    settle(frame, next);
}

/// What remains of a data abort.
extern "C" fn touched(frame: &mut Frame, touched: Touched, esr: u64, far: u64) {
    if touched == Touched::Nothing {
        return fault(frame, esr, far);
    }
    let next = watched(|| jacinth_event(frame, Event::Kick));
    settle(frame, next);
}

extern "C" fn serror(frame: &mut Frame, esr: u64) {
    let fault = Fault { esr, far: 0, asynchronous: true };
    let next = watched(|| jacinth_event(frame, Event::Fault(fault)));
    settle(frame, next);
}

extern "C" fn interrupt(frame: &mut Frame) {
    let next = take_interrupts(frame, Next::Run);
    settle(frame, next);
}

/// Hands over everything that the interrupt controller has; `next` is the answer if that is nothing.
fn take_interrupts(frame: &mut Frame, mut next: Next) -> Next {
    while let Some(event) = interrupts::take() {
        next = watched(|| jacinth_event(frame, event));
    }
    next
}

/// Lets the kernel's logic run, with interrupts unmasked for `watch` to see. ELR_EL1 and SPSR_EL1 do not survive that.
fn watched<R>(logic: impl FnOnce() -> R) -> R {
    barrier::unmask_interrupts();
    let answer = logic();
    barrier::mask_interrupts();
    if watch::mark().load(Ordering::Relaxed) != 0 {
        watch::leave();
    }
    answer
}

/// Does what a handler decided, until there is a thread to resume.
#[inline]
fn settle(frame: &mut Frame, next: Next) {
    if next != Next::Run {
        settle_later(frame, next);
    }
}

#[inline(never)]
fn settle_later(frame: &mut Frame, mut next: Next) {
    loop {
        match next {
            Next::Run => return,
            Next::Idle => {
                barrier::wait_for_interrupt();
                next = take_interrupts(frame, Next::Idle);
            }
            Next::Again => {
                next = take_interrupts(frame, Next::Again);
                if next == Next::Again {
                    next = watched(|| jacinth_event(frame, Event::Kick));
                }
            }
            Next::Stop(status) => power::stop(status),
        }
    }
}

extern "C" fn el1_exception(frame: &mut Frame, kind: u64, esr: u64, far: u64) {
    let end = &raw const guarded_load_end as u64;
    let start = guarded_load as *const () as u64;
    if kind == SYNCHRONOUS && (start..end).contains(&frame.pc) {
        frame.pc = end;
        return;
    }
    let end = &raw const guarded_call_end as u64;
    let start = guarded_hvc as *const () as u64;
    if kind == SYNCHRONOUS && (start..end).contains(&frame.pc) {
        frame.pc = end;
        return;
    }
    let what = match kind {
        SYNCHRONOUS => "synchronous exception",
        IRQ => "interrupt on EL0's stack pointer",
        FIQ => "fast interrupt while interrupts are masked",
        SERROR => "SError",
        _ => "exception from AArch32",
    };
    // In the kernel the CPU uses its own stack pointer: vectors 4 to 7. Those from AArch32 begin with 12.
    let vector = if kind < AARCH32 { 4 + kind as u32 } else { 12 };
    crate::panic::exception(what, vector, frame, esr, far)
}
