//! Contiguous VMOs: frames in a row for a device.

use abi::dma::pin;
use abi::object::vmo_flags;
use abi::vmar::{PERM_READ, PERM_WRITE};
use abi::vmo::{CachePolicy, RangeOp, child};
use abi::{Handle, Rights, Sysno, VirtAddr};

use crate::check::{ok, refused, same, truth};
use crate::env::Result;
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "CAC-019" pinned_keeps "a pinned contiguous VMO that is not cached keeps its policy";
    "CAC-020" never_back "a contiguous VMO that is not cached never is again: it always has pages";
    "VMO-J30" flags "a contiguous VMO is committed as a whole, zeroed and cached";
    "VMO-J31" order "a contiguous VMO is refused for the first reason there is";
    "VMO-J32" aligned "a contiguous VMO starts where it was asked to";
    "VMO-J33" large "a contiguous VMO may be larger than the largest block of pages";
    "VMO-J34" moved "what a contiguous VMO holds stays when its policy changes";
    "VMO-J35" children "a contiguous VMO has slices and no other children";
    "VMO-J36" returned "contiguous memory comes back when the VMO is gone";
    "VMO-J37" contiguous_stream "contiguous memory has no stream size";
}

impl Env<'_> {
    /// A contiguous VMO for a device.
    pub(crate) fn contiguous(&mut self, bti: Handle, size: u64, align_log2: u64) -> Result<Handle> {
        self.making(Sysno::vmo_create_contiguous, &[u64::from(bti), size, align_log2])
    }

    /// The physical address of a contiguous VMO.
    fn place(&mut self, bti: Handle, vmo: Handle, size: u64) -> Result<u64> {
        let (pmt, addresses) = self.pin(bti, pin::PERM_READ | pin::CONTIGUOUS, vmo, (0, size), 1)?;
        self.unpin(pmt)?;
        Ok(addresses.first().copied().unwrap_or(0))
    }
}

fn pinned_keeps(env: &mut Env<'_>) -> Outcome {
    let bti = ok!(env.bti());
    let vmo = ok!(env.contiguous(bti, P, 0));
    ok!(env.set_policy(vmo, CachePolicy::Uncached));
    let (pmt, _) = ok!(env.pin(bti, pin::PERM_READ, vmo, (0, P), 1));
    refused!(env.set_policy(vmo, CachePolicy::Cached), BAD_STATE);
    ok!(env.unpin(pmt));
    Ok(())
}

fn never_back(env: &mut Env<'_>) -> Outcome {
    let bti = ok!(env.bti());
    for policy in [CachePolicy::Uncached, CachePolicy::UncachedDevice, CachePolicy::WriteCombining] {
        let vmo = ok!(env.contiguous(bti, 2 * P, 0));
        ok!(env.set_policy(vmo, CachePolicy::Cached));
        ok!(env.set_policy(vmo, policy));
        for other in 0..4 {
            refused!(env.set_cache_policy(vmo, other), BAD_STATE);
        }
        same!(ok!(env.vmo_info(vmo)).cache_policy, policy as u32);
    }
    Ok(())
}

fn flags(env: &mut Env<'_>) -> Outcome {
    let bti = ok!(env.bti());
    let vmo = ok!(env.contiguous(bti, 40 * P, 0));
    let info = ok!(env.vmo_info(vmo));
    let expected = vmo_flags::TYPE_PAGED | vmo_flags::CONTIGUOUS | vmo_flags::VIA_HANDLE;
    same!((info.flags, info.cache_policy, info.committed_bytes), (expected, 0, 40 * P));
    same!((info.size_bytes, ok!(env.rights(vmo))), (40 * P, Rights::DEFAULT_VMO));
    truth!(ok!(env.vmo_read(vmo, 0, 8 * P)).iter().all(|&byte| byte == 0));
    ok!(env.vmo_write(vmo, 39 * P, b"last"));
    same!(ok!(env.vmo_read(vmo, 39 * P, 4)), b"last");
    let slice = ok!(env.slice(vmo, P, P));
    same!(ok!(env.vmo_info(slice)).flags & vmo_flags::CONTIGUOUS, vmo_flags::CONTIGUOUS);
    Ok(())
}

fn order(env: &mut Env<'_>) -> Outcome {
    let (bti, out) = (ok!(env.bti()), env.out(0));
    for size in [0, 1, P - 1, P + 1] {
        refused!(env.raw(Sysno::vmo_create_contiguous, &[0, size, 3, 0]), INVALID_ARGS);
    }
    for align in [1, 11, 64, 100, u64::from(u32::MAX)] {
        refused!(env.raw(Sysno::vmo_create_contiguous, &[0, P, align, 0]), INVALID_ARGS);
    }
    refused!(env.raw(Sysno::vmo_create_contiguous, &[0, P, 0, 0]), BAD_HANDLE);
    let vmo = ok!(env.vmo_create(P, 0));
    refused!(env.raw(Sysno::vmo_create_contiguous, &[u64::from(vmo), P, 0, 0]), WRONG_TYPE);
    let poor = ok!(env.duplicate(bti, Rights::DEFAULT_BTI - Rights::MAP));
    refused!(env.raw(Sysno::vmo_create_contiguous, &[u64::from(poor), P, 0, 0]), ACCESS_DENIED);
    for (size, align) in [(1 << 50, 0), (0_u64.wrapping_sub(P), 0), (P, 62), (P, 63)] {
        refused!(env.raw(Sysno::vmo_create_contiguous, &[u64::from(bti), size, align, out]), NO_MEMORY);
    }
    for out in env.bad_pointers() {
        refused!(env.raw(Sysno::vmo_create_contiguous, &[u64::from(bti), 20 * P, 0, out]), INVALID_ARGS);
    }
    Ok(())
}

fn aligned(env: &mut Env<'_>) -> Outcome {
    let bti = ok!(env.bti());
    for align in [0, 12, 13, 16, 20, 21, 22] {
        let vmo = ok!(env.contiguous(bti, 3 * P, align));
        let place = ok!(env.place(bti, vmo, 3 * P));
        truth!(place.is_multiple_of(1 << align));
        ok!(env.close(vmo));
    }
    Ok(())
}

fn large(env: &mut Env<'_>) -> Outcome {
    const SIZE: u64 = (4 << 20) + 3 * P;
    let bti = ok!(env.bti());
    let vmo = ok!(env.contiguous(bti, SIZE, 0));
    let place = ok!(env.place(bti, vmo, SIZE));
    let at = ok!(env.map(vmo, PERM_READ | PERM_WRITE, SIZE));
    for offset in [0, 2 << 20, SIZE - P] {
        let here = VirtAddr(at.0 + offset);
        env.system.store32(here, offset as u32 + 1);
        same!(ok!(env.translate(here, true)) & 0x0000_FFFF_FFFF_F000, place + offset);
    }
    same!(ok!(env.vmo_read(vmo, 2 << 20, 4)), ((2_u32 << 20) + 1).to_le_bytes());
    ok!(env.vmo_op(vmo, RangeOp::Zero, P, 2 << 20));
    same!((ok!(env.committed(vmo)), ok!(env.place(bti, vmo, SIZE))), (SIZE, place));
    same!((ok!(env.vmo_read(vmo, 2 << 20, 1))[0], ok!(env.vmo_read(vmo, 0, 1))[0]), (0, 1));
    Ok(())
}

fn moved(env: &mut Env<'_>) -> Outcome {
    let bti = ok!(env.bti());
    let vmo = ok!(env.contiguous(bti, 20 * P, 14));
    for page in 0..20 {
        ok!(env.vmo_write(vmo, page * P + 8, &[page as u8 + 1; 4]));
    }
    ok!(env.set_policy(vmo, CachePolicy::WriteCombining));
    refused!(env.vmo_read(vmo, 0, 4), BAD_STATE);
    let place = ok!(env.place(bti, vmo, 20 * P));
    truth!(place.is_multiple_of(1 << 14));
    let at = ok!(env.map(vmo, PERM_READ, 20 * P));
    for page in 0..20 {
        let here = VirtAddr(at.0 + page * P + 8);
        same!(env.system.load32(here), u32::from_le_bytes([page as u8 + 1; 4]));
        let par = ok!(env.translate(here, false));
        same!((par >> 56, par & 0x0000_FFFF_FFFF_F000), (0x44, place + page * P));
    }
    Ok(())
}

fn children(env: &mut Env<'_>) -> Outcome {
    let bti = ok!(env.bti());
    let vmo = ok!(env.contiguous(bti, 2 * P, 0));
    for kind in
        [child::SNAPSHOT, child::SNAPSHOT_AT_LEAST_ON_WRITE, child::SNAPSHOT_MODIFIED, child::REFERENCE]
    {
        let size = if kind == child::REFERENCE { 0 } else { P };
        refused!(env.create_child(vmo, kind, 0, size), NOT_SUPPORTED);
    }
    let slice = ok!(env.slice(vmo, P, P));
    ok!(env.vmo_write(slice, 0, b"through"));
    same!(ok!(env.vmo_read(vmo, P, 7)), b"through");
    refused!(env.set_policy(vmo, CachePolicy::Uncached), BAD_STATE);
    Ok(())
}

fn returned(env: &mut Env<'_>) -> Outcome {
    const SIZE: u64 = 8 << 20;
    let bti = ok!(env.bti());
    // More than there is, if it did not come back.
    for round in 0..(env.world.ram.size() / SIZE).min(20) {
        let vmo = ok!(env.contiguous(bti, SIZE, 0));
        if round % 4 == 0 {
            ok!(env.set_policy(vmo, CachePolicy::Uncached));
        }
        ok!(env.close(vmo));
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
