//! The fall-back for machines where rustup cannot add a target: Debian's Rust packages, which build `core`
//! and `alloc` from their sources. The one place that knows of them.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{rust, system};
use crate::say::say;

const CARGO: &str = "/usr/bin/cargo";
const RUSTC: &str = "/usr/bin/rustc";
/// The name under which rustc looks for the linker of bare-metal targets; Debian keeps it beside rustc.
const LINKER: &str = "/usr/bin/rust-lld";
const ASSEMBLER: &str = "/usr/bin/llvm-mc-22";
const PACKAGES: [&str; 6] = ["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm", "lld-22", "llvm-22"];

/// Whether everything is installed.
pub(super) fn is_ready() -> bool {
    [CARGO, RUSTC, LINKER, ASSEMBLER].iter().all(|file| Path::new(file).exists())
        && Path::new("/usr/lib/rustlib/src/rust/library/core/src/lib.rs").exists()
}

/// A Cargo command that builds the bare-metal libraries too. `-Zbuild-std` is a nightly flag; the packages
/// are of a release, hence the bootstrap variable. It never reaches a build for the development machine.
pub(super) fn cargo(subcommand: &str) -> Command {
    let mut command = rust::clean(CARGO);
    command.current_dir(crate::paths::root()).env("RUSTC", RUSTC).env("RUSTC_BOOTSTRAP", "1");
    command.args([subcommand, "-Zbuild-std=core,alloc"]);
    command
}

/// The assembler, without its files.
pub(super) fn assembler() -> Command {
    let mut command = Command::new(ASSEMBLER);
    command.args(["-triple=aarch64-none-elf", "-filetype=obj"]);
    command
}

/// Installs the packages. `why` tells the reader what did not work before.
pub(super) fn install(why: &str) -> Result<()> {
    if !system::is_debian_like() {
        bail!("{why}");
    }
    say("Setting up", format!("Debian's Rust with the sources of its libraries, because {why}"));
    system::apt_install(&PACKAGES).with_context(|| why.to_owned())?;
    if !is_ready() {
        bail!(
            "{} are installed and {CARGO}, {RUSTC} or the library sources are still missing",
            PACKAGES.join(" ")
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_libraries_are_built_from_source() {
        let command = cargo("build");
        assert_eq!(crate::process::shown(&command), "/usr/bin/cargo build -Zbuild-std=core,alloc");
        let set = |key: &str| command.get_envs().find(|(name, _)| *name == key).and_then(|(_, value)| value);
        assert_eq!(set("RUSTC").unwrap(), RUSTC);
        assert_eq!(set("RUSTC_BOOTSTRAP").unwrap(), "1");
    }
}
