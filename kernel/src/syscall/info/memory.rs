//! What memory is used for: of a process (`TASK_STATS`), and of the machine (`KMEM_STATS`).
use abi::object::{INFO_TASK_STATS_V1_SIZE, InfoKmemStats, InfoKmemStatsV1, InfoTaskStats, info};
use abi::resource::{Kind, system};
use abi::{AbiStruct, PAGE_SIZE, Status, status::Result};

use super::maps::Counted;
use super::{Args, Arguments, Caller, Exit, Record, inspect};
use crate::collections::arena::Id;
use crate::collections::list;
use crate::kernel::Kernel;
use crate::object::thread::{Listing, Place};
use crate::object::{Entry, HandleEntry, Mapping, ObjectRef, Process, Vmar, Vmo};
use crate::ports::Machine;

/// Steps through an address space that one entry makes.
const STEPS_A_PIECE: usize = 16;
/// Mappings of a VMO that are looked at to find out how many address spaces map it.
const MAPPINGS_LOOKED_AT: usize = 32;

impl<M: Machine> Kernel<M> {
    /// `KMEM_STATS`. The handle is a resource for SYSTEM/INFO.
    pub(super) fn info_kmem(&self, caller: Caller, handle: abi::Handle, topic: u32) -> Result<Record> {
        self.validate_resource(caller, handle, Kind::System, system::INFO, 1)?;
        let bytes = |pages: u64| pages.saturating_mul(PAGE_SIZE);
        let heap = self.machine.heap_use();
        let free = self.machine.free_frames().0;
        let tables = self.machine.table_frames().0;
        // What the logic has taken since it began is in VMOs and tables; the heap takes frames beside it.
        let taken = self.ram.free_at_start.saturating_sub(free + heap.frames);
        let vmos = taken.saturating_sub(tables);
        let known = bytes(free + taken).saturating_add(heap.bytes);
        let record = InfoKmemStats {
            total_bytes: self.ram.bytes,
            free_bytes: bytes(free),
            free_loaned_bytes: 0,
            wired_bytes: self.ram.bytes.saturating_sub(known),
            total_heap_bytes: heap.bytes,
            free_heap_bytes: heap.free,
            vmo_bytes: bytes(vmos),
            mmu_overhead_bytes: bytes(tables),
            ipc_bytes: 0,
            cache_bytes: 0,
            slab_bytes: 0,
            zram_bytes: 0,
            other_bytes: 0,
            vmo_reclaim_total_bytes: 0,
            vmo_reclaim_newest_bytes: 0,
            vmo_reclaim_oldest_bytes: 0,
            vmo_reclaim_disabled_bytes: 0,
            vmo_discardable_locked_bytes: 0,
            vmo_discardable_unlocked_bytes: 0,
        };
        if topic == info::KMEM_STATS {
            return Ok(Record::of(&record, InfoKmemStats::SIZE));
        }
        let record = InfoKmemStatsV1 {
            total_bytes: record.total_bytes,
            free_bytes: record.free_bytes,
            wired_bytes: record.wired_bytes,
            total_heap_bytes: record.total_heap_bytes,
            free_heap_bytes: record.free_heap_bytes,
            vmo_bytes: record.vmo_bytes,
            mmu_overhead_bytes: record.mmu_overhead_bytes,
            ipc_bytes: record.ipc_bytes,
            other_bytes: record.other_bytes,
        };
        Ok(Record::of(&record, InfoKmemStatsV1::SIZE))
    }

    /// `TASK_STATS`, summed up in pieces in the program's buffer, as the count of handles is.
    pub(super) fn info_task_stats(
        &mut self,
        caller: Caller,
        entry: HandleEntry,
        topic: u32,
        args: &Args,
    ) -> Result<Exit> {
        let id = inspect::<Process>(entry)?;
        self.check_alive(id)?;
        let of = ObjectRef::Process(id);
        let size = if topic == info::TASK_STATS { InfoTaskStats::SIZE } else { INFO_TASK_STATS_V1_SIZE };
        if args.word(3) < size as u64 {
            self.counts_out(caller, args, 0, 1)?;
            return Err(Status::BUFFER_TOO_SMALL);
        }
        let mut buffer = [0; InfoTaskStats::SIZE];
        let bytes = buffer.get_mut(..size).ok_or(Status::INTERNAL)?;
        let before = self.objects.get_mut(caller.thread)?.listing.take();
        let before = before.filter(|it| it.topic == topic && it.of == of && self.is_there(it.at, of));
        let mut at = match before {
            Some(listing) => {
                self.copy_in(caller.process, args.word(2), bytes)?;
                Some(listing.at)
            }
            None => Some(Place::Region(self.objects.get(id)?.vmar, 1)),
        };
        let mut stats = InfoTaskStats::get(bytes);
        for _ in 0..STEPS_A_PIECE {
            let Some(place) = at else { break };
            at = self.sum_step(&mut stats, place)?;
        }
        stats.mem_fractional_scaled_shared_bytes = u64::MAX;
        stats.put(bytes);
        self.copy_out(caller.process, args.word(2), bytes)?;
        if let Some(at) = at {
            self.objects.get_mut(caller.thread)?.listing = Some(Listing { topic, of, at, seen: 0 });
            return Ok(Exit::Again);
        }
        self.counts_out(caller, args, 1, 1)?;
        Ok(Exit::Done)
    }

    /// Adds what is at a place of the address space; where the sum goes on.
    fn sum_step(&self, stats: &mut InfoTaskStats, at: Place) -> Result<Option<Place>> {
        let (region, from, depth) = match at {
            Place::Region(id, depth) => (id, self.objects.get(id)?.base, depth + 1),
            Place::Inside(id, from, depth) => (id, from, depth),
            Place::Counting { vmar, base, mapping: id, depth, page, found } => {
                let entry = self.objects.get(vmar)?.entries.get(base).and_then(|entry| entry.mapping());
                if entry != Some(id) {
                    return Ok(Some(Place::Inside(vmar, base, depth)));
                }
                let mapping = self.objects.mapping(id)?;
                let counted = self.count_on(id, mapping, depth, page, found)?;
                return self.sum_mapping(stats, mapping, depth, counted);
            }
            Place::Space | Place::Member(_) | Place::Number(_) => return Err(Status::INTERNAL),
        };
        self.sum_inside(stats, region, from, depth)
    }

    fn sum_inside(
        &self,
        stats: &mut InfoTaskStats,
        id: Id<Vmar>,
        from: u64,
        depth: u32,
    ) -> Result<Option<Place>> {
        let region = self.objects.get(id)?;
        match region.entries.ceiling(from) {
            Some((_, Entry::Mapping { id, .. })) => {
                let mapping = self.objects.mapping(id)?;
                self.sum_mapping(stats, mapping, depth, self.count(id, mapping, depth)?)
            }
            Some((_, Entry::Region { vmar, .. })) => Ok(Some(Place::Region(vmar, depth))),
            None => Ok(region.parent.map(|parent| {
                Place::Inside(parent, region.base.saturating_add(region.size), depth.saturating_sub(1))
            })),
        }
    }

    fn sum_mapping(
        &self,
        stats: &mut InfoTaskStats,
        mapping: &Mapping,
        depth: u32,
        counted: Counted,
    ) -> Result<Option<Place>> {
        let pages = match counted {
            Counted::More(place) => return Ok(Some(place)),
            Counted::All(found) => found.committed,
        };
        let add = |sum: &mut u64, bytes: u64| *sum = sum.saturating_add(bytes);
        let bytes = pages.saturating_mul(PAGE_SIZE);
        add(&mut stats.mem_mapped_bytes, mapping.length);
        match self.share_count(mapping.vmo) {
            0 | 1 => add(&mut stats.mem_private_bytes, bytes),
            sharers => {
                add(&mut stats.mem_shared_bytes, bytes);
                add(&mut stats.mem_scaled_shared_bytes, bytes / sharers);
            }
        }
        Ok(Some(Place::Inside(mapping.vmar, mapping.end(), depth)))
    }

    /// How many address spaces map a VMO: an estimate where it is mapped more than 32 times.
    pub(super) fn share_count(&self, id: Id<Vmo>) -> u64 {
        let Some(vmo) = self.objects.vmos.get(id) else { return 0 };
        if vmo.mappings == 0 {
            return 0;
        }
        let Ok((root, _)) = self.resolve(id, 0) else { return 1 };
        let mut seen: [Option<Id<Process>>; MAPPINGS_LOOKED_AT] = [None; MAPPINGS_LOOKED_AT];
        let (mut count, mut at) = (0, self.objects.vmos.get(root).and_then(|root| root.shown.first()));
        for _ in 0..MAPPINGS_LOOKED_AT {
            let Some(here) = at else { break };
            let mapping = self.objects.mappings.get(here);
            let owner = mapping.filter(|mapping| mapping.vmo == id);
            let owner = owner.and_then(|mapping| self.objects.vmars.get(mapping.vmar)?.process);
            let known = seen.get(..count).unwrap_or(&[]);
            if owner.is_some() && !known.contains(&owner) {
                if let Some(place) = seen.get_mut(count) {
                    *place = owner;
                }
                count += 1;
            }
            at = list::next(&self.objects.mappings, here);
        }
        count.max(1) as u64
    }
}
