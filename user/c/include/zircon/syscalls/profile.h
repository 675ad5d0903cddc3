/* Profiles, which are not built.
 *
 * Written from kernel/abi by `JACINTH_BLESS=1 cargo test -p xtask bindings`, never by hand. */
#ifndef ZIRCON_SYSCALLS_PROFILE_H_
#define ZIRCON_SYSCALLS_PROFILE_H_

#include <zircon/syscalls/scheduler.h>
#include <zircon/types.h>

/* Priorities. */
#define ZX_PRIORITY_LOWEST  0
#define ZX_PRIORITY_LOW     8
#define ZX_PRIORITY_DEFAULT 0x10
#define ZX_PRIORITY_HIGH    0x18
#define ZX_PRIORITY_HIGHEST 0x1f

/* Which fields count. */
#define ZX_PROFILE_INFO_FLAG_PRIORITY        1u
#define ZX_PROFILE_INFO_FLAG_CPU_MASK        2u
#define ZX_PROFILE_INFO_FLAG_DEADLINE        4u
#define ZX_PROFILE_INFO_FLAG_NO_INHERIT      8u
#define ZX_PROFILE_INFO_FLAG_MEMORY_PRIORITY 0x10u
#define ZX_PROFILE_INFO_FLAG_CRITICAL        0x20u

__BEGIN_CDECLS

/* What zx_profile_create makes a profile of. */
typedef struct zx_profile_info {
  uint32_t flags;
  uint8_t padding1[4];
  union {
    int32_t priority;
    zx_sched_deadline_params_t deadline_params;
  };
  zx_cpu_set_t cpu_affinity_mask;
} zx_profile_info_t;

ZX_LAYOUT_SIZE(zx_profile_info_t, 96, 8);
ZX_LAYOUT_FIELD(zx_profile_info_t, flags, 0);
ZX_LAYOUT_FIELD(zx_profile_info_t, padding1, 4);
ZX_LAYOUT_FIELD(zx_profile_info_t, priority, 8);
ZX_LAYOUT_FIELD(zx_profile_info_t, deadline_params, 8);
ZX_LAYOUT_FIELD(zx_profile_info_t, cpu_affinity_mask, 32);

__END_CDECLS

#endif /* ZIRCON_SYSCALLS_PROFILE_H_ */
