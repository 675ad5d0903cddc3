//! Mappings that end with the content of their VMO: ZX_VM_FAULT_BEYOND_STREAM_SIZE.

use abi::object::task_retcode::EXCEPTION_KILL;
use abi::vmar::{ALLOW_FAULTS, FAULT_BEYOND_STREAM_SIZE, MAP_RANGE, PERM_READ, RangeOp};
use abi::vmo::{child, create};
use abi::{Handle, Rights, Sysno, VirtAddr};
use alloc::vec::Vec;

use crate::agent::{Arg, Do, Step};
use crate::check::{ok, refused, same, truth};
use crate::physical_ops::registers;
use crate::vmo_ranges::RW;
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "VMR-J50" last_page "a mapping that ends with the content shows the page of its last byte, and faults behind it";
    "VMR-J51" follows "where such a mapping ends follows the stream size down and up";
    "VMR-J52" shown_before "what such a mapping showed before is shown no more when the content ends before it";
    "VMR-J53" others_stay "other mappings of the VMO end where they did";
    "VMR-J54" options "such a mapping expects faults, and is of a VMO that is a stream";
    "VMR-J55" kernel_too "the kernel does not reach behind the content for a program";
    "VMR-J56" relatives "each slice has its own content, and a reference its parent's";
    "VMR-J57" crowds "hundreds of such mappings end together";
    "VMR-J58" racing "a program that runs in such a mapping dies of the fault when the content ends before it";
}

const ENDS: u32 = ALLOW_FAULTS | FAULT_BEYOND_STREAM_SIZE;
/// A byte that a page has at its start.
const KEPT: u8 = 9;

/// Lets a process load from `[0, 8)` and from these offsets of a mapping that ends with the content; how it ended.
fn touch(env: &mut Env<'_>, vmo: Handle, options: u32, offset: u64) -> Outcome<i64> {
    let task = ok!(env.new_process(b"reader"));
    let there = ok!(env.vmar_map(task.vmar, options, 0, vmo, 0, 4 * P));
    let load = |at| Step::new(Do::Load, &[Arg::Is(at)]);
    Ok(ok!(env.run_prepared(&task, &[load(there.0), load(there.0 + offset), Step::exit(0)])))
}

/// Four pages with something at the start of each.
fn four(env: &mut Env<'_>) -> Outcome<Handle> {
    let vmo = ok!(env.vmo_create(4 * P, create::RESIZABLE));
    for page in 0..4 {
        ok!(env.vmo_write(vmo, page * P, &[KEPT]));
    }
    Ok(vmo)
}

/// Whether the MMU shows a page of this program.
fn is_shown(env: &mut Env<'_>, at: u64) -> Outcome<bool> {
    Ok(ok!(env.translate(VirtAddr(at), false)) & 1 == 0)
}

fn last_page(env: &mut Env<'_>) -> Outcome {
    for (size, last) in [(1, 0), (P, 0), (P + 1, P), (2 * P, P), (3 * P - 1, 2 * P)] {
        let vmo = four(env)?;
        ok!(env.set_stream_size(vmo, size));
        for options in [PERM_READ | ENDS, RW | ENDS, PERM_READ | ENDS | MAP_RANGE] {
            same!((size, touch(env, vmo, options, last + P - 4)?), (size, 0));
            same!((size, touch(env, vmo, options, last + P)?), (size, EXCEPTION_KILL));
        }
        same!(touch(env, vmo, PERM_READ, 4 * P - 4)?, 0);
    }
    // Without content there is nothing to show.
    let vmo = four(env)?;
    ok!(env.set_stream_size(vmo, 0));
    same!(touch(env, vmo, PERM_READ | ENDS, 0)?, EXCEPTION_KILL);
    Ok(())
}

fn follows(env: &mut Env<'_>) -> Outcome {
    let vmo = four(env)?;
    let at = ok!(env.map(vmo, RW | ENDS, 4 * P)).0;
    for size in [4 * P, 2 * P, 3 * P, P + 1, 4 * P] {
        ok!(env.set_stream_size(vmo, size));
        let pages = size.div_ceil(P);
        for page in 0..pages {
            env.poke_u64(VirtAddr(at + page * P + 8), page);
        }
        same!(touch(env, vmo, PERM_READ | ENDS, (pages - 1) * P)?, 0);
        if pages < 4 {
            same!(touch(env, vmo, PERM_READ | ENDS, pages * P)?, EXCEPTION_KILL);
        }
    }
    // By the other ways to the size of the content, too.
    ok!(env.set_content_size(vmo, P));
    truth!(!is_shown(env, at + P)?);
    ok!(env.vmo_set_size(vmo, 3 * P));
    env.poke_u64(VirtAddr(at + 2 * P), 1);
    ok!(env.vmo_set_size(vmo, 2 * P));
    truth!(is_shown(env, at)? && !is_shown(env, at + 2 * P)?);
    same!(touch(env, vmo, PERM_READ | ENDS, 2 * P)?, EXCEPTION_KILL);
    Ok(())
}

fn shown_before(env: &mut Env<'_>) -> Outcome {
    let vmo = four(env)?;
    let at = ok!(env.map(vmo, RW | ENDS | MAP_RANGE, 4 * P)).0;
    for page in 0..4 {
        truth!(is_shown(env, at + page * P)?);
    }
    ok!(env.set_stream_size(vmo, P + 1));
    for page in 0..4 {
        same!((page, is_shown(env, at + page * P)? && page > 1), (page, false));
    }
    // Neither is it shown in advance.
    ok!(env.vmar_op(env.world.vmar, RangeOp::MapRange, at, 4 * P));
    truth!(is_shown(env, at + P)? && !is_shown(env, at + 2 * P)?);
    // What is written behind the content is zero when it becomes content.
    same!(ok!(env.vmo_read(vmo, 3 * P, 1)), [0]);
    ok!(env.vmo_write(vmo, 3 * P, &[KEPT]));
    ok!(env.set_stream_size(vmo, 4 * P));
    same!(env.peek_u64(VirtAddr(at + 3 * P)), 0);
    Ok(())
}

fn others_stay(env: &mut Env<'_>) -> Outcome {
    let vmo = four(env)?;
    let (ends, plain) = (ok!(env.map(vmo, RW | ENDS, 4 * P)).0, ok!(env.map(vmo, RW, 4 * P)).0);
    for page in 0..4 {
        same!(env.peek_u64(VirtAddr(ends + page * P)), env.peek_u64(VirtAddr(plain + page * P)));
    }
    ok!(env.set_stream_size(vmo, P));
    same!(env.peek_u64(VirtAddr(plain + 3 * P)), 0);
    env.poke_u64(VirtAddr(plain + 2 * P), 7);
    truth!(is_shown(env, plain + 2 * P)? && !is_shown(env, ends + 2 * P)?);
    // A part that is protected ends where the whole does.
    ok!(env.protect(VirtAddr(ends + P), 2 * P, PERM_READ));
    ok!(env.set_stream_size(vmo, 2 * P));
    same!(env.peek_u64(VirtAddr(ends + P)), 0);
    refused!(env.raw(Sysno::vmo_write, &[u64::from(vmo), ends + 2 * P, 0, 8]), INVALID_ARGS);
    Ok(())
}

fn options(env: &mut Env<'_>) -> Outcome {
    let vmo = four(env)?;
    refused!(env.map(vmo, RW | FAULT_BEYOND_STREAM_SIZE, P), INVALID_ARGS);
    // Whether it is a stream is asked before the rights.
    let device = ok!(registers(env));
    let bare = ok!(env.duplicate(device, Rights::NONE));
    refused!(env.map(bare, RW | FAULT_BEYOND_STREAM_SIZE, P), NOT_SUPPORTED);
    refused!(env.map(device, RW | ENDS, P), NOT_SUPPORTED);
    let slice = ok!(env.slice(device, 0, P));
    refused!(env.map(slice, PERM_READ | ENDS, P), NOT_SUPPORTED);
    let bare = ok!(env.duplicate(vmo, Rights::NONE));
    refused!(env.map(bare, RW | FAULT_BEYOND_STREAM_SIZE, P), ACCESS_DENIED);
    Ok(())
}

fn kernel_too(env: &mut Env<'_>) -> Outcome {
    let vmo = four(env)?;
    let other = ok!(env.vmo_create(4 * P, 0));
    let at = ok!(env.map(vmo, RW | ENDS, 4 * P)).0;
    for shown in [false, true] {
        ok!(env.set_stream_size(vmo, 4 * P));
        if shown {
            env.poke_u64(VirtAddr(at + 2 * P), 1);
        }
        ok!(env.set_stream_size(vmo, 2 * P));
        for sysno in [Sysno::vmo_read, Sysno::vmo_write] {
            ok!(env.raw(sysno, &[u64::from(other), at + P, 0, P]));
            refused!(env.raw(sysno, &[u64::from(other), at + P, 0, P + 1]), INVALID_ARGS);
            refused!(env.raw(sysno, &[u64::from(other), at + 2 * P, 0, 1]), INVALID_ARGS);
        }
    }
    Ok(())
}

fn relatives(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(4 * P, 0));
    let slice = ok!(env.slice(vmo, P, 2 * P));
    let at = ok!(env.map(slice, RW | ENDS, 2 * P)).0;
    env.poke_u64(VirtAddr(at + P), 1);
    ok!(env.set_stream_size(vmo, P));
    same!(env.peek_u64(VirtAddr(at + P)), 0);
    truth!(is_shown(env, at + P)?);
    ok!(env.set_stream_size(slice, P));
    truth!(!is_shown(env, at + P)?);
    same!(touch(env, slice, PERM_READ | ENDS, P)?, EXCEPTION_KILL);
    same!(touch(env, vmo, PERM_READ | ENDS, P)?, EXCEPTION_KILL);
    let reference = ok!(env.create_child(vmo, child::REFERENCE, 0, 0));
    let there = ok!(env.map(reference, RW | ENDS, 4 * P)).0;
    env.poke_u64(VirtAddr(there), 5);
    ok!(env.set_stream_size(vmo, 4 * P));
    env.poke_u64(VirtAddr(there + 3 * P), 5);
    ok!(env.set_stream_size(reference, 2 * P));
    truth!(!is_shown(env, there + 3 * P)?);
    same!(touch(env, vmo, PERM_READ | ENDS, 2 * P)?, EXCEPTION_KILL);
    Ok(())
}

fn crowds(env: &mut Env<'_>) -> Outcome {
    const MANY: usize = 300;
    let vmo = four(env)?;
    let mut views = Vec::new();
    for _ in 0..MANY {
        views.push(ok!(env.map(vmo, RW | ENDS, 4 * P)).0);
    }
    for view in &views {
        env.poke_u64(VirtAddr(view + 3 * P), 3);
    }
    ok!(env.set_stream_size(vmo, P));
    same!(ok!(env.stream_size(vmo)), P);
    for view in views {
        truth!(!is_shown(env, view + 3 * P)?);
        same!(env.peek_u64(VirtAddr(view)) as u8, KEPT);
    }
    Ok(())
}

fn racing(env: &mut Env<'_>) -> Outcome {
    let vmo = four(env)?;
    let task = ok!(env.new_process(b"counter"));
    let there = ok!(env.vmar_map(task.vmar, RW | ENDS, 0, vmo, 0, 4 * P));
    ok!(env.set_script(&task, &[Step::new(Do::Count, &[Arg::Is(there.0 + 2 * P)])]));
    ok!(env.start_process(&task, 0));
    crate::children::patiently(env, |env, pause| {
        ok!(env.pause(pause));
        Ok(ok!(env.number(vmo, 2)) > 1000)
    })?;
    // It runs on in the page of the last byte.
    ok!(env.set_stream_size(vmo, 2 * P + 100));
    truth!(!ok!(env.process_info(task.process)).flags & abi::object::process_flags::EXITED != 0);
    ok!(env.set_stream_size(vmo, 2 * P));
    same!(ok!(env.finish(&task)), EXCEPTION_KILL);
    Ok(())
}
