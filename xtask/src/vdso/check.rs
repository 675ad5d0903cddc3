//! What the kernel, crt0 and the linker of programs rely on in the linked vDSO.

use std::collections::BTreeMap;

use abi::PAGE_SIZE;
use abi::syscalls::{Kind, SYSCALLS};
use abi::vdso::CONSTANTS_SYMBOL;
use anyhow::{Context, Result, ensure};
use object::LittleEndian;
use object::elf::{
    DT_JMPREL, DT_NEEDED, DT_REL, DT_RELA, EM_AARCH64, ET_DYN, FileHeader64, PF_R, PF_X, PT_LOAD, PT_NOTE,
    SHN_UNDEF,
};
use object::read::elf::{Dyn, FileHeader, ProgramHeader, Sym};

type Header = FileHeader64<LittleEndian>;
const ENDIAN: LittleEndian = LittleEndian;
/// `mov x16, #0`.
const MOV_X16: u32 = 0xd280_0010;
/// `svc #0`.
const SVC: u32 = 0xd400_0001;

/// A vDSO that the kernel can map.
///
/// Holding one proves:
/// - it is an AArch64 shared library of two page-aligned segments, R then RX, at addresses that are their file
///   offsets, with nothing between and nothing writable;
/// - nothing in it is relocated and it needs no other library;
/// - it has a build-id;
/// - the constants have the last page of the first segment;
/// - every call of the list is a symbol in its code, and no other symbol is exported;
/// - calls that enter the kernel do so at their places ([`abi::vdso::site`]), and nothing else does.
pub(super) struct Library<'a> {
    bytes: &'a [u8],
    code: Span,
    /// Exported symbols: address and size.
    symbols: BTreeMap<String, (u64, u64)>,
}

#[derive(Clone, Copy)]
struct Span {
    start: u64,
    end: u64,
}

impl<'a> Library<'a> {
    /// Checks the bytes of a library; the error says which property does not hold.
    pub(super) fn check(bytes: &'a [u8]) -> Result<Self> {
        let header = Header::parse(bytes).ok().context("it is not a 64-bit ELF file")?;
        ensure!(header.e_type.get(ENDIAN) == ET_DYN, "it is not a shared library");
        ensure!(header.e_machine.get(ENDIAN) == EM_AARCH64, "it is not for AArch64");
        let (readable, code) = segments(bytes, header)?;
        check_dynamic(bytes, header)?;
        let symbols = symbols(bytes, header)?;
        let (constants, _) =
            symbols.get(CONSTANTS_SYMBOL).with_context(|| format!("it lacks {CONSTANTS_SYMBOL}"))?;
        ensure!(*constants == readable.end - PAGE_SIZE, "the constants are not on the page before the code");
        for call in SYSCALLS {
            let name = format!("zx_{}", call.name);
            let (at, size) = symbols
                .get(&name)
                .with_context(|| format!("it lacks {name}: add it to user/vdso/calls.S"))?;
            ensure!(
                code.start <= *at && at + size <= code.end && *size != 0,
                "{name} is not in the code segment"
            );
        }
        ensure!(
            symbols.len() == SYSCALLS.len() + 1,
            "it exports {} symbols for {} calls: a helper in user/vdso/calls.S is global",
            symbols.len() - 1,
            SYSCALLS.len()
        );
        let library = Self { bytes, code, symbols };
        library.check_stubs()?;
        Ok(library)
    }

    /// Each call that enters the kernel does so where the kernel expects it and with its own number, and nothing else
    /// enters the kernel.
    fn check_stubs(&self) -> Result<()> {
        let (start, end) = (usize::try_from(self.code.start)?, usize::try_from(self.code.end)?);
        let code = self.bytes.get(start..end).context("its code lies outside the file")?;
        let words: Vec<u32> =
            code.as_chunks().0.iter().map(|word: &[u8; 4]| u32::from_le_bytes(*word)).collect();
        let mut expected = Vec::new();
        for (number, call) in SYSCALLS.iter().enumerate().filter(|(_, call)| call.kind != Kind::VdsoOnly) {
            let svc = (abi::vdso::site(number as u64) / 4 - 1) as usize;
            let is_stub = words.get(svc - 1..=svc) == Some(&[MOV_X16 | (number as u32) << 5, SVC]);
            ensure!(is_stub, "zx_{} does not enter the kernel where it must", call.name);
            let own = self.symbols.get(&format!("zx_{}", call.name)).map(|(at, _)| *at);
            ensure!(
                own == Some(self.code.start + (svc as u64 - 1) * 4),
                "zx_{} is not at its stub",
                call.name
            );
            expected.push(svc);
        }
        let found: Vec<usize> = (0..words.len()).filter(|&index| words[index] == SVC).collect();
        ensure!(found == expected, "it has {} svc instructions for {} calls", found.len(), expected.len());
        Ok(())
    }

    /// Where the `svc` of a call is in the file.
    #[cfg(test)]
    pub(super) fn svc_of(&self, number: usize) -> usize {
        (self.code.start + abi::vdso::site(number as u64) - 4) as usize
    }
}

/// The two segments.
fn segments(bytes: &[u8], header: &Header) -> Result<(Span, Span)> {
    let all =
        header.program_headers(ENDIAN, bytes).ok().context("its program headers lie outside the file")?;
    let note = all.iter().any(|segment| segment.p_type(ENDIAN) == PT_NOTE && segment.p_filesz(ENDIAN) >= 36);
    ensure!(note, "it has no build-id");
    let mut spans = Vec::new();
    for load in all.iter().filter(|segment| segment.p_type(ENDIAN) == PT_LOAD) {
        let (start, size) = (load.p_vaddr(ENDIAN), load.p_memsz(ENDIAN));
        ensure!(load.p_offset(ENDIAN) == start, "the segment at {start:#x} is elsewhere in the file");
        ensure!(
            load.p_filesz(ENDIAN) == size,
            "the segment at {start:#x} has bytes that are not in the file"
        );
        ensure!(
            start.is_multiple_of(PAGE_SIZE) && size.is_multiple_of(PAGE_SIZE),
            "the segment at {start:#x} is not of whole pages"
        );
        spans.push((load.p_flags(ENDIAN), Span { start, end: start + size }));
    }
    match spans[..] {
        [(read, readable), (execute, code)]
            if read == PF_R
                && execute == PF_R | PF_X
                && readable.start == 0
                && readable.end == code.start =>
        {
            Ok((readable, code))
        }
        _ => anyhow::bail!("it does not have exactly two segments, R from 0 and RX right after it"),
    }
}

fn check_dynamic(bytes: &[u8], header: &Header) -> Result<()> {
    let segments = header.program_headers(ENDIAN, bytes).ok().context("no program headers")?;
    let dynamic = segments.iter().find_map(|segment| segment.dynamic(ENDIAN, bytes).ok().flatten());
    for entry in dynamic.context("it has no dynamic section")? {
        for (refused, why) in [
            (DT_REL, "is relocated"),
            (DT_RELA, "is relocated"),
            (DT_JMPREL, "calls through a table"),
            (DT_NEEDED, "needs another library"),
        ] {
            ensure!(entry.d_tag(ENDIAN) != refused, "it {why}");
        }
    }
    Ok(())
}

/// What the dynamic symbol table exports.
fn symbols(bytes: &[u8], header: &Header) -> Result<BTreeMap<String, (u64, u64)>> {
    let sections = header.sections(ENDIAN, bytes).ok().context("it has no sections")?;
    let table = sections.symbols(ENDIAN, bytes, object::elf::SHT_DYNSYM).ok().context("it has no symbols")?;
    let mut symbols = BTreeMap::new();
    for symbol in table.iter().filter(|symbol| symbol.st_shndx(ENDIAN) != SHN_UNDEF) {
        let name = table.symbol_name(ENDIAN, symbol).ok().context("a symbol has no name")?;
        let name = String::from_utf8_lossy(name).into_owned();
        symbols.insert(name, (symbol.st_value(ENDIAN), symbol.st_size(ENDIAN)));
    }
    Ok(symbols)
}
