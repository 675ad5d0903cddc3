//! `zx_vmo_*`.
use abi::policy::Condition;
use abi::resource::{Kind, system};
use abi::vmo::{CachePolicy, create};
use abi::{Koid, PAGE_SIZE, PhysAddr, PhysRange, Rights, Status, status::Result};

use super::{Args, Arguments, Caller, Exit};
use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::memory::pages::{Page, Pages};
use crate::memory::user::write_shown;
use crate::object::{Content, HandleEntry, Locks, Object, ObjectRef, Objects, Resource, Vmo};
use crate::ports::{Access, Machine};

/// The largest VMO: 64 pages short of 2^64, so that sums with its size do not wrap.
pub(crate) const MAX_SIZE: u64 = u64::MAX - 64 * PAGE_SIZE + 1;
/// Bytes that one entry of `zx_vmo_read` or `zx_vmo_write` copies before it starts over.
const BYTES_AN_ENTRY: u64 = 16 * PAGE_SIZE;

/// Which way `zx_vmo_read` and `zx_vmo_write` copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// From the VMO.
    Read,
    /// Into the VMO.
    Write,
}

impl<M: Machine> Kernel<M> {
    /// `zx_vmo_create(size, options, out)`.
    pub(super) fn sys_vmo_create(&mut self, caller: Caller, args: &Args) -> Result {
        let (size, options, out) = (args.word(0), args.half(1), args.word(2));
        self.enforce(caller, Condition::NewVmo)?;
        if options & create::RESIZABLE != 0 && options & create::UNBOUNDED != 0 {
            return Err(Status::INVALID_ARGS);
        }
        if options & !(create::RESIZABLE | create::DISCARDABLE | create::UNBOUNDED) != 0 {
            return Err(Status::INVALID_ARGS);
        }
        let unbounded = options & create::UNBOUNDED != 0;
        let rounded = if unbounded { MAX_SIZE } else { round_up(size)? };
        let koid = self.objects.allocate_koid();
        let mut vmo = Vmo::new(koid, rounded, Content::Paged(Pages::default()), CachePolicy::Cached);
        vmo.content_size = size.min(rounded);
        vmo.resizable = options & create::RESIZABLE != 0;
        vmo.locks = (options & create::DISCARDABLE != 0).then(Locks::default);
        let rights = if vmo.resizable { Vmo::DEFAULT_RIGHTS | Rights::RESIZE } else { Vmo::DEFAULT_RIGHTS };
        let id = self.objects.vmos.insert(vmo)?;
        self.give(caller, ObjectRef::Vmo(id), rights, out).map(|_| ())
    }

    /// `zx_vmo_create_physical(resource, paddr, size, out)`: the order of checks is the contract's.
    pub(super) fn sys_vmo_create_physical(&mut self, caller: Caller, args: &Args) -> Result {
        let (resource, paddr, size, out) = (args.half(0), PhysAddr(args.word(1)), args.word(2), args.word(3));
        if size == 0 || !size.is_multiple_of(PAGE_SIZE) {
            return Err(Status::INVALID_ARGS);
        }
        let range = PhysRange::new(paddr, size).map_err(|_| Status::OUT_OF_RANGE)?;
        if !self.machine.has_address(range.last()) {
            return Err(Status::OUT_OF_RANGE);
        }
        self.enforce(caller, Condition::NewVmo)?;
        let Objects { processes, resources, vmos, koids, .. } = &mut self.objects;
        let process = processes.get_mut(caller.process).ok_or(Status::INTERNAL)?;
        let (resource, _) = process.handles.object_and_rights::<Resource>(resource)?;
        let resource = resources.get(resource).ok_or(Status::INTERNAL)?;
        if resource.kind != Kind::Mmio {
            return Err(Status::WRONG_TYPE);
        }
        // A concrete resource was cut from what is grantable byte for byte; its pages may still reach
        // into a neighbour that nobody may have. Unless it is known that they do not, the ledger is asked.
        let is_clear = resource.is_clear;
        if !resource.holds_pages(range)
            || !is_clear && self.ledger.touches_denied(range.expand_to_pages()).is_some()
        {
            return Err(Status::ACCESS_DENIED);
        }
        if !paddr.is_page_aligned() {
            return Err(Status::INVALID_ARGS);
        }
        let place = vmos.vacant()?;
        let object = ObjectRef::Vmo(place.id());
        let koid = koids.take();
        let rights = Rights::DEFAULT_VMO_PHYSICAL;
        match process.handles.vacant_at_hand() {
            Some(handle) if write_shown(&mut self.machine, out, handle.value().to_le_bytes()) => {
                handle.fill(HandleEntry { object, rights });
                place.fill(registers(koid, size, range));
            }
            _ => {
                place.fill(registers(koid, size, range));
                self.give_new(caller, object, rights, out)?;
            }
        }
        if !is_clear {
            self.claim_console(caller.process, range);
        }
        Ok(())
    }

    /// `zx_vmo_replace_as_executable(handle, vmex, out)`: `handle` is gone whatever the outcome. Without a
    /// resource the job's policy decides. That is asked first, and told only if there is a handle.
    pub(super) fn sys_vmo_replace_as_executable(&mut self, caller: Caller, args: &Args) -> Result {
        let (handle, vmex, out) = (args.half(0), args.half(1), args.word(2));
        let allowed = match vmex {
            abi::object::HANDLE_INVALID => self.enforce(caller, Condition::AmbientMarkVmoExec),
            vmex => self.validate_service(caller, vmex, system::VMEX),
        };
        let taken = self.take(caller, handle);
        // Asked here and not after the call: a handle to something else is no bad value, whatever the status says.
        for status in [allowed.err(), taken.err()] {
            if status == Some(Status::BAD_HANDLE) {
                let _either = self.enforce(caller, Condition::BadHandle);
            }
        }
        let entry = taken?;
        let is_vmo = if Vmo::id(entry.object).is_some() { Ok(()) } else { Err(Status::BAD_HANDLE) };
        let rights = entry.rights | Rights::EXECUTE;
        let given = is_vmo.and(allowed).and_then(|()| self.give(caller, entry.object, rights, out));
        self.drop_handle(entry);
        given.map(|_| ())
    }

    /// `zx_vmo_get_size(handle, size)`: no right is needed.
    pub(super) fn sys_vmo_get_size(&mut self, caller: Caller, args: &Args) -> Result {
        let vmo = self.object::<Vmo>(caller, args.half(0), Rights::NONE)?;
        let size = self.vmo_size(vmo)?;
        self.put_word(caller.process, args.word(1), size.to_le_bytes())
    }

    /// `zx_vmo_read` and `zx_vmo_write(handle, buffer, offset, buffer_size)`: a piece at a time; the
    /// registers hold what remains.
    pub(super) fn sys_vmo_transfer(
        &mut self,
        caller: Caller,
        args: &mut Args,
        direction: Direction,
    ) -> Result<Exit> {
        let (handle, buffer, offset, size) = (args.half(0), args.word(1), args.word(2), args.word(3));
        let right = if direction == Direction::Read { Rights::READ } else { Rights::WRITE };
        let id = self.object::<Vmo>(caller, handle, right)?;
        let vmo = self.objects.get(id)?;
        let (root, start, of_all) = match vmo.content {
            Content::Paged(_) => (id, 0, vmo.size),
            Content::Physical(_) => return Err(Status::NOT_SUPPORTED),
            Content::Slice { .. } | Content::Reference(_) => {
                let (root, start) = self.resolve(id, 0)?;
                if matches!(self.objects.get(root)?.content, Content::Physical(_)) {
                    return Err(Status::NOT_SUPPORTED);
                }
                (root, start, self.vmo_size(id)?)
            }
        };
        if vmo.policy != CachePolicy::Cached {
            return Err(Status::BAD_STATE);
        }
        if offset.checked_add(size).is_none_or(|end| end > of_all) {
            return Err(Status::OUT_OF_RANGE);
        }
        // The range lies in the VMO, and a slice in what it is a slice of: no sum wraps.
        let done = self.transfer(caller, direction, buffer, (root, start + offset), size)?;
        if done == size {
            return Ok(Exit::Done);
        }
        args.set(1, buffer.wrapping_add(done));
        args.set(2, offset + done);
        args.set(3, size - done);
        Ok(Exit::Again)
    }

    /// Copies up to `size` bytes between the program and a VMO that has pages itself; how many in this piece.
    pub(super) fn transfer(
        &mut self,
        caller: Caller,
        direction: Direction,
        buffer: u64,
        (vmo, offset): (Id<Vmo>, u64),
        size: u64,
    ) -> Result<u64> {
        let piece = size.min(BYTES_AN_ENTRY);
        let mut done = 0;
        // Steps: a page of the program and one of the VMO may meet at two edges each.
        let mut left = 2 * BYTES_AN_ENTRY / PAGE_SIZE + 1;
        while done < piece && left > 0 {
            let (at, range) = (buffer.wrapping_add(done), (offset + done, piece - done));
            let read = match direction {
                Direction::Read => self.read_page(caller, at, vmo, range),
                Direction::Write => None,
            };
            done += match read {
                Some(length) => length,
                None => self.transfer_in_page(caller, direction, at, vmo, range, &mut left)?,
            };
            left = left.saturating_sub(1);
        }
        Ok(done)
    }

    /// Copies what one page of the VMO has of the range to the program: how many bytes. `None` unless all that it is
    /// copied from and to, one or two pages of the program, is there and nothing has to change for it.
    #[inline]
    fn read_page(
        &mut self,
        caller: Caller,
        buffer: u64,
        vmo: Id<Vmo>,
        (offset, most): (u64, u64),
    ) -> Option<u64> {
        let (from, to) = (offset % PAGE_SIZE, buffer % PAGE_SIZE);
        let length = most.min(PAGE_SIZE - from);
        let first = length.min(PAGE_SIZE - to);
        let frame = self.plain_frame(vmo, offset / PAGE_SIZE)?;
        let page = self.seen(caller.process, buffer, Access::Write)?;
        let next = if first < length {
            Some(self.seen(caller.process, buffer.wrapping_add(first), Access::Write)?)
        } else {
            None
        };
        self.machine.copy_frame(frame, from as usize, page, to as usize, first as usize);
        if let Some(next) = next {
            self.machine.copy_frame(frame, (from + first) as usize, next, 0, (length - first) as usize);
        }
        Some(length)
    }

    /// Copies what one page of the program and one page of the VMO have in common; how many bytes. None if the call
    /// must be made again first. `left` are the steps that it has in this entry.
    fn transfer_in_page(
        &mut self,
        caller: Caller,
        direction: Direction,
        buffer: u64,
        vmo: Id<Vmo>,
        (offset, most): (u64, u64),
        left: &mut u64,
    ) -> Result<u64> {
        let vmo_offset = (offset & (PAGE_SIZE - 1)) as usize;
        let access = if direction == Direction::Read { Access::Write } else { Access::Read };
        let discards = self.discards;
        let (user, user_offset) = self.user_page(caller.process, buffer, access)?;
        let room = PAGE_SIZE as usize - vmo_offset.max(user_offset);
        let length = usize::try_from(most).unwrap_or(usize::MAX).min(room);
        let frame = match direction {
            // What was never written reads as zero, and needs no frame for that.
            Direction::Read if self.look(vmo, offset)? == Page::Absent => {
                return self.zero_part(user, user_offset, length).map(|()| length as u64);
            }
            Direction::Read => Some(self.frame_to_read(vmo, offset)?.0),
            Direction::Write => self.commit_in_pieces(vmo, offset, left)?,
        };
        // Where the one was discarded for the other's sake, both are looked for again.
        let Some(frame) = frame.filter(|_| self.discards == discards) else {
            *left = 0;
            return Ok(0);
        };
        match direction {
            Direction::Read => self.machine.copy_frame(frame, vmo_offset, user, user_offset, length),
            Direction::Write => self.machine.copy_frame(user, user_offset, frame, vmo_offset, length),
        }
        Ok(length as u64)
    }
}

/// A size in whole pages.
pub(super) fn round_up(size: u64) -> Result<u64> {
    size.checked_next_multiple_of(PAGE_SIZE).filter(|&size| size <= MAX_SIZE).ok_or(Status::OUT_OF_RANGE)
}

/// A VMO over physical bytes, with the handle that it is about to be given. Made where it is to be, which is nearly always
/// where all is at hand.
#[inline(always)]
const fn registers(koid: Koid, size: u64, range: PhysRange) -> Vmo {
    let mut vmo = Vmo::new(koid, size, Content::Physical(range), CachePolicy::UncachedDevice);
    vmo.header.handles = 1;
    vmo
}
