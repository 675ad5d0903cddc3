//! Flags of the VMAR family (`zx_vm_option_t`), `zircon/types.h`.

/// Mapped readable.
pub const PERM_READ: u32 = 1 << 0;
/// Mapped writable; needs [`PERM_READ`].
pub const PERM_WRITE: u32 = 1 << 1;
/// Mapped executable; needs [`PERM_READ`].
pub const PERM_EXECUTE: u32 = 1 << 2;
/// Place mappings tightly.
pub const COMPACT: u32 = 1 << 3;
/// At exactly the given offset.
pub const SPECIFIC: u32 = 1 << 4;
/// At exactly the given offset, over what is mapped there.
pub const SPECIFIC_OVERWRITE: u32 = 1 << 5;
/// The region lets its holder choose addresses.
pub const CAN_MAP_SPECIFIC: u32 = 1 << 6;
/// The region may hold readable mappings.
pub const CAN_MAP_READ: u32 = 1 << 7;
/// The region may hold writable mappings.
pub const CAN_MAP_WRITE: u32 = 1 << 8;
/// The region may hold executable mappings.
pub const CAN_MAP_EXECUTE: u32 = 1 << 9;
/// Install what is there at once.
pub const MAP_RANGE: u32 = 1 << 10;
/// Refuse a resizable VMO.
pub const REQUIRE_NON_RESIZABLE: u32 = 1 << 11;
/// Faults are expected.
pub const ALLOW_FAULTS: u32 = 1 << 12;
/// The offset is the highest end allowed.
pub const OFFSET_IS_UPPER_LIMIT: u32 = 1 << 13;
/// Readable too where execute-only does not exist: here, always.
pub const PERM_READ_IF_XOM_UNSUPPORTED: u32 = 1 << 14;
/// Fault beyond the VMO's content.
pub const FAULT_BEYOND_STREAM_SIZE: u32 = 1 << 15;
/// The alignment's log2 is in the top byte: 0, or 10 to 32.
pub const ALIGN_SHIFT: u32 = 24;

/// What `zx_vmar_op_range` does (`ZX_VMAR_OP_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum RangeOp {
    /// Gives pages frames and shows them.
    Commit = 1,
    /// Takes the frames of pages away; they read as zero.
    Decommit = 2,
    /// Shows the pages that have frames.
    MapRange = 3,
    /// Fills with zeros.
    Zero = 10,
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
            3 => Self::MapRange,
            10 => Self::Zero,
            12 => Self::DontNeed,
            13 => Self::AlwaysNeed,
            14 => Self::Prefetch,
            _ => return None,
        })
    }
}

/// READ, WRITE and EXECUTE.
pub const PERM_MASK: u32 = PERM_READ | PERM_WRITE | PERM_EXECUTE;
/// The lowest address of a user address space.
pub const USER_BASE: u64 = 0x100_0000;
/// The first address above a user address space: 2^48 - 2^24.
pub const USER_END: u64 = (1 << 48) - (1 << 24);
