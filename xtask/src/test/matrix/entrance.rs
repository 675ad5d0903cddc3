//! Our stand-in for firmware (`platform/firmware`), told how to enter the kernel.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use firmware::{Entrance, FILLS, poison};

use crate::boot::Prepared;
use crate::image;
use crate::qemu::MachineArgs;

use super::table::{Entry, Place, Row, State};
use super::tree;

/// Where virt has RAM.
const RAM: u64 = 0x4000_0000;
/// Where QEMU puts the stand-in, by its header.
const ENTRANCE: u64 = 0x100_0000;
/// How much memory it takes there, with room.
const ENTRANCE_SIZE: u64 = 0x1_0000;
/// Where the boot file system goes, when the tree is ours to write: from the end of RAM.
const BOOTFS_BELOW_END: u64 = 0x200_0000;
/// The cores of a machine that is entered at EL3 start here.
const LINE: u64 = 64;

/// Has the machine started by the stand-in `binary`, which enters the kernel as `entry` says.
pub(super) fn install(
    row: &Row,
    entry: Entry,
    binary: &[u8],
    machine: &mut MachineArgs,
    prepared: &mut Prepared,
    folder: &Path,
) -> Result<()> {
    let is_virt = row.machine.starts_with("virt");
    let ram = if is_virt { RAM } else { 0 };
    let end = ram + (machine.memory.map_or(0, |memory| memory.mib) << 20);
    let mut used = vec![(ram + ENTRANCE, ram + ENTRANCE + ENTRANCE_SIZE)];
    let mut place = |file: &Path, address: u64| -> Result<()> {
        machine.load(file, address);
        used.push((address, address + std::fs::metadata(file)?.len()));
        Ok(())
    };
    place(&prepared.boot.image, entry.kernel)?;
    let mut entrance = Entrance::new(entry.kernel);
    if !matches!(entry.tree, Place::AsGiven | Place::Nowhere(_)) {
        let bootfs = end - BOOTFS_BELOW_END;
        place(&prepared.boot.bootfs, bootfs)?;
        let tree = folder.join("tree.dtb");
        let size = std::fs::metadata(&prepared.boot.bootfs)?.len();
        let more = tree::memory(row.tree);
        let bytes = tree::made(machine, &prepared.boot.arguments, (bootfs, bootfs + size), &more, folder)?;
        std::fs::write(&tree, &bytes)?;
        let address = match entry.tree {
            Place::At(address) => address,
            _ => (end - bytes.len() as u64) & !7,
        };
        machine.load(&tree, address);
        used.push((address, address + bytes.len() as u64));
        entrance.tree = address;
    }
    if let Place::Nowhere(x0) = entry.tree {
        entrance.tree = x0;
    }
    set_state(&mut entrance, entry.state, row);
    if entry.state == State::Hostile {
        let kernel = std::fs::read(&prepared.boot.image)?;
        let memory = image::memory_size(&kernel).context("the kernel's image has no header")?;
        ensure!(entry.kernel + memory <= ram + ENTRANCE, "the kernel reaches into the stand-in");
        entrance.fills = fills(ram, end, &mut used).context("memory lies in too many pieces to fill")?;
    }
    let file = folder.join("entrance.bin");
    std::fs::write(&file, patched(binary, &entrance)?)?;
    if row.el == 3 {
        prepared.boot.by_qemu = false;
        machine.load(&file, ram + ENTRANCE);
        (0..row.cpus).for_each(|cpu| machine.start_at(cpu, ram + ENTRANCE));
    }
    prepared.boot.image = file;
    Ok(())
}

/// The stand-in with its words.
fn patched(binary: &[u8], entrance: &Entrance) -> Result<Vec<u8>> {
    let bytes: Vec<u8> = entrance.words().iter().flat_map(|word| word.to_le_bytes()).collect();
    let mut binary = binary.to_vec();
    let place = binary.get_mut(firmware::ENTRANCE_AT..firmware::ENTRANCE_AT + bytes.len());
    place.context("the stand-in is too short")?.copy_from_slice(&bytes);
    Ok(binary)
}

/// What each firmware leaves (`docs/boards.md` says where it was measured).
fn set_state(entrance: &mut Entrance, state: State, row: &Row) {
    match state {
        State::Qemu => {}
        State::UBoot => {
            entrance.daif = 0x2c0;
            entrance.tcr = 0x2_8080_3518;
            entrance.hcr = 0x20;
            entrance.cptr = 0x33ff;
        }
        State::Xen => {
            entrance.daif = 0x1c0;
            entrance.sctlr = 0x00c5_0078;
        }
        State::Kvm => entrance.sctlr = 0x00c5_0078,
        State::Hostile => {
            entrance.poison = poison::EL1 | poison::GIC | poison::GENERAL;
            entrance.tcr = u64::MAX;
            if row.el == 2 {
                entrance.poison |= poison::EL2;
                entrance.sctlr = 0xffff_ffff;
                entrance.hcr = u64::MAX;
                entrance.cptr = 0xffff_ffff;
                // Masked debug exceptions may be as wild as they like. SError is not masked.
                entrance.mdscr = 0xffff_ffff;
                entrance.daif = 0x2c0;
            } else {
                // EL1 runs by its own: neither MMU nor another byte order, which the protocol rules out. Breakpoints
                // and watchpoints are on and unmasked, but for those of EL1 itself.
                entrance.sctlr = 0x30cd_183e;
                entrance.mdscr = 0x8000;
                entrance.daif = 0xc0;
            }
            entrance.distributor = 0x800_0000;
            match row.gic {
                Some(3) => entrance.redistributor = 0x80a_0000,
                _ => entrance.interface = 0x801_0000,
            }
        }
    }
}

/// What is left of RAM between the ranges that somebody needs, in whole lines.
fn fills(start: u64, end: u64, used: &mut [(u64, u64)]) -> Option<[(u64, u64); FILLS]> {
    used.sort_unstable();
    let mut fills = [(0, 0); FILLS];
    let mut places = fills.iter_mut();
    let mut from = start;
    for (first, behind) in used.iter().copied().chain([(end, end)]) {
        let until = first & !(LINE - 1);
        if until > from {
            *places.next()? = (from, until);
        }
        from = from.max(behind.next_multiple_of(LINE));
    }
    Some(fills)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_needs_is_filled() {
        let mut used = [(0x1000, 0x2000), (0x40, 0x61)];
        let fills = fills(0, 0x3000, &mut used).unwrap();
        assert_eq!(fills[..4], [(0, 0x40), (0x80, 0x1000), (0x2000, 0x3000), (0, 0)]);
        let mut all = [(0, 0x3000)];
        assert_eq!(super::fills(0, 0x3000, &mut all).unwrap()[0], (0, 0));
    }

    #[test]
    fn the_words_lie_behind_the_header() {
        let binary = vec![0xff; 4096];
        let told = patched(&binary, &Entrance::new(0x1234)).unwrap();
        assert_eq!(told[..64], binary[..64]);
        assert_eq!(told[64..72], 0x1234_u64.to_le_bytes());
        assert!(patched(&binary[..80], &Entrance::new(0)).is_err());
    }
}
