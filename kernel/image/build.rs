//! Tells the linker where the kernel's parts go, and the compiler which files the image carries.
use std::env;
use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // On a development machine the crate is only type-checked and tested: no script, no fixed address.
    if env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("none") {
        return;
    }
    embed("JACINTH_VDSO");
    embed("JACINTH_BOOTFS");
    let here = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let script = Path::new(&here).join("../../linker/kernel.ld");
    println!("cargo:rerun-if-changed={}", script.display());
    for argument in [format!("-T{}", script.display()), "-Tdefmt.x".into(), "--no-rosegment".into()] {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
}

/// Makes sure that a variable names a file to carry: an empty one where the build names none. Without a vDSO the kernel
/// says so when it boots, so that a plain `cargo build` of this package still compiles.
fn embed(variable: &str) {
    println!("cargo:rerun-if-env-changed={variable}");
    if let Ok(path) = env::var(variable) {
        println!("cargo:rerun-if-changed={path}");
        return;
    }
    let empty = Path::new(&env::var("OUT_DIR").unwrap_or_default()).join("empty");
    match std::fs::write(&empty, []) {
        Ok(()) => println!("cargo:rustc-env={variable}={}", empty.display()),
        Err(error) => println!("cargo:warning=cannot write {}: {error}", empty.display()),
    }
}
