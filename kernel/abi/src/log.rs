//! Log frames on the wire: defmt payloads tagged with who speaks, because each ELF has its own strings.
//!
//! ```text
//! 'J' 'D' | kind u8 | build_id 8 bytes | koid u64 | len u16 | payload | crc32 u32
//! ```
//! Little-endian. The CRC (IEEE 802.3) covers everything between the two magic bytes and itself, so
//! frames can be told from text on the same wire. The payload is one raw defmt frame.

use crate::layout::AbiStruct;

/// The bytes that start a frame.
pub const MAGIC: [u8; 2] = *b"JD";
/// Bytes from the magic to the payload, the magic included.
pub const HEADER_SIZE: usize = 2 + 1 + 8 + 8 + 2;
/// The longest payload; a longer frame is dropped by whoever encodes it.
pub const MAX_PAYLOAD: usize = 216;
/// The kernel speaks.
pub const KIND_KERNEL: u8 = 0;
/// A process speaks.
pub const KIND_PROCESS: u8 = 1;

/// Option of `zx_debuglog_write`: the record is a build-id prefix of 8 bytes and a raw defmt frame.
pub const WRITE_DEFMT: u32 = 1 << 16;
/// Bytes of the build-id prefix.
pub const BUILD_ID_PREFIX: usize = 8;

/// Option of `zx_debuglog_create`: the handle may read, too.
pub const READABLE: u32 = 0x4000_0000;
/// The longest record that `zx_debuglog_read` gives, its head included.
pub const MAX_RECORD: usize = LogRecord::SIZE + MAX_PAYLOAD;

crate::abi_struct! {
    /// The head of a record that was read from the log; its text follows.
    struct LogRecord as "zx_log_record_t" {
        /// How many records there were before it.
        sequence: u64,
        /// Zero.
        padding1: [u8; 4],
        /// Bytes of text.
        datalen: u16,
        /// How important it is.
        severity: u8,
        /// Zero.
        flags: u8,
        /// Nanoseconds since boot.
        timestamp: i64,
        /// The koid of the process that it is about or from.
        pid: u64,
        /// The koid of its thread; 0 if the kernel speaks.
        tid: u64,
    }
}

/// The running CRC-32 (IEEE 802.3, reflected) over `bytes`; start and finish with [`crc32`].
pub const fn crc32_update(mut crc: u32, bytes: &[u8]) -> u32 {
    // Four bits at a time: a table of 16 words costs no cache worth the name.
    const TABLE: [u32; 16] = {
        let mut table = [0; 16];
        let mut index = 0;
        while index < 16 {
            let mut value = index as u32;
            let mut bit = 0;
            while bit < 4 {
                value = if value & 1 != 0 { 0xEDB8_8320 ^ (value >> 1) } else { value >> 1 };
                bit += 1;
            }
            table[index] = value;
            index += 1;
        }
        table
    };
    let mut index = 0;
    while index < bytes.len() {
        crc ^= bytes[index] as u32;
        crc = TABLE[(crc & 15) as usize] ^ (crc >> 4);
        crc = TABLE[(crc & 15) as usize] ^ (crc >> 4);
        index += 1;
    }
    crc
}

/// The CRC-32 of `bytes`.
pub const fn crc32(bytes: &[u8]) -> u32 {
    !crc32_update(!0, bytes)
}

/// Encodes a frame into `out` and gives its length; `None` if the payload is too long or `out` too short.
pub fn encode(
    kind: u8,
    build_id: [u8; BUILD_ID_PREFIX],
    koid: u64,
    payload: &[u8],
    out: &mut [u8],
) -> Option<usize> {
    let len = u16::try_from(payload.len()).ok()?;
    if payload.len() > MAX_PAYLOAD {
        return None;
    }
    let end = HEADER_SIZE + payload.len();
    let frame = out.get_mut(..end + 4)?;
    frame.get_mut(..2)?.copy_from_slice(&MAGIC);
    *frame.get_mut(2)? = kind;
    frame.get_mut(3..11)?.copy_from_slice(&build_id);
    frame.get_mut(11..19)?.copy_from_slice(&koid.to_le_bytes());
    frame.get_mut(19..21)?.copy_from_slice(&len.to_le_bytes());
    frame.get_mut(HEADER_SIZE..end)?.copy_from_slice(payload);
    let crc = crc32(frame.get(2..end)?);
    frame.get_mut(end..)?.copy_from_slice(&crc.to_le_bytes());
    Some(end + 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crc_is_the_one_everybody_means() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn a_frame_is_header_payload_and_crc() {
        let mut out = [0; 64];
        let len = encode(KIND_PROCESS, *b"buildid!", 1030, &[1, 2, 3], &mut out).unwrap();
        assert_eq!(len, HEADER_SIZE + 3 + 4);
        assert_eq!(&out[..3], b"JD\x01");
        assert_eq!(out[21..24], [1, 2, 3]);
        assert_eq!(out[24..28], crc32(&out[2..24]).to_le_bytes());
        assert_eq!(encode(KIND_PROCESS, [0; 8], 0, &[0; MAX_PAYLOAD + 1], &mut [0; 512]), None);
        assert_eq!(encode(KIND_PROCESS, [0; 8], 0, &[0; 60], &mut out), None);
    }
}
