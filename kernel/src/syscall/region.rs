//! `zx_vmar_allocate` and `zx_vmar_destroy`, and where things go in a region.
use abi::vmar::{
    ALIGN_SHIFT, CAN_MAP_SPECIFIC, COMPACT, OFFSET_IS_UPPER_LIMIT, SPECIFIC, SPECIFIC_OVERWRITE,
};
use abi::{PAGE_SIZE, PhysAddr, Rights, Status, status::Result};

use super::{Args, Arguments, Caller, Exit};
use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::memory::mapping::STEPS_AN_ENTRY;
use crate::memory::room::Room;
use crate::object::vmar::{CAN_MAP_ALL, default_rights, rights_of};
use crate::object::{Entry, ObjectRef, Vmar};
use crate::ports::Machine;

/// Every option of `zx_vmar_allocate`, the alignment's byte aside.
const ALLOCATE_OPTIONS: u32 = COMPACT | SPECIFIC | OFFSET_IS_UPPER_LIMIT | CAN_MAP_ALL;

/// Something that looks for its place in a region.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placement {
    /// The call's options.
    pub options: u32,
    /// What the address must be a multiple of.
    pub align: u64,
    /// The call's offset.
    pub offset: u64,
    /// Bytes, a multiple of the page size and not 0.
    pub length: u64,
    /// Where the physical bytes lie that are to be shown there, if it is that.
    pub physical: Option<PhysAddr>,
}

/// The alignment that options ask for.
///
/// # Errors
/// `INVALID_ARGS` for one that does not exist, and for options beyond those `known`.
pub(super) fn alignment(options: u32, known: u32) -> Result<u64> {
    let log2 = options >> ALIGN_SHIFT;
    if options & !known & ((1 << ALIGN_SHIFT) - 1) != 0 || !matches!(log2, 0 | 10..=32) {
        return Err(Status::INVALID_ARGS);
    }
    Ok((1_u64 << log2).max(PAGE_SIZE))
}

impl<M: Machine> Kernel<M> {
    /// `zx_vmar_allocate(parent, options, offset, size, child, child_addr)`.
    pub(super) fn sys_vmar_allocate(&mut self, caller: Caller, args: &Args) -> Result {
        let (options, offset, length) = (args.half(1), args.word(2), args.word(3));
        let (out, out_address) = (args.word(4), args.word(5));
        let parent = self.object::<Vmar>(caller, args.half(0), rights_of(options))?;
        let align = alignment(options, ALLOCATE_OPTIONS)?;
        if !length.is_multiple_of(PAGE_SIZE) {
            return Err(Status::INVALID_ARGS);
        }
        let region = self.objects.get(parent)?;
        if region.is_over() {
            return Err(Status::BAD_STATE);
        }
        if length == 0 {
            return Err(Status::INVALID_ARGS);
        }
        if options & CAN_MAP_ALL & !CAN_MAP_SPECIFIC & !region.flags != 0 {
            return Err(Status::ACCESS_DENIED);
        }
        let base = self.place_in(parent, &Placement { options, align, offset, length, physical: None })?;
        let vmar = self.make_region(parent, base, length, options)?;
        let reported = self
            .copy_out(caller.process, out_address, &base.to_le_bytes())
            .and_then(|()| self.give(caller, ObjectRef::Vmar(vmar), default_rights(options), out));
        if let Err(status) = reported {
            // It is empty, so that one step ends it.
            self.tear_down(vmar, &mut 1);
            return Err(status);
        }
        Ok(())
    }

    /// `zx_vmar_destroy(handle)`. It goes on as long as the region remembers that this thread makes it.
    pub(super) fn sys_vmar_destroy(&mut self, caller: Caller, args: &Args) -> Result<Exit> {
        let vmar = self.object::<Vmar>(caller, args.half(0), Rights::OP_CHILDREN)?;
        let region = self.objects.get(vmar)?;
        if !region.is_over() {
            if region.parent.is_none() {
                return Err(Status::NOT_SUPPORTED);
            }
            let process = self.objects.get(self.owner(vmar)?)?;
            self.vdso.check_stays(process, region.base, region.base + region.size)?;
        } else if region.end.caller != Some(caller.thread) {
            return Err(Status::BAD_STATE);
        }
        let mut budget = STEPS_AN_ENTRY;
        let finished = self.tear_down(vmar, &mut budget);
        // Without handles a region is gone when it is finished; this one has the caller's.
        self.objects.get_mut(vmar)?.end.caller = if finished { None } else { Some(caller.thread) };
        Ok(if finished { Exit::Done } else { Exit::Again })
    }

    /// The place for something new in a live region: the one asked for, or one that is free.
    ///
    /// # Errors
    /// In Zircon's order: `INVALID_ARGS` for a place that makes no sense, `ACCESS_DENIED` where places may
    /// not be chosen, `INVALID_ARGS` outside the region and for a place to overwrite that a region is in,
    /// `ALREADY_EXISTS` for a place that is taken, `NO_RESOURCES` if there is no room.
    pub(super) fn place_in(&mut self, vmar: Id<Vmar>, wanted: &Placement) -> Result<u64> {
        let Placement { options, align, offset, length, physical } = *wanted;
        let region = self.objects.get_mut(vmar)?;
        let specific = options & (SPECIFIC | SPECIFIC_OVERWRITE) != 0;
        let upper_limit = options & OFFSET_IS_UPPER_LIMIT != 0;
        if specific && upper_limit
            || offset != 0 && !specific && !upper_limit
            || !offset.is_multiple_of(PAGE_SIZE)
        {
            return Err(Status::INVALID_ARGS);
        }
        if (specific || upper_limit) && region.flags & CAN_MAP_SPECIFIC == 0 {
            return Err(Status::ACCESS_DENIED);
        }
        if !specific {
            let room = if upper_limit { offset } else { region.size };
            if room > region.size || length > room {
                return Err(Status::INVALID_ARGS);
            }
            let end = region.base + room;
            return region.pick_address(end, Room { length, align, physical });
        }
        let base = region.base.checked_add(offset).ok_or(Status::INVALID_ARGS)?;
        if !region.holds(base, length) || !base.is_multiple_of(align) {
            return Err(Status::INVALID_ARGS);
        }
        if options & SPECIFIC_OVERWRITE == 0 {
            let taken = region.entries.first_overlap(base, base + length).is_some();
            return if taken { Err(Status::ALREADY_EXISTS) } else { Ok(base) };
        }
        let process = self.objects.get(self.owner(vmar)?)?;
        if process.regions.is_all(vmar, base, base + length) { Ok(base) } else { Err(Status::INVALID_ARGS) }
    }

    /// What is unmapped must hold each region in it whole, and may destroy it.
    ///
    /// # Errors
    /// `INVALID_ARGS`.
    #[cold]
    pub(super) fn check_whole_regions(
        &self,
        vmar: Id<Vmar>,
        from: u64,
        to: u64,
        op_children: bool,
    ) -> Result {
        let region = self.objects.get(vmar)?;
        let is_whole = |edge| match region.entries.containing(edge) {
            Some((base, Entry::Region { size, .. })) => from <= base && base + size <= to,
            _ => true,
        };
        if op_children && is_whole(from) && is_whole(to - 1) { Ok(()) } else { Err(Status::INVALID_ARGS) }
    }
}
