//! The device table: what the first process learns of the board, beside the handles themselves.
//!
//! Resource names hold 31 bytes; device tree paths do not fit them. So the kernel hands over a read-only
//! VMO with this table: every device node with its full path, its windows and what became of them, the
//! page groups, interrupts and DMA ranges.
//!
//! ```text
//! 0    Header
//! 64   Node      x nodes        in document order; a node's place is its bti_id
//!      Window    x windows      by node, then kind, then index
//!      Interrupt x interrupts   by node, then index
//!      Group     x groups       by address
//!      DmaRange  x dma_ranges
//!      u32       x members      indices of windows; padded with zeros to 8 bytes
//!      u8        x strings      UTF-8, no terminators; `compatible` lists keep their NULs
//! ```
//! Integers are little-endian. A field that names a record holds its index, or [`NONE`].
//!
//! # Handles
//! The kernel makes one MMIO resource for each window whose fate is [`Fate::Grant`], in this table's
//! order, then one IRQ resource for each shared interrupt, in the order of their INTIDs.
//! `Window::resource` and `Interrupt::resource` count in those two sequences from 0. Devices that share an
//! interrupt line name the same resource.
//!
//! [`DeviceTable`] reads the table without allocating and without trusting it: whatever lies outside
//! reads as absent.
use crate::layout::AbiStruct;
use crate::{PhysAddr, PhysRange, abi_struct};

/// `JACDEVT1`, read as a little-endian number.
pub const MAGIC: u64 = u64::from_le_bytes(*b"JACDEVT1");
/// No such record.
pub const NONE: u32 = u32::MAX;

/// [`Node::flags`]: the node and all its ancestors are okay.
pub const NODE_AVAILABLE: u32 = 1 << 0;
/// [`Node::flags`]: bus addresses are physical addresses; the node has no DMA ranges.
pub const NODE_DMA_IDENTITY: u32 = 1 << 1;

/// [`Window::flags`]: a PCI range whose reads have no effects.
pub const WINDOW_PREFETCHABLE: u8 = 1 << 0;
/// [`Window::flags`]: the kernel prints there until a process claims the window.
pub const WINDOW_CONSOLE: u8 = 1 << 1;
/// [`Window::flags`]: longer than the bus range that holds its base.
pub const WINDOW_STRADDLES: u8 = 1 << 2;

/// [`Interrupt::flags`]: other devices use the same line.
pub const INTERRUPT_SHARED: u8 = 1 << 0;
/// [`Interrupt::flags`]: a row of a PCI host bridge's `interrupt-map`: the line of devices behind it.
pub const INTERRUPT_PCI: u8 = 1 << 1;

macro_rules! raw_enum {
    ($($(#[$doc:meta])* enum $name:ident {
        $($(#[$variant_doc:meta])* $variant:ident = $value:literal $text:literal,)*
    })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum $name {
            $($(#[$variant_doc])* $variant = $value,)*
        }

        impl $name {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The value in the table.
            pub const fn raw(self) -> u8 {
                self as u8
            }

            /// From the value in the table.
            pub const fn from_raw(raw: u8) -> Option<Self> {
                match raw {
                    $($value => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// The word for it in reports.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.pad(self.as_str())
            }
        }
    )*};
}

raw_enum! {
    /// What a range of the physical address space holds.
    enum Class {
        /// Registers: accesses have effects. Device memory types only, never executable.
        Register = 0 "register",
        /// Bytes that read back as written, or never change: any cache policy.
        MemoryLike = 1 "memory-like",
        /// No node claims it. Mintable from the ranged root only, Device memory types only.
        Unclaimed = 2 "unclaimed",
    }

    /// What becomes of a window: the first that applies.
    enum Fate {
        /// Touches a page that the kernel keeps.
        Kernel = 0 "kernel",
        /// Touches a page of memory, or of reserved memory.
        Reserved = 1 "reserved",
        /// The node or one of its ancestors is not okay.
        Disabled = 2 "disabled",
        /// A bus or syscon that encloses windows of its descendants.
        Container = 3 "container",
        /// Longer than the bus range that holds its base.
        Straddles = 4 "straddles",
        /// Becomes a resource.
        Grant = 5 "grant",
        /// Ends beyond the addresses that the CPU has.
        Beyond = 6 "beyond",
    }

    /// Where a window comes from.
    enum WindowKind {
        /// A `reg` entry.
        Registers = 0 "reg",
        /// A host bridge's configuration space in `ranges`.
        PciConfig = 1 "config",
        /// A host bridge's I/O space.
        PciIo = 2 "io",
        /// A host bridge's 32-bit memory space.
        PciMemory32 = 3 "mem",
        /// A host bridge's 64-bit memory space.
        PciMemory64 = 4 "mem64",
    }

    /// The kinds of interrupt that a GIC specifier can name.
    enum InterruptKind {
        /// Shared: any CPU. INTID 32 to 1019.
        Spi = 0 "spi",
        /// Private to each CPU. INTID 16 to 31.
        Ppi = 1 "ppi",
        /// The extended range of shared ones (GICv3.1). INTID 4096 to 5119.
        ExtendedSpi = 2 "espi",
        /// The extended range of private ones (GICv3.1). INTID 1056 to 1119.
        ExtendedPpi = 3 "eppi",
    }

    /// What makes an interrupt pending.
    enum Trigger {
        /// The tree does not say.
        Unspecified = 0 "unspecified",
        /// A rising edge.
        EdgeRising = 1 "edge-rising",
        /// A falling edge.
        EdgeFalling = 2 "edge-falling",
        /// Either edge.
        EdgeBoth = 3 "edge-both",
        /// A high level.
        LevelHigh = 4 "level-high",
        /// A low level.
        LevelLow = 8 "level-low",
    }
}

impl InterruptKind {
    /// Whether it goes to any CPU, and so can be a resource.
    pub const fn is_shared(self) -> bool {
        matches!(self, Self::Spi | Self::ExtendedSpi)
    }
}

impl Trigger {
    /// Whether the GIC must be set to edge-triggered.
    pub const fn is_edge(self) -> bool {
        matches!(self, Self::EdgeRising | Self::EdgeFalling | Self::EdgeBoth)
    }
}

abi_struct! {
    /// The first 64 bytes.
    struct Header as "jacinth_device_table_t" {
        /// [`MAGIC`].
        magic: u64,
        /// Bytes of the whole table.
        size: u64,
        /// How many [`Node`]s.
        nodes: u32,
        /// How many [`Window`]s.
        windows: u32,
        /// How many [`Interrupt`]s.
        interrupts: u32,
        /// How many [`Group`]s.
        groups: u32,
        /// How many [`DmaRange`]s.
        dma_ranges: u32,
        /// How many group members.
        members: u32,
        /// Bytes of strings.
        strings: u32,
        /// MMIO resources.
        mmio_resources: u32,
        /// IRQ resources.
        irq_resources: u32,
        /// Zero.
        reserved: [u32; 3],
    }

    /// A device node.
    struct Node as "jacinth_device_node_t" {
        /// Where its full path starts in the strings.
        path: u32,
        /// The path's bytes.
        path_size: u32,
        /// Where its `compatible` list starts in the strings.
        compatible: u32,
        /// The list's bytes, NULs included.
        compatible_size: u32,
        /// Its first [`Window`].
        first_window: u32,
        /// How many.
        windows: u32,
        /// Its first [`Interrupt`].
        first_interrupt: u32,
        /// How many.
        interrupts: u32,
        /// Its first [`DmaRange`]; devices of one bus share them.
        first_dma_range: u32,
        /// How many.
        dma_ranges: u32,
        /// `NODE_` bits.
        flags: u32,
        /// Its place in the device tree, in document order.
        tree_index: u32,
    }

    /// A window.
    struct Window as "jacinth_device_window_t" {
        /// Its first byte.
        base: u64,
        /// Its bytes.
        size: u64,
        /// Its [`Node`].
        node: u32,
        /// Its place in `reg` or, for PCI, in `ranges`.
        index: u32,
        /// Where its name (`reg-names`) starts in the strings.
        name: u32,
        /// The name's bytes; 0 without a name.
        name_size: u32,
        /// Which MMIO resource it is, or [`NONE`].
        resource: u32,
        /// Its page [`Group`], or [`NONE`].
        group: u32,
        /// [`WindowKind`].
        kind: u8,
        /// [`Class`].
        class: u8,
        /// [`Fate`].
        fate: u8,
        /// `WINDOW_` bits.
        flags: u8,
        /// Zero.
        reserved: u32,
    }

    /// An interrupt of an available device at the GIC.
    struct Interrupt as "jacinth_device_interrupt_t" {
        /// Its [`Node`].
        node: u32,
        /// Its place in `interrupts` or, for PCI, in `interrupt-map`.
        index: u32,
        /// The number that the GIC reports; an IRQ resource's base.
        intid: u32,
        /// Which IRQ resource it is, or [`NONE`]: private interrupts stay with the kernel.
        resource: u32,
        /// Where its name (`interrupt-names`) starts in the strings.
        name: u32,
        /// The name's bytes; 0 without a name.
        name_size: u32,
        /// [`InterruptKind`].
        kind: u8,
        /// [`Trigger`].
        trigger: u8,
        /// `INTERRUPT_` bits.
        flags: u8,
        /// Zero.
        reserved: [u8; 5],
    }

    /// Pages that windows of unrelated nodes share. Who maps one of the windows sees all of them.
    struct Group as "jacinth_device_group_t" {
        /// The first page.
        base: u64,
        /// Bytes, a multiple of the page size.
        size: u64,
        /// Its first member.
        first_member: u32,
        /// How many.
        members: u32,
    }

    /// Memory as a device sees it.
    struct DmaRange as "jacinth_device_dma_range_t" {
        /// The first address on the device's bus.
        bus: u64,
        /// The physical address there.
        base: u64,
        /// Bytes.
        size: u64,
    }
}

impl Window {
    /// The window's bytes; `None` if the record is damaged.
    pub fn range(&self) -> Option<PhysRange> {
        PhysRange::new(PhysAddr(self.base), self.size).ok()
    }

    /// What became of it; `None` if the record is damaged.
    pub fn fate(&self) -> Option<Fate> {
        Fate::from_raw(self.fate)
    }
}

/// Why bytes are not a device table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// They do not start with [`MAGIC`].
    NotATable,
    /// They are fewer than the header says, or its counts do not fit its size.
    Truncated,
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::NotATable => "device table: wrong magic number; this is not a device table",
            Self::Truncated => "device table: the counts in its header do not fit its size",
        })
    }
}

impl core::error::Error for Error {}

/// Where each section starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sections {
    /// [`Node`]s.
    pub nodes: usize,
    /// [`Window`]s.
    pub windows: usize,
    /// [`Interrupt`]s.
    pub interrupts: usize,
    /// [`Group`]s.
    pub groups: usize,
    /// [`DmaRange`]s.
    pub dma_ranges: usize,
    /// Group members.
    pub members: usize,
    /// Strings.
    pub strings: usize,
    /// The end of the table.
    pub end: usize,
}

impl Header {
    /// The sections that these counts make; `None` if they do not fit an address space.
    pub fn sections(&self) -> Option<Sections> {
        let after = |at: usize, count: u32, size: usize| {
            at.checked_add(usize::try_from(count).ok()?.checked_mul(size)?)
        };
        let nodes = Self::SIZE;
        let windows = after(nodes, self.nodes, Node::SIZE)?;
        let interrupts = after(windows, self.windows, Window::SIZE)?;
        let groups = after(interrupts, self.interrupts, Interrupt::SIZE)?;
        let dma_ranges = after(groups, self.groups, Group::SIZE)?;
        let members = after(dma_ranges, self.dma_ranges, DmaRange::SIZE)?;
        let strings = after(members, self.members, 4)?.checked_next_multiple_of(8)?;
        let end = after(strings, self.strings, 1)?;
        Some(Sections { nodes, windows, interrupts, groups, dma_ranges, members, strings, end })
    }
}

/// A device table.
///
/// Holding one proves that every section lies inside the bytes. Indices in records are checked at each use.
#[derive(Clone, Copy, Debug)]
pub struct DeviceTable<'a> {
    bytes: &'a [u8],
    header: Header,
    sections: Sections,
}

/// A node with its place in the table.
#[derive(Clone, Copy, Debug)]
pub struct NodeRef<'a> {
    table: DeviceTable<'a>,
    /// The node's place: its bti_id.
    pub index: u32,
    /// The record.
    pub record: Node,
}

impl<'a> DeviceTable<'a> {
    /// Reads the header and checks it.
    ///
    /// # Errors
    /// [`Error::NotATable`] or [`Error::Truncated`].
    pub fn new(bytes: &'a [u8]) -> Result<Self, Error> {
        let header = Header::get(bytes);
        if header.magic != MAGIC {
            return Err(Error::NotATable);
        }
        let sections = header.sections().ok_or(Error::Truncated)?;
        let whole = u64::try_from(sections.end) == Ok(header.size) && sections.end <= bytes.len();
        if whole { Ok(Self { bytes, header, sections }) } else { Err(Error::Truncated) }
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The nodes, in document order.
    pub fn nodes(&self) -> impl Iterator<Item = NodeRef<'a>> + use<'a> {
        let table = *self;
        (0..table.header.nodes).filter_map(move |index| table.node(index))
    }

    /// The node at this place.
    pub fn node(&self, index: u32) -> Option<NodeRef<'a>> {
        let record = self.record(self.sections.nodes, index, self.header.nodes)?;
        Some(NodeRef { table: *self, index, record })
    }

    /// The node with this full path.
    pub fn find(&self, path: &str) -> Option<NodeRef<'a>> {
        self.nodes().find(|node| node.path() == path)
    }

    /// The windows, in order.
    pub fn windows(&self) -> impl Iterator<Item = Window> + use<'a> {
        let table = *self;
        (0..table.header.windows).filter_map(move |index| table.window(index))
    }

    /// The window at this place.
    pub fn window(&self, index: u32) -> Option<Window> {
        self.record(self.sections.windows, index, self.header.windows)
    }

    /// The interrupts, in order.
    pub fn interrupts(&self) -> impl Iterator<Item = Interrupt> + use<'a> {
        let table = *self;
        (0..table.header.interrupts).filter_map(move |index| table.interrupt(index))
    }

    /// The interrupt at this place.
    pub fn interrupt(&self, index: u32) -> Option<Interrupt> {
        self.record(self.sections.interrupts, index, self.header.interrupts)
    }

    /// The page groups, in order of address.
    pub fn groups(&self) -> impl Iterator<Item = Group> + use<'a> {
        let table = *self;
        (0..table.header.groups).filter_map(move |index| table.group(index))
    }

    /// The page group with this number.
    pub fn group(&self, number: u32) -> Option<Group> {
        self.record(self.sections.groups, number, self.header.groups)
    }

    /// The windows of a page group, in order of address.
    pub fn members(&self, group: &Group) -> impl Iterator<Item = Window> + use<'a> {
        let table = *self;
        let end = group.first_member.saturating_add(group.members).min(table.header.members);
        (group.first_member..end).filter_map(move |member| {
            let at = table.sections.members.checked_add(usize::try_from(member).ok()?.checked_mul(4)?)?;
            let raw = table.bytes.get(at..)?.first_chunk::<4>()?;
            table.window(u32::from_le_bytes(*raw))
        })
    }

    /// A piece of the strings; empty if it lies outside or is not UTF-8.
    pub fn text(&self, start: u32, size: u32) -> &'a str {
        core::str::from_utf8(self.string_bytes(start, size)).unwrap_or("")
    }

    fn string_bytes(&self, start: u32, size: u32) -> &'a [u8] {
        let strings = self.bytes.get(self.sections.strings..self.sections.end).unwrap_or(&[]);
        let bounds = usize::try_from(start).ok().zip(usize::try_from(size).ok());
        bounds.and_then(|(start, size)| strings.get(start..)?.get(..size)).unwrap_or(&[])
    }

    fn record<T: AbiStruct>(&self, section: usize, index: u32, count: u32) -> Option<T> {
        let within = usize::try_from(index).ok().filter(|_| index < count)?;
        let at = section.checked_add(within.checked_mul(T::SIZE)?)?;
        Some(T::get(self.bytes.get(at..)?.get(..T::SIZE)?))
    }
}

impl<'a> NodeRef<'a> {
    /// The full path.
    pub fn path(&self) -> &'a str {
        self.table.text(self.record.path, self.record.path_size)
    }

    /// The `compatible` strings, the most specific first.
    pub fn compatible(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.table.text(self.record.compatible, self.record.compatible_size).split_terminator('\0')
    }

    /// Whether the node and all its ancestors are okay.
    pub fn is_available(&self) -> bool {
        self.record.flags & NODE_AVAILABLE != 0
    }

    /// Its windows.
    pub fn windows(&self) -> impl Iterator<Item = Window> + use<'a> {
        let table = self.table;
        let first = self.record.first_window;
        (first..first.saturating_add(self.record.windows).min(table.header.windows))
            .filter_map(move |index| table.window(index))
    }

    /// Its interrupts.
    pub fn interrupts(&self) -> impl Iterator<Item = Interrupt> + use<'a> {
        let table = self.table;
        let first = self.record.first_interrupt;
        (first..first.saturating_add(self.record.interrupts).min(table.header.interrupts))
            .filter_map(move |index| table.interrupt(index))
    }

    /// The memory that it sees, if [`NODE_DMA_IDENTITY`] is not among its flags.
    pub fn dma_ranges(&self) -> impl Iterator<Item = DmaRange> + use<'a> {
        let table = self.table;
        let first = self.record.first_dma_range;
        (first..first.saturating_add(self.record.dma_ranges).min(table.header.dma_ranges))
            .filter_map(move |index| table.record(table.sections.dma_ranges, index, table.header.dma_ranges))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    extern crate std;
    use std::vec;

    #[test]
    fn records_are_whole_numbers_of_8_bytes() {
        let sizes = [Header::SIZE, Node::SIZE, Window::SIZE, Interrupt::SIZE, Group::SIZE, DmaRange::SIZE];
        assert_eq!(sizes, [64, 48, 48, 32, 24, 24]);
    }

    #[test]
    fn counts_that_do_not_fit_are_refused() {
        let mut bytes = vec![0; 64];
        assert_eq!(DeviceTable::new(&bytes).err(), Some(Error::NotATable));
        let mut header = Header::get(&bytes);
        (header.magic, header.size) = (MAGIC, 64);
        header.put(&mut bytes);
        assert!(DeviceTable::new(&bytes).is_ok());
        assert_eq!(DeviceTable::new(&bytes[..63]).err(), Some(Error::Truncated));
        header.windows = 1;
        header.put(&mut bytes);
        assert_eq!(DeviceTable::new(&bytes).err(), Some(Error::Truncated));
        (header.windows, header.nodes) = (u32::MAX, u32::MAX);
        header.put(&mut bytes);
        assert_eq!(DeviceTable::new(&bytes).err(), Some(Error::Truncated));
    }

    #[test]
    fn indices_outside_read_as_absent() {
        let node = Node::get(&[0xff; 48]);
        let mut header = Header::get(&[]);
        (header.magic, header.nodes, header.size) = (MAGIC, 1, 64 + 48);
        let mut bytes = vec![0; 64 + 48];
        header.put(&mut bytes);
        node.put(&mut bytes[64..]);
        let table = DeviceTable::new(&bytes).unwrap();
        let node = table.node(0).unwrap();
        assert_eq!((node.path(), node.compatible().count()), ("", 0));
        assert_eq!((node.windows().count(), node.interrupts().count(), node.dma_ranges().count()), (0, 0, 0));
        assert!(table.node(1).is_none());
    }

    #[test]
    fn raw_values_round_trip() {
        assert!(Fate::ALL.iter().all(|fate| Fate::from_raw(fate.raw()) == Some(*fate)));
        assert!(Trigger::ALL.iter().all(|trigger| Trigger::from_raw(trigger.raw()) == Some(*trigger)));
        assert_eq!(Class::from_raw(3), None);
    }
}
