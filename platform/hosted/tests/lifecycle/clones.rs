//! Clones of clones against arrays of words: whatever is made, written, resized, mapped and closed in any order, each
//! VMO has the words that it should have, and at the end nothing is left.

use abi::vmar::{PERM_READ, PERM_WRITE};
use abi::vmo::{RangeOp, child, create};
use abi::{PAGE_SIZE, Signals, Status, Sysno, VirtAddr};
use scenarios::System;

use super::Driven;
use super::lives::Random;

/// Histories of a run.
const HISTORIES: u64 = 24;
/// Operations in each.
const STEPS: u32 = 220;
/// After so many of them everything is compared.
const STEPS_A_CHECK: u32 = 20;
/// VMOs that are open at most.
const MANY: usize = 14;
/// Pages of the largest: more than a node has slots.
const PAGES: u64 = 40;
const P: u64 = PAGE_SIZE;

/// A VMO of the program.
struct Vmo {
    handle: u64,
    /// Which content it shows, from which page on, and how many of them; `None` for all, however many there are.
    content: usize,
    from: u64,
    pages: Option<u64>,
    /// Where it is mapped, how many pages, and whether for writing now.
    mapped: Option<(u64, u64, bool)>,
    resizable: bool,
}

struct History {
    driven: Driven,
    random: Random,
    vmos: Vec<Vmo>,
    /// The first word of each page.
    contents: Vec<Vec<u64>>,
    next: u64,
}

impl History {
    fn pages(&self, vmo: &Vmo) -> u64 {
        vmo.pages.unwrap_or(self.contents[vmo.content].len() as u64)
    }

    fn word(&self, vmo: &Vmo, page: u64) -> u64 {
        self.contents[vmo.content][(vmo.from + page) as usize]
    }

    fn step(&mut self) {
        if self.vmos.is_empty() || self.vmos.len() > MANY {
            return if self.vmos.is_empty() { self.make() } else { self.close() };
        }
        match self.random.below(20) {
            0 => self.make(),
            1..=3 => self.clone(),
            4 => self.slice(),
            5 => self.reference(),
            6..=8 => self.write(),
            9..=11 => self.store(),
            12 => self.map(),
            13 => self.protect(),
            14 => self.empty(),
            15 => self.resize(),
            16 | 17 => self.close(),
            _ => self.look(),
        }
    }

    fn some(&mut self) -> usize {
        self.random.below(self.vmos.len() as u64) as usize
    }

    /// A VMO and a page of it.
    fn place(&mut self) -> Option<(usize, u64)> {
        let vmo = self.some();
        let pages = self.pages(&self.vmos[vmo]);
        (pages > 0).then(|| (vmo, self.random.below(pages)))
    }

    fn keep(&mut self, handle: u64, content: usize, from: u64, pages: Option<u64>, resizable: bool) {
        self.vmos.push(Vmo { handle, content, from, pages, mapped: None, resizable });
    }

    fn make(&mut self) {
        let (pages, resizable) = (self.random.below(PAGES), self.random.below(2) == 0);
        let options = if resizable { u64::from(create::RESIZABLE) } else { 0 };
        let handle = self.driven.making(Sysno::vmo_create, &[pages * P, options]).unwrap();
        self.contents.push(vec![0; pages as usize]);
        self.keep(handle, self.contents.len() - 1, 0, None, resizable);
    }

    fn child(&mut self, vmo: usize, options: u32, from: u64, pages: u64) -> Result<u64, Status> {
        let args = [self.vmos[vmo].handle, u64::from(options), from * P, pages * P];
        self.driven.making(Sysno::vmo_create_child, &args)
    }

    fn clone(&mut self) {
        let vmo = self.some();
        let whole = self.random.below(2) == 0;
        let all = self.pages(&self.vmos[vmo]);
        let (from, pages) =
            if whole { (0, all) } else { (self.random.below(PAGES), self.random.below(PAGES)) };
        let resizable = self.random.below(2) == 0;
        let kinds = [child::SNAPSHOT, child::SNAPSHOT_AT_LEAST_ON_WRITE, child::SNAPSHOT_MODIFIED];
        let kind = kinds[self.random.below(3) as usize] | if resizable { child::RESIZABLE } else { 0 };
        let handle = self.child(vmo, kind, from, pages).unwrap();
        let word = |page| if page < all { self.word(&self.vmos[vmo], page) } else { 0 };
        let words = (from..from + pages).map(word).collect();
        self.contents.push(words);
        self.keep(handle, self.contents.len() - 1, 0, None, resizable);
    }

    fn slice(&mut self) {
        let vmo = self.some();
        let all = self.pages(&self.vmos[vmo]);
        let from = self.random.below(all + 1);
        let pages = self.random.below(all - from + 1);
        let of = self.vmos[vmo].content;
        // The model remembers of whom a content is: the one that may be resized has no slices.
        let root_resizes = self.vmos.iter().any(|other| other.content == of && other.resizable);
        match self.child(vmo, child::SLICE, from, pages) {
            Ok(handle) => {
                assert!(!self.vmos[vmo].resizable);
                let from = self.vmos[vmo].from + from;
                self.keep(handle, of, from, Some(pages), false);
            }
            Err(status) => assert_eq!(
                (status, root_resizes || self.vmos[vmo].pages.is_none()),
                (Status::NOT_SUPPORTED, true)
            ),
        }
    }

    fn reference(&mut self) {
        let vmo = self.some();
        let result = self.child(vmo, child::REFERENCE, 0, 0);
        match result {
            Ok(handle) => {
                assert_eq!(self.vmos[vmo].pages, None);
                self.keep(handle, self.vmos[vmo].content, 0, None, false);
            }
            Err(status) => {
                assert_eq!((status, self.vmos[vmo].pages.is_some()), (Status::NOT_SUPPORTED, true))
            }
        }
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn set(&mut self, vmo: usize, page: u64, word: u64) {
        let (content, at) = (self.vmos[vmo].content, self.vmos[vmo].from + page);
        self.contents[content][at as usize] = word;
    }

    fn write(&mut self) {
        let Some((vmo, page)) = self.place() else { return };
        let word = self.number();
        self.driven.write(256, &word.to_le_bytes());
        let args = [self.vmos[vmo].handle, self.driven.scratch(256), page * P, 8];
        self.driven.call(Sysno::vmo_write, &args).unwrap();
        self.set(vmo, page, word);
    }

    /// Writes through a mapping, if there is one: as the program, or as the kernel for it.
    fn store(&mut self) {
        let Some((vmo, page)) = self.place() else { return };
        let Some((at, pages, true)) = self.vmos[vmo].mapped else { return };
        if page >= pages {
            return;
        }
        let word = self.number();
        let to = at + page * P;
        if self.random.below(2) == 0 {
            self.driven.program.poke(VirtAddr(to), &word.to_le_bytes());
        } else {
            self.driven.write(256, &word.to_le_bytes());
            let source = self.driven.making(Sysno::vmo_create, &[P, 0]).unwrap();
            let from = self.driven.scratch(256);
            self.driven.call(Sysno::vmo_write, &[source, from, 0, 8]).unwrap();
            self.driven.call(Sysno::vmo_read, &[source, to, 0, 8]).unwrap();
            self.driven.close(source);
        }
        self.set(vmo, page, word);
    }

    fn map(&mut self) {
        let vmo = self.some();
        let (handle, pages) = (self.vmos[vmo].handle, self.pages(&self.vmos[vmo]));
        match self.vmos[vmo].mapped.take() {
            Some((at, pages, _)) => self.driven.unmap(at, pages * P).unwrap(),
            None if pages > 0 => {
                let at = self.driven.map(PERM_READ | PERM_WRITE, handle, 0, pages * P).unwrap();
                self.vmos[vmo].mapped = Some((at, pages, true));
            }
            None => {}
        }
    }

    fn protect(&mut self) {
        let vmo = self.some();
        let Some((at, pages, writable)) = self.vmos[vmo].mapped else { return };
        let options = if writable { PERM_READ } else { PERM_READ | PERM_WRITE };
        let vmar = u64::from(self.driven.world.vmar);
        self.driven.call(Sysno::vmar_protect, &[vmar, options.into(), at, pages * P]).unwrap();
        self.vmos[vmo].mapped = Some((at, pages, !writable));
    }

    fn empty(&mut self) {
        let Some((vmo, first)) = self.place() else { return };
        let count = 1 + self.random.below(self.pages(&self.vmos[vmo]) - first);
        let op = if self.random.below(2) == 0 { RangeOp::Decommit } else { RangeOp::Zero };
        let args = [self.vmos[vmo].handle, op as u64, first * P, count * P, 0, 0];
        self.driven.call(Sysno::vmo_op_range, &args).unwrap();
        (first..first + count).for_each(|page| self.set(vmo, page, 0));
    }

    fn resize(&mut self) {
        let vmo = self.some();
        if !self.vmos[vmo].resizable {
            return;
        }
        let pages = self.random.below(PAGES);
        self.driven.call(Sysno::vmo_set_size, &[self.vmos[vmo].handle, pages * P]).unwrap();
        let content = self.vmos[vmo].content;
        self.contents[content].resize(pages as usize, 0);
    }

    fn close(&mut self) {
        let vmo = self.some();
        let Vmo { handle, mapped, .. } = self.vmos.swap_remove(vmo);
        self.driven.close(handle);
        if let Some((at, pages, _)) = mapped {
            self.driven.unmap(at, pages * P).unwrap();
        }
    }

    fn look(&mut self) {
        let Some((vmo, page)) = self.place() else { return };
        self.look_at(vmo, page);
    }

    fn look_at(&mut self, vmo: usize, page: u64) {
        let expected = self.word(&self.vmos[vmo], page);
        let args = [self.vmos[vmo].handle, self.driven.scratch(128), page * P, 8];
        self.driven.call(Sysno::vmo_read, &args).unwrap();
        assert_eq!(self.driven.read64(128), expected, "page {page} by zx_vmo_read");
        if let Some((at, pages, _)) = self.vmos[vmo].mapped
            && page < pages
        {
            let mut bytes = [0; 8];
            self.driven.program.peek(VirtAddr(at + page * P), &mut bytes);
            assert_eq!(u64::from_le_bytes(bytes), expected, "page {page} through a mapping");
        }
    }

    fn compare(&mut self) {
        for vmo in 0..self.vmos.len() {
            for page in 0..self.pages(&self.vmos[vmo]) {
                self.look_at(vmo, page);
            }
        }
        self.driven.check();
    }
}

/// Reads a page that nobody has written to. For the first one the kernel takes the frame of zeros that it keeps.
fn read_zeros(driven: &mut Driven) {
    let vmo = driven.making(Sysno::vmo_create, &[P, 0]).unwrap();
    let at = driven.map(PERM_READ, vmo, 0, P).unwrap();
    assert_eq!(driven.program.load32(VirtAddr(at)), 0);
    driven.unmap(at, P).unwrap();
    driven.close(vmo);
}

#[test]
fn clones_agree_with_arrays() {
    let only = std::env::var("JACINTH_SEED").ok().and_then(|text| text.parse().ok());
    for seed in only.map_or(0..HISTORIES, |seed| seed..seed + 1) {
        println!("JACINTH_SEED={seed} gives this history alone");
        let driven = Driven::start();
        let mut history =
            History { driven, random: Random(seed), vmos: Vec::new(), contents: Vec::new(), next: 0 };
        history.driven.write(256, &[0; 8]);
        read_zeros(&mut history.driven);
        let before = census(&mut history.driven);
        for step in 1..=STEPS {
            history.step();
            if step % STEPS_A_CHECK == 0 {
                history.compare();
            }
        }
        while !history.vmos.is_empty() {
            history.close();
        }
        assert_eq!(census(&mut history.driven), before, "something is left behind");
    }
}

/// Objects, frames, and parts of trees.
fn census(driven: &mut Driven) -> (usize, usize, usize) {
    driven.settle();
    driven.check();
    (driven.objects(), driven.frames(), driven.program.board.cpu.kernel.page_parts())
}

fn snapshot(driven: &mut Driven, vmo: u64, pages: u64) -> u64 {
    driven.making(Sysno::vmo_create_child, &[vmo, child::SNAPSHOT.into(), 0, pages * P]).unwrap()
}

#[test]
fn a_chain_without_end_stays_small() {
    const ROUNDS: u64 = 100_000;
    let mut driven = Driven::start();
    let before = census(&mut driven);
    let mut vmo = driven.making(Sysno::vmo_create, &[64 * P, 0]).unwrap();
    driven.write(256, b"something");
    for page in 0..64 {
        let from = driven.scratch(256);
        driven.call(Sysno::vmo_write, &[vmo, from, page * P, 8]).unwrap();
    }
    let first = census(&mut driven);
    for round in 0..ROUNDS {
        let clone = snapshot(&mut driven, vmo, 64);
        driven.close(vmo);
        vmo = clone;
        if round % 64 == 0 {
            let from = driven.scratch(256);
            driven.call(Sysno::vmo_write, &[vmo, from, round % 61 * P, 8]).unwrap();
        }
    }
    let last = census(&mut driven);
    // The same pages in as many frames; a frame that was shared may keep its count.
    assert_eq!((last.0, last.1), (first.0, first.1));
    assert!(last.2 <= first.2 + 64, "{} parts, and {} before", last.2, first.2);
    driven.close(vmo);
    assert_eq!(census(&mut driven), before);
}

#[test]
fn families_end_in_any_order() {
    let mut driven = Driven::start();
    let mut random = Random(7);
    let before = census(&mut driven);
    for _ in 0..4 {
        let mut family = vec![driven.making(Sysno::vmo_create, &[8 * P, 0]).unwrap()];
        for member in 0..200 {
            let parent = random.pick(&family);
            let clone = snapshot(&mut driven, parent, 8);
            driven.write(256, &[member as u8; 8]);
            let args = [clone, driven.scratch(256), random.below(8) * P, 8];
            driven.call(Sysno::vmo_write, &args).unwrap();
            family.push(clone);
        }
        while !family.is_empty() {
            let member = random.below(family.len() as u64) as usize;
            driven.close(family.swap_remove(member));
            if family.len() % 64 == 0 {
                driven.check();
            }
        }
        assert_eq!(census(&mut driven), before);
    }
}

#[test]
fn a_hundred_thousand_children_of_one() {
    const MANY: usize = 100_000;
    let mut driven = Driven::start();
    let parent = driven.making(Sysno::vmo_create, &[P, 0]).unwrap();
    let mut looks = Vec::new();
    let mut children = Vec::new();
    for _ in 0..MANY {
        let before = driven.program.board.cpu.kernel.looks();
        children.push(snapshot(&mut driven, parent, 1));
        looks.push(driven.program.board.cpu.kernel.looks() - before);
    }
    let (early, late) = (looks[100..200].iter().max(), looks[MANY - 100..].iter().max());
    assert_eq!(early, late, "a child costs more where there are many");
    let childless = |driven: &mut Driven| {
        let args = [parent, Signals::VMO_ZERO_CHILDREN.0.into(), 0, 0];
        driven.call(Sysno::object_wait_one, &args) == Ok(())
    };
    while let Some(child) = children.pop() {
        assert!(children.len() % 1000 != 0 || !childless(&mut driven));
        driven.close(child);
    }
    assert!(childless(&mut driven));
}

/// More mappings of a page than one entry goes through: a program that writes waits for them, a call that writes is
/// made again, and an output of a call has no memory.
#[test]
fn a_page_that_many_mappings_show_is_copied_in_pieces() {
    const MAPPINGS: usize = 700;
    let mut driven = Driven::start();
    let before = census(&mut driven);
    let parent = driven.making(Sysno::vmo_create, &[P, 0]).unwrap();
    let one = driven.map(PERM_READ | PERM_WRITE, parent, 0, P).unwrap();
    driven.program.store32(VirtAddr(one), 1);
    let clone = snapshot(&mut driven, parent, 1);
    let views: Vec<u64> =
        (0..MAPPINGS).map(|_| driven.map(PERM_READ | PERM_WRITE, clone, 0, P).unwrap()).collect();
    let all_see = |driven: &mut Driven, value: u32| {
        views.iter().for_each(|view| assert_eq!(driven.program.load32(VirtAddr(*view)), value));
    };
    all_see(&mut driven, 1);
    driven.check();
    assert_eq!(driven.call(Sysno::vmo_get_size, &[parent, views[9]]), Err(Status::NO_MEMORY));
    driven.program.store32(VirtAddr(views[5]), 2);
    all_see(&mut driven, 2);
    driven.check();
    let again = snapshot(&mut driven, clone, 1);
    all_see(&mut driven, 2);
    driven.write(256, &3_u32.to_le_bytes());
    let from = driven.scratch(256);
    driven.call(Sysno::vmo_write, &[clone, from, 0, 4]).unwrap();
    all_see(&mut driven, 3);
    assert_eq!(driven.program.load32(VirtAddr(one)), 1);
    for view in views {
        driven.unmap(view, P).unwrap();
    }
    driven.unmap(one, P).unwrap();
    [parent, clone, again].into_iter().for_each(|vmo| driven.close(vmo));
    assert_eq!(census(&mut driven), before);
}
