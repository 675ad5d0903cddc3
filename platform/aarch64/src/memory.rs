//! From a list of RAM to a direct map, a pool of frames and a heap that grows.
//!
//! The order is forced: frames need the direct map, the direct map needs tables, tables need frames. So one
//! stretch of at most 2 MiB is mapped first with tables from the image; it supplies the tables for everything
//! else, and what is left of it joins the pool like all other RAM.
use abi::vmo::CachePolicy;
use abi::{PAGE_SIZE, PhysAddr, PhysRange};

use crate::entry::{Boot, linker};
use crate::frames::{self, CHUNK_SIZE, LENT, Pool, Regions};
use crate::layout::{DIRECT_MAP, DIRECT_MAP_LIMIT};
use crate::ranges::{self, OutOfMemory};
use crate::tables::{self, KernelSpace, MapError, TableSource};
use crate::{copy, descriptor, image, tlb};

/// Why the kernel cannot use the machine's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryError {
    /// None of the RAM is left for the kernel: all of it is reserved, or beyond reach.
    None,
    /// The tree has no memory node.
    NoNode,
    /// This memory node has no size: nobody has filled it in.
    Unfilled(&'static str),
    /// All memory nodes are disabled.
    Disabled,
    /// The boot heap is too small for the lists.
    OutOfMemory,
    /// The direct map cannot be made.
    Map(MapError),
}

impl core::fmt::Display for MemoryError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::None => write!(f, "no memory: all RAM of the tree is reserved or out of reach"),
            Self::NoNode => {
                write!(
                    f,
                    "no memory: the tree has no memory node; have the firmware or the loader add the board's RAM"
                )
            }
            Self::Unfilled(node) => write!(
                f,
                "no memory: /{node} has size 0, so the tree was not filled in by firmware; pass the tree that the \
                 board's firmware leaves, not the file that it starts from"
            ),
            Self::Disabled => write!(f, "no memory: every memory node of the tree is disabled"),
            Self::OutOfMemory => write!(
                f,
                "the boot heap cannot hold the list of memory ranges; give the tree fewer, or reserve a larger heap"
            ),
            Self::Map(error) => error.fmt(f),
        }
    }
}

impl From<OutOfMemory> for MemoryError {
    fn from(_: OutOfMemory) -> Self {
        Self::OutOfMemory
    }
}

impl From<MapError> for MemoryError {
    fn from(error: MapError) -> Self {
        Self::Map(error)
    }
}

impl Boot {
    /// Makes all RAM in `ram` but `reserved` usable. `kept` is RAM that the loader filled for the kernel: it
    /// is mapped whether reserved or not, and never handed out. It lies in `ram`, reachable, outside the
    /// image. The image is never touched but for what lies in it and nothing needs, which becomes RAM like any other: a part
    /// of its heap and of its tables, and what would be below its stacks. The loader's device tree is given up.
    ///
    /// # Safety
    /// 1. `ram` is RAM that nobody else uses but in `reserved`; the lists come from a validated tree.
    /// 2. This is called once.
    ///
    /// # Errors
    /// [`MemoryError`]; the kernel cannot go on then.
    pub(crate) unsafe fn use_memory(
        &mut self,
        ram: &[PhysRange],
        reserved: &[PhysRange],
        kept: &[PhysRange],
    ) -> Result<(), MemoryError> {
        let reachable = self.reachable();
        let mut spans = ranges::subtract(ram, reserved)?;
        spans.try_reserve(kept.len()).map_err(|_| OutOfMemory)?;
        spans.extend(kept.iter().map(|range| range.expand_to_pages()));
        let image = ranges::subtract(&[self.image()], self.take_heap_rest().as_slice())?;
        let mut image = ranges::subtract(&image, self.tables.give_up_spare().as_slice())?;
        for guard in image::guards() {
            let guard = PhysRange::new(image::physical(guard), PAGE_SIZE).ok();
            image = ranges::subtract(&image, guard.as_slice())?;
        }
        spans = ranges::subtract(&spans, &image)?;
        for span in &spans {
            if let Some(lost) = beyond(*span, reachable) {
                crate::println!(
                    "memory: {lost} is beyond {}, as far as the kernel reaches: not used",
                    reachable.last()
                );
            }
        }
        spans.retain_mut(|span| match span.intersect(reachable) {
            Some(part) => {
                *span = part;
                true
            }
            None => false,
        });
        let free = ranges::subtract(&spans, kept)?;

        let seed = seed(&free).ok_or(MemoryError::None)?;
        let mut supply = Supply { next: seed.base().0, end: seed.last().0 };
        let (space, tables) = (&mut self.space, &mut self.tables);
        let direct = |address: PhysAddr| DIRECT_MAP + address.0;
        // SAFETY: 1, the caller says that this is RAM which only the kernel uses. The image and what is
        // reserved were taken out, so nothing but this map leads to it, as Normal memory.
        unsafe { space.map(direct(seed.base()), seed.base(), seed.size(), descriptor::DATA, tables)? };
        for span in ranges::subtract(&spans, &[seed])? {
            // SAFETY: 1, as above.
            unsafe {
                space.map(direct(span.base()), span.base(), span.size(), descriptor::DATA, &mut supply)?
            };
        }
        let mut regions = Regions::default();
        for span in &spans {
            if !regions.add(*span) {
                crate::println!("memory: too many separate stretches of RAM; {span} is not used");
            }
        }
        let bits = map_lent(space, &mut supply, &regions, &free, seed)?;
        let used = PhysRange::new(seed.base(), supply.next - seed.base().0).ok();
        let free = ranges::subtract(&free, used.as_slice())?;
        let free = ranges::subtract(&free, bits.as_slice())?;
        self.forget_tree();
        self.kept.iter_mut().zip(kept).for_each(|(slot, range)| *slot = Some(*range));
        // SAFETY: 1 and 2 of `fill_pool`: everything in the two lists was just mapped, is RAM and free, and so are
        // the bits. 3, this is called once.
        unsafe { fill_pool(regions, &free) }
    }

    /// The part of the boot heap that is not mapped; it will not be, from now on.
    fn take_heap_rest(&mut self) -> Option<PhysRange> {
        let rest = core::mem::replace(&mut self.heap_rest, linker::tables_start());
        PhysRange::new(image::physical(rest), linker::tables_start() - rest).ok()
    }

    /// The bytes of RAM that [`Boot::open_memory`] was told to keep.
    pub fn kept_bytes(&self, range: PhysRange) -> Option<&'static [u8]> {
        if !self.kept.iter().flatten().any(|kept| kept.contains(range)) {
            return None;
        }
        let start = (DIRECT_MAP + range.base().0) as *const u8;
        // SAFETY: the range is in the direct map and was kept out of the pool for good; the loader has finished
        // writing it, and nobody else knows of it.
        Some(unsafe { core::slice::from_raw_parts(start, range.size() as usize) })
    }

    /// Physical addresses that the direct map and the CPU both reach.
    pub(crate) fn reachable(&self) -> PhysRange {
        let limit = DIRECT_MAP_LIMIT.min(1 << crate::cpu::physical_address_bits());
        PhysRange::from_bounds(PhysAddr(0), PhysAddr(limit - 1)).unwrap_or(self.image())
    }
}

/// The part of a range behind the end of another.
fn beyond(range: PhysRange, reachable: PhysRange) -> Option<PhysRange> {
    let first = reachable.last().checked_add(1)?;
    PhysRange::from_bounds(first.max(range.base()), range.last())
}

/// Translation tables from the stretch that was mapped first.
struct Supply {
    next: u64,
    /// The last byte.
    end: u64,
}

impl TableSource for Supply {
    fn take(&mut self) -> Option<PhysAddr> {
        let page = self.next;
        if page >= self.end {
            return None;
        }
        self.next += PAGE_SIZE;
        // SAFETY: 1, the page is in the stretch that is mapped already. 2, nobody has used it yet.
        unsafe { copy::zero_page(DIRECT_MAP + page) };
        Some(PhysAddr(page))
    }
}

/// The stretch to map first: an aligned block, which needs fewest tables, of the largest range; or what there
/// is of a range smaller than that.
fn seed(free: &[PhysRange]) -> Option<PhysRange> {
    let largest = free.iter().max_by_key(|range| range.size())?;
    let aligned = PhysAddr(largest.base().0.checked_next_multiple_of(CHUNK_SIZE)?);
    let block = PhysRange::new(aligned, CHUNK_SIZE).ok().filter(|block| largest.contains(*block));
    let part = PhysRange::new(largest.base(), largest.size().min(CHUNK_SIZE)).ok();
    block.or(part)
}

/// Maps the bits that say which frames are lent, all zero, for the chunks of all regions; the RAM that they are in.
fn map_lent(
    space: &mut KernelSpace,
    supply: &mut Supply,
    regions: &Regions,
    free: &[PhysRange],
    seed: PhysRange,
) -> Result<Option<PhysRange>, MemoryError> {
    let page_down = |address: u64| address & !(PAGE_SIZE - 1);
    // What a region needs, but for the page that it shares with the one before.
    let pieces = || {
        regions.ranges().scan(0, |done, range| {
            let start = page_down(LENT.place(range.base())).max(*done);
            let end = page_down(LENT.place(range.last())) + PAGE_SIZE;
            *done = end.max(*done);
            Some((start, end.saturating_sub(start)))
        })
    };
    let size = pieces().map(|(_, size)| size).sum();
    let home = ranges::subtract(free, &[seed])?.into_iter().find(|range| range.size() >= size);
    let Some(home) = home.and_then(|home| PhysRange::new(home.base(), size).ok()) else {
        // Next to nothing but the first stretch: the bits come from there, with the tables.
        for (start, size) in pieces() {
            for at in (start..start + size).step_by(PAGE_SIZE as usize) {
                let page = supply.take().ok_or(MapError::NoTables)?;
                // SAFETY: 1, a page that nobody has, and of the direct map's memory type.
                unsafe { space.map(at, page, PAGE_SIZE, descriptor::DATA, supply)? };
            }
        }
        return Ok(None);
    };
    let mut next = home.base().0;
    for (start, size) in pieces() {
        for page in (next..next + size).step_by(PAGE_SIZE as usize) {
            // SAFETY: 1, the page is in the direct map. 2, it is free.
            unsafe { copy::zero_page(DIRECT_MAP + page) };
        }
        // SAFETY: 1, these pages are taken out of what the pool gets, and of the direct map's memory type.
        unsafe { space.map(start, PhysAddr(next), size, descriptor::DATA, supply)? };
        next += size;
    }
    Ok(Some(home))
}

/// Gives a chunk another memory type in the direct map; whether it could.
///
/// # Safety
/// 1. Nobody uses a byte of the chunk until this returns, and nobody else calls this.
unsafe fn retype(chunk: PhysAddr, policy: CachePolicy) -> bool {
    // SAFETY: 1, all CPUs have the one root. 2 and 3 by the caller; frames are lent after boot has mapped RAM, and what
    // boot maps later is outside the direct map.
    unsafe { tables::retype(tlb::kernel_root(), DIRECT_MAP + chunk.0, descriptor::data(policy)) }
}

/// Makes the pool: its arrays come out of the first free range that has room for them.
///
/// # Safety
/// 1. `free` lies within the regions, is mapped RAM and nobody's.
/// 2. The bits for the regions are mapped, and zero.
/// 3. This is called once.
unsafe fn fill_pool(regions: Regions, free: &[PhysRange]) -> Result<(), MemoryError> {
    let size = (regions.storage_size() as u64).next_multiple_of(PAGE_SIZE);
    let home = free.iter().find(|range| range.size() > size).ok_or(MemoryError::None)?;
    let storage = PhysRange::new(home.base(), size).map_err(|_| MemoryError::None)?;
    let place = (DIRECT_MAP + storage.base().0) as *mut u8;
    // SAFETY: 1, `storage` is mapped, free, page-aligned and taken out of what the pool gets. 2, the direct
    // map is linear. 3, by the caller.
    let mut pool = unsafe { Pool::new(regions, place, DIRECT_MAP, LENT, retype) };
    for range in ranges::subtract(free, &[storage])? {
        // SAFETY: 1, the ranges are disjoint, mapped, free and page-aligned.
        unsafe { pool.add(range) };
    }
    frames::install(pool);
    Ok(())
}
