//! A device of the table: what of it can be granted, with whom it shares a page, and why not.
use core::fmt::{self, Write};

use abi::PhysRange;
use abi::device_table::{DeviceTable, Fate, INTERRUPT_SHARED, NONE, NodeRef, WINDOW_CONSOLE, Window};
use alloc::string::String;
use alloc::vec::Vec;

use crate::nearest::nearest;

/// A page that a granted window shares with other devices: its holder sees them all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share<'a> {
    /// The pages.
    pub pages: PhysRange,
    /// The paths of the other devices.
    pub with: Vec<&'a str>,
}

/// What a device gives to whom it is granted. Prints as the line for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device<'a> {
    /// Its path.
    pub path: &'a str,
    /// Numbers of MMIO resources, in the table's order.
    pub windows: Vec<u32>,
    /// Numbers of IRQ resources, in the table's order.
    pub interrupts: Vec<u32>,
    /// Where the windows are.
    pub ranges: Vec<PhysRange>,
    /// The interrupts' numbers at the GIC, and whether other devices use the line too.
    pub intids: Vec<(u32, bool)>,
    /// Pages that hold other devices, too.
    pub shares: Vec<Share<'a>>,
    /// Windows that are not granted, and why.
    pub withheld: Vec<(PhysRange, &'static str)>,
    /// One of the windows is the console's.
    pub console: bool,
}

/// Why a device cannot be granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal<'a> {
    /// There is no node of this path; the nearest, if there is any.
    Unknown {
        /// The path asked for.
        path: &'a str,
        /// The nearest that exists.
        nearest: Option<&'a str>,
    },
    /// The node or one above it is not okay.
    Disabled(&'a str),
    /// It has neither windows nor interrupts.
    Empty(&'a str),
    /// None of its windows can be granted: the first, and why.
    Withheld(&'a str, PhysRange, &'static str),
}

impl fmt::Display for Refusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { path, nearest: Some(nearest) } => {
                write!(f, "the device tree has no device {path}: the nearest is {nearest}")
            }
            Self::Unknown { path, nearest: None } => {
                write!(f, "the device tree has no device {path}, nor any other")
            }
            Self::Disabled(path) => {
                write!(f, "{path} is disabled: the status of it, or of a node above it, is not okay")
            }
            Self::Empty(path) => write!(f, "{path} has no window that the CPU can reach, and no interrupt"),
            Self::Withheld(path, range, why) => write!(f, "{path} {range} cannot be granted: {why}"),
        }
    }
}

impl core::error::Error for Refusal<'_> {}

/// Finds what the device at `path` gives.
///
/// # Errors
/// [`Refusal`].
pub fn resolve<'a>(table: &DeviceTable<'a>, path: &'a str) -> Result<Device<'a>, Refusal<'a>> {
    let unknown = || Refusal::Unknown { path, nearest: nearest(path, table.nodes().map(|node| node.path())) };
    let node = table.find(path).ok_or_else(unknown)?;
    if !node.is_available() {
        return Err(Refusal::Disabled(path));
    }
    let mut device = Device {
        path,
        windows: Vec::new(),
        interrupts: Vec::new(),
        ranges: Vec::new(),
        intids: Vec::new(),
        shares: Vec::new(),
        withheld: Vec::new(),
        console: false,
    };
    for window in node.windows() {
        device.add_window(table, &node, &window);
    }
    for interrupt in node.interrupts().filter(|interrupt| interrupt.resource != NONE) {
        device.interrupts.push(interrupt.resource);
        device.intids.push((interrupt.intid, interrupt.flags & INTERRUPT_SHARED != 0));
    }
    if device.windows.is_empty() && device.interrupts.is_empty() {
        return Err(match device.withheld.first() {
            Some(&(range, why)) => Refusal::Withheld(path, range, why),
            None => Refusal::Empty(path),
        });
    }
    Ok(device)
}

impl<'a> Device<'a> {
    fn add_window(&mut self, table: &DeviceTable<'a>, node: &NodeRef<'a>, window: &Window) {
        let Some(range) = window.range() else { return };
        if window.resource == NONE {
            return self.withheld.push((range, reason(window)));
        }
        self.windows.push(window.resource);
        self.ranges.push(range);
        self.console |= window.flags & WINDOW_CONSOLE != 0;
        let Some(group) = table.group(window.group) else { return };
        let Ok(pages) = PhysRange::new(abi::PhysAddr(group.base), group.size) else { return };
        // Only the pages that the window itself touches are mapped with it.
        let touched = range.expand_to_pages();
        let near =
            |other: &Window| other.range().is_some_and(|other| other.expand_to_pages().overlaps(touched));
        let others = table.members(&group).filter(|other| other.node != node.index && near(other));
        let mut with: Vec<&str> =
            others.filter_map(|other| table.node(other.node)).map(|other| other.path()).collect();
        with.dedup();
        if let (false, Some(pages)) = (with.is_empty(), pages.intersect(touched)) {
            self.shares.push(Share { pages, with });
        }
    }
}

/// Why a window has no resource.
fn reason(window: &Window) -> &'static str {
    match window.fate() {
        Some(Fate::Kernel) => "the kernel keeps it; the boot log lists what may be granted",
        Some(Fate::Reserved) => "memory, or reserved memory, is in its pages",
        Some(Fate::Disabled) => "it is disabled",
        Some(Fate::Container) => "it encloses the windows of the devices below it: grant those",
        Some(Fate::Straddles) => "it is longer than the range of its bus",
        Some(Fate::Beyond) => "it ends beyond the addresses that the CPU has",
        Some(Fate::Grant) | None => "the kernel made no resource for it",
    }
}

/// `/pl031@9010000: window [0x9010000..0x9011000), interrupt 34`
impl fmt::Display for Device<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        parts.extend(self.ranges.iter().map(|range| text(format_args!("window {range}"))));
        parts.extend(self.intids.iter().map(|&(intid, shared)| {
            text(format_args!("interrupt {intid}{}", if shared { " (shared)" } else { "" }))
        }));
        write!(f, "{}: {}", self.path, parts.join(", "))?;
        for Share { pages, with } in &self.shares {
            write!(f, "; page {pages} is also that of {}", with.join(", "))?;
        }
        for (range, why) in &self.withheld {
            write!(f, "; not {range}, {why}")?;
        }
        if self.console {
            f.write_str("; the kernel's console ends when it is mapped")?;
        }
        Ok(())
    }
}

fn text(arguments: fmt::Arguments<'_>) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = text.write_fmt(arguments);
    text
}

#[cfg(test)]
mod tests;
