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
#define ZX_RSRC_KIND_MMIO   ((zx_rsrc_kind_t)0u)
#define ZX_RSRC_KIND_IRQ    ((zx_rsrc_kind_t)1u)
#define ZX_RSRC_KIND_IOPORT ((zx_rsrc_kind_t)2u)
#define ZX_RSRC_KIND_SMC    ((zx_rsrc_kind_t)4u)
#define ZX_RSRC_KIND_SYSTEM ((zx_rsrc_kind_t)5u)
#define ZX_RSRC_KIND_COUNT  ((zx_rsrc_kind_t)6u)

/* Flags. */
#define ZX_RSRC_FLAG_EXCLUSIVE ((zx_rsrc_flags_t)0x10000u)

/* Every flag that there is. */
#define ZX_RSRC_FLAGS_MASK ((zx_rsrc_flags_t)0x10000u)

/* Where both are in the options of zx_resource_create. */
#define ZX_RSRC_EXTRACT_KIND(options) ((options) & 0xffffu)
#define ZX_RSRC_EXTRACT_FLAGS(options) ((options) & 0xffff0000u)

/* The units of ZX_RSRC_KIND_SYSTEM, each one wide. */
#define ZX_RSRC_SYSTEM_HYPERVISOR_BASE  ((zx_rsrc_system_base_t)0u)
#define ZX_RSRC_SYSTEM_VMEX_BASE        ((zx_rsrc_system_base_t)1u)
#define ZX_RSRC_SYSTEM_DEBUG_BASE       ((zx_rsrc_system_base_t)2u)
#define ZX_RSRC_SYSTEM_INFO_BASE        ((zx_rsrc_system_base_t)3u)
#define ZX_RSRC_SYSTEM_CPU_BASE         ((zx_rsrc_system_base_t)4u)
#define ZX_RSRC_SYSTEM_POWER_BASE       ((zx_rsrc_system_base_t)5u)
#define ZX_RSRC_SYSTEM_MEXEC_BASE       ((zx_rsrc_system_base_t)6u)
#define ZX_RSRC_SYSTEM_ENERGY_INFO_BASE ((zx_rsrc_system_base_t)7u)
#define ZX_RSRC_SYSTEM_IOMMU_BASE       ((zx_rsrc_system_base_t)8u)
#define ZX_RSRC_SYSTEM_PROFILE_BASE     ((zx_rsrc_system_base_t)0xau)
#define ZX_RSRC_SYSTEM_MSI_BASE         ((zx_rsrc_system_base_t)0xbu)
#define ZX_RSRC_SYSTEM_DEBUGLOG_BASE    ((zx_rsrc_system_base_t)0xcu)
#define ZX_RSRC_SYSTEM_STALL_BASE       ((zx_rsrc_system_base_t)0xdu)
#define ZX_RSRC_SYSTEM_TRACING_BASE     ((zx_rsrc_system_base_t)0xeu)
#define ZX_RSRC_SYSTEM_SAMPLING_BASE    ((zx_rsrc_system_base_t)0xfu)
#define ZX_RSRC_SYSTEM_COUNT            ((zx_rsrc_system_base_t)0x10u)

#endif /* ZIRCON_SYSCALLS_RESOURCE_H_ */
