//! A writer of device tree blobs that can also write what `dtc` refuses to.

use devicetree::{Error, Tree};

/// Token: a node begins (Devicetree Specification 5.4.1).
pub const BEGIN_NODE: u32 = 1;
/// Token: a node ends.
pub const END_NODE: u32 = 2;
/// Token: a property.
pub const PROP: u32 = 3;
/// Token: to be passed over.
pub const NOP: u32 = 4;
/// Token: the structure block ends.
pub const END: u32 = 9;

/// A blob in the making. Nodes are opened and closed; nothing is checked.
#[derive(Clone, Debug, Default)]
pub struct Blob {
    /// The structure block.
    pub structure: Vec<u8>,
    /// The strings block.
    pub strings: Vec<u8>,
    /// The memory reservation block, without its terminator.
    pub reservations: Vec<(u64, u64)>,
    /// Written between the structure block's tokens.
    pub nops: usize,
    /// Zeros after the last block, counted in `totalsize`.
    pub padding: usize,
}

impl Blob {
    /// An open root with these cell counts.
    pub fn root(address_cells: u32, size_cells: u32) -> Self {
        let mut blob = Self::default();
        blob.begin("").cells("#address-cells", &[address_cells]).cells("#size-cells", &[size_cells]);
        blob
    }

    /// Appends a word to the structure block.
    pub fn word(&mut self, word: u32) -> &mut Self {
        self.structure.extend(word.to_be_bytes());
        self
    }

    fn token(&mut self, token: u32) -> &mut Self {
        for _ in 0..self.nops {
            self.word(NOP);
        }
        self.word(token)
    }

    fn align(&mut self) -> &mut Self {
        while !self.structure.len().is_multiple_of(4) {
            self.structure.push(0);
        }
        self
    }

    /// Opens a node.
    pub fn begin(&mut self, name: &str) -> &mut Self {
        self.token(BEGIN_NODE).structure.extend(name.as_bytes());
        self.structure.push(0);
        self.align()
    }

    /// Closes the innermost node.
    pub fn end(&mut self) -> &mut Self {
        self.token(END_NODE)
    }

    /// A property of the innermost node.
    pub fn prop(&mut self, name: &str, value: &[u8]) -> &mut Self {
        let offset = self.string(name);
        self.token(PROP).word(value.len() as u32).word(offset).structure.extend(value);
        self.align()
    }

    /// A property of cells.
    pub fn cells(&mut self, name: &str, cells: &[u32]) -> &mut Self {
        let value: Vec<u8> = cells.iter().flat_map(|cell| cell.to_be_bytes()).collect();
        self.prop(name, &value)
    }

    /// A string property, or a list if it holds NULs.
    pub fn text(&mut self, name: &str, value: &str) -> &mut Self {
        self.prop(name, format!("{value}\0").as_bytes())
    }

    /// A property without a value.
    pub fn flag(&mut self, name: &str) -> &mut Self {
        self.prop(name, &[])
    }

    /// The offset of a name in the strings block, which it is added to if it is not there.
    pub fn string(&mut self, name: &str) -> u32 {
        let wanted = format!("{name}\0");
        let found = self.strings.windows(wanted.len()).position(|part| part == wanted.as_bytes());
        let at = found.unwrap_or_else(|| {
            self.strings.extend(wanted.as_bytes());
            self.strings.len() - wanted.len()
        });
        at as u32
    }

    /// Closes the root and writes the blob.
    pub fn finish(&mut self) -> Vec<u8> {
        self.end().token(END);
        self.write()
    }

    /// The blob as it stands.
    pub fn write(&self) -> Vec<u8> {
        let reservations: Vec<u8> = self
            .reservations
            .iter()
            .chain(&[(0, 0)])
            .flat_map(|(base, size)| [base.to_be_bytes(), size.to_be_bytes()].concat())
            .collect();
        let structure = 40 + reservations.len();
        let strings = structure + self.structure.len();
        let total = strings + self.strings.len() + self.padding;
        let header =
            [0xd00d_feed, total, structure, strings, 40, 17, 16, 0, self.strings.len(), self.structure.len()];
        let mut bytes: Vec<u8> = header.iter().flat_map(|word| (*word as u32).to_be_bytes()).collect();
        bytes.extend(reservations);
        bytes.extend(&self.structure);
        bytes.extend(&self.strings);
        bytes.resize(total, 0);
        bytes
    }
}

/// Overwrites one 32-bit word of a blob.
pub fn patch(mut blob: Vec<u8>, at: usize, word: u32) -> Vec<u8> {
    blob[at..at + 4].copy_from_slice(&word.to_be_bytes());
    blob
}

/// Parses into a buffer of the right size; the buffer is leaked, which a test may do.
///
/// # Errors
/// As [`Tree::parse`].
pub fn parse(blob: &[u8]) -> Result<Tree<'static>, Error> {
    let size = devicetree::buffer_size(blob)?;
    Tree::parse(blob, vec![0; size].leak())
}

/// The diagnostic of a blob that must be refused.
///
/// # Panics
/// It is accepted.
pub fn refusal(blob: &[u8]) -> String {
    parse(blob).expect_err("the blob was accepted").to_string()
}

/// A board with one of everything that trees are made of.
pub fn board() -> Blob {
    let mut blob = Blob::root(2, 2);
    blob.reservations = vec![(0, 0x1000)];
    blob.cells("interrupt-parent", &[1]).text("compatible", "jacinth,board");
    blob.begin("aliases").text("serial0", "/soc/uart@1000").text("serial1", "serial0").end();
    blob.begin("chosen").text("stdout-path", "serial0:115200n8").text("bootargs", "test").end();
    blob.begin("memory@40000000")
        .text("device_type", "memory")
        .cells("reg", &[0, 0x4000_0000, 0, 0x1000_0000])
        .end();
    blob.begin("reserved-memory").cells("#address-cells", &[2]).cells("#size-cells", &[2]).flag("ranges");
    blob.begin("fw@41000000").cells("reg", &[0, 0x4100_0000, 0, 0x1000]).flag("no-map").end();
    blob.begin("cma").cells("size", &[0, 0x10_0000]).flag("reusable").end().end();
    blob.begin("psci").text("compatible", "arm,psci-1.0").text("method", "hvc").end();
    blob.begin("cpus").cells("#address-cells", &[1]).cells("#size-cells", &[0]);
    blob.begin("cpu@0")
        .text("device_type", "cpu")
        .cells("reg", &[0])
        .text("enable-method", "psci")
        .end()
        .end();
    blob.begin("timer")
        .text("compatible", "arm,armv8-timer")
        .cells("interrupts", &[1, 13, 4, 1, 14, 4, 1, 11, 4])
        .end();
    blob.begin("gic@8000000")
        .text("compatible", "arm,gic-v3")
        .flag("interrupt-controller")
        .cells("phandle", &[1]);
    blob.cells("#interrupt-cells", &[3])
        .cells("#address-cells", &[2])
        .cells("#size-cells", &[2])
        .flag("ranges");
    blob.cells("reg", &[0, 0x800_0000, 0, 0x1_0000, 0, 0x80a_0000, 0, 0xf6_0000]);
    blob.begin("its@8080000")
        .text("compatible", "arm,gic-v3-its")
        .cells("reg", &[0, 0x808_0000, 0, 0x2_0000])
        .end();
    blob.end();
    blob.begin("soc").cells("#address-cells", &[1]).cells("#size-cells", &[1]);
    blob.cells("ranges", &[0, 0, 0x900_0000, 0x10_0000])
        .cells("dma-ranges", &[0xc000_0000, 0, 0, 0x4000_0000]);
    blob.begin("uart@1000").text("compatible", "arm,pl011\0arm,primecell").cells("reg", &[0x1000, 0x200]);
    blob.cells("interrupts", &[0, 1, 4]).end();
    blob.begin("uart@1200").text("compatible", "arm,pl011").cells("reg", &[0x1200, 0x200]);
    blob.cells("interrupts-extended", &[1, 0, 1, 4]).text("status", "disabled").end();
    blob.begin("syscon@2000")
        .text("compatible", "syscon\0simple-mfd")
        .cells("reg", &[0x2000, 0x1000, 0xf_f000, 0x2000]);
    blob.cells("#address-cells", &[1]).cells("#size-cells", &[1]).cells("ranges", &[0, 0x2000, 0x1000]);
    blob.begin("clock@10").cells("reg", &[0x10, 4]).text("reg-names", "ctrl").end().end();
    blob.begin("i2c@4000")
        .cells("reg", &[0x4000, 0x1000])
        .cells("#address-cells", &[1])
        .cells("#size-cells", &[0]);
    blob.begin("rtc@68").cells("reg", &[0x68]).end().end().end();
    blob.begin("sram@a000000")
        .text("compatible", "mmio-sram")
        .cells("reg", &[0, 0xa00_0000, 0, 0x1_0000])
        .end();
    blob.begin("pcie@10000000")
        .text("device_type", "pci")
        .cells("#address-cells", &[3])
        .cells("#size-cells", &[2]);
    blob.cells("reg", &[0x40, 0x1000_0000, 0, 0x1000_0000]).cells("#interrupt-cells", &[1]);
    blob.cells("ranges", &[0x4200_0000, 0, 0x1000_0000, 0, 0x1000_0000, 0, 0x2000_0000]);
    blob.cells("interrupt-map-mask", &[0x1800, 0, 0, 7]);
    blob.cells("interrupt-map", &[0, 0, 0, 1, 1, 0, 0, 0, 3, 4, 0x800, 0, 0, 1, 1, 0, 0, 0, 4, 4]);
    blob.begin("net@1,0").cells("reg", &[0x800, 0, 0, 0, 0]).cells("interrupts", &[1]).end().end();
    blob
}
