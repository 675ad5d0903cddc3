/* Types, signals, flags and small structures.
 *
 * Written from kernel/abi by `JACINTH_BLESS=1 cargo test -p xtask bindings`, never by hand. */
#ifndef ZIRCON_TYPES_H_
#define ZIRCON_TYPES_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zircon/compiler.h>
#include <zircon/errors.h>
#include <zircon/limits.h>
#include <zircon/rights.h>
#include <zircon/time.h>

#ifndef __cplusplus
#include <stdatomic.h>
#endif

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
} zx_iovec_t;

/* Handles: the value that is none, and the bits that every valid one has. */
#define ZX_HANDLE_INVALID         0u
#define ZX_HANDLE_FIXED_BITS_MASK 3u

/* Koids. */
#define ZX_KOID_INVALID 0ul
#define ZX_KOID_KERNEL  1ul
#define ZX_KOID_FIRST   0x400ul

/* Bytes of a name, with its NUL. */
#define ZX_MAX_NAME_LEN 0x20ul

/* What an object is; types are below the last one. */
#define ZX_OBJ_TYPE_NONE              0u
#define ZX_OBJ_TYPE_PROCESS           1u
#define ZX_OBJ_TYPE_THREAD            2u
#define ZX_OBJ_TYPE_VMO               3u
#define ZX_OBJ_TYPE_CHANNEL           4u
#define ZX_OBJ_TYPE_EVENT             5u
#define ZX_OBJ_TYPE_PORT              6u
#define ZX_OBJ_TYPE_INTERRUPT         9u
#define ZX_OBJ_TYPE_PCI_DEVICE        0xbu
#define ZX_OBJ_TYPE_DEBUGLOG          0xcu
#define ZX_OBJ_TYPE_LOG               0xcu
#define ZX_OBJ_TYPE_SOCKET            0xeu
#define ZX_OBJ_TYPE_RESOURCE          0xfu
#define ZX_OBJ_TYPE_EVENTPAIR         0x10u
#define ZX_OBJ_TYPE_JOB               0x11u
#define ZX_OBJ_TYPE_VMAR              0x12u
#define ZX_OBJ_TYPE_FIFO              0x13u
#define ZX_OBJ_TYPE_GUEST             0x14u
#define ZX_OBJ_TYPE_VCPU              0x15u
#define ZX_OBJ_TYPE_TIMER             0x16u
#define ZX_OBJ_TYPE_IOMMU             0x17u
#define ZX_OBJ_TYPE_BTI               0x18u
#define ZX_OBJ_TYPE_PROFILE           0x19u
#define ZX_OBJ_TYPE_PMT               0x1au
#define ZX_OBJ_TYPE_SUSPEND_TOKEN     0x1bu
#define ZX_OBJ_TYPE_PAGER             0x1cu
#define ZX_OBJ_TYPE_EXCEPTION         0x1du
#define ZX_OBJ_TYPE_CLOCK             0x1eu
#define ZX_OBJ_TYPE_STREAM            0x1fu
#define ZX_OBJ_TYPE_MSI               0x20u
#define ZX_OBJ_TYPE_IOB               0x21u
#define ZX_OBJ_TYPE_COUNTER           0x22u
#define ZX_OBJ_TYPE_IOB_SHARED_REGION 0x23u
#define ZX_OBJ_TYPE_UPPER_BOUND       0x40u

/* Signals. */
#define ZX_SIGNAL_NONE                   0u
#define ZX_SIGNAL_HANDLE_CLOSED          0x800000u
#define ZX_USER_SIGNAL_ALL               0xff000000u
#define ZX_CHANNEL_READABLE              1u
#define ZX_CHANNEL_WRITABLE              2u
#define ZX_CHANNEL_PEER_CLOSED           4u
#define ZX_EVENT_SIGNALED                8u
#define ZX_EVENTPAIR_SIGNALED            8u
#define ZX_EVENTPAIR_PEER_CLOSED         4u
#define ZX_FIFO_READABLE                 1u
#define ZX_FIFO_WRITABLE                 2u
#define ZX_FIFO_PEER_CLOSED              4u
#define ZX_SOCKET_READABLE               1u
#define ZX_SOCKET_WRITABLE               2u
#define ZX_SOCKET_PEER_CLOSED            4u
#define ZX_TIMER_SIGNALED                8u
#define ZX_LOG_READABLE                  1u
#define ZX_LOG_WRITABLE                  2u
#define ZX_TASK_TERMINATED               8u
#define ZX_JOB_TERMINATED                8u
#define ZX_JOB_NO_JOBS                   0x10u
#define ZX_JOB_NO_PROCESSES              0x20u
#define ZX_PROCESS_TERMINATED            8u
#define ZX_THREAD_TERMINATED             8u
#define ZX_THREAD_RUNNING                0x10u
#define ZX_THREAD_SUSPENDED              0x20u
#define ZX_VMO_ZERO_CHILDREN             8u
#define ZX_CLOCK_STARTED                 0x10u
#define ZX_CLOCK_UPDATED                 0x20u
#define ZX_SOCKET_PEER_WRITE_DISABLED    0x10u
#define ZX_SOCKET_WRITE_DISABLED         0x20u
#define ZX_SOCKET_READ_THRESHOLD         0x400u
#define ZX_SOCKET_WRITE_THRESHOLD        0x800u
#define ZX_IOB_PEER_CLOSED               4u
#define ZX_COUNTER_SIGNALED              8u
#define ZX_COUNTER_POSITIVE              0x10u
#define ZX_COUNTER_NON_POSITIVE          0x20u
#define ZX_VIRTUAL_INTERRUPT_UNTRIGGERED 0x10u
#define ZX_EVENT_SIGNAL_MASK             0xff000008u
#define ZX_EVENTPAIR_SIGNAL_MASK         0xff00000cu
#define ZX_USER_SIGNAL_0                 0x1000000u
#define ZX_USER_SIGNAL_1                 0x2000000u
#define ZX_USER_SIGNAL_2                 0x4000000u
#define ZX_USER_SIGNAL_3                 0x8000000u
#define ZX_USER_SIGNAL_4                 0x10000000u
#define ZX_USER_SIGNAL_5                 0x20000000u
#define ZX_USER_SIGNAL_6                 0x40000000u
#define ZX_USER_SIGNAL_7                 0x80000000u

/* How a VMO is cached: Normal write-back, Device-nGnRnE, Device-nGnRE, Normal non-cacheable. */
#define ZX_CACHE_POLICY_CACHED          0u
#define ZX_CACHE_POLICY_UNCACHED        1u
#define ZX_CACHE_POLICY_UNCACHED_DEVICE 2u
#define ZX_CACHE_POLICY_WRITE_COMBINING 3u
#define ZX_CACHE_POLICY_MASK            3u

/* Options of new VMOs and of children. */
#define ZX_VMO_RESIZABLE                        2u
#define ZX_VMO_DISCARDABLE                      4u
#define ZX_VMO_UNBOUNDED                        0x10u
#define ZX_VMO_CHILD_SNAPSHOT                   1u
#define ZX_VMO_CHILD_RESIZABLE                  4u
#define ZX_VMO_CHILD_SLICE                      8u
#define ZX_VMO_CHILD_SNAPSHOT_AT_LEAST_ON_WRITE 0x10u
#define ZX_VMO_CHILD_NO_WRITE                   0x20u
#define ZX_VMO_CHILD_REFERENCE                  0x40u
#define ZX_VMO_CHILD_SNAPSHOT_MODIFIED          0x80u

/* Operations on ranges of VMOs and of address space. */
#define ZX_VMO_OP_COMMIT                 1u
#define ZX_VMO_OP_DECOMMIT               2u
#define ZX_VMO_OP_LOCK                   3u
#define ZX_VMO_OP_UNLOCK                 4u
#define ZX_VMO_OP_CACHE_SYNC             6u
#define ZX_VMO_OP_CACHE_INVALIDATE       7u
#define ZX_VMO_OP_CACHE_CLEAN            8u
#define ZX_VMO_OP_CACHE_CLEAN_INVALIDATE 9u
#define ZX_VMO_OP_ZERO                   0xau
#define ZX_VMO_OP_TRY_LOCK               0xbu
#define ZX_VMO_OP_DONT_NEED              0xcu
#define ZX_VMO_OP_ALWAYS_NEED            0xdu
#define ZX_VMO_OP_PREFETCH               0xeu
#define ZX_VMAR_OP_COMMIT                1u
#define ZX_VMAR_OP_DECOMMIT              2u
#define ZX_VMAR_OP_MAP_RANGE             3u
#define ZX_VMAR_OP_ZERO                  0xau
#define ZX_VMAR_OP_DONT_NEED             0xcu
#define ZX_VMAR_OP_ALWAYS_NEED           0xdu
#define ZX_VMAR_OP_PREFETCH              0xeu

/* What zx_cache_flush does. */
#define ZX_CACHE_FLUSH_INSN       1u
#define ZX_CACHE_FLUSH_DATA       2u
#define ZX_CACHE_FLUSH_INVALIDATE 4u

/* Options of mappings and regions. */
#define ZX_VM_PERM_READ                    1u
#define ZX_VM_PERM_WRITE                   2u
#define ZX_VM_PERM_EXECUTE                 4u
#define ZX_VM_COMPACT                      8u
#define ZX_VM_SPECIFIC                     0x10u
#define ZX_VM_SPECIFIC_OVERWRITE           0x20u
#define ZX_VM_CAN_MAP_SPECIFIC             0x40u
#define ZX_VM_CAN_MAP_READ                 0x80u
#define ZX_VM_CAN_MAP_WRITE                0x100u
#define ZX_VM_CAN_MAP_EXECUTE              0x200u
#define ZX_VM_MAP_RANGE                    0x400u
#define ZX_VM_REQUIRE_NON_RESIZABLE        0x800u
#define ZX_VM_ALLOW_FAULTS                 0x1000u
#define ZX_VM_OFFSET_IS_UPPER_LIMIT        0x2000u
#define ZX_VM_PERM_READ_IF_XOM_UNSUPPORTED 0x4000u
#define ZX_VM_FAULT_BEYOND_STREAM_SIZE     0x8000u

/* The alignment of the address that the kernel chooses. */
#define ZX_VM_ALIGN_1KB   0xa000000u
#define ZX_VM_ALIGN_2KB   0xb000000u
#define ZX_VM_ALIGN_4KB   0xc000000u
#define ZX_VM_ALIGN_8KB   0xd000000u
#define ZX_VM_ALIGN_16KB  0xe000000u
#define ZX_VM_ALIGN_32KB  0xf000000u
#define ZX_VM_ALIGN_64KB  0x10000000u
#define ZX_VM_ALIGN_128KB 0x11000000u
#define ZX_VM_ALIGN_256KB 0x12000000u
#define ZX_VM_ALIGN_512KB 0x13000000u
#define ZX_VM_ALIGN_1MB   0x14000000u
#define ZX_VM_ALIGN_2MB   0x15000000u
#define ZX_VM_ALIGN_4MB   0x16000000u
#define ZX_VM_ALIGN_8MB   0x17000000u
#define ZX_VM_ALIGN_16MB  0x18000000u
#define ZX_VM_ALIGN_32MB  0x19000000u
#define ZX_VM_ALIGN_64MB  0x1a000000u
#define ZX_VM_ALIGN_128MB 0x1b000000u
#define ZX_VM_ALIGN_256MB 0x1c000000u
#define ZX_VM_ALIGN_512MB 0x1d000000u
#define ZX_VM_ALIGN_1GB   0x1e000000u
#define ZX_VM_ALIGN_2GB   0x1f000000u
#define ZX_VM_ALIGN_4GB   0x20000000u

#define ZX_VM_ALIGN_BASE 24

__BEGIN_CDECLS

/* What ZX_VMO_OP_LOCK finds. */
typedef struct zx_vmo_lock_state {
  uint64_t offset;
  uint64_t size;
  uint64_t discarded_offset;
  uint64_t discarded_size;
} zx_vmo_lock_state_t;
ZX_LAYOUT_SIZE(zx_vmo_lock_state_t, 32, 8);
ZX_LAYOUT_FIELD(zx_vmo_lock_state_t, offset, 0);
ZX_LAYOUT_FIELD(zx_vmo_lock_state_t, size, 8);
ZX_LAYOUT_FIELD(zx_vmo_lock_state_t, discarded_offset, 16);
ZX_LAYOUT_FIELD(zx_vmo_lock_state_t, discarded_size, 24);

/* What a message holds at most. */
#define ZX_CHANNEL_MAX_MSG_BYTES   0x10000u
#define ZX_CHANNEL_MAX_MSG_HANDLES 0x40u

/* Options of channel calls. */
#define ZX_CHANNEL_READ_MAY_DISCARD 1u
#define ZX_CHANNEL_WRITE_USE_IOVEC  2u

/* What zx_channel_call sends, and where it puts the answer. */
typedef struct zx_channel_call_args {
  const void* wr_bytes;
  const zx_handle_t* wr_handles;
  void* rd_bytes;
  zx_handle_t* rd_handles;
  uint32_t wr_num_bytes;
  uint32_t wr_num_handles;
  uint32_t rd_num_bytes;
  uint32_t rd_num_handles;
} zx_channel_call_args_t;
ZX_LAYOUT_SIZE(zx_channel_call_args_t, 48, 8);
ZX_LAYOUT_FIELD(zx_channel_call_args_t, wr_bytes, 0);
ZX_LAYOUT_FIELD(zx_channel_call_args_t, wr_handles, 8);
ZX_LAYOUT_FIELD(zx_channel_call_args_t, rd_bytes, 16);
ZX_LAYOUT_FIELD(zx_channel_call_args_t, rd_handles, 24);
ZX_LAYOUT_FIELD(zx_channel_call_args_t, wr_num_bytes, 32);
ZX_LAYOUT_FIELD(zx_channel_call_args_t, wr_num_handles, 36);
ZX_LAYOUT_FIELD(zx_channel_call_args_t, rd_num_bytes, 40);
ZX_LAYOUT_FIELD(zx_channel_call_args_t, rd_num_handles, 44);

/* What zx_channel_read_etc tells about a handle. */
typedef struct zx_handle_info {
  zx_handle_t handle;
  zx_obj_type_t type;
  zx_rights_t rights;
  uint32_t unused;
} zx_handle_info_t;
ZX_LAYOUT_SIZE(zx_handle_info_t, 16, 4);
ZX_LAYOUT_FIELD(zx_handle_info_t, handle, 0);
ZX_LAYOUT_FIELD(zx_handle_info_t, type, 4);
ZX_LAYOUT_FIELD(zx_handle_info_t, rights, 8);
ZX_LAYOUT_FIELD(zx_handle_info_t, unused, 12);

/* What zx_channel_write_etc does with a handle. */
#define ZX_HANDLE_OP_MOVE      0u
#define ZX_HANDLE_OP_DUPLICATE 1u

/* The same with what it needs, and how it went. */
typedef struct zx_handle_disposition {
  zx_handle_op_t operation;
  zx_handle_t handle;
  zx_obj_type_t type;
  zx_rights_t rights;
  zx_status_t result;
} zx_handle_disposition_t;
ZX_LAYOUT_SIZE(zx_handle_disposition_t, 20, 4);
ZX_LAYOUT_FIELD(zx_handle_disposition_t, operation, 0);
ZX_LAYOUT_FIELD(zx_handle_disposition_t, handle, 4);
ZX_LAYOUT_FIELD(zx_handle_disposition_t, type, 8);
ZX_LAYOUT_FIELD(zx_handle_disposition_t, rights, 12);
ZX_LAYOUT_FIELD(zx_handle_disposition_t, result, 16);

/* What zx_channel_call_etc would send. */
typedef struct zx_channel_call_etc_args {
  const void* wr_bytes;
  zx_handle_disposition_t* wr_handles;
  void* rd_bytes;
  zx_handle_info_t* rd_handles;
  uint32_t wr_num_bytes;
  uint32_t wr_num_handles;
  uint32_t rd_num_bytes;
  uint32_t rd_num_handles;
} zx_channel_call_etc_args_t;
ZX_LAYOUT_SIZE(zx_channel_call_etc_args_t, 48, 8);
ZX_LAYOUT_FIELD(zx_channel_call_etc_args_t, wr_bytes, 0);
ZX_LAYOUT_FIELD(zx_channel_call_etc_args_t, wr_handles, 8);
ZX_LAYOUT_FIELD(zx_channel_call_etc_args_t, rd_bytes, 16);
ZX_LAYOUT_FIELD(zx_channel_call_etc_args_t, rd_handles, 24);
ZX_LAYOUT_FIELD(zx_channel_call_etc_args_t, wr_num_bytes, 32);
ZX_LAYOUT_FIELD(zx_channel_call_etc_args_t, wr_num_handles, 36);
ZX_LAYOUT_FIELD(zx_channel_call_etc_args_t, rd_num_bytes, 40);
ZX_LAYOUT_FIELD(zx_channel_call_etc_args_t, rd_num_handles, 44);

/* One piece of a message that is sent with ZX_CHANNEL_WRITE_USE_IOVEC, which is not built. */
typedef struct zx_channel_iovec {
  const void* buffer;
  uint32_t capacity;
  uint32_t reserved;
} zx_channel_iovec_t;
ZX_LAYOUT_SIZE(zx_channel_iovec_t, 16, 8);
ZX_LAYOUT_FIELD(zx_channel_iovec_t, buffer, 0);
ZX_LAYOUT_FIELD(zx_channel_iovec_t, capacity, 8);
ZX_LAYOUT_FIELD(zx_channel_iovec_t, reserved, 12);

/* The most items of one wait. */
#define ZX_WAIT_MANY_MAX_ITEMS 0x40ul

/* One thing to wait for. */
typedef struct zx_wait_item {
  zx_handle_t handle;
  zx_signals_t waitfor;
  zx_signals_t pending;
} zx_wait_item_t;
ZX_LAYOUT_SIZE(zx_wait_item_t, 12, 4);
ZX_LAYOUT_FIELD(zx_wait_item_t, handle, 0);
ZX_LAYOUT_FIELD(zx_wait_item_t, waitfor, 4);
ZX_LAYOUT_FIELD(zx_wait_item_t, pending, 8);

/* Options of zx_object_wait_async. */
#define ZX_WAIT_ASYNC_ONCE           0u
#define ZX_WAIT_ASYNC_TIMESTAMP      1u
#define ZX_WAIT_ASYNC_EDGE           2u
#define ZX_WAIT_ASYNC_BOOT_TIMESTAMP 4u

/* Options of timers. */
#define ZX_TIMER_SLACK_CENTER 0u
#define ZX_TIMER_SLACK_EARLY  1u
#define ZX_TIMER_SLACK_LATE   2u

/* Options of zx_interrupt_create and zx_interrupt_bind. */
#define ZX_INTERRUPT_REMAP_IRQ       1u
#define ZX_INTERRUPT_MODE_DEFAULT    0u
#define ZX_INTERRUPT_MODE_EDGE_LOW   2u
#define ZX_INTERRUPT_MODE_EDGE_HIGH  4u
#define ZX_INTERRUPT_MODE_LEVEL_LOW  6u
#define ZX_INTERRUPT_MODE_LEVEL_HIGH 8u
#define ZX_INTERRUPT_MODE_EDGE_BOTH  0xau
#define ZX_INTERRUPT_MODE_MASK       0xeu
#define ZX_INTERRUPT_VIRTUAL         0x10u
#define ZX_INTERRUPT_WAKE_VECTOR     0x20u
#define ZX_INTERRUPT_TIMESTAMP_MONO  0x40u
#define ZX_INTERRUPT_BIND            0u
#define ZX_INTERRUPT_UNBIND          1u

/* Options of zx_bti_pin. */
#define ZX_BTI_PERM_READ    1u
#define ZX_BTI_PERM_WRITE   2u
#define ZX_BTI_PERM_EXECUTE 4u
#define ZX_BTI_COMPRESS     8u
#define ZX_BTI_CONTIGUOUS   0x10u

/* Bytes of one zx_cprng_draw_once and zx_cprng_add_entropy in Zircon; here there is no limit. */
#define ZX_CPRNG_DRAW_MAX_LEN        0x100ul
#define ZX_CPRNG_ADD_ENTROPY_MAX_LEN 0x100ul

/* Sockets. */
#define ZX_SOCKET_STREAM                     0u
#define ZX_SOCKET_DATAGRAM                   1u
#define ZX_SOCKET_PEEK                       8u
#define ZX_SOCKET_DISPOSITION_WRITE_DISABLED 1u
#define ZX_SOCKET_DISPOSITION_WRITE_ENABLED  2u

typedef uint32_t zx_system_event_type_t;
typedef uint32_t zx_stream_seek_origin_t;

/* Streams. */
#define ZX_STREAM_MODE_READ           1u
#define ZX_STREAM_MODE_WRITE          2u
#define ZX_STREAM_MODE_APPEND         4u
#define ZX_STREAM_APPEND              1u
#define ZX_STREAM_SEEK_ORIGIN_START   0u
#define ZX_STREAM_SEEK_ORIGIN_CURRENT 1u
#define ZX_STREAM_SEEK_ORIGIN_END     2u

/* Pagers. */
#define ZX_PAGER_OP_FAIL            1u
#define ZX_PAGER_OP_DIRTY           2u
#define ZX_PAGER_OP_WRITEBACK_BEGIN 3u
#define ZX_PAGER_OP_WRITEBACK_END   4u
#define ZX_PAGER_VMO_READ           0u
#define ZX_PAGER_VMO_COMPLETE       1u
#define ZX_PAGER_VMO_DIRTY          2u
#define ZX_PAGER_VMO_STATS_MODIFIED 1u
#define ZX_PAGER_RESET_VMO_STATS    1u

/* Events of the system. */
#define ZX_SYSTEM_EVENT_OUT_OF_MEMORY            1u
#define ZX_SYSTEM_EVENT_MEMORY_PRESSURE_CRITICAL 2u
#define ZX_SYSTEM_EVENT_MEMORY_PRESSURE_WARNING  3u
#define ZX_SYSTEM_EVENT_MEMORY_PRESSURE_NORMAL   4u
#define ZX_SYSTEM_EVENT_IMMINENT_OUT_OF_MEMORY   5u

/* Options and limits of what is not built. */
#define ZX_VMO_TRAP_DIRTY                       8u
#define ZX_PROCESS_SHARED                       1u
#define ZX_JOB_CRITICAL_PROCESS_RETCODE_NONZERO 1u
#define ZX_EXCEPTION_CHANNEL_DEBUGGER           1u
#define ZX_MSI_MODE_MSI_X                       1u
#define ZX_FIFO_MAX_SIZE_BYTES                  0x1000u
#define ZX_CHANNEL_MAX_MSG_IOVECS               0x2000u
#define ZX_INFO_VCPU_FLAG_KICKED                1u
#define ZX_INFO_CPU_STATS_FLAG_ONLINE           1u
#define ZX_INFO_INVALID_CPU                     0xffffffffu

/* CPUs of a set, and of each of its words. */
#define ZX_CPU_SET_MAX_CPUS      0x200u
#define ZX_CPU_SET_BITS_PER_WORD 0x40u

/* CPU n is bit n % 64 of word n / 64. */
typedef struct zx_cpu_set {
  uint64_t mask[ZX_CPU_SET_MAX_CPUS / ZX_CPU_SET_BITS_PER_WORD];
} zx_cpu_set_t;
ZX_LAYOUT_SIZE(zx_cpu_set_t, 64, 8);
ZX_LAYOUT_FIELD(zx_cpu_set_t, mask, 0);

__END_CDECLS

#endif /* ZIRCON_TYPES_H_ */
