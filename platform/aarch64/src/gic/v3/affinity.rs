//! A CPU's affinity in the three forms in which a GICv3 wants it.
//!
//! | where | Aff3 | Aff2 | Aff1 | Aff0 |
//! |---|---|---|---|---|
//! | `MPIDR_EL1`, `GICD_IROUTER` | 39:32 | 23:16 | 15:8 | 7:0 |
//! | `GICR_TYPER`, upper word | 31:24 | 23:16 | 15:8 | 7:0 |
//! | `ICC_SGI1R_EL1` | 55:48 | 39:32 | 23:16 | 15:0, one bit each of the sixteen that RS (47:44) selects |

/// The affinity bits of MPIDR_EL1; GICD_IROUTER has the same places for them.
const MASK: u64 = 0xff_00ff_ffff;

/// GICD_IROUTER for the CPU with an affinity, and for no other (Interrupt_Routing_Mode 0).
pub(super) const fn route(cpu: u64) -> u64 {
    cpu & MASK
}

/// The affinity in MPIDR_EL1's form that the upper word of a GICR_TYPER names.
pub(super) const fn from_typer(upper: u32) -> u64 {
    let upper = upper as u64;
    (upper & 0xff00_0000) << 8 | upper & 0x00ff_ffff
}

/// ICC_SGI1R_EL1 for one interrupt to one CPU.
pub(super) const fn sgi(cpu: u64, intid: u32) -> u64 {
    let (aff3, aff2, aff1, aff0) = (cpu >> 32 & 0xff, cpu >> 16 & 0xff, cpu >> 8 & 0xff, cpu & 0xff);
    aff3 << 48 | (aff0 / 16) << 44 | aff2 << 32 | (intid as u64 & 0xf) << 24 | aff1 << 16 | 1 << (aff0 % 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_the_affinity_alone() {
        assert_eq!(route(0x8000_0000 | 3), 3, "bit 31 of MPIDR_EL1 is no affinity; here it means any CPU");
        assert_eq!(route(0x12_8134_5678), 0x12_0034_5678);
    }

    #[test]
    fn a_redistributor_and_its_cpu_agree() {
        assert_eq!(from_typer(0x1234_5678), 0x12_0034_5678);
        assert_eq!(from_typer(0x0000_0100), 0x100);
    }

    #[test]
    fn an_sgi_names_one_cpu() {
        assert_eq!(sgi(0, 0), 1);
        assert_eq!(sgi(0x103, 1), 1 << 24 | 1 << 16 | 1 << 3);
        assert_eq!(sgi(0x12_0034_561f, 0), 0x12 << 48 | 1 << 44 | 0x34 << 32 | 0x56 << 16 | 1 << 15);
        assert_eq!(sgi(0xff, 15), 15 << 44 | 15 << 24 | 1 << 15, "Aff0 above 15 is a matter of the range");
    }
}
