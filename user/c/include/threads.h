/* C's threads, but for what takes a time of day.
 *
 * A thread of thrd_create has errno to itself and a stack of 256 KiB above a page that is not mapped. It does not end by
 * zx_thread_exit. Threads that a program makes by zx_thread_create have none of this: they share one errno, have no
 * thrd_t, and end by a fault where they touch thread-local data. zircon/threads.h gives a thread's handle. */
#ifndef THREADS_H_
#define THREADS_H_

#include <time.h>

#ifdef __cplusplus
extern "C" {
#define _Noreturn __attribute__((__noreturn__))
#endif

#ifndef __cplusplus
#define thread_local _Thread_local
#endif

enum { thrd_success, thrd_nomem, thrd_timedout, thrd_busy, thrd_error };
enum { mtx_plain, mtx_recursive, mtx_timed };

typedef struct jacinth_thread* thrd_t;
typedef int (*thrd_start_t)(void*);

typedef struct {
    int state;
    int type;
    thrd_t owner;
    unsigned depth;
} mtx_t;

typedef struct {
    int sequence;
} cnd_t;

typedef struct {
    int state;
} once_flag;
#define ONCE_FLAG_INIT {0}

typedef unsigned tss_t;
typedef void (*tss_dtor_t)(void*);
#define TSS_DTOR_ITERATIONS 4

int thrd_create(thrd_t* thread, thrd_start_t run, void* argument);
/* Zircon's: the kernel's object is called so. */
int thrd_create_with_name(thrd_t* thread, thrd_start_t run, void* argument, const char* name);
thrd_t thrd_current(void);
int thrd_equal(thrd_t a, thrd_t b);
int thrd_join(thrd_t thread, int* result);
int thrd_detach(thrd_t thread);
void thrd_yield(void);
/* Nothing ends a sleep early: `rest` is left as it is. */
int thrd_sleep(const struct timespec* duration, struct timespec* rest);
_Noreturn void thrd_exit(int result);

int mtx_init(mtx_t* mutex, int type);
int mtx_lock(mtx_t* mutex);
int mtx_trylock(mtx_t* mutex);
int mtx_unlock(mtx_t* mutex);
void mtx_destroy(mtx_t* mutex);

int cnd_init(cnd_t* condition);
int cnd_wait(cnd_t* condition, mtx_t* mutex);
int cnd_signal(cnd_t* condition);
int cnd_broadcast(cnd_t* condition);
void cnd_destroy(cnd_t* condition);

void call_once(once_flag* flag, void (*function)(void));

/* There are 64 keys, and a key that was deleted does not come back. */
int tss_create(tss_t* key, tss_dtor_t destructor);
void tss_delete(tss_t key);
void* tss_get(tss_t key);
int tss_set(tss_t key, void* value);

#ifdef __cplusplus
#undef _Noreturn
}
#endif

#endif /* THREADS_H_ */
