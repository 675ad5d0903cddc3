//! Why a blob is refused: what, where, against whom, and what to do about it.

use crate::validate::MAX_NAME;
use alloc::vec::Vec;
use core::fmt;

/// What to do about a blob that no compiler writes.
const DAMAGED: &str = "the blob is damaged: load it anew";

/// A block of the blob (Devicetree Specification 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// The memory reservation block (5.3).
    Reservations,
    /// The structure block (5.4).
    Structure,
    /// The strings block (5.5).
    Strings,
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reservations => "memory reservation block",
            Self::Structure => "structure block",
            Self::Strings => "strings block",
        })
    }
}

/// What is wrong. Offsets are bytes from the start of the block that the text names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Fewer bytes than a header has.
    NoHeader {
        /// Bytes given.
        have: usize,
    },
    /// The first word is not 0xd00dfeed.
    BadMagic {
        /// The word found.
        found: u32,
    },
    /// `totalsize` is smaller than the header or larger than the bytes given.
    TotalSize {
        /// The header's `totalsize`.
        total: u32,
        /// Bytes given.
        have: usize,
    },
    /// `totalsize` is above [`crate::MAX_TOTAL_SIZE`].
    TooLarge {
        /// The header's `totalsize`.
        total: u32,
    },
    /// Not readable as version 17.
    Version {
        /// The header's `version`.
        version: u32,
        /// The header's `last_comp_version`.
        last_compatible: u32,
    },
    /// A block starts or ends off its alignment.
    Misaligned {
        /// Which block.
        block: Block,
        /// The header's offset.
        offset: u32,
        /// The header's size.
        size: u32,
    },
    /// A block does not lie between the header and `totalsize`.
    BlockOutside {
        /// Which block.
        block: Block,
        /// The header's offset.
        offset: u32,
        /// The header's size.
        size: u32,
        /// The header's `totalsize`.
        total: u32,
    },
    /// No terminating entry in the memory reservation block.
    ReservationsUnterminated,
    /// The caller's buffer does not hold the clean copy.
    BufferTooSmall {
        /// Bytes needed.
        need: usize,
        /// Bytes given.
        have: usize,
    },
    /// The heap cannot hold the index.
    OutOfMemory,
    /// The structure block ends in the middle of something.
    Truncated {
        /// Where.
        offset: usize,
    },
    /// A word that is no token.
    BadToken {
        /// The word.
        token: u32,
        /// Where.
        offset: usize,
    },
    /// `FDT_END` before any node.
    NoRoot,
    /// The first node has a name.
    RootNamed,
    /// A second node at the top.
    SecondRoot,
    /// `FDT_END_NODE` with no node open.
    SurplusEnd {
        /// Where.
        offset: usize,
    },
    /// `FDT_END` with a node open.
    NodeOpen,
    /// A node below [`crate::MAX_DEPTH`].
    TooDeep,
    /// A node without a name below the root.
    NameEmpty,
    /// A node name of more than 255 bytes.
    NameTooLong {
        /// Its length.
        length: usize,
    },
    /// A byte in a node name that is not printable ASCII, or a slash.
    NameByte {
        /// The byte.
        byte: u8,
    },
    /// A property outside every node.
    PropertyOutside {
        /// Where.
        offset: usize,
    },
    /// A property after a child node.
    PropertyAfterChild,
    /// A value that ends beyond the structure block.
    ValueTooLong {
        /// Bytes claimed.
        length: u32,
        /// Bytes left in the block.
        left: usize,
    },
    /// A property name that does not lie in the strings block, or does not end there.
    PropertyName {
        /// The offset in the strings block.
        offset: u32,
        /// The block's size.
        size: u32,
    },
    /// A property name of more than 255 bytes.
    PropertyNameTooLong {
        /// The offset in the strings block.
        offset: u32,
    },
    /// A byte in a property name that is not printable ASCII.
    PropertyNameByte {
        /// The byte.
        byte: u8,
    },
    /// A property that must be one cell is not 4 bytes long.
    NotOneCell {
        /// Its length.
        length: u32,
    },
    /// Two nodes with one phandle.
    PhandleTwice {
        /// The phandle.
        phandle: u32,
        /// The other node.
        other: Text,
    },
}

/// A blob that was refused.
///
/// Displays as one line: `device tree: /path: property "name": what; what to do`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    problem: Problem,
    node: Option<Text>,
    property: Option<Text>,
}

impl Error {
    pub(crate) fn new(problem: Problem) -> Self {
        Self { problem, node: None, property: None }
    }

    pub(crate) fn at(problem: Problem, node: Text) -> Self {
        Self { problem, node: Some(node), property: None }
    }

    pub(crate) fn property(mut self, name: &[u8]) -> Self {
        self.property = Some(Text::from_bytes(name));
        self
    }

    /// What is wrong.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// The full path of the node concerned, if it is about a node.
    pub fn node(&self) -> Option<&str> {
        self.node.as_ref().map(Text::as_str)
    }

    /// The property concerned, if it is about a property.
    pub fn property_name(&self) -> Option<&str> {
        self.property.as_ref().map(Text::as_str)
    }
}

rules! { Problem:
    Self::NoHeader { .. } => "no-header",
    Self::BadMagic { .. } => "bad-magic",
    Self::TotalSize { .. } => "total-size",
    Self::TooLarge { .. } => "too-large",
    Self::Version { .. } => "version",
    Self::Misaligned { .. } => "misaligned",
    Self::BlockOutside { .. } => "block-outside",
    Self::ReservationsUnterminated => "reservations-unterminated",
    Self::BufferTooSmall { .. } => "buffer-too-small",
    Self::OutOfMemory => "out-of-memory",
    Self::Truncated { .. } => "truncated",
    Self::BadToken { .. } => "bad-token",
    Self::NoRoot => "no-root",
    Self::RootNamed => "root-named",
    Self::SecondRoot => "second-root",
    Self::SurplusEnd { .. } => "surplus-end",
    Self::NodeOpen => "node-open",
    Self::TooDeep => "too-deep",
    Self::NameEmpty => "name-empty",
    Self::NameTooLong { .. } => "name-too-long",
    Self::NameByte { .. } => "name-byte",
    Self::PropertyOutside { .. } => "property-outside",
    Self::PropertyAfterChild => "property-after-child",
    Self::ValueTooLong { .. } => "value-too-long",
    Self::PropertyName { .. } => "property-name-outside",
    Self::PropertyNameTooLong { .. } => "property-name-too-long",
    Self::PropertyNameByte { .. } => "property-name-byte",
    Self::NotOneCell { .. } => "not-one-cell",
    Self::PhandleTwice { .. } => "phandle-twice",
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::new(problem)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("device tree: ")?;
        if let Some(node) = &self.node {
            write!(f, "{}: ", node.as_str())?;
        }
        if let Some(property) = &self.property {
            write!(f, "property \"{}\": ", property.as_str())?;
        }
        self.problem.fmt(f)
    }
}

impl core::error::Error for Error {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHeader { .. }
            | Self::BadMagic { .. }
            | Self::TotalSize { .. }
            | Self::TooLarge { .. }
            | Self::Version { .. }
            | Self::Misaligned { .. }
            | Self::BlockOutside { .. }
            | Self::ReservationsUnterminated
            | Self::BufferTooSmall { .. }
            | Self::OutOfMemory => self.fmt_header(f),
            _ => self.fmt_structure(f),
        }
    }
}

impl Problem {
    fn fmt_header(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHeader { have } => {
                write!(f, "{have} bytes are too few for a header of 40; pass the whole blob")
            }
            Self::BadMagic { found } => {
                write!(f, "first word is {found:#010x}, must be 0xd00dfeed; this is not a device tree blob")
            }
            Self::TotalSize { total, have } => {
                write!(
                    f,
                    "totalsize is {total} bytes, but {have} are there; the blob is cut short or damaged: load it anew"
                )
            }
            Self::TooLarge { total } => write!(
                f,
                "totalsize is {total} bytes, more than the limit of {}; remove the padding (dtc -S 0)",
                crate::MAX_TOTAL_SIZE
            ),
            Self::Version { version, last_compatible } => write!(
                f,
                "version is {version}, compatible back to {last_compatible}; must be readable as 17: convert it with dtc"
            ),
            Self::Misaligned { block, offset, size } => write!(
                f,
                "the {block} at {offset:#x}, {size:#x} bytes, is off its alignment of {}; {DAMAGED}",
                if *block == Block::Reservations { 8 } else { 4 }
            ),
            Self::BlockOutside { block, offset, size, total } => write!(
                f,
                "the {block} at {offset:#x}, {size:#x} bytes, is not between the header's end 0x28 and totalsize \
                 {total:#x}; {DAMAGED}"
            ),
            Self::ReservationsUnterminated => write!(
                f,
                "the memory reservation block has no terminating entry of zeros inside totalsize; {DAMAGED}"
            ),
            Self::BufferTooSmall { need, have } => {
                write!(f, "the clean copy needs {need} bytes, but the buffer has {have}; reserve more")
            }
            _ => f.write_str("no memory for the index of nodes; reserve a larger boot heap"),
        }
    }

    fn fmt_structure(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { offset } => write!(
                f,
                "the structure block ends inside the token at {offset:#x}, before FDT_END; {DAMAGED}"
            ),
            Self::BadToken { token, offset } => write!(
                f,
                "{token:#x} at {offset:#x} of the structure block is no token (1, 2, 3, 4 or 9); {DAMAGED}"
            ),
            Self::NoRoot => write!(f, "the structure block has no root node; {DAMAGED}"),
            Self::RootNamed => f.write_str("the first node has a name; the root's must be empty"),
            Self::SecondRoot => f.write_str("a second node stands beside the root; put it below the root"),
            Self::SurplusEnd { offset } => {
                write!(f, "FDT_END_NODE at {offset:#x} of the structure block closes no node; {DAMAGED}")
            }
            Self::NodeOpen => write!(f, "FDT_END comes before the node's FDT_END_NODE; {DAMAGED}"),
            Self::TooDeep => write!(
                f,
                "a child would be deeper than {} levels below the root; use fewer levels",
                crate::MAX_DEPTH
            ),
            Self::NameEmpty => f.write_str("a child has no name; give it one"),
            Self::NameTooLong { length } => {
                write!(f, "a child's name is {length} bytes long; shorten it to {MAX_NAME}")
            }
            Self::NameByte { byte } => {
                write!(f, "byte {byte:#04x} in a child's name; names are printable ASCII without '/'")
            }
            Self::PropertyOutside { offset } => write!(
                f,
                "the property at {offset:#x} of the structure block is outside every node; {DAMAGED}"
            ),
            Self::PropertyAfterChild => {
                f.write_str("it comes after a child node; put properties before children")
            }
            Self::ValueTooLong { length, left } => {
                write!(
                    f,
                    "the value is {length} bytes long, but the structure block has {left} left; {DAMAGED}"
                )
            }
            Self::PropertyName { offset, size } => write!(
                f,
                "a property's name at {offset:#x} does not end inside the strings block of {size:#x} bytes; {DAMAGED}"
            ),
            Self::PropertyNameTooLong { offset } => write!(
                f,
                "a property's name, at {offset:#x} of the strings block, is too long; shorten it to {MAX_NAME} bytes"
            ),
            Self::PropertyNameByte { byte } => {
                write!(f, "byte {byte:#04x} in a property's name; names are printable ASCII")
            }
            Self::NotOneCell { length } => {
                write!(f, "the value is {length} bytes long; it must be one cell of 4")
            }
            Self::PhandleTwice { phandle, other } => {
                write!(f, "phandle {phandle:#x} also belongs to {}; give each node its own", other.as_str())
            }
            _ => f.write_str("refused"),
        }
    }
}

/// A piece of text that an error keeps. It is empty if there was no memory for it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Text(Vec<u8>);

impl Text {
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        let mut text = Self::default();
        text.append(bytes);
        text
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) {
        if self.0.try_reserve(bytes.len()).is_ok() {
            self.0.extend_from_slice(bytes);
        }
    }

    /// The text; what is not UTF-8 shows as a question mark.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or("?")
    }
}
