//! Operations on ranges of VMOs.

use abi::vmar::{PERM_READ, PERM_WRITE};
use abi::vmo::{RangeOp, child, create};
use abi::{Handle, Rights, Sysno, VirtAddr};

use crate::agent::{Arg, Do, Step};
use crate::check::{ok, refused, same};
use crate::env::Result;
use crate::physical_ops::registers;
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "PHO-007" physical_contents "a physical VMO is neither committed nor decommitted nor zeroed";
    "PHO-013" physical_prefetch "a prefetch ends within a physical VMO";
    "PHO-014" physical_hints "a physical VMO takes hints and does nothing";
    "VMO-020" decommit_aliases "decommitting zeroes a page in every mapping, and no other page";
    "VMO-022" decommit_alignment "what is decommitted is whole pages";
    "RNG-J08" op_rights "each operation needs its right";
    "RNG-J09" op_order "the handle is looked at before the operation, and the right before the range";
    "RNG-J10" op_ranges "a range ends within its VMO";
    "RNG-J11" commit "committing takes in every page that it touches";
    "RNG-J12" decommit_slice "a slice decommits its parent's pages";
    "RNG-J13" zero "zeroing is exact to the byte, and keeps no frame for a whole page";
    "RNG-J14" caches "cache maintenance has a length and leaves the bytes alone";
    "RNG-J15" hints "hints change nothing and stay within the VMO";
    "RNG-J19" decommit_running "a page goes under a process that uses it";
    "RNG-J20" many_mappings "a page that hundreds of mappings show is decommitted in all of them";
    "RNG-J21" large_decommit "what is decommitted is committed no more";
}

/// The range's operations.
impl Env<'_> {
    /// `zx_vmo_op_range` without a buffer.
    pub(crate) fn vmo_op(&mut self, vmo: Handle, op: RangeOp, offset: u64, size: u64) -> Result {
        self.raw(Sysno::vmo_op_range, &[u64::from(vmo), op as u64, offset, size])
    }

    pub(crate) fn committed(&mut self, vmo: Handle) -> Result<u64> {
        Ok(self.vmo_info(vmo)?.committed_bytes)
    }

    /// A VMO of so many pages, each of which starts with its number, from 1.
    pub(crate) fn numbered(&mut self, pages: u64, options: u32) -> Result<Handle> {
        let vmo = self.vmo_create(pages * P, options)?;
        for page in 0..pages {
            self.vmo_write(vmo, page * P, &(page + 1).to_le_bytes())?;
        }
        Ok(vmo)
    }

    pub(crate) fn number(&mut self, vmo: Handle, page: u64) -> Result<u64> {
        Ok(<u64 as abi::layout::Plain>::get_at(&self.vmo_read(vmo, page * P, 8)?, 0))
    }
}

pub(crate) const RW: u32 = PERM_READ | PERM_WRITE;

fn physical_contents(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    let slice = ok!(env.slice(vmo, 0, P));
    for handle in [vmo, slice] {
        for op in [RangeOp::Commit, RangeOp::Decommit, RangeOp::Zero] {
            refused!(env.vmo_op(handle, op, 0, P), NOT_SUPPORTED);
            refused!(env.vmo_op(handle, op, P, P), NOT_SUPPORTED);
        }
        for op in [RangeOp::CacheSync, RangeOp::CacheInvalidate, RangeOp::CacheClean] {
            refused!(env.vmo_op(handle, op, 0, P), NOT_SUPPORTED);
        }
        refused!(env.vmo_op(handle, RangeOp::CacheCleanInvalidate, 0, P), NOT_SUPPORTED);
    }
    Ok(())
}

fn physical_prefetch(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    for (offset, size) in [(0, P), (0, 0), (P, 0), (1, 7)] {
        ok!(env.vmo_op(vmo, RangeOp::Prefetch, offset, size));
    }
    for (offset, size) in [(0, P + 1), (P, 1), (P + 1, 0), (u64::MAX, 2)] {
        refused!(env.vmo_op(vmo, RangeOp::Prefetch, offset, size), OUT_OF_RANGE);
    }
    Ok(())
}

fn physical_hints(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    ok!(env.vmo_op(vmo, RangeOp::AlwaysNeed, 0, P));
    ok!(env.vmo_op(vmo, RangeOp::DontNeed, 0, P));
    let bare = ok!(env.duplicate(vmo, Rights::NONE));
    refused!(env.vmo_op(bare, RangeOp::AlwaysNeed, 0, P), ACCESS_DENIED);
    Ok(())
}

fn decommit_aliases(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(3 * P, 0));
    ok!(env.vmo_op(vmo, RangeOp::Commit, 0, 3 * P));
    same!(ok!(env.committed(vmo)), 3 * P);
    let maps = [ok!(env.map(vmo, RW, 3 * P)), ok!(env.map(vmo, RW, 3 * P)), ok!(env.map(vmo, RW, 3 * P))];
    for page in 0..3 {
        env.poke_u64(VirtAddr(maps[0].0 + page * P), page + 10);
    }
    for map in maps {
        same!(env.peek_u64(VirtAddr(map.0 + P)), 11);
    }
    ok!(env.vmo_op(vmo, RangeOp::Decommit, P, P));
    same!(ok!(env.committed(vmo)), 2 * P);
    for map in maps {
        same!(env.peek_u64(map), 10);
        same!(env.peek_u64(VirtAddr(map.0 + P)), 0);
        same!(env.peek_u64(VirtAddr(map.0 + 2 * P)), 12);
    }
    // And they still show one page.
    env.poke_u64(VirtAddr(maps[2].0 + P), 99);
    for map in maps {
        same!(env.peek_u64(VirtAddr(map.0 + P)), 99);
    }
    Ok(())
}

fn decommit_alignment(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(2 * P, 0));
    for (offset, size) in [(0x10, 0x100), (0, 0x100), (0x10, P - 0x10), (P, P - 1)] {
        refused!(env.vmo_op(vmo, RangeOp::Decommit, offset, size), INVALID_ARGS);
    }
    ok!(env.vmo_op(vmo, RangeOp::Commit, 0, 2 * P));
    refused!(env.vmo_op(vmo, RangeOp::Decommit, 0x10, 0x100), INVALID_ARGS);
    same!(ok!(env.committed(vmo)), 2 * P);
    ok!(env.vmo_op(vmo, RangeOp::Decommit, P, 0));
    ok!(env.vmo_op(vmo, RangeOp::Decommit, 0, 2 * P));
    same!(ok!(env.committed(vmo)), 0);
    Ok(())
}

/// Every operation that needs a right, and the right.
const RIGHTS: [(RangeOp, Rights); 9] = [
    (RangeOp::Commit, Rights::WRITE),
    (RangeOp::Decommit, Rights::WRITE),
    (RangeOp::Zero, Rights::WRITE),
    (RangeOp::CacheInvalidate, Rights::WRITE),
    (RangeOp::CacheSync, Rights::READ),
    (RangeOp::CacheClean, Rights::READ),
    (RangeOp::CacheCleanInvalidate, Rights::READ),
    (RangeOp::AlwaysNeed, Rights::READ),
    (RangeOp::Prefetch, Rights::READ),
];

fn op_rights(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    let all = ok!(env.rights(vmo));
    for (op, right) in RIGHTS {
        let without = ok!(env.duplicate(vmo, all - right));
        refused!(env.vmo_op(without, op, 0, P), ACCESS_DENIED);
        let with = ok!(env.duplicate(vmo, right));
        ok!(env.vmo_op(with, op, 0, P));
    }
    let bare = ok!(env.duplicate(vmo, Rights::NONE));
    ok!(env.vmo_op(bare, RangeOp::DontNeed, 0, P));
    let discardable = ok!(env.vmo_create(P, create::DISCARDABLE));
    let bare = ok!(env.duplicate(discardable, Rights::NONE));
    for op in [RangeOp::Lock, RangeOp::TryLock, RangeOp::Unlock] {
        refused!(env.vmo_op(bare, op, 0, P), ACCESS_DENIED);
    }
    for right in [Rights::READ, Rights::WRITE] {
        let with = ok!(env.duplicate(discardable, right));
        ok!(env.vmo_op(with, RangeOp::TryLock, 0, P));
        ok!(env.vmo_op(with, RangeOp::Unlock, 0, P));
    }
    Ok(())
}

fn op_order(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    for op in [0, 5, 15, u64::MAX >> 32] {
        refused!(env.raw(Sysno::vmo_op_range, &[0, op, 0, P]), BAD_HANDLE);
        let job = u64::from(env.world.job);
        refused!(env.raw(Sysno::vmo_op_range, &[job, op, 0, P]), WRONG_TYPE);
        refused!(env.raw(Sysno::vmo_op_range, &[u64::from(vmo), op, 2 * P, P]), INVALID_ARGS);
    }
    let reader = ok!(env.duplicate(vmo, Rights::READ));
    refused!(env.vmo_op(reader, RangeOp::Commit, 2 * P, P), ACCESS_DENIED);
    refused!(env.vmo_op(vmo, RangeOp::Decommit, 2 * P, 1), OUT_OF_RANGE);
    Ok(())
}

fn op_ranges(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(2 * P, 0));
    for (op, _) in RIGHTS {
        for (offset, size) in
            [(0, 3 * P), (2 * P, P), (3 * P, P), (P, u64::MAX - P + 1), (u64::MAX - P + 1, P)]
        {
            refused!(env.vmo_op(vmo, op, offset, size), OUT_OF_RANGE);
        }
        ok!(env.vmo_op(vmo, op, P, P));
    }
    Ok(())
}

fn commit(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(40 * P, 0));
    ok!(env.vmo_op(vmo, RangeOp::Commit, P - 1, 2));
    same!(ok!(env.committed(vmo)), 2 * P);
    ok!(env.vmo_op(vmo, RangeOp::Commit, 5 * P, 0));
    same!(ok!(env.committed(vmo)), 2 * P);
    ok!(env.vmo_op(vmo, RangeOp::Commit, 3, 40 * P - 4));
    same!(ok!(env.committed(vmo)), 40 * P);
    same!(ok!(env.number(vmo, 39)), 0);
    Ok(())
}

fn decommit_slice(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.numbered(4, 0));
    let slice = ok!(env.slice(vmo, P, 2 * P));
    let at = ok!(env.map(slice, RW, 2 * P));
    let whole = ok!(env.map(vmo, RW, 4 * P));
    same!((env.peek_u64(at), env.peek_u64(VirtAddr(whole.0 + P))), (2, 2));
    ok!(env.vmo_op(slice, RangeOp::Decommit, 0, P));
    same!((ok!(env.number(vmo, 0)), ok!(env.number(vmo, 1)), ok!(env.number(vmo, 2))), (1, 0, 3));
    same!((env.peek_u64(at), env.peek_u64(VirtAddr(whole.0 + P))), (0, 0));
    // The parent's operations reach what the slice shows.
    same!(env.peek_u64(VirtAddr(at.0 + P)), 3);
    ok!(env.vmo_op(vmo, RangeOp::Decommit, 2 * P, P));
    same!(env.peek_u64(VirtAddr(at.0 + P)), 0);
    refused!(env.vmo_op(slice, RangeOp::Decommit, 2 * P, P), OUT_OF_RANGE);
    Ok(())
}

fn zero(env: &mut Env<'_>) -> Outcome {
    let size = 20 * P;
    let vmo = ok!(env.vmo_create(size, 0));
    let at = ok!(env.map(vmo, RW, size));
    let pattern = [0xA5; 1024];
    for (offset, len) in [(0, 1), (5, 0), (P - 3, 6), (P + 300, 700), (P, P), (7, 17 * P), (size - 1, 1)] {
        for start in (0..size).step_by(pattern.len()) {
            ok!(env.vmo_write(vmo, start, &pattern));
        }
        ok!(env.vmo_op(vmo, RangeOp::Zero, offset, len));
        let emptied = ((offset + len) / P).saturating_sub(offset.div_ceil(P));
        same!((offset, len, ok!(env.committed(vmo))), (offset, len, size - emptied * P));
        for (edge, is_zero) in [(offset, true), (offset + len - len.min(1), true), (offset + len, false)] {
            if len > 0 && edge < size {
                let byte = ok!(env.vmo_read(vmo, edge, 1))[0];
                same!((offset, len, edge, byte), (offset, len, edge, if is_zero { 0 } else { 0xA5 }));
            }
        }
        if offset > 0 {
            same!(ok!(env.vmo_read(vmo, offset - 1, 1)), [0xA5]);
        }
        let word = env.peek_u64(VirtAddr(at.0 + 2 * P));
        same!(word, if len > P { 0 } else { 0xA5A5_A5A5_A5A5_A5A5 });
    }
    // A clone that zeroes what it shares needs no page for it, and leaves the other its own.
    let parent = ok!(env.numbered(3, 0));
    let clone = ok!(env.create_child(parent, child::SNAPSHOT, 0, 3 * P));
    ok!(env.vmo_op(clone, RangeOp::Zero, P / 2, 2 * P));
    same!((ok!(env.committed(parent)), ok!(env.committed(clone))), (3 * P, 2 * P));
    same!((ok!(env.number(parent, 1)), ok!(env.number(clone, 1)), ok!(env.number(clone, 0))), (2, 0, 1));
    Ok(())
}

fn caches(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.numbered(40, 0));
    let ops =
        [RangeOp::CacheSync, RangeOp::CacheClean, RangeOp::CacheCleanInvalidate, RangeOp::CacheInvalidate];
    // What was cleaned may be dropped without a loss.
    for op in ops {
        refused!(env.vmo_op(vmo, op, 0, 0), INVALID_ARGS);
        refused!(env.vmo_op(vmo, op, 41 * P, 0), INVALID_ARGS);
        ok!(env.vmo_op(vmo, op, 5, 1));
        ok!(env.vmo_op(vmo, op, P - 1, 2));
        ok!(env.vmo_op(vmo, op, 0, 40 * P));
    }
    for page in 0..40 {
        same!(ok!(env.number(vmo, page)), page + 1);
    }
    let sparse = ok!(env.vmo_create(1 << 40, 0));
    ok!(env.vmo_op(sparse, RangeOp::CacheClean, 0, 1 << 40));
    same!(ok!(env.committed(sparse)), 0);
    Ok(())
}

fn hints(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.numbered(2, 0));
    for op in [RangeOp::DontNeed, RangeOp::AlwaysNeed, RangeOp::Prefetch] {
        ok!(env.vmo_op(vmo, op, 0, 2 * P));
        ok!(env.vmo_op(vmo, op, 3, 5));
        ok!(env.vmo_op(vmo, op, 2 * P, 0));
        refused!(env.vmo_op(vmo, op, 2 * P, 1), OUT_OF_RANGE);
        refused!(env.vmo_op(vmo, op, u64::MAX, 2), OUT_OF_RANGE);
    }
    same!((ok!(env.number(vmo, 0)), ok!(env.number(vmo, 1))), (1, 2));
    Ok(())
}

fn decommit_running(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    let task = ok!(env.new_process(b"counter"));
    let there = ok!(env.vmar_map(task.vmar, RW, 0, vmo, 0, P));
    ok!(env.set_script(&task, &[Step::new(Do::Count, &[Arg::Is(there.0)])]));
    ok!(env.start_process(&task, 0));
    crate::children::patiently(env, |env, pause| {
        ok!(env.pause(pause));
        Ok(ok!(env.number(vmo, 0)) > 1000)
    })?;
    // It goes on counting, in a page that starts from nothing each time.
    for _ in 0..20 {
        ok!(env.vmo_op(vmo, RangeOp::Decommit, 0, P));
        ok!(env.vmo_op(vmo, RangeOp::Zero, 0, P));
    }
    crate::children::patiently(env, |env, pause| {
        ok!(env.pause(pause));
        Ok(ok!(env.number(vmo, 0)) > 0)
    })?;
    ok!(env.raw(Sysno::task_kill, &[u64::from(task.process)]));
    ok!(env.wait_for_end(task.process));
    Ok(())
}

fn many_mappings(env: &mut Env<'_>) -> Outcome {
    const MANY: u64 = 300;
    let vmo = ok!(env.vmo_create(2 * P, create::RESIZABLE));
    ok!(env.vmo_write(vmo, P, &[0]));
    let mut maps = alloc::vec::Vec::new();
    for _ in 0..MANY {
        maps.push(ok!(env.map(vmo, RW, 2 * P)));
    }
    for round in 1..3 {
        for &map in &maps {
            env.poke_u64(map, round);
            same!(env.peek_u64(VirtAddr(map.0 + P)), 0);
        }
        ok!(env.vmo_op(vmo, RangeOp::Decommit, 0, P));
        same!(ok!(env.committed(vmo)), P);
        for &map in &maps {
            same!(env.peek_u64(map), 0);
        }
    }
    ok!(env.vmo_set_size(vmo, 0));
    ok!(env.vmo_set_size(vmo, 2 * P));
    env.poke_u64(maps[0], 8);
    for &map in &maps {
        same!((env.peek_u64(map), env.peek_u64(VirtAddr(map.0 + P))), (8, 0));
    }
    Ok(())
}

fn large_decommit(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(1 << 30, 0));
    for page in [0, 1, 63, 64, 200, 5000, (1 << 18) - 1] {
        ok!(env.vmo_write(vmo, page * P, b"x"));
    }
    ok!(env.vmo_op(vmo, RangeOp::Decommit, P, 200 * P));
    same!(ok!(env.committed(vmo)), 3 * P);
    ok!(env.vmo_op(vmo, RangeOp::Decommit, 0, 1 << 30));
    same!(ok!(env.committed(vmo)), 0);
    Ok(())
}
