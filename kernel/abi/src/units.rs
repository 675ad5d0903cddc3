//! Addresses, counts and ranges as types, so that a number's unit is never a guess.
use core::fmt;

/// log2 of [`PAGE_SIZE`].
pub const PAGE_SHIFT: u32 = 12;
/// Bytes in a page: the 4 KiB translation granule (Arm ARM D8.2).
pub const PAGE_SIZE: u64 = 1 << PAGE_SHIFT;

/// A CPU physical address in bytes (`zx_paddr_t`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct PhysAddr(pub u64);

/// A virtual address in bytes (`zx_vaddr_t`). Which address space it belongs to is the context's to say.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct VirtAddr(pub u64);

macro_rules! address {
    ($name:ident) => {
        impl $name {
            /// Whether the address is a multiple of [`PAGE_SIZE`].
            pub const fn is_page_aligned(self) -> bool {
                self.0 & (PAGE_SIZE - 1) == 0
            }

            /// The address of the page that holds this byte.
            pub const fn page_down(self) -> Self {
                Self(self.0 & !(PAGE_SIZE - 1))
            }

            /// The offset of this byte in its page.
            pub const fn page_offset(self) -> u64 {
                self.0 & (PAGE_SIZE - 1)
            }

            /// The address `bytes` further on, or `None` past 2^64 - 1.
            pub const fn checked_add(self, bytes: u64) -> Option<Self> {
                match self.0.checked_add(bytes) {
                    Some(sum) => Some(Self(sum)),
                    None => None,
                }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:#x}", self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:#x}", self.0)
            }
        }

        impl fmt::LowerHex for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::LowerHex::fmt(&self.0, f)
            }
        }
    };
}

address!(PhysAddr);
address!(VirtAddr);

/// A number of 4 KiB pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct PageCount(pub u64);

impl PageCount {
    /// The pages that `bytes` touch when they start at a page boundary; `None` if rounding up wraps.
    pub const fn covering(bytes: u64) -> Option<Self> {
        match bytes.checked_add(PAGE_SIZE - 1) {
            Some(padded) => Some(Self(padded >> PAGE_SHIFT)),
            None => None,
        }
    }

    /// The count in bytes, or `None` past 2^64 - 1.
    pub const fn bytes(self) -> Option<u64> {
        self.0.checked_mul(PAGE_SIZE)
    }
}

/// A non-empty run of physical bytes.
///
/// Holding one proves:
/// - it has at least one byte;
/// - its last byte, [`PhysRange::last`], is at or below 2^64 - 1, so no sum over it can wrap.
///
/// It says nothing of what is there. The end is inclusive inside, because a range may end at 2^64.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhysRange {
    base: PhysAddr,
    last: PhysAddr,
}

/// Why two numbers do not make a [`PhysRange`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeError {
    /// The size is zero.
    Empty,
    /// `base + size` is above 2^64.
    Wraps,
}

impl PhysAddr {
    /// The page that the address is in.
    pub const fn page(self) -> PhysRange {
        PhysRange { base: self.page_down(), last: Self(self.0 | (PAGE_SIZE - 1)) }
    }
}

impl PhysRange {
    /// The range of `size` bytes at `base`.
    ///
    /// # Errors
    /// [`RangeError::Empty`] for size 0, [`RangeError::Wraps`] if it would pass the end of the address space.
    pub const fn new(base: PhysAddr, size: u64) -> Result<Self, RangeError> {
        let Some(extent) = size.checked_sub(1) else { return Err(RangeError::Empty) };
        match base.0.checked_add(extent) {
            Some(last) => Ok(Self { base, last: PhysAddr(last) }),
            None => Err(RangeError::Wraps),
        }
    }

    /// The range from `base` to `last`, both included; `None` if `last` is below `base`.
    pub const fn from_bounds(base: PhysAddr, last: PhysAddr) -> Option<Self> {
        if base.0 <= last.0 { Some(Self { base, last }) } else { None }
    }

    /// The first byte.
    pub const fn base(self) -> PhysAddr {
        self.base
    }

    /// The last byte.
    pub const fn last(self) -> PhysAddr {
        self.last
    }

    /// The size in bytes; the whole 2^64 saturates to `u64::MAX`.
    pub const fn size(self) -> u64 {
        (self.last.0 - self.base.0).saturating_add(1)
    }

    /// Whether every byte of `other` lies in this range.
    pub const fn contains(self, other: Self) -> bool {
        self.base.0 <= other.base.0 && other.last.0 <= self.last.0
    }

    /// Whether `address` lies in this range.
    pub const fn contains_addr(self, address: PhysAddr) -> bool {
        self.base.0 <= address.0 && address.0 <= self.last.0
    }

    /// Whether the two share a byte.
    pub const fn overlaps(self, other: Self) -> bool {
        self.base.0 <= other.last.0 && other.base.0 <= self.last.0
    }

    /// The bytes common to both, if any.
    pub fn intersect(self, other: Self) -> Option<Self> {
        Self::from_bounds(self.base.max(other.base), self.last.min(other.last))
    }

    /// The whole pages that this range touches.
    pub const fn expand_to_pages(self) -> Self {
        Self { base: self.base.page_down(), last: PhysAddr(self.last.0 | (PAGE_SIZE - 1)) }
    }
}

impl fmt::Debug for PhysRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `[0x9010000..0x9011000)`; a range that ends at 2^64 shows its end as `2^64`.
impl fmt::Display for PhysRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.last.checked_add(1) {
            Some(end) => write!(f, "[{}..{})", self.base, end),
            None => write!(f, "[{}..2^64)", self.base),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    extern crate std;
    use std::string::ToString;

    fn range(base: u64, size: u64) -> PhysRange {
        PhysRange::new(PhysAddr(base), size).unwrap()
    }

    #[test]
    fn empty_and_wrapping_ranges_do_not_exist() {
        assert_eq!(PhysRange::new(PhysAddr(0x1000), 0), Err(RangeError::Empty));
        assert_eq!(PhysRange::new(PhysAddr(u64::MAX), 2), Err(RangeError::Wraps));
        assert_eq!(range(u64::MAX, 1).last(), PhysAddr(u64::MAX));
    }

    #[test]
    fn ranges_that_touch_do_not_overlap() {
        assert!(!range(0x1000, 0x1000).overlaps(range(0x2000, 1)));
        assert!(range(0x1000, 0x1001).overlaps(range(0x2000, 1)));
        assert_eq!(range(0x1000, 0x1000).intersect(range(0x1800, 0x1000)), Some(range(0x1800, 0x800)));
        assert_eq!(range(0x1000, 0x1000).intersect(range(0x2000, 0x1000)), None);
    }

    #[test]
    fn pages_expand_outward_to_the_very_end() {
        assert_eq!(range(0x1fff, 2).expand_to_pages(), range(0x1000, 0x2000));
        assert_eq!(range(u64::MAX, 1).expand_to_pages(), range(u64::MAX - 0xfff, 0x1000));
    }

    #[test]
    fn ranges_print_half_open() {
        assert_eq!(range(0x901_0000, 0x1000).to_string(), "[0x9010000..0x9011000)");
        assert_eq!(range(u64::MAX, 1).to_string(), "[0xffffffffffffffff..2^64)");
    }

    #[test]
    fn counting_pages_never_wraps() {
        assert_eq!(PageCount::covering(1), Some(PageCount(1)));
        assert_eq!(PageCount::covering(u64::MAX), None);
        assert_eq!(PageCount(1 << 52).bytes(), None);
    }
}
