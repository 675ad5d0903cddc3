//! What is told of jobs, processes, threads and handles; and handles to members by their ids.

use alloc::vec::Vec;

use abi::layout::{AbiStruct, Plain};
use abi::object::task_retcode::SYSCALL_KILL;
use abi::object::{InfoHandleCount, InfoJob, InfoThread, info, process_flags, thread_state};
use abi::port::WaitItem;
use abi::time::INFINITE;
use abi::{Handle, Koid, Rights, Signals, Sysno};

use crate::agent::{Arg, Step};
use crate::check::{ok, refused, same, truth};
use crate::children::Task;
use crate::env::Result;
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "HND-022" lists_need_enumerate "who may not enumerate is told of no members";
    "HND-023" handle_count "the number of handles follows duplicates, messages and closes";
    "INF-J01" thread_states "a thread's state says what it waits for";
    "INF-J02" threads_of_a_process "a process lists its threads that run";
    "INF-J03" members_of_a_job "a job lists its own jobs and processes, and no deeper ones";
    "INF-J04" list_buffers "a list is as long as its buffer, and tells how long it might be";
    "INF-J05" types_and_rights "each topic is for its type, and needs its right";
    "INF-J06" long_list "a list of many is whole";
    "INF-J07" dead_job "a job that was killed has ended when nothing is left in it";
    "INF-J08" process_states "a process that was killed tells when it began and how it ended";
    "INF-J09" info_bad_pointers "lists and records refuse bad pointers";
    "OBJ-J01" child_by_koid "a member is had by its id, with the parent's rights at most";
    "OBJ-J02" child_refused "who may not enumerate finds no member, and other types have none";
    "OBJ-J03" child_of_many "a member is found among hundreds";
}

/// `zx_object_get_info` of a list: the ids, how many were written and how many there are.
fn list(env: &mut Env<'_>, handle: Handle, topic: u32, room: usize) -> Result<(Vec<Koid>, u64, u64)> {
    let buffer = env.data(&alloc::vec![0xEE; room * 8 + 8]);
    let (actual, avail) = (env.out(1), env.out(2));
    let args = [u64::from(handle), u64::from(topic), buffer, room as u64 * 8, actual, avail];
    env.raw(Sysno::object_get_info, &args)?;
    let bytes = env.data_bytes(room * 8 + 8);
    let (actual, avail) = (env.out_u64(1), env.out_u64(2));
    let koids = (0..actual as usize).map(|index| u64::get_at(&bytes, index * 8)).collect();
    // Nothing behind the last one is touched.
    let rest = bytes.get(actual as usize * 8..).unwrap_or(&[]);
    if rest.iter().any(|&byte| byte != 0xEE) {
        return Err(abi::Status::INTERNAL);
    }
    Ok((koids, actual, avail))
}

/// All of a list, in the order of ids.
fn members(env: &mut Env<'_>, handle: Handle, topic: u32) -> Result<Vec<Koid>> {
    let (mut koids, ..) = list(env, handle, topic, 512)?;
    koids.sort_unstable();
    Ok(koids)
}

fn koid(env: &mut Env<'_>, handle: Handle) -> Result<Koid> {
    Ok(env.basic(handle)?.koid)
}

fn job_in(env: &mut Env<'_>, parent: Handle) -> Result<Handle> {
    env.making(Sysno::job_create, &[u64::from(parent), 0])
}

fn state(env: &mut Env<'_>, thread: Handle) -> Result<u32> {
    Ok(env.info::<InfoThread>(thread, info::THREAD)?.state)
}

fn count(env: &mut Env<'_>, handle: Handle) -> Result<u32> {
    Ok(env.info::<InfoHandleCount>(handle, info::HANDLE_COUNT)?.handle_count)
}

fn lists_need_enumerate(env: &mut Env<'_>) -> Outcome {
    let job = ok!(job_in(env, env.world.job));
    let poor = ok!(env.duplicate(job, Rights::DEFAULT_JOB - Rights::ENUMERATE));
    let rich = ok!(env.duplicate(job, Rights::ENUMERATE));
    for topic in [info::JOB_CHILDREN, info::JOB_PROCESSES] {
        refused!(list(env, poor, topic, 4), ACCESS_DENIED);
        same!(ok!(list(env, rich, topic, 4)), (Vec::new(), 0, 0));
    }
    let (process, _) = ok!(env.process_create(b"listed"));
    let poor = ok!(env.duplicate(process, Rights::DEFAULT_PROCESS - Rights::ENUMERATE));
    refused!(list(env, poor, info::PROCESS_THREADS, 4), ACCESS_DENIED);
    Ok(())
}

fn handle_count(env: &mut Env<'_>) -> Outcome {
    let event = ok!(env.making(Sysno::event_create, &[0]));
    same!(ok!(count(env, event)), 1);
    let twin = ok!(env.duplicate(event, Rights::SAME_RIGHTS));
    same!(ok!(count(env, event)), 2);
    let (near, far) = ok!(env.channel());
    ok!(env.channel_write(near, b"", &[twin]));
    same!(ok!(count(env, event)), 2);
    ok!(env.channel_read(far));
    same!(ok!(count(env, event)), 2);
    let third = ok!(env.duplicate(event, Rights::SAME_RIGHTS));
    let third = ok!(env.replace(third, Rights::NONE));
    same!(ok!(count(env, event)), 3);
    refused!(count(env, third), ACCESS_DENIED);
    ok!(env.close(third));
    same!(ok!(count(env, event)), 2);
    Ok(())
}

/// A thread that makes one call and ends; it has begun to.
fn thread(env: &mut Env<'_>, call: Step) -> Result<Task> {
    let task = env.new_thread(b"subject")?;
    env.set_script(&task, &[call, Step::call(Sysno::thread_exit, &[])])?;
    env.start_thread(&task)?;
    Ok(task)
}

/// Waits until a thread has a state.
fn comes_to(env: &mut Env<'_>, thread: Handle, expected: u32) -> Outcome {
    let _in_vain = env.wait_for_state(thread, expected);
    same!(ok!(state(env, thread)), expected);
    Ok(())
}

fn thread_states(env: &mut Env<'_>) -> Outcome {
    let forever = Arg::Is(INFINITE as u64);
    let event = ok!(env.making(Sysno::event_create, &[0]));
    let port = ok!(env.making(Sysno::port_create, &[0]));
    let word = env.own();
    env.poke_u64(word, 1);
    let (event_arg, port_arg) = (Arg::Is(u64::from(event)), Arg::Is(u64::from(port)));
    let signals = Arg::Is(u64::from(Signals::user(7).0));
    let mut item = [0; WaitItem::SIZE];
    WaitItem { handle: event, waitfor: Signals::user(7).0, pending: 0 }.put(&mut item);
    let items = env.own().0 + 64;
    env.system.poke(abi::VirtAddr(items), &item);
    let none = Arg::Is(0);
    let cases = [
        (Step::call(Sysno::nanosleep, &[forever]), thread_state::BLOCKED_SLEEPING),
        (
            Step::call(Sysno::futex_wait, &[Arg::Is(word.0), Arg::Is(1), none, forever]),
            thread_state::BLOCKED_FUTEX,
        ),
        (Step::call(Sysno::port_wait, &[port_arg, forever, none]), thread_state::BLOCKED_PORT),
        (
            Step::call(Sysno::object_wait_one, &[event_arg, signals, forever, none]),
            thread_state::BLOCKED_WAIT_ONE,
        ),
        (
            Step::call(Sysno::object_wait_many, &[Arg::Is(items), Arg::Is(1), forever]),
            thread_state::BLOCKED_WAIT_MANY,
        ),
    ];
    for (call, expected) in cases {
        let task = ok!(thread(env, call));
        comes_to(env, task.thread, expected)?;
        ok!(env.raw(Sysno::task_kill, &[u64::from(task.thread)]));
        ok!(env.wait_for_end(task.thread));
        same!(ok!(state(env, task.thread)), thread_state::DEAD);
    }
    same!(ok!(state(env, env.world.thread)), thread_state::RUNNING);
    let mine: InfoThread = ok!(env.info(env.world.thread, info::THREAD));
    same!(mine.wait_exception_channel_type, 0);
    truth!(mine.cpu_affinity_mask.first().is_some_and(|mask| mask & 1 == 1));
    let fresh = ok!(env.thread_create(env.world.process, b"fresh"));
    same!(ok!(state(env, fresh)), thread_state::NEW);
    Ok(())
}

fn threads_of_a_process(env: &mut Env<'_>) -> Outcome {
    let before = ok!(members(env, env.world.process, info::PROCESS_THREADS));
    truth!(before.contains(&ok!(koid(env, env.world.thread))));
    let sleep = Step::call(Sysno::nanosleep, &[Arg::Is(INFINITE as u64)]);
    let task = ok!(thread(env, sleep));
    let _fresh = ok!(env.thread_create(env.world.process, b"fresh"));
    let mut expected = before.clone();
    expected.push(ok!(koid(env, task.thread)));
    same!(ok!(members(env, env.world.process, info::PROCESS_THREADS)), expected);
    ok!(env.raw(Sysno::task_kill, &[u64::from(task.thread)]));
    ok!(env.wait_for_end(task.thread));
    same!(ok!(members(env, env.world.process, info::PROCESS_THREADS)), before);
    Ok(())
}

fn members_of_a_job(env: &mut Env<'_>) -> Outcome {
    let job = ok!(job_in(env, env.world.job));
    let (first, second) = (ok!(job_in(env, job)), ok!(job_in(env, job)));
    let _deeper = ok!(job_in(env, first));
    let mut expected = alloc::vec![ok!(koid(env, first)), ok!(koid(env, second))];
    same!(ok!(members(env, job, info::JOB_CHILDREN)), expected);
    let inside = ok!(env.new_process_in(job, b"inside"));
    let _below = ok!(env.new_process_in(second, b"below"));
    same!(ok!(members(env, job, info::JOB_PROCESSES)), [ok!(koid(env, inside.process))]);
    ok!(env.close(first));
    ok!(env.close(_deeper));
    expected.remove(0);
    same!(ok!(members(env, job, info::JOB_CHILDREN)), expected);
    ok!(env.raw(Sysno::task_kill, &[u64::from(inside.process)]));
    ok!(env.wait_for_end(inside.process));
    same!(ok!(members(env, job, info::JOB_PROCESSES)), []);
    Ok(())
}

fn list_buffers(env: &mut Env<'_>) -> Outcome {
    let job = ok!(job_in(env, env.world.job));
    for _ in 0..5 {
        ok!(job_in(env, job));
    }
    let all = ok!(members(env, job, info::JOB_CHILDREN));
    for room in 0..8 {
        let (koids, actual, avail) = ok!(list(env, job, info::JOB_CHILDREN, room));
        same!((actual, avail), (room.min(5) as u64, 5));
        truth!(koids.iter().all(|koid| all.contains(koid)));
    }
    // Half a record is none, and nothing may be asked for.
    let buffer = env.data(&[0; 64]);
    let actual = env.out(1);
    let args = [u64::from(job), u64::from(info::JOB_CHILDREN), buffer, 15, actual, 0];
    ok!(env.raw(Sysno::object_get_info, &args));
    same!(env.out_u64(1), 1);
    ok!(env.raw(Sysno::object_get_info, &[u64::from(job), u64::from(info::JOB_CHILDREN)]));
    Ok(())
}

fn types_and_rights(env: &mut Env<'_>) -> Outcome {
    let job = ok!(job_in(env, env.world.job));
    let event = ok!(env.making(Sysno::event_create, &[0]));
    let (process, _) = ok!(env.process_create(b"typed"));
    for topic in [info::PROCESS_THREADS, info::JOB_CHILDREN, info::JOB_PROCESSES] {
        refused!(list(env, event, topic, 1), WRONG_TYPE);
        refused!(list(env, 0, topic, 1), BAD_HANDLE);
    }
    refused!(list(env, job, info::PROCESS_THREADS, 1), WRONG_TYPE);
    refused!(list(env, process, info::JOB_CHILDREN, 1), WRONG_TYPE);
    refused!(state(env, process), WRONG_TYPE);
    refused!(env.info::<InfoJob>(process, info::JOB), WRONG_TYPE);
    let blind = ok!(env.duplicate(job, Rights::DEFAULT_JOB - Rights::INSPECT));
    refused!(env.info::<InfoJob>(blind, info::JOB), ACCESS_DENIED);
    let blind = ok!(env.duplicate(env.world.thread, Rights::DEFAULT_THREAD - Rights::INSPECT));
    refused!(state(env, blind), ACCESS_DENIED);
    let small = [u64::from(job), u64::from(info::JOB), env.own().0, InfoJob::SIZE as u64 - 1];
    refused!(env.raw(Sysno::object_get_info, &small), BUFFER_TOO_SMALL);
    Ok(())
}

fn long_list(env: &mut Env<'_>) -> Outcome {
    let job = ok!(job_in(env, env.world.job));
    let mut expected = Vec::new();
    for _ in 0..300 {
        let child = ok!(job_in(env, job));
        expected.push(ok!(koid(env, child)));
    }
    same!(ok!(members(env, job, info::JOB_CHILDREN)), expected);
    let (koids, actual, avail) = ok!(list(env, job, info::JOB_CHILDREN, 100));
    same!((koids.len(), actual, avail), (100, 100, 300));
    Ok(())
}

fn dead_job(env: &mut Env<'_>) -> Outcome {
    let job = ok!(job_in(env, env.world.job));
    let (empty, child, last) = (ok!(job_in(env, job)), ok!(job_in(env, job)), ok!(job_in(env, job)));
    let (inner, innermost) = (ok!(job_in(env, last)), ok!(job_in(env, empty)));
    let alive = InfoJob { return_code: 0, exited: 0, kill_on_oom: 0, debugger_attached: 0, padding: [0; 5] };
    same!(ok!(env.info::<InfoJob>(job, info::JOB)), alive);
    let task = ok!(env.new_process_in(child, b"member"));
    ok!(env.set_script(&task, &[Step::call(Sysno::nanosleep, &[Arg::Is(INFINITE as u64)])]));
    ok!(env.start_process(&task, 0));
    ok!(env.raw(Sysno::task_kill, &[u64::from(job)]));
    for handle in [job, child, empty, last, inner, innermost] {
        ok!(env.wait_for_end(handle));
        let dead = InfoJob { return_code: SYSCALL_KILL, exited: 1, ..alive };
        same!(ok!(env.info::<InfoJob>(handle, info::JOB)), dead);
        same!(ok!(members(env, handle, info::JOB_CHILDREN)), []);
    }
    truth!(ok!(env.signals(job)).intersects(Signals::JOB_NO_JOBS));
    same!(ok!(env.finish(&task)), SYSCALL_KILL);
    ok!(env.raw(Sysno::task_kill, &[u64::from(job)]));
    Ok(())
}

fn process_states(env: &mut Env<'_>) -> Outcome {
    let task = ok!(env.new_process(b"subject"));
    let fresh = ok!(env.process_info(task.process));
    same!((fresh.flags, fresh.return_code, fresh.start_time), (0, 0, 0));
    ok!(env.set_script(&task, &[Step::call(Sysno::nanosleep, &[Arg::Is(INFINITE as u64)])]));
    let before = env.now();
    ok!(env.start_process(&task, 0));
    let after = env.now();
    let started = ok!(env.process_info(task.process));
    same!((started.flags, started.return_code), (process_flags::STARTED, 0));
    truth!((before..=after).contains(&started.start_time));
    ok!(env.raw(Sysno::task_kill, &[u64::from(task.process)]));
    ok!(env.wait_for_end(task.process));
    let dead = ok!(env.process_info(task.process));
    same!(dead.flags, process_flags::STARTED | process_flags::EXITED);
    same!((dead.return_code, dead.start_time), (SYSCALL_KILL, started.start_time));
    same!(ok!(members(env, task.process, info::PROCESS_THREADS)), []);
    Ok(())
}

fn info_bad_pointers(env: &mut Env<'_>) -> Outcome {
    let job = ok!(job_in(env, env.world.job));
    let _child = ok!(job_in(env, job));
    for topic in [info::JOB, info::JOB_CHILDREN, info::HANDLE_COUNT] {
        for pointer in env.bad_pointers() {
            let mut args = [u64::from(job), u64::from(topic), pointer, 256, 0, 0];
            refused!(env.raw(Sysno::object_get_info, &args), INVALID_ARGS);
            if pointer == 0 {
                continue;
            }
            args[2] = env.own().0;
            args[4] = pointer;
            refused!(env.raw(Sysno::object_get_info, &args), INVALID_ARGS);
            (args[4], args[5]) = (0, pointer);
            refused!(env.raw(Sysno::object_get_info, &args), INVALID_ARGS);
        }
    }
    // A list that runs into what is not mapped.
    let vmo = ok!(env.vmo_create(P, 0));
    let at = ok!(env.map(vmo, abi::vmar::PERM_READ | abi::vmar::PERM_WRITE, 2 * P));
    let _second = ok!(job_in(env, job));
    let args = [u64::from(job), u64::from(info::JOB_CHILDREN), at.0 + P - 8, 64];
    refused!(env.raw(Sysno::object_get_info, &args), INVALID_ARGS);
    Ok(())
}

fn child(env: &mut Env<'_>, parent: Handle, koid: Koid, rights: Rights) -> Result<Handle> {
    env.making(Sysno::object_get_child, &[u64::from(parent), koid, u64::from(rights.0)])
}

fn child_by_koid(env: &mut Env<'_>) -> Outcome {
    let job = ok!(env.making(Sysno::job_create, &[u64::from(env.world.job), 0]));
    let inner = ok!(env.making(Sysno::job_create, &[u64::from(job), 0]));
    let task = ok!(env.new_process_in(job, b"member"));
    ok!(env.set_script(&task, &[Step::call(Sysno::nanosleep, &[Arg::Is(abi::time::INFINITE as u64)])]));
    ok!(env.start_process(&task, 0));
    for (parent, member) in [(job, inner), (job, task.process), (task.process, task.thread)] {
        let koid = ok!(koid(env, member));
        let rights = ok!(env.rights(parent));
        let same = ok!(child(env, parent, koid, Rights::SAME_RIGHTS));
        same!(ok!(env.basic(same)).koid, koid);
        same!(ok!(env.rights(same)), rights);
        let fewer = ok!(child(env, parent, koid, Rights::INSPECT | Rights::WAIT));
        same!((ok!(env.basic(fewer)).koid, ok!(env.rights(fewer))), (koid, Rights::INSPECT | Rights::WAIT));
        let none = ok!(child(env, parent, koid, Rights::NONE));
        same!(ok!(env.rights(none)), Rights::NONE);
        if member == task.thread {
            // The process's rights let one enumerate what has no members.
            refused!(child(env, same, koid, Rights::NONE), WRONG_TYPE);
        }
    }
    // A handle made so is one like the others: through it the process is killed.
    let koid = ok!(koid(env, task.process));
    let process = ok!(child(env, job, koid, Rights::SAME_RIGHTS));
    ok!(env.raw(Sysno::task_kill, &[u64::from(process)]));
    ok!(env.wait_for_end(task.process));
    refused!(child(env, job, koid, Rights::NONE), NOT_FOUND);
    Ok(())
}

fn child_refused(env: &mut Env<'_>) -> Outcome {
    let job = ok!(env.making(Sysno::job_create, &[u64::from(env.world.job), 0]));
    let inner = ok!(env.making(Sysno::job_create, &[u64::from(job), 0]));
    let below = ok!(env.making(Sysno::job_create, &[u64::from(inner), 0]));
    let inside = ok!(koid(env, inner));
    let deeper = ok!(koid(env, below));
    refused!(child(env, job, deeper, Rights::NONE), NOT_FOUND);
    refused!(child(env, job, 0, Rights::NONE), NOT_FOUND);
    refused!(child(env, 0, inside, Rights::NONE), BAD_HANDLE);
    let poor = ok!(env.duplicate(job, Rights::DEFAULT_JOB - Rights::ENUMERATE));
    refused!(child(env, poor, inside, Rights::NONE), ACCESS_DENIED);
    let poor = ok!(env.duplicate(job, Rights::ENUMERATE));
    refused!(child(env, poor, inside, Rights::INSPECT), ACCESS_DENIED);
    // Right and rights come before the type, and the id last.
    let event = ok!(env.making(Sysno::event_create, &[0]));
    refused!(child(env, event, inside, Rights::NONE), ACCESS_DENIED);
    let (_, vmar) = ok!(env.process_create(b"no members"));
    refused!(child(env, vmar, inside, Rights::NONE), ACCESS_DENIED);
    let fresh = ok!(env.thread_create(env.world.process, b"fresh"));
    let unborn = ok!(koid(env, fresh));
    refused!(child(env, env.world.process, unborn, Rights::NONE), NOT_FOUND);
    let before = env.system.object_count();
    for pointer in env.bad_pointers() {
        refused!(env.raw(Sysno::object_get_child, &[u64::from(job), inside, 0, pointer]), INVALID_ARGS);
    }
    same!(env.system.object_count(), before);
    same!(ok!(env.basic(inner)).koid, inside);
    Ok(())
}

fn child_of_many(env: &mut Env<'_>) -> Outcome {
    let job = ok!(env.making(Sysno::job_create, &[u64::from(env.world.job), 0]));
    let mut koids = Vec::new();
    for _ in 0..200 {
        let inner = ok!(env.making(Sysno::job_create, &[u64::from(job), 0]));
        koids.push(ok!(koid(env, inner)));
    }
    let (process, _) = ok!(env.process_create_in(job, b"last"));
    koids.push(ok!(koid(env, process)));
    for index in [0, 1, 63, 64, 65, 127, 128, 199, 200] {
        let wanted = koids.get(index).copied().unwrap_or(0);
        let found = ok!(child(env, job, wanted, Rights::INSPECT));
        same!(ok!(env.basic(found)).koid, wanted);
    }
    refused!(child(env, job, u64::MAX, Rights::NONE), NOT_FOUND);
    Ok(())
}
