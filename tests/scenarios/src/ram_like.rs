//! Physical VMOs over a window that keeps what is written, as RAM does: here aliases can be seen by plain stores.

use abi::vmar::{PERM_EXECUTE, PERM_READ, PERM_WRITE};
use abi::vmo::CachePolicy;
use abi::{Handle, Status, VirtAddr};

use crate::check::{ok, refused, same};
use crate::env::Result;
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "CAC-J20" two_mappings "two mappings of RAM that is a device's show the same bytes under every policy";
    "CAC-J21" outlived "what was written stays when VMO and mappings are gone";
    "PCH-J20" slices "two slices of a window that is RAM, and the whole, show the same bytes under every policy";
    "PCH-J21" nested_slices "slices in slices show the window from where they start";
    "PHO-J20" blocks "a window that blocks show can be unmapped and protected by the page";
    "PHO-J21" code "code that was written by one mapping is executed by another";
    "PHO-J22" no_copies "RAM that is a device's is not copied by calls either";
}

const RW: u32 = PERM_READ | PERM_WRITE;
const POLICIES: [CachePolicy; 4] =
    [CachePolicy::Cached, CachePolicy::Uncached, CachePolicy::UncachedDevice, CachePolicy::WriteCombining];
/// What the largest block of these windows shows.
const BLOCK: u64 = 2 << 20;

/// A physical VMO over the first bytes of the window.
pub(crate) fn window(env: &mut Env<'_>, size: u64, policy: CachePolicy) -> Result<Handle> {
    let base = env.sram().base().0;
    let resource = env.resource_create(env.world.mmio_root, 0, base, size, b"window")?;
    let vmo = env.create_physical(resource, base, size)?;
    env.set_policy(vmo, policy)?;
    Ok(vmo)
}

/// Writes through one address and reads through another, at the start, the end and between.
fn same_bytes(env: &mut Env<'_>, written: VirtAddr, read: VirtAddr, seed: u32) -> Outcome {
    for offset in [0, 0x124, P - 4] {
        let word = seed ^ offset as u32;
        env.system.store32(VirtAddr(written.0 + offset), word);
        same!(env.system.load32(VirtAddr(read.0 + offset)), word);
    }
    Ok(())
}

fn two_mappings(env: &mut Env<'_>) -> Outcome {
    for (round, policy) in POLICIES.into_iter().enumerate() {
        let vmo = ok!(window(env, 2 * P, policy));
        let one = ok!(env.map(vmo, RW, 2 * P));
        let other = ok!(env.vmar_map(env.world.vmar, RW, 0, vmo, P, P));
        let second = VirtAddr(one.0 + P);
        same_bytes(env, second, other, 0x1111_0000 + round as u32)?;
        same_bytes(env, other, second, 0x2222_0000 + round as u32)?;
        ok!(env.unmap(one, 2 * P));
        ok!(env.unmap(other, P));
    }
    Ok(())
}

fn outlived(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(window(env, P, CachePolicy::WriteCombining));
    let at = ok!(env.map(vmo, RW, P));
    env.system.store32(at, 0x5EED_0001);
    ok!(env.close(vmo));
    same!(env.system.load32(at), 0x5EED_0001);
    ok!(env.unmap(at, P));
    let again = ok!(window(env, P, CachePolicy::WriteCombining));
    let at = ok!(env.map(again, PERM_READ, P));
    same!(env.system.load32(at), 0x5EED_0001);
    Ok(())
}

fn slices(env: &mut Env<'_>) -> Outcome {
    for (round, policy) in POLICIES.into_iter().enumerate() {
        let whole = ok!(window(env, 3 * P, policy));
        let low = ok!(env.slice(whole, 0, 2 * P));
        let high = ok!(env.slice(whole, P, 2 * P));
        let all = ok!(env.map(whole, RW, 3 * P));
        let (first, last) = (ok!(env.map(low, RW, 2 * P)), ok!(env.map(high, RW, 2 * P)));
        let seed = 0x3333_0000 + round as u32;
        env.system.store32(all, seed);
        // The middle page is in all three.
        same_bytes(env, VirtAddr(first.0 + P), last, seed + 1)?;
        same_bytes(env, last, VirtAddr(all.0 + P), seed + 2)?;
        same_bytes(env, VirtAddr(all.0 + P), VirtAddr(first.0 + P), seed + 3)?;
        same!(env.system.load32(first), seed);
        for (at, len) in [(all, 3 * P), (first, 2 * P), (last, 2 * P)] {
            ok!(env.unmap(at, len));
        }
    }
    Ok(())
}

fn nested_slices(env: &mut Env<'_>) -> Outcome {
    let whole = ok!(window(env, 8 * P, CachePolicy::Cached));
    let all = ok!(env.map(whole, RW, 8 * P));
    let (mut slice, mut start) = (whole, 0);
    for depth in 1..8 {
        slice = ok!(env.slice(slice, P, (8 - depth) * P));
        start += P;
        let at = ok!(env.map(slice, RW, P));
        same_bytes(env, at, VirtAddr(all.0 + start), 0x4444_0000 + depth as u32)?;
        ok!(env.unmap(at, P));
    }
    Ok(())
}

fn blocks(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(window(env, 2 * BLOCK, CachePolicy::Cached));
    let all = ok!(env.map(vmo, RW, 2 * BLOCK));
    let pages = [0, P, BLOCK - P, BLOCK, BLOCK + 7 * P, 2 * BLOCK - P];
    for page in pages {
        env.system.store32(VirtAddr(all.0 + page), page as u32 + 1);
    }
    let hole = VirtAddr(all.0 + 5 * P);
    ok!(env.unmap(hole, P));
    ok!(env.protect(VirtAddr(all.0 + BLOCK + 7 * P), P, PERM_READ));
    for page in pages {
        same!(env.system.load32(VirtAddr(all.0 + page)), page as u32 + 1);
        let alone = ok!(env.vmar_map(env.world.vmar, PERM_READ, 0, vmo, page, P));
        same!(env.system.load32(alone), page as u32 + 1);
        ok!(env.unmap(alone, P));
    }
    refused!(env.protect(hole, P, PERM_READ), NOT_FOUND);
    Ok(())
}

fn code(env: &mut Env<'_>) -> Outcome {
    let data = ok!(window(env, P, CachePolicy::WriteCombining));
    let at = ok!(env.map(data, RW, P));
    env.system.store32(at, crate::agent::RET);
    ok!(env.unmap(at, P));
    let code = ok!(window(env, P, CachePolicy::Cached));
    let at = ok!(env.map(code, PERM_READ | PERM_EXECUTE, P));
    // A board without such a window shows something else here, which nobody is to run.
    same!(env.system.load32(at), crate::agent::RET);
    env.system.execute(at);
    Ok(())
}

fn no_copies(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(window(env, P, CachePolicy::Cached));
    let refused: [Result<()>; 2] = [env.vmo_read(vmo, 0, 4).map(|_| ()), env.vmo_write(vmo, 0, &[1; 4])];
    same!(refused, [Err(Status::NOT_SUPPORTED); 2]);
    Ok(())
}
