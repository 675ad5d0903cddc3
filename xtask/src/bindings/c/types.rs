//! The plain types, statuses, rights and flags: what every other header needs.

use std::fmt::Write;

use abi::channel::{self, CallArgs, CallEtcArgs, ChannelIovec, HandleDisposition, HandleInfo, handle_op};
use abi::dma::pin;
use abi::object::{HANDLE_FIXED_BITS, KOID_FIRST, MAX_NAME_LEN, OBJECT_TYPE_UPPER_BOUND};
use abi::port::{WAIT_MANY_MAX_ITEMS, WaitItem, wait_async};
use abi::processargs::{MAX_BYTES, MAX_HANDLES};
use abi::time::clock;
use abi::unbuilt::object_type;
use abi::vmo::{CachePolicy, LockState, RangeOp, child, create};
use abi::{ObjectType, PAGE_SHIFT, Rights, Signals, vmar};

use super::{Header, Writer, unbuilt};

/// `user/c/src/statuses.inc`: a line for each status.
pub(super) fn statuses() -> String {
    let lines = abi::status::ALL.iter().map(|(name, value)| match value {
        0 => format!("STATUS(ZX_{name})\n"),
        _ => format!("STATUS(ZX_ERR_{name})\n"),
    });
    lines.collect()
}

pub(super) fn headers() -> Vec<Header> {
    vec![errors(), rights(), status(), limits(), time(), types()]
}

fn errors() -> Header {
    let mut out = Writer::new("errors.h", "Status codes, zx_status_t.", &["stdint.h"]);
    out.lines("typedef int32_t zx_status_t;");
    for (name, value) in abi::status::ALL {
        match value {
            0 => writeln!(out.text, "#define ZX_{name} (0)"),
            _ => writeln!(out.text, "#define ZX_ERR_{name} ({value})"),
        }
        .unwrap_or_default();
    }
    out.text.push('\n');
    out.end()
}

fn rights() -> Header {
    let mut out = Writer::new("rights.h", "Rights, zx_rights_t.", &["stdint.h"]);
    out.lines("typedef uint32_t zx_rights_t;");
    let bits: Vec<(String, u64)> =
        abi::rights::ALL.iter().map(|(name, bit)| (format!("ZX_RIGHT_{name}"), 1 << bit)).collect();
    out.values("A right each.", "zx_rights_t", &borrowed(&bits));
    let sets = [
        ("ZX_RIGHT_NONE", Rights::NONE),
        ("ZX_RIGHT_SAME_RIGHTS", Rights::SAME_RIGHTS),
        ("ZX_RIGHTS_BASIC", Rights::BASIC),
        ("ZX_RIGHTS_IO", Rights::IO),
        ("ZX_RIGHTS_PROPERTY", Rights::PROPERTY),
        ("ZX_RIGHTS_POLICY", Rights::POLICY),
        ("ZX_DEFAULT_CHANNEL_RIGHTS", Rights::DEFAULT_CHANNEL),
        ("ZX_DEFAULT_EVENT_RIGHTS", Rights::DEFAULT_EVENT),
        ("ZX_DEFAULT_PORT_RIGHTS", Rights::DEFAULT_PORT),
        ("ZX_DEFAULT_JOB_RIGHTS", Rights::DEFAULT_JOB),
        ("ZX_DEFAULT_LOG_RIGHTS", Rights::DEFAULT_DEBUGLOG),
        ("ZX_DEFAULT_PROCESS_RIGHTS", Rights::DEFAULT_PROCESS),
        ("ZX_DEFAULT_RESOURCE_RIGHTS", Rights::DEFAULT_RESOURCE),
        ("ZX_DEFAULT_THREAD_RIGHTS", Rights::DEFAULT_THREAD),
        ("ZX_DEFAULT_VMAR_RIGHTS", Rights::DEFAULT_REGION),
        ("ZX_DEFAULT_IOMMU_RIGHTS", Rights::DEFAULT_IOMMU),
        ("ZX_DEFAULT_BTI_RIGHTS", Rights::DEFAULT_BTI),
        ("ZX_DEFAULT_PMT_RIGHTS", Rights::DEFAULT_PMT),
        ("ZX_DEFAULT_VMO_RIGHTS", Rights::DEFAULT_VMO),
        ("ZX_DEFAULT_EVENTPAIR_RIGHTS", Rights::DEFAULT_EVENTPAIR),
        ("ZX_DEFAULT_FIFO_RIGHTS", Rights::DEFAULT_FIFO),
        ("ZX_DEFAULT_INTERRUPT_RIGHTS", Rights::DEFAULT_INTERRUPT),
        ("ZX_DEFAULT_MSI_RIGHTS", Rights::DEFAULT_MSI),
        ("ZX_DEFAULT_PCI_DEVICE_RIGHTS", Rights::DEFAULT_PCI_DEVICE),
        ("ZX_DEFAULT_SOCKET_RIGHTS", Rights::DEFAULT_SOCKET),
        ("ZX_DEFAULT_STREAM_RIGHTS", Rights::DEFAULT_STREAM),
        ("ZX_DEFAULT_TIMER_RIGHTS", Rights::DEFAULT_TIMER),
        ("ZX_DEFAULT_PROFILE_RIGHTS", Rights::DEFAULT_PROFILE),
        ("ZX_DEFAULT_SUSPEND_TOKEN_RIGHTS", Rights::DEFAULT_SUSPEND_TOKEN),
        ("ZX_DEFAULT_PAGER_RIGHTS", Rights::DEFAULT_PAGER),
        ("ZX_DEFAULT_EXCEPTION_RIGHTS", Rights::DEFAULT_EXCEPTION),
        ("ZX_DEFAULT_CLOCK_RIGHTS", Rights::DEFAULT_CLOCK),
        ("ZX_DEFAULT_COUNTER_RIGHTS", Rights::DEFAULT_COUNTER),
        ("ZX_DEFAULT_GUEST_RIGHTS", Rights::DEFAULT_GUEST),
        ("ZX_DEFAULT_VCPU_RIGHTS", Rights::DEFAULT_VCPU),
        ("ZX_DEFAULT_IOB_RIGHTS", Rights::DEFAULT_IOB),
        ("ZX_DEFAULT_IOB_SHARED_REGION_RIGHTS", Rights::DEFAULT_IOB_SHARED_REGION),
        ("ZX_DEFAULT_PCI_INTERRUPT_RIGHTS", Rights::DEFAULT_INTERRUPT),
        ("ZX_DEFAULT_PHYSICAL_VMO_RIGHTS", Rights::DEFAULT_VMO_PHYSICAL),
    ];
    let sets = sets.map(|(name, rights)| (name, rights.0.into()));
    out.values(
        "Sets of them, and what a new handle has: a VMAR more, by what it may map. The last one is ours: a physical VMO's.",
        "zx_rights_t",
        &sets,
    );
    out.end()
}

fn borrowed(values: &[(String, u64)]) -> Vec<(&str, u64)> {
    values.iter().map(|(name, value)| (name.as_str(), *value)).collect()
}

fn status() -> Header {
    let mut out = Writer::new("status.h", "Statuses in words.", &["zircon/types.h"]);
    out.lines(
        "__BEGIN_CDECLS\n\n/* The name of a status, ZX_OK or ZX_ERR_...; \"(UNKNOWN)\" for a number that is none. */\n\
         const char* zx_status_get_string(zx_status_t status);\n\n__END_CDECLS",
    );
    out.end()
}

fn limits() -> Header {
    let mut out = Writer::new("limits.h", "Sizes that do not change.", &["stddef.h"]);
    let shift = u64::from(PAGE_SHIFT);
    out.values(
        "A page.",
        "",
        &[
            ("ZX_MIN_PAGE_SHIFT", shift),
            ("ZX_MAX_PAGE_SHIFT", shift),
            ("ZX_PAGE_SHIFT", shift),
            ("ZX_MIN_PAGE_SIZE", 1 << shift),
            ("ZX_MAX_PAGE_SIZE", 1 << shift),
            ("ZX_PAGE_SIZE", 1 << shift),
        ],
    );
    out.end()
}

const TIME: &str = "\
/* Nanoseconds, and ticks of the counter. */
typedef int64_t zx_time_t;
typedef int64_t zx_duration_t;
typedef int64_t zx_ticks_t;
typedef int64_t zx_instant_mono_t;
typedef int64_t zx_instant_boot_t;
typedef int64_t zx_instant_mono_ticks_t;
typedef int64_t zx_instant_boot_ticks_t;
typedef int64_t zx_duration_mono_t;
typedef int64_t zx_duration_boot_t;
typedef uint32_t zx_clock_t;

#define ZX_TIME_INFINITE INT64_MAX
#define ZX_TIME_INFINITE_PAST INT64_MIN

#define ZX_NSEC(n) ((zx_duration_t)(n))
#define ZX_USEC(n) ((zx_duration_t)(1000ll * (n)))
#define ZX_MSEC(n) ((zx_duration_t)(1000000ll * (n)))
#define ZX_SEC(n) ((zx_duration_t)(1000000000ll * (n)))
#define ZX_MIN(n) ((zx_duration_t)(60ll * 1000000000ll * (n)))
#define ZX_HOUR(n) ((zx_duration_t)(3600ll * 1000000000ll * (n)))

/* The instant that lies a duration later; it stops at the end of time. */
static inline zx_time_t zx_time_add_duration(zx_time_t time, zx_duration_t duration) {
  zx_time_t sum = 0;
  if (__builtin_add_overflow(time, duration, &sum)) {
    return duration < 0 ? ZX_TIME_INFINITE_PAST : ZX_TIME_INFINITE;
  }
  return sum;
}

/* How much later one instant is than another; it stops at the ends of time. */
static inline zx_duration_t zx_time_sub_time(zx_time_t later, zx_time_t earlier) {
  zx_duration_t difference = 0;
  if (__builtin_sub_overflow(later, earlier, &difference)) {
    return earlier > 0 ? ZX_TIME_INFINITE_PAST : ZX_TIME_INFINITE;
  }
  return difference;
}

/* The instant that lies a duration earlier. */
static inline zx_time_t zx_time_sub_duration(zx_time_t time, zx_duration_t duration) {
  return zx_time_sub_time(time, duration);
}

/* Durations and ticks are reckoned with in the same way. */
static inline zx_duration_t zx_duration_add_duration(zx_duration_t a, zx_duration_t b) {
  return zx_time_add_duration(a, b);
}
static inline zx_duration_t zx_duration_sub_duration(zx_duration_t a, zx_duration_t b) {
  return zx_time_sub_time(a, b);
}
static inline zx_duration_t zx_duration_mul_int64(zx_duration_t duration, int64_t times) {
  zx_duration_t product = 0;
  if (__builtin_mul_overflow(duration, times, &product)) {
    return (duration < 0) == (times < 0) ? ZX_TIME_INFINITE : ZX_TIME_INFINITE_PAST;
  }
  return product;
}
static inline zx_ticks_t zx_ticks_add_ticks(zx_ticks_t a, zx_ticks_t b) { return zx_time_add_duration(a, b); }
static inline zx_ticks_t zx_ticks_sub_ticks(zx_ticks_t a, zx_ticks_t b) { return zx_time_sub_time(a, b); }
static inline zx_ticks_t zx_ticks_mul_int64(zx_ticks_t a, int64_t times) { return zx_duration_mul_int64(a, times); }

/* A duration in units, and of so many. */
static inline int64_t zx_nsec_from_duration(zx_duration_t duration) { return duration; }
static inline zx_duration_t zx_duration_from_nsec(int64_t n) { return n; }
static inline zx_duration_t zx_duration_from_usec(int64_t n) { return zx_duration_mul_int64(1000, n); }
static inline zx_duration_t zx_duration_from_msec(int64_t n) { return zx_duration_mul_int64(1000000, n); }
static inline zx_duration_t zx_duration_from_sec(int64_t n) { return zx_duration_mul_int64(1000000000, n); }
static inline zx_duration_t zx_duration_from_min(int64_t n) { return zx_duration_mul_int64(60 * 1000000000ll, n); }
static inline zx_duration_t zx_duration_from_hour(int64_t n) { return zx_duration_mul_int64(3600 * 1000000000ll, n); }";

fn time() -> Header {
    let mut out = Writer::new("time.h", "Time.", &["stdint.h"]);
    out.lines(TIME);
    let clocks = [("ZX_CLOCK_MONOTONIC", clock::MONOTONIC.into()), ("ZX_CLOCK_BOOT", clock::BOOT.into())];
    out.values("Which clock.", "zx_clock_t", &clocks);
    out.end()
}

const TYPES: &str = "\
typedef uint32_t zx_handle_t;
typedef uint32_t zx_signals_t;
typedef uint64_t zx_koid_t;
typedef uint32_t zx_obj_type_t;
typedef uint64_t zx_paddr_t;
typedef uint64_t zx_vaddr_t;
typedef uint64_t zx_gpaddr_t;
typedef uint64_t zx_off_t;
typedef uint32_t zx_vm_option_t;
typedef uint32_t zx_handle_op_t;
typedef uint32_t zx_txid_t;

/* A futex is atomic in C; C++ has no name for that which both know. */
#ifdef __cplusplus
typedef int zx_futex_t;
#else
typedef atomic_int zx_futex_t;
#endif
typedef int zx_futex_storage_t;

typedef struct zx_iovec {
  void* buffer;
  size_t capacity;
} zx_iovec_t;";

fn types() -> Header {
    let includes = [
        "stdbool.h",
        "stddef.h",
        "stdint.h",
        "zircon/compiler.h",
        "zircon/errors.h",
        "zircon/limits.h",
        "zircon/rights.h",
        "zircon/time.h",
    ];
    let mut out = Writer::new("types.h", "Types, signals, flags and small structures.", &includes);
    out.lines("#ifndef __cplusplus\n#include <stdatomic.h>\n#endif");
    out.lines(TYPES);
    objects(&mut out);
    memory(&mut out);
    out.lines("__BEGIN_CDECLS");
    out.structure::<LockState>("What ZX_VMO_OP_LOCK finds.", &[]);
    channels(&mut out);
    waiting(&mut out);
    unbuilt::values(&mut out);
    out.lines("__END_CDECLS");
    out.end()
}

fn objects(out: &mut Writer) {
    out.values(
        "Handles: the value that is none, and the bits that every valid one has.",
        "zx_handle_t",
        &[("ZX_HANDLE_INVALID", 0), ("ZX_HANDLE_FIXED_BITS_MASK", HANDLE_FIXED_BITS.into())],
    );
    out.values(
        "Koids.",
        "zx_koid_t",
        &[("ZX_KOID_INVALID", 0), ("ZX_KOID_KERNEL", 1), ("ZX_KOID_FIRST", KOID_FIRST)],
    );
    out.values("Bytes of a name, with its NUL.", "size_t", &[("ZX_MAX_NAME_LEN", MAX_NAME_LEN as u64)]);
    let kinds = [
        ("ZX_OBJ_TYPE_PROCESS", ObjectType::Process),
        ("ZX_OBJ_TYPE_THREAD", ObjectType::Thread),
        ("ZX_OBJ_TYPE_VMO", ObjectType::Vmo),
        ("ZX_OBJ_TYPE_CHANNEL", ObjectType::Channel),
        ("ZX_OBJ_TYPE_EVENT", ObjectType::Event),
        ("ZX_OBJ_TYPE_PORT", ObjectType::Port),
        ("ZX_OBJ_TYPE_INTERRUPT", ObjectType::Interrupt),
        ("ZX_OBJ_TYPE_DEBUGLOG", ObjectType::Debuglog),
        ("ZX_OBJ_TYPE_LOG", ObjectType::Debuglog),
        ("ZX_OBJ_TYPE_RESOURCE", ObjectType::Resource),
        ("ZX_OBJ_TYPE_JOB", ObjectType::Job),
        ("ZX_OBJ_TYPE_VMAR", ObjectType::Vmar),
        ("ZX_OBJ_TYPE_IOMMU", ObjectType::Iommu),
        ("ZX_OBJ_TYPE_BTI", ObjectType::Bti),
        ("ZX_OBJ_TYPE_PMT", ObjectType::Pmt),
    ];
    let mut all: Vec<(&str, u64)> = kinds.iter().map(|(name, kind)| (*name, *kind as u64)).collect();
    all.extend(object_type::ALL);
    all.push(("ZX_OBJ_TYPE_UPPER_BOUND", OBJECT_TYPE_UPPER_BOUND as u64));
    all.sort_by_key(|(_, value)| *value);
    out.values("What an object is; types are below the last one.", "zx_obj_type_t", &all);
    signals(out);
}

fn signals(out: &mut Writer) {
    let named = [
        ("ZX_SIGNAL_NONE", Signals::NONE),
        ("ZX_SIGNAL_HANDLE_CLOSED", Signals::HANDLE_CLOSED),
        ("ZX_USER_SIGNAL_ALL", Signals::USER_ALL),
        ("ZX_CHANNEL_READABLE", Signals::READABLE),
        ("ZX_CHANNEL_WRITABLE", Signals::WRITABLE),
        ("ZX_CHANNEL_PEER_CLOSED", Signals::PEER_CLOSED),
        ("ZX_EVENT_SIGNALED", Signals::SIGNALED),
        ("ZX_EVENTPAIR_SIGNALED", Signals::SIGNALED),
        ("ZX_EVENTPAIR_PEER_CLOSED", Signals::PEER_CLOSED),
        ("ZX_FIFO_READABLE", Signals::READABLE),
        ("ZX_FIFO_WRITABLE", Signals::WRITABLE),
        ("ZX_FIFO_PEER_CLOSED", Signals::PEER_CLOSED),
        ("ZX_SOCKET_READABLE", Signals::READABLE),
        ("ZX_SOCKET_WRITABLE", Signals::WRITABLE),
        ("ZX_SOCKET_PEER_CLOSED", Signals::PEER_CLOSED),
        ("ZX_TIMER_SIGNALED", Signals::SIGNALED),
        ("ZX_LOG_READABLE", Signals::READABLE),
        ("ZX_LOG_WRITABLE", Signals::WRITABLE),
        ("ZX_TASK_TERMINATED", Signals::TASK_TERMINATED),
        ("ZX_JOB_TERMINATED", Signals::TASK_TERMINATED),
        ("ZX_JOB_NO_JOBS", Signals::JOB_NO_JOBS),
        ("ZX_JOB_NO_PROCESSES", Signals::JOB_NO_PROCESSES),
        ("ZX_PROCESS_TERMINATED", Signals::TASK_TERMINATED),
        ("ZX_THREAD_TERMINATED", Signals::TASK_TERMINATED),
        ("ZX_THREAD_RUNNING", Signals::THREAD_RUNNING),
        ("ZX_THREAD_SUSPENDED", Signals::THREAD_SUSPENDED),
        ("ZX_VMO_ZERO_CHILDREN", Signals::VMO_ZERO_CHILDREN),
        ("ZX_CLOCK_STARTED", Signals::CLOCK_STARTED),
        ("ZX_CLOCK_UPDATED", Signals::CLOCK_UPDATED),
        ("ZX_SOCKET_PEER_WRITE_DISABLED", Signals::SOCKET_PEER_WRITE_DISABLED),
        ("ZX_SOCKET_WRITE_DISABLED", Signals::SOCKET_WRITE_DISABLED),
        ("ZX_SOCKET_READ_THRESHOLD", Signals::SOCKET_READ_THRESHOLD),
        ("ZX_SOCKET_WRITE_THRESHOLD", Signals::SOCKET_WRITE_THRESHOLD),
        ("ZX_IOB_PEER_CLOSED", Signals::PEER_CLOSED),
        ("ZX_COUNTER_SIGNALED", Signals::SIGNALED),
        ("ZX_COUNTER_POSITIVE", Signals::COUNTER_POSITIVE),
        ("ZX_COUNTER_NON_POSITIVE", Signals::COUNTER_NON_POSITIVE),
        ("ZX_VIRTUAL_INTERRUPT_UNTRIGGERED", Signals::VIRTUAL_INTERRUPT_UNTRIGGERED),
        ("ZX_EVENT_SIGNAL_MASK", Signals(Signals::USER_ALL.0 | Signals::SIGNALED.0)),
        (
            "ZX_EVENTPAIR_SIGNAL_MASK",
            Signals(Signals::USER_ALL.0 | Signals::SIGNALED.0 | Signals::PEER_CLOSED.0),
        ),
    ];
    let mut all: Vec<(String, u64)> =
        named.iter().map(|(name, signals)| ((*name).to_owned(), signals.0.into())).collect();
    all.extend((0..8).map(|n| (format!("ZX_USER_SIGNAL_{n}"), Signals::user(n).0.into())));
    out.values("Signals.", "zx_signals_t", &borrowed(&all));
}

fn memory(out: &mut Writer) {
    let policies = [
        ("ZX_CACHE_POLICY_CACHED", CachePolicy::Cached),
        ("ZX_CACHE_POLICY_UNCACHED", CachePolicy::Uncached),
        ("ZX_CACHE_POLICY_UNCACHED_DEVICE", CachePolicy::UncachedDevice),
        ("ZX_CACHE_POLICY_WRITE_COMBINING", CachePolicy::WriteCombining),
    ];
    let mut policies: Vec<(&str, u64)> =
        policies.iter().map(|(name, policy)| (*name, *policy as u64)).collect();
    policies.push(("ZX_CACHE_POLICY_MASK", 3));
    out.values(
        "How a VMO is cached: Normal write-back, Device-nGnRnE, Device-nGnRE, Normal non-cacheable.",
        "uint32_t",
        &policies,
    );
    let vmo = [
        ("ZX_VMO_RESIZABLE", create::RESIZABLE),
        ("ZX_VMO_DISCARDABLE", create::DISCARDABLE),
        ("ZX_VMO_UNBOUNDED", create::UNBOUNDED),
        ("ZX_VMO_CHILD_SNAPSHOT", child::SNAPSHOT),
        ("ZX_VMO_CHILD_RESIZABLE", child::RESIZABLE),
        ("ZX_VMO_CHILD_SLICE", child::SLICE),
        ("ZX_VMO_CHILD_SNAPSHOT_AT_LEAST_ON_WRITE", child::SNAPSHOT_AT_LEAST_ON_WRITE),
        ("ZX_VMO_CHILD_NO_WRITE", child::NO_WRITE),
        ("ZX_VMO_CHILD_REFERENCE", child::REFERENCE),
        ("ZX_VMO_CHILD_SNAPSHOT_MODIFIED", child::SNAPSHOT_MODIFIED),
    ];
    out.values(
        "Options of new VMOs and of children.",
        "uint32_t",
        &vmo.map(|(name, bits)| (name, bits.into())),
    );
    out.values(
        "Operations on ranges of VMOs and of address space.",
        "uint32_t",
        &[
            ("ZX_VMO_OP_COMMIT", RangeOp::Commit as u64),
            ("ZX_VMO_OP_DECOMMIT", RangeOp::Decommit as u64),
            ("ZX_VMO_OP_LOCK", RangeOp::Lock as u64),
            ("ZX_VMO_OP_UNLOCK", RangeOp::Unlock as u64),
            ("ZX_VMO_OP_CACHE_SYNC", RangeOp::CacheSync as u64),
            ("ZX_VMO_OP_CACHE_INVALIDATE", RangeOp::CacheInvalidate as u64),
            ("ZX_VMO_OP_CACHE_CLEAN", RangeOp::CacheClean as u64),
            ("ZX_VMO_OP_CACHE_CLEAN_INVALIDATE", RangeOp::CacheCleanInvalidate as u64),
            ("ZX_VMO_OP_ZERO", RangeOp::Zero as u64),
            ("ZX_VMO_OP_TRY_LOCK", RangeOp::TryLock as u64),
            ("ZX_VMO_OP_DONT_NEED", RangeOp::DontNeed as u64),
            ("ZX_VMO_OP_ALWAYS_NEED", RangeOp::AlwaysNeed as u64),
            ("ZX_VMO_OP_PREFETCH", RangeOp::Prefetch as u64),
            ("ZX_VMAR_OP_COMMIT", vmar::RangeOp::Commit as u64),
            ("ZX_VMAR_OP_DECOMMIT", vmar::RangeOp::Decommit as u64),
            ("ZX_VMAR_OP_MAP_RANGE", vmar::RangeOp::MapRange as u64),
            ("ZX_VMAR_OP_ZERO", vmar::RangeOp::Zero as u64),
            ("ZX_VMAR_OP_DONT_NEED", vmar::RangeOp::DontNeed as u64),
            ("ZX_VMAR_OP_ALWAYS_NEED", vmar::RangeOp::AlwaysNeed as u64),
            ("ZX_VMAR_OP_PREFETCH", vmar::RangeOp::Prefetch as u64),
        ],
    );
    out.values(
        "What zx_cache_flush does.",
        "uint32_t",
        &[("ZX_CACHE_FLUSH_INSN", 1), ("ZX_CACHE_FLUSH_DATA", 2), ("ZX_CACHE_FLUSH_INVALIDATE", 4)],
    );
    mapping(out);
}

fn mapping(out: &mut Writer) {
    let flags = [
        ("ZX_VM_PERM_READ", vmar::PERM_READ),
        ("ZX_VM_PERM_WRITE", vmar::PERM_WRITE),
        ("ZX_VM_PERM_EXECUTE", vmar::PERM_EXECUTE),
        ("ZX_VM_COMPACT", vmar::COMPACT),
        ("ZX_VM_SPECIFIC", vmar::SPECIFIC),
        ("ZX_VM_SPECIFIC_OVERWRITE", vmar::SPECIFIC_OVERWRITE),
        ("ZX_VM_CAN_MAP_SPECIFIC", vmar::CAN_MAP_SPECIFIC),
        ("ZX_VM_CAN_MAP_READ", vmar::CAN_MAP_READ),
        ("ZX_VM_CAN_MAP_WRITE", vmar::CAN_MAP_WRITE),
        ("ZX_VM_CAN_MAP_EXECUTE", vmar::CAN_MAP_EXECUTE),
        ("ZX_VM_MAP_RANGE", vmar::MAP_RANGE),
        ("ZX_VM_REQUIRE_NON_RESIZABLE", vmar::REQUIRE_NON_RESIZABLE),
        ("ZX_VM_ALLOW_FAULTS", vmar::ALLOW_FAULTS),
        ("ZX_VM_OFFSET_IS_UPPER_LIMIT", vmar::OFFSET_IS_UPPER_LIMIT),
        ("ZX_VM_PERM_READ_IF_XOM_UNSUPPORTED", vmar::PERM_READ_IF_XOM_UNSUPPORTED),
        ("ZX_VM_FAULT_BEYOND_STREAM_SIZE", vmar::FAULT_BEYOND_STREAM_SIZE),
    ];
    out.values(
        "Options of mappings and regions.",
        "zx_vm_option_t",
        &flags.map(|(name, bits)| (name, bits.into())),
    );
    let units = [(10, "1KB"), (20, "1MB"), (30, "1GB")];
    let mut aligned: Vec<(String, u64)> = Vec::new();
    for log2 in 10..=32_u64 {
        let (shift, unit) = units.iter().rev().find(|(shift, _)| log2 >= *shift).unwrap_or(&units[0]);
        let name = format!("ZX_VM_ALIGN_{}{}", 1 << (log2 - shift), &unit[1..]);
        aligned.push((name, log2 << vmar::ALIGN_SHIFT));
    }
    out.values(
        "The alignment of the address that the kernel chooses.",
        "zx_vm_option_t",
        &borrowed(&aligned),
    );
    out.lines(&format!("#define ZX_VM_ALIGN_BASE {}", vmar::ALIGN_SHIFT));
}

fn channels(out: &mut Writer) {
    let limits =
        [("ZX_CHANNEL_MAX_MSG_BYTES", MAX_BYTES as u64), ("ZX_CHANNEL_MAX_MSG_HANDLES", MAX_HANDLES as u64)];
    out.values("What a message holds at most.", "uint32_t", &limits);
    out.values(
        "Options of channel calls.",
        "uint32_t",
        &[
            ("ZX_CHANNEL_READ_MAY_DISCARD", channel::READ_MAY_DISCARD.into()),
            ("ZX_CHANNEL_WRITE_USE_IOVEC", channel::WRITE_USE_IOVEC.into()),
        ],
    );
    out.structure::<CallArgs>(
        "What zx_channel_call sends, and where it puts the answer.",
        &[
            ("wr_bytes", "const void* wr_bytes"),
            ("wr_handles", "const zx_handle_t* wr_handles"),
            ("rd_bytes", "void* rd_bytes"),
            ("rd_handles", "zx_handle_t* rd_handles"),
        ],
    );
    let typed = [
        ("operation", "zx_handle_op_t operation"),
        ("handle", "zx_handle_t handle"),
        ("object_type", "zx_obj_type_t type"),
        ("rights", "zx_rights_t rights"),
        ("result", "zx_status_t result"),
    ];
    out.structure::<HandleInfo>("What zx_channel_read_etc tells about a handle.", &typed[1..4]);
    let operations =
        [("ZX_HANDLE_OP_MOVE", handle_op::MOVE), ("ZX_HANDLE_OP_DUPLICATE", handle_op::DUPLICATE)];
    let operations = operations.map(|(name, value)| (name, value.into()));
    out.values("What zx_channel_write_etc does with a handle.", "zx_handle_op_t", &operations);
    out.structure::<HandleDisposition>("The same with what it needs, and how it went.", &typed);
    out.structure::<CallEtcArgs>(
        "What zx_channel_call_etc would send.",
        &[
            ("wr_bytes", "const void* wr_bytes"),
            ("wr_handles", "zx_handle_disposition_t* wr_handles"),
            ("rd_bytes", "void* rd_bytes"),
            ("rd_handles", "zx_handle_info_t* rd_handles"),
        ],
    );
    out.structure::<ChannelIovec>(
        "One piece of a message that is sent with ZX_CHANNEL_WRITE_USE_IOVEC, which is not built.",
        &[("buffer", "const void* buffer")],
    );
}

fn waiting(out: &mut Writer) {
    out.values(
        "The most items of one wait.",
        "size_t",
        &[("ZX_WAIT_MANY_MAX_ITEMS", WAIT_MANY_MAX_ITEMS as u64)],
    );
    out.structure::<WaitItem>(
        "One thing to wait for.",
        &[
            ("handle", "zx_handle_t handle"),
            ("waitfor", "zx_signals_t waitfor"),
            ("pending", "zx_signals_t pending"),
        ],
    );
    let options = [
        ("ZX_WAIT_ASYNC_ONCE", 0),
        ("ZX_WAIT_ASYNC_TIMESTAMP", wait_async::TIMESTAMP),
        ("ZX_WAIT_ASYNC_EDGE", wait_async::EDGE),
        ("ZX_WAIT_ASYNC_BOOT_TIMESTAMP", wait_async::BOOT_TIMESTAMP),
    ];
    out.values(
        "Options of zx_object_wait_async.",
        "uint32_t",
        &options.map(|(name, bits)| (name, bits.into())),
    );
    out.values(
        "Options of timers.",
        "uint32_t",
        &[("ZX_TIMER_SLACK_CENTER", 0), ("ZX_TIMER_SLACK_EARLY", 1), ("ZX_TIMER_SLACK_LATE", 2)],
    );
    out.values(
        "Options of zx_interrupt_create and zx_interrupt_bind.",
        "uint32_t",
        &[
            ("ZX_INTERRUPT_REMAP_IRQ", 0x1),
            ("ZX_INTERRUPT_MODE_DEFAULT", 0),
            ("ZX_INTERRUPT_MODE_EDGE_LOW", 0x2),
            ("ZX_INTERRUPT_MODE_EDGE_HIGH", 0x4),
            ("ZX_INTERRUPT_MODE_LEVEL_LOW", 0x6),
            ("ZX_INTERRUPT_MODE_LEVEL_HIGH", 0x8),
            ("ZX_INTERRUPT_MODE_EDGE_BOTH", 0xA),
            ("ZX_INTERRUPT_MODE_MASK", 0xE),
            ("ZX_INTERRUPT_VIRTUAL", 0x10),
            ("ZX_INTERRUPT_WAKE_VECTOR", 0x20),
            ("ZX_INTERRUPT_TIMESTAMP_MONO", 0x40),
            ("ZX_INTERRUPT_BIND", 0),
            ("ZX_INTERRUPT_UNBIND", 1),
        ],
    );
    out.values(
        "Options of zx_bti_pin.",
        "uint32_t",
        &[
            ("ZX_BTI_PERM_READ", pin::PERM_READ.into()),
            ("ZX_BTI_PERM_WRITE", pin::PERM_WRITE.into()),
            ("ZX_BTI_PERM_EXECUTE", pin::PERM_EXECUTE.into()),
            ("ZX_BTI_COMPRESS", pin::COMPRESS.into()),
            ("ZX_BTI_CONTIGUOUS", pin::CONTIGUOUS.into()),
        ],
    );
}
