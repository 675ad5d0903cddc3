/* What a program is started with.
 *
 * Written from kernel/abi by `JACINTH_BLESS=1 cargo test -p xtask bindings`, never by hand. */
#ifndef ZIRCON_PROCESS_H_
#define ZIRCON_PROCESS_H_

#include <zircon/types.h>

__BEGIN_CDECLS

/* The handle that the program was given under this name (zircon/processargs.h: PA_HND(type, arg)); from then on it is
 * the caller's. ZX_HANDLE_INVALID if there is none, or if it was taken. */
zx_handle_t zx_take_startup_handle(uint32_t hnd_info);

/* Handles that stay the library's: nobody closes them. The job is 0 if the program was not given one. */
zx_handle_t zx_process_self(void);
zx_handle_t zx_thread_self(void);
zx_handle_t zx_vmar_root_self(void);
zx_handle_t zx_job_default(void);

__END_CDECLS

#endif /* ZIRCON_PROCESS_H_ */
