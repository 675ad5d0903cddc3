//! Format and lints.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::build::{self, Artifacts};
use crate::paths::{self, KERNEL_TARGET, PROGRAM_TARGET};
use crate::process;
use crate::say::{say, tell};
use crate::scratch::Scratch;
use crate::setup::Toolchain;
use crate::summary::Tally;

const LIMIT: Duration = Duration::from_secs(1800);

/// The packages that are built for the kernel's target only.
const KERNEL_PACKAGES: [&str; 5] = ["image", "aarch64", "console", "firmware", "mmio"];
/// The packages that are built for the programs' target.
const PROGRAM_PACKAGES: [&str; 9] =
    ["zx", "init", "bcm2835-timer", "pl031", "rtc", "systimer", "bench", "conformance", "trees"];

/// Runs rustfmt, and clippy for this machine and for both targets.
pub(super) fn run(toolchain: Toolchain, tally: &mut Tally) -> Result<()> {
    let mut format = Toolchain::cargo("fmt");
    check("lint rustfmt", format.args(["--all", "--check"]), tally)?;
    let mut host = Toolchain::cargo("clippy");
    check("lint clippy, this machine", deny_warnings(host.arg("--all-targets")), tally)?;
    check_specimen(tally);

    let artifacts = Artifacts::locate();
    let started = Instant::now();
    if let Err(error) = build::vdso(toolchain, &artifacts) {
        tell(format_args!("error: {error:#}"));
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

/// Ways to a device's registers that `clippy.toml` forbids.
const SPECIMEN: &str = "xtask/src/test/lint/specimen.rs";
/// What ends a line of it that must be refused.
const REFUSED: &str = "// refused";

/// Clippy must refuse the marked lines of the specimen and no others: a path that clippy does not find forbids
/// nothing, and it says little about it.
fn check_specimen(tally: &mut Tally) {
    const NAME: &str = "lint clippy refuses the specimen";
    let started = Instant::now();
    match refused_lines() {
        Ok((found, wanted)) if found == wanted => tally.pass(NAME, started.elapsed()),
        Ok((found, wanted)) => {
            tell(format_args!(
                "error: of {SPECIMEN} clippy.toml makes clippy refuse the lines {found:?}, not {wanted:?}"
            ));
            tally.fail(NAME, started.elapsed());
        }
        Err(error) => {
            tell(format_args!("error: {error:#}"));
            tally.fail(NAME, started.elapsed());
        }
    }
}

/// The lines of the specimen that clippy refuses by `clippy.toml`, and those that are marked.
fn refused_lines() -> Result<(BTreeSet<usize>, BTreeSet<usize>)> {
    let source = fs::read_to_string(paths::root().join(SPECIMEN))?;
    let marked = source.lines().enumerate().filter(|(_, line)| line.contains(REFUSED));
    let wanted = marked.map(|(index, _)| index + 1).collect();

    let scratch = Scratch::new()?;
    let folder = scratch.path();
    fs::create_dir(folder.join("src"))?;
    fs::write(folder.join("src/lib.rs"), source)?;
    fs::copy(paths::root().join("Cargo.lock"), folder.join("Cargo.lock"))?;
    let manifest = "[package]\nname = \"specimen\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n\
        tock-registers = { version = \"*\", default-features = false, features = [\"register_types\"] }\n";
    fs::write(folder.join("Cargo.toml"), manifest)?;
    let mut command = Toolchain::cargo("clippy");
    command.arg("--manifest-path").arg(folder.join("Cargo.toml"));
    command.arg("--target-dir").arg(paths::target_dir().join("specimen"));
    command.args(["--offline", "--quiet", "--message-format=json"]);
    command.env("CLIPPY_CONF_DIR", paths::root());
    let output = process::capture(&mut command)?;
    let messages = output.stdout.lines().filter_map(|line| serde_json::from_str(line).ok());
    let found: BTreeSet<usize> = messages.flat_map(|message| disallowed(&message)).collect();
    ensure!(!found.is_empty(), "clippy refuses nothing of {SPECIMEN}: {}", output.stderr);
    Ok((found, wanted))
}

/// The lines that a message of Cargo's finds fault with because of `clippy.toml`.
fn disallowed(message: &serde_json::Value) -> Vec<usize> {
    let diagnostic = &message["message"];
    let is_ours =
        diagnostic["code"]["code"].as_str().is_some_and(|code| code.starts_with("clippy::disallowed"));
    let spans = diagnostic["spans"].as_array().filter(|_| is_ours);
    let lines = spans.into_iter().flatten().filter_map(|span| span["line_start"].as_u64());
    lines.filter_map(|line| usize::try_from(line).ok()).collect()
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
