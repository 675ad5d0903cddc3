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

/* The status that a thrd_ value comes nearest to. */
static inline zx_status_t thrd_status_to_zx_status(int status) {
  switch (status) {
    case thrd_success:
      return ZX_OK;
    case thrd_nomem:
      return ZX_ERR_NO_MEMORY;
    case thrd_timedout:
      return ZX_ERR_TIMED_OUT;
    case thrd_busy:
      return ZX_ERR_SHOULD_WAIT;
    default:
      return ZX_ERR_INTERNAL;
  }
}

__END_CDECLS

#endif /* ZIRCON_THREADS_H_ */
