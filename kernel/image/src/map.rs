//! The device map on the console: what every window of the board is and what becomes of it.
#![forbid(unsafe_code)]

use core::fmt;

use devicetree::Tree;
use ledger::{Ledger, Window};

/// Prints as a table in the order of the tree: one line a window, but one for all of a page group, which goes to
/// drivers together.
pub(crate) struct DeviceMap<'a> {
    pub tree: &'a Tree<'a>,
    pub ledger: &'a Ledger,
}

impl fmt::Display for DeviceMap<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let windows = self.ledger.windows();
        let granted = self.ledger.grantable().count();
        writeln!(f, "{:>18} {:>12}  {:<11} {:<9} device", "base", "size", "class", "fate")?;
        for window in windows {
            match window.group {
                None => self.line(f, window)?,
                // A group stands where the lowest of its windows does.
                Some(group) if self.ledger.group_members(group).next() == Some(window) => {
                    self.group(f, window, group)?;
                }
                Some(_) => {}
            }
        }
        write!(
            f,
            "{} windows, {granted} grantable, {} interrupts, {} page groups",
            windows.len(),
            self.ledger.interrupts().len(),
            self.ledger.groups().len(),
        )
    }
}

impl DeviceMap<'_> {
    fn line(&self, f: &mut fmt::Formatter<'_>, window: &Window) -> fmt::Result {
        let range = window.range;
        write!(
            f,
            "{:>#18x} {:>#12x}  {:<11} {:<9} {}",
            range.base(),
            range.size(),
            window.class.as_str(),
            window.fate.as_str(),
            self.tree.path(window.node),
        )?;
        if window.index != 0 {
            write!(f, " [{}]", window.index)?;
        }
        f.write_str(if window.console { " (console)\n" } else { "\n" })
    }

    /// The windows that share pages with `first`: the pages, and each window's own address at its device.
    fn group(&self, f: &mut fmt::Formatter<'_>, first: &Window, group: u32) -> fmt::Result {
        let members = || self.ledger.group_members(group);
        let Some(pages) = self.ledger.groups().get(group as usize).map(|group| group.pages) else {
            return self.line(f, first);
        };
        write!(
            f,
            "{:>#18x} {:>#12x}  page group {group} of {}:",
            pages.base(),
            pages.size(),
            members().count()
        )?;
        for window in members() {
            let (class, fate) = (window.class, window.fate);
            write!(f, " {}", self.tree.path(window.node))?;
            if window.index != 0 {
                write!(f, " [{}]", window.index)?;
            }
            if (class, fate) != (first.class, first.fate) || window == first {
                write!(f, " ({} {})", class.as_str(), fate.as_str())?;
            }
            if window.console {
                f.write_str(" (console)")?;
            }
        }
        f.write_str("\n")
    }
}
