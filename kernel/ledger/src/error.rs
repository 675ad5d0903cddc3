//! Why a ledger cannot be made.

use alloc::vec::Vec;
use core::fmt;
use devicetree::{NodeId, Skip, Tree};

/// A tree whose memory cannot be accounted for, or a ledger that does not fit.
///
/// Displays as one line that names the node.
#[derive(Debug, PartialEq, Eq)]
pub enum Error {
    /// The heap cannot hold the ledger.
    OutOfMemory,
    /// More windows than [`crate::MAX_WINDOWS`].
    TooManyWindows {
        /// The path of the node whose window is one too many.
        node: Text,
    },
    /// Memory or reserved memory that cannot be placed: what it is would be up for grabs.
    Memory {
        /// The node's path.
        node: Text,
        /// The entry's place in `reg`.
        index: u32,
        /// Why.
        skip: Skip,
        /// Why, in words, and what to do.
        reason: Text,
    },
}

impl Error {
    pub(crate) fn memory(tree: &Tree<'_>, node: NodeId, index: u32, skip: Skip) -> Self {
        let reason = Text::new(format_args!("{}; {}", skip.display(tree), skip.advice(tree)));
        Self::Memory { node: Text::new(tree.path(node)), index, skip, reason }
    }

    pub(crate) fn too_many_windows(tree: &Tree<'_>, node: NodeId) -> Self {
        Self::TooManyWindows { node: Text::new(tree.path(node)) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfMemory => f.write_str("ledger: no memory; reserve a larger boot heap"),
            Self::TooManyWindows { node } => write!(
                f,
                "ledger: {node}: property \"reg\": the tree has more than {} windows up to here; remove some",
                crate::MAX_WINDOWS
            ),
            Self::Memory { node, index, reason, .. } => write!(
                f,
                "ledger: {node}: property \"reg\", entry {index}: memory must be accounted for, but {reason}"
            ),
        }
    }
}

impl core::error::Error for Error {}

/// A piece of text that an error keeps. It ends early if there was no memory for it.
#[derive(Debug, PartialEq, Eq, Default)]
pub struct Text(Vec<u8>);

impl Text {
    fn new(what: impl fmt::Display) -> Self {
        let mut text = Self::default();
        // Without memory the error says less; it is still an error.
        let _ = fmt::write(&mut text, format_args!("{what}"));
        text
    }
}

impl fmt::Write for Text {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.0.try_reserve(piece.len()).map_err(|_| fmt::Error)?;
        self.0.extend_from_slice(piece.as_bytes());
        Ok(())
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(core::str::from_utf8(&self.0).unwrap_or("?"))
    }
}
