//! The boot flow.
#![forbid(unsafe_code)]

use aarch64::{Boot, EntryLevel};

/// From the loader's hand-over to a running kernel.
pub(crate) fn boot(boot: Boot) -> ! {
    if boot.level() == EntryLevel::El3 {
        boot.fail(format_args!("entered at EL3; start the flat Image at EL1 or EL2"))
    }
    if boot.tree().is_none() {
        boot.fail(format_args!("no device tree at the address in x0; pass one to the loader"))
    }
    boot.fail(format_args!("nothing to run yet"))
}
