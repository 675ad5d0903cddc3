//! The kernel's binary: the boot flow and the glue between the logic and the machine.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![deny(unsafe_code)]

#[cfg(target_os = "none")]
mod boot;
#[cfg(target_os = "none")]
use defmt as _;

/// Where the platform hands over: the one symbol that it expects of the image.
// The attribute counts as unsafe code because two functions of one name would be undefined behaviour. The name
// is declared in one place (aarch64::entry), with this signature.
#[cfg(target_os = "none")]
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
fn jacinth_main(boot: aarch64::Boot) -> ! {
    boot::boot(boot)
}

/// On a development machine the crate is only checked: there is nothing to boot.
#[cfg(not(target_os = "none"))]
fn main() {}
