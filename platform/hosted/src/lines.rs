//! What data caches may hold of memory that is not RAM: all of it that a cached leaf ever showed to EL0, which may fetch any
//! of it by speculation, until it is cleaned.

use std::collections::BTreeMap;

use abi::{PhysAddr, PhysRange};

/// Pages of which caches may hold something: apart from each other, by their first addresses, with their last ones.
#[derive(Clone, Default)]
pub(crate) struct Lines(BTreeMap<u64, u64>);

impl Lines {
    /// Caches may hold something of these from now on.
    pub(crate) fn add(&mut self, range: PhysRange) {
        if self.0.range(..=range.base().0).next_back().is_some_and(|(_, last)| *last >= range.last().0) {
            return;
        }
        self.remove(range);
        self.0.insert(range.base().0, range.last().0);
    }

    /// Caches hold nothing of these from now on.
    pub(crate) fn remove(&mut self, range: PhysRange) {
        let (base, last) = (range.base().0, range.last().0);
        while let Some((from, to)) = self.overlapping(base, last) {
            self.0.remove(&from);
            if from < base {
                self.0.insert(from, base - 1);
            }
            if to > last {
                self.0.insert(last + 1, to);
            }
        }
    }

    /// An address of a range of which caches may hold something.
    pub(crate) fn any_in(&self, range: PhysRange) -> Option<PhysAddr> {
        let (from, _) = self.overlapping(range.base().0, range.last().0)?;
        Some(PhysAddr(from).max(range.base()))
    }

    fn overlapping(&self, base: u64, last: u64) -> Option<(u64, u64)> {
        let (from, to) = self.0.range(..=last).next_back()?;
        (*to >= base).then_some((*from, *to))
    }
}
