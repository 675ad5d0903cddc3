//! What channel calls read and write besides plain bytes and handles, `zircon/types.h`.
use crate::abi_struct;

/// What `zx_channel_write_etc` does with a handle.
pub mod handle_op {
    /// The handle goes with the message.
    pub const MOVE: u32 = 0;
    /// A duplicate goes with the message.
    pub const DUPLICATE: u32 = 1;
}

/// Option of `zx_channel_read`: a message that does not fit is thrown away.
pub const READ_MAY_DISCARD: u32 = 1;
/// Option of `zx_channel_write_etc` and `zx_channel_call_etc`: the message's bytes are vectors; not built.
pub const WRITE_USE_IOVEC: u32 = 2;

abi_struct! {
    /// What `zx_channel_call` sends, and where it puts the answer. Addresses are the program's.
    struct CallArgs as "zx_channel_call_args_t" {
        /// The message's bytes.
        wr_bytes: u64,
        /// The message's handles.
        wr_handles: u64,
        /// Room for the answer's bytes.
        rd_bytes: u64,
        /// Room for the answer's handles.
        rd_handles: u64,
        /// Bytes to send.
        wr_num_bytes: u32,
        /// Handles to send.
        wr_num_handles: u32,
        /// Bytes that there is room for.
        rd_num_bytes: u32,
        /// Handles that there is room for.
        rd_num_handles: u32,
    }
    /// What `zx_channel_call_etc` sends, and where it puts the answer; there is no such call.
    struct CallEtcArgs as "zx_channel_call_etc_args_t" {
        /// The message's bytes.
        wr_bytes: u64,
        /// The message's handles: [`HandleDisposition`].
        wr_handles: u64,
        /// Room for the answer's bytes.
        rd_bytes: u64,
        /// Room for the answer's handles: [`HandleInfo`].
        rd_handles: u64,
        /// Bytes to send.
        wr_num_bytes: u32,
        /// Handles to send.
        wr_num_handles: u32,
        /// Bytes that there is room for.
        rd_num_bytes: u32,
        /// Handles that there is room for.
        rd_num_handles: u32,
    }
    /// One piece of a message that is sent with [`WRITE_USE_IOVEC`].
    struct ChannelIovec as "zx_channel_iovec_t" {
        /// Its bytes.
        buffer: u64,
        /// How many they are.
        capacity: u32,
        /// Zero.
        reserved: u32,
    }
    /// What `zx_channel_read_etc` tells about a handle.
    struct HandleInfo as "zx_handle_info_t" {
        /// The handle.
        handle: u32,
        /// Its object's type.
        object_type: u32,
        /// Its rights.
        rights: u32,
        /// Zero.
        unused: u32,
    }
    /// What `zx_channel_write_etc` shall do with a handle, and how that went.
    struct HandleDisposition as "zx_handle_disposition_t" {
        /// [`handle_op`].
        operation: u32,
        /// The handle.
        handle: u32,
        /// The type that its object must have, or 0.
        object_type: u32,
        /// The rights that it arrives with.
        rights: u32,
        /// Written by the call.
        result: i32,
    }
}

const _: () = assert!(size_of::<CallArgs>() == 48);
const _: () = assert!(size_of::<HandleInfo>() == 16 && size_of::<HandleDisposition>() == 20);
