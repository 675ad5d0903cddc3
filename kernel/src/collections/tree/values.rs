//! A tree's values, by number.

use super::NoMemory;
use super::node::NIL;
use alloc::vec::Vec;

/// Values that are allocated at a time, once a tree has as many.
const CHUNK: usize = 1 << CHUNK_SHIFT;
const CHUNK_SHIFT: u32 = 4;
/// Values that are allocated at first.
const FIRST: usize = 4;
/// Chunks that are given back at a time.
const CHUNKS_A_RELEASE: usize = 4;

/// Room for a value.
#[derive(Debug)]
enum Slot<V> {
    Used(V),
    /// Free, with the number of the next free one.
    Free(u32),
}

/// Values that stay where they are.
#[derive(Debug)]
pub(super) struct Values<V> {
    chunks: Vec<Vec<Slot<V>>>,
    /// Slots that there are.
    all: u32,
    used: u32,
    /// Slots that have been in use at least once since all were free.
    touched: u32,
    /// The first of those that is free again.
    free: u32,
}

impl<V> Values<V> {
    pub(super) const fn new() -> Self {
        Self { chunks: Vec::new(), all: 0, used: 0, touched: 0, free: NIL }
    }

    /// Values that there are.
    pub(super) const fn used(&self) -> u32 {
        self.used
    }

    /// Whether it owns no memory.
    pub(super) const fn is_bare(&self) -> bool {
        self.chunks.is_empty()
    }

    #[inline(always)]
    pub(super) fn get(&self, at: u32) -> Option<&V> {
        match self.chunks.get((at >> CHUNK_SHIFT) as usize)?.get(at as usize & (CHUNK - 1))? {
            Slot::Used(value) => Some(value),
            Slot::Free(_) => None,
        }
    }

    #[inline(always)]
    fn slot_mut(&mut self, at: u32) -> Option<&mut Slot<V>> {
        self.chunks.get_mut((at >> CHUNK_SHIFT) as usize)?.get_mut(at as usize & (CHUNK - 1))
    }

    #[inline(always)]
    pub(super) fn get_mut(&mut self, at: u32) -> Option<&mut V> {
        match self.slot_mut(at)? {
            Slot::Used(value) => Some(value),
            Slot::Free(_) => None,
        }
    }

    /// Makes sure that so many values can be put.
    #[inline(always)]
    pub(super) fn reserve(&mut self, count: u32) -> Result<(), NoMemory> {
        if self.all.wrapping_sub(self.used) >= count { Ok(()) } else { self.grow(count) }
    }

    #[inline(never)]
    fn grow(&mut self, count: u32) -> Result<(), NoMemory> {
        while self.all.wrapping_sub(self.used) < count {
            let more = match self.chunks.first_mut() {
                Some(first) if first.len() < CHUNK => {
                    first.try_reserve_exact(first.len())?;
                    first.len()
                }
                first => {
                    let more = if first.is_none() { FIRST } else { CHUNK };
                    if self.all.checked_add(more as u32).is_none_or(|all| all == NIL) {
                        return Err(NoMemory);
                    }
                    let mut chunk = Vec::new();
                    chunk.try_reserve_exact(more)?;
                    self.chunks.try_reserve(1)?;
                    self.chunks.push(chunk);
                    more
                }
            };
            let Some(chunk) = self.chunks.last_mut() else { return Err(NoMemory) };
            chunk.extend(core::iter::repeat_with(|| Slot::Free(NIL)).take(more));
            self.all = self.all.wrapping_add(more as u32);
        }
        Ok(())
    }

    /// The number that the value put next will have, if one can be put.
    #[inline(always)]
    pub(super) const fn next(&self) -> u32 {
        if self.free == NIL { self.touched } else { self.free }
    }

    /// Puts a value, for which there is room.
    #[inline(always)]
    pub(super) fn put(&mut self, value: V) {
        let is_new = self.free == NIL;
        let Some(slot) = self.slot_mut(self.next()) else { return };
        let Slot::Free(next) = *slot else { return };
        *slot = Slot::Used(value);
        self.used = self.used.wrapping_add(1);
        if is_new {
            self.touched = self.touched.wrapping_add(1);
        } else {
            self.free = next;
        }
    }

    /// Takes a value out.
    #[inline(always)]
    pub(super) fn take(&mut self, at: u32) -> Option<V> {
        let free = self.free;
        let slot = self.slot_mut(at)?;
        match core::mem::replace(slot, Slot::Free(free)) {
            Slot::Used(value) => {
                (self.free, self.used) = (at, self.used.wrapping_sub(1));
                Some(value)
            }
            was @ Slot::Free(_) => {
                *slot = was;
                None
            }
        }
    }

    /// Gives memory back, of which nothing is in use any more, a bounded part of it; whether none is left.
    pub(super) fn release(&mut self) -> bool {
        (self.touched, self.free) = (0, NIL);
        for _ in 0..CHUNKS_A_RELEASE {
            let Some(chunk) = self.chunks.pop() else { break };
            self.all = self.all.saturating_sub(chunk.len() as u32);
        }
        if !self.chunks.is_empty() {
            return false;
        }
        self.chunks = Vec::new();
        true
    }
}

#[cfg(test)]
impl<V> Values<V> {
    /// Slots that there are, in use or not.
    pub(super) fn all(&self) -> u32 {
        self.all
    }
}
