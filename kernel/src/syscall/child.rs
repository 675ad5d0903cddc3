//! `zx_vmo_create_child`: slices, references and snapshots.
//!
//! **A snapshot is one moment.** Pages that a table shows writable can change without the kernel, so they are taken
//! out of such tables first, in pieces if there are many mappings ([`Kernel::withdraw_writable`]). As long as that
//! lasts no table gets any of them anew: who writes to one through a mapping waits, who writes with a call goes on, and
//! both before the snapshot. When the last mapping was visited, and in the same entry of the kernel, the child gets the
//! parent's tree of pages as it is then. From there on the pages are shared, and whoever writes to one gets a copy.
//! If the caller dies half-way there is no child, and the pages come back into the tables one by one.
use abi::vmo::{CachePolicy, child};
use abi::{PAGE_SHIFT, PAGE_SIZE, Rights, Status, status::Result};

use super::vmo::{MAX_SIZE, round_up};
use super::{Args, Arguments, Caller, Exit};
use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::object::{Content, ObjectRef, Vmo};
use crate::ports::Machine;

/// What a program asks for.
struct Wish {
    parent: Id<Vmo>,
    options: u32,
    offset: u64,
    /// As it was given.
    size: u64,
    /// In whole pages.
    rounded: u64,
}

impl<M: Machine> Kernel<M> {
    /// `zx_vmo_create_child(handle, options, offset, size, out)`.
    pub(super) fn sys_vmo_create_child(&mut self, caller: Caller, args: &Args) -> Result<Exit> {
        let (handle, options, offset, size, out) =
            (args.half(0), args.half(1), args.word(2), args.word(3), args.word(4));
        if options & !child::ALL != 0
            || options & (child::NO_WRITE | child::RESIZABLE) == child::NO_WRITE | child::RESIZABLE
        {
            return Err(Status::INVALID_ARGS);
        }
        let kind = options & !(child::NO_WRITE | child::RESIZABLE);
        if !kind.is_power_of_two() {
            return Err(Status::INVALID_ARGS);
        }
        let is_resizable = options & child::RESIZABLE != 0;
        let mut wanted = Rights::DUPLICATE | Rights::READ;
        if kind == child::REFERENCE && is_resizable {
            wanted = wanted | Rights::RESIZE;
        }
        let (parent, rights) = self.object_and_rights::<Vmo>(caller, handle, wanted)?;
        let wish = Wish { parent, options, offset, size, rounded: round_up(size)? };
        let made = match kind {
            child::SLICE => Some(self.make_slice(&wish)?),
            child::REFERENCE => Some(self.make_reference(&wish)?),
            _ => self.make_snapshot(caller, &wish)?,
        };
        let Some(id) = made else { return Ok(Exit::Again) };
        if rights.contains(Rights::GET_PROPERTY) {
            let name = self.objects.get(parent)?.name;
            self.name_object(ObjectRef::Vmo(id), name);
        }
        let rights = child_rights(rights, options, !matches!(kind, child::SLICE | child::REFERENCE));
        self.give(caller, ObjectRef::Vmo(id), rights, out).map(|_| Exit::Done)
    }

    /// A part of the parent: the same bytes.
    fn make_slice(&mut self, wish: &Wish) -> Result<Id<Vmo>> {
        if wish.options & child::RESIZABLE != 0 || !wish.offset.is_multiple_of(PAGE_SIZE) {
            return Err(Status::INVALID_ARGS);
        }
        let (of, offset) = self.resolve(wish.parent, wish.offset).map_err(|_| Status::INVALID_ARGS)?;
        let parent_size = self.vmo_size(wish.parent)?;
        if wish.offset.checked_add(wish.rounded).is_none_or(|end| end > parent_size) {
            return Err(Status::INVALID_ARGS);
        }
        let parent = self.objects.get(wish.parent)?;
        let root = self.objects.get(of)?;
        if parent.resizable || root.resizable || root.locks.is_some() {
            return Err(Status::NOT_SUPPORTED);
        }
        let policy = parent.policy;
        if policy != CachePolicy::Cached && matches!(root.content, Content::Paged(_)) && root.row.is_none() {
            return Err(Status::BAD_STATE);
        }
        let content = Content::Slice { of, offset };
        let mut slice = Vmo::new(self.objects.allocate_koid(), wish.rounded, content, policy);
        slice.content_size = wish.size;
        let id = self.adopt(wish.parent, slice)?;
        self.hold(ObjectRef::Vmo(of));
        Ok(id)
    }

    /// The parent once more, whole: bytes, size and content size are one.
    fn make_reference(&mut self, wish: &Wish) -> Result<Id<Vmo>> {
        let (of, _) = self.resolve(wish.parent, 0)?;
        let parent = self.objects.get(wish.parent)?;
        if !self.may_be_cloned(of)? || matches!(parent.content, Content::Slice { .. }) {
            return Err(Status::NOT_SUPPORTED);
        }
        if wish.offset != 0 || wish.size != 0 {
            return Err(Status::INVALID_ARGS);
        }
        if parent.policy != CachePolicy::Cached {
            return Err(Status::BAD_STATE);
        }
        let resizable = self.objects.get(of)?.resizable;
        if wish.options & child::RESIZABLE != 0 && !resizable {
            return Err(Status::NOT_SUPPORTED);
        }
        let content = Content::Reference(of);
        let mut reference = Vmo::new(self.objects.allocate_koid(), 0, content, CachePolicy::Cached);
        // Its size changes with the root's; who may change it is a matter of rights.
        reference.resizable = resizable;
        let id = self.adopt(wish.parent, reference)?;
        self.hold(ObjectRef::Vmo(of));
        Ok(id)
    }

    /// The parent's bytes as they are now, to go their own way; `None` if the call must be made again.
    fn make_snapshot(&mut self, caller: Caller, wish: &Wish) -> Result<Option<Id<Vmo>>> {
        let (root, start) = self.resolve(wish.parent, 0)?;
        if !self.may_be_cloned(root)? {
            return Err(Status::NOT_SUPPORTED);
        }
        if !wish.offset.is_multiple_of(PAGE_SIZE) {
            return Err(Status::INVALID_ARGS);
        }
        if wish.offset.checked_add(wish.rounded).is_none_or(|end| end > MAX_SIZE) {
            return Err(Status::OUT_OF_RANGE);
        }
        // What a device may reach stays the parent's own.
        let is_pinned = !self.objects.get(root)?.pins.is_empty();
        if is_pinned || self.objects.get(wish.parent)?.policy != CachePolicy::Cached {
            return Err(Status::BAD_STATE);
        }
        // What lies beyond the parent is zero.
        let covered = self.vmo_size(wish.parent)?.saturating_sub(wish.offset).min(wish.rounded);
        let from = start.saturating_add(wish.offset);
        let range = (from, from.saturating_add(covered));
        if covered > 0 && !self.withdraw_writable(Some(caller.thread), root, range)? {
            return Ok(None);
        }
        self.objects.vmos.reserve()?;
        let koid = self.objects.allocate_koid();
        let vmo = self.objects.vmos.get_mut(root).ok_or(Status::INTERNAL)?;
        let all = vmo.size >> PAGE_SHIFT;
        let Content::Paged(pages) = &mut vmo.content else { return Err(Status::INTERNAL) };
        let shared = self.trees.share(pages, (from >> PAGE_SHIFT, covered >> PAGE_SHIFT), all);
        // What was cut off at its edges, or all of it for want of memory, shares pages with the parent until it is taken
        // apart.
        self.schedule.attention |= !self.trees.is_reaped();
        let pages = shared?;
        let mut clone = Vmo::new(koid, wish.rounded, Content::Paged(pages), CachePolicy::Cached);
        clone.content_size = wish.size;
        clone.resizable = wish.options & child::RESIZABLE != 0;
        clone.is_clone = true;
        clone.is_immutable = wish.options & child::NO_WRITE != 0;
        self.adopt(wish.parent, clone).map(Some)
    }
}

impl<M: Machine> Kernel<M> {
    /// Whether a VMO has pages of its own, which stay until somebody takes them away and may be any.
    fn may_be_cloned(&self, vmo: Id<Vmo>) -> Result<bool> {
        let vmo = self.objects.get(vmo)?;
        Ok(matches!(vmo.content, Content::Paged(_)) && vmo.locks.is_none() && vmo.row.is_none())
    }

    /// Makes a new VMO the child of another one.
    ///
    /// # Errors
    /// `NO_MEMORY`, unless there is a place reserved for it; nothing changed.
    fn adopt(&mut self, parent: Id<Vmo>, child: Vmo) -> Result<Id<Vmo>> {
        let parent_koid = self.objects.get(parent)?.header.koid;
        let id = self.objects.vmos.insert(Vmo { parent_koid, ..child })?;
        self.join_vmo(id, Some(parent));
        Ok(id)
    }
}

/// The rights of a handle to a child, from those of the parent's handle.
fn child_rights(parent: Rights, options: u32, is_snapshot: bool) -> Rights {
    let mut rights = (parent - Rights::RESIZE) | Rights::PROPERTY;
    if options & child::RESIZABLE != 0 {
        rights = rights | Rights::RESIZE;
    }
    if options & child::NO_WRITE != 0 {
        rights - Rights::WRITE
    } else if is_snapshot {
        // Its bytes may change now, so it is no longer what was marked as code.
        (rights - Rights::EXECUTE) | Rights::WRITE
    } else {
        rights
    }
}
