//! Homes for objects, addressed by ids that notice reuse, and what their neighbours in this folder need.
use alloc::boxed::Box;
use alloc::vec::Vec;

use abi::Status;
use abi::status::Result;
pub use slots::{Arena, Id, Occupied, Vacant, Word};

/// A full vector as a box of its array, which is where it is: this takes no memory.
///
/// # Errors
/// `NO_MEMORY` for one with room for more, which would have to be moved.
pub(crate) fn in_a_box<T, const N: usize>(full: Vec<T>) -> Result<Box<[T; N]>> {
    if full.capacity() != N {
        return Err(Status::NO_MEMORY);
    }
    full.into_boxed_slice().try_into().map_err(|_| Status::INTERNAL)
}
