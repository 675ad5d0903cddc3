//! Any bytes at all: a tree or an error, soon, and never a panic.

mod common;

use common::{BEGIN_NODE, END, END_NODE, NOP, PROP, board};
use proptest::prelude::*;
use treecheck::families::FAMILIES;
use treecheck::judge::{ask_everything, judge};

/// One way to damage a blob.
#[derive(Clone, Debug)]
enum Damage {
    Flip { at: usize, bit: u8 },
    Word { at: usize, word: u32 },
    Cut { at: usize },
    Insert { at: usize, words: Vec<u32> },
    Remove { at: usize, words: usize },
    Copy { from: usize, to: usize, words: usize },
}

fn damage() -> impl Strategy<Value = Damage> {
    let telling = prop_oneof![
        prop::sample::select(vec![0, 1, 2, 3, 4, 9, 0x7fff_ffff, 0x8000_0000, u32::MAX]),
        prop::sample::select(vec![BEGIN_NODE, END_NODE, PROP, NOP, END]),
        any::<u32>(),
        0u32..256,
    ];
    let place = any::<prop::sample::Index>().prop_map(|index| index.index(1 << 20));
    prop_oneof![
        (place.clone(), 0u8..8).prop_map(|(at, bit)| Damage::Flip { at, bit }),
        (place.clone(), telling.clone()).prop_map(|(at, word)| Damage::Word { at, word }),
        place.clone().prop_map(|at| Damage::Cut { at }),
        (place.clone(), prop::collection::vec(telling, 1..4))
            .prop_map(|(at, words)| Damage::Insert { at, words }),
        (place.clone(), 1usize..8).prop_map(|(at, words)| Damage::Remove { at, words }),
        (place.clone(), place, 1usize..64).prop_map(|(from, to, words)| Damage::Copy { from, to, words }),
    ]
}

/// Applies damage; sizes in the header follow, so that what is behind it is reached.
fn apply(blob: &mut Vec<u8>, damage: &Damage) {
    let word_at =
        |at: &usize, blob: &Vec<u8>| (at % blob.len().max(4) / 4 * 4).min(blob.len().saturating_sub(4));
    match damage {
        Damage::Flip { at, bit } => {
            let at = at % blob.len();
            blob[at] ^= 1 << bit;
        }
        Damage::Word { at, word } => {
            let at = word_at(at, blob);
            blob[at..at + 4].copy_from_slice(&word.to_be_bytes());
        }
        Damage::Cut { at } => blob.truncate((at % blob.len()).max(64)),
        Damage::Insert { at, words } => {
            let at = word_at(at, blob).max(56).min(blob.len());
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
            blob.splice(at..at, bytes);
            resize(blob, (words.len() * 4) as i64);
        }
        Damage::Remove { at, words } => {
            let at = word_at(at, blob).max(56).min(blob.len());
            let end = (at + words * 4).min(blob.len()).max(at);
            blob.drain(at..end);
            resize(blob, at as i64 - end as i64);
        }
        Damage::Copy { from, to, words } => {
            let (from, to) = (word_at(from, blob), word_at(to, blob));
            let length = (words * 4).min(blob.len() - from).min(blob.len() - to);
            blob.copy_within(from..from + length, to);
        }
    }
}

/// Adds to totalsize, off_dt_strings and size_dt_struct.
fn resize(blob: &mut [u8], change: i64) {
    for at in [4, 12, 36] {
        let word = u32::from_be_bytes(blob[at..at + 4].try_into().expect("four bytes"));
        blob[at..at + 4].copy_from_slice(&(i64::from(word) + change).max(0).to_be_bytes()[4..]);
    }
}

#[test]
fn the_board_itself_is_good() {
    let blob = board().finish();
    assert!(judge(&blob));
    let tree = common::parse(&blob).unwrap();
    assert!(ask_everything(&tree) > 100);
}

#[test]
fn every_cut_and_every_word_of_the_board() {
    let blob = board().finish();
    for at in 0..blob.len() {
        judge(&blob[..at]);
    }
    let mut accepted = 0;
    for at in (0..blob.len() - 3).step_by(4) {
        for word in [0, 1, 2, 3, 4, 9, 0x7fff_ffff, u32::MAX] {
            accepted += usize::from(judge(&common::patch(blob.clone(), at, word)));
        }
    }
    assert!(accepted > 1000, "{accepted}");
}

#[test]
fn trees_that_grow_are_read_alike() {
    for (name, tree) in FAMILIES {
        for count in [1, 2, 40] {
            assert!(judge(&tree(count)), "{name} of {count}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_boards_give_a_tree_or_an_error(
        nops in 0usize..3,
        list in prop::collection::vec(damage(), 1..5),
    ) {
        let mut blob = common::Blob { nops, ..board() }.finish();
        for damage in &list {
            apply(&mut blob, damage);
        }
        judge(&blob);
    }

    #[test]
    fn random_bytes_behind_a_good_header(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut blob = common::Blob { structure: bytes, ..common::Blob::default() };
        while !blob.structure.len().is_multiple_of(4) {
            blob.structure.push(0);
        }
        judge(&blob.write());
        judge(&blob.structure);
    }
}
