//! The Rust side of set-up: the two bare-metal targets, clippy and rustfmt.
//!
//! In this order: what the toolchain has already; what rustup adds, bounded in time and checked afterwards
//! (rustup can report success for a component that its server does not have); Debian's own packages.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::debian_rust;
use crate::paths::{KERNEL_TARGET, PROGRAM_TARGET};
use crate::process;
use crate::say::say;

const RUSTUP_LIMIT: Duration = Duration::from_secs(180);
const TARGETS: [&str; 2] = [KERNEL_TARGET, PROGRAM_TARGET];

/// What Cargo and rustup hand down to a program that `cargo run` starts. An inner Cargo must not see it: it
/// would pin the toolchain, replace the flags of `.cargo/config.toml` or redirect the output.
const INHERITED: [&str; 9] = [
    "CARGO",
    "RUSTC",
    "RUSTDOC",
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "RUSTUP_TOOLCHAIN",
    "RUSTC_BOOTSTRAP",
];

/// Which Cargo builds for the bare-metal targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Toolchain {
    /// The one on the search path: it has the targets' libraries.
    Default,
    /// Debian's packages: the libraries are built from their sources.
    Debian,
}

impl Toolchain {
    /// A Cargo command for the development machine.
    pub(crate) fn cargo(subcommand: &str) -> Command {
        let mut command = clean("cargo");
        command.arg(subcommand).current_dir(crate::paths::root());
        command
    }

    /// A Cargo command for a bare-metal target.
    pub(crate) fn cargo_for(self, subcommand: &str, target: &str) -> Command {
        let mut command = match self {
            Self::Default => Self::cargo(subcommand),
            Self::Debian => debian_rust::cargo(subcommand),
        };
        command.args(["--target", target]);
        command
    }

    /// The compiler by itself, in the repository's root.
    pub(crate) fn rustc() -> Command {
        let mut command = clean("rustc");
        command.current_dir(crate::paths::root());
        command
    }

    /// What assembles for AArch64, where rustc cannot: it has no `core` for a bare-metal target at hand.
    pub(crate) fn assembler(self) -> Option<Command> {
        match self {
            Self::Default => None,
            Self::Debian => Some(debian_rust::assembler()),
        }
    }

    /// Cargo under Miri, which comes with nightly toolchains only and is fetched here when it is missing.
    ///
    /// # Errors
    /// Why it cannot be had, and what to type.
    pub(crate) fn miri() -> core::result::Result<Command, String> {
        if process::find_program(&["rustup"]).is_none() {
            return Err("there is no rustup, and Miri comes with nightly toolchains only".to_owned());
        }
        let nightly = || {
            let mut command = clean("rustup");
            command.args(["run", "nightly", "cargo", "miri"]).current_dir(crate::paths::root());
            command
        };
        let is_ready = || {
            let source = process::capture(nightly().args(["setup", "--print-sysroot"]));
            source.is_ok_and(|output| output.status.success())
        };
        if is_ready() {
            return Ok(nightly());
        }
        say("Setting up", "Miri: `cargo xtask test` interprets the unit tests, to find undefined behaviour");
        let verb = ["toolchain", "install", "nightly", "--profile", "minimal"];
        let added = rustup(&verb, &["--component", "miri", "--component", "rust-src"]);
        match (added, is_ready()) {
            (_, true) => Ok(nightly()),
            (added, false) => Err(format!(
                "Miri could not be added{}. Type `rustup toolchain install nightly --component miri --component rust-src`",
                added.err().map(|error| format!(" ({error:#})")).unwrap_or_default()
            )),
        }
    }

    /// The toolchain that set-up left, without installing anything.
    #[cfg(test)]
    pub(crate) fn installed() -> Result<Self> {
        let complete = missing_targets(&sysroot()?).is_empty();
        Ok(if complete || !debian_rust::is_ready() { Self::Default } else { Self::Debian })
    }

    /// Whether clippy can look at code for the bare-metal targets.
    pub(crate) fn has_target_clippy(self) -> bool {
        self == Self::Default
    }
}

/// A command without the outer Cargo's environment.
pub(super) fn clean(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    for name in INHERITED {
        command.env_remove(name);
    }
    command
}

/// Makes sure of the targets and, for `lint`, of clippy and rustfmt.
pub(super) fn ensure(lint: bool) -> Result<Toolchain> {
    let sysroot = sysroot()?;
    if lint {
        ensure_linters(&sysroot)?;
    }
    let missing = missing_targets(&sysroot);
    if missing.is_empty() {
        return Ok(Toolchain::Default);
    }
    if debian_rust::is_ready() {
        return Ok(Toolchain::Debian);
    }
    let names = missing.join(" ");
    say("Setting up", format!("Rust's libraries for {names}: the kernel and the programs run on bare metal"));
    let rustup = match process::find_program(&["rustup"]) {
        Some(_) => rustup(&["target", "add"], &missing),
        None => Err(anyhow::anyhow!("there is no rustup on the search path")),
    };
    if rustup.is_ok() && missing_targets(&sysroot).is_empty() {
        return Ok(Toolchain::Default);
    }
    let why = match rustup {
        Ok(()) => "rustup reported success and the libraries are still missing".to_owned(),
        Err(error) => format!("{error:#}"),
    };
    debian_rust::install(&why).with_context(|| {
        format!(
            "the Rust targets {names} are missing and could not be added. Type:\n    rustup target add {names}\n\
             and start again; without rustup, install it from the site of the Rust project first"
        )
    })?;
    Ok(Toolchain::Debian)
}

fn sysroot() -> Result<PathBuf> {
    let out = process::capture(clean("rustc").args(["--print", "sysroot"])).context(
        "Rust is not on the search path: install rustup from the site of the Rust project, then start again",
    )?;
    if !out.status.success() {
        bail!(
            "`rustc --print sysroot` failed; `rustup toolchain list` shows what is installed:\n{}",
            out.stderr
        );
    }
    Ok(PathBuf::from(out.stdout.trim_end()))
}

fn missing_targets(sysroot: &Path) -> Vec<&'static str> {
    TARGETS.into_iter().filter(|target| !has_core(sysroot, target)).collect()
}

/// Whether the compiled `core` of a target is there, not only its folder: an interrupted install leaves one.
fn has_core(sysroot: &Path, target: &str) -> bool {
    let folder = sysroot.join("lib/rustlib").join(target).join("lib");
    let Ok(entries) = folder.read_dir() else { return false };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with("libcore-") && name.ends_with(".rlib")
    })
}

fn missing_linters(sysroot: &Path) -> Vec<&'static str> {
    let linters = [("clippy", "cargo-clippy"), ("rustfmt", "cargo-fmt")];
    let absent = |file: &str| !sysroot.join("bin").join(file).exists();
    linters.into_iter().filter(|(_, file)| absent(file)).map(|(name, _)| name).collect()
}

fn ensure_linters(sysroot: &Path) -> Result<()> {
    let missing = missing_linters(sysroot);
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" ");
    say("Setting up", format!("{names}: `cargo xtask test` checks format and lints"));
    let added = rustup(&["component", "add"], &missing);
    if added.is_ok() && missing_linters(sysroot).is_empty() {
        return Ok(());
    }
    // A toolchain from a distribution has them outside its sysroot's bin, as Cargo's external commands.
    if process::find_program(&["cargo-clippy"]).is_some() && process::find_program(&["cargo-fmt"]).is_some() {
        return Ok(());
    }
    added.with_context(|| {
        format!("{names} could not be added. Type:\n    rustup component add {names}\nand start again")
    })?;
    bail!(
        "rustup reported success and {names} is still missing: `rustup show` tells which toolchain is active"
    )
}

/// One bounded rustup command for all `names`, with its output on the terminal.
fn rustup(verb: &[&str], names: &[&str]) -> Result<()> {
    process::run_within(clean("rustup").args(verb).args(names), RUSTUP_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inner_cargo_does_not_see_the_outer_one() {
        let command = Toolchain::Default.cargo_for("build", KERNEL_TARGET);
        for name in INHERITED {
            assert!(command.get_envs().any(|(key, value)| key == name && value.is_none()), "{name}");
        }
        assert!(process::shown(&command).starts_with("cargo build --target aarch64-unknown-none-softfloat"));
    }

    #[test]
    fn an_empty_folder_is_not_a_target() {
        let sysroot = crate::scratch::Scratch::new().unwrap();
        let lib = sysroot.path().join("lib/rustlib").join(PROGRAM_TARGET).join("lib");
        std::fs::create_dir_all(&lib).unwrap();
        assert_eq!(missing_targets(sysroot.path()), TARGETS);
        std::fs::write(lib.join("libcore-0123.rlib"), b"").unwrap();
        assert_eq!(missing_targets(sysroot.path()), [KERNEL_TARGET]);
    }
}
