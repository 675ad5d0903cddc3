//! What is measured, and what others need for it.

/// One figure: its name in the JSON, what it is, and what others need for it.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    pub(super) sel4: Option<u64>,
    pub(super) linux: Option<u64>,
    pub(super) goal: Option<Goal>,
    /// Whether it is measured in a loop with others, so that its barriers cannot be told from theirs.
    pub(super) apart: bool,
}

/// What we want to reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// At most this.
    AtMost(u64),
    /// At most a tenth more than another figure.
    TenthMoreThan(&'static str),
}

pub(super) const BOOT: &str = "boot_512_mib";
pub(super) const LARGE_BOOT: &str = "boot_8_gib";
pub(super) const RAM: &str = "ram_before_first_program_bytes";

const fn row(
    name: &'static str,
    what: &'static str,
    sel4: Option<u64>,
    linux: Option<u64>,
    goal: Option<u64>,
) -> Row {
    let goal = match goal {
        Some(goal) => Some(Goal::AtMost(goal)),
        None => None,
    };
    Row { name, what, sel4, linux, goal, apart: false }
}

/// A row that is measured in a loop with others.
const fn apart(name: &'static str, what: &'static str, goal: Option<u64>) -> Row {
    Row { apart: true, ..row(name, what, None, None, goal) }
}

pub(super) const ROWS: &[Row] = &[
    row("null_handle_close_0", "null call: `zx_handle_close(0)`", Some(91), Some(315), Some(75)),
    row("bad_handle_close", "bad handle: `zx_handle_close(7)`", Some(366), Some(409), Some(120)),
    row("vmo_get_size", "simplest call on an object: `zx_vmo_get_size`", Some(371), None, None),
    row("duplicate_and_close", "duplicate and close a handle", Some(1276), None, None),
    row(
        "device_page_create_map_read_unmap_close",
        "device page: create, map, read, unmap, close",
        Some(2403),
        Some(24_184),
        Some(1100),
    ),
    row("device_page_map_unmap", "device page: map and unmap", Some(1049), Some(16_209), Some(850)),
    apart("device_page_map", "device page: map alone", Some(450)),
    apart("device_page_unmap", "device page: unmap alone", Some(400)),
    row("window_16_mib_map_unmap", "16 MiB window: map and unmap", Some(8000), Some(1_982_312), Some(1000)),
    apart("window_1_gib_map", "1 GiB window: map", Some(1000)),
    apart("window_1_gib_unmap", "1 GiB window: unmap", None),
    apart("pages_4096_map", "16 MiB of unaligned 4 KiB pages: map", Some(40_960)),
    apart("pages_4096_protect", "16 MiB of unaligned 4 KiB pages: protect", Some(40_960)),
    apart("pages_4096_unmap", "16 MiB of unaligned 4 KiB pages: unmap", Some(40_960)),
    row("demand_zero_fault", "demand-zero page fault", Some(1129), Some(3284), Some(550)),
    row("vmo_read_4_kib", "`zx_vmo_read` of 4 KiB", None, None, Some(950)),
    row("event_signal", "signal an event, nobody waits", Some(343), None, None),
    row("port_queue_and_wait", "queue a packet to a port and take it, one thread", None, None, None),
    row("channel_write_read_64", "write and read 64 bytes by a channel, one thread", None, None, None),
    row("among_10_mappings", "map and unmap a page among 10 mappings", None, None, None),
    row("among_1000_mappings", "map and unmap a page among 1,000 mappings", None, None, None),
    row("among_100000_mappings", "map and unmap a page among 100,000 mappings", None, None, None),
    row("fault_among_10_mappings", "demand-zero page fault among 10 mappings", None, None, None),
    row("fault_among_1000_mappings", "demand-zero page fault among 1,000 mappings", None, None, None),
    row("fault_among_100000_mappings", "demand-zero page fault among 100,000 mappings", None, None, None),
    row("among_10_handles", "duplicate and close a handle among 10 handles", None, None, None),
    row("among_1000_handles", "duplicate and close a handle among 1,000 handles", None, None, None),
    row("among_100000_handles", "duplicate and close a handle among 100,000 handles", None, None, None),
    row("among_1000000_handles", "duplicate and close a handle among 1,000,000 handles", None, None, None),
    row("among_10_children", "make and close a slice among 10 children", None, None, None),
    row("among_1000_children", "make and close a slice among 1,000 children", None, None, None),
    row("among_100000_children", "make and close a slice among 100,000 children", None, None, None),
    row(
        BOOT,
        "reset to the first user instruction, 512 MiB",
        Some(3_759_163),
        Some(888_204_800),
        Some(1_000_000),
    ),
    Row {
        goal: Some(Goal::TenthMoreThan(BOOT)),
        ..row(LARGE_BOOT, "reset to the first user instruction, 8 GiB", None, None, None)
    },
    row(RAM, "RAM used before the first program, bytes", Some(2_200_000), Some(53_000_000), Some(1 << 20)),
];
