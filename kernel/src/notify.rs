//! Telling ports and threads of signals: arming notices, telling them, taking them back.
//!
//! Any number of notices can hang on one object, so a change of its signals tells a bounded number of them. The
//! rest is a *sweep* that goes on, piece by piece, on the way out of the kernel, before that CPU runs a thread
//! again. A sweep goes round the object's queue, which grows at its end only, until every notice has been looked at
//! since the last signal came. Nothing is armed on an object that is being swept, so a notice is never told of a
//! signal that came before it.
use abi::port::{PortPacket, WAIT_MANY_MAX_ITEMS, WaitItem};
use abi::{AbiStruct, Handle, Signals, Status, status::Result};

use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::object::notice::{News, Recipient, Watch};
use crate::object::thread::{Outcome, Word};
use crate::object::{Lookout, Notice, ObjectRef, Port, Process, Thread, Wait, Watched};
use crate::ports::Machine;

/// Notices that are looked at in one piece.
pub(crate) const NOTICES_A_PIECE: u32 = 64;

/// Through which handle a notice is made, and to what object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Through {
    pub process: Id<Process>,
    pub handle: Handle,
    pub object: ObjectRef,
}

impl<M: Machine> Kernel<M> {
    /// Makes sure that a process can arm `count` notices.
    ///
    /// # Errors
    /// `NO_MEMORY`; nothing changed.
    pub(crate) fn reserve_notices(&mut self, process: Id<Process>, count: usize) -> Result {
        let objects = &mut self.objects;
        objects.notices.reserve_many(count)?;
        objects.watched.reserve_many(count)?;
        objects.lookouts.reserve_many(count)?;
        objects.get_mut(process)?.lookouts.reserve(count).map_err(Status::from)
    }

    /// Makes a notice that waits for signals. Its room was reserved.
    ///
    /// # Errors
    /// `NO_MEMORY` if it was not.
    pub(crate) fn arm_notice(
        &mut self,
        notice: Notice,
        through: Through,
        is_edge: bool,
    ) -> Result<Id<Notice>> {
        let id = self.objects.notices.insert(notice)?;
        let watched = self.watched_of(through.object)?;
        let lookout = self.lookout_of(through)?;
        let objects = &mut self.objects;
        let notice = objects.notices.get_mut(id).ok_or(Status::INTERNAL)?;
        let to = notice.to;
        let is_item = matches!(to, Recipient::Thread(_));
        notice.watch = Some(Watch { watched, lookout, is_item, is_edge });
        notice.is_armed = true;
        if let Some(watched) = objects.watched.get_mut(watched) {
            watched.notices.push(&mut objects.notices, id);
        }
        match to {
            Recipient::Port(port) => {
                if let Some(lookout) = objects.lookouts.get_mut(lookout) {
                    lookout.packets.push(&mut objects.notices, id);
                }
                if let Some(port) = objects.ports.get_mut(port) {
                    port.armed.push(&mut objects.notices, id);
                }
            }
            Recipient::Thread(thread) => {
                if let Some(lookout) = objects.lookouts.get_mut(lookout) {
                    lookout.items.push(&mut objects.notices, id);
                }
                if let Some(thread) = objects.threads.get_mut(thread) {
                    thread.told.push(&mut objects.notices, id);
                }
            }
        }
        Ok(id)
    }

    /// Whether an object's signals are being told: nothing is armed on it meanwhile.
    pub(crate) fn is_swept(&self, object: ObjectRef) -> bool {
        let watched = self.objects.header(object).and_then(|header| header.watched);
        watched
            .and_then(|watched| self.objects.watched.get(watched))
            .is_some_and(|watched| watched.is_sweeping)
    }

    /// Tells those who hang on an object of signals that it has got.
    pub(crate) fn notify(&mut self, id: Id<Watched>, rising: Signals) {
        let Some(watched) = self.objects.watched.get_mut(id) else { return };
        watched.news = watched.news | rising;
        watched.left = watched.notices.len();
        if watched.is_sweeping || self.sweep_piece(id) {
            return;
        }
        let objects = &mut self.objects;
        if let Some(watched) = objects.watched.get_mut(id) {
            watched.is_sweeping = true;
            objects.sweeps.push(&mut objects.watched, id);
            self.schedule.attention = true;
        }
    }

    /// Does a piece of the sweep that has waited longest; whether there is more to do.
    pub(crate) fn sweep(&mut self) -> bool {
        let Some(id) = self.objects.sweeps.first() else { return false };
        if self.sweep_piece(id) {
            let objects = &mut self.objects;
            // One whose last notice was told has left the queue already.
            if let Some(watched) = objects.watched.get_mut(id) {
                watched.is_sweeping = false;
                objects.sweeps.remove(&mut objects.watched, id);
            }
        }
        !self.objects.sweeps.is_empty()
    }

    /// Looks at some of an object's notices; whether all have been looked at.
    fn sweep_piece(&mut self, id: Id<Watched>) -> bool {
        for _ in 0..NOTICES_A_PIECE {
            let objects = &mut self.objects;
            let Some(watched) = objects.watched.get_mut(id) else { return true };
            let Some(at) = watched.cursor.or(watched.notices.first()).filter(|_| watched.left > 0) else {
                break;
            };
            watched.left -= 1;
            watched.cursor = watched.notices.next(&objects.notices, at);
            let news = watched.news;
            if objects.notices.get(at).is_some_and(|notice| notice.signals().trigger.intersects(news)) {
                self.tell(at, news);
            }
        }
        let Some(watched) = self.objects.watched.get_mut(id) else { return true };
        if watched.left > 0 {
            return false;
        }
        (watched.news, watched.cursor) = (Signals::NONE, None);
        true
    }

    /// Tells a notice that its signals have come; they may be gone again.
    pub(crate) fn tell(&mut self, id: Id<Notice>, came: Signals) {
        let Some(notice) = self.objects.notices.get(id) else { return };
        let (to, mut news, Some(watch)) = (notice.to, notice.signals(), notice.watch) else { return };
        let objects = &self.objects;
        let closed = objects.lookouts.get(watch.lookout).is_none_or(|lookout| lookout.is_closed);
        let is_deaf = match to {
            Recipient::Port(port) => objects.ports.get(port).is_none_or(|port| port.header.handles == 0),
            Recipient::Thread(_) => false,
        };
        if closed || is_deaf {
            self.discard(id);
            return;
        }
        news.observed = self.signals_of(watch.watched) | (came & news.trigger);
        news.timestamp = if news.is_timed { self.now() } else { 0 };
        self.leave_object(id);
        if let Some(notice) = self.objects.notices.get_mut(id) {
            notice.news = News::Signals(news);
        }
        match to {
            Recipient::Port(port) => {
                if let Some(state) = self.objects.ports.get_mut(port) {
                    state.armed.remove(&mut self.objects.notices, id);
                }
                self.post_packet(port, id);
            }
            Recipient::Thread(thread) => {
                self.leave_handle(id);
                self.wake_with_items(thread, Status::OK);
            }
        }
    }

    /// Gives a packet, which no queue has, to the thread that has waited longest, or queues it.
    pub(crate) fn post_packet(&mut self, port: Id<Port>, id: Id<Notice>) {
        let objects = &mut self.objects;
        let Some(state) = objects.ports.get_mut(port) else { return };
        let Some(waiter) = state.first_waiter else {
            let is_user = objects.notices.get(id).is_some_and(Notice::is_user);
            state.user_packets += u32::from(is_user);
            state.packets.push(&mut objects.notices, id);
            return;
        };
        self.hand_over(port, waiter, id);
    }

    fn hand_over(&mut self, port: Id<Port>, waiter: Id<Thread>, id: Id<Notice>) {
        let objects = &mut self.objects;
        let Some(thread) = objects.threads.get_mut(waiter) else { return };
        let Wait::Port { packet, .. } = thread.wait else { return };
        thread.told.push(&mut objects.notices, id);
        if let Some(notice) = objects.notices.get_mut(id) {
            notice.to = Recipient::Thread(waiter);
        }
        self.wake(waiter, Outcome { status: Status::OK, word: Word::Packet { port, at: packet } });
    }

    fn wake_with_items(&mut self, id: Id<Thread>, status: Status) {
        if let Some(Wait::Many { items }) = self.objects.threads.get(id).map(|thread| thread.wait) {
            self.wake(id, Outcome { status, word: Word::Items(items) });
        }
    }

    /// Takes the packet out that is next in a port.
    pub(crate) fn take_packet(&mut self, port: Id<Port>) -> Option<PortPacket> {
        let id = self.objects.ports.get(port)?.packets.first()?;
        let packet = self.objects.notices.get(id)?.packet();
        self.discard(id);
        Some(packet)
    }

    /// Ends what was made through a handle that is closed or sent away: threads learn it at once, packets to be
    /// are taken back by the reaper, and packets that are there stay.
    pub(crate) fn close_lookout(&mut self, process: Id<Process>, handle: Handle) {
        let objects = &mut self.objects;
        let Some(process) = objects.processes.get_mut(process) else { return };
        if process.lookouts.is_empty() {
            return;
        }
        let Some(id) = process.lookouts.remove(u64::from(handle)) else { return };
        let Some(lookout) = objects.lookouts.get_mut(id) else { return };
        lookout.is_closed = true;
        objects.closed.push(&mut objects.lookouts, id);
        self.schedule.attention = true;
        while let Some(item) = self.objects.lookouts.get(id).and_then(|lookout| lookout.items.first()) {
            self.cancel_item(item);
        }
    }

    /// Takes one thing away that was made through a handle which is closed; whether there was one.
    pub(crate) fn reap_closed(&mut self) -> bool {
        let Some(lookout) = self.objects.closed.first() else { return false };
        let first = self.objects.lookouts.get(lookout).and_then(|lookout| lookout.packets.first());
        let Some(id) = first else { return false };
        match self.objects.notices.get(id).map(|notice| notice.is_armed) {
            Some(true) => self.discard(id),
            _ => self.leave_handle(id),
        }
        true
    }

    /// Ends one part of what a port is told; whether there was one.
    pub(crate) fn reap_port_part(&mut self, id: Id<Port>) -> bool {
        let Some(port) = self.objects.ports.get(id) else { return false };
        if let Some(waiter) = port.first_waiter {
            self.wake(waiter, Outcome { status: Status::CANCELED, word: Word::None });
            return true;
        }
        let Some(notice) = port.armed.first().or(port.packets.first()) else { return false };
        self.discard(notice);
        true
    }

    fn cancel_item(&mut self, id: Id<Notice>) {
        let Some(notice) = self.objects.notices.get(id) else { return };
        let (to, mut news) = (notice.to, notice.signals());
        news.observed = self.observed(id) | Signals::HANDLE_CLOSED;
        self.leave_object(id);
        self.leave_handle(id);
        if let Some(notice) = self.objects.notices.get_mut(id) {
            notice.news = News::Signals(news);
        }
        if let Recipient::Thread(thread) = to {
            self.wake_with_items(thread, Status::CANCELED);
        }
    }

    /// Writes a thread's items back and forgets them; the status that its call then has.
    pub(crate) fn deliver_items(&mut self, id: Id<Thread>, items: u64, status: Status) -> Status {
        let mut bytes = [0; WAIT_MANY_MAX_ITEMS * WaitItem::SIZE];
        let mut status = status;
        let mut count = 0;
        for place in bytes.as_chunks_mut::<{ WaitItem::SIZE }>().0 {
            let Some(notice) = self.objects.threads.get(id).and_then(|thread| thread.told.first()) else {
                break;
            };
            let pending = self.observed(notice);
            if pending.intersects(Signals::HANDLE_CLOSED) {
                status = Status::CANCELED;
            }
            if let Some(notice) = self.objects.notices.get(notice) {
                let waitfor = notice.signals().trigger.0;
                WaitItem { handle: notice.key as u32, waitfor, pending: pending.0 }.put(place);
            }
            self.discard(notice);
            count += 1;
        }
        let written = bytes.get(..count * WaitItem::SIZE).unwrap_or(&[]);
        let Some(process) = self.objects.threads.get(id).map(|thread| thread.process) else { return status };
        self.copy_out(process, items, written).err().unwrap_or(status)
    }

    /// Writes the packet that a thread got, and forgets it; the status that its call then has.
    pub(crate) fn deliver_packet(&mut self, id: Id<Thread>, at: u64) -> Status {
        let Some(thread) = self.objects.threads.get(id) else { return Status::INTERNAL };
        let (process, Some(notice)) = (thread.process, thread.told.first()) else { return Status::INTERNAL };
        let packet = self.objects.notices.get(notice).map(Notice::packet);
        self.discard(notice);
        packet.map_or(Status::INTERNAL, |packet| {
            self.packet_out(process, at, &packet).err().unwrap_or(Status::OK)
        })
    }

    /// Writes a packet to a program, if it wants it.
    ///
    /// # Errors
    /// As for any copy; the packet is lost.
    pub(crate) fn packet_out(&mut self, process: Id<Process>, at: u64, packet: &PortPacket) -> Result {
        let mut bytes = [0; PortPacket::SIZE];
        packet.put(&mut bytes);
        if at == 0 { Ok(()) } else { self.copy_out(process, at, &bytes) }
    }

    /// Takes away what a thread that ends was told. A packet that it did not come to read is the next one's.
    pub(crate) fn forget_told(&mut self, id: Id<Thread>) {
        let word = self.objects.threads.get(id).and_then(|thread| thread.outcome).map(|outcome| outcome.word);
        while let Some(notice) = self.objects.threads.get(id).and_then(|thread| thread.told.first()) {
            match word {
                Some(Word::Packet { port, .. }) => self.give_back(id, port, notice),
                _ => self.discard(notice),
            }
        }
    }

    fn give_back(&mut self, from: Id<Thread>, port: Id<Port>, id: Id<Notice>) {
        let objects = &mut self.objects;
        let Some(state) = objects.ports.get_mut(port).filter(|port| port.header.handles > 0) else {
            self.discard(id);
            return;
        };
        if let Some(thread) = objects.threads.get_mut(from) {
            thread.told.remove(&mut objects.notices, id);
        }
        let Some(notice) = objects.notices.get_mut(id) else { return };
        notice.to = Recipient::Port(port);
        if let Some(waiter) = state.first_waiter {
            self.hand_over(port, waiter, id);
        } else {
            state.user_packets += u32::from(notice.is_user());
            state.packets.push_front(&mut objects.notices, id);
        }
    }

    /// What the object has now, of an armed notice; what it had, of another.
    fn observed(&self, id: Id<Notice>) -> Signals {
        let Some(notice) = self.objects.notices.get(id) else { return Signals::NONE };
        match notice.watch {
            Some(watch) if notice.is_armed => self.signals_of(watch.watched),
            _ => notice.signals().observed,
        }
    }

    fn signals_of(&self, watched: Id<Watched>) -> Signals {
        let object = self.objects.watched.get(watched).map(|watched| watched.object);
        object.and_then(|object| self.objects.header(object)).map_or(Signals::NONE, |header| header.signals)
    }

    /// Takes a notice out of everything, whatever it is.
    pub(crate) fn discard(&mut self, id: Id<Notice>) {
        let objects = &mut self.objects;
        let Some(notice) = objects.notices.get(id) else { return };
        match notice.to {
            Recipient::Thread(thread) => {
                if let Some(thread) = objects.threads.get_mut(thread) {
                    thread.told.remove(&mut objects.notices, id);
                }
            }
            Recipient::Port(port) => {
                let (is_armed, is_user) = (notice.is_armed, notice.is_user());
                if let Some(port) = objects.ports.get_mut(port) {
                    port.user_packets = port.user_packets.saturating_sub(u32::from(is_user));
                    let queue = if is_armed { &mut port.armed } else { &mut port.packets };
                    queue.remove(&mut objects.notices, id);
                }
            }
        }
        self.leave_object(id);
        self.leave_handle(id);
        self.objects.notices.remove(id);
    }

    /// Takes a notice off its object, if it hangs there.
    fn leave_object(&mut self, id: Id<Notice>) {
        let objects = &mut self.objects;
        let Some(notice) = objects.notices.get_mut(id) else { return };
        if !core::mem::replace(&mut notice.is_armed, false) {
            return;
        }
        let Some(place) = notice.watch.map(|watch| watch.watched) else { return };
        let Some(watched) = objects.watched.get_mut(place) else { return };
        if watched.cursor == Some(id) {
            watched.cursor = watched.notices.next(&objects.notices, id);
        }
        watched.notices.remove(&mut objects.notices, id);
        if !watched.notices.is_empty() {
            return;
        }
        let (object, is_sweeping) = (watched.object, watched.is_sweeping);
        if is_sweeping {
            objects.sweeps.remove(&mut objects.watched, place);
        }
        objects.watched.remove(place);
        if let Some(header) = objects.header_mut(object) {
            header.watched = None;
        }
    }

    /// Takes a notice off the handle that it was made through, if it hangs there.
    fn leave_handle(&mut self, id: Id<Notice>) {
        let objects = &mut self.objects;
        let Some(notice) = objects.notices.get_mut(id) else { return };
        let Some(watch) = notice.watch.take() else { return };
        let Some(lookout) = objects.lookouts.get_mut(watch.lookout) else { return };
        let queue = if watch.is_item { &mut lookout.items } else { &mut lookout.packets };
        queue.remove(&mut objects.notices, id);
        if !lookout.items.is_empty() || !lookout.packets.is_empty() {
            return;
        }
        let (process, handle, is_closed) = (lookout.process, lookout.handle, lookout.is_closed);
        if is_closed {
            objects.closed.remove(&mut objects.lookouts, watch.lookout);
        } else if let Some(process) = objects.processes.get_mut(process) {
            process.lookouts.remove(u64::from(handle));
        }
        objects.lookouts.remove(watch.lookout);
    }

    fn watched_of(&mut self, object: ObjectRef) -> Result<Id<Watched>> {
        let header = self.objects.header(object).ok_or(Status::INTERNAL)?;
        if let Some(watched) = header.watched {
            return Ok(watched);
        }
        let watched = self.objects.watched.insert(Watched::new(object))?;
        self.objects.header_mut(object).ok_or(Status::INTERNAL)?.watched = Some(watched);
        Ok(watched)
    }

    fn lookout_of(&mut self, through: Through) -> Result<Id<Lookout>> {
        let Through { process, handle, .. } = through;
        let objects = &mut self.objects;
        if let Some(lookout) = objects.get(process)?.lookouts.get(u64::from(handle)) {
            return Ok(*lookout);
        }
        let lookout = objects.lookouts.insert(Lookout::new(process, handle))?;
        objects.get_mut(process)?.lookouts.try_insert(u64::from(handle), lookout).map_err(Status::from)?;
        Ok(lookout)
    }
}
