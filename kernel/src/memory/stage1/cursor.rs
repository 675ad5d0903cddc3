//! The one mutator of translation tables.
//!
//! A [`Cursor`] lives for one operation on one space. It collects what the operation makes stale and
//! settles it at the end, in the only order that the architecture allows:
//!
//! 1. descriptors are written; those that were valid become invalid or change permissions only;
//! 2. the writes are published (DSB ISHST), so that no walker fetches an old descriptor again;
//! 3. the TLBs forget what was changed (TLBI), leaf by leaf or, where that is many, the whole ASID;
//! 4. the invalidation is complete on every CPU (DSB ISH);
//! 5. only now are frames of tables given back, and replacements of broken descriptors made (D8.16.1).
//!
//! Nothing here allocates but [`Cursor::stock`], which comes before the first change. Frames wait in
//! chains that run through their own first word, so no list can be too short. Its link is even: no valid entry. A chained
//! frame is otherwise zero, but for a table that went as a whole: a walker that still comes by finds what is stale
//! anyway, until step 4.
//!
//! Counts of used entries are in the parents' descriptors (see [`descriptor`]); the root's is in the space.

use super::descriptor::{self, ENTRIES, LAST_LEVEL, covers, entry_address, entry_end, table_end};
use super::near::used;
use super::space::{MapError, Space};
use crate::ports::{Frames, Translation};
use abi::{PAGE_SHIFT, PAGE_SIZE, PhysAddr, VirtAddr};

/// Invalidations by address above which the whole address space is forgotten instead. An invalidation is
/// broadcast to every CPU; past some tens of them the refills are cheaper.
pub(super) const BY_ADDRESS_LIMIT: u64 = 32;
/// Entries in a row of a last-level table that count as one to a budget: two lines of a cache.
pub(crate) const ROW: u64 = 16;
/// The end of a chain of frames. Physical page 0 is never a frame of ours.
const END: u64 = 0;

/// A table entry that a walk has come to, with what it takes to count it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) level: u32,
    pub(crate) at: PhysAddr,
    pub(crate) raw: u64,
    /// The descriptor that leads to the table with this entry: where it is and what it says. Without
    /// meaning on level 0, since nothing leads to the root.
    pub(super) parent: (PhysAddr, u64),
}

/// Finds the entry for an address: the leaf or the invalid entry where the walk ends, but no deeper than
/// `deepest`, where it may be a table.
pub(crate) fn find<M: Translation>(machine: &M, root: PhysAddr, address: u64, deepest: u32) -> Entry {
    let at = entry_address(root, 0, address);
    let mut entry = Entry { level: 0, at, raw: machine.read_descriptor(at), parent: (PhysAddr(0), 0) };
    // Counted by a constant, so that the compiler unrolls it and every shift is a constant too.
    for level in 1..=LAST_LEVEL {
        if level > deepest || !descriptor::is_table(level - 1, entry.raw) {
            break;
        }
        let at = entry_address(descriptor::output(entry.raw), level, address);
        let raw = machine.read_descriptor(at);
        entry = Entry { level, at, raw, parent: (entry.at, entry.raw) };
    }
    entry
}

/// An entry of the table that `entry` is in, `index` further on.
pub(super) fn beside<M: Translation>(machine: &M, entry: &Entry, index: u64) -> u64 {
    machine.read_descriptor(PhysAddr(entry.at.0.wrapping_add(index << 3)))
}

/// Addresses whose cached translations are out of date.
#[derive(Clone, Copy, Debug)]
struct Stale {
    first: u64,
    last: u64,
    /// log2 of the smallest piece.
    shift: u32,
    /// Whether tables went too, so that cached walks must go and not only leaves.
    tables: bool,
}

impl Stale {
    const NOTHING: Self = Self { first: u64::MAX, last: 0, shift: 63, tables: false };

    fn add(&mut self, address: u64, level: u32) {
        self.first = self.first.min(address);
        self.last = self.last.max(address);
        self.shift = self.shift.min(descriptor::entry_shift(level));
    }
}

/// One operation on the tables of a space. [`Cursor::finish`] ends it. It begins with leaving the near table.
#[derive(Debug)]
pub(crate) struct Cursor<'a, M: Frames + Translation> {
    machine: &'a mut M,
    space: &'a mut Space,
    /// Zeroed frames for new tables.
    spare: u64,
    /// Tables that no descriptor leads to any more and cached walks still may.
    dead: u64,
    /// Whether those are zero but for the first word, and so may be used again as they are.
    dead_are_zero: bool,
    stale: Stale,
    unpublished: bool,
}

impl<'a, M: Frames + Translation> Cursor<'a, M> {
    pub(crate) fn new(space: &'a mut Space, machine: &'a mut M) -> Self {
        let near = space.near;
        let (stale, dead_are_zero) = (Stale::NOTHING, true);
        let mut cursor =
            Self { machine, space, spare: END, dead: END, dead_are_zero, stale, unpublished: false };
        // From here on every count is where it belongs, and no table is empty.
        let left = cursor.space.near.leave();
        if near.block != u64::MAX && near.used == 0 {
            cursor.drop_table(near.block << descriptor::entry_shift(LAST_LEVEL - 1), LAST_LEVEL - 1);
        } else if let Some((at, raw)) = left {
            cursor.write(at, raw);
        }
        cursor
    }

    /// The entry where the walk for an address ends.
    pub(crate) fn find(&self, address: u64) -> Entry {
        find(self.machine, self.space.root, address, LAST_LEVEL)
    }

    /// What it works on.
    pub(super) const fn view(&self) -> (&Space, &M) {
        (self.space, self.machine)
    }

    /// An entry of the table that `entry` is in, `index` further on.
    pub(crate) fn beside(&self, entry: &Entry, index: u64) -> u64 {
        beside(self.machine, entry, index)
    }

    /// Takes frames for tables: the one step that can fail, before anything has changed.
    ///
    /// # Errors
    /// `NoMemory`; what was taken is given back.
    pub(crate) fn stock(&mut self, mut tables: u64) -> Result<(), MapError> {
        let kept = if tables > 0 { self.space.spare } else { END };
        if kept != END {
            tables -= 1;
        }
        for _ in 0..tables {
            let Some(frame) = self.machine.allocate_table() else {
                self.spare = self.give_back(self.spare);
                // The words that linked the spares are not left pending in frames that become another's.
                self.machine.publish_descriptors();
                return Err(MapError::NoMemory);
            };
            self.machine.zero_frame(frame);
            self.machine.write_descriptor(frame, self.spare);
            self.spare = frame.0;
        }
        if tables > 0 {
            // A table's zeros must be visible before a descriptor that leads to it is.
            self.machine.publish_descriptors();
        }
        if kept != END {
            // It is zero and was published so, long ago; its first word is no valid descriptor either.
            self.space.spare = END;
            self.machine.write_descriptor(PhysAddr(kept), self.spare);
            self.spare = kept;
        }
        Ok(())
    }

    fn take_spare(&mut self) -> Result<PhysAddr, MapError> {
        if self.spare == END {
            return Err(MapError::NoMemory);
        }
        let frame = PhysAddr(self.spare);
        self.spare = self.machine.read_descriptor(frame);
        self.write(frame, 0);
        self.space.tables = self.space.tables.saturating_add(1);
        Ok(frame)
    }

    /// Keeps one of the frames that were not needed for the next time, and gives the others back.
    fn give_back_spares(&mut self) {
        let spare = core::mem::replace(&mut self.spare, END);
        self.keep_spare(spare);
    }

    /// Keeps the first frame of a chain of empty tables if the space has no spare one, and gives the rest back.
    fn keep_spare(&mut self, chain: u64) {
        let mut rest = chain;
        if self.space.spare == END && chain != END {
            self.space.spare = chain;
            rest = self.machine.read_descriptor(PhysAddr(chain));
        }
        self.give_back(rest);
    }

    fn give_back(&mut self, mut chain: u64) -> u64 {
        while chain != END {
            let frame = PhysAddr(chain);
            chain = self.machine.read_descriptor(frame);
            self.machine.free_table(frame);
        }
        END
    }

    /// Finds the entry for an address on `level`, with tables from the stock where there are none.
    ///
    /// # Errors
    /// `NoMemory` if the stock was too small, `Occupied` at a block: both are for a survey to prevent.
    pub(crate) fn make(&mut self, address: u64, level: u32) -> Result<Entry, MapError> {
        self.settle_before_make();
        let mut entry = self.find(address);
        while entry.level < level {
            if descriptor::is_valid(entry.raw) {
                return Err(MapError::Occupied(VirtAddr(address)));
            }
            let table = self.take_spare()?;
            let raw = descriptor::table(table, 0);
            self.write(entry.at, raw);
            self.count(&entry, self.used(&entry).saturating_add(1));
            let below = entry.level.saturating_add(1);
            let at = entry_address(table, below, address);
            entry = Entry { level: below, at, raw: 0, parent: (entry.at, raw) };
        }
        Ok(entry)
    }

    /// Writes leaves into `count` entries that are invalid now, from `entry` on, and counts them.
    pub(crate) fn fill(&mut self, entry: &Entry, first: u64, count: u64) {
        self.settle_before_make();
        self.machine.fill_descriptors(entry.at, count, first, covers(entry.level));
        self.unpublished = true;
        self.count(entry, self.used(entry).saturating_add(count));
    }

    /// Puts a leaf in place of the valid leaf at `entry`.
    pub(crate) fn replace(&mut self, address: u64, entry: &Entry, raw: u64) {
        self.stale.add(address, entry.level);
        if !descriptor::differ_in_permissions_only(entry.raw, raw) {
            self.write(entry.at, 0);
            self.settle();
        }
        self.write(entry.at, raw);
    }

    /// Makes the block that covers `address`, if one does, into smaller leaves until the one that covers it
    /// is on `level`. They show the same memory in the same way. Takes a spare table for each level of it.
    ///
    /// # Errors
    /// `NoMemory` if the stock was too small.
    pub(crate) fn split(&mut self, address: u64, level: u32) -> Result<(), MapError> {
        loop {
            let entry = self.find(address);
            if !descriptor::is_valid(entry.raw) || entry.level >= level {
                return Ok(());
            }
            let table = self.take_spare()?;
            let raw = descriptor::first_part(entry.level, entry.raw);
            self.machine.fill_descriptors(table, ENTRIES, raw, covers(entry.level.saturating_add(1)));
            self.unpublished = true;
            self.stale.add(address, entry.level);
            self.write(entry.at, 0);
            self.settle();
            self.write(entry.at, descriptor::table(table, ENTRIES));
        }
    }

    /// Clears the leaves from `address` on, within one table and below `end`, and drops the table if it is
    /// empty then. Returns the first address not looked at.
    pub(crate) fn clear(&mut self, entry: &Entry, address: u64, end: u64, budget: &mut u32) -> u64 {
        let level = entry.level;
        let before = self.used(entry);
        if level == LAST_LEVEL && before > 0 {
            return self.clear_pages(entry, address, end, budget);
        }
        let (mut used, mut next, mut at, mut raw) = (before, address, entry.at.0, entry.raw);
        loop {
            if descriptor::is_valid(raw) {
                self.write(PhysAddr(at), 0);
                self.stale.add(next, level);
                used = used.saturating_sub(1);
            }
            *budget = budget.saturating_sub(1);
            next = entry_end(level, next);
            if used == 0 {
                // What follows in this table is unused too.
                next = table_end(level, address);
                break;
            }
            if next >= end || *budget == 0 || descriptor::entry_index(level, next) == 0 {
                break;
            }
            at = at.wrapping_add(8);
            raw = self.machine.read_descriptor(PhysAddr(at));
            if descriptor::is_table(level, raw) {
                break;
            }
        }
        self.recount(address, entry, before, used);
        next.min(end)
    }

    /// The same in a last-level table that is not empty, a row of entries at a time.
    fn clear_pages(&mut self, entry: &Entry, address: u64, end: u64, budget: &mut u32) -> u64 {
        let table_end = table_end(LAST_LEVEL, address);
        let (wanted, before) = (end.min(table_end), self.used(entry));
        let length = wanted.saturating_sub(address).min(u64::from(*budget).saturating_mul(ROW << PAGE_SHIFT));
        let (count, next) = (length >> PAGE_SHIFT, address.saturating_add(length));
        *budget = budget.saturating_sub(count.div_ceil(ROW) as u32);
        let is_whole = count == ENTRIES;
        let cleared = if is_whole { before } else { self.machine.clear_descriptors(entry.at, count) };
        if cleared > 0 {
            self.unpublished = true;
            self.stale.add(address, LAST_LEVEL);
            self.stale.add(next.saturating_sub(PAGE_SIZE), LAST_LEVEL);
        }
        if is_whole {
            // All of the table is unmapped: it goes as it is.
            self.drop_table(address, LAST_LEVEL - 1);
            self.dead_are_zero = false;
            return next;
        }
        let used = before.saturating_sub(cleared);
        self.recount(address, entry, before, used);
        // What follows in an empty table is unused too.
        if used == 0 { wanted } else { next }
    }

    /// Gives the leaves from `address` on, within one table and below `end`, other
    /// [attributes](descriptor::attribute_bits). Returns the first address not looked at.
    pub(crate) fn change(
        &mut self,
        entry: &Entry,
        address: u64,
        end: u64,
        bits: u64,
        budget: &mut u32,
    ) -> u64 {
        let level = entry.level;
        if level == LAST_LEVEL && descriptor::is_valid(entry.raw) {
            let next = self.change_pages(entry, address, end, bits, budget);
            if next > address {
                return next;
            }
        }
        let (mut next, mut at, mut raw, mut count) = (address, entry.at.0, entry.raw, 0u64);
        let mut broken = false;
        loop {
            let new = descriptor::leaf(level, descriptor::output(raw).0, bits);
            if descriptor::is_valid(raw) && raw != new {
                let in_place = descriptor::differ_in_permissions_only(raw, new);
                self.write(PhysAddr(at), if in_place { new } else { descriptor::broken(raw) });
                self.stale.add(next, level);
                broken |= !in_place;
            }
            count = count.saturating_add(1);
            *budget = budget.saturating_sub(1);
            next = entry_end(level, next);
            if next >= end || *budget == 0 || descriptor::entry_index(level, next) == 0 {
                break;
            }
            at = at.wrapping_add(8);
            raw = self.machine.read_descriptor(PhysAddr(at));
            if descriptor::is_table(level, raw) {
                break;
            }
        }
        if broken {
            self.settle();
            self.make_broken(entry, count, bits);
        }
        next.min(end)
    }

    /// The same for pages in a row of a last-level table that change what they permit and nothing else, as nearly always.
    /// Returns `address` if there is none.
    fn change_pages(&mut self, entry: &Entry, address: u64, end: u64, bits: u64, budget: &mut u32) -> u64 {
        let wanted = end.min(table_end(LAST_LEVEL, address)).saturating_sub(address) >> PAGE_SHIFT;
        let most = wanted.min(u64::from(*budget).saturating_mul(ROW));
        let like = descriptor::leaf(LAST_LEVEL, 0, bits);
        let (same, change) = (descriptor::TYPE, descriptor::PERMISSIONS);
        let count = self.machine.change_descriptors(entry.at, most, same, like, change);
        if count == 0 {
            return address;
        }
        self.unpublished = true;
        *budget = budget.saturating_sub(count.div_ceil(ROW) as u32);
        let next = address.saturating_add(count << PAGE_SHIFT);
        self.stale.add(address, LAST_LEVEL);
        self.stale.add(next.saturating_sub(PAGE_SIZE), LAST_LEVEL);
        next
    }

    /// The make step for what [`Cursor::change`] broke.
    fn make_broken(&mut self, first: &Entry, count: u64, bits: u64) {
        let mut at = first.at.0;
        for _ in 0..count {
            let raw = self.machine.read_descriptor(PhysAddr(at));
            if raw != 0 && !descriptor::is_valid(raw) {
                self.write(PhysAddr(at), descriptor::leaf(first.level, descriptor::output(raw).0, bits));
            }
            at = at.wrapping_add(8);
        }
    }

    /// Takes down what is at `address` in a space that no CPU uses, a whole last-level table at once.
    /// Returns where to go on.
    pub(crate) fn raze(&mut self, address: u64, budget: &mut u32) -> u64 {
        let entry = find(self.machine, self.space.root, address, LAST_LEVEL - 1);
        let level = entry.level;
        *budget = budget.saturating_sub(1);
        if descriptor::is_table(level, entry.raw) {
            self.drop_table(address, level);
            return entry_end(level, address);
        }
        let before = self.used(&entry);
        let mut next = entry_end(level, address);
        if descriptor::is_valid(entry.raw) {
            self.write(entry.at, 0);
            self.recount(address, &entry, before, before.saturating_sub(1));
            return next;
        }
        let mut index = 0u64;
        while *budget > 0 && descriptor::entry_index(level, next) != 0 {
            index = index.saturating_add(1);
            if self.beside(&entry, index) != 0 {
                break;
            }
            *budget = budget.saturating_sub(1);
            next = entry_end(level, next);
        }
        next
    }

    /// Whether nothing is left below the root.
    pub(crate) const fn is_empty(&self) -> bool {
        self.space.root_used == 0
    }

    /// Entries in use of the table that `entry` is in.
    pub(crate) const fn used(&self, entry: &Entry) -> u64 {
        used(self.space, entry)
    }

    /// Sets that count.
    fn count(&mut self, entry: &Entry, used: u64) {
        if entry.level == 0 {
            self.space.root_used = used;
        } else {
            self.write(entry.parent.0, descriptor::with_used(entry.parent.1, used));
        }
    }

    fn recount(&mut self, address: u64, entry: &Entry, before: u64, used: u64) {
        if used == 0 && entry.level > 0 {
            self.drop_table(address, entry.level.wrapping_sub(1));
        } else if used != before {
            self.count(entry, used);
        }
    }

    /// Takes an empty table out, and those above it that are empty then. `level` is its descriptor's.
    fn drop_table(&mut self, address: u64, level: u32) {
        for level in (0..=level).rev() {
            let entry = find(self.machine, self.space.root, address, level);
            let table = descriptor::output(entry.raw);
            self.write(entry.at, 0);
            self.write(table, self.dead);
            self.dead = table.0;
            self.space.tables = self.space.tables.saturating_sub(1);
            self.stale.add(address, level);
            self.stale.tables = true;
            let used = self.used(&entry).saturating_sub(1);
            if used > 0 || level == 0 {
                self.count(&entry, used);
                return;
            }
        }
    }

    fn write(&mut self, at: PhysAddr, raw: u64) {
        self.machine.write_descriptor(at, raw);
        self.unpublished = true;
    }

    /// What this operation broke before may be where something is to be made now: the table that was near, and
    /// empty, and those above it.
    fn settle_before_make(&mut self) {
        if self.stale.first <= self.stale.last {
            self.settle();
        }
    }

    /// Steps 2 to 4: what was written is in force everywhere, and what it replaced is forgotten.
    fn settle(&mut self) {
        if self.unpublished {
            self.machine.publish_descriptors();
            self.unpublished = false;
        }
        let stale = core::mem::replace(&mut self.stale, Stale::NOTHING);
        if stale.first > stale.last {
            return;
        }
        // Without an ASID no TLB holds anything of this space, and no CPU walks its tables.
        let Some(asid) = self.space.asid else { return };
        // Every stale piece is at least this large and aligned, so steps from one multiple to the next meet
        // each of them.
        let (first, last) = (stale.first >> stale.shift, stale.last >> stale.shift);
        if last.wrapping_sub(first) >= BY_ADDRESS_LIMIT {
            self.machine.invalidate_space(asid);
        } else {
            let count = last.wrapping_sub(first).saturating_add(1);
            let (start, step) = (VirtAddr(first << stale.shift), 1 << stale.shift);
            if !stale.tables {
                self.machine.invalidate_leaves(asid, start, step, count);
            }
            for index in 0..if stale.tables { count } else { 0 } {
                let address = start.0.saturating_add(index << stale.shift);
                self.machine.invalidate_walk(asid, VirtAddr(address));
            }
        }
        self.machine.complete_invalidation();
    }

    /// Ends the operation: everything is in force, and tables that are gone are free.
    pub(crate) fn finish(mut self) {
        self.settle();
        let dead = core::mem::replace(&mut self.dead, END);
        if self.dead_are_zero {
            self.keep_spare(dead);
        } else {
            self.give_back(dead);
        }
        self.give_back_spares();
    }

    /// Ends an operation on a space of which no TLB holds anything. Its tables may have been full.
    pub(crate) fn finish_inactive(mut self) {
        self.stale = Stale::NOTHING;
        self.settle();
        self.free_tables();
    }

    fn free_tables(&mut self) {
        self.dead = self.give_back(self.dead);
        self.give_back_spares();
    }
}

/// Counts the tables that a range still needs, each once, while the range is surveyed in ascending order.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Shortage {
    pub(crate) tables: u64,
    /// By the level of the entry that will lead to it: where the last table counted ends.
    ends: [u64; LAST_LEVEL as usize],
}

impl Shortage {
    /// The walk for `address` ends at an entry of level `from`; one of level `to` is wanted.
    pub(crate) fn note(&mut self, address: u64, from: u32, to: u32) {
        for (level, end) in (0..).zip(self.ends.iter_mut()) {
            if (from..to).contains(&level) && address >= *end {
                self.tables = self.tables.saturating_add(1);
                *end = entry_end(level, address);
            }
        }
    }
}
