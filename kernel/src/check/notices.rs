//! What must hold of notices: each belongs to one recipient, and hangs on what it says it hangs on.
use super::{Checked, equal, holds};
use crate::collections::queue::{Place, Queue};
use crate::kernel::Kernel;
use crate::object::notice::{Notice, Recipient};
use crate::object::thread::Word;
use crate::object::{ObjectRef, ThreadState, Wait};
use crate::ports::Machine;

impl<M: Machine> Kernel<M> {
    /// Ports, threads, handles and objects have the notices that are theirs, and no others.
    pub(super) fn check_notices(&self) -> Checked {
        let found = self.check_ports()? + self.check_told()?;
        equal("notices with a recipient", None, self.objects.notices.len() as u64, found)?;
        self.check_watched()?;
        self.check_lookouts()
    }

    /// A queue is whole, and its members are as they must be; how many they are.
    fn check_queue<P: Place<Notice>>(
        &self,
        rule: &'static str,
        object: Option<ObjectRef>,
        queue: &Queue<Notice, P>,
        is_right: impl Fn(&Notice) -> bool,
    ) -> Result<u64, super::Broken> {
        let right = queue.iter(&self.objects.notices).filter(|(_, notice)| is_right(notice)).count();
        equal(rule, object, queue.len() as u64, right as u64)?;
        let last = queue.iter(&self.objects.notices).last().map(|(id, _)| id);
        let end = last.and_then(|last| queue.next(&self.objects.notices, last));
        equal("a queue ends with its last", object, 1, u64::from(last == queue.last() && end.is_none()))?;
        Ok(right as u64)
    }

    fn check_ports(&self) -> Result<u64, super::Broken> {
        let mut found = 0;
        let mut waiting = 0;
        for (id, port) in self.objects.ports.iter() {
            let object = ObjectRef::Port(id);
            let to = Recipient::Port(id);
            let there = |notice: &Notice| notice.to == to && !notice.is_armed;
            found += self.check_queue("packets of a port", Some(object), &port.packets, there)?;
            let armed = |notice: &Notice| notice.to == to && notice.is_armed && notice.watch.is_some();
            found += self.check_queue("packets to be of a port", Some(object), &port.armed, armed)?;
            let user =
                port.packets.iter(&self.objects.notices).filter(|(_, notice)| notice.is_user()).count();
            equal("user packets of a port", Some(object), u64::from(port.user_packets), user as u64)?;
            let (mut at, mut previous) = (port.first_waiter, None);
            let idle = port.header.handles == 0 || port.packets.is_empty();
            holds("nobody waits at a port with packets", object, at.is_none() || idle)?;
            while let Some(thread) = at.and_then(|at| self.objects.threads.get(at)) {
                let waits = matches!(thread.wait, Wait::Port { port, .. } if port == id);
                holds("who is in a port's queue waits there", object, waits && thread.previous == previous)?;
                waiting += 1;
                holds("a port's queue of threads ends", object, waiting <= self.objects.threads.slots())?;
                previous = at;
                at = thread.next;
            }
            holds("a port knows who came last", object, at.is_none() && previous == port.last_waiter)?;
        }
        let threads = self.objects.threads.iter();
        let found_waiting = threads.filter(|(_, thread)| matches!(thread.wait, Wait::Port { .. })).count();
        equal("threads that wait for packets", None, waiting as u64, found_waiting as u64)?;
        Ok(found)
    }

    fn check_told(&self) -> Result<u64, super::Broken> {
        let mut found = 0;
        for (id, thread) in self.objects.threads.iter() {
            let object = ObjectRef::Thread(id);
            let mine = |notice: &Notice| notice.to == Recipient::Thread(id);
            let told = self.check_queue("what a thread is told", Some(object), &thread.told, mine)?;
            let waits = thread.state == ThreadState::Blocked && matches!(thread.wait, Wait::Many { .. });
            let word = thread.outcome.map(|outcome| outcome.word);
            let learns = matches!(word, Some(Word::Items(_) | Word::Packet { .. }));
            holds("who is told something waits or will learn it", object, told == 0 || waits || learns)?;
            found += told;
        }
        Ok(found)
    }

    fn check_watched(&self) -> Checked {
        let mut armed = 0;
        let mut sweeping = 0;
        for (id, watched) in self.objects.watched.iter() {
            let object = watched.object;
            let mine =
                |notice: &Notice| notice.is_armed && notice.watch.is_some_and(|watch| watch.watched == id);
            armed +=
                self.check_queue("notices that hang on an object", Some(object), &watched.notices, mine)?;
            holds("an object on which nothing hangs is not watched", object, !watched.notices.is_empty())?;
            sweeping += usize::from(watched.is_sweeping);
            let there = |at| self.objects.notices.get(at).is_some_and(mine);
            let on = watched.cursor.is_none_or(|at| watched.is_sweeping && there(at));
            holds("a sweep goes on at a notice that is there", object, on)?;
            // Of a closed handle's notices some may be left when the object is gone.
            let Some(header) = self.objects.header(object) else { continue };
            holds("an object knows what hangs on it", object, header.watched == Some(id))?;
            let missed = |notice: &Notice| {
                let is_edge = notice.watch.is_some_and(|watch| watch.is_edge);
                !is_edge && notice.signals().trigger.intersects(header.signals)
            };
            let late = watched.notices.iter(&self.objects.notices).any(|(_, notice)| missed(notice));
            holds("who has been told does not wait", object, watched.is_sweeping || !late)?;
        }
        let found = self.objects.notices.iter().filter(|(_, notice)| notice.is_armed).count();
        equal("armed notices", None, armed, found as u64)?;
        equal("objects that are swept", None, self.objects.sweeps.len() as u64, sweeping as u64)
    }

    fn check_lookouts(&self) -> Checked {
        let mut hanging = 0;
        for (id, lookout) in self.objects.lookouts.iter() {
            let object = ObjectRef::Process(lookout.process);
            let through = move |notice: &Notice, is_item| {
                notice.watch.is_some_and(|watch| watch.lookout == id && watch.is_item == is_item)
            };
            let item = |notice: &Notice| through(notice, true) && notice.is_armed;
            hanging += self.check_queue("items through a handle", Some(object), &lookout.items, item)?;
            let packet = |notice: &Notice| through(notice, false);
            hanging +=
                self.check_queue("packets through a handle", Some(object), &lookout.packets, packet)?;
            let is_bare = lookout.items.is_empty() && lookout.packets.is_empty();
            holds("a handle through which nothing was made is not kept", object, !is_bare)?;
            if lookout.is_closed {
                continue;
            }
            let process = self.objects.processes.get(lookout.process);
            let listed = process.and_then(|process| process.lookouts.get(u64::from(lookout.handle)));
            holds("a process finds what was made through its handles", object, listed == Some(&id))?;
            let entry = process.and_then(|process| process.handles.get(lookout.handle).ok());
            let all = || {
                lookout.packets.iter(&self.objects.notices).chain(lookout.items.iter(&self.objects.notices))
            };
            let right = all().filter(|(_, notice)| notice.is_armed).all(|(_, notice)| {
                let watched = notice.watch.and_then(|watch| self.objects.watched.get(watch.watched));
                entry.is_some_and(|entry| watched.is_some_and(|watched| watched.object == entry.object))
            });
            holds("what was made through a handle hangs on its object", object, right)?;
        }
        let closed = self.objects.lookouts.iter().filter(|(_, lookout)| lookout.is_closed).count();
        equal("closed handles", None, self.objects.closed.len() as u64, closed as u64)?;
        let found = self.objects.notices.iter().filter(|(_, notice)| notice.watch.is_some()).count();
        equal("notices that hang on handles", None, hanging, found as u64)?;
        let listed: usize = self.objects.processes.iter().map(|(_, process)| process.lookouts.len()).sum();
        equal(
            "handles through which something was made",
            None,
            listed as u64,
            (self.objects.lookouts.len() - closed) as u64,
        )
    }
}
