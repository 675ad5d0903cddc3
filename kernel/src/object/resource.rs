//! Resources: the right to name ranges of physical addresses, interrupts and kernel services.
use abi::resource::Kind;
use abi::{Koid, PhysRange, Signals, Status, status::Result};

use super::{Header, Name};
use crate::collections::arena::{Arena, Id};
use crate::collections::ranges::{Forks, Ranged, Ranges};

/// Bits of a number of any kind. Above them is the kind, where ranges of all kinds are one row.
pub(crate) const NUMBER_BITS: u32 = 56;

/// Where a resource came from, which decides what it reserves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Stands for its whole kind: base 0, size 0.
    RangedRoot,
    /// Made by the kernel at boot for a window or an interrupt. It is the supply itself and reserves nothing.
    Supply,
    /// Made by `zx_resource_create`. It stands in the way of exclusive ones, or is one.
    Minted {
        /// Nobody else may hold any part of the range.
        exclusive: bool,
    },
}

/// A grant of `[base, base + size)` of its kind. The range never wraps.
#[derive(Debug)]
pub struct Resource {
    /// What every object has.
    pub header: Header,
    /// Its name, given at creation.
    pub name: Name,
    /// What the numbers mean.
    pub kind: Kind,
    /// The first unit.
    pub base: u64,
    /// Units; 0 for a ranged root only.
    pub size: u64,
    /// The first and the last byte of its pages, if it is of addresses; a ranged root has all.
    pages: (u64, u64),
    /// Where it came from.
    pub origin: Origin,
    /// Whether it is known that no program is denied any of its pages, and none is the console's, which stays so.
    pub is_clear: bool,
    /// Its sides among those that were minted.
    forks: Forks<Self>,
}

impl Ranged for Resource {
    fn bounds(&self) -> (u64, u64) {
        points(self.kind, self.base, self.size)
    }

    fn forks(&self) -> &Forks<Self> {
        &self.forks
    }

    fn forks_mut(&mut self) -> &mut Forks<Self> {
        &mut self.forks
    }
}

/// The first and the last unit of a range that is not empty, in the one row of all kinds.
const fn points(kind: Kind, base: u64, size: u64) -> (u64, u64) {
    let first = ((kind as u64) << NUMBER_BITS).saturating_add(base);
    (first, first.saturating_add(size.saturating_sub(1)))
}

/// What programs have had minted, by what it stands in the way of.
#[derive(Debug, Default)]
pub struct Minted {
    /// In the way of all that is new.
    exclusive: Ranges<Resource>,
    /// In the way of what is new and exclusive.
    shared: Ranges<Resource>,
}

impl Minted {
    /// Nothing.
    pub const fn new() -> Self {
        Self { exclusive: Ranges::new(), shared: Ranges::new() }
    }

    /// Notes a resource, if it was minted.
    pub fn insert(&mut self, resources: &mut Arena<Resource>, id: Id<Resource>) {
        if let Some(ranges) = self.ranges_of(resources, id) {
            ranges.insert(resources, id);
        }
    }

    /// Forgets a resource, if it was minted. It is to go.
    pub fn remove(&mut self, resources: &mut Arena<Resource>, id: Id<Resource>) {
        if let Some(ranges) = self.ranges_of(resources, id) {
            ranges.remove(resources, id);
        }
    }

    /// Whether something stands in the way of `[base, base + size)`, which lies among the numbers of its kind and is not
    /// empty: what is exclusive in that of everything, everything in that of what is to be exclusive.
    pub fn are_in_the_way(
        &self,
        resources: &Arena<Resource>,
        kind: Kind,
        (base, size): (u64, u64),
        exclusive: bool,
    ) -> bool {
        let (first, last) = points(kind, base, size);
        self.exclusive.meets(resources, first, last) || exclusive && self.shared.meets(resources, first, last)
    }

    /// How many there are, exclusive and shared; `None` if what looks for them does not hold together. For tests.
    pub fn check(&self, resources: &Arena<Resource>) -> Option<[usize; 2]> {
        Some([self.exclusive.check(resources)?, self.shared.check(resources)?])
    }

    fn ranges_of(&mut self, resources: &Arena<Resource>, id: Id<Resource>) -> Option<&mut Ranges<Resource>> {
        match resources.get(id)?.origin {
            Origin::Minted { exclusive: true } => Some(&mut self.exclusive),
            Origin::Minted { exclusive: false } => Some(&mut self.shared),
            Origin::RangedRoot | Origin::Supply => None,
        }
    }
}

impl Resource {
    /// The resource that stands for all of `kind`.
    pub fn ranged_root(koid: Koid, kind: Kind, name: &str) -> Self {
        Self::new(koid, kind, 0, 0, Name::new(name.as_bytes()), Origin::RangedRoot)
    }

    /// The same for a kind by its number.
    ///
    /// # Errors
    /// `INVALID_ARGS` for a number that is no kind.
    pub fn ranged_root_of(koid: Koid, kind: u32, name: &str) -> Result<Self> {
        let kind = Kind::from_raw(kind).ok_or(Status::INVALID_ARGS)?;
        Ok(Self::ranged_root(koid, kind, name))
    }

    /// A resource over a range that does not wrap.
    pub const fn new(koid: Koid, kind: Kind, base: u64, size: u64, name: Name, origin: Origin) -> Self {
        let header = Header::new(koid, Signals::NONE);
        let in_page = abi::PAGE_SIZE - 1;
        let pages = match origin {
            Origin::RangedRoot => (0, u64::MAX),
            _ if size > 0 => (base & !in_page, base.saturating_add(size - 1) | in_page),
            _ => (u64::MAX, 0),
        };
        Self { header, name, kind, base, size, pages, origin, is_clear: false, forks: Forks::NONE }
    }

    /// Whether it stands for its whole kind.
    pub const fn is_ranged_root(&self) -> bool {
        matches!(self.origin, Origin::RangedRoot)
    }

    /// Whether nobody else may hold any part of the range.
    pub const fn is_exclusive(&self) -> bool {
        matches!(self.origin, Origin::Minted { exclusive: true })
    }

    /// Whether `[base, base + size)` lies inside, byte for byte. A ranged root holds every range.
    pub const fn holds(&self, base: u64, size: u64) -> bool {
        if self.is_ranged_root() {
            return true;
        }
        match (base.checked_add(size), self.base.checked_add(self.size)) {
            (Some(end), Some(own_end)) => size > 0 && self.base <= base && end <= own_end,
            _ => false,
        }
    }

    /// Whether a range lies inside once the resource is expanded to pages.
    #[inline(always)]
    pub fn holds_pages(&self, range: PhysRange) -> bool {
        self.pages.0 <= range.base().0 && range.last().0 <= self.pages.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(base: u64, size: u64) -> PhysRange {
        PhysRange::new(abi::PhysAddr(base), size).unwrap()
    }

    fn resource(base: u64, size: u64) -> Resource {
        Resource::new(1024, Kind::Mmio, base, size, Name::default(), Origin::Supply)
    }

    #[test]
    fn half_a_page_grants_its_page() {
        let half = resource(0x1000, 0x800);
        assert!(half.holds_pages(pages(0x1000, 0x1000)) && !half.holds(0x1000, 0x1000));
        assert!(!half.holds_pages(pages(0x1000, 0x2000)) && !half.holds_pages(pages(0, 0x1000)));
        let odd = resource(0x1800, 0x1000);
        assert!(odd.holds_pages(pages(0x1000, 0x2000)));
    }

    #[test]
    fn nothing_holds_a_range_that_wraps_or_is_empty() {
        let all = resource(0, u64::MAX);
        assert!(!all.holds(u64::MAX, 2) && !all.holds(0x1000, 0));
        assert!(
            all.holds_pages(pages(u64::MAX - 0xffff, 0x1000))
                && !resource(0x1000, 0).holds_pages(pages(0x1000, 0x1000))
        );
    }
}
