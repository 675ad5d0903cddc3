//! Interrupts as events: the virtual timer's, another CPU's kick, and whatever else arrives.
//!
//! Each CPU takes its own. The boot CPU calls `start`, which ends with [`start_on_this_cpu`]; every other CPU
//! calls that one itself, once its MMU is on and before it first takes an interrupt or waits for one.
use core::sync::atomic::{AtomicPtr, Ordering};

use kernel::ports::Event;

pub use crate::gic::CpuError;
use crate::gic::{Controller, KICK, Trigger};
use crate::{cpu, heap, timer, watch};

/// What all CPUs share, made at boot and kept for ever.
struct Interrupts {
    controller: Controller,
    /// The virtual timer's INTID, the same on every CPU.
    timer: u32,
    trigger: Trigger,
}

static INTERRUPTS: AtomicPtr<Interrupts> = AtomicPtr::new(core::ptr::null_mut());

#[inline]
fn interrupts() -> Option<&'static Interrupts> {
    // SAFETY: the pointer is null or came from the leaked box in `start`, written before it was published.
    unsafe { INTERRUPTS.load(Ordering::Acquire).as_ref() }
}

/// Takes interrupts from `controller` from now on, and the timer's by `timer` on each CPU. Called once, by the
/// boot CPU.
///
/// # Errors
/// As for [`start_on_this_cpu`].
pub(crate) fn start(controller: Controller, timer: u32, trigger: Trigger) -> Result<(), CpuError> {
    watch::start();
    let shared = heap::leak(Interrupts { controller, timer, trigger }).ok_or(CpuError::OutOfMemory)?;
    INTERRUPTS.store(core::ptr::from_ref(shared).cast_mut(), Ordering::Release);
    start_on_this_cpu()
}

/// Lets the running CPU take interrupts: its part of the controller is initialised, its virtual timer is
/// stopped and enabled, and it can be kicked. Exceptions stay masked as they are.
///
/// # Errors
/// [`CpuError`]; this CPU cannot be used then. The others are not concerned.
pub fn start_on_this_cpu() -> Result<(), CpuError> {
    let Interrupts { controller, timer, trigger } = interrupts().ok_or(CpuError::NoController)?;
    timer::set_deadline(None);
    controller.start_cpu(cpu::affinity())?;
    controller.enable(*timer, *trigger).then_some(()).ok_or(CpuError::NoSuchInterrupt(*timer))?;
    controller.make_urgent(*timer);
    Ok(())
}

/// Keeps every interrupt but the timer's away from the running CPU, or no longer. They stay pending.
pub(crate) fn let_through(only_the_timer: bool) {
    if let Some(Interrupts { controller, .. }) = interrupts() {
        controller.let_through(only_the_timer);
    }
}

/// Forgets that the timer's deadline came, where the controller remembers it (an edge), while nothing else is let
/// through. The timer itself does not forget.
pub(crate) fn forget_alarm() {
    if let Some(Interrupts { controller, trigger: Trigger::Edge, .. }) = interrupts()
        && let Some(taken) = controller.take()
    {
        controller.end(taken);
    }
}

/// Asks a CPU to look at its work: it gets [`Event::Kick`], also if it waits for an interrupt. What the caller
/// wrote before, that CPU sees. Kicks that it has not taken yet are one kick.
///
/// `cpu_affinity` is as in MPIDR_EL1. A CPU that has not started has no work: nothing reaches it.
pub fn kick(cpu_affinity: u64) {
    if let Some(Interrupts { controller, .. }) = interrupts() {
        controller.kick(cpu_affinity);
    }
}

/// Kicks a CPU if that needs no waiting for a lock: for a panic, whose own CPU may hold it.
pub(crate) fn try_kick(cpu_affinity: u64) {
    if let Some(Interrupts { controller, .. }) = interrupts() {
        controller.try_kick(cpu_affinity);
    }
}

/// Kicks the running CPU: whether that arrives within a tenth of a second. For boot, while no other event can.
pub(crate) fn kick_arrives() -> bool {
    kick(cpu::affinity());
    let patience = timer::now() + timer::frequency() / 10;
    while timer::now() < patience {
        if take() == Some(Event::Kick) {
            return true;
        }
    }
    false
}

/// The next thing that interrupts have to say to the running CPU; `None` when nothing is pending.
#[inline]
pub(crate) fn take() -> Option<Event> {
    // A CPU that panicked has told the others by a kick: nothing goes on after that.
    crate::panic::stop_if_failed();
    let Interrupts { controller, timer, .. } = interrupts()?;
    // A device can raise its interrupt again at once, but only one that is enabled: each turn of this loop
    // that does not end it disables one, so it ends.
    while let Some(taken) = controller.take() {
        let intid = taken.intid.to_u32();
        let event = if intid == *timer {
            // The timer's level stays up until its deadline moves: the kernel sets the next one.
            watch::set_timer(None);
            Some(Event::Timer)
        } else if intid == KICK {
            Some(Event::Kick)
        } else {
            controller.disable(intid);
            None
        };
        controller.end(taken);
        if event.is_some() {
            return event;
        }
        defmt::warn!("interrupt {=u32} has no owner: disabled", intid);
    }
    None
}
