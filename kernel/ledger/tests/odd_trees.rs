//! Odd, but legal: each of these stands in some board's tree, or may.

use abi::device_table::DeviceTable;
use abi::{PhysAddr, PhysRange};
use devicetree::{Flaw, NodeId, Place, Skip, Tree};
use ledger::{Builder, Fate, Ledger};
use treecheck::judge::judge;
use treecheck::writer::{Blob, board, parse};

/// Read by both readers, and frozen.
fn freeze(blob: &[u8]) -> (Tree<'static>, Ledger) {
    assert!(judge(blob));
    let tree = parse(blob).unwrap();
    let ledger = Builder::new(&tree).freeze().unwrap();
    (tree, ledger)
}

/// `path range fate group` of every window.
fn windows(tree: &Tree<'_>, ledger: &Ledger) -> Vec<String> {
    let line = |window: &ledger::Window| {
        let group = window.group.map_or("-".into(), |group| group.to_string());
        format!("{} {} {} {group}", tree.path(window.node), window.range, window.fate)
    };
    ledger.windows().iter().map(line).collect()
}

fn flaws(tree: &Tree<'_>) -> Vec<String> {
    tree.findings().map(|finding| finding.display(tree).to_string()).collect()
}

fn range(base: u64, size: u64) -> PhysRange {
    PhysRange::new(PhysAddr(base), size).unwrap()
}

#[test]
fn a_window_at_address_0() {
    let (tree, ledger) = freeze(&Blob::root(1, 1).begin("rom@0").cells("reg", &[0, 0x1000]).end().finish());
    assert_eq!(windows(&tree, &ledger), ["/rom@0 [0x0..0x1000) grant -"]);
}

#[test]
fn windows_of_32_and_512_gib() {
    let mut blob = Blob::root(2, 2);
    blob.begin("pcie-ep@4000000000").cells("reg", &[0x40, 0, 8, 0]).end();
    blob.begin("pcie@8000000000").cells("reg", &[0x80, 0, 0x80, 0]).end();
    let (tree, ledger) = freeze(&blob.finish());
    assert_eq!(
        windows(&tree, &ledger),
        [
            "/pcie-ep@4000000000 [0x4000000000..0x4800000000) grant -",
            "/pcie@8000000000 [0x8000000000..0x10000000000) grant -",
        ]
    );
}

#[test]
fn windows_above_48_bits_are_refused_with_a_reason() {
    let mut blob = Blob::root(2, 2);
    blob.begin("last").cells("reg", &[0xffff, 0xffff_f000, 0, 0x1000]).end();
    blob.begin("over").cells("reg", &[0xffff, 0xffff_f000, 0, 0x1001]).end();
    blob.begin("high").cells("reg", &[0x1_0000, 0, 0, 0x1000]).end();
    blob.begin("top").cells("reg", &[u32::MAX, 0xffff_f000, 0, 0x1000]).end();
    let blob = blob.finish();
    let (tree, ledger) = freeze(&blob);
    let fates: Vec<_> = ledger.windows().iter().map(|window| window.fate).collect();
    assert_eq!(fates, [Fate::Grant, Fate::Beyond, Fate::Beyond, Fate::Beyond]);
    let said: Vec<_> = ledger.findings(&tree).map(|finding| finding.display(&tree).to_string()).collect();
    assert_eq!(
        said[1],
        "ledger: /high [0x1000000000000..0x1000000001000): it ends beyond 0xffffffffffff, the last address of the \
         CPU; it is never granted"
    );
    // A CPU with fewer bits has less.
    let ledger = Builder::new(&tree).address_bits(40).freeze().unwrap();
    assert!(ledger.windows().iter().all(|window| window.fate == Fate::Beyond));
}

#[test]
fn no_memory_node() {
    let (tree, ledger) = freeze(&Blob::root(1, 1).begin("a@0").cells("reg", &[0, 4]).end().finish());
    assert_eq!(tree.memory().count(), 0);
    assert_eq!(ledger.denied_memory().count(), 0);
}

#[test]
fn memory_of_size_0() {
    let mut blob = Blob::root(2, 2);
    blob.begin("memory@0")
        .text("device_type", "memory")
        .cells("reg", &[0, 0, 0, 0, 0, 0x1000, 0, 0x1000])
        .end();
    let (tree, ledger) = freeze(&blob.finish());
    assert_eq!(tree.memory().map(|memory| memory.range).collect::<Vec<_>>(), [range(0x1000, 0x1000)]);
    assert_eq!(ledger.denied_memory().count(), 1);
    assert_eq!(
        flaws(&tree),
        [
            "device tree: /memory@0: property \"reg\", entry 0: the size is 0; whoever loads the kernel must fill it in"
        ]
    );
}

#[test]
fn reserved_memory_that_is_ours_to_place_is_reported() {
    let mut blob = Blob::root(2, 2);
    blob.begin("reserved-memory").cells("#address-cells", &[2]).cells("#size-cells", &[2]).flag("ranges");
    blob.begin("cma").cells("size", &[0, 0x400_0000]).cells("alignment", &[0, 0x2000]);
    blob.cells("alloc-ranges", &[0, 0, 0, 0x4000_0000]).flag("reusable").end();
    blob.begin("off").cells("size", &[0, 0x1000]).text("status", "disabled").end().end();
    let (tree, _) = freeze(&blob.finish());
    let dynamic: Vec<_> = tree.dynamic_reservations().collect();
    assert_eq!(
        dynamic.iter().map(|dynamic| (dynamic.size, dynamic.alignment)).collect::<Vec<_>>(),
        [(0x400_0000, 0x2000)]
    );
    assert_eq!(
        dynamic[0].finding().display(&tree).to_string(),
        "device tree: /reserved-memory/cma: property \"size\": 0x4000000 bytes are asked for anywhere, and nothing is \
         reserved; state a reg"
    );
    assert_eq!(flaws(&tree).len(), 1);
}

#[test]
fn the_memory_reservation_block() {
    let mut blob = Blob::root(1, 1);
    blob.reservations = vec![(0, 0x1000), (0x8000, 0), (0x10_0000, 0x800)];
    blob.begin("uart@100900").cells("reg", &[0x10_0900, 4]).end();
    let (tree, ledger) = freeze(&blob.finish());
    let reserved: Vec<_> = tree.reserved().map(|reserved| (reserved.node, reserved.range)).collect();
    assert_eq!(reserved, [(None, range(0, 0x1000)), (None, range(0x10_0000, 0x800))]);
    assert_eq!(windows(&tree, &ledger), ["/uart@100900 [0x100900..0x100904) reserved -"]);
}

#[test]
fn disabled_and_secure_memory() {
    let mut blob = Blob::root(1, 1);
    blob.begin("secram@e000000").text("device_type", "memory").text("status", "disabled");
    blob.text("secure-status", "okay").cells("reg", &[0xe00_0000, 0x100_0000]).end();
    blob.begin("memory@40000000").text("device_type", "memory").cells("reg", &[0x4000_0000, 0x1000]).end();
    let (tree, ledger) = freeze(&blob.finish());
    assert_eq!(tree.memory().map(|memory| memory.available).collect::<Vec<_>>(), [false, true]);
    // RAM that is not ours is still no device's.
    assert!(ledger.touches_denied(range(0xe00_0000, 1)).is_some());
}

#[test]
fn six_hundred_and_forty_windows() {
    let mut blob = Blob::root(1, 1);
    for number in 0..642 {
        blob.begin(&format!("d@{number:x}")).cells("reg", &[number * 0x1000, 0x1000]).end();
    }
    let (tree, ledger) = freeze(&blob.finish());
    assert_eq!((ledger.windows().len(), ledger.grantable().count(), ledger.groups().len()), (642, 642, 0));
    let table = ledger.device_table(&tree).unwrap();
    let table = DeviceTable::new(&table).unwrap();
    assert_eq!((table.windows().count(), table.header().mmio_resources), (642, 642));
}

#[test]
fn a_page_with_22_owners() {
    let mut blob = Blob::root(1, 1);
    for number in 0..22 {
        blob.begin(&format!("audio@{number:x}")).cells("reg", &[0xff66_0000 + number * 0x40, 0x40]).end();
    }
    blob.begin("next@ff661000").cells("reg", &[0xff66_1000, 0x40]).end();
    let (_, ledger) = freeze(&blob.finish());
    assert_eq!(ledger.groups().len(), 1);
    assert_eq!(ledger.groups()[0].pages, range(0xff66_0000, 0x1000));
    assert_eq!(ledger.group_members(0).count(), 22);
    assert_eq!(ledger.windows()[22].group, None);
}

#[test]
fn a_crowded_page_is_one_group() {
    // Far more than any board has: parents and children too.
    let mut blob = Blob::root(1, 1);
    for number in 0..200 {
        blob.begin(&format!("p@{number}"))
            .cells("#address-cells", &[1])
            .cells("#size-cells", &[1])
            .flag("ranges");
        blob.cells("reg", &[number * 16, 4]).begin("c").cells("reg", &[number * 16 + 8, 4]).end().end();
    }
    let (_, ledger) = freeze(&blob.finish());
    assert_eq!((ledger.groups().len(), ledger.group_members(0).count()), (1, 400));
}

#[test]
fn containers_are_not_granted_whole() {
    let mut blob = Blob::root(1, 1);
    blob.begin("syscon@1000").cells("#address-cells", &[1]).cells("#size-cells", &[1]).flag("ranges");
    // The second window encloses nothing; the third encloses its grandchild alone.
    blob.cells("reg", &[0x1000, 0x1000, 0x3000, 0x1000, 0x5000, 0x1000]);
    blob.begin("phy@1ffc").cells("#address-cells", &[1]).cells("#size-cells", &[1]).flag("ranges");
    blob.cells("reg", &[0x1ffc, 4]).begin("lane@5000").cells("reg", &[0x5000, 4]).end().end().end();
    blob.begin("other@1800").cells("reg", &[0x1800, 4]).end();
    let (tree, ledger) = freeze(&blob.finish());
    assert_eq!(
        windows(&tree, &ledger),
        [
            "/syscon@1000 [0x1000..0x2000) container -",
            "/syscon@1000 [0x3000..0x4000) grant -",
            "/syscon@1000 [0x5000..0x6000) container -",
            "/syscon@1000/phy@1ffc [0x1ffc..0x2000) grant 0",
            "/syscon@1000/phy@1ffc/lane@5000 [0x5000..0x5004) grant -",
            "/other@1800 [0x1800..0x1804) grant 0",
        ]
    );
}

#[test]
fn exact_duplicates_are_one_group() {
    let mut blob = Blob::root(1, 1);
    for (name, status) in [("i2c@1000", "okay"), ("spi@1000", "disabled"), ("serial@1000", "disabled")] {
        blob.begin(name).cells("reg", &[0x1000, 0x4000]).text("status", status).end();
    }
    let (tree, ledger) = freeze(&blob.finish());
    assert_eq!(
        windows(&tree, &ledger),
        [
            "/i2c@1000 [0x1000..0x5000) grant 0",
            "/spi@1000 [0x1000..0x5000) disabled 0",
            "/serial@1000 [0x1000..0x5000) disabled 0",
        ]
    );
}

#[test]
fn nops_everywhere() {
    let (plain, nops) = (board().finish(), Blob { nops: 388, ..board() }.finish());
    let (tree, ledger) = freeze(&nops);
    let (plain_tree, plain_ledger) = freeze(&plain);
    assert_eq!(tree.blob(), plain_tree.blob());
    assert_eq!(windows(&tree, &ledger), windows(&plain_tree, &plain_ledger));
}

#[test]
fn a_mebibyte_of_padding() {
    let blob = Blob { padding: 1 << 20, ..board() }.finish();
    let (tree, _) = freeze(&blob);
    assert!(tree.blob().len() < 4096);
    assert_eq!(tree.blob(), freeze(&board().finish()).0.blob());
}

#[test]
fn unit_addresses_that_are_no_numbers() {
    let mut blob = Blob::root(1, 1);
    blob.begin("uart@left,of-it")
        .cells("reg", &[0x1000, 4])
        .end()
        .begin("uart@")
        .cells("reg", &[0x2000, 4])
        .end();
    blob.begin("@3000").cells("reg", &[0x3000, 4]).end().begin("a@b@c").cells("reg", &[0x4000, 4]).end();
    let (tree, ledger) = freeze(&blob.finish());
    assert_eq!(ledger.grantable().count(), 4);
    assert_eq!(tree.find("/uart@left,of-it").map(NodeId::index), Some(1));
    assert_eq!(tree.find("/a@b@c").map(NodeId::index), Some(4));
}

#[test]
fn names_of_more_than_31_bytes() {
    let name = "a-node-name-of-more-than-thirty-one-bytes@1000";
    let property = "vendor,a-property-name-of-more-than-thirty-one-bytes";
    let (tree, _) = freeze(&Blob::root(1, 1).begin(name).cells(property, &[7]).end().finish());
    let node = tree.find("/a-node-name-of-more-than-thirty-one-bytes").unwrap();
    assert_eq!(tree.property(node, property), Some(&[0, 0, 0, 7][..]));
}

#[test]
fn buses_of_three_cells() {
    let mut blob = Blob::root(2, 2);
    blob.begin("fsl-mc").cells("#address-cells", &[3]).cells("#size-cells", &[1]);
    blob.cells("ranges", &[0, 0, 0, 8, 0, 0x1000, 1, 0, 0, 9, 0, 0x1000]);
    blob.begin("a").cells("reg", &[0, 0, 0x10, 4, 1, 0, 0x10, 4, 2, 0, 0x10, 4]).end().end();
    let (tree, ledger) = freeze(&blob.finish());
    assert_eq!(
        windows(&tree, &ledger),
        ["/fsl-mc/a [0x800000010..0x800000014) grant -", "/fsl-mc/a [0x900000010..0x900000014) grant -"]
    );
    let last = tree.reg_entries().last().unwrap();
    assert!(matches!(last.place, Place::Skipped(Skip::OutsideRanges(_))));
}

#[test]
fn phandles_under_their_old_name() {
    let mut blob = Blob::root(1, 1);
    blob.begin("gic")
        .cells("linux,phandle", &[9])
        .cells("#interrupt-cells", &[1])
        .flag("interrupt-controller")
        .end();
    blob.begin("both").cells("linux,phandle", &[10]).cells("phandle", &[10]).end();
    blob.begin("a").cells("interrupt-parent", &[9]).cells("interrupts", &[5]).end();
    let (tree, _) = freeze(&blob.finish());
    let found = tree.interrupts().next().unwrap().target.unwrap();
    assert_eq!(
        (tree.path(found.controller).to_string().as_str(), found.cells.as_slice()),
        ("/gic", &[5][..])
    );
    assert_eq!(tree.by_phandle(10), tree.find("/both"));
}

#[test]
fn of_overlapping_ranges_the_first_wins() {
    let mut blob = Blob::root(1, 1);
    blob.begin("soc@0").cells("#address-cells", &[1]).cells("#size-cells", &[1]);
    blob.cells("ranges", &[0, 0x1000_0000, 0x8000_0000, 0x2800_0000, 0x9000_0000, 0x1000]);
    blob.begin("flash@28000000").cells("reg", &[0x2800_0000, 0x100]).end().end();
    let (tree, ledger) = freeze(&blob.finish());
    assert_eq!(windows(&tree, &ledger), ["/soc@0/flash@28000000 [0x38000000..0x38000100) grant -"]);
}

#[test]
fn two_nodes_called_reserved_memory() {
    let mut blob = Blob::root(1, 1);
    for base in [0x1000, 0x8000] {
        blob.begin("reserved-memory").cells("#address-cells", &[1]).cells("#size-cells", &[1]).flag("ranges");
        blob.begin("fw").cells("reg", &[base, 0x1000]).end().end();
        blob.begin("between").cells("reg", &[base + 0x2000, 4]).end();
    }
    let (tree, _) = freeze(&blob.finish());
    assert_eq!(tree.reserved().map(|reserved| reserved.range.base().0).collect::<Vec<_>>(), [0x1000, 0x8000]);
}

#[test]
fn a_cpu_is_a_number_and_no_flaw() {
    let mut blob = Blob::root(2, 2);
    blob.begin("cpus").cells("#address-cells", &[1]).cells("#size-cells", &[0]);
    blob.begin("cpu@0").text("device_type", "cpu").cells("reg", &[0]).end();
    blob.begin("cpu@1")
        .text("device_type", "cpu")
        .cells("reg", &[1])
        .text("enable-method", "psci")
        .end()
        .end();
    let (tree, _) = freeze(&blob.finish());
    assert!(!tree.findings().any(|finding| matches!(finding.flaw, Flaw::Window(_) | Flaw::CpuMethod)));
}
