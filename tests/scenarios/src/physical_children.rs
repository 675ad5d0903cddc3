//! Slices of physical VMOs, and the signal that a VMO has no children.

use abi::object::vmo_flags;
use abi::time::{INFINITE, INFINITE_PAST};
use abi::vmar::{PERM_READ, PERM_WRITE};
use abi::vmo::{CachePolicy, child};
use abi::{Handle, Rights, Signals, VirtAddr};

use crate::check::{ok, refused, same};
use crate::env::Result;
use crate::physical_ops::{flash, program, registers};
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "PCH-001" aliases "a slice shows its part of the parent and nothing else";
    "PCH-002" no_snapshots "a physical VMO has no snapshots";
    "PCH-004" not_resizable "a slice cannot be resizable";
    "PCH-005" aligned_offset "a slice starts at a page";
    "PCH-007" too_large "a size that cannot be rounded up is out of range";
    "PCH-008" rounded "a slice's size is rounded up to a page";
    "PCH-010" slice_info "a slice of contiguous memory is contiguous and knows its parent";
    "PCH-011" slice_rights "a slice has its parent's rights and both property rights";
    "PCH-013" new_has_no_children "a new VMO has no children, and says so at once";
    "PCH-014" child_clears_at_once "a child clears the signal before its creation returns";
    "PCH-016" mapping_is_a_child "a child that is only mapped still counts";
    "PCH-017" grandchild_holds_parent "a child lives as long as its own child";
    "PCH-J01" containment "a slice lies inside its parent";
    "PCH-J02" options_in_order "exactly one kind of child, and no contradictions";
    "PCH-J03" parents_rights "a child needs DUPLICATE and READ on its parent";
    "PCH-J04" empty_slices "a slice may be empty, at the parent's end too";
    "PCH-J05" nested_slices "a slice of a slice shows the right page";
    "PCH-J06" children_count "num_children counts direct children";
    "PCH-J07" bad_output "a child whose handle cannot be written is no child";
    "PCH-J08" references "a physical VMO has no references";
    "PCH-J09" names_are_inherited "a child has its parent's name if the handle may read it";
    "PCH-J10" content_sizes "a slice's content size is its own, and begins as it was asked for";
}

const NO_CHILDREN: Signals = Signals::VMO_ZERO_CHILDREN;

/// Whether a VMO says that it has no children.
fn childless(env: &mut Env<'_>, vmo: Handle) -> Result<bool> {
    Ok(env.signals(vmo)?.intersects(NO_CHILDREN))
}

fn aliases(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(flash(env, 2, CachePolicy::Cached));
    let slice = ok!(env.slice(parent, P, P));
    let whole = ok!(env.map(parent, PERM_READ | PERM_WRITE, 2 * P));
    let part = ok!(env.map(slice, PERM_READ | PERM_WRITE, P));
    let (first, second) = (VirtAddr(whole.0 + 32), VirtAddr(whole.0 + P + 32));
    let through = VirtAddr(part.0 + 32);
    let untouched = env.system.load32(first);
    program(env, through, 0x1111_2222);
    same!(env.system.load32(second), 0x1111_2222);
    program(env, second, 0x3333_4444);
    same!(env.system.load32(through), 0x3333_4444);
    same!(env.system.load32(first), untouched);
    Ok(())
}

fn no_snapshots(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    for kind in [child::SNAPSHOT, child::SNAPSHOT_AT_LEAST_ON_WRITE, child::SNAPSHOT_MODIFIED] {
        refused!(env.create_child(vmo, kind, 0, P), NOT_SUPPORTED);
    }
    same!(ok!(childless(env, vmo)), true);
    Ok(())
}

fn not_resizable(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    refused!(env.create_child(vmo, child::SLICE | child::RESIZABLE, 0, P), INVALID_ARGS);
    Ok(())
}

fn aligned_offset(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(flash(env, 2, CachePolicy::UncachedDevice));
    refused!(env.slice(vmo, 1, P), INVALID_ARGS);
    refused!(env.slice(vmo, P - 1, 1), INVALID_ARGS);
    Ok(())
}

fn too_large(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    refused!(env.slice(vmo, 0, u64::MAX), OUT_OF_RANGE);
    refused!(env.slice(vmo, 0, u64::MAX - P + 2), OUT_OF_RANGE);
    Ok(())
}

fn rounded(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    let slice = ok!(env.slice(vmo, 0, 42));
    same!(ok!(env.vmo_size(slice)), P);
    Ok(())
}

fn slice_info(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(flash(env, 2, CachePolicy::WriteCombining));
    let slice = ok!(env.slice(parent, P, P));
    let info = ok!(env.vmo_info(slice));
    same!(info.flags, vmo_flags::CONTIGUOUS | vmo_flags::VIA_HANDLE);
    same!(info.parent_koid, ok!(env.basic(parent)).koid);
    same!(info.cache_policy, CachePolicy::WriteCombining as u32);
    same!((info.size_bytes, info.committed_bytes), (P, 0));
    Ok(())
}

fn slice_rights(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(registers(env));
    let slice = ok!(env.slice(parent, 0, P));
    same!(ok!(env.rights(slice)), Rights::DEFAULT_VMO_PHYSICAL);
    let read_only = ok!(env.create_child(parent, child::SLICE | child::NO_WRITE, 0, P));
    same!(ok!(env.rights(read_only)), Rights::DEFAULT_VMO_PHYSICAL - Rights::WRITE);
    let few = Rights::DUPLICATE | Rights::READ;
    let poor = ok!(env.duplicate(parent, few));
    let slice = ok!(env.slice(poor, 0, P));
    same!(ok!(env.rights(slice)), few | Rights::PROPERTY);
    Ok(())
}

fn new_has_no_children(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    let (outcome, observed) = env.wait(vmo, NO_CHILDREN, INFINITE_PAST);
    ok!(outcome);
    same!(observed & NO_CHILDREN, NO_CHILDREN);
    ok!(env.wait(vmo, NO_CHILDREN, INFINITE).0);
    Ok(())
}

fn child_clears_at_once(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    let slice = ok!(env.slice(vmo, 0, P));
    let (outcome, observed) = env.wait(vmo, NO_CHILDREN, INFINITE_PAST);
    refused!(outcome, TIMED_OUT);
    same!(observed & NO_CHILDREN, Signals::NONE);
    ok!(env.close(slice));
    let soon = env.in_the_future(1_000_000_000);
    ok!(env.wait(vmo, NO_CHILDREN, soon).0);
    Ok(())
}

fn mapping_is_a_child(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    let slice = ok!(env.slice(vmo, 0, P));
    let at = ok!(env.map(slice, PERM_READ, P));
    ok!(env.close(slice));
    same!(ok!(childless(env, vmo)), false);
    ok!(env.unmap(at, P));
    let soon = env.in_the_future(1_000_000_000);
    ok!(env.wait(vmo, NO_CHILDREN, soon).0);
    Ok(())
}

fn grandchild_holds_parent(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(registers(env));
    let middle = ok!(env.slice(parent, 0, P));
    let last = ok!(env.slice(middle, 0, P));
    ok!(env.close(middle));
    same!(ok!(childless(env, parent)), false);
    ok!(env.close(last));
    let soon = env.in_the_future(1_000_000_000);
    ok!(env.wait(parent, NO_CHILDREN, soon).0);
    Ok(())
}

fn containment(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(flash(env, 4, CachePolicy::UncachedDevice));
    refused!(env.slice(vmo, 0, 5 * P), INVALID_ARGS);
    refused!(env.slice(vmo, 3 * P, P + 1), INVALID_ARGS);
    refused!(env.slice(vmo, 5 * P, 0), INVALID_ARGS);
    refused!(env.slice(vmo, 0u64.wrapping_sub(P), P), INVALID_ARGS);
    ok!(env.slice(vmo, 0, 4 * P));
    ok!(env.slice(vmo, 3 * P, P));
    Ok(())
}

fn options_in_order(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    refused!(env.create_child(vmo, 0, 0, P), INVALID_ARGS);
    refused!(env.create_child(vmo, child::SLICE | child::SNAPSHOT, 0, P), INVALID_ARGS);
    refused!(env.create_child(vmo, child::SLICE | 1 << 31, 0, P), INVALID_ARGS);
    refused!(env.create_child(vmo, child::SNAPSHOT | child::NO_WRITE | child::RESIZABLE, 0, P), INVALID_ARGS);
    // The options are looked at before the handle, the handle before the range.
    refused!(env.create_child(0, 0, 0, P), INVALID_ARGS);
    refused!(env.slice(0, 1, u64::MAX), BAD_HANDLE);
    refused!(env.slice(env.world.job, 1, u64::MAX), WRONG_TYPE);
    Ok(())
}

fn parents_rights(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    for missing in [Rights::DUPLICATE, Rights::READ] {
        let poor = ok!(env.duplicate(vmo, Rights::DEFAULT_VMO_PHYSICAL - missing));
        refused!(env.slice(poor, 0, P), ACCESS_DENIED);
        // The right is looked at before the range.
        refused!(env.slice(poor, 1, P), ACCESS_DENIED);
    }
    Ok(())
}

fn empty_slices(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    for offset in [0, P] {
        let empty = ok!(env.slice(vmo, offset, 0));
        same!(ok!(env.vmo_size(empty)), 0);
    }
    Ok(())
}

fn nested_slices(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(flash(env, 4, CachePolicy::UncachedDevice));
    let whole = ok!(env.map(vmo, PERM_READ | PERM_WRITE, 4 * P));
    let outer = ok!(env.slice(vmo, P, 3 * P));
    let inner = ok!(env.slice(outer, P, P));
    let at = ok!(env.map(inner, PERM_READ, P));
    program(env, VirtAddr(whole.0 + 2 * P + 64), 0x5A5A_0001);
    same!(env.system.load32(VirtAddr(at.0 + 64)), 0x5A5A_0001);
    same!(ok!(env.vmo_info(inner)).parent_koid, ok!(env.basic(outer)).koid);
    Ok(())
}

fn children_count(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    let first = ok!(env.slice(vmo, 0, P));
    let second = ok!(env.slice(vmo, 0, P));
    let _grandchild = ok!(env.slice(first, 0, P));
    same!(ok!(env.vmo_info(vmo)).num_children, 2);
    same!(ok!(env.vmo_info(first)).num_children, 1);
    ok!(env.close(second));
    same!(ok!(env.vmo_info(vmo)).num_children, 1);
    Ok(())
}

fn bad_output(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    for pointer in env.bad_pointers() {
        let args = [u64::from(vmo), u64::from(child::SLICE), 0, P, pointer];
        refused!(env.raw(abi::Sysno::vmo_create_child, &args), INVALID_ARGS);
    }
    same!(ok!(env.vmo_info(vmo)).num_children, 0);
    same!(ok!(childless(env, vmo)), true);
    Ok(())
}

fn references(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    refused!(env.create_child(vmo, child::REFERENCE, 0, 0), NOT_SUPPORTED);
    Ok(())
}

fn names_are_inherited(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    ok!(env.set_name(vmo, b"parent"));
    let named = ok!(env.slice(vmo, 0, P));
    same!(ok!(env.name(named))[..7], *b"parent\0");
    let blind = ok!(env.duplicate(vmo, Rights::DEFAULT_VMO_PHYSICAL - Rights::GET_PROPERTY));
    let nameless = ok!(env.slice(blind, 0, P));
    same!(ok!(env.name(nameless))[0], 0);
    Ok(())
}

fn content_sizes(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(flash(env, 2, CachePolicy::UncachedDevice));
    let slice = ok!(env.slice(vmo, P, P));
    same!(ok!(env.content_size(slice)), P);
    ok!(env.set_content_size(slice, 7));
    same!(ok!(env.content_size(vmo)), 2 * P);
    refused!(env.set_content_size(slice, P + 1), OUT_OF_RANGE);
    for size in [0, 42, P - 1] {
        let slice = ok!(env.slice(vmo, 0, size));
        same!(ok!(env.content_size(slice)), size);
        same!(ok!(env.vmo_size(slice)), size.next_multiple_of(P));
    }
    Ok(())
}
