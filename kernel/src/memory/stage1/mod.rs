//! Stage 1 translation for EL0: 4 KiB granule, 48-bit addresses, four levels, under `TTBR0_EL1`.
//!
//! The one room of the kernel that knows AArch64. [`descriptor`] says what the bits mean; [`cursor`], and `near` for
//! single pages and blocks in a row, are the only code that writes descriptors, and so the only place where
//! break-before-make, TLB maintenance and barriers are decided; [`Space`] is what the rest of the kernel uses:
//!
//! ```text
//! Space::new(m)                              -> Result<Space, MapError>    an empty space: one frame
//! space.reserve_tables(m, va, len)           -> Result<(), MapError>       map_page cannot fail there
//! space.map_run(m, va, pa, len, attributes)  -> Result<(), MapError>       a physical run, largest blocks
//! space.map_page(m, va, frame, attributes)   -> Result<(), MapError>       one page, also over another
//! space.unmap(m, va, len, budget)            -> Result<Progress, MapError>
//! space.protect(m, va, len, attributes, budget) -> Result<Progress, MapError>
//! space.walk(m, va)                          -> Option<Leaf>               what the hardware would find
//! space.destroy(m, budget)                   -> Progress                   piece by piece, cannot fail
//! space.root(), asid(), tables()
//! ```
//!
//! `m` is any `Frames + Translation`. When a call returns, whatever it did is in force on every CPU: the
//! descriptors are visible to the walkers, and no TLB holds what they no longer say. So frames that were
//! mapped may be freed once `unmap` has passed them. On an error nothing has changed and no frame is kept;
//! what memory an operation needs it takes before it changes anything.
//!
//! Long operations take a budget in table entries, of which sixteen pages in a row count as one, and return [`Progress::UpTo`]; call again with the rest.
//! At least one entry is done in each call.

pub mod cursor;
pub mod descriptor;
mod near;
mod runs;
mod space;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

pub(crate) use cursor::ROW;
pub use descriptor::Attributes;
pub use space::{Leaf, MapError, Progress, Space};
