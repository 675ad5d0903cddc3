//! A second reader of device trees, to hold the first against: plain, slow, and sharing no code with it.
//!
//! It keeps every node with every property in vectors, looks everything up by name when it needs it, and computes in
//! 128 bits. It has no budget and no index, and knows nothing of speed.

/// A tree, node by node in document order.
#[derive(Debug, Default)]
pub struct Plain {
    /// The nodes; the root is the first.
    pub nodes: Vec<PlainNode>,
    /// The memory reservation block, without its end.
    pub reservations: Vec<(u64, u64)>,
}

/// A node with all its properties.
#[derive(Debug)]
pub struct PlainNode {
    /// Its name with the unit address.
    pub name: Vec<u8>,
    /// Its parent; the root is its own.
    pub parent: usize,
    /// Names and values, in order.
    pub properties: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Where an address leads, and whether it runs over the end of a range.
pub type Found = Option<(u64, u64, bool)>;

/// An interrupt: the controller and the cells for it, or nowhere.
pub type Led = Option<(usize, Vec<u32>)>;

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from(word(bytes, at)?) << 32 | u64::from(word(bytes, at.checked_add(4)?)?))
}

fn name_ok(name: &[u8]) -> bool {
    name.len() <= 255 && name.iter().all(|byte| (b' '..=b'~').contains(byte))
}

/// Reads a blob, or refuses it.
pub fn read(blob: &[u8]) -> Option<Plain> {
    let header: Vec<usize> = (0..10).map(|at| Some(word(blob, at * 4)? as usize)).collect::<Option<_>>()?;
    let [
        magic,
        total,
        structure,
        strings,
        reservations,
        version,
        compatible,
        _,
        strings_size,
        structure_size,
    ] = header[..]
    else {
        return None;
    };
    let sizes_ok = (40..=2 << 20).contains(&total) && total <= blob.len();
    let aligned = structure % 4 == 0 && structure_size % 4 == 0 && reservations % 8 == 0;
    if magic != 0xd00d_feed || !sizes_ok || version < 17 || compatible > 17 || !aligned {
        return None;
    }
    if structure < 40 || strings < 40 || reservations < 40 {
        return None;
    }
    let blob = &blob[..total];
    let structure = blob.get(structure..structure + structure_size)?;
    let strings = blob.get(strings..strings + strings_size)?;
    let mut plain = Plain::default();
    for at in (reservations..).step_by(16) {
        match (long(blob, at)?, long(blob, at + 8)?) {
            (0, 0) => break,
            entry => plain.reservations.push(entry),
        }
    }
    plain.read_structure(structure, strings)?;
    plain.check().then_some(plain)
}

impl Plain {
    fn read_structure(&mut self, structure: &[u8], strings: &[u8]) -> Option<()> {
        let mut open: Vec<usize> = Vec::new();
        let mut at = 0;
        loop {
            let token = word(structure, at)?;
            at += 4;
            match token {
                1 => {
                    let length = structure.get(at..)?.iter().position(|byte| *byte == 0)?;
                    let name = structure[at..at + length].to_vec();
                    let is_root = self.nodes.is_empty();
                    // The root has no name, and every other node has one; 16 levels below the root are allowed.
                    let fits = name_ok(&name) && !name.contains(&b'/') && is_root == name.is_empty();
                    if !fits || (!is_root && open.is_empty()) || open.len() > 16 {
                        return None;
                    }
                    let parent = open.last().copied().unwrap_or(0);
                    open.push(self.nodes.len());
                    self.nodes.push(PlainNode { name, parent, properties: Vec::new() });
                    at = (at + length + 1).div_ceil(4) * 4;
                }
                2 => drop(open.pop()?),
                3 => {
                    let (length, name) = (word(structure, at)? as usize, word(structure, at + 4)? as usize);
                    let name = strings.get(name..)?;
                    let name = &name[..name.iter().position(|byte| *byte == 0)?];
                    let value = structure.get(at + 8..(at + 8).checked_add(length)?)?;
                    // Properties belong to the innermost node, and come before its children.
                    if !name_ok(name) || *open.last()? != self.nodes.len() - 1 {
                        return None;
                    }
                    self.nodes.last_mut()?.properties.push((name.to_vec(), value.to_vec()));
                    at = (at + 8 + length).div_ceil(4) * 4;
                }
                4 => {}
                9 => return (open.is_empty() && !self.nodes.is_empty()).then_some(()),
                _ => return None,
            }
        }
    }

    /// Counts and phandles are one cell, and no two nodes have one phandle.
    fn check(&self) -> bool {
        let cells =
            [b"#address-cells".as_slice(), b"#size-cells", b"#interrupt-cells", b"phandle", b"linux,phandle"];
        let whole = |node| cells.iter().all(|name| self.get(node, name).is_none_or(|value| value.len() == 4));
        let mut phandles: Vec<(u32, usize)> = (0..self.nodes.len())
            .flat_map(|node| self.phandles(node).map(move |phandle| (phandle, node)))
            .collect();
        phandles.sort_unstable();
        phandles.dedup();
        (0..self.nodes.len()).all(whole) && phandles.windows(2).all(|pair| pair[0].0 != pair[1].0)
    }

    fn phandles(&self, node: usize) -> impl Iterator<Item = u32> {
        let both = [self.get(node, b"phandle"), self.get(node, b"linux,phandle")];
        both.into_iter()
            .flatten()
            .filter_map(|value| word(value, 0))
            .filter(|phandle| ![0, u32::MAX].contains(phandle))
    }

    fn by_phandle(&self, wanted: u32) -> Option<usize> {
        (0..self.nodes.len()).find(|node| self.phandles(*node).any(|phandle| phandle == wanted))
    }

    /// A property's value; the first counts.
    pub fn get(&self, node: usize, name: &[u8]) -> Option<&[u8]> {
        let found = self.nodes[node].properties.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_slice())
    }

    fn count(&self, node: usize, name: &[u8], absent: usize) -> usize {
        self.get(node, name).and_then(|value| word(value, 0)).map_or(absent, |count| count as usize)
    }

    /// Cells of addresses and sizes on a bus, if they make addresses.
    fn counts(&self, bus: usize) -> Option<(usize, usize)> {
        let counts = (self.count(bus, b"#address-cells", 2), self.count(bus, b"#size-cells", 1));
        ((1..=4).contains(&counts.0) && counts.1 <= 4).then_some(counts)
    }

    fn is_pci(&self, node: usize) -> bool {
        [Some(b"pci\0".as_slice()), Some(b"pciex\0")].contains(&self.get(node, b"device_type"))
    }

    /// Whether the node and all above it are okay.
    pub fn available(&self, node: usize) -> bool {
        let okay = self
            .get(node, b"status")
            .is_none_or(|status| [b"okay\0".as_slice(), b"okay", b"ok\0", b"ok"].contains(&status));
        okay && (node == 0 || self.available(self.nodes[node].parent))
    }

    /// Whether the node is a memory node.
    pub fn is_memory(&self, node: usize) -> bool {
        let base = self.nodes[node].name.split(|byte| *byte == b'@').next();
        let typed = self.get(node, b"device_type") == Some(b"memory\0");
        node != 0 && self.nodes[node].parent == 0 && (typed || base == Some(b"memory"))
    }

    /// Whether the node is a child of `/reserved-memory`.
    pub fn is_reservation(&self, node: usize) -> bool {
        let parent = self.nodes[node].parent;
        parent != 0 && self.nodes[parent].parent == 0 && self.nodes[parent].name == b"reserved-memory"
    }

    /// Whether the node's windows hold memory: one of its `compatible` strings says so, or without any its parent's.
    pub fn is_memory_like(&self, node: usize) -> bool {
        match self.get(node, b"compatible") {
            Some(list) => list
                .split(|byte| *byte == 0)
                .any(|name| devicetree::MEMORY_LIKE.iter().any(|like| like.as_bytes() == name)),
            None => node != 0 && self.is_memory_like(self.nodes[node].parent),
        }
    }

    /// Every entry of a node's `reg`.
    pub fn reg(&self, node: usize) -> Vec<Found> {
        let Some(reg) = self.get(node, b"reg") else { return Vec::new() };
        let bus = self.nodes[node].parent;
        let Some((address, size)) = self.counts(bus) else {
            return if reg.is_empty() { Vec::new() } else { vec![None] };
        };
        let entry = |entry: &[u8]| {
            let (base, length) = (bus_address(entry, 0, address)?, number(entry, address * 4, size)?);
            let free = self.is_reservation(node) && self.get(bus, b"ranges").is_none();
            let (base, straddles) = if free { (base.1, false) } else { self.translate(bus, base, length)? };
            extent(base, length, straddles)
        };
        reg.chunks((address + size) * 4).map(entry).collect()
    }

    /// The rows of a PCI host bridge's `ranges`; none for other nodes.
    pub fn pci_ranges(&self, node: usize) -> Vec<Found> {
        let parent = self.nodes[node].parent;
        let is_host =
            node != 0 && self.is_pci(node) && !self.is_pci(parent) && self.counts(node) == Some((3, 2));
        let Some(ranges) = self.get(node, b"ranges").filter(|_| is_host) else { return Vec::new() };
        let counts = self.counts(parent);
        let above = counts.map_or(1, |counts| counts.0);
        let row = |row: &[u8]| {
            let (base, length) = (bus_address(row, 12, counts?.0)?, number(row, 12 + above * 4, 2)?);
            let (base, straddles) = self.translate(parent, base, length)?;
            extent(base, length, straddles)
        };
        ranges.chunks_exact((5 + above) * 4).map(row).collect()
    }

    /// From a bus to the root: the address there, and whether a range was too short for it.
    fn translate(&self, bus: usize, mut address: (u32, u64), size: u64) -> Option<(u64, bool)> {
        let (mut bus, mut straddles) = (bus, false);
        loop {
            if self.is_pci(bus) || self.count(bus, b"#size-cells", 1) == 0 {
                return None;
            }
            if bus == 0 {
                return Some((address.1, straddles));
            }
            let parent = self.nodes[bus].parent;
            let ranges = self.get(bus, b"ranges")?;
            if !ranges.is_empty() {
                let ((child, size_cells), (above, _)) = (self.counts(bus)?, self.counts(parent)?);
                let hit = ranges.chunks_exact((child + above + size_cells) * 4).find_map(|row| {
                    let from = bus_address(row, 0, child)?;
                    let to = bus_address(row, child * 4, above)?;
                    let length = number(row, (child + above) * 4, size_cells)?;
                    let offset = address.1.checked_sub(from.1)?;
                    (from.0 == address.0 && offset < length).then_some((to, offset, length))
                });
                let (to, offset, length) = hit?;
                straddles |= size > length - offset;
                address = (to.0, to.1.checked_add(offset)?);
            }
            bus = parent;
        }
    }

    /// The node that a node's interrupts go to.
    fn interrupt_parent(&self, node: usize) -> Option<usize> {
        let mut at = node;
        // The first reader climbs no further either.
        for _ in 0..36 {
            at = match self.get(at, b"interrupt-parent") {
                Some(value) => self.by_phandle(word(value, 0)?)?,
                None if at == 0 => return None,
                None => self.nodes[at].parent,
            };
            if self.get(at, b"#interrupt-cells").is_some() {
                return Some(at);
            }
        }
        None
    }

    /// Every interrupt of a node. After one that cannot be read there is no next.
    pub fn interrupts(&self, node: usize) -> Vec<Led> {
        let mut all = Vec::new();
        let extended = self.get(node, b"interrupts-extended");
        let Some(mut rest) = extended.or(self.get(node, b"interrupts")) else { return all };
        let fixed = if extended.is_some() { None } else { self.interrupt_parent(node) };
        let unit = |at: usize| self.get(node, b"reg").and_then(|reg| word(reg, at * 4)).unwrap_or(0);
        let unit = [unit(0), unit(1), unit(2), unit(3)];
        loop {
            if extended.is_some() && word(rest, 0) == Some(0) {
                all.push(None);
                rest = &rest[4..];
                continue;
            }
            // A node whose interrupts have no parent says so once, even if it has none.
            if rest.is_empty()
                && (extended.is_some() || fixed.is_some_and(|parent| self.specifier(parent).is_some()))
            {
                return all;
            }
            let mut read = || {
                let parent = match fixed {
                    Some(parent) => parent,
                    None if extended.is_none() => return None,
                    None => {
                        let parent = self.by_phandle(word(rest, 0)?)?;
                        rest = &rest[4..];
                        parent
                    }
                };
                let count = self.specifier(parent)?;
                let cells = (0..count).map(|at| word(rest, at * 4)).collect::<Option<Vec<u32>>>()?;
                rest = &rest[count * 4..];
                Some((parent, cells))
            };
            let Some((parent, cells)) = read() else {
                all.push(None);
                return all;
            };
            all.push(self.follow(parent, unit, cells));
        }
    }

    /// Cells of a specifier for a node.
    fn specifier(&self, node: usize) -> Option<usize> {
        Some(self.count(node, b"#interrupt-cells", 0)).filter(|count| (1..=8).contains(count))
    }

    /// Through nexus nodes to a controller.
    fn follow(&self, mut node: usize, mut unit: [u32; 4], mut cells: Vec<u32>) -> Led {
        for _ in 0..8 {
            let map = self.get(node, b"interrupt-map");
            let Some(map) = map.filter(|_| self.get(node, b"interrupt-controller").is_none()) else {
                return Some((node, cells));
            };
            let units = Some(self.count(node, b"#address-cells", 0)).filter(|count| *count <= 4)?;
            let mask = |at: usize| {
                self.get(node, b"interrupt-map-mask").and_then(|mask| word(mask, at * 4)).unwrap_or(u32::MAX)
            };
            let wanted = [&unit[..units], &cells].concat();
            let mut row = map;
            loop {
                let parent = self.by_phandle(word(row, wanted.len() * 4)?)?;
                let parent_units = self.count(parent, b"#address-cells", 0).min(254);
                let behind = row.get((wanted.len() + 1) * 4..)?;
                let to = behind.get(parent_units * 4..)?;
                let found =
                    (0..self.specifier(parent)?).map(|at| word(to, at * 4)).collect::<Option<Vec<u32>>>()?;
                let same = |(at, cell): (usize, &u32)| {
                    word(row, at * 4).is_some_and(|row| (row ^ cell) & mask(at) == 0)
                };
                if wanted.iter().enumerate().all(same) {
                    let of_parent =
                        |at: usize| if at < parent_units { word(behind, at * 4).unwrap_or(0) } else { 0 };
                    unit = [of_parent(0), of_parent(1), of_parent(2), of_parent(3)];
                    (node, cells) = (parent, found);
                    break;
                }
                row = &to[found.len() * 4..];
            }
        }
        None
    }
}

/// A number of some cells, if 64 bits hold it.
fn number(bytes: &[u8], at: usize, cells: usize) -> Option<u64> {
    let all = (0..cells).map(|cell| word(bytes, at + cell * 4)).collect::<Option<Vec<u32>>>()?;
    let (high, low) = all.split_at(cells.saturating_sub(2));
    let value = low.iter().fold(0, |value: u64, cell| value << 32 | u64::from(*cell));
    high.iter().all(|cell| *cell == 0).then_some(value)
}

/// An address on a bus; the first of three cells is flags.
fn bus_address(bytes: &[u8], at: usize, cells: usize) -> Option<(u32, u64)> {
    if cells == 3 {
        Some((word(bytes, at)?, long(bytes, at + 4)?))
    } else {
        Some((0, number(bytes, at, cells)?))
    }
}

fn extent(base: u64, size: u64, straddles: bool) -> Found {
    let end = u128::from(base) + u128::from(size);
    (size != 0 && end <= 1 << 64).then_some((base, size, straddles))
}
