//! Lists that hang on their members: linking and unlinking never need memory.
use core::fmt;

use super::arena::{Arena, Id};

/// A member's place in a list.
pub struct Links<T> {
    pub(super) next: Option<Id<T>>,
    pub(super) previous: Option<Id<T>>,
}

impl<T> Clone for Links<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Links<T> {}

impl<T> Default for Links<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Links<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Links").field("next", &self.next).field("previous", &self.previous).finish()
    }
}

impl<T> Links<T> {
    /// A place in no list.
    pub const fn new() -> Self {
        Self { next: None, previous: None }
    }

    /// Tells the member after the one with this id, whose place this is, what is before it now.
    #[inline(always)]
    pub fn tell_next(&self, arena: &mut Arena<T>, id: Id<T>)
    where
        T: Member,
    {
        if let Some(value) = self.next.and_then(|next| arena.get_mut(next)) {
            value.links_mut().previous = Some(id);
        }
    }

    /// The member after this one.
    pub const fn next(&self) -> Option<Id<T>> {
        self.next
    }

    /// The member before this one.
    pub const fn previous(&self) -> Option<Id<T>> {
        self.previous
    }
}

/// A type whose values can be in one list of their own kind: the members of whatever they belong to.
pub trait Member: Sized {
    /// The value's place.
    fn links(&self) -> &Links<Self>;
    /// The value's place, to change it.
    fn links_mut(&mut self) -> &mut Links<Self>;
}

/// The first of some values in an arena, each of which leads to the next.
pub struct List<T> {
    first: Option<Id<T>>,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("List").field("first", &self.first).finish()
    }
}

impl<T> List<T> {
    /// An empty list.
    pub const fn new() -> Self {
        Self { first: None }
    }
}

impl<T: Member> List<T> {
    /// The first member.
    pub const fn first(&self) -> Option<Id<T>> {
        self.first
    }

    /// Puts a value that is in no list at the front.
    pub fn push(&mut self, arena: &mut Arena<T>, id: Id<T>) {
        let links = self.push_new(id);
        if let Some(value) = arena.get_mut(id) {
            *value.links_mut() = links;
        }
        links.tell_next(arena, id);
    }

    /// The place that a value would have that is put at the front.
    #[inline(always)]
    pub const fn links_in_front(&self) -> Links<T> {
        Links { next: self.first, previous: None }
    }

    /// Puts a value at the front whose place is not in the arena yet. That is [told to the next](Links::tell_next) when
    /// it is.
    #[inline(always)]
    pub fn push_new(&mut self, id: Id<T>) -> Links<T> {
        Links { next: self.first.replace(id), previous: None }
    }

    /// Puts a value that is in no list right after a member.
    pub fn insert_after(&mut self, arena: &mut Arena<T>, id: Id<T>, previous: Id<T>) {
        let Some(next) = arena.get_mut(previous).map(|value| value.links_mut().next.replace(id)) else {
            return;
        };
        if let Some(value) = next.and_then(|next| arena.get_mut(next)) {
            value.links_mut().previous = Some(id);
        }
        if let Some(value) = arena.get_mut(id) {
            *value.links_mut() = Links { next, previous: Some(previous) };
        }
    }

    /// Takes a member out.
    pub fn remove(&mut self, arena: &mut Arena<T>, id: Id<T>) {
        let Some(links) = arena.get_mut(id).map(|value| core::mem::take(value.links_mut())) else { return };
        self.unlink(arena, links);
    }

    /// Takes a member out whose place was this, and that forgets it or is about to go.
    #[inline(always)]
    pub fn unlink(&mut self, arena: &mut Arena<T>, Links { next, previous }: Links<T>) {
        if let Some(value) = next.and_then(|next| arena.get_mut(next)) {
            value.links_mut().previous = previous;
        }
        match previous.and_then(|previous| arena.get_mut(previous)) {
            Some(value) => value.links_mut().next = next,
            None => self.first = next,
        }
    }
}

/// The member after this one.
pub fn next<T: Member>(arena: &Arena<T>, id: Id<T>) -> Option<Id<T>> {
    arena.get(id)?.links().next
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Item(Links<Item>);

    impl Member for Item {
        fn links(&self) -> &Links<Self> {
            &self.0
        }
        fn links_mut(&mut self) -> &mut Links<Self> {
            &mut self.0
        }
    }

    fn members(arena: &Arena<Item>, list: &List<Item>) -> Vec<Id<Item>> {
        core::iter::successors(list.first(), |id| next(arena, *id)).collect()
    }

    #[test]
    fn members_come_after_one_another() {
        let (mut arena, mut list) = (Arena::new(), List::default());
        let ids: Vec<_> = (0..4).map(|_| arena.insert(Item(Links::default())).unwrap()).collect();
        list.push(&mut arena, ids[0]);
        list.insert_after(&mut arena, ids[1], ids[0]);
        list.insert_after(&mut arena, ids[2], ids[0]);
        list.insert_after(&mut arena, ids[3], ids[1]);
        assert_eq!(members(&arena, &list), [ids[0], ids[2], ids[1], ids[3]]);
        list.remove(&mut arena, ids[2]);
        list.remove(&mut arena, ids[1]);
        assert_eq!(members(&arena, &list), [ids[0], ids[3]]);
    }

    #[test]
    fn members_leave_from_anywhere() {
        let (mut arena, mut list) = (Arena::new(), List::default());
        let ids: Vec<_> = (0..4).map(|_| arena.insert(Item(Links::default())).unwrap()).collect();
        ids.iter().for_each(|id| list.push(&mut arena, *id));
        assert_eq!(members(&arena, &list), [ids[3], ids[2], ids[1], ids[0]]);
        list.remove(&mut arena, ids[2]);
        list.remove(&mut arena, ids[3]);
        list.remove(&mut arena, ids[0]);
        assert_eq!(members(&arena, &list), [ids[1]]);
        list.remove(&mut arena, ids[1]);
        assert_eq!(members(&arena, &list), []);
    }
}
