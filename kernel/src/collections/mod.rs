//! Containers that run out of memory politely.
//!
//! Each grows by `try_reserve`, before it changes anything, and says [`NoMemory`] where it cannot.

pub mod arena;
pub mod list;
pub mod queue;
pub mod ranges;
pub mod steps;
pub mod tree;

pub use tree::{Extent, ExtentTree, GapRequest, Tree};

use abi::Status;

/// There was no memory; nothing has changed. Becomes `ZX_ERR_NO_MEMORY`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMemory;

impl From<NoMemory> for Status {
    fn from(NoMemory: NoMemory) -> Self {
        Self::NO_MEMORY
    }
}

impl From<alloc::collections::TryReserveError> for NoMemory {
    fn from(_: alloc::collections::TryReserveError) -> Self {
        Self
    }
}
