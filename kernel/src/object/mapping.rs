//! Mappings: a part of a VMO at an address.
//!
//! A mapping hangs in a list of the VMO that has its bytes, so that a page can be found wherever it is shown.
use abi::vmar::{PERM_EXECUTE, PERM_READ, PERM_WRITE};
use abi::vmo::CachePolicy;

use super::{Vmar, Vmo};
use crate::collections::arena::Id;
use crate::collections::list::{Links, Member};
use crate::memory::stage1::Attributes;

/// A part of a VMO at an address.
#[derive(Clone, Copy, Debug)]
pub struct Mapping {
    /// The region that it is in.
    pub vmar: Id<Vmar>,
    /// Its first address.
    pub base: u64,
    /// Bytes, a multiple of the page size.
    pub length: u64,
    /// What is mapped.
    pub vmo: Id<Vmo>,
    /// Where in it the mapping starts.
    pub offset: u64,
    /// The VMO that has the bytes: the one that is mapped, or what it is a slice of.
    pub root: Id<Vmo>,
    /// Where in that one the one that is mapped starts. A mapping may lie far beyond its VMO's end, so a sum of this and
    /// `offset` may wrap.
    pub start: u64,
    /// READ, WRITE and EXECUTE as they are now (`abi::vmar::PERM_*`).
    pub permissions: u32,
    /// The most that they may become: what VMO handle and VMAR handle allowed when it was made.
    pub max_permissions: u32,
    /// The memory type, sampled when it was made.
    pub policy: CachePolicy,
    /// Whether pages wholly beyond the VMO's content may not be touched.
    pub ends_with_content: bool,
    /// The vDSO's code: nothing may move, change or cover it.
    pub is_vdso_code: bool,
    /// Its place in the list of its root.
    pub links: Links<Self>,
}

impl Member for Mapping {
    fn links(&self) -> &Links<Self> {
        &self.links
    }

    fn links_mut(&mut self) -> &mut Links<Self> {
        &mut self.links
    }
}

impl Mapping {
    /// The first address after it.
    pub const fn end(&self) -> u64 {
        self.base + self.length
    }

    /// The offset in its VMO that an address in it shows.
    pub const fn offset_of(&self, address: u64) -> u64 {
        self.offset.saturating_add(address - self.base)
    }

    /// What it shows in `[from, to)`, which lies in it, as a mapping of its own.
    pub const fn part(&self, from: u64, to: u64) -> Self {
        Self { base: from, length: to - from, offset: self.offset_of(from), ..*self }
    }

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
