//! A page with five devices, as on a Raspberry Pi 4.

use abi::device_table::DeviceTable;
use abi::layout::AbiStruct;
use abi::object::{InfoResourceGroup, info, resource_group};
use abi::resource::FLAG_EXCLUSIVE;
use abi::{PhysAddr, PhysRange, Status, Sysno};
use hosted::Config;
use hosted::fdt::Fdt;
use hosted::virt::{self, Board};
use scenarios::{System, agent};

use super::Driven;
use super::program::Program;

/// The first PL011 of a BCM2711 as its CPUs see it, and where the others start in the same page.
const UART: u64 = 0xFE20_1000;
const OFFSETS: [u64; 5] = [0, 0x400, 0x600, 0x800, 0xA00];

fn uarts(fdt: &mut Fdt) {
    for offset in OFFSETS {
        let base = UART + offset;
        fdt.begin(&format!("serial@{base:x}")).strings("compatible", &["arm,pl011", "arm,primecell"]);
        if offset > 0 {
            fdt.strings("status", &["disabled"]);
        }
        fdt.reg(&[(base, 0x200)]).cells("interrupts", &[0, 121, 4]).end();
    }
}

fn board() -> (Driven, Vec<u8>) {
    let config = Config::default();
    let blob = virt::tree_with(config.ram, "test", uarts);
    let files: [(&str, &[u8]); 1] = [(Program::AGENT_FILE, &agent::page())];
    let program = Program::on(Board::boot_tree(config, &files, "test", &blob), config);
    let world = program.world();
    (Driven { program, world, threads: Vec::new(), agent_at: None }, blob)
}

#[test]
fn five_uarts_of_a_raspberry_pi_are_one_group() {
    let (mut driven, blob) = board();
    let first = PhysRange::new(PhysAddr(UART), 0x200).unwrap();
    let resource = driven.mmio(first).unwrap();
    let (buffer, actual) = (driven.scratch(0x1000), driven.scratch(16));
    let topic = u64::from(info::RESOURCE_GROUP);
    driven.call(Sysno::object_get_info, &[resource, topic, buffer, 4096, actual, 0]).unwrap();
    assert_eq!(driven.read64(16), 5);
    // What the device table calls them.
    let mut clean = vec![0; devicetree::buffer_size(&blob).unwrap()];
    let tree = devicetree::Tree::parse(&blob, &mut clean).unwrap();
    let bytes = ledger::Builder::new(&tree).freeze().unwrap().device_table(&tree).unwrap();
    let table = DeviceTable::new(&bytes).unwrap();
    for (number, offset) in OFFSETS.into_iter().enumerate() {
        let mut record = [0; InfoResourceGroup::SIZE];
        let at = abi::VirtAddr(driven.scratch(0x1000) + (number * record.len()) as u64);
        driven.program.peek(at, &mut record);
        let record = InfoResourceGroup::get(&record);
        assert_eq!((record.base, record.size), (UART + offset, 0x200));
        let window = table.window(record.window).unwrap();
        let path = table.node(window.node).unwrap().path();
        assert_eq!((window.group, path), (record.group, format!("/serial@{:x}", UART + offset).as_str()));
        let own = if number == 0 { resource_group::HELD } else { 0 };
        assert_eq!(record.flags, own | resource_group::SEEN);
    }
    driven.check();
}

#[test]
fn no_uart_of_a_raspberry_pi_is_anybodys_alone() {
    let (mut driven, _) = board();
    let (root, name) = (u64::from(driven.world.mmio_root), driven.scratch(64));
    let mint = |driven: &mut Driven, flags: u32, base: u64, size: u64| {
        driven.making(Sysno::resource_create, &[root, u64::from(flags), base, size, name, 0])
    };
    driven.program.board.machine.take_console();
    for offset in OFFSETS {
        let refused = mint(&mut driven, FLAG_EXCLUSIVE, UART + offset, 0x200);
        assert_eq!(refused, Err(Status::ACCESS_DENIED), "{offset:#x}");
        let console = driven.program.board.machine.take_console();
        let own = format!("[{:#x}..{:#x})", UART + offset, UART + offset + 0x200);
        assert!(console.contains(&format!("resource: {own} is not granted exclusively")), "{console}");
        for other in OFFSETS.into_iter().filter(|other| *other != offset) {
            let words = format!("/serial@{:x} reg[0] [{:#x}..", UART + other, UART + other);
            assert!(console.contains(&words), "{words} is not in {console}");
        }
        assert!(console.contains("init (koid "), "{console}");
        assert!(console.contains("ask for all of [0xfe201000..0xfe202000), or share them"), "{console}");
    }
    // The hole between the first two and the end of the page are no way around.
    for (base, size) in [(UART + 0x200, 0x200), (UART + 0xC00, 0x400), (UART - 4, 8)] {
        assert_eq!(mint(&mut driven, FLAG_EXCLUSIVE, base, size), Err(Status::ACCESS_DENIED));
    }
    let all = mint(&mut driven, FLAG_EXCLUSIVE, UART, 0xC00).unwrap();
    assert_eq!(mint(&mut driven, 0, UART + 0xC00, 0x400), Err(Status::NOT_FOUND));
    driven.close(all);
    let shared = mint(&mut driven, 0, UART + 0xC00, 0x400).unwrap();
    assert_eq!(mint(&mut driven, FLAG_EXCLUSIVE, UART, 0xC00), Err(Status::NOT_FOUND));
    driven.close(shared);
    driven.check();
}

/// Once a program has the console nothing is printed; the log is read all the same.
#[test]
fn who_shares_a_page_is_told_when_the_console_is_a_programs() {
    let (mut driven, _) = board();
    let (root, name) = (u64::from(driven.world.mmio_root), driven.scratch(64));
    let log = u64::from(driven.world.system_root);
    let log = driven.making(Sysno::debuglog_create, &[log, u64::from(abi::log::READABLE)]).unwrap();
    let (base, size) = virt::UART;
    driven.making(Sysno::vmo_create_physical, &[root, base, size]).unwrap();
    driven.program.board.machine.take_console();
    let half = [root, u64::from(FLAG_EXCLUSIVE), UART, 0x200, name, 0];
    assert_eq!(driven.making(Sysno::resource_create, &half), Err(Status::ACCESS_DENIED));
    assert_eq!(driven.program.board.machine.take_console(), "");
    let (mut told, buffer) = (String::new(), driven.scratch(0x1000));
    loop {
        let read = driven.call(Sysno::debuglog_read, &[log, 0, buffer, abi::log::MAX_RECORD as u64]);
        let Err(Status(length @ 1..)) = read else { break };
        let mut bytes = vec![0; length as usize];
        driven.program.peek(abi::VirtAddr(buffer), &mut bytes);
        told += &String::from_utf8_lossy(&bytes[abi::log::LogRecord::SIZE..]);
    }
    for other in &OFFSETS[1..] {
        assert!(told.contains(&format!("/serial@{:x} reg[0]", UART + other)), "{other:#x} is not in {told}");
    }
    driven.check();
}
