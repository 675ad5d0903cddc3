//! Errors that the bus reports late: an SError ends the process on whose CPU it arrives, and nothing else.

use abi::object::task_retcode::EXCEPTION_KILL;
use abi::object::{InfoProcess, info};
use abi::{AbiStruct, Sysno};
use hosted::Config;
use kernel::ports::CpuId;
use scenarios::agent::{Arg, DATA, Do, Step};

use super::Driven;
use super::child::Child;

const CPUS: usize = 4;
const NAMES: [&[u8; 4]; CPUS] = [b"ann\0", b"bob\0", b"cyd\0", b"dan\0"];

/// How a process ended, if it did.
fn return_code(driven: &mut Driven, child: &Child) -> Option<i64> {
    let (buffer, size) = (driven.scratch(0x2000), InfoProcess::SIZE as u64);
    let topic = u64::from(info::PROCESS);
    driven.call(Sysno::object_get_info, &[child.process, topic, buffer, size]).unwrap();
    let mut bytes = vec![0; InfoProcess::SIZE];
    scenarios::System::peek(&mut driven.program, abi::VirtAddr(buffer), &mut bytes);
    let info = InfoProcess::get(&bytes);
    (info.flags & abi::object::process_flags::EXITED != 0).then_some(info.return_code)
}

#[test]
fn an_serror_ends_the_process_on_whose_cpu_it_arrives() {
    let mut driven = Driven::start_with(Config { cpus: CPUS, ..Config::default() });
    let mut children = Vec::new();
    for name in NAMES {
        driven.write(64, name);
        let mut child = Child::default();
        driven.make_child_with(&mut child, &[Step::new(Do::Count, &[Arg::Script(DATA)])]).unwrap();
        driven.start_child(&child, 0).unwrap();
        children.push((child, name));
    }
    let mut dead = Vec::new();
    for cpu in (0..CPUS).filter_map(CpuId::new) {
        driven.sleep(1_000_000);
        driven.program.board.machine.take_console();
        if !driven.program.board.cpu.serror(cpu) {
            continue;
        }
        let console = driven.program.board.machine.take_console();
        driven.settle();
        let died: Vec<_> = children
            .iter()
            .filter(|(child, name)| return_code(&mut driven, child).is_some() && !dead.contains(name))
            .map(|(_, name)| *name)
            .collect();
        let [name] = died[..] else { panic!("one SError, and {died:?} died") };
        let said = format!(
            "{}: killed: a device or the bus reported an error late (SError)",
            name[..3].escape_ascii()
        );
        assert!(console.contains(&said) && console.contains("near the instruction at"), "{console}");
        dead.push(name);
    }
    assert!(dead.len() > 1, "SErrors came to {} CPUs that ran a child", dead.len());
    for (child, name) in &children {
        let expected = dead.contains(name).then_some(EXCEPTION_KILL);
        assert_eq!(return_code(&mut driven, child), expected);
    }
    driven.check();
}
