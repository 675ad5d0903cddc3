//! The Raspberry Pi's way: the firmware puts its stub at 0, and every CPU starts in it.

use std::path::Path;

use anyhow::{Context, Result};
use firmware::Armstub;

use crate::boot::Prepared;
use crate::qemu::MachineArgs;

use super::table::PI_BANKS;
use super::tree;

/// Where the firmware puts the kernel, the tree and a file system.
const KERNEL: u32 = 0x20_0000;
const TREE: u32 = 0x2e00_0000;
const BOOTFS: u64 = 0x2000_0000;

/// In a stub that has the words: this, here.
const MARK: [u8; 4] = 0x5afe_570b_u32.to_le_bytes();
const MARK_AT: usize = 0xf0;
/// Room in the tree for what firmware adds to it.
const SLACK: usize = 0x2_0000;

/// Has the machine started by the stub `binary`.
pub(super) fn install(
    binary: &[u8],
    machine: &mut MachineArgs,
    prepared: &mut Prepared,
    folder: &Path,
) -> Result<()> {
    let size = std::fs::metadata(&prepared.boot.bootfs)?.len();
    let bytes = tree::made(machine, &prepared.boot.arguments, (BOOTFS, BOOTFS + size), &memory(), folder)?;
    let tree = folder.join("tree.dtb");
    std::fs::write(&tree, with_room(bytes)?)?;
    let stub = folder.join("armstub.bin");
    std::fs::write(&stub, patched(binary)?)?;
    // QEMU edits a tree that it is given; this one is the firmware's to give.
    machine.dtb = None;
    machine.load(&prepared.boot.image, u64::from(KERNEL));
    machine.load(&prepared.boot.bootfs, BOOTFS);
    machine.load(&tree, u64::from(TREE));
    machine.load(&stub, 0);
    prepared.boot.by_qemu = false;
    Ok(())
}

/// A tree with [`SLACK`] behind it.
fn with_room(mut tree: Vec<u8>) -> Result<Vec<u8>> {
    tree.resize(tree.len().next_multiple_of(8) + SLACK, 0);
    let size = u32::try_from(tree.len())?.to_be_bytes();
    tree.get_mut(4..8).context("the tree is too short")?.copy_from_slice(&size);
    Ok(tree)
}

/// What the firmware writes into the tree's memory node, in whose parent an address has two cells and a size one.
fn memory() -> String {
    let regs: Vec<String> =
        PI_BANKS.iter().map(|(base, size)| format!("<0x0 {base:#x} {size:#x}>")).collect();
    format!("\tmemory@0 {{\n\t\treg = {};\n\t}};\n", regs.join(", "))
}

/// The stub with its words.
fn patched(binary: &[u8]) -> Result<Vec<u8>> {
    let words = Armstub { tree: TREE, kernel: KERNEL }.bytes();
    let mut binary = binary.to_vec();
    // The loader takes the mark away by which it knows a stub that has these words.
    if let Some(mark) = binary.get_mut(MARK_AT..MARK_AT + 4).filter(|mark| *mark == MARK) {
        mark.fill(0);
    }
    let place = binary.get_mut(Armstub::AT..Armstub::AT + words.len());
    place.context("the stub is too short")?.copy_from_slice(&words);
    Ok(binary)
}
