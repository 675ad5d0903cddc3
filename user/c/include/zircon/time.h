/* Time.
 *
 * Written from kernel/abi by `JACINTH_BLESS=1 cargo test -p xtask bindings`, never by hand. */
#ifndef ZIRCON_TIME_H_
#define ZIRCON_TIME_H_

#include <stdint.h>

/* Nanoseconds, and ticks of the counter. */
typedef int64_t zx_time_t;
typedef int64_t zx_duration_t;
typedef int64_t zx_ticks_t;
typedef int64_t zx_instant_mono_t;
typedef int64_t zx_instant_boot_t;
typedef int64_t zx_instant_mono_ticks_t;
typedef int64_t zx_instant_boot_ticks_t;
typedef int64_t zx_duration_mono_t;
typedef int64_t zx_duration_boot_t;
typedef uint32_t zx_clock_t;

#define ZX_TIME_INFINITE INT64_MAX
#define ZX_TIME_INFINITE_PAST INT64_MIN

#define ZX_NSEC(n) ((zx_duration_t)(n))
#define ZX_USEC(n) ((zx_duration_t)(1000ll * (n)))
#define ZX_MSEC(n) ((zx_duration_t)(1000000ll * (n)))
#define ZX_SEC(n) ((zx_duration_t)(1000000000ll * (n)))
#define ZX_MIN(n) ((zx_duration_t)(60ll * 1000000000ll * (n)))
#define ZX_HOUR(n) ((zx_duration_t)(3600ll * 1000000000ll * (n)))

/* The instant that lies a duration later; it stops at the end of time. */
static inline zx_time_t zx_time_add_duration(zx_time_t time, zx_duration_t duration) {
  zx_time_t sum = 0;
  if (__builtin_add_overflow(time, duration, &sum)) {
    return duration < 0 ? ZX_TIME_INFINITE_PAST : ZX_TIME_INFINITE;
  }
  return sum;
}

/* How much later one instant is than another; it stops at the ends of time. */
static inline zx_duration_t zx_time_sub_time(zx_time_t later, zx_time_t earlier) {
  zx_duration_t difference = 0;
  if (__builtin_sub_overflow(later, earlier, &difference)) {
    return earlier > 0 ? ZX_TIME_INFINITE_PAST : ZX_TIME_INFINITE;
  }
  return difference;
}

/* The instant that lies a duration earlier. */
static inline zx_time_t zx_time_sub_duration(zx_time_t time, zx_duration_t duration) {
  return zx_time_sub_time(time, duration);
}

/* Durations and ticks are reckoned with in the same way. */
static inline zx_duration_t zx_duration_add_duration(zx_duration_t a, zx_duration_t b) {
  return zx_time_add_duration(a, b);
}
static inline zx_duration_t zx_duration_sub_duration(zx_duration_t a, zx_duration_t b) {
  return zx_time_sub_time(a, b);
}
static inline zx_duration_t zx_duration_mul_int64(zx_duration_t duration, int64_t times) {
  zx_duration_t product = 0;
  if (__builtin_mul_overflow(duration, times, &product)) {
    return (duration < 0) == (times < 0) ? ZX_TIME_INFINITE : ZX_TIME_INFINITE_PAST;
  }
  return product;
}
static inline zx_ticks_t zx_ticks_add_ticks(zx_ticks_t a, zx_ticks_t b) { return zx_time_add_duration(a, b); }
static inline zx_ticks_t zx_ticks_sub_ticks(zx_ticks_t a, zx_ticks_t b) { return zx_time_sub_time(a, b); }
static inline zx_ticks_t zx_ticks_mul_int64(zx_ticks_t a, int64_t times) { return zx_duration_mul_int64(a, times); }

/* A duration in units, and of so many. */
static inline int64_t zx_nsec_from_duration(zx_duration_t duration) { return duration; }
static inline zx_duration_t zx_duration_from_nsec(int64_t n) { return n; }
static inline zx_duration_t zx_duration_from_usec(int64_t n) { return zx_duration_mul_int64(1000, n); }
static inline zx_duration_t zx_duration_from_msec(int64_t n) { return zx_duration_mul_int64(1000000, n); }
static inline zx_duration_t zx_duration_from_sec(int64_t n) { return zx_duration_mul_int64(1000000000, n); }
static inline zx_duration_t zx_duration_from_min(int64_t n) { return zx_duration_mul_int64(60 * 1000000000ll, n); }
static inline zx_duration_t zx_duration_from_hour(int64_t n) { return zx_duration_mul_int64(3600 * 1000000000ll, n); }

/* Which clock. */
#define ZX_CLOCK_MONOTONIC 0u
#define ZX_CLOCK_BOOT      1u

#endif /* ZIRCON_TIME_H_ */
