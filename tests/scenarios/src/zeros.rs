//! Pages that were read and never written: they are zeros, cost nothing, and belong to nobody.

use abi::dma::pin;
use abi::object::{InfoKmemStats, info};
use abi::vmar::PERM_READ;
use abi::vmo::{RangeOp, child, create};
use abi::{Handle, Rights, Sysno, VirtAddr};
use alloc::vec::Vec;

use crate::agent::{Arg, Do, Step};
use crate::check::{ok, refused, same, truth};
use crate::env::Result;
use crate::oracle::address;
use crate::vmo_children::{RW, first_bytes, snapshot};
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "ZER-J01" reads "who reads a page that nobody has written finds zeros and commits nothing";
    "ZER-J02" first_write "the first write commits a page, and every mapping shows it";
    "ZER-J03" kernel_writes "what the kernel writes is seen where zeros were";
    "ZER-J04" relatives "a write by a slice or a reference is seen where zeros were";
    "ZER-J05" snapshots "a snapshot and its parent write to pages of their own";
    "ZER-J06" protected "memory that becomes writable does not write to anybody's zeros";
    "ZER-J07" emptied "pages that are taken away are zeros again, and committed anew";
    "ZER-J08" shrunk "zeros beyond the end of a VMO are not shown any more";
    "ZER-J09" crowds "a page that hundreds of mappings show as zeros is written";
    "ZER-J10" pinned "a device reaches the page that programs see";
    "ZER-J11" pinned_within_reach "a device with limits reaches the page that programs see";
    "ZER-J12" counted_in "a page that is counted in is read while it comes and goes";
    "ZER-J13" shown_at_once "what is shown or committed at once is no zeros of others";
}

/// Bit 0 of `PAR_EL1`: no translation.
const NOT_SHOWN: u64 = 1;

fn page(at: VirtAddr, page: u64) -> VirtAddr {
    VirtAddr(at.0 + page * P)
}

/// A VMO, and mappings of it whose pages were all read.
fn read_through(env: &mut Env<'_>, pages: u64, permissions: &[u32]) -> Result<(Handle, Vec<VirtAddr>)> {
    let vmo = env.vmo_create(pages * P, create::RESIZABLE)?;
    let mut maps = Vec::new();
    for &permissions in permissions {
        maps.push(env.map(vmo, permissions, pages * P)?);
    }
    read_all(env, &maps, pages);
    Ok((vmo, maps))
}

/// Reads a word of each page; the sum of all.
fn read_all(env: &mut Env<'_>, maps: &[VirtAddr], pages: u64) -> u64 {
    maps.iter().map(|&map| (0..pages).map(|at| env.peek_u64(page(map, at))).sum::<u64>()).sum()
}

/// What a page reads as that somebody else has never written: zeros, unless somebody wrote to all that are so.
fn somebody_elses(env: &mut Env<'_>) -> Result<u64> {
    let (_, maps) = read_through(env, 2, &[PERM_READ, RW])?;
    Ok(read_all(env, &maps, 2))
}

fn reads(env: &mut Env<'_>) -> Outcome {
    const PAGES: u64 = 40;
    let kmem = |env: &mut Env<'_>| env.info::<InfoKmemStats>(env.world.system_root, info::KMEM_STATS);
    // The tables are there, and so is what the kernel needs once.
    let (_, warm) = ok!(read_through(env, 1, &[RW]));
    let vmo = ok!(env.vmo_create(PAGES * P, 0));
    let maps = [ok!(env.map(vmo, RW, PAGES * P)), ok!(env.map(vmo, PERM_READ, PAGES * P))];
    env.poke_u64(maps[0], 0);
    same!(env.peek_u64(maps[1]), 0);
    same!(ok!(env.committed(vmo)), P);
    let before = ok!(kmem(env));
    same!(read_all(env, &maps, PAGES), 0);
    let after = ok!(kmem(env));
    same!((ok!(env.committed(vmo)), after.vmo_bytes), (P, before.vmo_bytes));
    for at in [0, 7 * P + 100, PAGES * P - 8] {
        same!(ok!(env.vmo_read(vmo, at, 8)), [0; 8]);
    }
    let (process, out) = (u64::from(env.world.process), env.out(0));
    let buffer = env.data(&[1; 16]);
    ok!(env.raw(Sysno::process_read_memory, &[process, page(maps[0], 3).0, buffer, 16, out]));
    same!(env.data_bytes(16), [0; 16]);
    // A page that nobody wrote is an input like any other.
    let from = page(maps[1], 5).0;
    let other = ok!(env.vmo_create(P, 0));
    ok!(env.vmo_write(other, 0, &[9; 32]));
    ok!(env.raw(Sysno::vmo_write, &[u64::from(other), from, 0, 16]));
    same!(ok!(env.vmo_read(other, 0, 17)), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]);
    same!(ok!(env.committed(vmo)), P);
    same!(env.peek_u64(warm[0]), 0);
    Ok(())
}

fn first_write(env: &mut Env<'_>) -> Outcome {
    let (vmo, maps) = ok!(read_through(env, 3, &[RW, RW, PERM_READ]));
    same!(ok!(env.committed(vmo)), 0);
    for (written, by) in [(0, 1), (2, 0)] {
        env.poke_u64(page(maps[by], written), written + 5);
        for &map in &maps {
            same!(env.peek_u64(page(map, written)), written + 5);
            same!(env.peek_u64(page(map, 1)), 0);
        }
    }
    same!(ok!(env.committed(vmo)), 2 * P);
    same!(ok!(first_bytes(env, vmo)), [5, 0, 7]);
    // By a mapping where nothing is shown yet, while another one shows zeros.
    let (vmo, maps) = ok!(read_through(env, 4, &[RW, RW]));
    let fresh = ok!(env.map(vmo, RW, 4 * P));
    for nth in 0..4 {
        env.poke_u64(page(fresh, nth), nth + 1);
    }
    for &map in &maps {
        same!((0..4).map(|nth| env.peek_u64(page(map, nth))).collect::<Vec<_>>(), [1, 2, 3, 4]);
    }
    // The first page that is read is not the first that is touched.
    let vmo = ok!(env.vmo_create(2 * P, 0));
    let maps = [ok!(env.map(vmo, RW, 2 * P)), ok!(env.map(vmo, RW, 2 * P))];
    env.poke_u64(maps[0], 1);
    same!((env.peek_u64(page(maps[0], 1)), env.peek_u64(maps[1])), (0, 1));
    env.poke_u64(page(maps[1], 1), 2);
    same!(env.peek_u64(page(maps[0], 1)), 2);
    // A page of the same VMO that nobody has touched is written at first.
    let (vmo, maps) = ok!(read_through(env, 1, &[RW]));
    ok!(env.vmo_set_size(vmo, 4 * P));
    let more = ok!(env.map(vmo, RW, 4 * P));
    env.poke_u64(page(more, 2), 1);
    same!((env.peek_u64(maps[0]), env.peek_u64(page(more, 2)), ok!(env.committed(vmo))), (0, 1, P));
    same!(ok!(somebody_elses(env)), 0);
    Ok(())
}

fn kernel_writes(env: &mut Env<'_>) -> Outcome {
    let (vmo, maps) = ok!(read_through(env, 6, &[RW, PERM_READ]));
    let raw = u64::from(vmo);
    ok!(env.vmo_write(vmo, 0, &[7]));
    ok!(env.vmo_op(vmo, RangeOp::Commit, P, P));
    same!(ok!(env.committed(vmo)), 2 * P);
    // Outputs of calls, by the mapping that may be written.
    ok!(env.raw(Sysno::vmo_get_size, &[raw, page(maps[0], 2).0]));
    ok!(env.raw(Sysno::vmo_read, &[raw, page(maps[0], 3).0 + 8, 0, 8]));
    ok!(env.raw(Sysno::vmo_read, &[raw, page(maps[0], 4).0 - 4, 0, 8]));
    refused!(env.raw(Sysno::vmo_get_size, &[raw, page(maps[1], 5).0]), INVALID_ARGS);
    // Onto itself: what is read is a page that is written.
    ok!(env.raw(Sysno::vmo_write, &[raw, page(maps[1], 5).0, 5 * P, P]));
    for &map in &maps {
        let words: Vec<_> = (0..6).map(|at| env.peek_u64(page(map, at))).collect();
        same!(words, [7, 0, 6 * P, 0, 0, 0]);
        same!(env.peek_u64(VirtAddr(page(map, 3).0 + 8)), 7);
        same!(env.peek_u64(VirtAddr(page(map, 4).0 - 8)), 7 << 32);
    }
    env.poke_u64(page(maps[0], 1), 3);
    same!((env.peek_u64(page(maps[1], 1)), ok!(env.committed(vmo))), (3, 6 * P));
    same!(ok!(somebody_elses(env)), 0);
    Ok(())
}

fn relatives(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(4 * P, 0));
    let slice = ok!(env.slice(vmo, P, 2 * P));
    let reference = ok!(env.create_child(vmo, child::REFERENCE, 0, 0));
    let at = ok!(env.map(vmo, RW, 4 * P));
    let (of_slice, of_all) = (ok!(env.map(slice, RW, 2 * P)), ok!(env.map(reference, RW, 4 * P)));
    same!(read_all(env, &[at, of_all], 4) + read_all(env, &[of_slice], 2), 0);
    same!(ok!(env.committed(vmo)), 0);
    env.poke_u64(of_slice, 1);
    env.poke_u64(page(of_all, 2), 2);
    ok!(env.vmo_write(slice, P + 8, &[3]));
    ok!(env.vmo_write(reference, 3 * P, &[4]));
    let words: Vec<_> = (0..4).map(|nth| env.peek_u64(page(at, nth))).collect();
    same!(words, [0, 1, 2, 4]);
    same!((env.peek_u64(page(of_slice, 1)), env.peek_u64(VirtAddr(page(of_all, 2).0 + 8))), (2, 3));
    same!(ok!(env.committed(vmo)), 3 * P);
    Ok(())
}

fn snapshots(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(env.vmo_create(3 * P, 0));
    let reader = ok!(env.duplicate(parent, Rights::DEFAULT_VMO - Rights::WRITE));
    let maps = [ok!(env.map(parent, RW, 3 * P)), ok!(env.map(reader, PERM_READ, 3 * P))];
    env.poke_u64(maps[0], 1);
    same!(read_all(env, &maps, 3), 2);
    let clone = ok!(snapshot(env, parent, 0, 3 * P));
    let at = ok!(env.map(clone, RW, 3 * P));
    same!((read_all(env, &[at], 3), ok!(env.committed(clone))), (1, P));
    for nth in 0..2 {
        env.poke_u64(page(at, nth), 10 + nth);
        env.poke_u64(page(maps[0], nth), 20 + nth);
    }
    same!(ok!(first_bytes(env, clone)), [10, 11, 0]);
    same!(ok!(first_bytes(env, parent)), [20, 21, 0]);
    same!((env.peek_u64(page(maps[1], 1)), read_all(env, &maps, 3)), (21, 82));
    same!((ok!(env.committed(clone)), ok!(env.committed(parent))), (2 * P, 2 * P));
    Ok(())
}

/// What would be worst: all zeros there are become somebody's bytes.
fn protected(env: &mut Env<'_>) -> Outcome {
    for pages in [1, 40] {
        let (vmo, maps) = ok!(read_through(env, pages, &[PERM_READ, RW]));
        let (other, others) = ok!(read_through(env, 1, &[PERM_READ]));
        ok!(env.protect(maps[0], pages * P, RW));
        for nth in 0..pages {
            truth!(ok!(env.translate(page(maps[0], nth), true)) & NOT_SHOWN != 0);
            env.poke_u64(page(maps[0], nth), nth + 1);
            same!(env.peek_u64(page(maps[1], nth)), nth + 1);
        }
        // Down and up again, with a page that was written and pages that were not.
        let (vmo_again, again) = ok!(read_through(env, pages, &[RW]));
        env.poke_u64(again[0], 1);
        ok!(env.protect(again[0], pages * P, PERM_READ));
        same!(read_all(env, &again, pages), 1);
        ok!(env.protect(again[0], pages * P, RW));
        for nth in 0..pages {
            env.poke_u64(page(again[0], nth), 9);
        }
        same!((env.peek_u64(others[0]), ok!(env.vmo_read(other, 0, 1))), (0, [0].into()));
        same!((ok!(env.committed(vmo)), ok!(env.committed(vmo_again))), (pages * P, pages * P));
        same!((ok!(env.committed(other)), ok!(somebody_elses(env))), (0, 0));
    }
    Ok(())
}

fn emptied(env: &mut Env<'_>) -> Outcome {
    let (vmo, maps) = ok!(read_through(env, 3, &[RW, PERM_READ]));
    for op in [RangeOp::Decommit, RangeOp::Zero, RangeOp::Decommit] {
        env.poke_u64(page(maps[0], 1), 5);
        same!((read_all(env, &maps, 3), ok!(env.committed(vmo))), (10, P));
        ok!(env.vmo_op(vmo, op, 0, 3 * P));
        same!((read_all(env, &maps, 3), ok!(env.committed(vmo))), (0, 0));
    }
    // A part of a page that is shown as zeros is zeroed.
    ok!(env.vmo_op(vmo, RangeOp::Zero, 100, 2 * P));
    ok!(env.raw(Sysno::vmo_set_stream_size, &[u64::from(vmo), 10]));
    same!((read_all(env, &maps, 3), ok!(env.committed(vmo))), (0, 0));
    Ok(())
}

fn shrunk(env: &mut Env<'_>) -> Outcome {
    const PAGES: u64 = 200;
    let (vmo, maps) = ok!(read_through(env, PAGES, &[RW, PERM_READ]));
    for (size, written) in [(150, None), (149, Some(149)), (100, Some(20)), (10, Some(50)), (0, None)] {
        if let Some(written) = written {
            env.poke_u64(page(maps[0], written), 1);
        }
        ok!(env.vmo_set_size(vmo, size * P));
        for &map in &maps {
            for nth in [size, size + 1, size + 40, PAGES - 1].into_iter().filter(|nth| *nth < PAGES) {
                same!((nth, ok!(env.translate(page(map, nth), false)) & NOT_SHOWN), (nth, NOT_SHOWN));
            }
        }
    }
    ok!(env.vmo_set_size(vmo, PAGES * P));
    same!((read_all(env, &maps, PAGES), ok!(env.committed(vmo))), (0, 0));
    env.poke_u64(page(maps[0], 20), 2);
    same!((env.peek_u64(page(maps[1], 20)), ok!(env.committed(vmo))), (2, P));
    Ok(())
}

fn crowds(env: &mut Env<'_>) -> Outcome {
    const MANY: usize = 300;
    let vmo = ok!(env.vmo_create(3 * P, create::RESIZABLE));
    let mut maps = Vec::new();
    for _ in 0..MANY {
        maps.push(ok!(env.map(vmo, RW, 3 * P)));
    }
    for round in 1..3 {
        same!((read_all(env, &maps, 3), ok!(env.committed(vmo))), (0, 0));
        env.poke_u64(maps[MANY / 2], round);
        ok!(env.vmo_write(vmo, 2 * P, &[1]));
        same!((read_all(env, &maps, 3), ok!(env.committed(vmo))), ((round + 1) * MANY as u64, 2 * P));
        ok!(env.vmo_op(vmo, RangeOp::Decommit, 0, 3 * P));
    }
    same!(read_all(env, &maps, 3), 0);
    ok!(env.vmo_set_size(vmo, P));
    truth!(ok!(env.translate(page(maps[MANY - 1], 1), false)) & NOT_SHOWN != 0);
    Ok(())
}

fn pinned(env: &mut Env<'_>) -> Outcome {
    let bti = ok!(env.bti());
    pinned_for(env, bti, |_, place| Some(place))
}

fn pinned_within_reach(env: &mut Env<'_>) -> Outcome {
    let (iommu, id) = (ok!(env.iommu()), env.limited().bti_id);
    let bti = ok!(env.making(Sysno::bti_create, &[u64::from(iommu), 0, id]));
    pinned_for(env, bti, |env, place| {
        let limited = env.limited();
        place.checked_sub(limited.memory.base().0)?.checked_add(limited.bus)
    })
}

/// Pins pages that were read for a device, which reaches a place in memory as `bus` says.
fn pinned_for(env: &mut Env<'_>, bti: Handle, bus: impl Fn(&mut Env<'_>, u64) -> Option<u64>) -> Outcome {
    let (vmo, maps) = ok!(read_through(env, 3, &[RW, RW]));
    let (pmt, addresses) = ok!(env.pin(bti, pin::PERM_READ | pin::PERM_WRITE, vmo, (0, 2 * P), 2));
    same!(ok!(env.committed(vmo)), 2 * P);
    for (nth, address_of) in (0..2).zip(addresses) {
        // What was shown in its place has gone everywhere.
        for &map in &maps {
            truth!(ok!(env.translate(page(map, nth), false)) & NOT_SHOWN != 0);
            same!(env.peek_u64(page(map, nth)), 0);
        }
        env.poke_u64(page(maps[0], nth), nth + 1);
        same!(env.peek_u64(page(maps[1], nth)), nth + 1);
        let place = ok!(env.translate(page(maps[1], nth), true).map(address));
        same!(bus(env, place), Some(address_of));
    }
    ok!(env.unpin(pmt));
    Ok(())
}

/// One thread counts in a page; here it is read and taken away.
fn counted_in(env: &mut Env<'_>) -> Outcome {
    let (vmo, maps) = ok!(read_through(env, 2, &[RW, RW, PERM_READ]));
    let mut counters = Vec::new();
    for nth in 0..2 {
        let task = ok!(env.new_thread(b"counter"));
        let count = Step::new(Do::Count, &[Arg::Is(page(maps[nth as usize], nth).0)]);
        ok!(env.set_script(&task, &[count, Step::again(0)]));
        ok!(env.start_thread(&task));
        counters.push(task);
    }
    for _ in 0..20 {
        ok!(env.vmo_op(vmo, RangeOp::Decommit, 0, 2 * P));
        read_all(env, &maps, 2);
    }
    // What they count from now on is seen in the place of any zeros.
    crate::children::patiently(env, |env, pause| {
        ok!(env.pause(pause));
        Ok((0..2).all(|nth| env.peek_u64(page(maps[2], nth)) > 0))
    })?;
    for counter in counters {
        ok!(env.raw(Sysno::task_kill, &[u64::from(counter.thread)]));
        ok!(env.wait_for_end(counter.thread));
    }
    same!(ok!(env.committed(vmo)), 2 * P);
    same!(ok!(somebody_elses(env)), 0);
    Ok(())
}

fn shown_at_once(env: &mut Env<'_>) -> Outcome {
    use abi::vmar::RangeOp as VmarOp;
    let (vmo, maps) = ok!(read_through(env, 30, &[RW, PERM_READ]));
    ok!(env.vmo_write(vmo, 2 * P, &[2]));
    let op = |env: &mut Env<'_>, op: VmarOp, at: VirtAddr, pages: u64| {
        let vmar = u64::from(env.world.vmar);
        env.raw(Sysno::vmar_op_range, &[vmar, u64::from(op as u32), at.0, pages * P])
    };
    for map in [maps[0], maps[1]] {
        ok!(op(env, VmarOp::MapRange, map, 30));
        same!(ok!(env.translate(page(map, 2), false)) & NOT_SHOWN, 0);
    }
    for hint in [VmarOp::AlwaysNeed, VmarOp::Prefetch, VmarOp::DontNeed] {
        ok!(op(env, hint, maps[0], 30));
    }
    same!((ok!(env.committed(vmo)), read_all(env, &maps, 30)), (P, 4));
    ok!(op(env, VmarOp::Commit, page(maps[0], 10), 20));
    same!(ok!(env.committed(vmo)), 21 * P);
    for nth in 10..30 {
        same!((nth, ok!(env.translate(page(maps[0], nth), true)) & NOT_SHOWN), (nth, 0));
        env.poke_u64(page(maps[0], nth), nth);
        same!(env.peek_u64(page(maps[1], nth)), nth);
    }
    same!(ok!(somebody_elses(env)), 0);
    Ok(())
}
