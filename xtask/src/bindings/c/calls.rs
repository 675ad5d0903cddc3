//! `zircon/syscalls.h`: every listed call with Zircon's signature.

use std::fmt::Write;

use abi::syscalls::{Arg, Kind, Returns, SYSCALLS, Syscall};

use super::{Header, Writer};

pub(super) fn header() -> Header {
    let mut out = Writer::new(
        "syscalls.h",
        "Every system call. A call that is listed and not built yet answers ZX_ERR_NOT_SUPPORTED.",
        &[
            "zircon/types.h",
            "zircon/syscalls/object.h",
            "zircon/syscalls/port.h",
            "zircon/syscalls/profile.h",
            "zircon/syscalls/resource.h",
            "zircon/syscalls/smc.h",
            "zircon/syscalls/system.h",
        ],
    );
    out.lines("__BEGIN_CDECLS");
    for call in SYSCALLS {
        let rights =
            if call.rights.is_empty() { String::new() } else { format!(" Rights: {}.", call.rights) };
        let _ = writeln!(out.text, "/* {}{rights} */", call.summary);
        let _ = writeln!(out.text, "{};\n", prototype(call));
    }
    out.lines("__END_CDECLS");
    out.end()
}

/// The declaration of a call, without its semicolon.
pub(in crate::bindings) fn prototype(call: &Syscall) -> String {
    let start = match call.kind {
        Kind::NoReturn => "__NO_RETURN void".to_owned(),
        _ => returned(call).to_owned(),
    };
    let args: Vec<String> = call.args.iter().map(|(name, arg)| declared(name, *arg)).collect();
    let args = if args.is_empty() { "void".to_owned() } else { args.join(", ") };
    format!("{start} zx_{}({args})", call.name)
}

fn returned(call: &Syscall) -> &'static str {
    match call.returns {
        Returns::Status => "zx_status_t",
        Returns::Void => "void",
        Returns::U32 => "uint32_t",
        Returns::U64 => "uint64_t",
        Returns::I64 if call.name.starts_with("ticks") => "zx_ticks_t",
        Returns::I64 => "zx_time_t",
        Returns::Str => "const char*",
    }
}

fn declared(name: &str, arg: Arg) -> String {
    match arg {
        Arg::Handle => format!("zx_handle_t {name}"),
        Arg::U32 => format!("{} {name}", word(name)),
        Arg::I32 => format!("{} {name}", if name == "current_value" { "zx_futex_t" } else { "int32_t" }),
        Arg::U64 => format!("{} {name}", if name == "koid" { "zx_koid_t" } else { "uint64_t" }),
        Arg::I64 if matches!(name, "nanoseconds" | "slack") => format!("zx_duration_t {name}"),
        Arg::I64 => format!("int64_t {name}"),
        Arg::Usize => format!("size_t {name}"),
        Arg::Uintptr => format!("uintptr_t {name}"),
        Arg::Paddr => format!("zx_paddr_t {name}"),
        Arg::Vaddr => format!("zx_vaddr_t {name}"),
        Arg::Time => format!("zx_time_t {name}"),
        Arg::In => format!("const void* {name}"),
        Arg::InStr => format!("const char* {name}"),
        Arg::InOf(ty) => format!("const {ty}* {name}"),
        Arg::Out => format!("void* {name}"),
        Arg::OutOf(ty) | Arg::InOutOf(ty) => format!("{ty}* {name}"),
    }
}

/// What Zircon calls a 32-bit argument of this name.
fn word(name: &str) -> &'static str {
    match name {
        "rights" => "zx_rights_t",
        "signals" | "clear_mask" | "set_mask" => "zx_signals_t",
        "clock_id" => "zx_clock_t",
        _ => "uint32_t",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contracts_call_is_declared_as_it_says() {
        let declared = prototype(abi::Sysno::vmo_create_physical.line());
        let contract = "zx_status_t zx_vmo_create_physical(zx_handle_t resource, zx_paddr_t paddr, size_t size, zx_handle_t* out)";
        assert_eq!(declared, contract);
    }

    #[test]
    fn a_call_without_arguments_has_a_prototype() {
        assert_eq!(
            prototype(abi::Sysno::clock_get_monotonic.line()),
            "zx_time_t zx_clock_get_monotonic(void)"
        );
        assert_eq!(prototype(abi::Sysno::thread_exit.line()), "__NO_RETURN void zx_thread_exit(void)");
    }
}
