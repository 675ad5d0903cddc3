//! For tests of device trees: a writer, a second reader, mutations, and trees that grow.
#![forbid(unsafe_code)]

pub mod families;
pub mod judge;
pub mod mutate;
pub mod source;
pub mod walker;
pub mod writer;
