//! Mapping, unmapping, protecting.

use abi::object::task_retcode::EXCEPTION_KILL;
use abi::vmar::{
    ALIGN_SHIFT, CAN_MAP_EXECUTE, CAN_MAP_READ, CAN_MAP_SPECIFIC, CAN_MAP_WRITE, MAP_RANGE,
    OFFSET_IS_UPPER_LIMIT, PERM_EXECUTE, PERM_READ, PERM_READ_IF_XOM_UNSUPPORTED, PERM_WRITE, SPECIFIC,
    SPECIFIC_OVERWRITE, USER_BASE, USER_END,
};
use abi::{Rights, Sysno, VirtAddr};

use crate::agent::{Arg, Do, Step};
use crate::check::{ok, refused, same, truth};
use crate::env::Result;
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "VMR-010" map_range_with_offset "MAP_RANGE works with an offset into the VMO";
    "VMR-011" specific_over_taken "SPECIFIC takes no place that is taken, in whole or in part";
    "VMR-013" offset_needs_specific "an offset without SPECIFIC is refused";
    "VMR-014" specific_and_limit "SPECIFIC and an upper limit exclude each other";
    "VMR-016" map_range_and_overwrite "MAP_RANGE and SPECIFIC_OVERWRITE exclude each other";
    "VMR-017" bad_output "a bad output is refused and the mapping undone";
    "VMR-019" unaligned_offsets "offsets are multiples of a page";
    "VMR-020" unaligned_addresses "addresses to unmap or protect are multiples of a page";
    "VMR-022" zero_lengths "a length of 0 is refused";
    "VMR-023" lengths_that_wrap "a length that cannot be rounded up is refused";
    "VMR-026" unaligned_lengths "lengths are rounded up to whole pages";
    "VMR-031" vmar_rights "a permission needs its right on the VMAR and its flag in the region";
    "VMR-034" unmap_gaps "unmapping goes over gaps";
    "VMR-035" overwrite_middle "SPECIFIC_OVERWRITE replaces mappings, and only where it is";
    "VMR-043" partial_unmap "what is left of a large sparse mapping works on";
    "VMR-046" vdso_once "a process maps the vDSO's code once";
    "VMR-047" vdso_whole "the vDSO's code is mapped whole or not at all";
    "VMR-049" vdso_stays "the vDSO's code cannot be unmapped, protected or overwritten";
    "VMR-J18" execute_only "no memory is execute-only, and who allows reading for that may read";
    "VMO-028" past_the_vmo "a mapping larger than its VMO ends whoever goes past the end";
    "VMR-J01" root_info "the root VMAR spans user space";
    "VMR-J02" write_needs_read "WRITE or EXECUTE without READ is refused";
    "VMR-J03" can_map_refused "CAN_MAP flags are not for mapping";
    "VMR-J04" handles_in_order "VMAR, then VMO, then rights, then options";
    "VMR-J05" unknown_options "unknown options are refused";
    "VMR-J06" out_of_bounds "a place outside the region is refused";
    "VMR-J07" alignment "a mapping lies as aligned as it is asked to";
    "VMR-J08" upper_limit "a mapping ends below its upper limit";
    "VMR-J09" offset_overflow "an offset and length that wrap are out of range";
    "VMR-J10" unmap_middle "unmapping the middle leaves both ends";
    "VMR-J12" specific_fits_between "SPECIFIC takes exactly the gap that was left";
    "VMR-J13" unmap_bounds "unmapping outside the region is refused";
    "VMR-J14" mapped_elsewhere "a process maps into another's region";
    "VMR-J15" info_needs_inspect "info on a VMAR needs INSPECT, and a VMAR";
}

/// A page of memory, mapped readable and writable in the program.
pub(crate) fn mapped(env: &mut Env<'_>, pages: u64) -> Result<(u32, VirtAddr)> {
    let vmo = env.vmo_create(pages * P, 0)?;
    let at = env.map(vmo, PERM_READ | PERM_WRITE, pages * P)?;
    Ok((vmo, at))
}

/// What SPECIFIC calls an address: the offset in the root VMAR.
fn offset_of(at: VirtAddr) -> u64 {
    at.0 - USER_BASE
}

fn map_range_with_offset(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(4 * P, 0));
    ok!(env.vmo_write(vmo, 2 * P, b"here"));
    let at = ok!(env.vmar_map(env.world.vmar, PERM_READ | MAP_RANGE, 0, vmo, 2 * P, P));
    same!(env.system.load32(at), 0x6572_6568);
    Ok(())
}

fn specific_over_taken(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(9 * P, 0));
    let all = CAN_MAP_READ | CAN_MAP_SPECIFIC;
    for is_region in [false, true] {
        // Pages 3, 4 and 5 of nine are taken; every range of the nine is tried.
        let (region, base) = ok!(env.region(9));
        if is_region {
            ok!(env.allocate(region, SPECIFIC | all, 3 * P, 3 * P));
        } else {
            ok!(env.vmar_map(region, SPECIFIC | PERM_READ, 3 * P, vmo, 0, 3 * P));
        }
        for from in 0..9 {
            for to in from + 1..=9 {
                let (at, len) = (from * P, (to - from) * P);
                let mapping = env.vmar_map(region, SPECIFIC | PERM_READ, at, vmo, 0, len);
                if from < 6 && to > 3 {
                    refused!(mapping, ALREADY_EXISTS);
                    refused!(env.allocate(region, SPECIFIC | all, at, len), ALREADY_EXISTS);
                    continue;
                }
                same!(ok!(mapping).0, base + at);
                ok!(env.raw(Sysno::vmar_unmap, &[u64::from(region), base + at, len]));
                let (inner, place) = ok!(env.allocate(region, SPECIFIC | all, at, len));
                same!(place, base + at);
                ok!(env.destroy(inner));
                ok!(env.close(inner));
            }
        }
        // Nor what the other kind of thing takes beside it.
        ok!(env.vmar_map(region, SPECIFIC | PERM_READ, 2 * P, vmo, 0, P));
        ok!(env.allocate(region, SPECIFIC | all, 6 * P, P));
        refused!(env.vmar_map(region, SPECIFIC | PERM_READ, 2 * P, vmo, 0, 5 * P), ALREADY_EXISTS);
        refused!(env.allocate(region, SPECIFIC | all, 2 * P, 5 * P), ALREADY_EXISTS);
    }
    Ok(())
}

fn offset_needs_specific(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    for offset in [P, 1, 64 * P] {
        refused!(env.vmar_map(env.world.vmar, PERM_READ, offset, vmo, 0, P), INVALID_ARGS);
        refused!(env.vmar_map(env.world.vmar, PERM_READ | MAP_RANGE, offset, vmo, 0, P), INVALID_ARGS);
        refused!(env.allocate(env.world.vmar, CAN_MAP_READ, offset, P), INVALID_ARGS);
    }
    Ok(())
}

fn specific_and_limit(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    for kind in [SPECIFIC, SPECIFIC_OVERWRITE] {
        let options = kind | OFFSET_IS_UPPER_LIMIT | PERM_READ;
        refused!(env.vmar_map(env.world.vmar, options, 16 * P, vmo, 0, P), INVALID_ARGS);
        let options = kind | OFFSET_IS_UPPER_LIMIT | CAN_MAP_READ;
        refused!(env.allocate(env.world.vmar, options, 16 * P, P), INVALID_ARGS);
    }
    Ok(())
}

fn map_range_and_overwrite(env: &mut Env<'_>) -> Outcome {
    let (vmo, at) = ok!(mapped(env, 1));
    let options = MAP_RANGE | SPECIFIC_OVERWRITE | PERM_READ;
    refused!(env.vmar_map(env.world.vmar, options, offset_of(at), vmo, 0, P), INVALID_ARGS);
    Ok(())
}

fn bad_output(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    for pointer in env.bad_pointers() {
        let args = [u64::from(env.world.vmar), u64::from(PERM_READ), 0, u64::from(vmo), 0, P, pointer];
        refused!(env.raw(Sysno::vmar_map, &args), INVALID_ARGS);
        let good = env.out(0);
        let args = [u64::from(env.world.vmar), u64::from(CAN_MAP_READ), 0, P];
        for outs in [[pointer, good], [good, pointer]] {
            refused!(env.raw(Sysno::vmar_allocate, &[&args[..], &outs].concat()), INVALID_ARGS);
        }
    }
    same!(ok!(env.vmo_info(vmo)).num_mappings, 0);
    Ok(())
}

fn unaligned_offsets(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(2 * P, 0));
    let vmar = env.world.vmar;
    for extra in [0, MAP_RANGE] {
        refused!(env.vmar_map(vmar, extra | PERM_READ, 0, vmo, P - 1, P), INVALID_ARGS);
        refused!(env.vmar_map(vmar, extra | SPECIFIC | PERM_READ, P - 1, vmo, 0, P), INVALID_ARGS);
    }
    Ok(())
}

fn unaligned_addresses(env: &mut Env<'_>) -> Outcome {
    let (_, at) = ok!(mapped(env, 1));
    refused!(env.unmap(VirtAddr(at.0 + 1), P), INVALID_ARGS);
    refused!(env.protect(VirtAddr(at.0 + 1), P, PERM_READ), INVALID_ARGS);
    env.system.store32(at, 1);
    Ok(())
}

fn zero_lengths(env: &mut Env<'_>) -> Outcome {
    let (vmo, at) = ok!(mapped(env, 1));
    refused!(env.map(vmo, PERM_READ, 0), INVALID_ARGS);
    refused!(env.map(vmo, PERM_READ | MAP_RANGE, 0), INVALID_ARGS);
    refused!(env.allocate(env.world.vmar, CAN_MAP_READ, 0, 0), INVALID_ARGS);
    refused!(env.unmap(at, 0), INVALID_ARGS);
    refused!(env.protect(at, 0, PERM_READ), INVALID_ARGS);
    Ok(())
}

fn lengths_that_wrap(env: &mut Env<'_>) -> Outcome {
    let (vmo, at) = ok!(mapped(env, 1));
    for len in [u64::MAX, u64::MAX - P + 2] {
        refused!(env.map(vmo, PERM_READ, len), OUT_OF_RANGE);
        refused!(env.allocate(env.world.vmar, CAN_MAP_READ, 0, len), INVALID_ARGS);
        refused!(env.unmap(at, len), INVALID_ARGS);
        refused!(env.protect(at, len, PERM_READ), INVALID_ARGS);
    }
    env.system.store32(at, 1);
    Ok(())
}

fn unaligned_lengths(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(2 * P, 0));
    let at = ok!(env.map(vmo, PERM_READ | PERM_WRITE, P + 1));
    let last = VirtAddr(at.0 + 2 * P - 8);
    env.poke_u64(last, 9);
    ok!(env.protect(at, P + 1, PERM_READ));
    // All of the last page is read-only now: the kernel does not write there for the program either.
    refused!(env.raw(Sysno::vmo_get_size, &[u64::from(vmo), last.0]), INVALID_ARGS);
    same!(env.peek_u64(last), 9);
    ok!(env.protect(at, P + 1, PERM_READ | PERM_WRITE));
    ok!(env.raw(Sysno::vmo_get_size, &[u64::from(vmo), last.0]));
    same!(env.peek_u64(last), 2 * P);
    ok!(env.unmap(at, P + 1));
    same!(ok!(env.vmo_info(vmo)).num_mappings, 0);
    refused!(env.raw(Sysno::vmo_get_size, &[u64::from(vmo), last.0]), INVALID_ARGS);
    Ok(())
}

fn vmar_rights(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    let vmar = env.world.vmar;
    // A region that lacks one flag, what is mapped with it, and what else is.
    let every = CAN_MAP_READ | CAN_MAP_WRITE | CAN_MAP_EXECUTE;
    let code = ok!(env.making(Sysno::vmo_replace_as_executable, &[u64::from(vmo), 0]));
    env.forget(vmo);
    let vmo = code;
    for (flag, needs) in [
        (CAN_MAP_READ, PERM_READ),
        (CAN_MAP_WRITE, PERM_READ | PERM_WRITE),
        (CAN_MAP_EXECUTE, PERM_READ | PERM_EXECUTE),
    ] {
        let (region, _) = ok!(env.allocate(vmar, every & !flag, 0, 4 * P));
        refused!(env.vmar_map(region, needs, 0, vmo, 0, P), ACCESS_DENIED);
        refused!(env.allocate(region, flag, 0, P), ACCESS_DENIED);
        refused!(env.allocate(region, every, 0, P), ACCESS_DENIED);
        ok!(env.allocate(region, every & !flag, 0, P));
        for other in [PERM_READ, PERM_READ | PERM_WRITE, PERM_READ | PERM_EXECUTE] {
            let outcome = env.vmar_map(region, other, 0, vmo, 0, P);
            if other == needs || flag == CAN_MAP_READ {
                refused!(outcome, ACCESS_DENIED);
            } else {
                ok!(outcome);
            }
        }
    }
    let reader = ok!(env.duplicate(vmar, Rights::READ));
    refused!(env.vmar_map(reader, PERM_READ | PERM_WRITE, 0, vmo, 0, P), ACCESS_DENIED);
    let (region, _) = ok!(env.allocate(vmar, CAN_MAP_READ | CAN_MAP_EXECUTE, 0, 2 * P));
    refused!(env.vmar_map(region, PERM_READ | PERM_WRITE, 0, vmo, 0, P), ACCESS_DENIED);
    refused!(env.allocate(region, CAN_MAP_READ | CAN_MAP_WRITE, 0, P), ACCESS_DENIED);
    ok!(env.allocate(region, CAN_MAP_READ | CAN_MAP_EXECUTE, 0, P));
    ok!(env.vmar_map(region, PERM_READ, 0, vmo, 0, P));
    let at = ok!(env.vmar_map(reader, PERM_READ, 0, vmo, 0, P));
    env.adopt_mapping(at.0, P);
    // What the VMAR's handle could not give at mapping, nobody gives later.
    refused!(env.protect(at, P, PERM_READ | PERM_WRITE), ACCESS_DENIED);
    let (_, at) = ok!(mapped(env, 1));
    let args = [u64::from(reader), u64::from(PERM_READ | PERM_WRITE), at.0, P];
    refused!(env.raw(Sysno::vmar_protect, &args), ACCESS_DENIED);
    Ok(())
}

fn unmap_gaps(env: &mut Env<'_>) -> Outcome {
    let (vmo, at) = ok!(mapped(env, 4));
    ok!(env.unmap(at, P));
    ok!(env.unmap(VirtAddr(at.0 + 2 * P), P));
    same!(ok!(env.vmo_info(vmo)).num_mappings, 2);
    ok!(env.unmap(at, 4 * P));
    same!(ok!(env.vmo_info(vmo)).num_mappings, 0);
    ok!(env.unmap(at, 4 * P));
    Ok(())
}

fn overwrite_middle(env: &mut Env<'_>) -> Outcome {
    let (below, at) = ok!(mapped(env, 3));
    for page in 0..3 {
        env.system.store32(VirtAddr(at.0 + page * P), page as u32 + 1);
    }
    let above = ok!(env.vmo_create(P, 0));
    ok!(env.vmo_write(above, 0, b"over"));
    let place = offset_of(at) + P;
    let options = SPECIFIC_OVERWRITE | PERM_READ;
    let new = ok!(env.vmar_map(env.world.vmar, options, place, above, 0, P));
    same!(new.0, at.0 + P);
    same!(env.system.load32(new), 0x7265_766F);
    same!((env.system.load32(at), env.system.load32(VirtAddr(at.0 + 2 * P))), (1, 3));
    same!(ok!(env.vmo_info(below)).num_mappings, 2);
    // A region is never mapped over, whole or in part.
    let (region, base) = ok!(env.region(6));
    ok!(env.allocate(region, CAN_MAP_READ | SPECIFIC, 2 * P, 2 * P));
    ok!(env.vmar_map(region, PERM_READ | SPECIFIC, 0, above, 0, P));
    for (from, pages) in [(0, 3), (0, 6), (2, 2), (2, 1), (3, 1), (3, 2)] {
        refused!(env.vmar_map(region, options, from * P, below, 0, pages * P), INVALID_ARGS);
    }
    same!(env.system.load32(VirtAddr(base)), 0x7265_766F);
    ok!(env.vmar_map(region, options, 0, below, 0, 2 * P));
    same!(env.system.load32(VirtAddr(base)), 1);
    Ok(())
}

fn partial_unmap(env: &mut Env<'_>) -> Outcome {
    const SIZE: u64 = 1 << 30;
    let vmo = ok!(env.vmo_create(SIZE, 0));
    let task = ok!(env.new_process(b"sparse"));
    let at = ok!(env.vmar_map(task.vmar, PERM_READ | PERM_WRITE, 0, vmo, 0, SIZE));
    let rest = SIZE / 2 + 7 * P;
    ok!(env.raw(Sysno::vmar_unmap, &[u64::from(task.vmar), at.0 + rest, SIZE - rest]));
    let left = Step::new(Do::Store, &[Arg::Is(at.0 + rest - 4), Arg::Is(5)]);
    let gone = Step::new(Do::Store, &[Arg::Is(at.0 + rest), Arg::Is(6)]);
    same!(ok!(env.run_prepared(&task, &[left, gone])), EXCEPTION_KILL);
    same!(ok!(env.vmo_read(vmo, rest - 4, 4)), [5, 0, 0, 0]);
    same!(ok!(env.vmo_read(vmo, rest, 4)), [0; 4]);
    Ok(())
}

fn vdso_once(env: &mut Env<'_>) -> Outcome {
    let (offset, size) = env.world.vdso_code;
    let (vmar, vdso) = (env.world.vmar, env.world.vdso);
    refused!(env.vmar_map(vmar, PERM_READ | PERM_EXECUTE, 0, vdso, offset, size), ACCESS_DENIED);
    ok!(env.vmar_map(vmar, PERM_READ, 0, vdso, 0, offset));
    let (_, other) = ok!(env.process_create(b"vdso"));
    ok!(env.vmar_map(other, PERM_READ | PERM_EXECUTE, 0, vdso, offset, size));
    refused!(env.vmar_map(other, PERM_READ | PERM_EXECUTE, 0, vdso, offset, size), ACCESS_DENIED);
    Ok(())
}

fn vdso_whole(env: &mut Env<'_>) -> Outcome {
    let (offset, size) = env.world.vdso_code;
    let (_, vmar) = ok!(env.process_create(b"vdso"));
    let vdso = env.world.vdso;
    let code = PERM_READ | PERM_EXECUTE;
    refused!(env.vmar_map(vmar, code, 0, vdso, 0, offset), ACCESS_DENIED);
    refused!(env.vmar_map(vmar, code, 0, vdso, offset, size + P), ACCESS_DENIED);
    refused!(env.vmar_map(vmar, code, 0, vdso, 0, offset + size), ACCESS_DENIED);
    if size > P {
        refused!(env.vmar_map(vmar, code, 0, vdso, offset, size - P), ACCESS_DENIED);
    }
    ok!(env.vmar_map(vmar, code, 0, vdso, offset, size));
    Ok(())
}

fn vdso_stays(env: &mut Env<'_>) -> Outcome {
    let (offset, size) = env.world.vdso_code;
    let property = u64::from(abi::object::property::PROCESS_VDSO_BASE_ADDRESS);
    let out = env.out(0);
    ok!(env.raw(Sysno::object_get_property, &[u64::from(env.world.process), property, out, 8]));
    same!(env.out_u64(0), env.world.vdso_base.0);
    let at = VirtAddr(env.world.vdso_base.0 + offset);
    refused!(env.unmap(at, size), ACCESS_DENIED);
    refused!(env.unmap(at, P), ACCESS_DENIED);
    refused!(env.protect(at, size, PERM_READ), ACCESS_DENIED);
    let vmo = ok!(env.vmo_create(P, 0));
    let options = SPECIFIC_OVERWRITE | PERM_READ;
    refused!(env.vmar_map(env.world.vmar, options, offset_of(at), vmo, 0, P), ACCESS_DENIED);
    Ok(())
}

fn past_the_vmo(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    let task = ok!(env.new_process(b"past"));
    let at = ok!(env.vmar_map(task.vmar, PERM_READ | PERM_WRITE, 0, vmo, 0, 2 * P));
    let inside = Step::new(Do::Store, &[Arg::Is(at.0 + P - 4), Arg::Is(8)]);
    let outside = Step::new(Do::Load, &[Arg::Is(at.0 + P)]);
    same!(ok!(env.run_prepared(&task, &[inside, outside, Step::exit(0)])), EXCEPTION_KILL);
    same!(ok!(env.vmo_read(vmo, P - 4, 4)), [8, 0, 0, 0]);
    Ok(())
}

fn root_info(env: &mut Env<'_>) -> Outcome {
    let info = ok!(env.vmar_info(env.world.vmar));
    same!((info.base, info.base + info.len), (USER_BASE, USER_END));
    Ok(())
}

fn write_needs_read(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    refused!(env.map(vmo, PERM_WRITE, P), INVALID_ARGS);
    refused!(env.map(vmo, PERM_EXECUTE, P), INVALID_ARGS);
    Ok(())
}

fn can_map_refused(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    for flag in [CAN_MAP_READ, CAN_MAP_WRITE, CAN_MAP_EXECUTE] {
        refused!(env.map(vmo, PERM_READ | flag, P), INVALID_ARGS);
    }
    Ok(())
}

fn handles_in_order(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    let (vmar, job) = (env.world.vmar, env.world.job);
    refused!(env.vmar_map(0, PERM_READ, 0, 0, 0, P), BAD_HANDLE);
    refused!(env.vmar_map(job, PERM_READ, 0, 0, 0, P), WRONG_TYPE);
    refused!(env.vmar_map(vmar, PERM_READ, 0, 0, 0, P), BAD_HANDLE);
    refused!(env.vmar_map(vmar, PERM_READ, 0, job, 0, P), WRONG_TYPE);
    let no_map = ok!(env.duplicate(vmo, Rights::READ));
    refused!(env.vmar_map(vmar, PERM_WRITE, 0, no_map, 0, P), ACCESS_DENIED);
    let no_write = ok!(env.duplicate(vmo, Rights::READ | Rights::MAP));
    refused!(env.vmar_map(vmar, PERM_WRITE, 0, no_write, 0, P), INVALID_ARGS);
    refused!(env.vmar_map(vmar, PERM_READ | PERM_WRITE | 1 << 23, 0, no_write, 0, P), ACCESS_DENIED);
    Ok(())
}

fn unknown_options(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    for option in [1 << 16, 1 << 23] {
        refused!(env.map(vmo, PERM_READ | option, P), INVALID_ARGS);
    }
    for log2 in [1, 9, 33, 63] {
        refused!(env.map(vmo, PERM_READ | log2 << ALIGN_SHIFT, P), INVALID_ARGS);
    }
    Ok(())
}

fn out_of_bounds(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    let len = USER_END - USER_BASE;
    for place in [len, len + P, !(P - 1)] {
        refused!(env.vmar_map(env.world.vmar, SPECIFIC | PERM_READ, place, vmo, 0, P), INVALID_ARGS);
    }
    refused!(env.vmar_map(env.world.vmar, SPECIFIC | PERM_READ, len - P, vmo, 0, 2 * P), INVALID_ARGS);
    ok!(env.vmar_map(env.world.vmar, SPECIFIC | PERM_READ, len - P, vmo, 0, P));
    Ok(())
}

fn alignment(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    for log2 in [10, 12, 16, 21, 30] {
        let at = ok!(env.map(vmo, PERM_READ | log2 << ALIGN_SHIFT, P));
        truth!(at.0.is_multiple_of(1 << log2));
    }
    // The address counts, not the offset: the region starts at 16 MiB.
    let options = SPECIFIC | PERM_READ | 16 << ALIGN_SHIFT;
    let len = USER_END - USER_BASE;
    refused!(env.vmar_map(env.world.vmar, options, len - P, vmo, 0, P), INVALID_ARGS);
    ok!(env.vmar_map(env.world.vmar, options, len - 0x1_0000, vmo, 0, P));
    Ok(())
}

fn upper_limit(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    let limit = 1 << 40;
    let at = ok!(env.vmar_map(env.world.vmar, OFFSET_IS_UPPER_LIMIT | PERM_READ, limit, vmo, 0, P));
    truth!(at.0 + P <= USER_BASE + limit);
    Ok(())
}

fn offset_overflow(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    let last = !(P - 1);
    refused!(env.vmar_map(env.world.vmar, PERM_READ, 0, vmo, last, 2 * P), OUT_OF_RANGE);
    Ok(())
}

fn unmap_middle(env: &mut Env<'_>) -> Outcome {
    let (vmo, at) = ok!(mapped(env, 3));
    for page in 0..3 {
        env.system.store32(VirtAddr(at.0 + page * P), 7 + page as u32);
    }
    ok!(env.unmap(VirtAddr(at.0 + P), P));
    same!((env.system.load32(at), env.system.load32(VirtAddr(at.0 + 2 * P))), (7, 9));
    let (channel, _) = ok!(env.channel());
    refused!(env.raw(Sysno::channel_write, &[u64::from(channel), 0, at.0 + P, 8]), INVALID_ARGS);
    same!(ok!(env.vmo_read(vmo, P, 1)), [8]);
    Ok(())
}

fn specific_fits_between(env: &mut Env<'_>) -> Outcome {
    let (vmo, at) = ok!(mapped(env, 3));
    ok!(env.unmap(VirtAddr(at.0 + P), P));
    let place = offset_of(at) + P;
    let again = ok!(env.vmar_map(env.world.vmar, SPECIFIC | PERM_READ, place, vmo, 0, P));
    same!(again.0, at.0 + P);
    Ok(())
}

fn unmap_bounds(env: &mut Env<'_>) -> Outcome {
    refused!(env.unmap(VirtAddr(0), P), INVALID_ARGS);
    refused!(env.unmap(VirtAddr(USER_END), P), INVALID_ARGS);
    refused!(env.unmap(VirtAddr(USER_END - P), 2 * P), INVALID_ARGS);
    refused!(env.unmap(VirtAddr(0xFFFF_0000_4000_0000), P), INVALID_ARGS);
    refused!(env.protect(VirtAddr(0), P, PERM_READ), INVALID_ARGS);
    Ok(())
}

fn mapped_elsewhere(env: &mut Env<'_>) -> Outcome {
    let task = ok!(env.new_process(b"elsewhere"));
    let vmo = ok!(env.vmo_create(P, 0));
    let at = ok!(env.vmar_map(task.vmar, PERM_READ | PERM_WRITE, 0, vmo, 0, P));
    let store = Step::new(Do::Store, &[Arg::Is(at.0), Arg::Is(0x31)]);
    same!(ok!(env.run_prepared(&task, &[store, Step::exit(3)])), 3);
    same!(ok!(env.vmo_read(vmo, 0, 1)), [0x31]);
    Ok(())
}

fn info_needs_inspect(env: &mut Env<'_>) -> Outcome {
    let poor = ok!(env.duplicate(env.world.vmar, Rights::READ));
    refused!(env.vmar_info(poor), ACCESS_DENIED);
    refused!(env.vmar_info(env.world.job), WRONG_TYPE);
    Ok(())
}

fn execute_only(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    ok!(env.vmo_write(vmo, 0, &[5; 4]));
    let at = ok!(env.map(vmo, PERM_READ_IF_XOM_UNSUPPORTED, P));
    same!(env.system.load32(at), 0x0505_0505);
    ok!(env.protect(at, P, 0));
    ok!(env.protect(at, P, PERM_WRITE | PERM_READ_IF_XOM_UNSUPPORTED));
    env.system.store32(at, 3);
    same!(env.system.load32(at), 3);
    let blind = ok!(env.duplicate(vmo, Rights::MAP | Rights::WRITE));
    refused!(env.map(blind, PERM_READ_IF_XOM_UNSUPPORTED, P), ACCESS_DENIED);
    Ok(())
}
