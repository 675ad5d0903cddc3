//! Where things are: the repository, the build directory and what `build` leaves in it.

use std::path::{Path, PathBuf};

/// The target triple of the kernel: no floating point registers, so that they can stay a program's own.
pub(crate) const KERNEL_TARGET: &str = "aarch64-unknown-none-softfloat";
/// The target triple of programs.
pub(crate) const PROGRAM_TARGET: &str = "aarch64-unknown-none";

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// Cargo's build directory: `CARGO_TARGET_DIR` when it is set, else `target` in the repository.
pub(crate) fn target_dir() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        // Cargo takes a relative one from the directory it was started in, and so does this.
        Some(dir) if !dir.is_empty() => std::path::absolute(&dir).unwrap_or_else(|_| PathBuf::from(dir)),
        _ => root().join("target"),
    }
}

/// The folder of the finished build.
pub(crate) fn out_dir() -> PathBuf {
    target_dir().join("jacinth")
}

/// A path as a reader wants it: relative to the repository where it lies inside.
pub(crate) fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}
