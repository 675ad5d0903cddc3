//! Where the platform hands over: the symbols that it expects of the image.
//!
//! The attributes count as unsafe code because two functions of one name would be undefined behaviour. Each name
//! is declared in one place (`aarch64::entry` and `aarch64::trap`), with the signature that it has here.
#![allow(unsafe_code)]

use aarch64::lock::Lock;
use aarch64::{Board, Boot};
use kernel::Kernel;
use kernel::ports::{Called, Event, Frame, Next, Touched};

use crate::{boot, run};

/// From reset.
#[unsafe(no_mangle)]
fn jacinth_main(boot: Boot) -> ! {
    boot::boot(boot)
}

/// What remains of a system call.
#[unsafe(no_mangle)]
fn jacinth_complete(frame: &mut Frame, called: Called) -> Next {
    run::complete(frame, called)
}

/// A data abort, from the vectors: [`kernel::Kernel::touch`].
#[unsafe(no_mangle)]
extern "C" fn jacinth_touch(esr: u64, far: u64, kernel: &'static Lock<Kernel<Board>>) -> Touched {
    run::touch(kernel, esr, far)
}

/// Whatever else comes up.
#[unsafe(no_mangle)]
fn jacinth_event(frame: &mut Frame, event: Event) -> Next {
    run::event(frame, event)
}
