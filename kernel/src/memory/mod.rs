//! Memory: which frame holds which page, what the translation tables show, and the kernel's own way to
//! user memory.

pub(crate) mod asids;
pub(crate) mod contents;
pub(crate) mod copies;
pub mod dma;
pub(crate) mod entering;
pub(crate) mod fault;
pub(crate) mod left;
pub(crate) mod mapping;
pub(crate) mod overwrite;
pub mod pages;
pub(crate) mod pinning;
pub(crate) mod region;
pub mod regions;
pub(crate) mod room;
pub mod stage1;
pub mod types;
pub(crate) mod uncached;
pub(crate) mod user;
pub(crate) mod withdraw;
