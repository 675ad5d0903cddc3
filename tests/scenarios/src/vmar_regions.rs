//! Regions inside regions.

use abi::object::task_retcode::EXCEPTION_KILL;
use abi::vmar::{
    ALIGN_SHIFT, CAN_MAP_EXECUTE, CAN_MAP_READ, CAN_MAP_SPECIFIC, CAN_MAP_WRITE, COMPACT, MAP_RANGE,
    OFFSET_IS_UPPER_LIMIT, PERM_EXECUTE, PERM_READ, PERM_WRITE, SPECIFIC, SPECIFIC_OVERWRITE,
};
use abi::{Handle, Rights, Sysno, VirtAddr};

use crate::agent::{Arg, Do, Step};
use crate::check::{ok, refused, same, truth};
use crate::env::Result;
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "VMR-001" allocate_in_destroyed "a destroyed region gets no regions";
    "VMR-002" nested_addresses "a nested region lies in its parent";
    "VMR-004" full_region "what does not fit in a region is not placed";
    "VMR-005" destroyed_region "a destroyed region's handles stay valid and do nothing";
    "VMR-007" specific_alignment "SPECIFIC and an alignment must agree";
    "VMR-008" unknown_alignment "only alignments of 2^10 to 2^32 exist";
    "VMR-029" nested_protect "across a region permissions are only taken away";
    "VMR-032" no_specific "a region may forbid that places are chosen";
    "VMR-J20" first_rights "a region's first handle has the rights that its flags stand for";
    "VMR-J21" allocate_options "a region takes CAN_MAP flags, a place and nothing else";
    "VMR-J22" region_info "info on a region tells where it is";
    "VMR-J23" unmap_region "unmapping over a region destroys it";
    "VMR-J24" unmap_part_of_region "unmapping never cuts a region";
    "VMR-J25" unmap_needs_op_children "unmapping a region needs OP_CHILDREN";
    "VMR-J26" destroy_rights "destroying needs OP_CHILDREN, and is not for the root";
    "VMR-J27" region_keeps "a region and its mappings stay without a handle";
    "VMR-J28" region_frees_room "a destroyed region's place can be taken again";
    "VMR-J29" deep_regions "regions nest deeply, work there, and end as one";
    "VMR-J30" many_mappings "a region with many mappings is destroyed by one call";
    "VMR-J31" dies_with_regions "a process that ends takes its regions along";
    "VMR-J32" destroyed_is_unmapped "what was in a destroyed region is no longer there";
    "VMR-J33" vdso_in_region "a region with the vDSO's code in it stays";
    "VMR-J34" limit_in_region "an upper limit counts from the region's start";
    "VMR-J35" protect_needs_op_children "protecting across a region needs OP_CHILDREN";
    "VMR-J36" allocate_handles "a region's parent is a VMAR with the rights for its flags";
    "VMR-J37" parents_go_around "a parent maps around its regions, and never into them";
}

/// All that a region's mappings may be, and at chosen places.
const ALL: u32 = CAN_MAP_READ | CAN_MAP_WRITE | CAN_MAP_EXECUTE | CAN_MAP_SPECIFIC;
/// Readable and writable.
const RW: u32 = PERM_READ | PERM_WRITE;

/// Regions.
impl Env<'_> {
    /// `zx_vmar_allocate`: the region, and its first address.
    pub(crate) fn allocate(
        &mut self,
        parent: Handle,
        options: u32,
        at: u64,
        len: u64,
    ) -> Result<(Handle, u64)> {
        let (out0, out1) = (self.out(0), self.out(1));
        self.raw(Sysno::vmar_allocate, &[u64::from(parent), u64::from(options), at, len, out0, out1])?;
        let (region, address) = (self.out_u32(0), self.out_u64(1));
        self.adopt(region);
        if parent == self.world.vmar {
            self.adopt_mapping(address, len);
        }
        Ok((region, address))
    }

    /// A region of so many pages in the program, that may be used in every way.
    pub(crate) fn region(&mut self, pages: u64) -> Result<(Handle, u64)> {
        self.allocate(self.world.vmar, ALL, 0, pages * P)
    }

    /// `zx_vmar_destroy`.
    pub(crate) fn destroy(&mut self, vmar: Handle) -> Result {
        self.raw(Sysno::vmar_destroy, &[u64::from(vmar)])
    }

    /// `zx_vmar_unmap` by any region.
    fn unmap_in(&mut self, vmar: Handle, at: u64, len: u64) -> Result {
        self.raw(Sysno::vmar_unmap, &[u64::from(vmar), at, len])
    }

    /// `zx_vmar_protect` by any region.
    fn protect_in(&mut self, vmar: Handle, permissions: u32, at: u64, len: u64) -> Result {
        self.raw(Sysno::vmar_protect, &[u64::from(vmar), u64::from(permissions), at, len])
    }

    /// Whether the kernel can read at an address for the program.
    fn readable(&mut self, at: u64) -> Result {
        let vmo = self.vmo_create(P, 0)?;
        let outcome = self.raw(Sysno::vmo_write, &[u64::from(vmo), at, 0, 4]);
        self.close(vmo)?;
        outcome
    }
}

fn allocate_in_destroyed(env: &mut Env<'_>) -> Outcome {
    let (region, _) = ok!(env.region(4));
    ok!(env.destroy(region));
    refused!(env.allocate(region, ALL, 0, P), BAD_STATE);
    Ok(())
}

fn nested_addresses(env: &mut Env<'_>) -> Outcome {
    let (mut vmar, mut base) = ok!(env.region(32));
    for pages in [16, 16, 8, 2, 1] {
        let (inner, at) = ok!(env.allocate(vmar, ALL, 0, pages * P));
        let outer = ok!(env.vmar_info(vmar));
        same!(outer.base, base);
        truth!(base <= at && at + pages * P <= base + outer.len);
        (vmar, base) = (inner, at);
    }
    Ok(())
}

fn full_region(env: &mut Env<'_>) -> Outcome {
    let (region, base) = ok!(env.region(10));
    refused!(env.allocate(region, ALL, 0, 11 * P), INVALID_ARGS);
    let vmo = ok!(env.vmo_create(11 * P, 0));
    refused!(env.vmar_map(region, PERM_READ, 0, vmo, 0, 11 * P), INVALID_ARGS);
    let mut seen = [false; 10];
    for page in 0..10 {
        let at = if page % 2 == 0 {
            ok!(env.vmar_map(region, PERM_READ, 0, vmo, 0, P)).0
        } else {
            ok!(env.allocate(region, COMPACT, 0, P)).1
        };
        let place = seen.get_mut(((at - base) / P) as usize);
        truth!(place.is_some_and(|taken| !core::mem::replace(taken, true)));
    }
    refused!(env.vmar_map(region, PERM_READ, 0, vmo, 0, P), NO_RESOURCES);
    refused!(env.allocate(region, ALL, 0, P), NO_RESOURCES);
    Ok(())
}

fn destroyed_region(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    let (region, base) = ok!(env.region(16));
    let (child, at) = ok!(env.allocate(region, ALL | SPECIFIC, 4 * P, 4 * P));
    same!(at, base + 4 * P);
    ok!(env.vmar_map(region, RW | SPECIFIC, 0, vmo, 0, P));
    ok!(env.vmar_map(child, RW | SPECIFIC, 0, vmo, 0, P));
    ok!(env.destroy(region));
    same!(ok!(env.vmo_info(vmo)).num_mappings, 0);
    for (vmar, at) in [(region, base), (child, at)] {
        ok!(env.valid(vmar));
        refused!(env.destroy(vmar), BAD_STATE);
        refused!(env.allocate(vmar, ALL, 0, P), BAD_STATE);
        refused!(env.unmap_in(vmar, at, P), BAD_STATE);
        refused!(env.protect_in(vmar, PERM_READ, at, P), BAD_STATE);
        refused!(env.vmar_map(vmar, PERM_READ, 0, vmo, 0, P), BAD_STATE);
    }
    // Around it all goes on.
    let place = base - ok!(env.vmar_info(env.world.vmar)).base;
    let (again, at) = ok!(env.allocate(env.world.vmar, ALL | SPECIFIC, place, 16 * P));
    same!(at, base);
    let at = ok!(env.vmar_map(again, RW | SPECIFIC, 4 * P, vmo, 0, P));
    env.system.store32(at, 1);
    Ok(())
}

fn specific_alignment(env: &mut Env<'_>) -> Outcome {
    const ALIGN: u32 = 16 << ALIGN_SHIFT;
    let vmo = ok!(env.vmo_create(P, 0));
    let (region, base) = ok!(env.allocate(env.world.vmar, ALL | ALIGN, 0, 0x4_0000));
    truth!(base.is_multiple_of(0x1_0000));
    for offset in [0x1000, 0x8000, 0x1_8000] {
        refused!(env.vmar_map(region, PERM_READ | SPECIFIC | ALIGN, offset, vmo, 0, P), INVALID_ARGS);
        refused!(env.allocate(region, ALL | SPECIFIC | ALIGN, offset, P), INVALID_ARGS);
    }
    ok!(env.vmar_map(region, PERM_READ | SPECIFIC | ALIGN, 0x1_0000, vmo, 0, P));
    ok!(env.allocate(region, ALL | SPECIFIC | ALIGN, 0x2_0000, P));
    for _ in 0..2 {
        let (_, at) = ok!(env.allocate(region, ALL | ALIGN, 0, P));
        truth!(at.is_multiple_of(0x1_0000));
    }
    refused!(env.allocate(region, ALL | ALIGN, 0, P), NO_RESOURCES);
    Ok(())
}

fn unknown_alignment(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    for log2 in [1_u32, 9, 33, 63] {
        refused!(env.map(vmo, PERM_READ | log2 << ALIGN_SHIFT, P), INVALID_ARGS);
        refused!(env.allocate(env.world.vmar, ALL | log2 << ALIGN_SHIFT, 0, P), INVALID_ARGS);
    }
    let (_, at) = ok!(env.allocate(env.world.vmar, ALL | 32 << ALIGN_SHIFT, 0, P));
    truth!(at.is_multiple_of(1 << 32));
    ok!(env.allocate(env.world.vmar, ALL | 10 << ALIGN_SHIFT, 0, P));
    Ok(())
}

fn nested_protect(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(3 * P, 0));
    let (region, base) = ok!(env.region(3));
    let (child, at) = ok!(env.allocate(region, ALL | SPECIFIC, P, P));
    ok!(env.vmar_map(region, RW | SPECIFIC, 0, vmo, 0, P));
    ok!(env.vmar_map(child, RW | SPECIFIC, 0, vmo, P, P));
    ok!(env.vmar_map(region, RW | SPECIFIC, 2 * P, vmo, 2 * P, P));
    ok!(env.protect_in(region, PERM_READ, base, 3 * P));
    refused!(env.raw(Sysno::vmo_create, &[P, 0, at]), INVALID_ARGS);
    same!(env.system.load32(VirtAddr(at)), 0);
    refused!(env.protect_in(region, RW, at, P), ACCESS_DENIED);
    refused!(env.protect_in(region, RW, base, 3 * P), ACCESS_DENIED);
    ok!(env.protect_in(child, RW, at, P));
    env.system.store32(VirtAddr(at), 4);
    // As much as there is already adds nothing.
    ok!(env.protect_in(region, RW, at, P));
    ok!(env.unmap_in(child, at, P));
    refused!(env.protect_in(region, PERM_READ, base, 3 * P), NOT_FOUND);
    Ok(())
}

fn no_specific(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    let (region, base) = ok!(env.allocate(env.world.vmar, CAN_MAP_READ, 0, 4 * P));
    for kind in [SPECIFIC, SPECIFIC_OVERWRITE, OFFSET_IS_UPPER_LIMIT] {
        refused!(env.vmar_map(region, PERM_READ | kind, P, vmo, 0, P), ACCESS_DENIED);
    }
    refused!(env.allocate(region, CAN_MAP_READ | SPECIFIC, P, P), ACCESS_DENIED);
    refused!(env.allocate(region, CAN_MAP_READ | OFFSET_IS_UPPER_LIMIT, P, P), ACCESS_DENIED);
    // An offset that makes no sense comes first.
    refused!(env.vmar_map(region, PERM_READ | SPECIFIC, P + 1, vmo, 0, P), INVALID_ARGS);
    let at = ok!(env.vmar_map(region, PERM_READ, 0, vmo, 0, P));
    truth!(base <= at.0 && at.0 < base + 4 * P);
    Ok(())
}

fn first_rights(env: &mut Env<'_>) -> Outcome {
    let plain = Rights::TRANSFER | Rights::DUPLICATE | Rights::INSPECT | Rights::OP_CHILDREN;
    for (flags, rights) in [
        (0, Rights::NONE),
        (CAN_MAP_READ, Rights::READ),
        (CAN_MAP_READ | CAN_MAP_WRITE, Rights::IO),
        (CAN_MAP_READ | CAN_MAP_EXECUTE | CAN_MAP_SPECIFIC, Rights::READ | Rights::EXECUTE),
    ] {
        let (region, _) = ok!(env.allocate(env.world.vmar, flags, 0, P));
        same!(ok!(env.rights(region)), plain | rights);
    }
    Ok(())
}

fn allocate_options(env: &mut Env<'_>) -> Outcome {
    let vmar = env.world.vmar;
    for option in
        [PERM_READ, PERM_WRITE, PERM_EXECUTE, SPECIFIC_OVERWRITE, MAP_RANGE, 1 << 11, 1 << 12, 1 << 16]
    {
        refused!(env.allocate(vmar, ALL | option, 0, P), INVALID_ARGS);
    }
    for length in [0, 1, P + 1, u64::MAX] {
        refused!(env.allocate(vmar, ALL, 0, length), INVALID_ARGS);
    }
    refused!(env.allocate(vmar, ALL, P, P), INVALID_ARGS);
    refused!(env.allocate(vmar, ALL | SPECIFIC, P - 1, P), INVALID_ARGS);
    refused!(env.allocate(vmar, ALL | SPECIFIC | OFFSET_IS_UPPER_LIMIT, P, P), INVALID_ARGS);
    let whole = ok!(env.vmar_info(vmar)).len;
    refused!(env.allocate(vmar, ALL | SPECIFIC, whole, P), INVALID_ARGS);
    refused!(env.allocate(vmar, ALL | SPECIFIC, !(P - 1), P), INVALID_ARGS);
    refused!(env.allocate(vmar, ALL | OFFSET_IS_UPPER_LIMIT, whole + P, P), INVALID_ARGS);
    refused!(env.allocate(vmar, ALL | OFFSET_IS_UPPER_LIMIT, P, 2 * P), INVALID_ARGS);
    Ok(())
}

fn region_info(env: &mut Env<'_>) -> Outcome {
    let (region, base) = ok!(env.region(7));
    let info = ok!(env.vmar_info(region));
    same!((info.base, info.len), (base, 7 * P));
    Ok(())
}

fn unmap_region(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    let (region, base) = ok!(env.region(8));
    let (child, at) = ok!(env.allocate(region, ALL | SPECIFIC, 2 * P, 2 * P));
    let (grandchild, _) = ok!(env.allocate(child, ALL | SPECIFIC, 0, 2 * P));
    ok!(env.vmar_map(region, RW | SPECIFIC, 0, vmo, 0, P));
    ok!(env.vmar_map(grandchild, RW | SPECIFIC, P, vmo, 0, P));
    ok!(env.vmar_map(region, RW | SPECIFIC, 4 * P, vmo, 0, P));
    ok!(env.unmap_in(region, base + P, 4 * P));
    same!(ok!(env.vmo_info(vmo)).num_mappings, 1);
    refused!(env.vmar_map(child, PERM_READ, 0, vmo, 0, P), BAD_STATE);
    refused!(env.vmar_map(grandchild, PERM_READ, 0, vmo, 0, P), BAD_STATE);
    let at = ok!(env.vmar_map(region, RW | SPECIFIC, at - base, vmo, 0, P));
    env.system.store32(at, 2);
    same!(env.system.load32(VirtAddr(base)), 2);
    Ok(())
}

fn unmap_part_of_region(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    let (region, base) = ok!(env.region(8));
    let (child, at) = ok!(env.allocate(region, ALL | SPECIFIC, 2 * P, 4 * P));
    ok!(env.vmar_map(region, RW | SPECIFIC, 0, vmo, 0, P));
    ok!(env.vmar_map(child, RW | SPECIFIC, 0, vmo, 0, P));
    for (from, pages) in [(0, 3), (2, 3), (3, 1), (3, 5), (3, 3), (0, 5)] {
        refused!(env.unmap_in(region, base + from * P, pages * P), INVALID_ARGS);
    }
    same!(ok!(env.vmo_info(vmo)).num_mappings, 2);
    // The region itself unmaps what it likes.
    ok!(env.unmap_in(child, at, P));
    same!(ok!(env.vmo_info(vmo)).num_mappings, 1);
    ok!(env.vmar_info(child));
    Ok(())
}

fn unmap_needs_op_children(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    let (region, base) = ok!(env.region(8));
    ok!(env.allocate(region, ALL | SPECIFIC, 4 * P, P));
    ok!(env.vmar_map(region, RW | SPECIFIC, 0, vmo, 0, P));
    let poor = ok!(env.duplicate(region, Rights::IO));
    refused!(env.unmap_in(poor, base, 8 * P), INVALID_ARGS);
    same!(ok!(env.vmo_info(vmo)).num_mappings, 1);
    ok!(env.unmap_in(poor, base, 4 * P));
    same!(ok!(env.vmo_info(vmo)).num_mappings, 0);
    ok!(env.unmap_in(region, base, 8 * P));
    Ok(())
}

fn destroy_rights(env: &mut Env<'_>) -> Outcome {
    let (region, _) = ok!(env.region(2));
    let poor = ok!(env.duplicate(region, Rights::IO));
    refused!(env.destroy(poor), ACCESS_DENIED);
    refused!(env.destroy(0), BAD_HANDLE);
    refused!(env.destroy(env.world.job), WRONG_TYPE);
    refused!(env.destroy(env.world.vmar), NOT_SUPPORTED);
    ok!(env.destroy(region));
    Ok(())
}

fn region_keeps(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    let (region, _) = ok!(env.region(2));
    let at = ok!(env.vmar_map(region, RW, 0, vmo, 0, P));
    ok!(env.close(region));
    env.system.store32(at, 6);
    same!(ok!(env.vmo_read(vmo, 0, 1)), [6]);
    Ok(())
}

fn region_frees_room(env: &mut Env<'_>) -> Outcome {
    let (region, _) = ok!(env.region(4));
    for _ in 0..20 {
        let (whole, _) = ok!(env.allocate(region, ALL, 0, 4 * P));
        refused!(env.allocate(region, ALL, 0, P), NO_RESOURCES);
        ok!(env.destroy(whole));
        ok!(env.close(whole));
    }
    Ok(())
}

fn deep_regions(env: &mut Env<'_>) -> Outcome {
    const DEPTH: usize = 200;
    let vmo = ok!(env.vmo_create(P, 0));
    let (top, base) = ok!(env.region(2));
    let mut vmar = top;
    for _ in 0..DEPTH {
        let (inner, at) = ok!(env.allocate(vmar, ALL, 0, 2 * P));
        same!(at, base);
        if vmar != top {
            ok!(env.close(vmar));
        }
        vmar = inner;
    }
    ok!(env.vmar_map(vmar, RW | SPECIFIC, 0, vmo, 0, P));
    env.system.store32(VirtAddr(base), 7);
    same!(ok!(env.vmo_read(vmo, 0, 1)), [7]);
    ok!(env.protect_in(top, PERM_READ, base, P));
    refused!(env.protect_in(top, PERM_READ, base, 2 * P), NOT_FOUND);
    ok!(env.destroy(top));
    refused!(env.vmar_map(vmar, PERM_READ, 0, vmo, 0, P), BAD_STATE);
    same!(ok!(env.vmo_info(vmo)).num_mappings, 0);
    Ok(())
}

fn many_mappings(env: &mut Env<'_>) -> Outcome {
    const COUNT: u64 = 300;
    let vmo = ok!(env.vmo_create(P, 0));
    let (region, base) = ok!(env.region(2 * COUNT));
    for page in 0..COUNT {
        ok!(env.vmar_map(region, RW | SPECIFIC, 2 * page * P, vmo, 0, P));
    }
    env.system.store32(VirtAddr(base), 1);
    ok!(env.destroy(region));
    same!(ok!(env.vmo_info(vmo)).num_mappings, 0);
    refused!(env.destroy(region), BAD_STATE);
    refused!(env.readable(base), INVALID_ARGS);
    Ok(())
}

fn dies_with_regions(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    let task = ok!(env.new_process(b"regions"));
    let mut vmar = task.vmar;
    for pages in [64, 32, 16, 8] {
        let (inner, _) = ok!(env.allocate(vmar, ALL, 0, pages * P));
        // After the region: where these lie is the kernel's choice, and might leave no gap for it.
        for _ in 0..3 {
            ok!(env.vmar_map(vmar, RW, 0, vmo, 0, P));
        }
        vmar = inner;
    }
    let at = ok!(env.vmar_map(vmar, RW, 0, vmo, 0, P));
    let store = Step::new(Do::Store, &[Arg::Is(at.0), Arg::Is(0x51)]);
    same!(ok!(env.run_prepared(&task, &[store, Step::exit(5)])), 5);
    same!(ok!(env.vmo_read(vmo, 0, 1)), [0x51]);
    same!(ok!(env.vmo_info(vmo)).num_mappings, 0);
    ok!(env.valid(vmar));
    refused!(env.vmar_map(vmar, PERM_READ, 0, vmo, 0, P), BAD_STATE);
    refused!(env.destroy(vmar), BAD_STATE);
    Ok(())
}

fn destroyed_is_unmapped(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    let task = ok!(env.new_process(b"destroyed"));
    let (region, _) = ok!(env.allocate(task.vmar, ALL, 0, 8 * P));
    let (child, _) = ok!(env.allocate(region, ALL, 0, 2 * P));
    let at = ok!(env.vmar_map(child, RW, 0, vmo, 0, P));
    // The process has its own region destroyed between the two.
    let own = ok!(env.duplicate(region, Rights::SAME_RIGHTS));
    let load = Step::new(Do::Load, &[Arg::Is(at.0)]);
    ok!(env.destroy(region));
    ok!(env.close(own));
    same!(ok!(env.run_prepared(&task, &[load, Step::exit(0)])), EXCEPTION_KILL);
    Ok(())
}

fn vdso_in_region(env: &mut Env<'_>) -> Outcome {
    let (offset, size) = env.world.vdso_code;
    let (_, vmar) = ok!(env.process_create(b"vdso"));
    let (outer, base) = ok!(env.allocate(vmar, ALL, 0, 2 * size));
    let (region, _) = ok!(env.allocate(outer, ALL | SPECIFIC, size, size));
    let vdso = env.world.vdso;
    ok!(env.vmar_map(region, PERM_READ | PERM_EXECUTE, 0, vdso, offset, size));
    refused!(env.destroy(region), ACCESS_DENIED);
    refused!(env.destroy(outer), ACCESS_DENIED);
    refused!(env.unmap_in(vmar, base, 2 * size), ACCESS_DENIED);
    refused!(env.unmap_in(outer, base + size, size), ACCESS_DENIED);
    refused!(env.protect_in(outer, PERM_READ, base + size, size), ACCESS_DENIED);
    ok!(env.unmap_in(outer, base, size));
    ok!(env.vmar_info(region));
    Ok(())
}

fn limit_in_region(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    let (region, base) = ok!(env.region(16));
    for _ in 0..4 {
        let at = ok!(env.vmar_map(region, PERM_READ | OFFSET_IS_UPPER_LIMIT, 8 * P, vmo, 0, P));
        truth!(at.0 + P <= base + 8 * P);
        let (_, at) = ok!(env.allocate(region, ALL | OFFSET_IS_UPPER_LIMIT, 8 * P, P));
        truth!(at + P <= base + 8 * P);
    }
    refused!(env.vmar_map(region, PERM_READ | OFFSET_IS_UPPER_LIMIT, 8 * P, vmo, 0, P), NO_RESOURCES);
    refused!(env.vmar_map(region, PERM_READ | OFFSET_IS_UPPER_LIMIT, 17 * P, vmo, 0, P), INVALID_ARGS);
    ok!(env.vmar_map(region, PERM_READ, 0, vmo, 0, P));
    Ok(())
}

fn protect_needs_op_children(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    let (region, base) = ok!(env.region(2));
    let (child, _) = ok!(env.allocate(region, ALL, 0, 2 * P));
    ok!(env.vmar_map(child, RW | SPECIFIC, 0, vmo, 0, P));
    let poor = ok!(env.duplicate(region, Rights::IO));
    refused!(env.protect_in(poor, PERM_READ, base, P), INVALID_ARGS);
    ok!(env.protect_in(region, PERM_READ, base, P));
    Ok(())
}

fn allocate_handles(env: &mut Env<'_>) -> Outcome {
    refused!(env.allocate(0, ALL, 0, P), BAD_HANDLE);
    refused!(env.allocate(env.world.job, ALL, 0, P), WRONG_TYPE);
    let reader = ok!(env.duplicate(env.world.vmar, Rights::READ));
    refused!(env.allocate(reader, CAN_MAP_READ | CAN_MAP_WRITE, 0, P), ACCESS_DENIED);
    refused!(env.allocate(reader, CAN_MAP_EXECUTE, 0, P), ACCESS_DENIED);
    let (_, at) = ok!(env.allocate(reader, CAN_MAP_READ, 0, P));
    env.adopt_mapping(at, P);
    Ok(())
}

fn parents_go_around(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    let (region, base) = ok!(env.region(9));
    let mut taken = [false; 9];
    for page in [1, 4, 7] {
        ok!(env.allocate(region, ALL | SPECIFIC, page * P, P));
    }
    for _ in 0..6 {
        let at = ok!(env.vmar_map(region, RW, 0, vmo, 0, P));
        let page = (at.0 - base) / P;
        truth!(![1, 4, 7].contains(&page));
        let place = taken.get_mut(page as usize);
        truth!(place.is_some_and(|taken| !core::mem::replace(taken, true)));
    }
    refused!(env.vmar_map(region, RW, 0, vmo, 0, P), NO_RESOURCES);
    Ok(())
}
