//! The frozen ledger: what is where, and whose.

use crate::groups::{self, Groups};
use crate::intervals::Intervals;
use crate::{Class, Fate, InterruptKind, Trigger, WindowKind};
use abi::{PhysAddr, PhysRange};
use alloc::vec::Vec;
use core::fmt;
use devicetree::NodeId;

/// A window of the CPU's address space and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its node.
    pub node: NodeId,
    /// A `reg` entry, or a kind of PCI range.
    pub kind: WindowKind,
    /// Its place in `reg` or in `ranges`.
    pub index: u32,
    /// Where, byte-exact.
    pub range: PhysRange,
    /// What it holds.
    pub class: Class,
    /// What became of it.
    pub fate: Fate,
    /// The group of windows that share its pages.
    pub group: Option<u32>,
    /// A PCI range whose reads have no effects.
    pub prefetchable: bool,
    /// Longer than the bus range that holds its base.
    pub straddles: bool,
    /// The kernel's console prints there.
    pub console: bool,
    /// Its place among the windows whose fate is [`Fate::Grant`].
    pub resource: Option<u32>,
}

/// Pages that windows of unrelated nodes share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// The pages.
    pub pages: PhysRange,
    pub(crate) first_member: u32,
    pub(crate) members: u32,
}

/// A window of a page group, with what reports and programs call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupMember<'l> {
    /// Its place in [`Ledger::windows`] and in the device table.
    pub number: u32,
    /// Its group's place in [`Ledger::groups`].
    pub group: u32,
    /// The window.
    pub window: &'l Window,
    /// Its node's full path.
    pub path: &'l str,
}

/// `/soc/serial@7e201000 reg[0] [0xfe201000..0xfe201200)`
impl fmt::Display for GroupMember<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}[{}] {}", self.path, self.window.kind, self.window.index, self.window.range)
    }
}

/// An interrupt of an available device at the GIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupt {
    /// The device.
    pub node: NodeId,
    /// Its place in `interrupts` or, for PCI, in `interrupt-map`.
    pub index: u32,
    /// Shared or private.
    pub kind: InterruptKind,
    /// The number that the GIC reports.
    pub intid: u32,
    /// Edge or level.
    pub trigger: Trigger,
    /// A row of a PCI host bridge's `interrupt-map`: the line of devices behind it.
    pub pci: bool,
    /// Its line's place in [`Ledger::interrupts`]; private interrupts have none.
    pub line: Option<u32>,
}

/// A shared interrupt line: one IRQ resource, one owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The number that the GIC reports: the resource's base.
    pub intid: u32,
    /// Edge or level, as the first device says.
    pub trigger: Trigger,
    /// The first device, in document order, that names the line.
    pub node: NodeId,
    /// How many nodes name it.
    pub users: u32,
}

/// Why nobody may have a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The kernel keeps it.
    Kernel,
    /// It is memory, available or not.
    Memory,
    /// It is reserved memory.
    Reserved,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kernel => "kept by the kernel",
            Self::Memory => "memory",
            Self::Reserved => "reserved memory",
        })
    }
}

/// Where a denied range's name is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Name {
    Static(&'static str),
    /// Start and length in [`Ledger::names`].
    Pool(u32, u32),
}

/// Who is in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict<'l> {
    /// The range asked about.
    pub asked: PhysRange,
    /// The range in the way.
    pub range: PhysRange,
    /// Why it is.
    pub owner: Owner,
    /// Its name: a path, or what the kernel called it.
    pub name: &'l str,
}

/// `[0x8000000..0x8001000) touches [0x8000000..0x8010000), kept by the kernel (/intc@8000000)`
impl fmt::Display for Conflict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} touches {}, {} ({})", self.asked, self.range, self.owner, self.name)
    }
}

/// What may become a resource. Made by [`crate::Builder::freeze`]; it never changes.
#[derive(Debug)]
pub struct Ledger {
    pub(crate) kept: Intervals<Name>,
    pub(crate) memory: Intervals<(Owner, Name)>,
    pub(crate) memory_like: Intervals<()>,
    pub(crate) claimed: Intervals<()>,
    pub(crate) windows: Vec<Window>,
    pub(crate) groups: Groups,
    pub(crate) interrupts: Vec<Interrupt>,
    pub(crate) lines: Vec<Line>,
    /// The last address that the CPU has.
    pub(crate) last: PhysAddr,
    pub(crate) names: Vec<u8>,
}

impl Ledger {
    /// Whom `range` touches that nobody may have: the kernel's windows first, then memory and reserved
    /// memory. The caller expands to pages what it is about to map.
    pub fn touches_denied(&self, range: PhysRange) -> Option<Conflict<'_>> {
        self.touches_kept(range).or_else(|| self.touches_memory(range))
    }

    /// What `range` may be mapped as. [`Class::MemoryLike`] only if every byte of it is inside memory-like
    /// windows and none inside a window of registers.
    pub fn class_of(&self, range: PhysRange) -> Class {
        if self.memory_like.covers(range) {
            Class::MemoryLike
        } else if self.claimed.first_overlap(range).is_some() {
            Class::Register
        } else {
            Class::Unclaimed
        }
    }

    /// All windows, in the order of the device table: by node, kind and index.
    pub fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// The windows that become MMIO resources, in order.
    pub fn grantable(&self) -> impl Iterator<Item = &Window> {
        self.windows.iter().filter(|window| window.fate == Fate::Grant)
    }

    /// The page groups, in order of address; a window's group number is a place in here.
    pub fn groups(&self) -> &[Group] {
        &self.groups.groups
    }

    /// The windows of a group, in order of address.
    pub fn group_members(&self, group: u32) -> impl Iterator<Item = &Window> {
        let (first, count) = self
            .groups
            .groups
            .get(group as usize)
            .map_or((0, 0), |group| (group.first_member, group.members));
        let members = self.groups.members.iter().skip(first as usize).take(count as usize);
        members.filter_map(|member| self.windows.get(*member as usize))
    }

    /// The members, by group and address, of each group of which `range` touches a page.
    pub fn sharers(&self, range: PhysRange) -> impl Iterator<Item = GroupMember<'_>> {
        let mut place = 0;
        core::iter::from_fn(move || {
            let (at, member) = self.sharer_from(range, place)?;
            place = at + 1;
            Some(member)
        })
    }

    /// The first of [`Ledger::sharers`] at or behind a place, with its place.
    pub fn sharer_from(&self, range: PhysRange, place: usize) -> Option<(usize, GroupMember<'_>)> {
        let pages = range.expand_to_pages();
        let groups = &self.groups.groups;
        let first = groups.partition_point(|group| (group.first_member + group.members) as usize <= place);
        // Groups are in order of their first pages; those behind the range cannot reach it.
        let mut near = (0..).zip(groups).skip(first).take_while(|(_, it)| it.pages.base() <= pages.last());
        let (number, group) = near.find(|(_, group)| group.pages.overlaps(pages))?;
        let place = place.max(group.first_member as usize);
        Some((place, self.member(number, place)?))
    }

    fn member(&self, group: u32, place: usize) -> Option<GroupMember<'_>> {
        let number = *self.groups.members.get(place)?;
        let window = self.windows.get(number as usize)?;
        let path = self.groups.paths.get(place).map_or("", |path| self.name(*path));
        Some(GroupMember { number, group, window, path })
    }

    /// `range` with every group of which it touches a page: what whoever maps all of it sees.
    pub fn with_groups(&self, range: PhysRange) -> PhysRange {
        let mut last_group = None;
        let mut whole = range;
        for member in self.sharers(range) {
            let Some(group) = self.groups.groups.get(member.group as usize) else { continue };
            if last_group.replace(member.group) != Some(member.group) {
                whole = groups::hull(whole, group.pages);
            }
        }
        whole
    }

    /// The lines that become IRQ resources, in order of INTID.
    pub fn interrupts(&self) -> &[Line] {
        &self.lines
    }

    /// The line with this INTID.
    pub fn line(&self, intid: u32) -> Option<&Line> {
        let at = self.lines.binary_search_by_key(&intid, |line| line.intid).ok()?;
        self.lines.get(at)
    }

    /// Every interrupt of every available device at the GIC, private ones included, in document order.
    pub fn device_interrupts(&self) -> &[Interrupt] {
        &self.interrupts
    }

    /// The memory and reserved ranges that are denied, disjoint, in order of address.
    pub fn denied_memory(&self) -> impl Iterator<Item = (PhysRange, Owner, &str)> {
        self.memory.iter().map(|(range, (owner, name))| (*range, *owner, self.name(*name)))
    }

    /// The ranges that the kernel keeps, disjoint, in order of address.
    pub fn kept(&self) -> impl Iterator<Item = (PhysRange, &str)> {
        self.kept.iter().map(|(range, name)| (*range, self.name(*name)))
    }

    pub(crate) fn touches_kept(&self, range: PhysRange) -> Option<Conflict<'_>> {
        let (found, name) = self.kept.first_overlap(range)?;
        Some(Conflict { asked: range, range: *found, owner: Owner::Kernel, name: self.name(*name) })
    }

    pub(crate) fn touches_memory(&self, range: PhysRange) -> Option<Conflict<'_>> {
        let (found, (owner, name)) = self.memory.first_overlap(range)?;
        Some(Conflict { asked: range, range: *found, owner: *owner, name: self.name(*name) })
    }

    fn name(&self, name: Name) -> &str {
        match name {
            Name::Static(text) => text,
            Name::Pool(start, length) => {
                let bytes = self.names.get(start as usize..).and_then(|rest| rest.get(..length as usize));
                core::str::from_utf8(bytes.unwrap_or(&[])).unwrap_or("?")
            }
        }
    }
}
