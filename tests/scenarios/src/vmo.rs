//! Paged VMOs: creation, copies, slices.

use abi::object::vmo_flags;
use abi::vmar::{PERM_READ, PERM_WRITE};
use abi::vmo::{CachePolicy, child, create};
use abi::{Handle, Rights, Sysno, VirtAddr};

use crate::check::{ok, refused, same, truth};
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "VMO-001" sizes "VMOs of 0 to 15 pages are made";
    "VMO-002" huge_copies "a copy that ends beyond the VMO is out of range";
    "VMO-004" copies_at_the_end "nothing can be copied at the end, and not past it";
    "VMO-005" wrapping_copies "a copy that wraps is out of range";
    "VMO-010" resizable_refused "a mapping may insist on a VMO that cannot be resized";
    "VMO-013" flags "info tells plain, resizable, uncached and contiguous apart";
    "VMO-014" rounded "a size is rounded up to a page";
    "VMO-017" copy_rights "reading needs READ and writing needs WRITE";
    "VMO-019" type_before_rights "the type is looked at before the rights";
    "VMO-025" unbounded_resizable "UNBOUNDED and RESIZABLE exclude each other";
    "VMO-029" slices_alias "a slice and its parent share their pages";
    "VMO-031" slice_of_resizable "a resizable VMO has no slices";
    "VMO-032" clones "a clone has its rights, and a size in pages that only a resizable one changes";
    "VMO-J01" zeroes "a new VMO reads zero, however it is read";
    "VMO-J02" straddling "a copy crosses pages";
    "VMO-J03" bad_buffers "a buffer that cannot be used is refused";
    "VMO-J04" overflow "a size that cannot be rounded up is out of range";
    "VMO-J05" unknown_options "unknown options are refused";
    "VMO-J06" committed "pages are committed when they are written to, and not before";
    "VMO-J07" rights "a paged VMO has its default rights, RESIZE only if asked for";
    "VMO-J08" content_size "the content size is the size as given, and zeroes what it leaves";
    "VMO-J09" mapping_and_copies_agree "mapping and copies show the same bytes";
    "VMO-J10" two_mappings_agree "two mappings of a page show the same bytes";
    "VMO-J12" bad_output "a VMO whose handle cannot be written is no VMO";
    "VMO-J13" over_itself "a VMO may be copied into and out of its own mapping";
    "VMO-J14" sparse_reads "reading what was never written takes no memory of the VMO";
}

fn sizes(env: &mut Env<'_>) -> Outcome {
    for pages in 0..16 {
        let vmo = ok!(env.vmo_create(pages * P, 0));
        same!(ok!(env.vmo_size(vmo)), pages * P);
    }
    Ok(())
}

fn huge_copies(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(4 * P, 0));
    let buffer = env.own().0;
    let lengths = (1..8).flat_map(|part| [u64::MAX - P / part, 0u64.wrapping_sub(P) / part]);
    for len in lengths.chain([u64::MAX, 1 << 63, 4 * P + 1]) {
        refused!(env.raw(Sysno::vmo_read, &[u64::from(vmo), buffer, 0, len]), OUT_OF_RANGE);
        refused!(env.raw(Sysno::vmo_write, &[u64::from(vmo), buffer, 0, len]), OUT_OF_RANGE);
    }
    Ok(())
}

fn copies_at_the_end(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    ok!(env.vmo_read(vmo, P, 0));
    ok!(env.vmo_write(vmo, P, &[]));
    refused!(env.vmo_read(vmo, P + 1, 0), OUT_OF_RANGE);
    refused!(env.vmo_write(vmo, P + 1, &[]), OUT_OF_RANGE);
    refused!(env.vmo_read(vmo, P, 1), OUT_OF_RANGE);
    refused!(env.vmo_write(vmo, P - 1, &[0; 2]), OUT_OF_RANGE);
    Ok(())
}

fn wrapping_copies(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    refused!(env.vmo_read(vmo, u64::MAX, 2), OUT_OF_RANGE);
    refused!(env.vmo_write(vmo, u64::MAX, &[0; 2]), OUT_OF_RANGE);
    Ok(())
}

fn resizable_refused(env: &mut Env<'_>) -> Outcome {
    use abi::vmar::REQUIRE_NON_RESIZABLE;
    let fixed = ok!(env.vmo_create(P, 0));
    ok!(env.map(fixed, PERM_READ | REQUIRE_NON_RESIZABLE, P));
    let resizable = ok!(env.vmo_create(P, create::RESIZABLE));
    refused!(env.map(resizable, PERM_READ | REQUIRE_NON_RESIZABLE, P), NOT_SUPPORTED);
    ok!(env.map(resizable, PERM_READ, P));
    Ok(())
}

fn flags(env: &mut Env<'_>) -> Outcome {
    let plain = ok!(env.vmo_create(P, 0));
    let info = ok!(env.vmo_info(plain));
    same!(info.flags, vmo_flags::TYPE_PAGED | vmo_flags::VIA_HANDLE);
    same!(info.cache_policy, CachePolicy::Cached as u32);
    let resizable = ok!(env.vmo_create(P, create::RESIZABLE));
    let info = ok!(env.vmo_info(resizable));
    same!(info.flags, vmo_flags::TYPE_PAGED | vmo_flags::VIA_HANDLE | vmo_flags::RESIZABLE);
    ok!(env.set_policy(resizable, CachePolicy::Uncached));
    same!(ok!(env.vmo_info(resizable)).cache_policy, CachePolicy::Uncached as u32);
    let bti = ok!(env.bti());
    let row = ok!(env.contiguous(bti, P, 0));
    let info = ok!(env.vmo_info(row));
    same!(info.flags, vmo_flags::TYPE_PAGED | vmo_flags::VIA_HANDLE | vmo_flags::CONTIGUOUS);
    same!(info.cache_policy, CachePolicy::Cached as u32);
    Ok(())
}

fn rounded(env: &mut Env<'_>) -> Outcome {
    let edges = (0..4).flat_map(|page| [page * P, page * P + 1, (page + 1) * P - 1]);
    for size in edges.chain((0..4 * P).step_by(61)) {
        let vmo = ok!(env.vmo_create(size, 0));
        same!(ok!(env.vmo_size(vmo)), size.next_multiple_of(P));
        ok!(env.close(vmo));
    }
    Ok(())
}

fn copy_rights(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    let reader = ok!(env.duplicate(vmo, Rights::READ));
    let writer = ok!(env.duplicate(vmo, Rights::WRITE));
    let neither = ok!(env.duplicate(vmo, Rights::NONE));
    ok!(env.vmo_read(reader, 0, 4));
    refused!(env.vmo_write(reader, 0, &[0; 4]), ACCESS_DENIED);
    ok!(env.vmo_write(writer, 0, &[0; 4]));
    refused!(env.vmo_read(writer, 0, 4), ACCESS_DENIED);
    refused!(env.vmo_read(neither, 0, 4), ACCESS_DENIED);
    refused!(env.vmo_write(neither, 0, &[0; 4]), ACCESS_DENIED);
    // The right is looked at before the range.
    refused!(env.vmo_read(neither, 2 * P, 4), ACCESS_DENIED);
    Ok(())
}

fn type_before_rights(env: &mut Env<'_>) -> Outcome {
    let port = ok!(env.making(Sysno::port_create, &[0]));
    for handle in [port, env.world.job] {
        let bare = ok!(env.duplicate(handle, Rights::NONE));
        refused!(env.vmo_read(bare, 0, 4), WRONG_TYPE);
        refused!(env.vmo_write(bare, 0, &[0; 4]), WRONG_TYPE);
    }
    refused!(env.vmo_read(0, 0, 4), BAD_HANDLE);
    Ok(())
}

fn unbounded_resizable(env: &mut Env<'_>) -> Outcome {
    refused!(env.vmo_create(P, create::RESIZABLE | create::UNBOUNDED), INVALID_ARGS);
    Ok(())
}

fn slices_alias(env: &mut Env<'_>) -> Outcome {
    let parent = ok!(env.vmo_create(3 * P, 0));
    let slice = ok!(env.slice(parent, P, 2 * P));
    let nested = ok!(env.slice(slice, P, P));
    ok!(env.vmo_write(nested, 5, b"deep"));
    same!(ok!(env.vmo_read(parent, 2 * P + 5, 4)), b"deep");
    ok!(env.vmo_write(parent, P, b"wide"));
    same!(ok!(env.vmo_read(slice, 0, 4)), b"wide");
    refused!(env.vmo_read(nested, P, 1), OUT_OF_RANGE);
    // Through mappings as well, each of which shows the one page.
    let maps = [(parent, 2 * P), (slice, P), (nested, 0)];
    for (number, (writer, offset)) in (100..).zip(maps) {
        let vmar = env.world.vmar;
        let at = ok!(env.vmar_map(vmar, PERM_READ | PERM_WRITE, 0, writer, offset, P));
        env.poke_u64(at, number);
        for (reader, offset) in maps {
            same!(ok!(env.vmo_read(reader, offset, 8)), number.to_le_bytes());
            let view = ok!(env.vmar_map(vmar, PERM_READ, 0, reader, offset, P));
            same!(env.peek_u64(view), number);
        }
    }
    Ok(())
}

fn slice_of_resizable(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(2 * P, create::RESIZABLE));
    refused!(env.slice(vmo, 0, P), NOT_SUPPORTED);
    refused!(env.slice(vmo, 0, 3 * P), INVALID_ARGS);
    Ok(())
}

fn clones(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(2 * P, 0));
    let snapshots = [child::SNAPSHOT, child::SNAPSHOT_AT_LEAST_ON_WRITE, child::SNAPSHOT_MODIFIED];
    for kind in snapshots {
        for (size, rounded) in [(0, 0), (1, P), (P - 1, P), (P, P), (P + 1, 2 * P)] {
            let clone = ok!(env.create_child(vmo, kind, 0, size));
            same!((ok!(env.vmo_size(clone)), ok!(env.content_size(clone))), (rounded, size));
        }
        refused!(env.create_child(vmo, kind, 1, P), INVALID_ARGS);
        refused!(env.create_child(vmo, kind, P - 1, P), INVALID_ARGS);
        // A clone may be written though its parent's handle may not, and is not executed.
        let reader = ok!(env.duplicate(vmo, Rights::DEFAULT_VMO - Rights::WRITE));
        let clone = ok!(env.create_child(reader, kind, 0, P));
        same!(ok!(env.rights(clone)), Rights::DEFAULT_VMO);
        refused!(env.vmo_set_size(clone, 2 * P), UNAVAILABLE);
        refused!(env.vmo_set_size(clone, 0), UNAVAILABLE);
        let clone = ok!(env.create_child(vmo, kind | child::RESIZABLE, 0, P));
        same!(ok!(env.rights(clone)), Rights::DEFAULT_VMO | Rights::RESIZE);
        ok!(env.vmo_set_size(clone, 2 * P));
        same!((ok!(env.vmo_size(clone)), ok!(env.vmo_size(vmo))), (2 * P, 2 * P));
    }
    let slice = ok!(env.slice(vmo, P, 1));
    same!(ok!(env.rights(slice)), Rights::DEFAULT_VMO);
    same!(ok!(env.vmo_size(slice)), P);
    let fixed = ok!(env.create_child(slice, child::SLICE | child::NO_WRITE, 0, 0));
    same!(ok!(env.rights(fixed)), Rights::DEFAULT_VMO - Rights::WRITE);
    Ok(())
}

fn zeroes(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(2 * P, 0));
    let bytes = ok!(env.vmo_read(vmo, 0, 2 * P));
    truth!(bytes.iter().all(|byte| *byte == 0));
    let at = ok!(env.map(vmo, PERM_READ | PERM_WRITE, 2 * P));
    for offset in [0, P - 8, P, 2 * P - 8] {
        same!(env.peek_u64(VirtAddr(at.0 + offset)), 0);
    }
    Ok(())
}

fn straddling(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(3 * P, 0));
    let bytes: alloc::vec::Vec<u8> = (0..2 * P).map(|index| index as u8 ^ 0x5A).collect();
    ok!(env.vmo_write(vmo, P / 2, &bytes));
    same!(ok!(env.vmo_read(vmo, P / 2, 2 * P)) == bytes, true);
    same!(ok!(env.vmo_read(vmo, P / 2 - 2, 3)), [0, 0, 0x5A]);
    Ok(())
}

fn bad_buffers(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    for pointer in env.bad_pointers() {
        refused!(env.raw(Sysno::vmo_read, &[u64::from(vmo), pointer, 0, 8]), INVALID_ARGS);
        refused!(env.raw(Sysno::vmo_write, &[u64::from(vmo), pointer, 0, 8]), INVALID_ARGS);
    }
    // The range is looked at before the buffer.
    refused!(env.raw(Sysno::vmo_read, &[u64::from(vmo), 0, P, 8]), OUT_OF_RANGE);
    Ok(())
}

fn overflow(env: &mut Env<'_>) -> Outcome {
    refused!(env.vmo_create(u64::MAX, 0), OUT_OF_RANGE);
    refused!(env.vmo_create(u64::MAX - P + 2, 0), OUT_OF_RANGE);
    Ok(())
}

fn unknown_options(env: &mut Env<'_>) -> Outcome {
    for options in [1 << 5, 1 << 31, u32::MAX] {
        refused!(env.vmo_create(P, options), INVALID_ARGS);
    }
    // The options are looked at before the size.
    refused!(env.vmo_create(u64::MAX, 1 << 31), INVALID_ARGS);
    Ok(())
}

fn committed_bytes(env: &mut Env<'_>, vmo: Handle) -> crate::env::Result<u64> {
    Ok(env.vmo_info(vmo)?.committed_bytes)
}

fn committed(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(4 * P, 0));
    same!(ok!(committed_bytes(env, vmo)), 0);
    ok!(env.vmo_read(vmo, 0, P));
    same!(ok!(committed_bytes(env, vmo)), 0);
    ok!(env.vmo_write(vmo, P, &[1]));
    same!(ok!(committed_bytes(env, vmo)), P);
    let at = ok!(env.map(vmo, PERM_READ | PERM_WRITE, 4 * P));
    same!(env.system.load32(VirtAddr(at.0 + 2 * P)), 0);
    same!(ok!(committed_bytes(env, vmo)), P);
    env.system.store32(VirtAddr(at.0 + 3 * P), 1);
    same!(ok!(committed_bytes(env, vmo)), 2 * P);
    Ok(())
}

fn rights(env: &mut Env<'_>) -> Outcome {
    let plain = ok!(env.vmo_create(P, 0));
    same!(ok!(env.rights(plain)), Rights::DEFAULT_VMO);
    let resizable = ok!(env.vmo_create(P, create::RESIZABLE));
    same!(ok!(env.rights(resizable)), Rights::DEFAULT_VMO | Rights::RESIZE);
    Ok(())
}

fn content_size(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P + 10, 0));
    same!(ok!(env.content_size(vmo)), P + 10);
    ok!(env.vmo_write(vmo, 0, &[0xFF; 64]));
    ok!(env.set_content_size(vmo, 16));
    same!(ok!(env.content_size(vmo)), 16);
    same!(ok!(env.vmo_read(vmo, 14, 4)), [0xFF, 0xFF, 0, 0]);
    refused!(env.set_content_size(vmo, 2 * P + 1), OUT_OF_RANGE);
    ok!(env.set_content_size(vmo, 2 * P));
    same!(ok!(env.vmo_size(vmo)), 2 * P);
    Ok(())
}

fn mapping_and_copies_agree(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(2 * P, 0));
    let at = ok!(env.map(vmo, PERM_READ | PERM_WRITE, 2 * P));
    env.system.store32(VirtAddr(at.0 + P + 4), 0x6472_6177);
    same!(ok!(env.vmo_read(vmo, P + 4, 4)), b"ward");
    ok!(env.vmo_write(vmo, 8, b"kind"));
    same!(env.system.load32(VirtAddr(at.0 + 8)), 0x646E_696B);
    Ok(())
}

fn two_mappings_agree(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    let first = ok!(env.map(vmo, PERM_READ, P));
    // Read first: a page of zeros must not stay behind in one of the two.
    same!(env.system.load32(first), 0);
    let second = ok!(env.map(vmo, PERM_READ | PERM_WRITE, P));
    env.system.store32(second, 77);
    same!(env.system.load32(first), 77);
    Ok(())
}

fn bad_output(env: &mut Env<'_>) -> Outcome {
    let before = env.system.object_count();
    for pointer in env.bad_pointers() {
        refused!(env.raw(Sysno::vmo_create, &[P, 0, pointer]), INVALID_ARGS);
    }
    same!(env.system.object_count(), before);
    Ok(())
}

fn over_itself(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(2 * P, 0));
    let at = ok!(env.map(vmo, PERM_READ | PERM_WRITE, 2 * P)).0;
    ok!(env.vmo_write(vmo, 0, b"0123456789"));
    ok!(env.raw(Sysno::vmo_read, &[u64::from(vmo), at, 0, 2 * P]));
    ok!(env.raw(Sysno::vmo_write, &[u64::from(vmo), at, 0, 2 * P]));
    same!(ok!(env.vmo_read(vmo, 0, 10)), b"0123456789");
    // What overlaps arrives as it was before the copy.
    ok!(env.raw(Sysno::vmo_read, &[u64::from(vmo), at + 2, 0, 8]));
    same!(ok!(env.vmo_read(vmo, 0, 10)), b"0101234567");
    ok!(env.raw(Sysno::vmo_write, &[u64::from(vmo), at + 2, 0, 8]));
    same!(ok!(env.vmo_read(vmo, 0, 10)), b"0123456767");
    Ok(())
}

fn sparse_reads(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(1 << 40, 0));
    ok!(env.vmo_write(vmo, P, &[6; 16]));
    for offset in [0, 7 * P, (1 << 40) - 2 * P, 1 << 30] {
        same!(ok!(env.vmo_read(vmo, offset + 100, 40)), [0; 40]);
        same!(ok!(env.vmo_read(vmo, offset + P - 20, 40)).len(), 40);
    }
    same!(ok!(env.vmo_read(vmo, P - 8, 16)), [0, 0, 0, 0, 0, 0, 0, 0, 6, 6, 6, 6, 6, 6, 6, 6]);
    same!(ok!(env.vmo_info(vmo)).committed_bytes, P);
    Ok(())
}
