//! What is changed without a [cursor](super::cursor): one page whose table is near, and blocks in a row.
//!
//! Nothing here needs memory, and nothing is left for later: the steps are a cursor's, in its order, for one kind of
//! leaf in one table.

use super::cursor::{BY_ADDRESS_LIMIT, Entry, beside, find};
use super::descriptor::{self, LAST_LEVEL, covers, entry_address};
use super::space::Space;
use crate::ports::Translation;
use abi::{PhysAddr, VirtAddr};

/// The last-level table in which the last page was mapped or unmapped. The next page is nearly always in the same one:
/// it needs no walk, and the table's count of used entries is kept here meanwhile. The table stays while it is near,
/// empty or not: a page that comes and goes costs no table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Near {
    /// Which 2 MiB of the address space it is for.
    pub(super) block: u64,
    table: PhysAddr,
    /// Where the descriptor is that leads to it, and what it said.
    parent: (PhysAddr, u64),
    /// Entries in use.
    pub(super) used: u64,
}

impl Near {
    /// No table: no address is in the block.
    pub(super) const NONE: Self =
        Self { block: u64::MAX, table: PhysAddr(0), parent: (PhysAddr(0), 0), used: 0 };

    /// The entry for an address, if it is in this table.
    #[inline(always)]
    pub(super) fn entry(&self, address: u64) -> Option<PhysAddr> {
        let is_here = address >> descriptor::entry_shift(LAST_LEVEL - 1) == self.block;
        is_here.then(|| entry_address(self.table, LAST_LEVEL, address))
    }

    /// The table that an entry of the last level is in.
    fn of(entry: &Entry, address: u64) -> Self {
        let (_, parent) = entry.parent;
        let block = address >> descriptor::entry_shift(LAST_LEVEL - 1);
        Self {
            block,
            table: descriptor::output(parent),
            parent: entry.parent,
            used: descriptor::used(parent),
        }
    }

    /// The table, if it is the one for an address.
    #[cfg(test)]
    pub(super) fn is(&self, table: PhysAddr) -> bool {
        self.block != u64::MAX && self.table == table
    }
}

/// Comes near to the table for an address. `None` if there is none, or if the table that was near is empty: it goes
/// first, which takes a cursor.
#[inline(never)]
pub(super) fn approach<M: Translation>(space: &mut Space, machine: &mut M, address: u64) -> Option<PhysAddr> {
    if space.near.block != u64::MAX && space.near.used == 0 {
        return None;
    }
    if let Some((at, raw)) = space.near.leave() {
        machine.write_descriptor(at, raw);
        machine.publish_descriptors();
    }
    let entry = find(machine, space.root, address, LAST_LEVEL);
    if entry.level < LAST_LEVEL {
        return None;
    }
    space.near = Near::of(&entry, address);
    Some(entry.at)
}

impl Near {
    /// Leaves a table that is not empty. If its count has changed: where its descriptor is, and what it must say.
    pub(super) fn leave(&mut self) -> Option<(PhysAddr, u64)> {
        let Self { block, parent: (at, raw), used, .. } = core::mem::replace(self, Self::NONE);
        (block != u64::MAX && descriptor::used(raw) != used).then(|| (at, descriptor::with_used(raw, used)))
    }
}

/// Puts a page into an invalid entry of the near table: what mapping one page comes to when its tables
/// are there. Needs no cursor, since nothing was cached before.
#[inline(always)]
pub(super) fn put_page<M: Translation>(space: &mut Space, machine: &mut M, at: PhysAddr, raw: u64) {
    machine.write_descriptor(at, raw);
    note_page(space, machine);
}

/// The rest of it, once the page is there.
#[inline(always)]
pub(super) fn note_page<M: Translation>(space: &mut Space, machine: &mut M) {
    space.near.used = space.near.used.wrapping_add(1);
    machine.publish_descriptors();
}

/// Lets a page of the near table permit something else. Steps 1 to 4 of a cursor, for one leaf.
#[inline(never)]
pub(super) fn alter_page<M: Translation>(
    space: &mut Space,
    machine: &mut M,
    address: u64,
    at: PhysAddr,
    raw: u64,
) {
    machine.write_descriptor(at, raw);
    machine.publish_descriptors();
    if let Some(asid) = space.asid {
        machine.invalidate_leaf(asid, VirtAddr(address));
        machine.complete_invalidation();
    }
}

/// Takes a page out of the near table, if it is there: what unmapping one page comes to. Steps 1 to 4 of a cursor, for
/// one leaf.
#[inline(always)]
pub(super) fn take_page<M: Translation>(space: &mut Space, machine: &mut M, address: u64, at: PhysAddr) {
    // An invalid entry of a table in use is 0 already.
    if !descriptor::is_valid(machine.replace_descriptor(at, 0)) {
        return;
    }
    space.near.used = space.near.used.wrapping_sub(1);
    machine.publish_descriptors();
    if let Some(asid) = space.asid {
        machine.invalidate_leaf(asid, VirtAddr(address));
        machine.complete_invalidation();
    }
}

/// Puts leaves into `count` invalid entries of one table above the last level, from `entry` on: what mapping a window
/// comes to when its tables are there. Needs no cursor either.
#[inline(always)]
pub(super) fn put_row<M: Translation>(
    space: &mut Space,
    machine: &mut M,
    entry: &Entry,
    first: u64,
    count: u64,
) {
    if count == 1 {
        machine.write_descriptor(entry.at, first);
    } else {
        machine.fill_descriptors(entry.at, count, first, covers(entry.level));
    }
    count_row(space, machine, entry, used(space, entry).saturating_add(count));
    machine.publish_descriptors();
}

/// Takes `count` blocks out of one table, from `entry` on, if they all are blocks and the table keeps others: what
/// unmapping a window comes to. Steps 1 to 4 of a cursor, for leaves in a row; whether it did.
pub(super) fn take_row<M: Translation>(
    space: &mut Space,
    machine: &mut M,
    (entry, address): (&Entry, u64),
    count: u64,
) -> bool {
    let (level, before) = (entry.level, used(space, entry));
    let is_block = |index: u64| {
        let raw = beside(machine, entry, index);
        descriptor::is_valid(raw) && !descriptor::is_table(level, raw)
    };
    if before <= count || count > BY_ADDRESS_LIMIT || !(0..count).all(is_block) {
        return false;
    }
    machine.clear_descriptors(entry.at, count);
    count_row(space, machine, entry, before.saturating_sub(count));
    machine.publish_descriptors();
    if let Some(asid) = space.asid {
        machine.invalidate_leaves(asid, VirtAddr(address), covers(level), count);
        machine.complete_invalidation();
    }
    true
}

/// Entries in use of the table that `entry` is in, unless that is the near one.
#[inline]
pub(super) const fn used(space: &Space, entry: &Entry) -> u64 {
    if entry.level == 0 { space.root_used } else { descriptor::used(entry.parent.1) }
}

/// Sets that count.
#[inline]
fn count_row<M: Translation>(space: &mut Space, machine: &mut M, entry: &Entry, used: u64) {
    if entry.level == 0 {
        space.root_used = used;
    } else {
        machine.write_descriptor(entry.parent.0, descriptor::with_used(entry.parent.1, used));
    }
}
