//! Events, user signals, futexes, and the small calls beside them.

use alloc::vec::Vec;

use abi::object::property;
use abi::resource::system;
use abi::time::{INFINITE, INFINITE_PAST};
use abi::vmar::{PERM_EXECUTE, PERM_READ};
use abi::{Handle, ObjectType, Rights, Signals, Sysno, VirtAddr};

use crate::agent::{Arg, Step};
use crate::check::{ok, refused, same, truth};
use crate::children::{Task, patiently};
use crate::env::Result;
use crate::physical_ops::registers;
use crate::resources::unit;
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "PCH-020" user_signal_on_vmo "a user signal stands beside a VMO's own";
    "PHO-016" physical_executable "EXECUTE can be added to a physical VMO's handle";
    "RES-037" ambient_executable "the job's policy lets VMOs be made executable";
    "RES-038" vmex_of_wrong_type "what makes VMOs executable is the resource for that, and the source is gone";
    "HND-001" close_many "many handles are closed at once, and their peers told";
    "HND-002" close_many_zeros "zeros in a list of handles count for nothing";
    "IPC-019" futex_wait "a futex wait is refused in each of its ways";
    "IPC-020" futex_wake "as many waiters wake as were asked for";
    "EVT-J01" new_event "a new event is not signalled and has its default rights";
    "EVT-J02" signalling "an event is signalled and cleared, the clearing first";
    "EVT-J03" masks "only an event's holder may set SIGNALED, and only user signals are anybody's";
    "EVT-J04" wakes_waiter "a signal wakes who waits for it";
    "EVT-J05" signal_needs_signal "signalling needs SIGNAL";
    "EVT-J06" close_many_bad "every good handle is closed though others are bad";
    "EVT-J07" random "random bytes differ, and a bad buffer is refused";
    "EVT-J08" check_valid "a value is a handle or not";
    "EVT-J09" vdso_base "a process tells where its vDSO is";
    "EVT-J10" executable_paged "code that was written to memory is executed";
    "EVT-J11" futex_private "a futex is the process's own";
}

/// `zx_event_create`.
fn event(env: &mut Env<'_>) -> Result<Handle> {
    env.making(Sysno::event_create, &[0])
}

/// `zx_object_signal`.
fn signal(env: &mut Env<'_>, handle: Handle, clear: Signals, set: Signals) -> Result {
    env.raw(Sysno::object_signal, &[u64::from(handle), u64::from(clear.0), u64::from(set.0)])
}

/// `zx_vmo_replace_as_executable`.
fn make_executable(env: &mut Env<'_>, vmo: Handle, vmex: Handle) -> Result<Handle> {
    env.forget(vmo);
    env.making(Sysno::vmo_replace_as_executable, &[u64::from(vmo), u64::from(vmex)])
}

fn user_signal_on_vmo(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    ok!(signal(env, vmo, Signals::NONE, Signals::user(0)));
    let (outcome, observed) = env.wait(vmo, Signals::user(0), INFINITE);
    ok!(outcome);
    same!(observed, Signals::user(0) | Signals::VMO_ZERO_CHILDREN);
    Ok(())
}

fn physical_executable(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    let plain = ok!(env.replace(vmo, Rights::DEFAULT_VMO));
    let vmex = env.world.system_root;
    let code = ok!(make_executable(env, plain, vmex));
    same!(ok!(env.rights(code)), Rights::DEFAULT_VMO_PHYSICAL);
    refused!(env.valid(plain), BAD_HANDLE);
    // The right is there; Device memory is not executed all the same.
    refused!(env.map(code, PERM_READ | PERM_EXECUTE, P), ACCESS_DENIED);
    Ok(())
}

fn ambient_executable(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    let code = ok!(make_executable(env, vmo, 0));
    same!(ok!(env.rights(code)), Rights::DEFAULT_VMO | Rights::EXECUTE);
    Ok(())
}

fn vmex_of_wrong_type(env: &mut Env<'_>) -> Outcome {
    let other = ok!(env.vmo_create(P, 0));
    for vmex in [other, env.world.mmio_root] {
        let vmo = ok!(env.vmo_create(P, 0));
        refused!(make_executable(env, vmo, vmex), WRONG_TYPE);
        refused!(env.valid(vmo), BAD_HANDLE);
    }
    let service = ok!(unit(env, system::DEBUGLOG));
    let vmo = ok!(env.vmo_create(P, 0));
    refused!(make_executable(env, vmo, service), WRONG_TYPE);
    refused!(env.valid(vmo), BAD_HANDLE);
    let service = ok!(unit(env, system::VMEX));
    let vmo = ok!(env.vmo_create(P, 0));
    ok!(make_executable(env, vmo, service));
    Ok(())
}

/// `zx_handle_close_many`.
fn close_list(env: &mut Env<'_>, handles: &[Handle]) -> Result {
    let bytes: alloc::vec::Vec<u8> = handles.iter().flat_map(|handle| handle.to_le_bytes()).collect();
    let list = env.input(&bytes);
    handles.iter().for_each(|handle| env.forget(*handle));
    env.raw(Sysno::handle_close_many, &[list, handles.len() as u64])
}

fn close_many(env: &mut Env<'_>) -> Outcome {
    let mut near = [0; 4];
    let mut far = [0; 4];
    for (near, far) in near.iter_mut().zip(&mut far) {
        (*near, *far) = ok!(env.channel());
    }
    ok!(close_list(env, &near));
    let soon = env.in_the_future(1_000_000_000);
    for far in far {
        ok!(env.wait(far, Signals::PEER_CLOSED, soon).0);
    }
    Ok(())
}

fn close_many_zeros(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    ok!(close_list(env, &[0, vmo, 0]));
    refused!(env.valid(vmo), BAD_HANDLE);
    ok!(close_list(env, &[]));
    Ok(())
}

fn close_many_bad(env: &mut Env<'_>) -> Outcome {
    let (first, second) = (ok!(env.vmo_create(P, 0)), ok!(env.vmo_create(P, 0)));
    refused!(close_list(env, &[first, 3, second, first]), BAD_HANDLE);
    refused!(env.valid(first), BAD_HANDLE);
    refused!(env.valid(second), BAD_HANDLE);
    for pointer in env.bad_pointers() {
        refused!(env.raw(Sysno::handle_close_many, &[pointer, 4]), INVALID_ARGS);
    }
    Ok(())
}

fn futex_wait(env: &mut Env<'_>) -> Outcome {
    let word = env.own();
    env.poke_u64(word, 5);
    let soon = env.in_the_future(2_000_000) as u64;
    let mut wait = |at, value| env.raw(Sysno::futex_wait, &[at, value, 0, soon]);
    let (mismatch, timeout) = (wait(word.0, 4), wait(word.0, 5));
    let (null, misaligned) = (wait(0, 0), wait(word.0 + 2, 0));
    refused!(mismatch, BAD_STATE);
    refused!(timeout, TIMED_OUT);
    refused!(null, INVALID_ARGS);
    refused!(misaligned, INVALID_ARGS);
    refused!(env.raw(Sysno::futex_wait, &[word.0, 5, 3, soon]), BAD_HANDLE);
    // The value is looked at before the owner.
    refused!(env.raw(Sysno::futex_wait, &[word.0, 4, 3, soon]), BAD_STATE);
    refused!(env.raw(Sysno::futex_wait, &[word.0, 5, u64::from(env.world.job), soon]), WRONG_TYPE);
    refused!(env.raw(Sysno::futex_wait, &[word.0, 5, u64::from(env.world.thread), soon]), INVALID_ARGS);
    Ok(())
}

/// Threads that wait on the futex at `word`, `pause` nanoseconds after they were started.
fn futex_waiters(env: &mut Env<'_>, word: VirtAddr, count: usize, pause: i64) -> Result<Vec<Task>> {
    let mut tasks = Vec::new();
    let wait = [Arg::Is(word.0), Arg::Is(1), Arg::Is(0), Arg::Is(INFINITE as u64)];
    for _ in 0..count {
        let task = env.new_thread(b"waiter")?;
        let steps = [Step::call(Sysno::futex_wait, &wait), Step::call(Sysno::thread_exit, &[])];
        env.set_script(&task, &steps)?;
        env.start_thread(&task)?;
        tasks.push(task);
    }
    env.pause(pause)?;
    Ok(tasks)
}

/// How many of these threads have ended `pause` nanoseconds from now.
fn ended(env: &mut Env<'_>, tasks: &[Task], pause: i64) -> Result<usize> {
    env.pause(pause)?;
    let mut count = 0;
    for task in tasks {
        count += usize::from(env.signals(task.thread)?.intersects(Signals::TASK_TERMINATED));
    }
    Ok(count)
}

/// Wakes all that wait at `word`, until these threads have ended.
fn wake_rest(env: &mut Env<'_>, word: VirtAddr, tasks: &[Task]) -> Result {
    // Who has not come to its wait yet finds another value.
    env.poke_u64(word, 0);
    env.raw(Sysno::futex_wake, &[word.0, u64::from(u32::MAX)])?;
    tasks.iter().try_for_each(|task| env.wait_for_end(task.thread))
}

fn futex_wake(env: &mut Env<'_>) -> Outcome {
    let word = env.own();
    patiently(env, |env, pause| {
        env.poke_u64(word, 1);
        let tasks = ok!(futex_waiters(env, word, 4, pause));
        let (mut expected, mut came) = (0, true);
        same!(ok!(ended(env, &tasks, 0)), expected);
        for count in [1, 2, 9] {
            ok!(env.raw(Sysno::futex_wake, &[word.0, count]));
            expected = (expected + count as usize).min(4);
            let ended = ok!(ended(env, &tasks, pause));
            truth!(ended <= expected);
            came &= ended == expected;
        }
        ok!(wake_rest(env, word, &tasks));
        if came {
            for task in &tasks {
                ok!(env.step_status(task, 0));
            }
        }
        Ok(came)
    })?;
    ok!(env.raw(Sysno::futex_wake, &[word.0, 1]));
    refused!(env.raw(Sysno::futex_wake, &[word.0 + 1, 1]), INVALID_ARGS);
    Ok(())
}

fn futex_private(env: &mut Env<'_>) -> Outcome {
    let word = env.own();
    patiently(env, |env, pause| {
        env.poke_u64(word, 1);
        let tasks = ok!(futex_waiters(env, word, 1, pause));
        // The same number is another futex in another process.
        let wake = Step::call(Sysno::futex_wake, &[Arg::Is(word.0), Arg::Is(9)]);
        same!(ok!(env.run_process(&[wake, Step::exit(0)])), 0);
        same!(ok!(ended(env, &tasks, pause)), 0);
        ok!(env.raw(Sysno::futex_wake, &[word.0, 1]));
        let came = ok!(ended(env, &tasks, pause)) == 1;
        ok!(wake_rest(env, word, &tasks));
        Ok(came)
    })
}

fn new_event(env: &mut Env<'_>) -> Outcome {
    let event = ok!(event(env));
    let basic = ok!(env.basic(event));
    same!((basic.object_type, basic.rights), (ObjectType::Event as u32, Rights::DEFAULT_EVENT.0));
    same!(basic.related_koid, 0);
    same!(ok!(env.signals(event)), Signals::NONE);
    let own = env.own().0;
    refused!(env.raw(Sysno::event_create, &[1, own]), INVALID_ARGS);
    for pointer in env.bad_pointers() {
        refused!(env.raw(Sysno::event_create, &[0, pointer]), INVALID_ARGS);
    }
    refused!(env.create_physical(event, env.world.registers.base().0, P), WRONG_TYPE);
    Ok(())
}

fn signalling(env: &mut Env<'_>) -> Outcome {
    let event = ok!(event(env));
    ok!(signal(env, event, Signals::NONE, Signals::SIGNALED | Signals::user(3)));
    same!(ok!(env.signals(event)), Signals::SIGNALED | Signals::user(3));
    ok!(signal(env, event, Signals::user(3), Signals::NONE));
    same!(ok!(env.signals(event)), Signals::SIGNALED);
    ok!(signal(env, event, Signals::SIGNALED, Signals::SIGNALED));
    same!(ok!(env.signals(event)), Signals::SIGNALED);
    Ok(())
}

fn masks(env: &mut Env<'_>) -> Outcome {
    let event = ok!(event(env));
    let (channel, _peer) = ok!(env.channel());
    refused!(signal(env, event, Signals::NONE, Signals::READABLE), INVALID_ARGS);
    refused!(signal(env, event, Signals::HANDLE_CLOSED, Signals::NONE), INVALID_ARGS);
    refused!(signal(env, channel, Signals::NONE, Signals::SIGNALED), INVALID_ARGS);
    refused!(signal(env, channel, Signals::WRITABLE, Signals::NONE), INVALID_ARGS);
    ok!(signal(env, channel, Signals::NONE, Signals::USER_ALL));
    same!(ok!(env.signals(channel)), Signals::WRITABLE | Signals::USER_ALL);
    Ok(())
}

fn wakes_waiter(env: &mut Env<'_>) -> Outcome {
    let event = ok!(event(env));
    let task = ok!(env.new_thread(b"signaller"));
    let set = [Arg::Is(u64::from(event)), Arg::Is(0), Arg::Is(u64::from(Signals::user(1).0))];
    let steps = [Step::call(Sysno::object_signal, &set), Step::call(Sysno::thread_exit, &[])];
    ok!(env.set_script(&task, &steps));
    ok!(env.start_thread(&task));
    let (outcome, observed) = env.wait(event, Signals::user(1), INFINITE);
    ok!(outcome);
    same!(observed, Signals::user(1));
    refused!(env.wait(event, Signals::SIGNALED, INFINITE_PAST).0, TIMED_OUT);
    ok!(env.wait_for_end(task.thread));
    Ok(())
}

fn signal_needs_signal(env: &mut Env<'_>) -> Outcome {
    let event = ok!(event(env));
    let poor = ok!(env.duplicate(event, Rights::BASIC));
    refused!(signal(env, poor, Signals::NONE, Signals::SIGNALED), ACCESS_DENIED);
    // The right is looked at before the mask.
    refused!(signal(env, poor, Signals::NONE, Signals::READABLE), ACCESS_DENIED);
    refused!(signal(env, 0, Signals::NONE, Signals::NONE), BAD_HANDLE);
    Ok(())
}

fn random(env: &mut Env<'_>) -> Outcome {
    let own = env.own();
    ok!(env.raw(Sysno::cprng_draw_once, &[own.0, 16]));
    let first = env.peek_u64(own);
    truth!(first != env.peek_u64(VirtAddr(own.0 + 8)));
    ok!(env.raw(Sysno::cprng_draw_once, &[own.0, 16]));
    truth!(first != env.peek_u64(own));
    // What programs call has no status; a long draw is one call of theirs.
    let last = VirtAddr(own.0 + 4096 - 8);
    env.poke_u64(last, 0);
    env.system.call(Sysno::cprng_draw, [own.0, 4096, 0, 0, 0, 0, 0, 0]);
    truth!(env.peek_u64(last) != 0 && env.peek_u64(last) != env.peek_u64(own));
    for pointer in env.bad_pointers() {
        refused!(env.raw(Sysno::cprng_draw_once, &[pointer, 8]), INVALID_ARGS);
    }
    Ok(())
}

fn check_valid(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    ok!(env.raw(Sysno::handle_check_valid, &[u64::from(vmo)]));
    refused!(env.raw(Sysno::handle_check_valid, &[0]), BAD_HANDLE);
    ok!(env.close(vmo));
    refused!(env.raw(Sysno::handle_check_valid, &[u64::from(vmo)]), BAD_HANDLE);
    Ok(())
}

fn vdso_base(env: &mut Env<'_>) -> Outcome {
    let (process, own) = (u64::from(env.world.process), env.own());
    let property = u64::from(property::PROCESS_VDSO_BASE_ADDRESS);
    ok!(env.raw(Sysno::object_get_property, &[process, property, own.0, 8]));
    same!(env.peek_u64(own), env.world.vdso_base.0);
    truth!(env.raw(Sysno::object_set_property, &[process, property, own.0, 8]).is_err());
    Ok(())
}

fn executable_paged(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    ok!(env.vmo_write(vmo, 64, &crate::agent::RET.to_le_bytes()));
    refused!(env.map(vmo, PERM_READ | PERM_EXECUTE, P), ACCESS_DENIED);
    let code = ok!(make_executable(env, vmo, env.world.system_root));
    let at = ok!(env.map(code, PERM_READ | PERM_EXECUTE, P));
    env.system.execute(VirtAddr(at.0 + 64));
    Ok(())
}
