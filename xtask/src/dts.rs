//! Device tree sources, compiled by `dtc`.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::process;

/// The blob of a source file. What `dtc` warns of is a matter of taste in other people's trees too; what it refuses is
/// an error.
pub(crate) fn compile(source: &Path) -> Result<Vec<u8>> {
    let mut command = Command::new("dtc");
    let format = ["-q", "-I", "dts", "-O", "dtb", "-o", "-"].map(OsStr::new);
    command.args(format).arg(source);
    let done = command.output().with_context(|| {
        format!(
            "cannot start `{}`; the package is called dtc or device-tree-compiler",
            process::shown(&command)
        )
    })?;
    ensure!(
        done.status.success(),
        "dtc refuses {}: {}",
        source.display(),
        String::from_utf8_lossy(&done.stderr).trim()
    );
    Ok(done.stdout)
}
