//! What device trees cost the kernel, in instructions of the target.
//!
//! The program `trees` reads blobs with the crates that the kernel links, under `-icount`. The largest trees must be
//! validated and indexed in a stated number of instructions; trees that are made to be slow must take no more than
//! their size explains, which is seen by making them twice as large.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use treecheck::families::FAMILIES;

use crate::boot::Prepared;
use crate::bootfs::File;
use crate::build::{self, Artifacts, Program, TREES};
use crate::corpus;
use crate::paths;
use crate::qemu::MachineArgs;
use crate::report;
use crate::say::{say, tell};
use crate::scratch::Scratch;
use crate::session::{Ended, Session, Verdict};
use crate::setup::Toolchain;
use crate::stop::Stop;
use crate::summary::Tally;
use crate::test::matrix;
use crate::test::watch::{Watch, Watcher};

/// Instructions to validate and index the largest real tree.
const LARGEST: u64 = 3_000_000;
/// Parts of a family's smaller tree; the other has twice as many.
const PARTS: u32 = 2000;
/// Twice the size may cost so many hundredths: twice the work, and what a logarithm and a cache add.
const GROWTH: u64 = 250;
/// Growth is judged beyond so many instructions: below it what every tree costs is in the way.
const SETUP: u64 = 50_000;

/// How many of everything the smaller of the hostile boards has. The boot heap has room for a tree of some 200 KB.
const HOSTILE: u32 = 450;
/// The test's name.
const HOSTILE_TEST: &str = "trees-boot-hostile";
const HOSTILE_ARGUMENTS: &str = "program=rtc grant=rtc:/pl031@9010000 semihosting";

const ARGUMENTS: &str = "program=trees grant=trees:roots semihosting";

/// A tree, and what is asked of it.
struct Case {
    /// The name of the test.
    test: String,
    /// Trees whose instructions are compared: one to stay below [`LARGEST`], two to grow no more than [`GROWTH`].
    files: Vec<File>,
}

/// What a tree cost.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    bytes: u64,
    nodes: u64,
    /// To validate and index; the ledger and the device table; what else boot asks.
    instructions: [u64; 3],
}

const STAGES: [&str; 3] = ["parse", "ledger", "questions"];

/// Boots once and judges every tree.
pub(super) fn run(
    toolchain: Toolchain,
    filter: Option<&str>,
    folder: Option<&Path>,
    limit: Duration,
    watcher: &Watcher,
    tally: &mut Tally,
) -> Result<()> {
    let mut cases = families();
    match own()? {
        Some(case) => cases.push(case),
        None => tally.skip("trees-own", "dtc is not installed"),
    }
    match folder {
        Some(folder) => cases.extend(largest(folder)?),
        None => {
            tally.skip("trees-largest", "there is no folder ../shared/corpus; --corpus FOLDER names another")
        }
    }
    cases.retain(|case| filter.is_none_or(|text| case.test.contains(text)));
    let boots_hostile = filter.is_none_or(|text| HOSTILE_TEST.contains(text));
    if cases.is_empty() && !boots_hostile {
        return Ok(());
    }
    let Some(artifacts) = matrix::built(toolchain, "trees build", tally) else { return Ok(()) };
    let watch = watcher.watch(tally)?;
    if boots_hostile {
        let started = Instant::now();
        finish(HOSTILE_TEST, &hostile(&artifacts, limit, &watch), started, tally);
    }
    let started = Instant::now();
    let costs = match measure(&artifacts, &cases, limit, &watch) {
        Ok(costs) => costs,
        Err(error) => {
            tell(format_args!("error: {error:#}"));
            tally.fail("trees", started.elapsed());
            return Ok(());
        }
    };
    for case in &cases {
        let found: Option<Vec<Cost>> = case.files.iter().map(|file| costs(&file.name)).collect();
        let judged = found.context("the program did not measure it").and_then(|found| judge(&found));
        finish(&case.test, &judged, started, tally);
    }
    Ok(())
}

fn finish(test: &str, judged: &Result<String>, started: Instant, tally: &mut Tally) {
    match judged {
        Ok(words) => say("Counted", format!("{test}: {words}")),
        Err(error) => tell(format_args!("error: {test}: {error:#}")),
    }
    tally.record(test, judged.is_ok(), started.elapsed());
}

/// Boots a machine whose tree has very many of everything, and one with twice as many: what the second takes on its way
/// to EL0 must be explained by its size.
fn hostile(artifacts: &Artifacts, limit: Duration, watch: &Watch) -> Result<String> {
    let [none, once, twice] = [0, HOSTILE, 2 * HOSTILE].map(|count| {
        let ticks = to_user(artifacts, count, limit, watch);
        ticks.with_context(|| format!("a tree with {count} of everything"))
    });
    let (none, once, twice) = (none?, once?, twice?);
    let (one, two) = (once.saturating_sub(none), twice.saturating_sub(none));
    ensure!(
        two <= one * GROWTH / 100,
        "{one} instructions of boot are the tree's, and {two} for twice the tree"
    );
    Ok(format!("{HOSTILE} to {} of everything: {one} to {two} instructions of boot", 2 * HOSTILE))
}

/// Instructions from reset to EL0, with so many hostile nodes of each kind.
fn to_user(artifacts: &Artifacts, count: u32, limit: Duration, watch: &Watch) -> Result<u64> {
    let scratch = Scratch::new()?;
    let tree = scratch.path().join("tree.dtb");
    let mut machine = counting(watch);
    machine.dump_tree(&tree)?;
    let grown = treecheck::families::hostile_board(&std::fs::read(&tree)?, count);
    std::fs::write(&tree, grown.context("QEMU's tree cannot be extended")?)?;
    machine.dtb = Some(tree);
    let prepared = Prepared::with(artifacts.clone(), &[], HOSTILE_ARGUMENTS.to_owned(), true)?;
    let ended = boot(&prepared, &machine, limit)?;
    let line = ended.transcript.iter().find_map(|line| said(line, "EL0 was entered at tick "));
    let ticks = line.and_then(|line| line.split(':').next()?.parse().ok());
    ticks.context("the kernel did not report when it entered EL0")
}

fn families() -> Vec<Case> {
    let file = |name: &str, size: &str, bytes| File { name: format!("{name}-{size}.dtb"), bytes };
    let case = |(name, tree): (&str, fn(u32) -> Vec<u8>)| Case {
        test: format!("trees-grow-{name}"),
        files: vec![file(name, "1", tree(PARTS)), file(name, "2", tree(2 * PARTS))],
    };
    FAMILIES.into_iter().map(case).collect()
}

/// The largest tree that we own.
fn own() -> Result<Option<Case>> {
    let mut largest: Option<Vec<u8>> = None;
    for entry in std::fs::read_dir(paths::root().join("dts")).context("cannot read dts")? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "dts") {
            continue;
        }
        let Some(source) = treecheck::source::read(&path).map_err(anyhow::Error::msg)? else {
            return Ok(None);
        };
        if largest.as_ref().is_none_or(|largest| largest.len() < source.blob.len()) {
            largest = Some(source.blob);
        }
    }
    let bytes = largest.context("there is no tree in dts")?;
    Ok(Some(Case { test: "trees-own".into(), files: vec![File { name: "own.dtb".into(), bytes }] }))
}

/// The corpus's largest trees, in bytes and in nodes.
fn largest(folder: &Path) -> Result<Vec<Case>> {
    let (mut bytes, mut nodes): (Largest, Largest) = (None, None);
    corpus::each_tree(folder, |_, blob| {
        // Some are padded: what counts is what the blocks hold.
        larger(&mut bytes, devicetree::buffer_size(&blob)?, &blob);
        larger(&mut nodes, treecheck::walker::read(&blob).map_or(0, |tree| tree.nodes.len()), &blob);
        Ok(())
    })?;
    let case = |test: &str, bytes| Case {
        test: test.to_owned(),
        files: vec![File { name: format!("{test}.dtb"), bytes }],
    };
    let named = [("trees-largest-bytes", bytes), ("trees-largest-nodes", nodes)];
    Ok(named.into_iter().filter_map(|(test, largest)| Some(case(test, largest?.1))).collect())
}

/// A measure, and the tree that has most of it.
type Largest = Option<(usize, Vec<u8>)>;

fn larger(largest: &mut Largest, size: usize, blob: &[u8]) {
    if largest.as_ref().is_none_or(|(most, _)| *most < size) {
        *largest = Some((size, blob.to_vec()));
    }
}

/// Runs the program over every tree.
fn measure(
    artifacts: &Artifacts,
    cases: &[Case],
    limit: Duration,
    watch: &Watch,
) -> Result<impl Fn(&str) -> Option<Cost> + use<>> {
    let scratch = Scratch::new()?;
    let bootfs = scratch.path().join("bootfs.img");
    let program = Program { name: TREES.to_owned(), path: artifacts.program(TREES) };
    let files: Vec<File> = cases.iter().flat_map(|case| case.files.clone()).collect();
    build::write_bootfs_with(artifacts, &bootfs, std::slice::from_ref(&program), files)?;
    let mut prepared = Prepared::with(artifacts.clone(), &[program], ARGUMENTS.to_owned(), true)?;
    prepared.boot.bootfs = bootfs;
    let ended = boot(&prepared, &counting(watch), limit)?;
    if let Some(fault) = watch.fault(ended.status.is_none()) {
        bail!("{fault}");
    }
    let transcript = ended.transcript;
    let frequency = transcript.iter().find_map(|line| said(line, "frequency ")?.parse().ok());
    ensure!(frequency == Some(1_000_000_000u64), "a tick is no instruction: {frequency:?} ticks a second");
    Ok(move |name: &str| transcript.iter().find_map(|line| cost(line, name)))
}

/// A machine whose ticks are instructions: this model's counter runs at 1 GHz.
fn counting(watch: &Watch) -> MachineArgs {
    MachineArgs {
        cpu: Some("max".to_owned()),
        icount: true,
        qemu_arg: [&["-seed".to_owned(), "1".to_owned()], watch.words()].concat(),
        ..MachineArgs::default()
    }
}

/// Runs to the end, which must be a good one.
fn boot(prepared: &Prepared, machine: &MachineArgs, limit: Duration) -> Result<Ended> {
    let stop = Stop::on_any_signal()?;
    let session = Session { limit: Some(limit), ..prepared.session(machine, &stop) };
    let ended = session.run(Box::new(std::io::sink()), Box::new(|_| ()))?;
    let verdict = ended.verdict();
    if verdict != Verdict::Init(0) {
        report::show("trees", &ended);
    }
    ensure!(verdict == Verdict::Init(0), "the machine did not finish: {}", report::reason(verdict));
    Ok(ended)
}

/// What stands behind a word that the program said.
fn said<'l>(line: &'l str, word: &str) -> Option<&'l str> {
    line.find(word).and_then(|at| line.get(at + word.len()..))
}

/// A line about a tree: `tree NAME BYTES NODES PARSE LEDGER QUESTIONS`.
fn cost(line: &str, name: &str) -> Option<Cost> {
    let mut words = said(line, "tree ")?.split_whitespace();
    words.next().filter(|word| *word == name)?;
    let mut number = || words.next()?.parse::<u64>().ok();
    Some(Cost { bytes: number()?, nodes: number()?, instructions: [number()?, number()?, number()?] })
}

/// Whether one tree is quick enough, or the second of two is no more than twice the work of the first.
fn judge(costs: &[Cost]) -> Result<String> {
    let [first, rest @ ..] = costs else { return Ok(String::new()) };
    let [parse, ledger, questions] = first.instructions;
    let Some(second) = rest.first() else {
        ensure!(parse < LARGEST, "{parse} instructions to validate and index; the limit is {LARGEST}");
        return Ok(format!(
            "{} bytes, {} nodes: {parse} instructions to validate and index, {ledger} for the ledger and its table, \
             {questions} for what else boot asks",
            first.bytes, first.nodes
        ));
    };
    let mut words = Vec::new();
    for ((stage, one), two) in STAGES.iter().zip(first.instructions).zip(second.instructions) {
        words.push(format!("{stage} {one} to {two}"));
        let allowed = one.max(SETUP) * GROWTH / 100;
        ensure!(two <= allowed, "{stage} takes {one} instructions, and {two} for twice the tree");
    }
    Ok(format!("{} to {} bytes: {}", first.bytes, second.bytes, words.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_judged() {
        let line = "[   0.123] trees: tree own.dtb 100 3 400 50 6";
        let found = cost(line, "own.dtb").unwrap();
        assert_eq!((found.bytes, found.nodes, found.instructions), (100, 3, [400, 50, 6]));
        assert!(cost(line, "other.dtb").is_none());
        let costing = |parse| Cost { instructions: [parse, 0, 0], ..found };
        assert!(judge(&[costing(LARGEST - 1)]).is_ok());
        assert!(judge(&[costing(LARGEST)]).is_err());
        assert!(judge(&[costing(100_000), costing(250_000)]).is_ok());
        assert!(judge(&[costing(100_000), costing(400_000)]).is_err());
    }
}
