//! `zx_futex_*`: waiting for a word of the program's own memory to change.
use abi::{Rights, Status, status::Result};

use super::{Args, Arguments, Caller, Exit};
use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::object::thread::{Outcome, Word};
use crate::object::{ProcessState, Thread, ThreadState, Wait};
use crate::ports::Machine;

impl<M: Machine> Kernel<M> {
    /// `zx_futex_wait(value_ptr, current_value, new_futex_owner, deadline)`.
    pub(super) fn sys_futex_wait(&mut self, caller: Caller, args: &Args) -> Result<Exit> {
        let (address, expected, owner, deadline) =
            (args.word(0), args.half(1), args.half(2), args.word(3) as i64);
        if address == 0 || !address.is_multiple_of(4) {
            return Err(Status::INVALID_ARGS);
        }
        let mut bytes = [0; 4];
        self.copy_in(caller.process, address, &mut bytes)?;
        if u32::from_le_bytes(bytes) != expected {
            return Err(Status::BAD_STATE);
        }
        if owner != abi::object::HANDLE_INVALID {
            let owner = self.object::<Thread>(caller, owner, Rights::NONE)?;
            self.check_owner(caller, owner, address)?;
        }
        if deadline <= self.now() {
            return Err(Status::TIMED_OUT);
        }
        self.objects.get_mut(caller.process)?.futexes.reserve(1).map_err(Status::from)?;
        self.park(caller.thread, Wait::Futex(address), deadline);
        Ok(Exit::Parked)
    }

    /// A futex is owned by a running thread of the same process that does not wait for it itself.
    fn check_owner(&self, caller: Caller, owner: Id<Thread>, address: u64) -> Result {
        let thread = self.objects.get(owner)?;
        let ours = thread.process == caller.process && owner != caller.thread;
        let running = self.objects.get(thread.process)?.state == ProcessState::Running
            && !matches!(thread.state, ThreadState::New | ThreadState::Dead);
        if ours && running && thread.wait != Wait::Futex(address) {
            Ok(())
        } else {
            Err(Status::INVALID_ARGS)
        }
    }

    /// `zx_futex_wake(value_ptr, wake_count)`: the longest waiting first.
    pub(super) fn sys_futex_wake(&mut self, caller: Caller, args: &Args) -> Result {
        let (address, count) = (args.word(0), args.half(1));
        if address == 0 || !address.is_multiple_of(4) {
            return Err(Status::INVALID_ARGS);
        }
        for _ in 0..count {
            let first = self.objects.get(caller.process)?.futexes.get(address).map(|queue| queue.first);
            let Some(first) = first else { return Ok(()) };
            self.wake(first, Outcome { status: Status::OK, word: Word::None });
        }
        Ok(())
    }
}
