//! Headers and values for what Zircon has and the kernel has not yet: programs that name them compile.

use abi::AbiStruct;
use abi::unbuilt::{
    CPRNG_MAX_LEN, CPU_SET_MAX_CPUS, CpuSet, ExceptionInfo, ExceptionReport, InfoInterrupt, InfoMemoryStall,
    InfoMsi, InfoSocket, InfoStream, InfoTaskRuntime, InfoThreadStats, InfoTimer, PowerctlArg, ProfileInfo,
    SchedDeadlineParams, exception, exception_channel, features as cpu, other, pager, powerctl, priority,
    profile, socket, stream, system_event,
};

use super::{Header, Writer};

pub(super) fn headers() -> Vec<Header> {
    vec![features(), exceptions(), scheduler(), profiles(), system()]
}

/// What `zircon/types.h` has of them.
pub(super) fn values(out: &mut Writer) {
    let length = CPRNG_MAX_LEN as u64;
    out.values(
        "Bytes of one zx_cprng_draw_once and zx_cprng_add_entropy in Zircon; here there is no limit.",
        "size_t",
        &[("ZX_CPRNG_DRAW_MAX_LEN", length), ("ZX_CPRNG_ADD_ENTROPY_MAX_LEN", length)],
    );
    out.values("Sockets.", "uint32_t", socket::ALL);
    out.lines("typedef uint32_t zx_system_event_type_t;\ntypedef uint32_t zx_stream_seek_origin_t;");
    out.values("Streams.", "uint32_t", stream::ALL);
    out.values("Pagers.", "uint32_t", pager::ALL);
    out.values("Events of the system.", "zx_system_event_type_t", system_event::ALL);
    out.values("Options and limits of what is not built.", "uint32_t", other::ALL);
    out.values(
        "CPUs of a set, and of each of its words.",
        "",
        &[("ZX_CPU_SET_MAX_CPUS", CPU_SET_MAX_CPUS as u64), ("ZX_CPU_SET_BITS_PER_WORD", 64)],
    );
    out.structure::<CpuSet>(
        "CPU n is bit n % 64 of word n / 64.",
        &[("mask", "uint64_t mask[ZX_CPU_SET_MAX_CPUS / ZX_CPU_SET_BITS_PER_WORD]")],
    );
}

/// What `zircon/syscalls/object.h` has of them.
pub(super) fn records(out: &mut Writer) {
    out.structure::<InfoThreadStats>(
        "ZX_INFO_THREAD_STATS",
        &[("total_runtime", "zx_duration_mono_t total_runtime")],
    );
    out.structure::<InfoSocket>(
        "ZX_INFO_SOCKET",
        &[
            ("rx_buf_max", "size_t rx_buf_max"),
            ("rx_buf_size", "size_t rx_buf_size"),
            ("rx_buf_available", "size_t rx_buf_available"),
            ("tx_buf_max", "size_t tx_buf_max"),
            ("tx_buf_size", "size_t tx_buf_size"),
        ],
    );
    out.structure::<InfoTimer>(
        "ZX_INFO_TIMER",
        &[
            ("clock_id", "zx_clock_t clock_id"),
            ("deadline", "zx_time_t deadline"),
            ("slack", "zx_duration_t slack"),
        ],
    );
    out.structure::<InfoStream>("ZX_INFO_STREAM", &[("seek", "zx_off_t seek")]);
    out.structure::<InfoMsi>("ZX_INFO_MSI", &[]);
    out.structure::<InfoTaskRuntime>(
        "ZX_INFO_TASK_RUNTIME; V1 ends before page_fault_time",
        &[
            ("cpu_time", "zx_duration_mono_t cpu_time"),
            ("queue_time", "zx_duration_mono_t queue_time"),
            ("page_fault_time", "zx_duration_mono_t page_fault_time"),
            ("lock_contention_time", "zx_duration_mono_t lock_contention_time"),
        ],
    );
    out.structure::<InfoMemoryStall>(
        "ZX_INFO_MEMORY_STALL",
        &[
            ("stall_time_some", "zx_duration_mono_t stall_time_some"),
            ("stall_time_full", "zx_duration_mono_t stall_time_full"),
        ],
    );
    out.structure::<InfoInterrupt>("ZX_INFO_INTERRUPT", &[]);
}

fn features() -> Header {
    let mut out = Writer::new("features.h", "What zx_system_get_features tells.", &["stdint.h"]);
    out.values(
        "Kinds. The kernel sets no bit of any of them yet.",
        "uint32_t",
        &[
            ("ZX_FEATURE_KIND_CPU", cpu::KIND_CPU.into()),
            ("ZX_FEATURE_KIND_HW_BREAKPOINT_COUNT", cpu::KIND_HW_BREAKPOINT_COUNT.into()),
            ("ZX_FEATURE_KIND_HW_WATCHPOINT_COUNT", cpu::KIND_HW_WATCHPOINT_COUNT.into()),
            ("ZX_FEATURE_KIND_ADDRESS_TAGGING", cpu::KIND_ADDRESS_TAGGING.into()),
            ("ZX_FEATURE_KIND_VM", cpu::KIND_VM.into()),
        ],
    );
    let bits: Vec<(&str, u64)> = cpu::CPU.into_iter().zip((0..).map(|bit| 1 << bit)).collect();
    out.values("Of the CPU.", "uint32_t", &bits);
    out.lines("#define ZX_ARM64_FEATURE_ISA_SHA2 ZX_ARM64_FEATURE_ISA_SHA256");
    out.values(
        "Of address tagging, and of address spaces.",
        "uint32_t",
        &[
            ("ZX_ARM64_FEATURE_ADDRESS_TAGGING_TBI", cpu::ADDRESS_TAGGING_TBI.into()),
            ("ZX_VM_FEATURE_CAN_MAP_XOM", cpu::VM_CAN_MAP_XOM.into()),
        ],
    );
    out.end()
}

fn exceptions() -> Header {
    let mut out = Writer::new(
        "syscalls/exception.h",
        "Exceptions. They are not built: a fault that a program does not survive ends it.",
        &["zircon/types.h"],
    );
    out.lines("typedef uint32_t zx_excp_type_t;");
    out.values("What happened.", "zx_excp_type_t", exception::ALL);
    out.lines("#define ZX_EXCP_IS_ARCH(type) (((type) & ZX_EXCP_SYNTH) == 0)");
    out.values("Who is asked.", "uint32_t", exception_channel::ALL);
    out.lines("__BEGIN_CDECLS");
    out.structure::<ExceptionInfo>(
        "What comes on an exception channel, with the exception's handle.",
        &[("pid", "zx_koid_t pid"), ("tid", "zx_koid_t tid"), ("exception_type", "zx_excp_type_t type")],
    );
    out.lines(REPORT);
    let places = ExceptionReport::FIELDS.iter().map(|field| {
        let name = match field.name {
            "size" => "header.size".to_owned(),
            "exception_type" => "header.type".to_owned(),
            name => format!("context.{name}"),
        };
        (name, field.offset)
    });
    let mut places: Vec<_> = places.collect();
    let arch = places.iter().find(|(name, _)| name == "context.arch").map_or(0, |&(_, offset)| offset);
    places.push(("context.arch.u.arm_64.far".to_owned(), arch + 8));
    out.asserts(ExceptionReport::C_NAME, ExceptionReport::SIZE, align_of::<ExceptionReport>(), &places);
    out.lines("__END_CDECLS");
    out.end()
}

/// By hand: what each machine says is a union.
const REPORT: &str = "\
typedef struct zx_x86_64_exc_data {
  uint64_t vector;
  uint64_t err_code;
  uint64_t cr2;
} zx_x86_64_exc_data_t;

typedef struct zx_arm64_exc_data {
  uint32_t esr;
  uint8_t padding1[4];
  uint64_t far;
  uint8_t padding2[8];
} zx_arm64_exc_data_t;

typedef struct zx_riscv64_exc_data {
  uint64_t cause;
  uint64_t tval;
  uint8_t padding1[8];
} zx_riscv64_exc_data_t;

typedef struct zx_exception_context {
  struct {
    union {
      zx_x86_64_exc_data_t x86_64;
      zx_arm64_exc_data_t arm_64;
      zx_riscv64_exc_data_t riscv_64;
    } u;
  } arch;
  zx_status_t synth_code;
  uint32_t synth_data;
} zx_exception_context_t;

typedef struct zx_exception_header {
  uint32_t size;
  zx_excp_type_t type;
} zx_exception_header_t;

/* ZX_INFO_THREAD_EXCEPTION_REPORT */
typedef struct zx_exception_report {
  zx_exception_header_t header;
  zx_exception_context_t context;
} zx_exception_report_t;";

fn scheduler() -> Header {
    let includes = ["zircon/compiler.h", "zircon/time.h"];
    let mut out =
        Writer::new("syscalls/scheduler.h", "Scheduling by deadlines, which is not built.", &includes);
    out.lines("__BEGIN_CDECLS");
    out.structure::<SchedDeadlineParams>(
        "How much of each period a thread runs, and how soon.",
        &[
            ("capacity", "zx_duration_mono_t capacity"),
            ("relative_deadline", "zx_duration_mono_t relative_deadline"),
            ("period", "zx_duration_mono_t period"),
        ],
    );
    out.lines("__END_CDECLS");
    out.end()
}

/// By hand: what it says of scheduling is a union. Strict C++ has no structures without names in one without a name.
const PROFILE: &str = "\
/* What zx_profile_create makes a profile of. */
typedef struct zx_profile_info {
  uint32_t flags;
  uint8_t padding1[4];
  union {
    int32_t priority;
    zx_sched_deadline_params_t deadline_params;
  };
  zx_cpu_set_t cpu_affinity_mask;
} zx_profile_info_t;";

fn profiles() -> Header {
    let includes = ["zircon/syscalls/scheduler.h", "zircon/types.h"];
    let mut out = Writer::new("syscalls/profile.h", "Profiles, which are not built.", &includes);
    out.values("Priorities.", "int32_t", priority::ALL);
    out.values("Which fields count.", "uint32_t", profile::ALL);
    out.lines("__BEGIN_CDECLS");
    out.lines(PROFILE);
    union_asserts::<ProfileInfo>(&mut out, "scheduling", &["priority", "deadline_params"]);
    out.lines("__END_CDECLS");
    out.end()
}

/// By hand as well.
const POWERCTL: &str = "\
/* What some commands of zx_system_powerctl take, all of them x86's. */
struct jacinth_powerctl_s_state {
  uint8_t target_s_state;
  uint8_t sleep_type_a;
  uint8_t sleep_type_b;
};

struct jacinth_powerctl_limit {
  uint32_t power_limit;
  uint32_t time_window;
  uint8_t clamp;
  uint8_t enable;
  uint8_t padding2[2];
};

typedef struct zx_system_powerctl_arg {
  union {
    struct jacinth_powerctl_s_state acpi_transition_s_state;
    struct jacinth_powerctl_limit x86_power_limit;
  };
} zx_system_powerctl_arg_t;";

fn system() -> Header {
    let mut out =
        Writer::new("syscalls/system.h", "The machine's power, which is not built.", &["zircon/types.h"]);
    out.values("Commands of zx_system_powerctl.", "uint32_t", powerctl::ALL);
    out.lines("__BEGIN_CDECLS");
    out.lines(POWERCTL);
    let places = PowerctlArg::FIELDS.iter();
    let places = places.map(|field| (format!("x86_power_limit.{}", field.name), field.offset));
    out.asserts(
        PowerctlArg::C_NAME,
        PowerctlArg::SIZE,
        align_of::<PowerctlArg>(),
        &places.collect::<Vec<_>>(),
    );
    out.lines("__END_CDECLS");
    out.end()
}

/// Asserts for a structure in which several members are at one field's place.
fn union_asserts<T: AbiStruct>(out: &mut Writer, shared: &str, members: &[&'static str]) {
    let places = T::FIELDS.iter().flat_map(|field| {
        let names = if field.name == shared { members.to_vec() } else { vec![field.name] };
        names.into_iter().map(|name| (name.to_owned(), field.offset))
    });
    out.asserts(T::C_NAME, T::SIZE, align_of::<T>(), &places.collect::<Vec<_>>());
}
