//! From linked ELF files to what a loader takes: the flat arm64 Image, and programs without debug sections.

use anyhow::{Context, Result, bail, ensure};
use object::LittleEndian;
use object::elf::{EM_AARCH64, ET_DYN, ET_EXEC, FileHeader64, PT_LOAD};
use object::read::elf::{FileHeader, ProgramHeader};

type Header = FileHeader64<LittleEndian>;
const ENDIAN: LittleEndian = LittleEndian;

/// The header of an arm64 Image (Documentation/arch/arm64/booting of Linux): `image_size` at 16, magic at 56.
const IMAGE_SIZE_AT: usize = 16;
const IMAGE_MAGIC_AT: usize = 56;
const IMAGE_MAGIC: [u8; 4] = *b"ARM\x64";
/// Larger than any kernel: a link error that moves one section far away is not turned into a file of its size.
const LARGEST: u64 = 256 << 20;

/// Turns the kernel's ELF into the flat Image: the bytes of its PT_LOAD segments at their physical
/// addresses, zeros between them, nothing for .bss at the end.
pub(crate) fn flatten(elf: &[u8]) -> Result<Vec<u8>> {
    let (image, memory_end) = flat_bytes(elf)?;
    check_header(&image, memory_end)?;
    Ok(image)
}

/// The bytes of the PT_LOAD segments at their physical addresses, and where memory ends that has no bytes.
pub(crate) fn flat_bytes(elf: &[u8]) -> Result<(Vec<u8>, u64)> {
    let header = parse(elf)?;
    ensure!(header.e_type.get(ENDIAN) == ET_EXEC, "it is not linked at a fixed address");
    let loads: Vec<_> = loads(elf, header)?.into_iter().filter(|load| load.p_memsz(ENDIAN) != 0).collect();
    let base = loads.iter().map(|load| load.p_paddr(ENDIAN)).min().context("it has no PT_LOAD segment")?;
    let mut image = Vec::new();
    let mut memory_end = 0;
    for load in &loads {
        let bytes = load.data(ENDIAN, elf).ok().context("a segment lies outside its file")?;
        let start = load.p_paddr(ENDIAN) - base;
        let end = start.checked_add(load.p_memsz(ENDIAN)).filter(|end| *end <= LARGEST);
        let end =
            end.with_context(|| format!("the segment at physical {:#x} is beyond 256 MiB", start + base))?;
        memory_end = memory_end.max(end);
        if bytes.is_empty() {
            continue;
        }
        let start = usize::try_from(start)?;
        if image.len() < start + bytes.len() {
            image.resize(start + bytes.len(), 0);
        }
        image[start..start + bytes.len()].copy_from_slice(bytes);
    }
    Ok((image, memory_end))
}

/// Where memory ends that an Image needs, from its first byte, by its header.
pub(crate) fn memory_size(image: &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(*image.get(IMAGE_SIZE_AT..)?.first_chunk()?))
}

/// The two fields that decide whether a loader takes the image, and whether it leaves room for .bss.
fn check_header(image: &[u8], memory_end: u64) -> Result<()> {
    let field = |at: usize, len: usize| image.get(at..at + len);
    ensure!(
        field(IMAGE_MAGIC_AT, 4) == Some(&IMAGE_MAGIC),
        "the image does not start with the arm64 header: byte 56 must read \"ARM\\x64\". Is the header's section first?"
    );
    let size = field(IMAGE_SIZE_AT, 8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes);
    ensure!(
        size >= memory_end,
        "image_size in the arm64 header is {size:#x} and the segments, .bss included, end at {memory_end:#x}"
    );
    Ok(())
}

/// Checks that `elf` is a program for this kernel: a 64-bit AArch64 static PIE.
pub(crate) fn check_program(elf: &[u8]) -> Result<()> {
    let header = parse(elf)?;
    ensure!(
        header.e_type.get(ENDIAN) == ET_DYN,
        "it is not position independent. Build it as a static PIE, as the programs in user/ are"
    );
    ensure!(!loads(elf, header)?.is_empty(), "it has no PT_LOAD segment. Was it linked?");
    Ok(())
}

/// A program as the boot file system carries it: without sections, which only the development machine reads.
pub(crate) fn strip(elf: &[u8]) -> Result<Vec<u8>> {
    let header = parse(elf)?;
    let table = u64::from(header.e_phnum.get(ENDIAN))
        * size_of::<object::elf::ProgramHeader64<LittleEndian>>() as u64;
    let mut end = header.e_phoff.get(ENDIAN).saturating_add(table);
    for load in loads(elf, header)? {
        end = end.max(load.p_offset(ENDIAN).saturating_add(load.p_filesz(ENDIAN)));
    }
    let end = usize::try_from(end)?;
    let mut bytes =
        elf.get(..end).context("a segment lies outside the file. Is the file complete?")?.to_vec();
    // e_shoff, e_shnum and e_shstrndx: there are no sections any more.
    for range in [40..48, 60..64] {
        if let Some(field) = bytes.get_mut(range) {
            field.fill(0);
        }
    }
    Ok(bytes)
}

fn parse(elf: &[u8]) -> Result<&Header> {
    let Ok(header) = Header::parse(elf) else { bail!("it is not a 64-bit ELF file") };
    ensure!(header.is_little_endian(), "it is a big-endian ELF file");
    let machine = header.e_machine.get(ENDIAN);
    ensure!(
        machine == EM_AARCH64,
        "it is not for AArch64 (ELF machine {machine}). Build it with --target aarch64-unknown-none"
    );
    Ok(header)
}

fn loads<'a>(elf: &'a [u8], header: &Header) -> Result<Vec<&'a object::elf::ProgramHeader64<LittleEndian>>> {
    let Ok(all) = header.program_headers(ENDIAN, elf) else {
        bail!("its program headers lie outside the file")
    };
    Ok(all.iter().filter(|segment| segment.p_type(ENDIAN) == PT_LOAD).collect())
}

#[cfg(test)]
mod tests {
    use object::elf::{FileType, Machine};

    use super::*;

    struct Segment {
        paddr: u64,
        bytes: Vec<u8>,
        memsz: u64,
    }

    /// The smallest ELF with these segments, followed by something that plays its sections.
    fn elf(kind: FileType, machine: Machine, segments: &[Segment]) -> Vec<u8> {
        let mut out = vec![0x7f, b'E', b'L', b'F', 2, 1, 1];
        out.resize(16, 0);
        let half = |out: &mut Vec<u8>, value: u16| out.extend(value.to_le_bytes());
        half(&mut out, kind.0);
        half(&mut out, machine.0);
        out.extend(1u32.to_le_bytes());
        out.extend(0u64.to_le_bytes());
        out.extend(64u64.to_le_bytes());
        out.extend(0xdead_0000u64.to_le_bytes());
        out.extend(0u32.to_le_bytes());
        for value in [64, 56, segments.len() as u16, 64, 9, 8] {
            half(&mut out, value);
        }
        let mut offset = 64 + 56 * segments.len() as u64;
        for segment in segments {
            out.extend(PT_LOAD.0.to_le_bytes());
            out.extend(5u32.to_le_bytes());
            for value in
                [offset, segment.paddr, segment.paddr, segment.bytes.len() as u64, segment.memsz, 4096]
            {
                out.extend(value.to_le_bytes());
            }
            offset += segment.bytes.len() as u64;
        }
        segments.iter().for_each(|segment| out.extend(&segment.bytes));
        out.extend(b"sections");
        out
    }

    fn head(image_size: u64) -> Vec<u8> {
        let mut bytes = vec![0xAA; 64];
        bytes[16..24].copy_from_slice(&image_size.to_le_bytes());
        bytes[56..60].copy_from_slice(b"ARM\x64");
        bytes
    }

    fn kernel(image_size: u64) -> Vec<u8> {
        let text = Segment { paddr: 0x20_0000, bytes: head(image_size), memsz: 64 };
        let data = Segment { paddr: 0x20_1000, bytes: vec![7; 16], memsz: 0x2000 };
        // Out of order in the file, as a linker may write them.
        elf(ET_EXEC, EM_AARCH64, &[data, text])
    }

    #[test]
    fn segments_lie_at_their_physical_addresses() {
        let image = flatten(&kernel(0x3000)).unwrap();
        assert_eq!(image.len(), 0x1010);
        assert_eq!(&image[56..60], b"ARM\x64");
        assert!(image[64..0x1000].iter().all(|byte| *byte == 0));
        assert_eq!(&image[0x1000..], [7; 16]);
    }

    #[test]
    fn image_size_counts_bss() {
        let error = flatten(&kernel(0x2fff)).unwrap_err().to_string();
        assert_eq!(
            error,
            "image_size in the arm64 header is 0x2fff and the segments, .bss included, end at 0x3000"
        );
    }

    #[test]
    fn an_image_without_the_magic_is_refused() {
        let text = Segment { paddr: 0, bytes: vec![0; 64], memsz: 64 };
        let error = flatten(&elf(ET_EXEC, EM_AARCH64, &[text])).unwrap_err().to_string();
        assert!(error.contains("ARM\\x64"), "{error}");
    }

    #[test]
    fn a_segment_far_away_does_not_make_a_huge_file() {
        let text = Segment { paddr: 0, bytes: head(64), memsz: 64 };
        let far = Segment { paddr: 0xffff_ffff_8000_0000, bytes: vec![1], memsz: 1 };
        let error = flatten(&elf(ET_EXEC, EM_AARCH64, &[text, far])).unwrap_err().to_string();
        assert!(error.contains("beyond 256 MiB"), "{error}");
    }

    #[test]
    fn programs_are_checked_before_they_are_packed() {
        let segment = || Segment { paddr: 0, bytes: vec![1, 2, 3], memsz: 3 };
        assert!(check_program(&elf(ET_DYN, EM_AARCH64, &[segment()])).is_ok());
        for (bytes, why) in [
            (b"#!/bin/sh".to_vec(), "not a 64-bit ELF"),
            (elf(ET_DYN, object::elf::EM_X86_64, &[segment()]), "not for AArch64 (ELF machine 62)"),
            (elf(ET_EXEC, EM_AARCH64, &[segment()]), "not position independent"),
            (elf(ET_DYN, EM_AARCH64, &[]), "no PT_LOAD"),
        ] {
            let error = check_program(&bytes).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn stripping_leaves_the_segments_and_no_sections() {
        let whole = elf(ET_DYN, EM_AARCH64, &[Segment { paddr: 0, bytes: vec![1, 2, 3], memsz: 3 }]);
        let stripped = strip(&whole).unwrap();
        assert_eq!(stripped.len(), whole.len() - b"sections".len());
        assert_eq!(stripped[whole.len() - 11..], [1, 2, 3]);
        let header = parse(&stripped).unwrap();
        assert_eq!((header.e_shoff.get(ENDIAN), header.e_shnum.get(ENDIAN)), (0, 0));
        assert!(check_program(&stripped).is_ok());
        assert!(strip(&whole[..whole.len() - 9]).unwrap_err().to_string().contains("complete"));
    }
}
