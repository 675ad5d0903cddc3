//! Programs that do what they may not. Each dies alone, and whoever started it goes on.

use abi::object::task_retcode::EXCEPTION_KILL;
use abi::vmar::{PERM_EXECUTE, PERM_READ, PERM_WRITE, USER_END};
use abi::vmo::CachePolicy;
use abi::{SYSCALLS, Sysno};

use crate::agent::{Arg, DATA, Do, Step};
use crate::check::{ok, refused, same, truth};
use crate::children::Task;
use crate::env::Result;
use crate::physical_ops::{program, registers};
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "HND-026" bad_numbers "a number that names no call ends the process";
    "FLT-J01" kernel_addresses "touching a kernel address ends the process";
    "FLT-J02" holes "touching what is not mapped ends the process";
    "FLT-J03" read_only "writing a read-only page ends the process";
    "FLT-J04" no_execute "executing a page that is not executable ends the process";
    "FLT-J05" device_execute "executing a device's page ends the process";
    "FLT-J06" external_abort "a device that does not answer ends the process";
    "FLT-J07" undefined "an undefined instruction ends the process";
    "FLT-J08" bare_svc "a system call from outside the vDSO ends the process";
    "FLT-J09" wrong_svc "a system call from another call's place in the vDSO ends the process";
    "FLT-J10" unaligned_device "an unaligned access to Device memory ends the process";
    "FLT-J11" unmapped_later "what was unmapped under a process is gone for it";
    "FLT-J12" protected_later "what was made read-only under a process is so for it";
    "FLT-J13" siblings_live "the others go on when one process dies";
    "FLT-J14" unaligned_pc "jumping to an address that is no instruction's ends the process";
    "FLT-J15" floats "floating point is there for whoever uses it";
    "FLT-J16" read_only_device "writing a device's page that is mapped read-only ends the process";
    "FLT-J17" debug_channel "reaching for the debug communication channel ends the process";
}

/// Runs a process through one step; it must die of it.
fn dies(env: &mut Env<'_>, step: Step) -> Outcome {
    let task = ok!(env.new_process(b"trespasser"));
    dies_prepared(env, &task, step)
}

/// Runs a process that was made through one step; it must die of it.
fn dies_prepared(env: &mut Env<'_>, task: &Task, step: Step) -> Outcome {
    // A status of its own would show that it lived on.
    same!(ok!(env.run_prepared(task, &[step, Step::exit(77)])), EXCEPTION_KILL);
    // The survivor's calls still work.
    let vmo = ok!(env.vmo_create(P, 0));
    ok!(env.close(vmo));
    Ok(())
}

fn at(address: u64) -> [Arg; 1] {
    [Arg::Is(address)]
}

/// A process with the register window mapped, and where.
fn with_registers(env: &mut Env<'_>, permissions: u32) -> Result<(Task, u64)> {
    let vmo = registers(env)?;
    let task = env.new_process(b"driver")?;
    let address = env.vmar_map(task.vmar, permissions, 0, vmo, 0, P)?;
    Ok((task, address.0))
}

fn bad_numbers(env: &mut Env<'_>) -> Outcome {
    let last = SYSCALLS.len() as u64;
    // From a place that is approved for a call, with a number that is not.
    for number in [last, 1 << 31, 1 << 32, u64::MAX, 0xF00D] {
        let mut step = Step::new(Do::Jump, &[Arg::Svc(Sysno::handle_close)]);
        step.x16 = number;
        dies(env, step)?;
    }
    Ok(())
}

fn kernel_addresses(env: &mut Env<'_>) -> Outcome {
    for address in [0xFFFF_0000_4000_0000, 0xFFFF_FFFF_8000_0000, 0xFFFF_0000_0000_0000, u64::MAX - 3] {
        for action in [Do::Load, Do::Store, Do::Jump] {
            if action == Do::Jump && address % 4 != 0 {
                continue;
            }
            dies(env, Step::new(action, &at(address)))?;
        }
    }
    Ok(())
}

fn holes(env: &mut Env<'_>) -> Outcome {
    for address in [0, P, USER_END, 1 << 48, 0x7FFF_FFFF_F000, 0x8000_0000_0000_0000] {
        dies(env, Step::new(Do::Load, &at(address)))?;
    }
    dies(env, Step::new(Do::Store, &at(8)))?;
    dies(env, Step::new(Do::Jump, &at(0)))
}

fn read_only(env: &mut Env<'_>) -> Outcome {
    let task = ok!(env.new_process(b"scribbler"));
    let vmo = ok!(env.vmo_create(P, 0));
    let address = ok!(env.vmar_map(task.vmar, PERM_READ, 0, vmo, 0, P));
    dies_prepared(env, &task, Step::new(Do::Store, &[Arg::Is(address.0), Arg::Is(1)]))?;
    same!(ok!(env.vmo_read(vmo, 0, 4)), [0; 4]);
    Ok(())
}

fn no_execute(env: &mut Env<'_>) -> Outcome {
    let task = ok!(env.new_process(b"jumper"));
    let vmo = ok!(env.vmo_create(P, 0));
    ok!(env.vmo_write(vmo, 0, &crate::agent::RET.to_le_bytes()));
    let address = ok!(env.vmar_map(task.vmar, PERM_READ | PERM_WRITE, 0, vmo, 0, P));
    dies_prepared(env, &task, Step::new(Do::Jump, &at(address.0)))
}

fn device_execute(env: &mut Env<'_>) -> Outcome {
    let (task, address) = ok!(with_registers(env, PERM_READ));
    dies_prepared(env, &task, Step::new(Do::Jump, &at(address)))
}

fn external_abort(env: &mut Env<'_>) -> Outcome {
    for action in [Do::Load, Do::Store] {
        let hole = env.world.hole.0;
        let vmo = ok!(env.create_physical(env.world.mmio_root, hole, P));
        let task = ok!(env.new_process(b"lonely"));
        let address = ok!(env.vmar_map(task.vmar, PERM_READ | PERM_WRITE, 0, vmo, 0, P));
        dies_prepared(env, &task, Step::new(action, &at(address.0)))?;
    }
    Ok(())
}

fn undefined(env: &mut Env<'_>) -> Outcome {
    dies(env, Step::new(Do::Undefined, &[]))
}

fn debug_channel(env: &mut Env<'_>) -> Outcome {
    dies(env, Step::new(Do::DebugChannel, &[]))
}

fn bare_svc(env: &mut Env<'_>) -> Outcome {
    for number in [Sysno::handle_close as u64, Sysno::process_exit as u64, u64::MAX] {
        let mut step = Step::new(Do::Svc, &at(0));
        step.x16 = number;
        dies(env, step)?;
    }
    Ok(())
}

fn wrong_svc(env: &mut Env<'_>) -> Outcome {
    let mut step = Step::new(Do::Jump, &[Arg::Svc(Sysno::handle_close)]);
    step.x16 = Sysno::handle_duplicate as u64;
    dies(env, step)
}

fn unaligned_device(env: &mut Env<'_>) -> Outcome {
    let (task, address) = ok!(with_registers(env, PERM_READ | PERM_WRITE));
    let code = ok!(env.run_prepared(&task, &[Step::new(Do::Load, &at(address + 1)), Step::exit(77)]));
    // An emulator that lets the access pass must let the process pass too.
    truth!(code == EXCEPTION_KILL || (code == 77 && !env.world.checks_alignment));
    Ok(())
}

/// A process that touches a page of its own, says so, waits, and touches it again; something happens meanwhile.
fn meanwhile(env: &mut Env<'_>, action: Do, change: fn(&mut Env<'_>, &Task, u64) -> Result) -> Outcome {
    let task = ok!(env.new_process(b"sleeper"));
    let (near, far) = ok!(env.channel());
    let vmo = ok!(env.vmo_create(P, 0));
    let address = ok!(env.vmar_map(task.vmar, PERM_READ | PERM_WRITE, 0, vmo, 0, P));
    let tell = [Arg::Is(0), Arg::Is(0), Arg::Script(DATA), Arg::Is(1)];
    let wait = [
        Arg::Is(0),
        Arg::Is(u64::from(abi::Signals::READABLE.0)),
        Arg::Is(abi::time::INFINITE as u64),
        Arg::Is(0),
    ];
    let touch = Step::new(action, &at(address.0));
    let steps = [
        touch,
        Step::give_handle(3),
        Step::give_handle(4),
        Step::call(Sysno::channel_write, &tell),
        Step::call(Sysno::object_wait_one, &wait),
        touch,
        Step::exit(77),
    ];
    ok!(env.set_script(&task, &steps));
    ok!(env.start_process(&task, far));
    let late = env.in_the_future(5_000_000_000);
    ok!(env.wait(near, abi::Signals::READABLE, late).0);
    ok!(change(env, &task, address.0));
    ok!(env.channel_write(near, b"on", &[]));
    same!(ok!(env.finish(&task)), EXCEPTION_KILL);
    Ok(())
}

fn unmapped_later(env: &mut Env<'_>) -> Outcome {
    meanwhile(env, Do::Load, |env, task, address| {
        env.raw(Sysno::vmar_unmap, &[u64::from(task.vmar), address, P])
    })
}

fn protected_later(env: &mut Env<'_>) -> Outcome {
    meanwhile(env, Do::Store, |env, task, address| {
        env.raw(Sysno::vmar_protect, &[u64::from(task.vmar), u64::from(PERM_READ), address, P])
    })
}

fn siblings_live(env: &mut Env<'_>) -> Outcome {
    let (near, far) = ok!(env.channel());
    let survivor = ok!(env.new_process(b"survivor"));
    let wait = [
        Arg::Is(0),
        Arg::Is(u64::from(abi::Signals::READABLE.0)),
        Arg::Is(abi::time::INFINITE as u64),
        Arg::Is(0),
    ];
    let steps = [Step::give_handle(1), Step::call(Sysno::object_wait_one, &wait), Step::exit(9)];
    ok!(env.set_script(&survivor, &steps));
    ok!(env.start_process(&survivor, far));
    dies(env, Step::new(Do::Store, &at(0)))?;
    ok!(env.channel_write(near, b"on", &[]));
    same!(ok!(env.finish(&survivor)), 9);
    Ok(())
}

fn unaligned_pc(env: &mut Env<'_>) -> Outcome {
    dies(env, Step::new(Do::Jump, &at(0x100_0002)))
}

fn floats(env: &mut Env<'_>) -> Outcome {
    let float = Step::new(Do::Float, &[Arg::Is(0x3FF0_0000_0000_0000)]);
    same!(ok!(env.run_process(&[float, float, Step::exit(6)])), 6);
    Ok(())
}

fn read_only_device(env: &mut Env<'_>) -> Outcome {
    let (task, address) = ok!(with_registers(env, PERM_READ));
    dies_prepared(env, &task, Step::new(Do::Store, &[Arg::Is(address + 4), Arg::Is(1)]))?;
    // The same for flash that is executed where it lies.
    let writable = ok!(crate::physical_ops::flash(env, 1, CachePolicy::UncachedDevice));
    let mapped = ok!(env.map(writable, PERM_READ | PERM_WRITE, P));
    program(env, mapped, crate::agent::RET);
    ok!(env.unmap(mapped, P));
    let code = ok!(crate::physical_ops::flash(env, 1, CachePolicy::Cached));
    let task = ok!(env.new_process(b"patcher"));
    let address = ok!(env.vmar_map(task.vmar, PERM_READ | PERM_EXECUTE, 0, code, 0, P));
    let run = Step::new(Do::Jump, &at(address.0));
    let patch = Step::new(Do::Store, &at(address.0));
    same!(ok!(env.run_prepared(&task, &[run, patch, Step::exit(77)])), EXCEPTION_KILL);
    same!(ok!(env.step_result(&task, 0)), address.0);
    refused!(env.protect(mapped, P, PERM_READ), NOT_FOUND);
    Ok(())
}
