//! Tells the linker where the linker script of programs and the vDSO are.
use std::env;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo:rerun-if-env-changed=JACINTH_VDSO");
    println!("cargo:rerun-if-changed=../../linker/program.ld");
    if env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("none") {
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    println!("cargo:rustc-link-search=native={}", root.join("linker").display());
    let Some(library) = vdso() else { return };
    // A file that is not there yet makes Cargo look again next time.
    println!("cargo:rerun-if-changed={}", library.display());
    if !library.exists() {
        println!(
            "cargo:warning=libzircon.so is not built, so no program can be linked: type `cargo xtask build`"
        );
    }
    if let Some(folder) = library.parent() {
        println!("cargo:rustc-link-search=native={}", folder.display());
    }
}

/// The vDSO that the task runner names, or the one that its last build left in the build directory.
fn vdso() -> Option<PathBuf> {
    if let Some(named) = env::var_os("JACINTH_VDSO") {
        return Some(PathBuf::from(named));
    }
    // OUT_DIR is TARGET_DIR/TRIPLE/PROFILE/build/PACKAGE/out.
    let out = PathBuf::from(env::var_os("OUT_DIR")?);
    Some(out.ancestors().nth(5)?.join("jacinth/libzircon.so"))
}
