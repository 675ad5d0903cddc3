//! A small board: a clock, three slots in one page, a bus, the kernel's interrupt controller, a dead device.
use abi::AbiStruct;
use abi::device_table::{
    Class, Group, Header, Interrupt, InterruptKind, MAGIC, NODE_AVAILABLE, Node, Trigger,
};
use alloc::string::ToString;
use alloc::vec;

use super::*;

struct Board {
    nodes: Vec<Node>,
    windows: Vec<Window>,
    interrupts: Vec<Interrupt>,
    groups: Vec<Group>,
    members: Vec<u32>,
    strings: Vec<u8>,
    resources: u32,
}

impl Board {
    fn node(&mut self, path: &str, flags: u32, windows: &[(u64, u64, Fate, u32)], intids: &[(u32, u8)]) {
        let mut node = Node::get(&[]);
        (node.path, node.path_size) = (self.strings.len() as u32, path.len() as u32);
        self.strings.extend(path.bytes());
        (node.first_window, node.windows) = (self.windows.len() as u32, windows.len() as u32);
        (node.first_interrupt, node.interrupts) = (self.interrupts.len() as u32, intids.len() as u32);
        node.flags = flags;
        let owner = self.nodes.len() as u32;
        for &(base, size, fate, group) in windows {
            let mut window = Window::get(&[]);
            (window.base, window.size, window.node, window.group) = (base, size, owner, group);
            (window.class, window.fate, window.resource) = (Class::Register.raw(), fate.raw(), NONE);
            if fate == Fate::Grant {
                window.resource = self.resources;
                self.resources += 1;
            }
            self.windows.push(window);
        }
        for &(intid, flags) in intids {
            let mut interrupt = Interrupt::get(&[]);
            (interrupt.node, interrupt.intid, interrupt.flags) = (owner, intid, flags);
            (interrupt.kind, interrupt.trigger) = (InterruptKind::Spi.raw(), Trigger::LevelHigh.raw());
            interrupt.resource = if intid < 32 { NONE } else { intid - 32 };
            self.interrupts.push(interrupt);
        }
        self.nodes.push(node);
    }

    fn bytes(&self) -> Vec<u8> {
        let mut header = Header::get(&[]);
        header.magic = MAGIC;
        header.nodes = self.nodes.len() as u32;
        header.windows = self.windows.len() as u32;
        header.interrupts = self.interrupts.len() as u32;
        header.groups = self.groups.len() as u32;
        header.members = self.members.len() as u32;
        header.strings = self.strings.len() as u32;
        let sections = header.sections().unwrap();
        header.size = sections.end as u64;
        let mut bytes = vec![0; sections.end];
        header.put(&mut bytes);
        put(&mut bytes[sections.nodes..], &self.nodes);
        put(&mut bytes[sections.windows..], &self.windows);
        put(&mut bytes[sections.interrupts..], &self.interrupts);
        put(&mut bytes[sections.groups..], &self.groups);
        for (index, member) in self.members.iter().enumerate() {
            let at = sections.members + index * 4;
            bytes[at..at + 4].copy_from_slice(&member.to_le_bytes());
        }
        bytes[sections.strings..].copy_from_slice(&self.strings);
        bytes
    }
}

fn put<T: AbiStruct>(bytes: &mut [u8], records: &[T]) {
    for (chunk, record) in bytes.chunks_mut(T::SIZE).zip(records) {
        record.put(chunk);
    }
}

fn board() -> Vec<u8> {
    let mut board = Board {
        nodes: Vec::new(),
        windows: Vec::new(),
        interrupts: Vec::new(),
        groups: vec![Group { base: 0xa00_0000, size: 0x1000, first_member: 0, members: 3 }],
        members: vec![1, 2, 3],
        strings: Vec::new(),
        resources: 0,
    };
    board.node("/pl031@9010000", NODE_AVAILABLE, &[(0x901_0000, 0x1000, Fate::Grant, NONE)], &[(34, 0)]);
    board.node("/slot@a000000", NODE_AVAILABLE, &[(0xa00_0000, 0x200, Fate::Grant, 0)], &[(48, 0)]);
    board.node(
        "/slot@a000200",
        NODE_AVAILABLE,
        &[(0xa00_0200, 0x200, Fate::Grant, 0)],
        &[(49, INTERRUPT_SHARED)],
    );
    board.node("/slot@a000400", NODE_AVAILABLE, &[(0xa00_0400, 0x200, Fate::Grant, 0)], &[]);
    board.node("/bus@b000000", NODE_AVAILABLE, &[(0xb00_0000, 0x10_0000, Fate::Container, NONE)], &[]);
    board.node("/intc@8000000", NODE_AVAILABLE, &[(0x800_0000, 0x1_0000, Fate::Kernel, NONE)], &[(25, 0)]);
    board.node("/dead@c000000", 0, &[(0xc00_0000, 0x1000, Fate::Disabled, NONE)], &[]);
    board.node("/cpus", NODE_AVAILABLE, &[], &[]);
    board.windows[0].flags = WINDOW_CONSOLE;
    board.bytes()
}

#[track_caller]
fn line(path: &str) -> String {
    let bytes = board();
    let table = DeviceTable::new(&bytes).unwrap();
    match resolve(&table, path) {
        Ok(device) => device.to_string(),
        Err(refusal) => refusal.to_string(),
    }
}

#[test]
fn a_device_gives_its_windows_and_interrupts() {
    let bytes = board();
    let device = resolve(&DeviceTable::new(&bytes).unwrap(), "/pl031@9010000").unwrap();
    assert_eq!((&device.windows[..], &device.interrupts[..]), (&[0][..], &[2][..]));
    assert_eq!(
        device.to_string(),
        "/pl031@9010000: window [0x9010000..0x9011000), interrupt 34; \
         the kernel's console ends when it is mapped"
    );
}

#[test]
fn a_shared_page_names_every_device_in_it() {
    assert_eq!(
        line("/slot@a000200"),
        "/slot@a000200: window [0xa000200..0xa000400), interrupt 49 (shared); \
         page [0xa000000..0xa001000) is also that of /slot@a000000, /slot@a000400"
    );
}

#[test]
fn a_refusal_says_why() {
    assert_eq!(
        line("/bus@b000000"),
        "/bus@b000000 [0xb000000..0xb100000) cannot be granted: \
         it encloses the windows of the devices below it: grant those"
    );
    assert_eq!(
        line("/intc@8000000"),
        "/intc@8000000 [0x8000000..0x8010000) cannot be granted: the kernel keeps it; the boot log lists what may be granted"
    );
    assert_eq!(
        line("/dead@c000000"),
        "/dead@c000000 is disabled: the status of it, or of a node above it, is not okay"
    );
    assert_eq!(line("/cpus"), "/cpus has no window that the CPU can reach, and no interrupt");
}

#[test]
fn an_unknown_path_names_the_nearest() {
    assert_eq!(
        line("/pl031@901000"),
        "the device tree has no device /pl031@901000: the nearest is /pl031@9010000"
    );
}
