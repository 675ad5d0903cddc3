/* Resources: kinds, flags and kernel services.
 *
 * Written from kernel/abi by `JACINTH_BLESS=1 cargo test -p xtask bindings`, never by hand. */
#ifndef ZIRCON_SYSCALLS_RESOURCE_H_
#define ZIRCON_SYSCALLS_RESOURCE_H_

#include <stdint.h>

typedef uint32_t zx_rsrc_kind_t;
typedef uint32_t zx_rsrc_flags_t;
typedef uint64_t zx_rsrc_system_base_t;

/* What a resource grants. */
#define ZX_RSRC_KIND_MMIO   0u
#define ZX_RSRC_KIND_IRQ    1u
#define ZX_RSRC_KIND_IOPORT 2u
#define ZX_RSRC_KIND_SMC    4u
#define ZX_RSRC_KIND_SYSTEM 5u
#define ZX_RSRC_KIND_COUNT  6u

/* Flags. */
#define ZX_RSRC_FLAG_EXCLUSIVE 0x10000u

/* Every flag that there is. */
#define ZX_RSRC_FLAGS_MASK 0x10000u

/* Where both are in the options of zx_resource_create. */
#define ZX_RSRC_EXTRACT_KIND(options) ((options) & 0xffffu)
#define ZX_RSRC_EXTRACT_FLAGS(options) ((options) & 0xffff0000u)

/* The units of ZX_RSRC_KIND_SYSTEM, each one wide. */
#define ZX_RSRC_SYSTEM_HYPERVISOR_BASE  0ul
#define ZX_RSRC_SYSTEM_VMEX_BASE        1ul
#define ZX_RSRC_SYSTEM_DEBUG_BASE       2ul
#define ZX_RSRC_SYSTEM_INFO_BASE        3ul
#define ZX_RSRC_SYSTEM_CPU_BASE         4ul
#define ZX_RSRC_SYSTEM_POWER_BASE       5ul
#define ZX_RSRC_SYSTEM_MEXEC_BASE       6ul
#define ZX_RSRC_SYSTEM_ENERGY_INFO_BASE 7ul
#define ZX_RSRC_SYSTEM_IOMMU_BASE       8ul
#define ZX_RSRC_SYSTEM_PROFILE_BASE     0xaul
#define ZX_RSRC_SYSTEM_MSI_BASE         0xbul
#define ZX_RSRC_SYSTEM_DEBUGLOG_BASE    0xcul
#define ZX_RSRC_SYSTEM_STALL_BASE       0xdul
#define ZX_RSRC_SYSTEM_TRACING_BASE     0xeul
#define ZX_RSRC_SYSTEM_SAMPLING_BASE    0xful
#define ZX_RSRC_SYSTEM_COUNT            0x10ul

#endif /* ZIRCON_SYSCALLS_RESOURCE_H_ */
