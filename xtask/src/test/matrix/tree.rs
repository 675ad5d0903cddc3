//! Device trees for machines that are loaded by somebody else than QEMU.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::qemu::MachineArgs;
use crate::{dts, process};

use super::table::Source;

/// The tree of this machine, its own or QEMU's, with what a loader adds, and with `more` in its root.
pub(super) fn made(
    machine: &MachineArgs,
    arguments: &str,
    bootfs: (u64, u64),
    more: &str,
    folder: &Path,
) -> Result<Vec<u8>> {
    extended(machine, &format!("{}{more}", chosen(arguments, bootfs)), folder)
}

/// The tree of this machine, its own or QEMU's, with `more` in its root.
pub(super) fn extended(machine: &MachineArgs, more: &str, folder: &Path) -> Result<Vec<u8>> {
    let plain = folder.join("plain.dtb");
    match &machine.dtb {
        Some(dtb) => _ = std::fs::copy(dtb, &plain)?,
        None => MachineArgs { qemu_arg: Vec::new(), ..machine.clone() }.dump_tree(&plain)?,
    }
    let mut command = Command::new("dtc");
    command.args(["-q", "-I", "dtb", "-O", "dts"]).arg(&plain);
    let text = process::capture(&mut command)?;
    ensure!(text.status.success(), "`{}` failed: {}", process::shown(&command), text.stderr);
    let source = folder.join("tree.dts");
    std::fs::write(&source, format!("{}\n/ {{\n{more}}};\n", text.stdout))?;
    dts::compile(&source)
}

/// An address or a size in two cells.
fn cells(value: u64) -> String {
    format!("{:#x} {:#x}", value >> 32, value & 0xffff_ffff)
}

fn chosen(arguments: &str, (start, end): (u64, u64)) -> String {
    format!(
        "\tchosen {{\n\t\tbootargs = \"{arguments}\";\n\t\tlinux,initrd-start = <{}>;\n\t\tlinux,initrd-end = <{}>;\n\t}};\n",
        cells(start),
        cells(end)
    )
}

/// What is in place of the memory node that QEMU made, or beside it.
pub(super) fn memory(tree: Source) -> String {
    match tree {
        Source::Banks(banks) => nodes(banks),
        Source::Window { ram, window: (base, size) } => {
            let reg = format!("<{} {}>", cells(base), cells(size));
            let device =
                format!("\tsram@{base:x} {{\n\t\tcompatible = \"mmio-sram\";\n\t\treg = {reg};\n\t}};\n");
            nodes(&[ram]) + &device
        }
        Source::Limited { bus, memory } => limited_bus(bus, memory),
        _ => String::new(),
    }
}

/// A bus with limits and a device on it, and devices of which drivers read, all at registers that nobody has: as on the
/// hosted board (`hosted::virt`).
fn limited_bus(bus: u64, (base, size): (u64, u64)) -> String {
    MADE_UP.replace("LIMITS", &[bus, base, size].map(cells).join(" "))
}

const MADE_UP: &str = r#"
	limited {
		compatible = "simple-bus";
		#address-cells = <2>;
		#size-cells = <2>;
		ranges;
		dma-ranges = <LIMITS>;
		dma@b100000 {
			compatible = "jacinth,limited-dma";
			reg = <0x0 0xb100000 0x0 0x1000>;
		};
	};
	made-up@b200000 {
		compatible = "jacinth,made-up", "jacinth,three";
		reg = <0x0 0xb200000 0x0 0x1000>, <0x0 0xb202000 0x0 0x200>, <0x0 0xb204000 0x0 0x2000>;
		reg-names = "control", "queue", "memory";
	};
	made-up-bus {
		compatible = "simple-bus";
		#address-cells = <1>;
		#size-cells = <1>;
		ranges = <0x7e000000 0x0 0xb210000 0x10000>;
		made-up@7e001000 {
			compatible = "jacinth,made-up", "jacinth,translated";
			reg = <0x7e001000 0x200>;
		};
	};
	made-up {
		compatible = "jacinth,made-up", "jacinth,nothing";
	};
	made-up@b220000 {
		compatible = "jacinth,made-up", "jacinth,broken";
		reg = <0x0 0xb220000 0x0>;
	};
"#;

fn nodes(banks: &[(u64, u64)]) -> String {
    let node = |banks: &[(u64, u64)]| {
        let Some((first, _)) = banks.first() else { return String::new() };
        let regs: Vec<String> =
            banks.iter().map(|(base, size)| format!("<{} {}>", cells(*base), cells(*size))).collect();
        format!(
            "\tmemory@{first:x} {{\n\t\tdevice_type = \"memory\";\n\t\treg = {};\n\t}};\n",
            regs.join(", ")
        )
    };
    let (first, rest) = banks.split_at(1.min(banks.len()));
    let (pair, rest) = rest.split_at(2.min(rest.len()));
    let nodes = [first, pair].into_iter().chain(rest.chunks(1)).map(node);
    format!("\t/delete-node/ memory@40000000;\n{}", nodes.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bus_has_its_limits() {
        let text = memory(Source::Limited { bus: 0x1_2000_0000, memory: (0x4000_0000, 0x1000) });
        assert!(text.contains("dma-ranges = <0x1 0x20000000 0x0 0x40000000 0x0 0x1000>;"), "{text}");
        assert!(text.contains("dma@b100000 {") && text.contains("ranges;"), "{text}");
    }

    #[test]
    fn banks_are_nodes_with_one_and_with_two_ranges() {
        let text = memory(Source::Banks(&[
            (0x4000_0000, 1),
            (0x5000_0000, 2),
            (0x6000_0000, 3),
            (0x1_0000_0000, 4),
        ]));
        assert_eq!(text.matches("device_type").count(), 3);
        assert!(text.contains("reg = <0x0 0x50000000 0x0 0x2>, <0x0 0x60000000 0x0 0x3>;"), "{text}");
        assert!(text.contains("memory@100000000 {") && text.contains("reg = <0x1 0x0 0x0 0x4>;"), "{text}");
    }
}
