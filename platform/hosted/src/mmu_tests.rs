//! What the model forgives, what it remembers, and what it refuses.

use abi::PAGE_SIZE;

use super::*;

const SPACE: Asid = Asid(1);
const ADDRESS: VirtAddr = VirtAddr(0x0123_4567_8000);
/// Page, AF, nG, EL0 read-write, UXN, PXN, attribute 2 (Normal write-back), inner shareable.
const PAGE: u64 = 3 | 1 << 10 | 1 << 11 | 1 << 6 | 1 << 54 | 1 << 53 | 2 << 2 | 3 << 8;
const READ_ONLY: u64 = 1 << 7;

/// Tables for one page at [`ADDRESS`], written and published as the kernel would.
struct Bench {
    ram: Ram,
    mmu: Mmu,
    /// Where the last level's descriptor is.
    slot: PhysAddr,
    /// A frame to map.
    target: PhysAddr,
}

impl Bench {
    fn new() -> Self {
        let mut ram = Ram::new(PhysRange::new(PhysAddr(0x4000_0000), 64 * PAGE_SIZE).unwrap());
        let mut mmu = Mmu::new(40);
        let tables: Vec<_> = (0..4).map(|_| ram.allocate().unwrap()).collect();
        tables.iter().for_each(|table| ram.zero(*table));
        for level in 0..3 {
            let at = entry_address(tables[level], level as u32, ADDRESS.0);
            mmu.write_descriptor(&mut ram, at, tables[level + 1].0 | 3);
        }
        mmu.publish();
        mmu.activate(Some((tables[0], SPACE)));
        let target = ram.allocate().unwrap();
        Self { slot: entry_address(tables[3], 3, ADDRESS.0), ram, mmu, target }
    }

    fn set(&mut self, value: u64) {
        self.mmu.write_descriptor(&mut self.ram, self.slot, value);
    }

    fn map(&mut self) {
        self.set(self.target.0 | PAGE);
        self.mmu.publish();
    }

    fn read(&mut self) -> Result<PhysAddr, WalkFault> {
        self.mmu.access(&self.ram, ADDRESS, Access::Read).map(|found| found.address)
    }
}

#[test]
fn a_page_is_found_with_its_offset() {
    let mut bench = Bench::new();
    assert_eq!(bench.read(), Err(WalkFault::Translation(3)));
    bench.map();
    let found = bench.mmu.access(&bench.ram, VirtAddr(ADDRESS.0 + 0x123), Access::Write).unwrap();
    assert_eq!(found.address, PhysAddr(bench.target.0 + 0x123));
    assert_eq!(bench.mmu.unfinished(&bench.ram), None);
}

#[test]
fn the_walker_sees_what_is_published() {
    let mut bench = Bench::new();
    bench.set(bench.target.0 | PAGE);
    assert_eq!(bench.read(), Err(WalkFault::Translation(3)));
    assert!(bench.mmu.unfinished(&bench.ram).unwrap().contains("not published"));
    bench.mmu.publish();
    assert_eq!(bench.read(), Ok(bench.target));
}

#[test]
fn a_translation_lives_until_its_invalidation_is_complete() {
    let mut bench = Bench::new();
    bench.map();
    bench.read().unwrap();
    bench.set(0);
    bench.mmu.publish();
    assert_eq!(bench.read(), Ok(bench.target), "nobody told the TLB");
    assert!(bench.mmu.unfinished(&bench.ram).unwrap().contains("stale TLB entry"));
    bench.mmu.invalidate_leaf(SPACE, ADDRESS);
    assert_eq!(bench.read(), Ok(bench.target), "nobody waited");
    assert!(bench.mmu.unfinished(&bench.ram).unwrap().contains("not completed"));
    bench.mmu.complete();
    assert_eq!(bench.read(), Err(WalkFault::Translation(3)));
    assert_eq!(bench.mmu.unfinished(&bench.ram), None);
}

#[test]
fn a_leaf_invalidation_keeps_the_way_to_it() {
    let mut bench = Bench::new();
    bench.map();
    bench.read().unwrap();
    let (root, _) = bench.mmu.active().unwrap();
    let top = entry_address(root, 0, ADDRESS.0);
    bench.set(0);
    bench.mmu.write_descriptor(&mut bench.ram, top, 0);
    bench.mmu.publish();
    bench.mmu.invalidate_leaf(SPACE, ADDRESS);
    bench.mmu.complete();
    assert!(bench.mmu.unfinished(&bench.ram).unwrap().contains("stale walk"));
    bench.mmu.invalidate_walk(SPACE, ADDRESS);
    bench.mmu.complete();
    assert_eq!(bench.mmu.unfinished(&bench.ram), None);
    assert_eq!(bench.read(), Err(WalkFault::Translation(0)));
}

#[test]
fn another_space_is_not_touched() {
    let mut bench = Bench::new();
    bench.map();
    bench.read().unwrap();
    bench.set(0);
    bench.mmu.publish();
    bench.mmu.invalidate_space(Asid(2));
    bench.mmu.complete();
    assert_eq!(bench.read(), Ok(bench.target));
    bench.mmu.invalidate_space(SPACE);
    bench.mmu.complete();
    assert_eq!(bench.read(), Err(WalkFault::Translation(3)));
}

#[test]
fn permissions_are_the_descriptors() {
    let mut bench = Bench::new();
    bench.set(bench.target.0 | PAGE | READ_ONLY);
    bench.mmu.publish();
    let mut try_access = |address, access| bench.mmu.access(&bench.ram, address, access).map(|_| ());
    assert_eq!(try_access(ADDRESS, Access::Read), Ok(()));
    assert_eq!(try_access(ADDRESS, Access::Write), Err(WalkFault::Permission(3)));
    assert_eq!(try_access(ADDRESS, Access::Execute), Err(WalkFault::Permission(3)));
    assert_eq!(try_access(VirtAddr(0xffff_0000_0000_0000), Access::Read), Err(WalkFault::Permission(3)));
    assert_eq!(try_access(VirtAddr(0x0001_0000_0000_0000), Access::Read), Err(WalkFault::Translation(0)));
}

#[test]
fn an_address_beyond_the_cpu_is_an_address_size_fault() {
    let mut bench = Bench::new();
    bench.set(1 << 40 | PAGE);
    bench.mmu.publish();
    assert_eq!(bench.read(), Err(WalkFault::AddressSize(3)));
    assert_eq!(WalkFault::AddressSize(3).status_code(), 0b000011);
    assert_eq!(WalkFault::Permission(2).status_code(), 0b001110);
}

#[test]
#[should_panic(expected = "without break-before-make")]
fn a_live_address_may_not_change() {
    let mut bench = Bench::new();
    bench.map();
    bench.set((bench.target.0 + 0x1000) | PAGE);
}

#[test]
#[should_panic(expected = "while the TLB still holds")]
fn a_broken_descriptor_is_made_after_its_invalidation() {
    let mut bench = Bench::new();
    bench.map();
    bench.read().unwrap();
    bench.set(0);
    bench.mmu.publish();
    bench.set((bench.target.0 + 0x1000) | PAGE);
}

#[test]
#[should_panic(expected = "was published")]
fn an_invalidation_comes_after_the_barrier() {
    let mut bench = Bench::new();
    bench.map();
    bench.read().unwrap();
    bench.set(0);
    bench.mmu.invalidate_leaf(SPACE, ADDRESS);
}

#[test]
#[should_panic(expected = "Device memory that EL0 may execute")]
fn device_memory_is_never_executable() {
    let mut bench = Bench::new();
    bench.set(((0x0901_0000 | PAGE) & !(7 << 2) & !(1 << 54)) | (1 << 2));
    bench.mmu.publish();
    let _fault = bench.read();
}

#[test]
#[should_panic(expected = "without nG")]
fn user_pages_belong_to_an_asid() {
    let mut bench = Bench::new();
    bench.set((bench.target.0 | PAGE) & !(1 << 11));
    bench.mmu.publish();
    let _fault = bench.read();
}

#[test]
fn the_probe_reads_as_par_el1() {
    let mut bench = Bench::new();
    let par = |bench: &Bench, access| crate::par::from_walk(bench.mmu.probe(&bench.ram, ADDRESS, access));
    assert_eq!(par(&bench, Access::Read), 1 | 0b000111 << 1 | 1 << 11);
    // No RAM, which has one memory type.
    let window = 0x0901_0000;
    let normal = window | 1 << 11;
    for (index, attribute, shareability) in [(0, 0x00, 2), (1, 0x04, 2), (2, 0xFF, 3), (3, 0x44, 2)] {
        bench.set(0);
        bench.mmu.publish();
        bench.mmu.invalidate_leaf(SPACE, ADDRESS);
        bench.mmu.complete();
        bench.set((window | PAGE | READ_ONLY) & !(7 << 2) | index << 2);
        bench.mmu.publish();
        assert_eq!(par(&bench, Access::Read), normal | attribute << 56 | shareability << 7);
        assert_eq!(par(&bench, Access::Write), 1 | 0b001111 << 1 | 1 << 11);
    }
}

#[test]
#[should_panic(expected = "another memory type")]
fn ram_is_not_shown_by_another_type_than_the_kernels() {
    let mut bench = Bench::new();
    bench.set((bench.target.0 | PAGE) & !(7 << 2) | 3 << 2);
    bench.mmu.publish();
    let _fault = bench.read();
}

/// A frame of RAM that is write-combining.
fn uncached_frame() -> (Bench, PhysAddr) {
    let mut bench = Bench::new();
    let within = PhysRange::new(PhysAddr(0x4000_0000), 4 << 20).unwrap();
    bench.ram = Ram::new(within);
    for _ in 0..5 {
        let table = bench.ram.allocate().unwrap();
        bench.ram.zero(table);
    }
    let policy = abi::vmo::CachePolicy::WriteCombining;
    let run = kernel::ports::Run { pages: 1, align: PAGE_SIZE, within, policy };
    let frame = bench.ram.allocate_run(&run).unwrap();
    (bench, frame)
}

#[test]
#[should_panic(expected = "another memory type")]
fn an_uncached_frame_has_no_cached_alias() {
    let (bench, frame) = uncached_frame();
    let leaf = Leaf { raw: frame.0 | PAGE, level: 3 };
    check_type(&bench.ram, leaf, bench.slot);
}

#[test]
#[should_panic(expected = "caches may hold")]
fn an_uncached_frame_is_cleaned_before_it_is_shown() {
    let (bench, frame) = uncached_frame();
    let leaf = Leaf { raw: frame.0 | PAGE | 1 << 2, level: 3 };
    check_type(&bench.ram, leaf, bench.slot);
}
