//! `zx_object_wait_many`.

use alloc::vec::Vec;

use abi::layout::AbiStruct;
use abi::object::thread_state;
use abi::port::{WAIT_MANY_MAX_ITEMS, WaitItem};
use abi::time::{INFINITE, INFINITE_PAST};
use abi::{Handle, Rights, Signals, Sysno};

use crate::agent::{Arg, DATA, Step};
use crate::check::{ok, refused, same, truth};
use crate::env::Result;
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "HND-016" too_many_items "sixty-five items are too many";
    "HND-017" bad_item "a bad item ends the wait before it begins";
    "HND-J17" many_satisfied "a wait for many ends with the first, and tells what all have";
    "HND-J18" many_in_vain "a wait for many that ends in vain tells what all have";
    "HND-J19" no_items "a wait for nothing is a sleep";
    "HND-J20" bad_list "a list that cannot be read or written is refused";
    "HND-J21" many_woken "a signal of any of sixty-four objects ends the wait";
    "HND-J22" many_closed "closing any of its handles cancels a wait for many";
    "HND-J23" many_sent "sending any of its handles away cancels a wait for many";
    "HND-J24" many_killed "a thread that waits for many can be killed";
}

fn item(handle: Handle, waitfor: Signals) -> WaitItem {
    WaitItem { handle, waitfor: waitfor.0, pending: 0xEEEE_EEEE }
}

fn bytes_of(items: &[WaitItem]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for item in items {
        let mut raw = [0; WaitItem::SIZE];
        item.put(&mut raw);
        bytes.extend(raw);
    }
    bytes
}

/// `zx_object_wait_many`: the outcome, and what was written for each item.
fn wait(env: &mut Env<'_>, items: &[WaitItem], deadline: i64) -> (Result, Vec<Signals>) {
    let at = env.data(&bytes_of(items));
    let outcome = env.raw(Sysno::object_wait_many, &[at, items.len() as u64, deadline as u64]);
    let bytes = env.data_bytes(items.len() * WaitItem::SIZE);
    (outcome, bytes.chunks_exact(WaitItem::SIZE).map(|raw| Signals(WaitItem::get(raw).pending)).collect())
}

fn event(env: &mut Env<'_>) -> Result<Handle> {
    env.making(Sysno::event_create, &[0])
}

fn signal(env: &mut Env<'_>, handle: Handle, set: Signals) -> Result {
    env.raw(Sysno::object_signal, &[u64::from(handle), 0, u64::from(set.0)])
}

fn too_many_items(env: &mut Env<'_>) -> Outcome {
    let event = ok!(event(env));
    let items = [item(event, Signals::NONE); WAIT_MANY_MAX_ITEMS + 1];
    refused!(wait(env, &items, INFINITE_PAST).0, OUT_OF_RANGE);
    refused!(env.raw(Sysno::object_wait_many, &[0, 65, 0]), OUT_OF_RANGE);
    refused!(env.raw(Sysno::object_wait_many, &[0, u64::MAX, 0]), OUT_OF_RANGE);
    let fewer = items.get(1..).unwrap_or(&[]);
    refused!(wait(env, fewer, INFINITE_PAST).0, TIMED_OUT);
    Ok(())
}

fn bad_item(env: &mut Env<'_>) -> Outcome {
    let event = ok!(event(env));
    let deaf = ok!(env.duplicate(event, Rights::SIGNAL));
    let gone = ok!(env.duplicate(event, Rights::SAME_RIGHTS));
    ok!(env.close(gone));
    ok!(signal(env, event, Signals::SIGNALED));
    // Even where another one is satisfied.
    let good = item(event, Signals::SIGNALED);
    let (outcome, pending) = wait(env, &[good, item(gone, Signals::SIGNALED)], INFINITE);
    refused!(outcome, BAD_HANDLE);
    same!(pending, [Signals(0xEEEE_EEEE); 2]);
    refused!(wait(env, &[item(0, Signals::SIGNALED), good], INFINITE).0, BAD_HANDLE);
    refused!(wait(env, &[good, item(deaf, Signals::SIGNALED)], INFINITE).0, ACCESS_DENIED);
    refused!(wait(env, &[item(deaf, Signals::NONE), item(gone, Signals::NONE)], INFINITE).0, ACCESS_DENIED);
    refused!(wait(env, &[item(env.world.vmar, Signals::NONE)], INFINITE).0, ACCESS_DENIED);
    Ok(())
}

fn many_satisfied(env: &mut Env<'_>) -> Outcome {
    let (first, second) = (ok!(event(env)), ok!(event(env)));
    ok!(signal(env, first, Signals::user(1)));
    ok!(signal(env, second, Signals::SIGNALED | Signals::user(2)));
    let items =
        [item(first, Signals::SIGNALED), item(second, Signals::SIGNALED), item(second, Signals::NONE)];
    let (outcome, pending) = wait(env, &items, INFINITE_PAST);
    ok!(outcome);
    let both = Signals::SIGNALED | Signals::user(2);
    same!(pending, [Signals::user(1), both, both]);
    Ok(())
}

fn many_in_vain(env: &mut Env<'_>) -> Outcome {
    let (first, second) = (ok!(event(env)), ok!(event(env)));
    ok!(signal(env, first, Signals::user(1)));
    let items =
        [item(first, Signals::SIGNALED), item(second, Signals::SIGNALED), item(first, Signals::user(2))];
    let expected = [Signals::user(1), Signals::NONE, Signals::user(1)];
    let (outcome, pending) = wait(env, &items, INFINITE_PAST);
    refused!(outcome, TIMED_OUT);
    same!(pending, expected);
    let deadline = env.in_the_future(5_000_000);
    let (outcome, pending) = wait(env, &items, deadline);
    refused!(outcome, TIMED_OUT);
    truth!(env.now() >= deadline);
    same!(pending, expected);
    Ok(())
}

fn no_items(env: &mut Env<'_>) -> Outcome {
    refused!(wait(env, &[], INFINITE_PAST).0, TIMED_OUT);
    let deadline = env.in_the_future(5_000_000);
    refused!(env.raw(Sysno::object_wait_many, &[0, 0, deadline as u64]), TIMED_OUT);
    truth!(env.now() >= deadline);
    Ok(())
}

fn bad_list(env: &mut Env<'_>) -> Outcome {
    let event = ok!(event(env));
    for pointer in env.bad_pointers() {
        refused!(env.raw(Sysno::object_wait_many, &[pointer, 1, 0]), INVALID_ARGS);
    }
    // It can be read and not written: the wait's end is where that shows.
    let vmo = ok!(env.vmo_create(P, 0));
    ok!(env.vmo_write(vmo, 0, &bytes_of(&[item(event, Signals::SIGNALED)])));
    let at = ok!(env.map(vmo, abi::vmar::PERM_READ, P));
    refused!(env.raw(Sysno::object_wait_many, &[at.0, 1, 0]), INVALID_ARGS);
    let soon = env.in_the_future(2_000_000);
    refused!(env.raw(Sysno::object_wait_many, &[at.0, 1, soon as u64]), INVALID_ARGS);
    Ok(())
}

/// A thread that waits for these items for ever, and has begun to. They lie in its script.
fn waiter(env: &mut Env<'_>, items: &[WaitItem]) -> Result<crate::children::Task> {
    let task = env.new_thread(b"waiter")?;
    let wait = [Arg::Script(DATA), Arg::Is(items.len() as u64), Arg::Is(INFINITE as u64)];
    let steps = [Step::call(Sysno::object_wait_many, &wait), Step::call(Sysno::thread_exit, &[])];
    env.set_script(&task, &steps)?;
    env.vmo_write(task.script, DATA, &bytes_of(items))?;
    env.start_thread(&task)?;
    env.wait_for_state(task.thread, thread_state::BLOCKED_WAIT_MANY)?;
    Ok(task)
}

/// What a waiter found in its items.
fn found(env: &mut Env<'_>, task: &crate::children::Task, count: usize) -> Result<Vec<WaitItem>> {
    let bytes = env.vmo_read(task.script, DATA, (count * WaitItem::SIZE) as u64)?;
    Ok(bytes.chunks_exact(WaitItem::SIZE).map(WaitItem::get).collect())
}

fn many_woken(env: &mut Env<'_>) -> Outcome {
    let mut items = Vec::new();
    for _ in 0..WAIT_MANY_MAX_ITEMS {
        let event = ok!(event(env));
        items.push(item(event, Signals::SIGNALED | Signals::user(3)));
    }
    for index in [0, 31, 63] {
        let Some(chosen) = items.get(index).map(|item| item.handle) else { continue };
        let task = ok!(waiter(env, &items));
        ok!(signal(env, chosen, Signals::user(0)));
        truth!(!ok!(env.signals(task.thread)).intersects(Signals::TASK_TERMINATED));
        ok!(signal(env, chosen, Signals::user(3)));
        ok!(env.wait_for_end(task.thread));
        ok!(env.step_status(&task, 0));
        let mut expected: Vec<WaitItem> = items.iter().map(|item| WaitItem { pending: 0, ..*item }).collect();
        if let Some(item) = expected.get_mut(index) {
            item.pending = (Signals::user(0) | Signals::user(3)).0;
        }
        same!(ok!(found(env, &task, items.len())), expected);
        ok!(env.raw(Sysno::object_signal, &[u64::from(chosen), u64::from(Signals::USER_ALL.0), 0]));
    }
    Ok(())
}

/// Two items, of which the second's handle goes while a thread waits: what it is told.
fn cancelled(env: &mut Env<'_>, go: impl Fn(&mut Env<'_>, Handle) -> Result) -> Outcome {
    let (stays, (goes, _peer)) = (ok!(event(env)), ok!(env.channel()));
    ok!(signal(env, stays, Signals::user(1)));
    let items = [item(stays, Signals::SIGNALED), item(goes, Signals::READABLE), item(goes, Signals::NONE)];
    let task = ok!(waiter(env, &items));
    ok!(go(env, goes));
    ok!(env.wait_for_end(task.thread));
    refused!(env.step_status(&task, 0), CANCELED);
    let found: Vec<Signals> = ok!(found(env, &task, 3)).iter().map(|item| Signals(item.pending)).collect();
    let closed = Signals::WRITABLE | Signals::HANDLE_CLOSED;
    same!(found, [Signals::user(1), closed, closed]);
    Ok(())
}

fn many_closed(env: &mut Env<'_>) -> Outcome {
    cancelled(env, |env, handle| env.close(handle))
}

fn many_sent(env: &mut Env<'_>) -> Outcome {
    let (carrier, far) = ok!(env.channel());
    cancelled(env, |env, handle| env.channel_write(carrier, b"", &[handle]))?;
    ok!(env.channel_read(far));
    Ok(())
}

fn many_killed(env: &mut Env<'_>) -> Outcome {
    let (first, second) = (ok!(event(env)), ok!(event(env)));
    let task = ok!(waiter(env, &[item(first, Signals::SIGNALED), item(second, Signals::SIGNALED)]));
    ok!(env.raw(Sysno::task_kill, &[u64::from(task.thread)]));
    ok!(env.wait_for_end(task.thread));
    ok!(signal(env, first, Signals::SIGNALED));
    ok!(env.close(second));
    Ok(())
}
