/* printf's conversions of doubles, exactly.
 *
 * A double's decimal digits end: 309 before the point and 1074 behind it at most. All of them are made, by arithmetic
 * on whole numbers, and then cut, half to even. Only memory is moved as a double, so FPCR has no say. */
#include <string.h>

#include "format.h"

/* The bits of a double's fraction. */
#define FRACTION_BITS 52
/* Words for 1074 bits behind the point and 30 before it. */
#define WORDS 36
/* Digits are made nine at a time. */
#define PIECE 9
#define PIECE_VALUE 1000000000u
/* Room for what is before the point and behind it, in whole pieces. */
#define WHOLE_DIGITS (35 * PIECE)
#define FRACTION_DIGITS (120 * PIECE)

/* A number of WORDS words of 32 bits, the lowest first. */
struct big {
    uint32_t words[WORDS];
};

/* 0.digits times ten to the exponent. There are no zeros at its ends; none at all is zero. */
struct decimal {
    long exponent;
    long count;
    char* digits;
    char room[WHOLE_DIGITS + FRACTION_DIGITS];
};

/* number = value << shift. */
static void shifted(struct big* number, uint64_t value, unsigned shift) {
    memset(number, 0, sizeof(*number));
    unsigned word = shift / 32, bit = shift % 32;
    unsigned __int128 wide = (unsigned __int128)value << bit;
    for (unsigned i = 0; i < 3 && word + i < WORDS; i++) {
        number->words[word + i] = (uint32_t)(wide >> (32 * i));
    }
}

static bool is_zero(const struct big* number) {
    uint32_t any = 0;
    for (unsigned i = 0; i < WORDS; i++) {
        any |= number->words[i];
    }
    return any == 0;
}

/* Divides by PIECE_VALUE; gives the remainder. */
static uint32_t divide(struct big* number) {
    uint64_t rest = 0;
    for (unsigned i = WORDS; i-- != 0;) {
        uint64_t part = rest << 32 | number->words[i];
        number->words[i] = (uint32_t)(part / PIECE_VALUE);
        rest = part % PIECE_VALUE;
    }
    return (uint32_t)rest;
}

/* Multiplies by PIECE_VALUE; gives and takes away what is at bit `point` and above. */
static uint32_t multiply(struct big* number, unsigned point) {
    uint64_t carry = 0;
    for (unsigned i = 0; i < WORDS; i++) {
        uint64_t part = (uint64_t)number->words[i] * PIECE_VALUE + carry;
        number->words[i] = (uint32_t)part;
        carry = part >> 32;
    }
    unsigned word = point / 32, bit = point % 32;
    uint64_t top = number->words[word] | (uint64_t)number->words[word + 1] << 32;
    number->words[word] &= (uint32_t)((1ull << bit) - 1);
    number->words[word + 1] = 0;
    return (uint32_t)(top >> bit);
}

static void nine_digits(char* to, uint32_t value) {
    for (int i = PIECE; i-- != 0; value /= 10) {
        to[i] = (char)('0' + value % 10);
    }
}

static void trim(struct decimal* decimal) {
    while (decimal->count != 0 && decimal->digits[decimal->count - 1] == '0') {
        decimal->count--;
    }
}

/* The digits of mantissa * 2^(scale - 1075). */
static void expand(struct decimal* decimal, uint64_t mantissa, unsigned scale) {
    unsigned point = scale < 1075 ? 1075 - scale : 0;
    uint64_t whole = point >= 64 ? 0 : mantissa >> point;
    struct big number;
    shifted(&number, whole, point == 0 ? scale - 1075 : 0);
    char* middle = decimal->room + WHOLE_DIGITS;
    char* first = middle;
    while (!is_zero(&number)) {
        first -= PIECE;
        nine_digits(first, divide(&number));
    }
    char* end = middle;
    shifted(&number, point == 0 ? 0 : point >= 64 ? mantissa : mantissa & ((1ull << point) - 1), 0);
    while (!is_zero(&number)) {
        nine_digits(end, multiply(&number, point));
        end += PIECE;
    }
    while (first < end && *first == '0') {
        first++;
    }
    decimal->digits = first;
    decimal->count = end - first;
    decimal->exponent = middle - first;
    trim(decimal);
    if (decimal->count == 0) {
        /* As if it were 0.0 times ten: the first digit is the one before the point. */
        decimal->exponent = 1;
    }
}

/* Keeps this many digits, less than one are none; half to even. */
static void cut(struct decimal* decimal, long keep) {
    if (keep >= decimal->count) {
        return;
    }
    bool up = false;
    if (keep >= 0) {
        char next = decimal->digits[keep];
        bool beyond_half = next > '5' || (next == '5' && keep + 1 < decimal->count);
        bool is_odd = keep > 0 && (decimal->digits[keep - 1] - '0') % 2 != 0;
        up = beyond_half || (next == '5' && is_odd);
    }
    decimal->count = keep > 0 ? keep : 0;
    if (!up) {
        trim(decimal);
        return;
    }
    while (decimal->count != 0 && decimal->digits[decimal->count - 1] == '9') {
        decimal->count--;
    }
    if (decimal->count == 0) {
        decimal->digits[0] = '1';
        decimal->count = 1;
        decimal->exponent++;
    } else {
        decimal->digits[decimal->count - 1]++;
    }
}

/* Writes the digits from one place to another; where there is none it is a zero. */
static void run(jacinth_sink_t* sink, const struct decimal* decimal, long from, long to) {
    if (from < 0 && from < to) {
        long end = to < 0 ? to : 0;
        __jacinth_repeat(sink, '0', (size_t)(end - from));
        from = end;
    }
    if (from < to && from < decimal->count) {
        long end = to < decimal->count ? to : decimal->count;
        __jacinth_put(sink, decimal->digits + from, (size_t)(end - from));
        from = end;
    }
    if (from < to) {
        __jacinth_repeat(sink, '0', (size_t)(to - from));
    }
}

/* Writes an exponent: its sign and at least this many digits. */
static size_t exponent_of(char* to, char letter, long exponent, int least) {
    char digits[8];
    int count = 0;
    for (unsigned long left = exponent < 0 ? 0ul - (unsigned long)exponent : (unsigned long)exponent;
         left != 0 || count < least; left /= 10) {
        digits[count++] = (char)('0' + left % 10);
    }
    size_t length = 0;
    to[length++] = letter;
    to[length++] = exponent < 0 ? '-' : '+';
    while (count != 0) {
        to[length++] = digits[--count];
    }
    return length;
}

/* 12.34, with so many places. */
static void fixed(jacinth_sink_t* sink, const struct conversion* conversion, const char* sign,
                  const struct decimal* decimal, long places) {
    bool point = places != 0 || conversion->alternate;
    long whole = decimal->exponent > 0 ? decimal->exponent : 1;
    size_t after = __jacinth_open(sink, conversion, sign, (size_t)whole + point + (size_t)places);
    run(sink, decimal, decimal->exponent - whole, decimal->exponent);
    if (point) {
        __jacinth_put(sink, ".", 1);
    }
    run(sink, decimal, decimal->exponent, decimal->exponent + places);
    __jacinth_repeat(sink, ' ', after);
}

/* 1.234e+01, with so many places. */
static void scientific(jacinth_sink_t* sink, const struct conversion* conversion, const char* sign,
                       const struct decimal* decimal, long places, char letter) {
    bool point = places != 0 || conversion->alternate;
    char tail[12];
    size_t length = exponent_of(tail, letter, decimal->exponent - 1, 2);
    size_t after = __jacinth_open(sink, conversion, sign, 1 + point + (size_t)places + length);
    run(sink, decimal, 0, 1);
    if (point) {
        __jacinth_put(sink, ".", 1);
    }
    run(sink, decimal, 1, 1 + places);
    __jacinth_put(sink, tail, length);
    __jacinth_repeat(sink, ' ', after);
}

/* Whichever of both is shorter, without zeros at the end. */
static void general(jacinth_sink_t* sink, const struct conversion* conversion, const char* sign,
                    struct decimal* decimal, char letter) {
    long digits = conversion->precision < 0 ? 6 : conversion->precision == 0 ? 1 : conversion->precision;
    cut(decimal, digits);
    long exponent = decimal->exponent - 1;
    bool is_fixed = exponent >= -4 && exponent < digits;
    if (!conversion->alternate) {
        /* A number of 300 and no places still has all digits before its point. */
        long least = is_fixed && decimal->exponent > 0 ? decimal->exponent : 1;
        digits = decimal->count > least ? decimal->count : least;
    }
    if (is_fixed) {
        long places = digits - decimal->exponent;
        fixed(sink, conversion, sign, decimal, places > 0 ? places : 0);
    } else {
        scientific(sink, conversion, sign, decimal, digits - 1, letter);
    }
}

/* 0x1.8p+1: the bits as they are. A subnormal begins with 0. */
static void hexadecimal(jacinth_sink_t* sink, const struct conversion* conversion, const char* sign, uint64_t mantissa,
                        unsigned scale, bool upper) {
    const long all = FRACTION_BITS / 4;
    long places = conversion->precision;
    long exponent = mantissa == 0 ? 0 : (long)scale - 1023;
    if (places >= 0 && places < all) {
        unsigned drop = (unsigned)(all - places) * 4;
        uint64_t rest = mantissa & ((1ull << drop) - 1), half = 1ull << (drop - 1);
        mantissa >>= drop;
        mantissa += rest > half || (rest == half && mantissa % 2 != 0);
        mantissa <<= drop;
    }
    const char* names = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char digits[FRACTION_BITS / 4];
    long shown = 0;
    for (long i = 0; i < all; i++) {
        unsigned digit = mantissa >> (FRACTION_BITS - 4 * (i + 1)) & 15;
        digits[i] = names[digit];
        shown = digit != 0 ? i + 1 : shown;
    }
    places = places < 0 ? shown : places;
    shown = places < all ? places : all;
    bool point = places != 0 || conversion->alternate;
    char prefix[4] = {0};
    strcpy(prefix, sign);
    strcat(prefix, upper ? "0X" : "0x");
    char tail[12];
    size_t length = exponent_of(tail, upper ? 'P' : 'p', exponent, 1);
    size_t after = __jacinth_open(sink, conversion, prefix, 1 + point + (size_t)places + length);
    __jacinth_put(sink, &names[mantissa >> FRACTION_BITS], 1);
    if (point) {
        __jacinth_put(sink, ".", 1);
    }
    __jacinth_put(sink, digits, (size_t)shown);
    __jacinth_repeat(sink, '0', (size_t)(places - shown));
    __jacinth_put(sink, tail, length);
    __jacinth_repeat(sink, ' ', after);
}

void __jacinth_double(jacinth_sink_t* sink, struct conversion conversion, char letter, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    const char* sign = __jacinth_sign(&conversion, bits >> 63 != 0);
    bool upper = letter >= 'A' && letter <= 'Z';
    char lower = upper ? (char)(letter - 'A' + 'a') : letter;
    unsigned scale = bits >> FRACTION_BITS & 0x7ff;
    uint64_t mantissa = bits & ((1ull << FRACTION_BITS) - 1);
    if (scale == 0x7ff) {
        conversion.zero = false;
        const char* name = mantissa != 0 ? (upper ? "NAN" : "nan") : (upper ? "INF" : "inf");
        size_t after = __jacinth_open(sink, &conversion, sign, 3);
        __jacinth_put(sink, name, 3);
        __jacinth_repeat(sink, ' ', after);
        return;
    }
    /* A subnormal has no bit before its point, and the exponent of 1. */
    mantissa |= scale == 0 ? 0 : 1ull << FRACTION_BITS;
    scale = scale == 0 ? 1 : scale;
    if (lower == 'a') {
        hexadecimal(sink, &conversion, sign, mantissa, scale, upper);
        return;
    }
    struct decimal decimal;
    expand(&decimal, mantissa, scale);
    long places = conversion.precision < 0 ? 6 : conversion.precision;
    if (lower == 'f') {
        cut(&decimal, decimal.exponent + places);
        fixed(sink, &conversion, sign, &decimal, places);
    } else if (lower == 'e') {
        cut(&decimal, 1 + places);
        scientific(sink, &conversion, sign, &decimal, places, letter);
    } else {
        general(sink, &conversion, sign, &decimal, upper ? 'E' : 'e');
    }
}
