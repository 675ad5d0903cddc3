//! The rows: every machine that the kernel is tried on, and what it does there.

use super::edit::{Edit, cells, text};

/// One machine and what it does. `docs/boards.md` is made of these (`cargo xtask boards`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// A board that `--board` knows; of virt also with options of QEMU's, after a comma.
    pub(crate) machine: &'static str,
    /// The GIC's architecture version, if there is a GIC.
    pub(crate) gic: Option<u8>,
    /// The exception level at which the kernel is entered.
    pub(crate) el: u8,
    pub(crate) cpu: &'static str,
    pub(crate) cpus: u8,
    pub(crate) memory: &'static str,
    pub(crate) firmware: Firmware,
    pub(crate) tree: Source,
    /// Whether time is counted in instructions, a nanosecond each: what the host does meanwhile does not show, and how
    /// long the kernel's lock is held can be judged.
    pub(crate) counted: bool,
    pub(crate) task: Task,
    /// Boot arguments besides the task's.
    pub(crate) arguments: &'static str,
    /// Each stands in a line of the console or the log.
    pub(crate) says: &'static [&'static str],
}

/// What loads the kernel and enters it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Firmware {
    /// QEMU's own loader, by the protocol of arm64 Images.
    Qemu,
    /// A stand-in of ours (`platform/firmware`) enters the kernel like this.
    Entrance(Entry),
    /// What the Raspberry Pi's firmware runs before the kernel, rewritten (`platform/firmware`), with the RAM that it
    /// describes.
    Armstub,
    /// Trusted Firmware-A of Debian for the Raspberry Pi, in the stub's place: PSCI.
    TfA,
    /// U-Boot of Debian, which takes the kernel from QEMU.
    UBoot,
    /// Xen of Debian, as a guest that its tree describes (dom0less).
    Xen,
}

impl Firmware {
    /// Whether nothing runs but what this repository holds.
    pub(crate) fn is_ours(self) -> bool {
        !matches!(self, Self::TfA | Self::UBoot | Self::Xen)
    }
}

/// How the kernel is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Where the image is.
    pub(crate) kernel: u64,
    pub(crate) tree: Place,
    pub(crate) state: State,
}

/// Where the tree is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Where QEMU put it.
    AsGiven,
    At(u64),
    /// So that it ends with RAM.
    End,
    /// There is none, and x0 holds this.
    Nowhere(u64),
}

/// What the registers hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// What QEMU leaves in them.
    Qemu,
    /// As U-Boot leaves them: SError unmasked, and its own TCR or HCR.
    UBoot,
    /// As Xen starts a guest: debug exceptions unmasked.
    Xen,
    /// As KVM starts a guest.
    Kvm,
    /// Every one that the protocol leaves open holds the worst, and so does memory.
    Hostile,
}

/// Where the device tree comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// QEMU makes it.
    Qemu,
    /// QEMU made it for a machine with so many more CPUs: the firmware of this one refuses to start them.
    Larger(u8),
    /// The board's own, in `dts/`.
    Board,
    /// A compiled tree of Linux, by its place in the corpus.
    Linux(&'static str),
    /// QEMU's, with these banks of RAM (first byte, size) for its own: the first in a node alone, the second and the
    /// third in one, the rest in a node each.
    Banks(&'static [(u64, u64)]),
    /// QEMU's, with this RAM (first byte, size) for its own, and RAM that it does not tell of as a memory-like device's
    /// window: what is mapped there keeps what is written.
    Window { ram: (u64, u64), window: (u64, u64) },
    /// QEMU's, with a bus whose devices reach this memory (first byte, size) alone, and see it from `bus` on; and with
    /// devices that are made up.
    Limited { bus: u64, memory: (u64, u64) },
    /// The board's own, or QEMU's where it makes one, with changes: in words, and as they are.
    Edited(&'static str, &'static [Edit]),
}

/// What the machine does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// The conformance program, which prints one line for each of its tests.
    Conformance,
    /// The few of those tests that show whether CPUs, timers, memory types and faults work: where the way in is the
    /// point, and not what happens after.
    Short,
    /// Those of them that need no device of virt's.
    Anywhere,
    /// The conformance program in C, which prints a line for each id too.
    C,
    /// The programs of docs/c-programs.md. The console shows what the page promises.
    CPage,
    /// The program that prints the date. The console shows what the README promises.
    Date,
    /// What `cargo xtask run` boots on this board.
    Default,
    /// The same without semihosting: the machine ends because the kernel switches it off.
    PowerOff,
    /// The kernel resets the machine as soon as it has booted: it must greet a second time.
    Reset,
    /// It refuses to start, with this reason.
    Refusal(&'static str),
    /// The same before it knows of a console: the panic record says it.
    SilentRefusal(&'static str),
}

/// One and four CPUs under each controller and from each level, and eight. The others have two CPUs: with one, QEMU
/// does not check that accesses to Device memory are aligned. The CPUs are of two kinds: the oldest and the newest
/// architecture among them take different paths in the kernel.
pub(crate) static ROWS: &[Row] = &[
    virt("virt-gic2-el1-1cpu", 2, 1, 1),
    virt("virt-gic2-el1-4cpus", 2, 1, 4),
    virt("virt-gic2-el2-1cpu", 2, 2, 1),
    virt("virt-gic2-el2-4cpus", 2, 2, 4),
    virt("virt-gic3-el1-1cpu", 3, 1, 1),
    virt("virt-gic3-el1-4cpus", 3, 1, 4),
    virt("virt-gic3-el2-1cpu", 3, 2, 1),
    virt("virt-gic3-el2-4cpus", 3, 2, 4),
    virt("virt-gic3-el2-8cpus", 3, 2, 8),
    Row { memory: "64M", task: Task::C, ..virt("virt-gic3-el1-1cpu-c", 3, 1, 1) },
    Row { memory: "64M", task: Task::C, ..virt("virt-gic2-el2-2cpus-c", 2, 2, 2) },
    Row { task: Task::CPage, ..virt("virt-gic3-el1-1cpu-page", 3, 1, 1) },
    Row { cpu: "max", ..virt("virt-gic2-el1-2cpus-max", 2, 1, 2) },
    Row { cpu: "max", ..virt("virt-gic3-el2-2cpus-max", 3, 2, 2) },
    Row { memory: "64M", ..virt("virt-gic2-el1-2cpus-64M", 2, 1, 2) },
    Row { memory: "8G", ..virt("virt-gic2-el1-2cpus-8G", 2, 1, 2) },
    Row { memory: "64M", ..virt("virt-gic3-el1-2cpus-64M", 3, 1, 2) },
    Row { memory: "8G", ..virt("virt-gic3-el1-2cpus-8G", 3, 1, 2) },
    // INVALID_PARAMETERS (Arm DEN 0022, 5.2.2).
    Row {
        tree: Source::Larger(2),
        says: &["CPU 0x2 stays off: PSCI CPU_ON answers -2", "CPU 0x3 stays off: PSCI CPU_ON answers -2"],
        ..virt("virt-gic2-el1-2cpus-2absent", 2, 1, 2)
    },
    // System calls take the kernel's lock and give it back in the vector, with nobody looking.
    Row { arguments: UNMEASURED, ..virt("virt-gic2-el1-1cpu-unmeasured", 2, 1, 1) },
    Row { arguments: UNMEASURED, ..virt("virt-gic3-el2-2cpus-unmeasured", 3, 2, 2) },
    Row { arguments: UNMEASURED, ..virt("virt-gic3-el1-8cpus-unmeasured", 3, 1, 8) },
    Row { counted: true, ..virt("virt-gic2-el1-1cpu-icount", 2, 1, 1) },
    Row { task: Task::Date, ..virt("virt-gic2-el1-2cpus-date", 2, 1, 2) },
    Row { task: Task::Date, ..virt("virt-gic3-el2-2cpus-date", 3, 2, 2) },
    // Other ways in.
    entered("virt-gic2-el1-2cpus-uboot", 2, 1, Entry { state: State::UBoot, ..ENTRY }),
    entered(
        "virt-gic3-el2-2cpus-uboot",
        3,
        2,
        Entry { state: State::UBoot, tree: Place::At(0x47ca_f000), ..ENTRY },
    ),
    entered("virt-gic3-el1-2cpus-xen", 3, 1, Entry { state: State::Xen, kernel: 0x4008_0000, ..ENTRY }),
    entered("virt-gic2-el1-2cpus-kvm", 2, 1, Entry { state: State::Kvm, tree: Place::End, ..ENTRY }),
    Row {
        tree: Source::Banks(BANKS),
        memory: "512M",
        ..entered(
            "virt-gic2-el2-2cpus-banks",
            2,
            2,
            Entry { kernel: 0x4012_3000, tree: Place::At(0x5ffe_0008), ..ENTRY },
        )
    },
    Row {
        tree: Source::Window { ram: (0x4000_0000, 0x1f80_0000), window: (0x5f80_0000, 0x80_0000) },
        memory: "512M",
        task: Task::Conformance,
        says: RAM_LIKE,
        ..entered("virt-gic2-el1-2cpus-ramlike", 2, 1, Entry { tree: Place::At(0x5c00_0000), ..ENTRY })
    },
    Row {
        // As a Raspberry Pi 4 has it: the first GiB, elsewhere.
        tree: Source::Limited { bus: 0xc000_0000, memory: (0x4000_0000, 0x4000_0000) },
        memory: "2G",
        task: Task::Short,
        arguments: "filter=BTI filter=DTV",
        says: LIMITED,
        ..entered("virt-gic3-el1-2cpus-dma", 3, 1, Entry { tree: Place::At(0x5c00_0000), ..ENTRY })
    },
    Row {
        task: Task::SilentRefusal("no device tree at the address in x0"),
        ..entered("virt-gic2-el1-2cpus-no-tree", 2, 1, Entry { tree: Place::Nowhere(0x100), ..ENTRY })
    },
    Row {
        machine: "virt,secure=on",
        cpus: 4,
        task: Task::SilentRefusal("entered at EL3; start the flat Image at EL1 or EL2"),
        ..entered("virt-gic3-el3-4cpus", 3, 3, Entry { tree: Place::End, ..ENTRY })
    },
    // Firmware of others. Without ACPI, for which QEMU adds devices to a machine with firmware that no tree tells of.
    Row {
        machine: "virt,acpi=off",
        firmware: Firmware::UBoot,
        task: Task::Short,
        ..virt("virt-gic2-el1-2cpus-in-uboot", 2, 1, 2)
    },
    Row {
        machine: "virt,acpi=off",
        firmware: Firmware::UBoot,
        task: Task::Short,
        ..virt("virt-gic3-el2-2cpus-in-uboot", 3, 2, 2)
    },
    Row {
        firmware: Firmware::Xen,
        memory: "128M",
        task: Task::Anywhere,
        ..virt("virt-gic3-el1-2cpus-in-xen", 3, 1, 2)
    },
    // The worst.
    Row { task: Task::Conformance, ..hostile("virt-gic2-el2-2cpus-hostile", 2, 2) },
    Row { cpu: "max", ..hostile("virt-gic3-el1-2cpus-hostile", 3, 1) },
    hostile("virt-gic2-el1-2cpus-hostile", 2, 1),
    Row { cpu: "max", ..hostile("virt-gic3-el2-2cpus-hostile", 3, 2) },
    hostile("virt-gic3-el2-2cpus-a72-hostile", 3, 2),
    // From the level that is left when the firmware keeps EL3 to itself.
    Row { machine: "virt,secure=on", task: Task::Short, ..virt("virt-gic2-el1-2cpus-secure", 2, 1, 2) },
    Row { machine: "virt,secure=on", task: Task::Short, ..virt("virt-gic3-el2-2cpus-secure", 3, 2, 2) },
    Row { task: Task::PowerOff, says: &[], ..virt("virt-gic2-el1-1cpu-off", 2, 1, 1) },
    Row { task: Task::PowerOff, says: &[], ..virt("virt-gic3-el2-2cpus-off", 3, 2, 2) },
    Row { task: Task::Reset, arguments: RESET, ..virt("virt-gic2-el1-1cpu-reset", 2, 1, 1) },
    Row { task: Task::Reset, arguments: RESET, ..virt("virt-gic3-el2-2cpus-reset", 3, 2, 2) },
    Row {
        tree: Source::Edited(
            "two regions of redistributors",
            &[
                cells("/intc@8000000", "#redistributor-regions", &[2]),
                cells("/intc@8000000", "reg", TWO_REGIONS),
            ],
        ),
        task: Task::Short,
        ..virt("virt-gic3-el1-2cpus-regions", 3, 1, 2)
    },
    Row {
        arguments: "console=/pl031@9010000",
        tree: Source::Edited(
            "a stdout-path that leads nowhere",
            &[text("/chosen", "stdout-path", "serial7:115200n8")],
        ),
        task: Task::Default,
        says: &[
            "console: \"/pl031@9010000\", which console= names, is not used: no UART of this kind is known \
             (compatible \"arm,pl031\")",
            "console: \"serial7\", which stdout-path names, is not used: the tree has no such node",
        ],
        ..virt("virt-gic2-el1-2cpus-consoles", 2, 1, 2)
    },
    pi("raspi4b"),
    Row { task: Task::Anywhere, says: &[], ..pi("raspi4b-tests") },
    Row { firmware: Firmware::Entrance(Entry { kernel: 0x8_0000, ..ENTRY }), ..pi("raspi4b-0x80000") },
    Row {
        tree: Source::Linux("broadcom/bcm2711-rpi-4-b.dtb"),
        arguments: "console=serial0",
        ..pi("raspi4b-linux")
    },
    Row { firmware: Firmware::Armstub, ..pi("raspi4b-armstub") },
    Row { task: Task::Conformance, says: &[], ..pi("raspi4b-conformance") },
    Row { task: Task::PowerOff, ..pi("raspi4b-off") },
    Row { task: Task::Reset, arguments: RESET, says: &[], ..pi("raspi4b-reset") },
    // CPU 2 is called by a word that nobody watches.
    Row {
        tree: Source::Edited(
            "a spin-table word that nobody watches",
            &[cells("/cpus/cpu@2", "cpu-release-addr", &[0, 0x900])],
        ),
        says: &["CPU 0x2 stays off: it did not come within 1000 ms", "3 CPUs run"],
        ..pi("raspi4b-lonely")
    },
    // CPU 2 comes when CPU 1 is called, has to wait, and is found when it is called itself.
    Row {
        tree: Source::Edited(
            "a spin-table word that two CPUs share",
            &[cells("/cpus/cpu@1", "cpu-release-addr", &[0, 0xe8])],
        ),
        says: &["CPU 0x1 stays off: it did not come within 1000 ms", "3 CPUs run"],
        ..pi("raspi4b-shared")
    },
    // It writes the first UART into the tree.
    Row { firmware: Firmware::TfA, arguments: "console=serial0", ..pi("raspi4b-tf-a") },
    Row {
        machine: "xlnx-zcu102",
        cpu: "cortex-a53",
        memory: "2G",
        tree: Source::Board,
        task: Task::Anywhere,
        ..virt("xlnx-zcu102", 2, 1, 4)
    },
    Row {
        machine: "imx8mp-evk",
        cpu: "cortex-a53",
        memory: "1G",
        tree: Source::Board,
        task: Task::Anywhere,
        ..virt("imx8mp-evk", 3, 2, 4)
    },
    Row {
        machine: "raspi3b",
        gic: None,
        cpu: "cortex-a53",
        memory: "1G",
        task: Task::Refusal(
            "no GICv2, GICv3 or GICv4: the tree has interrupt-controller@7e00b200 (\"brcm,bcm2836-armctrl-ic\") \
             instead, which is not supported",
        ),
        says: &[],
        ..pi("raspi3b")
    },
];

/// Nobody measures the kernel's lock.
pub(crate) const UNMEASURED: &str = "unmeasured";
/// Has the kernel reset the machine.
const RESET: &str = "test fail=reset";

/// RAM in pieces, with holes between them.
const BANKS: &[(u64, u64)] = &[
    (0x4000_0000, 0x600_0000),
    (0x4800_0000, 0x400_0000),
    (0x5000_0000, 0x800_0000),
    (0x5c00_0000, 0x400_0000),
];

/// The tests that need a window that behaves like RAM ran, and passed.
const RAM_LIKE: &[&str] = &[
    "test PCH-J20 two slices of a window that is RAM, and the whole, show the same bytes under every policy ... ok",
    "test CAC-J20 two mappings of RAM that is a device's show the same bytes under every policy ... ok",
    "test CAC-J42 a cached mapping is replaced by one of another type where it is ... ok",
];

/// The tests that need a device whose bus has limits, or devices that are made up, ran and passed.
const LIMITED: &[&str] = &[
    "test BTI-J20 a pin takes pages that the device reaches, and gives its bus's addresses of them ... ok",
    "test BTI-J21 what the device does not reach is not pinned, and the pin leaves nothing behind ... ok",
    "test BTI-J22 contiguous memory for a device lies where it reaches it ... ok",
    "test BTI-J23 a device gets no more in a row than it reaches ... ok",
    "test DTV-001 three entries of reg with names are three records ... ok",
    "test DTV-002 an address on a bus is translated ... ok",
    "test DTV-004 a device without registers is fine ... ok",
    "test DTV-005 an entry of another length is no window, and the board boots ... ok",
];

/// RAM as the Raspberry Pi's firmware describes it on a board with 2 GiB: the video core has the end of the first.
pub(super) const PI_BANKS: &[(u64, u64)] = &[(0, 0x3b40_0000), (0x4000_0000, 0x4000_0000)];

/// As QEMU does it, but by our stand-in.
const ENTRY: Entry = Entry { kernel: 0x4020_0000, tree: Place::AsGiven, state: State::Qemu };

/// A few tests on a small machine that is entered by our stand-in.
const fn entered(name: &'static str, gic: u8, el: u8, entry: Entry) -> Row {
    let row = virt(name, gic, el, 2);
    Row { memory: "128M", firmware: Firmware::Entrance(entry), task: Task::Short, ..row }
}

/// The same, with everything poisoned that can be.
const fn hostile(name: &'static str, gic: u8, el: u8) -> Row {
    let entry = Entry { kernel: 0x4008_1000, tree: Place::End, state: State::Hostile };
    entered(name, gic, el, entry)
}
/// The redistributor of virt's first CPU, and the others, each a region.
const TWO_REGIONS: &[u32] =
    &[0, 0x800_0000, 0, 0x1_0000, 0, 0x80a_0000, 0, 0x2_0000, 0, 0x80c_0000, 0, 0xf4_0000];

/// The conformance program on virt.
const fn virt(name: &'static str, gic: u8, el: u8, cpus: u8) -> Row {
    Row {
        name,
        machine: "virt",
        gic: Some(gic),
        el,
        cpu: "cortex-a72",
        memory: "512M",
        cpus,
        firmware: Firmware::Qemu,
        tree: Source::Qemu,
        counted: false,
        task: Task::Conformance,
        arguments: "",
        says: &[],
    }
}

/// A Raspberry Pi 4 with a tree of ours.
const fn pi(name: &'static str) -> Row {
    Row {
        machine: "raspi4b",
        memory: "2G",
        tree: Source::Board,
        task: Task::Default,
        says: &["4 CPUs run", "systimer: the board has been on for ", " us by the system timer"],
        ..virt(name, 2, 2, 4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::Board;

    #[test]
    fn the_rows_are_machines_that_the_command_line_allows() {
        for row in ROWS {
            let (name, ..) = row.machine.split_once(',').unwrap_or((row.machine, ""));
            let board = Board::find(name).unwrap_or_else(|| panic!("{}: no board {name}", row.name));
            assert!((1..=3).contains(&row.el), "{}", row.name);
            match board.fixed {
                None => {
                    assert!(row.memory.parse::<crate::qemu::Memory>().is_ok(), "{}", row.name);
                    let s = if row.cpus == 1 { "" } else { "s" };
                    let part = format!("gic{}-el{}-{}cpu{s}", row.gic.unwrap_or(0), row.el, row.cpus);
                    assert!(row.name.starts_with(&format!("virt-{part}")), "{}", row.name);
                }
                Some(fixed) => {
                    assert_eq!(
                        (row.cpus, row.cpu, row.gic),
                        (fixed.cpus, fixed.cpu, fixed.gic),
                        "{}",
                        row.name
                    );
                    assert_eq!(row.memory, format!("{}G", fixed.memory / 1024), "{}", row.name);
                }
            }
        }
    }

    #[test]
    fn every_row_has_its_own_name() {
        let names: std::collections::BTreeSet<_> = ROWS.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), ROWS.len());
    }
}
