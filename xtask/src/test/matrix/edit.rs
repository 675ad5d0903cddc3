//! Trees that differ from a board's own in a few properties.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::process;

/// A property that is something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    /// The path of its node.
    pub(crate) node: &'static str,
    /// Its name.
    pub(crate) property: &'static str,
    /// What it is.
    pub(crate) value: Value,
}

/// What a property is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// Cells.
    Cells(&'static [u32]),
    /// A string.
    Text(&'static str),
}

/// A property of cells.
pub(crate) const fn cells(node: &'static str, property: &'static str, value: &'static [u32]) -> Edit {
    Edit { node, property, value: Value::Cells(value) }
}

/// A property with text.
pub(crate) const fn text(node: &'static str, property: &'static str, value: &'static str) -> Edit {
    Edit { node, property, value: Value::Text(value) }
}

/// Changes a compiled tree.
pub(crate) fn apply(tree: &Path, edits: &[Edit]) -> Result<()> {
    for Edit { node, property, value } in edits {
        let mut command = Command::new("fdtput");
        let kind = if matches!(value, Value::Text(_)) { "s" } else { "x" };
        command.args(["-t", kind]).arg(tree).args([node, property]);
        match value {
            Value::Text(text) => command.arg(text),
            Value::Cells(cells) => command.args(cells.iter().map(|cell| format!("{cell:x}"))),
        };
        let done = command.output().with_context(|| {
            format!(
                "cannot start `{}`; the package is called dtc or device-tree-compiler",
                process::shown(&command)
            )
        })?;
        let complaint = String::from_utf8_lossy(&done.stderr);
        ensure!(done.status.success(), "{}: {}", process::shown(&command), complaint.trim());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_property_becomes_what_it_shall_be() -> Result<()> {
        let scratch = crate::scratch::Scratch::new()?;
        let tree = scratch.path().join("tree.dtb");
        std::fs::copy(crate::board::compile_tree("bcm2711-rpi-4-b")?, &tree)?;
        let uart = "/soc/serial@7e201000";
        apply(&tree, &[cells(uart, "reg", &[0x7e20_1000, 0x80]), text(uart, "status", "disabled")])?;
        let bytes = std::fs::read(&tree)?;
        let mut buffer =
            vec![0; devicetree::buffer_size(&bytes).map_err(|error| anyhow::anyhow!("{error}"))?];
        let tree =
            devicetree::Tree::parse(&bytes, &mut buffer).map_err(|error| anyhow::anyhow!("{error}"))?;
        let node = tree.find(uart).context("the node")?;
        assert_eq!(tree.property(node, "reg"), Some(&[0x7e, 0x20, 0x10, 0, 0, 0, 0, 0x80][..]));
        assert_eq!(tree.property(node, "status"), Some(&b"disabled\0"[..]));
        assert!(apply(&scratch.path().join("tree.dtb"), &[text("/nowhere", "status", "okay")]).is_err());
        Ok(())
    }
}
