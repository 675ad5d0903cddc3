//! Where the platform hands over: the symbols that it expects of the image.
//!
//! The attributes count as unsafe code because two functions of one name would be undefined behaviour. Each name
//! is declared in one place (`aarch64::entry` and `aarch64::trap`), with the signature that it has here.
#![allow(unsafe_code)]

use aarch64::lock::Lock;
use aarch64::{Board, Boot};
use kernel::Kernel;
use kernel::gate::{Answer, Call};
use kernel::ports::{Called, CpuId, Event, Frame, Next, Touched};

use crate::{boot, run};

/// From reset.
#[unsafe(no_mangle)]
fn jacinth_main(boot: Boot) -> ! {
    boot::boot(boot)
}

/// The system calls, as the vectors make them.
#[unsafe(no_mangle)]
static jacinth_calls: [Call<Board>; abi::SYSCALLS.len()] = Kernel::<Board>::CALLS;

/// A system call that is not plain.
#[unsafe(no_mangle)]
fn jacinth_call(kernel: &mut Kernel<Board>, cpu: CpuId, frame: &mut Frame) -> Called {
    kernel.call(cpu, frame)
}

/// The end of a system call that the vectors have made.
#[unsafe(no_mangle)]
fn jacinth_answered(kernel: &mut Kernel<Board>, answer: Answer) -> Called {
    kernel.answered(answer)
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
