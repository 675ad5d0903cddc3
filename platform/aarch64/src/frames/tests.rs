//! The pool over memory of the development machine.
use std::alloc::{Layout, alloc};
use std::collections::BTreeSet;

use super::*;
use abi::{PAGE_SIZE, PhysAddr, PhysRange};

/// Where the pretended RAM starts.
const BASE: u64 = 0x4000_0000;

fn range(base: u64, size: u64) -> PhysRange {
    PhysRange::new(PhysAddr(base), size).unwrap()
}

/// A pool of `chunks` chunks of RAM from [`BASE`] on, of which `free` is given to it.
fn pool(chunks: u64, free: &[PhysRange]) -> Pool {
    pool_at(BASE, chunks, free)
}

/// A pool of `chunks` chunks of RAM from `base` on, of which `free` is given to it.
fn pool_at(base: u64, chunks: u64, free: &[PhysRange]) -> Pool {
    let size = (chunks * CHUNK_SIZE) as usize;
    let mut regions = Regions::default();
    assert!(regions.add(range(base, size as u64)));
    // SAFETY: both layouts have a size. Pool::new 1: the storage has the size that was asked for, is aligned
    // to 16 and is leaked, so it lives for ever. 2: the window leads from the pretended RAM to the real.
    // Pool::add 1: the ranges are disjoint and in that RAM, which is leaked too.
    unsafe {
        let ram = alloc(Layout::from_size_align(size, size.next_power_of_two()).unwrap());
        let storage = alloc(Layout::from_size_align(regions.storage_size(), 16).unwrap());
        // All zero, and as large as the regions need.
        let bits = Box::leak(vec![0_u64; size / (64 * PAGE_SIZE as usize)].into_boxed_slice());
        let above = Lent::new(0).place(PhysAddr(base));
        let lent = Lent::new((bits.as_ptr() as u64).wrapping_sub(above));
        let mut pool = Pool::new(regions, storage, (ram as u64).wrapping_sub(base), lent);
        for range in free {
            pool.add(*range);
        }
        pool
    }
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
    assert!(run.0.is_multiple_of(2 * CHUNK_SIZE));
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
}

#[test]
fn distant_banks_share_one_pool() {
    let mut regions = Regions::default();
    assert!(regions.add(range(0x8000_0000, 0x1000)));
    assert!(regions.add(range(0x8000_1000, CHUNK_SIZE)));
    assert!(regions.add(range(0x8_8000_0000, CHUNK_SIZE)));
    assert_eq!(regions.storage_size() / (size_of::<chunk::ChunkMap>() + 1), 3);
}
