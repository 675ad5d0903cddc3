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

static void (*handlers[HANDLERS])(void);
static size_t handler_count;
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

_Noreturn void exit(int status) {
    for (;;) {
        __jacinth_lock(&handler_lock);
        void (*next)(void) = handler_count == 0 ? NULL : handlers[--handler_count];
        __jacinth_unlock(&handler_lock);
        if (next == NULL) {
            _Exit(status);
        }
        next();
    }
}

_Noreturn void abort(void) {
    __jacinth_flush_all();
    __builtin_trap();
}

_Noreturn void __jacinth_assert_failed(const char* what, const char* file, int line, const char* function) {
    fprintf(stderr, "%s:%d: %s: assertion failed: %s\n", file, line, function, what);
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

/* The size of a number, up to `most`, and its sign. */
static unsigned long long parse(const char* text, char** end, int base, bool* negative, unsigned long long most) {
    const char* at = text;
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
    unsigned long long value = 0;
    bool over = false, any = false;
    for (; digit_of(*at) < base; at++, any = true) {
        over = over || __builtin_mul_overflow(value, (unsigned long long)base, &value) ||
               __builtin_add_overflow(value, (unsigned long long)digit_of(*at), &value);
    }
    if (end != NULL) {
        *end = (char*)(any ? at : text);
    }
    unsigned long long limit = *negative && most == LLONG_MAX ? most + 1 : most;
    if (over || value > limit) {
        errno = ERANGE;
        return limit;
    }
    return value;
}

long long strtoll(const char* restrict text, char** restrict end, int base) {
    bool negative = false;
    unsigned long long value = parse(text, end, base, &negative, LLONG_MAX);
    return (long long)(negative ? 0 - value : value);
}

unsigned long long strtoull(const char* restrict text, char** restrict end, int base) {
    bool negative = false;
    unsigned long long value = parse(text, end, base, &negative, ULLONG_MAX);
    return negative && value != ULLONG_MAX ? 0 - value : value;
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
