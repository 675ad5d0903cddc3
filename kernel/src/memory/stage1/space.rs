//! An address space's tables: what the rest of the kernel does with them.

use super::cursor::{Cursor, Entry, Shortage, find};
use super::descriptor::{self, Attributes, LAST_LEVEL, SPACE_END, covers, entry_shift, table_end};
use super::near::{Near, alter_page, approach, note_page, put_page, put_row, take_page, take_row};
use super::runs::{Step, delta, map_blocks, map_over, run, split_edges, survey};
use crate::ports::{Access, Asid, Frames, Translation};
use abi::{PAGE_SIZE, PageCount, PhysAddr, Status, VirtAddr};

/// Why nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapError {
    /// There was no frame for a table.
    NoMemory,
    /// Something is mapped at this address of the range already.
    Occupied(VirtAddr),
    /// An address or length is not a multiple of the page size, or zero, or beyond 48 bits.
    BadRange,
    /// The attributes allow EL0 nothing: there is no such leaf.
    NoAccess,
}

impl From<MapError> for Status {
    fn from(error: MapError) -> Self {
        match error {
            MapError::NoMemory => Self::NO_MEMORY,
            MapError::Occupied(_) => Self::ALREADY_EXISTS,
            MapError::BadRange | MapError::NoAccess => Self::INVALID_ARGS,
        }
    }
}

/// How far an operation with a budget came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "what is left must be asked for again"]
pub enum Progress {
    /// To the end.
    Done,
    /// All below this address is done; nothing from it on is changed.
    UpTo(VirtAddr),
}

/// What a walk finds for an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The physical page that holds the address.
    pub frame: PhysAddr,
    /// The level of the leaf: 1 for a 1 GiB block, 2 for a 2 MiB block, 3 for a page.
    pub level: u32,
    /// What it allows.
    pub attributes: Attributes,
}

impl Leaf {
    /// Whether EL0 may do this here.
    pub const fn allows(&self, access: Access) -> bool {
        match access {
            Access::Read => self.attributes.read,
            Access::Write => self.attributes.write,
            Access::Execute => self.attributes.execute,
        }
    }
}

/// The translation tables of one address space, and the ASID of what TLBs hold of it.
///
/// It owns the frames of its tables, never those that are mapped. Dropping one leaks its tables:
/// [`Space::destroy`] gives them back.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub struct Space {
    pub(super) root: PhysAddr,
    /// Under which TLBs may hold something of it; `None` if they hold nothing.
    pub(super) asid: Option<Asid>,
    /// The generation that its last ASID is of.
    generation: u64,
    /// Entries in use of the root. Other tables have this in the descriptor that leads to them.
    pub(super) root_used: u64,
    /// Tables below the root.
    pub(super) tables: u64,
    /// A table that became empty and is kept for the next one that is needed: a driver that maps and unmaps
    /// one window pays for clearing and counting a frame once. Its words are zero but the first, which leads
    /// nowhere. 0 if there is none.
    pub(super) spare: u64,
    /// The table that was used last.
    pub(super) near: Near,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Whole,
    /// [`Space::destroy`] came as far as this address.
    Razed(u64),
    /// Nothing is left, the root neither.
    Gone,
}

impl Space {
    /// An empty space, without an ASID.
    ///
    /// # Errors
    /// [`MapError::NoMemory`].
    pub fn new<M: Frames + Translation>(machine: &mut M) -> Result<Self, MapError> {
        let root = machine.allocate_table().ok_or(MapError::NoMemory)?;
        machine.zero_frame(root);
        machine.publish_descriptors();
        let state = State::Whole;
        Ok(Self {
            root,
            asid: None,
            generation: 0,
            root_used: 0,
            tables: 0,
            spare: 0,
            near: Near::NONE,
            state,
        })
    }

    /// The root table, for `Translation::activate`.
    pub const fn root(&self) -> PhysAddr {
        self.root
    }

    /// Its ASID, if that is of this generation, the present one.
    pub fn asid_in(&self, generation: u64) -> Option<Asid> {
        self.asid.filter(|_| self.generation == generation)
    }

    /// Gives it an ASID of a generation, under which no TLB holds anything of another space.
    pub const fn give_asid(&mut self, asid: Asid, generation: u64) {
        (self.asid, self.generation) = (Some(asid), generation);
    }

    /// Takes what ASID it has over into a generation that begins while a CPU uses it. Gives that ASID.
    pub const fn keep_asid(&mut self, generation: u64) -> Option<Asid> {
        self.generation = generation;
        self.asid
    }

    /// Forgets an ASID of an older generation than the present one: no TLB holds anything of this space.
    pub const fn forget_old_asid(&mut self, generation: u64) {
        if self.generation != generation {
            self.asid = None;
        }
    }

    /// Frames that the tables take, the root and the spare one included.
    pub fn tables(&self) -> PageCount {
        let more = 1 + u64::from(self.spare != 0);
        PageCount(if self.state == State::Gone { 0 } else { self.tables.saturating_add(more) })
    }

    /// Whether an empty table is kept for the next one that is needed.
    pub const fn has_spare_table(&self) -> bool {
        self.spare != 0
    }

    /// What the hardware would find for an address. Costs four reads at most and changes nothing.
    pub fn walk<M: Translation>(&self, machine: &M, address: VirtAddr) -> Option<Leaf> {
        if address.0 >= SPACE_END || self.state != State::Whole {
            return None;
        }
        let Entry { level, raw, .. } = find(machine, self.root, address.0, LAST_LEVEL);
        if !descriptor::is_valid(raw) {
            return None;
        }
        let offset = address.0 & (covers(level) - 1) & !(PAGE_SIZE - 1);
        let frame = PhysAddr(descriptor::output(raw).0 | offset);
        Some(Leaf { frame, level, attributes: descriptor::leaf_attributes(raw) })
    }

    /// Makes every table that pages in the range need, so that [`Space::map_page`] there cannot run out
    /// of memory. What blocks show already needs none. An `unmap` that meets the tables while they are
    /// empty frees them.
    ///
    /// # Errors
    /// [`MapError::NoMemory`], [`MapError::BadRange`].
    pub fn reserve_tables<M: Frames + Translation>(
        &mut self,
        machine: &mut M,
        address: VirtAddr,
        length: u64,
    ) -> Result<(), MapError> {
        let end = self.check(address, length)?;
        self.change(machine, |cursor| {
            let mut shortage = Shortage::default();
            let mut at = address.0;
            while at < end {
                let entry = cursor.find(at);
                if !descriptor::is_valid(entry.raw) {
                    shortage.note(at, entry.level, LAST_LEVEL);
                }
                at = table_end(LAST_LEVEL, at);
            }
            cursor.stock(shortage.tables)?;
            at = address.0;
            while shortage.tables > 0 && at < end {
                if !descriptor::is_valid(cursor.find(at).raw) {
                    cursor.make(at, LAST_LEVEL)?;
                }
                at = table_end(LAST_LEVEL, at);
            }
            Ok(())
        })
    }

    /// One operation on the tables. Whatever comes of it, it ends in order.
    fn change<M: Frames + Translation, T>(
        &mut self,
        machine: &mut M,
        operation: impl FnOnce(&mut Cursor<'_, M>) -> Result<T, MapError>,
    ) -> Result<T, MapError> {
        let mut cursor = Cursor::new(self, machine);
        let result = operation(&mut cursor);
        cursor.finish();
        result
    }

    /// The entry for a page, if there is a table for it: that table is near then.
    #[inline]
    fn page_entry<M: Translation>(&mut self, machine: &mut M, address: u64) -> Option<PhysAddr> {
        self.near.entry(address).or_else(|| approach(self, machine, address))
    }

    /// Where a page can be put whose table is near, and what is to be put there. `None` if its table is elsewhere, or EL0
    /// may do nothing with it.
    #[inline(always)]
    pub(crate) fn place_of_page(
        &self,
        address: VirtAddr,
        page: PhysAddr,
        attributes: Attributes,
    ) -> Option<(PhysAddr, u64)> {
        let bits = descriptor::attribute_bits(attributes)?;
        let at = self.near.entry(address.0).filter(|_| page.0 < PHYSICAL_END)?;
        Some((at, descriptor::leaf(LAST_LEVEL, page.0, bits)))
    }

    /// Puts a page where [`Space::place_of_page`] says, if nothing is there. Whether it did.
    #[inline(always)]
    pub(crate) fn put_page<M: Translation>(&mut self, machine: &mut M, (at, raw): (PhysAddr, u64)) -> bool {
        let is_vacant = machine.fill_descriptor(at, raw);
        if is_vacant {
            note_page(self, machine);
        }
        is_vacant
    }

    /// Where the leaf of a page is whose table is near.
    #[inline(always)]
    pub(crate) fn near_page(&self, address: VirtAddr) -> Option<PhysAddr> {
        self.near.entry(address.0)
    }

    /// Takes a page out of the table that is near, if it is there.
    #[inline(always)]
    pub(crate) fn drop_page<M: Translation>(&mut self, machine: &mut M, address: VirtAddr, at: PhysAddr) {
        take_page(self, machine, address.0, at);
    }

    /// Maps a physical run where nothing is mapped, with the largest blocks that both addresses allow.
    ///
    /// # Errors
    /// [`MapError`], each; nothing changed.
    #[inline]
    pub fn map_run<M: Frames + Translation>(
        &mut self,
        machine: &mut M,
        address: VirtAddr,
        base: PhysAddr,
        length: u64,
        attributes: Attributes,
    ) -> Result<(), MapError> {
        let bits = descriptor::attribute_bits(attributes).ok_or(MapError::NoAccess)?;
        // What is near lies in a space that is whole, so this is all there is to check.
        if length == PAGE_SIZE
            && (address.0 | base.0) & (PAGE_SIZE - 1) == 0
            && base.0 < PHYSICAL_END
            && let Some(at) = self.near.entry(address.0)
            && !descriptor::is_valid(machine.read_descriptor(at))
        {
            put_page(self, machine, at, descriptor::leaf(LAST_LEVEL, base.0, bits));
            return Ok(());
        }
        self.map_elsewhere(machine, address, base, length, bits)
    }

    /// [`Space::map_run`], if it is not just one page whose table is near.
    #[inline(never)]
    fn map_elsewhere<M: Frames + Translation>(
        &mut self,
        machine: &mut M,
        address: VirtAddr,
        base: PhysAddr,
        length: u64,
        bits: u64,
    ) -> Result<(), MapError> {
        let end = self.check(address, length)?;
        check_physical(base, length)?;
        if length == PAGE_SIZE {
            if let Some(at) = self.page_entry(machine, address.0)
                && !descriptor::is_valid(machine.read_descriptor(at))
            {
                put_page(self, machine, at, descriptor::leaf(LAST_LEVEL, base.0, bits));
                return Ok(());
            }
        } else {
            let Step { entry, level, count } = survey(self, machine, address.0, delta(address.0, base), end)?;
            // The usual case: one table holds all its blocks, and is there.
            if entry.level == level && level < LAST_LEVEL && count << entry_shift(level) == length {
                put_row(self, machine, &entry, descriptor::leaf(level, base.0, bits), count);
                return Ok(());
            }
        }
        self.map_blocks(machine, (address.0, end), base, bits)
    }

    /// [`Space::map_run`] with a cursor.
    #[inline(never)]
    fn map_blocks<M: Frames + Translation>(
        &mut self,
        machine: &mut M,
        (start, end): (u64, u64),
        base: PhysAddr,
        bits: u64,
    ) -> Result<(), MapError> {
        self.change(machine, |cursor| map_blocks(cursor, start, base, end, bits))
    }

    /// Maps one page, in place of whatever is there.
    ///
    /// # Errors
    /// [`MapError::NoMemory`] if a table is missing or a block must be split, and there is no frame for it;
    /// [`MapError::BadRange`], [`MapError::NoAccess`]. Nothing changed.
    pub fn map_page<M: Frames + Translation>(
        &mut self,
        machine: &mut M,
        address: VirtAddr,
        frame: PhysAddr,
        attributes: Attributes,
    ) -> Result<(), MapError> {
        self.check(address, PAGE_SIZE)?;
        check_physical(frame, PAGE_SIZE)?;
        let bits = descriptor::attribute_bits(attributes).ok_or(MapError::NoAccess)?;
        let raw = descriptor::leaf(LAST_LEVEL, frame.0, bits);
        if let Some(at) = self.page_entry(machine, address.0) {
            let old = machine.read_descriptor(at);
            if !descriptor::is_valid(old) {
                put_page(self, machine, at, raw);
                return Ok(());
            }
        }
        self.change(machine, |cursor| map_over(cursor, address.0, raw))
    }

    /// Unmaps what is mapped in the range. Blocks across its edges are split; tables that become empty are
    /// freed. The cost is that of the table entries looked at, not of the range.
    ///
    /// # Errors
    /// [`MapError::NoMemory`] if a block must be split and there is no frame for it, [`MapError::BadRange`];
    /// nothing changed.
    #[inline]
    pub fn unmap<M: Frames + Translation>(
        &mut self,
        machine: &mut M,
        address: VirtAddr,
        length: u64,
        budget: u32,
    ) -> Result<Progress, MapError> {
        let end = self.check(address, length)?;
        if length == PAGE_SIZE
            && let Some(at) = self.page_entry(machine, address.0)
        {
            take_page(self, machine, address.0, at);
            return Ok(Progress::Done);
        }
        self.unmap_many(machine, (address.0, end), budget)
    }

    /// Unmaps what is mapped in the range if that is one page whose table is near, or blocks in a row in one table that
    /// keeps others: what takes neither memory nor a budget. Whether it did.
    #[inline(always)]
    pub fn unmap_at_once<M: Frames + Translation>(
        &mut self,
        machine: &mut M,
        address: VirtAddr,
        length: u64,
    ) -> bool {
        if length == PAGE_SIZE
            && address.0 & (PAGE_SIZE - 1) == 0
            && let Some(at) = self.near.entry(address.0)
        {
            take_page(self, machine, address.0, at);
            return true;
        }
        length >= covers(LAST_LEVEL - 1) && self.unmap_row(machine, address, length)
    }

    /// The part of [`Space::unmap_at_once`] that is about blocks.
    #[inline(never)]
    fn unmap_row<M: Translation>(&mut self, machine: &mut M, address: VirtAddr, length: u64) -> bool {
        let Ok(end) = self.check(address, length) else { return false };
        let entry = find(machine, self.root, address.0, LAST_LEVEL);
        let (level, size) = (entry.level, covers(entry.level));
        level < LAST_LEVEL
            && (address.0 | length) & (size - 1) == 0
            && end <= table_end(level, address.0)
            && take_row(self, machine, (&entry, address.0), length >> entry_shift(level))
    }

    /// [`Space::unmap`] but for one page whose table is near.
    #[inline(never)]
    fn unmap_many<M: Frames + Translation>(
        &mut self,
        machine: &mut M,
        (start, end): (u64, u64),
        budget: u32,
    ) -> Result<Progress, MapError> {
        self.change(machine, |cursor| {
            let entry = split_edges(cursor, start, end)?;
            Ok(run(cursor, entry, start, end, budget, |cursor, entry, at, budget| {
                cursor.clear(entry, at, end, budget)
            }))
        })
    }

    /// Gives what is mapped in the range other attributes; where nothing is mapped, nothing changes.
    /// Permissions change in place, a memory type by break-before-make. Attributes that allow nothing
    /// unmap the range.
    ///
    /// # Errors
    /// As for [`Space::unmap`].
    pub fn protect<M: Frames + Translation>(
        &mut self,
        machine: &mut M,
        address: VirtAddr,
        length: u64,
        attributes: Attributes,
        budget: u32,
    ) -> Result<Progress, MapError> {
        let Some(bits) = descriptor::attribute_bits(attributes) else {
            return self.unmap(machine, address, length, budget);
        };
        let end = self.check(address, length)?;
        if length == PAGE_SIZE
            && let Some(at) = self.page_entry(machine, address.0)
        {
            let old = machine.read_descriptor(at);
            let new = descriptor::leaf(LAST_LEVEL, descriptor::output(old).0, bits);
            if descriptor::is_valid(old) && descriptor::differ_in_permissions_only(old, new) {
                alter_page(self, machine, address.0, at, new);
                return Ok(Progress::Done);
            }
        }
        self.change(machine, |cursor| {
            let entry = split_edges(cursor, address.0, end)?;
            Ok(run(cursor, entry, address.0, end, budget, |cursor, entry, at, budget| {
                cursor.change(entry, at, end, bits, budget)
            }))
        })
    }

    /// Takes the tables apart. No CPU may have the space active, from the first call on; after it no other
    /// operation does anything. Done means that every frame is given back and that no TLB holds anything
    /// under the ASID.
    pub fn destroy<M: Frames + Translation>(&mut self, machine: &mut M, mut budget: u32) -> Progress {
        let mut at = match self.state {
            State::Gone => return Progress::Done,
            State::Razed(at) => at,
            State::Whole => {
                if let Some(asid) = self.asid {
                    machine.invalidate_space(asid);
                    machine.complete_invalidation();
                }
                if self.spare != 0 {
                    machine.free_table(PhysAddr(core::mem::take(&mut self.spare)));
                }
                0
            }
        };
        budget = budget.max(1);
        let mut cursor = Cursor::new(self, machine);
        while !cursor.is_empty() && at < SPACE_END && budget > 0 {
            at = cursor.raze(at, &mut budget);
        }
        cursor.finish_inactive();
        if self.root_used > 0 && at < SPACE_END {
            self.state = State::Razed(at);
            return Progress::UpTo(VirtAddr(at));
        }
        machine.free_table(self.root);
        self.state = State::Gone;
        Progress::Done
    }

    /// The end of a range that tables can hold.
    fn check(&self, address: VirtAddr, length: u64) -> Result<u64, MapError> {
        let end = address.0.checked_add(length).ok_or(MapError::BadRange)?;
        let aligned = (address.0 | length) & (PAGE_SIZE - 1) == 0;
        if aligned && length != 0 && end <= SPACE_END && self.state == State::Whole {
            Ok(end)
        } else {
            Err(MapError::BadRange)
        }
    }
}

/// Where the physical addresses end that a descriptor holds.
const PHYSICAL_END: u64 = 1 << 48;

/// A descriptor holds 48 bits of physical address.
fn check_physical(base: PhysAddr, length: u64) -> Result<(), MapError> {
    match base.checked_add(length) {
        Some(end) if base.is_page_aligned() && end.0 <= PHYSICAL_END => Ok(()),
        _ => Err(MapError::BadRange),
    }
}
