//! Writes flattened device trees (Devicetree Specification v0.4, chapter 5), for simulated boards.

const BEGIN_NODE: u32 = 1;
const END_NODE: u32 = 2;
const PROP: u32 = 3;
const END: u32 = 9;

/// A tree in the making.
#[derive(Clone, Debug, Default)]
pub struct Fdt {
    structure: Vec<u8>,
    strings: Vec<u8>,
    depth: usize,
}

impl Fdt {
    /// A tree whose root is open.
    pub fn new() -> Self {
        let mut tree = Self::default();
        tree.begin("");
        tree
    }

    /// Opens a node.
    pub fn begin(&mut self, name: &str) -> &mut Self {
        self.depth += 1;
        self.word(BEGIN_NODE);
        self.bytes(&[name.as_bytes(), &[0]].concat());
        self
    }

    /// Closes the node opened last.
    pub fn end(&mut self) -> &mut Self {
        self.depth = self.depth.checked_sub(1).expect("a node is closed that was not opened");
        self.word(END_NODE);
        self
    }

    /// A property of the open node.
    pub fn property(&mut self, name: &str, value: &[u8]) -> &mut Self {
        let offset = self.string(name);
        self.word(PROP);
        self.word(value.len() as u32);
        self.word(offset);
        self.bytes(value);
        self
    }

    /// A property of cells.
    pub fn cells(&mut self, name: &str, cells: &[u32]) -> &mut Self {
        let value: Vec<u8> = cells.iter().flat_map(|cell| cell.to_be_bytes()).collect();
        self.property(name, &value)
    }

    /// A property of strings.
    pub fn strings(&mut self, name: &str, strings: &[&str]) -> &mut Self {
        let value: Vec<u8> = strings.iter().flat_map(|string| [string.as_bytes(), &[0]].concat()).collect();
        self.property(name, &value)
    }

    /// `reg` with two cells each for address and size.
    pub fn reg(&mut self, entries: &[(u64, u64)]) -> &mut Self {
        let halves = |value: u64| [(value >> 32) as u32, value as u32];
        let cells: Vec<u32> =
            entries.iter().flat_map(|(base, size)| [halves(*base), halves(*size)].concat()).collect();
        self.cells("reg", &cells)
    }

    /// Closes the root and gives the blob.
    pub fn finish(mut self) -> Vec<u8> {
        self.end();
        assert_eq!(self.depth, 0, "a node was not closed");
        self.word(END);
        const HEADER: usize = 40;
        // An empty reservation block is one terminator of sixteen bytes.
        let structure_at = HEADER + 16;
        let strings_at = structure_at + self.structure.len();
        let total = strings_at + self.strings.len();
        let header = [
            0xD00D_FEED,
            total as u32,
            structure_at as u32,
            strings_at as u32,
            HEADER as u32,
            17,
            16,
            0,
            self.strings.len() as u32,
            self.structure.len() as u32,
        ];
        let mut blob: Vec<u8> = header.iter().flat_map(|word: &u32| word.to_be_bytes()).collect();
        blob.resize(structure_at, 0);
        blob.extend(self.structure);
        blob.extend(self.strings);
        blob
    }

    fn word(&mut self, word: u32) {
        self.structure.extend(word.to_be_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.structure.extend(bytes);
        let padded = self.structure.len().next_multiple_of(4);
        self.structure.resize(padded, 0);
    }

    fn string(&mut self, name: &str) -> u32 {
        let offset = self.strings.len() as u32;
        self.strings.extend(name.as_bytes());
        self.strings.push(0);
        offset
    }
}
