//! Pins of pages that clones share: whose frame a device gets, and that it stays that VMO's.

use alloc::vec::Vec;

use abi::dma::pin;
use abi::vmar::PERM_READ;
use abi::vmo::{RangeOp, child};
use abi::{Handle, Sysno, VirtAddr};

use crate::check::{ok, refused, same, truth};
use crate::env::Result;
use crate::oracle::address;
use crate::vmo_children::{RW, first_bytes, numbered, snapshot};
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "BTI-J13" pinned_clone "a pinned page of a clone is its own, and its parent's is another";
    "BTI-J14" pinned_parent "a pinned page of a parent is its own, and its clones' is another";
    "BTI-J15" seen_by_all "every mapping of a clone shows the frame that was pinned, however many there are";
    "BTI-J16" part_of_a_clone "a slice and a reference of a clone pin the clone's frames";
    "BTI-J17" relatives_end "a pinned page stays when its relatives write, lose their pages and end";
}

/// A pin of all pages of a VMO, and where they are.
fn pin_all(env: &mut Env<'_>, bti: Handle, vmo: Handle) -> Result<(Handle, Vec<u64>)> {
    let size = env.vmo_size(vmo)?;
    env.pin(bti, pin::PERM_READ | pin::PERM_WRITE, vmo, (0, size), size / P)
}

/// The frame that the MMU finds for a store.
fn frame(env: &mut Env<'_>, at: VirtAddr) -> Result<u64> {
    env.poke_u64(VirtAddr(at.0 + 8), 1);
    env.translate(at, true).map(address)
}

fn apart(one: &[u64], other: &[u64]) -> bool {
    one.iter().all(|at| !other.contains(at))
}

fn pinned_clone(env: &mut Env<'_>) -> Outcome {
    let bti = ok!(env.bti());
    let parent = ok!(numbered(env, 3));
    let (parent_at, clone) = (ok!(env.map(parent, RW, 3 * P)), ok!(snapshot(env, parent, 0, 3 * P)));
    let at = ok!(env.map(clone, RW, 3 * P));
    // Shown by both, without leave to write.
    same!((env.peek_u64(at), env.peek_u64(parent_at)), (1, 1));
    let (pmt, pinned) = ok!(pin_all(env, bti, clone));
    same!(ok!(first_bytes(env, clone)), [1, 2, 3]);
    env.poke_u64(at, 10);
    ok!(env.vmo_write(clone, P, &[20]));
    env.poke_u64(parent_at, 100);
    ok!(env.vmo_write(parent, P, &[200]));
    same!(ok!(first_bytes(env, clone)), [10, 20, 3]);
    same!(ok!(first_bytes(env, parent)), [100, 200, 3]);
    same!((env.peek_u64(VirtAddr(at.0 + P)), env.peek_u64(parent_at)), (20, 100));
    for page in 0..3 {
        same!(ok!(frame(env, VirtAddr(at.0 + page * P))), pinned[page as usize]);
    }
    let (again, second) = ok!(pin_all(env, bti, clone));
    same!(second, pinned);
    let (other, parents) = ok!(pin_all(env, bti, parent));
    truth!(apart(&pinned, &parents));
    for pmt in [pmt, again, other] {
        ok!(env.unpin(pmt));
    }
    Ok(())
}

fn pinned_parent(env: &mut Env<'_>) -> Outcome {
    let bti = ok!(env.bti());
    let parent = ok!(numbered(env, 2));
    let at = ok!(env.map(parent, RW, 2 * P));
    let clones = [ok!(snapshot(env, parent, 0, 2 * P)), ok!(snapshot(env, parent, 0, 2 * P))];
    same!(env.peek_u64(at), 1);
    let (pmt, pinned) = ok!(pin_all(env, bti, parent));
    // What is pinned is not shared anew.
    for kind in [child::SNAPSHOT, child::SNAPSHOT_AT_LEAST_ON_WRITE, child::SNAPSHOT_MODIFIED] {
        refused!(env.create_child(parent, kind, 0, P), BAD_STATE);
    }
    env.poke_u64(at, 10);
    for (clone, byte) in clones.into_iter().zip([50, 60]) {
        same!(ok!(first_bytes(env, clone)), [1, 2]);
        ok!(env.vmo_write(clone, 0, &[byte]));
        same!(ok!(first_bytes(env, clone)), [byte, 2]);
    }
    same!(ok!(first_bytes(env, parent)), [10, 2]);
    same!(ok!(frame(env, at)), pinned[0]);
    // A clone of a clone is no matter of the parent's.
    let inner = ok!(snapshot(env, clones[0], 0, 2 * P));
    let (other, theirs) = ok!(pin_all(env, bti, inner));
    truth!(apart(&pinned, &theirs));
    same!(ok!(first_bytes(env, inner)), [50, 2]);
    ok!(env.unpin(other));
    ok!(env.unpin(pmt));
    ok!(snapshot(env, parent, 0, 2 * P));
    Ok(())
}

fn seen_by_all(env: &mut Env<'_>) -> Outcome {
    // More than one entry of the kernel goes through.
    const VIEWS: usize = 400;
    let bti = ok!(env.bti());
    let parent = ok!(numbered(env, 1));
    let clone = ok!(snapshot(env, parent, 0, P));
    let mut views = Vec::new();
    for _ in 0..VIEWS {
        let view = ok!(env.map(clone, RW, P));
        same!(env.peek_u64(view), 1);
        views.push(view);
    }
    let (pmt, pinned) = ok!(pin_all(env, bti, clone));
    env.poke_u64(views[0], 7);
    for view in views {
        same!(env.peek_u64(view), 7);
        same!(ok!(env.translate(view, false).map(address)), pinned[0]);
    }
    same!(ok!(env.vmo_read(parent, 0, 1)), [1]);
    ok!(env.unpin(pmt));
    Ok(())
}

fn part_of_a_clone(env: &mut Env<'_>) -> Outcome {
    let bti = ok!(env.bti());
    let parent = ok!(numbered(env, 4));
    let clone = ok!(snapshot(env, parent, P, 3 * P));
    let slice = ok!(env.slice(clone, P, 2 * P));
    let reference = ok!(env.create_child(clone, child::REFERENCE, 0, 0));
    let (one, in_slice) = ok!(pin_all(env, bti, slice));
    let (two, in_reference) = ok!(pin_all(env, bti, reference));
    same!(in_slice, in_reference[1..]);
    ok!(env.vmo_write(slice, P, &[40]));
    same!(ok!(first_bytes(env, reference)), [2, 3, 40]);
    same!(ok!(first_bytes(env, parent)), [1, 2, 3, 4]);
    let at = ok!(env.map(clone, RW, 3 * P));
    same!(ok!(frame(env, VirtAddr(at.0 + 2 * P))), in_slice[1]);
    ok!(env.unpin(one));
    ok!(env.unpin(two));
    Ok(())
}

fn relatives_end(env: &mut Env<'_>) -> Outcome {
    let bti = ok!(env.bti());
    let parent = ok!(numbered(env, 2));
    let clone = ok!(snapshot(env, parent, 0, 2 * P));
    let inner = ok!(snapshot(env, clone, 0, 2 * P));
    let (pmt, pinned) = ok!(pin_all(env, bti, clone));
    ok!(env.vmo_op(parent, RangeOp::Decommit, 0, 2 * P));
    ok!(env.vmo_op(inner, RangeOp::Zero, 0, P));
    refused!(env.vmo_op(clone, RangeOp::Decommit, 0, P), BAD_STATE);
    ok!(env.vmo_write(inner, P, &[30]));
    same!(ok!(first_bytes(env, inner)), [0, 30]);
    same!(ok!(first_bytes(env, parent)), [0, 0]);
    ok!(env.close(parent));
    ok!(env.close(inner));
    let taken = ok!(env.making(Sysno::vmo_create, &[64 * P, 0]));
    // Frames that were given back are taken again.
    ok!(env.vmo_op(taken, RangeOp::Commit, 0, 64 * P));
    let at = ok!(env.map(clone, PERM_READ, 2 * P));
    same!((env.peek_u64(at), env.peek_u64(VirtAddr(at.0 + P))), (1, 2));
    same!(ok!(env.translate(at, false).map(address)), pinned[0]);
    ok!(env.unpin(pmt));
    Ok(())
}
