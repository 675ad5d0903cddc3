/* Exceptions. They are not built: a fault that a program does not survive ends it.
 *
 * Written from kernel/abi by `JACINTH_BLESS=1 cargo test -p xtask bindings`, never by hand. */
#ifndef ZIRCON_SYSCALLS_EXCEPTION_H_
#define ZIRCON_SYSCALLS_EXCEPTION_H_

#include <zircon/types.h>

typedef uint32_t zx_excp_type_t;

/* What happened. */
#define ZX_EXCP_GENERAL               8u
#define ZX_EXCP_FATAL_PAGE_FAULT      0x108u
#define ZX_EXCP_UNDEFINED_INSTRUCTION 0x208u
#define ZX_EXCP_SW_BREAKPOINT         0x308u
#define ZX_EXCP_HW_BREAKPOINT         0x408u
#define ZX_EXCP_UNALIGNED_ACCESS      0x508u
#define ZX_EXCP_SYNTH                 0x8000u
#define ZX_EXCP_THREAD_STARTING       0x8008u
#define ZX_EXCP_THREAD_EXITING        0x8108u
#define ZX_EXCP_POLICY_ERROR          0x8208u
#define ZX_EXCP_PROCESS_STARTING      0x8308u
#define ZX_EXCP_USER                  0x8309u

#define ZX_EXCP_IS_ARCH(type) (((type) & ZX_EXCP_SYNTH) == 0)

/* Who is asked. */
#define ZX_EXCEPTION_CHANNEL_TYPE_NONE         0u
#define ZX_EXCEPTION_CHANNEL_TYPE_DEBUGGER     1u
#define ZX_EXCEPTION_CHANNEL_TYPE_THREAD       2u
#define ZX_EXCEPTION_CHANNEL_TYPE_PROCESS      3u
#define ZX_EXCEPTION_CHANNEL_TYPE_JOB          4u
#define ZX_EXCEPTION_CHANNEL_TYPE_JOB_DEBUGGER 5u

__BEGIN_CDECLS

/* What comes on an exception channel, with the exception's handle. */
typedef struct zx_exception_info {
  zx_koid_t pid;
  zx_koid_t tid;
  zx_excp_type_t type;
  uint8_t padding1[4];
} zx_exception_info_t;
ZX_LAYOUT_SIZE(zx_exception_info_t, 24, 8);
ZX_LAYOUT_FIELD(zx_exception_info_t, pid, 0);
ZX_LAYOUT_FIELD(zx_exception_info_t, tid, 8);
ZX_LAYOUT_FIELD(zx_exception_info_t, type, 16);
ZX_LAYOUT_FIELD(zx_exception_info_t, padding1, 20);

typedef struct zx_x86_64_exc_data {
  uint64_t vector;
  uint64_t err_code;
  uint64_t cr2;
} zx_x86_64_exc_data_t;

typedef struct zx_arm64_exc_data {
  uint32_t esr;
  uint8_t padding1[4];
  uint64_t far;
  uint8_t padding2[8];
} zx_arm64_exc_data_t;

typedef struct zx_riscv64_exc_data {
  uint64_t cause;
  uint64_t tval;
  uint8_t padding1[8];
} zx_riscv64_exc_data_t;

typedef struct zx_exception_context {
  struct {
    union {
      zx_x86_64_exc_data_t x86_64;
      zx_arm64_exc_data_t arm_64;
      zx_riscv64_exc_data_t riscv_64;
    } u;
  } arch;
  zx_status_t synth_code;
  uint32_t synth_data;
} zx_exception_context_t;

typedef struct zx_exception_header {
  uint32_t size;
  zx_excp_type_t type;
} zx_exception_header_t;

/* ZX_INFO_THREAD_EXCEPTION_REPORT */
typedef struct zx_exception_report {
  zx_exception_header_t header;
  zx_exception_context_t context;
} zx_exception_report_t;

ZX_LAYOUT_SIZE(zx_exception_report_t, 40, 8);
ZX_LAYOUT_FIELD(zx_exception_report_t, header.size, 0);
ZX_LAYOUT_FIELD(zx_exception_report_t, header.type, 4);
ZX_LAYOUT_FIELD(zx_exception_report_t, context.arch, 8);
ZX_LAYOUT_FIELD(zx_exception_report_t, context.synth_code, 32);
ZX_LAYOUT_FIELD(zx_exception_report_t, context.synth_data, 36);
ZX_LAYOUT_FIELD(zx_exception_report_t, context.arch.u.arm_64.far, 16);

__END_CDECLS

#endif /* ZIRCON_SYSCALLS_EXCEPTION_H_ */
