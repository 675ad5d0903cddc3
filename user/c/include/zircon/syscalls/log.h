/* The log.
 *
 * Written from kernel/abi by `JACINTH_BLESS=1 cargo test -p xtask bindings`, never by hand. */
#ifndef ZIRCON_SYSCALLS_LOG_H_
#define ZIRCON_SYSCALLS_LOG_H_

#include <stdint.h>
#include <zircon/types.h>

/* A longer record is cut. */
#define ZX_LOG_RECORD_DATA_MAX 0xd8u

/* Options of zx_debuglog_create. */
#define ZX_LOG_FLAG_READABLE 0x40000000u

/* The longest record that is read, its head included. */
#define ZX_LOG_RECORD_MAX 0x100u

__BEGIN_CDECLS

/* The head of a record that was read. Its text follows. */
typedef struct zx_log_record {
  uint64_t sequence;
  uint8_t padding1[4];
  uint16_t datalen;
  uint8_t severity;
  uint8_t flags;
  int64_t timestamp;
  uint64_t pid;
  uint64_t tid;
} zx_log_record_t;
ZX_LAYOUT_SIZE(zx_log_record_t, 40, 8);
ZX_LAYOUT_FIELD(zx_log_record_t, sequence, 0);
ZX_LAYOUT_FIELD(zx_log_record_t, padding1, 8);
ZX_LAYOUT_FIELD(zx_log_record_t, datalen, 12);
ZX_LAYOUT_FIELD(zx_log_record_t, severity, 14);
ZX_LAYOUT_FIELD(zx_log_record_t, flags, 15);
ZX_LAYOUT_FIELD(zx_log_record_t, timestamp, 16);
ZX_LAYOUT_FIELD(zx_log_record_t, pid, 24);
ZX_LAYOUT_FIELD(zx_log_record_t, tid, 32);

__END_CDECLS

#endif /* ZIRCON_SYSCALLS_LOG_H_ */
