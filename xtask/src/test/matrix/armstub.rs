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
    std::fs::write(&tree, bytes)?;
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
    let place = binary.get_mut(Armstub::AT..Armstub::AT + words.len());
    place.context("the stub is too short")?.copy_from_slice(&words);
    Ok(binary)
}
