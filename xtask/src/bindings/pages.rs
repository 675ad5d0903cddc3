//! The index of `docs/syscalls`, written from the list of system calls, and what every page there must have.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use abi::syscalls::{SYSCALLS, Syscall};

const HEAD: &str = "\
# System calls

One page for each call: what it does, the rights that it needs, and its errors in the order in which they are looked
for. This page is written from the list in `kernel/abi/src/syscalls.rs` by
`JACINTH_BLESS=1 cargo test -p xtask bindings`, never by hand; tests hold the pages against the list, and their errors
against what calls return (`cargo test -p hosted --test documented`).

## What holds for every call

- A program calls through the vDSO, `#include <zircon/syscalls.h>` in C. An `svc` from elsewhere, or with a number that
  is none, ends the process.
- Of an argument of 32 bits the upper half of its register does not count. X1 to X18 are lost.
- Where a call looks at a handle, a value that is not a live handle of the process is `ZX_ERR_BAD_HANDLE`, an object of
  another type `ZX_ERR_WRONG_TYPE`, and a right that is missing `ZX_ERR_ACCESS_DENIED`, in this order unless a page
  says otherwise. A bad handle also asks the job's policy `ZX_POL_BAD_HANDLE`, which may end the process.
- A pointer that cannot be read or written is `ZX_ERR_INVALID_ARGS`; so is one to device memory, which the kernel never
  touches. Outputs are written last: a call that fails there has made nothing.
- `ZX_ERR_NO_MEMORY` changes nothing, but where a call goes through a range a piece at a time (`zx_vmo_op_range`,
  `zx_vmar_op_range`, `zx_vmar_unmap`, `zx_vmar_protect`): what came before it is done, and the call may be made again. A page names it where the call needs memory for what it makes. Beside that, any
  call that reads or writes the program's memory may need a page of it that has not been touched yet.
- A call that works in pieces goes on by itself; between two pieces other threads run. It is not undone if the thread
  is killed meanwhile.
- Times are nanoseconds of the monotonic clock, sizes and offsets are bytes, a page has 4096 of them.

";

/// The text of `docs/syscalls/README.md`.
fn index() -> String {
    let mut out = HEAD.to_owned();
    let (built, unbuilt): (Vec<&Syscall>, Vec<&Syscall>) =
        SYSCALLS.iter().partition(|call| page(call).is_file());
    out.push_str("## Calls\n\n| call | what it does |\n|---|---|\n");
    for call in built {
        let _ = writeln!(out, "| [zx_{0}]({0}.md) | {1} |", call.name, call.summary);
    }
    if !unbuilt.is_empty() {
        out.push_str("\n## Listed and not built\n\nThese answer `ZX_ERR_NOT_SUPPORTED`.\n\n| call | what it will do |\n|---|---|\n");
    }
    for call in unbuilt {
        let _ = writeln!(out, "| zx_{} | {} |", call.name, call.summary);
    }
    out
}

fn folder() -> PathBuf {
    crate::paths::root().join("docs/syscalls")
}

fn page(call: &Syscall) -> PathBuf {
    folder().join(format!("{}.md", call.name))
}

/// What is wrong with a page.
fn faults(call: &Syscall, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut demand = |holds: bool, what: String| {
        if !holds {
            faults.push(what);
        }
    };
    let title = format!("# zx_{}\n\n{}\n\n## Synopsis\n", call.name, call.summary);
    demand(
        text.starts_with(&title),
        "it does not begin with the call's name and its line in the list".into(),
    );
    let spaced = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").replace("( ", "(");
    let synopsis = format!("{};", super::c::calls::prototype(call));
    let shown = section(text, "Synopsis").map(spaced).unwrap_or_default();
    demand(
        shown == format!("```c #include <zircon/syscalls.h> {} ```", spaced(&synopsis)),
        format!("its synopsis is not `{synopsis}`"),
    );
    for name in ["Description", "Rights", "Errors", "See also"] {
        let is_there = section(text, name).is_some_and(|text| !text.trim().is_empty());
        demand(is_there, format!("it has no section \"{name}\""));
    }
    let rights = section(text, "Rights").unwrap_or_default().trim();
    let listed = if call.rights.is_empty() { "None.".to_owned() } else { format!("{}.", call.rights) };
    demand(rights == listed, format!("its rights are not \"{listed}\""));
    demand(text.lines().all(|line| !line.ends_with(' ')), "a line ends with a space".into());
    for link in links(text) {
        demand(exists(&link), format!("its link to {link} leads nowhere"));
    }
    faults
}

fn section<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let rest = text.split_once(&format!("\n## {name}\n"))?.1;
    Some(rest.split("\n## ").next().unwrap_or(rest))
}

/// Where a page's links lead.
fn links(text: &str) -> Vec<String> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    targets.map(|(target, _)| target.to_owned()).collect()
}

fn exists(link: &str) -> bool {
    folder().join(Path::new(link)).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_of_system_calls_is_up_to_date() {
        let path = folder().join("README.md");
        if std::env::var_os("JACINTH_BLESS").is_some() {
            std::fs::write(&path, index()).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            kept == index(),
            "docs/syscalls/README.md differs from the list. Type: JACINTH_BLESS=1 cargo test -p xtask bindings"
        );
    }

    #[test]
    fn every_page_has_what_its_call_is() {
        let mut wrong = Vec::new();
        for call in SYSCALLS {
            let Ok(text) = std::fs::read_to_string(page(call)) else { continue };
            wrong.extend(faults(call, &text).iter().map(|fault| format!("{}.md: {fault}", call.name)));
        }
        let known = |name: &str| name == "README" || SYSCALLS.iter().any(|call| call.name == name);
        for file in std::fs::read_dir(folder()).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            if !known(name) {
                wrong.push(format!("{} is no call's page", path.display()));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn a_page_that_is_wrong_is_refused() {
        let call = abi::Sysno::vmo_get_size.line();
        let text = std::fs::read_to_string(page(call)).unwrap();
        assert_eq!(faults(call, &text), [""; 0]);
        for (from, to) in [
            ("# zx_vmo_get_size", "# zx_vmo_size"),
            (call.summary, "Something."),
            ("uint64_t* size", "uint64_t size"),
            ("## Rights\n\nNone.", "## Rights\n\nREAD."),
            ("## Errors", "## Faults"),
            (".md)", ".html)"),
        ] {
            assert!(text.contains(from), "{from}");
            assert!(!faults(call, &text.replace(from, to)).is_empty(), "{from}");
        }
    }
}
