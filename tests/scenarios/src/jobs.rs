//! Jobs: policies, depth, and killing.

use abi::layout::AbiStruct;
use abi::object::info;
use abi::object::task_retcode::{EXCEPTION_KILL, POLICY_KILL, SYSCALL_KILL};
use abi::policy::{
    ABSOLUTE, Action, Condition, OVERRIDE_ALLOW, OVERRIDE_DENY, PolicyBasicV1, PolicyBasicV2, RELATIVE, topic,
};
use abi::time::INFINITE;
use abi::vmar::{PERM_EXECUTE, PERM_READ, PERM_WRITE};
use abi::{Handle, ObjectType, Rights, Signals, Sysno};

use crate::agent::{Arg, DATA, Do, HEADER, STEP, STEP_ARGS, Step};
use crate::check::{ok, refused, same, truth};
use crate::children::Task;
use crate::env::Result;
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "PHY-J12" policy_before_resource "a policy against VMOs comes after size and range, and before the resource";
    "TSK-005" kill_only_thread "a process ends when its only thread is killed";
    "TSK-007" kill_process "a killed process says so";
    "TSK-014" kill_unstarted_thread "a thread that was never started may be killed twice";
    "TSK-025" override_denied "a policy that may not be overridden is not";
    "TSK-026" policy_with_members "a job with members keeps its policy";
    "TSK-028" depth "jobs are nested only so deep";
    "TSK-031" missing_rights "each call on a job needs its right";
    "HND-028" bad_handle_exceptions "an exception for a bad handle that nobody handles ends the process";
    "JOB-J01" new_job "a new job knows its parent and is empty";
    "JOB-J02" policies_deny "each kind of new object can be denied";
    "JOB-J03" bad_handle_policy "a bad handle can be made to end its process";
    "JOB-J04" policy_arguments "bad topics, options, counts and conditions are refused";
    "JOB-J05" kill_job "killing a job ends everything in it and below it";
    "JOB-J06" signals "a job says when it has no processes and no jobs";
    "JOB-J07" kill_rights "killing needs DESTROY, which is looked at before the type";
    "JOB-J08" kill_is_idempotent "the dead can be killed";
    "JOB-J09" inherited "a job's policy is its parent's when it is made";
    "JOB-J10" dead_job "nothing is made in a killed job";
    "JOB-J11" writable_and_executable "memory that is writable and executable can be denied, or end who asks for it";
    "JOB-J12" ambient_executable "without a resource VMOs can be denied to become executable";
    "JOB-J13" bad_handle_answers "allowed or denied, a bad handle is a bad handle";
    "JOB-J14" executable_order "who may mark memory executable is asked before what, and only a value that is no handle is a bad one";
}

/// A job in the program's own.
fn job(env: &mut Env<'_>) -> Result<Handle> {
    job_in(env, env.world.job)
}

/// `zx_job_create`.
fn job_in(env: &mut Env<'_>, parent: Handle) -> Result<Handle> {
    env.making(Sysno::job_create, &[u64::from(parent), 0])
}

/// `zx_job_set_policy` of one condition that nobody below may override.
fn set_policy(env: &mut Env<'_>, job: Handle, option: u32, condition: Condition, action: Action) -> Result {
    let mut bytes = [0; PolicyBasicV1::SIZE];
    PolicyBasicV1 { condition: condition as u32, action: action as u32 }.put(&mut bytes);
    let list = env.input(&bytes);
    let args = [u64::from(job), u64::from(option), u64::from(topic::BASIC_V1), list, 1];
    env.raw(Sysno::job_set_policy, &args)
}

impl Env<'_> {
    /// A process under a policy that forbids new VMOs; not started.
    pub(crate) fn new_process_denied_vmos(&mut self) -> Result<Task> {
        let job = job(self)?;
        set_policy(self, job, ABSOLUTE, Condition::NewVmo, Action::Deny)?;
        self.new_process_in(job, b"denied")
    }
}

/// `zx_task_kill`.
fn kill(env: &mut Env<'_>, task: Handle) -> Result {
    env.raw(Sysno::task_kill, &[u64::from(task)])
}

/// A process in `job` that sleeps for ever, started.
fn sleeper(env: &mut Env<'_>, job: Handle) -> Result<Task> {
    let task = env.new_process_in(job, b"sleeper")?;
    let sleep = Step::call(Sysno::nanosleep, &[Arg::Is(INFINITE as u64)]);
    env.set_script(&task, &[sleep, Step::exit(77)])?;
    env.start_process(&task, 0)?;
    Ok(task)
}

fn policy_before_resource(env: &mut Env<'_>) -> Outcome {
    let task = ok!(env.new_process_denied_vmos());
    let create = |paddr, size| {
        let args = [Arg::Is(0), Arg::Is(paddr), Arg::Is(size), Arg::Script(DATA)];
        Step::call(Sysno::vmo_create_physical, &args)
    };
    let paged = Step::call(Sysno::vmo_create, &[Arg::Is(P), Arg::Is(0), Arg::Script(DATA)]);
    let wraps = 0u64.wrapping_sub(P);
    let steps = [create(0, 0), create(0, P + 1), create(wraps, 2 * P), create(0, P), paged, Step::exit(0)];
    same!(ok!(env.run_prepared(&task, &steps)), 0);
    refused!(env.step_status(&task, 0), INVALID_ARGS);
    refused!(env.step_status(&task, 1), INVALID_ARGS);
    refused!(env.step_status(&task, 2), OUT_OF_RANGE);
    refused!(env.step_status(&task, 3), ACCESS_DENIED);
    refused!(env.step_status(&task, 4), ACCESS_DENIED);
    Ok(())
}

fn kill_only_thread(env: &mut Env<'_>) -> Outcome {
    let task = ok!(sleeper(env, env.world.job));
    ok!(kill(env, task.thread));
    ok!(env.wait_for_end(task.process));
    ok!(env.wait_for_end(task.thread));
    Ok(())
}

fn kill_process(env: &mut Env<'_>) -> Outcome {
    let task = ok!(sleeper(env, env.world.job));
    ok!(kill(env, task.process));
    same!(ok!(env.finish(&task)), SYSCALL_KILL);
    ok!(env.wait_for_end(task.thread));
    Ok(())
}

fn kill_unstarted_thread(env: &mut Env<'_>) -> Outcome {
    let task = ok!(env.new_thread(b"idle"));
    ok!(kill(env, task.thread));
    ok!(kill(env, task.thread));
    Ok(())
}

fn override_denied(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(job(env));
    ok!(set_policy(env, parent, ABSOLUTE, Condition::NewVmo, Action::Deny));
    let child = ok!(job_in(env, parent));
    refused!(set_policy(env, child, ABSOLUTE, Condition::NewVmo, Action::Allow), ALREADY_EXISTS);
    // Relative to the parent, what contradicts it counts for nothing.
    ok!(set_policy(env, child, RELATIVE, Condition::NewVmo, Action::Allow));
    ok!(set_policy(env, child, ABSOLUTE, Condition::NewVmo, Action::Deny));
    ok!(set_policy(env, child, ABSOLUTE, Condition::NewChannel, Action::Deny));
    Ok(())
}

fn policy_with_members(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(job(env));
    let child = ok!(job_in(env, parent));
    refused!(set_policy(env, parent, ABSOLUTE, Condition::NewVmo, Action::Deny), BAD_STATE);
    let _member = ok!(env.new_process_in(child, b"member"));
    refused!(set_policy(env, child, ABSOLUTE, Condition::NewVmo, Action::Deny), BAD_STATE);
    Ok(())
}

fn depth(env: &mut Env<'_>) -> Outcome {
    let mut last = env.world.job;
    for _ in 0..32 {
        match job_in(env, last) {
            Ok(child) => last = child,
            outcome => {
                refused!(outcome, OUT_OF_RANGE);
                return Ok(());
            }
        }
    }
    refused!(job_in(env, last), OUT_OF_RANGE);
    Ok(())
}

fn missing_rights(env: &mut Env<'_>) -> Outcome {
    let job = ok!(job(env));
    let without = |right| Rights::DEFAULT_JOB - right;
    let poor = ok!(env.duplicate(job, without(Rights::MANAGE_JOB)));
    refused!(job_in(env, poor), ACCESS_DENIED);
    let poor = ok!(env.duplicate(job, without(Rights::SET_POLICY)));
    refused!(set_policy(env, poor, ABSOLUTE, Condition::NewVmo, Action::Deny), ACCESS_DENIED);
    refused!(job_in(env, 0), BAD_HANDLE);
    refused!(job_in(env, env.world.process), WRONG_TYPE);
    let own = env.own().0;
    refused!(env.raw(Sysno::job_create, &[u64::from(job), 1, own]), INVALID_ARGS);
    Ok(())
}

fn new_job(env: &mut Env<'_>) -> Outcome {
    let job = ok!(job(env));
    let basic = ok!(env.basic(job));
    same!(basic.object_type, ObjectType::Job as u32);
    same!(basic.rights, Rights::DEFAULT_JOB.0);
    same!(basic.related_koid, ok!(env.basic(env.world.job)).koid);
    same!(ok!(env.signals(job)), Signals::JOB_NO_JOBS | Signals::JOB_NO_PROCESSES);
    ok!(env.set_name(job, b"errands"));
    same!(ok!(env.name(job))[..8], *b"errands\0");
    Ok(())
}

fn policies_deny(env: &mut Env<'_>) -> Outcome {
    let out = [Arg::Script(DATA), Arg::Script(DATA + 8)];
    let channel = Step::call(Sysno::channel_create, &[Arg::Is(0), out[0], out[1]]);
    let event = Step::call(Sysno::event_create, &[Arg::Is(0), out[0]]);
    let vmo = Step::call(Sysno::vmo_create, &[Arg::Is(P), Arg::Is(0), out[0]]);
    for (condition, denied) in [
        (Condition::NewChannel, [true, false, false]),
        (Condition::NewEvent, [false, true, false]),
        (Condition::NewVmo, [false, false, true]),
        (Condition::NewAny, [true, true, true]),
    ] {
        let job = ok!(job(env));
        ok!(set_policy(env, job, ABSOLUTE, condition, Action::Deny));
        let task = ok!(env.new_process_in(job, b"denied"));
        same!(ok!(env.run_prepared(&task, &[channel, event, vmo, Step::exit(0)])), 0);
        for (index, denied) in denied.into_iter().enumerate() {
            let expected = if denied { Err(abi::Status::ACCESS_DENIED) } else { Ok(()) };
            same!(env.step_status(&task, index as u64), expected);
        }
    }
    Ok(())
}

fn bad_handle_policy(env: &mut Env<'_>) -> Outcome {
    let job = ok!(job(env));
    ok!(set_policy(env, job, ABSOLUTE, Condition::BadHandle, Action::Kill));
    // To ask whether a handle is valid is no mistake, nor is closing nothing.
    let task = ok!(env.new_process_in(job, b"careful"));
    let check = Step::call(Sysno::handle_check_valid, &[Arg::Is(3)]);
    let nothing = Step::call(Sysno::handle_close, &[Arg::Is(0)]);
    let valid = Step::call(Sysno::object_get_info, &[Arg::Is(3), Arg::Is(u64::from(info::HANDLE_VALID))]);
    same!(ok!(env.run_prepared(&task, &[check, valid, nothing, Step::exit(4)])), 4);
    let task = ok!(env.new_process_in(job, b"careless"));
    let close = Step::call(Sysno::handle_close, &[Arg::Is(3)]);
    same!(ok!(env.run_prepared(&task, &[close, Step::exit(77)])), POLICY_KILL);
    Ok(())
}

/// Copies eight bytes at an offset of the script's page into argument `arg` of a step.
fn fill(from: u64, step: u64, arg: u64) -> Step {
    let to = HEADER + step * STEP + STEP_ARGS + 8 * arg;
    Step::new(Do::Copy, &[Arg::Script(from), Arg::Script(to)])
}

fn writable_and_executable(env: &mut Env<'_>) -> Outcome {
    let (vmo, executable, at) = (DATA, DATA + 8, DATA + 16);
    let read_write = u64::from(PERM_READ | PERM_WRITE);
    let (all, code) = (read_write | u64::from(PERM_EXECUTE), u64::from(PERM_READ | PERM_EXECUTE));
    let make = Step::call(Sysno::vmo_create, &[Arg::Is(P), Arg::Is(0), Arg::Script(vmo)]);
    let mark =
        Step::call(Sysno::vmo_replace_as_executable, &[Arg::Is(0), Arg::Is(0), Arg::Script(executable)]);
    let none = Arg::Is(0);
    let map = |options| {
        Step::call(Sysno::vmar_map, &[none, Arg::Is(options), none, none, none, Arg::Is(P), Arg::Script(at)])
    };
    let protect = |options| Step::call(Sysno::vmar_protect, &[none, Arg::Is(options), none, Arg::Is(P)]);
    let steps = [
        make,
        fill(vmo, 2, 0),
        mark,
        fill(0, 5, 0),
        fill(executable, 5, 3),
        map(code),
        fill(0, 8, 0),
        fill(executable, 8, 3),
        map(read_write),
        fill(0, 11, 0),
        fill(at, 11, 2),
        protect(all),
        fill(0, 14, 0),
        fill(executable, 14, 3),
        map(all),
        Step::exit(0),
    ];
    for (action, code) in [(Action::Allow, 0), (Action::Deny, 0), (Action::Kill, POLICY_KILL)] {
        let job = ok!(job(env));
        ok!(set_policy(env, job, ABSOLUTE, Condition::VmarWx, action));
        let task = ok!(env.new_process_in(job, b"writer"));
        ok!(env.set_script(&task, &steps));
        let vmar = ok!(env.duplicate(task.vmar, Rights::SAME_RIGHTS));
        ok!(env.start_process(&task, vmar));
        same!(ok!(env.finish(&task)), code);
        same!((env.step_status(&task, 5), env.step_status(&task, 8)), (Ok(()), Ok(())));
        let expected = match action {
            Action::Allow => Ok(()),
            Action::Deny => Err(abi::Status::ACCESS_DENIED),
            _ => continue,
        };
        same!((env.step_status(&task, 11), env.step_status(&task, 14)), (expected, expected));
    }
    Ok(())
}

fn ambient_executable(env: &mut Env<'_>) -> Outcome {
    let (vmo, executable) = (DATA, DATA + 8);
    let make = Step::call(Sysno::vmo_create, &[Arg::Is(P), Arg::Is(0), Arg::Script(vmo)]);
    let mark =
        Step::call(Sysno::vmo_replace_as_executable, &[Arg::Is(0), Arg::Is(0), Arg::Script(executable)]);
    let valid = Step::call(Sysno::handle_check_valid, &[Arg::Is(0)]);
    let steps = [make, fill(vmo, 2, 0), mark, fill(vmo, 4, 0), valid, Step::exit(0)];
    for (action, code, marked) in [
        (Action::Allow, 0, Ok(())),
        (Action::Deny, 0, Err(abi::Status::ACCESS_DENIED)),
        (Action::Kill, POLICY_KILL, Ok(())),
    ] {
        let job = ok!(job(env));
        ok!(set_policy(env, job, ABSOLUTE, Condition::AmbientMarkVmoExec, action));
        let task = ok!(env.new_process_in(job, b"marker"));
        same!(ok!(env.run_prepared(&task, &steps)), code);
        if action != Action::Kill {
            same!(env.step_status(&task, 2), marked);
            // The handle is gone in either case.
            refused!(env.step_status(&task, 4), BAD_HANDLE);
        }
    }
    Ok(())
}

fn executable_order(env: &mut Env<'_>) -> Outcome {
    let out = DATA + 8;
    let make = Step::call(Sysno::event_create, &[Arg::Is(0), Arg::Script(DATA)]);
    let mark = Step::call(Sysno::vmo_replace_as_executable, &[Arg::Is(0), Arg::Is(0), Arg::Script(out)]);
    let none = Step::call(Sysno::vmo_replace_as_executable, &[Arg::Is(3), Arg::Is(0), Arg::Script(out)]);
    let valid = Step::call(Sysno::handle_check_valid, &[Arg::Is(0)]);
    let run = |env: &mut Env<'_>, policies: &[(Condition, Action)], steps: &[Step]| {
        let job = job(env)?;
        for &(condition, action) in policies {
            set_policy(env, job, ABSOLUTE, condition, action)?;
        }
        let task = env.new_process_in(job, b"marker")?;
        let code = env.run_prepared(&task, steps)?;
        Ok::<_, abi::Status>((task, code))
    };
    let (bad, ambient) = (Condition::BadHandle, Condition::AmbientMarkVmoExec);
    // Something else than a VMO is a handle: it goes, and the job hears of no bad one.
    let other = [make, fill(DATA, 2, 0), mark, fill(DATA, 4, 0), valid, Step::exit(5)];
    let (task, code) = ok!(run(env, &[(bad, Action::Kill)], &other));
    same!(code, 5);
    refused!(env.step_status(&task, 2), BAD_HANDLE);
    refused!(env.step_status(&task, 4), BAD_HANDLE);
    // It hears of a value that is none, of a resource's, too.
    let no_resource =
        Step::call(Sysno::vmo_replace_as_executable, &[Arg::Is(0), Arg::Is(3), Arg::Script(out)]);
    let with_other = [make, fill(DATA, 2, 0), no_resource, Step::exit(5)];
    same!(ok!(run(env, &[(bad, Action::Kill)], &[none, Step::exit(5)])).1, POLICY_KILL);
    same!(ok!(run(env, &[(bad, Action::Kill)], &with_other)).1, POLICY_KILL);
    // The policy about executable memory is asked before the handle is looked at; what is wrong with that is said first.
    same!(ok!(run(env, &[(ambient, Action::Kill)], &[none, Step::exit(5)])).1, POLICY_KILL);
    let (task, code) = ok!(run(env, &[(ambient, Action::Deny)], &[none, Step::exit(5)]));
    same!(code, 5);
    refused!(env.step_status(&task, 0), BAD_HANDLE);
    let (task, _) = ok!(run(env, &[(ambient, Action::Deny)], &other));
    refused!(env.step_status(&task, 2), BAD_HANDLE);
    refused!(env.step_status(&task, 4), BAD_HANDLE);
    Ok(())
}

fn bad_handle_answers(env: &mut Env<'_>) -> Outcome {
    for action in [Action::Allow, Action::Deny] {
        let job = ok!(job(env));
        ok!(set_policy(env, job, ABSOLUTE, Condition::BadHandle, action));
        let task = ok!(env.new_process_in(job, b"careless"));
        let close = Step::call(Sysno::handle_close, &[Arg::Is(3)]);
        let size = Step::call(Sysno::vmo_get_size, &[Arg::Is(0), Arg::Script(DATA)]);
        same!(ok!(env.run_prepared(&task, &[close, size, Step::exit(5)])), 5);
        refused!(env.step_status(&task, 0), BAD_HANDLE);
        refused!(env.step_status(&task, 1), BAD_HANDLE);
    }
    Ok(())
}

fn bad_handle_exceptions(env: &mut Env<'_>) -> Outcome {
    for action in [Action::AllowException, Action::DenyException] {
        let job = ok!(job(env));
        ok!(set_policy(env, job, ABSOLUTE, Condition::BadHandle, action));
        let task = ok!(env.new_process_in(job, b"exceptional"));
        let close = Step::call(Sysno::handle_close, &[Arg::Is(3)]);
        same!(ok!(env.run_prepared(&task, &[close, Step::exit(77)])), EXCEPTION_KILL);
    }
    Ok(())
}

fn policy_arguments(env: &mut Env<'_>) -> Outcome {
    let job = u64::from(ok!(job(env)));
    let mut bytes = [0; PolicyBasicV2::SIZE];
    let rule = |condition, action, flags| PolicyBasicV2 { condition, action, flags };
    let v2 = u64::from(topic::BASIC_V2);
    rule(Condition::NewVmo as u32, Action::Allow as u32, OVERRIDE_ALLOW).put(&mut bytes);
    let list = env.input(&bytes);
    ok!(env.raw(Sysno::job_set_policy, &[job, 1, v2, list, 1]));
    refused!(env.raw(Sysno::job_set_policy, &[job, 2, v2, list, 1]), INVALID_ARGS);
    refused!(env.raw(Sysno::job_set_policy, &[job, 1, 7, list, 1]), INVALID_ARGS);
    refused!(env.raw(Sysno::job_set_policy, &[job, 1, v2, list, 0]), INVALID_ARGS);
    refused!(env.raw(Sysno::job_set_policy, &[job, 1, v2, list, 33]), INVALID_ARGS);
    refused!(env.raw(Sysno::job_set_policy, &[0, 1, v2, list, 1]), BAD_HANDLE);
    for pointer in env.bad_pointers() {
        refused!(env.raw(Sysno::job_set_policy, &[job, 1, v2, pointer, 1]), INVALID_ARGS);
        // The list is read before the job is looked up.
        refused!(env.raw(Sysno::job_set_policy, &[0, 1, v2, pointer, 1]), INVALID_ARGS);
    }
    for (bad, expected) in [
        (rule(99, Action::Deny as u32, OVERRIDE_DENY), abi::Status::INVALID_ARGS),
        (rule(Condition::NewVmo as u32, 5, OVERRIDE_DENY), abi::Status::NOT_SUPPORTED),
        (rule(Condition::NewVmo as u32, Action::Deny as u32, 2), abi::Status::INVALID_ARGS),
    ] {
        bad.put(&mut bytes);
        let list = env.input(&bytes);
        same!(env.raw(Sysno::job_set_policy, &[job, 1, v2, list, 1]), Err(expected));
    }
    Ok(())
}

fn kill_job(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(job(env));
    let child = ok!(job_in(env, parent));
    let (upper, lower) = (ok!(sleeper(env, parent)), ok!(sleeper(env, child)));
    let bystander = ok!(sleeper(env, env.world.job));
    ok!(kill(env, parent));
    same!(ok!(env.finish(&upper)), SYSCALL_KILL);
    same!(ok!(env.finish(&lower)), SYSCALL_KILL);
    same!(ok!(env.signals(bystander.process)), Signals::NONE);
    ok!(kill(env, bystander.process));
    Ok(())
}

fn signals(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(job(env));
    let child = ok!(job_in(env, parent));
    same!(ok!(env.signals(parent)), Signals::JOB_NO_PROCESSES);
    let task = ok!(sleeper(env, child));
    same!(ok!(env.signals(child)), Signals::JOB_NO_JOBS);
    ok!(kill(env, task.process));
    ok!(env.finish(&task));
    let soon = env.in_the_future(1_000_000_000);
    ok!(env.wait(child, Signals::JOB_NO_PROCESSES, soon).0);
    ok!(env.close(child));
    ok!(env.wait(parent, Signals::JOB_NO_JOBS, soon).0);
    Ok(())
}

fn kill_rights(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    refused!(kill(env, vmo), ACCESS_DENIED);
    refused!(kill(env, 0), BAD_HANDLE);
    let task = ok!(sleeper(env, env.world.job));
    let poor = ok!(env.duplicate(task.process, Rights::DEFAULT_PROCESS - Rights::DESTROY));
    refused!(kill(env, poor), ACCESS_DENIED);
    ok!(kill(env, task.process));
    Ok(())
}

fn kill_is_idempotent(env: &mut Env<'_>) -> Outcome {
    let task = ok!(sleeper(env, env.world.job));
    for _ in 0..2 {
        ok!(kill(env, task.process));
        ok!(kill(env, task.thread));
    }
    same!(ok!(env.finish(&task)), SYSCALL_KILL);
    let done = ok!(env.new_process(b"done"));
    same!(ok!(env.run_prepared(&done, &[Step::exit(3)])), 3);
    ok!(kill(env, done.process));
    same!(ok!(env.process_info(done.process)).return_code, 3);
    Ok(())
}

fn inherited(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(job(env));
    ok!(set_policy(env, parent, ABSOLUTE, Condition::NewChannel, Action::Deny));
    let child = ok!(job_in(env, parent));
    let task = ok!(env.new_process_in(child, b"heir"));
    let channel = Step::call(Sysno::channel_create, &[Arg::Is(0), Arg::Script(DATA), Arg::Script(DATA + 8)]);
    same!(ok!(env.run_prepared(&task, &[channel, Step::exit(0)])), 0);
    refused!(env.step_status(&task, 0), ACCESS_DENIED);
    Ok(())
}

fn dead_job(env: &mut Env<'_>) -> Outcome {
    let job = ok!(job(env));
    ok!(kill(env, job));
    refused!(job_in(env, job), BAD_STATE);
    truth!(env.new_process_in(job, b"late").is_err());
    Ok(())
}
