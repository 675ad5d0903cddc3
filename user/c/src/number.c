/* Text to doubles and floats, exactly: the nearest one, half to even, whatever FPCR says.
 *
 * What is written is digits times a power of ten. The digits become a whole number, which is multiplied by the power of
 * five that belongs to it, or, shifted far enough to the left, divided by it. Its highest 64 bits, and whether there is
 * anything behind them, say which double is the nearest. */
#include "number.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* No double and no half between two has more digits than 767: what is behind these only tells more from less. */
#define DIGITS 780
/* Room for so many, or for what a power of five leaves 66 bits of: 5^1200 has 2787. */
#define WORDS 96
/* The power of five that fits a word. */
#define FIVES 13
#define FIVES_VALUE 1220703125u
/* No exponent beyond these changes anything: whoever writes 1e999999 means it. */
#define FAR 1000000000000l

struct big {
    /* The lowest word first, and how many there are without zeros at the top. */
    uint32_t words[WORDS];
    unsigned count;
};

/* number = number * factor + more. There is room: see WORDS. */
static void multiply(struct big* number, uint32_t factor, uint32_t more) {
    uint64_t carry = more;
    for (unsigned i = 0; i < number->count; i++) {
        uint64_t part = (uint64_t)number->words[i] * factor + carry;
        number->words[i] = (uint32_t)part;
        carry = part >> 32;
    }
    if (carry != 0 && number->count < WORDS) {
        number->words[number->count++] = (uint32_t)carry;
    }
}

/* number = number / divisor; whether something is left. */
static bool divide(struct big* number, uint32_t divisor) {
    uint64_t rest = 0;
    for (unsigned i = number->count; i-- != 0;) {
        uint64_t part = rest << 32 | number->words[i];
        number->words[i] = (uint32_t)(part / divisor);
        rest = part % divisor;
    }
    while (number->count != 0 && number->words[number->count - 1] == 0) {
        number->count--;
    }
    return rest != 0;
}

static long bits_of(const struct big* number) {
    return number->count == 0 ? 0 : 32l * number->count - __builtin_clz(number->words[number->count - 1]);
}

/* number = number << 32 * words. */
static void shift(struct big* number, unsigned words) {
    memmove(number->words + words, number->words, number->count * sizeof(uint32_t));
    memset(number->words, 0, words * sizeof(uint32_t));
    number->count += words;
}

/* The highest 64 bits of a number that is not 0, the highest one set; the others go into `inexact`. */
static uint64_t top(const struct big* number, bool* inexact) {
    long low = bits_of(number) - 64;
    uint64_t value = 0;
    for (long bit = 0; bit < 64; bit += 32) {
        long at = low + bit;
        /* The 32 bits from bit `at` up, zeros below the number's first. */
        long word = at >= 0 ? at / 32 : (at - 31) / 32, offset = at - 32 * word;
        uint64_t pair = 0;
        for (int i = 0; i < 2; i++) {
            if (word + i >= 0 && word + i < (long)number->count) {
                pair |= (uint64_t)number->words[word + i] << (32 * i);
            }
        }
        value |= (pair >> offset & 0xffffffffu) << bit;
    }
    for (long bit = 0; bit < low; bit++) {
        *inexact = *inexact || (number->words[bit / 32] >> (bit % 32) & 1) != 0;
    }
    return value;
}

/* digits * 10^exponent as mantissa * 2^exponent. */
static void scale(struct jacinth_number* number, const char* digits, size_t count, long exponent) {
    struct big big = {{0}, 0};
    for (size_t i = 0; i < count; i++) {
        multiply(&big, 10, (uint32_t)(digits[i] - '0'));
    }
    long binary = exponent;
    if (exponent < 0) {
        /* 5^n has fewer than n * 7 / 3 + 1 bits. */
        long missing = 66 + -exponent * 7 / 3 + 1 - bits_of(&big);
        unsigned words = missing > 0 ? (unsigned)(missing + 31) / 32 : 0;
        shift(&big, words);
        binary -= 32l * words;
    }
    for (long left = exponent < 0 ? -exponent : exponent; left != 0;) {
        long step = left < FIVES ? left : FIVES;
        uint32_t power = FIVES_VALUE;
        for (long i = step; i < FIVES; i++) {
            power /= 5;
        }
        if (exponent < 0) {
            number->inexact = divide(&big, power) || number->inexact;
        } else {
            multiply(&big, power, 0);
        }
        left -= step;
    }
    number->exponent = binary + bits_of(&big) - 64;
    number->mantissa = top(&big, &number->inexact);
}

/* What is read, and how far. */
struct input {
    const char* text;
    size_t most;
    size_t at;
};

static char peek(const struct input* input, size_t ahead) {
    return input->at + ahead < input->most ? input->text[input->at + ahead] : '\0';
}

static char lower(const struct input* input) { return (char)tolower((unsigned char)peek(input, 0)); }

/* Takes as much of a word as there is, in whatever case. */
static size_t take_word(struct input* input, const char* word) {
    size_t length = 0;
    for (; word[length] != '\0' && lower(input) == word[length]; length++) {
        input->at++;
    }
    return length;
}

/* The power behind a number, after `e` or `p`; 0, and where the number ends, if there is none. */
static long take_exponent(struct input* input, char letter, size_t* end) {
    *end = input->at;
    if (lower(input) != letter) {
        return 0;
    }
    input->at++;
    bool negative = peek(input, 0) == '-';
    input->at += negative || peek(input, 0) == '+';
    long value = 0;
    for (; isdigit((unsigned char)peek(input, 0)); input->at++) {
        value = value < FAR ? 10 * value + (peek(input, 0) - '0') : value;
        *end = input->at + 1;
    }
    return negative ? -value : value;
}

/* Digits with a point among them; false if there is no digit. `take` is told each digit, and how many places behind the
 * point it is. */
struct places {
    struct jacinth_number* number;
    char* digits;
    size_t count;
    /* The power of the last digit that was kept, in digits. */
    long power;
};

static void take_decimal(struct places* places, int digit, bool is_fraction) {
    places->power -= is_fraction;
    if (places->count == 0 && digit == 0) {
        return;
    }
    if (places->count < DIGITS) {
        places->digits[places->count++] = (char)('0' + digit);
    } else {
        places->number->inexact = places->number->inexact || digit != 0;
        places->power++;
    }
}

static void take_hexadecimal(struct places* places, int digit, bool is_fraction) {
    struct jacinth_number* number = places->number;
    places->power -= is_fraction;
    if (number->mantissa >> 60 == 0) {
        number->mantissa = number->mantissa << 4 | (uint64_t)digit;
    } else {
        number->inexact = number->inexact || digit != 0;
        places->power++;
    }
}

static int hexadecimal(char character) {
    char small = (char)tolower((unsigned char)character);
    return isdigit((unsigned char)small) ? small - '0' : small - 'a' + 10;
}

static bool take_digits(struct input* input, bool is_hexadecimal, struct places* places) {
    bool any = false, fraction = false;
    for (;; input->at++) {
        unsigned char next = (unsigned char)peek(input, 0);
        if (next == '.' && !fraction) {
            fraction = true;
        } else if (is_hexadecimal ? isxdigit(next) : isdigit(next)) {
            (is_hexadecimal ? take_hexadecimal : take_decimal)(places, hexadecimal((char)next), fraction);
            any = true;
        } else {
            return any;
        }
    }
}

static void read_decimal(struct input* input, struct jacinth_number* number) {
    char digits[DIGITS + 1];
    struct places places = {number, digits, 0, 0};
    if (!take_digits(input, false, &places)) {
        return;
    }
    number->kind = JACINTH_FINITE;
    long exponent = take_exponent(input, 'e', &number->length) + places.power;
    if (places.count == 0) {
        number->inexact = false;
        return;
    }
    if (number->inexact) {
        /* Something is behind the digits that were kept: a last one of 1 stands for it. */
        digits[places.count++] = '1';
        exponent--;
    }
    long leading = exponent + (long)places.count;
    if (leading > 400 || leading < -400) {
        /* Far beyond what any double is. */
        number->mantissa = 1ull << 63;
        number->exponent = leading > 0 ? 10000 : -10000;
        number->inexact = true;
        return;
    }
    scale(number, digits, places.count, exponent);
}

static void read_hexadecimal(struct input* input, struct jacinth_number* number) {
    /* `0` is a number by itself, whatever is behind the x. */
    number->kind = JACINTH_FINITE;
    number->length = input->at + 1;
    input->at += 2;
    struct places places = {number, NULL, 0, 0};
    if (!take_digits(input, true, &places)) {
        return;
    }
    long exponent = take_exponent(input, 'p', &number->length) + 4 * places.power;
    if (number->mantissa != 0) {
        int zeros = __builtin_clzll(number->mantissa);
        number->mantissa <<= zeros;
        exponent -= zeros;
        number->exponent = exponent < -10000 ? -10000 : exponent > 10000 ? 10000 : exponent;
    }
}

/* `inf`, `infinity`, `nan` and `nan(letters)`. */
static void read_word(struct input* input, struct jacinth_number* number) {
    if (lower(input) == 'i') {
        size_t length = take_word(input, "infinity");
        number->kind = length >= 3 ? JACINTH_INFINITE : JACINTH_NO_NUMBER;
        number->length = input->at - length + (length == 8 ? 8 : 3);
        return;
    }
    if (take_word(input, "nan") != 3) {
        return;
    }
    number->kind = JACINTH_NAN;
    number->length = input->at;
    if (peek(input, 0) == '(') {
        do {
            input->at++;
        } while (isalnum((unsigned char)peek(input, 0)) || peek(input, 0) == '_');
        if (peek(input, 0) == ')') {
            number->length = ++input->at;
        }
    }
}

struct jacinth_number __jacinth_read_number(const char* text, size_t most) {
    struct jacinth_number number = {0};
    struct input input = {text, most, 0};
    number.negative = peek(&input, 0) == '-';
    input.at = number.negative || peek(&input, 0) == '+';
    if (lower(&input) == 'i' || lower(&input) == 'n') {
        read_word(&input, &number);
    } else if (peek(&input, 0) == '0' && (peek(&input, 1) == 'x' || peek(&input, 1) == 'X')) {
        read_hexadecimal(&input, &number);
    } else {
        read_decimal(&input, &number);
    }
    if (number.kind == JACINTH_NO_NUMBER) {
        number.length = 0;
    }
    number.taken = input.at;
    return number;
}

/* The bits of the nearest number with so many bits behind the first, whose smallest power of two is `least`. */
static uint64_t nearest(const struct jacinth_number* number, int fraction, long least, bool* out_of_range) {
    uint64_t infinity = (uint64_t)(2 - 2 * least + 1) << fraction;
    uint64_t bits = 0;
    if (number->kind == JACINTH_INFINITE) {
        bits = infinity;
    } else if (number->kind == JACINTH_NAN) {
        bits = infinity | 1ull << (fraction - 1);
    } else if (number->mantissa != 0) {
        long power = number->exponent + 63;
        long dropped = 63 - fraction + (power < least ? least - power : 0);
        uint64_t kept = dropped < 64 ? number->mantissa >> dropped : 0;
        /* What is cut off, its first bit and the others. */
        bool half = dropped <= 64 && (number->mantissa >> (dropped - 1) & 1) != 0;
        bool rest = number->inexact || dropped > 64 || (number->mantissa & ((1ull << (dropped - 1)) - 1)) != 0;
        /* The first bit of what is not among the smallest counts as one in the exponent. A carry goes there too. */
        bits = power < least ? kept : kept + ((uint64_t)(power - least) << fraction);
        bits += half && (rest || (kept & 1) != 0);
        bits = power > 2000 || bits > infinity ? infinity : bits;
        *out_of_range = bits == infinity || ((half || rest) && bits >> fraction == 0);
    }
    return bits;
}

double __jacinth_to_double(const struct jacinth_number* number, bool* out_of_range) {
    uint64_t bits = nearest(number, 52, -1022, out_of_range) | (uint64_t)number->negative << 63;
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

float __jacinth_to_float(const struct jacinth_number* number, bool* out_of_range) {
    uint32_t bits = (uint32_t)nearest(number, 23, -126, out_of_range) | (uint32_t)number->negative << 31;
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static struct jacinth_number read_all(const char* text, char** end) {
    const char* at = text;
    while (isspace((unsigned char)*at)) {
        at++;
    }
    struct jacinth_number number = __jacinth_read_number(at, SIZE_MAX);
    if (end != NULL) {
        *end = (char*)(number.length == 0 ? text : at + number.length);
    }
    if (number.length == 0) {
        number = (struct jacinth_number){0};
    }
    return number;
}

double strtod(const char* restrict text, char** restrict end) {
    struct jacinth_number number = read_all(text, end);
    bool out_of_range = false;
    double value = __jacinth_to_double(&number, &out_of_range);
    if (out_of_range) {
        errno = ERANGE;
    }
    return value;
}

float strtof(const char* restrict text, char** restrict end) {
    struct jacinth_number number = read_all(text, end);
    bool out_of_range = false;
    float value = __jacinth_to_float(&number, &out_of_range);
    if (out_of_range) {
        errno = ERANGE;
    }
    return value;
}

double atof(const char* text) { return strtod(text, NULL); }
