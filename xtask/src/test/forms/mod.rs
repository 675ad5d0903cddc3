//! The instruction forms: what the compiler and the linker made, not what was written.
//!
//! The kernel and every program are decoded whole. No access to device registers may have a form that a
//! hypervisor cannot emulate, and the code that may run before the MMU is on may use no exclusives: see [`gate`].

mod code;
mod gate;

use std::path::Path;
use std::time::{Duration, Instant};

use addr2line::Loader;
use anyhow::{Context, Result, anyhow, ensure};

use self::code::Code;
use self::gate::Findings;
use crate::abreast::{self, Room};
use crate::build::{self, Artifacts};
use loadstore::Form;

use crate::paths::PROGRAM_TARGET;
use crate::process;
use crate::say::tell;
use crate::scratch::Scratch;
use crate::setup::Toolchain;
use crate::summary::Tally;

/// The code that runs before the MMU is on, by the symbols around it (linker/kernel.ld).
const BOOT_CODE: [(&str, &str); 2] = [("__image_start", "__head_end"), ("__early_start", "__early_end")];

/// The files that reach devices. For these, no access found means that the gate has gone blind.
const WITH_DEVICES: [&str; 3] = ["jacinth", "rtc", "systimer"];

/// Code that the gate must refuse.
const SPECIMEN: &str = "xtask/src/test/forms/specimen.rs";

/// Builds, and checks each file.
pub(super) fn run(toolchain: Toolchain, tally: &mut Tally) {
    let started = Instant::now();
    let artifacts = match build::all(toolchain) {
        Ok(artifacts) => artifacts,
        Err(error) => {
            tell(format_args!("error: {error:#}"));
            return tally.fail("forms build", started.elapsed());
        }
    };
    check(&artifacts, tally);
    match toolchain {
        Toolchain::Default => record("forms specimen is refused", tally, specimen),
        Toolchain::Debian => {
            tally.skip("forms specimen is refused", "rustc alone has no `core` for the programs' target")
        }
    }
}

fn check(artifacts: &Artifacts, tally: &mut Tally) {
    record("forms boot", tally, || boot(&artifacts.kernel_elf));
    let checked = abreast::test(
        Room::cpus(),
        artifacts.elves(),
        tally,
        |_| 1,
        |elf, tally| {
            let name = elf.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            record(&format!("forms {name}"), tally, || devices(&elf, &name));
            Ok(())
        },
    );
    if let Err(error) = checked {
        tell(format_args!("error: {error:#}"));
        tally.fail("forms", Duration::ZERO);
    }
}

fn record(name: &str, tally: &mut Tally, check: impl FnOnce() -> Result<Findings>) {
    let started = Instant::now();
    let result = check();
    match &result {
        Ok(findings) => findings.refusals.iter().for_each(|refusal| {
            tell(format_args!("{name}: {:#x}: {:08x}: {}", refusal.address, refusal.word, refusal.why));
            refusal.functions.iter().for_each(|function| tell(format_args!("    in {function}")));
        }),
        Err(error) => tell(format_args!("error: {error:#}")),
    }
    tally.record(name, result.is_ok_and(|findings| findings.refusals.is_empty()), started.elapsed());
}

fn devices(elf: &Path, name: &str) -> Result<Findings> {
    let findings = gate::devices(Code::read(elf)?.words(), &loader(elf)?);
    ensure!(
        findings.plain + findings.refusals.len() > 0 || !WITH_DEVICES.contains(&name),
        "{name} reaches devices, and no access was found in its debug information. Have the accessors moved? \
         gate.rs lists them"
    );
    Ok(findings)
}

fn boot(elf: &Path) -> Result<Findings> {
    let code = Code::read(elf)?;
    let mut all = Findings::default();
    for (start, end) in BOOT_CODE {
        let findings = gate::boot(code.words(), &code.between(start, end)?, &loader(elf)?);
        ensure!(
            findings.plain > 0,
            "the boot code accesses no memory. Is it still between {start} and {end}?"
        );
        all.plain += findings.plain;
        all.refusals.extend(findings.refusals);
    }
    Ok(all)
}

/// What compilers really make of a loop of volatile stores, with the debug information that they really leave.
fn specimen() -> Result<Findings> {
    let scratch = Scratch::new()?;
    let elf = scratch.path().join("specimen.elf");
    let mut rustc = Toolchain::rustc();
    rustc
        .args(["--edition=2024", "-O", "-g", "-Cpanic=abort", "--target", PROGRAM_TARGET, SPECIMEN, "-o"])
        .arg(&elf);
    let output = rustc.output().with_context(|| format!("cannot start `{}`", process::shown(&rustc)))?;
    ensure!(
        output.status.success(),
        "{SPECIMEN} does not build: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let code = Code::read(&elf)?;
    let forms = code.words().iter().filter_map(|(_, word)| loadstore::access(*word));
    ensure!(
        forms.into_iter().any(|access| access.form == Form::WriteBack),
        "{SPECIMEN} is compiled without write-back now. Find a loop that is not"
    );
    let refusals = gate::devices(code.words(), &loader(&elf)?).refusals.len();
    ensure!(refusals == 1, "{refusals} instructions of {SPECIMEN} are refused, and its one store should be");
    Ok(Findings::default())
}

fn loader(elf: &Path) -> Result<Loader> {
    Loader::new(elf).map_err(|error| anyhow!("{} has no debug information: {error}", elf.display()))
}
