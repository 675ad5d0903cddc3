//! What the CPU says of itself.
use core::arch::asm;

use aarch64_cpu::registers::{ID_AA64MMFR0_EL1, ID_AA64PFR0_EL1, MIDR_EL1, MPIDR_EL1, Readable};
use kernel::ports::CpuId;

use crate::layout;

/// Bits of physical address (`ID_AA64MMFR0_EL1.PARange`), no more than 4 KiB pages can use.
pub fn physical_address_bits() -> u32 {
    match ID_AA64MMFR0_EL1.read(ID_AA64MMFR0_EL1::PARange) {
        0 => 32,
        1 => 36,
        2 => 40,
        3 => 42,
        4 => 44,
        _ => 48,
    }
}

/// Whether ASIDs have 16 bits (`ID_AA64MMFR0_EL1.ASIDBits`).
pub fn wide_asids() -> bool {
    ID_AA64MMFR0_EL1.read(ID_AA64MMFR0_EL1::ASIDBits) == 2
}

/// Whether the CPU has instructions for copying and setting memory (`ID_AA64ISAR2_EL1.MOPS`, bits 19:16).
pub(crate) fn has_mops() -> bool {
    let isar2: u64;
    // SAFETY: ID_AA64ISAR2_EL1 never changes, and reads as zero on CPUs that are older than it.
    unsafe { asm!("mrs {}, s3_0_c0_c6_2", out(reg) isar2, options(nomem, nostack, pure, preserves_flags)) };
    isar2 >> 16 & 0xf != 0
}

/// The CPU's identification (`MIDR_EL1`).
pub fn identification() -> u64 {
    MIDR_EL1.get()
}

/// The CPU's place in the machine (`MPIDR_EL1.Aff3..Aff0`), as a tree's `/cpus` names it.
pub fn affinity() -> u64 {
    MPIDR_EL1.get() & 0xff_00ff_ffff
}

/// Whether the CPU has system registers for a GIC (`ID_AA64PFR0_EL1.GIC`, bits 27:24).
pub(crate) fn has_gic_registers() -> bool {
    ID_AA64PFR0_EL1.get() >> 24 & 0xf != 0
}

/// TPIDR_EL1 holds the end of the CPU's emergency stack, with the CPU's number in these bits (entry.S).
const NUMBER: u64 = 0xf;

#[inline]
fn own_register() -> u64 {
    let value: u64;
    // SAFETY: reads a register that entry.S writes once. It is not called pure: reading it again costs less than a
    // register that is kept for it through a whole call.
    unsafe {
        asm!("mrs {}, tpidr_el1", out(reg) value, options(nomem, nostack, preserves_flags));
    }
    value
}

/// The number of the CPU that runs this.
#[inline]
pub fn number() -> CpuId {
    CpuId::from_bits(own_register() & NUMBER)
}

/// The end of this CPU's stack.
pub(crate) fn stack_end() -> u64 {
    (own_register() & !NUMBER) - layout::STACK_BELOW
}

/// The end of the stack of a CPU that runs.
pub(crate) fn stack_end_of(cpu: CpuId) -> u64 {
    match cpu {
        CpuId::BOOT => crate::entry::linker::stack_top(),
        _ => layout::STACKS + (cpu.index() as u64 + 1) * layout::STACK_STRIDE - layout::STACK_BELOW,
    }
}

/// 64 random bits from the CPU (FEAT_RNG), if it has them and they are ready.
pub(crate) fn random() -> Option<u64> {
    let isar0: u64;
    // SAFETY: reads a register that never changes.
    unsafe {
        asm!("mrs {}, id_aa64isar0_el1", out(reg) isar0, options(nomem, nostack, pure, preserves_flags))
    };
    if isar0 >> 60 == 0 {
        return None;
    }
    let (value, ready): (u64, u64);
    // SAFETY: RNDR (s3_3_c2_c4_0) exists, as the ID register says; it sets Z when it fails.
    unsafe {
        asm!("mrs {value}, s3_3_c2_c4_0", "cset {ready}, ne",
            value = out(reg) value, ready = out(reg) ready, options(nomem, nostack));
    }
    (ready != 0).then_some(value)
}

/// Bytes in the smallest data cache line (`CTR_EL0.DminLine`).
pub fn data_line_size() -> u32 {
    4 << (crate::cache::type_register() >> 16 & 0xf)
}

/// Bytes in the smallest instruction cache line (`CTR_EL0.IminLine`).
pub fn instruction_line_size() -> u32 {
    4 << (crate::cache::type_register() & 0xf)
}
