//! Programs that come from the operating system: QEMU, the device tree compiler, a debugger.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::backports;
use crate::c;
use crate::process::{self, find_program};
use crate::say::say;

const UPDATE_LIMIT: Duration = Duration::from_secs(300);
const INSTALL_LIMIT: Duration = Duration::from_secs(900);

/// Waits for another apt for a bounded time, and gives up on a server that does not answer.
const APT_OPTIONS: [&str; 6] =
    ["-o", "DPkg::Lock::Timeout=240", "-o", "Acquire::http::Timeout=30", "-o", "Acquire::Retries=3"];

/// A program from the operating system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    Qemu,
    Dtc,
    Gdb,
    Cc,
}

/// A package manager, and how its packages are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manager {
    Apt,
    Dnf,
    Pacman,
    Brew,
}

impl Tool {
    /// The names under which it may be installed, the best one first.
    pub(crate) fn programs(self) -> &'static [&'static str] {
        match self {
            Self::Qemu => &["qemu-system-aarch64"],
            Self::Dtc => &["dtc"],
            Self::Gdb => {
                &["gdb-multiarch", "aarch64-elf-gdb", "aarch64-none-elf-gdb", "aarch64-linux-gnu-gdb"]
            }
            Self::Cc => &["aarch64-linux-gnu-gcc", "clang", "aarch64-elf-gcc", "aarch64-none-elf-gcc"],
        }
    }

    fn why(self) -> &'static str {
        match self {
            Self::Qemu => "QEMU, the machine that the kernel boots on",
            Self::Dtc => "dtc, which compiles the device trees that the tests use",
            Self::Gdb => "a debugger that knows AArch64",
            Self::Cc => "a C compiler for AArch64",
        }
    }

    fn packages(self, manager: Manager) -> &'static [&'static str] {
        match (self, manager) {
            (Self::Qemu, Manager::Apt) => &["qemu-system-arm", "ipxe-qemu"],
            (Self::Qemu, Manager::Dnf) => &["qemu-system-aarch64-core"],
            (Self::Qemu, Manager::Pacman) => &["qemu-system-aarch64"],
            (Self::Qemu, Manager::Brew) => &["qemu"],
            (Self::Dtc, Manager::Apt) => &["device-tree-compiler"],
            (Self::Dtc, _) => &["dtc"],
            (Self::Gdb, Manager::Apt) => &["gdb-multiarch"],
            (Self::Gdb, Manager::Dnf) => &["gdb"],
            (Self::Gdb, Manager::Pacman) => &["aarch64-linux-gnu-gdb"],
            (Self::Gdb, Manager::Brew) => &["aarch64-elf-gdb"],
            (Self::Cc, Manager::Apt | Manager::Dnf) => &["gcc-aarch64-linux-gnu"],
            (Self::Cc, Manager::Pacman) => &["aarch64-linux-gnu-gcc"],
            (Self::Cc, Manager::Brew) => &["aarch64-elf-gcc"],
        }
    }

    /// Where it is, if it is installed. A compiler for other machines only is none.
    pub(crate) fn find(self) -> Option<std::path::PathBuf> {
        match self {
            Self::Cc => c::compiler(),
            _ => find_program(self.programs()),
        }
    }
}

impl Manager {
    const ALL: [Self; 4] = [Self::Apt, Self::Dnf, Self::Pacman, Self::Brew];

    fn program(self) -> &'static str {
        match self {
            Self::Apt => "apt-get",
            Self::Dnf => "dnf",
            Self::Pacman => "pacman",
            Self::Brew => "brew",
        }
    }

    /// The command to type for `tools`.
    fn command(self, tools: &[Tool]) -> String {
        let names: Vec<&str> = tools.iter().flat_map(|tool| tool.packages(self)).copied().collect();
        let names = names.join(" ");
        match self {
            Self::Apt => {
                format!("sudo apt-get update && sudo apt-get install --no-install-recommends {names}")
            }
            Self::Dnf => format!("sudo dnf install {names}"),
            Self::Pacman => format!("sudo pacman -S --needed {names}"),
            Self::Brew => format!("brew install {names}"),
        }
    }
}

/// Makes sure of `tools`.
pub(super) fn ensure(tools: &[Tool]) -> Result<()> {
    let missing = |tools: &[Tool]| -> Vec<Tool> {
        tools.iter().copied().filter(|tool| tool.find().is_none()).collect()
    };
    let absent = missing(tools);
    if absent.is_empty() {
        return Ok(());
    }
    for tool in &absent {
        say("Missing", tool.why());
    }
    let Some(prefix) = apt_prefix() else {
        bail!("{}", instructions(&absent, |manager| find_program(&[manager.program()]).is_some()));
    };
    install(&prefix, &absent).with_context(|| instructions(&absent, |manager| manager == Manager::Apt))?;
    let still = missing(tools);
    if let Some(tool) = still.first() {
        bail!(
            "apt reported success and there is still no {} on the search path",
            tool.programs().join(" or ")
        );
    }
    Ok(())
}

/// What to type, for the package managers that are here, or for all of them when none is.
fn instructions(tools: &[Tool], is_here: impl Fn(Manager) -> bool) -> String {
    let here: Vec<Manager> = Manager::ALL.into_iter().filter(|manager| is_here(*manager)).collect();
    let shown = if here.is_empty() { Manager::ALL.to_vec() } else { here };
    let lines: Vec<String> =
        shown.into_iter().map(|manager| format!("    {}", manager.command(tools))).collect();
    let named = if tools.contains(&Tool::Cc) {
        format!("\nA C compiler for AArch64 that has another name or place is named by {}=PATH", c::CHOICE)
    } else {
        String::new()
    };
    format!(
        "{} cannot be installed from here. Type this and start again:\n{}{named}",
        tools.iter().map(|tool| tool.programs()[0]).collect::<Vec<_>>().join(", "),
        lines.join("\n")
    )
}

fn install(prefix: &[&str], tools: &[Tool]) -> Result<()> {
    let from_backports = tools.contains(&Tool::Qemu) && backports::serve_this_system();
    if from_backports && let Err(error) = install_from_backports(prefix) {
        // The release's own QEMU boots every board but raspi4b.
        say(
            "Note",
            format!("QEMU does not come from backports ({error:#}); the older one of the release serves"),
        );
    }
    let rest: Vec<&str> = tools
        .iter()
        .filter(|tool| tool.find().is_none())
        .flat_map(|tool| tool.packages(Manager::Apt))
        .copied()
        .collect();
    if rest.is_empty() { Ok(()) } else { apt(prefix, &rest, None) }
}

fn install_from_backports(prefix: &[&str]) -> Result<()> {
    backports::add_source(prefix)?;
    apt(prefix, Tool::Qemu.packages(Manager::Apt), Some(backports::SUITE))
}

/// Installs Debian packages, as root or with passwordless sudo.
pub(super) fn apt_install(packages: &[&str]) -> Result<()> {
    match apt_prefix() {
        Some(prefix) => apt(&prefix, packages, None),
        None => bail!(
            "installing needs root or sudo without a password. Type:\n    sudo apt-get update && sudo apt-get install \
             --no-install-recommends {}",
            packages.join(" ")
        ),
    }
}

fn apt(prefix: &[&str], packages: &[&str], suite: Option<&str>) -> Result<()> {
    say("Setting up", format!("apt-get update, then apt-get install {}", packages.join(" ")));
    process::run_within(as_root(prefix, "apt-get").args(APT_OPTIONS).args(["-q", "update"]), UPDATE_LIMIT)?;
    let mut command = as_root(prefix, "apt-get");
    command.args(APT_OPTIONS).args(["-q", "-y", "install", "--no-install-recommends"]);
    if let Some(suite) = suite {
        command.args(["-t", suite]);
    }
    process::run_within(command.args(packages), INSTALL_LIMIT)
}

/// A command with `prefix` before it. `env` carries the variable through sudo, which drops others.
pub(super) fn as_root(prefix: &[&str], program: &str) -> Command {
    let mut words = prefix.iter().copied().chain(["env", "DEBIAN_FRONTEND=noninteractive", program]);
    // `env` is always there: the iterator is never empty.
    let mut command = Command::new(words.next().unwrap_or("env"));
    command.args(words);
    command
}

/// How to run apt with rights and without a question; `None` where that cannot be done.
fn apt_prefix() -> Option<Vec<&'static str>> {
    if !is_debian_like() {
        return None;
    }
    let output = |command: &mut Command| process::capture(command).ok().filter(|out| out.status.success());
    if output(Command::new("id").arg("-u"))?.stdout.trim() == "0" {
        return Some(Vec::new());
    }
    find_program(&["sudo"])?;
    output(Command::new("sudo").args(["-n", "true"])).map(|_| vec!["sudo", "-n"])
}

/// Whether this is Debian, Ubuntu or a system made from them.
pub(super) fn is_debian_like() -> bool {
    Path::new("/etc/debian_version").exists() && find_program(&["apt-get"]).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_are_complete_commands() {
        let text = instructions(&[Tool::Qemu, Tool::Dtc], |_| false);
        for line in [
            "sudo apt-get update && sudo apt-get install --no-install-recommends qemu-system-arm ipxe-qemu device-tree-compiler",
            "sudo dnf install qemu-system-aarch64-core dtc",
            "sudo pacman -S --needed qemu-system-aarch64 dtc",
            "brew install qemu dtc",
        ] {
            assert!(text.lines().any(|shown| shown.trim() == line), "{line} is not in {text}");
        }
    }

    #[test]
    fn instructions_name_the_manager_that_is_here() {
        let text = instructions(&[Tool::Gdb], |manager| manager == Manager::Brew);
        assert!(text.contains("brew install aarch64-elf-gdb") && !text.contains("dnf"), "{text}");
    }

    #[test]
    fn a_missing_compiler_has_its_command() {
        let text = instructions(&[Tool::Cc], |manager| manager == Manager::Apt);
        assert!(text.starts_with("aarch64-linux-gnu-gcc cannot be installed from here."), "{text}");
        assert!(text.contains("apt-get install --no-install-recommends gcc-aarch64-linux-gnu\n"), "{text}");
        assert!(text.lines().last().is_some_and(|line| line.ends_with("JACINTH_CC=PATH")), "{text}");
        assert!(!instructions(&[Tool::Qemu], |_| false).contains("JACINTH_CC"));
    }

    #[test]
    fn sudo_comes_before_the_environment() {
        let command = as_root(&["sudo", "-n"], "apt-get");
        assert_eq!(process::shown(&command), "sudo -n env DEBIAN_FRONTEND=noninteractive apt-get");
        assert_eq!(process::shown(&as_root(&[], "tee")), "env DEBIAN_FRONTEND=noninteractive tee");
    }
}
