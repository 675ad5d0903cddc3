//! The boards that `--board` knows: which of QEMU's machines each is, and what is said of it on QEMU's command line.
//!
//! The kernel reads all of this from the device tree. A board stands here because QEMU must be told.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::build::{Artifacts, Program, SYSTIMER};
use crate::{dts, paths};

/// A board.
#[derive(Debug)]
pub(crate) struct Board {
    /// Its name, which is QEMU's for it.
    pub(crate) name: &'static str,
    /// What the board has and no option changes; `None` where the options decide.
    pub(crate) fixed: Option<Fixed>,
    /// The file of `dts/` that describes it, without its ending; `None` where QEMU makes a tree itself.
    pub(crate) tree: Option<&'static str>,
    /// What `console=` calls the UARTs, in the order of QEMU's -serial.
    pub(crate) serials: &'static [&'static str],
    /// Which of them is the console when nobody chooses.
    pub(crate) console: usize,
    /// The boot arguments when nobody names a program.
    pub(crate) arguments: &'static str,
    /// A program of that name beside those of every boot file system.
    pub(crate) program: Option<&'static str>,
    /// Further words for QEMU: the first ones behind the machine's name, after a comma, the others by themselves.
    pub(crate) words: (&'static str, &'static [&'static str]),
    /// What QEMU says at each start of this machine, and what means nothing here.
    pub(crate) warnings: &'static [&'static str],
}

/// What a board has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fixed {
    /// CPUs.
    pub(crate) cpus: u8,
    /// The model of them, as QEMU calls it.
    pub(crate) cpu: &'static str,
    /// RAM in MiB.
    pub(crate) memory: u64,
    /// The exception level at which QEMU enters the kernel.
    pub(crate) level: u8,
    /// The GIC's architecture version; `None` where there is none.
    pub(crate) gic: Option<u8>,
}

/// Every board, the default first.
pub(crate) static BOARDS: &[Board] = &[
    Board {
        name: "virt",
        fixed: None,
        tree: None,
        serials: &["serial0", "serial1"],
        console: 0,
        arguments: "program=rtc grant=rtc:/pl031@9010000",
        program: None,
        words: ("", &[]),
        warnings: &[],
    },
    Board {
        name: "raspi4b",
        fixed: Some(Fixed { cpus: 4, cpu: "cortex-a72", memory: 2048, level: 2, gic: Some(2) }),
        tree: Some("bcm2711-rpi-4-b"),
        serials: &["serial0", "serial1"],
        console: 1,
        arguments: "program=systimer grant=systimer:/soc/timer@7e003000",
        program: Some(SYSTIMER),
        // QEMU disables the nodes of devices that it does not have.
        words: ("", &[]),
        warnings: &[
            "bcm2711 dtc: brcm,bcm2711-pcie has been disabled!",
            "bcm2711 dtc: brcm,bcm2711-rng200 has been disabled!",
            "bcm2711 dtc: brcm,bcm2711-thermal has been disabled!",
            "bcm2711 dtc: brcm,bcm2711-genet-v5 has been disabled!",
        ],
    },
    Board {
        name: "xlnx-zcu102",
        fixed: Some(Fixed { cpus: 4, cpu: "cortex-a53", memory: 2048, level: 1, gic: Some(2) }),
        tree: Some("zynqmp-zcu102"),
        serials: &["serial0", "serial1"],
        console: 0,
        arguments: "",
        program: None,
        // It has a display with sound, and will not start without somewhere to send that.
        words: (",audiodev=none", &["-audiodev", "none,id=none"]),
        warnings: &[
            "nic cadence_gem.0 has no peer",
            "nic cadence_gem.1 has no peer",
            "nic cadence_gem.2 has no peer",
            "nic cadence_gem.3 has no peer",
        ],
    },
    Board {
        name: "imx8mp-evk",
        fixed: Some(Fixed { cpus: 4, cpu: "cortex-a53", memory: 1024, level: 2, gic: Some(3) }),
        tree: Some("imx8mp-evk"),
        serials: &["serial0", "serial1"],
        console: 1,
        arguments: "",
        program: None,
        words: ("", &[]),
        warnings: &["nic imx.enet.0 has no peer"],
    },
    // Without a GIC: only a test boots it, to see it refused.
    Board {
        name: "raspi3b",
        fixed: Some(Fixed { cpus: 4, cpu: "cortex-a53", memory: 1024, level: 2, gic: None }),
        tree: Some("bcm2837-rpi-3-b"),
        serials: &["serial0", "serial1"],
        console: 0,
        arguments: "",
        program: None,
        words: ("", &[]),
        warnings: &[],
    },
];

impl Board {
    /// The board of this name.
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        BOARDS.iter().find(|board| board.name == name)
    }

    /// Which of QEMU's serial ports the console is: the one that the last `console=` among the boot arguments names.
    pub(crate) fn console_port(&self, arguments: &str) -> usize {
        let wish = arguments.split_whitespace().filter_map(|word| word.strip_prefix("console=")).next_back();
        wish.and_then(|wish| self.serials.iter().position(|name| *name == wish)).unwrap_or(self.console)
    }

    /// Whether QEMU's complaint is one that it has at each start.
    pub(crate) fn expects(&self, complaint: &str) -> bool {
        self.warnings
            .iter()
            .any(|known| complaint.strip_suffix(known).is_some_and(|start| start.ends_with("warning: ")))
    }

    /// The programs that its boot file system has besides.
    pub(crate) fn programs(&self, artifacts: &Artifacts) -> Vec<Program> {
        let packed = |name: &str| Program { name: name.to_owned(), path: artifacts.program(name) };
        self.program.map(packed).into_iter().collect()
    }

    /// Compiles the board's own tree; `None` if QEMU makes one.
    pub(crate) fn compile_tree(&self) -> Result<Option<PathBuf>> {
        self.tree.map(compile_tree).transpose()
    }
}

/// Compiles a tree of `dts/`, into the folder of the finished build.
pub(crate) fn compile_tree(name: &str) -> Result<PathBuf> {
    let source = paths::root().join("dts").join(name).with_extension("dts");
    let folder = paths::out_dir().join("dtb");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let compiled = folder.join(name).with_extension("dtb");
    let tree = dts::compile(&source)?;
    std::fs::write(&compiled, tree).with_context(|| format!("cannot write {}", compiled.display()))?;
    Ok(compiled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pi() -> &'static Board {
        Board::find("raspi4b").unwrap()
    }

    #[test]
    fn the_console_is_the_one_that_the_boot_arguments_name() {
        assert_eq!(pi().console_port("program=x"), 1);
        assert_eq!(pi().console_port("program=x console=serial0"), 0);
        assert_eq!(pi().console_port("console=serial0 console=serial1"), 1);
        assert_eq!(pi().console_port("console=/soc/serial@7e201000"), 1);
    }

    #[test]
    fn only_known_complaints_are_expected() {
        let known = "qemu-system-aarch64: warning: bcm2711 dtc: brcm,bcm2711-pcie has been disabled!";
        assert!(pi().expects(known));
        assert!(!Board::find("virt").unwrap().expects(known));
        assert!(
            !pi().expects("qemu-system-aarch64: warning: bcm2711 dtc: brcm,bcm2711-x has been disabled!")
        );
        assert!(!pi().expects("bcm2711 dtc: brcm,bcm2711-pcie has been disabled!"));
    }

    #[test]
    fn a_console_is_one_of_the_serial_ports() {
        for board in BOARDS {
            assert!(board.console < board.serials.len(), "{}", board.name);
        }
    }
}
