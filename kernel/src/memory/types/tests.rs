use super::*;

impl MemoryTypes {
    /// Steps within the claim to cached pages, where it changes its size alone.
    fn claims_within(&self) -> usize {
        let cached = self.steps.iter().take_while(|(at, ..)| *at < key(CachePolicy::Uncached, 0));
        cached
            .filter(|(_, step, there)| step.claim != 0 && there.claim > 0 && there.claim != step.claim)
            .count()
            + usize::from(
                self.steps.iter().any(|(at, _, there)| at < key(CachePolicy::Uncached, 0) && there.claim > 1),
            )
    }
}

fn range(page: u64, pages: u64) -> PhysRange {
    PhysRange::new(PhysAddr(page * 0x1000), pages * 0x1000).unwrap()
}

#[test]
fn a_second_type_is_refused_and_changes_nothing() {
    let mut types = MemoryTypes::default();
    types.add(range(4, 4), CachePolicy::UncachedDevice).unwrap();
    assert_eq!(types.add(range(0, 5), CachePolicy::Cached), Err(Status::BAD_STATE));
    types.add(range(0, 4), CachePolicy::Cached).unwrap();
    types.remove(range(4, 4));
    types.add(range(4, 4), CachePolicy::Cached).unwrap();
}

#[test]
fn what_one_mapping_shows_in_pieces_is_one() {
    let mut types = MemoryTypes::default();
    types.add(range(0, 4), CachePolicy::Cached).unwrap();
    types.add(range(4, 4), CachePolicy::Cached).unwrap();
    types.join_mapped(PhysAddr(4 * 0x1000), CachePolicy::Cached).unwrap();
    assert_eq!(types.segments().count(), 1);
    types.remove(range(0, 8));
    types.settle();
    assert_eq!((types.check(), types.steps.iter().count()), (Some(0), 2));
    // Where others show some of it, too, each of them goes by itself.
    types.add(range(8, 4), CachePolicy::Cached).unwrap();
    types.add(range(6, 2), CachePolicy::Cached).unwrap();
    types.add(range(8, 2), CachePolicy::Cached).unwrap();
    types.join_mapped(PhysAddr(8 * 0x1000), CachePolicy::Cached).unwrap();
    types.remove(range(6, 4));
    let counts: Vec<_> = types.segments().map(|(at, _, count)| (at.size() / 0x1000, count)).collect();
    assert_eq!((counts, types.check()), (vec![(2, 1), (2, 1)], Some(1)));
}

#[test]
fn what_was_just_unmapped_binds_nobody() {
    let mut types = MemoryTypes::default();
    types.add(range(0, 4), CachePolicy::WriteCombining).unwrap();
    types.remove(range(0, 4));
    assert_eq!(types.segments().count(), 0);
    types.add(range(0, 4), CachePolicy::UncachedDevice).unwrap();
    assert_eq!(types.add(range(3, 1), CachePolicy::Cached), Err(Status::BAD_STATE));
    types.remove(range(0, 4));
    types.add(range(3, 2), CachePolicy::Cached).unwrap();
    assert_eq!(types.segments().map(|(range, ..)| range.base()).collect::<Vec<_>>(), [PhysAddr(0x3000)]);
}

#[test]
fn what_was_cached_is_left_until_it_is_taken() {
    let mut types = MemoryTypes::default();
    types.add(range(0, 40), CachePolicy::Cached).unwrap();
    types.remove(range(0, 40));
    assert_eq!((types.segments().count(), types.take_left(range(40, 1))), (0, Ok(None)));
    assert_eq!(types.add(range(38, 4), CachePolicy::Uncached), Err(Status::BAD_STATE));
    assert_eq!(types.reserve_instead(range(38, 4), CachePolicy::Uncached, 0, 0), Err(Status::BAD_STATE));
    // What is mapped as before is not left.
    types.add(range(8, 2), CachePolicy::Cached).unwrap();
    assert_eq!(types.take_left(range(8, 2)), Ok(None));
    assert_eq!(types.take_left(range(7, 9)), Ok(Some(range(7, 1))));
    types.remove(range(8, 2));
    // At most a piece at a time.
    for (first, count) in [(4, 3), (8, 16), (24, 16)] {
        assert_eq!(types.take_left(range(4, 99)), Ok(Some(range(first, count))));
    }
    types.add(range(4, 99), CachePolicy::Uncached).unwrap();
    assert_eq!(types.take_left(range(0, 99)), Ok(Some(range(0, 4))));
}

#[test]
fn what_is_left_joins_and_needs_no_memory() {
    let mut types = MemoryTypes::default();
    for page in [5, 1, 3, 2, 4, 0] {
        types.add(range(page, 1), CachePolicy::Cached).unwrap();
    }
    for page in [0, 5, 2, 4, 1, 3] {
        types.remove(range(page, 1));
    }
    types.settle();
    while types.claims_within() > 0 {
        types.set_right();
    }
    assert_eq!(types.steps.iter().count(), 2);
    assert_eq!(types.take_left(range(0, 9)), Ok(Some(range(0, 6))));
}

/// What a page is like: how often it is mapped, with which type, and whether caches may hold something of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Page {
    mapped: Option<(u32, CachePolicy)>,
    left: bool,
}

/// Pages of the model.
const MANY: u64 = 160;

/// The ledger, and beside it what each page is like, and the mappings: where they begin, how many pages, which type.
struct Twin {
    types: MemoryTypes,
    model: [Page; MANY as usize],
    live: Vec<(u64, u64, CachePolicy)>,
    seed: u64,
}

impl Twin {
    fn new(seed: u64) -> Self {
        Self {
            types: MemoryTypes::default(),
            model: [Page::default(); MANY as usize],
            live: Vec::new(),
            seed,
        }
    }

    fn random(&mut self, bound: u64) -> u64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 33) % bound
    }

    fn any(&mut self) -> usize {
        self.random(self.live.len() as u64) as usize
    }

    fn any_range(&mut self) -> (u64, u64) {
        // Few pages mostly, and now and then over many others.
        let most = if self.random(6) == 0 { MANY } else { 10 };
        let first = self.random(MANY);
        (first, 1 + self.random(most.min(MANY - first)))
    }

    fn pages(&mut self, first: u64, count: u64) -> &mut [Page] {
        &mut self.model[first as usize..(first + count) as usize]
    }

    fn mapped(&mut self, (first, count, policy): (u64, u64, CachePolicy)) {
        for page in self.pages(first, count) {
            *page = Page { mapped: Some((page.mapped.map_or(0, |it| it.0) + 1, policy)), left: false };
        }
    }

    fn unmapped(&mut self, first: u64, count: u64) {
        for page in self.pages(first, count) {
            let (mappings, policy) = page.mapped.unwrap();
            page.mapped = (mappings > 1).then_some((mappings - 1, policy));
            page.left = mappings == 1 && policy == CachePolicy::Cached;
        }
    }

    fn add(&mut self) {
        // Often the same one once more, which is counted without a search.
        let again =
            self.live.last().map(|(first, count, _)| (*first, *count)).filter(|_| self.random(3) == 0);
        let (first, count) = again.unwrap_or_else(|| self.any_range());
        let policy = POLICIES[[0, 0, 0, 2, 2, 3, 1][self.random(7) as usize]];
        let is_free = |page: &Page| {
            page.mapped.map_or(!page.left || policy == CachePolicy::Cached, |it| it.1 == policy)
        };
        let fits = self.pages(first, count).iter().all(is_free);
        let expected = if fits { Ok(()) } else { Err(Status::BAD_STATE) };
        assert_eq!(self.types.add(range(first, count), policy), expected);
        if fits {
            self.mapped((first, count, policy));
            self.live.push((first, count, policy));
        }
    }

    fn remove(&mut self, at: usize) {
        let (first, count, _) = self.live.swap_remove(at);
        self.types.remove(range(first, count));
        self.unmapped(first, count);
    }

    fn remove_part(&mut self) {
        let at = self.any();
        let (first, count, policy) = self.live.swap_remove(at);
        let skip = self.random(count);
        let taken = 1 + self.random(count - skip);
        self.types.reserve_removal().unwrap();
        self.types.remove_part(range(first + skip, taken), range(first, count), policy).unwrap();
        self.unmapped(first + skip, taken);
        for (first, count) in [(first, skip), (first + skip + taken, count - skip - taken)] {
            if count > 0 {
                self.live.push((first, count, policy));
            }
        }
    }

    fn split(&mut self) {
        let at = self.any();
        let (first, count, policy) = self.live[at];
        if count > 1 {
            let head = 1 + self.random(count - 1);
            self.types.split(PhysAddr((first + head) * 0x1000), policy).unwrap();
            self.live[at].1 = head;
            self.live.push((first + head, count - head, policy));
        }
    }

    /// Makes a mapping longer, as what comes in pieces does.
    fn grow(&mut self) {
        let at = self.any();
        let (first, count, policy) = self.live[at];
        let end = first + count;
        let more = 1 + self.random(4);
        if end + more <= MANY && self.types.add(range(end, more), policy).is_ok() {
            self.types.join_mapped(PhysAddr(end * 0x1000), policy).unwrap();
            self.mapped((end, more, policy));
            self.live[at].1 += more;
        }
    }

    fn take_left(&mut self) {
        let (first, count) = self.any_range();
        let found = self.model.iter().enumerate().skip(first as usize).take(count as usize);
        let mut found = found.filter(|(_, page)| page.left).map(|(at, _)| at as u64);
        let wanted = found.next().map(|start| {
            let more = found.zip(start + 1..).take_while(|(at, next)| at == next).count();
            range(start, (1 + more as u64).min(PIECE / PAGE_SIZE))
        });
        let is_right = self.types.claims_within() == 0;
        let taken = self.types.take_left(range(first, count)).unwrap();
        assert_eq!(taken.map(PhysRange::base), wanted.map(PhysRange::base));
        assert!(!is_right || taken == wanted, "{taken:?} is taken, {wanted:?} is left");
        if let Some((taken, wanted)) = taken.zip(wanted) {
            assert!(wanted.contains(taken));
            let pages = self.pages(taken.base().0 / 0x1000, taken.size() / 0x1000);
            pages.iter_mut().for_each(|page| page.left = false);
        }
    }

    /// One that takes the place of some others.
    fn replace(&mut self) {
        let (first, count) = self.any_range();
        let policy = POLICIES[self.random(4) as usize];
        let end = first + count;
        let mut going: Vec<_> = (0..self.live.len()).collect();
        let all = self.random(4) > 0;
        let meets = |(base, pages, _): (u64, u64, CachePolicy)| base.max(first) < (base + pages).min(end);
        going.retain(|at| meets(self.live[*at]) && (all || self.random(2) == 0));
        let both = |(base, pages, theirs): (u64, u64, CachePolicy)| {
            if theirs == policy { 0 } else { (base + pages).min(end) - base.max(first) }
        };
        let replaced = going.iter().map(|at| both(self.live[*at])).sum();
        let others = |page: &Page| {
            page.mapped.map_or(0, |(mappings, theirs)| if theirs == policy { 0 } else { mappings.into() })
        };
        let shown: u64 = self.pages(first, count).iter().map(others).sum();
        let is_left = policy != CachePolicy::Cached && self.pages(first, count).iter().any(|page| page.left);
        let fits = shown == replaced && !is_left;
        let expected = if fits { Ok(()) } else { Err(Status::BAD_STATE) };
        assert_eq!(self.types.reserve_instead(range(first, count), policy, replaced, 2), expected);
        if fits && going.len() < 8 {
            going.into_iter().rev().for_each(|at| self.remove(at));
            if policy != CachePolicy::Cached {
                while self.types.take_left(range(first, count)).unwrap().is_some() {}
                self.pages(first, count).iter_mut().for_each(|page| page.left = false);
            }
            self.types.add(range(first, count), policy).unwrap();
            self.mapped((first, count, policy));
            self.live.push((first, count, policy));
        }
    }

    fn step(&mut self) {
        let room = self.live.len() < 40;
        match self.random(16) {
            0..6 if room => self.add(),
            6 | 7 => self.take_left(),
            8 => self.replace(),
            _ if self.live.is_empty() => {}
            9 if room => self.remove_part(),
            10 if room => self.split(),
            11 => self.grow(),
            _ => {
                let at = self.any();
                self.remove(at);
            }
        }
    }

    fn compare(&self) {
        let mut found = [Page::default(); MANY as usize];
        for (range, policy, mappings) in self.types.segments() {
            for page in &mut found[range.base().0 as usize / 0x1000..=range.last().0 as usize / 0x1000] {
                assert_eq!(page.mapped.replace((mappings, policy)), None, "{range} has two types");
            }
        }
        let mapped = self.model.map(|page| Page { left: false, ..page });
        assert_eq!(found, mapped);
        assert_eq!(self.types.check(), Some(self.live.len() as u64));
    }

    /// What is left, and that nothing is kept that no mapping and no claim needs.
    fn compare_settled(&mut self) {
        self.types.settle();
        for (page, at) in self.model.iter().zip(0..) {
            assert_eq!(
                is_left(&self.types.steps.value(key(CachePolicy::Cached, at))),
                page.left,
                "page {at}"
            );
        }
        while self.types.claims_within() > 0 {
            self.types.set_right();
        }
        for (at, step, _) in self.types.steps.iter() {
            let is_end = |(first, count, policy): &(u64, u64, CachePolicy)| {
                let ends = [key(*policy, *first), key(*policy, first + count)];
                ends.iter().filter(|end| **end == at).count() as i32
            };
            assert_eq!(step.ends, self.live.iter().map(is_end).sum::<i32>(), "ends at {at:x}");
            let claimed = |at: u64| {
                let page = self.model.get(at as usize).copied().unwrap_or_default();
                page.left || page.mapped.is_some_and(|it| it.1 == CachePolicy::Cached)
            };
            if at < key(CachePolicy::Uncached, 0) {
                let page = at & PAGES;
                let before = page > 0 && claimed(page - 1);
                assert_eq!(step.claim, i32::from(claimed(page)) - i32::from(before), "claim at {page}");
            }
        }
    }
}

#[test]
fn counts_types_and_what_is_left_agree_with_a_page_map() {
    for seed in 1..=if cfg!(miri) { 1 } else { 6 } {
        let mut twin = Twin::new(seed);
        for _ in 0..if cfg!(miri) { 6 } else { 6000 } {
            twin.step();
            twin.compare();
            if twin.random(8) == 0 {
                twin.compare_settled();
            }
        }
        while !twin.live.is_empty() {
            twin.remove(0);
            twin.compare();
        }
        twin.compare_settled();
    }
}

/// Ledgers with so many mappings that each of them has another number of places left.
fn more_or_less_full() -> impl Iterator<Item = MemoryTypes> {
    (0..20).map(|others| {
        let mut types = MemoryTypes::default();
        for page in 0..others {
            types.add(range(1000 + 2 * page, 1), CachePolicy::Uncached).unwrap();
        }
        types
    })
}

#[test]
fn what_is_reserved_is_enough() {
    for mut types in more_or_less_full() {
        types.add(range(10, 20), CachePolicy::Cached).unwrap();
        for page in [50, 70, 90] {
            types.add(range(page, 10), CachePolicy::UncachedDevice).unwrap();
        }
        // Of the pages in the middle all that they need is new.
        types.reserve_instead(range(15, 5), CachePolicy::Uncached, 5, 0).unwrap();
        let capacity = types.steps.capacity();
        for page in [55, 75, 95] {
            types.split(range(page, 1).base(), CachePolicy::UncachedDevice).unwrap();
        }
        types.remove(range(10, 20));
        assert_eq!(types.take_left(range(15, 5)), Ok(Some(range(15, 5))));
        types.add(range(15, 5), CachePolicy::Uncached).unwrap();
        assert_eq!(types.steps.capacity(), capacity);
    }
    for mut types in more_or_less_full() {
        types.add(range(10, 20), CachePolicy::Cached).unwrap();
        types.add(range(50, 10), CachePolicy::Uncached).unwrap();
        types.reserve_removal().unwrap();
        let capacity = types.steps.capacity();
        types.remove_part(range(12, 4), range(10, 20), CachePolicy::Cached).unwrap();
        assert_eq!(types.steps.capacity(), capacity);
        types.reserve_removal().unwrap();
        let capacity = types.steps.capacity();
        types.split(range(52, 1).base(), CachePolicy::Uncached).unwrap();
        types.split(range(55, 1).base(), CachePolicy::Uncached).unwrap();
        assert_eq!(types.steps.capacity(), capacity);
    }
}

/// A ledger whose every step is counted.
struct Counted {
    types: MemoryTypes,
    most: u64,
}

impl Counted {
    fn new() -> Self {
        Self { types: MemoryTypes::default(), most: 0 }
    }

    fn step<R>(&mut self, step: impl FnOnce(&mut MemoryTypes) -> R) -> R {
        let before = self.types.looks();
        let result = step(&mut self.types);
        self.most = self.most.max(self.types.looks() - before);
        result
    }

    fn add(&mut self, first: u64, count: u64, policy: CachePolicy) {
        self.step(|types| types.add(range(first, count), policy)).unwrap();
    }

    fn remove(&mut self, first: u64, count: u64) {
        self.step(|types| types.remove(range(first, count)));
    }

    fn steps(&mut self) -> usize {
        self.types.settle();
        self.types.steps.iter().count()
    }
}

/// Single pages of a window that are mapped, every other one.
const ALTERNATE: u64 = if cfg!(miri) { 32 } else { 16_384 };
/// Pieces in which a mapping grows.
const PIECES: u64 = if cfg!(miri) { 4 } else { 60 };
/// Nodes that an operation may look at: some for each bit of a page number, and for each step that it takes out.
const LOOKS: u64 = 1500;

#[test]
fn a_window_over_very_many_pages_is_one_range() {
    for policy in POLICIES {
        let mut ledger = Counted::new();
        for page in 0..ALTERNATE {
            ledger.add(2 * page, 1, policy);
        }
        let others = ledger.steps();
        let all = 2 * ALTERNATE;
        ledger.add(0, all, policy);
        assert!(ledger.steps() <= others + 2, "{policy:?}: a mapping takes two steps");
        let other = if policy == CachePolicy::Uncached { CachePolicy::Cached } else { CachePolicy::Uncached };
        let refused = ledger.step(|types| types.add(range(0, all), other));
        assert_eq!(refused, Err(Status::BAD_STATE));
        let instead = ledger.step(|types| types.reserve_instead(range(0, all), other, all + ALTERNATE, 0));
        assert_eq!(instead, Ok(()));
        assert_eq!(ledger.step(|types| types.take_left(range(0, all))), Ok(None));
        ledger.step(|types| types.split(range(all / 2 + 1, 1).base(), policy)).unwrap();
        ledger.remove(0, all / 2 + 1);
        let (part, rest) = (range(all / 2 + 3, 1), range(all / 2 + 1, all / 2 - 1));
        ledger.step(|types| types.remove_part(part, rest, policy)).unwrap();
        ledger.remove(all / 2 + 1, 2);
        ledger.remove(all / 2 + 4, all / 2 - 4);
        (0..ALTERNATE).for_each(|page| ledger.remove(2 * page, 1));
        println!("{policy:?}: at most {} looks", ledger.most);
        assert!(ledger.most <= LOOKS, "{policy:?}: {} looks", ledger.most);
        assert_eq!(ledger.types.check(), Some(0));
        assert!(policy == CachePolicy::Cached || ledger.steps() == 0);
    }
}

#[test]
fn what_is_left_of_very_many_pages_is_taken_piece_by_piece() {
    let mut ledger = Counted::new();
    for page in 0..ALTERNATE {
        ledger.add(2 * page, 1, CachePolicy::Cached);
        ledger.remove(2 * page, 1);
    }
    let left = ledger.steps();
    let all = 2 * ALTERNATE;
    // Over all of it, time and again: what lies within goes by and by, and nothing comes.
    for round in 0..ALTERNATE {
        ledger.add(0, all - round % 7, CachePolicy::Cached);
        ledger.remove(0, all - round % 7);
        if round % 512 == 0 {
            assert!(ledger.steps() <= left + 8, "round {round}");
        }
    }
    assert_eq!(ledger.steps(), 2);
    for page in (1..all).step_by(2) {
        ledger.add(page, 1, CachePolicy::Cached);
    }
    let mut taken = 0;
    while let Some(piece) = ledger.step(|types| types.take_left(range(0, all))).unwrap() {
        assert_eq!(piece, range(2 * taken, 1));
        taken += 1;
    }
    assert_eq!(taken, ALTERNATE);
    println!("at most {} looks", ledger.most);
    assert!(ledger.most <= LOOKS, "{} looks", ledger.most);
}

/// What comes in pieces over what others have left is one range, whatever else is to be set right first.
#[test]
fn pieces_leave_no_step_behind() {
    let mut ledger = Counted::new();
    let all = 2 * ALTERNATE;
    for page in 0..all {
        if page % 2 == 0 {
            ledger.add(page, 1, CachePolicy::Cached);
        }
    }
    ledger.add(0, all, CachePolicy::Cached);
    // Above all that is to be set right.
    let base = all + 9;
    ledger.add(base + 3, 50, CachePolicy::Cached);
    ledger.remove(base + 3, 50);
    ledger.add(base, 1, CachePolicy::Cached);
    let before = ledger.steps();
    for piece in 1..PIECES {
        ledger.add(base + piece, 1, CachePolicy::Cached);
        ledger.step(|types| types.join_mapped(range(base + piece, 1).base(), CachePolicy::Cached)).unwrap();
        assert!(ledger.steps() <= before, "piece {piece}");
    }
    ledger.remove(base, PIECES);
    assert_eq!(ledger.types.check(), Some(ALTERNATE + 1));
    assert!(ledger.most <= LOOKS, "{} looks", ledger.most);
}

/// The same where others see to it that each piece finds something else to set right.
#[test]
fn pieces_leave_no_step_behind_whatever_others_do() {
    let mut types = MemoryTypes::default();
    let base = 100;
    types.add(range(base, 50), CachePolicy::Cached).unwrap();
    types.remove(range(base, 50));
    types.add(range(base, 1), CachePolicy::Cached).unwrap();
    for piece in 1..PIECES {
        while types.claims_within() > 0 {
            types.set_right();
        }
        while types.take_left(range(0, 32)).unwrap().is_some() {}
        for (first, count) in (0..32).step_by(2).map(|page| (page, 1)).chain([(0, 32)]) {
            types.add(range(first, count), CachePolicy::Cached).unwrap();
            types.remove(range(first, count));
        }
        let seam = range(base + piece, 1);
        types.add(seam, CachePolicy::Cached).unwrap();
        types.join_mapped(seam.base(), CachePolicy::Cached).unwrap();
        assert_eq!(types.steps.get(key(CachePolicy::Cached, base + piece)), Step::default());
    }
}

/// Pages whose numbers make the tree as deep as it can be.
#[test]
fn a_deep_tree_is_bounded_too() {
    const DEEP: u64 = 36;
    let mut ledger = Counted::new();
    for page in (0..DEEP).map(|bit| 1 << bit) {
        ledger.add(page, 1, CachePolicy::Cached);
        ledger.add(page, 1, CachePolicy::Cached);
    }
    ledger.add(0, 1 << DEEP, CachePolicy::Cached);
    let refused = ledger.step(|types| types.add(range(0, 1 << DEEP), CachePolicy::Uncached));
    assert_eq!(refused, Err(Status::BAD_STATE));
    for page in (0..DEEP).map(|bit| 1 << bit) {
        ledger.remove(page, 1);
    }
    ledger.remove(0, 1 << DEEP);
    for page in (0..DEEP).rev().map(|bit| 1 << bit) {
        ledger.remove(page, 1);
        assert_eq!(ledger.step(|types| types.take_left(range(page, 1))), Ok(Some(range(page, 1))));
    }
    assert_eq!(ledger.types.check(), Some(0));
    println!("at most {} looks", ledger.most);
    assert!(ledger.most <= LOOKS, "{} looks", ledger.most);
}
