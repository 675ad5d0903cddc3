//! Taking pages of a VMO out of all tables, however many show them.
//!
//! A page whose frame is about to go, or to be shared, must not be shown any more. The mappings that may show
//! it hang in a list of the VMO that has it. As a rule they are few, and one entry of the kernel goes through
//! all of them. Where they are many, it becomes a *withdrawal*: the VMO remembers where in the list it goes on,
//! and the call that began it is made again until the end of the list is reached. Meanwhile no table gets any of
//! those pages anew, so what was withdrawn stays so; who touches one helps the withdrawal along and tries again.
//! The pages themselves do not change before the last mapping was visited. The caller then does what it came for,
//! in the same entry: to everybody else all of it happens at once.
//!
//! A withdrawal belongs to the thread whose call it is, and ends with that call, however the call ends. A VMO has one at a
//! time. Of those that are turned away meanwhile the one that has waited longest comes next, before anybody can begin
//! anew: or who does so again and again would leave no gap for the others.
use abi::vmar::PERM_WRITE;
use abi::{PAGE_SIZE, Status, VirtAddr, status::Result};

use super::stage1::{MapError, Progress};
use crate::collections::arena::Id;
use crate::collections::list;
use crate::kernel::Kernel;
use crate::lifetime::{ENTRIES_A_STEP, UNITS_A_TABLE_STEP};
use crate::memory::mapping::STEPS_AN_ENTRY;
use crate::object::{Mapping, Thread, Vmo};
use crate::ports::Machine;
use crate::syscall::{Caller, Exit};

/// Units of work in one entry: a mapping that shows none of the pages is one, tables are as many as for the reaper.
const UNITS_AN_ENTRY: u32 = STEPS_AN_ENTRY * UNITS_A_TABLE_STEP;
/// How often others are turned away for the sake of who wants to see a page, and may have other plans since.
const TIMES_A_PAUSE: u64 = 64;

/// Pages on their way out of all tables.
#[derive(Clone, Copy, Debug)]
pub struct Withdrawal {
    /// The thread whose call takes them away; `None` if the kernel does of itself.
    pub owner: Option<Id<Thread>>,
    /// Where they start in the VMO, in bytes.
    pub from: u64,
    /// Where they end.
    pub to: u64,
    /// Whether what cannot be written through its mapping stays.
    pub writable: bool,
    /// The mapping that is looked at next; `None` at the end of the list.
    pub at: Option<Id<Mapping>>,
    /// Up to where in it nothing is shown any more.
    pub cleared: u64,
    /// Who comes next.
    pub next: Option<Turn>,
    /// Who is to see a page before anybody begins: it is a pause then, and takes nothing.
    pub guest: Option<Id<Thread>>,
}

/// What somebody wants to do to a VMO who was turned away.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    /// The thread, which is made to [wait](Thread::turned_away).
    pub thread: Id<Thread>,
    /// Whether it is for a call of that thread, which comes back for it.
    pub is_owned: bool,
    /// As in a [`Withdrawal`]; for who wants to see a page there is nothing between both.
    from: u64,
    to: u64,
    writable: bool,
}

impl Withdrawal {
    /// Whether it takes the page with this byte.
    pub const fn covers(&self, offset: u64) -> bool {
        self.from <= offset && offset < self.to
    }

    /// Whose turn it is, if it is somebody's.
    const fn holder(&self) -> Option<Id<Thread>> {
        match self.guest {
            None => self.owner,
            guest => guest,
        }
    }
}

impl<M: Machine> Kernel<M> {
    /// Takes `[from, to)` of a VMO that has pages out of all tables; whether that is done. If so, nothing shows
    /// any of it as long as this entry of the kernel lasts. If not, the caller's call must be made
    /// [again](Exit::Again), [in pieces](Kernel::in_pieces).
    ///
    /// # Errors
    /// `NO_MEMORY` if a block must be split.
    pub(crate) fn withdraw(
        &mut self,
        owner: Option<Id<Thread>>,
        root: Id<Vmo>,
        from: u64,
        to: u64,
    ) -> Result<bool> {
        self.withdraw_from(owner, root, (from, to), false)
    }

    /// As [`Kernel::withdraw`], but only so far that nobody can write to the pages through a mapping: where that does
    /// not allow it, as with code that all programs share, they stay.
    ///
    /// # Errors
    /// As for [`Kernel::withdraw`].
    pub(crate) fn withdraw_writable(
        &mut self,
        owner: Option<Id<Thread>>,
        root: Id<Vmo>,
        range: (u64, u64),
    ) -> Result<bool> {
        self.withdraw_from(owner, root, range, true)
    }

    fn withdraw_from(
        &mut self,
        owner: Option<Id<Thread>>,
        root: Id<Vmo>,
        (from, to): (u64, u64),
        writable: bool,
    ) -> Result<bool> {
        let here = self.schedule.here().current.get().map(|caller| caller.thread);
        // A call that goes on in another VMO is done with the first: something else may be mapped there now. So it is if
        // what it begins there is nobody's: two threads, each with what the other one waits for, would wait for ever.
        if let Some(thread) = owner.or(here)
            && self.objects.get(thread)?.withdraws.is_some_and(|before| before != root)
        {
            self.give_up_withdrawal(thread);
        }
        let vmo = self.objects.get(root)?;
        let mut fresh = Withdrawal {
            owner,
            from,
            to,
            writable,
            at: vmo.shown.first(),
            cleared: 0,
            next: None,
            guest: None,
        };
        let mut withdrawal = match vmo.withdrawal {
            None => fresh,
            Some(mine) if (mine.owner, mine.from, mine.to, mine.writable) == (owner, from, to, writable) => {
                mine
            }
            // One at a time, and who came first goes first, also what is no call's: two writers that began anew
            // whenever the other one had would get nowhere.
            Some(other) if other.holder().is_none() || other.holder() != owner && other.holder() != here => {
                self.turn_away(root, owner, (from, to), writable);
                self.help_withdrawal(root);
                return Ok(false);
            }
            // The call goes on with other pages, or what it does is nobody's from now on. Or it was to see a page, and that
            // takes more by now.
            Some(mine) => {
                fresh.next = mine.next;
                fresh
            }
        };
        let before = vmo.withdrawal.and_then(|before| before.owner);
        let mut units = UNITS_AN_ENTRY;
        let done = self.withdraw_on(&mut withdrawal, &mut units)?;
        if let Some(thread) = before.and_then(|before| self.objects.threads.get_mut(before)) {
            thread.withdraws = None;
        }
        let vmo = self.objects.get_mut(root)?;
        if done && vmo.withdrawal.is_none() {
            return Ok(true);
        }
        vmo.withdrawal = Some(withdrawal);
        if let Some(thread) = owner.and_then(|owner| self.objects.threads.get_mut(owner)) {
            thread.withdraws = if done { None } else { Some(root) };
        }
        if done {
            self.pass_on(root);
        }
        Ok(done)
    }

    /// Notes that the thread that is here was turned away from a VMO whose pages somebody takes away, with what it wants
    /// there, if nobody waits longer. It tries again.
    pub(crate) fn turn_away(
        &mut self,
        root: Id<Vmo>,
        owner: Option<Id<Thread>>,
        (from, to): (u64, u64),
        writable: bool,
    ) {
        let Some(Caller { thread: id, .. }) = self.schedule.here().current.get() else { return };
        let Some(thread) = self.objects.threads.get_mut(id) else { return };
        if thread.turned_away == 0 {
            self.turned_away = self.turned_away.wrapping_add(1);
            thread.turned_away = self.turned_away;
        }
        let since = thread.turned_away;
        let Some(withdrawal) = self.objects.vmos.get_mut(root).and_then(|vmo| vmo.withdrawal.as_mut()) else {
            return;
        };
        let waits =
            |turn: &Turn| self.objects.threads.get(turn.thread).map_or(0, |thread| thread.turned_away);
        let before = withdrawal.next;
        // What is done is what it wants.
        if owner.is_none() && withdrawal.owner.is_none() && (withdrawal.from, withdrawal.to) == (from, to) {
            return;
        }
        if before.is_some_and(|turn| turn.thread != id && (1..since).contains(&waits(&turn))) {
            return;
        }
        withdrawal.next = Some(Turn { thread: id, is_owned: owner == Some(id), from, to, writable });
        for (thread, withdraws) in
            [(before.filter(|turn| turn.is_owned).map(|turn| turn.thread), None), (owner, Some(root))]
        {
            if let Some(thread) = thread.and_then(|thread| self.objects.threads.get_mut(thread)) {
                thread.withdraws = withdraws;
            }
        }
    }

    /// Ends a pause of a VMO, if there is one.
    pub(crate) fn end_pause(&mut self, root: Id<Vmo>) {
        if self.objects.vmos.get(root).and_then(|vmo| vmo.withdrawal).is_some_and(|it| it.guest.is_some()) {
            self.pass_on(root);
        }
    }

    /// Ends a pause of a VMO that is for the thread that is here to see this page. What others see meanwhile, or it
    /// itself beside that, ends none: or they would take its turn.
    pub(crate) fn end_own_pause(&mut self, root: Id<Vmo>, page: u64) {
        let Some(Caller { thread, .. }) = self.schedule.here().current.get() else { return };
        let withdrawal = self.objects.vmos.get(root).and_then(|vmo| vmo.withdrawal);
        if withdrawal.is_some_and(|it| it.guest == Some(thread) && it.from == page) {
            self.pass_on(root);
        }
    }

    /// Ends a VMO's withdrawal. Whose turn it is has it from now on.
    fn pass_on(&mut self, root: Id<Vmo>) {
        let Some(vmo) = self.objects.vmos.get_mut(root) else { return };
        let Some(turn) = vmo.withdrawal.take().and_then(|withdrawal| withdrawal.next) else { return };
        let Some(thread) = self.objects.threads.get_mut(turn.thread) else { return };
        thread.turned_away = 0;
        let Turn { from, mut to, writable, .. } = turn;
        let (owner, at) = (turn.is_owned.then_some(turn.thread), vmo.shown.first());
        if owner.is_none() && !self.has_stand_in(root, from) {
            // What was wanted has been done meanwhile.
            to = from;
        }
        let guest = (from >= to).then_some(turn.thread);
        if let Some(vmo) = self.objects.vmos.get_mut(root) {
            vmo.withdrawal =
                Some(Withdrawal { owner, from, to, writable, at, cleared: 0, next: None, guest });
        }
    }

    /// Takes the page with a byte of a VMO that has pages out of all tables, if that is not more than so much work; whether
    /// it is done. If so, nothing shows it as long as this entry of the kernel lasts, or until it is shown again.
    ///
    /// # Errors
    /// `NO_MEMORY` if a block must be split.
    pub(crate) fn unshow_page(&mut self, root: Id<Vmo>, offset: u64, mut units: u32) -> Result<bool> {
        let from = offset & !(PAGE_SIZE - 1);
        let at = self.objects.get(root)?.shown.first();
        let to = from.saturating_add(PAGE_SIZE);
        let mut withdrawal =
            Withdrawal { owner: None, from, to, writable: false, at, cleared: 0, next: None, guest: None };
        self.withdraw_on(&mut withdrawal, &mut units)
    }

    /// Does a piece of somebody's withdrawal. One that is no call's is over when nothing is left to visit: if it
    /// was for the sake of a frame of the page's own, that comes then, since whoever wanted it may have ended.
    pub(crate) fn help_withdrawal(&mut self, root: Id<Vmo>) {
        let Some(mut withdrawal) = self.objects.vmos.get(root).and_then(|vmo| vmo.withdrawal) else { return };
        if withdrawal.guest.is_some() {
            withdrawal.cleared += 1;
            if let Some(vmo) = self.objects.vmos.get_mut(root) {
                vmo.withdrawal = Some(withdrawal);
            }
            if withdrawal.cleared >= TIMES_A_PAUSE {
                self.pass_on(root);
            }
            return;
        }
        let mut units = UNITS_AN_ENTRY;
        // What goes wrong is for the owner to find.
        let done = self.withdraw_on(&mut withdrawal, &mut units).unwrap_or(false);
        if let Some(vmo) = self.objects.vmos.get_mut(root) {
            vmo.withdrawal = Some(withdrawal);
        }
        if done && withdrawal.owner.is_none() {
            self.pass_on(root);
        }
        // The VMO may have become smaller in the entry in which that began.
        let is_there = self.objects.vmos.get(root).is_some_and(|vmo| withdrawal.from < vmo.size);
        let is_page = is_there && withdrawal.to - withdrawal.from == PAGE_SIZE;
        if done && withdrawal.owner.is_none() && is_page && self.has_stand_in(root, withdrawal.from) {
            // Without memory for it the next write begins anew.
            let _owned = self.own_page(root, withdrawal.from);
        }
    }

    /// Makes a call that notes with its thread how far it has come, or withdraws pages: that ends with it, however it ends.
    /// Between two pieces a handle may have been closed.
    pub(crate) fn in_pieces(
        &mut self,
        caller: Caller,
        call: impl FnOnce(&mut Self) -> Result<Exit>,
    ) -> Result<Exit> {
        let exit = call(self);
        if exit != Ok(Exit::Again) {
            self.end_withdrawal(caller.thread);
        }
        exit
    }

    /// Ends a thread's withdrawal, if it has one or waits for it, and forgets how far its call has come, which is over.
    pub(crate) fn end_withdrawal(&mut self, id: Id<Thread>) {
        let Some(thread) = self.objects.threads.get_mut(id) else { return };
        (thread.copied, thread.listing, thread.search) = (0, None, None);
        self.give_up_withdrawal(id);
    }

    /// Ends a thread's withdrawal, if it has one or waits for it. Its call may go on.
    fn give_up_withdrawal(&mut self, id: Id<Thread>) {
        let Some(thread) = self.objects.threads.get_mut(id) else { return };
        thread.turned_away = 0;
        let Some(root) = thread.withdraws.take() else { return };
        match self.objects.vmos.get_mut(root).and_then(|vmo| vmo.withdrawal.as_mut()) {
            Some(withdrawal) if withdrawal.owner == Some(id) => self.pass_on(root),
            Some(withdrawal) => withdrawal.next = withdrawal.next.filter(|turn| turn.thread != id),
            None => {}
        }
    }

    /// Goes on along the list of mappings while units are left; whether its end is reached.
    fn withdraw_on(&mut self, withdrawal: &mut Withdrawal, units: &mut u32) -> Result<bool> {
        while let Some(id) = withdrawal.at {
            if *units == 0 {
                return Ok(false);
            }
            let mapping = *self.objects.mapping(id)?;
            match self.clear_shown(&mapping, withdrawal, units)? {
                Progress::Done => {
                    withdrawal.at = list::next(&self.objects.mappings, id);
                    withdrawal.cleared = 0;
                }
                Progress::UpTo(at) => withdrawal.cleared = at.0,
            }
        }
        Ok(true)
    }

    /// Takes what a mapping shows of a withdrawal's pages out of its tables, or a part of that.
    fn clear_shown(
        &mut self,
        mapping: &Mapping,
        withdrawal: &Withdrawal,
        units: &mut u32,
    ) -> Result<Progress> {
        *units -= 1;
        if withdrawal.writable && mapping.permissions & PERM_WRITE == 0 {
            return Ok(Progress::Done);
        }
        let first = mapping.start.saturating_add(mapping.offset);
        let (from, to) =
            (first.max(withdrawal.from), first.saturating_add(mapping.length).min(withdrawal.to));
        if from >= to {
            return Ok(Progress::Done);
        }
        let start = (mapping.base + (from - first)).max(withdrawal.cleared);
        let end = mapping.base + (to - first);
        if start >= end {
            return Ok(Progress::Done);
        }
        let Some(process) = self.objects.vmars.get(mapping.vmar).and_then(|vmar| vmar.process) else {
            return Ok(Progress::Done);
        };
        // A process without tables shows nothing; nor do tables that are being taken apart.
        let Ok((machine, space)) = self.space_of(process) else { return Ok(Progress::Done) };
        *units = units.saturating_sub(UNITS_A_TABLE_STEP - 1);
        match space.unmap(machine, VirtAddr(start), end - start, ENTRIES_A_STEP) {
            Ok(progress) => Ok(progress),
            Err(MapError::NoMemory) => Err(Status::NO_MEMORY),
            Err(_) => Ok(Progress::Done),
        }
    }
}
