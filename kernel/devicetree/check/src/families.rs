//! Trees that grow: each family is as nasty as its size allows, and its work must grow no faster than its size.

use crate::mutate::Model;
use crate::writer::{Blob, NOP};

/// A family: its name, and its tree of about so many parts.
pub type Family = (&'static str, fn(u32) -> Vec<u8>);

/// Every family.
pub const FAMILIES: [Family; 21] = [
    ("nodes", |count| {
        grown(count, |blob, _| {
            blob.begin("n").end();
        })
    }),
    ("deep", |count| {
        grown(count / 16, |blob, _| {
            (0..15).for_each(|_| {
                blob.begin("deeper-and-deeper");
            });
            (0..15).for_each(|_| {
                blob.end();
            });
        })
    }),
    ("nops", |count| {
        grown(count, |blob, _| {
            blob.word(NOP);
        })
    }),
    ("phandles", |count| {
        // In reverse, and each interrupt asks for another.
        grown(count, |blob, number| {
            blob.begin("n").cells("phandle", &[count - number]).cells("#interrupt-cells", &[1]);
            blob.flag("interrupt-controller").cells("interrupts-extended", &[number / 2 + 1, 7]).end();
        })
    }),
    ("aliases", |count| {
        let mut blob = Blob::root(1, 1);
        blob.begin("chosen").text("stdout-path", "last").end().begin("aliases");
        let names = [blob.string("alias"), blob.string("alias2")];
        for number in 0..count {
            blob.word(3).word(12).word(names[(number % 2) as usize]);
            blob.structure.extend(b"/soc/uart@9\0");
        }
        blob.text("last", "/soc/uart@9").end().finish()
    }),
    ("children", |count| {
        let mut blob = Blob::root(1, 1);
        blob.begin("chosen").text("stdout-path", "/soc/last").end();
        blob.begin("soc").cells("#address-cells", &[1]).cells("#size-cells", &[1]).flag("ranges");
        for number in 0..count {
            blob.begin("u@1").text("compatible", "arm,pl011");
            if number < 4000 {
                blob.cells("reg", &[number * 0x1000, 0x1000]);
            }
            blob.end();
        }
        blob.begin("last").end().end().finish()
    }),
    ("ranges", |count| {
        behind_ranges(count, |blob, count| {
            let reg: Vec<u32> = (0..count.min(4000)).flat_map(|_| [0, 4]).collect();
            blob.begin("a").cells("reg", &reg).end();
        })
    }),
    ("pci", |count| {
        behind_ranges(count, |blob, count| {
            let rows: Vec<u32> = (0..count.min(2000)).flat_map(|_| [0x200_0000, 0, 0, 0, 0, 4]).collect();
            blob.begin("pcie")
                .text("device_type", "pci")
                .cells("#address-cells", &[3])
                .cells("#size-cells", &[2]);
            blob.cells("ranges", &rows).end();
        })
    }),
    ("dma", |count| {
        behind_ranges(count, |blob, count| {
            for _ in 0..count / 4 {
                blob.begin("b").cells("#address-cells", &[1]).cells("#size-cells", &[1]);
                blob.cells("dma-ranges", &[0, 0, 4]).begin("d").text("compatible", "x").end().end();
            }
        })
    }),
    ("map", |count| {
        let mut blob = with_gic();
        let map: Vec<u32> = (0..count).flat_map(|row| [row, 1, 0, row % 900, 4]).collect();
        let interrupts: Vec<u32> = (0..count).map(|number| count - number).collect();
        blob.begin("pcie")
            .text("device_type", "pci")
            .cells("#address-cells", &[3])
            .cells("#size-cells", &[2]);
        blob.begin("nexus").cells("#address-cells", &[0]).cells("#interrupt-cells", &[1]);
        blob.cells("interrupt-map", &map)
            .begin("dev")
            .cells("interrupts", &interrupts)
            .end()
            .end()
            .end()
            .finish()
    }),
    ("pci-map", |count| {
        let mut blob = with_gic();
        let map: Vec<u32> = (0..count).flat_map(|row| [0, 0, 0, row, 1, 0, row % 900, 4]).collect();
        blob.begin("pcie")
            .text("device_type", "pci")
            .cells("#address-cells", &[3])
            .cells("#size-cells", &[2]);
        blob.cells("#interrupt-cells", &[1]).cells("interrupt-map", &map).end().finish()
    }),
    ("map-loop", |count| {
        let mut blob = with_gic();
        for (name, own, other) in [("ping", 2, 3), ("pong", 3, 2)] {
            let map: Vec<u32> = (0..count / 2).flat_map(|_| [9, other, 9]).chain([6, other, 6]).collect();
            blob.begin(name).cells("phandle", &[own]).cells("#interrupt-cells", &[1]);
            blob.cells("interrupt-map", &map).end();
        }
        let interrupts = vec![6; (count / 4) as usize];
        blob.begin("dev").cells("interrupt-parent", &[2]).cells("interrupts", &interrupts).end().finish()
    }),
    ("interrupts", |count| {
        let mut blob = with_gic();
        for number in 0..count {
            blob.begin("n").cells("interrupts", &[0, (count - number) % 900, 4]).end();
        }
        blob.finish()
    }),
    ("overlapping", |count| {
        grown(count.min(4090), |blob, _| {
            blob.begin("n").cells("reg", &[0x1000, 0x1000]).end();
        })
    }),
    ("one-node", |count| {
        let reg: Vec<u32> = (0..count.min(4090)).flat_map(|_| [0x1000, 0x1000]).collect();
        grown(1, |blob, _| {
            blob.begin("n").cells("reg", &reg).end();
        })
    }),
    ("nested", |count| {
        let mut blob = Blob::root(1, 1);
        let each = count.min(4090) / 15;
        for level in 0..15 {
            let reg: Vec<u32> =
                (0..each).flat_map(|number| [number * 64, 0x10_0000 - level * 0x1000]).collect();
            blob.begin("n")
                .cells("#address-cells", &[1])
                .cells("#size-cells", &[1])
                .flag("ranges")
                .cells("reg", &reg);
        }
        (0..15).for_each(|_| {
            blob.end();
        });
        blob.finish()
    }),
    ("memory", |count| {
        let reg: Vec<u32> = (0..count).flat_map(|number| [(count - number) * 0x1000, 0x800]).collect();
        grown(1, |blob, _| {
            blob.begin("memory").cells("reg", &reg).end();
        })
    }),
    ("reserved", |count| {
        let mut blob = Blob::root(1, 1);
        blob.reservations = (0..u64::from(count)).map(|number| (number << 16, 0x1000)).collect();
        blob.begin("reserved-memory").cells("#address-cells", &[1]).cells("#size-cells", &[1]).flag("ranges");
        (0..count).for_each(|number| {
            blob.begin("r").cells("reg", &[number << 12, 0x1000]).end();
        });
        blob.end().finish()
    }),
    ("compatible", |count| {
        let list = "arm,gic-v2m-framed\0".repeat(count as usize);
        grown(1, |blob, _| {
            blob.begin("n").text("compatible", &list).end();
        })
    }),
    ("names", |count| {
        // Every property has another name of 255 bytes: they overlap in the strings block.
        let mut blob = Blob::root(1, 1);
        let start = blob.strings.len() as u32;
        for _ in 0..count.div_ceil(8) {
            blob.strings.extend([b'p'; 255]);
            blob.strings.push(0);
        }
        blob.begin("n");
        (0..count).for_each(|number| {
            blob.word(3).word(0).word(start + number / 8 * 256 + number % 8);
        });
        blob.end().finish()
    }),
    ("cpus", |count| {
        let mut blob = Blob::root(1, 1);
        blob.begin("cpus").cells("#address-cells", &[1]).cells("#size-cells", &[0]);
        for number in 0..count {
            blob.begin("c")
                .text("device_type", "cpu")
                .cells("reg", &[number])
                .text("enable-method", "psci")
                .end();
        }
        blob.end().finish()
    }),
];

/// A board's tree with so many of everything that boot looks at: consoles that cannot be used, memory that is not ours,
/// reservations, windows that all overlap, interrupts, phandles, CPUs and aliases.
///
/// The board's root has two cells for addresses and sizes. `None` if the tree is too broken to be extended.
pub fn hostile_board(board: &[u8], count: u32) -> Option<Vec<u8>> {
    let mut blob = Blob::root(2, 2);
    let far = |number: u32| [0x80, number << 12, 0, 0x1000];
    for number in 0..count {
        // In RAM, where no UART is.
        blob.begin("uart").text("compatible", "arm,pl011").cells("reg", &[0, 0x4000_0000, 0, 0x1000]);
        blob.cells("phandle", &[0x10_0000 + count - number]).end();
        blob.begin("d").text("compatible", "x").cells("reg", &[0, 0x3000_0000, 0, 0x1000]);
        blob.cells("interrupts", &[0, number % 900 + 64, 4]).end();
    }
    let regions: Vec<u32> = (0..count).flat_map(|number| far(2 * number)).collect();
    blob.begin("memory@8000000000").text("device_type", "memory").text("status", "disabled");
    blob.cells("reg", &regions).end();
    blob.begin("reserved-memory").cells("#address-cells", &[2]).cells("#size-cells", &[2]).flag("ranges");
    for number in 0..count {
        blob.begin("r").cells("reg", &far(2 * number + 1)).end();
    }
    blob.end().begin("aliases");
    for number in 0..count {
        blob.text(["a", "b"][(number % 2) as usize], "/uart");
    }
    blob.end().begin("cpus").cells("#address-cells", &[1]).cells("#size-cells", &[0]);
    for number in 0..count {
        blob.begin("c").text("device_type", "cpu").cells("reg", &[number]).text("status", "disabled").end();
    }
    blob.end();
    let mut tree = Model::read(board)?;
    tree.graft(&Model::read(&blob.finish())?);
    Some(tree.write())
}

/// A root with a GIC, which is everybody's interrupt parent.
fn with_gic() -> Blob {
    let mut blob = Blob::root(1, 1);
    blob.cells("interrupt-parent", &[1]);
    blob.begin("gic").text("compatible", "arm,gic-v3").cells("phandle", &[1]).cells("#interrupt-cells", &[3]);
    blob.cells("reg", &[0, 0x1_0000, 0x10_0000, 0x2_0000]).cells("#address-cells", &[0]);
    blob.flag("interrupt-controller").end();
    blob
}

fn grown(count: u32, mut part: impl FnMut(&mut Blob, u32)) -> Vec<u8> {
    let mut blob = Blob::root(1, 1);
    (0..count).for_each(|number| part(&mut blob, number));
    blob.finish()
}

/// A bus whose last range alone holds anything.
fn behind_ranges(count: u32, inside: impl FnOnce(&mut Blob, u32)) -> Vec<u8> {
    let mut blob = Blob::root(1, 1);
    blob.begin("soc").cells("#address-cells", &[1]).cells("#size-cells", &[1]);
    let ranges: Vec<u32> =
        (0..count).flat_map(|row| [0x1000_0000 + row, 0, 1]).chain([0, 0, 0x1000]).collect();
    blob.cells("ranges", &ranges).cells("dma-ranges", &ranges);
    inside(&mut blob, count);
    blob.end().finish()
}
