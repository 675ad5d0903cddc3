/* What can be asked about objects: topics, properties and their records.
 *
 * Written from kernel/abi by `JACINTH_BLESS=1 cargo test -p xtask bindings`, never by hand. */
#ifndef ZIRCON_SYSCALLS_OBJECT_H_
#define ZIRCON_SYSCALLS_OBJECT_H_

#include <zircon/types.h>
#include <zircon/syscalls/resource.h>

typedef uint32_t zx_object_info_topic_t;
typedef uint32_t zx_info_maps_type_t;
typedef uint32_t zx_info_process_flags_t;
typedef uint32_t zx_thread_state_t;

/* Topics of zx_object_get_info: a number, and a version in the top four bits. */
#define ZX_INFO_HANDLE_VALID         1u
#define ZX_INFO_HANDLE_BASIC         2u
#define ZX_INFO_PROCESS              0x10000003u
#define ZX_INFO_PROCESS_THREADS      4u
#define ZX_INFO_VMAR                 7u
#define ZX_INFO_JOB_CHILDREN         8u
#define ZX_INFO_JOB_PROCESSES        9u
#define ZX_INFO_THREAD               0xau
#define ZX_INFO_TASK_STATS           0x1000000cu
#define ZX_INFO_TASK_STATS_V1        0xcu
#define ZX_INFO_PROCESS_MAPS         0x2000000du
#define ZX_INFO_PROCESS_MAPS_V1      0xdu
#define ZX_INFO_PROCESS_MAPS_V2      0x1000000du
#define ZX_INFO_PROCESS_VMOS         0x3000000eu
#define ZX_INFO_PROCESS_VMOS_V1      0xeu
#define ZX_INFO_PROCESS_VMOS_V2      0x1000000eu
#define ZX_INFO_PROCESS_VMOS_V3      0x2000000eu
#define ZX_INFO_KMEM_STATS           0x10000011u
#define ZX_INFO_KMEM_STATS_V1        0x11u
#define ZX_INFO_RESOURCE             0x12u
#define ZX_INFO_HANDLE_COUNT         0x13u
#define ZX_INFO_BTI                  0x14u
#define ZX_INFO_PROCESS_HANDLE_STATS 0x15u
#define ZX_INFO_JOB                  0x18u
#define ZX_INFO_HANDLE_TABLE         0x1bu
#define ZX_INFO_VMAR_MAPS            0x24u
#define ZX_INFO_VMO                  0x30000017u
#define ZX_INFO_VMO_V1               0x17u
#define ZX_INFO_VMO_V2               0x10000017u
#define ZX_INFO_VMO_V3               0x20000017u

/* Topics that are not built: the kernel answers ZX_ERR_NOT_SUPPORTED. */
#define ZX_INFO_NONE                       0u
#define ZX_INFO_THREAD_EXCEPTION_REPORT    0x1000000bu
#define ZX_INFO_THREAD_EXCEPTION_REPORT_V1 0xbu
#define ZX_INFO_THREAD_STATS               0xfu
#define ZX_INFO_CPU_STATS                  0x10u
#define ZX_INFO_SOCKET                     0x16u
#define ZX_INFO_TIMER                      0x19u
#define ZX_INFO_STREAM                     0x1au
#define ZX_INFO_MSI                        0x1cu
#define ZX_INFO_GUEST_STATS                0x1du
#define ZX_INFO_TASK_RUNTIME               0x1000001eu
#define ZX_INFO_TASK_RUNTIME_V1            0x1eu
#define ZX_INFO_KMEM_STATS_EXTENDED        0x1fu
#define ZX_INFO_VCPU                       0x20u
#define ZX_INFO_KMEM_STATS_COMPRESSION     0x21u
#define ZX_INFO_IOB                        0x22u
#define ZX_INFO_IOB_REGIONS                0x23u
#define ZX_INFO_POWER_DOMAINS              0x25u
#define ZX_INFO_MEMORY_STALL               0x26u
#define ZX_INFO_INTERRUPT                  0x27u
#define ZX_INFO_CLOCK_MAPPED_SIZE          0x28u

/* Properties. */
#define ZX_PROP_NAME                      3u
#define ZX_PROP_PROCESS_DEBUG_ADDR        5u
#define ZX_PROP_PROCESS_VDSO_BASE_ADDRESS 6u
#define ZX_PROP_VMO_CONTENT_SIZE          0x11u

/* Properties that are not built. */
#define ZX_PROP_PROCESS_BREAK_ON_LOAD       7u
#define ZX_PROP_PROCESS_HW_TRACE_CONTEXT_ID 8u
#define ZX_PROP_SOCKET_RX_THRESHOLD         0xcu
#define ZX_PROP_SOCKET_TX_THRESHOLD         0xdu
#define ZX_PROP_JOB_KILL_ON_OOM             0xfu
#define ZX_PROP_EXCEPTION_STATE             0x10u
#define ZX_PROP_EXCEPTION_STRATEGY          0x12u
#define ZX_PROP_STREAM_MODE_APPEND          0x13u

/* Values of ZX_PROP_EXCEPTION_STATE. */
#define ZX_EXCEPTION_STATE_TRY_NEXT    0u
#define ZX_EXCEPTION_STATE_HANDLED     1u
#define ZX_EXCEPTION_STATE_THREAD_EXIT 2u

/* Values of ZX_PROP_EXCEPTION_STRATEGY. */
#define ZX_EXCEPTION_STRATEGY_FIRST_CHANCE  0u
#define ZX_EXCEPTION_STRATEGY_SECOND_CHANCE 1u

__BEGIN_CDECLS

/* ZX_INFO_HANDLE_BASIC */
typedef struct zx_info_handle_basic {
  zx_koid_t koid;
  zx_rights_t rights;
  zx_obj_type_t type;
  zx_koid_t related_koid;
  uint32_t reserved;
  uint8_t padding1[4];
} zx_info_handle_basic_t;
ZX_LAYOUT_SIZE(zx_info_handle_basic_t, 32, 8);
ZX_LAYOUT_FIELD(zx_info_handle_basic_t, koid, 0);
ZX_LAYOUT_FIELD(zx_info_handle_basic_t, rights, 8);
ZX_LAYOUT_FIELD(zx_info_handle_basic_t, type, 12);
ZX_LAYOUT_FIELD(zx_info_handle_basic_t, related_koid, 16);
ZX_LAYOUT_FIELD(zx_info_handle_basic_t, reserved, 24);
ZX_LAYOUT_FIELD(zx_info_handle_basic_t, padding1, 28);

/* ZX_INFO_HANDLE_COUNT */
typedef struct zx_info_handle_count {
  uint32_t handle_count;
} zx_info_handle_count_t;
ZX_LAYOUT_SIZE(zx_info_handle_count_t, 4, 4);
ZX_LAYOUT_FIELD(zx_info_handle_count_t, handle_count, 0);

/* ZX_INFO_RESOURCE */
typedef struct zx_info_resource {
  zx_rsrc_kind_t kind;
  uint32_t flags;
  uint64_t base;
  size_t size;
  char name[ZX_MAX_NAME_LEN];
} zx_info_resource_t;
ZX_LAYOUT_SIZE(zx_info_resource_t, 56, 8);
ZX_LAYOUT_FIELD(zx_info_resource_t, kind, 0);
ZX_LAYOUT_FIELD(zx_info_resource_t, flags, 4);
ZX_LAYOUT_FIELD(zx_info_resource_t, base, 8);
ZX_LAYOUT_FIELD(zx_info_resource_t, size, 16);
ZX_LAYOUT_FIELD(zx_info_resource_t, name, 24);

/* ZX_INFO_HANDLE_TABLE */
typedef struct zx_info_handle_extended {
  zx_obj_type_t type;
  zx_handle_t handle_value;
  zx_rights_t rights;
  uint32_t reserved;
  zx_koid_t koid;
  zx_koid_t related_koid;
  zx_koid_t peer_owner_koid;
} zx_info_handle_extended_t;
ZX_LAYOUT_SIZE(zx_info_handle_extended_t, 40, 8);
ZX_LAYOUT_FIELD(zx_info_handle_extended_t, type, 0);
ZX_LAYOUT_FIELD(zx_info_handle_extended_t, handle_value, 4);
ZX_LAYOUT_FIELD(zx_info_handle_extended_t, rights, 8);
ZX_LAYOUT_FIELD(zx_info_handle_extended_t, reserved, 12);
ZX_LAYOUT_FIELD(zx_info_handle_extended_t, koid, 16);
ZX_LAYOUT_FIELD(zx_info_handle_extended_t, related_koid, 24);
ZX_LAYOUT_FIELD(zx_info_handle_extended_t, peer_owner_koid, 32);

/* ZX_INFO_PROCESS_HANDLE_STATS, by zx_obj_type_t */
typedef struct zx_info_process_handle_stats {
  uint32_t handle_count[ZX_OBJ_TYPE_UPPER_BOUND];
} zx_info_process_handle_stats_t;
ZX_LAYOUT_SIZE(zx_info_process_handle_stats_t, 256, 4);
ZX_LAYOUT_FIELD(zx_info_process_handle_stats_t, handle_count, 0);

/* Flags of a process. */
#define ZX_INFO_PROCESS_FLAG_STARTED           1u
#define ZX_INFO_PROCESS_FLAG_EXITED            2u
#define ZX_INFO_PROCESS_FLAG_DEBUGGER_ATTACHED 4u

/* ZX_INFO_PROCESS */
typedef struct zx_info_process {
  int64_t return_code;
  zx_instant_mono_t start_time;
  zx_info_process_flags_t flags;
  uint8_t padding1[4];
} zx_info_process_t;
ZX_LAYOUT_SIZE(zx_info_process_t, 24, 8);
ZX_LAYOUT_FIELD(zx_info_process_t, return_code, 0);
ZX_LAYOUT_FIELD(zx_info_process_t, start_time, 8);
ZX_LAYOUT_FIELD(zx_info_process_t, flags, 16);
ZX_LAYOUT_FIELD(zx_info_process_t, padding1, 20);

/* What a thread does. */
#define ZX_THREAD_STATE_NEW               0u
#define ZX_THREAD_STATE_RUNNING           1u
#define ZX_THREAD_STATE_SUSPENDED         2u
#define ZX_THREAD_STATE_BLOCKED           3u
#define ZX_THREAD_STATE_DYING             4u
#define ZX_THREAD_STATE_DEAD              5u
#define ZX_THREAD_STATE_BLOCKED_EXCEPTION 0x103u
#define ZX_THREAD_STATE_BLOCKED_SLEEPING  0x203u
#define ZX_THREAD_STATE_BLOCKED_FUTEX     0x303u
#define ZX_THREAD_STATE_BLOCKED_PORT      0x403u
#define ZX_THREAD_STATE_BLOCKED_CHANNEL   0x503u
#define ZX_THREAD_STATE_BLOCKED_WAIT_ONE  0x603u
#define ZX_THREAD_STATE_BLOCKED_WAIT_MANY 0x703u
#define ZX_THREAD_STATE_BLOCKED_INTERRUPT 0x803u
#define ZX_THREAD_STATE_BLOCKED_PAGER     0x903u

#define ZX_THREAD_STATE_BASIC(state) ((state) & 0xffu)

/* ZX_INFO_THREAD */
typedef struct zx_info_thread {
  zx_thread_state_t state;
  uint32_t wait_exception_channel_type;
  zx_cpu_set_t cpu_affinity_mask;
} zx_info_thread_t;
ZX_LAYOUT_SIZE(zx_info_thread_t, 72, 8);
ZX_LAYOUT_FIELD(zx_info_thread_t, state, 0);
ZX_LAYOUT_FIELD(zx_info_thread_t, wait_exception_channel_type, 4);
ZX_LAYOUT_FIELD(zx_info_thread_t, cpu_affinity_mask, 8);

/* ZX_INFO_JOB */
typedef struct zx_info_job {
  int64_t return_code;
  bool exited;
  bool kill_on_oom;
  bool debugger_attached;
  uint8_t padding1[5];
} zx_info_job_t;
ZX_LAYOUT_SIZE(zx_info_job_t, 16, 8);
ZX_LAYOUT_FIELD(zx_info_job_t, return_code, 0);
ZX_LAYOUT_FIELD(zx_info_job_t, exited, 8);
ZX_LAYOUT_FIELD(zx_info_job_t, kill_on_oom, 9);
ZX_LAYOUT_FIELD(zx_info_job_t, debugger_attached, 10);
ZX_LAYOUT_FIELD(zx_info_job_t, padding1, 11);

/* The return code of a process that did not end by itself. */
#define ZX_TASK_RETCODE_SYSCALL_KILL (-1024l)
#define ZX_TASK_RETCODE_OOM_KILL (-1025l)
#define ZX_TASK_RETCODE_POLICY_KILL (-1026l)
#define ZX_TASK_RETCODE_VDSO_KILL (-1027l)
#define ZX_TASK_RETCODE_EXCEPTION_KILL (-1028l)
#define ZX_TASK_RETCODE_CRITICAL_PROCESS_KILL (-1029l)

/* ZX_INFO_BTI */
typedef struct zx_info_bti {
  uint64_t minimum_contiguity;
  uint64_t aspace_size;
  uint64_t pmo_count;
  uint64_t quarantine_count;
} zx_info_bti_t;
ZX_LAYOUT_SIZE(zx_info_bti_t, 32, 8);
ZX_LAYOUT_FIELD(zx_info_bti_t, minimum_contiguity, 0);
ZX_LAYOUT_FIELD(zx_info_bti_t, aspace_size, 8);
ZX_LAYOUT_FIELD(zx_info_bti_t, pmo_count, 16);
ZX_LAYOUT_FIELD(zx_info_bti_t, quarantine_count, 24);

/* ZX_INFO_VMAR */
typedef struct zx_info_vmar {
  uintptr_t base;
  size_t len;
} zx_info_vmar_t;
ZX_LAYOUT_SIZE(zx_info_vmar_t, 16, 8);
ZX_LAYOUT_FIELD(zx_info_vmar_t, base, 0);
ZX_LAYOUT_FIELD(zx_info_vmar_t, len, 8);

/* Flags of a VMO. */
#define ZX_INFO_VMO_TYPE_PHYSICAL  0u
#define ZX_INFO_VMO_TYPE_PAGED     1u
#define ZX_INFO_VMO_RESIZABLE      2u
#define ZX_INFO_VMO_IS_COW_CLONE   4u
#define ZX_INFO_VMO_VIA_HANDLE     8u
#define ZX_INFO_VMO_VIA_MAPPING    0x10u
#define ZX_INFO_VMO_PAGER_BACKED   0x20u
#define ZX_INFO_VMO_CONTIGUOUS     0x40u
#define ZX_INFO_VMO_DISCARDABLE    0x80u
#define ZX_INFO_VMO_IMMUTABLE      0x100u
#define ZX_INFO_VMO_VIA_IOB_HANDLE 0x200u

#define ZX_INFO_VMO_TYPE(flags) ((flags) & ZX_INFO_VMO_TYPE_PAGED)

/* ZX_INFO_VMO */
typedef struct zx_info_vmo {
  zx_koid_t koid;
  char name[ZX_MAX_NAME_LEN];
  uint64_t size_bytes;
  zx_koid_t parent_koid;
  size_t num_children;
  size_t num_mappings;
  size_t share_count;
  uint32_t flags;
  uint8_t padding1[4];
  uint64_t committed_bytes;
  zx_rights_t handle_rights;
  uint32_t cache_policy;
  uint64_t metadata_bytes;
  uint64_t committed_change_events;
  uint64_t populated_bytes;
  uint64_t committed_private_bytes;
  uint64_t populated_private_bytes;
  uint64_t committed_scaled_bytes;
  uint64_t populated_scaled_bytes;
  uint64_t committed_fractional_scaled_bytes;
  uint64_t populated_fractional_scaled_bytes;
} zx_info_vmo_t;
ZX_LAYOUT_SIZE(zx_info_vmo_t, 176, 8);
ZX_LAYOUT_FIELD(zx_info_vmo_t, koid, 0);
ZX_LAYOUT_FIELD(zx_info_vmo_t, name, 8);
ZX_LAYOUT_FIELD(zx_info_vmo_t, size_bytes, 40);
ZX_LAYOUT_FIELD(zx_info_vmo_t, parent_koid, 48);
ZX_LAYOUT_FIELD(zx_info_vmo_t, num_children, 56);
ZX_LAYOUT_FIELD(zx_info_vmo_t, num_mappings, 64);
ZX_LAYOUT_FIELD(zx_info_vmo_t, share_count, 72);
ZX_LAYOUT_FIELD(zx_info_vmo_t, flags, 80);
ZX_LAYOUT_FIELD(zx_info_vmo_t, padding1, 84);
ZX_LAYOUT_FIELD(zx_info_vmo_t, committed_bytes, 88);
ZX_LAYOUT_FIELD(zx_info_vmo_t, handle_rights, 96);
ZX_LAYOUT_FIELD(zx_info_vmo_t, cache_policy, 100);
ZX_LAYOUT_FIELD(zx_info_vmo_t, metadata_bytes, 104);
ZX_LAYOUT_FIELD(zx_info_vmo_t, committed_change_events, 112);
ZX_LAYOUT_FIELD(zx_info_vmo_t, populated_bytes, 120);
ZX_LAYOUT_FIELD(zx_info_vmo_t, committed_private_bytes, 128);
ZX_LAYOUT_FIELD(zx_info_vmo_t, populated_private_bytes, 136);
ZX_LAYOUT_FIELD(zx_info_vmo_t, committed_scaled_bytes, 144);
ZX_LAYOUT_FIELD(zx_info_vmo_t, populated_scaled_bytes, 152);
ZX_LAYOUT_FIELD(zx_info_vmo_t, committed_fractional_scaled_bytes, 160);
ZX_LAYOUT_FIELD(zx_info_vmo_t, populated_fractional_scaled_bytes, 168);

/* What a record of a map is about. */
#define ZX_INFO_MAPS_TYPE_NONE    0u
#define ZX_INFO_MAPS_TYPE_ASPACE  1u
#define ZX_INFO_MAPS_TYPE_VMAR    2u
#define ZX_INFO_MAPS_TYPE_MAPPING 3u

/* ZX_INFO_PROCESS_MAPS, ZX_INFO_VMAR_MAPS */
typedef struct zx_info_maps_mapping {
  zx_vm_option_t mmu_flags;
  uint8_t padding1[4];
  zx_koid_t vmo_koid;
  uint64_t vmo_offset;
  uint64_t committed_bytes;
  uint64_t populated_bytes;
  uint64_t committed_private_bytes;
  uint64_t populated_private_bytes;
  uint64_t committed_scaled_bytes;
  uint64_t populated_scaled_bytes;
  uint64_t committed_fractional_scaled_bytes;
  uint64_t populated_fractional_scaled_bytes;
} zx_info_maps_mapping_t;

typedef struct zx_info_maps {
  char name[ZX_MAX_NAME_LEN];
  zx_vaddr_t base;
  size_t size;
  size_t depth;
  zx_info_maps_type_t type;
  uint8_t padding1[4];
  union {
    zx_info_maps_mapping_t mapping;
  } u;
} zx_info_maps_t;

ZX_LAYOUT_SIZE(zx_info_maps_t, 152, 8);
ZX_LAYOUT_FIELD(zx_info_maps_t, name, 0);
ZX_LAYOUT_FIELD(zx_info_maps_t, base, 32);
ZX_LAYOUT_FIELD(zx_info_maps_t, size, 40);
ZX_LAYOUT_FIELD(zx_info_maps_t, depth, 48);
ZX_LAYOUT_FIELD(zx_info_maps_t, type, 56);
ZX_LAYOUT_FIELD(zx_info_maps_t, padding1, 60);
ZX_LAYOUT_FIELD(zx_info_maps_t, u.mapping.mmu_flags, 64);
ZX_LAYOUT_FIELD(zx_info_maps_t, u.mapping.padding1, 68);
ZX_LAYOUT_FIELD(zx_info_maps_t, u.mapping.vmo_koid, 72);
ZX_LAYOUT_FIELD(zx_info_maps_t, u.mapping.vmo_offset, 80);
ZX_LAYOUT_FIELD(zx_info_maps_t, u.mapping.committed_bytes, 88);
ZX_LAYOUT_FIELD(zx_info_maps_t, u.mapping.populated_bytes, 96);
ZX_LAYOUT_FIELD(zx_info_maps_t, u.mapping.committed_private_bytes, 104);
ZX_LAYOUT_FIELD(zx_info_maps_t, u.mapping.populated_private_bytes, 112);
ZX_LAYOUT_FIELD(zx_info_maps_t, u.mapping.committed_scaled_bytes, 120);
ZX_LAYOUT_FIELD(zx_info_maps_t, u.mapping.populated_scaled_bytes, 128);
ZX_LAYOUT_FIELD(zx_info_maps_t, u.mapping.committed_fractional_scaled_bytes, 136);
ZX_LAYOUT_FIELD(zx_info_maps_t, u.mapping.populated_fractional_scaled_bytes, 144);

/* ZX_INFO_PROCESS_MAPS_V2; ZX_INFO_PROCESS_MAPS_V1 ends before populated_pages */
typedef struct zx_info_maps_mapping_v2 {
  zx_vm_option_t mmu_flags;
  uint8_t padding1[4];
  zx_koid_t vmo_koid;
  uint64_t vmo_offset;
  uint64_t committed_pages;
  uint64_t populated_pages;
} zx_info_maps_mapping_v2_t;

typedef struct zx_info_maps_v2 {
  char name[ZX_MAX_NAME_LEN];
  zx_vaddr_t base;
  size_t size;
  size_t depth;
  zx_info_maps_type_t type;
  uint8_t padding1[4];
  union {
    zx_info_maps_mapping_v2_t mapping;
  } u;
} zx_info_maps_v2_t;

ZX_LAYOUT_SIZE(zx_info_maps_v2_t, 104, 8);
ZX_LAYOUT_FIELD(zx_info_maps_v2_t, name, 0);
ZX_LAYOUT_FIELD(zx_info_maps_v2_t, base, 32);
ZX_LAYOUT_FIELD(zx_info_maps_v2_t, size, 40);
ZX_LAYOUT_FIELD(zx_info_maps_v2_t, depth, 48);
ZX_LAYOUT_FIELD(zx_info_maps_v2_t, type, 56);
ZX_LAYOUT_FIELD(zx_info_maps_v2_t, padding1, 60);
ZX_LAYOUT_FIELD(zx_info_maps_v2_t, u.mapping.mmu_flags, 64);
ZX_LAYOUT_FIELD(zx_info_maps_v2_t, u.mapping.padding1, 68);
ZX_LAYOUT_FIELD(zx_info_maps_v2_t, u.mapping.vmo_koid, 72);
ZX_LAYOUT_FIELD(zx_info_maps_v2_t, u.mapping.vmo_offset, 80);
ZX_LAYOUT_FIELD(zx_info_maps_v2_t, u.mapping.committed_pages, 88);
ZX_LAYOUT_FIELD(zx_info_maps_v2_t, u.mapping.populated_pages, 96);

/* ZX_INFO_TASK_STATS; V1 ends before the last field */
typedef struct zx_info_task_stats {
  uint64_t mem_mapped_bytes;
  uint64_t mem_private_bytes;
  uint64_t mem_shared_bytes;
  uint64_t mem_scaled_shared_bytes;
  uint64_t mem_fractional_scaled_shared_bytes;
} zx_info_task_stats_t;
ZX_LAYOUT_SIZE(zx_info_task_stats_t, 40, 8);
ZX_LAYOUT_FIELD(zx_info_task_stats_t, mem_mapped_bytes, 0);
ZX_LAYOUT_FIELD(zx_info_task_stats_t, mem_private_bytes, 8);
ZX_LAYOUT_FIELD(zx_info_task_stats_t, mem_shared_bytes, 16);
ZX_LAYOUT_FIELD(zx_info_task_stats_t, mem_scaled_shared_bytes, 24);
ZX_LAYOUT_FIELD(zx_info_task_stats_t, mem_fractional_scaled_shared_bytes, 32);

/* ZX_INFO_KMEM_STATS */
typedef struct zx_info_kmem_stats {
  uint64_t total_bytes;
  uint64_t free_bytes;
  uint64_t free_loaned_bytes;
  uint64_t wired_bytes;
  uint64_t total_heap_bytes;
  uint64_t free_heap_bytes;
  uint64_t vmo_bytes;
  uint64_t mmu_overhead_bytes;
  uint64_t ipc_bytes;
  uint64_t cache_bytes;
  uint64_t slab_bytes;
  uint64_t zram_bytes;
  uint64_t other_bytes;
  uint64_t vmo_reclaim_total_bytes;
  uint64_t vmo_reclaim_newest_bytes;
  uint64_t vmo_reclaim_oldest_bytes;
  uint64_t vmo_reclaim_disabled_bytes;
  uint64_t vmo_discardable_locked_bytes;
  uint64_t vmo_discardable_unlocked_bytes;
} zx_info_kmem_stats_t;
ZX_LAYOUT_SIZE(zx_info_kmem_stats_t, 152, 8);
ZX_LAYOUT_FIELD(zx_info_kmem_stats_t, total_bytes, 0);
ZX_LAYOUT_FIELD(zx_info_kmem_stats_t, free_bytes, 8);
ZX_LAYOUT_FIELD(zx_info_kmem_stats_t, free_loaned_bytes, 16);
ZX_LAYOUT_FIELD(zx_info_kmem_stats_t, wired_bytes, 24);
ZX_LAYOUT_FIELD(zx_info_kmem_stats_t, total_heap_bytes, 32);
ZX_LAYOUT_FIELD(zx_info_kmem_stats_t, free_heap_bytes, 40);
ZX_LAYOUT_FIELD(zx_info_kmem_stats_t, vmo_bytes, 48);
ZX_LAYOUT_FIELD(zx_info_kmem_stats_t, mmu_overhead_bytes, 56);
ZX_LAYOUT_FIELD(zx_info_kmem_stats_t, ipc_bytes, 64);
ZX_LAYOUT_FIELD(zx_info_kmem_stats_t, cache_bytes, 72);
ZX_LAYOUT_FIELD(zx_info_kmem_stats_t, slab_bytes, 80);
ZX_LAYOUT_FIELD(zx_info_kmem_stats_t, zram_bytes, 88);
ZX_LAYOUT_FIELD(zx_info_kmem_stats_t, other_bytes, 96);
ZX_LAYOUT_FIELD(zx_info_kmem_stats_t, vmo_reclaim_total_bytes, 104);
ZX_LAYOUT_FIELD(zx_info_kmem_stats_t, vmo_reclaim_newest_bytes, 112);
ZX_LAYOUT_FIELD(zx_info_kmem_stats_t, vmo_reclaim_oldest_bytes, 120);
ZX_LAYOUT_FIELD(zx_info_kmem_stats_t, vmo_reclaim_disabled_bytes, 128);
ZX_LAYOUT_FIELD(zx_info_kmem_stats_t, vmo_discardable_locked_bytes, 136);
ZX_LAYOUT_FIELD(zx_info_kmem_stats_t, vmo_discardable_unlocked_bytes, 144);

/* ZX_INFO_KMEM_STATS_V1 */
typedef struct zx_info_kmem_stats_v1 {
  uint64_t total_bytes;
  uint64_t free_bytes;
  uint64_t wired_bytes;
  uint64_t total_heap_bytes;
  uint64_t free_heap_bytes;
  uint64_t vmo_bytes;
  uint64_t mmu_overhead_bytes;
  uint64_t ipc_bytes;
  uint64_t other_bytes;
} zx_info_kmem_stats_v1_t;
ZX_LAYOUT_SIZE(zx_info_kmem_stats_v1_t, 72, 8);
ZX_LAYOUT_FIELD(zx_info_kmem_stats_v1_t, total_bytes, 0);
ZX_LAYOUT_FIELD(zx_info_kmem_stats_v1_t, free_bytes, 8);
ZX_LAYOUT_FIELD(zx_info_kmem_stats_v1_t, wired_bytes, 16);
ZX_LAYOUT_FIELD(zx_info_kmem_stats_v1_t, total_heap_bytes, 24);
ZX_LAYOUT_FIELD(zx_info_kmem_stats_v1_t, free_heap_bytes, 32);
ZX_LAYOUT_FIELD(zx_info_kmem_stats_v1_t, vmo_bytes, 40);
ZX_LAYOUT_FIELD(zx_info_kmem_stats_v1_t, mmu_overhead_bytes, 48);
ZX_LAYOUT_FIELD(zx_info_kmem_stats_v1_t, ipc_bytes, 56);
ZX_LAYOUT_FIELD(zx_info_kmem_stats_v1_t, other_bytes, 64);

/* ZX_INFO_THREAD_STATS */
typedef struct zx_info_thread_stats {
  zx_duration_mono_t total_runtime;
  uint32_t last_scheduled_cpu;
  uint8_t padding1[4];
} zx_info_thread_stats_t;
ZX_LAYOUT_SIZE(zx_info_thread_stats_t, 16, 8);
ZX_LAYOUT_FIELD(zx_info_thread_stats_t, total_runtime, 0);
ZX_LAYOUT_FIELD(zx_info_thread_stats_t, last_scheduled_cpu, 8);
ZX_LAYOUT_FIELD(zx_info_thread_stats_t, padding1, 12);

/* ZX_INFO_SOCKET */
typedef struct zx_info_socket {
  uint32_t options;
  uint8_t padding1[4];
  size_t rx_buf_max;
  size_t rx_buf_size;
  size_t rx_buf_available;
  size_t tx_buf_max;
  size_t tx_buf_size;
} zx_info_socket_t;
ZX_LAYOUT_SIZE(zx_info_socket_t, 48, 8);
ZX_LAYOUT_FIELD(zx_info_socket_t, options, 0);
ZX_LAYOUT_FIELD(zx_info_socket_t, padding1, 4);
ZX_LAYOUT_FIELD(zx_info_socket_t, rx_buf_max, 8);
ZX_LAYOUT_FIELD(zx_info_socket_t, rx_buf_size, 16);
ZX_LAYOUT_FIELD(zx_info_socket_t, rx_buf_available, 24);
ZX_LAYOUT_FIELD(zx_info_socket_t, tx_buf_max, 32);
ZX_LAYOUT_FIELD(zx_info_socket_t, tx_buf_size, 40);

/* ZX_INFO_TIMER */
typedef struct zx_info_timer {
  uint32_t options;
  zx_clock_t clock_id;
  zx_time_t deadline;
  zx_duration_t slack;
} zx_info_timer_t;
ZX_LAYOUT_SIZE(zx_info_timer_t, 24, 8);
ZX_LAYOUT_FIELD(zx_info_timer_t, options, 0);
ZX_LAYOUT_FIELD(zx_info_timer_t, clock_id, 4);
ZX_LAYOUT_FIELD(zx_info_timer_t, deadline, 8);
ZX_LAYOUT_FIELD(zx_info_timer_t, slack, 16);

/* ZX_INFO_STREAM */
typedef struct zx_info_stream {
  uint32_t options;
  uint8_t padding1[4];
  zx_off_t seek;
  uint64_t content_size;
} zx_info_stream_t;
ZX_LAYOUT_SIZE(zx_info_stream_t, 24, 8);
ZX_LAYOUT_FIELD(zx_info_stream_t, options, 0);
ZX_LAYOUT_FIELD(zx_info_stream_t, padding1, 4);
ZX_LAYOUT_FIELD(zx_info_stream_t, seek, 8);
ZX_LAYOUT_FIELD(zx_info_stream_t, content_size, 16);

/* ZX_INFO_MSI */
typedef struct zx_info_msi {
  uint64_t target_addr;
  uint32_t target_data;
  uint32_t base_irq_id;
  uint32_t num_irq;
  uint32_t interrupt_count;
} zx_info_msi_t;
ZX_LAYOUT_SIZE(zx_info_msi_t, 24, 8);
ZX_LAYOUT_FIELD(zx_info_msi_t, target_addr, 0);
ZX_LAYOUT_FIELD(zx_info_msi_t, target_data, 8);
ZX_LAYOUT_FIELD(zx_info_msi_t, base_irq_id, 12);
ZX_LAYOUT_FIELD(zx_info_msi_t, num_irq, 16);
ZX_LAYOUT_FIELD(zx_info_msi_t, interrupt_count, 20);

/* ZX_INFO_TASK_RUNTIME; V1 ends before page_fault_time */
typedef struct zx_info_task_runtime {
  zx_duration_mono_t cpu_time;
  zx_duration_mono_t queue_time;
  zx_duration_mono_t page_fault_time;
  zx_duration_mono_t lock_contention_time;
} zx_info_task_runtime_t;
ZX_LAYOUT_SIZE(zx_info_task_runtime_t, 32, 8);
ZX_LAYOUT_FIELD(zx_info_task_runtime_t, cpu_time, 0);
ZX_LAYOUT_FIELD(zx_info_task_runtime_t, queue_time, 8);
ZX_LAYOUT_FIELD(zx_info_task_runtime_t, page_fault_time, 16);
ZX_LAYOUT_FIELD(zx_info_task_runtime_t, lock_contention_time, 24);

/* ZX_INFO_MEMORY_STALL */
typedef struct zx_info_memory_stall {
  zx_duration_mono_t stall_time_some;
  zx_duration_mono_t stall_time_full;
} zx_info_memory_stall_t;
ZX_LAYOUT_SIZE(zx_info_memory_stall_t, 16, 8);
ZX_LAYOUT_FIELD(zx_info_memory_stall_t, stall_time_some, 0);
ZX_LAYOUT_FIELD(zx_info_memory_stall_t, stall_time_full, 8);

/* ZX_INFO_INTERRUPT */
typedef struct zx_info_interrupt {
  uint32_t options;
} zx_info_interrupt_t;
ZX_LAYOUT_SIZE(zx_info_interrupt_t, 4, 4);
ZX_LAYOUT_FIELD(zx_info_interrupt_t, options, 0);

__END_CDECLS

#endif /* ZIRCON_SYSCALLS_OBJECT_H_ */
