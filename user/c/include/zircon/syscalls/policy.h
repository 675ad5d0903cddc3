/* Job policies.
 *
 * Written from kernel/abi by `JACINTH_BLESS=1 cargo test -p xtask bindings`, never by hand. */
#ifndef ZIRCON_SYSCALLS_POLICY_H_
#define ZIRCON_SYSCALLS_POLICY_H_

#include <zircon/types.h>

/* Topics of zx_job_set_policy, and what contradicting an ancestor's policy means. */
#define ZX_JOB_POL_BASIC_V1    0u
#define ZX_JOB_POL_BASIC_V2    0x1000000u
#define ZX_JOB_POL_TIMER_SLACK 1u
#define ZX_JOB_POL_RELATIVE    0u
#define ZX_JOB_POL_ABSOLUTE    1u

/* What a policy is about. */
#define ZX_POL_BAD_HANDLE            0u
#define ZX_POL_WRONG_OBJECT          1u
#define ZX_POL_VMAR_WX               2u
#define ZX_POL_NEW_ANY               3u
#define ZX_POL_NEW_VMO               4u
#define ZX_POL_NEW_CHANNEL           5u
#define ZX_POL_NEW_EVENT             6u
#define ZX_POL_NEW_EVENTPAIR         7u
#define ZX_POL_NEW_PORT              8u
#define ZX_POL_NEW_SOCKET            9u
#define ZX_POL_NEW_FIFO              0xau
#define ZX_POL_NEW_TIMER             0xbu
#define ZX_POL_NEW_PROCESS           0xcu
#define ZX_POL_NEW_PROFILE           0xdu
#define ZX_POL_NEW_PAGER             0xeu
#define ZX_POL_AMBIENT_MARK_VMO_EXEC 0xfu
#define ZX_POL_NEW_IOB               0x10u
#define ZX_POL_NEW_SAMPLER           0x11u

/* How many those are. */
#define ZX_POL_MAX 0x12u

/* What happens then. */
#define ZX_POL_ACTION_ALLOW           0u
#define ZX_POL_ACTION_DENY            1u
#define ZX_POL_ACTION_ALLOW_EXCEPTION 2u
#define ZX_POL_ACTION_DENY_EXCEPTION  3u
#define ZX_POL_ACTION_KILL            4u

/* Whether a child job may set it otherwise. */
#define ZX_POL_OVERRIDE_ALLOW 0u
#define ZX_POL_OVERRIDE_DENY  1u

__BEGIN_CDECLS

/* One policy of ZX_JOB_POL_BASIC_V1. */
typedef struct zx_policy_basic_v1 {
  uint32_t condition;
  uint32_t policy;
} zx_policy_basic_v1_t;
ZX_LAYOUT_SIZE(zx_policy_basic_v1_t, 8, 4);
ZX_LAYOUT_FIELD(zx_policy_basic_v1_t, condition, 0);
ZX_LAYOUT_FIELD(zx_policy_basic_v1_t, policy, 4);

/* One policy of ZX_JOB_POL_BASIC_V2. */
typedef struct zx_policy_basic_v2 {
  uint32_t condition;
  uint32_t action;
  uint32_t flags;
} zx_policy_basic_v2_t;
ZX_LAYOUT_SIZE(zx_policy_basic_v2_t, 12, 4);
ZX_LAYOUT_FIELD(zx_policy_basic_v2_t, condition, 0);
ZX_LAYOUT_FIELD(zx_policy_basic_v2_t, action, 4);
ZX_LAYOUT_FIELD(zx_policy_basic_v2_t, flags, 8);

/* The policy of ZX_JOB_POL_TIMER_SLACK. */
typedef struct zx_policy_timer_slack {
  zx_duration_t min_slack;
  uint32_t default_mode;
  uint8_t padding1[4];
} zx_policy_timer_slack_t;
ZX_LAYOUT_SIZE(zx_policy_timer_slack_t, 16, 8);
ZX_LAYOUT_FIELD(zx_policy_timer_slack_t, min_slack, 0);
ZX_LAYOUT_FIELD(zx_policy_timer_slack_t, default_mode, 8);
ZX_LAYOUT_FIELD(zx_policy_timer_slack_t, padding1, 12);

typedef zx_policy_basic_v1_t zx_policy_basic;
typedef zx_policy_basic_v1_t zx_policy_basic_t;
#define ZX_JOB_POL_BASIC ZX_JOB_POL_BASIC_V1

__END_CDECLS

#endif /* ZIRCON_SYSCALLS_POLICY_H_ */
