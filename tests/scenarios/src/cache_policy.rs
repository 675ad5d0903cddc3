//! Cache policies: who may change them, and when.

use abi::vmar::{PERM_READ, PERM_WRITE, SPECIFIC_OVERWRITE, USER_BASE};
use abi::vmo::{CachePolicy, child};
use abi::{Rights, VirtAddr};

use crate::check::{ok, refused, same};
use crate::physical_ops::{flash, registers};
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "CAC-001" every_policy "a memory-like physical VMO takes every policy, and info follows";
    "CAC-002" unknown_policies "a number above 3 is no policy";
    "CAC-004" bad_handle "a bad handle with a good policy is a bad handle";
    "CAC-005" needs_map "changing the policy needs MAP";
    "CAC-007" same_while_mapped "a mapped physical VMO may be given the policy that it has";
    "CAC-008" frozen_by_child "a physical VMO with a slice keeps its policy";
    "CAC-010" slice_same "a slice may be given the policy that it has";
    "CAC-013" paged_mapped "a mapped paged VMO keeps its policy";
    "CAC-014" paged_with_child "a paged VMO with a child takes no policy, not even its own";
    "CAC-J01" registers_stay_device "registers take the two Device policies and no other";
    "CAC-J02" policy_before_handle "an unknown policy is refused before the handle is looked at";
    "CAC-J03" frozen_by_mapping "a mapped physical VMO keeps its policy until it is unmapped";
    "CAC-J04" slice_frozen "a slice keeps the policy that it was made with";
    "CAC-J05" paged_stays_cached "a clean paged VMO may be given the policy that it has";
    "CAC-J06" wrong_type "only a VMO has a policy";
    "CAC-J07" inherited "a slice has the policy that its parent has when it is made";
    "CAC-J08" one_type_a_page "a page that is mapped with one memory type takes no second";
    "CAC-J09" over_one_type "what a mapping takes the place of gives it no memory type, and all that stays does";
}

const POLICIES: [CachePolicy; 4] =
    [CachePolicy::Cached, CachePolicy::Uncached, CachePolicy::UncachedDevice, CachePolicy::WriteCombining];

fn every_policy(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(flash(env, 1, CachePolicy::UncachedDevice));
    for policy in POLICIES {
        ok!(env.set_policy(vmo, policy));
        same!(ok!(env.vmo_info(vmo)).cache_policy, policy as u32);
    }
    Ok(())
}

fn unknown_policies(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(flash(env, 1, CachePolicy::UncachedDevice));
    for policy in (4..32).chain([0x100, 0x8000_0000, u32::MAX]) {
        refused!(env.set_cache_policy(vmo, policy), INVALID_ARGS);
    }
    for policy in 0..4 {
        refused!(env.set_cache_policy(vmo, policy | 4), INVALID_ARGS);
    }
    same!(ok!(env.vmo_info(vmo)).cache_policy, CachePolicy::UncachedDevice as u32);
    Ok(())
}

fn bad_handle(env: &mut Env<'_>) -> Outcome {
    refused!(env.set_cache_policy(0, 0), BAD_HANDLE);
    Ok(())
}

fn needs_map(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    let poor = ok!(env.duplicate(vmo, Rights::DEFAULT_VMO_PHYSICAL - Rights::MAP));
    refused!(env.set_policy(poor, CachePolicy::Uncached), ACCESS_DENIED);
    // Even for the policy that it has.
    refused!(env.set_policy(poor, CachePolicy::UncachedDevice), ACCESS_DENIED);
    Ok(())
}

fn same_while_mapped(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    ok!(env.map(vmo, PERM_READ, P));
    ok!(env.set_policy(vmo, CachePolicy::UncachedDevice));
    refused!(env.set_policy(vmo, CachePolicy::Uncached), BAD_STATE);
    Ok(())
}

fn frozen_by_child(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    let slice = ok!(env.slice(vmo, 0, P));
    refused!(env.set_policy(vmo, CachePolicy::Uncached), BAD_STATE);
    ok!(env.set_policy(vmo, CachePolicy::UncachedDevice));
    ok!(env.close(slice));
    ok!(env.set_policy(vmo, CachePolicy::Uncached));
    Ok(())
}

fn slice_same(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    let slice = ok!(env.slice(vmo, 0, P));
    ok!(env.set_policy(slice, CachePolicy::UncachedDevice));
    Ok(())
}

fn paged_mapped(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    let at = ok!(env.map(vmo, PERM_READ | PERM_WRITE, P));
    refused!(env.set_policy(vmo, CachePolicy::Uncached), BAD_STATE);
    refused!(env.set_policy(vmo, CachePolicy::Cached), BAD_STATE);
    ok!(env.unmap(at, P));
    for policy in POLICIES {
        ok!(env.set_policy(vmo, policy));
    }
    Ok(())
}

fn paged_with_child(env: &mut Env<'_>) -> Outcome {
    let kinds = [child::SNAPSHOT, child::SNAPSHOT_AT_LEAST_ON_WRITE, child::SNAPSHOT_MODIFIED, child::SLICE];
    for kind in kinds {
        let vmo = ok!(env.vmo_create(P, 0));
        let clone = ok!(env.create_child(vmo, kind, 0, P));
        for policy in POLICIES {
            refused!(env.set_policy(vmo, policy), BAD_STATE);
        }
        if kind == child::SLICE {
            refused!(env.set_policy(clone, CachePolicy::Cached), BAD_STATE);
        }
        ok!(env.close(clone));
        for policy in POLICIES {
            ok!(env.set_policy(vmo, policy));
        }
    }
    Ok(())
}

fn registers_stay_device(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    refused!(env.set_policy(vmo, CachePolicy::Cached), ACCESS_DENIED);
    refused!(env.set_policy(vmo, CachePolicy::WriteCombining), ACCESS_DENIED);
    same!(ok!(env.vmo_info(vmo)).cache_policy, CachePolicy::UncachedDevice as u32);
    ok!(env.set_policy(vmo, CachePolicy::Uncached));
    ok!(env.set_policy(vmo, CachePolicy::UncachedDevice));
    Ok(())
}

fn policy_before_handle(env: &mut Env<'_>) -> Outcome {
    refused!(env.set_cache_policy(0, 4), INVALID_ARGS);
    refused!(env.set_cache_policy(env.world.job, 4), INVALID_ARGS);
    Ok(())
}

fn frozen_by_mapping(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    let at = ok!(env.map(vmo, PERM_READ, P));
    refused!(env.set_policy(vmo, CachePolicy::Uncached), BAD_STATE);
    ok!(env.unmap(at, P));
    ok!(env.set_policy(vmo, CachePolicy::Uncached));
    Ok(())
}

fn slice_frozen(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    let slice = ok!(env.slice(vmo, 0, P));
    refused!(env.set_policy(slice, CachePolicy::Uncached), BAD_STATE);
    Ok(())
}

fn paged_stays_cached(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    ok!(env.set_policy(vmo, CachePolicy::Cached));
    ok!(env.vmo_write(vmo, 0, &[1; 4]));
    ok!(env.set_policy(vmo, CachePolicy::Cached));
    same!(ok!(env.vmo_read(vmo, 0, 4)), [1; 4]);
    Ok(())
}

fn wrong_type(env: &mut Env<'_>) -> Outcome {
    let (channel, _) = ok!(env.channel());
    for handle in [channel, env.world.job, env.world.vmar, env.world.mmio_root] {
        refused!(env.set_cache_policy(handle, 0), WRONG_TYPE);
    }
    Ok(())
}

fn inherited(env: &mut Env<'_>) -> Outcome {
    for policy in POLICIES {
        let parent = ok!(flash(env, 1, policy));
        let slice = ok!(env.slice(parent, 0, P));
        same!(ok!(env.vmo_info(slice)).cache_policy, policy as u32);
    }
    Ok(())
}

fn one_type_a_page(env: &mut Env<'_>) -> Outcome {
    let device = ok!(flash(env, 2, CachePolicy::UncachedDevice));
    let cached = ok!(flash(env, 2, CachePolicy::Cached));
    let at = ok!(env.map(device, PERM_READ, P));
    refused!(env.map(cached, PERM_READ, P), BAD_STATE);
    // The second page is nobody's yet.
    let second = ok!(env.vmar_map(env.world.vmar, PERM_READ, 0, cached, P, P));
    refused!(env.map(device, PERM_READ, 2 * P), BAD_STATE);
    ok!(env.unmap(at, P));
    ok!(env.unmap(second, P));
    let at = ok!(env.map(cached, PERM_READ, 2 * P));
    let _word = env.system.load32(VirtAddr(at.0 + P));
    Ok(())
}

fn over_one_type(env: &mut Env<'_>) -> Outcome {
    let old = ok!(flash(env, 4, CachePolicy::UncachedDevice));
    let new = ok!(flash(env, 4, CachePolicy::Uncached));
    let at = ok!(env.map(old, PERM_READ, 4 * P));
    let there = env.system.load32(at);
    let (vmar, over, place) = (env.world.vmar, PERM_READ | SPECIFIC_OVERWRITE, at.0 - USER_BASE);
    // One of its pages stays mapped.
    refused!(env.vmar_map(vmar, over, place, new, P, 3 * P), BAD_STATE);
    // All go, but one of them is mapped elsewhere, too.
    let slice = ok!(env.slice(old, 2 * P, P));
    let elsewhere = ok!(env.map(slice, PERM_READ, P));
    refused!(env.vmar_map(vmar, over, place, new, 0, 4 * P), BAD_STATE);
    same!((ok!(env.vmo_info(old)).num_mappings, ok!(env.vmo_info(new)).num_mappings), (1, 0));
    same!(env.system.load32(at), there);
    // The same bytes where they were, of a part, and of all.
    ok!(env.vmar_map(vmar, over, place, new, 0, P));
    same!((ok!(env.vmo_info(old)).num_mappings, ok!(env.vmo_info(new)).num_mappings), (1, 1));
    same!(env.system.load32(at), there);
    ok!(env.unmap(elsewhere, P));
    ok!(env.close(slice));
    ok!(env.vmar_map(vmar, over, place, new, 0, 4 * P));
    same!((ok!(env.vmo_info(old)).num_mappings, ok!(env.vmo_info(new)).num_mappings), (0, 1));
    same!(env.system.load32(at), there);
    refused!(env.map(old, PERM_READ, P), BAD_STATE);
    Ok(())
}
