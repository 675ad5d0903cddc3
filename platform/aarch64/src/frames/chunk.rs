//! The free pages of one chunk.
use core::ops::Range;

use abi::vmo::CachePolicy;
use abi::{PAGE_SHIFT, PhysAddr};

use super::{CHUNK_PAGES, CHUNK_SHIFT};

const WORDS: usize = CHUNK_PAGES / 64;

/// Which pages of a chunk are free. Links chunks that have free pages into a list.
#[derive(Debug)]
pub(super) struct ChunkMap {
    free: [u64; WORDS],
    /// Set bits of `free`.
    free_count: u16,
    /// The memory type of its pages.
    policy: CachePolicy,
    /// No word of `free` before this one has a set bit.
    first: u8,
    /// The chunk's address divided by the chunk size.
    number: u32,
    /// Neighbours in the list of chunks with free pages.
    pub(super) next: Option<u32>,
    pub(super) previous: Option<u32>,
}

impl ChunkMap {
    /// A chunk of which nothing is free.
    pub(super) const fn empty(policy: CachePolicy, chunk: PhysAddr) -> Self {
        let number = (chunk.0 >> CHUNK_SHIFT) as u32;
        Self { free: [0; WORDS], free_count: 0, policy, first: 0, number, next: None, previous: None }
    }

    /// A chunk that is all free.
    pub(super) const fn free(policy: CachePolicy, chunk: PhysAddr) -> Self {
        Self { free: [u64::MAX; WORDS], free_count: CHUNK_PAGES as u16, ..Self::empty(policy, chunk) }
    }

    /// The memory type of its pages.
    pub(super) const fn policy(&self) -> CachePolicy {
        self.policy
    }

    /// Whether a page is free.
    pub(super) fn is_free(&self, page: usize) -> bool {
        get(&self.free, page)
    }

    /// Pages that are free.
    pub(super) fn free_count(&self) -> usize {
        usize::from(self.free_count)
    }

    /// Takes all free pages of the first word that has any: the address of the word's first page, and which are taken.
    pub(super) fn take_word(&mut self) -> Option<(PhysAddr, u64)> {
        let first = usize::from(self.first);
        let words = self.free.get_mut(first..)?;
        let (passed, word) = words.iter_mut().enumerate().find(|(_, word)| **word != 0)?;
        let bits = core::mem::take(word);
        self.first = (first + passed) as u8;
        self.free_count -= bits.count_ones() as u16;
        let page = 64 * (first + passed) as u64;
        Some((PhysAddr(u64::from(self.number) << CHUNK_SHIFT | page << PAGE_SHIFT), bits))
    }

    /// Makes pages of the word that begins with `page` free, which were not.
    pub(super) fn put_word(&mut self, page: usize, bits: u64) {
        if let Some(word) = self.free.get_mut(page / 64) {
            *word |= bits;
            self.first = self.first.min((page / 64) as u8);
            self.free_count += bits.count_ones() as u16;
        }
    }

    /// Makes a page free.
    #[inline]
    pub(super) fn set_free(&mut self, page: usize) {
        if !get(&self.free, page) {
            set(&mut self.free, page, true);
            self.first = self.first.min((page / 64) as u8);
            self.free_count += 1;
        }
    }

    /// Makes pages in a row free, which were not.
    pub(super) fn set_free_run(&mut self, first: usize, count: usize) {
        let (mut page, end) = (first, (first + count).min(CHUNK_PAGES));
        self.first = self.first.min((first / 64) as u8);
        while page < end {
            let next = (page - page % 64 + 64).min(end);
            if let Some(word) = self.free.get_mut(page / 64) {
                let before = word.count_ones() as u16;
                *word |= u64::MAX >> (64 - (next - page)) << (page % 64);
                self.free_count += word.count_ones() as u16 - before;
            }
            page = next;
        }
    }

    /// Takes `count` free pages in a row among `pages`, the first at a multiple of `align`.
    pub(super) fn take_run(&mut self, count: usize, align: usize, pages: Range<usize>) -> Option<usize> {
        let end = pages.end.min(CHUNK_PAGES);
        let mut start = pages.start.next_multiple_of(align);
        while start + count <= end {
            // Pages that are not free are passed over, a word of them at a time.
            let word = self.free.get(start / 64).copied().unwrap_or(0) >> (start % 64);
            let taken = if word == 0 { 64 - start % 64 } else { word.trailing_zeros() as usize };
            if taken > 0 {
                start = (start + taken).next_multiple_of(align);
                continue;
            }
            match (start..start + count).rev().find(|&page| !self.is_free(page)) {
                Some(taken) => start = (taken + 1).next_multiple_of(align),
                None => {
                    (start..start + count).for_each(|page| self.unset_free(page));
                    return Some(start);
                }
            }
        }
        None
    }

    /// Takes all pages of a chunk that is all free.
    pub(super) fn take_all(&mut self) {
        (self.free, self.free_count) = ([0; WORDS], 0);
    }

    fn unset_free(&mut self, page: usize) {
        set(&mut self.free, page, false);
        self.free_count -= 1;
    }
}

fn get(bits: &[u64; WORDS], page: usize) -> bool {
    bits.get(page / 64).is_some_and(|word| word >> (page % 64) & 1 == 1)
}

fn set(bits: &mut [u64; WORDS], page: usize, value: bool) {
    if let Some(word) = bits.get_mut(page / 64) {
        let mask = 1 << (page % 64);
        *word = if value { *word | mask } else { *word & !mask };
    }
}
