//! The conformance program in C: built from `tests/conformance/c`, and every id must have its line.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::build::{Artifacts, Program};
use crate::c;
use crate::paths::root;
use crate::setup::{self, Needs};

/// As for the conformance program in Rust.
const ARGUMENTS: &str = "program=conformance-c grant=conformance-c:roots test semihosting";

/// The lines of the conformance list that a C program has to show: a prefix, and the numbers.
const IDS: [(&str, &[u8]); 7] = [
    ("PHY", &[1, 2, 4, 5, 7, 8, 10, 11, 13, 14, 16, 17, 19, 20, 22, 23, 25, 26, 28, 29, 31, 32, 34]),
    ("PHO", &[1, 2, 4, 5, 7, 8, 13, 14, 16, 17, 19, 20, 22, 23, 25, 26, 28, 29]),
    ("PCH", &[1, 2, 4, 5, 7, 8, 10, 11, 13, 14, 16, 17, 19, 20]),
    ("CAC", &[1, 2, 4, 5, 7, 8, 10, 22, 23, 25]),
    // 26, 28, 29 and 31 are about the inside of the kernel.
    ("RES", &[1, 2, 4, 5, 7, 8, 10, 11, 13, 14, 16, 17, 19, 20, 22, 23, 25, 32, 34, 35, 37, 38]),
    ("VMR", &[10]),
    ("MMB", &[1, 2, 4, 5, 7, 8, 10, 11, 13]),
];
/// The library's own tests, and one of what only threads can ask: J1 to this.
const LIBRARY: u8 = 36;

/// There is no compiler, and none can be installed.
#[derive(Debug)]
struct NoCompiler;

impl std::fmt::Display for NoCompiler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("there is no C compiler for AArch64")
    }
}

/// Whether a build failed for want of a compiler.
pub(super) fn is_missing(error: &anyhow::Error) -> bool {
    error.downcast_ref::<NoCompiler>().is_some()
}

/// Makes something for which a compiler is needed.
pub(super) fn with_compiler<T>(make: impl FnOnce() -> Result<T>) -> Result<T> {
    setup::ensure(Needs { cc: true, ..Needs::default() }).context(NoCompiler)?;
    make()
}

/// The program, and its boot arguments.
pub(super) fn build(artifacts: &Artifacts) -> Result<super::Work> {
    with_compiler(|| Ok((vec![compile(artifacts)?], ARGUMENTS.to_owned())))
}

fn compile(artifacts: &Artifacts) -> Result<Program> {
    let folder = root().join("tests/conformance/c");
    let entries = folder.read_dir().with_context(|| format!("cannot list {}", folder.display()))?;
    let mut files: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| c::is_source(path)).collect();
    files.sort();
    let compiled = c::compile(&files)?.context("there is nothing to compile")?;
    let program = compiled.link(artifacts)?.into_iter().next().context("it has no main")?;
    Ok(Program { name: "conformance-c".to_owned(), path: program.path })
}

/// The first id that has no line in the transcript.
pub(super) fn missing(transcript: &[String]) -> Option<String> {
    ids()
        .find(|id| !transcript.iter().any(|line| line.contains(&format!("test {id} "))))
        .map(|id| format!("there is no line for {id}"))
}

fn ids() -> impl Iterator<Item = String> {
    let listed = IDS
        .iter()
        .flat_map(|(prefix, numbers)| numbers.iter().map(move |number| format!("{prefix}-{number:03}")));
    listed.chain((1..=LIBRARY).map(|number| format!("LIB-J{number:02}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_id_is_named() {
        let mut lines: Vec<String> =
            ids().map(|id| format!("[ 1.0] conformance-c: test {id} x ... ok")).collect();
        assert_eq!(missing(&lines), None);
        lines.retain(|line| !line.contains("PCH-017"));
        assert_eq!(missing(&lines), Some("there is no line for PCH-017".to_owned()));
    }

    #[test]
    fn every_id_has_a_test_in_the_sources() {
        let folder = root().join("tests/conformance/c");
        let files = folder.read_dir().unwrap().map(|entry| entry.unwrap().path());
        let sources = files.filter(|file| c::is_source(file));
        let all: String = sources.map(|file| std::fs::read_to_string(file).unwrap()).collect();
        for id in ids() {
            assert_eq!(all.matches(&format!("{{\"{id}\", ")).count(), 1, "{id}");
        }
    }
}
