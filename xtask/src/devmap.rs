//! `cargo xtask devmap`: what the kernel would make of a device tree.
//!
//! It links the crates that the kernel links, so a bad tree is found at the desk. For people it prints a
//! table; with `--json` one line for each tree.

use anyhow::{Context, Result, bail};
use devicetree::{MEMORY_LIKE, Place, Tree};
use ledger::{Builder, Ledger, Window, WindowKind};
use serde::Serialize;
use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Arguments of `cargo xtask devmap`.
#[derive(clap::Args, Debug)]
pub(crate) struct DevmapArgs {
    /// Device tree blobs, or folders that are searched for *.dtb
    #[arg(required = true)]
    pub(crate) trees: Vec<PathBuf>,
    /// One line of JSON for each tree
    #[arg(long)]
    pub(crate) json: bool,
    /// List interrupts, kept ranges, all that leads nowhere, and what counts as memory-like
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

/// Runs the verb: 0 if every tree was good, 1 if one was not. The others are shown all the same.
pub(crate) fn devmap(args: DevmapArgs) -> Result<ExitCode> {
    let files = find_trees(&args.trees)?;
    let mut out = io::stdout().lock();
    let mut bad = 0;
    for (name, file) in &files {
        match map_one(name, file, &args) {
            Ok(text) => match out.write_all(text.as_bytes()) {
                // The reader has seen enough (`devmap ... | head`).
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
                written => written?,
            },
            Err(error) => {
                bad += 1;
                eprintln!("{name}: {error:#}");
            }
        }
    }
    if bad > 0 && files.len() > 1 {
        eprintln!("devmap: {bad} of {} trees are bad", files.len());
    }
    Ok(if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The files to read, each with the name to show: as given, or relative to the folder given.
fn find_trees(arguments: &[PathBuf]) -> Result<Vec<(String, PathBuf)>> {
    let mut files = Vec::new();
    for argument in arguments {
        if argument.is_dir() {
            let before = files.len();
            search(argument, argument, &mut files)?;
            if files.len() == before {
                bail!("no *.dtb in {}", argument.display());
            }
        } else {
            files.push((argument.display().to_string(), argument.clone()));
        }
    }
    Ok(files)
}

fn search(top: &Path, folder: &Path, files: &mut Vec<(String, PathBuf)>) -> Result<()> {
    let context = || format!("cannot read {}", folder.display());
    let mut entries: Vec<_> = fs::read_dir(folder).with_context(context)?.collect::<io::Result<_>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if path.is_dir() {
            search(top, &path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "dtb") {
            let name = path.strip_prefix(top).unwrap_or(&path).display().to_string();
            files.push((name, path));
        }
    }
    Ok(())
}

fn map_one(name: &str, file: &Path, args: &DevmapArgs) -> Result<String> {
    let blob = fs::read(file).context("cannot read")?;
    let mut buffer = vec![0; devicetree::buffer_size(&blob)?];
    let tree = Tree::parse(&blob, &mut buffer)?;
    let ledger = Builder::new(&tree).freeze()?;
    let board = Board { tree: &tree, ledger: &ledger };
    if args.json {
        Ok(serde_json::to_string(&board.json(name))? + "\n")
    } else {
        Ok(Table { name, board: &board, verbose: args.verbose }.to_string())
    }
}

/// A tree and its ledger.
struct Board<'t, 'a> {
    tree: &'t Tree<'a>,
    ledger: &'t Ledger,
}

/// The line of `--json`; keys in this order.
#[derive(Serialize)]
struct JsonTree<'n> {
    tree: &'n str,
    windows: Vec<JsonWindow>,
    pci: Vec<JsonPci>,
    skipped: Vec<JsonSkipped>,
    interrupts: Vec<JsonInterrupt>,
    memory: Vec<JsonRange>,
    reserved: Vec<JsonReserved>,
}

#[derive(Serialize)]
struct JsonWindow {
    path: String,
    compatible: Vec<String>,
    index: u32,
    name: Option<String>,
    base: String,
    size: String,
    status: String,
    available: bool,
    fate: &'static str,
    class: &'static str,
    group: Option<u32>,
}

#[derive(Serialize)]
struct JsonPci {
    path: String,
    index: u32,
    r#type: &'static str,
    base: String,
    size: String,
}

#[derive(Serialize)]
struct JsonSkipped {
    path: String,
    index: u32,
    reason: String,
}

#[derive(Serialize)]
struct JsonInterrupt {
    path: String,
    index: u32,
    controller: String,
    cells: Vec<u32>,
    /// The last three are null where the controller is no GIC.
    kind: Option<&'static str>,
    intid: Option<u32>,
    trigger: Option<&'static str>,
}

#[derive(Serialize)]
struct JsonRange {
    base: String,
    size: String,
}

#[derive(Serialize)]
struct JsonReserved {
    base: String,
    size: String,
    path: Option<String>,
}

impl Board<'_, '_> {
    fn path(&self, node: devicetree::NodeId) -> String {
        self.tree.path(node).to_string()
    }

    fn name(&self, window: &Window) -> Option<String> {
        self.tree.reg_names(window.node).nth(window.index as usize).map(str::to_owned)
    }

    fn json<'n>(&self, name: &'n str) -> JsonTree<'n> {
        let tree = self.tree;
        let from_reg = |window: &&Window| window.kind == WindowKind::Registers;
        JsonTree {
            tree: name,
            windows: self
                .ledger
                .windows()
                .iter()
                .filter(from_reg)
                .map(|window| self.json_window(window))
                .collect(),
            pci: self
                .ledger
                .windows()
                .iter()
                .filter(|window| !from_reg(window))
                .map(|window| JsonPci {
                    path: self.path(window.node),
                    index: window.index,
                    r#type: window.kind.as_str(),
                    base: hex(window.range.base().0),
                    size: hex(window.range.size()),
                })
                .collect(),
            skipped: self.skipped(),
            interrupts: self.json_interrupts(),
            memory: tree
                .memory()
                .filter(|region| region.available)
                .map(|region| JsonRange { base: hex(region.range.base().0), size: hex(region.range.size()) })
                .collect(),
            reserved: tree
                .reserved()
                .map(|reserved| JsonReserved {
                    base: hex(reserved.range.base().0),
                    size: hex(reserved.range.size()),
                    path: reserved.node.map(|node| self.path(node)),
                })
                .collect(),
        }
    }

    fn json_window(&self, window: &Window) -> JsonWindow {
        let tree = self.tree;
        JsonWindow {
            path: self.path(window.node),
            compatible: tree.compatible(window.node).map(str::to_owned).collect(),
            index: window.index,
            name: self.name(window),
            base: hex(window.range.base().0),
            size: hex(window.range.size()),
            status: tree.status_text(window.node).to_owned(),
            available: tree.is_available(window.node),
            fate: window.fate.as_str(),
            class: window.class.as_str(),
            group: window.group,
        }
    }

    /// The `reg` entries and PCI ranges that lead nowhere.
    fn skipped(&self) -> Vec<JsonSkipped> {
        let entries = self.tree.reg_entries().filter_map(|entry| match entry.place {
            Place::Skipped(skip) => Some((entry.node, entry.index, skip)),
            _ => None,
        });
        let pci = self.tree.pci_windows().filter_map(|window| match window.place {
            Ok(_) => None,
            Err(skip) => Some((window.node, window.index, skip)),
        });
        let line = |(node, index, skip): (_, _, devicetree::Skip)| JsonSkipped {
            path: self.path(node),
            index,
            reason: skip.display(self.tree).to_string(),
        };
        entries.chain(pci).map(line).collect()
    }

    fn json_interrupts(&self) -> Vec<JsonInterrupt> {
        let resolved = self.tree.interrupts().filter_map(|entry| {
            let target = entry.target.ok()?;
            Some(JsonInterrupt {
                path: self.path(entry.node),
                index: entry.index,
                controller: self.path(target.controller),
                cells: target.cells.as_slice().to_vec(),
                kind: target.gic.map(|gic| gic.kind.as_str()),
                intid: target.gic.map(|gic| gic.intid),
                trigger: target.gic.map(|gic| gic.trigger.as_str()),
            })
        });
        resolved.collect()
    }
}

fn hex(value: u64) -> String {
    format!("{value:#x}")
}

/// The table for people.
struct Table<'b, 't, 'a> {
    name: &'b str,
    board: &'b Board<'t, 'a>,
    verbose: bool,
}

impl fmt::Display for Table<'_, '_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ledger = self.board.ledger;
        let granted = ledger.grantable().count();
        writeln!(
            f,
            "{}: {} windows, {granted} of them grantable; {} page groups; {} shared interrupts",
            self.name,
            ledger.windows().len(),
            ledger.groups().len(),
            ledger.interrupts().len()
        )?;
        self.windows(f)?;
        self.groups(f)?;
        self.memory(f)?;
        self.findings(f)?;
        if self.verbose {
            self.interrupts(f)?;
            self.kept(f)?;
            writeln!(f, "\nmemory-like (any cache policy) are windows of: {}", MEMORY_LIKE.join(", "))?;
        }
        writeln!(f)
    }
}

impl Table<'_, '_, '_> {
    fn windows(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut windows: Vec<_> = self.board.ledger.windows().iter().collect();
        windows.sort_by_key(|window| (window.range, window.node));
        writeln!(
            f,
            "\n{:>14} {:>12} {:<11} {:<9} {:>5}  path, compatible",
            "base", "size", "class", "fate", "group"
        )?;
        for window in windows {
            let group = window.group.map_or_else(String::new, |group| group.to_string());
            let tree = self.board.tree;
            let compatible: Vec<_> = tree.compatible(window.node).collect();
            writeln!(
                f,
                "{:>#14x} {:>#12x} {:<11} {:<9} {group:>5}  {}{}  {}",
                window.range.base().0,
                window.range.size(),
                window.class.as_str(),
                window.fate.as_str(),
                tree.path(window.node),
                self.suffix(window),
                compatible.join(" "),
            )?;
        }
        Ok(())
    }

    /// Which of a node's windows it is, where that is not plain.
    fn suffix(&self, window: &Window) -> String {
        let mut text = String::new();
        if window.kind != WindowKind::Registers {
            text += &format!(" pci {}", window.kind);
            if window.prefetchable {
                text += " prefetchable";
            }
        } else if let Some(name) = self.board.name(window) {
            text += &format!(" \"{name}\"");
        } else if window.index > 0 {
            text += &format!(" [{}]", window.index);
        }
        if window.console {
            text += " (console)";
        }
        text
    }

    fn groups(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ledger = self.board.ledger;
        if !ledger.groups().is_empty() {
            writeln!(f, "\npage groups: who maps one of these windows sees all of its group")?;
        }
        for (number, group) in (0..).zip(ledger.groups()) {
            writeln!(f, "{number:>4}  {}", group.pages)?;
            for window in ledger.group_members(number) {
                let path = self.board.tree.path(window.node);
                writeln!(f, "      {} {path}{} {}", window.range, self.suffix(window), window.fate)?;
            }
        }
        Ok(())
    }

    fn memory(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tree = self.board.tree;
        writeln!(f, "\nmemory")?;
        for region in tree.memory() {
            let note = if region.available { "" } else { "  not available" };
            writeln!(f, "      {} {}{note}", region.range, tree.path(region.node))?;
        }
        for reserved in tree.reserved() {
            write!(f, "      {} reserved", reserved.range)?;
            match reserved.node {
                Some(node) => write!(f, " {}", tree.path(node))?,
                None => write!(f, " /memreserve/")?,
            }
            writeln!(f, "{}", if reserved.no_map { "  no-map" } else { "" })?;
        }
        for dynamic in tree.dynamic_reservations() {
            writeln!(f, "      {:#x} bytes anywhere: {}", dynamic.size, tree.path(dynamic.node))?;
        }
        Ok(())
    }

    fn interrupts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tree = self.board.tree;
        writeln!(f, "\ninterrupts")?;
        for entry in tree.interrupts() {
            let path = tree.path(entry.node);
            write!(f, "      {path} [{}] ", entry.index)?;
            match entry.target {
                Err(problem) => writeln!(f, "leads nowhere: {}", problem.display(tree))?,
                Ok(target) => {
                    write!(f, "{} {:?}", tree.path(target.controller), target.cells)?;
                    match target.gic {
                        None => writeln!(f)?,
                        Some(gic) => writeln!(f, " {} INTID {} {}", gic.kind, gic.intid, gic.trigger)?,
                    }
                }
            }
        }
        Ok(())
    }

    fn kept(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nkept by the kernel")?;
        for (range, name) in self.board.ledger.kept() {
            writeln!(f, "      {range} {name}")?;
        }
        Ok(())
    }

    /// What leads nowhere; without `--verbose` only what sound trees are not full of.
    fn findings(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tree = self.board.tree;
        let shown = tree.findings().filter(|finding| self.verbose || !finding.is_common());
        for (number, finding) in shown.enumerate() {
            if number == 0 {
                writeln!(f, "\nwhat leads nowhere")?;
            }
            writeln!(f, "      {}", finding.display(tree))?;
        }
        if self.verbose {
            writeln!(f, "\nwindows that are in each other's way")?;
            for finding in self.board.ledger.findings(tree) {
                writeln!(f, "      {}", finding.display(tree))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// Compiles a tree; `None` without `dtc`.
    fn compile(name: &str, source: &str) -> Option<PathBuf> {
        let folder = std::env::temp_dir().join(format!("devmap-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for the test");
        let (from, to) = (folder.join("tree.dts"), folder.join("tree.dtb"));
        fs::write(&from, source).expect("a source file");
        let done = Command::new("dtc").args(["-q", "-O", "dtb", "-o"]).arg(&to).arg(&from).status();
        match done {
            Ok(status) if status.success() => Some(to),
            Ok(status) => panic!("dtc: {status}"),
            Err(_) => {
                eprintln!("dtc is not installed: skipped");
                None
            }
        }
    }

    const BOARD: &str = r#"/dts-v1/;
/memreserve/ 0x48000000 0x100000;
/ {
    #address-cells = <2>;
    #size-cells = <2>;
    interrupt-parent = <1>;
    memory@40000000 { device_type = "memory"; reg = <0 0x40000000 0 0x20000000>; };
    cpus { #address-cells = <1>; #size-cells = <0>; cpu@0 { reg = <0>; }; };
    intc@8000000 {
        compatible = "arm,cortex-a15-gic"; reg = <0 0x8000000 0 0x10000>;
        #interrupt-cells = <3>; interrupt-controller; phandle = <1>;
    };
    pl031@9010000 {
        compatible = "arm,pl031", "arm,primecell"; reg = <0 0x9010000 0 0x1000>; interrupts = <0 2 4>;
    };
    pcie@10000000 {
        device_type = "pci"; #address-cells = <3>; #size-cells = <2>;
        ranges = <0x2000000 0 0x10000000 0 0x10000000 0 0x2eff0000>;
    };
};
"#;

    #[test]
    fn json_is_one_line_in_the_agreed_form() {
        let Some(file) = compile("json", BOARD) else { return };
        let args = DevmapArgs { trees: Vec::new(), json: true, verbose: false };
        let expected = concat!(
            r#"{"tree":"a/b.dtb","windows":["#,
            r#"{"path":"/intc@8000000","compatible":["arm,cortex-a15-gic"],"index":0,"name":null,"base":"0x8000000","#,
            r#""size":"0x10000","status":"okay","available":true,"fate":"kernel","class":"register","group":null},"#,
            r#"{"path":"/pl031@9010000","compatible":["arm,pl031","arm,primecell"],"index":0,"name":null,"#,
            r#""base":"0x9010000","size":"0x1000","status":"okay","available":true,"fate":"grant","#,
            r#""class":"register","group":null}],"#,
            r#""pci":[{"path":"/pcie@10000000","index":0,"type":"mem","base":"0x10000000","size":"0x2eff0000"}],"#,
            r##""skipped":[{"path":"/cpus/cpu@0","index":0,"reason":"#size-cells of /cpus is 0: its addresses are numbers, "##,
            r#"not memory"}],"#,
            r#""interrupts":[{"path":"/pl031@9010000","index":0,"controller":"/intc@8000000","cells":[0,2,4],"#,
            r#""kind":"spi","intid":34,"trigger":"level-high"}],"#,
            r#""memory":[{"base":"0x40000000","size":"0x20000000"}],"#,
            r#""reserved":[{"base":"0x48000000","size":"0x100000","path":null}]}"#,
            "\n"
        );
        assert_eq!(map_one("a/b.dtb", &file, &args).expect("a good tree"), expected);
    }

    #[test]
    fn the_table_names_console_and_memory() {
        let source = BOARD.replace(
            "cpus {",
            "chosen { stdout-path = \"/pl031@9010000\"; }; fuses { cell { reg = <0 0 4>; }; }; cpus {",
        );
        let Some(file) = compile("table", &source) else { return };
        let args = DevmapArgs { trees: Vec::new(), json: false, verbose: true };
        let table = map_one("b.dtb", &file, &args).expect("a good tree");
        for line in [
            "b.dtb: 3 windows, 2 of them grantable; 0 page groups; 1 shared interrupts",
            "     0x9010000       0x1000 register    grant            /pl031@9010000 (console)  arm,pl031 arm,primecell",
            "    0x10000000   0x2eff0000 register    grant            /pcie@10000000 pci mem  ",
            "      [0x48000000..0x48100000) reserved /memreserve/",
            "      /pl031@9010000 [0] /intc@8000000 [0, 2, 4] spi INTID 34 level-high",
            "      [0x8000000..0x8010000) /intc@8000000",
            "      device tree: /fuses/cell: property \"reg\", entry 0: /fuses has no ranges: the CPU does not reach it; if it \
             does, give /fuses ranges",
        ] {
            assert!(table.lines().any(|found| found == line), "{line:?} is not in\n{table}");
        }
    }

    #[test]
    fn a_bad_tree_does_not_stop_the_others() {
        let Some(good) = compile("bad", BOARD) else { return };
        let folder = good.parent().expect("a folder").to_owned();
        fs::write(folder.join("a-bad.dtb"), b"not a tree").expect("a bad file");
        let args = |trees| DevmapArgs { trees, json: true, verbose: false };
        assert_eq!(devmap(args(vec![folder.clone()])).expect("a result"), ExitCode::FAILURE);
        assert_eq!(devmap(args(vec![good])).expect("a result"), ExitCode::SUCCESS);
        assert!(devmap(args(vec![folder.join("no-such-file")])).is_ok_and(|code| code == ExitCode::FAILURE));
        assert_eq!(find_trees(&[folder]).expect("two trees").len(), 2);
    }
}
