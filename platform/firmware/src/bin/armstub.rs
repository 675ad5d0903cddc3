//! What the Raspberry Pi 4's firmware runs on every CPU before the kernel (`firmware::Armstub`).
#![cfg_attr(target_os = "none", no_std, no_main)]
#![allow(unsafe_code, reason = "assembly")]

#[cfg(target_os = "none")]
mod code {
    use core::arch::global_asm;

    use firmware::Armstub;

    global_asm!(include_str!("../armstub.S"), SPIN = const Armstub::SPIN, WORDS = const Armstub::AT);

    #[panic_handler]
    fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
        loop {}
    }
}

/// There is no Raspberry Pi here.
#[cfg(not(target_os = "none"))]
fn main() {}
