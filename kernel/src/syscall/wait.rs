//! `zx_object_wait_many` and `zx_object_wait_async`: waiting for signals of many objects.
use abi::port::{WAIT_MANY_MAX_ITEMS, WaitItem, wait_async};
use abi::{AbiStruct, Rights, Signals, Status, status::Result};

use super::{Args, Arguments, Caller, Exit};
use crate::kernel::Kernel;
use crate::notify::Through;
use crate::object::notice::{News, Recipient, SignalNews};
use crate::object::{HandleEntry, Notice, ObjectRef, Port, Wait};
use crate::ports::Machine;

/// Bytes of the longest list of items.
const LONGEST_LIST: usize = WAIT_MANY_MAX_ITEMS * WaitItem::SIZE;
const KNOWN_OPTIONS: u32 = wait_async::TIMESTAMP | wait_async::EDGE | wait_async::BOOT_TIMESTAMP;

impl<M: Machine> Kernel<M> {
    /// `zx_object_wait_many(items, num_items, deadline)`: what each object has at the end is written for all.
    pub(super) fn sys_object_wait_many(&mut self, caller: Caller, args: &Args) -> Result<Exit> {
        let (items, count, deadline) = (args.word(0), args.word(1), args.word(2) as i64);
        if count > WAIT_MANY_MAX_ITEMS as u64 {
            return Err(Status::OUT_OF_RANGE);
        }
        let mut bytes = [0; LONGEST_LIST];
        let list = bytes.get_mut(..count as usize * WaitItem::SIZE).ok_or(Status::INTERNAL)?;
        self.copy_in(caller.process, items, list)?;
        let mut is_over = false;
        for place in list.as_chunks_mut::<{ WaitItem::SIZE }>().0 {
            let mut item = WaitItem::get(place);
            let (object, signals) = self.waitable(self.entry(caller, item.handle)?)?;
            if self.is_swept(object) {
                return Ok(Exit::Again);
            }
            item.pending = signals.0;
            item.put(place);
            is_over |= signals.intersects(Signals(item.waitfor));
        }
        if is_over || deadline <= self.now() {
            self.copy_out(caller.process, items, list)?;
            return if is_over { Ok(Exit::Done) } else { Err(Status::TIMED_OUT) };
        }
        self.reserve_notices(caller.process, count as usize)?;
        for raw in list.as_chunks::<{ WaitItem::SIZE }>().0 {
            let WaitItem { handle, waitfor, .. } = WaitItem::get(raw);
            let news = SignalNews { trigger: Signals(waitfor), ..SignalNews::default() };
            let to = Recipient::Thread(caller.thread);
            let object = self.entry(caller, handle)?.object;
            let through = Through { process: caller.process, handle, object };
            self.arm_notice(Notice::new(to, u64::from(handle), News::Signals(news)), through, false)?;
        }
        self.park(caller.thread, Wait::Many { items }, deadline);
        Ok(Exit::Parked)
    }

    /// `zx_object_wait_async(handle, port, key, signals, options)`: one packet, and that is all.
    pub(super) fn sys_object_wait_async(&mut self, caller: Caller, args: &Args) -> Result<Exit> {
        let (handle, key, trigger, options) =
            (args.half(0), args.word(2), Signals(args.half(3)), args.half(4));
        let both = wait_async::TIMESTAMP | wait_async::BOOT_TIMESTAMP;
        if options & !KNOWN_OPTIONS != 0 || options & both == both {
            return Err(Status::INVALID_ARGS);
        }
        let port = self.object::<Port>(caller, args.half(1), Rights::WRITE)?;
        let (object, signals) = self.waitable(self.entry(caller, handle)?)?;
        if self.is_swept(object) {
            // Made again once the signals are told that came before it.
            return Ok(Exit::Again);
        }
        self.reserve_notices(caller.process, 1)?;
        let is_edge = options & wait_async::EDGE != 0;
        // Both clocks are the same one: nothing suspends this machine.
        let is_timed = options & both != 0;
        let count = self.count_of(object, trigger);
        let news = SignalNews { trigger, count, is_timed, ..SignalNews::default() };
        let notice = Notice::new(Recipient::Port(port), key, News::Signals(news));
        let through = Through { process: caller.process, handle, object };
        let id = self.arm_notice(notice, through, is_edge)?;
        if !is_edge && trigger.intersects(signals) {
            self.tell(id, signals);
        }
        Ok(Exit::Done)
    }

    /// The object that a handle lets its holder wait for, with its signals.
    ///
    /// # Errors
    /// `ACCESS_DENIED` without WAIT; `NOT_SUPPORTED` for what has no signals to wait for.
    pub(super) fn waitable(&self, entry: HandleEntry) -> Result<(ObjectRef, Signals)> {
        if !entry.rights.contains(Rights::WAIT) {
            return Err(Status::ACCESS_DENIED);
        }
        if matches!(entry.object, ObjectRef::Resource(_) | ObjectRef::Vmar(_) | ObjectRef::Port(_)) {
            return Err(Status::NOT_SUPPORTED);
        }
        let header = self.objects.header(entry.object).ok_or(Status::INTERNAL)?;
        Ok((entry.object, header.signals))
    }

    /// How much there is to do for who waits for a channel's messages.
    fn count_of(&self, object: ObjectRef, trigger: Signals) -> u64 {
        match object {
            ObjectRef::Channel(id) if trigger.intersects(Signals::READABLE) => {
                self.objects.channels.get(id).map_or(1, |channel| channel.queue.len().max(1) as u64)
            }
            _ => 1,
        }
    }
}
