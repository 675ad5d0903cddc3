//! Format and lints.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::build::{self, Artifacts};
use crate::paths::{self, KERNEL_TARGET, PROGRAM_TARGET};
use crate::process;
use crate::say::say;
use crate::setup::Toolchain;
use crate::summary::Tally;

const LIMIT: Duration = Duration::from_secs(1800);

/// The packages that are built for the kernel's target only.
const KERNEL_PACKAGES: [&str; 4] = ["image", "aarch64", "console", "mmio"];
/// The packages that are built for the programs' target.
const PROGRAM_PACKAGES: [&str; 8] =
    ["zx", "init", "bcm2835-timer", "pl031", "rtc", "systimer", "bench", "conformance"];

/// Runs rustfmt, and clippy for this machine and for both targets.
pub(super) fn run(toolchain: Toolchain, tally: &mut Tally) -> Result<()> {
    let mut format = Toolchain::cargo("fmt");
    check("lint rustfmt", format.args(["--all", "--check"]), tally)?;
    let mut host = Toolchain::cargo("clippy");
    check("lint clippy, this machine", deny_warnings(host.arg("--all-targets")), tally)?;

    let artifacts = Artifacts::locate();
    let started = Instant::now();
    if let Err(error) = build::vdso(toolchain, &artifacts) {
        eprintln!("error: {error:#}");
        tally.fail("lint clippy, bare metal", started.elapsed());
        return Ok(());
    }
    for (name, target, packages) in
        [("kernel", KERNEL_TARGET, &KERNEL_PACKAGES[..]), ("programs", PROGRAM_TARGET, &PROGRAM_PACKAGES[..])]
    {
        let name = format!("lint clippy, {name}");
        if !toolchain.has_target_clippy() {
            tally
                .skip(&name, "clippy has no libraries for this target; `rustup target add` would bring them");
            continue;
        }
        let mut command = toolchain.cargo_for("clippy", target);
        packages.iter().for_each(|package| {
            command.args(["-p", package]);
        });
        build::point_to_vdso(&mut command, &artifacts);
        check(&name, deny_warnings(&mut command), tally)?;
    }
    Ok(())
}

fn deny_warnings(command: &mut Command) -> &mut Command {
    command.arg("--target-dir").arg(paths::target_dir()).args(["--quiet", "--", "-D", "warnings"])
}

fn check(name: &str, command: &mut Command, tally: &mut Tally) -> Result<()> {
    say("Checking", process::shown(command));
    let started = Instant::now();
    let (status, _) = process::tee(command, LIMIT)?;
    tally.record(name, status.is_some_and(|status| status.success()), started.elapsed());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The strings of the list `key = [...]` in the workspace's Cargo.toml.
    fn list(manifest: &str, key: &str) -> Vec<String> {
        let (_, rest) = manifest.split_once(&format!("\n{key} = [")).unwrap();
        let (inside, _) = rest.split_once(']').unwrap();
        inside
            .split(',')
            .map(|item| item.trim().trim_matches('"').to_owned())
            .filter(|item| !item.is_empty())
            .collect()
    }

    #[test]
    fn every_package_is_linted() {
        let manifest = std::fs::read_to_string(paths::root().join("Cargo.toml")).unwrap();
        let host = list(&manifest, "default-members");
        for member in list(&manifest, "members") {
            let text = std::fs::read_to_string(paths::root().join(&member).join("Cargo.toml")).unwrap();
            let name = text
                .lines()
                .find_map(|line| line.strip_prefix("name = "))
                .unwrap()
                .trim_matches('"')
                .to_owned();
            let listed =
                KERNEL_PACKAGES.contains(&name.as_str()) || PROGRAM_PACKAGES.contains(&name.as_str());
            assert!(listed || host.contains(&member), "no lint covers {member}: name `{name}` in this file");
        }
    }
}
