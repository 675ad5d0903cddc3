//! Queues that hang on their members, first in, first out. A value can be in several at a time, by a place
//! for each.
use core::fmt;
use core::marker::PhantomData;

use super::arena::{Arena, Id};
use super::list::Links;

/// One of the places that a `T` has for being in a queue.
pub trait Place<T> {
    /// The place.
    fn of(value: &T) -> &Links<T>;
    /// The place, to change it.
    fn of_mut(value: &mut T) -> &mut Links<T>;
}

/// The first and the last of some values in an arena, each of which leads to the next by its place `P`.
pub struct Queue<T, P> {
    first: Option<Id<T>>,
    last: Option<Id<T>>,
    len: usize,
    place: PhantomData<fn() -> P>,
}

impl<T, P> Default for Queue<T, P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, P> fmt::Debug for Queue<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, last, len, .. } = self;
        f.debug_struct("Queue").field("first", first).field("last", last).field("len", len).finish()
    }
}

impl<T, P> Queue<T, P> {
    /// An empty queue.
    pub const fn new() -> Self {
        Self { first: None, last: None, len: 0, place: PhantomData }
    }

    /// The member that came first.
    pub const fn first(&self) -> Option<Id<T>> {
        self.first
    }

    /// The member that came last.
    pub const fn last(&self) -> Option<Id<T>> {
        self.last
    }

    /// How many members there are.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl<T, P: Place<T>> Queue<T, P> {
    /// Puts a value that is in no queue of this place at the end.
    pub fn push(&mut self, arena: &mut Arena<T>, id: Id<T>) {
        let previous = self.last.replace(id);
        match previous.and_then(|previous| arena.get_mut(previous)) {
            Some(value) => P::of_mut(value).next = Some(id),
            None => self.first = Some(id),
        }
        if let Some(value) = arena.get_mut(id) {
            *P::of_mut(value) = Links { next: None, previous };
        }
        self.len += 1;
    }

    /// Puts a value that is in no queue of this place before all others.
    pub fn push_front(&mut self, arena: &mut Arena<T>, id: Id<T>) {
        let next = self.first.replace(id);
        match next.and_then(|next| arena.get_mut(next)) {
            Some(value) => P::of_mut(value).previous = Some(id),
            None => self.last = Some(id),
        }
        if let Some(value) = arena.get_mut(id) {
            *P::of_mut(value) = Links { next, previous: None };
        }
        self.len += 1;
    }

    /// Takes a member of this queue out.
    pub fn remove(&mut self, arena: &mut Arena<T>, id: Id<T>) {
        let Some(Links { next, previous }) = arena.get_mut(id).map(|value| core::mem::take(P::of_mut(value)))
        else {
            return;
        };
        match next.and_then(|next| arena.get_mut(next)) {
            Some(value) => P::of_mut(value).previous = previous,
            None => self.last = previous,
        }
        match previous.and_then(|previous| arena.get_mut(previous)) {
            Some(value) => P::of_mut(value).next = next,
            None => self.first = next,
        }
        self.len = self.len.saturating_sub(1);
    }

    /// The member after this one.
    pub fn next(&self, arena: &Arena<T>, id: Id<T>) -> Option<Id<T>> {
        P::of(arena.get(id)?).next
    }

    /// The members in order. It ends after as many as there should be, whatever the links say.
    pub fn iter<'a>(&'a self, arena: &'a Arena<T>) -> impl Iterator<Item = (Id<T>, &'a T)> {
        let with = move |id| Some((id, arena.get(id)?));
        let next = move |(_, value): &(Id<T>, &'a T)| P::of(value).next.and_then(with);
        core::iter::successors(self.first.and_then(with), next).take(self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Item {
        here: Links<Item>,
        there: Links<Item>,
    }

    enum Here {}
    enum There {}

    impl Place<Item> for Here {
        fn of(value: &Item) -> &Links<Item> {
            &value.here
        }
        fn of_mut(value: &mut Item) -> &mut Links<Item> {
            &mut value.here
        }
    }

    impl Place<Item> for There {
        fn of(value: &Item) -> &Links<Item> {
            &value.there
        }
        fn of_mut(value: &mut Item) -> &mut Links<Item> {
            &mut value.there
        }
    }

    fn ids<P: Place<Item>>(queue: &Queue<Item, P>, arena: &Arena<Item>) -> Vec<Id<Item>> {
        let ids: Vec<_> = queue.iter(arena).map(|(id, _)| id).collect();
        assert_eq!(
            (ids.len(), queue.first(), queue.last()),
            (queue.len(), ids.first().copied(), ids.last().copied())
        );
        ids
    }

    #[test]
    fn members_keep_their_order_and_leave_from_anywhere() {
        let mut arena = Arena::new();
        let (mut here, mut there) = (Queue::<_, Here>::new(), Queue::<_, There>::new());
        let all: Vec<_> = (0..5).map(|_| arena.insert(Item::default()).unwrap()).collect();
        for &id in &all {
            here.push(&mut arena, id);
            there.push_front(&mut arena, id);
        }
        assert_eq!(ids(&here, &arena), all);
        assert_eq!(ids(&there, &arena), all.iter().rev().copied().collect::<Vec<_>>());
        for (gone, left) in
            [(2, vec![0, 1, 3, 4]), (0, vec![1, 3, 4]), (4, vec![1, 3]), (1, vec![3]), (3, vec![])]
        {
            here.remove(&mut arena, all[gone]);
            assert_eq!(
                ids(&here, &arena),
                left.into_iter().map(|index: usize| all[index]).collect::<Vec<_>>()
            );
        }
        assert_eq!(ids(&there, &arena).len(), 5);
        here.push_front(&mut arena, all[1]);
        here.push(&mut arena, all[0]);
        assert_eq!(ids(&here, &arena), [all[1], all[0]]);
    }
}
