//! `zx_iommu_create`, `zx_bti_*` and `zx_pmt_unpin`.
use abi::dma::{iommu, pin};
use abi::resource::system;
use abi::{PAGE_SHIFT, PAGE_SIZE, Rights, Status, status::Result};

use super::{Args, Arguments, Caller, Exit};
use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::object::{Bti, Content, Iommu, Object, ObjectRef, Pmt, PmtState, Vmo};
use crate::ports::Machine;

/// Pages that one entry of `zx_bti_pin` pins before it starts over.
const PAGES_AN_ENTRY: usize = 16;
/// Pins that one entry of `zx_bti_release_quarantine` lets go of.
const PINS_AN_ENTRY: u32 = 8;
const ADDRESS_SIZE: usize = size_of::<u64>();

/// What `zx_bti_pin` is to do, once it is known to make sense.
struct Wanted {
    bti: Id<Bti>,
    vmo: Id<Vmo>,
    offset: u64,
    size: u64,
    /// Addresses that it gives.
    addresses: u64,
}

impl<M: Machine> Kernel<M> {
    /// `zx_iommu_create(resource, type, desc, desc_size, out)`.
    pub(super) fn sys_iommu_create(&mut self, caller: Caller, args: &Args) -> Result {
        let (resource, kind, desc, desc_size, out) =
            (args.half(0), args.half(1), args.word(2), args.word(3), args.word(4));
        self.validate_service(caller, resource, system::IOMMU)?;
        if desc_size > iommu::MAX_DESC_LEN {
            return Err(Status::INVALID_ARGS);
        }
        let mut bytes = [0; 256];
        for at in (0..desc_size).step_by(bytes.len()) {
            let length = bytes.len().min((desc_size - at) as usize);
            self.copy_in(caller.process, desc.wrapping_add(at), bytes.get_mut(..length).unwrap_or(&mut []))?;
        }
        if kind != iommu::STUB {
            return Err(Status::NOT_SUPPORTED);
        }
        let koid = self.objects.allocate_koid();
        let id = self.objects.iommus.insert(Iommu::new(koid))?;
        self.give(caller, ObjectRef::Iommu(id), Iommu::DEFAULT_RIGHTS, out).map(|_| ())
    }

    /// `zx_bti_create(iommu, options, bti_id, out)`: the id is the node's index in the device table, whose bus decides
    /// what the device reaches.
    pub(super) fn sys_bti_create(&mut self, caller: Caller, args: &Args) -> Result {
        let (handle, options, bti_id, out) = (args.half(0), args.half(1), args.word(2), args.word(3));
        if options != 0 {
            return Err(Status::INVALID_ARGS);
        }
        let iommu = self.object::<Iommu>(caller, handle, Rights::NONE)?;
        let koid = self.objects.allocate_koid();
        let id = self.objects.btis.insert(Bti::new(koid, iommu, self.windows.reach(bti_id)))?;
        self.hold(ObjectRef::Iommu(iommu));
        self.give(caller, ObjectRef::Bti(id), Bti::DEFAULT_RIGHTS, out).map(|_| ())
    }

    /// `zx_bti_pin(handle, options, vmo, offset, size, addrs, num_addrs, pmt)`: a piece at a time. What it has come to
    /// is the pin itself, which the thread keeps meanwhile.
    pub(super) fn sys_bti_pin(&mut self, caller: Caller, args: &Args) -> Result<Exit> {
        let pmt = match self.objects.get(caller.thread)?.making {
            Some(ObjectRef::Pmt(pmt)) => pmt,
            _ => {
                let wanted = self.check_pin(caller, args)?;
                if self.clean_for_pin(&wanted)? {
                    return Ok(Exit::Again);
                }
                let pmt = self.begin_pin(wanted.bti, wanted.vmo, wanted.offset, wanted.size)?;
                self.keep_making(caller.thread, ObjectRef::Pmt(pmt))?;
                let (root, from, to) = self.objects.get(pmt).map(|pmt| (pmt.root, pmt.from, pmt.to))?;
                let reach = self.objects.get(wanted.bti)?.reach;
                if wanted.addresses == 1
                    && !self.reaches_in_a_row(root, from, to, reach)
                    && wanted.size > PAGE_SIZE
                {
                    self.stop_making(caller.thread);
                    return Err(Status::ADDRESS_UNREACHABLE);
                }
                pmt
            }
        };
        let outcome = self.pin_piece(caller, pmt, args);
        if outcome != Ok(Exit::Again) {
            self.stop_making(caller.thread);
        }
        outcome
    }

    /// The checks of `zx_bti_pin`, in Zircon's order.
    fn check_pin(&self, caller: Caller, args: &Args) -> Result<Wanted> {
        let (options, vmo, offset, size) = (args.half(1), args.half(2), args.word(3), args.word(4));
        let addresses = args.word(6);
        let bti = self.object::<Bti>(caller, args.half(0), Rights::MAP)?;
        if !offset.is_multiple_of(PAGE_SIZE) || !size.is_multiple_of(PAGE_SIZE) || addresses > pin::MAX_ADDRS
        {
            return Err(Status::INVALID_ARGS);
        }
        let (vmo, rights) = self.object_and_rights::<Vmo>(caller, vmo, Rights::MAP)?;
        let reads = options & (pin::PERM_READ | pin::PERM_EXECUTE) != 0;
        let writes = options & pin::PERM_WRITE != 0;
        if reads && !rights.contains(Rights::READ) || writes && !rights.contains(Rights::WRITE) {
            return Err(Status::ACCESS_DENIED);
        }
        let shapes = pin::COMPRESS | pin::CONTIGUOUS;
        let is_one = options & pin::CONTIGUOUS != 0;
        if options & shapes == shapes
            || options & !(pin::PERM_MASK | shapes) != 0
            || options & pin::PERM_MASK == 0
            || is_one && !self.is_contiguous(vmo)?
            || size == 0
        {
            return Err(Status::INVALID_ARGS);
        }
        let vmo_size = self.vmo_size(vmo)?;
        if offset.checked_add(size).is_none_or(|end| end > vmo_size) {
            return Err(Status::OUT_OF_RANGE);
        }
        // The stub promises no more than a page in a row, so that COMPRESS saves nothing.
        if addresses != if is_one { 1 } else { size >> PAGE_SHIFT } {
            return Err(Status::INVALID_ARGS);
        }
        Ok(Wanted { bti, vmo, offset, size, addresses })
    }

    /// Cleans a piece of what the caches hold of memory that a device is to reach past them; whether there was one. Of a
    /// cached VMO that is the driver's affair.
    fn clean_for_pin(&mut self, wanted: &Wanted) -> Result<bool> {
        let policy = self.objects.get(wanted.vmo)?.policy;
        let (root, from) = self.resolve(wanted.vmo, wanted.offset)?;
        match self.objects.get(root)?.physical_bytes(from, wanted.size) {
            Some(range) => self.clean_piece(range, policy),
            None => Ok(false),
        }
    }

    /// Whether the bytes of a VMO lie in a row in physical memory.
    pub(super) fn is_contiguous(&self, vmo: Id<Vmo>) -> Result<bool> {
        let root = self.objects.get(self.resolve(vmo, 0)?.0)?;
        Ok(root.row.is_some() || matches!(root.content, Content::Physical(_)))
    }

    /// Pins a piece; after the last one the caller gets the handle.
    fn pin_piece(&mut self, caller: Caller, id: Id<Pmt>, args: &Args) -> Result<Exit> {
        let (addrs, count, out) = (args.word(5), args.word(6), args.word(7));
        let pmt = self.objects.get(id)?;
        let (root, bti, from, first) = (pmt.root, pmt.bti, pmt.from, pmt.done);
        let pages = (pmt.to - pmt.from) >> PAGE_SHIFT;
        let reach = self.objects.get(bti)?.reach;
        let mut bytes = [[0; ADDRESS_SIZE]; PAGES_AN_ENTRY];
        let mut left = (pages - first).min(PAGES_AN_ENTRY as u64);
        let mut page = first;
        while left > 0
            && let Some(place) = bytes.get_mut((page - first) as usize)
        {
            let pinned = self.pin_page(root, from + (page << PAGE_SHIFT), reach, &mut left)?;
            let Some(address) = pinned else { break };
            *place = address.to_le_bytes();
            (page, left) = (page + 1, left.saturating_sub(1));
        }
        // With one address for all, the others are looked at and not told.
        let told = page.min(count).saturating_sub(first) as usize;
        let told = bytes.as_flattened().get(..told * ADDRESS_SIZE).ok_or(Status::INTERNAL)?;
        self.copy_out(caller.process, addrs.wrapping_add(first * ADDRESS_SIZE as u64), told)?;
        self.objects.get_mut(id)?.done = page;
        if page < pages {
            return Ok(Exit::Again);
        }
        self.give(caller, ObjectRef::Pmt(id), Pmt::DEFAULT_RIGHTS, out)?;
        self.objects.get_mut(id)?.state = PmtState::Pinned;
        Ok(Exit::Done)
    }

    /// `zx_pmt_unpin(handle)`: the handle is gone whatever the outcome.
    pub(super) fn sys_pmt_unpin(&mut self, caller: Caller, args: &Args) -> Result {
        let entry = self.take(caller, args.half(0))?;
        let pmt = Pmt::id(entry.object).ok_or(Status::WRONG_TYPE);
        if let Ok(pmt) = pmt {
            self.objects.get_mut(pmt)?.state = PmtState::Loose;
        }
        self.drop_handle(entry);
        pmt.map(|_| ())
    }

    /// `zx_bti_release_quarantine(handle)`: a piece at a time.
    pub(super) fn sys_bti_release_quarantine(&mut self, caller: Caller, args: &Args) -> Result<Exit> {
        let bti = self.object::<Bti>(caller, args.half(0), Rights::WRITE)?;
        Ok(if self.release_quarantine(bti, PINS_AN_ENTRY) { Exit::Done } else { Exit::Again })
    }
}
