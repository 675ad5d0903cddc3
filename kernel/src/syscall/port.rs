//! `zx_port_*`.
use abi::policy::Condition;
use abi::port::{BIND_TO_INTERRUPT, MAX_USER_PACKETS, PortPacket};
use abi::{AbiStruct, Handle, Rights, Status, status::Result};

use super::{Args, Arguments, Caller, Exit};
use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::notify::NOTICES_A_PIECE;
use crate::object::notice::{News, Recipient};
use crate::object::thread::Search;
use crate::object::{Notice, Object, ObjectRef, Port, Wait};
use crate::ports::Machine;

/// Whose packets `zx_port_cancel` and `zx_port_cancel_key` take back.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// Those that were made through this handle.
    Handle(Handle),
    /// Anybody's.
    Any,
}

impl<M: Machine> Kernel<M> {
    /// `zx_port_create(options, out)`: the policy comes first here.
    pub(super) fn sys_port_create(&mut self, caller: Caller, args: &Args) -> Result {
        self.enforce(caller, Condition::NewPort)?;
        if args.half(0) & !BIND_TO_INTERRUPT != 0 {
            return Err(Status::INVALID_ARGS);
        }
        let koid = self.objects.allocate_koid();
        let id = self.objects.ports.insert(Port::new(koid))?;
        self.give(caller, ObjectRef::Port(id), Port::DEFAULT_RIGHTS, args.word(1)).map(|_| ())
    }

    /// `zx_port_queue(handle, packet)`: the packet comes out as one of the user's, whatever its type says.
    pub(super) fn sys_port_queue(&mut self, caller: Caller, args: &Args) -> Result {
        let port = self.object::<Port>(caller, args.half(0), Rights::WRITE)?;
        let mut bytes = [0; PortPacket::SIZE];
        self.copy_in(caller.process, args.word(1), &mut bytes)?;
        let PortPacket { key, status, payload, .. } = PortPacket::get(&bytes);
        if self.objects.get(port)?.user_packets >= MAX_USER_PACKETS {
            return Err(Status::SHOULD_WAIT);
        }
        let notice = Notice::new(Recipient::Port(port), key, News::User { status, payload });
        let id = self.objects.notices.insert(notice)?;
        self.post_packet(port, id);
        Ok(())
    }

    /// `zx_port_wait(handle, deadline, packet)`: the packet that came first goes to the thread that came first.
    /// A null pointer drops it; a bad one loses it.
    pub(super) fn sys_port_wait(&mut self, caller: Caller, args: &Args) -> Result<Exit> {
        let (deadline, at) = (args.word(1) as i64, args.word(2));
        let port = self.object::<Port>(caller, args.half(0), Rights::READ)?;
        if let Some(packet) = self.take_packet(port) {
            return self.packet_out(caller.process, at, &packet).map(|()| Exit::Done);
        }
        if deadline <= self.now() {
            return Err(Status::TIMED_OUT);
        }
        self.park(caller.thread, Wait::Port { port, packet: at }, deadline);
        Ok(Exit::Parked)
    }

    /// `zx_port_cancel(handle, source, key)`.
    pub(super) fn sys_port_cancel(&mut self, caller: Caller, args: &Args) -> Result<Exit> {
        let (source, key) = (args.half(1), args.word(2));
        let port = self.object::<Port>(caller, args.half(0), Rights::WRITE)?;
        let entry = self.entry(caller, source)?;
        if !entry.rights.contains(Rights::WAIT) {
            return Err(Status::ACCESS_DENIED);
        }
        self.cancel_packets(caller, port, Source::Handle(source), key)
    }

    /// `zx_port_cancel_key(handle, options, key)`: packets from anywhere.
    pub(super) fn sys_port_cancel_key(&mut self, caller: Caller, args: &Args) -> Result<Exit> {
        if args.half(1) != 0 {
            return Err(Status::INVALID_ARGS);
        }
        let port = self.object::<Port>(caller, args.half(0), Rights::WRITE)?;
        self.cancel_packets(caller, port, Source::Any, args.word(2))
    }

    /// Takes packets and packets to be with this key back, a piece of the list at a time. What was found so far,
    /// and where the search goes on, is kept with the thread.
    fn cancel_packets(&mut self, caller: Caller, port: Id<Port>, source: Source, key: u64) -> Result<Exit> {
        let before = self.objects.get_mut(caller.thread)?.search.take();
        let mut found = before.is_some_and(|search| search.found);
        let from = before.map(|search| search.at).filter(|&id| self.is_among(caller, port, source, id));
        let mut at = from.or_else(|| self.first_packet(caller, port, source));
        for _ in 0..NOTICES_A_PIECE {
            let Some(id) = at else { break };
            at = self.packet_after(caller, port, source, id);
            let meant = |notice: &Notice| notice.key == key && notice.to == Recipient::Port(port);
            if self.objects.notices.get(id).is_some_and(meant) {
                self.discard(id);
                found = true;
            }
        }
        match at {
            Some(at) => {
                self.objects.get_mut(caller.thread)?.search = Some(Search { at, found });
                Ok(Exit::Again)
            }
            None if found => Ok(Exit::Done),
            None => Err(Status::NOT_FOUND),
        }
    }

    /// The first of the packets among which a search goes on.
    fn first_packet(&self, caller: Caller, port: Id<Port>, source: Source) -> Option<Id<Notice>> {
        match source {
            Source::Handle(handle) => {
                let lookout = self.objects.processes.get(caller.process)?.lookouts.get(u64::from(handle))?;
                self.objects.lookouts.get(*lookout)?.packets.first()
            }
            Source::Any => {
                let port = self.objects.ports.get(port)?;
                port.armed.first().or(port.packets.first())
            }
        }
    }

    /// The next of these packets. What is told while the search goes on moves from the armed ones to the end of
    /// those that are there, and so is found nevertheless.
    fn packet_after(
        &self,
        caller: Caller,
        port: Id<Port>,
        source: Source,
        id: Id<Notice>,
    ) -> Option<Id<Notice>> {
        let objects = &self.objects;
        match source {
            Source::Handle(handle) => {
                let lookout = objects.processes.get(caller.process)?.lookouts.get(u64::from(handle))?;
                objects.lookouts.get(*lookout)?.packets.next(&objects.notices, id)
            }
            Source::Any => {
                let port = objects.ports.get(port)?;
                if objects.notices.get(id)?.is_armed {
                    port.armed.next(&objects.notices, id).or(port.packets.first())
                } else {
                    port.packets.next(&objects.notices, id)
                }
            }
        }
    }

    /// Whether a packet is still among those of a search.
    fn is_among(&self, caller: Caller, port: Id<Port>, source: Source, id: Id<Notice>) -> bool {
        let Some(notice) = self.objects.notices.get(id) else { return false };
        match source {
            Source::Handle(handle) => {
                let lookout = notice.watch.and_then(|watch| self.objects.lookouts.get(watch.lookout));
                lookout.is_some_and(|lookout| {
                    !lookout.is_closed && lookout.process == caller.process && lookout.handle == handle
                }) && notice.watch.is_some_and(|watch| !watch.is_item)
            }
            Source::Any => notice.to == Recipient::Port(port),
        }
    }
}
