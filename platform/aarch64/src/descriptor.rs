//! Stage 1 descriptors of the kernel's own half, and the memory types behind them.
//!
//! | bits | field | here |
//! |---|---|---|
//! | 1:0 | valid, and page or table | `0b11`; `0b01` for a block |
//! | 4:2 | AttrIndx | index into [`MAIR`] |
//! | 6 | AP[1] | clear: EL0 may do nothing |
//! | 7 | AP[2] | set: EL1 may not write |
//! | 9:8 | SH | `0b11` inner shareable for Normal memory; Device memory ignores it |
//! | 10 | AF | set: the kernel takes no access flag faults |
//! | 11 | nG | clear: the kernel's half is the same in every address space |
//! | 52 | Contiguous | sixteen neighbours that could be one entry |
//! | 53 | PXN | clear for text only |
//! | 54 | UXN | always set |
//!
//! (Arm ARM D8.3.1, D8.4.)

use abi::vmo::CachePolicy;

/// `MAIR_EL1`: the byte for each AttrIndx.
///
/// | index | byte | type |
/// |---|---|---|
/// | 0 | 0x00 | Device-nGnRnE |
/// | 1 | 0x04 | Device-nGnRE |
/// | 2 | 0xff | Normal, write-back, read and write allocate |
/// | 3 | 0x44 | Normal, non-cacheable |
pub const MAIR: u64 = 0x44ff_0400;

const PAGE: u64 = 0b11;
const BLOCK: u64 = 0b01;
const DEVICE_NGNRE: u64 = 1 << 2;
const NORMAL: u64 = 2 << 2;
const NON_CACHEABLE: u64 = 3 << 2;
const EL0: u64 = 1 << 6;
const READ_ONLY: u64 = 1 << 7;
const INNER_SHAREABLE: u64 = 0b11 << 8;
const ACCESSED: u64 = 1 << 10;
const PXN: u64 = 1 << 53;
const UXN: u64 = 1 << 54;

/// A table, or at the last level a page.
pub const TABLE: u64 = 0b11;
/// The Contiguous bit.
pub const CONTIGUOUS: u64 = 1 << 52;
/// The address bits of a descriptor (4 KiB granule, 48-bit output addresses).
pub const ADDRESS: u64 = 0x0000_ffff_ffff_f000;

/// A page of the kernel's text: read and execute.
pub const TEXT: u64 = PAGE | NORMAL | READ_ONLY | INNER_SHAREABLE | ACCESSED | UXN;
/// A page of read-only data.
pub const CONSTANT: u64 = TEXT | PXN;
/// A page of data: read and write.
pub const DATA: u64 = PAGE | NORMAL | INNER_SHAREABLE | ACCESSED | PXN | UXN;
/// A page of device registers. Execute-never: a core may fetch from executable Device memory by speculation.
pub const DEVICE: u64 = PAGE | DEVICE_NGNRE | ACCESSED | PXN | UXN;

/// A page of data that is reached by the memory type of a cache policy.
pub const fn data(policy: CachePolicy) -> u64 {
    match policy {
        CachePolicy::Cached => DATA,
        // AttrIndx 0.
        CachePolicy::Uncached => PAGE | ACCESSED | PXN | UXN,
        CachePolicy::UncachedDevice => DEVICE,
        CachePolicy::WriteCombining => PAGE | NON_CACHEABLE | INNER_SHAREABLE | ACCESSED | PXN | UXN,
    }
}

/// The block descriptor (levels 1 and 2) with the attributes of a page descriptor.
pub const fn block(page: u64) -> u64 {
    page & !PAGE | BLOCK
}

/// A page or block descriptor, as the architecture reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The memory type: a byte of [`MAIR`].
    pub attribute: u8,
    /// Whether EL1 may write.
    pub writable: bool,
    /// Whether EL1 may execute.
    pub executable: bool,
    /// Whether EL0 may do anything.
    pub el0: bool,
}

impl Leaf {
    /// Reads the fields of the table above.
    pub const fn decode(descriptor: u64) -> Self {
        Self {
            attribute: (MAIR >> (8 * (descriptor >> 2 & 7))) as u8,
            writable: descriptor & READ_ONLY == 0,
            executable: descriptor & PXN == 0,
            el0: descriptor & EL0 != 0 || descriptor & UXN == 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(attribute: u8, writable: bool, executable: bool) -> Leaf {
        Leaf { attribute, writable, executable, el0: false }
    }

    #[test]
    fn nothing_is_both_writable_and_executable() {
        assert_eq!(Leaf::decode(TEXT), leaf(0xff, false, true));
        assert_eq!(Leaf::decode(CONSTANT), leaf(0xff, false, false));
        assert_eq!(Leaf::decode(DATA), leaf(0xff, true, false));
        assert_eq!(Leaf::decode(DEVICE), leaf(0x04, true, false));
    }

    #[test]
    fn data_has_its_policys_type_and_is_never_executable() {
        for raw in 0..4 {
            let policy = CachePolicy::from_raw(raw).unwrap();
            assert_eq!(Leaf::decode(block(data(policy))), leaf(policy.mair_byte(), true, false));
        }
    }

    #[test]
    fn a_block_differs_from_a_page_by_one_bit() {
        assert_eq!(block(DATA) ^ DATA, 0b10);
        assert_eq!(block(DATA) & ADDRESS, 0);
    }
}
