//! Writes the boot file system; `abi::bootfs` has the layout and the reader.

use abi::PAGE_SIZE;
use abi::bootfs::{ENTRY_SIZE, Entry, HEADER_SIZE, Header, MAGIC, NAME_LEN, hash};
use abi::layout::AbiStruct;
use anyhow::{Context, Result, bail};

/// A file to be.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// Lays `files` out, each on pages of its own, in the order given.
pub(crate) fn write(files: &[File]) -> Result<Vec<u8>> {
    let page = usize::try_from(PAGE_SIZE)?;
    let directory = HEADER_SIZE + files.len() * ENTRY_SIZE;
    let mut image = vec![0; directory.next_multiple_of(page)];
    for (index, file) in files.iter().enumerate() {
        check_name(file, &files[..index])?;
        let offset = image.len();
        image.extend_from_slice(&file.bytes);
        image.resize(image.len().next_multiple_of(page), 0);
        let mut name = [0; NAME_LEN];
        name[..file.name.len()].copy_from_slice(file.name.as_bytes());
        let entry = Entry {
            name,
            offset: offset as u64,
            size: file.bytes.len() as u64,
            hash: hash(&image[offset..]),
            reserved: 0,
        };
        entry.put(&mut image[HEADER_SIZE + index * ENTRY_SIZE..]);
    }
    let count = u32::try_from(files.len()).context("more files than a directory can count")?;
    let header = Header { magic: MAGIC, size: image.len() as u64, count, reserved: [0; 3] };
    header.put(&mut image);
    Ok(image)
}

fn check_name(file: &File, before: &[File]) -> Result<()> {
    let name = &file.name;
    if name.is_empty() || name.len() >= NAME_LEN || name.contains(['\0', ' ', ':']) {
        bail!(
            "`{name}` cannot be a name in the boot file system: 1 to {} bytes without spaces and colons. Rename the file",
            NAME_LEN - 1
        );
    }
    if before.iter().any(|other| other.name == *name) {
        bail!("the boot file system has a file `{name}` already. Rename one of the two");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use abi::bootfs::Bootfs;

    use super::*;

    fn file(name: &str, bytes: &[u8]) -> File {
        File { name: name.to_owned(), bytes: bytes.to_vec() }
    }

    #[test]
    fn the_reader_finds_what_the_writer_wrote() {
        let files = [file("init", &[1; 5000]), file("empty", &[]), file("rtc", b"ELF")];
        let image = write(&files).unwrap();
        let bootfs = Bootfs::new(&image, image.len() as u64).unwrap();
        assert_eq!(bootfs.size(), image.len() as u64);
        assert_eq!(bootfs.entries().count(), 3);
        for file in &files {
            let entry = bootfs.find(&file.name).unwrap();
            let start = usize::try_from(entry.offset).unwrap();
            let end = start + file.bytes.len();
            assert_eq!(start % 4096, 0);
            assert_eq!(image[start..end], file.bytes);
            let pages = end.next_multiple_of(4096);
            assert!(image[end..pages].iter().all(|byte| *byte == 0));
            assert_eq!(entry.hash, hash(&image[start..pages]));
        }
    }

    #[test]
    fn a_large_directory_takes_more_than_a_page() {
        let files: Vec<File> = (0..60).map(|index| file(&format!("file{index}"), &[index])).collect();
        let image = write(&files).unwrap();
        let bootfs = Bootfs::new(&image, image.len() as u64).unwrap();
        assert_eq!(bootfs.find("file0").unwrap().offset, 8192);
        assert_eq!(bootfs.entries().count(), 60);
    }

    #[test]
    fn a_name_that_boot_arguments_cannot_carry_is_refused() {
        for name in ["", "a b", "a:b", &"x".repeat(NAME_LEN)] {
            let error = write(&[file(name, b"")]).unwrap_err().to_string();
            assert!(error.contains("cannot be a name in the boot file system"), "{error}");
        }
        let error = write(&[file("rtc", b""), file("rtc", b"")]).unwrap_err().to_string();
        assert!(error.contains("has a file `rtc` already"), "{error}");
    }
}
