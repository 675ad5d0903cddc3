/* Rights, zx_rights_t.
 *
 * Written from kernel/abi by `JACINTH_BLESS=1 cargo test -p xtask bindings`, never by hand. */
#ifndef ZIRCON_RIGHTS_H_
#define ZIRCON_RIGHTS_H_

#include <stdint.h>

typedef uint32_t zx_rights_t;

/* A right each. */
#define ZX_RIGHT_DUPLICATE      1u
#define ZX_RIGHT_TRANSFER       2u
#define ZX_RIGHT_READ           4u
#define ZX_RIGHT_WRITE          8u
#define ZX_RIGHT_EXECUTE        0x10u
#define ZX_RIGHT_MAP            0x20u
#define ZX_RIGHT_GET_PROPERTY   0x40u
#define ZX_RIGHT_SET_PROPERTY   0x80u
#define ZX_RIGHT_ENUMERATE      0x100u
#define ZX_RIGHT_DESTROY        0x200u
#define ZX_RIGHT_SET_POLICY     0x400u
#define ZX_RIGHT_GET_POLICY     0x800u
#define ZX_RIGHT_SIGNAL         0x1000u
#define ZX_RIGHT_SIGNAL_PEER    0x2000u
#define ZX_RIGHT_WAIT           0x4000u
#define ZX_RIGHT_INSPECT        0x8000u
#define ZX_RIGHT_MANAGE_JOB     0x10000u
#define ZX_RIGHT_MANAGE_PROCESS 0x20000u
#define ZX_RIGHT_MANAGE_THREAD  0x40000u
#define ZX_RIGHT_APPLY_PROFILE  0x80000u
#define ZX_RIGHT_MANAGE_SOCKET  0x100000u
#define ZX_RIGHT_OP_CHILDREN    0x200000u
#define ZX_RIGHT_RESIZE         0x400000u
#define ZX_RIGHT_ATTACH_VMO     0x800000u
#define ZX_RIGHT_MANAGE_VMO     0x1000000u

/* Sets of them, and what a new handle has: a VMAR more, by what it may map. The last one is ours: a physical VMO's. */
#define ZX_RIGHT_NONE                       0u
#define ZX_RIGHT_SAME_RIGHTS                0x80000000u
#define ZX_RIGHTS_BASIC                     0xc003u
#define ZX_RIGHTS_IO                        0xcu
#define ZX_RIGHTS_PROPERTY                  0xc0u
#define ZX_RIGHTS_POLICY                    0xc00u
#define ZX_DEFAULT_CHANNEL_RIGHTS           0xf00eu
#define ZX_DEFAULT_EVENT_RIGHTS             0xd003u
#define ZX_DEFAULT_PORT_RIGHTS              0x800fu
#define ZX_DEFAULT_JOB_RIGHTS               0x7dfcfu
#define ZX_DEFAULT_LOG_RIGHTS               0xd00bu
#define ZX_DEFAULT_PROCESS_RIGHTS           0x6d3cfu
#define ZX_DEFAULT_RESOURCE_RIGHTS          0x800bu
#define ZX_DEFAULT_THREAD_RIGHTS            0x4d2cfu
#define ZX_DEFAULT_VMAR_RIGHTS              0x208003u
#define ZX_DEFAULT_IOMMU_RIGHTS             0x8003u
#define ZX_DEFAULT_BTI_RIGHTS               0x80efu
#define ZX_DEFAULT_PMT_RIGHTS               0x8000u
#define ZX_DEFAULT_VMO_RIGHTS               0xd0efu
#define ZX_DEFAULT_EVENTPAIR_RIGHTS         0xf003u
#define ZX_DEFAULT_FIFO_RIGHTS              0xf00fu
#define ZX_DEFAULT_INTERRUPT_RIGHTS         0xd00fu
#define ZX_DEFAULT_MSI_RIGHTS               0xc003u
#define ZX_DEFAULT_PCI_DEVICE_RIGHTS        0xc00fu
#define ZX_DEFAULT_SOCKET_RIGHTS            0x10f0cfu
#define ZX_DEFAULT_STREAM_RIGHTS            0xd0c3u
#define ZX_DEFAULT_TIMER_RIGHTS             0xd00bu
#define ZX_DEFAULT_PROFILE_RIGHTS           0x88003u
#define ZX_DEFAULT_SUSPEND_TOKEN_RIGHTS     0x8002u
#define ZX_DEFAULT_PAGER_RIGHTS             0x1808002u
#define ZX_DEFAULT_EXCEPTION_RIGHTS         0x80c2u
#define ZX_DEFAULT_CLOCK_RIGHTS             0xd0cfu
#define ZX_DEFAULT_COUNTER_RIGHTS           0xd00fu
#define ZX_DEFAULT_GUEST_RIGHTS             0x4800bu
#define ZX_DEFAULT_VCPU_RIGHTS              0xd01fu
#define ZX_DEFAULT_IOB_RIGHTS               0xf0efu
#define ZX_DEFAULT_IOB_SHARED_REGION_RIGHTS 0xd0c3u
#define ZX_DEFAULT_PCI_INTERRUPT_RIGHTS     0xd00fu
#define ZX_DEFAULT_PHYSICAL_VMO_RIGHTS      0xd0ffu

#endif /* ZIRCON_RIGHTS_H_ */
