//! Runs of leaves: how they are cut into what one table holds, before and while a [cursor](super::cursor) changes them.

use super::cursor::{Cursor, Entry, Shortage, beside, find};
use super::descriptor::{
    self, FIRST_LEAF_LEVEL, LAST_LEVEL, covers, entry_index, entry_shift, largest_leaf, table_end,
};
use super::near::used;
use super::space::{MapError, Progress, Space};
use crate::ports::{Frames, Translation};
use abi::{PhysAddr, VirtAddr};

/// What a run of leaves of one size, within one table, comes to.
pub(super) struct Step {
    /// Where the walk for the first of them ends.
    pub(super) entry: Entry,
    /// Their level: the entry's, or deeper if tables are missing.
    pub(super) level: u32,
    pub(super) count: u64,
}

/// Physical address minus virtual one: the same all along a run.
pub(super) const fn delta(start: u64, base: PhysAddr) -> u64 {
    base.0.wrapping_sub(start)
}

/// [`Space::map_run`] with a cursor.
pub(super) fn map_blocks<M: Frames + Translation>(
    cursor: &mut Cursor<'_, M>,
    start: u64,
    base: PhysAddr,
    end: u64,
    bits: u64,
) -> Result<(), MapError> {
    let delta = delta(start, base);
    let leaf = |level, at: u64| descriptor::leaf(level, at.wrapping_add(delta), bits);

    let mut shortage = Shortage::default();
    let mut at = start;
    while at < end {
        let (space, machine) = cursor.view();
        let Step { entry, level, count } = survey(space, machine, at, delta, end)?;
        if at == start && entry.level == level && count << entry_shift(level) == end - start {
            // The usual case: one table holds it all and is there.
            cursor.fill(&entry, leaf(level, at), count);
            return Ok(());
        }
        shortage.note(at, entry.level, level);
        at = at.saturating_add(count << entry_shift(level));
    }
    cursor.stock(shortage.tables)?;
    at = start;
    while at < end {
        let (space, machine) = cursor.view();
        let Step { level, count, .. } = survey(space, machine, at, delta, end)?;
        let entry = cursor.make(at, level)?;
        cursor.fill(&entry, leaf(level, at), count);
        at = at.saturating_add(count << entry_shift(level));
    }
    Ok(())
}

/// The rest of [`Space::map_page`]: tables are missing, or something is mapped.
#[inline(never)]
pub(super) fn map_over<M: Frames + Translation>(
    cursor: &mut Cursor<'_, M>,
    address: u64,
    raw: u64,
) -> Result<(), MapError> {
    let mut entry = cursor.find(address);
    if entry.level < LAST_LEVEL {
        cursor.stock(u64::from(LAST_LEVEL.saturating_sub(entry.level)))?;
        cursor.split(address, LAST_LEVEL)?;
        entry = cursor.make(address, LAST_LEVEL)?;
    }
    if !descriptor::is_valid(entry.raw) {
        cursor.fill(&entry, raw, 1);
    } else if entry.raw != raw {
        cursor.replace(address, &entry, raw);
    }
    Ok(())
}

/// Looks at where the next leaves of a run will go: as large as both addresses, the end and the tables that
/// are there allow, and as many as one table holds.
#[inline(always)]
pub(super) fn survey<M: Translation>(
    space: &Space,
    machine: &M,
    at: u64,
    delta: u64,
    end: u64,
) -> Result<Step, MapError> {
    let entry = find(machine, space.root, at, LAST_LEVEL);
    if descriptor::is_valid(entry.raw) {
        return Err(MapError::Occupied(VirtAddr(at)));
    }
    let left = end.saturating_sub(at);
    let mut level = largest_leaf(at | at.wrapping_add(delta)).max(entry.level);
    while level < LAST_LEVEL && covers(level) > left {
        level += 1;
    }
    let room = descriptor::ENTRIES.saturating_sub(entry_index(level, at));
    let mut count = (left >> entry_shift(level)).min(room);
    if entry.level == level
        && count > 1
        && used(space, &entry) > 0
        && !machine.are_descriptors_zero(PhysAddr(entry.at.0.wrapping_add(8)), count.saturating_sub(1))
    {
        for index in 1..count {
            let raw = beside(machine, &entry, index);
            if descriptor::is_table(level, raw) {
                count = index;
                break;
            }
            if descriptor::is_valid(raw) {
                return Err(MapError::Occupied(VirtAddr(at.saturating_add(index << entry_shift(level)))));
            }
        }
    }
    Ok(Step { entry, level, count })
}

/// Splits the blocks that lie across either end of a range. What is shown stays the same. Returns the entry
/// at the start.
pub(super) fn split_edges<M: Frames + Translation>(
    cursor: &mut Cursor<'_, M>,
    start: u64,
    end: u64,
) -> Result<Entry, MapError> {
    let entry = cursor.find(start);
    if entry.level == LAST_LEVEL && end <= table_end(LAST_LEVEL, start) {
        return Ok(entry);
    }
    let mut shortage = Shortage::default();
    for edge in [start, end] {
        // An edge that any leaf may start at splits none; 2^48 is such a one.
        if largest_leaf(edge) > FIRST_LEAF_LEVEL {
            let entry = cursor.find(edge);
            if descriptor::is_valid(entry.raw) {
                shortage.note(edge, entry.level, largest_leaf(edge));
            }
        }
    }
    if shortage.tables == 0 {
        return Ok(entry);
    }
    cursor.stock(shortage.tables)?;
    cursor.split(start, largest_leaf(start))?;
    cursor.split(end, largest_leaf(end))?;
    Ok(cursor.find(start))
}

/// Repeats a step, which does a part of one table and says where to go on, until the end or until the
/// budget is used up.
pub(super) fn run<M: Frames + Translation>(
    cursor: &mut Cursor<'_, M>,
    mut entry: Entry,
    start: u64,
    end: u64,
    budget: u32,
    step: impl Fn(&mut Cursor<'_, M>, &Entry, u64, &mut u32) -> u64,
) -> Progress {
    let mut budget = budget.max(1);
    let mut at = start;
    loop {
        at = step(cursor, &entry, at, &mut budget);
        if at >= end {
            return Progress::Done;
        }
        if budget == 0 {
            return Progress::UpTo(VirtAddr(at));
        }
        entry = cursor.find(at);
    }
}
