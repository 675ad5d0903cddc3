//! `zx_channel_*`.
use abi::policy::Condition;
use abi::processargs::{MAX_BYTES, MAX_HANDLES};
use abi::{Handle, Rights, Signals, Status, status::Result};
use alloc::vec::Vec;

use super::{Args, Arguments, Caller, Exit};
use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::object::channel::MAX_QUEUED;
use crate::object::{Channel, HandleEntry, Message, Object, ObjectRef};
use crate::ports::Machine;

/// Option of `zx_channel_read`: a message that does not fit is thrown away.
const MAY_DISCARD: u32 = 1;

impl<M: Machine> Kernel<M> {
    /// Two ends that name each other.
    pub(crate) fn make_channel(&mut self) -> Result<(Id<Channel>, Id<Channel>)> {
        let (first_koid, second_koid) = (self.objects.allocate_koid(), self.objects.allocate_koid());
        let first = self.objects.channels.insert(Channel::new(first_koid, second_koid))?;
        let second = match self.objects.channels.insert(Channel::new(second_koid, first_koid)) {
            Ok(second) => second,
            Err(status) => {
                self.collect(ObjectRef::Channel(first));
                return Err(status);
            }
        };
        self.objects.get_mut(first)?.peer = Some(second);
        self.objects.get_mut(second)?.peer = Some(first);
        Ok((first, second))
    }

    /// `zx_channel_create(options, out0, out1)`.
    pub(super) fn sys_channel_create(&mut self, caller: Caller, args: &Args) -> Result {
        if args.half(0) != 0 {
            return Err(Status::INVALID_ARGS);
        }
        self.enforce(caller, Condition::NewChannel)?;
        let (first, second) = self.make_channel()?;
        let rights = Channel::DEFAULT_RIGHTS;
        self.give_two(
            caller,
            [
                (ObjectRef::Channel(first), rights, args.word(1)),
                (ObjectRef::Channel(second), rights, args.word(2)),
            ],
        )
    }

    /// `zx_channel_write(handle, options, bytes, num_bytes, handles, num_handles)`: the handles listed
    /// are gone from the caller whatever the outcome.
    pub(super) fn sys_channel_write(&mut self, caller: Caller, args: &mut Args) -> Result<Exit> {
        let (handles, num_handles) = (args.word(4), args.half(5) as usize);
        let before = core::mem::replace(&mut self.objects.get_mut(caller.thread)?.carried, Ok(()));
        let checked = before.and_then(|()| self.check_write(caller, args));
        let mut values = [0; MAX_HANDLES];
        let piece = num_handles.min(MAX_HANDLES);
        let listed = self.handle_list_in(caller, handles, piece, &mut values);
        let rest = if listed.is_ok() { num_handles - piece } else { 0 };
        let checked = checked.and_then(|ready| listed.map(|()| ready));
        let values = values.get(..piece).unwrap_or(&[]);
        let sent = self.send_or_drop(caller, checked, values);
        if rest == 0 {
            return sent.map(|()| Exit::Done);
        }
        // A list this long was refused: what is left of it goes the same way, a piece at a time.
        self.objects.get_mut(caller.thread)?.carried = sent;
        args.set(4, handles.wrapping_add((piece * size_of::<Handle>()) as u64));
        args.set(5, rest as u64);
        Ok(Exit::Again)
    }

    /// Sends a message with the handles of these values, or only takes the handles.
    fn send_or_drop(
        &mut self,
        caller: Caller,
        checked: Result<(Id<Channel>, Message)>,
        values: &[Handle],
    ) -> Result {
        match checked {
            Ok((own, mut message)) => match self.take_handles(caller, own, values, &mut message) {
                Ok(()) => self.send(own, message),
                Err(status) => {
                    self.drop_message(message);
                    Err(status)
                }
            },
            Err(status) => {
                for &value in values {
                    // A value that names nothing has nothing to lose.
                    let _gone = self.take_back(caller, value);
                }
                Err(status)
            }
        }
    }

    fn handle_list_in(
        &mut self,
        caller: Caller,
        address: u64,
        count: usize,
        values: &mut [Handle; MAX_HANDLES],
    ) -> Result {
        let mut bytes = [0; MAX_HANDLES * size_of::<Handle>()];
        let wanted = bytes.get_mut(..count * size_of::<Handle>()).ok_or(Status::OUT_OF_RANGE)?;
        self.copy_in(caller.process, address, wanted)?;
        for (value, raw) in values.iter_mut().zip(wanted.as_chunks().0) {
            *value = Handle::from_le_bytes(*raw);
        }
        Ok(())
    }

    /// Everything about a write but its handles: the message with its bytes, and room for the handles.
    fn check_write(&mut self, caller: Caller, args: &Args) -> Result<(Id<Channel>, Message)> {
        let (handle, options, bytes) = (args.half(0), args.half(1), args.word(2));
        let (num_bytes, num_handles) = (args.half(3) as usize, args.half(5) as usize);
        if options != 0 {
            return Err(Status::INVALID_ARGS);
        }
        let own = self.object::<Channel>(caller, handle, Rights::WRITE)?;
        if num_bytes > MAX_BYTES || num_handles > MAX_HANDLES {
            return Err(Status::OUT_OF_RANGE);
        }
        let mut message = Message::default();
        message.bytes.try_reserve_exact(num_bytes).map_err(|_| Status::NO_MEMORY)?;
        message.handles.try_reserve_exact(num_handles).map_err(|_| Status::NO_MEMORY)?;
        message.bytes.resize(num_bytes, 0);
        self.copy_in(caller.process, bytes, &mut message.bytes)?;
        Ok((own, message))
    }

    /// Moves handles from the caller into a message with room for them. The first error counts; every
    /// handle is taken nevertheless.
    fn take_handles(
        &mut self,
        caller: Caller,
        own: Id<Channel>,
        values: &[Handle],
        message: &mut Message,
    ) -> Result {
        let mut result = Ok(());
        for &value in values {
            let entry = match self.take(caller, value) {
                Ok(entry) => entry,
                Err(status) => {
                    result = result.and(Err(status));
                    continue;
                }
            };
            if !entry.rights.contains(Rights::TRANSFER) {
                result = result.and(Err(Status::ACCESS_DENIED));
            } else if entry.object == ObjectRef::Channel(own) {
                result = result.and(Err(Status::NOT_SUPPORTED));
            }
            message.handles.push(entry);
        }
        result
    }

    /// Queues a message at the other end.
    ///
    /// # Errors
    /// `PEER_CLOSED`, `SHOULD_WAIT` if too many wait there, `NO_MEMORY`; the message is destroyed.
    pub(crate) fn send(&mut self, own: Id<Channel>, message: Message) -> Result {
        let peer = self.objects.channels.get(own).and_then(|channel| channel.peer);
        let queued = match peer.and_then(|peer| self.objects.channels.get_mut(peer)) {
            None => Err(Status::PEER_CLOSED),
            Some(channel) if channel.queue.len() >= MAX_QUEUED => Err(Status::SHOULD_WAIT),
            Some(channel) => channel.queue.try_reserve(1).map_err(|_| Status::NO_MEMORY),
        };
        if let Err(status) = queued {
            self.drop_message(message);
            return Err(status);
        }
        if let Some(peer) = peer {
            if let Some(channel) = self.objects.channels.get_mut(peer) {
                channel.queue.push_back(message);
            }
            self.signal(ObjectRef::Channel(peer), Signals::NONE, Signals::READABLE);
        }
        Ok(())
    }

    fn drop_message(&mut self, message: Message) {
        for entry in message.handles {
            self.drop_handle(entry);
        }
    }

    /// `zx_channel_read(handle, options, bytes, handles, num_bytes, num_handles, actual_bytes, actual_handles)`.
    pub(super) fn sys_channel_read(&mut self, caller: Caller, args: &Args) -> Result {
        let (handle, options, bytes, handles) = (args.half(0), args.half(1), args.word(2), args.word(3));
        let (num_bytes, num_handles) = (args.half(4) as usize, args.half(5) as usize);
        let id = self.object::<Channel>(caller, handle, Rights::READ)?;
        if options & !MAY_DISCARD != 0 {
            return Err(Status::NOT_SUPPORTED);
        }
        let channel = self.objects.get(id)?;
        let Some(message) = channel.queue.front() else {
            return Err(if channel.peer.is_none() { Status::PEER_CLOSED } else { Status::SHOULD_WAIT });
        };
        let (length, count) = (message.bytes.len(), message.handles.len());
        for (address, actual) in [(args.word(6), length), (args.word(7), count)] {
            if address != 0 {
                self.copy_out(caller.process, address, &(actual as u32).to_le_bytes())?;
            }
        }
        if length > num_bytes || count > num_handles {
            if options & MAY_DISCARD != 0
                && let Some(message) = self.receive(id)
            {
                self.drop_message(message);
            }
            return Err(Status::BUFFER_TOO_SMALL);
        }
        self.objects.get_mut(caller.process)?.handles.reserve(count)?;
        let message = self.receive(id).ok_or(Status::INTERNAL)?;
        self.deliver(caller, message, bytes, handles)
    }

    fn receive(&mut self, id: Id<Channel>) -> Option<Message> {
        let channel = self.objects.channels.get_mut(id)?;
        let message = channel.queue.pop_front();
        if channel.queue.is_empty() {
            self.signal(ObjectRef::Channel(id), Signals::READABLE, Signals::NONE);
        }
        message
    }

    /// Hands a message over. If the caller's memory refuses it, the message is lost and nothing leaks.
    fn deliver(&mut self, caller: Caller, message: Message, bytes: u64, handles: u64) -> Result {
        if let Err(status) = self.copy_out(caller.process, bytes, &message.bytes) {
            self.drop_message(message);
            return Err(status);
        }
        let mut raw = [0; MAX_HANDLES * size_of::<Handle>()];
        let mut given: Vec<HandleEntry> = message.handles;
        let mut values = [0; MAX_HANDLES];
        let count = given.len();
        for ((entry, value), place) in given.drain(..).zip(&mut values).zip(raw.as_chunks_mut().0) {
            // The entry counted as a handle in the message and goes on counting here.
            *value = self.objects.get_mut(caller.process)?.handles.insert(entry)?;
            *place = value.to_le_bytes();
        }
        let written = raw.get(..count * size_of::<Handle>()).ok_or(Status::INTERNAL)?;
        if let Err(status) = self.copy_out(caller.process, handles, written) {
            for &value in values.iter().take(count) {
                self.take_back(caller, value)?;
            }
            return Err(status);
        }
        Ok(())
    }
}
