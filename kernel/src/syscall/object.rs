//! `zx_object_*`: properties, signals and waiting.
use abi::object::property;
use abi::{Rights, Signals, Status, status::Result};

use super::{Args, Arguments, Caller, Exit};
use crate::kernel::Kernel;
use crate::object::thread::Word;
use crate::object::{Name, Object, ObjectRef, Process, Vmo, Wait};
use crate::ports::Machine;
use crate::schedule::observation;

impl<M: Machine> Kernel<M> {
    /// `zx_object_get_property(handle, property, value, value_size)`.
    pub(super) fn sys_object_get_property(&mut self, caller: Caller, args: &Args) -> Result {
        let (handle, which, value, size) = (args.half(0), args.half(1), args.word(2), args.word(3));
        if value == 0 {
            return Err(Status::INVALID_ARGS);
        }
        let entry = self.entry(caller, handle)?;
        if !entry.rights.contains(Rights::GET_PROPERTY) {
            return Err(Status::ACCESS_DENIED);
        }
        let room = |needed: usize| if size < needed as u64 { Err(Status::BUFFER_TOO_SMALL) } else { Ok(()) };
        match which {
            property::NAME => {
                room(abi::object::MAX_NAME_LEN)?;
                let name = self.objects.name(entry.object);
                self.copy_out(caller.process, value, &name.0)
            }
            property::VMO_CONTENT_SIZE => {
                room(8)?;
                let content_size = self.content_size(Vmo::id(entry.object).ok_or(Status::WRONG_TYPE)?)?;
                self.copy_out(caller.process, value, &content_size.to_le_bytes())
            }
            property::PROCESS_VDSO_BASE_ADDRESS | property::PROCESS_DEBUG_ADDR => {
                room(8)?;
                let process = self.objects.get(Process::id(entry.object).ok_or(Status::WRONG_TYPE)?)?;
                let code_offset = self.vdso.code_offset;
                let address = match which {
                    property::PROCESS_DEBUG_ADDR => process.debug_addr,
                    _ => process.vdso_code.map_or(0, |code| code.wrapping_sub(code_offset)),
                };
                self.copy_out(caller.process, value, &address.to_le_bytes())
            }
            _ => Err(Status::NOT_SUPPORTED),
        }
    }

    /// `zx_object_set_property(handle, property, value, value_size)`: a content size a piece at a time.
    pub(super) fn sys_object_set_property(&mut self, caller: Caller, args: &Args) -> Result<Exit> {
        let (handle, which, value, size) = (args.half(0), args.half(1), args.word(2), args.word(3));
        if value == 0 {
            return Err(Status::INVALID_ARGS);
        }
        let entry = self.entry(caller, handle)?;
        if !entry.rights.contains(Rights::SET_PROPERTY) {
            return Err(Status::ACCESS_DENIED);
        }
        if which == property::NAME {
            let name = self.name_in(caller, value, size)?;
            return self.objects.set_name(entry.object, name).map(|()| Exit::Done);
        }
        if !matches!(which, property::VMO_CONTENT_SIZE | property::PROCESS_DEBUG_ADDR) {
            return Err(Status::NOT_SUPPORTED);
        }
        if size < 8 {
            return Err(Status::BUFFER_TOO_SMALL);
        }
        let mut bytes = [0; 8];
        if which == property::PROCESS_DEBUG_ADDR {
            let process = Process::id(entry.object).ok_or(Status::WRONG_TYPE)?;
            self.copy_in(caller.process, value, &mut bytes)?;
            self.objects.get_mut(process)?.debug_addr = u64::from_le_bytes(bytes);
            return Ok(Exit::Done);
        }
        let vmo = Vmo::id(entry.object).ok_or(Status::WRONG_TYPE)?;
        if !entry.rights.contains(Rights::WRITE) {
            return Err(Status::ACCESS_DENIED);
        }
        self.copy_in(caller.process, value, &mut bytes)?;
        self.set_content_size(caller, vmo, u64::from_le_bytes(bytes))
    }

    /// `zx_object_signal(handle, clear_mask, set_mask)`: user signals, and an event's own.
    pub(super) fn sys_object_signal(&mut self, caller: Caller, args: &Args) -> Result {
        let (handle, clear, set) = (args.half(0), Signals(args.half(1)), Signals(args.half(2)));
        let entry = self.entry(caller, handle)?;
        if !entry.rights.contains(Rights::SIGNAL) {
            return Err(Status::ACCESS_DENIED);
        }
        let theirs = match entry.object {
            ObjectRef::Event(_) => Signals::USER_ALL | Signals::SIGNALED,
            _ => Signals::USER_ALL,
        };
        if (clear | set) - theirs != Signals::NONE {
            return Err(Status::INVALID_ARGS);
        }
        self.signal(entry.object, clear, set);
        Ok(())
    }

    /// `zx_object_wait_one(handle, signals, deadline, observed)`.
    pub(super) fn sys_object_wait_one(&mut self, caller: Caller, args: &Args) -> Result<Exit> {
        let (handle, wanted, deadline) = (args.half(0), Signals(args.half(1)), args.word(2) as i64);
        let observed = args.word(3);
        let (object, signals) = self.waitable(self.entry(caller, handle)?)?;
        let status = if wanted.intersects(signals) {
            Status::OK
        } else if deadline <= self.now() {
            Status::TIMED_OUT
        } else {
            let wait = Wait::Signals { object, handle, wanted, observed };
            self.park(caller.thread, wait, deadline);
            return Ok(Exit::Parked);
        };
        if let Word::At(address, word) = observation(status, observed, signals).word {
            self.copy_out(caller.process, address, &word.to_le_bytes())?;
        }
        status.ok().map(|()| Exit::Done)
    }

    /// A new name for anything that has one; used where a name is given at creation.
    pub(crate) fn name_object(&mut self, object: ObjectRef, name: Name) {
        // Types without a name keep having none.
        let _unnamed = self.objects.set_name(object, name);
    }
}
