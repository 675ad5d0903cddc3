//! The table of unsafe code in `docs/soundness.md`, counted from the sources.
//!
//! Every piece of unsafe code lies in a room of [`ROOMS`]; a file outside of them that has some fails the test, and so
//! does a table that is out of date. `JACINTH_BLESS=1 cargo test -p xtask soundness` writes it anew.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use crate::paths;

/// A part of the tree that may have unsafe code.
struct Room {
    /// As the page calls it.
    name: &'static str,
    /// Its files, by how their paths begin.
    files: &'static [&'static str],
    /// The chapters of the page on which it rests.
    rests: &'static str,
}

const ROOMS: [Room; 16] = [
    Room { name: "`platform/mmio`", files: &["platform/mmio/"], rests: "4" },
    Room { name: "`platform/slots`", files: &["platform/slots/"], rests: "6" },
    Room {
        name: "`platform/aarch64`: `entry`, `image`, `board`, `uart`, `devices`, `memory`, `secondary`, `spin`, `tables`, `verify`",
        files: &[
            "platform/aarch64/src/entry",
            "platform/aarch64/src/image",
            "platform/aarch64/src/board",
            "platform/aarch64/src/uart",
            "platform/aarch64/src/devices",
            "platform/aarch64/src/memory",
            "platform/aarch64/src/secondary",
            "platform/aarch64/src/spin",
            "platform/aarch64/src/tables",
            "platform/aarch64/src/verify",
        ],
        rests: "1, 2, 3, 4",
    },
    Room {
        name: "`platform/aarch64`: `frames`, `heap`, `stretch`",
        files: &["platform/aarch64/src/frames", "platform/aarch64/src/heap", "platform/aarch64/src/stretch"],
        rests: "1, 2, 6",
    },
    Room {
        name: "`platform/aarch64`: `machine`, `uncached`, `copy`, `cache`, `tlb`, `rows`",
        files: &[
            "platform/aarch64/src/machine",
            "platform/aarch64/src/uncached",
            "platform/aarch64/src/copy",
            "platform/aarch64/src/cache",
            "platform/aarch64/src/tlb",
            "platform/aarch64/src/rows",
        ],
        rests: "2, 3, 5",
    },
    Room { name: "`platform/aarch64`: `lock`", files: &["platform/aarch64/src/lock"], rests: "6" },
    Room {
        name: "`platform/aarch64`: `trap`, `watch`, `panic`, `record`, `output`, `log`",
        files: &[
            "platform/aarch64/src/trap",
            "platform/aarch64/src/watch.rs",
            "platform/aarch64/src/panic",
            "platform/aarch64/src/record",
            "platform/aarch64/src/output",
            "platform/aarch64/src/log",
        ],
        rests: "1, 6, 10",
    },
    Room {
        name: "`platform/aarch64`: `barrier`, `cpu`, `fp`, `gic`, `interrupts`, `power`, `timer`",
        files: &[
            "platform/aarch64/src/barrier",
            "platform/aarch64/src/cpu",
            "platform/aarch64/src/fp",
            "platform/aarch64/src/gic/",
            "platform/aarch64/src/interrupts",
            "platform/aarch64/src/power",
            "platform/aarch64/src/timer",
        ],
        rests: "4, 7",
    },
    Room { name: "`platform/hosted`", files: &["platform/hosted/"], rests: "the system's allocator" },
    Room {
        name: "`platform/mmioform`",
        files: &["platform/mmioform/"],
        rests: "QEMU's interface for plugins",
    },
    Room { name: "`user/zx`: `runtime/crt0`", files: &["user/zx/src/runtime/crt0"], rests: "8" },
    Room { name: "`user/zx`: `runtime`, the rest", files: &["user/zx/src/runtime/"], rests: "9" },
    Room { name: "`user/zx`: `mmio`", files: &["user/zx/src/mmio"], rests: "4" },
    Room { name: "`user/zx`: calls and handles", files: &["user/zx/src/"], rests: "10" },
    Room { name: "`user/programs/bench`", files: &["user/programs/bench/"], rests: "10" },
    Room { name: "`tests/conformance`", files: &["tests/conformance/"], rests: "its scenarios" },
];

/// One attribute each, `no_mangle` and its like: `kernel/image` has the functions that the platform calls.
const ATTRIBUTES_ONLY: [&str; 1] = ["kernel/image/src/entries.rs"];

/// What surrounds the table.
const BEGIN: &str = "<!-- unsafe code: written by `JACINTH_BLESS=1 cargo test -p xtask soundness` -->\n";
const END: &str = "<!-- unsafe code ends -->\n";

/// Pieces of unsafe code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    blocks: usize,
    functions: usize,
    implementations: usize,
    /// `unsafe extern` blocks, and attributes that are unsafe to write.
    declarations: usize,
}

impl Count {
    fn add(&mut self, other: Self) {
        self.blocks += other.blocks;
        self.functions += other.functions;
        self.implementations += other.implementations;
        self.declarations += other.declarations;
    }
}

/// Counts the pieces in a source file.
fn count(source: &str) -> Count {
    let mut count = Count::default();
    let bare = without_comments_and_text(source);
    for (at, _) in bare.match_indices("unsafe") {
        let before = bare[..at].chars().next_back();
        let rest = &bare[at + "unsafe".len()..];
        if before.is_some_and(is_name) || rest.starts_with(is_name) {
            continue;
        }
        let rest = rest.trim_start();
        if rest.starts_with('{') {
            count.blocks += 1;
        } else if rest.starts_with("impl") {
            count.implementations += 1;
        } else if rest.starts_with('(') {
            count.declarations += 1;
        } else if let Some(rest) = rest.strip_prefix("extern") {
            // What stood between quotes is gone.
            match rest.trim_start().starts_with('{') {
                true => count.declarations += 1,
                false if is_function_type(rest) => {}
                false => count.functions += 1,
            }
        } else if rest.starts_with("fn") && !is_function_type(rest) {
            count.functions += 1;
        }
    }
    count
}

/// Whether `fn` is followed by its parameters, not by a name.
fn is_function_type(rest: &str) -> bool {
    rest.trim_start().strip_prefix("fn").is_some_and(|rest| rest.trim_start().starts_with('('))
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// A source file with nothing between quotes and no comments.
fn without_comments_and_text(source: &str) -> String {
    let mut bare = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if c == '"' {
            text_length(rest)
        } else if let Some(length) = raw_text_length(rest) {
            length
        } else if c == '\'' {
            character_length(rest)
        } else {
            bare.push(c);
            c.len_utf8()
        };
        rest = rest.get(skipped..).unwrap_or("");
    }
    bare
}

/// `"..."`, with escapes.
fn text_length(rest: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// `r"..."`, `r#"..."#` and so on.
fn raw_text_length(rest: &str) -> Option<usize> {
    let hashes = rest.strip_prefix('r')?.chars().take_while(|c| *c == '#').count();
    let body = rest.get(1 + hashes..)?.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(body.find(&end).map_or(rest.len(), |at| 2 + hashes + at + end.len()))
}

/// `'x'`, `'\n'`; or the quote alone, if it begins a lifetime.
fn character_length(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => rest.get(3..).and_then(|rest| rest.find('\'')).map_or(1, |at| at + 4),
        Some(_) => chars.next().filter(|(_, c)| *c == '\'').map_or(1, |(at, _)| at + 1),
        None => 1,
    }
}

/// Every Rust file of the tree, by its path from the root.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
        if path.is_dir() && !name.starts_with('.') && name != "target" {
            sources(&path, found)?;
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

/// What each room has. Panics, with the file's name, at unsafe code outside of all rooms.
fn counts() -> BTreeMap<usize, Count> {
    let root = paths::root();
    let mut files = Vec::new();
    for folder in ["kernel", "platform", "user", "tests", "xtask"] {
        sources(&root.join(folder), &mut files).unwrap();
    }
    let mut counts: BTreeMap<usize, Count> = BTreeMap::new();
    for file in files {
        let path = file.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        let found = count(&fs::read_to_string(&file).unwrap());
        // Code of the tests' own, that is never linked.
        if found == Count::default() || path.ends_with("/specimen.rs") {
            continue;
        }
        if ATTRIBUTES_ONLY.contains(&path.as_str()) {
            assert_eq!(found, Count { declarations: found.declarations, ..Count::default() }, "{path}");
            continue;
        }
        let room = ROOMS.iter().position(|room| room.files.iter().any(|start| path.starts_with(start)));
        let room = room.unwrap_or_else(|| panic!("{path} has unsafe code, and no room allows it: {found:?}"));
        counts.entry(room).or_default().add(found);
    }
    counts
}

fn table(counts: &BTreeMap<usize, Count>) -> String {
    let mut table = "| room | blocks | functions | implementations | declarations | rests on |\n\
                     |---|---|---|---|---|---|\n"
        .to_owned();
    for (index, room) in ROOMS.iter().enumerate() {
        let Count { blocks, functions, implementations, declarations } =
            counts.get(&index).copied().unwrap_or_default();
        let Room { name, rests, .. } = room;
        let _ = writeln!(
            table,
            "| {name} | {blocks} | {functions} | {implementations} | {declarations} | {rests} |"
        );
    }
    table
}

#[test]
fn the_table_is_what_the_sources_have() {
    let path = paths::root().join("docs/soundness.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the table's beginning");
    let (kept, after) = rest.split_once(END).expect("the table's end");
    let counted = format!("\n{}\n", table(&counts()));
    if std::env::var_os("JACINTH_BLESS").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{counted}{END}{after}")).unwrap();
        return;
    }
    assert!(
        kept == counted,
        "docs/soundness.md counts other unsafe code than there is: read what changed, then \
         `JACINTH_BLESS=1 cargo test -p xtask soundness` writes the table:\n{counted}"
    );
}

#[test]
fn every_room_has_something() {
    let counts = counts();
    for (index, room) in ROOMS.iter().enumerate() {
        assert!(counts.contains_key(&index), "{} has no unsafe code left", room.name);
    }
}

#[test]
fn pieces_are_counted_and_words_are_not() {
    let source = r##"
        //! unsafe { in a comment
        /* unsafe { */
        #![deny(unsafe_code)]
        const A: &str = "unsafe {";
        const B: &str = r#"unsafe { "quoted" "#;
        const C: (char, char) = ('"', '\'');
        fn lifetime<'a>(x: &'a u8) { unsafe { y(x) } }
        unsafe fn f() {}
        pub unsafe extern "C" fn g() {}
        type H = unsafe extern "C" fn(u8);
        type I = unsafe fn(u8);
        unsafe impl Sync for J {}
        unsafe extern "C" { fn k(); }
        #[unsafe(no_mangle)]
        fn l() { unsafe
            { m() } }
    "##;
    let wanted = Count { blocks: 2, functions: 2, implementations: 1, declarations: 2 };
    assert_eq!(count(source), wanted);
}
