//! Virtual memory address regions: what is mapped where.
use abi::vmar::{
    CAN_MAP_EXECUTE, CAN_MAP_READ, CAN_MAP_SPECIFIC, CAN_MAP_WRITE, PERM_EXECUTE, PERM_MASK, PERM_READ,
    PERM_WRITE,
};
use abi::{Koid, Rights, Signals};

use super::{Header, Mapping, Object, Process, Thread};
use crate::collections::arena::Id;
use crate::collections::{Extent, ExtentTree};

/// What takes up a part of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A mapping.
    Mapping {
        /// The mapping.
        id: Id<Mapping>,
        /// Its bytes.
        length: u64,
    },
    /// A region inside the region, whatever is in it.
    Region {
        /// The region. The entry keeps it.
        vmar: Id<Vmar>,
        /// Its bytes.
        size: u64,
    },
}

impl Entry {
    /// The mapping, if it is one.
    pub const fn mapping(&self) -> Option<Id<Mapping>> {
        match self {
            Self::Mapping { id, .. } => Some(*id),
            Self::Region { .. } => None,
        }
    }
}

impl Extent for Entry {
    #[inline(always)]
    fn length(&self) -> u64 {
        match self {
            Self::Mapping { length, .. } => *length,
            Self::Region { size, .. } => *size,
        }
    }

    /// Its id; the lowest bit is 1 for a region's.
    #[inline(always)]
    fn word(&self) -> u64 {
        match self {
            Self::Mapping { id, .. } => id.pack(),
            Self::Region { vmar, .. } => vmar.pack() | 1,
        }
    }

    #[inline(always)]
    fn of(word: u64, length: u64) -> Self {
        if word & 1 == 0 {
            Self::Mapping { id: Id::unpack(word), length }
        } else {
            Self::Region { vmar: Id::unpack(word), size: length }
        }
    }
}

/// Where a region is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VmarState {
    /// It can be mapped into.
    Live,
    /// It was destroyed: it gets nothing new, and what is in it is being taken out.
    Dying,
    /// Nothing is left of it but the object.
    Dead,
}

/// A region of a process's address space.
#[derive(Debug)]
pub struct Vmar {
    /// What every object has.
    pub header: Header,
    /// Whose it is; `None` for the moment before that process exists.
    pub process: Option<Id<Process>>,
    /// The region that it is in, as long as it is; the root is in none.
    pub parent: Option<Id<Self>>,
    /// The first address.
    pub base: u64,
    /// Bytes.
    pub size: u64,
    /// What its mappings may be, and whether their places may be chosen (`abi::vmar::CAN_MAP_*`).
    pub flags: u32,
    /// What is in it by address. Entries do not overlap.
    pub entries: ExtentTree<Entry>,
    /// Where the search for room starts: random, so that addresses tell little.
    pub hint: u64,
    /// From the hint to here all is taken: the search need not look there again.
    pub free_from: u64,
    /// What the last search for room found out.
    pub fit: Fit,
    /// Where it is in its life.
    pub state: VmarState,
    /// How far its end has come.
    pub end: Teardown,
}

/// That from a region's [hint](Vmar::hint) up to an address there is no room for so many bytes, so aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fit {
    /// The bytes.
    pub length: u64,
    /// What their address must be a multiple of.
    pub align: u64,
    /// Or what it must leave when it is divided by that.
    pub residue: u64,
    /// Up to where there is no room. Here there was.
    pub at: u64,
}

impl Fit {
    /// No alignment is 0, so it says nothing of any bytes.
    const NOTHING: Self = Self { length: 0, align: 0, residue: 0, at: 0 };
}

/// How far the end of a region has come. See [`crate::memory::region`].
#[derive(Debug, Default)]
pub struct Teardown {
    /// The region inside it that is taken apart now; `None` for itself.
    pub at: Option<Id<Vmar>>,
    /// Up to where the tables no longer show its first mapping.
    pub cleared: u64,
    /// Whether the reaper has it.
    pub queued: bool,
    /// The thread whose call of `zx_vmar_destroy` goes on until nothing is left.
    pub caller: Option<Id<Thread>>,
}

/// Every CAN_MAP flag: what the root allows.
pub const CAN_MAP_ALL: u32 = CAN_MAP_READ | CAN_MAP_WRITE | CAN_MAP_EXECUTE | CAN_MAP_SPECIFIC;

impl Vmar {
    /// The region that is a whole user address space.
    pub fn root(koid: Koid, hint: u64) -> Self {
        let (base, end) = (abi::vmar::USER_BASE, abi::vmar::USER_END);
        Self {
            header: Header::new(koid, Signals::NONE),
            process: None,
            parent: None,
            base,
            size: end - base,
            flags: CAN_MAP_ALL,
            entries: ExtentTree::default(),
            hint,
            free_from: hint,
            fit: Fit::NOTHING,
            state: VmarState::Live,
            end: Teardown::default(),
        }
    }

    /// Whether it was destroyed, or its process has ended.
    pub fn is_over(&self) -> bool {
        self.state != VmarState::Live
    }

    /// Notes that an address and what follows it is taken now.
    pub const fn note_taken(&mut self, base: u64, length: u64) {
        if base == self.free_from {
            self.free_from = base.saturating_add(length);
        }
    }

    /// Notes that what starts at an address is free now.
    pub const fn note_free(&mut self, from: u64) {
        if self.hint <= from && from < self.free_from {
            self.free_from = from;
        }
        if from < self.fit.at {
            self.fit = Fit::NOTHING;
        }
    }

    /// The permissions that its mappings may have.
    pub const fn permissions(&self) -> u32 {
        (self.flags / CAN_MAP_READ) & PERM_MASK
    }

    /// Whether `[address, address + length)` lies inside.
    pub const fn holds(&self, address: u64, length: u64) -> bool {
        match (address.checked_add(length), self.base.checked_add(self.size)) {
            (Some(end), Some(own_end)) => self.base <= address && end <= own_end,
            _ => false,
        }
    }
}

/// The permissions that a handle's rights stand for.
pub const fn permissions_of(rights: Rights) -> u32 {
    (rights.0 / Rights::READ.0) & PERM_MASK
}

/// The rights that CAN_MAP flags stand for.
pub const fn rights_of(flags: u32) -> Rights {
    Rights(((flags / CAN_MAP_READ) & PERM_MASK) * Rights::READ.0)
}

/// Permissions, rights and flags have the same three bits in a row, so one becomes another by a shift.
const _: () = {
    assert!(PERM_READ == 1 && PERM_WRITE == 1 << 1 && PERM_EXECUTE == 1 << 2);
    assert!(Rights::WRITE.0 == Rights::READ.0 << 1 && Rights::EXECUTE.0 == Rights::READ.0 << 2);
    assert!(CAN_MAP_WRITE == CAN_MAP_READ << 1 && CAN_MAP_EXECUTE == CAN_MAP_READ << 2);
};

/// The rights of the first handle to a region with these flags.
pub fn default_rights(flags: u32) -> Rights {
    (Vmar::DEFAULT_RIGHTS - (Rights::IO | Rights::EXECUTE)) | rights_of(flags)
}
