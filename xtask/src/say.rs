//! Progress on standard error, in Cargo's manner: a verb in the first column, then what it acts on.

use std::fmt::Display;

/// Prints one line of progress.
pub(crate) fn say(verb: &str, what: impl Display) {
    eprintln!("{verb:>12} {what}");
}
