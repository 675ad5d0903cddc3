//! The pages of `docs/syscalls`, as tests compare them with what calls return.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use abi::SYSCALLS;
use abi::status::ALL;

/// The statuses of an ERRORS table, by the number of the call whose page it is on.
pub(crate) fn errors() -> BTreeMap<usize, BTreeSet<i32>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/syscalls");
    let mut pages = BTreeMap::new();
    for (number, call) in SYSCALLS.iter().enumerate() {
        let Ok(text) = std::fs::read_to_string(folder.join(format!("{}.md", call.name))) else { continue };
        pages.insert(number, listed(call.name, &text));
    }
    assert!(!pages.is_empty(), "no page in {}", folder.display());
    pages
}

/// The statuses in the first column of the table below `## Errors`.
fn listed(name: &str, text: &str) -> BTreeSet<i32> {
    let table = text.split("\n## Errors\n").nth(1).unwrap_or_else(|| panic!("{name}.md has no errors"));
    let table = table.split("\n## ").next().unwrap_or("");
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `ZX_ERR_")?.split_once('`'));
    let mut statuses = BTreeSet::new();
    for (status, _) in rows {
        let value = ALL.iter().find(|(known, _)| *known == status).map(|(_, value)| *value);
        let value = value.unwrap_or_else(|| panic!("{name}.md names ZX_ERR_{status}, which is none"));
        assert!(statuses.insert(value), "{name}.md names ZX_ERR_{status} twice");
    }
    statuses
}

#[allow(dead_code, reason = "not every test that compares pages tells statuses")]
/// How a difference between pages and calls is told.
pub(crate) fn told(number: usize, status: i32) -> String {
    let name = SYSCALLS.get(number).map_or("?", |call| call.name);
    format!("zx_{name} {}", abi::Status(status))
}
