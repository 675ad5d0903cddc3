/* The types that POSIX adds to C's. */
#ifndef SYS_TYPES_H_
#define SYS_TYPES_H_

#include <stddef.h>
#include <stdint.h>

typedef ptrdiff_t ssize_t;
typedef int64_t off_t;

#endif /* SYS_TYPES_H_ */
