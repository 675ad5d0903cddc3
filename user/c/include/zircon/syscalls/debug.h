/* A thread's registers.
 *
 * Written from kernel/abi by `JACINTH_BLESS=1 cargo test -p xtask bindings`, never by hand. */
#ifndef ZIRCON_SYSCALLS_DEBUG_H_
#define ZIRCON_SYSCALLS_DEBUG_H_

#include <zircon/types.h>

typedef uint32_t zx_thread_state_topic_t;

/* Kinds of zx_thread_read_state. */
#define ZX_THREAD_STATE_GENERAL_REGS 0u
#define ZX_THREAD_STATE_FP_REGS      1u
#define ZX_THREAD_STATE_VECTOR_REGS  2u
#define ZX_THREAD_STATE_DEBUG_REGS   4u
#define ZX_THREAD_STATE_SINGLE_STEP  5u

/* X0 to X29, and the others of AArch64. */
typedef struct zx_arm64_general_regs {
  uint64_t r[30];
  uint64_t lr;
  uint64_t sp;
  uint64_t pc;
  uint64_t cpsr;
  uint64_t tpidr;
} zx_thread_state_general_regs_t;

ZX_LAYOUT_SIZE(zx_thread_state_general_regs_t, 280, 8);
ZX_LAYOUT_FIELD(zx_thread_state_general_regs_t, r, 0);
ZX_LAYOUT_FIELD(zx_thread_state_general_regs_t, lr, 240);
ZX_LAYOUT_FIELD(zx_thread_state_general_regs_t, sp, 248);
ZX_LAYOUT_FIELD(zx_thread_state_general_regs_t, pc, 256);
ZX_LAYOUT_FIELD(zx_thread_state_general_regs_t, cpsr, 264);
ZX_LAYOUT_FIELD(zx_thread_state_general_regs_t, tpidr, 272);

#endif /* ZIRCON_SYSCALLS_DEBUG_H_ */
