//! Enters the kernel in a state that it is told (`firmware::Entrance`).
#![cfg_attr(target_os = "none", no_std, no_main)]
#![allow(unsafe_code, reason = "assembly")]

#[cfg(target_os = "none")]
mod code {
    use core::arch::global_asm;

    use firmware::{ENTRANCE_AT, ENTRANCE_WORDS, FILLS, PATTERN, offset, poison};

    global_asm!(
        include_str!("../entrance.S"),
        include_str!("../poison.S"),
        PARAMETERS = const ENTRANCE_AT,
        WORDS = const ENTRANCE_WORDS,
        KERNEL = const offset::KERNEL,
        TREE = const offset::TREE,
        POISON = const offset::POISON,
        DAIF = const offset::DAIF,
        SCTLR = const offset::SCTLR,
        TCR = const offset::TCR,
        HCR = const offset::HCR,
        CPTR = const offset::CPTR,
        MDSCR = const offset::MDSCR,
        DISTRIBUTOR = const offset::DISTRIBUTOR,
        INTERFACE = const offset::INTERFACE,
        REDISTRIBUTOR = const offset::REDISTRIBUTOR,
        FILL = const offset::FILL,
        FILLS = const FILLS,
        PATTERN = const PATTERN,
        POISON_EL2 = const poison::EL2,
        POISON_EL1 = const poison::EL1,
        POISON_GIC = const poison::GIC,
        POISON_GENERAL = const poison::GENERAL,
    );

    #[panic_handler]
    fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
        loop {}
    }
}

/// There is nothing to enter here.
#[cfg(not(target_os = "none"))]
fn main() {}
