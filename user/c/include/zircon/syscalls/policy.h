/* Job policies.
 *
 * Written from kernel/abi by `JACINTH_BLESS=1 cargo test -p xtask bindings`, never by hand. */
#ifndef ZIRCON_SYSCALLS_POLICY_H_
#define ZIRCON_SYSCALLS_POLICY_H_

#include <zircon/types.h>

/* Topics of zx_job_set_policy, and what contradicting an ancestor's policy means. */
#define ZX_JOB_POL_BASIC_V1    ((uint32_t)0u)
#define ZX_JOB_POL_BASIC_V2    ((uint32_t)0x1000000u)
#define ZX_JOB_POL_TIMER_SLACK ((uint32_t)1u)
#define ZX_JOB_POL_RELATIVE    ((uint32_t)0u)
#define ZX_JOB_POL_ABSOLUTE    ((uint32_t)1u)

/* What a policy is about. */
#define ZX_POL_BAD_HANDLE            ((uint32_t)0u)
#define ZX_POL_WRONG_OBJECT          ((uint32_t)1u)
#define ZX_POL_VMAR_WX               ((uint32_t)2u)
#define ZX_POL_NEW_ANY               ((uint32_t)3u)
#define ZX_POL_NEW_VMO               ((uint32_t)4u)
#define ZX_POL_NEW_CHANNEL           ((uint32_t)5u)
#define ZX_POL_NEW_EVENT             ((uint32_t)6u)
#define ZX_POL_NEW_EVENTPAIR         ((uint32_t)7u)
#define ZX_POL_NEW_PORT              ((uint32_t)8u)
#define ZX_POL_NEW_SOCKET            ((uint32_t)9u)
#define ZX_POL_NEW_FIFO              ((uint32_t)0xau)
#define ZX_POL_NEW_TIMER             ((uint32_t)0xbu)
#define ZX_POL_NEW_PROCESS           ((uint32_t)0xcu)
#define ZX_POL_NEW_PROFILE           ((uint32_t)0xdu)
#define ZX_POL_NEW_PAGER             ((uint32_t)0xeu)
#define ZX_POL_AMBIENT_MARK_VMO_EXEC ((uint32_t)0xfu)
#define ZX_POL_NEW_IOB               ((uint32_t)0x10u)
#define ZX_POL_NEW_SAMPLER           ((uint32_t)0x11u)

/* How many those are. */
#define ZX_POL_MAX ((uint32_t)0x12u)

/* What happens then. */
#define ZX_POL_ACTION_ALLOW           ((uint32_t)0u)
#define ZX_POL_ACTION_DENY            ((uint32_t)1u)
#define ZX_POL_ACTION_ALLOW_EXCEPTION ((uint32_t)2u)
#define ZX_POL_ACTION_DENY_EXCEPTION  ((uint32_t)3u)
#define ZX_POL_ACTION_KILL            ((uint32_t)4u)

/* Whether a child job may set it otherwise. */
#define ZX_POL_OVERRIDE_ALLOW ((uint32_t)0u)
#define ZX_POL_OVERRIDE_DENY  ((uint32_t)1u)

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
