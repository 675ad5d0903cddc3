//! Permissions of what is mapped: who changes them, to what, and across what.

use abi::object::task_retcode::EXCEPTION_KILL;
use abi::vmar::{
    CAN_MAP_READ, CAN_MAP_SPECIFIC, CAN_MAP_WRITE, MAP_RANGE, PERM_EXECUTE, PERM_READ, PERM_WRITE, SPECIFIC,
};
use abi::{Rights, Sysno, VirtAddr};

use crate::agent::{Arg, Do, Step};
use crate::check::{ok, refused, same};
use crate::children::Task;
use crate::env::Result;
use crate::vmar::mapped;
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "VMR-025" protect_options "protect takes permissions and nothing else";
    "VMR-028" dropped_rights "a right that the handle lacked at mapping is not had later";
    "VMR-037" protect_across "protecting a gap finds nothing, and across a region only takes away";
    "VMR-J16" protect_to_none "a mapping without permissions ends whoever touches it";
    "VMR-J17" protect_from_none "a mapping without permissions can be given some";
    "VMO-007" protect_to_none_again "what was readable is not when its permissions are gone";
    "VMO-008" read_only_after_none "what was made readable is not writable";
    "VMR-J11" protect_middle "protecting the middle leaves both ends";
}

/// A process that touches a page of its own as `access` says, with these permissions on it.
fn touch(env: &mut Env<'_>, task: &Task, permissions: &[u32], access: Do) -> Result<i64> {
    let vmo = env.vmo_create(P, 0)?;
    let at = env.vmar_map(task.vmar, PERM_READ | PERM_WRITE, 0, vmo, 0, P)?;
    for permission in permissions {
        let args = [u64::from(task.vmar), u64::from(*permission), at.0, P];
        env.raw(Sysno::vmar_protect, &args)?;
    }
    env.run_prepared(task, &[Step::new(access, &[Arg::Is(at.0)]), Step::exit(0)])
}

fn protect_options(env: &mut Env<'_>) -> Outcome {
    let (_, at) = ok!(mapped(env, 1));
    for extra in [CAN_MAP_WRITE, SPECIFIC, MAP_RANGE, 1 << 31] {
        refused!(env.protect(at, P, PERM_READ | extra), INVALID_ARGS);
    }
    refused!(env.protect(at, P, PERM_WRITE), INVALID_ARGS);
    Ok(())
}

fn dropped_rights(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    let reader = ok!(env.duplicate(vmo, Rights::READ | Rights::MAP));
    let at = ok!(env.map(reader, PERM_READ, P));
    refused!(env.protect(at, P, PERM_READ | PERM_WRITE), ACCESS_DENIED);
    ok!(env.close(reader));
    refused!(env.protect(at, P, PERM_READ | PERM_WRITE), ACCESS_DENIED);
    refused!(env.protect(at, P, PERM_READ | PERM_EXECUTE), ACCESS_DENIED);
    ok!(env.protect(at, P, 0));
    ok!(env.protect(at, P, PERM_READ));
    Ok(())
}

fn protect_across(env: &mut Env<'_>) -> Outcome {
    const RW: u32 = PERM_READ | PERM_WRITE;
    let (_, at) = ok!(mapped(env, 3));
    ok!(env.unmap(VirtAddr(at.0 + P), P));
    refused!(env.protect(at, 3 * P, PERM_READ), NOT_FOUND);
    refused!(env.protect(VirtAddr(at.0 + P), P, PERM_READ), NOT_FOUND);
    refused!(env.protect(at, 2 * P, RW), NOT_FOUND);
    // A mapping, a region with a mapping of its own, and a mapping again.
    let vmo = ok!(env.vmo_create(3 * P, 0));
    let (region, base) = ok!(env.region(3));
    let protect = |env: &mut Env<'_>, vmar: u32, permissions: u32, page: u64, pages: u64| {
        env.raw(Sysno::vmar_protect, &[u64::from(vmar), u64::from(permissions), base + page * P, pages * P])
    };
    let all = CAN_MAP_READ | CAN_MAP_WRITE | CAN_MAP_SPECIFIC | SPECIFIC;
    let (inner, _) = ok!(env.allocate(region, all, P, P));
    ok!(env.vmar_map(region, RW | SPECIFIC, 0, vmo, 0, P));
    ok!(env.vmar_map(region, RW | SPECIFIC, 2 * P, vmo, 2 * P, P));
    // An empty region is a gap.
    refused!(protect(env, region, PERM_READ, 0, 3), NOT_FOUND);
    ok!(env.vmar_map(inner, PERM_READ | SPECIFIC, 0, vmo, P, P));
    for (page, pages) in [(0, 3), (1, 1), (0, 2), (1, 2)] {
        refused!(protect(env, region, RW, page, pages), ACCESS_DENIED);
    }
    ok!(protect(env, region, PERM_READ, 0, 3));
    ok!(protect(env, region, 0, 0, 3));
    refused!(protect(env, region, PERM_READ, 0, 3), ACCESS_DENIED);
    ok!(protect(env, inner, RW, 1, 1));
    ok!(protect(env, region, RW, 0, 1));
    ok!(protect(env, region, RW, 2, 1));
    env.system.store32(VirtAddr(base + P), 1);
    // More than one of them may ever have: the whole is refused.
    let reader = ok!(env.duplicate(vmo, Rights::READ | Rights::MAP));
    let (region, base) = ok!(env.region(2));
    ok!(env.vmar_map(region, RW | SPECIFIC, 0, vmo, 0, P));
    ok!(env.vmar_map(region, PERM_READ | SPECIFIC, P, reader, P, P));
    let args = |permissions: u32, at, len| [u64::from(region), u64::from(permissions), at, len];
    refused!(env.raw(Sysno::vmar_protect, &args(RW, base, 2 * P)), ACCESS_DENIED);
    refused!(env.raw(Sysno::vmar_protect, &args(RW, base + P, P)), ACCESS_DENIED);
    refused!(env.raw(Sysno::vmar_protect, &args(PERM_READ | PERM_EXECUTE, base, P)), ACCESS_DENIED);
    ok!(env.raw(Sysno::vmar_protect, &args(PERM_READ, base, 2 * P)));
    Ok(())
}

fn protect_to_none(env: &mut Env<'_>) -> Outcome {
    for access in [Do::Load, Do::Store, Do::Jump] {
        let task = ok!(env.new_process(b"none"));
        same!(ok!(touch(env, &task, &[0], access)), EXCEPTION_KILL);
    }
    Ok(())
}

fn protect_from_none(env: &mut Env<'_>) -> Outcome {
    let task = ok!(env.new_process(b"some"));
    same!(ok!(touch(env, &task, &[0, PERM_READ], Do::Load)), 0);
    Ok(())
}

fn protect_to_none_again(env: &mut Env<'_>) -> Outcome {
    for access in [Do::Load, Do::Store] {
        let task = ok!(env.new_process(b"readable"));
        same!(ok!(touch(env, &task, &[PERM_READ, 0], access)), EXCEPTION_KILL);
    }

    let (_, at) = ok!(mapped(env, 1));
    env.system.store32(at, 3);
    ok!(env.protect(at, P, 0));
    // The kernel may not read there for the program either.
    let (channel, _) = ok!(env.channel());
    refused!(env.raw(Sysno::channel_write, &[u64::from(channel), 0, at.0, 8]), INVALID_ARGS);
    ok!(env.protect(at, P, PERM_READ));
    same!(env.system.load32(at), 3);
    Ok(())
}

fn read_only_after_none(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    for (access, code) in [(Do::Load, 0), (Do::Store, EXCEPTION_KILL)] {
        let task = ok!(env.new_process(b"read-only"));
        let at = ok!(env.vmar_map(task.vmar, 0, 0, vmo, 0, P));
        ok!(env.raw(Sysno::vmar_protect, &[u64::from(task.vmar), u64::from(PERM_READ), at.0, P]));
        let steps = [Step::new(access, &[Arg::Is(at.0), Arg::Is(1)]), Step::exit(0)];
        same!(ok!(env.run_prepared(&task, &steps)), code);
    }
    same!(ok!(env.vmo_read(vmo, 0, 4)), [0; 4]);
    Ok(())
}

fn protect_middle(env: &mut Env<'_>) -> Outcome {
    let (_, at) = ok!(mapped(env, 3));
    ok!(env.protect(VirtAddr(at.0 + P), P, PERM_READ));
    env.system.store32(at, 1);
    env.system.store32(VirtAddr(at.0 + 2 * P), 3);
    same!(env.system.load32(VirtAddr(at.0 + P)), 0);
    // Nothing is written through a page that is read-only now.
    refused!(env.raw(Sysno::vmo_create, &[P, 0, at.0 + P]), INVALID_ARGS);
    Ok(())
}
