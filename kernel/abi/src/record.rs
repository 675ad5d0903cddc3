//! The panic record: what the kernel leaves behind when it fails, in memory and on the console.
//!
//! `docs/panic-record.md` describes it for those who have no Rust at hand. The record and the ring of log frames
//! that follows it are the last [`REGION_SIZE`] bytes of the kernel's image, as `image_size` in the arm64 Image
//! header counts it: no loader's file reaches there, so a warm reset leaves them alone.
//!
//! The record is made of words that are written in place, little-endian. Whoever writes it sets the state to
//! [`WRITING`], stores registers first and text last, then the checksum, then [`COMPLETE`].

use crate::log::crc32_update;

/// The first bytes of a record. It stands at a 4 KiB boundary of physical memory.
pub const MAGIC: [u8; 16] = *b"Jacinth: record\n";
/// The layout that this file describes.
pub const VERSION: u32 = 1;

/// Nothing has failed since this kernel started. A record whose checksum holds is of the boot before.
pub const ARMED: u32 = 0;
/// A failure is being recorded, or its recording failed too.
pub const WRITING: u32 = 1;
/// The record is whole and the checksum holds.
pub const COMPLETE: u32 = 2;

/// Return addresses in a record, at most.
pub const MAX_BACKTRACE: usize = 48;
/// Bytes of the record and the ring together: whole pages.
pub const REGION_SIZE: usize = 0x3000;
/// Bytes from the start of the record to the ring.
pub const RING_AT: usize = 0x1800;
/// Bytes of a record that was written without Rust: the header and the registers.
pub const RAW_LENGTH: usize = core::mem::offset_of!(Record, line);
/// Where the bytes that the checksum covers start.
pub const COVERED_AT: usize = core::mem::offset_of!(Record, version);

/// A CPU whose number is not known: the one with the record's MPIDR.
pub const NO_CPU: u32 = u32::MAX;

/// What the record is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Epitaph {
    /// The kernel's code found that something cannot be.
    Panic = 1,
    /// An exception from the kernel itself.
    Exception = 2,
    /// An exception from the kernel itself, at the end of its stack.
    StackOverflow = 3,
    /// The machine cannot be used; the message says why.
    Refusal = 4,
    /// An exception before the kernel's own vectors were in place, or at a level that the kernel has left.
    EarlyException = 5,
    /// A CPU stayed in the kernel too long; the registers are those of what it was doing.
    LockUp = 6,
}

impl Epitaph {
    /// What it says, in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Panic => "kernel panic",
            Self::Exception => "exception from the kernel",
            Self::StackOverflow => "stack overflow",
            Self::Refusal => "the kernel refused to start",
            Self::EarlyException => "exception without the kernel's vectors",
            Self::LockUp => "a CPU was stuck in the kernel",
        }
    }

    /// The epitaph with a number, if there is one.
    pub const fn from_raw(raw: u32) -> Option<Self> {
        Some(match raw {
            1 => Self::Panic,
            2 => Self::Exception,
            3 => Self::StackOverflow,
            4 => Self::Refusal,
            5 => Self::EarlyException,
            6 => Self::LockUp,
            _ => return None,
        })
    }
}

/// The record. Only the bytes up to `length` mean anything.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Record {
    /// [`MAGIC`].
    pub magic: [u8; 16],
    /// CRC-32 (IEEE 802.3) of the bytes from `version` up to `length`.
    pub crc: u64,
    /// [`ARMED`], [`WRITING`] or [`COMPLETE`].
    pub state: u32,
    /// Failures while this one was being reported.
    pub nested: u32,
    /// Of use to the writer only.
    pub scratch: u64,
    /// [`VERSION`].
    pub version: u32,
    /// An [`Epitaph`].
    pub epitaph: u32,
    /// Bytes of the record that were written: [`RAW_LENGTH`], or more.
    pub length: u64,
    /// The CPU's number in the kernel's counting, or [`NO_CPU`].
    pub cpu: u32,
    /// The exception level on which it failed.
    pub level: u32,
    /// Of an exception: the vector's number, from 0 to 15 (Arm ARM, table "Vector offsets", in steps of 0x80).
    pub vector: u32,
    /// Bytes of the build-id.
    pub build_id_len: u32,
    /// The ELF's build-id.
    pub build_id: [u8; 24],
    /// MPIDR_EL1.
    pub mpidr: u64,
    /// Where the image lay: its physical address.
    pub image: u64,
    /// CNTVCT_EL0, when it failed.
    pub ticks: u64,
    /// CNTFRQ_EL0.
    pub ticks_per_second: u64,
    /// X0 to X30.
    pub x: [u64; 31],
    /// The stack pointer; 0 where there was no stack.
    pub sp: u64,
    /// The instruction: ELR_ELx of an exception.
    pub pc: u64,
    /// SPSR_ELx of an exception.
    pub pstate: u64,
    /// ESR_ELx of an exception.
    pub esr: u64,
    /// FAR_ELx of an exception.
    pub far: u64,
    /// SCTLR_ELx.
    pub sctlr: u64,
    /// TCR_ELx.
    pub tcr: u64,
    /// TTBR0_ELx.
    pub ttbr0: u64,
    /// TTBR1_EL1; 0 at other levels.
    pub ttbr1: u64,
    /// Zero.
    pub reserved: [u64; 8],
    /// The line in `file`, of a panic.
    pub line: u32,
    /// Return addresses in `backtrace`.
    pub backtrace_len: u32,
    /// Bytes in `file`.
    pub file_len: u32,
    /// Bytes in `message`.
    pub message_len: u32,
    /// Bytes in `log`.
    pub log_len: u32,
    /// Zero.
    pub reserved_word: u32,
    /// Zero.
    pub reserved_too: u64,
    /// Return addresses, innermost first. The call is the instruction before.
    pub backtrace: [u64; MAX_BACKTRACE],
    /// The source file of a panic; the end of its path if it is too long.
    pub file: [u8; 96],
    /// The message, cut if it is too long. UTF-8, of which the last character may be cut.
    pub message: [u8; 512],
    /// The log's last bytes: frames as in [`crate::log`], the first of which may lack its start.
    pub log: [u8; LOG_SIZE],
}

/// Bytes of log in a record and in the ring.
pub const LOG_SIZE: usize = 0x1000;

/// The first bytes of the ring.
pub const RING_MAGIC: [u8; 16] = *b"Jacinth: logs  \n";

/// The last frames of the log, while the kernel runs. It follows the record.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Ring {
    /// [`RING_MAGIC`].
    pub magic: [u8; 16],
    /// Bytes written since the kernel started. Byte n is at n modulo [`LOG_SIZE`].
    pub written: u64,
    /// Zero.
    pub reserved: u64,
    /// The bytes.
    pub bytes: [u8; LOG_SIZE],
}

const _: () = assert!(size_of::<Record>() <= RING_AT && RING_AT + size_of::<Ring>() <= REGION_SIZE);

/// The checksum of a record's covered bytes, given in pieces.
#[derive(Clone, Copy, Debug)]
pub struct Checksum(u32);

impl Checksum {
    /// Of no bytes yet.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self(!0)
    }

    /// With these bytes too.
    pub const fn with(self, bytes: &[u8]) -> Self {
        Self(crc32_update(self.0, bytes))
    }

    /// The word to store.
    pub const fn value(self) -> u64 {
        !self.0 as u64
    }
}

/// A record on a console: lines of text, each of which stands for itself, because a console mixes them with other
/// text and loses some.
///
/// ```text
/// ~JR begin LENGTH
/// ~JR OFFSET BASE64 CRC
/// ...
/// ~JR end LENGTH
/// ```
///
/// LENGTH, OFFSET and CRC are hexadecimal, of 8 digits; the CRC-32 covers the line from `~JR` to the space before
/// it. The lines between hold [`LINE_BYTES`] bytes each, the last one perhaps fewer.
pub mod armour {
    use crate::log::crc32;

    /// How each line starts.
    pub const MARK: &str = "~JR ";
    /// Bytes of the record in a line.
    pub const LINE_BYTES: usize = 48;
    /// The longest line, without its end.
    pub const MAX_LINE: usize = MARK.len() + 8 + 1 + LINE_BYTES / 3 * 4 + 1 + 8;
    /// The alphabet of base64 (RFC 4648, section 4).
    pub const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    /// A line of text that is made without formatting, which could fail.
    #[derive(Clone, Copy, Debug)]
    pub struct Line {
        bytes: [u8; MAX_LINE],
        len: usize,
    }

    impl Line {
        /// The line before the first one of a record.
        pub fn begin(length: u32) -> Self {
            Self::empty().text(MARK).text("begin ").hex(length)
        }

        /// The line after the last one of a record.
        pub fn end(length: u32) -> Self {
            Self::empty().text(MARK).text("end ").hex(length)
        }

        /// The line for the bytes of a record from `offset`: at most [`LINE_BYTES`], what is more is left out.
        pub fn data(offset: u32, bytes: &[u8]) -> Self {
            let mut line = Self::empty().text(MARK).hex(offset).text(" ");
            for group in bytes.get(..LINE_BYTES).unwrap_or(bytes).chunks(3) {
                line.group(group);
            }
            let crc = crc32(line.as_bytes());
            line.text(" ").hex(crc)
        }

        /// The text.
        pub fn as_bytes(&self) -> &[u8] {
            self.bytes.get(..self.len).unwrap_or_default()
        }

        const fn empty() -> Self {
            Self { bytes: [0; MAX_LINE], len: 0 }
        }

        fn push(&mut self, byte: u8) {
            if let Some(place) = self.bytes.get_mut(self.len) {
                *place = byte;
                self.len += 1;
            }
        }

        fn text(mut self, text: &str) -> Self {
            text.bytes().for_each(|byte| self.push(byte));
            self
        }

        fn hex(mut self, value: u32) -> Self {
            for shift in [28, 24, 20, 16, 12, 8, 4, 0] {
                let digit = (value >> shift & 0xf) as u8;
                self.push(if digit < 10 { b'0' + digit } else { b'a' - 10 + digit });
            }
            self
        }

        fn group(&mut self, bytes: &[u8]) {
            let byte = |index: usize| u32::from(bytes.get(index).copied().unwrap_or(0));
            let word = byte(0) << 16 | byte(1) << 8 | byte(2);
            for (index, shift) in [18, 12, 6, 0].into_iter().enumerate() {
                let letter = ALPHABET.get((word >> shift & 0x3f) as usize).copied().unwrap_or(b'=');
                self.push(if index <= bytes.len() { letter } else { b'=' });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use core::mem::offset_of;
    use std::format;
    use std::string::String;
    use std::vec::Vec;

    use super::*;

    /// The offsets of the page that describes the layout: lines `| 0x010 | crc | ...`.
    #[test]
    fn the_page_has_the_offsets_of_the_structure() {
        let page = include_str!("../../../docs/panic-record.md");
        let mut rows: Vec<(String, usize)> = Vec::new();
        macro_rules! fields {
            ($structure:ty, $base:expr; $($field:ident)*) => {
                $(rows.push((String::from(stringify!($field)), $base + offset_of!($structure, $field)));)*
            };
        }
        fields!(Record, 0; magic crc state nested scratch version epitaph length cpu level vector build_id_len
            build_id mpidr image ticks ticks_per_second x sp pc pstate esr far sctlr tcr ttbr0 ttbr1 reserved line
            backtrace_len file_len message_len log_len reserved_word reserved_too backtrace file message log);
        fields!(Ring, RING_AT; magic written reserved bytes);
        let expected: Vec<String> =
            rows.iter().map(|(name, at)| format!("| {at:#05x} | `{name}` |")).collect();
        let found: Vec<&str> = page.lines().filter(|line| line.starts_with("| 0x")).collect();
        assert_eq!(found.len(), expected.len());
        for (line, start) in found.iter().zip(&expected) {
            assert!(line.starts_with(start.as_str()), "docs/panic-record.md: {line} should start {start}");
        }
    }

    #[test]
    fn the_boot_code_knows_these_numbers() {
        assert_eq!((COVERED_AT, RAW_LENGTH, offset_of!(Record, x)), (0x28, 0x200, 0x80));
        assert_eq!(size_of::<Record>(), 0x1600);
    }

    #[test]
    fn the_checksum_is_the_usual_one_in_pieces_too() {
        assert_eq!(Checksum::new().with(b"1234").with(b"56789").value(), 0xCBF4_3926);
    }

    #[test]
    fn epitaphs_have_numbers() {
        for raw in 0..10 {
            assert_eq!(
                Epitaph::from_raw(raw).map(|epitaph| epitaph as u32),
                (1..=6).contains(&raw).then_some(raw)
            );
        }
    }

    #[test]
    fn lines_are_base64_with_a_checksum() {
        let text = |line: armour::Line| String::from_utf8(line.as_bytes().to_vec()).unwrap();
        assert_eq!(text(armour::Line::begin(0x1600)), "~JR begin 00001600");
        assert_eq!(text(armour::Line::end(0x1600)), "~JR end 00001600");
        for (bytes, base64) in [(&b"foobar"[..], "Zm9vYmFy"), (b"fooba", "Zm9vYmE="), (b"foob", "Zm9vYg==")] {
            let start = format!("~JR 00000030 {base64}");
            let crc = crate::log::crc32(start.as_bytes());
            assert_eq!(text(armour::Line::data(0x30, bytes)), format!("{start} {crc:08x}"));
        }
        assert_eq!(text(armour::Line::data(0, &[0xff; 60])).len(), armour::MAX_LINE);
    }
}
