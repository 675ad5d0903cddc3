//! `zx_handle_*`.
use abi::{Rights, Status, status::Result};

use super::{Args, Caller};
use crate::kernel::Kernel;
use crate::object::HandleEntry;
use crate::ports::Machine;

impl<M: Machine> Kernel<M> {
    /// `zx_handle_close(handle)`: closing nothing succeeds.
    pub(super) fn sys_handle_close(&mut self, caller: Caller, args: &Args<'_>) -> Result {
        match args.half(0) {
            abi::object::HANDLE_INVALID => Ok(()),
            handle => self.take_back(caller, handle),
        }
    }

    /// `zx_handle_check_valid(handle)`.
    pub(super) fn sys_handle_check_valid(&mut self, caller: Caller, args: &Args<'_>) -> Result {
        self.entry(caller, args.half(0)).map(|_| ())
    }

    /// `zx_handle_duplicate(handle, rights, out)`.
    pub(super) fn sys_handle_duplicate(&mut self, caller: Caller, args: &Args<'_>) -> Result {
        let (handle, rights, out) = (args.half(0), Rights(args.half(1)), args.word(2));
        let entry = self.entry(caller, handle)?;
        if !entry.rights.contains(Rights::DUPLICATE) {
            return Err(Status::ACCESS_DENIED);
        }
        let rights = narrow(entry, rights)?;
        self.give(caller, entry.object, rights, out).map(|_| ())
    }

    /// `zx_handle_replace(handle, rights, out)`: the old value is gone once it was found, whatever follows.
    pub(super) fn sys_handle_replace(&mut self, caller: Caller, args: &Args<'_>) -> Result {
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
