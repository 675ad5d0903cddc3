//! What the kernel and its programs agree on, and nothing else.
//!
//! Status codes, rights, signals, kinds, flags, structures, the one list of system calls, and the
//! layouts of the messages and images that cross the boundary. Names and numbers are Zircon's; what is
//! ours says so. The crate has no dependencies and no code beyond arithmetic on its own types, so the
//! kernel, the programs, the task runner and the debugger can all link it.
#![no_std]
#![forbid(unsafe_code)]

pub mod bootfs;
pub mod channel;
pub mod device_table;
pub mod dma;
pub mod layout;
pub mod log;
pub mod object;
pub mod policy;
pub mod port;
pub mod processargs;
pub mod record;
pub mod registers;
pub mod resource;
pub mod rights;
pub mod signals;
pub mod smc;
pub mod status;
pub mod syscalls;
pub mod time;
pub mod unbuilt;
pub mod units;
pub mod vdso;
pub mod vmar;
pub mod vmo;

pub use layout::{AbiStruct, Field};
pub use object::{Handle, Koid, ObjectType};
pub use registers::GeneralRegs;
pub use rights::Rights;
pub use signals::Signals;
pub use status::Status;
pub use syscalls::{SYSCALLS, Syscall, Sysno};
pub use units::{PAGE_SHIFT, PAGE_SIZE, PageCount, PhysAddr, PhysRange, RangeError, VirtAddr};
