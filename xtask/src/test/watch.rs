//! The plugin that watches every QEMU of the tests: no instruction reaches a device in a form that a hypervisor could
//! not emulate (platform/mmioform).
//!
//! The gate in `forms` judges instructions by the function that they come from, before anything runs. This judges what
//! they did: whatever the code, whatever the address.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::process;
use crate::qemu::{QEMU, with_path};
use crate::say::{say, tell};
use crate::scratch::Scratch;
use crate::setup::Toolchain;
use crate::summary::Tally;

/// The test's name in the summary.
const NAME: &str = "qemu mmioform: the plugin refuses the specimen";
/// The first version of QEMU whose plugins copy an instruction's bytes, as this one asks.
const SINCE: (u32, u32) = (9, 1);
/// How long the specimen may take.
const LIMIT: Duration = Duration::from_secs(20);

/// The plugin, built and tried when the first machine wants it.
#[derive(Default)]
pub(super) struct Watcher(OnceLock<Option<PathBuf>>);

/// One machine that is watched.
pub(super) struct Watch {
    words: Vec<String>,
    findings: Option<PathBuf>,
    _scratch: Scratch,
}

impl Watcher {
    /// For one machine.
    pub(super) fn watch(&self, tally: &mut Tally) -> Result<Watch> {
        Watch::new(self.0.get_or_init(|| plugin(tally)).as_deref())
    }
}

/// Builds the plugin, and has it look at a machine that does what must not be done. `None`, and said, if it cannot be
/// had.
fn plugin(tally: &mut Tally) -> Option<PathBuf> {
    let started = Instant::now();
    let done = version().and_then(|found| {
        if found < SINCE {
            return Ok(None);
        }
        let library = build()?;
        try_specimen(&library)?;
        Ok(Some(library))
    });
    match &done {
        Ok(Some(_)) => tally.pass(NAME, started.elapsed()),
        Ok(None) => {
            let (major, minor) = SINCE;
            tally.skip(NAME, &format!("this QEMU has no such plugins; those from {major}.{minor} on have"));
        }
        Err(error) => {
            tell(format_args!("error: {error:#}"));
            tally.fail(NAME, started.elapsed());
        }
    }
    done.ok().flatten()
}

fn try_specimen(library: &Path) -> Result<()> {
    let watch = Watch::new(Some(library))?;
    let scratch = Scratch::new()?;
    let image = scratch.path().join("specimen");
    let bytes: Vec<u8> = SPECIMEN.iter().flat_map(|(word, _)| word.to_le_bytes()).collect();
    fs::write(&image, bytes)?;
    let mut command = Command::new(QEMU);
    command.args(["-machine", "virt,gic-version=2", "-cpu", "max", "-nodefaults", "-display", "none"]);
    command.args(["-serial", "null", "-semihosting-config", "enable=on,target=native", "-kernel"]);
    command.arg(&image).args(watch.words());
    let (status, lines) = process::tee(&mut command, LIMIT)?;
    ensure!(
        status.is_some_and(|status| status.success()),
        "the specimen did not end well ({}): {}",
        status.map_or("out of time".to_owned(), |status| status.to_string()),
        lines.join("\n")
    );
    let report = Report::read(watch.findings.as_deref().context("no plugin")?)?;
    let found: Vec<&str> = report.refused.iter().filter_map(|line| field(line, "form")).collect();
    let wanted: Vec<&str> = SPECIMEN.iter().filter_map(|(_, form)| *form).collect();
    ensure!(found == wanted, "the plugin refuses the forms {found:?} of the specimen, not {wanted:?}");
    ensure!(report.others.is_some(), "the plugin wrote no last line");
    Ok(())
}

impl Watch {
    /// For a machine that runs code of others besides: what that does is not ours to judge.
    pub(super) fn off() -> Result<Self> {
        Self::new(None)
    }

    fn new(library: Option<&Path>) -> Result<Self> {
        let scratch = Scratch::new()?;
        let findings = library.map(|_| scratch.path().join("mmioform"));
        let mut words = Vec::new();
        if let (Some(library), Some(findings)) = (library, &findings) {
            let (library, findings) = (with_path("", library), with_path(",out=", findings));
            words.push("-plugin".to_owned());
            words.push(format!("{}{}", library.to_string_lossy(), findings.to_string_lossy()));
        }
        Ok(Self { words, findings, _scratch: scratch })
    }

    /// What QEMU's command line needs.
    pub(super) fn words(&self) -> &[String] {
        &self.words
    }

    /// What is wrong with what the machine did. `was_killed` says that it could not end by itself.
    pub(super) fn fault(&self, was_killed: bool) -> Option<String> {
        let findings = self.findings.as_ref()?;
        let report = match Report::read(findings) {
            Ok(report) => report,
            Err(error) => return Some(format!("{error:#}")),
        };
        if !report.refused.is_empty() {
            let lines = report.refused.join("\n    ");
            return Some(format!("no hypervisor could emulate these accesses to devices:\n    {lines}"));
        }
        match report.others {
            Some(0) => Some("the plugin mmioform saw no access to memory".to_owned()),
            None if !was_killed => Some("the plugin mmioform has not reported the end".to_owned()),
            _ => None,
        }
    }
}

/// What the plugin wrote.
struct Report {
    refused: Vec<String>,
    /// How many accesses in other than plain forms there were; `None` if the machine was killed.
    others: Option<u64>,
}

impl Report {
    fn read(file: &Path) -> Result<Self> {
        let text = fs::read_to_string(file).with_context(|| format!("there is no {}", file.display()))?;
        let end = text.lines().find(|line| line.starts_with("end "));
        Ok(Self {
            refused: text.lines().filter(|line| line.starts_with("refused ")).map(str::to_owned).collect(),
            others: end.and_then(|line| field(line, "others")?.parse().ok()),
        })
    }
}

/// The value of `name=value` in a line.
fn field<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    line.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}

fn build() -> Result<PathBuf> {
    say("Building", "QEMU plugin");
    let mut command = Toolchain::cargo("build");
    command.args(["--quiet", "--release", "-p", "mmioform", "--target-dir"]).arg(crate::paths::target_dir());
    process::build(&mut command)?;
    let folder = crate::paths::target_dir().join("release");
    let name = format!("{}mmioform{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    Ok(folder.join(name))
}

/// Major and minor number of QEMU's version.
fn version() -> Result<(u32, u32)> {
    let text = process::capture(Command::new(QEMU).arg("--version"))?.stdout;
    parse_version(&text).with_context(|| format!("`{QEMU} --version` says no version: {text}"))
}

/// From `QEMU emulator version 10.0.2 (Debian ...)`.
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let (_, rest) = text.split_once("version ")?;
    let mut numbers = rest.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// A program that reads the flags of virt's PL011 in every way, each with the form that must be refused.
const SPECIMEN: [(u32, Option<&str>); 18] = [
    (0xd2a0_0601, None),              // mov x1, #0x300000
    (0xd518_1041, None),              // msr cpacr_el1, x1
    (0xd503_3fdf, None),              // isb
    (0xd2a1_2000, None),              // mov x0, #0x9000000
    (0xb940_1801, None),              // ldr w1, [x0, #0x18]
    (0x2943_0801, Some("Pair")),      // ldp w1, w2, [x0, #0x18]
    (0x9100_6003, None),              // add x3, x0, #0x18
    (0xb840_4461, Some("WriteBack")), // ldr w1, [x3], #4
    (0xbd40_1800, Some("Vector")),    // ldr s0, [x0, #0x18]
    (0x9100_6003, None),              // add x3, x0, #0x18
    (0x885f_7c61, Some("Exclusive")), // ldxr w1, [x3]
    (0xb821_0062, Some("Atomic")),    // ldadd w1, w2, [x3]
    // SYS_EXIT with the reason ADP_Stopped_ApplicationExit: a good end.
    (0x1000_0081, None), // adr x1, block
    (0xd280_0300, None), // mov x0, #0x18
    (0xd45e_0000, None), // hlt #0xf000
    (0x1400_0000, None), // b .
    (0x0002_0026, None), // block: .quad 0x20026
    (0, None),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        let debian = "QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2)\nCopyright";
        assert_eq!(parse_version(debian), Some((10, 0)));
        assert_eq!(parse_version("QEMU emulator version 9.1-rc1"), Some((9, 1)));
        assert_eq!(parse_version("QEMU"), None);
    }

    #[test]
    fn a_report_says_what_was_refused_and_whether_it_is_whole() {
        let scratch = Scratch::new().unwrap();
        let file = scratch.path().join("report");
        let line = "refused pc=0x10 word=0xa9400440 form=Pair load address=0x9000000 device=pl011";
        let watch = Watch { words: Vec::new(), findings: Some(file.clone()), _scratch: scratch };
        assert!(watch.fault(true).is_some_and(|why| why.contains("there is no")));
        fs::write(&file, format!("{line}\nend others=9 refused=1\n")).unwrap();
        assert!(watch.fault(false).is_some_and(|why| why.contains(line)));
        assert_eq!(field(line, "form"), Some("Pair"));
        fs::write(&file, "end others=9 refused=0\n").unwrap();
        assert_eq!(watch.fault(false), None);
        fs::write(&file, "end others=0 refused=0\n").unwrap();
        assert!(watch.fault(false).is_some_and(|why| why.contains("saw no access")));
        fs::write(&file, "").unwrap();
        assert_eq!(watch.fault(true), None);
        assert!(watch.fault(false).is_some_and(|why| why.contains("not reported")));
    }
}
