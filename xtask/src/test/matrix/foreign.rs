//! Firmware of others, out of Debian's packages.

use std::path::Path;

use anyhow::{Context, Result};

use crate::boot::Prepared;
use crate::qemu::MachineArgs;
use crate::setup::{Package, package_file};

use super::table::{Firmware, Row};
use super::{armstub, tree};

const UBOOT: Package = Package { name: "u-boot-qemu", arm64: false };
const TRUSTED_FIRMWARE: Package = Package { name: "arm-trusted-firmware", arm64: true };
const XEN: Package = Package { name: "xen-hypervisor-4.17-arm64", arm64: true };

/// What Xen puts before each line of its guest's.
pub(super) const XEN_PREFIX: &str = "(XEN) DOM1: ";
/// Where Xen finds its guest's kernel and file system: QEMU puts its own tree below.
const XEN_KERNEL: u64 = 0x5000_0000;
const XEN_BOOTFS: u64 = 0x5200_0000;
/// RAM for Xen and its guest.
const XEN_MEMORY: &str = "1G";

/// Has the machine started by the row's firmware; the inner error says why it cannot be had.
pub(super) fn install(
    row: &Row,
    machine: &mut MachineArgs,
    prepared: &mut Prepared,
    folder: &Path,
) -> Result<Result<(), String>> {
    let (package, path) = match row.firmware {
        Firmware::TfA => (TRUSTED_FIRMWARE, "usr/lib/arm-trusted-firmware/rpi4/bl31.bin"),
        Firmware::Xen => (XEN, "boot/xen-4.17-arm64"),
        _ => (UBOOT, "usr/lib/u-boot/qemu_arm64/u-boot.bin"),
    };
    let file = match package_file(package, path) {
        Ok(file) => file,
        Err(why) => return Ok(Err(why)),
    };
    match row.firmware {
        Firmware::TfA => armstub::install(&std::fs::read(&file)?, machine, prepared, folder)?,
        Firmware::Xen => xen(row, &file, machine, prepared, folder)?,
        // It finds kernel, arguments and file system in fw_cfg, where QEMU puts them for firmware.
        _ => machine.qemu_arg.extend(["-bios".to_owned(), file.display().to_string()]),
    }
    Ok(Ok(()))
}

/// Xen in the kernel's place, and the kernel as its guest.
fn xen(
    row: &Row,
    xen: &Path,
    machine: &mut MachineArgs,
    prepared: &mut Prepared,
    folder: &Path,
) -> Result<()> {
    machine.el = Some(2);
    machine.memory = Some(XEN_MEMORY.parse().map_err(anyhow::Error::msg)?);
    machine.load(&prepared.boot.image, XEN_KERNEL);
    machine.load(&prepared.boot.bootfs, XEN_BOOTFS);
    let size = |file: &Path| anyhow::Ok(std::fs::metadata(file)?.len());
    let memory: crate::qemu::Memory = row.memory.parse().map_err(anyhow::Error::msg)?;
    let more = format!(
        "\tchosen {{
\t\t#address-cells = <2>;
\t\t#size-cells = <2>;
\t\txen,xen-bootargs = \"console=dtuart dtuart=/pl011@9000000 dom0_mem=256M bootscrub=0 conswitch=ax\";
\t\tdomU1 {{
\t\t\tcompatible = \"xen,domain\";
\t\t\t#address-cells = <2>;
\t\t\t#size-cells = <2>;
\t\t\tcpus = <{}>;
\t\t\tmemory = <0x0 {:#x}>;
\t\t\tvpl011;
\t\t\tmodule@{XEN_KERNEL:x} {{
\t\t\t\tcompatible = \"multiboot,kernel\", \"multiboot,module\";
\t\t\t\treg = <0x0 {XEN_KERNEL:#x} 0x0 {:#x}>;
\t\t\t\tbootargs = \"{}\";
\t\t\t}};
\t\t\tmodule@{XEN_BOOTFS:x} {{
\t\t\t\tcompatible = \"multiboot,ramdisk\", \"multiboot,module\";
\t\t\t\treg = <0x0 {XEN_BOOTFS:#x} 0x0 {:#x}>;
\t\t\t}};
\t\t}};
\t}};
",
        row.cpus,
        memory.mib << 10,
        size(&prepared.boot.image)?,
        prepared.boot.arguments,
        size(&prepared.boot.bootfs)?,
    );
    let bytes = tree::extended(machine, &more, folder).context("Xen's tree cannot be made")?;
    let file = folder.join("xen.dtb");
    std::fs::write(&file, bytes)?;
    machine.dtb = Some(file);
    prepared.boot.image = xen.to_path_buf();
    Ok(())
}
