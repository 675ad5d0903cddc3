//! System calls: one dispatcher, one file for each family.
//!
//! A call takes the same steps in the same order: arguments that are wrong in themselves, policy, handles
//! (BAD_HANDLE, then WRONG_TYPE, then ACCESS_DENIED), the object's rules, memory, and last of all what is
//! written to the program. Whatever fails leaves nothing behind.

mod channel;
mod debug;
mod event;
mod futex;
mod handle;
mod job;
mod object;
mod region;
mod resource;
mod task;
mod time;
mod vmar;
mod vmo;

use abi::status::Result;
use abi::{Handle, Rights, Status, Sysno};

use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::object::{HandleEntry, Object, ObjectRef, Process, Thread};
use crate::ports::{Frame, Machine};

/// Bytes of an `svc` instruction: how far a call is set back to be made again.
const SVC_SIZE: u64 = 4;

/// Who calls.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub thread: Id<Thread>,
    pub process: Id<Process>,
}

/// How a call leaves its thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It returns success.
    Done,
    /// The thread waits; what it learns comes with the event that ends the wait.
    Parked,
    /// A piece is done: the registers hold what remains, and the call is made again.
    Again,
    /// The thread is no more.
    Gone,
}

/// A call's registers, by argument number.
#[derive(Debug)]
pub(crate) struct Args<'a>(&'a mut Frame);

impl Args<'_> {
    /// Argument `n` as it is.
    fn word(&self, n: usize) -> u64 {
        self.0.r.get(n).copied().unwrap_or(0)
    }

    /// Argument `n` of 32 bits: the upper half does not count.
    fn half(&self, n: usize) -> u32 {
        self.word(n) as u32
    }

    /// Changes argument `n` for the next round of the same call.
    fn set(&mut self, n: usize, value: u64) {
        if let Some(register) = self.0.r.get_mut(n) {
            *register = value;
        }
    }
}

/// Puts a call's result where the program finds it.
pub(crate) fn set_result(frame: &mut Frame, status: Status) {
    frame.r[0] = i64::from(status.0) as u64;
}

impl<M: Machine> Kernel<M> {
    /// Handles `svc`: X16 has the number, X0 to X7 the arguments.
    pub(crate) fn syscall(&mut self, frame: &mut Frame) {
        let Some(thread) = self.schedule.here().current else { return };
        let Some(process) = self.objects.threads.get(thread).map(|thread| thread.process) else { return };
        let caller = Caller { thread, process };
        let number = frame.r[16];
        let Some(sysno) = Sysno::from_raw(number).filter(|_| self.comes_from_vdso(process, number, frame.pc))
        else {
            self.bad_syscall(caller, number, frame);
            return;
        };
        match self.dispatch(sysno, caller, &mut Args(frame)) {
            Ok(Exit::Done) => set_result(frame, Status::OK),
            Ok(Exit::Again) => {
                frame.pc = frame.pc.wrapping_sub(SVC_SIZE);
                // Others get their turn between the pieces.
                self.schedule.here_mut().attention = true;
            }
            Ok(Exit::Parked | Exit::Gone) => {}
            Err(status) => {
                set_result(frame, status);
                if status == Status::BAD_HANDLE {
                    self.enforce_bad_handle(caller, sysno, frame.r[1] as u32);
                }
            }
        }
    }

    /// Whether the call with this number was made by the vDSO's own `svc` for it.
    fn comes_from_vdso(&self, process: Id<Process>, number: u64, pc: u64) -> bool {
        let code = self.objects.processes.get(process).and_then(|process| process.vdso_code);
        let site = usize::try_from(number).ok().and_then(|number| self.vdso.sites.get(number)).copied();
        matches!((code, site), (Some(code), Some(site)) if site != u32::MAX && code.wrapping_add(u64::from(site)) == pc)
    }

    fn dispatch(&mut self, sysno: Sysno, caller: Caller, args: &mut Args<'_>) -> Result<Exit> {
        let done = |result: Result| result.map(|()| Exit::Done);
        match sysno {
            Sysno::handle_close => done(self.sys_handle_close(caller, args)),
            Sysno::handle_close_many => self.sys_handle_close_many(caller, args),
            Sysno::handle_check_valid => done(self.sys_handle_check_valid(caller, args)),
            Sysno::handle_duplicate => done(self.sys_handle_duplicate(caller, args)),
            Sysno::handle_replace => done(self.sys_handle_replace(caller, args)),
            Sysno::object_get_info => done(self.sys_object_get_info(caller, args)),
            Sysno::object_get_property => done(self.sys_object_get_property(caller, args)),
            Sysno::object_set_property => done(self.sys_object_set_property(caller, args)),
            Sysno::object_signal => done(self.sys_object_signal(caller, args)),
            Sysno::object_wait_one => self.sys_object_wait_one(caller, args),
            Sysno::resource_create => done(self.sys_resource_create(caller, args)),
            Sysno::vmo_create => done(self.sys_vmo_create(caller, args)),
            Sysno::vmo_create_physical => done(self.sys_vmo_create_physical(caller, args)),
            Sysno::vmo_create_child => done(self.sys_vmo_create_child(caller, args)),
            Sysno::vmo_replace_as_executable => done(self.sys_vmo_replace_as_executable(caller, args)),
            Sysno::vmo_get_size => done(self.sys_vmo_get_size(caller, args)),
            Sysno::vmo_read => self.sys_vmo_transfer(caller, args, vmo::Direction::Read),
            Sysno::vmo_write => self.sys_vmo_transfer(caller, args, vmo::Direction::Write),
            Sysno::vmo_set_cache_policy => done(self.sys_vmo_set_cache_policy(caller, args)),
            Sysno::vmar_allocate => done(self.sys_vmar_allocate(caller, args)),
            Sysno::vmar_destroy => self.sys_vmar_destroy(caller, args),
            Sysno::vmar_map => self.sys_vmar_map(caller, args),
            Sysno::vmar_unmap => self.sys_vmar_unmap(caller, args),
            Sysno::vmar_protect => self.sys_vmar_protect(caller, args),
            Sysno::process_create => done(self.sys_process_create(caller, args)),
            Sysno::process_start => done(self.sys_process_start(caller, args)),
            Sysno::process_exit => Ok(self.sys_process_exit(caller, args)),
            Sysno::thread_create => done(self.sys_thread_create(caller, args)),
            Sysno::thread_start => done(self.sys_thread_start(caller, args)),
            Sysno::thread_exit => Ok(self.sys_thread_exit(caller)),
            Sysno::thread_legacy_yield => self.sys_thread_legacy_yield(args),
            Sysno::channel_create => done(self.sys_channel_create(caller, args)),
            Sysno::channel_read => done(self.sys_channel_read(caller, args)),
            Sysno::channel_write => self.sys_channel_write(caller, args),
            Sysno::event_create => done(self.sys_event_create(caller, args)),
            Sysno::futex_wait => self.sys_futex_wait(caller, args),
            Sysno::futex_wake => done(self.sys_futex_wake(caller, args)),
            Sysno::job_create => done(self.sys_job_create(caller, args)),
            Sysno::job_set_policy => done(self.sys_job_set_policy(caller, args)),
            Sysno::task_kill => done(self.sys_task_kill(caller, args)),
            Sysno::cprng_draw_once => self.sys_cprng_draw_once(caller, args),
            Sysno::nanosleep => self.sys_nanosleep(caller, args),
            Sysno::debuglog_create => done(self.sys_debuglog_create(caller, args)),
            Sysno::debuglog_write => done(self.sys_debuglog_write(caller, args)),
            Sysno::debug_write => done(self.sys_debug_write(caller, args)),
            Sysno::jacinth_translate => done(self.sys_jacinth_translate(caller, args)),
            _ => Err(Status::NOT_SUPPORTED),
        }
    }

    /// What a handle of the caller stands for.
    pub(crate) fn entry(&self, caller: Caller, handle: Handle) -> Result<HandleEntry> {
        self.objects.get(caller.process)?.handles.get(handle)
    }

    /// The object of type `T` behind a handle that has `rights`: BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED.
    pub(crate) fn object<T: Object>(&self, caller: Caller, handle: Handle, rights: Rights) -> Result<Id<T>> {
        self.object_and_rights(caller, handle, rights).map(|(id, _)| id)
    }

    /// As [`Kernel::object`], with all the rights that the handle has.
    pub(crate) fn object_and_rights<T: Object>(
        &self,
        caller: Caller,
        handle: Handle,
        rights: Rights,
    ) -> Result<(Id<T>, Rights)> {
        let entry = self.entry(caller, handle)?;
        let id = T::id(entry.object).ok_or(Status::WRONG_TYPE)?;
        if !entry.rights.contains(rights) {
            return Err(Status::ACCESS_DENIED);
        }
        Ok((id, entry.rights))
    }

    /// Gives the caller a handle to an object and writes its value to `out`. If that cannot be, the object
    /// goes the way of objects without handles.
    pub(crate) fn give(
        &mut self,
        caller: Caller,
        object: ObjectRef,
        rights: Rights,
        out: u64,
    ) -> Result<Handle> {
        let entry = HandleEntry { object, rights };
        let inserted = self.objects.get_mut(caller.process).and_then(|process| process.handles.insert(entry));
        let handle = match inserted {
            Ok(handle) => handle,
            Err(status) => {
                self.collect(object);
                return Err(status);
            }
        };
        self.add_handle(object);
        if let Err(status) = self.copy_out(caller.process, out, &handle.to_le_bytes()) {
            self.take_back(caller, handle)?;
            return Err(status);
        }
        Ok(handle)
    }

    /// Gives the caller two handles, or none.
    pub(crate) fn give_two(&mut self, caller: Caller, pair: [(ObjectRef, Rights, u64); 2]) -> Result {
        let [(first, first_rights, first_out), (second, second_rights, second_out)] = pair;
        let handle = match self.give(caller, first, first_rights, first_out) {
            Ok(handle) => handle,
            Err(status) => {
                self.collect(second);
                return Err(status);
            }
        };
        if let Err(status) = self.give(caller, second, second_rights, second_out) {
            self.take_back(caller, handle)?;
            return Err(status);
        }
        Ok(())
    }

    /// Closes a handle of the caller.
    pub(crate) fn take_back(&mut self, caller: Caller, handle: Handle) -> Result {
        let entry = self.take(caller, handle)?;
        self.drop_handle(entry);
        Ok(())
    }

    /// Takes a handle out of the caller's table; the entry counts as a handle still.
    pub(crate) fn take(&mut self, caller: Caller, handle: Handle) -> Result<HandleEntry> {
        let entry = self.objects.get_mut(caller.process)?.handles.remove(handle)?;
        self.cancel_waits(caller.process, handle, entry.object);
        Ok(entry)
    }

    /// Copies a name in: cut at 31 bytes; INVALID_ARGS for a bad pointer.
    pub(crate) fn name_in(
        &mut self,
        caller: Caller,
        address: u64,
        length: u64,
    ) -> Result<crate::object::Name> {
        let mut bytes = [0; abi::object::MAX_NAME_LEN];
        let length = usize::try_from(length).unwrap_or(usize::MAX).min(bytes.len() - 1);
        let piece = bytes.get_mut(..length).ok_or(Status::INVALID_ARGS)?;
        self.copy_in(caller.process, address, piece)?;
        Ok(crate::object::Name::new(&bytes))
    }
}
