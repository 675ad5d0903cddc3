//! Mapping over what is mapped: all of it, or nothing.

use abi::vmar::{PERM_READ, PERM_WRITE, SPECIFIC_OVERWRITE, USER_BASE};
use abi::{Sysno, VirtAddr};

use crate::check::{ok, refused, same};
use crate::env::Result;
use crate::physical_ops::registers;
use crate::vmar::mapped;
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "VMR-J59" over_many "a mapping takes the place of very many";
    "VMR-J60" tells_inside "a mapping tells its address in the place that it takes, or changes nothing";
}

const RW: u32 = PERM_READ | PERM_WRITE;

/// Maps a VMO over what is there, and has the address written where it is asked for.
fn over(env: &mut Env<'_>, options: u32, at: u64, (vmo, from): (u32, u64), len: u64, out: u64) -> Result {
    let options = options | SPECIFIC_OVERWRITE;
    let args = [env.world.vmar.into(), options.into(), at - USER_BASE, vmo.into(), from, len, out];
    env.raw(Sysno::vmar_map, &args)
}

fn over_many(env: &mut Env<'_>) -> Outcome {
    const MANY: u64 = 99;
    let (old, at) = ok!(mapped(env, MANY));
    for page in 0..MANY {
        env.system.store32(VirtAddr(at.0 + page * P), page as u32 + 1);
        if page % 2 == 0 {
            ok!(env.protect(VirtAddr(at.0 + page * P), P, PERM_READ));
        }
    }
    same!(ok!(env.vmo_info(old)).num_mappings, MANY);
    let new = ok!(env.vmo_create(MANY * P, 0));
    for page in [1, MANY - 2] {
        ok!(env.vmo_write(new, page * P, &[5]));
    }
    let out = env.out(0);
    ok!(over(env, PERM_READ, at.0 + P, (new, P), (MANY - 2) * P, out));
    same!(env.out_u64(0), at.0 + P);
    same!((ok!(env.vmo_info(old)).num_mappings, ok!(env.vmo_info(new)).num_mappings), (2, 1));
    for (page, word) in [(0, 1), (1, 5), (2, 0), (MANY - 2, 5), (MANY - 1, MANY as u32)] {
        same!(env.system.load32(VirtAddr(at.0 + page * P)), word);
    }
    // What begins like the new one is no other: it is made longer, or stays.
    for pages in [MANY, MANY - 3, MANY] {
        ok!(over(env, PERM_READ, at.0, (new, 0), pages * P, out));
        same!(env.system.load32(VirtAddr(at.0 + P)), 5);
    }
    same!((ok!(env.vmo_info(old)).num_mappings, ok!(env.vmo_info(new)).num_mappings), (0, 1));
    Ok(())
}

fn tells_inside(env: &mut Env<'_>) -> Outcome {
    let (old, at) = ok!(mapped(env, 4));
    for page in 0..4 {
        env.system.store32(VirtAddr(at.0 + page * P), page as u32 + 1);
    }
    let device = ok!(registers(env));
    let new = ok!(env.vmo_create(2 * P, 0));
    // Not to be written, no memory, and beyond the VMO's end, in both words or in the last one.
    for (options, vmo, from, out) in [
        (PERM_READ, new, 0, P + 8),
        (0, new, 0, P + 8),
        (RW, device, 0, P + 8),
        (RW, new, P, 2 * P),
        (RW, new, P, 2 * P - 4),
        (PERM_READ, new, 0, P - 4),
        (PERM_READ, new, 0, 3 * P - 4),
    ] {
        refused!(over(env, options, at.0 + P, (vmo, from), 2 * P, at.0 + out), INVALID_ARGS);
        same!(ok!(env.vmo_info(old)).num_mappings, 1);
        same!(ok!(env.vmo_info(vmo)).num_mappings, 0);
        for page in 0..4 {
            same!(env.system.load32(VirtAddr(at.0 + page * P)), page as u32 + 1);
        }
    }
    // Inside, over an inner edge, and over the edges.
    for out in [P + 8, 2 * P - 4, P - 4, 3 * P - 4] {
        ok!(over(env, RW, at.0 + P, (new, 0), 2 * P, at.0 + out));
        let mut bytes = [0; 8];
        env.system.peek(VirtAddr(at.0 + out), &mut bytes);
        same!(u64::from_le_bytes(bytes), at.0 + P);
        same!(ok!(env.vmo_info(new)).num_mappings, 1);
        let elsewhere = env.out(0);
        ok!(over(env, RW, at.0 + P, (old, P), 2 * P, elsewhere));
        same!(env.system.load32(VirtAddr(at.0 + P)), 2);
    }
    Ok(())
}
