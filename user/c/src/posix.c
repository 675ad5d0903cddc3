/* What sys/types.h, time.h and unistd.h declare. */
#include <errno.h>
#include <stdlib.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include <zircon/syscalls.h>
#include <zircon/time.h>

enum { NANOSECONDS = 1000000000 };

int clock_gettime(clockid_t clock, struct timespec* now) {
    if (clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME) {
        errno = EINVAL;
        return -1;
    }
    zx_time_t time = clock == CLOCK_MONOTONIC ? zx_clock_get_monotonic() : zx_clock_get_boot();
    *now = (struct timespec){.tv_sec = time / NANOSECONDS, .tv_nsec = time % NANOSECONDS};
    return 0;
}

int nanosleep(const struct timespec* duration, struct timespec* rest) {
    if (duration->tv_sec < 0 || duration->tv_nsec < 0 || duration->tv_nsec >= NANOSECONDS) {
        errno = EINVAL;
        return -1;
    }
    return thrd_sleep(duration, rest);
}

unsigned sleep(unsigned seconds) {
    zx_nanosleep(zx_deadline_after(zx_duration_from_sec(seconds)));
    return 0;
}

int usleep(useconds_t microseconds) {
    zx_nanosleep(zx_deadline_after(zx_duration_from_usec(microseconds)));
    return 0;
}

int getpagesize(void) { return (int)zx_system_get_page_size(); }

_Noreturn void _exit(int status) { _Exit(status); }
