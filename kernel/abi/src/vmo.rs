//! Flags and numbers of the VMO family, `zircon/types.h`.
use crate::abi_struct;

/// Options of `zx_vmo_create`.
pub mod create {
    /// The size can be changed later.
    pub const RESIZABLE: u32 = 1 << 1;
    /// The kernel may discard the pages while it is unlocked.
    pub const DISCARDABLE: u32 = 1 << 2;
    /// As large as possible; the size argument is ignored.
    pub const UNBOUNDED: u32 = 1 << 4;
}

/// Options of `zx_vmo_create_child`.
pub mod child {
    /// A copy-on-write snapshot.
    pub const SNAPSHOT: u32 = 1 << 0;
    /// The child can be resized.
    pub const RESIZABLE: u32 = 1 << 2;
    /// A window onto the parent's own pages.
    pub const SLICE: u32 = 1 << 3;
    /// A snapshot taken no later than the first write.
    pub const SNAPSHOT_AT_LEAST_ON_WRITE: u32 = 1 << 4;
    /// The child's handle lacks WRITE.
    pub const NO_WRITE: u32 = 1 << 5;
    /// Another object onto the same pages.
    pub const REFERENCE: u32 = 1 << 6;
    /// A snapshot that reads through to unmodified pages.
    pub const SNAPSHOT_MODIFIED: u32 = 1 << 7;
    /// Every flag there is.
    pub const ALL: u32 =
        SNAPSHOT | RESIZABLE | SLICE | SNAPSHOT_AT_LEAST_ON_WRITE | NO_WRITE | REFERENCE | SNAPSHOT_MODIFIED;
}

/// What `zx_vmo_op_range` does (`ZX_VMO_OP_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum RangeOp {
    /// Gives pages frames.
    Commit = 1,
    /// Takes the frames of pages away; they read as zero.
    Decommit = 2,
    /// Keeps a discardable VMO, and says what was discarded before.
    Lock = 3,
    /// Lets a discardable VMO be discarded.
    Unlock = 4,
    /// Makes written instructions visible to fetches.
    CacheSync = 6,
    /// Drops cache lines, written or not.
    CacheInvalidate = 7,
    /// Writes cache lines to memory.
    CacheClean = 8,
    /// Writes cache lines to memory and drops them.
    CacheCleanInvalidate = 9,
    /// Fills with zeros.
    Zero = 10,
    /// Keeps a discardable VMO if nothing of it was discarded.
    TryLock = 11,
    /// A hint: not needed soon.
    DontNeed = 12,
    /// A hint: to be kept.
    AlwaysNeed = 13,
    /// A hint: needed soon.
    Prefetch = 14,
}

impl RangeOp {
    /// The operation with this number.
    pub const fn from_raw(value: u32) -> Option<Self> {
        Some(match value {
            1 => Self::Commit,
            2 => Self::Decommit,
            3 => Self::Lock,
            4 => Self::Unlock,
            6 => Self::CacheSync,
            7 => Self::CacheInvalidate,
            8 => Self::CacheClean,
            9 => Self::CacheCleanInvalidate,
            10 => Self::Zero,
            11 => Self::TryLock,
            12 => Self::DontNeed,
            13 => Self::AlwaysNeed,
            14 => Self::Prefetch,
            _ => return None,
        })
    }
}

abi_struct! {
    /// What a lock of a discardable VMO finds.
    struct LockState as "zx_vmo_lock_state_t" {
        /// Where what is locked starts: 0.
        offset: u64,
        /// Its bytes: the whole VMO.
        size: u64,
        /// Where what was discarded starts.
        discarded_offset: u64,
        /// Its bytes; 0 if nothing was.
        discarded_size: u64,
    }
}

const _: () = assert!(size_of::<LockState>() == 32);

/// A VMO's cache policy (`ZX_CACHE_POLICY_*`).
///
/// | policy | value | Arm memory type | MAIR byte |
/// |---|---|---|---|
/// | `Cached` | 0 | Normal, write-back, inner shareable | 0xFF |
/// | `Uncached` | 1 | Device-nGnRnE | 0x00 |
/// | `UncachedDevice` | 2 | Device-nGnRE | 0x04 |
/// | `WriteCombining` | 3 | Normal, non-cacheable | 0x44 |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum CachePolicy {
    /// For RAM and memory-like windows that nobody else changes.
    Cached = 0,
    /// For registers that must be written before the next instruction runs.
    Uncached = 1,
    /// For registers: the usual choice, and the default of a physical VMO.
    UncachedDevice = 2,
    /// For framebuffers and prefetchable windows.
    WriteCombining = 3,
}

impl CachePolicy {
    /// The policy with this number; `None` for anything but 0 to 3.
    pub const fn from_raw(value: u32) -> Option<Self> {
        match value {
            0 => Some(Self::Cached),
            1 => Some(Self::Uncached),
            2 => Some(Self::UncachedDevice),
            3 => Some(Self::WriteCombining),
            _ => None,
        }
    }

    /// Whether the policy gives one of the two Device memory types.
    pub const fn is_device(self) -> bool {
        matches!(self, Self::Uncached | Self::UncachedDevice)
    }

    /// The byte of `MAIR_EL1` that this policy uses (Arm ARM D24.2, MAIR_EL1).
    pub const fn mair_byte(self) -> u8 {
        match self {
            Self::Cached => 0xFF,
            Self::Uncached => 0x00,
            Self::UncachedDevice => 0x04,
            Self::WriteCombining => 0x44,
        }
    }
}
