//! Virtual memory objects: pages of RAM, or a range of physical addresses.
use abi::vmo::CachePolicy;
use abi::{Koid, PAGE_SIZE, PhysAddr, PhysRange, Signals};

use super::{Header, Mapping, Name, Pmt};
use crate::collections::arena::Id;
use crate::collections::list::{Links, List};
use crate::collections::queue::{Place, Queue};
use crate::collections::ranges::Ranges;
use crate::memory::pages::Pages;
use crate::memory::withdraw::Withdrawal;

/// Where a VMO's bytes are.
#[derive(Debug)]
pub enum Content {
    /// In frames, taken when they are first written to, its own or shared with clones; what was never written to reads
    /// as zero.
    Paged(Pages),
    /// At fixed physical addresses that it does not own. No byte of it is ever read by the kernel.
    Physical(PhysRange),
    /// In the VMO that it is a slice of, `offset` bytes on. That one is never a slice itself.
    Slice {
        /// The VMO that has the bytes.
        of: Id<Vmo>,
        /// Where the slice starts in it.
        offset: u64,
    },
    /// In the VMO that it refers to, whose size is its own. That one has pages itself.
    Reference(Id<Vmo>),
}

/// The place of a VMO among the children of its parent.
#[derive(Debug)]
pub struct AtSiblings;

impl Place<Vmo> for AtSiblings {
    fn of(vmo: &Vmo) -> &Links<Vmo> {
        &vmo.siblings
    }

    fn of_mut(vmo: &mut Vmo) -> &mut Links<Vmo> {
        &mut vmo.siblings
    }
}

/// Who wants to keep a VMO whose pages may be discarded otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Locks {
    /// Locks that were not unlocked.
    pub count: u64,
    /// Whether it was discarded since it was last locked.
    pub discarded: bool,
}

/// The place of a VMO among those that may be discarded.
#[derive(Debug)]
pub struct AtUnlocked;

impl Place<Vmo> for AtUnlocked {
    fn of(vmo: &Vmo) -> &Links<Vmo> {
        &vmo.place
    }

    fn of_mut(vmo: &mut Vmo) -> &mut Links<Vmo> {
        &mut vmo.place
    }
}

/// Frames in a row that a contiguous VMO's pages have, or are to have.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Page 0's. The others follow in order.
    pub first: PhysAddr,
    /// How many.
    pub pages: u64,
    /// How many of them are not in their page's place yet. Those belong to the row alone.
    pub waiting: u64,
    /// Up to which page all have been given theirs.
    pub next: u64,
    /// What `first` must be a multiple of.
    pub align: u64,
    /// Where they must lie.
    pub within: PhysRange,
}

impl Row {
    /// The frame of a page.
    pub fn frame(&self, page: u64) -> Option<PhysAddr> {
        (page < self.pages).then(|| self.first.checked_add(page * PAGE_SIZE)).flatten()
    }
}

/// Memory that can be mapped.
///
/// What every call looks at comes first, what few VMOs have comes last. Where all is zero in a new one there are
/// eight words in a row at most, for which the compiler calls nothing.
#[derive(Debug)]
#[repr(C)]
pub struct Vmo {
    /// What every object has.
    pub header: Header,
    /// Its size in bytes, a multiple of the page size.
    pub size: u64,
    /// Where its bytes are.
    pub content: Content,
    /// How it is mapped.
    pub policy: CachePolicy,
    /// Mappings that show its bytes: its own and its slices'.
    pub shown: List<Mapping>,
    /// What devices may reach of it, of its slices and references, too. Each pin keeps it.
    pub pins: Ranges<Pmt>,
    /// The VMO that it was made from, or that one's own parent if it has ended.
    pub parent: Option<Id<Vmo>>,
    /// VMOs that have it as their parent.
    pub children: Queue<Self, AtSiblings>,
    /// Its place among its parent's children.
    pub siblings: Links<Self>,
    /// Bytes of content, at most `size`. Only the program gives it a meaning, and mappings that end with it.
    pub content_size: u64,
    /// The koid of the VMO that it was made from; 0 for none.
    pub parent_koid: Koid,
    /// Its name.
    pub name: Name,
    /// Its place among those that may be discarded.
    pub place: Links<Self>,
    /// Who wants to keep it; `None` for a VMO that is never discarded.
    pub locks: Option<Locks>,
    /// What is being taken out of its mappings.
    pub withdrawal: Option<Withdrawal>,
    /// The frames that its pages must have, if it is contiguous.
    pub row: Option<Row>,
    /// Mappings of it, not of its children.
    pub mappings: u32,
    /// Whether there ever was a mapping that ends with the content.
    pub has_ends: bool,
    /// Whether a table was ever given zeros in the place of a page that it has nothing for.
    pub has_zeros: bool,
    /// Whether its size can change.
    pub resizable: bool,
    /// Whether it is a snapshot of its parent.
    pub is_clone: bool,
    /// Whether it was made to stay as it is.
    pub is_immutable: bool,
    /// Whether this is the vDSO, whose code is mapped whole or not at all.
    pub is_vdso: bool,
}

impl Vmo {
    /// Whether its frames may be any: it is neither contiguous nor uncached.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.policy == CachePolicy::Cached && self.row.is_none()
    }

    /// A VMO without parent, children or mappings.
    #[inline(always)]
    pub const fn new(koid: Koid, size: u64, content: Content, policy: CachePolicy) -> Self {
        Self {
            header: Header::new(koid, Signals::VMO_ZERO_CHILDREN),
            name: Name([0; abi::object::MAX_NAME_LEN]),
            size,
            content_size: size,
            has_ends: false,
            has_zeros: false,
            content,
            policy,
            parent: None,
            parent_koid: 0,
            children: Queue::new(),
            siblings: Links::new(),
            mappings: 0,
            shown: List::new(),
            withdrawal: None,
            pins: Ranges::new(),
            row: None,
            resizable: false,
            is_clone: false,
            is_immutable: false,
            locks: None,
            place: Links::new(),
            is_vdso: false,
        }
    }

    /// Counts a mapping of it.
    #[inline]
    pub const fn count_mapping(&mut self) {
        // Each mapping has a record of its own: memory is at an end long before the counts are.
        self.mappings = self.mappings.wrapping_add(1);
        self.header.holds = self.header.holds.wrapping_add(1);
    }

    /// Counts a mapping less.
    #[inline]
    pub const fn discount_mapping(&mut self) {
        // It counted this one.
        self.mappings = self.mappings.wrapping_sub(1);
        self.header.holds = self.header.holds.wrapping_sub(1);
    }

    /// Whether a table may show zeros in the place of a page that it has nothing for.
    #[inline]
    pub const fn may_show_zeros(&self) -> bool {
        self.has_zeros && self.shown.first().is_some()
    }

    /// Whether something else than a mapping of it needs it.
    #[inline]
    pub const fn stays_without_a_mapping(&self) -> bool {
        self.header.handles > 0 || self.header.holds > 1
    }

    /// Whether it is a range of physical addresses that was made from no other VMO, and none from it. Nothing else
    /// knows of such a one that has neither handles nor mappings: it is pinned nowhere and never discarded.
    #[inline]
    pub fn is_alone(&self) -> bool {
        matches!(self.content, Content::Physical(_)) && self.parent.is_none() && self.children.is_empty()
    }

    /// Whether it goes at once with its last handle, which is left: it [is alone](Vmo::is_alone), is mapped nowhere, and
    /// nobody waits for it.
    #[inline]
    pub fn is_over_without_a_handle(&self) -> bool {
        let Header { handles, holds, waiters, .. } = &self.header;
        *handles == 1 && *holds == 0 && waiters.is_none() && self.is_alone()
    }

    /// Whether it has its bytes itself: it is no slice and no reference.
    #[inline]
    pub const fn has_own_bytes(&self) -> bool {
        matches!(self.content, Content::Paged(_) | Content::Physical(_))
    }

    /// The physical bytes that it has from an offset on, at most so many, if it is a physical range itself.
    #[inline(always)]
    pub fn physical_bytes(&self, offset: u64, length: u64) -> Option<PhysRange> {
        let base = self.physical_at(offset)?;
        PhysRange::new(base, length.min(self.size.saturating_sub(offset))).ok()
    }

    /// The physical address of an offset, for a VMO that is a physical range itself.
    #[inline(always)]
    pub fn physical_at(&self, offset: u64) -> Option<PhysAddr> {
        match &self.content {
            // The range is as large as the VMO, and it has a last address.
            Content::Physical(range) if offset < self.size => {
                Some(PhysAddr(range.base().0.wrapping_add(offset)))
            }
            _ => None,
        }
    }
}
