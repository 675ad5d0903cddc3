//! `zircon/process.h` and `zircon/processargs.h`: what a program is started with.

use abi::processargs::{self as pa, Header as Message};

use super::{Header, Writer};

pub(super) fn headers() -> Vec<Header> {
    vec![process(), processargs()]
}

const PROCESS: &str = "\
__BEGIN_CDECLS

/* The handle that the program was given under this name (zircon/processargs.h: PA_HND(type, arg)); from then on it is
 * the caller's. ZX_HANDLE_INVALID if there is none, or if it was taken. */
zx_handle_t zx_take_startup_handle(uint32_t hnd_info);

/* Handles that stay the library's: nobody closes them. The job is 0 if the program was not given one. */
zx_handle_t zx_process_self(void);
zx_handle_t zx_thread_self(void);
zx_handle_t zx_vmar_root_self(void);
zx_handle_t zx_job_default(void);

__END_CDECLS";

fn process() -> Header {
    let mut out = Writer::new("process.h", "What a program is started with.", &["zircon/types.h"]);
    out.lines(PROCESS);
    out.end()
}

fn processargs() -> Header {
    let mut out = Writer::new("processargs.h", "The bootstrap message.", &["zircon/types.h"]);
    out.values(
        "Its first words.",
        "uint32_t",
        &[("ZX_PROCARGS_PROTOCOL", pa::PROTOCOL.into()), ("ZX_PROCARGS_VERSION", pa::VERSION.into())],
    );
    out.lines("__BEGIN_CDECLS");
    out.structure::<Message>("Its head. Offsets count from the message's first byte.", &[]);
    out.lines(
        "__END_CDECLS\n\n/* The word for a handle: its type, and which of several. */\n\
         #define PA_HND(type, arg) (((uint32_t)(type) & 0xffu) | (((uint32_t)(arg) & 0xffffu) << 16))\n\
         #define PA_HND_TYPE(info) ((info) & 0xffu)\n#define PA_HND_ARG(info) (((info) >> 16) & 0xffffu)",
    );
    let kinds = [
        ("PA_PROC_SELF", pa::PROC_SELF),
        ("PA_THREAD_SELF", pa::THREAD_SELF),
        ("PA_JOB_DEFAULT", pa::JOB_DEFAULT),
        ("PA_VMAR_ROOT", pa::VMAR_ROOT),
        ("PA_VMO_VDSO", pa::VMO_VDSO),
        ("PA_VMO_BOOTDATA", pa::VMO_BOOTDATA),
        ("PA_VMO_BOOTFS", pa::VMO_BOOTFS),
        ("PA_FD", pa::FD),
        ("PA_MMIO_RESOURCE", pa::MMIO_RESOURCE),
        ("PA_IRQ_RESOURCE", pa::IRQ_RESOURCE),
        ("PA_SMC_RESOURCE", pa::SMC_RESOURCE),
        ("PA_SYSTEM_RESOURCE", pa::SYSTEM_RESOURCE),
        ("PA_USER0", pa::USER_WINDOW),
        ("PA_USER1", pa::USER_INTERRUPT),
        ("PA_USER2", pa::USER_DEVICE_TABLE),
    ]
    .map(|(name, kind)| (name, kind.into()));
    let later = [
        ("PA_VMAR_LOADED", pa::unbuilt::VMAR_LOADED),
        ("PA_LDSVC_LOADER", pa::unbuilt::LDSVC_LOADER),
        ("PA_VMO_STACK", pa::unbuilt::VMO_STACK),
        ("PA_VMO_EXECUTABLE", pa::unbuilt::VMO_EXECUTABLE),
        ("PA_VMO_KERNEL_FILE", pa::unbuilt::VMO_KERNEL_FILE),
        ("PA_VMO_COMPONENT_CONFIG", pa::unbuilt::VMO_COMPONENT_CONFIG),
        ("PA_NS_DIR", pa::unbuilt::NS_DIR),
        ("PA_LIFECYCLE", pa::unbuilt::LIFECYCLE),
        ("PA_DIRECTORY_REQUEST", pa::unbuilt::DIRECTORY_REQUEST),
        ("PA_RESOURCE", pa::unbuilt::RESOURCE),
        ("PA_CLOCK_UTC", pa::unbuilt::CLOCK_UTC),
        ("PA_IOPORT_RESOURCE", pa::unbuilt::IOPORT_RESOURCE),
    ]
    .map(|(name, kind)| (name, kind.into()));
    out.values(
        "Types. PA_VMO_BOOTDATA is the device tree's blob, PA_FD the log; the four resources are the ranged roots.",
        "",
        &kinds,
    );
    out.values("Types that no program is given here.", "", &later);
    out.lines(
        "/* Ours, in the range for users: a window of a granted device (an MMIO resource), an interrupt of one (an IRQ\n\
         \x20* resource), each counted from 0 in the order of the grants and of the device table, and that table's VMO. */\n\
         #define PA_DEVICE_WINDOW PA_USER0\n#define PA_DEVICE_INTERRUPT PA_USER1\n#define PA_DEVICE_TABLE PA_USER2",
    );
    out.end()
}
