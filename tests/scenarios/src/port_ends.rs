//! Packets that are taken back, and waits whose source goes.

use abi::{Handle, Rights, Signals, Sysno};

use crate::check::{ok, refused, same};
use crate::env::Result;
use crate::ports::{arm, event, packet, port, queue, signal, take, take_signal};
use crate::{Env, Outcome, scenarios};

scenarios! {
    "PRT-013" cancel "a wait is cancelled once, and not when its packet was taken";
    "PRT-014" cancel_queued "cancelling takes the packet back that is there already";
    "PRT-J07" closed_source "closing the handle that a wait was made through ends it, and no other";
    "PRT-J08" sent_source "sending the handle away that a wait was made through ends it";
    "PRT-J09" kept_packet "a packet that is there survives its source";
    "PRT-J10" cancel_in_order "cancelling wants a port that may be written, and a source that may be waited for";
    "PRT-J11" cancel_by_key "cancelling by key takes everything with the key back";
    "PRT-J20" cancel_many "of many waits with one key, those of one handle are cancelled";
    "PRT-J21" close_many_sources "a handle with many waits closes, and what is there stays";
}

/// More waits than are looked at in one piece, by far.
const MANY: u64 = 1000;

/// `zx_port_cancel`.
fn cancel_one(env: &mut Env<'_>, port: Handle, source: Handle, key: u64) -> Result {
    env.raw(Sysno::port_cancel, &[u64::from(port), u64::from(source), key])
}

/// `zx_port_cancel_key`.
fn cancel_key(env: &mut Env<'_>, port: Handle, key: u64) -> Result {
    env.raw(Sysno::port_cancel_key, &[u64::from(port), 0, key])
}

fn cancel(env: &mut Env<'_>) -> Outcome {
    let port = ok!(port(env));
    let event = ok!(event(env));
    ok!(arm(env, event, port, 5, Signals::SIGNALED, 0));
    refused!(cancel_one(env, port, event, 6), NOT_FOUND);
    ok!(cancel_one(env, port, event, 5));
    refused!(cancel_one(env, port, event, 5), NOT_FOUND);
    ok!(signal(env, event, Signals::NONE, Signals::SIGNALED));
    refused!(take(env, port), TIMED_OUT);
    ok!(arm(env, event, port, 5, Signals::SIGNALED, 0));
    same!(ok!(take_signal(env, port)).0, 5);
    refused!(cancel_one(env, port, event, 5), NOT_FOUND);
    Ok(())
}

fn cancel_queued(env: &mut Env<'_>) -> Outcome {
    let port = ok!(port(env));
    let event = ok!(event(env));
    let twin = ok!(env.duplicate(event, Rights::SAME_RIGHTS));
    ok!(signal(env, event, Signals::NONE, Signals::SIGNALED));
    ok!(queue(env, port, &packet(5)));
    ok!(arm(env, event, port, 5, Signals::SIGNALED, 0));
    ok!(arm(env, twin, port, 5, Signals::SIGNALED, 0));
    ok!(arm(env, event, port, 6, Signals::SIGNALED, 0));
    // Neither what the user queued, nor another handle's, nor another key.
    ok!(cancel_one(env, port, event, 5));
    refused!(cancel_one(env, port, event, 5), NOT_FOUND);
    same!(ok!(take(env, port)), packet(5));
    same!(ok!(take_signal(env, port)).0, 5);
    same!(ok!(take_signal(env, port)).0, 6);
    refused!(take(env, port), TIMED_OUT);
    Ok(())
}

fn closed_source(env: &mut Env<'_>) -> Outcome {
    let port = ok!(port(env));
    let event = ok!(event(env));
    let twin = ok!(env.duplicate(event, Rights::SAME_RIGHTS));
    ok!(arm(env, event, port, 1, Signals::SIGNALED, 0));
    ok!(arm(env, twin, port, 2, Signals::SIGNALED, 0));
    ok!(env.close(twin));
    refused!(cancel_one(env, port, twin, 2), BAD_HANDLE);
    ok!(signal(env, event, Signals::NONE, Signals::SIGNALED));
    same!(ok!(take_signal(env, port)).0, 1);
    refused!(take(env, port), TIMED_OUT);
    // Replacing a handle closes it too.
    ok!(signal(env, event, Signals::SIGNALED, Signals::NONE));
    ok!(arm(env, event, port, 3, Signals::SIGNALED, 0));
    let event = ok!(env.replace(event, Rights::SAME_RIGHTS));
    ok!(signal(env, event, Signals::NONE, Signals::SIGNALED));
    refused!(take(env, port), TIMED_OUT);
    Ok(())
}

fn sent_source(env: &mut Env<'_>) -> Outcome {
    let port = ok!(port(env));
    let (watched, peer) = ok!(env.channel());
    let (carrier, far) = ok!(env.channel());
    ok!(arm(env, watched, port, 1, Signals::READABLE | Signals::PEER_CLOSED, 0));
    ok!(env.channel_write(carrier, b"", &[watched]));
    ok!(env.channel_write(peer, b"unseen", &[]));
    ok!(env.channel_read(far));
    ok!(env.close(peer));
    refused!(take(env, port), TIMED_OUT);
    Ok(())
}

fn kept_packet(env: &mut Env<'_>) -> Outcome {
    let port = ok!(port(env));
    let event = ok!(event(env));
    ok!(signal(env, event, Signals::NONE, Signals::SIGNALED));
    ok!(arm(env, event, port, 1, Signals::SIGNALED, 0));
    ok!(env.close(event));
    same!(ok!(take_signal(env, port)).0, 1);
    Ok(())
}

fn cancel_in_order(env: &mut Env<'_>) -> Outcome {
    let port = ok!(port(env));
    let event = ok!(event(env));
    let reader = ok!(env.duplicate(port, Rights::READ));
    let deaf = ok!(env.duplicate(event, Rights::SIGNAL));
    ok!(arm(env, event, port, 1, Signals::SIGNALED, 0));
    refused!(cancel_one(env, 0, 0, 1), BAD_HANDLE);
    refused!(cancel_one(env, event, 0, 1), WRONG_TYPE);
    refused!(cancel_one(env, reader, 0, 1), ACCESS_DENIED);
    refused!(cancel_one(env, port, 0, 1), BAD_HANDLE);
    refused!(cancel_one(env, port, deaf, 1), ACCESS_DENIED);
    refused!(cancel_key(env, reader, 1), ACCESS_DENIED);
    refused!(cancel_key(env, event, 1), WRONG_TYPE);
    ok!(cancel_one(env, port, event, 1));
    Ok(())
}

fn cancel_by_key(env: &mut Env<'_>) -> Outcome {
    let port = ok!(port(env));
    let event = ok!(event(env));
    let gone = ok!(env.making(Sysno::event_create, &[0]));
    ok!(signal(env, gone, Signals::NONE, Signals::SIGNALED));
    ok!(arm(env, gone, port, 1, Signals::SIGNALED, 0));
    ok!(env.close(gone));
    ok!(arm(env, event, port, 1, Signals::SIGNALED, 0));
    ok!(arm(env, event, port, 2, Signals::SIGNALED, 0));
    ok!(queue(env, port, &packet(1)));
    ok!(cancel_key(env, port, 1));
    refused!(cancel_key(env, port, 1), NOT_FOUND);
    refused!(take(env, port), TIMED_OUT);
    ok!(signal(env, event, Signals::NONE, Signals::SIGNALED));
    same!(ok!(take_signal(env, port)).0, 2);
    refused!(take(env, port), TIMED_OUT);
    Ok(())
}

fn cancel_many(env: &mut Env<'_>) -> Outcome {
    let port = ok!(port(env));
    let event = ok!(event(env));
    let twin = ok!(env.duplicate(event, Rights::SAME_RIGHTS));
    for _ in 0..MANY {
        ok!(arm(env, event, port, 1, Signals::user(0), 0));
        ok!(arm(env, twin, port, 1, Signals::user(1), 0));
        ok!(arm(env, twin, port, 2, Signals::user(0), 0));
    }
    ok!(signal(env, event, Signals::NONE, Signals::user(1)));
    ok!(cancel_one(env, port, twin, 1));
    refused!(cancel_one(env, port, twin, 1), NOT_FOUND);
    refused!(take(env, port), TIMED_OUT);
    refused!(cancel_one(env, port, twin, 3), NOT_FOUND);
    ok!(cancel_key(env, port, 2));
    refused!(cancel_key(env, port, 2), NOT_FOUND);
    ok!(signal(env, event, Signals::NONE, Signals::user(0)));
    for _ in 0..MANY {
        same!(ok!(take_signal(env, port)).0, 1);
    }
    refused!(take(env, port), TIMED_OUT);
    Ok(())
}

fn close_many_sources(env: &mut Env<'_>) -> Outcome {
    let port = ok!(port(env));
    let event = ok!(event(env));
    let twin = ok!(env.duplicate(event, Rights::SAME_RIGHTS));
    for key in 0..MANY {
        ok!(arm(env, twin, port, key, Signals::user(0), 0));
        ok!(arm(env, twin, port, key, Signals::user(1), 0));
    }
    ok!(signal(env, event, Signals::NONE, Signals::user(1)));
    ok!(env.close(twin));
    ok!(signal(env, event, Signals::NONE, Signals::user(0)));
    for key in 0..MANY {
        let (told, news) = ok!(take_signal(env, port));
        same!((told, news.trigger), (key, Signals::user(1).0));
    }
    refused!(take(env, port), TIMED_OUT);
    Ok(())
}
