//! Device trees that Debian's kernel brings: from its package, or from the corpus.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};

use crate::paths;

/// Where the corpus has them.
const FOLDER: &str = "linux-6.12";

/// The tree `file`, such as broadcom/bcm2711-rpi-4-b.dtb; `None` if it is nowhere.
pub(super) fn tree(file: &str) -> Result<Option<PathBuf>> {
    if let Some(tree) = installed(file) {
        return Ok(Some(tree));
    }
    let unpacked = paths::out_dir().join("dtb/linux").join(file);
    if unpacked.is_file() {
        return Ok(Some(unpacked));
    }
    let corpus = paths::root().join("../shared/corpus/trees.tar.xz");
    if !corpus.is_file() {
        return Ok(None);
    }
    let Some(bytes) = unpack(&corpus, &Path::new(FOLDER).join(file))? else { return Ok(None) };
    if let Some(folder) = unpacked.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    std::fs::write(&unpacked, bytes).with_context(|| format!("cannot write {}", unpacked.display()))?;
    Ok(Some(unpacked))
}

/// From the package linux-image-arm64, any version of it.
fn installed(file: &str) -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let kernels = folders.filter(|entry| entry.file_name().to_string_lossy().starts_with("linux-image-"));
    kernels.map(|entry| entry.path().join(file)).find(|tree| tree.is_file())
}

/// One file of an archive.
fn unpack(archive: &Path, wanted: &Path) -> Result<Option<Vec<u8>>> {
    let packed = File::open(archive).with_context(|| format!("cannot open {}", archive.display()))?;
    let mut bytes = Vec::new();
    lzma_rs::xz_decompress(&mut BufReader::new(packed), &mut bytes)
        .map_err(|error| anyhow!("cannot unpack {}: {error:?}", archive.display()))?;
    for entry in tar::Archive::new(bytes.as_slice()).entries()? {
        let mut entry = entry?;
        if entry.path()?.components().eq(wanted.components())
            || entry.path()?.strip_prefix("./").is_ok_and(|path| path == wanted)
        {
            let mut tree = Vec::new();
            entry.read_to_end(&mut tree)?;
            return Ok(Some(tree));
        }
    }
    Ok(None)
}
