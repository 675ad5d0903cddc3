/* What strtol, malloc and printf say. System calls return their status instead. Each thread of threads.h has its own. */
#ifndef ERRNO_H_
#define ERRNO_H_

#ifdef __cplusplus
extern "C" {
#endif

int* __jacinth_errno(void) __attribute__((__const__));
#define errno (*__jacinth_errno())

#define ENOMEM 12
#define EINVAL 22
#define EDOM 33
#define ERANGE 34
#define EOVERFLOW 75

#ifdef __cplusplus
}
#endif

#endif /* ERRNO_H_ */
