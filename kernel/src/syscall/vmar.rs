//! `zx_vmar_*`.
use abi::policy::Condition;
use abi::vmar::{
    ALLOW_FAULTS, CAN_MAP_EXECUTE, CAN_MAP_READ, CAN_MAP_SPECIFIC, CAN_MAP_WRITE, COMPACT,
    FAULT_BEYOND_STREAM_SIZE, MAP_RANGE, OFFSET_IS_UPPER_LIMIT, PERM_EXECUTE, PERM_MASK, PERM_READ,
    PERM_READ_IF_XOM_UNSUPPORTED, PERM_WRITE, REQUIRE_NON_RESIZABLE, SPECIFIC, SPECIFIC_OVERWRITE,
};
use abi::{PAGE_SIZE, Rights, Status, status::Result};

use super::region::{Placement, alignment};
use super::{Args, Arguments, Caller, Exit};
use crate::collections::arena::Id;
use crate::collections::list::Links;
use crate::kernel::Kernel;
use crate::memory::mapping::{Work, shown_at_once};
use crate::object::thread::Populating;
use crate::object::vmar::permissions_of;
use crate::object::{Mapping, Vmar, Vmo};
use crate::ports::Machine;

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

impl<M: Machine> Kernel<M> {
    /// `zx_vmar_map(handle, options, vmar_offset, vmo, vmo_offset, len, mapped_addr)`.
    pub(super) fn sys_vmar_map(&mut self, caller: Caller, args: &Args) -> Result<Exit> {
        let (vmar_handle, options, offset) = (args.half(0), args.half(1), args.word(2));
        let (vmo_handle, vmo_offset, len, out) = (args.half(3), args.word(4), args.word(5), args.word(6));
        if options & MAP_RANGE != 0
            && let Some(state) = self.objects.get_mut(caller.thread)?.populating.take()
        {
            return self.populate(caller, state, out);
        }
        let (vmar, vmar_rights) = self.object_and_rights::<Vmar>(caller, vmar_handle, Rights::NONE)?;
        let (vmo, vmo_rights) = self.object_and_rights::<Vmo>(caller, vmo_handle, Rights::NONE)?;
        if options & FAULT_BEYOND_STREAM_SIZE != 0 && !self.is_stream(vmo)? {
            return Err(Status::NOT_SUPPORTED);
        }
        if !vmo_rights.contains(Rights::MAP) {
            return Err(Status::ACCESS_DENIED);
        }
        let allowed = permissions_of(vmo_rights) & permissions_of(vmar_rights);
        let align = self.check_map_options(options, allowed, vmo)?;
        let permissions = options & PERM_MASK;
        if permissions & !self.objects.get(vmar)?.permissions() != 0 {
            return Err(Status::ACCESS_DENIED);
        }
        self.enforce_write_or_execute(caller, permissions)?;
        if !vmo_offset.is_multiple_of(PAGE_SIZE) {
            return Err(Status::INVALID_ARGS);
        }
        let length = len.checked_next_multiple_of(PAGE_SIZE).ok_or(Status::OUT_OF_RANGE)?;
        vmo_offset.checked_add(length).ok_or(Status::OUT_OF_RANGE)?;
        if self.objects.get(vmar)?.is_over() {
            return Err(Status::BAD_STATE);
        }
        if length == 0 {
            return Err(Status::INVALID_ARGS);
        }
        let (root, start) = self.resolve(vmo, 0)?;
        let mapped = self.objects.get(vmo)?;
        let mut mapping = Mapping {
            vmar,
            base: 0,
            length,
            vmo,
            offset: vmo_offset,
            root,
            start,
            permissions,
            max_permissions: allowed,
            policy: mapped.policy,
            ends_with_content: options & FAULT_BEYOND_STREAM_SIZE != 0,
            is_vdso_code: mapped.is_vdso && permissions & PERM_EXECUTE != 0,
            links: Links::default(),
        };
        if permissions & PERM_EXECUTE != 0 && mapping.policy.is_device() {
            return Err(Status::ACCESS_DENIED);
        }
        let physical = self.physical_part(&mapping).map(|range| range.base());
        let base = self.place_in(vmar, &Placement { options, align, offset, length, physical })?;
        mapping.base = base;
        self.check_vdso(&mapping)?;
        if options & SPECIFIC_OVERWRITE != 0 {
            self.check_vdso_stays(vmar, base, base + length)?;
            if self.unmap_piece(vmar, base, base + length)? != Work::Done {
                // What is gone is gone: the same call again goes on with the rest.
                return Ok(Exit::Again);
            }
        }
        self.enter_and_report(caller, mapping, options, out)
    }

    fn enter_and_report(&mut self, caller: Caller, mapping: Mapping, options: u32, out: u64) -> Result<Exit> {
        let process = self.owner(mapping.vmar)?;
        if mapping.ends_with_content {
            let sized = self.sized(mapping.vmo)?;
            self.objects.get_mut(sized)?.has_ends = true;
        }
        let physical = self.physical_part(&mapping);
        let (base, id) = (mapping.base, self.enter_mapping(mapping, physical)?);
        // What is physical is shown already, nearly always all of it.
        let is_shown = physical.is_some_and(|range| shown_at_once(base, range) >= mapping.length);
        let exit = if options & MAP_RANGE != 0 && !is_shown {
            self.populate(caller, Populating { mapping: id, base, at: base, undo: None }, out)?
        } else if let Err(status) = self.put_word(caller.process, out, base.to_le_bytes()) {
            self.retract_mapping(id)?;
            return Err(status);
        } else {
            Exit::Done
        };
        if mapping.is_vdso_code
            && let Some(process) = self.objects.processes.get_mut(process)
        {
            process.vdso_code = Some(base);
        }
        Ok(exit)
    }

    /// The checks on options alone, in Zircon's order; gives the alignment that they ask for.
    fn check_map_options(&self, options: u32, allowed: u32, vmo: Id<Vmo>) -> Result<u64> {
        let permissions = options & PERM_MASK;
        if permissions & (PERM_WRITE | PERM_EXECUTE) != 0 && permissions & PERM_READ == 0 {
            return Err(Status::INVALID_ARGS);
        }
        if options & MAP_RANGE != 0 && options & SPECIFIC_OVERWRITE != 0 {
            return Err(Status::INVALID_ARGS);
        }
        if options & (CAN_MAP_READ | CAN_MAP_WRITE | CAN_MAP_EXECUTE | CAN_MAP_SPECIFIC) != 0 {
            return Err(Status::INVALID_ARGS);
        }
        if permissions & !allowed != 0 {
            return Err(Status::ACCESS_DENIED);
        }
        if options & FAULT_BEYOND_STREAM_SIZE != 0 && options & ALLOW_FAULTS == 0 {
            return Err(Status::INVALID_ARGS);
        }
        let align = alignment(options, MAP_OPTIONS)?;
        let vmo = self.objects.get(vmo)?;
        let unexpected = vmo.locks.is_some() && options & ALLOW_FAULTS == 0;
        if unexpected || options & REQUIRE_NON_RESIZABLE != 0 && vmo.resizable {
            return Err(Status::NOT_SUPPORTED);
        }
        Ok(align)
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

    /// The vDSO's rule, for what may come over it: nothing.
    pub(super) fn check_vdso_stays(&self, vmar: Id<Vmar>, from: u64, to: u64) -> Result {
        let code = self.objects.get(self.owner(vmar)?)?.vdso_code;
        match code {
            Some(code) if code < to && from < code + self.vdso.code_size => Err(Status::ACCESS_DENIED),
            _ => Ok(()),
        }
    }

    /// `zx_vmar_unmap(handle, addr, len)`.
    pub(super) fn sys_vmar_unmap(&mut self, caller: Caller, args: &mut Args) -> Result<Exit> {
        let (vmar, rights) = self.object_and_rights::<Vmar>(caller, args.half(0), Rights::NONE)?;
        let (from, to) = self.check_range(vmar, args.word(1), args.word(2))?;
        self.check_vdso_stays(vmar, from, to)?;
        self.check_whole_regions(vmar, from, to, rights.contains(Rights::OP_CHILDREN))?;
        let work = self.unmap_piece(vmar, from, to)?;
        Ok(continue_from(args, 1, to, work))
    }

    /// `zx_vmar_protect(handle, options, addr, len)`.
    pub(super) fn sys_vmar_protect(&mut self, caller: Caller, args: &mut Args) -> Result<Exit> {
        let (options, address, len) = (args.half(1), args.word(2), args.word(3));
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
        self.enforce_write_or_execute(caller, permissions)?;
        let (from, to) = self.check_range(vmar, address, len)?;
        self.check_vdso_stays(vmar, from, to)?;
        let op_children = rights.contains(Rights::OP_CHILDREN);
        let work = self.protect_piece(vmar, (from, to), permissions, op_children)?;
        Ok(continue_from(args, 2, to, work))
    }

    /// Asks the policy about memory that is writable and executable at once.
    fn enforce_write_or_execute(&mut self, caller: Caller, permissions: u32) -> Result {
        const BOTH: u32 = PERM_WRITE | PERM_EXECUTE;
        if permissions & BOTH == BOTH { self.enforce(caller, Condition::VmarWx) } else { Ok(()) }
    }

    /// The whole pages of a range inside a region.
    fn check_range(&self, vmar: Id<Vmar>, address: u64, len: u64) -> Result<(u64, u64)> {
        if !address.is_multiple_of(PAGE_SIZE) {
            return Err(Status::INVALID_ARGS);
        }
        let length =
            len.checked_next_multiple_of(PAGE_SIZE).filter(|&len| len > 0).ok_or(Status::INVALID_ARGS)?;
        let region = self.objects.get(vmar)?;
        if region.is_over() {
            return Err(Status::BAD_STATE);
        }
        if region.holds(address, length) {
            Ok((address, address + length))
        } else {
            Err(Status::INVALID_ARGS)
        }
    }
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
