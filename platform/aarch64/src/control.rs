//! System register values. Each register is written whole, from these constants and from ID registers:
//! what the firmware left in it never survives.

use aarch64_cpu::registers::{CPACR_EL1, SCTLR_EL1, TCR_EL1};

/// Bits of SCTLR_EL1 that aarch64-cpu does not name (Arm ARM D24.2.175).
mod sctlr {
    /// ITD, SED: AArch32's IT and SETEND are off; RES1 without AArch32.
    pub(super) const AARCH32: u64 = 1 << 7 | 1 << 8;
    /// EOS: an exception return synchronizes the context; RES1 before FEAT_ExS.
    pub(super) const EOS: u64 = 1 << 11;
    /// TSCXT: EL0 does not see SCXTNUM_EL0; RES1 without it.
    pub(super) const TSCXT: u64 = 1 << 20;
    /// EIS: an exception entry synchronizes the context; RES1 before FEAT_ExS.
    pub(super) const EIS: u64 = 1 << 22;
    /// SPAN: an exception entry leaves PSTATE.PAN alone; RES1 without PAN.
    pub(super) const SPAN: u64 = 1 << 23;
    /// nTLSMD, LSMAOE: AArch32's load and store multiple; RES1 without the feature that relaxes them.
    pub(super) const LSM: u64 = 1 << 28 | 1 << 29;
}

/// What is RES1 on an ARMv8.0 CPU, or chosen to be 1 where later CPUs give a choice.
const SCTLR_FIXED: u64 = sctlr::AARCH32 | sctlr::EOS | sctlr::TSCXT | sctlr::EIS | sctlr::LSM;

/// SCTLR_EL1 while the boot code builds the tables: MMU and caches off, little-endian.
pub const SCTLR_MMU_OFF: u64 = SCTLR_FIXED | sctlr::SPAN;

/// SCTLR_EL1 for good, on a CPU without PAN. Stack alignment is checked; EL0 may maintain caches by address,
/// read CTR_EL0, zero by DC ZVA and wait by WFI and WFE, none of which tells it more than a clock does.
/// WXN stays clear: what EL0 maps is its own affair, and the kernel's tables have nothing writable and
/// executable (see [`crate::descriptor`]).
pub const SCTLR_MMU_ON: u64 = SCTLR_MMU_OFF
    | SCTLR_EL1::M::Enable.value
    | SCTLR_EL1::C::Cacheable.value
    | SCTLR_EL1::I::Cacheable.value
    | SCTLR_EL1::SA::Enable.value
    | SCTLR_EL1::SA0::Enable.value
    | SCTLR_EL1::DZE::DontTrap.value
    | SCTLR_EL1::UCT::DontTrap.value
    | SCTLR_EL1::NTWI::DontTrap.value
    | SCTLR_EL1::NTWE::DontTrap.value
    | SCTLR_EL1::UCI::DontTrap.value;

/// What a CPU with PAN clears: SPAN, so that every exception entry forbids the kernel EL0's addresses. The
/// kernel reaches user memory through the direct map only, so nothing ever lifts it.
pub const SCTLR_SPAN: u64 = sctlr::SPAN;

/// TCR_EL1 without what ID registers decide: 48 bits of address in both halves, 4 KiB pages, table walks
/// that are cacheable and inner shareable, ASIDs in TTBR0_EL1, no tags.
pub const TCR: u64 = 16
    | 16 << 16
    | TCR_EL1::TG0::KiB_4.value
    | TCR_EL1::SH0::Inner.value
    | TCR_EL1::ORGN0::WriteBack_ReadAlloc_WriteAlloc_Cacheable.value
    | TCR_EL1::IRGN0::WriteBack_ReadAlloc_WriteAlloc_Cacheable.value
    | TCR_EL1::TG1::KiB_4.value
    | TCR_EL1::SH1::Inner.value
    | TCR_EL1::ORGN1::WriteBack_ReadAlloc_WriteAlloc_Cacheable.value
    | TCR_EL1::IRGN1::WriteBack_ReadAlloc_WriteAlloc_Cacheable.value;
/// Where TCR_EL1.IPS, the size of output addresses, starts.
pub const TCR_IPS_SHIFT: u64 = 32;
/// The largest IPS that a 4 KiB granule without FEAT_LPA2 can use: 48 bits.
pub const TCR_IPS_MAX: u64 = 0b101;
/// TCR_EL1.AS: ASIDs have 16 bits.
pub const TCR_WIDE_ASID: u64 = TCR_EL1::AS::ASID16Bits.value;
/// TCR_EL1.E0PD1: an EL0 access to the kernel's half faults without a walk (FEAT_E0PD).
pub const TCR_E0PD1: u64 = 1 << 56;

/// CPACR_EL1: EL0's first use of FP traps, so that its registers are switched lazily; EL1's never does.
pub const CPACR_FP_TRAPPED: u64 = CPACR_EL1::FPEN::TrapEl0.value;
/// CPACR_EL1: EL0 owns the FP registers.
pub const CPACR_FP_ALLOWED: u64 = CPACR_EL1::FPEN::TrapNothing.value;

/// CNTKCTL_EL1: EL0 reads the virtual counter and its frequency, and nothing else.
pub const CNTKCTL: u64 = 1 << 1;

/// MDSCR_EL1: no self-hosted debugging; TDCC, so that EL0 does not reach the debug communication channel, through
/// which two programs could signal to each other (Arm ARM, MDSCR_EL1.TDCC).
pub const MDSCR: u64 = 1 << 12;

/// HCR_EL2 for a kernel at EL1: AArch64, no traps, no stage 2.
pub const HCR: u64 = 1 << 31;
/// CNTHCTL_EL2 (E2H clear): EL1 may use the physical counter and timer.
pub const CNTHCTL: u64 = 0b11;
/// CPTR_EL2 (E2H clear): its RES1 bits, which also keep SVE and SME trapped.
pub const CPTR: u64 = 0x33ff;
/// ICC_SRE_EL2 and ICC_SRE_EL3: system registers for the GIC, no bypass, EL1 may choose too.
pub const ICC_SRE: u64 = 0xf;
/// SCR_EL3: non-secure, AArch64 below, no SMC (nothing would answer it), HVC allowed.
pub const SCR: u64 = 1 | 0b11 << 4 | 1 << 7 | 1 << 8 | 1 << 10;

/// PSTATE for EL1 with its own stack pointer and everything masked.
pub const SPSR_EL1H: u64 = 0x3c5;
/// PSTATE for EL2 with its own stack pointer and everything masked.
pub const SPSR_EL2H: u64 = 0x3c9;

/// SCTLR_EL1's value is read by people who debug boots; these are the numbers to expect.
const _: () = assert!(SCTLR_MMU_OFF == 0x30d0_0980 && SCTLR_MMU_ON == 0x34d5_d99d);
const _: () = assert!(TCR == 0xb510_3510 && CNTKCTL == 0b10);
