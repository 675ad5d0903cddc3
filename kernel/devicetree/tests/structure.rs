//! One test for each structural rule: the smallest blob that breaks it, and the whole diagnostic.

mod common;

use common::{BEGIN_NODE, Blob, END, END_NODE, PROP, parse, patch, refusal};
use devicetree::Tree;

fn good() -> Vec<u8> {
    Blob::root(1, 1).begin("a").text("x", "y").end().finish()
}

/// Words of the header, by what they hold.
const TOTAL: usize = 4;
const STRUCTURE: usize = 8;
const STRINGS: usize = 12;
const RESERVATIONS: usize = 16;
const VERSION: usize = 20;
const LAST_COMPATIBLE: usize = 24;
const STRINGS_SIZE: usize = 32;
const STRUCTURE_SIZE: usize = 36;

#[test]
fn s1_no_header() {
    assert_eq!(
        refusal(&good()[..39]),
        "device tree: 39 bytes are too few for a header of 40; pass the whole blob"
    );
    assert_eq!(refusal(&[]), "device tree: 0 bytes are too few for a header of 40; pass the whole blob");
}

#[test]
fn s1_magic() {
    assert_eq!(
        refusal(&patch(good(), 0, 0x5441_0001)),
        "device tree: first word is 0x54410001, must be 0xd00dfeed; this is not a device tree blob"
    );
}

#[test]
fn s1_totalsize() {
    let blob = good();
    let short = &blob[..blob.len() - 1];
    assert_eq!(
        refusal(short),
        format!(
            "device tree: totalsize is {} bytes, but {} are there; the blob is cut short or damaged: load it anew",
            blob.len(),
            short.len()
        )
    );
    assert_eq!(
        refusal(&patch(good(), TOTAL, 39)),
        format!(
            "device tree: totalsize is 39 bytes, but {} are there; the blob is cut short or damaged: load it anew",
            blob.len()
        )
    );
    assert_eq!(
        refusal(&patch(good(), TOTAL, 0x20_0001)),
        "device tree: totalsize is 2097153 bytes, more than the limit of 2097152; remove the padding (dtc -S 0)"
    );
}

#[test]
fn s1_version() {
    assert_eq!(
        refusal(&patch(good(), VERSION, 16)),
        "device tree: version is 16, compatible back to 16; must be readable as 17: convert it with dtc"
    );
    assert_eq!(
        refusal(&patch(patch(good(), VERSION, 18), LAST_COMPATIBLE, 18)),
        "device tree: version is 18, compatible back to 18; must be readable as 17: convert it with dtc"
    );
    assert!(parse(&patch(patch(good(), VERSION, 18), LAST_COMPATIBLE, 17)).is_ok());
}

#[test]
fn s1_alignment() {
    assert_eq!(
        refusal(&patch(good(), RESERVATIONS, 44)),
        "device tree: the memory reservation block at 0x2c, 0x0 bytes, is off its alignment of 8; the blob is damaged: load it anew"
    );
    assert_eq!(
        refusal(&patch(good(), STRUCTURE, 0x3a)),
        "device tree: the structure block at 0x3a, 0x4c bytes, is off its alignment of 4; the blob is damaged: load it anew"
    );
    assert_eq!(
        refusal(&patch(good(), STRUCTURE_SIZE, 0x4b)),
        "device tree: the structure block at 0x38, 0x4b bytes, is off its alignment of 4; the blob is damaged: load it anew"
    );
}

#[test]
fn s1_blocks_inside() {
    let total = good().len();
    assert_eq!(
        refusal(&patch(good(), STRINGS, u32::MAX)),
        format!(
            "device tree: the strings block at 0xffffffff, 0x1d bytes, is not between the header's end 0x28 and \
             totalsize {total:#x}; the blob is damaged: load it anew"
        )
    );
    assert_eq!(
        refusal(&patch(good(), STRINGS_SIZE, 0x1e)),
        format!(
            "device tree: the strings block at 0x84, 0x1e bytes, is not between the header's end 0x28 and \
             totalsize {total:#x}; the blob is damaged: load it anew"
        )
    );
    assert_eq!(
        refusal(&patch(good(), STRUCTURE, 36)),
        format!(
            "device tree: the structure block at 0x24, 0x4c bytes, is not between the header's end 0x28 and \
             totalsize {total:#x}; the blob is damaged: load it anew"
        )
    );
    assert_eq!(
        refusal(&patch(good(), RESERVATIONS, 32)),
        format!(
            "device tree: the memory reservation block at 0x20, 0x0 bytes, is not between the header's end 0x28 and \
             totalsize {total:#x}; the blob is damaged: load it anew"
        )
    );
}

#[test]
fn s1_reservations_end() {
    // The last 16-byte entry that fits is not zero.
    let mut blob = Blob::root(1, 1).finish();
    let at = (blob.len() - 16) & !7;
    blob = patch(blob, RESERVATIONS, at as u32);
    assert_eq!(
        refusal(&blob),
        "device tree: the memory reservation block has no terminating entry of zeros inside totalsize; the blob is damaged: load it anew"
    );
}

#[test]
fn s1_buffer() {
    let blob = good();
    let need = devicetree::buffer_size(&blob).unwrap();
    let mut buffer = vec![0; need - 1];
    assert_eq!(
        Tree::parse(&blob, &mut buffer).unwrap_err().to_string(),
        format!(
            "device tree: the clean copy needs {need} bytes, but the buffer has {}; reserve more",
            need - 1
        )
    );
}

#[test]
fn s2_tokens() {
    let mut blob = Blob::root(1, 1);
    assert_eq!(
        refusal(&blob.clone().word(7).finish()),
        "device tree: /: 0x7 at 0x28 of the structure block is no token (1, 2, 3, 4 or 9); the blob is damaged: load it anew"
    );
    assert_eq!(
        refusal(&blob.begin("a").write()),
        "device tree: /a: the structure block ends inside the token at 0x30, before FDT_END; the blob is damaged: load it anew"
    );
    assert_eq!(
        refusal(&Blob::root(1, 1).word(PROP).word(0).write()),
        "device tree: /: the structure block ends inside the token at 0x28, before FDT_END; the blob is damaged: load it anew"
    );
}

#[test]
fn s2_one_root() {
    assert_eq!(
        refusal(&Blob::default().word(END).write()),
        "device tree: the structure block has no root node; the blob is damaged: load it anew"
    );
    assert_eq!(
        refusal(&Blob::default().begin("soc").finish()),
        "device tree: the first node has a name; the root's must be empty"
    );
    assert_eq!(
        refusal(&Blob::root(1, 1).end().begin("").finish()),
        "device tree: a second node stands beside the root; put it below the root"
    );
}

#[test]
fn s2_balance() {
    assert_eq!(
        refusal(&Blob::root(1, 1).end().finish()),
        "device tree: FDT_END_NODE at 0x2c of the structure block closes no node; the blob is damaged: load it anew"
    );
    assert_eq!(
        refusal(&Blob::root(1, 1).begin("a").word(END).write()),
        "device tree: /a: FDT_END comes before the node's FDT_END_NODE; the blob is damaged: load it anew"
    );
    assert_eq!(
        refusal(&Blob::default().word(PROP).word(0).word(0).finish()),
        "device tree: the property at 0x0 of the structure block is outside every node; the blob is damaged: load it anew"
    );
}

#[test]
fn s3_names() {
    let named = |name: &str| refusal(&Blob::root(1, 1).begin("soc").begin(name).end().end().finish());
    assert_eq!(
        named("a/b"),
        "device tree: /soc: byte 0x2f in a child's name; names are printable ASCII without '/'"
    );
    assert_eq!(
        named("a\u{1}"),
        "device tree: /soc: byte 0x01 in a child's name; names are printable ASCII without '/'"
    );
    assert_eq!(named(""), "device tree: /soc: a child has no name; give it one");
    assert_eq!(
        named(&"n".repeat(256)),
        "device tree: /soc: a child's name is 256 bytes long; shorten it to 255"
    );
    assert_eq!(
        refusal(&Blob::root(1, 1).word(BEGIN_NODE).word(0x6161_6161).write()),
        "device tree: /: the structure block ends inside the token at 0x28, before FDT_END; the blob is damaged: load it anew"
    );
}

#[test]
fn s3_long_names_and_odd_unit_addresses_are_fine() {
    let name = "a-name-of-more-than-thirty-one-characters@ram";
    let tree = parse(&Blob::root(1, 1).begin(name).cells("reg", &[0, 0x1000]).end().finish()).unwrap();
    let window = tree.windows().next().unwrap();
    assert_eq!(tree.path(window.node).to_string(), format!("/{name}"));
    assert_eq!(window.range.base().0, 0);
}

#[test]
fn s4_values_and_names() {
    let mut blob = Blob::root(1, 1);
    let name = blob.string("reg");
    assert_eq!(
        refusal(&blob.clone().begin("a").word(PROP).word(u32::MAX).word(name).finish()),
        "device tree: /a: property \"reg\": the value is 4294967295 bytes long, but the structure block has 8 left; the blob is damaged: load it anew"
    );
    assert_eq!(
        refusal(&blob.clone().begin("a").word(PROP).word(0).word(0x1000).finish()),
        "device tree: /a: a property's name at 0x1000 does not end inside the strings block of 0x1f bytes; the blob is damaged: load it anew"
    );
    // An offset of all ones once passed for one that had been judged.
    assert_eq!(
        refusal(&blob.clone().begin("a").word(PROP).word(0).word(u32::MAX).finish()),
        "device tree: /a: a property's name at 0xffffffff does not end inside the strings block of 0x1f bytes; the blob is damaged: load it anew"
    );
    let mut unterminated = blob.clone();
    unterminated.begin("a").flag("open");
    unterminated.strings.pop();
    assert_eq!(
        refusal(&unterminated.end().finish()),
        "device tree: /a: a property's name at 0x1f does not end inside the strings block of 0x23 bytes; the blob is damaged: load it anew"
    );
    assert_eq!(
        refusal(&blob.begin("a").flag("b\u{7f}").finish()),
        "device tree: /a: byte 0x7f in a property's name; names are printable ASCII"
    );
}

#[test]
fn s5_nops_are_squeezed_out() {
    let build = |nops: usize| {
        let mut blob = Blob { nops, ..Blob::default() };
        blob.begin("").cells("#address-cells", &[1]).cells("#size-cells", &[1]);
        blob.begin("soc").flag("ranges");
        blob.begin("uart@1000").cells("reg", &[0x1000, 0x100]).text("status", "okay").end();
        blob.end().begin("last").end().finish()
    };
    let (plain, nopped) = (build(0), build(3));
    let plain = parse(&plain).unwrap();
    let tree = parse(&nopped).unwrap();
    assert!(nopped.len() > plain.blob().len());
    assert_eq!(tree.blob(), plain.blob());
    assert_eq!(tree.find("/soc/uart@1000").unwrap().index(), 2);
    assert_eq!(tree.len(), 4);
    // `fdt`, which loses nodes after a NOP, finds them all in the copy.
    assert_eq!(fdt::Fdt::new(tree.blob()).unwrap().all_nodes().count(), 4);
}

#[test]
fn s6_depth() {
    let nested = |levels: usize| {
        let mut blob = Blob::root(1, 1);
        for _ in 0..levels {
            blob.begin("n");
        }
        for _ in 0..levels {
            blob.end();
        }
        blob.finish()
    };
    let tree = parse(&nested(16)).unwrap();
    assert_eq!(tree.len(), 17);
    assert_eq!(tree.path(tree.nodes().last().unwrap()).to_string(), "/n".repeat(16));
    assert_eq!(
        refusal(&nested(17)),
        format!(
            "device tree: {}: a child would be deeper than 16 levels below the root; use fewer levels",
            "/n".repeat(16)
        )
    );
}

#[test]
fn s7_properties_first() {
    assert_eq!(
        refusal(&Blob::root(1, 1).begin("a").begin("b").end().text("status", "okay").finish()),
        "device tree: /a: property \"status\": it comes after a child node; put properties before children"
    );
}

#[test]
fn cells_and_phandles_are_one_cell() {
    for name in ["#address-cells", "#size-cells", "#interrupt-cells", "phandle"] {
        assert_eq!(
            refusal(&Blob::default().begin("").begin("a").cells(name, &[1, 2]).end().finish()),
            format!(
                "device tree: /a: property \"{name}\": the value is 8 bytes long; it must be one cell of 4"
            )
        );
    }
}

#[test]
fn phandles_are_unique() {
    let mut blob = Blob::root(1, 1);
    blob.begin("a").cells("phandle", &[7]).cells("linux,phandle", &[7]).end();
    assert!(parse(&blob.clone().finish()).is_ok());
    assert_eq!(
        refusal(&blob.begin("b").cells("phandle", &[7]).end().finish()),
        "device tree: /b: property \"phandle\": phandle 0x7 also belongs to /a; give each node its own"
    );
}

#[test]
fn padding_costs_nothing() {
    let mut blob = Blob { padding: 1 << 20, ..Blob::root(1, 1) };
    blob.begin("a").cells("reg", &[0, 1]).end();
    let bytes = blob.finish();
    assert!(bytes.len() > 1 << 20);
    assert!(devicetree::buffer_size(&bytes).unwrap() < 300);
    assert_eq!(parse(&bytes).unwrap().windows().count(), 1);
}

#[test]
fn a_blob_at_any_alignment_is_read() {
    let blob = good();
    for shift in 0..8 {
        let mut bytes = vec![0xff; shift];
        bytes.extend(&blob);
        assert_eq!(parse(&bytes[shift..]).unwrap().len(), 2);
    }
}

#[test]
fn bytes_after_the_end_are_ignored() {
    let mut blob = Blob::root(1, 1);
    blob.word(END_NODE).word(END).word(0xdead_beef);
    let tree = parse(&blob.write()).unwrap();
    assert_eq!(tree.len(), 1);
}
