/* The machine's power, which is not built.
 *
 * Written from kernel/abi by `JACINTH_BLESS=1 cargo test -p xtask bindings`, never by hand. */
#ifndef ZIRCON_SYSCALLS_SYSTEM_H_
#define ZIRCON_SYSCALLS_SYSTEM_H_

#include <zircon/types.h>

/* Commands of zx_system_powerctl. */
#define ZX_SYSTEM_POWERCTL_ENABLE_ALL_CPUS              1u
#define ZX_SYSTEM_POWERCTL_DISABLE_ALL_CPUS_BUT_PRIMARY 2u
#define ZX_SYSTEM_POWERCTL_ACPI_TRANSITION_S_STATE      3u
#define ZX_SYSTEM_POWERCTL_X86_SET_PKG_PL1              4u
#define ZX_SYSTEM_POWERCTL_REBOOT                       5u
#define ZX_SYSTEM_POWERCTL_REBOOT_BOOTLOADER            6u
#define ZX_SYSTEM_POWERCTL_REBOOT_RECOVERY              7u
#define ZX_SYSTEM_POWERCTL_SHUTDOWN                     8u
#define ZX_SYSTEM_POWERCTL_ACK_KERNEL_INITIATED_REBOOT  9u

__BEGIN_CDECLS

/* What some commands of zx_system_powerctl take, all of them x86's. */
struct jacinth_powerctl_s_state {
  uint8_t target_s_state;
  uint8_t sleep_type_a;
  uint8_t sleep_type_b;
};

struct jacinth_powerctl_limit {
  uint32_t power_limit;
  uint32_t time_window;
  uint8_t clamp;
  uint8_t enable;
  uint8_t padding2[2];
};

typedef struct zx_system_powerctl_arg {
  union {
    struct jacinth_powerctl_s_state acpi_transition_s_state;
    struct jacinth_powerctl_limit x86_power_limit;
  };
} zx_system_powerctl_arg_t;

ZX_LAYOUT_SIZE(zx_system_powerctl_arg_t, 12, 4);
ZX_LAYOUT_FIELD(zx_system_powerctl_arg_t, x86_power_limit.power_limit, 0);
ZX_LAYOUT_FIELD(zx_system_powerctl_arg_t, x86_power_limit.time_window, 4);
ZX_LAYOUT_FIELD(zx_system_powerctl_arg_t, x86_power_limit.clamp, 8);
ZX_LAYOUT_FIELD(zx_system_powerctl_arg_t, x86_power_limit.enable, 9);
ZX_LAYOUT_FIELD(zx_system_powerctl_arg_t, x86_power_limit.padding2, 10);

__END_CDECLS

#endif /* ZIRCON_SYSCALLS_SYSTEM_H_ */
