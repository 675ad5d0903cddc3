//! `zx_vmar_*`.
use abi::policy::Condition;
use abi::vmar::{
    ALLOW_FAULTS, CAN_MAP_EXECUTE, CAN_MAP_READ, CAN_MAP_SPECIFIC, CAN_MAP_WRITE, COMPACT,
    FAULT_BEYOND_STREAM_SIZE, MAP_RANGE, OFFSET_IS_UPPER_LIMIT, PERM_EXECUTE, PERM_MASK, PERM_READ,
    PERM_READ_IF_XOM_UNSUPPORTED, PERM_WRITE, REQUIRE_NON_RESIZABLE, SPECIFIC, SPECIFIC_OVERWRITE,
};
use abi::vmo::CachePolicy;
use abi::{PAGE_SIZE, PhysRange, Rights, Status, status::Result};

use super::region::{Placement, alignment};
use super::{Args, Arguments, Caller, Exit};
use crate::collections::arena::Id;
use crate::collections::list::Links;
use crate::kernel::{Kernel, Vdso};
use crate::memory::entering::{Entered, Entering, Leaving, Spot};
use crate::memory::mapping::Work;
use crate::object::thread::Populating;
use crate::object::vmar::permissions_of;
use crate::object::{Mapping, ObjectRef, Objects, Process, Vmar, Vmo};
use crate::ports::{Access, Machine};

/// Memory that is writable and executable at once: a policy may forbid it.
const WRITE_EXECUTE: u32 = PERM_WRITE | PERM_EXECUTE;
/// Options that say something about the place, or where the mapping ends.
const CAREFUL: u32 = SPECIFIC | SPECIFIC_OVERWRITE | OFFSET_IS_UPPER_LIMIT | FAULT_BEYOND_STREAM_SIZE;
/// Every option of `zx_vmar_map`, the alignment's byte aside.
const MAP_OPTIONS: u32 = PERM_MASK
    | COMPACT
    | SPECIFIC
    | SPECIFIC_OVERWRITE
    | MAP_RANGE
    | REQUIRE_NON_RESIZABLE
    | ALLOW_FAULTS
    | OFFSET_IS_UPPER_LIMIT
    | PERM_READ_IF_XOM_UNSUPPORTED
    | FAULT_BEYOND_STREAM_SIZE;

/// What a call of `zx_vmar_map` may do, as far as its handles and options say.
struct Allowed {
    vmar: Id<Vmar>,
    vmo: Id<Vmo>,
    /// The most that the mapping's permissions may become.
    permissions: u32,
    align: u64,
    /// Bytes, a multiple of the page size.
    length: u64,
}

impl<M: Machine> Kernel<M> {
    /// `zx_vmar_map(handle, options, vmar_offset, vmo, vmo_offset, len, mapped_addr)`.
    #[inline(never)]
    pub(super) fn sys_vmar_map(&mut self, caller: Caller, args: &Args) -> Result<Exit> {
        let (options, offset) = (readable(args.half(1)), args.word(2));
        let (vmo_offset, len, out) = (args.word(4), args.word(5), args.word(6));
        if options & MAP_RANGE != 0 && self.populating > 0 && self.is_populating(caller) {
            return self.populate_further(caller, out);
        }
        let mut own = self.objects.processes.get_mut(caller.process).ok_or(Status::INTERNAL)?;
        let (vmar, vmar_rights) = own.handles.object_and_rights::<Vmar>(args.half(0))?;
        let (vmo, vmo_rights) = own.handles.object_and_rights::<Vmo>(args.half(3))?;
        if options & FAULT_BEYOND_STREAM_SIZE != 0 {
            if !self.is_stream(vmo)? {
                return Err(Status::NOT_SUPPORTED);
            }
            own = self.objects.processes.get_mut(caller.process).ok_or(Status::INTERNAL)?;
        }
        if !vmo_rights.contains(Rights::MAP) {
            return Err(Status::ACCESS_DENIED);
        }
        let allowed = permissions_of(vmo_rights) & permissions_of(vmar_rights);
        let permissions = options & PERM_MASK;
        let mut region = self.objects.vmars.get_mut(vmar).ok_or(Status::INTERNAL)?;
        let mut mapped = self.objects.vmos.get_mut(vmo).ok_or(Status::INTERNAL)?;
        let align = check_map_options(options, allowed, mapped)?;
        if permissions & !region.permissions() != 0 {
            return Err(Status::ACCESS_DENIED);
        }
        if permissions & WRITE_EXECUTE == WRITE_EXECUTE {
            self.enforce(caller, Condition::VmarWx)?;
            own = self.objects.processes.get_mut(caller.process).ok_or(Status::INTERNAL)?;
            region = self.objects.vmars.get_mut(vmar).ok_or(Status::INTERNAL)?;
            mapped = self.objects.vmos.get_mut(vmo).ok_or(Status::INTERNAL)?;
        }
        if !vmo_offset.is_multiple_of(PAGE_SIZE) {
            return Err(Status::INVALID_ARGS);
        }
        let length = len.checked_next_multiple_of(PAGE_SIZE).ok_or(Status::OUT_OF_RANGE)?;
        vmo_offset.checked_add(length).ok_or(Status::OUT_OF_RANGE)?;
        if region.is_over() {
            return Err(Status::BAD_STATE);
        }
        if length == 0 {
            return Err(Status::INVALID_ARGS);
        }
        let policy = mapped.policy;
        if permissions & PERM_EXECUTE != 0 && policy.is_device() {
            return Err(Status::ACCESS_DENIED);
        }
        let is_elsewhere = region.process != Some(caller.process);
        if options & CAREFUL != 0 || offset != 0 || is_elsewhere || mapped.is_vdso || !mapped.has_own_bytes()
        {
            let allowed = Allowed { vmar, vmo, permissions: allowed, align, length };
            return self.map_with_care(caller, args, allowed);
        }
        // Somewhere in the caller's own space, and of a VMO that has its bytes itself: nearly always.
        if length > region.size {
            return Err(Status::INVALID_ARGS);
        }
        let physical = mapped.physical_bytes(vmo_offset, length);
        let entering = Entering {
            machine: &mut self.machine,
            generation: self.asids.generation(),
            types: &mut self.types,
            mappings: &mut self.objects.mappings,
            process: own,
            region,
            shown: &mut mapped.shown,
        };
        let allowed = Allowed { vmar, vmo, permissions: allowed, align, length };
        let entered = enter_anywhere(entering, allowed, permissions, vmo_offset, physical, policy);
        let Entered { id, base, shown } = match entered {
            Ok(entered) => entered,
            Err(refusal) => return self.clean_or(refusal, physical, policy),
        };
        mapped.count_mapping();
        self.report_mapping(caller, id, base, options & MAP_RANGE == 0 || shown >= length, out)
    }

    /// The rest of [`Kernel::sys_vmar_map`] where a place was asked for, for slices, for the vDSO, and if the mapping
    /// ends with the content.
    #[inline(never)]
    fn map_with_care(&mut self, caller: Caller, args: &Args, allowed: Allowed) -> Result<Exit> {
        let options = readable(args.half(1));
        let permissions = options & PERM_MASK;
        let Allowed { vmar, vmo, permissions: max_permissions, align, length } = allowed;
        let (root, start) = self.resolve(vmo, 0)?;
        let mapped = self.objects.get(vmo)?;
        let mut mapping = Mapping {
            vmar,
            base: 0,
            length,
            vmo,
            offset: args.word(4),
            root,
            start,
            permissions,
            max_permissions,
            policy: mapped.policy,
            ends_with_content: options & FAULT_BEYOND_STREAM_SIZE != 0,
            is_vdso_code: mapped.is_vdso && permissions & PERM_EXECUTE != 0,
            links: Links::default(),
        };
        let range = self.physical_part(&mapping);
        let physical = range.map(PhysRange::base);
        mapping.base =
            self.place_in(vmar, &Placement { options, align, offset: args.word(2), length, physical })?;
        self.check_vdso(&mapping)?;
        let process = self.owner(vmar)?;
        let overwrites = options & SPECIFIC_OVERWRITE != 0;
        if overwrites {
            self.vdso.check_stays(self.objects.get(process)?, mapping.base, mapping.end())?;
            self.check_out(caller, args.word(6), &mapping, process)?;
        }
        if mapping.ends_with_content {
            let sized = self.sized(vmo)?;
            self.objects.get_mut(sized)?.has_ends = true;
        }
        let entered = if overwrites {
            self.enter_over(&mapping, range)
        } else {
            self.enter_mapping(&mapping, range).map(Some)
        };
        let Entered { id, base, shown } = match entered {
            Ok(Some(entered)) => entered,
            Ok(None) => return Ok(Exit::Again),
            Err(refusal) => return self.clean_or(refusal, range, mapping.policy),
        };
        let is_shown = options & MAP_RANGE == 0 || shown >= length;
        let exit = self.report_mapping(caller, id, base, is_shown, args.word(6))?;
        if mapping.is_vdso_code {
            self.objects.get_mut(process)?.vdso_code = Some(base);
        }
        Ok(exit)
    }

    /// Whether the address of a mapping can be written to where the caller wants it, before anything is replaced: through the
    /// new mapping, if that will be there.
    ///
    /// # Errors
    /// `INVALID_ARGS`, and `NO_MEMORY` if there is no frame for it.
    fn check_out(&mut self, caller: Caller, out: u64, mapping: &Mapping, process: Id<Process>) -> Result {
        for at in [out, out.wrapping_add(7)] {
            let is_replaced = process == caller.process && mapping.base <= at && at < mapping.end();
            if !is_replaced {
                self.user_page(caller.process, at, Access::Write)?;
            } else if mapping.permissions & PERM_WRITE == 0 {
                return Err(Status::INVALID_ARGS);
            } else {
                self.unshown(at, mapping, Access::Write)?;
            }
        }
        Ok(())
    }

    /// Says where a new mapping is, after more of it is shown if it is not as it `is_shown`.
    #[inline(always)]
    fn report_mapping(
        &mut self,
        caller: Caller,
        id: Id<Mapping>,
        base: u64,
        is_shown: bool,
        out: u64,
    ) -> Result<Exit> {
        if !is_shown {
            return self.populate(caller, Populating { mapping: id, base, at: base, undo: None }, out);
        }
        if let Err(status) = self.put_word(caller.process, out, base.to_le_bytes()) {
            self.retract_mapping(id)?;
            return Err(status);
        }
        Ok(Exit::Done)
    }

    /// Whether the caller's thread is made to go on with a call that shows much at once.
    #[cold]
    fn is_populating(&self, caller: Caller) -> bool {
        self.objects.threads.get(caller.thread).is_some_and(|thread| thread.populating.is_some())
    }

    /// Goes on with what a call shows at once that was not done in one piece.
    #[cold]
    fn populate_further(&mut self, caller: Caller, out: u64) -> Result<Exit> {
        let state = self.objects.get_mut(caller.thread)?.populating.take().ok_or(Status::INTERNAL)?;
        self.populating = self.populating.saturating_sub(1);
        self.populate(caller, state, out)
    }

    /// The vDSO's rule: its code is mapped whole, once in a process, and never writable.
    fn check_vdso(&self, mapping: &Mapping) -> Result {
        if !mapping.is_vdso_code {
            return Ok(());
        }
        let process = self.objects.get(self.owner(mapping.vmar)?)?;
        let exact = mapping.offset == self.vdso.code_offset && mapping.length == self.vdso.code_size;
        if !exact || process.vdso_code.is_some() || mapping.permissions & PERM_WRITE != 0 {
            return Err(Status::ACCESS_DENIED);
        }
        Ok(())
    }

    /// `zx_vmar_unmap(handle, addr, len)`.
    #[inline(never)]
    pub(super) fn sys_vmar_unmap(&mut self, caller: Caller, args: &mut Args) -> Result<Exit> {
        let Objects { processes, vmars, vmos, mappings, .. } = &mut self.objects;
        let own = processes.get_mut(caller.process).ok_or(Status::INTERNAL)?;
        let (vmar, rights) = own.handles.object_and_rights::<Vmar>(args.half(0))?;
        let region = vmars.get_mut(vmar).ok_or(Status::INTERNAL)?;
        let (from, to) = check_range(region, args.word(1), args.word(2))?;
        let process = if region.process == Some(caller.process) {
            own
        } else {
            region.process.and_then(|process| processes.get_mut(process)).ok_or(Status::BAD_STATE)?
        };
        if process.is_over() {
            return Err(Status::BAD_STATE);
        }
        self.vdso.check_stays(process, from, to)?;
        if !process.regions.is_all(vmar, from, to) {
            self.check_whole_regions(vmar, from, to, rights.contains(Rights::OP_CHILDREN))?;
        } else {
            let leaving = Leaving {
                machine: &mut self.machine,
                generation: self.asids.generation(),
                types: &mut self.types,
                vmos,
                mappings,
                process,
                region,
            };
            let (is_done, unneeded) = leaving.unmap(from, to)?;
            if let Some(vmo) = unneeded {
                self.collect(ObjectRef::Vmo(vmo));
            }
            if is_done {
                return Ok(Exit::Done);
            }
        }
        let work = self.unmap_piece(vmar, from, to)?;
        Ok(continue_from(args, 1, to, work))
    }

    /// `zx_vmar_protect(handle, options, addr, len)`.
    pub(super) fn sys_vmar_protect(&mut self, caller: Caller, args: &mut Args) -> Result<Exit> {
        let (options, address, len) = (readable(args.half(1)), args.word(2), args.word(3));
        let (vmar, rights) = self.object_and_rights::<Vmar>(caller, args.half(0), Rights::NONE)?;
        let permissions = options & PERM_MASK;
        if permissions & !permissions_of(rights) != 0 {
            return Err(Status::ACCESS_DENIED);
        }
        if permissions & (PERM_WRITE | PERM_EXECUTE) != 0 && permissions & PERM_READ == 0 {
            return Err(Status::INVALID_ARGS);
        }
        if options & !(PERM_MASK | PERM_READ_IF_XOM_UNSUPPORTED) != 0 {
            return Err(Status::INVALID_ARGS);
        }
        if permissions & WRITE_EXECUTE == WRITE_EXECUTE {
            self.enforce(caller, Condition::VmarWx)?;
        }
        let (from, to) = check_range(self.objects.get(vmar)?, address, len)?;
        self.vdso.check_stays(self.objects.get(self.owner(vmar)?)?, from, to)?;
        let op_children = rights.contains(Rights::OP_CHILDREN);
        let work = self.protect_piece(vmar, (from, to), permissions, op_children)?;
        Ok(continue_from(args, 2, to, work))
    }
}

impl Vdso {
    /// The vDSO's rule, for what may come over it: nothing.
    #[inline(always)]
    pub(super) fn check_stays(&self, process: &Process, from: u64, to: u64) -> Result {
        match process.vdso_code {
            Some(code) if code < to && from < code + self.code_size => Err(Status::ACCESS_DENIED),
            _ => Ok(()),
        }
    }
}

/// The whole pages of a range inside a region.
#[inline(always)]
fn check_range(region: &Vmar, address: u64, len: u64) -> Result<(u64, u64)> {
    if !address.is_multiple_of(PAGE_SIZE) {
        return Err(Status::INVALID_ARGS);
    }
    let length =
        len.checked_next_multiple_of(PAGE_SIZE).filter(|&len| len > 0).ok_or(Status::INVALID_ARGS)?;
    if region.is_over() {
        return Err(Status::BAD_STATE);
    }
    if region.holds(address, length) { Ok((address, address + length)) } else { Err(Status::INVALID_ARGS) }
}

/// What options of `zx_vmar_map` are refused whatever they come with, and those that say more than a permission to
/// read: with none of either, and the permissions allowed, there is nothing to check.
const SPECIAL: u32 = !(PERM_MASK | SPECIFIC | SPECIFIC_OVERWRITE | MAP_RANGE);

/// Enters a mapping somewhere, of a VMO that has its bytes itself.
///
/// # Errors
/// As for [`Entering::enter`]. Nothing changed.
#[inline(always)]
fn enter_anywhere<M: Machine>(
    entering: Entering<'_, M>,
    allowed: Allowed,
    permissions: u32,
    offset: u64,
    physical: Option<PhysRange>,
    policy: CachePolicy,
) -> Result<Entered> {
    let Allowed { vmar, vmo, permissions: max_permissions, align, length } = allowed;
    let mapping = Mapping {
        vmar,
        base: 0,
        length,
        vmo,
        offset,
        root: vmo,
        start: 0,
        permissions,
        max_permissions,
        policy,
        ends_with_content: false,
        is_vdso_code: false,
        links: Links::default(),
    };
    entering.enter(mapping, Spot::Anywhere { align }, physical)
}

/// The checks on options alone, in Zircon's order; gives the alignment that they ask for.
#[inline]
fn check_map_options(options: u32, allowed: u32, vmo: &Vmo) -> Result<u64> {
    let permissions = options & PERM_MASK;
    if permissions & (PERM_WRITE | PERM_EXECUTE) != 0 && permissions & PERM_READ == 0 {
        return Err(Status::INVALID_ARGS);
    }
    if options & MAP_RANGE != 0 && options & SPECIFIC_OVERWRITE != 0 {
        return Err(Status::INVALID_ARGS);
    }
    if options & SPECIAL == 0 && permissions & !allowed == 0 && vmo.locks.is_none() {
        return Ok(PAGE_SIZE);
    }
    check_special_options(options, allowed, vmo)
}

/// The rest of [`check_map_options`].
#[inline(never)]
fn check_special_options(options: u32, allowed: u32, vmo: &Vmo) -> Result<u64> {
    if options & (CAN_MAP_READ | CAN_MAP_WRITE | CAN_MAP_EXECUTE | CAN_MAP_SPECIFIC) != 0 {
        return Err(Status::INVALID_ARGS);
    }
    if options & PERM_MASK & !allowed != 0 {
        return Err(Status::ACCESS_DENIED);
    }
    if options & FAULT_BEYOND_STREAM_SIZE != 0 && options & ALLOW_FAULTS == 0 {
        return Err(Status::INVALID_ARGS);
    }
    let align = alignment(options, MAP_OPTIONS)?;
    let unexpected = vmo.locks.is_some() && options & ALLOW_FAULTS == 0;
    if unexpected || options & REQUIRE_NON_RESIZABLE != 0 && vmo.resizable {
        return Err(Status::NOT_SUPPORTED);
    }
    Ok(align)
}

/// Options with what `PERM_READ_IF_XOM_UNSUPPORTED` asks for: no memory is execute-only here.
const fn readable(options: u32) -> u32 {
    if options & PERM_READ_IF_XOM_UNSUPPORTED != 0 { options | PERM_READ } else { options }
}

/// Leaves the registers so that the call goes on where this piece ended. `n` is the address's argument.
fn continue_from(args: &mut Args, n: usize, to: u64, work: Work) -> Exit {
    match work {
        Work::Done => Exit::Done,
        Work::UpTo(at) => {
            args.set(n, at);
            args.set(n + 1, to - at);
            Exit::Again
        }
    }
}
