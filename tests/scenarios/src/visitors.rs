//! What drivers read of their devices' `reg`, in the device table that the kernel made of the tree.
//!
//! The devices are made up: trees that have them describe registers where nobody is.

use abi::device_table::DeviceTable;
use alloc::string::String;
use alloc::vec::Vec;

use crate::check::{ok, same};
use crate::env::Result;
use crate::{Env, Outcome, scenarios};

scenarios! {
    "DTV-001" three "three entries of reg with names are three records";
    "DTV-002" translated "an address on a bus is translated";
    "DTV-004" nothing "a device without registers is fine";
    "DTV-005" broken "an entry of another length is no window, and the board boots";
}

/// A window: its name, base and size.
type Record = (String, u64, u64);

/// The device table, read piece by piece.
fn table(env: &mut Env<'_>) -> Result<Vec<u8>> {
    const PIECE: u64 = 32 << 10;
    let vmo = env.world.device_table;
    let size = env.vmo_size(vmo)?;
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < size {
        let at = bytes.len() as u64;
        bytes.extend(env.vmo_read(vmo, at, PIECE.min(size - at))?);
    }
    Ok(bytes)
}

/// The windows of the device of a kind; `None` if the board has none. A board without is noted.
fn records(env: &mut Env<'_>, kind: &str) -> Result<Option<Vec<Record>>> {
    let bytes = table(env)?;
    let table = DeviceTable::new(&bytes).map_err(|_| abi::Status::INTERNAL)?;
    let node = table.nodes().find(|node| node.compatible().any(|it| it == kind));
    let Some(node) = node else {
        env.note_lack("devices that are made up");
        return Ok(None);
    };
    let record = |window: abi::device_table::Window| {
        (table.text(window.name, window.name_size).into(), window.base, window.size)
    };
    Ok(Some(node.windows().map(record).collect()))
}

fn shows(env: &mut Env<'_>, kind: &str, expected: &[(&str, u64, u64)]) -> Outcome {
    let Some(found) = ok!(records(env, kind)) else { return Ok(()) };
    let found: Vec<_> = found.iter().map(|(name, base, size)| (name.as_str(), *base, *size)).collect();
    same!(found, expected);
    Ok(())
}

fn three(env: &mut Env<'_>) -> Outcome {
    let expected =
        [("control", 0xB20_0000, 0x1000), ("queue", 0xB20_2000, 0x200), ("memory", 0xB20_4000, 0x2000)];
    shows(env, "jacinth,three", &expected)
}

fn translated(env: &mut Env<'_>) -> Outcome {
    shows(env, "jacinth,translated", &[("", 0xB21_1000, 0x200)])
}

fn nothing(env: &mut Env<'_>) -> Outcome {
    shows(env, "jacinth,nothing", &[])
}

/// Zircon's visitor says INVALID_ARGS of the node. Here the boot log says what is wrong with it.
fn broken(env: &mut Env<'_>) -> Outcome {
    shows(env, "jacinth,broken", &[])
}
