//! Tells the linker where the kernel's parts go.
use std::env;
use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // On a development machine the crate is only type-checked and tested: no script, no fixed address.
    if env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("none") {
        return;
    }
    let here = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let script = Path::new(&here).join("../../linker/kernel.ld");
    println!("cargo:rerun-if-changed={}", script.display());
    for argument in [format!("-T{}", script.display()), "-Tdefmt.x".into(), "--no-rosegment".into()] {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
}
