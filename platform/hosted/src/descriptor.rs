//! Stage 1 descriptors as the table walker reads them (Arm ARM D8.3): a decoder of its own, so that the
//! kernel's encoder is checked against the architecture and not against itself.
//!
//! | bits | field | meaning |
//! |---|---|---|
//! | 0 | valid | 0: the walk ends with a translation fault |
//! | 1 | type | levels 0 to 2: 1 table, 0 block; level 3: 1 page, 0 reserved |
//! | 4:2 | AttrIndx | byte of `MAIR_EL1` |
//! | 6 | AP\[1\] | 1: EL0 may access |
//! | 7 | AP\[2\] | 1: read-only |
//! | 9:8 | SH | 0 none, 2 outer, 3 inner |
//! | 10 | AF | 0: access flag fault |
//! | 11 | nG | 1: the ASID counts |
//! | 47:12 | output address | of the page, block or next table |
//! | 53 | PXN | EL1 may not execute |
//! | 54 | UXN | EL0 may not execute |

use abi::PhysAddr;

/// `MAIR_EL1` as the kernel and this machine agree on it, byte 0 first.
pub const MAIR: [u8; 8] = [0x00, 0x04, 0xFF, 0x44, 0, 0, 0, 0];

const VALID: u64 = 1 << 0;
const TABLE_OR_PAGE: u64 = 1 << 1;
const AP_EL0: u64 = 1 << 6;
const AP_READ_ONLY: u64 = 1 << 7;
const AF: u64 = 1 << 10;
const NOT_GLOBAL: u64 = 1 << 11;
const CONTIGUOUS: u64 = 1 << 52;
const PXN: u64 = 1 << 53;
const UXN: u64 = 1 << 54;
const OUTPUT: u64 = 0x0000_FFFF_FFFF_F000;
/// NSTable, APTable, UXNTable and PXNTable: rights that a table takes away from everything below it.
const TABLE_ATTRIBUTES: u64 = 0x1F << 59;
/// What may change in a live descriptor without break-before-make (D8.16.1): permissions, the access
/// flag, and the bits left to software.
const CHANGEABLE: u64 = AP_EL0 | AP_READ_ONLY | AF | PXN | UXN | 0xF << 55;
/// What the walker ignores in a table descriptor besides (D8.3.1): the kernel counts entries there.
const IGNORED_IN_TABLE: u64 = 0xFF << 2;

/// A descriptor, read for its level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Descriptor {
    Invalid,
    Table(PhysAddr),
    Leaf(Leaf),
}

/// A page or block descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leaf {
    pub(crate) raw: u64,
    pub(crate) level: u32,
}

/// Bytes that one descriptor of a level covers.
pub(crate) const fn covers(level: u32) -> u64 {
    1 << (39 - 9 * level)
}

/// The address of the descriptor for `address` in the table at `table` of `level`.
pub(crate) const fn entry_address(table: PhysAddr, level: u32, address: u64) -> PhysAddr {
    PhysAddr(table.0 + ((address / covers(level)) & 511) * 8)
}

/// Whether a descriptor is valid, whatever its level.
pub(crate) const fn is_valid(raw: u64) -> bool {
    raw & VALID != 0
}

/// Whether `old` may become `new` in a live table without being invalid in between.
pub(crate) const fn may_change_live(old: u64, new: u64) -> bool {
    // A page in use has its access flag set; a table has none.
    let tables = (old & new) & TABLE_OR_PAGE != 0 && (old | new) & AF == 0;
    let changeable = if tables { CHANGEABLE | IGNORED_IN_TABLE } else { CHANGEABLE };
    !is_valid(old) || !is_valid(new) || (old ^ new) & !changeable == 0
}

impl Descriptor {
    pub(crate) fn decode(raw: u64, level: u32) -> Self {
        if !is_valid(raw) {
            return Self::Invalid;
        }
        match (level, raw & TABLE_OR_PAGE != 0) {
            (3, true) | (1 | 2, false) => Self::Leaf(Leaf { raw, level }),
            (3, false) | (0, false) => Self::Invalid,
            _ => {
                assert_eq!(raw & TABLE_ATTRIBUTES, 0, "table descriptor {raw:#x} restricts what is below it");
                Self::Table(PhysAddr(raw & OUTPUT))
            }
        }
    }
}

impl Leaf {
    /// The address that the leaf's first byte stands for.
    pub(crate) const fn output(self) -> PhysAddr {
        PhysAddr(self.raw & OUTPUT & !(covers(self.level) - 1))
    }

    pub(crate) const fn mair_byte(self) -> u8 {
        MAIR[(self.raw >> 2 & 7) as usize]
    }

    pub(crate) const fn is_device(self) -> bool {
        self.mair_byte() & 0xF0 == 0
    }

    pub(crate) const fn accessed(self) -> bool {
        self.raw & AF != 0
    }

    pub(crate) const fn is_global(self) -> bool {
        self.raw & NOT_GLOBAL == 0
    }

    pub(crate) const fn el0_reads(self) -> bool {
        self.raw & AP_EL0 != 0
    }

    pub(crate) const fn el0_writes(self) -> bool {
        self.raw & (AP_EL0 | AP_READ_ONLY) == AP_EL0
    }

    pub(crate) const fn el0_executes(self) -> bool {
        self.raw & UXN == 0
    }

    pub(crate) const fn el1_executes(self) -> bool {
        self.raw & PXN == 0
    }

    pub(crate) const fn shareability(self) -> u64 {
        self.raw >> 8 & 3
    }

    pub(crate) const fn is_contiguous(self) -> bool {
        self.raw & CONTIGUOUS != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_bit_means_page_at_level_3_and_table_above() {
        assert_eq!(Descriptor::decode(0x4000_0003, 1), Descriptor::Table(PhysAddr(0x4000_0000)));
        assert!(matches!(Descriptor::decode(0x4000_0001, 1), Descriptor::Leaf(_)));
        assert!(matches!(Descriptor::decode(0x4000_0003, 3), Descriptor::Leaf(_)));
        assert_eq!(Descriptor::decode(0x4000_0001, 3), Descriptor::Invalid);
        assert_eq!(Descriptor::decode(0x4000_0001, 0), Descriptor::Invalid);
        assert_eq!(Descriptor::decode(0x4000_0002, 2), Descriptor::Invalid);
    }

    #[test]
    fn a_level_covers_nine_bits_more_than_the_next() {
        assert_eq!([0, 1, 2, 3].map(covers), [1 << 39, 1 << 30, 1 << 21, 1 << 12]);
        assert_eq!(entry_address(PhysAddr(0x1000), 3, 0x5000), PhysAddr(0x1028));
    }

    #[test]
    fn permissions_may_change_live_and_addresses_may_not() {
        let page = 0x4000_0000 | VALID | TABLE_OR_PAGE | AF | AP_EL0;
        assert!(may_change_live(page, page | AP_READ_ONLY | UXN));
        assert!(may_change_live(page, 0));
        assert!(may_change_live(0, page));
        assert!(!may_change_live(page, page + 0x1000));
        assert!(!may_change_live(page, page | 1 << 2), "memory type");
        let table = 0x4000_0000 | VALID | TABLE_OR_PAGE;
        assert!(may_change_live(table, table | 0x3FC), "what the walker ignores");
        assert!(!may_change_live(table, table + 0x1000));
    }
}
