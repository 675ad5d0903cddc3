/* The program's end, numbers and sorting. */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <zircon/assert.h>
#include <zircon/syscalls.h>

#include "internal.h"

#define HANDLERS 64

int errno;

typedef void (*handler_t)(void);

/* Destructors, by their addresses in the program. */
extern const handler_t __fini_array_start[] __attribute__((visibility("hidden")));
extern const handler_t __fini_array_end[] __attribute__((visibility("hidden")));

static handler_t handlers[HANDLERS];
static size_t handler_count;
static size_t destructors_run;
static jacinth_lock_t handler_lock;

int atexit(void (*function)(void)) {
    __jacinth_lock(&handler_lock);
    int result = -1;
    if (handler_count < HANDLERS) {
        handlers[handler_count++] = function;
        result = 0;
    }
    __jacinth_unlock(&handler_lock);
    return result;
}

_Noreturn void _Exit(int status) {
    __jacinth_flush_all();
    zx_process_exit(status);
}

/* What is to be run next at the end: atexit's functions, the latest first, then destructors, the last first. */
static handler_t next_handler(void) {
    handler_t next = NULL;
    __jacinth_lock(&handler_lock);
    size_t destructors = (size_t)(__fini_array_end - __fini_array_start);
    if (handler_count != 0) {
        next = handlers[--handler_count];
    } else if (destructors_run < destructors) {
        next = __fini_array_start[destructors - ++destructors_run];
    }
    __jacinth_unlock(&handler_lock);
    return next;
}

_Noreturn void exit(int status) {
    for (handler_t next; (next = next_handler()) != NULL;) {
        next();
    }
    _Exit(status);
}

_Noreturn void abort(void) {
    __jacinth_flush_all();
    __builtin_trap();
}

_Noreturn void __jacinth_assert_failed(const char* what, const char* file, int line, const char* function) {
    fprintf(stderr, "%s:%d: %s: assertion failed: %s\n", file, line, function, what);
    abort();
}

_Noreturn void __jacinth_assert_failed_because(const char* what, const char* file, int line, const char* format, ...) {
    fprintf(stderr, "%s:%d: assertion failed: %s: ", file, line, what);
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n");
    abort();
}

_Noreturn void __zx_panic(const char* format, ...) {
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    abort();
}

char* getenv(const char* name) {
    (void)name;
    return NULL;
}

static int digit_of(char character) {
    if (character >= '0' && character <= '9') {
        return character - '0';
    }
    int letter = tolower((unsigned char)character);
    return letter >= 'a' && letter <= 'z' ? letter - 'a' + 10 : INT_MAX;
}

/* Reads a number without its sign, and tells that; false if it does not fit. A base that is none reads nothing. */
static bool parse(const char* text, char** end, int base, bool* negative, unsigned long long* value) {
    const char* at = text;
    *negative = false;
    *value = 0;
    bool over = false, any = false;
    if (base < 0 || base == 1 || base > 36) {
        errno = EINVAL;
    } else {
        while (isspace((unsigned char)*at)) {
            at++;
        }
        *negative = *at == '-';
        at += *at == '-' || *at == '+';
        bool prefixed = at[0] == '0' && (at[1] == 'x' || at[1] == 'X') && digit_of(at[2]) < 16;
        if ((base == 0 || base == 16) && prefixed) {
            at += 2;
            base = 16;
        } else if (base == 0) {
            base = *at == '0' ? 8 : 10;
        }
        for (; digit_of(*at) < base; at++, any = true) {
            over = over || __builtin_mul_overflow(*value, (unsigned long long)base, value) ||
                   __builtin_add_overflow(*value, (unsigned long long)digit_of(*at), value);
        }
    }
    if (end != NULL) {
        *end = (char*)(any ? at : text);
    }
    return !over;
}

long long strtoll(const char* restrict text, char** restrict end, int base) {
    bool negative;
    unsigned long long value;
    bool fits = parse(text, end, base, &negative, &value);
    unsigned long long most = (unsigned long long)LLONG_MAX + negative;
    if (!fits || value > most) {
        errno = ERANGE;
        value = most;
    }
    return (long long)(negative ? 0 - value : value);
}

/* A sign turns the number around in its own type, as C says; what does not fit has none. */
unsigned long long strtoull(const char* restrict text, char** restrict end, int base) {
    bool negative;
    unsigned long long value;
    if (!parse(text, end, base, &negative, &value)) {
        errno = ERANGE;
        return ULLONG_MAX;
    }
    return negative ? 0 - value : value;
}

long strtol(const char* restrict text, char** restrict end, int base) { return strtoll(text, end, base); }
unsigned long strtoul(const char* restrict text, char** restrict end, int base) { return strtoull(text, end, base); }
int atoi(const char* text) { return (int)strtol(text, NULL, 10); }
long atol(const char* text) { return strtol(text, NULL, 10); }
long long atoll(const char* text) { return strtoll(text, NULL, 10); }

int abs(int value) { return value < 0 ? -value : value; }
long labs(long value) { return value < 0 ? -value : value; }
long long llabs(long long value) { return value < 0 ? -value : value; }
div_t div(int dividend, int divisor) { return (div_t){dividend / divisor, dividend % divisor}; }
ldiv_t ldiv(long dividend, long divisor) { return (ldiv_t){dividend / divisor, dividend % divisor}; }
lldiv_t lldiv(long long dividend, long long divisor) { return (lldiv_t){dividend / divisor, dividend % divisor}; }

/* xorshift64*: repeatable, for tests; zx_cprng_draw is for secrets. */
static uint64_t random_state = 0x9e3779b97f4a7c15ull;

void srand(unsigned seed) { random_state = 0x9e3779b97f4a7c15ull ^ ((uint64_t)seed << 16); }

int rand(void) {
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (int)((random_state * 0x2545f4914f6cdd1dull) >> 33);
}

static void swap(char* a, char* b, size_t size) {
    for (; size != 0; size--, a++, b++) {
        char kept = *a;
        *a = *b;
        *b = kept;
    }
}

/* Lets the item at `root` sink to its place in the heap. */
static void sink(char* items, size_t root, size_t count, size_t size, int (*compare)(const void*, const void*)) {
    for (;;) {
        size_t child = 2 * root + 1;
        if (child >= count) {
            return;
        }
        if (child + 1 < count && compare(items + child * size, items + (child + 1) * size) < 0) {
            child++;
        }
        if (compare(items + root * size, items + child * size) >= 0) {
            return;
        }
        swap(items + root * size, items + child * size, size);
        root = child;
    }
}

/* Heapsort: no memory, and no input that is slow. */
void qsort(void* items, size_t count, size_t size, int (*compare)(const void*, const void*)) {
    for (size_t root = count / 2; root-- != 0;) {
        sink(items, root, count, size, compare);
    }
    for (size_t left = count; left > 1;) {
        left--;
        swap(items, (char*)items + left * size, size);
        sink(items, 0, left, size, compare);
    }
}

void* bsearch(const void* key, const void* items, size_t count, size_t size,
              int (*compare)(const void*, const void*)) {
    const char* low = items;
    while (count != 0) {
        const char* middle = low + count / 2 * size;
        int order = compare(key, middle);
        if (order == 0) {
            return (void*)middle;
        }
        if (order > 0) {
            low = middle + size;
            count--;
        }
        count /= 2;
    }
    return NULL;
}
