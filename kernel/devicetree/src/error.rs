//! Why a blob is refused: what, where, against whom, and what to do about it.

use alloc::vec::Vec;
use core::fmt;

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
                    "totalsize is {total} bytes, but {have} are there; the blob is cut short or damaged"
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
                "the {block} at {offset:#x}, {size:#x} bytes, is off its alignment of {}",
                if *block == Block::Reservations { 8 } else { 4 }
            ),
            Self::BlockOutside { block, offset, size, total } => write!(
                f,
                "the {block} at {offset:#x}, {size:#x} bytes, is not between the header's end 0x28 and totalsize {total:#x}"
            ),
            Self::ReservationsUnterminated => {
                f.write_str("the memory reservation block has no terminating entry of zeros inside totalsize")
            }
            Self::BufferTooSmall { need, have } => {
                write!(f, "the clean copy needs {need} bytes, but the buffer has {have}; reserve more")
            }
            _ => f.write_str("no memory for the index of nodes; reserve a larger boot heap"),
        }
    }

    fn fmt_structure(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { offset } => {
                write!(f, "the structure block ends inside the token at {offset:#x}, before FDT_END")
            }
            Self::BadToken { token, offset } => {
                write!(f, "{token:#x} at {offset:#x} of the structure block is no token (1, 2, 3, 4 or 9)")
            }
            Self::NoRoot => f.write_str("the structure block has no root node"),
            Self::RootNamed => f.write_str("the root node has a name; it must be empty"),
            Self::SecondRoot => f.write_str("a second node stands beside the root; there must be one root"),
            Self::SurplusEnd { offset } => {
                write!(f, "FDT_END_NODE at {offset:#x} of the structure block closes no node")
            }
            Self::NodeOpen => f.write_str("FDT_END comes before the node's FDT_END_NODE"),
            Self::TooDeep => write!(f, "the node is deeper than {} levels below the root", crate::MAX_DEPTH),
            Self::NameEmpty => f.write_str("a node below the root has no name"),
            Self::NameTooLong { length } => {
                write!(f, "a child's name is {length} bytes long, more than the limit of 255")
            }
            Self::NameByte { byte } => {
                write!(f, "byte {byte:#04x} in a node name; names are printable ASCII without '/'")
            }
            Self::PropertyOutside { offset } => {
                write!(f, "the property at {offset:#x} of the structure block is outside every node")
            }
            Self::PropertyAfterChild => {
                f.write_str("the property comes after a child node; properties must come first")
            }
            Self::ValueTooLong { length, left } => {
                write!(f, "the value is {length} bytes long, but the structure block has {left} left")
            }
            Self::PropertyName { offset, size } => write!(
                f,
                "a property's name at {offset:#x} does not end inside the strings block of {size:#x} bytes"
            ),
            Self::PropertyNameByte { byte } => {
                write!(f, "byte {byte:#04x} in a property name; names are printable ASCII")
            }
            Self::NotOneCell { length } => {
                write!(f, "the value is {length} bytes long, must be one cell of 4")
            }
            Self::PhandleTwice { phandle, other } => {
                write!(f, "phandle {phandle:#x} also belongs to {}; each node needs its own", other.as_str())
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
