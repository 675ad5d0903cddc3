//! From the first instruction to `main` and back.
//!
//! 1. `crt0` relocates the program and binds it to the vDSO.
//! 2. [`startup`] reads the bootstrap message and keeps what this library needs.
//! 3. `main` runs, by [`main!`](crate::main!).
//! 4. What it returns becomes the process's return code, by [`Termination`].
mod crt0;
mod heap;
mod logger;
mod panic;
pub(crate) mod print;
pub(crate) mod startup;

use core::fmt::Display;

use crate::raw;
use startup::Startup;

/// The return code of a program that panicked: what Rust's standard library gives elsewhere.
pub const PANIC_STATUS: i64 = 101;
/// The return code of a program whose `main` returned an error.
pub const FAILURE_STATUS: i64 = 1;
/// The return code of a program that was given a bootstrap message that it cannot start with.
pub const STARTUP_STATUS: i64 = 102;

/// Ends the process.
pub fn exit(status: i64) -> ! {
    // SAFETY: no pointer.
    unsafe { raw::zx_process_exit(status) }
}

/// What `main` may return.
pub trait Termination {
    /// The process's return code.
    fn report(self) -> i64;
}

impl Termination for () {
    fn report(self) -> i64 {
        0
    }
}

impl Termination for i64 {
    fn report(self) -> i64 {
        self
    }
}

impl<T: Termination, E: Display> Termination for core::result::Result<T, E> {
    fn report(self) -> i64 {
        match self {
            Ok(value) => value.report(),
            Err(error) => {
                crate::println!("error: {error}");
                FAILURE_STATUS
            }
        }
    }
}

/// Names the program's main function: `fn(Startup) -> impl Termination`.
///
/// ```ignore
/// #![no_std]
/// #![no_main]
/// #![forbid(unsafe_code)]
/// zx::main!(run);
///
/// fn run(startup: zx::Startup) {
///     zx::println!("started as {:?}", startup.args());
/// }
/// ```
#[macro_export]
macro_rules! main {
    ($main:path) => {
        #[unsafe(no_mangle)]
        fn __zx_main(startup: $crate::Startup) -> i64 {
            $crate::Termination::report($main(startup))
        }
    };
}

/// What crt0 calls once the program is relocated and bound.
fn run(bootstrap: u32) -> ! {
    unsafe extern "Rust" {
        fn __zx_main(startup: Startup) -> i64;
    }
    match startup::begin(bootstrap) {
        // SAFETY: `main!` defines the function with this signature.
        Ok(startup) => exit(unsafe { __zx_main(startup) }),
        Err(error) => {
            print::emergency(format_args!("cannot start: {error}"));
            exit(STARTUP_STATUS)
        }
    }
}
