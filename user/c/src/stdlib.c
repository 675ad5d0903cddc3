/* The program's end, numbers and sorting. */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <zircon/assert.h>
#include <zircon/syscalls.h>

#include "internal.h"
#include "number.h"

#define HANDLERS 64

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

struct jacinth_whole __jacinth_read_whole(const char* text, size_t most, int base) {
    struct jacinth_whole whole = {0};
    size_t at = 0;
/* The character so many further on, as far as may be read. */
#define PEEK(ahead) (at + (ahead) < most ? text[at + (ahead)] : '\0')
    whole.negative = PEEK(0) == '-';
    at = whole.negative || PEEK(0) == '+';
    if ((base == 0 || base == 16) && PEEK(0) == '0' && (PEEK(1) == 'x' || PEEK(1) == 'X')) {
        /* `0` is a number by itself, whatever is behind the x. */
        whole.length = at + 1;
        at += 2;
        base = 16;
    } else if (base == 0) {
        base = PEEK(0) == '0' ? 8 : 10;
    }
    for (; digit_of(PEEK(0)) < base; at++) {
        whole.overflows = whole.overflows ||
                          __builtin_mul_overflow(whole.value, (unsigned long long)base, &whole.value) ||
                          __builtin_add_overflow(whole.value, (unsigned long long)digit_of(PEEK(0)), &whole.value);
        whole.length = at + 1;
    }
#undef PEEK
    whole.taken = at;
    return whole;
}

long long __jacinth_to_signed(const struct jacinth_whole* whole, bool* out_of_range) {
    unsigned long long most = (unsigned long long)LLONG_MAX + whole->negative;
    *out_of_range = whole->overflows || whole->value > most;
    unsigned long long value = *out_of_range ? most : whole->value;
    return (long long)(whole->negative ? 0 - value : value);
}

/* A sign turns the number around in its own type, as C says; what does not fit has none. */
unsigned long long __jacinth_to_unsigned(const struct jacinth_whole* whole, bool* out_of_range) {
    *out_of_range = whole->overflows;
    return whole->overflows ? ULLONG_MAX : whole->negative ? 0 - whole->value : whole->value;
}

/* A whole number behind blanks; a base that is none reads nothing. */
static struct jacinth_whole parse(const char* text, char** end, int base) {
    struct jacinth_whole whole = {0};
    const char* at = text;
    if (base < 0 || base == 1 || base > 36) {
        errno = EINVAL;
    } else {
        while (isspace((unsigned char)*at)) {
            at++;
        }
        whole = __jacinth_read_whole(at, SIZE_MAX, base);
    }
    if (end != NULL) {
        *end = (char*)(whole.length != 0 ? at + whole.length : text);
    }
    return whole;
}

long long strtoll(const char* restrict text, char** restrict end, int base) {
    struct jacinth_whole whole = parse(text, end, base);
    bool out_of_range;
    long long value = __jacinth_to_signed(&whole, &out_of_range);
    if (out_of_range) {
        errno = ERANGE;
    }
    return value;
}

unsigned long long strtoull(const char* restrict text, char** restrict end, int base) {
    struct jacinth_whole whole = parse(text, end, base);
    bool out_of_range;
    unsigned long long value = __jacinth_to_unsigned(&whole, &out_of_range);
    if (out_of_range) {
        errno = ERANGE;
    }
    return value;
}

intmax_t strtoimax(const char* restrict text, char** restrict end, int base) { return strtoll(text, end, base); }
uintmax_t strtoumax(const char* restrict text, char** restrict end, int base) { return strtoull(text, end, base); }
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
intmax_t imaxabs(intmax_t value) { return value < 0 ? -value : value; }
imaxdiv_t imaxdiv(intmax_t dividend, intmax_t divisor) { return (imaxdiv_t){dividend / divisor, dividend % divisor}; }

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
