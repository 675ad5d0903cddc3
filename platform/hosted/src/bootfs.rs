//! Writes boot file systems for simulated machines.

use abi::bootfs::{ENTRY_SIZE, Entry, HEADER_SIZE, Header, MAGIC, NAME_LEN, hash};
use abi::{AbiStruct, PAGE_SIZE};

/// A boot file system with these files, each a name and its bytes.
///
/// # Panics
/// If a name is longer than an entry takes.
pub fn build(files: &[(&str, &[u8])]) -> Vec<u8> {
    let page = PAGE_SIZE as usize;
    let mut image = vec![0; (HEADER_SIZE + files.len() * ENTRY_SIZE).next_multiple_of(page)];
    for (index, (name, bytes)) in files.iter().enumerate() {
        assert!(name.len() < NAME_LEN, "\"{name}\" is too long a name for a boot file system");
        let offset = image.len();
        image.extend(*bytes);
        image.resize(image.len().next_multiple_of(page), 0);
        let mut padded = [0; NAME_LEN];
        padded[..name.len()].copy_from_slice(name.as_bytes());
        let entry = Entry {
            name: padded,
            offset: offset as u64,
            size: bytes.len() as u64,
            hash: hash(&image[offset..]),
            reserved: 0,
        };
        entry.put(&mut image[HEADER_SIZE + index * ENTRY_SIZE..]);
    }
    let header =
        Header { magic: MAGIC, size: image.len() as u64, count: files.len() as u32, reserved: [0; 3] };
    header.put(&mut image);
    image
}

#[cfg(test)]
mod tests {
    use super::*;
    use abi::bootfs::Bootfs;

    #[test]
    fn the_kernels_reader_finds_what_was_written() {
        let image = build(&[("init", b"program"), ("agent", &[7; 5000])]);
        let bootfs = Bootfs::new(&image, image.len() as u64).unwrap();
        let agent = bootfs.find("agent").unwrap();
        assert_eq!((agent.offset, agent.size), (2 * PAGE_SIZE, 5000));
        assert_eq!(image[agent.offset as usize], 7);
    }
}
