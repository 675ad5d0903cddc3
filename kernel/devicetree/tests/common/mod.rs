//! What the tests of trees share; it lives in `treecheck`.
#![allow(unused_imports)] // Each test program uses its own part.

pub(crate) use treecheck::writer::{
    BEGIN_NODE, Blob, END, END_NODE, NOP, PROP, board, parse, patch, refusal,
};
