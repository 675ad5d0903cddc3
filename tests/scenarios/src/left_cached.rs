//! Windows that were cached and are then reached by another memory type: what caches still hold of them goes first.
//!
//! The simulated machine stops where it does not. At EL0 it is the bytes that count.

use abi::dma::pin;
use abi::vmar::{PERM_READ, PERM_WRITE, SPECIFIC_OVERWRITE, USER_BASE};
use abi::vmo::CachePolicy;
use abi::{Handle, Status, VirtAddr};

use crate::agent::{Arg, Do, Step};
use crate::check::{ok, refused, same};
use crate::children::patiently;
use crate::env::Result;
use crate::ram_like::window;
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "CAC-J40" taken_over "what was written to a cached window is there by every other type, and the other way round";
    "CAC-J41" parts "parts of a window that was cached are taken over one by one";
    "CAC-J42" in_place "a cached mapping is replaced by one of another type where it is";
    "CAC-J45" in_many_places "cached mappings of many pages are replaced by one of another type, in the same order or not";
    "CAC-J43" pinned "a window that was cached is pinned by another type";
    "CAC-J44" outlived "what a program that has ended wrote to a cached window is there by another type";
}

const RW: u32 = PERM_READ | PERM_WRITE;
const OTHERS: [CachePolicy; 3] =
    [CachePolicy::Uncached, CachePolicy::UncachedDevice, CachePolicy::WriteCombining];
/// Pages of a window that is more than the kernel cleans in one go.
const MANY: u64 = 40;

/// Writes a word of its own to every page.
fn write(env: &mut Env<'_>, at: VirtAddr, pages: u64, seed: u32) {
    for page in 0..pages {
        env.system.store32(VirtAddr(at.0 + page * P + 8), seed + page as u32);
    }
}

/// Finds them.
fn find(env: &mut Env<'_>, at: VirtAddr, pages: u64, seed: u32) -> Outcome {
    for page in 0..pages {
        same!(env.system.load32(VirtAddr(at.0 + page * P + 8)), seed + page as u32);
    }
    Ok(())
}

/// Has a window been written to by cached stores, and left.
fn leave_cached(env: &mut Env<'_>, pages: u64, seed: u32) -> Outcome {
    let vmo = ok!(window(env, pages * P, CachePolicy::Cached));
    let at = ok!(env.map(vmo, RW, pages * P));
    write(env, at, pages, seed);
    ok!(env.unmap(at, pages * P));
    ok!(env.close(vmo));
    env.forget(vmo);
    Ok(())
}

fn taken_over(env: &mut Env<'_>) -> Outcome {
    for pages in [1, 2, MANY] {
        for (round, policy) in OTHERS.into_iter().enumerate() {
            let seed = 0x5100_0000 + (round as u32) * 0x1_0000;
            leave_cached(env, pages, seed)?;
            let other = ok!(window(env, pages * P, policy));
            let at = ok!(env.map(other, RW, pages * P));
            find(env, at, pages, seed)?;
            write(env, at, pages, seed + 0x1000);
            ok!(env.unmap(at, pages * P));
            let cached = ok!(window(env, pages * P, CachePolicy::Cached));
            let at = ok!(env.map(cached, PERM_READ, pages * P));
            find(env, at, pages, seed + 0x1000)?;
            ok!(env.unmap(at, pages * P));
        }
    }
    Ok(())
}

fn parts(env: &mut Env<'_>) -> Outcome {
    const SEED: u32 = 0x5200_0000;
    let vmar = env.world.vmar;
    let cached = ok!(window(env, 8 * P, CachePolicy::Cached));
    let other = ok!(window(env, 8 * P, CachePolicy::WriteCombining));
    let third = ok!(window(env, 8 * P, CachePolicy::UncachedDevice));
    let at = ok!(env.map(cached, RW, 8 * P));
    write(env, at, 8, SEED);
    // A hole in the middle is taken over, and nothing around it.
    ok!(env.unmap(VirtAddr(at.0 + 3 * P), 2 * P));
    let middle = ok!(env.vmar_map(vmar, RW, 0, other, 3 * P, 2 * P));
    find(env, middle, 2, SEED + 3)?;
    refused!(env.vmar_map(vmar, RW, 0, other, 2 * P, 3 * P), BAD_STATE);
    refused!(env.vmar_map(vmar, RW, 0, third, 4 * P, P), BAD_STATE);
    find(env, at, 3, SEED)?;
    // What is left beside it may be cached again, or not. The hole may be where the middle is mapped.
    ok!(env.unmap(at, 3 * P));
    ok!(env.unmap(VirtAddr(at.0 + 5 * P), 3 * P));
    refused!(env.map(third, RW, 8 * P), BAD_STATE);
    refused!(env.map(cached, RW, 8 * P), BAD_STATE);
    let low = ok!(env.map(cached, RW, 2 * P));
    let high = ok!(env.vmar_map(vmar, RW, 0, third, 6 * P, 2 * P));
    find(env, low, 2, SEED)?;
    find(env, high, 2, SEED + 6)?;
    write(env, low, 2, SEED + 0x100);
    write(env, high, 2, SEED + 0x106);
    for (at, len) in [(low, 2 * P), (high, 2 * P), (middle, 2 * P)] {
        ok!(env.unmap(at, len));
    }
    let all = ok!(env.map(other, PERM_READ, 8 * P));
    find(env, all, 2, SEED + 0x100)?;
    find(env, VirtAddr(all.0 + 2 * P), 4, SEED + 2)?;
    find(env, VirtAddr(all.0 + 6 * P), 2, SEED + 0x106)?;
    Ok(())
}

fn in_place(env: &mut Env<'_>) -> Outcome {
    for (round, pages) in [1, 4, MANY].into_iter().enumerate() {
        let seed = 0x5300_0000 + (round as u32) * 0x1_0000;
        let cached = ok!(window(env, (pages + 1) * P, CachePolicy::Cached));
        let other = ok!(window(env, (pages + 1) * P, CachePolicy::WriteCombining));
        let at = ok!(env.map(cached, RW, pages * P));
        write(env, at, pages, seed);
        // The page behind it was cached, and is left.
        let behind = ok!(env.vmar_map(env.world.vmar, RW, 0, cached, pages * P, P));
        write(env, behind, 1, seed + pages as u32);
        ok!(env.unmap(behind, P));
        // Not while a page is cached elsewhere.
        let elsewhere = ok!(env.map(cached, PERM_READ, P));
        refused!(over(env, other, at, pages), BAD_STATE);
        find(env, at, pages, seed)?;
        ok!(env.unmap(elsewhere, P));
        same!(ok!(over(env, other, at, pages)), at);
        same!((ok!(env.vmo_info(cached)).num_mappings, ok!(env.vmo_info(other)).num_mappings), (0, 1));
        find(env, at, pages, seed)?;
        write(env, at, pages, seed + 0x1000);
        // With the page behind it, and back.
        ok!(over(env, other, at, pages + 1));
        find(env, VirtAddr(at.0 + pages * P), 1, seed + pages as u32)?;
        ok!(over(env, cached, at, pages + 1));
        find(env, at, pages, seed + 0x1000)?;
        ok!(env.unmap(at, (pages + 1) * P));
    }
    Ok(())
}

/// Maps the first pages of a VMO over what is there.
fn over(env: &mut Env<'_>, vmo: Handle, at: VirtAddr, pages: u64) -> Result<VirtAddr> {
    over_from(env, (vmo, 0), at, pages)
}

/// Maps pages of a VMO from one on over what is there.
fn over_from(env: &mut Env<'_>, (vmo, first): (Handle, u64), at: VirtAddr, pages: u64) -> Result<VirtAddr> {
    let options = RW | SPECIFIC_OVERWRITE;
    env.vmar_map(env.world.vmar, options, at.0 - USER_BASE, vmo, first * P, pages * P)
}

fn in_many_places(env: &mut Env<'_>) -> Outcome {
    const SEED: u32 = 0x5600_0000;
    let cached = ok!(window(env, (MANY + 3) * P, CachePolicy::Cached));
    let other = ok!(window(env, (MANY + 3) * P, CachePolicy::UncachedDevice));
    // Pieces of the window as they lie in it, in two rows, and from behind.
    let orders: [&[u64]; 3] = [&[0, 1, 2, 3], &[0, 2, 1, 3], &[3, 2, 1, 0]];
    for (order, first) in orders.into_iter().zip([0, 3, 1]) {
        let at = ok!(env.map(cached, RW, MANY * P));
        for (index, piece) in (0..).zip(order) {
            let place = VirtAddr(at.0 + index * (MANY / 4) * P);
            ok!(over_from(env, (cached, piece * (MANY / 4)), place, MANY / 4));
            write(env, place, MANY / 4, SEED + (piece * (MANY / 4)) as u32);
        }
        ok!(over_from(env, (other, first), at, MANY));
        find(env, at, MANY - first, SEED + first as u32)?;
        same!((ok!(env.vmo_info(cached)).num_mappings, ok!(env.vmo_info(other)).num_mappings), (0, 1));
        ok!(env.unmap(at, MANY * P));
    }
    Ok(())
}

fn pinned(env: &mut Env<'_>) -> Outcome {
    const SEED: u32 = 0x5400_0000;
    let bti = ok!(env.bti());
    leave_cached(env, MANY, SEED)?;
    let other = ok!(window(env, MANY * P, CachePolicy::Uncached));
    let (pmt, addresses) = ok!(env.pin(bti, pin::PERM_WRITE, other, (P, (MANY - 1) * P), MANY - 1));
    same!(addresses[0], env.sram().base().0 + P);
    let at = ok!(env.map(other, PERM_READ, MANY * P));
    find(env, at, MANY, SEED)?;
    ok!(env.unpin(pmt));
    Ok(())
}

fn outlived(env: &mut Env<'_>) -> Outcome {
    let task = ok!(env.new_process(b"writer"));
    let cached = ok!(window(env, MANY * P, CachePolicy::Cached));
    let at = ok!(env.vmar_map(task.vmar, RW, 0, cached, 0, MANY * P));
    let store = |page: u64| {
        let at = Arg::Is(at.0 + page * P + 8);
        Step::new(Do::Store, &[at, Arg::Is(0x5500_0000 + page)])
    };
    ok!(env.run_prepared(&task, &[store(0), store(1), store(MANY - 1), Step::exit(0)]));
    let other = ok!(window(env, MANY * P, CachePolicy::WriteCombining));
    let mut at = VirtAddr(0);
    // What the program had mapped goes a while after it.
    patiently(env, |env, pause| match env.map(other, PERM_READ, MANY * P) {
        Err(Status::BAD_STATE) => Ok(ok!(env.pause(pause))).map(|()| false),
        mapped => Ok(ok!(mapped)).map(|mapped| at = mapped).map(|()| true),
    })?;
    for page in [0, 1, MANY - 1] {
        same!(env.system.load32(VirtAddr(at.0 + page * P + 8)), 0x5500_0000 + page as u32);
    }
    Ok(())
}
