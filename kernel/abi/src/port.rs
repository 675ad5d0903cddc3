//! Ports and waiting for many things, `zircon/syscalls/port.h` and `zircon/types.h`.
use crate::abi_struct;

/// Option of `zx_port_create`: interrupts can be bound to the port.
pub const BIND_TO_INTERRUPT: u32 = 1;
/// Packets of `zx_port_queue` that may wait in a port before one more is refused with SHOULD_WAIT.
pub const MAX_USER_PACKETS: u32 = 2049;
/// The most items of one `zx_object_wait_many`.
pub const WAIT_MANY_MAX_ITEMS: usize = 64;

/// Options of `zx_object_wait_async`; 0 is ONCE.
pub mod wait_async {
    /// The packet says when the signals came, on the monotonic clock.
    pub const TIMESTAMP: u32 = 1;
    /// Signals that are there already do not count: they must come anew.
    pub const EDGE: u32 = 2;
    /// The packet says when the signals came, on the boot clock.
    pub const BOOT_TIMESTAMP: u32 = 4;
}

/// What a packet is about (`ZX_PKT_TYPE_*`).
pub mod packet_type {
    /// `zx_port_queue` made it.
    pub const USER: u32 = 0;
    /// `zx_object_wait_async` came to its end.
    pub const SIGNAL_ONE: u32 = 1;
}

abi_struct! {
    /// What comes out of a port. The last four words depend on the type.
    struct PortPacket as "zx_port_packet_t" {
        /// The program's own number.
        key: u64,
        /// [`packet_type`].
        packet_type: u32,
        /// ZX_OK, or what the program put there.
        status: i32,
        /// The program's own words; for signals, [`PacketSignal`].
        payload: [u64; 4],
    }
    /// The last words of a packet about signals.
    struct PacketSignal as "zx_packet_signal_t" {
        /// The signals that were waited for.
        trigger: u32,
        /// The signals that the object had.
        observed: u32,
        /// How much there is to do, at least: messages of a channel, otherwise 1.
        count: u64,
        /// When the signals came, in nanoseconds; 0 if nobody asked.
        timestamp: i64,
        /// Zero.
        reserved: u64,
    }
    /// One thing that `zx_object_wait_many` waits for.
    struct WaitItem as "zx_wait_item_t" {
        /// The object.
        handle: u32,
        /// The signals that end the wait.
        waitfor: u32,
        /// The signals that the object had at its end.
        pending: u32,
    }
}

const _: () = assert!(size_of::<PortPacket>() == 48 && size_of::<PacketSignal>() == 32);
const _: () = assert!(size_of::<WaitItem>() == 12);
