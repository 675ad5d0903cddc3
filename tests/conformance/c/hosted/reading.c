/* Text to numbers by the library and by the machine's own, which must agree in every bit and stop in the same place. */
#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

double ours_strtod(const char* text, char** end);
float ours_strtof(const char* text, char** end);
double ours_atof(const char* text);
int ours_sscanf(const char* text, const char* format, ...);
intmax_t ours_strtoimax(const char* text, char** end, int base);
extern int ours_errno;
void reading(uint64_t (*random_bits)(void));

#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
#pragma GCC diagnostic ignored "-Wformat-zero-length"
#define CHECK(condition)                                                                 \
    do {                                                                                 \
        if (!(condition)) {                                                              \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);      \
            exit(1);                                                                     \
        }                                                                                \
    } while (0)

static bool same_double(double a, double b) {
    return memcmp(&a, &b, sizeof(a)) == 0 || (isnan(a) && isnan(b) && signbit(a) == signbit(b));
}

static void reads_alike(const char* text) {
    char *our_end = NULL, *their_end = NULL;
    ours_errno = errno = 0;
    double ours = ours_strtod(text, &our_end), theirs = strtod(text, &their_end);
    /* What becomes the smallest normal number is small before it is rounded to some, and not to others. */
    bool errors = (ours_errno == ERANGE) == (errno == ERANGE) || fabs(ours) == DBL_MIN;
    if (!same_double(ours, theirs) || our_end != their_end || !errors) {
        fprintf(stderr, "%s is %a (to %zd, %d), not %a (to %zd, %d)\n", text, ours, our_end - text, ours_errno, theirs,
                their_end - text, errno);
        exit(1);
    }
    ours_errno = errno = 0;
    float our_float = ours_strtof(text, &our_end), their_float = strtof(text, &their_end);
    errors = (ours_errno == ERANGE) == (errno == ERANGE) || fabsf(our_float) == FLT_MIN;
    if (!same_double(our_float, their_float) || our_end != their_end || !errors) {
        fprintf(stderr, "%s is %af, not %af\n", text, our_float, their_float);
        exit(1);
    }
    CHECK(same_double(ours_atof(text), theirs));
}

static void chosen(void) {
    static const char* const texts[] = {
        "0", "-0", "+0.0", ".5", "5.", ".", "-.", "", "e5", ".e5", "1e", "1e+", "1e-", "1e5", "1E-5", "1.5e3x", "--1",
        "+-1", " \t\n12.25rest", "1e400", "-1e400", "1e-400", "-1e-400", "0e999999999999999999999",
        "1e999999999999999999999", "1e-999999999999999999999", "00000000000000000000000000000001",
        "0.00000000000000000000000000000000000001e38", "0x", "0x.", "0x.8", "0X1P3", "0x1p", "0x1p+", "0x1.8p-1z",
        "0xg", "0x1.fffffffffffff8p0", "0x1.fffffffffffff7p0", "0x1.00000000000008p0",
        "0x1.000000000000080000000000000000001p0", "0x1.00000000000018p0", "0x0p99999999999",
        "0x123456789abcdef01234p-4", "0x.00000000000000000000000000001p100", "0x1p1024", "0x1p-1074", "0x1p-1075",
        "0x1.8p-1075", "0x1.00001p-1075", "0x1p-1076", "0x1p128", "0x1p-149", "0x1p-150", "0x1.8p-150",
        "0x1p99999999999", "0x1p-99999999999", "inf", "-INF", "infinity", "InFiNiTyx", "infinit", "in", "i", "nan",
        "-nan", "NaN(12ab_)", "nan(", "nan(12", "nan(1-2)", "nanx", "n", "na", "2.2250738585072011e-308",
        "2.2250738585072012e-308", "2.2250738585072014e-308", "1.7976931348623157e308", "1.7976931348623158e308",
        "1.7976931348623159e308", "4.9406564584124654e-324", "2.4703282292062327e-324", "2.4703282292062328e-324",
        "9007199254740993", "9007199254740992.999999999999999999999999999",
        "9007199254740993.000000000000000000000000000000001", "3.4028235e38", "3.4028236e38", "3.4028235677973366e38",
        "1.17549435e-38", "7.0064923216240854e-46", "16777217", "16777217.0000000000000000000000001",
        "179769313486231580793728971405301e276", "1e22", "1e23", "8.5e-1",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        reads_alike(texts[i]);
    }
}

/* A thousand digits, and the middle between two doubles with something behind it or nothing. */
static void long_ones(uint64_t (*random_bits)(void)) {
    static char text[4000];
    for (int round = 0; round < 4000; round++) {
        uint64_t bits = random_bits();
        if (round % 4 == 0) {
            /* Among the smallest. */
            bits &= 0x801fffffffffffff;
        }
        double value;
        memcpy(&value, &bits, sizeof(value));
        if (!isfinite(value)) {
            continue;
        }
        long double middle = ((long double)value + (long double)nextafter(value, 2 * value)) / 2;
        static const char* const formats[] = {"%.17Lg", "%.1100Lg", "%.40Le", "%.1500Lf", "%La", "%.3Lg", "%.9Lg"};
        for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
            snprintf(text, sizeof(text), formats[i], round % 2 == 0 ? middle : (long double)value);
            reads_alike(text);
        }
        snprintf(text, sizeof(text), "%.1200Le", middle);
        char* last = strchr(text, 'e') - 1;
        *last = (char)('0' + random_bits() % 10);
        reads_alike(text);
    }
}

static void random_ones(uint64_t (*random_bits)(void)) {
    static const char* const alphabets[] = {
        "0123456789", "0123456789.eE+-", "0xX123abcdefpP.+-", "infatyINFTY()_1", "09.",
    };
    for (int round = 0; round < 200000; round++) {
        char text[60];
        const char* alphabet = alphabets[round % 5];
        size_t length = random_bits() % 40;
        for (size_t i = 0; i < length; i++) {
            text[i] = alphabet[random_bits() % strlen(alphabet)];
        }
        text[length] = '\0';
        if (round % 5 == 0) {
            snprintf(text + length, sizeof(text) - length, "e%d", (int)(random_bits() % 700) - 350);
        }
        reads_alike(text);
    }
}

/* Up to four things of a text, into room for anything. */
static void scans_alike(const char* text, const char* format) {
    unsigned char ours[4][64], theirs[4][64];
    memset(ours, 0xa5, sizeof(ours));
    memset(theirs, 0xa5, sizeof(theirs));
    int our_count = ours_sscanf(text, format, ours[0], ours[1], ours[2], ours[3]);
    int their_count = sscanf(text, format, theirs[0], theirs[1], theirs[2], theirs[3]);
    if (our_count != their_count || memcmp(ours, theirs, sizeof(ours)) != 0) {
        fprintf(stderr, "\"%s\" by \"%s\" is %d, not %d\n", text, format, our_count, their_count);
        exit(1);
    }
}

static void scans(void) {
    static const struct {
        const char *text, *format;
    } cases[] = {
        {"12 -34", "%d %d"}, {"12 -34", "%d%d"}, {"12,34", "%d,%d"}, {"12 ,34", "%d,%d"}, {"12 ,34", "%d ,%d"},
        {"", "%d"}, {"  ", "%d"}, {"x", "%d"}, {"", ""}, {"", "x"}, {"a", "x"}, {"5", "%d%d"}, {"5 x", "%d%d"},
        {"12345", "%2d%3d"}, {"0x1f 077 9", "%i%i%i"}, {"1f", "%x"}, {"0x1F", "%X"}, {"777", "%o"},
        {"4294967295", "%u"}, {"-1", "%u"}, {"300 300", "%hhd%hhu"}, {"70000 -70000", "%hd%hd"},
        {"-9223372036854775808", "%ld"}, {"18446744073709551615", "%lu"}, {"99999999999999999999", "%ld"},
        {"99999999999999999999", "%lu"}, {"7 8 9 10", "%jd%zd%td%lld"}, {"-", "%d"}, {"+7", "%d"},
        {"1.5 2.5", "%f%lf"}, {"1.5e3x", "%lf%c"}, {"-inf nan", "%lf%f"}, {"0x1.8p1", "%lf"}, {"1.25.5", "%lf%lf"},
        {"3.14159", "%4lf%d"}, {".5", "%g"}, {".", "%lf"}, {"x1", "%e"}, {"  word next", "%s%s"}, {"word", "%2s%s"},
        {"a b", "%c%c%c"}, {"abc", "%3c"}, {"abcdef", "%*2c%c"}, {"   x", " %c"}, {"abc123", "%[a-z]%d"},
        {"abc123", "%[^0-9]%d"}, {"]x", "%[]]%c"}, {"a]b", "%[^]]%c%c"}, {"-a", "%[a-]%c"}, {"hello", "%[xyz]"},
        {"hello", "%2[a-z]%s"}, {"50%", "%d%%"}, {"50 %", "%d%%"}, {"50x", "%d%%%n"}, {"1 2 3", "%*d%d%*d"},
        {"12ab", "%d%n"}, {"abc", "%n%s"}, {"0x10", "%p"}, {"key = 42", "%s = %d"}, {"a:b:c", "%[^:]:%[^:]:%s"},
        {"10:20:30", "%d:%d:%d"}, {"1e5", "%f"}, {"12 34 56 78", "%d%d%d%d"}, {"  7", "  %d"}, {"7", "%0d"},
        {"\t7\n8", "%d %d"}, {"a\nb", "%s %s"}, {"100", "%hhx"}, {"08", "%i%d"}, {"9", "%lf%n"}, {"0", "%i%n"},
        {"00x5", "%i%s"}, {"1-2", "%d%d"}, {"1+2", "%d%d"}, {"1e5", "%d%s"}, {"12", "%1d%1d%1d"}, {"x=5;", "x=%d;%n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        scans_alike(cases[i].text, cases[i].format);
    }
    /* Where C says what to do and libraries differ: what begins a number and is none, and %c with too little. */
    int number = 5;
    double value = 5;
    char text[8] = "kept";
    CHECK(ours_sscanf("0xg", "%x", &number) == 0 && ours_sscanf("1e+x", "%lf", &value) == 0);
    CHECK(number == 5 && value == 5);
    CHECK(ours_sscanf("0x1p+", "%lf", &value) == 0 && ours_sscanf("infinit", "%lf", &value) == 0);
    CHECK(ours_sscanf("ab", "%3c", text) == 0 && strcmp(text, "kept") == 0);
    CHECK(ours_sscanf("5", "%*d%d", &number) == 0 && ours_sscanf("5", "%*d") == 0);
    CHECK(ours_sscanf(" ", "%*d") == EOF);
    /* What is not known here converts nothing. */
    CHECK(ours_sscanf("1.5", "%Lf", &value) == 0 && ours_sscanf("wide", "%ls", text) == 0 && value == 5);
    CHECK(ours_strtoimax("-9223372036854775808", NULL, 10) == INTMAX_MIN);
}

void reading(uint64_t (*random_bits)(void)) {
    chosen();
    long_ones(random_bits);
    random_ones(random_bits);
    scans();
}
