//! The vDSO: the shared library through which programs enter the kernel.
//!
//! It is made from the list of system calls: a stub for each call that enters the kernel, and hand-written
//! assembly (`user/vdso/calls.S`) for those that do not. rustc assembles, rust-lld links with
//! `linker/vdso.ld`, and what came out is checked: the kernel maps the file as it is.

use std::fmt::Write;
use std::fs;
use std::mem::offset_of;
use std::path::{Path, PathBuf};
use std::process::Command;

use abi::Status;
use abi::syscalls::{Kind, SYSCALLS, Syscall};
use abi::vdso::{CONSTANTS_SYMBOL, Constants, STUB_SIZE};
use anyhow::{Context, Result, bail, ensure};

use self::check::Library;
use crate::paths::{PROGRAM_TARGET, root};
use crate::process;
use crate::scratch::Scratch;
use crate::setup::Toolchain;

mod check;

const SONAME: &str = "libzircon.so";
/// The calls without the kernel, written by hand.
const CALLS: &str = include_str!("../../user/vdso/calls.S");

/// Writes `libzircon.so` into `out_dir`: the kernel embeds it, programs link against it.
pub(crate) fn build(toolchain: Toolchain, out_dir: &Path) -> Result<PathBuf> {
    let scratch = Scratch::new()?;
    let object = assemble(toolchain, scratch.path())?;
    let linked = scratch.path().join(SONAME);
    link(&object, &linked)?;
    let bytes = fs::read(&linked).with_context(|| format!("cannot read {}", linked.display()))?;
    Library::check(&bytes).context("the linked vDSO is not what the kernel can map")?;
    let library = out_dir.join(SONAME);
    write_if_changed(&library, &bytes)?;
    Ok(library)
}

/// Leaves a file alone that is right already: Cargo would build everything that depends on it again.
fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|kept| kept == bytes) {
        return Ok(());
    }
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// The whole library as assembly.
fn assembly() -> String {
    let mut out = String::new();
    let constants = [
        ("TICKS_PER_SECOND", offset_of!(Constants, ticks_per_second) as i64),
        ("NANOS_PER_TICK_Q32", offset_of!(Constants, nanos_per_tick_q32) as i64),
        ("PHYSMEM", offset_of!(Constants, physmem) as i64),
        ("PAGE_SIZE", offset_of!(Constants, page_size) as i64),
        ("NUM_CPUS", offset_of!(Constants, num_cpus) as i64),
        ("DCACHE_LINE_SIZE", offset_of!(Constants, dcache_line_size) as i64),
        ("ICACHE_LINE_SIZE", offset_of!(Constants, icache_line_size) as i64),
        ("CPU_FEATURES", offset_of!(Constants, cpu_features) as i64),
        ("VERSION", offset_of!(Constants, version) as i64),
        ("ZX_ERR_NOT_SUPPORTED", Status::NOT_SUPPORTED.0.into()),
        ("ZX_ERR_INVALID_ARGS", Status::INVALID_ARGS.0.into()),
    ];
    for (name, value) in constants {
        let _ = writeln!(out, ".equ {name}, {value}");
    }
    let _ = writeln!(out, ".section .constants, \"a\", %progbits\n.globl {CONSTANTS_SYMBOL}");
    let _ = writeln!(
        out,
        ".type {CONSTANTS_SYMBOL}, %object\n.size {CONSTANTS_SYMBOL}, {}",
        size_of::<Constants>()
    );
    let _ = writeln!(out, ".p2align 12\n{CONSTANTS_SYMBOL}:\n.zero 4096\n.text");
    for (number, call) in SYSCALLS.iter().enumerate() {
        out.push_str(&stub(number, call));
    }
    out.push_str(CALLS);
    out
}

/// The code of one call that enters the kernel, where [`abi::vdso::site`] wants it; nothing for the others.
fn stub(number: usize, call: &Syscall) -> String {
    let end = match call.kind {
        Kind::VdsoOnly => return String::new(),
        Kind::Call | Kind::Blocking => "ret",
        Kind::NoReturn => "brk #0",
    };
    let at = number as u64 * STUB_SIZE;
    format!(
        ".org {at}\n.globl zx_{name}\n.type zx_{name}, %function\nzx_{name}:\nmov x16, #{number}\nsvc #0\n{end}\n\
         dsb nsh\nisb\n.size zx_{name}, . - zx_{name}\n",
        name = call.name
    )
}

/// Assembles the library; gives the object file.
fn assemble(toolchain: Toolchain, dir: &Path) -> Result<PathBuf> {
    let (text, source, object) = (dir.join("vdso.S"), dir.join("vdso.rs"), dir.join("vdso.o"));
    fs::write(&text, assembly()).with_context(|| format!("cannot write {}", text.display()))?;
    if let Some(mut assembler) = toolchain.assembler() {
        run(assembler.arg("-o").arg(&object).arg(&text)).context("the vDSO does not assemble")?;
        return Ok(object);
    }
    let rust = format!("#![no_std]\ncore::arch::global_asm!(include_str!({text:?}), options(raw));\n");
    fs::write(&source, rust).with_context(|| format!("cannot write {}", source.display()))?;
    let mut command = rustc();
    command.args(["--edition=2024", "--crate-type=lib", "--crate-name=vdso", "--emit=obj", "-Cpanic=abort"]);
    command.args(["--target", PROGRAM_TARGET, "-o"]).arg(&object).arg(&source);
    run(&mut command).context("the vDSO does not assemble")?;
    Ok(object)
}

fn link(object: &Path, library: &Path) -> Result<()> {
    let mut command = Command::new(linker()?);
    command.args(["-flavor", "gnu", "-shared", "-soname", SONAME, "--build-id=sha1", "--hash-style=both"]);
    command.args(["-Bsymbolic", "-z", "rodynamic", "-z", "norelro", "-z", "max-page-size=4096"]);
    command.args(["--strip-all", "--no-undefined", "--orphan-handling=error"]);
    command.arg("-T").arg(root().join("linker/vdso.ld")).arg("-o").arg(library).arg(object);
    run(&mut command).context("the vDSO does not link")
}

fn rustc() -> Command {
    // Under `cargo run` RUSTC may name a wrapper of the outer build; the toolchain's own is meant.
    let mut command = Command::new("rustc");
    command.env_remove("RUSTC").env_remove("RUSTFLAGS");
    command
}

/// rust-lld of the toolchain: it comes with every toolchain that can build for bare metal.
pub(crate) fn linker() -> Result<PathBuf> {
    let printed = |what: &str| -> Result<String> {
        let out = process::capture(rustc().args(["--print", what]))?;
        ensure!(out.status.success(), "`rustc --print {what}` failed:\n{}", out.stderr);
        Ok(out.stdout.trim_end().to_owned())
    };
    let (sysroot, host) = (printed("sysroot")?, printed("host-tuple")?);
    let own = Path::new(&sysroot).join("lib/rustlib").join(host).join("bin/rust-lld");
    if own.exists() {
        return Ok(own);
    }
    process::find_program(&["rust-lld"])
        .with_context(|| format!("there is no rust-lld: neither {} nor on the search path", own.display()))
}

fn run(command: &mut Command) -> Result<()> {
    let out = process::capture(command)?;
    if !out.status.success() {
        bail!("`{}` failed:\n{}", process::shown(command), out.stderr);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stub_loads_its_number_and_enters_the_kernel() {
        let line = abi::Sysno::handle_close;
        let text = stub(line as usize, line.line());
        assert!(text.starts_with(&format!(".org {}\n", line as u64 * STUB_SIZE)), "{text}");
        assert!(
            text.contains(&format!("zx_handle_close:\nmov x16, #{}\nsvc #0\nret\n", line as usize)),
            "{text}"
        );
    }

    #[test]
    fn what_does_not_return_stops_if_it_does() {
        let line = abi::Sysno::process_exit;
        assert!(stub(line as usize, line.line()).contains("svc #0\nbrk #0\n"));
        let line = abi::Sysno::ticks_get;
        assert_eq!(stub(line as usize, line.line()), "");
    }

    #[test]
    fn the_library_is_built_and_checked() {
        let scratch = Scratch::new().unwrap();
        let made = build(Toolchain::installed().unwrap(), scratch.path()).unwrap();
        let mut bytes = fs::read(made).unwrap();
        let first = SYSCALLS.iter().position(|call| call.kind == Kind::Call).unwrap();
        let at = Library::check(&bytes).unwrap().svc_of(first);
        // Without its svc, and with one more.
        let nop = 0xd503_201f_u32.to_le_bytes();
        let svc: [u8; 4] = bytes[at..at + 4].try_into().unwrap();
        bytes[at..at + 4].copy_from_slice(&nop);
        let why = Library::check(&bytes).err().unwrap().to_string();
        assert!(why.contains(SYSCALLS[first].name), "{why}");
        bytes[at..at + 4].copy_from_slice(&svc);
        bytes[at + 8..at + 12].copy_from_slice(&svc);
        let why = Library::check(&bytes).err().unwrap().to_string();
        assert!(why.contains("svc"), "{why}");
        // A number that is another call's.
        bytes[at + 8..at + 12].copy_from_slice(&nop);
        bytes[at - 4] ^= 0x20;
        assert!(Library::check(&bytes).is_err());
    }
}
