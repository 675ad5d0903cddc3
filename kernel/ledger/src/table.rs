//! The device table: the ledger as the first process reads it (layout in `abi::device_table`).

use crate::builder::push;
use crate::ledger::{Ledger, Window};
use crate::{Error, Fate};
use abi::device_table::{self as layout, NONE};
use abi::layout::AbiStruct;
use alloc::vec::Vec;
use core::fmt;
use devicetree::{Budget, DmaRanges, NodeId, Tree};

impl Ledger {
    /// The table as bytes. `tree` is the tree that the ledger was made from.
    ///
    /// Listed are the nodes that are devices in any sense: with windows, interrupts or a `compatible`.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn device_table(&self, tree: &Tree<'_>) -> Result<Vec<u8>, Error> {
        let mut table = Table::default();
        let mut budget = tree.budget();
        let (mut windows, mut interrupts) = (self.windows.as_slice(), self.interrupts.as_slice());
        for node in tree.nodes() {
            let own_windows = take_while(&mut windows, |window| window.node == node);
            let own_interrupts = take_while(&mut interrupts, |interrupt| interrupt.node == node);
            let listed = !own_windows.is_empty()
                || !own_interrupts.is_empty()
                || !tree.compatible_list(node).is_empty();
            if listed {
                table.node(tree, node, (own_windows.len(), own_interrupts.len()), &mut budget)?;
                table.windows(tree, node, own_windows)?;
                table.interrupts(self, tree, node, own_interrupts)?;
            }
        }
        table.finish(self)
    }
}

/// Splits off the head of a slice that satisfies a condition.
fn take_while<'s, T>(rest: &mut &'s [T], condition: impl Fn(&T) -> bool) -> &'s [T] {
    let length = rest.iter().position(|item| !condition(item)).unwrap_or(rest.len());
    let (head, tail) = rest.split_at_checked(length).unwrap_or((rest, &[]));
    *rest = tail;
    head
}

/// The sections, while they grow.
#[derive(Default)]
struct Table {
    nodes: Vec<layout::Node>,
    windows: Vec<layout::Window>,
    interrupts: Vec<layout::Interrupt>,
    dma_ranges: Vec<layout::DmaRange>,
    /// The bus of each run of DMA ranges, in order, and the run: devices of one bus share it.
    dma_buses: Vec<(NodeId, u32, u32)>,
    strings: Vec<u8>,
}

impl Table {
    fn node(
        &mut self,
        tree: &Tree<'_>,
        node: NodeId,
        (windows, interrupts): (usize, usize),
        budget: &mut Budget,
    ) -> Result<(), Error> {
        let (path, path_size) = self.display(tree.path(node))?;
        let (compatible, compatible_size) = self.bytes(tree.compatible_list(node))?;
        let (first_dma_range, dma_ranges, identity) = self.dma(tree, node, budget)?;
        let available = if tree.is_available(node) { layout::NODE_AVAILABLE } else { 0 };
        let record = layout::Node {
            path,
            path_size,
            compatible,
            compatible_size,
            first_window: count(self.windows.len())?,
            windows: count(windows)?,
            first_interrupt: count(self.interrupts.len())?,
            interrupts: count(interrupts)?,
            first_dma_range,
            dma_ranges,
            flags: available | if identity { layout::NODE_DMA_IDENTITY } else { 0 },
            tree_index: node.index(),
        };
        push(&mut self.nodes, record)
    }

    /// The node that was added last.
    fn current(&self) -> Result<u32, Error> {
        count(self.nodes.len().saturating_sub(1))
    }

    fn windows(&mut self, tree: &Tree<'_>, node: NodeId, windows: &[Window]) -> Result<(), Error> {
        let mut names = (0..).zip(tree.reg_names(node));
        for window in windows {
            let from_reg = window.kind == layout::WindowKind::Registers;
            // Both are in the order of `reg`, so one walk serves all of the node's windows.
            let name = if from_reg { named(&mut names, window.index) } else { "" };
            let (name, name_size) = self.bytes(name.as_bytes())?;
            let flag = |set: bool, bit: u8| if set { bit } else { 0 };
            let record = layout::Window {
                base: window.range.base().0,
                size: window.range.size(),
                node: self.current()?,
                index: window.index,
                name,
                name_size,
                resource: window.resource.unwrap_or(NONE),
                group: window.group.unwrap_or(NONE),
                kind: window.kind.raw(),
                class: window.class.raw(),
                fate: window.fate.raw(),
                flags: flag(window.prefetchable, layout::WINDOW_PREFETCHABLE)
                    | flag(window.console, layout::WINDOW_CONSOLE)
                    | flag(window.straddles, layout::WINDOW_STRADDLES),
                reserved: 0,
            };
            push(&mut self.windows, record)?;
        }
        Ok(())
    }

    fn interrupts(
        &mut self,
        ledger: &Ledger,
        tree: &Tree<'_>,
        node: NodeId,
        interrupts: &[crate::Interrupt],
    ) -> Result<(), Error> {
        let mut names = (0..).zip(tree.interrupt_names(node));
        for interrupt in interrupts {
            let name = if interrupt.pci { "" } else { named(&mut names, interrupt.index) };
            let (name, name_size) = self.bytes(name.as_bytes())?;
            let flag = |set: bool, bit: u8| if set { bit } else { 0 };
            let shared = ledger.line(interrupt.intid).is_some_and(|line| line.users > 1);
            let record = layout::Interrupt {
                node: self.current()?,
                index: interrupt.index,
                intid: interrupt.intid,
                resource: interrupt.line.unwrap_or(NONE),
                name,
                name_size,
                kind: interrupt.kind.raw(),
                trigger: interrupt.trigger.raw(),
                flags: flag(shared, layout::INTERRUPT_SHARED) | flag(interrupt.pci, layout::INTERRUPT_PCI),
                reserved: [0; 5],
            };
            push(&mut self.interrupts, record)?;
        }
        Ok(())
    }

    /// The run of DMA ranges for a device: the first, how many, and whether it needs none.
    fn dma(&mut self, tree: &Tree<'_>, node: NodeId, budget: &mut Budget) -> Result<(u32, u32, bool), Error> {
        let Some(bus) = tree.dma_bus(node) else { return Ok((0, 0, true)) };
        let place = self.dma_buses.binary_search_by_key(&bus, |run| run.0);
        if let Some((_, first, runs)) = place.ok().and_then(|at| self.dma_buses.get(at)) {
            return Ok((*first, *runs, false));
        }
        let first = count(self.dma_ranges.len())?;
        if let DmaRanges::Ranges(ranges) = tree.dma_ranges(node, budget) {
            for range in ranges {
                let (base, size) = (range.memory.base().0, range.memory.size());
                push(&mut self.dma_ranges, layout::DmaRange { bus: range.bus, base, size })?;
            }
        }
        let run = count(self.dma_ranges.len())? - first;
        self.dma_buses.try_reserve(1).map_err(|_| Error::OutOfMemory)?;
        self.dma_buses.insert(place.unwrap_or_else(|at| at), (bus, first, run));
        Ok((first, run, false))
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(u32, u32), Error> {
        let start = count(self.strings.len())?;
        self.strings.try_reserve(bytes.len()).map_err(|_| Error::OutOfMemory)?;
        self.strings.extend_from_slice(bytes);
        Ok((start, count(bytes.len())?))
    }

    fn display(&mut self, what: impl fmt::Display) -> Result<(u32, u32), Error> {
        let start = count(self.strings.len())?;
        fmt::write(&mut Strings(&mut self.strings), format_args!("{what}"))
            .map_err(|_| Error::OutOfMemory)?;
        Ok((start, count(self.strings.len())? - start))
    }

    /// Writes the sections one after the other.
    fn finish(self, ledger: &Ledger) -> Result<Vec<u8>, Error> {
        let granted = ledger.windows.iter().filter(|window| window.fate == Fate::Grant).count();
        let mut header = layout::Header {
            magic: layout::MAGIC,
            size: 0,
            nodes: count(self.nodes.len())?,
            windows: count(self.windows.len())?,
            interrupts: count(self.interrupts.len())?,
            groups: count(ledger.groups.groups.len())?,
            dma_ranges: count(self.dma_ranges.len())?,
            members: count(ledger.groups.members.len())?,
            strings: count(self.strings.len())?,
            mmio_resources: count(granted)?,
            irq_resources: count(ledger.lines.len())?,
            reserved: [0; 3],
        };
        let sections = header.sections().ok_or(Error::OutOfMemory)?;
        header.size = u64::try_from(sections.end).map_err(|_| Error::OutOfMemory)?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(sections.end).map_err(|_| Error::OutOfMemory)?;
        bytes.resize(sections.end, 0);
        header.put(&mut bytes);
        put(&mut bytes, sections.nodes, self.nodes.iter());
        put(&mut bytes, sections.windows, self.windows.iter());
        put(&mut bytes, sections.interrupts, self.interrupts.iter());
        put(&mut bytes, sections.dma_ranges, self.dma_ranges.iter());
        for (place, group) in bytes
            .get_mut(sections.groups..)
            .unwrap_or(&mut [])
            .chunks_exact_mut(layout::Group::SIZE)
            .zip(ledger.groups())
        {
            let (base, size) = (group.pages.base().0, group.pages.size());
            let (first_member, members) = (group.first_member, group.members);
            layout::Group { base, size, first_member, members }.put(place);
        }
        let members = bytes.get_mut(sections.members..).unwrap_or(&mut []).chunks_exact_mut(4);
        for (place, member) in members.zip(&ledger.groups.members) {
            place.copy_from_slice(&member.to_le_bytes());
        }
        if let Some(strings) = bytes.get_mut(sections.strings..sections.end) {
            strings.copy_from_slice(&self.strings);
        }
        Ok(bytes)
    }
}

fn put<'r, T: AbiStruct + 'r>(bytes: &mut [u8], at: usize, records: impl Iterator<Item = &'r T>) {
    for (place, record) in bytes.get_mut(at..).unwrap_or(&mut []).chunks_exact_mut(T::SIZE).zip(records) {
        record.put(place);
    }
}

/// The name at `index`, from names that are taken in order; empty if there is none.
fn named<'n>(names: &mut impl Iterator<Item = (u32, &'n str)>, index: u32) -> &'n str {
    names.find(|(at, _)| *at >= index).filter(|(at, _)| *at == index).map_or("", |(_, name)| name)
}

/// A count as the table stores it. A tree is below 2 MiB, so only running out of memory comes first.
fn count(value: usize) -> Result<u32, Error> {
    u32::try_from(value).map_err(|_| Error::OutOfMemory)
}

struct Strings<'s>(&'s mut Vec<u8>);

impl fmt::Write for Strings<'_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.0.try_reserve(piece.len()).map_err(|_| fmt::Error)?;
        self.0.extend_from_slice(piece.as_bytes());
        Ok(())
    }
}
