//! Switching the machine off, and stopping where that is impossible.
//!
//! PSCI (Arm DEN 0022) does it where the device tree says that there is one, by the instruction that the tree
//! names: the wrong one hangs some machines. A Raspberry Pi whose firmware has none is switched off by its watchdog.
//! Under a test the kernel leaves QEMU by semihosting, which carries an exit status; only the boot argument
//! `semihosting` allows it, because it is undefined elsewhere.
use core::arch::asm;
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};

use abi::PhysAddr;

use crate::lock::Leaf;
use crate::watchdog::Watchdog;
use crate::{barrier, println, timer};

/// How PSCI is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduit {
    /// `hvc`.
    Hvc,
    /// `smc`.
    Smc,
}

static CONDUIT: AtomicU8 = AtomicU8::new(0);
/// CPU_ON's function number; 0 where there is none.
static CPU_ON: AtomicU32 = AtomicU32::new(0);
/// Whether PSCI has the functions for the whole system: from version 0.2 on.
static SYSTEM: AtomicBool = AtomicBool::new(false);
static WATCHDOG: Leaf<Option<Watchdog<'static>>> = Leaf::new(None);
static SEMIHOSTING: AtomicBool = AtomicBool::new(false);

/// The exit status of a machine whose kernel panicked.
const PANIC_STATUS: u64 = 101;

/// Lets CPUs be started by PSCI, and [`stop`] and [`reset`] use it if it is version 0.2 or later: `cpu_on` is the
/// function number that a tree gives version 0.1.
pub(crate) fn set_psci(conduit: Conduit, cpu_on: Option<u32>) {
    let value = match conduit {
        Conduit::Hvc => 1,
        Conduit::Smc => 2,
    };
    CPU_ON.store(cpu_on.unwrap_or(smccc::psci::PSCI_CPU_ON_64), Ordering::Relaxed);
    SYSTEM.store(cpu_on.is_none(), Ordering::Relaxed);
    CONDUIT.store(value, Ordering::Relaxed);
}

/// Lets [`stop`] and [`reset`] use a watchdog.
pub(crate) fn set_watchdog(watchdog: Watchdog<'static>) {
    *WATCHDOG.lock() = Some(watchdog);
}

/// Lets the kernel end QEMU by semihosting.
pub fn allow_semihosting() {
    SEMIHOSTING.store(true, Ordering::Relaxed);
}

/// Stops the machine because its work is done: with `status` where there is a way to tell it.
pub fn stop(status: i64) -> ! {
    if SEMIHOSTING.load(Ordering::Relaxed) {
        // An exit status has 32 bits at most on every host; a larger one must not become 0.
        semihosting_exit(i32::try_from(status).map_or(u64::MAX, |status| status as u64));
    }
    match end(smccc::psci::PSCI_SYSTEM_OFF, Watchdog::power_off) {
        Some(error) => println!("jacinth: the machine stays on: PSCI SYSTEM_OFF answers {error}"),
        None => {
            println!("jacinth: the machine stays on: the tree has neither PSCI nor a watchdog that is known")
        }
    }
    halt()
}

/// Starts the machine anew, or stops it where that is impossible.
pub fn reset() -> ! {
    match end(smccc::psci::PSCI_SYSTEM_RESET, Watchdog::reset) {
        Some(error) => println!("jacinth: the machine does not restart: PSCI SYSTEM_RESET answers {error}"),
        None => println!(
            "jacinth: the machine does not restart: the tree has neither PSCI nor a watchdog that is known"
        ),
    }
    halt()
}

/// Ends it all, by PSCI or else by the watchdog. It comes back where nothing does that: with PSCI's error, if any.
fn end(function: u32, by_watchdog: fn(&Watchdog<'static>)) -> Option<i32> {
    /// Until a UART has sent what it holds: 64 bytes at 115,200 baud.
    const DRAIN: u64 = 6;
    /// Until a watchdog has done it.
    const EXPIRY: u64 = 100;
    wait(DRAIN);
    barrier::complete_system();
    let error = psci(function);
    if let Some(watchdog) = WATCHDOG.lock().as_ref() {
        by_watchdog(watchdog);
        wait(EXPIRY);
    }
    error
}

/// Waits so many milliseconds.
fn wait(milliseconds: u64) {
    let end = timer::now().saturating_add(timer::frequency() / 1000 * milliseconds);
    while timer::now() < end {
        core::hint::spin_loop();
    }
}

/// Stops after a panic. The machine stays as it is, for whoever wants to look at it; a test ends.
pub(crate) fn stop_after_panic() -> ! {
    if SEMIHOSTING.load(Ordering::Relaxed) {
        semihosting_exit(PANIC_STATUS);
    }
    halt()
}

/// Gives up starting: says why in one line, and stops. The machine stays as it is.
pub fn fail(why: core::fmt::Arguments<'_>) -> ! {
    crate::panic::refuse(why)
}

/// Waits for ever.
pub fn halt() -> ! {
    barrier::mask_interrupts();
    loop {
        barrier::wait_for_interrupt();
        // A pending interrupt that nobody takes would make this a busy loop without harm.
    }
}

/// Starts a CPU at a physical address, with `context` in its x0.
///
/// # Errors
/// What PSCI answers (Arm DEN 0022, 5.2.2), or that there is none.
pub(crate) fn start_cpu(affinity: u64, entry: PhysAddr, context: u64) -> Result<(), StartError> {
    let function = CPU_ON.load(Ordering::Relaxed);
    let answer = call([function.into(), affinity, entry.0, context]).ok_or(StartError::NoPsci)?;
    // Errors are 32 bits with a sign, whatever the width of the call.
    if answer as u32 == 0 { Ok(()) } else { Err(StartError::Psci(answer as i32)) }
}

/// Why firmware did not start a CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StartError {
    /// The tree has no PSCI.
    NoPsci,
    /// PSCI's error.
    Psci(i32),
}

impl core::fmt::Display for StartError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NoPsci => f.write_str("there is no PSCI to start it by"),
            Self::Psci(error) => write!(f, "PSCI CPU_ON answers {error}"),
        }
    }
}

/// Calls a PSCI function without arguments, if there is one: its error. Those that succeed do not return.
fn psci(function: u32) -> Option<i32> {
    if !SYSTEM.load(Ordering::Relaxed) {
        return None;
    }
    call([function.into(), 0, 0, 0]).map(|answer| answer as i32)
}

/// Calls PSCI: `None` where there is none, or the tree names an instruction that does not exist here.
fn call(words: [u64; 4]) -> Option<u64> {
    let by_hvc = match CONDUIT.load(Ordering::Relaxed) {
        1 => true,
        2 => false,
        _ => return None,
    };
    // SAFETY: 1, PSCI's functions obey the calling convention, and CPU_ON starts another CPU at what was made for it.
    // 2, CPUs are started before the first thread, and what ends the machine ends its threads.
    unsafe { crate::trap::call_firmware(by_hvc, words) }
}

/// SYS_EXIT with the reason ADP_Stopped_ApplicationExit (Arm semihosting, 2.0).
fn semihosting_exit(status: u64) {
    let block = [0x20026, status];
    // SAFETY: the debugger reads the block, which outlives the call. The boot argument says that somebody
    // answers; were it wrong, HLT is undefined and ends in a panic, which is what was happening anyway.
    unsafe {
        asm!("hlt #0xf000", inout("x0") 0x18_u64 => _, in("x1") &raw const block, options(nostack));
    }
}
