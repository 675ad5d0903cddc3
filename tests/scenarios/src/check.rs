//! How a scenario says what it expects. The first thing that is not so ends it.

use alloc::format;
use alloc::string::String;
use core::fmt;

use abi::Status;

/// What a scenario comes to.
pub type Outcome<T = ()> = Result<T, Failure>;

/// A check that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The expression that was checked.
    pub expression: &'static str,
    /// What it should have given.
    pub expected: String,
    /// What it gave.
    pub got: String,
    /// The file of the check.
    pub file: &'static str,
    /// The line of the check.
    pub line: u32,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { expression, expected, got, file, line } = self;
        write!(f, "{expression}: expected {expected}, got {got} ({file}:{line})")
    }
}

/// Where a check stands in the source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// The expression.
    pub(crate) expression: &'static str,
    /// The file.
    pub(crate) file: &'static str,
    /// The line.
    pub(crate) line: u32,
}

impl Place {
    fn failure(self, expected: String, got: String) -> Failure {
        Failure { expression: self.expression, expected, got, file: self.file, line: self.line }
    }
}

/// The value of a call that must succeed.
///
/// # Errors
/// [`Failure`] if it did not.
pub(crate) fn succeeds<T>(place: Place, outcome: Result<T, Status>) -> Outcome<T> {
    outcome.map_err(|status| place.failure("ZX_OK".into(), format!("{status}")))
}

/// Nothing, for a call that must be refused so.
///
/// # Errors
/// [`Failure`] if it succeeded or failed in another way.
pub(crate) fn refuses<T: fmt::Debug>(place: Place, outcome: Result<T, Status>, expected: Status) -> Outcome {
    match outcome {
        Err(status) if status == expected => Ok(()),
        Err(status) => Err(place.failure(format!("{expected}"), format!("{status}"))),
        Ok(value) => Err(place.failure(format!("{expected}"), format!("ZX_OK with {value:?}"))),
    }
}

/// Nothing, for two values that must be equal.
///
/// # Errors
/// [`Failure`] if they are not.
pub(crate) fn equals<T, U>(place: Place, got: &T, expected: &U) -> Outcome
where
    T: PartialEq<U> + fmt::Debug + ?Sized,
    U: fmt::Debug + ?Sized,
{
    if got == expected {
        return Ok(());
    }
    Err(place.failure(format!("{expected:#x?}"), format!("{got:#x?}")))
}

/// Nothing, for what must be true.
///
/// # Errors
/// [`Failure`] if it is not.
pub(crate) fn holds(place: Place, truth: bool) -> Outcome {
    if truth { Ok(()) } else { Err(place.failure("true".into(), "false".into())) }
}

/// A [`Place`] for an expression here.
macro_rules! place {
    ($($expression:tt)*) => {
        $crate::check::Place { expression: stringify!($($expression)*), file: file!(), line: line!() }
    };
}

/// `ok!(call)`: the value of a call that must succeed; ends the scenario otherwise.
macro_rules! ok {
    ($call:expr) => {
        $crate::check::succeeds($crate::check::place!($call), $call)?
    };
}

/// `refused!(call, STATUS)`: ends the scenario unless the call fails with that status.
macro_rules! refused {
    ($call:expr, $status:ident) => {
        $crate::check::refuses($crate::check::place!($call), $call, abi::Status::$status)?
    };
}

/// `same!(got, expected)`: ends the scenario unless the two are equal.
macro_rules! same {
    ($got:expr, $expected:expr) => {
        $crate::check::equals($crate::check::place!($got), &$got, &$expected)?
    };
}

/// `truth!(condition)`: ends the scenario unless it holds.
macro_rules! truth {
    ($condition:expr) => {
        $crate::check::holds($crate::check::place!($condition), $condition)?
    };
}

pub(crate) use {ok, place, refused, same, truth};

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn a_failure_names_expression_expected_and_got() {
        let run = || -> Outcome {
            refused!(Ok::<u32, Status>(7), BAD_HANDLE);
            Ok(())
        };
        let text = run().unwrap_err().to_string();
        assert!(
            text.starts_with("Ok::<u32, Status>(7): expected ZX_ERR_BAD_HANDLE, got ZX_OK with 7 ("),
            "{text}"
        );
    }

    #[test]
    fn the_first_failure_ends_the_scenario() {
        let run = || -> Outcome {
            same!(ok!(Ok::<u32, Status>(1)), 1);
            ok!(Err::<(), Status>(Status::NO_MEMORY));
            truth!(false);
            Ok(())
        };
        assert_eq!(run().unwrap_err().got, "ZX_ERR_NO_MEMORY");
    }
}
