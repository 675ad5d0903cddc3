//! Clocks, sleep, and what the system tells of itself.

use abi::syscalls::Kind;
use abi::{Handle, Rights, Sysno};

use crate::check::{ok, refused, same, truth};
use crate::env::Result;
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "TIM-J01" monotonic "the monotonic clock does not go back";
    "TIM-J02" sleep "a sleep lasts at least until its deadline";
    "TIM-J03" sleep_past "a deadline that has passed does not sleep";
    "TIM-J04" ticks "ticks and nanoseconds tell the same time";
    "TIM-J05" deadline_after "a deadline lies as far ahead as asked, and saturates";
    "TIM-J06" system "page size, CPUs and memory are told";
    "TIM-J07" debug_write "the console takes bytes";
    "TIM-J08" debuglog "a log takes records";
    "TIM-J09" unbuilt "the calls that are listed and not built say so, and no others";
    "TIM-J10" features "the CPU's features are sets by kind, and there are five kinds";
}

impl Env<'_> {
    /// `zx_clock_get_monotonic`.
    pub(crate) fn now(&mut self) -> i64 {
        self.value(Sysno::clock_get_monotonic, 0) as i64
    }

    /// A call that returns a value and no status.
    fn value(&mut self, sysno: Sysno, arg: u64) -> u64 {
        self.system.call(sysno, [arg, 0, 0, 0, 0, 0, 0, 0])
    }
}

fn monotonic(env: &mut Env<'_>) -> Outcome {
    let mut last = env.now();
    truth!(last > 0);
    for _ in 0..100 {
        let now = env.now();
        truth!(now >= last);
        last = now;
    }
    Ok(())
}

fn sleep(env: &mut Env<'_>) -> Outcome {
    for pause in [1, 1_000, 1_000_000, 10_000_000] {
        let deadline = env.in_the_future(pause);
        ok!(env.nanosleep(deadline));
        truth!(env.now() >= deadline);
    }
    Ok(())
}

fn sleep_past(env: &mut Env<'_>) -> Outcome {
    for deadline in [0, -1, i64::MIN, 1] {
        ok!(env.nanosleep(deadline));
    }
    Ok(())
}

fn ticks(env: &mut Env<'_>) -> Outcome {
    let frequency = env.value(Sysno::ticks_per_second, 0);
    truth!(frequency >= 1000);
    let before = env.now();
    let ticks = env.value(Sysno::ticks_get, 0);
    let after = env.now();
    let nanoseconds = (u128::from(ticks) * 1_000_000_000 / u128::from(frequency)) as i64;
    // A microsecond for what the scale rounds away.
    truth!(before - 1000 <= nanoseconds && nanoseconds <= after + 1000);
    Ok(())
}

fn deadline_after(env: &mut Env<'_>) -> Outcome {
    let before = env.now();
    let deadline = env.value(Sysno::deadline_after, 1_000_000) as i64;
    truth!(deadline >= before + 1_000_000 && deadline <= env.now() + 1_000_000);
    same!(env.value(Sysno::deadline_after, i64::MAX as u64) as i64, i64::MAX);
    Ok(())
}

fn system(env: &mut Env<'_>) -> Outcome {
    same!(env.value(Sysno::system_get_page_size, 0) as u32, P as u32);
    truth!(env.value(Sysno::system_get_num_cpus, 0) as u32 >= 1);
    truth!((env.value(Sysno::system_get_dcache_line_size, 0) as u32).is_power_of_two());
    truth!(env.value(Sysno::system_get_physmem, 0) >= 32 << 20);
    Ok(())
}

fn features(env: &mut Env<'_>) -> Outcome {
    let at = env.own();
    for kind in 0..5 {
        env.poke_u64(at, u64::MAX);
        ok!(env.raw(Sysno::system_get_features, &[kind, at.0]));
        let words = env.peek_u64(at);
        // No more than a word is written, and only the CPU itself has any.
        same!(words >> 32, 0xFFFF_FFFF);
        truth!(kind == 0 || words as u32 == 0);
    }
    env.poke_u64(at, 7);
    for kind in [5, 6, 1 << 31, u64::from(u32::MAX)] {
        refused!(env.raw(Sysno::system_get_features, &[kind, at.0]), NOT_SUPPORTED);
    }
    same!(env.peek_u64(at), 7);
    Ok(())
}

fn debug_write(env: &mut Env<'_>) -> Outcome {
    let text = env.data(b"scenario: the console takes bytes\n");
    ok!(env.raw(Sysno::debug_write, &[text, 34]));
    ok!(env.raw(Sysno::debug_write, &[text, 0]));
    for pointer in env.bad_pointers() {
        refused!(env.raw(Sysno::debug_write, &[pointer, 8]), INVALID_ARGS);
    }
    Ok(())
}

/// `zx_debuglog_create`.
fn create(env: &mut Env<'_>, resource: Handle, options: u32) -> Result<Handle> {
    env.making(Sysno::debuglog_create, &[u64::from(resource), u64::from(options)])
}

fn debuglog(env: &mut Env<'_>) -> Outcome {
    let log = ok!(create(env, env.world.system_root, 0));
    same!(ok!(env.rights(log)), Rights::DEFAULT_DEBUGLOG);
    let text = env.data(b"scenario: the log takes records");
    ok!(env.raw(Sysno::debuglog_write, &[u64::from(log), 0, text, 31]));
    refused!(env.raw(Sysno::debuglog_write, &[u64::from(log), 1 << 20, text, 31]), INVALID_ARGS);
    let deaf = ok!(env.duplicate(log, Rights::BASIC));
    refused!(env.raw(Sysno::debuglog_write, &[u64::from(deaf), 0, text, 31]), ACCESS_DENIED);
    for pointer in env.bad_pointers() {
        refused!(env.raw(Sysno::debuglog_write, &[u64::from(log), 0, pointer, 8]), INVALID_ARGS);
    }
    refused!(create(env, env.world.mmio_root, 0), WRONG_TYPE);
    Ok(())
}

/// The calls that are listed and not built. Who builds one takes it out of this list.
const UNBUILT: &[Sysno] = &[
    Sysno::channel_call,
    Sysno::channel_read_etc,
    Sysno::channel_write_etc,
    Sysno::cprng_add_entropy,
    Sysno::eventpair_create,
    Sysno::exception_get_process,
    Sysno::exception_get_thread,
    Sysno::fifo_create,
    Sysno::fifo_read,
    Sysno::fifo_write,
    Sysno::futex_get_owner,
    Sysno::futex_requeue,
    Sysno::futex_wake_single_owner,
    Sysno::interrupt_ack,
    Sysno::interrupt_bind,
    Sysno::interrupt_create,
    Sysno::interrupt_destroy,
    Sysno::interrupt_trigger,
    Sysno::interrupt_wait,
    Sysno::job_set_critical,
    Sysno::object_signal_peer,
    Sysno::profile_create,
    Sysno::smc_call,
    Sysno::socket_create,
    Sysno::socket_read,
    Sysno::socket_set_disposition,
    Sysno::socket_write,
    Sysno::system_powerctl,
    Sysno::task_create_exception_channel,
    Sysno::task_suspend,
    Sysno::thread_read_state,
    Sysno::thread_write_state,
    Sysno::timer_cancel,
    Sysno::timer_create,
    Sysno::timer_set,
];

fn unbuilt(env: &mut Env<'_>) -> Outcome {
    for number in 0..abi::SYSCALLS.len() as u64 {
        let Some(sysno) = Sysno::from_raw(number) else { continue };
        if matches!(sysno.line().kind, Kind::VdsoOnly | Kind::NoReturn) {
            continue;
        }
        // Without arguments no call that is built has this to say.
        let is_unbuilt = env.raw(sysno, &[]) == Err(abi::Status::NOT_SUPPORTED);
        same!((sysno.line().name, is_unbuilt), (sysno.line().name, UNBUILT.contains(&sysno)));
    }
    Ok(())
}
