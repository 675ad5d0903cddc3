//! The memory of an arena: bytes at addresses in a row, to which more are added behind the last.
use core::ptr::NonNull;

use abi::Status;
use abi::status::Result;

/// What the first byte's address is a multiple of.
pub(crate) const ALIGN: usize = 4096;

/// A stretch of memory of one owner. What was in it is there after it has grown, at the same distance from its base.
pub(crate) struct Stretch {
    base: NonNull<u8>,
    bytes: usize,
}

impl Stretch {
    /// Nothing.
    pub(crate) const fn new() -> Self {
        Self { base: NonNull::dangling(), bytes: 0 }
    }

    /// The first byte.
    pub(crate) const fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// How many there are.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Grows to `bytes` at least.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result {
        while self.bytes < bytes {
            (self.base, self.bytes) = grown(self.base, self.bytes, bytes).ok_or(Status::NO_MEMORY)?;
        }
        Ok(())
    }
}

/// A board's: the platform maps a page more behind the last one, and copies nothing. No arena of a kernel ends.
#[cfg(target_os = "none")]
fn grown(base: NonNull<u8>, bytes: usize, _wanted: usize) -> Option<(NonNull<u8>, usize)> {
    unsafe extern "Rust" {
        /// Adds memory to a stretch of `bytes` bytes at `base` that this function gave, or none: where it is then and how
        /// long, or `None` without a change. What was in it is there, and nobody else has any of it.
        safe fn jacinth_grow_stretch(base: NonNull<u8>, bytes: usize) -> Option<(NonNull<u8>, usize)>;
    }
    jacinth_grow_stretch(base, bytes)
}

/// A development machine's: a small stretch grows by what is wanted, so that tests can have each growth refused; a large one
/// to twice its size.
#[cfg(not(target_os = "none"))]
fn grown(base: NonNull<u8>, bytes: usize, wanted: usize) -> Option<(NonNull<u8>, usize)> {
    const SMALL: usize = 64 << 10;
    let more = if wanted <= SMALL { wanted } else { wanted.max(bytes.checked_mul(2)?) };
    let block = if bytes == 0 {
        // SAFETY: the layout is not of size 0.
        unsafe { alloc::alloc::alloc(layout(more)?) }
    } else {
        // SAFETY: the block came from here with this layout, and the new size is not 0; `layout` looked at it.
        unsafe { alloc::alloc::realloc(base.as_ptr(), layout(bytes)?, layout(more)?.size()) }
    };
    Some((NonNull::new(block)?, more))
}

#[cfg(not(target_os = "none"))]
fn layout(bytes: usize) -> Option<core::alloc::Layout> {
    core::alloc::Layout::from_size_align(bytes, ALIGN).ok()
}

#[cfg(not(target_os = "none"))]
impl Drop for Stretch {
    fn drop(&mut self) {
        if let Some(layout) = layout(self.bytes).filter(|layout| layout.size() > 0) {
            // SAFETY: the block came from `grown` with this layout, and its owner is gone.
            unsafe { alloc::alloc::dealloc(self.base.as_ptr(), layout) }
        }
    }
}
