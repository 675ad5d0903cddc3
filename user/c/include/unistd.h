/* A few of POSIX's calls: there are no files. */
#ifndef UNISTD_H_
#define UNISTD_H_

#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#define _Noreturn __attribute__((__noreturn__))
#endif

typedef unsigned useconds_t;

/* Both sleep to the end, and answer 0. */
unsigned sleep(unsigned seconds);
int usleep(useconds_t microseconds);

int getpagesize(void);
_Noreturn void _exit(int status);

#ifdef __cplusplus
#undef _Noreturn
}
#endif

#endif /* UNISTD_H_ */
