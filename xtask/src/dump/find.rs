//! Finds records in a file, whatever it is.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use abi::record::{REGION_SIZE, RING_AT, RING_MAGIC, Record};
use anyhow::{Context, Result, bail, ensure};
use object::LittleEndian;
use object::elf::{ET_CORE, FileHeader64, PT_LOAD};
use object::read::elf::{FileHeader, ProgramHeader};

use super::armour;
use super::fields::Fields;

/// A record, and where it was.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// In words.
    pub(crate) place: String,
    /// The record's bytes, no more than it says it has.
    pub(crate) bytes: Vec<u8>,
    /// What of it is not there; those bytes are zero.
    pub(crate) missing: Vec<Range<usize>>,
    /// The ring of log frames behind it, where memory was looked at.
    pub(crate) ring: Option<Vec<u8>>,
}

/// Bytes of the file that were memory.
struct Region {
    start: u64,
    size: u64,
    /// The physical address of its first byte, where the file says it.
    address: Option<u64>,
}

const PAGE: usize = 0x1000;
const CHUNK: usize = 1 << 20;
/// Enough for the headers of a core.
const HEADERS: usize = 1 << 16;
/// No serial log is larger.
const LARGEST_LOG: u64 = 256 << 20;
/// How a compressed dump of QEMU's starts.
const KDUMP: [&[u8]; 2] = [b"KDUMP   ", b"makedumpfile"];

/// Every record in a file, in its order.
///
/// # Errors
/// If it cannot be read or has none; the message says what to do.
pub(crate) fn records(path: &Path) -> Result<Vec<Found>> {
    let file = File::open(path).with_context(|| {
        format!("cannot read {}. Give a serial log, a raw memory image or an ELF core", path.display())
    })?;
    let size = file.metadata().with_context(|| format!("cannot read {}", path.display()))?.len();
    let name = path.display();
    ensure!(
        size > 0,
        "{name} is empty. Did QEMU's `pmemsave` or `dump-guest-memory` end before it was copied?"
    );
    let head = read(&file, 0, HEADERS)?;
    if head.starts_with(b"\x7fELF") {
        let regions = core_regions(&head).with_context(|| format!("{name} cannot be searched"))?;
        return found_or(scan(&file, &regions)?, || {
            format!("{name} is an ELF core without a panic record. {NO_MEMORY}")
        });
    }
    ensure!(
        !KDUMP.iter().any(|magic| head.starts_with(magic)),
        "{name} is a compressed dump. Make it again by `dump-guest-memory FILE`, without -z, -l, -s or -R"
    );
    let all = [Region { start: 0, size, address: None }];
    let mut found = scan(&file, &all)?;
    if found.is_empty() && size <= LARGEST_LOG {
        let log = std::fs::read(path).with_context(|| format!("cannot read {name}"))?;
        found.extend(armour::records(&log).into_iter().map(|record| Found {
            place: format!("from line {} of the log", record.line),
            bytes: record.bytes,
            missing: record.missing,
            ring: None,
        }));
    }
    if found.is_empty() {
        found = scan_by(&file, &all, 8)?;
    }
    found_or(found, || {
        format!(
            "{name} has no panic record: no line of a serial log that starts with ~JR, and no memory that starts with \
             \"Jacinth: record\". {NO_MEMORY}"
        )
    })
}

const NO_MEMORY: &str = "A memory image must cover the whole of RAM, or the kernel's image, of which the record is the \
                         end; the console's line `image [...)` says where that is. A kernel that never started leaves \
                         none";

fn found_or(found: Vec<Found>, why: impl FnOnce() -> String) -> Result<Vec<Found>> {
    if found.is_empty() {
        bail!(why());
    }
    Ok(found)
}

fn core_regions(head: &[u8]) -> Result<Vec<Region>> {
    let advice = "Give a serial log, a raw memory image, or a core that QEMU's `dump-guest-memory FILE` made";
    let Ok(header) = FileHeader64::<LittleEndian>::parse(head) else {
        bail!("it is no 64-bit ELF file. {advice}")
    };
    ensure!(
        header.e_type(LittleEndian) == ET_CORE,
        "it is an ELF file, but no core: a program or a kernel, perhaps. {advice}"
    );
    let Ok(segments) = header.program_headers(LittleEndian, head) else {
        bail!("its program headers are not at its start. {advice}")
    };
    let loads = segments.iter().filter(|segment| segment.p_type(LittleEndian) == PT_LOAD);
    let region = |segment: &object::elf::ProgramHeader64<LittleEndian>| Region {
        start: segment.p_offset(LittleEndian),
        size: segment.p_filesz(LittleEndian),
        address: Some(segment.p_paddr(LittleEndian)),
    };
    Ok(loads.map(region).collect())
}

fn scan(file: &File, regions: &[Region]) -> Result<Vec<Found>> {
    scan_by(file, regions, PAGE)
}

/// Looks for a record at every multiple of `step` from each region's start.
fn scan_by(file: &File, regions: &[Region], step: usize) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for region in regions {
        let mut offset = 0;
        while offset < region.size {
            let at = region.start.saturating_add(offset);
            let left = usize::try_from(region.size - offset).unwrap_or(CHUNK).min(CHUNK);
            let chunk = read(file, at, left)?;
            for inside in (0..chunk.len()).step_by(step) {
                // Few places pass the first byte; this loop sees all of memory.
                if chunk[inside] == b'J' && Fields(&chunk[inside..]).has_magic() {
                    let place = offset + inside as u64;
                    found.extend(record(file, region, place)?);
                }
            }
            if chunk.len() < left {
                break;
            }
            offset += CHUNK as u64;
        }
    }
    Ok(found)
}

/// The record at an offset of a region, if it is one.
fn record(file: &File, region: &Region, offset: u64) -> Result<Option<Found>> {
    let left = usize::try_from(region.size - offset).unwrap_or(REGION_SIZE).min(REGION_SIZE);
    let mut bytes = read(file, region.start + offset, left)?;
    if !Fields(&bytes).is_plausible() {
        return Ok(None);
    }
    let ring = bytes.get(RING_AT..).filter(|ring| ring.starts_with(&RING_MAGIC)).map(<[u8]>::to_vec);
    let length = Fields(&bytes).length().unwrap_or(size_of::<Record>());
    let missing = (bytes.len() < length).then_some(bytes.len()..length);
    bytes.resize(length, 0);
    let place = match region.address {
        Some(address) => format!("at physical address {:#x}", address.saturating_add(offset)),
        None => format!("at offset {offset:#x} of the memory image"),
    };
    Ok(Some(Found { place, bytes, missing: missing.into_iter().collect(), ring }))
}

/// At most `size` bytes at an offset: fewer at the end of the file.
fn read(file: &File, offset: u64, size: usize) -> Result<Vec<u8>> {
    let mut bytes = vec![0; size];
    let mut filled = 0;
    while filled < size {
        match file.read_at(&mut bytes[filled..], offset + filled as u64).context("the file cannot be read")? {
            0 => break,
            count => filled += count,
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::armour::tests::printed;
    use crate::dump::fields::tests::sample;
    use crate::scratch::Scratch;

    /// Memory of some pages, with a record's region at `at`.
    fn memory(pages: usize, at: usize) -> Vec<u8> {
        let mut memory = vec![0xa5; pages * PAGE];
        let record = sample(0x628);
        memory[at..at + record.len()].copy_from_slice(&record);
        memory[at + RING_AT..at + RING_AT + 16].copy_from_slice(&RING_MAGIC);
        memory
    }

    fn search(bytes: &[u8]) -> Result<Vec<Found>> {
        let scratch = Scratch::new()?;
        let path = scratch.path().join("file");
        std::fs::write(&path, bytes)?;
        records(&path)
    }

    fn refusal(bytes: &[u8]) -> String {
        format!("{:#}", search(bytes).unwrap_err())
    }

    /// An ELF file of a type with one segment at a physical address.
    fn elf(kind: object::elf::FileType, address: u64, bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![0x7f, b'E', b'L', b'F', 2, 1, 1];
        out.resize(16, 0);
        out.extend(kind.0.to_le_bytes());
        out.extend(183_u16.to_le_bytes());
        out.extend(1_u32.to_le_bytes());
        [0_u64, 64, 0].iter().for_each(|word| out.extend(word.to_le_bytes()));
        out.extend(0_u32.to_le_bytes());
        [64_u16, 56, 1, 64, 0, 0].iter().for_each(|half| out.extend(half.to_le_bytes()));
        out.extend(PT_LOAD.0.to_le_bytes());
        out.extend(7_u32.to_le_bytes());
        // An odd place in the file: pages of memory are not pages of a core.
        let size = bytes.len() as u64;
        [124_u64, 0, address, size, size, 0].iter().for_each(|word| out.extend(word.to_le_bytes()));
        out.resize(124, 0);
        out.extend(bytes);
        out
    }

    #[test]
    fn a_record_is_found_in_raw_memory() {
        // Beyond the first chunk that is read, too.
        for at in [0, 5 * PAGE, CHUNK, CHUNK + 7 * PAGE] {
            let found = search(&memory(CHUNK / PAGE + 16, at)).unwrap();
            let [found] = &found[..] else { panic!("{found:?}") };
            assert_eq!((&found.bytes, found.missing.len()), (&sample(0x628), 0));
            assert_eq!(found.place, format!("at offset {at:#x} of the memory image"));
            assert!(found.ring.as_ref().is_some_and(|ring| ring.starts_with(&RING_MAGIC)));
        }
    }

    #[test]
    fn an_image_that_starts_within_a_page_is_searched_more_slowly() {
        let found = search(&memory(8, 2 * PAGE)[0x128..]).unwrap();
        assert_eq!(found[0].bytes, sample(0x628));
    }

    #[test]
    fn an_image_that_ends_within_a_record_has_the_rest() {
        let found = search(&memory(8, 2 * PAGE)[..2 * PAGE + 0x300]).unwrap();
        assert_eq!(found[0].missing, std::slice::from_ref(&(0x300..0x628)));
        assert_eq!((found[0].bytes.len(), found[0].ring.is_none()), (0x628, true));
    }

    #[test]
    fn a_core_tells_physical_addresses() {
        let found = search(&elf(ET_CORE, 0x4020_0000, &memory(8, 3 * PAGE))).unwrap();
        assert_eq!((found.len(), found[0].place.as_str()), (1, "at physical address 0x40203000"));
        assert_eq!(found[0].bytes, sample(0x628));
    }

    #[test]
    fn two_records_are_two() {
        let both = [memory(4, 0), memory(5, PAGE)].concat();
        assert_eq!(search(&both).unwrap().len(), 2);
        let log = [printed(&sample(0x628)), printed(&sample(0x200))].concat().join("\r\n");
        let found = search(log.as_bytes()).unwrap();
        assert_eq!((found.len(), found[0].place.as_str()), (2, "from line 1 of the log"));
        assert_eq!((&found[0].bytes, &found[1].bytes), (&sample(0x628), &sample(0x200)));
    }

    #[test]
    fn the_magic_alone_is_no_record() {
        // The kernel's own code has it among its constants.
        for other in [0, 0xa5] {
            let mut memory = vec![other; 4 * PAGE];
            memory[PAGE..PAGE + 16].copy_from_slice(&abi::record::MAGIC);
            assert!(refusal(&memory).contains("has no panic record"));
        }
    }

    #[test]
    fn refusals_say_what_to_do() {
        assert!(refusal(b"").contains("is empty. Did QEMU's `pmemsave`"));
        assert!(refusal(b"Jacinth boots\n").contains("no line of a serial log that starts with ~JR"));
        assert!(refusal(b"KDUMP   rest").contains("Make it again by `dump-guest-memory FILE`"));
        assert!(refusal(b"\x7fELF").contains("no 64-bit ELF file. Give a serial log"));
        assert!(
            refusal(&elf(object::elf::ET_EXEC, 0, &[0; 64])).contains("but no core: a program or a kernel")
        );
        assert!(
            refusal(&elf(ET_CORE, 0, &[0; 64]))
                .contains("an ELF core without a panic record. A memory image must")
        );
        let absent = records(Path::new("no/such/file")).unwrap_err().to_string();
        assert!(absent.starts_with("cannot read no/such/file. Give a serial log"), "{absent}");
    }
}
