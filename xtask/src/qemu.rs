//! QEMU's command line: which machine, what it boots, where its serial ports lead.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::process;

/// The program.
pub(crate) const QEMU: &str = "qemu-system-aarch64";
const MIB: u64 = 1 << 20;
const LEAST_MEMORY: u64 = 64 * MIB;
const MOST_MEMORY: u64 = 8192 * MIB;
const DEFAULT_CPU: &str = "cortex-a72";
const DEFAULT_GIC: u8 = 2;
/// How long QEMU may take to write a device tree.
const DUMP_LIMIT: Duration = Duration::from_secs(30);

/// The machine, as the command line describes it.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Machine")]
pub(crate) struct MachineArgs {
    /// The board that QEMU emulates
    #[arg(long, value_name = "NAME", default_value = "virt", value_parser = ["virt"])]
    pub(crate) board: String,

    /// The exception level at which the kernel is entered: 1, as a hypervisor's guest, or 2, as from firmware
    #[arg(long, value_name = "1|2", value_parser = clap::value_parser!(u8).range(1..=2))]
    pub(crate) el: Option<u8>,

    /// The interrupt controller's architecture version [default: 2]
    #[arg(long, value_name = "2|3", value_parser = clap::value_parser!(u8).range(2..=3))]
    pub(crate) gic: Option<u8>,

    /// CPUs, from 1 to 8 [default: QEMU's, which is 1 on virt]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u8).range(1..=8))]
    pub(crate) smp: Option<u8>,

    /// RAM, from 64M to 8G [default: 512M]
    #[arg(long, value_name = "SIZE")]
    pub(crate) memory: Option<Memory>,

    /// The CPU model, such as cortex-a53 or max; `qemu-system-aarch64 -M virt -cpu help` lists them
    /// [default: cortex-a72]
    #[arg(long, value_name = "NAME")]
    pub(crate) cpu: Option<String>,

    /// Let the virtual clock count instructions, one a nanosecond: every run takes the same virtual time
    #[arg(long)]
    pub(crate) icount: bool,

    /// Boot the same image on another of QEMU's machines (see `qemu-system-aarch64 -M help`)
    #[arg(long, value_name = "NAME", conflicts_with_all = ["board", "el", "gic"])]
    pub(crate) machine: Option<String>,

    /// The device tree for --machine, where QEMU does not make one itself
    #[arg(long, value_name = "FILE", requires = "machine")]
    pub(crate) dtb: Option<PathBuf>,

    /// One more word for QEMU's command line; may be given many times
    #[arg(long, value_name = "ARG", allow_hyphen_values = true)]
    pub(crate) qemu_arg: Vec<String>,
}

impl Default for MachineArgs {
    /// `virt` at EL1 with the default memory and CPU.
    fn default() -> Self {
        Self {
            board: "virt".to_owned(),
            el: None,
            gic: None,
            smp: None,
            memory: None,
            cpu: None,
            icount: false,
            machine: None,
            dtb: None,
            qemu_arg: Vec::new(),
        }
    }
}

/// An amount of RAM that the kernel supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    mib: u64,
}

impl Memory {
    const DEFAULT: Self = Self { mib: 512 };
}

impl FromStr for Memory {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let advice = "give a number with M or G, from 64M to 8G, for example --memory 512M";
        let (number, unit) = match text.strip_suffix(['M', 'm']) {
            Some(number) => (number, MIB),
            None => (text.strip_suffix(['G', 'g']).ok_or(advice)?, 1024 * MIB),
        };
        let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)).ok_or(advice)?;
        if !(LEAST_MEMORY..=MOST_MEMORY).contains(&bytes) {
            return Err(format!("{text} is not between 64M and 8G: {advice}"));
        }
        Ok(Self { mib: bytes / MIB })
    }
}

/// What the machine boots.
#[derive(Clone, Debug)]
pub(crate) struct Boot {
    pub(crate) image: PathBuf,
    pub(crate) bootfs: PathBuf,
    pub(crate) arguments: String,
    /// Whether the guest may end QEMU with an exit status of its own.
    pub(crate) semihosting: bool,
    /// Where QEMU waits for a debugger before the first instruction, in QEMU's own words.
    pub(crate) gdb: Option<String>,
}

impl MachineArgs {
    /// Checks what clap cannot.
    pub(crate) fn check(&self) -> Result<()> {
        if let Some(dtb) = &self.dtb {
            ensure!(
                dtb.is_file(),
                "there is no device tree at {}. --dtb takes a compiled tree; `dtc -I dts -O dtb -o FILE.dtb FILE.dts` compiles one",
                dtb.display()
            );
        }
        Ok(())
    }

    /// QEMU's arguments. Console on standard input and output, the log to the socket at `log`.
    pub(crate) fn arguments(&self, boot: &Boot, log: &Path) -> Vec<OsString> {
        let mut words: Vec<OsString> = Vec::new();
        let mut add = |new: &[&str]| words.extend(new.iter().map(OsString::from));
        add(&["-machine", &self.machine_words()]);
        if self.machine.is_none() || self.cpu.is_some() {
            add(&["-cpu", self.cpu.as_deref().unwrap_or(DEFAULT_CPU)]);
        }
        if self.machine.is_none() || self.memory.is_some() {
            add(&["-m", &format!("{}M", self.memory.unwrap_or(Memory::DEFAULT).mib)]);
        }
        if let Some(count) = self.smp {
            add(&["-smp", &count.to_string()]);
        }
        // No default devices: a network card would want a boot ROM that not every package brings.
        add(&["-nodefaults", "-display", "none", "-no-reboot"]);
        if self.icount {
            add(&["-icount", "shift=0,sleep=off"]);
        }
        if boot.semihosting {
            add(&["-semihosting-config", "enable=on,target=native"]);
        }
        if let Some(place) = &boot.gdb {
            add(&["-S", "-gdb", place]);
        }
        // Console first, log second. The console shares the terminal with QEMU's monitor: Ctrl-A C and X.
        add(&["-chardev", "stdio,id=console,mux=on,signal=off", "-mon", "chardev=console,mode=readline"]);
        add(&["-serial", "chardev:console", "-chardev"]);
        words.push(with_path("socket,id=log,path=", log));
        words.extend(["-serial", "chardev:log", "-kernel"].map(OsString::from));
        words.extend(
            [boot.image.as_os_str(), "-initrd".as_ref(), boot.bootfs.as_os_str()].map(OsString::from),
        );
        words.extend(["-append", boot.arguments.as_str()].map(OsString::from));
        if let Some(dtb) = &self.dtb {
            words.extend(["-dtb".into(), dtb.clone().into_os_string()]);
        }
        words.extend(self.qemu_arg.iter().map(OsString::from));
        words
    }

    /// Has QEMU write the device tree that it would make for this machine.
    pub(crate) fn dump_tree(&self, to: &Path) -> Result<()> {
        let mut words = OsString::from(self.machine_words());
        words.push(with_path(",dumpdtb=", to));
        let mut command = Command::new(QEMU);
        command.arg("-machine").arg(words).args(["-cpu", self.cpu.as_deref().unwrap_or(DEFAULT_CPU)]);
        command.args(["-m", &format!("{}M", self.memory.unwrap_or(Memory::DEFAULT).mib)]);
        command.args(["-smp", &self.smp.unwrap_or(1).to_string(), "-nodefaults", "-display", "none"]);
        let (status, lines) = process::tee(&mut command, DUMP_LIMIT)?;
        ensure!(
            status.is_some_and(|status| status.success()) && to.is_file(),
            "QEMU did not write its device tree: {}",
            lines.join("\n")
        );
        let bytes = std::fs::read(to)?;
        std::fs::write(to, unpadded(&bytes).context("QEMU's device tree has a bad header")?)?;
        Ok(())
    }

    fn machine_words(&self) -> String {
        if let Some(name) = &self.machine {
            return name.clone();
        }
        let el2 = if self.el == Some(2) { ",virtualization=on" } else { "" };
        format!("{},gic-version={}{el2}", self.board, self.gic.unwrap_or(DEFAULT_GIC))
    }
}

/// A device tree without the room that QEMU leaves behind it: it doubles what it loads.
fn unpadded(tree: &[u8]) -> Option<Vec<u8>> {
    // The header's words (DT 0.4, 5.2): totalsize, and offsets and sizes of the two blocks.
    let word = |index: usize| Some(u32::from_be_bytes(*tree.get(index * 4..)?.first_chunk()?));
    let (structure, strings) = (word(2)?.checked_add(word(9)?)?, word(3)?.checked_add(word(8)?)?);
    let size = structure.max(strings);
    let mut bytes = tree.get(..size as usize)?.to_vec();
    bytes.get_mut(4..8)?.copy_from_slice(&size.to_be_bytes());
    Some(bytes)
}

/// A path inside an option of QEMU, where a comma is written twice.
fn with_path(option: &str, path: &Path) -> OsString {
    format!("{option}{}", path.display().to_string().replace(',', ",,")).into()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser, Debug)]
    struct Line {
        #[command(flatten)]
        machine: MachineArgs,
    }

    fn boot() -> Boot {
        Boot {
            image: "out/Image".into(),
            bootfs: "out/bootfs.img".into(),
            arguments: "program=rtc".into(),
            semihosting: true,
            gdb: None,
        }
    }

    fn words(line: &[&str], boot: &Boot) -> String {
        let line = Line::try_parse_from(["x"].iter().chain(line)).unwrap();
        let words = line.machine.arguments(boot, Path::new("/tmp/a,b/log"));
        words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    fn refusal(line: &[&str]) -> String {
        Line::try_parse_from(["x"].iter().chain(line)).unwrap_err().to_string()
    }

    #[test]
    fn the_default_machine_is_virt_at_el1() {
        assert_eq!(
            words(&[], &boot()),
            "-machine virt,gic-version=2 -cpu cortex-a72 -m 512M -nodefaults -display none -no-reboot \
             -semihosting-config enable=on,target=native -chardev stdio,id=console,mux=on,signal=off \
             -mon chardev=console,mode=readline -serial chardev:console -chardev socket,id=log,path=/tmp/a,,b/log \
             -serial chardev:log -kernel out/Image -initrd out/bootfs.img -append program=rtc"
        );
    }

    #[test]
    fn options_reach_qemu() {
        let boot = Boot { semihosting: false, gdb: Some("tcp:127.0.0.1:1234".into()), ..boot() };
        let line =
            words(&["--el", "2", "--memory", "8G", "--cpu", "max", "--icount", "--qemu-arg", "-d"], &boot);
        assert!(
            line.starts_with("-machine virt,gic-version=2,virtualization=on -cpu max -m 8192M "),
            "{line}"
        );
        assert!(line.contains(" -icount shift=0,sleep=off -S -gdb tcp:127.0.0.1:1234 "), "{line}");
        assert!(line.ends_with(" -d") && !line.contains("semihosting"), "{line}");
    }

    #[test]
    fn controller_and_cpus_are_chosen() {
        let line = words(&["--gic", "3", "--smp", "4", "--el", "2"], &boot());
        assert!(line.starts_with("-machine virt,gic-version=3,virtualization=on -cpu cortex-a72 "), "{line}");
        assert!(line.contains(" -m 512M -smp 4 -nodefaults "), "{line}");
    }

    #[test]
    fn another_machine_keeps_its_own_cpu_and_memory() {
        let line = words(&["--machine", "raspi4b", "--dtb", "pi.dtb"], &boot());
        assert!(line.starts_with("-machine raspi4b -nodefaults "), "{line}");
        assert!(line.ends_with(" -dtb pi.dtb"), "{line}");
    }

    #[test]
    fn refusals_say_what_to_do() {
        for wrong in ["32M", "9G", "512", "lots", "99999999999999999999G"] {
            let text = refusal(&["--memory", wrong]);
            assert!(text.contains("for example --memory 512M"), "{wrong}: {text}");
        }
        assert!(refusal(&["--board", "pi"]).contains("[possible values: virt]"));
        assert!(refusal(&["--el", "3"]).contains("3 is not in 1..=2"));
        assert!(refusal(&["--gic", "4"]).contains("4 is not in 2..=3"));
        assert!(refusal(&["--smp", "9"]).contains("9 is not in 1..=8"));
        assert!(refusal(&["--machine", "raspi4b", "--el", "2"]).contains("cannot be used with"));
        assert!(refusal(&["--machine", "raspi4b", "--gic", "3"]).contains("cannot be used with"));
        assert!(refusal(&["--dtb", "x.dtb"]).contains("--machine"));
    }

    #[test]
    fn an_absent_tree_is_named() {
        let machine = MachineArgs { dtb: Some("no/such.dtb".into()), ..MachineArgs::default() };
        let text = machine.check().unwrap_err().to_string();
        assert!(text.starts_with("there is no device tree at no/such.dtb."), "{text}");
    }

    #[test]
    fn padding_is_taken_off_a_tree() {
        let words = [0xd00d_feed, 4096, 40, 48, 40, 17, 16, 0, 4, 8];
        let mut tree: Vec<u8> = words.iter().flat_map(|word: &u32| word.to_be_bytes()).collect();
        tree.resize(4096, 0);
        let short = unpadded(&tree).unwrap();
        assert_eq!((short.len(), &short[4..8]), (52, &52_u32.to_be_bytes()[..]));
        assert_eq!(unpadded(&tree[..51]), None);
        assert_eq!(unpadded(&tree[..9]), None);
    }

    #[test]
    fn sizes_of_memory_are_understood() {
        assert_eq!("64M".parse(), Ok(Memory { mib: 64 }));
        assert_eq!("2g".parse(), Ok(Memory { mib: 2048 }));
    }
}
