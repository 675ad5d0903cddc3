//! Barriers, hints and the interrupt mask. Each orders the compiler's memory accesses too, which aarch64-cpu's do not.
use core::arch::asm;

macro_rules! barriers {
    ($($(#[$doc:meta])* $name:ident, $instruction:literal;)*) => {
        $(
            $(#[$doc])*
            #[inline(always)]
            pub fn $name() {
                // SAFETY: a barrier or hint changes no state; an interrupt, where it comes, gives back what it finds.
                unsafe { asm!($instruction, options(nostack, preserves_flags)) }
            }
        )*
    };
}

barriers! {
    /// What comes after is executed in the context that comes before.
    instruction, "isb";
    /// Every access and every TLB and cache operation so far is complete, inner shareable.
    complete, "dsb ish";
    /// Every store so far is complete, inner shareable.
    complete_stores, "dsb ishst";
    /// Every access so far is complete, devices included.
    complete_system, "dsb sy";
    /// Waits until an interrupt is pending, masked or not.
    wait_for_interrupt, "dsb sy\nwfi";
    /// Waits until another CPU sends an event.
    wait_for_event, "wfe";
    /// Interrupts come from now on (PSTATE.I).
    unmask_interrupts, "msr daifclr, #2";
    /// No interrupt comes from now on.
    mask_interrupts, "msr daifset, #2";
    /// Sends an event to every CPU, after all stores so far.
    send_event, "dsb ishst\nsev";
}
