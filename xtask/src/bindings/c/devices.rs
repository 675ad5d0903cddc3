//! `jacinth/*.h`: ours, for programs that look devices up by themselves.

use abi::device_table::{
    Class, DmaRange, Fate, Group, Header as Table, INTERRUPT_PCI, INTERRUPT_SHARED, Interrupt, InterruptKind,
    MAGIC, NODE_AVAILABLE, NODE_DMA_IDENTITY, NONE, Node, Trigger, WINDOW_CONSOLE, WINDOW_PREFETCHABLE,
    WINDOW_STRADDLES, Window, WindowKind,
};

use abi::object::{InfoResourceGroup, info, resource_group};

use super::{Header, Writer};

const LAYOUT: &str = "\
/* PA_DEVICE_TABLE is a VMO that starts with the head; behind it, without gaps, are the nodes, the windows, the
 * interrupts, the groups, the DMA ranges, the members of groups (uint32_t, padded to 8 bytes) and the strings, which
 * have no terminators. A field that names a record holds its index, or JACINTH_DEVICE_NONE. */";

pub(super) fn headers() -> Vec<Header> {
    vec![table(), object()]
}

fn object() -> Header {
    let includes = ["stdint.h", "zircon/compiler.h"];
    let mut out =
        Writer::new("../jacinth/object.h", "Ours: what can be asked about objects besides.", &includes);
    out.values(
        "A topic of zx_object_get_info for a resource: the windows that share a page with it, a record each.",
        "uint32_t",
        &[("JACINTH_INFO_RESOURCE_GROUP", info::RESOURCE_GROUP.into())],
    );
    out.values(
        "Flags of a record.",
        "uint32_t",
        &[
            ("JACINTH_RESOURCE_GROUP_HELD", resource_group::HELD.into()),
            ("JACINTH_RESOURCE_GROUP_SEEN", resource_group::SEEN.into()),
        ],
    );
    out.lines("__BEGIN_CDECLS");
    out.structure::<InfoResourceGroup>("One of them. Its places count in the device table.", &[]);
    out.lines("__END_CDECLS");
    out.end()
}

fn table() -> Header {
    let mut out = Writer::new(
        "../jacinth/device-table.h",
        "Ours: the devices of the board.",
        &["stdint.h", "zircon/compiler.h"],
    );
    out.lines(LAYOUT);
    out.values(
        "The head's first word, and what stands for no record.",
        "uint64_t",
        &[("JACINTH_DEVICE_TABLE_MAGIC", MAGIC)],
    );
    out.values("No record.", "uint32_t", &[("JACINTH_DEVICE_NONE", NONE.into())]);
    out.values(
        "Flags of nodes: it is okay, as all above it are; the addresses on its bus are physical ones.",
        "uint32_t",
        &[
            ("JACINTH_NODE_AVAILABLE", NODE_AVAILABLE.into()),
            ("JACINTH_NODE_DMA_IDENTITY", NODE_DMA_IDENTITY.into()),
        ],
    );
    out.values(
        "Flags of windows and of interrupts.",
        "uint8_t",
        &[
            ("JACINTH_WINDOW_PREFETCHABLE", WINDOW_PREFETCHABLE.into()),
            ("JACINTH_WINDOW_CONSOLE", WINDOW_CONSOLE.into()),
            ("JACINTH_WINDOW_STRADDLES", WINDOW_STRADDLES.into()),
            ("JACINTH_INTERRUPT_SHARED", INTERRUPT_SHARED.into()),
            ("JACINTH_INTERRUPT_PCI", INTERRUPT_PCI.into()),
        ],
    );
    kinds(&mut out);
    out.lines("__BEGIN_CDECLS");
    out.structure::<Table>("The head.", &[]);
    out.structure::<Node>("A device.", &[]);
    // `class` is a word of C++.
    out.structure::<Window>("A window of a device.", &[("class", "uint8_t window_class")]);
    out.structure::<Interrupt>("An interrupt of a device.", &[]);
    out.structure::<Group>("Pages that windows of several devices share.", &[]);
    out.structure::<DmaRange>("Memory as a device sees it.", &[]);
    out.lines("__END_CDECLS");
    out.end()
}

fn kinds(out: &mut Writer) {
    let mut named = |comment: &str, prefix: &str, values: Vec<(&str, u8)>| {
        let values: Vec<(String, u64)> = values
            .into_iter()
            .map(|(name, raw)| {
                (format!("JACINTH_{prefix}_{}", name.replace('-', "_").to_ascii_uppercase()), raw.into())
            })
            .collect();
        let values: Vec<(&str, u64)> = values.iter().map(|(name, raw)| (name.as_str(), *raw)).collect();
        out.values(comment, "uint8_t", &values);
    };
    named("Of a window: class.", "CLASS", Class::ALL.iter().map(|it| (it.as_str(), it.raw())).collect());
    named("Of a window: fate.", "FATE", Fate::ALL.iter().map(|it| (it.as_str(), it.raw())).collect());
    named(
        "Of a window: kind.",
        "WINDOW_KIND",
        WindowKind::ALL.iter().map(|it| (it.as_str(), it.raw())).collect(),
    );
    named(
        "Of an interrupt: kind.",
        "INTERRUPT_KIND",
        InterruptKind::ALL.iter().map(|it| (it.as_str(), it.raw())).collect(),
    );
    named(
        "Of an interrupt: trigger.",
        "TRIGGER",
        Trigger::ALL.iter().map(|it| (it.as_str(), it.raw())).collect(),
    );
}
