/* The log.
 *
 * Written from kernel/abi by `JACINTH_BLESS=1 cargo test -p xtask bindings`, never by hand. */
#ifndef ZIRCON_SYSCALLS_LOG_H_
#define ZIRCON_SYSCALLS_LOG_H_

#include <stdint.h>

/* A longer record is cut. */
#define ZX_LOG_RECORD_DATA_MAX 0xd8u

/* Options of zx_debuglog_create. */
#define ZX_LOG_FLAG_READABLE 0x40000000u

#endif /* ZIRCON_SYSCALLS_LOG_H_ */
