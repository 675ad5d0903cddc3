//! Virtual memory address regions: what is mapped where.
use abi::vmar::{PERM_EXECUTE, PERM_READ, PERM_WRITE};
use abi::vmo::CachePolicy;
use abi::{Koid, Rights, Signals};

use super::{Header, Process, Vmo};
use crate::collections::arena::Id;
use crate::collections::{Extent, ExtentTree};
use crate::memory::stage1::Attributes;

/// A part of a VMO at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Bytes, a multiple of the page size.
    pub length: u64,
    /// What is mapped.
    pub vmo: Id<Vmo>,
    /// Where in it the mapping starts.
    pub offset: u64,
    /// READ, WRITE and EXECUTE as they are now (`abi::vmar::PERM_*`).
    pub permissions: u32,
    /// The most that they may become: what VMO handle and VMAR handle allowed when it was made.
    pub max_permissions: u32,
    /// The memory type, sampled when it was made.
    pub policy: CachePolicy,
    /// The vDSO's code: nothing may move, change or cover it.
    pub is_vdso_code: bool,
}

impl Mapping {
    /// What the translation tables say of its pages.
    pub const fn attributes(&self) -> Attributes {
        Attributes {
            policy: self.policy,
            read: self.permissions & PERM_READ != 0,
            write: self.permissions & PERM_WRITE != 0,
            execute: self.permissions & PERM_EXECUTE != 0,
        }
    }
}

impl Extent for Mapping {
    fn length(&self) -> u64 {
        self.length
    }
}

/// A region of a process's address space.
#[derive(Debug)]
pub struct Vmar {
    /// What every object has.
    pub header: Header,
    /// Whose it is; `None` for the moment before that process exists.
    pub process: Option<Id<Process>>,
    /// The first address.
    pub base: u64,
    /// Bytes.
    pub size: u64,
    /// Its mappings by address. They do not overlap.
    pub mappings: ExtentTree<Mapping>,
    /// Where the search for room starts: random, so that addresses tell little.
    pub hint: u64,
    /// Whether it was destroyed; then it has no mappings and gets none.
    pub destroyed: bool,
}

impl Vmar {
    /// The region that is a whole user address space.
    pub fn root(koid: Koid, hint: u64) -> Self {
        let (base, end) = (abi::vmar::USER_BASE, abi::vmar::USER_END);
        Self {
            header: Header::new(koid, Signals::NONE),
            process: None,
            base,
            size: end - base,
            mappings: ExtentTree::default(),
            hint,
            destroyed: false,
        }
    }

    /// Whether `[address, address + length)` lies inside.
    pub const fn holds(&self, address: u64, length: u64) -> bool {
        match (address.checked_add(length), self.base.checked_add(self.size)) {
            (Some(end), Some(own_end)) => self.base <= address && end <= own_end,
            _ => false,
        }
    }
}

/// The permissions that a handle's rights stand for.
pub fn permissions_of(rights: Rights) -> u32 {
    [(Rights::READ, PERM_READ), (Rights::WRITE, PERM_WRITE), (Rights::EXECUTE, PERM_EXECUTE)]
        .into_iter()
        .filter(|(right, _)| rights.contains(*right))
        .fold(0, |permissions, (_, bit)| permissions | bit)
}
