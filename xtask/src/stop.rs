//! Ending a run early: by a signal, or from another thread. QEMU must not outlive the task runner.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

/// Tells a run that it shall end.
#[derive(Debug)]
pub(crate) struct Stop {
    signalled: Arc<AtomicBool>,
    requested: AtomicBool,
    /// Ctrl-C at the terminal is for somebody else.
    pub(crate) keeps_interrupt: bool,
}

impl Stop {
    /// Ends the run at Ctrl-C, a hang-up or a request to terminate.
    pub(crate) fn on_any_signal() -> Result<Self> {
        Self::new(false)
    }

    /// Ends the run at a hang-up or a request to terminate. Ctrl-C ends nothing: it is for the debugger.
    pub(crate) fn but_not_on_interrupt() -> Result<Self> {
        Self::new(true)
    }

    fn new(keeps_interrupt: bool) -> Result<Self> {
        let signalled = Arc::new(AtomicBool::new(false));
        // A flag that nobody looks at: the signal then does nothing.
        let interrupt = if keeps_interrupt { Arc::new(AtomicBool::new(false)) } else { signalled.clone() };
        for (signal, flag) in [(SIGTERM, &signalled), (SIGHUP, &signalled), (SIGINT, &interrupt)] {
            flag::register(signal, flag.clone()).context("the system takes no signal handler")?;
        }
        Ok(Self { signalled, requested: AtomicBool::new(false), keeps_interrupt })
    }

    /// Ends the run from another thread.
    pub(crate) fn request(&self) {
        self.requested.store(true, Ordering::Relaxed);
    }

    /// Whether the run shall end.
    pub(crate) fn is_set(&self) -> bool {
        self.was_signalled() || self.requested.load(Ordering::Relaxed)
    }

    /// Whether a signal asked for it: then there is nothing to judge.
    pub(crate) fn was_signalled(&self) -> bool {
        self.signalled.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_stops_and_an_interrupt_may_be_kept_out() {
        let (any, but) = (Stop::on_any_signal().unwrap(), Stop::but_not_on_interrupt().unwrap());
        signal_hook::low_level::raise(SIGINT).unwrap();
        assert!(any.was_signalled() && !but.is_set());
        signal_hook::low_level::raise(SIGTERM).unwrap();
        assert!(but.was_signalled());
    }

    #[test]
    fn a_request_is_no_signal() {
        let stop = Stop::but_not_on_interrupt().unwrap();
        stop.request();
        assert!(stop.is_set());
    }
}
