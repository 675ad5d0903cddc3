//! `boards`: the page that says what was tried where.

use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::paths;
use crate::say::say;
use crate::test::matrix;

/// The verb.
pub(crate) fn run() -> Result<ExitCode> {
    let path = paths::root().join("docs/boards.md");
    std::fs::write(&path, matrix::page()).with_context(|| format!("cannot write {}", path.display()))?;
    say("Wrote", paths::shown(&path));
    Ok(ExitCode::SUCCESS)
}
