//! Interrupts through parents, `interrupts-extended` and `interrupt-map`.

mod common;

use common::{Blob, parse};
use devicetree::Tree;

fn interrupts(tree: &Tree<'_>) -> Vec<String> {
    let line = |entry: devicetree::InterruptEntry<'_>| {
        let path = tree.path(entry.node);
        match entry.target {
            Err(problem) => format!("{path} {} {}", entry.index, problem.display(tree)),
            Ok(target) => {
                let gic = target
                    .gic
                    .map_or(String::new(), |gic| format!(" {} {} {}", gic.kind, gic.intid, gic.trigger));
                format!("{path} {} {} {:?}{gic}", entry.index, tree.path(target.controller), target.cells)
            }
        }
    };
    tree.interrupts().map(line).collect()
}

fn with_gic(cells: u32) -> Blob {
    let mut blob = Blob::root(1, 1);
    blob.cells("interrupt-parent", &[1]);
    blob.begin("gic").text("compatible", "arm,gic-400").flag("interrupt-controller").cells("phandle", &[1]);
    blob.cells("#interrupt-cells", &[cells]).cells("#address-cells", &[0]).end();
    blob
}

#[test]
fn gic_cells_become_intids() {
    let mut blob = with_gic(3);
    blob.begin("a")
        .cells("interrupts", &[0, 2, 4, 1, 11, 0xf08, 0, 987, 1, 0, 988, 1, 2, 0, 2, 3, 63, 3, 9, 0, 0])
        .end();
    assert_eq!(
        interrupts(&parse(&blob.finish()).unwrap()),
        [
            "/a 0 /gic [0, 2, 4] spi 34 level-high",
            "/a 1 /gic [1, 11, 3848] ppi 27 level-low",
            "/a 2 /gic [0, 987, 1] spi 1019 edge-rising",
            "/a 3 /gic [0, 988, 1]",
            "/a 4 /gic [2, 0, 2] espi 4096 edge-falling",
            "/a 5 /gic [3, 63, 3] eppi 1119 edge-both",
            "/a 6 /gic [9, 0, 0]",
        ]
    );
}

#[test]
fn four_cells_name_a_partition_too() {
    let mut blob = with_gic(4);
    blob.begin("a").cells("interrupts", &[1, 7, 8, 0x55]).end();
    assert_eq!(interrupts(&parse(&blob.finish()).unwrap()), ["/a 0 /gic [1, 7, 8, 85] ppi 23 level-low"]);
}

#[test]
fn parents_are_climbed_to() {
    let mut blob = with_gic(3);
    // An own interrupt-parent names a node without #interrupt-cells, whose own parent counts then.
    blob.begin("pins")
        .cells("#interrupt-cells", &[2])
        .flag("interrupt-controller")
        .cells("interrupts", &[0, 1, 4]);
    blob.begin("bank").cells("phandle", &[5]).end().end();
    blob.begin("key").cells("interrupt-parent", &[5]).cells("interrupts", &[3, 1]).end();
    assert_eq!(
        interrupts(&parse(&blob.finish()).unwrap()),
        ["/pins 0 /gic [0, 1, 4] spi 33 level-high", "/key 0 /pins [3, 1]"]
    );
}

#[test]
fn extended_entries_name_their_own_parents() {
    let mut blob = with_gic(3);
    blob.begin("pins")
        .cells("#interrupt-cells", &[1])
        .flag("interrupt-controller")
        .cells("phandle", &[2])
        .end();
    // It goes before `interrupts`; phandle 0 is an interrupt that is not wired.
    blob.begin("a")
        .cells("interrupts", &[0, 9, 4])
        .cells("interrupts-extended", &[2, 8, 0, 1, 0, 3, 4, 6, 1])
        .end();
    assert_eq!(
        interrupts(&parse(&blob.finish()).unwrap()),
        [
            "/a 0 /pins [8]",
            "/a 1 no node has phandle 0x0",
            "/a 2 /gic [0, 3, 4] spi 35 level-high",
            "/a 3 no node has phandle 0x6",
        ]
    );
}

#[test]
fn maps_compare_unit_address_and_cells_under_the_mask() {
    let mut blob = with_gic(3);
    blob.begin("bus").cells("#address-cells", &[1]).cells("#size-cells", &[1]).flag("ranges");
    blob.cells("#interrupt-cells", &[1]).cells("interrupt-map-mask", &[0xf000, 7]);
    blob.cells("interrupt-map", &[0x1000, 1, 1, 0, 40, 4, 0x2000, 1, 1, 0, 41, 4]);
    blob.begin("a@2abc").cells("reg", &[0x2abc, 4]).cells("interrupts", &[9]).end();
    blob.begin("b@3000").cells("reg", &[0x3000, 4]).cells("interrupts", &[1]).end().end();
    assert_eq!(
        interrupts(&parse(&blob.finish()).unwrap()),
        [
            "/bus/a@2abc 0 /gic [0, 41, 4] spi 73 level-high",
            "/bus/b@3000 0 no row of the interrupt-map of /bus matches"
        ]
    );
}

#[test]
fn maps_that_loop_come_to_an_end() {
    let mut blob = Blob::root(1, 1);
    for (name, own, other) in [("x", 1, 2), ("y", 2, 1)] {
        blob.begin(name).cells("#interrupt-cells", &[1]).cells("phandle", &[own]);
        blob.cells("#address-cells", &[0]).cells("interrupt-map", &[4, other, 4]).end();
    }
    blob.begin("a").cells("interrupt-parent", &[1]).cells("interrupts", &[4]).end();
    let lines = interrupts(&parse(&blob.finish()).unwrap());
    assert_eq!(lines, ["/a 0 the interrupt-map of /x is one of more than 8 in a row, or of a circle"]);
}

#[test]
fn parents_that_loop_come_to_an_end() {
    let mut blob = Blob::root(1, 1);
    blob.begin("x").cells("phandle", &[1]).cells("interrupt-parent", &[2]).end();
    blob.begin("y").cells("phandle", &[2]).cells("interrupt-parent", &[1]).end();
    blob.begin("a").cells("interrupt-parent", &[1]).cells("interrupts", &[4]).end();
    assert_eq!(
        interrupts(&parse(&blob.finish()).unwrap()),
        ["/a 0 interrupt-parent leads in a circle from /a"]
    );
}

#[test]
fn damaged_values_are_listed() {
    let mut blob = with_gic(3);
    blob.begin("cut").cells("interrupts", &[0, 1]).end();
    blob.begin("none").cells("#interrupt-cells", &[0]).cells("phandle", &[2]).end();
    blob.begin("a").cells("interrupt-parent", &[2]).cells("interrupts", &[1]).end();
    blob.begin("nexus").cells("#interrupt-cells", &[1]).cells("phandle", &[3]).cells("#address-cells", &[0]);
    blob.cells("interrupt-map", &[4]).end();
    blob.begin("b").cells("interrupt-parent", &[3]).cells("interrupts", &[4]).end();
    blob.begin("c").cells("interrupt-parent", &[9]).cells("interrupts", &[4]).end();
    assert_eq!(
        interrupts(&parse(&blob.finish()).unwrap()),
        [
            "/cut 0 the value ends inside a specifier for /gic",
            "/a 0 #interrupt-cells of /none is not 1 to 8",
            "/b 0 the interrupt-map of /nexus ends inside a row, or its #address-cells is above 4",
            "/c 0 no node has phandle 0x9",
        ]
    );
}
