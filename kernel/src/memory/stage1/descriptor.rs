//! Descriptors of stage 1: what the bits of a table entry say (Arm ARM D8.3, 4 KiB granule, 48 bits).
//!
//! | bits | page or block | table |
//! |---|---|---|
//! | 0 | valid | valid |
//! | 1 | 1 for a page (level 3), 0 for a block (levels 1 and 2) | 1 |
//! | 4:2 | AttrIndx: byte of `MAIR_EL1` | ignored: entries in use, low part |
//! | 5 | NS: 0 | as above |
//! | 7:6 | AP\[2:1\] | as above |
//! | 9:8 | SH | as above |
//! | 10 | AF: 1 | 0 |
//! | 11 | nG: 1 | 0 |
//! | 47:12 | output address | next table |
//! | 52 | contiguous: 0 | ignored: 0 |
//! | 53, 54 | PXN: 1, UXN | ignored: 0 |
//! | 56:55 | for software: 0 | ignored: entries in use, high part |
//! | 63:59 | 0 | restrictions on what is below: 0 |
//!
//! A table descriptor has room that the walker ignores. There it counts the entries in use of the table
//! below, so that an unmap knows an empty table without reading it. The count avoids bit 10, which
//! FEAT_HAFT would make an access flag. Changing ignored bits of a live descriptor changes no translation
//! and needs no break-before-make (D8.16.1).
//!
//! An invalid descriptor has bit 0 clear and says nothing else to the walker. In a table that is in use
//! ours are 0.

use abi::vmo::CachePolicy;
use abi::{PAGE_SHIFT, PhysAddr};

/// The level whose entries are pages.
pub(crate) const LAST_LEVEL: u32 = 3;
/// The first level whose entries may be blocks; level 0 has tables only without FEAT_LPA2 (D8.3.1).
pub(crate) const FIRST_LEAF_LEVEL: u32 = 1;
/// The first address that no walk translates.
pub(crate) const SPACE_END: u64 = 1 << 48;
/// Entries in a table.
pub(crate) const ENTRIES: u64 = 512;
/// log2 of that.
const INDEX_BITS: u32 = 9;

const VALID: u64 = 1 << 0;
/// Level 3: a page. Above it: a table.
const PAGE_OR_TABLE: u64 = 1 << 1;
const ATTR_INDEX_SHIFT: u32 = 2;
const AP_EL0: u64 = 1 << 6;
const AP_READ_ONLY: u64 = 1 << 7;
const SHAREABILITY_SHIFT: u32 = 8;
const ACCESSED: u64 = 1 << 10;
const NOT_GLOBAL: u64 = 1 << 11;
const OUTPUT: u64 = 0x0000_FFFF_FFFF_F000;
const PXN: u64 = 1 << 53;
const UXN: u64 = 1 << 54;

/// What a mapping lets EL0 do, and the memory type it does it with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Attributes {
    /// The memory type.
    pub policy: CachePolicy,
    /// Loads.
    pub read: bool,
    /// Stores. The architecture has no write-only pages, so this allows loads too.
    pub write: bool,
    /// Instruction fetches. These are refused on Device memory whatever is asked, and allow loads too:
    /// a page that is fetched from and not read is not worth a rule of its own.
    pub execute: bool,
}

impl Attributes {
    /// What the hardware will enforce: the wish with its implications.
    ///
    /// | read | write | execute | policy | in force |
    /// |---|---|---|---|---|
    /// | - | - | - | any | none: there is no such leaf |
    /// | x | - | - | any | read |
    /// | any | x | - | any | read, write |
    /// | any | - | x | Normal | read, execute |
    /// | any | x | x | Normal | read, write, execute |
    /// | - | - | x | Device | none: there is no such leaf |
    /// | x | - | x | Device | read |
    /// | any | x | x | Device | read, write |
    pub const fn in_force(self) -> Option<Self> {
        let execute = self.execute && !self.policy.is_device();
        let read = self.read || self.write || execute;
        if read { Some(Self { read, execute, ..self }) } else { None }
    }
}

/// Bytes that one entry of a table of this level covers.
pub(crate) const fn covers(level: u32) -> u64 {
    1 << entry_shift(level)
}

/// log2 of [`covers`]: 39, 30, 21, 12.
pub(crate) const fn entry_shift(level: u32) -> u32 {
    PAGE_SHIFT + INDEX_BITS * LAST_LEVEL.saturating_sub(level)
}

/// Which entry of a table of this level is the one for an address.
pub(crate) const fn entry_index(level: u32, address: u64) -> u64 {
    (address >> entry_shift(level)) & (ENTRIES - 1)
}

/// Where that entry is.
pub(crate) const fn entry_address(table: PhysAddr, level: u32, address: u64) -> PhysAddr {
    PhysAddr(table.0 | entry_index(level, address) << 3)
}

/// The first address after what the entry for `address` covers.
pub(crate) const fn entry_end(level: u32, address: u64) -> u64 {
    (address | (covers(level) - 1)).saturating_add(1)
}

/// The first address after what the whole table of this level covers.
pub(crate) const fn table_end(level: u32, address: u64) -> u64 {
    if level == 0 { SPACE_END } else { entry_end(level - 1, address) }
}

/// The largest leaf that may start at an address: its level.
pub(crate) fn largest_leaf(address: u64) -> u32 {
    let fits = |level: &u32| address & (covers(*level) - 1) == 0;
    (FIRST_LEAF_LEVEL..LAST_LEVEL).find(fits).unwrap_or(LAST_LEVEL)
}

/// Whether the walker follows the entry at all.
pub(crate) const fn is_valid(raw: u64) -> bool {
    raw & VALID != 0
}

/// Whether an entry of this level leads to another table.
pub(crate) const fn is_table(level: u32, raw: u64) -> bool {
    level < LAST_LEVEL && raw & (VALID | PAGE_OR_TABLE) == VALID | PAGE_OR_TABLE
}

/// The table that a table descriptor leads to, or what a leaf shows at its first byte.
pub(crate) const fn output(raw: u64) -> PhysAddr {
    PhysAddr(raw & OUTPUT)
}

/// A leaf made invalid, with its address kept for the one that will replace it: between the two steps of
/// break-before-make. The walker reads bit 0 alone.
pub(crate) const fn broken(raw: u64) -> u64 {
    raw & !VALID
}

/// The descriptor of a table with this many entries in use.
pub(crate) const fn table(next: PhysAddr, used: u64) -> u64 {
    with_used(next.0 | PAGE_OR_TABLE | VALID, used)
}

/// Entries in use of the table that a table descriptor leads to. The encoder is [`with_used`].
pub(crate) const fn used(raw: u64) -> u64 {
    raw >> 2 & 0xFF | raw >> 47 & 0x300
}

/// The same table descriptor with another count: bits 9:2 hold its low eight bits, 56:55 the other two.
pub(crate) const fn with_used(raw: u64, used: u64) -> u64 {
    raw & !(0x3FC | 3 << 55) | (used & 0xFF) << 2 | (used & 0x300) << 47
}

/// A leaf that shows `frame` from an entry of this level, with bits from [`attribute_bits`].
pub(crate) const fn leaf(level: u32, frame: u64, bits: u64) -> u64 {
    let kind = if level == LAST_LEVEL { VALID | PAGE_OR_TABLE } else { VALID };
    frame | bits | kind
}

/// The bits of a leaf that say what it allows; `None` if EL0 may do nothing there.
#[inline]
pub(crate) fn attribute_bits(attributes: Attributes) -> Option<u64> {
    let Attributes { policy, read, write, execute } = attributes;
    let index =
        (policy as usize) << 3 | usize::from(read) | usize::from(write) << 1 | usize::from(execute) << 2;
    BITS.get(index).copied().filter(|&bits| bits != 0)
}

/// [`encode`] of everything: by policy, then execute, write, read.
const BITS: [u64; 32] = {
    let mut bits = [0; 32];
    let mut index = 0;
    while index < bits.len() {
        let (read, write, execute) = (index & 1 != 0, index & 2 != 0, index & 4 != 0);
        if let Some(policy) = CachePolicy::from_raw(index as u32 >> 3) {
            bits[index] = encode(Attributes { policy, read, write, execute });
        }
        index += 1;
    }
    bits
};

/// The bits of a leaf that say what it allows; 0 if EL0 may do nothing there.
const fn encode(attributes: Attributes) -> u64 {
    let Some(attributes) = attributes.in_force() else { return 0 };
    let policy = attributes.policy;
    attr_index(policy) << ATTR_INDEX_SHIFT
        | access_permissions(attributes.write)
        | shareability(policy) << SHAREABILITY_SHIFT
        | ACCESSED
        | NOT_GLOBAL
        | execute_never(attributes.execute)
}

/// A leaf's attributes. The encoder is [`attribute_bits`].
pub(crate) const fn leaf_attributes(raw: u64) -> Attributes {
    Attributes {
        policy: policy_at(raw >> ATTR_INDEX_SHIFT & 7),
        read: raw & AP_EL0 != 0,
        write: raw & (AP_EL0 | AP_READ_ONLY) == AP_EL0,
        execute: raw & UXN == 0,
    }
}

/// The leaf one level further down that shows the first part of what this one shows, in the same way.
pub(crate) const fn first_part(level: u32, raw: u64) -> u64 {
    leaf(level.saturating_add(1), raw, 0)
}

/// The bits of a leaf that may change without break-before-make: what it permits. [`differ_in_permissions_only`].
pub(crate) const PERMISSIONS: u64 = AP_EL0 | AP_READ_ONLY | UXN;
/// The bits of a valid leaf that all leaves of one memory type have in common.
pub(crate) const TYPE: u64 = !(OUTPUT | PERMISSIONS);

/// Whether a valid leaf may become another without break-before-make: only permissions differ (D8.16.1
/// lists what else would need it: memory type, shareability, address, size, nG, the contiguous hint).
pub(crate) const fn differ_in_permissions_only(old: u64, new: u64) -> bool {
    (old ^ new) & !PERMISSIONS == 0
}

/// AttrIndx\[2:0\]: the byte of `MAIR_EL1`. The decoder is [`policy_at`].
///
/// | index | byte | memory type | policy |
/// |---|---|---|---|
/// | 0 | 0x00 | Device-nGnRnE | `Uncached` |
/// | 1 | 0x04 | Device-nGnRE | `UncachedDevice` |
/// | 2 | 0xFF | Normal, write-back, read and write allocate | `Cached` |
/// | 3 | 0x44 | Normal, non-cacheable | `WriteCombining` |
const fn attr_index(policy: CachePolicy) -> u64 {
    match policy {
        CachePolicy::Uncached => 0,
        CachePolicy::UncachedDevice => 1,
        CachePolicy::Cached => 2,
        CachePolicy::WriteCombining => 3,
    }
}

/// The decoder beside [`attr_index`]. Indices that are never encoded read as the strictest type.
const fn policy_at(index: u64) -> CachePolicy {
    match index {
        1 => CachePolicy::UncachedDevice,
        2 => CachePolicy::Cached,
        3 => CachePolicy::WriteCombining,
        _ => CachePolicy::Uncached,
    }
}

/// AP\[2:1\], stage 1 with EL0 (D8.4.1).
///
/// | AP\[2:1\] | EL1 | EL0 | used |
/// |---|---|---|---|
/// | 00 | read, write | none | never: a leaf is for EL0 |
/// | 01 | read, write | read, write | yes |
/// | 10 | read | none | never |
/// | 11 | read | read | yes |
const fn access_permissions(write: bool) -> u64 {
    if write { AP_EL0 } else { AP_EL0 | AP_READ_ONLY }
}

/// SH\[1:0\] (D8.6.2).
///
/// | SH | meaning | used for |
/// |---|---|---|
/// | 00 | non-shareable | Device, which the architecture makes outer shareable whatever SH says |
/// | 01 | reserved | never |
/// | 10 | outer | never |
/// | 11 | inner | Normal |
const fn shareability(policy: CachePolicy) -> u64 {
    if policy.is_device() { 0b00 } else { 0b11 }
}

/// UXN and PXN (D8.4.2).
///
/// | UXN | PXN | EL0 executes | EL1 executes | used |
/// |---|---|---|---|---|
/// | 0 | 0 | yes | yes | never: EL1 executes nothing that a program could write |
/// | 0 | 1 | yes | no | `execute` |
/// | 1 | 0 | no | yes | never |
/// | 1 | 1 | no | no | otherwise |
const fn execute_never(execute: bool) -> u64 {
    if execute { PXN } else { PXN | UXN }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICIES: [CachePolicy; 4] = [
        CachePolicy::Cached,
        CachePolicy::Uncached,
        CachePolicy::UncachedDevice,
        CachePolicy::WriteCombining,
    ];

    fn every_combination() -> impl Iterator<Item = Attributes> {
        POLICIES.into_iter().flat_map(|policy| {
            (0..8).map(move |bits| Attributes {
                policy,
                read: bits & 1 != 0,
                write: bits & 2 != 0,
                execute: bits & 4 != 0,
            })
        })
    }

    #[test]
    fn every_combination_reads_back_as_what_is_in_force() {
        for attributes in every_combination() {
            for level in FIRST_LEAF_LEVEL..=LAST_LEVEL {
                let bits = attribute_bits(attributes).map(|bits| leaf(level, 0, bits));
                assert_eq!(bits.map(leaf_attributes), attributes.in_force(), "{attributes:?}");
                let Some(bits) = bits else { continue };
                assert_eq!(bits & OUTPUT, 0);
                assert!(is_valid(bits) && !is_table(level, bits));
            }
        }
    }

    #[test]
    fn a_leaf_without_permissions_does_not_exist() {
        let none = every_combination().filter(|a| a.in_force().is_none()).count();
        // One for each policy, and execute alone for the two Device types.
        assert_eq!(none, 6);
    }

    #[test]
    fn no_leaf_is_executable_for_the_kernel_or_on_device_memory() {
        for attributes in every_combination() {
            for level in FIRST_LEAF_LEVEL..=LAST_LEVEL {
                let Some(bits) = attribute_bits(attributes).map(|bits| leaf(level, 0, bits)) else {
                    continue;
                };
                assert_ne!(bits & PXN, 0);
                assert_eq!(bits & UXN == 0, attributes.execute && !attributes.policy.is_device());
                assert_ne!(bits & NOT_GLOBAL, 0);
                assert_ne!(bits & ACCESSED, 0);
            }
        }
    }

    /// The words themselves, worked out by hand from the tables above.
    #[test]
    fn known_words() {
        let word = |level, policy, read, write, execute| {
            attribute_bits(Attributes { policy, read, write, execute }).map(|bits| leaf(level, 0, bits))
        };
        let device = CachePolicy::UncachedDevice;
        assert_eq!(word(3, device, true, true, false), Some(0x0060_0000_0000_0C47));
        assert_eq!(word(2, device, true, true, true), Some(0x0060_0000_0000_0C45));
        assert_eq!(word(3, CachePolicy::Uncached, true, false, false), Some(0x0060_0000_0000_0CC3));
        assert_eq!(word(3, CachePolicy::Cached, true, false, true), Some(0x0020_0000_0000_0FCB));
        assert_eq!(word(1, CachePolicy::WriteCombining, true, true, false), Some(0x0060_0000_0000_0F4D));
    }

    #[test]
    fn mair_index_and_policy_agree_with_the_bytes() {
        let mair = [0x00, 0x04, 0xFF, 0x44];
        for policy in POLICIES {
            assert_eq!(mair[attr_index(policy) as usize], policy.mair_byte());
            assert_eq!(policy_at(attr_index(policy)), policy);
        }
    }

    #[test]
    fn a_table_counts_without_touching_what_the_walker_reads() {
        let next = PhysAddr(0x0000_8765_4321_0000);
        for count in 0..=ENTRIES {
            let raw = table(next, count);
            assert_eq!(used(raw), count);
            assert_eq!(output(raw), next);
            assert!(is_table(0, raw) && is_table(2, raw) && !is_table(LAST_LEVEL, raw));
            assert_eq!(with_used(raw, 0), 0x0000_8765_4321_0003);
            assert_eq!(raw & (ACCESSED | NOT_GLOBAL | 0x1F << 59), 0);
        }
    }

    #[test]
    fn levels_cover_what_they_should() {
        assert_eq!([0, 1, 2, 3].map(covers), [1 << 39, 1 << 30, 1 << 21, 1 << 12]);
        let address = 3 << 39 | 5 << 30 | 7 << 21 | 9 << 12 | 0xABC;
        assert_eq!([0, 1, 2, 3].map(|level| entry_index(level, address)), [3, 5, 7, 9]);
        assert_eq!(entry_address(PhysAddr(0x4000), 2, address), PhysAddr(0x4038));
        assert_eq!(entry_end(2, address), 3 << 39 | 5 << 30 | 8 << 21);
    }

    #[test]
    fn parts_of_a_block_differ_from_it_in_kind_alone() {
        for attributes in every_combination() {
            for level in FIRST_LEAF_LEVEL..LAST_LEVEL {
                let Some(bits) = attribute_bits(attributes) else { continue };
                assert_eq!(
                    first_part(level, leaf(level, 0x4000_0000, bits)),
                    leaf(level + 1, 0x4000_0000, bits)
                );
            }
        }
    }
}
