/* Rights, zx_rights_t.
 *
 * Written from kernel/abi by `JACINTH_BLESS=1 cargo test -p xtask bindings`, never by hand. */
#ifndef ZIRCON_RIGHTS_H_
#define ZIRCON_RIGHTS_H_

#include <stdint.h>

typedef uint32_t zx_rights_t;

/* A right each. */
#define ZX_RIGHT_DUPLICATE      ((zx_rights_t)1u)
#define ZX_RIGHT_TRANSFER       ((zx_rights_t)2u)
#define ZX_RIGHT_READ           ((zx_rights_t)4u)
#define ZX_RIGHT_WRITE          ((zx_rights_t)8u)
#define ZX_RIGHT_EXECUTE        ((zx_rights_t)0x10u)
#define ZX_RIGHT_MAP            ((zx_rights_t)0x20u)
#define ZX_RIGHT_GET_PROPERTY   ((zx_rights_t)0x40u)
#define ZX_RIGHT_SET_PROPERTY   ((zx_rights_t)0x80u)
#define ZX_RIGHT_ENUMERATE      ((zx_rights_t)0x100u)
#define ZX_RIGHT_DESTROY        ((zx_rights_t)0x200u)
#define ZX_RIGHT_SET_POLICY     ((zx_rights_t)0x400u)
#define ZX_RIGHT_GET_POLICY     ((zx_rights_t)0x800u)
#define ZX_RIGHT_SIGNAL         ((zx_rights_t)0x1000u)
#define ZX_RIGHT_SIGNAL_PEER    ((zx_rights_t)0x2000u)
#define ZX_RIGHT_WAIT           ((zx_rights_t)0x4000u)
#define ZX_RIGHT_INSPECT        ((zx_rights_t)0x8000u)
#define ZX_RIGHT_MANAGE_JOB     ((zx_rights_t)0x10000u)
#define ZX_RIGHT_MANAGE_PROCESS ((zx_rights_t)0x20000u)
#define ZX_RIGHT_MANAGE_THREAD  ((zx_rights_t)0x40000u)
#define ZX_RIGHT_APPLY_PROFILE  ((zx_rights_t)0x80000u)
#define ZX_RIGHT_MANAGE_SOCKET  ((zx_rights_t)0x100000u)
#define ZX_RIGHT_OP_CHILDREN    ((zx_rights_t)0x200000u)
#define ZX_RIGHT_RESIZE         ((zx_rights_t)0x400000u)
#define ZX_RIGHT_ATTACH_VMO     ((zx_rights_t)0x800000u)
#define ZX_RIGHT_MANAGE_VMO     ((zx_rights_t)0x1000000u)

/* Sets of them, and what a new handle has: a VMAR more, by what it may map. The last one is ours: a physical VMO's. */
#define ZX_RIGHT_NONE                       ((zx_rights_t)0u)
#define ZX_RIGHT_SAME_RIGHTS                ((zx_rights_t)0x80000000u)
#define ZX_RIGHTS_BASIC                     ((zx_rights_t)0xc003u)
#define ZX_RIGHTS_IO                        ((zx_rights_t)0xcu)
#define ZX_RIGHTS_PROPERTY                  ((zx_rights_t)0xc0u)
#define ZX_RIGHTS_POLICY                    ((zx_rights_t)0xc00u)
#define ZX_DEFAULT_CHANNEL_RIGHTS           ((zx_rights_t)0xf00eu)
#define ZX_DEFAULT_EVENT_RIGHTS             ((zx_rights_t)0xd003u)
#define ZX_DEFAULT_PORT_RIGHTS              ((zx_rights_t)0x800fu)
#define ZX_DEFAULT_JOB_RIGHTS               ((zx_rights_t)0x7dfcfu)
#define ZX_DEFAULT_LOG_RIGHTS               ((zx_rights_t)0xd00bu)
#define ZX_DEFAULT_PROCESS_RIGHTS           ((zx_rights_t)0x6d3cfu)
#define ZX_DEFAULT_RESOURCE_RIGHTS          ((zx_rights_t)0x800bu)
#define ZX_DEFAULT_THREAD_RIGHTS            ((zx_rights_t)0x4d2cfu)
#define ZX_DEFAULT_VMAR_RIGHTS              ((zx_rights_t)0x208003u)
#define ZX_DEFAULT_IOMMU_RIGHTS             ((zx_rights_t)0x8003u)
#define ZX_DEFAULT_BTI_RIGHTS               ((zx_rights_t)0x80efu)
#define ZX_DEFAULT_PMT_RIGHTS               ((zx_rights_t)0x8000u)
#define ZX_DEFAULT_VMO_RIGHTS               ((zx_rights_t)0xd0efu)
#define ZX_DEFAULT_EVENTPAIR_RIGHTS         ((zx_rights_t)0xf003u)
#define ZX_DEFAULT_FIFO_RIGHTS              ((zx_rights_t)0xf00fu)
#define ZX_DEFAULT_INTERRUPT_RIGHTS         ((zx_rights_t)0xd00fu)
#define ZX_DEFAULT_MSI_RIGHTS               ((zx_rights_t)0xc003u)
#define ZX_DEFAULT_PCI_DEVICE_RIGHTS        ((zx_rights_t)0xc00fu)
#define ZX_DEFAULT_SOCKET_RIGHTS            ((zx_rights_t)0x10f0cfu)
#define ZX_DEFAULT_STREAM_RIGHTS            ((zx_rights_t)0xd0c3u)
#define ZX_DEFAULT_TIMER_RIGHTS             ((zx_rights_t)0xd00bu)
#define ZX_DEFAULT_PROFILE_RIGHTS           ((zx_rights_t)0x88003u)
#define ZX_DEFAULT_SUSPEND_TOKEN_RIGHTS     ((zx_rights_t)0x8002u)
#define ZX_DEFAULT_PAGER_RIGHTS             ((zx_rights_t)0x1808002u)
#define ZX_DEFAULT_EXCEPTION_RIGHTS         ((zx_rights_t)0x80c2u)
#define ZX_DEFAULT_CLOCK_RIGHTS             ((zx_rights_t)0xd0cfu)
#define ZX_DEFAULT_COUNTER_RIGHTS           ((zx_rights_t)0xd00fu)
#define ZX_DEFAULT_GUEST_RIGHTS             ((zx_rights_t)0x4800bu)
#define ZX_DEFAULT_VCPU_RIGHTS              ((zx_rights_t)0xd01fu)
#define ZX_DEFAULT_IOB_RIGHTS               ((zx_rights_t)0xf0efu)
#define ZX_DEFAULT_IOB_SHARED_REGION_RIGHTS ((zx_rights_t)0xd0c3u)
#define ZX_DEFAULT_PCI_INTERRUPT_RIGHTS     ((zx_rights_t)0xd00fu)
#define ZX_DEFAULT_PHYSICAL_VMO_RIGHTS      ((zx_rights_t)0xd0ffu)

#endif /* ZIRCON_RIGHTS_H_ */
