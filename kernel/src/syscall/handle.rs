//! `zx_handle_*`.
use abi::{Handle, Rights, Status, status::Result};

use super::{Answer, Args, Arguments, Caller, Exit};
use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::object::{HandleEntry, ObjectRef, Objects, Process, Vmo};
use crate::ports::Machine;

/// Handles that one entry of `zx_handle_close_many` closes.
const HANDLES_AN_ENTRY: usize = 64;

impl<M: Machine> Kernel<M> {
    /// `zx_handle_close(handle)`: closing nothing succeeds.
    #[inline(always)]
    pub(super) fn sys_handle_close(&mut self, caller: Caller, args: &Args) -> Answer {
        let handle = args.half(0);
        let Objects { processes, vmos, .. } = &mut self.objects;
        let entry = match processes.get_mut(caller.process) {
            Some(process) => process.handles.remove(handle).map(|entry| (entry, process.lookouts.is_empty())),
            None => Err(Status::INTERNAL),
        };
        match entry {
            // A device's registers, most often: such a VMO just goes with its last handle.
            Ok((HandleEntry { object: ObjectRef::Vmo(id), .. }, true))
                if vmos.delete_if(id, Vmo::is_over_without_a_handle) =>
            {
                Answer::DONE
            }
            Ok((entry, true)) => self.close_wholly(caller.process, handle, entry),
            Ok((entry, false)) => self.close_watched(caller.process, handle, entry),
            Err(Status::BAD_HANDLE) if handle == abi::object::HANDLE_INVALID => Answer::DONE,
            Err(status) => status.into(),
        }
    }

    /// The rest of it, where somebody wants to be told of some handle's object.
    #[inline(never)]
    fn close_watched(&mut self, process: Id<Process>, handle: Handle, entry: HandleEntry) -> Answer {
        self.close_lookout(process, handle);
        self.close_wholly(process, handle, entry)
    }

    /// The rest of it. It answers for the call, so that nothing is kept meanwhile.
    #[inline(never)]
    fn close_wholly(&mut self, process: Id<Process>, handle: Handle, entry: HandleEntry) -> Answer {
        self.close(process, handle, entry);
        Answer::DONE
    }

    /// `zx_handle_close_many(handles, num_handles)`: every handle that is one is closed; the status tells
    /// whether one was not. Zeros count for nothing. A long list is done in pieces: what is done is taken off
    /// the list, and whether a handle was bad is kept with the thread.
    pub(super) fn sys_handle_close_many(&mut self, caller: Caller, args: &mut Args) -> Result<Exit> {
        let (handles, count) = (args.word(0), args.word(1));
        let piece = count.min(HANDLES_AN_ENTRY as u64);
        let mut bytes = [0; HANDLES_AN_ENTRY * size_of::<Handle>()];
        let list = bytes.get_mut(..piece as usize * size_of::<Handle>()).ok_or(Status::INTERNAL)?;
        let before = core::mem::replace(&mut self.objects.get_mut(caller.thread)?.carried, Ok(()));
        self.copy_in(caller.process, handles, list)?;
        let mut result = before;
        for raw in list.as_chunks().0 {
            let handle = Handle::from_le_bytes(*raw);
            if handle != abi::object::HANDLE_INVALID {
                let closed = self.take_back(caller, handle);
                result = result.and(closed);
            }
        }
        if count == piece {
            return result.map(|()| Exit::Done);
        }
        args.set(0, handles.wrapping_add(piece * size_of::<Handle>() as u64));
        args.set(1, count - piece);
        self.objects.get_mut(caller.thread)?.carried = result;
        Ok(Exit::Again)
    }

    /// `zx_handle_check_valid(handle)`.
    pub(super) fn sys_handle_check_valid(&mut self, caller: Caller, args: &Args) -> Result {
        self.entry(caller, args.half(0)).map(|_| ())
    }

    /// `zx_handle_duplicate(handle, rights, out)`.
    pub(super) fn sys_handle_duplicate(&mut self, caller: Caller, args: &Args) -> Result {
        let (handle, rights, out) = (args.half(0), Rights(args.half(1)), args.word(2));
        let entry = self.entry(caller, handle)?;
        if !entry.rights.contains(Rights::DUPLICATE) {
            return Err(Status::ACCESS_DENIED);
        }
        let rights = narrow(entry, rights)?;
        self.give(caller, entry.object, rights, out).map(|_| ())
    }

    /// `zx_handle_replace(handle, rights, out)`: the old value is gone once it was found, whatever follows.
    pub(super) fn sys_handle_replace(&mut self, caller: Caller, args: &Args) -> Result {
        let (handle, rights, out) = (args.half(0), Rights(args.half(1)), args.word(2));
        let entry = self.take(caller, handle)?;
        let given = narrow(entry, rights).and_then(|rights| self.give(caller, entry.object, rights, out));
        self.drop_handle(entry);
        given.map(|_| ())
    }
}

/// The rights asked for: a subset of what there is, or all of it.
fn narrow(entry: HandleEntry, rights: Rights) -> Result<Rights> {
    match rights {
        Rights::SAME_RIGHTS => Ok(entry.rights),
        subset if entry.rights.contains(subset) => Ok(subset),
        _ => Err(Status::INVALID_ARGS),
    }
}
