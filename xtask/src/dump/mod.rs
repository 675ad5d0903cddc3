//! `dump`: a panic record, read out of a memory image or a serial log, in words.

mod armour;
mod fields;
mod find;
mod show;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};

pub(crate) use self::find::records;
pub(crate) use self::show::{Sources, lines};

use crate::build::Artifacts;
use crate::log::full_build_id;

/// Print the panic record that a kernel left: what failed, where, the registers, the backtrace, the last of the log.
///
/// FILE is told apart by its content:
///
///   serial log    what came over the console's serial port, with whatever else it printed. The record is the lines
///                 that start with ~JR; other text between or before them does no harm
///   memory image  raw physical memory that covers the kernel's image. In QEMU's monitor (Ctrl-A C):
///                 pmemsave 0x40000000 0x20000000 "memory.bin"    (virt: start of RAM, its size, a file)
///   ELF core      in QEMU's monitor: dump-guest-memory memory.elf
///
/// A memory image has a record even if the kernel had no console yet, and the last of the log even if nothing failed.
/// Names and log messages come from the ELF files of the last build; `--elf` names another kernel. If the record is
/// of another build, that is said, and addresses are shown without names.
///
/// The exit status is 0 if a record of a failure was found, and 1 if not. docs/panic-record.md has the layout.
#[derive(clap::Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  cargo xtask run --append 'test fail=panic' | tee serial.log; cargo xtask dump serial.log
  cargo xtask dump memory.bin
  cargo xtask dump memory.elf --elf jacinth-of-last-week.elf"
)]
pub(crate) struct DumpArgs {
    /// The serial log, memory image or ELF core
    file: PathBuf,

    /// The kernel's ELF file, with symbols, of the build that failed [default: the last build's jacinth.elf]
    #[arg(long, value_name = "KERNEL")]
    elf: Option<PathBuf>,
}

/// The verb.
pub(crate) fn run(args: &DumpArgs) -> Result<ExitCode> {
    let sources = sources(args.elf.as_deref())?;
    let found = records(&args.file)?;
    let mut failures = 0;
    for (index, found) in found.iter().enumerate() {
        if index > 0 {
            println!();
        }
        failures += usize::from(fields::Fields(&found.bytes).is_of_a_failure());
        lines(found, &sources).iter().for_each(|line| println!("{line}"));
    }
    Ok(if failures > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The ELF files to explain a record with: the last build's, or another kernel and the last build's programs.
fn sources(elf: Option<&Path>) -> Result<Sources> {
    let artifacts = Artifacts::locate();
    let Some(elf) = elf else { return Ok(Sources::new(artifacts.kernel_elf.clone(), artifacts.elves())) };
    let bytes = std::fs::read(elf).with_context(|| {
        format!(
            "cannot read {}. --elf takes the kernel's ELF file, such as jacinth.elf of a build",
            elf.display()
        )
    })?;
    full_build_id(&bytes).with_context(|| {
        format!(
            "{} is no ELF file with a build-id. --elf takes the kernel with symbols (jacinth.elf), not the Image",
            elf.display()
        )
    })?;
    let mut elves = artifacts.elves();
    elves.push(elf.to_path_buf());
    Ok(Sources::new(elf.to_path_buf(), elves))
}
