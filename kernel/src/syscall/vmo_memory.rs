//! What memory a VMO has: its memory type, and frames in a row.
use abi::policy::Condition;
use abi::vmo::CachePolicy;
use abi::{PAGE_SHIFT, PAGE_SIZE, PhysRange, Rights, Status, status::Result};
use ledger::Class;

use super::{Args, Arguments, Caller, Exit};
use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::memory::dma::Reach;
use crate::memory::pages::Pages;
use crate::object::vmo::Row;
use crate::object::{Bti, Content, Object, ObjectRef, Vmo};
use crate::ports::{Machine, Run};

/// Pages that one entry zeroes or moves before it starts over.
const PAGES_AN_ENTRY: u64 = 8;

impl<M: Machine> Kernel<M> {
    /// `zx_vmo_create_contiguous(bti, size, alignment_log2, out)`: the frames are taken at once, and made ready a piece
    /// at a time.
    pub(super) fn sys_vmo_create_contiguous(&mut self, caller: Caller, args: &Args) -> Result<Exit> {
        let vmo = match self.objects.get(caller.thread)?.making {
            Some(ObjectRef::Vmo(vmo)) => vmo,
            _ => match self.begin_contiguous(caller, args) {
                Err(Status::NO_MEMORY) => return self.again_for_a_run(),
                begun => begun?,
            },
        };
        let outcome = match self.fill_row(vmo, PAGES_AN_ENTRY) {
            Ok(false) => return Ok(Exit::Again),
            Ok(true) => self.give(caller, ObjectRef::Vmo(vmo), Vmo::DEFAULT_RIGHTS, args.word(3)),
            Err(status) => Err(status),
        };
        self.stop_making(caller.thread);
        outcome.map(|_| Exit::Done)
    }

    fn begin_contiguous(&mut self, caller: Caller, args: &Args) -> Result<Id<Vmo>> {
        let (bti, size, align_log2) = (args.half(0), args.word(1), args.half(2));
        if size == 0 || !size.is_multiple_of(PAGE_SIZE) {
            return Err(Status::INVALID_ARGS);
        }
        let align = match align_log2 {
            0 => PAGE_SIZE,
            12..64 => 1 << align_log2,
            _ => return Err(Status::INVALID_ARGS),
        };
        self.enforce(caller, Condition::NewVmo)?;
        let bti = self.object::<Bti>(caller, bti, Rights::MAP)?;
        let reach = self.objects.get(bti)?.reach;
        self.objects.vmos.reserve()?;
        let row = self.take_row(size >> PAGE_SHIFT, align, reach)?;
        let koid = self.objects.allocate_koid();
        let mut vmo = Vmo::new(koid, size, Content::Paged(Pages::default()), CachePolicy::Cached);
        vmo.row = Some(row);
        let id = self.objects.vmos.insert(vmo)?;
        self.keep_making(caller.thread, ObjectRef::Vmo(id))?;
        Ok(id)
    }

    /// Frames in a row in a window that a device reaches.
    fn take_row(&mut self, pages: u64, align: u64, reach: Reach) -> Result<Row> {
        for nth in 0.. {
            let Some(within) = self.windows.memory(reach, nth) else { break };
            let run = Run { pages, align, within, policy: CachePolicy::Cached };
            if let Ok(first) = self.take_run(&run) {
                return Ok(Row { first, pages, waiting: pages, next: 0, align, within });
            }
        }
        Err(Status::NO_MEMORY)
    }

    /// `zx_vmo_set_cache_policy(handle, cache_policy)`. Frames of a contiguous VMO are moved to others in a row, a piece
    /// at a time.
    pub(super) fn sys_vmo_set_cache_policy(&mut self, caller: Caller, args: &Args) -> Result<Exit> {
        if let Some(ObjectRef::Vmo(id)) = self.objects.get(caller.thread)?.making {
            return self.go_on_moving(caller, id);
        }
        let policy = CachePolicy::from_raw(args.half(1)).ok_or(Status::INVALID_ARGS)?;
        let id = self.object::<Vmo>(caller, args.half(0), Rights::MAP)?;
        let (root, offset) = self.resolve(id, 0)?;
        let vmo = self.objects.get(id)?;
        let in_use = vmo.mappings > 0 || !vmo.children.is_empty() || vmo.parent.is_some();
        match &self.objects.get(root)?.content {
            Content::Physical(_) => {
                if vmo.policy == policy {
                    return Ok(Exit::Done);
                }
                if in_use {
                    return Err(Status::BAD_STATE);
                }
                let range = self.objects.get(root)?.physical_at(offset).ok_or(Status::INTERNAL)?;
                let range = PhysRange::new(range, vmo.size).map_err(|_| Status::INTERNAL)?;
                if !policy.is_device() && self.ledger.class_of(range) != Class::MemoryLike {
                    return Err(Status::ACCESS_DENIED);
                }
            }
            Content::Paged(pages) => {
                let has_pages = vmo.row.is_some() || !pages.is_empty();
                let moves = has_pages && vmo.policy != CachePolicy::Cached;
                if in_use || root != id || moves || !vmo.pins.is_empty() {
                    return Err(Status::BAD_STATE);
                }
                if let Some(row) = vmo.row.filter(|_| policy != CachePolicy::Cached) {
                    return self.begin_moving(caller, id, row, policy);
                }
            }
            Content::Slice { .. } | Content::Reference(_) => return Err(Status::INTERNAL),
        }
        self.objects.get_mut(id)?.policy = policy;
        Ok(Exit::Done)
    }

    /// Gives a contiguous VMO another memory type, and another row of frames that have it.
    fn begin_moving(&mut self, caller: Caller, id: Id<Vmo>, row: Row, policy: CachePolicy) -> Result<Exit> {
        let Row { pages, align, within, .. } = row;
        let Ok(first) = self.take_run(&Run { pages, align, within, policy }) else {
            return self.again_for_a_run();
        };
        let vmo = self.objects.get_mut(id)?;
        vmo.policy = policy;
        vmo.row = Some(Row { first, waiting: pages, next: 0, ..row });
        self.keep_making(caller.thread, ObjectRef::Vmo(id))?;
        self.go_on_moving(caller, id)
    }

    fn go_on_moving(&mut self, caller: Caller, id: Id<Vmo>) -> Result<Exit> {
        let filled = self.fill_row(id, PAGES_AN_ENTRY);
        if filled == Ok(false) {
            return Ok(Exit::Again);
        }
        self.stop_making(caller.thread);
        filled.map(|_| Exit::Done)
    }
}
