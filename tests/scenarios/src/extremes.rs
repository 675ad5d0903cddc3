//! Offsets, sizes and numbers at the ends of what there is.

use abi::object::info;
use abi::resource::{FLAG_EXCLUSIVE, Kind, system};
use abi::vmar::{PERM_READ, PERM_READ_IF_XOM_UNSUPPORTED, PERM_WRITE, REQUIRE_NON_RESIZABLE};
use abi::vmo::{CachePolicy, child, create};
use abi::{Handle, Rights, Sysno};

use crate::check::{ok, refused, same, truth};
use crate::env::Result;
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "EXT-J01" far_slices "a slice that is mapped far beyond its end is listed like any other mapping";
    "EXT-J02" contiguous_stream "contiguous memory has no stream size";
    "EXT-J03" shrunk_stream "all beyond a stream that shrank reads as zero";
    "EXT-J04" shrunk_far "a stream of thousands of pages shrinks to nothing in pieces";
    "EXT-J05" unbounded "an unbounded VMO's content size is what was given";
    "EXT-J06" execute_only "no memory is execute-only, and who allows reading for that may read";
    "EXT-J07" reference_sizes "a reference is as resizable as its parent";
    "EXT-J08" uncached_children "memory that is not cached has neither references nor, if it is not contiguous, slices";
    "EXT-J09" numbers "no resource is of a number that its kind does not have";
    "EXT-J10" sparse_reads "reading what was never written takes no memory of the VMO";
}

const TOPICS: [u32; 8] = [
    info::PROCESS_MAPS,
    info::PROCESS_MAPS_V1,
    info::PROCESS_MAPS_V2,
    info::PROCESS_VMOS,
    info::PROCESS_VMOS_V1,
    info::PROCESS_VMOS_V2,
    info::VMAR_MAPS,
    info::TASK_STATS,
];

/// Asks every topic that goes through an address space.
fn list_all(env: &mut Env<'_>) -> Result {
    for topic in TOPICS {
        let of = if topic == info::VMAR_MAPS { env.world.vmar } else { env.world.process };
        let (buffer, actual, avail) = (env.data(&[]), env.out(1), env.out(2));
        env.raw(Sysno::object_get_info, &[u64::from(of), u64::from(topic), buffer, 0xE000, actual, avail])?;
    }
    Ok(())
}

fn far_slices(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(3 * P, 0));
    let slice = ok!(env.slice(vmo, 2 * P, P));
    for offset in [0, P, 1 << 62, u64::MAX - 4 * P + 1, u64::MAX - 2 * P + 1] {
        let at = ok!(env.vmar_map(env.world.vmar, PERM_READ, 0, slice, offset, P));
        ok!(list_all(env));
        let commit = abi::vmar::RangeOp::Commit;
        truth!(env.vmar_op(env.world.vmar, commit, at.0, P).is_ok() == (offset == 0));
        ok!(list_all(env));
        ok!(env.unmap(at, P));
    }
    Ok(())
}

fn contiguous_stream(env: &mut Env<'_>) -> Outcome {
    let bti = ok!(env.bti());
    let vmo = ok!(env.contiguous(bti, 2 * P, 0));
    let slice = ok!(env.slice(vmo, P, P));
    for vmo in [vmo, slice] {
        same!((ok!(env.stream_size(vmo)), ok!(env.content_size(vmo))), (0, 0));
        refused!(env.set_stream_size(vmo, 0), NOT_SUPPORTED);
        refused!(env.set_content_size(vmo, 1), NOT_SUPPORTED);
    }
    Ok(())
}

fn shrunk_stream(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(3 * P, 0));
    let clone = |env: &mut Env<'_>| env.create_child(vmo, child::SNAPSHOT, 0, 3 * P);
    for page in 0..3 {
        ok!(env.vmo_write(vmo, page * P, &[7; 32]));
    }
    let before = ok!(clone(env));
    ok!(env.set_stream_size(vmo, 10));
    same!(ok!(env.vmo_read(vmo, 0, 12)), [7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 0, 0]);
    for page in 1..3 {
        same!(ok!(env.vmo_read(vmo, page * P, 32)), [0; 32]);
        same!(ok!(env.vmo_read(before, page * P, 32)), [7; 32]);
    }
    // What is written beyond the stream is gone when it grows.
    ok!(env.vmo_write(vmo, P, &[9; 32]));
    ok!(env.set_stream_size(vmo, 3 * P));
    same!(ok!(env.vmo_read(vmo, P, 32)), [0; 32]);
    Ok(())
}

fn shrunk_far(env: &mut Env<'_>) -> Outcome {
    const PAGES: u64 = 2048;
    let vmo = ok!(env.vmo_create(PAGES * P, 0));
    for page in (0..PAGES).step_by(3) {
        ok!(env.vmo_write(vmo, page * P + 8, &[1]));
    }
    ok!(env.set_stream_size(vmo, 1));
    same!(ok!(env.stream_size(vmo)), 1);
    for page in (0..PAGES).step_by(97) {
        same!(ok!(env.vmo_read(vmo, page * P + 8, 1)), [0]);
    }
    Ok(())
}

fn unbounded(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(3 * P + 5, create::UNBOUNDED));
    truth!(ok!(env.vmo_size(vmo)) > 1 << 63);
    same!((ok!(env.content_size(vmo)), ok!(env.stream_size(vmo))), (3 * P + 5, 3 * P + 5));
    let size = ok!(env.vmo_size(vmo));
    let vmo = ok!(env.vmo_create(u64::MAX, create::UNBOUNDED));
    same!((ok!(env.content_size(vmo)), ok!(env.vmo_size(vmo))), (size, size));
    Ok(())
}

fn execute_only(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    ok!(env.vmo_write(vmo, 0, &[5; 4]));
    let at = ok!(env.map(vmo, PERM_READ_IF_XOM_UNSUPPORTED, P));
    same!(env.system.load32(at), 0x0505_0505);
    ok!(env.protect(at, P, 0));
    ok!(env.protect(at, P, PERM_WRITE | PERM_READ_IF_XOM_UNSUPPORTED));
    env.system.store32(at, 3);
    same!(env.system.load32(at), 3);
    let blind = ok!(env.duplicate(vmo, Rights::MAP | Rights::WRITE));
    refused!(env.map(blind, PERM_READ_IF_XOM_UNSUPPORTED, P), ACCESS_DENIED);
    Ok(())
}

fn reference_sizes(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(env.vmo_create(2 * P, create::RESIZABLE));
    let reference = ok!(env.create_child(parent, child::REFERENCE, 0, 0));
    truth!(ok!(env.vmo_info(reference)).flags & abi::object::vmo_flags::RESIZABLE != 0);
    truth!(!ok!(env.rights(reference)).contains(Rights::RESIZE));
    refused!(env.vmo_set_size(reference, P), ACCESS_DENIED);
    refused!(env.map(reference, PERM_READ | REQUIRE_NON_RESIZABLE, P), NOT_SUPPORTED);
    let fixed = ok!(env.vmo_create(2 * P, 0));
    let reference = ok!(env.create_child(fixed, child::REFERENCE, 0, 0));
    refused!(env.vmo_set_size(reference, P), UNAVAILABLE);
    ok!(env.map(reference, PERM_READ | REQUIRE_NON_RESIZABLE, P));
    Ok(())
}

fn uncached_children(env: &mut Env<'_>) -> Outcome {
    for policy in [CachePolicy::Uncached, CachePolicy::WriteCombining] {
        let vmo = ok!(env.vmo_create(2 * P, 0));
        ok!(env.set_policy(vmo, policy));
        refused!(env.create_child(vmo, child::REFERENCE, 0, 0), BAD_STATE);
        refused!(env.slice(vmo, P, P), BAD_STATE);
    }
    Ok(())
}

fn sparse_reads(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(1 << 40, 0));
    ok!(env.vmo_write(vmo, P, &[6; 16]));
    for offset in [0, 7 * P, (1 << 40) - 2 * P, 1 << 30] {
        same!(ok!(env.vmo_read(vmo, offset + 100, 40)), [0; 40]);
        same!(ok!(env.vmo_read(vmo, offset + P - 20, 40)).len(), 40);
    }
    same!(ok!(env.vmo_read(vmo, P - 8, 16)), [0, 0, 0, 0, 0, 0, 0, 0, 6, 6, 6, 6, 6, 6, 6, 6]);
    same!(ok!(env.vmo_info(vmo)).committed_bytes, P);
    Ok(())
}

/// How many numbers a kind has, as far as a test may know.
fn ends(env: &Env<'_>) -> [(Handle, Kind, u64); 4] {
    let world = env.world;
    [
        (world.mmio_root, Kind::Mmio, 1 << 52),
        (world.irq_root, Kind::Irq, 1 << 24),
        (world.smc_root, Kind::Smc, 1 << 32),
        (world.system_root, Kind::System, system::COUNT),
    ]
}

fn numbers(env: &mut Env<'_>) -> Outcome {
    for (root, kind, end) in ends(env) {
        let kind = kind as u32;
        for options in [kind, kind | FLAG_EXCLUSIVE] {
            refused!(env.resource_create(root, options, end, 1, b"beyond"), NOT_FOUND);
            refused!(env.resource_create(root, options, end - 1, 2, b"across"), NOT_FOUND);
            refused!(env.resource_create(root, options, 1 << 62, 1, b"far"), NOT_FOUND);
        }
    }
    let last = system::COUNT - 1;
    ok!(env.resource_create(env.world.system_root, Kind::System as u32, last, 1, b"last"));
    Ok(())
}
