//! A driver's life and a process's, with every allocation failing once.

use abi::vmar::{PERM_READ, PERM_WRITE};
use abi::vmo::child::SLICE;
use abi::{PAGE_SIZE, PhysRange, Signals, Status, Sysno};

use super::Driven;
use super::child::Child;

/// More failures than a life has allocations.
const ENOUGH: u64 = 2000;

/// What a life has made so far, to be given back whatever happens.
#[derive(Default)]
struct Belongings {
    handles: Vec<u64>,
    mappings: Vec<(u64, u64)>,
}

impl Belongings {
    fn keep(&mut self, handle: u64) -> u64 {
        self.handles.push(handle);
        handle
    }
}

/// Mints a resource, maps a slice of its registers in blocks and pages, and changes and cuts the mapping.
fn drive(driven: &mut Driven, mine: &mut Belongings) -> Result<(), Status> {
    let flash = driven.world.flash;
    let size = (2 << 20) + 8 * PAGE_SIZE;
    let range = PhysRange::new(flash.base(), size).expect("flash is larger");
    let resource = driven.mmio(range)?;
    mine.keep(resource);
    let vmo = driven.making(Sysno::vmo_create_physical, &[resource, range.base().0, size])?;
    mine.keep(vmo);
    let slice = [vmo, u64::from(SLICE), 0, size - PAGE_SIZE];
    let slice = driven.making(Sysno::vmo_create_child, &slice)?;
    mine.keep(slice);
    let at = driven.map(PERM_READ | PERM_WRITE, slice, 0, size)?;
    mine.mappings.push((at, size));
    let vmar = u64::from(driven.world.vmar);
    driven.call(Sysno::vmar_protect, &[vmar, u64::from(PERM_READ), at + PAGE_SIZE, 3 * PAGE_SIZE])?;
    driven.unmap(at + 8 * PAGE_SIZE, 2 * PAGE_SIZE)
}

/// Makes a process, maps the device into it too, runs it and waits for its end.
fn live(driven: &mut Driven, mine: &mut Belongings) -> Result<(), Status> {
    let mut child = Child::default();
    let made = driven.make_child(&mut child, &[(Sysno::process_exit, [7, 0, 0, 0])]);
    mine.handles.extend(child.handles().into_iter().filter(|handle| *handle != 0));
    made?;
    let registers = driven.world.registers;
    let resource = driven.mmio(registers)?;
    mine.keep(resource);
    let vmo = [resource, registers.base().0, registers.size()];
    let vmo = driven.making(Sysno::vmo_create_physical, &vmo)?;
    mine.keep(vmo);
    driven.map_into(child.vmar, PERM_READ, (vmo, 0), registers.size())?;
    driven.start_child(&child, 0)?;
    let signal = u64::from(Signals::TASK_TERMINATED.0);
    let forever = abi::time::INFINITE as u64;
    driven.call(Sysno::object_wait_one, &[child.process, signal, forever, 0])
}

impl Belongings {
    /// Gives everything up, and checks that the kernel is whole then.
    fn give_up(self, driven: &mut Driven) {
        for (at, len) in self.mappings {
            driven.unmap(at, len).unwrap();
        }
        self.handles.into_iter().for_each(|handle| driven.close(handle));
        driven.settle();
        driven.check();
    }
}

/// Lives a life with its first, second and each further allocation failing, until none fails any more.
fn sweep(
    life: fn(&mut Driven, &mut Belongings) -> Result<(), Status>,
    arm: fn(&mut Driven, Option<u64>),
    has_failed: fn(&Driven) -> bool,
) {
    let mut driven = Driven::start();
    let before = (driven.objects(), driven.frames());
    for nth in 1..=ENOUGH {
        let mut mine = Belongings::default();
        arm(&mut driven, Some(nth));
        let lived = life(&mut driven, &mut mine);
        let failed = has_failed(&driven);
        arm(&mut driven, None);
        driven.check();
        // A child that lacked memory for a page was killed, which is no failure of a call of ours.
        assert!(matches!(lived, Ok(()) | Err(Status::NO_MEMORY)), "failure {nth}: {lived:?}");
        mine.give_up(&mut driven);
        assert_eq!((driven.objects(), driven.frames()), before, "failure {nth} leaves something behind");
        if !failed {
            assert_eq!(lived, Ok(()));
            assert!(nth > 1, "nothing was tested");
            return;
        }
    }
    panic!("a life needs memory without end");
}

fn frames(driven: &mut Driven, nth: Option<u64>) {
    driven.program.board.machine.fail_nth_frame(nth);
}

fn frame_failed(driven: &Driven) -> bool {
    driven.program.board.machine.frame_has_failed()
}

fn blocks(driven: &mut Driven, nth: Option<u64>) {
    driven.program.board.cpu.fail_nth_allocation(nth);
}

fn block_failed(driven: &Driven) -> bool {
    driven.program.board.cpu.allocation_has_failed()
}

#[test]
fn a_driver_lives_through_every_missing_frame() {
    sweep(drive, frames, frame_failed);
}

#[test]
fn a_process_lives_through_every_missing_frame() {
    sweep(live, frames, frame_failed);
}

#[test]
fn a_driver_lives_through_every_missing_block_of_heap() {
    sweep(drive, blocks, block_failed);
}

#[test]
fn a_process_lives_through_every_missing_block_of_heap() {
    sweep(live, blocks, block_failed);
}
