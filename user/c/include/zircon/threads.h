/* What the kernel knows a thread of threads.h by. */
#ifndef ZIRCON_THREADS_H_
#define ZIRCON_THREADS_H_

#include <threads.h>
#include <zircon/types.h>

__BEGIN_CDECLS

/* The thread's handle, which stays the library's: it is closed when the thread is joined. */
zx_handle_t thrd_get_zx_handle(thrd_t thread);

/* The thrd_ value that a status comes nearest to. */
static inline int thrd_status_from_zx_status(zx_status_t status) {
  return status == ZX_OK ? thrd_success : status == ZX_ERR_NO_MEMORY ? thrd_nomem : thrd_error;
}

__END_CDECLS

#endif /* ZIRCON_THREADS_H_ */
