/* What a thread has to itself. */
#ifndef JACINTH_THREAD_H_
#define JACINTH_THREAD_H_

#include "internal.h"

#define JACINTH_KEYS 64

struct jacinth_thread {
    int error;
    int result;
    zx_handle_t handle;
    /* The region with its stack and this block. */
    zx_handle_t region;
    int (*run)(void*);
    void* argument;
    /* It has come to its end; nobody will join it. */
    bool done, detached;
    struct jacinth_thread* next;
    void* values[JACINTH_KEYS];
};

/* startup.c: main's. */
extern struct jacinth_thread __jacinth_main_thread;

/* The running thread; NULL for one that the program made without this library. */
static inline struct jacinth_thread* __jacinth_thread(void) {
    struct jacinth_thread* self;
    __asm__("mrs %0, tpidr_el0" : "=r"(self));
    return self;
}

#endif /* JACINTH_THREAD_H_ */
