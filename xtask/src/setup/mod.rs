//! Making sure of what a verb needs before it starts: Rust targets, QEMU and a few tools.
//!
//! What is missing is installed where that is possible without asking (rustup; apt as root or with
//! passwordless sudo), each step saying what it does and why. Everywhere else the exact commands to type are
//! the error message. When nothing is missing the checks take a fraction of a second and print nothing.

mod backports;
mod debian_rust;
mod packages;
mod rust;
mod system;

use anyhow::Result;

pub(crate) use packages::Package;
pub(crate) use packages::file as package_file;
pub(crate) use rust::Toolchain;
pub(crate) use system::Tool;

/// What a verb cannot do without.
#[derive(Clone, Copy, Default)]
pub(crate) struct Needs {
    /// QEMU for AArch64, any version that boots `virt`.
    pub(crate) qemu: bool,
    /// clippy and rustfmt.
    pub(crate) lint: bool,
    /// The device tree compiler.
    pub(crate) dtc: bool,
    /// A debugger that knows AArch64.
    pub(crate) gdb: bool,
    /// A C compiler for AArch64.
    pub(crate) cc: bool,
}

/// Makes sure of the bare-metal targets and of `needs`; returns the toolchain that builds for them.
pub(crate) fn ensure(needs: Needs) -> Result<Toolchain> {
    let wanted =
        [(needs.qemu, Tool::Qemu), (needs.dtc, Tool::Dtc), (needs.gdb, Tool::Gdb), (needs.cc, Tool::Cc)];
    let tools: Vec<Tool> = wanted.into_iter().filter(|(wanted, _)| *wanted).map(|(_, tool)| tool).collect();
    system::ensure(&tools)?;
    rust::ensure(needs.lint)
}
