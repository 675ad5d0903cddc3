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
#define ZX_HANDLE_INVALID         ((zx_handle_t)0u)
#define ZX_HANDLE_FIXED_BITS_MASK ((zx_handle_t)3u)

/* Koids. */
#define ZX_KOID_INVALID ((zx_koid_t)0u)
#define ZX_KOID_KERNEL  ((zx_koid_t)1u)
#define ZX_KOID_FIRST   ((zx_koid_t)0x400u)

/* Bytes of a name, with its NUL. */
#define ZX_MAX_NAME_LEN ((size_t)0x20u)

/* What an object is; types are below the last one. */
#define ZX_OBJ_TYPE_NONE              ((zx_obj_type_t)0u)
#define ZX_OBJ_TYPE_PROCESS           ((zx_obj_type_t)1u)
#define ZX_OBJ_TYPE_THREAD            ((zx_obj_type_t)2u)
#define ZX_OBJ_TYPE_VMO               ((zx_obj_type_t)3u)
#define ZX_OBJ_TYPE_CHANNEL           ((zx_obj_type_t)4u)
#define ZX_OBJ_TYPE_EVENT             ((zx_obj_type_t)5u)
#define ZX_OBJ_TYPE_PORT              ((zx_obj_type_t)6u)
#define ZX_OBJ_TYPE_INTERRUPT         ((zx_obj_type_t)9u)
#define ZX_OBJ_TYPE_PCI_DEVICE        ((zx_obj_type_t)0xbu)
#define ZX_OBJ_TYPE_DEBUGLOG          ((zx_obj_type_t)0xcu)
#define ZX_OBJ_TYPE_LOG               ((zx_obj_type_t)0xcu)
#define ZX_OBJ_TYPE_SOCKET            ((zx_obj_type_t)0xeu)
#define ZX_OBJ_TYPE_RESOURCE          ((zx_obj_type_t)0xfu)
#define ZX_OBJ_TYPE_EVENTPAIR         ((zx_obj_type_t)0x10u)
#define ZX_OBJ_TYPE_JOB               ((zx_obj_type_t)0x11u)
#define ZX_OBJ_TYPE_VMAR              ((zx_obj_type_t)0x12u)
#define ZX_OBJ_TYPE_FIFO              ((zx_obj_type_t)0x13u)
#define ZX_OBJ_TYPE_GUEST             ((zx_obj_type_t)0x14u)
#define ZX_OBJ_TYPE_VCPU              ((zx_obj_type_t)0x15u)
#define ZX_OBJ_TYPE_TIMER             ((zx_obj_type_t)0x16u)
#define ZX_OBJ_TYPE_IOMMU             ((zx_obj_type_t)0x17u)
#define ZX_OBJ_TYPE_BTI               ((zx_obj_type_t)0x18u)
#define ZX_OBJ_TYPE_PROFILE           ((zx_obj_type_t)0x19u)
#define ZX_OBJ_TYPE_PMT               ((zx_obj_type_t)0x1au)
#define ZX_OBJ_TYPE_SUSPEND_TOKEN     ((zx_obj_type_t)0x1bu)
#define ZX_OBJ_TYPE_PAGER             ((zx_obj_type_t)0x1cu)
#define ZX_OBJ_TYPE_EXCEPTION         ((zx_obj_type_t)0x1du)
#define ZX_OBJ_TYPE_CLOCK             ((zx_obj_type_t)0x1eu)
#define ZX_OBJ_TYPE_STREAM            ((zx_obj_type_t)0x1fu)
#define ZX_OBJ_TYPE_MSI               ((zx_obj_type_t)0x20u)
#define ZX_OBJ_TYPE_IOB               ((zx_obj_type_t)0x21u)
#define ZX_OBJ_TYPE_COUNTER           ((zx_obj_type_t)0x22u)
#define ZX_OBJ_TYPE_IOB_SHARED_REGION ((zx_obj_type_t)0x23u)
#define ZX_OBJ_TYPE_UPPER_BOUND       ((zx_obj_type_t)0x40u)

/* Signals. */
#define ZX_SIGNAL_NONE                   ((zx_signals_t)0u)
#define ZX_SIGNAL_HANDLE_CLOSED          ((zx_signals_t)0x800000u)
#define ZX_USER_SIGNAL_ALL               ((zx_signals_t)0xff000000u)
#define ZX_CHANNEL_READABLE              ((zx_signals_t)1u)
#define ZX_CHANNEL_WRITABLE              ((zx_signals_t)2u)
#define ZX_CHANNEL_PEER_CLOSED           ((zx_signals_t)4u)
#define ZX_EVENT_SIGNALED                ((zx_signals_t)8u)
#define ZX_EVENTPAIR_SIGNALED            ((zx_signals_t)8u)
#define ZX_EVENTPAIR_PEER_CLOSED         ((zx_signals_t)4u)
#define ZX_FIFO_READABLE                 ((zx_signals_t)1u)
#define ZX_FIFO_WRITABLE                 ((zx_signals_t)2u)
#define ZX_FIFO_PEER_CLOSED              ((zx_signals_t)4u)
#define ZX_SOCKET_READABLE               ((zx_signals_t)1u)
#define ZX_SOCKET_WRITABLE               ((zx_signals_t)2u)
#define ZX_SOCKET_PEER_CLOSED            ((zx_signals_t)4u)
#define ZX_TIMER_SIGNALED                ((zx_signals_t)8u)
#define ZX_LOG_READABLE                  ((zx_signals_t)1u)
#define ZX_LOG_WRITABLE                  ((zx_signals_t)2u)
#define ZX_TASK_TERMINATED               ((zx_signals_t)8u)
#define ZX_JOB_TERMINATED                ((zx_signals_t)8u)
#define ZX_JOB_NO_JOBS                   ((zx_signals_t)0x10u)
#define ZX_JOB_NO_PROCESSES              ((zx_signals_t)0x20u)
#define ZX_PROCESS_TERMINATED            ((zx_signals_t)8u)
#define ZX_THREAD_TERMINATED             ((zx_signals_t)8u)
#define ZX_THREAD_RUNNING                ((zx_signals_t)0x10u)
#define ZX_THREAD_SUSPENDED              ((zx_signals_t)0x20u)
#define ZX_VMO_ZERO_CHILDREN             ((zx_signals_t)8u)
#define ZX_CLOCK_STARTED                 ((zx_signals_t)0x10u)
#define ZX_CLOCK_UPDATED                 ((zx_signals_t)0x20u)
#define ZX_SOCKET_PEER_WRITE_DISABLED    ((zx_signals_t)0x10u)
#define ZX_SOCKET_WRITE_DISABLED         ((zx_signals_t)0x20u)
#define ZX_SOCKET_READ_THRESHOLD         ((zx_signals_t)0x400u)
#define ZX_SOCKET_WRITE_THRESHOLD        ((zx_signals_t)0x800u)
#define ZX_IOB_PEER_CLOSED               ((zx_signals_t)4u)
#define ZX_COUNTER_SIGNALED              ((zx_signals_t)8u)
#define ZX_COUNTER_POSITIVE              ((zx_signals_t)0x10u)
#define ZX_COUNTER_NON_POSITIVE          ((zx_signals_t)0x20u)
#define ZX_VIRTUAL_INTERRUPT_UNTRIGGERED ((zx_signals_t)0x10u)
#define ZX_EVENT_SIGNAL_MASK             ((zx_signals_t)0xff000008u)
#define ZX_EVENTPAIR_SIGNAL_MASK         ((zx_signals_t)0xff00000cu)
#define ZX_USER_SIGNAL_0                 ((zx_signals_t)0x1000000u)
#define ZX_USER_SIGNAL_1                 ((zx_signals_t)0x2000000u)
#define ZX_USER_SIGNAL_2                 ((zx_signals_t)0x4000000u)
#define ZX_USER_SIGNAL_3                 ((zx_signals_t)0x8000000u)
#define ZX_USER_SIGNAL_4                 ((zx_signals_t)0x10000000u)
#define ZX_USER_SIGNAL_5                 ((zx_signals_t)0x20000000u)
#define ZX_USER_SIGNAL_6                 ((zx_signals_t)0x40000000u)
#define ZX_USER_SIGNAL_7                 ((zx_signals_t)0x80000000u)

/* How a VMO is cached: Normal write-back, Device-nGnRnE, Device-nGnRE, Normal non-cacheable. */
#define ZX_CACHE_POLICY_CACHED          ((uint32_t)0u)
#define ZX_CACHE_POLICY_UNCACHED        ((uint32_t)1u)
#define ZX_CACHE_POLICY_UNCACHED_DEVICE ((uint32_t)2u)
#define ZX_CACHE_POLICY_WRITE_COMBINING ((uint32_t)3u)
#define ZX_CACHE_POLICY_MASK            ((uint32_t)3u)

/* Options of new VMOs and of children. */
#define ZX_VMO_RESIZABLE                        ((uint32_t)2u)
#define ZX_VMO_DISCARDABLE                      ((uint32_t)4u)
#define ZX_VMO_UNBOUNDED                        ((uint32_t)0x10u)
#define ZX_VMO_CHILD_SNAPSHOT                   ((uint32_t)1u)
#define ZX_VMO_CHILD_RESIZABLE                  ((uint32_t)4u)
#define ZX_VMO_CHILD_SLICE                      ((uint32_t)8u)
#define ZX_VMO_CHILD_SNAPSHOT_AT_LEAST_ON_WRITE ((uint32_t)0x10u)
#define ZX_VMO_CHILD_NO_WRITE                   ((uint32_t)0x20u)
#define ZX_VMO_CHILD_REFERENCE                  ((uint32_t)0x40u)
#define ZX_VMO_CHILD_SNAPSHOT_MODIFIED          ((uint32_t)0x80u)

/* Operations on ranges of VMOs and of address space. */
#define ZX_VMO_OP_COMMIT                 ((uint32_t)1u)
#define ZX_VMO_OP_DECOMMIT               ((uint32_t)2u)
#define ZX_VMO_OP_LOCK                   ((uint32_t)3u)
#define ZX_VMO_OP_UNLOCK                 ((uint32_t)4u)
#define ZX_VMO_OP_CACHE_SYNC             ((uint32_t)6u)
#define ZX_VMO_OP_CACHE_INVALIDATE       ((uint32_t)7u)
#define ZX_VMO_OP_CACHE_CLEAN            ((uint32_t)8u)
#define ZX_VMO_OP_CACHE_CLEAN_INVALIDATE ((uint32_t)9u)
#define ZX_VMO_OP_ZERO                   ((uint32_t)0xau)
#define ZX_VMO_OP_TRY_LOCK               ((uint32_t)0xbu)
#define ZX_VMO_OP_DONT_NEED              ((uint32_t)0xcu)
#define ZX_VMO_OP_ALWAYS_NEED            ((uint32_t)0xdu)
#define ZX_VMO_OP_PREFETCH               ((uint32_t)0xeu)
#define ZX_VMAR_OP_COMMIT                ((uint32_t)1u)
#define ZX_VMAR_OP_DECOMMIT              ((uint32_t)2u)
#define ZX_VMAR_OP_MAP_RANGE             ((uint32_t)3u)
#define ZX_VMAR_OP_ZERO                  ((uint32_t)0xau)
#define ZX_VMAR_OP_DONT_NEED             ((uint32_t)0xcu)
#define ZX_VMAR_OP_ALWAYS_NEED           ((uint32_t)0xdu)
#define ZX_VMAR_OP_PREFETCH              ((uint32_t)0xeu)

/* What zx_cache_flush does. */
#define ZX_CACHE_FLUSH_INSN       ((uint32_t)1u)
#define ZX_CACHE_FLUSH_DATA       ((uint32_t)2u)
#define ZX_CACHE_FLUSH_INVALIDATE ((uint32_t)4u)

/* Options of mappings and regions. */
#define ZX_VM_PERM_READ                    ((zx_vm_option_t)1u)
#define ZX_VM_PERM_WRITE                   ((zx_vm_option_t)2u)
#define ZX_VM_PERM_EXECUTE                 ((zx_vm_option_t)4u)
#define ZX_VM_COMPACT                      ((zx_vm_option_t)8u)
#define ZX_VM_SPECIFIC                     ((zx_vm_option_t)0x10u)
#define ZX_VM_SPECIFIC_OVERWRITE           ((zx_vm_option_t)0x20u)
#define ZX_VM_CAN_MAP_SPECIFIC             ((zx_vm_option_t)0x40u)
#define ZX_VM_CAN_MAP_READ                 ((zx_vm_option_t)0x80u)
#define ZX_VM_CAN_MAP_WRITE                ((zx_vm_option_t)0x100u)
#define ZX_VM_CAN_MAP_EXECUTE              ((zx_vm_option_t)0x200u)
#define ZX_VM_MAP_RANGE                    ((zx_vm_option_t)0x400u)
#define ZX_VM_REQUIRE_NON_RESIZABLE        ((zx_vm_option_t)0x800u)
#define ZX_VM_ALLOW_FAULTS                 ((zx_vm_option_t)0x1000u)
#define ZX_VM_OFFSET_IS_UPPER_LIMIT        ((zx_vm_option_t)0x2000u)
#define ZX_VM_PERM_READ_IF_XOM_UNSUPPORTED ((zx_vm_option_t)0x4000u)
#define ZX_VM_FAULT_BEYOND_STREAM_SIZE     ((zx_vm_option_t)0x8000u)

/* The alignment of the address that the kernel chooses. */
#define ZX_VM_ALIGN_1KB   ((zx_vm_option_t)0xa000000u)
#define ZX_VM_ALIGN_2KB   ((zx_vm_option_t)0xb000000u)
#define ZX_VM_ALIGN_4KB   ((zx_vm_option_t)0xc000000u)
#define ZX_VM_ALIGN_8KB   ((zx_vm_option_t)0xd000000u)
#define ZX_VM_ALIGN_16KB  ((zx_vm_option_t)0xe000000u)
#define ZX_VM_ALIGN_32KB  ((zx_vm_option_t)0xf000000u)
#define ZX_VM_ALIGN_64KB  ((zx_vm_option_t)0x10000000u)
#define ZX_VM_ALIGN_128KB ((zx_vm_option_t)0x11000000u)
#define ZX_VM_ALIGN_256KB ((zx_vm_option_t)0x12000000u)
#define ZX_VM_ALIGN_512KB ((zx_vm_option_t)0x13000000u)
#define ZX_VM_ALIGN_1MB   ((zx_vm_option_t)0x14000000u)
#define ZX_VM_ALIGN_2MB   ((zx_vm_option_t)0x15000000u)
#define ZX_VM_ALIGN_4MB   ((zx_vm_option_t)0x16000000u)
#define ZX_VM_ALIGN_8MB   ((zx_vm_option_t)0x17000000u)
#define ZX_VM_ALIGN_16MB  ((zx_vm_option_t)0x18000000u)
#define ZX_VM_ALIGN_32MB  ((zx_vm_option_t)0x19000000u)
#define ZX_VM_ALIGN_64MB  ((zx_vm_option_t)0x1a000000u)
#define ZX_VM_ALIGN_128MB ((zx_vm_option_t)0x1b000000u)
#define ZX_VM_ALIGN_256MB ((zx_vm_option_t)0x1c000000u)
#define ZX_VM_ALIGN_512MB ((zx_vm_option_t)0x1d000000u)
#define ZX_VM_ALIGN_1GB   ((zx_vm_option_t)0x1e000000u)
#define ZX_VM_ALIGN_2GB   ((zx_vm_option_t)0x1f000000u)
#define ZX_VM_ALIGN_4GB   ((zx_vm_option_t)0x20000000u)

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
#define ZX_CHANNEL_MAX_MSG_BYTES   ((uint32_t)0x10000u)
#define ZX_CHANNEL_MAX_MSG_HANDLES ((uint32_t)0x40u)

/* Options of channel calls. */
#define ZX_CHANNEL_READ_MAY_DISCARD ((uint32_t)1u)
#define ZX_CHANNEL_WRITE_USE_IOVEC  ((uint32_t)2u)

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
#define ZX_HANDLE_OP_MOVE      ((zx_handle_op_t)0u)
#define ZX_HANDLE_OP_DUPLICATE ((zx_handle_op_t)1u)

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
#define ZX_WAIT_MANY_MAX_ITEMS ((size_t)0x40u)

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
#define ZX_WAIT_ASYNC_ONCE           ((uint32_t)0u)
#define ZX_WAIT_ASYNC_TIMESTAMP      ((uint32_t)1u)
#define ZX_WAIT_ASYNC_EDGE           ((uint32_t)2u)
#define ZX_WAIT_ASYNC_BOOT_TIMESTAMP ((uint32_t)4u)

/* Options of timers. */
#define ZX_TIMER_SLACK_CENTER ((uint32_t)0u)
#define ZX_TIMER_SLACK_EARLY  ((uint32_t)1u)
#define ZX_TIMER_SLACK_LATE   ((uint32_t)2u)

/* Options of zx_interrupt_create and zx_interrupt_bind. */
#define ZX_INTERRUPT_REMAP_IRQ       ((uint32_t)1u)
#define ZX_INTERRUPT_MODE_DEFAULT    ((uint32_t)0u)
#define ZX_INTERRUPT_MODE_EDGE_LOW   ((uint32_t)2u)
#define ZX_INTERRUPT_MODE_EDGE_HIGH  ((uint32_t)4u)
#define ZX_INTERRUPT_MODE_LEVEL_LOW  ((uint32_t)6u)
#define ZX_INTERRUPT_MODE_LEVEL_HIGH ((uint32_t)8u)
#define ZX_INTERRUPT_MODE_EDGE_BOTH  ((uint32_t)0xau)
#define ZX_INTERRUPT_MODE_MASK       ((uint32_t)0xeu)
#define ZX_INTERRUPT_VIRTUAL         ((uint32_t)0x10u)
#define ZX_INTERRUPT_WAKE_VECTOR     ((uint32_t)0x20u)
#define ZX_INTERRUPT_TIMESTAMP_MONO  ((uint32_t)0x40u)
#define ZX_INTERRUPT_BIND            ((uint32_t)0u)
#define ZX_INTERRUPT_UNBIND          ((uint32_t)1u)

/* Options of zx_bti_pin. */
#define ZX_BTI_PERM_READ    ((uint32_t)1u)
#define ZX_BTI_PERM_WRITE   ((uint32_t)2u)
#define ZX_BTI_PERM_EXECUTE ((uint32_t)4u)
#define ZX_BTI_COMPRESS     ((uint32_t)8u)
#define ZX_BTI_CONTIGUOUS   ((uint32_t)0x10u)

/* Bytes of one zx_cprng_draw_once and zx_cprng_add_entropy in Zircon; here there is no limit. */
#define ZX_CPRNG_DRAW_MAX_LEN        ((size_t)0x100u)
#define ZX_CPRNG_ADD_ENTROPY_MAX_LEN ((size_t)0x100u)

/* Sockets. */
#define ZX_SOCKET_STREAM                     ((uint32_t)0u)
#define ZX_SOCKET_DATAGRAM                   ((uint32_t)1u)
#define ZX_SOCKET_PEEK                       ((uint32_t)8u)
#define ZX_SOCKET_DISPOSITION_WRITE_DISABLED ((uint32_t)1u)
#define ZX_SOCKET_DISPOSITION_WRITE_ENABLED  ((uint32_t)2u)

typedef uint32_t zx_system_event_type_t;
typedef uint32_t zx_stream_seek_origin_t;

/* Streams. */
#define ZX_STREAM_MODE_READ           ((uint32_t)1u)
#define ZX_STREAM_MODE_WRITE          ((uint32_t)2u)
#define ZX_STREAM_MODE_APPEND         ((uint32_t)4u)
#define ZX_STREAM_APPEND              ((uint32_t)1u)
#define ZX_STREAM_SEEK_ORIGIN_START   ((uint32_t)0u)
#define ZX_STREAM_SEEK_ORIGIN_CURRENT ((uint32_t)1u)
#define ZX_STREAM_SEEK_ORIGIN_END     ((uint32_t)2u)

/* Pagers. */
#define ZX_PAGER_OP_FAIL            ((uint32_t)1u)
#define ZX_PAGER_OP_DIRTY           ((uint32_t)2u)
#define ZX_PAGER_OP_WRITEBACK_BEGIN ((uint32_t)3u)
#define ZX_PAGER_OP_WRITEBACK_END   ((uint32_t)4u)
#define ZX_PAGER_VMO_READ           ((uint32_t)0u)
#define ZX_PAGER_VMO_COMPLETE       ((uint32_t)1u)
#define ZX_PAGER_VMO_DIRTY          ((uint32_t)2u)
#define ZX_PAGER_VMO_STATS_MODIFIED ((uint32_t)1u)
#define ZX_PAGER_RESET_VMO_STATS    ((uint32_t)1u)

/* Events of the system. */
#define ZX_SYSTEM_EVENT_OUT_OF_MEMORY            ((zx_system_event_type_t)1u)
#define ZX_SYSTEM_EVENT_MEMORY_PRESSURE_CRITICAL ((zx_system_event_type_t)2u)
#define ZX_SYSTEM_EVENT_MEMORY_PRESSURE_WARNING  ((zx_system_event_type_t)3u)
#define ZX_SYSTEM_EVENT_MEMORY_PRESSURE_NORMAL   ((zx_system_event_type_t)4u)
#define ZX_SYSTEM_EVENT_IMMINENT_OUT_OF_MEMORY   ((zx_system_event_type_t)5u)

/* Options and limits of what is not built. */
#define ZX_VMO_TRAP_DIRTY                       ((uint32_t)8u)
#define ZX_PROCESS_SHARED                       ((uint32_t)1u)
#define ZX_JOB_CRITICAL_PROCESS_RETCODE_NONZERO ((uint32_t)1u)
#define ZX_EXCEPTION_CHANNEL_DEBUGGER           ((uint32_t)1u)
#define ZX_MSI_MODE_MSI_X                       ((uint32_t)1u)
#define ZX_FIFO_MAX_SIZE_BYTES                  ((uint32_t)0x1000u)
#define ZX_CHANNEL_MAX_MSG_IOVECS               ((uint32_t)0x2000u)
#define ZX_INFO_VCPU_FLAG_KICKED                ((uint32_t)1u)
#define ZX_INFO_CPU_STATS_FLAG_ONLINE           ((uint32_t)1u)
#define ZX_INFO_INVALID_CPU                     ((uint32_t)0xffffffffu)

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
