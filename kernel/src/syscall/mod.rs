//! System calls: one dispatcher, one file for each family.
//!
//! A call takes the same steps in the same order: arguments that are wrong in themselves, policy, handles
//! (BAD_HANDLE, then WRONG_TYPE, then ACCESS_DENIED), the object's rules, memory, and last of all what is
//! written to the program. Whatever fails leaves nothing behind.

mod channel;
mod child;
mod debug;
mod dma;
mod event;
mod futex;
mod handle;
mod info;
mod job;
mod object;
mod port;
mod process_memory;
mod region;
mod resource;
mod task;
mod time;
mod vmar;
mod vmar_page;
mod vmar_range;
mod vmo;
mod vmo_memory;
mod vmo_range;
mod wait;

use abi::policy::Condition;
use abi::status::Result;
use abi::vdso::site;
use abi::{Handle, Rights, Status, Sysno};

use crate::collections::arena::Id;
pub(crate) use crate::cpus::Caller;
use crate::kernel::Kernel;
use crate::memory::user::write_shown;
use crate::object::{HandleEntry, Object, ObjectRef, Process, Thread};
use crate::ports::{Called, Frame, Machine, Rest};

/// Bytes of an `svc` instruction: how far a call is set back to be made again.
const SVC_SIZE: u64 = 4;

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
pub(crate) use crate::ports::Frame as Args;

trait Arguments {
    /// Argument `n` as it is.
    fn word(&self, n: usize) -> u64;

    /// Argument `n` of 32 bits: the upper half does not count.
    fn half(&self, n: usize) -> u32 {
        self.word(n) as u32
    }

    /// Changes argument `n` for the next round of the same call.
    fn set(&mut self, n: usize, value: u64);
}

impl Arguments for Args {
    #[inline]
    fn word(&self, n: usize) -> u64 {
        self.r.get(n).copied().unwrap_or(0)
    }

    #[inline]
    fn set(&mut self, n: usize, value: u64) {
        if let Some(register) = self.r.get_mut(n) {
            *register = value;
        }
    }
}

/// Puts a call's result where the program finds it.
pub(crate) fn set_result(frame: &mut Frame, status: Status) {
    frame.r[0] = i64::from(status.0) as u64;
}

/// A call that has nothing more to say than how it went.
fn done(result: Result) -> Result<Exit> {
    result.map(|()| Exit::Done)
}

/// What a call left, in one register: 0 or less is its status, then come two numbers of [`Exit`]'s, and how many bytes it
/// gave. [`Kernel::answered`] makes of it what the CPU does; 0 is success, and nothing more to do for the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Answer(i64);

impl Answer {
    const DONE: Self = Self(0);
    const PARKED: Self = Self(1);
    const AGAIN: Self = Self(2);

    /// Of a call that gives some bytes, and says how many.
    fn bytes(result: Result<u32>) -> Self {
        match result {
            Ok(0) => Self(0),
            Ok(bytes) => Self(i64::from(bytes) + Self::AGAIN.0),
            Err(status) => Self(i64::from(status.0)),
        }
    }

    /// What a call that is not over with a status leaves to be done.
    fn left(self) -> Called {
        match self {
            Self::PARKED => Called::WAITS,
            Self::AGAIN => Called { status: 0, rest: Rest::Again },
            Self(more) => Called { status: more.wrapping_sub(Self::AGAIN.0), rest: Rest::Leave },
        }
    }
}

impl From<Status> for Answer {
    #[inline(always)]
    fn from(status: Status) -> Self {
        Self(i64::from(status.0))
    }
}

impl From<Result<Exit>> for Answer {
    #[inline(always)]
    fn from(result: Result<Exit>) -> Self {
        match result {
            Ok(Exit::Done) => Self(0),
            Ok(Exit::Again) => Self::AGAIN,
            Ok(Exit::Parked | Exit::Gone) => Self::PARKED,
            Err(status) => Self(i64::from(status.0)),
        }
    }
}

/// A call's implementation: of the kernel, the thread that calls, its process, and the call's registers.
pub type Call<M> = extern "C" fn(&mut Kernel<M>, Id<Thread>, Id<Process>, &mut Frame) -> Answer;

impl<M: Machine> Kernel<M> {
    /// Handles `svc`: X16 has the number, X0 to X7 the arguments. Of the frame, only those, X18, X29, X30 and
    /// the PC need to be there; what looks at more is left to [`Kernel::complete`].
    #[inline(always)]
    pub(crate) fn syscall(&mut self, frame: &mut Frame) -> Called {
        let here = self.schedule.here();
        let Some(caller) = here.current.get() else {
            // The CPU belongs to nobody: it looks for something else to do.
            self.schedule.attention = true;
            return Called::WAITS;
        };
        let number = frame.r[16];
        let from_site = here.vdso_code.wrapping_add(site(number)) == frame.pc;
        match Self::CALLS.get(number as usize) {
            Some(call) if from_site => self.make(*call, caller, frame),
            _ => self.syscall_from_elsewhere(caller, frame),
        }
    }

    /// Makes a call. Nothing is kept over it but the kernel: what is not plain is left to the second half.
    fn make(&mut self, call: Call<M>, caller: Caller, frame: &mut Frame) -> Called {
        let answer = call(self, caller.thread, caller.process, frame);
        self.answered(answer)
    }

    /// What a call leaves to be done once it has been made ([`Kernel::CALLS`]).
    pub fn answered(&mut self, answer: Answer) -> Called {
        if answer.0 > 0 {
            return answer.left();
        }
        if answer.0 == i64::from(Status::BAD_HANDLE.0) && !self.schedule.here().allows(Condition::BadHandle) {
            return Called { status: answer.0, rest: Rest::BadHandle };
        }
        Called { status: answer.0, rest: if self.schedule.attention { Rest::Leave } else { Rest::Nothing } }
    }

    /// The rest of [`Kernel::syscall`]: there is no such call, or it did not come from where the vDSO was last.
    #[cold]
    #[inline(never)]
    fn syscall_from_elsewhere(&mut self, caller: Caller, frame: &mut Frame) -> Called {
        match Self::CALLS.get(frame.r[16] as usize) {
            Some(call) if self.comes_from_vdso(caller.process, frame.r[16], frame.pc) => {
                self.make(*call, caller, frame)
            }
            _ => Called::REFUSED,
        }
    }

    /// The caller once more, for what a call does seldom: it keeps nothing meanwhile.
    ///
    /// # Errors
    /// `BAD_STATE` if nobody calls.
    fn caller(&self) -> Result<Caller> {
        self.schedule.here().current.get().ok_or(Status::BAD_STATE)
    }

    /// Has a call made again.
    pub(crate) fn repeat(&mut self, frame: &mut Frame) {
        frame.pc = frame.pc.wrapping_sub(SVC_SIZE);
        self.schedule.attention = true;
        // Others get their turn between the pieces, whatever is left of this thread's slice.
        if self.schedule.first_ready.is_some() {
            self.yield_now();
        }
    }

    /// Asks the policy about a call that met a bad handle. The whole frame is there.
    pub(crate) fn report_bad_handle(&mut self, frame: &Frame) {
        if let Some(caller) = self.schedule.here().current.get() {
            self.enforce_bad_handle(caller, frame.r[16], frame.r[1] as u32);
        }
    }

    /// Ends the thread's process for a call that is none. The whole frame is there.
    #[cold]
    pub(crate) fn refuse_call(&mut self, frame: &Frame) {
        if let Some(caller) = self.schedule.here().current.get() {
            self.bad_syscall(caller, frame.r[16], frame);
        }
    }

    /// Whether the call with this number was made by the vDSO's own `svc` for it. If so, the next one is found
    /// out faster.
    fn comes_from_vdso(&mut self, process: Id<Process>, number: u64, pc: u64) -> bool {
        let code = self.objects.processes.get(process).and_then(|process| process.vdso_code);
        let Some(code) = code else { return false };
        self.note_vdso(self.schedule.here_id(), Some(code));
        code.wrapping_add(site(number)) == pc
    }

    /// The calls by number. What is listed and not built answers NOT_SUPPORTED.
    pub const CALLS: [Call<M>; abi::SYSCALLS.len()] = {
        extern "C" fn nothing<M: Machine>(
            _: &mut Kernel<M>,
            _: Id<Thread>,
            _: Id<Process>,
            _: &mut Frame,
        ) -> Answer {
            Status::NOT_SUPPORTED.into()
        }
        let mut calls: [Call<M>; abi::SYSCALLS.len()] = [nothing; abi::SYSCALLS.len()];
        macro_rules! calls {
            ($($name:ident: |$k:tt, $c:tt, $a:tt| $body:expr;)*) => {
                $({
                    extern "C" fn $name<M: Machine>(
                        $k: &mut Kernel<M>,
                        thread: Id<Thread>,
                        process: Id<Process>,
                        $a: &mut Frame,
                    ) -> Answer {
                        let $c = Caller { thread, process };
                        $body.into()
                    }
                    calls[Sysno::$name as usize] = $name;
                })*
            };
        }
        calls! {
            handle_close: |k, c, a| k.sys_handle_close(c, a);
            handle_close_many: |k, c, a| k.sys_handle_close_many(c, a);
            handle_check_valid: |k, c, a| done(k.sys_handle_check_valid(c, a));
            handle_duplicate: |k, c, a| done(k.sys_handle_duplicate(c, a));
            handle_replace: |k, c, a| done(k.sys_handle_replace(c, a));
            object_get_child: |k, c, a| k.in_pieces(c, |k| k.sys_object_get_child(c, a));
            object_get_info: |k, c, a| k.in_pieces(c, |k| k.sys_object_get_info(c, a));
            object_get_property: |k, c, a| done(k.sys_object_get_property(c, a));
            object_set_property: |k, c, a| k.in_pieces(c, |k| k.sys_object_set_property(c, a));
            object_signal: |k, c, a| done(k.sys_object_signal(c, a));
            object_wait_async: |k, c, a| k.sys_object_wait_async(c, a);
            object_wait_many: |k, c, a| k.sys_object_wait_many(c, a);
            object_wait_one: |k, c, a| k.sys_object_wait_one(c, a);
            port_cancel: |k, c, a| k.in_pieces(c, |k| k.sys_port_cancel(c, a));
            port_cancel_key: |k, c, a| k.in_pieces(c, |k| k.sys_port_cancel_key(c, a));
            port_create: |k, c, a| done(k.sys_port_create(c, a));
            port_queue: |k, c, a| done(k.sys_port_queue(c, a));
            port_wait: |k, c, a| k.sys_port_wait(c, a);
            resource_create: |k, c, a| done(k.sys_resource_create(c, a));
            vmo_create: |k, c, a| done(k.sys_vmo_create(c, a));
            vmo_create_physical: |k, c, a| done(k.sys_vmo_create_physical(c, a));
            vmo_create_child: |k, c, a| k.in_pieces(c, |k| k.sys_vmo_create_child(c, a));
            vmo_replace_as_executable: |k, c, a| done(k.sys_vmo_replace_as_executable(c, a));
            vmo_get_size: |k, c, a| done(k.sys_vmo_get_size(c, a));
            vmo_read: |k, c, a| k.sys_vmo_transfer(c, a, vmo::Direction::Read);
            vmo_write: |k, c, a| k.sys_vmo_transfer(c, a, vmo::Direction::Write);
            vmo_set_size: |k, c, a| k.in_pieces(c, |k| k.sys_vmo_set_size(c, a));
            vmo_get_stream_size: |k, c, a| done(k.sys_vmo_get_stream_size(c, a));
            vmo_set_stream_size: |k, c, a| k.in_pieces(c, |k| k.sys_vmo_set_stream_size(c, a));
            vmo_op_range: |k, c, a| k.in_pieces(c, |k| k.sys_vmo_op_range(c, a));
            vmo_set_cache_policy: |k, c, a| k.sys_vmo_set_cache_policy(c, a);
            vmo_create_contiguous: |k, c, a| k.sys_vmo_create_contiguous(c, a);
            iommu_create: |k, c, a| done(k.sys_iommu_create(c, a));
            bti_create: |k, c, a| done(k.sys_bti_create(c, a));
            bti_pin: |k, c, a| k.sys_bti_pin(c, a);
            bti_release_quarantine: |k, c, a| k.sys_bti_release_quarantine(c, a);
            pmt_unpin: |k, c, a| done(k.sys_pmt_unpin(c, a));
            vmar_allocate: |k, c, a| done(k.sys_vmar_allocate(c, a));
            vmar_destroy: |k, c, a| k.sys_vmar_destroy(c, a);
            vmar_map: |k, c, a| if k.map_page(c, a) { Ok(Exit::Done) } else { k.map_slowly(a) };
            vmar_unmap: |k, c, a| if k.unmap_page(c, a) { Ok(Exit::Done) } else { k.unmap_slowly(a) };
            vmar_protect: |k, c, a| k.sys_vmar_protect(c, a);
            vmar_op_range: |k, c, a| k.in_pieces(c, |k| k.sys_vmar_op_range(c, a));
            process_create: |k, c, a| done(k.sys_process_create(c, a));
            process_start: |k, c, a| done(k.sys_process_start(c, a));
            process_read_memory: |k, c, a| k.sys_process_transfer(c, a, vmo::Direction::Read);
            process_write_memory: |k, c, a| k.sys_process_transfer(c, a, vmo::Direction::Write);
            process_exit: |k, c, a| Ok(k.sys_process_exit(c, a));
            thread_create: |k, c, a| done(k.sys_thread_create(c, a));
            thread_start: |k, c, a| done(k.sys_thread_start(c, a));
            thread_exit: |k, c, _| Ok(k.sys_thread_exit(c));
            thread_legacy_yield: |k, _, a| k.sys_thread_legacy_yield(a);
            channel_create: |k, c, a| done(k.sys_channel_create(c, a));
            channel_read: |k, c, a| done(k.sys_channel_read(c, a));
            channel_write: |k, c, a| k.sys_channel_write(c, a);
            event_create: |k, c, a| done(k.sys_event_create(c, a));
            futex_wait: |k, c, a| k.sys_futex_wait(c, a);
            futex_wake: |k, c, a| done(k.sys_futex_wake(c, a));
            job_create: |k, c, a| done(k.sys_job_create(c, a));
            job_set_policy: |k, c, a| done(k.sys_job_set_policy(c, a));
            task_kill: |k, c, a| done(k.sys_task_kill(c, a));
            cprng_draw_once: |k, c, a| k.sys_cprng_draw_once(c, a);
            nanosleep: |k, c, a| k.sys_nanosleep(c, a);
            debuglog_create: |k, c, a| done(k.sys_debuglog_create(c, a));
            debuglog_read: |k, c, a| Answer::bytes(k.sys_debuglog_read(c, a));
            debuglog_write: |k, c, a| done(k.sys_debuglog_write(c, a));
            debug_write: |k, c, a| done(k.sys_debug_write(c, a));
            jacinth_translate: |k, c, a| done(k.sys_jacinth_translate(c, a));
        }
        calls
    };

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
        let (id, own) = self.objects.get(caller.process)?.handles.object_and_rights(handle)?;
        if !own.contains(rights) {
            return Err(Status::ACCESS_DENIED);
        }
        Ok((id, own))
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
        self.add_handle(object);
        self.give_new(caller, object, rights, out)
    }

    /// As [`Kernel::give`], where the object counts that handle already.
    #[inline(never)]
    pub(crate) fn give_new(
        &mut self,
        caller: Caller,
        object: ObjectRef,
        rights: Rights,
        out: u64,
    ) -> Result<Handle> {
        let entry = HandleEntry { object, rights };
        // Nearly always the table has a place, and the program may be written to: then nothing can fail any more.
        if let Some(process) = self.objects.processes.get_mut(caller.process)
            && let Some(place) = process.handles.vacant_at_hand()
            && write_shown(&mut self.machine, out, place.value().to_le_bytes())
        {
            let value = place.value();
            place.fill(entry);
            return Ok(value);
        }
        self.give_slowly(caller, entry, out)
    }

    /// The rest of [`Kernel::give_new`], where memory may be needed.
    #[inline(never)]
    fn give_slowly(&mut self, caller: Caller, entry: HandleEntry, out: u64) -> Result<Handle> {
        let inserted = self.objects.get_mut(caller.process).and_then(|process| process.handles.insert(entry));
        let handle = match inserted {
            Ok(handle) => handle,
            Err(status) => {
                self.drop_handle(entry);
                return Err(status);
            }
        };
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
    #[inline(never)]
    pub(crate) fn take_back(&mut self, caller: Caller, handle: Handle) -> Result {
        let entry = self.objects.get_mut(caller.process)?.handles.remove(handle)?;
        self.close_lookout(caller.process, handle);
        self.close(caller.process, handle, entry);
        Ok(())
    }

    /// The rest of closing a handle, which is out of the table, and of which nobody wants to be told.
    #[inline(always)]
    pub(crate) fn close(&mut self, process: Id<Process>, handle: Handle, entry: HandleEntry) {
        let Some(header) = self.objects.header_mut(entry.object) else { return };
        if header.waiters.is_some() {
            self.cancel_waiters(process, handle, entry.object);
            return self.drop_handle(entry);
        }
        header.handles = header.handles.saturating_sub(1);
        if header.handles == 0 {
            self.collect(entry.object);
        }
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
