/* The library (user/c/src) beside the machine's own: both are asked the same, and must answer the same.
 *
 * Its functions are compiled under other names, `ours_` before each; what they need of the kernel is made here. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>

#include <zircon/types.h>

int ours_snprintf(char* to, size_t size, const char* format, ...);
size_t ours_fwrite(const void* items, size_t size, size_t count, void* file);
long long ours_strtoll(const char* text, char** end, int base);
unsigned long long ours_strtoull(const char* text, char** end, int base);
void* ours_malloc(size_t size);
void* ours_calloc(size_t count, size_t size);
void* ours_realloc(void* block, size_t size);
void* ours_aligned_alloc(size_t alignment, size_t size);
void ours_free(void* block);
char* ours_strpbrk(const char* text, const char* set);
char* ours_strtok_r(char* text, const char* set, char** rest);
char* ours_strtok(char* text, const char* set);
char* ours_strndup(const char* text, size_t most);
int ours_strcasecmp(const char* a, const char* b);
int ours_strncasecmp(const char* a, const char* b, size_t most);
int ours_atexit(void (*function)(void));
_Noreturn void ours_exit(int status);
int ours_errno;
int* __jacinth_errno(void) { return &ours_errno; }
extern char __jacinth_stdout;

#define CHECK(condition)                                                                 \
    do {                                                                                 \
        if (!(condition)) {                                                              \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);      \
            exit(1);                                                                     \
        }                                                                                \
    } while (0)

/* The kernel: VMOs are sizes, mappings are the machine's. */
static size_t vmo_size;
static size_t logged;
static bool out_of_memory;

zx_handle_t zx_vmar_root_self(void) { return 3; }
zx_handle_t __jacinth_log(void) { return 7; }
zx_status_t zx_handle_close(zx_handle_t handle) { return handle == 11 ? ZX_OK : ZX_ERR_BAD_HANDLE; }
zx_status_t zx_object_set_property(zx_handle_t handle, uint32_t property, const void* value, size_t size) {
    return handle == 11 && property != 0 && value != NULL && size != 0 ? ZX_OK : ZX_ERR_BAD_HANDLE;
}
zx_status_t zx_vmo_create(uint64_t size, uint32_t options, zx_handle_t* out) {
    vmo_size = size;
    *out = 11;
    return out_of_memory || options != 0 || size > 1ull << 40 ? ZX_ERR_NO_MEMORY : ZX_OK;
}
zx_status_t zx_vmar_map(zx_handle_t handle, uint32_t options, uint64_t offset, zx_handle_t vmo, uint64_t vmo_offset,
                        uint64_t len, zx_vaddr_t* address) {
    CHECK(handle == 3 && vmo == 11 && offset == 0 && vmo_offset == 0 && len == vmo_size && options != 0);
    char* memory = mmap(NULL, len + 0x10000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    *address = ((uintptr_t)memory + 0xffff) & ~(uintptr_t)0xffff;
    return memory == MAP_FAILED ? ZX_ERR_NO_MEMORY : ZX_OK;
}
zx_status_t zx_vmar_unmap(zx_handle_t handle, zx_vaddr_t address, uint64_t len) {
    CHECK(handle == 3 && munmap((void*)address, len) == 0);
    return ZX_OK;
}
zx_status_t zx_debuglog_write(zx_handle_t handle, uint32_t options, const void* buffer, size_t size) {
    CHECK(handle == 7 && options == 0 && buffer != NULL);
    logged += size + 1;
    return ZX_OK;
}
zx_status_t zx_debug_write(const void* buffer, size_t size) { return zx_debuglog_write(7, 0, buffer, size); }
void __jacinth_lock(int* lock) {
    CHECK(*lock == 0);
    *lock = 1;
}
void __jacinth_unlock(int* lock) {
    CHECK(*lock == 1);
    *lock = 0;
}

static uint64_t state = 0x9e3779b97f4a7c15ull;
static uint64_t random_bits(void) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545f4914f6cdd1dull;
}

/* Every letter and flag, and precisions to either side of what a double has. */
static const char* const formats[] = {
    "%f",      "%.0f",    "%#.0f",  "%.1f",    "%.3f",    "%+.20f", "%030.5f", "%-30.2f|", "% .2F",  "%.1074f", "%.1100f",
    "%e",      "%.0e",    "%#.0e",  "%.1e",    "%.15E",   "%.16e",  "%.40e",   "%030.3e",  "%-20e|", "%+e",     "%.800e",
    "%g",      "%.0g",    "%.2g",   "%.1g",    "%.10G",  "%.17g",   "%020g",    "%-20g|", "% g",     "%.800g",
    "%1300.3f", "%.2147g",
#ifdef __GLIBC__
    /* Which digit comes first is the library's own choice, and this one's is ours. */
    "%a",      "%A",      "%.0a",   "%.1a",    "%.12a",   "%.13a",  "%.20A",   "%#.0a",    "%025a",  "%-30a|",  "%+a",
#endif
};

#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
static void prints_alike(double value) {
    static char ours[3000], theirs[3000];
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        int length = ours_snprintf(ours, sizeof(ours), formats[i], value);
        int wanted = snprintf(theirs, sizeof(theirs), formats[i], value);
        if (length != wanted || strcmp(ours, theirs) != 0) {
            fprintf(stderr, "%s of %a is %s (%d), not %s (%d)\n", formats[i], value, ours, length, theirs, wanted);
            exit(1);
        }
    }
}

static void doubles(void) {
    static const double chosen[] = {
        0.0, -0.0, 1.0, 10.0, 100.0, 1e5, 999999.0, 999999.5, 1e6, 1e15, 1e16, 1e17, 1e21, 1e22, 1e23, 1e100, 1e300,
        0.1, 0.01, 0.001, 0.0001, 0.00001, 0.00009999995, 0.5, 1.5, 2.5, 0.25, 0.125, 0.375, 9.5, 99.5, 9.9995, 1.0 / 3,
        2.0 / 3, 3.14159265358979, 1e-5, 1e-10, 1e-300, 1e-308, 4.9406564584124654e-324, 2.2250738585072011e-308,
        2.2250738585072014e-308, 1.7976931348623157e308, 4503599627370496.5, 9007199254740993.0, 123456789.0,
    };
    for (size_t i = 0; i < sizeof(chosen) / sizeof(chosen[0]); i++) {
        prints_alike(chosen[i]);
        prints_alike(-chosen[i]);
    }
    prints_alike(__builtin_inf());
    prints_alike(-__builtin_inf());
    prints_alike(__builtin_nan(""));
    for (int i = 0; i < 3000; i++) {
        uint64_t bits = random_bits();
        double value;
        memcpy(&value, &bits, sizeof(value));
        prints_alike(value);
        /* Halves, tens and hundreds, where rounding is decided. */
        prints_alike((double)(int64_t)(bits >> 44) / 8);
        prints_alike((double)(bits >> 50) / 1000);
    }
}

/* Here glibc is wrong where a number is rounded up to a power of ten: it loses the zeros. */
static void zeros_kept(void) {
    static const struct {
        const char* format;
        double value;
        const char* wanted;
    } cases[] = {
        {"%#g", 1.0, "1.00000"},         {"%#g", 999999.5, "1.00000e+06"}, {"%#g", 0.0, "0.00000"},
        {"%#g", 0.0001, "0.000100000"},  {"%#.0g", 7.0, "7."},             {"%#.0g", 9.6, "1.e+01"},
        {"%#.3g", 999.5, "1.00e+03"},    {"%#10.3G", 1e-9, "  1.00E-09"},  {"%#.17g", 0.5, "0.50000000000000000"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[40];
        ours_snprintf(text, sizeof(text), cases[i].format, cases[i].value);
        CHECK(strcmp(text, cases[i].wanted) == 0);
    }
}

static void widths(void) {
    char text[8];
    ours_errno = 0;
    CHECK(ours_snprintf(text, sizeof(text), "%*d", INT_MIN, 5) == -1 && ours_errno == EOVERFLOW);
    ours_errno = 0;
    CHECK(ours_snprintf(text, sizeof(text), "%2147483648d", 5) == -1 && ours_errno == EOVERFLOW);
    CHECK(ours_snprintf(text, sizeof(text), "%.99999999999999999999d", 5) == -1);
    CHECK(ours_snprintf(text, sizeof(text), "%2147483647d%d", 5, 5) == -1);
    CHECK(ours_snprintf(text, sizeof(text), "%2147483647d", 5) == INT_MAX);
    CHECK(ours_snprintf(text, sizeof(text), "%.*d", INT_MIN, 5) == 1 && strcmp(text, "5") == 0);
}

static void numbers(void) {
    static const char* const texts[] = {
        "0", "-0", "1", "-1", "18446744073709551615", "-18446744073709551615", "18446744073709551616",
        "-18446744073709551616", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
        "-9223372036854775809", "0x", "0xg", "0x1F", "-0xff", "077", "08", " \t+42z", "- 1", "+-1", "", "zz", "ZZ9",
        "99999999999999999999999", "-99999999999999999999999", "0x10000000000000000", "777777777777777777777777",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        for (int base = 0; base <= 36; base = base == 0 ? 2 : base + 1) {
            char *our_end = NULL, *their_end = NULL;
            ours_errno = errno = 0;
            unsigned long long ours = ours_strtoull(texts[i], &our_end, base);
            unsigned long long theirs = strtoull(texts[i], &their_end, base);
            CHECK(ours == theirs && our_end == their_end && (ours_errno == ERANGE) == (errno == ERANGE));
            ours_errno = errno = 0;
            long long our_signed = ours_strtoll(texts[i], &our_end, base);
            long long their_signed = strtoll(texts[i], &their_end, base);
            CHECK(our_signed == their_signed && our_end == their_end && (ours_errno == ERANGE) == (errno == ERANGE));
        }
    }
    static const int none[] = {1, -1, 37, INT_MAX, INT_MIN};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        const char* text = "11";
        char* end = NULL;
        ours_errno = 0;
        CHECK(ours_strtoll(text, &end, none[i]) == 0 && ours_errno == EINVAL && end == text);
        CHECK(ours_strtoull(text, NULL, none[i]) == 0);
    }
}

static int sign(int value) { return (value > 0) - (value < 0); }

static void strings(void) {
    for (int round = 0; round < 20000; round++) {
        char a[12], b[12], ours[12], theirs[12];
        for (int i = 0; i < 11; i++) {
            a[i] = "aAbB;, "[random_bits() % 7];
            b[i] = "aAbB;, "[random_bits() % 7];
        }
        a[random_bits() % 12] = a[11] = b[random_bits() % 4] = b[11] = '\0';
        CHECK(ours_strpbrk(a, b) == strpbrk(a, b));
        CHECK(sign(ours_strcasecmp(a, b)) == sign(strcasecmp(a, b)));
        size_t most = random_bits() % 5;
        CHECK(sign(ours_strncasecmp(a, b, most)) == sign(strncasecmp(a, b, most)));
        strcpy(ours, a);
        strcpy(theirs, a);
        char *our_rest = NULL, *their_rest = NULL;
        char* our_token = ours_strtok_r(ours, b, &our_rest);
        char* their_token = strtok_r(theirs, b, &their_rest);
        for (;;) {
            CHECK((our_token == NULL) == (their_token == NULL));
            if (our_token == NULL) {
                break;
            }
            CHECK(our_token - ours == their_token - theirs && strcmp(our_token, their_token) == 0);
            our_token = ours_strtok_r(NULL, b, &our_rest);
            their_token = strtok_r(NULL, b, &their_rest);
        }
        CHECK(ours_strtok_r(NULL, b, &our_rest) == NULL);
        char* copy = ours_strndup(a, most);
        CHECK(strncmp(copy, a, most) == 0 && strlen(copy) == strnlen(a, most));
        ours_free(copy);
    }
    char text[] = "one,two";
    CHECK(strcmp(ours_strtok(text, ","), "one") == 0 && strcmp(ours_strtok(NULL, ","), "two") == 0);
    CHECK(ours_strtok(NULL, ",") == NULL && ours_strtok(NULL, ",") == NULL);
}

static void heap(void) {
    for (size_t align = (size_t)1 << 63; align > 1 << 20; align >>= 1) {
        static const size_t sizes[] = {0, 1, 4096, (size_t)1 << 62, (size_t)1 << 63, SIZE_MAX - 4096, SIZE_MAX};
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            ours_errno = 0;
            vmo_size = SIZE_MAX;
            void* block = ours_aligned_alloc(align, sizes[i]);
            CHECK(vmo_size >= sizes[i]);
            CHECK(block != NULL ? (uintptr_t)block % align == 0 : ours_errno == ENOMEM);
            if (block != NULL) {
                memset(block, 1, sizes[i]);
            }
            ours_free(block);
        }
    }
    ours_errno = 0;
    CHECK(ours_calloc(SIZE_MAX / 2, 3) == NULL && ours_errno == ENOMEM);
    ours_errno = 0;
    CHECK(ours_malloc(SIZE_MAX) == NULL && ours_errno == ENOMEM);
    ours_errno = 0;
    CHECK(ours_aligned_alloc(24, 24) == NULL && ours_errno == EINVAL);
    /* What shrinks needs no memory, and what grows and finds none stays as it is. */
    char* small = ours_malloc(4000);
    char* large = ours_malloc(1 << 20);
    memset(small, 2, 4000);
    memset(large, 3, 1 << 20);
    out_of_memory = true;
    CHECK(ours_realloc(small, 700) == small && small[699] == 2);
    CHECK(ours_realloc(large, 300000) == large && ours_realloc(large, 9000) == large && large[8999] == 3);
    ours_errno = 0;
    CHECK(ours_realloc(large, 2 << 20) == NULL && ours_errno == ENOMEM && large[(1 << 20) - 1] == 3);
    ours_errno = 0;
    CHECK(ours_malloc(3000) == NULL && ours_errno == ENOMEM);
    out_of_memory = false;
    ours_free(small);
    ours_free(large);
}

static void streams(void) {
    CHECK(ours_fwrite("ab\n", 0, 3, &__jacinth_stdout) == 0 && ours_fwrite("ab\n", 3, 0, &__jacinth_stdout) == 0);
    CHECK(logged == 0);
    CHECK(ours_fwrite("ab\n", 1, 3, &__jacinth_stdout) == 3 && logged == 3);
    CHECK(ours_fwrite("ab\n", SIZE_MAX, 3, &__jacinth_stdout) == 0);
}

/* The order of the end, as letters. */
static char ended[8];
static void early(void) { strcat(ended, "e"); }
static void late(void) { strcat(ended, "l"); }
static void first(void) { strcat(ended, "1"); }
static void second(void) { strcat(ended, "2"); }
typedef void (*handler_t)(void);
const handler_t ours_fini[] __attribute__((visibility("hidden"))) = {first, second};
__asm__(".globl ours_fini_end\n.set ours_fini_end, ours_fini + 16");

_Noreturn void zx_process_exit(int64_t status) {
    CHECK(strcmp(ended, "le21") == 0);
    exit((int)status - 42);
}

/* reading.c. */
void reading(uint64_t (*random_bits)(void));

int main(void) {
    doubles();
    reading(random_bits);
    zeros_kept();
    widths();
    numbers();
    strings();
    heap();
    streams();
    CHECK(ours_atexit(early) == 0 && ours_atexit(late) == 0);
    ours_exit(42);
}
