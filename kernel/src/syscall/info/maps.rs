//! What is where in an address space: `PROCESS_MAPS`, `VMAR_MAPS`, and the mapped half of `PROCESS_VMOS`.
//!
//! The walk is depth first, a region before what is in it, by address. A place in it is a region and an address, so
//! that it needs no memory; if the region is gone when the list goes on, the list starts over.
use abi::object::{INFO_MAPS_V1_SIZE, InfoMaps, InfoMapsV2, info, maps_type, vmo_flags};
use abi::{AbiStruct, PAGE_SIZE, Rights, Status, status::Result};

use super::Record;
use super::list::Step;
use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::memory::pages::Page;
use crate::object::thread::{Found, Place};
use crate::object::{Content, Entry, Mapping, Name, ObjectRef, Process, Vmar, Vmo};
use crate::ports::Machine;

/// Pages that one step of a count looks at.
const PAGES_A_STEP: u32 = 16;

/// How a count of a mapping's pages has come out.
pub(super) enum Counted {
    /// All that have a frame.
    All(Found),
    /// There is more to look at.
    More(Place),
}

impl<M: Machine> Kernel<M> {
    /// Where the walk through an object's address space begins.
    pub(super) fn first_map(&self, of: ObjectRef, topic: u32) -> Option<Place> {
        match of {
            ObjectRef::Vmar(region) => Some(Place::Region(region, 0)),
            ObjectRef::Process(_) if is_vmos(topic) => Some(Place::Number(0)),
            _ => Some(Place::Space),
        }
    }

    /// Whether a walk can go on in a region: it is still one of the process's, and below where the walk began.
    pub(super) fn is_walked(&self, region: Id<Vmar>, of: ObjectRef) -> bool {
        let Some(vmar) = self.objects.vmars.get(region).filter(|vmar| !vmar.is_over()) else { return false };
        match of {
            ObjectRef::Process(process) => vmar.process == Some(process),
            // Below it or itself: it would be over, too, if the one that is asked about were.
            _ => true,
        }
    }

    /// One step of the walk. Only mappings are told where VMOs are asked for.
    pub(super) fn map_step(&self, topic: u32, of: ObjectRef, at: Place) -> Result<Step> {
        let only_vmos = is_vmos(topic);
        match at {
            Place::Space => {
                let ObjectRef::Process(id) = of else { return Err(Status::INTERNAL) };
                let process = self.objects.get(id)?;
                let root = self.objects.get(process.vmar)?;
                let about = About { name: process.name, base: root.base, size: root.size, depth: 0 };
                let next = Some(Place::Region(process.vmar, 1));
                Ok(Step { record: Some(about.record(topic, maps_type::ASPACE, None)?), next })
            }
            Place::Region(id, depth) => {
                let region = self.objects.get(id)?;
                let name = Name::new(if region.parent.is_none() { b"root" } else { b"" });
                let about = About { name, base: region.base, size: region.size, depth };
                let record =
                    if only_vmos { None } else { Some(about.record(topic, maps_type::VMAR, None)?) };
                Ok(Step { record, next: Some(Place::Inside(id, region.base, depth + 1)) })
            }
            Place::Inside(id, from, depth) => self.map_inside(topic, of, id, from, depth),
            Place::Counting { vmar, base, mapping: id, depth, page, found } => {
                let entry = self.objects.get(vmar)?.entries.get(base).and_then(|entry| entry.mapping());
                if entry != Some(id) {
                    return Ok(Step { record: None, next: Some(Place::Inside(vmar, base, depth)) });
                }
                let mapping = self.objects.mapping(id)?;
                self.mapping_step(topic, mapping, depth, self.count_on(id, mapping, depth, page, found)?)
            }
            Place::Member(_) | Place::Number(_) => Err(Status::INTERNAL),
        }
    }

    fn map_inside(&self, topic: u32, of: ObjectRef, id: Id<Vmar>, from: u64, depth: u32) -> Result<Step> {
        let region = self.objects.get(id)?;
        match region.entries.ceiling(from) {
            Some((_, Entry::Mapping { id: at, .. })) => {
                let mapping = self.objects.mapping(at)?;
                if is_vmos(topic) {
                    let record = self.vmo_record(mapping.vmo, vmo_flags::VIA_MAPPING, Rights::NONE, topic)?;
                    return Ok(Step { record: Some(record), next: Some(after(mapping, depth)) });
                }
                self.mapping_step(topic, mapping, depth, self.count(at, mapping, depth)?)
            }
            Some((_, Entry::Region { vmar, .. })) => {
                Ok(Step { record: None, next: Some(Place::Region(vmar, depth)) })
            }
            None if is_last(of, id) => Ok(Step { record: None, next: None }),
            None => {
                let next = region.parent.map(|parent| {
                    Place::Inside(parent, region.base.saturating_add(region.size), depth.saturating_sub(1))
                });
                Ok(Step { record: None, next })
            }
        }
    }

    fn mapping_step(&self, topic: u32, mapping: &Mapping, depth: u32, counted: Counted) -> Result<Step> {
        let found = match counted {
            Counted::More(place) => return Ok(Step { record: None, next: Some(place) }),
            Counted::All(found) => found,
        };
        let name = self.objects.get(mapping.vmo)?.name;
        let about = About { name, base: mapping.base, size: mapping.length, depth };
        let vmo_koid = self.objects.get(mapping.vmo)?.header.koid;
        let shown = Shown { mapping, vmo_koid, found, scaled: self.scaled_part(mapping, found)? };
        let record = about.record(topic, maps_type::MAPPING, Some(&shown))?;
        Ok(Step { record: Some(record), next: Some(after(mapping, depth)) })
    }

    /// How many of a mapping's pages have a frame. Where it shows a VMO whole that is known, else it is counted.
    pub(super) fn count(&self, id: Id<Mapping>, mapping: &Mapping, depth: u32) -> Result<Counted> {
        let root = self.objects.get(mapping.root)?;
        let from = mapping.start.saturating_add(mapping.offset);
        if from == 0 && mapping.length >= root.size {
            return Ok(Counted::All(self.found_in(root)));
        }
        self.count_on(id, mapping, depth, from / PAGE_SIZE, Found::default())
    }

    pub(super) fn count_on(
        &self,
        id: Id<Mapping>,
        mapping: &Mapping,
        depth: u32,
        from: u64,
        before: Found,
    ) -> Result<Counted> {
        let root = self.objects.get(mapping.root)?;
        let first = mapping.start.saturating_add(mapping.offset);
        let end = first.saturating_add(mapping.length) / PAGE_SIZE;
        let (mut page, mut found) = (from, before);
        for _ in 0..PAGES_A_STEP {
            let Content::Paged(pages) = &root.content else { return Ok(Counted::All(found)) };
            match self.trees.next_from(pages, page) {
                Some(at) if at < end => {
                    let is_own = matches!(self.trees.look(pages, at), Page::Owned(_));
                    found.committed += 1;
                    found.private += u64::from(is_own);
                    page = at + 1;
                }
                _ => return Ok(Counted::All(found)),
            }
        }
        let &Mapping { vmar, base, .. } = mapping;
        Ok(Counted::More(Place::Counting { vmar, base, mapping: id, depth, page, found }))
    }

    /// The pages of a VMO of its own that have a frame.
    pub(super) fn found_in(&self, vmo: &Vmo) -> Found {
        match &vmo.content {
            Content::Paged(pages) => {
                Found { committed: self.trees.committed(pages), private: self.trees.private(pages) }
            }
            Content::Physical(_) | Content::Slice { .. } | Content::Reference(_) => Found::default(),
        }
    }

    /// A mapping's share in bytes of the frames that it shows: of those that other VMOs have too, as much as its own
    /// VMO has on average.
    fn scaled_part(&self, mapping: &Mapping, found: Found) -> Result<u64> {
        let root = self.objects.get(mapping.root)?;
        let Content::Paged(pages) = &root.content else { return Ok(0) };
        let (all, (scaled, _)) = (self.found_in(root), self.trees.scaled(pages));
        let shared_bytes = scaled.saturating_sub(all.private * PAGE_SIZE);
        let average = shared_bytes / (all.committed - all.private).max(1);
        Ok(found.private * PAGE_SIZE + (found.committed - found.private) * average)
    }

    /// The address space of a process that has one.
    ///
    /// # Errors
    /// `BAD_STATE` once it has ended.
    pub(super) fn check_alive(&self, process: Id<Process>) -> Result {
        if self.objects.get(process)?.is_over() { Err(Status::BAD_STATE) } else { Ok(()) }
    }
}

/// Whether the walk ends with this region.
fn is_last(of: ObjectRef, region: Id<Vmar>) -> bool {
    of == ObjectRef::Vmar(region)
}

fn after(mapping: &Mapping, depth: u32) -> Place {
    Place::Inside(mapping.vmar, mapping.end(), depth)
}

/// Whether a topic lists VMOs rather than places.
pub(super) fn is_vmos(topic: u32) -> bool {
    topic & TOPIC_MASK == info::PROCESS_VMOS_V1
}

/// The bits of a topic that are not its version.
pub(super) const TOPIC_MASK: u32 = (1 << 28) - 1;

/// What every record of a map has.
struct About {
    name: Name,
    base: u64,
    size: u64,
    depth: u32,
}

/// What a mapping's record has beside.
struct Shown<'m> {
    mapping: &'m Mapping,
    vmo_koid: u64,
    found: Found,
    /// Bytes of them, each shared page in proportion.
    scaled: u64,
}

impl About {
    fn record(&self, topic: u32, maps_type: u32, shown: Option<&Shown<'_>>) -> Result<Record> {
        let Self { name, base, size, depth } = *self;
        let depth = u64::from(depth);
        let (mmu_flags, vmo_koid, vmo_offset) = shown.map_or((0, 0, 0), |shown| {
            let Mapping { permissions, offset, .. } = *shown.mapping;
            (permissions, shown.vmo_koid, offset)
        });
        let (found, scaled) = shown.map_or((Found::default(), 0), |shown| (shown.found, shown.scaled));
        if topic == info::PROCESS_MAPS_V1 || topic == info::PROCESS_MAPS_V2 {
            let record = InfoMapsV2 {
                name: name.0,
                base,
                size,
                depth,
                maps_type,
                padding1: 0,
                mmu_flags,
                padding2: 0,
                vmo_koid,
                vmo_offset,
                committed_pages: found.committed,
                populated_pages: found.committed,
            };
            let size = if topic == info::PROCESS_MAPS_V1 { INFO_MAPS_V1_SIZE } else { InfoMapsV2::SIZE };
            return Ok(Record::of(&record, size));
        }
        let (bytes, private) = (found.committed * PAGE_SIZE, found.private * PAGE_SIZE);
        let fraction = if shown.is_some() { u64::MAX } else { 0 };
        let record = InfoMaps {
            name: name.0,
            base,
            size,
            depth,
            maps_type,
            padding1: 0,
            mmu_flags,
            padding2: 0,
            vmo_koid,
            vmo_offset,
            committed_bytes: bytes,
            populated_bytes: bytes,
            committed_private_bytes: private,
            populated_private_bytes: private,
            committed_scaled_bytes: scaled,
            populated_scaled_bytes: scaled,
            committed_fractional_scaled_bytes: fraction,
            populated_fractional_scaled_bytes: fraction,
        };
        Ok(Record::of(&record, InfoMaps::SIZE))
    }
}
