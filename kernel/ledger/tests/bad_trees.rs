//! One small tree for each rule, `dts/bad/<rule>.dts` or `.fdt`. Its first lines say the whole diagnostic.
//!
//! A rule with several sides has several files, `<rule>-<side>`. `JACINTH_BLESS=1` writes the diagnostics into the
//! files, for somebody to read.

use devicetree::{Flaw, Problem, Tree};
use ledger::{Against, Ledger};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use treecheck::source::{self, Source};

#[global_allocator]
static HEAP: hosted::heap::Failing = hosted::heap::Failing;

/// A rule and the line about it.
type Said = (&'static str, String);

type Judged<'a> = (Tree<'a>, Result<Ledger, ledger::Error>);

fn judge<'a>(blob: &[u8], buffer: &'a mut [u8]) -> Result<Judged<'a>, devicetree::Error> {
    let tree = Tree::parse(blob, buffer)?;
    let ledger = ledger::Builder::new(&tree).freeze();
    Ok((tree, ledger))
}

/// All that is wrong with a tree.
fn diagnose(source: &Source) -> Vec<Said> {
    let refused = |error: devicetree::Error| vec![(error.problem().rule(), error.to_string())];
    let size = match devicetree::buffer_size(&source.blob) {
        Ok(size) => size,
        Err(error) => return refused(error),
    };
    let mut buffer = vec![0; source.buffer.unwrap_or(size)];
    let judged = match source.heap {
        Some(nth) => hosted::heap::failing(nth, || judge(&source.blob, &mut buffer)),
        None => judge(&source.blob, &mut buffer),
    };
    let (tree, ledger) = match judged {
        Ok(judged) => judged,
        Err(error) => return refused(error),
    };
    let mut said: Vec<Said> =
        tree.findings().map(|finding| (finding.flaw.rule(), finding.display(&tree).to_string())).collect();
    match &ledger {
        Err(error) => said.push((error.rule(), error.to_string())),
        Ok(ledger) => said.extend(
            ledger
                .findings(&tree)
                .map(|finding| (finding.against.rule(), finding.display(&tree).to_string())),
        ),
    }
    said
}

/// Every rule of both crates.
fn rules() -> BTreeSet<&'static str> {
    let all = [Problem::RULES, Flaw::RULES, Against::RULES, ledger::Error::RULES];
    let rules: BTreeSet<_> = all.iter().copied().flatten().copied().collect();
    assert_eq!(rules.len(), all.iter().map(|rules| rules.len()).sum::<usize>(), "two rules have one name");
    rules
}

/// The rule that a file is named after: the longest that its name starts with.
fn rule_of(stem: &str) -> Option<&'static str> {
    let named =
        |rule: &&str| stem.strip_prefix(rule).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
    rules().into_iter().filter(named).max_by_key(|rule| rule.len())
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dts/bad");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&folder).expect("dts/bad").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

fn stem(file: &Path) -> &str {
    file.file_stem().and_then(|stem| stem.to_str()).expect("a plain name")
}

#[test]
fn every_rule_has_a_tree_and_every_tree_a_rule() {
    let mut named = BTreeSet::new();
    for file in files() {
        let rule = rule_of(stem(&file));
        named.insert(rule.unwrap_or_else(|| panic!("{}: named after no rule", file.display())));
    }
    let missing: Vec<_> = rules().into_iter().filter(|rule| !named.contains(rule)).collect();
    assert!(missing.is_empty(), "no tree in dts/bad breaks {missing:?}");
}

#[test]
fn every_bad_tree_gets_its_whole_diagnostic() {
    let bless = std::env::var_os("JACINTH_BLESS").is_some();
    let (mut skipped, mut wrong) = (0, Vec::new());
    for file in files() {
        let Some(tree) = source::read(&file).unwrap_or_else(|error| panic!("{error}")) else {
            skipped += 1;
            continue;
        };
        let said = diagnose(&tree);
        let lines: Vec<&str> = said.iter().map(|(_, line)| line.as_str()).collect();
        let text = std::fs::read_to_string(&file).expect("a readable tree");
        let expected = source::expectations(&text);
        if bless {
            let rest = text.lines().skip(expected.len());
            let blessed = lines.iter().map(|line| format!("// expect: {line}"));
            let text: Vec<String> = blessed.chain(rest.map(str::to_owned)).collect();
            std::fs::write(&file, text.join("\n") + "\n").expect("a writable tree");
        } else if lines != expected {
            wrong.push(format!("{}:\n  says    {lines:#?}\n  expects {expected:#?}", file.display()));
        }
        let rule = rule_of(stem(&file));
        if !said.iter().any(|(broken, _)| Some(*broken) == rule) {
            wrong.push(format!("{}: its rule is not among what is broken: {said:?}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(skipped == 0 || !is_needed(), "SKIPPED {skipped} trees of dts/bad: dtc is not installed");
    if skipped > 0 {
        eprintln!("SKIPPED {skipped} trees of dts/bad: dtc is not installed (cargo xtask test installs it)");
    }
}

#[test]
fn every_allocation_that_fails_is_said() {
    let blob = treecheck::writer::board().finish();
    let attempt = |nth: u64| {
        let mut buffer = vec![0; devicetree::buffer_size(&blob).unwrap()];
        hosted::heap::failing(nth, || {
            let tree = Tree::parse(&blob, &mut buffer).map_err(|error| error.problem().rule())?;
            let ledger = ledger::Builder::new(&tree).freeze().map_err(|error| error.rule())?;
            ledger.device_table(&tree).map_err(|error| error.rule()).map(|table| table.len())
        })
    };
    let mut refused = BTreeSet::new();
    let whole = (1..).find_map(|nth| match attempt(nth) {
        Ok(size) => Some((nth, size)),
        Err(rule) => {
            refused.insert(rule);
            None
        }
    });
    let (allocations, size) = whole.expect("an end");
    assert!(allocations > 20 && size > 1000, "{allocations} allocations, {size} bytes");
    assert_eq!(refused, BTreeSet::from(["ledger-out-of-memory", "out-of-memory"]));
}

/// `cargo xtask test` installs `dtc`, and says so: then a tree that is skipped is a failure.
fn is_needed() -> bool {
    std::env::var_os("JACINTH_DTC").is_some()
}
