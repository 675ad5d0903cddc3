//! Operations on ranges of address spaces, caches by address, and other programs' memory.

use abi::vmar::{
    CAN_MAP_READ, CAN_MAP_SPECIFIC, CAN_MAP_WRITE, MAP_RANGE, PERM_EXECUTE, PERM_READ, PERM_WRITE, RangeOp,
    SPECIFIC,
};
use abi::vmo::create;
use abi::{Handle, Rights, Sysno, VirtAddr};

use crate::agent::RET;
use crate::check::{ok, refused, same};
use crate::env::Result;
use crate::physical_ops::registers;
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "PHO-028" map_physical "a physical mapping may be asked for at once";
    "PHO-029" contents_of_physical "a physical mapping is neither committed nor decommitted nor zeroed";
    "VMR-038" commit_refused "what is committed is mapped, writable and in the region";
    "VMR-040" into_regions "operations on a region inside need OP_CHILDREN, and some never go there";
    "VMR-041" prefetch "a prefetch is of whole pages in the region";
    "VMR-044" read_to_the_end "reading a process's memory ends with its mapping";
    "CAC-025" flush_options "zx_cache_flush refuses options that make no sense";
    "VRG-J01" op_arguments "a range's operation has no buffer, and an operation there is";
    "VRG-J02" op_effects "operations on a mapping reach its VMO";
    "VRG-J03" op_spans "an operation goes on across mappings and stops at a gap";
    "VRG-J04" op_vdso "the vDSO's code is left alone";
    "VRG-J05" op_beyond "what lies beyond the VMO is out of range";
    "VRG-J06" op_dead "a destroyed region takes no operation";
    "VRG-J07" map_range "MAP_RANGE shows the pages that are there and commits none";
    "VRG-J08" map_range_many "a mapping of many pages is shown at once, and is none if it cannot be told";
    "VRG-J09" seeds_are_secret "what the kernel's random numbers follow from is not in the tree that programs get";
    "VRG-J10" packed "what is mapped into one region lies side by side";
    "CAC-J10" flush_read_only "caches are maintained by address, in read-only memory too";
    "PMM-J01" read_arguments "reading a process's memory checks its arguments first";
    "PMM-J02" write_memory "writing a process's memory reaches what its program may only read";
    "PMM-J03" large_reads "many pages are read in one call";
    "PMM-J04" refusals "registers and the vDSO are no memory to read or write";
    "PMM-J05" dead_process "a process that has ended has no memory";
    "PMM-J06" beyond_end "what a mapping shows beyond its VMO cannot be read";
}

const RW: u32 = PERM_READ | PERM_WRITE;

/// The range's operations.
impl Env<'_> {
    /// `zx_vmar_op_range` without a buffer.
    pub(crate) fn vmar_op(&mut self, vmar: Handle, op: RangeOp, at: u64, size: u64) -> Result {
        self.raw(Sysno::vmar_op_range, &[u64::from(vmar), op as u64, at, size])
    }

    /// `zx_vmar_op_range` in the program's own root.
    fn op_here(&mut self, op: RangeOp, at: VirtAddr, size: u64) -> Result {
        self.vmar_op(self.world.vmar, op, at.0, size)
    }

    /// `zx_vmar_allocate` in the program's root: a region that may be chosen in, and where it is.
    fn region_of(&mut self, size: u64) -> Result<(Handle, u64)> {
        let (out, out_address) = (self.out(0), self.out(1));
        let options = u64::from(CAN_MAP_READ | CAN_MAP_WRITE | CAN_MAP_SPECIFIC);
        let args = [u64::from(self.world.vmar), options, 0, size, out, out_address];
        self.raw(Sysno::vmar_allocate, &args)?;
        let (vmar, at) = (self.out_u32(0), self.out_u64(1));
        self.adopt(vmar);
        self.adopt_mapping(at, size);
        Ok((vmar, at))
    }

    /// `zx_process_read_memory` into the program's data buffer: how much it was.
    fn read_memory(&mut self, process: Handle, at: u64, len: u64) -> Result<u64> {
        let (buffer, actual) = (self.data(&[]), self.out(0));
        self.raw(Sysno::process_read_memory, &[u64::from(process), at, buffer, len, actual])?;
        Ok(self.out_u64(0))
    }

    /// `zx_process_write_memory`: how much it was.
    fn write_memory(&mut self, process: Handle, at: u64, bytes: &[u8]) -> Result<u64> {
        let (buffer, actual) = (self.data(bytes), self.out(0));
        let args = [u64::from(process), at, buffer, bytes.len() as u64, actual];
        self.raw(Sysno::process_write_memory, &args)?;
        Ok(self.out_u64(0))
    }

    fn cache_flush(&mut self, at: u64, len: u64, options: u64) -> Result {
        self.raw(Sysno::cache_flush, &[at, len, options])
    }

    fn committed_bytes(&mut self, vmo: Handle) -> Result<u64> {
        Ok(self.vmo_info(vmo)?.committed_bytes)
    }
}

fn map_physical(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    let at = ok!(env.map(vmo, RW, P));
    ok!(env.op_here(RangeOp::MapRange, at, P));
    env.system.store32(VirtAddr(at.0 + 4), 7);
    same!(env.system.load32(VirtAddr(at.0 + 4)), 7);
    for op in [RangeOp::DontNeed, RangeOp::AlwaysNeed, RangeOp::Prefetch] {
        ok!(env.op_here(op, at, P));
    }
    Ok(())
}

fn contents_of_physical(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    let at = ok!(env.map(vmo, RW, P));
    for op in [RangeOp::Commit, RangeOp::Decommit, RangeOp::Zero] {
        refused!(env.op_here(op, at, P), NOT_SUPPORTED);
    }
    Ok(())
}

fn commit_refused(env: &mut Env<'_>) -> Outcome {
    let (region, base) = ok!(env.region_of(8 * P));
    let vmo = ok!(env.vmo_create(8 * P, 0));
    let reader = ok!(env.duplicate(vmo, Rights::DEFAULT_VMO - Rights::WRITE));
    ok!(env.vmar_map(region, RW | SPECIFIC, 0, vmo, 0, 2 * P));
    ok!(env.vmar_map(region, PERM_READ | SPECIFIC, 3 * P, reader, 0, P));
    ok!(env.vmar_op(region, RangeOp::Commit, base, 2 * P));
    same!(ok!(env.committed_bytes(vmo)), 2 * P);
    for (at, len) in [(base - P, P), (base, 9 * P), (base + 8 * P, P), (base + P, 0u64.wrapping_sub(P))] {
        refused!(env.vmar_op(region, RangeOp::Commit, at, len), OUT_OF_RANGE);
    }
    for (at, len) in [(base, 3 * P), (base + 2 * P, P), (base + 7 * P, P)] {
        refused!(env.vmar_op(region, RangeOp::Commit, at, len), BAD_STATE);
    }
    for op in [RangeOp::Commit, RangeOp::Decommit, RangeOp::Zero] {
        refused!(env.vmar_op(region, op, base + 3 * P, P), ACCESS_DENIED);
    }
    // What may become writable may be committed.
    ok!(env.vmar_map(region, PERM_READ | SPECIFIC, 4 * P, vmo, 4 * P, P));
    ok!(env.vmar_op(region, RangeOp::Commit, base + 4 * P, P));
    same!(ok!(env.committed_bytes(vmo)), 3 * P);
    Ok(())
}

fn into_regions(env: &mut Env<'_>) -> Outcome {
    let (outer, base) = ok!(env.region_of(4 * P));
    let (out, out_address) = (env.out(0), env.out(1));
    let options = u64::from(CAN_MAP_READ | CAN_MAP_WRITE | CAN_MAP_SPECIFIC | SPECIFIC);
    ok!(env.raw(Sysno::vmar_allocate, &[u64::from(outer), options, P, 2 * P, out, out_address]));
    let inner = env.out_u32(0);
    env.adopt(inner);
    let vmo = ok!(env.vmo_create(4 * P, 0));
    ok!(env.vmo_write(vmo, P, &[1; 8]));
    ok!(env.vmar_map(outer, RW | SPECIFIC, 0, vmo, 0, P));
    ok!(env.vmar_map(inner, RW | SPECIFIC, 0, vmo, P, 2 * P));
    let all = ok!(env.rights(outer));
    let without = ok!(env.duplicate(outer, all - Rights::OP_CHILDREN));
    for op in [RangeOp::MapRange, RangeOp::Zero, RangeOp::DontNeed, RangeOp::AlwaysNeed, RangeOp::Prefetch] {
        refused!(env.vmar_op(without, op, base + P, P), INVALID_ARGS);
        ok!(env.vmar_op(outer, op, base + P, 2 * P));
        ok!(env.vmar_op(outer, op, base, 3 * P));
    }
    for op in [RangeOp::Commit, RangeOp::Decommit] {
        refused!(env.vmar_op(outer, op, base + P, P), INVALID_ARGS);
        refused!(env.vmar_op(outer, op, base, 3 * P), INVALID_ARGS);
        ok!(env.vmar_op(inner, op, base + P, P));
        ok!(env.vmar_op(without, op, base, P));
    }
    same!(ok!(env.vmo_read(vmo, P, 8)), [0; 8]);
    Ok(())
}

fn prefetch(env: &mut Env<'_>) -> Outcome {
    let (region, base) = ok!(env.region_of(4 * P));
    let vmo = ok!(env.vmo_create(4 * P, 0));
    ok!(env.vmar_map(region, PERM_READ | SPECIFIC, 0, vmo, 0, 4 * P));
    ok!(env.vmar_op(region, RangeOp::Prefetch, base, 4 * P));
    for (at, len) in [(base, 0), (base + 1, P), (base, P + 1), (base + 8, 8)] {
        refused!(env.vmar_op(region, RangeOp::Prefetch, at, len), INVALID_ARGS);
    }
    for (at, len) in [(base, 5 * P), (base - P, P), (base + 4 * P, P)] {
        refused!(env.vmar_op(region, RangeOp::Prefetch, at, len), OUT_OF_RANGE);
    }
    Ok(())
}

fn read_to_the_end(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(2 * P, 0));
    ok!(env.vmo_write(vmo, 0, &[0x5A; 2 * P as usize]));
    let at = ok!(env.map(vmo, PERM_READ, 2 * P));
    let own = env.world.process;
    same!(ok!(env.read_memory(own, at.0, 2 * P)), 2 * P);
    ok!(env.unmap(VirtAddr(at.0 + P), P));
    same!(ok!(env.read_memory(own, at.0 + P - 10, 20)), 10);
    same!(env.data_bytes(10), [0x5A; 10]);
    same!(ok!(env.read_memory(own, at.0, 2 * P)), P);
    refused!(env.read_memory(own, at.0 + P, 1), NOT_FOUND);
    Ok(())
}

fn flush_options(env: &mut Env<'_>) -> Outcome {
    let at = env.own().0;
    for options in [0, 4, 5, 8, 9, 1 << 31, u64::from(u32::MAX)] {
        refused!(env.cache_flush(at, P, options), INVALID_ARGS);
    }
    for options in [1, 2, 3, 6, 7] {
        ok!(env.cache_flush(at, P, options));
        ok!(env.cache_flush(at + 3, 1, options));
        ok!(env.cache_flush(at, 0, options));
        // A range that wraps is refused before a line of it is touched.
        refused!(env.cache_flush(at, u64::MAX, options), INVALID_ARGS);
        refused!(env.cache_flush(u64::MAX, 2, options), INVALID_ARGS);
    }
    Ok(())
}

fn op_arguments(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    let at = ok!(env.map(vmo, RW, P)).0;
    let vmar = u64::from(env.world.vmar);
    for op in [0, 4, 5, 9, 11, 15, 1 << 31] {
        refused!(env.raw(Sysno::vmar_op_range, &[vmar, op, at, P]), INVALID_ARGS);
    }
    for op in [1, 2, 3, 10, 12, 13, 14] {
        refused!(env.raw(Sysno::vmar_op_range, &[0, op, at, P]), BAD_HANDLE);
        refused!(env.raw(Sysno::vmar_op_range, &[u64::from(vmo), op, at, P]), WRONG_TYPE);
        refused!(env.raw(Sysno::vmar_op_range, &[vmar, op, at, P, at, 0]), INVALID_ARGS);
        refused!(env.raw(Sysno::vmar_op_range, &[vmar, op, at, P, 0, 8]), INVALID_ARGS);
        for (at, len) in [(at, 0), (at + 1, P), (at, P - 1)] {
            refused!(env.raw(Sysno::vmar_op_range, &[vmar, op, at, len]), INVALID_ARGS);
        }
        ok!(env.raw(Sysno::vmar_op_range, &[vmar, op, at, P]));
    }
    Ok(())
}

fn op_effects(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(100 * P, 0));
    let at = ok!(env.vmar_map(env.world.vmar, RW, 0, vmo, 10 * P, 80 * P));
    ok!(env.op_here(RangeOp::Commit, at, 80 * P));
    same!(ok!(env.committed_bytes(vmo)), 80 * P);
    env.poke_u64(VirtAddr(at.0 + 5 * P), 5);
    env.poke_u64(VirtAddr(at.0 + 6 * P), 6);
    ok!(env.op_here(RangeOp::Zero, VirtAddr(at.0 + 5 * P), P));
    same!((env.peek_u64(VirtAddr(at.0 + 5 * P)), env.peek_u64(VirtAddr(at.0 + 6 * P))), (0, 6));
    ok!(env.op_here(RangeOp::Decommit, VirtAddr(at.0 + P), 79 * P));
    same!(ok!(env.committed_bytes(vmo)), P);
    same!(env.peek_u64(VirtAddr(at.0 + 6 * P)), 0);
    ok!(env.vmo_write(vmo, 12 * P, &[9; 8]));
    ok!(env.op_here(RangeOp::MapRange, at, 80 * P));
    same!(env.peek_u64(VirtAddr(at.0 + 2 * P)), 0x0909_0909_0909_0909);
    Ok(())
}

fn op_spans(env: &mut Env<'_>) -> Outcome {
    let (region, base) = ok!(env.region_of(16 * P));
    let vmo = ok!(env.vmo_create(16 * P, 0));
    for page in 0..15 {
        let options = if page % 2 == 0 { RW } else { PERM_READ };
        ok!(env.vmar_map(region, options | SPECIFIC, page * P, vmo, (15 - page) * P, P));
    }
    ok!(env.vmar_op(region, RangeOp::Commit, base, 15 * P));
    same!(ok!(env.committed_bytes(vmo)), 15 * P);
    ok!(env.vmar_op(region, RangeOp::Decommit, base + P, 14 * P));
    same!(ok!(env.committed_bytes(vmo)), P);
    for op in [RangeOp::Commit, RangeOp::Decommit, RangeOp::MapRange, RangeOp::Zero, RangeOp::DontNeed] {
        refused!(env.vmar_op(region, op, base + 14 * P, 2 * P), BAD_STATE);
    }
    Ok(())
}

fn op_vdso(env: &mut Env<'_>) -> Outcome {
    let (offset, size) = env.world.vdso_code;
    let code = VirtAddr(env.world.vdso_base.0 + offset);
    for op in [RangeOp::Commit, RangeOp::Decommit, RangeOp::Zero] {
        refused!(env.op_here(op, code, size), ACCESS_DENIED);
    }
    Ok(())
}

fn op_beyond(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    let at = ok!(env.map(vmo, RW, 2 * P));
    for op in [RangeOp::Commit, RangeOp::Decommit, RangeOp::Zero, RangeOp::Prefetch] {
        ok!(env.op_here(op, at, P));
        refused!(env.op_here(op, VirtAddr(at.0 + P), P), OUT_OF_RANGE);
        refused!(env.op_here(op, at, 2 * P), OUT_OF_RANGE);
    }
    ok!(env.op_here(RangeOp::MapRange, at, 2 * P));
    Ok(())
}

fn op_dead(env: &mut Env<'_>) -> Outcome {
    let (region, base) = ok!(env.region_of(2 * P));
    let vmo = ok!(env.vmo_create(2 * P, 0));
    ok!(env.vmar_map(region, RW | SPECIFIC, 0, vmo, 0, 2 * P));
    ok!(env.raw(Sysno::vmar_destroy, &[u64::from(region)]));
    refused!(env.vmar_op(region, RangeOp::Commit, base, P), BAD_STATE);
    refused!(env.op_here(RangeOp::Commit, VirtAddr(base), P), BAD_STATE);
    Ok(())
}

/// Bit 0 of `PAR_EL1`: no translation.
const NOT_SHOWN: u64 = 1;

fn map_range(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(200 * P, 0));
    for page in [0, 3, 70, 150, 199] {
        ok!(env.vmo_write(vmo, page * P, &[page as u8 + 1]));
    }
    let at = ok!(env.map(vmo, RW | MAP_RANGE, 200 * P));
    same!(ok!(env.committed_bytes(vmo)), 5 * P);
    for (page, shown) in
        [(0, true), (1, false), (3, true), (70, true), (100, false), (150, true), (199, true)]
    {
        let par = ok!(env.translate(VirtAddr(at.0 + page * P), true));
        same!((page, par & NOT_SHOWN == 0), (page, shown));
    }
    let lazy = ok!(env.map(vmo, RW, 200 * P));
    same!(ok!(env.translate(lazy, false)) & NOT_SHOWN, NOT_SHOWN);
    ok!(env.op_here(RangeOp::MapRange, lazy, 200 * P));
    same!(ok!(env.translate(lazy, true)) & NOT_SHOWN, 0);
    same!(ok!(env.translate(VirtAddr(lazy.0 + 199 * P), true)) & NOT_SHOWN, 0);
    Ok(())
}

fn map_range_many(env: &mut Env<'_>) -> Outcome {
    let pages = 500;
    let vmo = ok!(env.vmo_create(pages * P, 0));
    ok!(env.vmo_op(vmo, abi::vmo::RangeOp::Commit, 0, pages * P));
    let vmar = u64::from(env.world.vmar);
    let mut args = [vmar, u64::from(RW | MAP_RANGE), 0, u64::from(vmo), 0, pages * P, 1];
    for pointer in env.bad_pointers() {
        args[6] = pointer;
        refused!(env.raw(Sysno::vmar_map, &args), INVALID_ARGS);
    }
    same!(ok!(env.vmo_info(vmo)).num_mappings, 0);
    let at = ok!(env.map(vmo, RW | MAP_RANGE, pages * P));
    for page in [0, 64, 65, 499] {
        same!(ok!(env.translate(VirtAddr(at.0 + page * P), true)) & NOT_SHOWN, 0);
    }
    Ok(())
}

fn seeds_are_secret(env: &mut Env<'_>) -> Outcome {
    same!(env.world.seeds.1, 0);
    Ok(())
}

fn packed(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(3 * P, 0));
    let mut starts = [0; 6];
    for start in &mut starts {
        let (region, base) = ok!(env.region_of(1 << 30));
        let first = ok!(env.vmar_map(region, PERM_READ, 0, vmo, 0, 3 * P)).0;
        let second = ok!(env.vmar_map(region, PERM_READ, 0, vmo, 0, P)).0;
        let third = ok!(env.vmar_map(region, PERM_READ, 0, vmo, 0, 2 * P)).0;
        // Where the first is near the region's end, the rest goes to its start.
        let ends = base + (1 << 30);
        same!(second, if first + 3 * P < ends { first + 3 * P } else { base });
        same!(third, if second + 3 * P <= ends { second + P } else { base });
        *start = first - base;
    }
    // Each has a start of its own: all six alike would be one in 2^90.
    crate::check::truth!(starts.iter().any(|start| *start != starts[0]));
    Ok(())
}

fn flush_read_only(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    env.forget(vmo);
    let code = ok!(env.making(Sysno::vmo_replace_as_executable, &[u64::from(vmo), 0]));
    let writable = ok!(env.map(code, RW, P));
    let at = ok!(env.map(code, PERM_READ | PERM_EXECUTE, P));
    env.system.poke(writable, &RET.to_le_bytes());
    ok!(env.cache_flush(writable.0, 4, 1));
    env.system.execute(at);
    for options in [1, 2, 3, 6, 7] {
        ok!(env.cache_flush(at.0, P, options));
    }
    env.system.execute(at);
    same!(env.system.load32(at), RET);
    Ok(())
}

fn read_arguments(env: &mut Env<'_>) -> Outcome {
    let own = env.world.process;
    let at = env.own().0;
    let (buffer, actual) = (env.data(&[]), env.out(0));
    let process = u64::from(own);
    for sysno in [Sysno::process_read_memory, Sysno::process_write_memory] {
        for args in [
            [process, at, 0, 8, actual],
            [process, at, buffer, 0, actual],
            [process, at, buffer, (64 << 20) + 1, actual],
            [0, at, 0, 8, actual],
        ] {
            refused!(env.raw(sysno, &args), INVALID_ARGS);
        }
        refused!(env.raw(sysno, &[0, at, buffer, 8, actual]), BAD_HANDLE);
        refused!(env.raw(sysno, &[u64::from(env.world.vmar), at, buffer, 8, actual]), WRONG_TYPE);
        refused!(env.raw(sysno, &[process, 0, buffer, 8, actual]), NOT_FOUND);
        refused!(env.raw(sysno, &[process, u64::MAX - 3, buffer, 8, actual]), NOT_FOUND);
        for pointer in env.bad_pointers() {
            refused!(env.raw(sysno, &[process, at, buffer, 8, pointer]), INVALID_ARGS);
            if pointer != 0 {
                refused!(env.raw(sysno, &[process, at, pointer, 8, actual]), INVALID_ARGS);
            }
        }
    }
    let rights = ok!(env.rights(own));
    for (missing, read) in [(Rights::READ, true), (Rights::WRITE, true), (Rights::WRITE, false)] {
        let less = ok!(env.duplicate(own, rights - missing));
        let sysno = if read { Sysno::process_read_memory } else { Sysno::process_write_memory };
        refused!(env.raw(sysno, &[u64::from(less), at, buffer, 8, actual]), ACCESS_DENIED);
    }
    Ok(())
}

fn write_memory(env: &mut Env<'_>) -> Outcome {
    let task = ok!(env.new_process(b"written"));
    let vmo = ok!(env.vmo_create(3 * P, 0));
    let there = ok!(env.vmar_map(task.vmar, PERM_READ, 0, vmo, P, 2 * P));
    same!(ok!(env.write_memory(task.process, there.0 + P - 4, b"straddle")), 8);
    same!(ok!(env.vmo_read(vmo, 2 * P - 4, 8)), b"straddle");
    same!(ok!(env.read_memory(task.process, there.0 + P - 4, 8)), 8);
    same!(env.data_bytes(8), b"straddle");
    // The end of the mapping is the end.
    same!(ok!(env.write_memory(task.process, there.0 + 2 * P - 3, b"cut off")), 3);
    refused!(env.write_memory(task.process, P, b"x"), NOT_FOUND);
    Ok(())
}

fn large_reads(env: &mut Env<'_>) -> Outcome {
    let pages = 100;
    let vmo = ok!(env.vmo_create(pages * P, 0));
    for page in 0..pages {
        ok!(env.vmo_write(vmo, page * P + 5, &[page as u8 + 1]));
    }
    let task = ok!(env.new_process(b"read"));
    let there = ok!(env.vmar_map(task.vmar, PERM_READ, 0, vmo, 0, pages * P));
    let copy = ok!(env.vmo_create(pages * P, 0));
    let at = ok!(env.map(copy, RW, pages * P));
    let actual = env.out(0);
    let mut args = [u64::from(task.process), there.0, at.0, pages * P, actual];
    ok!(env.raw(Sysno::process_read_memory, &args));
    same!(env.out_u64(0), pages * P);
    for page in [0, 15, 16, 99] {
        same!(ok!(env.vmo_read(copy, page * P + 5, 1)), [page as u8 + 1]);
    }
    // Asked for more than there is.
    args[3] = 64 << 20;
    args[1] += 10 * P;
    ok!(env.raw(Sysno::process_read_memory, &args));
    same!(env.out_u64(0), (pages - 10) * P);
    // A buffer that ends too early.
    args[2] = at.0 + 90 * P;
    refused!(env.raw(Sysno::process_read_memory, &args), INVALID_ARGS);
    ok!(env.read_memory(task.process, there.0, 8));
    same!(env.out_u64(0), 8);
    Ok(())
}

fn refusals(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(registers(env));
    let task = ok!(env.new_process(b"driver"));
    let there = ok!(env.vmar_map(task.vmar, RW, 0, vmo, 0, P));
    refused!(env.read_memory(task.process, there.0, 4), NOT_SUPPORTED);
    refused!(env.write_memory(task.process, there.0, &[0; 4]), NOT_SUPPORTED);
    let own = env.world.process;
    let (offset, _) = env.world.vdso_code;
    let vdso = env.world.vdso_base.0;
    for at in [vdso, vdso + offset] {
        same!(ok!(env.read_memory(own, at, 4)), 4);
        refused!(env.write_memory(own, at, &[0; 4]), ACCESS_DENIED);
    }
    Ok(())
}

fn dead_process(env: &mut Env<'_>) -> Outcome {
    let task = ok!(env.new_process(b"ended"));
    let vmo = ok!(env.vmo_create(P, 0));
    let there = ok!(env.vmar_map(task.vmar, RW, 0, vmo, 0, P));
    same!(ok!(env.read_memory(task.process, there.0, 4)), 4);
    ok!(env.raw(Sysno::task_kill, &[u64::from(task.process)]));
    ok!(env.wait_for_end(task.process));
    refused!(env.read_memory(task.process, there.0, 4), BAD_STATE);
    refused!(env.write_memory(task.process, there.0, &[0; 4]), BAD_STATE);
    Ok(())
}

fn beyond_end(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(2 * P, create::RESIZABLE));
    let at = ok!(env.map(vmo, PERM_READ, 3 * P));
    let own = env.world.process;
    same!(ok!(env.read_memory(own, at.0, 3 * P)), 2 * P);
    refused!(env.read_memory(own, at.0 + 2 * P, 1), OUT_OF_RANGE);
    ok!(env.vmo_set_size(vmo, P));
    same!(ok!(env.read_memory(own, at.0, 3 * P)), P);
    Ok(())
}
