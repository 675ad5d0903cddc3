//! `/chosen` and `/aliases`: what the firmware chose for us (Devicetree Specification 3.3 and 3.6).

use crate::cursor::first_string;
use crate::index::NodeId;
use crate::lookup::be_number;
use crate::tree::Tree;
use abi::{PhysAddr, PhysRange};
use core::ops::Range;

/// The aliases that are asked for while booting.
pub(crate) const SERIALS: [&str; 2] = ["serial0", "serial1"];

/// The properties of `/chosen`; all absent if there is no such node.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chosen<'a> {
    bootargs: Option<&'a [u8]>,
    stdout_path: Option<&'a [u8]>,
    stdout: Option<NodeId>,
    initrd_start: Option<&'a [u8]>,
    initrd_end: Option<&'a [u8]>,
    rng_seed: Option<&'a [u8]>,
    kaslr_seed: Option<&'a [u8]>,
}

impl<'a> Chosen<'a> {
    /// The command line; empty if there is none.
    pub fn bootargs(&self) -> &'a str {
        self.bootargs.and_then(first_string).unwrap_or("")
    }

    /// The node that `stdout-path` names, through an alias if it is one, without its options.
    pub fn stdout(&self) -> Option<NodeId> {
        self.stdout
    }

    /// What `stdout-path` names, a full path or an alias, without its options; whether or not there is such a node.
    pub fn stdout_path(&self) -> Option<&'a str> {
        self.stdout_path.and_then(first_string).map(without_options).filter(|path| !path.is_empty())
    }

    /// The options after the colon of `stdout-path`.
    pub fn stdout_options(&self) -> Option<&'a str> {
        self.stdout_path.and_then(first_string)?.split_once(':').map(|(_, options)| options)
    }

    /// The initial file system, `linux,initrd-start` to `linux,initrd-end`.
    pub fn initrd(&self) -> Option<PhysRange> {
        let start = self.initrd_start.and_then(be_number)?;
        let end = self.initrd_end.and_then(be_number)?;
        PhysRange::new(PhysAddr(start), end.checked_sub(start)?).ok()
    }

    pub(crate) fn has_stdout_path(&self) -> bool {
        self.stdout_path.is_some()
    }

    pub(crate) fn has_initrd(&self) -> bool {
        self.initrd_start.is_some() || self.initrd_end.is_some()
    }

    /// Random bytes from the firmware.
    pub fn rng_seed(&self) -> Option<&'a [u8]> {
        self.rng_seed.filter(|seed| !seed.is_empty())
    }

    /// A random number from the firmware.
    pub fn kaslr_seed(&self) -> Option<u64> {
        self.kaslr_seed.and_then(be_number)
    }
}

impl<'a> Tree<'a> {
    /// Where in the blob the firmware's random bytes are, for who must not be told: empty ranges for what is absent.
    pub fn seeds(&self) -> [Range<usize>; 2] {
        let blob = self.blob();
        [self.chosen.rng_seed, self.chosen.kaslr_seed].map(|seed| {
            let seed = seed.unwrap_or(&[]);
            let start = seed.as_ptr().addr().wrapping_sub(blob.as_ptr().addr());
            if seed.is_empty() || start >= blob.len() {
                0..0
            } else {
                start..start.saturating_add(seed.len())
            }
        })
    }

    /// What `/chosen` says.
    pub fn chosen(&self) -> &Chosen<'a> {
        &self.chosen
    }

    /// Reads `/chosen` and the aliases that consoles have: once, because it walks the tree.
    pub(crate) fn read_chosen(&mut self) {
        let node = self.child(NodeId::ROOT, "chosen");
        let aliases = self.child(NodeId::ROOT, "aliases");
        let [bootargs, stdout_path, old_stdout_path, initrd_start, initrd_end, rng_seed, kaslr_seed] = self
            .properties([
                (node, "bootargs"),
                (node, "stdout-path"),
                (node, "linux,stdout-path"),
                (node, "linux,initrd-start"),
                (node, "linux,initrd-end"),
                (node, "rng-seed"),
                (node, "kaslr-seed"),
            ]);
        // `/chosen` is among the first nodes of most trees, `/aliases` often among the last, where `fdt` would have to
        // walk to.
        self.serials = SERIALS.map(|serial| self.property(aliases?, serial));
        let stdout_path = stdout_path.or(old_stdout_path);
        let stdout = stdout_path.and_then(first_string);
        let stdout = stdout.and_then(|text| self.find_console(text));
        self.chosen =
            Chosen { bootargs, stdout_path, stdout, initrd_start, initrd_end, rng_seed, kaslr_seed };
    }

    /// The node that an alias names. An alias is a full path; one that names an alias is not followed.
    pub fn alias(&self, name: &str) -> Option<NodeId> {
        let path = match SERIALS.iter().position(|serial| *serial == name) {
            Some(serial) => self.serials.get(serial).copied().flatten(),
            None => self.property(self.child(NodeId::ROOT, "aliases")?, name),
        };
        path.and_then(first_string).and_then(|path| self.find(path))
    }

    /// The node of alias `serial<n>`.
    pub fn serial(&self, n: u32) -> Option<NodeId> {
        let mut text = [0u8; 16];
        self.alias(numbered(&mut text, b"serial", n)?)
    }

    /// A node by what a `stdout-path` may hold: as [`Tree::find_or_alias`], with options after a colon.
    pub fn find_console(&self, text: &str) -> Option<NodeId> {
        self.find_or_alias(without_options(text))
    }

    /// A node by full path, by alias, or by a path that starts with an alias (`soc/serial@0`).
    pub fn find_or_alias(&self, path: &str) -> Option<NodeId> {
        if path.starts_with('/') {
            return self.find(path);
        }
        let (alias, rest) = path.split_once('/').unwrap_or((path, ""));
        let mut names = rest.split('/').filter(|name| !name.is_empty());
        names.try_fold(self.alias(alias)?, |parent, name| self.child(parent, name))
    }
}

/// A path or an alias without what comes after the colon, such as `:115200n8`.
fn without_options(text: &str) -> &str {
    text.split(':').next().unwrap_or("")
}

/// `prefix` and a decimal number, without an allocator.
fn numbered<'t>(text: &'t mut [u8; 16], prefix: &[u8], number: u32) -> Option<&'t str> {
    let mut at = text.len();
    let mut rest = number;
    loop {
        at = at.checked_sub(1)?;
        *text.get_mut(at)? = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    let start = at.checked_sub(prefix.len())?;
    text.get_mut(start..at)?.copy_from_slice(prefix);
    core::str::from_utf8(text.get(start..)?).ok()
}
