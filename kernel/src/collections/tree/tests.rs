//! The tree against `BTreeMap`, and its gaps against a search that looks everywhere.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

impl<V> Tree<V> {
    /// Checks what every operation relies on, over the whole tree.
    fn check(&self) {
        assert_eq!(self.index.check(), self.len());
        assert_eq!(self.iter().count(), self.len());
    }

    /// Nodes and places for values that there are, in use or not.
    fn room(&self) -> (u32, u32) {
        (self.index.nodes.all(), self.values.all())
    }

    /// Nodes in use, and levels above the leaves.
    fn shape(&self) -> (u32, u32) {
        (self.index.nodes.used(), self.index.height)
    }
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u64, u32),
    Remove(u64),
    PopFirst,
    Look(u64),
    Reserve(usize),
    InsertRun(u64, u64, u64),
    RemoveRun(u64, u64),
}

fn key() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0..64u64, 4 => 0..1500u64, 1 => Just(u64::MAX), 1 => any::<u64>()]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (key(), any::<u32>()).prop_map(|(k, v)| Step::Insert(k, v)),
        3 => key().prop_map(Step::Remove),
        1 => Just(Step::PopFirst),
        2 => key().prop_map(Step::Look),
        1 => (0..200usize).prop_map(Step::Reserve),
        1 => (0..1000u64, 0..150u64, 1..5u64).prop_map(|(from, n, stride)| Step::InsertRun(from, n, stride)),
        1 => (0..1000u64, 0..600u64).prop_map(|(from, n)| Step::RemoveRun(from, from + n)),
    ]
}

/// Inserts into both, which must take no new node while that was promised.
fn insert(
    tree: &mut Tree<u32>,
    model: &mut BTreeMap<u64, u32>,
    promised: &mut (usize, (u32, u32)),
    key: u64,
    value: u32,
) {
    let old = model.insert(key, value);
    assert_eq!(tree.try_insert(key, value), Ok(old));
    if promised.0 > 0 && old.is_none() {
        assert_eq!(tree.room(), promised.1);
        promised.0 -= 1;
    }
}

fn owned(entry: Option<(u64, &u32)>) -> Option<(u64, u32)> {
    entry.map(|(k, v)| (k, *v))
}

fn look(tree: &Tree<u32>, model: &BTreeMap<u64, u32>, key: u64) {
    let pair = |(k, v): (&u64, &u32)| (*k, *v);
    assert_eq!(tree.get(key), model.get(&key));
    assert_eq!(tree.contains_key(key), model.contains_key(&key));
    assert_eq!(owned(tree.floor(key)), model.range(..=key).next_back().map(pair));
    assert_eq!(owned(tree.ceiling(key)), model.range(key..).next().map(pair));
    let after = (Bound::Excluded(key), Bound::Unbounded);
    assert_eq!(owned(tree.next_after(key)), model.range(after).next().map(pair));
    assert_eq!(owned(tree.first()), model.first_key_value().map(pair));
    assert_eq!(owned(tree.last()), model.last_key_value().map(pair));
    assert!(tree.range(key..).eq(model.range(key..).map(|(k, v)| (*k, v))));
    assert!(tree.range(..key).eq(model.range(..key).map(|(k, v)| (*k, v))));
    assert!(tree.range(3..=key.max(3)).eq(model.range(3..=key.max(3)).map(|(k, v)| (*k, v))));
}

proptest! {
    #[test]
    fn agrees_with_the_standard_map(steps in prop::collection::vec(step(), 1..60)) {
        let mut tree: Tree<_> = Tree::new();
        let mut model = BTreeMap::new();
        let mut promised = (0, (0, 0));
        for step in steps {
            match step {
                Step::Insert(k, v) => insert(&mut tree, &mut model, &mut promised, k, v),
                Step::Remove(k) => prop_assert_eq!(tree.remove(k), model.remove(&k)),
                Step::PopFirst => prop_assert_eq!(tree.pop_first(), model.pop_first()),
                Step::Look(k) => look(&tree, &model, k),
                Step::Reserve(n) => {
                    prop_assert_eq!(tree.reserve(n), Ok(()));
                    promised = (n, tree.room());
                }
                Step::InsertRun(from, count, stride) => {
                    for key in (0..count).map(|n| from + n * stride) {
                        insert(&mut tree, &mut model, &mut promised, key, 0);
                    }
                }
                Step::RemoveRun(from, to) => {
                    for key in from..to {
                        prop_assert_eq!(tree.remove(key), model.remove(&key));
                    }
                }
            }
            tree.check();
            prop_assert_eq!(tree.len(), model.len());
            prop_assert!(tree.iter().eq(model.iter().map(|(k, v)| (*k, v))));
        }
        tree.index.tell();
        tree.check();
    }
}

#[test]
fn ascending_keys_fill_their_nodes() {
    let mut tree: Tree<_> = Tree::new();
    for key in 0..10_000u64 {
        tree.try_insert(key, ()).unwrap();
    }
    tree.check();
    assert_eq!(tree.shape(), (667 + 45 + 3 + 1, 3));
}

#[test]
fn depth_is_logarithmic_and_what_is_left_joins() {
    let (mut tree, mut key): (Tree<_>, _) = (Tree::new(), 1u64);
    let scattered = |key: u64| key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    while key <= 100_000 {
        tree.try_insert(scattered(key), ()).unwrap();
        key += 1;
    }
    let (nodes, height) = tree.shape();
    assert!(height <= 5 && nodes < 12_000, "{nodes} nodes, {height} levels");
    tree.check();
    for key in (1..=100_000).filter(|key| key % 100 != 0) {
        tree.remove(scattered(key)).unwrap();
    }
    tree.check();
    assert_eq!(tree.len(), 1000);
    let (nodes, height) = tree.shape();
    assert!(height <= 4 && nodes < 500, "{nodes} nodes, {height} levels");
}

#[test]
fn removed_nodes_are_used_again() {
    let mut tree: Tree<_> = Tree::new();
    for round in 0..100u64 {
        for key in 0..64 {
            tree.try_insert(round * 1000 + key, ()).unwrap();
        }
        while tree.pop_first().is_some() {}
        tree.check();
    }
    // Five leaves and what is above them.
    assert_eq!(tree.room(), (6, 64));
    tree.try_insert(0, ()).unwrap();
    assert!(!tree.release());
    tree.remove(0);
    assert!(tree.release() && tree.is_bare());
    tree.try_insert(0, ()).unwrap();
    tree.check();
}

#[test]
fn memory_goes_back_in_pieces_and_serves_meanwhile() {
    let mut tree: Tree<_> = Tree::new();
    for key in 0..10_000u64 {
        tree.try_insert(key, key).unwrap();
    }
    while tree.pop_first().is_some() {}
    let mut pieces = 0;
    while !tree.release() {
        pieces += 1;
        tree.try_insert(pieces, pieces).unwrap();
        tree.check();
        assert_eq!(tree.remove(pieces), Some(pieces));
    }
    assert!(pieces > 15, "{pieces}");
}

#[test]
fn no_range_is_too_odd() {
    let mut tree: Tree<_> = Tree::new();
    tree.try_insert(u64::MAX, ()).unwrap();
    tree.try_insert(0, ()).unwrap();
    assert_eq!(tree.range(..0).count(), 0);
    assert_eq!(tree.range((Bound::Excluded(u64::MAX), Bound::Unbounded)).count(), 0);
    assert_eq!(tree.range((Bound::Included(5), Bound::Included(4))).count(), 0);
    assert_eq!(tree.range(..).count(), 2);
    assert_eq!(tree.next_after(u64::MAX), None);
}

/// A length, and a word that nobody else has.
#[derive(Clone, Copy, Debug)]
struct Piece(u64, u64);

impl Extent for Piece {
    fn length(&self) -> u64 {
        self.0
    }

    fn word(&self) -> u64 {
        self.1
    }

    fn of(word: u64, length: u64) -> Self {
        Self(length, word)
    }
}

impl ExtentTree<Piece> {
    fn check(&self) {
        assert_eq!(self.index.check(), self.iter().count());
        assert_eq!(self.is_empty(), self.iter().next().is_none());
    }

    fn pairs(&self) -> impl Iterator<Item = (u64, u64)> {
        self.iter().map(|(key, piece)| (key, piece.0))
    }

    /// Puts a length under a key if that changes no more than one leaf; whether it did.
    fn put_at_hand(&mut self, key: u64, length: u64) -> bool {
        let Some(gap) = self.gap_at_hand(key, length) else { return false };
        gap.put(key, Piece(length, !key));
        true
    }

    /// Takes what is under a key out if that changes no more than one leaf. Gives its length.
    fn take_at_hand(&mut self, key: u64) -> Option<u64> {
        let (entry, piece) = self.look_at_hand(key)?;
        assert_eq!(piece.1, !key);
        entry.take();
        Some(piece.0)
    }

    /// Puts a length under a key, with a word of its own.
    fn put(&mut self, key: u64, length: u64) -> Option<u64> {
        self.try_insert(key, Piece(length, !key)).unwrap().map(|old| old.0)
    }
}

/// The answer by looking at every address, in the order that `find_gap` promises.
fn find_by_force(extents: &BTreeMap<u64, u64>, request: &GapRequest) -> Option<u64> {
    let free = |at: u64| {
        at % request.align == request.residue % request.align
            && at + request.length <= request.to
            && extents.iter().all(|(&k, &len)| k + len <= at || at + request.length <= k)
    };
    let hint = request.hint.max(request.from);
    (hint..request.to).find(|at| free(*at)).or_else(|| (request.from..request.to).find(|at| free(*at)))
}

fn request() -> impl Strategy<Value = GapRequest> {
    (0..300u64, 0..300u64, 0..40u64, 0..6u32, any::<u64>(), 0..320u64).prop_map(
        |(from, to, length, align, residue, hint)| GapRequest {
            from,
            to,
            length,
            align: 1 << align,
            residue,
            hint,
        },
    )
}

proptest! {
    #[test]
    fn gaps_are_those_that_a_full_search_finds(
        pieces in prop::collection::vec((0..256u64, 1..12u64, any::<bool>()), 0..200),
        requests in prop::collection::vec(request(), 1..20),
    ) {
        let mut tree: ExtentTree<Piece> = ExtentTree::new();
        let mut model: BTreeMap<u64, u64> = BTreeMap::new();
        for (key, len, grow) in pieces {
            let overlap = model.iter().find(|(k, l)| **k < key + len && key < **k + **l).map(|(k, l)| (*k, *l));
            prop_assert_eq!(tree.first_overlap(key, key + len).map(|(k, v)| (k, v.0)), overlap);
            match overlap {
                None => {
                    if !tree.put_at_hand(key, len) {
                        prop_assert_eq!(tree.put(key, len), None);
                    }
                    model.insert(key, len);
                }
                Some(_) if tree.put_at_hand(key, len) => prop_assert!(false, "put where something is"),
                Some((other, old)) if grow && old > 1 => {
                    prop_assert_eq!(tree.put(other, old - 1), Some(old));
                    model.insert(other, old - 1);
                }
                Some((other, old)) => {
                    prop_assert!(old == 1 || tree.take_at_hand(other + 1).is_none());
                    if let Some(gone) = tree.take_at_hand(other) {
                        prop_assert_eq!(gone, old);
                        model.remove(&other);
                        tree.check();
                        continue;
                    }
                    let look = tree.look(other).expect("what overlaps");
                    prop_assert_eq!((look.key, look.value.0, look.value.1), (other, old, !other));
                    tree.take(&look);
                    prop_assert!(tree.get(other).is_none());
                    model.remove(&other);
                }
            }
            tree.check();
        }
        for request in requests {
            let expected = if request.length == 0 { None } else { find_by_force(&model, &request) };
            let found = tree.find_gap(&request);
            // Exact while fewer than PROBES gaps are long enough: 256 bytes hold no 32 gaps of 8.
            if request.length >= 8 || request.align == 1 {
                prop_assert_eq!(found, expected, "{:?} among {:?}", request, model);
            } else if let Some(place) = found {
                prop_assert_eq!(place % request.align, request.residue % request.align);
                prop_assert!(tree.first_overlap(place, place + request.length).is_none());
            }
        }
    }
}

#[test]
fn misaligned_gaps_cannot_make_the_search_long() {
    // A thousand gaps of 4 at odd places, then one that fits any alignment.
    let mut tree: ExtentTree<Piece> = ExtentTree::new();
    for index in 0..1000u64 {
        tree.put(index * 16 + 5, 12);
    }
    let request = GapRequest { from: 0, to: 1 << 20, length: 4, align: 16, residue: 0, hint: 5 };
    assert_eq!(tree.find_gap(&request), Some(16_016));
    // A fit after the probes that is no longer than the length is passed over, as documented.
    tree.put(16_017, (1 << 20) - 16_017);
    assert_eq!(tree.find_gap(&GapRequest { hint: 0, ..request }), Some(0));
    tree.put(0, 5);
    assert_eq!(tree.find_gap(&request), None);
}

#[test]
fn gaps_at_the_end_of_the_address_space() {
    let mut tree: ExtentTree<Piece> = ExtentTree::new();
    let request = GapRequest { from: 0, to: u64::MAX, length: u64::MAX - 1, align: 2, residue: 0, hint: 0 };
    assert_eq!(tree.find_gap(&request), Some(0));
    tree.put(u64::MAX, 1);
    assert_eq!(tree.find_gap(&GapRequest { length: 1, hint: u64::MAX, ..request }), Some(0));
    assert_eq!(tree.find_gap(&GapRequest { align: 3, ..request }), None);
    assert_eq!(tree.find_gap(&GapRequest { length: 0, ..request }), None);
}

/// Three levels of nodes, with gaps on every one of them.
#[test]
fn gaps_of_a_deep_tree_are_those_that_a_full_search_finds() {
    let mut tree: ExtentTree<Piece> = ExtentTree::new();
    let mut model: BTreeMap<u64, u64> = BTreeMap::new();
    let mut seed = 1u64;
    let mut random = |bound: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % bound
    };
    for index in 0..5000u64 {
        let (key, len) = (index * 64, 64 - random(3));
        tree.put(key, len);
        model.insert(key, len);
    }
    let (mut put_at_once, mut changed_at_hand) = (0, 0);
    for round in 0..3000 {
        // Some changes near each other, of which the nodes above need not know before the search.
        let place = random(5000);
        for _ in 0..1 + random(8) {
            let key = (place + random(6)) * 64;
            let (before, after) = (model.range(..key).next_back(), model.range(key..).next());
            let is_free =
                before.is_none_or(|(at, len)| at + len <= key) && after.is_none_or(|(at, _)| key + 60 <= *at);
            if random(2) == 0 {
                // What changes one leaf, and by turns.
                let (is_put, gone) = (tree.put_at_hand(key, 60), tree.take_at_hand(key));
                assert!(
                    is_free || !is_put && gone == model.get(&key).copied().filter(|_| gone.is_some()),
                    "round {round}"
                );
                assert!(!is_put || gone.is_none_or(|length| length == 60));
                changed_at_hand += u32::from(gone.is_some());
                match gone {
                    Some(_) => model.remove(&key),
                    None if is_put => model.insert(key, 60),
                    None => None,
                };
                continue;
            }
            let is_put = tree.put_at_hand(key, 60);
            assert!(is_free || !is_put, "round {round}");
            put_at_once += u32::from(is_put);
            if !is_put && tree.remove(key).is_none() {
                assert_eq!(tree.put(key, 60), None);
            }
            if model.remove(&key).is_none() {
                model.insert(key, 60);
            }
        }
        let (length, hint) = (1 + random(260), random(330_000));
        let request = GapRequest { from: 0, to: 400_000, length, align: 1, residue: 0, hint };
        let gap_from = |from: u64| {
            let mut at = model.range(..from).next_back().map_or(0, |(key, len)| key + len).max(from);
            for (key, len) in model.range(at..) {
                if key - at >= length {
                    return Some(at);
                }
                at = key + len;
            }
            (at + length <= request.to).then_some(at)
        };
        assert_eq!(tree.find_gap(&request), gap_from(hint).or_else(|| gap_from(0)), "round {round}");
        let is_free = |at: &u64| model.range(..=at).next_back().is_none_or(|(key, len)| key + len <= *at);
        assert_eq!(Some(tree.first_free(hint)), (hint..).find(is_free), "round {round}");
    }
    assert!(put_at_once > 1000 && changed_at_hand > 1000, "{put_at_once} {changed_at_hand}");
    assert!(tree.pairs().eq(model));
    assert!(tree.iter().all(|(key, piece)| piece.1 == !key));
    tree.check();
    tree.index.tell();
    tree.check();
    assert_eq!(tree.index.height, 3);
}
