/* Sizes that do not change.
 *
 * Written from kernel/abi by `JACINTH_BLESS=1 cargo test -p xtask bindings`, never by hand. */
#ifndef ZIRCON_LIMITS_H_
#define ZIRCON_LIMITS_H_

#include <stddef.h>

/* A page. */
#define ZX_MIN_PAGE_SHIFT 0xcu
#define ZX_MAX_PAGE_SHIFT 0xcu
#define ZX_PAGE_SHIFT     0xcu
#define ZX_MIN_PAGE_SIZE  0x1000u
#define ZX_MAX_PAGE_SIZE  0x1000u
#define ZX_PAGE_SIZE      0x1000u

#endif /* ZIRCON_LIMITS_H_ */
