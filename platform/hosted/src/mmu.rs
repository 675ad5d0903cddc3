//! Stage 1 for EL0 with its TLB, as pessimistic as the architecture allows.
//!
//! - A descriptor write reaches the walker when it is published, not before (Arm ARM D8.2.6).
//! - A TLB invalidation takes effect when it is completed, not before (D8.17.5).
//! - Every translation used stays cached until it is invalidated, the tables on the way to it included.
//!
//! A leaf that shows RAM must have the one memory type of the frame, by which the kernel itself reaches it. One that shows
//! a device may not show past the caches what they may hold of it.
//!
//! So a barrier or an invalidation that the kernel forgets is seen by the first test that depends on it.
//! What no program could observe but the architecture forbids, such as changing a live descriptor
//! without break-before-make, panics where it happens.

use std::collections::BTreeMap;

use abi::vmo::CachePolicy;
use abi::{PhysAddr, PhysRange, VirtAddr};
use kernel::ports::{Access, Asid, CpuId, MAX_CPUS};

use crate::descriptor::{Descriptor, Leaf, covers, entry_address, is_valid, may_change_live};
use crate::lines::Lines;
use crate::ram::Ram;

/// Why a translation failed: the class and the level of a fault status code (D8.15, ESR_EL1.ISS.DFSC).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalkFault {
    /// The output address has more bits than the CPU.
    AddressSize(u32),
    /// Nothing is mapped there.
    Translation(u32),
    /// The access flag is clear.
    AccessFlag(u32),
    /// It is mapped, and not for this access.
    Permission(u32),
}

impl WalkFault {
    /// The six bits of the fault status code.
    pub const fn status_code(self) -> u64 {
        let (class, level) = match self {
            Self::AddressSize(level) => (0b0000, level),
            Self::Translation(level) => (0b0001, level),
            Self::AccessFlag(level) => (0b0010, level),
            Self::Permission(level) => (0b0011, level),
        };
        class << 2 | level as u64
    }
}

/// Where an access ends up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Translation {
    pub(crate) address: PhysAddr,
    pub(crate) leaf: Leaf,
}

/// What is cached of one leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TlbEntry {
    leaf: Leaf,
    /// Where the descriptor came from.
    source: PhysAddr,
}

/// An invalidation that was issued and not completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Invalidation {
    Leaf(Asid, u64),
    Walk(Asid, u64),
    Space(Asid),
    All,
}

/// Key of a cached item: address space, level, and the address divided by what the level covers.
type Key = (Asid, u32, u64);

/// The MMUs of all CPUs. What one has cached, all have: an invalidation reaches every one of them, and a test
/// must not depend on which CPU looked first.
#[derive(Clone, Default)]
pub(crate) struct Mmu {
    active: [Option<(PhysAddr, Asid)>; MAX_CPUS],
    here: CpuId,
    leaves: BTreeMap<Key, TlbEntry>,
    /// The table of `level + 1` that a table descriptor of `level` led to.
    tables: BTreeMap<Key, PhysAddr>,
    /// Descriptor writes that the walker does not see yet, with what it sees instead.
    unpublished: BTreeMap<PhysAddr, u64>,
    pending: Vec<Invalidation>,
    /// What caches may hold of what is not RAM.
    lines: Lines,
    physical_bits: u32,
    /// Descriptor writes so far.
    writes: u64,
    /// For which tables an ASID's cached translations were last found to be right, and after how many writes.
    /// Without a write since, and under the same tables, they are right still.
    found_right: BTreeMap<Asid, (PhysAddr, u64)>,
}

impl Mmu {
    pub(crate) fn new(physical_bits: u32) -> Self {
        Self { physical_bits, ..Self::default() }
    }

    pub(crate) const fn physical_bits(&self) -> u32 {
        self.physical_bits
    }

    /// The CPU that all accesses come from until the next call.
    pub(crate) const fn select(&mut self, cpu: CpuId) {
        self.here = cpu;
    }

    pub(crate) const fn active(&self) -> Option<(PhysAddr, Asid)> {
        self.active[self.here.index()]
    }

    pub(crate) const fn activate(&mut self, space: Option<(PhysAddr, Asid)>) {
        self.active[self.here.index()] = space;
    }

    /// A CPU whose walker starts at this table.
    pub(crate) fn user_of(&self, root: PhysAddr) -> Option<CpuId> {
        CpuId::all().find(|cpu| self.active[cpu.index()].is_some_and(|(active, _)| active == root))
    }

    pub(crate) fn read_descriptor(&self, ram: &Ram, at: PhysAddr) -> u64 {
        read_word(ram, "read_descriptor", at)
    }

    pub(crate) fn write_descriptor(&mut self, ram: &mut Ram, at: PhysAddr, value: u64) {
        let old = read_word(ram, "write_descriptor", at);
        assert!(
            may_change_live(old, value),
            "write_descriptor({at}): {old:#x} became {value:#x} without break-before-make"
        );
        if !is_valid(old) && is_valid(value) {
            self.assert_broken(at, value);
        }
        if old != value {
            self.writes += 1;
            self.unpublished.entry(at).or_insert(old);
        }
        ram.write("write_descriptor", at, &value.to_le_bytes());
    }

    /// Break-before-make: what is made must not meet a cached translation of what was broken.
    fn assert_broken(&self, at: PhysAddr, value: u64) {
        for (key, entry) in &self.leaves {
            assert!(
                entry.source != at || may_change_live(entry.leaf.raw, value),
                "write_descriptor({at}): made {value:#x} while the TLB still holds {:#x} for {:#x} of ASID {}",
                entry.leaf.raw,
                key.2 * covers(key.1),
                key.0.0,
            );
        }
    }

    pub(crate) fn publish(&mut self) {
        self.unpublished.clear();
    }

    pub(crate) fn invalidate_leaf(&mut self, asid: Asid, address: VirtAddr) {
        self.invalidate(Invalidation::Leaf(asid, address.0));
    }

    pub(crate) fn invalidate_walk(&mut self, asid: Asid, address: VirtAddr) {
        self.invalidate(Invalidation::Walk(asid, address.0));
    }

    pub(crate) fn invalidate_space(&mut self, asid: Asid) {
        self.invalidate(Invalidation::Space(asid));
    }

    pub(crate) fn invalidate_all(&mut self) {
        self.invalidate(Invalidation::All);
    }

    /// An invalidation is ordered after a store by a DSB alone (D8.17.5): without it the walker may fetch
    /// the old descriptor again as soon as it was forgotten.
    fn invalidate(&mut self, what: Invalidation) {
        if let Some((at, old)) = self.unpublished.iter().find(|(_, old)| is_valid(**old)) {
            panic!("{what:?}: issued before the write over {old:#x} at {at} was published");
        }
        self.pending.push(what);
    }

    pub(crate) fn complete(&mut self) {
        self.publish();
        for what in core::mem::take(&mut self.pending) {
            match what {
                Invalidation::Leaf(asid, address) => self.leaves.retain(|key, _| !hits(key, asid, address)),
                Invalidation::Walk(asid, address) => {
                    self.leaves.retain(|key, _| !hits(key, asid, address));
                    self.tables.retain(|key, _| !hits(key, asid, address));
                }
                Invalidation::All => {
                    self.leaves.clear();
                    self.tables.clear();
                }
                Invalidation::Space(asid) => {
                    self.leaves.retain(|key, _| key.0 != asid);
                    self.tables.retain(|key, _| key.0 != asid);
                }
            }
        }
    }

    /// Drops what caches hold of what is not RAM.
    pub(crate) fn clean(&mut self, ram: &Ram, pages: PhysRange, policy: CachePolicy) {
        assert!(!ram.range().overlaps(pages), "clean_pages({pages}): it is RAM");
        assert_ne!(policy, CachePolicy::Cached, "clean_pages({pages}): the lines may come back");
        for entry in self.leaves.values() {
            let shown = outside(ram, entry.leaf);
            assert!(
                shown.is_none_or(|shown| !shown.overlaps(pages)),
                "clean_pages({pages}): a TLB still has {:#x}",
                entry.leaf.raw
            );
        }
        self.lines.remove(pages);
    }

    /// Whether caches may hold something of what is not RAM.
    pub(crate) fn may_be_cached(&self, range: PhysRange) -> bool {
        self.lines.any_in(range).is_some()
    }

    /// Translates an access by EL0 and remembers what it found.
    pub(crate) fn access(
        &mut self,
        ram: &Ram,
        address: VirtAddr,
        access: Access,
    ) -> Result<Translation, WalkFault> {
        let (translation, fills) = self.translate(ram, address, access);
        if let Some((_, asid)) = self.active() {
            for (level, table) in fills.tables.into_iter().flatten() {
                self.tables.insert((asid, level, address.0 / covers(level)), table);
            }
            if let Some(entry) = fills.leaf {
                if is_cached(entry.leaf)
                    && let Some(shown) = outside(ram, entry.leaf)
                {
                    self.lines.add(shown);
                }
                self.leaves.insert((asid, entry.leaf.level, address.0 / covers(entry.leaf.level)), entry);
            }
        }
        translation
    }

    /// Translates an access by EL0 and leaves no trace.
    pub(crate) fn probe(
        &self,
        ram: &Ram,
        address: VirtAddr,
        access: Access,
    ) -> Result<Translation, WalkFault> {
        self.translate(ram, address, access).0
    }

    fn translate(
        &self,
        ram: &Ram,
        address: VirtAddr,
        access: Access,
    ) -> (Result<Translation, WalkFault>, Fills) {
        let mut fills = Fills::default();
        let upper = address.0 >> 48;
        let Some((root, asid)) = self.active().filter(|_| upper == 0) else {
            // The kernel's half is mapped and closed to EL0; an address in no half is in no table.
            let fault = if upper == 0xFFFF { WalkFault::Permission(3) } else { WalkFault::Translation(0) };
            return (Err(fault), fills);
        };
        let entry = match self.cached_leaf(asid, address.0) {
            Some(entry) => entry,
            None => match self.walk(ram, root, asid, address.0, &mut fills) {
                Ok(entry) => entry,
                Err(fault) => return (Err(fault), fills),
            },
        };
        (self.permit(entry.leaf, address, access), fills)
    }

    fn cached_leaf(&self, asid: Asid, address: u64) -> Option<TlbEntry> {
        [3, 2, 1]
            .into_iter()
            .find_map(|level| self.leaves.get(&(asid, level, address / covers(level))).copied())
    }

    /// Walks from the deepest cached table on.
    fn walk(
        &self,
        ram: &Ram,
        root: PhysAddr,
        asid: Asid,
        address: u64,
        fills: &mut Fills,
    ) -> Result<TlbEntry, WalkFault> {
        let cached = [2, 1, 0].into_iter().find_map(|level| {
            self.tables.get(&(asid, level, address / covers(level))).map(|table| (level + 1, *table))
        });
        let (mut level, mut table) = cached.unwrap_or((0, root));
        loop {
            let source = entry_address(table, level, address);
            match Descriptor::decode(self.walker_reads(ram, source), level) {
                Descriptor::Invalid => return Err(WalkFault::Translation(level)),
                Descriptor::Table(next) => {
                    fills.tables[level as usize] = Some((level, next));
                    table = next;
                    level += 1;
                }
                Descriptor::Leaf(leaf) => {
                    self.check_leaf(ram, leaf, source)?;
                    let entry = TlbEntry { leaf, source };
                    fills.leaf = Some(entry);
                    return Ok(entry);
                }
            }
        }
    }

    fn walker_reads(&self, ram: &Ram, at: PhysAddr) -> u64 {
        self.unpublished.get(&at).copied().unwrap_or_else(|| read_word(ram, "the table walker", at))
    }

    /// What can be wrong with a leaf before anybody asks for a permission.
    fn check_leaf(&self, ram: &Ram, leaf: Leaf, source: PhysAddr) -> Result<(), WalkFault> {
        let raw = leaf.raw;
        if (leaf.output().0 + (covers(leaf.level) - 1)) >> self.physical_bits != 0 {
            return Err(WalkFault::AddressSize(leaf.level));
        }
        // A fault for a clear access flag is not cached (D8.4.5), nor is the entry.
        if !leaf.accessed() {
            return Err(WalkFault::AccessFlag(leaf.level));
        }
        assert!(
            !leaf.is_global(),
            "descriptor {raw:#x} at {source}: a user mapping without nG outlives its ASID"
        );
        assert!(!leaf.el1_executes(), "descriptor {raw:#x} at {source}: EL1 may execute a user mapping");
        assert!(
            !(leaf.is_device() && leaf.el0_executes()),
            "descriptor {raw:#x} at {source}: Device memory that EL0 may execute is fetched from speculatively"
        );
        check_type(ram, leaf, source);
        if let Some(shown) = outside(ram, leaf).filter(|_| !is_cached(leaf))
            && let Some(page) = self.lines.any_in(shown)
        {
            panic!("descriptor {raw:#x} at {source} shows {page} past caches that may hold something of it");
        }
        if leaf.is_contiguous() {
            self.check_contiguous(ram, leaf, source);
        }
        Ok(())
    }

    /// The contiguous hint promises that all sixteen descriptors of the group agree (D8.6.1).
    fn check_contiguous(&self, ram: &Ram, leaf: Leaf, source: PhysAddr) {
        let first = PhysAddr(source.0 & !(16 * 8 - 1));
        let size = covers(leaf.level);
        let index = (source.0 - first.0) / 8;
        let start = leaf.raw.wrapping_sub(index * size);
        for other in 0..16 {
            let at = PhysAddr(first.0 + other * 8);
            let raw = self.walker_reads(ram, at);
            assert_eq!(
                raw,
                start.wrapping_add(other * size),
                "descriptor at {at} breaks the contiguous hint of {source}"
            );
        }
    }

    fn permit(&self, leaf: Leaf, address: VirtAddr, access: Access) -> Result<Translation, WalkFault> {
        let allowed = match access {
            Access::Read => leaf.el0_reads(),
            Access::Write => leaf.el0_writes(),
            Access::Execute => leaf.el0_reads() && leaf.el0_executes(),
        };
        if !allowed {
            return Err(WalkFault::Permission(leaf.level));
        }
        let offset = address.0 & (covers(leaf.level) - 1);
        Ok(Translation { address: PhysAddr(leaf.output().0 + offset), leaf })
    }

    /// Visits every leaf of the active space, with the bytes that it shows.
    pub(crate) fn each_leaf(&self, ram: &Ram, visit: &mut dyn FnMut(Leaf, u64)) {
        if let Some((root, _)) = self.active() {
            self.each_leaf_below(ram, root, 0, visit);
        }
    }

    fn each_leaf_below(&self, ram: &Ram, table: PhysAddr, level: u32, visit: &mut dyn FnMut(Leaf, u64)) {
        for entry in 0..512 {
            let raw = self.walker_reads(ram, PhysAddr(table.0 + entry * 8));
            match Descriptor::decode(raw, level) {
                Descriptor::Invalid => {}
                Descriptor::Table(next) => self.each_leaf_below(ram, next, level + 1, visit),
                Descriptor::Leaf(leaf) => visit(leaf, covers(level)),
            }
        }
    }

    /// What EL0 must not find when it runs: work of the kernel that is not finished, and cached
    /// translations of the active space that the tables no longer say. `None` if all is well.
    pub(crate) fn unfinished(&mut self, ram: &Ram) -> Option<String> {
        if let Some((at, _)) = self.unpublished.first_key_value() {
            return Some(format!(
                "{} descriptor writes not published, at {at} first",
                self.unpublished.len()
            ));
        }
        if let Some(what) = self.pending.first() {
            return Some(format!("{} invalidations not completed, {what:?} first", self.pending.len()));
        }
        let (root, asid) = self.active()?;
        let now = (root, self.writes);
        if self.found_right.get(&asid) == Some(&now) {
            return None;
        }
        let stale = self.stale(ram, root, asid);
        if stale.is_none() {
            self.found_right.insert(asid, now);
        }
        stale
    }

    /// A cached translation that the tables at `root` no longer say.
    fn stale(&self, ram: &Ram, root: PhysAddr, asid: Asid) -> Option<String> {
        let fresh = Self {
            active: self.active,
            here: self.here,
            physical_bits: self.physical_bits,
            ..Self::default()
        };
        for (key, entry) in self.leaves.iter().filter(|(key, _)| key.0 == asid) {
            let address = key.2 * covers(key.1);
            let now = fresh.walk(ram, root, asid, address, &mut Fills::default());
            if now != Ok(*entry) {
                return Some(format!(
                    "stale TLB entry {:#x} for {address:#x}; tables: {now:?}",
                    entry.leaf.raw
                ));
            }
        }
        for (key, table) in self.tables.iter().filter(|(key, _)| key.0 == asid) {
            let address = key.2 * covers(key.1);
            let mut fills = Fills::default();
            let _fault = fresh.walk(ram, root, asid, address, &mut fills);
            if fills.tables[key.1 as usize].is_none_or(|(_, now)| now != *table) {
                return Some(format!(
                    "stale walk of level {} for {address:#x}: table {table} is gone",
                    key.1
                ));
            }
        }
        None
    }
}

/// What a walk found that a TLB keeps.
#[derive(Default)]
struct Fills {
    /// By level: the table found there.
    tables: [Option<(u32, PhysAddr)>; 3],
    leaf: Option<TlbEntry>,
}

/// Every page of RAM has one memory type, here and in the kernel's own map (Arm ARM B2.16).
fn check_type(ram: &Ram, leaf: Leaf, source: PhysAddr) {
    let shown = PhysRange::new(leaf.output(), covers(leaf.level)).ok();
    let Some(shown) = shown.and_then(|shown| shown.intersect(ram.range())) else { return };
    let pages = (0..shown.size()).step_by(abi::PAGE_SIZE as usize);
    for page in pages.map(|offset| PhysAddr(shown.base().0 + offset)) {
        let policy = ram.policy_of(page);
        assert_eq!(
            leaf.mair_byte(),
            policy.mair_byte(),
            "descriptor {:#x} at {source} shows {page} by another memory type than the kernel's, {policy:?}",
            leaf.raw
        );
        assert!(
            policy == CachePolicy::Cached || ram.is_usable(page),
            "descriptor {:#x} at {source} shows {page} while caches may hold something of it",
            leaf.raw
        );
    }
}

/// What a leaf shows, if that is not RAM.
fn outside(ram: &Ram, leaf: Leaf) -> Option<PhysRange> {
    PhysRange::new(leaf.output(), covers(leaf.level)).ok().filter(|shown| !shown.overlaps(ram.range()))
}

/// Whether what a leaf shows may come into a cache.
fn is_cached(leaf: Leaf) -> bool {
    leaf.mair_byte() == CachePolicy::Cached.mair_byte()
}

fn hits(key: &Key, asid: Asid, address: u64) -> bool {
    key.0 == asid && key.2 == address / covers(key.1)
}

fn read_word(ram: &Ram, who: &str, at: PhysAddr) -> u64 {
    assert!(at.0.is_multiple_of(8), "{who}({at}): not 8-aligned");
    let mut bytes = [0; 8];
    ram.read(who, at, &mut bytes);
    u64::from_le_bytes(bytes)
}

#[cfg(test)]
#[path = "mmu_tests.rs"]
mod tests;
