/* The library itself: what C says of it, and what its own pages promise. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>

#include <zircon/features.h>

#include "conformance.h"

/* Compares what snprintf makes with what is wanted. */
#define PRINTS(wanted, ...)                                                                                     \
    do {                                                                                                        \
        char text_[400];                                                                                        \
        int length_ = snprintf(text_, sizeof(text_), __VA_ARGS__);                                              \
        if (strcmp(text_, wanted) != 0 || length_ != (int)strlen(wanted)) {                                     \
            return failed(__FILE__, __LINE__, "\"%s\" (%d), not \"%s\"", text_, length_, wanted);              \
        }                                                                                                       \
    } while (0)

static bool formats_integers(void) {
    PRINTS("0 -1 2147483647 -2147483648", "%d %i %d %d", 0, -1, INT_MAX, INT_MIN);
    PRINTS("18446744073709551615 ffffffffffffffff", "%lu %lx", ULONG_MAX, ULONG_MAX);
    PRINTS("-9223372036854775808", "%" PRId64, INT64_MIN);
    PRINTS("  42|42  |0042|+42| 42", "%4d|%-4d|%04d|%+d|% d", 42, 42, 42, 42, 42);
    PRINTS("  042|00042|", "%5.3d|%.5d|%.0d", 42, 42, 0);
    PRINTS("ff FF 0xff 0XFF 0 010 0", "%x %X %#x %#X %#x %#o %#o", 255, 255, 255, 255, 0, 8, 0);
    /* Not a literal: compilers know that these values do not fit. */
    const char* volatile narrow = "%hhd %hhu %hd %hu";
    PRINTS("-1 255 -1 65535", narrow, 0x1ff, 0xffff, 0x1ffff, 0xfffff);
    PRINTS("    x|x    |7|5", "%5c|%-5c|%zu|%td", 'x', 'x', (size_t)7, (ptrdiff_t)5);
    PRINTS("   -5|-5   |", "%*d|%*d|", 5, -5, -5, -5);
    PRINTS("0x1000 100%", "%p %d%%", (void*)0x1000, 100);
    return true;
}

static bool formats_text(void) {
    PRINTS("abc|  abc|abc  |ab|", "%s|%5s|%-5s|%.2s|%.0s", "abc", "abc", "abc", "abc", "abc");
    const char* volatile nothing = NULL;
    PRINTS("(null)", "%s", nothing);
    char text[8] = "xxxxxxx";
    SAME(snprintf(text, 4, "%s", "abcdef"), 6);
    SAME(strcmp(text, "abc"), 0);
    SAME(text[4], 'x');
    SAME(snprintf(NULL, 0, "%d", 12345), 5);
    return true;
}

static bool formats_fractions(void) {
    PRINTS("0.000000 1.500000 -2.250000", "%f %f %f", 0.0, 1.5, -2.25);
    PRINTS("3.14|  3.14|3|4.|0003.1", "%.2f|%6.2f|%.0f|%#.0f|%06.1f", 3.14159, 3.14159, 3.14159, 4.0, 3.14159);
    /* Half to even, and what is only nearly a half. */
    PRINTS("0 2 2 4 0.1 0.1", "%.0f %.0f %.0f %.0f %.1f %.1f", 0.5, 1.5, 2.5, 3.5, 0.125, 0.15);
    PRINTS("9.9995 10.000 1000", "%.4f %.3f %.0f", 9.9995, 9.9996, 999.9);
    return true;
}

static bool formats_extremes(void) {
    PRINTS("inf -inf INF nan +inf", "%f %f %F %f %+f", __builtin_inf(), -__builtin_inf(), __builtin_inf(),
           __builtin_nan(""), __builtin_inf());
    PRINTS("1000000000000000019884624838656", "%.0f", 1e30);
    PRINTS("-0.0", "%.1f", -0.0);
    /* The smallest double there is has 1074 places; its first digits come after 323 zeros. */
    char text[1200];
    SAME(snprintf(text, sizeof(text), "%.1074f", 4.9406564584124654e-324), 1076);
    SAME(strspn(text + 2, "0"), 323);
    SAME(strncmp(text + 2 + 323, "494065645841246544", 18), 0);
    SAME(text[1075], '5');
    SAME(snprintf(text, sizeof(text), "%.0f", 1.7976931348623157e308), 309);
    SAME(strncmp(text, "17976931348623157081", 20), 0);
    SAME(strcmp(text + 303, "858368"), 0);
    return true;
}

static bool formats_exponents(void) {
    PRINTS("1.500000e+00 -1.0e+10 1E-05 0e+00 1.e+02", "%e %.1e %.0E %.0e %#.0e", 1.5, -1e10, 1e-5, 0.0, 100.0);
    PRINTS("0.1 100000 1e+06 0.0001 1e-05 0", "%g %g %g %g %g %g", 0.1, 1e5, 1e6, 1e-4, 1e-5, 0.0);
    PRINTS("1.00000 1.00000e+06 1.2E+03", "%#g %#g %.2G", 1.0, 999999.5, 1234.0);
    PRINTS("  1.50e+00|1.5e+00   |+0001.5e+00", "%10.2e|%-10.1e|%+011.1e", 1.5, 1.5, 1.5);
    PRINTS("0x1.8p+0 -0x1p-1 0X1.AP+3 0x0p+0 0x1.00p+0", "%a %a %A %a %.2a", 1.5, -0.5, 13.0, 0.0, 1.0);
    PRINTS("0.1000000000000000055511151231257827 1e+308", "%.34g %g", 0.1, 1e308);
    PRINTS("4.9406564584124654e-324 1.7976931348623157e+308", "%.17g %.17g", 4.9406564584124654e-324,
           1.7976931348623157e308);
    PRINTS("inf NAN", "%g %E", __builtin_inf(), __builtin_nan(""));
    return true;
}

static bool formats_too_long(void) {
    char text[8];
    const char* volatile format = "%*d";
    errno = 0;
    SAME(snprintf(text, sizeof(text), format, INT_MIN, 5), -1);
    SAME(errno, EOVERFLOW);
    const char* volatile precise = "%.*d";
    SAME(snprintf(text, sizeof(text), precise, INT_MIN, 5), 1);
    SAME(strcmp(text, "5"), 0);
    const char* volatile wide = "%99999999999d";
    SAME(snprintf(text, sizeof(text), wide, 5), -1);
    SAME(fwrite("text\n", 0, 5, stdout), 0);
    SAME(fwrite("text\n", 5, 0, stdout), 0);
    return true;
}

static bool copies(void) {
    unsigned char from[256], to[300], back[300];
    for (unsigned i = 0; i < sizeof(from); i++) {
        from[i] = (unsigned char)(i * 7 + 1);
    }
    for (size_t start = 0; start < 9; start++) {
        for (size_t length = 0; length < 80; length++) {
            memset(to, 0xaa, sizeof(to));
            TRUTH(memcpy(to + start + 1, from + start, length) == to + start + 1);
            SAME(memcmp(to + start + 1, from + start, length), 0);
            SAME(to[start], 0xaa);
            SAME(to[start + 1 + length], 0xaa);
            /* Over itself, both ways, by every distance that a word could blur. */
            for (size_t distance = 0; distance < 10; distance++) {
                memcpy(back, from, sizeof(from));
                memmove(back + distance, back, length);
                SAME(memcmp(back + distance, from, length), 0);
                memcpy(back, from, sizeof(from));
                memmove(back, back + distance, length);
                SAME(memcmp(back, from + distance, length), 0);
                SAME(memcmp(back + length + distance, from + length + distance, 100), 0);
            }
        }
    }
    return true;
}

static bool fills_and_compares(void) {
    unsigned char bytes[128];
    for (size_t start = 0; start < 9; start++) {
        for (size_t length = 0; length < 60; length++) {
            memset(bytes, 1, sizeof(bytes));
            memset(bytes + start, 0x1fe, length);
            for (size_t i = 0; i < sizeof(bytes); i++) {
                SAME(bytes[i], i >= start && i < start + length ? 0xfe : 1);
            }
        }
    }
    TRUTH(memcmp("abcdefgh1", "abcdefgh2", 9) < 0 && memcmp("\xff", "\x01", 1) > 0 && memcmp("a", "b", 0) == 0);
    TRUTH(strcmp("abc", "abcd") < 0 && strcmp("b", "abcd") > 0 && strcmp("same text", "same text") == 0);
    TRUTH(strncmp("abcx", "abcy", 3) == 0 && strncmp("abcx", "abcy", 4) < 0 && strcmp("\x80", "a") > 0);
    return true;
}

static bool strings(void) {
    char text[64];
    for (size_t start = 0; start < 8; start++) {
        for (size_t length = 0; length < 30; length++) {
            memset(text, 'x', sizeof(text));
            text[start + length] = '\0';
            SAME(strlen(text + start), length);
            SAME(strnlen(text + start, 12), length < 12 ? length : 12);
        }
    }
    strcpy(text, "one");
    strcat(text, " two");
    strncat(text, " three", 4);
    SAME(strcmp(text, "one two thr"), 0);
    SAME(strlcpy(text, "truncated", 6), 9);
    SAME(strcmp(text, "trunc"), 0);
    strncpy(text, "ab", 4);
    SAME(memcmp(text, "ab\0\0c", 5), 0);
    const char* twice = "abcabc";
    TRUTH(strchr(twice, 'b') == twice + 1 && strrchr(twice, 'b') == twice + 4 && strchr(twice, 'x') == NULL);
    TRUTH(strstr(twice, "ca") == twice + 2 && strstr(twice, "") == twice && strstr(twice, "cc") == NULL);
    TRUTH(strchr(twice, '\0') == twice + 6 && memchr(twice, 'c', 2) == NULL && memchr(twice, 'c', 3) == twice + 2);
    TRUTH(strspn("aab1", "ab") == 3 && strcspn("aab1", "1") == 3);
    return true;
}

static bool words(void) {
    char text[] = "  one, two,,three ";
    char* rest = NULL;
    SAME(strcmp(strtok_r(text, " ,", &rest), "one"), 0);
    SAME(strcmp(strtok_r(NULL, " ,", &rest), "two"), 0);
    SAME(strcmp(strtok_r(NULL, " ,", &rest), "three"), 0);
    TRUTH(strtok_r(NULL, " ,", &rest) == NULL && strtok_r(NULL, " ,", &rest) == NULL);
    char other[] = "a-b";
    SAME(*strtok(other, "-"), 'a');
    SAME(*strtok(NULL, "-"), 'b');
    TRUTH(strtok(NULL, "-") == NULL);
    const char* list = "key=value;";
    TRUTH(strpbrk(list, ";=") == list + 3 && strpbrk(list, "xz") == NULL && strpbrk(list, "") == NULL);
    TRUTH(strcasecmp("Zircon", "zIRCON") == 0 && strcasecmp("a", "B") < 0 && strcasecmp("ab", "a") > 0);
    TRUTH(strncasecmp("ABx", "aby", 2) == 0 && strncasecmp("ABx", "aby", 3) < 0 && strncasecmp("a", "b", 0) == 0);
    char* copy = strndup("abcdef", 3);
    TRUTH(copy != NULL && strcmp(copy, "abc") == 0);
    free(copy);
    copy = strndup("ab", 100);
    TRUTH(copy != NULL && strcmp(copy, "ab") == 0);
    free(copy);
    char joined[8];
    SAME(stpcpy(stpcpy(joined, "ab"), "cd") - joined, 4);
    SAME(strcmp(joined, "abcd"), 0);
    TRUTH(strcmp(strerror(ENOMEM), strerror(EINVAL)) != 0 && strlen(strerror(-1)) != 0);
    return true;
}

static bool numbers(void) {
    char* end = NULL;
    SAME(strtol("  -42rest", &end, 10), (unsigned long long)-42);
    SAME(strcmp(end, "rest"), 0);
    SAME(strtoul("0x1fz", &end, 0), 0x1f);
    SAME(*end, 'z');
    TRUTH(strtol("077", NULL, 0) == 63 && strtol("0x", &end, 16) == 0 && *end == 'x' && strtol("zz", NULL, 36) == 1295);
    errno = 0;
    SAME(strtol("9223372036854775808", NULL, 10), LONG_MAX);
    SAME(errno, ERANGE);
    errno = 0;
    SAME(strtol("-9223372036854775808", NULL, 10), LONG_MIN);
    SAME(errno, 0);
    SAME(strtoul("18446744073709551616", NULL, 10), ULONG_MAX);
    SAME(errno, ERANGE);
    errno = 0;
    SAME(strtoull("-18446744073709551615", NULL, 10), 1);
    SAME(strtoull("-1", NULL, 10), ULONG_MAX);
    SAME(errno, 0);
    SAME(strtoull("-18446744073709551616", NULL, 10), ULONG_MAX);
    SAME(errno, ERANGE);
    const int none[] = {1, 37, -1};
    for (size_t i = 0; i < 3; i++) {
        errno = 0;
        SAME(strtol("11", &end, none[i]), 0);
        SAME(errno, EINVAL);
        SAME(*end, '1');
    }
    SAME(strtol("none", &end, 10), 0);
    SAME(strcmp(end, "none"), 0);
    TRUTH(isspace('\t') && !isspace('x') && isxdigit('F') && toupper('a') == 'A' && ispunct('!'));
    return true;
}

static int by_value(const void* a, const void* b) {
    int x = *(const int*)a, y = *(const int*)b;
    return (x > y) - (x < y);
}

static bool sorts(void) {
    int items[500];
    for (int count = 0; count < 500; count += 37) {
        srand((unsigned)count);
        for (int i = 0; i < count; i++) {
            items[i] = rand() % 100;
        }
        qsort(items, (size_t)count, sizeof(int), by_value);
        for (int i = 1; i < count; i++) {
            TRUTH(items[i - 1] <= items[i]);
        }
        for (int key = -1; key <= 100; key++) {
            int* found = bsearch(&key, items, (size_t)count, sizeof(int), by_value);
            bool is_there = false;
            for (int i = 0; i < count; i++) {
                is_there = is_there || items[i] == key;
            }
            TRUTH(is_there ? found != NULL && *found == key : found == NULL);
        }
    }
    return true;
}

static bool heap_blocks(void) {
    enum { COUNT = 400 };
    static unsigned char* blocks[COUNT];
    static size_t sizes[COUNT];
    srand(7);
    /* Blocks of all sizes come and go; each keeps what was written to it. */
    for (int round = 0; round < 6000; round++) {
        int i = rand() % COUNT;
        if (blocks[i] == NULL) {
            sizes[i] = (size_t)rand() % (round % 16 == 0 ? 100000 : 2000);
            blocks[i] = malloc(sizes[i]);
            TRUTH(blocks[i] != NULL && (uintptr_t)blocks[i] % 16 == 0);
            memset(blocks[i], i, sizes[i]);
        } else if (round % 3 == 0) {
            size_t size = (size_t)rand() % 5000 + 1;
            size_t kept = size < sizes[i] ? size : sizes[i];
            blocks[i] = realloc(blocks[i], size);
            TRUTH(blocks[i] != NULL);
            for (size_t at = 0; at < kept; at++) {
                SAME(blocks[i][at], (unsigned char)i);
            }
            memset(blocks[i], i, size);
            sizes[i] = size;
        } else {
            for (size_t at = 0; at < sizes[i]; at++) {
                SAME(blocks[i][at], (unsigned char)i);
            }
            free(blocks[i]);
            blocks[i] = NULL;
        }
    }
    for (int i = 0; i < COUNT; i++) {
        free(blocks[i]);
        blocks[i] = NULL;
    }
    return true;
}

static bool heap_limits(void) {
    volatile size_t half = SIZE_MAX / 2;
    TRUTH(calloc(half, 4) == NULL && malloc(SIZE_MAX) == NULL && reallocarray(NULL, half, 3) == NULL);
    TRUTH(malloc(half) == NULL && aligned_alloc(64, half) == NULL && aligned_alloc(24, 24) == NULL);
    unsigned char* block = malloc(100);
    memset(block, 0xff, 100);
    free(block);
    block = calloc(10, 10);
    for (int i = 0; i < 100; i++) {
        SAME(block[i], 0);
    }
    free(block);
    for (size_t align = 1; align <= 0x100000; align *= 2) {
        for (size_t size = 1; size <= 100000; size = size * 5 + 3) {
            unsigned char* aligned = aligned_alloc(align, size);
            TRUTH(aligned != NULL && (uintptr_t)aligned % align == 0);
            memset(aligned, 0xcc, size);
            aligned = realloc(aligned, size + 10);
            TRUTH(aligned != NULL && aligned[size - 1] == 0xcc);
            free(aligned);
        }
    }
    free(NULL);
    return true;
}

static bool heap_says_why(void) {
    volatile size_t top = (size_t)1 << 63, half = SIZE_MAX / 2;
    errno = 0;
    TRUTH(aligned_alloc(top, 100) == NULL && errno == ENOMEM);
    for (size_t align = top; align >= (size_t)1 << 48; align >>= 1) {
        TRUTH(aligned_alloc(align, top) == NULL && aligned_alloc(align, SIZE_MAX - align) == NULL);
    }
    errno = 0;
    TRUTH(malloc(half) == NULL && errno == ENOMEM);
    errno = 0;
    TRUTH(calloc(half, 4) == NULL && errno == ENOMEM);
    errno = 0;
    TRUTH(aligned_alloc(24, 24) == NULL && errno == EINVAL);
    char* block = malloc(64);
    strcpy(block, "kept");
    errno = 0;
    TRUTH(realloc(block, half) == NULL && errno == ENOMEM && strcmp(block, "kept") == 0);
    free(block);
    return true;
}

static bool heap_gives_back(void) {
    /* More than the machine has, one after the other. */
    for (uint64_t used = 0; used <= world.ram.size; used += 16 << 20) {
        char* large = malloc(16 << 20);
        TRUTH(large != NULL);
        for (size_t at = 0; at < 16 << 20; at += P) {
            large[at] = 1;
        }
        free(large);
    }
    /* Small blocks of one size fill spans, and the spans go when they are empty. */
    enum { COUNT = 3000 };
    static void* blocks[COUNT];
    for (int i = 0; i < COUNT; i++) {
        blocks[i] = malloc(1000);
        TRUTH(blocks[i] != NULL);
    }
    for (int i = 0; i < COUNT; i++) {
        free(blocks[i]);
    }
    unsigned gone = 0;
    for (int i = 0; i < COUNT; i++) {
        gone += (translated((uintptr_t)blocks[i]) & 1) != 0;
    }
    /* All spans but one of 64 blocks. */
    TRUTH(gone >= COUNT - 64);
    return true;
}

static bool startup_handles(void) {
    /* Taken by world.c, and so gone. */
    SAME(zx_take_startup_handle(PA_HND(PA_MMIO_RESOURCE, 0)), ZX_HANDLE_INVALID);
    SAME(zx_take_startup_handle(PA_HND(PA_DEVICE_WINDOW, 7)), ZX_HANDLE_INVALID);
    WORKS(zx_handle_check_valid(zx_process_self()));
    WORKS(zx_handle_check_valid(zx_thread_self()));
    WORKS(zx_handle_check_valid(zx_vmar_root_self()));
    WORKS(zx_handle_check_valid(zx_job_default()));
    static const struct {
        uint32_t* root;
        zx_rsrc_kind_t kind;
    } roots[] = {{&world.mmio_root, ZX_RSRC_KIND_MMIO}, {&world.irq_root, ZX_RSRC_KIND_IRQ},
                 {&world.system_root, ZX_RSRC_KIND_SYSTEM}};
    for (size_t i = 0; i < 3; i++) {
        zx_info_resource_t info;
        WORKS(zx_object_get_info(*roots[i].root, ZX_INFO_RESOURCE, &info, sizeof(info), NULL, NULL));
        SAME(info.kind, roots[i].kind);
        SAME(info.size, 0);
    }
    return true;
}

static bool status_names(void) {
    SAME(strcmp(zx_status_get_string(ZX_OK), "ZX_OK"), 0);
    SAME(strcmp(zx_status_get_string(ZX_ERR_ACCESS_DENIED), "ZX_ERR_ACCESS_DENIED"), 0);
    SAME(strcmp(zx_status_get_string(-999), "(UNKNOWN)"), 0);
    return true;
}

static bool cpus(void) {
    zx_info_thread_t info;
    WORKS(zx_object_get_info(zx_thread_self(), ZX_INFO_THREAD, &info, sizeof(info), NULL, NULL));
    SAME(info.cpu_affinity_mask.mask[0] & 1, 1);
    zx_thread_state_t state = info.state;
    SAME(ZX_THREAD_STATE_BASIC(state), ZX_THREAD_STATE_RUNNING);
    SAME(info.wait_exception_channel_type, 0);
    uint32_t features = 1;
    WORKS(zx_system_get_features(ZX_FEATURE_KIND_VM, &features));
    SAME(features & ZX_VM_FEATURE_CAN_MAP_XOM, 0);
    REFUSED(zx_system_get_features(ZX_FEATURE_KIND_VM + 1, &features), ZX_ERR_NOT_SUPPORTED);
    return true;
}

static bool constructed;
__attribute__((constructor)) static void construct(void) { constructed = true; }

static const char* const relocated[] = {"a", "b"};

static bool prepared(void) {
    TRUTH(constructed);
    SAME(strcmp(relocated[1], "b"), 0);
    return true;
}

/* What has no caller that could tell: a line of its own, at the program's end. */
static const struct test ending[] = {
    {"LIB-J21", "destructors run at the end, after what atexit was given", NULL},
};
static bool at_exit;
static void note_exit(void) { at_exit = true; }

__attribute__((destructor)) static void destruct(void) {
    printf("test %s %s ... %s\n", ending->id, ending->title, at_exit ? "ok" : "FAILED: atexit's did not run before");
}

static bool registers_exit(void) {
    SAME(atexit(note_exit), 0);
    return true;
}

const struct test library_tests[] = {
    {"LIB-J01", "printf writes integers", formats_integers},
    {"LIB-J02", "printf writes text, and counts what does not fit", formats_text},
    {"LIB-J03", "printf rounds fractions as C says", formats_fractions},
    {"LIB-J04", "printf writes the largest and the smallest double", formats_extremes},
    {"LIB-J05", "memory is copied at every alignment, over itself too", copies},
    {"LIB-J06", "memory is filled and compared", fills_and_compares},
    {"LIB-J07", "strings are measured, joined and searched", strings},
    {"LIB-J08", "numbers are read, and their limits told", numbers},
    {"LIB-J09", "arrays are sorted and searched", sorts},
    {"LIB-J10", "blocks of the heap keep what is in them", heap_blocks},
    {"LIB-J11", "sizes that overflow are refused, alignments kept", heap_limits},
    {"LIB-J12", "freed memory goes back to the kernel", heap_gives_back},
    {"LIB-J13", "what the program was started with is found by its name", startup_handles},
    {"LIB-J14", "a status has its name", status_names},
    {"LIB-J15", "constructors ran, and addresses in data are right", prepared},
    {"LIB-J16", "printf writes exponents and hexadecimal fractions", formats_exponents},
    {"LIB-J17", "what is too long to be counted is refused, and nothing is nothing", formats_too_long},
    {"LIB-J18", "strings are cut into words and compared without case", words},
    {"LIB-J19", "the heap says why it gives nothing", heap_says_why},
    {"LIB-J20", "functions are registered for the end", registers_exit},
    {"LIB-J22", "a thread's CPUs are a set of Zircon's shape", cpus},
    {NULL, NULL, NULL},
};
