//! C programs: compiled freestanding with the headers and the library of `user/c`, linked as static PIEs.
//!
//! Each `.c` file that defines `main` is a program; the files that do not are part of every one of them. Clang or GCC
//! compiles, the toolchain's own linker links.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use object::{Object, ObjectSymbol};

use crate::build::{Artifacts, Program};
use crate::paths::{self, root};
use crate::process;
use crate::say::say;
use crate::scratch::Scratch;
use crate::setup::Tool;
use crate::vdso;

/// Names the compiler to use instead of the first that is found.
pub(crate) const CHOICE: &str = "JACINTH_CC";

/// For programs and the library alike. Hidden symbols are reached without a table, which crt0 needs before it has
/// filled any; all thread-local data are the program's own; frame pointers make a backtrace a walk over two words a frame; the helpers for atomics are libgcc's.
const FLAGS: [&str; 18] = [
    "-c",
    "-std=gnu17",
    "-ffreestanding",
    "-fPIE",
    "-ftls-model=local-exec",
    "-fvisibility=hidden",
    "-fno-stack-protector",
    "-fno-asynchronous-unwind-tables",
    "-fno-unwind-tables",
    "-fno-omit-frame-pointer",
    "-fno-common",
    "-ffunction-sections",
    "-fdata-sections",
    "-mno-outline-atomics",
    "-mbranch-protection=none",
    "-g",
    "-O2",
    "-nostdinc",
];
/// What a program's author should hear of.
const WARNINGS: [&str; 2] = ["-Wall", "-Wextra"];
/// The library implements what the compiler would otherwise call.
const LIBRARY: [&str; 4] = ["-Wall", "-Wextra", "-Werror", "-fno-builtin"];

/// Whether `--program` names a source file.
pub(crate) fn is_source(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "c")
}

/// The compiler that was named, whatever it is worth, else the one on the search path that knows AArch64.
pub(crate) fn compiler() -> Option<PathBuf> {
    let named = std::env::var_os(CHOICE).map(PathBuf::from);
    named.or_else(|| Compiler::on_path().map(|found| found.path))
}

/// A compiler that makes code for AArch64.
#[derive(Clone, Debug)]
pub(crate) struct Compiler {
    path: PathBuf,
    is_clang: bool,
    /// Its own headers: stdint.h, stdarg.h and their like.
    headers: PathBuf,
}

impl Compiler {
    /// The one that `JACINTH_CC` names, else a cross GCC, else a clang that knows AArch64.
    pub(crate) fn find() -> Result<Self> {
        if let Some(named) = std::env::var_os(CHOICE) {
            return Self::new(PathBuf::from(&named)).with_context(|| {
                let names = Tool::Cc.programs().join(" or ");
                format!("{CHOICE}={} cannot be used: unset it, or name {names}", named.display())
            });
        }
        Self::on_path().with_context(|| {
            let names = Tool::Cc.programs().join(" or ");
            format!("there is no C compiler for AArch64. Install {names}, or name one by {CHOICE}=PATH")
        })
    }

    fn on_path() -> Option<Self> {
        let names = Tool::Cc.programs().iter();
        names.filter_map(|name| process::find_program(&[name])).flat_map(Self::new).next()
    }

    fn new(path: PathBuf) -> Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_clang = name.contains("clang");
        let mut found = Self { path, is_clang, headers: PathBuf::new() };
        let question = if is_clang { "-print-resource-dir" } else { "-print-file-name=include" };
        let answer = process::capture(found.command().arg(question))?;
        ensure!(answer.status.success(), "{name} does not know AArch64: {}", answer.stderr.trim());
        let folder = Path::new(answer.stdout.trim());
        found.headers = if is_clang { folder.join("include") } else { folder.to_path_buf() };
        ensure!(found.headers.join("stdint.h").exists(), "{name} has no stdint.h of its own");
        // A compiler for another machine stumbles over what is asked of this one.
        let tried =
            process::capture(found.command().args(FLAGS).args(["-x", "c", "-fsyntax-only", "/dev/null"]))?;
        ensure!(tried.status.success(), "{name} does not compile for AArch64: {}", tried.stderr.trim());
        Ok(found)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        if self.is_clang {
            command.arg("--target=aarch64-linux-gnu");
        }
        command
    }

    /// A command that compiles with our headers. GCC for Linux says that it is for Linux, and this is none.
    fn compile(&self, source: &Path, object: &Path, more: &[&str]) -> Command {
        let mut command = self.command();
        command.args(FLAGS).args(["-U__linux__", "-U__linux", "-U__gnu_linux__", "-D__jacinth__=1"]);
        command.arg("-isystem").arg(root().join("user/c/include")).arg("-isystem").arg(&self.headers);
        command.args(more).arg("-o").arg(object).arg(source);
        command
    }

    /// What the compiler calls where the machine has no instruction; `None` where there is no such library.
    fn helpers(&self) -> Option<PathBuf> {
        let answer = process::capture(self.command().arg("-print-libgcc-file-name")).ok()?;
        Some(PathBuf::from(answer.stdout.trim())).filter(|path| answer.status.success() && path.is_file())
    }
}

/// Compiled sources: programs without their library.
#[derive(Debug)]
pub(crate) struct Compiled {
    compiler: Compiler,
    folder: PathBuf,
    /// Name and object file of each program, then what belongs to all.
    mains: Vec<(String, PathBuf)>,
    others: Vec<PathBuf>,
    /// Holds the object files.
    _scratch: Scratch,
}

/// Compiles the sources among `files`; `None` if there are none. The compiler's messages go to the terminal.
///
/// # Errors
/// A file that is not there or does not compile, and no `main` at all.
pub(crate) fn compile(files: &[PathBuf]) -> Result<Option<Compiled>> {
    let sources: Vec<&PathBuf> = files.iter().filter(|path| is_source(path)).collect();
    if sources.is_empty() {
        return Ok(None);
    }
    for source in &sources {
        ensure!(
            source.is_file(),
            "there is no file {}: --program takes a C source or an ELF file",
            source.display()
        );
    }
    let compiler = Compiler::find()?;
    let shown: Vec<String> = sources.iter().map(|source| source.display().to_string()).collect();
    say("Compiling", format!("{} by {}", shown.join(", "), compiler.path.display()));
    let folder = paths::out_dir().join("c");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let scratch = Scratch::new()?;
    let objects = scratch.path().to_path_buf();
    let (mains, others) = (Vec::new(), Vec::new());
    let mut compiled = Compiled { compiler, folder, mains, others, _scratch: scratch };
    for (number, source) in sources.into_iter().enumerate() {
        let name = source.file_stem().and_then(|name| name.to_str());
        let name = name.with_context(|| format!("{} has no name for a program", source.display()))?;
        let object = objects.join(format!("{number}-{name}.o"));
        let mut command = compiled.compiler.compile(source, &object, &WARNINGS);
        let status =
            command.status().with_context(|| format!("cannot start `{}`", process::shown(&command)))?;
        ensure!(
            status.success(),
            "{} does not compile; the compiler's messages are above. docs/c-programs.md says which headers there are",
            source.display()
        );
        if defines_main(&object)? {
            let twice = compiled.mains.iter().any(|(other, _)| other == name);
            ensure!(!twice, "two programs are called {name}: rename one of the files");
            compiled.mains.push((name.to_owned(), object));
        } else {
            compiled.others.push(object);
        }
    }
    ensure!(
        !compiled.mains.is_empty(),
        "there is no main in {}: give it as `int main(int argc, char** argv)` or `int main(void)`",
        shown.join(", ")
    );
    Ok(Some(compiled))
}

fn defines_main(object: &Path) -> Result<bool> {
    let bytes = fs::read(object).with_context(|| format!("cannot read {}", object.display()))?;
    let file = object::File::parse(&*bytes).with_context(|| format!("{} is no object", object.display()))?;
    Ok(file.symbols().any(|symbol| symbol.is_definition() && symbol.name() == Ok("main")))
}

impl Compiled {
    /// Links each program with the library and the vDSO of a finished build.
    pub(crate) fn link(&self, artifacts: &Artifacts) -> Result<Vec<Program>> {
        let library = self.library()?;
        self.mains
            .iter()
            .map(|(name, main)| {
                let elf = self.folder.join(format!("{name}.elf"));
                let objects: Vec<&PathBuf> = std::iter::once(main).chain(&self.others).collect();
                self.link_one(&objects, &library, artifacts, &elf).with_context(|| {
                    format!("{name} does not link. docs/c-programs.md says what the library has")
                })?;
                Ok(Program { name: name.clone(), path: elf })
            })
            .collect()
    }

    fn link_one(
        &self,
        objects: &[&PathBuf],
        library: &[PathBuf],
        artifacts: &Artifacts,
        elf: &Path,
    ) -> Result<()> {
        let mut command = Command::new(vdso::linker()?);
        command.args(["-flavor", "gnu", "-pie", "--no-dynamic-linker", "-z", "notext", "--build-id=sha1"]);
        command.args(["--gc-sections", "-T"]).arg(root().join("linker/program.ld"));
        // Where the script finds what it includes.
        command.arg("-L").arg(root().join("user/c/link")).arg("-o").arg(elf).args(objects);
        // As in an archive: what the program defines itself is not taken from here.
        command.arg("--start-lib").args(library).arg("--end-lib").arg(artifacts.library());
        command.args(self.compiler.helpers());
        let out = process::capture(&mut command)?;
        ensure!(out.status.success(), "{}", out.stderr.trim_end());
        Ok(())
    }

    /// The library's objects, compiled anew where a source, a header or the compiler has changed.
    fn library(&self) -> Result<Vec<PathBuf>> {
        let sources = sources()?;
        let folder = self.folder.join("library");
        let objects: Vec<PathBuf> = sources
            .iter()
            .map(|source| folder.join(source.with_extension("o").file_name().unwrap_or_default()))
            .collect();
        let stamp = folder.join("stamp");
        let fresh = self.fingerprint()?;
        if objects.iter().all(|object| object.exists())
            && fs::read_to_string(&stamp).is_ok_and(|kept| kept == fresh)
        {
            return Ok(objects);
        }
        say("Building", format!("the C library by {}", self.compiler.path.display()));
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        // Without a stamp the objects of a build that stopped half-way are not taken for whole.
        let _ = fs::remove_file(&stamp);
        for (source, object) in sources.iter().zip(&objects) {
            let mut command = self.compiler.compile(source, object, &LIBRARY);
            if !self.compiler.is_clang {
                // memset must not become a call of memset.
                command.arg("-fno-tree-loop-distribute-patterns");
            }
            let out = process::capture(&mut command)?;
            if !out.status.success() {
                bail!("the C library does not compile: `{}`\n{}", process::shown(&command), out.stderr);
            }
        }
        fs::write(&stamp, fresh).with_context(|| format!("cannot write {}", stamp.display()))?;
        Ok(objects)
    }

    /// Changes with everything that the library is made of.
    fn fingerprint(&self) -> Result<String> {
        let mut files = Vec::new();
        gather(&root().join("user/c"), &mut files)?;
        files.sort();
        let mut text = format!("{:?} {FLAGS:?} {LIBRARY:?}", self.compiler).into_bytes();
        for file in files {
            text.extend(file.to_string_lossy().bytes());
            text.extend(fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?);
        }
        Ok(format!("{:016x}", abi::bootfs::hash(&text)))
    }
}

/// The library's own sources.
fn sources() -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    gather(&root().join("user/c/src"), &mut files)?;
    files.retain(|file| file.extension().is_some_and(|end| end == "c" || end == "S"));
    files.sort();
    Ok(files)
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            gather(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
