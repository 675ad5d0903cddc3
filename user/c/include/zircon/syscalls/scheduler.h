/* Scheduling by deadlines, which is not built.
 *
 * Written from kernel/abi by `JACINTH_BLESS=1 cargo test -p xtask bindings`, never by hand. */
#ifndef ZIRCON_SYSCALLS_SCHEDULER_H_
#define ZIRCON_SYSCALLS_SCHEDULER_H_

#include <zircon/compiler.h>
#include <zircon/time.h>

__BEGIN_CDECLS

/* How much of each period a thread runs, and how soon. */
typedef struct zx_sched_deadline_params {
  zx_duration_mono_t capacity;
  zx_duration_mono_t relative_deadline;
  zx_duration_mono_t period;
} zx_sched_deadline_params_t;
ZX_LAYOUT_SIZE(zx_sched_deadline_params_t, 24, 8);
ZX_LAYOUT_FIELD(zx_sched_deadline_params_t, capacity, 0);
ZX_LAYOUT_FIELD(zx_sched_deadline_params_t, relative_deadline, 8);
ZX_LAYOUT_FIELD(zx_sched_deadline_params_t, period, 16);

__END_CDECLS

#endif /* ZIRCON_SYSCALLS_SCHEDULER_H_ */
