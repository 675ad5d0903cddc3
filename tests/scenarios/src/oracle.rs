//! What the MMU makes of a mapping: the attribute byte, the address and the permissions of each.
//!
//! The answer is `PAR_EL1` after a translation as EL0: from the very tables that programs run on.

use abi::vmar::{PERM_EXECUTE, PERM_READ, PERM_WRITE};
use abi::vmo::CachePolicy;
use abi::{Rights, Sysno, VirtAddr};

use crate::check::{ok, refused, same, truth};
use crate::physical_ops::{flash, registers};
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "CAC-022" attribute_bytes "each policy gives the memory type that it stands for";
    "CAC-023" protect_keeps_type "changed permissions leave the memory type as it is";
    "ORA-J01" default_is_device "a default physical VMO is Device-nGnRE at the right address";
    "ORA-J02" permissions "the MMU allows what the mapping allows, and no more";
    "ORA-J03" paged_is_cached "paged memory is Normal write-back and inner shareable";
    "ORA-J04" unmapped "what is not mapped does not translate";
    "ORA-J05" every_page "every page of a mapping is the right one, with the right type";
    "ORA-J06" hook_is_guarded "the oracle answers to the DEBUG resource and to good arguments only";
    "ORA-J07" kernel_half "EL0 translates no kernel address";
    "ORA-J08" page_group_type "a page that two windows share is Device from both sides";
    "ORA-J09" after_unmap "an unmapped page is gone from the TLB too";
    "ORA-J10" slices "a slice's mapping has its parent's type and its own address";
    "ORA-J11" large "a mapping of 2 MiB and more is right at both ends and at a hole in it";
}

/// The attribute byte in a `PAR_EL1`.
const fn attribute(par: u64) -> u8 {
    (par >> 56) as u8
}

/// The address in a `PAR_EL1`.
pub(crate) const fn address(par: u64) -> u64 {
    par & 0x0000_FFFF_FFFF_F000
}

/// Whether a `PAR_EL1` tells of a fault.
const fn faulted(par: u64) -> bool {
    par & 1 != 0
}

/// The class of a fault: 1 translation, 3 permission.
const fn fault_class(par: u64) -> u64 {
    par >> 3 & 0xF
}

/// The shareability in a `PAR_EL1`.
const fn shareability(par: u64) -> u64 {
    par >> 7 & 3
}

const POLICIES: [CachePolicy; 4] =
    [CachePolicy::UncachedDevice, CachePolicy::Uncached, CachePolicy::WriteCombining, CachePolicy::Cached];

fn attribute_bytes(env: &mut Env<'_>) -> Outcome {
    for policy in POLICIES {
        let vmo = ok!(flash(env, 1, policy));
        let at = ok!(env.map(vmo, PERM_READ | PERM_WRITE, P));
        let par = ok!(env.translate(at, true));
        same!(faulted(par), false);
        same!(attribute(par), policy.mair_byte());
        ok!(env.unmap(at, P));
        ok!(env.close(vmo));
    }
    let vmo = ok!(registers(env));
    ok!(env.set_policy(vmo, CachePolicy::Uncached));
    let at = ok!(env.map(vmo, PERM_READ, P));
    same!(attribute(ok!(env.translate(at, false))), 0x00);
    Ok(())
}

fn protect_keeps_type(env: &mut Env<'_>) -> Outcome {
    for policy in POLICIES {
        let vmo = ok!(flash(env, 1, policy));
        let at = ok!(env.map(vmo, PERM_READ | PERM_WRITE, P));
        for permissions in [PERM_READ, 0, PERM_READ | PERM_WRITE] {
            ok!(env.protect(at, P, permissions));
            // A permission that was given back may come with the first use only.
            let _word = (permissions != 0).then(|| env.system.load32(at));
            let par = ok!(env.translate(at, false));
            same!(faulted(par), permissions == 0);
            if !faulted(par) {
                same!(attribute(par), policy.mair_byte());
            }
        }
        ok!(env.unmap(at, P));
        ok!(env.close(vmo));
    }
    Ok(())
}

fn default_is_device(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    let at = ok!(env.map(vmo, PERM_READ | PERM_WRITE, P));
    for write in [false, true] {
        let par = ok!(env.translate(VirtAddr(at.0 + 0x10), write));
        same!(faulted(par), false);
        same!(attribute(par), 0x04);
        same!(address(par), env.world.registers.base().0);
        same!(shareability(par), 2);
    }
    Ok(())
}

fn permissions(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    let at = ok!(env.map(vmo, PERM_READ, P));
    same!(faulted(ok!(env.translate(at, false))), false);
    let par = ok!(env.translate(at, true));
    same!((faulted(par), fault_class(par)), (true, 3));
    ok!(env.protect(at, P, 0));
    for write in [false, true] {
        truth!(faulted(ok!(env.translate(at, write))));
    }
    ok!(env.protect(at, P, PERM_READ | PERM_WRITE));
    // A permission that was given back may come with the first use only.
    env.system.store32(VirtAddr(at.0 + 4), 1);
    same!(faulted(ok!(env.translate(at, true))), false);
    refused!(env.protect(at, P, PERM_READ | PERM_EXECUTE), ACCESS_DENIED);
    Ok(())
}

fn paged_is_cached(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    let at = ok!(env.map(vmo, PERM_READ | PERM_WRITE, P));
    env.system.store32(at, 1);
    let par = ok!(env.translate(at, true));
    same!((faulted(par), attribute(par), shareability(par)), (false, 0xFF, 3));
    truth!(env.world.ram.contains_addr(abi::PhysAddr(address(par))));
    Ok(())
}

fn unmapped(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    let at = ok!(env.map(vmo, PERM_READ, P));
    ok!(env.unmap(at, P));
    for address in [at.0, 0, P] {
        let par = ok!(env.translate(VirtAddr(address), false));
        same!((faulted(par), fault_class(par)), (true, 1));
    }
    Ok(())
}

fn every_page(env: &mut Env<'_>) -> Outcome {
    let base = env.flash().base().0;
    let vmo = ok!(flash(env, 4, CachePolicy::UncachedDevice));
    let at = ok!(env.map(vmo, PERM_READ, 4 * P));
    for page in 0..4 {
        let par = ok!(env.translate(VirtAddr(at.0 + page * P + 8), false));
        same!((faulted(par), attribute(par), address(par)), (false, 0x04, base + page * P));
    }
    Ok(())
}

fn hook_is_guarded(env: &mut Env<'_>) -> Outcome {
    let own = env.own().0;
    let system = u64::from(env.world.system_root);
    refused!(env.raw(Sysno::jacinth_translate, &[0, own, 0, own]), BAD_HANDLE);
    for pointer in [0, 1, 0xFFFF_0000_4000_0000] {
        refused!(env.raw(Sysno::jacinth_translate, &[system, own, 0, pointer]), INVALID_ARGS);
    }
    let (channel, _) = ok!(env.channel());
    refused!(env.raw(Sysno::jacinth_translate, &[u64::from(channel), own, 0, own]), WRONG_TYPE);
    let mmio = u64::from(env.world.mmio_root);
    refused!(env.raw(Sysno::jacinth_translate, &[mmio, own, 0, own]), WRONG_TYPE);
    let bare = ok!(env.duplicate(env.world.system_root, Rights::NONE));
    ok!(env.raw(Sysno::jacinth_translate, &[u64::from(bare), own, 0, own]));
    Ok(())
}

fn kernel_half(env: &mut Env<'_>) -> Outcome {
    for address in [0xFFFF_0000_4000_0000, 0xFFFF_FFFF_8000_0000, 0x0001_0000_0000_0000] {
        for write in [false, true] {
            truth!(faulted(ok!(env.translate(VirtAddr(address), write))));
        }
    }
    Ok(())
}

fn page_group_type(env: &mut Env<'_>) -> Outcome {
    for window in env.world.group {
        let resource = ok!(env.mmio(window));
        let page = window.base().page_down().0;
        let vmo = ok!(env.create_physical(resource, page, P));
        let at = ok!(env.map(vmo, PERM_READ, P));
        let par = ok!(env.translate(at, false));
        same!((faulted(par), attribute(par), address(par)), (false, 0x04, page));
    }
    Ok(())
}

fn after_unmap(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(flash(env, 2, CachePolicy::UncachedDevice));
    let at = ok!(env.map(vmo, PERM_READ, 2 * P));
    let second = VirtAddr(at.0 + P);
    let _warm = (env.system.load32(at), env.system.load32(second));
    ok!(env.unmap(second, P));
    truth!(faulted(ok!(env.translate(second, false))));
    same!(faulted(ok!(env.translate(at, false))), false);
    Ok(())
}

fn slices(env: &mut Env<'_>) -> Outcome {
    let base = env.flash().base().0;
    for policy in POLICIES {
        let parent = ok!(flash(env, 4, policy));
        let slice = ok!(env.slice(parent, 3 * P, P));
        let at = ok!(env.map(slice, PERM_READ, P));
        let par = ok!(env.translate(at, false));
        same!((attribute(par), address(par)), (policy.mair_byte(), base + 3 * P));
        ok!(env.unmap(at, P));
        ok!(env.close(slice));
        ok!(env.close(parent));
    }
    Ok(())
}

fn large(env: &mut Env<'_>) -> Outcome {
    const BLOCK: u64 = 2 << 20;
    let base = env.flash().base().0;
    let resource = ok!(env.resource_create(env.world.mmio_root, 0, base, 2 * BLOCK, b"large"));
    let vmo = ok!(env.create_physical(resource, base, 2 * BLOCK));
    let at = ok!(env.map(vmo, PERM_READ, 2 * BLOCK));
    let hole = BLOCK / 2 + 5 * P;
    ok!(env.unmap(VirtAddr(at.0 + hole), P));
    for offset in [0, hole - P, hole + P, BLOCK - P, BLOCK, 2 * BLOCK - P] {
        let par = ok!(env.translate(VirtAddr(at.0 + offset), false));
        same!((faulted(par), attribute(par), address(par)), (false, 0x04, base + offset));
    }
    truth!(faulted(ok!(env.translate(VirtAddr(at.0 + hole), false))));
    ok!(env.protect(VirtAddr(at.0 + BLOCK), P, 0));
    truth!(faulted(ok!(env.translate(VirtAddr(at.0 + BLOCK), false))));
    same!(faulted(ok!(env.translate(VirtAddr(at.0 + BLOCK + P), false))), false);
    Ok(())
}
