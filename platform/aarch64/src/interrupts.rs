//! Interrupts as events: the virtual timer's, and whatever else arrives.
use core::sync::atomic::{AtomicU32, Ordering};

use kernel::ports::Event;

use crate::gic::{Controller, Trigger};
use crate::lock::Leaf;
use crate::timer;

static CONTROLLER: Leaf<Option<Controller>> = Leaf::new(None);

/// The virtual timer's INTID.
static TIMER: AtomicU32 = AtomicU32::new(u32::MAX);

/// Takes interrupts from `controller` from now on, and the timer's by `timer_intid`. `false` if the controller
/// has no such interrupt.
pub(crate) fn start(mut controller: Controller, timer_intid: u32, trigger: Trigger) -> bool {
    timer::set_deadline(None);
    let known = controller.enable(timer_intid, trigger);
    TIMER.store(timer_intid, Ordering::Relaxed);
    *CONTROLLER.lock() = Some(controller);
    known
}

/// The next thing that interrupts have to say; `None` when nothing is pending.
#[inline]
pub(crate) fn take() -> Option<Event> {
    let mut controller = CONTROLLER.lock();
    let controller = controller.as_mut()?;
    // A device can raise its interrupt again at once, but only one that is enabled: each turn of this loop
    // but the timer's disables one, so it ends.
    while let Some(taken) = controller.take() {
        let intid = taken.intid.to_u32();
        let timer = intid == TIMER.load(Ordering::Relaxed);
        if timer {
            // The timer's level stays up until its deadline moves: the kernel sets the next one.
            timer::set_deadline(None);
        } else {
            controller.disable(intid);
        }
        controller.end(taken);
        if timer {
            return Some(Event::Timer);
        }
        defmt::warn!("interrupt {=u32} has no owner: disabled", intid);
    }
    None
}
