//! Stand-ins for what runs before the kernel, for tests: a flat binary each, and here what they are told.
//!
//! - `entrance` enters the kernel in any state that the boot protocol of arm64 Images leaves open, or that some firmware
//!   is known to leave, whether the protocol allows it or not: see [`Entrance`].
//! - `armstub` does what the Raspberry Pi 4's firmware does between the reset of its CPUs and the kernel: see
//!   [`Armstub`].
//!
//! The task runner links this crate to write the words into the binaries. No kernel and no program has any of it.
#![cfg_attr(target_os = "none", no_std)]
#![forbid(unsafe_code)]

/// Where `entrance` has its words: behind the header of an arm64 Image.
pub const ENTRANCE_AT: usize = 64;
/// Ranges of memory that `entrance` fills.
pub const FILLS: usize = 12;
/// Words of [`Entrance`].
pub const ENTRANCE_WORDS: usize = 16 + 2 * FILLS;

/// The pattern that `entrance` fills memory with. As a translation table's entry it is a valid page, as an address it is
/// none.
pub const PATTERN: u64 = 0x00ff_a5a5_4000_0f43;

/// As a tree's address: whatever `entrance` was given itself.
pub const AS_GIVEN: u64 = u64::MAX;

/// What is poisoned.
pub mod poison {
    /// Registers of EL2, if the kernel is entered there.
    pub const EL2: u64 = 1;
    /// Registers of EL1 and EL0.
    pub const EL1: u64 = 2;
    /// The interrupt controller.
    pub const GIC: u64 = 4;
    /// The general registers, the stack pointer and PSTATE.
    pub const GENERAL: u64 = 8;
}

/// How `entrance` enters the kernel: a word each, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entrance {
    /// The kernel's first byte.
    pub kernel: u64,
    /// X0: the device tree, or [`AS_GIVEN`].
    pub tree: u64,
    /// Any of [`poison`].
    pub poison: u64,
    /// PSTATE's D, A, I and F, as in DAIF.
    pub daif: u64,
    /// SCTLR_EL1.
    pub sctlr: u64,
    /// TCR_EL1.
    pub tcr: u64,
    /// HCR_EL2, at EL2.
    pub hcr: u64,
    /// CPTR_EL2, at EL2.
    pub cptr: u64,
    /// MDSCR_EL1.
    pub mdscr: u64,
    /// The distributor, if the interrupt controller is to be poisoned.
    pub distributor: u64,
    /// A GICv2's CPU interface; 0 for a GICv3.
    pub interface: u64,
    /// A GICv3's first redistributor; 0 for a GICv2.
    pub redistributor: u64,
    /// Memory to fill with [`PATTERN`]: first byte and first byte behind, multiples of 64; the rest are zeros.
    pub fills: [(u64, u64); FILLS],
}

/// The offset of each word in bytes, for the code.
pub mod offset {
    macro_rules! words {
        ($($name:ident)*) => { words!(@ 0, $($name)*); };
        (@ $at:expr, $name:ident $($rest:ident)*) => {
            #[doc = "In bytes from the first word."]
            pub const $name: usize = $at;
            words!(@ $at + 8, $($rest)*);
        };
        (@ $at:expr,) => {};
    }
    words!(KERNEL TREE POISON DAIF SCTLR TCR HCR CPTR MDSCR DISTRIBUTOR INTERFACE REDISTRIBUTOR);
    /// The first fill.
    pub const FILL: usize = 16 * 8;
}

impl Entrance {
    /// As QEMU enters an Image at `kernel`, with the tree that QEMU made.
    pub const fn new(kernel: u64) -> Self {
        Self {
            kernel,
            tree: AS_GIVEN,
            poison: 0,
            daif: 0x3c0,
            sctlr: 0x00c5_0838,
            tcr: 0,
            hcr: 0,
            cptr: 0,
            mdscr: 0,
            distributor: 0,
            interface: 0,
            redistributor: 0,
            fills: [(0, 0); FILLS],
        }
    }

    /// The words as the code reads them.
    pub fn words(&self) -> [u64; ENTRANCE_WORDS] {
        let mut words = [0; ENTRANCE_WORDS];
        let named = [
            self.kernel,
            self.tree,
            self.poison,
            self.daif,
            self.sctlr,
            self.tcr,
            self.hcr,
            self.cptr,
            self.mdscr,
            self.distributor,
            self.interface,
            self.redistributor,
        ];
        let fills = self.fills.iter().flat_map(|(start, end)| [*start, *end]);
        let places = words.iter_mut();
        let padded = named.into_iter().chain(core::iter::repeat_n(0, 16 - named.len())).chain(fills);
        places.zip(padded).for_each(|(place, word)| *place = word);
        words
    }
}

/// What the Raspberry Pi's loader writes into its stub: two words of 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Armstub {
    /// The device tree's address.
    pub tree: u32,
    /// The kernel's.
    pub kernel: u32,
}

impl Armstub {
    /// Where the first CPU's word is, in which it would find an address to go on at; the others' follow.
    pub const SPIN: usize = 0xd8;
    /// Where the tree's address goes, and behind it the kernel's.
    pub const AT: usize = 0xf8;

    /// The bytes for [`Armstub::AT`].
    pub fn bytes(&self) -> [u8; 8] {
        (u64::from(self.kernel) << 32 | u64::from(self.tree)).to_le_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lie_where_the_code_looks_for_them() {
        let mut entrance = Entrance::new(0x4020_0000);
        entrance.redistributor = 7;
        entrance.fills[0] = (64, 128);
        let words = entrance.words();
        assert_eq!(words[offset::KERNEL / 8], 0x4020_0000);
        assert_eq!(words[offset::TREE / 8], AS_GIVEN);
        assert_eq!(words[offset::REDISTRIBUTOR / 8], 7);
        assert_eq!(words[offset::FILL / 8..offset::FILL / 8 + 3], [64, 128, 0]);
    }

    #[test]
    fn the_pattern_is_a_valid_entry_and_no_address() {
        assert_eq!(PATTERN & 0b11, 0b11);
        assert_ne!(PATTERN >> 48, 0);
        assert_ne!(PATTERN >> 48, 0xffff);
    }

    #[test]
    fn the_stubs_words_are_tree_and_kernel() {
        assert_eq!(Armstub { tree: 0x2e00_0000, kernel: 0x20_0000 }.bytes(), [0, 0, 0, 0x2e, 0, 0, 0x20, 0]);
    }
}
