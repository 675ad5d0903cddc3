/* Text to numbers: what C says of strtod and sscanf. The library beside another one: tests/conformance/c/hosted. */
#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <stdlib.h>

#include "conformance.h"

/* The bits of a double, which tell its zeros apart as well. */
static uint64_t bits_of(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static bool nearest_doubles(void) {
    SAME(bits_of(strtod("0.1", NULL)), 0x3fb999999999999a);
    SAME(bits_of(strtod("-0", NULL)), 0x8000000000000000);
    SAME(bits_of(strtod("1e23", NULL)), 0x44b52d02c7e14af6);
    /* Halves go to even, and the least bit more goes up. */
    SAME(bits_of(strtod("9007199254740993", NULL)), 0x4340000000000000);
    SAME(bits_of(strtod("9007199254740993.00000000000000000000000000000000001", NULL)), 0x4340000000000001);
    SAME(bits_of(strtod("0x1.00000000000008p0", NULL)), 0x3ff0000000000000);
    SAME(bits_of(strtod("0x1.00000000000018p0", NULL)), 0x3ff0000000000002);
    SAME(bits_of(strtod("2.2250738585072011e-308", NULL)), 0x000fffffffffffff);
    SAME(bits_of(strtod("4.9e-324", NULL)), 1);
    SAME(bits_of(strtod("1.7976931348623157e308", NULL)), 0x7fefffffffffffff);
    TRUTH(strtof("16777217", NULL) == 16777216.0f && strtof("16777217.00000001", NULL) == 16777218.0f);
    TRUTH(atof("  +2.5e1x") == 25.0);
    /* What printf writes is what strtod reads. */
    srand(11);
    for (int round = 0; round < 500; round++) {
        uint64_t bits = (uint64_t)rand() << 33 ^ (uint64_t)rand() << 11 ^ (uint64_t)rand();
        double value;
        memcpy(&value, &bits, sizeof(value));
        char text[40];
        snprintf(text, sizeof(text), "%.17g", value);
        if (value == value) {
            SAME(bits_of(strtod(text, NULL)), bits);
        }
    }
    return true;
}

static bool ends_and_errors(void) {
    char* end = NULL;
    static const struct {
        const char* text;
        int length;
    } cases[] = {
        {"1e5x", 3}, {"1e+", 1}, {"0xg", 1}, {"0x1p", 3}, {".", 0}, {"infinit", 3}, {"nan(1_a)", 8}, {"nan(1", 3},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void)strtod(cases[i].text, &end);
        SAME(end - cases[i].text, cases[i].length);
    }
    errno = 0;
    TRUTH(strtod("-inf", NULL) == -__builtin_inf() && __builtin_isnan(strtod("nan", NULL)) && errno == 0);
    static const char* const out_of_range[] = {"1e309", "-1e309", "1e-400", "0x1p-1080", "1e99999999999999999999"};
    for (size_t i = 0; i < 5; i++) {
        errno = 0;
        double value = strtod(out_of_range[i], NULL);
        TRUTH(errno == ERANGE && (value == 0 || value == __builtin_inf() || value == -__builtin_inf()));
    }
    errno = 0;
    TRUTH(strtod("0x1p-1074", NULL) > 0 && errno == 0 && strtof("1e39", NULL) > FLT_MAX && errno == ERANGE);
    SAME(strtoimax("-9223372036854775808", NULL, 10), INTMAX_MIN);
    SAME(strtoumax("ffffffffffffffff", NULL, 16), UINTMAX_MAX);
    imaxdiv_t parts = imaxdiv(-7, 2);
    TRUTH(parts.quot == -3 && parts.rem == -1 && imaxabs(-7) == 7);
    return true;
}

static bool scans_numbers(void) {
    int a = 0, b = 0, taken = 0;
    SAME(sscanf("12,-34 rest", "%d,%i%n", &a, &b, &taken), 2);
    TRUTH(a == 12 && b == -34 && taken == 6);
    unsigned hexadecimal = 0;
    uint64_t large = 0;
    uint8_t small = 1;
    SAME(sscanf("0x9010000 18446744073709551615 300", "%x %" SCNu64 " %" SCNu8, &hexadecimal, &large, &small), 3);
    TRUTH(hexadecimal == 0x9010000 && large == UINT64_MAX && small == 44);
    SAME(sscanf("12345", "%2d%1d%*1d%d", &a, &b, &taken), 3);
    TRUTH(a == 12 && b == 3 && taken == 5);
    double real = 0;
    float narrow = 0;
    SAME(sscanf("1.5 0x1p-2", "%lf%f", &real, &narrow), 2);
    TRUTH(real == 1.5 && narrow == 0.25f);
    void* pointer = NULL;
    SAME(sscanf("0x1000", "%p", &pointer), 1);
    SAME(pointer, 0x1000);
    SAME(sscanf("", "%d", &a), EOF);
    SAME(sscanf("x", "%d", &a), 0);
    SAME(sscanf("0xg", "%x", &hexadecimal), 0);
    SAME(sscanf("1e+x", "%lf", &real), 0);
    SAME(sscanf("7", "%d%d", &a, &b), 1);
    return true;
}

static bool scans_text(void) {
    char key[8], value[8], three[4] = "---";
    SAME(sscanf("grant=/pl031@9010000", "%7[a-z]=%7s", key, value), 2);
    TRUTH(strcmp(key, "grant") == 0 && strcmp(value, "/pl031@") == 0);
    SAME(sscanf("  ab cd", "%s %3c", key, three), 1);
    SAME(sscanf("  ab cde", "%s %3c", key, three), 2);
    TRUTH(strcmp(key, "ab") == 0 && memcmp(three, "cde", 4) == 0);
    SAME(sscanf("]-x", "%[]-]%c", key, three), 2);
    TRUTH(strcmp(key, "]-") == 0 && three[0] == 'x');
    SAME(sscanf("one:two", "%[^:]:%s", key, value), 2);
    TRUTH(strcmp(key, "one") == 0 && strcmp(value, "two") == 0);
    int percent = 0, taken = 0;
    SAME(sscanf("50 %;", "%d%%;%n", &percent, &taken), 1);
    TRUTH(percent == 50 && taken == 5);
    return true;
}

const struct test reading_tests[] = {
    {"LIB-J23", "text becomes the nearest double there is", nearest_doubles},
    {"LIB-J24", "numbers end where C says, and what is out of range says so", ends_and_errors},
    {"LIB-J25", "sscanf reads numbers", scans_numbers},
    {"LIB-J26", "sscanf takes text apart", scans_text},
    {NULL, NULL, NULL},
};
