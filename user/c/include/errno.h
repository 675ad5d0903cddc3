/* What strtol, malloc and printf say. System calls return their status instead. One for all threads. */
#ifndef ERRNO_H_
#define ERRNO_H_

#ifdef __cplusplus
extern "C" {
#endif

extern int errno;

#define ENOMEM 12
#define EINVAL 22
#define EDOM 33
#define ERANGE 34
#define EOVERFLOW 75

#ifdef __cplusplus
}
#endif

#endif /* ERRNO_H_ */
