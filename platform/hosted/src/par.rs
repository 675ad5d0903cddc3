//! `PAR_EL1` as AT S1E0R and AT S1E0W leave it (Arm ARM D24.2, PAR_EL1).
//!
//! | F | bits | field |
//! |---|---|---|
//! | 0 | 8:7 | SH: 2 for Device and for Normal non-cacheable, whatever the descriptor says |
//! | 0 | 11 | RES1 |
//! | 0 | 47:12 | PA |
//! | 0 | 63:56 | ATTR: the byte of `MAIR_EL1` |
//! | 1 | 6:1 | FST: the fault status code |
//! | 1 | 11 | RES1 |

use crate::mmu::{Translation, WalkFault};

const F: u64 = 1;
const RES1: u64 = 1 << 11;
const OUTER_SHAREABLE: u64 = 2;
/// Normal memory, inner and outer non-cacheable.
const NON_CACHEABLE: u8 = 0x44;
const PA: u64 = 0x0000_FFFF_FFFF_F000;

/// The register for what the MMU found.
pub(crate) fn from_walk(outcome: Result<Translation, WalkFault>) -> u64 {
    match outcome {
        Err(fault) => F | fault.status_code() << 1 | RES1,
        Ok(Translation { address, leaf }) => {
            let attribute = leaf.mair_byte();
            let shareability = if leaf.is_device() || attribute == NON_CACHEABLE {
                OUTER_SHAREABLE
            } else {
                leaf.shareability()
            };
            u64::from(attribute) << 56 | address.0 & PA | RES1 | shareability << 7
        }
    }
}
