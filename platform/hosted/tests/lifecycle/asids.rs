//! More processes than ASIDs, all alive: each sees its own memory, and no stale translation.
//!
//! Every process has a page of its own at the same address. The simulated MMU keeps all that was ever looked up
//! under an ASID until it is told to forget it, and before each return to EL0 compares what it keeps with the tables.

use abi::vmar::{PERM_READ, PERM_WRITE, SPECIFIC, USER_BASE};
use abi::{PAGE_SIZE, Sysno};
use hosted::Config;
use scenarios::agent::{Arg, DATA, Do, Step};

use super::Driven;
use super::child::Child;

/// More than there are of 8 bits, by more than there are CPUs.
const PROCESSES: u64 = 280;
/// Where each has its page, from the start of its addresses.
const PLACE: u64 = 64 << 30;
const AT: u64 = USER_BASE + PLACE;

/// A process that writes its number into its page and copies it from there into its script for ever.
fn start_one(driven: &mut Driven, number: u64) -> Child {
    let mut child = Child::default();
    let steps = [
        Step::new(Do::Store, &[Arg::Is(AT), Arg::Is(number)]),
        Step::new(Do::Copy, &[Arg::Is(AT), Arg::Script(DATA)]),
        Step::call(Sysno::thread_legacy_yield, &[]),
        Step::again(1),
    ];
    driven.make_child_with(&mut child, &steps).unwrap();
    let vmo = driven.making(Sysno::vmo_create, &[PAGE_SIZE, 0]).unwrap();
    let (options, out) = (u64::from(SPECIFIC | PERM_READ | PERM_WRITE), driven.scratch(8));
    driven.call(Sysno::vmar_map, &[child.vmar, options, PLACE, vmo, 0, PAGE_SIZE, out]).unwrap();
    driven.close(vmo);
    driven.start_child(&child, 0).unwrap();
    child
}

fn copied(driven: &mut Driven, child: &Child) -> u64 {
    let to = driven.scratch(16);
    driven.call(Sysno::vmo_read, &[child.script(), to, DATA, 8]).unwrap();
    driven.read64(16)
}

fn live(cpus: usize) {
    let mut driven = Driven::start_with(Config { cpus, wide_asids: false, ..Config::default() });
    let (objects, frames) = (driven.objects(), driven.frames());
    let children: Vec<Child> = (1..=PROCESSES).map(|number| start_one(&mut driven, number)).collect();
    driven.sleep(100_000_000);
    for (number, child) in (1..).zip(&children) {
        assert_eq!(copied(&mut driven, child), number, "on {cpus} CPUs");
    }
    // What is unmapped is gone for that process, whatever generation its ASID is of, and for no other.
    for child in children.iter().step_by(3) {
        driven.call(Sysno::vmar_unmap, &[child.vmar, AT, PAGE_SIZE]).unwrap();
    }
    driven.sleep(200_000_000);
    let console = driven.program.board.machine.take_console();
    assert_eq!(console.matches("where nothing is mapped").count(), children.len().div_ceil(3), "{console}");
    for (number, child) in (1..).zip(&children) {
        assert_eq!(copied(&mut driven, child), number, "on {cpus} CPUs");
        driven.call(Sysno::task_kill, &[child.process]).unwrap();
        child.handles().into_iter().for_each(|handle| driven.close(handle));
    }
    driven.sleep(200_000_000);
    driven.check();
    assert_eq!((driven.objects(), driven.frames()), (objects, frames));
}

#[test]
fn more_processes_than_asids_on_one_cpu() {
    live(1);
}

#[test]
fn more_processes_than_asids_on_two_cpus() {
    live(2);
}

#[test]
fn more_processes_than_asids_on_four_cpus() {
    live(4);
}
