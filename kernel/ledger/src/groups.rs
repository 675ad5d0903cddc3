//! Page groups: which windows a mapping of one window makes visible too.
//!
//! A page is the grain of the MMU, not of devices. Two windows are linked if a page holds bytes of both and
//! their nodes are unrelated (neither is the other's ancestor, and they are not one node); a group is
//! everything that links reach. Containers take no part: they are never granted, and would link
//! everything inside them. Windows of unavailable nodes do take part: the device may well be there.

use crate::ledger::{Group, Name, Window};
use crate::{Error, Fate, sort};
use abi::{PhysAddr, PhysRange};
use alloc::vec::Vec;
use devicetree::Tree;

/// The groups in order of address, with their members.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    pub(crate) groups: Vec<Group>,
    /// Indices of windows, group by group, in order of address.
    pub(crate) members: Vec<u32>,
    /// By member, its node's path.
    pub(crate) paths: Vec<Name>,
}

/// The most windows of unrelated nodes that share a page on a real board are 22. Where a page has this many windows,
/// all of them are one group, related or not: a hostile tree gets less to grant, and costs no more time for it.
const CROWD: usize = 64;

/// Finds the groups and writes each window's group number into it.
///
/// A sweep by address keeps the windows that reach into the current page; only those are compared, and there are
/// never more than [`CROWD`].
pub(crate) fn find(tree: &Tree<'_>, windows: &mut [Window]) -> Result<Groups, Error> {
    let order = by_address(windows)?;
    let mut sets = Sets::new(windows.len())?;
    let mut live: Vec<(PhysAddr, u32)> = Vec::new();
    live.try_reserve_exact(CROWD + 1).map_err(|_| Error::OutOfMemory)?;
    for &number in &order {
        let Some(window) = get(windows, number) else { continue };
        let pages = window.range.expand_to_pages();
        live.retain(|(last, _)| *last >= pages.base());
        let is_crowd = live.len() >= CROWD - 1;
        for &(_, other) in &live {
            let unrelated = |other: &Window| !tree.is_related(other.node, window.node);
            if is_crowd || get(windows, other).is_some_and(unrelated) {
                sets.join(number, other);
            }
        }
        live.push((pages.last(), number));
        if live.len() > CROWD {
            // All are one set: whoever meets the one that ends first meets the others too, and they are a crowd.
            let first = live.iter().enumerate().min_by_key(|(_, (last, _))| *last).map(|(place, _)| place);
            first.map(|place| live.swap_remove(place));
        }
    }
    collect(windows, order, &mut sets)
}

fn get(windows: &[Window], number: u32) -> Option<&Window> {
    windows.get(number as usize)
}

/// The windows that take part, in order of address.
fn by_address(windows: &[Window]) -> Result<Vec<u32>, Error> {
    let mut order = Vec::new();
    order.try_reserve_exact(windows.len()).map_err(|_| Error::OutOfMemory)?;
    order.extend(
        (0..).zip(windows).filter(|(_, window)| window.fate != Fate::Container).map(|(number, _)| number),
    );
    sort::by_key(&mut order, |number: &u32| (get(windows, *number).map(|window| window.range), *number));
    Ok(order)
}

/// Numbers the sets of two and more in order of their first window, and lists their members.
fn collect(windows: &mut [Window], mut order: Vec<u32>, sets: &mut Sets) -> Result<Groups, Error> {
    let mut result = Groups::default();
    let mut numbers: Vec<Option<u32>> = Vec::new();
    numbers.try_reserve_exact(windows.len()).map_err(|_| Error::OutOfMemory)?;
    numbers.resize(windows.len(), None);
    order.retain(|&number| sets.is_joined(number));
    for &number in &order {
        let root = sets.root(number);
        let Some(slot) = numbers.get_mut(root as usize) else { continue };
        let Some(window) = windows.get_mut(number as usize) else { continue };
        let pages = window.range.expand_to_pages();
        let group = match *slot {
            Some(group) => group,
            None => {
                let group = result.groups.len() as u32; // Fewer than MAX_WINDOWS.
                let empty = Group { pages, first_member: 0, members: 0 };
                devicetree::try_push(&mut result.groups, empty).map_err(|_| Error::OutOfMemory)?;
                *slot = Some(group);
                group
            }
        };
        window.group = Some(group);
        if let Some(group) = result.groups.get_mut(group as usize) {
            group.members += 1;
            group.pages = hull(group.pages, pages);
        }
    }
    let mut first = 0;
    for group in &mut result.groups {
        group.first_member = first;
        first += group.members;
    }
    // Sets interleave in order of address where windows nest; a stable order by group undoes that.
    sort::by_key(&mut order, |number| {
        get(windows, *number).map(|window| (window.group, window.range, *number))
    });
    result.members = order;
    Ok(result)
}

/// The smallest range that holds both.
pub(crate) fn hull(one: PhysRange, other: PhysRange) -> PhysRange {
    let (base, last): (PhysAddr, PhysAddr) = (one.base().min(other.base()), one.last().max(other.last()));
    PhysRange::from_bounds(base, last).unwrap_or(one)
}

/// Disjoint sets of window numbers (union by link to the smaller root, path halving).
struct Sets {
    parent: Vec<u32>,
    joined: Vec<bool>,
}

impl Sets {
    fn new(count: usize) -> Result<Self, Error> {
        let (mut parent, mut joined) = (Vec::new(), Vec::new());
        parent.try_reserve_exact(count).map_err(|_| Error::OutOfMemory)?;
        joined.try_reserve_exact(count).map_err(|_| Error::OutOfMemory)?;
        parent.extend((0..).take(count));
        joined.resize(count, false);
        Ok(Self { parent, joined })
    }

    fn above(&self, number: u32) -> u32 {
        self.parent.get(number as usize).copied().unwrap_or(number)
    }

    fn root(&mut self, mut number: u32) -> u32 {
        while self.above(number) != number {
            let grandparent = self.above(self.above(number));
            if let Some(parent) = self.parent.get_mut(number as usize) {
                *parent = grandparent;
            }
            number = grandparent;
        }
        number
    }

    fn join(&mut self, one: u32, other: u32) {
        let (low, high) = {
            let (one, other) = (self.root(one), self.root(other));
            (one.min(other), one.max(other))
        };
        if let Some(parent) = self.parent.get_mut(high as usize) {
            *parent = low;
        }
        for number in [one, other] {
            if let Some(joined) = self.joined.get_mut(number as usize) {
                *joined = true;
            }
        }
    }

    fn is_joined(&self, number: u32) -> bool {
        self.joined.get(number as usize).copied().unwrap_or(false)
    }
}
