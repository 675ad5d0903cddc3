/* sscanf's conversions. */
#include <ctype.h>
#include <string.h>

#include "number.h"

/* What stands between the % and the letter. */
struct conversion {
    bool suppressed;
    /* SIZE_MAX if none is given. */
    size_t width;
    /* Bytes of an integer or, for the letters of doubles, of a float; 0 for a length that does not exist here. */
    size_t size;
    char letter;
    /* Of %[: the characters between the brackets. */
    const char* set;
    size_t set_size;
    bool is_inverted;
};

/* Which lengths there are, and the sizes that they mean. */
static size_t read_length(const char** format) {
    char first = **format;
    bool twice = (first == 'h' || first == 'l') && (*format)[1] == first;
    *format += first != '\0' && strchr("hljztL", first) != NULL;
    *format += twice;
    switch (first) {
    case 'h':
        return twice ? sizeof(char) : sizeof(short);
    case 'l':
    case 'j':
    case 'z':
    case 't':
        return sizeof(long long);
    case 'L':
        return 0;
    default:
        return sizeof(int);
    }
}

static void read_set(const char** format, struct conversion* conversion) {
    conversion->is_inverted = **format == '^';
    *format += conversion->is_inverted;
    conversion->set = *format;
    /* A bracket that comes first is one of the characters. */
    *format += **format == ']';
    while (**format != ']' && **format != '\0') {
        ++*format;
    }
    conversion->set_size = (size_t)(*format - conversion->set);
    *format += **format == ']';
}

/* Reads a conversion, from behind its %. */
static struct conversion read_conversion(const char** format) {
    struct conversion conversion = {.width = SIZE_MAX};
    conversion.suppressed = **format == '*';
    *format += conversion.suppressed;
    if (isdigit((unsigned char)**format)) {
        conversion.width = 0;
        for (; isdigit((unsigned char)**format); ++*format) {
            size_t digit = (size_t)(**format - '0');
            conversion.width = conversion.width > SIZE_MAX / 20 ? SIZE_MAX / 2 : 10 * conversion.width + digit;
        }
        conversion.width = conversion.width == 0 ? SIZE_MAX : conversion.width;
    }
    conversion.size = read_length(format);
    conversion.letter = **format;
    *format += conversion.letter != '\0';
    if (conversion.letter == '[') {
        read_set(format, &conversion);
    }
    return conversion;
}

/* Where the next argument's pointer goes. */
struct target {
    va_list args;
};

static void store_whole(const struct conversion* conversion, struct target* target, uint64_t value) {
    void* to = va_arg(target->args, void*);
    /* The lowest bytes come first. */
    memcpy(to, &value, conversion->size);
}

/* Gives how many characters were taken; 0 if they are no such number. */
static size_t scan_whole(const struct conversion* conversion, const char* text, struct target* target) {
    char letter = conversion->letter;
    bool is_signed = letter == 'd' || letter == 'i';
    int base = letter == 'i' ? 0 : letter == 'o' ? 8 : letter == 'd' || letter == 'u' ? 10 : 16;
    struct jacinth_whole whole = __jacinth_read_whole(text, conversion->width, base);
    if (whole.length == 0 || whole.length != whole.taken) {
        return 0;
    }
    bool out_of_range;
    uint64_t value = is_signed ? (uint64_t)__jacinth_to_signed(&whole, &out_of_range)
                               : __jacinth_to_unsigned(&whole, &out_of_range);
    if (!conversion->suppressed) {
        store_whole(conversion, target, value);
    }
    return whole.length;
}

static size_t scan_double(const struct conversion* conversion, const char* text, struct target* target) {
    struct jacinth_number number = __jacinth_read_number(text, conversion->width);
    if (number.length == 0 || number.length != number.taken) {
        return 0;
    }
    bool out_of_range;
    if (!conversion->suppressed && conversion->size == sizeof(double)) {
        *va_arg(target->args, double*) = __jacinth_to_double(&number, &out_of_range);
    } else if (!conversion->suppressed) {
        *va_arg(target->args, float*) = __jacinth_to_float(&number, &out_of_range);
    }
    return number.length;
}

/* Whether %s or %[ takes a character. */
static bool takes(const struct conversion* conversion, char character) {
    if (conversion->letter == 's') {
        return !isspace((unsigned char)character);
    }
    bool found = false;
    const char* set = conversion->set;
    for (size_t i = 0; i < conversion->set_size && !found; i++) {
        /* A dash between two characters stands for all from one to the other. */
        if (i + 2 < conversion->set_size && set[i + 1] == '-') {
            found = (unsigned char)set[i] <= (unsigned char)character &&
                    (unsigned char)character <= (unsigned char)set[i + 2];
            i += 2;
        } else {
            found = set[i] == character;
        }
    }
    return found != conversion->is_inverted;
}

static size_t scan_text(const struct conversion* conversion, const char* text, struct target* target) {
    bool is_counted = conversion->letter == 'c';
    size_t width = is_counted && conversion->width == SIZE_MAX ? 1 : conversion->width;
    size_t length = 0;
    while (length < width && text[length] != '\0' && (is_counted || takes(conversion, text[length]))) {
        length++;
    }
    /* %c takes as many as it is told to. */
    if (length == 0 || (is_counted && length != width)) {
        return 0;
    }
    if (!conversion->suppressed) {
        char* to = va_arg(target->args, char*);
        memcpy(to, text, length);
        if (!is_counted) {
            to[length] = '\0';
        }
    }
    return length;
}

static size_t scan_one(const struct conversion* conversion, const char* text, struct target* target) {
    switch (conversion->letter) {
    case 'd':
    case 'i':
    case 'u':
    case 'o':
    case 'x':
    case 'X':
        return conversion->size == 0 ? 0 : scan_whole(conversion, text, target);
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
    case 'a':
    case 'A':
        return conversion->size < sizeof(float) ? 0 : scan_double(conversion, text, target);
    case 'c':
    case 's':
    case '[':
        /* Wide characters are not known here. */
        return conversion->size == sizeof(int) ? scan_text(conversion, text, target) : 0;
    default:
        return 0;
    }
}

static const char* skip_blanks(const char* text) {
    while (isspace((unsigned char)*text)) {
        text++;
    }
    return text;
}

int vsscanf(const char* restrict text, const char* restrict wanted, va_list args) {
    const char* format = wanted;
    struct target target;
    va_copy(target.args, args);
    const char* at = text;
    /* How many were stored, and whether anything was converted at all: before that the text's end is EOF. */
    int stored = 0;
    bool any = false, good = true, ended = false;
    while (*format != '\0' && good) {
        if (isspace((unsigned char)*format)) {
            format++;
            at = skip_blanks(at);
            continue;
        }
        bool is_literal = *format != '%' || format[1] == '%';
        if (is_literal) {
            at = *format == '%' ? skip_blanks(at) : at;
            format += *format == '%';
            good = *at == *format;
            ended = *at == '\0';
            at += good;
            format++;
            continue;
        }
        format++;
        struct conversion conversion = read_conversion(&format);
        if (conversion.letter == 'n') {
            if (!conversion.suppressed && conversion.size != 0) {
                store_whole(&conversion, &target, (uint64_t)(at - text));
            }
            continue;
        }
        if (conversion.letter == 'p') {
            conversion.letter = 'x';
            conversion.size = sizeof(void*);
        }
        if (conversion.letter != 'c' && conversion.letter != '[') {
            at = skip_blanks(at);
        }
        ended = *at == '\0';
        size_t length = ended ? 0 : scan_one(&conversion, at, &target);
        good = length != 0;
        any = any || good;
        stored += good && !conversion.suppressed;
        at += length;
    }
    va_end(target.args);
    return !good && ended && !any ? EOF : stored;
}

int sscanf(const char* restrict text, const char* restrict format, ...) {
    va_list args;
    va_start(args, format);
    int stored = vsscanf(text, format, args);
    va_end(args);
    return stored;
}
