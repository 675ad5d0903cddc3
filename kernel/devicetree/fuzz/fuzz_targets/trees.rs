//! Blobs from libFuzzer, mutated by what knows how trees are made, read by two readers and asked everything.
//!
//! ```text
//! cargo +nightly fuzz run trees          in kernel/devicetree, with cargo-fuzz
//! cargo +nightly fuzz run trees CORPUS   from real trees
//! ```
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use treecheck::judge::judge;
use treecheck::mutate::{Model, Random, mutate};
use treecheck::writer::board;

fuzz_target!(|blob: &[u8]| {
    judge(blob);
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut random = Random::new(u64::from(seed));
    // One in eight changes is libFuzzer's own, which knows what the compiler compared.
    if random.below(8) == 0 {
        return fuzzer_mutate(data, size, max_size);
    }
    let base = Model::read(&data[..size]).or_else(|| Model::read(&board().finish()));
    let Some(base) = base else { return size };
    let blob = mutate(&base, &mut random);
    let length = blob.len().min(max_size).min(data.len());
    data[..length].copy_from_slice(&blob[..length]);
    length
});
