//! What drivers read of `reg` (the conformance list's DTV lines), in the device table that they are given.

#[path = "../../devicetree/tests/common/mod.rs"]
mod common;

use abi::device_table::DeviceTable;
use abi::{PhysAddr, PhysRange};
use common::{Blob, parse};
use devicetree::Place;
use ledger::Builder;

/// `path name base+size` of every window in the device table that comes of this tree.
fn records(blob: &[u8]) -> Vec<String> {
    let tree = parse(blob).unwrap();
    let image = PhysRange::new(PhysAddr(0x4020_0000), 0x10_0000).unwrap();
    let ledger = Builder::new(&tree).keep(image, "kernel image").freeze().unwrap();
    let bytes = ledger.device_table(&tree).unwrap();
    let table = DeviceTable::new(&bytes).unwrap();
    let of_node = |node: abi::device_table::NodeRef<'_>| -> Vec<String> {
        let line = |window: abi::device_table::Window| {
            let name = table.text(window.name, window.name_size);
            format!("{} {name} {:#x}+{:#x}", node.path(), window.base, window.size)
        };
        node.windows().map(line).collect()
    };
    table.nodes().flat_map(of_node).collect()
}

#[test]
fn dtv_001_three_entries_with_names_are_three_records() {
    let mut blob = Blob::root(2, 2);
    blob.begin("device@1000000000").text("compatible", "test,device");
    blob.cells("reg", &[0x10, 0, 0, 0x1000, 0x10, 0x2000, 0, 0x200, 0x20, 0x4000, 1, 0]);
    blob.text("reg-names", "control\0queue\0memory").end();
    assert_eq!(
        records(&blob.finish()),
        [
            "/device@1000000000 control 0x1000000000+0x1000",
            "/device@1000000000 queue 0x1000002000+0x200",
            "/device@1000000000 memory 0x2000004000+0x100000000",
        ]
    );
}

#[test]
fn dtv_002_addresses_on_a_bus_are_translated() {
    let mut blob = Blob::root(2, 2);
    blob.begin("soc").text("compatible", "simple-bus");
    blob.cells("#address-cells", &[1]).cells("#size-cells", &[1]);
    blob.cells("ranges", &[0x7e00_0000, 0, 0xfe00_0000, 0x180_0000]);
    blob.begin("device@7e201000").text("compatible", "test,device").cells("reg", &[0x7e20_1000, 0x200]).end();
    blob.end();
    assert_eq!(records(&blob.finish()), ["/soc/device@7e201000  0xfe201000+0x200"]);
}

#[test]
fn dtv_004_a_device_without_registers_is_fine() {
    let mut blob = Blob::root(2, 2);
    blob.begin("device").text("compatible", "test,device").end();
    assert_eq!(records(&blob.finish()), [""; 0]);
}

/// Zircon's visitor says INVALID_ARGS of the node. Here the entry is no window, and says why: the board still boots.
#[test]
fn dtv_005_an_entry_of_another_length_is_no_window() {
    let mut blob = Blob::root(2, 2);
    blob.begin("device@1000").text("compatible", "test,device").cells("reg", &[0, 0x1000, 0]).end();
    let blob = blob.finish();
    assert_eq!(records(&blob), [""; 0]);
    let tree = parse(&blob).unwrap();
    let why: Vec<String> = tree
        .reg_entries()
        .map(|entry| match entry.place {
            Place::Skipped(skip) => {
                format!("{} {}: {}", tree.path(entry.node), entry.index, skip.display(&tree))
            }
            _ => panic!("it has a place"),
        })
        .collect();
    assert_eq!(why, ["/device@1000 0: the value ends inside it"]);
}
