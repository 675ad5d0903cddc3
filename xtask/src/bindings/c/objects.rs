//! `zircon/syscalls/*.h`: what single calls read and write.

use abi::dma::iommu as kinds;
use abi::object::{
    InfoBti, InfoHandleBasic, InfoHandleCount, InfoHandleExtended, InfoJob, InfoKmemStats, InfoKmemStatsV1,
    InfoMaps, InfoMapsV2, InfoProcess, InfoProcessHandleStats, InfoResource, InfoTaskStats, InfoThread,
    InfoVmar, InfoVmo, info, maps_type, process_flags, property, task_retcode, thread_state, vmo_flags,
};
use abi::policy::{self, Action, Condition, PolicyBasicV1, PolicyBasicV2, PolicyTimerSlack, topic};
use abi::port::{BIND_TO_INTERRUPT, PacketSignal, PortPacket, packet_type};
use abi::resource::{self, Kind, system};
use abi::{AbiStruct, GeneralRegs, smc, unbuilt};

use super::{Header, Writer};

pub(super) fn headers() -> Vec<Header> {
    vec![object(), resource(), port(), policy(), iommu(), debug(), log(), smc()]
}

fn wide<const N: usize>(values: [(&'static str, u32); N]) -> [(&'static str, u64); N] {
    values.map(|(name, value)| (name, value.into()))
}

const NAME: (&str, &str) = ("name", "char name[ZX_MAX_NAME_LEN]");
const KOID: (&str, &str) = ("koid", "zx_koid_t koid");

fn object() -> Header {
    let mut out = Writer::new(
        "syscalls/object.h",
        "What can be asked about objects: topics, properties and their records.",
        &["zircon/types.h", "zircon/syscalls/resource.h"],
    );
    out.lines(
        "typedef uint32_t zx_object_info_topic_t;\ntypedef uint32_t zx_info_maps_type_t;\n\
         typedef uint32_t zx_info_process_flags_t;\ntypedef uint32_t zx_thread_state_t;",
    );
    out.values(
        "Topics of zx_object_get_info: a number, and a version in the top four bits.",
        "zx_object_info_topic_t",
        &wide([
            ("ZX_INFO_HANDLE_VALID", info::HANDLE_VALID),
            ("ZX_INFO_HANDLE_BASIC", info::HANDLE_BASIC),
            ("ZX_INFO_PROCESS", info::PROCESS),
            ("ZX_INFO_PROCESS_THREADS", info::PROCESS_THREADS),
            ("ZX_INFO_VMAR", info::VMAR),
            ("ZX_INFO_JOB_CHILDREN", info::JOB_CHILDREN),
            ("ZX_INFO_JOB_PROCESSES", info::JOB_PROCESSES),
            ("ZX_INFO_THREAD", info::THREAD),
            ("ZX_INFO_TASK_STATS", info::TASK_STATS),
            ("ZX_INFO_TASK_STATS_V1", info::TASK_STATS_V1),
            ("ZX_INFO_PROCESS_MAPS", info::PROCESS_MAPS),
            ("ZX_INFO_PROCESS_MAPS_V1", info::PROCESS_MAPS_V1),
            ("ZX_INFO_PROCESS_MAPS_V2", info::PROCESS_MAPS_V2),
            ("ZX_INFO_PROCESS_VMOS", info::PROCESS_VMOS),
            ("ZX_INFO_PROCESS_VMOS_V1", info::PROCESS_VMOS_V1),
            ("ZX_INFO_PROCESS_VMOS_V2", info::PROCESS_VMOS_V2),
            ("ZX_INFO_PROCESS_VMOS_V3", info::PROCESS_VMOS_V3),
            ("ZX_INFO_KMEM_STATS", info::KMEM_STATS),
            ("ZX_INFO_KMEM_STATS_V1", info::KMEM_STATS_V1),
            ("ZX_INFO_RESOURCE", info::RESOURCE),
            ("ZX_INFO_HANDLE_COUNT", info::HANDLE_COUNT),
            ("ZX_INFO_BTI", info::BTI),
            ("ZX_INFO_PROCESS_HANDLE_STATS", info::PROCESS_HANDLE_STATS),
            ("ZX_INFO_JOB", info::JOB),
            ("ZX_INFO_HANDLE_TABLE", info::HANDLE_TABLE),
            ("ZX_INFO_VMAR_MAPS", info::VMAR_MAPS),
            ("ZX_INFO_VMO", info::VMO),
            ("ZX_INFO_VMO_V1", info::VMO_V1),
            ("ZX_INFO_VMO_V2", info::VMO_V2),
            ("ZX_INFO_VMO_V3", info::VMO_V3),
        ]),
    );
    out.values(
        "Topics that are not built: the kernel answers ZX_ERR_NOT_SUPPORTED.",
        "zx_object_info_topic_t",
        unbuilt::info::ALL,
    );
    out.values(
        "Properties.",
        "uint32_t",
        &wide([
            ("ZX_PROP_NAME", property::NAME),
            ("ZX_PROP_PROCESS_DEBUG_ADDR", property::PROCESS_DEBUG_ADDR),
            ("ZX_PROP_PROCESS_VDSO_BASE_ADDRESS", property::PROCESS_VDSO_BASE_ADDRESS),
            ("ZX_PROP_VMO_CONTENT_SIZE", property::VMO_CONTENT_SIZE),
        ]),
    );
    out.values("Properties that are not built.", "uint32_t", unbuilt::property::ALL);
    out.values("Values of ZX_PROP_EXCEPTION_STATE.", "uint32_t", unbuilt::exception_state::ALL);
    out.values("Values of ZX_PROP_EXCEPTION_STRATEGY.", "uint32_t", unbuilt::exception_strategy::ALL);
    out.lines("__BEGIN_CDECLS");
    handles(&mut out);
    tasks(&mut out);
    memory(&mut out);
    maps(&mut out);
    super::unbuilt::records(&mut out);
    out.lines("__END_CDECLS");
    out.end()
}

fn handles(out: &mut Writer) {
    out.structure::<InfoHandleBasic>(
        "ZX_INFO_HANDLE_BASIC",
        &[
            KOID,
            ("rights", "zx_rights_t rights"),
            ("object_type", "zx_obj_type_t type"),
            ("related_koid", "zx_koid_t related_koid"),
            ("padding", "uint8_t padding1[4]"),
        ],
    );
    out.structure::<InfoHandleCount>("ZX_INFO_HANDLE_COUNT", &[]);
    out.structure::<InfoResource>(
        "ZX_INFO_RESOURCE",
        &[("kind", "zx_rsrc_kind_t kind"), ("size", "size_t size"), NAME],
    );
    out.structure::<InfoHandleExtended>(
        "ZX_INFO_HANDLE_TABLE",
        &[
            ("object_type", "zx_obj_type_t type"),
            ("handle_value", "zx_handle_t handle_value"),
            ("rights", "zx_rights_t rights"),
            KOID,
            ("related_koid", "zx_koid_t related_koid"),
            ("peer_owner_koid", "zx_koid_t peer_owner_koid"),
        ],
    );
    out.structure::<InfoProcessHandleStats>(
        "ZX_INFO_PROCESS_HANDLE_STATS, by zx_obj_type_t",
        &[("handle_count", "uint32_t handle_count[ZX_OBJ_TYPE_UPPER_BOUND]")],
    );
}

fn tasks(out: &mut Writer) {
    out.values(
        "Flags of a process.",
        "zx_info_process_flags_t",
        &wide([
            ("ZX_INFO_PROCESS_FLAG_STARTED", process_flags::STARTED),
            ("ZX_INFO_PROCESS_FLAG_EXITED", process_flags::EXITED),
            ("ZX_INFO_PROCESS_FLAG_DEBUGGER_ATTACHED", process_flags::DEBUGGER_ATTACHED),
        ]),
    );
    out.structure::<InfoProcess>(
        "ZX_INFO_PROCESS",
        &[
            ("start_time", "zx_instant_mono_t start_time"),
            ("flags", "zx_info_process_flags_t flags"),
            ("padding", "uint8_t padding1[4]"),
        ],
    );
    out.values(
        "What a thread does.",
        "zx_thread_state_t",
        &wide([
            ("ZX_THREAD_STATE_NEW", thread_state::NEW),
            ("ZX_THREAD_STATE_RUNNING", thread_state::RUNNING),
            ("ZX_THREAD_STATE_SUSPENDED", thread_state::SUSPENDED),
            ("ZX_THREAD_STATE_BLOCKED", thread_state::BLOCKED),
            ("ZX_THREAD_STATE_DYING", thread_state::DYING),
            ("ZX_THREAD_STATE_DEAD", thread_state::DEAD),
            ("ZX_THREAD_STATE_BLOCKED_EXCEPTION", thread_state::BLOCKED_EXCEPTION),
            ("ZX_THREAD_STATE_BLOCKED_SLEEPING", thread_state::BLOCKED_SLEEPING),
            ("ZX_THREAD_STATE_BLOCKED_FUTEX", thread_state::BLOCKED_FUTEX),
            ("ZX_THREAD_STATE_BLOCKED_PORT", thread_state::BLOCKED_PORT),
            ("ZX_THREAD_STATE_BLOCKED_CHANNEL", thread_state::BLOCKED_CHANNEL),
            ("ZX_THREAD_STATE_BLOCKED_WAIT_ONE", thread_state::BLOCKED_WAIT_ONE),
            ("ZX_THREAD_STATE_BLOCKED_WAIT_MANY", thread_state::BLOCKED_WAIT_MANY),
            ("ZX_THREAD_STATE_BLOCKED_INTERRUPT", thread_state::BLOCKED_INTERRUPT),
            ("ZX_THREAD_STATE_BLOCKED_PAGER", thread_state::BLOCKED_PAGER),
        ]),
    );
    out.lines("#define ZX_THREAD_STATE_BASIC(state) ((state) & 0xffu)");
    out.structure::<InfoThread>(
        "ZX_INFO_THREAD",
        &[("state", "zx_thread_state_t state"), ("cpu_affinity_mask", "zx_cpu_set_t cpu_affinity_mask")],
    );
    out.structure::<InfoJob>(
        "ZX_INFO_JOB",
        &[
            ("exited", "bool exited"),
            ("kill_on_oom", "bool kill_on_oom"),
            ("debugger_attached", "bool debugger_attached"),
            ("padding", "uint8_t padding1[5]"),
        ],
    );
    let lines: Vec<String> = [
        ("ZX_TASK_RETCODE_SYSCALL_KILL", task_retcode::SYSCALL_KILL),
        ("ZX_TASK_RETCODE_OOM_KILL", task_retcode::OOM_KILL),
        ("ZX_TASK_RETCODE_POLICY_KILL", task_retcode::POLICY_KILL),
        ("ZX_TASK_RETCODE_VDSO_KILL", task_retcode::VDSO_KILL),
        ("ZX_TASK_RETCODE_EXCEPTION_KILL", task_retcode::EXCEPTION_KILL),
        ("ZX_TASK_RETCODE_CRITICAL_PROCESS_KILL", task_retcode::CRITICAL_PROCESS_KILL),
    ]
    .map(|(name, value)| format!("#define {name} ({value}l)"))
    .to_vec();
    out.lines(&format!(
        "/* The return code of a process that did not end by itself. */\n{}",
        lines.join("\n")
    ));
}

fn memory(out: &mut Writer) {
    out.structure::<InfoBti>("ZX_INFO_BTI", &[]);
    out.structure::<InfoVmar>("ZX_INFO_VMAR", &[("base", "uintptr_t base"), ("len", "size_t len")]);
    out.values(
        "Flags of a VMO.",
        "uint32_t",
        &wide([
            ("ZX_INFO_VMO_TYPE_PHYSICAL", 0),
            ("ZX_INFO_VMO_TYPE_PAGED", vmo_flags::TYPE_PAGED),
            ("ZX_INFO_VMO_RESIZABLE", vmo_flags::RESIZABLE),
            ("ZX_INFO_VMO_IS_COW_CLONE", vmo_flags::IS_COW_CLONE),
            ("ZX_INFO_VMO_VIA_HANDLE", vmo_flags::VIA_HANDLE),
            ("ZX_INFO_VMO_VIA_MAPPING", vmo_flags::VIA_MAPPING),
            ("ZX_INFO_VMO_PAGER_BACKED", vmo_flags::PAGER_BACKED),
            ("ZX_INFO_VMO_CONTIGUOUS", vmo_flags::CONTIGUOUS),
            ("ZX_INFO_VMO_DISCARDABLE", vmo_flags::DISCARDABLE),
            ("ZX_INFO_VMO_IMMUTABLE", vmo_flags::IMMUTABLE),
            ("ZX_INFO_VMO_VIA_IOB_HANDLE", vmo_flags::VIA_IOB_HANDLE),
        ]),
    );
    out.lines("#define ZX_INFO_VMO_TYPE(flags) ((flags) & ZX_INFO_VMO_TYPE_PAGED)");
    out.structure::<InfoVmo>(
        "ZX_INFO_VMO",
        &[
            KOID,
            NAME,
            ("parent_koid", "zx_koid_t parent_koid"),
            ("num_children", "size_t num_children"),
            ("num_mappings", "size_t num_mappings"),
            ("share_count", "size_t share_count"),
            ("padding1", "uint8_t padding1[4]"),
            ("handle_rights", "zx_rights_t handle_rights"),
        ],
    );
}

/// The records of maps, in which C has the mapping's part as a union with one member.
fn maps(out: &mut Writer) {
    out.values(
        "What a record of a map is about.",
        "zx_info_maps_type_t",
        &wide([
            ("ZX_INFO_MAPS_TYPE_NONE", 0),
            ("ZX_INFO_MAPS_TYPE_ASPACE", maps_type::ASPACE),
            ("ZX_INFO_MAPS_TYPE_VMAR", maps_type::VMAR),
            ("ZX_INFO_MAPS_TYPE_MAPPING", maps_type::MAPPING),
        ]),
    );
    map::<InfoMaps>(out, "ZX_INFO_PROCESS_MAPS, ZX_INFO_VMAR_MAPS", "zx_info_maps");
    map::<InfoMapsV2>(
        out,
        "ZX_INFO_PROCESS_MAPS_V2; ZX_INFO_PROCESS_MAPS_V1 ends before populated_pages",
        "zx_info_maps_v2",
    );
    out.structure::<InfoTaskStats>("ZX_INFO_TASK_STATS; V1 ends before the last field", &[]);
    out.structure::<InfoKmemStats>("ZX_INFO_KMEM_STATS", &[]);
    out.structure::<InfoKmemStatsV1>("ZX_INFO_KMEM_STATS_V1", &[]);
}

fn map<T: AbiStruct>(out: &mut Writer, comment: &str, name: &str) {
    const HEAD: [(&str, &str); 6] = [
        ("name", "char name[ZX_MAX_NAME_LEN]"),
        ("base", "zx_vaddr_t base"),
        ("size", "size_t size"),
        ("depth", "size_t depth"),
        ("type", "zx_info_maps_type_t type"),
        ("padding1", "uint8_t padding1[4]"),
    ];
    let (prefix, version) = name.split_at("zx_info_maps".len());
    let mapping = format!("{prefix}_mapping{version}");
    let (head, inner) = T::FIELDS.split_at(HEAD.len());
    let declare = |field: &abi::Field| match field.name {
        "mmu_flags" => "zx_vm_option_t mmu_flags".to_owned(),
        "padding2" => "uint8_t padding1[4]".to_owned(),
        "vmo_koid" => "zx_koid_t vmo_koid".to_owned(),
        other => format!("{} {other}", field.c_type),
    };
    let inside: Vec<String> = inner.iter().map(|field| format!("  {};", declare(field))).collect();
    let outside: Vec<String> = HEAD.iter().map(|(_, declaration)| format!("  {declaration};")).collect();
    out.lines(&format!(
        "/* {comment} */\ntypedef struct {mapping} {{\n{}\n}} {mapping}_t;\n\ntypedef struct {name} {{\n{}\n  \
         union {{\n    {mapping}_t mapping;\n  }} u;\n}} {name}_t;",
        inside.join("\n"),
        outside.join("\n")
    ));
    let mut places: Vec<(String, usize)> =
        HEAD.iter().zip(head).map(|((name, _), field)| ((*name).to_owned(), field.offset)).collect();
    places.extend(inner.iter().map(|field| {
        let name = if field.name == "padding2" { "padding1" } else { field.name };
        (format!("u.mapping.{name}"), field.offset)
    }));
    out.asserts(&format!("{name}_t"), T::SIZE, 8, &places);
}

fn resource() -> Header {
    let mut out =
        Writer::new("syscalls/resource.h", "Resources: kinds, flags and kernel services.", &["stdint.h"]);
    out.lines("typedef uint32_t zx_rsrc_kind_t;\ntypedef uint32_t zx_rsrc_flags_t;\ntypedef uint64_t zx_rsrc_system_base_t;");
    let kinds = [
        ("ZX_RSRC_KIND_MMIO", Kind::Mmio),
        ("ZX_RSRC_KIND_IRQ", Kind::Irq),
        ("ZX_RSRC_KIND_IOPORT", Kind::Ioport),
        ("ZX_RSRC_KIND_SMC", Kind::Smc),
        ("ZX_RSRC_KIND_SYSTEM", Kind::System),
    ];
    let mut kinds: Vec<(&str, u64)> = kinds.iter().map(|(name, kind)| (*name, *kind as u64)).collect();
    kinds.push(("ZX_RSRC_KIND_COUNT", Kind::System as u64 + 1));
    out.values("What a resource grants.", "zx_rsrc_kind_t", &kinds);
    out.values("Flags.", "zx_rsrc_flags_t", &[("ZX_RSRC_FLAG_EXCLUSIVE", resource::FLAG_EXCLUSIVE.into())]);
    out.values(
        "Every flag that there is.",
        "zx_rsrc_flags_t",
        &[("ZX_RSRC_FLAGS_MASK", resource::FLAG_EXCLUSIVE.into())],
    );
    out.lines(&format!(
        "/* Where both are in the options of zx_resource_create. */\n\
         #define ZX_RSRC_EXTRACT_KIND(options) ((options) & {:#x}u)\n\
         #define ZX_RSRC_EXTRACT_FLAGS(options) ((options) & {:#x}u)",
        resource::KIND_MASK,
        resource::FLAG_MASK,
    ));
    out.values(
        "The units of ZX_RSRC_KIND_SYSTEM, each one wide.",
        "zx_rsrc_system_base_t",
        &[
            ("ZX_RSRC_SYSTEM_HYPERVISOR_BASE", system::HYPERVISOR),
            ("ZX_RSRC_SYSTEM_VMEX_BASE", system::VMEX),
            ("ZX_RSRC_SYSTEM_DEBUG_BASE", system::DEBUG),
            ("ZX_RSRC_SYSTEM_INFO_BASE", system::INFO),
            ("ZX_RSRC_SYSTEM_CPU_BASE", system::CPU),
            ("ZX_RSRC_SYSTEM_POWER_BASE", system::POWER),
            ("ZX_RSRC_SYSTEM_MEXEC_BASE", system::MEXEC),
            ("ZX_RSRC_SYSTEM_ENERGY_INFO_BASE", system::ENERGY_INFO),
            ("ZX_RSRC_SYSTEM_IOMMU_BASE", system::IOMMU),
            ("ZX_RSRC_SYSTEM_PROFILE_BASE", system::PROFILE),
            ("ZX_RSRC_SYSTEM_MSI_BASE", system::MSI),
            ("ZX_RSRC_SYSTEM_DEBUGLOG_BASE", system::DEBUGLOG),
            ("ZX_RSRC_SYSTEM_STALL_BASE", system::STALL),
            ("ZX_RSRC_SYSTEM_TRACING_BASE", system::TRACING),
            ("ZX_RSRC_SYSTEM_SAMPLING_BASE", system::SAMPLING),
            ("ZX_RSRC_SYSTEM_COUNT", system::COUNT),
        ],
    );
    out.end()
}

/// The packet by hand: its payload is a union.
const PACKET: &str = "\
/* What zx_port_queue carries. */
typedef union zx_packet_user {
  uint64_t u64[4];
  uint32_t u32[8];
  uint16_t u16[16];
  uint8_t c8[32];
} zx_packet_user_t;

/* ZX_PKT_TYPE_INTERRUPT */
typedef struct zx_packet_interrupt {
  zx_instant_boot_t timestamp;
  uint64_t reserved0;
  uint64_t reserved1;
  uint64_t reserved2;
} zx_packet_interrupt_t;

/* What comes out of a port. */
typedef struct zx_port_packet {
  uint64_t key;
  zx_packet_type_t type;
  zx_status_t status;
  union {
    zx_packet_user_t user;
    zx_packet_signal_t signal;
    zx_packet_interrupt_t interrupt;
  };
} zx_port_packet_t;";

fn port() -> Header {
    let mut out = Writer::new("syscalls/port.h", "Ports.", &["zircon/types.h"]);
    out.lines("typedef uint32_t zx_packet_type_t;");
    out.values(
        "Options of zx_port_create.",
        "uint32_t",
        &wide([("ZX_PORT_BIND_TO_INTERRUPT", BIND_TO_INTERRUPT)]),
    );
    out.values(
        "What a packet is about.",
        "zx_packet_type_t",
        &wide([("ZX_PKT_TYPE_USER", packet_type::USER), ("ZX_PKT_TYPE_SIGNAL_ONE", packet_type::SIGNAL_ONE)]),
    );
    out.values("Packets that do not come yet.", "zx_packet_type_t", unbuilt::packet_type::ALL);
    out.lines(
        "#define ZX_PKT_IS_USER(type) ((type) == ZX_PKT_TYPE_USER)\n\
         #define ZX_PKT_IS_SIGNAL_ONE(type) ((type) == ZX_PKT_TYPE_SIGNAL_ONE)\n\
         #define ZX_PKT_IS_INTERRUPT(type) ((type) == ZX_PKT_TYPE_INTERRUPT)\n\
         #define ZX_PKT_IS_PAGE_REQUEST(type) ((type) == ZX_PKT_TYPE_PAGE_REQUEST)\n\n__BEGIN_CDECLS",
    );
    out.structure::<PacketSignal>(
        "ZX_PKT_TYPE_SIGNAL_ONE",
        &[
            ("trigger", "zx_signals_t trigger"),
            ("observed", "zx_signals_t observed"),
            ("timestamp", "zx_time_t timestamp"),
            ("reserved", "uint64_t reserved1"),
        ],
    );
    out.lines(PACKET);
    let places = PortPacket::FIELDS.iter().flat_map(|field| {
        let names: &[&str] = match field.name {
            "packet_type" => &["type"],
            "payload" => &["user", "signal", "interrupt"],
            name => &[name][..],
        };
        names.iter().map(|name| ((*name).to_owned(), field.offset)).collect::<Vec<_>>()
    });
    let places: Vec<(String, usize)> = places.collect();
    out.asserts(PortPacket::C_NAME, PortPacket::SIZE, align_of::<PortPacket>(), &places);
    out.lines("__END_CDECLS");
    out.end()
}

fn policy() -> Header {
    let mut out = Writer::new("syscalls/policy.h", "Job policies.", &["zircon/types.h"]);
    out.values(
        "Topics of zx_job_set_policy, and what contradicting an ancestor's policy means.",
        "uint32_t",
        &wide([
            ("ZX_JOB_POL_BASIC_V1", topic::BASIC_V1),
            ("ZX_JOB_POL_BASIC_V2", topic::BASIC_V2),
            ("ZX_JOB_POL_TIMER_SLACK", topic::TIMER_SLACK),
            ("ZX_JOB_POL_RELATIVE", policy::RELATIVE),
            ("ZX_JOB_POL_ABSOLUTE", policy::ABSOLUTE),
        ]),
    );
    let conditions = [
        ("ZX_POL_BAD_HANDLE", Condition::BadHandle),
        ("ZX_POL_WRONG_OBJECT", Condition::WrongObject),
        ("ZX_POL_VMAR_WX", Condition::VmarWx),
        ("ZX_POL_NEW_ANY", Condition::NewAny),
        ("ZX_POL_NEW_VMO", Condition::NewVmo),
        ("ZX_POL_NEW_CHANNEL", Condition::NewChannel),
        ("ZX_POL_NEW_EVENT", Condition::NewEvent),
        ("ZX_POL_NEW_EVENTPAIR", Condition::NewEventpair),
        ("ZX_POL_NEW_PORT", Condition::NewPort),
        ("ZX_POL_NEW_SOCKET", Condition::NewSocket),
        ("ZX_POL_NEW_FIFO", Condition::NewFifo),
        ("ZX_POL_NEW_TIMER", Condition::NewTimer),
        ("ZX_POL_NEW_PROCESS", Condition::NewProcess),
        ("ZX_POL_NEW_PROFILE", Condition::NewProfile),
        ("ZX_POL_NEW_PAGER", Condition::NewPager),
        ("ZX_POL_AMBIENT_MARK_VMO_EXEC", Condition::AmbientMarkVmoExec),
        ("ZX_POL_NEW_IOB", Condition::NewIob),
        ("ZX_POL_NEW_SAMPLER", Condition::NewSampler),
    ];
    out.values(
        "What a policy is about.",
        "uint32_t",
        &conditions.map(|(name, condition)| (name, condition as u64)),
    );
    out.values("How many those are.", "uint32_t", &[("ZX_POL_MAX", policy::CONDITIONS as u64)]);
    let actions = [
        ("ZX_POL_ACTION_ALLOW", Action::Allow),
        ("ZX_POL_ACTION_DENY", Action::Deny),
        ("ZX_POL_ACTION_ALLOW_EXCEPTION", Action::AllowException),
        ("ZX_POL_ACTION_DENY_EXCEPTION", Action::DenyException),
        ("ZX_POL_ACTION_KILL", Action::Kill),
    ];
    out.values("What happens then.", "uint32_t", &actions.map(|(name, action)| (name, action as u64)));
    let overrides =
        [("ZX_POL_OVERRIDE_ALLOW", policy::OVERRIDE_ALLOW), ("ZX_POL_OVERRIDE_DENY", policy::OVERRIDE_DENY)];
    out.values("Whether a child job may set it otherwise.", "uint32_t", &wide(overrides));
    out.lines("__BEGIN_CDECLS");
    out.structure::<PolicyBasicV1>("One policy of ZX_JOB_POL_BASIC_V1.", &[("action", "uint32_t policy")]);
    out.structure::<PolicyBasicV2>("One policy of ZX_JOB_POL_BASIC_V2.", &[]);
    out.structure::<PolicyTimerSlack>(
        "The policy of ZX_JOB_POL_TIMER_SLACK.",
        &[("min_slack", "zx_duration_t min_slack")],
    );
    out.lines(
        "typedef zx_policy_basic_v1_t zx_policy_basic;\ntypedef zx_policy_basic_v1_t zx_policy_basic_t;\n\
         #define ZX_JOB_POL_BASIC ZX_JOB_POL_BASIC_V1\n\n__END_CDECLS",
    );
    out.end()
}

fn iommu() -> Header {
    let mut out = Writer::new("syscalls/iommu.h", "IOMMUs.", &["stdint.h"]);
    out.values(
        "Kinds. Only the first is built: devices reach memory by physical addresses.",
        "uint32_t",
        &wide([
            ("ZX_IOMMU_TYPE_STUB", kinds::STUB),
            ("ZX_IOMMU_TYPE_DUMMY", kinds::STUB),
            ("ZX_IOMMU_TYPE_INTEL", kinds::INTEL),
            ("ZX_IOMMU_TYPE_ARM_SMMU", kinds::ARM_SMMU),
        ]),
    );
    out.lines(
        "/* What zx_iommu_create takes for it: nothing is read of it. */\n\
         typedef struct zx_iommu_desc_stub {\n  uint8_t reserved;\n} zx_iommu_desc_stub_t;\n\
         typedef struct zx_iommu_desc_dummy {\n  uint8_t reserved;\n} zx_iommu_desc_dummy_t;",
    );
    out.end()
}

const REGISTERS: &str = "\
/* X0 to X29, and the others of AArch64. */
typedef struct zx_arm64_general_regs {
  uint64_t r[30];
  uint64_t lr;
  uint64_t sp;
  uint64_t pc;
  uint64_t cpsr;
  uint64_t tpidr;
} zx_thread_state_general_regs_t;";

fn debug() -> Header {
    let mut out = Writer::new("syscalls/debug.h", "A thread's registers.", &["zircon/types.h"]);
    out.lines("typedef uint32_t zx_thread_state_topic_t;");
    out.values(
        "Kinds of zx_thread_read_state.",
        "zx_thread_state_topic_t",
        &[
            ("ZX_THREAD_STATE_GENERAL_REGS", 0),
            ("ZX_THREAD_STATE_FP_REGS", 1),
            ("ZX_THREAD_STATE_VECTOR_REGS", 2),
            ("ZX_THREAD_STATE_DEBUG_REGS", 4),
            ("ZX_THREAD_STATE_SINGLE_STEP", 5),
        ],
    );
    out.lines(REGISTERS);
    let places = [
        ("r", std::mem::offset_of!(GeneralRegs, r)),
        ("lr", std::mem::offset_of!(GeneralRegs, lr)),
        ("sp", std::mem::offset_of!(GeneralRegs, sp)),
        ("pc", std::mem::offset_of!(GeneralRegs, pc)),
        ("cpsr", std::mem::offset_of!(GeneralRegs, cpsr)),
        ("tpidr", std::mem::offset_of!(GeneralRegs, tpidr)),
    ]
    .map(|(name, offset)| (name.to_owned(), offset));
    out.asserts(
        "zx_thread_state_general_regs_t",
        size_of::<GeneralRegs>(),
        align_of::<GeneralRegs>(),
        &places,
    );
    out.end()
}

fn log() -> Header {
    let mut out = Writer::new("syscalls/log.h", "The log.", &["stdint.h", "zircon/types.h"]);
    out.values("A longer record is cut.", "", &[("ZX_LOG_RECORD_DATA_MAX", abi::log::MAX_PAYLOAD as u64)]);
    out.values(
        "Options of zx_debuglog_create.",
        "uint32_t",
        &[("ZX_LOG_FLAG_READABLE", abi::log::READABLE.into())],
    );
    out.values(
        "The longest record that is read, its head included.",
        "",
        &[("ZX_LOG_RECORD_MAX", abi::log::MAX_RECORD as u64)],
    );
    out.lines("__BEGIN_CDECLS");
    out.structure::<abi::log::LogRecord>("The head of a record that was read. Its text follows.", &[]);
    out.lines("__END_CDECLS");
    out.end()
}

fn smc() -> Header {
    let mut out = Writer::new("syscalls/smc.h", "Secure monitor calls.", &["zircon/types.h"]);
    out.lines("__BEGIN_CDECLS");
    out.structure::<smc::Parameters>("The registers of a call.", &[]);
    out.structure::<smc::Outcome>("What they held afterwards.", &[]);
    out.lines("__END_CDECLS");
    out.end()
}
