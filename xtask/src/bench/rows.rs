//! What is measured, and what others need for it.

/// One figure: its name in the JSON, what it is, and what others need for it.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    pub(super) sel4: Option<u64>,
    pub(super) linux: Option<u64>,
    pub(super) goal: Option<Goal>,
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
    Row { name, what, sel4, linux, goal }
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
    row("window_16_mib_map_unmap", "16 MiB window: map and unmap", Some(8000), Some(1_982_312), Some(1000)),
    row("demand_zero_fault", "demand-zero page fault", Some(1129), Some(3284), Some(550)),
    row("vmo_read_4_kib", "`zx_vmo_read` of 4 KiB", None, None, Some(950)),
    row("event_signal", "signal an event, nobody waits", Some(343), None, None),
    row("port_queue_and_wait", "queue a packet to a port and take it, one thread", None, None, None),
    row("channel_write_read_64", "write and read 64 bytes by a channel, one thread", None, None, None),
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
