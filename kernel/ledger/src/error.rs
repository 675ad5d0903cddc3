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
    TooManyWindows,
    /// Memory or reserved memory that cannot be placed: what it is would be up for grabs.
    Memory {
        /// The node's path.
        node: Text,
        /// The entry's place in `reg`.
        index: u32,
        /// Why, in words.
        reason: Text,
    },
}

impl Error {
    pub(crate) fn memory(tree: &Tree<'_>, node: NodeId, index: u32, skip: Skip) -> Self {
        Self::Memory { node: Text::new(tree.path(node)), index, reason: Text::new(skip.display(tree)) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfMemory => f.write_str("ledger: no memory; reserve a larger boot heap"),
            Self::TooManyWindows => {
                write!(
                    f,
                    "ledger: the tree has more than {} windows; no known board has 700",
                    crate::MAX_WINDOWS
                )
            }
            Self::Memory { node, index, reason } => {
                write!(
                    f,
                    "ledger: {node}: property \"reg\", entry {index}: {reason}; memory must be accounted for"
                )
            }
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
