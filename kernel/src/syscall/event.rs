//! `zx_event_create`.
use abi::policy::Condition;
use abi::{Status, status::Result};

use super::{Args, Arguments, Caller};
use crate::kernel::Kernel;
use crate::object::{Event, Object, ObjectRef};
use crate::ports::Machine;

impl<M: Machine> Kernel<M> {
    /// `zx_event_create(options, out)`.
    pub(super) fn sys_event_create(&mut self, caller: Caller, args: &Args) -> Result {
        if args.half(0) != 0 {
            return Err(Status::INVALID_ARGS);
        }
        self.enforce(caller, Condition::NewEvent)?;
        let koid = self.objects.allocate_koid();
        let id = self.objects.events.insert(Event::new(koid))?;
        self.give(caller, ObjectRef::Event(id), Event::DEFAULT_RIGHTS, args.word(1)).map(|_| ())
    }
}
