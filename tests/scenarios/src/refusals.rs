//! Refusals that are no family's own, so that each error on a page of `docs/syscalls` is one that a scenario has seen.

use abi::Sysno;
use abi::log::WRITE_DEFMT;
use abi::object::thread_state;
use abi::policy::{ABSOLUTE, topic};
use abi::resource::system;
use abi::time::INFINITE;
use abi::vmar::{PERM_READ, PERM_WRITE};

use crate::agent::{Arg, Step};
use crate::check::{ok, refused, same};
use crate::resources::unit;
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "REF-J01" wrong_types "each call takes its own type of object only";
    "REF-J02" log_refused "the log is opened by who holds DEBUGLOG, and takes no unknown options";
    "REF-J03" probe_refused "the attribute probe is for who holds DEBUG";
    "REF-J04" full_channel "a channel with 3500 messages takes no more";
    "REF-J05" bad_outputs "a size or a handle that cannot be written is refused";
    "REF-J06" no_options "a yield has no options";
    "REF-J08" memory_beyond "of a mapping what its VMO does not have can be neither read nor written from outside";
    "REF-J07" port_gone "who waits at a port is told when its last handle closes";
}

fn wrong_types(env: &mut Env<'_>) -> Outcome {
    let event = ok!(env.making(Sysno::event_create, &[0]));
    let other = u64::from(event);
    let (process, thread) = (u64::from(env.world.process), u64::from(env.world.thread));
    let at = env.own().0;
    let calls: [(Sysno, &[u64]); 13] = [
        (Sysno::channel_read, &[other, 0, at, at, 0, 0, 0, 0]),
        (Sysno::channel_write, &[other, 0, at, 0, at, 0]),
        (Sysno::debuglog_write, &[other, 0, at, 1]),
        (Sysno::job_set_policy, &[other, u64::from(ABSOLUTE), u64::from(topic::BASIC_V1), at, 1]),
        (Sysno::process_start, &[other, thread, 0, 0, 0, 0]),
        (Sysno::process_start, &[process, other, 0, 0, 0, 0]),
        (Sysno::thread_start, &[other, 0, 0, 0, 0]),
        (Sysno::vmar_protect, &[other, 0, P, P]),
        (Sysno::vmar_unmap, &[other, P, P]),
        (Sysno::vmo_get_size, &[other, at]),
        (Sysno::vmo_get_stream_size, &[other, at]),
        (Sysno::vmo_read, &[other, at, 0, 1]),
        (Sysno::vmo_write, &[other, at, 0, 1]),
    ];
    for (sysno, args) in calls {
        same!((sysno.line().name, env.raw(sysno, args)), (sysno.line().name, Err(abi::Status::WRONG_TYPE)));
    }
    Ok(())
}

fn log_refused(env: &mut Env<'_>) -> Outcome {
    const READABLE: u64 = 0x4000_0000;
    let (right, wrong) = (ok!(unit(env, system::DEBUGLOG)), ok!(unit(env, system::DEBUG)));
    let log = ok!(env.making(Sysno::debuglog_create, &[u64::from(right), 0]));
    refused!(env.making(Sysno::debuglog_create, &[u64::from(wrong), 0]), WRONG_TYPE);
    refused!(env.making(Sysno::debuglog_create, &[u64::from(env.world.mmio_root), 0]), WRONG_TYPE);
    refused!(env.making(Sysno::debuglog_create, &[0, 0]), BAD_HANDLE);
    refused!(env.making(Sysno::debuglog_create, &[u64::from(right), READABLE | 1]), INVALID_ARGS);
    refused!(env.making(Sysno::debuglog_create, &[u64::from(right), 2]), INVALID_ARGS);
    let text = env.input(b"x");
    refused!(env.raw(Sysno::debuglog_write, &[u64::from(log), 2, text, 1]), INVALID_ARGS);
    // A frame has four bytes of a build id at least.
    refused!(
        env.raw(Sysno::debuglog_write, &[u64::from(log), u64::from(WRITE_DEFMT), text, 1]),
        INVALID_ARGS
    );
    for pointer in env.bad_pointers() {
        refused!(env.raw(Sysno::debuglog_create, &[u64::from(right), 0, pointer]), INVALID_ARGS);
        refused!(env.raw(Sysno::debuglog_write, &[u64::from(log), 0, pointer, 8]), INVALID_ARGS);
    }
    Ok(())
}

fn probe_refused(env: &mut Env<'_>) -> Outcome {
    let (right, wrong) = (ok!(unit(env, system::DEBUG)), ok!(unit(env, system::INFO)));
    let (at, out) = (env.own().0, env.out(0));
    ok!(env.raw(Sysno::jacinth_translate, &[u64::from(right), at, 0, out]));
    refused!(env.raw(Sysno::jacinth_translate, &[u64::from(wrong), at, 0, out]), OUT_OF_RANGE);
    refused!(env.raw(Sysno::jacinth_translate, &[u64::from(right), at, 2, out]), INVALID_ARGS);
    refused!(env.raw(Sysno::jacinth_translate, &[u64::from(env.world.irq_root), at, 0, out]), WRONG_TYPE);
    refused!(env.raw(Sysno::jacinth_translate, &[0, at, 0, out]), BAD_HANDLE);
    Ok(())
}

fn full_channel(env: &mut Env<'_>) -> Outcome {
    let (near, far) = ok!(env.channel());
    for _ in 0..3500 {
        ok!(env.channel_write(near, b"", &[]));
    }
    refused!(env.channel_write(near, b"", &[]), SHOULD_WAIT);
    ok!(env.channel_read(far));
    ok!(env.channel_write(near, b"", &[]));
    refused!(env.channel_write(near, b"", &[]), SHOULD_WAIT);
    // The other direction has a queue of its own.
    ok!(env.channel_write(far, b"", &[]));
    Ok(())
}

fn bad_outputs(env: &mut Env<'_>) -> Outcome {
    for pointer in env.bad_pointers() {
        let vmo = ok!(env.vmo_create(P, 0));
        refused!(env.raw(Sysno::vmo_get_size, &[u64::from(vmo), pointer]), INVALID_ARGS);
        // The handle is gone nevertheless.
        env.forget(vmo);
        refused!(env.raw(Sysno::vmo_replace_as_executable, &[u64::from(vmo), 0, pointer]), INVALID_ARGS);
        refused!(env.close(vmo), BAD_HANDLE);
    }
    Ok(())
}

fn no_options(env: &mut Env<'_>) -> Outcome {
    ok!(env.raw(Sysno::thread_legacy_yield, &[0]));
    refused!(env.raw(Sysno::thread_legacy_yield, &[1]), INVALID_ARGS);
    Ok(())
}

fn port_gone(env: &mut Env<'_>) -> Outcome {
    let port = ok!(env.making(Sysno::port_create, &[0]));
    let task = ok!(env.new_thread(b"waiter"));
    let wait = [Arg::Is(u64::from(port)), Arg::Is(INFINITE as u64), Arg::Is(0)];
    ok!(env.set_script(&task, &[Step::call(Sysno::port_wait, &wait), Step::call(Sysno::thread_exit, &[])]));
    ok!(env.start_thread(&task));
    let _in_vain = env.wait_for_state(task.thread, thread_state::BLOCKED_PORT);
    ok!(env.close(port));
    ok!(env.wait_for_end(task.thread));
    refused!(env.step_status(&task, 0), CANCELED);
    Ok(())
}

fn memory_beyond(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    let at = ok!(env.map(vmo, PERM_READ | PERM_WRITE, 2 * P));
    let (process, buffer, actual) = (u64::from(env.world.process), env.own().0, env.out(1));
    for sysno in [Sysno::process_read_memory, Sysno::process_write_memory] {
        ok!(env.raw(sysno, &[process, at.0 + P - 4, buffer, 8, actual]));
        same!(env.out_u64(1), 4);
        refused!(env.raw(sysno, &[process, at.0 + P, buffer, 8, actual]), OUT_OF_RANGE);
    }
    Ok(())
}
