//! QEMU's command line: which machine, what it boots, where its serial ports lead.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::board::{BOARDS, Board, Fixed};
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
    ///
    /// virt takes any of the options below. The others have the CPUs, the RAM and the firmware's state that they
    /// have: raspi4b is a Raspberry Pi 4 with four Cortex-A72, 2G of RAM and a GICv2, entered at EL2; xlnx-zcu102 has
    /// four Cortex-A53, 2G and a GICv2, entered at EL1; imx8mp-evk four Cortex-A53, 1G and a GICv3, entered at EL2
    #[arg(long, value_name = "NAME", default_value = "virt", value_parser = names())]
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

    /// Options of virt that the command line does not have, each after a comma.
    #[arg(skip)]
    pub(crate) options: String,

    /// A compiled device tree, for a --machine of which QEMU makes none, or instead of the board's own
    #[arg(long, value_name = "FILE")]
    pub(crate) dtb: Option<PathBuf>,

    /// One more word for QEMU's command line; may be given many times
    #[arg(long, value_name = "ARG", allow_hyphen_values = true)]
    pub(crate) qemu_arg: Vec<String>,
}

impl MachineArgs {
    /// Has QEMU put a file into memory as it is.
    pub(crate) fn load(&mut self, file: &Path, address: u64) {
        let place = with_path("loader,file=", file).to_string_lossy().into_owned();
        self.qemu_arg.extend(["-device".to_owned(), format!("{place},addr={address:#x},force-raw=on")]);
    }

    /// Has CPU `cpu` start at an address.
    pub(crate) fn start_at(&mut self, cpu: u8, address: u64) {
        self.qemu_arg.extend(["-device".to_owned(), format!("loader,addr={address:#x},cpu-num={cpu}")]);
    }
}

/// What --board takes: the boards that the kernel can drive.
fn names() -> Vec<&'static str> {
    let driven = |board: &&Board| board.fixed.is_none_or(|fixed| fixed.gic.is_some());
    BOARDS.iter().filter(driven).map(|board| board.name).collect()
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
            options: String::new(),
            dtb: None,
            qemu_arg: Vec::new(),
        }
    }
}

/// An amount of RAM that the kernel supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) mib: u64,
}

impl Memory {
    const DEFAULT: Self = Self { mib: 512 };
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.mib.is_multiple_of(1024) {
            write!(f, "{} GiB", self.mib / 1024)
        } else {
            write!(f, "{} MiB", self.mib)
        }
    }
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
    /// Whether QEMU's own loader takes the image; else the machine's further words say what is loaded and starts.
    pub(crate) by_qemu: bool,
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
        self.fixed().map_or(Ok(()), |fixed| self.check_fixed(&fixed))
    }

    /// Refuses options that ask a board for what it does not have.
    fn check_fixed(&self, fixed: &Fixed) -> Result<()> {
        let has = Memory { mib: fixed.memory };
        let board = &self.board;
        if self.smp.is_some_and(|count| count != fixed.cpus) {
            bail!("{board} has {} CPUs and {has}: leave --smp out", fixed.cpus);
        }
        if self.memory.is_some_and(|memory| memory != has) {
            bail!("{board} has {} CPUs and {has}: leave --memory out", fixed.cpus);
        }
        if self.cpu.as_ref().is_some_and(|model| model != fixed.cpu) {
            bail!("the CPUs of {board} are {}: leave --cpu out", fixed.cpu);
        }
        if self.el.is_some_and(|level| level != fixed.level) {
            bail!("{board} enters the kernel at EL{}: leave --el out", fixed.level);
        }
        match fixed.gic {
            Some(version) if self.gic.is_some_and(|wish| wish != version) => {
                bail!("{board} has a GICv{version}: leave --gic out")
            }
            None if self.gic.is_some() => bail!("{board} has no GIC: leave --gic out"),
            _ => Ok(()),
        }
    }

    /// With what QEMU reads from a file: the board's tree, unless another one is named.
    pub(crate) fn with_tree(&self) -> Result<Self> {
        let mut machine = self.clone();
        if let (None, Some(board)) = (&self.dtb, self.board()) {
            machine.dtb = board.compile_tree()?;
        }
        Ok(machine)
    }

    /// The board; `None` for a machine that is only QEMU's.
    pub(crate) fn board(&self) -> Option<&'static Board> {
        if self.machine.is_some() { None } else { Board::find(&self.board) }
    }

    /// What no option changes.
    fn fixed(&self) -> Option<Fixed> {
        self.board()?.fixed
    }

    /// Whether a tool is needed to make a tree.
    pub(crate) fn needs_dtc(&self) -> bool {
        self.dtb.is_none() && self.board().is_some_and(|board| board.tree.is_some())
    }

    /// QEMU's arguments. Console on standard input and output, the log to the socket at `log`.
    pub(crate) fn arguments(&self, boot: &Boot, log: &Path) -> Vec<OsString> {
        let mut words: Vec<OsString> = Vec::new();
        let mut add = |new: &[&str]| words.extend(new.iter().map(OsString::from));
        add(&["-machine", &self.machine_words()]);
        // A board's own are what it starts with.
        let chosen = self.fixed().is_none();
        if chosen && (self.machine.is_none() || self.cpu.is_some()) {
            add(&["-cpu", self.cpu.as_deref().unwrap_or(DEFAULT_CPU)]);
        }
        if chosen && (self.machine.is_none() || self.memory.is_some()) {
            add(&["-m", &format!("{}M", self.memory.unwrap_or(Memory::DEFAULT).mib)]);
        }
        if let Some(count) = self.smp.filter(|_| chosen) {
            add(&["-smp", &count.to_string()]);
        }
        if let Some(fixed) = self.fixed() {
            add(&["-m", &format!("{}M", fixed.memory), "-smp", &fixed.cpus.to_string()]);
        }
        if let Some(board) = self.board() {
            add(board.words.1);
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
        // The console shares the terminal with QEMU's monitor: Ctrl-A C and X.
        add(&["-chardev", "stdio,id=console,mux=on,signal=off", "-mon", "chardev=console,mode=readline"]);
        words.extend(["-chardev".into(), with_path("socket,id=log,path=", log)]);
        words.extend(self.serials(&boot.arguments));
        if boot.by_qemu {
            words.extend(["-kernel".into(), boot.image.clone().into_os_string()]);
            words.extend(["-initrd".into(), boot.bootfs.clone().into_os_string()]);
            words.extend(["-append", boot.arguments.as_str()].map(OsString::from));
        }
        if let Some(dtb) = &self.dtb {
            words.extend(["-dtb".into(), dtb.clone().into_os_string()]);
        }
        words.extend(self.qemu_arg.iter().map(OsString::from));
        words
    }

    /// Where the serial ports lead: one is the console, and the first of the others the log.
    fn serials(&self, arguments: &str) -> Vec<OsString> {
        let console = self.board().map_or(0, |board| board.console_port(arguments));
        let log = usize::from(console == 0);
        let port = |index| match index {
            _ if index == console => "chardev:console",
            _ if index == log => "chardev:log",
            _ => "null",
        };
        (0..=console.max(log)).flat_map(|index| ["-serial", port(index)]).map(OsString::from).collect()
    }

    /// Has QEMU write the device tree that it would make for this machine.
    pub(crate) fn dump_tree(&self, to: &Path) -> Result<()> {
        let mut words = OsString::from(self.machine_words());
        words.push(with_path(",dumpdtb=", to));
        let mut command = Command::new(QEMU);
        command.arg("-machine").arg(words).args(["-cpu", self.cpu.as_deref().unwrap_or(DEFAULT_CPU)]);
        command.args(["-m", &format!("{}M", self.memory.unwrap_or(Memory::DEFAULT).mib)]);
        command.args(["-smp", &self.smp.unwrap_or(1).to_string(), "-nodefaults", "-display", "none"]);
        // virt has a second UART only if it is asked for.
        command.args(["-serial", "null", "-serial", "null"]);
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
        if let Some(board) = self.board().filter(|board| board.fixed.is_some()) {
            return format!("{}{}", board.name, board.words.0);
        }
        let el2 = if self.el == Some(2) { ",virtualization=on" } else { "" };
        format!("{},gic-version={}{el2}{}", self.board, self.gic.unwrap_or(DEFAULT_GIC), self.options)
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
pub(crate) fn with_path(option: &str, path: &Path) -> OsString {
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
            by_qemu: true,
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
             -mon chardev=console,mode=readline -chardev socket,id=log,path=/tmp/a,,b/log -serial chardev:console \
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
        assert!(
            refusal(&["--board", "pi"]).contains("[possible values: virt, raspi4b, xlnx-zcu102, imx8mp-evk]")
        );
        assert!(refusal(&["--el", "3"]).contains("3 is not in 1..=2"));
        assert!(refusal(&["--gic", "4"]).contains("4 is not in 2..=3"));
        assert!(refusal(&["--smp", "9"]).contains("9 is not in 1..=8"));
        assert!(refusal(&["--machine", "raspi4b", "--el", "2"]).contains("cannot be used with"));
        assert!(refusal(&["--machine", "raspi4b", "--gic", "3"]).contains("cannot be used with"));
    }

    #[test]
    fn a_board_has_what_it_has() {
        let line = words(&["--board", "raspi4b", "--memory", "2G", "--smp", "4"], &boot());
        assert!(line.starts_with("-machine raspi4b -m 2048M -smp 4 -nodefaults "), "{line}");
        assert!(line.contains(" -serial chardev:log -serial chardev:console -kernel "), "{line}");
        let boot = Boot { arguments: "console=serial0".into(), ..boot() };
        let line = words(&["--board", "raspi4b"], &boot);
        assert!(line.contains(" -serial chardev:console -serial chardev:log -kernel "), "{line}");
    }

    #[test]
    fn a_board_is_not_asked_for_what_it_has_not() {
        let why = |line: &[&str]| {
            let line = Line::try_parse_from(["x", "--board", "raspi4b"].iter().chain(line)).unwrap();
            line.machine.check().unwrap_err().to_string()
        };
        assert_eq!(why(&["--memory", "1G"]), "raspi4b has 4 CPUs and 2 GiB: leave --memory out");
        assert_eq!(why(&["--smp", "2"]), "raspi4b has 4 CPUs and 2 GiB: leave --smp out");
        assert_eq!(why(&["--cpu", "max"]), "the CPUs of raspi4b are cortex-a72: leave --cpu out");
        assert_eq!(why(&["--el", "1"]), "raspi4b enters the kernel at EL2: leave --el out");
        assert_eq!(why(&["--gic", "3"]), "raspi4b has a GICv2: leave --gic out");
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
