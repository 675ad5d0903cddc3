//! Files out of Debian packages that are not installed: firmware, for tests. A package is downloaded into the build's
//! own folder and unpacked there; nothing of the system changes, and no rights are needed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::{backports, system};
use crate::paths;
use crate::process;
use crate::say::say;

/// A package, and how to get it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Package {
    pub(crate) name: &'static str,
    /// Whether there is one for arm64 only, which another machine's package lists do not name.
    pub(crate) arm64: bool,
}

/// How long one step of apt may take.
const LIMIT: Duration = Duration::from_secs(120);
/// A server that does not answer shall not hold the tests up.
const PATIENCE: [&str; 4] = ["-o", "Acquire::http::Timeout=15", "-o", "Acquire::Retries=1"];

/// What was tried in vain, and why: no test tries it again.
static FAILED: Mutex<BTreeMap<Package, String>> = Mutex::new(BTreeMap::new());

/// A file of a package, by its path from the root: the installed one, or else one out of the downloaded package.
///
/// # Errors
/// Why it cannot be had, and what to do, in one line.
pub(crate) fn file(package: Package, path: &str) -> Result<PathBuf, String> {
    let installed = Path::new("/").join(path);
    if installed.is_file() {
        return Ok(installed);
    }
    let folder = paths::out_dir().join("packages").join(package.name);
    let unpacked = folder.join("files").join(path);
    if unpacked.is_file() {
        return Ok(unpacked);
    }
    let mut failed = FAILED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(why) = failed.get(&package) {
        return Err(why.clone());
    }
    let done = fetch(package, &folder).and_then(|()| {
        ensure!(unpacked.is_file(), "the package has no {path}");
        Ok(())
    });
    done.map(|()| unpacked).map_err(|error| {
        let why = format!(
            "{path} of Debian's package {} cannot be had ({error:#}); install the package, or unpack it into {}",
            package.name,
            paths::shown(&folder.join("files"))
        );
        failed.insert(package, why.clone());
        why
    })
}

fn fetch(package: Package, folder: &Path) -> Result<()> {
    ensure!(system::is_debian_like(), "this system has no apt");
    say("Fetching", format!("Debian's package {}, for a test; it is not installed", package.name));
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let options = if package.arm64 { foreign(folder)? } else { Vec::new() };
    let mut download = Command::new("apt-get");
    download.current_dir(folder).args(PATIENCE).args(&options).args(["-q", "download", package.name]);
    quiet(&mut download)?;
    let files = fs::read_dir(folder)?.flatten().map(|entry| entry.path());
    let archive = files.filter(|path| path.extension().is_some_and(|end| end == "deb")).max();
    let archive = archive.context("apt-get download left no package")?;
    quiet(Command::new("dpkg-deb").arg("-x").arg(archive).arg(folder.join("files")))
}

/// apt's options for another architecture's packages: lists of their own, in `folder`, brought up to date.
fn foreign(folder: &Path) -> Result<Vec<String>> {
    let lists = folder.join("lists");
    fs::create_dir_all(lists.join("partial"))?;
    fs::create_dir_all(folder.join("cache/archives/partial"))?;
    let (status, sources) = (folder.join("status"), folder.join("sources.list"));
    fs::write(&status, "")?;
    let Some(line) = backports::release_line() else { bail!("this system is not Debian") };
    fs::write(&sources, line)?;
    let paths = [
        ("Dir::State", folder.to_path_buf()),
        ("Dir::State::lists", lists),
        ("Dir::State::status", status),
        ("Dir::Cache", folder.join("cache")),
        ("Dir::Etc::sourcelist", sources),
        ("Dir::Etc::sourceparts", "/dev/null".into()),
    ];
    let paths = paths.iter().map(|(name, path)| format!("{name}={}", path.display()));
    let more = ["APT::Architecture=arm64", "APT::Architectures=arm64", "Acquire::Languages=none"];
    let words = paths.chain(more.map(str::to_owned)).flat_map(|option| ["-o".to_owned(), option]);
    let options: Vec<String> = words.collect();
    quiet(Command::new("apt-get").args(PATIENCE).args(&options).args(["-q", "update"]))?;
    Ok(options)
}

/// Runs a command whose output matters only if it fails.
fn quiet(command: &mut Command) -> Result<()> {
    let line = process::shown(command);
    let (status, lines) = process::tee(command, LIMIT)?;
    ensure!(
        status.is_some_and(|status| status.success()),
        "`{line}` failed: {}",
        lines.last().map_or("it said nothing", String::as_str)
    );
    Ok(())
}
