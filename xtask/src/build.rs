//! `build`: the vDSO, the kernel's image, the programs and the boot file system, in this order.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};

use crate::paths::{self, KERNEL_TARGET, PROGRAM_TARGET};
use crate::say::say;
use crate::setup::{self, Needs, Toolchain};
use crate::{bootfs, image, process, vdso};

/// The programs that every boot file system has, and the package that holds each.
const PROGRAMS: [&str; 2] = ["init", "rtc"];
/// The program that only tests start. It is built with the others and added by `test`.
pub(crate) const CONFORMANCE: &str = "conformance";
/// What a Raspberry Pi starts instead of `rtc`, having no such clock. It is built with the others and added by `run`.
pub(crate) const SYSTIMER: &str = "systimer";
/// The program that counts instructions. It is built with the others and added by `bench`.
pub(crate) const BENCH: &str = "bench";
/// The program that counts what device trees cost. It is built with the others and added by `test`.
pub(crate) const TREES: &str = "trees";

/// Build everything that a board needs, and say where it is.
///
/// Builds the vDSO, the kernel, the programs and the boot file system, and leaves in target/jacinth (or in
/// $CARGO_TARGET_DIR/jacinth):
///
///   Image              the kernel as boot loaders take it: a flat arm64 Image
///   bootfs.img         init and its programs; pass it as the initial RAM disk
///   jacinth.elf        the kernel with symbols and debug information
///   libzircon.so       the vDSO, which programs link against
///   programs/NAME.elf  each program with symbols
///
/// Missing Rust targets are installed first. If the compiler reports an error, that error is the whole story;
/// if set-up stops, it prints the commands to type.
#[derive(clap::Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  cargo xtask build
  qemu-system-aarch64 -M virt -cpu cortex-a72 -m 512M -nographic \\
      -kernel target/jacinth/Image -initrd target/jacinth/bootfs.img -append program=rtc"
)]
pub(crate) struct BuildArgs {}

/// What a finished build consists of.
#[derive(Clone, Debug)]
pub(crate) struct Artifacts {
    pub(crate) image: PathBuf,
    pub(crate) kernel_elf: PathBuf,
    pub(crate) bootfs: PathBuf,
    library: PathBuf,
    programs: PathBuf,
}

impl Artifacts {
    /// Where a build leaves its files.
    pub(crate) fn locate() -> Self {
        let dir = paths::out_dir();
        Self {
            image: dir.join("Image"),
            kernel_elf: dir.join("jacinth.elf"),
            bootfs: dir.join("bootfs.img"),
            library: dir.join("libzircon.so"),
            programs: dir.join("programs"),
        }
    }

    /// The ELF of a program, with symbols.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.programs.join(format!("{name}.elf"))
    }

    /// The vDSO, as programs link against it.
    pub(crate) fn library(&self) -> &Path {
        &self.library
    }

    /// Every ELF with symbols: the kernel and all programs.
    pub(crate) fn elves(&self) -> Vec<PathBuf> {
        let listed = self.programs.read_dir().into_iter().flatten().flatten().map(|entry| entry.path());
        let mut elves: Vec<PathBuf> =
            listed.filter(|path| path.extension().is_some_and(|end| end == "elf")).collect();
        elves.sort();
        elves.insert(0, self.kernel_elf.clone());
        elves
    }
}

/// The verb.
pub(crate) fn run(_: &BuildArgs) -> Result<ExitCode> {
    let toolchain = setup::ensure(Needs::default())?;
    let artifacts = all(toolchain)?;
    let mut files = vec![artifacts.image.clone(), artifacts.bootfs.clone(), artifacts.library.clone()];
    files.extend(artifacts.elves());
    for file in files {
        let size = fs::metadata(&file).with_context(|| format!("{} was not written", file.display()))?.len();
        println!("{:>10}  {}", shown_size(size), paths::shown(&file));
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds everything.
pub(crate) fn all(toolchain: Toolchain) -> Result<Artifacts> {
    let artifacts = Artifacts::locate();
    fs::create_dir_all(&artifacts.programs)
        .with_context(|| format!("cannot make {}", artifacts.programs.display()))?;
    vdso(toolchain, &artifacts)?;
    build_kernel(toolchain, &artifacts)?;
    build_programs(toolchain, &artifacts)?;
    write_bootfs(&artifacts, &artifacts.bootfs, &[])?;
    Ok(artifacts)
}

/// Builds the vDSO alone: what a lint of the kernel and the programs needs too.
pub(crate) fn vdso(toolchain: Toolchain, artifacts: &Artifacts) -> Result<()> {
    let out = artifacts.library.parent().context("the build directory has no parent")?;
    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let made = vdso::build(toolchain, out).context("the vDSO cannot be built")?;
    ensure!(
        made == artifacts.library,
        "the vDSO was written to {} and is expected at {}",
        made.display(),
        artifacts.library.display()
    );
    Ok(())
}

/// Tells an inner Cargo where the vDSO is: programs link against it, the kernel embeds it.
pub(crate) fn point_to_vdso(command: &mut std::process::Command, artifacts: &Artifacts) {
    command.env("JACINTH_VDSO", &artifacts.library);
}

/// Builds the stand-ins for firmware, which only tests start: the flat binary of each.
pub(crate) fn firmware(toolchain: Toolchain) -> Result<Firmware> {
    say("Building", "firmware: entrance, armstub");
    let folder = paths::out_dir().join("firmware");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    cargo_build(toolchain, KERNEL_TARGET, &["firmware"], &Artifacts::locate())
        .context("the firmware does not build")?;
    let flat = |name: &str| {
        let linked = paths::target_dir().join(KERNEL_TARGET).join("release").join(name);
        let (bytes, _) = image::flat_bytes(&read(&linked)?).with_context(|| linked.display().to_string())?;
        anyhow::Ok(bytes)
    };
    Ok(Firmware { entrance: flat("entrance")?, armstub: flat("armstub")? })
}

/// Stand-ins for firmware, before their words are filled in.
#[derive(Clone, Debug)]
pub(crate) struct Firmware {
    pub(crate) entrance: Vec<u8>,
    pub(crate) armstub: Vec<u8>,
}

fn build_programs(toolchain: Toolchain, artifacts: &Artifacts) -> Result<()> {
    let names: Vec<&str> = PROGRAMS.into_iter().chain([SYSTIMER, CONFORMANCE, BENCH, TREES]).collect();
    say("Building", format!("programs: {}", names.join(", ")));
    cargo_build(toolchain, PROGRAM_TARGET, &names, artifacts).context("the programs do not build")?;
    for name in names {
        let linked = paths::target_dir().join(PROGRAM_TARGET).join("release").join(name);
        copy(&linked, &artifacts.program(name))?;
    }
    Ok(())
}

fn build_kernel(toolchain: Toolchain, artifacts: &Artifacts) -> Result<()> {
    say("Building", "kernel");
    cargo_build(toolchain, KERNEL_TARGET, &["image"], artifacts).context("the kernel does not build")?;
    let linked = paths::target_dir().join(KERNEL_TARGET).join("release/image");
    copy(&linked, &artifacts.kernel_elf)?;
    let flat =
        image::flatten(&read(&linked)?).with_context(|| format!("{} makes no Image", linked.display()))?;
    write(&artifacts.image, &flat)
}

fn cargo_build(toolchain: Toolchain, target: &str, packages: &[&str], artifacts: &Artifacts) -> Result<()> {
    let mut command = toolchain.cargo_for("build", target);
    command.args(["--quiet", "--release", "--target-dir"]).arg(paths::target_dir());
    packages.iter().for_each(|package| {
        command.args(["-p", package]);
    });
    point_to_vdso(&mut command, artifacts);
    process::build(&mut command)
}

/// A program for the boot file system, from a file that somebody named.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// Its name in the boot file system: the file's.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

impl Program {
    /// Takes `path`, checked to be a program that can start here.
    pub(crate) fn from_file(path: &Path) -> Result<Self> {
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name
            .with_context(|| format!("{} has no name that the boot file system can hold", path.display()))?;
        let bytes = read(path).context(
            "--program takes the path of a C source (hello.c) or of a program's ELF file \
             (target/jacinth/programs/rtc.elf)",
        )?;
        image::check_program(&bytes).with_context(|| format!("{} cannot be started", path.display()))?;
        Ok(Self { name: name.to_owned(), path: path.to_path_buf() })
    }
}

/// Writes a boot file system with the programs of every build and `more`, which may replace them by name.
pub(crate) fn write_bootfs(artifacts: &Artifacts, to: &Path, more: &[Program]) -> Result<()> {
    write_bootfs_with(artifacts, to, more, Vec::new())
}

/// The same, with `data` behind the programs.
pub(crate) fn write_bootfs_with(
    artifacts: &Artifacts,
    to: &Path,
    more: &[Program],
    data: Vec<bootfs::File>,
) -> Result<()> {
    let standard = PROGRAMS.map(|name| Program { name: name.to_owned(), path: artifacts.program(name) });
    let kept = standard.iter().filter(|program| more.iter().all(|other| other.name != program.name));
    let mut files = Vec::new();
    for program in kept.chain(more) {
        let bytes = image::strip(&read(&program.path)?);
        let bytes = bytes.with_context(|| format!("{} cannot be packed", program.path.display()))?;
        files.push(bootfs::File { name: program.name.clone(), bytes });
    }
    files.extend(data);
    write(to, &bootfs::write(&files)?)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

/// A size in the largest unit that keeps it above one.
fn shown_size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..0x10_0000 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MiB", bytes as f64 / 1048576.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn sizes_are_readable() {
        assert_eq!(shown_size(1023), "1023 B");
        assert_eq!(shown_size(1536), "1.5 KiB");
        assert_eq!(shown_size(3 << 20), "3.0 MiB");
    }

    #[test]
    fn a_program_that_cannot_start_is_refused_with_advice() {
        let scratch = Scratch::new().unwrap();
        let script = scratch.path().join("hello.sh");
        fs::write(&script, "#!/bin/sh\n").unwrap();
        let error = format!("{:#}", Program::from_file(&script).unwrap_err());
        assert!(error.contains("hello.sh cannot be started: it is not a 64-bit ELF file"), "{error}");
        let error = format!("{:#}", Program::from_file(&scratch.path().join("absent")).unwrap_err());
        assert!(error.contains("--program takes the path of a C source (hello.c) or"), "{error}");
    }
}
