//! One test for each mistake that was found by reading.

use abi::vmar::{PERM_EXECUTE, PERM_READ, PERM_WRITE, SPECIFIC, SPECIFIC_OVERWRITE};
use abi::vmo::child;
use abi::{PAGE_SIZE, Rights, Status, Sysno, VirtAddr};
use hosted::Width;

use super::Driven;

/// A slice of a slice of a slice: the last handle ends them all, one after the other.
#[test]
fn a_long_chain_of_slices_ends_without_recursion() {
    let mut driven = Driven::start();
    let (objects, frames) = (driven.objects(), driven.frames());
    let mut last = driven.making(Sysno::vmo_create, &[PAGE_SIZE, 0]).unwrap();
    for _ in 0..10_000 {
        let slice = [last, u64::from(child::SLICE), 0, PAGE_SIZE];
        let next = driven.making(Sysno::vmo_create_child, &slice).unwrap();
        driven.close(last);
        last = next;
    }
    driven.check();
    driven.close(last);
    driven.settle();
    assert_eq!((driven.objects(), driven.frames()), (objects, frames));
    driven.check();
}

/// The vDSO's code cannot be unmapped by a program, but a call that fails takes back what it mapped.
#[test]
fn a_mapping_whose_address_cannot_be_told_is_undone_even_for_the_vdso() {
    let mut driven = Driven::start();
    let name = driven.scratch(64);
    let (job, out) = (u64::from(driven.world.job), driven.scratch(0));
    driven.call(Sysno::process_create, &[job, name, 0, 0, out, out + 4]).unwrap();
    let vmar = u64::from(driven.read32(4));
    let (offset, size) = driven.world.vdso_code;
    let options = u64::from(PERM_READ | PERM_EXECUTE);
    let vdso = u64::from(driven.world.vdso);
    let args = |out| [vmar, options, 0, vdso, offset, size, out];
    assert_eq!(driven.call(Sysno::vmar_map, &args(0)), Err(Status::INVALID_ARGS));
    driven.check();
    let info = driven.mapping_count(vdso);
    driven.call(Sysno::vmar_map, &args(out + 8)).unwrap();
    assert_eq!(driven.mapping_count(vdso), info + 1);
    assert_eq!(driven.call(Sysno::vmar_map, &args(out + 8)), Err(Status::ACCESS_DENIED));
    driven.check();
}

/// A mapping may allow nothing at first, of registers too.
#[test]
fn registers_may_be_mapped_without_access_and_opened_later() {
    let mut driven = Driven::start();
    let registers = driven.world.registers;
    let resource = driven.mmio(registers).unwrap();
    let vmo =
        driven.making(Sysno::vmo_create_physical, &[resource, registers.base().0, registers.size()]).unwrap();
    let at = driven.map(0, vmo, 0, registers.size()).unwrap();
    driven.check();
    let vmar = u64::from(driven.world.vmar);
    let open = [vmar, u64::from(PERM_READ | PERM_WRITE), at, registers.size()];
    driven.call(Sysno::vmar_protect, &open).unwrap();
    assert_eq!(driven.program.board.cpu.load(VirtAddr(at), Width::Word) as u32, hosted::virt::NOW);
    driven.unmap(at, registers.size()).unwrap();
    driven.check();
}

/// What is dead but not yet torn down counts as free for whoever needs a frame.
#[test]
fn memory_of_the_dead_is_there_for_the_living() {
    let mut driven = Driven::start_small(4 << 20);
    let size = 4 << 20;
    let from = driven.scratch(0x1000);
    for touch in [false, true] {
        let vmo = driven.making(Sysno::vmo_create, &[size, 0]).unwrap();
        let pages = (0..size).step_by(PAGE_SIZE as usize);
        let full = pages.map(|at| driven.call(Sysno::vmo_write, &[vmo, from, at, 8])).find(Result::is_err);
        assert_eq!(full, Some(Err(Status::NO_MEMORY)));
        driven.check();
        // A channel with many messages dies first: its teardown gives no frame back for a while.
        let out = driven.scratch(0);
        driven.call(Sysno::channel_create, &[0, out, out + 4]).unwrap();
        let (near, far) = (u64::from(driven.read32(0)), u64::from(driven.read32(4)));
        for _ in 0..1000 {
            driven.call(Sysno::channel_write, &[near, 0, 0, 0, 0, 0]).unwrap();
        }
        let next = driven.making(Sysno::vmo_create, &[PAGE_SIZE, 0]).unwrap();
        let at = driven.map(PERM_READ | PERM_WRITE, next, 0, PAGE_SIZE);
        driven.close(far);
        driven.close(vmo);
        if touch {
            driven.program.board.cpu.store(VirtAddr(at.unwrap()), Width::Double, 1);
        } else {
            assert_eq!(driven.call(Sysno::vmo_write, &[next, from, 0, 8]), Ok(()));
        }
        driven.close(next);
        driven.close(near);
        driven.settle();
        driven.check();
    }
}

/// A pointer to good memory that has no frame yet is no bad pointer when there is no frame to be had.
#[test]
fn an_output_without_a_frame_is_no_memory() {
    let mut driven = Driven::start();
    let vmo = driven.making(Sysno::vmo_create, &[PAGE_SIZE, 0]).unwrap();
    let at = driven.map(PERM_READ | PERM_WRITE, vmo, 0, PAGE_SIZE).unwrap();
    let objects = driven.objects();
    driven.program.board.machine.fail_nth_frame(Some(1));
    assert_eq!(driven.call(Sysno::vmo_create, &[0, 0, at]), Err(Status::NO_MEMORY));
    driven.program.board.machine.fail_nth_frame(None);
    assert_eq!(driven.objects(), objects);
    driven.check();
}

/// A range with the vDSO's code in it is refused whole.
#[test]
fn unmapping_across_the_vdso_changes_nothing() {
    let mut driven = Driven::start();
    let (offset, size) = driven.world.vdso_code;
    let code = driven.world.vdso_base.0 + offset;
    let region = abi::vmar::USER_BASE;
    let vmo = driven.making(Sysno::vmo_create, &[PAGE_SIZE, 0]).unwrap();
    // Directly below the vDSO.
    let below = driven.world.vdso_base.0 - PAGE_SIZE;
    let vmar = u64::from(driven.world.vmar);
    let out = driven.scratch(8);
    let options = u64::from(SPECIFIC | PERM_READ);
    driven.call(Sysno::vmar_map, &[vmar, options, below - region, vmo, 0, PAGE_SIZE, out]).unwrap();
    let whole = code + size - below;
    assert_eq!(driven.unmap(below, whole), Err(Status::ACCESS_DENIED));
    assert_eq!(driven.mapping_count(vmo), 1);
    let over = u64::from(SPECIFIC_OVERWRITE | PERM_READ);
    let refused = driven.call(Sysno::vmar_map, &[vmar, over, below - region, vmo, 0, whole, out]);
    assert_eq!(refused, Err(Status::ACCESS_DENIED));
    let refused = driven.call(Sysno::vmar_protect, &[vmar, 0, below, whole]);
    assert_eq!(refused, Err(Status::ACCESS_DENIED));
    assert_eq!(driven.mapping_count(vmo), 1);
    assert_eq!(driven.program.board.cpu.load(VirtAddr(below), Width::Double), 0);
    driven.unmap(below, PAGE_SIZE).unwrap();
    driven.check();
}

/// An overwrite that cannot be leaves what was there.
#[test]
fn an_overwrite_that_is_refused_leaves_the_old_mapping() {
    let mut driven = Driven::start();
    let name = driven.scratch(64);
    let (job, out) = (u64::from(driven.world.job), driven.scratch(0));
    driven.call(Sysno::process_create, &[job, name, 0, 0, out, out + 4]).unwrap();
    let vmar = u64::from(driven.read32(4));
    let vmo = driven.making(Sysno::vmo_create, &[PAGE_SIZE, 0]).unwrap();
    driven.call(Sysno::vmar_map, &[vmar, u64::from(PERM_READ), 0, vmo, 0, PAGE_SIZE, out + 8]).unwrap();
    let at = driven.read64(8) - abi::vmar::USER_BASE;
    let (offset, size) = driven.world.vdso_code;
    let options = u64::from(SPECIFIC_OVERWRITE | PERM_READ | PERM_EXECUTE);
    let vdso = u64::from(driven.world.vdso);
    // Not the whole code: the rule refuses it.
    let wrong = [vmar, options, at, vdso, offset + PAGE_SIZE, size, out + 8];
    assert_eq!(driven.call(Sysno::vmar_map, &wrong), Err(Status::ACCESS_DENIED));
    assert_eq!(driven.mapping_count(vmo), 1);
    driven.check();
}

/// Handles listed in a write are gone, however many there are.
#[test]
fn a_write_with_too_many_handles_takes_them_all() {
    let mut driven = Driven::start();
    let out = driven.scratch(0);
    driven.call(Sysno::channel_create, &[0, out, out + 4]).unwrap();
    let (near, far) = (u64::from(driven.read32(0)), u64::from(driven.read32(4)));
    let objects = driven.objects();
    let mut list = Vec::new();
    for _ in 0..200 {
        list.extend((driven.making(Sysno::vmo_create, &[0, 0]).unwrap() as u32).to_le_bytes());
    }
    driven.write(0x1000, &list);
    let handles = driven.scratch(0x1000);
    let refused = driven.call(Sysno::channel_write, &[near, 0, 0, 0, handles, 200]);
    assert_eq!(refused, Err(Status::OUT_OF_RANGE));
    driven.settle();
    assert_eq!(driven.objects(), objects);
    // The last few of a long list are no message.
    let empty = driven.call(Sysno::channel_read, &[far, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(empty, Err(Status::SHOULD_WAIT));
    driven.check();
}

/// Sizes and offsets at the end of what 64 bits can say.
#[test]
fn the_largest_vmo_and_the_last_offsets_are_refused_not_wrapped() {
    let mut driven = Driven::start();
    let most = u64::MAX - 64 * PAGE_SIZE + 1;
    let vmo = driven.making(Sysno::vmo_create, &[most, 0]).unwrap();
    let from = driven.scratch(0x1000);
    driven.call(Sysno::vmo_write, &[vmo, from, most - 8, 8]).unwrap();
    let last = !(PAGE_SIZE - 1);
    for offset in [0, 1, PAGE_SIZE, most - PAGE_SIZE, most - 1, most, last, u64::MAX] {
        for size in [0, 1, PAGE_SIZE, most - 1, most, last, u64::MAX] {
            let _refused =
                driven.making(Sysno::vmo_create_child, &[vmo, u64::from(child::SLICE), offset, size]);
            // A length that would be copied for ever is left out.
            if size <= PAGE_SIZE {
                let _refused = driven.call(Sysno::vmo_read, &[vmo, from, offset, size]);
            }
            if let Ok(at) = driven.map(PERM_READ, vmo, offset, size) {
                let _refused = driven.unmap(at, u64::MAX);
                driven.unmap(at, size).unwrap();
            }
        }
    }
    let slice =
        driven.making(Sysno::vmo_create_child, &[vmo, u64::from(child::SLICE), PAGE_SIZE, most - PAGE_SIZE]);
    let slice = slice.unwrap();
    for size in [0, 1, most - PAGE_SIZE, most, u64::MAX] {
        driven.write(16, &size.to_le_bytes());
        let value = driven.scratch(16);
        let property = u64::from(abi::object::property::VMO_CONTENT_SIZE);
        let _refused = driven.call(Sysno::object_set_property, &[slice, property, value, 8]);
        let _refused = driven.call(Sysno::object_set_property, &[vmo, property, value, 8]);
    }
    let _refused = driven.call(Sysno::vmo_read, &[slice, from, u64::MAX, 1]);
    let _refused = driven.map(PERM_READ, slice, last, PAGE_SIZE);
    driven.check();
}

/// What is sent with a start is judged before the state of what is started, and is looked up after it.
#[test]
fn a_start_finds_what_it_starts_before_it_takes_what_it_sends() {
    let mut driven = Driven::start();
    let (job, name, out) = (u64::from(driven.world.job), driven.scratch(64), driven.scratch(0));
    driven.call(Sysno::process_create, &[job, name, 0, 0, out, out + 4]).unwrap();
    let (process, vmar) = (u64::from(driven.read32(0)), u64::from(driven.read32(4)));
    let thread = driven.making(Sysno::thread_create, &[process, name, 0, 0]).unwrap();
    let start =
        |driven: &mut Driven, sent| driven.call(Sysno::process_start, &[process, thread, 0, 0, sent, 0]);
    driven.call(Sysno::task_kill, &[process]).unwrap();
    driven.settle();
    assert_eq!(start(&mut driven, 0), Err(Status::BAD_STATE));
    let event = driven.making(Sysno::event_create, &[0]).unwrap();
    let kept = driven.making(Sysno::handle_duplicate, &[event, u64::from(Rights::WAIT.0)]).unwrap();
    assert_eq!(start(&mut driven, kept), Err(Status::ACCESS_DENIED), "it may not go");
    assert_eq!(start(&mut driven, kept), Err(Status::BAD_HANDLE), "it is gone");
    assert_eq!(start(&mut driven, event), Err(Status::BAD_STATE));
    assert_eq!(driven.call(Sysno::handle_close, &[event]), Err(Status::BAD_HANDLE));
    // The thread that is started may be what it is told of.
    assert_eq!(start(&mut driven, thread), Err(Status::BAD_STATE));
    assert_eq!(start(&mut driven, process), Err(Status::BAD_HANDLE), "the thread went before");
    assert_eq!(driven.call(Sysno::handle_close, &[process]), Err(Status::BAD_HANDLE), "it goes in any case");
    driven.close(vmar);
    driven.check();
}

#[test]
fn a_job_that_is_too_deep_is_so_before_it_is_dead() {
    let mut driven = Driven::start();
    let mut job = u64::from(driven.world.job);
    let deepest = loop {
        match driven.making(Sysno::job_create, &[job, 0]) {
            Ok(child) => job = child,
            Err(status) => break status,
        }
    };
    assert_eq!(deepest, Status::OUT_OF_RANGE);
    driven.call(Sysno::task_kill, &[job]).unwrap();
    assert_eq!(driven.making(Sysno::job_create, &[job, 0]), Err(Status::OUT_OF_RANGE));
}

impl Driven {
    /// How often a VMO is mapped.
    pub(super) fn mapping_count(&mut self, vmo: u64) -> u64 {
        use abi::AbiStruct;
        use abi::object::{InfoVmo, info};
        let buffer = self.scratch(0x2000);
        let args = [vmo, u64::from(info::VMO), buffer, InfoVmo::SIZE as u64];
        self.call(Sysno::object_get_info, &args).unwrap();
        let mut bytes = [0; InfoVmo::SIZE];
        let at = VirtAddr(self.scratch(0x2000));
        scenarios::System::peek(&mut self.program, at, &mut bytes);
        InfoVmo::get(&bytes).num_mappings
    }
}
