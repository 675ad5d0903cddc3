//! A million mutated trees, each read by two readers that share no code and asked everything.
//!
//! The seeds are fixed: number N of the million is always the same blob. `JACINTH_SEED=N` replays one.

use std::sync::atomic::{AtomicU64, Ordering};
use treecheck::judge::judge;
use treecheck::mutate::{Model, Random, mutate};
use treecheck::writer::{Blob, board};

const MILLION: u64 = 1_000_000;

/// The trees that are mutated.
fn bases() -> Vec<Model> {
    let small = Blob::root(1, 1).begin("a@1000").cells("reg", &[0x1000, 4]).end().finish();
    let blobs = [board().finish(), Blob { nops: 1, ..board() }.finish(), buses(), nexus(), small];
    blobs.iter().map(|blob| Model::read(blob).expect("a whole tree")).collect()
}

/// Buses of all shapes, one below the other.
fn buses() -> Vec<u8> {
    let mut blob = Blob::root(2, 2);
    blob.begin("memory@0").text("device_type", "memory").cells("reg", &[0, 0, 0, 0x4000_0000]).end();
    blob.begin("wide").cells("#address-cells", &[4]).cells("#size-cells", &[3]);
    blob.cells("ranges", &[0, 0, 0, 0, 1, 0, 0, 0, 0x1000_0000]);
    blob.begin("fsl").cells("#address-cells", &[3]).cells("#size-cells", &[1]);
    blob.cells("ranges", &[1, 0, 0, 0, 0, 0, 0, 0x1000, 2, 0, 0, 0, 0, 0, 0x8000, 0x1000]);
    blob.begin("a").cells("reg", &[2, 0, 0x10, 4, 1, 0, 0xffc, 8]).end();
    blob.begin("narrow").cells("#address-cells", &[1]).cells("#size-cells", &[1]);
    blob.cells("ranges", &[0, 2, 0, 0, 0x100, 0, 1, 0, 0, 0x1000]);
    blob.cells("dma-ranges", &[0, 2, 0, 0, 0x100]);
    blob.begin("b")
        .cells("reg", &[0x10, 4, 0x80, 0x100])
        .text("reg-names", "one\0two")
        .end()
        .end()
        .end()
        .end();
    blob.begin("pcie").text("device_type", "pci").cells("#address-cells", &[3]).cells("#size-cells", &[2]);
    blob.cells("ranges", &[0x200_0000, 0, 0, 1, 0, 0, 0x1000, 0x4300_0000, 0, 0, 2, 0, 1, 0]);
    blob.begin("isa").cells("#address-cells", &[2]).cells("#size-cells", &[1]).flag("ranges");
    blob.begin("c").cells("reg", &[0, 0x10, 4]).end().end().end();
    blob.begin("reserved-memory").cells("#address-cells", &[2]).cells("#size-cells", &[2]).flag("ranges");
    blob.begin("d").cells("reg", &[0, 0x1000, 0, 0x1000]).text("status", "okay").end();
    blob.begin("e").cells("size", &[0, 0x1000]).cells("alignment", &[0, 0x1000]).end().end();
    blob.finish()
}

/// Nexus nodes, one behind the other, and controllers of all widths.
fn nexus() -> Vec<u8> {
    let mut blob = Blob::root(1, 1);
    blob.cells("interrupt-parent", &[1]);
    blob.begin("gic").cells("phandle", &[1]).cells("#interrupt-cells", &[3]).cells("#address-cells", &[1]);
    blob.text("compatible", "arm,gic-400")
        .cells("reg", &[0, 0x1000, 0x2000, 0x1000])
        .flag("interrupt-controller")
        .end();
    blob.begin("far").cells("phandle", &[2]).cells("#interrupt-cells", &[2]).cells("#address-cells", &[0]);
    blob.cells("interrupt-map", &[1, 4, 1, 0, 0, 9, 4, 2, 4, 3, 7])
        .cells("interrupt-map-mask", &[0xff, 0])
        .end();
    blob.begin("pins").cells("phandle", &[3]).cells("#interrupt-cells", &[1]).flag("interrupt-controller");
    blob.cells("interrupts", &[0, 1, 4]).end();
    blob.begin("near").cells("phandle", &[7]).cells("#interrupt-cells", &[1]).cells("#address-cells", &[2]);
    blob.cells("#size-cells", &[1]).cells("interrupt-map", &[0, 0x800, 1, 2, 1, 4, 0, 0x1000, 1, 2, 2, 4]);
    blob.cells("interrupt-map-mask", &[0, 0xf800, 3]);
    blob.begin("a").cells("reg", &[0, 0x8ff, 1]).cells("interrupts", &[1, 2]).end();
    blob.begin("b")
        .cells("reg", &[0, 0x1000, 1])
        .cells("interrupts", &[5])
        .text("interrupt-names", "x")
        .end()
        .end();
    blob.begin("c").cells("interrupts-extended", &[1, 0, 3, 4, 0, 3, 9, 2, 1, 4, 7, 1]).end();
    blob.begin("d").cells("interrupt-parent", &[2]).cells("interrupts", &[0x101, 0, 2, 0]).end();
    blob.finish()
}

/// Says how to replay what failed.
struct Replay(u64);

impl Drop for Replay {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("mutation {0} failed; JACINTH_SEED={0} replays it alone", self.0);
        }
    }
}

fn try_seed(bases: &[Model], seed: u64) -> bool {
    let _replay = Replay(seed);
    let mut random = Random::new(seed);
    let base = random.below(bases.len());
    judge(&mutate(&bases[base], &mut random))
}

#[test]
fn a_million_mutations() {
    let bases = bases();
    assert!(bases.iter().all(|base| judge(&base.write())), "the bases themselves are good");
    if let Ok(seed) = std::env::var("JACINTH_SEED") {
        let seed = seed.parse().expect("JACINTH_SEED is a number");
        println!("mutation {seed}: {}", if try_seed(&bases, seed) { "a tree" } else { "refused" });
        return;
    }
    let (next, accepted) = (AtomicU64::new(0), AtomicU64::new(0));
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let first = next.fetch_add(1000, Ordering::Relaxed);
                    if first >= MILLION {
                        return;
                    }
                    let good = (first..first + 1000).filter(|seed| try_seed(&bases, *seed)).count();
                    accepted.fetch_add(good as u64, Ordering::Relaxed);
                }
            });
        }
    });
    let accepted = accepted.into_inner();
    println!("seeds 0 to {MILLION}: {accepted} trees, {} refused", MILLION - accepted);
    // Both ways must be tried often.
    assert!((MILLION / 10..MILLION * 9 / 10).contains(&accepted), "{accepted}");
}
