//! Long work in pieces: what is large ends beside a thread with a timer of 1 ms, which stays on time.
//!
//! The scenario's own thread keeps the timer while another one ends what is large. How late it is at most says
//! how long the kernel keeps everybody waiting. An emulator on a busy host is late by itself now and then, but what
//! the kernel does it does each time: so a run that was late is made again, and one of a few must be on time. With
//! more than one CPU an emulator is late whenever the host runs one of them and not another, for which a TLB
//! invalidation waits. How much the kernel does in one entry is counted exactly on the hosted machine.

use abi::object::task_retcode::SYSCALL_KILL;
use abi::time::INFINITE;
use abi::vmar::{MAP_RANGE, PERM_READ, PERM_WRITE};
use abi::{Handle, Rights, Signals, Sysno};

use crate::agent::{Arg, DATA, Do, Step};
use crate::check::{ok, same, truth};
use crate::children::Task;
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "BND-J01" kill_process "a process with 100,000 handles, a VMO of 4 GiB and 1 GiB mapped is killed beside a 1 ms timer";
    "BND-J02" close_process "a process with 1 GiB mapped that never ran is closed beside a 1 ms timer";
    "BND-J03" close_vmo "a VMO of 4 GiB is closed beside a 1 ms timer";
    "BND-J04" close_channel "a channel with 25,000 handles in it is closed beside a 1 ms timer";
    "BND-J05" unmap "a mapping of 1 GiB is unmapped beside a 1 ms timer";
    "BND-J06" destroy "a region with 1 GiB mapped is destroyed beside a 1 ms timer";
}

/// The timer's period, in nanoseconds.
const PERIOD: i64 = 1_000_000;
/// How late the timer's thread may be in a run that counts, with one CPU. On a quiet emulator it is a tenth of that.
const MOST_LATE: i64 = 20_000_000;
/// And with more CPUs.
const MOST_LATE_OF_MANY: i64 = 1_000_000_000;
/// Runs of which one must be on time.
const RUNS: u32 = 4;
/// When the other thread begins, after the timer did.
const BEFORE: i64 = 3_000_000;
/// How long the timer is watched after the other thread has done its part: the reaper's part comes then.
const AFTER: i64 = 20_000_000;

const HANDLES: usize = 100_000;
/// Handles in a message.
const A_MESSAGE: usize = 64;
const VMO_SIZE: u64 = 4 << 30;
const MAPPED: u64 = 1 << 30;
/// Pages of the VMO that are there at most.
const MOST_PAGES: u64 = 16384;
const RW: u32 = PERM_READ | PERM_WRITE;

/// A VMO of 4 GiB with pages all over it, as many as fit in an eighth of the memory.
fn large_vmo(env: &mut Env<'_>) -> Outcome<Handle> {
    let vmo = ok!(env.vmo_create(VMO_SIZE, 0));
    let memory = env.system.call(Sysno::system_get_physmem, [0; 8]);
    let pages = (memory / 8 / P).min(MOST_PAGES).next_power_of_two().min(MOST_PAGES);
    let word = env.data(&[1; 8]);
    for page in 0..pages {
        ok!(env.raw(Sysno::vmo_write, &[u64::from(vmo), word, page * (VMO_SIZE / pages), 8]));
    }
    Ok(vmo)
}

/// Fills a channel with messages that carry so many handles; the last one has bytes in it.
fn send_handles(env: &mut Env<'_>, channel: Handle, number: usize) -> Outcome {
    let event = ok!(env.making(Sysno::event_create, &[0]));
    let (values, word) = (env.own().0, env.data(&[1; 8]));
    let mut left = number;
    while left > 0 {
        let count = left.min(A_MESSAGE);
        for index in 0..count as u64 {
            let duplicate = [u64::from(event), u64::from(Rights::SAME_RIGHTS.0), values + 4 * index];
            ok!(env.raw(Sysno::handle_duplicate, &duplicate));
        }
        left -= count;
        let bytes = if left == 0 { 8 } else { 0 };
        ok!(env.raw(Sysno::channel_write, &[u64::from(channel), 0, word, bytes, values, count as u64]));
    }
    ok!(env.close(event));
    env.forget(event);
    Ok(())
}

/// Lets another thread make `calls` while this one keeps its timer, until the thread has ended and for a while
/// longer; how late this one was at most.
fn beside_timer(env: &mut Env<'_>, calls: &[Step]) -> Outcome<i64> {
    let ender = ok!(env.new_thread(b"ender"));
    let mut next = env.in_the_future(PERIOD);
    let mut steps = alloc::vec![Step::call(Sysno::nanosleep, &[Arg::Is((next + BEFORE) as u64)])];
    steps.extend(calls);
    steps.push(Step::call(Sysno::thread_exit, &[]));
    ok!(env.set_script(&ender, &steps));
    ok!(env.start_thread(&ender));
    next = env.in_the_future(PERIOD);
    let (mut latest, mut end) = (0, i64::MAX);
    while next < end {
        ok!(env.nanosleep(next));
        let now = env.now();
        latest = latest.max(now - next);
        // Who is late by more than a period does not try to catch up.
        next = now.max(next + PERIOD);
        if end == i64::MAX && ok!(env.signals(ender.thread)).intersects(Signals::TASK_TERMINATED) {
            end = now + AFTER;
        }
    }
    for step in 1..=calls.len() as u64 {
        ok!(env.step_status(&ender, step));
    }
    for handle in [ender.thread, ender.script] {
        ok!(env.close(handle));
        env.forget(handle);
    }
    Ok(latest)
}

/// Makes runs until one is on time.
fn on_time(env: &mut Env<'_>, mut run: impl FnMut(&mut Env<'_>) -> Outcome<i64>) -> Outcome {
    let cpus = env.system.call(Sysno::system_get_num_cpus, [0; 8]);
    let most_late = if cpus == 1 { MOST_LATE } else { MOST_LATE_OF_MANY };
    let mut latest = i64::MAX;
    for _ in 0..RUNS {
        latest = latest.min(run(env)?);
        if latest <= most_late {
            return Ok(());
        }
    }
    same!(latest, most_late);
    Ok(())
}

fn call(sysno: Sysno, args: &[u64]) -> Step {
    let mut given = [Arg::Is(0); 8];
    for (to, from) in given.iter_mut().zip(args) {
        *to = Arg::Is(*from);
    }
    Step::call(sysno, &given)
}

/// A process that has read all that is in the channel and touched all that is mapped.
fn large_process(env: &mut Env<'_>) -> Outcome<Task> {
    let task = ok!(env.new_process(b"large"));
    let vmo = large_vmo(env)?;
    let at = ok!(env.vmar_map(task.vmar, RW, 0, vmo, 0, MAPPED)).0;
    let (near, far) = ok!(env.channel());
    ok!(env.channel_write(near, &[], &[vmo]));
    env.forget(vmo);
    send_handles(env, near, HANDLES)?;
    let read = [0, 0, DATA, DATA + 64, 8, A_MESSAGE as u64, DATA + 512, DATA + 520].map(|word| match word {
        word if word >= DATA => Arg::Script(word),
        word => Arg::Is(word),
    });
    let readable = Arg::Is(u64::from(Signals::READABLE.0));
    let steps = [
        Step::new(Do::Touch, &[Arg::Is(at), Arg::Is(at + MAPPED)]),
        Step::give_handle(3),
        Step::give_handle(4),
        Step::call(Sysno::object_wait_one, &[Arg::Is(0), readable, Arg::Is(INFINITE as u64)]),
        Step::call(Sysno::channel_read, &read),
        Step::again(3),
    ];
    ok!(env.set_script(&task, &steps));
    ok!(env.start_process(&task, far));
    while ok!(env.script_word(&task, DATA)) == 0 {
        ok!(env.pause(PERIOD));
    }
    Ok(task)
}

fn kill_process(env: &mut Env<'_>) -> Outcome {
    on_time(env, |env| {
        let task = large_process(env)?;
        let latest = beside_timer(env, &[call(Sysno::task_kill, &[u64::from(task.process)])])?;
        same!(ok!(env.finish(&task)), SYSCALL_KILL);
        drop_task(env, &task)?;
        Ok(latest)
    })
}

/// Closes what the scenario has of a process that ended.
fn drop_task(env: &mut Env<'_>, task: &Task) -> Outcome {
    for handle in [task.thread, task.script, task.vmar, task.process] {
        ok!(env.close(handle));
        env.forget(handle);
    }
    Ok(())
}

fn close_process(env: &mut Env<'_>) -> Outcome {
    on_time(env, |env| {
        let task = ok!(env.new_process(b"unborn"));
        let vmo = large_vmo(env)?;
        ok!(env.vmar_map(task.vmar, RW | MAP_RANGE, 0, vmo, 0, MAPPED));
        let handles = [task.thread, task.script, task.vmar, vmo, task.process];
        let closes = handles.map(|handle| call(Sysno::handle_close, &[u64::from(handle)]));
        handles.into_iter().for_each(|handle| env.forget(handle));
        beside_timer(env, &closes)
    })
}

fn close_vmo(env: &mut Env<'_>) -> Outcome {
    on_time(env, |env| {
        let vmo = large_vmo(env)?;
        env.forget(vmo);
        beside_timer(env, &[call(Sysno::handle_close, &[u64::from(vmo)])])
    })
}

fn close_channel(env: &mut Env<'_>) -> Outcome {
    on_time(env, |env| {
        let (near, far) = ok!(env.channel());
        send_handles(env, near, HANDLES / 4)?;
        env.forget(far);
        let latest = beside_timer(env, &[call(Sysno::handle_close, &[u64::from(far)])])?;
        ok!(env.close(near));
        env.forget(near);
        Ok(latest)
    })
}

/// Touches a page in each 2 MiB of a mapping of the program's own.
fn touch(env: &mut Env<'_>, at: u64) {
    for address in (at..at + MAPPED).step_by(2 << 20) {
        env.poke_u64(abi::VirtAddr(address), address);
    }
}

fn unmap(env: &mut Env<'_>) -> Outcome {
    on_time(env, |env| {
        let vmo = large_vmo(env)?;
        let at = ok!(env.map(vmo, RW, MAPPED)).0;
        touch(env, at);
        let latest = beside_timer(env, &[call(Sysno::vmar_unmap, &[u64::from(env.world.vmar), at, MAPPED])])?;
        truth!(env.unmap(abi::VirtAddr(at), P).is_ok());
        ok!(env.close(vmo));
        env.forget(vmo);
        Ok(latest)
    })
}

fn destroy(env: &mut Env<'_>) -> Outcome {
    on_time(env, |env| {
        let (region, _) = ok!(env.region(MAPPED / P));
        let vmo = large_vmo(env)?;
        let at = ok!(env.vmar_map(region, RW, 0, vmo, 0, MAPPED)).0;
        touch(env, at);
        let latest = beside_timer(env, &[call(Sysno::vmar_destroy, &[u64::from(region)])])?;
        for handle in [region, vmo] {
            ok!(env.close(handle));
            env.forget(handle);
        }
        Ok(latest)
    })
}
