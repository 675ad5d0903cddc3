//! The Rust bindings' lowest layer, `user/zx/src/raw.rs`, and the C headers, written from the list of system calls.
//!
//! The files are kept in the repository, where readers and editors find them. A test compares them with the list.

use std::collections::BTreeMap;
use std::fmt::Write;

use abi::syscalls::{Arg, Kind, Returns, SYSCALLS, Syscall};

mod c;
#[cfg(test)]
mod pages;

const HEAD: &str = "\
//! Every call of the vDSO as it is, without any check.
//!
//! Written from `abi::SYSCALLS` by the task runner; its test `the_raw_bindings_are_up_to_date` says how to
//! write it again.
#![allow(clippy::missing_safety_doc, reason = \"a pointer must be valid for what its call does with it\")]

use abi::Status;

#[link(name = \"zircon\", kind = \"dylib\")]
unsafe extern \"C\" {
";

/// The text of `user/zx/src/raw.rs`.
pub(crate) fn raw_rs() -> String {
    let types = struct_types();
    let mut out = HEAD.to_owned();
    for call in SYSCALLS {
        let _ = writeln!(out, "    /// {}", call.summary);
        let args: Vec<String> =
            call.args.iter().map(|(name, arg)| format!("{name}: {}", rust_type(*arg, &types))).collect();
        let _ = writeln!(out, "    pub fn zx_{}({}){};", call.name, args.join(", "), returned(call));
    }
    out.push_str("}\n");
    out
}

/// The structures that `abi` defines, by their names in C. The kernel reads and writes others as bytes.
fn struct_types() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([
        ("zx_handle_t", "u32"),
        ("zx_signals_t", "u32"),
        ("zx_futex_t", "i32"),
        ("zx_koid_t", "u64"),
        ("zx_paddr_t", "u64"),
        ("zx_vaddr_t", "u64"),
        ("zx_time_t", "i64"),
        ("uint32_t", "u32"),
        ("uint64_t", "u64"),
        ("size_t", "usize"),
    ])
}

fn rust_type(arg: Arg, types: &BTreeMap<&str, &str>) -> String {
    let pointee = |name: &str| types.get(name).copied().unwrap_or("u8").to_owned();
    match arg {
        Arg::Handle | Arg::U32 => "u32".to_owned(),
        Arg::I32 => "i32".to_owned(),
        Arg::U64 | Arg::Paddr | Arg::Vaddr => "u64".to_owned(),
        Arg::I64 | Arg::Time => "i64".to_owned(),
        Arg::Usize | Arg::Uintptr => "usize".to_owned(),
        Arg::In | Arg::InStr => "*const u8".to_owned(),
        Arg::Out => "*mut u8".to_owned(),
        Arg::InOf(name) => format!("*const {}", pointee(name)),
        Arg::OutOf(name) | Arg::InOutOf(name) => format!("*mut {}", pointee(name)),
    }
}

fn returned(call: &Syscall) -> &'static str {
    match (call.kind, call.returns) {
        (Kind::NoReturn, _) => " -> !",
        (_, Returns::Status) => " -> Status",
        (_, Returns::Void) => "",
        (_, Returns::U32) => " -> u32",
        (_, Returns::U64) => " -> u64",
        (_, Returns::I64) => " -> i64",
        (_, Returns::Str) => " -> *const u8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_raw_bindings_are_up_to_date() {
        let path = crate::paths::root().join("user/zx/src/raw.rs");
        if std::env::var_os("JACINTH_BLESS").is_some() {
            std::fs::write(&path, raw_rs()).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            kept == raw_rs(),
            "user/zx/src/raw.rs differs from abi::SYSCALLS. Type: JACINTH_BLESS=1 cargo test -p xtask bindings"
        );
    }

    #[test]
    fn a_call_is_declared_with_its_types() {
        let text = raw_rs();
        for line in [
            "fn zx_handle_close(handle: u32) -> Status;",
            "fn zx_vmo_create_physical(resource: u32, paddr: u64, size: usize, out: *mut u32) -> Status;",
            "fn zx_process_exit(retcode: i64) -> !;",
            "fn zx_system_get_version_string() -> *const u8;",
        ] {
            assert!(text.contains(line), "{line}");
        }
    }
}
