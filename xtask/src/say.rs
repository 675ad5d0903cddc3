//! What is told on standard error: progress in Cargo's manner, a verb in the first column and then what it acts on,
//! and lines as they are. A thread that does its work beside others tells through them (`abreast`).

use std::cell::RefCell;
use std::fmt::Display;
use std::sync::Arc;

/// Where a line goes.
pub(crate) type Voice = Arc<dyn Fn(&str) + Send + Sync>;

thread_local! {
    static VOICE: RefCell<Voice> = RefCell::new(Arc::new(|line| eprintln!("{line}")));
}

/// Tells one line of progress.
pub(crate) fn say(verb: &str, what: impl Display) {
    tell(format_args!("{verb:>12} {what}"));
}

/// Tells lines as they are.
pub(crate) fn tell(lines: impl Display) {
    voice()(&lines.to_string());
}

/// This thread's, for another one that works for it.
pub(crate) fn voice() -> Voice {
    VOICE.with_borrow(Arc::clone)
}

/// Does `work`, and has it told by `voice`.
pub(crate) fn told_by<R>(voice: Voice, work: impl FnOnce() -> R) -> R {
    let own = VOICE.replace(voice);
    let done = work();
    VOICE.set(own);
    done
}
