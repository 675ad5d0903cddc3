/* Numbers as text has them: what strtod, strtol and sscanf share. */
#ifndef JACINTH_NUMBER_H_
#define JACINTH_NUMBER_H_

#include "internal.h"

enum jacinth_number_kind { JACINTH_NO_NUMBER, JACINTH_FINITE, JACINTH_INFINITE, JACINTH_NAN };

/* A number of any size: mantissa * 2^exponent, and a little more if `inexact`. The mantissa's highest bit is set, or it
 * is 0. */
struct jacinth_number {
    uint64_t mantissa;
    long exponent;
    bool inexact, negative;
    enum jacinth_number_kind kind;
    /* Characters of the number, and of what could have been a longer one: `1` and `1e+` of `1e+x`. */
    size_t length, taken;
};

/* number.c: reads a number at the start of a text, of at most so many characters. */
struct jacinth_number __jacinth_read_number(const char* text, size_t most);
/* The nearest double and float; whether they are too large, or smaller than the normal ones and not exact. */
double __jacinth_to_double(const struct jacinth_number* number, bool* out_of_range);
float __jacinth_to_float(const struct jacinth_number* number, bool* out_of_range);

/* A whole number without its sign. */
struct jacinth_whole {
    unsigned long long value;
    bool negative, overflows;
    size_t length, taken;
};

/* stdlib.c: the same for whole numbers, in a base from 2 to 36, or 0 for C's own. */
struct jacinth_whole __jacinth_read_whole(const char* text, size_t most, int base);
/* As strtoll and strtoull have it; whether it does not fit. */
long long __jacinth_to_signed(const struct jacinth_whole* whole, bool* out_of_range);
unsigned long long __jacinth_to_unsigned(const struct jacinth_whole* whole, bool* out_of_range);

#endif /* JACINTH_NUMBER_H_ */
