//! From a tree to a ledger.

use crate::groups::{self, Groups};
use crate::intervals::Intervals;
use crate::ledger::{Interrupt, Ledger, Line, Name, Owner, Window};
use crate::{Class, Error, Fate, WindowKind, sort};
use abi::{PhysAddr, PhysRange};
use alloc::vec::Vec;
use core::fmt;
use devicetree::{NodeId, PciKind, Place, RegEntry, Role, Skip, Tree};

/// Windows that a board may have. The largest known has 642.
pub const MAX_WINDOWS: usize = 4096;

/// Bits of a physical address that 4 KiB pages can map (Arm ARM D8.2.1).
const ADDRESS_BITS: u32 = 48;

fn last_of(bits: u32) -> PhysAddr {
    PhysAddr((1 << bits.min(ADDRESS_BITS)) - 1)
}

/// A ledger in the making.
#[derive(Debug)]
pub struct Builder<'t, 'a> {
    tree: &'t Tree<'a>,
    kept: Vec<(PhysRange, Name)>,
    console: Option<NodeId>,
    /// The last address that the CPU has.
    last: PhysAddr,
    out_of_memory: bool,
}

impl<'t, 'a> Builder<'t, 'a> {
    /// Starts from a tree. The GIC and its parts are kept without being asked for.
    pub fn new(tree: &'t Tree<'a>) -> Self {
        let console = tree.chosen().stdout();
        Self { tree, kept: Vec::new(), console, last: last_of(ADDRESS_BITS), out_of_memory: false }
    }

    /// Grants no window that ends beyond what an address of so many bits reaches. More than 48 count as 48, which is
    /// what 4 KiB pages can map.
    #[must_use]
    pub fn address_bits(mut self, bits: u32) -> Self {
        self.last = last_of(bits);
        self
    }

    /// Keeps `range` for the kernel, under `name`: its image, its tree, EL2's memory.
    #[must_use]
    pub fn keep(mut self, range: PhysRange, name: &'static str) -> Self {
        self.out_of_memory |= devicetree::try_push(&mut self.kept, (range, Name::Static(name))).is_err();
        self
    }

    /// Marks the windows of `node`, instead of those of `/chosen/stdout-path`, as the console's.
    #[must_use]
    pub fn console(mut self, node: Option<NodeId>) -> Self {
        self.console = node;
        self
    }

    /// Makes the ledger.
    ///
    /// # Errors
    /// [`Error::Memory`] if memory or reserved memory cannot be placed; [`Error::TooManyWindows`];
    /// [`Error::OutOfMemory`].
    pub fn freeze(self) -> Result<Ledger, Error> {
        if self.out_of_memory {
            return Err(Error::OutOfMemory);
        }
        let tree = self.tree;
        let mut names = Names::default();
        let mut found = Found { kept: self.kept, ..Found::default() };
        found.reservations(tree)?;
        for entry in tree.reg_entries() {
            found.entry(tree, &entry, &mut names)?;
        }
        found.pci(tree)?;
        let mut windows = found.windows;
        sort::by_key(&mut windows, |window| (window.node, window.kind.raw(), window.index));
        for window in &mut windows {
            window.console = Some(window.node) == self.console;
        }
        let containers = containers(tree, &windows)?;
        let (claimed, memory_like) = classes(&windows, &containers)?;
        let mut ledger = Ledger {
            kept: Intervals::new(found.kept),
            memory: Intervals::new(found.memory),
            memory_like,
            claimed,
            windows: Vec::new(),
            groups: Groups::default(),
            interrupts: Vec::new(),
            lines: Vec::new(),
            last: self.last,
            names: Vec::new(),
        };
        let mut granted = 0;
        for (window, is_container) in windows.iter_mut().zip(containers) {
            window.class = ledger.class_of(window.range);
            window.fate = ledger.fate(tree, window, is_container);
            if window.fate == Fate::Grant {
                window.resource = Some(granted);
                granted += 1;
            }
        }
        ledger.groups = groups::find(tree, &mut windows)?;
        for number in &ledger.groups.members {
            let Some(window) = windows.get(*number as usize) else { continue };
            push(&mut ledger.groups.paths, names.path(tree, window.node)?)?;
        }
        ledger.names = names.bytes;
        ledger.windows = windows;
        ledger.add_interrupts(tree)?;
        Ok(ledger)
    }
}

/// What one pass over the tree gathers.
#[derive(Default)]
struct Found {
    kept: Vec<(PhysRange, Name)>,
    memory: Vec<(PhysRange, (Owner, Name))>,
    windows: Vec<Window>,
}

impl Found {
    fn reservations(&mut self, tree: &Tree<'_>) -> Result<(), Error> {
        let name = Name::Static("memory reservation block");
        for reserved in tree.reserved().filter(|reserved| reserved.node.is_none()) {
            push(&mut self.memory, (reserved.range, (Owner::Reserved, name)))?;
        }
        Ok(())
    }

    /// Unavailable memory is memory all the same; an unavailable reservation reserves nothing.
    fn entry(&mut self, tree: &Tree<'_>, entry: &RegEntry<'_>, names: &mut Names) -> Result<(), Error> {
        let node = entry.node;
        match entry.place {
            Place::Memory(range) => push(&mut self.memory, (range, (Owner::Memory, names.path(tree, node)?))),
            Place::Reserved(range) if tree.is_available(node) => {
                push(&mut self.memory, (range, (Owner::Reserved, names.path(tree, node)?)))
            }
            Place::Reserved(_) | Place::Skipped(Skip::Empty) => Ok(()),
            Place::Skipped(skip) => {
                let harmless = match tree.role(node) {
                    Role::Device => true,
                    Role::Memory => false,
                    Role::Reserved => !tree.is_available(node),
                };
                if harmless { Ok(()) } else { Err(Error::memory(tree, node, entry.index, skip)) }
            }
            Place::Window { range, straddles } => {
                if tree.is_gic_part(node) {
                    push(&mut self.kept, (range, names.path(tree, node)?))?;
                }
                let found = window(tree, node, WindowKind::Registers, entry.index, range);
                self.window(tree, Window { straddles, ..found })
            }
        }
    }

    fn pci(&mut self, tree: &Tree<'_>) -> Result<(), Error> {
        for pci in tree.pci_windows() {
            let Ok(range) = pci.place else { continue };
            let kind = match pci.kind {
                PciKind::Config => WindowKind::PciConfig,
                PciKind::Io => WindowKind::PciIo,
                PciKind::Memory32 => WindowKind::PciMemory32,
                PciKind::Memory64 => WindowKind::PciMemory64,
            };
            let prefetchable = pci.prefetchable;
            let class = if prefetchable { Class::MemoryLike } else { Class::Register };
            let found = window(tree, pci.node, kind, pci.index, range);
            self.window(tree, Window { class, prefetchable, straddles: pci.straddles, ..found })?;
        }
        Ok(())
    }

    fn window(&mut self, tree: &Tree<'_>, window: Window) -> Result<(), Error> {
        if self.windows.len() >= MAX_WINDOWS {
            return Err(Error::too_many_windows(tree, window.node));
        }
        push(&mut self.windows, window)
    }
}

/// A window about which nothing is decided yet.
fn window(tree: &Tree<'_>, node: NodeId, kind: WindowKind, index: u32, range: PhysRange) -> Window {
    Window {
        node,
        kind,
        index,
        range,
        class: tree.class(node),
        fate: Fate::Disabled,
        group: None,
        prefetchable: false,
        straddles: false,
        console: false,
        resource: None,
    }
}

/// Which windows enclose a window of a descendant of their node.
///
/// A window takes part once for each of its node's ancestors, of which there are [`devicetree::MAX_DEPTH`] at most, so
/// this sorts no more than that many times the windows.
fn containers(tree: &Tree<'_>, windows: &[Window]) -> Result<Vec<bool>, Error> {
    let mut containers = Vec::new();
    containers.try_reserve_exact(windows.len()).map_err(|_| Error::OutOfMemory)?;
    let mut inner: Vec<(PhysAddr, PhysAddr)> = Vec::new();
    inner.try_reserve_exact(windows.len()).map_err(|_| Error::OutOfMemory)?;
    let mut rest = windows;
    while let Some(first) = rest.first() {
        // The windows are in order of their nodes: a node's are a run, and its descendants' the run behind.
        let own;
        (own, rest) = split(rest, |window| window.node == first.node);
        let (below, _) = split(rest, |window| tree.is_related(first.node, window.node));
        inner.clear();
        inner.extend(below.iter().map(|window| (window.range.base(), window.range.last())));
        sort::by_key(&mut inner, |item| *item);
        // From the back, so that each holds the least end of all that start there or later.
        inner.iter_mut().rev().fold(None, |least: Option<PhysAddr>, (_, last)| {
            *last = least.map_or(*last, |least| least.min(*last));
            Some(*last)
        });
        containers.extend(own.iter().map(|outer| {
            let at = inner.partition_point(|(base, _)| *base < outer.range.base());
            inner.get(at).is_some_and(|(_, least)| *least <= outer.range.last())
        }));
    }
    Ok(containers)
}

/// Splits off the head of a slice that satisfies a condition.
fn split(windows: &[Window], condition: impl Fn(&Window) -> bool) -> (&[Window], &[Window]) {
    windows.split_at(windows.partition_point(condition))
}

/// All windows, and the bytes that are memory-like: inside a memory-like window, and outside every window
/// of registers that is not a mere container of others.
fn classes(windows: &[Window], containers: &[bool]) -> Result<(Intervals<()>, Intervals<()>), Error> {
    let (mut claimed, mut memory, mut registers) = (Vec::new(), Vec::new(), Vec::new());
    for (window, is_container) in windows.iter().zip(containers) {
        push(&mut claimed, (window.range, ()))?;
        match window.class {
            Class::MemoryLike => push(&mut memory, (window.range, ()))?,
            _ if !is_container => push(&mut registers, (window.range, ()))?,
            _ => {}
        }
    }
    let registers = Intervals::new(registers);
    let mut rest = Vec::new();
    for (range, ()) in Intervals::new(memory).joined().iter() {
        let mut left = Some(*range);
        while let Some(range) = left {
            let Some((cut, ())) = registers.first_overlap(range) else {
                push(&mut rest, (range, ()))?;
                break;
            };
            let before = cut.base().0.checked_sub(1).map(PhysAddr);
            if let Some(before) = before.and_then(|last| PhysRange::from_bounds(range.base(), last)) {
                push(&mut rest, (before, ()))?;
            }
            left = cut.last().checked_add(1).and_then(|next| PhysRange::from_bounds(next, range.last()));
        }
    }
    Ok((Intervals::new(claimed), Intervals::new(rest).joined()))
}

impl Ledger {
    /// What becomes of a window: the first that applies.
    fn fate(&self, tree: &Tree<'_>, window: &Window, is_container: bool) -> Fate {
        let pages = window.range.expand_to_pages();
        match () {
            () if self.touches_kept(pages).is_some() => Fate::Kernel,
            () if self.touches_memory(pages).is_some() => Fate::Reserved,
            () if !tree.is_available(window.node) => Fate::Disabled,
            () if window.range.last() > self.last => Fate::Beyond,
            () if is_container => Fate::Container,
            () if window.straddles => Fate::Straddles,
            () => Fate::Grant,
        }
    }

    /// Lists the interrupts of available devices at the GIC, and each shared line once.
    fn add_interrupts(&mut self, tree: &Tree<'_>) -> Result<(), Error> {
        let Some(controller) = tree.interrupt_controller() else { return Ok(()) };
        let usable = |node: NodeId| tree.is_available(node) && !tree.is_gic_part(node);
        let mut add = |node: NodeId, index: u32, pci: bool, target: devicetree::Interrupt| {
            let Some(gic) = target.gic.filter(|_| target.controller == controller.node) else {
                return Ok(());
            };
            let (kind, intid, trigger) = (gic.kind, gic.intid, gic.trigger);
            push(&mut self.interrupts, Interrupt { node, index, kind, intid, trigger, pci, line: None })?;
            let line = Line { intid, trigger, node, users: 1 };
            if kind.is_shared() { push(&mut self.lines, line) } else { Ok(()) }
        };
        for entry in tree.interrupts().filter(|entry| usable(entry.node)) {
            if let Ok(target) = entry.target {
                add(entry.node, entry.index, false, target)?;
            }
        }
        let mut budget = tree.budget();
        for host in tree.nodes().filter(|node| tree.is_host_bridge(*node) && usable(*node)) {
            for (index, target) in tree.map_interrupts(host, &mut budget) {
                add(host, index, true, target)?;
            }
        }
        sort::by_key(&mut self.interrupts, |interrupt| (interrupt.node, interrupt.pci, interrupt.index));
        self.join_lines();
        Ok(())
    }

    /// Makes one line of all that have an INTID in common, and tells the interrupts which.
    fn join_lines(&mut self) {
        sort::by_key(&mut self.lines, |line| (line.intid, line.node));
        let mut last = None;
        self.lines.dedup_by(|next, kept| {
            let same = next.intid == kept.intid;
            // The first call compares the second line with the first.
            let before = last.replace(next.node).unwrap_or(kept.node);
            kept.users += u32::from(same && next.node != before);
            same
        });
        let lines = &self.lines;
        for interrupt in self.interrupts.iter_mut().filter(|interrupt| interrupt.kind.is_shared()) {
            let line = lines.binary_search_by_key(&interrupt.intid, |line| line.intid).ok();
            interrupt.line = line.and_then(|line| u32::try_from(line).ok());
        }
    }
}

pub(crate) fn push<T>(vector: &mut Vec<T>, item: T) -> Result<(), Error> {
    devicetree::try_push(vector, item).map_err(|_| Error::OutOfMemory)
}

/// A pool of paths.
#[derive(Default)]
struct Names {
    bytes: Vec<u8>,
    /// The node that was named last: its windows are in a row, and share the name.
    last: Option<(NodeId, Name)>,
}

impl Names {
    fn path(&mut self, tree: &Tree<'_>, node: NodeId) -> Result<Name, Error> {
        if let Some((_, name)) = self.last.filter(|(last, _)| *last == node) {
            return Ok(name);
        }
        let start = self.bytes.len();
        fmt::write(self, format_args!("{}", tree.path(node))).map_err(|_| Error::OutOfMemory)?;
        let bounds = u32::try_from(start).ok().zip(u32::try_from(self.bytes.len() - start).ok());
        let name = bounds.map(|(start, length)| Name::Pool(start, length)).ok_or(Error::OutOfMemory)?;
        self.last = Some((node, name));
        Ok(name)
    }
}

impl fmt::Write for Names {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.bytes.try_reserve(piece.len()).map_err(|_| fmt::Error)?;
        self.bytes.extend_from_slice(piece.as_bytes());
        Ok(())
    }
}
