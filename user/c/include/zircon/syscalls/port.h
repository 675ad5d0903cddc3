/* Ports.
 *
 * Written from kernel/abi by `JACINTH_BLESS=1 cargo test -p xtask bindings`, never by hand. */
#ifndef ZIRCON_SYSCALLS_PORT_H_
#define ZIRCON_SYSCALLS_PORT_H_

#include <zircon/types.h>

typedef uint32_t zx_packet_type_t;

/* Options of zx_port_create. */
#define ZX_PORT_BIND_TO_INTERRUPT 1u

/* What a packet is about. */
#define ZX_PKT_TYPE_USER       0u
#define ZX_PKT_TYPE_SIGNAL_ONE 1u

/* Packets that do not come yet. */
#define ZX_PKT_TYPE_GUEST_BELL   3u
#define ZX_PKT_TYPE_GUEST_MEM    4u
#define ZX_PKT_TYPE_GUEST_IO     5u
#define ZX_PKT_TYPE_GUEST_VCPU   6u
#define ZX_PKT_TYPE_INTERRUPT    7u
#define ZX_PKT_TYPE_PAGE_REQUEST 9u

#define ZX_PKT_IS_USER(type) ((type) == ZX_PKT_TYPE_USER)
#define ZX_PKT_IS_SIGNAL_ONE(type) ((type) == ZX_PKT_TYPE_SIGNAL_ONE)
#define ZX_PKT_IS_INTERRUPT(type) ((type) == ZX_PKT_TYPE_INTERRUPT)
#define ZX_PKT_IS_PAGE_REQUEST(type) ((type) == ZX_PKT_TYPE_PAGE_REQUEST)

__BEGIN_CDECLS

/* ZX_PKT_TYPE_SIGNAL_ONE */
typedef struct zx_packet_signal {
  zx_signals_t trigger;
  zx_signals_t observed;
  uint64_t count;
  zx_time_t timestamp;
  uint64_t reserved1;
} zx_packet_signal_t;
ZX_LAYOUT_SIZE(zx_packet_signal_t, 32, 8);
ZX_LAYOUT_FIELD(zx_packet_signal_t, trigger, 0);
ZX_LAYOUT_FIELD(zx_packet_signal_t, observed, 4);
ZX_LAYOUT_FIELD(zx_packet_signal_t, count, 8);
ZX_LAYOUT_FIELD(zx_packet_signal_t, timestamp, 16);
ZX_LAYOUT_FIELD(zx_packet_signal_t, reserved1, 24);

/* What zx_port_queue carries. */
typedef union zx_packet_user {
  uint64_t u64[4];
  uint32_t u32[8];
  uint16_t u16[16];
  uint8_t c8[32];
} zx_packet_user_t;

/* ZX_PKT_TYPE_INTERRUPT */
typedef struct zx_packet_interrupt {
  zx_instant_boot_t timestamp;
  uint64_t reserved0;
  uint64_t reserved1;
  uint64_t reserved2;
} zx_packet_interrupt_t;

/* What comes out of a port. */
typedef struct zx_port_packet {
  uint64_t key;
  zx_packet_type_t type;
  zx_status_t status;
  union {
    zx_packet_user_t user;
    zx_packet_signal_t signal;
    zx_packet_interrupt_t interrupt;
  };
} zx_port_packet_t;

ZX_LAYOUT_SIZE(zx_port_packet_t, 48, 8);
ZX_LAYOUT_FIELD(zx_port_packet_t, key, 0);
ZX_LAYOUT_FIELD(zx_port_packet_t, type, 8);
ZX_LAYOUT_FIELD(zx_port_packet_t, status, 12);
ZX_LAYOUT_FIELD(zx_port_packet_t, user, 16);
ZX_LAYOUT_FIELD(zx_port_packet_t, signal, 16);
ZX_LAYOUT_FIELD(zx_port_packet_t, interrupt, 16);

__END_CDECLS

#endif /* ZIRCON_SYSCALLS_PORT_H_ */
