//! One small tree for each rule, `dts/bad/<rule>.dts`. Its first line says the whole diagnostic.
//!
//! What `dtc` cannot write (broken headers and tokens) is in the structure tests of `kernel/devicetree`.

use devicetree::{Place, Tree};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles with every check off (`-f`: `dtc` would refuse some of these rightly). `None` without `dtc`.
fn compile(source: &Path) -> Option<Vec<u8>> {
    let output =
        Command::new("dtc").args(["-q", "-f", "-I", "dts", "-O", "dtb"]).arg(source).output().ok()?;
    assert!(!output.stdout.is_empty(), "dtc: {}", String::from_utf8_lossy(&output.stderr));
    Some(output.stdout)
}

/// All that is wrong with a blob, a line each.
fn diagnose(blob: &[u8]) -> Vec<String> {
    let size = match devicetree::buffer_size(blob) {
        Ok(size) => size,
        Err(error) => return vec![error.to_string()],
    };
    let mut buffer = vec![0; size];
    let tree = match Tree::parse(blob, &mut buffer) {
        Ok(tree) => tree,
        Err(error) => return vec![error.to_string()],
    };
    if let Err(error) = ledger::Builder::new(&tree).freeze() {
        return vec![error.to_string()];
    }
    let windows = tree.reg_entries().filter_map(|entry| {
        let path = tree.path(entry.node);
        match entry.place {
            Place::Skipped(skip) => Some(format!("{path} [{}] {}", entry.index, skip.display(&tree))),
            Place::Window { straddles: true, .. } => Some(format!(
                "{path} [{}] straddles the end of a bus range: listed, never granted",
                entry.index
            )),
            _ => None,
        }
    });
    let interrupts = tree.interrupts().filter_map(|entry| {
        let problem = entry.target.err()?;
        Some(format!("{} interrupt [{}] {}", tree.path(entry.node), entry.index, problem.display(&tree)))
    });
    windows.chain(interrupts).collect()
}

#[test]
fn every_bad_tree_gets_its_whole_diagnostic() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dts/bad");
    let mut sources: Vec<PathBuf> =
        std::fs::read_dir(&folder).expect("dts/bad").map(|entry| entry.expect("an entry").path()).collect();
    sources.sort();
    assert!(sources.len() >= 27, "{} trees", sources.len());
    for source in sources {
        let text = std::fs::read_to_string(&source).expect("a readable tree");
        let expected = text.lines().next().and_then(|line| line.strip_prefix("// expect: "));
        let expected = expected.unwrap_or_else(|| panic!("{}: no `// expect:` line", source.display()));
        let Some(blob) = compile(&source) else {
            eprintln!("dtc is not installed: skipped");
            return;
        };
        assert_eq!(diagnose(&blob), [expected], "{}", source.display());
    }
}
