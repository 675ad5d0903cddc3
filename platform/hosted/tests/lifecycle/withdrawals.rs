//! Pages of a VMO that very many mappings may show, on their way out of all tables.
//!
//! The mappings of a VMO are one list, and a withdrawal goes through all of it: what it costs grows with their number,
//! in pieces that stay as small as ever.

use abi::vmar::{PERM_READ, PERM_WRITE};
use abi::vmo::{RangeOp, child, create};
use abi::{PAGE_SIZE, Sysno, VirtAddr};
use scenarios::System;

use super::Driven;

const P: u64 = PAGE_SIZE;
const MANY: u64 = 100_000;
const RW: u32 = PERM_READ | PERM_WRITE;
/// Mappings that one entry of the kernel looks at, if they show nothing of what goes; and if they may.
const LOOKED_AT: u64 = 64;
const CLEARED: u64 = 8;
/// The page that is looked at, and the mappings that show it.
const PAGE: u64 = 7;
const VIEWS: usize = 3;

struct Crowd {
    driven: Driven,
    vmo: u64,
    views: Vec<u64>,
}

/// A VMO of which each page is mapped by itself, and one of them a few times.
fn crowd() -> Crowd {
    let mut driven = Driven::start();
    let options = u64::from(create::RESIZABLE);
    let vmo = driven.making(Sysno::vmo_create, &[MANY * P, options]).unwrap();
    let mut views = Vec::new();
    for page in 0..MANY {
        let at = driven.map(RW, vmo, page * P, P).unwrap();
        if page == PAGE {
            views.push(at);
        }
    }
    while views.len() < VIEWS {
        views.push(driven.map(RW, vmo, PAGE * P, P).unwrap());
    }
    Crowd { driven, vmo, views }
}

impl Crowd {
    fn load(&mut self, view: usize) -> u32 {
        self.driven.program.load32(VirtAddr(self.views[view]))
    }

    fn store(&mut self, view: usize, value: u32) {
        self.driven.program.store32(VirtAddr(self.views[view]), value);
    }

    fn show_all(&mut self, expected: u32) {
        (0..VIEWS).for_each(|view| assert_eq!(self.load(view), expected, "view {view}"));
    }

    /// Does something, whose entries are as many as the list is long, so many mappings an entry, and small each.
    fn linear(&mut self, what: &str, an_entry: u64, f: impl FnOnce(&mut Self)) {
        let before = self.driven.program.board.cpu.entries();
        self.driven.program.board.cpu.take_most_work();
        f(self);
        let entries = self.driven.program.board.cpu.entries() - before;
        let most = self.driven.program.board.cpu.take_most_work();
        println!("{what}: {entries} entries, {most:?}");
        assert!(entries <= MANY / an_entry * 5 / 4, "{what}: {entries} entries");
        assert!(most.ports <= 1000 && most.blocks <= 50 && most.looks <= 1000, "{what}: {most:?}");
    }
}

#[test]
fn a_page_of_a_vmo_with_a_hundred_thousand_mappings_is_taken_away() {
    let mut crowd = crowd();
    let vmo = crowd.vmo;
    crowd.store(0, 4);
    crowd.show_all(4);
    crowd.linear("shrink", LOOKED_AT, |crowd| {
        crowd.driven.call(Sysno::vmo_set_size, &[vmo, PAGE * P]).unwrap();
    });
    crowd.driven.call(Sysno::vmo_set_size, &[vmo, MANY * P]).unwrap();
    crowd.store(0, 5);
    crowd.show_all(5);
    crowd.linear("decommit", LOOKED_AT, |crowd| {
        let decommit = [vmo, RangeOp::Decommit as u64, PAGE * P, P];
        crowd.driven.call(Sysno::vmo_op_range, &decommit).unwrap();
    });
    crowd.show_all(0);
    crowd.linear("a write to a page that is shown as zeros", LOOKED_AT, |crowd| crowd.store(1, 6));
    crowd.show_all(6);
    let mut clone = 0;
    crowd.linear("snapshot", CLEARED, |crowd| {
        let args = [vmo, u64::from(child::SNAPSHOT), 0, MANY * P];
        clone = crowd.driven.making(Sysno::vmo_create_child, &args).unwrap();
    });
    crowd.show_all(6);
    crowd.linear("a write to a page that the clone has, too", LOOKED_AT, |crowd| crowd.store(2, 7));
    crowd.show_all(7);
    let out = crowd.driven.scratch(0x200);
    crowd.driven.call(Sysno::vmo_read, &[clone, out, PAGE * P, 4]).unwrap();
    assert_eq!(crowd.driven.read32(0x200), 6);
    // It has shown zeros: any mapping may show some of them beyond the new end.
    crowd.linear("shrink of what may show zeros", CLEARED, |crowd| {
        crowd.driven.call(Sysno::vmo_set_size, &[vmo, PAGE * P]).unwrap();
    });
    crowd.driven.call(Sysno::vmo_set_size, &[vmo, MANY * P]).unwrap();
    crowd.show_all(0);
    crowd.driven.check();
}
