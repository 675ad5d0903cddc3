//! Which cached frames are lent: one bit for each page of RAM, at a place that follows from its address.
//!
//! The ports ask for each access that the kernel's logic makes to a frame, so asking takes no lock and follows no
//! pointer. The bits of pages that are no RAM are mapped nowhere: asking for them is an exception, and as much a
//! bug of the kernel as asking for a page that is not lent.
use core::sync::atomic::{AtomicU64, Ordering};

use abi::{PAGE_SHIFT, PhysAddr};

/// log2 of the bytes of RAM for which a word has the bits.
const WORD_SHIFT: u32 = PAGE_SHIFT + 6;

/// The bits, as an array for all physical addresses, of which only the words for RAM exist.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lent {
    /// Where the word for physical address 0 would be.
    base: u64,
}

impl Lent {
    /// The bits at `base`.
    ///
    /// # Safety
    /// 1. Where [`Lent::place`] of a page of RAM leads, there is a word for as long as the kernel runs, and it is
    ///    used by nothing but this type's values with this base.
    /// 2. Nothing is mapped where it leads for other addresses below 2^48, unless by other memory that holds no
    ///    Rust object but such words.
    pub(crate) const unsafe fn new(base: u64) -> Self {
        Self { base }
    }

    /// Where the word with a page's bit is.
    pub(crate) const fn place(self, frame: PhysAddr) -> u64 {
        self.base.wrapping_add(frame.0 >> WORD_SHIFT << 3)
    }

    #[inline]
    fn word(self, frame: PhysAddr) -> &'static AtomicU64 {
        // SAFETY: by 1 of `new` there is a word for each page of RAM, and every reference to it is to an atomic.
        // For any other address, by 2, the reference is to such a word too, or its first use is an exception.
        unsafe { AtomicU64::from_ptr(self.place(frame) as *mut u64) }
    }

    /// Whether a page is lent.
    #[inline]
    pub(crate) fn contains(self, frame: PhysAddr) -> bool {
        frame.0 >> 48 == 0
            && self.word(frame).load(Ordering::Relaxed) >> (frame.0 >> PAGE_SHIFT & 63) & 1 == 1
    }

    /// Notes that a page of RAM is lent. Callers take turns.
    #[inline]
    pub(super) fn insert(self, frame: PhysAddr) {
        let word = self.word(frame);
        word.store(word.load(Ordering::Relaxed) | 1 << (frame.0 >> PAGE_SHIFT & 63), Ordering::Relaxed);
    }

    /// Notes that pages of RAM in a row are lent. Callers take turns.
    pub(super) fn insert_run(self, first: PhysAddr, pages: u64) {
        let (mut page, end) = (first.0 >> PAGE_SHIFT, (first.0 >> PAGE_SHIFT) + pages);
        while page < end {
            let next = (page - page % 64 + 64).min(end);
            let word = self.word(PhysAddr(page << PAGE_SHIFT));
            let bits = u64::MAX >> (64 - (next - page)) << (page % 64);
            word.store(word.load(Ordering::Relaxed) | bits, Ordering::Relaxed);
            page = next;
        }
    }

    /// Notes that a page of RAM is not lent any more. Callers take turns.
    #[inline]
    pub(super) fn remove(self, frame: PhysAddr) {
        let word = self.word(frame);
        word.store(word.load(Ordering::Relaxed) & !(1 << (frame.0 >> PAGE_SHIFT & 63)), Ordering::Relaxed);
    }
}
