//! `cargo xtask corpus`: real device trees against what they are known to mean.
//!
//! The folder holds blobs of real boards (`trees.tar.xz`) and what an independent translator, checked
//! against U-Boot and a booted Linux, makes of them: every window, every `reg` entry that is none and why, every
//! interrupt, PCI range and memory range. The same crate that the kernel links must find exactly those, no more and no
//! fewer. A tree of ours for one of those boards must
//! mean the same as the real one.

use anyhow::{Context, Result, bail};
use devicetree::{Place, Skip, Tree};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::{dts, paths};

/// Arguments of `cargo xtask corpus`.
#[derive(clap::Args, Debug)]
pub(crate) struct CorpusArgs {
    /// The folder with trees.tar.xz, windows.jsonl.gz, interrupts.jsonl.gz and pci.jsonl.gz
    pub(crate) folder: PathBuf,
    /// Show at most this many differences
    #[arg(long, default_value_t = 20)]
    pub(crate) show: usize,
}

/// A `reg` entry, as the corpus describes it.
#[derive(Deserialize)]
struct WindowRow {
    dtb: String,
    path: String,
    avail: bool,
    reg_index: u32,
    reg_name: Option<String>,
    base: Option<u64>,
    size: Option<u64>,
    cls: String,
    /// Why it is no window, and of which bus.
    reason: Option<String>,
    #[serde(default)]
    straddle: bool,
}

#[derive(Deserialize)]
struct InterruptRow {
    dtb: String,
    path: String,
    index: u32,
    name: Option<String>,
    r#final: String,
    final_spec: Vec<u32>,
}

#[derive(Deserialize)]
struct PciRow {
    dtb: String,
    path: String,
    index: u32,
    r#type: String,
    prefetch: bool,
    pci_addr: u64,
    base: Option<u64>,
    size: u64,
}

/// What a tree means, one line of text for each fact: two of them are equal or differ by whole lines.
type Facts = BTreeSet<String>;

/// Trees of ours in `dts/`, each with the corpus's tree of the same board, which must mean the same.
const OWN: [(&str, &str); 1] = [("bcm2711-rpi-4-b.dts", "linux-6.12/broadcom/bcm2711-rpi-4-b.dtb")];

/// Runs the verb: 0 if every tree matches, 1 if not.
pub(crate) fn corpus(args: CorpusArgs) -> Result<ExitCode> {
    let expected = read_expected(&args.folder)?;
    let mut report = Report { show: args.show, ..Report::default() };
    let mut seen = BTreeSet::new();
    each_tree(&args.folder, |name, blob| {
        let none = Facts::new();
        report.compare(&name, &blob, expected.get(&name).unwrap_or(&none), |_| true);
        seen.insert(name);
        progress(seen.len(), expected.len());
        Ok(())
    })?;
    progress_end();
    for name in expected.keys().filter(|name| !seen.contains(*name)) {
        report.differ(name, "the tree is expected, but not in trees.tar.xz");
    }
    for (own, of) in OWN {
        match expected.get(of) {
            // What is no window may be missing from a tree of ours.
            Some(facts) => {
                let blob = dts::compile(&paths::root().join("dts").join(own))?;
                report.compare(own, &blob, facts, |fact| !fact.starts_with(NO_WINDOW));
            }
            None => report.differ(own, &format!("the corpus has no {of} to hold it against")),
        }
        seen.insert(own.to_owned());
    }
    Ok(report.finish(seen.len()))
}

/// Hands on every tree of the corpus in `folder`, with its name.
pub(crate) fn each_tree(folder: &Path, mut take: impl FnMut(String, Vec<u8>) -> Result<()>) -> Result<()> {
    let trees = folder.join("trees.tar.xz");
    let mut archive = Vec::new();
    let packed = File::open(&trees).with_context(|| format!("cannot open {}", trees.display()))?;
    lzma_rs::xz_decompress(&mut BufReader::new(packed), &mut archive)
        .map_err(|error| anyhow::anyhow!("cannot unpack {}: {error:?}", trees.display()))?;
    let mut found = 0;
    for entry in tar::Archive::new(archive.as_slice()).entries()? {
        let mut entry = entry?;
        let name = entry.path()?.to_string_lossy().trim_start_matches("./").to_owned();
        if name.ends_with(".dtb") {
            let mut blob = Vec::new();
            entry.read_to_end(&mut blob)?;
            take(name, blob)?;
            found += 1;
        }
    }
    if found == 0 {
        bail!("no trees in {}", trees.display());
    }
    Ok(())
}

/// The outcome so far.
#[derive(Default)]
struct Report {
    show: usize,
    differences: usize,
    wrong_trees: BTreeSet<String>,
    facts: usize,
}

impl Report {
    /// Holds the facts that count against those that are expected.
    fn compare(&mut self, name: &str, blob: &[u8], expected: &Facts, counts: impl Fn(&str) -> bool) {
        let found = match facts_of(blob) {
            Ok(found) => found,
            Err(error) => return self.differ(name, &error.to_string()),
        };
        self.facts += found.len();
        for fact in expected.difference(&found).filter(|fact| counts(fact)) {
            self.differ(name, &format!("expected, not found: {fact}"));
        }
        for fact in found.difference(expected).filter(|fact| counts(fact)) {
            self.differ(name, &format!("found, not expected: {fact}"));
        }
    }

    fn differ(&mut self, tree: &str, what: &str) {
        if self.differences < self.show {
            println!("{tree}: {what}");
        }
        self.differences += 1;
        self.wrong_trees.insert(tree.to_owned());
    }

    fn finish(self, trees: usize) -> ExitCode {
        if self.differences > self.show {
            println!("... and {} more differences (--show N lists more)", self.differences - self.show);
        }
        let (wrong, facts) = (self.wrong_trees.len(), self.facts);
        println!(
            "corpus: {} of {trees} trees match ({facts} windows, reasons why not, interrupts, PCI and memory ranges)",
            trees - wrong.min(trees)
        );
        if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// What our crate makes of a blob.
fn facts_of(blob: &[u8]) -> Result<Facts, devicetree::Error> {
    let mut buffer = vec![0; devicetree::buffer_size(blob)?];
    let tree = Tree::parse(blob, &mut buffer)?;
    let mut facts = Facts::new();
    for window in tree.windows() {
        facts.insert(window_fact(
            &tree.path(window.node).to_string(),
            window.index,
            window.name,
            (window.range.base().0, window.range.size()),
            tree.is_available(window.node),
            window.straddles,
        ));
    }
    for entry in tree.reg_entries() {
        if let Place::Skipped(skip) = entry.place {
            let path = tree.path(entry.node).to_string();
            facts.insert(no_window_fact(&path, entry.index, &reason(&tree, skip)));
        }
    }
    for region in tree.memory() {
        let (path, range) = (tree.path(region.node).to_string(), region.range);
        facts.insert(memory_fact("memory", &path, (range.base().0, range.size()), region.available));
    }
    for reserved in tree.reserved() {
        // The memory reservation block is not in the corpus.
        let Some(node) = reserved.node else { continue };
        let (path, range) = (tree.path(node).to_string(), reserved.range);
        facts.insert(memory_fact("reserved", &path, (range.base().0, range.size()), true));
    }
    for entry in tree.interrupts() {
        let path = tree.path(entry.node).to_string();
        facts.insert(match entry.target {
            Ok(found) => {
                let controller = tree.path(found.controller).to_string();
                interrupt_fact(&path, entry.index, entry.name, &controller, found.cells.as_slice())
            }
            Err(problem) => format!("interrupt {path} {}: {}", entry.index, problem.display(&tree)),
        });
    }
    for window in tree.pci_windows() {
        let path = tree.path(window.node).to_string();
        facts.insert(match window.place {
            Ok(range) => pci_fact(
                &path,
                window.index,
                (window.kind.as_str(), window.prefetchable),
                window.bus_address,
                (range.base().0, range.size()),
            ),
            Err(skip) => format!("pci {path} {}: {}", window.index, skip.display(&tree)),
        });
    }
    Ok(facts)
}

fn window_fact(
    path: &str,
    index: u32,
    name: Option<&str>,
    (base, size): (u64, u64),
    available: bool,
    straddles: bool,
) -> String {
    let name = name.unwrap_or("-");
    format!("window {path} {index} {name} {base:#x}+{size:#x} available={available} straddles={straddles}")
}

fn no_window_fact(path: &str, index: u32, reason: &str) -> String {
    format!("{NO_WINDOW} {path} {index} {reason}")
}

/// How a fact about an entry that is no window begins.
const NO_WINDOW: &str = "no window";

/// Why an entry is no window, in the corpus's words.
fn reason(tree: &Tree<'_>, skip: Skip) -> String {
    match skip {
        Skip::NoSizeCells(_) | Skip::NoRanges(_) => UNREACHABLE.to_owned(),
        Skip::OutsideRanges(bus) => format!("range-miss@{}", tree.path(bus)),
        Skip::PciChild(_) => PCI_CHILD.to_owned(),
        Skip::Empty => EMPTY.to_owned(),
        _ => skip.display(tree).to_string(),
    }
}

/// Behind several buses without addresses the corpus names the outermost and we the innermost: that there is one counts.
const UNREACHABLE: &str = "unreachable";
/// The corpus's words for a child of a PCI bus.
const PCI_CHILD: &str = "parent is PCI bus";
/// For an entry of size 0, for which the corpus has a size and no words.
const EMPTY: &str = "size 0";

fn memory_fact(what: &str, path: &str, (base, size): (u64, u64), available: bool) -> String {
    format!("{what} {path} {base:#x}+{size:#x} available={available}")
}

fn interrupt_fact(path: &str, index: u32, name: Option<&str>, controller: &str, cells: &[u32]) -> String {
    format!("interrupt {path} {index} {} -> {controller} {cells:?}", name.unwrap_or("-"))
}

fn pci_fact(
    path: &str,
    index: u32,
    (kind, prefetchable): (&str, bool),
    bus: u64,
    (base, size): (u64, u64),
) -> String {
    format!("pci {path} {index} {kind} prefetchable={prefetchable} bus={bus:#x} {base:#x}+{size:#x}")
}

/// The expected facts of every tree. Trees without any stay out of it.
fn read_expected(folder: &Path) -> Result<BTreeMap<String, Facts>> {
    let mut expected: BTreeMap<String, Facts> = BTreeMap::new();
    for row in rows::<WindowRow>(&folder.join("windows.jsonl.gz"))? {
        let row = row?;
        let facts = expected.entry(row.dtb).or_default();
        let path = row.path.as_str();
        // What the CPU does not reach has a reason; what has no size is no window wherever it is.
        let why = row.reason.as_deref().or((row.size == Some(0)).then_some(EMPTY));
        let is_unreachable = |why: &str| why.starts_with("size-cells=0@") || why.starts_with("no-ranges@");
        let why = why.map(|why| if is_unreachable(why) { UNREACHABLE } else { why });
        if let Some(why) = why.filter(|_| row.base.is_none() || row.size == Some(0)) {
            facts.insert(no_window_fact(path, row.reg_index, why));
        }
        let (Some(base), Some(size)) = (row.base, row.size) else { continue };
        let range = (base, size);
        match row.cls.as_str() {
            "mmio" => {
                let name = row.reg_name.as_deref();
                facts.insert(window_fact(path, row.reg_index, name, range, row.avail, row.straddle));
            }
            "memory" if size != 0 => {
                facts.insert(memory_fact("memory", path, range, row.avail));
            }
            // A reservation that is not okay reserves nothing.
            "reserved-memory" if size != 0 && row.avail => {
                facts.insert(memory_fact("reserved", path, range, true));
            }
            _ => {}
        }
    }
    for row in rows::<InterruptRow>(&folder.join("interrupts.jsonl.gz"))? {
        let row = row?;
        let name = row.name.as_deref();
        let fact = interrupt_fact(&row.path, row.index, name, &row.r#final, &row.final_spec);
        expected.entry(row.dtb).or_default().insert(fact);
    }
    for row in rows::<PciRow>(&folder.join("pci.jsonl.gz"))? {
        let row = row?;
        if let Some(base) = row.base {
            let kind = (row.r#type.as_str(), row.prefetch);
            let fact = pci_fact(&row.path, row.index, kind, row.pci_addr, (base, row.size));
            expected.entry(row.dtb).or_default().insert(fact);
        }
    }
    Ok(expected)
}

/// The objects of a gzipped file, one a line.
fn rows<T: DeserializeOwned>(path: &Path) -> Result<impl Iterator<Item = Result<T>>> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let path = path.to_owned();
    let lines = BufReader::new(flate2::read::MultiGzDecoder::new(file)).lines();
    Ok(lines.enumerate().map(move |(number, line)| {
        let context = || format!("{}, line {}", path.display(), number + 1);
        serde_json::from_str(&line.with_context(context)?).with_context(context)
    }))
}

fn progress(done: usize, all: usize) {
    let mut out = std::io::stderr();
    if out.is_terminal() {
        // Progress that cannot be shown is no failure.
        let _ = write!(out, "\rcorpus: {done} of {all} trees");
        let _ = out.flush();
    }
}

fn progress_end() {
    if std::io::stderr().is_terminal() {
        eprintln!();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names the tree that a panic was about.
    struct Named(String);

    impl Drop for Named {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("{}: the two readers disagree", self.0);
            }
        }
    }

    #[test]
    fn real_trees_are_read_alike_by_two_readers() {
        let folder = paths::root().join("../shared/corpus");
        if !folder.is_dir() {
            eprintln!("SKIPPED: there is no folder {}", folder.display());
            return;
        }
        each_tree(&folder, |name, blob| {
            let named = Named(name);
            assert!(treecheck::judge::judge(&blob), "{}", named.0);
            Ok(())
        })
        .expect("a corpus");
    }
}
