//! Snapshots and references: what children of paged VMOs share with their parents, and what not.

use alloc::vec::Vec;

use abi::object::vmo_flags;
use abi::vmar::{PERM_READ, PERM_WRITE, REQUIRE_NON_RESIZABLE};
use abi::vmo::{RangeOp, child, create};
use abi::{Handle, Rights, Signals, Sysno, VirtAddr};

use crate::check::{ok, refused, same, truth};
use crate::env::Result;
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "VMC-J01" snapshots "a snapshot has the bytes of one moment, whatever its kind";
    "VMC-J02" through_mappings "a snapshot of mapped memory stays as it was";
    "VMC-J03" all_mappings_see "a copied page is seen through every mapping of the VMO";
    "VMC-J04" beyond_the_parent "what lies beyond the parent is zero";
    "VMC-J05" middle_parts "a snapshot of a part starts where it is told";
    "VMC-J06" options_in_order "exactly one kind of child, and no contradictions";
    "VMC-J07" parents_rights "a child needs DUPLICATE and READ on its parent";
    "VMC-J08" ranges_of_snapshots "offsets are whole pages and sums do not wrap";
    "VMC-J09" rights "a snapshot may be written and not executed, one made with NO_WRITE the other way round";
    "VMC-J10" told_by_info "info tells what a clone is, whose, and what it costs";
    "VMC-J11" names "a child has its parent's name if the handle may read it";
    "VMC-J12" sizes "a child has a size of its own, in pages, and a content size as it was asked for";
    "VMC-J13" grandchildren "ancestors that have died hand their children on";
    "VMC-J14" slices_of_snapshots "slices and snapshots nest in any order";
    "VMC-J15" references "a reference is its parent once more: bytes and size";
    "VMC-J16" refused_references "a reference is whole, and of memory that has pages of its own";
    "VMC-J17" emptied "what is taken or zeroed in a clone stays in its parent";
    "VMC-J18" protected "memory that becomes writable is copied first";
    "VMC-J19" written_by_the_kernel "what the kernel writes for a program goes to the clone alone";
    "VMC-J22" bad_output "a child whose handle cannot be written is no child";
    "VMC-J23" discardable "memory that may be discarded has no children";
    "VMC-J24" committed "committed and private bytes are exact when a clone is made and written";
    "VMC-J25" immutable "a snapshot made with NO_WRITE has snapshots itself";
    "VMC-J26" resized "a clone that is resized leaves its parent as it was";
    "VMC-J27" read_and_written "zx_vmo_read and zx_vmo_write see what mappings see";
    "VMC-J30" reference_sizes "a reference is as resizable as its parent";
}

const SNAPSHOTS: [u32; 3] = [child::SNAPSHOT, child::SNAPSHOT_AT_LEAST_ON_WRITE, child::SNAPSHOT_MODIFIED];
pub(crate) const RW: u32 = PERM_READ | PERM_WRITE;

pub(crate) fn snapshot(env: &mut Env<'_>, vmo: Handle, offset: u64, size: u64) -> Result<Handle> {
    env.create_child(vmo, child::SNAPSHOT, offset, size)
}

pub(crate) fn childless(env: &mut Env<'_>, vmo: Handle) -> Result<bool> {
    Ok(env.signals(vmo)?.intersects(Signals::VMO_ZERO_CHILDREN))
}

/// A VMO of so many pages; each begins with its number plus 1.
pub(crate) fn numbered(env: &mut Env<'_>, pages: u64) -> Result<Handle> {
    let vmo = env.vmo_create(pages * P, 0)?;
    for page in 0..pages {
        env.vmo_write(vmo, page * P, &[page as u8 + 1])?;
    }
    Ok(vmo)
}

/// The first byte of each page.
pub(crate) fn first_bytes(env: &mut Env<'_>, vmo: Handle) -> Result<Vec<u8>> {
    let pages = env.vmo_size(vmo)? / P;
    (0..pages).map(|page| Ok(env.vmo_read(vmo, page * P, 1)?[0])).collect()
}

fn snapshots(env: &mut Env<'_>) -> Outcome {
    for kind in SNAPSHOTS {
        let parent = ok!(numbered(env, 3));
        let clone = ok!(env.create_child(parent, kind, 0, 3 * P));
        ok!(env.vmo_write(parent, P, &[20]));
        ok!(env.vmo_write(clone, 2 * P, &[30]));
        same!(ok!(first_bytes(env, parent)), [1, 20, 3]);
        same!(ok!(first_bytes(env, clone)), [1, 2, 30]);
        // The rest of a page that was copied is as it was.
        ok!(env.vmo_write(parent, 8, &[8]));
        ok!(env.vmo_write(clone, 9, &[9]));
        same!(ok!(env.vmo_read(parent, 0, 10)), [1, 0, 0, 0, 0, 0, 0, 0, 8, 0]);
        same!(ok!(env.vmo_read(clone, 0, 10)), [1, 0, 0, 0, 0, 0, 0, 0, 0, 9]);
        ok!(env.close(parent));
        same!(ok!(first_bytes(env, clone)), [1, 2, 30]);
    }
    Ok(())
}

fn through_mappings(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(env.vmo_create(2 * P, 0));
    let at = ok!(env.map(parent, RW, 2 * P));
    let second = VirtAddr(at.0 + P);
    env.poke_u64(at, 1);
    env.poke_u64(second, 2);
    let clone = ok!(snapshot(env, parent, 0, 2 * P));
    let clone_at = ok!(env.map(clone, RW, 2 * P));
    env.poke_u64(at, 10);
    same!(env.peek_u64(clone_at), 1);
    env.poke_u64(VirtAddr(clone_at.0 + P), 20);
    same!(env.peek_u64(second), 2);
    same!(env.peek_u64(at), 10);
    same!(env.peek_u64(VirtAddr(clone_at.0 + P)), 20);
    // What was copied once is the VMO's own until the next snapshot.
    env.poke_u64(at, 11);
    let again = ok!(snapshot(env, parent, 0, 2 * P));
    env.poke_u64(at, 12);
    same!(ok!(env.vmo_read(again, 0, 1)), [11]);
    same!(env.peek_u64(clone_at), 1);
    Ok(())
}

fn all_mappings_see(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(numbered(env, 1));
    let clone = ok!(snapshot(env, parent, 0, P));
    let slice = ok!(env.slice(clone, 0, P));
    let views = [ok!(env.map(clone, PERM_READ, P)), ok!(env.map(clone, RW, P)), ok!(env.map(slice, RW, P))];
    for view in views {
        same!(env.peek_u64(view), 1);
    }
    for (number, writer) in [(5, views[1]), (6, views[2])] {
        env.poke_u64(writer, number);
        for view in views {
            same!(env.peek_u64(view), number);
        }
        same!(ok!(env.vmo_read(parent, 0, 1)), [1]);
    }
    let third = ok!(snapshot(env, clone, 0, P));
    ok!(env.vmo_write(clone, 0, &[7]));
    for view in views {
        same!(env.peek_u64(view), 7);
    }
    same!(ok!(env.vmo_read(third, 0, 1)), [6]);
    Ok(())
}

fn beyond_the_parent(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(numbered(env, 2));
    let wide = ok!(snapshot(env, parent, P, 3 * P));
    same!(ok!(first_bytes(env, wide)), [2, 0, 0]);
    ok!(env.vmo_write(wide, 2 * P, &[9]));
    let beyond = ok!(snapshot(env, parent, 5 * P, P));
    same!(ok!(first_bytes(env, beyond)), [0]);
    let further = ok!(snapshot(env, wide, 0, 8 * P));
    same!(ok!(first_bytes(env, further)), [2, 0, 9, 0, 0, 0, 0, 0]);
    let empty = ok!(snapshot(env, parent, 0, 0));
    same!(ok!(env.vmo_size(empty)), 0);
    same!(ok!(first_bytes(env, parent)), [1, 2]);
    Ok(())
}

fn middle_parts(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(numbered(env, 70));
    let middle = ok!(snapshot(env, parent, 30 * P, 36 * P));
    let expected: Vec<u8> = (31..67).collect();
    same!(ok!(first_bytes(env, middle)), expected);
    let inner = ok!(snapshot(env, middle, P, 2 * P));
    ok!(env.vmo_write(middle, 2 * P, &[0]));
    ok!(env.vmo_write(parent, 31 * P, &[0]));
    same!(ok!(first_bytes(env, inner)), [32, 33]);
    same!(ok!(env.vmo_read(middle, P, 1)), [32]);
    same!(ok!(env.vmo_info(inner)).committed_bytes, 2 * P);
    Ok(())
}

fn options_in_order(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(env.vmo_create(P, 0));
    let two = child::SNAPSHOT | child::SNAPSHOT_AT_LEAST_ON_WRITE;
    let contradiction = child::SNAPSHOT | child::NO_WRITE | child::RESIZABLE;
    for options in [0, child::NO_WRITE, child::RESIZABLE, two, contradiction, child::SNAPSHOT | 2, 1 << 8] {
        // The options are looked at before the handle.
        refused!(env.create_child(abi::object::HANDLE_INVALID, options, 0, P), INVALID_ARGS);
        refused!(env.create_child(parent, options, 0, P), INVALID_ARGS);
    }
    refused!(env.create_child(abi::object::HANDLE_INVALID, child::SNAPSHOT, 0, P), BAD_HANDLE);
    let (channel, _) = ok!(env.channel());
    refused!(env.create_child(channel, child::SNAPSHOT, 0, P), WRONG_TYPE);
    Ok(())
}

fn parents_rights(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(numbered(env, 1));
    for kind in [child::SNAPSHOT, child::SNAPSHOT_MODIFIED, child::REFERENCE] {
        let size = if kind == child::REFERENCE { 0 } else { P };
        for missing in [Rights::DUPLICATE, Rights::READ] {
            let weak = ok!(env.duplicate(parent, Rights::DEFAULT_VMO - missing));
            refused!(env.create_child(weak, kind, 0, size), ACCESS_DENIED);
        }
        let enough = ok!(env.duplicate(parent, Rights::DUPLICATE | Rights::READ));
        ok!(env.create_child(enough, kind, 0, size));
    }
    Ok(())
}

fn ranges_of_snapshots(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(env.vmo_create(2 * P, 0));
    for kind in SNAPSHOTS {
        refused!(env.create_child(parent, kind, 1, P), INVALID_ARGS);
        refused!(env.create_child(parent, kind, 0, u64::MAX), OUT_OF_RANGE);
        refused!(env.create_child(parent, kind, 0u64.wrapping_sub(P), 2 * P), OUT_OF_RANGE);
    }
    same!(ok!(childless(env, parent)), true);
    Ok(())
}

fn rights(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(env.vmo_create(P, 0));
    let plain = ok!(env.duplicate(parent, Rights::DUPLICATE | Rights::READ | Rights::MAP));
    let given = Rights::DUPLICATE | Rights::READ | Rights::MAP | Rights::PROPERTY;
    for kind in SNAPSHOTS {
        let clone = ok!(env.create_child(plain, kind, 0, P));
        same!(ok!(env.rights(clone)), given | Rights::WRITE);
        let fixed = ok!(env.create_child(plain, kind | child::NO_WRITE, 0, P));
        same!(ok!(env.rights(fixed)), given);
        let resizable = ok!(env.create_child(plain, kind | child::RESIZABLE, 0, P));
        same!(ok!(env.rights(resizable)), given | Rights::WRITE | Rights::RESIZE);
    }
    let of_resizable = ok!(env.vmo_create(P, create::RESIZABLE));
    let clone = ok!(snapshot(env, of_resizable, 0, P));
    same!(ok!(env.rights(clone)), Rights::DEFAULT_VMO);
    // What may be executed, may be as long as it cannot change.
    let code = ok!(env.duplicate(env.world.vdso, Rights::SAME_RIGHTS));
    let writable = ok!(snapshot(env, code, 0, P));
    truth!(!ok!(env.rights(writable)).contains(Rights::EXECUTE));
    let fixed = ok!(env.create_child(code, child::SNAPSHOT | child::NO_WRITE, 0, P));
    truth!(ok!(env.rights(fixed)).contains(Rights::EXECUTE));
    truth!(!ok!(env.rights(fixed)).contains(Rights::WRITE));
    Ok(())
}

fn told_by_info(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(numbered(env, 2));
    let koid = ok!(env.vmo_info(parent)).koid;
    let clone = ok!(snapshot(env, parent, 0, 2 * P));
    let fixed = ok!(env.create_child(clone, child::SNAPSHOT | child::NO_WRITE, 0, P));
    let slice = ok!(env.slice(parent, 0, P));
    let reference = ok!(env.create_child(parent, child::REFERENCE, 0, 0));
    let kind = vmo_flags::TYPE_PAGED | vmo_flags::VIA_HANDLE;
    let info = ok!(env.vmo_info(clone));
    same!((info.flags, info.parent_koid, info.num_children), (kind | vmo_flags::IS_COW_CLONE, koid, 1));
    same!(info.committed_bytes, 2 * P);
    same!(info.populated_bytes, 2 * P);
    let info = ok!(env.vmo_info(fixed));
    same!(info.flags, kind | vmo_flags::IS_COW_CLONE | vmo_flags::IMMUTABLE);
    same!(info.parent_koid, ok!(env.vmo_info(clone)).koid);
    for other in [slice, reference] {
        let info = ok!(env.vmo_info(other));
        same!((info.flags, info.parent_koid, info.committed_bytes), (kind, koid, 0));
    }
    let info = ok!(env.vmo_info(parent));
    same!((info.flags, info.parent_koid, info.num_children), (kind, 0, 3));
    Ok(())
}

fn names(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(env.vmo_create(P, 0));
    ok!(env.set_name(parent, b"parent"));
    let clone = ok!(snapshot(env, parent, 0, P));
    same!(ok!(env.name(clone)), ok!(env.name(parent)));
    let nameless = ok!(env.duplicate(parent, Rights::DUPLICATE | Rights::READ));
    let clone = ok!(snapshot(env, nameless, 0, P));
    truth!(ok!(env.name(clone)).iter().all(|byte| *byte == 0));
    Ok(())
}

fn sizes(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(env.vmo_create(4 * P, 0));
    for size in [0, 1, P - 1, P, P + 1] {
        let children = [ok!(snapshot(env, parent, 0, size)), ok!(env.slice(parent, 0, size))];
        for child in children {
            same!(ok!(env.vmo_size(child)), size.next_multiple_of(P));
            same!(ok!(env.content_size(child)), size);
        }
    }
    let fixed = ok!(snapshot(env, parent, 0, P));
    refused!(env.vmo_set_size(fixed, 2 * P), UNAVAILABLE);
    Ok(())
}

fn grandchildren(env: &mut Env<'_>) -> Outcome {
    for kinds in [[child::SNAPSHOT; 3], [child::SLICE; 3], [child::SLICE, child::SNAPSHOT, child::SLICE]] {
        let parent = ok!(numbered(env, 1));
        let one = ok!(env.create_child(parent, kinds[0], 0, P));
        let two = ok!(env.create_child(one, kinds[1], 0, P));
        let three = ok!(env.create_child(two, kinds[2], 0, P));
        let koid = ok!(env.vmo_info(two)).koid;
        same!(ok!(childless(env, parent)), false);
        ok!(env.close(one));
        same!(ok!(childless(env, parent)), false);
        ok!(env.close(two));
        ok!(env.pause(2_000_000));
        // The dead ones are gone; what is left of the line is the parent's child.
        same!(ok!(env.vmo_info(parent)).num_children, 1);
        same!(ok!(env.vmo_info(three)).parent_koid, koid);
        same!(ok!(childless(env, parent)), false);
        same!(ok!(first_bytes(env, three)), [1]);
        ok!(env.close(three));
        same!(ok!(childless(env, parent)), true);
    }
    Ok(())
}

fn slices_of_snapshots(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(numbered(env, 4));
    let slice = ok!(env.slice(parent, P, 3 * P));
    let clone = ok!(snapshot(env, slice, P, 2 * P));
    same!(ok!(first_bytes(env, clone)), [3, 4]);
    let part = ok!(env.slice(clone, P, P));
    ok!(env.vmo_write(part, 0, &[40]));
    same!(ok!(first_bytes(env, clone)), [3, 40]);
    ok!(env.vmo_write(slice, P, &[30]));
    same!(ok!(first_bytes(env, parent)), [1, 2, 30, 4]);
    same!(ok!(first_bytes(env, clone)), [3, 40]);
    // A slice ends where it ends: beyond it a snapshot is zero, whatever its parent has there.
    let front = ok!(env.slice(parent, 0, P));
    let wide = ok!(snapshot(env, front, 0, 2 * P));
    same!(ok!(first_bytes(env, wide)), [1, 0]);
    Ok(())
}

fn references(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(env.vmo_create(2 * P, create::RESIZABLE));
    let fixed = ok!(env.create_child(parent, child::REFERENCE, 0, 0));
    let resizable = ok!(env.create_child(fixed, child::REFERENCE | child::NO_WRITE, 0, 0));
    truth!(!ok!(env.rights(resizable)).contains(Rights::WRITE));
    ok!(env.vmo_write(fixed, P, &[7]));
    same!(ok!(first_bytes(env, parent)), [0, 7]);
    let at = ok!(env.map(fixed, RW, 2 * P));
    env.poke_u64(at, 5);
    same!(ok!(env.vmo_read(parent, 0, 1)), [5]);
    refused!(env.vmo_set_size(fixed, P), ACCESS_DENIED);
    let also = ok!(env.create_child(parent, child::REFERENCE | child::RESIZABLE, 0, 0));
    ok!(env.vmo_set_size(also, 3 * P));
    for vmo in [parent, fixed, resizable, also] {
        same!(ok!(env.vmo_size(vmo)), 3 * P);
        same!(ok!(env.content_size(vmo)), 3 * P);
    }
    same!(ok!(childless(env, parent)), false);
    ok!(env.close(parent));
    ok!(env.close(also));
    same!(ok!(first_bytes(env, fixed)), [5, 7, 0]);
    same!(ok!(env.vmo_info(fixed)).num_children, 1);
    Ok(())
}

fn refused_references(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(env.vmo_create(2 * P, 0));
    refused!(env.create_child(parent, child::REFERENCE, 0, P), INVALID_ARGS);
    refused!(env.create_child(parent, child::REFERENCE, P, 0), INVALID_ARGS);
    refused!(env.create_child(parent, child::REFERENCE | child::RESIZABLE, 0, 0), ACCESS_DENIED);
    let slice = ok!(env.slice(parent, 0, P));
    refused!(env.create_child(slice, child::REFERENCE, 0, 0), NOT_SUPPORTED);
    let resizable = ok!(env.vmo_create(P, create::RESIZABLE));
    let weak = ok!(env.duplicate(resizable, Rights::DEFAULT_VMO));
    refused!(env.create_child(weak, child::REFERENCE | child::RESIZABLE, 0, 0), ACCESS_DENIED);
    let reference = ok!(env.create_child(resizable, child::REFERENCE, 0, 0));
    refused!(env.slice(reference, 0, P), NOT_SUPPORTED);
    Ok(())
}

fn emptied(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(numbered(env, 3));
    let clone = ok!(snapshot(env, parent, 0, 3 * P));
    let at = ok!(env.map(clone, RW, 3 * P));
    same!(env.peek_u64(at), 1);
    ok!(env.vmo_op(clone, RangeOp::Decommit, 0, P));
    ok!(env.vmo_op(clone, RangeOp::Zero, P, P / 2));
    same!(ok!(first_bytes(env, clone)), [0, 0, 3]);
    same!(env.peek_u64(at), 0);
    ok!(env.vmo_op(parent, RangeOp::Decommit, 2 * P, P));
    same!(ok!(first_bytes(env, parent)), [1, 2, 0]);
    same!(ok!(first_bytes(env, clone)), [0, 0, 3]);
    Ok(())
}

fn protected(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(numbered(env, 2));
    let clone = ok!(snapshot(env, parent, 0, 2 * P));
    let at = ok!(env.map(clone, RW, 2 * P));
    ok!(env.protect(at, 2 * P, PERM_READ));
    same!(env.peek_u64(at), 1);
    ok!(env.protect(at, 2 * P, RW));
    env.poke_u64(at, 9);
    env.poke_u64(VirtAddr(at.0 + P), 9);
    same!(ok!(first_bytes(env, clone)), [9, 9]);
    same!(ok!(first_bytes(env, parent)), [1, 2]);
    Ok(())
}

fn written_by_the_kernel(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(numbered(env, 2));
    let clone = ok!(snapshot(env, parent, 0, 2 * P));
    let at = ok!(env.map(clone, RW, 2 * P));
    same!(env.peek_u64(at), 1);
    // An output, and a buffer across two pages, one of which no table shows yet.
    ok!(env.raw(Sysno::vmo_get_size, &[u64::from(parent), at.0]));
    same!(env.peek_u64(at), 2 * P);
    let source = ok!(env.vmo_create(P, 0));
    ok!(env.vmo_write(source, 0, b"across"));
    ok!(env.raw(Sysno::vmo_read, &[u64::from(source), at.0 + P - 3, 0, 6]));
    same!(ok!(env.vmo_read(clone, P - 3, 6)), b"across");
    same!(ok!(first_bytes(env, parent)), [1, 2]);
    // A snapshot whose handle goes into the very memory that it is of.
    let before = env.peek_u64(at);
    ok!(env.raw(Sysno::vmo_create_child, &[u64::from(clone), u64::from(child::SNAPSHOT), 0, P, at.0]));
    let handle = env.peek_u64(at) as u32;
    truth!(u64::from(handle) != before);
    let made = Handle::from(handle);
    env.adopt(made);
    same!(ok!(env.vmo_read(made, 0, 8)), before.to_le_bytes());
    Ok(())
}

fn bad_output(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(numbered(env, 1));
    for kind in [child::SNAPSHOT, child::REFERENCE] {
        let size = if kind == child::REFERENCE { 0 } else { P };
        for out in env.bad_pointers() {
            let args = [u64::from(parent), u64::from(kind), 0, size, out];
            refused!(env.raw(Sysno::vmo_create_child, &args), INVALID_ARGS);
            same!(ok!(childless(env, parent)), true);
        }
    }
    Ok(())
}

fn discardable(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(env.vmo_create(P, create::DISCARDABLE));
    for kind in SNAPSHOTS {
        refused!(env.create_child(parent, kind, 0, P), NOT_SUPPORTED);
    }
    refused!(env.slice(parent, 0, P), NOT_SUPPORTED);
    refused!(env.create_child(parent, child::REFERENCE, 0, 0), NOT_SUPPORTED);
    Ok(())
}

fn committed(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(numbered(env, 8));
    let cost = |env: &mut Env<'_>, vmo| {
        let info = env.vmo_info(vmo)?;
        let scaled = (info.committed_scaled_bytes, info.committed_fractional_scaled_bytes);
        Ok((info.committed_bytes / P, info.committed_private_bytes / P, scaled))
    };
    same!(ok!(cost(env, parent)), (8, 8, (8 * P, 0)));
    let clone = ok!(snapshot(env, parent, 0, 8 * P));
    for vmo in [parent, clone] {
        same!(ok!(cost(env, vmo)), (8, 0, (4 * P, 0)));
    }
    ok!(env.vmo_write(clone, 0, &[5]));
    for vmo in [parent, clone] {
        same!(ok!(cost(env, vmo)), (8, 1, (P + 7 * P / 2, 0)));
    }
    let part = ok!(snapshot(env, clone, 4 * P, 2 * P));
    same!(ok!(cost(env, part)).0, 2);
    ok!(env.vmo_op(clone, RangeOp::Decommit, 0, P));
    same!(ok!(cost(env, clone)).0, 7);
    ok!(env.close(part));
    ok!(env.close(clone));
    ok!(env.pause(2_000_000));
    same!(ok!(cost(env, parent)), (8, 8, (8 * P, 0)));
    Ok(())
}

fn immutable(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(numbered(env, 2));
    let fixed = ok!(env.create_child(parent, child::SNAPSHOT | child::NO_WRITE, 0, 2 * P));
    refused!(env.vmo_write(fixed, 0, &[9]), ACCESS_DENIED);
    refused!(env.map(fixed, RW, P), ACCESS_DENIED);
    ok!(env.vmo_write(parent, 0, &[9]));
    let first = ok!(snapshot(env, fixed, 0, 2 * P));
    let second = ok!(snapshot(env, fixed, 0, 2 * P));
    ok!(env.vmo_write(first, 0, &[8]));
    same!(ok!(first_bytes(env, second)), [1, 2]);
    same!(ok!(first_bytes(env, fixed)), [1, 2]);
    same!(ok!(first_bytes(env, first)), [8, 2]);
    Ok(())
}

fn resized(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(numbered(env, 4));
    let clone = ok!(env.create_child(parent, child::SNAPSHOT | child::RESIZABLE, P, 3 * P));
    let inner = ok!(snapshot(env, clone, 0, 3 * P));
    ok!(env.vmo_set_size(clone, P));
    ok!(env.vmo_set_size(clone, 3 * P));
    same!(ok!(first_bytes(env, clone)), [2, 0, 0]);
    same!(ok!(first_bytes(env, inner)), [2, 3, 4]);
    same!(ok!(first_bytes(env, parent)), [1, 2, 3, 4]);
    ok!(env.vmo_set_size(clone, 0));
    same!(ok!(env.vmo_info(clone)).committed_bytes, 0);
    same!(ok!(first_bytes(env, inner)), [2, 3, 4]);
    Ok(())
}

fn read_and_written(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(numbered(env, 1));
    let at = ok!(env.map(parent, RW, P));
    same!(env.peek_u64(at), 1);
    let clone = ok!(snapshot(env, parent, 0, P));
    // The page is shown again, shared, before it is written by a call.
    same!(env.peek_u64(at), 1);
    ok!(env.vmo_write(parent, 0, &[2]));
    same!(env.peek_u64(at), 2);
    env.poke_u64(at, 3);
    same!(ok!(env.vmo_read(parent, 0, 1)), [3]);
    same!(ok!(env.vmo_read(clone, 0, 1)), [1]);
    Ok(())
}

fn reference_sizes(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(env.vmo_create(2 * P, create::RESIZABLE));
    let reference = ok!(env.create_child(parent, child::REFERENCE, 0, 0));
    truth!(ok!(env.vmo_info(reference)).flags & vmo_flags::RESIZABLE != 0);
    truth!(!ok!(env.rights(reference)).contains(Rights::RESIZE));
    refused!(env.vmo_set_size(reference, P), ACCESS_DENIED);
    refused!(env.map(reference, PERM_READ | REQUIRE_NON_RESIZABLE, P), NOT_SUPPORTED);
    let fixed = ok!(env.vmo_create(2 * P, 0));
    let reference = ok!(env.create_child(fixed, child::REFERENCE, 0, 0));
    refused!(env.vmo_set_size(reference, P), UNAVAILABLE);
    ok!(env.map(reference, PERM_READ | REQUIRE_NON_RESIZABLE, P));
    Ok(())
}
