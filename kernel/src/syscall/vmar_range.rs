//! `zx_vmar_op_range`, and what `zx_vmar_map` shows at once.
use abi::vmar::{PERM_WRITE, RangeOp};
use abi::{PAGE_SIZE, Rights, Status, status::Result, vmo};

use super::{Args, Arguments, Caller, Exit};
use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::memory::mapping::{STEPS_AN_ENTRY, Work};
use crate::object::thread::Populating;
use crate::object::{Mapping, Vmar};
use crate::ports::Machine;

/// Bytes of short mappings that one entry works on before it starts over: as many as are zeroed in one piece of a long one.
const BYTES_AN_ENTRY: u64 = 16 * PAGE_SIZE;

impl<M: Machine> Kernel<M> {
    /// `zx_vmar_op_range(handle, op, addr, len, buffer, buffer_size)`: a piece at a time; the registers hold what
    /// remains.
    pub(super) fn sys_vmar_op_range(&mut self, caller: Caller, args: &mut Args) -> Result<Exit> {
        let (address, size) = (args.word(2), args.word(3));
        let (vmar, rights) = self.object_and_rights::<Vmar>(caller, args.half(0), Rights::NONE)?;
        let op = RangeOp::from_raw(args.half(1)).ok_or(Status::INVALID_ARGS)?;
        if (args.word(4), args.word(5)) != (0, 0) || !(address | size).is_multiple_of(PAGE_SIZE) || size == 0
        {
            return Err(Status::INVALID_ARGS);
        }
        let region = self.objects.get(vmar)?;
        if region.is_over() {
            return Err(Status::BAD_STATE);
        }
        if !region.holds(address, size) {
            return Err(Status::OUT_OF_RANGE);
        }
        let (mut at, to) = (address, address + size);
        for _ in 0..STEPS_AN_ENTRY {
            let (id, &mapping) = self.mapping_for(vmar, at, op, rights)?;
            let end = mapping.end().min(to);
            let reached = self.do_to_mapping(caller, op, (id, &mapping), at, end)?;
            at = reached;
            if reached < end || at == to || at - address >= BYTES_AN_ENTRY {
                break;
            }
        }
        args.set(2, at);
        args.set(3, to - at);
        Ok(if at < to { Exit::Again } else { Exit::Done })
    }

    /// The mapping at an address, if this may be done to it.
    fn mapping_for(
        &self,
        vmar: Id<Vmar>,
        at: u64,
        op: RangeOp,
        rights: Rights,
    ) -> Result<(Id<Mapping>, &Mapping)> {
        let entry = self.objects.get(vmar)?.entries.containing(at).ok_or(Status::BAD_STATE)?.1;
        let is_here_only = matches!(op, RangeOp::Commit | RangeOp::Decommit);
        if entry.mapping().is_none() && (is_here_only || !rights.contains(Rights::OP_CHILDREN)) {
            return Err(Status::INVALID_ARGS);
        }
        let (id, mapping) = self.mapping_within(vmar, at).ok_or(Status::BAD_STATE)?;
        let changes = matches!(op, RangeOp::Commit | RangeOp::Decommit | RangeOp::Zero);
        if mapping.is_vdso_code || changes && mapping.max_permissions & PERM_WRITE == 0 {
            return Err(Status::ACCESS_DENIED);
        }
        Ok((id, mapping))
    }

    /// A piece of an operation on `[at, end)` of a mapping; up to where it came.
    fn do_to_mapping(
        &mut self,
        caller: Caller,
        op: RangeOp,
        (id, mapping): (Id<Mapping>, &Mapping),
        at: u64,
        end: u64,
    ) -> Result<u64> {
        let range_op = match op {
            RangeOp::MapRange => return self.show_piece(mapping, at, end),
            RangeOp::Commit => vmo::RangeOp::Commit,
            RangeOp::Decommit => vmo::RangeOp::Decommit,
            RangeOp::Zero => vmo::RangeOp::Zero,
            RangeOp::DontNeed => vmo::RangeOp::DontNeed,
            RangeOp::AlwaysNeed => vmo::RangeOp::AlwaysNeed,
            RangeOp::Prefetch => vmo::RangeOp::Prefetch,
        };
        let is_hint = matches!(op, RangeOp::DontNeed | RangeOp::AlwaysNeed | RangeOp::Prefetch);
        let is_physical = self.physical_part(mapping).is_some();
        if is_physical && !is_hint {
            return Err(Status::NOT_SUPPORTED);
        }
        if self.vmo_size(mapping.vmo)? < mapping.offset_of(end) && (!is_physical || op == RangeOp::Prefetch) {
            return Err(Status::OUT_OF_RANGE);
        }
        if is_hint {
            return Ok(end);
        }
        // In the bytes of the VMO that has them: the range lies in the VMO, so that no sum wraps.
        let delta = (mapping.start + mapping.offset).wrapping_sub(mapping.base);
        let (from, to) = (at.wrapping_add(delta), end.wrapping_add(delta));
        let reached = self.do_in_range(caller, range_op, (mapping.root, mapping.policy), from, to)?;
        let reached = reached.wrapping_sub(delta);
        if op == RangeOp::Commit
            && let Some(&mapping) = self.objects.mappings.get(id)
        {
            // What cannot be shown now comes by a fault.
            let _shown = self.show_piece(&mapping, at, reached);
        }
        Ok(reached)
    }

    /// Goes on with what a call of `zx_vmar_map` shows at once, and says at its end where that is.
    pub(super) fn populate(&mut self, caller: Caller, mut state: Populating, out: u64) -> Result<Exit> {
        loop {
            let Some(&mapping) = self.objects.mappings.get(state.mapping) else {
                // Another thread has unmapped it already, or this one is done undoing it.
                return match state.undo {
                    Some(status) => Err(status),
                    None => {
                        self.copy_out(caller.process, out, &state.base.to_le_bytes()).map(|()| Exit::Done)
                    }
                };
            };
            let work = match state.undo {
                Some(_) => self.unmap_piece(mapping.vmar, mapping.base, mapping.end())?,
                None => match self.show_piece(&mapping, state.at.max(mapping.base), mapping.end()) {
                    Ok(at) if at < mapping.end() => Work::UpTo(at),
                    shown => {
                        let bytes = state.base.to_le_bytes();
                        match shown.and_then(|_| self.copy_out(caller.process, out, &bytes)) {
                            Ok(()) => return Ok(Exit::Done),
                            Err(status) => state.undo = Some(status),
                        }
                        Work::Done
                    }
                },
            };
            if let Work::UpTo(at) = work {
                state.at = at;
                self.objects.get_mut(caller.thread)?.populating = Some(state);
                self.populating += 1;
                return Ok(Exit::Again);
            }
        }
    }
}
