//! Ports: packets of the user's, and packets about signals.

use abi::layout::AbiStruct;
use abi::object::thread_state;
use abi::port::{BIND_TO_INTERRUPT, MAX_USER_PACKETS, PacketSignal, PortPacket, packet_type, wait_async};
use abi::time::{INFINITE, INFINITE_PAST};
use abi::{Handle, ObjectType, Rights, Signals, Status, Sysno};

use crate::agent::{Arg, DATA, Step};
use crate::check::{ok, refused, same, truth};
use crate::env::Result;
use crate::{Env, Outcome, scenarios};

scenarios! {
    "PRT-001" queue_nothing "a packet that cannot be read is refused";
    "PRT-002" queued_packet "a queued packet comes out as the user's, with its status and its words";
    "PRT-004" close_with_packets "a port closes with packets in it";
    "PRT-005" queue_is_full "a port holds so many of the user's packets and no more";
    "PRT-007" orders_of_closing "the ends of a channel and a port that waits for them close in any order";
    "PRT-008" seven_observers "seven waits for one event are seven packets, in their order";
    "PRT-010" many_observers "of sixteen thousand waits for one event none is lost";
    "PRT-011" unknown_options "unknown options are refused, and two clocks at a time";
    "PRT-016" timestamps "a packet says when its signals came, if it was asked to";
    "PRT-017" close_while_queueing "who queues at a closed port has a bad handle";
    "PRT-J01" new_port "a new port has its default rights and is empty";
    "PRT-J02" rights_needed "queueing needs WRITE, taking READ, waiting for signals WAIT and WRITE";
    "PRT-J03" satisfied "signals that are there make a packet at once";
    "PRT-J04" only_once "a wait makes one packet";
    "PRT-J05" edge "with EDGE, signals count when they come anew";
    "PRT-J06" pulse "signals that come and go are told";
    "PRT-J12" wait_in_vain "waiting for a packet ends at its deadline";
    "PRT-J13" wakes_waiter "a packet wakes who waits for it";
    "PRT-J14" many_waiters "each packet reaches one of those who wait";
    "PRT-J15" bad_pointers "a packet that cannot be written is lost, and one that nobody wants is dropped";
    "PRT-J16" message_count "a packet says how many messages there are";
    "PRT-J17" not_waitable "what has no signals to wait for is refused";
    "PRT-J18" policy "a policy against ports comes before the options";
    "PRT-J19" signals_of_tasks "a process's end is told, and a process that ends takes its waits along";
}

const PAST: u64 = INFINITE_PAST as u64;

/// `zx_port_create`.
pub(crate) fn port(env: &mut Env<'_>) -> Result<Handle> {
    env.making(Sysno::port_create, &[0])
}

pub(crate) fn event(env: &mut Env<'_>) -> Result<Handle> {
    env.making(Sysno::event_create, &[0])
}

pub(crate) fn signal(env: &mut Env<'_>, handle: Handle, clear: Signals, set: Signals) -> Result {
    env.raw(Sysno::object_signal, &[u64::from(handle), u64::from(clear.0), u64::from(set.0)])
}

/// A packet with this key and nothing in it.
pub(crate) fn packet(key: u64) -> PortPacket {
    PortPacket { key, packet_type: packet_type::USER, status: 0, payload: [0; 4] }
}

/// `zx_port_queue`.
pub(crate) fn queue(env: &mut Env<'_>, port: Handle, packet: &PortPacket) -> Result {
    let mut bytes = [0; PortPacket::SIZE];
    packet.put(&mut bytes);
    let at = env.input(&bytes);
    env.raw(Sysno::port_queue, &[u64::from(port), at])
}

/// `zx_port_wait`.
fn wait(env: &mut Env<'_>, port: Handle, deadline: i64) -> Result<PortPacket> {
    let at = env.data(&[0xEE; PortPacket::SIZE]);
    env.raw(Sysno::port_wait, &[u64::from(port), deadline as u64, at])?;
    Ok(env.data_struct())
}

/// The packet that is there now.
pub(crate) fn take(env: &mut Env<'_>, port: Handle) -> Result<PortPacket> {
    wait(env, port, INFINITE_PAST)
}

/// The packet about signals that is there now: its key and what it says.
pub(crate) fn take_signal(env: &mut Env<'_>, port: Handle) -> Result<(u64, PacketSignal)> {
    let packet = take(env, port)?;
    if (packet.packet_type, packet.status) != (packet_type::SIGNAL_ONE, 0) {
        return Err(Status::WRONG_TYPE);
    }
    let mut bytes = [0; PortPacket::SIZE];
    packet.put(&mut bytes);
    Ok((packet.key, PacketSignal::get(bytes.get(16..).unwrap_or(&[]))))
}

/// `zx_object_wait_async`.
pub(crate) fn arm(
    env: &mut Env<'_>,
    handle: Handle,
    port: Handle,
    key: u64,
    signals: Signals,
    options: u32,
) -> Result {
    let args = [u64::from(handle), u64::from(port), key, u64::from(signals.0), u64::from(options)];
    env.raw(Sysno::object_wait_async, &args)
}

fn queue_nothing(env: &mut Env<'_>) -> Outcome {
    let port = ok!(port(env));
    for pointer in env.bad_pointers() {
        refused!(env.raw(Sysno::port_queue, &[u64::from(port), pointer]), INVALID_ARGS);
    }
    refused!(take(env, port), TIMED_OUT);
    Ok(())
}

fn queued_packet(env: &mut Env<'_>) -> Outcome {
    let port = ok!(port(env));
    let payload = [u64::MAX, 2, 3, 1 << 63];
    let sent = PortPacket { key: 7, packet_type: packet_type::USER + 5, status: -3, payload };
    ok!(queue(env, port, &sent));
    ok!(queue(env, port, &packet(8)));
    same!(ok!(take(env, port)), PortPacket { packet_type: packet_type::USER, ..sent });
    same!(ok!(take(env, port)), packet(8));
    refused!(take(env, port), TIMED_OUT);
    Ok(())
}

fn close_with_packets(env: &mut Env<'_>) -> Outcome {
    let port = ok!(port(env));
    let event = ok!(event(env));
    for key in 0..100 {
        ok!(queue(env, port, &packet(key)));
        ok!(arm(env, event, port, key, Signals::user(0), 0));
        ok!(arm(env, event, port, key, Signals::user(1), 0));
    }
    ok!(signal(env, event, Signals::NONE, Signals::user(1)));
    ok!(env.close(port));
    ok!(signal(env, event, Signals::NONE, Signals::user(0)));
    same!(ok!(env.signals(event)), Signals::user(0) | Signals::user(1));
    Ok(())
}

fn queue_is_full(env: &mut Env<'_>) -> Outcome {
    let port = ok!(port(env));
    let event = ok!(event(env));
    for key in 0..u64::from(MAX_USER_PACKETS) {
        ok!(queue(env, port, &packet(key)));
    }
    for _ in 0..2 {
        refused!(queue(env, port, &packet(0)), SHOULD_WAIT);
        // Signals are not the user's packets.
        ok!(arm(env, event, port, 1, Signals::user(0), 0));
    }
    ok!(signal(env, event, Signals::NONE, Signals::user(0)));
    same!(ok!(take(env, port)).key, 0);
    ok!(queue(env, port, &packet(5000)));
    refused!(queue(env, port, &packet(0)), SHOULD_WAIT);
    for key in 1..u64::from(MAX_USER_PACKETS) {
        same!(ok!(take(env, port)).key, key);
    }
    for _ in 0..2 {
        same!(ok!(take_signal(env, port)).0, 1);
    }
    same!(ok!(take(env, port)).key, 5000);
    refused!(take(env, port), TIMED_OUT);
    Ok(())
}

fn orders_of_closing(env: &mut Env<'_>) -> Outcome {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let (near, far) = ok!(env.channel());
        let port = ok!(port(env));
        let signals = Signals::READABLE | Signals::PEER_CLOSED;
        ok!(arm(env, near, port, 1, signals, 0));
        ok!(arm(env, far, port, 2, signals, 0));
        ok!(arm(env, far, port, 3, Signals::WRITABLE, 0));
        let handles = [near, far, port];
        for index in order {
            ok!(env.close(handles.get(index).copied().unwrap_or(0)));
        }
    }
    Ok(())
}

fn seven_observers(env: &mut Env<'_>) -> Outcome {
    let port = ok!(port(env));
    let event = ok!(event(env));
    for key in 0..7 {
        ok!(arm(env, event, port, key, Signals::SIGNALED, 0));
    }
    refused!(take(env, port), TIMED_OUT);
    ok!(signal(env, event, Signals::NONE, Signals::SIGNALED));
    for key in 0..7 {
        let expected = PacketSignal {
            trigger: Signals::SIGNALED.0,
            observed: Signals::SIGNALED.0,
            count: 1,
            timestamp: 0,
            reserved: 0,
        };
        same!(ok!(take_signal(env, port)), (key, expected));
    }
    refused!(take(env, port), TIMED_OUT);
    Ok(())
}

fn many_observers(env: &mut Env<'_>) -> Outcome {
    const MANY: u64 = 16385;
    let port = ok!(port(env));
    let event = ok!(event(env));
    for key in 0..MANY {
        ok!(arm(env, event, port, key, Signals::SIGNALED, 0));
    }
    ok!(signal(env, event, Signals::NONE, Signals::SIGNALED));
    // Whoever is told one signal is not forgotten when it goes and another one comes.
    ok!(signal(env, event, Signals::SIGNALED, Signals::user(0)));
    for key in 0..MANY {
        same!(ok!(take_signal(env, port)).0, key);
    }
    refused!(take(env, port), TIMED_OUT);
    Ok(())
}

fn unknown_options(env: &mut Env<'_>) -> Outcome {
    let port = ok!(port(env));
    let event = ok!(event(env));
    for options in [8, 1 << 31, wait_async::TIMESTAMP | wait_async::BOOT_TIMESTAMP, 7] {
        refused!(arm(env, event, port, 0, Signals::SIGNALED, options), INVALID_ARGS);
        // Options come before handles.
        refused!(arm(env, 0, 0, 0, Signals::SIGNALED, options), INVALID_ARGS);
    }
    ok!(arm(env, event, port, 0, Signals::SIGNALED, wait_async::EDGE));
    let own = env.own().0;
    for options in [2, 3, 1 << 31] {
        refused!(env.raw(Sysno::port_create, &[options, own]), INVALID_ARGS);
    }
    ok!(env.making(Sysno::port_create, &[u64::from(BIND_TO_INTERRUPT)]));
    refused!(env.raw(Sysno::port_cancel_key, &[u64::from(port), 1, 0]), INVALID_ARGS);
    Ok(())
}

fn timestamps(env: &mut Env<'_>) -> Outcome {
    let port = ok!(port(env));
    let event = ok!(event(env));
    for option in [wait_async::TIMESTAMP, wait_async::BOOT_TIMESTAMP] {
        ok!(arm(env, event, port, 1, Signals::SIGNALED, option));
        let before = env.now();
        ok!(signal(env, event, Signals::NONE, Signals::SIGNALED));
        let after = env.now();
        let (_, news) = ok!(take_signal(env, port));
        truth!((before..=after).contains(&news.timestamp));
        // Signals that are there come now.
        let before = env.now();
        ok!(arm(env, event, port, 1, Signals::SIGNALED, option));
        let (_, news) = ok!(take_signal(env, port));
        truth!((before..=env.now()).contains(&news.timestamp));
        ok!(signal(env, event, Signals::SIGNALED, Signals::NONE));
    }
    Ok(())
}

fn close_while_queueing(env: &mut Env<'_>) -> Outcome {
    let port = ok!(port(env));
    let task = ok!(env.new_thread(b"queuer"));
    let queue = Step::call(Sysno::port_queue, &[Arg::Is(u64::from(port)), Arg::Script(DATA)]);
    let closed = ok!(event(env));
    let signals = Arg::Is(u64::from(Signals::SIGNALED.0));
    let wait = [Arg::Is(u64::from(closed)), signals, Arg::Is(INFINITE as u64), Arg::Is(0)];
    let wait = Step::call(Sysno::object_wait_one, &wait);
    ok!(env.set_script(&task, &[queue, queue, wait, queue, Step::call(Sysno::thread_exit, &[])]));
    ok!(env.start_thread(&task));
    ok!(env.wait_for_state(task.thread, thread_state::BLOCKED_WAIT_ONE));
    ok!(env.close(port));
    ok!(signal(env, closed, Signals::NONE, Signals::SIGNALED));
    ok!(env.wait_for_end(task.thread));
    ok!(env.step_status(&task, 0));
    ok!(env.step_status(&task, 1));
    refused!(env.step_status(&task, 3), BAD_HANDLE);
    Ok(())
}

fn new_port(env: &mut Env<'_>) -> Outcome {
    let port = ok!(port(env));
    let basic = ok!(env.basic(port));
    same!((basic.object_type, basic.rights), (ObjectType::Port as u32, Rights::DEFAULT_PORT.0));
    same!(basic.related_koid, 0);
    refused!(take(env, port), TIMED_OUT);
    for pointer in env.bad_pointers() {
        refused!(env.raw(Sysno::port_create, &[0, pointer]), INVALID_ARGS);
    }
    Ok(())
}

fn rights_needed(env: &mut Env<'_>) -> Outcome {
    let port = ok!(port(env));
    let event = ok!(event(env));
    let reader = ok!(env.duplicate(port, Rights::READ));
    let writer = ok!(env.duplicate(port, Rights::WRITE));
    let deaf = ok!(env.duplicate(event, Rights::SIGNAL));
    refused!(queue(env, reader, &packet(0)), ACCESS_DENIED);
    refused!(take(env, writer), ACCESS_DENIED);
    refused!(arm(env, event, reader, 0, Signals::SIGNALED, 0), ACCESS_DENIED);
    refused!(arm(env, deaf, writer, 0, Signals::SIGNALED, 0), ACCESS_DENIED);
    // The port comes first.
    refused!(arm(env, deaf, event, 0, Signals::SIGNALED, 0), WRONG_TYPE);
    refused!(arm(env, deaf, 0, 0, Signals::SIGNALED, 0), BAD_HANDLE);
    refused!(arm(env, 0, writer, 0, Signals::SIGNALED, 0), BAD_HANDLE);
    refused!(queue(env, event, &packet(0)), WRONG_TYPE);
    refused!(take(env, event), WRONG_TYPE);
    refused!(queue(env, 0, &packet(0)), BAD_HANDLE);
    refused!(take(env, 0), BAD_HANDLE);
    ok!(arm(env, event, writer, 3, Signals::SIGNALED, 0));
    ok!(queue(env, writer, &packet(4)));
    same!(ok!(take(env, reader)).key, 4);
    Ok(())
}

fn satisfied(env: &mut Env<'_>) -> Outcome {
    let port = ok!(port(env));
    let event = ok!(event(env));
    let both = Signals::user(1) | Signals::user(2);
    ok!(signal(env, event, Signals::NONE, both));
    ok!(arm(env, event, port, 9, Signals::user(2) | Signals::SIGNALED, 0));
    let (key, news) = ok!(take_signal(env, port));
    same!((key, news.trigger, news.observed), (9, (Signals::user(2) | Signals::SIGNALED).0, both.0));
    Ok(())
}

fn only_once(env: &mut Env<'_>) -> Outcome {
    let port = ok!(port(env));
    let event = ok!(event(env));
    ok!(arm(env, event, port, 1, Signals::SIGNALED, 0));
    for _ in 0..3 {
        ok!(signal(env, event, Signals::NONE, Signals::SIGNALED));
        ok!(signal(env, event, Signals::SIGNALED, Signals::NONE));
    }
    same!(ok!(take_signal(env, port)).0, 1);
    refused!(take(env, port), TIMED_OUT);
    // No signal at all is never there.
    ok!(arm(env, event, port, 2, Signals::NONE, 0));
    ok!(signal(env, event, Signals::NONE, Signals::SIGNALED));
    refused!(take(env, port), TIMED_OUT);
    Ok(())
}

fn edge(env: &mut Env<'_>) -> Outcome {
    let port = ok!(port(env));
    let event = ok!(event(env));
    ok!(signal(env, event, Signals::NONE, Signals::user(0)));
    ok!(arm(env, event, port, 1, Signals::user(0), wait_async::EDGE));
    refused!(take(env, port), TIMED_OUT);
    // It stays, and another one comes: neither is the one that is waited for.
    ok!(signal(env, event, Signals::NONE, Signals::user(0) | Signals::user(1)));
    refused!(take(env, port), TIMED_OUT);
    ok!(signal(env, event, Signals::user(0), Signals::NONE));
    refused!(take(env, port), TIMED_OUT);
    ok!(signal(env, event, Signals::NONE, Signals::user(0)));
    let (key, news) = ok!(take_signal(env, port));
    same!((key, news.observed), (1, (Signals::user(0) | Signals::user(1)).0));
    Ok(())
}

fn pulse(env: &mut Env<'_>) -> Outcome {
    let port = ok!(port(env));
    let event = ok!(event(env));
    ok!(arm(env, event, port, 1, Signals::user(0), 0));
    ok!(signal(env, event, Signals::NONE, Signals::user(0)));
    ok!(signal(env, event, Signals::user(0), Signals::NONE));
    let (_, news) = ok!(take_signal(env, port));
    same!(news.observed, Signals::user(0).0);
    Ok(())
}

fn wait_in_vain(env: &mut Env<'_>) -> Outcome {
    let port = ok!(port(env));
    let deadline = env.in_the_future(5_000_000);
    refused!(wait(env, port, deadline), TIMED_OUT);
    truth!(env.now() >= deadline);
    ok!(queue(env, port, &packet(1)));
    same!(ok!(wait(env, port, deadline)).key, 1);
    Ok(())
}

/// A thread that takes a packet from `port` into its script.
fn taker(env: &mut Env<'_>, port: Handle) -> Result<crate::children::Task> {
    let task = env.new_thread(b"taker")?;
    let take = [Arg::Is(u64::from(port)), Arg::Is(INFINITE as u64), Arg::Script(DATA)];
    env.set_script(&task, &[Step::call(Sysno::port_wait, &take), Step::call(Sysno::thread_exit, &[])])?;
    env.start_thread(&task)?;
    env.wait_for_state(task.thread, thread_state::BLOCKED_PORT)?;
    Ok(task)
}

fn wakes_waiter(env: &mut Env<'_>) -> Outcome {
    let port = ok!(port(env));
    let event = ok!(event(env));
    let task = ok!(taker(env, port));
    ok!(arm(env, event, port, 77, Signals::SIGNALED, 0));
    ok!(signal(env, event, Signals::NONE, Signals::SIGNALED));
    ok!(env.wait_for_end(task.thread));
    ok!(env.step_status(&task, 0));
    same!(ok!(env.script_word(&task, DATA)), 77);
    // The scenario's own thread waits this time.
    let queuer = ok!(env.new_thread(b"queuer"));
    let queue = [Arg::Is(u64::from(port)), Arg::Script(DATA)];
    ok!(env
        .set_script(&queuer, &[Step::call(Sysno::port_queue, &queue), Step::call(Sysno::thread_exit, &[])]));
    ok!(env.start_thread(&queuer));
    same!(ok!(wait(env, port, INFINITE)), packet(0));
    ok!(env.wait_for_end(queuer.thread));
    Ok(())
}

fn many_waiters(env: &mut Env<'_>) -> Outcome {
    let port = ok!(port(env));
    let (first, second) = (ok!(taker(env, port)), ok!(taker(env, port)));
    let third = ok!(taker(env, port));
    ok!(env.raw(Sysno::task_kill, &[u64::from(second.thread)]));
    for key in [1, 2, 3] {
        ok!(queue(env, port, &packet(key)));
    }
    ok!(env.wait_for_end(first.thread));
    ok!(env.wait_for_end(third.thread));
    // Who came first is served first.
    same!(ok!(env.script_word(&first, DATA)), 1);
    same!(ok!(env.script_word(&third, DATA)), 2);
    same!(ok!(take(env, port)).key, 3);
    Ok(())
}

fn bad_pointers(env: &mut Env<'_>) -> Outcome {
    let port = ok!(port(env));
    for pointer in env.bad_pointers().into_iter().filter(|pointer| *pointer != 0) {
        refused!(env.raw(Sysno::port_wait, &[u64::from(port), PAST, pointer]), TIMED_OUT);
        ok!(queue(env, port, &packet(1)));
        refused!(env.raw(Sysno::port_wait, &[u64::from(port), PAST, pointer]), INVALID_ARGS);
        refused!(take(env, port), TIMED_OUT);
    }
    ok!(queue(env, port, &packet(1)));
    ok!(queue(env, port, &packet(2)));
    ok!(env.raw(Sysno::port_wait, &[u64::from(port), PAST, 0]));
    same!(ok!(take(env, port)).key, 2);
    Ok(())
}

fn message_count(env: &mut Env<'_>) -> Outcome {
    let port = ok!(port(env));
    let (near, far) = ok!(env.channel());
    ok!(arm(env, far, port, 1, Signals::READABLE, 0));
    for _ in 0..3 {
        ok!(env.channel_write(near, b"message", &[]));
    }
    same!(ok!(take_signal(env, port)).1.count, 1);
    ok!(arm(env, far, port, 1, Signals::READABLE | Signals::PEER_CLOSED, 0));
    same!(ok!(take_signal(env, port)).1.count, 3);
    ok!(arm(env, far, port, 1, Signals::WRITABLE, 0));
    same!(ok!(take_signal(env, port)).1.count, 1);
    Ok(())
}

fn not_waitable(env: &mut Env<'_>) -> Outcome {
    let port = ok!(port(env));
    // Neither a port nor a region nor a resource comes with WAIT.
    for handle in [port, env.world.vmar, env.world.mmio_root] {
        refused!(arm(env, handle, port, 0, Signals::READABLE, 0), ACCESS_DENIED);
        refused!(env.wait(handle, Signals::READABLE, INFINITE_PAST).0, ACCESS_DENIED);
    }
    Ok(())
}

fn policy(env: &mut Env<'_>) -> Outcome {
    use abi::policy::{ABSOLUTE, Action, Condition, PolicyBasicV1, topic};
    let job = ok!(env.making(Sysno::job_create, &[u64::from(env.world.job), 0]));
    let deny = PolicyBasicV1 { condition: Condition::NewPort as u32, action: Action::Deny as u32 };
    let mut bytes = [0; PolicyBasicV1::SIZE];
    deny.put(&mut bytes);
    let list = env.input(&bytes);
    let args = [u64::from(job), u64::from(ABSOLUTE), u64::from(topic::BASIC_V1), list, 1];
    ok!(env.raw(Sysno::job_set_policy, &args));
    let task = ok!(env.new_process_in(job, b"portless"));
    let create = Step::call(Sysno::port_create, &[Arg::Is(9), Arg::Script(DATA)]);
    same!(ok!(env.run_prepared(&task, &[create, Step::exit(0)])), 0);
    refused!(env.step_status(&task, 0), ACCESS_DENIED);
    Ok(())
}

fn signals_of_tasks(env: &mut Env<'_>) -> Outcome {
    let ours = ok!(port(env));
    let event = ok!(event(env));
    let theirs = ok!(env.duplicate(event, Rights::SAME_RIGHTS));
    let task = ok!(env.new_process(b"watcher"));
    ok!(arm(env, task.process, ours, 1, Signals::TASK_TERMINATED, 0));
    ok!(arm(env, task.thread, ours, 2, Signals::TASK_TERMINATED, 0));
    // It waits for our event by a port of its own, and ends.
    let create = Step::call(Sysno::port_create, &[Arg::Is(0), Arg::Script(DATA)]);
    let arming = 4;
    let at = crate::agent::HEADER + arming * crate::agent::STEP + crate::agent::STEP_ARGS + 8;
    let copy = Step::new(crate::agent::Do::Copy, &[Arg::Script(DATA), Arg::Script(at)]);
    let wait = [Arg::Is(0), Arg::Is(0), Arg::Is(1), Arg::Is(u64::from(Signals::SIGNALED.0))];
    let idle = Step::call(Sysno::thread_legacy_yield, &[]);
    let arm_it = Step::call(Sysno::object_wait_async, &wait);
    ok!(env.set_script(&task, &[create, copy, Step::give_handle(arming), idle, arm_it, Step::exit(5)]));
    ok!(env.start_process(&task, theirs));
    same!(ok!(env.finish(&task)), 5);
    ok!(env.step_status(&task, arming));
    let mut keys = [ok!(take_signal(env, ours)).0, ok!(take_signal(env, ours)).0];
    keys.sort_unstable();
    same!(keys, [1, 2]);
    ok!(signal(env, event, Signals::NONE, Signals::SIGNALED));
    Ok(())
}
