//! `zx_nanosleep`. The clocks are the vDSO's.
use abi::status::Result;

use super::{Args, Arguments, Caller, Exit};
use crate::kernel::Kernel;
use crate::object::Wait;
use crate::ports::Machine;

impl<M: Machine> Kernel<M> {
    /// `zx_nanosleep(deadline)`: a deadline that has passed yields.
    pub(super) fn sys_nanosleep(&mut self, caller: Caller, args: &mut Args) -> Result<Exit> {
        let deadline = args.word(0) as i64;
        if deadline > self.now() {
            self.park(caller.thread, Wait::Sleep, deadline);
            return Ok(Exit::Parked);
        }
        super::set_result(args, abi::Status::OK);
        self.yield_now();
        Ok(Exit::Parked)
    }
}
