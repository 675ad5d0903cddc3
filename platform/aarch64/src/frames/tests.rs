//! The pool over memory of the development machine.
use std::alloc::{Layout, alloc};
use std::collections::BTreeSet;

use super::*;
use abi::vmo::CachePolicy;
use abi::{PAGE_SIZE, PhysAddr, PhysRange};
use kernel::ports::Run;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Where the pretended RAM starts.
const BASE: u64 = 0x4000_0000;

fn range(base: u64, size: u64) -> PhysRange {
    PhysRange::new(PhysAddr(base), size).unwrap()
}

/// A pool of `chunks` chunks of RAM from [`BASE`] on, of which `free` is given to it.
fn pool(chunks: u64, free: &[PhysRange]) -> Pool {
    pool_at(BASE, chunks, free)
}

thread_local! {
    /// What the direct map has that is not cached.
    static TYPES: RefCell<BTreeMap<u64, CachePolicy>> = const { RefCell::new(BTreeMap::new()) };
}

/// # Safety
/// 1. None: nobody follows these addresses.
unsafe fn retype(chunk: PhysAddr, policy: CachePolicy) -> bool {
    TYPES.with_borrow_mut(|types| match policy {
        CachePolicy::Cached => assert!(types.remove(&chunk.0).is_some(), "{chunk} was cached"),
        other => assert!(types.insert(chunk.0, other).is_none(), "{chunk} has a type already"),
    });
    true
}

/// A pool of `chunks` chunks of RAM from `base` on, of which `free` is given to it.
fn pool_at(base: u64, chunks: u64, free: &[PhysRange]) -> Pool {
    let size = (chunks * CHUNK_SIZE) as usize;
    let mut regions = Regions::default();
    assert!(regions.add(range(base, size as u64)));
    // SAFETY: both layouts have a size. Pool::new 1: the storage has the size that was asked for, is aligned
    // to 16 and is leaked, so it lives for ever. 2: the window leads from the pretended RAM to the real. 3: the bits
    // are all zero, and this pool's. Pool::add 1: the ranges are disjoint and in that RAM, which is leaked too.
    unsafe {
        let ram = alloc(Layout::from_size_align(size, size.next_power_of_two()).unwrap());
        let storage = alloc(Layout::from_size_align(regions.storage_size(), 16).unwrap());
        // All zero, and as large as the regions need.
        let bits = Box::leak(vec![0_u64; size / (64 * PAGE_SIZE as usize)].into_boxed_slice());
        let above = Lent::new(0).place(PhysAddr(base));
        let lent = Lent::new((bits.as_mut_ptr() as u64).wrapping_sub(above));
        let mut pool = Pool::new(regions, storage, (ram as u64).wrapping_sub(base), lent, retype);
        for range in free {
            pool.add(*range);
        }
        pool
    }
}

fn run(pages: u64, align: u64, within: PhysRange, policy: CachePolicy) -> Run {
    Run { pages, align, within, policy }
}

#[test]
fn page_0_is_never_lent() {
    let mut pool = pool_at(0, 2, &[range(0, 2 * CHUNK_SIZE)]);
    let lent: BTreeSet<_> = std::iter::from_fn(|| pool.lend()).collect();
    assert_eq!(lent.first(), Some(&PhysAddr(PAGE_SIZE)));
    assert_eq!(lent.len(), 2 * CHUNK_PAGES - 1);
    let mut pool = pool_at(0, 1, &[range(0, PAGE_SIZE)]);
    assert_eq!(pool.lend(), None);
}

#[test]
fn every_page_is_lent_once_and_comes_back() {
    let ram = range(BASE, 4 * CHUNK_SIZE);
    let mut pool = pool(4, &[ram]);
    for _ in 0..2 {
        let mut lent = BTreeSet::new();
        while let Some(frame) = pool.lend() {
            assert!(ram.contains_addr(frame) && frame.is_page_aligned());
            assert!(pool.lent().contains(frame));
            assert!(lent.insert(frame), "{frame} was lent twice");
        }
        assert_eq!(lent.len(), 4 * CHUNK_PAGES);
        assert_eq!(pool.free_pages().0, 0);
        for frame in lent {
            assert!(pool.take_back(frame));
        }
        assert_eq!(pool.free_pages().0, 4 * CHUNK_PAGES as u64);
    }
}

#[test]
fn a_page_that_is_not_lent_cannot_come_back() {
    let mut pool = pool(2, &[range(BASE, 2 * CHUNK_SIZE)]);
    let frame = pool.lend().unwrap();
    assert!(!pool.take_back(PhysAddr(frame.0 + 1)), "not a page");
    assert!(!pool.take_back(PhysAddr(frame.0 + PAGE_SIZE)), "never lent");
    assert!(!pool.take_back(PhysAddr(BASE - PAGE_SIZE)), "no RAM");
    assert!(pool.take_back(frame));
    assert!(!pool.take_back(frame), "twice");
    assert!(!pool.lent().contains(frame));
}

/// Pages that are lent one by one, runs and chunks that join again, in an order that looks random.
#[test]
fn pages_and_runs_come_and_go() {
    const CHUNKS: u64 = 4;
    let ram = range(BASE, CHUNKS * CHUNK_SIZE);
    let mut pool = pool(CHUNKS, &[ram]);
    let (mut lent, mut state) = (Vec::new(), 1_u64);
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for step in 0..if cfg!(miri) { 300 } else { 30_000 } {
        // Now more is taken than comes back, now less.
        let taking = if step / 3000 % 2 == 0 { 6 } else { 3 };
        match random(10) {
            0 => {
                let pages = 1 + random(80) as u64;
                if let Some(first) = pool.lend_run(&run(pages, PAGE_SIZE, ram, CachePolicy::Cached)) {
                    lent.extend((0..pages).map(|page| PhysAddr(first.0 + page * PAGE_SIZE)));
                }
            }
            kind if kind <= taking => lent.extend(pool.lend()),
            _ => {
                for _ in 0..1 + random(8) {
                    if !lent.is_empty() {
                        assert!(pool.take_back(lent.swap_remove(random(lent.len()))));
                    }
                }
            }
        }
        assert_eq!(pool.free_pages().0, CHUNKS * CHUNK_PAGES as u64 - lent.len() as u64);
        if step % 1000 == 0 {
            assert_eq!(lent.iter().collect::<BTreeSet<_>>().len(), lent.len());
            assert!(lent.iter().all(|frame| pool.lent().contains(*frame)));
        }
    }
    for frame in lent {
        assert!(pool.take_back(frame) && !pool.take_back(frame));
    }
    assert!(pool.take_run(CHUNKS as usize * CHUNK_PAGES).is_some(), "all joined again");
}

/// What is drawn out of a chunk for single pages is there for runs all the same.
#[test]
fn a_run_finds_what_is_in_front() {
    let mut pool = pool(1, &[range(BASE, 4 * PAGE_SIZE)]);
    let first = pool.lend().unwrap();
    assert_eq!(pool.free_pages().0, 3);
    assert!(pool.take_run(3).is_some());
    assert_eq!((pool.lend(), pool.free_pages().0), (None, 0));
    assert!(pool.take_back(first));
    assert_eq!((pool.lend(), pool.lend()), (Some(first), None));
}

#[test]
fn incomplete_chunks_are_used_and_nothing_around_them() {
    let free = [range(BASE + 0x3000, 0x2000), range(BASE + CHUNK_SIZE - 0x1000, 0x3000)];
    let mut pool = pool(3, &free);
    let mut lent: Vec<_> = std::iter::from_fn(|| pool.lend()).map(|frame| frame.0 - BASE).collect();
    lent.sort_unstable();
    let end = CHUNK_SIZE;
    assert_eq!(lent, [0x3000, 0x4000, end - 0x1000, end, end + 0x1000]);
    for frame in lent {
        assert!(pool.take_back(PhysAddr(BASE + frame)));
    }
    assert_eq!(pool.free_pages().0, 5);
}

#[test]
fn free_chunks_join_into_runs_again() {
    let mut pool = pool(4, &[range(BASE, 4 * CHUNK_SIZE)]);
    let lent: Vec<_> = std::iter::from_fn(|| pool.lend()).collect();
    assert_eq!(pool.take_run(2 * CHUNK_PAGES), None);
    for frame in lent {
        assert!(pool.take_back(frame));
    }
    let run = pool.take_run(2 * CHUNK_PAGES).unwrap();
    assert!(run.0.is_multiple_of(CHUNK_SIZE));
    assert_eq!(pool.free_pages().0, 2 * CHUNK_PAGES as u64);
    assert!(!pool.lent().contains(run), "a run is the kernel's own");
    assert!(!pool.take_back(run));
}

#[test]
fn a_run_is_contiguous_and_never_lent() {
    let mut pool = pool(1, &[range(BASE, CHUNK_SIZE)]);
    let first = pool.lend().unwrap();
    let run = pool.take_run(64).unwrap();
    assert!(!range(run.0, 64 * PAGE_SIZE).contains_addr(first));
    while let Some(frame) = pool.lend() {
        assert!(!range(run.0, 64 * PAGE_SIZE).contains_addr(frame));
    }
    assert_eq!(pool.take_run(1), None);
    let mut fresh = self::pool(2, &[range(BASE, 2 * CHUNK_SIZE)]);
    assert!(fresh.take_run(16).is_some(), "with no chunk broken up yet");
}

#[test]
fn distant_banks_share_one_pool() {
    let mut regions = Regions::default();
    assert!(regions.add(range(0x8000_0000, 0x1000)));
    assert!(regions.add(range(0x8000_1000, CHUNK_SIZE)));
    assert!(regions.add(range(0x8_8000_0000, CHUNK_SIZE)));
    assert_eq!(regions.storage_size() / (size_of::<chunk::ChunkMap>() + 1), 3);
}

#[test]
fn a_run_lies_where_it_is_wanted_and_comes_back_page_by_page() {
    let ram = range(BASE, 8 * CHUNK_SIZE);
    let mut pool = pool(8, &[ram]);
    let low = range(BASE, 4 * CHUNK_SIZE + 0x5000);
    for (pages, align, within) in [
        (1, PAGE_SIZE, low),
        (7, 0x8000, low),
        (3 * CHUNK_PAGES as u64, PAGE_SIZE, low),
        (CHUNK_PAGES as u64 + 1, 2 * CHUNK_SIZE, ram),
        (16, 4 * CHUNK_SIZE, ram),
        (8 * CHUNK_PAGES as u64, PAGE_SIZE, ram),
    ] {
        let before = pool.free_pages().0;
        let first = pool.lend_run(&run(pages, align, within, CachePolicy::Cached)).unwrap();
        let taken = range(first.0, pages * PAGE_SIZE);
        assert!(within.contains(taken) && first.0.is_multiple_of(align), "{taken}");
        assert_eq!(pool.free_pages().0, before - pages);
        for page in 0..pages {
            let frame = PhysAddr(first.0 + page * PAGE_SIZE);
            assert_eq!(pool.policy_of(frame), Some(CachePolicy::Cached));
            assert!(pool.take_back(frame) && !pool.take_back(frame));
        }
        assert_eq!(pool.free_pages().0, before);
    }
    let all = 8 * CHUNK_PAGES as u64;
    assert_eq!(pool.lend_run(&run(all + 1, PAGE_SIZE, ram, CachePolicy::Cached)), None);
    assert_eq!(pool.lend_run(&run(u64::MAX, PAGE_SIZE, ram, CachePolicy::Cached)), None);
    assert_eq!(pool.lend_run(&run(1, 1 << 63, ram, CachePolicy::Cached)), None);
    assert_eq!(pool.lend_run(&run(2, PAGE_SIZE, range(BASE, PAGE_SIZE), CachePolicy::Cached)), None);
}

#[test]
fn a_chunk_has_one_memory_type_until_its_last_page_is_back() {
    let ram = range(BASE, 4 * CHUNK_SIZE);
    let mut pool = pool(4, &[ram]);
    let policies = [CachePolicy::Uncached, CachePolicy::UncachedDevice, CachePolicy::WriteCombining];
    let mut lent = Vec::new();
    for policy in policies {
        for pages in [1, 3] {
            let first = pool.lend_run(&run(pages, PAGE_SIZE, ram, policy)).unwrap();
            lent.extend((0..pages).map(|page| PhysAddr(first.0 + page * PAGE_SIZE)));
            assert_eq!(pool.policy_of(first), Some(policy));
            assert!(!pool.lent().contains(first), "the kernel's fast way to it is closed");
            assert_eq!(pool.policy_of(PhysAddr(first.0 + pages * PAGE_SIZE)), None);
        }
    }
    let cached = pool.lend().unwrap();
    let chunk = |frame: PhysAddr| frame.0 & !(CHUNK_SIZE - 1);
    TYPES.with_borrow(|types| {
        assert_eq!(types.len(), 3);
        assert!(!types.contains_key(&chunk(cached)));
    });
    for frame in lent {
        assert!(TYPES.with_borrow(|types| types.contains_key(&chunk(frame))));
        assert!(pool.take_back(frame) && !pool.take_back(frame));
    }
    assert!(TYPES.with_borrow(BTreeMap::is_empty));
    let large =
        pool.lend_run(&run(CHUNK_PAGES as u64 * 2, PAGE_SIZE, ram, CachePolicy::WriteCombining)).unwrap();
    assert_eq!(TYPES.with_borrow(BTreeMap::len), 2);
    for page in 0..CHUNK_PAGES as u64 * 2 {
        assert!(pool.take_back(PhysAddr(large.0 + page * PAGE_SIZE)));
    }
    assert!(TYPES.with_borrow(BTreeMap::is_empty));
}
