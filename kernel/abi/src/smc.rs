//! Secure monitor calls, `zircon/syscalls/smc.h`.
use crate::abi_struct;

abi_struct! {
    /// The registers of a call.
    struct Parameters as "zx_smc_parameters_t" {
        /// W0: which function.
        func_id: u32,
        /// Zero.
        padding1: [u8; 4],
        /// X1.
        arg1: u64,
        /// X2.
        arg2: u64,
        /// X3.
        arg3: u64,
        /// X4.
        arg4: u64,
        /// X5.
        arg5: u64,
        /// X6.
        arg6: u64,
        /// The low half of W7.
        client_id: u16,
        /// The high half of W7.
        secure_os_id: u16,
        /// Zero.
        padding2: [u8; 4],
    }
    /// What the registers held afterwards.
    struct Outcome as "zx_smc_result_t" {
        /// X0.
        arg0: u64,
        /// X1.
        arg1: u64,
        /// X2.
        arg2: u64,
        /// X3.
        arg3: u64,
        /// X6: what some callers keep there.
        arg6: u64,
    }
}

const _: () = assert!(size_of::<Parameters>() == 64 && size_of::<Outcome>() == 40);
