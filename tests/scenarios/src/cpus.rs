//! Several CPUs: threads that move between them, and that end while another CPU runs them.
//!
//! All of it must be so on one CPU too, where the others' part is played by the end of a slice.

use alloc::vec::Vec;

use abi::object::task_retcode::{EXCEPTION_KILL, SYSCALL_KILL};
use abi::time::INFINITE;
use abi::vmar::{PERM_READ, PERM_WRITE, SPECIFIC, USER_BASE};
use abi::{Handle, Signals, Sysno};

use crate::agent::{Arg, DATA, Do, Step};
use crate::check::{ok, refused, same, truth};
use crate::children::Task;
use crate::env::Result;
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "CPU-J01" float_stays "floating-point registers stay a thread's own wherever it runs, and start as zeros";
    "CPU-J02" float_of_processes "no process sees another's floating-point registers";
    "CPU-J03" kill_running "a process that makes no call is killed while it runs";
    "CPU-J04" kill_running_thread "a thread that makes no call is killed while it runs, without its process";
    "CPU-J05" kill_waiting "a thread is killed in each way of waiting, and before it starts";
    "CPU-J06" kill_many "a job's processes are killed on several CPUs at once";
    "CPU-J07" unmap_running "what is unmapped under a process that runs is gone for it";
    "CPU-J08" exit_running "a process that exits takes a thread along that makes no call";
    "CPU-J09" many_spaces "more processes live at once than there are ASIDs of 8 bits, and each sees its own memory";
}

/// How long something may take that another CPU is asked for: far more than it needs.
const PROMPTLY: i64 = 20_000_000_000;
/// How long nobody looks whether another thread gets on, which then has a CPU even if there is only one.
const GLANCE: i64 = 50_000;
/// How many threads use floating point at the same time: more than there are CPUs on most rows.
const FLOATERS: u64 = 5;

/// Steps of a thread that fills its floating-point registers with `pattern`, gives its CPU up in all ways, and
/// looks after each; and the numbers of those that look.
fn floating(env: &mut Env<'_>, pattern: u64) -> (Vec<Step>, Vec<u64>) {
    let check = Step::new(Do::FloatCheck, &[Arg::Is(pattern)]);
    // A new thread finds zeros.
    let mut steps =
        Vec::from([Step::new(Do::FloatCheck, &[]), Step::new(Do::FloatFill, &[Arg::Is(pattern)])]);
    let mut checks = Vec::from([0]);
    for round in 1..=8 {
        let until = env.in_the_future(round * 300_000) as u64;
        steps.push(match round % 2 {
            0 => Step::call(Sysno::nanosleep, &[Arg::Is(until)]),
            _ => Step::call(Sysno::thread_legacy_yield, &[]),
        });
        checks.push(steps.len() as u64);
        steps.push(check);
    }
    (steps, checks)
}

/// Bits all over a register, others for each number.
const fn pattern(number: u64) -> u64 {
    0x0123_4567_89AB_CDEF_u64.wrapping_mul(2 * number + 3)
}

fn float_stays(env: &mut Env<'_>) -> Outcome {
    let mut floaters = Vec::new();
    for number in 0..FLOATERS {
        let task = ok!(env.new_thread(b"floater"));
        let (mut steps, checks) = floating(env, pattern(number));
        steps.push(Step::call(Sysno::thread_exit, &[]));
        ok!(env.set_script(&task, &steps));
        ok!(env.start_thread(&task));
        floaters.push((task, checks));
    }
    for (task, checks) in &floaters {
        ok!(env.wait_for_end(task.thread));
        for check in checks {
            same!(ok!(env.step_result(task, *check)), 0);
        }
    }
    Ok(())
}

fn float_of_processes(env: &mut Env<'_>) -> Outcome {
    let mut floaters = Vec::new();
    for number in 0..FLOATERS {
        let task = ok!(env.new_process(b"floater"));
        let (mut steps, checks) = floating(env, pattern(number));
        steps.push(Step::exit(3));
        ok!(env.set_script(&task, &steps));
        ok!(env.start_process(&task, 0));
        floaters.push((task, checks));
    }
    for (task, checks) in &floaters {
        same!(ok!(env.finish(task)), 3);
        for check in checks {
            same!(ok!(env.step_result(task, *check)), 0);
        }
    }
    Ok(())
}

/// `zx_task_kill`.
fn kill(env: &mut Env<'_>, task: Handle) -> Result {
    env.raw(Sysno::task_kill, &[u64::from(task)])
}

/// The step that counts in the script's own page for ever.
fn count() -> [Step; 1] {
    [Step::new(Do::Count, &[Arg::Script(DATA)])]
}

/// Waits until a task that counts has been seen to get on.
fn runs(env: &mut Env<'_>, task: &Task) -> Outcome {
    let end = env.in_the_future(PROMPTLY);
    let first = ok!(env.script_word(task, DATA));
    while ok!(env.script_word(task, DATA)) == first {
        truth!(env.now() < end);
        ok!(env.pause(GLANCE));
    }
    Ok(())
}

/// That a task counts no more.
fn stands(env: &mut Env<'_>, task: &Task) -> Outcome {
    let last = ok!(env.script_word(task, DATA));
    ok!(env.pause(GLANCE));
    same!(ok!(env.script_word(task, DATA)), last);
    Ok(())
}

fn kill_running(env: &mut Env<'_>) -> Outcome {
    for _ in 0..4 {
        let task = ok!(env.new_process(b"spinner"));
        ok!(env.set_script(&task, &count()));
        ok!(env.start_process(&task, 0));
        runs(env, &task)?;
        ok!(kill(env, task.process));
        same!(ok!(env.finish(&task)), SYSCALL_KILL);
        ok!(env.wait_for_end(task.thread));
        stands(env, &task)?;
    }
    Ok(())
}

fn kill_running_thread(env: &mut Env<'_>) -> Outcome {
    for _ in 0..4 {
        let task = ok!(env.new_thread(b"spinner"));
        ok!(env.set_script(&task, &count()));
        ok!(env.start_thread(&task));
        runs(env, &task)?;
        ok!(kill(env, task.thread));
        ok!(env.wait_for_end(task.thread));
        stands(env, &task)?;
        refused!(env.start_thread(&task), BAD_STATE);
    }
    Ok(())
}

fn kill_waiting(env: &mut Env<'_>) -> Outcome {
    let (near, far) = ok!(env.channel());
    let forever = Arg::Is(INFINITE as u64);
    let readable = Arg::Is(u64::from(Signals::READABLE.0));
    let waits = [
        Step::call(Sysno::nanosleep, &[forever]),
        Step::call(Sysno::object_wait_one, &[Arg::Is(u64::from(near)), readable, forever]),
        Step::call(Sysno::futex_wait, &[Arg::Script(DATA), Arg::Is(0), Arg::Is(0), forever]),
        // Ready as often as it runs.
        Step::call(Sysno::thread_legacy_yield, &[]),
    ];
    for wait in waits {
        // At once, most likely before it has run; and when it has had time.
        for pause in [0, 2_000_000] {
            let task = ok!(env.new_thread(b"waiter"));
            ok!(env.set_script(&task, &[wait, Step::again(0)]));
            ok!(env.start_thread(&task));
            ok!(env.pause(pause));
            ok!(kill(env, task.thread));
            ok!(env.wait_for_end(task.thread));
        }
    }
    let unborn = ok!(env.new_process(b"unborn"));
    ok!(kill(env, unborn.process));
    same!(ok!(env.finish(&unborn)), SYSCALL_KILL);
    refused!(env.start_process(&unborn, 0), BAD_STATE);
    // Nobody is left who could be woken in their place.
    ok!(env.channel_write(far, b"late", &[]));
    same!(ok!(env.channel_read(near)).bytes, b"late");
    Ok(())
}

fn kill_many(env: &mut Env<'_>) -> Outcome {
    // One more than there are CPUs; not more than an emulator on a small host can bear.
    let cpus = env.system.call(Sysno::system_get_num_cpus, [0; 8]).min(4);
    let job = ok!(env.making(Sysno::job_create, &[u64::from(env.world.job), 0]));
    let mut tasks = Vec::new();
    for _ in 0..=cpus {
        let task = ok!(env.new_process_in(job, b"spinner"));
        ok!(env.set_script(&task, &count()));
        ok!(env.start_process(&task, 0));
        tasks.push(task);
    }
    // Each gets its turn.
    for task in &tasks {
        runs(env, task)?;
    }
    ok!(kill(env, job));
    for task in &tasks {
        same!(ok!(env.finish(task)), SYSCALL_KILL);
        stands(env, task)?;
    }
    Ok(())
}

fn unmap_running(env: &mut Env<'_>) -> Outcome {
    let task = ok!(env.new_process(b"counter"));
    let vmo = ok!(env.vmo_create(P, 0));
    let at = ok!(env.vmar_map(task.vmar, PERM_READ | PERM_WRITE, 0, vmo, 0, P));
    ok!(env.set_script(&task, &[Step::new(Do::Count, &[Arg::Is(at.0)])]));
    ok!(env.start_process(&task, 0));
    let counted = |env: &mut Env<'_>| -> Outcome<Vec<u8>> { Ok(ok!(env.vmo_read(vmo, 0, 8))) };
    let end = env.in_the_future(PROMPTLY);
    while counted(env)? == [0; 8] {
        truth!(env.now() < end);
        ok!(env.pause(GLANCE));
    }
    ok!(env.raw(Sysno::vmar_unmap, &[u64::from(task.vmar), at.0, P]));
    // From here on no store of the other program's arrives.
    let last = counted(env)?;
    same!(ok!(env.finish(&task)), EXCEPTION_KILL);
    same!(counted(env)?, last);
    Ok(())
}

fn exit_running(env: &mut Env<'_>) -> Outcome {
    let task = ok!(env.new_process(b"many"));
    let other = ok!(env.new_thread_in(&task, b"spinner"));
    ok!(env.set_script(&other, &count()));
    // The first thread leaves as soon as it is told to.
    let (near, far) = ok!(env.channel());
    let readable = Arg::Is(u64::from(Signals::READABLE.0));
    let wait = [Arg::Is(0), readable, Arg::Is(INFINITE as u64)];
    let steps = [Step::give_handle(1), Step::call(Sysno::object_wait_one, &wait), Step::exit(5)];
    ok!(env.set_script(&task, &steps));
    ok!(env.start_process(&task, far));
    ok!(env.start_thread(&other));
    runs(env, &other)?;
    ok!(env.channel_write(near, b"leave", &[]));
    same!(ok!(env.finish(&task)), 5);
    ok!(env.wait_for_end(other.thread));
    stands(env, &other)
}

/// How many processes live at once: more than there are ASIDs of 8 bits, by more than there are CPUs.
const SPACES: u64 = 300;

/// Each process has a page of its own at one address, in which it leaves its number, and finds it again.
fn many_spaces(env: &mut Env<'_>) -> Outcome {
    const PLACE: u64 = 64 << 30;
    let at = Arg::Is(USER_BASE + PLACE);
    let mut tasks = Vec::new();
    for number in 0..SPACES {
        let task = ok!(env.new_process(b"one of many"));
        let page = ok!(env.vmo_create(P, 0));
        ok!(env.vmar_map(task.vmar, PERM_READ | PERM_WRITE | SPECIFIC, PLACE, page, 0, P));
        let steps = [
            Step::new(Do::Store, &[at, Arg::Is(number)]),
            Step::call(Sysno::thread_legacy_yield, &[]),
            Step::new(Do::Copy, &[at, Arg::Script(DATA)]),
            Step::new(Do::Store, &[Arg::Script(DATA + 8), Arg::Is(1)]),
            Step::call(Sysno::nanosleep, &[Arg::Is(INFINITE as u64)]),
        ];
        ok!(env.set_script(&task, &steps));
        ok!(env.start_process(&task, 0));
        ok!(env.close(page));
        env.forget(page);
        tasks.push(task);
    }
    let end = env.in_the_future(PROMPTLY);
    for (number, task) in (0..).zip(&tasks) {
        while ok!(env.script_word(task, DATA + 8)) == 0 {
            truth!(env.now() < end);
            ok!(env.pause(GLANCE));
        }
        same!(ok!(env.script_word(task, DATA)) as u32, number);
    }
    for task in &tasks {
        ok!(kill(env, task.process));
        same!(ok!(env.finish(task)), SYSCALL_KILL);
    }
    Ok(())
}
