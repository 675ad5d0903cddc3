//! Numbers that belong to points, by where they change: what ranges that come and go add up to.
//!
//! A [`Step`] at a key changes the numbers of all points from there on, up to the next one that changes them back. So a range
//! that comes or goes is two steps, however many others lie in it, and the memory is theirs alone. The tree above the steps
//! knows what each stretch of them comes to, so that what holds at a point, or where something holds first, takes one way
//! down.
//!
//! The tree is a binary trie over the bits of the keys (Morrison's PATRICIA, Journal of the ACM 15, 1968): a fork for each
//! bit in which keys below it differ. It is at most as deep as keys have bits, whatever a program does, and never turned
//! over: who comes takes at most two nodes, who goes gives them back.
use abi::status::Result;

use super::arena::{Arena, Id};

/// Forks above a node that are remembered on the way down. There is one for each bit of a key at most, and few as a rule.
const NEAR: usize = 16;
/// Nodes that a new step may need.
const NODES_A_STEP: usize = 2;
/// A count weighs so much that no number of claims makes up for it: claims are less than there can be nodes.
const COUNT_WEIGHS: u32 = i32::BITS;

// An arena allocates 32 at a time, each beside a word, and the allocator hands out powers of two.
const _: () = assert!(size_of::<Option<Node>>() <= 56);

/// What changes at a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Ranges that begin or end here. The step stays as long as there is one, so that it need not come again.
    pub ends: i32,
    /// How many more there are from here on.
    pub count: i32,
    /// How much larger the claim is from here on.
    pub claim: i32,
}

impl Step {
    const NONE: Self = Self { ends: 0, count: 0, claim: 0 };

    const fn plus(self, other: Self) -> Self {
        Self {
            ends: self.ends.wrapping_add(other.ends),
            count: self.count.wrapping_add(other.count),
            claim: self.claim.wrapping_add(other.claim),
        }
    }
}

/// What steps come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct There {
    /// The count behind them.
    pub count: i32,
    /// The claim behind them.
    pub claim: i32,
    /// Of their changes of the count, each times its key.
    moment: u64,
}

impl There {
    #[inline(always)]
    const fn plus(self, next: Self) -> Self {
        Self {
            count: self.count.wrapping_add(next.count),
            claim: self.claim.wrapping_add(next.claim),
            moment: self.moment.wrapping_add(next.moment),
        }
    }

    /// The claim less the count, which weighs more. At least 1 only where something is claimed and nothing counted.
    #[inline(always)]
    const fn weight(self) -> i64 {
        (self.claim as i64).wrapping_sub((self.count as i64).wrapping_shl(COUNT_WEIGHS))
    }
}

/// What is known of steps in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    all: There,
    /// The largest claim among them, or before.
    most: i32,
    /// Whether the claim changes.
    changes: bool,
    /// The largest claim less a count that weighs more, among them or before.
    bare: i64,
}

impl Sums {
    fn of(key: u64, Step { count, claim, .. }: Step) -> Self {
        let moment = i64::from(count).cast_unsigned().wrapping_mul(key);
        let all = There { count, claim, moment };
        Self { all, most: claim.max(0), changes: claim != 0, bare: all.weight().max(0) }
    }

    /// What these and the next ones come to.
    #[inline(never)]
    fn then(&self, next: &Self) -> Self {
        Self {
            all: self.all.plus(next.all),
            most: self.most.max(self.all.claim.wrapping_add(next.most)),
            changes: self.changes || next.changes,
            bare: self.bare.max(self.all.weight().wrapping_add(next.bare)),
        }
    }
}

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sought {
    /// Any step.
    Any,
    /// One that changes the claim.
    Change,
    /// Where the claim is at least so large.
    Claim(i32),
    /// Where there is a claim and no count.
    Bare,
}

impl Sought {
    /// Whether it is among steps, if what comes before them is not what is looked for.
    const fn is_among(self, before: There, steps: &Sums) -> bool {
        match self {
            Self::Any => true,
            Self::Change => steps.changes,
            Self::Claim(least) => before.claim.wrapping_add(steps.most) >= least,
            Self::Bare => before.weight().wrapping_add(steps.bare) > 0,
        }
    }
}

/// Where two stretches meet.
#[derive(Clone, Copy, Debug)]
struct Fork {
    /// The first key that would be on the high side. Its lowest bit is the one that tells the sides apart, and those above it
    /// are the same in all keys below.
    mid: u64,
    low: Id<Node>,
    high: Id<Node>,
    sums: Sums,
}

impl Fork {
    /// Whether a key is, or would be, below.
    const fn spans(&self, key: u64) -> bool {
        (key ^ self.mid) >> 1 < self.mid & self.mid.wrapping_neg()
    }

    const fn side(&self, key: u64) -> Id<Node> {
        if key < self.mid { self.low } else { self.high }
    }

    const fn other_side(&self, key: u64) -> Id<Node> {
        if key < self.mid { self.high } else { self.low }
    }
}

#[derive(Clone, Copy, Debug)]
enum Node {
    Step(u64, Step),
    Fork(Fork),
}

/// The forks from the top down to a key, as far as they are remembered: the last ones.
struct Path {
    forks: [Option<Id<Node>>; NEAR],
    len: usize,
}

impl Path {
    fn push(&mut self, id: Id<Node>) {
        if let Some(place) = self.forks.get_mut(self.len % NEAR) {
            *place = Some(id);
        }
        self.len = self.len.wrapping_add(1);
    }

    fn last(&self) -> Option<Id<Node>> {
        *self.forks.get(self.len.checked_sub(1)? % NEAR)?
    }

    /// Takes the last one off. `None` if it is not remembered, or there is none.
    fn pop(&mut self) -> Option<Id<Node>> {
        let len = self.len.checked_sub(1)?;
        let last = self.forks.get_mut(len % NEAR)?.take()?;
        self.len = len;
        Some(last)
    }
}

/// Steps by their keys, which are not 0. See the [module](self).
#[derive(Debug, Default)]
pub struct Steps {
    nodes: Arena<Node>,
    root: Option<Id<Node>>,
}

impl Steps {
    /// How often nodes were looked for so far, for tests; 0 in a release build.
    pub fn looks(&self) -> u64 {
        self.nodes.looks()
    }

    /// Makes sure that so many steps can come.
    ///
    /// # Errors
    /// `NO_MEMORY`; nothing changed.
    #[inline(never)]
    pub fn reserve(&mut self, steps: usize) -> Result {
        self.nodes.reserve_many(steps.saturating_mul(NODES_A_STEP))
    }

    /// What changes at a key.
    #[inline(never)]
    pub fn get(&self, key: u64) -> Step {
        let mut at = self.root;
        loop {
            match at.and_then(|id| self.nodes.get(id)) {
                Some(Node::Fork(fork)) => at = Some(fork.side(key)),
                Some(&Node::Step(here, step)) if here == key => return step,
                _ => return Step::NONE,
            }
        }
    }

    /// What all steps up to a key come to.
    #[inline(never)]
    pub fn value(&self, key: u64) -> There {
        let mut before = There::default();
        let mut at = self.root;
        loop {
            match at.and_then(|id| self.nodes.get(id)) {
                Some(Node::Fork(fork)) => {
                    if key >= fork.mid {
                        before = before.plus(self.sums(fork.low).all);
                    }
                    at = Some(fork.side(key));
                }
                Some(&Node::Step(here, step)) if here <= key => return before.plus(Sums::of(here, step).all),
                _ => return before,
            }
        }
    }

    /// What the count is from one key on up to another, all told: each point counts as often as it says there.
    pub fn area(&self, from: u64, to: u64) -> u64 {
        let up_to = |key: u64| {
            let before = self.value(key.wrapping_sub(1));
            let all = i64::from(before.count).cast_unsigned().wrapping_mul(key);
            all.wrapping_sub(before.moment)
        };
        up_to(to).wrapping_sub(up_to(from))
    }

    /// What all steps up to a key come to, and the first one behind it that is sought or from which on it is so: its key. It must
    /// not be so at the key itself.
    pub fn find(&self, after: u64, sought: Sought) -> (There, Option<u64>) {
        let mut before = There::default();
        // The nearest stretch behind the key that has it.
        let mut found = None;
        let mut at = self.root;
        while let Some(node) = at.and_then(|id| self.nodes.get(id)) {
            at = match node {
                Node::Fork(fork) => {
                    let low = before.plus(self.sums(fork.low).all);
                    if after >= fork.mid {
                        before = low;
                    } else if sought.is_among(low, &self.sums(fork.high)) {
                        found = Some((fork.high, low));
                    }
                    Some(fork.side(after))
                }
                &Node::Step(key, step) => {
                    let sums = Sums::of(key, step);
                    if key <= after {
                        before = before.plus(sums.all);
                    } else if sought.is_among(before, &sums) {
                        return (before, Some(key));
                    }
                    None
                }
            };
        }
        (before, found.and_then(|(id, before)| self.first_below(id, before, sought)))
    }

    /// The first step below a node that has what is sought.
    fn first_below(&self, mut id: Id<Node>, mut before: There, sought: Sought) -> Option<u64> {
        loop {
            match self.nodes.get(id)? {
                Node::Step(key, _) => return Some(*key),
                Node::Fork(fork) => {
                    let low = self.sums(fork.low);
                    if sought.is_among(before, &low) {
                        id = fork.low;
                    } else {
                        (id, before) = (fork.high, before.plus(low.all));
                    }
                }
            }
        }
    }

    /// Changes what changes at a key. Where nothing does any more there is no step.
    ///
    /// # Errors
    /// `NO_MEMORY` if there is none yet and no place was [reserved](Self::reserve); nothing changed.
    pub fn change(&mut self, key: u64, by: Step) -> Result {
        let (mut path, at) = self.path(key, usize::MAX);
        let now = match at.and_then(|id| Some((id, self.nodes.get_mut(id)?))) {
            Some((id, Node::Step(here, step))) if *here == key => {
                *step = step.plus(by);
                if *step == Step::NONE { self.take(key, id, &mut path) } else { Some(id) }
            }
            _ if by == Step::NONE => return Ok(()),
            beside => {
                let beside = beside.map(|(id, node)| match node {
                    Node::Step(key, _) => (id, *key),
                    Node::Fork(fork) => (id, fork.mid),
                });
                Some(self.put(key, by, beside, &path)?)
            }
        };
        self.tell(key, now, &mut path);
        Ok(())
    }

    /// So many forks on the way down to a key, at most, and what is below them.
    #[inline(never)]
    fn path(&self, key: u64, most: usize) -> (Path, Option<Id<Node>>) {
        let mut path = Path { forks: [None; NEAR], len: 0 };
        let mut at = self.root;
        while path.len < most
            && let Some(id) = at
            && let Some(Node::Fork(fork)) = self.nodes.get(id)
            && fork.spans(key)
        {
            path.push(id);
            at = Some(fork.side(key));
        }
        (path, at)
    }

    /// Tells the forks above the node that a key leads to what that has become, as far up as it makes a difference.
    fn tell(&mut self, key: u64, now: Option<Id<Node>>, path: &mut Path) {
        let Some(mut now) = now.map(|id| self.sums(id)) else { return };
        while path.len > 0 {
            let Some(id) = path.pop() else {
                *path = self.path(key, path.len).0;
                continue;
            };
            let Some(Node::Fork(fork)) = self.nodes.get(id) else { return };
            let other = self.sums(fork.other_side(key));
            now = if key < fork.mid { now.then(&other) } else { other.then(&now) };
            if now == fork.sums {
                return;
            }
            if let Some(Node::Fork(fork)) = self.nodes.get_mut(id) {
                fork.sums = now;
            }
        }
    }

    /// Puts a step in, in the place of the node that is there, of which a key below is given, and beside it. Gives what is there
    /// now.
    fn put(
        &mut self,
        key: u64,
        step: Step,
        beside: Option<(Id<Node>, u64)>,
        path: &Path,
    ) -> Result<Id<Node>> {
        self.reserve(1)?;
        let mut top = self.nodes.insert(Node::Step(key, step))?;
        if let Some((other, theirs)) = beside {
            // The two differ, so the shift is less than a key has bits.
            let low_bits = (key ^ theirs).checked_ilog2().unwrap_or(0);
            let mid = key.max(theirs) >> low_bits << low_bits;
            let (low, high) = if key < theirs { (top, other) } else { (other, top) };
            let sums = self.sums(low).then(&self.sums(high));
            top = self.nodes.insert(Node::Fork(Fork { mid, low, high, sums }))?;
        }
        self.lead(path.last(), key, top);
        Ok(top)
    }

    /// Takes a step out, and with it the fork above it, which leaves the path. Gives what is there now, if anything.
    fn take(&mut self, key: u64, id: Id<Node>, path: &mut Path) -> Option<Id<Node>> {
        self.nodes.delete(id);
        self.root = self.root.filter(|root| *root != id);
        let Node::Fork(fork) = self.nodes.remove(path.pop()?)? else { return None };
        let beside = fork.other_side(key);
        self.lead(path.last(), key, beside);
        Some(beside)
    }

    /// Has a key lead to a node, from a fork or from the top.
    fn lead(&mut self, from: Option<Id<Node>>, key: u64, to: Id<Node>) {
        match from.map(|id| self.nodes.get_mut(id)) {
            Some(Some(Node::Fork(fork))) if key < fork.mid => fork.low = to,
            Some(Some(Node::Fork(fork))) => fork.high = to,
            Some(_) => {}
            None => self.root = Some(to),
        }
    }

    #[inline(never)]
    fn sums(&self, id: Id<Node>) -> Sums {
        match self.nodes.get(id) {
            Some(Node::Fork(fork)) => fork.sums,
            Some(&Node::Step(key, step)) => Sums::of(key, step),
            None => Sums::default(),
        }
    }

    /// Nodes that there is memory for, for tests.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.nodes.slots()
    }

    /// Every step in order, and what it and all before come to.
    pub fn iter(&self) -> impl Iterator<Item = (u64, Step, There)> {
        let mut at = 0;
        core::iter::from_fn(move || {
            at = self.find(at, Sought::Any).1?;
            Some((at, self.get(at), self.value(at)))
        })
    }

    /// Checks what every operation relies on, for tests, and gives how many steps there are; `None` if it does not hold.
    pub fn check(&self) -> Option<usize> {
        let mut found = 0_usize;
        // Each node with the keys that lead to it.
        let mut left = alloc::vec::Vec::from_iter(self.root.map(|root| (root, 1, u64::MAX)));
        while let Some((id, first, last)) = left.pop() {
            match *self.nodes.get(id)? {
                Node::Step(key, step) => {
                    if step == Step::NONE || key < first || key > last {
                        return None;
                    }
                    found += 1;
                }
                Node::Fork(fork) => {
                    let bit = fork.mid & fork.mid.wrapping_neg();
                    let (least, most) = (fork.mid.wrapping_sub(bit), fork.mid.wrapping_add(bit - 1));
                    if fork.sums != self.sums(fork.low).then(&self.sums(fork.high)) || !fork.spans(least) {
                        return None;
                    }
                    left.push((fork.low, first.max(least), last.min(fork.mid - 1)));
                    left.push((fork.high, first.max(fork.mid), last.min(most)));
                }
            }
        }
        (self.nodes.len() == found.saturating_mul(2).saturating_sub(1)).then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// Steps, and beside them a plain map.
    #[derive(Default)]
    struct Twin {
        steps: Steps,
        model: BTreeMap<u64, Step>,
    }

    impl Twin {
        fn change(&mut self, key: u64, by: Step) {
            self.steps.change(key, by).unwrap();
            let step = self.model.entry(key).or_default();
            *step = step.plus(by);
            if *step == Step::NONE {
                self.model.remove(&key);
            }
        }

        fn value(&self, key: u64) -> There {
            let before = self.model.range(..=key).map(|(key, step)| Sums::of(*key, *step).all);
            before.fold(There::default(), There::plus)
        }

        fn compare(&self, key: u64) {
            assert_eq!(self.steps.get(key), self.model.get(&key).copied().unwrap_or_default());
            let value = self.value(key);
            assert_eq!(self.steps.value(key), value);
            let keys: Vec<u64> = self.model.range(key + 1..).map(|(key, _)| *key).collect();
            let is_bare = |there: There| there.count == 0 && there.claim > 0;
            let first = |is: &dyn Fn(u64) -> bool| keys.iter().copied().find(|key| is(*key));
            assert_eq!(self.steps.find(key, Sought::Any), (value, first(&|_| true)));
            assert_eq!(self.steps.find(key, Sought::Change).1, first(&|key| self.model[&key].claim != 0));
            if value.claim < 2 {
                let large = |key| self.value(key).claim >= 2;
                assert_eq!(self.steps.find(key, Sought::Claim(2)).1, first(&large));
            }
            if !is_bare(value) {
                assert_eq!(self.steps.find(key, Sought::Bare).1, first(&|key| is_bare(self.value(key))));
            }
        }
    }

    /// A key among few, among many, at an end of what there is, or one of those that are as deep as they can be.
    fn any_key() -> impl Strategy<Value = u64> {
        let deep = (0..u64::BITS).prop_map(|bit| 1 << bit);
        prop_oneof![5 => 1_u64..48, 2 => any::<u64>(), 1 => (0_u64..8).prop_map(|less| u64::MAX - 1 - less), 3 => deep]
            .prop_map(|key| key.clamp(1, u64::MAX - 1))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 4 } else { 400 }, ..Default::default() })]

        #[test]
        fn they_agree_with_a_map(
            ranges in proptest::collection::vec((any_key(), any_key(), 0..3_i32, 0..3_i32, any::<bool>()), 1..60),
            asked in proptest::collection::vec(any_key(), 8),
        ) {
            let mut twin = Twin::default();
            let mut there = Vec::new();
            for (one, other, count, claim, comes) in ranges {
                if comes || there.is_empty() {
                    let (from, to) = (one.min(other), one.max(other));
                    let range = (from, to, Step { ends: 1, count, claim });
                    twin.change(from, range.2);
                    twin.change(to, Step { ends: 1, count: -count, claim: -claim });
                    there.push(range);
                } else {
                    let (from, to, Step { ends, count, claim }) = there.swap_remove(one as usize % there.len());
                    twin.change(from, Step { ends: -ends, count: -count, claim: -claim });
                    twin.change(to, Step { ends: -ends, count, claim });
                }
                prop_assert_eq!(twin.steps.check(), Some(twin.model.len()));
                asked.iter().chain([&one, &other]).for_each(|key| twin.compare(*key));
            }
            let sum: u64 = there.iter().map(|(from, to, step)| (to - from).wrapping_mul(step.count as u64)).fold(0, u64::wrapping_add);
            prop_assert_eq!(twin.steps.area(1, u64::MAX), sum);
            for (from, to, Step { ends, count, claim }) in there {
                twin.change(from, Step { ends: -ends, count: -count, claim: -claim });
                twin.change(to, Step { ends: -ends, count, claim });
            }
            prop_assert!(twin.steps.root.is_none() && twin.steps.nodes.is_empty());
        }
    }

    #[test]
    fn an_area_is_what_the_points_between_say() {
        let mut steps = Steps::default();
        for (from, to) in [(3, 9), (5, 6), (8, 20)] {
            steps.change(from, Step { count: 1, ..Step::NONE }).unwrap();
            steps.change(to, Step { count: -1, ..Step::NONE }).unwrap();
        }
        for from in 1..24 {
            for to in from..24 {
                let points = (from..to).map(|at| steps.value(at).count as u64);
                assert_eq!(steps.area(from, to), points.sum::<u64>(), "[{from}, {to})");
            }
        }
    }

    #[test]
    fn a_change_without_a_place_changes_nothing() {
        let mut steps = Steps::default();
        let one = Step { ends: 1, count: 1, claim: 1 };
        (1..=16).for_each(|key| steps.change(key, one).unwrap());
        assert_eq!(steps.nodes.len(), 31);
        steps.change(40, Step::NONE).unwrap();
        assert_eq!(steps.check(), Some(16));
        steps.reserve(1).unwrap();
        steps.change(40, one).unwrap();
        assert_eq!((steps.check(), steps.value(u64::MAX).count), (Some(17), 17));
    }
}
