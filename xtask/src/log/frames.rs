//! Finds log frames in a stream of bytes; `abi::log` has their layout.

use abi::log::{BUILD_ID_PREFIX, HEADER_SIZE, KIND_KERNEL, KIND_PROCESS, MAGIC, MAX_PAYLOAD, crc32};

const CRC_SIZE: usize = 4;

/// One frame whose CRC is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The process that logged; `None` for the kernel.
    pub(crate) process: Option<u64>,
    /// The start of the build-id of the ELF that has the strings.
    pub(crate) build_id: [u8; BUILD_ID_PREFIX],
    /// One raw defmt frame.
    pub(crate) payload: Vec<u8>,
}

/// What the stream consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Frame(Frame),
    /// So many bytes in a row that belong to no frame.
    Noise(usize),
}

/// The parser: bytes in as they come, items out as soon as they are complete.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    buffer: Vec<u8>,
    noise: usize,
}

enum Found {
    Frame(Frame, usize),
    /// The bytes so far may become a frame.
    Incomplete,
    No,
}

impl Frames {
    /// Takes the next bytes of the stream.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<Item> {
        self.buffer.extend_from_slice(bytes);
        let mut items = Vec::new();
        let mut at = 0;
        while at < self.buffer.len() {
            match look(&self.buffer[at..]) {
                Found::Frame(frame, len) => {
                    self.flush_noise(&mut items);
                    items.push(Item::Frame(frame));
                    at += len;
                }
                Found::Incomplete => break,
                // A wrong CRC costs one byte, not the frame: a real one may start inside.
                Found::No => {
                    self.noise += 1;
                    at += 1;
                }
            }
        }
        self.buffer.drain(..at);
        if self.buffer.is_empty() {
            self.flush_noise(&mut items);
        }
        items
    }

    /// The stream has ended: what waits for more is noise.
    pub(crate) fn finish(mut self) -> Option<Item> {
        self.noise += self.buffer.len();
        (self.noise > 0).then_some(Item::Noise(self.noise))
    }

    fn flush_noise(&mut self, items: &mut Vec<Item>) {
        if self.noise > 0 {
            items.push(Item::Noise(self.noise));
            self.noise = 0;
        }
    }
}

fn look(bytes: &[u8]) -> Found {
    let known = bytes.len().min(MAGIC.len());
    if bytes[..known] != MAGIC[..known] {
        return Found::No;
    }
    let Some(header) = bytes.get(..HEADER_SIZE) else {
        return match bytes.get(2) {
            Some(kind) if *kind != KIND_KERNEL && *kind != KIND_PROCESS => Found::No,
            _ => Found::Incomplete,
        };
    };
    let kind = header[2];
    let payload_len = usize::from(u16::from_le_bytes([header[19], header[20]]));
    if (kind != KIND_KERNEL && kind != KIND_PROCESS) || payload_len > MAX_PAYLOAD {
        return Found::No;
    }
    let end = HEADER_SIZE + payload_len;
    let Some(crc) = bytes.get(end..end + CRC_SIZE) else { return Found::Incomplete };
    if crc != crc32(&bytes[MAGIC.len()..end]).to_le_bytes() {
        return Found::No;
    }
    let mut build_id = [0; BUILD_ID_PREFIX];
    build_id.copy_from_slice(&header[3..11]);
    let mut koid = [0; 8];
    koid.copy_from_slice(&header[11..19]);
    let process = (kind == KIND_PROCESS).then_some(u64::from_le_bytes(koid));
    Found::Frame(Frame { process, build_id, payload: bytes[HEADER_SIZE..end].to_vec() }, end + CRC_SIZE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(kind: u8, koid: u64, payload: &[u8]) -> Vec<u8> {
        let mut out = vec![0; 512];
        let len = abi::log::encode(kind, *b"buildid!", koid, payload, &mut out).unwrap();
        out.truncate(len);
        out
    }

    fn frame(process: Option<u64>, payload: &[u8]) -> Item {
        Item::Frame(Frame { process, build_id: *b"buildid!", payload: payload.to_vec() })
    }

    #[test]
    fn a_frame_may_come_byte_by_byte() {
        let mut frames = Frames::default();
        let mut items = Vec::new();
        for byte in wire(KIND_PROCESS, 1030, b"JD\x00JD") {
            items.extend(frames.push(&[byte]));
        }
        assert_eq!(items, [frame(Some(1030), b"JD\x00JD")]);
        assert_eq!(frames.finish(), None);
    }

    #[test]
    fn frames_may_come_together() {
        let mut bytes = wire(KIND_KERNEL, 0, b"one");
        bytes.extend(wire(KIND_PROCESS, 7, &[0; MAX_PAYLOAD]));
        let items = Frames::default().push(&bytes);
        assert_eq!(items, [frame(None, b"one"), frame(Some(7), &[0; MAX_PAYLOAD])]);
    }

    #[test]
    fn a_damaged_frame_does_not_hide_the_next_one() {
        let mut bytes = wire(KIND_KERNEL, 0, b"damaged");
        let len = bytes.len();
        bytes[HEADER_SIZE] ^= 1;
        bytes.extend(wire(KIND_KERNEL, 0, b"whole"));
        assert_eq!(Frames::default().push(&bytes), [Item::Noise(len), frame(None, b"whole")]);
    }

    #[test]
    fn text_between_frames_is_told_apart() {
        let mut bytes = b"JDK boots".to_vec();
        bytes.extend(wire(KIND_KERNEL, 0, b"x"));
        assert_eq!(Frames::default().push(&bytes), [Item::Noise(9), frame(None, b"x")]);
    }

    #[test]
    fn a_length_that_no_sender_writes_is_not_waited_for() {
        let mut bytes = wire(KIND_KERNEL, 0, b"x");
        bytes[20] = 0xff;
        let len = bytes.len();
        let mut frames = Frames::default();
        let items = frames.push(&bytes);
        assert_eq!(items, [Item::Noise(len)]);
    }

    #[test]
    fn an_unfinished_frame_is_noise_at_the_end() {
        let bytes = wire(KIND_KERNEL, 0, b"x");
        let mut frames = Frames::default();
        assert_eq!(frames.push(&bytes[..bytes.len() - 1]), []);
        assert_eq!(frames.finish(), Some(Item::Noise(bytes.len() - 1)));
    }
}
