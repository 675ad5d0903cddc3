//! What the pages of `docs/syscalls` say about errors is what the calls do: every error on a page is provoked by some
//! scenario, and what a scenario provokes is on a page. Running out of memory is `failures`' business.

#[path = "../scenarios/limited.rs"]
mod limited;
mod pages;
#[path = "../scenarios/program.rs"]
mod program;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use abi::syscalls::{Kind, Returns};
use abi::vmo::{RangeOp, create};
use abi::{PAGE_SIZE, PhysRange, SYSCALLS, Status, Sysno, VirtAddr};
use hosted::Config;
use hosted::virt::Board;
use program::Program;
use scenarios::{SCENARIOS, System, agent};

/// Threads that run scenarios. Each has a board of its own.
const THREADS: usize = 4;

/// Every call with every status that it returned in some scenario.
fn provoked() -> BTreeSet<(usize, i32)> {
    let all = Mutex::new(BTreeSet::new());
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(scenario) = SCENARIOS.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut program = Program::start(Config::default());
                    // Whether it passes is told by the scenarios' own run.
                    let _outcome = scenario.run(&mut program);
                    all.lock().expect("no thread panics with it").extend(program.returned());
                }
            });
        }
    });
    let mut all = all.into_inner().expect("every thread has ended");
    all.extend(without_hooks());
    all.extend(after_discarding());
    all.extend(beyond_reach());
    all
}

/// What the hook for tests says where it is not there: every scenario's board was booted with `test`.
fn without_hooks() -> BTreeSet<(usize, i32)> {
    let config = Config::default();
    let files: [(&str, &[u8]); 1] = [(Program::AGENT_FILE, &agent::page())];
    let mut program = Program::on(Board::boot(config, &files, ""), config);
    program.call(Sysno::jacinth_translate, [0; 8]);
    program.returned()
}

/// What a lock of a VMO says whose pages were taken away because memory ran out.
fn after_discarding() -> BTreeSet<(usize, i32)> {
    let base = Config::default().ram.base();
    let ram = PhysRange::new(base, 8 << 20).expect("a small board's RAM");
    let mut program = Program::start(Config { ram, ..Config::default() });
    let (out, size) = (program.world().scratch.0, 16 * PAGE_SIZE);
    let make = |program: &mut Program, size: u64, options: u32| {
        assert_eq!(program.call(Sysno::vmo_create, [size, u64::from(options), out, 0, 0, 0, 0, 0]), 0);
        let mut handle = [0; 4];
        program.peek(VirtAddr(out), &mut handle);
        u64::from(u32::from_le_bytes(handle))
    };
    let kept = make(&mut program, size, create::DISCARDABLE);
    let hog = make(&mut program, 64 << 20, 0);
    let op = |program: &mut Program, vmo, op: RangeOp, at, size| {
        program.call(Sysno::vmo_op_range, [vmo, op as u64, at, size, out, 32, 0, 0])
    };
    op(&mut program, kept, RangeOp::Lock, 0, size);
    op(&mut program, kept, RangeOp::Commit, 0, size);
    op(&mut program, kept, RangeOp::Unlock, 0, size);
    let mut used = 0;
    while op(&mut program, hog, RangeOp::Commit, used, PAGE_SIZE) == 0 {
        used += PAGE_SIZE;
    }
    op(&mut program, kept, RangeOp::TryLock, 0, size);
    program.returned()
}

/// What a pin says of memory that the device does not reach.
fn beyond_reach() -> BTreeSet<(usize, i32)> {
    let (mut program, id) = limited::limited();
    assert!(limited::BUS > limited::WINDOW.0 + limited::WINDOW.1);
    let (world, out) = (program.world(), program.world().scratch.0);
    let mut making = |sysno: Sysno, args: [u64; 8]| {
        assert_eq!(program.call(sysno, args), 0);
        let mut handle = [0; 4];
        program.peek(VirtAddr(out), &mut handle);
        u64::from(u32::from_le_bytes(handle))
    };
    let iommu = making(Sysno::iommu_create, [u64::from(world.system_root), 0, 0, 0, out, 0, 0, 0]);
    let bti = making(Sysno::bti_create, [iommu, 0, id, out, 0, 0, 0, 0]);
    let window = [u64::from(world.mmio_root), world.flash.base().0, PAGE_SIZE, out, 0, 0, 0, 0];
    let vmo = making(Sysno::vmo_create_physical, window);
    program.call(Sysno::bti_pin, [bti, 1, vmo, 0, PAGE_SIZE, out, 1, out]);
    program.returned()
}

#[test]
fn every_error_of_a_page_is_provoked_and_no_other_is() {
    let pages = pages::errors();
    let provoked = provoked();
    let aside = [Status::OK.0, Status::NO_MEMORY.0];
    let mut wrong = Vec::new();
    for (number, call) in SYSCALLS.iter().enumerate() {
        let of_call = provoked.iter().filter(|(of, _)| *of == number).map(|(_, status)| *status);
        // What is above 0 is a number that the call gives.
        let of_call: BTreeSet<i32> = of_call.filter(|status| *status <= 0).collect();
        // What is listed and not built answers NOT_SUPPORTED and nothing else. The vDSO's own code is built, and what of
        // it ends a thread is called by the tests in C.
        let says_nothing =
            matches!(call.kind, Kind::NoReturn | Kind::VdsoOnly) || call.returns != Returns::Status;
        let is_built = says_nothing || of_call.iter().any(|it| *it != Status::NOT_SUPPORTED.0);
        let Some(page) = pages.get(&number) else {
            if is_built {
                wrong.push(format!("zx_{} is built and has no page", call.name));
            }
            continue;
        };
        if !is_built {
            wrong.push(format!("zx_{} has a page and is not built", call.name));
            continue;
        }
        for status in page.difference(&of_call).filter(|it| !aside.contains(it)) {
            wrong.push(format!(
                "{} is on the page, and no scenario provokes it",
                pages::told(number, *status)
            ));
        }
        for status in of_call.difference(page).filter(|it| !aside.contains(it)) {
            wrong.push(format!("{} is returned, and not on the page", pages::told(number, *status)));
        }
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}
