/* Time that passes. There is no calendar, and no time of day. */
#ifndef TIME_H_
#define TIME_H_

#ifdef __cplusplus
extern "C" {
#endif

typedef long time_t;
typedef int clockid_t;

struct timespec {
    long tv_sec;
    long tv_nsec;
};

#define CLOCK_MONOTONIC 1
#define CLOCK_BOOTTIME 7

/* Another clock than these two is -1, errno EINVAL. */
int clock_gettime(clockid_t clock, struct timespec* now);
/* Sleeps to the end: nothing is left. */
int nanosleep(const struct timespec* duration, struct timespec* rest);

#ifdef __cplusplus
}
#endif

#endif /* TIME_H_ */
