//! Processes and threads: making, starting, ending.

use abi::object::{HANDLE_INVALID, process_flags};
use abi::{Rights, Signals, Sysno};

use crate::agent::{Arg, DATA, HEADER, Step};
use crate::check::{ok, refused, same, truth};
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "TSK-001" names "a name is cut to 31 bytes, and may be empty";
    "TSK-002" no_start_handle "a process starts without a handle";
    "TSK-004" handles_closed "a process runs on when its handles are closed";
    "TSK-011" thread_needs_right "making a thread needs MANAGE_THREAD";
    "TSK-013" start_at_zero "a process that starts at 0 dies of it";
    "TSK-022" no_job "a process needs a job";
    "TSK-023" job_needs_right "making a process needs MANAGE_PROCESS";
    "TSK-034" death_closes_channels "a process's channels close when it dies";
    "TSK-J01" return_code "the return code is the one that the process gave";
    "TSK-J02" flags "info tells new, started and ended processes apart";
    "TSK-J03" default_rights "process, thread and VMAR have their default rights";
    "TSK-J04" options "unknown options are refused";
    "TSK-J05" start_handle_moves "the start handle moves, whatever becomes of the start";
    "TSK-J06" start_twice "a process and a thread are started once";
    "TSK-J07" foreign_thread "a process is started by its own thread only";
    "TSK-J08" thread_before_process "a thread waits for its process to be started";
    "TSK-J09" start_rights "starting needs WRITE on both, and MANAGE_THREAD for a thread";
    "TSK-J10" last_thread "a process ends with its last thread, with 0";
    "TSK-J11" exit_ends_threads "the exit of a process ends its other threads";
    "TSK-J12" never_started "a process that nobody can start any more is dead";
    "TSK-J13" bad_outputs "a process whose handles cannot be written is no process";
    "TSK-J14" memory_returns "a dead process's mappings are gone";
    "TSK-J15" two_threads "two threads share memory and end each on its own";
    "TSK-J16" arguments "a process starts with handle and argument in its first two registers";
    "TSK-J17" bad_names "a name that cannot be read is refused";
    "TSK-J18" thread_koids "thread ids grow and threads end with their signal";
}

fn names(env: &mut Env<'_>) -> Outcome {
    let (long, _) = ok!(env.process_create(&[b'n'; 40]));
    same!(ok!(env.name(long)), [[b'n'; 31].as_slice(), &[0]].concat());
    let (none, _) = ok!(env.process_create(b""));
    same!(ok!(env.name(none)), [0; 32]);
    Ok(())
}

fn no_start_handle(env: &mut Env<'_>) -> Outcome {
    let task = ok!(env.new_process(b"bare"));
    same!(ok!(env.run_prepared(&task, &[Step::exit(0)])), 0);
    same!(ok!(env.script_word(&task, 0)), 0);
    Ok(())
}

fn handles_closed(env: &mut Env<'_>) -> Outcome {
    let (near, far) = ok!(env.channel());
    let task = ok!(env.new_process(b"alone"));
    let wait = [
        Arg::Is(0),
        Arg::Is(u64::from(Signals::READABLE.0)),
        Arg::Is(abi::time::INFINITE as u64),
        Arg::Is(0),
    ];
    let write = [Arg::Is(0), Arg::Is(0), Arg::Script(DATA), Arg::Is(4)];
    let steps = [
        Step::give_handle(1),
        Step::call(Sysno::object_wait_one, &wait),
        Step::give_handle(3),
        Step::call(Sysno::channel_write, &write),
        Step::exit(0),
    ];
    ok!(env.set_script(&task, &steps));
    ok!(env.start_process(&task, far));
    ok!(env.close(task.thread));
    ok!(env.close(task.process));
    ok!(env.close(task.vmar));
    ok!(env.channel_write(near, b"go", &[]));
    let soon = env.in_the_future(5_000_000_000);
    ok!(env.wait(near, Signals::READABLE, soon).0);
    same!(ok!(env.channel_read(near)).bytes.len(), 4);
    ok!(env.wait(near, Signals::PEER_CLOSED, soon).0);
    Ok(())
}

fn thread_needs_right(env: &mut Env<'_>) -> Outcome {
    let (process, _) = ok!(env.process_create(b"strict"));
    let poor = ok!(env.duplicate(process, Rights::DESTROY));
    refused!(env.thread_create(poor, b"no"), ACCESS_DENIED);
    refused!(env.thread_create(0, b"no"), BAD_HANDLE);
    refused!(env.thread_create(env.world.job, b"no"), WRONG_TYPE);
    Ok(())
}

fn start_at_zero(env: &mut Env<'_>) -> Outcome {
    let task = ok!(env.new_process(b"zero"));
    let args = [u64::from(task.process), u64::from(task.thread), 0, 0, 0, 0];
    ok!(env.raw(Sysno::process_start, &args));
    same!(ok!(env.finish(&task)), abi::object::task_retcode::EXCEPTION_KILL);
    Ok(())
}

fn no_job(env: &mut Env<'_>) -> Outcome {
    let own = env.own().0;
    refused!(env.raw(Sysno::process_create, &[0, own, 1, 0, own, own + 8]), BAD_HANDLE);
    let process = u64::from(env.world.process);
    refused!(env.raw(Sysno::process_create, &[process, own, 1, 0, own, own + 8]), WRONG_TYPE);
    Ok(())
}

fn job_needs_right(env: &mut Env<'_>) -> Outcome {
    let own = env.own().0;
    // WRITE alone was enough once, and still is.
    let poor = ok!(env.duplicate(env.world.job, Rights::BASIC));
    refused!(env.raw(Sysno::process_create, &[u64::from(poor), own, 1, 0, own, own + 8]), ACCESS_DENIED);
    Ok(())
}

fn death_closes_channels(env: &mut Env<'_>) -> Outcome {
    let (near, far) = ok!(env.channel());
    let task = ok!(env.new_process(b"mortal"));
    ok!(env.set_script(&task, &[]));
    ok!(env.start_process(&task, far));
    let soon = env.in_the_future(5_000_000_000);
    ok!(env.wait(near, Signals::PEER_CLOSED, soon).0);
    same!(ok!(env.finish(&task)), abi::object::task_retcode::EXCEPTION_KILL);
    Ok(())
}

fn return_code(env: &mut Env<'_>) -> Outcome {
    for code in [0, 1, 42, -1i64, i64::MIN, 1 << 40] {
        same!(ok!(env.run_process(&[Step::exit(code as u64)])), code);
    }
    Ok(())
}

fn flags(env: &mut Env<'_>) -> Outcome {
    let task = ok!(env.new_process(b"stages"));
    same!(ok!(env.process_info(task.process)).flags, 0);
    same!(ok!(env.signals(task.process)), Signals::NONE);
    let before = env.now();
    same!(ok!(env.run_prepared(&task, &[Step::exit(7)])), 7);
    let info = ok!(env.process_info(task.process));
    same!(info.flags, process_flags::STARTED | process_flags::EXITED);
    truth!(info.start_time >= before && info.start_time <= env.now());
    same!(ok!(env.signals(task.process)), Signals::TASK_TERMINATED);
    Ok(())
}

fn default_rights(env: &mut Env<'_>) -> Outcome {
    let (process, vmar) = ok!(env.process_create(b"rights"));
    let thread = ok!(env.thread_create(process, b"rights"));
    same!(ok!(env.rights(process)), Rights::DEFAULT_PROCESS);
    same!(ok!(env.rights(vmar)), Rights::DEFAULT_VMAR);
    same!(ok!(env.rights(thread)), Rights::DEFAULT_THREAD);
    Ok(())
}

fn options(env: &mut Env<'_>) -> Outcome {
    let (process, _) = ok!(env.process_create(b"options"));
    let (job, own) = (u64::from(env.world.job), env.own().0);
    refused!(env.raw(Sysno::process_create, &[job, own, 1, 2, own, own + 8]), INVALID_ARGS);
    refused!(env.raw(Sysno::process_create, &[0, own, 1, 2, own, own + 8]), INVALID_ARGS);
    refused!(env.raw(Sysno::thread_create, &[u64::from(process), own, 1, 1, own]), INVALID_ARGS);
    refused!(env.raw(Sysno::thread_create, &[0, own, 1, 1, own]), INVALID_ARGS);
    Ok(())
}

fn start_handle_moves(env: &mut Env<'_>) -> Outcome {
    // Not transferable: refused, and gone.
    let task = ok!(env.new_process(b"mover"));
    ok!(env.set_script(&task, &[Step::exit(0)]));
    let vmo = ok!(env.vmo_create(P, 0));
    let stuck = ok!(env.duplicate(vmo, Rights::DEFAULT_VMO - Rights::TRANSFER));
    refused!(env.start_process(&task, stuck), ACCESS_DENIED);
    refused!(env.valid(stuck), BAD_HANDLE);
    // A thread of another process: refused, and gone.
    let other = ok!(env.new_process(b"other"));
    let twin = ok!(env.duplicate(vmo, Rights::SAME_RIGHTS));
    let mut mixed = task;
    mixed.thread = other.thread;
    refused!(env.start_process(&mixed, twin), ACCESS_DENIED);
    refused!(env.valid(twin), BAD_HANDLE);
    // The process can still be started.
    ok!(env.start_process(&task, HANDLE_INVALID));
    same!(ok!(env.finish(&task)), 0);
    Ok(())
}

fn start_twice(env: &mut Env<'_>) -> Outcome {
    let task = ok!(env.new_process(b"once"));
    same!(ok!(env.run_prepared(&task, &[Step::exit(0)])), 0);
    refused!(env.start_process(&task, HANDLE_INVALID), BAD_STATE);
    let thread = ok!(env.new_thread(b"once"));
    ok!(env.set_script(&thread, &[Step::call(Sysno::thread_exit, &[])]));
    ok!(env.start_thread(&thread));
    refused!(env.start_thread(&thread), BAD_STATE);
    ok!(env.wait_for_end(thread.thread));
    refused!(env.start_thread(&thread), BAD_STATE);
    Ok(())
}

fn foreign_thread(env: &mut Env<'_>) -> Outcome {
    let task = ok!(env.new_process(b"owner"));
    let thread = ok!(env.new_thread(b"foreign"));
    let args = [u64::from(task.process), u64::from(thread.thread), 0x100_0000, 0, 0, 0];
    refused!(env.raw(Sysno::process_start, &args), ACCESS_DENIED);
    Ok(())
}

fn thread_before_process(env: &mut Env<'_>) -> Outcome {
    let task = ok!(env.new_process(b"unstarted"));
    refused!(env.start_thread(&task), BAD_STATE);
    Ok(())
}

fn start_rights(env: &mut Env<'_>) -> Outcome {
    let task = ok!(env.new_process(b"rights"));
    ok!(env.set_script(&task, &[Step::exit(0)]));
    let process = ok!(env.duplicate(task.process, Rights::DEFAULT_PROCESS - Rights::WRITE));
    let thread = ok!(env.duplicate(task.thread, Rights::DEFAULT_THREAD - Rights::WRITE));
    let mut poor = task;
    poor.process = process;
    refused!(env.start_process(&poor, HANDLE_INVALID), ACCESS_DENIED);
    poor = task;
    poor.thread = thread;
    refused!(env.start_process(&poor, HANDLE_INVALID), ACCESS_DENIED);
    let own = ok!(env.new_thread(b"rights"));
    let thread = ok!(env.duplicate(own.thread, Rights::DEFAULT_THREAD - Rights::MANAGE_THREAD));
    poor = own;
    poor.thread = thread;
    refused!(env.start_thread(&poor), ACCESS_DENIED);
    Ok(())
}

fn last_thread(env: &mut Env<'_>) -> Outcome {
    same!(ok!(env.run_process(&[Step::call(Sysno::thread_exit, &[])])), 0);
    Ok(())
}

fn exit_ends_threads(env: &mut Env<'_>) -> Outcome {
    let task = ok!(env.new_process(b"many"));
    // The first thread makes a second one, which sleeps for ever, and leaves the process.
    let thread_at = HEADER + 3 * crate::agent::STEP + crate::agent::STEP_ARGS;
    let create = [Arg::Is(0), Arg::Script(DATA), Arg::Is(1), Arg::Is(0), Arg::Script(DATA + 64)];
    let copy = [Arg::Script(DATA + 64), Arg::Script(thread_at)];
    let entry = Arg::Function(Sysno::nanosleep);
    let start = [Arg::Is(0), entry, Arg::Is(0), Arg::Is(abi::time::INFINITE as u64)];
    let steps = [
        Step::give_handle(1),
        Step::call(Sysno::thread_create, &create),
        Step::new(crate::agent::Do::Copy, &copy),
        Step::call(Sysno::thread_start, &start),
        Step::exit(5),
    ];
    ok!(env.set_script(&task, &steps));
    let process = ok!(env.duplicate(task.process, Rights::SAME_RIGHTS));
    ok!(env.start_process(&task, process));
    same!(ok!(env.finish(&task)), 5);
    same!(ok!(env.step_status(&task, 3)), ());
    ok!(env.wait_for_end(task.thread));
    Ok(())
}

fn never_started(env: &mut Env<'_>) -> Outcome {
    let (process, vmar) = ok!(env.process_create(b"still-born"));
    let watcher = ok!(env.duplicate(process, Rights::WAIT));
    let vmo = ok!(env.vmo_create(P, 0));
    ok!(env.vmar_map(vmar, abi::vmar::PERM_READ, 0, vmo, 0, P));
    same!(ok!(env.vmo_info(vmo)).num_mappings, 1);
    ok!(env.close(watcher));
    ok!(env.close(process));
    ok!(env.close(vmar));
    same!(ok!(env.vmo_info(vmo)).num_mappings, 0);
    Ok(())
}

fn bad_outputs(env: &mut Env<'_>) -> Outcome {
    let before = env.system.object_count();
    let (job, own) = (u64::from(env.world.job), env.own().0);
    for pointer in env.bad_pointers() {
        refused!(env.raw(Sysno::process_create, &[job, own, 1, 0, pointer, own]), INVALID_ARGS);
        refused!(env.raw(Sysno::process_create, &[job, own, 1, 0, own, pointer]), INVALID_ARGS);
    }
    same!(env.system.object_count(), before);
    Ok(())
}

fn memory_returns(env: &mut Env<'_>) -> Outcome {
    let task = ok!(env.new_process(b"mapped"));
    let vmo = ok!(env.vmo_create(P, 0));
    ok!(env.vmar_map(task.vmar, abi::vmar::PERM_READ, 0, vmo, 0, P));
    same!(ok!(env.run_prepared(&task, &[Step::exit(0)])), 0);
    same!(ok!(env.vmo_info(vmo)).num_mappings, 0);
    refused!(env.vmar_map(task.vmar, abi::vmar::PERM_READ, 0, vmo, 0, P), BAD_STATE);
    refused!(env.thread_create(task.process, b"late"), BAD_STATE);
    Ok(())
}

fn two_threads(env: &mut Env<'_>) -> Outcome {
    let shared = ok!(env.vmo_create(P, 0));
    let at = ok!(env.map(shared, abi::vmar::PERM_READ | abi::vmar::PERM_WRITE, P));
    let mut tasks = alloc::vec::Vec::new();
    for index in 0..2 {
        let task = ok!(env.new_thread(b"worker"));
        let store = [Arg::Is(at.0 + index * 4), Arg::Is(index + 1)];
        let steps = [Step::new(crate::agent::Do::Store, &store), Step::call(Sysno::thread_exit, &[])];
        ok!(env.set_script(&task, &steps));
        ok!(env.start_thread(&task));
        tasks.push(task);
    }
    for task in &tasks {
        ok!(env.wait_for_end(task.thread));
    }
    same!(env.peek_u64(at), 1 | 2 << 32);
    Ok(())
}

fn arguments(env: &mut Env<'_>) -> Outcome {
    let task = ok!(env.new_process(b"arguments"));
    ok!(env.set_script(&task, &[Step::exit(0)]));
    let vmo = ok!(env.vmo_create(P, 0));
    // The agent finds its script through X1 and keeps X0: it ran at all, so X1 was right.
    ok!(env.start_process(&task, vmo));
    same!(ok!(env.finish(&task)), 0);
    let handle = ok!(env.script_word(&task, 0));
    same!(handle & 3, 3);
    truth!(handle <= u64::from(u32::MAX));
    Ok(())
}

fn bad_names(env: &mut Env<'_>) -> Outcome {
    let (job, own) = (u64::from(env.world.job), env.own().0);
    let (process, _) = ok!(env.process_create(b"named"));
    for pointer in env.bad_pointers() {
        refused!(env.raw(Sysno::process_create, &[job, pointer, 4, 0, own, own + 8]), INVALID_ARGS);
        refused!(env.raw(Sysno::thread_create, &[u64::from(process), pointer, 4, 0, own]), INVALID_ARGS);
    }
    Ok(())
}

fn thread_koids(env: &mut Env<'_>) -> Outcome {
    let first = ok!(env.new_thread(b"first"));
    let second = ok!(env.new_thread(b"second"));
    truth!(ok!(env.basic(second.thread)).koid > ok!(env.basic(first.thread)).koid);
    for task in [first, second] {
        ok!(env.set_script(&task, &[Step::call(Sysno::thread_exit, &[])]));
        ok!(env.start_thread(&task));
        ok!(env.wait_for_end(task.thread));
        truth!(ok!(env.signals(task.thread)).intersects(Signals::TASK_TERMINATED));
        same!(ok!(env.step_result(&task, 0)), 0);
    }
    Ok(())
}
