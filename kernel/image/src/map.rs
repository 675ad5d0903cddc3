//! The device map on the console: what every window of the board is and what becomes of it.
#![forbid(unsafe_code)]

use core::fmt;

use devicetree::Tree;
use ledger::{Ledger, Window};

/// Prints as a table, one line a window, in the order of the tree.
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
            self.line(f, window)?;
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
        if let Some(group) = window.group {
            write!(f, " group {group}")?;
        }
        f.write_str(if window.console { " (console)\n" } else { "\n" })
    }
}
