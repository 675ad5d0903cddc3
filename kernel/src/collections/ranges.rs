//! Ranges that may overlap as they like, and whether any of them has a point in common with another.
//!
//! McCreight's radix priority search tree (SIAM Journal on Computing 14, 1985). It hangs on its members, as a list does,
//! so that putting one in and taking one out needs no memory and cannot fail. A member is at most as deep as its key has
//! bits: of the members below a place the one that reaches furthest is there, and each bit of the others' keys, from the
//! highest on, says on which side they are. So what lies on a side as a whole is judged by the one member at its top,
//! and no order in which a program makes ranges makes the tree deeper.
//!
//! Keys are where ranges begin; ranges that begin at one place are told apart by their numbers in the arena.
use core::fmt;

use super::arena::{Arena, Id};

/// Bits of a key.
const KEY_BITS: u32 = u64::BITS;

/// A member's two sides.
pub struct Forks<T>([Option<Id<T>>; 2]);

impl<T> Clone for Forks<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Forks<T> {}

impl<T> fmt::Debug for Forks<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter()).finish()
    }
}

impl<T> Forks<T> {
    /// Nothing on either side.
    pub const NONE: Self = Self([None; 2]);

    fn on(&self, high: bool) -> Option<Id<T>> {
        if high { self.0[1] } else { self.0[0] }
    }

    fn set(&mut self, high: bool, id: Option<Id<T>>) {
        if high { self.0[1] = id } else { self.0[0] = id }
    }
}

/// A type whose values are ranges that can be in one tree of their own kind.
pub trait Ranged: Sized {
    /// The first and the last point. They do not change while the value is in a tree.
    fn bounds(&self) -> (u64, u64);
    /// The value's sides.
    fn forks(&self) -> &Forks<Self>;
    /// The value's sides, to change them.
    fn forks_mut(&mut self) -> &mut Forks<Self>;
}

/// Ranges in an arena. See the [module](self).
pub struct Ranges<T> {
    root: Option<Id<T>>,
}

impl<T> Default for Ranges<T> {
    fn default() -> Self {
        Self { root: None }
    }
}

impl<T> fmt::Debug for Ranges<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ranges").field(&self.root).finish()
    }
}

/// A place in a tree: below a member, on one of its sides. Below none is the top.
struct Place<T> {
    above: Option<Id<T>>,
    high: bool,
}

impl<T: Ranged> Ranges<T> {
    /// No ranges.
    pub const fn new() -> Self {
        Self { root: None }
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// Puts a value in, which is in no tree.
    pub fn insert(&mut self, arena: &mut Arena<T>, id: Id<T>) {
        let mut place = Place { above: None, high: false };
        let (mut next, mut level) = (self.root, 0);
        let Some((mut key, mut reach)) = arena.get(id).map(T::bounds) else { return };
        let mut carried = id;
        while let Some((here, value)) = next.and_then(|at| Some((at, arena.get(at)?))) {
            let (base, theirs) = value.bounds();
            let forks = *value.forks();
            let mut stays = here;
            if theirs < reach {
                // It has this place from now on, and the other one goes further down.
                self.set(arena, &place, Some(carried));
                put_forks(arena, carried, forks);
                (stays, carried, key, reach) = (carried, here, base, theirs);
            }
            let high = is_high(key, carried, level);
            (place, next) = (Place { above: Some(stays), high }, forks.on(high));
            level = level.wrapping_add(1);
        }
        self.set(arena, &place, Some(carried));
        put_forks(arena, carried, Forks::NONE);
    }

    /// Takes a value out; whether it was there.
    pub fn remove(&mut self, arena: &mut Arena<T>, id: Id<T>) -> bool {
        let Some((value, key)) = arena.get(id).map(|value| (value, value.bounds().0)) else { return false };
        let mut below = *value.forks();
        let mut place = Place { above: None, high: false };
        let (mut next, mut level) = (self.root, 0);
        while next != Some(id) {
            let Some((here, value)) = next.and_then(|at| Some((at, arena.get(at)?))) else { return false };
            let high = is_high(key, id, level);
            (place, next) = (Place { above: Some(here), high }, value.forks().on(high));
            level = level.wrapping_add(1);
        }
        // Whoever reaches furthest of what is below goes up, and leaves its own place to fill.
        let reach = |arena: &Arena<T>, id: Option<Id<T>>| Some(arena.get(id?)?.bounds().1);
        loop {
            let high = reach(arena, below.on(true)) > reach(arena, below.on(false));
            let up = below.on(high);
            self.set(arena, &place, up);
            let Some(up) = up else { return true };
            let left = arena.get(up).map_or(Forks::NONE, |value| *value.forks());
            put_forks(arena, up, below);
            (place, below) = (Place { above: Some(up), high }, left);
        }
    }

    /// Whether any value has a point in `[first, last]`.
    pub fn meets(&self, arena: &Arena<T>, first: u64, last: u64) -> bool {
        let mut at = self.root;
        for level in 0..=KEY_BITS {
            let Some(value) = at.and_then(|at| arena.get(at)) else { return false };
            let (base, reach) = value.bounds();
            // Nobody below reaches further.
            if reach < first {
                return false;
            }
            if base <= last {
                return true;
            }
            // The keys of all below agree with `last` in the bits before this one.
            let high = bit(last, level);
            let others = value.forks().on(false).filter(|_| high).and_then(|low| arena.get(low));
            if others.is_some_and(|low| low.bounds().1 >= first) {
                return true;
            }
            at = value.forks().on(high);
        }
        false
    }

    fn set(&mut self, arena: &mut Arena<T>, place: &Place<T>, id: Option<Id<T>>) {
        match place.above {
            Some(above) => {
                if let Some(value) = arena.get_mut(above) {
                    value.forks_mut().set(place.high, id);
                }
            }
            None => self.root = id,
        }
    }
}

fn put_forks<T: Ranged>(arena: &mut Arena<T>, id: Id<T>, forks: Forks<T>) {
    if let Some(value) = arena.get_mut(id) {
        *value.forks_mut() = forks;
    }
}

/// A bit of a key, the highest being 0.
const fn bit(key: u64, level: u32) -> bool {
    level < KEY_BITS && key >> (KEY_BITS - 1 - level) & 1 != 0
}

/// On which side a value with this key and id is below a place so deep.
const fn is_high<T>(key: u64, id: Id<T>, level: u32) -> bool {
    if level < KEY_BITS { bit(key, level) } else { bit((id.index() as u64) << u32::BITS, level - KEY_BITS) }
}

impl<T: Ranged> Ranges<T> {
    /// Checks what every operation relies on, for tests, and gives how many values there are; `None` if it does not hold.
    pub fn check(&self, arena: &Arena<T>) -> Option<usize> {
        let mut found = 0;
        let mut left = alloc::vec![(self.root, u64::MAX, None::<Id<T>>, alloc::vec::Vec::new())];
        while let Some((at, most, above, way)) = left.pop() {
            let Some(id) = at else { continue };
            let value = arena.get(id)?;
            let (base, reach) = value.bounds();
            let is_in_its_place = (0..).zip(&way).all(|(level, high)| is_high(base, id, level) == *high);
            if base > reach || reach > most || !is_in_its_place || above == Some(id) {
                return None;
            }
            found += 1;
            for high in [false, true] {
                let way = way.iter().copied().chain([high]).collect();
                left.push((value.forks().on(high), reach, Some(id), way));
            }
        }
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug)]
    struct Part(u64, u64, Forks<Self>);

    impl Ranged for Part {
        fn bounds(&self) -> (u64, u64) {
            (self.0, self.1)
        }

        fn forks(&self) -> &Forks<Self> {
            &self.2
        }

        fn forks_mut(&mut self) -> &mut Forks<Self> {
            &mut self.2
        }
    }

    /// A tree, and beside it what is in it as a plain list.
    #[derive(Default)]
    struct Twin {
        arena: Arena<Part>,
        ranges: Ranges<Part>,
        model: Vec<(Id<Part>, u64, u64)>,
    }

    impl Twin {
        fn put(&mut self, first: u64, last: u64) {
            let id = self.arena.insert(Part(first, last, Forks::NONE)).unwrap();
            self.ranges.insert(&mut self.arena, id);
            self.model.push((id, first, last));
        }

        fn take(&mut self, index: usize) {
            if self.model.is_empty() {
                return;
            }
            let (id, ..) = self.model.swap_remove(index % self.model.len());
            assert!(self.ranges.remove(&mut self.arena, id));
            assert!(!self.ranges.remove(&mut self.arena, id), "it is gone");
            self.arena.delete(id);
        }

        fn compare(&self, first: u64, last: u64) {
            let expected = self.model.iter().any(|&(_, base, reach)| base <= last && first <= reach);
            assert_eq!(self.ranges.meets(&self.arena, first, last), expected, "[{first}, {last}]");
        }

        /// Looks at values that a step takes.
        fn looks(&mut self, step: impl FnOnce(&mut Self)) -> u64 {
            let before = self.arena.looks();
            step(self);
            self.arena.looks() - before
        }
    }

    /// A range of a few points, of many, or at an end of what there is.
    fn any_range() -> impl Strategy<Value = (u64, u64)> {
        let near = (0_u64..64, 0_u64..20).prop_map(|(first, more)| (first, first + more));
        let far =
            (any::<u64>(), 0..64_u32).prop_map(|(first, bits)| (first, first.saturating_add(1 << bits)));
        let last = (0_u64..8).prop_map(|before| (u64::MAX - before, u64::MAX));
        prop_oneof![6 => near, 3 => far, 1 => last]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 4 } else { 400 }, ..Default::default() })]

        #[test]
        fn it_agrees_with_a_list(
            steps in proptest::collection::vec((any_range(), 0..3_u32, any::<usize>(), any_range()), 1..120),
        ) {
            let mut twin = Twin::default();
            for ((first, last), what, index, asked) in steps {
                if what > 0 { twin.put(first, last) } else { twin.take(index) }
                twin.compare(asked.0, asked.1);
                twin.compare(first, last);
                prop_assert_eq!(twin.ranges.check(&twin.arena), Some(twin.model.len()));
            }
            while !twin.model.is_empty() {
                twin.take(0);
                prop_assert_eq!(twin.ranges.check(&twin.arena), Some(twin.model.len()));
            }
            prop_assert!(twin.ranges.root.is_none());
        }
    }

    /// Whatever the order and however they lie, a step looks at a few values for each bit of a key.
    #[test]
    fn a_step_is_short_among_very_many() {
        const MANY: u64 = if cfg!(miri) { 300 } else { 100_000 };
        type Nth = fn(u64) -> (u64, u64);
        let worst: [(&str, Nth); 5] = [
            ("apart", |n| (n << 12, n << 12 | 0xfff)),
            ("from the last to the first", |n| ((MANY - n) << 12, (MANY - n) << 12 | 0xfff)),
            ("each in the one before", |n| (n, u64::MAX - n)),
            ("the same", |_| (7 << 30, 8 << 30)),
            ("from one place on", |n| (1 << 40, (1 << 40) + n)),
        ];
        for (how, range) in worst {
            let mut twin = Twin::default();
            let mut most = 0;
            for n in 0..MANY {
                let (first, last) = range(n);
                most = most.max(twin.looks(|twin| twin.put(first, last)));
            }
            for n in (0..MANY).step_by(97) {
                let (first, last) = range(n);
                most = most.max(twin.looks(|twin| assert!(twin.ranges.meets(&twin.arena, first, last))));
            }
            while twin.model.len() > 1 {
                let index = twin.model.len() / 2;
                most = most.max(twin.looks(|twin| twin.take(index)));
            }
            println!("{how}: at most {most} looks");
            assert!(most <= 600, "{how}: {most} looks");
        }
    }
}
