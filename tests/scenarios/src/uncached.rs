//! Paged VMOs that are not cached: what they allow, and what the MMU makes of them.

use abi::vmar::{PERM_READ, PERM_WRITE};
use abi::vmo::{CachePolicy, child, create};
use abi::{Sysno, VirtAddr};

use crate::check::{ok, refused, same, truth};
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "CAC-011" every_policy "a clean paged VMO takes every policy, and info follows";
    "CAC-016" not_cloned "a paged VMO that is not cached has no snapshots until it is cached again";
    "CAC-017" not_copied "a paged VMO that is not cached is neither read nor written by calls";
    "CAC-J30" committed_stays "a paged VMO with pages that is not cached keeps its policy";
    "CAC-J31" bytes_stay "what a paged VMO holds stays when it is cached no more";
    "CAC-J32" resizable "a resizable VMO is uncached as well";
    "CAC-J33" slice_of_uncached "a slice of uncached contiguous memory shows the same bytes by the same type";
    "CAC-J34" uncached_children "memory that is not cached has neither references nor, if it is not contiguous, slices";
    "ORA-J20" attributes "the MMU has each policy of paged memory by its byte";
    "ORA-J21" zeroed "a page that is not cached starts as zero, whatever was there before";
}

const OTHERS: [CachePolicy; 3] =
    [CachePolicy::Uncached, CachePolicy::UncachedDevice, CachePolicy::WriteCombining];

fn every_policy(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(2 * P, 0));
    for policy in [0, 1, 2, 3, 2, 0] {
        ok!(env.set_cache_policy(vmo, policy));
        same!(ok!(env.vmo_info(vmo)).cache_policy, policy);
    }
    Ok(())
}

fn not_cloned(env: &mut Env<'_>) -> Outcome {
    for policy in OTHERS {
        let vmo = ok!(env.vmo_create(P, 0));
        ok!(env.set_policy(vmo, policy));
        for kind in [child::SNAPSHOT, child::SNAPSHOT_AT_LEAST_ON_WRITE, child::SNAPSHOT_MODIFIED] {
            refused!(env.create_child(vmo, kind, 0, P), BAD_STATE);
        }
        ok!(env.set_policy(vmo, CachePolicy::Cached));
        let clone = ok!(env.create_child(vmo, child::SNAPSHOT, 0, P));
        refused!(env.set_policy(vmo, policy), BAD_STATE);
        ok!(env.close(clone));
    }
    Ok(())
}

fn not_copied(env: &mut Env<'_>) -> Outcome {
    for policy in OTHERS {
        let vmo = ok!(env.vmo_create(P, 0));
        ok!(env.set_policy(vmo, policy));
        refused!(env.vmo_read(vmo, 0, 4), BAD_STATE);
        refused!(env.vmo_write(vmo, 0, &[1; 4]), BAD_STATE);
        refused!(env.vmo_read(vmo, 2 * P, 4), BAD_STATE);
        ok!(env.set_policy(vmo, CachePolicy::Cached));
        ok!(env.vmo_write(vmo, 0, &[1; 4]));
        same!(ok!(env.vmo_read(vmo, 0, 4)), [1; 4]);
    }
    Ok(())
}

fn committed_stays(env: &mut Env<'_>) -> Outcome {
    for policy in OTHERS {
        let vmo = ok!(env.vmo_create(2 * P, 0));
        ok!(env.set_policy(vmo, policy));
        let at = ok!(env.map(vmo, PERM_READ | PERM_WRITE, P));
        env.system.store32(at, 1);
        ok!(env.unmap(at, P));
        for other in 0..4 {
            refused!(env.set_cache_policy(vmo, other), BAD_STATE);
        }
        same!(ok!(env.vmo_info(vmo)).cache_policy, policy as u32);
    }
    Ok(())
}

fn bytes_stay(env: &mut Env<'_>) -> Outcome {
    for policy in OTHERS {
        let vmo = ok!(env.vmo_create(4 * P, 0));
        ok!(env.vmo_write(vmo, P - 4, &[7; 8]));
        ok!(env.set_policy(vmo, policy));
        same!(ok!(env.vmo_info(vmo)).committed_bytes, 2 * P);
        let at = ok!(env.map(vmo, PERM_READ | PERM_WRITE, 4 * P));
        for (offset, word) in [(P - 8, 0), (P - 4, 0x0707_0707), (P, 0x0707_0707), (P + 4, 0), (3 * P, 0)] {
            same!(env.system.load32(VirtAddr(at.0 + offset)), word);
        }
        env.system.store32(VirtAddr(at.0 + 2 * P), 5);
        let again = ok!(env.map(vmo, PERM_READ, 4 * P));
        same!(env.system.load32(VirtAddr(again.0 + 2 * P)), 5);
    }
    Ok(())
}

fn resizable(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, create::RESIZABLE));
    ok!(env.set_policy(vmo, CachePolicy::Uncached));
    same!(ok!(env.vmo_info(vmo)).cache_policy, 1);
    Ok(())
}

fn slice_of_uncached(env: &mut Env<'_>) -> Outcome {
    let bti = ok!(env.bti());
    let vmo = ok!(env.contiguous(bti, 2 * P, 0));
    ok!(env.set_policy(vmo, CachePolicy::WriteCombining));
    let slice = ok!(env.slice(vmo, P, P));
    let whole = ok!(env.map(vmo, PERM_READ | PERM_WRITE, 2 * P));
    let part = ok!(env.map(slice, PERM_READ, P));
    env.system.store32(VirtAddr(whole.0 + P), 0x5A5A);
    same!(env.system.load32(part), 0x5A5A);
    same!(ok!(env.translate(part, false)) >> 56, 0x44);
    Ok(())
}

fn attributes(env: &mut Env<'_>) -> Outcome {
    for policy in OTHERS {
        let vmo = ok!(env.vmo_create(8 * P, 0));
        ok!(env.set_policy(vmo, policy));
        let at = ok!(env.map(vmo, PERM_READ | PERM_WRITE, 8 * P));
        for page in 0..8 {
            let here = VirtAddr(at.0 + page * P);
            env.system.store32(here, 1);
            let par = ok!(env.translate(here, true));
            same!((par & 1, (par >> 56) as u8), (0, policy.mair_byte()));
            truth!(env.world.ram.contains_addr(abi::PhysAddr(par & 0x0000_FFFF_FFFF_F000)));
        }
        // A call does not follow a pointer there.
        refused!(env.raw(Sysno::vmo_get_size, &[u64::from(vmo), at.0]), INVALID_ARGS);
    }
    Ok(())
}

fn zeroed(env: &mut Env<'_>) -> Outcome {
    for round in 0..3 {
        // Leaves something in frames that are free soon.
        let dirt = ok!(env.vmo_create(64 * P, 0));
        for page in 0..64 {
            ok!(env.vmo_write(dirt, page * P, &[0xEE; 256]));
        }
        ok!(env.close(dirt));
        for policy in OTHERS {
            let vmo = ok!(env.vmo_create(8 * P, 0));
            ok!(env.set_policy(vmo, policy));
            let at = ok!(env.map(vmo, PERM_READ | PERM_WRITE, 8 * P));
            for page in 0..8 {
                for offset in [0, 64, P - 4] {
                    let here = VirtAddr(at.0 + page * P + offset);
                    same!(env.system.load32(here), 0);
                    env.system.store32(here, 0xEEEE + round);
                }
            }
            ok!(env.unmap(at, 8 * P));
            ok!(env.close(vmo));
        }
    }
    Ok(())
}

fn uncached_children(env: &mut Env<'_>) -> Outcome {
    for policy in OTHERS {
        let vmo = ok!(env.vmo_create(2 * P, 0));
        ok!(env.set_policy(vmo, policy));
        refused!(env.create_child(vmo, child::REFERENCE, 0, 0), BAD_STATE);
        refused!(env.slice(vmo, P, P), BAD_STATE);
    }
    Ok(())
}
