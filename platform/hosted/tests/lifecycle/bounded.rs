//! Long work in bounded pieces: however much a program has made, one entry into the kernel does a bounded part.
//!
//! Each test makes something large, ends or changes it, and asks for the most that a single entry did meanwhile:
//! ports used (frames, descriptors), blocks of the heap, objects looked at.

use abi::resource::{FLAG_EXCLUSIVE, Kind};
use abi::vmar::{MAP_RANGE, PERM_READ, PERM_WRITE, RangeOp, SPECIFIC, SPECIFIC_OVERWRITE, USER_BASE};
use abi::vmo::CachePolicy;
use abi::{PAGE_SIZE, Rights, Status, Sysno, VirtAddr};
use hosted::virt::SRAM;
use hosted::{Width, Work};
use scenarios::System;
use scenarios::agent::{Arg, DATA, Do, Step};

use super::Driven;
use super::child::Child;

/// What one entry may do. Most ports are used by what takes tables apart.
const MOST: Work = Work { ports: 4000, blocks: 300, looks: 1000 };
const VMO_SIZE: u64 = 4 << 30;
const MAPPED: u64 = 1 << 30;
const RW: u32 = PERM_READ | PERM_WRITE;

impl Driven {
    /// Does something, and sees to it that no entry into the kernel did too much until all is settled.
    pub(super) fn bounded(&mut self, what: &str, f: impl FnOnce(&mut Self)) {
        self.settle();
        self.program.board.cpu.take_most_work();
        f(self);
        self.sleep(200_000_000);
        let most = self.program.board.cpu.take_most_work();
        println!("{what}: {most:?}");
        let is_bounded = most.ports <= MOST.ports && most.blocks <= MOST.blocks && most.looks <= MOST.looks;
        assert!(is_bounded, "{what}: one entry did {most:?}, and may do {MOST:?}");
        self.check();
    }

    /// A VMO of 4 GiB with so many pages, evenly spread.
    fn large_vmo(&mut self, pages: u64) -> u64 {
        let vmo = self.making(Sysno::vmo_create, &[VMO_SIZE, 0]).unwrap();
        let from = self.scratch(0x1000);
        for page in 0..pages {
            self.call(Sysno::vmo_write, &[vmo, from, page * (VMO_SIZE / pages), 8]).unwrap();
        }
        vmo
    }

    /// Fills a channel with messages of 64 handles each.
    fn send_handles(&mut self, channel: u64, messages: u64) {
        let event = self.making(Sysno::event_create, &[0]).unwrap();
        let values = self.scratch(0x1000);
        for _ in 0..messages {
            for index in 0..64 {
                let same = u64::from(Rights::SAME_RIGHTS.0);
                self.call(Sysno::handle_duplicate, &[event, same, values + 4 * index]).unwrap();
            }
            self.call(Sysno::channel_write, &[channel, 0, values, 0, values, 64]).unwrap();
        }
        self.close(event);
    }

    fn channel(&mut self) -> (u64, u64) {
        let out = self.scratch(0);
        self.call(Sysno::channel_create, &[0, out, out + 4]).unwrap();
        (u64::from(self.read32(0)), u64::from(self.read32(4)))
    }
}

#[test]
fn a_large_process_is_killed_in_pieces() {
    let mut driven = Driven::start();
    let (near, far) = driven.channel();
    driven.send_handles(near, 1563);
    let read = [0, 0, 0, DATA + 64, 0, 64, DATA + 512, DATA + 520]
        .map(|word| if word >= DATA { Arg::Script(word) } else { Arg::Is(word) });
    let vmo = driven.large_vmo(8192);
    let mut child = Child::default();
    let (offset, out) = (64 << 30, driven.scratch(8));
    let at = USER_BASE + offset;
    let steps = [
        Step::new(Do::Touch, &[Arg::Is(at), Arg::Is(at + MAPPED)]),
        Step::give_handle(2),
        Step::call(Sysno::channel_read, &read),
        Step::again(2),
    ];
    driven.make_child_with(&mut child, &steps).unwrap();
    let options = u64::from(SPECIFIC | RW);
    driven.call(Sysno::vmar_map, &[child.vmar, options, offset, vmo, 0, MAPPED, out]).unwrap();
    driven.start_child(&child, far).unwrap();
    driven.close(vmo);
    driven.sleep(60_000_000);
    driven.bounded("kill", |driven| driven.call(Sysno::task_kill, &[child.process]).unwrap());
}

#[test]
fn a_large_vmo_is_closed_in_pieces() {
    let mut driven = Driven::start();
    let vmo = driven.large_vmo(8192);
    driven.bounded("close a VMO", |driven| driven.close(vmo));
}

#[test]
fn a_full_channel_is_closed_in_pieces() {
    let mut driven = Driven::start();
    let (near, far) = driven.channel();
    driven.send_handles(near, 200);
    driven.bounded("close a channel", |driven| driven.close(far));
}

/// Deadlines that come together end their waits a few at a time.
#[test]
fn many_deadlines_that_come_at_once_are_met_in_pieces() {
    let mut driven = Driven::start();
    let deadline = driven.now() + 400_000_000;
    for _ in 0..500 {
        driven
            .start_thread(&[(Sysno::nanosleep, [deadline, 0, 0, 0]), (Sysno::thread_exit, [0; 4])])
            .unwrap();
    }
    driven.sleep(1_000_000);
    assert!(driven.now() < deadline, "they all sleep before the first wakes");
    driven.program.board.cpu.take_most_work();
    driven.sleep(400_000_000);
    let most = driven.program.board.cpu.take_most_work();
    assert!(most.looks <= MOST.looks, "{most:?}");
}

/// A window at an address where no block can show it takes a leaf for each page: what is shown at once is bounded.
#[test]
fn a_large_window_is_mapped_at_any_address_in_bounded_time() {
    let mut driven = Driven::start();
    let root = u64::from(driven.world.mmio_root);
    let (base, size) = (hosted::virt::HOLE, 128 << 20);
    let window = driven.making(Sysno::vmo_create_physical, &[root, base, size]).unwrap();
    let (vmar, out) = (u64::from(driven.world.vmar), driven.scratch(8));
    let options = u64::from(SPECIFIC | RW);
    driven.bounded("map a window", |driven| {
        let place = (64 << 30) + PAGE_SIZE;
        driven.call(Sysno::vmar_map, &[vmar, options, place, window, 0, size, out]).unwrap();
        let at = driven.read64(8);
        driven.unmap(at, size).unwrap();
    });
    driven.close(window);
}

/// Every other page of a window is mapped by itself, and then all of it: what one entry does depends on neither.
#[test]
fn a_window_over_very_many_mappings_of_its_pages() {
    const MANY: u64 = 8192;
    for policy in [CachePolicy::UncachedDevice, CachePolicy::Cached] {
        let mut driven = Driven::start();
        let root = u64::from(driven.world.mmio_root);
        let (base, size) = match policy {
            CachePolicy::Cached => SRAM,
            _ => (hosted::virt::HOLE, 2 * MANY * PAGE_SIZE),
        };
        let [window, other] = [policy, CachePolicy::Uncached].map(|policy| {
            let vmo = driven.making(Sysno::vmo_create_physical, &[root, base, size]).unwrap();
            driven.call(Sysno::vmo_set_cache_policy, &[vmo, policy as u64]).unwrap();
            vmo
        });
        let offsets = (0..size).step_by(2 * PAGE_SIZE as usize);
        let pages: Vec<_> =
            offsets.map(|offset| driven.map(RW, window, offset, PAGE_SIZE).unwrap()).collect();
        driven.bounded("a window over many of its pages", |driven| {
            let at = driven.map(RW, window, 0, size).unwrap();
            assert_eq!(driven.map(RW, other, 0, size), Err(Status::BAD_STATE));
            driven.unmap(at + size / 4, size / 2).unwrap();
            let over = u64::from(RW | SPECIFIC_OVERWRITE);
            let out = driven.scratch(8);
            let args = [u64::from(driven.world.vmar), over, at - USER_BASE, window, 0, size, out];
            driven.call(Sysno::vmar_map, &args).unwrap();
            driven.unmap(at, size).unwrap();
        });
        driven.bounded("the end of many pages", |driven| {
            pages.into_iter().for_each(|at| driven.unmap(at, PAGE_SIZE).unwrap());
        });
        driven.bounded("another type", |driven| {
            let at = driven.map(RW, other, 0, size).unwrap();
            driven.unmap(at, size).unwrap();
        });
    }
}

#[test]
fn a_large_mapping_is_unmapped_in_pieces() {
    let mut driven = Driven::start();
    let vmo = driven.large_vmo(1);
    let at = driven.map(RW, vmo, 0, MAPPED).unwrap();
    for address in (at..at + MAPPED).step_by(2 << 20) {
        driven.program.board.cpu.store(VirtAddr(address), Width::Double, 1);
    }
    for address in (at..at + (4 << 20)).step_by(PAGE_SIZE as usize) {
        driven.program.board.cpu.store(VirtAddr(address), Width::Double, 1);
    }
    driven.bounded("unmap", |driven| driven.unmap(at, MAPPED).unwrap());
}

/// A snapshot of a large VMO that many mappings show, writes to what is shared then, and the end of both.
#[test]
fn snapshots_of_what_is_large() {
    let mut driven = Driven::start();
    let vmo = driven.large_vmo(2048);
    let views: Vec<u64> = (0..24).map(|_| driven.map(RW, vmo, 0, MAPPED).unwrap()).collect();
    for view in &views {
        for page in 0..64 {
            driven.program.board.cpu.load(VirtAddr(view + page * (VMO_SIZE / 2048)), Width::Byte);
        }
    }
    let mut clone = 0;
    driven.bounded("a snapshot of 2048 pages in 24 mappings", |driven| {
        let args = [vmo, u64::from(abi::vmo::child::SNAPSHOT), PAGE_SIZE, VMO_SIZE - 2 * PAGE_SIZE];
        clone = driven.making(Sysno::vmo_create_child, &args).unwrap();
    });
    driven.bounded("reads and writes of shared pages", |driven| {
        for view in &views {
            driven.program.board.cpu.load(VirtAddr(*view + VMO_SIZE / 2048), Width::Byte);
        }
        driven.program.board.cpu.store(VirtAddr(views[0] + VMO_SIZE / 2048), Width::Byte, 1);
        let from = driven.scratch(0x1000);
        driven.call(Sysno::vmo_write, &[vmo, from, 0, 64 << 10]).unwrap();
        driven.call(Sysno::vmo_write, &[clone, from, 0, 64 << 10]).unwrap();
    });
    driven.bounded("the end of a clone", |driven| driven.close(clone));
    driven.bounded("the end of its parent", |driven| {
        views.iter().for_each(|view| driven.unmap(*view, MAPPED).unwrap());
        driven.close(vmo);
    });
}

/// What one more resource costs does not depend on how many were minted, wherever they lie.
#[test]
fn minting_among_very_many_resources_looks_at_few() {
    const MANY: u64 = 100_000;
    let mut driven = Driven::start();
    let (root, name) = (u64::from(driven.world.irq_root), driven.scratch(64));
    let (shared, exclusive) = (u64::from(Kind::Irq as u32), u64::from(Kind::Irq as u32 | FLAG_EXCLUSIVE));
    let mint = |driven: &mut Driven, options, base, size| {
        driven.making(Sysno::resource_create, &[root, options, base, size, name, 0])
    };
    for n in 0..MANY {
        // Every other number, now and then one for good, and some of them over many others.
        let (options, size) = if n % 5 == 0 { (exclusive, 1) } else { (shared, 1 + n % 3 / 2 * 2) };
        mint(&mut driven, options, 1000 + 8 * n, size).unwrap();
    }
    let before = driven.program.board.cpu.kernel.looks();
    let end = 1000 + 8 * MANY;
    assert_eq!(mint(&mut driven, exclusive, 0, end), Err(Status::NOT_FOUND));
    assert_eq!(mint(&mut driven, exclusive, 1000 + 8 * 49_999, 1), Err(Status::NOT_FOUND));
    assert_eq!(mint(&mut driven, shared, 1000 + 8 * 50_000, 1), Err(Status::NOT_FOUND));
    let between = mint(&mut driven, exclusive, 1003 + 8 * 50_000, 4).unwrap();
    assert_eq!(mint(&mut driven, shared, 1000 + 8 * 50_000 + 6, 1), Err(Status::NOT_FOUND));
    driven.close(between);
    let over = mint(&mut driven, shared, 1001 + 8 * 50_000, 7).unwrap();
    driven.close(over);
    let behind = mint(&mut driven, exclusive, end, 1).unwrap();
    driven.close(behind);
    let looks = driven.program.board.cpu.kernel.looks() - before;
    println!("looks of ten calls: {looks}");
    assert!(looks <= 3000, "ten calls looked at {looks} objects");
    driven.check();
}

/// What takes the place of very much does so in pieces, and of many mappings.
#[test]
fn very_much_is_mapped_over_in_pieces() {
    const MANY: u64 = 100;
    /// Each with a table of its own.
    const APART: u64 = 2 << 20;
    let mut driven = Driven::start();
    let (vmar, out) = (u64::from(driven.world.vmar), driven.scratch(8));
    let old = driven.making(Sysno::vmo_create, &[VMO_SIZE, 0]).unwrap();
    let new = driven.making(Sysno::vmo_create, &[VMO_SIZE, 0]).unwrap();
    let at = driven.map(RW, old, 0, MAPPED).unwrap();
    for offset in (0..MAPPED).step_by(APART as usize) {
        driven.program.poke(VirtAddr(at + offset), &[1]);
    }
    let over = u64::from(PERM_READ | SPECIFIC_OVERWRITE);
    driven.bounded("map over 1 GiB", |driven| {
        driven.call(Sysno::vmar_map, &[vmar, over, at - USER_BASE, new, 0, MAPPED, out]).unwrap();
    });
    driven.unmap(at, MAPPED).unwrap();
    let objects = driven.objects();
    for page in 0..MANY {
        let place = at - USER_BASE + page * PAGE_SIZE;
        driven
            .call(Sysno::vmar_map, &[vmar, u64::from(SPECIFIC | RW), place, old, 0, PAGE_SIZE, out])
            .unwrap();
        driven.program.poke(VirtAddr(at + page * PAGE_SIZE), &[1]);
    }
    driven.bounded("map over many mappings", |driven| {
        let place = at - USER_BASE;
        driven.call(Sysno::vmar_map, &[vmar, over, place, new, 0, MANY * PAGE_SIZE, out]).unwrap();
    });
    assert_eq!(driven.objects(), objects + 1);
    driven.unmap(at, MANY * PAGE_SIZE).unwrap();
}

/// Every other page of a VMO is pinned, and then all.
#[test]
fn a_pin_over_many_pins() {
    const MANY: u64 = 8192;
    let mut driven = Driven::start();
    let root = u64::from(driven.world.mmio_root);
    let system = u64::from(driven.world.system_root);
    let iommu = driven.making(Sysno::iommu_create, &[system, 0, 0, 0]).unwrap();
    let bti = driven.making(Sysno::bti_create, &[iommu, 0, 1 << 40]).unwrap();
    let (base, size) = (hosted::virt::HOLE, 2 * MANY * PAGE_SIZE);
    let window = driven.making(Sysno::vmo_create_physical, &[root, base, size]).unwrap();
    let addrs = driven.scratch(0x1000);
    let options = u64::from(abi::dma::pin::PERM_READ);
    let pins: Vec<u64> = (0..MANY)
        .map(|n| {
            driven
                .making(Sysno::bti_pin, &[bti, options, window, 2 * n * PAGE_SIZE, PAGE_SIZE, addrs, 1])
                .unwrap()
        })
        .collect();
    let contiguous = u64::from(abi::dma::pin::PERM_READ | abi::dma::pin::CONTIGUOUS);
    driven.bounded("pin over all", |driven| {
        let pin = driven.making(Sysno::bti_pin, &[bti, contiguous, window, 0, size, addrs, 1]).unwrap();
        driven.call(Sysno::pmt_unpin, &[pin]).unwrap();
    });
    for pin in pins {
        driven.call(Sysno::pmt_unpin, &[pin]).unwrap();
    }
    driven.check();
}

/// An entry that goes on from one short mapping to the next does no more in all of them than in a part of a long one.
#[test]
fn what_is_done_to_short_mappings_in_a_row_is_done_in_pieces() {
    let (pages, p) = (128, PAGE_SIZE);
    for op in [RangeOp::Commit, RangeOp::MapRange, RangeOp::Zero] {
        let work = [pages, 16].map(|each| {
            let mut driven = Driven::start();
            let vmo = driven.making(Sysno::vmo_create, &[pages * p, 0]).unwrap();
            if op != RangeOp::Commit {
                driven.call(Sysno::vmo_op_range, &[vmo, RangeOp::Commit as u64, 0, pages * p]).unwrap();
            }
            let (vmar, out) = (u64::from(driven.world.vmar), driven.scratch(8));
            let (options, place) = (u64::from(SPECIFIC | RW), 64 << 30);
            for at in (0..pages * p).step_by((each * p) as usize) {
                let args = [vmar, options, place + at, vmo, at, each * p, out];
                driven.call(Sysno::vmar_map, &args).unwrap();
            }
            driven.settle();
            driven.program.board.cpu.take_most_work();
            let args = [vmar, op as u64, USER_BASE + place, pages * p];
            driven.call(Sysno::vmar_op_range, &args).unwrap();
            driven.program.board.cpu.take_most_work().ports
        });
        assert!(work[1] <= work[0], "{op:?}: {work:?}");
    }
}

/// A page that must be moved to a frame of its VMO's type is more work than one that is only shown.
#[test]
fn pages_that_are_moved_to_be_shown_are_moved_in_pieces() {
    let size = 128 * PAGE_SIZE;
    let work = [CachePolicy::Cached, CachePolicy::Uncached].map(|policy| {
        let mut driven = Driven::start();
        let vmo = driven.making(Sysno::vmo_create, &[size, 0]).unwrap();
        driven.call(Sysno::vmo_op_range, &[vmo, RangeOp::Commit as u64, 0, size]).unwrap();
        driven.call(Sysno::vmo_set_cache_policy, &[vmo, policy as u64]).unwrap();
        driven.settle();
        driven.program.board.cpu.take_most_work();
        driven.map(RW | MAP_RANGE, vmo, 0, size).unwrap();
        driven.program.board.cpu.take_most_work().ports
    });
    assert!(work[1] <= work[0], "{work:?}");
}
