/* What the files of the library share. */
#ifndef JACINTH_INTERNAL_H_
#define JACINTH_INTERNAL_H_

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <zircon/types.h>

/* The status of a program that was given a bootstrap message that it cannot start with, as Rust's has it. */
#define STARTUP_STATUS 102

/* crt0.c: relocates the program at `base` and binds it to the vDSO. */
void __jacinth_relocate(uintptr_t base, uintptr_t vdso_base, const void* dynamic);
/* startup.c: reads the bootstrap messages and calls main. */
_Noreturn void __jacinth_begin(zx_handle_t bootstrap);
/* startup.c: the log that is standard output, or ZX_HANDLE_INVALID. */
zx_handle_t __jacinth_log(void);

/* A lock that lets its holder go on: there may be more threads than CPUs. */
typedef struct {
    int taken;
} jacinth_lock_t;
void __jacinth_lock(jacinth_lock_t* lock);
void __jacinth_unlock(jacinth_lock_t* lock);

/* format.c: takes formatted text piece by piece. */
typedef struct jacinth_sink jacinth_sink_t;
struct jacinth_sink {
    void (*put)(jacinth_sink_t* sink, const char* text, size_t length);
    /* How much was put in all. */
    size_t count;
};
/* Gives false where the length does not fit an int. */
bool __jacinth_format(jacinth_sink_t* sink, const char* format, va_list args);

/* stdio.c: writes what is kept of unfinished lines. */
void __jacinth_flush_all(void);

#endif
