//! The instruction forms: what the compiler and the linker made, not what was written.
//!
//! The kernel and every program are decoded whole. No access to device registers may have a form that a
//! hypervisor cannot emulate, and the code before the MMU may use no exclusives: see [`gate`].

mod code;
mod decode;
mod gate;

use std::path::Path;
use std::time::Instant;

use addr2line::Loader;
use anyhow::{Result, anyhow, ensure};

use crate::build::{self, Artifacts};
use crate::setup::Toolchain;
use crate::summary::Tally;
use code::Code;
use gate::Findings;

/// The code that runs before the MMU is on, by the symbols around it (linker/kernel.ld).
const BOOT_CODE: (&str, &str) = ("__image_start", "__head_end");

/// The files that reach devices. For these, no access found means that the gate has gone blind.
const WITH_DEVICES: [&str; 2] = ["jacinth", "rtc"];

/// Builds, and checks each file.
pub(super) fn run(toolchain: Toolchain, tally: &mut Tally) {
    let started = Instant::now();
    let artifacts = match build::all(toolchain) {
        Ok(artifacts) => artifacts,
        Err(error) => {
            eprintln!("error: {error:#}");
            return tally.fail("forms build", started.elapsed());
        }
    };
    check(&artifacts, tally);
}

fn check(artifacts: &Artifacts, tally: &mut Tally) {
    record("forms boot", tally, || boot(&artifacts.kernel_elf));
    for elf in artifacts.elves() {
        let name = elf.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        record(&format!("forms {name}"), tally, || devices(&elf, &name));
    }
}

fn record(name: &str, tally: &mut Tally, check: impl FnOnce() -> Result<Findings>) {
    let started = Instant::now();
    let result = check();
    match &result {
        Ok(findings) => findings.refusals.iter().for_each(|refusal| {
            eprintln!("{name}: {:#x}: {:08x}: {}", refusal.address, refusal.word, refusal.why);
            refusal.functions.iter().for_each(|function| eprintln!("    in {function}"));
        }),
        Err(error) => eprintln!("error: {error:#}"),
    }
    tally.record(name, result.is_ok_and(|findings| findings.refusals.is_empty()), started.elapsed());
}

fn devices(elf: &Path, name: &str) -> Result<Findings> {
    let findings = gate::devices(Code::read(elf)?.words(), &loader(elf)?);
    ensure!(
        findings.plain > 0 || !WITH_DEVICES.contains(&name),
        "{name} reaches devices, and no access was found in its debug information. Have the accessors moved? \
         gate.rs lists them"
    );
    Ok(findings)
}

fn boot(elf: &Path) -> Result<Findings> {
    let code = Code::read(elf)?;
    let findings = gate::boot(code.words(), &code.between(BOOT_CODE.0, BOOT_CODE.1)?, &loader(elf)?);
    ensure!(findings.plain > 0, "the boot code accesses no memory. Is it still between {BOOT_CODE:?}?");
    Ok(findings)
}

fn loader(elf: &Path) -> Result<Loader> {
    Loader::new(elf).map_err(|error| anyhow!("{} has no debug information: {error}", elf.display()))
}

#[cfg(test)]
mod probe {
    use super::*;
    #[test]
    #[ignore]
    fn probe() {
        let base = std::path::PathBuf::from(std::env::var("PROBE").unwrap());
        let code = Code::read(&base.join("jacinth.elf")).unwrap();
        let r = code.between(BOOT_CODE.0, BOOT_CODE.1).unwrap();
        let f = gate::boot(code.words(), &r, &loader(&base.join("jacinth.elf")).unwrap());
        println!("boot {} {:?} {:#x?}", f.plain, f.refusals, r);
        for (n, p) in [
            ("jacinth", "jacinth.elf"),
            ("rtc", "programs/rtc.elf"),
            ("init", "programs/init.elf"),
            ("conformance", "programs/conformance.elf"),
        ] {
            let t = Instant::now();
            let f = devices(&base.join(p), n);
            match f {
                Ok(f) => {
                    println!("{n} plain {} refused {} {:?}", f.plain, f.refusals.len(), t.elapsed());
                    for r in f.refusals {
                        println!("{r:x?}");
                    }
                }
                Err(e) => println!("{n} {e:#}"),
            }
        }
    }
}
