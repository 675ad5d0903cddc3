/* printf's conversions; those of doubles are in double.c. */
#include <limits.h>
#include <string.h>

#include "format.h"

void __jacinth_put(jacinth_sink_t* sink, const char* text, size_t length) {
    sink->put(sink, text, length);
    sink->count += length;
}

void __jacinth_repeat(jacinth_sink_t* sink, char character, size_t times) {
    char piece[32];
    memset(piece, character, sizeof(piece));
    for (; times > sizeof(piece); times -= sizeof(piece)) {
        __jacinth_put(sink, piece, sizeof(piece));
    }
    __jacinth_put(sink, piece, times);
}

size_t __jacinth_open(jacinth_sink_t* sink, const struct conversion* conversion, const char* prefix, size_t length) {
    size_t before = strlen(prefix);
    size_t whole = before + length;
    size_t fill = conversion->width > whole ? conversion->width - whole : 0;
    if (!conversion->left && !conversion->zero) {
        __jacinth_repeat(sink, ' ', fill);
    }
    __jacinth_put(sink, prefix, before);
    if (!conversion->left && conversion->zero) {
        __jacinth_repeat(sink, '0', fill);
    }
    return conversion->left ? fill : 0;
}

/* Writes a sign or prefix, zeros and a body, filled up to the width. */
static void field(jacinth_sink_t* sink, const struct conversion* conversion, const char* prefix, size_t zeros,
                  const char* body, size_t length) {
    size_t after = __jacinth_open(sink, conversion, prefix, zeros + length);
    __jacinth_repeat(sink, '0', zeros);
    __jacinth_put(sink, body, length);
    __jacinth_repeat(sink, ' ', after);
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

const char* __jacinth_sign(const struct conversion* conversion, bool negative) {
    return negative ? "-" : conversion->plus ? "+" : conversion->space ? " " : "";
}

/* A number of a format; INT_MAX + 1 stands for all that are larger than INT_MAX. */
static size_t number_of(const char** format) {
    size_t value = 0;
    for (; **format >= '0' && **format <= '9'; (*format)++) {
        value = value > INT_MAX ? value : value * 10 + (size_t)(**format - '0');
    }
    return value > INT_MAX ? (size_t)INT_MAX + 1 : value;
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
        integer(sink, conversion, size, __jacinth_sign(&conversion, value < 0), 10, false);
        return;
    }
    uint64_t value = unsigned_of(raw, conversion.size);
    unsigned base = letter == 'u' ? 10 : letter == 'o' ? 8 : 16;
    bool upper = letter == 'X';
    const char* prefix = base == 16 && conversion.alternate && value != 0 ? (upper ? "0X" : "0x") : "";
    integer(sink, conversion, value, prefix, base, upper);
}

bool __jacinth_format(jacinth_sink_t* sink, const char* format, va_list args) {
    for (;;) {
        size_t plain = strcspn(format, "%");
        __jacinth_put(sink, format, plain);
        format += plain;
        if (*format == '\0') {
            return sink->count <= INT_MAX;
        }
        const char* start = format++;
        struct conversion conversion = {.precision = -1};
        read_flags(&format, &conversion);
        if (*format == '*') {
            int width = va_arg(args, int);
            conversion.left = conversion.left || width < 0;
            conversion.width = width < 0 ? 0 - (size_t)width : (size_t)width;
            format++;
        } else {
            conversion.width = number_of(&format);
        }
        if (*format == '.') {
            format++;
            if (*format == '*') {
                int precision = va_arg(args, int);
                conversion.precision = precision < 0 ? -1 : precision;
                format++;
            } else {
                size_t precision = number_of(&format);
                if (precision > INT_MAX) {
                    return false;
                }
                conversion.precision = (int)precision;
            }
        }
        if (conversion.width > INT_MAX) {
            return false;
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
        case 'a':
        case 'A':
        case 'e':
        case 'E':
        case 'f':
        case 'F':
        case 'g':
        case 'G':
            __jacinth_double(sink, conversion, letter, va_arg(args, double));
            break;
        case '%':
            __jacinth_put(sink, "%", 1);
            break;
        default:
            /* Not one of ours: shown as it was written. */
            __jacinth_put(sink, start, (size_t)(format - start));
            continue;
        }
        format++;
    }
}
