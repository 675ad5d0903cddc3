//! For tests of device trees: a writer, a second reader, mutations, and trees that grow.
#![forbid(unsafe_code)]

pub mod source;
pub mod writer;
