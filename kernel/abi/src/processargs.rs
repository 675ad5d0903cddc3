//! The bootstrap message: what a process finds on its first channel, `zircon/processargs.h`.

use crate::abi_struct;

/// `ZX_PROCARGS_PROTOCOL`.
pub const PROTOCOL: u32 = 0x4150_585D;
/// `ZX_PROCARGS_VERSION`.
pub const VERSION: u32 = 0x1000;

abi_struct! {
    /// The head of the message; offsets count from its first byte.
    struct Header as "zx_proc_args_t" {
        /// [`PROTOCOL`].
        protocol: u32,
        /// [`VERSION`].
        version: u32,
        /// Where the `u32` for each handle starts.
        handle_info_off: u32,
        /// Where the argument strings start.
        args_off: u32,
        /// How many there are.
        args_num: u32,
        /// Where the environment strings start.
        environ_off: u32,
        /// How many there are.
        environ_num: u32,
        /// Where the names of the namespace start.
        names_off: u32,
        /// How many there are.
        names_num: u32,
    }
}

/// A handle's info word: what it is for, and which of several.
pub const fn info(kind: u8, arg: u16) -> u32 {
    kind as u32 | (arg as u32) << 16
}

/// The kind in an info word.
pub const fn info_kind(info: u32) -> u8 {
    info as u8
}

/// The argument in an info word.
pub const fn info_arg(info: u32) -> u16 {
    (info >> 16) as u16
}

/// This process.
pub const PROC_SELF: u8 = 0x01;
/// Its first thread.
pub const THREAD_SELF: u8 = 0x02;
/// The job in which it may make processes.
pub const JOB_DEFAULT: u8 = 0x03;
/// Its root VMAR.
pub const VMAR_ROOT: u8 = 0x04;
/// The vDSO's VMO.
pub const VMO_VDSO: u8 = 0x11;
/// The device tree's blob, read-only.
pub const VMO_BOOTDATA: u8 = 0x1A;
/// The boot file system, read-only.
pub const VMO_BOOTFS: u8 = 0x1B;
/// The log that is its standard output.
pub const FD: u8 = 0x30;
/// The ranged root of MMIO.
pub const MMIO_RESOURCE: u8 = 0x50;
/// The ranged root of interrupts.
pub const IRQ_RESOURCE: u8 = 0x51;
/// The ranged root of secure monitor calls.
pub const SMC_RESOURCE: u8 = 0x53;
/// The ranged root of kernel services.
pub const SYSTEM_RESOURCE: u8 = 0x54;
/// Ours: the resource of one window. The argument counts the windows given, in device-table order.
pub const USER_WINDOW: u8 = 0xF0;
/// Ours: the resource of one interrupt. The argument counts the interrupts given, in device-table order.
pub const USER_INTERRUPT: u8 = 0xF1;
/// Ours: the device table's VMO, read-only.
pub const USER_DEVICE_TABLE: u8 = 0xF2;

/// Kinds of handles that no program is given here.
pub mod unbuilt {
    /// The region that the program was loaded into.
    pub const VMAR_LOADED: u8 = 0x05;
    /// Who loads shared libraries.
    pub const LDSVC_LOADER: u8 = 0x10;
    /// The first thread's stack.
    pub const VMO_STACK: u8 = 0x13;
    /// The program's file.
    pub const VMO_EXECUTABLE: u8 = 0x14;
    /// A file of the kernel.
    pub const VMO_KERNEL_FILE: u8 = 0x1C;
    /// A component's configuration.
    pub const VMO_COMPONENT_CONFIG: u8 = 0x1D;
    /// A folder; the argument is the number of its name.
    pub const NS_DIR: u8 = 0x20;
    /// Where the program is told to stop.
    pub const LIFECYCLE: u8 = 0x3A;
    /// Where the program serves its folder.
    pub const DIRECTORY_REQUEST: u8 = 0x3B;
    /// The one resource of older systems.
    pub const RESOURCE: u8 = 0x3F;
    /// The clock of UTC.
    pub const CLOCK_UTC: u8 = 0x40;
    /// The ranged root of x86's ports.
    pub const IOPORT_RESOURCE: u8 = 0x52;
}

/// The most handles that one message carries (`ZX_CHANNEL_MAX_MSG_HANDLES`).
pub const MAX_HANDLES: usize = 64;
/// The most bytes that one message carries (`ZX_CHANNEL_MAX_MSG_BYTES`).
pub const MAX_BYTES: usize = 65536;
