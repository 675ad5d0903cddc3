//! Rules S2 to S7 in one pass over the structure block, which also copies it and makes the index.
//!
//! Grammar: Devicetree Specification 5.4.2. `FDT_NOP`s do not reach the copy: `fdt` 0.1.5 panics on some
//! and silently loses nodes after others, and QEMU's `raspi4b` puts hundreds into its tree.

use crate::class::MEMORY_LIKE;
use crate::cursor::{be32, strings};
use crate::error::{Error, Problem, Text};
use crate::gic::GIC_COMPATIBLES;
use crate::header::{Layout, to_u32, to_usize};
use crate::index::{ABSENT, Index, Known, MAX_DEPTH, Name, Node, NodeStatus};
use crate::try_push;
use crate::window::Role;
use abi::device_table::Class;

const BEGIN_NODE: u32 = 1;
const END_NODE: u32 = 2;
pub(crate) const PROP: u32 = 3;
const NOP: u32 = 4;
const END: u32 = 9;

/// The longest name. The specification says 31, for a node's before the `@`; real trees reach 47. What is built from
/// names (paths, the device table), and the time to read one, must stay in proportion to the tree: many properties
/// may share one name in the strings block.
pub(crate) const MAX_NAME: usize = 255;
/// Remembered property names. Real trees use about 200 different ones.
const NAME_CACHE: usize = 256;

/// Validates the structure block of `blob`, copies it clean and indexes it.
///
/// Requires: `layout` was read from `blob`, and `copy` is at least `layout.copy_size()` long.
/// Gives the index and the clean structure block's length.
pub(crate) fn scan(blob: &[u8], layout: &Layout, copy: &mut [u8]) -> Result<(Index, usize), Error> {
    let source = blob.get(layout.structure.clone()).unwrap_or(&[]);
    let strings = blob.get(layout.strings.clone()).unwrap_or(&[]);
    let start = layout.copy_structure();
    let mut index = Index::default();
    // A node takes 100 to 200 bytes in real trees, a known property 30 to 40. Guessing saves regrowing.
    let reserved = index.nodes.try_reserve(source.len() / 128 + 8).is_ok()
        && index.known.try_reserve(source.len() / 32 + 8).is_ok();
    if !reserved {
        return Err(Problem::OutOfMemory.into());
    }
    let squeezer =
        Squeezer { source, target: copy.get_mut(start..).unwrap_or(&mut []), copied: 0, removed: 0 };
    let mut scanner = Scanner {
        source,
        names: Names { strings, cache: [None; NAME_CACHE] },
        squeezer,
        base: to_u32(start),
        index,
        open: [Open { node: 0, name: (0, 0) }; MAX_DEPTH + 1],
        depth: 0,
    };
    let length = scanner.run()?;
    Ok((scanner.index, length))
}

/// Copies the source up to each NOP, leaving the NOPs out.
struct Squeezer<'a> {
    source: &'a [u8],
    target: &'a mut [u8],
    copied: usize,
    removed: usize,
}

impl Squeezer<'_> {
    /// Copies what lies before `at`.
    fn flush(&mut self, at: usize) {
        let run = self.source.get(self.copied..at).unwrap_or(&[]);
        let to = self.copied.saturating_sub(self.removed);
        if let Some(target) = self.target.get_mut(to..to.saturating_add(run.len())) {
            target.copy_from_slice(run);
        }
        self.copied = at;
    }

    /// Leaves out the NOP at `at`.
    fn skip(&mut self, at: usize) {
        self.flush(at);
        self.copied = at.saturating_add(4);
        self.removed = self.removed.saturating_add(4);
    }
}

/// Checks property names once for each offset in the strings block (rule S4).
struct Names<'a> {
    strings: &'a [u8],
    /// Offsets that were judged, and what is named there. Every slot starts empty: an offset that stands for
    /// "empty" would pass unjudged if a tree used it.
    cache: [Option<(u32, Option<Name>)>; NAME_CACHE],
}

impl Names<'_> {
    fn look_up(&mut self, offset: u32) -> Result<Option<Name>, Problem> {
        let slot = to_usize(offset ^ (offset >> 8)) % NAME_CACHE;
        if let Some(Some((known, name))) = self.cache.get(slot)
            && *known == offset
        {
            return Ok(*name);
        }
        let outside = Problem::PropertyName { offset, size: to_u32(self.strings.len()) };
        let tail = self.strings.get(to_usize(offset)..).unwrap_or(&[]);
        let Some(length) = tail.iter().take(MAX_NAME + 1).position(|byte| *byte == 0) else {
            let is_long = tail.len() > MAX_NAME;
            return Err(if is_long { Problem::PropertyNameTooLong { offset } } else { outside });
        };
        let text = tail.get(..length).unwrap_or(&[]);
        if let Some(byte) = text.iter().find(|byte| !is_printable(**byte)) {
            return Err(Problem::PropertyNameByte { byte: *byte });
        }
        let name = Name::of(text);
        if let Some(entry) = self.cache.get_mut(slot) {
            *entry = Some((offset, name));
        }
        Ok(name)
    }

    /// The name's bytes, for an error.
    fn bytes(&self, offset: u32) -> &[u8] {
        let tail = self.strings.get(to_usize(offset)..).unwrap_or(&[]);
        let head = tail.get(..tail.len().min(MAX_NAME)).unwrap_or(&[]);
        head.split(|byte| *byte == 0).next().unwrap_or(&[])
    }
}

/// A node whose `FDT_END_NODE` is still to come.
#[derive(Clone, Copy)]
struct Open {
    node: u32,
    /// Offset and length of the name in the source.
    name: (usize, usize),
}

struct Scanner<'a> {
    source: &'a [u8],
    names: Names<'a>,
    squeezer: Squeezer<'a>,
    /// Where the structure block starts in the copy.
    base: u32,
    index: Index,
    open: [Open; MAX_DEPTH + 1],
    depth: usize,
}

impl Scanner<'_> {
    /// Reads tokens to `FDT_END`; gives the clean length.
    fn run(&mut self) -> Result<usize, Error> {
        let mut at = 0;
        loop {
            let Some(token) = be32(self.source, at) else {
                return self.fail(Problem::Truncated { offset: at });
            };
            at = match token {
                PROP => self.property(at)?,
                BEGIN_NODE => self.begin(at)?,
                END_NODE => self.end(at)?,
                NOP => {
                    self.squeezer.skip(at);
                    at + 4
                }
                END => return self.finish(at),
                _ => return self.fail(Problem::BadToken { token, offset: at }),
            };
        }
    }

    fn begin(&mut self, at: usize) -> Result<usize, Error> {
        let start = at + 4;
        let tail = self.source.get(start..).unwrap_or(&[]);
        let Some(length) = tail.iter().position(|byte| *byte == 0) else {
            return self.fail(Problem::Truncated { offset: at });
        };
        let name = tail.get(..length).unwrap_or(&[]);
        let is_root = self.index.nodes.is_empty();
        match () {
            () if is_root && length != 0 => return self.fail(Problem::RootNamed),
            () if !is_root && self.depth == 0 => return self.fail(Problem::SecondRoot),
            () if !is_root && length == 0 => return self.fail(Problem::NameEmpty),
            () if length > MAX_NAME => return self.fail(Problem::NameTooLong { length }),
            () if self.depth > MAX_DEPTH => return self.fail(Problem::TooDeep),
            () => {}
        }
        if let Some(byte) = name.iter().find(|byte| !is_printable(**byte) || **byte == b'/') {
            return self.fail(Problem::NameByte { byte: *byte });
        }
        let node = self.new_node(start, length);
        let number = to_u32(self.index.nodes.len());
        if try_push(&mut self.index.nodes, node).is_err() {
            return self.fail(Problem::OutOfMemory);
        }
        if let Some(open) = self.open.get_mut(self.depth) {
            *open = Open { node: number, name: (start, length) };
        }
        self.depth += 1;
        Ok(aligned(start + length + 1))
    }

    fn new_node(&self, name: usize, length: usize) -> Node {
        let parent = self.depth.checked_sub(1).and_then(|depth| self.open.get(depth)).map(|open| open.node);
        let above = parent.and_then(|parent| self.index.nodes.get(to_usize(parent)));
        Node {
            name: self.clean_offset(name),
            name_length: to_u32(length),
            parent: parent.unwrap_or(0),
            end: 0,
            first_known: to_u32(self.index.known.len()),
            known: 0,
            address_cells: ABSENT,
            size_cells: ABSENT,
            interrupt_cells: ABSENT,
            status: NodeStatus::Okay,
            available: above.is_none_or(|above| above.available),
            pci: false,
            class: above.map_or(Class::Register, |above| above.class),
            role: Role::Device,
            gic: None,
            gic_part: above.is_some_and(|above| above.gic_part),
        }
    }

    fn end(&mut self, at: usize) -> Result<usize, Error> {
        let Some(depth) = self.depth.checked_sub(1) else {
            return self.fail(Problem::SurplusEnd { offset: at });
        };
        self.depth = depth;
        let end = to_u32(self.index.nodes.len());
        let node = self.open.get(depth).map_or(0, |open| open.node);
        if let Some(node) = self.index.nodes.get_mut(to_usize(node)) {
            node.end = end;
        }
        Ok(at + 4)
    }

    fn property(&mut self, at: usize) -> Result<usize, Error> {
        let (Some(length), Some(name)) = (be32(self.source, at + 4), be32(self.source, at + 8)) else {
            return self.fail(Problem::Truncated { offset: at });
        };
        let Some(open) =
            self.depth.checked_sub(1).and_then(|depth| self.open.get(depth)).map(|open| open.node)
        else {
            return self.fail(Problem::PropertyOutside { offset: at });
        };
        let known = match self.names.look_up(name) {
            Ok(known) => known,
            Err(problem) => return self.fail(problem),
        };
        if to_usize(open) + 1 != self.index.nodes.len() {
            return self.fail_property(Problem::PropertyAfterChild, name);
        }
        let start = at + 12;
        let Some(value) = self.source.get(start..).and_then(|tail| tail.get(..to_usize(length))) else {
            let left = self.source.len().saturating_sub(start);
            return self.fail_property(Problem::ValueTooLong { length, left }, name);
        };
        if let Some(known) = known
            && let Err(problem) = self.remember(known, start, value)
        {
            return self.fail_property(problem, name);
        }
        Ok(aligned(start + value.len()))
    }

    /// Notes a known property of the innermost node. The first of two with one name counts, as in `fdt`.
    fn remember(&mut self, name: Name, start: usize, value: &[u8]) -> Result<(), Problem> {
        let known = Known { name, offset: self.clean_offset(start), length: to_u32(value.len()) };
        let number = to_u32(self.index.nodes.len()).saturating_sub(1);
        let Some(node) = self.index.nodes.last_mut() else { return Ok(()) };
        let first = to_usize(node.first_known);
        if self.index.known.get(first..).unwrap_or(&[]).iter().any(|other| other.name == name) {
            return Ok(());
        }
        match name {
            Name::AddressCells => node.address_cells = count(value)?,
            Name::SizeCells => node.size_cells = count(value)?,
            Name::InterruptCells => node.interrupt_cells = count(value)?,
            Name::Compatible => judge_compatible(node, value),
            Name::DeviceType => node.pci = matches!(value, b"pci\0" | b"pciex\0"),
            Name::Status => {
                node.status = NodeStatus::read(value);
                node.available &= node.status == NodeStatus::Okay;
            }
            Name::Phandle | Name::OldPhandle => {
                let phandle = one_cell(value)?;
                // 0 and all ones are no phandles. Old trees state a phandle under both names.
                if phandle != 0
                    && phandle != u32::MAX
                    && self.index.phandles.last() != Some(&(phandle, number))
                {
                    try_push(&mut self.index.phandles, (phandle, number))
                        .map_err(|_| Problem::OutOfMemory)?;
                }
            }
            _ => {}
        }
        node.known += 1;
        try_push(&mut self.index.known, known).map_err(|_| Problem::OutOfMemory)
    }

    fn finish(&mut self, at: usize) -> Result<usize, Error> {
        if self.depth != 0 {
            return self.fail(Problem::NodeOpen);
        }
        if self.index.nodes.is_empty() {
            return self.fail(Problem::NoRoot);
        }
        let end = at + 4;
        self.squeezer.flush(end);
        Ok(end - self.squeezer.removed)
    }

    /// Where the byte at `at` of the source lies in the copy.
    fn clean_offset(&self, at: usize) -> u32 {
        self.base + to_u32(at - self.squeezer.removed)
    }

    #[cold]
    fn fail<T>(&self, problem: Problem) -> Result<T, Error> {
        if self.depth == 0 { Err(problem.into()) } else { Err(Error::at(problem, self.path())) }
    }

    #[cold]
    fn fail_property<T>(&self, problem: Problem, name: u32) -> Result<T, Error> {
        Err(Error::at(problem, self.path()).property(self.names.bytes(name)))
    }

    /// The path of the innermost open node.
    fn path(&self) -> Text {
        let mut path = Text::default();
        for open in self.open.iter().take(self.depth).skip(1) {
            path.append(b"/");
            path.append(self.source.get(open.name.0..open.name.0 + open.name.1).unwrap_or(&[]));
        }
        if self.depth == 1 {
            path.append(b"/");
        }
        path
    }
}

/// Notes what `compatible` says of the node, once, so that no later question reads the list again.
fn judge_compatible(node: &mut Node, list: &[u8]) {
    node.class = Class::Register;
    for name in strings(list) {
        if MEMORY_LIKE.contains(&name) {
            node.class = Class::MemoryLike;
        }
        if let Some((_, version)) = GIC_COMPATIBLES.iter().find(|(listed, _)| *listed == name) {
            node.gic_part = true;
            node.gic = node.gic.or(*version);
        }
    }
}

/// The value of a cell-count property; counts that no address can have stay recognisable as such.
fn count(value: &[u8]) -> Result<u8, Problem> {
    one_cell(value).map(|count| u8::try_from(count).unwrap_or(ABSENT - 1).min(ABSENT - 1))
}

fn one_cell(value: &[u8]) -> Result<u32, Problem> {
    match be32(value, 0) {
        Some(cell) if value.len() == 4 => Ok(cell),
        _ => Err(Problem::NotOneCell { length: to_u32(value.len()) }),
    }
}

fn is_printable(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e)
}

/// Tokens start at multiples of 4 (specification 5.4). The sum cannot overflow: offsets are below 2 MiB.
fn aligned(at: usize) -> usize {
    at.next_multiple_of(4)
}
