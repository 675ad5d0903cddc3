//! How a machine makes a system call by itself: what most calls need before and after they are made is a few words of the
//! kernel's, which an exception vector can read without a function of Rust around it.
//!
//! [`Kernel::call`] is the whole of it, for every case. A machine that has the kernel to itself may do the plain case in its
//! place, with the registers in the frame that [`Kernel::call`] asks for:
//!
//! 1. X16 is below the number of [`Kernel::CALLS`], and the call came from [`abi::vdso::site`] of it, as told by
//!    [`Peers::note_calls`](crate::ports::Peers::note_calls).
//! 2. The CPU's number goes to the byte at [`Kernel::HERE`].
//! 3. The two words at [`Kernel::caller_of`] the CPU are the thread and the process, unless the first is zero: then
//!    [`Kernel::call`] must be asked.
//! 4. The entry of [`Kernel::CALLS`] is called with both.
//! 5. If it answers 0, and the half-word at [`Kernel::ATTENTION`] is 0, the call has succeeded and the program goes on.
//!    Otherwise [`Kernel::answered`] says what comes next.
//!
//! A call from there that closes nothing (`zx_handle_close` of [`abi::object::HANDLE_INVALID`]) succeeds without the kernel.
use core::mem::offset_of;

use crate::cpus::{Cpu, Cpus};
use crate::kernel::Kernel;
use crate::ports::{CpuId, Machine};
use crate::schedule::Schedule;
pub use crate::syscall::{Answer, Call};

// One load reads both.
const _: () = assert!(offset_of!(Schedule, looked_at) == offset_of!(Schedule, attention) + 1);
const _: () = assert!(offset_of!(Schedule, attention).is_multiple_of(2));

impl<M: Machine> Kernel<M> {
    /// Offset in the kernel of the byte that says which CPU is in it.
    pub const HERE: usize = Self::CPUS + offset_of!(Cpus, here);
    /// Offset in the kernel of two bytes that are 0 unless somebody must look at what was done.
    pub const ATTENTION: usize = offset_of!(Self, schedule) + offset_of!(Schedule, attention);

    const CPUS: usize = offset_of!(Self, schedule) + offset_of!(Schedule, cpus);

    /// Offset in the kernel of the two words that say who has a CPU.
    pub const fn caller_of(cpu: CpuId) -> usize {
        Self::CPUS + offset_of!(Cpus, each) + cpu.index() * size_of::<Cpu>() + offset_of!(Cpu, current)
    }

    /// Has [`Kernel::answered`] asked after each call: the machine has something to do itself.
    pub const fn look_at_calls(&mut self) {
        self.schedule.looked_at = true;
    }
}
