//! A board with a device whose bus reaches only a part of RAM, and sees it elsewhere.

use abi::device_table::DeviceTable;
use devicetree::Tree;
use hosted::Config;
use hosted::virt::{self, Board};
use ledger::Builder;
use scenarios::agent;

use crate::program::Program;

/// The bus that the limited device is on, as it sees memory.
pub(crate) const BUS: u64 = 0xC000_0000;
/// What it reaches.
pub(crate) const WINDOW: (u64, u64) = (0x5000_0000, 1 << 20);

/// A program on a board with such a device; the device's index in the device table.
pub(crate) fn limited() -> (Program, u64) {
    let config = Config::default();
    let blob = virt::tree_with(config.ram, "test", |fdt| {
        fdt.begin("soc").strings("compatible", &["simple-bus"]).property("ranges", &[]);
        fdt.cells("#address-cells", &[2]).cells("#size-cells", &[2]);
        let [bus, base, size] = [BUS, WINDOW.0, WINDOW.1].map(|word| [(word >> 32) as u32, word as u32]);
        fdt.cells("dma-ranges", &[bus, base, size].concat());
        fdt.begin("dma@b000000")
            .strings("compatible", &["test,dma"])
            .reg(&[(0xB00_0000, 0x1000)])
            .end()
            .end();
    });
    let mut buffer = vec![0; devicetree::buffer_size(&blob).expect("a tree")];
    let tree = Tree::parse(&blob, &mut buffer).expect("a tree");
    let table = Builder::new(&tree).freeze().expect("a ledger").device_table(&tree).expect("a table");
    let table = DeviceTable::new(&table).expect("a table");
    let index = table.find("/soc/dma@b000000").expect("the device").index;
    let files: [(&str, &[u8]); 1] = [(Program::AGENT_FILE, &agent::page())];
    (Program::on(Board::boot_tree(config, &files, "test", &blob), config), index.into())
}
