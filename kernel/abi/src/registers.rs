//! A thread's general registers (`zx_thread_state_general_regs_t` on arm64).

/// The registers that the exception vectors save, in the order in which they save them.
///
/// 35 words, 280 bytes: the layout is Zircon's and is also the kernel's own saved frame, so a debugger
/// reads what the hardware left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(C)]
pub struct GeneralRegs {
    /// X0 to X29.
    pub r: [u64; 30],
    /// X30, the link register.
    pub lr: u64,
    /// SP_EL0.
    pub sp: u64,
    /// The address of the next instruction (ELR_EL1).
    pub pc: u64,
    /// The saved process state (SPSR_EL1).
    pub cpsr: u64,
    /// TPIDR_EL0.
    pub tpidr: u64,
}

const _: () = assert!(size_of::<GeneralRegs>() == 280);
