/* printf's conversions. */
#include <string.h>

#include "internal.h"

/* What stands between the % and the letter. */
struct conversion {
    bool left, plus, space, alternate, zero;
    int width;
    /* -1 if none is given. */
    int precision;
    /* Bytes of an integer argument. */
    size_t size;
};

static void put(jacinth_sink_t* sink, const char* text, size_t length) {
    sink->put(sink, text, length);
    sink->count += length;
}

static void repeat(jacinth_sink_t* sink, char character, size_t times) {
    char piece[32];
    memset(piece, character, sizeof(piece));
    for (; times > sizeof(piece); times -= sizeof(piece)) {
        put(sink, piece, sizeof(piece));
    }
    put(sink, piece, times);
}

/* Writes a sign or prefix, zeros and a body, filled up to the width. */
static void field(jacinth_sink_t* sink, const struct conversion* conversion, const char* prefix, size_t zeros,
                  const char* body, size_t length) {
    size_t before = strlen(prefix);
    size_t whole = before + zeros + length;
    size_t width = (size_t)conversion->width;
    size_t fill = width > whole ? width - whole : 0;
    if (!conversion->left && !conversion->zero) {
        repeat(sink, ' ', fill);
    }
    put(sink, prefix, before);
    if (!conversion->left && conversion->zero) {
        zeros += fill;
    }
    repeat(sink, '0', zeros);
    put(sink, body, length);
    if (conversion->left) {
        repeat(sink, ' ', fill);
    }
}

static void integer(jacinth_sink_t* sink, struct conversion conversion, uint64_t value, const char* prefix,
                    unsigned base, bool upper) {
    char text[24];
    char* start = text + sizeof(text);
    const char* digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    for (uint64_t left = value; left != 0; left /= base) {
        *--start = digits[left % base];
    }
    size_t length = (size_t)(text + sizeof(text) - start);
    size_t least = conversion.precision < 0 ? 1 : (size_t)conversion.precision;
    if (conversion.alternate && base == 8 && length >= least) {
        least = length + 1;
    }
    if (conversion.precision >= 0) {
        conversion.zero = false;
    }
    field(sink, &conversion, prefix, least > length ? least - length : 0, start, length);
}

static const char* sign_of(const struct conversion* conversion, bool negative) {
    return negative ? "-" : conversion->plus ? "+" : conversion->space ? " " : "";
}

/* The bits of a double's fraction, and the most words that its digits need: 1074 bits behind the point. */
#define FRACTION_BITS 52
#define WORDS 36

/* A number of WORDS words of 32 bits, the lowest first. */
struct big {
    uint32_t words[WORDS];
};

/* number = value << shift; what lies beyond the top is lost. */
static void shifted(struct big* number, uint64_t value, unsigned shift) {
    memset(number, 0, sizeof(*number));
    unsigned word = shift / 32, bit = shift % 32;
    unsigned __int128 wide = (unsigned __int128)value << bit;
    for (unsigned i = 0; i < 4 && word + i < WORDS; i++) {
        number->words[word + i] = (uint32_t)(wide >> (32 * i));
    }
}

/* Divides by ten; gives the remainder. */
static unsigned divide(struct big* number) {
    uint64_t rest = 0;
    for (unsigned i = WORDS; i-- != 0;) {
        uint64_t part = rest << 32 | number->words[i];
        number->words[i] = (uint32_t)(part / 10);
        rest = part % 10;
    }
    return (unsigned)rest;
}

/* Multiplies by ten; gives and takes away what is at bit `point` and above. */
static unsigned next_digit(struct big* number, unsigned point) {
    uint64_t carry = 0;
    for (unsigned i = 0; i < WORDS; i++) {
        uint64_t part = (uint64_t)number->words[i] * 10 + carry;
        number->words[i] = (uint32_t)part;
        carry = part >> 32;
    }
    unsigned word = point / 32, bit = point % 32;
    uint64_t top = number->words[word] | (word + 1 < WORDS ? (uint64_t)number->words[word + 1] << 32 : 0);
    number->words[word] &= (uint32_t)((1ull << bit) - 1);
    if (word + 1 < WORDS) {
        number->words[word + 1] = 0;
    }
    return (unsigned)(top >> bit);
}

/* Compares what is left below bit `point` with one half: -1, 0 or 1. */
static int beside_half(const struct big* number, unsigned point) {
    if (point == 0) {
        return -1;
    }
    unsigned half = point - 1;
    bool top = (number->words[half / 32] >> (half % 32) & 1) != 0;
    bool rest = (number->words[half / 32] & ((1u << (half % 32)) - 1)) != 0;
    for (unsigned i = 0; i < half / 32; i++) {
        rest = rest || number->words[i] != 0;
    }
    return !top ? -1 : rest ? 1 : 0;
}

/* Adds one to the last digit. The first character is a 0 that takes the carry. */
static void round_up(char* first, char* end) {
    while (--end >= first) {
        if (*end != '.' && (*end)++ != '9') {
            return;
        }
        if (*end != '.') {
            *end = '0';
        }
    }
}

/* Exact: a double's digits end after 1074 places at most, and what is cut off is rounded half to even. */
static void fixed(jacinth_sink_t* sink, struct conversion conversion, double value, bool upper) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    const char* sign = sign_of(&conversion, bits >> 63 != 0);
    unsigned exponent = bits >> FRACTION_BITS & 0x7ff;
    uint64_t fraction = bits & ((1ull << FRACTION_BITS) - 1);
    if (exponent == 0x7ff) {
        conversion.zero = false;
        const char* name = fraction != 0 ? (upper ? "NAN" : "nan") : (upper ? "INF" : "inf");
        field(sink, &conversion, sign, 0, name, 3);
        return;
    }
    uint64_t mantissa = exponent == 0 ? fraction : fraction | 1ull << FRACTION_BITS;
    /* value = mantissa * 2^(exponent - 1075); a subnormal has the exponent of 1. */
    unsigned scale = exponent == 0 ? 1 : exponent;
    struct big number;
    unsigned point = scale < 1075 ? 1075 - scale : 0;
    uint64_t whole = point >= 64 ? 0 : mantissa >> point;
    shifted(&number, point == 0 ? mantissa : whole, point == 0 ? scale - 1075 : 0);
    /* The longest: a 0 for the carry, 309 digits, the point, 1074 digits. */
    char text[1 + 309 + 1 + 1074 + 8];
    char* first = text + 311;
    char* end = first;
    do {
        *--first = (char)('0' + divide(&number));
        bool any = false;
        for (unsigned i = 0; i < WORDS; i++) {
            any = any || number.words[i] != 0;
        }
        if (!any) {
            break;
        }
    } while (first > text + 1);
    *--first = '0';
    unsigned wanted = conversion.precision < 0 ? 6 : (unsigned)conversion.precision;
    unsigned shown = wanted < 1074 ? wanted : 1074;
    uint64_t below = point == 0 ? 0 : point >= 64 ? mantissa : mantissa & ((1ull << point) - 1);
    shifted(&number, below, 0);
    if (wanted != 0 || conversion.alternate) {
        *end++ = '.';
    }
    for (unsigned i = 0; i < shown; i++) {
        *end++ = (char)('0' + (point == 0 ? 0 : next_digit(&number, point)));
    }
    int half = beside_half(&number, point);
    char last = end[-1] == '.' ? end[-2] : end[-1];
    if (half > 0 || (half == 0 && (last - '0') % 2 != 0)) {
        round_up(first, end);
    }
    if (*first == '0') {
        first++;
    }
    /* Places that no double has are zeros; they come behind, so the field's own zeros cannot hold them. */
    size_t more = wanted - shown;
    size_t length = (size_t)(end - first);
    size_t width = (size_t)conversion.width;
    conversion.width = (int)(width > more ? width - more : 0);
    if (!conversion.left || more == 0) {
        field(sink, &conversion, sign, 0, first, length);
        repeat(sink, '0', more);
        return;
    }
    conversion.width = 0;
    field(sink, &conversion, sign, 0, first, length);
    repeat(sink, '0', more);
    size_t written = strlen(sign) + length + more;
    repeat(sink, ' ', width > written ? width - written : 0);
}

static int number_of(const char** format) {
    int value = 0;
    for (; **format >= '0' && **format <= '9'; (*format)++) {
        /* Nobody means more; what does is cut, and does not overflow. */
        value = value > 99999 ? value : value * 10 + (**format - '0');
    }
    return value;
}

static void read_flags(const char** format, struct conversion* conversion) {
    for (;; (*format)++) {
        switch (**format) {
        case '-':
            conversion->left = true;
            break;
        case '+':
            conversion->plus = true;
            break;
        case ' ':
            conversion->space = true;
            break;
        case '#':
            conversion->alternate = true;
            break;
        case '0':
            conversion->zero = true;
            break;
        default:
            return;
        }
    }
}

static void read_length(const char** format, struct conversion* conversion) {
    conversion->size = sizeof(int);
    for (;; (*format)++) {
        switch (**format) {
        case 'h':
            conversion->size = conversion->size == sizeof(int) ? sizeof(short) : sizeof(char);
            break;
        case 'l':
        case 'z':
        case 'j':
        case 't':
            conversion->size = sizeof(long);
            break;
        default:
            return;
        }
    }
}

static int64_t signed_of(uint64_t value, size_t size) {
    switch (size) {
    case sizeof(char):
        return (signed char)value;
    case sizeof(short):
        return (short)value;
    case sizeof(int):
        return (int)value;
    default:
        return (int64_t)value;
    }
}

static uint64_t unsigned_of(uint64_t value, size_t size) {
    return size == sizeof(long) ? value : value & ((1ull << (8 * size)) - 1);
}

static void text_of(jacinth_sink_t* sink, struct conversion conversion, const char* text) {
    conversion.zero = false;
    text = text == NULL ? "(null)" : text;
    size_t length = conversion.precision < 0 ? strlen(text) : strnlen(text, (size_t)conversion.precision);
    field(sink, &conversion, "", 0, text, length);
}

static void number(jacinth_sink_t* sink, struct conversion conversion, char letter, uint64_t raw) {
    if (letter == 'd' || letter == 'i') {
        int64_t value = signed_of(raw, conversion.size);
        uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
        integer(sink, conversion, size, sign_of(&conversion, value < 0), 10, false);
        return;
    }
    uint64_t value = unsigned_of(raw, conversion.size);
    unsigned base = letter == 'u' ? 10 : letter == 'o' ? 8 : 16;
    bool upper = letter == 'X';
    const char* prefix = base == 16 && conversion.alternate && value != 0 ? (upper ? "0X" : "0x") : "";
    integer(sink, conversion, value, prefix, base, upper);
}

void __jacinth_format(jacinth_sink_t* sink, const char* format, va_list args) {
    for (;;) {
        size_t plain = strcspn(format, "%");
        put(sink, format, plain);
        format += plain;
        if (*format == '\0') {
            return;
        }
        const char* start = format++;
        struct conversion conversion = {.precision = -1};
        read_flags(&format, &conversion);
        if (*format == '*') {
            int width = va_arg(args, int);
            conversion.left = conversion.left || width < 0;
            conversion.width = width < 0 ? -(width + 1) + 1 : width;
            format++;
        } else {
            conversion.width = number_of(&format);
        }
        if (*format == '.') {
            format++;
            if (*format == '*') {
                conversion.precision = va_arg(args, int);
                format++;
            } else {
                conversion.precision = number_of(&format);
            }
            conversion.precision = conversion.precision < 0 ? -1 : conversion.precision;
        }
        read_length(&format, &conversion);
        char letter = *format;
        switch (letter) {
        case 'd':
        case 'i':
        case 'u':
        case 'o':
        case 'x':
        case 'X':
            number(sink, conversion, letter,
                   conversion.size == sizeof(long) ? va_arg(args, unsigned long) : va_arg(args, unsigned int));
            break;
        case 'c': {
            char character = (char)va_arg(args, int);
            conversion.zero = false;
            field(sink, &conversion, "", 0, &character, 1);
            break;
        }
        case 's':
            text_of(sink, conversion, va_arg(args, const char*));
            break;
        case 'p':
            conversion.alternate = true;
            integer(sink, conversion, (uint64_t)va_arg(args, void*), "0x", 16, false);
            break;
        case 'f':
        case 'F':
            fixed(sink, conversion, va_arg(args, double), letter == 'F');
            break;
        case '%':
            put(sink, "%", 1);
            break;
        default:
            /* Not one of ours: shown as it was written. */
            put(sink, start, (size_t)(format - start));
            continue;
        }
        format++;
    }
}
