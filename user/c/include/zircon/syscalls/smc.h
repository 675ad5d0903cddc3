/* Secure monitor calls.
 *
 * Written from kernel/abi by `JACINTH_BLESS=1 cargo test -p xtask bindings`, never by hand. */
#ifndef ZIRCON_SYSCALLS_SMC_H_
#define ZIRCON_SYSCALLS_SMC_H_

#include <zircon/types.h>

__BEGIN_CDECLS

/* The registers of a call. */
typedef struct zx_smc_parameters {
  uint32_t func_id;
  uint8_t padding1[4];
  uint64_t arg1;
  uint64_t arg2;
  uint64_t arg3;
  uint64_t arg4;
  uint64_t arg5;
  uint64_t arg6;
  uint16_t client_id;
  uint16_t secure_os_id;
  uint8_t padding2[4];
} zx_smc_parameters_t;
ZX_LAYOUT_SIZE(zx_smc_parameters_t, 64, 8);
ZX_LAYOUT_FIELD(zx_smc_parameters_t, func_id, 0);
ZX_LAYOUT_FIELD(zx_smc_parameters_t, padding1, 4);
ZX_LAYOUT_FIELD(zx_smc_parameters_t, arg1, 8);
ZX_LAYOUT_FIELD(zx_smc_parameters_t, arg2, 16);
ZX_LAYOUT_FIELD(zx_smc_parameters_t, arg3, 24);
ZX_LAYOUT_FIELD(zx_smc_parameters_t, arg4, 32);
ZX_LAYOUT_FIELD(zx_smc_parameters_t, arg5, 40);
ZX_LAYOUT_FIELD(zx_smc_parameters_t, arg6, 48);
ZX_LAYOUT_FIELD(zx_smc_parameters_t, client_id, 56);
ZX_LAYOUT_FIELD(zx_smc_parameters_t, secure_os_id, 58);
ZX_LAYOUT_FIELD(zx_smc_parameters_t, padding2, 60);

/* What they held afterwards. */
typedef struct zx_smc_result {
  uint64_t arg0;
  uint64_t arg1;
  uint64_t arg2;
  uint64_t arg3;
  uint64_t arg6;
} zx_smc_result_t;
ZX_LAYOUT_SIZE(zx_smc_result_t, 40, 8);
ZX_LAYOUT_FIELD(zx_smc_result_t, arg0, 0);
ZX_LAYOUT_FIELD(zx_smc_result_t, arg1, 8);
ZX_LAYOUT_FIELD(zx_smc_result_t, arg2, 16);
ZX_LAYOUT_FIELD(zx_smc_result_t, arg3, 24);
ZX_LAYOUT_FIELD(zx_smc_result_t, arg6, 32);

__END_CDECLS

#endif /* ZIRCON_SYSCALLS_SMC_H_ */
