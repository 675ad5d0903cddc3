//! What trees mean: addresses through buses, memory, PCI, the chosen console, CPUs and timers.

mod common;

use common::{Blob, parse};
use devicetree::{Class, Conduit, EnableMethod, GicVersion, PciKind, Place, Skip, Tree};

/// `path index base size`, straddlers marked.
fn windows(tree: &Tree<'_>) -> Vec<String> {
    let line = |window: devicetree::Window<'_>| {
        let mark = if window.straddles { " straddles" } else { "" };
        format!(
            "{} {} {:#x}+{:#x}{mark}",
            tree.path(window.node),
            window.index,
            window.range.base().0,
            window.range.size()
        )
    };
    tree.windows().map(line).collect()
}

fn skips(tree: &Tree<'_>) -> Vec<String> {
    let entries = tree.reg_entries().filter_map(|entry| match entry.place {
        Place::Skipped(skip) => {
            Some(format!("{} {} {}", tree.path(entry.node), entry.index, skip.display(tree)))
        }
        _ => None,
    });
    entries.collect()
}

#[test]
fn addresses_climb_through_every_bus() {
    let mut blob = Blob::root(2, 2);
    blob.begin("soc").cells("#address-cells", &[1]).cells("#size-cells", &[1]);
    blob.cells("ranges", &[0x7e00_0000, 0, 0xfe00_0000, 0x180_0000]);
    blob.begin("bus@1000").cells("#address-cells", &[2]).cells("#size-cells", &[1]);
    blob.cells("ranges", &[0, 0, 0x7e00_1000, 0x1000]);
    blob.begin("uart@10").cells("reg", &[0, 0x10, 8, 0, 0xff8, 8, 0, 0xffc, 8]);
    blob.text("reg-names", "one\0two").end().end().end();
    let tree = parse(&blob.finish()).unwrap();
    assert_eq!(
        windows(&tree),
        [
            "/soc/bus@1000/uart@10 0 0xfe001010+0x8",
            "/soc/bus@1000/uart@10 1 0xfe001ff8+0x8",
            "/soc/bus@1000/uart@10 2 0xfe001ffc+0x8 straddles",
        ]
    );
    let names: Vec<_> = tree.windows().map(|window| window.name).collect();
    assert_eq!(names, [Some("one"), Some("two"), None]);
}

#[test]
fn the_first_range_that_holds_the_base_wins() {
    let mut blob = Blob::root(1, 1);
    blob.begin("soc").cells("#address-cells", &[1]).cells("#size-cells", &[1]);
    blob.cells("ranges", &[0, 0x1000, 0, 0, 0x2000, 0x100, 0, 0x3000, 0x1000]);
    blob.begin("a@80").cells("reg", &[0x80, 0x10]).end();
    blob.begin("b@100").cells("reg", &[0x100, 0x10]).end().end();
    assert_eq!(
        windows(&parse(&blob.finish()).unwrap()),
        ["/soc/a@80 0 0x2080+0x10", "/soc/b@100 0 0x3100+0x10"]
    );
}

#[test]
fn three_cells_without_pci_are_flags_and_an_address() {
    let mut blob = Blob::root(2, 2);
    blob.begin("fsl").cells("#address-cells", &[3]).cells("#size-cells", &[1]);
    blob.cells("ranges", &[1, 0, 0, 0x8, 0x0000_0000, 0x1000, 2, 0, 0, 0x9, 0, 0x1000]);
    blob.begin("a").cells("reg", &[2, 0, 0x10, 4]).end();
    blob.begin("b").cells("reg", &[3, 0, 0x10, 4]).end().end();
    let tree = parse(&blob.finish()).unwrap();
    assert_eq!(windows(&tree), ["/fsl/a 0 0x900000010+0x4"]);
    assert_eq!(skips(&tree), ["/fsl/b 0 the address is outside every range of /fsl"]);
}

#[test]
fn high_and_low_ends_of_the_address_space() {
    let mut blob = Blob::root(2, 2);
    blob.begin("zero@0").cells("reg", &[0, 0, 0, 0x1000]).end();
    blob.begin("high").cells("reg", &[0x87e0, 0x2500_1000, 0, 0x1000]).end();
    blob.begin("beyond48").cells("reg", &[0x10000, 0, 1, 0]).end();
    blob.begin("top").cells("reg", &[u32::MAX, 0xffff_f000, 0, 0x1000]).end();
    blob.begin("over").cells("reg", &[u32::MAX, 0xffff_f000, 0, 0x1001]).end();
    let tree = parse(&blob.finish()).unwrap();
    assert_eq!(
        windows(&tree),
        [
            "/zero@0 0 0x0+0x1000",
            "/high 0 0x87e025001000+0x1000",
            "/beyond48 0 0x1000000000000+0x100000000",
            "/top 0 0xfffffffffffff000+0x1000",
        ]
    );
    assert_eq!(skips(&tree), ["/over 0 the range passes the end of the address space"]);
}

#[test]
fn status_counts_through_ancestors() {
    let mut blob = Blob::root(1, 1);
    blob.begin("a").text("status", "ok").flag("ranges");
    blob.cells("#address-cells", &[1]).cells("#size-cells", &[1]);
    blob.begin("b").cells("reg", &[0, 1]).end().end();
    blob.begin("c").text("status", "reserved").flag("ranges");
    blob.cells("#address-cells", &[1]).cells("#size-cells", &[1]);
    blob.begin("d").cells("reg", &[1, 1]).text("status", "okay").end().end();
    blob.begin("e").cells("reg", &[2, 1]).text("status", "fail-sss").end();
    let tree = parse(&blob.finish()).unwrap();
    let available: Vec<_> = tree.windows().map(|window| tree.is_available(window.node)).collect();
    assert_eq!(available, [true, false, false]);
}

#[test]
fn memory_is_no_window() {
    let mut blob = Blob::root(2, 2);
    blob.reservations = vec![(0, 0x1000), (0x8000, 0)];
    blob.begin("memory@40000000").text("device_type", "memory");
    blob.cells("reg", &[0, 0x4000_0000, 0, 0x1000_0000, 0, 0, 0, 0]).end();
    blob.begin("secram@e000000").text("device_type", "memory").text("status", "disabled");
    blob.cells("reg", &[0, 0xe00_0000, 0, 0x100_0000]).end();
    blob.begin("reserved-memory").cells("#address-cells", &[2]).cells("#size-cells", &[2]).flag("ranges");
    blob.begin("tee@42000000").cells("reg", &[0, 0x4200_0000, 0, 0x10_0000]).flag("no-map").end();
    blob.begin("off@43000000").cells("reg", &[0, 0x4300_0000, 0, 1]).text("status", "disabled").end();
    blob.begin("cma").cells("size", &[0, 0x400_0000]).cells("alignment", &[0, 0x2000]).end();
    blob.end();
    let tree = parse(&blob.finish()).unwrap();
    assert_eq!(windows(&tree), [""; 0]);
    let memory: Vec<_> = tree.memory().map(|region| (region.range.base().0, region.available)).collect();
    assert_eq!(memory, [(0x4000_0000, true), (0xe00_0000, false)]);
    let reserved: Vec<_> = tree.reserved().map(|range| (range.range.base().0, range.no_map)).collect();
    assert_eq!(reserved, [(0, false), (0x4200_0000, true)]);
    let dynamic = tree.dynamic_reservations().next().unwrap();
    assert_eq!((dynamic.size, dynamic.alignment, dynamic.no_map), (0x400_0000, 0x2000, false));
}

#[test]
fn reserved_memory_without_ranges_still_reserves() {
    let mut blob = Blob::root(1, 1);
    blob.begin("reserved-memory").cells("#address-cells", &[1]).cells("#size-cells", &[1]);
    blob.begin("fw@1000").cells("reg", &[0x1000, 0x1000]).end().end();
    let tree = parse(&blob.finish()).unwrap();
    assert_eq!(tree.reserved().map(|range| range.range.base().0).collect::<Vec<_>>(), [0x1000]);
}

#[test]
fn pci_windows_stand_in_ranges() {
    let mut blob = Blob::root(2, 2);
    blob.begin("pcie@10000000").text("device_type", "pci");
    blob.cells("#address-cells", &[3]).cells("#size-cells", &[2]);
    blob.cells("reg", &[0x40, 0x1000_0000, 0, 0x1000_0000]);
    let io = [0x100_0000, 0, 0, 0, 0x3eff_0000, 0, 0x1_0000];
    let memory = [0x200_0000, 0, 0x1000_0000, 0, 0x1000_0000, 0, 0x2eff_0000];
    let prefetchable = [0x4300_0000, 0x80, 0, 0x80, 0, 0x80, 0];
    blob.cells("ranges", &[io, memory, prefetchable].concat());
    blob.begin("dev@0,0").cells("reg", &[0, 0, 0, 0, 0]).end().end();
    let tree = parse(&blob.finish()).unwrap();
    assert_eq!(windows(&tree), ["/pcie@10000000 0 0x4010000000+0x10000000"]);
    assert_eq!(
        skips(&tree),
        [
            "/pcie@10000000/dev@0,0 0 /pcie@10000000 is a PCI bus, which gives out addresses when it is enumerated"
        ]
    );
    let found: Vec<_> = tree
        .pci_windows()
        .map(|window| (window.kind, window.prefetchable, window.place.unwrap().base().0))
        .collect();
    assert_eq!(
        found,
        [
            (PciKind::Io, false, 0x3eff_0000),
            (PciKind::Memory32, false, 0x1000_0000),
            (PciKind::Memory64, true, 0x80_0000_0000)
        ]
    );
}

#[test]
fn classes_go_by_compatible() {
    let mut blob = Blob::root(1, 1);
    blob.begin("sram@0").text("compatible", "vendor,sram\0mmio-sram").cells("reg", &[0, 0x1000]);
    blob.cells("#address-cells", &[1]).cells("#size-cells", &[1]).flag("ranges");
    blob.begin("part@0").cells("reg", &[0, 0x100]).end();
    blob.begin("mailbox@100").text("compatible", "vendor,mailbox").cells("reg", &[0x100, 0x100]).end().end();
    blob.begin("bare@2000").cells("reg", &[0x2000, 0x100]).end();
    let tree = parse(&blob.finish()).unwrap();
    let classes: Vec<_> = tree.windows().map(|window| tree.class(window.node)).collect();
    assert_eq!(classes, [Class::MemoryLike, Class::MemoryLike, Class::Register, Class::Register]);
}

#[test]
fn the_chosen_console_goes_through_aliases_without_its_options() {
    let chosen = |path: &str| {
        let mut blob = Blob::root(1, 1);
        blob.begin("aliases").text("serial0", "/soc/uart@1000").text("loop", "loop").end();
        blob.begin("chosen").text("stdout-path", path).text("bootargs", "test log=debug");
        blob.cells("linux,initrd-start", &[0x4800_0000]).cells("linux,initrd-end", &[0, 0x4900_0000]);
        blob.cells("kaslr-seed", &[1, 2]).prop("rng-seed", &[1, 2, 3]).end();
        blob.begin("soc").begin("uart@1000").end().end();
        let tree = parse(&blob.finish()).unwrap();
        let chosen = tree.chosen();
        assert_eq!(chosen.bootargs(), "test log=debug");
        assert_eq!(chosen.initrd().unwrap().to_string(), "[0x48000000..0x49000000)");
        assert_eq!((chosen.kaslr_seed(), chosen.rng_seed()), (Some((1 << 32) | 2), Some(&[1, 2, 3][..])));
        assert_eq!(tree.serial(0), tree.find("/soc/uart@1000"));
        assert_eq!(tree.serial(1), None);
        (chosen.stdout().map(|node| tree.path(node).to_string()), chosen.stdout_options().map(str::to_owned))
    };
    let uart = Some("/soc/uart@1000".to_owned());
    assert_eq!(chosen("serial0:115200n8"), (uart.clone(), Some("115200n8".to_owned())));
    assert_eq!(chosen("/soc/uart@1000"), (uart.clone(), None));
    assert_eq!(chosen("/soc/uart"), (uart, None));
    assert_eq!(chosen("loop"), (None, None));
    assert_eq!(chosen(""), (None, None));
    assert_eq!(chosen("/"), (Some("/".to_owned()), None));
}

#[test]
fn a_name_without_unit_address_names_one_child_only() {
    let mut blob = Blob::root(1, 1);
    blob.begin("timer@1").end().begin("timer").end().begin("spi@1").end().begin("spi@2").end();
    let tree = parse(&blob.finish()).unwrap();
    assert_eq!(tree.find("/timer").unwrap().index(), 2);
    assert_eq!(tree.find("/spi"), None);
    assert_eq!(tree.find("/").unwrap().index(), 0);
    assert_eq!(tree.find("spi@1"), None);
}

#[test]
fn cpus_psci_and_timer() {
    let mut blob = Blob::root(2, 2);
    blob.cells("interrupt-parent", &[1]);
    blob.begin("psci").text("compatible", "arm,psci-1.0\0arm,psci").text("method", "hvc").end();
    blob.begin("cpus").cells("#address-cells", &[1]).cells("#size-cells", &[0]);
    blob.begin("cpu-map").end();
    blob.begin("cpu@0").text("device_type", "cpu").cells("reg", &[0]).text("enable-method", "psci").end();
    blob.begin("cpu@101").text("device_type", "cpu").cells("reg", &[0x101]);
    blob.text("enable-method", "spin-table").cells("cpu-release-addr", &[0, 0xe0]).end().end();
    blob.begin("timer").text("compatible", "arm,armv8-timer");
    blob.cells("interrupts", &[1, 13, 0xf08, 1, 14, 0xf08, 1, 11, 0xf08]).end();
    blob.begin("gic@8000000")
        .text("compatible", "arm,gic-v3")
        .cells("phandle", &[1])
        .flag("interrupt-controller");
    blob.cells("#interrupt-cells", &[3]).cells("#redistributor-regions", &[2]);
    blob.cells("reg", &[0, 0x800_0000, 0, 0x1_0000, 0, 0x80a_0000, 0, 0x2_0000, 0, 0x90a_0000, 0, 0x2_0000])
        .end();
    let tree = parse(&blob.finish()).unwrap();
    assert_eq!(tree.psci().map(|psci| psci.conduit), Some(Conduit::Hvc));
    let cpus: Vec<_> = tree.cpus().map(|cpu| (cpu.mpidr, cpu.enable_method)).collect();
    let release = EnableMethod::SpinTable(abi::PhysAddr(0xe0));
    assert_eq!(cpus, [(0, EnableMethod::Psci), (0x101, release)]);
    let timer = tree.timer().unwrap();
    assert_eq!(timer.virtual_timer.unwrap().intid, 27);
    assert_eq!(timer.virtual_timer.unwrap().trigger.as_str(), "level-low");
    assert!(timer.hypervisor.is_none());
    let gic = tree.interrupt_controller().unwrap();
    assert_eq!((gic.version, gic.distributor.range.base().0), (GicVersion::V3, 0x800_0000));
    assert_eq!(gic.redistributors(&tree).count(), 2);
    assert!(gic.cpu_interface.is_none());
}

#[test]
fn a_slow_tree_spends_its_budget() {
    // 2,000 windows behind a bus whose range is the last of 30,000.
    let mut blob = Blob::root(1, 1);
    blob.begin("soc").cells("#address-cells", &[1]).cells("#size-cells", &[1]);
    let mut ranges: Vec<u32> = (0..30_000).flat_map(|row| [0x1000_0000 + row, 0, 1]).collect();
    ranges.extend([0, 0, 0x1000]);
    blob.cells("ranges", &ranges);
    let reg: Vec<u32> = (0..2_000).flat_map(|_| [0, 4]).collect();
    blob.begin("a").cells("reg", &reg).end().end();
    let tree = parse(&blob.finish()).unwrap();
    let last = tree.reg_entries().last().unwrap();
    assert!(matches!((last.index, last.place), (1_999, Place::Skipped(Skip::TooMuchWork(_)))));
}
