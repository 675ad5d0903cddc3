//! Sizes of VMOs, and `zx_vmo_op_range`.
use abi::layout::AbiStruct;
use abi::vmo::{CachePolicy, LockState, RangeOp};
use abi::{PAGE_SIZE, Rights, Status, status::Result};

use super::vmo::round_up;
use super::{Args, Arguments, Caller, Exit};
use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::object::vmo::Locks;
use crate::object::{Content, Vmo};
use crate::ports::{Machine, Maintenance};

impl<M: Machine> Kernel<M> {
    /// `zx_vmo_set_size(handle, size)`: grows at once, and shrinks from the end on, as far as each piece comes.
    pub(super) fn sys_vmo_set_size(&mut self, caller: Caller, args: &Args) -> Result<Exit> {
        let wanted = args.word(1);
        let (id, rights) = self.object_and_rights::<Vmo>(caller, args.half(0), Rights::WRITE)?;
        let vmo = self.objects.get(id)?;
        if !vmo.resizable {
            return Err(Status::UNAVAILABLE);
        }
        if !rights.contains(Rights::RESIZE) {
            return Err(Status::ACCESS_DENIED);
        }
        let size = round_up(wanted)?;
        let id = self.sized(id)?;
        let vmo = self.objects.get(id)?;
        if size < vmo.size {
            // The page that is cut becomes the VMO's own while all is there: later there might be no memory for that.
            if wanted < size && self.own_piece(id, wanted, size)? < size {
                return Ok(Exit::Again);
            }
            if self.shrink_piece(Some(caller.thread), id, size)? > size {
                return Ok(Exit::Again);
            }
        }
        // What of the last page lies beyond reads as zero when it comes back.
        if self.zero_piece(id, wanted, size)? < size {
            return Ok(Exit::Again);
        }
        let vmo = self.objects.get_mut(id)?;
        (vmo.size, vmo.content_size) = (size, wanted);
        Ok(Exit::Done)
    }

    /// `zx_vmo_get_stream_size(handle, size)`: no right is needed. VMOs that are no streams have none.
    pub(super) fn sys_vmo_get_stream_size(&mut self, caller: Caller, args: &Args) -> Result {
        let id = self.object::<Vmo>(caller, args.half(0), Rights::NONE)?;
        let size = if self.is_stream(id)? { self.objects.get(self.sized(id)?)?.content_size } else { 0 };
        self.copy_out(caller.process, args.word(1), &size.to_le_bytes())
    }

    /// `zx_vmo_set_stream_size(handle, size)`.
    pub(super) fn sys_vmo_set_stream_size(&mut self, caller: Caller, args: &Args) -> Result<Exit> {
        let id = self.object::<Vmo>(caller, args.half(0), Rights::WRITE)?;
        if !self.is_stream(id)? {
            return Err(Status::NOT_SUPPORTED);
        }
        self.set_content_size(caller, id, args.word(1))
    }

    /// Whether a VMO has pages of its own, or is a part of one that has.
    fn has_pages(&self, id: Id<Vmo>) -> Result<bool> {
        let (root, _) = self.resolve(id, 0)?;
        Ok(matches!(self.objects.get(root)?.content, Content::Paged(_)))
    }

    /// Whether a VMO's bytes may be read and written as a stream: those of contiguous memory may not.
    pub(super) fn is_stream(&self, id: Id<Vmo>) -> Result<bool> {
        let (root, _) = self.resolve(id, 0)?;
        let root = self.objects.get(root)?;
        Ok(matches!(root.content, Content::Paged(_)) && root.row.is_none())
    }

    /// The content size of a VMO: 0 for contiguous memory, which has none.
    ///
    /// # Errors
    /// `INTERNAL` for a stale id.
    pub(super) fn content_size(&self, id: Id<Vmo>) -> Result<u64> {
        let has_one = self.is_stream(id)? || !self.has_pages(id)?;
        if has_one { Ok(self.objects.get(self.sized(id)?)?.content_size) } else { Ok(0) }
    }

    /// Sets the content size of a VMO. In VMOs that have bytes of their own all from the smaller size on reads as
    /// zero: a piece at a time, and the size follows at the end. Mappings that end with the content show nothing beyond it
    /// from then on.
    ///
    /// # Errors
    /// `OUT_OF_RANGE` beyond the VMO, `NOT_SUPPORTED` for contiguous memory.
    pub(super) fn set_content_size(&mut self, caller: Caller, id: Id<Vmo>, size: u64) -> Result<Exit> {
        let zeroed = core::mem::take(&mut self.objects.get_mut(caller.thread)?.copied);
        let (root, start) = self.resolve(id, 0)?;
        let has_pages = self.has_pages(id)?;
        if has_pages && !self.is_stream(id)? {
            return Err(Status::NOT_SUPPORTED);
        }
        let id = self.sized(id)?;
        let vmo = self.objects.get(id)?;
        if size > vmo.size {
            return Err(Status::OUT_OF_RANGE);
        }
        if has_pages {
            let (kept, end) = (vmo.content_size.min(size), vmo.size);
            let mut at = kept.saturating_add(zeroed).min(end);
            let whole = kept.next_multiple_of(PAGE_SIZE).min(end);
            if at < whole {
                at = self.zero_piece(root, start + at, start + whole)? - start;
            }
            if at >= whole {
                at = self.empty_piece(caller.thread, root, start + at, start + end)? - start;
            }
            if at < end {
                self.objects.get_mut(caller.thread)?.copied = at.saturating_sub(kept);
                return Ok(Exit::Again);
            }
        }
        let vmo = self.objects.get(id)?;
        let (end, shown) = (size.next_multiple_of(PAGE_SIZE), vmo.content_size.next_multiple_of(PAGE_SIZE));
        let hides = vmo.has_ends && end < shown;
        if hides && !self.withdraw(Some(caller.thread), root, start + end, start + shown)? {
            // All is zeroed already.
            self.objects.get_mut(caller.thread)?.copied = u64::MAX;
            return Ok(Exit::Again);
        }
        self.objects.get_mut(id)?.content_size = size;
        Ok(Exit::Done)
    }

    /// `zx_vmo_op_range(handle, op, offset, size, buffer, buffer_size)`: a piece at a time; the registers hold
    /// what remains.
    pub(super) fn sys_vmo_op_range(&mut self, caller: Caller, args: &mut Args) -> Result<Exit> {
        let (offset, size) = (args.word(2), args.word(3));
        let (id, rights) = self.object_and_rights::<Vmo>(caller, args.half(0), Rights::NONE)?;
        let op = RangeOp::from_raw(args.half(1)).ok_or(Status::INVALID_ARGS)?;
        if !may(op, rights) {
            return Err(Status::ACCESS_DENIED);
        }
        let (root, start) = self.resolve(id, 0)?;
        let in_range = offset.checked_add(size).is_some_and(|end| self.ends_within(id, end));
        match op {
            RangeOp::Lock | RangeOp::TryLock | RangeOp::Unlock => {
                return self.lock_vmo(caller, args, id, op).map(|()| Exit::Done);
            }
            // A hint about what needs none is heard and forgotten.
            RangeOp::DontNeed | RangeOp::AlwaysNeed if !self.has_pages(id)? => return Ok(Exit::Done),
            RangeOp::DontNeed | RangeOp::AlwaysNeed | RangeOp::Prefetch => {
                return if in_range { Ok(Exit::Done) } else { Err(Status::OUT_OF_RANGE) };
            }
            _ if !self.has_pages(id)? => return Err(Status::NOT_SUPPORTED),
            RangeOp::CacheInvalidate if !self.options.test => return Err(Status::NOT_SUPPORTED),
            _ => {}
        }
        if size == 0 && maintenance(op).is_some() {
            return Err(Status::INVALID_ARGS);
        }
        if !in_range {
            return Err(Status::OUT_OF_RANGE);
        }
        if op == RangeOp::Decommit && !(offset | size).is_multiple_of(PAGE_SIZE) {
            return Err(Status::INVALID_ARGS);
        }
        let policy = self.objects.get(id)?.policy;
        let (from, to) = (start + offset, start + offset + size);
        let reached = self.do_in_range(caller, op, (root, policy), from, to)?;
        args.set(2, reached - start);
        args.set(3, to - reached);
        Ok(if reached < to { Exit::Again } else { Exit::Done })
    }

    /// A piece of an operation on a range of a VMO that has pages; up to where it came.
    pub(super) fn do_in_range(
        &mut self,
        caller: Caller,
        op: RangeOp,
        (root, policy): (Id<Vmo>, CachePolicy),
        from: u64,
        to: u64,
    ) -> Result<u64> {
        match op {
            RangeOp::Commit => self.commit_piece(root, from, to),
            // A row has its frames as long as the VMO lives.
            RangeOp::Decommit if self.objects.get(root)?.row.is_some() => Err(Status::NOT_SUPPORTED),
            RangeOp::Decommit => self.decommit_piece(Some(caller.thread), root, from, to),
            // Like a write, which the kernel does through its own cached view of RAM.
            RangeOp::Zero if policy != CachePolicy::Cached => Err(Status::BAD_STATE),
            RangeOp::Zero => self.clear_piece(caller.thread, root, from, to),
            op => match maintenance(op) {
                Some(how) if policy == CachePolicy::Cached => self.maintain_piece(root, from, to, how),
                // No cache holds any of it.
                _ => Ok(to),
            },
        }
    }

    fn ends_within(&self, id: Id<Vmo>, end: u64) -> bool {
        self.vmo_size(id).is_ok_and(|size| end <= size)
    }

    /// LOCK, TRY_LOCK and UNLOCK of a discardable VMO.
    fn lock_vmo(&mut self, caller: Caller, args: &Args, id: Id<Vmo>, op: RangeOp) -> Result {
        let (offset, size, buffer, buffer_size) = (args.word(2), args.word(3), args.word(4), args.word(5));
        let vmo = self.objects.get(id)?;
        let mut locks = vmo.locks.ok_or(Status::NOT_SUPPORTED)?;
        if (offset, size) != (0, vmo.size) {
            return Err(Status::OUT_OF_RANGE);
        }
        // The caller's buffer may need a frame, which must not be one of these.
        let mut is_unlocked = self.objects.leave_unlocked(id);
        let changed = self.change_locks(caller, &mut locks, op, (offset, size, buffer, buffer_size));
        if changed.is_ok() {
            is_unlocked = locks.count == 0;
            self.objects.get_mut(id)?.locks = Some(locks);
        }
        if is_unlocked {
            self.objects.unlocked.push(&mut self.objects.vmos, id);
        }
        changed
    }

    fn change_locks(
        &mut self,
        caller: Caller,
        locks: &mut Locks,
        op: RangeOp,
        (offset, size, buffer, buffer_size): (u64, u64, u64, u64),
    ) -> Result {
        match op {
            RangeOp::Unlock => locks.count = locks.count.checked_sub(1).ok_or(Status::BAD_STATE)?,
            RangeOp::TryLock if locks.discarded => return Err(Status::UNAVAILABLE),
            RangeOp::TryLock => locks.count = locks.count.saturating_add(1),
            _ => {
                if buffer_size < LockState::SIZE as u64 {
                    return Err(Status::INVALID_ARGS);
                }
                let discarded_size = if locks.discarded { size } else { 0 };
                let state = LockState { offset, size, discarded_offset: 0, discarded_size };
                let mut bytes = [0; LockState::SIZE];
                state.put(&mut bytes);
                self.copy_out(caller.process, buffer, &bytes)?;
                (locks.count, locks.discarded) = (locks.count.saturating_add(1), false);
            }
        }
        Ok(())
    }
}

/// Whether a handle with these rights may do this to a range of its VMO.
fn may(op: RangeOp, rights: Rights) -> bool {
    match op {
        RangeOp::Commit | RangeOp::Decommit | RangeOp::Zero | RangeOp::CacheInvalidate => {
            rights.contains(Rights::WRITE)
        }
        RangeOp::Lock | RangeOp::TryLock | RangeOp::Unlock => {
            rights.contains(Rights::READ) || rights.contains(Rights::WRITE)
        }
        RangeOp::DontNeed => true,
        RangeOp::CacheSync
        | RangeOp::CacheClean
        | RangeOp::CacheCleanInvalidate
        | RangeOp::AlwaysNeed
        | RangeOp::Prefetch => rights.contains(Rights::READ),
    }
}

/// What a cache operation does to lines; `Some(None)` for what is done for instructions.
const fn maintenance(op: RangeOp) -> Option<Option<Maintenance>> {
    match op {
        RangeOp::CacheSync => Some(None),
        RangeOp::CacheInvalidate => Some(Some(Maintenance::Invalidate)),
        RangeOp::CacheClean => Some(Some(Maintenance::Clean)),
        RangeOp::CacheCleanInvalidate => Some(Some(Maintenance::CleanInvalidate)),
        _ => None,
    }
}
