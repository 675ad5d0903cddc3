//! Pinned memory tokens: what a device may reach stays where it is.
use abi::{Koid, Signals};

use super::{Bti, Header, Vmo};
use crate::collections::arena::Id;
use crate::collections::ranges::{Forks, Ranged};

/// Where a pin is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PmtState {
    /// Its addresses are not all known, or were never given away: it ends with its last reason.
    Loose,
    /// A program has its addresses.
    Pinned,
    /// The program that had them is gone without a word. The device may still use them.
    Quarantined,
}

/// Memory of a VMO that a device may reach.
#[derive(Debug)]
pub struct Pmt {
    /// What every object has.
    pub header: Header,
    /// Where it is in its life.
    pub state: PmtState,
    /// For which device.
    pub bti: Id<Bti>,
    /// The VMO that was pinned.
    pub vmo: Id<Vmo>,
    /// The VMO that has the bytes, and where in it they are.
    pub root: Id<Vmo>,
    /// The first byte, page-aligned.
    pub from: u64,
    /// Where they end.
    pub to: u64,
    /// Pages whose addresses are known, while it is made.
    pub done: u64,
    /// The one that got to the quarantine before.
    pub next: Option<Id<Self>>,
    /// Its sides among the pins of its root.
    forks: Forks<Self>,
}

impl Ranged for Pmt {
    fn bounds(&self) -> (u64, u64) {
        // Nothing is pinned that is empty.
        (self.from, self.to.wrapping_sub(1))
    }

    fn forks(&self) -> &Forks<Self> {
        &self.forks
    }

    fn forks_mut(&mut self) -> &mut Forks<Self> {
        &mut self.forks
    }
}

impl Pmt {
    /// A pin that is being made.
    pub const fn new(koid: Koid, bti: Id<Bti>, vmo: Id<Vmo>, root: Id<Vmo>, from: u64, to: u64) -> Self {
        let header = Header::new(koid, Signals::NONE);
        Self {
            header,
            state: PmtState::Loose,
            bti,
            vmo,
            root,
            from,
            to,
            done: 0,
            next: None,
            forks: Forks::NONE,
        }
    }
}
