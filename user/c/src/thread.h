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

/* What TPIDR_EL0 points at: two words that are the platform's, which we do not use (ELF for the Arm 64-bit Architecture,
 * 5.8.2). The thread's own data follow, and what this library keeps of the thread lies before. */
struct jacinth_words {
    uint64_t words[2];
};

/* A thread with nothing of its own. */
struct jacinth_bare_thread {
    _Alignas(16) struct jacinth_thread thread;
    struct jacinth_words pointer;
};
_Static_assert(sizeof(struct jacinth_thread) % 16 == 0, "the pointer comes right after the thread");

/* startup.c: main's. */
extern struct jacinth_thread* __jacinth_main_thread;

/* tls.c: bytes of memory that a thread and its own data need at most. */
size_t __jacinth_thread_size(void);
/* tls.c: makes a thread in memory that is zero and aligned to 16, with its own data as they begin. */
struct jacinth_thread* __jacinth_thread_in(void* memory);

/* What TPIDR_EL0 holds in a thread. */
static inline uintptr_t __jacinth_pointer_of(struct jacinth_thread* thread) { return (uintptr_t)(thread + 1); }

/* The running thread; NULL for one that the program made without this library. */
static inline struct jacinth_thread* __jacinth_thread(void) {
    uintptr_t pointer;
    __asm__("mrs %0, tpidr_el0" : "=r"(pointer));
    return pointer == 0 ? NULL : (struct jacinth_thread*)pointer - 1;
}

#endif /* JACINTH_THREAD_H_ */
