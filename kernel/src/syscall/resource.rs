//! `zx_resource_create`, and the validation that every consumer of resources uses.
use abi::resource::{FLAG_EXCLUSIVE, FLAG_MASK, KIND_MASK, Kind};
use abi::{Handle, PhysAddr, PhysRange, Rights, Status, status::Result};

use super::{Args, Arguments, Caller};
use crate::kernel::Kernel;
use crate::object::resource::{NUMBER_BITS, Origin};
use crate::object::{Object, ObjectRef, Objects, Resource};
use crate::ports::Machine;

impl<M: Machine> Kernel<M> {
    /// `zx_resource_create(parent, options, base, size, name, name_size, out)`.
    pub(super) fn sys_resource_create(&mut self, caller: Caller, args: &Args) -> Result {
        let (parent, options, base, size) = (args.half(0), args.half(1), args.word(2), args.word(3));
        let (name, name_size, out) = (args.word(4), args.word(5), args.word(6));
        base.checked_add(size).ok_or(Status::INVALID_ARGS)?;
        let parent = self.object::<Resource>(caller, parent, Rights::WRITE)?;
        let kind = Kind::from_raw(options & KIND_MASK).ok_or(Status::INVALID_ARGS)?;
        if options & FLAG_MASK & !FLAG_EXCLUSIVE != 0 {
            return Err(Status::INVALID_ARGS);
        }
        let exclusive = options & FLAG_EXCLUSIVE != 0;
        let parent = self.objects.get(parent)?;
        // A range of nothing is in no parent but the root, where it is not a range.
        let held = if size == 0 { parent.is_ranged_root() } else { parent.holds(base, size) };
        if parent.kind != kind || !held {
            return Err(Status::ACCESS_DENIED);
        }
        if kind == Kind::Mmio && size > 0 && self.is_denied(base, size)? {
            return Err(Status::ACCESS_DENIED);
        }
        if !parent.is_ranged_root() && (parent.is_exclusive() || exclusive) {
            return Err(Status::INVALID_ARGS);
        }
        if exclusive && kind == Kind::Mmio {
            self.check_whole_groups(caller, base, size)?;
        }
        let name = self.name_in(caller, name, name_size)?;
        if size == 0 {
            return Err(Status::INVALID_ARGS);
        }
        self.check_free(kind, base, size, exclusive)?;
        let koid = self.objects.allocate_koid();
        let mut resource = Resource::new(koid, kind, base, size, name, Origin::Minted { exclusive });
        // A denied range was refused above.
        resource.is_clear = kind == Kind::Mmio && !self.is_of_console(base, size);
        let Objects { resources, minted, .. } = &mut self.objects;
        let id = resources.insert(resource)?;
        minted.insert(resources, id);
        self.give(caller, ObjectRef::Resource(id), Resource::DEFAULT_RIGHTS, out).map(|_| ())
    }

    /// Whether `resource` is one of `kind` that holds `[base, base + size)`.
    ///
    /// # Errors
    /// `BAD_HANDLE`, `WRONG_TYPE` (also for another kind), `OUT_OF_RANGE`.
    pub(super) fn validate_resource(
        &self,
        caller: Caller,
        resource: Handle,
        kind: Kind,
        base: u64,
        size: u64,
    ) -> Result {
        let resource = self.objects.get(self.object::<Resource>(caller, resource, Rights::NONE)?)?;
        if resource.kind != kind {
            return Err(Status::WRONG_TYPE);
        }
        if resource.holds(base, size) { Ok(()) } else { Err(Status::OUT_OF_RANGE) }
    }

    /// Whether `resource` holds one kernel service, for those who compare kind and base at once, as Zircon does: to
    /// them another service is another type.
    ///
    /// # Errors
    /// `BAD_HANDLE`, `WRONG_TYPE`.
    pub(super) fn validate_service(&self, caller: Caller, resource: Handle, service: u64) -> Result {
        match self.validate_resource(caller, resource, Kind::System, service, 1) {
            Err(Status::OUT_OF_RANGE) => Err(Status::WRONG_TYPE),
            result => result,
        }
    }

    /// Whether a range, once expanded to pages, touches what no program may have.
    pub(crate) fn is_denied(&self, base: u64, size: u64) -> Result<bool> {
        let range = PhysRange::new(PhysAddr(base), size).map_err(|_| Status::INVALID_ARGS)?;
        Ok(self.ledger.touches_denied(range.expand_to_pages()).is_some())
    }

    /// Whether nobody else's device is in the pages of a range that is to be held exclusively: it touches no page
    /// group, or has every window of those that it touches. Bytes are exclusive, but what drivers map are pages.
    ///
    /// # Errors
    /// `ACCESS_DENIED`; the console says whose the other windows are.
    fn check_whole_groups(&mut self, caller: Caller, base: u64, size: u64) -> Result {
        let Ok(range) = PhysRange::new(PhysAddr(base), size) else { return Ok(()) };
        if self.ledger.sharers(range).all(|sharer| range.contains(sharer.window.range)) {
            return Ok(());
        }
        self.say_half_group(caller.process, range);
        Err(Status::ACCESS_DENIED)
    }

    /// Whether there is such a range and live resources leave room: nothing overlaps an exclusive one, an exclusive one
    /// nothing. In a page group all that touches its pages overlaps.
    fn check_free(&self, kind: Kind, base: u64, size: u64, exclusive: bool) -> Result {
        let width = self.machine.physical_address_bits().min(NUMBER_BITS);
        let space = kind.numbers().unwrap_or(1 << width);
        if base.checked_add(size).is_none_or(|end| end > space) {
            return Err(Status::NOT_FOUND);
        }
        let wide = match PhysRange::new(PhysAddr(base), size) {
            Ok(range) if kind == Kind::Mmio => {
                let range = self.ledger.with_groups(range);
                (range.base().0, range.size())
            }
            _ => (base, size),
        };
        let Objects { resources, minted, .. } = &self.objects;
        if minted.are_in_the_way(resources, kind, wide, exclusive) { Err(Status::NOT_FOUND) } else { Ok(()) }
    }
}
