//! Everything that can be asked of a tree, and the second reader's opinion of the answers.

use crate::walker::{self, Plain};
use devicetree::{Class, DmaRanges, InterruptProblem, NodeId, Place, Role, Skip, Tree};
use ledger::Builder;

/// Reads a blob with both readers and asks all there is to ask. True if it was accepted.
///
/// # Panics
/// The readers disagree, an answer is wrong in itself, or a walk did more work than its tree's size allows.
pub fn judge(blob: &[u8]) -> bool {
    let plain = walker::read(blob);
    let parsed = devicetree::buffer_size(blob).map(|size| vec![0xa5; size]);
    let mut buffer = parsed.clone().unwrap_or_default();
    let tree = parsed.and_then(|_| Tree::parse(blob, &mut buffer));
    match (tree, plain) {
        (Ok(tree), Some(plain)) => {
            compare_nodes(&tree, &plain);
            compare_windows(&tree, &plain);
            compare_interrupts(&tree, &plain);
            compare_memory(&tree, &plain);
            ask_everything(&tree);
            ask_ledger(&tree);
            true
        }
        (Err(error), None) => {
            assert!(error.to_string().starts_with("device tree: "));
            assert!(!error.problem().rule().is_empty());
            false
        }
        (Ok(_), None) => panic!("the second reader refuses what the first accepts"),
        (Err(error), Some(_)) => panic!("the second reader accepts what the first refuses: {error}"),
    }
}

fn id(node: usize) -> NodeId {
    NodeId::from_index(node as u32)
}

/// Nodes, and every property of every node, by way of the clean copy.
fn compare_nodes(tree: &Tree<'_>, plain: &Plain) {
    assert_eq!(tree.len(), plain.nodes.len());
    let fdt = fdt::Fdt::new(tree.blob()).expect("a clean copy");
    let mut found = fdt.all_nodes();
    for (number, node) in plain.nodes.iter().enumerate() {
        let copied = found.next().expect("fdt finds fewer nodes");
        assert_eq!(tree.name(id(number)).as_bytes(), node.name);
        assert_eq!(tree.parent(id(number)), (number != 0).then(|| id(node.parent)));
        assert_eq!(tree.class(id(number)) == Class::MemoryLike, plain.is_memory_like(number));
        assert_eq!(tree.is_available(id(number)), plain.available(number), "availability of node {number}");
        assert_eq!(tree.compatible_list(id(number)), plain.get(number, b"compatible").unwrap_or(&[]));
        let mut properties = copied.properties();
        for (name, value) in &node.properties {
            let copied = properties.next().expect("fdt finds fewer properties");
            assert_eq!((copied.name.as_bytes(), copied.value), (name.as_slice(), value.as_slice()));
        }
        assert!(properties.next().is_none(), "fdt finds more properties");
        for name in node.properties.iter().map(|(name, _)| name.as_slice()).chain([&b"absent"[..], b""]) {
            let asked = core::str::from_utf8(name).ok().and_then(|name| tree.property(id(number), name));
            assert_eq!(asked, plain.get(number, name), "property {}", String::from_utf8_lossy(name));
        }
    }
    assert!(found.next().is_none(), "fdt finds more nodes");
}

/// Every `reg` entry, and every row of a PCI host bridge's `ranges`.
fn compare_windows(tree: &Tree<'_>, plain: &Plain) {
    let mut entries = tree.reg_entries();
    for number in 0..plain.nodes.len() {
        for (index, found) in plain.reg(number).into_iter().enumerate() {
            let entry = entries.next().expect("the second reader finds more reg entries");
            assert_eq!((entry.node, entry.index as usize), (id(number), index));
            let ours = match entry.place {
                Place::Skipped(Skip::TooMuchWork(_)) => return,
                Place::Skipped(_) => None,
                Place::Window { range, straddles } => Some((range, Some(straddles), Role::Device)),
                Place::Memory(range) => Some((range, None, Role::Memory)),
                Place::Reserved(range) => Some((range, None, Role::Reserved)),
            };
            let role = match () {
                () if plain.is_memory(number) => Role::Memory,
                () if plain.is_reservation(number) => Role::Reserved,
                () => Role::Device,
            };
            let theirs = found.map(|(base, size, straddles)| {
                (base, size, (role == Role::Device).then_some(straddles), role)
            });
            let ours = ours.map(|(range, straddles, role)| (range.base().0, range.size(), straddles, role));
            assert_eq!(ours, theirs, "node {number}, reg entry {index}");
        }
    }
    assert!(entries.next().is_none(), "the second reader finds fewer reg entries");
    let mut windows = tree.pci_windows();
    for number in 0..plain.nodes.len() {
        for (index, found) in plain.pci_ranges(number).into_iter().enumerate() {
            let window = windows.next().expect("the second reader finds more PCI windows");
            assert_eq!((window.node, window.index as usize), (id(number), index));
            if matches!(window.place, Err(Skip::TooMuchWork(_))) {
                return;
            }
            let ours = window.place.ok().map(|range| (range.base().0, range.size(), window.straddles));
            assert_eq!(ours, found, "node {number}, row {index} of ranges");
        }
    }
    assert!(windows.next().is_none(), "the second reader finds fewer PCI windows");
}

fn compare_interrupts(tree: &Tree<'_>, plain: &Plain) {
    let mut entries = tree.interrupts();
    for number in 0..plain.nodes.len() {
        for (index, led) in plain.interrupts(number).into_iter().enumerate() {
            let entry = entries.next().expect("the second reader finds more interrupts");
            assert_eq!((entry.node, entry.index as usize), (id(number), index));
            if matches!(entry.target, Err(InterruptProblem::TooMuchWork(_))) {
                return;
            }
            let ours = entry.target.ok().map(|target| (target.controller, target.cells.as_slice().to_vec()));
            let theirs = led.map(|(controller, cells)| (id(controller), cells));
            assert_eq!(ours, theirs, "node {number}, interrupt {index}");
        }
    }
    assert!(entries.next().is_none(), "the second reader finds fewer interrupts");
}

/// Memory, and all that is reserved.
fn compare_memory(tree: &Tree<'_>, plain: &Plain) {
    let of = |wanted: fn(&Plain, usize) -> bool| {
        let nodes = (0..plain.nodes.len()).filter(move |node| wanted(plain, *node));
        nodes
            .flat_map(|node| plain.reg(node).into_iter().flatten().map(move |found| (node, found.0, found.1)))
    };
    let ours: Vec<_> = tree
        .memory()
        .map(|memory| (memory.node.index() as usize, memory.range.base().0, memory.range.size()))
        .collect();
    assert_eq!(ours, of(Plain::is_memory).collect::<Vec<_>>(), "memory");
    let fits = |(base, size): &(u64, u64)| *size != 0 && u128::from(*base) + u128::from(*size) <= 1 << 64;
    let block = plain.reservations.iter().copied().filter(fits).map(|(base, size)| (None, base, size));
    let nodes = of(|plain, node| plain.is_reservation(node) && plain.available(node));
    let theirs: Vec<_> = block.chain(nodes.map(|(node, base, size)| (Some(id(node)), base, size))).collect();
    let ours: Vec<_> = tree
        .reserved()
        .map(|reserved| (reserved.node, reserved.range.base().0, reserved.range.size()))
        .collect();
    assert_eq!(ours, theirs, "reserved memory");
}

/// Asks every question; the answers only have to come, for no more work than the size allows.
pub fn ask_everything(tree: &Tree<'_>) -> usize {
    let full = tree.budget().full() as usize;
    let (mut windows, mut interrupts) = (tree.reg_entries(), tree.interrupts());
    let mut answers =
        windows.by_ref().count() + interrupts.by_ref().filter(|entry| entry.target.is_ok()).count();
    let work = windows.spent() as usize + interrupts.spent() as usize;
    assert!(work <= 2 * full, "{work} rows for a tree of {} bytes", tree.blob().len());
    answers += tree.pci_windows().count();
    answers += tree.memory().count() + tree.reserved().count() + tree.dynamic_reservations().count();
    answers += tree.cpus().count() + tree.chosen().bootargs().len();
    let _ = (tree.chosen().stdout(), tree.chosen().initrd(), tree.psci(), tree.timer());
    if let Some(gic) = tree.interrupt_controller() {
        answers += gic.redistributors(tree).count();
    }
    for finding in tree.findings() {
        answers += finding.display(tree).to_string().len() + finding.flaw.rule().len();
    }
    let mut budget = tree.budget();
    for node in tree.nodes().chain([NodeId::from_index(u32::MAX)]) {
        answers += tree.path(node).len() + tree.compatible(node).count() + tree.ancestors(node).count();
        answers += usize::from(tree.interrupt_parent(node).is_ok()) + tree.children(node).count();
        if let DmaRanges::Ranges(ranges) = tree.dma_ranges(node, &mut budget) {
            answers += ranges.count();
        }
        answers += tree.map_interrupts(node, &mut budget).count();
    }
    answers += ["/soc", "/soc/uart", "serial0", "serial1", "x", "", "//"]
        .iter()
        .filter_map(|path| tree.find_or_alias(path))
        .count();
    answers += [0, 1, u32::MAX].into_iter().filter_map(|number| tree.serial(number)).count();
    answers + usize::from(tree.find_compatible(&["arm,pl011"]).is_some())
}

/// The ledger of the tree, if its memory can be accounted for.
pub fn ask_ledger(tree: &Tree<'_>) {
    match Builder::new(tree).freeze() {
        Err(error) => assert!(error.to_string().starts_with("ledger: ")),
        Ok(ledger) => {
            let granted = |window: &ledger::Window| {
                let pages = window.range.expand_to_pages();
                assert_eq!(ledger.touches_denied(pages), None, "a grant that touches what is denied");
            };
            ledger.grantable().for_each(granted);
            for finding in ledger.findings(tree) {
                assert!(finding.display(tree).to_string().starts_with("ledger: "));
            }
            let table = ledger.device_table(tree).expect("enough memory");
            abi::device_table::DeviceTable::new(&table).expect("a table that can be read");
        }
    }
}
