//! A made-up board with one window of each fate, and what the ledger says of it.

#[path = "../../devicetree/tests/common/mod.rs"]
mod common;

use abi::device_table::{
    DeviceTable, INTERRUPT_PCI, INTERRUPT_SHARED, NODE_DMA_IDENTITY, NONE, WINDOW_CONSOLE,
};
use abi::{PhysAddr, PhysRange};
use common::{Blob, board, parse};
use devicetree::Tree;
use ledger::{Builder, Class, Fate, Ledger, Owner};

fn range(base: u64, size: u64) -> PhysRange {
    PhysRange::new(PhysAddr(base), size).unwrap()
}

fn freeze(tree: &Tree<'_>) -> Ledger {
    Builder::new(tree).keep(range(0x4020_0000, 0x10_0000), "kernel image").freeze().unwrap()
}

/// `path index fate class group`.
fn lines(tree: &Tree<'_>, ledger: &Ledger) -> Vec<String> {
    let line = |window: &ledger::Window| {
        let group = window.group.map_or("-".into(), |group| group.to_string());
        format!("{} {} {} {} {group}", tree.path(window.node), window.index, window.fate, window.class)
    };
    ledger.windows().iter().map(line).collect()
}

#[test]
fn every_window_has_its_fate() {
    let tree = parse(&board().finish()).unwrap();
    let ledger = freeze(&tree);
    assert_eq!(
        lines(&tree, &ledger),
        [
            "/gic@8000000 0 kernel register -",
            "/gic@8000000 1 kernel register -",
            "/gic@8000000/its@8080000 0 kernel register -",
            "/soc/uart@1000 0 grant register 0",
            "/soc/uart@1200 0 disabled register 0",
            "/soc/syscon@2000 0 container register -",
            "/soc/syscon@2000 1 straddles register -",
            "/soc/syscon@2000/clock@10 0 grant register -",
            "/soc/i2c@4000 0 grant register -",
            "/sram@a000000 0 grant memory-like -",
            "/pcie@10000000 0 grant register -",
            "/pcie@10000000 0 grant memory-like -",
        ]
    );
    let consoles: Vec<_> = ledger.windows().iter().filter(|window| window.console).collect();
    assert_eq!((consoles.len(), consoles[0].range), (1, range(0x900_1000, 0x200)));
    let resources: Vec<_> = ledger.grantable().map(|window| window.resource).collect();
    assert_eq!(resources, (0..6).map(Some).collect::<Vec<_>>());
}

#[test]
fn conflicts_name_both_sides() {
    let tree = parse(&board().finish()).unwrap();
    let ledger = freeze(&tree);
    let conflict = |base, size| ledger.touches_denied(range(base, size)).map(|conflict| conflict.to_string());
    assert_eq!(
        conflict(0x800_f000, 0x2000).unwrap(),
        "[0x800f000..0x8011000) touches [0x8000000..0x8010000), kept by the kernel (/gic@8000000)"
    );
    assert_eq!(
        conflict(0x4030_0000 - 1, 1).unwrap(),
        "[0x402fffff..0x40300000) touches [0x40200000..0x40300000), kept by the kernel (kernel image)"
    );
    assert_eq!(
        conflict(0x4fff_f000, 0x10_0000).unwrap(),
        "[0x4ffff000..0x500ff000) touches [0x40000000..0x50000000), memory (/memory@40000000)"
    );
    assert_eq!(
        conflict(0, 1).unwrap(),
        "[0x0..0x1) touches [0x0..0x1000), reserved memory (memory reservation block)"
    );
    assert_eq!(conflict(0x900_1000, 0x1000), None);
    assert_eq!(conflict(u64::MAX, 1), None);
}

#[test]
fn classes_count_every_byte() {
    let tree = parse(&board().finish()).unwrap();
    let ledger = freeze(&tree);
    assert_eq!(ledger.class_of(range(0xa00_0000, 0x1_0000)), Class::MemoryLike);
    assert_eq!(ledger.class_of(range(0xa00_0000, 0x1_0001)), Class::Register);
    assert_eq!(ledger.class_of(range(0x900_1000, 4)), Class::Register);
    assert_eq!(ledger.class_of(range(0x7000_0000, 0x1000)), Class::Unclaimed);
    assert_eq!(ledger.class_of(range(0x1000_0000, 0x2000_0000)), Class::MemoryLike);
}

#[test]
fn registers_inside_memory_like_windows_stay_registers() {
    let mut blob = Blob::root(1, 1);
    blob.begin("flash@0").text("compatible", "cfi-flash").cells("reg", &[0, 0x10000]).end();
    blob.begin("ctrl@4000").text("compatible", "vendor,ctrl").cells("reg", &[0x4000, 0x1000]).end();
    let tree = parse(&blob.finish()).unwrap();
    let ledger = Builder::new(&tree).freeze().unwrap();
    assert_eq!(ledger.class_of(range(0, 0x4000)), Class::MemoryLike);
    assert_eq!(ledger.class_of(range(0x3000, 0x2000)), Class::Register);
    assert_eq!(ledger.class_of(range(0x5000, 0xb000)), Class::MemoryLike);
    assert_eq!(ledger.class_of(range(0, 0x10000)), Class::Register);
}

#[test]
fn memory_that_is_not_there_is_denied_all_the_same() {
    let mut blob = Blob::root(1, 1);
    blob.begin("secram")
        .text("device_type", "memory")
        .text("status", "disabled")
        .cells("reg", &[0x1000, 0x1000])
        .end();
    blob.begin("a@1ffc").cells("reg", &[0x1ffc, 4]).end();
    blob.begin("b@2000").cells("reg", &[0x2000, 4]).end();
    let tree = parse(&blob.finish()).unwrap();
    let ledger = Builder::new(&tree).freeze().unwrap();
    assert_eq!(lines(&tree, &ledger), ["/a@1ffc 0 reserved register -", "/b@2000 0 grant register -"]);
    assert_eq!(ledger.touches_denied(range(0x1000, 1)).unwrap().owner, Owner::Memory);
}

#[test]
fn a_page_shared_with_the_kernel_is_the_kernels() {
    let mut blob = Blob::root(1, 1);
    blob.begin("gic@1000")
        .text("compatible", "arm,gic-400")
        .cells("reg", &[0x1000, 0x800, 0x3000, 0x100])
        .end();
    blob.begin("a@1c00").cells("reg", &[0x1c00, 0x10]).end();
    let tree = parse(&blob.finish()).unwrap();
    let ledger = Builder::new(&tree).freeze().unwrap();
    assert_eq!(ledger.windows()[2].fate, Fate::Kernel);
}

#[test]
fn groups_link_only_what_shares_a_page() {
    let mut blob = Blob::root(1, 1);
    // a, b and c form a chain over three pages; d stands alone; e is one node with two windows in a page.
    for (name, reg) in [
        ("a", vec![0x1800, 0x1000]),
        ("b", vec![0x2800, 0x1000]),
        ("c", vec![0x3c00, 0x100]),
        ("d", vec![0x4000, 0x1000]),
        ("e", vec![0x6000, 0x10, 0x6010, 0x10]),
    ] {
        blob.begin(name).cells("reg", &reg).end();
    }
    let tree = parse(&blob.finish()).unwrap();
    let ledger = Builder::new(&tree).freeze().unwrap();
    let groups: Vec<_> = ledger.windows().iter().map(|window| window.group).collect();
    assert_eq!(groups, [Some(0), Some(0), Some(0), None, None, None]);
    assert_eq!(ledger.groups()[0].pages, range(0x1000, 0x3000));
    assert_eq!(ledger.group_members(0).count(), 3);
    assert_eq!(ledger.group_members(1).count(), 0);
}

#[test]
fn parents_and_children_are_no_group() {
    let mut blob = Blob::root(1, 1);
    blob.begin("p@1000")
        .cells("reg", &[0x1000, 0x10])
        .cells("#address-cells", &[1])
        .cells("#size-cells", &[1]);
    blob.flag("ranges").begin("c@1100").cells("reg", &[0x1100, 0x10]).end().end();
    blob.begin("x@3000").cells("reg", &[0x3000, 0x10]).end();
    let tree = parse(&blob.finish()).unwrap();
    assert_eq!(Builder::new(&tree).freeze().unwrap().groups().len(), 0);
}

#[test]
fn shared_interrupts_are_one_line() {
    let tree = parse(&board().finish()).unwrap();
    let ledger = freeze(&tree);
    let found: Vec<_> = ledger.interrupts().iter().map(|line| (line.intid, line.users)).collect();
    // The disabled UART's interrupt is not listed; SPI 4 is a PCI slot's and its device's.
    assert_eq!(found, [(33, 1), (35, 1), (36, 2)]);
    assert_eq!(ledger.line(36).map(|line| tree.name(line.node)), Some("pcie@10000000"));
    assert!(ledger.line(34).is_none());
}

#[test]
fn the_device_table_says_the_same() {
    let tree = parse(&board().finish()).unwrap();
    let ledger = freeze(&tree);
    let bytes = ledger.device_table(&tree).unwrap();
    let table = DeviceTable::new(&bytes).unwrap();
    assert_eq!(table.windows().count(), ledger.windows().len());
    assert_eq!((table.header().mmio_resources, table.header().irq_resources), (6, 3));

    let uart = table.find("/soc/uart@1000").unwrap();
    assert_eq!(uart.compatible().collect::<Vec<_>>(), ["arm,pl011", "arm,primecell"]);
    let window = uart.windows().next().unwrap();
    assert_eq!((window.range(), window.fate()), (Some(range(0x900_1000, 0x200)), Some(Fate::Grant)));
    assert_eq!((window.resource, window.flags, window.node), (0, WINDOW_CONSOLE, uart.index));
    let group = table.group(window.group).unwrap();
    let members: Vec<_> =
        table.members(&group).map(|window| table.node(window.node).unwrap().path()).collect();
    assert_eq!(members, ["/soc/uart@1000", "/soc/uart@1200"]);
    let interrupt = uart.interrupts().next().unwrap();
    assert_eq!((interrupt.intid, interrupt.resource, interrupt.flags), (33, 0, 0));
    let dma: Vec<_> = uart.dma_ranges().collect();
    assert_eq!((dma.len(), dma[0].bus, dma[0].base, dma[0].size), (1, 0xc000_0000, 0, 0x4000_0000));

    let clock = table.find("/soc/syscon@2000/clock@10").unwrap();
    let window = clock.windows().next().unwrap();
    assert_eq!(table.text(window.name, window.name_size), "ctrl");
    let host = table.find("/pcie@10000000").unwrap();
    let lines: Vec<_> = host.interrupts().map(|interrupt| (interrupt.intid, interrupt.flags)).collect();
    assert_eq!(lines, [(35, INTERRUPT_PCI), (36, INTERRUPT_PCI | INTERRUPT_SHARED)]);
    let timer = table.find("/timer").unwrap();
    assert!(timer.interrupts().all(|interrupt| interrupt.resource == NONE));
    assert_ne!(timer.record.flags & NODE_DMA_IDENTITY, 0);
    assert!(table.find("/chosen").is_none());
}

#[test]
fn a_cut_device_table_is_refused() {
    let tree = parse(&board().finish()).unwrap();
    let bytes = freeze(&tree).device_table(&tree).unwrap();
    for length in 0..bytes.len() {
        assert!(DeviceTable::new(&bytes[..length]).is_err());
    }
}

#[test]
fn memory_that_cannot_be_placed_is_an_error() {
    let mut blob = Blob::root(2, 2);
    blob.begin("memory@0").text("device_type", "memory").cells("reg", &[u32::MAX, 0, 1, 0, 0, 0]).end();
    let tree = parse(&blob.finish()).unwrap();
    assert_eq!(
        Builder::new(&tree).freeze().unwrap_err().to_string(),
        "ledger: /memory@0: property \"reg\", entry 1: memory must be accounted for, but the value ends inside it; write as many \
         cells as the cell counts of the bus say"
    );
}

#[test]
fn too_many_windows_are_refused() {
    let with = |count: u32| {
        let reg: Vec<u32> = (0..count).flat_map(|number| [number * 16, 16]).collect();
        let tree = parse(&Blob::root(1, 1).begin("a").cells("reg", &reg).end().finish()).unwrap();
        Builder::new(&tree).freeze().map(|ledger| ledger.windows().len()).map_err(|error| error.to_string())
    };
    assert_eq!(with(4096), Ok(4096));
    assert_eq!(
        with(4097),
        Err("ledger: /a: property \"reg\": the tree has more than 4096 windows up to here; remove some"
            .into())
    );
}

#[test]
fn the_worst_trees_end_soon() {
    // Every window overlaps every other.
    let mut blob = Blob::root(1, 1);
    for number in 0..4000 {
        blob.begin(&format!("n{number}")).cells("reg", &[0, 0x1000]).end();
    }
    let tree = parse(&blob.finish()).unwrap();
    let ledger = Builder::new(&tree).freeze().unwrap();
    assert_eq!((ledger.groups().len(), ledger.group_members(0).count()), (1, 4000));
    // As many nodes as 2 MiB hold.
    let mut blob = Blob::root(1, 1);
    for _ in 0..170_000 {
        blob.begin("n").end();
    }
    let tree = parse(&blob.finish()).unwrap();
    assert_eq!(tree.len(), 170_001);
    assert!(Builder::new(&tree).freeze().unwrap().device_table(&tree).is_ok());
}

#[test]
fn five_uarts_in_a_page_name_each_other() {
    let mut blob = Blob::root(1, 1);
    // As on a BCM2711: one is okay, the others are disabled and there all the same.
    for offset in [0, 0x400, 0x600, 0x800, 0xa00] {
        blob.begin(&format!("serial@fe201{offset:03x}")).text("compatible", "arm,pl011");
        if offset > 0 {
            blob.text("status", "disabled");
        }
        blob.cells("reg", &[0xfe20_1000 + offset, 0x200]).end();
    }
    blob.begin("mmc@fe202000").cells("reg", &[0xfe20_2000, 0x100]).end();
    let tree = parse(&blob.finish()).unwrap();
    let ledger = Builder::new(&tree).freeze().unwrap();
    let told = |base, size| -> Vec<String> {
        ledger.sharers(range(base, size)).map(|sharer| sharer.to_string()).collect()
    };
    let all = [
        "/serial@fe201000 reg[0] [0xfe201000..0xfe201200)",
        "/serial@fe201400 reg[0] [0xfe201400..0xfe201600)",
        "/serial@fe201600 reg[0] [0xfe201600..0xfe201800)",
        "/serial@fe201800 reg[0] [0xfe201800..0xfe201a00)",
        "/serial@fe201a00 reg[0] [0xfe201a00..0xfe201c00)",
    ];
    for (base, size) in [(0xfe20_1000, 0x200), (0xfe20_1fff, 1), (0xfe20_0000, 0x4000)] {
        assert_eq!(told(base, size), all, "{base:#x}");
        let whole = ledger.with_groups(range(base, size));
        assert!(whole.contains(range(0xfe20_1000, 0x1000)) && whole.contains(range(base, size)));
    }
    assert_eq!(ledger.with_groups(range(0xfe20_1404, 4)), range(0xfe20_1000, 0x1000));
    for (base, size) in [(0xfe20_2000, 0x1000), (0xfe20_0fff, 1)] {
        assert_eq!(told(base, size), [""; 0]);
        assert_eq!(ledger.with_groups(range(base, size)), range(base, size));
    }
    // The numbers are those of the device table.
    let bytes = ledger.device_table(&tree).unwrap();
    let table = DeviceTable::new(&bytes).unwrap();
    for sharer in ledger.sharers(range(0xfe20_1000, 0x1000)) {
        let window = table.window(sharer.number).unwrap();
        assert_eq!((window.range(), window.group), (Some(sharer.window.range), sharer.group));
        assert_eq!(table.node(window.node).unwrap().path(), sharer.path);
    }
}

#[test]
fn the_sharers_of_a_range_are_those_of_every_group_that_it_touches() {
    let mut blob = Blob::root(1, 1);
    for page in 0..40_u32 {
        for half in 0..2 {
            // Pages 30 and 31 have a window in common, and so one group.
            let size = if (page, half) == (30, 1) { 0x1000 } else { 0x400 };
            let base = 0x10_0000 + page * 0x1000 + half * 0x800;
            blob.begin(&format!("device@{base:x}")).cells("reg", &[base, size]).end();
        }
    }
    let tree = parse(&blob.finish()).unwrap();
    let ledger = Builder::new(&tree).freeze().unwrap();
    assert_eq!(ledger.groups().len(), 39);
    for first in 0..40_u64 {
        for last in first..40 {
            let asked = range(0x10_0000 + first * 0x1000 + 0x500, (last - first) * 0x1000 + 1);
            let told: Vec<_> =
                ledger.sharers(asked).map(|sharer| (sharer.group, sharer.window.range)).collect();
            let by_hand = (0..ledger.groups().len() as u32)
                .filter(|&group| ledger.groups()[group as usize].pages.overlaps(asked.expand_to_pages()))
                .flat_map(|group| ledger.group_members(group).map(move |window| (group, window.range)));
            assert_eq!(told, by_hand.collect::<Vec<_>>());
        }
    }
}
