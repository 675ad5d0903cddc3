//! How a program's or the vDSO's ELF file becomes mappings: the plan, without carrying it out.
use core::fmt;

use abi::{PAGE_SIZE, vmar};
use alloc::vec::Vec;
use elf::abi::{EM_AARCH64, ET_DYN, PF_R, PF_W, PF_X, PT_INTERP, PT_LOAD};
use elf::endian::LittleEndian;
use elf::file::{Class, FileHeader, parse_ident};
use elf::segment::{ProgramHeader, SegmentTable};

/// The bytes from a file's start that hold its headers: one page.
pub const HEAD_SIZE: usize = PAGE_SIZE as usize;
/// More than any program here has; a damaged file does not take the address space.
const MAX_SPAN: u64 = 1 << 30;
/// Bytes of a file header and of a program header (ELF-64).
const HEADER_SIZE: usize = 64;
const SEGMENT_SIZE: usize = 56;

/// One mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Bytes from the image's base, a multiple of the page size.
    pub at: u64,
    /// Bytes, a multiple of the page size.
    pub len: u64,
    /// The page of the file with which it starts.
    pub file_page: u64,
    /// The bytes that come from the file, counted from the mapping's start: from, to. The rest reads as zero.
    pub content: (u64, u64),
    /// `PERM_` options.
    pub permissions: u32,
}

impl Segment {
    /// Whether the program gets pages of its own; otherwise it sees the file's.
    pub const fn is_private(&self) -> bool {
        self.permissions & vmar::PERM_WRITE != 0
    }
}

/// Where an ELF file's parts go.
///
/// Holding one proves: the file is a static, position-independent AArch64 ELF; its segments are of whole pages,
/// ascending and apart; none is both writable and executable; all that is mapped lies in the file; the entry
/// is in an executable segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The mappings, ascending.
    pub segments: Vec<Segment>,
    /// Bytes from the base to the end of the last mapping.
    pub span: u64,
    /// Bytes from the base to the first instruction; 0 for a library.
    pub entry: u64,
}

/// Why a file cannot be mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// It does not start with an ELF header of 64-bit little-endian.
    NotElf,
    /// It is for another machine: its `e_machine`.
    Machine(u16),
    /// It has a fixed address, or is not linked: its `e_type`.
    NotPie(u16),
    /// It asks for a dynamic loader.
    Interpreter,
    /// Its program headers are not in the first page.
    Headers,
    /// It has nothing to map.
    NoSegments,
    /// The segment at this address reaches beyond the file, its span or the one before, or is not page-aligned
    /// in the file as in memory.
    Layout(u64),
    /// The segment at this address is writable and executable, or not readable.
    Permissions(u64),
    /// The first instruction is not in an executable segment.
    Entry(u64),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotElf => f.write_str("it is not a 64-bit little-endian ELF file"),
            Self::Machine(machine) => write!(f, "it is not for AArch64 (ELF machine {machine})"),
            Self::NotPie(kind) => {
                write!(f, "it is not position independent (ELF type {kind}): link it with linker/program.ld")
            }
            Self::Interpreter => {
                f.write_str("it asks for a dynamic loader: link it with --no-dynamic-linker")
            }
            Self::Headers => f.write_str("its program headers are not in its first page"),
            Self::NoSegments => f.write_str("it has no PT_LOAD segment"),
            Self::Layout(at) => {
                write!(f, "its segment at {at:#x} cannot be mapped: link it with linker/program.ld")
            }
            Self::Permissions(at) => {
                write!(f, "its segment at {at:#x} is writable and executable, or not readable")
            }
            Self::Entry(at) => write!(f, "its entry {at:#x} is not in an executable segment"),
        }
    }
}

impl core::error::Error for Error {}

impl Plan {
    /// Plans for a file of `file_size` bytes, from its first page (or all of it, if it is shorter).
    ///
    /// # Errors
    /// [`Error`], naming the first thing that is wrong.
    pub fn new(head: &[u8], file_size: u64) -> Result<Self, Error> {
        let header = parse_header(head)?;
        let mut segments = Vec::new();
        let mut end = 0;
        for load in program_headers(head, &header)?.iter() {
            match load.p_type {
                PT_INTERP => return Err(Error::Interpreter),
                PT_LOAD if load.p_memsz != 0 => {
                    let segment = plan(&load, file_size, end)?;
                    end = segment.at + segment.len;
                    segments.push(segment);
                }
                _ => {}
            }
        }
        if segments.is_empty() {
            return Err(Error::NoSegments);
        }
        let plan = Self { segments, span: end, entry: header.e_entry };
        if plan.entry != 0 && !plan.is_code(plan.entry) {
            return Err(Error::Entry(plan.entry));
        }
        Ok(plan)
    }

    /// Whether an instruction at this offset from the base can be fetched.
    fn is_code(&self, at: u64) -> bool {
        let executable = |segment: &&Segment| segment.permissions & vmar::PERM_EXECUTE != 0;
        self.segments.iter().filter(executable).any(|code| (code.at..code.at + code.len).contains(&at))
    }
}

fn parse_header(head: &[u8]) -> Result<FileHeader<LittleEndian>, Error> {
    let header = head.get(..HEADER_SIZE).ok_or(Error::NotElf)?;
    let ident = parse_ident::<LittleEndian>(header).map_err(|_| Error::NotElf)?;
    let tail = header.get(elf::abi::EI_NIDENT..).ok_or(Error::NotElf)?;
    if ident.1 != Class::ELF64 {
        return Err(Error::NotElf);
    }
    let header = FileHeader::parse_tail(ident, tail).map_err(|_| Error::NotElf)?;
    if header.e_machine != EM_AARCH64 {
        return Err(Error::Machine(header.e_machine));
    }
    if header.e_type != ET_DYN {
        return Err(Error::NotPie(header.e_type));
    }
    Ok(header)
}

fn program_headers<'a>(
    head: &'a [u8],
    header: &FileHeader<LittleEndian>,
) -> Result<SegmentTable<'a, LittleEndian>, Error> {
    let size = usize::from(header.e_phnum) * SEGMENT_SIZE;
    let start = usize::try_from(header.e_phoff).map_err(|_| Error::Headers)?;
    let bytes = head.get(start..).and_then(|rest| rest.get(..size)).ok_or(Error::Headers)?;
    if usize::from(header.e_phentsize) != SEGMENT_SIZE {
        return Err(Error::Headers);
    }
    Ok(SegmentTable::new(header.endianness, Class::ELF64, bytes))
}

/// Plans one segment, which must start at `free` or above.
fn plan(load: &ProgramHeader, file_size: u64, free: u64) -> Result<Segment, Error> {
    let layout = Error::Layout(load.p_vaddr);
    let slack = load.p_vaddr % PAGE_SIZE;
    let at = load.p_vaddr - slack;
    let end = load.p_vaddr.checked_add(load.p_memsz).filter(|&end| end <= MAX_SPAN).ok_or(layout)?;
    let end = end.next_multiple_of(PAGE_SIZE);
    let in_file = load.p_offset.checked_add(load.p_filesz).is_some_and(|end| end <= file_size);
    if at < free || load.p_offset % PAGE_SIZE != slack || load.p_filesz > load.p_memsz || !in_file {
        return Err(layout);
    }
    let allowed = [(PF_R, vmar::PERM_READ), (PF_W, vmar::PERM_WRITE), (PF_X, vmar::PERM_EXECUTE)];
    let permissions =
        allowed.iter().filter(|(flag, _)| load.p_flags & flag != 0).fold(0, |sum, (_, option)| sum | option);
    let both = vmar::PERM_WRITE | vmar::PERM_EXECUTE;
    if permissions & vmar::PERM_READ == 0 || permissions & both == both {
        return Err(Error::Permissions(load.p_vaddr));
    }
    let segment = Segment {
        at,
        len: end - at,
        file_page: load.p_offset - slack,
        content: (slack, slack + load.p_filesz),
        permissions,
    };
    // The file's own pages are mapped: there is nothing behind them that reads as zero.
    if !segment.is_private() && load.p_filesz != load.p_memsz {
        return Err(layout);
    }
    Ok(segment)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    /// p_type, p_flags, p_offset, p_vaddr, p_filesz, p_memsz.
    type Load = (u32, u32, u64, u64, u64, u64);

    const RO: Load = (PT_LOAD, PF_R, 0, 0, 0xa68, 0xa68);
    const TEXT: Load = (PT_LOAD, PF_R | PF_X, 0x1000, 0x1000, 0x82a0, 0x82a0);
    const DATA: Load = (PT_LOAD, PF_R | PF_W, 0xa010, 0xa010, 0x1db8, 0x2f68);
    const SIZE: u64 = 0xbdd9;

    fn file(loads: &[Load]) -> Vec<u8> {
        let mut head = vec![0; HEADER_SIZE];
        head[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
        let mut put = |at: usize, bytes: &[u8]| head[at..at + bytes.len()].copy_from_slice(bytes);
        put(16, &ET_DYN.to_le_bytes());
        put(18, &EM_AARCH64.to_le_bytes());
        put(24, &0x1000u64.to_le_bytes());
        put(32, &64u64.to_le_bytes());
        put(54, &56u16.to_le_bytes());
        put(56, &(loads.len() as u16).to_le_bytes());
        for &(kind, flags, offset, address, in_file, in_memory) in loads {
            head.extend(kind.to_le_bytes());
            head.extend(flags.to_le_bytes());
            for word in [offset, address, address, in_file, in_memory, 0x1000] {
                head.extend(word.to_le_bytes());
            }
        }
        head
    }

    #[test]
    fn a_program_is_two_views_of_the_file_and_private_data() {
        let plan = Plan::new(&file(&[RO, TEXT, DATA]), SIZE).unwrap();
        assert_eq!((plan.span, plan.entry), (0xd000, 0x1000));
        let [ro, text, data] = plan.segments[..] else { panic!("{plan:?}") };
        assert_eq!((ro.at, ro.len, ro.file_page, ro.permissions), (0, 0x1000, 0, vmar::PERM_READ));
        assert_eq!((text.at, text.len, text.is_private()), (0x1000, 0x9000, false));
        assert_eq!(
            (data.at, data.len, data.file_page, data.content),
            (0xa000, 0x3000, 0xa000, (0x10, 0x1dc8))
        );
        assert!(data.is_private());
    }

    #[test]
    fn what_is_not_a_program_is_named() {
        let good = file(&[RO, TEXT, DATA]);
        let changed = |at: usize, value: u8| {
            let mut bytes = good.clone();
            bytes[at] = value;
            Plan::new(&bytes, SIZE).unwrap_err()
        };
        assert_eq!(Plan::new(b"#!/bin/sh", 9), Err(Error::NotElf));
        assert_eq!(changed(4, 1), Error::NotElf, "32 bits");
        assert_eq!(changed(5, 2), Error::NotElf, "big-endian");
        assert_eq!(changed(18, 62), Error::Machine(62));
        assert_eq!(changed(16, 2), Error::NotPie(2));
        assert_eq!(changed(54, 32), Error::Headers);
        assert_eq!(changed(56, 200), Error::Headers);
        assert_eq!(changed(25, 0xb0), Error::Entry(0xb000));
        assert_eq!(Plan::new(&file(&[]), SIZE), Err(Error::NoSegments));
        let interpreter = (PT_INTERP, PF_R, 0, 0, 1, 1);
        assert_eq!(Plan::new(&file(&[interpreter, RO]), SIZE), Err(Error::Interpreter));
    }

    #[test]
    fn a_segment_that_cannot_be_mapped_is_refused() {
        let refused = |load: Load| Plan::new(&file(&[RO, TEXT, load]), SIZE).unwrap_err();
        let (kind, flags, offset, at, in_file, in_memory) = DATA;
        let layout = Error::Layout(at);
        assert_eq!(refused((kind, flags, offset + 8, at, in_file, in_memory)), layout, "not congruent");
        assert_eq!(
            refused((kind, flags, offset, at, in_memory + 1, in_memory)),
            layout,
            "file larger than memory"
        );
        assert_eq!(refused((kind, flags, offset, at, in_file + 0x1000, u64::MAX)), layout, "wraps");
        assert_eq!(refused((kind, flags, 0x1_0000_0010, at, in_file, in_memory)), layout, "beyond the file");
        assert_eq!(refused((kind, flags, !0xfff | 0x10, at, in_file, in_memory)), layout, "wraps");
        assert_eq!(
            refused((kind, flags, 0x10, 0x9010, 1, 1)),
            Error::Layout(0x9010),
            "overlaps a page of the text"
        );
        assert_eq!(refused((kind, PF_R, offset, at, in_file, in_memory)), layout, "read-only .bss");
        assert_eq!(refused((kind, 7, offset, at, in_file, in_memory)), Error::Permissions(at));
        assert_eq!(refused((kind, PF_X, offset, at, in_file, in_file)), Error::Permissions(at));
    }

    #[test]
    fn any_change_of_a_byte_is_a_plan_or_an_error() {
        let good = file(&[RO, TEXT, DATA]);
        for at in 0..good.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut bytes = good.clone();
                bytes[at] = value;
                if let Ok(plan) = Plan::new(&bytes, SIZE) {
                    assert!(plan.segments.iter().all(|segment| segment.at + segment.len <= plan.span));
                    assert!(
                        plan.segments.iter().all(|segment| segment.file_page + segment.content.1 <= SIZE)
                    );
                }
            }
        }
        for len in 0..good.len() {
            assert!(Plan::new(&good[..len], SIZE).is_err(), "{len}");
        }
    }
}
